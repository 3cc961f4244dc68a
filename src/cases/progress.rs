//! How far a case is: who handles it, when it was applied for, checked a second time, ended for now, closed, reopened.

use std::collections::HashMap;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::civil::Date;

use super::Case;
use crate::access::{Acting, Actor, Role};
use crate::books;
use crate::chart::AccountKind;
use crate::words::{read_date, read_word, words};
use crate::{Message, Outcome};

/// `case_handler`
pub static CASE_HANDLER: Table = Table {
    name: "case_handler",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("case_id", Int),
        ("person_id", Int),
        ("since", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `case_milestone`
pub static CASE_MILESTONE: Table = Table {
    name: "case_milestone",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("case_id", Int),
        ("milestone", Text),
        ("on_day", Text),
        ("document", Text),
        ("manner", Text),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

words! {
    /// A step in the life of a case.
    MilestoneKind {
        /// 收到执行申请
        Applied = "applied",
        /// 第二次财产查控
        SecondCheck = "second_check",
        /// 终结本次执行程序
        EndedForNow = "ended_for_now",
        /// 结案
        Closed = "closed",
        /// 恢复执行
        Reopened = "reopened",
    }
}

words! {
    /// How a case was closed.
    Manner {
        /// 执行完毕
        Performed = "performed",
        /// 和解履行完毕
        Settled = "settled",
        /// Another way: 终结执行, 销案, 不予执行.
        Other = "other",
    }
}

impl MilestoneKind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Applied => "progress.applied",
            Self::SecondCheck => "progress.second_check",
            Self::EndedForNow => "progress.ended_for_now",
            Self::Closed => "progress.closed",
            Self::Reopened => "progress.reopened",
        })
    }
}

/// A step as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// Which case.
    pub case_id: i64,
    /// What happened.
    pub kind: MilestoneKind,
    /// Legal day.
    pub on: Date,
    /// The paper.
    pub document: String,
    /// Of a closing.
    pub manner: Option<Manner>,
}

/// A step to be recorded.
#[derive(Clone, Debug)]
pub struct NewMilestone<'a> {
    /// What happened.
    pub kind: MilestoneKind,
    /// Legal day.
    pub on: Date,
    /// The paper.
    pub document: &'a str,
    /// Of a closing.
    pub manner: Option<Manner>,
    /// Why a case is closed while it holds money; empty where it holds none.
    pub despite_money: &'a str,
}

/// Whether a case with these steps is being worked on: not closed and not ended for now since it was last reopened.
#[must_use]
pub fn is_open(steps: &[Milestone]) -> bool {
    let ends = |kind| matches!(kind, MilestoneKind::Closed | MilestoneKind::EndedForNow | MilestoneKind::Reopened);
    steps.iter().rev().find(|step| ends(step.kind)).is_none_or(|step| step.kind == MilestoneKind::Reopened)
}

/// Gives a case to a handler from a day on. Needs [`Role::BureauHead`], or the handler who takes it.
///
/// # Errors
/// `access.role_missing` of who acts, or of who is named and is no handler that day.
pub fn assign(tx: &mut Tx<'_>, acting: &Acting, case: &Case, handler: &Actor, since: Date) -> Outcome<()> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.handler")?;
    if acting.actor.person_id == handler.person_id {
        acting.require(tx, Role::Handler)?;
    } else {
        acting.require(tx, Role::BureauHead)?;
        crate::access::require(tx, handler, acting.today(), Role::Handler)?;
    }
    let id = act.take_ids(1);
    let since = since.to_string();
    act.insert(
        tx,
        &CASE_HANDLER,
        id,
        &[
            id.into(),
            case.case_id.into(),
            handler.person_id.into(),
            since.as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// Kinds in which a case holds money that is not yet where it belongs. What is set aside or deposited may outlast it.
const HELD_IN: [AccountKind; 6] = [
    AccountKind::CaseFunds,
    AccountKind::Payable,
    AccountKind::Receivable,
    AccountKind::Security,
    AccountKind::AuctionPrice,
    AccountKind::Escrow,
];

/// Records a step of a case. Needs [`Role::Handler`]. A case that holds money is not closed or ended for now without a
/// reason: what was collected is paid or deposited first (a default of ours; no text was found that says so).
///
/// # Errors
/// `gates.document_missing`, `progress.manner`, `progress.not_open`, `progress.open_already`, `progress.twice`,
/// `progress.before`, `progress.money_left`, `assets.day_ahead`, `access.role_missing`.
pub fn record_milestone(tx: &mut Tx<'_>, acting: &Acting, case: &Case, new: &NewMilestone<'_>) -> Outcome<()> {
    if new.document.trim().is_empty() {
        return Err(Message::new("gates.document_missing").into());
    }
    if (new.kind == MilestoneKind::Closed) != new.manner.is_some() {
        return Err(Message::new("progress.manner").into());
    }
    if new.on > acting.date {
        return Err(Message::new("assets.day_ahead").with("on", new.on).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.milestone")?;
    acting.require(tx, Role::Handler)?;
    let book = act.book();
    let steps = milestones(tx, book, Some(case.case_id))?.remove(&case.case_id).unwrap_or_default();
    let said = |code| Message::new(code).with("number", case.current_number());
    match new.kind {
        MilestoneKind::Applied if steps.iter().any(|step| step.kind == new.kind) => {
            return Err(said("progress.twice").into());
        }
        MilestoneKind::Reopened if is_open(&steps) => return Err(said("progress.open_already").into()),
        MilestoneKind::Closed | MilestoneKind::EndedForNow | MilestoneKind::SecondCheck if !is_open(&steps) => {
            return Err(said("progress.not_open").into());
        }
        _ => {}
    }
    if let Some(last) = steps.iter().rev().find(|step| step.on > new.on && new.kind != MilestoneKind::Applied) {
        return Err(said("progress.before").with("on", last.on).into());
    }
    if matches!(new.kind, MilestoneKind::Closed | MilestoneKind::EndedForNow) && new.despite_money.trim().is_empty() {
        let held = held(tx, book, case.case_id)?;
        if held > Amount::ZERO {
            return Err(said("progress.money_left").with("amount", held).into());
        }
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &CASE_MILESTONE,
        id,
        &[
            id.into(),
            case.case_id.into(),
            new.kind.as_str().into(),
            new.on.to_string().as_str().into(),
            new.document.trim().into(),
            new.manner.map_or("", Manner::as_str).into(),
            new.despite_money.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// What a case holds that is not yet where it belongs.
fn held(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Amount> {
    let [one, two, three, four, five, six] = HELD_IN.map(|kind| kind.as_str().into());
    let minor = tx.query_one(
        "SELECT CAST(COALESCE(SUM(b.posted_minor), 0) AS BIGINT) FROM account AS a JOIN balance AS b \
         ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.case_id = $3 AND a.kind IN ($4, $5, $6, $7, $8, $9)",
        &[book.court_id.into(), book.book_id.into(), case_id.into(), one, two, three, four, five, six],
        |row| row.int(0),
    )?;
    Ok(Amount::from_minor(minor))
}

/// The steps of cases in the order they were recorded: of one case, or of all.
///
/// # Errors
/// What the database says.
pub fn milestones(tx: &mut Tx<'_>, book: BookKey, case_id: Option<i64>) -> Outcome<HashMap<i64, Vec<Milestone>>> {
    let mut of_case: HashMap<i64, Vec<Milestone>> = HashMap::new();
    let rows = tx.query(
        "SELECT case_id, milestone, on_day, document, manner FROM case_milestone \
         WHERE court_id = $1 AND book_id = $2 AND case_id >= $3 AND case_id <= $4 ORDER BY id",
        &[
            book.court_id.into(),
            book.book_id.into(),
            case_id.unwrap_or(i64::MIN).into(),
            case_id.unwrap_or(i64::MAX).into(),
        ],
        |row| {
            Ok(Milestone {
                case_id: row.int(0)?,
                kind: read_word(row, 1, MilestoneKind::parse)?,
                on: read_date(row, 2)?,
                document: row.text(3)?.to_owned(),
                manner: Manner::parse(row.text(4)?),
            })
        },
    )?;
    for row in rows {
        of_case.entry(row.case_id).or_default().push(row);
    }
    Ok(of_case)
}

/// Who handles each case on a day, by name; cases that nobody was given are left out.
///
/// # Errors
/// What the database says.
pub fn handlers(tx: &mut Tx<'_>, book: BookKey, on: Date) -> Outcome<HashMap<i64, String>> {
    let rows = tx.query(
        "SELECT h.case_id, p.name FROM case_handler AS h JOIN person AS p ON p.court_id = h.court_id \
         AND p.book_id = $3 AND p.person_id = h.person_id \
         WHERE h.court_id = $1 AND h.book_id = $2 AND h.since <= $4 ORDER BY h.since, h.id",
        &[book.court_id.into(), book.book_id.into(), books::REGISTER.into(), on.to_string().as_str().into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned())),
    )?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_case_is_open_until_it_ends_and_again_when_it_is_reopened() {
        use MilestoneKind as K;
        let step = |kind| Milestone { case_id: 1, kind, on: date(2026, 1, 1), document: String::new(), manner: None };
        for (kinds, open) in [
            (&[][..], true),
            (&[K::Applied, K::SecondCheck][..], true),
            (&[K::EndedForNow][..], false),
            (&[K::EndedForNow, K::SecondCheck][..], false),
            (&[K::EndedForNow, K::Reopened][..], true),
            (&[K::EndedForNow, K::Reopened, K::Closed][..], false),
        ] {
            let steps: Vec<Milestone> = kinds.iter().map(|kind| step(*kind)).collect();
            assert_eq!(is_open(&steps), open, "{kinds:?}");
        }
    }
}
