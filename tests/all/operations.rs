//! The service as a process: who may serve, jobs that outlive a process, stopping.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ankuan::access::{self, sessions};
use ankuan::claims::DocumentType;
use ankuan::cli::{Cli, Globals};
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::payouts::lines::PAYMENT_LINE;
use ankuan::payouts::sheet::PayeeKind;
use ankuan::payouts::sheets::{self, NewPayee};
use ankuan::schema::MIGRATIONS;
use ankuan::service::guard::Guard;
use ankuan::service::jobs::{self, State};
use ankuan::service::{Asked, Books, Service};
use ankuan::{Failure, Language};
use ankuan_ledger::engine::{Bulk, EngineKind, Pool, Value};
use ankuan_ledger::{Store, Tx};
use clap::Parser as _;
use jiff::SignedDuration;

use crate::bounties::detail;
use crate::court::{ADMIN, COURT, Court, FINANCE, HANDLER, KEEPER, at};
use crate::crash::standing;
use crate::program::{Files, Known, act, approved, words};
use crate::support::Database;

/// Small: each write point of a commit is a court of its own.
const CLAIMANTS: u64 = 20;

/// Looks before giving up; each asks the database, so this is minutes.
const LOOKS_MAX: u32 = 1_000_000;

/// No job has as many write points; a bound, so that a mistake ends.
const POINTS_MAX: u32 = 100;

/// SIGABRT of signal(7).
const ABORTED: Option<i32> = Some(6);

/// What a service needs to know, beside a key file in the database's folder.
pub fn globals(database: &Database) -> Globals {
    let path = database.folder.path().join("court.key");
    if !path.exists() {
        Keys::create(&path, &mut Randomness::seeded(1)).expect("keys");
    }
    let keys = path.to_str().expect("UTF-8");
    Cli::parse_from(["ankuan", "--database", &database.address, "--keys", keys, "person", "list"]).globals
}

pub fn asked(words: &'static str, values: &[(&str, &str)]) -> Asked {
    Asked {
        words,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        files: Vec::new(),
        password: None,
        language: Language::Zh,
        request: None,
        return_to: "/".to_owned(),
    }
}

pub fn add_job(store: &mut Store, keys: &Keys, (court_id, name): (i64, &str), asked: &Asked, state: State) -> i64 {
    let mut tx = store.begin().expect("begins");
    let person = access::find_actor(&mut tx, court_id, name).expect("a person");
    let mut randomness = Randomness::system();
    let job_id = jobs::add(&mut tx, keys, &mut randomness, &person, asked, state, at()).expect("adds");
    tx.commit().expect("commits");
    job_id
}

/// Looks at the jobs of a court until none of them waits or runs, or `give_up` says that there is nothing to wait for.
pub fn await_jobs(store: &mut Store, court_id: i64, give_up: &mut dyn FnMut() -> bool) -> bool {
    for _ in 0..LOOKS_MAX {
        let left = {
            let mut tx = store.snapshot().expect("reads");
            let text = "SELECT COUNT(*) FROM job WHERE court_id = $1 AND state IN ('waiting', 'running')";
            tx.query_one(text, &[court_id.into()], |row| row.int(0)).expect("counts")
        };
        if left == 0 {
            return true;
        }
        if give_up() {
            return false;
        }
        std::thread::yield_now();
    }
    panic!("the jobs never ended");
}

#[test]
fn a_sqlite_file_is_served_by_one_process() {
    let database = Database::sqlite();
    let mut court = Court::open(&database);
    let first = Service::new(globals(&database), Clock::fixed(at()), Vec::new()).expect("serves");
    let second = Service::new(globals(&database), Clock::fixed(at()), Vec::new());
    assert!(matches!(second, Err(Failure::Refused(message)) if message.code == "service.already_served"));
    // A job that a dead process was running waits again as soon as the file is served.
    let keys = Keys::read(&database.folder.path().join("court.key")).expect("keys");
    add_job(&mut court.store, &keys, (COURT, FINANCE), &asked("verify", &[]), State::Waiting);
    let mut tx = court.store.begin().expect("begins");
    jobs::take(&mut tx, COURT, "dead", at(), i64::MAX).expect("takes").expect("a job");
    tx.commit().expect("commits");
    drop(first);
    let third = Service::new(globals(&database), Clock::fixed(at()), Vec::new()).expect("serves");
    let job = third.read(|tx| jobs::newest(tx, COURT, None, 1)).expect("reads").remove(0);
    assert_eq!(job.state, State::Waiting);
}

/// Whoever changes keys or fills a database has it to himself.
fn nobody_serves_what_somebody_has_to_himself(database: &Database) {
    let court = Court::open(database);
    let serving = Guard::to_serve(&court.store, &database.address).expect("serves");
    let refused = |guard: ankuan::Outcome<Guard>| match guard {
        Err(Failure::Refused(message)) => assert_eq!(message.code, "service.already_served"),
        other => panic!("{other:?}"),
    };
    refused(Guard::alone(&court.store, &database.address));
    drop(serving);
    let alone = Guard::alone(&court.store, &database.address).expect("alone");
    refused(Guard::to_serve(&court.store, &database.address));
    drop(alone);
    drop(Guard::to_serve(&court.store, &database.address).expect("serves"));
}

/// What follows from the books is reckoned again as soon as they went on, whoever wrote, and not before.
fn what_is_kept_follows_the_books(database: &Database) {
    let mut court = Court::open(database);
    let service = Service::new(globals(database), Clock::fixed(at()), Vec::new()).expect("serves");
    let kept = |from: Books| {
        let read = |tx: &mut Tx<'_>| {
            Ok(tx.query_one("SELECT COUNT(*) FROM chain_link WHERE court_id = $1", &[COURT.into()], |row| row.int(0))?)
        };
        service.recall(COURT, from, format!("links {from:?}"), read).expect("reads")
    };
    let before = (kept(Books::All), kept(Books::Register), kept(Books::Details));
    assert!(Arc::ptr_eq(&before.0, &kept(Books::All)), "nothing happened");
    court.receive("FT1", 100, None).expect("records");
    assert_eq!(*kept(Books::All), *before.0 + 1);
    assert!(Arc::ptr_eq(&before.1, &kept(Books::Register)), "people and roles are as they were");
    assert!(Arc::ptr_eq(&before.2, &kept(Books::Details)), "and the accounts of payees");
    court.act(ADMIN, |tx, acting, _| access::add_person(tx, acting, "新人")).expect("adds");
    assert_eq!(*kept(Books::Register), *before.0 + 2);
    assert_eq!(*kept(Books::Details), *before.0 + 2);
    let case = court.case("（2026）浙0106执1号");
    let keeper = court.person(KEEPER);
    let new = NewPayee {
        case: &case,
        kind: PayeeKind::Applicant,
        name: "张三",
        document_type: DocumentType::Other,
        detail: detail("张三", "6222020200112233446"),
        basis: "账户确认书",
        confirmed_by: &keeper,
    };
    let (kept_before, mut randomness) = (kept(Books::Details), Randomness::seeded(2));
    court
        .act(HANDLER, |tx, acting, _| sheets::add_payee(tx, acting, service.keys(), &mut randomness, &new))
        .expect("adds");
    assert!(*kept(Books::Details) > *kept_before, "a payee's account was added");
}

/// Several processes on one PostgreSQL; here several services with their own workers and connections.
#[test]
fn several_services_do_each_job_once() {
    const JOBS: i64 = 60;
    let Some(database) = Database::postgres() else { return };
    let mut court = Court::open(&database);
    let globals = globals(&database);
    let keys = Keys::read(globals.keys.as_deref().expect("a path")).expect("keys");
    let receipt = |number: i64| {
        let number = format!("FT{number:03}");
        let given =
            [("reference", number.as_str()), ("amount", "1.00"), ("value_date", "2026-11-22"), ("payer", "吴某")];
        asked("receipt record", &given)
    };
    for number in 1..=JOBS {
        add_job(&mut court.store, &keys, (COURT, FINANCE), &receipt(number), State::Waiting);
    }
    let services: Vec<Arc<Service>> =
        (0..3).map(|_| Service::new(globals.clone(), Clock::fixed(at()), Vec::new()).expect("serves")).collect();
    for service in &services {
        service.start_workers().expect("workers");
    }
    await_jobs(&mut court.store, COURT, &mut || false);
    for service in &services {
        service.stop();
        service.await_workers(Duration::from_secs(60)).expect("ends");
        assert_eq!(service.workers(), 0);
    }
    let count = |store: &mut Store, text: &'static str| {
        store.snapshot().expect("reads").query_one(text, &[], |row| row.int(0)).expect("counts")
    };
    assert_eq!(count(&mut court.store, "SELECT COUNT(*) FROM job WHERE state = 'done' AND attempt = 1"), JOBS);
    assert_eq!(count(&mut court.store, "SELECT COUNT(*) FROM receipt"), JOBS);
    assert_eq!(count(&mut court.store, "SELECT COUNT(*) FROM chain_link WHERE act = 'receipt.record'"), JOBS);

    // Somebody takes a job and dies. Nobody else does it before the lease is over, and then somebody does.
    add_job(&mut court.store, &keys, (COURT, FINANCE), &receipt(JOBS + 1), State::Waiting);
    let mut tx = court.store.begin().expect("begins");
    jobs::take(&mut tx, COURT, "dead", at(), jobs::lease_from(at())).expect("takes").expect("a job");
    tx.commit().expect("commits");
    let later = |seconds: i64| at() + SignedDuration::from_secs(seconds);
    let is_any = |store: &mut Store, seconds| {
        !jobs::courts_with_work(&mut store.single(), later(seconds)).expect("reads").is_empty()
    };
    assert!(!is_any(&mut court.store, jobs::LEASE_SECONDS));
    assert!(is_any(&mut court.store, jobs::LEASE_SECONDS + 1));
    let clock = Clock::fixed(later(jobs::LEASE_SECONDS + 1));
    let heir = Service::new(globals, clock, Vec::new()).expect("serves");
    heir.start_workers().expect("workers");
    await_jobs(&mut court.store, COURT, &mut || false);
    heir.stop();
    heir.await_workers(Duration::from_secs(60)).expect("ends");
    assert_eq!(count(&mut court.store, "SELECT COUNT(*) FROM job WHERE state = 'done' AND attempt = 2"), 1);
    assert_eq!(count(&mut court.store, "SELECT COUNT(*) FROM receipt"), JOBS + 1);
}

/// What a process that ends was running is run by the next one, which the first cannot end any more.
fn a_job_that_is_let_go_belongs_to_whoever_takes_it(database: &Database) {
    let mut court = Court::open(database);
    let globals = globals(database);
    let keys = Keys::read(globals.keys.as_deref().expect("a path")).expect("keys");
    add_job(&mut court.store, &keys, (COURT, FINANCE), &asked("verify", &[]), State::Waiting);
    let take = |store: &mut Store, owner: &str| {
        let mut tx = store.begin().expect("begins");
        let taken = jobs::take(&mut tx, COURT, owner, at(), jobs::lease_from(at())).expect("takes");
        tx.commit().expect("commits");
        taken
    };
    let job = take(&mut court.store, "first").expect("a job");
    assert!(take(&mut court.store, "second").is_none());
    let mut tx = court.store.begin().expect("begins");
    assert_eq!(jobs::let_go(&mut tx, "second").expect("lets go"), 0);
    assert_eq!(jobs::let_go(&mut tx, "first").expect("lets go"), 1);
    tx.commit().expect("commits");
    assert!(take(&mut court.store, "second").is_some());
    let end = jobs::End { state: State::Done, code: String::new(), said: Default::default() };
    let mut tx = court.store.begin().expect("begins");
    assert!(!jobs::end(&mut tx, &job, "first", &end, at()).expect("is too late"));
    assert!(jobs::end(&mut tx, &job, "second", &end, at()).expect("ends"));
}

/// A program that serves, and where.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn begin(files: &Files, database: &str, stop_at: Option<u32>) -> Option<Self> {
        Self::with(files, database, stop_at, &[])
    }

    fn with(files: &Files, database: &str, stop_at: Option<u32>, more: &[&str]) -> Option<Self> {
        let stop_at = stop_at.map(|point| ("ANKUAN_STOP_AT", point.to_string()));
        Self::told(files, database, stop_at, more)
    }

    fn told(files: &Files, database: &str, told: Option<(&str, String)>, more: &[&str]) -> Option<Self> {
        let mut arguments = words(&["serve", "--listen", "127.0.0.1:0"]);
        arguments.extend(words(more));
        let mut command = files.command(database, &arguments);
        command.envs(told);
        let log = std::fs::File::create(files.path("log")).expect("a log");
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("reads");
        // Nothing is said by a program that stopped before it listened.
        let Some((_, address)) = line.trim_end().split_once("://") else {
            child.wait().expect("ends");
            return None;
        };
        let address = address.split(['"', '（', ' ']).next().expect("an address").to_owned();
        Some(Self { child, address })
    }

    /// Ends it as systemd does; false when it had stopped at its write point.
    fn terminate(mut self) -> bool {
        let killed = Command::new("kill").arg("-TERM").arg(self.child.id().to_string()).status().expect("kill");
        assert!(killed.success());
        let ended = self.child.wait().expect("ends");
        assert!(ended.success() || ended.signal() == ABORTED, "{ended}");
        ended.success()
    }
}

/// The process is killed at every write point of a job in turn and started again: the job is done once.
fn a_job_outlives_the_process(database: &Database) {
    let files = Files::new(CLAIMANTS);
    approved(&files, database, "commit");
    let keys = Keys::read(&files.path("court.key")).expect("keys");
    let mut store = database.open();
    let commit = asked("payout commit", &[("run", "P2026-0001")]);
    let job_id = add_job(&mut store, &keys, (1, "孙财务"), &commit, State::Waiting);
    drop(store);
    let whole = database.copy();
    files.done(&whole.address, &act(&files, "commit", &Known::default(), Path::new("-")));
    let after = standing(&whole.address);
    let (mut taken_over, mut stopped) = (0, 0);
    for point in 1.. {
        assert!(point < POINTS_MAX);
        let copy = database.copy();
        let mut store = copy.open();
        let mut is_over = false;
        for stop_at in [Some(point), None] {
            let Some(mut serving) = Serving::begin(&files, &copy.address, stop_at) else { continue };
            let child = &mut serving.child;
            if await_jobs(&mut store, 1, &mut || child.try_wait().expect("a child").is_some()) {
                // Its end may be seen just before the process stops at the point behind it.
                is_over = serving.terminate() && stop_at.is_some();
                if is_over || stop_at.is_none() {
                    break;
                }
            } else {
                let ended = serving.child.wait().expect("ends");
                assert_eq!(ended.signal(), ABORTED, "{ended}");
            }
            stopped += 1;
            if copy.address.starts_with("postgres") {
                // The lease passes.
                let mut tx = store.begin().expect("begins");
                tx.execute("UPDATE job SET lease_until = 0 WHERE state = 'running'", &[]).expect("changes");
                tx.commit().expect("commits");
            }
        }
        let job = jobs::find(&mut store.snapshot().expect("reads"), 1, job_id).expect("the job");
        assert_eq!(job.state, State::Done, "point {point}: {job:?}");
        let attempts = store.snapshot().expect("reads").query_one("SELECT attempt FROM job", &[], |row| row.int(0));
        taken_over += i64::from(attempts.expect("attempts") == 2);
        drop(store);
        assert_eq!(standing(&copy.address), after, "point {point}");
        if is_over {
            break;
        }
    }
    // Before and after the job was taken, several while it ran, and before and after its end was written.
    assert!(stopped > 6 && taken_over > 3, "stopped {stopped} times, taken over {taken_over} times");
    files.verified(&whole.address, &[]);
}

/// A mistake in a command ends its job as broken; the worker goes on, and nothing stays leased.
fn a_job_that_panics_is_broken(database: &Database) {
    let files = Files::new(1);
    crate::program::open_court(&files, database);
    let keys = Keys::read(&files.path("court.key")).expect("keys");
    let mut store = database.open();
    for _ in 0..2 {
        add_job(&mut store, &keys, (1, "孙财务"), &asked("verify", &[]), State::Waiting);
    }
    let told = ("ANKUAN_PANIC_AT", "job run".to_owned());
    let serving = Serving::told(&files, &database.address, Some(told), &["--workers", "1"]).expect("serves");
    assert!(await_jobs(&mut store, 1, &mut || false));
    let jobs = jobs::newest(&mut store.snapshot().expect("reads"), 1, None, 2).expect("reads");
    let states: Vec<_> = jobs.iter().rev().map(|job| (job.state, job.code.as_str())).collect();
    assert_eq!(states, [(State::Broken, "command.broken"), (State::Done, "")]);
    let ask = |path: &str| get(TcpStream::connect(&serving.address).expect("connects"), path, "");
    assert!(ask("/readyz").starts_with("HTTP/1.1 200"));
    let metrics = ask("/metrics");
    for line in ["ankuan_workers 1", "ankuan_jobs_ended_total{state=\"broken\"} 1"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(serving.terminate());
    let log = std::fs::read_to_string(files.path("log")).expect("a log");
    assert!(log.contains("panicked at write point: job run"), "{log}");
}

/// What somebody was in the middle of is not given to the next.
fn a_connection_that_somebody_panicked_with_is_closed(database: &Database) {
    let pool = Pool::new(database.open(), 2);
    drop(pool.lease().expect("leases"));
    assert_eq!(pool.in_use(), (0, 1));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut store = pool.lease().expect("leases");
        let _tx = store.begin().expect("begins");
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    assert_eq!(pool.in_use(), (0, 0));
    pool.lease().expect("leases").begin().expect("begins");
}

/// PostgreSQL plans for tables as it counted them last: what much went into is counted, and what never was.
fn what_grew_is_counted(database: &Database) {
    // Enough that rows are sent before the end, a megabyte of them.
    const ROWS: i64 = 10_000;
    let mut store = database.open();
    store.migrate(MIGRATIONS).expect("migrates");
    let pool = Pool::new(store, 1);
    let fill = |first: i64| {
        let mut store = pool.lease().expect("leases");
        let mut tx = store.begin().expect("begins");
        let mut bulk = Bulk::new(&PAYMENT_LINE);
        for id in first..first + ROWS {
            let row = [9, 1, id, id, 1, 1, id, 1, 1, 100, 0].map(Value::Int);
            bulk.push(&mut tx, &row).expect("takes a row");
        }
        bulk.finish(&mut tx).expect("takes the rest");
        tx.commit().expect("commits");
    };
    let counted = || {
        let mut store = pool.lease().expect("leases");
        let text = "SELECT CAST(reltuples AS BIGINT) FROM pg_class WHERE oid = 'payment_line'::regclass";
        (store.engine() == EngineKind::Postgres)
            .then(|| store.snapshot().expect("reads").query_one(text, &[], |row| row.int(0)).expect("a table"))
    };
    fill(0);
    pool.lease().expect("leases").count_rows_never_counted().expect("counts");
    assert!(counted().is_none_or(|count| count == ROWS));
    fill(ROWS);
    let grown = pool.take_grown();
    assert_eq!(grown.iter().collect::<Vec<_>>(), [&"payment_line"]);
    assert!(pool.take_grown().is_empty());
    pool.lease().expect("leases").count_rows_of(&grown).expect("counts");
    assert!(counted().is_none_or(|count| count == 2 * ROWS));
}

/// A page that is told of a job that never ends does not keep the service from stopping.
fn stopping_ends_what_lasts(database: &Database) {
    let files = Files::new(1);
    crate::program::open_court(&files, database);
    let keys = Keys::read(&files.path("court.key")).expect("keys");
    let mut store = database.open();
    let job_id = add_job(&mut store, &keys, (1, "孙财务"), &asked("verify", &[]), State::Proposed);
    let mut tx = store.begin().expect("begins");
    let person = access::find_actor(&mut tx, 1, "孙财务").expect("a person");
    let now = Clock::system().now();
    let token = sessions::open(&mut tx, &person, now, &mut Randomness::system()).expect("opens");
    tx.commit().expect("commits");
    let serving = Serving::begin(&files, &database.address, None).expect("serves");
    let mut stream = TcpStream::connect(&serving.address).expect("connects");
    let request =
        format!("GET /jobs/{job_id}/events HTTP/1.1\r\nHost: localhost\r\nCookie: __Host-ankuan=1.{token}\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("asks");
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("data:") {
        line.clear();
        assert!(reader.read_line(&mut line).expect("reads") > 0, "no event came");
    }
    assert!(line.contains("proposed"), "{line}");
    assert!(serving.terminate());
    let mut rest = String::new();
    reader.read_to_string(&mut rest).expect("ends");
}

/// Asks for a page over a connection that ends with the answer.
fn get(mut stream: impl Read + Write, path: &str, header: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{header}\r\n");
    stream.write_all(request.as_bytes()).expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

/// Life, readiness, figures and the log of a service that somebody looks at.
fn a_service_says_how_it_is(database: &Database) {
    let files = Files::new(1);
    crate::program::open_court(&files, database);
    let mut store = database.open();
    let mut tx = store.begin().expect("begins");
    let person = access::find_actor(&mut tx, 1, "孙财务").expect("a person");
    let token = sessions::open(&mut tx, &person, Clock::system().now(), &mut Randomness::system()).expect("opens");
    tx.commit().expect("commits");
    drop(store);
    std::fs::write(files.path("token"), "a-token-of-the-test\n").expect("writes");
    let token_file = files.path("token");
    let more = ["--metrics-token-file", token_file.to_str().expect("UTF-8"), "--origin", "https://ankuan.example"];
    let serving = Serving::with(&files, &database.address, None, &more).expect("serves");
    let ask = |path: &str, header: &str| get(TcpStream::connect(&serving.address).expect("connects"), path, header);
    assert!(ask("/healthz", "").starts_with("HTTP/1.1 200"));
    assert!(ask("/readyz", "").starts_with("HTTP/1.1 200"));
    let cookie = format!("Cookie: __Host-ankuan=1.{token}\r\n");
    let page = ask("/see/case/show?number=2026-secret-case", &cookie);
    assert!(page.contains("x-request-id: "), "{page}");
    let id = page.split("x-request-id: ").nth(1).expect("an id")[..16].to_owned();
    assert!(ask("/", "Origin: https://elsewhere.example\r\n").starts_with("HTTP/1.1 403"));
    assert!(ask("/sign-in", "Origin: https://ankuan.example\r\n").starts_with("HTTP/1.1 200"));
    let metrics = ask("/metrics", "");
    for line in [
        "ankuan_requests_total{method=\"GET\",route=\"/healthz\",status=\"200\"} 1",
        "ankuan_request_microseconds_count{route=\"/see/{*words}\"} 1",
        "ankuan_jobs{state=\"waiting\"} 0",
        "ankuan_workers 2",
        "ankuan_sign_in_failures_total 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("secret-case"));
    // By way of a proxy it is not the machine itself that asks.
    assert!(ask("/metrics", "X-Forwarded-For: 127.0.0.1\r\n").starts_with("HTTP/1.1 404"));
    let token = "X-Forwarded-For: 9.9.9.9\r\nAuthorization: Bearer a-token-of-the-test\r\n";
    assert!(ask("/metrics", token).starts_with("HTTP/1.1 200"));
    assert!(serving.terminate());
    let log = std::fs::read_to_string(files.path("log")).expect("a log");
    assert!(!log.contains("secret-case"), "{log}");
    let line = log.lines().find(|line| line.contains(&id)).expect("the request");
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let fields = &line["fields"];
    assert_eq!(fields["route"], "/see/{*words}");
    assert_eq!(fields["court"], 1);
    assert_eq!(fields["person"], person.person_id);
    assert!(fields["micros"].as_u64().is_some_and(|micros| micros > 0), "{line}");
}

#[test]
fn it_speaks_tls_with_a_certificate() {
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, crypto};
    const CERTIFICATE: &str = include_str!("tls/certificate.pem");
    let database = Database::sqlite();
    let files = Files::new(1);
    files.done(&database.address, &words(&["init", "--name", "某某法院", "--admin", "赵管理"]));
    std::fs::write(files.path("certificate.pem"), CERTIFICATE).expect("writes");
    std::fs::write(files.path("key.pem"), include_str!("tls/key.pem")).expect("writes");
    let path = |name: &str| files.path(name).to_str().expect("UTF-8").to_owned();
    let (certificate, key) = (path("certificate.pem"), path("key.pem"));
    let check = |arguments: &[&str]| {
        let mut all = words(&["serve", "--check"]);
        all.extend(words(arguments));
        crate::program::said(&files.run(&database.address, &all))
    };
    assert!(check(&["--tls-certificate", &certificate]).contains("config.tls_together"));
    assert!(check(&["--tls-certificate", &key, "--tls-key", &key]).contains("config.tls_certificate"));
    assert!(check(&["--tls-certificate", &certificate, "--tls-key", &certificate]).contains("config.tls_key"));
    let more = ["--tls-certificate", &certificate, "--tls-key", &key];
    let serving = Serving::with(&files, &database.address, None, &more).expect("serves");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("a certificate")).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    // Whoever only connects, and says nothing, holds up nobody.
    let silent = TcpStream::connect(&serving.address).expect("connects");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = StreamOwned::new(client, TcpStream::connect(&serving.address).expect("connects"));
    assert!(get(stream, "/readyz", "").starts_with("HTTP/1.1 200"));
    let mut plain = TcpStream::connect(&serving.address).expect("connects");
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("asks");
    let mut answer = Vec::new();
    let _reset = plain.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"));
    drop(silent);
    assert!(serving.terminate());
}

#[test]
fn a_file_configures_it() {
    let files = Files::new(1);
    let database = Database::sqlite();
    let write = |text: &str| {
        std::fs::write(files.path("ankuan.toml"), text).expect("writes");
        words(&["--config", files.path("ankuan.toml").to_str().expect("UTF-8"), "serve", "--check"])
    };
    let shown = files.done(&database.address, &write("workers = 5\nlog = \"warn\"\ndatabase = \"sqlite:other.db\"\n"));
    assert_eq!(shown["workers"]["value"], "5");
    assert_eq!(shown["workers"]["from"], "file");
    assert_eq!(shown["database"]["from"], "flag");
    assert_eq!(shown["listen"]["from"], "default");
    let refused = files.run(&database.address, &write("workers = 5\nworkres = 6\n"));
    let said = crate::program::said(&refused);
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("config.unknown_key") && said.contains("workres") && said.contains("ankuan.toml"), "{said}");
}

crate::on_both!(
    a_service_says_how_it_is,
    what_is_kept_follows_the_books,
    nobody_serves_what_somebody_has_to_himself,
    a_job_that_is_let_go_belongs_to_whoever_takes_it,
    a_job_outlives_the_process,
    a_job_that_panics_is_broken,
    a_connection_that_somebody_panicked_with_is_closed,
    what_grew_is_counted,
    stopping_ends_what_lasts,
);
