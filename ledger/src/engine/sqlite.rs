//! SQLite: one file, WAL, every commit synced.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use super::{Error, Result, RowBytes, Table, Value};

/// Pages kept in memory. Large enough for the inner pages of a payout's tables, small enough that memory stays
/// under 100 MB while a verification reads on two connections; what does not fit spills to the write-ahead log.
const CACHE_KIB: i64 = 16 * 1024;

/// Statements kept prepared: more than one operation uses.
const PREPARED_STATEMENTS: usize = 128;

pub(super) struct Driver {
    pub(super) connection: Connection,
}

impl Driver {
    pub(super) fn open(path: &str, wait: Duration) -> Result<Self> {
        Self::connect(path, wait).map_err(|error| match map(error) {
            busy @ Error::Busy(_) => busy,
            other => Error::Opening { place: path.to_owned(), detail: other.to_string() },
        })
    }

    fn connect(path: &str, wait: Duration) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
        connection.busy_timeout(wait)?;
        // A plan does not depend on the values asked for. Without this, a statement that is asked of many keys in turn is
        // planned again for each: most of the time of asking.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // `recursive_triggers` closes the door that REPLACE INTO leaves open beside the triggers on facts.
        connection.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA recursive_triggers = ON; PRAGMA cache_size = -{CACHE_KIB}; PRAGMA temp_store = FILE;"
        ))?;
        Ok(Self { connection })
    }

    pub(super) fn batch(&mut self, text: &str) -> Result<()> {
        self.connection.execute_batch(text).map_err(map)
    }

    pub(super) fn execute(&mut self, text: &str, values: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(&places(text)).map_err(map)?;
        let changed = statement.execute(rusqlite::params_from_iter(values)).map_err(map)?;
        Ok(changed as u64)
    }

    pub(super) fn each<E: From<Error>>(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        read: &mut impl FnMut(&super::Row<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut statement = self.connection.prepare_cached(&places(text)).map_err(map)?;
        let mut rows = statement.query(rusqlite::params_from_iter(values)).map_err(map)?;
        while let Some(row) = rows.next().map_err(map)? {
            read(&super::Row::Sqlite(row))?;
        }
        Ok(())
    }

    /// One prepared statement, stepped once a row.
    pub(super) fn insert(&mut self, table: &Table, rows: &RowBytes) -> Result<()> {
        let mut statement = self.connection.prepare_cached(&table.insert_text()).map_err(map)?;
        let mut rows = rows.rows();
        while let Some(mut row) = rows.next_row() {
            for (place, (_, kind)) in table.columns.iter().enumerate() {
                statement.raw_bind_parameter(place + 1, row.next_value(*kind)?).map_err(map)?;
            }
            statement.raw_execute().map_err(map)?;
        }
        Ok(())
    }

    pub(super) fn update_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[Value<'_>]) -> Result<u64> {
        let place = |(n, name): (usize, &&str)| format!("{name} = ?{}", n + 1);
        let keys: Vec<String> = key.iter().enumerate().map(place).collect();
        let sets: Vec<String> = key.iter().chain(set).enumerate().skip(key.len()).map(place).collect();
        let text = format!("UPDATE {table} SET {} WHERE {}", sets.join(", "), keys.join(" AND "));
        self.execute_each(&text, key.len() + set.len(), rows)
    }

    pub(super) fn upsert_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[Value<'_>]) -> Result<()> {
        let names: Vec<&str> = key.iter().chain(set).copied().collect();
        let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
        let source = format!("VALUES ({})", places.join(", "));
        self.execute_each(&super::upsert_text(table, key, set, &source), names.len(), rows)?;
        Ok(())
    }

    pub(super) fn delete_many(&mut self, table: &str, book: (i64, i64), id: &str, ids: &[i64]) -> Result<()> {
        let text = format!("DELETE FROM {table} WHERE court_id = ?1 AND book_id = ?2 AND {id} = ?3");
        let keys: Vec<Value<'_>> = ids.iter().flat_map(|id| [book.0, book.1, *id].map(Value::Int)).collect();
        self.execute_each(&text, 3, &keys)?;
        Ok(())
    }

    fn execute_each(&mut self, text: &str, width: usize, rows: &[Value<'_>]) -> Result<u64> {
        let mut statement = self.connection.prepare_cached(text).map_err(map)?;
        let mut changed = 0;
        for row in rows.chunks_exact(width) {
            changed += statement.execute(rusqlite::params_from_iter(row)).map_err(map)? as u64;
        }
        Ok(changed)
    }
}

/// SQLite numbers `$1` by first appearance, `?1` by its number; the second is what is meant.
fn places(text: &str) -> String {
    text.replace('$', "?")
}

pub(super) fn value<'r>(row: &'r rusqlite::Row<'r>, column: usize) -> Result<Value<'r>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(value) => Value::Int(value),
        ValueRef::Text(bytes) => {
            Value::Text(std::str::from_utf8(bytes).map_err(|_| super::unexpected(column, "UTF-8 text"))?)
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes),
        ValueRef::Real(_) => return Err(super::unexpected(column, "a whole number")),
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

pub(super) fn map(error: rusqlite::Error) -> Error {
    if let rusqlite::Error::SqliteFailure(code, Some(message)) = &error {
        match code.code {
            ErrorCode::ConstraintViolation => {
                let name = message.rsplit(": ").next().unwrap_or(message).to_owned();
                return Error::Constraint { name };
            }
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => return Error::Busy(message.clone()),
            _ => {}
        }
    }
    Error::Sqlite(error)
}
