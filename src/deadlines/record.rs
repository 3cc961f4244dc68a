//! What a court sets for its deadlines (rules, calendar of holidays), and pauses with their reason and approval.

use std::collections::HashMap;

use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Error, Table, Value};
use ankuan_ledger::{BookKey, Tx};
use jiff::civil::Date;

use super::{DeadlineKind, Pause, Rules, STANDARD};
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::calendar::Calendar;
use crate::words::{read_date, read_word, words};
use crate::{Message, Outcome};

/// Who may approve that a deadline rests: who answers for the handler.
pub const PAUSE_APPROVED_BY: &[Role] = &[Role::BureauHead, Role::VicePresident];

/// `court_rule`
pub static COURT_RULE: Table = Table {
    name: "court_rule",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("rule_id", Int),
        ("kind", Text),
        ("file_name", Text),
        ("content", Bytes),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["rule_id"],
};

/// `deadline_pause`
pub static DEADLINE_PAUSE: Table = Table {
    name: "deadline_pause",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("pause_id", Int),
        ("deadline", Text),
        ("subject_id", Int),
        ("from_day", Text),
        ("reason", Text),
        ("document", Text),
        ("proposed_by", Int),
        ("approved_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["pause_id"],
};

/// `deadline_resumption`
pub static DEADLINE_RESUMPTION: Table = Table {
    name: "deadline_resumption",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("pause_id", Int),
        ("until_day", Text),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

words! {
    /// Which rules of its own a court sets.
    CourtRuleKind {
        /// A file as `deadlines/standard.toml`.
        Deadlines = "deadlines",
        /// Days off and weekends worked, as [`Calendar::parse`] reads it.
        Calendar = "calendar",
    }
}

/// Sets rules of the court's own; they count from now on. Needs [`Role::Admin`].
///
/// # Errors
/// Those of [`Rules::parse`] or [`Calendar::parse`], `deadlines.not_text`, `access.role_missing`.
pub fn set_rules(tx: &mut Tx<'_>, acting: &Acting, kind: CourtRuleKind, file: &str, content: &[u8]) -> Outcome<()> {
    let text = std::str::from_utf8(content).map_err(|_| Message::new("deadlines.not_text").with("file", file))?;
    match kind {
        CourtRuleKind::Deadlines => drop(Rules::parse(text)?),
        CourtRuleKind::Calendar => drop(Calendar::parse(text)?),
    }
    let mut act = acting.open_act(tx, books::REGISTER, "court.rules")?;
    acting.require(tx, Role::Admin)?;
    let rule_id = act.take_ids(1);
    act.insert(
        tx,
        &COURT_RULE,
        rule_id,
        &[
            rule_id.into(),
            kind.as_str().into(),
            file.into(),
            Value::Bytes(content),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// What a court's deadlines are reckoned by.
#[derive(Clone, Debug)]
pub struct CourtRules {
    /// The deadlines.
    pub rules: Rules,
    /// The court's own file, where it set one.
    pub file: Option<String>,
    /// Days off and weekends worked; weekends only where the court set none.
    pub calendar: Calendar,
    /// Its file.
    pub calendar_file: Option<String>,
}

/// The rules that count now.
///
/// # Errors
/// What the database says.
pub fn court_rules(tx: &mut Tx<'_>, court_id: i64) -> Outcome<CourtRules> {
    let mut newest = |kind: CourtRuleKind| -> Outcome<Option<(String, String)>> {
        let found = tx.query_opt(
            "SELECT file_name, content FROM court_rule WHERE court_id = $1 AND book_id = $2 AND kind = $3 \
             ORDER BY rule_id DESC LIMIT 1",
            &[court_id.into(), books::REGISTER.into(), kind.as_str().into()],
            |row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec())),
        )?;
        let not_text = |_| Error::Inconsistent(format!("the {} of court {court_id} are not UTF-8", kind.as_str()));
        let as_text = |(file, content)| Ok::<_, Error>((file, String::from_utf8(content).map_err(not_text)?));
        Ok(found.map(as_text).transpose()?)
    };
    let (own, calendar) = (newest(CourtRuleKind::Deadlines)?, newest(CourtRuleKind::Calendar)?);
    Ok(CourtRules {
        rules: Rules::parse(own.as_ref().map_or(STANDARD, |(_, text)| text))?,
        file: own.map(|(file, _)| file),
        calendar: match &calendar {
            Some((_, text)) => Calendar::parse(text)?,
            None => Calendar::weekends_only(),
        },
        calendar_file: calendar.map(|(file, _)| file),
    })
}

/// A pause to be recorded.
#[derive(Clone, Debug)]
pub struct NewPause<'a> {
    /// Which deadline.
    pub kind: DeadlineKind,
    /// The receipt, order, case… that it is about.
    pub subject_id: i64,
    /// First day that does not count.
    pub from: Date,
    /// Why.
    pub reason: &'a str,
    /// The paper: 延缓发放审批表.
    pub document: &'a str,
    /// The second person.
    pub approved_by: &'a Actor,
}

/// Lets a deadline rest. Needs [`Role::Handler`] and a second person of [`PAUSE_APPROVED_BY`]. The caller has made sure
/// that such a deadline runs.
///
/// # Errors
/// `deadlines.no_pause` (it may not be paused), `deadlines.reason_missing`, `deadlines.pause_ahead`,
/// `deadlines.paused_already`, those of the two people ([`access::require_second`]).
pub fn pause(tx: &mut Tx<'_>, acting: &Acting, rules: &Rules, new: &NewPause<'_>) -> Outcome<i64> {
    let rule = rules.of(new.kind);
    if !rule.may_pause {
        return Err(Message::new("deadlines.no_pause").with("name", &rule.title.zh).into());
    }
    if new.reason.trim().is_empty() || new.document.trim().is_empty() {
        return Err(Message::new("deadlines.reason_missing").into());
    }
    if new.from > acting.date {
        return Err(Message::new("deadlines.pause_ahead").with("from", new.from).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "deadline.pause")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, new.approved_by, PAUSE_APPROVED_BY)?;
    let known = pauses(tx, act.book())?.remove(&(new.kind, new.subject_id)).unwrap_or_default();
    let is_free = |(_, pause): &(i64, Pause)| pause.until.is_some_and(|until| until < new.from);
    if let Some((pause_id, _)) = known.iter().find(|pause| !is_free(pause)) {
        return Err(Message::new("deadlines.paused_already").with("pause", pause_id).into());
    }
    let pause_id = act.take_ids(1);
    act.insert(
        tx,
        &DEADLINE_PAUSE,
        pause_id,
        &[
            pause_id.into(),
            new.kind.as_str().into(),
            new.subject_id.into(),
            new.from.to_string().as_str().into(),
            new.reason.trim().into(),
            new.document.trim().into(),
            acting.actor.person_id.into(),
            new.approved_by.person_id.into(),
            acting.at.as_microsecond().into(),
        ],
    )?;
    act.close(tx)?;
    Ok(pause_id)
}

/// Lets a deadline go on after a last day of rest. Needs [`Role::Handler`].
///
/// # Errors
/// `deadlines.pause_unknown`, `deadlines.resumed_already`, `deadlines.resume_day` (before the pause, or after today),
/// `deadlines.reason_missing`, `access.role_missing`.
pub fn resume(tx: &mut Tx<'_>, acting: &Acting, pause_id: i64, until: Date, reason: &str) -> Outcome<()> {
    if reason.trim().is_empty() {
        return Err(Message::new("deadlines.reason_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "deadline.resume")?;
    acting.require(tx, Role::Handler)?;
    let all = pauses(tx, act.book())?;
    let found = all.into_values().flatten().find(|(known, _)| *known == pause_id);
    let (_, pause) = found.ok_or_else(|| Message::new("deadlines.pause_unknown").with("pause", pause_id))?;
    if let Some(until) = pause.until {
        return Err(Message::new("deadlines.resumed_already").with("pause", pause_id).with("until", until).into());
    }
    if until < pause.from || until > acting.date {
        return Err(Message::new("deadlines.resume_day").with("until", until).with("from", pause.from).into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &DEADLINE_RESUMPTION,
        id,
        &[
            id.into(),
            pause_id.into(),
            until.to_string().as_str().into(),
            reason.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// A pause as recorded, with its papers and people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedPause {
    /// Row.
    pub pause_id: i64,
    /// Which deadline.
    pub kind: DeadlineKind,
    /// What it is about.
    pub subject_id: i64,
    /// First day that does not count.
    pub from: Date,
    /// Why.
    pub reason: String,
    /// The paper.
    pub document: String,
    /// Who asked for it.
    pub proposed_by: i64,
    /// Who agreed.
    pub approved_by: i64,
    /// When, µs UTC.
    pub recorded_at: i64,
    /// Last day that does not count, and why it goes on; none while it rests.
    pub resumed: Option<(Date, String)>,
}

/// The pause with this number.
///
/// # Errors
/// `deadlines.pause_unknown`.
pub fn find_pause(tx: &mut Tx<'_>, book: BookKey, pause_id: i64) -> Outcome<RecordedPause> {
    let found = tx.query_opt(
        "SELECT p.pause_id, p.deadline, p.subject_id, p.from_day, p.reason, p.document, p.proposed_by, p.approved_by, \
         p.recorded_at, COALESCE(r.until_day, ''), COALESCE(r.reason, '') FROM deadline_pause AS p \
         LEFT JOIN deadline_resumption AS r ON r.court_id = p.court_id AND r.book_id = p.book_id \
         AND r.pause_id = p.pause_id WHERE p.court_id = $1 AND p.book_id = $2 AND p.pause_id = $3",
        &[book.court_id.into(), book.book_id.into(), pause_id.into()],
        |row| {
            let is_resumed = !row.text(9)?.is_empty();
            Ok(RecordedPause {
                pause_id: row.int(0)?,
                kind: read_word(row, 1, DeadlineKind::parse)?,
                subject_id: row.int(2)?,
                from: read_date(row, 3)?,
                reason: row.text(4)?.to_owned(),
                document: row.text(5)?.to_owned(),
                proposed_by: row.int(6)?,
                approved_by: row.int(7)?,
                recorded_at: row.int(8)?,
                resumed: if is_resumed { Some((read_date(row, 9)?, row.text(10)?.to_owned())) } else { None },
            })
        },
    )?;
    Ok(found.ok_or_else(|| Message::new("deadlines.pause_unknown").with("pause", pause_id))?)
}

/// The pauses of each deadline and what it is about, with their numbers.
pub type Pauses = HashMap<(DeadlineKind, i64), Vec<(i64, Pause)>>;

/// The pauses of each deadline, with their numbers, in the order they were recorded.
///
/// # Errors
/// What the database says.
pub fn pauses(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Pauses> {
    let rows = tx.query(
        "SELECT p.deadline, p.subject_id, p.pause_id, p.from_day, COALESCE(r.until_day, '') FROM deadline_pause AS p \
         LEFT JOIN deadline_resumption AS r ON r.court_id = p.court_id AND r.book_id = p.book_id \
         AND r.pause_id = p.pause_id WHERE p.court_id = $1 AND p.book_id = $2 ORDER BY p.pause_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            let until = if row.text(4)?.is_empty() { None } else { Some(read_date(row, 4)?) };
            let pause = Pause { from: read_date(row, 3)?, until };
            Ok(((read_word(row, 0, DeadlineKind::parse)?, row.int(1)?), (row.int(2)?, pause)))
        },
    )?;
    let mut all = Pauses::new();
    for (key, pause) in rows {
        all.entry(key).or_default().push(pause);
    }
    Ok(all)
}
