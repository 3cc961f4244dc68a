//! A backup goes back into either database as it was, and not at all when a byte of it is another.

use std::path::Path;

use crate::crash::standing;
use crate::program::{Files, Known, act, approve_from, approved, said, words};
use crate::support::Database;

const CLAIMANTS: u64 = 120;

/// A court that has paid, written into a file, with the heads of its chains.
fn written(files: &Files, database: &Database) -> (String, Vec<String>) {
    approved(files, database, "commit");
    let heads = approve_from(files, database, "commit", "deliver");
    let archive = files.path("court.backup").to_str().expect("UTF-8").to_owned();
    let made = files.done(&database.address, &words(&["backup", "--out", &archive]));
    let of_court = |head: &serde_json::Value| head.as_str().expect("text").to_owned();
    let said: Vec<String> = made["heads"].as_array().expect("heads").iter().map(of_court).collect();
    assert_eq!(said, heads);
    (archive, heads)
}

/// Whoever can be restored into on this machine.
fn empty() -> Vec<Database> {
    [Some(Database::sqlite()), Database::postgres()].into_iter().flatten().collect()
}

fn goes_back_into_either_database(database: &Database) {
    let files = Files::new(CLAIMANTS);
    let (archive, heads) = written(&files, database);
    let before = standing(&database.address);
    // A backup overwrites nothing.
    let again = files.run(&database.address, &words(&["backup", "--out", &archive]));
    assert!(said(&again).contains("backup.exists"), "{}", said(&again));
    for empty in empty() {
        let restored = files.done(&empty.address, &words(&["restore", &archive]));
        assert_eq!(restored["verified"][0]["ok"], true, "{restored}");
        assert_eq!(standing(&empty.address), before);
        assert_eq!(files.verified(&empty.address, &heads), heads);
        // What was not done yet can be done there, with the same keys.
        let out = tempfile::tempdir().expect("a folder");
        let deliver = act(&files, "deliver", &Known::default(), &out.path().join("files"));
        files.done(&empty.address, &deliver);
        files.verified(&empty.address, &heads);
        let again = files.run(&empty.address, &words(&["restore", &archive]));
        assert!(said(&again).contains("backup.not_empty"), "{}", said(&again));
        // And from there again, the rows are the same whichever database they came from.
        let copy = format!("{archive}.{}", &empty.address[..6]);
        files.done(&empty.address, &words(&["backup", "--out", &copy]));
        let back = Database::sqlite();
        files.done(&back.address, &words(&["restore", &copy]));
        assert_eq!(standing(&back.address), standing(&empty.address));
    }
}

/// Cut anywhere, or with one byte changed anywhere, it is refused and leaves no row.
fn a_changed_one_is_refused(database: &Database) {
    let files = Files::new(5);
    let (archive, _) = written(&files, database);
    let whole = std::fs::read(&archive).expect("reads");
    let refused = |bytes: &[u8], place: &str| {
        let path = files.path("changed.backup");
        std::fs::write(&path, bytes).expect("writes");
        let empty = Database::sqlite();
        let answer = files.run(&empty.address, &words(&["restore", path.to_str().expect("UTF-8")]));
        let is_refused = ["backup.damaged", "backup.no_archive", "schema.newer", "schema.differs"]
            .iter()
            .any(|code| said(&answer).contains(code));
        assert!(answer.status.code() == Some(1) && is_refused, "{place}: {}", said(&answer));
        let mut store = empty.open();
        let mut tx = store.snapshot().expect("reads");
        for table in tx.tables().expect("tables").into_iter().filter(|table| table.name != "schema_step") {
            tx.each_row(table, |_| {
                panic!("{place}: a row of {} is left", table.name) as Result<(), ankuan_ledger::Error>
            })
            .expect("reads");
        }
        drop(tx);
        drop(store);
        // And the whole one goes in after that.
        if place == "cut at half" {
            files.done(&empty.address, &words(&["restore", &archive]));
        }
    };
    let half = whole.len() / 2;
    refused(&whole[..half], "cut at half");
    refused(&whole[..whole.len() - 1], "cut at its end");
    refused(&whole[..17], "only its name");
    refused(b"", "nothing");
    let mut longer = whole.clone();
    longer.push(0);
    refused(&longer, "longer");
    for part in 0..12 {
        let mut changed = whole.clone();
        let place = 17 + part * (whole.len() - 18) / 11;
        changed[place] ^= 0x10;
        refused(&changed, &format!("byte {place}"));
    }
    assert!(Path::new(&archive).exists());
}

crate::on_both!(goes_back_into_either_database, a_changed_one_is_refused);
