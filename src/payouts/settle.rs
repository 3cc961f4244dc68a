//! Settlement: the bank has debited a payment (T → B), refused it (T → P) or given it back (B → P, 退票). What came back
//! stands in the payee's item again and waits for a corrected account.

use std::collections::HashMap;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Table, Tx};
use ankuan_ledger::{AccountId, Act, EntryNo, ItemId, Line, Place};

use super::sent::{Answer, Sent, Standing, write_states};
use crate::books;
use crate::chart::{Chart, Event, Owner};
use crate::failure::Outcome;

/// `payment_event`
pub static PAYMENT_EVENT: Table = Table {
    name: "payment_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("payment_id", Int),
        ("event", Text),
        ("group_id", Int),
        ("cause", Text),
        ("reason", Text),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// What happens to a payment at the bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settles {
    /// Debited.
    Debited,
    /// Refused before it was debited.
    Failed,
    /// Given back after it was debited.
    Returned,
}

impl Settles {
    /// The event whose posting it is.
    #[must_use]
    pub const fn event(self) -> Event {
        match self {
            Self::Debited => Event::BankDebited,
            Self::Failed => Event::LineFailed,
            Self::Returned => Event::LineReturned,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Debited => "debited",
            Self::Failed => "failed",
            Self::Returned => "returned",
        }
    }

    const fn standing(self) -> Standing {
        match self {
            Self::Debited => Standing::Debited,
            Self::Failed => Standing::Failed,
            Self::Returned => Standing::Returned,
        }
    }

    /// Whether a payment that stands so can have this happen to it: each once, and in this order.
    #[must_use]
    pub const fn may_follow(self, standing: Standing) -> bool {
        matches!((self, standing), (Self::Debited | Self::Failed, Standing::Out) | (Self::Returned, Standing::Debited))
    }
}

/// Posts what the bank did with payments of one account, inside an act.
pub struct Settlement<'c> {
    chart: &'c Chart,
    court_id: i64,
    bank_account_id: i64,
    accounts: HashMap<(i64, u8), (AccountId, AccountId)>,
    states: Vec<(i64, Answer, String, Standing)>,
}

impl<'c> Settlement<'c> {
    /// For one bank account of a court.
    #[must_use]
    pub fn new(chart: &'c Chart, court_id: i64, bank_account_id: i64) -> Self {
        Self { chart, court_id, bank_account_id, accounts: HashMap::new(), states: Vec::new() }
    }

    /// Posts one payment under the open voucher. `bank_line_id` is the item on the bank deposit; `group_id` the match.
    ///
    /// # Errors
    /// [`ankuan_ledger::Error::Inconsistent`] for a payment that stands elsewhere; those of posting.
    pub fn settle(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        what: Settles,
        payment: &mut Sent,
        (bank_line_id, group_id): (i64, i64),
        (cause, reason): (&str, &str),
    ) -> Outcome<EntryNo> {
        if !what.may_follow(payment.standing) {
            return Err(ankuan_ledger::Error::Inconsistent(format!(
                "payment {} is {} and cannot be {}",
                payment.key,
                payment.standing.as_str(),
                what.word()
            ))
            .into());
        }
        let (debit, credit) = self.accounts(tx, what, payment.case_id)?;
        let (payee, bank) = (ItemId(payment.line_id), ItemId(bank_line_id));
        let (debit_item, credit_item) = match what {
            Settles::Debited => (payee, bank),
            Settles::Failed => (payee, payee),
            Settles::Returned => (bank, payee),
        };
        let line = Line {
            debit: Place { account: debit, item: debit_item },
            credit: Place { account: credit, item: credit_item },
            amount: payment.amount,
        };
        let entry = act.post(tx, &[line])?;
        let id = act.take_ids(1);
        act.insert(
            tx,
            &PAYMENT_EVENT,
            id,
            &[
                id.into(),
                payment.payment_id.into(),
                what.word().into(),
                group_id.into(),
                cause.into(),
                reason.into(),
                payment.amount.minor().into(),
            ],
        )?;
        payment.standing = what.standing();
        if !cause.is_empty() {
            cause.clone_into(&mut payment.cause);
        }
        self.states.push((payment.payment_id, payment.answer, payment.cause.clone(), payment.standing));
        Ok(entry)
    }

    fn accounts(&mut self, tx: &mut Tx<'_>, what: Settles, case_id: i64) -> Outcome<(AccountId, AccountId)> {
        let key = (case_id, what as u8);
        if let Some(known) = self.accounts.get(&key) {
            return Ok(*known);
        }
        let owner = Owner { bank_account_id: Some(self.bank_account_id), case_id: Some(case_id) };
        let rule = self.chart.event(what.event());
        let found = (
            self.chart.account(tx, self.court_id, rule.debit, owner)?,
            self.chart.account(tx, self.court_id, rule.credit, owner)?,
        );
        self.accounts.insert(key, found);
        Ok(found)
    }

    /// Writes where the payments now stand.
    ///
    /// # Errors
    /// What the database says.
    pub fn finish(self, tx: &mut Tx<'_>) -> Outcome<()> {
        // Of a payment that moved twice, the last counts.
        let mut newest: HashMap<i64, usize> = HashMap::new();
        for (place, state) in self.states.iter().enumerate() {
            newest.insert(state.0, place);
        }
        let states: Vec<(i64, Answer, &str, Standing)> = self
            .states
            .iter()
            .enumerate()
            .filter(|(place, state)| newest.get(&state.0) == Some(place))
            .map(|(_, state)| (state.0, state.1, state.2.as_str(), state.3))
            .collect();
        write_states(tx, self.court_id, &states)
    }
}

/// Takes back what a match said of payments: they stand where they stood before it. The entries are reversed by the
/// caller.
///
/// # Errors
/// `settlement.moved_on`: a payment has moved on since; undo that first.
pub fn undo(tx: &mut Tx<'_>, act: &mut Act, court_id: i64, group_id: i64) -> Outcome<u64> {
    let events = tx.query(
        "SELECT e.payment_id, e.event, e.amount_minor, s.answer, s.cause, s.outcome FROM payment_event AS e \
         JOIN payment_state AS s ON s.court_id = e.court_id AND s.book_id = e.book_id AND s.payment_id = e.payment_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.group_id = $3 AND e.id > $3 ORDER BY e.id",
        &[court_id.into(), books::CASE_MONEY.into(), group_id.into()],
        |row| {
            Ok((
                row.int(0)?,
                row.text(1)?.to_owned(),
                row.int(2)?,
                crate::words::read_word(row, 3, Answer::parse)?,
                row.text(4)?.to_owned(),
                crate::words::read_word(row, 5, Standing::parse)?,
            ))
        },
    )?;
    let mut states = Vec::with_capacity(events.len());
    for (payment_id, event, amount, answer, cause, standing) in &events {
        let (wanted, before, undone) = match event.as_str() {
            "debited" => (Standing::Debited, Standing::Out, "debit_undone"),
            "failed" => (Standing::Failed, Standing::Out, "failure_undone"),
            _ => (Standing::Returned, Standing::Debited, "return_undone"),
        };
        if *standing != wanted {
            return Err(crate::Message::new("settlement.moved_on")
                .with("payment", payment_id)
                .with_term("standing", &standing.message())
                .into());
        }
        let id = act.take_ids(1);
        act.insert(
            tx,
            &PAYMENT_EVENT,
            id,
            &[id.into(), (*payment_id).into(), undone.into(), group_id.into(), "".into(), "".into(), (*amount).into()],
        )?;
        states.push((*payment_id, *answer, cause.as_str(), before));
    }
    write_states(tx, court_id, &states)?;
    Ok(events.len() as u64)
}
