//! What finance does to the book by hand: holds, reversals, closing a month.
//!
//! A payee gets money only through an approved payout; these commands cannot go around it, nor take back what is owed
//! to one. All they can move is case funds, into what the same case sets aside.

use ankuan_ledger::{
    AccountId, Amount, BookKey, EntryNo, HoldId, ItemId, Line, Place, Side, Tx, VoucherHead, VoucherKind,
};

use crate::access::{Acting, Role};
use crate::books;
use crate::chart::{self, AccountKind};
use crate::report::{self, AccountView};
use crate::statements::days;
use crate::{Message, Outcome};

/// Event of a voucher that captures a hold.
pub const HOLD_CAPTURED: &str = "hold_captured";

/// Event of a voucher that reverses an entry.
pub const REVERSAL: &str = "reversal";

/// Kinds whose money may be held by hand. What is payable, set aside or on its way is committed to somebody, and is
/// moved by the commands of payouts, which ask for a second person.
pub const HOLD_FROM: &[AccountKind] = &[AccountKind::CaseFunds, AccountKind::Unattributed];

/// Events whose entries may be reversed by hand. All others belong to an attribution or a payout, whose own commands
/// take them back together with what else they changed.
pub const REVERSIBLE: &[&str] = &[
    "receipt_known",
    "receipt_unknown",
    "bank_interest_treasury",
    "bank_interest_case",
    "bank_charges",
    HOLD_CAPTURED,
];

/// Sets a part of an item's balance in an account of [`HOLD_FROM`] aside. Needs [`Role::Finance`].
///
/// # Errors
/// `bookkeeping.reason_missing`, `bookkeeping.hold_source` (another kind), `access.role_missing`, and those of the ledger (`ledger.below_floor`…).
pub fn hold(
    tx: &mut Tx<'_>,
    acting: &Acting,
    account: &AccountView,
    item: ItemId,
    amount: Amount,
    reason: &str,
) -> Outcome<HoldId> {
    require_reason(reason)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "ledger.hold")?;
    acting.require(tx, Role::Finance)?;
    require_source(account)?;
    let place = Place { account: AccountId(account.account_id), item };
    let hold = act.hold(tx, place, amount, reason.trim())?;
    act.close(tx)?;
    Ok(hold)
}

/// Posts a part of a hold on case funds into what the same case sets aside. Needs [`Role::Finance`].
///
/// # Errors
/// `bookkeeping.reason_missing`, `hold.unknown`, `bookkeeping.hold_source` (held in an account outside
/// [`HOLD_FROM`]), `bookkeeping.capture_target` (another kind, or another case), `access.role_missing`, and those of
/// the ledger.
pub fn capture(
    tx: &mut Tx<'_>,
    acting: &Acting,
    hold: HoldId,
    into: &AccountView,
    item: ItemId,
    amount: Amount,
    reason: &str,
) -> Outcome<EntryNo> {
    require_reason(reason)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "ledger.capture")?;
    acting.require(tx, Role::Finance)?;
    let book = act.book();
    let held = tx.query_opt(
        "SELECT account_id, item_id FROM hold WHERE court_id = $1 AND book_id = $2 AND hold_id = $3",
        &[book.court_id.into(), book.book_id.into(), hold.0.into()],
        |row| Ok(Place { account: AccountId(row.int(0)?), item: ItemId(row.int(1)?) }),
    )?;
    let held = held.ok_or_else(|| Message::new("hold.unknown").with("hold", hold.0))?;
    let from = report::accounts(tx, book)?.into_iter().find(|account| account.account_id == held.account.0);
    let from = from.ok_or_else(|| Message::new("hold.unknown").with("hold", hold.0))?;
    require_source(&from)?;
    let is_own = into.case_id.is_some() && into.case_id == from.case_id;
    if !is_own || AccountKind::parse(&into.kind) != Some(AccountKind::SetAside) {
        return Err(Message::new("bookkeeping.capture_target").with("code", &into.code).into());
    }
    let place = Place { account: AccountId(into.account_id), item };
    let line = match from.normal_side {
        Side::Debit => Line { debit: place, credit: held, amount },
        Side::Credit => Line { debit: held, credit: place, amount },
    };
    act.begin_voucher(
        tx,
        &VoucherHead {
            kind: VoucherKind::Transfer,
            accounting_date: acting.date,
            event: HOLD_CAPTURED,
            summary: reason.trim(),
            attachments: 1,
        },
    )?;
    let entry = act.capture(tx, hold, line, reason.trim())?;
    act.close(tx)?;
    Ok(entry)
}

/// Gives a part of a hold back. Needs [`Role::Finance`].
///
/// # Errors
/// `bookkeeping.reason_missing`, `access.role_missing`, and those of the ledger.
pub fn release(tx: &mut Tx<'_>, acting: &Acting, hold: HoldId, amount: Amount, reason: &str) -> Outcome<()> {
    require_reason(reason)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "ledger.release")?;
    acting.require(tx, Role::Finance)?;
    act.release(tx, hold, amount, reason.trim())?;
    act.close(tx)?;
    Ok(())
}

/// Reverses an entry (红字冲销): the same lines the other way, pointing at it. Needs [`Role::Finance`].
///
/// # Errors
/// `bookkeeping.reason_missing`, `ledger.entry_unknown`, `bookkeeping.not_reversible` (its event is not in
/// [`REVERSIBLE`]), `bookkeeping.matched` (a match posted or linked it), `signoff.day_closed`, `access.role_missing`, and
/// those of the ledger.
pub fn reverse(tx: &mut Tx<'_>, acting: &Acting, entry: EntryNo, reason: &str) -> Outcome<EntryNo> {
    require_reason(reason)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "ledger.reverse")?;
    acting.require(tx, Role::Finance)?;
    let book = act.book();
    let events = tx.query(
        "SELECT v.event FROM entry_line AS e JOIN voucher AS v \
         ON v.court_id = e.court_id AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.entry_no = $3 AND e.line_no = 1",
        &[book.court_id.into(), book.book_id.into(), entry.0.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    if let Some(event) = events.first().filter(|event| !REVERSIBLE.contains(&event.as_str())) {
        return Err(Message::new("bookkeeping.not_reversible").with("entry", entry.0).with("event", event).into());
    }
    must_not_be_matched(tx, book, entry)?;
    for account in chart::bank_accounts(tx, book.court_id)? {
        days::must_be_open(tx, book.court_id, &account, acting.date)?;
    }
    act.begin_voucher(
        tx,
        &VoucherHead {
            kind: VoucherKind::Transfer,
            accounting_date: acting.date,
            event: REVERSAL,
            summary: reason.trim(),
            attachments: 1,
        },
    )?;
    let reversal = act.reverse(tx, entry)?;
    act.close(tx)?;
    Ok(reversal)
}

/// Refuses an entry that a match posted or linked: undoing the match takes it back with everything that hangs on it.
fn must_not_be_matched(tx: &mut Tx<'_>, book: BookKey, entry: EntryNo) -> Outcome<()> {
    let key = [book.court_id.into(), book.book_id.into(), entry.0.into()];
    let posted = tx.query(
        "SELECT b.bank_line_id FROM bank_match AS b LEFT JOIN match_undo AS u ON u.court_id = b.court_id \
         AND u.book_id = b.book_id AND u.group_id = b.group_id WHERE b.court_id = $1 AND b.book_id = $2 \
         AND b.first_entry_no <= $3 AND b.last_entry_no >= $3 AND u.group_id IS NULL LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    let linked = tx.query(
        "SELECT l.bank_line_id FROM entry_line AS e JOIN receipt AS r ON r.court_id = e.court_id \
         AND r.book_id = e.book_id AND r.voucher_id = e.voucher_id AND r.receipt_id = e.credit_item_id \
         JOIN receipt_match AS m ON m.court_id = r.court_id AND m.book_id = r.book_id AND m.receipt_id = r.receipt_id \
         JOIN line_match AS l ON l.court_id = m.court_id AND l.book_id = m.book_id AND l.group_id = m.group_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.entry_no = $3 LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    match posted.first().or(linked.first()) {
        Some(line) => Err(Message::new("bookkeeping.matched").with("entry", entry.0).with("line", line).into()),
        None => Ok(()),
    }
}

/// Closes a month: no entry is dated into it any more. Needs [`Role::Finance`].
///
/// # Errors
/// `bookkeeping.month` (not written 2026-11), `bookkeeping.month_future`, `bookkeeping.month_closed_already`,
/// `access.role_missing`.
pub fn close_month(tx: &mut Tx<'_>, acting: &Acting, month: &str) -> Outcome<()> {
    let is_month = month.len() == 7 && format!("{month}-01").parse::<jiff::civil::Date>().is_ok();
    if !is_month {
        return Err(Message::new("bookkeeping.month").with("month", month).into());
    }
    if month > acting.date.strftime("%Y-%m").to_string().as_str() {
        return Err(Message::new("bookkeeping.month_future").with("month", month).with("date", acting.date).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "ledger.close_month")?;
    acting.require(tx, Role::Finance)?;
    let book = act.book();
    let closed = tx.query_opt(
        "SELECT id FROM closed_month WHERE court_id = $1 AND book_id = $2 AND month = $3",
        &[book.court_id.into(), book.book_id.into(), month.into()],
        |row| row.int(0),
    )?;
    if closed.is_some() {
        return Err(Message::new("bookkeeping.month_closed_already").with("month", month).into());
    }
    act.close_month(tx, month)?;
    act.close(tx)?;
    Ok(())
}

/// That money may be held by hand in an account.
fn require_source(account: &AccountView) -> Result<(), Message> {
    if AccountKind::parse(&account.kind).is_some_and(|kind| HOLD_FROM.contains(&kind)) {
        return Ok(());
    }
    Err(Message::new("bookkeeping.hold_source").with("code", &account.code))
}

fn require_reason(reason: &str) -> Result<(), Message> {
    if reason.trim().is_empty() { Err(Message::new("bookkeeping.reason_missing")) } else { Ok(()) }
}
