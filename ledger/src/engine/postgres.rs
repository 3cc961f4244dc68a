//! PostgreSQL 15 and later: a server, reached without a thread of our own between the call and the socket.

use std::collections::HashMap;
use std::error::Error as _;
use std::io::{BufRead as _, Write as _};
use std::time::Duration;

use ::postgres::fallible_iterator::FallibleIterator as _;
use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, Config, NoTls};

use super::bulk::CopiedRow;
use super::{Error, Kind, Result, RowBytes, Table, Value};

/// How binary `COPY` begins: signature, no flags, no extension.
const COPY_HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";

/// How it ends: a row of −1 columns.
const COPY_TRAILER: &[u8] = &(-1_i16).to_be_bytes();

/// How long a server may take to answer a connection, where the address does not say: a host that drops packets
/// would hold a person for minutes.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

pub(super) struct Driver {
    client: Client,
    prepared: HashMap<String, ::postgres::Statement>,
}

impl Driver {
    pub(super) fn open(address: &str, wait: Duration) -> Result<Self> {
        let unreachable = |error: ::postgres::Error| Error::Opening {
            place: super::without_user(address).to_owned(),
            detail: describe(&error),
        };
        let mut config: Config = address.parse().map_err(unreachable)?;
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_WAIT);
        }
        let mut client = config.connect(NoTls).map_err(unreachable)?;
        // Names are compared byte by byte in Rust; the server only stores them. Notices would go to no one.
        client.batch_execute(&format!(
            "SET client_min_messages = warning; SET TIME ZONE 'UTC'; SET synchronous_commit = on; SET lock_timeout = {}",
            wait.as_millis()
        ))?;
        Ok(Self { client, prepared: HashMap::new() })
    }

    pub(super) fn batch(&mut self, text: &str) -> Result<()> {
        self.client.batch_execute(text).map_err(map)
    }

    fn prepare(&mut self, text: &str) -> Result<::postgres::Statement> {
        if let Some(statement) = self.prepared.get(text) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(text).map_err(map)?;
        self.prepared.insert(text.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&mut self, text: &str, values: &[Value<'_>]) -> Result<u64> {
        let statement = self.prepare(text)?;
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as &(dyn ToSql + Sync)).collect();
        self.client.execute(&statement, &values).map_err(map)
    }

    pub(super) fn each<E: From<Error>>(
        &mut self,
        text: &str,
        values: &[Value<'_>],
        read: &mut impl FnMut(&super::Row<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let statement = self.prepare(text)?;
        let mut rows = self.client.query_raw(&statement, values.iter()).map_err(map)?;
        while let Some(row) = rows.next().map_err(map)? {
            read(&super::Row::Postgres(&row))?;
        }
        Ok(())
    }

    /// Binary `COPY`: the buffered rows already are its format. A row alone goes in by a statement, which takes one round
    /// trip where `COPY` takes two.
    pub(super) fn insert(&mut self, table: &Table, rows: &RowBytes) -> Result<()> {
        let mut all = rows.rows();
        if let Some(mut row) = all.next_row() {
            let values: Result<Vec<Value<'_>>> = table.columns.iter().map(|(_, kind)| row.next_value(*kind)).collect();
            if all.next_row().is_none() {
                self.execute(&table.insert_text(), &values?)?;
                return Ok(());
            }
        }
        let statement = self.prepare(&table.copy_text())?;
        let mut copy = self.client.copy_in(&statement).map_err(map)?;
        copy.write_all(COPY_HEADER)?;
        copy.write_all(rows.as_bytes())?;
        copy.write_all(COPY_TRAILER)?;
        copy.finish().map_err(map)?;
        Ok(())
    }

    /// Binary `COPY` out. The server sends one message a row (the header before the first), so no row is copied.
    pub(super) fn copy_out<E: From<Error>>(
        &mut self,
        text: &str,
        read: &mut impl FnMut(&super::Row<'_>) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut copy = self.client.copy_out(text).map_err(map)?;
        let mut ends = Vec::new();
        loop {
            let message = copy.fill_buf().map_err(Error::Io)?;
            let row = message.strip_prefix(COPY_HEADER).unwrap_or(message);
            if message.is_empty() {
                return Ok(());
            }
            if !row.is_empty() && row != COPY_TRAILER {
                read(&super::Row::Copied(&CopiedRow::read(row, &mut ends)?))?;
            }
            let taken = message.len();
            copy.consume(taken);
        }
    }

    pub(super) fn each_of(
        &mut self,
        text: &str,
        width: usize,
        keys: &[Value<'_>],
        read: &mut impl FnMut(&super::Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let statement = self.prepare(text)?;
        let columns = columns(width, keys)?;
        let mut rows = self.client.query_raw(&statement, columns.iter().map(|(_, column)| column)).map_err(map)?;
        while let Some(row) = rows.next().map_err(map)? {
            read(&super::Row::Postgres(&row))?;
        }
        Ok(())
    }

    pub(super) fn update_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[Value<'_>]) -> Result<u64> {
        let names: Vec<&str> = key.iter().chain(set).copied().collect();
        let columns = columns(names.len(), rows)?;
        let sets: Vec<String> = set.iter().map(|name| format!("{name} = new.{name}")).collect();
        let keys: Vec<String> = key.iter().map(|name| format!("{table}.{name} = new.{name}")).collect();
        let text = format!(
            "UPDATE {table} SET {} FROM {} AS new ({}) WHERE {}",
            sets.join(", "),
            unnest(&columns),
            names.join(", "),
            keys.join(" AND ")
        );
        self.execute_columns(&text, &columns)
    }

    pub(super) fn upsert_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[Value<'_>]) -> Result<()> {
        let columns = columns(key.len() + set.len(), rows)?;
        let source = format!("SELECT * FROM {}", unnest(&columns));
        self.execute_columns(&super::upsert_text(table, key, set, &source), &columns)?;
        Ok(())
    }

    pub(super) fn delete_many(&mut self, table: &str, book: (i64, i64), id: &str, ids: &[i64]) -> Result<()> {
        let text = format!("DELETE FROM {table} WHERE court_id = $1 AND book_id = $2 AND {id} = ANY($3::bigint[])");
        let statement = self.prepare(&text)?;
        self.client.execute(&statement, &[&book.0, &book.1, &ids]).map_err(map)?;
        Ok(())
    }

    fn execute_columns(&mut self, text: &str, columns: &[Column<'_>]) -> Result<u64> {
        let statement = self.prepare(text)?;
        let values: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|(_, column)| column as _).collect();
        self.client.execute(&statement, &values).map_err(map)
    }
}

/// One array a column: the array's type and its values.
type Column<'a> = (&'static str, Vec<Value<'a>>);

/// Turns rows of so many values into columns. The first row tells their types.
fn columns<'a>(width: usize, rows: &[Value<'a>]) -> Result<Vec<Column<'a>>> {
    rows.iter()
        .take(width)
        .enumerate()
        .map(|(column, first)| {
            let array = match first {
                Value::Int(_) => "bigint[]",
                Value::Text(_) => "text[]",
                Value::Bytes(_) => "bytea[]",
                Value::Null => return Err(Error::Inconsistent("a key or a new value is missing".into())),
            };
            Ok((array, rows.iter().skip(column).step_by(width).copied().collect()))
        })
        .collect()
}

/// `UNNEST($1::bigint[], …)`
fn unnest(columns: &[Column<'_>]) -> String {
    let places: Vec<String> =
        columns.iter().enumerate().map(|(place, (array, _))| format!("${}::{array}", place + 1)).collect();
    format!("UNNEST({})", places.join(", "))
}

pub(super) fn value<'r>(row: &'r ::postgres::Row, column: usize, kind: Kind) -> Result<Value<'r>> {
    Ok(match kind {
        Kind::Int => row.try_get::<_, Option<i64>>(column)?.map_or(Value::Null, Value::Int),
        Kind::Text => row.try_get::<_, Option<&str>>(column)?.map_or(Value::Null, Value::Text),
        Kind::Bytes => row.try_get::<_, Option<&[u8]>>(column)?.map_or(Value::Null, Value::Bytes),
    })
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        wanted: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Int(value) => value.to_sql_checked(wanted, out),
            Value::Text(text) => text.to_sql_checked(wanted, out),
            Value::Bytes(bytes) => bytes.to_sql_checked(wanted, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The driver's own words hide the server's; a reader needs both.
pub(super) fn describe(error: &::postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(server), _) => format!("{}: {}", server.severity(), server.message()),
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

fn map(error: ::postgres::Error) -> Error {
    // Class 23 of SQLSTATE: integrity constraint violation. A trigger on facts raises restrict_violation, of that class.
    match error.as_db_error() {
        Some(server) if server.code().code().starts_with("23") => {
            Error::Constraint { name: server.constraint().unwrap_or_else(|| server.message()).to_owned() }
        }
        // lock_not_available: the wait is over.
        Some(server) if server.code().code() == "55P03" => Error::Busy(server.message().to_owned()),
        _ => Error::Postgres(error),
    }
}
