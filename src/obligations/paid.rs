//! What was paid for obligations: through the account, derived from payments that the bank has debited and not given back, and
//! otherwise, from performances that were not undone.

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::engine::Error;
use ankuan_ledger::{Amount, Tx};
use jiff::civil::Date;

use super::balance::{Account, Reduction, To, ToPayee, Way, impute};
use super::of_case;
use super::plans::set_aside_of;
use crate::calculators::imputation;
use crate::calculators::interest::{self, Kind};
use crate::cases::gates::{self, GateKind};
use crate::words::{read_date, read_word};
use crate::{Outcome, books};

/// The obligations of a case with everything that reduced them, and the day of an accepted bankruptcy petition.
#[derive(Clone, Debug)]
pub struct CaseAccounts {
    /// In the order they were registered.
    pub accounts: Vec<Account>,
    /// The day on which a petition was accepted, while that gate is shut.
    pub bankruptcy: Option<Date>,
    /// By obligation: what settled plans pay of it and the creditor does not have yet, on sheets or set aside.
    pub promised: BTreeMap<i64, Amount>,
}

/// The rules of interest that are built in.
///
/// # Errors
/// None in practice: they are tested.
pub fn interest_rules() -> Outcome<interest::Rules> {
    Ok(interest::Rules::parse(interest::STANDARD)?)
}

/// Loads a case's obligations with what reduced them, as is known now.
///
/// # Errors
/// What the database says; those of [`impute`].
pub fn accounts_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<CaseAccounts> {
    let mut accounts: Vec<Account> = of_case(tx, court_id, case_id)?
        .into_iter()
        .map(|obligation| Account { obligation, payees: Vec::new(), reductions: Vec::new() })
        .collect();
    for (obligation_id, payee_id) in payees(tx, court_id, case_id)? {
        if let Some(account) = accounts.iter_mut().find(|one| one.obligation.obligation_id == obligation_id) {
            account.payees.push(payee_id);
        }
    }
    let events = gates::events_of(tx, books::case_money(court_id), case_id)?;
    let shut = gates::gates(&events).into_iter().find(|gate| gate.kind == GateKind::Bankruptcy);
    let bankruptcy = shut.map(|gate| gate.since);
    if accounts.is_empty() {
        return Ok(CaseAccounts { accounts, bankruptcy, promised: BTreeMap::new() });
    }
    for (obligation_id, reduction) in performed(tx, court_id, case_id)? {
        if let Some(account) = accounts.iter_mut().find(|one| one.obligation.obligation_id == obligation_id) {
            account.reductions.push(reduction);
        }
    }
    let mut to_payees = moved_away(tx, court_id, case_id)?;
    let parts = plan_parts(tx, court_id, case_id)?;
    let mut unfilled = parts.clone();
    for paid in through_account(tx, court_id, case_id, &parts)? {
        // A plan says which obligations its lines pay; of a line that was paid in part, the first ones first.
        let Some(left) = unfilled.get_mut(&paid.sheet_line_id) else {
            to_payees.push(ToPayee { to: paid.to, payment: paid.payment });
            continue;
        };
        let mut amount = paid.payment.amount;
        for (obligation_id, part) in left.iter_mut() {
            let taken = amount.min(*part);
            if taken == Amount::ZERO {
                continue;
            }
            *part = super::less(*part, taken)?;
            amount = super::less(amount, taken)?;
            if let Some(account) = accounts.iter_mut().find(|one| one.obligation.obligation_id == *obligation_id) {
                account.reductions.push(Reduction { amount: taken, ..paid.payment.clone() });
            }
        }
    }
    let order = imputation::Rules::parse(imputation::STANDARD)?;
    impute(&interest_rules()?, &order, &mut accounts, to_payees, bankruptcy)?;
    let mut promised = disputed(tx, court_id, case_id)?;
    for (sheet_line_id, left) in unfilled {
        if !is_withdrawn(tx, court_id, sheet_line_id)? {
            promised.extend(left);
        }
    }
    let mut of_obligation: BTreeMap<i64, Amount> = BTreeMap::new();
    for (obligation_id, amount) in promised {
        let before = of_obligation.entry(obligation_id).or_default();
        *before = super::sum([*before, amount])?;
    }
    Ok(CaseAccounts { accounts, bankruptcy, promised: of_obligation })
}

/// Whether the run of a line's sheet was withdrawn: such a sheet is never paid.
fn is_withdrawn(tx: &mut Tx<'_>, court_id: i64, sheet_line_id: i64) -> Outcome<bool> {
    let runs = tx.query(
        "SELECT t.run_id FROM sheet_line AS l JOIN run_source AS x ON x.court_id = l.court_id \
         AND x.book_id = l.book_id AND x.kind = 'sheet' AND x.source_id = l.sheet_id \
         JOIN run_state AS t ON t.court_id = x.court_id AND t.book_id = x.book_id AND t.run_id = x.run_id \
         AND t.status = 'withdrawn' WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_line_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), sheet_line_id.into()],
        |row| row.int(0),
    )?;
    Ok(!runs.is_empty())
}

/// What settled plans have set aside for the case's obligations and nobody has decided: obligation, amount.
fn disputed(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<(i64, Amount)>> {
    let objections = tx.query(
        "SELECT e.plan_id, e.id, l.obligation_id, e.amount_minor FROM plan_event AS e JOIN plan_line AS l \
         ON l.court_id = e.court_id AND l.book_id = e.book_id AND l.plan_line_id = e.plan_line_id \
         AND l.plan_id = e.plan_id \
         JOIN obligation AS o ON o.court_id = e.court_id AND o.book_id = $4 AND o.obligation_id = l.obligation_id \
         AND o.case_id = $3 WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'objected' \
         AND NOT EXISTS (SELECT 1 FROM plan_event AS d WHERE d.court_id = e.court_id AND d.book_id = e.book_id \
         AND d.plan_id = e.plan_id AND d.event = 'decided' AND d.objection_id = e.id) ORDER BY e.id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), books::MEMORANDUM.into()],
        |row| Ok((row.int(0)?, row.int(1)?, (row.int(2)?, Amount::from_minor(row.int(3)?)))),
    )?;
    let mut aside = Vec::new();
    for (plan_id, objection_id, of_obligation) in objections {
        if set_aside_of(tx, court_id, plan_id, objection_id)? {
            aside.push(of_obligation);
        }
    }
    Ok(aside)
}

/// Everybody who was ever named as payee of an obligation of a case: obligation, payee.
fn payees(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<(i64, i64)>> {
    Ok(tx.query(
        "SELECT p.obligation_id, p.payee_id FROM obligation AS o JOIN obligation_payee AS p ON p.court_id = o.court_id \
         AND p.book_id = o.book_id AND p.obligation_id = o.obligation_id \
         WHERE o.court_id = $1 AND o.book_id = $2 AND o.case_id = $3 ORDER BY p.id",
        &[court_id.into(), books::MEMORANDUM.into(), case_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?)
}

/// What a creditor of the case was due and was moved to the case where he is the debtor (执行款物管理规定 art. 10): he has had
/// it on the day of the ruling.
fn moved_away(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<ToPayee>> {
    let moved = tx.query(
        "SELECT m.movement_id, m.item_id, m.party, m.amount_minor, m.ruling, v.accounting_date FROM movement AS m \
         JOIN voucher AS v ON v.court_id = m.court_id AND v.book_id = m.book_id AND v.voucher_id = m.voucher_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND m.case_id = $3 AND m.kind = 'to_other_case' \
         ORDER BY m.movement_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| {
            let of_item = (row.int(1)?, row.text(2)?.to_owned());
            let said = (Amount::from_minor(row.int(3)?), row.text(4)?.to_owned(), read_date(row, 5)?);
            Ok((row.int(0)?, of_item, said))
        },
    )?;
    let mut paid = Vec::with_capacity(moved.len());
    for (id, (item_id, party), (amount, evidence, done_on)) in moved {
        let (stops_on, kind) = stops(tx, court_id, item_id)?;
        let payment = Reduction { way: Way::Account, id, stops_on, done_on, kind, amount, evidence };
        paid.push(ToPayee { to: To::Creditor(party), payment });
    }
    Ok(paid)
}

/// Performances of a case that were not undone.
fn performed(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<(i64, Reduction)>> {
    Ok(tx.query(
        "SELECT p.obligation_id, p.kind, p.performance_id, p.on_day, p.amount_minor, p.evidence FROM performance AS p \
         LEFT JOIN performance AS u ON u.court_id = p.court_id AND u.book_id = p.book_id \
         AND u.undoes_id = p.performance_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.case_id = $3 AND p.kind <> 'undone' \
         AND u.performance_id IS NULL ORDER BY p.performance_id",
        &[court_id.into(), books::MEMORANDUM.into(), case_id.into()],
        |row| {
            let day = read_date(row, 3)?;
            let reduction = Reduction {
                way: read_word(row, 1, Way::parse)?,
                id: row.int(2)?,
                stops_on: day,
                done_on: day,
                kind: Kind::Performance,
                amount: Amount::from_minor(row.int(4)?),
                evidence: row.text(5)?.to_owned(),
            };
            Ok((row.int(0)?, reduction))
        },
    )?)
}

/// A payment through the account, with the sheet line that it goes back to.
struct Paid {
    sheet_line_id: i64,
    to: To,
    payment: Reduction,
}

/// By sheet line: which obligations it pays, and how much of each. Lines of all plans that a case's obligations take part in.
fn plan_parts(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<BTreeMap<i64, Vec<(i64, Amount)>>> {
    let mut parts: BTreeMap<i64, Vec<(i64, Amount)>> = BTreeMap::new();
    tx.each(
        "SELECT q.sheet_line_id, q.obligation_id, q.amount_minor FROM plan_payout AS p \
         JOIN obligation AS o ON o.court_id = $1 AND o.book_id = $4 AND o.obligation_id = p.obligation_id \
         AND o.case_id = $3 \
         JOIN plan_payout AS q ON q.court_id = p.court_id AND q.book_id = p.book_id \
         AND q.sheet_line_id = p.sheet_line_id \
         WHERE p.court_id = $1 AND p.book_id = $2 GROUP BY q.id, q.sheet_line_id, q.obligation_id, q.amount_minor \
         ORDER BY q.id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), books::MEMORANDUM.into()],
        |row| {
            parts.entry(row.int(0)?).or_default().push((row.int(1)?, Amount::from_minor(row.int(2)?)));
            Ok::<(), Error>(())
        },
    )?;
    // A sheet line of this case may pay an obligation of another one alone.
    tx.each(
        "SELECT q.sheet_line_id, q.obligation_id, q.amount_minor FROM plan_payout AS q \
         JOIN plan AS p ON p.court_id = q.court_id AND p.book_id = q.book_id AND p.plan_id = q.plan_id \
         WHERE q.court_id = $1 AND q.book_id = $2 AND p.case_id = $3 ORDER BY q.id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| {
            let part = (row.int(1)?, Amount::from_minor(row.int(2)?));
            let of_line = parts.entry(row.int(0)?).or_default();
            if !of_line.contains(&part) {
                of_line.push(part);
            }
            Ok::<(), Error>(())
        },
    )?;
    Ok(parts)
}

/// The payments of a case's sheets, and of the plan's sheet lines given, that reached their payees. Only the debtor's money
/// pays what he owes: security and a tail that go back, and what is remitted to the treasury, pay nothing.
fn through_account(
    tx: &mut Tx<'_>,
    court_id: i64,
    case_id: i64,
    of_plans: &BTreeMap<i64, Vec<(i64, Amount)>>,
) -> Outcome<Vec<Paid>> {
    let key = [court_id.into(), books::CASE_MONEY.into(), case_id.into()];
    let mut sheets: BTreeSet<i64> = tx
        .query(
            "SELECT s.sheet_id FROM sheet AS s LEFT JOIN sheet_source AS x ON x.court_id = s.court_id \
             AND x.book_id = s.book_id AND x.sheet_id = s.sheet_id \
             WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3 \
             AND COALESCE(x.kind, 'auction_price') = 'auction_price'",
            &key,
            |row| row.int(0),
        )?
        .into_iter()
        .collect();
    for line in of_plans.keys() {
        let text = "SELECT sheet_id FROM sheet_line WHERE court_id = $1 AND book_id = $2 AND sheet_line_id = $3";
        sheets.extend(tx.query(text, &[key[0], key[1], (*line).into()], |row| row.int(0))?);
    }
    let mut paid = Vec::new();
    for sheet_id in sheets {
        let (receipt_id, mut items) = lines_of(tx, court_id, sheet_id)?;
        let (stops_on, kind) = stops(tx, court_id, receipt_id)?;
        let mut place = 0;
        while place < items.len() {
            let Item { item_id, sheet_line_id, to } = items[place].clone();
            place += 1;
            let again =
                "SELECT reissue_line_id FROM reissue_line WHERE court_id = $1 AND book_id = $2 AND from_line_id = $3";
            let again = tx.query(again, &[key[0], key[1], item_id.into()], |row| row.int(0))?;
            items.extend(again.into_iter().map(|item_id| Item { item_id, sheet_line_id, to: to.clone() }));
            for (id, amount, done_on, evidence) in debited(tx, court_id, item_id)? {
                let payment = Reduction { way: Way::Account, id, stops_on, done_on, kind, amount, evidence };
                paid.push(Paid { sheet_line_id, to: to.clone(), payment });
            }
        }
    }
    paid.sort_by_key(|one| (one.payment.stops_on, one.payment.id));
    Ok(paid)
}

/// An item that payments of a sheet are made from: the sheet line itself, or that of a payment made again.
#[derive(Clone)]
struct Item {
    item_id: i64,
    sheet_line_id: i64,
    to: To,
}

/// The receipt of a sheet, and its lines.
fn lines_of(tx: &mut Tx<'_>, court_id: i64, sheet_id: i64) -> Outcome<(i64, Vec<Item>)> {
    let key = [court_id.into(), books::CASE_MONEY.into(), sheet_id.into()];
    let receipt_id = tx.query_one(
        "SELECT receipt_id FROM sheet WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3",
        &key,
        |row| row.int(0),
    )?;
    let lines = tx.query(
        // A bounty is paid out of what the applicant is due who offered it.
        "SELECT l.sheet_line_id, l.payee_id, b.applicant FROM sheet_line AS l LEFT JOIN bounty_draw AS d \
         ON d.court_id = l.court_id AND d.book_id = l.book_id AND d.payee_id = l.payee_id AND l.head = 'bounty' \
         LEFT JOIN bounty_award AS a ON a.court_id = d.court_id AND a.book_id = d.book_id AND a.award_id = d.award_id \
         LEFT JOIN bounty AS b ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.bounty_id = a.bounty_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3 ORDER BY l.sheet_line_id",
        &key,
        |row| {
            let to = match row.opt_text(2)? {
                Some(applicant) => To::Creditor(applicant.to_owned()),
                None => To::Payee(row.int(1)?),
            };
            Ok(Item { item_id: row.int(0)?, sheet_line_id: row.int(0)?, to })
        },
    )?;
    Ok((receipt_id, lines))
}

/// The day on which interest stops for the money of a receipt: that of the deduction (法释〔2014〕8号 art. 3), or of the ruling
/// that took it out of what the debtor was due in another case; else that on which the money was valued here.
fn stops(tx: &mut Tx<'_>, court_id: i64, receipt_id: i64) -> Outcome<(Date, Kind)> {
    let key = [court_id.into(), books::CASE_MONEY.into(), receipt_id.into()];
    let deducted = tx.query_opt(
        "SELECT confirmed_on FROM deduction WHERE court_id = $1 AND book_id = $2 AND deduction_id = $3",
        &key,
        |row| read_date(row, 0),
    )?;
    if let Some(day) = deducted {
        return Ok((day, Kind::Deduction));
    }
    let moved = tx.query_opt(
        "SELECT v.accounting_date FROM movement AS m JOIN voucher AS v ON v.court_id = m.court_id \
         AND v.book_id = m.book_id AND v.voucher_id = m.voucher_id WHERE m.court_id = $1 AND m.book_id = $2 \
         AND m.movement_id = $3 AND m.to_item_id = $3",
        &key,
        |row| read_date(row, 0),
    )?;
    if let Some(day) = moved {
        return Ok((day, Kind::Deduction));
    }
    let valued = tx.query_one(
        "SELECT value_date FROM receipt WHERE court_id = $1 AND book_id = $2 AND receipt_id = $3",
        &key,
        |row| read_date(row, 0),
    )?;
    Ok((valued, Kind::Performance))
}

/// The day on which interest stops for the money of a receipt or deduction.
///
/// # Errors
/// What the database says.
pub fn stops_on(tx: &mut Tx<'_>, court_id: i64, receipt_id: i64) -> Outcome<Date> {
    Ok(stops(tx, court_id, receipt_id)?.0)
}

/// The payments of an item that the bank has debited and not given back: payment, amount, day, number of the run. Of a payee
/// that is credited inside the books (the treasury), the line itself once its run is committed.
fn debited(tx: &mut Tx<'_>, court_id: i64, item: i64) -> Outcome<Vec<(i64, Amount, Date, String)>> {
    let key = [court_id.into(), books::CASE_MONEY.into(), item.into()];
    let mut paid = tx.query(
        "SELECT p.payment_id, e.amount_minor, b.booked_on, r.number FROM payment_line AS p \
         JOIN payment_state AS s ON s.court_id = p.court_id AND s.book_id = p.book_id AND s.payment_id = p.payment_id \
         AND s.outcome = 'debited' \
         JOIN run AS r ON r.court_id = p.court_id AND r.book_id = p.book_id AND r.run_id = p.run_id \
         JOIN payment_event AS e ON e.court_id = p.court_id AND e.book_id = p.book_id AND e.id = \
         (SELECT MAX(n.id) FROM payment_event AS n WHERE n.court_id = p.court_id AND n.book_id = p.book_id \
         AND n.payment_id = p.payment_id AND n.event = 'debited') \
         JOIN bank_match AS m ON m.court_id = e.court_id AND m.book_id = e.book_id AND m.match_id = e.group_id \
         JOIN bank_line AS b ON b.court_id = m.court_id AND b.book_id = m.book_id AND b.bank_line_id = m.bank_line_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.line_id = $3 ORDER BY p.payment_id",
        &key,
        |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?), read_date(row, 2)?, row.text(3)?.to_owned())),
    )?;
    paid.extend(tx.query(
        "SELECT l.sheet_line_id, l.amount_minor, v.accounting_date, r.number FROM sheet_line AS l \
         JOIN payee AS y ON y.court_id = l.court_id AND y.book_id = l.book_id AND y.payee_id = l.payee_id \
         AND y.kind = 'treasury' \
         JOIN run_source AS x ON x.court_id = l.court_id AND x.book_id = l.book_id AND x.kind = 'sheet' \
         AND x.source_id = l.sheet_id \
         JOIN run AS r ON r.court_id = x.court_id AND r.book_id = x.book_id AND r.run_id = x.run_id \
         JOIN run_state AS t ON t.court_id = x.court_id AND t.book_id = x.book_id AND t.run_id = x.run_id \
         AND t.status IN ('committed', 'released') \
         JOIN run_event AS e ON e.court_id = x.court_id AND e.book_id = x.book_id AND e.run_id = x.run_id \
         AND e.event = 'committed' \
         JOIN voucher AS v ON v.court_id = e.court_id AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
         LEFT JOIN line_event AS k ON k.court_id = l.court_id AND k.book_id = l.book_id AND k.line_id = l.sheet_line_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_line_id = $3 AND k.id IS NULL",
        &key,
        |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?), read_date(row, 2)?, row.text(3)?.to_owned())),
    )?);
    Ok(paid)
}
