//! The worst that people and disks hand to the command line: each gets a code, an exit code and a sentence that names
//! what is wrong; books and folders stay as they were.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use ankuan_ledger::Store;

use crate::program::{CASE, Files, Known, act, approved, open_court, said, words};
use crate::support::Database;

const HEADING: &str = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号";
const ROW: &str = "9,王芳,其他,X1,100.00,王芳,6217000000000000004,中国建设银行,105100000017,";

/// Every link of the chains: what is recorded in the books at all.
fn chain(address: &str) -> Vec<Vec<u8>> {
    let mut store = Store::open(address).expect("opens");
    let mut tx = store.snapshot().expect("reads");
    let text = "SELECT hash FROM chain_link ORDER BY court_id, book_id, link_no";
    tx.query(text, &[], |row| Ok(row.bytes(0)?.to_vec())).expect("links")
}

/// Everything in a folder and below, hidden files too; but not the database, which stands beside it.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.insert(path.display().to_string(), Vec::new());
            found.extend(tree(&path));
        } else {
            found.insert(path.display().to_string(), std::fs::read(&path).expect("reads"));
        }
    }
    found
}

struct Bench<'d> {
    files: Files,
    address: &'d str,
}

impl Bench<'_> {
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.files.path(name);
        std::fs::write(&path, bytes).expect("writes");
        path.to_str().expect("UTF-8").to_owned()
    }

    fn path(&self, name: &str) -> String {
        self.files.path(name).to_str().expect("UTF-8").to_owned()
    }

    /// Refused with this exit code and code; both sentences name all of `named`; nothing is changed anywhere.
    fn refused(&self, arguments: &[&str], exit: i32, code: &str, named: &[&str]) {
        let (before, folder) = (chain(self.address), tree(self.files.folder.path()));
        self.says(&self.files.run(self.address, &words(arguments)), arguments, exit, code, named);
        assert_eq!(chain(self.address), before, "{arguments:?} changed the books");
        assert_eq!(tree(self.files.folder.path()), folder, "{arguments:?} changed the folder");
    }

    fn says(&self, output: &Output, arguments: &[&str], exit: i32, code: &str, named: &[&str]) {
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {}", said(output));
        let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
        let error = &object["error"];
        assert_eq!(error["code"], code, "{arguments:?}: {error}");
        for language in ["message_zh", "message_en"] {
            let sentence = error[language].as_str().expect("a sentence");
            assert!(!sentence.contains("%{"), "{arguments:?}: {sentence}");
            for name in named {
                assert!(sentence.contains(name), "{arguments:?} does not name {name}: {sentence}");
            }
        }
    }

    /// Refused as a list, naming the file.
    fn list(&self, name: &str, bytes: impl AsRef<[u8]>, more: &[&str], code: &str, named: &[&str]) {
        let path = self.file(name, bytes);
        let mut arguments = vec!["claims", "import", &path, "--case", CASE, "--as", "钱承办"];
        arguments.extend(more);
        let mut all = vec![name];
        all.extend(named);
        self.refused(&arguments, 1, code, &all);
    }
}

fn lists_that_cannot_be_read(database: &Database) {
    let bench = Bench { files: Files::new(20), address: &database.address };
    open_court(&bench.files, database);
    let whole = format!("{HEADING}\n{ROW}\n{}\n", ROW.replace("9,", "8,"));
    let cut = &whole.as_bytes()[..whole.len() - 60];
    bench.list("截断.csv", cut, &["--expect-rows", "3"], "claims.rows_differ", &["3", "2"]);
    bench.list("截断.csv", cut, &["--expect-sum", "200"], "claims.sum_differs", &["200.00", "100.00"]);
    let utf_16: Vec<u8> = [0xfeff].into_iter().chain(whole.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    bench.list("utf16.csv", utf_16, &[], "claims.utf_16", &["UTF-16"]);
    bench.list(
        "图.csv",
        [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), &[0xff; 99]].concat(),
        &[],
        "claims.nul_byte",
        &["3"],
    );
    bench.list("乱码.csv", [HEADING.as_bytes(), b"\n\xff\xfe\xff,1\n"].concat(), &[], "claims.encoding", &["2"]);
    bench.list("空.csv", "", &[], "claims.empty_file", &[]);
    bench.list("只有表头.csv", HEADING, &[], "claims.no_rows", &[]);
    bench.list("缺列.csv", "姓名,金额\n王芳,1\n", &[], "claims.no_heading", &[]);
    bench.list("引号.csv", whole.replace("8,王芳", "8,\"王芳"), &[], "claims.unclosed_quote", &["3"]);
    bench.list("一行.csv", vec![b'a'; 100_000_000], &[], "claims.record_too_long", &["1", "65536"]);
    std::fs::remove_file(bench.files.path("一行.csv")).expect("removes");
    bench.list("坏.xlsx", b"PK\x03\x04broken", &[], "claims.workbook_unreadable", &[]);
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for part in 0..1_001 {
        zip.start_file(format!("xl/part{part}.xml"), zip::write::SimpleFileOptions::default()).expect("a part");
        zip.write_all(b"<x/>").expect("writes");
    }
    let bomb = zip.finish().expect("a package").into_inner();
    bench.list("炸弹.xlsx", bomb, &[], "claims.workbook_too_large", &["1000"]);
    for (cell, row) in [
        ("9\u{7},", "9,"),
        ("1e3", "100.00"),
        ("\"1,2,3\"", "100.00"),
        ("１００", "100.00"),
        ("-100.00", "100.00"),
        ("0.00", "100.00"),
        ("100.001", "100.00"),
        ("99999999999999999999", "100.00"),
        ("92233720368547758.08", "100.00"),
    ] {
        let list = format!("{HEADING}\n{}\n", ROW.replacen(row, cell, 1));
        let path = bench.file("数额.csv", list);
        let import = ["claims", "import", &path, "--case", CASE, "--as", "钱承办"];
        bench.refused(&import, 1, "claims_cli.broken_refused", &["1", "--keep-broken"]);
    }

    let path = bench.path("没有.csv");
    let import = |path: &str| words(&["claims", "import", path, "--case", CASE, "--as", "钱承办"]);
    let refused = |path: &str, code: &str| {
        let arguments = import(path);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        bench.refused(&arguments, 1, code, &[path]);
    };
    refused(&path, "file.not_found");
    refused(&bench.path(""), "file.is_folder");
    let locked = bench.file("不可读.csv", &whole);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o000);
    std::fs::set_permissions(&locked, mode).expect("sets");
    // Root reads everything.
    if std::fs::read(&locked).is_err() {
        let output = bench.files.run(bench.address, &import(&locked));
        bench.says(&output, &[&locked], 1, "file.not_permitted", &[&locked]);
    }
    std::fs::remove_file(&locked).expect("removes");

    // A sound list twice: the second time changes nothing and says so.
    let list = bench.path("list.csv");
    let first = bench.files.done(bench.address, &import(&list));
    assert_eq!((&first["already"], &first["rows"]), (&false.into(), &20.into()));
    let before = chain(bench.address);
    let again = bench.files.done(bench.address, &import(&list));
    assert_eq!((&again["already"], &again["list"]), (&true.into(), &first["list"]));
    assert_eq!(chain(bench.address), before);

    // One byte more: another list, whose claimants are all in the case already.
    let mut bytes = std::fs::read(&list).expect("reads");
    bytes.push(b'\n');
    let changed = bench.file("list2.csv", bytes);
    let arguments = ["claims", "import", &changed, "--case", CASE, "--as", "钱承办"];
    bench.refused(&arguments, 1, "claims_cli.broken_refused", &["20"]);
    let output = bench.files.done(bench.address, &words(&[&arguments[..], &["--keep-broken"]].concat()));
    assert_eq!((&output["already"], &output["broken"]), (&false.into(), &20.into()));
    assert_eq!(output["first_problems"][0]["row"], 2);
    assert_eq!(output["first_problems"][0]["column"], "债权编号");
}

fn commands_that_cannot_be_done(database: &Database) {
    let bench = Bench { files: Files::new(20), address: &database.address };
    let run = "P2026-0001";
    open_court(&bench.files, database);
    let amount = |text: &'static str| ["receipt", "record", "FT9", "--amount", text, "--value-date", "2026-11-22"];
    for text in ["1e3", "1,2,3", "１００", "1.234", "99999999999999999999", "abc", ""] {
        bench.refused(&amount(text), 2, "command.usage", &["--amount"]);
    }
    bench.refused(
        &["receipt", "record", "FT9", "--amount=-5", "--value-date", "2026-11-22"],
        2,
        "command.usage",
        &["-5"],
    );
    let distribute = |case: &'static str| ["distribute", "make", "--case", case, "--as", "钱承办"];
    bench.refused(&distribute("（2026）浙0106执999号"), 1, "cases.unknown", &["（2026）浙0106执999号"]);
    bench.refused(&distribute("浙执"), 1, "cases.number_year", &["浙执"]);
    bench.refused(&distribute(CASE), 1, "payouts.no_claims", &[]);
    for name in ["import", "distribute"] {
        bench.files.done(bench.address, &act(&bench.files, name, &Known::default(), Path::new("-")));
    }
    let distributions = bench.files.done(bench.address, &words(&["distribute", "list", "--case", CASE]));
    let number = distributions["distributions"][0]["distribution"].to_string();

    let draft = |more: &[&str], code: &str, named: &[&str]| {
        let mut arguments = vec!["payout", "draft", "--as", "钱承办", "--distribution", &number];
        arguments.extend(more);
        bench.refused(&arguments, 1, code, named);
    };
    bench.refused(&["payout", "draft", "--as", "钱承办"], 1, "runs.empty", &["--distribution"]);
    draft(&["--distribution", "999"], "runs.source_unknown", &["999"]);
    draft(&["--profile", "没有"], "payout_cli.profile_unknown", &["没有"]);
    draft(&["--profile", &bench.path("")], "bank.profile.unreadable", &[&bench.path("")]);
    let profile = std::fs::read_to_string(bench.files.path("profile.toml")).expect("reads");
    for (name, text, code, named) in [
        ("broken.toml", "name = ".to_owned(), "bank.profile.syntax", "1"),
        ("unknown.toml", profile.replace("\"payee_name\"", "\"payee\""), "bank.profile.syntax", "payee"),
        ("zero.toml", profile.replace("= 60", "= 0"), "bank.profile.range", "limits.lines_per_file"),
    ] {
        draft(&["--profile", &bench.file(name, text)], code, &[name, named]);
    }
    let one = "[[step]]\ntitle = \"复核\"\nroles = [{ role = \"finance\", from_minor = 0 }]\n";
    let policy = |path: &str, code: &str, named: &[&str]| {
        bench.refused(&["payout", "policy", "--set", path, "--as", "赵管理"], 1, code, named);
    };
    policy(&bench.file("one.toml", one), "runs.policy", &["one.toml"]);
    policy(&bench.file("bad.toml", "\n\nstep = 5x"), "runs.policy", &["bad.toml", "3"]);
    policy(&bench.file("maker.toml", one.repeat(2).replace("finance", "handler")), "runs.policy", &["handler"]);
    policy(&bench.path("none.toml"), "file.not_found", &["none.toml"]);
    let good = bench.file("good.toml", one.repeat(2));
    bench.refused(&["payout", "policy", "--set", &good, "--as", "钱承办"], 1, "access.role_missing", &["钱承办"]);

    // Names longer than the bank takes: found when the files are rendered, and the run stays committed.
    let short = bench.file("short.toml", profile.replacen("max_bytes = 120", "max_bytes = 2", 1));
    let drafted = ["payout", "draft", "--distribution", &number, "--profile", &short, "--as", "钱承办"];
    let drafted = bench.files.done(bench.address, &words(&drafted));
    let digest = drafted["digest"].as_str().expect("a digest");
    let approve = |person: &'static str| ["payout", "approve", run, "--as", person, "--digest", digest];
    let payout = |act: &'static str, person: &'static str| ["payout", act, run, "--as", person];
    bench.refused(&payout("commit", "孙财务"), 1, "runs.wrong_status", &[run]);
    bench.refused(&approve("孙财务"), 1, "runs.wrong_status", &[run]);
    bench.refused(&["payout", "submit", "P2026-0009", "--as", "钱承办"], 1, "runs.unknown", &["P2026-0009"]);
    bench.refused(&payout("submit", "无此人"), 1, "access.person_unknown", &["无此人"]);
    bench.files.done(bench.address, &words(&payout("submit", "钱承办")));
    bench.refused(&approve("钱承办"), 1, "runs.maker_approves", &["钱承办"]);
    bench.refused(&approve("赵管理"), 1, "access.role_missing", &["赵管理"]);
    let seen = ["payout", "approve", run, "--as", "孙财务", "--digest"];
    bench.refused(&[&seen[..], &["abc"]].concat(), 1, "payout_cli.digest", &["abc"]);
    bench.refused(&[&seen[..], &["0".repeat(64).as_str()]].concat(), 1, "runs.changed", &[run]);
    bench.files.done(bench.address, &words(&approve("孙财务")));
    bench.refused(&approve("孙财务"), 1, "runs.approved_before", &["孙财务"]);
    bench.refused(&payout("commit", "孙财务"), 1, "runs.wrong_status", &[run]);
    bench.files.done(bench.address, &words(&approve("周局长")));
    bench.files.done(bench.address, &words(&payout("commit", "孙财务")));
    bench.refused(&payout("commit", "孙财务"), 1, "runs.wrong_status", &[run]);
    bench.refused(&payout("release", "孙财务"), 1, "bank.value.too_long", &["2"]);
    bench.refused(
        &["payout", "deliver", run, "--out", &bench.path(""), "--as", "孙财务"],
        1,
        "runs.wrong_status",
        &[run],
    );
    bench.files.verified(bench.address, &[]);
}

fn files_and_keys_that_do_not_fit(database: &Database) {
    let bench = Bench { files: Files::new(20), address: &database.address };
    approved(&bench.files, database, "release");
    let key = bench.files.path("court.key");
    let own = std::fs::read(&key).expect("reads");
    let release = ["payout", "release", "P2026-0001", "--as", "孙财务"];
    std::fs::remove_file(&key).expect("removes");
    bench.refused(&release, 1, "keys.missing", &["court.key", "--keys"]);
    bench.file("court.key", "ankuan-keys-1\nseal 00\n");
    bench.refused(&release, 1, "keys.unreadable", &["court.key"]);
    bench.file("court.key", [0xff; 155]);
    bench.refused(&release, 1, "keys.unreadable", &["court.key"]);
    let digits = "5".repeat(64);
    bench.file("court.key", format!("ankuan-keys-1\nseal {digits}\nindex {digits}\n"));
    bench.refused(&release, 1, "keys.not_of_court", &["--keys"]);
    let other = bench.file("other.csv", format!("{HEADING}\n{ROW}\n"));
    bench
        .files
        .done(bench.address, &words(&["case", "open", "（2026）浙0106执7号", "--title", "另案", "--as", "钱承办"]));
    let import = ["claims", "import", &other, "--case", "（2026）浙0106执7号", "--as", "钱承办"];
    bench.refused(&import, 1, "keys.not_of_court", &["--keys"]);
    std::fs::write(&key, own).expect("writes");

    bench.files.done(bench.address, &words(&release));
    bench.refused(&release, 1, "runs.wrong_status", &["P2026-0001"]);
    let deliver = |out: &str| words(&["payout", "deliver", "P2026-0001", "--out", out, "--as", "孙财务"]);
    let stands = bench.file("file", "x");
    for out in [stands.clone(), format!("{stands}/below")] {
        let arguments = deliver(&out);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        bench.refused(&arguments, 1, "file.not_a_folder", &[&out]);
    }
    let out = bench.path("out");
    let written = bench.files.done(bench.address, &deliver(&out));
    let name = written["files"][0]["name"].as_str().expect("a name");
    bench.files.done(bench.address, &deliver(&out));
    bench.file(&format!("out/{name}"), "another file");
    let arguments = deliver(&out);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    bench.refused(&arguments, 1, "bank.deliver.different", &[name]);

    let close = words(&["ledger", "close-month", "2026-11", "--as", "孙财务"]);
    bench.files.done(bench.address, &close);
    let late = ["receipt", "record", "F", "--amount", "1", "--value-date", "2026-11-22", "--as", "孙财务"];
    bench.refused(&late, 1, "ledger.month_closed", &["2026-11"]);
}

fn databases_that_cannot_be_used(database: &Database) {
    let bench = Bench { files: Files::new(1), address: &database.address };
    open_court(&bench.files, database);
    let elsewhere = |address: &str, exit: i32, code: &str, named: &[&str]| {
        let output = bench.files.run(address, &words(&["case", "list"]));
        bench.says(&output, &[address], exit, code, named);
        assert!(!said(&output).contains("secret"), "a password is shown: {}", said(&output));
    };
    elsewhere("mysql://me:secret@host/court", 2, "database.address", &["host/court", "--database"]);
    elsewhere("postgres://me:secret@127.0.0.1:1/court", 3, "database.opening", &["127.0.0.1:1/court"]);
    elsewhere("postgres://me:secret@127.0.0.1:port/court", 3, "database.opening", &["port"]);
    let text = bench.file("text.db", "this is no database, whatever its name says");
    elsewhere(&format!("sqlite:{text}"), 3, "database.opening", &["text.db"]);
    elsewhere(&format!("sqlite:{}", bench.path("")), 3, "database.opening", &[&bench.path("")]);
    elsewhere(&format!("sqlite:{}", bench.path("none.db")), 1, "command.no_database", &["none.db", "ankuan init"]);
    assert!(!bench.files.path("none.db").exists(), "no file is made");

    // Another process is in the middle of something.
    let mut store = Store::open(bench.address).expect("opens");
    let mut tx = store.begin().expect("begins");
    tx.execute("UPDATE book_head SET next_id = next_id", &[]).expect("locks");
    let add = ["person", "add", "吴新人", "--as", "赵管理", "--wait", "1"];
    let output = bench.files.run(bench.address, &words(&add));
    bench.says(&output, &add, 3, "database.busy", &["--wait", "1"]);
    drop(tx);
    bench.files.done(bench.address, &words(&add));

    for (change, code) in [
        ("UPDATE schema_step SET name = '0009_later' WHERE name = '0003_payouts'", "schema.newer"),
        ("UPDATE schema_step SET name = '0003_payouts', digest = $1 WHERE name = '0009_later'", "schema.differs"),
    ] {
        let mut tx = store.begin().expect("begins");
        let digest = [7_u8; 32];
        let values = [digest.as_slice().into()];
        tx.execute(change, if change.contains("$1") { &values } else { &[] }).expect("changes");
        tx.commit().expect("commits");
        bench.refused(&["case", "list"], 1, code, &["000"]);
        bench.refused(&["init", "--court", "2", "--name", "法院", "--admin", "甲"], 1, code, &["000"]);
    }
}

/// A statement of the court's account, as its bank writes it: two credits.
const STATEMENT: &str = "账号,1202020009900012345\r\n户名,某某法院\r\n币种,CNY\r\n起止日期,2026-11-20,2026-11-20\r\n\
    期初余额,0.00\r\n交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n\
    2026-11-20,2026-11-20,,100.00,100.00,吴某,,,附言甲,S1,,\r\n\
    2026-11-20,2026-11-20,,200.00,300.00,郑某,,,附言乙,S2,,\r\n\
    期末余额,300.00\r\n合计,0,0.00,2,300.00\r\n";

fn statement_import(path: &str) -> [&str; 7] {
    ["statement", "import", path, "--channel", "counter", "--as", "孙财务"]
}

fn statements_that_cannot_be_read(database: &Database) {
    let bench = Bench { files: Files::new(1), address: &database.address };
    open_court(&bench.files, database);
    let bank = |text: &str| encoding_rs::GB18030.encode(text).0.into_owned();
    let refused = |name: &str, bytes: &[u8], more: &[&str], code: &str, named: &[&str]| {
        let path = bench.file(name, bytes);
        let arguments: Vec<&str> = statement_import(&path).into_iter().chain(more.iter().copied()).collect();
        bench.refused(&arguments, 1, code, &[&[name], named].concat());
    };
    let whole = bank(STATEMENT);
    // Cut in the middle of its head: it is no statement any more.
    refused("半头.csv", &whole[..60], &[], "reading.table_no_heading", &[]);
    let xml = "<?xml version=\"1.0\"?><Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt><Stmt>";
    refused("半.xml", xml.as_bytes(), &[], "reading.truncated", &[]);
    // The profile says UTF-8, the file is GB18030; and the other way round.
    let profile = include_str!("../../profiles/statements/generic-statement-csv.toml");
    let of = |encoding: &str| {
        let text = profile.replacen("kind =", &format!("encoding = \"{encoding}\"\nkind ="), 1);
        assert_ne!(text, profile);
        bench.file(&format!("{encoding}.toml"), text)
    };
    let (utf_8, gb18030) = (of("utf-8"), of("gb18030"));
    refused("国标.csv", &whole, &["--profile", &utf_8], "reading.table_encoding", &["1"]);
    refused("万国.csv", STATEMENT.as_bytes(), &["--profile", &gb18030], "reading.table_encoding", &["1"]);
    let utf_16: Vec<u8> = [0xfeff].into_iter().chain(STATEMENT.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    refused("十六.csv", &utf_16, &[], "reading.table_utf_16", &[]);

    // Cut within a row: behind its amount, or just before the reference by which the same money is known later.
    for (name, last) in [("半行.csv", "2026-11-20,2026-11-20,,200.00"), ("无号.csv", "附言乙,")] {
        let end = STATEMENT.find(last).expect("stands there") + last.len();
        refused(name, &bank(&STATEMENT[..end]), &[], "reading.truncated", &["8"]);
    }

    // Cut behind a whole row nothing shows it, until the statement of the next day does not follow.
    let cut = STATEMENT.find("2026-11-20,2026-11-20,,200.00").expect("the second line");
    let path = bench.file("截断.csv", bank(&STATEMENT[..cut]));
    let imported = bench.files.done(bench.address, &words(&statement_import(&path)));
    assert_eq!(imported["files"][0]["statements"][0]["new_entries"], 1, "{imported}");
    let next = STATEMENT.replace("2026-11-20", "2026-11-21").replace("S1", "S3").replace("S2", "S4");
    let next = next.replace("期初余额,0.00", "期初余额,300.00").replace(",300.00,郑", ",600.00,郑");
    let next = next.replace(",100.00,吴", ",400.00,吴").replace("期末余额,300.00", "期末余额,600.00");
    let path = bench.file("次日.csv", bank(&next));
    bench.files.done(bench.address, &words(&statement_import(&path)));
    let prepare = ["reconcile", "prepare", "2026-11-21", "--as", "孙财务"];
    bench.refused(&prepare, 1, "statements.gap_between", &["200.00"]);
    // The whole one brings what is missing, and nothing twice.
    let path = bench.file("完整.csv", &whole);
    let imported = bench.files.done(bench.address, &words(&statement_import(&path)));
    assert_eq!(imported["files"][0]["statements"][0]["new_entries"], 1, "{imported}");
    bench.refused(&prepare, 1, "signoff.unexplained", &["4"]);
    bench.files.verified(bench.address, &[]);
}

/// Two processes bring the same statement: one stores it, the other finds it stored or is told to wait; nothing twice.
fn two_statements_at_once(database: &Database) {
    let bench = Bench { files: Files::new(1), address: &database.address };
    open_court(&bench.files, database);
    let mut text = STATEMENT.replace("期末余额,300.00\r\n合计,0,0.00,2,300.00\r\n", "");
    for line in 3..2_000 {
        text.push_str(&format!("2026-11-20,2026-11-20,,1.00,{}.00,吴某,,,,S{line},,\r\n", 298 + line));
    }
    let path = bench.file("对账单.csv", encoding_rs::GB18030.encode(&text).0);
    let mut outputs = [0, 1]
        .map(|_| {
            let mut command = bench.files.command(bench.address, &words(&statement_import(&path)));
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
        })
        .map(|child| child.wait_with_output().expect("ends"));
    outputs.sort_by_key(|output| output.status.code());
    let new: Vec<bool> = outputs
        .iter()
        .filter(|output| output.status.success())
        .map(|output| {
            let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
            answer["files"][0]["new"] == true
        })
        .collect();
    assert_eq!(new.iter().filter(|is_new| **is_new).count(), 1, "{}", outputs.map(|output| said(&output)).join("\n"));
    if new.len() == 1 {
        bench.says(&outputs[1], &["statement", "import"], 3, "database.busy", &[]);
    }
    let mut store = Store::open(bench.address).expect("opens");
    let mut tx = store.snapshot().expect("reads");
    for (count, wanted) in [
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM bank_line", 1_999),
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM statement", 1),
        ("SELECT CAST(COUNT(*) AS BIGINT) FROM document", 1),
    ] {
        assert_eq!(tx.query_one(count, &[], |row| row.int(0)).expect("counts"), wanted, "{count}");
    }
    drop(tx);
    bench.files.verified(bench.address, &[]);
}

fn two_at_once(database: &Database) {
    let files = Files::new(300);
    open_court(&files, database);
    let both = |name: &str| {
        // Without the keys of their requests: two people, not one who asks twice.
        let mut arguments = act(&files, name, &Known::default(), Path::new("-"));
        arguments.truncate(arguments.len() - 2);
        let start = || {
            let mut command = files.command(&database.address, &arguments);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts")
        };
        let (one, other) = (start(), start());
        [one, other].map(|child| child.wait_with_output().expect("ends"))
    };
    let answers = both("import").map(|output| {
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("one JSON object")
    });
    assert_eq!(answers[0]["list"], answers[1]["list"]);
    assert_ne!(answers[0]["already"], answers[1]["already"], "one stores, the other finds it stored");

    crate::program::approve_from(&files, database, "distribute", "commit");
    let mut outputs = both("commit");
    outputs.sort_by_key(|output| output.status.code());
    assert_eq!(outputs[0].status.code(), Some(0), "{}", said(&outputs[0]));
    let bench = Bench { files, address: &database.address };
    bench.says(&outputs[1], &["commit"], 1, "runs.wrong_status", &["P2026-0001"]);
    bench.files.verified(&database.address, &[]);
}

crate::on_both!(
    lists_that_cannot_be_read,
    commands_that_cannot_be_done,
    files_and_keys_that_do_not_fit,
    databases_that_cannot_be_used,
    statements_that_cannot_be_read,
    two_statements_at_once,
    two_at_once,
);
