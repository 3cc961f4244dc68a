//! Undo: a match is taken back by a new record with a reason; what it posted is reversed, its lines are open again.

use ankuan_ledger::engine::Tx;
use ankuan_ledger::{VoucherHead, VoucherKind};

use super::MATCH_UNDO;
use crate::access::Acting;
use crate::books;
use crate::chart;
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

/// Takes back the match that a line is in. Needs finance or the fund keeper.
///
/// # Errors
/// `flows.not_matched`, `flows.reason_missing`, `signoff.day_closed`, `settlement.moved_on`, and the ledger's refusals:
/// money that was paid on cannot be taken out of the case.
pub fn undo(tx: &mut Tx<'_>, acting: &Acting, bank_line_id: i64, reason: &str) -> Outcome<Undone> {
    let court_id = acting.actor.court_id;
    if reason.trim().is_empty() {
        return Err(Message::new("flows.reason_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reconcile.undo")?;
    may_import(tx, acting)?;
    let line = find_line(tx, court_id, bank_line_id)?;
    let account = chart::bank_accounts(tx, court_id)?
        .into_iter()
        .find(|account| account.bank_account_id == line.bank_account_id)
        .ok_or_else(|| ankuan_ledger::Error::Inconsistent(format!("line {bank_line_id} is of no account")))?;
    days::must_be_open(tx, court_id, &account, acting.date)?;
    days::must_be_open(tx, court_id, &account, line.booked_on)?;
    let group_id = tx
        .query_opt(
            "SELECT group_id FROM line_match WHERE court_id = $1 AND book_id = $2 AND bank_line_id = $3",
            &[court_id.into(), books::CASE_MONEY.into(), bank_line_id.into()],
            |row| row.int(0),
        )?
        .ok_or_else(|| Message::new("flows.not_matched").with("line", bank_line_id))?;
    let key = [court_id.into(), books::CASE_MONEY.into(), group_id.into()];
    let ranges = tx.query(
        "SELECT first_entry_no, last_entry_no FROM bank_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3 \
         AND match_id >= $3 AND first_entry_no > 0 ORDER BY match_id",
        &key,
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    let linked = tx.query(
        "SELECT outcome FROM bank_match WHERE court_id = $1 AND book_id = $2 AND match_id = $3",
        &key,
        |row| Ok(row.text(0)?.to_owned()),
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
        for (first, last) in ranges {
            act.reverse_entries(tx, first, last)?;
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
    let lines = tx.query(
        "SELECT bank_line_id FROM line_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3 ORDER BY bank_line_id",
        &key,
        |row| row.int(0),
    )?;
    tx.execute("DELETE FROM line_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3", &key)?;
    // A receipt that came out of the line is reversed and stays with its undone match; one that a person had recorded
    // waits for its line again.
    if linked.first().is_some_and(|outcome| matches!(outcome.as_str(), "receipt_linked" | "card_takings")) {
        tx.execute("DELETE FROM receipt_match WHERE court_id = $1 AND book_id = $2 AND group_id = $3", &key)?;
    }
    act.close(tx)?;
    Ok(Undone { group_id, lines, entries, payments })
}
