//! Another amount arrived than was confirmed: two people say why, and nothing is absorbed. A shortfall (保单借款、手续费)
//! takes the rest out of the case and off the way; a surplus comes to the case under the same deduction. One mechanism
//! for deductions, extractions and surrenders.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Table};
use ankuan_ledger::{Act, Amount, BookKey, ItemId, Place, Tx};
use jiff::civil::Date;

use super::deductions::release;
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::chart::{AccountKind, Chart, Event, Owner};
use crate::words::{read_date, words};
use crate::{Message, Outcome};

/// `deduction_difference`
pub static DEDUCTION_DIFFERENCE: Table = Table {
    name: "deduction_difference",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("deduction_id", Int),
        ("case_id", Int),
        ("kind", Text),
        ("amount_minor", Int),
        ("reason", Text),
        ("explanation", Text),
        ("group_id", Int),
        ("voucher_id", Int),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Who explains a difference, and who confirms it.
pub const EXPLAINED_BY: [Role; 2] = [Role::FundKeeper, Role::Finance];
/// See [`EXPLAINED_BY`].
pub const EXPLANATION_CONFIRMED_BY: &[Role] = &[Role::FundKeeper, Role::Finance, Role::BureauHead];

words! {
    /// Why another amount arrived.
    Reason {
        /// 保单借款 was taken off.
        PolicyLoan = "policy_loan",
        /// 手续费、汇费.
        Fee = "fee",
        /// 欠缴保费等 was taken off.
        Arrears = "arrears",
        /// 利息 came with it.
        Interest = "interest",
        /// 红利 came with it.
        Dividend = "dividend",
        /// 价值变动: the quote was of another day.
        ValueChanged = "value_changed",
        /// The payer sent the wrong amount.
        PayerError = "payer_error",
        /// 其他, in words.
        Other = "other",
    }
}

impl Reason {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::PolicyLoan => "assets.reason_policy_loan",
            Self::Fee => "assets.reason_fee",
            Self::Arrears => "assets.reason_arrears",
            Self::Interest => "assets.reason_interest",
            Self::Dividend => "assets.reason_dividend",
            Self::ValueChanged => "assets.reason_value_changed",
            Self::PayerError => "assets.reason_payer_error",
            Self::Other => "assets.reason_other",
        })
    }

    /// Whether it explains that less, or that more arrived.
    #[must_use]
    pub const fn explains(self, kind: Kind) -> bool {
        match self {
            Self::PolicyLoan | Self::Fee | Self::Arrears => matches!(kind, Kind::Shortfall),
            Self::Interest | Self::Dividend => matches!(kind, Kind::Surplus),
            Self::ValueChanged | Self::PayerError | Self::Other => true,
        }
    }
}

/// Which way a difference goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Less arrived.
    Shortfall,
    /// More arrived.
    Surplus,
}

/// What arrived of a deduction, held against what was on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Of the line: comes off the way.
    pub arrived: Amount,
    /// What is to be explained.
    pub difference: Option<(Kind, Amount)>,
}

/// Splits what a line brings. `all_here`: nothing more will come, so that what is missing is a shortfall; else the rest
/// stays on its way. Pure. The parts come to the whole: `arrived` and a surplus to the line, `arrived` and a shortfall to
/// what was on its way.
#[must_use]
pub fn split(line: Amount, on_its_way: Amount, all_here: bool) -> Option<Split> {
    let arrived = line.min(on_its_way);
    let over = line.minus(arrived)?;
    let missing = on_its_way.minus(arrived)?;
    let difference = if over > Amount::ZERO {
        Some((Kind::Surplus, over))
    } else if missing > Amount::ZERO && all_here {
        Some((Kind::Shortfall, missing))
    } else {
        None
    };
    Some(Split { arrived, difference })
}

/// What people say of a difference.
#[derive(Clone, Copy, Debug)]
pub struct Explanation<'a> {
    /// Why.
    pub reason: Reason,
    /// In words, with the paper that shows it.
    pub text: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// That an explanation can be taken: words, a reason of its kind, and two people.
///
/// # Errors
/// `assets.explanation_missing`, `assets.reason_kind`, those of the two people.
pub fn check(tx: &mut Tx<'_>, acting: &Acting, kind: Kind, explanation: &Explanation<'_>) -> Outcome<()> {
    if explanation.text.trim().is_empty() {
        return Err(Message::new("assets.explanation_missing").into());
    }
    if !explanation.reason.explains(kind) {
        return Err(Message::new("assets.reason_kind").with_term("reason", &explanation.reason.message()).into());
    }
    let proposer = acting.require_any(tx, EXPLAINED_BY)?;
    access::require_second(tx, acting, proposer, explanation.confirmed_by, EXPLANATION_CONFIRMED_BY)?;
    Ok(())
}

/// Which deduction a difference is of.
#[derive(Clone, Copy, Debug)]
pub struct Of {
    /// The deduction.
    pub deduction_id: i64,
    /// Its case.
    pub case_id: i64,
    /// The court's account.
    pub bank_account_id: i64,
    /// Of a surplus: the line that brought it.
    pub bank_line_id: Option<i64>,
    /// The match that brought the money.
    pub group_id: Option<i64>,
}

/// Posts and records a difference that was checked; returns its entry. The voucher is its own. What is held of a shortfall
/// has been let go before.
///
/// # Errors
/// Those of posting: what was paid on already cannot be taken out of the case.
pub fn record(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    of: &Of,
    (kind, amount): (Kind, Amount),
    explanation: &Explanation<'_>,
) -> Outcome<ankuan_ledger::EntryNo> {
    let court_id = acting.actor.court_id;
    let owner = Owner { bank_account_id: Some(of.bank_account_id), case_id: Some(of.case_id) };
    let item = ItemId(of.deduction_id);
    let (event, items, word) = match kind {
        Kind::Shortfall => (Event::DeductionShortfall, (item, item), "shortfall"),
        Kind::Surplus => {
            let no_line = || Error::Inconsistent("a surplus without a line".into());
            (Event::DeductionSurplus, (ItemId(of.bank_line_id.ok_or_else(no_line)?), item), "surplus")
        }
    };
    act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
    let line = chart.line(tx, court_id, event, owner, items, amount)?;
    let entry = act.post(tx, &[line])?;
    let voucher_id = act.open_voucher_id()?;
    let id = act.take_ids(1);
    act.insert(
        tx,
        &DEDUCTION_DIFFERENCE,
        id,
        &[
            id.into(),
            of.deduction_id.into(),
            of.case_id.into(),
            word.into(),
            amount.minor().into(),
            explanation.reason.as_str().into(),
            explanation.text.trim().into(),
            of.group_id.into(),
            voucher_id.into(),
            explanation.confirmed_by.person_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(entry)
}

/// Says why what is still on its way of a deduction will not come. Needs the fund keeper or finance, and a second person.
/// Returns the shortfall.
///
/// # Errors
/// `assets.deduction_unknown`, `assets.nothing_missing`, those of [`check`] and of posting.
pub fn explain_rest(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    deduction_id: i64,
    explanation: &Explanation<'_>,
) -> Outcome<Amount> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "deduction.explain")?;
    check(tx, acting, Kind::Shortfall, explanation)?;
    let one = find(tx, act.book(), deduction_id)?;
    if one.on_its_way <= Amount::ZERO {
        return Err(Message::new("assets.nothing_missing").with("deduction", deduction_id).into());
    }
    let of = Of {
        deduction_id,
        case_id: one.case_id,
        bank_account_id: one.bank_account_id,
        bank_line_id: None,
        group_id: None,
    };
    let owner = Owner { bank_account_id: Some(one.bank_account_id), case_id: Some(one.case_id) };
    let funds = chart.account(tx, acting.actor.court_id, AccountKind::CaseFunds, owner)?;
    release(tx, &mut act, Place { account: funds, item: ItemId(deduction_id) }, one.on_its_way, "差额查明")?;
    record(tx, &mut act, acting, chart, &of, (Kind::Shortfall, one.on_its_way), explanation)?;
    act.close(tx)?;
    Ok(one.on_its_way)
}

/// A deduction and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeductionStanding {
    /// Row.
    pub deduction_id: i64,
    /// The freeze it was made under.
    pub measure_id: i64,
    /// Whose money it is.
    pub case_id: i64,
    /// Where it is to come.
    pub bank_account_id: i64,
    /// What was confirmed; of a surrender the quote.
    pub confirmed: Amount,
    /// Under which name it will come.
    pub payer_name: String,
    /// Legal day.
    pub confirmed_on: Date,
    /// Not here yet.
    pub on_its_way: Amount,
    /// Explained as missing.
    pub shortfall: Amount,
    /// Explained as more.
    pub surplus: Amount,
    /// Of a surrender: the last day on which the insurer is to pay.
    pub pay_by: Option<Date>,
}

impl DeductionStanding {
    /// What is here: confirmed, less what is missing or on its way, and what came in excess. None past the range.
    #[must_use]
    pub fn arrived(&self) -> Option<Amount> {
        self.confirmed.minus(self.on_its_way)?.minus(self.shortfall)?.plus(self.surplus)
    }

    /// Whether it should be here by the law: only a surrender has such a day.
    #[must_use]
    pub fn is_overdue(&self, today: Date) -> bool {
        self.on_its_way > Amount::ZERO && self.pay_by.is_some_and(|pay_by| today > pay_by)
    }
}

/// The question with its end: statements are fixed texts.
macro_rules! standings {
    ($end:literal) => {
        concat!(
            "SELECT d.deduction_id, d.measure_id, d.case_id, d.bank_account_id, d.amount_minor, d.payer_name, \
    d.confirmed_on, CAST(COALESCE((SELECT SUM(i.posted_minor) FROM item_balance AS i JOIN account AS a \
     ON a.court_id = i.court_id AND a.book_id = i.book_id AND a.account_id = i.account_id \
     WHERE i.court_id = $1 AND i.book_id = $2 AND i.item_id = d.deduction_id AND a.kind = 'in_transit_in'), 0) AS BIGINT), \
    CAST(COALESCE((SELECT SUM(f.amount_minor) FROM deduction_difference AS f LEFT JOIN match_undo AS u \
     ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id WHERE f.court_id = $1 \
     AND f.book_id = $2 AND f.deduction_id = d.deduction_id AND f.kind = 'shortfall' AND u.group_id IS NULL), 0) AS BIGINT), \
    CAST(COALESCE((SELECT SUM(f.amount_minor) FROM deduction_difference AS f LEFT JOIN match_undo AS u \
     ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id WHERE f.court_id = $1 \
     AND f.book_id = $2 AND f.deduction_id = d.deduction_id AND f.kind = 'surplus' AND u.group_id IS NULL), 0) AS BIGINT), \
    s.pay_by FROM deduction AS d LEFT JOIN surrender AS s ON s.court_id = d.court_id AND s.book_id = d.book_id \
    AND s.deduction_id = d.deduction_id WHERE d.court_id = $1 AND d.book_id = $2",
            $end
        )
    };
}

fn broken_day() -> Error {
    Error::Inconsistent("the last day of a surrender is no day".into())
}

fn read_standing(row: &ankuan_ledger::engine::Row<'_>) -> ankuan_ledger::engine::Result<DeductionStanding> {
    let amount = |column| row.int(column).map(Amount::from_minor);
    Ok(DeductionStanding {
        deduction_id: row.int(0)?,
        measure_id: row.int(1)?,
        case_id: row.int(2)?,
        bank_account_id: row.int(3)?,
        confirmed: amount(4)?,
        payer_name: row.text(5)?.to_owned(),
        confirmed_on: read_date(row, 6)?,
        on_its_way: amount(7)?,
        shortfall: amount(8)?,
        surplus: amount(9)?,
        pay_by: row.opt_text(10)?.map(|text| text.parse()).transpose().map_err(|_| broken_day())?,
    })
}

/// Every deduction, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<DeductionStanding>> {
    let text = standings!(" ORDER BY d.deduction_id");
    Ok(tx.query(text, &[book.court_id.into(), book.book_id.into()], read_standing)?)
}

/// A deduction by its number.
///
/// # Errors
/// `assets.deduction_unknown`.
pub fn find(tx: &mut Tx<'_>, book: BookKey, deduction_id: i64) -> Outcome<DeductionStanding> {
    let text = standings!(" AND d.deduction_id = $3");
    let key = [book.court_id.into(), book.book_id.into(), deduction_id.into()];
    let found = tx.query_opt(text, &key, read_standing)?;
    Ok(found.ok_or_else(|| Message::new("assets.deduction_unknown").with("deduction", deduction_id))?)
}

/// A difference as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Row.
    pub id: i64,
    /// `shortfall`, `surplus`.
    pub kind: String,
    /// How much.
    pub amount: Amount,
    /// Why.
    pub reason: String,
    /// In words.
    pub explanation: String,
    /// Taken back with its match.
    pub is_undone: bool,
}

/// What was explained of a deduction, oldest first.
///
/// # Errors
/// What the database says.
pub fn of_deduction(tx: &mut Tx<'_>, book: BookKey, deduction_id: i64) -> Outcome<Vec<Recorded>> {
    Ok(tx.query(
        "SELECT f.id, f.kind, f.amount_minor, f.reason, f.explanation, u.group_id FROM deduction_difference AS f \
         LEFT JOIN match_undo AS u ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id \
         WHERE f.court_id = $1 AND f.book_id = $2 AND f.deduction_id = $3 ORDER BY f.id",
        &[book.court_id.into(), book.book_id.into(), deduction_id.into()],
        |row| {
            Ok(Recorded {
                id: row.int(0)?,
                kind: row.text(1)?.to_owned(),
                amount: Amount::from_minor(row.int(2)?),
                reason: row.text(3)?.to_owned(),
                explanation: row.text(4)?.to_owned(),
                is_undone: row.opt_int(5)?.is_some(),
            })
        },
    )?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_come_to_the_whole(line in 1..1_000_000_i64, way in 0..1_000_000_i64, all_here in any::<bool>()) {
            let (line, way) = (Amount::from_minor(line), Amount::from_minor(way));
            let found = split(line, way, all_here).unwrap();
            prop_assert!(found.arrived >= Amount::ZERO && found.arrived <= way);
            match found.difference {
                Some((Kind::Surplus, over)) => {
                    prop_assert!(over > Amount::ZERO && found.arrived == way);
                    prop_assert_eq!(found.arrived.plus(over), Some(line));
                }
                Some((Kind::Shortfall, missing)) => {
                    prop_assert!(missing > Amount::ZERO && found.arrived == line && all_here);
                    prop_assert_eq!(found.arrived.plus(missing), Some(way));
                }
                None => prop_assert!(found.arrived == line && (!all_here || line == way)),
            }
        }
    }
}
