//! PostgreSQL 15 and later: a server, reached without a thread of our own between the call and the socket.

use std::collections::HashMap;
use std::error::Error as _;
use std::io::Write as _;

use ::postgres::fallible_iterator::FallibleIterator as _;
use ::postgres::types::private::BytesMut;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, NoTls};

use super::{Error, Kind, Result, RowBytes, Table, Value};

pub(super) struct Driver {
    client: Client,
    prepared: HashMap<String, ::postgres::Statement>,
}

impl Driver {
    pub(super) fn open(address: &str) -> Result<Self> {
        let mut client = Client::connect(address, NoTls)?;
        // Names are compared byte by byte in Rust; the server only stores them. Notices would go to no one.
        client.batch_execute("SET client_min_messages = warning; SET TIME ZONE 'UTC'; SET synchronous_commit = on")?;
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

    /// Binary `COPY`: the buffered rows already are its format.
    pub(super) fn insert(&mut self, table: &Table, rows: &RowBytes) -> Result<()> {
        // Signature, no flags, no extension; at the end a row of −1 columns.
        const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
        const TRAILER: &[u8] = &(-1_i16).to_be_bytes();
        let mut copy = self.client.copy_in(&table.copy_text()).map_err(map)?;
        copy.write_all(HEADER)?;
        copy.write_all(rows.as_bytes())?;
        copy.write_all(TRAILER)?;
        copy.finish().map_err(map)?;
        Ok(())
    }

    pub(super) fn update_many(&mut self, table: &str, key: &[&str], set: &[&str], rows: &[i64]) -> Result<u64> {
        let width = key.len() + set.len();
        let names: Vec<&str> = key.iter().chain(set).copied().collect();
        let places: Vec<String> = (1..=width).map(|place| format!("${place}::bigint[]")).collect();
        let sets: Vec<String> = set.iter().map(|name| format!("{name} = new.{name}")).collect();
        let keys: Vec<String> = key.iter().map(|name| format!("{table}.{name} = new.{name}")).collect();
        let text = format!(
            "UPDATE {table} SET {} FROM UNNEST({}) AS new ({}) WHERE {}",
            sets.join(", "),
            places.join(", "),
            names.join(", "),
            keys.join(" AND ")
        );
        let statement = self.prepare(&text)?;
        let columns: Vec<Vec<i64>> =
            (0..width).map(|column| rows.iter().skip(column).step_by(width).copied().collect()).collect();
        let values: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| column as &(dyn ToSql + Sync)).collect();
        self.client.execute(&statement, &values).map_err(map)
    }
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
        _ => Error::Postgres(error),
    }
}
