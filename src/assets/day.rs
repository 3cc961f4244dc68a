//! The day's run: what has lapsed, and what takes effect by it. Nothing ends by itself between two reads.

use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::civil::Date;

use super::measures::{Beside, Writer, load_many, store_states};
use super::rules::{Fact, Unclear, What};
use crate::access::{Acting, Role};
use crate::books;
use crate::words::read_date;
use crate::{Message, Outcome, memorandum};

/// What the run of a day did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DayRun {
    /// Lapses and promotions, with the asset.
    pub facts: Vec<(i64, Fact)>,
    /// Orders whose last day is over and that are not decided here: the institution, or the other court, is to be asked.
    pub unclear: Vec<(i64, Unclear)>,
}

impl DayRun {
    /// Orders that lapsed.
    #[must_use]
    pub fn lapsed(&self) -> usize {
        self.facts.iter().filter(|(_, fact)| fact.what == What::Lapsed).count()
    }
}

/// Assets whose lines are read, decided and written at a time: bounds the memory.
const ASSETS_A_PAGE: usize = 2_000;

/// Records what ended with the days before the accounting date, and what takes effect by it; each with its legal day.
/// Run again, it finds nothing more. Needs [`Role::Handler`] or [`Role::FundKeeper`]. However many end, it is one act in
/// the book of case money and one in the memorandum.
///
/// # Errors
/// `access.role_missing`, `assets.out_of_range`.
pub fn run_day(tx: &mut Tx<'_>, acting: &Acting) -> Outcome<DayRun> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.day")?;
    acting.require_any(tx, [Role::FundKeeper, Role::Handler])?;
    let book = act.book();
    let today: Date = acting.date;
    let due = tx.query(
        "SELECT DISTINCT asset_id FROM measure_state \
         WHERE court_id = $1 AND book_id = $2 AND ends_on > '' AND ends_on < $3 ORDER BY asset_id",
        &[book.court_id.into(), book.book_id.into(), today.to_string().as_str().into()],
        |row| row.int(0),
    )?;
    let mut run = DayRun::default();
    let mut changes = Vec::new();
    for page in due.chunks(ASSETS_A_PAGE) {
        let mut writers = Vec::with_capacity(page.len());
        for (asset_id, standing) in load_many(tx, book, page)? {
            let mut writer = Writer::new(asset_id, standing);
            let (facts, unclear) = writer.line().day(today)?;
            for fact in facts {
                writer.record(tx, &mut act, &fact, &Beside::default())?;
                run.facts.push((asset_id, fact));
            }
            run.unclear.extend(unclear.into_iter().map(|unclear| (asset_id, unclear)));
            changes.extend(writer.changes());
            writers.push(writer);
        }
        store_states(tx, book, &writers)?;
    }
    if run.facts.is_empty() {
        // Nothing to record: no link of the chain for a day on which nothing happened.
        memorandum::begin_with_what_stands(tx, acting)?;
        return Ok(run);
    }
    memorandum::mirror(tx, acting, &changes)?;
    act.close(tx)?;
    Ok(run)
}

/// An order of this court that ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The order.
    pub measure_id: i64,
    /// On which asset.
    pub asset_id: i64,
    /// Of which case.
    pub case_id: i64,
    /// Who holds the asset.
    pub institution: String,
    /// Its last day.
    pub ends_on: Date,
    /// Held there now.
    pub frozen: Amount,
}

/// The orders of this court that end between two days, both included, earliest first: to be renewed before, as what ends
/// unrenewed is gone by itself (CPC Interpretation 485, Seizure Rules 27).
///
/// # Errors
/// What the database says.
pub fn ending(tx: &mut Tx<'_>, book: BookKey, (from, until): (Date, Date)) -> Outcome<Vec<Ending>> {
    let (from, until) = (from.to_string(), until.to_string());
    Ok(tx.query(
        "SELECT s.measure_id, s.asset_id, m.case_id, a.institution, s.ends_on, s.frozen_minor FROM measure_state AS s \
         JOIN measure AS m ON m.court_id = s.court_id AND m.book_id = s.book_id AND m.measure_id = s.measure_id \
         JOIN asset AS a ON a.court_id = s.court_id AND a.book_id = s.book_id AND a.asset_id = s.asset_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.ends_on >= $3 AND s.ends_on <= $4 AND m.case_id IS NOT NULL \
         ORDER BY s.ends_on, s.measure_id",
        &[book.court_id.into(), book.book_id.into(), from.as_str().into(), until.as_str().into()],
        |row| {
            Ok(Ending {
                measure_id: row.int(0)?,
                asset_id: row.int(1)?,
                case_id: row.int(2)?,
                institution: row.text(3)?.to_owned(),
                ends_on: read_date(row, 4)?,
                frozen: Amount::from_minor(row.int(5)?),
            })
        },
    )?)
}

/// In words what became of an order.
#[must_use]
pub fn say(asset_id: i64, fact: &Fact) -> Message {
    let code = if fact.what == What::Lapsed { "assets.day_lapsed" } else { "assets.day_promoted" };
    let message = Message::new(code).with("measure", fact.measure_id).with("asset", asset_id).with("on", fact.on);
    match fact.what {
        What::Promoted(amount) => message.with("amount", amount),
        _ => message,
    }
}
