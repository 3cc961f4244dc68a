//! The days of an account: which step of its sign-off each has reached, and what is closed.

use ankuan_ledger::Amount;
use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Tx};
use jiff::civil::Date;

use crate::books;
use crate::chart::BankAccount;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::{read_date, read_word, words};

/// `day_event`
pub static DAY_EVENT: Table = Table {
    name: "day_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("bank_account_id", Int),
        ("day", Text),
        ("event", Text),
        ("digest", Bytes),
        ("bank_minor", Int),
        ("book_minor", Int),
        ("adjusted_minor", Int),
        ("open_count", Int),
        ("head", Text),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

words! {
    /// A step of a day.
    DayStep {
        /// Somebody has made the reconciliation statement.
        Prepared = "prepared",
        /// Another has checked it.
        Reviewed = "reviewed",
        /// It is closed.
        Closed = "closed",
        /// Somebody wants it open again.
        ReopeningAsked = "reopening_asked",
        /// Another has agreed: it is open.
        Reopened = "reopened",
    }
}

impl DayStep {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Prepared => "signoff.prepared",
            Self::Reviewed => "signoff.reviewed",
            Self::Closed => "signoff.closed",
            Self::ReopeningAsked => "signoff.reopening_asked",
            Self::Reopened => "signoff.reopened",
        })
    }
}

/// A step as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayEvent {
    /// The day.
    pub day: Date,
    /// What.
    pub step: DayStep,
    /// Of the reconciliation statement that was signed.
    pub digest: Digest,
    /// Both adjusted balances.
    pub adjusted: Amount,
    /// Open items in it.
    pub open_count: i64,
    /// Head of the chain before the step.
    pub head: String,
    /// Why, for opening it again.
    pub reason: String,
    /// µs UTC.
    pub recorded_at: i64,
    /// Who.
    pub actor_id: i64,
}

/// The steps of an account's days, oldest first.
///
/// # Errors
/// What the database says.
pub fn day_events(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<Vec<DayEvent>> {
    Ok(tx.query(
        "SELECT day, event, digest, adjusted_minor, open_count, head, reason, recorded_at, actor_id FROM day_event \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()],
        |row| {
            Ok(DayEvent {
                day: read_date(row, 0)?,
                step: read_word(row, 1, DayStep::parse)?,
                digest: row.digest(2)?,
                adjusted: Amount::from_minor(row.int(3)?),
                open_count: row.int(4)?,
                head: row.text(5)?.to_owned(),
                reason: row.text(6)?.to_owned(),
                recorded_at: row.int(7)?,
                actor_id: row.int(8)?,
            })
        },
    )?)
}

/// The newest closed day of an account. A closed day closes all before it.
#[must_use]
pub fn closed_until(events: &[DayEvent]) -> Option<Date> {
    let mut closed: Vec<Date> = Vec::new();
    for event in events {
        match event.step {
            DayStep::Closed => closed.push(event.day),
            // Whatever was closed on or after a day that is opened again is open again, too; the days before it stay.
            DayStep::Reopened => {
                closed.retain(|day| *day < event.day);
                closed.extend(event.day.yesterday());
            }
            DayStep::Prepared | DayStep::Reviewed | DayStep::ReopeningAsked => {}
        }
    }
    closed.into_iter().max()
}

/// Refuses a date that lies in what is signed off for an account.
///
/// # Errors
/// `signoff.day_closed`.
pub fn must_be_open(tx: &mut Tx<'_>, court_id: i64, account: &BankAccount, date: Date) -> Outcome<()> {
    let events = day_events(tx, court_id, account.bank_account_id)?;
    match closed_until(&events) {
        Some(closed) if date <= closed => Err(Message::new("signoff.day_closed")
            .with("account", &account.number)
            .with("day", date)
            .with("closed", closed)
            .into()),
        _ => Ok(()),
    }
}
