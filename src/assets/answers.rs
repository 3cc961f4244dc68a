//! Answers of institutions come in: each line held against its order and the line of its asset, then recorded.

use std::collections::BTreeMap;
use std::path::Path;

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Value};
use ankuan_ledger::{Act, Amount, BookKey, Tx};

use super::deductions::{self, Confirmed};
use super::instructions::{Sent, find_instruction};
use super::measures::{Beside, Lines};
use super::message::{AnswerFile, AnswerLine, read_answer};
use super::rules::{Verdict, What};
use super::salary_reports::refused_deduction;
use crate::access::{Acting, Role};
use crate::chart::Chart;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::{Message, Outcome, books};

/// The largest answer that is read: an institution answers some thousand orders in one.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// `instruction_answer`
pub static INSTRUCTION_ANSWER: Table = Table {
    name: "instruction_answer",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("answer_id", Int),
        ("instruction_id", Int),
        ("document_id", Int),
        ("sha256", Bytes),
        ("line_count", Int),
        ("applied_count", Int),
        ("repeated_count", Int),
        ("conflict_count", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["answer_id"],
};

/// `instruction_answer_line`
pub static INSTRUCTION_ANSWER_LINE: Table = Table {
    name: "instruction_answer_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("answer_id", Int),
        ("line_no", Int),
        ("order_id", Int),
        ("result", Text),
        ("on_day", Text),
        ("amount_minor", Int),
        ("conflict", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A line of an answer that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// In the file, from 1.
    pub line_no: usize,
    /// The order it names.
    pub order_id: i64,
    /// Why, with the remedy.
    pub message: Message,
}

/// What an answer did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The instruction that it answers.
    pub instruction: String,
    /// The same file was read before: nothing was done.
    pub already: bool,
    /// Lines that count.
    pub applied: usize,
    /// Lines that say what was said before.
    pub repeated: usize,
    /// Lines that do not count.
    pub conflicts: Vec<Conflict>,
    /// Money that is on its way now: deduction, amount.
    pub deductions: Vec<(i64, Amount)>,
    /// Orders that took effect out of the waiting list, or got more, by it.
    pub promoted: Vec<i64>,
}

/// Reads an answer and records what it says. Needs [`Role::Handler`]. The file goes in as it is; a line that
/// contradicts its order, the line of the asset, or what was said before, is told and does not count. Lines are taken
/// by their day, then place in the waiting list, then number.
///
/// # Errors
/// `file.*`, `assets.answer_long`, those of [`read_answer`], `assets.instruction_unknown`,
/// `assets.institution_differs`, `access.role_missing`, `keys.*`, and those of posting.
pub fn import(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    keys: &Keys,
    randomness: &mut Randomness,
    path: &Path,
) -> Outcome<Answered> {
    let bytes = documents::read_small(path, ANSWER_BYTES_MAX)?
        .ok_or_else(|| Message::new("assets.answer_long").with("max", ANSWER_BYTES_MAX))?;
    let sha256 = sha256(&[&bytes]);
    let read = read_answer(&bytes)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "instructions.in")?;
    acting.require(tx, Role::Handler)?;
    let book = act.book();
    documents::require_keys(tx, keys, book)?;
    let sent = find_instruction(tx, book, &read.instruction)?;
    if sent.institution != read.institution {
        return Err(Message::new("assets.institution_differs")
            .with("number", &sent.number)
            .with("institution", &sent.institution)
            .with("said", &read.institution)
            .into());
    }
    let mut answered = Answered {
        instruction: sent.number.clone(),
        already: false,
        applied: 0,
        repeated: 0,
        conflicts: Vec::new(),
        deductions: Vec::new(),
        promoted: Vec::new(),
    };
    let known = tx.query_opt(
        "SELECT answer_id FROM instruction_answer WHERE court_id = $1 AND book_id = $2 AND sha256 = $3",
        &[book.court_id.into(), book.book_id.into(), Value::Bytes(&sha256)],
        |row| row.int(0),
    )?;
    if known.is_some() {
        return Ok(Answered { already: true, ..answered });
    }
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let new = NewDocument { kind: "instruction_answer", name: &name, media_type: "application/octet-stream" };
    let document = documents::store(tx, &mut act, keys, randomness, &new, bytes.as_slice())?;
    let answer_id = act.take_ids(1);
    let mut taking = Taking { acting, chart, sent: &sent, answer_id, lines: Lines::default() };
    let mut conflicts = BTreeMap::new();
    for line in in_order(&read) {
        if let Err(message) = taking.take(tx, &mut act, line, &mut answered)? {
            let conflict = Conflict { line_no: line.line_no, order_id: line.said.order_id, message };
            conflicts.insert(line.line_no, conflict);
        }
    }
    taking.lines.write_states(tx, acting)?;
    for line in &read.lines {
        let conflict = conflicts.get(&line.line_no);
        let id = act.take_ids(1);
        act.insert(
            tx,
            &INSTRUCTION_ANSWER_LINE,
            id,
            &[
                id.into(),
                answer_id.into(),
                (line.line_no as i64).into(),
                line.said.order_id.into(),
                line.result.into(),
                line.said.on.to_string().as_str().into(),
                amount_of(line).map(Amount::minor).into(),
                conflict.map_or("", |conflict| conflict.message.code).into(),
            ],
        )?;
    }
    act.insert(
        tx,
        &INSTRUCTION_ANSWER,
        answer_id,
        &[
            answer_id.into(),
            sent.instruction_id.into(),
            document.document_id.into(),
            Value::Bytes(&sha256),
            (read.lines.len() as i64).into(),
            (answered.applied as i64).into(),
            (answered.repeated as i64).into(),
            (conflicts.len() as i64).into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    answered.conflicts = conflicts.into_values().collect();
    Ok(answered)
}

/// Earlier days first; of a day, those in force before those that wait, by their place; then by number.
fn in_order(read: &AnswerFile) -> Vec<&AnswerLine> {
    let mut lines: Vec<&AnswerLine> = read.lines.iter().collect();
    lines.sort_by_key(|line| {
        let place = if let Verdict::Waiting(place) = line.said.verdict { place } else { 0 };
        (line.said.on, place, line.said.order_id, line.line_no)
    });
    lines
}

const fn amount_of(line: &AnswerLine) -> Option<Amount> {
    match line.said.verdict {
        Verdict::Done(amount) => amount,
        Verdict::Partly(amount) | Verdict::Frozen(amount) => Some(amount),
        Verdict::Waiting(_) | Verdict::Refused => None,
    }
}

/// The lines of one answer, being taken.
struct Taking<'a> {
    acting: &'a Acting,
    chart: &'a Chart,
    sent: &'a Sent,
    answer_id: i64,
    lines: Lines,
}

/// The order that a line answers.
struct Asked {
    measure_id: i64,
    asset_id: i64,
    bank_account_id: Option<i64>,
    instruction_id: Option<i64>,
}

impl Taking<'_> {
    /// Takes one line. Within: why it does not count. What the books refuse (a closed month) refuses the whole file.
    fn take(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        line: &AnswerLine,
        answered: &mut Answered,
    ) -> Outcome<Result<(), Message>> {
        let book = act.book();
        let order_id = line.said.order_id;
        let Some(asked) = asked(tx, book, order_id)? else {
            return Ok(Err(Message::new("assets.order_unknown").with("order", order_id)));
        };
        if asked.instruction_id != Some(self.sent.instruction_id) {
            let elsewhere = Message::new("assets.order_elsewhere").with("order", order_id);
            return Ok(Err(elsewhere.with("number", &self.sent.number)));
        }
        let writer = self.lines.of(tx, book, asked.asset_id)?;
        let facts = match writer.line().answer(asked.measure_id, &line.said, self.acting.date) {
            Ok(facts) => facts,
            Err(refusal) => return Ok(Err(refusal.message())),
        };
        let case_id = writer.standing().record(asked.measure_id).and_then(|record| record.case_id);
        if facts.is_empty() {
            answered.repeated += 1;
            return Ok(Ok(()));
        }
        // What a bank has taken of the living allowance is not ours: it is told, and to be given back.
        if let Some(refused) = refused_deduction(tx, book, asked.asset_id, writer.standing(), &facts)? {
            return Ok(Err(refused));
        }
        let beside = Beside { reason: &line.reason, answer_id: Some(self.answer_id), ..Beside::default() };
        for fact in facts {
            writer.record(tx, act, &fact, &beside)?;
            match (fact.what, case_id, asked.bank_account_id) {
                (What::Deducted(amount), Some(case_id), Some(bank_account_id)) => {
                    let payer = if line.payer.is_empty() { &self.sent.institution } else { &line.payer };
                    let confirmed = Confirmed {
                        measure_id: asked.measure_id,
                        case_id,
                        bank_account_id,
                        amount,
                        payer_name: payer,
                        confirmed_on: fact.on,
                        order_id,
                        instruction_id: self.sent.instruction_id,
                        answer_id: self.answer_id,
                    };
                    let deduction_id = deductions::post(tx, act, self.acting, self.chart, &confirmed)?;
                    answered.deductions.push((deduction_id, amount));
                }
                (What::Deducted(_), ..) => {
                    let detail = format!("order {order_id} was deducted without a case or an account");
                    return Err(ankuan_ledger::Error::Inconsistent(detail).into());
                }
                (What::Promoted(_), ..) => answered.promoted.push(fact.measure_id),
                _ => {}
            }
        }
        answered.applied += 1;
        Ok(Ok(()))
    }
}

fn asked(tx: &mut Tx<'_>, book: BookKey, order_id: i64) -> Outcome<Option<Asked>> {
    Ok(tx.query_opt(
        "SELECT e.measure_id, e.asset_id, e.bank_account_id, s.instruction_id FROM measure_event AS e \
         LEFT JOIN measure_event AS s ON s.court_id = e.court_id AND s.book_id = e.book_id AND s.asset_id = e.asset_id \
         AND s.event = 'sent' AND s.order_id = e.id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.id = $3",
        &[book.court_id.into(), book.book_id.into(), order_id.into()],
        |row| {
            Ok(Asked {
                measure_id: row.int(0)?,
                asset_id: row.int(1)?,
                bank_account_id: row.opt_int(2)?,
                instruction_id: row.opt_int(3)?,
            })
        },
    )?)
}
