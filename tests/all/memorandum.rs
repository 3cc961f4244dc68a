//! The memorandum: what is frozen elsewhere, beside the money and never added to it.

use std::collections::BTreeMap;

use ankuan::assets::day::run_day;
use ankuan::assets::measures::Ordered;
use ankuan::assets::rules::Extent;
use ankuan::assets::{AssetKind, Basis};
use ankuan::audit::verify_court;
use ankuan::chart::AccountKind;
use ankuan::{books, memorandum, report};
use ankuan_ledger::{Amount, BookKey};
use jiff::civil::date;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::assets::{Desk, yuan};
use crate::court::{COURT, KEEPER, NUMBER, TODAY};
use crate::program::{Files, open_court, words};
use crate::support::Database;

const MEMORANDUM: BookKey = BookKey { court_id: COURT, book_id: books::MEMORANDUM };

impl Desk {
    /// What the memorandum has for each order, in yuan; the same on both sides.
    fn noted(&mut self) -> BTreeMap<i64, i64> {
        let mut tx = self.court.store.snapshot().expect("reads");
        let of = |kind| {
            let found = memorandum::frozen(&mut tx, COURT, kind).expect("reads");
            found.into_iter().map(|((item, _), amount)| (item, amount.minor() / 100)).collect::<BTreeMap<_, _>>()
        };
        let [debit, credit] = [AccountKind::FrozenElsewhere, AccountKind::FrozenByOrder].map(of);
        assert_eq!(debit, credit);
        debit
    }

    /// What every order that was posted was, in the order of the entries: debited account, item, yuan.
    fn entries(&mut self) -> Vec<(String, i64, i64)> {
        let mut tx = self.court.store.snapshot().expect("reads");
        let range = report::EntryRange { first: 1, last: i64::MAX, account_id: None, limit: 1_000 };
        let entries = report::entries(&mut tx, MEMORANDUM, range).expect("reads");
        entries.into_iter().map(|one| (one.debit, one.debit_item, one.amount.minor() / 100)).collect()
    }

    fn links(&mut self) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        let text = "SELECT CAST(COUNT(*) AS BIGINT) FROM chain_link WHERE court_id = $1 AND book_id = $2 AND act = $3";
        let values = [COURT.into(), books::MEMORANDUM.into(), "memorandum.frozen".into()];
        tx.query_one(text, &values, |row| row.int(0)).expect("counts")
    }
}

fn order_of(ordered: &Ordered) -> i64 {
    ordered.order_id.expect("an order")
}

fn said(result: &str, on: jiff::civil::Date, amount: i64) -> String {
    format!(r#""result":"{result}","on":"{on}","amount":"{amount}.00""#)
}

fn it_follows_the_orders(database: &Database) {
    let mut desk = Desk::open(database);
    let (one, other) = (desk.court.case(NUMBER), desk.court.case("（2026）浙0106执124号"));
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let policy = desk.asset(AssetKind::Equity, "91330000").expect("registers").asset;
    let first = desk.deposit(&asset, &one, 300);
    let second = desk.deposit(&asset, &other, 500);
    let share = desk.freeze(&policy, &one, Extent::Share(3_000), Basis::Enforcement).expect("orders");
    assert_eq!(desk.noted(), BTreeMap::new(), "ordered is not frozen");
    let waits = format!(r#""result":"waiting","on":"{TODAY}","place":1"#);
    let untold = format!(r#""result":"done","on":"{TODAY}""#);
    let told = [(order_of(&first), said("partly", TODAY, 200)), (order_of(&second), waits), (order_of(&share), untold)];
    desk.told(&told.each_ref().map(|(order, text)| (*order, text.as_str())));
    // The share has no amount, so the memorandum has none of it.
    assert_eq!(desk.noted(), BTreeMap::from([(first.measure_id, 200)]));
    desk.verified();

    // More comes in; a part is deducted; the rest is let go, and goes to the one who waits.
    let sent = {
        let mut tx = desk.court.store.snapshot().expect("reads");
        ankuan::assets::instructions::find_instruction(&mut tx, crate::court::BOOK, "I2026-0001").expect("is there")
    };
    let more = desk.answer_file(&sent, &[(order_of(&first), &said("frozen", TODAY, 300))]);
    assert_eq!(desk.read(&more).expect("reads").applied, 1);
    assert_eq!(desk.noted(), BTreeMap::from([(first.measure_id, 300)]));
    let deduction = desk.deduct(first.measure_id, 120, KEEPER).expect("orders");
    desk.told(&[(order_of(&deduction), &said("done", TODAY, 120))]);
    assert_eq!(desk.noted(), BTreeMap::from([(first.measure_id, 180)]));
    let lift = desk.lift(first.measure_id, None).expect("orders");
    desk.told(&[(order_of(&lift), &format!(r#""result":"done","on":"{TODAY}""#))]);
    assert_eq!(desk.noted(), BTreeMap::from([(second.measure_id, 180)]));
    assert_eq!(
        desk.entries(),
        [
            (format!("MA-{}", one.case_id), first.measure_id, 200),
            (format!("MA-{}", one.case_id), first.measure_id, 100),
            (format!("ML-{}", one.case_id), first.measure_id, 120),
            (format!("MA-{}", other.case_id), second.measure_id, 180),
            (format!("ML-{}", one.case_id), first.measure_id, 180),
        ]
    );
    desk.verified();
    // Nobody renews: it lapses by the day's run, in one act; the next run does nothing.
    let before = desk.links();
    assert_eq!(desk.day(date(2027, 12, 1)).lapsed(), 1);
    assert_eq!((desk.noted(), desk.links() - before), (BTreeMap::new(), 1));
    assert_eq!((desk.day(date(2027, 12, 2)).facts.len(), desk.links() - before), (0, 1));
    desk.verified();
    // The other courts' freezes are theirs.
    desk.outside(&asset, "宁波中院", 70, Some(70));
    assert_eq!(desk.noted(), BTreeMap::new());
    desk.verified();
}

/// One act for many orders, and an end told to us that lets ours take effect.
fn many_orders_are_one_act(database: &Database) {
    let mut desk = Desk::open(database);
    let cases: Vec<_> = (1..=4).map(|n| desk.court.case(&format!("（2026）浙0106执{n}号"))).collect();
    let mut orders = Vec::new();
    for number in 0..40_i64 {
        let asset = desk.asset(AssetKind::Deposit, &format!("6222{number}")).expect("registers").asset;
        let case = &cases[usize::try_from(number % 4).expect("small")];
        orders.push(desk.deposit(&asset, case, 10 + number));
    }
    let sent = desk.send().expect("one message");
    let lines: Vec<(i64, String)> =
        orders.iter().zip(0..).map(|(order, n)| (order_of(order), said("done", TODAY, 10 + n))).collect();
    let lines: Vec<(i64, &str)> = lines.iter().map(|(order, text)| (*order, text.as_str())).collect();
    let path = desk.answer_file(&sent, &lines);
    assert_eq!(desk.read(&path).expect("reads").applied, 40);
    let wanted: BTreeMap<i64, i64> = orders.iter().zip(10..).map(|(order, yuan)| (order.measure_id, yuan)).collect();
    assert_eq!((desk.noted(), desk.links()), (wanted, 1));
    desk.verified();
    assert_eq!(desk.day(date(2027, 12, 1)).lapsed(), 40);
    assert_eq!((desk.noted(), desk.links()), (BTreeMap::new(), 2));
    desk.verified();

    let asset = desk.asset(AssetKind::Deposit, "9999").expect("registers").asset;
    let outside = desk.outside(&asset, "南京中院", 90, Some(90));
    let ours = desk.deposit(&asset, &cases[0], 60);
    let today = desk.today;
    desk.told(&[(order_of(&ours), &format!(r#""result":"waiting","on":"{today}","place":1"#))]);
    assert_eq!(desk.noted(), BTreeMap::new());
    desk.lift(outside.measure_id, Some(today)).expect("told");
    assert_eq!(desk.noted(), BTreeMap::from([(ours.measure_id, 60)]));
    desk.verified();
}

fn a_court_whose_orders_are_older_gets_what_stands(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case(NUMBER);
    let asset = desk.asset(AssetKind::Deposit, "622202100111").expect("registers").asset;
    let freeze = desk.deposit(&asset, &case, 300);
    // As it stands where the orders were recorded before there was a memorandum.
    let run = |desk: &mut Desk, text: &'static str| {
        let mut tx = desk.court.store.begin().expect("begins");
        assert_eq!(tx.execute(text, &[]).expect("changes"), 1, "{text}");
        tx.commit().expect("commits");
    };
    run(&mut desk, "UPDATE measure_state SET frozen_minor = 30000");
    let finding = |desk: &mut Desk| {
        let report = verify_court(&mut desk.court.store, COURT, None, &[], &mut |_| ()).expect("verifies");
        report.checks.iter().any(|check| check.name == "memorandum" && !check.ok())
    };
    assert!(finding(&mut desk));
    desk.act(KEEPER, |tx, acting, _, _| run_day(tx, acting)).expect("runs");
    assert_eq!(desk.noted(), BTreeMap::from([(freeze.measure_id, 300)]));
    assert!(!finding(&mut desk));
    desk.act(KEEPER, |tx, acting, _, _| run_day(tx, acting)).expect("runs");
    assert_eq!(desk.links(), 1, "once");
    for (change, back) in [
        ("UPDATE measure_state SET frozen_minor = 30001", "UPDATE measure_state SET frozen_minor = 30000"),
        ("UPDATE measure_state SET frozen_minor = 0", "UPDATE measure_state SET frozen_minor = 30000"),
        (
            "UPDATE item_balance SET posted_minor = 29999 WHERE book_id = 2 AND account_id = \
             (SELECT account_id FROM account WHERE book_id = 2 AND kind = 'frozen_by_order')",
            "UPDATE item_balance SET posted_minor = 30000 WHERE book_id = 2 AND posted_minor = 29999",
        ),
    ] {
        run(&mut desk, change);
        assert!(finding(&mut desk), "{change}");
        run(&mut desk, back);
        assert!(!finding(&mut desk), "{back}");
    }
}

/// What a random sequence of orders, answers and days leaves is the same in the orders and in the memorandum.
fn any_sequence_is_mirrored(database: &Database) {
    let mut desk = Desk::open(database);
    let cases = [desk.court.case(NUMBER), desk.court.case("（2026）浙0106执124号")];
    let kinds = [AssetKind::Deposit, AssetKind::Policy, AssetKind::Wallet];
    let assets = kinds.map(|kind| desk.asset(kind, "622202100111").expect("registers").asset);
    let steps = prop::collection::vec((0_u8..7, 0_usize..3, 0_usize..2, 1_i64..400, 0_usize..8), 12..30);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 4, failure_persistence: None, ..Config::default() },
        proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha),
    );
    let desk = std::cell::RefCell::new(desk);
    runner
        .run(&steps, |steps| {
            let mut desk = desk.borrow_mut();
            let mut orders: Vec<Ordered> = Vec::new();
            for (step, asset, case, amount, which) in steps {
                let asset = &assets[asset];
                match (step, orders.get(which).map(|order| order.measure_id)) {
                    (0 | 1, _) => orders.push(desk.deposit(asset, &cases[case], amount)),
                    (2, _) => {
                        let court = format!("某院{amount}");
                        let whose = ankuan::assets::measures::Whose::Outside {
                            court: &court,
                            frozen: (which % 2 == 0).then_some(yuan(amount)),
                            since: desk.today,
                            document: "告知函",
                        };
                        let new = crate::assets::order(asset, Extent::Amount(yuan(amount)), Basis::Enforcement);
                        // Refused where those before it lack something.
                        let done = desk.act(crate::court::HANDLER, |tx, acting, _, _| {
                            ankuan::assets::measures::freeze(tx, acting, &whose, &new)
                        });
                        orders.extend(done);
                    }
                    (3, Some(measure)) => drop(desk.lift(measure, None)),
                    (4, Some(measure)) => drop(desk.deduct(measure, amount, KEEPER)),
                    (5, _) => {
                        let day = desk.today.checked_add(jiff::ToSpan::days(amount / 2)).expect("a day");
                        desk.day(day);
                    }
                    _ => {}
                }
                let Some(sent) = (if step % 2 == 0 { desk.send() } else { None }) else { continue };
                // The bank says something of every order; much of it contradicts and does not count.
                let today = desk.today;
                let ids: Vec<i64> = {
                    let mut tx = desk.court.store.snapshot().expect("reads");
                    tx.query("SELECT order_id FROM open_order WHERE is_sent = 1 ORDER BY order_id", &[], |row| {
                        row.int(0)
                    })
                    .expect("reads")
                };
                let lines: Vec<(i64, String)> = ids
                    .into_iter()
                    .map(|id| {
                        let text = match (id + amount) % 4 {
                            0 => format!(r#""result":"waiting","on":"{today}","place":{}"#, which % 3 + 1),
                            1 => said("partly", today, amount / 2 + 1),
                            _ => format!(r#""result":"done","on":"{today}""#),
                        };
                        (id, text)
                    })
                    .collect();
                let lines: Vec<(i64, &str)> = lines.iter().map(|(id, text)| (*id, text.as_str())).collect();
                if !lines.is_empty() {
                    let path = desk.answer_file(&sent, &lines);
                    desk.read(&path).expect("reads");
                }
            }
            desk.verified();
            Ok(())
        })
        .expect("holds");
    let noted: i64 = desk.borrow_mut().noted().values().sum();
    assert!(noted > 0, "something is frozen in the end");
}

/// The program shows each book for itself.
fn each_book_is_shown_for_itself(database: &Database) {
    let files = Files::new(1);
    open_court(&files, database);
    let done = |arguments: &[&str]| files.done(&database.address, &words(arguments));
    let account = "622202100111";
    let asset = done(&[
        "asset",
        "add",
        "deposit",
        "--institution",
        "甲银行",
        "--holder",
        "吴某",
        "--identifier",
        account,
        "--as",
        "钱承办",
    ]);
    let asset = asset["asset_id"].to_string();
    let case = crate::program::CASE;
    done(&[
        "freeze",
        &asset,
        "--case",
        case,
        "--ruling",
        "之一",
        "--basis",
        "enforcement",
        "--amount",
        "900",
        "--as",
        "钱承办",
    ]);
    let empty = done(&["ledger", "trial-balance", "--book", "memorandum"]);
    assert_eq!((&empty["accounts"], &empty["ties"]), (&json!([]), &json!(true)));
    let out = files.path("out");
    std::fs::create_dir(&out).expect("a folder");
    let out = out.to_str().expect("is there");
    done(&["instructions", "out", "--institution", "甲银行", "--out", out, "--as", "钱承办"]);
    let order = std::fs::read(format!("{out}/I2026-0001.json")).expect("is there");
    let order: serde_json::Value = serde_json::from_slice(&order).expect("JSON");
    let answer = json!({"schema": "ankuan-answer-1", "instruction": "I2026-0001", "institution": "甲银行", "answers": [
        {"order": order["orders"][0]["order"], "result": "done", "on": order["made_on"], "amount": "900.00"}]});
    let path = files.path("answer.json");
    std::fs::write(&path, answer.to_string()).expect("writes");
    done(&["instructions", "in", path.to_str().expect("is there"), "--as", "钱承办"]);

    for (command, rows) in
        [("accounts", "accounts"), ("balance", "accounts"), ("trial-balance", "accounts"), ("entries", "entries")]
    {
        let money = done(&["ledger", command]);
        let noted = done(&["ledger", command, "--book", "memorandum"]);
        assert_eq!((&money["book"], &noted["book"]), (&json!("case_money"), &json!("memorandum")));
        assert!(!money[rows].to_string().contains("MA-"), "{money}");
        assert!(noted[rows].to_string().contains("MA-") && noted[rows].to_string().contains("ML-"), "{noted}");
        assert!(!noted[rows].to_string().contains("\"C-"), "{noted}");
    }
    let balance = done(&["ledger", "trial-balance", "--book", "memorandum"]);
    assert_eq!(balance["closing"], json!({"debit_minor": 90_000, "credit_minor": 90_000}));
    let list = done(&["asset", "list"]);
    assert_eq!(list["frozen_minor"], json!(Amount::from_minor(90_000)));
    files.verified(&database.address, &[]);
}

crate::on_both!(
    it_follows_the_orders,
    many_orders_are_one_act,
    a_court_whose_orders_are_older_gets_what_stands,
    any_sequence_is_mirrored,
    each_book_is_shown_for_itself,
);
