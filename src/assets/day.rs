//! The day's run: what has lapsed, and what takes effect by it. Nothing ends by itself between two reads.

use ankuan_ledger::Tx;
use jiff::civil::Date;

use super::measures::{Beside, Lines};
use super::rules::{Fact, Unclear, What};
use crate::access::{Acting, Role};
use crate::books;
use crate::{Message, Outcome};

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

/// Records what ended with the days before the accounting date, and what takes effect by it; each with its legal day.
/// Run again, it finds nothing more. Needs [`Role::Handler`] or [`Role::FundKeeper`].
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
    let mut lines = Lines::default();
    for asset_id in due {
        let (writer, _) = lines.of(tx, book, asset_id)?;
        let (facts, unclear) = writer.line().day(today)?;
        for fact in facts {
            writer.record(tx, &mut act, &fact, &Beside::default())?;
            run.facts.push((asset_id, fact));
        }
        run.unclear.extend(unclear.into_iter().map(|unclear| (asset_id, unclear)));
    }
    if run.facts.is_empty() {
        // Nothing to record: no link of the chain for a day on which nothing happened.
        return Ok(run);
    }
    lines.write_states(tx, book)?;
    act.close(tx)?;
    Ok(run)
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
