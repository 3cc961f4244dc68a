//! Debts that others owe to the debtor (到期债权, Execution Rules 45-49): a notice is served, the third party has 15 days to
//! pay or object; an objection stops it but for what is admitted; without one, the whole can be taken.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Table};
use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::civil::Date;

use super::AssetKind;
use super::measures::Standing;
use super::register::Asset;
use super::rules::{Asked, State};
use crate::access::{Acting, Role};
use crate::books;
use crate::calculators::terms::{STANDARD, Terms};
use crate::calendar::Calendar;
use crate::cases::Case;
use crate::words::read_date;
use crate::{Message, Outcome};

/// `debt_notice`
pub static DEBT_NOTICE: Table = Table {
    name: "debt_notice",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("notice_id", Int),
        ("asset_id", Int),
        ("case_id", Int),
        ("amount_minor", Int),
        ("served_on", Text),
        ("last_day", Text),
        ("document", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["notice_id"],
};

/// `debt_objection`
pub static DEBT_OBJECTION: Table = Table {
    name: "debt_objection",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("notice_id", Int),
        ("on_day", Text),
        ("admitted_minor", Int),
        ("document", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The name of the term to pay or object.
const TERM: &str = "third_party_debt";

/// What the third party said in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objection {
    /// When.
    pub on: Date,
    /// What it admits; may be nothing.
    pub admitted: Amount,
}

/// A notice to perform, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Row.
    pub notice_id: i64,
    /// The debt.
    pub asset_id: i64,
    /// For which case.
    pub case_id: i64,
    /// How much is to be performed.
    pub amount: Amount,
    /// When it was served.
    pub served_on: Date,
    /// Until when to pay or object.
    pub last_day: Date,
    /// Number of the notice.
    pub document: String,
    /// What was said to it.
    pub objection: Option<Objection>,
}

impl Notice {
    /// What can be taken on a day: what is admitted; all, when the period is over without a word; else nothing. Pure.
    #[must_use]
    pub fn enforceable(&self, today: Date) -> Amount {
        match self.objection {
            Some(objection) => objection.admitted,
            None if today > self.last_day => self.amount,
            None => Amount::ZERO,
        }
    }
}

/// Records that a notice was served, and by when the third party is to pay or object. Needs [`Role::Handler`].
///
/// # Errors
/// `assets.not_a_debt`, `assets.document_missing`, `assets.not_positive`, `assets.day_ahead`, `access.role_missing`,
/// `calendar.out_of_range`.
pub fn notify(
    tx: &mut Tx<'_>,
    acting: &Acting,
    asset: &Asset,
    case: &Case,
    (amount, served_on): (Amount, Date),
    document: &str,
) -> Outcome<Notice> {
    if asset.kind != AssetKind::Debt {
        return Err(Message::new("assets.not_a_debt").with("asset", asset.asset_id).into());
    }
    if document.trim().is_empty() {
        return Err(Message::new("assets.document_missing").into());
    }
    if amount <= Amount::ZERO {
        return Err(Message::new("assets.not_positive").with("amount", amount).into());
    }
    if served_on > acting.date {
        return Err(Message::new("assets.day_ahead").with("on", served_on).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.notice")?;
    acting.require(tx, Role::Handler)?;
    let terms = Terms::parse(STANDARD)?;
    let last_day = terms.find(TERM)?.reckon(served_on, None, None, &Calendar::weekends_only())?.end.last_day;
    let notice_id = act.take_ids(1);
    act.insert(
        tx,
        &DEBT_NOTICE,
        notice_id,
        &[
            notice_id.into(),
            asset.asset_id.into(),
            case.case_id.into(),
            amount.minor().into(),
            served_on.to_string().as_str().into(),
            last_day.to_string().as_str().into(),
            document.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    let (asset_id, case_id, document) = (asset.asset_id, case.case_id, document.trim().to_owned());
    Ok(Notice { notice_id, asset_id, case_id, amount, served_on, last_day, document, objection: None })
}

/// Records that the third party objects, and what it admits. The court does not examine the objection (Execution Rules
/// 47). Needs [`Role::Handler`].
///
/// # Errors
/// `assets.notice_unknown`, `assets.document_missing`, `assets.objected_already`, `assets.objection_late` (before it was
/// served, after the last day, or after today), `assets.admitted` (below zero, or more than the notice),
/// `access.role_missing`.
pub fn object(
    tx: &mut Tx<'_>,
    acting: &Acting,
    notice_id: i64,
    (on, admitted): (Date, Amount),
    document: &str,
) -> Outcome<()> {
    if document.trim().is_empty() {
        return Err(Message::new("assets.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.objection")?;
    acting.require(tx, Role::Handler)?;
    let notice = find(tx, act.book(), notice_id)?;
    if notice.objection.is_some() {
        return Err(Message::new("assets.objected_already").with("notice", notice_id).into());
    }
    if on < notice.served_on || on > notice.last_day || on > acting.date {
        let message = Message::new("assets.objection_late").with("notice", notice_id).with("on", on);
        return Err(message.with("last_day", notice.last_day).into());
    }
    if admitted < Amount::ZERO || admitted > notice.amount {
        return Err(Message::new("assets.admitted").with("admitted", admitted).with("amount", notice.amount).into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &DEBT_OBJECTION,
        id,
        &[
            id.into(),
            notice_id.into(),
            on.to_string().as_str().into(),
            admitted.minor().into(),
            document.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// The question with its end: statements are fixed texts.
macro_rules! notices {
    ($end:literal) => {
        concat!(
            "SELECT n.notice_id, n.asset_id, n.case_id, n.amount_minor, n.served_on, n.last_day, n.document, \
    o.on_day, o.admitted_minor FROM debt_notice AS n LEFT JOIN debt_objection AS o ON o.court_id = n.court_id \
    AND o.book_id = n.book_id AND o.notice_id = n.notice_id WHERE n.court_id = $1 AND n.book_id = $2",
            $end
        )
    };
}

fn read_notice(row: &ankuan_ledger::engine::Row<'_>) -> ankuan_ledger::engine::Result<Notice> {
    let objection = match row.opt_int(8)? {
        Some(admitted) => Some(Objection { on: read_date(row, 7)?, admitted: Amount::from_minor(admitted) }),
        None => None,
    };
    Ok(Notice {
        notice_id: row.int(0)?,
        asset_id: row.int(1)?,
        case_id: row.int(2)?,
        amount: Amount::from_minor(row.int(3)?),
        served_on: read_date(row, 4)?,
        last_day: read_date(row, 5)?,
        document: row.text(6)?.to_owned(),
        objection,
    })
}

/// The notices on a debt, oldest first.
///
/// # Errors
/// What the database says.
pub fn notices_of(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Vec<Notice>> {
    let text = notices!(" AND n.asset_id = $3 ORDER BY n.notice_id");
    Ok(tx.query(text, &[book.court_id.into(), book.book_id.into(), asset_id.into()], read_notice)?)
}

fn find(tx: &mut Tx<'_>, book: BookKey, notice_id: i64) -> Outcome<Notice> {
    let text = notices!(" AND n.notice_id = $3");
    let key = [book.court_id.into(), book.book_id.into(), notice_id.into()];
    let found = tx.query_opt(text, &key, read_notice)?;
    Ok(found.ok_or_else(|| Message::new("assets.notice_unknown").with("notice", notice_id))?)
}

/// That so much of a debt can be taken under an order: what the notices of its case allow, less what the case has taken
/// or ordered already.
///
/// # Errors
/// `assets.notice_missing`, `assets.notice_runs` (the third party may still object), `assets.debt_objected`,
/// `assets.exceeds_notice`.
pub fn require(
    tx: &mut Tx<'_>,
    book: BookKey,
    asset: &Asset,
    standing: &Standing,
    (measure_id, amount): (i64, Amount),
    today: Date,
) -> Outcome<()> {
    let case_id = standing.record(measure_id).and_then(|record| record.case_id);
    let of_case = |notice: &Notice| Some(notice.case_id) == case_id;
    let notices: Vec<Notice> = notices_of(tx, book, asset.asset_id)?.into_iter().filter(of_case).collect();
    let overflow = || Error::Inconsistent(format!("sums of asset {} overflow", asset.asset_id));
    let mut taken = Amount::ZERO;
    for measure in standing.line.measures() {
        if standing.record(measure.measure_id).and_then(|record| record.case_id) != case_id {
            continue;
        }
        let deducted = match &measure.state {
            State::InForce(freeze) => freeze.deducted,
            State::Ended { deducted, .. } => *deducted,
            State::Asked | State::Waiting { .. } => Amount::ZERO,
        };
        let ordered = measure.open.iter().filter_map(|order| match order.what {
            Asked::Deduct(amount) => Some(amount),
            _ => None,
        });
        let ordered = Amount::sum(ordered).ok_or_else(overflow)?;
        taken = taken.plus(deducted).and_then(|sum| sum.plus(ordered)).ok_or_else(overflow)?;
    }
    Ok(may_take(&notices, taken, amount, today)?)
}

/// Whether so much more can be taken under notices of a case. Pure.
///
/// # Errors
/// As [`require`].
fn may_take(notices: &[Notice], taken: Amount, amount: Amount, today: Date) -> Result<(), Message> {
    let allowed = Amount::sum(notices.iter().map(|notice| notice.enforceable(today)));
    let left = allowed.and_then(|allowed| allowed.minus(taken)).unwrap_or_default().max(Amount::ZERO);
    if amount <= left {
        return Ok(());
    }
    let Some(newest) = notices.last() else { return Err(Message::new("assets.notice_missing")) };
    let runs = notices.iter().find(|notice| notice.objection.is_none() && today <= notice.last_day);
    Err(match (runs, newest.objection) {
        (Some(runs), _) => Message::new("assets.notice_runs").with("last_day", runs.last_day).with("left", left),
        (None, Some(objection)) => Message::new("assets.debt_objected")
            .with("on", objection.on)
            .with("admitted", objection.admitted)
            .with("left", left),
        (None, None) => Message::new("assets.exceeds_notice").with("amount", amount).with("left", left),
    })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const fn yuan(amount: i64) -> Amount {
        Amount::from_minor(amount * 100)
    }

    fn notice(objection: Option<Objection>) -> Notice {
        Notice {
            notice_id: 1,
            asset_id: 2,
            case_id: 3,
            amount: yuan(100),
            served_on: date(2026, 11, 2),
            last_day: date(2026, 11, 17),
            document: String::new(),
            objection,
        }
    }

    #[test]
    fn silence_lets_all_be_taken_after_the_last_day_and_not_on_it() {
        let silent = [notice(None)];
        let code = |today, amount| may_take(&silent, yuan(30), yuan(amount), today).map_err(|message| message.code);
        assert_eq!(code(date(2026, 11, 17), 1), Err("assets.notice_runs"));
        assert_eq!(code(date(2026, 11, 18), 70), Ok(()));
        assert_eq!(code(date(2026, 11, 18), 71), Err("assets.exceeds_notice"));
        assert_eq!(may_take(&[], yuan(0), yuan(1), date(2026, 11, 18)).unwrap_err().code, "assets.notice_missing");
    }

    #[test]
    fn an_objection_stops_it_but_for_what_is_admitted() {
        let objected = [notice(Some(Objection { on: date(2026, 11, 10), admitted: yuan(40) }))];
        let code = |today, amount| may_take(&objected, yuan(0), yuan(amount), today).map_err(|message| message.code);
        assert_eq!(code(date(2026, 11, 11), 40), Ok(()));
        assert_eq!(code(date(2026, 12, 31), 41), Err("assets.debt_objected"));
    }
}
