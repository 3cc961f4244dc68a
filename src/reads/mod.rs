//! The read log: who opened personal data by the service, and what was refused to whom. Outside the books, chained by
//! hash for each court, written by one thread that commits together what arrives together.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use ankuan_ledger::chain::{Digest, hex, sha256};
use ankuan_ledger::engine::{EngineKind, Row, RowBytes, Statement, Value};
use ankuan_ledger::{Store, Tx};

use crate::schema::READ_LOG;
use crate::words::{read_word, words};
use crate::{Message, Outcome};

/// Entries of one commit.
const TOGETHER_MAX: usize = 1_000;

/// Number of the lock under which processes append one after another to a chain on PostgreSQL.
const APPENDING: i64 = 0x7265_6164;

words! {
    /// What an entry is about.
    Kind {
        /// Personal data were opened.
        Read = "read",
        /// A rule said no.
        Refused = "refused",
    }
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Read => "reads.read",
            Self::Refused => "reads.refused",
        })
    }
}

/// Something to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Court.
    pub court_id: i64,
    /// When (µs).
    pub at: i64,
    /// Who.
    pub person_id: i64,
    /// What it is about.
    pub kind: Kind,
    /// The command's words.
    pub command: String,
    /// Of what.
    pub subject: String,
    /// How many sealed details were opened.
    pub details: i64,
    /// The refusal's code.
    pub code: String,
}

impl Entry {
    fn hash(&self, read_no: i64, previous: &Digest) -> Digest {
        let mut bytes = RowBytes::default();
        let values: [Value<'_>; 9] = [
            self.court_id.into(),
            read_no.into(),
            self.at.into(),
            self.person_id.into(),
            self.kind.as_str().into(),
            self.command.as_str().into(),
            self.subject.as_str().into(),
            self.details.into(),
            self.code.as_str().into(),
        ];
        bytes.begin(values.len());
        for value in values {
            bytes.value(value);
        }
        sha256(&[b"ankuan-read-1", previous, bytes.as_bytes()])
    }
}

/// Where the log of a database is: beside a SQLite file, in PostgreSQL itself.
#[must_use]
pub fn address(database: &str) -> String {
    if database.starts_with("sqlite:") { format!("{database}.reads.db") } else { database.to_owned() }
}

/// Opens the log of a database, and makes it where it is a file of its own.
///
/// # Errors
/// What the database says.
pub fn open(database: &str, wait: Duration) -> Outcome<Store> {
    let mut store = Store::open_waiting(&address(database), wait)?;
    if store.engine() == EngineKind::Sqlite {
        store.migrate(&[READ_LOG])?;
    }
    Ok(store)
}

/// Writes the log of a service. Whoever logs waits until it is on the disk.
#[derive(Debug)]
pub struct ReadLog {
    entries: Sender<(Entry, SyncSender<Result<(), String>>)>,
}

impl ReadLog {
    /// Starts the thread that writes; it ends with this value.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(store: Store) -> Outcome<Self> {
        let (entries, to_write) = channel();
        std::thread::Builder::new().name("read-log".to_owned()).spawn(move || write_all(store, &to_write))?;
        Ok(Self { entries })
    }

    /// Logs an entry.
    ///
    /// # Errors
    /// It could not be written: then nothing may be shown.
    pub fn log(&self, entry: Entry) -> Outcome<()> {
        let lost = || std::io::Error::other("the read log is not being written");
        let (done, is_done) = sync_channel(1);
        self.entries.send((entry, done)).map_err(|_| lost())?;
        let written = is_done.recv().map_err(|_| lost())?;
        written.map_err(|error| std::io::Error::other(format!("the read log: {error}")).into())
    }
}

fn write_all(mut store: Store, entries: &Receiver<(Entry, SyncSender<Result<(), String>>)>) {
    while let Ok(first) = entries.recv() {
        let mut together = vec![first];
        together.extend(entries.try_iter().take(TOGETHER_MAX - 1));
        let (batch, waiting): (Vec<Entry>, Vec<_>) = together.into_iter().unzip();
        let written = write(&mut store, &batch).or_else(|_| {
            // The connection may have been lost since the last entry.
            store = store.reopen()?;
            write(&mut store, &batch)
        });
        let written = written.map_err(|failure| failure.for_log());
        for one in waiting {
            // Whoever waited may have given up.
            let _gone = one.send(written.clone());
        }
    }
}

fn write(store: &mut Store, entries: &[Entry]) -> Outcome<()> {
    let mut tx = store.begin()?;
    append(&mut tx, entries)?;
    tx.commit()?;
    Ok(())
}

/// Appends entries to the chains of their courts.
///
/// # Errors
/// What the database says.
pub fn append(tx: &mut Tx<'_>, entries: &[Entry]) -> Outcome<()> {
    // Other processes append to the same chains; a SQLite file is locked by the transaction itself.
    const LOCK: Statement =
        Statement::twin("SELECT $1", "SELECT CAST(1 AS BIGINT) FROM (SELECT pg_advisory_xact_lock($1)) AS locked");
    tx.query_one(LOCK, &[APPENDING.into()], |_| Ok(()))?;
    for entry in entries {
        let (last_no, previous) = last(tx, entry.court_id)?;
        let read_no = last_no + 1;
        tx.execute(
            "INSERT INTO read_log (court_id, read_no, at, person_id, kind, command, subject, details, code, \
             previous_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                entry.court_id.into(),
                read_no.into(),
                entry.at.into(),
                entry.person_id.into(),
                entry.kind.as_str().into(),
                entry.command.as_str().into(),
                entry.subject.as_str().into(),
                entry.details.into(),
                entry.code.as_str().into(),
                Value::Bytes(&previous),
                Value::Bytes(&entry.hash(read_no, &previous)),
            ],
        )?;
    }
    Ok(())
}

/// The number and the hash of the last entry; 0 and zeros where there is none.
fn last(tx: &mut Tx<'_>, court_id: i64) -> Outcome<(i64, Digest)> {
    let found = tx.query_opt(
        "SELECT read_no, hash FROM read_log WHERE court_id = $1 ORDER BY read_no DESC LIMIT 1",
        &[court_id.into()],
        |row| Ok((row.int(0)?, row.digest(1)?)),
    )?;
    Ok(found.unwrap_or((0, [0; 32])))
}

/// An entry with its number.
pub type Numbered = (i64, Entry);

fn read(row: &Row<'_>) -> ankuan_ledger::engine::Result<Numbered> {
    let entry = Entry {
        court_id: row.int(0)?,
        at: row.int(2)?,
        person_id: row.int(3)?,
        kind: read_word(row, 4, Kind::parse)?,
        command: row.text(5)?.to_owned(),
        subject: row.text(6)?.to_owned(),
        details: row.int(7)?,
        code: row.text(8)?.to_owned(),
    };
    Ok((row.int(1)?, entry))
}

/// The newest entries, of one person or of all.
///
/// # Errors
/// What the database says.
pub fn newest(tx: &mut Tx<'_>, court_id: i64, person_id: Option<i64>, most: i64) -> Outcome<Vec<Numbered>> {
    Ok(tx.query(
        "SELECT court_id, read_no, at, person_id, kind, command, subject, details, code FROM read_log \
         WHERE court_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR person_id = $2) ORDER BY read_no DESC LIMIT $3",
        &[court_id.into(), person_id.into(), most.into()],
        read,
    )?)
}

/// The log of a court, hashed again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The number of its last entry.
    pub entries: i64,
    /// Number and hash of the last entry: noted elsewhere, it shows whether the end was cut off.
    pub head: String,
    /// The first thing found wrong.
    pub finding: Option<String>,
}

/// Hashes the log of a court again.
///
/// # Errors
/// What the database says.
pub fn check(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Checked> {
    let (mut entries, mut previous, mut finding) = (0, [0; 32], None);
    tx.each(
        "SELECT court_id, read_no, at, person_id, kind, command, subject, details, code, previous_hash, hash \
         FROM read_log WHERE court_id = $1 ORDER BY read_no",
        &[court_id.into()],
        |row| {
            let (read_no, entry) = read(row)?;
            let hash = row.digest(10)?;
            let is_well =
                read_no == entries + 1 && row.digest(9)? == previous && hash == entry.hash(read_no, &previous);
            if !is_well && finding.is_none() {
                finding = Some(format!("entry {read_no}"));
            }
            (entries, previous) = (read_no, hash);
            Ok::<(), crate::Failure>(())
        },
    )?;
    Ok(Checked { entries, head: format!("reads:{court_id}:{entries}:{}", hex(&previous)), finding })
}
