//! What the bank says an account holds on a day, and whether its statements follow from each other.

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Tx;
use jiff::civil::Date;

use super::{Kind, StoredStatement, statements};
use crate::books;
use crate::failure::Outcome;
use crate::message::Message;

/// The bank's side of an account.
#[derive(Clone, Debug)]
pub struct BankSide {
    /// What the account held before the first line here.
    pub opening: Amount,
    /// The day at whose end that was; none when nothing is known at all.
    pub opening_day: Option<Date>,
    /// The opening list, where there is one.
    pub opening_id: Option<i64>,
    /// What the lines of each day come to, by day.
    days: Vec<(Date, Amount)>,
    /// The booked statements by their last days.
    statements: Vec<StoredStatement>,
}

/// A place where the bank's statements do not follow from each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The statement that does not tie.
    pub statement_id: i64,
    /// Days between which something is missing or wrong.
    pub days: (Date, Date),
    /// What the statement says.
    pub said: Amount,
    /// What the lines come to.
    pub found: Amount,
    /// Said of it.
    pub message: Message,
}

/// Loads the bank's side of an account.
///
/// # Errors
/// What the database says.
pub fn bank_side(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<BankSide> {
    let key = [court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()];
    let mut booked = statements(tx, court_id, Some(bank_account_id))?;
    booked.retain(|statement| statement.kind == Kind::Booked);
    let days = tx.query(
        "SELECT day, net_minor FROM bank_day WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 ORDER BY day",
        &key,
        |row| Ok((crate::words::read_date(row, 0)?, Amount::from_minor(row.int(1)?))),
    )?;
    let recorded = tx.query_opt(
        "SELECT day, balance_minor, opening_id FROM bank_opening WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3",
        &key,
        |row| Ok((crate::words::read_date(row, 0)?, Amount::from_minor(row.int(1)?), row.int(2)?)),
    )?;
    let opening_id = recorded.map(|(_, _, opening_id)| opening_id);
    let first = booked.iter().filter(|statement| statement.opening.is_some()).min_by_key(|statement| statement.days.0);
    let (opening_day, opening) = match (recorded, first) {
        (Some((day, balance, _)), _) => (Some(day), balance),
        (None, Some(statement)) => (statement.days.0.yesterday().ok(), statement.opening.unwrap_or(Amount::ZERO)),
        (None, None) => (None, Amount::ZERO),
    };
    Ok(BankSide { opening, opening_day, opening_id, days, statements: booked })
}

impl BankSide {
    /// The days on which the account moved, and by how much.
    #[must_use]
    pub fn days(&self) -> &[(Date, Amount)] {
        &self.days
    }

    /// What the account holds at the end of a day by the lines that are here.
    #[must_use]
    pub fn balance(&self, day: Date) -> Option<Amount> {
        let is_after_opening = |of: Date| self.opening_day.is_none_or(|opening| of > opening);
        self.days
            .iter()
            .filter(|(of, _)| *of <= day && is_after_opening(*of))
            .try_fold(self.opening, |sum, (_, net)| sum.plus(*net))
    }

    /// What the bank itself says the account holds at the end of a day: the closing balance of a statement that ends
    /// on it, or the opening balance of the next when the day had no movement.
    #[must_use]
    pub fn said(&self, day: Date) -> Option<Amount> {
        let closing = self.statements.iter().rev().filter(|statement| statement.days.1 == day);
        let opening = self
            .statements
            .iter()
            .filter(|statement| statement.days.0 > day && self.moves_nothing_between(day, statement.days.0));
        closing
            .filter_map(|statement| statement.closing)
            .next()
            .or_else(|| opening.filter_map(|statement| statement.opening).next())
    }

    fn moves_nothing_between(&self, day: Date, next: Date) -> bool {
        !self.days.iter().any(|(of, _)| *of > day && *of < next)
    }

    /// Whether some booked statement speaks of a day.
    #[must_use]
    pub fn covers(&self, day: Date) -> bool {
        self.covers_itself(day) || self.said(day).is_some()
    }

    /// Whoever fetched or imported a statement of the days that a sign-off covers: those after the day that was closed
    /// before, up to the day. A day without a statement of its own is known from the next.
    #[must_use]
    pub fn fetchers(&self, closed_before: Option<Date>, day: Date) -> Vec<i64> {
        let is_used = |statement: &&StoredStatement| {
            closed_before.is_none_or(|closed| statement.days.1 > closed)
                && (statement.days.0 <= day || !self.covers_itself(day))
        };
        self.statements.iter().filter(is_used).flat_map(|used| [used.fetched_by, used.imported_by]).collect()
    }

    fn covers_itself(&self, day: Date) -> bool {
        self.statements.iter().any(|statement| statement.days.0 <= day && day <= statement.days.1)
    }

    /// The last day that a booked statement covers.
    #[must_use]
    pub fn last_day(&self) -> Option<Date> {
        self.statements.iter().map(|statement| statement.days.1).max()
    }

    /// Where the statements up to a day do not tie: opening plus entries must be closing, and a closing balance what
    /// all lines up to it come to. A missing day shows in the next statement.
    #[must_use]
    pub fn gaps(&self, until: Date) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let mut good_until = self.opening_day;
        for (place, statement) in self.statements.iter().enumerate() {
            if statement.days.1 > until {
                continue;
            }
            if statement.ties() == Some(false) {
                let said = statement.closing.unwrap_or(Amount::ZERO);
                let found = statement.opening.and_then(|opening| opening.plus(statement.net)).unwrap_or(Amount::ZERO);
                gaps.push(gap(statement, statement.days, said, found, "statements.gap_within"));
            }
            let Some(closing) = statement.closing else { continue };
            // Of several statements of one day only the last one closes it.
            let is_last = self.statements[place + 1..].iter().all(|later| later.days.1 != statement.days.1);
            if !is_last {
                continue;
            }
            match self.balance(statement.days.1) {
                Some(found) if found == closing => good_until = Some(statement.days.1),
                found => {
                    let from = good_until.and_then(|day| day.tomorrow().ok()).unwrap_or(statement.days.0);
                    let found = found.unwrap_or(Amount::ZERO);
                    let days = (from.min(statement.days.1), statement.days.1);
                    gaps.push(gap(statement, days, closing, found, "statements.gap_between"));
                }
            }
        }
        gaps
    }
}

fn gap(statement: &StoredStatement, days: (Date, Date), said: Amount, found: Amount, code: &'static str) -> Gap {
    let difference = Amount::from_minor(said.minor().saturating_sub(found.minor()));
    let message = Message::new(code)
        .with("statement", statement.statement_id)
        .with("from", days.0)
        .with("to", days.1)
        .with("said", said)
        .with("found", found)
        .with("difference", difference);
    Gap { statement_id: statement.statement_id, days, said, found, message }
}

/// A line of an intraday statement that no booked statement has shown, though the day is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provisional {
    /// Day of booking, as it was announced.
    pub booked_on: Date,
    /// Signed.
    pub amount: Amount,
    /// The bank's reference.
    pub bank_reference: String,
    /// The other party.
    pub name: String,
    /// Remark.
    pub remark: String,
}

/// Intraday lines whose day a booked statement covers without showing them: by fingerprint, else by day, amount and
/// reference. Each booked line answers for one of them.
///
/// # Errors
/// What the database says.
pub fn provisional_missing(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<Vec<Provisional>> {
    let side = bank_side(tx, court_id, bank_account_id)?;
    let key = [court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()];
    let mut announced = tx.query(
        "SELECT booked_on, amount_minor, fingerprint, bank_reference, name, remark, statement_id FROM provisional_line \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 ORDER BY id",
        &key,
        |row| {
            let provisional = Provisional {
                booked_on: crate::words::read_date(row, 0)?,
                amount: Amount::from_minor(row.int(1)?),
                bank_reference: row.text(3)?.to_owned(),
                name: row.text(4)?.to_owned(),
                remark: row.text(5)?.to_owned(),
            };
            Ok((row.int(2)?, row.int(6)?, provisional))
        },
    )?;
    announced.retain(|(_, _, line)| side.last_day().is_some_and(|last| line.booked_on <= last));
    let Some(first) = announced.iter().map(|(_, _, line)| line.booked_on).min() else { return Ok(Vec::new()) };
    // Several intraday statements of a day repeat each other's lines: the largest count of one counts.
    let mut wanted: std::collections::BTreeMap<i64, (usize, Vec<Provisional>)> = std::collections::BTreeMap::new();
    let mut counted: std::collections::HashMap<(i64, i64), usize> = std::collections::HashMap::new();
    for (fingerprint, statement_id, line) in announced {
        let count = counted.entry((fingerprint, statement_id)).or_insert(0);
        *count += 1;
        let (most, lines) = wanted.entry(fingerprint).or_default();
        if *count > *most {
            *most = *count;
            lines.push(line);
        }
    }
    let mut by_reference: std::collections::HashMap<(Date, i64, String), usize> = std::collections::HashMap::new();
    tx.each(
        "SELECT fingerprint, booked_on, amount_minor, bank_reference FROM bank_line \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 AND booked_on >= $4 ORDER BY bank_line_id",
        &[key[0], key[1], key[2], ankuan_ledger::engine::Value::Text(&first.to_string())],
        |row| {
            if let Some((_, lines)) = wanted.get_mut(&row.int(0)?)
                && lines.pop().is_some()
            {
                return Ok(());
            }
            let place = (crate::words::read_date(row, 1)?, row.int(2)?, row.text(3)?.to_owned());
            *by_reference.entry(place).or_insert(0) += 1;
            Ok::<(), ankuan_ledger::engine::Error>(())
        },
    )?;
    let mut missing = Vec::new();
    for line in wanted.into_values().flat_map(|(_, lines)| lines) {
        let place = (line.booked_on, line.amount.minor(), line.bank_reference.clone());
        match by_reference.get_mut(&place) {
            Some(count) if *count > 0 => *count -= 1,
            _ => missing.push(line),
        }
    }
    missing.sort_by_key(|line| (line.booked_on, line.amount.minor()));
    Ok(missing)
}
