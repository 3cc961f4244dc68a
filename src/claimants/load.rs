//! The claimants of a case with what each of them sees, read with one pass over each table.

use std::collections::{HashMap, HashSet};

use ankuan_ledger::engine::Error;
use ankuan_ledger::{Amount, Tx};
use jiff::Timestamp;

use super::view::{Account, Held, Payment, Round, Seen, last_four};
use crate::bank::PayeeKind;
use crate::books;
use crate::cases::Case;
use crate::chart;
use crate::claims::record::{CLAIM, lists_of_case};
use crate::documents::keys::Keys;
use crate::documents::personal::each_detail;
use crate::failure::Outcome;
use crate::payouts::rounds::{SHARE, effective_distributions, explain_all, load_claims};
use crate::payouts::sent::{Sent, each_sent, sent_runs};

/// A claimant: what they see, and by what they are known and reached. Not printable: it has no `Debug` that shows it.
#[derive(Clone)]
pub struct Claimant {
    /// What they see.
    pub seen: Seen,
    /// What identifies them.
    pub document_number: String,
    /// Telephone; empty where the list has none.
    pub telephone: String,
    /// Whether a payment to them came back and waits for another account.
    pub waits_for_account: bool,
}

/// What of payment details is needed.
struct Detail {
    bank: String,
    document_number: String,
    account: String,
    telephone: String,
}

impl Detail {
    fn account(&self) -> Account {
        Account { bank: self.bank.clone(), last_four: last_four(&self.account) }
    }
}

/// The claimants of a case, ordered by claim: those who take part in a distribution as the claims stand now. A person's
/// rows that count together are one.
///
/// # Errors
/// `keys.detail_cannot_open`, the refusals of [`explain_all`]; what the database says.
pub fn claimants_of(
    tx: &mut Tx<'_>,
    keys: &Keys,
    court_id: i64,
    case: &Case,
    now: Timestamp,
) -> Outcome<Vec<Claimant>> {
    let claims = load_claims(tx, court_id, case.case_id, i64::MAX)?;
    let names = names_of(tx, court_id, case.case_id)?;
    let details = details_of(tx, keys, court_id, case.case_id)?;
    let several = claims_with_several_payees(tx, court_id, case.case_id)?;
    let court = chart::court_name(tx, court_id)?.unwrap_or_default();
    let missing = |what: &str, id: i64| Error::Inconsistent(format!("{what} {id} of case {} is missing", case.case_id));
    let mut claimants = Vec::with_capacity(claims.inputs.len());
    for (input, detail_id) in claims.inputs.iter().zip(&claims.detail_ids) {
        let (claimant_no, name) =
            names.get(&input.claim_id).cloned().ok_or_else(|| missing("claim", input.claim_id))?;
        let detail = details.get(detail_id).ok_or_else(|| missing("detail", *detail_id))?;
        claimants.push(Claimant {
            seen: Seen {
                court: court.clone(),
                case: case.current_number().to_owned(),
                claim_id: input.claim_id,
                claimant_no,
                name,
                claim: input.claim,
                hold: input.hold,
                as_of: now.as_microsecond(),
                rounds: Vec::new(),
                payments: Vec::new(),
                held: Vec::new(),
                account: detail.account(),
                may_correct: !several.contains(&input.claim_id),
            },
            document_number: detail.document_number.clone(),
            telephone: detail.telephone.clone(),
            waits_for_account: false,
        });
    }
    add_rounds(tx, court_id, case.case_id, &mut claimants)?;
    add_payments(tx, court_id, case.case_id, &details, &mut claimants)?;
    for claimant in &mut claimants {
        let figures = claimant.seen.figures();
        claimant.waits_for_account = claimant.seen.may_correct && figures.back > Amount::ZERO;
    }
    Ok(claimants)
}

fn find(claimants: &mut [Claimant], claim_id: i64) -> Option<&mut Claimant> {
    let place = claimants.binary_search_by_key(&claim_id, |claimant| claimant.seen.claim_id).ok()?;
    claimants.get_mut(place)
}

fn names_of(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<HashMap<i64, (String, String)>> {
    let mut names = HashMap::new();
    for list in lists_of_case(tx, court_id, case_id)? {
        tx.scan(&CLAIM, court_id, books::CASE_MONEY, list.claim_ids, |row| {
            names.insert(row.int(2)?, (row.text(6)?.to_owned(), row.text(7)?.to_owned()));
            Ok::<(), Error>(())
        })?;
    }
    Ok(names)
}

/// The details of the lists, and those that came after.
fn details_of(tx: &mut Tx<'_>, keys: &Keys, court_id: i64, case_id: i64) -> Outcome<HashMap<i64, Detail>> {
    let mut ranges: Vec<(i64, i64)> = lists_of_case(tx, court_id, case_id)?.iter().map(|list| list.claim_ids).collect();
    let later = tx.query(
        "SELECT detail_id FROM claim_event WHERE court_id = $1 AND book_id = $2 AND case_id = $3 \
         AND detail_id IS NOT NULL ORDER BY detail_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| row.int(0),
    )?;
    ranges.extend(later.into_iter().map(|detail_id| (detail_id, detail_id)));
    let mut details = HashMap::new();
    for ids in ranges {
        each_detail(tx, keys, books::case_money(court_id), ids, &mut |detail_id, detail, _| {
            let owned = Detail {
                bank: detail.bank_name.to_owned(),
                document_number: detail.document_number.to_owned(),
                account: detail.account.to_owned(),
                telephone: detail.telephone.to_owned(),
            };
            details.insert(detail_id, owned);
            Ok(())
        })?;
    }
    Ok(details)
}

/// Claims whose money goes to heirs, agents or assignees: one payment does not tell whose account it would be.
fn claims_with_several_payees(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<HashSet<i64>> {
    let claims = tx.query(
        "SELECT DISTINCT claim_id FROM claim_event WHERE court_id = $1 AND book_id = $2 AND case_id = $3 \
         AND event = 'payee'",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| row.int(0),
    )?;
    Ok(claims.into_iter().collect())
}

fn add_rounds(tx: &mut Tx<'_>, court_id: i64, case_id: i64, claimants: &mut [Claimant]) -> Outcome<()> {
    for distribution in effective_distributions(tx, court_id, case_id, i64::MAX)? {
        explain_all(tx, court_id, &distribution, &mut |explanation| {
            if let Some(claimant) = find(claimants, explanation.claim_id) {
                claimant.seen.rounds.push(Round { round_no: distribution.round_no, explanation });
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Whose item each line of the case is: shares in force, and payments made again.
fn claims_of_lines(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<HashMap<i64, i64>> {
    let mut lines = HashMap::new();
    for distribution in effective_distributions(tx, court_id, case_id, i64::MAX)? {
        tx.scan(&SHARE, court_id, books::CASE_MONEY, distribution.share_ids(), |row| {
            lines.insert(row.int(2)?, row.int(4)?);
            Ok::<(), Error>(())
        })?;
    }
    let again = tx.query(
        "SELECT l.reissue_line_id, l.claim_id FROM reissue_line AS l JOIN reissue AS r ON r.court_id = l.court_id \
         AND r.book_id = l.book_id AND r.reissue_id = l.reissue_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND r.case_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    lines.extend(again);
    Ok(lines)
}

fn add_payments(
    tx: &mut Tx<'_>,
    court_id: i64,
    case_id: i64,
    details: &HashMap<i64, Detail>,
    claimants: &mut [Claimant],
) -> Outcome<()> {
    let lines = claims_of_lines(tx, court_id, case_id)?;
    let key = [court_id.into(), books::CASE_MONEY.into(), case_id.into()];
    let runs: HashSet<i64> = tx
        .query(
            "SELECT DISTINCT run_id FROM run_source WHERE court_id = $1 AND book_id = $2 AND case_id = $3",
            &key,
            |row| row.int(0),
        )?
        .into_iter()
        .collect();
    let mut sent: Vec<(String, Sent)> = Vec::new();
    for account in chart::bank_accounts(tx, court_id)? {
        for run in sent_runs(tx, court_id, account.bank_account_id)? {
            if !runs.contains(&run.run.run_id) {
                continue;
            }
            let released_on = run.released_on.to_string();
            each_sent(tx, court_id, &run, &mut |payment| {
                if payment.case_id == case_id && lines.contains_key(&payment.line_id) {
                    sent.push((released_on.clone(), payment));
                }
                Ok(())
            })?;
        }
    }
    sent.sort_by_key(|(_, payment)| payment.payment_id);
    let days = days_at_the_bank(tx, court_id, &sent)?;
    for (sent_on, payment) in sent {
        let Some(claimant) = lines.get(&payment.line_id).and_then(|claim_id| find(claimants, *claim_id)) else {
            continue;
        };
        let account = details.get(&payment.detail_id).map(Detail::account).unwrap_or_default();
        claimant.seen.payments.push(Payment {
            amount: payment.amount,
            holder: payment.name,
            account,
            sent_on,
            standing: payment.standing.as_str().to_owned(),
            on: days.get(&payment.payment_id).cloned().unwrap_or_default(),
            cause: payment.cause,
        });
    }
    let held = tx.query(
        "SELECT e.line_id, e.amount_minor, e.reason FROM line_event AS e JOIN run_state AS r \
         ON r.court_id = e.court_id AND r.book_id = e.book_id AND r.run_id = e.run_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND r.status NOT IN ('withdrawn', 'cancelled') \
         AND e.event IN ('blocked_at_commit', 'blocked_at_release', 'split_at_release') \
         AND EXISTS (SELECT 1 FROM run_source AS s WHERE s.court_id = e.court_id AND s.book_id = e.book_id \
         AND s.run_id = e.run_id AND s.case_id = $3) ORDER BY e.id",
        &key,
        |row| Ok((row.int(0)?, Held { amount: Amount::from_minor(row.int(1)?), reason: row.text(2)?.to_owned() })),
    )?;
    for (line_id, held) in held {
        if let Some(claimant) = lines.get(&line_id).and_then(|claim_id| find(claimants, *claim_id)) {
            claimant.seen.held.push(held);
        }
    }
    Ok(())
}

/// The newest day on which the bank's statement says something of each payment.
fn days_at_the_bank(tx: &mut Tx<'_>, court_id: i64, sent: &[(String, Sent)]) -> Outcome<HashMap<i64, String>> {
    let mut days = HashMap::new();
    let (Some((_, first)), Some((_, last))) = (sent.first(), sent.last()) else { return Ok(days) };
    tx.each(
        "SELECT e.payment_id, b.booked_on FROM payment_event AS e JOIN bank_match AS m ON m.court_id = e.court_id \
         AND m.book_id = e.book_id AND m.match_id = e.group_id JOIN bank_line AS b ON b.court_id = m.court_id \
         AND b.book_id = m.book_id AND b.bank_line_id = m.bank_line_id WHERE e.court_id = $1 AND e.book_id = $2 \
         AND e.payment_id >= $3 AND e.payment_id <= $4 AND e.event IN ('debited', 'failed', 'returned') ORDER BY e.id",
        &[court_id.into(), books::CASE_MONEY.into(), first.payment_id.into(), last.payment_id.into()],
        |row| {
            days.insert(row.int(0)?, row.text(1)?.to_owned());
            Ok::<(), Error>(())
        },
    )?;
    Ok(days)
}

/// The payment details of a claim as they stand, opened for one claimant.
pub(super) struct Current {
    /// Person or company.
    pub kind: PayeeKind,
    /// 户名
    pub holder: String,
    /// 开户行
    pub bank: String,
    /// 联行号
    pub bank_code: String,
    /// 账号
    pub account: String,
    /// 手机号
    pub telephone: String,
}

/// The details under an id.
///
/// # Errors
/// `keys.detail_cannot_open`; what the database says.
pub(super) fn current(tx: &mut Tx<'_>, keys: &Keys, court_id: i64, detail_id: i64) -> Outcome<Current> {
    let mut found = None;
    each_detail(tx, keys, books::case_money(court_id), (detail_id, detail_id), &mut |_, detail, _| {
        found = Some(Current {
            kind: detail.kind,
            holder: detail.payee_name.to_owned(),
            bank: detail.bank_name.to_owned(),
            bank_code: detail.bank_code.to_owned(),
            account: detail.account.to_owned(),
            telephone: detail.telephone.to_owned(),
        });
        Ok(())
    })?;
    Ok(found.ok_or_else(|| Error::Inconsistent(format!("detail {detail_id} is missing")))?)
}
