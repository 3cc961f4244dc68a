//! What reading a statement costs beside the bare events of its XML, and what importing and matching it costs beside
//! reading and the bare writes of its rows:
//! `cargo bench --bench reconciliation [-- --entries N --runs R --reading-runs R --no-reading --no-import --no-sqlite
//! --no-postgres]`.
//!
//! Reading: one statement in three formats, from a file that the system has in memory, by the door that imports use,
//! into a sink that looks at every field. The bare loop reads the same bytes in pieces of the same size. In turn, in
//! seconds of the processor, which do not change with what else the machine does.
//!
//! Import and matching: each is a process of its own, so that the peak of memory is its own. The statement is sealed
//! and kept as in use. All its entries are credits: three of four name one of 10,000 cases in their text and become
//! receipts of that case, the fourth becomes an unattributed receipt. The baseline runs in turn with it: reading alone,
//! and the rows that the run left, inserted again into empty copies of the same tables (same columns, keys and indexes;
//! no triggers, no chain to compute) by the engine's fastest way, in one durable transaction. Of states, the rows that
//! are one a line count among them; the balances of accounts do not.
//!
//! SQLite is always measured; PostgreSQL when `DATABASE_URL` names a database in which schemas may be made. What is
//! printed is Markdown, and all of it was measured in this run.
#![allow(clippy::float_arithmetic, reason = "times and ratios; no money is computed here")]
#![allow(missing_docs)]

mod shared;

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use ankuan::access::{self, Acting, Role};
use ankuan::bank::reading::{self, Problem, Sink};
use ankuan::chart::{self, NewCourt};
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::DOCUMENT_CHUNK;
use ankuan::documents::keys::Keys;
use ankuan::flows::match_account;
use ankuan::schema::MIGRATIONS;
use ankuan::statements::Channel;
use ankuan::statements::import::{Import, import_statement};
use ankuan::{Outcome, cases};
use ankuan_ledger::Store;
use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_reconciliation::matching::Rules;
use ankuan_reconciliation::{reply, statement};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use quick_xml::events::Event;
use shared::{COURT, Result, Rows, Server, machine, median, number, print_head, print_row as row, without};

const ACCOUNT: &str = "1202020009900";
const FIRST_DAY: Date = date(2026, 11, 1);
const DAYS: u64 = 20;
const TODAY: Date = date(2026, 11, 22);
const CASES: u64 = 10_000;
const ADMIN: &str = "管理员";
const HANDLER: &str = "承办人";
const FINANCE: &str = "财务";
/// What readers take at a time.
const CHUNK_BYTES: usize = 64 * 1024;

/// States with a row a line or a receipt.
static BANK_DAY: Table = Table {
    name: "bank_day",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("bank_account_id", Int),
        ("day", Text),
        ("line_count", Int),
        ("net_minor", Int),
    ],
    order: &["bank_account_id", "day"],
};
static LINE_MATCH: Table = Table {
    name: "line_match",
    columns: &[("court_id", Int), ("book_id", Int), ("bank_line_id", Int), ("group_id", Int)],
    order: &["bank_line_id"],
};
static RECEIPT_MATCH: Table = Table {
    name: "receipt_match",
    columns: &[("court_id", Int), ("book_id", Int), ("receipt_id", Int), ("group_id", Int)],
    order: &["receipt_id"],
};
static ITEM_BALANCE: Table = Table {
    name: "item_balance",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("account_id", Int),
        ("item_id", Int),
        ("posted_minor", Int),
        ("held_minor", Int),
    ],
    order: &["account_id", "item_id"],
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(place) = arguments.iter().position(|argument| argument == "--child") {
        return child(&arguments[place + 1..]);
    }
    let entries = number("--entries", 1_000_000);
    let (runs, reading_runs) = (number("--runs", 3), number("--reading-runs", 5));
    println!("Measured on {}. {}", Clock::system().today_in_shanghai(), machine());
    let folder = tempfile::tempdir()?;
    let files = Files::write(folder.path(), entries)?;
    if !without("reading") {
        measure_reading(&files, entries, reading_runs)?;
    }
    if without("import") {
        return Ok(());
    }
    if !without("sqlite") {
        measure_import(&Server::Sqlite, &files.camt, entries, runs)?;
    }
    match std::env::var("DATABASE_URL") {
        Ok(address) if !without("postgres") => {
            measure_import(&Server::Postgres(address), &files.camt, entries, runs)?;
        }
        Ok(_) => {}
        Err(_) => println!("\nPostgreSQL is left out: DATABASE_URL is not set."),
    }
    Ok(())
}

// The statement

/// The same statement in three formats.
struct Files {
    camt: PathBuf,
    mt940: PathBuf,
    csv: PathBuf,
}

impl Files {
    fn write(folder: &Path, entries: u64) -> Result<Self> {
        let files = Self {
            camt: folder.join("statement.xml"),
            mt940: folder.join("statement.sta"),
            csv: folder.join("statement.csv"),
        };
        write_camt(&files.camt, entries)?;
        write_mt940(&files.mt940, entries)?;
        write_csv(&files.csv, entries)?;
        Ok(files)
    }
}

/// An entry of the statement, as texts.
struct Line {
    number: u64,
    day: Date,
    yuan: String,
    reference: String,
    name: String,
    account: String,
    text: String,
}

fn minor(number: u64) -> u64 {
    1 + number * 7_919 % 9_999_991
}

fn yuan(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn day(number: u64, entries: u64) -> Date {
    FIRST_DAY + i64::try_from(number * DAYS / entries).unwrap_or(0).days()
}

fn lines(entries: u64) -> impl Iterator<Item = Line> {
    (0..entries).map(move |number| Line {
        number,
        day: day(number, entries),
        yuan: yuan(minor(number)),
        reference: format!("F{number:015}"),
        name: format!("付款人{}", number % 5_000),
        account: format!("622202{:013}", number % 50_000),
        text: if number.is_multiple_of(4) {
            "执行案款，案号不详".to_owned()
        } else {
            format!("执行案款 {}", case_number(number % CASES))
        },
    })
}

fn case_number(number: u64) -> String {
    format!("（2026）浙0106执{}号", number + 1)
}

fn sum(entries: u64) -> u64 {
    (0..entries).map(minor).sum()
}

fn write_camt(path: &Path, entries: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (first, last) = (day(0, entries), day(entries - 1, entries));
    let balance = |code: &str, amount: u64, day: Date| {
        format!(
            "<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy=\"CNY\">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
             <Dt><Dt>{day}</Dt></Dt></Bal>\n",
            yuan(amount)
        )
    };
    write!(
        out,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\n\
         <GrpHdr><MsgId>M1</MsgId><CreDtTm>{last}T20:00:00</CreDtTm></GrpHdr>\n\
         <Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb>\
         <FrToDt><FrDtTm>{first}T00:00:00</FrDtTm><ToDtTm>{last}T23:59:59</ToDtTm></FrToDt>\n\
         <Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>\n{}{}",
        balance("OPBD", 0, first),
        balance("CLBD", sum(entries), last)
    )?;
    for Line { number, day, yuan, reference, name, account, text } in lines(entries) {
        write!(
            out,
            "<Ntry><NtryRef>{number:09}</NtryRef><Amt Ccy=\"CNY\">{yuan}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
             <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>\
             <AcctSvcrRef>{reference}</AcctSvcrRef>\n\
             <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn></BkTxCd>\n\
             <NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId><TxId>T{number:012}</TxId></Refs>\n\
             <RltdPties><Dbtr><Pty><Nm>{name}</Nm></Pty></Dbtr>\
             <DbtrAcct><Id><Othr><Id>{account}</Id></Othr></Id></DbtrAcct></RltdPties>\n\
             <RltdAgts><DbtrAgt><FinInstnId><BICFI>ABCDCNBJXXX</BICFI></FinInstnId></DbtrAgt></RltdAgts>\n\
             <RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
        )?;
    }
    writeln!(out, "</Stmt></BkToCstmrStmt></Document>")?;
    Ok(out.flush()?)
}

fn write_mt940(path: &Path, entries: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let short = |day: Date| format!("{:02}{:02}{:02}", day.year() % 100, day.month(), day.day());
    let comma = |yuan: String| yuan.replace('.', ",");
    let (first, last) = (short(day(0, entries)), short(day(entries - 1, entries)));
    write!(out, ":20:S1\r\n:25:{ACCOUNT}\r\n:28C:1/1\r\n:60F:C{first}CNY0,00\r\n")?;
    for Line { day, yuan, reference, name, account, text, .. } in lines(entries) {
        let (day, yuan) = (short(day), comma(yuan));
        write!(
            out,
            ":61:{day}{}C{yuan}NTRFNONREF//{reference}\r\n:86:166?00DMCT?20{text}?31{account}?32{name}\r\n",
            &day[2..]
        )?;
    }
    write!(out, ":62F:C{last}CNY{}\r\n-\r\n", comma(yuan(sum(entries))))?;
    Ok(out.flush()?)
}

/// As Chinese banks export: GB18030, CRLF, a running balance.
fn write_csv(path: &Path, entries: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut text = format!(
        "账号,{ACCOUNT}\r\n币种,人民币\r\n期初余额,0.00\r\n\
         交易日期,起息日,借方金额,贷方金额,余额,对方户名,对方账号,摘要,附言,交易流水号,业务编号,子账户\r\n"
    );
    let mut balance = 0;
    for Line { number, day, yuan: amount, reference, name, account, text: remark } in lines(entries) {
        balance += minor(number);
        let balance = yuan(balance);
        write!(text, "{day},{day},,{amount},{balance},{name},{account},转账,{remark},{reference},,\r\n")?;
        if text.len() > CHUNK_BYTES {
            out.write_all(&encoding_rs::GB18030.encode(&text).0)?;
            text.clear();
        }
    }
    write!(text, "期末余额,{}\r\n", yuan(balance))?;
    out.write_all(&encoding_rs::GB18030.encode(&text).0)?;
    Ok(out.flush()?)
}

// Reading

/// Counts, sums, and looks at every field.
#[derive(Debug, Default)]
struct Taken {
    tally: statement::Tally,
    bytes: usize,
    problems: u64,
    last_problem: String,
}

impl Sink for Taken {
    fn statement(&mut self, piece: statement::Piece<'_>) -> Outcome<()> {
        if let statement::Piece::Entry(entry) = piece {
            self.tally.take(entry).ok_or(ankuan_ledger::Error::Inconsistent("too large".into()))?;
            let texts = [
                &entry.bank_reference,
                &entry.own_reference,
                &entry.code,
                &entry.name,
                &entry.account,
                &entry.text,
                &entry.sub_account,
            ];
            self.bytes += texts.iter().map(|text| text.len()).sum::<usize>();
            black_box((entry.booking_date, entry.value_date, &entry.details));
        }
        Ok(())
    }

    fn reply(&mut self, _: reply::Piece<'_>) -> Outcome<()> {
        Ok(())
    }

    fn problem(&mut self, problem: Problem) {
        self.problems += 1;
        self.last_problem = format!("{problem:?}");
    }
}

/// Seconds that this thread has run: what else the machine does meanwhile is not counted. Reading never waits.
fn processor_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: f64 = text.split_whitespace().next().ok_or("no time of the thread")?.parse()?;
    Ok(nanoseconds / 1e9)
}

/// Seconds to read a file into typed entries.
fn read_typed(path: &Path, entries: u64) -> Result<f64> {
    let mut taken = Taken::default();
    let begun = processor_seconds()?;
    let mut source = BufReader::with_capacity(CHUNK_BYTES, File::open(path)?);
    reading::read("statement", &mut source, None, &mut taken).map_err(|failure| format!("{failure:?}"))?;
    let seconds = processor_seconds()? - begun;
    let Taken { tally, bytes, problems, last_problem } = taken;
    let expected = rust_decimal::Decimal::new(sum(entries).cast_signed(), 2);
    if (tally.credits, tally.booked_net, problems) != (entries, expected, 0) || bytes == 0 {
        return Err(format!("{}: {tally:?}, {problems} problems, {last_problem}", path.display()).into());
    }
    Ok(seconds)
}

/// Seconds to see every event of a file.
fn read_bare(path: &Path) -> Result<f64> {
    let begun = processor_seconds()?;
    let mut reader = quick_xml::Reader::from_reader(BufReader::with_capacity(CHUNK_BYTES, File::open(path)?));
    let mut buffer = Vec::with_capacity(1024);
    let mut events = 0_u64;
    loop {
        buffer.clear();
        // Not moved out of the result, which would cost.
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Eof) => break,
            Ok(_) => events += 1,
            Err(error) => return Err(error.into()),
        }
    }
    black_box(events);
    Ok(processor_seconds()? - begun)
}

fn measure_reading(files: &Files, entries: u64, runs: u64) -> Result<()> {
    let [mut bare, mut camt, mut mt940, mut csv] = [const { Vec::new() }; 4];
    // What is in memory already is the same for every side.
    read_bare(&files.camt)?;
    for _ in 0..runs {
        bare.push(read_bare(&files.camt)?);
        camt.push(read_typed(&files.camt, entries)?);
        mt940.push(read_typed(&files.mt940, entries)?);
        csv.push(read_typed(&files.csv, entries)?);
    }
    println!("\n### B1: reading {entries} entries, {runs} runs, the sides in turn\n");
    println!(
        "| | bytes an entry | processor seconds, median (min–max) | MB/s | entries/s |\n|---|---:|---:|---:|---:|"
    );
    let sides = [
        ("bare event loop, camt.053", &files.camt, &bare),
        ("camt.053 into typed entries", &files.camt, &camt),
        ("MT940 into typed entries", &files.mt940, &mt940),
        ("CSV (GB18030) into typed entries", &files.csv, &csv),
    ];
    for (what, path, seconds) in sides {
        let (bytes, middle) = (std::fs::metadata(path)?.len() as f64, median(seconds));
        let least = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let most = seconds.iter().copied().fold(0.0, f64::max);
        println!(
            "| {what} | {:.0} | {middle:.2} ({least:.2}–{most:.2}) | {:.0} | {:.0} |",
            bytes / entries as f64,
            bytes / middle / 1e6,
            entries as f64 / middle
        );
    }
    let by = |one: &[f64], other: &[f64]| one.iter().zip(other).map(|(one, other)| one / other).collect::<Vec<_>>();
    println!();
    print_head();
    row("B1: camt.053 ÷ bare event loop", &by(&camt, &bare), "x", 2, "≤ 1.3x");
    row("B1: a line of MT940 ÷ one of camt.053", &by(&mt940, &camt), "x", 2, "≤ 1x");
    row("B1: a line of CSV ÷ one of camt.053", &by(&csv, &camt), "x", 2, "≤ 1x");
    Ok(())
}

// Import and matching

fn measure_import(server: &Server, file: &Path, entries: u64, runs: u64) -> Result<()> {
    let mut measured = Measured::default();
    for run in 1..=runs {
        let folder = tempfile::tempdir()?;
        let keys = open_court(server, folder.path())?;
        let own = |what: &str| run_child(what, &server.address(folder.path(), "run"), file, &keys);
        let begun = Instant::now();
        read_typed(file, entries)?;
        let parse = begun.elapsed().as_secs_f64();
        let import = own("import")?;
        let mut store = server.open(folder.path(), "run")?;
        let import_rows = Rows::of_act(&mut store, "statement.import", &[&DOCUMENT_CHUNK, &BANK_DAY])?;
        drop(store);
        let raw_import = server.insert(folder.path(), &import_rows)?;
        let matching = own("match")?;
        let mut store = server.open(folder.path(), "run")?;
        let states: [&'static Table; 3] = [&LINE_MATCH, &RECEIPT_MATCH, &ITEM_BALANCE];
        let match_rows = Rows::of_act(&mut store, "reconcile.match", &states)?;
        if import.count != entries || matching.count != entries {
            return Err(format!("of {entries} entries {} are stored, {} matched", import.count, matching.count).into());
        }
        let all = import_rows.and(match_rows);
        if run == runs {
            server.describe(&mut store, &format!("a statement of {entries} entries, matched,"), &all)?;
        }
        drop(store);
        let raw_all = server.insert(folder.path(), &all)?;
        eprintln!(
            "{}, run {run}: reading {parse:.2} s, {import:?}, raw {raw_import:.2} s, {matching:?}, raw of both {raw_all:.2} s",
            server.kind()
        );
        measured.add(parse, &import, raw_import, &matching, raw_all);
    }
    measured.print(entries);
    Ok(())
}

/// A court with its people, an account and its cases, in an empty database; gives the path of its keys.
fn open_court(server: &Server, folder: &Path) -> Result<PathBuf> {
    server.clear(folder, "run")?;
    let keys = folder.join("ankuan.key");
    say(Keys::create(&keys, &mut Randomness::seeded(1)))?;
    let mut store = server.open(folder, "run")?;
    store.migrate(MIGRATIONS)?;
    let mut tx = store.begin()?;
    let new = NewCourt {
        court_id: COURT,
        name: "某某市某某区人民法院",
        admin_name: ADMIN,
        chart_file: chart::DEFAULT_FILE,
        chart_text: chart::DEFAULT,
    };
    let admin = say(chart::open_court(&mut tx, &new, TODAY, at()?))?;
    for (name, role) in [(HANDLER, Role::Handler), (FINANCE, Role::Finance)] {
        let person = say(access::add_person(&mut tx, &admin, name))?;
        say(access::grant(&mut tx, &admin, &person, role, TODAY, "任命"))?;
    }
    let chart = say(chart::load(&mut tx, COURT))?;
    let finance = acting(&mut tx, FINANCE)?;
    say(chart::add_bank_account(&mut tx, &finance, &chart, ACCOUNT, "法院", "某银行", "102100099996"))?;
    let handler = acting(&mut tx, HANDLER)?;
    for number in 0..CASES {
        say(cases::open_case(&mut tx, &handler, &chart, &case_number(number), "张三申请执行", TODAY))?;
    }
    tx.commit()?;
    Ok(keys)
}

fn at() -> Result<Timestamp> {
    Ok(Timestamp::from_second(1_795_312_800)?)
}

fn acting(tx: &mut ankuan_ledger::Tx<'_>, name: &str) -> Result<Acting> {
    Ok(Acting { actor: say(access::find_actor(tx, COURT, name))?, at: at()?, date: TODAY })
}

fn say<T>(outcome: Outcome<T>) -> Result<T> {
    outcome.map_err(|failure| format!("{failure:?}").into())
}

/// What one process said of its work.
#[derive(Debug)]
struct Ran {
    seconds: f64,
    peak_megabytes: f64,
    count: u64,
}

fn run_child(what: &str, address: &str, file: &Path, keys: &Path) -> Result<Ran> {
    let output = Command::new(std::env::current_exe()?).args(["--child", what, address]).args([file, keys]).output()?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{what}: {error}; {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(Ran {
        seconds: said["seconds"].as_f64().ok_or("no time")?,
        peak_megabytes: said["peak_bytes"].as_f64().ok_or("no peak")? / 1e6,
        count: said["count"].as_u64().ok_or("no count")?,
    })
}

/// Imports or matches in this process: operation, database, statement, keys. From opening nothing to the commit.
fn child(arguments: &[String]) -> Result<()> {
    let [what, address, file, keys] = arguments else { return Err("--child takes four arguments".into()) };
    let keys = say(Keys::read(Path::new(keys)))?;
    let mut store = Store::open(address)?;
    let begun = Instant::now();
    let mut tx = store.begin()?;
    let finance = acting(&mut tx, FINANCE)?;
    let count = if what == "import" {
        let import = Import {
            path: Path::new(file),
            profile: None,
            bank_account: None,
            channel: Channel::BankDirect,
            fetched_by: &finance.actor,
        };
        let mut randomness = Randomness::system();
        let imported = say(import_statement(&mut tx, &finance, &keys, &mut randomness, &import, &mut |_| ()))?;
        imported.statements.iter().map(|statement| statement.new_count.cast_unsigned()).sum()
    } else {
        let chart = say(chart::load(&mut tx, COURT))?;
        let account = say(chart::find_bank_account(&mut tx, COURT, None))?;
        let done = say(match_account(&mut tx, &finance, &chart, &account, Rules::standard(), "standard"))?;
        done.receipts.count + done.unattributed.count
    };
    tx.commit()?;
    let seconds = begun.elapsed().as_secs_f64();
    let peak_bytes = ankuan::cli::output::peak_rss_bytes();
    println!("{}", serde_json::json!({"seconds": seconds, "peak_bytes": peak_bytes, "count": count}));
    Ok(())
}

#[derive(Default)]
struct Measured {
    parse: Vec<f64>,
    import: Vec<f64>,
    matching: Vec<f64>,
    raw_import: Vec<f64>,
    raw_all: Vec<f64>,
    import_ratio: Vec<f64>,
    whole_ratio: Vec<f64>,
    import_peak: Vec<f64>,
    match_peak: Vec<f64>,
}

impl Measured {
    fn add(&mut self, parse: f64, import: &Ran, raw_import: f64, matching: &Ran, raw_all: f64) {
        self.parse.push(parse);
        self.import.push(import.seconds);
        self.matching.push(matching.seconds);
        self.raw_import.push(raw_import);
        self.raw_all.push(raw_all);
        self.import_ratio.push(import.seconds / (parse + raw_import));
        self.whole_ratio.push((import.seconds + matching.seconds) / (parse + raw_all));
        self.import_peak.push(import.peak_megabytes);
        self.match_peak.push(matching.peak_megabytes);
    }

    fn print(&self, entries: u64) {
        println!("\n### B3: {entries} entries, {} runs, each beside its own raw writes\n", self.parse.len());
        print_head();
        row("import: sealed, read, stored, committed", &self.import, " s", 2, "");
        row("matching: rules, receipts posted, committed", &self.matching, " s", 2, "");
        row("reading alone", &self.parse, " s", 2, "");
        row("raw write of the import's rows", &self.raw_import, " s", 2, "");
        row("raw write of all rows, matching's too", &self.raw_all, " s", 2, "");
        row("B3: import ÷ (reading + raw write of its rows)", &self.import_ratio, "x", 2, "≤ 2x");
        row("B3: import and matching ÷ (reading + raw write of all rows)", &self.whole_ratio, "x", 2, "≤ 2x");
        row("peak memory of the import", &self.import_peak, " MB", 0, "bounded");
        row("peak memory of the matching", &self.match_peak, " MB", 0, "");
    }
}
