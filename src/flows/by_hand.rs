//! Matching by hand: a person says what a line is, with evidence. Amounts must agree; money for a case still needs the
//! second person of an attribution.

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Tx;
use ankuan_reconciliation::matching::Outcome as Finding;

use super::{Apply, BY_HAND, MATCHING, Matched, load};
use crate::access::{self, Acting, Actor, Role};
use crate::assets::Expected;
use crate::assets::differences::{self, Explanation};
use crate::books;
use crate::chart::{BankAccount, Chart, Event};
use crate::failure::Outcome;
use crate::message::Message;
use crate::payouts::sent::{Answer, Sent, Standing};
use crate::statements::import::may_import;
use crate::statements::{days, find_line};

/// What a person says a line is.
#[derive(Debug, Clone)]
pub enum Says<'a> {
    /// A payment, by the key on its file: debited or returned, by the line's sign.
    Payment(&'a str),
    /// A payment file, by its name: its debit, or the lump return of what failed.
    File(&'a str),
    /// Receipts that were recorded by hand.
    Receipts(&'a [i64]),
    /// Money whose case is not known (it is attributed afterwards, by two people).
    Unattributed,
    /// The bank's interest.
    Interest,
    /// The bank's charges.
    Charges,
    /// Takes back what this earlier line brought.
    TakesBack(i64),
    /// Deducted money, with another amount than was confirmed: a part, the rest still to come; or with two people's word for
    /// the difference.
    Deduction(i64, Option<Explanation<'a>>),
}

/// What is said, why, and who stands behind it.
#[derive(Debug, Clone, Copy)]
pub struct BySaying<'a> {
    /// What the line is.
    pub says: &'a Says<'a>,
    /// Why.
    pub evidence: &'a str,
    /// The second person, for what moves money without any other document of the court.
    pub confirmed_by: Option<&'a Actor>,
}

/// Charges up to here one person may book; the rule of matching has the same bound (¥1,000).
const CHARGES_ALONE_MAX: Amount = Amount::from_minor(100_000);

/// Matches a line by hand. Needs finance or the fund keeper; interest, what is taken back, and charges above ¥1,000 need
/// a second person as well, and so does new money that carries what looks like a key of ours or our purpose.
///
/// # Errors
/// `flows.line_not_open`, `flows.evidence_missing`, `flows.amount_differs`, `flows.payment_unknown`,
/// `flows.file_unknown`, `flows.not_a_credit`, `flows.not_a_debit`, `flows.carries_our_key`, `receipts.unknown`, `signoff.day_closed`, those of
/// posting. Of a deduction: `assets.deduction_unknown`, `flows.deduction_elsewhere`, `assets.nothing_missing`, and those of
/// [`differences::check`].
pub fn match_line(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    account: &BankAccount,
    bank_line_id: i64,
    said: &BySaying<'_>,
) -> Outcome<Matched> {
    let BySaying { says, evidence, confirmed_by } = said;
    if evidence.trim().is_empty() {
        return Err(Message::new("flows.evidence_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reconcile.by_hand")?;
    may_import(tx, acting)?;
    days::must_be_open(tx, acting.actor.court_id, account, acting.date)?;
    let shown = find_line(tx, acting.actor.court_id, bank_line_id)?;
    let own_key = load::own_key(&shown);
    let runs = match (says, own_key) {
        (Says::Payment(key), _) => load::Runs::OfPayment(key),
        (Says::Unattributed | Says::Receipts(_), Some(key)) => load::Runs::OfPayment(key),
        (Says::File(name), _) => load::Runs::OfFile(name),
        _ => load::Runs::None,
    };
    let mut loaded = load::load(tx, acting.actor.court_id, account, acting.date, runs)?;
    let line = loaded
        .line(bank_line_id)
        .cloned()
        .ok_or_else(|| Message::new("flows.line_not_open").with("line", bank_line_id))?;
    let alone = match says {
        Says::Interest | Says::TakesBack(_) => false,
        Says::Charges => line.amount.minor().abs() <= CHARGES_ALONE_MAX.minor(),
        // Another court's money may look like ours; two people say so.
        Says::Unattributed | Says::Receipts(_) => own_key.is_none(),
        // With a difference, `differences::check` asks for the two people.
        Says::Deduction(..) => own_key.is_none(),
        _ => true,
    };
    if !alone {
        let second = confirmed_by.ok_or_else(|| match own_key {
            Some(key) => Message::new("flows.carries_our_key").with("key", key),
            None => Message::new("flows.second_person").with("line", bank_line_id),
        })?;
        let proposer = acting.require_any(tx, [Role::FundKeeper, Role::Finance])?;
        access::require_second(tx, acting, proposer, second, &[Role::FundKeeper, Role::Finance, Role::BureauHead])?;
    }
    let outcome = match says {
        Says::Deduction(deduction_id, explanation) => {
            deduction(tx, acting, &mut loaded, &line, *deduction_id, explanation.as_ref())?
        }
        _ => outcome(tx, acting, &loaded, &line, says)?,
    };
    let matching_id = act.take_ids(1);
    let event = match &outcome {
        Finding::PaymentDebited { .. } | Finding::FileDebited { .. } => Some(Event::BankDebited),
        Finding::PaymentReturned { .. } | Finding::LumpReturned { .. } => Some(Event::LineReturned),
        Finding::Unattributed => Some(Event::ReceiptUnknown),
        _ => None,
    };
    if let Some(event) = event {
        act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
    }
    let message =
        Message::new("flows.evidence_by_hand").with("person", &acting.actor.name).with("text", evidence.trim());
    let mut apply = Apply::new(acting, chart, account, matching_id, &mut loaded);
    if let Says::Deduction(_, explanation) = says {
        apply.explained = Some(*explanation);
    }
    apply.found(tx, &mut act, (&[bank_line_id], &outcome), BY_HAND.to_owned(), super::as_json(&message))?;
    let mut done = apply.finish(tx)?;
    done.matching_id = matching_id;
    done.lines = 1;
    act.insert(
        tx,
        &MATCHING,
        matching_id,
        &[
            matching_id.into(),
            account.bank_account_id.into(),
            "".into(),
            1.into(),
            1.into(),
            0.into(),
            0.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(done)
}

/// Deducted money that people take by hand. The amount is right, or a part of what is on its way, or two people say why it
/// differs. What has arrived whole may be followed by a surplus.
fn deduction(
    tx: &mut Tx<'_>,
    acting: &Acting,
    loaded: &mut load::Loaded,
    line: &crate::statements::BankLine,
    deduction_id: i64,
    explanation: Option<&Explanation<'_>>,
) -> Outcome<Finding> {
    if line.amount <= Amount::ZERO {
        return Err(Message::new("flows.not_a_credit").with("line", line.bank_line_id).into());
    }
    if let Some(key) = load::own_key(line).filter(|key| loaded.payment_by_key(key).is_some()) {
        return Err(Message::new("flows.carries_our_key").with("key", key).into());
    }
    let one = differences::find(tx, books::case_money(acting.actor.court_id), deduction_id)?;
    if one.bank_account_id != line.bank_account_id {
        return Err(Message::new("flows.deduction_elsewhere").with("deduction", deduction_id).into());
    }
    let differs = || Message::new("flows.amount_differs").with("line", line.amount).with("expected", one.on_its_way);
    let split = differences::split(line.amount, one.on_its_way, explanation.is_some()).ok_or_else(differs)?;
    match (split.difference, explanation) {
        (Some((kind, _)), Some(explanation)) => differences::check(tx, acting, kind, explanation)?,
        (Some(_), None) => return Err(differs().into()),
        (None, Some(_)) => return Err(Message::new("assets.nothing_missing").with("deduction", deduction_id).into()),
        (None, None) => {}
    }
    loaded.expected.entry(deduction_id).or_insert(Expected {
        deduction_id,
        case_id: one.case_id,
        amount: one.on_its_way,
        payer_name: one.payer_name,
        confirmed_on: one.confirmed_on,
    });
    Ok(Finding::ArrivalArrived { expected_ids: [deduction_id].into() })
}

fn outcome(
    tx: &mut Tx<'_>,
    acting: &Acting,
    loaded: &load::Loaded,
    line: &crate::statements::BankLine,
    says: &Says<'_>,
) -> Outcome<Finding> {
    let (amount, is_credit) = (Amount::from_minor(line.amount.minor().abs()), line.amount > Amount::ZERO);
    let agrees = |expected: Amount| -> Result<(), Message> {
        if expected == amount {
            return Ok(());
        }
        Err(Message::new("flows.amount_differs").with("line", amount).with("expected", expected))
    };
    let must_be = |credit: bool| -> Result<(), Message> {
        if credit == is_credit {
            return Ok(());
        }
        let code = if credit { "flows.not_a_credit" } else { "flows.not_a_debit" };
        Err(Message::new(code).with("line", line.bank_line_id))
    };
    // What comes back from a payment of ours is never a payer's money, nor the bank's, whoever says so.
    let must_be_new = || match load::own_key(line).filter(|key| loaded.payment_by_key(key).is_some()) {
        Some(key) => Err(Message::new("flows.carries_our_key").with("key", key)),
        None => Ok(()),
    };
    Ok(match says {
        Says::Payment(key) => {
            let payment =
                loaded.payment_by_key(key).ok_or_else(|| Message::new("flows.payment_unknown").with("key", key))?;
            agrees(payment.amount)?;
            let payment_id = payment.payment_id;
            match (is_credit, payment.standing) {
                (false, Standing::Out) => Finding::PaymentDebited { payment_id },
                (true, Standing::Debited) => Finding::PaymentReturned { payment_id },
                (_, standing) => {
                    return Err(Message::new("flows.payment_stands")
                        .with("key", key)
                        .with_term("standing", &standing.message())
                        .into());
                }
            }
        }
        Says::File(name) => {
            let file_id = file_by_name(tx, acting, line.bank_account_id, name)?;
            let sum = |wanted: &dyn Fn(&Sent) -> bool| {
                let payments = loaded.payments_of_file(file_id).filter(|one| wanted(one));
                Amount::sum(payments.map(|one| one.amount)).unwrap_or(Amount::ZERO)
            };
            let is_failed = |one: &Sent| one.answer == Answer::Failed;
            if is_credit {
                agrees(sum(&|one| one.standing == Standing::Debited && is_failed(one)))?;
                Finding::LumpReturned { file_id, answer_id: None }
            } else {
                let whole = sum(&|one| one.standing == Standing::Out);
                let less_failed = whole != amount;
                if less_failed {
                    agrees(sum(&|one| one.standing == Standing::Out && !is_failed(one)))?;
                }
                Finding::FileDebited { file_id, less_failed }
            }
        }
        Says::Receipts(receipt_ids) => {
            must_be(true)?;
            must_be_new()?;
            let mut total = Amount::ZERO;
            for (place, receipt_id) in receipt_ids.iter().enumerate() {
                let receipt = crate::receipts::find_receipt(tx, books::case_money(acting.actor.court_id), *receipt_id)?;
                let is_elsewhere = receipt.bank_account_id != line.bank_account_id;
                let is_open = loaded.open_receipts.contains(receipt_id);
                if is_elsewhere || !is_open || receipt_ids[..place].contains(receipt_id) {
                    return Err(Message::new("flows.receipt_matched").with("receipt", receipt_id).into());
                }
                total = total.plus(receipt.amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
            }
            agrees(total)?;
            Finding::ReceiptLinked { receipt_ids: (*receipt_ids).into() }
        }
        Says::Unattributed => {
            must_be(true)?;
            must_be_new()?;
            Finding::Unattributed
        }
        Says::Interest => {
            must_be(true)?;
            if let Some(key) = load::own_key(line) {
                return Err(Message::new("flows.carries_our_key").with("key", key).into());
            }
            Finding::Interest
        }
        Says::Charges => {
            must_be(false)?;
            Finding::Charges
        }
        Says::Deduction(..) => {
            return Err(ankuan_ledger::Error::Inconsistent("a deduction is found apart".into()).into());
        }
        Says::TakesBack(credit_line) => {
            must_be(false)?;
            let credit = find_line(tx, acting.actor.court_id, *credit_line)?;
            agrees(credit.amount)?;
            let receipt_id = receipt_of_line(tx, acting, *credit_line)?;
            let is_earlier = credit.bank_account_id == line.bank_account_id && credit.booked_on <= line.booked_on;
            let is_gone = match receipt_id {
                None => true,
                Some(receipt_id) => load::taken_back(tx, acting.actor.court_id)?.contains(&receipt_id),
            };
            if !is_earlier || is_gone {
                return Err(Message::new("flows.reversal_of_no_receipt").with("line", credit_line).into());
            }
            Finding::Reversed { line_id: *credit_line, receipt_id }
        }
    })
}

/// A file that went out from this account.
fn file_by_name(tx: &mut Tx<'_>, acting: &Acting, bank_account_id: i64, name: &str) -> Outcome<i64> {
    let found = tx.query_opt(
        "SELECT f.file_id FROM bank_file AS f JOIN run AS r ON r.court_id = f.court_id AND r.book_id = f.book_id \
         AND r.run_id = f.run_id WHERE f.court_id = $1 AND f.book_id = $2 AND f.name = $3 AND r.bank_account_id = $4",
        &[acting.actor.court_id.into(), books::CASE_MONEY.into(), name.into(), bank_account_id.into()],
        |row| row.int(0),
    )?;
    Ok(found.ok_or_else(|| Message::new("flows.file_unknown").with("file", name))?)
}

/// The receipt that a matched line brought, where it is one.
fn receipt_of_line(tx: &mut Tx<'_>, acting: &Acting, bank_line_id: i64) -> Outcome<Option<i64>> {
    let found = tx.query(
        "SELECT r.receipt_id FROM line_match AS l JOIN receipt_match AS r ON r.court_id = l.court_id \
         AND r.book_id = l.book_id AND r.group_id = l.group_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_line_id = $3",
        &[acting.actor.court_id.into(), books::CASE_MONEY.into(), bank_line_id.into()],
        |row| row.int(0),
    )?;
    Ok(match found.as_slice() {
        [one] => Some(*one),
        _ => None,
    })
}
