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

mod shared;

use std::path::Path;
use std::process::Command;

use ankuan::clock::Clock;
use ankuan::documents::DOCUMENT_CHUNK;
use ankuan::documents::personal::PERSONAL_DETAIL;
use shared::{Result, Rows, Server, machine, median, number, print_head, print_row as row, without};

/// Steps of the run itself; verification comes after it.
const STEPS: [&str; 5] = ["import", "distribute", "approve", "commit", "files"];

fn main() -> Result<()> {
    let (claimants, runs) = (number("--claimants", 170_000), number("--runs", 5));
    let (large, large_runs) = (number("--large", 1_000_000), number("--large-runs", 3));
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
        let ran = demo(server, folder.path(), claimants)?;
        let mut store = server.open(folder.path(), "run")?;
        // The handful of balances and other states that it changed is left out, which makes the baseline a little faster.
        let rows = Rows::of_book(&mut store, &[&PERSONAL_DETAIL, &DOCUMENT_CHUNK])?;
        let commit_rows = Rows::of_act(&mut store, "payouts.commit", &[])?;
        if run == runs {
            server.describe(&mut store, &format!("a run with {claimants} claimants"), &rows)?;
        }
        drop(store);
        let raw_commit = server.insert(folder.path(), &commit_rows)?;
        let raw_all = server.insert(folder.path(), &rows)?;
        eprintln!("{}, run {run}: {ran:?}, raw {raw_all:.2} s, of the commit {raw_commit:.2} s", server.kind());
        measured.add(&ran, raw_commit, raw_all);
    }
    for run in 1..=if large == 0 { 0 } else { large_runs } {
        let folder = tempfile::tempdir()?;
        let ran = demo(server, folder.path(), large)?;
        eprintln!("{}, {large} claimants, run {run}: {ran:?}", server.kind());
        measured.large.push(ran);
    }
    measured.print(claimants, large);
    Ok(())
}

/// The whole run, in its own process.
fn demo(server: &Server, folder: &Path, claimants: u64) -> Result<Ran> {
    server.clear(folder, "run")?;
    let output = Command::new(env!("CARGO_BIN_EXE_ankuan"))
        .args(["demo", "--json", "--claimants", &claimants.to_string(), "--dir"])
        .arg(folder)
        .args(["--database", &server.address(folder, "run")])
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
        print_head();
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
