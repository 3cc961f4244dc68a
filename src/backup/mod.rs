//! Backup: a whole database in one file, and from it into an empty database of either kind. The rows stand in it in their
//! canonical form, so the file does not depend on the engine that wrote it; what is sealed stays sealed, and the key file
//! is not in it.

mod archive;

use std::io::{Read, Seek, Write};

use ankuan_ledger::chain::{ChainHead, Digest, hex};
use ankuan_ledger::engine::{Bulk, Kind, Migration, Table};
use ankuan_ledger::{Store, Tx};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use crate::schema::MIGRATIONS;
use crate::service::jobs;
use crate::{Failure, Message, Outcome, webhooks};
use archive::{Block, Reader, Writer};

/// Rows are gathered to about so many bytes.
const ROWS_BYTES: usize = 1 << 20;

/// Not in a backup: the schema, which is made anew from its steps, and who is signed in.
const LEFT_OUT: &[&str] = &["schema_step", "session"];

/// The table that has a file of its own beside a SQLite file.
const LOG: &str = "read_log";

/// What stands at the beginning of an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the program that wrote it.
    pub program: String,
    /// When (µs).
    pub made_at: i64,
    /// The steps of the schema, each with the digest of its text.
    pub steps: Vec<(String, String)>,
    /// The heads of all chains at that moment.
    pub heads: Vec<String>,
}

/// One table in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// SHA-256 over them.
    pub sha256: String,
}

/// What an archive holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How it begins.
    pub header: Header,
    /// Its tables.
    pub contents: Vec<Contents>,
}

#[derive(Serialize, Deserialize)]
struct TableHead {
    name: String,
    columns: Vec<(String, String)>,
}

impl TableHead {
    fn of(table: &Table) -> Self {
        let columns = table.columns.iter().map(|(name, kind)| ((*name).to_owned(), kind_word(*kind).to_owned()));
        Self { name: table.name.to_owned(), columns: columns.collect() }
    }
}

const fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Int => "int",
        Kind::Text => "text",
        Kind::Bytes => "bytes",
    }
}

/// Writes one moment of a database into an archive. `log` is the read log where it has a file of its own.
///
/// # Errors
/// What the database or the file says.
pub fn write(tx: &mut Tx<'_>, log: Option<&mut Tx<'_>>, made_at: i64, out: impl Write) -> Outcome<Summary> {
    let header =
        Header { program: env!("CARGO_PKG_VERSION").to_owned(), made_at, steps: steps(tx)?, heads: heads(tx)? };
    let mut archive = Writer::begin(out)?;
    archive.json(archive::HEADER, &header)?;
    let tables: Vec<&'static Table> =
        tx.tables()?.into_iter().filter(|table| !LEFT_OUT.contains(&table.name)).collect();
    let mut contents = Vec::new();
    let mut log = log;
    for table in tables {
        contents.push(match &mut log {
            Some(log) if table.name == LOG => write_table(log, table, &mut archive)?,
            _ => write_table(tx, table, &mut archive)?,
        });
    }
    archive.json(archive::CONTENTS, &contents)?;
    archive.end()?.flush()?;
    Ok(Summary { header, contents })
}

fn write_table(tx: &mut Tx<'_>, table: &'static Table, archive: &mut Writer<impl Write>) -> Outcome<Contents> {
    archive.json(archive::TABLE, &TableHead::of(table))?;
    let (mut rows, mut digest) = (0, Context::new(&SHA256));
    let mut gathered = Vec::new();
    tx.each_row(table, |row| {
        rows += 1;
        digest.update(row);
        gathered.extend_from_slice(row);
        if gathered.len() >= ROWS_BYTES {
            archive.block(archive::ROWS, &gathered)?;
            gathered.clear();
        }
        Ok::<(), Failure>(())
    })?;
    if !gathered.is_empty() {
        archive.block(archive::ROWS, &gathered)?;
    }
    Ok(Contents { table: table.name.to_owned(), rows, sha256: hex(digest.finish().as_ref()) })
}

/// Fills an empty database from an archive; nothing of it remains unless every byte is as it was written. `log` is the read
/// log where it has a file of its own.
///
/// # Errors
/// `backup.not_empty`, `backup.no_archive`, `backup.damaged`, `schema.newer`, `schema.differs`; what the database says.
pub fn restore(store: &mut Store, log: Option<&mut Store>, mut input: impl Read + Seek) -> Outcome<Summary> {
    // Read once before anything is made: rows that were changed could be refused by the database in any of many ways.
    check(&mut input)?;
    input.rewind()?;
    let mut archive = Reader::begin(input)?;
    let header: Header = archive.json(archive::HEADER)?;
    make_schema(store, &header)?;
    let mut tx = store.begin()?;
    let mut log_tx = log.map(Store::begin).transpose()?;
    let tables = tx.tables()?;
    for table in tables.iter().filter(|table| table.name != "schema_step") {
        // The first row says enough.
        let not_empty = |_: &[u8]| Err(Failure::from(Message::new("backup.not_empty")));
        tx.each_row(table, not_empty)?;
        if let Some(log) = log_tx.as_mut().filter(|_| table.name == LOG) {
            log.each_row(table, not_empty)?;
        }
    }
    let mut loaded = Vec::new();
    let mut block = archive.next()?;
    while block.kind == archive::TABLE {
        let head: TableHead = block.json()?;
        let same = |table: &&&'static Table| TableHead::of(table).columns == head.columns && table.name == head.name;
        let table = tables.iter().find(same).ok_or_else(damaged)?;
        let (contents, next) = match &mut log_tx {
            Some(log) if table.name == LOG => load_table(log, table, &mut archive)?,
            _ => load_table(&mut tx, table, &mut archive)?,
        };
        loaded.push(contents);
        block = next;
    }
    let contents: Vec<Contents> =
        if block.kind == archive::CONTENTS { block.json()? } else { return Err(damaged().into()) };
    archive.end()?;
    if contents != loaded || heads(&mut tx)? != header.heads {
        return Err(damaged().into());
    }
    if tables.iter().any(|table| table.name == "job") {
        // No process runs them here.
        jobs::let_all_go(&mut tx)?;
    }
    if tables.iter().any(|table| table.name == "webhook") {
        webhooks::delivery::pause_all(&mut tx)?;
    }
    if let Some(log) = log_tx {
        log.commit()?;
    }
    tx.commit()?;
    store.count_rows()?;
    Ok(Summary { header, contents })
}

/// Reads an archive to its end: every byte is as it was written.
fn check(input: impl Read) -> Outcome<()> {
    let mut archive = Reader::begin(input)?;
    while archive.next()?.kind != archive::CONTENTS {}
    archive.end()
}

fn load_table(tx: &mut Tx<'_>, table: &'static Table, archive: &mut Reader<impl Read>) -> Outcome<(Contents, Block)> {
    let (mut rows, mut digest) = (0, Context::new(&SHA256));
    let mut bulk = Bulk::new(table);
    loop {
        let block = archive.next()?;
        if block.kind != archive::ROWS {
            bulk.finish(tx)?;
            let sha256 = hex(digest.finish().as_ref());
            return Ok((Contents { table: table.name.to_owned(), rows, sha256 }, block));
        }
        let mut rest = block.bytes.as_slice();
        while !rest.is_empty() {
            let (row, behind) = split_row(rest, table.columns.len()).ok_or_else(damaged)?;
            rows += 1;
            digest.update(row);
            bulk.push_bytes(tx, row)?;
            rest = behind;
        }
    }
}

/// The first row of several, and what is behind it.
fn split_row(rows: &[u8], columns: usize) -> Option<(&[u8], &[u8])> {
    let (count, _) = rows.split_first_chunk::<2>()?;
    if usize::try_from(i16::from_be_bytes(*count)).ok()? != columns {
        return None;
    }
    let mut end = 2;
    for _ in 0..columns {
        let length = rows.get(end..)?.first_chunk::<4>()?;
        // −1 stands for no value and has no bytes.
        end += 4 + usize::try_from(i32::from_be_bytes(*length)).unwrap_or(0);
    }
    rows.split_at_checked(end)
}

/// Makes the schema as it was when the archive was written. One that is there already must be that.
fn make_schema(store: &mut Store, header: &Header) -> Outcome<()> {
    let mut wanted: Vec<Migration> = Vec::new();
    for (name, digest) in &header.steps {
        let step = MIGRATIONS.iter().find(|step| step.name == name);
        let step = step.ok_or_else(|| Message::new("schema.newer").with("step", name))?;
        if hex(&ankuan_ledger::chain::sha256(&[step.text.as_bytes()])) != *digest {
            return Err(Message::new("schema.differs").with("step", name).into());
        }
        wanted.push(*step);
    }
    let found = {
        let mut tx = store.snapshot()?;
        let tables = tx.tables()?;
        match tables.iter().any(|table| table.name == "schema_step") {
            true => steps(&mut tx)?,
            // Somebody else's tables: not ours to fill.
            false if !tables.is_empty() => return Err(Message::new("backup.not_empty").into()),
            false => Vec::new(),
        }
    };
    if !found.is_empty() && found != header.steps {
        return Err(Message::new("backup.not_empty").into());
    }
    store.migrate(&wanted)?;
    Ok(())
}

fn steps(tx: &mut Tx<'_>) -> Outcome<Vec<(String, String)>> {
    let mut steps =
        tx.query("SELECT name, digest FROM schema_step", &[], |row| Ok((row.text(0)?.to_owned(), hex(row.bytes(1)?))))?;
    steps.sort_unstable();
    Ok(steps)
}

/// The heads of all chains of all courts.
///
/// # Errors
/// What the database says.
pub fn heads(tx: &mut Tx<'_>) -> Outcome<Vec<String>> {
    Ok(tx.query(
        "SELECT court_id, book_id, next_link_no - 1, link_hash FROM book_head ORDER BY court_id, book_id",
        &[],
        |row| {
            let hash: Digest = row.digest(3)?;
            let head = ChainHead { court_id: row.int(0)?, book_id: row.int(1)?, link_no: row.int(2)?, hash };
            Ok(head.to_string())
        },
    )?)
}

fn damaged() -> Message {
    Message::new("backup.damaged")
}
