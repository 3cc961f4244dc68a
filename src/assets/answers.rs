//! Answers of institutions come in: each line held against its order and the line of its asset, then recorded.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Value};
use ankuan_ledger::{Act, Amount, BookKey, Tx};
use jiff::civil::Date;

use super::Action;
use super::deductions::{self, Confirmed};
use super::expectations::Income;
use super::instructions::{Sent, find_instruction};
use super::measures::{Beside, Lines};
use super::message::{AnswerFile, AnswerLine, read_answer};
use super::queries::{self, Found, Query, QueryState};
use super::register::find_asset;
use super::rules::{Refusal, Said, Verdict, What};
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
    /// Queries that found something: asset, what.
    pub found: Vec<(i64, Found)>,
    /// Expected income that these deductions fulfil.
    pub fulfilled: Vec<i64>,
    /// ALARM: expected income that the payer paid to somebody else.
    pub alarms: Vec<i64>,
    /// Policies that were ended: the deduction of the quote, and the last day to pay.
    pub surrendered: Vec<(i64, Date)>,
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
        found: Vec::new(),
        fulfilled: Vec::new(),
        alarms: Vec::new(),
        surrendered: Vec::new(),
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
    let mut taking = Taking {
        acting,
        chart,
        sent: &sent,
        answer_id,
        lines: Lines::default(),
        queries: BTreeMap::new(),
        income: BTreeMap::new(),
    };
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
        Verdict::Partly(amount) | Verdict::Frozen(amount) | Verdict::PaidElsewhere(amount) => Some(amount),
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
    /// Queries answered in this file, as they stand now.
    queries: BTreeMap<i64, Query>,
    /// Income expected of assets that this file is about.
    income: BTreeMap<i64, Income>,
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
            if let Some(query) = self.query(tx, book, order_id)? {
                return self.take_query(tx, act, query, line, answered);
            }
            return Ok(Err(Message::new("assets.order_unknown").with("order", order_id)));
        };
        if asked.instruction_id != Some(self.sent.instruction_id) {
            let elsewhere = Message::new("assets.order_elsewhere").with("order", order_id);
            return Ok(Err(elsewhere.with("number", &self.sent.number)));
        }
        if let Verdict::PaidElsewhere(amount) = line.said.verdict {
            return self.take_elsewhere(tx, act, &asked, (line, amount), answered);
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
                (What::Deducted(amount) | What::Surrendered(amount), Some(case_id), Some(bank_account_id)) => {
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
                    if matches!(fact.what, What::Surrendered(_)) {
                        let pay_by = deductions::record_surrender(tx, act, deduction_id, asked.measure_id, fact.on)?;
                        answered.surrendered.push((deduction_id, pay_by));
                    }
                    let income = income(&mut self.income, tx, book, asked.asset_id)?;
                    let money = (deduction_id, amount, fact.on);
                    answered.fulfilled.extend(income.deducted(tx, act, money, self.answer_id)?);
                }
                (What::Deducted(_) | What::Surrendered(_), ..) => {
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

    /// The query of a number, as it stands now.
    fn query(&self, tx: &mut Tx<'_>, book: BookKey, query_id: i64) -> Outcome<Option<Query>> {
        match self.queries.get(&query_id) {
            Some(query) => Ok(Some(query.clone())),
            None => queries::find(tx, book, query_id),
        }
    }

    /// Takes the answer to a query.
    fn take_query(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        mut query: Query,
        line: &AnswerLine,
        answered: &mut Answered,
    ) -> Outcome<Result<(), Message>> {
        if query.instruction_id != Some(self.sent.instruction_id) {
            let elsewhere = Message::new("assets.order_elsewhere").with("order", query.query_id);
            return Ok(Err(elsewhere.with("number", &self.sent.number)));
        }
        match query.answer(&line.said, line.share_bp, &line.reason, self.acting.date) {
            Err(refusal) => return Ok(Err(refusal.message())),
            Ok(None) => answered.repeated += 1,
            Ok(Some(state)) => {
                queries::record_answer(tx, act, &query, &state, self.answer_id, &line.reason)?;
                if let QueryState::Found(found) = &state {
                    answered.found.push((query.asset_id, *found));
                }
                query.state = state;
                answered.applied += 1;
            }
        }
        self.queries.insert(query.query_id, query);
        Ok(Ok(()))
    }

    /// Takes what a payer says it paid to somebody else, in the answer to the freeze or to a deduction of its income; the
    /// deduction is refused by it.
    fn take_elsewhere(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        asked: &Asked,
        (line, amount): (&AnswerLine, Amount),
        answered: &mut Answered,
    ) -> Outcome<Result<(), Message>> {
        let (book, order_id) = (act.book(), line.said.order_id);
        if !find_asset(tx, book, asked.asset_id)?.kind.is_recurring() {
            return Ok(Err(Refusal::AnswerKind { order_id }.message()));
        }
        if amount <= Amount::ZERO {
            return Ok(Err(Refusal::NotPositive { amount }.message()));
        }
        if line.said.on > self.acting.date {
            return Ok(Err(Refusal::AnswerDay { order_id, on: line.said.on }.message()));
        }
        let writer = self.lines.of(tx, book, asked.asset_id)?;
        let measure = writer.line().measure(asked.measure_id);
        let open = measure.and_then(|measure| measure.open.iter().find(|order| order.order_id == order_id)).copied();
        if open.is_some_and(|order| order.what.action() == Action::Deduct) {
            let said = Said { verdict: Verdict::Refused, ..line.said };
            let facts = match writer.line().answer(asked.measure_id, &said, self.acting.date) {
                Ok(facts) => facts,
                Err(refusal) => return Ok(Err(refusal.message())),
            };
            let beside = Beside { reason: &line.reason, answer_id: Some(self.answer_id), ..Beside::default() };
            for fact in facts {
                writer.record(tx, act, &fact, &beside)?;
            }
        }
        let income = income(&mut self.income, tx, book, asked.asset_id)?;
        let payment = (line.reason.as_str(), amount, line.said.on);
        match income.paid_elsewhere(tx, act, asked.measure_id, payment, self.answer_id)? {
            Some(expectation_id) => {
                answered.alarms.push(expectation_id);
                answered.applied += 1;
            }
            None => answered.repeated += 1,
        }
        Ok(Ok(()))
    }
}

/// The income expected of an asset, as it stands now.
fn income<'a>(
    known: &'a mut BTreeMap<i64, Income>,
    tx: &mut Tx<'_>,
    book: BookKey,
    asset_id: i64,
) -> Outcome<&'a mut Income> {
    Ok(match known.entry(asset_id) {
        Entry::Occupied(place) => place.into_mut(),
        Entry::Vacant(place) => place.insert(Income::of(tx, book, asset_id)?),
    })
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
