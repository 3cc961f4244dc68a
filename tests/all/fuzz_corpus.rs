//! Every file that the fuzzers keep, and every file that once broke a reader, read on the stable toolchain.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/check.rs"]
mod check;

use check::{FORMATS, Format, check};

/// What may be committed: a corpus that grows without an end is downloaded by everybody.
const FILES_MAX: usize = 400;
const BYTES_MAX: usize = 2 * 1024 * 1024;

/// The files of a folder in order; none where there is no folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("can be listed").path()).collect();
    files.sort();
    files
}

fn folder(kind: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(kind).join(name)
}

#[test]
fn every_file_of_the_fuzzers_is_read_as_promised() {
    let (mut count, mut bytes) = (0, 0);
    let mut broken = Vec::new();
    for (name, format) in FORMATS {
        let corpus = files(&folder("corpus", name));
        assert!(!corpus.is_empty(), "{name} has files to begin with");
        for path in corpus.into_iter().chain(files(&folder("regressions", name))) {
            let content = fs::read(&path).expect("can be read");
            (count, bytes) = (count + 1, bytes + content.len());
            if catch_unwind(AssertUnwindSafe(|| check(format, &content))).is_err() {
                broken.push(path);
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(count <= FILES_MAX && bytes <= BYTES_MAX, "{count} files of {bytes} bytes");
}

#[test]
fn no_folder_is_forgotten() {
    for kind in ["corpus", "regressions"] {
        for path in files(&folder(kind, "")) {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            assert!(FORMATS.iter().any(|(known, _)| *known == name), "{} belongs to no fuzzer", path.display());
        }
    }
}

/// The samples that somebody else wrote go through the same checks, from where they are.
#[test]
fn samples_are_read_as_promised() {
    let shared = std::env::var_os("ANKUAN_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let mut folders = vec![shared.join("bank-files")];
    if !folders[0].is_dir() {
        println!("skipped: {} is not there", folders[0].display());
        return;
    }
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for path in files(&folder) {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            println!("{}", path.display());
            // Without a profile, as any file of a bank.
            check(Format::Camt, &fs::read(&path).expect("can be read"));
            count += 1;
        }
    }
    assert!(count > 100, "{count} samples");
}
