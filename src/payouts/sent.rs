//! What went to the bank, and where each payment stands with it.

use std::collections::HashMap;

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Tx;
use jiff::Timestamp;
use jiff::civil::Date;

use super::details::payees_of;
use super::lines::each_payment_between;
use super::release::{BankFile, files_of_run, line_key};
use super::runs::{self, Run};
use crate::books;
use crate::chart;
use crate::clock::Clock;
use crate::failure::Outcome;
use crate::words::{read_word, words};

words! {
    /// What the bank has answered about a payment.
    Answer {
        /// Nothing yet.
        None = "none",
        /// Paid.
        Paid = "paid",
        /// Refused.
        Failed = "failed",
        /// In hand: never taken for failed.
        Unknown = "unknown",
    }
}

words! {
    /// Where a payment stands in the books.
    Standing {
        /// With the bank.
        Out = "out",
        /// The bank has debited it.
        Debited = "debited",
        /// The bank has refused it; it was not debited.
        Failed = "failed",
        /// 退票: debited, and given back.
        Returned = "returned",
        /// Came back, and a new payment stands for it.
        Reissued = "reissued",
    }
}

impl Standing {
    /// In words.
    #[must_use]
    pub const fn message(self) -> crate::Message {
        crate::Message::new(match self {
            Self::Out => "settlement.out",
            Self::Debited => "settlement.debited",
            Self::Failed => "settlement.failed",
            Self::Returned => "settlement.returned",
            Self::Reissued => "settlement.reissued",
        })
    }
}

/// A payment that was handed to the bank.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Row.
    pub payment_id: i64,
    /// Item of its postings.
    pub line_id: i64,
    /// 1, or the place among several payees.
    pub payee_no: i64,
    /// Within the run.
    pub line_no: i64,
    /// Case.
    pub case_id: i64,
    /// Payment details.
    pub detail_id: i64,
    /// What the file says: without what was set aside at release.
    pub amount: Amount,
    /// Place of its file in [`SentRun::files`].
    pub file: usize,
    /// Key on the file.
    pub key: String,
    /// 户名.
    pub name: String,
    /// Keyed hash of the account number.
    pub account_index: i64,
    /// What the bank has answered.
    pub answer: Answer,
    /// Why it failed, in our words; empty if it did not.
    pub cause: String,
    /// Where it stands.
    pub standing: Standing,
}

/// A released run and its files.
#[derive(Debug, Clone)]
pub struct SentRun {
    /// The run.
    pub run: Run,
    /// Day of the release in China.
    pub released_on: Date,
    /// Its files.
    pub files: Vec<BankFile>,
}

/// The runs that were released from a bank account, oldest first.
///
/// # Errors
/// What the database says.
pub fn sent_runs(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<Vec<SentRun>> {
    let released = tx.query(
        "SELECT r.number, e.recorded_at FROM run AS r JOIN run_event AS e ON e.court_id = r.court_id \
         AND e.book_id = r.book_id AND e.run_id = r.run_id AND e.event = 'released' \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.bank_account_id = $3 ORDER BY r.run_id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )?;
    let mut runs = Vec::with_capacity(released.len());
    for (number, at) in released {
        let run = runs::find_run(tx, court_id, &number)?;
        let files = files_of_run(tx, court_id, run.run_id)?;
        let at = Timestamp::from_microsecond(at)
            .map_err(|error| ankuan_ledger::Error::Inconsistent(format!("run {number}: {error}")))?;
        runs.push(SentRun { run, released_on: Clock::fixed(at).today_in_shanghai(), files });
    }
    Ok(runs)
}

/// The payments of a released run that went to the bank, in the order of their lines.
///
/// # Errors
/// What the database or `take` says.
pub fn each_sent(
    tx: &mut Tx<'_>,
    court_id: i64,
    sent: &SentRun,
    take: &mut dyn FnMut(Sent) -> Outcome<()>,
) -> Outcome<()> {
    each_sent_between(tx, court_id, sent, (1, i64::MAX), take)
}

/// The payments in one file of a released run, in their order.
///
/// # Errors
/// What the database says.
pub fn sent_in_file(tx: &mut Tx<'_>, court_id: i64, sent: &SentRun, file: usize) -> Outcome<Vec<Sent>> {
    let mut payments = Vec::new();
    each_sent_between(tx, court_id, sent, sent.files[file].lines_between, &mut |payment| {
        if payment.file == file {
            payments.push(payment);
        }
        Ok(())
    })?;
    Ok(payments)
}

/// What was set aside when a run was released, by line and place among its payees (fen): it did not go.
///
/// # Errors
/// What the database says.
pub fn kept_at_release(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<HashMap<(i64, i64), i64>> {
    let mut kept = HashMap::new();
    tx.each(
        "SELECT line_id, payee_no, amount_minor FROM line_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 \
         AND event IN ('blocked_at_release', 'split_at_release')",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
        |row| {
            *kept.entry((row.int(0)?, row.int(1)?)).or_insert(0) += row.int(2)?;
            Ok::<(), ankuan_ledger::engine::Error>(())
        },
    )?;
    Ok(kept)
}

fn each_sent_between(
    tx: &mut Tx<'_>,
    court_id: i64,
    sent: &SentRun,
    lines: (i64, i64),
    take: &mut dyn FnMut(Sent) -> Outcome<()>,
) -> Outcome<()> {
    let run = &sent.run;
    let kept = kept_at_release(tx, court_id, run)?;
    let profile = run.profile()?;
    let payer_bank_code = chart::bank_accounts(tx, court_id)?
        .into_iter()
        .find(|account| account.bank_account_id == run.bank_account_id)
        .map(|account| account.bank_code)
        .unwrap_or_default();
    each_payment_between(tx, court_id, run, lines, &mut |tx, page| {
        let payees = payees_of(tx, court_id, &payer_bank_code, page)?;
        let mut states = states_between(
            tx,
            court_id,
            page.first().map_or(0, |payment| payment.payment_id),
            page.last().map_or(0, |payment| payment.payment_id),
        )?;
        for (payment, payee) in page.iter().zip(payees) {
            let aside = kept.get(&(payment.line_id, payment.payee_no)).copied().unwrap_or(0);
            let amount = Amount::from_minor(payment.amount.minor() - aside);
            if amount <= Amount::ZERO {
                continue;
            }
            let group = profile.group(payee.route.same_bank, payee.route.kind).name();
            let in_file = |file: &BankFile| {
                file.group == group
                    && file.lines_between.0 <= payment.line_no
                    && payment.line_no <= file.lines_between.1
            };
            let file = sent.files.iter().position(in_file).ok_or_else(|| {
                ankuan_ledger::Error::Inconsistent(format!("line {} of {} is in no file", payment.line_no, run.number))
            })?;
            let (answer, cause, standing) =
                states.remove(&payment.payment_id).unwrap_or((Answer::None, String::new(), Standing::Out));
            take(Sent {
                payment_id: payment.payment_id,
                line_id: payment.line_id,
                payee_no: payment.payee_no,
                line_no: payment.line_no,
                case_id: payment.case_id,
                detail_id: payment.detail_id,
                amount,
                file,
                key: line_key(&run.number, payment.line_no),
                name: payee.name,
                account_index: payee.account_index,
                answer,
                cause,
                standing,
            })?;
        }
        Ok(())
    })
}

type State = (Answer, String, Standing);

fn states_between(tx: &mut Tx<'_>, court_id: i64, first: i64, last: i64) -> Outcome<HashMap<i64, State>> {
    let mut states = HashMap::new();
    tx.each(
        "SELECT payment_id, answer, cause, outcome FROM payment_state \
         WHERE court_id = $1 AND book_id = $2 AND payment_id >= $3 AND payment_id <= $4",
        &[court_id.into(), books::CASE_MONEY.into(), first.into(), last.into()],
        |row| {
            let state =
                (read_word(row, 1, Answer::parse)?, row.text(2)?.to_owned(), read_word(row, 3, Standing::parse)?);
            states.insert(row.int(0)?, state);
            Ok::<(), ankuan_ledger::engine::Error>(())
        },
    )?;
    Ok(states)
}

/// Writes where payments stand: (payment, answer, cause, standing).
///
/// # Errors
/// What the database says.
pub fn write_states(tx: &mut Tx<'_>, court_id: i64, states: &[(i64, Answer, &str, Standing)]) -> Outcome<()> {
    for page in states.chunks(10_000) {
        let values: Vec<ankuan_ledger::engine::Value<'_>> = page
            .iter()
            .flat_map(|(payment_id, answer, cause, standing)| {
                [
                    court_id.into(),
                    books::CASE_MONEY.into(),
                    (*payment_id).into(),
                    answer.as_str().into(),
                    (*cause).into(),
                    standing.as_str().into(),
                ]
            })
            .collect();
        let key = ["court_id", "book_id", "payment_id"];
        tx.upsert_many("payment_state", &key, &["answer", "cause", "outcome"], &values)?;
    }
    Ok(())
}
