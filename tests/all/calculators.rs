//! `ankuan calc` as people run it: no database, no keys, nobody who acts.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// An empty folder and the program in it: whatever it made would be seen.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) {
        std::fs::write(self.0.path().join(name), bytes).expect("writes");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ankuan"));
        for name in ["DATABASE_URL", "ANKUAN_AS", "ANKUAN_KEYS", "ANKUAN_WAIT"] {
            command.env_remove(name);
        }
        command.current_dir(self.0.path()).arg("calc").args(arguments).stdin(Stdio::null());
        let before = self.names();
        let output = command.output().expect("runs");
        assert_eq!(self.names(), before, "{arguments:?} made a file");
        output
    }

    fn names(&self) -> Vec<std::ffi::OsString> {
        let mut names: Vec<_> = std::fs::read_dir(self.0.path())
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn text(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8(output.stderr).expect("UTF-8");
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    pub(crate) fn object(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.text(&[arguments, &["--json"]].concat())).expect("one JSON object")
    }

    /// Refused with this exit code and code, in whole sentences of both languages.
    pub(crate) fn refused(&self, arguments: &[&str], exit: i32, code: &str) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {shown}");
        let object: Value = serde_json::from_str(&shown).expect("one JSON object");
        assert_eq!(object["error"]["code"], code, "{arguments:?}: {shown}");
        for key in ["message_zh", "message_en"] {
            let text = object["error"][key].as_str().unwrap_or_default();
            assert!(!text.is_empty() && !text.contains("%{") && !text.contains("calc."), "{arguments:?}: {text}");
        }
        object
    }
}

/// The sum of a field of every line, in fen.
fn sum(lines: &Value, field: &str) -> i64 {
    let fen = |line: &Value| -> i64 { line[field].as_str().expect("text").replace('.', "").parse().expect("fen") };
    lines.as_array().expect("lines").iter().map(fen).sum()
}

#[test]
fn fees() {
    let desk = Desk::new();
    let fee = desk.object(&["fee", "--amount", "1700000000"]);
    assert_eq!(fee["fee"], "1767400.00");
    assert_eq!(sum(&fee["lines"], "amount"), 176_740_000);
    assert!(
        fee["lines"].as_array().expect("lines").iter().all(|line| line["source_zh"] == "《诉讼费用交纳办法》第14条")
    );
    assert_eq!(desk.object(&["preservation-fee", "--amount", "896,000"])["fee"], "5000.00");
    assert_eq!(desk.object(&["fee", "--without-amount", "300"])["fee"], "300.00");
    let taken = |rank: &str| desk.object(&["fee", "--claimed", "500000", "--collected", "130000", "--rank", rank]);
    let field = |object: &Value, name: &str| object[name].as_str().map(str::to_owned);
    assert_eq!(field(&taken("before-claimant"), "to_claimant").as_deref(), Some("128150.00"));
    assert_eq!(field(&taken("after-claimant"), "fee_open").as_deref(), Some("1850.00"));
    // A court's own scale.
    let own = include_str!("../../src/calculators/fees.toml").replace("\"0.1%\"", "\"0.2%\"");
    desk.file("fees.toml", own);
    assert_eq!(desk.object(&["fee", "--amount", "20000000", "--rules", "fees.toml"])["fee"], "97400.00");
    desk.file("fees.toml", "version = \"x\"\n");
    let refusal = desk.refused(&["fee", "--amount", "1", "--rules", "fees.toml"], 1, "calc.file");
    assert!(refusal["error"]["message_zh"].as_str().expect("text").starts_with("fees.toml"), "{refusal}");
    desk.refused(&["fee", "--amount", "1", "--rules", "none.toml"], 1, "file.not_found");
    desk.refused(&["fee", "--amount", "1", "--rules", "."], 1, "file.is_folder");
    desk.file("large.toml", vec![b'#'; 33 * 1024 * 1024]);
    desk.refused(&["fee", "--amount", "1", "--rules", "large.toml"], 1, "calc.file_large");
    desk.refused(&["fee", "--amount", "0"], 1, "calc.amount_not_positive");
    desk.refused(&["fee", "--without-amount", "501"], 1, "calc.fee_outside");
    desk.refused(&["fee"], 2, "command.usage");
    desk.refused(&["fee", "--amount", "1.234"], 2, "command.usage");
    desk.refused(&["fee", "--claimed", "1"], 2, "command.usage");
}

#[test]
fn interest() {
    let desk = Desk::new();
    let year = ["interest", "--part", "2023-01-01:100000", "--until", "2024-01-01"];
    let object = desk.object(&year);
    assert_eq!(
        (&object["doubled_interest"], &object["lines"][0]["days"]),
        (&Value::from("6387.50"), &Value::from(365))
    );
    assert_eq!(object["settings"]["last_day"], "not_counted");
    let counted = desk.object(&[&year[..], &["--last-day", "counted"]].concat());
    assert_eq!(counted["doubled_interest"], "6405.00");
    // The same debt by options and by file.
    let options = [
        &year[..],
        &["--payment", "2023-04-11:40000:deduction", "--not-counted", "2023-06-01..2023-06-30", "--costs", "500"],
        &["--general-rate", "6%", "--general-from", "2022-01-01"],
    ]
    .concat();
    desk.file(
        "debt.toml",
        "until = 2024-01-01\ncosts = \"500\"\n[[part]]\ndue_on = 2023-01-01\namount = \"100000\"\n\
         [[part.general]]\nfrom = 2022-01-01\nrate = \"6%\"\nper = \"year\"\n\
         [[payment]]\non = 2023-04-11\namount = \"40000\"\nkind = \"deduction\"\n\
         [[not_counted]]\nfrom = 2023-06-01\nuntil = 2023-06-30\n",
    );
    let by_options = desk.object(&options);
    assert_eq!(by_options, desk.object(&["interest", "--file", "debt.toml"]));
    assert_eq!(sum(&by_options["payments"], "amount"), 4_000_000);
    assert_eq!(by_options["open_total"], "75664.71");
    assert_eq!(by_options["notes"].as_array().map(Vec::len), Some(2));
    insta::assert_snapshot!(desk.text(&[&options[..], &["--lang", "en"]].concat()));
    assert!(desk.text(&options).contains("法释〔2014〕8号第4条"));
    // A bankruptcy ends both kinds, and a note says what is disputed.
    let bankrupt = desk.object(&[&options[..], &["--bankruptcy-accepted", "2023-05-01"]].concat());
    assert_eq!(
        (&bankrupt["lines"][3]["until"], bankrupt["lines"].as_array().map(Vec::len)),
        (&Value::from("2023-04-30"), Some(4))
    );
    assert!(bankrupt["notes"][1]["source_en"].as_str().expect("text").contains("art. 46"), "{bankrupt}");
    desk.refused(&[&year[..], &["--payment", "2024-01-02:1"]].concat(), 1, "calc.interest_payment_late");
    desk.refused(&[&year[..], &["--payment", "2023-01-02:1:gift"]].concat(), 2, "command.usage");
    desk.refused(&[&year[..], &["--general-rate", "6%"]].concat(), 2, "command.usage");
    desk.refused(&[&year[..], &["--general-rate", "-6%", "--general-from", "2023-01-01"]].concat(), 2, "command.usage");
    desk.refused(&["interest", "--file", "debt.toml", "--until", "2025-01-01"], 2, "command.usage");
    desk.file("debt.toml", "until = 2024-01-01\n[[part]]\ndue_on = 2023-02-30\namount = \"1\"\n");
    desk.refused(&["interest", "--file", "debt.toml"], 1, "calc.file");
}

#[test]
fn waterfalls() {
    let desk = Desk::new();
    let rows = "债权编号,姓名,类别,顺序,债权金额\nA,张三,ordinary,1,100\nB1,李四,ordinary,2,200\n\
                B2,王五,ordinary,2,100\nC,赵六,ordinary,3,100\nE,评估公司,costs,,5\n";
    desk.file("claims.csv", rows);
    let company = ["waterfall", "company", "--money", "135", "--claims", "claims.csv"];
    let division = desk.object(&company);
    assert_eq!(sum(&division["lines"], "share"), 13_500);
    let shares: Vec<&str> =
        division["lines"].as_array().expect("lines").iter().filter_map(|line| line["share"].as_str()).collect();
    assert_eq!(shares, ["5.00", "100.00", "20.00", "10.00", "0.00"]);
    insta::assert_snapshot!(desk.text(&company));
    // The same claims as JSON, and another waterfall: all ordinary claims pro rata.
    desk.file(
        "claims.json",
        r#"[{"claim": "A", "class": "ordinary", "amount": "100"}, {"claim": "B", "class": "ordinary", "amount": "300.00"}]"#,
    );
    let persons = ["waterfall", "natural_person@2022", "--money", "500", "--claims", "claims.json"];
    let division = desk.object(&persons);
    assert_eq!((&division["surplus"], &division["shares_total"]), (&Value::from("100.00"), &Value::from("400.00")));
    assert_eq!(division["surplus_source_en"], "Execution Rules, art. 34");
    // What there is.
    let names: Vec<String> = desk.object(&["waterfall"])["waterfalls"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["name"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(names, ["natural_person", "company", "criminal", "bankruptcy"]);
    // A court's own.
    desk.file(
        "own.toml",
        "[[waterfall]]\nname = \"own\"\nversion = \"1\"\ntitle = { zh = \"自定\", en = \"own\" }\n\
         rest = { zh = \"裁定\", en = \"ruling\" }\n[[waterfall.class]]\nname = \"ordinary\"\n\
         title = { zh = \"普通\", en = \"ordinary\" }\nwithin = \"pro_rata\"\nsource = { zh = \"裁定\", en = \"ruling\" }\n",
    );
    let own = desk.object(&["waterfall", "own", "--money", "1", "--claims", "claims.json", "--rules", "own.toml"]);
    assert_eq!(
        (&own["lines"][0]["share"], &own["lines"][0]["source_en"]),
        (&Value::from("0.25"), &Value::from("ruling"))
    );
    desk.refused(&["waterfall", "person", "--money", "1", "--claims", "claims.csv"], 1, "calc.waterfall_unknown");
    desk.refused(&["waterfall", "company", "--money", "1", "--claims", "claims.json"], 1, "calc.order_missing");
    desk.refused(&["waterfall", "criminal", "--money", "1", "--claims", "claims.csv"], 1, "calc.class_unknown");
    desk.refused(&["waterfall", "company", "--money", "0", "--claims", "claims.csv"], 1, "payouts.pot_not_positive");
    desk.refused(&["waterfall", "company", "--money", "1"], 2, "command.usage");
    for (bytes, code) in [
        ("claim,class,amount\nA,ordinary,-1\n", "calc.cell"),
        ("claim,class,amount,order\nA,ordinary,1,first\n", "calc.cell"),
        ("claim,amount\nA,1\n", "calc.table_missing"),
        ("claim,class,amount,colour\nA,ordinary,1,red\n", "calc.table_field"),
        ("", "calc.table_empty"),
        ("[{", "calc.table"),
    ] {
        desk.file("claims.csv", bytes);
        desk.refused(&company, 1, code);
    }
}

#[test]
fn imputation() {
    let desk = Desk::new();
    desk.file(
        "debts.csv",
        "债务编号,到期日,本金,利息,利率\nA,2026-01-01,100,5,6%\nB,2026-03-01,100,5,24%\nC,2027-01-01,50,,\n",
    );
    let payment = ["imputation", "--payment", "150", "--on", "2026-11-22", "--debts", "debts.csv"];
    let object = desk.object(&payment);
    let turns = |object: &Value| -> Vec<String> {
        let lines = object["lines"].as_array().expect("lines").iter();
        lines.map(|line| format!("{} {}", line["debt"], line["principal"]).replace('"', "")).collect()
    };
    assert_eq!(turns(&object), ["B 100.00", "A 40.00", "C 0.00"]);
    let designated = desk.object(&[&payment[..], &["--designate", "C"]].concat());
    assert_eq!(turns(&designated), ["C 50.00", "B 95.00", "A 0.00"]);
    assert!(desk.text(&payment).contains("《民法典》第561条"));
    desk.refused(&[&payment[..], &["--designate", "D"]].concat(), 1, "calc.debt_unknown");
    desk.file("debts.csv", "debt,due_on,principal\nA,soon,1\n");
    desk.refused(&payment, 1, "calc.cell");
}

#[test]
fn terms() {
    let desk = Desk::new();
    let freeze = desk.object(&["term", "freeze_deposit", "--from", "2025-03-01"]);
    assert_eq!((&freeze["last_day"], &freeze["renew_by"]), (&Value::from("2026-03-01"), &Value::from("2026-02-22")));
    assert_eq!(freeze["weekends_only_in"], Value::Array(Vec::new()), "a freeze does not ask for working days");
    // Invented: what matters is the form.
    desk.file(
        "2026.toml",
        "[[year]]\nyear = 2026\nsource = \"虚构的安排\"\nholidays = [\"2026-10-01..2026-10-07\"]\nworkdays = [\"2026-10-10\"]\n",
    );
    let three = ["term", "--from", "2026-09-30", "--period", "3wd"];
    let bare = desk.object(&three);
    assert_eq!((&bare["last_day"], &bare["weekends_only_in"][0]), (&Value::from("2026-10-05"), &Value::from(2026)));
    let known = desk.object(&[&three[..], &["--calendar", "2026.toml"]].concat());
    assert_eq!((&known["last_day"], &known["weekends_only_in"][0]), (&Value::from("2026-10-10"), &Value::Null));
    // Without a calendar a person is told so.
    assert!(desk.text(&three).contains("没有 2026 年的节假日安排，只按周末推算"));
    assert!(!desk.text(&[&three[..], &["--calendar", "2026.toml"]].concat()).contains("只按周末"));
    let moved = desk.object(&["term", "plan_objection", "--from", "2026-11-06"]);
    assert_eq!((&moved["last_day"], &moved["moved_from"]), (&Value::from("2026-11-23"), &Value::from("2026-11-21")));
    let stays = desk.object(&["term", "plan_objection", "--from", "2026-11-06", "--on-holiday", "stays"]);
    assert_eq!(stays["last_day"], "2026-11-21");
    assert_eq!(desk.object(&["term"])["terms"][0]["name"], "freeze_deposit");
    desk.refused(&["term", "freeze_deposit", "--from", "2025-03-01", "--period", "2y"], 1, "calc.term_too_long");
    desk.refused(&["term", "freeze", "--from", "2025-03-01"], 1, "calc.term_unknown");
    desk.refused(&["term", "--from", "2025-03-01"], 2, "command.usage");
    desk.refused(&["term", "payout"], 2, "command.usage");
    desk.refused(&["term", "--from", "2025-03-01", "--period", "3"], 2, "command.usage");
    desk.file("2026.toml", "[[year]]\nyear = 2026\nsource = \"x\"\nholidays = [\"2025-10-01\"]\nworkdays = []\n");
    desk.refused(&[&three[..], &["--calendar", "2026.toml"]].concat(), 1, "calendar.day");
}
