//! Salary accounts under a live freeze, in the books: reports in, what is held, sweeps out, on both databases.

use std::fs;
use std::path::PathBuf;

use ankuan::Outcome;
use ankuan::assets::measures::Ordered;
use ankuan::assets::rules::Extent;
use ankuan::assets::salary_reports::{self, Imported, Swept};
use ankuan::assets::{AssetKind, Basis, MeasureStatus};
use ankuan::cases;
use ankuan::flows::match_account;
use ankuan::statements::Channel;
use ankuan::statements::import::{Import, import_statement};
use ankuan_ledger::Amount;
use ankuan_reconciliation::matching::Rules;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::json;

use crate::assets::{BANK, Desk, yuan};
use crate::court::{ACCOUNT, BOOK, FINANCE, HANDLER, KEEPER, NUMBER, TODAY, code};
use crate::program::{Files, open_court, words};
use crate::support::Database;

const SALARY: &str = "6217000123";

/// A movement: the bank's number, kind, day, yuan.
type Movement<'a> = (&'a str, &'a str, Date, i64);

impl Desk {
    fn report(&mut self, number: &str, days: (Date, Date), lines: &[Movement<'_>]) -> PathBuf {
        let lines: Vec<_> = lines
            .iter()
            .map(|(reference, kind, on, amount)| {
                json!({"reference": reference, "account": SALARY, "kind": kind, "on": on.to_string(),
                       "amount": format!("{amount}.00")})
            })
            .collect();
        let report = json!({"schema": "ankuan-salary-report-1", "number": number, "institution": BANK,
                            "from": days.0.to_string(), "until": days.1.to_string(), "lines": lines});
        self.files += 1;
        let path = self.folder.path().join(format!("salary-{}.json", self.files));
        fs::write(&path, report.to_string()).expect("writes");
        path
    }

    fn import(&mut self, path: &std::path::Path) -> Outcome<Imported> {
        self.act(HANDLER, |tx, acting, keys, random| salary_reports::import(tx, acting, keys, random, path))
    }

    /// A report of the day that it is.
    fn reported(&mut self, lines: &[Movement<'_>]) -> Imported {
        let days = (self.today.first_of_month(), self.today);
        let number = format!("XZ-{}", self.files + 1);
        let path = self.report(&number, days, lines);
        self.import(&path).expect("imports")
    }

    fn sweep(&mut self, asset_id: i64, second: &str) -> Outcome<Swept> {
        let (account, second) = (self.court.bank_account(), self.court.person(second));
        self.act(HANDLER, |tx, acting, _, _| {
            salary_reports::sweep(tx, acting, &[asset_id], &account, "扣划裁定", &second)
        })
    }

    /// What is frozen for an order, in yuan.
    fn frozen(&mut self, ordered: &Ordered) -> Option<i64> {
        self.stands(ordered).1.map(|freeze| freeze.0.minor() / 100)
    }

    /// Answers an order as done, and gives the file's outcome.
    fn done(&mut self, order: i64, amount: Amount) -> ankuan::assets::answers::Answered {
        let minor = amount.minor();
        let today = self.today;
        let text = format!(r#""result":"done","on":"{today}","amount":"{}.{:02}""#, minor / 100, minor % 100);
        self.told(&[(order, &text)])
    }
}

fn partly(on: Date) -> String {
    format!(r#""result":"partly","on":"{on}","amount":"0.00""#)
}

fn waiting(on: Date) -> String {
    format!(r#""result":"waiting","on":"{on}","place":1"#)
}

/// Two orders on Wang's salary, served above her living money until both are met; the money arrives.
fn a_salary_pays_two_debts(database: &Database) {
    let mut desk = Desk::open(database);
    let (one, other) = (desk.court.case(NUMBER), desk.court.case("（2026）浙0106执124号"));
    let asset = desk.asset(AssetKind::Salary, SALARY).expect("registers").asset;
    let freeze = |desk: &mut Desk, case, amount| {
        desk.freeze(&asset, case, Extent::Amount(yuan(amount)), Basis::Enforcement).expect("orders")
    };
    let first = freeze(&mut desk, &one, 9_000);
    let second = freeze(&mut desk, &other, 5_000);
    let (yes, line) = (partly(TODAY), waiting(TODAY));
    desk.told(&[(first.order_id.expect("is there"), &yes), (second.order_id.expect("is there"), &line)]);
    // Nothing is known of the account: nothing may be deducted.
    assert_eq!(desk.sweep(asset.asset_id, KEEPER).expect("nothing").ordered, []);
    let imported = desk.reported(&[("1", "opening", TODAY, 500), ("2", "credit", TODAY, 8_000)]);
    assert_eq!((imported.applied, imported.faults.len(), imported.conflicts.len()), (2, 0, 0));
    assert_eq!(desk.frozen(&first), Some(6_500));
    desk.verified();

    // More than is frozen: what is said is that the rest must be left to the debtor.
    assert_eq!(code(desk.deduct(first.measure_id, 6_501, KEEPER)), "assets.allowance_untouchable");
    assert_eq!(code(desk.sweep(asset.asset_id, HANDLER)), "access.second_person_same");
    assert_eq!(code(desk.sweep(asset.asset_id, FINANCE)), "access.second_person_role");
    let swept = desk.sweep(asset.asset_id, KEEPER).expect("orders");
    let order = swept.ordered[0];
    assert_eq!((swept.ordered.len(), order.1, order.3), (1, first.measure_id, yuan(6_500)));
    assert_eq!(desk.sweep(asset.asset_id, KEEPER).expect("nothing").ordered, [], "asked already");
    let answered = desk.done(order.2, order.3);
    assert_eq!(answered.deductions.iter().map(|one| one.1).collect::<Vec<_>>(), [yuan(6_500)]);
    desk.verified();

    // December: she draws 1,500, the first order lacks 2,500, the rest is the second's.
    desk.today = date(2026, 12, 10);
    let today = desk.today;
    let imported = desk.reported(&[("3", "credit", today, 8_000), ("4", "withdrawal", today, 1_500)]);
    assert_eq!((imported.applied, imported.faults.len()), (2, 0));
    // 4,000 of allowance, 1,500 of it drawn: 2,500 left of 8,500.
    assert_eq!((desk.frozen(&first), desk.frozen(&second)), (Some(2_500), Some(3_500)));
    let swept = desk.sweep(asset.asset_id, KEEPER).expect("orders");
    assert_eq!(swept.total(), Some(yuan(6_000)));
    let texts: Vec<(i64, String)> = swept
        .ordered
        .iter()
        .map(|(.., order, amount)| {
            (*order, format!(r#""result":"done","on":"{today}","amount":"{}.00""#, amount.minor() / 100))
        })
        .collect();
    let lines: Vec<(i64, &str)> = texts.iter().map(|(order, text)| (*order, text.as_str())).collect();
    desk.told(&lines);
    assert_eq!(desk.stands(&first).0, MeasureStatus::Deducted);
    desk.verified();

    // January: the second is met, and the freeze ends by itself.
    desk.today = date(2027, 1, 10);
    let today = desk.today;
    desk.reported(&[("5", "credit", today, 8_000)]);
    let swept = desk.sweep(asset.asset_id, KEEPER).expect("orders");
    assert_eq!(swept.total(), Some(yuan(1_500)));
    desk.done(swept.ordered[0].2, yuan(1_500));
    assert_eq!(desk.stands(&second).0, MeasureStatus::Deducted);
    assert_eq!(desk.sweep(asset.asset_id, KEEPER).expect("nothing").ordered, []);
    desk.verified();
    // All of it arrives at the court's account.
    let on_its_way: i64 = desk.expected().iter().map(|one| one.1).sum();
    assert_eq!(on_its_way, 14_000);
    let statement = desk.folder.path().join("statement.csv");
    let text = format!(
        "账号,{ACCOUNT}\r\n户名,法院\r\n币种,CNY\r\n起止日期,{today},{today}\r\n期初余额,0.00\r\n\
         交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n\
         {today},{today},,6500.00,6500.00,{BANK},,,扣划款,KH-1,,\r\n期末余额,6500.00\r\n"
    );
    fs::write(&statement, text).expect("writes");
    let fetched_by = desk.court.person(FINANCE);
    desk.act(FINANCE, |tx, acting, keys, random| {
        let import = Import {
            path: &statement,
            profile: None,
            bank_account: None,
            channel: Channel::BankDirect,
            fetched_by: &fetched_by,
        };
        import_statement(tx, acting, keys, random, &import, &mut |_| ())
    })
    .expect("imports");
    let (chart, account) = (desk.court.chart.clone(), desk.court.bank_account());
    let matched = desk
        .act(FINANCE, |tx, acting, _, _| match_account(tx, acting, &chart, &account, Rules::standard(), "standard"))
        .expect("matches");
    assert_eq!(matched.receipts.amount, yuan(6_500));
    desk.verified();
}

/// What the bank tells that cannot be, what it should not have let go, and what is said twice.
fn reports_count_once_and_faults_are_told(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case(NUMBER);
    let path = desk.report("XZ-0", (TODAY, TODAY), &[("1", "credit", TODAY, 1)]);
    assert_eq!(code(desk.import(&path)), "salary.institution_unknown");
    let asset = desk.asset(AssetKind::Salary, SALARY).expect("registers").asset;
    let deposit = desk.asset(AssetKind::Deposit, SALARY).expect("registers").asset;
    assert_eq!(code(desk.sweep(deposit.asset_id, KEEPER)), "salary.not_salary");
    let share = desk.freeze(&asset, &case, Extent::Share(5_000), Basis::Enforcement);
    assert_eq!(code(share), "assets.salary_share");
    let freeze = desk.freeze(&asset, &case, Extent::Amount(yuan(9_000)), Basis::Enforcement).expect("orders");
    desk.told(&[(freeze.order_id.expect("is there"), &partly(TODAY))]);

    let month = (TODAY.first_of_month(), TODAY);
    let path = desk.report("XZ-1", month, &[("1", "credit", TODAY, 5_000), ("2", "withdrawal", TODAY, 2_300)]);
    let imported = desk.import(&path).expect("imports");
    assert_eq!((imported.applied, imported.faults.len()), (2, 1));
    let finding = &imported.faults[0].finding;
    assert_eq!((finding.free, finding.frozen), (yuan(2_000), yuan(300)));
    assert_eq!(desk.frozen(&freeze), Some(2_700));
    assert!(desk.import(&path).expect("the same").already);
    // The number again with other content; a day ahead; lines that were said, that contradict, that cannot be.
    let other = desk.report("XZ-1", month, &[("9", "credit", TODAY, 1)]);
    assert_eq!(code(desk.import(&other)), "salary.number_known");
    let ahead = TODAY.tomorrow().expect("a day");
    let other = desk.report("XZ-2", (TODAY, ahead), &[("9", "credit", TODAY, 1)]);
    assert_eq!(code(desk.import(&other)), "assets.day_ahead");
    let before = TODAY.yesterday().expect("a day");
    let lines = [
        ("1", "credit", TODAY, 5_000),
        ("2", "withdrawal", TODAY, 2_301),
        ("3", "withdrawal", TODAY, 2_701),
        ("4", "credit", before, 10),
        ("5", "opening", TODAY, 7),
        ("6", "opening", TODAY, 7),
        ("7", "credit", TODAY, 40),
        ("7", "credit", TODAY, 40),
        ("7", "credit", TODAY, 41),
    ];
    let path = desk.report("XZ-2", (TODAY, TODAY), &lines);
    let text = fs::read_to_string(&path).expect("reads").replacen(SALARY, "404", 1);
    let text = text.replacen(r#""reference":"1""#, r#""reference":"8""#, 1);
    fs::write(&path, text).expect("writes");
    let imported = desk.import(&path).expect("imports");
    let codes: Vec<_> = imported.conflicts.iter().map(|one| (one.line_no, one.message.code)).collect();
    assert_eq!(
        codes,
        [
            (1, "salary.account_unknown"),
            (2, "salary.reference_differs"),
            (4, "salary.day_outside"),
            (9, "salary.reference_differs"),
        ]
    );
    assert_eq!((imported.applied, imported.repeated), (4, 1), "{imported:?}");
    desk.verified();
    // What is not there cannot be drawn.
    let imported = desk.reported(&[("10", "withdrawal", TODAY, 9_000)]);
    assert_eq!(imported.conflicts[0].message.code, "live_freeze.overdrawn");
    assert_eq!(
        code(desk.act(HANDLER, |tx, _, _, _| salary_reports::show(tx, BOOK, deposit.asset_id, TODAY))),
        "salary.not_salary"
    );
    desk.verified();
}

/// Not by an order, not by an answer: the living allowance stays.
fn the_allowance_is_untouchable(database: &Database) {
    let mut desk = Desk::open(database);
    let case = desk.court.case("（2026）浙0106执保5号");
    let asset = desk.asset(AssetKind::Salary, SALARY).expect("registers").asset;
    let freeze = desk.freeze(&asset, &case, Extent::Amount(yuan(9_000)), Basis::Preservation).expect("orders");
    // The bank says that it has frozen 3,000: but how much of it is living money, nobody has told.
    let told = format!(r#""result":"partly","on":"{TODAY}","amount":"3000.00""#);
    desk.told(&[(freeze.order_id.expect("is there"), &told)]);
    desk.act(HANDLER, |tx, acting, _, _| cases::add_number(tx, acting, &case, NUMBER, TODAY)).expect("enforced");
    assert_eq!(code(desk.deduct(freeze.measure_id, 1, KEEPER)), "assets.allowance_untouchable");
    desk.today = date(2026, 11, 30);
    let today = desk.today;
    desk.reported(&[("1", "credit", today, 3_000)]);
    assert_eq!(desk.frozen(&freeze), Some(1_000));
    let deduction = desk.deduct(freeze.measure_id, 1_000, KEEPER).expect("above the allowance");
    // The bank deducts on the next day, when December's allowance comes first: that is not ours.
    desk.today = date(2026, 12, 1);
    let answered = desk.done(deduction.order_id.expect("an order"), yuan(1_000));
    assert_eq!(answered.conflicts[0].message.code, "assets.allowance_untouchable");
    assert_eq!((answered.deductions.len(), desk.expected().len()), (0, 0));
    desk.verified();
}

/// Over random lives of an account: the allowance is never touched, no order gets more than its amount, the memorandum and
/// the money are what the orders say.
fn any_life_of_an_account(database: &Database) {
    let desk = std::cell::RefCell::new((Desk::open(database), 0_i64));
    let steps = prop::collection::vec((0_u8..8, 1_i64..6_000), 10..28);
    let mut runner = TestRunner::new_with_rng(
        Config { cases: 6, failure_persistence: None, ..Config::default() },
        TestRng::deterministic_rng(RngAlgorithm::ChaCha),
    );
    let swept_in_all = std::cell::Cell::new(0_i64);
    runner
        .run(&steps, |steps| {
            let (desk, lives) = &mut *desk.borrow_mut();
            *lives += 1;
            let account = format!("{SALARY}{lives}");
            let asset = desk.asset(AssetKind::Salary, &account).expect("registers").asset;
            let case = desk.court.case(&format!("（2026）浙0106执{}号", 200 + *lives));
            let mut orders: Vec<Ordered> = Vec::new();
            let mut reference = 0;
            for (step, number) in steps {
                let today = desk.today;
                reference += 1;
                match step {
                    0..=2 => {
                        let kind = if step == 2 { "withdrawal" } else { "credit" };
                        let name = reference.to_string();
                        let path = desk.report(
                            &format!("{account}-{reference}"),
                            (today, today),
                            &[(&name, kind, today, number)],
                        );
                        let text = fs::read_to_string(&path).expect("reads");
                        fs::write(&path, text.replace(&format!("\"{SALARY}\""), &format!("\"{account}\"")))
                            .expect("writes");
                        desk.import(&path).expect("imports");
                    }
                    3 => {
                        let extent = Extent::Amount(yuan(number * 2));
                        let ordered = desk.freeze(&asset, &case, extent, Basis::Enforcement).expect("orders");
                        let order = ordered.order_id.expect("an order");
                        let sent = desk.send().expect("something");
                        // In force; where those before it lack something, that contradicts and it waits.
                        for text in [partly(today), waiting(today)] {
                            let path = desk.answer_file(&sent, &[(order, &text)]);
                            let answered = desk.read(&path).expect("reads");
                            if answered.applied == 1 {
                                break;
                            }
                        }
                        orders.push(ordered);
                    }
                    4 => {
                        let last = orders.get(usize::try_from(number % 4).expect("small"));
                        if let Some(measure) = last.map(|order| order.measure_id)
                            && let Ok(lift) = desk.lift(measure, None)
                            && let (Some(order), Some(sent)) = (lift.order_id, desk.send())
                        {
                            let path =
                                desk.answer_file(&sent, &[(order, &format!(r#""result":"done","on":"{today}""#))]);
                            desk.read(&path).expect("reads");
                        }
                    }
                    5 => {
                        let next = today.checked_add((number % 50).days()).expect("a day");
                        desk.day(next);
                    }
                    _ => {
                        let swept = desk.sweep(asset.asset_id, KEEPER).expect("sweeps");
                        if swept.ordered.is_empty() {
                            continue;
                        }
                        let texts: Vec<(i64, String)> = swept
                            .ordered
                            .iter()
                            .map(|(.., order, amount)| {
                                let yuan = format!("{}.{:02}", amount.minor() / 100, amount.minor() % 100);
                                (*order, format!(r#""result":"done","on":"{today}","amount":"{yuan}""#))
                            })
                            .collect();
                        let sent = desk.send().expect("something");
                        let lines: Vec<(i64, &str)> =
                            texts.iter().map(|(order, text)| (*order, text.as_str())).collect();
                        let path = desk.answer_file(&sent, &lines);
                        let answered = desk.read(&path).expect("reads");
                        prop_assert_eq!(answered.conflicts.len(), 0, "{:?}", answered.conflicts);
                        let total = swept.total().expect("in range").minor();
                        swept_in_all.set(swept_in_all.get() + total);
                    }
                }
            }
            let mut tx = desk.court.store.snapshot().expect("reads");
            let (account, _) = salary_reports::show(&mut tx, BOOK, asset.asset_id, desk.today).expect("reckons");
            drop(tx);
            for record in &account.standing.records {
                let measure = account.standing.line.measure(record.measure_id).expect("known");
                let state = ankuan::assets::measures::states_of(&account.standing.line);
                let state = state.iter().find(|state| state.measure_id == measure.measure_id).expect("is there");
                let Extent::Amount(ordered) = record.extent else { unreachable!("amounts only") };
                prop_assert!(state.frozen.plus(state.deducted).expect("in range") <= ordered);
            }
            desk.verified();
            Ok(())
        })
        .expect("holds");
    assert!(swept_in_all.get() > 0, "something was deducted");
    // What was deducted is on its way, all of it and no more.
    let on_its_way: i64 = {
        let desk = &mut desk.borrow_mut().0;
        let account = desk.court.bank_account();
        let mut tx = desk.court.store.snapshot().expect("reads");
        let all = ankuan::assets::expected(&mut tx, crate::court::COURT, account.bank_account_id).expect("reads");
        all.iter().map(|one| one.amount.minor()).sum()
    };
    assert_eq!(on_its_way, swept_in_all.get());
}

/// By the program.
fn from_the_command_line(database: &Database) {
    let files = Files::new(1);
    open_court(&files, database);
    let done = |arguments: &[&str]| files.done(&database.address, &words(arguments));
    done(&["person", "grant", "周局长", "fund_keeper", "--as", "赵管理"]);
    let asset = done(&[
        "asset",
        "add",
        "salary",
        "--institution",
        "甲银行",
        "--holder",
        "王某",
        "--identifier",
        SALARY,
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
        "9000",
        "--allowance",
        "2000",
        "--as",
        "钱承办",
    ]);
    let out = files.path("out");
    fs::create_dir(&out).expect("a folder");
    let out = out.to_str().expect("is there");
    done(&["instructions", "out", "--institution", "甲银行", "--out", out, "--as", "钱承办"]);
    let sent: serde_json::Value =
        serde_json::from_slice(&fs::read(format!("{out}/I2026-0001.json")).expect("is there")).expect("JSON");
    let answer = json!({"schema": "ankuan-answer-1", "instruction": "I2026-0001", "institution": "甲银行", "answers": [
        {"order": sent["orders"][0]["order"], "result": "partly", "on": "2026-11-22", "amount": "0.00"}]});
    let path = files.path("answer.json");
    fs::write(&path, answer.to_string()).expect("writes");
    done(&["instructions", "in", path.to_str().expect("is there"), "--as", "钱承办"]);
    let report = files.path("report.csv");
    let text = format!(
        "报告编号,机构,起,止,流水号,账号,类型,日期,金额,措施编号\r\n\
         XZ-1,甲银行,2026-11-01,2026-11-22,1,{SALARY},入账,2026-11-22,8000.00,\r\n\
         XZ-1,甲银行,2026-11-01,2026-11-22,2,{SALARY},支取,2026-11-22,2100.00,\r\n"
    );
    fs::write(&report, text).expect("writes");
    let report = report.to_str().expect("is there");
    let read = done(&["salary", "import", report, "--as", "钱承办"]);
    assert_eq!(
        (&read["reports"][0]["applied"], &read["reports"][0]["faults"][0]["frozen_minor"]),
        (&json!(2), &json!(10_000))
    );
    let shown = done(&["salary", "show", &asset, "--month", "2026-11"]);
    let month = &shown["months"][0];
    assert_eq!((&month["credited_minor"], &month["drawn_minor"]), (&json!(800_000), &json!(210_000)));
    assert_eq!((&month["free_minor"], &month["held"][0]["amount_minor"]), (&json!(0), &json!(590_000)));
    assert_eq!(done(&["salary", "show", &asset, "--month", "2026-10"])["months"], json!([]));
    let swept = done(&["salary", "sweep", "--all", "--ruling", "之二", "--confirmed-by", "周局长", "--as", "钱承办"]);
    assert_eq!(swept["amount_minor"], json!(590_000));
    let sent = done(&["instructions", "out", "--institution", "甲银行", "--out", out, "--as", "钱承办"]);
    assert_eq!(sent["orders"], json!(1));
    files.verified(&database.address, &[]);
}

crate::on_both!(
    a_salary_pays_two_debts,
    reports_count_once_and_faults_are_told,
    the_allowance_is_untouchable,
    any_life_of_an_account,
    from_the_command_line,
);
