//! What the benches share: the machine, the databases, the baseline of raw writes, and how figures are printed.
#![allow(dead_code, reason = "each bench uses its part")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use ankuan::books;
use ankuan::schema::{MIGRATIONS, facts};
use ankuan_ledger::engine::{Bulk, EngineKind, Migration, Row, RowBytes, Statement, Table};
use ankuan_ledger::schema::{CHAIN_LINK, CHAIN_PART};
use ankuan_ledger::{Error, Store};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The court of the benches.
pub const COURT: i64 = 1;

/// The number behind an argument, else the default.
pub fn number(name: &str, default: u64) -> u64 {
    let arguments: Vec<String> = std::env::args().collect();
    let place = arguments.iter().position(|argument| argument == name);
    place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
}

/// Whether `--no-NAME` was given.
pub fn without(name: &str) -> bool {
    std::env::args().any(|argument| argument.strip_prefix("--no-") == Some(name))
}

pub fn machine() -> String {
    let first = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or("?").to_owned();
        line.split_once(':').map_or(line.clone(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Machine: {}, {cores} cores, {} of memory, Linux {}; load before the first run {}.",
        first("/proc/cpuinfo", "model name"),
        first("/proc/meminfo", "MemTotal"),
        first("/proc/sys/kernel/osrelease", ""),
        first("/proc/loadavg", "")
    )
}

pub enum Server {
    Sqlite,
    Postgres(String),
}

impl Server {
    pub const fn kind(&self) -> EngineKind {
        match self {
            Self::Sqlite => EngineKind::Sqlite,
            Self::Postgres(_) => EngineKind::Postgres,
        }
    }

    /// A file in the folder, or a schema of the database.
    pub fn address(&self, folder: &Path, name: &str) -> String {
        match self {
            Self::Sqlite => format!("sqlite:{}", folder.join(format!("{name}.db")).display()),
            Self::Postgres(address) => {
                let mark = if address.contains('?') { '&' } else { '?' };
                format!("{address}{mark}options=-csearch_path%3Dbench_{name}")
            }
        }
    }

    pub fn open(&self, folder: &Path, name: &str) -> Result<Store> {
        Ok(Store::open(&self.address(folder, name))?)
    }

    /// Makes room for an empty database of that name. What the server owes the disk from before is not this run's.
    pub fn clear(&self, folder: &Path, name: &str) -> Result<()> {
        match self {
            Self::Sqlite => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(folder.join(format!("{name}.db{end}")));
                }
            }
            Self::Postgres(address) => {
                let mut admin = Store::open(address)?;
                for text in ["DROP SCHEMA IF EXISTS bench_{} CASCADE", "CREATE SCHEMA bench_{}", "CHECKPOINT"] {
                    let mut tx = admin.begin()?;
                    tx.execute(leak(text.replace("{}", name)), &[])?;
                    tx.commit()?;
                }
            }
        }
        Ok(())
    }

    /// The baseline: the rows into empty tables, in one durable transaction. Returns the seconds.
    pub fn insert(&self, folder: &Path, rows: &Rows) -> Result<f64> {
        let mut store = self.raw(folder)?;
        let begin = Instant::now();
        let mut tx = store.begin()?;
        for (table, rows) in &rows.0 {
            let mut bulk = Bulk::new(table);
            for row in rows {
                bulk.push_bytes(&mut tx, row)?;
            }
            bulk.finish(&mut tx)?;
        }
        tx.commit()?;
        Ok(begin.elapsed().as_secs_f64())
    }

    /// Empty copies of the tables, without triggers.
    pub fn raw(&self, folder: &Path) -> Result<Store> {
        self.clear(folder, "raw")?;
        let mut store = self.open(folder, "raw")?;
        let bare: Vec<Migration> = MIGRATIONS.iter().map(|step| Migration { facts: &[], ..*step }).collect();
        store.migrate(&bare)?;
        Ok(store)
    }

    /// Settings, and what a run left in each table.
    pub fn describe(&self, store: &mut Store, what: &str, rows: &Rows) -> Result<()> {
        let names: &[&str] = match self {
            Self::Sqlite => &["journal_mode", "synchronous", "cache_size", "page_size"],
            Self::Postgres(_) => {
                &["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "full_page_writes"]
            }
        };
        let mut tx = store.snapshot()?;
        let mut settings = Vec::new();
        for name in names {
            let text = match self {
                Self::Sqlite => format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
                Self::Postgres(_) => format!("SHOW {name}"),
            };
            let value = tx.query_one(leak(text), &[], |row| Ok(row.text(0)?.to_owned()))?;
            settings.push(format!("{name} = {value}"));
        }
        println!("\n### {}\n\nSettings: {}.", self.kind(), settings.join(", "));
        println!("\nRows that {what} leaves, indexes included in the bytes:\n");
        println!("| table | rows | bytes |\n|---|---:|---:|");
        let mut counts: Vec<(&Table, usize)> = rows.0.iter().map(|(table, rows)| (*table, rows.len())).collect();
        counts.sort_by_key(|(table, count)| (std::cmp::Reverse(*count), table.name));
        for (table, count) in counts {
            let text = match self {
                Self::Sqlite => format!(
                    "SELECT SUM(s.pgsize) FROM dbstat AS s JOIN sqlite_master AS m ON m.name = s.name \
                     WHERE s.aggregate = TRUE AND m.tbl_name = '{}'",
                    table.name
                ),
                Self::Postgres(_) => format!("SELECT pg_total_relation_size('{}')::bigint", table.name),
            };
            let bytes = tx.query_one(leak(text), &[], |row| row.int(0))?;
            println!("| {} | {count} | {bytes} |", table.name);
        }
        Ok(())
    }
}

/// Statements are `'static`; a bench may keep a few for good.
fn leak(text: String) -> Statement {
    Statement::new(Box::leak(text.into_boxed_str()))
}

/// Rows by table, in the form in which they go out again.
pub struct Rows(pub Vec<(&'static Table, Vec<Vec<u8>>)>);

impl Rows {
    /// All that stands in the book of case money: its facts, its chain, and what is kept in the tables `beside`.
    pub fn of_book(store: &mut Store, beside: &[&'static Table]) -> Result<Self> {
        let chain: [&'static Table; 2] = [&CHAIN_LINK, &CHAIN_PART];
        let mut rows = Self(Vec::new());
        for table in facts().into_iter().chain(chain).chain(beside.iter().copied()) {
            rows.take(store, books::CASE_MONEY, table, (i64::MIN, i64::MAX), |_| Ok(true))?;
        }
        Ok(rows)
    }

    /// What the acts of that name wrote: what their links of the chain cover, the links themselves, and what is kept in
    /// the tables `beside`.
    pub fn of_act(store: &mut Store, act: &str, beside: &[&'static Table]) -> Result<Self> {
        let mut rows = Self::of_act_in(store, books::CASE_MONEY, act)?;
        for table in beside {
            rows.take(store, books::CASE_MONEY, table, (i64::MIN, i64::MAX), |_| Ok(true))?;
        }
        Ok(rows)
    }

    /// What the acts of that name wrote in a book: what their links cover, and the links.
    pub fn of_act_in(store: &mut Store, book_id: i64, act: &str) -> Result<Self> {
        Self::of_links(store, book_id, |name, _| name == act)
    }

    /// What the acts from a link on wrote in a book.
    pub fn of_acts_after(store: &mut Store, book_id: i64, first_link: i64) -> Result<Self> {
        Self::of_links(store, book_id, |_, link_no| link_no >= first_link)
    }

    fn of_links(store: &mut Store, book_id: i64, wanted: impl Fn(&str, i64) -> bool) -> Result<Self> {
        let mut parts = Vec::new();
        store.snapshot()?.each(
            "SELECT p.table_name, p.first_id, p.last_id, p.link_no, l.act FROM chain_part AS p JOIN chain_link AS l \
             ON l.court_id = p.court_id AND l.book_id = p.book_id AND l.link_no = p.link_no \
             WHERE p.court_id = $1 AND p.book_id = $2 ORDER BY p.table_name, p.first_id",
            &[COURT.into(), book_id.into()],
            |row| {
                if wanted(row.text(4)?, row.int(3)?) {
                    parts.push((row.text(0)?.to_owned(), (row.int(1)?, row.int(2)?), row.int(3)?));
                }
                Ok::<(), Error>(())
            },
        )?;
        let links: BTreeSet<i64> = parts.iter().map(|(.., link_no)| *link_no).collect();
        if links.is_empty() {
            return Err("there was no such act".into());
        }
        let mut rows = Self(Vec::new());
        for table in facts() {
            for (_, ids, _) in parts.iter().filter(|(name, ..)| name == table.name) {
                rows.take(store, book_id, table, *ids, |_| Ok(true))?;
            }
        }
        let all = (i64::MIN, i64::MAX);
        rows.take(store, book_id, &CHAIN_LINK, all, |row| Ok(links.contains(&row.int(2)?)))?;
        rows.take(store, book_id, &CHAIN_PART, all, |row| Ok(links.contains(&row.int(5)?)))?;
        Ok(rows)
    }

    /// Adds the rows of a table in a book that are wanted.
    pub fn take(
        &mut self,
        store: &mut Store,
        book_id: i64,
        table: &'static Table,
        ids: (i64, i64),
        mut wanted: impl FnMut(&Row<'_>) -> std::result::Result<bool, Error>,
    ) -> Result<()> {
        let mut rows = Vec::new();
        store.snapshot()?.scan(table, COURT, book_id, ids, |row| {
            if wanted(row)? {
                rows.push(encode(table, row)?);
            }
            Ok::<(), Error>(())
        })?;
        self.add(table, rows);
        Ok(())
    }

    fn add(&mut self, table: &'static Table, mut rows: Vec<Vec<u8>>) {
        match self.0.iter_mut().find(|(known, _)| known.name == table.name) {
            Some((_, known)) => known.append(&mut rows),
            None if rows.is_empty() => {}
            None => self.0.push((table, rows)),
        }
    }

    /// These and those of a later act.
    pub fn and(mut self, later: Self) -> Self {
        for (table, rows) in later.0 {
            self.add(table, rows);
        }
        self
    }
}

fn encode(table: &Table, row: &Row<'_>) -> std::result::Result<Vec<u8>, Error> {
    let mut bytes = RowBytes::default();
    bytes.begin(table.columns.len());
    for (column, (_, kind)) in table.columns.iter().enumerate() {
        bytes.value(row.value(column, *kind)?);
    }
    Ok(bytes.as_bytes().to_vec())
}

/// The head of a table of figures.
pub fn print_head() {
    println!("| | median | min–max | target |\n|---|---:|---:|---:|");
}

/// One figure: its median, and between what it lay.
pub fn print_row(what: &str, values: &[f64], unit: &str, digits: usize, target: &str) {
    let sorted = sorted(values);
    let (least, most) = (sorted.first().unwrap_or(&0.0), sorted.last().unwrap_or(&0.0));
    println!("| {what} | {:.digits$}{unit} | {least:.digits$}–{most:.digits$} | {target} |", median(values));
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

pub fn median(values: &[f64]) -> f64 {
    sorted(values).get(values.len() / 2).copied().unwrap_or(0.0)
}
