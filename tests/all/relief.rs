//! Relief funds and relief insurance: a book of their own, on both databases.

use ankuan::audit::verify_court;
use ankuan::relief::claims::{self, CAP_PER_CENT, Claim, DAYS_TO_PAY, NewClaim, NewPolicy, Policy};
use ankuan::relief::{self, Entry, Said};
use ankuan::{Outcome, books, report};
use ankuan_ledger::{Amount, BookKey};
use jiff::civil::date;

use crate::court::{COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, TODAY, code};
use crate::program::{Files, open_court, words};
use crate::support::Database;

const BOOK: BookKey = relief::book(COURT);

const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

fn verified(court: &mut Court) {
    let report = verify_court(&mut court.store, COURT, None, &[], &mut |_| ()).expect("verifies");
    let wrong: Vec<_> = report.checks.iter().filter(|check| !check.ok()).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(report.heads.iter().any(|head| head.book_id == books::RELIEF));
}

fn fund(court: &mut Court, source: &str, amount: i64) -> i64 {
    let said = Said { name: source, case_number: "", amount: yuan(amount), document: "拨款通知" };
    court.act(FINANCE, |tx, acting, chart| relief::fund_in(tx, acting, chart, &said)).expect("arrives").relief_id
}

fn pay(court: &mut Court, fund_id: i64, name: &str, amount: i64, second: &str) -> Outcome<Entry> {
    let second = court.person(second);
    let said = Said { name, case_number: crate::court::NUMBER, amount: yuan(amount), document: "救助决定书" };
    court.act(HANDLER, |tx, acting, chart| relief::pay(tx, acting, chart, fund_id, &said, &second))
}

fn refund(court: &mut Court, payment: i64, amount: i64) -> Outcome<Entry> {
    court.act(FINANCE, |tx, acting, chart| relief::refund(tx, acting, chart, payment, yuan(amount), "缴款单"))
}

fn left(court: &mut Court) -> Vec<i64> {
    let mut tx = court.store.snapshot().expect("reads");
    relief::funds(&mut tx, BOOK).expect("reads").iter().map(|(_, left)| left.minor() / 100).collect()
}

fn insure(court: &mut Court, fund_id: i64, premium: i64) -> Outcome<Policy> {
    let second = court.person(HEAD);
    let new = NewPolicy {
        fund_id,
        insurer: "某保险公司",
        premium: yuan(premium),
        cap_per_cent: CAP_PER_CENT,
        days: (date(2026, 1, 1), date(2026, 12, 31)),
        days_to_pay: DAYS_TO_PAY,
        document: "保险合同",
        confirmed_by: &second,
    };
    court.act(HANDLER, |tx, acting, chart| claims::premium(tx, acting, chart, &new))
}

fn claim(court: &mut Court, policy_id: i64, people: &[(String, i64)], papers_on: jiff::civil::Date) -> Outcome<Claim> {
    let second = court.person(HEAD);
    let people: Vec<(&str, &str, Amount)> =
        people.iter().map(|(name, amount)| (name.as_str(), "", yuan(*amount))).collect();
    let new = NewClaim { policy_id, papers_on, people: &people, document: "索赔函", confirmed_by: &second };
    court.act(HANDLER, |tx, acting, chart| claims::claim(tx, acting, chart, &new))
}

fn funds_are_kept_by_their_sources(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(crate::court::NUMBER);
    court.receive("R-1", 100, Some(&case)).expect("case money");
    let (committee, charity) = (fund(&mut court, "政法委", 310_000), fund(&mut court, "慈善总会", 12_000));
    assert_eq!(code(pay(&mut court, charity, "王五", 12_001, HEAD)), "relief.fund_short");
    assert_eq!(code(pay(&mut court, 999, "王五", 1, HEAD)), "relief.fund_unknown");
    assert_eq!(code(pay(&mut court, charity, "王五", 1, HANDLER)), "access.second_person_same");
    assert_eq!(code(pay(&mut court, charity, "王五", 1, FINANCE)), "access.second_person_role");
    assert_eq!(code(pay(&mut court, charity, "", 1, HEAD)), "relief.text");
    assert_eq!(code(pay(&mut court, charity, "王五", 0, HEAD)), "relief.amount");
    let paid = pay(&mut court, committee, "王五", 10_000, KEEPER).expect("pays");
    assert_eq!(left(&mut court), [300_000, 12_000]);
    assert_eq!(code(refund(&mut court, paid.relief_id, 10_001)), "relief.refund_above");
    assert_eq!(code(refund(&mut court, committee, 1)), "relief.payment_unknown");
    refund(&mut court, paid.relief_id, 4_000).expect("gives back");
    assert_eq!(code(refund(&mut court, paid.relief_id, 6_001)), "relief.refund_above");
    assert_eq!(left(&mut court), [304_000, 12_000]);
    // The book of case money knows nothing of it, and has only what came to the case.
    let mut tx = court.store.snapshot().expect("reads");
    let bank = report::find_account(&mut tx, BOOK, "RB").expect("opened");
    assert_eq!(bank.posted, yuan(316_000));
    let held: i64 = report::accounts(&mut tx, books::case_money(COURT))
        .expect("reads")
        .iter()
        .filter(|account| account.code.starts_with("B-"))
        .map(|account| account.posted.minor())
        .sum();
    assert_eq!(held, 100);
    drop(tx);
    verified(&mut court);
}

/// The policy on record: 220,000 for a year, cap 160%; its first batch of 35 people nearly used it up.
fn a_policy_pays_up_to_its_cap(database: &Database) {
    let mut court = Court::open(database);
    let fund_id = fund(&mut court, "财政", 300_000);
    let policy = insure(&mut court, fund_id, 220_000).expect("insures");
    assert_eq!((policy.cap, policy.rest), (yuan(352_000), yuan(352_000)));
    assert_eq!(left(&mut court), [80_000]);
    let id = policy.policy_id;
    let people: Vec<(String, i64)> = (1..=35).map(|n| (format!("被救助人{n}"), 10_000)).collect();
    assert_eq!(code(claim(&mut court, id, &people, date(2025, 12, 31))), "relief.not_covered");
    assert_eq!(code(claim(&mut court, id, &people, date(2026, 11, 23))), "relief.day_ahead");
    assert_eq!(code(claim(&mut court, id, &[], TODAY)), "relief.people");
    let twice = [people[0].clone(), people[0].clone()];
    assert_eq!(code(claim(&mut court, id, &twice, TODAY)), "relief.person_twice");
    let first = claim(&mut court, id, &people, date(2026, 11, 10)).expect("claims");
    assert_eq!((first.granted, first.receivable, first.due_on), (yuan(350_000), yuan(350_000), date(2026, 11, 20)));
    assert_eq!((first.days_late(date(2026, 11, 20)), first.days_late(TODAY)), (None, Some(2)));

    // Nothing goes on before the insurer has paid, which it may do in parts, and never more than it owes.
    let pass = |court: &mut Court, claim_id| {
        let second = court.person(HEAD);
        court.act(HANDLER, |tx, acting, chart| {
            claims::pass_through(tx, acting, chart, claim_id, "发放表", &second).map(|paid| paid.len())
        })
    };
    let receive = |court: &mut Court, claim_id, amount| {
        court.act(FINANCE, |tx, acting, chart| {
            claims::insurer_paid(tx, acting, chart, claim_id, yuan(amount), "银行回单")
        })
    };
    assert_eq!(code(pass(&mut court, first.claim_id)), "relief.not_received");
    receive(&mut court, first.claim_id, 200_000).expect("pays");
    assert_eq!(code(pass(&mut court, first.claim_id)), "relief.not_received");
    assert_eq!(code(receive(&mut court, first.claim_id, 150_001)), "relief.insurer_above");
    receive(&mut court, first.claim_id, 150_000).expect("pays");
    assert_eq!(pass(&mut court, first.claim_id).expect("passes on"), 35);
    assert_eq!(code(pass(&mut court, first.claim_id)), "relief.passed");

    // 2,000 are left: the next claim gets that and no more, the one after nothing.
    let more = [("甲".to_owned(), 1_500), ("乙".to_owned(), 1_500), ("丙".to_owned(), 100)];
    let second = claim(&mut court, id, &more, TODAY).expect("claims");
    let granted: Vec<i64> = second.people.iter().map(|person| person.granted.minor() / 100).collect();
    assert_eq!((second.asked, second.granted, granted), (yuan(3_100), yuan(2_000), vec![1_500, 500, 0]));
    assert_eq!(code(claim(&mut court, id, &more, TODAY)), "relief.cap_reached");
    receive(&mut court, second.claim_id, 2_000).expect("pays");
    assert_eq!(pass(&mut court, second.claim_id).expect("passes on"), 2);
    let mut tx = court.store.snapshot().expect("reads");
    let policy = claims::policies(&mut tx, BOOK).expect("reads").remove(0);
    assert_eq!((policy.granted, policy.rest), (yuan(352_000), Amount::ZERO));
    // What came for the people is gone, what is the court's own is left.
    assert_eq!(report::find_account(&mut tx, BOOK, "RB").expect("opened").posted, yuan(80_000));
    drop(tx);
    verified(&mut court);
}

fn from_the_command_line(database: &Database) {
    let files = Files::new(2);
    open_court(&files, database);
    let run = |arguments: &[&str]| files.done(&database.address, &words(arguments));
    let fund = run(&["relief", "fund-in", "财政", "--amount", "300000", "--document", "拨款通知", "--as", "孙财务"]);
    let fund = fund["relief_id"].to_string();
    let two = ["--confirmed-by", "周局长", "--as", "钱承办"];
    let pay = ["relief", "pay", "王五", "--fund", &fund, "--amount", "1000", "--document", "决定书"];
    let paid = run(&[&pay[..], &two].concat())["relief_id"].to_string();
    run(&["relief", "refund", &paid, "--amount", "400", "--document", "缴款单", "--as", "孙财务"]);
    let premium = [
        "relief",
        "premium",
        "某保险公司",
        "--fund",
        &fund,
        "--amount",
        "220000",
        "--from",
        "2026-01-01",
        "--until",
        "2026-12-31",
        "--document",
        "合同",
    ];
    let policy = run(&[&premium[..], &two].concat());
    assert_eq!(policy["cap_minor"], 35_200_000);
    let policy = policy["policy_id"].to_string();
    let list = files.path("people.txt");
    let people: Vec<String> = (1..=35).map(|n| format!("被救助人{n}:10000.00")).collect();
    std::fs::write(&list, people.join("\n")).expect("writes");
    let list = list.to_str().expect("UTF-8");
    let claim =
        ["relief", "claim", &policy, "--papers-on", "2026-11-10", "--people-file", list, "--document", "索赔函"];
    let claim = run(&[&claim[..], &two].concat());
    assert_eq!((&claim["granted_minor"], &claim["days_late"]), (&35_000_000.into(), &2.into()));
    let claim = claim["claim_id"].to_string();
    let paid = ["relief", "insurer-paid", &claim, "--amount", "350000", "--document", "回单", "--as", "孙财务"];
    run(&paid);
    let pass = ["relief", "pass-through", &claim, "--document", "发放表"];
    assert_eq!(run(&[&pass[..], &two].concat())["people"], 35);
    let show = run(&["relief", "show"]);
    assert_eq!(
        (&show["funds"][0]["left_minor"], &show["policies"][0]["rest_minor"]),
        (&7_940_000.into(), &200_000.into())
    );
    files.verified(&database.address, &[]);
}

crate::on_both!(funds_are_kept_by_their_sources, a_policy_pays_up_to_its_cap, from_the_command_line);
