//! What the service answers, and how quickly, while it pays 170,000:
//! `cargo bench --bench service [-- --claimants N --runs R --rate N --seconds N --no-sqlite --no-postgres]`.
//!
//! The service is a process of its own, the shipped program; the requests come over the network of the machine from this
//! one, at a steady rate whatever was answered before (what waits in line counts as waiting). Read are lists of cases and
//! runs, a page of a run's lines, the desk and the page of the run: first with nothing beside them, then while a job of the
//! same court commits the payout. Beside them stands the same work by hand: the statements of those reads, asked of the
//! database directly. Writes are receipts, one after another; beside them the bare commit of one row, and the rows that a
//! receipt leaves, inserted by hand in a transaction each.
//!
//! SQLite is always measured; PostgreSQL when `DATABASE_URL` names a database in which schemas may be made. What is
//! printed is Markdown, and all of it was measured in this run.
#![allow(clippy::float_arithmetic, reason = "times and ratios; no money is computed here")]
#![allow(missing_docs)]

mod shared;

use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ankuan::access::api_keys::{self, Scope};
use ankuan::access::{self, Acting, credentials, sessions};
use ankuan::books;
use ankuan::claims::sample::write_sample_list;
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan_ledger::Store;
use ankuan_ledger::engine::Bulk;
use serde_json::{Value, json};
use shared::{Result, Rows, Server, machine, number, print_head, print_row as row, without};

const COURT: i64 = 1;
const PEOPLE: [(&str, &str); 5] = [
    ("承办", "handler"),
    ("复核", "finance"),
    ("审批", "bureau_head"),
    ("核准", "vice_president"),
    ("管款", "fund_keeper"),
];
/// A program may ask fifty times a second, so so many ask together.
const KEYS: usize = 24;
/// Threads that ask: more than can wait at a time for answers of the time that is wanted.
const THREADS: usize = 32;

fn main() -> Result<()> {
    let claimants = number("--claimants", 170_000);
    let (runs, rate, seconds) = (number("--runs", 3), number("--rate", 500), number("--seconds", 10));
    println!("Measured on {}. {}", Clock::system().today_in_shanghai(), machine());
    let mut servers = Vec::new();
    if !without("sqlite") {
        servers.push(Server::Sqlite);
    }
    match std::env::var("DATABASE_URL") {
        Ok(address) if !without("postgres") => servers.push(Server::Postgres(address)),
        Ok(_) => {}
        Err(_) => println!("\nPostgreSQL is left out: DATABASE_URL is not set."),
    }
    for server in servers {
        measure(&server, claimants, runs, rate, seconds)?;
    }
    Ok(())
}

fn measure(server: &Server, claimants: u64, runs: u64, rate: u64, seconds: u64) -> Result<()> {
    let mut all = Figures::default();
    for run in 1..=runs {
        let folder = tempfile::tempdir()?;
        server.clear(folder.path(), "service")?;
        let court = Court::prepare(server, folder.path(), claimants)?;
        let served = Served::start(&court)?;
        all.start.push(served.started_after.as_secs_f64());
        all.resting.push(served.resident_megabytes()?);
        let mut store = server.open(folder.path(), "service")?;
        let by_hand = court.reads_by_hand(&mut store, rate, seconds)?;
        all.by_hand.push(percentile(&by_hand, 99));
        let alone = read_at(&served, &court, rate, &mut |begun| begun < Duration::from_secs(seconds))?;
        all.alone.push((percentile(&alone, 50), percentile(&alone, 99)));
        all.page.push(court.largest_page(&served)?);
        let bare = court.bare_commits(&mut store)?;
        let writes = court.writes(&served, "a", 300)?;
        all.bare.push(percentile(&bare, 99));
        all.writes.push(percentile(&writes, 99));
        all.write_halves.push(percentile(&writes, 50));
        let by_hand = court.writes_by_hand(server, &mut store)?;
        all.writes_by_hand.push(percentile(&by_hand, 99));
        let during = court.reads_during_commit(&served, rate)?;
        all.during.push((percentile(&during.reads, 50), percentile(&during.reads, 99)));
        all.read_count += during.reads.len();
        all.commit.push(during.commit.as_secs_f64());
        all.stall.push(during.longest_write.as_secs_f64());
        eprintln!("{}, run {run}: {all:?}", server.kind());
    }
    all.print(server, claimants, rate);
    Ok(())
}

/// A court with a run of so many payments that is approved and not committed yet.
struct Court {
    folder: std::path::PathBuf,
    address: String,
    run: String,
    case: String,
    keys: Vec<String>,
    cookie: String,
}

impl Court {
    fn prepare(server: &Server, folder: &Path, claimants: u64) -> Result<Self> {
        let mut court = Self {
            folder: folder.to_owned(),
            address: server.address(folder, "service"),
            run: String::new(),
            case: "（2026）浙01执1号".to_owned(),
            keys: Vec::new(),
            cookie: String::new(),
        };
        let case = court.case.clone();
        court.ask(&["init", "--name", "某中级人民法院", "--admin", "管理"])?;
        for (name, role) in PEOPLE {
            court.ask(&["person", "add", name, "--as", "管理"])?;
            court.ask(&["person", "grant", name, role, "--as", "管理"])?;
        }
        court.ask(&[
            "bank-account",
            "add",
            "1202020209900012345",
            "--holder",
            "某中级人民法院",
            "--bank",
            "某银行",
            "--bank-code",
            "102100099996",
            "--as",
            "复核",
        ])?;
        court.ask(&["case", "open", &case, "--title", "涉众案", "--as", "承办"])?;
        for other in 2..=200 {
            court.ask_quietly(&[
                "case",
                "open",
                &format!("（2026）浙01执{other}号"),
                "--title",
                "普通案",
                "--as",
                "承办",
            ])?;
        }
        let list = folder.join("list.csv");
        let sample = write_sample_list(std::fs::File::create(&list)?, claimants, 0, 7)?;
        let pot = sample.sum.to_string().replace(',', "");
        court.ask(&[
            "receipt",
            "record",
            "R1",
            "--case",
            &case,
            "--amount",
            &pot,
            "--value-date",
            "2026-11-01",
            "--payer",
            "某公司",
            "--as",
            "复核",
        ])?;
        court.ask(&["claims", "import", &list.display().to_string(), "--case", &case, "--as", "承办"])?;
        let made = court.ask(&["distribute", "make", "--case", &case, "--as", "承办"])?;
        let distribution = made["distribution"].as_i64().ok_or(format!("no distribution: {made}"))?.to_string();
        let draft = court.ask(&["payout", "draft", "--distribution", &distribution, "--as", "承办"])?;
        court.run = draft["run"].as_str().ok_or(format!("no run: {draft}"))?.to_owned();
        let run = court.run.clone();
        let submitted = court.ask(&["payout", "submit", &run, "--as", "承办"])?;
        let digest = submitted["digest"].as_str().ok_or(format!("no digest: {submitted}"))?.to_owned();
        let screened = court.ask(&["payout", "screen", &run])?;
        let mut codes: Vec<&str> =
            screened["findings"].as_array().into_iter().flatten().filter_map(|found| found["code"].as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            court.ask(&["payout", "clear", &run, "--finding", code, "--reason", "invented", "--as", "复核"])?;
        }
        court.ask(&["payout", "approve", &run, "--digest", &digest, "--as", "复核"])?;
        // Above the amount of the bureau head it is the vice president's.
        if court.ask(&["payout", "approve", &run, "--digest", &digest, "--as", "审批"]).is_err() {
            court.ask(&["payout", "approve", &run, "--digest", &digest, "--as", "核准"])?;
        }
        court.let_in(server)?;
        Ok(court)
    }

    /// Keys for programs and a session for a person, made where they are kept.
    fn let_in(&mut self, server: &Server) -> Result<()> {
        let mut store = server.open(&self.folder, "service")?;
        let (clock, mut randomness) = (Clock::system(), Randomness::system());
        let said = |failure: ankuan::Failure| format!("{failure:?}");
        let mut tx = store.begin()?;
        let find = |tx: &mut _, name| access::find_actor(tx, COURT, name).map_err(said);
        let admin = Acting { actor: find(&mut tx, "管理")?, at: clock.now(), date: clock.today_in_shanghai() };
        let finance = find(&mut tx, "复核")?;
        let code = credentials::invite(&mut tx, &admin, &finance, &mut randomness).map_err(said)?;
        tx.commit()?;
        let keys = Keys::read(&self.folder.join("ankuan.key")).map_err(said)?;
        let enrolled = credentials::enrol(
            &mut store,
            &keys,
            COURT,
            "复核",
            &code,
            "a password of the bench",
            clock.now(),
            &mut randomness,
        );
        enrolled.map_err(said)?;
        let mut tx = store.begin()?;
        for number in 0..KEYS {
            let made = api_keys::create(
                &mut tx,
                &admin,
                &finance,
                &format!("bench {number}"),
                &[Scope::Read, Scope::Write],
                1,
                &mut randomness,
            );
            let (key, secret) = made.map_err(said)?;
            let person = Acting { actor: finance.clone(), ..admin.clone() };
            api_keys::confirm(&mut tx, &person, key.key_id).map_err(said)?;
            self.keys.push(secret);
        }
        let token = sessions::open(&mut tx, &finance, clock.now(), &mut randomness).map_err(said)?;
        tx.commit()?;
        self.cookie = format!("__Host-ankuan={COURT}.{token}");
        Ok(())
    }

    fn ask(&self, words: &[&str]) -> Result<Value> {
        let output = self.program().arg("--json").args(words).output()?;
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        if output.status.success() { Ok(said) } else { Err(format!("{words:?}: {said}").into()) }
    }

    fn ask_quietly(&self, words: &[&str]) -> Result<()> {
        self.ask(words).map(|_| ())
    }

    fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_ankuan"));
        program.args(["--database", &self.address, "--keys"]).arg(self.folder.join("ankuan.key"));
        program
    }

    /// What is read: three answers for programs, two pages.
    fn paths(&self) -> [String; 5] {
        [
            "/api/v1/cases?limit=50".to_owned(),
            "/api/v1/runs?limit=50".to_owned(),
            format!("/api/v1/cases/{}/claims?limit=100", escape(&self.case)),
            "/".to_owned(),
            format!("/payouts/{}", self.run),
        ]
    }

    /// The statements behind the reads for programs, asked one after another without a service.
    fn reads_by_hand(&self, store: &mut Store, rate: u64, seconds: u64) -> Result<Vec<Duration>> {
        let statements: [&'static str; 3] = [
            "SELECT c.case_id, c.title, c.opened_on, n.number FROM court_case AS c JOIN case_number AS n \
             ON n.court_id = c.court_id AND n.book_id = c.book_id AND n.case_id = c.case_id \
             WHERE c.court_id = $1 AND c.book_id = 1 ORDER BY c.case_id LIMIT 50",
            "SELECT r.run_id, r.number, r.title, s.status FROM run AS r JOIN run_state AS s ON s.court_id = r.court_id \
             AND s.book_id = r.book_id AND s.run_id = r.run_id WHERE r.court_id = $1 AND r.book_id = 1 ORDER BY r.run_id LIMIT 50",
            "SELECT claim_id, name, amount_minor FROM claim WHERE court_id = $1 AND book_id = 1 \
             ORDER BY claim_id LIMIT 100",
        ];
        let mut took = Vec::new();
        for turn in 0..usize::try_from(rate * seconds)? {
            let begun = Instant::now();
            let mut tx = store.snapshot()?;
            black_box(tx.query(statements[turn % statements.len()], &[COURT.into()], |row| row.int(0))?);
            drop(tx);
            took.push(begun.elapsed());
        }
        Ok(took)
    }

    /// A transaction of one row, durable: what no write can be quicker than.
    fn bare_commits(&self, store: &mut Store) -> Result<Vec<Duration>> {
        let mut took = Vec::new();
        for turn in 0..300_i64 {
            let begun = Instant::now();
            let mut tx = store.begin()?;
            tx.execute(
                "INSERT INTO service_number (court_id, kind, last_no) VALUES ($1, $2, $3)",
                &[9_999.into(), format!("bench {turn}").as_str().into(), turn.into()],
            )?;
            tx.commit()?;
            took.push(begun.elapsed());
        }
        Ok(took)
    }

    /// The rows that the receipts left, into empty copies of the tables, those of one receipt a transaction.
    fn writes_by_hand(&self, server: &Server, store: &mut Store) -> Result<Vec<Duration>> {
        let rows = Rows::of_act_in(store, books::CASE_MONEY, "receipt.record")?;
        let receipts = rows.0.iter().find(|(table, _)| table.name == "receipt").map_or(0, |(_, rows)| rows.len());
        let mut raw = server.raw(&self.folder)?;
        let mut took = Vec::new();
        for turn in 0..receipts {
            let begun = Instant::now();
            let mut tx = raw.begin()?;
            for (table, rows) in &rows.0 {
                let mut bulk = Bulk::new(table);
                for row in &rows[turn * rows.len() / receipts..(turn + 1) * rows.len() / receipts] {
                    bulk.push_bytes(&mut tx, row)?;
                }
                bulk.finish(&mut tx)?;
            }
            tx.commit()?;
            took.push(begun.elapsed());
        }
        Ok(took)
    }

    /// Receipts recorded one after another.
    fn writes(&self, served: &Served, name: &str, count: usize) -> Result<Vec<Duration>> {
        let agent = caller();
        (0..count).map(|turn| self.write(&agent, served, &format!("{name}-{turn}"))).collect()
    }

    fn write(&self, agent: &ureq::Agent, served: &Served, reference: &str) -> Result<Duration> {
        let body = json!({"reference": reference, "amount": "1.00", "value_date": "2026-11-02", "payer": "某人"});
        let begun = Instant::now();
        let key = &self.keys[reference.len() % KEYS];
        let mut answered = agent
            .post(&format!("{}/api/v1/receipt/record", served.base))
            .header("Authorization", &format!("Bearer {key}"))
            .header("Idempotency-Key", reference)
            .header("Content-Type", "application/json")
            .send(body.to_string().as_str())?;
        if answered.status() != 200 {
            return Err(format!("a receipt: {}", answered.body_mut().read_to_string()?).into());
        }
        Ok(begun.elapsed())
    }

    /// The page of the largest run, a page of its claims, the desk: the slowest of ten tries each, and each of them after
    /// a write, so that nothing that was kept of the books holds any more.
    fn largest_page(&self, served: &Served) -> Result<f64> {
        let agent = caller();
        let mut slowest = Duration::ZERO;
        for (number, path) in self.paths()[2..].iter().enumerate() {
            let mut of_path = Duration::ZERO;
            for turn in 0..10 {
                self.write(&agent, served, &format!("page-{number}-{turn}"))?;
                let begun = Instant::now();
                self.get(&agent, served, path, 0)?;
                of_path = of_path.max(begun.elapsed());
            }
            eprintln!("{path}: {of_path:?} at most");
            slowest = slowest.max(of_path);
        }
        Ok(slowest.as_secs_f64())
    }

    fn get(&self, agent: &ureq::Agent, served: &Served, path: &str, turn: usize) -> Result<()> {
        let request = agent.get(&format!("{}{path}", served.base));
        let request = if path.starts_with("/api/") {
            request.header("Authorization", &format!("Bearer {}", self.keys[turn % KEYS]))
        } else {
            request.header("Cookie", &self.cookie)
        };
        let mut answered = request.call()?;
        if answered.status() != 200 {
            return Err(format!("{path}: {}", answered.body_mut().read_to_string()?).into());
        }
        black_box(answered.body_mut().read_to_vec()?);
        Ok(())
    }

    /// Commits the run as a job, and reads at the rate until it is done; somebody writes as well, one receipt after another.
    fn reads_during_commit(&self, served: &Served, rate: u64) -> Result<During> {
        let agent = caller();
        let mut asked = agent
            .post(&format!("{}/api/v1/payout/commit", served.base))
            .header("Authorization", &format!("Bearer {}", self.keys[0]))
            .header("Idempotency-Key", "the-payout")
            .header("Content-Type", "application/json")
            .send(json!({"run": self.run}).to_string().as_str())?;
        let job: Value = serde_json::from_slice(&asked.body_mut().read_to_vec()?)?;
        let job = job["id"].as_i64().ok_or(format!("no job: {job}"))?;
        let begun = Instant::now();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let watching = scope.spawn(|| -> std::result::Result<Duration, String> {
                let agent = caller();
                let watch = || -> Result<String> {
                    let mut answered = agent
                        .get(&format!("{}/api/v1/jobs/{job}", served.base))
                        .header("Authorization", &format!("Bearer {}", self.keys[1]))
                        .call()?;
                    let job: Value = serde_json::from_slice(&answered.body_mut().read_to_vec()?)?;
                    Ok(job["state"].as_str().unwrap_or_default().to_owned())
                };
                loop {
                    let state = watch().map_err(|error| error.to_string());
                    if !matches!(state.as_deref(), Ok("waiting" | "running")) {
                        done.store(true, Ordering::Relaxed);
                        return match state.as_deref() {
                            Ok("done") => Ok(begun.elapsed()),
                            other => Err(format!("the payout: {other:?}")),
                        };
                    }
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
            let writing = scope.spawn(|| -> std::result::Result<Duration, String> {
                let agent = caller();
                let (mut longest, mut turn) = (Duration::ZERO, 0);
                while !done.load(Ordering::Relaxed) {
                    let took =
                        self.write(&agent, served, &format!("during-{turn}")).map_err(|error| error.to_string())?;
                    longest = longest.max(took);
                    turn += 1;
                }
                Ok(longest)
            });
            let reads = read_at(served, self, rate, &mut |_| !done.load(Ordering::Relaxed));
            let panicked = |_| "a thread panicked".to_owned();
            let commit = watching.join().map_err(panicked)??;
            let longest_write = writing.join().map_err(panicked)??;
            Ok(During { reads: reads?, commit, longest_write })
        })
    }
}

struct During {
    reads: Vec<Duration>,
    commit: Duration,
    longest_write: Duration,
}

/// Reads at a steady rate while `goes_on`; each answer's time counts from when it should have been asked for.
fn read_at(
    served: &Served,
    court: &Court,
    rate: u64,
    goes_on: &mut dyn FnMut(Duration) -> bool,
) -> Result<Vec<Duration>> {
    let pause = Duration::from_secs(1) / u32::try_from(rate)?;
    let (paths, next, stop) = (court.paths(), AtomicUsize::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| -> std::result::Result<Vec<Duration>, String> {
                    let agent = caller();
                    let mut took = Vec::new();
                    loop {
                        let turn = next.fetch_add(1, Ordering::Relaxed);
                        let due = pause * u32::try_from(turn).map_err(|error| error.to_string())?;
                        if let Some(early) = due.checked_sub(begun.elapsed()) {
                            std::thread::sleep(early);
                        }
                        if stop.load(Ordering::Relaxed) {
                            return Ok(took);
                        }
                        court
                            .get(&agent, served, &paths[turn % paths.len()], turn)
                            .map_err(|error| error.to_string())?;
                        took.push(begun.elapsed().saturating_sub(due));
                    }
                })
            })
            .collect();
        while goes_on(begun.elapsed()) && threads.iter().all(|thread| !thread.is_finished()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        for thread in threads {
            all.extend(thread.join().map_err(|_| "a thread panicked")??);
        }
        Ok(all)
    })
}

/// The program, serving.
struct Served {
    child: Child,
    base: String,
    started_after: Duration,
}

impl Served {
    /// Starts it and asks for the first page.
    fn start(court: &Court) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let begun = Instant::now();
        let mut child = court
            .program()
            .args(["serve", "--listen", &format!("127.0.0.1:{port}"), "--log", "warn"])
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("no output")?;
        let mut said = String::new();
        BufReader::new(out).read_line(&mut said)?;
        let base = format!("http://127.0.0.1:{port}");
        ureq::get(&format!("{base}/sign-in")).call()?;
        Ok(Self { child, base, started_after: begun.elapsed() })
    }

    fn resident_megabytes(&self) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes * 1.024 / 1e3)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// What is refused is told with what was answered.
fn caller() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).build().into()
}

fn escape(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn percentile(took: &[Duration], percent: usize) -> f64 {
    let mut sorted = took.to_vec();
    sorted.sort_unstable();
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).map_or(0.0, Duration::as_secs_f64)
}

/// Seconds and megabytes of all runs.
#[derive(Debug, Default)]
struct Figures {
    start: Vec<f64>,
    resting: Vec<f64>,
    by_hand: Vec<f64>,
    alone: Vec<(f64, f64)>,
    during: Vec<(f64, f64)>,
    read_count: usize,
    commit: Vec<f64>,
    page: Vec<f64>,
    bare: Vec<f64>,
    writes: Vec<f64>,
    write_halves: Vec<f64>,
    writes_by_hand: Vec<f64>,
    stall: Vec<f64>,
}

impl Figures {
    fn print(&self, server: &Server, claimants: u64, rate: u64) {
        let ms = |all: &[f64]| all.iter().map(|seconds| seconds * 1e3).collect::<Vec<_>>();
        let halves = |all: &[(f64, f64)]| ms(&all.iter().map(|(half, _)| *half).collect::<Vec<_>>());
        let mosts = |all: &[(f64, f64)]| ms(&all.iter().map(|(_, most)| *most).collect::<Vec<_>>());
        let to = |floor: &[f64]| self.writes.iter().zip(floor).map(|(write, floor)| write / floor).collect::<Vec<_>>();
        println!("\n{}, a payout to {claimants}, {} reads during the commits\n", server.kind(), self.read_count);
        print_head();
        row("the statements by hand, p99", &ms(&self.by_hand), " ms", 2, "–");
        row(&format!("{rate} reads a second, nothing beside them, p50"), &halves(&self.alone), " ms", 1, "–");
        row("the same, p99", &mosts(&self.alone), " ms", 1, "–");
        row(&format!("{rate} reads a second while the payout is committed, p50"), &halves(&self.during), " ms", 1, "–");
        row("the same, p99", &mosts(&self.during), " ms", 1, "≤ 25 ms");
        row("the commit as a job meanwhile", &self.commit, " s", 2, "–");
        row("a write, p50", &ms(&self.write_halves), " ms", 1, "–");
        row("the same, p99", &ms(&self.writes), " ms", 1, "–");
        row("a bare commit, p99", &ms(&self.bare), " ms", 1, "–");
        row("the rows of a write by hand, p99", &ms(&self.writes_by_hand), " ms", 1, "–");
        row("write ÷ bare commit, p99", &to(&self.bare), "x", 2, "≤ 3x");
        row("write ÷ its rows by hand, p99", &to(&self.writes_by_hand), "x", 2, "–");
        row("the longest that a write of the same court waited for the payout", &self.stall, " s", 2, "–");
        row("slowest page of the largest run, of thirty, each after a write", &ms(&self.page), " ms", 1, "≤ 100 ms");
        row("start to first page", &self.start, " s", 2, "≤ 1 s");
        row("resident memory at rest", &self.resting, " MB", 0, "≤ 60 MB");
    }
}
