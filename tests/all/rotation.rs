//! New keys: everything is sealed again, wherever the process was killed meanwhile.

use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;

use ankuan::access::{self, Acting, Role, credentials};
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::request::Request;
use ankuan::request_files;
use ankuan::service::Upload;
use ankuan::service::jobs::{self, State};
use ankuan_ledger::Store;

use crate::court::TODAY;
use crate::operations::{add_job, asked};
use crate::program::{CASE, Files, approved, said, words};
use crate::support::Database;

/// More than a page of personal details, so that a kill lands between two of them.
const CLAIMANTS: u64 = 2_100;

/// The request under which a paper was printed.
const PRINTED: &str = "print-1";

/// No rotation has as many write points; a bound, so that a mistake ends.
const POINTS_MAX: u32 = 100;

/// Everything there is that is sealed: details, documents, a second factor, a file of a job, a file of a request.
fn sealed(files: &Files, database: &Database) -> Vec<String> {
    let heads = approved(files, database, "distribute");
    let paper = files.path("paper.html");
    let print = ["paper", "print", "deposit", CASE, "--out", paper.to_str().expect("UTF-8"), "--request", PRINTED];
    files.done(&database.address, &[words(&print), words(&["--as", "孙财务"])].concat());
    let keys = Keys::read(&files.path("court.key")).expect("keys");
    let mut store = database.open();
    let mut tx = store.begin().expect("begins");
    let admin = access::find_actor(&mut tx, 1, "赵管理").expect("a person");
    let finance = access::find_actor(&mut tx, 1, "孙财务").expect("a person");
    let acting = Acting { actor: admin, at: Clock::system().now(), date: TODAY };
    assert!(access::load_roles(&mut tx, 1).expect("roles").holds(acting.actor.person_id, Role::Admin, TODAY));
    let mut randomness = Randomness::system();
    let code = credentials::invite(&mut tx, &acting, &finance, &mut randomness).expect("invites");
    tx.commit().expect("commits");
    credentials::enrol(&mut store, &keys, 1, "孙财务", &code, "correct horse 2026", acting.at, &mut randomness)
        .expect("enrols");
    std::fs::write(files.path("upload"), b"a file of a job").expect("writes");
    let upload = Upload { parameter: "file".to_owned(), name: "list.csv".to_owned(), path: files.path("upload") };
    let mut with_file = asked("verify", &[]);
    with_file.files.push(upload);
    add_job(&mut store, &keys, (1, "孙财务"), &with_file, State::Proposed);
    drop(store);
    let now = files.verified(&database.address, &heads);
    assert_ne!(now, heads);
    now
}

/// Verifies with a key file, and opens what `verify` does not.
fn opens_everything(files: &Files, address: &str, keys: &Path, heads: &[String]) {
    let kept = std::fs::read(files.path("court.key")).expect("keys");
    std::fs::copy(keys, files.path("court.key")).expect("copies");
    assert_eq!(files.verified(address, heads), heads);
    std::fs::write(files.path("court.key"), kept).expect("writes");
    let keys = Keys::read(keys).expect("keys");
    let mut store = Store::open(address).expect("opens");
    let mut tx = store.snapshot().expect("reads");
    assert_eq!(jobs::file_bytes(&mut tx, &keys, 1, 1, 1).expect("opens"), b"a file of a job");
    let finance = access::find_actor(&mut tx, 1, "孙财务").expect("a person");
    let acting = Acting { actor: finance, at: Clock::system().now(), date: TODAY };
    let request = Request::new("paper.print", PRINTED, &[]).expect("a key");
    let printed = request_files::kept(&mut tx, &keys, &acting, &request).expect("opens");
    assert_eq!(
        request_files::only(printed).expect("one").bytes,
        std::fs::read(files.path("paper.html")).expect("reads")
    );
    let secrets = tx.query("SELECT court_id, person_id, totp_secret FROM credential", &[], |row| {
        Ok((row.int(0)?, row.int(1)?, row.bytes(2)?.to_vec()))
    });
    for (court_id, person_id, mut secret) in secrets.expect("reads") {
        keys.open(format!("totp {court_id} {person_id}").as_bytes(), &mut secret).expect("opens");
    }
}

fn everything_is_sealed_again_wherever_it_was_cut(database: &Database) {
    let files = Files::new(CLAIMANTS);
    let heads = sealed(&files, database);
    let rotate = |new: &Path| words(&["keys", "rotate", "--new", new.to_str().expect("UTF-8")]);
    let whole = database.copy();
    let old = files.path("court.key");
    let mut stopped = 0;
    for point in 1.. {
        assert!(point < POINTS_MAX);
        let copy = database.copy();
        let new = files.path(&format!("new-{point}.key"));
        let ended = files.command(&copy.address, &rotate(&new)).env("ANKUAN_STOP_AT", point.to_string()).output();
        let ended = ended.expect("runs");
        if ended.status.success() {
            break;
        }
        assert_eq!(ended.status.signal(), Some(6), "point {point}: {}", said(&ended));
        stopped += 1;
        if new.exists() {
            // Half of it is sealed anew: the new file opens both halves. Each point costs a verification; some are enough.
            if point % 4 == 0 {
                opens_everything(&files, &copy.address, &new, &heads);
            }
        } else {
            Keys::read(&old).expect("the old keys are there");
        }
        files.done(&copy.address, &rotate(&new));
        if point % 4 == 0 {
            opens_everything(&files, &copy.address, &new, &heads);
        }
        assert!(!std::fs::read_to_string(&new).expect("reads").contains("previous"));
    }
    // Two for the file, and before and after each page of four tables.
    assert!(stopped > 8, "stopped {stopped} times");

    let new = files.path("whole.key");
    let answer = files.done(&whole.address, &rotate(&new));
    assert!(answer["resealed"].as_u64().is_some_and(|count| count > CLAIMANTS), "{answer}");
    opens_everything(&files, &whole.address, &new, &heads);
    // Again changes nothing; what belongs to another court is not taken for the new keys.
    assert_eq!(files.done(&whole.address, &rotate(&new))["resealed"], 0);
    let other = files.path("other.key");
    Keys::create(&other, &mut Randomness::system()).expect("keys");
    assert!(said(&files.run(&whole.address, &rotate(&other))).contains("keys.exists"));
    // The old keys open nothing any more, and nothing is sealed with them: no command takes them, and no service begins.
    let release = ["payout", "release", "P2026-0001", "--as", "孙财务"];
    for arguments in [&["verify"][..], &release, &["serve", "--listen", "127.0.0.1:0"]] {
        let with_old = files.run(&whole.address, &words(arguments));
        assert!(said(&with_old).contains("keys.not_of_court"), "{arguments:?}: {}", said(&with_old));
    }
}

/// Where the key file of a court is missing, `init` makes none in its place.
fn no_keys_are_made_for_a_court_that_has_its_own(database: &Database) {
    let files = Files::new(1);
    crate::program::open_court(&files, database);
    std::fs::rename(files.path("court.key"), files.path("kept.key")).expect("renames");
    let again = files.run(&database.address, &words(&["init", "--name", "某法院", "--admin", "赵管理"]));
    assert!(said(&again).contains("court.exists"), "{}", said(&again));
    assert!(!files.path("court.key").exists());
    assert!(said(&files.run(&database.address, &words(&["verify"]))).contains("keys.missing"));
}

crate::on_both!(everything_is_sealed_again_wherever_it_was_cut, no_keys_are_made_for_a_court_that_has_its_own);
