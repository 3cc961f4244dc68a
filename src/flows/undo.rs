//! Undo: a match is taken back by a new record with a reason; what it posted is reversed, its lines are open again.

use ankuan_ledger::engine::Tx;
use ankuan_ledger::{Act, Amount, HoldId, ItemId, Place, VoucherHead, VoucherKind};

use super::{MATCH_UNDO, TAKEN_BACK, taken_back_holds};
use crate::access::Acting;
use crate::assets;
use crate::books;
use crate::chart::{self, AccountKind, Owner};
use crate::failure::Outcome;
use crate::message::Message;
use crate::payouts::settle;
use crate::statements::days;
use crate::statements::find_line;
use crate::statements::import::may_import;

/// What an undo did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// The match.
    pub group_id: i64,
    /// Lines that are open again.
    pub lines: Vec<i64>,
    /// Entries that were reversed.
    pub entries: i64,
    /// Payments that stand where they stood.
    pub payments: u64,
}

/// Which match is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undoes {
    /// The one that this line is in.
    Line(i64),
    /// One that has no line: payments that an answer refused.
    Match(i64),
}

/// Takes back a match. Needs finance or the fund keeper.
///
/// # Errors
/// `flows.not_matched`, `flows.reason_missing`, `signoff.day_closed`, `settlement.moved_on`, and the ledger's refusals:
/// money that was paid on cannot be taken out of the case.
pub fn undo(tx: &mut Tx<'_>, acting: &Acting, which: Undoes, reason: &str) -> Outcome<Undone> {
    let court_id = acting.actor.court_id;
    if reason.trim().is_empty() {
        return Err(Message::new("flows.reason_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reconcile.undo")?;
    may_import(tx, acting)?;
    let group_id = match which {
        Undoes::Line(line) => tx
            .query_opt(
                "SELECT group_id FROM line_match WHERE court_id = $1 AND book_id = $2 AND bank_line_id = $3",
                &[court_id.into(), books::CASE_MONEY.into(), line.into()],
                |row| row.int(0),
            )?
            .ok_or_else(|| Message::new("flows.not_matched").with("line", line))?,
        Undoes::Match(group_id) => standing_without_line(tx, court_id, group_id)?,
    };
    let key = [court_id.into(), books::CASE_MONEY.into(), group_id.into()];
    let accounts = chart::bank_accounts(tx, court_id)?;
    let account_id = tx.query_one(
        "SELECT m.bank_account_id FROM bank_match AS b JOIN matching AS m ON m.court_id = b.court_id \
         AND m.book_id = b.book_id AND m.matching_id = b.matching_id \
         WHERE b.court_id = $1 AND b.book_id = $2 AND b.match_id = $3",
        &key,
        |row| row.int(0),
    )?;
    let account = accounts
        .into_iter()
        .find(|account| account.bank_account_id == account_id)
        .ok_or_else(|| ankuan_ledger::Error::Inconsistent(format!("match {group_id} is of no account")))?;
    days::must_be_open(tx, court_id, &account, acting.date)?;
    let lines = tx.query(
        "SELECT bank_line_id FROM line_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3 ORDER BY bank_line_id",
        &key,
        |row| row.int(0),
    )?;
    for line in &lines {
        let line = find_line(tx, court_id, *line)?;
        days::must_be_open(tx, court_id, &account, line.booked_on)?;
    }
    let ranges = tx.query(
        "SELECT first_entry_no, last_entry_no FROM bank_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3 \
         AND match_id >= $3 AND first_entry_no > 0 ORDER BY match_id",
        &key,
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    let (outcome, target_id) = tx.query_one(
        "SELECT outcome, target_id FROM bank_match WHERE court_id = $1 AND book_id = $2 AND match_id = $3",
        &key,
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )?;
    let payments = settle::undo(tx, &mut act, court_id, group_id)?;
    let mut entries = 0;
    if !ranges.is_empty() {
        let summary = format!("撤销对账匹配 {group_id}");
        act.begin_voucher(
            tx,
            &VoucherHead {
                kind: VoucherKind::Transfer,
                accounting_date: acting.date,
                event: "match_undone",
                summary: &summary,
                attachments: 0,
            },
        )?;
        for (first, last) in &ranges {
            act.reverse_entries(tx, *first, *last)?;
            entries += last - first + 1;
        }
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &MATCH_UNDO,
        id,
        &[
            id.into(),
            group_id.into(),
            reason.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    holds(tx, &mut act, acting, &outcome, target_id)?;
    if outcome == "deduction_arrived" {
        let chart = chart::load(tx, court_id)?;
        for range in ranges {
            assets::hold_again(tx, &mut act, &chart, range)?;
        }
    }
    tx.execute("DELETE FROM line_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3", &key)?;
    // A receipt that came out of the line is reversed and stays with its undone match; one that a person had recorded
    // waits for its line again.
    if matches!(outcome.as_str(), "receipt_linked" | "card_takings") {
        tx.execute("DELETE FROM receipt_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3", &key)?;
    }
    act.close(tx)?;
    Ok(Undone { group_id, lines, entries, payments })
}

/// A match that stands and has no line of its own.
fn standing_without_line(tx: &mut Tx<'_>, court_id: i64, group_id: i64) -> Outcome<i64> {
    let found = tx.query_opt(
        "SELECT b.match_id FROM bank_match AS b LEFT JOIN match_undo AS u ON u.court_id = b.court_id \
         AND u.book_id = b.book_id AND u.group_id = b.group_id WHERE b.court_id = $1 AND b.book_id = $2 \
         AND b.match_id = $3 AND b.group_id = $3 AND b.bank_line_id = 0 AND u.group_id IS NULL",
        &[court_id.into(), books::CASE_MONEY.into(), group_id.into()],
        |row| row.int(0),
    )?;
    Ok(found.ok_or_else(|| Message::new("flows.not_matched").with("line", group_id))?)
}

/// The holds that stand behind a receivable: gone with it, and there again when what came back for it was not that.
fn holds(tx: &mut Tx<'_>, act: &mut Act, acting: &Acting, outcome: &str, receipt_id: i64) -> Outcome<()> {
    if !matches!(outcome, "receipt_reversed" | "recovered") {
        return Ok(());
    }
    let court_id = acting.actor.court_id;
    let book = books::case_money(court_id);
    let receipt = crate::receipts::find_receipt(tx, book, receipt_id)?;
    let Some(case_id) = receipt.owner_case_id() else { return Ok(()) };
    let chart = chart::load(tx, court_id)?;
    let owner = Owner { bank_account_id: Some(receipt.bank_account_id), case_id: Some(case_id) };
    let funds = chart.account(tx, court_id, AccountKind::CaseFunds, owner)?;
    if outcome == "receipt_reversed" {
        for (hold_id, left) in taken_back_holds(tx, court_id, funds.0, receipt_id)? {
            act.release(tx, HoldId(hold_id), Amount::from_minor(left), "undone")?;
        }
        return Ok(());
    }
    let left = crate::receipts::receipts_of_case(tx, book, case_id)?
        .into_iter()
        .find(|one| one.receipt_id == receipt_id)
        .map_or(Amount::ZERO, |one| one.available);
    if left > Amount::ZERO {
        act.hold(tx, Place { account: funds, item: ItemId(receipt_id) }, left, TAKEN_BACK)?;
    }
    Ok(())
}
