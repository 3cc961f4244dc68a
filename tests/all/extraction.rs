//! Beyond freezing: queries, surrender, differences that people explain, grounds, expected income, debts, use and
//! substitutes; through the program, on both databases, with institutions that read only its files.

use std::cell::Cell;
use std::fs;

use ankuan::access;
use ankuan::assets::instructions::send;
use ankuan::assets::measures::{self, NewMeasure, Whose};
use ankuan::assets::register::{NewAsset, register};
use ankuan::assets::rules::Extent;
use ankuan::assets::{AssetKind, Basis};
use ankuan::audit::verify_court;
use ankuan::clock::Randomness;
use ankuan::documents::keys::Keys;
use ankuan::schema::MIGRATIONS;
use ankuan::{cases, chart};
use serde_json::{Value, json};

use crate::court::{COURT, TODAY, at};
use crate::program::{CASE, Files, open_court, said, words};
use crate::support::Database;

const ACCOUNT: &str = "1202020009900012345";
const DAY: &str = "2026-11-22";
const INSURER: &str = "乙保险公司";
const VILLAGE: &str = "某村经济合作社";

/// The program at work, and the folder of its files.
struct Office<'a> {
    files: Files,
    database: &'a Database,
    written: Cell<usize>,
    /// What the statements came to so far, in fen.
    balance: Cell<i64>,
}

impl<'a> Office<'a> {
    fn open(database: &'a Database) -> Self {
        let files = Files::new(1);
        open_court(&files, database);
        let office = Self { files, database, written: Cell::new(0), balance: Cell::new(0) };
        office.admin(&["person", "grant", "周局长", "fund_keeper"]);
        for folder in ["out", "back"] {
            fs::create_dir(office.files.path(folder)).expect("a folder");
        }
        office
    }

    fn run(&self, person: &str, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["--as", person]].concat();
        self.files.done(&self.database.address, &words(&arguments))
    }

    fn admin(&self, arguments: &[&str]) -> Value {
        self.run("赵管理", arguments)
    }

    fn handler(&self, arguments: &[&str]) -> Value {
        self.run("钱承办", arguments)
    }

    fn finance(&self, arguments: &[&str]) -> Value {
        self.run("孙财务", arguments)
    }

    /// The code of a refusal.
    fn refused(&self, person: &str, arguments: &[&str]) -> String {
        let arguments = [arguments, &["--as", person]].concat();
        let output = self.files.run(&self.database.address, &words(&arguments));
        assert!(!output.status.success(), "{arguments:?}: {}", said(&output));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        answer["error"]["code"].as_str().expect("a code").to_owned()
    }

    fn asset(&self, kind: &str, institution: &str) -> String {
        let add = ["asset", "add", kind, "--institution", institution, "--holder", "吴某", "--identifier", "330100123"];
        self.handler(&add)["asset_id"].to_string()
    }

    /// A freeze in force with an amount; returns its number.
    fn frozen(&self, asset: &str, institution: &str, yuan: &str) -> String {
        let freeze = ["freeze", asset, "--case", CASE, "--ruling", "之一", "--basis", "enforcement", "--amount", yuan];
        let freeze = self.handler(&freeze);
        let amount = format!("{yuan}.00");
        self.told(institution, &[json!({"order": freeze["order"], "result": "done", "on": DAY, "amount": amount})]);
        freeze["measure_id"].to_string()
    }

    /// Sends what waits for an institution and reads its answer.
    fn told(&self, institution: &str, answers: &[Value]) -> Value {
        let out = self.files.path("out");
        let sent =
            self.handler(&["instructions", "out", "--institution", institution, "--out", out.to_str().expect("UTF-8")]);
        self.answered(institution, sent["instruction"].as_str().expect("a number"), answers)
    }

    fn answered(&self, institution: &str, instruction: &str, answers: &[Value]) -> Value {
        self.written.set(self.written.get() + 1);
        let path = self.files.path(&format!("answer-{}.json", self.written.get()));
        let answer = json!({
            "schema": "ankuan-answer-1", "instruction": instruction, "institution": institution, "answers": answers,
        });
        fs::write(&path, answer.to_string()).expect("writes");
        self.handler(&["instructions", "in", path.to_str().expect("UTF-8")])["answers"][0].clone()
    }

    /// A statement of the day with one credit; returns the number of its line.
    fn credit(&self, payer: &str, yuan: &str, remark: &str) -> String {
        let number = self.written.get() + 1;
        self.written.set(number);
        let minor = |text: &str| text.replace('.', "").parse::<i64>().expect("fen");
        let plain = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
        let before = self.balance.get();
        let after = before + minor(yuan);
        self.balance.set(after);
        let reference = format!("KH-{number}");
        let text = format!(
            "账号,{ACCOUNT}\r\n户名,某某法院\r\n币种,CNY\r\n起止日期,{DAY},{DAY}\r\n期初余额,{}\r\n\
             交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n\
             {DAY},{DAY},,{yuan},{},{payer},,,{remark},{reference},,\r\n期末余额,{}\r\n",
            plain(before),
            plain(after),
            plain(after)
        );
        let path = self.files.path(&format!("statement-{number}.csv"));
        fs::write(&path, text).expect("writes");
        let path = path.to_str().expect("UTF-8");
        self.finance(&["statement", "import", path, "--channel", "bank_direct"]);
        let mut store = self.database.open();
        let mut tx = store.snapshot().expect("reads");
        let text = "SELECT bank_line_id FROM bank_line WHERE bank_reference = $1";
        tx.query_one(text, &[reference.as_str().into()], |row| row.int(0)).expect("a line").to_string()
    }

    fn deduction(&self, id: &str) -> Value {
        self.finance(&["deduction", "show", id])
    }

    /// What is left in the case's funds of a deduction: posted, held.
    fn funds(&self, deduction: &str) -> (i64, i64) {
        let item: i64 = deduction.parse().expect("a number");
        let mut store = self.database.open();
        let mut tx = store.snapshot().expect("reads");
        tx.query_one(
            "SELECT i.posted_minor, i.held_minor FROM item_balance AS i JOIN account AS a ON a.court_id = i.court_id \
             AND a.book_id = i.book_id AND a.account_id = i.account_id WHERE a.kind = 'case_funds' AND i.item_id = $1",
            &[item.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )
        .expect("an item")
    }

    fn verified(&self) {
        self.files.verified(&self.database.address, &[]);
    }
}

/// `key=value` of some fields of an object.
fn some(object: &Value, fields: &[&str]) -> String {
    fields.iter().map(|field| format!("{field}={}", object[*field])).collect::<Vec<_>>().join(" ")
}

fn explain<'a>(id: &'a str, line: &'a str, reason: &'a str, second: &'a str) -> Vec<&'a str> {
    let mut arguments =
        vec!["deduction", "explain", id, "--reason", reason, "--explanation", "保险公司函", "--confirmed-by"];
    arguments.push(second);
    if !line.is_empty() {
        arguments.extend(["--line", line]);
    }
    arguments
}

/// A policy: queried, frozen, surrendered; the insurer takes a loan off, and two people say so.
fn a_policy_is_surrendered_and_a_loan_is_explained(database: &Database) {
    let office = Office::open(database);
    let policy = office.asset("policy", INSURER);
    let query = office.handler(&["query", &policy, "--case", CASE, "--paper", "查1号"]);
    assert_eq!(office.refused("钱承办", &["query", &policy, "--case", CASE, "--paper", "查2号"]), "assets.query_open");
    let found = json!({"order": query["order"], "result": "done", "on": DAY, "amount": "98000.00"});
    let answered = office.told(INSURER, std::slice::from_ref(&found));
    assert_eq!(answered["found"][0]["amount_minor"], 9_800_000);
    assert_eq!(
        office.answered(
            INSURER,
            "I2026-0001",
            &[
                found,
                json!({"order": query["order"], "result": "refused",
        "on": DAY, "reason": "无"})
            ]
        )["conflicts"][0]["code"],
        "assets.answered_differently"
    );
    assert_eq!(office.handler(&["asset", "show", &policy])["found"]["amount_minor"], 9_800_000);

    let freeze = office.frozen(&policy, INSURER, "90000");
    let surrender = |second| ["surrender", &freeze, "--ruling", "退1号", "--confirmed-by", second];
    assert_eq!(office.refused("钱承办", &surrender("钱承办")), "access.second_person_same");
    assert_eq!(office.refused("钱承办", &surrender("孙财务")), "access.second_person_role");
    let ordered = office.handler(&surrender("周局长"));
    assert_eq!(office.refused("钱承办", &surrender("周局长")), "assets.order_open");
    let quote = json!({"order": ordered["order"], "result": "done", "on": DAY, "amount": "88000.00"});
    let answered = office.told(INSURER, &[quote]);
    let id = answered["deductions"][0]["deduction_id"].to_string();
    // 30 days from the termination; the last day is a Tuesday.
    assert_eq!(
        answered["surrendered"],
        json!([{"deduction_id": id.parse::<i64>().expect("a number"), "pay_by": "2026-12-22"}])
    );
    assert_eq!(office.handler(&["asset", "show", &policy])["measures"][0]["status"], "deducted");
    assert_eq!(office.funds(&id), (8_800_000, 8_800_000));
    // The contract is ended: there is nothing left that could be frozen.
    let again = ["freeze", &policy, "--case", CASE, "--ruling", "再1号", "--basis", "enforcement", "--amount", "1000"];
    assert_eq!(office.refused("钱承办", &again), "assets.surrendered_already");
    office.verified();

    // 85,000.00 comes, with the case's number: no rule may take it for new money of the case.
    let line = office.credit(INSURER, "85000.00", CASE);
    let matched = office.finance(&["reconcile", "match"]);
    assert_eq!(matched["matched"], 0, "{matched}");
    let open = office.finance(&["reconcile", "open"]).to_string();
    assert!(open.contains("flows.may_be_deduction"), "{open}");
    let arrived = ["deduction", "arrived", &id, "--line", &line, "--evidence", "回单"];
    assert_eq!(office.refused("孙财务", &explain(&id, &line, "interest", "周局长")), "assets.reason_kind");
    assert_eq!(office.refused("孙财务", &explain(&id, &line, "policy_loan", "孙财务")), "access.second_person_same");
    assert_eq!(office.refused("钱承办", &explain(&id, &line, "policy_loan", "周局长")), "access.role_missing");
    office.finance(&explain(&id, &line, "policy_loan", "周局长"));
    let fields = ["confirmed_minor", "arrived_minor", "on_its_way_minor", "shortfall_minor", "surplus_minor"];
    let wanted =
        "confirmed_minor=8800000 arrived_minor=8500000 on_its_way_minor=0 shortfall_minor=300000 surplus_minor=0";
    assert_eq!(some(&office.deduction(&id), &fields), wanted);
    assert_eq!(office.funds(&id), (8_500_000, 0));
    office.verified();

    // Taken back, it is on its way and held again, and the explanation no longer counts.
    office.finance(&["reconcile", "undo", &line, "--reason", "认错"]);
    let wanted = "confirmed_minor=8800000 arrived_minor=0 on_its_way_minor=8800000 shortfall_minor=0 surplus_minor=0";
    assert_eq!(some(&office.deduction(&id), &fields), wanted);
    assert_eq!(office.funds(&id), (8_800_000, 8_800_000));
    office.verified();
    // Now as a part; what is still on its way is explained later. The money that is here may be paid out meanwhile.
    office.finance(&arrived);
    assert_eq!(office.funds(&id), (8_800_000, 300_000));
    office.finance(&explain(&id, "", "policy_loan", "周局长"));
    assert_eq!(office.funds(&id), (8_500_000, 0));
    assert_eq!(office.refused("孙财务", &explain(&id, "", "policy_loan", "周局长")), "assets.nothing_missing");
    // A dividend follows: more under the same deduction.
    let line = office.credit(INSURER, "120.50", "红利");
    assert_eq!(office.refused("孙财务", &explain(&id, &line, "fee", "周局长")), "assets.reason_kind");
    office.finance(&explain(&id, &line, "dividend", "周局长"));
    let wanted =
        "confirmed_minor=8800000 arrived_minor=8512050 on_its_way_minor=0 shortfall_minor=300000 surplus_minor=12050";
    assert_eq!(some(&office.deduction(&id), &fields), wanted);
    assert_eq!(office.funds(&id), (8_512_050, 0));
    office.verified();
    office.finance(&["reconcile", "undo", &line, "--reason", "认错"]);
    assert_eq!(office.funds(&id), (8_500_000, 0), "a surplus never was on its way: nothing is held for it");
    office.verified();
}

/// An ordinary deduction comes with interest in one line.
fn a_surplus_comes_with_the_deduction(database: &Database) {
    let office = Office::open(database);
    let deposit = office.asset("deposit", "甲银行");
    let freeze = office.frozen(&deposit, "甲银行", "1000");
    assert_eq!(
        office.refused("钱承办", &["surrender", &freeze, "--ruling", "x", "--confirmed-by", "周局长"]),
        "assets.not_a_policy"
    );
    let order =
        office.handler(&["deduct", &freeze, "--amount", "1000", "--ruling", "之二", "--confirmed-by", "周局长"]);
    let done = json!({"order": order["order"], "result": "done", "on": DAY, "amount": "1000.00"});
    let id = office.told("甲银行", &[done])["deductions"][0]["deduction_id"].to_string();
    let line = office.credit("甲银行", "1003.27", "扣划");
    office.finance(&["reconcile", "match"]);
    let arrived = ["deduction", "arrived", &id, "--line", &line, "--evidence", "回单"];
    assert_eq!(office.refused("孙财务", &arrived), "flows.amount_differs", "more is never taken without a word");
    office.finance(&explain(&id, &line, "interest", "周局长"));
    assert_eq!(office.funds(&id), (100_327, 0));
    office.verified();
    let all = office.finance(&["deduction", "list"]);
    assert_eq!(all["deductions"][0]["surplus_minor"], 327);
}

/// A housing fund is frozen, not drawn, until two people record a ground.
fn a_housing_fund_is_frozen_and_not_drawn(database: &Database) {
    let office = Office::open(database);
    let fund = office.asset("housing_fund", "丙公积金中心");
    let freeze = office.frozen(&fund, "丙公积金中心", "500");
    let deduct = ["deduct", &freeze, "--amount", "500", "--ruling", "之二", "--confirmed-by", "周局长"];
    assert_eq!(office.refused("钱承办", &deduct), "assets.no_ground");
    let ground =
        |name, second| ["asset", "ground", &fund, "--ground", name, "--document", "退休证", "--confirmed-by", second];
    assert_eq!(office.refused("钱承办", &ground("rich", "周局长")), "assets.ground_unknown");
    assert_eq!(office.refused("钱承办", &ground("retired", "钱承办")), "access.second_person_same");
    office.handler(&ground("retired", "周局长"));
    assert_eq!(office.handler(&["asset", "show", &fund])["grounds"][0]["ground"], "retired");
    let withdrawn = [&ground("retired", "周局长")[..], &["--withdrawn"]].concat();
    office.handler(&withdrawn);
    assert_eq!(office.refused("钱承办", &withdrawn), "assets.ground_not_recorded");
    assert_eq!(office.refused("钱承办", &deduct), "assets.no_ground");
    office.handler(&ground("home_loan", "周局长"));
    office.handler(&deduct);
    let deposit = office.asset("deposit", "甲银行");
    let not_a_fund =
        ["asset", "ground", &deposit, "--ground", "retired", "--document", "x", "--confirmed-by", "周局长"];
    assert_eq!(office.refused("钱承办", &not_a_fund), "assets.not_a_fund");
    office.verified();
}

/// Dividends of a village: expected, one extracted, one drawn in the daughter's name, one paid to the court by itself.
fn a_dividend_in_the_daughters_name_is_an_alarm(database: &Database) {
    let office = Office::open(database);
    let income = office.asset("income", VILLAGE);
    let series = ["asset", "expect", &income, "--on", "2025-12-31", "--every", "6", "--times", "4"];
    assert_eq!(office.refused("钱承办", &series), "assets.income_no_freeze");
    let freeze =
        office.handler(&["freeze", &income, "--case", CASE, "--ruling", "扣1号", "--basis", "enforcement", "--whole"]);
    let frozen = json!({"order": freeze["order"], "result": "done", "on": DAY, "amount": "3000.00"});
    office.told(VILLAGE, &[frozen]);
    let new = office.handler(&series);
    let new: Vec<String> = new["expectations"].as_array().expect("is there").iter().map(ToString::to_string).collect();
    assert_eq!(new.len(), 4);
    let again = office.handler(&series);
    assert_eq!(again["expectations"], json!([]), "a day that is expected stays one");
    let statuses = |until: &[&str]| {
        let all = office.handler(&[&["asset", "expected"][..], until].concat());
        let all = all["expected"].as_array().expect("is there").clone();
        all.iter().map(|one| one["status"].as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(statuses(&[]), ["overdue", "overdue", "due", "due"]);
    // The payer sends one by order: the earliest is fulfilled.
    let measure = freeze["measure_id"].to_string();
    let deduct = |yuan| ["deduct", &measure, "--amount", yuan, "--ruling", "提1号", "--confirmed-by", "周局长"];
    let order = office.handler(&deduct("800"));
    let done = json!({"order": order["order"], "result": "done", "on": DAY, "amount": "800.00"});
    let answered = office.told(VILLAGE, &[done]);
    assert_eq!(answered["fulfilled"].to_string(), format!("[{}]", new[0]));
    // The next it paid to the daughter: the deduction is refused by it, and somebody is told.
    let order = office.handler(&deduct("900"));
    let elsewhere = json!({"order": order["order"], "result": "paid_elsewhere", "on": DAY, "amount": "900.00", "reason": "王某之女代领"});
    let answered = office.told(VILLAGE, std::slice::from_ref(&elsewhere));
    assert_eq!(answered["alarms"].to_string(), format!("[{}]", new[1]));
    assert_eq!(
        office.answered(
            VILLAGE,
            "I2026-0003",
            &[
                elsewhere,
                json!({"order": order["order"], "result": "frozen", "on": DAY,
        "amount": "1.00"})
            ]
        )["repeated"],
        1
    );
    assert_eq!(statuses(&["--until", DAY]), ["paid", "paid_elsewhere"]);
    let shown = office.handler(&["asset", "show", &income]);
    assert_eq!(
        (&shown["measures"][0]["frozen_minor"], shown["measures"][0]["open_orders"].clone()),
        (&json!(220_000), json!([]))
    );
    // It is made good by a receipt of the case, which counts once.
    let record =
        ["receipt", "record", "FT-9", "--amount", "900", "--value-date", DAY, "--payer", VILLAGE, "--case", CASE];
    let receipt = office.finance(&record);
    let receipt = receipt["receipt"].as_i64().or_else(|| receipt["receipt_id"].as_i64()).expect("a number").to_string();
    let income_of = |which: usize| ["asset", "income", &new[which], "--receipt", &receipt];
    assert_eq!(office.handler(&income_of(1))["became"], "made_good");
    assert_eq!(office.refused("钱承办", &income_of(2)), "assets.income_money");
    assert_eq!(office.refused("钱承办", &["asset", "income", &new[0], "--receipt", "1"]), "assets.income_money");
    // A person finds that the third went elsewhere as well; the fourth will not come.
    let found =
        ["asset", "income", &new[2], "--elsewhere", "王某之女", "--amount", "850", "--on", DAY, "--document", "笔录"];
    office.handler(&found);
    assert_eq!(office.refused("钱承办", &found), "assets.income_settled");
    office.handler(&["asset", "income", &new[3], "--cancelled", "--document", "村民资格注销"]);
    assert_eq!(statuses(&[]), ["paid", "made_good", "paid_elsewhere", "cancelled"]);
    // A payer of a deposit pays nobody else.
    office.verified();
}

/// A debt owed to the debtor: 15 days, an objection, what is admitted.
fn a_debt_is_taken_after_fifteen_days_or_as_far_as_admitted(database: &Database) {
    let office = Office::open(database);
    let debt = office.asset("debt", "丁公司");
    let freeze = office.frozen(&debt, "丁公司", "1000");
    let deduct = |yuan| ["deduct", &freeze, "--amount", yuan, "--ruling", "执1号", "--confirmed-by", "周局长"];
    assert_eq!(office.refused("钱承办", &deduct("1000")), "assets.notice_missing");
    let notice = |served| {
        ["asset", "notice", &debt, "--case", CASE, "--amount", "600", "--served-on", served, "--document", "履1号"]
    };
    assert_eq!(office.refused("钱承办", &notice("2026-11-23")), "assets.day_ahead");
    // Served on the 9th, 15 days end on the 24th.
    let running = office.handler(&notice("2026-11-09"));
    assert_eq!(running["last_day"], "2026-11-24");
    assert_eq!(office.refused("钱承办", &deduct("1")), "assets.notice_runs");
    let number = running["notice_id"].to_string();
    let object =
        |on, admitted| ["asset", "objection", &number, "--on", on, "--admitted", admitted, "--document", "异议书"];
    assert_eq!(office.refused("钱承办", &object("2026-11-08", "250")), "assets.objection_late");
    assert_eq!(office.refused("钱承办", &object("2026-11-20", "601")), "assets.admitted");
    office.handler(&object("2026-11-20", "250"));
    assert_eq!(office.refused("钱承办", &object("2026-11-20", "250")), "assets.objected_already");
    assert_eq!(office.refused("钱承办", &deduct("250.01")), "assets.debt_objected");
    let order = office.handler(&deduct("250"));
    office.told("丁公司", &[json!({"order": order["order"], "result": "done", "on": DAY, "amount": "250.00"})]);
    assert_eq!(office.refused("钱承办", &deduct("0.01")), "assets.debt_objected", "what is admitted is taken once");
    // A second notice, of another debt of the same third party, without a word until its last day, a Monday.
    let silent = office.handler(&notice("2026-11-01"));
    assert_eq!(silent["last_day"], "2026-11-16");
    assert_eq!(office.refused("钱承办", &deduct("600.01")), "assets.exceeds_notice");
    office.handler(&deduct("600"));
    let shown = office.handler(&["asset", "show", &debt]);
    let enforceable: Vec<_> =
        shown["notices"].as_array().expect("is there").iter().map(|one| one["enforceable_minor"].clone()).collect();
    assert_eq!(enforceable, [25_000, 60_000]);
    office.verified();
}

/// Sealed and in use; one freeze in the place of another.
fn what_is_substituted_is_let_go_when_the_new_one_is_in_force(database: &Database) {
    let office = Office::open(database);
    let (old_asset, new_asset) = (office.asset("equity", "戊公司"), office.asset("deposit", "甲银行"));
    let old = office.frozen(&old_asset, "戊公司", "1000");
    let allow = ["asset", "use", &old, "--supervisor", "街道办", "--document", "活1号"];
    office.handler(&allow);
    assert_eq!(office.handler(&["asset", "show", &old_asset])["uses"][0]["supervisor"], "街道办");
    let end = ["asset", "use", &old, "--end", "--document", "活2号"];
    office.handler(&end);
    assert_eq!(office.refused("钱承办", &end), "assets.use_not_allowed");
    let freeze =
        ["freeze", &new_asset, "--case", CASE, "--ruling", "替1号", "--basis", "enforcement", "--amount", "1000"];
    let new = office.handler(&freeze);
    let number = new["measure_id"].to_string();
    assert_eq!(
        office.refused("钱承办", &["asset", "use", &number, "--supervisor", "某", "--document", "x"]),
        "assets.not_in_force"
    );
    let substitute = ["asset", "substitute", &old, "--by", &number, "--document", "替1号"];
    assert_eq!(
        office.refused("钱承办", &["asset", "substitute", &old, "--by", &old, "--document", "x"]),
        "assets.substitute_case"
    );
    office.handler(&substitute);
    assert_eq!(office.refused("钱承办", &substitute), "assets.substituted_already");
    let lift = ["lift", &old, "--ruling", "解1号"];
    assert_eq!(office.refused("钱承办", &lift), "assets.substitute_not_in_force");
    office.told("甲银行", &[json!({"order": new["order"], "result": "partly", "on": DAY, "amount": "400.00"})]);
    office.handler(&lift);
    let cancel = ["asset", "substitute", &old, "--cancel", "--document", "x"];
    office.handler(&cancel);
    assert_eq!(office.refused("钱承办", &cancel), "assets.substitute_none");
    office.verified();
}

/// The practice institutions play all of it from files alone; deposits found count for the case.
fn institutions_play_the_rest(database: &Database) {
    let office = Office::open(database);
    let (bank, policy, income) =
        (office.asset("deposit", "甲银行"), office.asset("policy", INSURER), office.asset("income", VILLAGE));
    let both = [("甲银行", &bank), (INSURER, &policy), (VILLAGE, &income)];
    let (out, back) = (office.files.path("out"), office.files.path("back"));
    let (out, back) = (out.to_str().expect("UTF-8"), back.to_str().expect("UTF-8"));
    let round = || {
        for (institution, _) in both {
            office.handler(&["instructions", "out", "--institution", institution, "--out", out]);
        }
        let sim = [
            "institution-sim",
            "--instructions",
            out,
            "--out",
            back,
            "--seed",
            "3",
            "--differ",
            "100%",
            "--elsewhere",
            "100%",
        ];
        let report = office.files.done(&database.address, &words(&sim));
        let mut answers = Vec::new();
        for name in report["answers"].as_array().expect("is there") {
            let path = format!("{back}/{}", name.as_str().expect("a name"));
            let read = office.handler(&["instructions", "in", &path]);
            assert_eq!(read["answers"][0]["conflicts"], json!([]), "{read}");
            answers.push(read["answers"][0].clone());
        }
        answers
    };
    for (_, asset) in both {
        office.handler(&["query", asset, "--case", CASE, "--paper", "查1号"]);
    }
    let found: Vec<i64> = round().iter().map(|one| one["found"][0]["amount_minor"].as_i64().expect("found")).collect();
    let shown = office.handler(&["asset", "found", "--case", CASE, "--claimed", "1000000"]);
    assert_eq!(shown["cash_minor"], found[0], "of the three only the deposit is cash");
    assert_eq!(shown["cash_ratio_bp"], found[0] * 10_000 / 100_000_000);
    let mut measures = Vec::new();
    for (_, asset) in both {
        let freeze = ["freeze", asset, "--case", CASE, "--ruling", "之一", "--basis", "enforcement", "--whole"];
        measures.push(office.handler(&freeze)["measure_id"].to_string());
    }
    round();
    let amount = |minor: i64| format!("{}.{:02}", minor / 100, minor % 100);
    for (measure, minor) in [(&measures[0], found[0]), (&measures[2], found[2])] {
        office.handler(&[
            "deduct",
            measure,
            "--amount",
            &amount(minor),
            "--ruling",
            "之二",
            "--confirmed-by",
            "周局长",
        ]);
    }
    office.handler(&["surrender", &measures[1], "--ruling", "之三", "--confirmed-by", "周局长"]);
    let answers = round();
    assert_eq!(answers[1]["surrendered"][0]["pay_by"], "2026-12-22");
    assert_eq!(answers[2]["alarms"].as_array().map(Vec::len), Some(1), "the village paid somebody else");
    // What the practice bank is told to credit differs from what was confirmed by one per cent.
    for (answer, minor) in answers[..2].iter().zip(&found) {
        let name = format!("{back}/{}-incoming.csv", answer["instruction"].as_str().expect("a number"));
        let credits = fs::read_to_string(name).expect("credits");
        let sent = credits.lines().nth(1).and_then(|line| line.split(',').next()).expect("an amount").to_owned();
        assert!(sent == amount(minor - minor / 100) || sent == amount(minor + minor / 100), "{sent} of {minor}");
        let id = answer["deductions"][0]["deduction_id"].to_string();
        let payer = if *minor == found[0] { "甲银行" } else { INSURER };
        let line = office.credit(payer, &sent, "扣划");
        office.finance(&explain(&id, &line, "other", "周局长"));
        assert_eq!(some(&office.deduction(&id), &["on_its_way_minor"]), "on_its_way_minor=0");
    }
    office.verified();
}

/// A court that stood at the step before: its orders are as they were, and their chain holds.
fn an_older_database_keeps_its_orders(database: &Database) {
    let mut store = database.open();
    let before = MIGRATIONS.iter().position(|step| step.name == "0006_extraction").expect("is there");
    store.migrate(&MIGRATIONS[..before]).expect("migrates");
    // What this program writes beside a role stands in a later step, which needs nothing of those before it.
    store.migrate(&[ankuan::schema::ELSEWHERE]).expect("migrates");
    let mut tx = store.begin().expect("begins");
    let new = chart::NewCourt {
        court_id: COURT,
        name: "某某法院",
        admin_name: "管理员",
        chart_file: chart::DEFAULT_FILE,
        chart_text: chart::DEFAULT,
    };
    let admin = chart::open_court(&mut tx, &new, TODAY, at()).expect("opens");
    let person = access::add_person(&mut tx, &admin, "承办人").expect("adds");
    access::grant(&mut tx, &admin, &person, access::Role::Handler, TODAY, "任命").expect("grants");
    let acting = access::Acting { actor: person, at: at(), date: TODAY };
    let accounts = chart::load(&mut tx, COURT).expect("the chart");
    let case = cases::open_case(&mut tx, &acting, &accounts, CASE, "张三申请执行", TODAY).expect("a case");
    let (mut random, folder) = (Randomness::seeded(5), tempfile::tempdir().expect("a folder"));
    let keys = Keys::create(&folder.path().join("court.key"), &mut random).expect("makes keys");
    let new = NewAsset {
        kind: AssetKind::Policy,
        institution: INSURER,
        holder_name: "吴某",
        is_company: false,
        identifier: "P-1",
    };
    let asset = register(&mut tx, &acting, &keys, &mut random, &new).expect("registers").asset;
    let new = NewMeasure {
        asset: &asset,
        ruling: "之一",
        officer: "承办人",
        basis: Basis::Enforcement,
        extent: Extent::Whole,
        months: None,
        allowance: None,
    };
    let ordered = measures::freeze(&mut tx, &acting, &Whose::Case(&case), &new).expect("orders");
    tx.commit().expect("commits");
    store.migrate(MIGRATIONS).expect("migrates");
    let report = verify_court(&mut store, COURT, Some(&keys), &[], &mut |_| ()).expect("verifies");
    assert!(report.checks.iter().all(|check| check.ok()), "{:?}", report.checks);
    let mut tx = store.begin().expect("begins");
    let sent = send(&mut tx, &acting, &keys, &mut random, INSURER).expect("sends").expect("the order is still open");
    assert_eq!((sent.order_count, ordered.order_id.is_some()), (1, true));
    // The events are guarded as before.
    assert!(tx.execute("UPDATE measure_event SET reason = 'x'", &[]).is_err());
}

/// A state or a difference that does not follow from the facts is found.
fn what_does_not_follow_is_found(database: &Database) {
    let office = Office::open(database);
    let deposit = office.asset("deposit", "甲银行");
    office.handler(&["query", &deposit, "--case", CASE, "--paper", "查1号"]);
    office.verified();
    let mut store = database.open();
    let mut tx = store.begin().expect("begins");
    assert_eq!(tx.execute("UPDATE open_query SET is_sent = 1", &[]).expect("changes"), 1);
    tx.commit().expect("commits");
    let output = office.files.run(&database.address, &words(&["verify"]));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("open queries do not follow"), "{}", said(&output));
}

crate::on_both!(
    an_older_database_keeps_its_orders,
    what_does_not_follow_is_found,
    a_policy_is_surrendered_and_a_loan_is_explained,
    a_surplus_comes_with_the_deduction,
    a_housing_fund_is_frozen_and_not_drawn,
    a_dividend_in_the_daughters_name_is_an_alarm,
    a_debt_is_taken_after_fifteen_days_or_as_far_as_admitted,
    what_is_substituted_is_let_go_when_the_new_one_is_in_force,
    institutions_play_the_rest,
);
