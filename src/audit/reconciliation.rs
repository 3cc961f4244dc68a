//! What follows from the bank's side: sums of days, where payments stand, what is matched with what.

use std::collections::HashMap;

use ankuan_ledger::engine::{Error, Tx};
use jiff::civil::Date;

use crate::books;
use crate::chart;
use crate::failure::Outcome;
use crate::report::bank_reconciliation::bank_reconciliation;

/// The sums of the days are those of their lines, and no line stands twice.
pub(super) fn bank_lines(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let mut days: HashMap<(i64, String), (i64, i64)> = HashMap::new();
    tx.each(
        "SELECT bank_account_id, day, line_count, net_minor FROM bank_day WHERE court_id = $1 AND book_id = $2",
        &key,
        |row| {
            days.insert((row.int(0)?, row.text(1)?.to_owned()), (row.int(2)?, row.int(3)?));
            Ok::<(), Error>(())
        },
    )?;
    let mut finding = None;
    tx.each(
        "SELECT bank_account_id, booked_on, CAST(COUNT(*) AS BIGINT), CAST(SUM(amount_minor) AS BIGINT) FROM bank_line \
         WHERE court_id = $1 AND book_id = $2 GROUP BY bank_account_id, booked_on ORDER BY bank_account_id, booked_on",
        &key,
        |row| {
            let day = (row.int(0)?, row.text(1)?.to_owned());
            if days.remove(&day) != Some((row.int(2)?, row.int(3)?)) {
                finding
                    .get_or_insert_with(|| format!("account {}: the lines of {} differ from their sum", day.0, day.1));
            }
            Ok::<(), Error>(())
        },
    )?;
    if let Some((account, day)) = days.into_keys().min() {
        finding.get_or_insert_with(|| format!("account {account}: {day} has a sum and no lines"));
    }
    let twice = tx.query(
        "SELECT MIN(bank_line_id) FROM bank_line WHERE court_id = $1 AND book_id = $2 \
         GROUP BY bank_account_id, fingerprint, occurrence_no HAVING COUNT(*) > 1 ORDER BY 1 LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    Ok(finding.or(twice.first().map(|line| format!("bank line {line} stands twice"))))
}

/// Where each payment stands follows from what the bank did with it and what was paid again.
pub(super) fn settlements(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    // What the events say, one payment at a time.
    let mut standings: HashMap<i64, &'static str> = HashMap::new();
    let mut finding = None;
    tx.each(
        "SELECT payment_id, event, id FROM payment_event WHERE court_id = $1 AND book_id = $2 ORDER BY id",
        &key,
        |row| {
            let payment = row.int(0)?;
            let before = standings.get(&payment).copied().unwrap_or("out");
            let (wanted, after) = match row.text(1)? {
                "debited" => ("out", "debited"),
                "failed" => ("out", "failed"),
                "returned" => ("debited", "returned"),
                "debit_undone" => ("debited", "out"),
                "failure_undone" => ("failed", "out"),
                _ => ("returned", "debited"),
            };
            if before != wanted {
                let id = row.int(2)?;
                finding.get_or_insert_with(|| format!("payment {payment}: event {id} does not follow from {before}"));
            }
            standings.insert(payment, after);
            Ok::<(), Error>(())
        },
    )?;
    tx.each(
        "SELECT o.payment_id FROM open_reissue AS o JOIN run_source AS s ON s.court_id = o.court_id \
         AND s.book_id = o.book_id AND s.kind = 'reissue' AND s.source_id = o.reissue_id \
         JOIN run_event AS e ON e.court_id = s.court_id AND e.book_id = s.book_id AND e.run_id = s.run_id \
         AND e.event = 'committed' WHERE o.court_id = $1 AND o.book_id = $2",
        &key,
        |row| {
            let payment = row.int(0)?;
            if !matches!(standings.get(&payment), Some(&("failed" | "returned"))) {
                finding.get_or_insert_with(|| format!("payment {payment} was paid again and had not come back"));
            }
            standings.insert(payment, "reissued");
            Ok::<(), Error>(())
        },
    )?;
    tx.each("SELECT payment_id, outcome FROM payment_state WHERE court_id = $1 AND book_id = $2", &key, |row| {
        let (payment, stored) = (row.int(0)?, row.text(1)?);
        let follows = standings.remove(&payment).unwrap_or("out");
        if follows != stored {
            finding
                .get_or_insert_with(|| format!("payment {payment}: its state is {stored}, its events say {follows}"));
        }
        Ok::<(), Error>(())
    })?;
    let missing = standings.into_iter().filter(|(_, standing)| *standing != "out").map(|(payment, _)| payment).min();
    Ok(finding.or_else(|| missing.map(|payment| format!("payment {payment} has events and no state"))))
}

/// The lines that are matched are those of the matches that stand, each in one; and what was posted for the lines of a
/// match on the bank deposit is what the bank says of them.
pub(super) fn matches(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let stray = tx.query(
        "SELECT m.bank_line_id FROM line_match AS m LEFT JOIN bank_match AS b ON b.court_id = m.court_id \
         AND b.book_id = m.book_id AND b.match_id = m.group_id \
         LEFT JOIN match_undo AS u ON u.court_id = m.court_id AND u.book_id = m.book_id AND u.group_id = m.group_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND (b.match_id IS NULL OR u.group_id IS NOT NULL) \
         ORDER BY m.bank_line_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if let Some(line) = stray.first() {
        return Ok(Some(format!("bank line {line} is matched by nothing that stands")));
    }
    let lost = tx.query(
        "SELECT b.bank_line_id FROM bank_match AS b \
         LEFT JOIN line_match AS m ON m.court_id = b.court_id AND m.book_id = b.book_id \
         AND m.bank_line_id = b.bank_line_id AND m.group_id = b.group_id \
         LEFT JOIN match_undo AS u ON u.court_id = b.court_id AND u.book_id = b.book_id AND u.group_id = b.group_id \
         WHERE b.court_id = $1 AND b.book_id = $2 AND b.bank_line_id <> 0 AND m.bank_line_id IS NULL \
         AND u.group_id IS NULL ORDER BY b.bank_line_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if let Some(line) = lost.first() {
        return Ok(Some(format!("bank line {line} was matched, nobody took that back, and it is open or elsewhere")));
    }
    let chart = chart::load(tx, court_id)?;
    for account in chart::bank_accounts(tx, court_id)? {
        // On the last of all days nothing is a matter of time any more.
        let found = bank_reconciliation(tx, &chart, court_id, &account, Date::MAX)?;
        if let Some(item) = found.items.iter().find(|item| item.is_matched) {
            let line = item.bank_line_id.unwrap_or(0);
            return Ok(Some(format!("the match of bank line {line} posted another amount than the bank booked")));
        }
        if found.adjusted_bank != found.adjusted_book {
            return Ok(Some(format!("account {}: the adjusted balances differ", account.number)));
        }
    }
    Ok(None)
}
