//! What a killed process leaves behind: nothing or the whole, on both databases.
//!
//! The program stops itself at each counted write point in turn (`ANKUAN_STOP_AT`), and is killed from outside in the
//! middle of long work, as is the server. After each, the book verifies, what stands is what stood before or what an
//! undisturbed run leaves, and the same command again ends where an undisturbed run ends.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ankuan_ledger::Store;

use crate::program::{ACTS, Files, Known, act, approve_from, approved, open_court, said, words};
use crate::support::Database;

/// Enough for several bank files at [`LINES_PER_FILE`](crate::program::LINES_PER_FILE), and several pieces of rows in bulk.
const CLAIMANTS: u64 = 300;

/// Large enough that a kill from outside lands inside the work, small enough to prepare in seconds.
const MANY_CLAIMANTS: u64 = 4_000;

/// No act has as many write points; a bound, so that a mistake ends.
const POINTS_MAX: u32 = 200;

/// Looks before giving up; the shortest takes microseconds, so this is tens of seconds at least.
const LOOKS_MAX: u32 = 20_000_000;

/// SIGKILL and SIGABRT of signal(7).
const KILLED: Option<i32> = Some(9);
const ABORTED: Option<i32> = Some(6);

/// What stands in the database, but for what is random (salts, and so the hashes) or the time.
#[derive(Debug, PartialEq, Eq)]
pub struct Standing {
    rows: BTreeMap<&'static str, i64>,
    runs: Vec<String>,
    files: Vec<(String, Vec<u8>)>,
    balances: Vec<(i64, i64)>,
}

pub fn standing(address: &str) -> Standing {
    let mut store = Store::open(address).expect("opens");
    let mut tx = store.snapshot().expect("reads");
    let mut rows = BTreeMap::new();
    for table in ankuan::schema::facts() {
        let text: &'static str = String::leak(format!("SELECT COUNT(*) FROM {}", table.name));
        rows.insert(table.name, tx.query_one(text, &[], |row| row.int(0)).expect("counts"));
    }
    let runs = tx.query("SELECT status FROM run_state ORDER BY run_id", &[], |row| Ok(row.text(0)?.to_owned()));
    let files = tx.query("SELECT name, sha256 FROM bank_file ORDER BY name", &[], |row| {
        Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec()))
    });
    let balances = tx.query("SELECT account_id, posted_minor FROM balance ORDER BY account_id", &[], |row| {
        Ok((row.int(0)?, row.int(1)?))
    });
    Standing { rows, runs: runs.expect("runs"), files: files.expect("files"), balances: balances.expect("balances") }
}

/// Names and bytes of what is in a folder; hidden files are what a stopped delivery may leave.
fn delivered(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.expect("an entry"))
        .map(|entry| (entry.file_name().into_string().expect("UTF-8"), std::fs::read(entry.path()).expect("reads")))
        .filter(|(name, _)| !name.starts_with('.'))
        .collect()
}

/// Every act, stopped at every write point.
fn stopped_anywhere_leaves_nothing_or_the_whole(database: &Database) {
    let files = Files::new(CLAIMANTS);
    open_court(&files, database);
    let mut base = database.copy();
    let mut known = Known::default();
    for name in ACTS {
        let out = tempfile::tempdir().expect("a folder");
        let whole_out = out.path().join("whole");
        let heads_before = files.verified(&base.address, &[]);
        let before = standing(&base.address);
        let whole = base.copy();
        let answer = files.done(&whole.address, &act(&files, name, &known, &whole_out));
        let after = standing(&whole.address);
        let files_after = delivered(&whole_out);

        // A database at which nothing has come about yet serves for the next point: that is the same command again.
        let (mut copy, mut folder) = (base.copy(), out.path().join("stopped"));
        let mut points = 0;
        loop {
            let arguments = act(&files, name, &known, &folder);
            let mut command = files.command(&copy.address, &arguments);
            let stopped = command.env("ANKUAN_STOP_AT", (points + 1).to_string()).output().expect("runs");
            let place = format!("{name}, to be stopped at point {}: {}", points + 1, said(&stopped));
            if stopped.status.success() {
                assert_eq!(standing(&copy.address), after, "{place}");
                assert!(delivered(&folder) == files_after, "{place}: other files");
                files.verified(&copy.address, &heads_before);
                break;
            }
            points += 1;
            assert!(points < POINTS_MAX, "{place}");
            assert_eq!(stopped.status.signal(), ABORTED, "{place}");
            assert!(said(&stopped).contains("stopped at write point"), "{place}");

            let heads = files.verified(&copy.address, &heads_before);
            for (file, bytes) in delivered(&folder) {
                assert!(files_after.get(&file) == Some(&bytes), "{place}: {file} is not whole");
            }
            let left = standing(&copy.address);
            if heads == heads_before {
                assert_eq!(left, before, "{place}");
                continue;
            }
            assert_eq!(left, after, "{place}");
            let again = files.done(&copy.address, &arguments);
            assert_eq!(again["files"].as_array().map(Vec::len), answer["files"].as_array().map(Vec::len), "{place}");
            assert!(delivered(&folder) == files_after, "{place}, done again: other files");
            // Also a hand-over: the same request is the same hand-over.
            assert_eq!(standing(&copy.address), after, "{place}, done again");
            files.verified(&copy.address, &heads_before);
            copy = base.copy();
            folder = out.path().join(format!("stopped-{points}"));
        }
        // Before and after each commit at least; a delivery has three a file, and the two sheets.
        let least = if name == "deliver" { 3 * files_after.len() } else { 2 };
        assert!(points as usize >= least, "{name} has {points} write points");
        assert_eq!(files_after.is_empty(), name != "deliver");
        known.learn(&answer);
        base = whole;
    }
    assert!(standing(&base.address).files.len() > 3, "several files");
}

/// The first act of all, when there is no book to verify yet. On SQLite only: each point needs a schema of its own.
#[test]
fn a_stopped_init_can_be_done_again() {
    let database = Database::sqlite();
    let arguments = words(&["init", "--name", "某某法院", "--admin", "赵管理"]);
    for point in 1..POINTS_MAX {
        // Not a copy: the database itself is still empty, and so are its copies.
        let copy = database.copy();
        let files = Files::new(1);
        let stopped = files.command(&copy.address, &arguments).env("ANKUAN_STOP_AT", point.to_string()).output();
        let stopped = stopped.expect("runs");
        if stopped.status.success() {
            assert!(point > 4, "{point}");
            return;
        }
        assert_eq!(stopped.status.signal(), ABORTED, "point {point}: {}", said(&stopped));
        let again = files.run(&copy.address, &arguments);
        assert!(again.status.success() || said(&again).contains("court.exists"), "point {point}: {}", said(&again));
        files.verified(&copy.address, &[]);
    }
    panic!("init has too many write points");
}

/// When a program is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// It is in a transaction that writes.
    Inside,
    /// Its rows are on their way to the disk: SQLite is committing, PostgreSQL's table has grown.
    Writing,
}

/// Looks until the moment has come; false when the program ended before.
fn await_moment(address: &str, child: &mut Child, moment: Moment, table: &str) -> bool {
    // Who writes holds the file's only write lock.
    let mut look: Box<dyn FnMut() -> bool> = match (address.strip_prefix("sqlite:"), moment) {
        (Some(_), Moment::Inside) => {
            let mut store = Store::open_waiting(address, Duration::from_millis(1)).expect("opens");
            Box::new(move || store.begin().is_err())
        }
        (Some(path), Moment::Writing) => {
            let log = format!("{path}-wal");
            Box::new(move || std::fs::metadata(&log).is_ok_and(|log| log.len() > 0))
        }
        (None, _) => {
            let mut store = Store::open(address).expect("opens");
            // An id of a transaction is given when it first writes; a table grows before its rows can be seen.
            let text = match moment {
                Moment::Inside => {
                    "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND pid <> pg_backend_pid() AND backend_xid IS NOT NULL"
                }
                Moment::Writing => String::leak(format!("SELECT pg_relation_size('{table}')")),
            };
            let mut count = move || {
                let mut tx = store.snapshot().expect("reads");
                tx.query_one(text, &[], |row| row.int(0)).expect("counts")
            };
            let least = if moment == Moment::Inside { 0 } else { count() };
            Box::new(move || count() > least)
        }
    };
    for _ in 0..LOOKS_MAX {
        if look() {
            return true;
        }
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
    }
    panic!("{address}: the program was never seen at work");
}

/// `kill -9` of the program in the middle of an import, and of a commit.
fn killed_inside_leaves_nothing_or_the_whole(database: &Database) {
    let files = Files::new(MANY_CLAIMANTS);
    let base = database.copy();
    let mut heads_before = approved(&files, &base, "import");
    for (name, table) in [("import", "claim"), ("commit", "payment_line")] {
        if name == "commit" {
            heads_before = approve_from(&files, &base, "distribute", "commit");
        }
        let before = standing(&base.address);
        let arguments = act(&files, name, &Known::default(), Path::new("-"));
        let copies = [(Moment::Inside, base.copy()), (Moment::Writing, base.copy())];
        files.done(&base.address, &arguments);
        let after = standing(&base.address);
        for (moment, copy) in copies {
            let mut child = files.command(&copy.address, &arguments).stdout(Stdio::null()).spawn().expect("starts");
            let is_seen = await_moment(&copy.address, &mut child, moment, table);
            child.kill().expect("kills");
            let ended = child.wait().expect("ends");
            let place = format!("{name}, {moment:?}, {ended}");
            assert!(is_seen, "{place}");
            if moment == Moment::Inside {
                assert_eq!(ended.signal(), KILLED, "{place}");
            }
            let heads = files.verified(&copy.address, &heads_before);
            let left = standing(&copy.address);
            if heads == heads_before {
                assert!(!ended.success(), "{place}: what was acknowledged is gone");
                assert_eq!(left, before, "{place}");
            } else {
                assert_eq!(left, after, "{place}");
            }
            files.done(&copy.address, &arguments);
            assert_eq!(standing(&copy.address), after, "{place}, done again");
            files.verified(&copy.address, &heads_before);
        }
    }
}

/// A PostgreSQL of this test's own, which it may kill.
struct Cluster {
    folder: PathBuf,
    bin: PathBuf,
    user: String,
    _owner: tempfile::TempDir,
}

impl Cluster {
    fn start() -> Option<Self> {
        let (Ok(bin), Ok(user)) =
            (std::env::var("ANKUAN_TEST_POSTGRES_BIN"), std::env::var("ANKUAN_TEST_POSTGRES_USER"))
        else {
            println!(
                "skipped: ANKUAN_TEST_POSTGRES_BIN and ANKUAN_TEST_POSTGRES_USER are not set (scripts/test sets them)"
            );
            return None;
        };
        let owner = tempfile::tempdir().expect("a folder");
        let folder = owner.path().to_owned();
        let cluster = Self { folder, bin: bin.into(), user, _owner: owner };
        let owned = Command::new("chown").arg(&cluster.user).arg(&cluster.folder).status().expect("chown");
        assert!(owned.success());
        let data = cluster.data();
        // What the start-up of a test does not sync, kill -9 does not lose either: the pages are the system's.
        let made = cluster.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        assert!(made.status.success(), "{}", said(&made));
        cluster.bring_up();
        Some(cluster)
    }

    fn data(&self) -> String {
        self.folder.join("data").to_str().expect("UTF-8").to_owned()
    }

    /// Runs one of PostgreSQL's programs as its user, for it refuses to run as root.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let program = self.bin.join(program);
        let is_user = Command::new("id").arg("-un").output().expect("id").stdout.trim_ascii() == self.user.as_bytes();
        let mut command = if is_user {
            Command::new(program)
        } else {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &self.user, "--regid", &self.user, "--init-groups", "--"]).arg(program);
            command
        };
        // pg_ctl leaves its output to the server, which would keep a pipe open.
        let log = File::create(self.folder.join("run.log")).expect("a log");
        let errors = log.try_clone().expect("a log");
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null()).stdout(log).stderr(errors);
        let status = command.status().expect("runs");
        Output { status, stdout: std::fs::read(self.folder.join("run.log")).expect("reads"), stderr: Vec::new() }
    }

    /// Starts the server; while children of a killed one still hold its memory, a start is refused.
    fn bring_up(&self) {
        let (data, log) = (self.data(), self.folder.join("server.log"));
        let options = format!("-c listen_addresses='' -c unix_socket_directories='{}'", self.folder.display());
        let mut last = String::new();
        for _ in 0..30 {
            let log = log.to_str().expect("UTF-8");
            let started = self.run("pg_ctl", &["-D", &data, "-l", log, "-o", &options, "-w", "start"]);
            if started.status.success() {
                return;
            }
            last = said(&started);
        }
        panic!("PostgreSQL does not start: {last}");
    }

    /// `kill -9` of the postmaster and of all its children.
    fn kill(&self) {
        let file = std::fs::read_to_string(Path::new(&self.data()).join("postmaster.pid")).expect("it runs");
        let postmaster = file.lines().next().expect("its number").to_owned();
        let mut all = vec![postmaster.clone()];
        for entry in std::fs::read_dir("/proc").expect("/proc") {
            let path = entry.expect("an entry").path();
            // proc(5): the parent's number is the second field behind the name in brackets.
            let Ok(stat) = std::fs::read_to_string(path.join("stat")) else { continue };
            let parent = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1));
            if parent == Some(&postmaster) {
                all.push(path.file_name().and_then(|name| name.to_str()).expect("a number").to_owned());
            }
        }
        assert!(all.len() > 2, "the server has children");
        // One of them may end by itself meanwhile; the restart shows whether they are gone.
        let _ = Command::new("kill").arg("-9").args(&all).stderr(Stdio::null()).status().expect("kill");
    }

    fn database(&self) -> Database {
        let folder = self.folder.display().to_string().replace('/', "%2F");
        Database::on(&format!("postgres://postgres@{folder}/postgres"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }
}

#[test]
fn a_killed_server_keeps_every_acknowledged_act() {
    let Some(cluster) = Cluster::start() else { return };
    let database = cluster.database();
    let files = Files::new(MANY_CLAIMANTS);
    let heads_before = approved(&files, &database, "commit");
    let before = standing(&database.address);
    let arguments = act(&files, "commit", &Known::default(), Path::new("-"));
    let mut child = files.command(&database.address, &arguments).stdout(Stdio::piped()).spawn().expect("starts");
    let is_seen = await_moment(&database.address, &mut child, Moment::Inside, "payment_line");
    assert!(is_seen, "the commit ended before it was seen");
    cluster.kill();
    let committed = child.wait_with_output().expect("ends");
    cluster.bring_up();

    let heads = files.verified(&database.address, &heads_before);
    assert_eq!(committed.status.code(), Some(3), "{}", said(&committed));
    let left = standing(&database.address);
    // Nobody was told that it is done; it may be all the same, when the server fell between doing and saying.
    if heads == heads_before {
        assert_eq!(left, before);
    }
    let done = files.done(&database.address, &arguments);
    assert_eq!(done["run"], "P2026-0001");
    assert_eq!(standing(&database.address).runs, ["committed"]);
    let heads = files.verified(&database.address, &heads_before);

    // What was acknowledged a moment before the server falls is there when it stands again.
    cluster.kill();
    cluster.bring_up();
    assert_eq!(files.verified(&database.address, &heads), heads);
    drop(database);
}

crate::on_both!(stopped_anywhere_leaves_nothing_or_the_whole, killed_inside_leaves_nothing_or_the_whole,);
