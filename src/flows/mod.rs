//! Flows: what matching found is applied through the room that owns it, in one transaction. Nothing else calls across
//! rooms so.

pub mod by_hand;
pub mod candidates;
mod load;
pub mod score;
pub mod undo;

use std::collections::{BTreeMap, HashMap, HashSet};

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Bulk, Table, Tx, Value};
use ankuan_ledger::{AccountId, Act, Amount, EntryNo, ItemId, Line, Place};
use ankuan_reconciliation::matching::{self, Match, Outcome as Finding, Report, Rules};
use ankuan_reconciliation::reply::Cause;

use crate::access::Acting;
use crate::amount::Total;
use crate::assets;
use crate::assets::differences::{self, Explanation};
use crate::books;
use crate::chart::{AccountKind, BankAccount, Chart, Event, Owner};
use crate::failure::{Failure, Outcome};
use crate::message::{Language, Message};
use crate::payouts::settle::{Settlement, Settles};
use crate::receipts::{NewReceipt, accounts_of, post_receipt, transfers};
use crate::replies::cause_word;
use crate::statements::days;
use crate::statements::import::may_import;
use crate::statements::{BankLine, find_line};
use crate::words::read_date;
use jiff::civil::Date;
use load::Loaded;

/// `matching`
pub static MATCHING: Table = Table {
    name: "matching",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("matching_id", Int),
        ("bank_account_id", Int),
        ("rules", Text),
        ("line_count", Int),
        ("matched_count", Int),
        ("ambiguous_count", Int),
        ("conflict_count", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["matching_id"],
};

/// `bank_match`
pub static BANK_MATCH: Table = Table {
    name: "bank_match",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("match_id", Int),
        ("matching_id", Int),
        ("group_id", Int),
        ("bank_line_id", Int),
        ("outcome", Text),
        ("target_id", Int),
        ("rule", Text),
        ("evidence", Text),
        ("first_entry_no", Int),
        ("last_entry_no", Int),
        ("mark", Int),
    ],
    order: &["match_id"],
};

/// `match_undo`
pub static MATCH_UNDO: Table = Table {
    name: "match_undo",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("group_id", Int),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `line_match`, a state: a line that is in a match has one row.
pub static LINE_MATCH: Table = Table {
    name: "line_match",
    columns: &[("court_id", Int), ("book_id", Int), ("bank_line_id", Int), ("group_id", Int)],
    order: &["bank_line_id"],
};

/// `receipt_match`, a state.
pub static RECEIPT_MATCH: Table = Table {
    name: "receipt_match",
    columns: &[("court_id", Int), ("book_id", Int), ("receipt_id", Int), ("group_id", Int)],
    order: &["receipt_id"],
};

/// Up to so many cases are asked for their accounts one by one; for more, all accounts of the court are read.
const CASES_ASKED_EACH: usize = 100;

/// The rule's name when a person matched.
pub const BY_HAND: &str = "by_hand";

/// A line left to a person, with what is known of it.
#[derive(Debug, Clone)]
pub struct Left {
    /// The line.
    pub line: BankLine,
    /// Why it is left to a person.
    pub why: Vec<Message>,
}

/// What one run of the rules did.
#[derive(Debug, Clone, Default)]
pub struct Matched {
    /// Row.
    pub matching_id: i64,
    /// Open lines that were looked at.
    pub lines: u64,
    /// Lines that found what they are.
    pub matched: u64,
    /// Payments debited, failed, returned, and what they come to.
    pub debited: Total,
    /// Failed before they were debited.
    pub failed: Total,
    /// Came back.
    pub returned: Total,
    /// Receipts recorded: to a case, and unattributed.
    pub receipts: Total,
    /// Unattributed.
    pub unattributed: Total,
    /// Lines for a person, with their candidates or conflicts.
    pub left: Vec<Left>,
    /// Searches that were given up.
    pub gave_up: Vec<Message>,
    /// Rules by name: matches, lines.
    pub rules: Vec<(String, u64, u64)>,
}

/// Runs the rules over the open lines of an account and posts what they find. Needs finance or the fund keeper. Lines
/// with several explanations, or that contradict what is recorded, are left to a person.
///
/// # Errors
/// `access.role_missing`, `signoff.day_closed` (the accounting date lies in a day that is signed off), those of posting.
pub fn match_account(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    account: &BankAccount,
    rules: Rules,
    rules_text: &str,
) -> Outcome<Matched> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reconcile.match")?;
    may_import(tx, acting)?;
    days::must_be_open(tx, acting.actor.court_id, account, acting.date)?;
    let mut loaded = load::load(tx, acting.actor.court_id, account, acting.date, load::Runs::Recent)?;
    let input = std::mem::take(&mut loaded.input);
    let report = matching::run(input, rules);
    let matching_id = act.take_ids(1);
    let mut apply = Apply::new(acting, chart, account, matching_id, &mut loaded);
    apply.report(tx, &mut act, &report)?;
    let mut done = apply.finish(tx)?;
    done.matching_id = matching_id;
    done.lines = (loaded.lines.len() + loaded.finer.len()) as u64;
    done.gave_up = report.gave_up.iter().map(|search| loaded.said(&report.given_up(search))).collect();
    done.left.extend(left(&report, &loaded));
    done.left.sort_by_key(|left| left.line.bank_line_id);
    let counts = [report.ambiguous.len(), report.conflicts.len()].map(|count| count as i64);
    // A run that found nothing new leaves no trace: it can be repeated every minute.
    if done.matched == 0 && done.failed.count == 0 {
        done.matching_id = 0;
        return Ok(done);
    }
    act.insert(
        tx,
        &MATCHING,
        matching_id,
        &[
            matching_id.into(),
            account.bank_account_id.into(),
            rules_text.into(),
            (done.lines as i64).into(),
            (done.matched as i64).into(),
            counts[0].into(),
            counts[1].into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(done)
}

/// Every open line, and what the rules would say of it now; nothing is posted.
///
/// # Errors
/// What the database says.
pub fn open_findings(
    tx: &mut Tx<'_>,
    court_id: i64,
    account: &BankAccount,
    rules: Rules,
    today: Date,
) -> Outcome<Vec<Left>> {
    let mut loaded = load::load(tx, court_id, account, today, load::Runs::Recent)?;
    let input = std::mem::take(&mut loaded.input);
    let report = matching::run(input, rules);
    let mut open = left(&report, &loaded);
    // What comes back or fails is judged after the debits of the same run, which are not here yet.
    let debits_pending = report.matches.iter().any(|found| phase(found) == 0);
    for found in &report.matches {
        let objection = if phase(found) == 1 && debits_pending { None } else { loaded.objection(found) };
        let why = objection.unwrap_or_else(|| {
            let rule = &report.rules().list[usize::from(found.rule)].name;
            Message::new("flows.would_match").with("rule", rule)
        });
        let lines = found.lines.iter().filter_map(|line| loaded.line(*line));
        open.extend(lines.map(|line| Left { line: line.clone(), why: vec![why.clone()] }));
    }
    open.sort_by_key(|left| left.line.bank_line_id);
    Ok(open)
}

fn left(report: &Report, loaded: &Loaded) -> Vec<Left> {
    let mut left = Vec::new();
    for ambiguous in &report.ambiguous {
        let why = ambiguous.candidates.iter().map(|candidate| loaded.said(&report.why(ambiguous, candidate))).collect();
        left.push((ambiguous.line_id, why));
    }
    for conflict in &report.conflicts {
        left.push((conflict.line_id, vec![loaded.said(&report.difference(conflict))]));
    }
    for line_id in &report.open_lines {
        left.push((*line_id, Vec::new()));
    }
    left.sort_by_key(|(line_id, _)| *line_id);
    let mut found: Vec<Left> =
        left.into_iter().filter_map(|(line_id, why)| Some(Left { line: loaded.line(line_id)?.clone(), why })).collect();
    found.extend(loaded.finer.iter().map(|line| Left {
        line: line.clone(),
        why: vec![Message::new("flows.finer_than_fen").with("amount", &line.exact_amount)],
    }));
    found
}

fn as_json(message: &Message) -> String {
    let arguments: serde_json::Map<String, serde_json::Value> =
        message.arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    serde_json::json!({"code": message.code, "arguments": arguments}).to_string()
}

/// Applies findings inside an act.
struct Apply<'a> {
    acting: &'a Acting,
    chart: &'a Chart,
    account: &'a BankAccount,
    matching_id: i64,
    loaded: &'a mut Loaded,
    settlement: Settlement<'a>,
    /// Files debited in this run without what failed, and the match that says so.
    less_failed: HashMap<i64, i64>,
    /// By hand: a line may bring another amount than a deduction, with this word for the difference.
    explained: Option<Option<Explanation<'a>>>,
    /// What each rule found: matches, lines.
    rules: BTreeMap<u16, (u64, u64)>,
    /// Accounts of receipts, by case.
    receipt_accounts: HashMap<Option<i64>, (AccountId, AccountId)>,
    line_matches: Vec<(i64, i64)>,
    receipt_matches: Vec<(i64, i64)>,
    done: Matched,
}

/// The order in which findings are applied.
const fn phase(found: &Match) -> usize {
    match found.outcome {
        Finding::PaymentDebited { .. } | Finding::PaymentsDebited { .. } | Finding::FileDebited { .. } => 0,
        Finding::PaymentReturned { .. } | Finding::PaymentsReturned { .. } | Finding::LumpReturned { .. } => 1,
        Finding::CaseReceipt { .. } => 2,
        Finding::Unattributed => 3,
        _ => 4,
    }
}

/// One match on its way into the record.
struct Group {
    group_id: i64,
    rule: String,
    evidence: String,
}

impl<'a> Apply<'a> {
    fn new(
        acting: &'a Acting,
        chart: &'a Chart,
        account: &'a BankAccount,
        matching_id: i64,
        loaded: &'a mut Loaded,
    ) -> Self {
        Self {
            acting,
            chart,
            account,
            matching_id,
            loaded,
            settlement: Settlement::new(chart, acting.actor.court_id, account.bank_account_id),
            less_failed: HashMap::new(),
            explained: None,
            rules: BTreeMap::new(),
            receipt_accounts: HashMap::new(),
            line_matches: Vec::new(),
            receipt_matches: Vec::new(),
            done: Matched::default(),
        }
    }

    /// Debits first, then what failed, what came back, money in, and the bank's own lines: one voucher each.
    fn report(&mut self, tx: &mut Tx<'_>, act: &mut Act, report: &Report) -> Outcome<()> {
        let heads = [Event::BankDebited, Event::LineReturned, Event::ReceiptKnown, Event::ReceiptUnknown];
        for (number, event) in heads.iter().enumerate() {
            let mut of_phase: Vec<&Match> = report.matches.iter().filter(|found| phase(found) == number).collect();
            // Single payments before the rest of their file: what a file settles is what they leave.
            of_phase.sort_by_key(|found| {
                matches!(found.outcome, Finding::FileDebited { .. } | Finding::LumpReturned { .. })
            });
            if *event == Event::ReceiptKnown {
                self.ask_for_accounts(tx, act, &of_phase)?;
            }
            if !of_phase.is_empty() {
                act.begin_voucher(tx, &self.chart.voucher(*event, self.acting.date, 1))?;
            }
            for found in of_phase {
                self.apply(tx, act, report, found)?;
            }
            if number == 0 {
                self.failures(tx, act)?;
            }
        }
        for found in report.matches.iter().filter(|found| phase(found) == 4) {
            self.apply(tx, act, report, found)?;
        }
        let names = &report.rules().list;
        self.done.rules =
            self.rules.iter().map(|(rule, count)| (names[usize::from(*rule)].name.clone(), count.0, count.1)).collect();
        Ok(())
    }

    /// Finds the accounts of the cases that receive something, where they are many.
    fn ask_for_accounts(&mut self, tx: &mut Tx<'_>, act: &mut Act, receipts: &[&Match]) -> Outcome<()> {
        let cases: HashSet<i64> = receipts
            .iter()
            .filter_map(|found| match found.outcome {
                Finding::CaseReceipt { case_id, .. } if self.loaded.objection(found).is_none() => Some(case_id),
                _ => None,
            })
            .collect();
        if cases.len() > CASES_ASKED_EACH {
            let (court_id, bank_account_id) = (self.acting.actor.court_id, self.account.bank_account_id);
            let event = Event::ReceiptKnown;
            let found = self.chart.accounts_of_cases(tx, court_id, event, bank_account_id, cases.into_iter())?;
            act.load_accounts(tx, found.values().map(|(_, credit)| *credit))?;
            self.receipt_accounts.extend(found.into_iter().map(|(case_id, accounts)| (Some(case_id), accounts)));
        }
        Ok(())
    }

    /// Applies a finding, or leaves its lines to a person where the books say that it cannot be so.
    fn apply(&mut self, tx: &mut Tx<'_>, act: &mut Act, report: &Report, found: &Match) -> Outcome<()> {
        if let Some(why) = self.loaded.objection(found) {
            for line in found.lines.iter().filter_map(|line| self.loaded.line(*line)) {
                self.done.left.push(Left { line: line.clone(), why: vec![why.clone()] });
            }
            return Ok(());
        }
        let rule = report.rules().list[usize::from(found.rule)].name.clone();
        let evidence = as_json(&self.loaded.said(&report.evidence(found)));
        let count = self.rules.entry(found.rule).or_insert((0, 0));
        *count = (count.0 + 1, count.1 + found.lines.len() as u64);
        self.found(tx, act, (&found.lines, &found.outcome), rule, evidence).map(drop)
    }

    /// Applies one finding under the open voucher; those of the last phase begin their own.
    fn found(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        (lines, outcome): (&[i64], &Finding),
        rule: String,
        evidence: String,
    ) -> Outcome<i64> {
        let group = Group { group_id: act.take_ids(1), rule, evidence };
        let line_id = lines[0];
        for line in lines {
            self.line_matches.push((*line, group.group_id));
        }
        self.done.matched += lines.len() as u64;
        let amount = match self.loaded.line(line_id) {
            Some(line) => line.amount,
            None => find_line(tx, self.acting.actor.court_id, line_id)?.amount,
        };
        let (word, targets, entries) = match outcome {
            Finding::PaymentDebited { payment_id } => {
                let entries = self.settle(tx, act, Settles::Debited, &[*payment_id], lines, &group)?;
                ("payment_debited", vec![*payment_id], entries)
            }
            Finding::PaymentsDebited { payment_ids } => {
                let entries = self.settle(tx, act, Settles::Debited, payment_ids, lines, &group)?;
                ("payments_debited", vec![0], entries)
            }
            Finding::FileDebited { file_id, less_failed } => {
                let payments = self.loaded.settled_by(outcome);
                let entries = self.settle(tx, act, Settles::Debited, &payments, lines, &group)?;
                if *less_failed {
                    // What failed goes back to its payees with the same match, and comes back with its undo.
                    self.less_failed.insert(*file_id, group.group_id);
                }
                (if *less_failed { "file_debited_less_failed" } else { "file_debited" }, vec![*file_id], entries)
            }
            Finding::PaymentReturned { payment_id } => {
                let entries = self.settle(tx, act, Settles::Returned, &[*payment_id], lines, &group)?;
                ("payment_returned", vec![*payment_id], entries)
            }
            Finding::PaymentsReturned { payment_ids } => {
                let entries = self.settle(tx, act, Settles::Returned, payment_ids, lines, &group)?;
                ("payments_returned", vec![0], entries)
            }
            Finding::LumpReturned { file_id, .. } => {
                let payments = self.loaded.settled_by(outcome);
                let entries = self.settle(tx, act, Settles::Returned, &payments, lines, &group)?;
                ("lump_returned", vec![*file_id], entries)
            }
            Finding::ReceiptLinked { receipt_ids } => {
                self.link(receipt_ids, group.group_id);
                ("receipt_linked", receipt_ids.to_vec(), (0, 0))
            }
            Finding::CaseReceipt { case_id, sub_account_id } => {
                let (receipts, entries) = self.receipts(tx, act, lines, Some(*case_id), *sub_account_id)?;
                self.link(&receipts, group.group_id);
                ("case_receipt", receipts, entries)
            }
            Finding::Unattributed => {
                let (receipts, entries) = self.receipts(tx, act, lines, None, None)?;
                self.link(&receipts, group.group_id);
                ("unattributed", receipts, entries)
            }
            Finding::Interest => {
                ("interest", vec![0], self.own_line(tx, act, Event::BankInterestTreasury, line_id, amount)?)
            }
            Finding::Charges => ("charges", vec![0], self.own_line(tx, act, Event::BankCharges, line_id, amount)?),
            Finding::CardTakings { receipt_ids, fee_minor } => {
                self.link(receipt_ids, group.group_id);
                let entries = if *fee_minor > 0 {
                    self.own_line(tx, act, Event::BankCharges, line_id, Amount::from_minor(*fee_minor))?
                } else {
                    (0, 0)
                };
                ("card_takings", receipt_ids.to_vec(), entries)
            }
            Finding::Reversed { line_id: credit, receipt_id } => {
                // Both lines open: nothing was posted, nothing remains.
                if lines.len() > 1 {
                    ("washed", vec![*credit], (0, 0))
                } else {
                    let debit = lines[0];
                    let entries = self.taken_back(tx, act, debit, *credit, *receipt_id)?;
                    ("receipt_reversed", vec![receipt_id.unwrap_or(0)], entries)
                }
            }
            Finding::Recovered { id } => {
                let entries = self.recovered(tx, act, line_id, *id, amount)?;
                ("recovered", vec![*id], entries)
            }
            Finding::ArrivalArrived { expected_ids } => {
                let entries = self.arrived(tx, act, lines, expected_ids, group.group_id)?;
                ("deduction_arrived", expected_ids.to_vec(), entries)
            }
        };
        self.record(tx, act, &group, lines, word, &targets, entries)?;
        Ok(group.group_id)
    }

    /// The rows of a match: a line with each target, the other lines with the first; the entries stand on the first.
    #[allow(clippy::too_many_arguments)]
    fn record(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        group: &Group,
        lines: &[i64],
        outcome: &str,
        targets: &[i64],
        entries: (i64, i64),
    ) -> Outcome<()> {
        let first_line = lines.first().copied().unwrap_or(0);
        let first_target = targets.first().copied().unwrap_or(0);
        let with_targets = targets.iter().map(|target| (first_line, *target));
        let others = lines.iter().skip(1).map(|line| (*line, first_target));
        for (place, (line, target)) in with_targets.chain(others).enumerate() {
            // What failed of a file joins the match of its debit, which has its row already.
            let is_first = place == 0 && (outcome != "payments_failed" || !self.is_recorded(group.group_id));
            let match_id = if is_first { group.group_id } else { act.take_ids(1) };
            let (first_entry, last_entry) = if place == 0 { entries } else { (0, 0) };
            act.insert(
                tx,
                &BANK_MATCH,
                // The group's own id was taken before what it settles; later rows must rise.
                match_id,
                &[
                    match_id.into(),
                    self.matching_id.into(),
                    group.group_id.into(),
                    line.into(),
                    outcome.into(),
                    target.into(),
                    group.rule.as_str().into(),
                    if place == 0 { group.evidence.as_str().into() } else { Value::Text("") },
                    first_entry.into(),
                    last_entry.into(),
                ],
            )?;
        }
        Ok(())
    }

    fn is_recorded(&self, group_id: i64) -> bool {
        self.less_failed.values().any(|known| *known == group_id)
    }

    fn line(&self, tx: &mut Tx<'_>, line_id: i64) -> Outcome<BankLine> {
        match self.loaded.line(line_id) {
            Some(line) => Ok(line.clone()),
            None => find_line(tx, self.acting.actor.court_id, line_id),
        }
    }

    fn link(&mut self, receipts: &[i64], group_id: i64) {
        self.receipt_matches.extend(receipts.iter().map(|receipt| (*receipt, group_id)));
    }

    /// Settles payments; the item on the bank deposit is the first line of the match.
    fn settle(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        what: Settles,
        payments: &[i64],
        lines: &[i64],
        group: &Group,
    ) -> Outcome<(i64, i64)> {
        let line_id = lines.first().copied().unwrap_or(0);
        let reason = self.loaded.line(line_id).map(|line| line.reason.clone()).unwrap_or_default();
        let mut entries = (0, 0);
        for payment_id in payments {
            let payment = self.loaded.payment_mut(*payment_id).ok_or_else(|| {
                ankuan_ledger::Error::Inconsistent(format!("payment {payment_id} was matched and is not known"))
            })?;
            let why = match what {
                Settles::Debited => (String::new(), String::new()),
                Settles::Failed => (payment.cause.clone(), String::new()),
                Settles::Returned => {
                    let cause = if payment.cause.is_empty() { cause_of(&reason) } else { payment.cause.as_str() };
                    (cause.to_owned(), reason.clone())
                }
            };
            let amount = payment.amount;
            let entry = self.settlement.settle(tx, act, what, payment, (line_id, group.group_id), (&why.0, &why.1))?;
            entries = spanning(entries, entry);
            let total = match what {
                Settles::Debited => &mut self.done.debited,
                Settles::Failed => &mut self.done.failed,
                Settles::Returned => &mut self.done.returned,
            };
            total.add(amount)?;
        }
        Ok(entries)
    }

    /// Payments that the bank refused and did not debit: when the rest of their file was debited without them, or the
    /// whole file was refused and the statements have passed the day it was released.
    fn failures(&mut self, tx: &mut Tx<'_>, act: &mut Act) -> Outcome<()> {
        let files = self.loaded.files_without_failures(&self.less_failed);
        let mut began = false;
        for (file_id, payments) in files {
            if !began {
                act.begin_voucher(tx, &self.chart.voucher(Event::LineFailed, self.acting.date, 1))?;
                began = true;
            }
            let message = Message::new("flows.evidence_failed").with("count", payments.len());
            let group_id = match self.less_failed.get(&file_id) {
                Some(group_id) => *group_id,
                None => act.take_ids(1),
            };
            let group = Group { group_id, rule: "answered_failed".to_owned(), evidence: as_json(&message) };
            let entries = self.settle(tx, act, Settles::Failed, &payments, &[0], &group)?;
            self.record(tx, act, &group, &[0], "payments_failed", &[file_id], entries)?;
        }
        Ok(())
    }

    /// New money: one receipt for each line.
    fn receipts(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        lines: &[i64],
        case_id: Option<i64>,
        sub_account_id: Option<i64>,
    ) -> Outcome<(Vec<i64>, (i64, i64))> {
        let sub_account = sub_account_id.and_then(|id| self.loaded.sub_account(id)).cloned();
        let accounts = match self.receipt_accounts.get(&case_id) {
            Some(known) => *known,
            None => {
                let found = accounts_of(tx, self.acting, self.chart, self.account, case_id)?;
                self.receipt_accounts.insert(case_id, found);
                found
            }
        };
        let (mut receipts, mut entries) = (Vec::new(), (0, 0));
        for line_id in lines {
            let line = self.line(tx, *line_id)?;
            let reference = self.loaded.receipt_reference(&line);
            let new = NewReceipt {
                bank_account: self.account,
                bank_reference: &reference,
                value_date: line.value_on.min(line.booked_on),
                arrived_on: line.booked_on,
                amount: line.amount,
                payer_name: text_of_receipt(&line.name),
                case_id,
                sub_account: sub_account.as_ref(),
                remark: text_of_receipt(&line.remark),
            };
            let before = act.next_entry();
            let receipt_id = act.take_items(1);
            let receipt = post_receipt(tx, act, self.acting, accounts, &new, (receipt_id, *line_id))?;
            if let Some(case_id) = case_id.filter(|case| self.loaded.has_sub_account(*case)) {
                transfers::record(tx, act, &receipt, case_id, None)?;
            }
            entries = spanning(entries, before);
            receipts.push(receipt.receipt_id);
            let total = if case_id.is_some() { &mut self.done.receipts } else { &mut self.done.unattributed };
            total.add(line.amount)?;
        }
        Ok((receipts, entries))
    }

    /// Deducted money is here: one line for one or several deductions, or several lines for one. It is no longer on its way,
    /// and may be distributed. By hand it may be another amount; the difference is posted with its explanation.
    fn arrived(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        lines: &[i64],
        expected_ids: &[i64],
        group_id: i64,
    ) -> Outcome<(i64, i64)> {
        let court_id = self.acting.actor.court_id;
        let event = Event::ExpectedMoneyArrived;
        let mut entries = (0, 0);
        if let (Some(explanation), [line_id], [deduction_id]) = (self.explained, lines, expected_ids) {
            return self.arrived_otherwise(tx, act, (*line_id, *deduction_id, group_id), explanation);
        }
        act.begin_voucher(tx, &self.chart.voucher(event, self.acting.date, 1))?;
        let mut released: BTreeMap<i64, (Place, Amount)> = BTreeMap::new();
        for line_id in lines {
            for deduction_id in expected_ids {
                let expected = self.loaded.expected.get(deduction_id).ok_or_else(|| {
                    ankuan_ledger::Error::Inconsistent(format!("deduction {deduction_id} was matched and is not known"))
                })?;
                let owner =
                    Owner { bank_account_id: Some(self.account.bank_account_id), case_id: Some(expected.case_id) };
                // Several lines bring one deduction in parts; one line brings several whole.
                let amount = if lines.len() > 1 { self.line(tx, *line_id)?.amount } else { expected.amount };
                let items = (ItemId(*line_id), ItemId(*deduction_id));
                let here = self.chart.line(tx, court_id, event, owner, items, amount)?;
                let entry = act.post(tx, &[here])?;
                let funds = self.chart.account(tx, court_id, AccountKind::CaseFunds, owner)?;
                let place = Place { account: funds, item: ItemId(*deduction_id) };
                let (_, here) = released.entry(*deduction_id).or_insert((place, Amount::ZERO));
                let overflow = || ankuan_ledger::Error::Inconsistent(format!("deduction {deduction_id} overflows"));
                *here = here.plus(amount).ok_or_else(overflow)?;
                entries = spanning(entries, entry);
                self.done.receipts.add(amount)?;
            }
        }
        // Once for each: what is held is read as it was before this act.
        for (place, amount) in released.into_values() {
            assets::release_on_arrival(tx, act, place, amount)?;
        }
        Ok(entries)
    }

    /// One line brings one deduction, perhaps with another amount.
    fn arrived_otherwise(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        (line_id, deduction_id, group_id): (i64, i64, i64),
        explanation: Option<Explanation<'_>>,
    ) -> Outcome<(i64, i64)> {
        let court_id = self.acting.actor.court_id;
        let line = self.line(tx, line_id)?;
        let broken = || ankuan_ledger::Error::Inconsistent(format!("deduction {deduction_id} cannot be split"));
        let (case_id, on_its_way) =
            self.loaded.expected.get(&deduction_id).map(|one| (one.case_id, one.amount)).ok_or_else(broken)?;
        let split = differences::split(line.amount, on_its_way, explanation.is_some()).ok_or_else(broken)?;
        let owner = Owner { bank_account_id: Some(self.account.bank_account_id), case_id: Some(case_id) };
        let mut entries = (0, 0);
        if split.arrived > Amount::ZERO {
            let event = Event::ExpectedMoneyArrived;
            act.begin_voucher(tx, &self.chart.voucher(event, self.acting.date, 1))?;
            let items = (ItemId(line_id), ItemId(deduction_id));
            let here = self.chart.line(tx, court_id, event, owner, items, split.arrived)?;
            entries = spanning(entries, act.post(tx, &[here])?);
        }
        // What is here may be distributed, what is missing is no longer held: once for both, since what is held is read as
        // it was before this act.
        let missing = match split.difference {
            Some((differences::Kind::Shortfall, missing)) => missing,
            _ => Amount::ZERO,
        };
        let off_the_way = split.arrived.plus(missing).ok_or_else(broken)?;
        if off_the_way > Amount::ZERO {
            let funds = self.chart.account(tx, court_id, AccountKind::CaseFunds, owner)?;
            assets::release_on_arrival(tx, act, Place { account: funds, item: ItemId(deduction_id) }, off_the_way)?;
        }
        if let (Some(difference), Some(explanation)) = (split.difference, explanation) {
            let of = differences::Of {
                deduction_id,
                case_id,
                bank_account_id: self.account.bank_account_id,
                bank_line_id: Some(line_id),
                group_id: Some(group_id),
            };
            let entry = differences::record(tx, act, self.acting, self.chart, &of, difference, &explanation)?;
            entries = spanning(entries, entry);
        }
        self.done.receipts.add(line.amount)?;
        Ok(entries)
    }

    /// The bank's own lines: interest, charges.
    fn own_line(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        event: Event,
        line_id: i64,
        amount: Amount,
    ) -> Outcome<(i64, i64)> {
        let owner = Owner { bank_account_id: Some(self.account.bank_account_id), case_id: None };
        let amount = Amount::from_minor(amount.minor().abs());
        let items = (ItemId(line_id), ItemId(line_id));
        let line = self.chart.line(tx, self.acting.actor.court_id, event, owner, items, amount)?;
        act.begin_voucher(tx, &self.chart.voucher(event, self.acting.date, 1))?;
        let entry = act.post(tx, &[line])?;
        Ok((entry.0, entry.0))
    }

    /// The bank takes a credit back. Money of no case goes out the way it came; money of a case becomes a receivable,
    /// and what is left of it in the case is held: never a negative case, never another case's money.
    fn taken_back(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        debit_line: i64,
        credit_line: i64,
        receipt_id: Option<i64>,
    ) -> Outcome<(i64, i64)> {
        let court_id = self.acting.actor.court_id;
        let book = books::case_money(court_id);
        let unknown = || Failure::from(Message::new("flows.reversal_of_no_receipt").with("line", credit_line));
        let receipt = crate::receipts::find_receipt(tx, book, receipt_id.ok_or_else(unknown)?)?;
        let event = Event::ReceiptReversed;
        act.begin_voucher(tx, &self.chart.voucher(event, self.acting.date, 1))?;
        let owner = Owner { bank_account_id: Some(self.account.bank_account_id), case_id: receipt.owner_case_id() };
        let bank = self.chart.account(tx, court_id, AccountKind::Bank, owner)?;
        let credit = Place { account: bank, item: ItemId(debit_line) };
        let item = ItemId(receipt.receipt_id);
        let Some(case_id) = receipt.owner_case_id() else {
            let unattributed = self.chart.account(tx, court_id, AccountKind::Unattributed, owner)?;
            let debit = Place { account: unattributed, item };
            let entry = act.post(tx, &[Line { debit, credit, amount: receipt.amount }])?;
            return Ok((entry.0, entry.0));
        };
        let receivable = self.chart.account(tx, court_id, AccountKind::Receivable, owner)?;
        let debit = Place { account: receivable, item };
        let entry = act.post(tx, &[Line { debit, credit, amount: receipt.amount }])?;
        let funds = self.chart.account(tx, court_id, AccountKind::CaseFunds, owner)?;
        let left = crate::receipts::receipts_of_case(tx, book, case_id)?
            .into_iter()
            .find(|one| one.receipt_id == receipt.receipt_id)
            .map_or(Amount::ZERO, |one| one.available);
        if left > Amount::ZERO {
            act.hold(tx, Place { account: funds, item }, left, TAKEN_BACK)?;
        }
        Ok((entry.0, entry.0))
    }

    /// Money that was to be recovered comes back; what was held for it in the case is let go.
    fn recovered(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        line_id: i64,
        receipt_id: i64,
        amount: Amount,
    ) -> Outcome<(i64, i64)> {
        let court_id = self.acting.actor.court_id;
        let receipt = crate::receipts::find_receipt(tx, books::case_money(court_id), receipt_id)?;
        let owner = Owner { bank_account_id: Some(self.account.bank_account_id), case_id: receipt.owner_case_id() };
        let items = (ItemId(line_id), ItemId(receipt_id));
        let line = self.chart.line(tx, court_id, Event::Recovered, owner, items, amount)?;
        act.begin_voucher(tx, &self.chart.voucher(Event::Recovered, self.acting.date, 1))?;
        let entry = act.post(tx, &[line])?;
        let funds = self.chart.account(tx, court_id, AccountKind::CaseFunds, owner)?;
        let holds = taken_back_holds(tx, court_id, funds.0, receipt_id)?;
        let mut left = amount.minor();
        for (hold_id, remaining) in holds {
            let part = left.min(remaining);
            if part > 0 {
                act.release(tx, ankuan_ledger::HoldId(hold_id), Amount::from_minor(part), "recovered")?;
                left -= part;
            }
        }
        Ok((entry.0, entry.0))
    }

    /// Writes the states.
    fn finish(mut self, tx: &mut Tx<'_>) -> Outcome<Matched> {
        let court_id = self.acting.actor.court_id;
        self.settlement.finish(tx)?;
        for (table, pairs) in [(&LINE_MATCH, &mut self.line_matches), (&RECEIPT_MATCH, &mut self.receipt_matches)] {
            pairs.sort_unstable();
            let mut rows = Bulk::new(table);
            for (id, group_id) in pairs {
                rows.push(tx, &[court_id.into(), books::CASE_MONEY.into(), (*id).into(), (*group_id).into()])?;
            }
            rows.finish(tx)?;
        }
        Ok(self.done)
    }
}

/// The reason of a hold on what is left in a case of a receipt that the bank took back.
pub(super) const TAKEN_BACK: &str = "receipt taken back by the bank";

/// Such holds on an item of case funds, and what is left of them.
pub(super) fn taken_back_holds(
    tx: &mut Tx<'_>,
    court_id: i64,
    funds: i64,
    receipt_id: i64,
) -> Outcome<Vec<(i64, i64)>> {
    Ok(tx.query(
        "SELECT h.hold_id, h.remaining_minor FROM hold AS h JOIN hold_event AS e ON e.court_id = h.court_id \
         AND e.book_id = h.book_id AND e.id = h.hold_id WHERE h.court_id = $1 AND h.book_id = $2 AND h.account_id = $3 \
         AND h.item_id = $4 AND h.remaining_minor > 0 AND e.reason = $5 ORDER BY h.hold_id",
        &[court_id.into(), books::CASE_MONEY.into(), funds.into(), receipt_id.into(), TAKEN_BACK.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?)
}

fn spanning(entries: (i64, i64), entry: EntryNo) -> (i64, i64) {
    (if entries.0 == 0 { entry.0 } else { entries.0 }, entry.0)
}

/// A text of a line as a receipt takes it: no longer than its field.
fn text_of_receipt(text: &str) -> &str {
    text.char_indices().nth(400).map_or(text, |(end, _)| &text[..end])
}

/// The cause behind the bank's code for a return.
fn cause_of(reason: &str) -> &'static str {
    let code = reason.split([' ', ':', '：', ';']).next().unwrap_or_default();
    cause_word(Cause::of_reason_code(code))
}

/// One match that a line is or was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastMatch {
    /// The match.
    pub group_id: i64,
    /// What the line was found to be.
    pub outcome: String,
    /// Payment, file, receipt, case…; 0 for none or several.
    pub target_id: i64,
    /// The rule that found it.
    pub rule: String,
    /// One sentence: code and arguments as JSON.
    pub evidence: String,
    /// Why it was taken back, if it was.
    pub undone: Option<String>,
}

impl PastMatch {
    /// The outcome in words.
    #[must_use]
    pub fn outcome_message(&self) -> Message {
        Message::new(match self.outcome.as_str() {
            "payment_debited" | "payments_debited" => "flows.payment_debited",
            "file_debited" => "flows.file_debited",
            "file_debited_less_failed" => "flows.file_debited_less_failed",
            "payment_returned" | "payments_returned" => "flows.payment_returned",
            "lump_returned" => "flows.lump_returned",
            "receipt_linked" => "flows.receipt_linked",
            "deduction_arrived" => "flows.deduction_arrived",
            "case_receipt" => "flows.case_receipt",
            "unattributed" => "flows.unattributed",
            "interest" => "flows.interest",
            "charges" => "flows.charges",
            "card_takings" => "flows.card_takings",
            "washed" => "flows.washed",
            "receipt_reversed" => "flows.receipt_reversed",
            "recovered" => "flows.recovered",
            _ => "flows.payments_failed",
        })
    }
}

/// The matches that a line is or was in, oldest first.
///
/// # Errors
/// What the database says.
pub fn history_of_line(tx: &mut Tx<'_>, court_id: i64, bank_line_id: i64) -> Outcome<Vec<PastMatch>> {
    // A match is younger than its lines, and ids rise: the key bounds what is read.
    Ok(tx.query(
        "SELECT b.group_id, b.outcome, b.target_id, b.rule, g.evidence, u.reason FROM bank_match AS b \
         JOIN bank_match AS g ON g.court_id = b.court_id AND g.book_id = b.book_id AND g.match_id = b.group_id \
         LEFT JOIN match_undo AS u ON u.court_id = b.court_id AND u.book_id = b.book_id AND u.group_id = b.group_id \
         WHERE b.court_id = $1 AND b.book_id = $2 AND b.match_id > $3 AND b.bank_line_id = $3 ORDER BY b.match_id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_line_id.into()],
        |row| {
            Ok(PastMatch {
                group_id: row.int(0)?,
                outcome: row.text(1)?.to_owned(),
                target_id: row.int(2)?,
                rule: row.text(3)?.to_owned(),
                evidence: row.text(4)?.to_owned(),
                undone: row.opt_text(5)?.map(str::to_owned),
            })
        },
    )?)
}

/// The sentence of a stored evidence.
#[must_use]
pub fn evidence_text(evidence: &str, language: Language) -> String {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(evidence) else { return evidence.to_owned() };
    let code = value["code"].as_str().unwrap_or_default();
    let arguments = value["arguments"].as_object();
    let (names, values): (Vec<&str>, Vec<String>) = arguments
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default().to_owned()))
        .unzip();
    rust_i18n::replace_patterns(&rust_i18n::t!(code, locale = language.locale()), &names, &values)
}

/// The receipts whose money stands unattributed in the books: neither attributed nor taken back.
///
/// # Errors
/// What the database says.
pub fn standing_unattributed(tx: &mut Tx<'_>, court_id: i64) -> Outcome<HashSet<i64>> {
    let items = tx.query(
        "SELECT i.item_id FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id \
         AND i.book_id = a.book_id AND i.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'unattributed' AND i.posted_minor > 0",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| row.int(0),
    )?;
    Ok(items.into_iter().collect())
}

/// Money to be recovered (应收追回款): a receipt that the bank took back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receivable {
    /// The receipt.
    pub receipt_id: i64,
    /// Its case.
    pub case_id: i64,
    /// What is still to be recovered.
    pub amount: Amount,
    /// Who had paid.
    pub payer_name: String,
    /// The day on which the bank took it back; that of its arrival where that is not known.
    pub since: Date,
}

/// What is to be recovered to an account, oldest first.
///
/// # Errors
/// What the database says.
pub fn receivables(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<Vec<Receivable>> {
    Ok(tx.query(
        "SELECT i.item_id, a.case_id, i.posted_minor, r.payer_name, \
         COALESCE((SELECT MAX(l.booked_on) FROM bank_match AS b JOIN bank_line AS l ON l.court_id = b.court_id \
          AND l.book_id = b.book_id AND l.bank_line_id = b.bank_line_id WHERE b.court_id = $1 AND b.book_id = $2 \
          AND b.outcome = 'receipt_reversed' AND b.target_id = i.item_id), r.arrived_on) FROM account AS a \
         JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id AND i.account_id = a.account_id \
         JOIN receipt AS r ON r.court_id = a.court_id AND r.book_id = a.book_id AND r.receipt_id = i.item_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'receivable' AND i.posted_minor > 0 \
         AND r.bank_account_id = $3 ORDER BY i.item_id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()],
        |row| {
            Ok(Receivable {
                receipt_id: row.int(0)?,
                case_id: row.opt_int(1)?.unwrap_or(0),
                amount: Amount::from_minor(row.int(2)?),
                payer_name: row.text(3)?.to_owned(),
                since: read_date(row, 4)?,
            })
        },
    )?)
}
