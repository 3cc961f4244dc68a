//! The second line: the schema is the same on both engines, facts cannot be changed, each constraint refuses.

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::engine::{EngineKind, Kind, Result, Statement, Store, Table};
use ankuan_ledger::{Error, schema};

use crate::fixture::full_book;
use crate::support::Database;

/// A column as the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub nullable: bool,
}

/// Every table of the schema with its columns, as the database itself tells.
pub fn stored_columns(store: &mut Store) -> BTreeMap<String, Vec<Column>> {
    const COLUMNS: Statement = Statement::twin(
        "SELECT m.name, c.name, c.type, c.\"notnull\" = 0 FROM sqlite_master AS m \
         JOIN pragma_table_info(m.name) AS c WHERE m.type = 'table' AND m.name <> 'schema_step' \
         AND m.name NOT LIKE 'sqlite%' ORDER BY m.name, c.cid",
        "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), CAST(c.data_type AS TEXT), \
         CASE WHEN c.is_nullable = 'YES' THEN 1::bigint ELSE 0 END FROM information_schema.columns AS c \
         JOIN information_schema.tables AS t ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
         WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.table_name <> 'schema_step' \
         ORDER BY c.table_name, c.ordinal_position",
    );
    let mut tx = store.snapshot().expect("reads");
    let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    tx.each(COLUMNS, &[], |row| {
        let kind = match row.text(2)? {
            "INTEGER" | "bigint" => Kind::Int,
            "TEXT" | "text" => Kind::Text,
            "BLOB" | "bytea" => Kind::Bytes,
            other => panic!("{}.{} has the type {other}", row.text(0)?, row.text(1)?),
        };
        let column = Column { name: row.text(1)?.to_owned(), kind, nullable: row.int(3)? == 1 };
        tables.entry(row.text(0)?.to_owned()).or_default().push(column);
        Ok::<(), Error>(())
    })
    .expect("columns");
    tables
}

/// Runs a statement that was put together for this test.
pub fn execute(tx: &mut ankuan_ledger::Tx<'_>, sql: &str) -> Result<u64> {
    // Statements live as long as the program; a test makes few.
    let sql: &'static str = Box::leak(sql.to_owned().into_boxed_str());
    tx.execute(sql, &[])
}

/// All tables whose rows are facts.
pub fn fact_tables() -> impl Iterator<Item = &'static Table> {
    schema::MIGRATION.facts.iter().copied()
}

fn the_tables_are_as_described(database: &Database) {
    let mut store = database.open();
    store.migrate(&[schema::MIGRATION]).expect("migrates");
    let stored = stored_columns(&mut store);
    for table in fact_tables() {
        let columns: Vec<(&str, Kind)> =
            stored[table.name].iter().map(|column| (column.name.as_str(), column.kind)).collect();
        assert_eq!(columns, table.columns, "{}", table.name);
    }
    let chained: BTreeSet<&str> = schema::FACTS.iter().map(|table| table.name).collect();
    for (name, columns) in &stored {
        assert_eq!(columns[0].name, "court_id", "{name}: every key begins with the court");
        let marked = columns.iter().any(|column| column.name == "mark");
        assert_eq!(marked, chained.contains(name.as_str()), "{name}: marked rows are those the chain covers");
    }
}

#[test]
fn both_schemas_are_the_same() {
    let Some(postgres) = Database::postgres() else { return };
    let [on_sqlite, on_postgres] = [Database::sqlite(), postgres].map(|database| {
        let mut store = database.open();
        store.migrate(&[schema::MIGRATION]).expect("migrates");
        assert!(store.migrate(&[schema::MIGRATION]).expect("migrates").is_empty());
        stored_columns(&mut store)
    });
    assert_eq!(on_sqlite, on_postgres);
}

fn facts_are_not_changed(database: &Database) {
    let (mut store, _) = full_book(database);
    for table in fact_tables() {
        let name = table.name;
        let third = match store.engine() {
            EngineKind::Sqlite => format!("REPLACE INTO {name} SELECT * FROM {name}"),
            EngineKind::Postgres => format!("TRUNCATE {name}"),
        };
        for sql in [format!("UPDATE {name} SET court_id = court_id"), format!("DELETE FROM {name}"), third] {
            let mut tx = store.begin().expect("begins");
            match execute(&mut tx, &sql) {
                Err(Error::Constraint { name: found }) => assert_eq!(found, format!("{name}_is_fact"), "{sql}"),
                other => panic!("{sql}: {other:?}"),
            }
        }
    }
}

/// Constraint, table, columns that are set to something else in the copy of a row, which row.
type Violation = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str);

const VIOLATIONS: &[Violation] = &[
    ("book_pk", "book", &[], ""),
    ("book_head_pk", "book_head", &[], ""),
    ("book_head_forward", "book_head", &[("book_id", "9"), ("next_id", "0")], ""),
    ("account_pk", "account", &[("code", "'new'")], ""),
    ("account_code", "account", &[("account_id", "account_id + 1000")], ""),
    ("account_side", "account", &[("account_id", "1000"), ("code", "'new'"), ("normal_side", "'left'")], ""),
    ("account_item_floor", "account", &[("account_id", "1000"), ("code", "'new'"), ("item_floor", "2")], ""),
    ("balance_pk", "balance", &[], ""),
    (
        "balance_above_floor",
        "balance",
        &[("account_id", "1000"), ("posted_minor", "10"), ("held_minor", "5"), ("floor_minor", "6")],
        "",
    ),
    ("balance_held", "balance", &[("account_id", "1000"), ("held_minor", "-1"), ("floor_minor", "NULL")], ""),
    ("balance_open", "balance", &[("account_id", "1000"), ("is_open", "2")], ""),
    ("item_balance_pk", "item_balance", &[], ""),
    (
        "item_balance_above_floor",
        "item_balance",
        &[("item_id", "1000"), ("posted_minor", "5"), ("held_minor", "6")],
        "",
    ),
    ("item_balance_held", "item_balance", &[("item_id", "1000"), ("held_minor", "-1")], ""),
    ("entry_line_pk", "entry_line", &[], "reverses_entry_no IS NULL"),
    ("entry_line_positive", "entry_line", &[("entry_no", "1000"), ("amount_minor", "0")], ""),
    (
        "entry_line_two_accounts",
        "entry_line",
        &[("entry_no", "1000"), ("credit_account_id", "debit_account_id"), ("credit_item_id", "debit_item_id")],
        "",
    ),
    ("entry_line_history", "entry_line", &[("entry_no", "1000"), ("debit_previous_entry_no", "1000")], ""),
    ("entry_line_reversed_once", "entry_line", &[("entry_no", "1000")], "reverses_entry_no IS NOT NULL"),
    ("voucher_pk", "voucher", &[("number", "1000")], ""),
    ("voucher_number_once", "voucher", &[("voucher_id", "1000")], ""),
    ("voucher_kind", "voucher", &[("voucher_id", "1000"), ("kind", "'gift'")], ""),
    (
        "voucher_entries",
        "voucher",
        &[("voucher_id", "1000"), ("number", "1000"), ("first_entry_no", "last_entry_no + 1")],
        "",
    ),
    ("voucher_number_pk", "voucher_number", &[], ""),
    ("closed_month_pk", "closed_month", &[("month", "'2025-01'")], ""),
    ("closed_month_once", "closed_month", &[("id", "id + 1000")], ""),
    ("closed_account_pk", "closed_account", &[("account_id", "1000")], ""),
    ("closed_account_once", "closed_account", &[("id", "id + 1000")], ""),
    ("hold_pk", "hold", &[], ""),
    ("hold_remaining", "hold", &[("hold_id", "1000"), ("remaining_minor", "-1")], ""),
    ("hold_event_pk", "hold_event", &[], ""),
    ("hold_event_kind", "hold_event", &[("id", "1000"), ("event", "'lost'")], ""),
    ("hold_event_positive", "hold_event", &[("id", "1000"), ("amount_minor", "0")], ""),
    ("chain_link_pk", "chain_link", &[], ""),
    ("chain_part_pk", "chain_part", &[("link_no", "1000")], ""),
    ("chain_part_by_link", "chain_part", &[("first_id", "first_id + 1000")], ""),
    ("request_pk", "request", &[], ""),
];

/// Each constraint of the migration with what SQLite calls it: keys and uniques by their columns.
fn constraints() -> BTreeMap<String, String> {
    let text = schema::MIGRATION.text;
    let mut found = BTreeMap::new();
    let mut table = "";
    for text_line in text.lines() {
        let words: Vec<&str> = text_line.split_whitespace().collect();
        match words.as_slice() {
            ["CREATE", "TABLE", name, ..] => table = name,
            ["CONSTRAINT", name, "CHECK", ..] => {
                found.insert((*name).to_owned(), (*name).to_owned());
            }
            ["CONSTRAINT", name, ..] | ["CREATE", "UNIQUE", "INDEX", name, ..] => {
                let columns = text_line.split(['(', ')']).nth(1).expect("columns");
                let columns: Vec<String> =
                    columns.split(", ").map(|column| format!("{}.{column}", index_table(&words, table))).collect();
                found.insert((*name).to_owned(), columns.join(", "));
            }
            _ => {}
        }
    }
    found
}

fn index_table<'t>(words: &[&'t str], table: &'t str) -> &'t str {
    if words[0] == "CREATE" { words[5] } else { table }
}

fn each_constraint_refuses(database: &Database) {
    let expected = constraints();
    let tried: BTreeSet<&str> = VIOLATIONS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(tried, expected.keys().map(String::as_str).collect(), "every constraint is tried");
    let (mut store, _) = full_book(database);
    let mut tx = store.begin().expect("begins");
    let digest = if tx.engine() == EngineKind::Sqlite { "x'00'" } else { "'\\x00'" };
    execute(&mut tx, &format!("INSERT INTO request VALUES (1, 1, 'op', 'key', {digest}, '{{}}', 1)"))
        .expect("a request");
    tx.commit().expect("commits");
    let tables = stored_columns(&mut store);
    for (name, table, changes, which) in VIOLATIONS {
        let columns: Vec<&str> = tables[*table].iter().map(|column| column.name.as_str()).collect();
        let values: Vec<&str> = columns
            .iter()
            .map(|column| changes.iter().find(|(changed, _)| changed == column).map_or(*column, |(_, value)| value))
            .collect();
        let which = if which.is_empty() { String::new() } else { format!("WHERE {which}") };
        let sql = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM {table} {which} LIMIT 1",
            columns.join(", "),
            values.join(", ")
        );
        let mut tx = store.begin().expect("begins");
        let wanted = if tx.engine() == EngineKind::Sqlite { expected[*name].as_str() } else { name };
        match execute(&mut tx, &sql) {
            Err(Error::Constraint { name: found }) => assert_eq!(found, wanted, "{sql}"),
            other => panic!("{name} let it pass: {sql}: {other:?}"),
        }
    }
}

crate::on_both!(the_tables_are_as_described, facts_are_not_changed, each_constraint_refuses);
