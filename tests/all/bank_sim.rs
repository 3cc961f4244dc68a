//! The bank to practise with: its files are read by another reader than wrote them, and compared with its truth.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ankuan::Failure;
use ankuan::bank::{FileHeader, FileWriter, PayeeKind, PaymentLine, Profile, file_name};
use ankuan::bank_sim::{Debit, Options, ReplyFormat, Report, StatementFormat, simulate};
use ankuan_ledger::Amount;
use serde_json::Value;

const ACCOUNT: &str = "1202020119900012345";

/// Two payment files of 150 lines, and what lies beside them when they were delivered.
fn release(folder: &Path, profile: &str) {
    let profile = Profile::shipped(profile).expect("a profile");
    for file_number in [1, 2] {
        let amount = |line: u64| Amount::from_minor(i64::try_from(line * line * 7 + 1).expect("small"));
        let lines = u64::from(file_number - 1) * 150 + 1..=u64::from(file_number) * 150;
        let header = FileHeader {
            message_id: &format!("P20260007-{file_number:03}"),
            created_at: "2026-11-20T08:30:00Z".parse().expect("a time"),
            execution_date: "2026-11-20".parse().expect("a day"),
            run_number: "P2026-0007",
            file_number,
            group: profile.group(true, PayeeKind::Person),
            payer_name: "某某法院",
            payer_account: ACCOUNT,
            payer_bank_name: "某银行",
            payer_bank_code: "102331000000",
            lines: 150,
            sum: Amount::sum(lines.clone().map(amount)).expect("a sum"),
        };
        let mut out = Vec::new();
        let mut writer = FileWriter::begin(&profile, header, &mut out).expect("begins");
        for line_number in lines {
            let line = PaymentLine {
                line_number,
                line_key: &format!("P20260007-{line_number:09}"),
                payee_name: "买买提, \"阿卜杜拉\"",
                payee_account: &format!("62220212345{line_number:08}"),
                bank_name: "某银行",
                bank_code: "102100099996",
                amount: amount(line_number),
                purpose: "案款",
                payee_kind: PayeeKind::Person,
                same_bank: true,
                payer_sub_account: "1202020119800000001",
                telephone: "",
            };
            writer.push(&line).expect("a line");
        }
        writer.finish().expect("finishes");
        fs::write(folder.join(file_name(&profile, &header).expect("a name")), out).expect("writes");
    }
    for name in ["P2026-0007-交接单.txt", "P2026-0007-transmittal.json", ".hidden"] {
        fs::write(folder.join(name), "no payment file").expect("writes");
    }
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new(profile: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("in")).expect("a folder");
        release(&folder.path().join("in"), profile);
        let credits =
            "金额,付款人,附言,交易流水号,子账户\n100.50,吴某,\"a, <b>\",FT1,1202001\n2000,郑某,,,\n3.05,,,,\n";
        fs::write(folder.path().join("credits.csv"), credits).expect("writes");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn simulate(&self, out: &str, options: &Options) -> Result<Report, Failure> {
        simulate(&self.path("in"), Some(&self.path("credits.csv")), &self.path(out), options)
    }

    fn refused(&self, out: &str, options: &Options) -> &'static str {
        match self.simulate(out, options) {
            Err(Failure::Refused(message)) => message.code,
            other => panic!("{other:?}"),
        }
    }

    fn truth(&self, out: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(out).join("truth.json")).expect("truth")).expect("JSON")
    }

    /// The same bytes under a second name; returns both.
    fn copy_first(&self) -> [String; 2] {
        let names = fs::read_dir(self.path("in")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names = names.map(|name| name.into_string().expect("UTF-8"));
        let first = names.find(|name| name.contains("001.")).expect("the first file");
        let copy = format!("z.{}", first.rsplit('.').next().expect("an extension"));
        fs::copy(self.path("in").join(&first), self.path("in").join(&copy)).expect("copies");
        [first, copy]
    }

    /// The files of an output, by their path in it.
    fn files(&self, out: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for day in fs::read_dir(self.path(out)).expect("a folder") {
            let day = day.expect("a day").path();
            let paths = if day.is_dir() {
                fs::read_dir(&day).expect("a folder").map(|file| file.expect("a file").path()).collect()
            } else {
                vec![day]
            };
            for path in paths {
                let name = path.strip_prefix(self.path(out)).expect("inside").to_str().expect("UTF-8").to_owned();
                files.insert(name, fs::read(path).expect("reads"));
            }
        }
        files
    }
}

/// Everything that a bank does, at once.
fn busy(debit: Debit) -> Options {
    Options {
        seed: 7,
        account: Some(ACCOUNT.to_owned()),
        reject: 100,
        returned: 150,
        return_after: 3,
        delay: 120,
        duplicate: 60,
        reverse: 2,
        wrong_reference: 400,
        own_lines: true,
        debit,
        reply: ReplyFormat::Both,
        statement: StatementFormat::Both,
        ..Options::plain("2026-11-23".parse().expect("a day"))
    }
}

fn rows(bytes: &[u8]) -> Vec<Vec<String>> {
    let (text, _, broken) = encoding_rs::GB18030.decode(bytes);
    assert!(!broken && text.ends_with("\r\n"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    reader.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect()
}

fn fen(text: &str) -> i64 {
    let (yuan, fen) = text.split_once('.').expect("two decimals");
    assert_eq!(fen.len(), 2, "{text}");
    format!("{yuan}{fen}").parse().expect("an amount")
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bench = Bench::new("generic-csv");
    let options = busy(Debit::Whole);
    bench.simulate("a", &options).expect("simulates");
    bench.simulate("b", &options).expect("simulates");
    bench.simulate("c", &Options { seed: 8, ..options.clone() }).expect("simulates");
    assert_eq!(bench.files("a"), bench.files("b"));
    assert_ne!(bench.files("a"), bench.files("c"));
    assert_eq!(bench.refused("a", &options), "bank_sim.out_not_empty");
    assert_eq!(bench.files("a"), bench.files("b"), "nothing was written over");
}

#[test]
fn statements_and_answers_say_what_is_true() {
    for profile in ["generic-csv", "generic-txt", "pain001"] {
        let bench = Bench::new(profile);
        for (out, debit) in [("whole", Debit::Whole), ("less", Debit::LessFailed), ("each", Debit::Each)] {
            let report = bench.simulate(out, &busy(debit)).expect("simulates");
            assert_eq!((report.files, report.lines, report.account.as_str()), (2, 300, ACCOUNT));
            let truth = bench.truth(out);
            check_statements(&bench.files(out), &truth);
            check_answers(&bench.files(out), &truth);
            check_sums(&truth);
            let kinds: std::collections::BTreeSet<&str> = truth["entries"]
                .as_array()
                .expect("entries")
                .iter()
                .filter_map(|entry| entry["kind"].as_str())
                .collect();
            let debits: &[&str] = match debit {
                Debit::Whole => &["file_debit", "lump_return"],
                Debit::LessFailed => &["file_debit"],
                Debit::Each => &["payment_debit"],
            };
            let mut wanted = [debits, &["charge", "incoming", "interest", "return", "reversal"]].concat();
            wanted.sort_unstable();
            assert_eq!(kinds.into_iter().collect::<Vec<_>>(), wanted, "{profile} {debit:?}");
        }
    }
}

/// Each statement ties, each begins where the last ended, and its entries are those of the truth.
fn check_statements(files: &BTreeMap<String, Vec<u8>>, truth: &Value) {
    let mut stated: BTreeMap<String, (String, i64, String)> = BTreeMap::new();
    let mut before = truth["opening_minor"].as_i64().expect("opening");
    let statements: Vec<_> =
        files.iter().filter(|(name, _)| name.contains("/statement-") && name.ends_with(".csv")).collect();
    assert_eq!(statements.len(), truth["days"].as_array().expect("days").len());
    for (name, bytes) in statements {
        let rows = rows(bytes);
        assert_eq!(rows[0], ["账号", ACCOUNT]);
        assert!(name.contains(&format!("statement-2345-{}", rows[3][1])), "{name}");
        let mut balance = fen(&rows[4][1]);
        assert_eq!(balance, before, "{name}");
        assert_eq!(rows[5].len(), 12);
        let (mut count, mut sum) = ([0, 0], [0, 0]);
        for row in &rows[6..rows.len() - 2] {
            let side = usize::from(row[2].is_empty());
            let amount = fen(&row[2 + side]);
            assert!(row[3 - side].is_empty() && amount > 0);
            count[side] += 1;
            sum[side] += amount;
            let signed = if side == 0 { -amount } else { amount };
            balance += signed;
            assert_eq!(fen(&row[4]), balance, "{name}");
            let entry = (row[0].clone(), signed, row[10].clone());
            assert!(stated.insert(row[9].clone(), entry).is_none(), "a reference twice");
        }
        let [closing, totals] = &rows[rows.len() - 2..] else { panic!("two last rows") };
        assert_eq!((closing[0].as_str(), fen(&closing[1])), ("期末余额", balance));
        let declared = [count[0].to_string(), count[1].to_string()];
        assert_eq!([&totals[1], &totals[3]], [&declared[0], &declared[1]]);
        assert_eq!([fen(&totals[2]), fen(&totals[4])], sum);
        before = balance;
    }
    assert_eq!(truth["closing_minor"], before);
    let entries = truth["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), stated.len());
    let mut damaged = 0;
    for entry in entries {
        let (day, signed, own) = &stated[entry["reference"].as_str().expect("a reference")];
        assert_eq!((&entry["day"], &entry["amount_minor"]), (&Value::from(day.as_str()), &Value::from(*signed)));
        match entry["kind"].as_str().expect("a kind") {
            "payment_debit" => assert_eq!(entry["line_key"], own.as_str()),
            "return" => {
                assert_eq!(entry["given_key"], own.as_str());
                damaged += u32::from(entry["line_key"] != own.as_str());
            }
            "reversal" => {
                let (_, credit, _) = &stated[entry["of"].as_str().expect("a reference")];
                assert_eq!(*credit, -signed);
            }
            _ => {}
        }
    }
    assert!(damaged > 0, "no damaged key at 400 per mille");
}

/// The last answer to every line is its fate; a second copy says the same as the first.
fn check_answers(files: &BTreeMap<String, Vec<u8>>, truth: &Value) {
    let mut answered: BTreeMap<String, (String, String)> = BTreeMap::new();
    let (mut in_hand, mut copied) = (0, 0);
    for (name, bytes) in files.iter().filter(|(name, _)| name.contains("-reply-") && name.ends_with(".csv")) {
        let rows = rows(bytes);
        assert_eq!((rows[0][0].as_str(), rows[1][0].as_str()), ("原文件", "批次号"));
        let (mut paid, mut failed) = ((0, 0), (0, 0));
        let lines = &rows[3..rows.len() - 1];
        for row in lines {
            let counted = match row[5].as_str() {
                "00" => &mut paid,
                "01" => &mut failed,
                "02" => {
                    in_hand += 1;
                    &mut (0, 0)
                }
                other => panic!("{other}"),
            };
            *counted = (counted.0 + 1, counted.1 + fen(&row[4]));
            copied += u32::from(name.contains("-copy"));
            answered.insert(row[1].clone(), (row[5].clone(), row[4].clone()));
        }
        let foot = &rows[rows.len() - 1];
        let counts = [lines.len(), paid.0, failed.0].map(|count| count.to_string());
        assert_eq!([&foot[1], &foot[2], &foot[4]], [&counts[0], &counts[1], &counts[2]]);
        assert_eq!([fen(&foot[3]), fen(&foot[5])], [paid.1, failed.1]);
    }
    assert!(in_hand > 0 && copied > 0);
    let lines = truth["lines"].as_array().expect("lines");
    assert_eq!(lines.len(), answered.len());
    for line in lines {
        let (code, amount) = &answered[line["line_key"].as_str().expect("a key")];
        let wanted = if line["fate"] == "rejected" { "01" } else { "00" };
        assert_eq!((code.as_str(), line["amount_minor"].as_i64()), (wanted, Some(fen(amount))), "{line}");
    }
}

/// What left for the payees is what the truth says they got.
fn check_sums(truth: &Value) {
    let amounts = |list: &str, field: &str, wanted: &[&str]| -> i64 {
        let all = truth[list].as_array().expect("a list").iter();
        all.filter(|item| wanted.iter().any(|word| item[field] == *word))
            .filter_map(|item| item["amount_minor"].as_i64())
            .sum()
    };
    let left = amounts("entries", "kind", &["file_debit", "payment_debit", "lump_return", "return"]);
    assert_eq!(-left, amounts("lines", "fate", &["paid"]));
    assert_eq!(amounts("entries", "kind", &["return"]), amounts("lines", "fate", &["returned"]));
    let lumps = amounts("entries", "kind", &["lump_return"]);
    assert!(lumps == 0 || lumps == amounts("lines", "fate", &["rejected"]));
}

#[test]
fn every_message_is_valid_against_its_schema() {
    let shared = std::env::var_os("ANKUAN_SHARED")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    if !shared.join("xsd").is_dir() {
        println!("skipped: {} is not there", shared.join("xsd").display());
        return;
    }
    if Command::new("xmllint").arg("--version").output().is_err() {
        println!("skipped: xmllint is not installed (Debian package libxml2-utils)");
        return;
    }
    let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
    for profile in ["generic-csv", "pain001"] {
        let bench = Bench::new(profile);
        bench.copy_first();
        for (out, debit) in [("whole", Debit::Whole), ("each", Debit::Each)] {
            bench.simulate(out, &busy(debit)).expect("simulates");
            for (name, bytes) in bench.files(out).iter().filter(|(name, _)| name.ends_with(".xml")) {
                let text = std::str::from_utf8(bytes).expect("UTF-8");
                let kind = ["camt.053.001.08", "camt.054.001.08", "pain.002.001.10"]
                    .into_iter()
                    .find(|kind| text.contains(kind))
                    .expect("a kind");
                *kinds.entry(kind).or_default() += 1;
                let schema = shared.join(format!("xsd/{kind}.xsd"));
                let path = bench.path(out).join(name);
                let check = Command::new("xmllint").args(["--noout", "--schema"]).args([&schema, &path]).output();
                let check = check.expect("xmllint runs");
                assert!(check.status.success(), "{name}: {}", String::from_utf8_lossy(&check.stderr));
            }
        }
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

/// The same entries in both forms of a statement, counted in the XML by plain search.
#[test]
fn both_forms_of_a_statement_say_the_same() {
    let bench = Bench::new("pain001");
    bench.simulate("out", &busy(Debit::Whole)).expect("simulates");
    let files = bench.files("out");
    let truth = bench.truth("out");
    for day in truth["days"].as_array().expect("days") {
        let date = day["day"].as_str().expect("a day");
        let text = String::from_utf8(files[&format!("{date}/statement-2345-{date}.xml")].clone()).expect("UTF-8");
        let entries: Vec<&str> = text.split("<Ntry>").skip(1).collect();
        assert_eq!(day["entries"], entries.len());
        for entry in truth["entries"].as_array().expect("entries").iter().filter(|entry| entry["day"] == date) {
            let reference = format!("<AcctSvcrRef>{}<", entry["reference"].as_str().expect("a reference"));
            let found = entries.iter().find(|text| text.contains(&reference)).expect("the entry");
            let minor = entry["amount_minor"].as_i64().expect("an amount");
            let amount = format!("<Amt Ccy=\"CNY\">{}.{:02}</Amt>", minor.abs() / 100, minor.abs() % 100);
            assert!(found.contains(&amount), "{found}");
            assert!(found.contains(if minor < 0 { "DBIT" } else { "CRDT" }));
            assert_eq!(found.contains("<RvslInd>true"), entry["kind"] == "reversal");
            if let Some(key) = entry["given_key"].as_str() {
                assert!(found.contains(&format!("<EndToEndId>{key}</EndToEndId>")) && found.contains("<RtrInf>"));
            }
        }
    }
    // The notice lists what the sums are made of.
    let notice = String::from_utf8(files["2026-11-23/details-2345-2026-11-23.xml"].clone()).expect("UTF-8");
    for line in truth["lines"].as_array().expect("lines") {
        assert!(notice.contains(line["line_key"].as_str().expect("a key")), "{line}");
    }
}

#[test]
fn a_file_sent_twice_is_refused_as_a_whole() {
    let bench = Bench::new("pain001");
    let [first, copy] = bench.copy_first();
    let report = bench.simulate("out", &busy(Debit::Whole)).expect("simulates");
    assert_eq!((report.days[0].files, report.days[0].refused_files), (2, 1));
    let truth = bench.truth("out");
    check_statements(&bench.files("out"), &truth);
    check_sums(&truth);
    assert_eq!(truth["files"][2]["file"], copy.as_str());
    assert_eq!(truth["files"][2]["refused"], "duplicate");
    assert_eq!(truth["lines"].as_array().map(Vec::len), Some(300), "each key once");
    assert!(truth["lines"].as_array().expect("lines").iter().all(|line| line["file"] != copy.as_str()));
    assert_eq!(truth["repeated_lines"].as_array().map(Vec::len), Some(150));

    let files = bench.files("out");
    let answer = String::from_utf8(files["2026-11-23/z-reply-1.xml"].clone()).expect("UTF-8");
    assert!(answer.contains("<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>AM05</Cd>"), "{answer}");
    assert!(!answer.contains("<TxInfAndSts>"));
    let rows = rows(&files["2026-11-23/z-reply-1.csv"]);
    assert!(rows[3..153].iter().all(|row| row[5] == "01" && row[6] == "重复提交"));
    let stem = first.trim_end_matches(".xml");
    let answer = String::from_utf8(files[&format!("2026-11-23/{stem}-reply-1.xml")].clone()).expect("UTF-8");
    assert!(answer.contains("<GrpSts>PART</GrpSts>"), "{answer}");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_written() {
    let bench = Bench::new("generic-csv");
    let options = busy(Debit::Whole);
    assert_eq!(bench.refused("out", &Options { account: None, ..options.clone() }), "bank_sim.account_missing");
    assert_eq!(bench.refused("out", &Options { reverse: 4, ..options.clone() }), "bank_sim.reverse");
    fs::write(bench.path("in/notes.txt"), "hello").expect("writes");
    assert_eq!(bench.refused("out", &options), "bank_sim.format");
    fs::remove_file(bench.path("in/notes.txt")).expect("removes");
    for (credits, wanted) in [
        ("amount\n1\n", "bank_sim.incoming"),
        ("金额,付款人,附言,交易流水号,子账户\n1.005,,,,\n", "bank_sim.incoming"),
        ("金额,付款人,附言,交易流水号,子账户\n1,,,A,\n1,,,A,\n", "bank_sim.incoming_reference"),
        ("金额,付款人,附言,交易流水号,子账户\n1,,,SIM1,\n", "bank_sim.incoming_reference"),
    ] {
        fs::write(bench.path("credits.csv"), credits).expect("writes");
        assert_eq!(bench.refused("out", &Options { reverse: 0, ..options.clone() }), wanted, "{credits}");
    }
    assert!(!bench.path("out").exists());

    let other = Bench::new("pain001");
    assert_eq!(other.refused("out", &Options { account: Some("1".to_owned()), ..options }), "bank_sim.several");
}

#[test]
fn the_program_prints_a_table_of_days() {
    let bench = Bench::new("generic-txt");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ankuan"));
        command.env_remove("DATABASE_URL").current_dir(bench.folder.path()).args(["bank-sim", "in"]).args(arguments);
        let output = command.output().expect("runs");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), said)
    };
    let (status, said) = run(&["--out", "a"]);
    assert!(status == Some(1) && said.contains("bank_sim.no_day"), "{said}");
    let (status, said) = run(&["--out", "a", "--from", "2026-11-23", "--reject", "1001"]);
    assert_eq!(status, Some(2), "{said}");
    let options = ["--from", "2026-11-23", "--reject", "50", "--return", "40", "--seed", "3", "--lang", "en"];
    let (status, said) = run(&[&["--out", "a"], &options[..]].concat());
    assert_eq!(status, Some(0), "{said}");
    insta::assert_snapshot!(said);
    assert!(!bench.path("ankuan.db").exists(), "it opens no database");
    let (_, json) = run(&[&["--out", "b", "--json"], &options[..]].concat());
    let json: Value = serde_json::from_str(&json).expect("one object");
    assert_eq!(json["lines"], 300);
    assert_eq!(bench.files("a"), bench.files("b"));
}
