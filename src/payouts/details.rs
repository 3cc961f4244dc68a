//! The personal details of a page of payment lines, opened.

use std::collections::HashMap;

use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Tx;

use super::lines::Payment;
use crate::bank::{PayeeKind, same_bank};
use crate::books;
use crate::documents::keys::Keys;
use crate::documents::personal::{each_detail, each_unsealed};
use crate::failure::Outcome;
use crate::message::Message;

/// Ids further apart than this are read in ranges of their own.
const GAP_MAX: i64 = 256;

/// Personal details that outlive the row they were read from. Not printable: it has no `Debug` that shows it.
#[derive(Clone, Default)]
pub struct OwnedDetail {
    /// Row.
    pub detail_id: i64,
    /// Person or company.
    pub kind: PayeeKind,
    /// 户名
    pub payee_name: String,
    /// 开户行
    pub bank_name: String,
    /// 联行号
    pub bank_code: String,
    /// 账号
    pub account: String,
    /// 手机号
    pub telephone: String,
}

/// Commitments that facts carry, by details.
pub type Commitments = HashMap<i64, Digest>;

/// What a case's payees and changes of its claims committed to, by details. Those of imported lists are compared by
/// `verify`: they are as many as the claims.
///
/// # Errors
/// What the database says.
pub fn commitments_of(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Commitments> {
    let rows = tx.query(
        "SELECT detail_id, commitment FROM payee WHERE court_id = $1 AND book_id = $2 AND case_id = $3 \
         UNION ALL SELECT detail_id, commitment FROM claim_event WHERE court_id = $1 AND book_id = $2 \
         AND case_id = $3 AND detail_id IS NOT NULL AND commitment IS NOT NULL",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| Ok((row.int(0)?, row.digest(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

/// The details of a page of payments, in the order of the payments.
///
/// # Errors
/// `keys.detail_cannot_open`, `payouts.detail_missing`.
pub fn details_of(tx: &mut Tx<'_>, keys: &Keys, court_id: i64, page: &[Payment]) -> Outcome<Vec<OwnedDetail>> {
    committed_details_of(tx, keys, court_id, &Commitments::new(), page)
}

/// As [`details_of`], and each is what its fact committed to, where that is among the commitments.
///
/// # Errors
/// Those of [`details_of`]; `payouts.detail_changed`.
pub fn committed_details_of(
    tx: &mut Tx<'_>,
    keys: &Keys,
    court_id: i64,
    commitments: &Commitments,
    page: &[Payment],
) -> Outcome<Vec<OwnedDetail>> {
    let book = books::case_money(court_id);
    in_order_of(page, |ids, take| {
        each_detail(tx, keys, book, ids, &mut |id, detail, salt| {
            if commitments.get(&id).is_some_and(|commitment| *commitment != salt.commitment(detail)) {
                return Err(Message::new("payouts.detail_changed").with("detail", id).into());
            }
            take(id, &|| OwnedDetail {
                detail_id: id,
                kind: detail.kind,
                payee_name: detail.payee_name.to_owned(),
                bank_name: detail.bank_name.to_owned(),
                bank_code: detail.bank_code.to_owned(),
                account: detail.account.to_owned(),
                telephone: detail.telephone.to_owned(),
            });
            Ok(())
        })
    })
}

/// What decides into which file a payment goes. Nothing sealed is opened for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Route {
    /// Person or company.
    pub kind: PayeeKind,
    /// Whether the payee's bank is the payer's.
    pub same_bank: bool,
}

/// The routes of a page of payments, in the order of the payments.
///
/// # Errors
/// `payouts.detail_missing`.
pub fn routes_of(tx: &mut Tx<'_>, court_id: i64, payer_bank_code: &str, page: &[Payment]) -> Outcome<Vec<Route>> {
    let book = books::case_money(court_id);
    in_order_of(page, |ids, take| {
        each_unsealed(tx, book, ids, &mut |id, detail| {
            take(id, &|| Route { kind: detail.kind, same_bank: same_bank(payer_bank_code, detail.bank_code) });
        })
    })
}

/// Who is paid, as far as it is not sealed, and into which file it goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Payee {
    /// What decides the file.
    pub route: Route,
    /// 户名.
    pub name: String,
    /// Keyed hash of the account number.
    pub account_index: i64,
}

/// The payees of a page of payments, in the order of the payments.
///
/// # Errors
/// `payouts.detail_missing`.
pub fn payees_of(tx: &mut Tx<'_>, court_id: i64, payer_bank_code: &str, page: &[Payment]) -> Outcome<Vec<Payee>> {
    let book = books::case_money(court_id);
    in_order_of(page, |ids, take| {
        each_unsealed(tx, book, ids, &mut |id, detail| {
            take(id, &|| Payee {
                route: Route { kind: detail.kind, same_bank: same_bank(payer_bank_code, detail.bank_code) },
                name: detail.payee_name.to_owned(),
                account_index: detail.account_index,
            });
        })
    })
}

/// Hands over an id and how to make what is wanted of its details.
type Take<'t, T> = dyn FnMut(i64, &dyn Fn() -> T) + 't;

/// Reads the details of a page by ranges of their ids and brings them into the order of the payments.
fn in_order_of<T: Default>(
    page: &[Payment],
    mut read: impl FnMut((i64, i64), &mut Take<'_, T>) -> Outcome<()>,
) -> Outcome<Vec<T>> {
    let mut wanted: Vec<(i64, usize)> =
        page.iter().enumerate().map(|(place, payment)| (payment.detail_id, place)).collect();
    wanted.sort_unstable();
    let mut found: Vec<T> = page.iter().map(|_| T::default()).collect();
    let mut begin = 0;
    while begin < wanted.len() {
        let mut end = begin + 1;
        while end < wanted.len() && wanted[end].0 - wanted[end - 1].0 <= GAP_MAX {
            end += 1;
        }
        let run = &wanted[begin..end];
        let mut next = 0;
        read((run[0].0, run[run.len() - 1].0), &mut |id, make| {
            // Several lines may have the same details; details in a gap belong to nobody here.
            while next < run.len() && run[next].0 == id {
                found[run[next].1] = make();
                next += 1;
            }
        })?;
        if next < run.len() {
            return Err(Message::new("payouts.detail_missing").with("detail", run[next].0).into());
        }
        begin = end;
    }
    Ok(found)
}
