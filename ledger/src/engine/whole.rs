//! Whole tables, as a backup takes them: every table of the schema, whoever made it, all rows in the form of
//! [`RowBytes`], which is the same on both engines.

use std::collections::BTreeSet;

use super::{Driver, Kind, Result, Row, RowBytes, Statement, Store, Table, Tx};
use crate::Error;

/// Table, column, type, place in the key (from 1, 0 for none), in the order of the columns.
const COLUMNS: Statement = Statement::twin(
    "SELECT t.name, c.name, c.type, c.pk FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
     WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' ORDER BY t.name, c.cid",
    "SELECT CAST(t.relname AS TEXT), CAST(c.attname AS TEXT), CAST(k.typname AS TEXT), \
     CAST(COALESCE(array_position(string_to_array(CAST(i.indkey AS TEXT), ' '), CAST(c.attnum AS TEXT)), 0) AS BIGINT) \
     FROM pg_catalog.pg_class AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace \
     AND n.nspname = current_schema() \
     JOIN pg_catalog.pg_attribute AS c ON c.attrelid = t.oid AND c.attnum > 0 AND NOT c.attisdropped \
     JOIN pg_catalog.pg_type AS k ON k.oid = c.atttypid \
     LEFT JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid AND i.indisprimary \
     WHERE t.relkind = 'r' ORDER BY t.relname, c.attnum",
);

impl Tx<'_> {
    /// Every table of the schema by name, with its key as order. Only for a command that runs once: what describes the
    /// tables stays in memory until the process ends.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] for a column of another type than ours; else what the driver says.
    pub fn tables(&mut self) -> Result<Vec<&'static Table>> {
        let columns = self.query(COLUMNS, &[], |row| {
            let kind = match row.text(2)? {
                "INTEGER" | "int8" => Kind::Int,
                "TEXT" | "text" => Kind::Text,
                "BLOB" | "bytea" => Kind::Bytes,
                other => return Err(Error::Inconsistent(format!("a column of type {other}"))),
            };
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), kind, row.int(3)?))
        })?;
        let mut tables: Vec<&'static Table> = columns
            .chunk_by(|one, next| one.0 == next.0)
            .map(|columns| {
                let mut key: Vec<(i64, &'static str)> = Vec::new();
                let named: Vec<(&'static str, Kind)> = columns
                    .iter()
                    .map(|(_, name, kind, place)| {
                        let name: &'static str = String::leak(name.clone());
                        if *place > 0 {
                            key.push((*place, name));
                        }
                        (name, *kind)
                    })
                    .collect();
                key.sort_unstable();
                let order: Vec<&'static str> = key.into_iter().map(|(_, name)| name).collect();
                let name = String::leak(columns[0].0.clone());
                &*Box::leak(Box::new(Table { name, columns: Vec::leak(named), order: Vec::leak(order) }))
            })
            .collect();
        // Each database sorts by rules of its own.
        tables.sort_unstable_by_key(|table| table.name);
        Ok(tables)
    }

    /// Hands over every row of a table in the order of its key, in the form of [`RowBytes`].
    ///
    /// # Errors
    /// What the driver or `read` says.
    pub fn each_row<E: From<Error>>(
        &mut self,
        table: &'static Table,
        mut read: impl FnMut(&[u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let mut room = RowBytes::default();
        let mut read = |row: &Row<'_>| {
            room.clear();
            room.begin(table.columns.len());
            for (column, (_, kind)) in table.columns.iter().enumerate() {
                room.value(row.value(column, *kind)?);
            }
            read(room.as_bytes())
        };
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let order =
            if table.order.is_empty() { String::new() } else { format!(" ORDER BY {}", table.order.join(", ")) };
        let text = format!("SELECT {} FROM {}{order}", names.join(", "), table.name);
        match self.store.connection.driver()? {
            Driver::Sqlite(driver) => driver.each(&text, &[], &mut read),
            Driver::Postgres(driver) => driver.copy_out(&format!("COPY ({text}) TO STDOUT BINARY"), &mut read),
        }
    }
}

impl Store {
    /// Lets PostgreSQL count what was filled in, so that the next questions are planned for it: it takes a table that was
    /// filled since it counted for nearly empty, until it counts again by itself.
    ///
    /// # Errors
    /// What the driver says.
    pub fn count_rows(&mut self) -> Result<()> {
        self.batch("", "ANALYZE")
    }

    /// As [`Store::count_rows`], for these tables.
    ///
    /// # Errors
    /// What the driver says.
    pub fn count_rows_of(&mut self, tables: &BTreeSet<&'static str>) -> Result<()> {
        let counts: Vec<String> = tables.iter().map(|table| format!("ANALYZE {table}")).collect();
        self.batch("", &counts.join("; "))
    }

    /// As [`Store::count_rows`], for tables of this schema that hold a megabyte or more and were never counted.
    ///
    /// # Errors
    /// What the driver says.
    pub fn count_rows_never_counted(&mut self) -> Result<()> {
        self.batch(
            "",
            "DO $$ DECLARE found text; BEGIN \
             FOR found IN SELECT oid::regclass::text FROM pg_class WHERE relnamespace = current_schema()::regnamespace \
             AND relkind = 'r' AND reltuples < 0 AND pg_relation_size(oid) >= 1048576 \
             LOOP EXECUTE 'ANALYZE ' || found; END LOOP; END $$",
        )
    }
}
