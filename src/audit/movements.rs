//! Movements: each posted what it says, its lines come to it, and no item of security, price, escrow or treasury is below
//! zero.

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Tx;

use crate::books;
use crate::failure::Outcome;
use crate::movements::{self as rooms, Movement};

/// All of it.
pub(super) fn movements(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    for movement in rooms::movements(tx, books::case_money(court_id), None)? {
        if let Some(finding) = one(tx, court_id, &movement)? {
            return Ok(Some(finding));
        }
    }
    if let Some(finding) = sources(tx, court_id)? {
        return Ok(Some(finding));
    }
    if let Some(finding) = items(tx, court_id)? {
        return Ok(Some(finding));
    }
    papers(tx, court_id)
}

/// No informer is paid more than was awarded; a transfer between courts has the amount of its line or receipt.
fn papers(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let above = tx.query(
        "SELECT a.clue_id FROM bounty_draw AS d JOIN bounty_award AS a ON a.court_id = d.court_id \
         AND a.book_id = d.book_id AND a.award_id = d.award_id JOIN (SELECT l.payee_id, \
          CAST(SUM(p.amount_minor) AS BIGINT) AS paid_minor FROM sheet_line AS l JOIN payment_line AS p \
          ON p.court_id = l.court_id AND p.book_id = l.book_id AND p.line_id = l.sheet_line_id JOIN run_state AS t \
          ON t.court_id = p.court_id AND t.book_id = p.book_id AND t.run_id = p.run_id AND t.status <> 'withdrawn' \
          WHERE l.court_id = $1 AND l.book_id = $2 AND l.head = 'bounty' GROUP BY l.payee_id) AS s \
         ON s.payee_id = d.payee_id WHERE d.court_id = $1 AND d.book_id = $2 AND s.paid_minor > a.amount_minor \
         ORDER BY a.clue_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if let Some(clue) = above.first() {
        return Ok(Some(format!("more was paid for clue {clue} than was awarded")));
    }
    let differs = tx.query(
        "SELECT t.transfer_id FROM court_transfer AS t LEFT JOIN sheet_line AS l ON l.court_id = t.court_id \
         AND l.book_id = t.book_id AND l.sheet_line_id = t.sheet_line_id LEFT JOIN receipt AS r \
         ON r.court_id = t.court_id AND r.book_id = t.book_id AND r.receipt_id = t.receipt_id \
         WHERE t.court_id = $1 AND t.book_id = $2 AND COALESCE(l.amount_minor, r.amount_minor, -1) <> t.amount_minor \
         ORDER BY t.transfer_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    Ok(differs.first().map(|transfer| format!("transfer {transfer} between courts has another amount than its line")))
}

/// The voucher of a movement has one entry: between accounts of its kinds and cases, with its items, of its amount; and
/// nobody took it back.
fn one(tx: &mut Tx<'_>, court_id: i64, movement: &Movement) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into(), movement.voucher_id.into()];
    let posted = tx.query(
        "SELECT d.kind, d.case_id, e.debit_item_id, c.kind, c.case_id, e.credit_item_id, e.amount_minor \
         FROM entry_line AS e JOIN account AS d ON d.court_id = e.court_id AND d.book_id = e.book_id \
         AND d.account_id = e.debit_account_id JOIN account AS c ON c.court_id = e.court_id AND c.book_id = e.book_id \
         AND c.account_id = e.credit_account_id WHERE e.court_id = $1 AND e.book_id = $2 AND e.voucher_id = $3",
        &key,
        |row| {
            let debit = (row.text(0)?.to_owned(), row.opt_int(1)?, row.int(2)?);
            let credit = (row.text(3)?.to_owned(), row.opt_int(4)?, row.int(5)?);
            Ok((debit, credit, row.int(6)?))
        },
    )?;
    let (from, to) = movement.between;
    // An account that belongs to no case stands for all of them.
    let is_of = |case_id: Option<i64>, wanted: i64| case_id.is_none_or(|case_id| case_id == wanted);
    let is_posted = matches!(posted.as_slice(), [(debit, credit, amount)]
        if debit.0 == from.as_str() && is_of(debit.1, movement.case_id) && debit.2 == movement.item_id
            && credit.0 == to.as_str() && is_of(credit.1, movement.to_case_id.unwrap_or(movement.case_id))
            && credit.2 == movement.to_item_id && *amount == movement.amount.minor());
    if !is_posted {
        return Ok(Some(format!("movement {}: its voucher posts something else", movement.movement_id)));
    }
    let moved = movement.parts.iter().filter(|(_, stays, ..)| !stays).map(|(_, _, amount, _)| *amount);
    if !movement.parts.is_empty() && Amount::sum(moved) != Some(movement.amount) {
        return Ok(Some(format!("movement {}: its lines do not come to its amount", movement.movement_id)));
    }
    Ok(None)
}

/// What a committed sheet took came from the kind that it says: the entries that credit its lines debit that kind.
fn sources(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let wrong = tx.query(
        "SELECT s.sheet_id FROM sheet_source AS s JOIN sheet_line AS l ON l.court_id = s.court_id \
         AND l.book_id = s.book_id AND l.sheet_id = s.sheet_id JOIN entry_line AS e ON e.court_id = s.court_id \
         AND e.book_id = s.book_id AND e.credit_item_id = l.sheet_line_id JOIN account AS c ON c.court_id = e.court_id \
         AND c.book_id = e.book_id AND c.account_id = e.credit_account_id AND c.kind IN ('payable', 'set_aside', 'treasury') \
         JOIN account AS d ON d.court_id = e.court_id AND d.book_id = e.book_id AND d.account_id = e.debit_account_id \
         JOIN voucher AS v ON v.court_id = e.court_id AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND v.event = 'distribution_payable' AND d.kind <> s.kind \
         ORDER BY s.sheet_id LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| row.int(0),
    )?;
    Ok(wrong.first().map(|sheet| format!("sheet {sheet} was paid from another kind of money than it says")))
}

/// No item is below zero.
fn items(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let below = tx.query(
        "SELECT a.code, p.item_id FROM account AS a JOIN posting AS p ON p.court_id = a.court_id \
         AND p.book_id = a.book_id AND p.account_id = a.account_id WHERE a.court_id = $1 AND a.book_id = $2 \
         AND a.kind IN ('security', 'auction_price', 'escrow', 'treasury') GROUP BY a.code, p.item_id \
         HAVING SUM(CASE WHEN p.side = a.normal_side THEN p.amount_minor ELSE -p.amount_minor END) < 0 \
         ORDER BY a.code, p.item_id LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )?;
    Ok(below.first().map(|(code, item)| format!("item {item} of account {code} is below zero")))
}
