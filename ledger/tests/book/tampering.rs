//! Any one changed value of a fact is reported, with its table and row; a state that does not follow from the facts
//! fails the check that is named after it.
//!
//! The cases are made from the tables themselves, so a new column is covered the day it is added. Each change is made
//! behind the triggers' and the checks' back in a transaction that is dropped.

use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::{EngineKind, Error, Kind, Result, Store, Tx, Value};
use ankuan_ledger::verify::{Check, verify};
use ankuan_ledger::{BookKey, schema};

use super::second_line::{Column, execute, fact_tables, stored_columns};
use crate::fixture::{BOOK, act, at, check_against, full_book};
use crate::support::Database;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stored {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Stored {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Int(number) => Self::Int(number),
            Value::Text(text) => Self::Text(text.to_owned()),
            Value::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }

    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::Int(*number),
            Self::Text(text) => Value::Text(text),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }

    /// Other values for the same column: near and far, a bit of a text or of bytes, longer and shorter.
    fn others(&self, column: &Column) -> Vec<Self> {
        let mut others = match self {
            Self::Null if column.kind == Kind::Int => vec![Self::Int(0), Self::Int(1)],
            Self::Null => vec![],
            Self::Int(number) => vec![
                Self::Int(number + 1),
                Self::Int(number - 1),
                Self::Int(number + 1_000_003),
                Self::Int(i64::MAX),
                Self::Int(i64::MIN),
            ],
            Self::Text(text) => {
                let mut changed = text.clone();
                let last = changed.pop().unwrap_or('x');
                changed.push(if last == 'x' { 'y' } else { 'x' });
                vec![Self::Text(changed), Self::Text(format!("{text} ")), Self::Text(String::new())]
            }
            Self::Bytes(bytes) => {
                let mut flipped = bytes.clone();
                flipped[bytes.len() / 2] ^= 1;
                vec![Self::Bytes(flipped), Self::Bytes(bytes[1..].to_vec()), Self::Bytes(Vec::new())]
            }
        };
        if column.nullable {
            others.push(Self::Null);
        }
        others.retain(|other| other != self);
        others
    }
}

type StoredRow = Vec<Stored>;

/// A full book without triggers and checks.
struct Exposed {
    store: Store,
    tables: std::collections::BTreeMap<String, Vec<Column>>,
}

impl Exposed {
    fn new(database: &Database) -> Self {
        let (mut store, _) = full_book(database);
        let tables = stored_columns(&mut store);
        let mut tx = store.begin().expect("begins");
        for table in fact_tables() {
            let name = table.name;
            let triggers: &[&str] = match tx.engine() {
                EngineKind::Sqlite => &["no_update", "no_delete"],
                EngineKind::Postgres => &["no_change"],
            };
            for trigger in triggers {
                let on = if tx.engine() == EngineKind::Sqlite { String::new() } else { format!(" ON {name}") };
                execute(&mut tx, &format!("DROP TRIGGER {name}_{trigger}{on}")).expect("drops");
            }
        }
        if tx.engine() == EngineKind::Postgres {
            let drops = tx.query(
                "SELECT format('ALTER TABLE %s DROP CONSTRAINT %s', conrelid::regclass, conname) FROM pg_constraint \
                 WHERE contype = 'c' AND connamespace = 'public'::regnamespace",
                &[],
                |row| Ok(row.text(0)?.to_owned()),
            );
            for drop in drops.expect("constraints") {
                execute(&mut tx, &drop).expect("drops");
            }
        }
        tx.commit().expect("commits");
        if store.engine() == EngineKind::Sqlite {
            let mut tx = store.begin().expect("begins");
            execute(&mut tx, "PRAGMA ignore_check_constraints = ON").expect("sets");
            tx.commit().expect("commits");
        }
        Self { store, tables }
    }

    fn columns(&self, table: &str) -> Vec<Column> {
        self.tables[table].clone()
    }

    fn rows(&mut self, table: &str) -> Vec<StoredRow> {
        let columns = self.columns(table);
        let order: Vec<String> = (1..=columns.len()).map(|place| place.to_string()).collect();
        let sql = format!("SELECT {} FROM {table} ORDER BY {}", names(&columns).join(", "), order.join(", "));
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        let mut tx = self.store.snapshot().expect("reads");
        tx.query(sql, &[], |row| {
            let mut stored = Vec::new();
            for (place, column) in columns.iter().enumerate() {
                stored.push(Stored::of(row.value(place, column.kind)?));
            }
            Ok(stored)
        })
        .expect("rows")
    }

    /// What the verification finds after a change, or nothing where a key stood in the change's way.
    fn after(&mut self, change: impl FnOnce(&mut Tx<'_>) -> Result<()>) -> Option<Vec<Check>> {
        let mut tx = self.store.begin().expect("begins");
        match change(&mut tx) {
            Ok(()) => {}
            Err(Error::Constraint { .. }) => return None,
            Err(error) => panic!("{error}"),
        }
        let report = verify(&mut tx, BOOK, schema::FACTS, &[], &mut |_| ()).expect("a report, not an error");
        Some(report.checks.into_iter().filter(|check| !check.ok()).collect())
    }
}

fn names(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

/// The row and no other.
fn only(columns: &[Column], first: usize) -> String {
    let terms: Vec<String> = columns
        .iter()
        .enumerate()
        .map(|(place, column)| format!("{} IS NOT DISTINCT FROM ${}", column.name, first + place))
        .collect();
    terms.join(" AND ")
}

fn leaked(sql: String) -> &'static str {
    // The same statement serves many rows.
    thread_local! {
        static KNOWN: std::cell::RefCell<std::collections::HashMap<String, &'static str>> = std::cell::RefCell::default();
    }
    KNOWN.with_borrow_mut(|known| *known.entry(sql.clone()).or_insert_with(|| Box::leak(sql.into_boxed_str())))
}

fn set(tx: &mut Tx<'_>, table: &str, columns: &[Column], row: &StoredRow, place: usize, other: &Stored) -> Result<()> {
    let sql = leaked(format!("UPDATE {table} SET {} = $1 WHERE {}", columns[place].name, only(columns, 2)));
    let values: Vec<Value<'_>> = std::iter::once(other).chain(row).map(Stored::value).collect();
    let changed = tx.execute(sql, &values)?;
    assert_eq!(changed, 1, "{sql}");
    Ok(())
}

fn delete(tx: &mut Tx<'_>, table: &str, columns: &[Column], row: &StoredRow) -> Result<()> {
    let sql = leaked(format!("DELETE FROM {table} WHERE {}", only(columns, 1)));
    let values: Vec<Value<'_>> = row.iter().map(Stored::value).collect();
    assert_eq!(tx.execute(sql, &values)?, 1, "{sql}");
    Ok(())
}

fn insert(tx: &mut Tx<'_>, table: &str, columns: &[Column], row: &StoredRow) -> Result<()> {
    let places: Vec<String> = (1..=columns.len()).map(|place| format!("${place}")).collect();
    let sql = leaked(format!("INSERT INTO {table} ({}) VALUES ({})", names(columns).join(", "), places.join(", ")));
    let values: Vec<Value<'_>> = row.iter().map(Stored::value).collect();
    tx.execute(sql, &values)?;
    Ok(())
}

/// The check that answers for a fact table, and the beginning of what it says about a row.
fn answer(table: &str, columns: &[Column], row: &StoredRow) -> (&'static str, String) {
    let number = |name: &str| {
        let place = columns.iter().position(|column| column.name == name).expect("a column");
        match row[place] {
            Stored::Int(number) => number,
            _ => panic!("{name} is a number"),
        }
    };
    if table.starts_with("chain_") {
        ("chain", format!("link {}:", number("link_no")))
    } else {
        ("facts", format!("{table} {}:", number(&columns[2].name)))
    }
}

fn finding<'f>(findings: &'f [Check], name: &str) -> &'f str {
    findings.iter().find(|check| check.name == name).and_then(|check| check.finding.as_deref()).unwrap_or_default()
}

/// Columns that say which row it is: changed, the row is another and the old one is missing.
fn is_key(table: &str, column: &str) -> bool {
    matches!(column, "court_id" | "book_id" | "link_no")
        || fact_tables().any(|fact| fact.name == table && fact.order.contains(&column))
}

/// The check that finds a changed value without the help of the chain.
fn also_fails(table: &str, column: &str) -> Option<&'static str> {
    match (table, column) {
        (
            "entry_line",
            "debit_account_id"
            | "credit_account_id"
            | "amount_minor"
            | "debit_after_minor"
            | "credit_after_minor"
            | "debit_previous_entry_no"
            | "credit_previous_entry_no"
            | "entry_no"
            | "line_no",
        ) => Some("entries"),
        ("entry_line", "voucher_id") | ("voucher", "number" | "first_entry_no" | "last_entry_no" | "total_minor") => {
            Some("vouchers")
        }
        ("hold_event", "hold_id" | "account_id" | "item_id" | "amount_minor") => Some("holds"),
        _ => None,
    }
}

fn every_changed_value_of_a_fact_is_found(database: &Database) {
    let mut exposed = Exposed::new(database);
    let mut cases = 0;
    for table in fact_tables().map(|table| table.name) {
        let columns = exposed.columns(table);
        let rows = exposed.rows(table);
        assert!(!rows.is_empty(), "{table} has rows to change");
        for row in &rows {
            for (place, column) in columns.iter().enumerate() {
                let mut tried = 0;
                for other in row[place].others(column) {
                    let what = format!("{table}.{} from {:?} to {other:?} in {row:?}", column.name, row[place]);
                    let Some(findings) = exposed.after(|tx| set(tx, table, &columns, row, place, &other)) else {
                        continue;
                    };
                    tried += 1;
                    let (check, place) = answer(table, &columns, row);
                    let found = finding(&findings, check);
                    if let Some(also) = also_fails(table, &column.name) {
                        assert_ne!(finding(&findings, also), "", "{what}: {also} must fail too: {findings:?}");
                    }
                    if !is_key(table, &column.name) {
                        assert!(found.starts_with(&place), "{what}: {findings:?}");
                    } else if check == "chain" {
                        assert!(found.starts_with("link "), "{what}: {findings:?}");
                    } else {
                        assert!(found.starts_with(&format!("{table} ")), "{what}: {findings:?}");
                    }
                }
                assert!(tried > 0, "{table}.{}: no change was possible", column.name);
                cases += tried;
            }
        }
    }
    assert!(cases > 1_000, "{cases} cases");
}

fn every_deleted_inserted_or_swapped_row_is_found(database: &Database) {
    let mut exposed = Exposed::new(database);
    for table in fact_tables().map(|table| table.name) {
        let columns = exposed.columns(table);
        let rows = exposed.rows(table);
        let found = |what: &str, findings: Option<Vec<Check>>| {
            let findings = findings.unwrap_or_else(|| panic!("{table}: {what}: a key stood in the way"));
            let (check, start) = if table.starts_with("chain_") {
                ("chain", "link ".to_owned())
            } else {
                ("facts", format!("{table} "))
            };
            assert!(finding(&findings, check).starts_with(&start), "{table}: {what}: {findings:?}");
        };
        for row in &rows {
            found(&format!("deleted {row:?}"), exposed.after(|tx| delete(tx, table, &columns, row)));
        }
        // Before the first, after the last, far away; in an entry also one line more.
        let ids: Vec<usize> = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| is_key(table, &column.name))
            .map(|(place, _)| place)
            .filter(|place| *place >= 2)
            .collect();
        for id in [i64::MIN, -1, 0, 90, 1_000_000, i64::MAX] {
            for row in [&rows[0], &rows[rows.len() - 1]] {
                let mut new = row.clone();
                for place in &ids {
                    new[*place] = Stored::Int(id);
                }
                // What else must be unique.
                for (place, column) in columns.iter().enumerate() {
                    match column.name.as_str() {
                        "code" | "month" => new[place] = Stored::Text(format!("new{id}")),
                        "account_id" if table == "closed_account" => new[place] = Stored::Int(id),
                        "reverses_entry_no" => new[place] = Stored::Null,
                        _ => {}
                    }
                }
                found(&format!("inserted {new:?}"), exposed.after(|tx| insert(tx, table, &columns, &new)));
            }
        }
        for pair in rows.windows(2) {
            // The keys stay where they are, everything else changes places.
            let swapped = |keys: &StoredRow, rest: &StoredRow| -> StoredRow {
                let choose = |(place, column): (usize, &Column)| {
                    if is_key(table, &column.name) && place < 4 { keys[place].clone() } else { rest[place].clone() }
                };
                columns.iter().enumerate().map(choose).collect()
            };
            let (first, second) = (swapped(&pair[0], &pair[1]), swapped(&pair[1], &pair[0]));
            // Parts of two tables may begin at the same id; then nothing has changed.
            if [&first, &second].iter().all(|row| pair.contains(row)) {
                continue;
            }
            let findings = exposed.after(|tx| {
                delete(tx, table, &columns, &pair[0])?;
                delete(tx, table, &columns, &pair[1])?;
                insert(tx, table, &columns, &first)?;
                insert(tx, table, &columns, &second)
            });
            if findings.is_some() || table != "chain_part" {
                found(&format!("swapped {pair:?}"), findings);
            }
        }
    }
}

/// What a state that was changed fails, by table and column.
fn check_of_state(table: &str, column: &str) -> &'static [&'static str] {
    match (table, column) {
        (_, "court_id" | "book_id") => &["balances", "items", "holds", "vouchers"],
        ("balance", "held_minor") => &["holds"],
        ("balance", _) => &["balances"],
        ("item_balance", "held_minor") => &["holds"],
        ("item_balance", _) => &["items", "holds"],
        ("hold", _) => &["holds"],
        ("voucher_number", _) => &["vouchers"],
        ("book_head", "next_entry_no") => &["entries"],
        ("book_head", _) => &["chain"],
        _ => panic!("{table}.{column}: which check answers for it?"),
    }
}

fn every_changed_state_is_found(database: &Database) {
    let mut exposed = Exposed::new(database);
    let facts: Vec<&str> = fact_tables().map(|table| table.name).collect();
    let states: Vec<String> = exposed
        .tables
        .keys()
        // A request is an answer that was given, and follows from nothing.
        .filter(|table| !facts.contains(&table.as_str()) && *table != "request")
        .cloned()
        .collect();
    assert_eq!(states, ["balance", "book_head", "hold", "item_balance", "voucher_number"]);
    for table in &states {
        let columns = exposed.columns(table);
        for row in exposed.rows(table) {
            for (place, column) in columns.iter().enumerate() {
                if table == "book_head" && matches!(column.name.as_str(), "court_id" | "book_id") {
                    continue; // Then there is no such book, which is an error of its own.
                }
                for other in row[place].others(column) {
                    // Ids may be left out; only one that is taken already is wrong.
                    if column.name == "next_id" && other.clone().is_at_least(&row[place]) {
                        continue;
                    }
                    let what = format!("{table}.{} from {:?} to {other:?} in {row:?}", column.name, row[place]);
                    let Some(findings) = exposed.after(|tx| set(tx, table, &columns, &row, place, &other)) else {
                        continue;
                    };
                    let expected = check_of_state(table, &column.name);
                    let named = findings.iter().any(|check| expected.contains(&check.name));
                    let empty = table == "item_balance" && row[4..] == [Stored::Int(0), Stored::Int(0)];
                    assert!(named || empty, "{what}: {findings:?}");
                    if (table.as_str(), column.name.as_str()) == ("balance", "posted_minor") {
                        assert_ne!(finding(&findings, "sums"), "", "{what}: {findings:?}");
                    }
                }
            }
            let deleted =
                exposed.after(|tx| if table == "book_head" { Ok(()) } else { delete(tx, table, &columns, &row) });
            let found = deleted.is_some_and(|findings| !findings.is_empty());
            let harmless = matches!(table.as_str(), "book_head")
                || (table == "item_balance" && row[4..] == [Stored::Int(0), Stored::Int(0)])
                || (table == "hold" && row[5] == Stored::Int(0));
            assert!(found || harmless, "deleted from {table}: {row:?}");
        }
    }
    // A number that no voucher has would leave a gap before the next one.
    let columns = exposed.columns("voucher_number");
    let row = vec![
        Stored::Int(1),
        Stored::Int(1),
        Stored::Text("2027-01".into()),
        Stored::Text("payment".into()),
        Stored::Int(3),
    ];
    let findings = exposed.after(|tx| insert(tx, "voucher_number", &columns, &row)).expect("goes in");
    assert_ne!(finding(&findings, "vouchers"), "");
}

impl Stored {
    fn is_at_least(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Int(one), Self::Int(two)) => one >= two,
            _ => false,
        }
    }
}

/// What the database's own checks would have refused.
fn a_balance_below_its_limit_is_found(database: &Database) {
    let mut exposed = Exposed::new(database);
    for (sql, check, says) in [
        ("UPDATE balance SET held_minor = posted_minor + 1 WHERE floor_minor = 0", "limits", "below its lower limit"),
        ("UPDATE item_balance SET held_minor = posted_minor + 1", "items", "below zero"),
        ("UPDATE item_balance SET held_minor = -1", "items", "below zero"),
    ] {
        let findings = exposed.after(|tx| execute(tx, sql).map(|_| ())).expect("no key in the way");
        assert!(finding(&findings, check).contains(says), "{sql}: {findings:?}");
    }
}

fn a_tail_that_was_cut_off_is_found_by_an_anchor(database: &Database) {
    let mut exposed = Exposed::new(database);
    let store = &mut exposed.store;
    let before = check_against(store, BOOK, &[]).head;
    act(store, |act, tx| Ok(act.close_month(tx, "2026-08")?)).expect("closes");
    let after = check_against(store, BOOK, &[before]).head;
    assert_eq!(check_against(store, BOOK, &[before, after]).first_finding(), None);
    let mut tx = store.begin().expect("begins");
    for sql in [
        format!("DELETE FROM chain_link WHERE link_no = {}", after.link_no),
        format!("DELETE FROM chain_part WHERE link_no = {}", after.link_no),
        "DELETE FROM closed_month WHERE month = '2026-08'".to_owned(),
    ] {
        assert_eq!(execute(&mut tx, &sql).expect("deletes"), 1);
    }
    tx.execute(
        "UPDATE book_head SET next_link_no = $1, link_hash = $2",
        &[after.link_no.into(), Value::Bytes(&before.hash)],
    )
    .expect("sets back");
    tx.commit().expect("commits");
    // By itself the book is whole again; only one who holds the later head can tell.
    assert_eq!(check_against(store, BOOK, &[before]).first_finding(), None);
    let report = check_against(store, BOOK, &[before, after]);
    let finding = report.first_finding().expect("found");
    assert_eq!(
        (finding.name, finding.finding.clone()),
        ("anchors", Some(format!("{after} is not a link of this chain")))
    );
}

fn a_head_of_another_book_is_no_anchor(database: &Database) {
    let (mut store, _) = full_book(database);
    let other = BookKey { court_id: 1, book_id: 2 };
    let mut tx = store.begin().expect("begins");
    let head = create_book(&mut tx, other, "救助金", 1, at()).expect("a book");
    tx.commit().expect("commits");
    assert_eq!(check_against(&mut store, other, &[head]).first_finding(), None);
    assert_eq!(check_against(&mut store, BOOK, &[head]).first_finding().map(|check| check.name), Some("anchors"));
}

crate::on_both!(
    every_changed_value_of_a_fact_is_found,
    every_deleted_inserted_or_swapped_row_is_found,
    every_changed_state_is_found,
    a_balance_below_its_limit_is_found,
    a_tail_that_was_cut_off_is_found_by_an_anchor,
    a_head_of_another_book_is_no_anchor,
);
