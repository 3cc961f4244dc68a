//! What the ledger costs beside the bare database: `cargo bench --bench ledger -- [--runs N] [--transfers N]
//! [--ten-million] [--no-batches] [--no-single] [--no-sqlite] [--no-postgres]`.
//!
//! SQLite is always measured; PostgreSQL when `DATABASE_URL` names a database in which schemas may be made. The
//! baseline runs in turn with what it is compared to: ratios are what counts, times only give the scale.
#![allow(clippy::float_arithmetic, reason = "times and ratios; no money is computed here")]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::Kind::Int;
use ankuan_ledger::engine::{Bulk, EngineKind, Migration, RowBytes, Statement, Table};
use ankuan_ledger::verify::verify;
use ankuan_ledger::{
    AccountId, Act, Amount, BookKey, Currency, Error, Failure, ItemId, Line, NewAccount, Place, Post, Poster, Side,
    Store, Value, VoucherHead, VoucherKind, schema,
};
use jiff::Timestamp;
use jiff::civil::date;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// As TigerBeetle's benchmark: accounts, and transfers in a batch.
const ACCOUNTS: usize = 10_000;
const BATCH: usize = 8_190;
const BOOK: BookKey = BookKey { court_id: 1, book_id: 1 };
const CLIENTS: u64 = 32;
const SPREAD_BOOKS: i64 = 256;
const SECONDS: u64 = 5;

/// The balance rows as raw writes need them.
static BALANCE: Table = Table {
    name: "balance",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("account_id", Int),
        ("floor_minor", Int),
        ("posted_minor", Int),
        ("held_minor", Int),
        ("last_entry_no", Int),
        ("is_open", Int),
    ],
    order: &["account_id"],
};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, default: usize| -> usize {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)?.parse().ok()).unwrap_or(default)
    };
    let runs = number("--runs", 3);
    let transfers = number("--transfers", 1_000_000);
    let ten_million = arguments.iter().any(|argument| argument == "--ten-million");
    let without = |name: &str| arguments.iter().any(|argument| argument.strip_prefix("--no-") == Some(name));
    machine();
    let mut servers = Vec::new();
    if !without("sqlite") {
        servers.push(Server::Sqlite(tempfile::tempdir()?));
    }
    match std::env::var("DATABASE_URL") {
        Ok(address) if !without("postgres") => servers.push(Server::Postgres(address)),
        Ok(_) => {}
        Err(_) => println!("PostgreSQL is left out: DATABASE_URL is not set"),
    }
    for server in &servers {
        server.settings()?;
        if !without("batches") {
            batches(server, transfers, runs)?;
        }
        if ten_million {
            growth(server)?;
        }
        if !without("single") {
            single(server, runs)?;
        }
    }
    Ok(())
}

// The machine and the databases

fn machine() {
    let first = |file: &str, key: &str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(key)).unwrap_or("?").to_owned();
        line.split_once(':').map_or(line.clone(), |(_, value)| value.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("machine: {}, {cores} cores", first("/proc/cpuinfo", "model name"));
    println!("memory: {}, kernel: {}", first("/proc/meminfo", "MemTotal"), first("/proc/sys/kernel/osrelease", ""));
}

/// Peak of resident memory in KiB since the last [`forget_peak`].
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

enum Server {
    Sqlite(tempfile::TempDir),
    Postgres(String),
}

impl Server {
    /// An empty database of that name with the ledger's tables, with or without the triggers on facts.
    fn fresh(&self, name: &str, triggers: bool) -> Result<Store> {
        let mut store = match self {
            Self::Sqlite(folder) => {
                for end in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(folder.path().join(format!("{name}.db{end}")));
                }
                Store::open(&format!("sqlite:{}", folder.path().join(format!("{name}.db")).display()))?
            }
            Self::Postgres(address) => {
                let mut admin = Store::open(address)?;
                run(&mut admin, format!("DROP SCHEMA IF EXISTS bench_{name} CASCADE"))?;
                run(&mut admin, format!("CREATE SCHEMA bench_{name}"))?;
                let mark = if address.contains('?') { '&' } else { '?' };
                Store::open(&format!("{address}{mark}options=-csearch_path%3Dbench_{name}"))?
            }
        };
        let facts = if triggers { schema::MIGRATION.facts } else { &[] };
        store.migrate(&[Migration { facts, ..schema::MIGRATION }])?;
        Ok(store)
    }

    fn settings(&self) -> Result<()> {
        let names: &[&str] = match self {
            Self::Sqlite(_) => &["journal_mode", "synchronous", "cache_size", "page_size"],
            Self::Postgres(_) => {
                &["server_version", "fsync", "synchronous_commit", "shared_buffers", "max_wal_size", "full_page_writes"]
            }
        };
        let mut store = self.fresh("settings", false)?;
        println!("\n== {} ==", store.engine());
        let mut tx = store.begin()?;
        for name in names {
            let text = match self {
                Self::Sqlite(_) => format!("SELECT CAST({name} AS TEXT) FROM pragma_{name}"),
                Self::Postgres(_) => format!("SHOW {name}"),
            };
            let value = tx.query_one(leak(text), &[], |row| Ok(row.text(0)?.to_owned()))?;
            print!("{name} = {value}; ");
        }
        println!();
        Ok(())
    }

    /// Rows and bytes of the tables that grow.
    fn sizes(&self, store: &mut Store) -> Result<()> {
        let mut tx = store.snapshot()?;
        for table in ["entry_line", "voucher", "chain_part", "chain_link", "balance"] {
            let count =
                tx.query_one(leak(format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}")), &[], |row| row.int(0))?;
            print!("  {table}: {count} rows");
            if let Self::Postgres(_) = self {
                let bytes =
                    tx.query_one(leak(format!("SELECT pg_total_relation_size('{table}')::bigint")), &[], |row| {
                        row.int(0)
                    })?;
                print!(", {bytes} bytes");
            }
        }
        if let Self::Sqlite(_) = self {
            let bytes =
                tx.query_one("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", &[], |row| {
                    row.int(0)
                })?;
            print!("; {bytes} bytes in all");
        }
        println!();
        Ok(())
    }
}

/// Statements are `'static`; a bench may keep a few for good.
fn leak(text: String) -> Statement {
    Statement::new(Box::leak(text.into_boxed_str()))
}

fn run(store: &mut Store, text: String) -> Result<()> {
    let mut tx = store.begin()?;
    tx.execute(leak(text), &[])?;
    Ok(tx.commit()?)
}

/// What the server owes the disk from before is not this run's.
fn settle(store: &mut Store) -> Result<()> {
    if store.engine() == EngineKind::Postgres {
        run(store, "CHECKPOINT".into())?;
    }
    Ok(())
}

// What is posted

/// Always the same numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % limit
    }

    fn transfer(&mut self, accounts: &[AccountId]) -> Line {
        let from = self.below(accounts.len());
        let to = (from + 1 + self.below(accounts.len() - 1)) % accounts.len();
        let place = |account: usize| Place { account: accounts[account], item: ItemId::NONE };
        let amount = Amount::from_minor(1 + i64::try_from(self.below(10_000)).unwrap_or(0));
        Line { debit: place(from), credit: place(to), amount }
    }
}

fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap_or_default()
}

fn voucher() -> VoucherHead<'static> {
    VoucherHead {
        kind: VoucherKind::Transfer,
        accounting_date: date(2026, 11, 22),
        event: "bench.transfer",
        summary: "划转",
        attachments: 0,
    }
}

fn new(code: &str, side: Side, floor: Option<Amount>) -> NewAccount<'_> {
    NewAccount {
        kind: "bench",
        code,
        name: "案款",
        normal_side: side,
        currency: Currency::CNY,
        case_id: None,
        floor,
        item_floor: false,
    }
}

/// A book with so many accounts, each with a floor of zero and enough money.
fn book(store: &mut Store, book: BookKey, count: usize) -> Result<Vec<AccountId>> {
    let mut tx = store.begin()?;
    create_book(&mut tx, book, "案款", 1, at())?;
    let mut act = Act::open(&mut tx, book, "bench.open", 1, at())?;
    let mut accounts = Vec::with_capacity(count);
    let bank = act.open_account(&mut tx, &new("bank", Side::Debit, None))?;
    for account in 0..count {
        accounts.push(act.open_account(&mut tx, &new(&account.to_string(), Side::Credit, Some(Amount::ZERO)))?);
    }
    act.begin_voucher(&mut tx, &voucher())?;
    let place = |account| Place { account, item: ItemId::NONE };
    for account in &accounts {
        let line = Line { debit: place(bank), credit: place(*account), amount: Amount::from_minor(1_000_000_000_000) };
        act.post(&mut tx, &[line])?;
    }
    act.close(&mut tx)?;
    tx.commit()?;
    Ok(accounts)
}

// Batches

/// Posts transfers in batches, each durable; returns the time and each batch's first and last entry.
fn post(store: &mut Store, accounts: &[AccountId], transfers: usize) -> Result<(Duration, Vec<(i64, i64)>)> {
    let mut numbers = Numbers(transfers as u64);
    let mut batches = Vec::new();
    let mut known = None;
    let begin = Instant::now();
    let mut left = transfers;
    while left > 0 {
        let count = left.min(BATCH);
        let mut tx = store.begin()?;
        let mut act = Act::open(&mut tx, BOOK, "bench.batch", 1, at())?;
        if let Some(known) = known.take() {
            act.recall(known);
        }
        act.load_accounts(&mut tx, accounts.iter().copied())?;
        act.begin_voucher(&mut tx, &voucher())?;
        let mut range = (0, 0);
        for _ in 0..count {
            match act.post(&mut tx, &[numbers.transfer(accounts)]) {
                Ok(entry) => range = (if range.0 == 0 { entry.0 } else { range.0 }, entry.0),
                Err(Failure::Refused(_)) => {}
                Err(Failure::Broken(error)) => return Err(error.into()),
            }
        }
        known = Some(act.close_knowing(&mut tx)?.1);
        tx.commit()?;
        batches.push(range);
        left -= count;
    }
    Ok((begin.elapsed(), batches))
}

/// Raw writes of what the batches left: time in all, and of it for the balances.
struct Raw {
    all: Duration,
    balances: Duration,
}

fn raw(ledger: &mut Store, bare: &mut Store, batches: &[(i64, i64)]) -> Result<Raw> {
    let mut known = ledger.snapshot()?;
    let mut tx = bare.begin()?;
    let mut rows = Bulk::new(&BALANCE);
    known.scan(&BALANCE, BOOK.court_id, BOOK.book_id, (0, i64::MAX), |row| {
        let mut values = [Value::Null; 8];
        for (column, value) in values.iter_mut().enumerate() {
            *value = row.value(column, Int)?;
        }
        rows.push(&mut tx, &values)
    })?;
    rows.finish(&mut tx)?;
    tx.commit()?;
    drop(known);
    settle(bare)?;
    let (mut all, mut balances) = (Duration::ZERO, Duration::ZERO);
    for range in batches {
        // Read what the batch wrote, in the form in which it goes out again. This is not timed. The snapshot ends
        // before the clock starts: on PostgreSQL an open one would keep the old versions of balances alive.
        let mut known = ledger.snapshot()?;
        let mut changed: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        let mut lines = Vec::new();
        let mut voucher_id = 0;
        known.scan(&schema::ENTRY_LINE, BOOK.court_id, BOOK.book_id, *range, |row| {
            changed.insert(row.int(5)?, (row.int(10)?, row.int(2)?));
            changed.insert(row.int(7)?, (row.int(11)?, row.int(2)?));
            voucher_id = row.int(4)?;
            lines.push(encode(&schema::ENTRY_LINE, row)?);
            Ok::<(), Error>(())
        })?;
        let mut others: Vec<(&'static Table, RowBytes)> = Vec::new();
        known.scan(&schema::VOUCHER, BOOK.court_id, BOOK.book_id, (voucher_id, voucher_id), |row| {
            others.push((&schema::VOUCHER, encode(&schema::VOUCHER, row)?));
            Ok::<(), Error>(())
        })?;
        let mut link_no = 0;
        for first in [range.0, voucher_id] {
            known.scan(&schema::CHAIN_PART, BOOK.court_id, BOOK.book_id, (first, first), |row| {
                // Entry numbers and ids are two counters, so another act's part may begin with the same number.
                if (row.text(2)? == "entry_line") == (first == range.0) {
                    link_no = row.int(5)?;
                    others.push((&schema::CHAIN_PART, encode(&schema::CHAIN_PART, row)?));
                }
                Ok::<(), Error>(())
            })?;
        }
        known.scan(&schema::CHAIN_LINK, BOOK.court_id, BOOK.book_id, (link_no, link_no), |row| {
            others.push((&schema::CHAIN_LINK, encode(&schema::CHAIN_LINK, row)?));
            Ok::<(), Error>(())
        })?;
        let balance_rows: Vec<Value<'_>> = changed
            .into_iter()
            .flat_map(|(account, (after, entry))| [BOOK.court_id, BOOK.book_id, account, after, entry].map(Value::Int))
            .collect();

        drop(known);
        let begin = Instant::now();
        let mut tx = bare.begin()?;
        let mut bulk = Bulk::new(&schema::ENTRY_LINE);
        for line in &lines {
            bulk.push_bytes(&mut tx, line.as_bytes())?;
        }
        bulk.finish(&mut tx)?;
        for (table, row) in &others {
            let mut bulk = Bulk::new(table);
            bulk.push_bytes(&mut tx, row.as_bytes())?;
            bulk.finish(&mut tx)?;
        }
        let before = Instant::now();
        let key = ["court_id", "book_id", "account_id"];
        tx.update_many("balance", &key, &["posted_minor", "last_entry_no"], &balance_rows)?;
        balances += before.elapsed();
        tx.commit()?;
        all += begin.elapsed();
    }
    Ok(Raw { all, balances })
}

fn encode(table: &Table, row: &ankuan_ledger::engine::Row<'_>) -> std::result::Result<RowBytes, Error> {
    let mut bytes = RowBytes::default();
    bytes.begin(table.columns.len());
    for (column, (_, kind)) in table.columns.iter().enumerate() {
        bytes.value(row.value(column, *kind)?);
    }
    Ok(bytes)
}

fn batches(server: &Server, transfers: usize, runs: usize) -> Result<()> {
    println!("\nA4. {transfers} transfers over {ACCOUNTS} accounts, batches of {BATCH}, each durable");
    println!("  ledger: floors checked, balances after and previous entries kept, SHA-256 chain, triggers on facts");
    println!("  raw: the same rows of entry_line, voucher, chain_part, chain_link by Bulk and the same changes of");
    println!("       balance by update_many, same tables and indexes, no triggers, in the same batches, each durable");
    let (mut ratios, mut narrow, mut rates, mut raws) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut verified, mut walks) = (Vec::new(), Vec::new());
    for run in 1..=runs {
        let mut store = server.fresh("ledger", true)?;
        let accounts = book(&mut store, BOOK, ACCOUNTS)?;
        settle(&mut store)?;
        let (time, ranges) = post(&mut store, &accounts, transfers)?;
        let mut bare = server.fresh("raw", false)?;
        let raw = raw(&mut store, &mut bare, &ranges)?;
        let seconds = time.as_secs_f64();
        ratios.push(seconds / raw.all.as_secs_f64());
        narrow.push(seconds / (raw.all - raw.balances).as_secs_f64());
        rates.push(transfers as f64 / seconds);
        raws.push(transfers as f64 / raw.all.as_secs_f64());
        println!(
            "  run {run}: ledger {seconds:.2} s, raw {:.2} s (of it balances {:.2} s)",
            raw.all.as_secs_f64(),
            raw.balances.as_secs_f64()
        );
        drop(bare);
        verified.push(verify_rate(&mut store)?);
        // As autovacuum does within a minute: before it, PostgreSQL takes the new tables for nearly empty.
        if store.engine() == EngineKind::Postgres {
            self::run(&mut store, "ANALYZE".into())?;
        }
        walks.push(walk(&mut store, &accounts)?);
        if run == runs {
            server.sizes(&mut store)?;
        }
    }
    println!(
        "  median: {:.0} transfers/s, raw {:.0}/s, ratio {:.2} (to the inserts alone, without balances: {:.2})",
        median(&mut rates),
        median(&mut raws),
        median(&mut ratios),
        median(&mut narrow)
    );
    println!("A6. verify: {:.0} postings/s (median)", median(&mut verified));
    println!("history: the newest 100 postings of an account in {:.2} ms (median)", median(&mut walks));
    Ok(())
}

fn verify_rate(store: &mut Store) -> Result<f64> {
    forget_peak();
    let before = peak_kib();
    let begin = Instant::now();
    let mut tx = store.snapshot()?;
    let report = verify(&mut tx, BOOK, schema::FACTS, &[], &mut |_| ())?;
    let seconds = begin.elapsed().as_secs_f64();
    if let Some(finding) = report.first_finding() {
        return Err(format!("the book does not verify: {finding:?}").into());
    }
    let rate = report.postings as f64 / seconds;
    let after = peak_kib();
    println!("    verify {} postings: {seconds:.2} s, {rate:.0}/s; peak {before} -> {after} KiB", report.postings);
    Ok(rate)
}

/// Milliseconds to read an account's newest 100 postings, from its balance back by the entry before each.
fn walk(store: &mut Store, accounts: &[AccountId]) -> Result<f64> {
    const WALK: &str = "WITH RECURSIVE walk (entry_no, place, amount_minor) AS ( \
           SELECT last_entry_no, 0, CAST(0 AS BIGINT) FROM balance \
            WHERE court_id = $1 AND book_id = $2 AND account_id = $3 \
         UNION ALL \
           SELECT CASE WHEN e.debit_account_id = $3 THEN e.debit_previous_entry_no \
                       ELSE e.credit_previous_entry_no END, w.place + 1, e.amount_minor \
             FROM walk AS w JOIN entry_line AS e ON e.court_id = $1 AND e.book_id = $2 \
              AND e.entry_no = w.entry_no AND e.line_no = 1 WHERE w.place < 100 \
         ) SELECT entry_no, amount_minor FROM walk WHERE place > 0";
    let mut times = Vec::new();
    let mut tx = store.snapshot()?;
    for account in accounts.iter().take(20) {
        let begin = Instant::now();
        let key = [BOOK.court_id.into(), BOOK.book_id.into(), account.0.into()];
        let rows = tx.query(WALK, &key, |row| Ok((row.int(0)?, row.int(1)?)))?;
        times.push(begin.elapsed().as_secs_f64() * 1_000.0);
        assert!(rows.len() <= 100);
    }
    Ok(median(&mut times))
}

fn growth(server: &Server) -> Result<()> {
    let mut store = server.fresh("ledger", true)?;
    let accounts = book(&mut store, BOOK, ACCOUNTS)?;
    settle(&mut store)?;
    let mut rates = Vec::new();
    for million in 1..=10 {
        let (time, _) = post(&mut store, &accounts, 1_000_000)?;
        rates.push(1_000_000.0 / time.as_secs_f64());
        println!("  million {million}: {:.0} transfers/s", rates[rates.len() - 1]);
    }
    let whole = 10.0 / rates.iter().map(|rate| 1.0 / rate).sum::<f64>();
    println!("growth: 10 million at {whole:.0}/s, the first at {:.0}/s: {:.2}", rates[0], whole / rates[0]);
    verify_rate(&mut store)?;
    server.sizes(&mut store)
}

// One post a call

fn single(server: &Server, runs: usize) -> Result<()> {
    println!(
        "\nA5. one post a call, {CLIENTS} threads, {SECONDS} s: a voucher, an entry, two balances, a link a group"
    );
    let (mut spread, mut one, mut peer) = (Vec::new(), Vec::new(), Vec::new());
    let mut store = server.fresh("single", true)?;
    let mut books = Vec::new();
    for number in 1..=SPREAD_BOOKS {
        let key = BookKey { court_id: 1, book_id: number };
        books.push((key, book(&mut store, key, if number == 1 { 1_000 } else { 4 })?));
    }
    for run in 1..=runs {
        spread.push(posts_a_second(&store, &books)?);
        if let Server::Postgres(address) = server
            && let Some(rate) = pgbench(address, run == 1)
        {
            peer.push(rate);
        }
        one.push(posts_a_second(&store, &books[..1])?);
    }
    let (spread, one) = (median(&mut spread), median(&mut one));
    println!("  over {SPREAD_BOOKS} books: {spread:.0} posts/s; over one book: {one:.0} posts/s (medians of {runs})");
    if !peer.is_empty() {
        let peer = median(&mut peer);
        println!("  pgbench TPC-B -c {CLIENTS} -j 2: {peer:.0}/s; ratios {:.2} and {:.2}", spread / peer, one / peer);
    }
    for (book, _) in [&books[0], &books[books.len() - 1]] {
        let mut tx = store.snapshot()?;
        let report = verify(&mut tx, *book, schema::FACTS, &[], &mut |_| ())?;
        if let Some(finding) = report.first_finding() {
            return Err(format!("the book does not verify: {finding:?}").into());
        }
    }
    Ok(())
}

fn posts_a_second(store: &Store, books: &[(BookKey, Vec<AccountId>)]) -> Result<f64> {
    let poster = Poster::start(store.reopen()?, 1, at)?;
    let done = AtomicU64::new(0);
    let begin = Instant::now();
    let end = begin + Duration::from_secs(SECONDS);
    std::thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (poster, done) = (&poster, &done);
            scope.spawn(move || {
                let mut numbers = Numbers(client);
                while Instant::now() < end {
                    let (book, accounts) = &books[numbers.below(books.len())];
                    let posted = poster.post(Post {
                        book: *book,
                        actor_id: 1,
                        kind: VoucherKind::Transfer,
                        accounting_date: date(2026, 11, 22),
                        event: "bench.post".into(),
                        summary: "划转".into(),
                        attachments: 0,
                        lines: vec![numbers.transfer(accounts)],
                        request_key: None,
                    });
                    match posted {
                        Ok(_) => done.fetch_add(1, Ordering::Relaxed),
                        Err(error) => panic!("{error}"),
                    };
                }
            });
        }
    });
    Ok(done.into_inner() as f64 / begin.elapsed().as_secs_f64())
}

/// Transactions a second of PostgreSQL's own benchmark in the same database.
fn pgbench(address: &str, initialize: bool) -> Option<f64> {
    let run = |arguments: &[&str]| {
        let output = Command::new("pgbench").args(arguments).arg(address).output();
        match output {
            Ok(output) if output.status.success() => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
            Ok(output) => {
                println!("  pgbench: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(error) => {
                println!("  pgbench is left out: {error}");
                None
            }
        }
    };
    if initialize {
        run(&["-i", "-q", "-s", "32"])?;
    }
    let text = run(&["-c", &CLIENTS.to_string(), "-j", "2", "-T", &SECONDS.to_string()])?;
    let line = text.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}
