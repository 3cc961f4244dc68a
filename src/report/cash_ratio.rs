//! The cash executability ratio of each open case (现金可执行率): deposits found ÷ amount applied for, in the order in which quick
//! teams take them up. Joint debtors count together in their case, each asset once (the newest answer).

use ankuan_ledger::{Amount, Tx};

use super::court_measures::share_bp;
use crate::assets::queries::found_of_case;
use crate::books;
use crate::cases::cases;
use crate::cases::progress::{self, handlers, milestones};
use crate::failure::Outcome;
use crate::message::Message;
use crate::obligations;
use jiff::civil::Date;

/// Where a case is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sorting {
    /// What was found covers what is claimed: a quick team closes it.
    Quick,
    /// A part of it.
    Partly,
    /// Asked, and nothing found.
    Nothing,
    /// No query was answered.
    NotAsked,
}

impl Sorting {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Quick => "cash_ratio.quick",
            Self::Partly => "cash_ratio.partly",
            Self::Nothing => "cash_ratio.nothing",
            Self::NotAsked => "cash_ratio.not_asked",
        })
    }

    /// Of what was found and claimed.
    #[must_use]
    pub fn of(cash: Amount, claimed: Amount, answered: usize) -> Self {
        match (cash >= claimed, cash > Amount::ZERO, answered) {
            (_, _, 0) => Self::NotAsked,
            (true, true, _) => Self::Quick,
            (false, true, _) => Self::Partly,
            _ => Self::Nothing,
        }
    }
}

/// One case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CashRatio {
    /// The case.
    pub case_id: i64,
    /// Its present number.
    pub case_number: String,
    /// Who handles it.
    pub handler: String,
    /// What was applied for: what its documents oblige to, without what was assigned on from another claim of it.
    pub claimed: Amount,
    /// Deposits and wallets found.
    pub cash: Amount,
    /// Assets of which an answer is on record.
    pub answered: usize,
    /// Found ÷ claimed in hundredths of a per cent.
    pub ratio_bp: Option<i64>,
    /// Where it is sorted.
    pub sorting: Sorting,
}

/// The open cases that have obligations on record: quick ones first, then by ratio.
///
/// # Errors
/// What the database says.
pub fn cash_ratios(tx: &mut Tx<'_>, court_id: i64, on: Date) -> Outcome<Vec<CashRatio>> {
    let book = books::case_money(court_id);
    let steps = milestones(tx, book, None)?;
    let handlers = handlers(tx, book, on)?;
    let mut all = Vec::new();
    for case in cases(tx, book)? {
        if steps.get(&case.case_id).is_some_and(|steps| !progress::is_open(steps)) {
            continue;
        }
        let own = obligations::of_case(tx, court_id, case.case_id)?;
        let claims = own.iter().filter(|one| one.assigned_by.is_none()).map(|one| one.total);
        let too_large = || Message::new("payouts.amounts_too_large");
        let claimed = Amount::sum(claims).ok_or_else(too_large)?;
        if claimed == Amount::ZERO {
            continue;
        }
        let found = found_of_case(tx, book, case.case_id)?;
        let cash = found.iter().filter(|one| one.is_cash()).filter_map(|one| one.found.amount);
        let cash = Amount::sum(cash).ok_or_else(too_large)?;
        all.push(CashRatio {
            case_id: case.case_id,
            case_number: case.current_number().to_owned(),
            handler: handlers.get(&case.case_id).cloned().unwrap_or_default(),
            claimed,
            cash,
            answered: found.len(),
            ratio_bp: share_bp(i128::from(cash.minor()), i128::from(claimed.minor())),
            sorting: Sorting::of(cash, claimed, found.len()),
        });
    }
    all.sort_by(|one, other| {
        (one.sorting, other.ratio_bp, one.case_id).cmp(&(other.sorting, one.ratio_bp, other.case_id))
    });
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_sorted_by_what_was_found() {
        let of = |cash, claimed, answered| Sorting::of(Amount::from_minor(cash), Amount::from_minor(claimed), answered);
        assert_eq!(of(100, 100, 1), Sorting::Quick);
        assert_eq!(of(99, 100, 1), Sorting::Partly);
        assert_eq!(of(0, 100, 2), Sorting::Nothing);
        assert_eq!(of(0, 100, 0), Sorting::NotAsked);
    }
}
