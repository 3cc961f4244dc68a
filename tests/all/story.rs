//! The debtor's story that `demo --story debtor` tells: from the order to the closing certificate, on both databases.

use crate::program::{Files, words};
use crate::support::Database;

fn a_debtor_pays_everybody(database: &Database) {
    let files = Files { folder: tempfile::tempdir().expect("a folder") };
    let folder = files.path("story");
    let told =
        files.done(&database.address, &words(&["demo", "--story", "debtor", "--dir", folder.to_str().expect("UTF-8")]));
    assert_eq!(told["verified"], true, "{told}");
    assert_eq!(told["certificate"]["open_minor"], 0, "{told}");
    assert_eq!(told["certificate"]["registered_minor"], 44_000_000, "{told}");
}

crate::on_both!(a_debtor_pays_everybody);
