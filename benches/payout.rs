//! What a whole payout costs beside the bare writes of its rows:
//! `cargo bench --bench payout [-- --claimants N --runs R --large N --large-runs R --no-sqlite --no-postgres]`.
//!
//! Each measured run is a process of its own, `ankuan demo --json`, so that neither memory nor caches of one run are
//! another's. The baseline runs in turn with it: the rows that the run left, inserted again into empty copies of the
//! same tables (same columns, keys and indexes; no triggers, no chain to compute) by the engine's fastest way, in one
//! durable transaction. Reading those rows into memory is not timed. Ratios are what counts, times give the scale.
//!
//! SQLite is always measured; PostgreSQL when `DATABASE_URL` names a database in which schemas may be made. What is
//! printed is Markdown, and all of it was measured in this run. `--large 0` leaves the large list out.
#![allow(clippy::float_arithmetic, reason = "times and ratios; no money is computed here")]
#![allow(missing_docs)]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use ankuan::books;
use ankuan::clock::Clock;
use ankuan::documents::DOCUMENT_CHUNK;
use ankuan::documents::personal::PERSONAL_DETAIL;
use ankuan::schema::{MIGRATIONS, facts};
use ankuan_ledger::engine::{Bulk, EngineKind, Migration, Row, RowBytes, Statement, Table};
use ankuan_ledger::schema::{CHAIN_LINK, CHAIN_PART};
use ankuan_ledger::{Error, Store};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The court that the demo opens in an empty database.
const COURT: i64 = 1;

/// Steps of the run itself; verification comes after it.
const STEPS: [&str; 5] = ["import", "distribute", "approve", "commit", "files"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: u64| -> u64 {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
    };
    let (claimants, runs) = (number("--claimants", 170_000), number("--runs", 5));
    let (large, large_runs) = (number("--large", 1_000_000), number("--large-runs", 3));
    let without = |name: &str| arguments.iter().any(|argument| argument.strip_prefix("--no-") == Some(name));
    println!("Measured on {}. {}", Clock::system().today_in_shanghai(), machine());
    if !without("sqlite") {
        measure(&Server::Sqlite, (claimants, runs), (large, large_runs))?;
    }
    match std::env::var("DATABASE_URL") {
        Ok(address) if !without("postgres") => {
            measure(&Server::Postgres(address), (claimants, runs), (large, large_runs))?;
        }
        Ok(_) => {}
        Err(_) => println!("\nPostgreSQL is left out: DATABASE_URL is not set."),
    }
    Ok(())
}

fn measure(server: &Server, (claimants, runs): (u64, u64), (large, large_runs): (u64, u64)) -> Result<()> {
    let mut measured = Measured::default();
    for run in 1..=runs {
        let folder = tempfile::tempdir()?;
        let ran = server.demo(folder.path(), claimants)?;
        let mut store = server.open(folder.path(), "run")?;
        let rows = Rows::of_run(&mut store)?;
        let commit_rows = rows.of_commit(&mut store)?;
        if run == runs {
            server.describe(&mut store, claimants, &rows)?;
        }
        drop(store);
        let raw_commit = server.insert(folder.path(), &commit_rows)?;
        let raw_all = server.insert(folder.path(), &rows)?;
        eprintln!("{}, run {run}: {ran:?}, raw {raw_all:.2} s, of the commit {raw_commit:.2} s", server.kind());
        measured.add(&ran, raw_commit, raw_all);
    }
    for run in 1..=if large == 0 { 0 } else { large_runs } {
        let folder = tempfile::tempdir()?;
        let ran = server.demo(folder.path(), large)?;
        eprintln!("{}, {large} claimants, run {run}: {ran:?}", server.kind());
        measured.large.push(ran);
    }
    measured.print(claimants, large);
    Ok(())
}

// The machine and the databases

fn machine() -> String {
    let first = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or("?").to_owned();
        line.split_once(':').map_or(line.clone(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Machine: {}, {cores} cores, {} of memory, Linux {}; load before the first run {}.",
        first("/proc/cpuinfo", "model name"),
        first("/proc/meminfo", "MemTotal"),
        first("/proc/sys/kernel/osrelease", ""),
        first("/proc/loadavg", "")
    )
}

enum Server {
    Sqlite,
    Postgres(String),
}

impl Server {
    const fn kind(&self) -> EngineKind {
        match self {
            Self::Sqlite => EngineKind::Sqlite,
            Self::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// A file in the folder, or a schema of the database.
    fn address(&self, folder: &Path, name: &str) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", folder.join(format!("{name}.db")).display()),
            Self::Postgres(address) => {
                let mark = if address.contains('?') { '&' } else { '?' };
                format!("{address}{mark}options=-csearch_path%3Dbench_{name}")
            }
        }
    }

    fn open(&self, folder: &Path, name: &str) -> Result<Store> {
        Ok(Store::open(&self.address(folder, name))?)
    }

    /// Makes room for an empty database of that name. What the server owes the disk from before is not this run's.
    fn clear(&self, folder: &Path, name: &str) -> Result<()> {
        match self {
            Self::Sqlite => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(folder.join(format!("{name}.db{end}")));
                }
            }
            Self::Postgres(address) => {
                let mut admin = Store::open(address)?;
                for text in ["DROP SCHEMA IF EXISTS bench_{} CASCADE", "CREATE SCHEMA bench_{}", "CHECKPOINT"] {
                    let mut tx = admin.begin()?;
                    tx.execute(leak(text.replace("{}", name)), &[])?;
                    tx.commit()?;
                }
            }
        }
        Ok(())
    }

    /// The whole run, in its own process.
    fn demo(&self, folder: &Path, claimants: u64) -> Result<Ran> {
        self.clear(folder, "run")?;
        let output = Command::new(env!("CARGO_BIN_EXE_ankuan"))
            .args(["demo", "--json", "--claimants", &claimants.to_string(), "--dir"])
            .arg(folder)
            .args(["--database", &self.address(folder, "run")])
            .output()?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("the demo: {error}; {}", String::from_utf8_lossy(&output.stderr)))?;
        if said["verify"]["ok"] != true {
            return Err(format!("the books do not verify: {}", said["verify"]).into());
        }
        let seconds = |step: &str| said["seconds"][step].as_f64().ok_or(format!("the demo gives no time for {step}"));
        Ok(Ran {
            steps: STEPS.iter().map(|step| seconds(step)).collect::<std::result::Result<_, _>>()?,
            verify: seconds("verify")?,
            postings: said["verify"]["postings"].as_f64().ok_or("the demo gives no postings")?,
            peak_megabytes: said["peak_rss_bytes"].as_f64().ok_or("the demo gives no peak of memory")? / 1e6,
        })
    }

    /// The baseline: the rows into empty tables, in one durable transaction. Returns the seconds.
    fn insert(&self, folder: &Path, rows: &Rows) -> Result<f64> {
        self.clear(folder, "raw")?;
        let mut store = self.open(folder, "raw")?;
        let bare: Vec<Migration> = MIGRATIONS.iter().map(|step| Migration { facts: &[], ..*step }).collect();
        store.migrate(&bare)?;
        let begin = Instant::now();
        let mut tx = store.begin()?;
        for (table, rows) in &rows.0 {
            let mut bulk = Bulk::new(table);
            for (_, row) in rows {
                bulk.push_bytes(&mut tx, row)?;
            }
            bulk.finish(&mut tx)?;
        }
        tx.commit()?;
        Ok(begin.elapsed().as_secs_f64())
    }

    /// Settings, and what the run left in each table.
    fn describe(&self, store: &mut Store, claimants: u64, rows: &Rows) -> Result<()> {
        let names: &[&str] = match self {
            Self::Sqlite => &["journal_mode", "synchronous", "cache_size", "page_size"],
            Self::Postgres(_) => {
                &["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "full_page_writes"]
            }
        };
        let mut tx = store.snapshot()?;
        let mut settings = Vec::new();
        for name in names {
            let text = match self {
                Self::Sqlite => format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
                Self::Postgres(_) => format!("SHOW {name}"),
            };
            let value = tx.query_one(leak(text), &[], |row| Ok(row.text(0)?.to_owned()))?;
            settings.push(format!("{name} = {value}"));
        }
        println!("\n### {}\n\nSettings: {}.", self.kind(), settings.join(", "));
        println!("\nRows that a run with {claimants} claimants leaves, indexes included in the bytes:\n");
        println!("| table | rows | bytes |\n|---|---:|---:|");
        let mut counts: Vec<(&Table, usize)> = rows.0.iter().map(|(table, rows)| (*table, rows.len())).collect();
        counts.sort_by_key(|(table, count)| (std::cmp::Reverse(*count), table.name));
        for (table, count) in counts {
            let text = match self {
                Self::Sqlite => format!(
                    "SELECT SUM(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name \
                     WHERE s.aggregate = TRUE AND m.tbl_name = '{}'",
                    table.name
                ),
                Self::Postgres(_) => format!("SELECT pg_total_relation_size('{}')::bigint", table.name),
            };
            let bytes = tx.query_one(leak(text), &[], |row| row.int(0))?;
            println!("| {} | {count} | {bytes} |", table.name);
        }
        Ok(())
    }
}

/// Statements are `'static`; a bench may keep a few for good.
fn leak(text: String) -> Statement {
    Statement::new(Box::leak(text.into_boxed_str()))
}

// Rows

/// Rows by table, each with its id, in the form in which they go out again.
struct Rows(Vec<(&'static Table, TableRows)>);

/// Rows of one table: id and bytes.
type TableRows = Vec<(i64, Vec<u8>)>;

impl Rows {
    /// All that the run wrote into the book of case money. The handful of balances and other states that it changed is
    /// left out, which makes the baseline a little faster.
    fn of_run(store: &mut Store) -> Result<Self> {
        let chain: [&'static Table; 2] = [&CHAIN_LINK, &CHAIN_PART];
        let beside: [&'static Table; 2] = [&PERSONAL_DETAIL, &DOCUMENT_CHUNK];
        let mut tx = store.snapshot()?;
        let mut all = Vec::new();
        for table in facts().into_iter().chain(chain).chain(beside) {
            let mut rows = Vec::new();
            tx.scan(table, COURT, books::CASE_MONEY, (i64::MIN, i64::MAX), |row| {
                let id = if table.name == CHAIN_PART.name { row.int(5)? } else { row.int(2)? };
                rows.push((id, encode(table, row)?));
                Ok::<(), Error>(())
            })?;
            if !rows.is_empty() {
                all.push((table, rows));
            }
        }
        Ok(Self(all))
    }

    /// Those of them that the commit wrote: what its link of the chain covers, and the link itself.
    fn of_commit(&self, store: &mut Store) -> Result<Self> {
        let mut tx = store.snapshot()?;
        let parts = tx.query(
            "SELECT p.table_name, p.first_id, p.last_id, p.link_no FROM chain_part AS p JOIN chain_link AS l \
             ON l.court_id = p.court_id AND l.book_id = p.book_id AND l.link_no = p.link_no \
             WHERE p.court_id = $1 AND p.book_id = $2 AND l.act = 'payouts.commit'",
            &[COURT.into(), books::CASE_MONEY.into()],
            |row| Ok((row.text(0)?.to_owned(), row.int(1)?..=row.int(2)?, row.int(3)?)),
        )?;
        let link_no = parts.first().ok_or("the run was never committed")?.2;
        let written = |table: &Table| {
            if [CHAIN_LINK.name, CHAIN_PART.name].contains(&table.name) {
                return Some(link_no..=link_no);
            }
            parts.iter().find(|(name, ..)| name == table.name).map(|(_, ids, _)| ids.clone())
        };
        let rows = self.0.iter().filter_map(|(table, rows)| {
            let ids = written(table)?;
            Some((*table, rows.iter().filter(|(id, _)| ids.contains(id)).cloned().collect()))
        });
        Ok(Self(rows.collect()))
    }
}

fn encode(table: &Table, row: &Row<'_>) -> std::result::Result<Vec<u8>, Error> {
    let mut bytes = RowBytes::default();
    bytes.begin(table.columns.len());
    for (column, (_, kind)) in table.columns.iter().enumerate() {
        bytes.value(row.value(column, *kind)?);
    }
    Ok(bytes.as_bytes().to_vec())
}

// Results

/// What one process said of its run; seconds.
#[derive(Debug)]
struct Ran {
    steps: Vec<f64>,
    verify: f64,
    postings: f64,
    peak_megabytes: f64,
}

impl Ran {
    /// List on disk to files on disk.
    fn whole(&self) -> f64 {
        self.steps.iter().sum()
    }

    fn commit(&self) -> f64 {
        self.steps[3]
    }
}

#[derive(Default)]
struct Measured {
    steps: [Vec<f64>; STEPS.len()],
    whole: Vec<f64>,
    verify: Vec<f64>,
    verify_rate: Vec<f64>,
    peak: Vec<f64>,
    raw_commit: Vec<f64>,
    raw_all: Vec<f64>,
    commit_ratio: Vec<f64>,
    whole_ratio: Vec<f64>,
    strict_ratio: Vec<f64>,
    large: Vec<Ran>,
}

impl Measured {
    fn add(&mut self, ran: &Ran, raw_commit: f64, raw_all: f64) {
        for (all, seconds) in self.steps.iter_mut().zip(&ran.steps) {
            all.push(*seconds);
        }
        self.whole.push(ran.whole());
        self.verify.push(ran.verify);
        self.verify_rate.push(ran.postings / ran.verify);
        self.peak.push(ran.peak_megabytes);
        self.raw_commit.push(raw_commit);
        self.raw_all.push(raw_all);
        self.commit_ratio.push(ran.commit() / raw_commit);
        self.whole_ratio.push(ran.whole() / raw_all);
        self.strict_ratio.push(ran.whole() / raw_commit);
    }

    fn print(&self, claimants: u64, large: u64) {
        println!("\n{claimants} claimants, {} runs, each beside its own raw writes:\n", self.whole.len());
        println!("| | median | min–max | target |\n|---|---:|---:|---:|");
        let row = |what: &str, values: &[f64], unit: &str, digits: usize, target: &str| {
            let sorted = sorted(values);
            let (least, most) = (sorted.first().unwrap_or(&0.0), sorted.last().unwrap_or(&0.0));
            println!("| {what} | {:.digits$}{unit} | {least:.digits$}–{most:.digits$} | {target} |", median(values));
        };
        for (step, seconds) in STEPS.iter().zip(&self.steps) {
            row(step, seconds, " s", 2, "");
        }
        row("whole run, list on disk to files synced", &self.whole, " s", 2, "");
        row("raw write of the commit's rows", &self.raw_commit, " s", 2, "");
        row("raw write of all rows of the run", &self.raw_all, " s", 2, "");
        row("A1: commit ÷ raw write of its rows", &self.commit_ratio, "x", 2, "≤ 1.5x");
        row("A2: whole run ÷ raw write of its rows", &self.whole_ratio, "x", 2, "≤ 2.5x");
        row("whole run ÷ raw write of the commit's rows alone", &self.strict_ratio, "x", 2, "");
        row("A3: peak memory of the process, with verification", &self.peak, " MB", 0, "≤ 100 MB");
        row("verification", &self.verify, " s", 2, "");
        row("A6: postings verified a second", &self.verify_rate, "", 0, "≥ 500,000");
        if self.large.is_empty() {
            return;
        }
        let of_large = |value: fn(&Ran) -> f64| self.large.iter().map(value).collect::<Vec<_>>();
        println!("| **{large} claimants**, {} runs | | | |", self.large.len());
        row("whole run", &of_large(Ran::whole), " s", 2, "");
        let growth: Vec<f64> = of_large(Ran::whole).iter().map(|seconds| seconds / median(&self.whole)).collect();
        row(&format!("A3: ÷ the median with {claimants}"), &growth, "x", 2, "≤ 6.5x");
        row("A3: peak memory", &of_large(|ran| ran.peak_megabytes), " MB", 0, "≤ 300 MB");
        row("verification", &of_large(|ran| ran.verify), " s", 2, "");
        row("A6: postings verified a second", &of_large(|ran| ran.postings / ran.verify), "", 0, "≥ 500,000");
    }
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

fn median(values: &[f64]) -> f64 {
    sorted(values).get(values.len() / 2).copied().unwrap_or(0.0)
}
