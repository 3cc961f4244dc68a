//! The memorandum book (备查簿): what is frozen elsewhere, in double entry and never added to money.
//!
//! It mirrors the orders of this court: for each, what the institution holds for it now stands as its item on
//! `frozen_elsewhere` (debit) and `frozen_by_order` (credit) of its case. Whoever records facts that change an amount
//! frozen calls [`mirror`] in the same transaction, so that the book never says otherwise than the orders; `verify`
//! compares both. Other courts' orders, and shares whose value nobody has told, are no amounts and do not stand here.

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::{Act, Amount, BookKey, ItemId, Line, Place, Tx};

use crate::access::Acting;
use crate::chart::{self, AccountKind, Chart, Event};
use crate::{Outcome, books};

/// What is frozen for an order changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The order, which is the item on both accounts.
    pub measure_id: i64,
    /// Its case.
    pub case_id: i64,
    /// So much more; below zero: less.
    pub more: Amount,
}

/// Posts what changed: one act, at most two vouchers (更多, 更少), an entry an order. To be called in the transaction of the
/// facts, whose act of case money is open. A court whose orders are older than its memorandum gets all that stands at
/// once.
///
/// # Errors
/// Those of posting; `command.date_in_future`.
pub fn mirror(tx: &mut Tx<'_>, acting: &Acting, changes: &[Change]) -> Outcome<()> {
    if changes.is_empty() || begin_with_what_stands(tx, acting)? {
        return Ok(());
    }
    post(tx, acting, changes)
}

/// Where nothing was ever mirrored, posts what is frozen now for all orders of this court, and says that it has. The
/// states of the orders are written.
///
/// # Errors
/// As [`mirror`].
pub fn begin_with_what_stands(tx: &mut Tx<'_>, acting: &Acting) -> Outcome<bool> {
    let court_id = acting.actor.court_id;
    let key = [court_id.into(), books::MEMORANDUM.into(), AccountKind::FrozenElsewhere.as_str().into()];
    let known = tx.query(
        "SELECT account_id FROM account WHERE court_id = $1 AND book_id = $2 AND kind = $3 ORDER BY account_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if !known.is_empty() {
        return Ok(false);
    }
    tx.expect_whole_tables()?;
    let standing = tx.query(
        "SELECT s.measure_id, m.case_id, s.frozen_minor FROM measure_state AS s \
         JOIN measure AS m ON m.court_id = s.court_id AND m.book_id = s.book_id AND m.measure_id = s.measure_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.frozen_minor > 0 AND m.case_id IS NOT NULL \
         ORDER BY s.measure_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok(Change { measure_id: row.int(0)?, case_id: row.int(1)?, more: Amount::from_minor(row.int(2)?) }),
    )?;
    tx.expect_few_rows()?;
    if !standing.is_empty() {
        post(tx, acting, &standing)?;
    }
    Ok(true)
}

fn post(tx: &mut Tx<'_>, acting: &Acting, changes: &[Change]) -> Outcome<()> {
    let chart = chart::load(tx, acting.actor.court_id)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "memorandum.frozen")?;
    // First what is more: within one act, an order may get something and lose it again, and no item goes below zero.
    let is_more = |change: &&Change| change.more > Amount::ZERO;
    let more: Vec<&Change> = changes.iter().filter(is_more).collect();
    let less: Vec<&Change> = changes.iter().filter(|change| change.more < Amount::ZERO).collect();
    let mut vouchers = Vec::new();
    for (event, changes) in [(Event::FrozenMore, more), (Event::FrozenLess, less)] {
        if !changes.is_empty() {
            vouchers.push((event, lines(tx, &mut act, &chart, event, &changes)?));
        }
    }
    act.load_items(tx, vouchers.iter().flat_map(|(_, lines)| lines).flat_map(|line| [line.debit, line.credit]))?;
    for (event, lines) in vouchers {
        act.begin_voucher(tx, &chart.voucher(event, acting.date, 0))?;
        for line in lines {
            act.post(tx, &[line])?;
        }
    }
    act.close(tx)?;
    Ok(())
}

fn lines(tx: &mut Tx<'_>, act: &mut Act, chart: &Chart, event: Event, changes: &[&Change]) -> Outcome<Vec<Line>> {
    let case_ids: BTreeSet<i64> = changes.iter().map(|change| change.case_id).collect();
    let accounts = chart.accounts_of_cases_or_open(tx, act, event, &case_ids)?;
    let line = |change: &&Change| {
        let (debit, credit) = accounts.get(&change.case_id)?;
        let place = |account| Place { account, item: ItemId(change.measure_id) };
        let amount = if change.more < Amount::ZERO { Amount::ZERO.minus(change.more)? } else { change.more };
        Some(Line { debit: place(*debit), credit: place(*credit), amount })
    };
    let lines: Option<Vec<Line>> = changes.iter().map(line).collect();
    let broken = || ankuan_ledger::Error::Inconsistent("a change of what is frozen leaves the range of amounts".into());
    Ok(lines.ok_or_else(broken)?)
}

/// What the memorandum says is frozen for each order of this court that has something; with the case whose account it
/// is on.
///
/// # Errors
/// What the database says.
pub fn frozen(tx: &mut Tx<'_>, court_id: i64, kind: AccountKind) -> Outcome<BTreeMap<(i64, Option<i64>), Amount>> {
    let book: BookKey = BookKey { court_id, book_id: books::MEMORANDUM };
    let rows = tx.query(
        "SELECT i.item_id, a.case_id, i.posted_minor FROM item_balance AS i \
         JOIN account AS a ON a.court_id = i.court_id AND a.book_id = i.book_id AND a.account_id = i.account_id \
         WHERE i.court_id = $1 AND i.book_id = $2 AND a.kind = $3 AND i.posted_minor <> 0 ORDER BY i.item_id",
        &[book.court_id.into(), book.book_id.into(), kind.as_str().into()],
        |row| Ok(((row.int(0)?, row.opt_int(1)?), Amount::from_minor(row.int(2)?))),
    )?;
    Ok(rows.into_iter().collect())
}
