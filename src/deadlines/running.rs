//! Which deadlines run: read from the facts that they are about, each kind in one question.

use std::collections::HashMap;

use ankuan_ledger::engine::{Result, Row, Statement, Value};
use ankuan_ledger::{Amount, BookKey, Error, Tx};
use jiff::Timestamp;
use jiff::civil::Date;

use super::record::{CourtRules, court_rules, pauses};
use super::{Deadline, DeadlineKind, Pause, Standing, stand};
use crate::cases::CaseNumber;
use crate::cases::progress::{self, MilestoneKind, handlers, milestones};
use crate::clock::day_in_shanghai;
use crate::obligations::settlements;
use crate::receipts::cash;
use crate::words::read_date;
use crate::{Message, Outcome, books};

/// A deadline as it stands on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What it is about.
    pub deadline: Deadline,
    /// The case's present number; empty where there is none.
    pub case_number: String,
    /// How it stands.
    pub standing: Standing,
    /// A pause that has not ended.
    pub resting: Option<i64>,
}

/// All deadlines of a court as they stand on a day, and the rules by which.
#[derive(Clone, Debug)]
pub struct Worklist {
    /// Most urgent first: by colour, then by last day.
    pub due: Vec<Due>,
    /// By which.
    pub by: CourtRules,
}

/// Every deadline that runs on a day.
///
/// # Errors
/// `calendar.out_of_range`; what the database says.
pub fn worklist(tx: &mut Tx<'_>, court_id: i64, today: Date) -> Outcome<Worklist> {
    let book = books::case_money(court_id);
    let by = court_rules(tx, court_id)?;
    let pauses = pauses(tx, book)?;
    let numbers = case_numbers(tx, book)?;
    let mut due = Vec::new();
    for deadline in running(tx, book, &numbers, today)? {
        let paused = pauses.get(&(deadline.kind, deadline.subject_id)).map_or(&[][..], Vec::as_slice);
        let resting = paused.iter().find(|(_, pause)| pause.until.is_none()).map(|(id, _)| *id);
        let of: Vec<Pause> = paused.iter().map(|(_, pause)| *pause).collect();
        let standing = stand(by.rules.of(deadline.kind), &deadline, &of, &by.calendar, today)?;
        let case_number = deadline.case_id.and_then(|case_id| numbers.get(&case_id)).cloned().unwrap_or_default();
        due.push(Due { deadline, case_number, standing, resting });
    }
    due.sort_by(|one, other| {
        let key = |due: &Due| (due.standing.colour, due.standing.last_day, due.deadline.kind, due.deadline.subject_id);
        key(one).cmp(&key(other))
    });
    Ok(Worklist { due, by })
}

/// Whether a number is one of an enforcement case, not of a matter before it (执前督促, 诉前保全).
fn is_filed(number: &str) -> bool {
    CaseNumber::parse(number).is_ok_and(|number| number.is_of_enforcement())
}

fn case_numbers(tx: &mut Tx<'_>, book: BookKey) -> Outcome<HashMap<i64, String>> {
    let rows = tx.query(
        "SELECT case_id, number FROM case_number WHERE court_id = $1 AND book_id = $2 ORDER BY id",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned())),
    )?;
    Ok(rows.into_iter().collect())
}

/// The deadlines that run, without how they stand.
fn running(tx: &mut Tx<'_>, book: BookKey, numbers: &HashMap<i64, String>, today: Date) -> Outcome<Vec<Deadline>> {
    tx.expect_whole_tables()?;
    let mut all = Vec::new();
    for (kind, text) in QUESTIONS {
        all.extend(tx.query(*text, &[book.court_id.into(), book.book_id.into()], |row| read(*kind, row))?);
    }
    let (kind, text) = OF_RELIEF;
    all.extend(tx.query(text, &[book.court_id.into(), books::RELIEF.into()], |row| read(kind, row))?);
    deductions_here(tx, book, &mut all)?;
    returned_payments(tx, book, &mut all)?;
    instalments(tx, book.court_id, &mut all)?;
    for cash in cash::all(tx, book)?.into_iter().filter(|cash| cash.end.is_none()) {
        all.push(Deadline {
            kind: DeadlineKind::CashBanked,
            subject_id: cash.cash_receipt_id,
            case_id: Some(cash.case_id),
            officer: String::new(),
            about: format!("{} {}", cash.number, cash.payer_name),
            amount: Some(cash.amount),
            from: cash.taken_on,
            fixed_end: None,
        });
    }
    court_transfers(tx, book, &mut all)?;
    let handlers = handlers(tx, book, today)?;
    cases(tx, book, numbers, &mut all)?;
    for deadline in &mut all {
        if let Some(name) = deadline.case_id.and_then(|case_id| handlers.get(&case_id)) {
            // Who carries out a measure stands on it; else the handler of the case.
            if deadline.officer.is_empty() {
                deadline.officer.clone_from(name);
            }
        }
    }
    Ok(all)
}

/// Deductions: what is here of each in its case, from the day of its last arrival.
fn deductions_here(tx: &mut Tx<'_>, book: BookKey, all: &mut Vec<Deadline>) -> Outcome<()> {
    let key = [book.court_id.into(), book.book_id.into()];
    let mut open: HashMap<i64, Deadline> = HashMap::new();
    tx.each(
        "SELECT i.item_id, d.case_id, '', d.payer_name, i.posted_minor - i.held_minor, d.confirmed_on, '' \
         FROM deduction AS d JOIN account AS a ON a.court_id = d.court_id AND a.book_id = d.book_id \
         AND a.case_id = d.case_id AND a.kind = 'case_funds' JOIN item_balance AS i ON i.court_id = a.court_id \
         AND i.book_id = a.book_id AND i.account_id = a.account_id AND i.item_id = d.deduction_id \
         WHERE d.court_id = $1 AND d.book_id = $2 AND i.posted_minor - i.held_minor > 0",
        &key,
        |row| {
            let deadline = read(DeadlineKind::ReceiptPayout, row)?;
            open.insert(deadline.subject_id, deadline);
            Ok::<(), Error>(())
        },
    )?;
    if open.is_empty() {
        return Ok(());
    }
    // A range of entries for each voucher: no join can ask for that other than by the key.
    const ARRIVED: Statement = Statement::twin(
        "SELECT credit_item_id, ?5 FROM entry_line WHERE court_id = ?1 AND book_id = ?2 AND entry_no >= ?3 AND entry_no <= ?4",
        "SELECT e.credit_item_id, v.day FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::text[]) \
         AS v (court_id, book_id, first_no, last_no, day) CROSS JOIN LATERAL (SELECT credit_item_id FROM entry_line AS l \
         WHERE l.court_id = v.court_id AND l.book_id = v.book_id AND l.entry_no >= v.first_no AND l.entry_no <= v.last_no) AS e",
    );
    let vouchers = tx.query(
        "SELECT first_entry_no, last_entry_no, accounting_date FROM voucher \
         WHERE court_id = $1 AND book_id = $2 AND event = 'expected_money_arrived'",
        &key,
        |row| Ok((row.int(0)?, row.int(1)?, row.text(2)?.to_owned())),
    )?;
    let keys: Vec<Value<'_>> = vouchers
        .iter()
        .flat_map(|(first, last, day)| {
            [key[0], key[1], Value::Int(*first), Value::Int(*last), Value::from(day.as_str())]
        })
        .collect();
    let mut arrived: HashMap<i64, Date> = HashMap::new();
    tx.expect_few_rows()?;
    tx.each_of(ARRIVED, 5, &keys, |row| {
        let day = read_date(row, 1)?;
        let last = arrived.entry(row.int(0)?).or_insert(day);
        *last = day.max(*last);
        Ok(())
    })?;
    tx.expect_whole_tables()?;
    // What has not arrived by such a voucher stands there by another event, and has its own question.
    for (deduction_id, mut deadline) in open {
        if let Some(day) = arrived.get(&deduction_id) {
            deadline.from = *day;
            all.push(deadline);
        }
    }
    Ok(())
}

/// Payments that came back and are in no new payment.
fn returned_payments(tx: &mut Tx<'_>, book: BookKey, all: &mut Vec<Deadline>) -> Outcome<()> {
    let key = [book.court_id.into(), book.book_id.into()];
    // Mostly there is none, and why one came back stands in long tables.
    let any = tx.query_opt(
        "SELECT 1 FROM payment_state AS s LEFT JOIN open_reissue AS o ON o.court_id = s.court_id AND o.book_id = s.book_id \
         AND o.payment_id = s.payment_id WHERE s.court_id = $1 AND s.book_id = $2 AND s.outcome IN ('failed', 'returned') \
         AND o.payment_id IS NULL LIMIT 1",
        &key,
        |_| Ok(()),
    )?;
    if any.is_none() {
        return Ok(());
    }
    all.extend(tx.query(
        "SELECT s.payment_id, l.case_id, '', x.reason, l.amount_minor, MAX(v.accounting_date), '' \
         FROM payment_state AS s JOIN payment_line AS l ON l.court_id = s.court_id AND l.book_id = s.book_id \
         AND l.payment_id = s.payment_id JOIN payment_event AS x ON x.court_id = s.court_id AND x.book_id = s.book_id \
         AND x.payment_id = s.payment_id AND x.event = s.outcome \
         JOIN bank_match AS b ON b.court_id = x.court_id AND b.book_id = x.book_id AND b.match_id = x.group_id \
         JOIN entry_line AS e ON e.court_id = b.court_id AND e.book_id = b.book_id AND e.entry_no = b.last_entry_no \
         AND e.line_no = 1 JOIN voucher AS v ON v.court_id = e.court_id AND v.book_id = e.book_id \
         AND v.voucher_id = e.voucher_id \
         LEFT JOIN open_reissue AS o ON o.court_id = s.court_id AND o.book_id = s.book_id AND o.payment_id = s.payment_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.outcome IN ('failed', 'returned') AND o.payment_id IS NULL \
         GROUP BY s.payment_id, l.case_id, x.reason, l.amount_minor",
        &key,
        |row| read(DeadlineKind::PaymentReturned, row),
    )?);
    Ok(())
}

/// As [`QUESTIONS`], of the book of relief.
const OF_RELIEF: (DeadlineKind, &str) = (
    DeadlineKind::ReliefClaim,
    "SELECT c.claim_id, CAST(NULL AS BIGINT), '', p.insurer, c.granted_minor, c.papers_on, c.due_on \
     FROM relief_claim AS c JOIN relief_policy AS p ON p.court_id = c.court_id AND p.book_id = c.book_id \
     AND p.policy_id = c.policy_id WHERE c.court_id = $1 AND c.book_id = $2 AND c.granted_minor > COALESCE((SELECT \
     CAST(SUM(e.amount_minor) AS BIGINT) FROM relief_entry AS e WHERE e.court_id = c.court_id AND e.book_id = c.book_id \
     AND e.claim_id = c.claim_id AND e.kind = 'insurer_paid'), 0)",
);

/// Each gives: subject, case or none, officer, what it is about, amount or none, from, last day or empty.
const QUESTIONS: &[(DeadlineKind, &str)] = &[
    (
        DeadlineKind::ReceiptPayout,
        // From the notice of arrival; of money attributed later from the day it found its case.
        "SELECT i.item_id, a.case_id, '', r.payer_name, i.posted_minor, COALESCE(v.accounting_date, r.arrived_on), '' \
         FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id \
         AND i.account_id = a.account_id JOIN receipt AS r ON r.court_id = i.court_id AND r.book_id = i.book_id \
         AND r.receipt_id = i.item_id LEFT JOIN receipt_attribution AS t ON t.court_id = i.court_id \
         AND t.book_id = i.book_id AND t.receipt_id = i.item_id LEFT JOIN voucher AS v ON v.court_id = t.court_id \
         AND v.book_id = t.book_id AND v.voucher_id = t.voucher_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'case_funds' AND i.posted_minor > 0",
    ),
    (
        DeadlineKind::ReceiptPayout,
        // Money from another case, from the day of the ruling.
        "SELECT i.item_id, m.to_case_id, '', m.party, i.posted_minor, v.accounting_date, '' FROM movement AS m \
         JOIN voucher AS v ON v.court_id = m.court_id AND v.book_id = m.book_id AND v.voucher_id = m.voucher_id \
         JOIN account AS a ON a.court_id = m.court_id AND a.book_id = m.book_id AND a.case_id = m.to_case_id \
         AND a.kind = 'case_funds' JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id \
         AND i.account_id = a.account_id AND i.item_id = m.to_item_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND m.to_case_id IS NOT NULL AND i.posted_minor > 0",
    ),
    (
        DeadlineKind::Unattributed,
        "SELECT i.item_id, CAST(NULL AS BIGINT), '', r.payer_name, i.posted_minor, r.arrived_on, '' \
         FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id \
         AND i.account_id = a.account_id JOIN receipt AS r ON r.court_id = i.court_id AND r.book_id = i.book_id \
         AND r.receipt_id = i.item_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'unattributed' AND i.posted_minor > 0",
    ),
    (
        DeadlineKind::DeductionArrival,
        "SELECT i.item_id, d.case_id, m.officer, d.payer_name, i.posted_minor, d.confirmed_on, '' \
         FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id \
         AND i.account_id = a.account_id JOIN deduction AS d ON d.court_id = i.court_id AND d.book_id = i.book_id \
         AND d.deduction_id = i.item_id JOIN measure AS m ON m.court_id = d.court_id AND m.book_id = d.book_id \
         AND m.measure_id = d.measure_id \
         LEFT JOIN surrender AS s ON s.court_id = d.court_id AND s.book_id = d.book_id AND s.deduction_id = d.deduction_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'in_transit_in' AND i.posted_minor > 0 \
         AND s.deduction_id IS NULL",
    ),
    (
        DeadlineKind::SurrenderPayment,
        "SELECT i.item_id, d.case_id, m.officer, d.payer_name, i.posted_minor, s.terminated_on, s.pay_by \
         FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id \
         AND i.account_id = a.account_id JOIN deduction AS d ON d.court_id = i.court_id AND d.book_id = i.book_id \
         AND d.deduction_id = i.item_id JOIN measure AS m ON m.court_id = d.court_id AND m.book_id = d.book_id \
         AND m.measure_id = d.measure_id JOIN surrender AS s ON s.court_id = d.court_id AND s.book_id = d.book_id \
         AND s.deduction_id = d.deduction_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'in_transit_in' AND i.posted_minor > 0",
    ),
    (
        DeadlineKind::IncomeExpected,
        // Paid to somebody else, it stays until it was made good.
        "SELECT x.expectation_id, m.case_id, m.officer, a.institution, x.amount_minor, x.due_on, x.due_on \
         FROM expectation AS x JOIN measure AS m ON m.court_id = x.court_id AND m.book_id = x.book_id \
         AND m.measure_id = x.measure_id JOIN asset AS a ON a.court_id = x.court_id AND a.book_id = x.book_id \
         AND a.asset_id = x.asset_id WHERE x.court_id = $1 AND x.book_id = $2 AND NOT EXISTS (SELECT 1 \
         FROM expectation_event AS e WHERE e.court_id = x.court_id AND e.book_id = x.book_id \
         AND e.expectation_id = x.expectation_id AND e.event IN ('paid', 'made_good', 'cancelled'))",
    ),
    (
        DeadlineKind::DebtObjection,
        "SELECT n.notice_id, n.case_id, '', a.holder_name, n.amount_minor, n.served_on, n.last_day \
         FROM debt_notice AS n JOIN asset AS a ON a.court_id = n.court_id AND a.book_id = n.book_id \
         AND a.asset_id = n.asset_id WHERE n.court_id = $1 AND n.book_id = $2 AND NOT EXISTS (SELECT 1 \
         FROM debt_objection AS o WHERE o.court_id = n.court_id AND o.book_id = n.book_id AND o.notice_id = n.notice_id) \
         AND NOT EXISTS (SELECT 1 FROM measure AS m JOIN deduction AS d ON d.court_id = m.court_id \
         AND d.book_id = m.book_id AND d.measure_id = m.measure_id WHERE m.court_id = n.court_id \
         AND m.book_id = n.book_id AND m.asset_id = n.asset_id AND m.case_id = n.case_id)",
    ),
    (
        DeadlineKind::PlanPeriod,
        // Once the last period is over the plan is to be settled.
        "SELECT p.plan_id, p.case_id, '', p.document, p.pot_minor, MIN(e.on_day), MAX(e.last_day) FROM plan AS p \
         JOIN plan_event AS e ON e.court_id = p.court_id AND e.book_id = p.book_id AND e.plan_id = p.plan_id \
         AND e.last_day IS NOT NULL WHERE p.court_id = $1 AND p.book_id = $2 AND NOT EXISTS (SELECT 1 \
         FROM plan_event AS x WHERE x.court_id = p.court_id AND x.book_id = p.book_id AND x.plan_id = p.plan_id \
         AND x.event IN ('settled', 'cancelled')) GROUP BY p.plan_id, p.case_id, p.document, p.pot_minor",
    ),
    (
        DeadlineKind::FreezeEnd,
        "SELECT s.measure_id, m.case_id, m.officer, a.institution, s.frozen_minor, s.since, s.ends_on \
         FROM measure_state AS s JOIN measure AS m ON m.court_id = s.court_id AND m.book_id = s.book_id \
         AND m.measure_id = s.measure_id JOIN asset AS a ON a.court_id = s.court_id AND a.book_id = s.book_id \
         AND a.asset_id = s.asset_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.status = 'in_force' AND m.case_id IS NOT NULL",
    ),
    (
        DeadlineKind::AnswerDue,
        "SELECT o.order_id, m.case_id, m.officer, a.institution, m.amount_minor, e.on_day, '' FROM open_order AS o \
         JOIN measure AS m ON m.court_id = o.court_id AND m.book_id = o.book_id AND m.measure_id = o.measure_id \
         JOIN asset AS a ON a.court_id = o.court_id AND a.book_id = o.book_id AND a.asset_id = o.asset_id \
         JOIN measure_event AS e ON e.court_id = o.court_id AND e.book_id = o.book_id AND e.asset_id = o.asset_id \
         AND e.order_id = o.order_id AND e.event = 'sent' \
         JOIN measure_state AS s ON s.court_id = o.court_id AND s.book_id = o.book_id AND s.measure_id = o.measure_id \
         WHERE o.court_id = $1 AND o.book_id = $2 AND o.is_sent = 1 AND s.status <> 'waiting'",
    ),
    (
        DeadlineKind::AnswerDue,
        "SELECT o.query_id, q.case_id, q.officer, a.institution, CAST(NULL AS BIGINT), e.on_day, '' FROM open_query AS o \
         JOIN asset_query AS q ON q.court_id = o.court_id AND q.book_id = o.book_id AND q.query_id = o.query_id \
         JOIN asset AS a ON a.court_id = o.court_id AND a.book_id = o.book_id AND a.asset_id = o.asset_id \
         JOIN query_event AS e ON e.court_id = o.court_id AND e.book_id = o.book_id AND e.query_id = o.query_id \
         AND e.event = 'sent' WHERE o.court_id = $1 AND o.book_id = $2 AND o.is_sent = 1",
    ),
    (
        DeadlineKind::LapsedUndisposed,
        // Unless the same case asked for the same asset again.
        "SELECT s.measure_id, m.case_id, m.officer, a.institution, m.amount_minor, s.since, s.since \
         FROM measure_state AS s JOIN measure AS m ON m.court_id = s.court_id AND m.book_id = s.book_id \
         AND m.measure_id = s.measure_id JOIN asset AS a ON a.court_id = s.court_id AND a.book_id = s.book_id \
         AND a.asset_id = s.asset_id WHERE s.court_id = $1 AND s.book_id = $2 AND s.status = 'lapsed' \
         AND m.case_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM measure AS n WHERE n.court_id = m.court_id \
         AND n.book_id = m.book_id AND n.asset_id = m.asset_id AND n.case_id = m.case_id AND n.measure_id > m.measure_id)",
    ),
];

fn read(kind: DeadlineKind, row: &Row<'_>) -> Result<Deadline> {
    let fixed_end = if row.text(6)?.is_empty() { None } else { Some(read_date(row, 6)?) };
    Ok(Deadline {
        kind,
        subject_id: row.int(0)?,
        case_id: row.opt_int(1)?,
        officer: row.text(2)?.to_owned(),
        about: row.text(3)?.to_owned(),
        amount: row.opt_int(4)?.map(Amount::from_minor),
        from: read_date(row, 5)?,
        fixed_end,
    })
}

/// The day of a recorded instant.
fn day_of(recorded_at: i64) -> Outcome<Date> {
    let at = Timestamp::from_microsecond(recorded_at).map_err(|_| Message::new("assets.out_of_range"))?;
    Ok(day_in_shanghai(at))
}

/// Money between courts that the other court has not confirmed.
fn court_transfers(tx: &mut Tx<'_>, book: BookKey, all: &mut Vec<Deadline>) -> Outcome<()> {
    let open = tx.query(
        "SELECT t.transfer_id, t.case_id, t.other_court, t.amount_minor, t.recorded_at FROM court_transfer AS t \
         LEFT JOIN court_transfer_paper AS p ON p.court_id = t.court_id AND p.book_id = t.book_id \
         AND p.transfer_id = t.transfer_id WHERE t.court_id = $1 AND t.book_id = $2 AND p.id IS NULL",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.text(2)?.to_owned(), row.int(3)?, row.int(4)?)),
    )?;
    for (transfer_id, case_id, other_court, minor, recorded_at) in open {
        all.push(Deadline {
            kind: DeadlineKind::CourtTransfer,
            subject_id: transfer_id,
            case_id: Some(case_id),
            officer: String::new(),
            about: other_court,
            amount: Some(Amount::from_minor(minor)),
            from: day_of(recorded_at)?,
            fixed_end: None,
        });
    }
    Ok(())
}

/// Instalments of settlements that run and are not met.
fn instalments(tx: &mut Tx<'_>, court_id: i64, all: &mut Vec<Deadline>) -> Outcome<()> {
    for (settlement, stands) in settlements::unmet(tx, court_id)? {
        let left = stands.instalment.amount.minus(stands.met);
        all.push(Deadline {
            kind: DeadlineKind::Instalment,
            subject_id: settlement.settlement_id,
            case_id: Some(settlement.case_id),
            officer: String::new(),
            about: settlement.document,
            amount: left,
            from: settlement.agreed_on,
            fixed_end: Some(stands.instalment.due_on),
        });
    }
    Ok(())
}

/// The deadlines of cases themselves, and of property that no order was made on. A closed case has none, and its lapsed
/// freezes ask nothing more.
fn cases(tx: &mut Tx<'_>, book: BookKey, numbers: &HashMap<i64, String>, all: &mut Vec<Deadline>) -> Outcome<()> {
    let steps = milestones(tx, book, None)?;
    let is_open = |case_id: i64| steps.get(&case_id).is_none_or(|steps| progress::is_open(steps));
    all.retain(|deadline| deadline.kind != DeadlineKind::LapsedUndisposed || deadline.case_id.is_none_or(is_open));
    let key = [book.court_id.into(), book.book_id.into()];
    let opened = tx.query(
        "SELECT case_id, title, opened_on FROM court_case WHERE court_id = $1 AND book_id = $2 ORDER BY case_id",
        &key,
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), read_date(row, 2)?)),
    )?;
    for (case_id, title, opened_on) in opened {
        let steps = steps.get(&case_id).map_or(&[][..], Vec::as_slice);
        let when = |kind| steps.iter().rev().find(|step| step.kind == kind).map(|step| step.on);
        let of_case = |kind, from| Deadline {
            kind,
            subject_id: case_id,
            case_id: Some(case_id),
            officer: String::new(),
            about: title.clone(),
            amount: None,
            from,
            fixed_end: None,
        };
        if !progress::is_open(steps) {
            continue;
        }
        if !numbers.get(&case_id).is_some_and(|number| is_filed(number)) {
            // A matter that is no enforcement case: nothing runs but its filing, once somebody has applied.
            all.extend(when(MilestoneKind::Applied).map(|applied| of_case(DeadlineKind::CaseFiling, applied)));
            continue;
        }
        let since = when(MilestoneKind::Reopened).unwrap_or(opened_on);
        all.push(of_case(DeadlineKind::CaseUnclosed, since));
        if when(MilestoneKind::SecondCheck).is_none_or(|on| on < since) {
            all.push(of_case(DeadlineKind::SecondCheck, since));
        }
    }
    // No order of this court stands on them, and no answer says that there is nothing.
    let uncontrolled = tx.query(
        "SELECT a.asset_id, a.institution, a.recorded_at FROM asset AS a LEFT JOIN measure AS m \
         ON m.court_id = a.court_id AND m.book_id = a.book_id AND m.asset_id = a.asset_id \
         AND m.case_id IS NOT NULL \
         WHERE a.court_id = $1 AND a.book_id = $2 AND m.measure_id IS NULL AND NOT EXISTS (SELECT 1 FROM asset_query AS q \
         JOIN query_event AS e ON e.court_id = q.court_id AND e.book_id = q.book_id AND e.query_id = q.query_id \
         WHERE q.court_id = a.court_id AND q.book_id = a.book_id AND q.asset_id = a.asset_id AND e.amount_minor = 0) \
         ORDER BY a.asset_id",
        &key,
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    for (asset_id, institution, recorded_at) in uncontrolled {
        all.push(Deadline {
            kind: DeadlineKind::PropertyControl,
            subject_id: asset_id,
            case_id: None,
            officer: String::new(),
            about: institution,
            amount: None,
            from: day_of(recorded_at)?,
            fixed_end: None,
        });
    }
    Ok(())
}
