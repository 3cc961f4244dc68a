//! Money that an institution has deducted and that is not here yet: W to C, held until it arrives.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Act, Amount, HoldId, ItemId, Line, Place, Tx};
use jiff::civil::Date;

use crate::Outcome;
use crate::access::Acting;
use crate::books;
use crate::calculators::terms::{STANDARD, Terms};
use crate::calendar::Calendar;
use crate::chart::{self, AccountKind, Chart, Event, Owner};
use crate::words::read_date;

/// `deduction`
pub static DEDUCTION: Table = Table {
    name: "deduction",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("deduction_id", Int),
        ("measure_id", Int),
        ("case_id", Int),
        ("bank_account_id", Int),
        ("amount_minor", Int),
        ("payer_name", Text),
        ("confirmed_on", Text),
        ("order_id", Int),
        ("instruction_id", Int),
        ("answer_id", Int),
        ("voucher_id", Int),
        ("hold_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["deduction_id"],
};

/// `surrender`
pub static SURRENDER: Table = Table {
    name: "surrender",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("deduction_id", Int),
        ("measure_id", Int),
        ("terminated_on", Text),
        ("pay_by", Text),
        ("mark", Int),
    ],
    order: &["deduction_id"],
};

/// The name of the term within which an insurer repays the cash value (Insurance Law art. 47).
const SURRENDER_TERM: &str = "insurance_surrender";

/// Why the money of a deduction is held.
const NOT_HERE_YET: &str = "扣划款未到账";

/// A deduction that an institution confirms.
#[derive(Clone, Copy, Debug)]
pub struct Confirmed<'a> {
    /// The freeze it was made under.
    pub measure_id: i64,
    /// Whose money it is from now on.
    pub case_id: i64,
    /// Where it is to come.
    pub bank_account_id: i64,
    /// Positive.
    pub amount: Amount,
    /// Under which name it will come.
    pub payer_name: &'a str,
    /// Legal day of the deduction: the doubled interest stops.
    pub confirmed_on: Date,
    /// The order.
    pub order_id: i64,
    /// In which it was sent.
    pub instruction_id: i64,
    /// In which it was answered.
    pub answer_id: i64,
}

/// Posts a confirmed deduction as money on its way to its case, and holds it there: it may not be distributed before it is
/// here. Returns its id, which is the item on both accounts.
///
/// # Errors
/// Those of posting (`ledger.month_closed`…).
pub fn post(tx: &mut Tx<'_>, act: &mut Act, acting: &Acting, chart: &Chart, new: &Confirmed<'_>) -> Outcome<i64> {
    let deduction_id = act.take_items(1);
    let owner = Owner { bank_account_id: Some(new.bank_account_id), case_id: Some(new.case_id) };
    let items = (ItemId(deduction_id), ItemId(deduction_id));
    let event = Event::DeductionConfirmed;
    let line: Line = chart.line(tx, acting.actor.court_id, event, owner, items, new.amount)?;
    act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
    act.post(tx, &[line])?;
    let voucher_id = act.open_voucher_id()?;
    let hold = act.hold(tx, line.credit, new.amount, NOT_HERE_YET)?;
    act.insert(
        tx,
        &DEDUCTION,
        deduction_id,
        &[
            deduction_id.into(),
            new.measure_id.into(),
            new.case_id.into(),
            new.bank_account_id.into(),
            new.amount.minor().into(),
            new.payer_name.into(),
            new.confirmed_on.to_string().as_str().into(),
            new.order_id.into(),
            new.instruction_id.into(),
            new.answer_id.into(),
            voucher_id.into(),
            hold.0.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(deduction_id)
}

/// Records that a policy was ended: from that day the insurer has so long to pay. `deduction_id` is the quote on its way.
/// Returns the last day; holidays beyond weekends are not known here.
///
/// # Errors
/// `calc.term_unknown`, `calendar.out_of_range`.
pub fn record_surrender(
    tx: &mut Tx<'_>,
    act: &mut Act,
    deduction_id: i64,
    measure_id: i64,
    terminated_on: Date,
) -> Outcome<Date> {
    let terms = Terms::parse(STANDARD)?;
    let reckoned = terms.find(SURRENDER_TERM)?.reckon(terminated_on, None, None, &Calendar::weekends_only())?;
    let pay_by = reckoned.end.last_day;
    act.insert(
        tx,
        &SURRENDER,
        deduction_id,
        &[
            deduction_id.into(),
            measure_id.into(),
            terminated_on.to_string().as_str().into(),
            pay_by.to_string().as_str().into(),
        ],
    )?;
    Ok(pay_by)
}

/// A deduction that has not arrived whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Row, and the item on W and on the case's funds.
    pub deduction_id: i64,
    /// The case whose money it is.
    pub case_id: i64,
    /// What has not arrived: the item's balance on W.
    pub amount: Amount,
    /// Under which name it will come.
    pub payer_name: String,
    /// Legal day of the deduction.
    pub confirmed_on: Date,
}

/// What is on its way to a bank account of the court, oldest first.
///
/// # Errors
/// What the database says.
pub fn expected(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<Vec<Expected>> {
    let chart = chart::load(tx, court_id)?;
    let owner = Owner { bank_account_id: Some(bank_account_id), case_id: None };
    let on_its_way = chart.account(tx, court_id, AccountKind::InTransitIn, owner)?;
    Ok(tx.query(
        "SELECT d.deduction_id, d.case_id, i.posted_minor, d.payer_name, d.confirmed_on FROM deduction AS d \
         JOIN item_balance AS i ON i.court_id = d.court_id AND i.book_id = d.book_id AND i.account_id = $4 \
         AND i.item_id = d.deduction_id \
         WHERE d.court_id = $1 AND d.book_id = $2 AND d.bank_account_id = $3 AND i.posted_minor > 0 \
         ORDER BY d.deduction_id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into(), on_its_way.0.into()],
        |row| {
            Ok(Expected {
                deduction_id: row.int(0)?,
                case_id: row.int(1)?,
                amount: Amount::from_minor(row.int(2)?),
                payer_name: row.text(3)?.to_owned(),
                confirmed_on: read_date(row, 4)?,
            })
        },
    )?)
}

/// Lets so much of a deduction be distributed: it is here. `place`: its item in the funds of its case. To be called in the
/// act that posts B from W.
///
/// # Errors
/// `hold.exceeds_remaining` when more arrives than was held.
pub fn release_on_arrival(tx: &mut Tx<'_>, act: &mut Act, place: Place, amount: Amount) -> Outcome<()> {
    release(tx, act, place, amount, "到账")
}

/// Lets go of what is held of a deduction.
pub(super) fn release(tx: &mut Tx<'_>, act: &mut Act, place: Place, amount: Amount, reason: &str) -> Outcome<()> {
    let book = act.book();
    // One; another where an arrival was taken back.
    let holds = tx.query(
        "SELECT hold_id, remaining_minor FROM hold WHERE court_id = $1 AND book_id = $2 AND account_id = $3 \
         AND item_id = $4 AND remaining_minor > 0 ORDER BY hold_id",
        &[book.court_id.into(), book.book_id.into(), place.account.0.into(), place.item.0.into()],
        |row| Ok((HoldId(row.int(0)?), row.int(1)?)),
    )?;
    let mut left = amount.minor();
    for (number, (hold, remaining)) in holds.iter().enumerate() {
        // The last takes all that is left, and refuses what was never held.
        let part = if number + 1 == holds.len() { left } else { left.min(*remaining) };
        if part > 0 {
            act.release(tx, *hold, Amount::from_minor(part), reason)?;
            left -= part;
        }
    }
    Ok(())
}

/// Holds what a match had let go: its entries from `first` to `last` are reversed, so the money is on its way again. That
/// is what came off the way: what arrived, and what was explained as missing. A surplus never was on its way.
///
/// # Errors
/// Those of holding.
pub fn hold_again(tx: &mut Tx<'_>, act: &mut Act, chart: &Chart, (first, last): (i64, i64)) -> Outcome<()> {
    let book = act.book();
    let arrived = tx.query(
        "SELECT d.deduction_id, d.case_id, e.amount_minor FROM entry_line AS e JOIN deduction AS d \
         ON d.court_id = e.court_id AND d.book_id = e.book_id AND d.deduction_id = e.credit_item_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.entry_no >= $3 AND e.entry_no <= $4 \
         AND e.reverses_entry_no IS NULL AND e.credit_account_id IN (SELECT a.account_id FROM account AS a \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'in_transit_in') ORDER BY e.entry_no",
        &[book.court_id.into(), book.book_id.into(), first.into(), last.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    for (deduction_id, case_id, amount_minor) in arrived {
        let owner = Owner { bank_account_id: None, case_id: Some(case_id) };
        let account = chart.account(tx, book.court_id, AccountKind::CaseFunds, owner)?;
        let place = Place { account, item: ItemId(deduction_id) };
        act.hold(tx, place, Amount::from_minor(amount_minor), NOT_HERE_YET)?;
    }
    Ok(())
}
