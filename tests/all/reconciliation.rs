//! The circle: released files → the practice bank → answers and statements → matched, settled, returned, paid again →
//! a bank reconciliation statement that ties.

use std::path::PathBuf;

use ankuan::access::{self, Role};
use ankuan::bank_sim::{Debit, Options, ReplyFormat, StatementFormat};
use ankuan::chart;
use ankuan::claims::events;
use ankuan::flows::by_hand::{BySaying, Says, match_line};
use ankuan::flows::undo::{Undoes, undo};
use ankuan::payouts::reissue::{self, NewReissue};
use ankuan::payouts::sent::Answer;
use ankuan::payouts::sent::Standing::{self, Debited, Failed, Out, Returned};
use ankuan::payouts::{release, runs};
use ankuan::report::bank_reconciliation::Side;
use ankuan::report::desk::desk;
use ankuan::signoff;
use ankuan::statements::balance::bank_side;
use ankuan::statements::days::{DayStep, closed_until, day_events};
use ankuan_ledger::{Act, Amount, EntryNo, VoucherHead, VoucherKind};

use crate::circle::{Circle, PAIN, PROFILE, files_of, pot, shown};
use crate::court::{ADMIN, BOOK, COURT, FINANCE, HANDLER, HEAD, KEEPER, TODAY, at, code};
use crate::support::Database;

/// The whole circle with one style of the bank.
fn circle(database: &Database, profile: &str, debit: Debit, reply: ReplyFormat, statement: StatementFormat) {
    let claimants = 40;
    let mut circle = Circle::open(database, claimants, profile);
    let pot = pot(claimants);
    assert_eq!(circle.in_transit(), pot);
    let options = Options { reject: 100, returned: 100, debit, reply, statement, ..circle.options() };
    let incoming = format!("{}.{:02},李四,案款,FT-POT,\n", pot / 100, pot % 100);
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, &incoming);
    let mut left = Vec::new();
    for day in 0..=3 {
        left.extend(circle.bank_day(&bank, day).left);
    }
    assert!(left.is_empty(), "{debit:?} {reply:?} {statement:?}: {left:#?}");
    // Nothing is on its way any more, and what came back is owed again, each payment to its own payee.
    assert_eq!(circle.in_transit(), 0, "{debit:?} {reply:?} {statement:?}");
    let back = circle.returned();
    assert!(!back.is_empty());
    let owed: i64 = back.iter().map(|one| one.payment.amount.minor()).sum();
    let case = circle.case.case_id;
    assert_eq!(circle.balance(&format!("P-{case}")), owed);
    let truth = std::fs::read_to_string(bank.join("truth.json")).expect("the truth");
    let truth: serde_json::Value = serde_json::from_str(&truth).expect("reads");
    for one in &back {
        let fate = truth["lines"]
            .as_array()
            .expect("lines")
            .iter()
            .find(|line| line["line_key"] == one.payment.key.as_str())
            .expect("the line");
        assert_ne!(fate["fate"], "paid", "{fate}");
    }
    let found = circle.statement(2);
    assert!(found.ties() && found.items.is_empty(), "{found:#?}");

    // Nobody has corrected an account yet.
    let account = circle.court.bank_account();
    let new = NewReissue { bank_account_id: account.bank_account_id, run: None, case_id: None };
    let refused = circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new));
    assert_eq!(code(refused), "reissue.not_corrected");
    circle.correct_accounts();
    let sources = circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new)).expect("records");
    // A second reissue of the same finds nothing: never two open payments for one debt.
    let refused = circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new));
    assert_eq!(code(refused), "reissue.nothing");
    let again = circle.send(&sources, profile);
    assert_eq!(circle.balance(&format!("P-{case}")), 0);
    assert_eq!(circle.in_transit(), owed);
    assert!(circle.returned().is_empty());
    let from = circle.date(4);
    let options =
        Options { opening: Some(Amount::from_minor(owed)), from, debit, reply, statement, ..circle.options() };
    let bank = circle.bank(&again, &options, "");
    for day in 4..=5 {
        assert!(circle.bank_day(&bank, day).left.is_empty());
    }
    assert_eq!(circle.in_transit(), 0);
    let found = circle.statement(4);
    assert!(found.ties() && found.items.is_empty() && found.bank == Amount::ZERO, "{found:#?}");
}

fn the_circle_ties_in_every_style_of_the_bank(database: &Database) {
    circle(database, PROFILE, Debit::Whole, ReplyFormat::Csv, StatementFormat::Csv);
}

fn the_circle_ties_with_less_failed(database: &Database) {
    circle(database, PAIN, Debit::LessFailed, ReplyFormat::Pain002, StatementFormat::Camt053);
}

fn the_circle_ties_line_by_line(database: &Database) {
    circle(database, PROFILE, Debit::Each, ReplyFormat::Csv, StatementFormat::Camt053);
}

/// Importing again, whatever comes twice, changes nothing.
fn what_comes_twice_changes_nothing(database: &Database) {
    let mut circle = Circle::open(database, 30, PROFILE);
    let options = Options {
        reject: 100,
        returned: 100,
        reply: ReplyFormat::Both,
        statement: StatementFormat::Both,
        ..circle.options()
    };
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "3004.65,李四,案款,FT-POT,\n");
    for day in 0..=3 {
        circle.bank_day(&bank, day);
    }
    let (before, balance) = (circle.statement(3), circle.in_transit());
    for day in 0..=3 {
        for path in files_of(&bank.join(circle.date(day).to_string())) {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            if name.contains("-reply-") {
                assert!(circle.reply(&path).expect("reads").already, "{name}");
            } else {
                assert!(circle.import(FINANCE, &path).expect("reads").already, "{name}");
            }
        }
    }
    let matched = circle.reconcile();
    assert_eq!((matched.lines, matched.matched), (0, 0));
    assert_eq!((circle.statement(3), circle.in_transit()), (before, balance));
}

/// Undo restores: the line is open, the payments stand where they stood, and matching again gives the same.
fn undo_restores(database: &Database) {
    let mut circle = Circle::open(database, 20, PROFILE);
    let options = Options { reject: 100, returned: 100, ..circle.options() };
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "2002.10,李四,案款,FT-POT,\n");
    circle.day = 0;
    let day0 = bank.join(circle.date(0).to_string());
    for path in files_of(&day0) {
        if path.to_string_lossy().contains("-reply-") {
            circle.reply(&path).expect("an answer");
        } else {
            circle.import(FINANCE, &path).expect("a statement");
        }
    }
    let transit = circle.in_transit();
    let first = circle.reconcile();
    assert!(first.matched > 0);
    let after = (circle.statement(0), circle.in_transit());
    let lines: Vec<i64> = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        tx.query(
            "SELECT bank_line_id FROM line_match WHERE court_id = $1 AND book_id = $2 ORDER BY bank_line_id DESC",
            &[COURT.into(), BOOK.book_id.into()],
            |row| row.int(0),
        )
        .expect("reads")
    };
    let refused = circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(lines[0]), " "));
    assert_eq!(code(refused), "flows.reason_missing");
    for line in lines {
        let done = circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(line), "看错了"));
        // A line that went with another's group is open already.
        if let Err(failure) = done {
            assert_eq!(code::<()>(Err(failure)), "flows.not_matched");
        }
    }
    assert_eq!(circle.in_transit(), transit);
    assert!(!circle.statement(0).items.is_empty());
    let again = circle.reconcile();
    assert_eq!(again.matched, first.matched);
    assert_eq!((circle.statement(0).ties(), circle.in_transit()), (after.0.ties(), after.1));
    assert_eq!(circle.statement(0).items, after.0.items);
}

/// A missing day shows as a gap and blocks the sign-off; with it imported, the day can be signed by two people, neither
/// of whom fetched the statement, and nothing is posted into it afterwards.
fn days_are_signed_by_two_and_stay_closed(database: &Database) {
    let mut circle = Circle::open(database, 20, PROFILE);
    let options = Options { returned: 200, reject: 100, return_after: 1, ..circle.options() };
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "2002.10,李四,案款,FT-POT,\n");
    circle.day = 2;
    let statements: Vec<PathBuf> = (0..=2)
        .flat_map(|day| files_of(&bank.join(circle.date(day).to_string())))
        .filter(|path| !path.to_string_lossy().contains("-reply-"))
        .collect();
    for day in 0..=2 {
        for path in files_of(&bank.join(circle.date(day).to_string())) {
            if path.to_string_lossy().contains("-reply-") {
                circle.reply(&path).expect("an answer");
            }
        }
    }
    assert!(statements.len() >= 2, "{statements:?}");
    let (account, day) = (circle.court.bank_account(), circle.date(1));
    let prepare = |circle: &mut Circle, who: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, chart| signoff::prepare(tx, acting, chart, &account, day))
    };
    assert_eq!(code(prepare(&mut circle, KEEPER)), "signoff.no_statement");
    for path in statements.iter().skip(1) {
        circle.import(FINANCE, path).expect("a statement");
    }
    let first = statements[0].clone();
    let without = circle.statement(1);
    circle.import(FINANCE, &first).expect("the missing day");
    let with = circle.statement(1);
    assert!(!without.ties() || without.bank_says == with.bank_says);
    let matched = circle.reconcile();
    assert!(matched.left.is_empty(), "{:?}", matched.left);

    // What pages offer is what the room would take: of whom, and in which state.
    let offered = |circle: &mut Circle, who: &str| {
        let account_id = account.bank_account_id;
        let read = circle.act(who, |tx, acting, _, _, _| {
            let events = day_events(tx, COURT, account_id)?;
            let fetchers = bank_side(tx, COURT, account_id)?.fetchers(closed_until(&events), day);
            let standings: Vec<_> = access::roles_of(tx, &acting.actor, acting.today())?.into_iter().collect();
            Ok(signoff::open_steps(&events, &fetchers, day, acting.actor.person_id, &standings))
        });
        read.expect("reads")
    };
    let desk_days = |circle: &mut Circle, who: &str| {
        let read = circle.act(who, |tx, acting, _, _, _| {
            let standings: Vec<_> = access::roles_of(tx, &acting.actor, acting.today())?.into_iter().collect();
            desk(tx, &acting.actor, &standings, acting.today())
        });
        read.expect("reads").days.into_iter().map(|open| (open.day, open.next)).collect::<Vec<_>>()
    };
    assert_eq!(offered(&mut circle, KEEPER), [DayStep::Prepared]);
    assert!(offered(&mut circle, FINANCE).is_empty() && offered(&mut circle, HEAD).is_empty());
    assert!(desk_days(&mut circle, FINANCE).is_empty(), "who fetched the statement does not prepare it");
    assert!(matches!(desk_days(&mut circle, KEEPER)[..], [(_, DayStep::Prepared)]));
    assert_eq!(code(prepare(&mut circle, FINANCE)), "signoff.fetched_it");
    prepare(&mut circle, KEEPER).expect("prepares");
    assert_eq!(offered(&mut circle, FINANCE), [DayStep::Reviewed]);
    assert_eq!(offered(&mut circle, KEEPER), [DayStep::Prepared]);
    let close = |circle: &mut Circle, who: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, chart| signoff::close(tx, acting, chart, &account, day))
    };
    let review = |circle: &mut Circle, who: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, chart| signoff::review(tx, acting, chart, &account, day))
    };
    assert_eq!(code(close(&mut circle, FINANCE)), "signoff.not_reviewed");
    assert_eq!(code(review(&mut circle, KEEPER)), "signoff.same_person");
    review(&mut circle, FINANCE).expect("reviews");
    close(&mut circle, FINANCE).expect("closes");
    assert_eq!(offered(&mut circle, FINANCE), [DayStep::ReopeningAsked]);
    assert!(offered(&mut circle, HEAD).is_empty(), "whoever agrees waits until somebody asks");
    circle.day = 1;
    let late = circle.act(FINANCE, |tx, acting, _, _, chart| {
        let bank_account = chart::find_bank_account(tx, COURT, None)?;
        let new = ankuan::receipts::NewReceipt {
            bank_account: &bank_account,
            bank_reference: "LATE",
            value_date: acting.date,
            arrived_on: acting.date,
            amount: Amount::from_minor(1),
            payer_name: "",
            case_id: None,
            sub_account: None,
            remark: "",
        };
        ankuan::receipts::record_receipt(tx, acting, chart, &new)
    });
    assert_eq!(code(late), "signoff.day_closed");
    circle.day = 2;
    let reopen = |circle: &mut Circle, who: &str, reason: &str| {
        let account = account.clone();
        circle.act(who, |tx, acting, _, _, _| signoff::reopen(tx, acting, &account, day, reason))
    };
    assert_eq!(code(reopen(&mut circle, FINANCE, "")), "signoff.reason_missing");
    reopen(&mut circle, FINANCE, "补记").expect("asks");
    assert_eq!(code(reopen(&mut circle, FINANCE, "")), "signoff.same_person");
    assert!(offered(&mut circle, FINANCE).is_empty());
    assert_eq!(desk_days(&mut circle, HEAD), [(day, DayStep::Reopened)], "it stands on the desk of who agrees");
    reopen(&mut circle, HEAD, "").expect("agrees");
    assert!(desk_days(&mut circle, HEAD).is_empty() && offered(&mut circle, HEAD).is_empty());
    assert_eq!(code(close(&mut circle, FINANCE)), "signoff.not_reviewed");
}

/// A corrupted answer is caught: a changed amount, an answer that contradicts an earlier one.
fn corrupted_answers_are_caught(database: &Database) {
    let mut circle = Circle::open(database, 10, PROFILE);
    let options = circle.options();
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "1000.55,李四,案款,FT-POT,\n");
    let day0 = bank.join(circle.date(0).to_string());
    let reply = files_of(&day0).into_iter().find(|path| path.to_string_lossy().contains("-reply-")).expect("an answer");
    let bytes = std::fs::read(&reply).expect("reads");
    let text = encoding_rs::GB18030.decode(&bytes).0.into_owned();
    let changed = circle.folder.path().join("changed.csv");
    let write = |text: &str| {
        let (bytes, _, _) = encoding_rs::GB18030.encode(text);
        std::fs::write(&changed, bytes).expect("writes");
    };
    // One amount changed: the answer contradicts its own footer.
    write(&text.replacen("100.01", "200.01", 1));
    assert_eq!(code(circle.reply(&changed)), "replies.totals_differ");
    // Footer changed as well: the amount differs from what was sent, and the line does not count.
    let without_footer: String =
        text.lines().filter(|line| !line.starts_with("合计")).map(|line| format!("{line}\r\n")).collect();
    write(&without_footer.replacen("100.01", "200.01", 1));
    let imported = circle.reply(&changed).expect("reads");
    assert_eq!((imported.conflicts.len(), imported.paid.count), (1, 9));
    assert_eq!(imported.conflicts[0].message.code, "replies.conflict_amount");
    // The true answer: nine say the same again, one is new.
    let imported = circle.reply(&reply).expect("reads");
    assert_eq!((imported.paid.count, imported.repeated, imported.conflicts.len()), (1, 9, 0));
    // An answer that says the contrary does not count.
    write(&without_footer.replacen(",00,", ",01,", 1));
    let imported = circle.reply(&changed).expect("reads");
    assert_eq!(imported.conflicts[0].message.code, "replies.conflict_answered_before");
}

/// A line matched by hand must agree with what it is matched with.
fn by_hand_amounts_must_agree(database: &Database) {
    let mut circle = Circle::open(database, 5, PROFILE);
    let options = circle.options();
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, "500.15,李四,案款,OTHER,\n7.00,王五,不明,X1,\n");
    let day0 = bank.join(circle.date(0).to_string());
    for path in files_of(&day0).into_iter().filter(|path| !path.to_string_lossy().contains("-reply-")) {
        circle.import(FINANCE, &path).expect("a statement");
    }
    let mut lines: Vec<(i64, i64)> = Vec::new();
    {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let account = chart::find_bank_account(&mut tx, COURT, None).expect("one");
        ankuan::statements::each_open_line(&mut tx, COURT, account.bank_account_id, &mut |line| {
            lines.push((line.bank_line_id, line.amount.minor()));
            Ok(())
        })
        .expect("reads");
    }
    let line = |minor: i64| lines.iter().find(|line| line.1 == minor).expect("the line").0;
    let account = circle.court.bank_account();
    let keeper = circle.court.person(KEEPER);
    let set_by = |circle: &mut Circle, line: i64, says: &Says<'_>, second: bool| {
        let account = account.clone();
        let said = BySaying { says, evidence: "回单", confirmed_by: second.then_some(&keeper) };
        circle.act(FINANCE, |tx, acting, _, _, chart| match_line(tx, acting, chart, &account, line, &said))
    };
    let set = |circle: &mut Circle, line: i64, says: &Says<'_>| set_by(circle, line, says, false);
    let pot = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        ankuan::receipts::receipts(&mut tx, BOOK).expect("reads")[0].receipt_id
    };
    assert_eq!(code(set(&mut circle, line(700), &Says::Receipts(&[pot]))), "flows.amount_differs");
    assert_eq!(code(set(&mut circle, line(700), &Says::Charges)), "flows.not_a_debit");
    assert_eq!(code(set(&mut circle, line(50_015), &Says::Receipts(&[pot, pot]))), "flows.receipt_matched");
    set(&mut circle, line(50_015), &Says::Receipts(&[pot])).expect("links");
    assert_eq!(code(set(&mut circle, line(50_015), &Says::Receipts(&[pot]))), "flows.line_not_open");
    assert_eq!(code(set(&mut circle, line(700), &Says::Interest)), "flows.second_person");
    set_by(&mut circle, line(700), &Says::Interest, true).expect("the bank's");
    let file = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let run = runs::find_run(&mut tx, COURT, &run).expect("known");
        release::files_of_run(&mut tx, COURT, run.run_id).expect("reads")[0].name.clone()
    };
    set(&mut circle, line(-50_015), &Says::File(&file)).expect("debited");
    assert_eq!(circle.in_transit(), 0);
    assert!(circle.statement(0).ties());
    assert!(circle.returned().iter().all(|one| one.payment.standing != Standing::Out));
}

/// What came back of a claim that has heirs by now, or is disputed, is listed and waits for a person: nobody else's
/// account would be right.
fn heirs_and_disputes_are_not_paid_again_by_themselves(database: &Database) {
    let mut circle = Circle::open(database, 4, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    circle.bring(0, &[shown("POT", pot(4)).name("李四"), shown("D", -pot(4))]);
    circle.bring(1, &[0, 1, 2].map(|n| shown(["R1", "R2", "R3"][n], 10_001 + n as i64).key(&keys[n])));
    assert_eq!(circle.reconcile().returned.count, 3);
    circle.correct_accounts();
    let claims: Vec<i64> = circle.returned().iter().map(|one| one.claim_id).collect();
    circle.record_heirs(claims[0]);
    circle.change(claims[1], |tx, acting, _, _, said| events::dispute_claim(tx, acting, said)).expect("disputes");
    let back = circle.returned();
    let seen: Vec<_> =
        back.iter().map(|one| (one.detail_id.is_some(), one.blocked.as_deref(), one.is_corrected())).collect();
    assert_eq!(seen, [(false, None, false), (true, Some("disputed"), true), (true, None, true)]);
    let account = circle.court.bank_account().bank_account_id;
    let new = NewReissue { bank_account_id: account, run: None, case_id: None };
    let record = |circle: &mut Circle| circle.act(HANDLER, |tx, acting, _, _, _| reissue::record(tx, acting, &new));
    // The third alone is paid again.
    let sources = record(&mut circle).expect("records");
    assert_eq!(code(record(&mut circle)), "reissue.not_corrected");
    circle.send(&sources, PROFILE);
    assert_eq!(circle.in_transit(), 10_003);
    assert_eq!(circle.standings(), [Returned, Returned, Standing::Reissued, Debited]);
    // The dispute is settled: now the second is, too; the heirs' part stays with a person.
    circle.change(claims[1], |tx, acting, _, _, said| events::confirm_claim(tx, acting, said)).expect("confirms");
    let sources = record(&mut circle).expect("records");
    circle.send(&sources, PROFILE);
    assert_eq!(circle.in_transit(), 10_003 + 10_002);
    assert_eq!(code(record(&mut circle)), "reissue.not_corrected");
    assert_eq!(circle.standings()[0], Returned);
}

/// "Matched later" explains an item whose match comes out even on another day, and no other.
fn only_an_even_match_explains(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    circle.court.receive("HAND", 300, Some(&case)).expect("records");
    circle.bring(0, &[shown("HAND", 300), shown("LATER", 700)]);
    let receipt = circle.receipts()[0].receipt_id;
    circle.set("HAND", &Says::Receipts(&[receipt])).expect("links");
    circle.day = 1;
    circle.reconcile();
    // Booked on day 0, in the books from day 1.
    let found = circle.statement(0);
    assert_eq!((found.items.len(), found.unexplained(), found.ties()), (1, 0, true), "{found:#?}");
    let explained = found.items[0].explained.as_ref().map(|message| message.code);
    assert_eq!(explained, Some("bank_reconciliation.matched_later"));
    assert!(circle.statement(1).items.is_empty());
    // An older program reversed the receipt behind its match: the match never comes out even.
    let mut tx = circle.court.store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOK, "test", 5, at()).expect("opens");
    let head = VoucherHead {
        kind: VoucherKind::Transfer,
        accounting_date: TODAY,
        event: "reversal",
        summary: "x",
        attachments: 0,
    };
    act.begin_voucher(&mut tx, &head).expect("begins");
    act.reverse(&mut tx, EntryNo(1)).expect("reverses");
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    let line = circle.line("HAND");
    let owner = circle.court.person(FINANCE);
    circle
        .act(FINANCE, |tx, acting, _, _, _| {
            ankuan::statements::notes::note(tx, acting, line, &owner, ("在查", ""), false)
        })
        .expect("notes");
    for day in [0, 1] {
        let found = circle.statement(day);
        let item = found.items.iter().find(|item| item.reference == "HAND").expect("is open");
        assert_eq!((item.side, item.amount.minor(), item.is_matched), (Side::BankReceipt, 300, true));
        assert_eq!(item.explained, None, "neither its match nor a note explains it");
    }
    assert_eq!(code(circle.sign(KEEPER, 0, DayStep::Prepared)), "signoff.unexplained");
    circle.broken = vec!["matches"];
}

/// The statement says what was debited, whatever the answer said before.
fn the_statement_stands_above_the_answer(database: &Database) {
    let mut circle = Circle::open(database, 3, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    // Failed, says the answer; the statement shows it debited. Paid, says the answer of the second; it comes back.
    circle.answer_refused(&[&keys[0]]);
    circle.bring(0, &[shown("POT", pot(3)).name("李四"), shown("D1", -10_001).key(&keys[0])]);
    circle.reconcile();
    assert_eq!(circle.standings(), [Debited, Out, Out]);
    circle.bring(1, &[shown("D2", -10_002).key(&keys[1]), shown("D3", -10_003).key(&keys[2])]);
    circle.reconcile();
    circle.bring(2, &[shown("BACK", 10_002).key(&keys[1])]);
    let matched = circle.reconcile();
    assert_eq!((matched.returned.count, matched.failed.count, matched.left.len()), (1, 0, 0), "{matched:?}");
    assert_eq!(circle.standings(), [Debited, Returned, Debited]);
    assert_eq!(circle.sent()[1].answer, Answer::Paid);
    assert_eq!(circle.in_transit(), 0);
    let back = circle.returned();
    assert_eq!((back.len(), back[0].payment.key.as_str()), (1, keys[1].as_str()));
    assert!(circle.statement(2).ties() && circle.statement(2).items.is_empty());
}

/// Answers that contradict each other, in one file or in two, decide nothing that they do not agree on.
fn contradictory_answers_decide_nothing(database: &Database) {
    let mut circle = Circle::open(database, 3, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    let both = circle.write_answer(&[
        (&keys[0], 10_001, "00"),
        (&keys[0], 10_001, "01"),
        (&keys[1], 10_002, "01"),
        (&keys[2], 10_003, "02"),
    ]);
    let imported = circle.reply(&both).expect("reads");
    let codes: Vec<_> = imported.conflicts.iter().map(|conflict| conflict.message.code).collect();
    assert_eq!(codes, ["replies.conflict_twice", "replies.conflict_twice"]);
    let answers = |circle: &mut Circle| circle.sent().into_iter().map(|one| one.answer).collect::<Vec<_>>();
    assert_eq!(answers(&mut circle), [Answer::None, Answer::Failed, Answer::Unknown]);
    // The second file: what was open is decided, what was decided stays.
    let second = circle.write_answer(&[(&keys[0], 10_001, "00"), (&keys[1], 10_002, "00"), (&keys[2], 10_003, "01")]);
    let imported = circle.reply(&second).expect("reads");
    let codes: Vec<_> = imported.conflicts.iter().map(|conflict| conflict.message.code).collect();
    assert_eq!(codes, ["replies.conflict_answered_before"]);
    assert_eq!(answers(&mut circle), [Answer::Paid, Answer::Failed, Answer::Failed]);
    // An answer alone moves no money.
    assert_eq!((circle.standings(), circle.in_transit()), (vec![Out; 3], pot(3)));
    // Debited without what failed, as both agree by now.
    circle.bring(0, &[shown("POT", pot(3)).name("李四"), shown("LESS", -10_001)]);
    assert_eq!(circle.reconcile().failed.count, 2);
    assert_eq!(circle.standings(), [Debited, Failed, Failed]);
    // The undo of the debit takes the failures with it.
    circle.undo("LESS").expect("undoes");
    assert_eq!((circle.standings(), circle.in_transit()), (vec![Out; 3], pot(3)));
    circle.reconcile();
    assert_eq!(circle.standings(), [Debited, Failed, Failed]);
}

/// A closed day closes all before it; opening one opens it and the later ones, by two people, for that day.
fn opening_a_day_opens_it_and_the_later_ones(database: &Database) {
    let mut circle = Circle::without_payout(database);
    for (day, reference) in [(0, "A"), (1, "B"), (2, "C"), (3, "D")] {
        circle.bring(day, &[shown(reference, 100 + day)]);
    }
    circle.reconcile();
    circle.close_day(2);
    for day in 0..=2 {
        assert_eq!(code(circle.sign(KEEPER, day, DayStep::Prepared)), "signoff.day_closed", "day {day}");
    }
    assert_eq!(code(circle.reopen(FINANCE, 3, "补记")), "signoff.not_closed");
    assert_eq!(code(circle.reopen(HANDLER, 1, "补记")), "access.role_missing");
    assert_eq!(code(circle.reopen(FINANCE, 1, " ")), "signoff.reason_missing");
    assert_eq!(circle.reopen(FINANCE, 1, "补记").expect("asks"), DayStep::ReopeningAsked);
    assert_eq!(code(circle.sign(KEEPER, 1, DayStep::Prepared)), "signoff.day_closed", "asked is not agreed");
    // Who agrees is the bureau head, to the day that was asked for: another day is asked for anew.
    assert_eq!(code(circle.reopen(KEEPER, 1, "")), "access.role_missing");
    assert_eq!(code(circle.reopen(HEAD, 0, "")), "access.role_missing");
    assert_eq!(circle.reopen(HEAD, 1, "").expect("agrees"), DayStep::Reopened);
    assert_eq!(code(circle.sign(KEEPER, 0, DayStep::Prepared)), "signoff.day_closed");
    assert_eq!(code(circle.undo("A")), "signoff.day_closed");
    circle.undo("B").expect("undoes");
    circle.reconcile();
    // What was signed before does not count any more.
    for day in [1, 2] {
        assert_ne!(code(circle.sign(FINANCE, day, DayStep::Closed)), "signoff.day_closed", "day {day}");
        assert_ne!(code(circle.sign(FINANCE, day, DayStep::Reviewed)), "signoff.day_closed", "day {day}");
    }
    assert_eq!(code(circle.sign(FINANCE, 2, DayStep::Closed)), "signoff.not_reviewed");
    circle.close_day(1);
    // An agreement is used once.
    assert_eq!(code(circle.reopen(HEAD, 1, "再开")), "access.role_missing");
    assert_eq!(circle.reopen(KEEPER, 1, "再开").expect("asks"), DayStep::ReopeningAsked);
}

/// Neither who fetched a statement of the days nor who imported it prepares them; who prepared does not review.
fn who_fetched_or_imported_does_not_prepare(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let third = circle
        .court
        .act(ADMIN, |tx, acting, _| {
            let person = access::add_person(tx, acting, "第三人")?;
            access::grant(tx, acting, &person, Role::Finance, TODAY, "任命")?;
            Ok("第三人")
        })
        .expect("adds");
    // Fetched by the keeper, imported by finance.
    let (date, keeper) = (circle.date(0), circle.court.person(KEEPER));
    let path = circle.write_statement(crate::court::ACCOUNT, (date, date), 0, &[shown("A", 100)]);
    circle.import_fetched(FINANCE, &keeper, &path).expect("a statement");
    circle.reconcile();
    for who in [FINANCE, KEEPER] {
        assert_eq!(code(circle.sign(who, 0, DayStep::Prepared)), "signoff.fetched_it", "{who}");
    }
    assert_eq!(code(circle.sign(HEAD, 0, DayStep::Prepared)), "access.role_missing");
    assert_eq!(code(circle.sign(HANDLER, 0, DayStep::Prepared)), "access.role_missing");
    // Who imports the file that is there already, fetches nothing.
    assert!(circle.import(third, &path).expect("known").already);
    assert_eq!(code(circle.sign(third, 0, DayStep::Reviewed)), "signoff.not_prepared");
    circle.sign(third, 0, DayStep::Prepared).expect("prepares");
    assert_eq!(code(circle.sign(third, 0, DayStep::Closed)), "signoff.not_reviewed");
    assert_eq!(code(circle.sign(third, 0, DayStep::Reviewed)), "signoff.same_person");
    // The statement changed since: what was prepared is not what is reviewed.
    circle.undo("A").expect("undoes");
    let line = circle.line("A");
    let owner = circle.court.person(KEEPER);
    circle
        .act(FINANCE, |tx, acting, _, _, _| {
            ankuan::statements::notes::note(tx, acting, line, &owner, ("在查", ""), true)
        })
        .expect("notes");
    assert_eq!(code(circle.sign(KEEPER, 0, DayStep::Reviewed)), "signoff.changed");
    circle.sign(third, 0, DayStep::Prepared).expect("prepares");
    circle.sign(KEEPER, 0, DayStep::Reviewed).expect("reviews");
    circle.sign(FINANCE, 0, DayStep::Closed).expect("closes");
    // What was fetched for a closed day does not bind the next ones.
    circle.day = 1;
    let date = circle.date(1);
    let path = circle.write_statement(crate::court::ACCOUNT, (date, date), 100, &[shown("B", 50)]);
    circle.import(third, &path).expect("a statement");
    circle.reconcile();
    assert_eq!(code(circle.sign(third, 1, DayStep::Prepared)), "signoff.fetched_it");
    circle.sign(KEEPER, 1, DayStep::Prepared).expect("prepares");
}

crate::on_both!(
    the_circle_ties_in_every_style_of_the_bank,
    the_circle_ties_with_less_failed,
    the_circle_ties_line_by_line,
    what_comes_twice_changes_nothing,
    undo_restores,
    days_are_signed_by_two_and_stay_closed,
    corrupted_answers_are_caught,
    by_hand_amounts_must_agree,
    heirs_and_disputes_are_not_paid_again_by_themselves,
    only_an_even_match_explains,
    the_statement_stands_above_the_answer,
    contradictory_answers_decide_nothing,
    opening_a_day_opens_it_and_the_later_ones,
    who_fetched_or_imported_does_not_prepare,
);
