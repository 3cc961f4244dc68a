//! Which deadlines run: read from the facts that they are about, each kind in one question.

use std::collections::HashMap;

use ankuan_ledger::engine::{Result, Row};
use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::Timestamp;
use jiff::civil::Date;

use super::record::{CourtRules, court_rules, pauses};
use super::{Deadline, DeadlineKind, Pause, Standing, stand};
use crate::cases::CaseNumber;
use crate::cases::progress::{self, MilestoneKind, handlers, milestones};
use crate::clock::day_in_shanghai;
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

/// Whether a number is one of an enforcement case, not of a matter before it (执前督促, 诉前调解).
fn is_filed(number: &str) -> bool {
    CaseNumber::parse(number).is_ok_and(|number| number.kind().starts_with('执') && !number.kind().contains('前'))
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
        // A deduction: what is here of it, from the day of its last arrival.
        "SELECT i.item_id, d.case_id, '', d.payer_name, i.posted_minor - i.held_minor, MAX(v.accounting_date), '' \
         FROM voucher AS v JOIN entry_line AS e ON e.court_id = v.court_id AND e.book_id = v.book_id \
         AND e.entry_no >= v.first_entry_no AND e.entry_no <= v.last_entry_no \
         JOIN deduction AS d ON d.court_id = e.court_id AND d.book_id = e.book_id AND d.deduction_id = e.credit_item_id \
         JOIN account AS a ON a.court_id = d.court_id AND a.book_id = d.book_id AND a.case_id = d.case_id \
         AND a.kind = 'case_funds' JOIN item_balance AS i ON i.court_id = a.court_id AND i.book_id = a.book_id \
         AND i.account_id = a.account_id AND i.item_id = d.deduction_id \
         WHERE v.court_id = $1 AND v.book_id = $2 AND v.event = 'expected_money_arrived' \
         AND i.posted_minor - i.held_minor > 0 \
         GROUP BY i.item_id, d.case_id, d.payer_name, i.posted_minor, i.held_minor",
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
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'in_transit_in' AND i.posted_minor > 0",
    ),
    (
        DeadlineKind::PaymentReturned,
        "SELECT s.payment_id, l.case_id, '', x.reason, l.amount_minor, MAX(v.accounting_date), '' \
         FROM payment_state AS s JOIN payment_line AS l ON l.court_id = s.court_id AND l.book_id = s.book_id \
         AND l.payment_id = s.payment_id JOIN payment_event AS x ON x.court_id = s.court_id AND x.book_id = s.book_id \
         AND x.payment_id = s.payment_id AND x.event = s.outcome \
         JOIN bank_match AS b ON b.court_id = x.court_id AND b.book_id = x.book_id AND b.match_id = x.group_id \
         JOIN matching AS g ON g.court_id = b.court_id AND g.book_id = b.book_id AND g.matching_id = b.matching_id \
         JOIN entry_line AS e ON e.court_id = b.court_id AND e.book_id = b.book_id AND e.entry_no = b.last_entry_no \
         AND e.line_no = 1 JOIN voucher AS v ON v.court_id = e.court_id AND v.book_id = e.book_id \
         AND v.voucher_id = e.voucher_id \
         LEFT JOIN open_reissue AS o ON o.court_id = s.court_id AND o.book_id = s.book_id AND o.payment_id = s.payment_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.outcome IN ('failed', 'returned') AND o.payment_id IS NULL \
         GROUP BY s.payment_id, l.case_id, x.reason, l.amount_minor",
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
        if let Some(applied) = when(MilestoneKind::Applied)
            && !numbers.get(&case_id).is_some_and(|number| is_filed(number))
        {
            // Nothing else runs in a matter that is no case yet.
            all.push(of_case(DeadlineKind::CaseFiling, applied));
            continue;
        }
        let since = when(MilestoneKind::Reopened).unwrap_or(opened_on);
        all.push(of_case(DeadlineKind::CaseUnclosed, since));
        if when(MilestoneKind::SecondCheck).is_none_or(|on| on < since) {
            all.push(of_case(DeadlineKind::SecondCheck, since));
        }
    }
    // Nobody has asked for them yet, whichever case found them.
    let uncontrolled = tx.query(
        "SELECT a.asset_id, a.institution, a.recorded_at FROM asset AS a LEFT JOIN measure AS m \
         ON m.court_id = a.court_id AND m.book_id = a.book_id AND m.asset_id = a.asset_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND m.measure_id IS NULL ORDER BY a.asset_id",
        &key,
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    for (asset_id, institution, recorded_at) in uncontrolled {
        let at = Timestamp::from_microsecond(recorded_at);
        let at = at.map_err(|_| Message::new("assets.out_of_range"))?;
        all.push(Deadline {
            kind: DeadlineKind::PropertyControl,
            subject_id: asset_id,
            case_id: None,
            officer: String::new(),
            about: institution,
            amount: None,
            from: day_in_shanghai(at),
            fixed_end: None,
        });
    }
    Ok(())
}
