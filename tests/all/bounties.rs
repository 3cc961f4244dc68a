//! Bounties, money between courts, and money paid before a case exists, on both databases. Each test on a [`Circle`] ends
//! with everything verified.

use ankuan::bounties::{self, Bounty, Clue, DrawnTo, Measure, NewBounty};
use ankuan::cases::{self, PartyRole};
use ankuan::claims::DocumentType;
use ankuan::documents::personal::PersonalDetail;
use ankuan::movements::courts::{self, Direction, OtherSide, Ours, Transfer};
use ankuan::obligations::NewObligation;
use ankuan::payouts::commit;
use ankuan::payouts::runs::{self, NewRun, SourceKind};
use ankuan::payouts::sent::Standing;
use ankuan::payouts::sheet::{Head, PayeeKind, SheetSource};
use ankuan::payouts::sheets::{self, NewLine, NewPayee, NewSheet};
use ankuan::receipts::receipts_of_case;
use ankuan::{Outcome, bank};
use ankuan_ledger::Amount;

use crate::circle::{Circle, PROFILE, shown};
use crate::court::{BOOK, FINANCE, HANDLER, HEAD, KEEPER, TODAY, code};
use crate::obligations::{Owes, debt};
use crate::program::{Files, open_court, words};
use crate::support::Database;

const ACCOUNT: &str = "6222020000000000015";

const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

pub fn detail<'a>(name: &'a str, account: &'a str) -> PersonalDetail<'a> {
    PersonalDetail {
        kind: bank::PayeeKind::Person,
        payee_name: name,
        bank_name: "某银行",
        bank_code: "102100099996",
        document_number: "P1",
        account,
        telephone: "",
    }
}

fn payee(circle: &mut Circle, kind: PayeeKind, name: &str, account: &str) -> Outcome<i64> {
    let case = circle.case.clone();
    let confirmed_by = circle.court.person(KEEPER);
    let new = NewPayee {
        case: &case,
        kind,
        name,
        document_type: DocumentType::Other,
        detail: detail(name, account),
        basis: "账户确认书",
        confirmed_by: &confirmed_by,
    };
    circle.act(HANDLER, |tx, acting, keys, random, _| Ok(sheets::add_payee(tx, acting, keys, random, &new)?.payee_id))
}

fn sheet(circle: &mut Circle, receipt_id: i64, lines: &[(Head, i64, i64)]) -> Outcome<sheets::Sheet> {
    let case = circle.case.clone();
    let lines: Vec<NewLine<'_>> = lines
        .iter()
        .map(|(head, payee_id, amount)| NewLine {
            head: *head,
            payee_id: *payee_id,
            amount: yuan(*amount),
            decision: Some("悬赏决定书"),
        })
        .collect();
    let new = NewSheet { case: &case, source: SheetSource::CaseFunds, receipt_id, lines: &lines };
    circle.act(HANDLER, |tx, acting, _, _, _| sheets::record_sheet(tx, acting, &new))
}

/// Pays a sheet up to the bank's debit of each payment.
fn pay(circle: &mut Circle, sheet_id: i64) {
    circle.run = circle.send(&[(SourceKind::Sheet, sheet_id)], PROFILE);
    let sent = circle.sent();
    let references: Vec<String> = sent.iter().map(|one| format!("D-{}", one.key)).collect();
    let lines: Vec<_> = sent
        .iter()
        .zip(&references)
        .map(|(one, reference)| shown(reference, -one.amount.minor()).key(&one.key))
        .collect();
    let day = circle.day + 1;
    circle.bring(day, &lines);
    circle.reconcile();
    assert!(circle.standings().iter().all(|standing| *standing == Standing::Debited));
}

fn announce(circle: &mut Circle, measure: Measure, insurer: &str) -> Outcome<Bounty> {
    let case = circle.case.clone();
    let new =
        NewBounty { case: &case, applicant: "张三", measure, insurer, ruling: "悬赏1号", announced_on: TODAY };
    circle.act(HANDLER, |tx, acting, _, _, _| bounties::announce(tx, acting, &new))
}

fn report(circle: &mut Circle, bounty_id: i64, about: &str) -> (i64, String, Option<i64>) {
    let (clue, code, before) = circle
        .act(HANDLER, |tx, acting, _, random, _| bounties::report(tx, acting, random, bounty_id, about))
        .expect("records");
    (clue.clue_id, code, before)
}

fn award(circle: &mut Circle, clue: i64, realised: i64, second: &str) -> Outcome<bounties::Reward> {
    let second = circle.court.person(second);
    circle.act(HANDLER, |tx, acting, _, _, _| {
        Ok(bounties::award(tx, acting, clue, yuan(realised), "扣划回执", &second)?.1)
    })
}

fn draw(circle: &mut Circle, clue: i64, shown: &str, has_account: bool) -> Outcome<Clue> {
    let second = circle.court.person(KEEPER);
    let to =
        DrawnTo { document_type: DocumentType::Other, detail: detail("赵六", ACCOUNT), basis: "当面出示证件" };
    circle.act(HANDLER, |tx, acting, keys, random, _| {
        bounties::draw(tx, acting, (keys, random), clue, shown, has_account.then_some(&to), &second)
    })
}

fn a_clue_is_paid_out_of_the_applicants_money(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let five_per_cent = Measure::BasisPoints(500);
    assert_eq!(code(announce(&mut circle, five_per_cent, "")), "bounties.not_applicant");
    let case = circle.case.clone();
    circle
        .act(HANDLER, |tx, acting, _, _, _| cases::add_party(tx, acting, &case, PartyRole::Applicant, "张三"))
        .expect("adds");
    assert_eq!(code(announce(&mut circle, Measure::BasisPoints(0), "")), "bounties.measure");
    let bounty = announce(&mut circle, five_per_cent, "").expect("announces").bounty_id;
    let (first, secret, before) = report(&mut circle, bounty, "浙A12345 停于 某小区");
    assert_eq!(before, None);
    let (later, other_secret, before) = report(&mut circle, bounty, "浙A12345  停于 某小区");
    assert_eq!(before, Some(first));
    assert_ne!(secret, other_secret);

    assert_eq!(code(draw(&mut circle, first, &secret, true)), "bounties.not_awarded");
    assert_eq!(code(award(&mut circle, later, 10_000, HEAD)), "bounties.reported_before");
    assert_eq!(code(award(&mut circle, first, 10_000, HANDLER)), "access.second_person_same");
    assert_eq!(code(award(&mut circle, first, 10_000, FINANCE)), "access.second_person_role");
    let reward = award(&mut circle, first, 10_000, HEAD).expect("awards");
    assert_eq!((reward.reward, reward.rest), (yuan(500), yuan(9_500)));
    assert_eq!(code(award(&mut circle, first, 10_000, HEAD)), "bounties.awarded");
    // The code alone draws it, and once.
    assert_eq!(code(draw(&mut circle, first, &other_secret, true)), "bounties.code_wrong");
    assert_eq!(code(draw(&mut circle, first, &secret, false)), "bounties.account_missing");
    assert_eq!(code(payee(&mut circle, PayeeKind::Informer, "某人", ACCOUNT)), "sheets.informer");
    let informer = draw(&mut circle, first, &secret.to_lowercase(), true).expect("draws").payee_id.expect("a payee");
    assert_eq!(code(draw(&mut circle, first, &secret, true)), "bounties.drawn");

    // No fact names the informer, and the code is nowhere.
    let payees = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        sheets::payees_of_case(&mut tx, BOOK.court_id, case.case_id).expect("reads")
    };
    assert_eq!(payees[0].name, format!("悬赏线索人{first}号"));

    // The applicant's share is less by the reward; both leave by one sheet.
    let receipt = circle.court.receive("B-1", 10_000 * 100, Some(&case)).expect("receives").receipt().receipt_id;
    circle.bring(0, &[shown("B-1", 10_000 * 100).name("李四")]);
    circle.reconcile();
    let applicant = payee(&mut circle, PayeeKind::Applicant, "张三", "6222020000000000023").expect("adds");
    circle.party(&case, PartyRole::Debtor, "乙");
    let new = NewObligation { payee_id: Some(applicant), ..debt(&case, "张三", "乙", yuan(10_000)) };
    let owed = circle.owe(&new).expect("registers").obligation_id;
    let wrong = sheet(&mut circle, receipt, &[(Head::Costs, informer, 500)]);
    assert_eq!(code(wrong), "payouts.sheet_payee_not_of_head");
    // More than was awarded does not leave.
    let more = sheet(&mut circle, receipt, &[(Head::Bounty, informer, 501)]).expect("records").sheet_id;
    let bank_account_id = circle.court.bank_account().bank_account_id;
    let sources = [(SourceKind::Sheet, more)];
    let new = NewRun { title: "悬赏", bank_account_id, profile: PROFILE, sources: &sources };
    let run = circle.act(HANDLER, |tx, acting, _, _, _| Ok(runs::draft(tx, acting, &new)?.number)).expect("drafts");
    circle.act(HANDLER, |tx, acting, _, _, _| runs::submit(tx, acting, &run)).expect("submits");
    for who in [FINANCE, HEAD] {
        circle.act(who, |tx, acting, _, _, _| runs::approve(tx, acting, &run, None, None)).expect("approves");
    }
    let committed = circle.act(KEEPER, |tx, acting, _, _, _| commit::commit(tx, acting, &run, &mut |_| ()));
    assert_eq!(code(committed), "bounties.above_award");
    circle.act(HANDLER, |tx, acting, _, _, _| runs::cancel(tx, acting, &run, "超额")).expect("cancels");
    let lines = [(Head::Principal, applicant, 9_500), (Head::Bounty, informer, 500)];
    let right = sheet(&mut circle, receipt, &lines).expect("records").sheet_id;
    pay(&mut circle, right);
    assert_eq!(circle.balance(&format!("C-{}", case.case_id)), 0);
    assert_eq!(circle.open_amount(owed), Amount::ZERO, "the debtor paid the reward with the rest");
}

fn an_insurer_pays_in_place_of_the_case(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    circle
        .act(HANDLER, |tx, acting, _, _, _| cases::add_party(tx, acting, &case, PartyRole::Applicant, "张三"))
        .expect("adds");
    let bounty = announce(&mut circle, Measure::Amount(yuan(300)), "某保险公司").expect("announces").bounty_id;
    let (clue, secret, _) = report(&mut circle, bounty, "某厂设备");
    assert_eq!(code(award(&mut circle, clue, 299, HEAD)), "bounties.above_realised");
    award(&mut circle, clue, 5_000, HEAD).expect("awards");
    assert_eq!(code(draw(&mut circle, clue, &secret, true)), "bounties.insurer_pays");
    let drawn = draw(&mut circle, clue, &secret, false).expect("draws");
    assert_eq!((drawn.is_drawn, drawn.payee_id), (true, None));
    assert_eq!(code(draw(&mut circle, clue, &secret, false)), "bounties.drawn");
}

fn money_between_courts_is_paired(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    let receipt = circle.court.receive("X-1", 900 * 100, Some(&case)).expect("receives").receipt().receipt_id;
    let unknown = circle.court.receive("X-2", 100, None).expect("receives").receipt().receipt_id;
    circle.bring(0, &[shown("X-1", 900 * 100).name("李四"), shown("X-2", 100).name("王五")]);
    circle.reconcile();
    let court = payee(&mut circle, PayeeKind::OtherCourt, "宁波中院", "3901010000000001").expect("adds");
    let applicant = payee(&mut circle, PayeeKind::Applicant, "张三", "6222020000000000023").expect("adds");
    let lines = [(Head::Principal, court, 400), (Head::Principal, applicant, 500)];
    let recorded = sheet(&mut circle, receipt, &lines).expect("records");
    let other = OtherSide {
        court: "宁波市中级人民法院", case_number: "(2026)浙02执7号", reference: "参配函3号"
    };
    let record = |circle: &mut Circle, ours| -> Outcome<Transfer> {
        circle.act(KEEPER, |tx, acting, _, _, _| courts::record(tx, acting, ours, &other))
    };
    let line = |kind| recorded.lines.iter().find(|line| line.kind == kind).expect("is there").sheet_line_id;
    assert_eq!(code(record(&mut circle, Ours::SheetLine(line(PayeeKind::Applicant)))), "court_transfers.line_unknown");
    assert_eq!(code(record(&mut circle, Ours::Receipt(unknown))), "court_transfers.no_case");
    let out = record(&mut circle, Ours::SheetLine(line(PayeeKind::OtherCourt))).expect("records");
    assert_eq!((out.direction, out.amount, out.other[1].as_str()), (Direction::Out, yuan(400), "（2026）浙02执7号"));
    let again = record(&mut circle, Ours::SheetLine(line(PayeeKind::OtherCourt)));
    assert_eq!(code(again), "court_transfers.known");
    let incoming = record(&mut circle, Ours::Receipt(receipt)).expect("records");
    assert_eq!((incoming.direction, incoming.amount), (Direction::In, yuan(900)));
    pay(&mut circle, recorded.sheet_id);
    let open = |circle: &mut Circle| {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let all = courts::transfers(&mut tx, BOOK).expect("reads").into_iter();
        all.filter(|one| one.paper.is_none()).map(|one| one.transfer_id).collect::<Vec<_>>()
    };
    assert_eq!(open(&mut circle), [out.transfer_id, incoming.transfer_id]);
    let paper = |circle: &mut Circle, transfer, amount| {
        circle.act(HANDLER, |tx, acting, _, _, _| courts::record_paper(tx, acting, transfer, "收款回执", yuan(amount)))
    };
    assert_eq!(code(paper(&mut circle, out.transfer_id, 399)), "court_transfers.amount_differs");
    paper(&mut circle, out.transfer_id, 400).expect("pairs");
    assert_eq!(code(paper(&mut circle, out.transfer_id, 400)), "court_transfers.paired");
    assert_eq!(open(&mut circle), [incoming.transfer_id]);
}

/// 执前督促, 诉前保全: money comes under a number from before the case, and is the same money under the later one.
fn money_paid_before_the_case(database: &Database) {
    let mut circle = Circle::without_payout(database);
    for number in ["（2026）浙0106诉前保7号", "（2026）浙0106财保8号", "（2026）浙0106诉前调9号"] {
        circle.court.case(number);
    }
    let early = circle.court.case("（2026）浙0106执前督5号");
    // The bank's line names the early number, in another spelling.
    circle.bring(0, &[shown("E-1", 700 * 100).name("李四").remark("自动履行(2026)浙0106执前督5号")]);
    circle.reconcile();
    let money = |circle: &mut Circle| {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let all = receipts_of_case(&mut tx, BOOK, early.case_id).expect("reads");
        all.into_iter().map(|one| (one.receipt_id, one.available.minor())).collect::<Vec<_>>()
    };
    let before = money(&mut circle);
    assert_eq!(before.iter().map(|one| one.1).collect::<Vec<_>>(), [70_000]);
    circle
        .act(HANDLER, |tx, acting, _, _, _| cases::add_number(tx, acting, &early, "（2026）浙0106执5566号", TODAY))
        .expect("goes on");
    assert_eq!(money(&mut circle), before);
    // Later money finds it under either number.
    circle.bring(
        1,
        &[shown("E-2", 100).remark("（2026）浙0106执5566号"), shown("E-3", 200).remark("（2026）浙0106执前督5号")],
    );
    circle.reconcile();
    assert_eq!(money(&mut circle).len(), 3);
    let mut tx = circle.court.store.snapshot().expect("reads");
    circle.case = cases::find_case(&mut tx, BOOK, "（2026）浙0106执前督5号").expect("known");
    drop(tx);
    assert_eq!(circle.case.current_number(), "（2026）浙0106执5566号");
    let applicant = payee(&mut circle, PayeeKind::Applicant, "张三", "6222020000000000023").expect("adds");
    let recorded = sheet(&mut circle, before[0].0, &[(Head::Principal, applicant, 700)]).expect("records");
    pay(&mut circle, recorded.sheet_id);
    assert_eq!(circle.balance(&format!("C-{}", early.case_id)), 300);
}

fn from_the_command_line(database: &Database) {
    let files = Files::new(2);
    open_court(&files, database);
    let case = crate::program::CASE;
    let run = |arguments: &[&str]| files.done(&database.address, &words(arguments));
    run(&["case", "party", case, "applicant", "张三", "--as", "钱承办"]);
    let announce = ["bounty", "announce", case, "--applicant", "张三", "--percent", "5%", "--ruling", "悬赏1号"];
    let bounty = run(&[&announce[..], &["--as", "钱承办"]].concat())["bounty_id"].to_string();
    let slip = files.path("code.txt");
    let slip = slip.to_str().expect("UTF-8");
    let report = ["bounty", "report", &bounty, "--about", "浙A12345", "--code-to", slip, "--as", "钱承办"];
    let reported = run(&[&report[..], &["--request", "R1"]].concat());
    let secret = std::fs::read_to_string(slip).expect("a slip");
    assert!(!reported.to_string().contains(secret.trim()), "the answer is kept, the code is not");
    assert_eq!(run(&[&report[..], &["--request", "R1"]].concat()), reported, "asked again, nothing is written");
    let clue = reported["clue_id"].to_string();
    let award = ["bounty", "award", &clue, "--realised", "10000", "--evidence", "回执", "--confirmed-by", "周局长"];
    let awarded = run(&[&award[..], &["--as", "钱承办"]].concat());
    assert_eq!((&awarded["reward_minor"], &awarded["to_applicant_minor"]), (&50_000.into(), &950_000.into()));
    let account = ["--holder", "赵六", "--account", ACCOUNT, "--bank", "某银行", "--bank-code", "102100099996"];
    let draw = ["bounty", "draw", &clue, "--code-file", slip, "--basis", "当面", "--confirmed-by", "孙财务"];
    let drawn = run(&[&draw[..], &account, &["--document-number", "P1", "--as", "钱承办"]].concat());
    let informer = drawn["payee_id"].to_string();
    let listed = run(&["bounty", "list", "--case", case]);
    assert_eq!(listed["bounties"][0]["clues"][0]["drawn"], true);
    assert!(!listed.to_string().contains("赵六"));
    let court = run(&[
        "payee",
        "add",
        case,
        "other_court",
        "宁波中院",
        "--account",
        "3901010000000001",
        "--bank",
        "某银行",
        "--bank-code",
        "102100099996",
        "--company",
        "--basis",
        "函",
        "--confirmed-by",
        "孙财务",
        "--as",
        "钱承办",
    ])["payee_id"]
        .to_string();
    let receipt = run(&["movement", "left", case, "case_funds"])["items"][0]["item_id"].to_string();
    let (one, two) = (format!("bounty:{informer}:500:悬赏决定书"), format!("principal:{court}:400:函"));
    let sheet =
        run(&["sheet", "record", case, "--receipt", &receipt, "--line", &one, "--line", &two, "--as", "钱承办"]);
    let line = sheet["lines"][1]["sheet_line_id"].to_string();
    let transfer = run(&[
        "court-transfer",
        "record",
        "--line",
        &line,
        "--other-court",
        "宁波市中级人民法院",
        "--other-case",
        "（2026）浙02执7号",
        "--reference",
        "参配函3号",
        "--as",
        "钱承办",
    ])["transfer_id"]
        .to_string();
    let open = || run(&["court-transfer", "list", "--open"])["transfers"].as_array().map(Vec::len);
    assert_eq!(open(), Some(1));
    run(&["court-transfer", "paper", &transfer, "--document", "回执", "--amount", "400", "--as", "钱承办"]);
    assert_eq!(open(), Some(0));
    files.verified(&database.address, &[]);
}

crate::on_both!(
    a_clue_is_paid_out_of_the_applicants_money,
    an_insurer_pays_in_place_of_the_case,
    money_between_courts_is_paired,
    money_paid_before_the_case,
    from_the_command_line,
);
