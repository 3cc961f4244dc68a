//! The program as people run it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::Database;

struct Run {
    code: i32,
    out: String,
    err: String,
}

fn ankuan(database: &Database, arguments: &[&str]) -> Run {
    let all: Vec<&str> = ["--date", "2026-11-22"].iter().chain(arguments).copied().collect();
    ankuan_reading(database, &all, "")
}

/// Runs the program with all its arguments and a standard input.
fn ankuan_reading(database: &Database, arguments: &[&str], input: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ankuan"));
    command.env_remove("DATABASE_URL").env_remove("ANKUAN_AS").env("COLUMNS", "100");
    command.env("ANKUAN_KEYS", database.folder.path().join("court.key"));
    command.args(["--database", &database.address]).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("runs");
    // A program that reads nothing may be gone already.
    let _ = child.stdin.take().expect("piped").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("ends");
    Run {
        code: output.status.code().expect("ends by itself"),
        out: String::from_utf8(output.stdout).expect("UTF-8"),
        err: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn done(database: &Database, arguments: &[&str]) -> String {
    let run = ankuan(database, arguments);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}: {}", run.out);
    run.out
}

fn object(database: &Database, arguments: &[&str]) -> serde_json::Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&done(database, &all)).expect("one JSON object")
}

/// A court with a case, money in it, and money not attributed.
fn ordinary_day(database: &Database) {
    for arguments in [
        &["init", "--name", "某某市某某区人民法院", "--admin", "赵管理"][..],
        &["person", "add", "钱承办", "--as", "赵管理"],
        &["person", "add", "孙财务", "--as", "赵管理"],
        &["person", "add", "李案款", "--as", "赵管理"],
        &["person", "grant", "钱承办", "handler", "--as", "赵管理"],
        &["person", "grant", "孙财务", "finance", "--as", "赵管理"],
        &["person", "grant", "李案款", "fund_keeper", "--as", "赵管理"],
        &[
            "bank-account",
            "add",
            "1202020009900012345",
            "--holder",
            "某某市某某区人民法院",
            "--bank",
            "某银行某支行",
            "--bank-code",
            "102100099996",
            "--as",
            "孙财务",
        ],
        &["case", "open", "(2026)浙0106执123号", "--title", "周某申请执行吴某民间借贷案", "--as", "钱承办"],
        &["case", "party", "2026浙0106执123号", "debtor", "吴某", "--as", "钱承办"],
        &["case", "sub-account", "（2026）浙0106执123号", "吴某", "90001", "--as", "李案款"],
        &[
            "receipt",
            "record",
            "FT001",
            "--amount",
            "1,234,567.89",
            "--value-date",
            "2026-11-21",
            "--payer",
            "吴某",
            "--sub-account",
            "90001",
            "--as",
            "孙财务",
        ],
        &["receipt", "record", "FT002", "--amount", "500", "--value-date", "2026-11-22", "--as", "孙财务"],
        &[
            "receipt",
            "record",
            "FT003",
            "--amount",
            "88.8",
            "--value-date",
            "2026-11-22",
            "--payer",
            "某公司（代付）",
            "--case",
            "（2026）浙0106执123号",
            "--as",
            "孙财务",
        ],
    ] {
        done(database, arguments);
    }
}

#[test]
fn an_ordinary_day_in_both_languages() {
    let database = Database::sqlite();
    ordinary_day(&database);
    let voucher = object(&database, &["ledger", "entries", "--limit", "1"])["entries"][0]["voucher_id"].to_string();
    let mut shown = String::new();
    for arguments in [
        &["person", "list"][..],
        &["bank-account", "list"],
        &["case", "list"],
        &["case", "show", "〔2026〕浙0106执第123号"],
        &["receipt", "list"],
        &["receipt", "list", "--unattributed"],
        &["ledger", "accounts"],
        &["ledger", "balance", "--as-of", "2026-11-22"],
        &["ledger", "trial-balance", "--from", "2026-11-01", "--until", "2026-11-30"],
        &["ledger", "entries"],
        &["ledger", "voucher", &voucher],
    ] {
        for language in ["zh", "en"] {
            let all: Vec<&str> = arguments.iter().copied().chain(["--lang", language]).collect();
            shown.push_str(&format!("$ ankuan {}\n{}\n", all.join(" "), done(&database, &all)));
        }
    }
    insta::assert_snapshot!(shown);
}

fn what_is_recorded_is_the_same_on_both(database: &Database) {
    ordinary_day(database);
    let waiting = object(database, &["receipt", "list", "--unattributed"])["receipts"][0]["receipt_id"].to_string();
    let case = "（2026）浙0106执123号";
    done(database, &["receipt", "attribute", &waiting, "--case", case, "--evidence", "回单", "--as", "钱承办"]);
    done(database, &["receipt", "attribute", &waiting, "--confirm", "--as", "李案款"]);
    let shown = object(database, &["ledger", "trial-balance"]);
    assert_eq!(shown["ties"], true);
    assert_eq!(shown["closing"]["debit_minor"], 123_456_789 + 50_000 + 8_880);
    let shown = object(database, &["case", "show", case]);
    assert_eq!(shown["available_minor"], 123_456_789 + 50_000 + 8_880);
    assert_eq!(shown["receipts"].as_array().map(Vec::len), Some(3));
}

/// From arrival on Sunday, 2026-11-22.
fn unattributed_money_has_its_time(database: &Database) {
    ordinary_day(database);
    let due = |options: &[&str]| {
        let open = object(database, &[&["reconcile", "open"], options].concat());
        let first = &open["unattributed"][0];
        (first["due_on"].as_str().map(str::to_owned), first["overdue"].as_bool())
    };
    let on = |day: &str| (Some(day.to_owned()), Some(false));
    assert_eq!(due(&[]), on("2026-11-25"));
    assert_eq!(due(&["--due", "6d"]), on("2026-11-28"));
    assert_eq!(due(&["--due", "6wd"]), on("2026-11-30"));
    let calendar = database.folder.path().join("2026.toml");
    let text = "[[year]]\nyear = 2026\nsource = \"虚构\"\nholidays = []\nworkdays = [\"2026-11-28\"]\n";
    std::fs::write(&calendar, text).expect("writes");
    assert_eq!(due(&["--due", "6wd", "--calendar", &calendar.display().to_string()]), on("2026-11-28"));
}

fn a_repeated_request_is_answered_the_same(database: &Database) {
    ordinary_day(database);
    let record = |amount: &'static str| {
        vec![
            "receipt",
            "record",
            "FT009",
            "--amount",
            amount,
            "--value-date",
            "2026-11-22",
            "--as",
            "孙财务",
            "--request",
            "收-9",
            "--json",
        ]
    };
    let first = done(database, &record("7.00"));
    assert_eq!(first, done(database, &record("7.00")), "the answer, `new` included");
    let other = ankuan(database, &record("8.00"));
    assert_eq!(other.code, 1);
    let other: serde_json::Value = serde_json::from_str(&other.out).expect("one JSON object");
    assert_eq!(other["error"]["code"], "request.differs");
}

#[test]
fn bad_input_gets_a_code_a_sentence_and_an_exit_code() {
    let database = Database::sqlite();
    let before = ankuan(&database, &["case", "list"]);
    assert_eq!(before.code, 1);
    assert!(before.err.contains("command.no_database") && before.err.contains("ankuan init"), "{}", before.err);
    assert!(!std::path::Path::new(&database.address["sqlite:".len()..]).exists(), "no file is made");
    ordinary_day(&database);
    for (arguments, exit, code) in [
        (&["case", "show", "（2026）浙0106执124号"][..], 1, "cases.unknown"),
        (&["case", "show", "124"], 1, "cases.number_year"),
        (&["case", "open", "（2026）浙0106执9号", "--title", "x"], 1, "command.as_missing"),
        (&["case", "open", "（2026）浙0106执9号", "--title", "x", "--as", "孙财务"], 1, "access.role_missing"),
        (&["case", "list", "--court", "9"], 1, "court.unknown"),
        (&["init", "--name", "法院", "--admin", "甲"], 1, "court.exists"),
        (&["init", "--court", "2", "--name", "法院", "--admin", "甲", "--chart", "/没有.toml"], 1, "chart.unreadable"),
        (&["receipt", "record", "FT1", "--amount", "1.234", "--value-date", "2026-11-22"], 2, "command.usage"),
        (&["receipt", "record", "FT1", "--amount", "1", "--value-date", "2026-02-30"], 2, "command.usage"),
        (&["person", "grant", "孙财务", "boss"], 2, "command.usage"),
        (&["ledger", "voucher", "999"], 1, "report.voucher_unknown"),
        (&["ledger", "entries", "--account", "Z"], 1, "report.account_unknown"),
        (&["ledger", "trial-balance", "--from", "2026-11-02", "--until", "2026-11-01"], 1, "report.dates"),
        (
            &[
                "case",
                "freeze",
                "（2026）浙0106执123号",
                "--amount",
                "1",
                "--order",
                "（2026）苏01执1号",
                "--ordered-by",
                "x",
                "--as",
                "钱承办",
            ],
            1,
            "freezes.whose",
        ),
        (
            &["receipt", "record", "F", "--amount", "1", "--value-date", "2026-11-23", "--as", "孙财务"],
            1,
            "receipts.value_after_arrival",
        ),
        (
            &[
                "receipt",
                "record",
                "F",
                "--amount",
                "1",
                "--value-date",
                "2026-11-22",
                "--sub-account",
                "7",
                "--as",
                "孙财务",
            ],
            1,
            "receipts.sub_account_unknown",
        ),
    ] {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let run = ankuan(&database, &all);
        assert_eq!(run.code, exit, "{arguments:?}: {}{}", run.out, run.err);
        let object: serde_json::Value = serde_json::from_str(&run.out).expect("one JSON object");
        assert_eq!(object["error"]["code"], code, "{arguments:?}");
        for key in ["message_zh", "message_en"] {
            assert!(!object["error"][key].as_str().unwrap_or_default().contains("%{"), "{arguments:?}: {object}");
        }
    }
}

#[test]
fn a_date_after_today_is_refused() {
    let database = Database::sqlite();
    for arguments in [
        &["init", "--name", "法院", "--admin", "赵管理", "--date", "2999-01-01"][..],
        &["person", "add", "钱承办", "--as", "赵管理", "--date", "2999-01-01"],
    ] {
        let run = ankuan_reading(&database, &[arguments, &["--json"]].concat(), "");
        assert_eq!(run.code, 1, "{arguments:?}: {}", run.out);
        let object: serde_json::Value = serde_json::from_str(&run.out).expect("one JSON object");
        assert_eq!(object["error"]["code"], "command.date_in_future", "{arguments:?}");
        let init = ["init", "--name", "法院", "--admin", "赵管理"];
        ankuan_reading(&database, &init, "");
    }
}

const CARD: &str = "11010519491231002X";
const ACCOUNT: &str = "6222020000000000015";

fn no_number_is_said_or_put_on_the_command_line(database: &Database) {
    ordinary_day(database);
    let case = "（2026）浙0106执123号";
    let keys = tempfile::tempdir().expect("a folder");
    let folder = keys.path();
    let list = folder.join("list.csv");
    let rows = format!(
        "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号\n\
         A1,张三,其他,D1,6.00,,{ACCOUNT},某银行,102100099996,\n"
    );
    std::fs::write(&list, rows).expect("writes");
    done(database, &["claims", "import", &list.display().to_string(), "--case", case, "--as", "钱承办"]);
    let said = ["--basis", "公证书", "--confirmed-by", "李案款", "--as", "钱承办"];
    for (field, payee) in [
        ("count", format!("1/2,王芳,{CARD},{ACCOUNT}")),
        ("part", format!("{CARD},王芳,identity_card,{CARD},{ACCOUNT},某银行")),
        ("document_type", format!("1/2,王芳,{CARD},{CARD},{ACCOUNT},某银行")),
    ] {
        for json in [&[][..], &["--json"]] {
            let head = ["claim", "payees", case, "A1", "--payee", &payee];
            let run = ankuan(database, &[&head[..], &said, json].concat());
            let shown = format!("{}{}", run.out, run.err);
            assert!(run.code != 0 && shown.contains("claim.payee_form"), "{field}: {shown}");
            assert!(shown.contains(field), "{field}: {shown}");
            assert!(!shown.contains(CARD) && !shown.contains(ACCOUNT), "{field}: {shown}");
        }
    }
    // From a file, and from standard input.
    let path = folder.join("account.toml");
    let account = format!("document_number = \"{CARD}\"\naccount = \"{ACCOUNT}\"\nbank = \"某银行\"\n");
    std::fs::write(&path, &account).expect("writes");
    let file = path.display().to_string();
    let add = ["payee", "add", case, "applicant", "王芳", "--document-type", "identity_card", "--details", &file];
    done(database, &[&add[..], &said].concat());
    let reading = |arguments: &[&str], input: &str| {
        ankuan_reading(database, &[&["--date", "2026-11-22"][..], arguments, &said, &["--json"]].concat(), input)
    };
    let run = reading(&["claim", "details", case, "A1", "--details", "-"], &account);
    assert_eq!(run.code, 0, "{}", run.out);
    let payees = format!(
        "[[payee]]\npart = \"1/2\"\nname = \"王芳\"\ndocument_type = \"identity_card\"\n\
         document_number = \"{CARD}\"\naccount = \"{ACCOUNT}\"\nbank = \"某银行\"\n"
    );
    let both = format!("{payees}{}", payees.replace(CARD, "D7").replace("identity_card", "other"));
    let run = reading(&["claim", "payees", case, "A1", "--details", "-"], &both);
    assert_eq!(run.code, 0, "{}", run.out);
    // What is wrong in it is told by its line.
    for wrong in [
        format!("account = {ACCOUNT}"),
        format!("\nacount = \"{ACCOUNT}\""),
        format!("account = \"{ACCOUNT}"),
        both.replace("1/2", CARD),
        both.replace("other", CARD),
    ] {
        let verb = if wrong.contains("[[") { "payees" } else { "details" };
        let run = reading(&["claim", verb, case, "A1", "--details", "-"], &wrong);
        assert_eq!(run.code, 1, "{wrong}: {}", run.out);
        assert!(!run.out.contains(CARD) && !run.out.contains(ACCOUNT), "{}", run.out);
        assert!(run.out.contains("details.file") || run.out.contains("claim.payee_form"), "{}", run.out);
    }
    let run = reading(&["payee", "details", case, "1", "--details", "/没有.toml"], "");
    assert_eq!(run.code, 1, "{}", run.out);
}

/// Payees, a sheet and claims, by the program: what is recorded comes back, and refusals have their codes.
fn payees_sheets_and_claims(database: &Database) {
    ordinary_day(database);
    let case = "（2026）浙0106执123号";
    let two = ["--basis", "收款账户确认书", "--confirmed-by", "李案款", "--as", "钱承办"];
    let with = |head: &[&'static str]| -> Vec<&'static str> { head.iter().copied().chain(two).collect() };
    let refused = |arguments: &[&str], code: &str| {
        let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        let run = ankuan(database, &all);
        let object: serde_json::Value = serde_json::from_str(&run.out).expect("one JSON object");
        assert_eq!((run.code, object["error"]["code"].as_str()), (1, Some(code)), "{arguments:?}: {}", run.out);
    };
    let card = ["--document-type", "identity_card", "--document-number", "11010519491231002x"];
    let add =
        with(&["payee", "add", case, "applicant", "周某", "--account", "6222020000000000015", "--bank", "某银行"]);
    refused(&add.iter().copied().chain(["--document-type", "identity_card"]).collect::<Vec<_>>(), "details.document");
    let applicant = object(database, &add.iter().copied().chain(card).collect::<Vec<_>>())["payee_id"].to_string();
    refused(&add, "sheets.payee_exists");
    let treasury = object(database, &with(&["payee", "add", case, "treasury", "国库"]))["payee_id"].to_string();
    assert_eq!(object(database, &["payee", "list", case])["payees"].as_array().map(Vec::len), Some(2));
    let account = ["payee", "details", case, &applicant, "--account", "6222020000000000023", "--bank", "另一银行"];
    let changed = object(database, &account.iter().copied().chain(two).collect::<Vec<_>>());
    assert_ne!(changed["detail_id"].to_string(), applicant);

    let shown = object(database, &["case", "show", case]);
    let receipt = shown["receipts"][0]["receipt_id"].to_string();
    let (principal, fee) = (format!("principal:{applicant}:1000.00"), format!("fee:{treasury}:50.00:评议笔录"));
    let record =
        ["sheet", "record", case, "--receipt", &receipt, "--line", &principal, "--line", &fee, "--as", "钱承办"];
    let sheet = object(database, &record);
    assert_eq!(sheet["total_minor"], 105_000);
    refused(&record, "sheets.same_pending");
    let sheet = sheet["sheet_id"].to_string();
    assert_eq!(object(database, &["sheet", "show", &sheet])["lines"][1]["decision"], "评议笔录");
    assert_eq!(object(database, &["sheet", "list", case])["sheets"].as_array().map(Vec::len), Some(1));
    refused(&["sheet", "show", "1"], "sheets.unknown");

    let list = database.folder.path().join("list.csv");
    let rows = "债权编号,姓名,证件类型,证件号码,债权金额,收款账号,开户行\n\
                A1,张三,其他,D1,6.00,6222020000000000015,某银行\nA2,李四,其他,D2,不详,6222020000000000023,某银行\n";
    std::fs::write(&list, rows).expect("writes");
    let list = list.display().to_string();
    let import = ankuan(database, &["claims", "import", &list, "--case", case, "--keep-broken", "--as", "钱承办"]);
    assert_eq!(import.err, "", "{}", import.out);
    assert_eq!(object(database, &["claim", "list", case])["claims"][0]["claimant"], "A2");
    let reserved = object(database, &with(&["claim", "reserve", case, "A2", "--amount", "3.00"]));
    assert_eq!((reserved["standing"].as_str(), reserved["amount_minor"].as_i64()), (Some("reserved"), Some(300)));
    let standing = |verb: &'static str| object(database, &with(&["claim", verb, case, "A1"]))["standing"].clone();
    assert_eq!(standing("dispute"), "disputed");
    assert_eq!(standing("confirm"), "confirmed");
    refused(&with(&["claim", "confirm", case, "A1"]), "claim_events.confirmed_already");
    let details = ["claim", "details", case, "A1", "--account", "6222020000000000031", "--bank", "某银行"];
    assert_eq!(object(database, &with(&details))["events"][2]["event"], "details");
    let heirs = ["1/2,甲,other,D7,6222020000000000049,某银行", "1/2,乙,other,D8,6222020000000000056,某银行"];
    let payees = ["claim", "payees", case, "A1", "--payee", heirs[0], "--payee", heirs[1]];
    refused(&with(&payees[..6]), "claim_events.parts_sum");
    assert_eq!(object(database, &with(&payees))["payees"][1]["name"], "乙");
    assert_eq!(standing("withdraw"), "withdrawn");
    refused(&with(&["claim", "withdraw", case, "A1"]), "claim_events.withdrawn");
    assert_eq!(
        object(database, &["claim", "show", case, "A1"])["claims"][0]["events"].as_array().map(Vec::len),
        Some(6)
    );
    // Shown to a person: tables in both languages, without an account or document number.
    for language in ["zh", "en"] {
        for arguments in [
            &["payee", "list", case][..],
            &["sheet", "list", case],
            &["sheet", "show", &sheet],
            &["claim", "list", case],
            &["claim", "show", case, "A1"],
        ] {
            let shown = done(database, &[arguments, &["--lang", language]].concat());
            assert!(!shown.contains("62220") && !shown.contains("1101051949"), "{arguments:?}: {shown}");
        }
    }
    // A freeze by document number, kept as its blind index.
    let order = ["--order", "（2026）苏01执1号", "--ordered-by", "南京中院", "--as", "钱承办"];
    let freeze = ["case", "freeze", case, "--amount", "1", "--document-number", "11010519491231002x"];
    object(database, &[&freeze[..], &order].concat());
    refused(&[&freeze[..6], &["1101051949"], &order].concat(), "details.document");
}

crate::on_both!(
    what_is_recorded_is_the_same_on_both,
    unattributed_money_has_its_time,
    a_repeated_request_is_answered_the_same,
    no_number_is_said_or_put_on_the_command_line,
    payees_sheets_and_claims,
);
