//! What a day of orders on assets costs beside the raw read and write of the rows that change:
//! `cargo bench --bench assets [-- --assets N --ending N --runs R --no-sqlite --no-postgres]`.
//!
//! 100,000 orders in 1,000 cases, two on each of 50,000 accounts: the first in force, the second in the waiting list. On
//! one day a few of the first end; on the next all others do. Each day is the run of the day (lapses, promotions, both in
//! the book and mirrored in the memorandum, one transaction) and the reading of the orders that end within 30 days.
//!
//! The baseline runs in turn with it: the rows of the orders that change and of the alarms, read whole by plain
//! statements, and the rows that the run left (facts, chain, states of orders and balances that changed),
//! inserted again into empty copies of the same tables (same columns, keys and indexes; no triggers, no chain to
//! compute) by the engine's fastest way, in one durable transaction. That the states are changed rows and not new ones is
//! not counted for us.
//!
//! SQLite is always measured; PostgreSQL when `DATABASE_URL` names a database in which schemas may be made. What is
//! printed is Markdown, and all of it was measured in this run.
#![allow(clippy::float_arithmetic, reason = "times and ratios; no money is computed here")]
#![allow(missing_docs)]

mod shared;

use std::collections::BTreeSet;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use ankuan::access::{self, Acting, Role};
use ankuan::assets::day::{ending, run_day};
use ankuan::assets::measures::{Beside, MEASURE, MEASURE_EVENT, Writer, load_many, write_states};
use ankuan::assets::register::ASSET;
use ankuan::assets::rules::{Fact, What};
use ankuan::chart::{self, NewCourt};
use ankuan::clock::Clock;
use ankuan::schema::MIGRATIONS;
use ankuan::{Outcome, books, cases};
use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{EngineKind, Table, Value};
use ankuan_ledger::schema::ITEM_BALANCE;
use ankuan_ledger::{Act, Amount, Store};
use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use shared::{COURT, Result, Rows, Server, machine, median, number, print_head, print_row as row, without};

const HANDLER: &str = "承办人";
const KEEPER: &str = "案款管理员";
const CASES: i64 = 1_000;
const FROZEN_MINOR: i64 = 123_456;
/// The orders were given on this day, and took effect on it or on the next.
const ORDERED: Date = date(2025, 11, 20);
/// The first run of a day: what took effect first is over.
const FIRST: Date = date(2026, 11, 21);
/// The second: all others are.
const SECOND: Date = date(2026, 11, 22);
const ACCOUNTS_A_PAGE: usize = 5_000;

static MEASURE_STATE: Table = Table {
    name: "measure_state",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("measure_id", Int),
        ("asset_id", Int),
        ("status", Text),
        ("line_no", Int),
        ("since", Text),
        ("ends_on", Text),
        ("frozen_minor", Int),
        ("deducted_minor", Int),
    ],
    order: &["measure_id"],
};

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
    let (assets, runs) = (number("--assets", 50_000), number("--runs", 3));
    let few = number("--ending", 500);
    println!("Measured on {}. {}", Clock::system().today_in_shanghai(), machine());
    if !without("sqlite") {
        measure(&Server::Sqlite, assets, few, runs)?;
    }
    match std::env::var("DATABASE_URL") {
        Ok(address) if !without("postgres") => measure(&Server::Postgres(address), assets, few, runs)?,
        _ => println!("\nPostgreSQL was not measured: DATABASE_URL is not set, or --no-postgres was given."),
    }
    Ok(())
}

fn say<T>(outcome: Outcome<T>) -> Result<T> {
    outcome.map_err(|failure| format!("{failure:?}").into())
}

fn at(day: Date) -> Result<Timestamp> {
    // Ten in the morning of the day in China.
    Ok(day.at(2, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC)?.timestamp())
}

fn acting(tx: &mut ankuan_ledger::Tx<'_>, name: &str, day: Date) -> Result<Acting> {
    Ok(Acting { actor: say(access::find_actor(tx, COURT, name))?, at: at(day)?, date: day })
}

/// A court with its people and cases, and on each account one order in force and one that waits; `few` of the first took
/// effect a day before the others.
fn open_court(server: &Server, folder: &Path, assets: u64, few: u64) -> Result<()> {
    server.clear(folder, "run")?;
    let mut store = server.open(folder, "run")?;
    store.migrate(MIGRATIONS)?;
    let mut tx = store.begin()?;
    let new = NewCourt {
        court_id: COURT,
        name: "某某市某某区人民法院",
        admin_name: "管理员",
        chart_file: chart::DEFAULT_FILE,
        chart_text: chart::DEFAULT,
    };
    let admin = say(chart::open_court(&mut tx, &new, ORDERED, at(ORDERED)?))?;
    for (name, role) in [(HANDLER, Role::Handler), (KEEPER, Role::FundKeeper)] {
        let person = say(access::add_person(&mut tx, &admin, name))?;
        say(access::grant(&mut tx, &admin, &person, role, ORDERED, "任命"))?;
    }
    let chart = say(chart::load(&mut tx, COURT))?;
    let handler = acting(&mut tx, HANDLER, ORDERED)?;
    let mut case_ids = Vec::new();
    for number in 0..CASES {
        let name = format!("（2025）浙0106执{}号", number + 1);
        case_ids.push(say(cases::open_case(&mut tx, &handler, &chart, &name, "张三申请执行", ORDERED))?.case_id);
    }
    let mut act = say(handler.open_act(&mut tx, books::CASE_MONEY, "bench.orders"))?;
    let all = register(&mut tx, &mut act, &case_ids, assets)?;
    act.close(&mut tx)?;
    tx.commit()?;
    answer(&mut store, &all, few)
}

/// The accounts and the orders on them, as they were sent: asset, first order and its number, second.
type Line = (i64, [(i64, i64); 2]);

fn register(tx: &mut ankuan_ledger::Tx<'_>, act: &mut Act, case_ids: &[i64], assets: u64) -> Result<Vec<Line>> {
    let (time, person) = (at(ORDERED)?.as_microsecond(), 1_i64);
    let day = ORDERED.to_string();
    let mut all = Vec::new();
    for _ in 0..assets {
        let asset_id = act.take_ids(1);
        let values = [
            asset_id.into(),
            "deposit".into(),
            "某银行".into(),
            "李四".into(),
            asset_id.into(),
            Value::Bytes(&[7; 32]),
            asset_id.into(),
            time.into(),
            person.into(),
        ];
        act.insert(tx, &ASSET, asset_id, &values)?;
        let mut orders = [(0, 0); 2];
        for (place, order) in orders.iter_mut().enumerate() {
            let measure_id = act.take_ids(1);
            let case_id = case_ids[(usize::try_from(asset_id)? * 2 + place) % case_ids.len()];
            let values = [
                measure_id.into(),
                asset_id.into(),
                case_id.into(),
                "".into(),
                "（2025）浙0106执1号之一".into(),
                "承办人".into(),
                "enforcement".into(),
                "amount".into(),
                FROZEN_MINOR.into(),
                Value::Null,
                12_i64.into(),
                Value::Null,
                0_i64.into(),
                time.into(),
                person.into(),
            ];
            act.insert(tx, &MEASURE, measure_id, &values)?;
            let order_id = act.take_ids(1);
            for (id, event, of) in [(order_id, "ordered", None), (act.take_ids(1), "sent", Some(order_id))] {
                let values = [
                    id.into(),
                    measure_id.into(),
                    asset_id.into(),
                    event.into(),
                    of.into(),
                    day.as_str().into(),
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    Value::Null,
                    "".into(),
                    Value::Null,
                    time.into(),
                    person.into(),
                ];
                act.insert(tx, &MEASURE_EVENT, id, &values)?;
            }
            *order = (measure_id, order_id);
        }
        all.push((asset_id, orders));
    }
    Ok(all)
}

/// The institution's answers, page by page: the first order is in force, the second waits.
fn answer(store: &mut Store, all: &[Line], few: u64) -> Result<()> {
    let book = books::case_money(COURT);
    for (page_no, page) in all.chunks(ACCOUNTS_A_PAGE).enumerate() {
        let mut tx = store.begin()?;
        let handler = acting(&mut tx, HANDLER, SECOND)?;
        let mut act = say(handler.open_act(&mut tx, books::CASE_MONEY, "bench.answers"))?;
        let ids: Vec<i64> = page.iter().map(|(asset_id, _)| *asset_id).collect();
        // Those that wait keep their order open: it is answered a second time when it takes effect.
        let open: Vec<Value<'_>> = page
            .iter()
            .flat_map(|(asset_id, [_, (measure_id, order_id)])| {
                let ids = [COURT, book.book_id, *order_id, *measure_id, *asset_id].map(Value::Int);
                ids.into_iter().chain(["freeze".into(), 1_i64.into()])
            })
            .collect();
        let set = ["measure_id", "asset_id", "action", "is_sent"];
        tx.upsert_many("open_order", &["court_id", "book_id", "order_id"], &set, &open)?;
        let mut writers = Vec::new();
        for (place, (asset_id, standing)) in say(load_many(&mut tx, book, &ids))?.into_iter().enumerate() {
            let [(first, order), (second, other)] = page[place].1;
            let each = (all.len() as u64 / few.max(1)).max(1);
            let is_first_day = ((page_no * ACCOUNTS_A_PAGE + place) as u64).is_multiple_of(each);
            let on = if is_first_day { ORDERED } else { ORDERED.tomorrow()? };
            let mut writer = Writer::new(asset_id, standing);
            let frozen = What::InForce(Amount::from_minor(FROZEN_MINOR));
            for (measure_id, what, order_id) in [(first, frozen, order), (second, What::Waiting(0), other)] {
                let fact = Fact { measure_id, on, what, order_id: Some(order_id) };
                say(writer.record(&mut tx, &mut act, &fact, &Beside::default()))?;
            }
            writers.push(writer);
        }
        say(write_states(&mut tx, &handler, writers))?;
        act.close(&mut tx)?;
        tx.commit()?;
    }
    // As PostgreSQL does by itself in a database that is in use: else both sides are planned for empty tables.
    if store.engine() == EngineKind::Postgres {
        let mut tx = store.begin()?;
        tx.execute("ANALYZE", &[])?;
        tx.commit()?;
    }
    Ok(())
}

/// One day: seconds, and how many orders changed.
fn run(store: &mut Store, day: Date) -> Result<(f64, f64, usize)> {
    let begun = Instant::now();
    let mut tx = store.begin()?;
    let keeper = acting(&mut tx, KEEPER, day)?;
    let done = say(run_day(&mut tx, &keeper))?;
    tx.commit()?;
    let run = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let mut tx = store.snapshot()?;
    black_box(say(ending(&mut tx, books::case_money(COURT), (day, day.checked_add(30.days())?)))?.len());
    Ok((run, begun.elapsed().as_secs_f64(), done.facts.len()))
}

/// Seconds to read what the day changes: whole rows of the orders, events and states of the accounts that are due, of
/// their items in the memorandum, and of the alarms.
fn raw_read(store: &mut Store, day: Date) -> Result<f64> {
    let (today, until) = (day.to_string(), day.checked_add(30.days())?.to_string());
    let due =
        "SELECT asset_id FROM measure_state WHERE court_id = $1 AND book_id = $2 AND ends_on > '' AND ends_on < $3";
    let items = "SELECT i.* FROM item_balance AS i WHERE i.court_id = $1 AND i.book_id = 2 AND i.item_id IN \
                 (SELECT measure_id FROM measure_state WHERE court_id = $1 AND book_id = $2 AND asset_id IN (DUE))";
    let begun = Instant::now();
    let mut tx = store.snapshot()?;
    let mut seen = 0_usize;
    for (columns, text) in [
        (10, "SELECT s.* FROM measure_state AS s WHERE s.court_id = $1 AND s.book_id = $2 AND s.asset_id IN (DUE)"),
        (16, "SELECT m.* FROM measure AS m WHERE m.court_id = $1 AND m.book_id = $2 AND m.asset_id IN (DUE)"),
        (17, "SELECT e.* FROM measure_event AS e WHERE e.court_id = $1 AND e.book_id = $2 AND e.asset_id IN (DUE)"),
        (6, items),
    ] {
        let text: &'static str = Box::leak(text.replace("DUE", due).into_boxed_str());
        let values = [COURT.into(), books::CASE_MONEY.into(), today.as_str().into()];
        tx.each(text, &values, |row| {
            let _ = black_box(row.opt_int(columns - 1));
            seen += 1;
            Ok::<(), ankuan_ledger::Error>(())
        })?;
    }
    let alarms = "SELECT * FROM measure_state WHERE court_id = $1 AND book_id = $2 AND ends_on >= $3 AND ends_on <= $4";
    let values = [COURT.into(), books::CASE_MONEY.into(), today.as_str().into(), until.as_str().into()];
    tx.each(alarms, &values, |row| {
        let _ = black_box(row.opt_int(9));
        seen += 1;
        Ok::<(), ankuan_ledger::Error>(())
    })?;
    black_box(seen);
    Ok(begun.elapsed().as_secs_f64())
}

/// What the last run of a day left: the rows of its acts in both books, and the states that it changed.
fn left(store: &mut Store, day: Date, links_before: (i64, i64)) -> Result<Rows> {
    let mut rows = Rows::of_acts_after(store, books::CASE_MONEY, links_before.0)?.and(Rows::of_acts_after(
        store,
        books::MEMORANDUM,
        links_before.1,
    )?);
    let on = day.yesterday()?.to_string();
    let mut changed = BTreeSet::new();
    let all = (i64::MIN, i64::MAX);
    // What ended, and what took effect by it, on the day before.
    rows.take(store, books::CASE_MONEY, &MEASURE_STATE, all, |row| {
        let is_changed = row.text(6)? == on;
        if is_changed {
            changed.insert(row.int(2)?);
        }
        Ok(is_changed)
    })?;
    rows.take(store, books::MEMORANDUM, &ITEM_BALANCE, all, |row| Ok(changed.contains(&row.int(3)?)))?;
    rows.take(store, books::MEMORANDUM, &BALANCE, all, |_| Ok(true))?;
    Ok(rows)
}

fn links(store: &mut Store) -> Result<(i64, i64)> {
    let mut tx = store.snapshot()?;
    let mut next = |book_id: i64| {
        tx.query_one(
            "SELECT next_link_no FROM book_head WHERE court_id = $1 AND book_id = $2",
            &[COURT.into(), book_id.into()],
            |row| row.int(0),
        )
    };
    Ok((next(books::CASE_MONEY)?, next(books::MEMORANDUM)?))
}

#[derive(Default)]
struct Measured {
    changed: usize,
    run: Vec<f64>,
    alarms: Vec<f64>,
    read: Vec<f64>,
    write: Vec<f64>,
    ratio: Vec<f64>,
}

fn measure(server: &Server, assets: u64, few: u64, runs: u64) -> Result<()> {
    let mut days = [(FIRST, Measured::default()), (SECOND, Measured::default())];
    for turn in 1..=runs {
        let folder = tempfile::tempdir()?;
        open_court(server, folder.path(), assets, few)?;
        let mut store = server.open(folder.path(), "run")?;
        for (day, measured) in &mut days {
            // Once before either side: what is in memory already is the same for both.
            raw_read(&mut store, *day)?;
            let before = links(&mut store)?;
            let read = raw_read(&mut store, *day)?;
            let (seconds, alarms, changed) = run(&mut store, *day)?;
            let rows = left(&mut store, *day, before)?;
            if turn == runs && *day == SECOND {
                server.describe(&mut store, "the second day", &rows)?;
            }
            let write = server.insert(folder.path(), &rows)?;
            eprintln!(
                "{}, run {turn}, {changed} orders changed: day {seconds:.2} s, alarms {alarms:.3} s, raw read {read:.2} s, \
                 raw write {write:.2} s",
                server.kind()
            );
            measured.changed = changed;
            measured.run.push(seconds);
            measured.alarms.push(alarms);
            measured.read.push(read);
            measured.write.push(write);
            measured.ratio.push((seconds + alarms) / (read + write));
        }
    }
    println!("\n### C: {} orders in {CASES} cases, {runs} runs, each beside its own raw read and write\n", assets * 2);
    print_head();
    for (_, measured) in &days {
        let what = |text: &str| format!("{} orders change: {text}", measured.changed);
        row(&what("the day's run, committed"), &measured.run, " s", 3, "");
        row(&what("alarms of 30 days read"), &measured.alarms, " s", 3, "");
        row(&what("raw read"), &measured.read, " s", 3, "");
        row(&what("raw write"), &measured.write, " s", 3, "");
        row(&what("C: run and alarms ÷ raw read and write"), &measured.ratio, "x", 2, "≤ 3x");
        let a_second = measured.changed as f64 / median(&measured.run);
        println!("| {} | {a_second:.0}/s | | |", what("orders changed"));
    }
    Ok(())
}
