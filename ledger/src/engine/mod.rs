//! The engine: the only module that names a database driver.
//!
//! One text of SQL runs on both databases. It keeps to `BIGINT`, `TEXT` and `BYTEA`, to numbered placeholders (`$1`)
//! and to what SQLite and PostgreSQL read alike; the few statements that cannot are a [`Statement::twin`]. Instants are
//! `BIGINT` microseconds, dates ISO text, yes/no is 0 or 1.
//!
//! Rows in bulk go in through [`Bulk`], by the engine's fastest way: binary `COPY` on PostgreSQL, one prepared
//! statement on SQLite. The bytes of a `COPY` row are also the canonical form that the chain hashes.

mod bulk;
mod connection;
mod migrate;
mod pool;
mod postgres;
mod sqlite;
mod whole;

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use connection::Connection;

pub use bulk::{Bulk, RowBytes};
pub use migrate::Migration;
pub use pool::{Lease, Pool};

/// A value on its way into a statement. `Null` fits every column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// `BIGINT`: ids, amounts in minor units, instants in microseconds, 0 or 1.
    Int(i64),
    /// `TEXT`: names, codes, dates in ISO form.
    Text(&'a str),
    /// `BYTEA`: digests, sealed data, files.
    Bytes(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The three types a column can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `BIGINT` / `INTEGER`
    Int,
    /// `TEXT`
    Text,
    /// `BYTEA` / `BLOB`
    Bytes,
}

/// A table that is written in bulk or chained: its columns in the order of the schema.
///
/// A fact table's key is `(court_id, book_id, id[, line])`, where the id comes from the head of the book, and its
/// last column is `mark`: the first eight bytes of the running digest, written by [`crate::chain`].
#[derive(Debug)]
pub struct Table {
    /// Name in the schema.
    pub name: &'static str,
    /// Columns as they stand in the schema.
    pub columns: &'static [(&'static str, Kind)],
    /// What orders the rows after court and book: one or two columns, the first of them the id.
    pub order: &'static [&'static str],
}

/// A statement: one text for both engines, or a twin where they differ.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    sqlite: &'static str,
    postgres: &'static str,
}

impl Statement {
    /// A statement that both engines read alike.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }

    /// A statement that has to differ; the parameters are the same.
    #[must_use]
    pub const fn twin(sqlite: &'static str, postgres: &'static str) -> Self {
        Self { sqlite, postgres }
    }
}

impl From<&'static str> for Statement {
    fn from(text: &'static str) -> Self {
        Self::new(text)
    }
}

/// Something broke. What the domain refuses is a [`crate::Refusal`] instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A constraint of the database said no: the second line behind the pure core.
    #[error("constraint {name} of the database refused the change")]
    Constraint {
        /// The constraint's name; for keys and unique constraints on SQLite, the columns.
        name: String,
    },
    /// Another process holds the SQLite file, or the head of the book on PostgreSQL, for longer than the wait.
    #[error("the database is in use by another process: {0}")]
    Busy(String),
    /// The database cannot be opened or reached; nothing was asked of it.
    #[error("{place}: {detail}")]
    Opening {
        /// Path of the file, or server and name; never a password.
        place: String,
        /// What the driver says.
        detail: String,
    },
    /// The connection ended while the server was committing: only the database knows whether it did.
    #[error("the connection ended during the commit: {0}")]
    CommitUnanswered(String),
    /// SQLite.
    #[error("SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL.
    #[error("PostgreSQL: {}", postgres::describe(.0))]
    Postgres(#[from] ::postgres::Error),
    /// The address of the database cannot be read; without what stands before an `@`.
    #[error("database address {0:?}: expected sqlite:PATH or postgres://USER@HOST/NAME")]
    Address(String),
    /// A row contradicts the rules that wrote it.
    #[error("inconsistent: {0}")]
    Inconsistent(String),
    /// Reading or writing outside the database.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// The result of what can break.
pub type Result<T> = std::result::Result<T, Error>;

/// A row that a statement returned. Columns are counted from 0.
pub enum Row<'r> {
    /// From SQLite.
    #[doc(hidden)]
    Sqlite(&'r rusqlite::Row<'r>),
    /// From PostgreSQL.
    #[doc(hidden)]
    Postgres(&'r ::postgres::Row),
    /// From a `COPY` out of PostgreSQL.
    #[doc(hidden)]
    Copied(&'r bulk::CopiedRow<'r>),
}

impl<'r> Row<'r> {
    /// The value of a column whose kind is known.
    pub fn value(&self, column: usize, kind: Kind) -> Result<Value<'r>> {
        match self {
            Self::Sqlite(row) => sqlite::value(row, column),
            Self::Postgres(row) => postgres::value(row, column, kind),
            Self::Copied(row) => row.value(column, kind),
        }
    }

    /// The canonical bytes of all columns of a scanned row but the last (`mark`): what the chain hashes.
    pub(crate) fn canonical<'b>(&'b self, table: &Table, room: &'b mut RowBytes) -> Result<&'b [u8]> {
        let hashed = &table.columns[..table.columns.len() - 1];
        if let Self::Copied(row) = self {
            return row.leading(hashed.len());
        }
        room.clear();
        for (column, (_, kind)) in hashed.iter().enumerate() {
            room.value(self.value(column, *kind)?);
        }
        Ok(room.as_bytes())
    }

    /// A `BIGINT`.
    pub fn int(&self, column: usize) -> Result<i64> {
        self.opt_int(column)?.ok_or_else(|| unexpected(column, "a number"))
    }

    /// A `BIGINT` or nothing.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>> {
        match self.value(column, Kind::Int)? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(value)),
            _ => Err(unexpected(column, "a number")),
        }
    }

    /// A `TEXT`.
    pub fn text(&self, column: usize) -> Result<&'r str> {
        self.opt_text(column)?.ok_or_else(|| unexpected(column, "text"))
    }

    /// A `TEXT` or nothing.
    pub fn opt_text(&self, column: usize) -> Result<Option<&'r str>> {
        match self.value(column, Kind::Text)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            _ => Err(unexpected(column, "text")),
        }
    }

    /// A `BYTEA`.
    pub fn bytes(&self, column: usize) -> Result<&'r [u8]> {
        self.opt_bytes(column)?.ok_or_else(|| unexpected(column, "bytes"))
    }

    /// A `BYTEA` or nothing.
    pub fn opt_bytes(&self, column: usize) -> Result<Option<&'r [u8]>> {
        match self.value(column, Kind::Bytes)? {
            Value::Null => Ok(None),
            Value::Bytes(value) => Ok(Some(value)),
            _ => Err(unexpected(column, "bytes")),
        }
    }

    /// A 32-byte digest.
    pub fn digest(&self, column: usize) -> Result<[u8; 32]> {
        self.bytes(column)?.try_into().map_err(|_| unexpected(column, "a digest of 32 bytes"))
    }
}

fn unexpected(column: usize, wanted: &str) -> Error {
    Error::Inconsistent(format!("column {column} is not {wanted}"))
}

/// Which engine a store speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// One file, inside.
    Sqlite,
    /// A server, outside.
    Postgres,
}

impl fmt::Display for EngineKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

enum Driver {
    Sqlite(sqlite::Driver),
    Postgres(Box<postgres::Driver>),
}

impl Driver {
    fn insert(&mut self, table: &Table, rows: &RowBytes) -> Result<()> {
        match self {
            Self::Sqlite(driver) => driver.insert(table, rows),
            Self::Postgres(driver) => driver.insert(table, rows),
        }
    }
}

/// One connection to a database.
pub struct Store {
    connection: Connection,
    engine: EngineKind,
    address: String,
    wait: Duration,
    /// Tables into which much went.
    grown: BTreeSet<&'static str>,
}

impl fmt::Debug for Store {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Store({})", self.engine)
    }
}

/// How long a writer waits for another process before it says so: longer than a payout of a million lines.
pub const WAIT: Duration = Duration::from_secs(60);

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, with a [`WAIT`] for other processes. The schema is brought up by
    /// [`Store::migrate`].
    ///
    /// # Errors
    /// [`Error::Address`], [`Error::Opening`], or what the driver says.
    pub fn open(address: &str) -> Result<Self> {
        Self::open_waiting(address, WAIT)
    }

    /// As [`Store::open`], waiting this long (whole milliseconds) for another process before [`Error::Busy`].
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_waiting(address: &str, wait: Duration) -> Result<Self> {
        let driver = if let Some(path) = address.strip_prefix("sqlite:") {
            Driver::Sqlite(sqlite::Driver::open(path, wait)?)
        } else if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            Driver::Postgres(Box::new(postgres::Driver::open(address, wait)?))
        } else {
            return Err(Error::Address(without_user(address).to_owned()));
        };
        let engine = match driver {
            Driver::Sqlite(_) => EngineKind::Sqlite,
            Driver::Postgres(_) => EngineKind::Postgres,
        };
        let connection = Connection::new(driver);
        Ok(Self { connection, engine, address: address.to_owned(), wait, grown: BTreeSet::new() })
    }

    /// From now on the rows of a [`Bulk`] are written by the thread that decides them, not by one beside it: an act takes
    /// longer, and keeps one processor busy where it kept two.
    pub const fn write_in_line(&mut self) {
        self.connection.write_in_line();
    }

    /// Another connection to the same database.
    ///
    /// # Errors
    /// What the driver says.
    pub fn reopen(&self) -> Result<Self> {
        Self::open_waiting(&self.address, self.wait)
    }

    /// Which engine this is.
    #[must_use]
    pub const fn engine(&self) -> EngineKind {
        self.engine
    }

    /// Begins a transaction that writes. On SQLite it takes the file's write lock at once, so that nothing read in
    /// it can have changed before it commits; on PostgreSQL that holds for what is read after the head of the book
    /// was locked ([`crate::Act::open`]).
    ///
    /// # Errors
    /// [`Error::Busy`] when another process keeps the file.
    pub fn begin(&mut self) -> Result<Tx<'_>> {
        self.start("BEGIN IMMEDIATE", "BEGIN")
    }

    /// Begins a transaction that reads one moment of the database and writes nothing.
    ///
    /// # Errors
    /// What the driver says.
    pub fn snapshot(&mut self) -> Result<Tx<'_>> {
        self.start("BEGIN", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    }

    /// For a single statement that only reads, which is a moment of its own: one round trip instead of three.
    pub fn single(&mut self) -> Tx<'_> {
        Tx { store: self, open: false }
    }

    fn start(&mut self, sqlite: &str, postgres: &str) -> Result<Tx<'_>> {
        self.batch(sqlite, postgres)?;
        Ok(Tx { store: self, open: true })
    }

    fn batch(&mut self, sqlite: &str, postgres: &str) -> Result<()> {
        match self.connection.driver()? {
            Driver::Sqlite(driver) => driver.batch(sqlite),
            Driver::Postgres(driver) => driver.batch(postgres),
        }
    }
}

/// A transaction. Dropped without [`Tx::commit`], nothing of it remains.
pub struct Tx<'s> {
    store: &'s mut Store,
    open: bool,
}

impl Tx<'_> {
    /// Which engine this is.
    #[must_use]
    pub const fn engine(&self) -> EngineKind {
        self.store.engine()
    }

    /// Says that the statements that follow read whole tables, until the transaction ends.
    ///
    /// PostgreSQL takes a table that it has not analyzed yet for nearly empty, and would join two large ones row by
    /// row: seconds become hours. SQLite has no other plan than by key.
    ///
    /// # Errors
    /// What the driver says.
    pub fn expect_whole_tables(&mut self) -> Result<()> {
        self.store.batch("", "SET LOCAL enable_nestloop = off")
    }

    /// Takes [`Tx::expect_whole_tables`] back: the statements that follow ask for few rows by their keys, which
    /// PostgreSQL would otherwise answer by reading whole tables each time.
    ///
    /// # Errors
    /// What the driver says.
    pub fn expect_few_rows(&mut self) -> Result<()> {
        self.store.batch("", "SET LOCAL enable_nestloop = on")
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// [`Error::Constraint`] when the database refuses, else what the driver says.
    pub fn execute(&mut self, statement: impl Into<Statement>, values: &[Value<'_>]) -> Result<u64> {
        let statement = statement.into();
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.execute(statement.sqlite, values),
            Driver::Postgres(driver) => driver.execute(statement.postgres, values),
        }
    }

    /// Runs a statement and hands each row to `read`, one at a time.
    ///
    /// # Errors
    /// What the driver or `read` says.
    pub fn each<E: From<Error>>(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let statement = statement.into();
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.each(statement.sqlite, values, &mut read),
            Driver::Postgres(driver) => driver.each(statement.postgres, values, &mut read),
        }
    }

    /// All rows.
    ///
    /// # Errors
    /// What the driver or `read` says.
    pub fn query<T>(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut rows = Vec::new();
        self.each(statement, values, |row| {
            rows.push(read(row)?);
            Ok::<(), Error>(())
        })?;
        Ok(rows)
    }

    /// The only row, if there is one.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when there are several.
    pub fn query_opt<T>(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let mut rows = self.query(statement, values, read)?;
        let row = rows.pop();
        if rows.is_empty() { Ok(row) } else { Err(Error::Inconsistent("several rows where one was expected".into())) }
    }

    /// The only row.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when there is none or several.
    pub fn query_one<T>(
        &mut self,
        statement: impl Into<Statement>,
        values: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.query_opt(statement, values, read)?
            .ok_or_else(|| Error::Inconsistent("no row where one was expected".into()))
    }

    /// Reads one page of a table between two ids (both included), in the table's order.
    ///
    /// The columns are those of the table, so the rows can be hashed again.
    ///
    /// # Errors
    /// What the driver or `read` says.
    pub fn scan<E: From<Error>>(
        &mut self,
        table: &'static Table,
        court_id: i64,
        book_id: i64,
        ids: (i64, i64),
        mut read: impl FnMut(&Row<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let text = table.scan_text();
        let values = [court_id.into(), book_id.into(), ids.0.into(), ids.1.into()];
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.each(&text, &values, &mut read),
            Driver::Postgres(driver) => driver.copy_out(&table.copy_out_text(court_id, book_id, ids), &mut read),
        }
    }

    /// Asks one question of many keys (`width` values each, none of them NULL) and hands each row found to `read`.
    ///
    /// The SQLite text is run once a key, with the key's values; the PostgreSQL text once, with an array a value.
    ///
    /// # Errors
    /// What the driver or `read` says.
    pub fn each_of(
        &mut self,
        statement: Statement,
        width: usize,
        keys: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<()>,
    ) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => {
                keys.chunks_exact(width).try_for_each(|key| driver.each(statement.sqlite, key, &mut read))
            }
            Driver::Postgres(driver) => driver.each_of(statement.postgres, width, keys, &mut read),
        }
    }

    /// Writes many rows of a state table, new ones and changed ones: each row is its key, then its other values;
    /// no value is NULL.
    ///
    /// # Errors
    /// [`Error::Constraint`].
    pub fn upsert_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[Value<'_>]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.upsert_many(table, key, set, rows),
            Driver::Postgres(driver) => driver.upsert_many(table, key, set, rows),
        }
    }

    /// Changes many rows of a state table: each row is its key, then its new values; no value is NULL.
    ///
    /// # Errors
    /// [`Error::Constraint`]; [`Error::Inconsistent`] when a key is missing.
    pub fn update_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[Value<'_>]) -> Result<()> {
        let width = key.len() + set.len();
        let count = rows.len() / width;
        if count == 0 {
            return Ok(());
        }
        let changed = match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.update_many(table, key, set, rows)?,
            Driver::Postgres(driver) => driver.update_many(table, key, set, rows)?,
        };
        if changed == count as u64 {
            Ok(())
        } else {
            Err(Error::Inconsistent(format!("{changed} of {count} rows of {table} could be changed")))
        }
    }

    /// Deletes rows of a state table of one book by their ids; those that are not there are left out.
    ///
    /// # Errors
    /// What the driver says.
    pub fn delete_many(&mut self, table: &str, book: (i64, i64), id: &str, ids: &[i64]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.delete_many(table, book, id, ids),
            Driver::Postgres(driver) => driver.delete_many(table, book, id, ids),
        }
    }

    /// Makes everything durable. Nothing may be acknowledged before this returns.
    ///
    /// # Errors
    /// [`Error::CommitUnanswered`] when it cannot be known; else what the driver says, and nothing remains.
    pub fn commit(mut self) -> Result<()> {
        crate::stop::at("before commit");
        self.store.batch("COMMIT", "COMMIT").map_err(|error| match error {
            // A server that answers says that nothing remains; one that is gone may have committed.
            Error::Postgres(error) if error.as_db_error().is_none() => {
                Error::CommitUnanswered(postgres::describe(&error))
            }
            other => other,
        })?;
        self.open = false;
        crate::stop::at("after commit");
        Ok(())
    }
}

impl Drop for Tx<'_> {
    fn drop(&mut self) {
        if self.open {
            // The error of rows that were on their way has nobody left to go to.
            let _ = self.store.connection.driver();
            // A connection that cannot roll back is gone, and the server rolls back for it.
            let _ = self.store.batch("ROLLBACK", "ROLLBACK");
        }
    }
}

/// The part of an address that may be shown: user and password stand before the last `@`.
fn without_user(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(_, place)| place)
}

fn upsert_text(table: &str, key: &[&str], set: &[&str], source: &str) -> String {
    let names: Vec<&str> = key.iter().chain(set).copied().collect();
    let sets: Vec<String> = set.iter().map(|name| format!("{name} = excluded.{name}")).collect();
    format!(
        "INSERT INTO {table} ({}) {source} ON CONFLICT ({}) DO UPDATE SET {}",
        names.join(", "),
        key.join(", "),
        sets.join(", ")
    )
}

impl Table {
    /// `INSERT` with one placeholder a column (SQLite).
    fn insert_text(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let places: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
        format!("INSERT INTO {} ({}) VALUES ({})", self.name, names.join(", "), places.join(", "))
    }

    /// `COPY … FROM STDIN BINARY` (PostgreSQL).
    fn copy_text(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        format!("COPY {} ({}) FROM STDIN BINARY", self.name, names.join(", "))
    }

    /// `COPY (…) TO STDOUT BINARY` (PostgreSQL): a scan whose rows come as the bytes that the chain hashes.
    fn copy_out_text(&self, court_id: i64, book_id: i64, (first, last): (i64, i64)) -> String {
        let numbers = [("$1", court_id), ("$2", book_id), ("$3", first), ("$4", last)];
        // A statement of COPY takes no parameters; these are numbers. In quotes, so that the smallest has a form.
        let text = numbers
            .iter()
            .fold(self.scan_text(), |text, (place, number)| text.replace(place, &format!("'{number}'::bigint")));
        format!("COPY ({text}) TO STDOUT BINARY")
    }

    fn scan_text(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        let id = self.order[0];
        format!(
            "SELECT {} FROM {} WHERE court_id = $1 AND book_id = $2 AND {id} >= $3 AND {id} <= $4 ORDER BY {}",
            names.join(", "),
            self.name,
            self.order.join(", ")
        )
    }
}
