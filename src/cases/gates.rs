//! Gates: what stops the payouts of a case, and what lets them go on. Checked at commit and again at release.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{BookKey, Tx};
use jiff::civil::Date;

use super::Case;
use crate::access::{Acting, Role};
use crate::books;
use crate::words::words;
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

words! {
    /// An event that shuts a gate or opens it.
    CaseEventKind {
        /// 中止执行
        Stayed = "stayed",
        /// 恢复执行
        Resumed = "resumed",
        /// 受理破产申请: the gate means stop and let a person decide.
        BankruptcyAccepted = "bankruptcy_accepted",
        /// The bankruptcy ended, or the money was found to be outside it ((2025)最高法执监508号).
        BankruptcyLifted = "bankruptcy_lifted",
        /// 对分配方案提出异议
        PlanObjection = "plan_objection",
        /// The objection to the plan was withdrawn or decided.
        PlanObjectionEnded = "plan_objection_ended",
        /// 执行异议, 案外人异议
        ExecutionObjection = "execution_objection",
        /// It was withdrawn or decided.
        ExecutionObjectionEnded = "execution_objection_ended",
    }
}

words! {
    /// Why a case's payouts stand still.
    GateKind {
        /// The case is stayed.
        Stay = "stay",
        /// Bankruptcy of the debtor was accepted.
        Bankruptcy = "bankruptcy",
        /// An objection to the plan is running.
        PlanObjection = "plan_objection",
        /// An objection to the enforcement is running.
        ExecutionObjection = "execution_objection",
    }
}

impl CaseEventKind {
    /// The gate it moves, and whether it shuts it.
    #[must_use]
    pub const fn gate(self) -> (GateKind, bool) {
        match self {
            Self::Stayed => (GateKind::Stay, true),
            Self::Resumed => (GateKind::Stay, false),
            Self::BankruptcyAccepted => (GateKind::Bankruptcy, true),
            Self::BankruptcyLifted => (GateKind::Bankruptcy, false),
            Self::PlanObjection => (GateKind::PlanObjection, true),
            Self::PlanObjectionEnded => (GateKind::PlanObjection, false),
            Self::ExecutionObjection => (GateKind::ExecutionObjection, true),
            Self::ExecutionObjectionEnded => (GateKind::ExecutionObjection, false),
        }
    }
}

impl CaseEventKind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Stayed => "gates.event_stayed",
            Self::Resumed => "gates.event_resumed",
            Self::BankruptcyAccepted => "gates.event_bankruptcy_accepted",
            Self::BankruptcyLifted => "gates.event_bankruptcy_lifted",
            Self::PlanObjection => "gates.event_plan_objection",
            Self::PlanObjectionEnded => "gates.event_plan_objection_ended",
            Self::ExecutionObjection => "gates.event_execution_objection",
            Self::ExecutionObjectionEnded => "gates.event_execution_objection_ended",
        })
    }
}

impl GateKind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Stay => "gates.kind_stay",
            Self::Bankruptcy => "gates.kind_bankruptcy",
            Self::PlanObjection => "gates.kind_plan_objection",
            Self::ExecutionObjection => "gates.kind_execution_objection",
        })
    }

    /// Why it is shut, in words: a refusal with the case's number, the day and the paper.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Stay => "gates.stay",
            Self::Bankruptcy => "gates.bankruptcy",
            Self::PlanObjection => "gates.plan_objection",
            Self::ExecutionObjection => "gates.execution_objection",
        }
    }
}

/// `case_event`
pub static CASE_EVENT: Table = Table {
    name: "case_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("case_id", Int),
        ("event", Text),
        ("effective_on", Text),
        ("reason", Text),
        ("document", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// An event of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseEvent {
    /// What happened.
    pub kind: CaseEventKind,
    /// Legal date, which may lie before the day it was recorded.
    pub effective_on: Date,
    /// Why.
    pub reason: String,
    /// Ruling or notice.
    pub document: String,
}

/// A gate that is shut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// Why.
    pub kind: GateKind,
    /// Legal date since which it is shut.
    pub since: Date,
    /// Reason as recorded.
    pub reason: String,
    /// The paper.
    pub document: String,
}

impl Gate {
    /// The gate as a refusal.
    #[must_use]
    pub fn message(&self, case_number: &str) -> Message {
        Message::new(self.kind.code())
            .with("number", case_number)
            .with("since", self.since)
            .with("document", &self.document)
    }
}

/// The gates that are shut after these events, which come in the order they were recorded.
///
/// The order of recording decides, not the legal dates: what is known last counts, and a stay that takes effect in
/// the future already stops payouts today, as money that has left cannot be called back.
#[must_use]
pub fn gates(events: &[CaseEvent]) -> Vec<Gate> {
    GateKind::ALL
        .iter()
        .filter_map(|gate| {
            let newest = events.iter().rev().find(|event| event.kind.gate().0 == *gate)?;
            let (kind, is_shut) = newest.kind.gate();
            is_shut.then(|| Gate {
                kind,
                since: newest.effective_on,
                reason: newest.reason.clone(),
                document: newest.document.clone(),
            })
        })
        .collect()
}

/// Records an event of a case. Needs [`Role::Handler`].
///
/// # Errors
/// `gates.document_missing`, `gates.shut_already`, `gates.not_shut`, `access.role_missing`.
pub fn record_event(tx: &mut Tx<'_>, acting: &Acting, case: &Case, event: &CaseEvent) -> Outcome<()> {
    if event.document.trim().is_empty() {
        return Err(Message::new("gates.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.event")?;
    acting.require(tx, Role::Handler)?;
    let (gate, shuts) = event.kind.gate();
    let shut = gates(&events_of(tx, act.book(), case.case_id)?);
    let said = |message: Message| message.with_term("gate", &gate.message()).with("number", case.current_number());
    match (shut.iter().any(|known| known.kind == gate), shuts) {
        (true, true) => return Err(said(Message::new("gates.shut_already")).into()),
        (false, false) => return Err(said(Message::new("gates.not_shut")).into()),
        (true, false) | (false, true) => {}
    }
    let id = act.take_ids(1);
    let on = event.effective_on.to_string();
    act.insert(
        tx,
        &CASE_EVENT,
        id,
        &[
            id.into(),
            case.case_id.into(),
            event.kind.as_str().into(),
            on.as_str().into(),
            event.reason.trim().into(),
            event.document.trim().into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// The events of a case in the order they were recorded.
///
/// # Errors
/// What the database says.
pub fn events_of(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<CaseEvent>> {
    Ok(tx.query(
        "SELECT event, effective_on, reason, document FROM case_event \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY id",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        |row| {
            Ok(CaseEvent {
                kind: read_word(row, 0, CaseEventKind::parse)?,
                effective_on: read_date(row, 1)?,
                reason: row.text(2)?.to_owned(),
                document: row.text(3)?.to_owned(),
            })
        },
    )?)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn event(kind: CaseEventKind, day: i8) -> CaseEvent {
        CaseEvent { kind, effective_on: date(2026, 11, day), reason: String::new(), document: "裁定".into() }
    }

    #[test]
    fn what_is_recorded_last_counts_gate_by_gate() {
        use CaseEventKind as K;
        let events = [event(K::Stayed, 1), event(K::BankruptcyAccepted, 2), event(K::Resumed, 3)];
        for (count, shut) in [
            (0, vec![]),
            (1, vec![GateKind::Stay]),
            (2, vec![GateKind::Stay, GateKind::Bankruptcy]),
            (3, vec![GateKind::Bankruptcy]),
        ] {
            let kinds: Vec<GateKind> = gates(&events[..count]).iter().map(|gate| gate.kind).collect();
            assert_eq!(kinds, shut, "after {count} events");
        }
    }

    #[test]
    fn a_stay_of_tomorrow_stops_today_and_shows_its_day() {
        let shut = gates(&[event(CaseEventKind::Stayed, 30)]);
        assert_eq!(shut[0].since, date(2026, 11, 30));
    }

    #[test]
    fn every_event_has_a_counterpart() {
        for gate in GateKind::ALL {
            for shuts in [true, false] {
                assert_eq!(CaseEventKind::ALL.iter().filter(|kind| kind.gate() == (*gate, shuts)).count(), 1);
            }
        }
    }
}
