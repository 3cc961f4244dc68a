//! Orders on assets: where each stands follows from its events, and what is on its way from the deductions.

use ankuan_ledger::engine::Tx;
use ankuan_ledger::{Amount, BookKey};

use crate::assets::measures::{MeasureState, OpenOrderState, load, open_orders_of, states_of};
use crate::assets::rules::What;
use crate::assets::{measures, register};
use crate::books;
use crate::failure::{Failure, Outcome};

/// The states of orders are the fold of their events; every order that was sent is in a message, and a message has the
/// orders it says; each deduction is an answer's, with its amount.
pub(super) fn measures(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let key = [court_id.into(), book.book_id.into()];
    let mut standings = 0_usize;
    let mut deducted: Vec<(i64, i64, Amount)> = Vec::new();
    for asset in register::assets(tx, book)? {
        let asset_id = asset.asset_id;
        let standing = match load(tx, book, asset_id) {
            Ok(standing) => standing,
            Err(Failure::Broken(ankuan_ledger::Error::Inconsistent(finding))) => return Ok(Some(finding)),
            Err(other) => return Err(other),
        };
        standings += standing.records.len();
        if let Some(finding) = states(tx, book, asset_id, &states_of(&standing.line))? {
            return Ok(Some(finding));
        }
        if let Some(finding) = orders(tx, book, asset_id, open_orders_of(&standing.line))? {
            return Ok(Some(finding));
        }
        for event in measures::events_of(tx, book, asset_id)? {
            let taken = (event.fact.what, event.fact.order_id);
            if let (What::Deducted(amount) | What::Surrendered(amount), Some(order_id)) = taken {
                deducted.push((order_id, event.fact.measure_id, amount));
            }
        }
    }
    // States of orders on no asset, or of no order.
    for (table, count) in [("measure", standings), ("measure_state", standings)] {
        let text = match table {
            "measure" => "SELECT CAST(COUNT(*) AS BIGINT) FROM measure WHERE court_id = $1 AND book_id = $2",
            _ => "SELECT CAST(COUNT(*) AS BIGINT) FROM measure_state WHERE court_id = $1 AND book_id = $2",
        };
        let found = tx.query_one(text, &key, |row| row.int(0))?;
        if usize::try_from(found) != Ok(count) {
            return Ok(Some(format!("{found} rows in {table}, {count} orders on assets")));
        }
    }
    deducted.sort_unstable();
    let mut posted = tx.query(
        "SELECT order_id, measure_id, amount_minor FROM deduction WHERE court_id = $1 AND book_id = $2 \
         ORDER BY order_id",
        &key,
        |row| Ok((row.int(0)?, row.int(1)?, Amount::from_minor(row.int(2)?))),
    )?;
    posted.sort_unstable();
    let absent = |of: &[(i64, i64, Amount)], from: &[(i64, i64, Amount)]| {
        of.iter().find(|one| from.binary_search(one).is_err()).copied()
    };
    if let Some((order_id, ..)) = absent(&deducted, &posted).or_else(|| absent(&posted, &deducted)) {
        return Ok(Some(format!("order {order_id}: what was deducted is not what was posted")));
    }
    if let Some(finding) = surrenders(tx, book)? {
        return Ok(Some(finding));
    }
    if let Some(finding) = open_queries(tx, book)? {
        return Ok(Some(finding));
    }
    messages(tx, court_id)
}

/// Every policy that was ended has a last day to pay, and nothing else has.
fn surrenders(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Option<String>> {
    let key = [book.court_id.into(), book.book_id.into()];
    let wrong = tx.query(
        "SELECT d.deduction_id FROM deduction AS d LEFT JOIN surrender AS s ON s.court_id = d.court_id \
         AND s.book_id = d.book_id AND s.deduction_id = d.deduction_id LEFT JOIN measure_event AS e \
         ON e.court_id = d.court_id AND e.book_id = d.book_id AND e.order_id = d.order_id AND e.event = 'surrendered' \
         AND e.on_day = d.confirmed_on WHERE d.court_id = $1 AND d.book_id = $2 \
         AND ((s.deduction_id IS NULL) <> (e.id IS NULL) OR s.terminated_on <> d.confirmed_on \
         OR s.measure_id <> d.measure_id) ORDER BY d.deduction_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    Ok(wrong.first().map(|deduction| format!("deduction {deduction}: its surrender does not follow from the orders")))
}

/// Open queries are those that nobody answered, sent or not.
fn open_queries(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Option<String>> {
    let key = [book.court_id.into(), book.book_id.into()];
    let wanted = tx.query(
        "SELECT q.query_id, q.asset_id, CAST(CASE WHEN s.id IS NULL THEN 0 ELSE 1 END AS BIGINT) FROM asset_query AS q \
         LEFT JOIN query_event AS s ON s.court_id = q.court_id AND s.book_id = q.book_id AND s.query_id = q.query_id \
         AND s.event = 'sent' WHERE q.court_id = $1 AND q.book_id = $2 AND NOT EXISTS (SELECT 1 FROM query_event AS e \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.query_id = q.query_id AND e.event <> 'sent') ORDER BY q.query_id",
        &key,
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    let found = tx.query(
        "SELECT query_id, asset_id, is_sent FROM open_query WHERE court_id = $1 AND book_id = $2 ORDER BY query_id",
        &key,
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    Ok((wanted != found).then(|| "open queries do not follow from their events".to_owned()))
}

/// What was explained of deductions is what was posted for it; nothing else was posted so. What was taken back with its
/// match was reversed.
pub(super) fn differences(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let explained = tx.query(
        "SELECT f.deduction_id, f.kind, CAST(SUM(f.amount_minor) AS BIGINT) FROM deduction_difference AS f \
         LEFT JOIN match_undo AS u ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id \
         WHERE f.court_id = $1 AND f.book_id = $2 AND u.group_id IS NULL GROUP BY f.deduction_id, f.kind \
         ORDER BY f.deduction_id, f.kind",
        &key,
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    let posted = tx.query(
        "SELECT e.credit_item_id, CASE WHEN v.event = 'deduction_surplus' THEN 'surplus' ELSE 'shortfall' END AS kind, \
         CAST(SUM(e.amount_minor) AS BIGINT) FROM entry_line AS e JOIN voucher AS v ON v.court_id = e.court_id \
         AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id WHERE e.court_id = $1 AND e.book_id = $2 \
         AND v.event IN ('deduction_surplus', 'deduction_shortfall') AND NOT EXISTS (SELECT 1 FROM entry_line AS r \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.reverses_entry_no = e.entry_no) \
         GROUP BY e.credit_item_id, v.event ORDER BY e.credit_item_id, kind",
        &key,
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    let differs = explained.iter().find(|one| !posted.contains(one));
    let differs = differs.or_else(|| posted.iter().find(|one| !explained.contains(one)));
    Ok(differs.map(|(deduction, kind, _)| format!("deduction {deduction}: its {kind} is not what was explained")))
}

fn states(tx: &mut Tx<'_>, book: BookKey, asset_id: i64, wanted: &[MeasureState]) -> Outcome<Option<String>> {
    let found = tx.query(
        "SELECT s.measure_id, s.status, s.line_no, s.since, s.ends_on, s.frozen_minor, s.deducted_minor \
         FROM measure AS m JOIN measure_state AS s ON s.court_id = m.court_id AND s.book_id = m.book_id \
         AND s.measure_id = m.measure_id AND s.asset_id = m.asset_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND m.asset_id = $3 ORDER BY s.measure_id",
        &[book.court_id.into(), book.book_id.into(), asset_id.into()],
        |row| {
            let same = wanted.iter().find(|state| Ok(state.measure_id) == row.int(0).map_err(|_| ()));
            let is_same = match same {
                None => false,
                Some(state) => {
                    row.text(1)? == state.status
                        && row.int(2)? == state.line_no
                        && row.text(3)? == state.since
                        && row.text(4)? == state.ends_on
                        && row.int(5)? == state.frozen.minor()
                        && row.int(6)? == state.deducted.minor()
                }
            };
            Ok((row.int(0)?, is_same))
        },
    )?;
    if let Some((measure, _)) = found.iter().find(|(_, is_same)| !is_same) {
        return Ok(Some(format!("measure {measure}: its state does not follow from its events")));
    }
    let missing = wanted.iter().find(|state| !found.iter().any(|(measure, _)| *measure == state.measure_id));
    Ok(missing.map(|state| format!("measure {} has no state", state.measure_id)))
}

fn orders(tx: &mut Tx<'_>, book: BookKey, asset_id: i64, mut wanted: Vec<OpenOrderState>) -> Outcome<Option<String>> {
    wanted.sort_by_key(|order| order.order_id);
    let found = tx.query(
        "SELECT order_id, measure_id, action, is_sent FROM open_order \
         WHERE court_id = $1 AND book_id = $2 AND asset_id = $3 ORDER BY order_id",
        &[book.court_id.into(), book.book_id.into(), asset_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.text(2)?.to_owned(), row.int(3)? == 1)),
    )?;
    let is_same = found.len() == wanted.len()
        && found.iter().zip(&wanted).all(|((order_id, measure_id, action, is_sent), order)| {
            (*order_id, *measure_id, action.as_str(), *is_sent)
                == (order.order_id, order.measure_id, order.action, order.is_sent)
        });
    Ok((!is_same).then(|| format!("asset {asset_id}: its open orders do not follow from its events")))
}

fn messages(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let wrong = tx.query(
        "SELECT i.number FROM instruction AS i LEFT JOIN (SELECT instruction_id, CAST(COUNT(*) AS BIGINT) AS order_count \
          FROM measure_event WHERE court_id = $1 AND book_id = $2 AND event = 'sent' GROUP BY instruction_id) AS s \
         ON s.instruction_id = i.instruction_id \
         LEFT JOIN (SELECT instruction_id, CAST(COUNT(*) AS BIGINT) AS query_count FROM query_event \
          WHERE court_id = $1 AND book_id = $2 AND event = 'sent' GROUP BY instruction_id) AS q \
         ON q.instruction_id = i.instruction_id \
         LEFT JOIN document AS d ON d.court_id = $1 AND d.book_id = $2 AND d.document_id = i.document_id \
         LEFT JOIN document AS c ON c.court_id = $1 AND c.book_id = $2 AND c.document_id = i.csv_document_id \
         WHERE i.court_id = $1 AND i.book_id = $2 AND (COALESCE(s.order_count, 0) + COALESCE(q.query_count, 0) <> i.order_count \
         OR d.sha256 IS NULL OR c.sha256 IS NULL OR d.sha256 <> i.sha256 OR c.sha256 <> i.csv_sha256) \
         ORDER BY i.number LIMIT 1",
        &key,
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    if let Some(number) = wrong.first() {
        return Ok(Some(format!("instruction {number} is not what was sent")));
    }
    let wrong = tx.query(
        "SELECT a.asset_id FROM asset AS a LEFT JOIN personal_detail AS p ON p.court_id = a.court_id \
         AND p.book_id = a.book_id AND p.detail_id = a.detail_id WHERE a.court_id = $1 AND a.book_id = $2 \
         AND (a.detail_id <> a.asset_id OR p.account_index IS NULL OR p.account_index <> a.identifier_index) \
         ORDER BY a.asset_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    Ok(wrong.first().map(|asset| format!("asset {asset} is found under another number than its own")))
}
