//! Puts a finished file into a folder: whole or not at all, and never over another one.

use super::BankFileError;
use crate::message::Message;
use ankuan_ledger::stop;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// Written now.
    Written,
    /// The same bytes were already there.
    AlreadyThere,
}

/// Writes `bytes` as `name` into `folder`: under a temporary name, synced, renamed, folder synced.
///
/// When it returns, the file survives a loss of power. Stopped before, it leaves no file of that name, at most a hidden
/// `.name….partial`. The file is readable by its owner only, as it carries personal data.
///
/// # Errors
/// Refusals: `bank.deliver.name` (not a plain file name), `bank.deliver.different` (a file of this name with other
/// bytes is there; it is left alone). I/O errors name the path.
pub fn deliver(folder: &Path, name: &str, bytes: &[u8]) -> Result<Delivered, BankFileError> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        return Err(Message::new("bank.deliver.name").with("name", name).into());
    }
    let path = folder.join(name);
    let mut partial = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(".partial")
        .tempfile_in(folder)
        .map_err(|error| at(folder, &error))?;
    stop::at("file begun");
    partial.write_all(bytes).and_then(|()| partial.as_file().sync_all()).map_err(|error| at(partial.path(), &error))?;
    stop::at("file synced");

    // Renaming only where no file of the name is: two deliveries at once cannot overwrite each other.
    let delivered = match partial.persist_noclobber(&path) {
        Ok(_) => Delivered::Written,
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            let same = has_bytes(&path, bytes).map_err(|error| at(&path, &error))?;
            if !same {
                return Err(Message::new("bank.deliver.different").with("path", path.display()).into());
            }
            Delivered::AlreadyThere
        }
        Err(error) => return Err(at(&path, &error.error).into()),
    };
    stop::at("file named");
    // Also for a file that was there: an earlier delivery may have been killed between the rename and this.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at(folder, &error))?;
    Ok(delivered)
}

fn has_bytes(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() != bytes.len() as u64 {
        return Ok(false);
    }
    Ok(fs::read(path)? == bytes)
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(result: Result<Delivered, BankFileError>) -> &'static str {
        result.unwrap_err().message().code
    }

    #[test]
    fn writes_once_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(deliver(folder.path(), "a.csv", b"one").unwrap(), Delivered::Written);
        assert_eq!(deliver(folder.path(), "a.csv", b"one").unwrap(), Delivered::AlreadyThere);
        assert_eq!(code(deliver(folder.path(), "a.csv", b"two")), "bank.deliver.different");
        assert_eq!(code(deliver(folder.path(), "a.csv", b"longer")), "bank.deliver.different");
        assert_eq!(fs::read(folder.path().join("a.csv")).unwrap(), b"one");
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["a.csv"], "nothing partial is left");
    }

    #[test]
    fn refuses_a_name_that_leaves_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", "../a.csv", "sub/a.csv", ".hidden", "a\\b"] {
            assert_eq!(code(deliver(folder.path(), name, b"x")), "bank.deliver.name");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("none");
        let message = deliver(&missing, "a.csv", b"x").unwrap_err().message();
        assert_eq!(message.code, "bank.io");
        assert!(message.arguments[0].1.contains("none"));
    }
}
