//! Papers: forms that are numbered and counted when they are printed, papers attached to vouchers, and the books that a
//! finance office keeps; on both databases.

use ankuan::access::{self, Acting};
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::flows::candidates::{What, candidates, lines_before};
use ankuan::papers::attached::{self, AttachmentKind};
use ankuan::papers::load::load;
use ankuan::papers::{self, Form, PaperKind, Print};
use ankuan::receipts::NewReceipt;
use ankuan::receipts::cash::{self, NewCash};
use ankuan::report::books::{account_lines, days, general_ledger, voucher_sums, vouchers, vouchers_without_paper};
use ankuan::report::{find_account, find_voucher, trial_balance};
use ankuan::{Language, Outcome};
use ankuan_ledger::{Amount, Side};
use jiff::civil::{Date, date};

use crate::circle::{Circle, PROFILE, shown};
use crate::court::{ADMIN, BOOK, COURT, Court, FINANCE, HANDLER, KEEPER, NUMBER, TODAY, at, code};
use crate::support::Database;

fn keys() -> (Keys, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = Keys::create(&folder.path().join("court.key"), &mut Randomness::seeded(1)).expect("keys");
    (keys, folder)
}

fn form(court: &mut Court, keys: &Keys, kind: PaperKind, subject: &str) -> Outcome<Form> {
    load(&mut court.store.snapshot()?, keys, COURT, kind, subject, TODAY)
}

fn print(court: &mut Court, keys: &Keys, who: &str, kind: PaperKind, subject: &str) -> Outcome<Print> {
    court.act(who, |tx, acting, _| {
        let form = load(tx, keys, COURT, kind, subject, acting.date)?;
        papers::print(tx, acting, &form)
    })
}

fn is_sound(court: &mut Court, keys: &Keys) {
    let report = ankuan::audit::verify_court(&mut court.store, COURT, Some(keys), &[], &mut |_| ()).expect("verifies");
    assert!(report.ok(), "{:?}", report.checks);
}

fn forms_are_numbered_and_counted(database: &Database) {
    let mut court = Court::open(database);
    let (keys, _folder) = keys();
    let case = court.case(NUMBER);
    let mut receive = |reference, minor, case: Option<&_>| {
        court.receive(reference, minor, case).expect("received").receipt().receipt_id.to_string()
    };
    let (first, second) = (receive("B-1", 10_700_053, Some(&case)), receive("B-2", 5_000, None));
    let second_officer = court.person(KEEPER);
    for minor in [30_000, 40_000] {
        court
            .act(HANDLER, |tx, acting, chart| {
                let (amount, second_officer) = (Amount::from_minor(minor), &second_officer);
                let new =
                    NewCash { case: &case, payer_name: "李四", amount, purpose: "当场履行", second_officer };
                cash::take(tx, acting, chart, &new)
            })
            .expect("taken");
    }

    // The first print gives the number, every later one counts; each kind has its own numbers.
    let told = |print: &Print| (print.number.clone(), print.print_no);
    let mut prints = |kind, subject: &str| print(&mut court, &keys, FINANCE, kind, subject).expect("prints");
    let original = prints(PaperKind::Receipt, &second);
    let reprint = prints(PaperKind::Receipt, &second);
    assert_eq!(told(&original), ("SK2026-0001".to_owned(), 1));
    assert_eq!(told(&reprint), ("SK2026-0001".to_owned(), 2));
    assert_eq!(told(&prints(PaperKind::Receipt, &first)), ("SK2026-0002".to_owned(), 1));
    assert_eq!(told(&prints(PaperKind::CashReceipt, "X2026-0002")), ("XJ2026-0001".to_owned(), 1));
    let void_later = prints(PaperKind::CashReceipt, "X2026-0001");
    assert_eq!(told(&void_later), ("XJ2026-0002".to_owned(), 1));
    // One subject in two spellings is one form.
    let by_id = prints(PaperKind::Deposit, &case.case_id.to_string());
    assert_eq!((by_id.number.as_str(), prints(PaperKind::Deposit, NUMBER).print_no), ("TC2026-0001", 2));

    // The digest is of what the form says: the same of a reprint, another when the books say something else.
    assert_eq!(original.digest, reprint.digest);
    let void = |court: &mut Court| {
        court.act(KEEPER, |tx, acting, chart| cash::void(tx, acting, chart, "X2026-0001", "写错金额"))
    };
    void(&mut court).expect("void");
    let voided = form(&mut court, &keys, PaperKind::CashReceipt, "X2026-0001").expect("a form");
    assert_ne!(voided.digest(), void_later.digest);
    assert_eq!(voided.stamp.as_ref().map(|stamp| stamp.code), Some("forms.void"));
    let paper = papers::template::document(&voided, Some(&void_later), Language::Zh);
    assert!(paper.contains("作废") && paper.contains("不再一致") && paper.contains("人民币叁佰元整"), "{paper}");
    // Language is no part of it, and nobody's name becomes markup.
    assert_eq!(form(&mut court, &keys, PaperKind::Receipt, &second).expect("a form").digest(), original.digest);

    // Who only looks prints nothing, and nothing is numbered for a form that there is not.
    assert_eq!(code(print(&mut court, &keys, ADMIN, PaperKind::Receipt, &first)), "forms.print_role");
    assert_eq!(code(print(&mut court, &keys, FINANCE, PaperKind::Receipt, "九")), "forms.subject");
    assert_eq!(code(print(&mut court, &keys, FINANCE, PaperKind::PayoutSheet, "999999")), "sheets.unknown");
    assert_eq!(code(print(&mut court, &keys, FINANCE, PaperKind::Pause, "999999")), "deadlines.pause_unknown");
    assert_eq!(code(print(&mut court, &keys, FINANCE, PaperKind::Transmittal, "P2026-0009")), "runs.unknown");
    is_sound(&mut court, &keys);
}

fn papers_are_attached_to_vouchers(database: &Database) {
    let mut court = Court::open(database);
    let (keys, folder) = keys();
    court.receive("B-1", 5_000, None).expect("received");
    court.receive("B-2", 6_000, None).expect("received");
    let open = |court: &mut Court, kind: &str| {
        let mut tx = court.store.snapshot().expect("reads");
        let found = vouchers_without_paper(&mut tx, BOOK, ("2026-11", kind), 100).expect("vouchers");
        found.into_iter().map(|voucher| voucher.voucher_id).collect::<Vec<_>>()
    };
    let without = open(&mut court, "");
    assert_eq!((without.len(), open(&mut court, "payment").len()), (2, 0));
    let path = folder.path().join("回单 1.pdf");
    std::fs::write(&path, b"%PDF-1.7 a receipt").expect("writes");
    let empty = folder.path().join("empty.pdf");
    std::fs::write(&empty, b"").expect("writes");
    let attach = |court: &mut Court, who: &str, voucher: i64, path: &std::path::Path| {
        let mut randomness = Randomness::seeded(7);
        court.act(who, |tx, acting, _| {
            attached::attach(tx, acting, &keys, &mut randomness, (voucher, AttachmentKind::ReceiptOfBank), path)
        })
    };
    assert_eq!(code(attach(&mut court, HANDLER, without[0], &path)), "forms.attach_role");
    assert_eq!(code(attach(&mut court, FINANCE, 999_999, &path)), "report.voucher_unknown");
    assert_eq!(code(attach(&mut court, FINANCE, without[0], &empty)), "forms.attach_size");
    let (_, document) = attach(&mut court, FINANCE, without[0], &path).expect("attached");
    assert_eq!(code(attach(&mut court, KEEPER, without[0], &path)), "forms.attached_already");
    assert_eq!(open(&mut court, "receipt"), without[1..]);
    {
        let mut tx = court.store.snapshot().expect("reads");
        let (name, bytes) = attached::read(&mut tx, &keys, BOOK, without[0], document).expect("the paper");
        assert_eq!((name.as_str(), bytes.as_slice()), ("回单 1.pdf", b"%PDF-1.7 a receipt".as_slice()));
        assert_eq!(code(attached::read(&mut tx, &keys, BOOK, without[1], document)), "forms.paper_unknown");
        assert_eq!(attached::counts(&mut tx, BOOK).expect("counts").get(&without[0]), Some(&1));
    }
    is_sound(&mut court, &keys);
    // Bytes that were changed are found.
    let mut tx = court.store.begin().expect("begins");
    tx.execute(
        "UPDATE document_chunk SET content = $1 WHERE court_id = $2",
        &[ankuan_ledger::engine::Value::Bytes(b"forged"), COURT.into()],
    )
    .expect("a state may change");
    tx.commit().expect("commits");
    let report = ankuan::audit::verify_court(&mut court.store, COURT, Some(&keys), &[], &mut |_| ()).expect("verifies");
    assert!(report.checks.iter().any(|check| check.name == "documents" && !check.ok()), "{:?}", report.checks);
}

/// Money on a day, posted with that day as the accounting date.
fn receive_on(court: &mut Court, reference: &str, minor: i64, on: Date) {
    let bank_account = court.bank_account();
    let mut tx = court.store.begin().expect("begins");
    let actor = access::find_actor(&mut tx, COURT, FINANCE).expect("known");
    let new = NewReceipt {
        bank_account: &bank_account,
        bank_reference: reference,
        value_date: on,
        arrived_on: on,
        amount: Amount::from_minor(minor),
        payer_name: "李四",
        case_id: None,
        sub_account: None,
        remark: "=1+1",
    };
    let acting = Acting { actor, at: at(), date: on };
    ankuan::receipts::record_receipt(&mut tx, &acting, &court.chart, &new).expect("received");
    tx.commit().expect("commits");
}

fn the_journal_closes_every_day(database: &Database) {
    let mut court = Court::open(database);
    // Recorded out of the order of their dates, as late facts are.
    let received = [
        ("A", 500, date(2026, 11, 22)),
        ("B", 70, date(2026, 11, 20)),
        ("C", 9, date(2026, 11, 22)),
        ("D", 1_000, date(2026, 11, 3)),
    ];
    for (reference, minor, on) in received {
        receive_on(&mut court, reference, minor, on);
    }
    let mut tx = court.store.snapshot().expect("reads");
    let code = tx
        .query_one("SELECT code FROM account WHERE court_id = $1 AND kind = 'bank'", &[COURT.into()], |row| {
            Ok(row.text(0)?.to_owned())
        })
        .expect("the bank deposit");
    let account = find_account(&mut tx, BOOK, &code).expect("known");
    let month = (date(2026, 11, 1), TODAY);
    let by_day = days(&mut tx, BOOK, &account, month).expect("days");
    assert_eq!(by_day.len(), 3);
    for day in &by_day {
        let as_of = trial_balance(&mut tx, BOOK, day.date, day.date).expect("balances");
        let line = as_of.lines.iter().find(|line| line.account.code == code).expect("the bank deposit");
        assert_eq!(line.closing.debit, day.balance, "{}", day.date);
    }
    assert_eq!(by_day.last().map(|day| day.balance.minor()), Some(1_579));

    // Page by page the same lines with the same balances as all at once; the last of a day has the day's.
    let all = account_lines(&mut tx, BOOK, &account, month, None, 100).expect("lines");
    assert_eq!((all.opening, all.next), (Amount::ZERO, None));
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = account_lines(&mut tx, BOOK, &account, month, after, 1).expect("a page");
        paged.extend(page.lines);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.lines);
    for day in &by_day {
        let last = all.lines.iter().rev().find(|line| line.place.date == day.date).expect("a line");
        assert_eq!(last.after, day.balance);
    }
    // What came before the period is its opening.
    let later =
        account_lines(&mut tx, BOOK, &account, (date(2026, 11, 20), date(2026, 11, 20)), None, 100).expect("lines");
    assert_eq!((later.opening.minor(), later.lines.len()), (1_000, 1));

    // The vouchers' forms tie, and the general ledger ends where the trial balance does.
    let listed = vouchers(&mut tx, BOOK, ("2026-11", "receipt"), 0, 100).expect("vouchers");
    assert_eq!(listed.iter().map(|voucher| voucher.number).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for voucher in &listed {
        let found = find_voucher(&mut tx, BOOK, voucher.voucher_id).expect("a voucher");
        let sums = voucher_sums(&mut tx, BOOK, &found).expect("sums");
        let of = |side| Amount::sum(sums.iter().filter(|sum| sum.side == side).map(|sum| sum.amount));
        assert_eq!((of(Side::Debit), of(Side::Credit)), (Some(voucher.total), Some(voucher.total)));
    }
    let general = general_ledger(&mut tx, BOOK, 2026).expect("the general ledger");
    let bank = general.iter().find(|kind| kind.kind == "bank").expect("the bank");
    assert_eq!(bank.months.last().map(|(_, _, balance)| balance.debit.minor()), Some(1_579));
    let next_year = general_ledger(&mut tx, BOOK, 2027).expect("the general ledger");
    assert!(
        next_year
            .iter()
            .any(|kind| kind.kind == "bank" && kind.opening.debit.minor() == 1_579 && kind.months.is_empty())
    );
}

fn an_open_line_stands_beside_what_it_could_be(database: &Database) {
    let mut circle = Circle::open(database, 2, PROFILE);
    circle.court.receive("BY-HAND", 90_000, None).expect("received");
    circle.court.receive("OTHER", 123, None).expect("received");
    circle.bring(0, &[shown("SHOWN", 90_000).name("王五"), shown("STRANGE", 555).name("赵六")]);
    let (line, strange) = (circle.line("SHOWN"), circle.line("STRANGE"));
    let account = circle.court.bank_account();
    let mut tx = circle.court.store.snapshot().expect("reads");
    let line = ankuan::statements::find_line(&mut tx, COURT, line).expect("a line");
    let found = candidates(&mut tx, COURT, &line).expect("candidates");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(matches!(found[0].what, What::Receipt(_)));
    let points = found[0].points(&line);
    let agrees = |code: &str| points.iter().find(|point| point.label.code == code).map(|point| point.agrees);
    assert_eq!((agrees("column.amount"), agrees("bank_reconciliation.party")), (Some(true), Some(false)));
    let strange = ankuan::statements::find_line(&mut tx, COURT, strange).expect("a line");
    assert_eq!(candidates(&mut tx, COURT, &strange).expect("candidates"), []);

    // Page by page, newest first, each line once.
    let mut seen = Vec::new();
    let mut before = i64::MAX;
    loop {
        let page = lines_before(&mut tx, COURT, account.bank_account_id, (before, false), 1).expect("a page");
        let Some(one) = page.first() else { break };
        assert!(one.found.is_none());
        before = one.line.bank_line_id;
        seen.push(before);
    }
    assert_eq!(seen, [strange.bank_line_id, line.bank_line_id]);
}

crate::on_both!(
    forms_are_numbered_and_counted,
    papers_are_attached_to_vouchers,
    the_journal_closes_every_day,
    an_open_line_stands_beside_what_it_could_be
);
