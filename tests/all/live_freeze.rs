//! `ankuan calc live-freeze` as people run it: two files in, a statement out.

use serde_json::Value;

use crate::calculators::Desk;

const ORDERS: &str = "案号,到达顺序,冻结金额,起,止,解除日,生活费\n\
     （2026）浙0281执12号,1,9000,2026-01-05,2027-01-05,,2000\n\
     （2026）浙0203执7号,2,5000,2026-02-20,2027-02-20,,1800\n";

const ACCOUNT: &str = "日期,类型,金额,案号,备注\n\
     2026-01-10,入账,6000.00,,工资\n\
     2026-01-12,支取,1500.00,,\n\
     2026-01-25,划转,,,\n\
     2026-02-10,入账,6000.00,,工资\n\
     2026-02-12,支取,2500.00,,\n\
     2026-02-25,划转,3500.00,（2026）浙0281执12号,\n\
     2026-03-10,入账,6000.00,,工资\n\
     2026-03-12,支取,2300.00,,\n\
     2026-03-25,划转,,,\n";

const FILES: [&str; 5] = ["live-freeze", "--orders", "orders.csv", "--account", "movements.csv"];

fn desk() -> Desk {
    let desk = Desk::new();
    desk.file("orders.csv", ORDERS);
    desk.file("movements.csv", ACCOUNT);
    desk
}

/// Up to the end of March.
fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&FILES[..], &["--until", "2026-03-31"], more].concat()
}

#[test]
fn a_statement_by_month() {
    let desk = desk();
    let object = desk.object(&with(&[]));
    assert_eq!((&object["version"], &object["settings"]["unused"]), (&Value::from("2023"), &Value::from("carried")));
    let orders = &object["orders"];
    assert_eq!((&orders[0]["state"], &orders[0]["ended_on"]), (&Value::from("met"), &Value::from("2026-03-25")));
    assert_eq!((&orders[1]["owed"], &orders[1]["may_sweep"]), (&Value::from("2300.00"), &Value::from("0.00")));
    let finding = &object["findings"][0];
    assert_eq!((&finding["on"], &finding["frozen"]), (&Value::from("2026-03-12"), &Value::from("300.00")));
    assert_eq!(finding["source_zh"], "《执行规定》第26条");
    let today = &object["today"];
    assert_eq!((&today["balance"], &today["free"]), (&Value::from("0.00"), &Value::from("0.00")));
    for month in object["months"].as_array().expect("months") {
        for line in month["lines"].as_array().expect("lines") {
            for key in ["text_zh", "text_en", "source_zh", "source_en"] {
                assert!(!line[key].as_str().expect("text").is_empty(), "{line}");
            }
        }
    }
    insta::assert_snapshot!("by_month_zh", desk.text(&with(&[])));
    insta::assert_snapshot!("by_month_en", desk.text(&with(&["--by-day", "--lang", "en"])));
}

#[test]
fn settings_change_it() {
    let desk = desk();
    let free = |more: &[&str]| {
        let object = desk.object(&[&FILES[..], &["--until", "2026-02-11"], more].concat());
        object["today"]["free"].as_str().expect("text").to_owned()
    };
    desk.file("movements.csv", "on,kind,amount\n2026-01-10,credit,6000\n2026-01-12,withdrawal,1500\n");
    assert_eq!(free(&[]), "2500.00");
    assert_eq!(free(&["--carry-over"]), "2500.00");
    assert_eq!(free(&["--lapse"]), "2000.00");
    assert_eq!(free(&["--lapse", "--month-begins", "12"]), "500.00");
    assert_eq!(free(&["--lapse", "--allowance", "2600:2026-02"]), "2600.00");
    assert_eq!(free(&["--lapse", "--allowance", "（2026）浙0281执12号=2700:2026-02"]), "2700.00");
    assert_eq!(free(&["--lapse", "--opening", "10000"]), "5500.00");
    // A court's own rules.
    let own = include_str!("../../src/assets/live_freeze.toml").replace("\"carried\"", "\"lapses\"");
    desk.file("rules.toml", own);
    assert_eq!(free(&["--rules", "rules.toml"]), "2000.00");
    // Rows as JSON.
    desk.file(
        "movements.csv",
        r#"[{"on": "2026-01-10", "kind": "credit", "amount": "6000"}, {"on": "2026-01-20", "kind": "sweep"}]"#,
    );
    assert_eq!(free(&["--lapse"]), "2000.00");
}

#[test]
fn what_is_refused() {
    let desk = desk();
    desk.refused(&with(&["--carry-over", "--lapse"]), 2, "command.usage");
    desk.refused(&with(&["--month-begins", "32"]), 2, "command.usage");
    desk.refused(&with(&["--allowance", "2000:may"]), 2, "command.usage");
    desk.refused(&FILES, 2, "command.usage");
    desk.refused(&with(&["--allowance", "（2026）浙0281执99号=1"]), 1, "live_freeze.order_unknown");
    let order = "（2026）浙0281执12号";
    for (row, code) in [
        (format!("2026-01-11,划转,4000.01,{order}"), "live_freeze.sweep_touches_allowance"),
        (format!("2026-01-11,划转,9000.01,{order}"), "live_freeze.sweep_exceeds_owed"),
        ("2026-01-11,划转,1,（2026）浙0203执7号".to_owned(), "live_freeze.not_in_force"),
        ("2026-01-11,支取,6000.01,".to_owned(), "live_freeze.overdrawn"),
        ("2026-04-01,支取,1,".to_owned(), "live_freeze.after_until"),
        ("2026-01-11,转账,1,".to_owned(), "calc.cell"),
    ] {
        desk.file("movements.csv", format!("日期,类型,金额,案号\n2026-01-10,入账,6000,\n{row}\n"));
        let refusal = desk.refused(&with(&[]), 1, code);
        let text = refusal["error"]["message_en"].as_str().expect("text");
        assert!(!text.contains("live_freeze."), "{text}");
    }
    desk.file("movements.csv", ACCOUNT);
    desk.file("orders.csv", ORDERS.replace(",1800", ","));
    desk.refused(&with(&[]), 1, "live_freeze.no_allowance");
    desk.file("orders.csv", "order,amount\nA,1\n");
    let refusal = desk.refused(&with(&[]), 1, "calc.table_missing");
    assert!(refusal["error"]["message_zh"].as_str().expect("text").starts_with("orders.csv"), "{refusal}");
}
