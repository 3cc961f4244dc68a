//! Who has a database to itself: one process serves a SQLite file, any number serve a PostgreSQL, and neither is served
//! while its keys are changed. The system lets go of a dead process's guard, so nothing is left to tidy up.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ankuan_ledger::Store;
use ankuan_ledger::engine::{EngineKind, Statement};

use crate::{Failure, Message, Outcome};

/// Number of the advisory lock that all who serve a PostgreSQL database share. Advisory locks belong to a database, so it
/// must only differ from other locks of ours.
const SERVED: i64 = 0x61_6e_6b_75_61_6e;

/// Held for as long as a database is served, or must not be.
#[derive(Debug)]
pub struct Guard {
    _file: Option<File>,
    /// An advisory lock lives as long as its connection.
    _session: Option<Mutex<Store>>,
}

impl Guard {
    /// For a process that serves. On SQLite nobody else may; on PostgreSQL others may serve too.
    ///
    /// # Errors
    /// `service.already_served`; what the database or the file system says.
    pub fn to_serve(store: &Store, address: &str) -> Outcome<Self> {
        Self::take(store, address, "SELECT CASE WHEN pg_try_advisory_lock_shared($1) THEN CAST(1 AS BIGINT) ELSE 0 END")
    }

    /// For work during which nobody may serve.
    ///
    /// # Errors
    /// As [`Guard::to_serve`].
    pub fn alone(store: &Store, address: &str) -> Outcome<Self> {
        Self::take(store, address, "SELECT CASE WHEN pg_try_advisory_lock($1) THEN CAST(1 AS BIGINT) ELSE 0 END")
    }

    fn take(store: &Store, address: &str, postgres: &'static str) -> Outcome<Self> {
        match store.engine() {
            EngineKind::Sqlite => {
                let path = lock_path(address)?;
                let file = File::options().create(true).truncate(false).write(true).open(&path);
                let file = file.map_err(|error| Failure::of_file(&path, &error))?;
                match file.try_lock() {
                    Ok(()) => Ok(Self { _file: Some(file), _session: None }),
                    Err(TryLockError::WouldBlock) => Err(served(&path)),
                    Err(TryLockError::Error(error)) => Err(Failure::of_file(&path, &error)),
                }
            }
            EngineKind::Postgres => {
                let mut session = store.reopen()?;
                let mut tx = session.snapshot()?;
                let taken = tx.query_one(Statement::new(postgres), &[SERVED.into()], |row| row.int(0))?;
                drop(tx);
                if taken == 1 {
                    Ok(Self { _file: None, _session: Some(Mutex::new(session)) })
                } else {
                    Err(served(Path::new("PostgreSQL")))
                }
            }
        }
    }
}

fn served(place: &Path) -> Failure {
    Message::new("service.already_served").with("place", place.display()).into()
}

/// Beside the file itself, however it was named.
fn lock_path(address: &str) -> Outcome<PathBuf> {
    let path = Path::new(address.strip_prefix("sqlite:").unwrap_or(address));
    let mut name = path.canonicalize().map_err(|error| Failure::of_file(path, &error))?.into_os_string();
    name.push(".served");
    Ok(PathBuf::from(name))
}
