//! Orders on assets: where each stands follows from its events, and what is on its way from the deductions.

use std::collections::BTreeMap;

use ankuan_ledger::engine::{Statement, Tx, Value};
use ankuan_ledger::{Amount, BookKey};

use crate::Language;
use crate::assets::measures::{MeasureState, Standing, load_many, open_orders_of, states_of};
use crate::assets::rules::What;
use crate::assets::{register, salary_reports};
use crate::chart::AccountKind;
use crate::failure::{Failure, Outcome};
use crate::{books, memorandum};

/// Assets whose orders are folded at a time: bounds the memory.
const ASSETS_A_PAGE: usize = 2_000;

/// The states of orders are the fold of their events; every order that was sent is in a message, and a message has the
/// orders it says; each deduction is an answer's, with its amount.
pub(super) fn measures(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let key = [court_id.into(), book.book_id.into()];
    let mut standings = 0_usize;
    let mut deducted: Vec<(i64, i64, Amount)> = Vec::new();
    let asset_ids: Vec<i64> = register::assets(tx, book)?.into_iter().map(|asset| asset.asset_id).collect();
    for page in asset_ids.chunks(ASSETS_A_PAGE) {
        let loaded = match load_many(tx, book, page) {
            Ok(loaded) => loaded,
            Err(Failure::Broken(ankuan_ledger::Error::Inconsistent(finding))) => return Ok(Some(finding)),
            Err(other) => return Err(other),
        };
        standings += loaded.iter().map(|(_, standing)| standing.records.len()).sum::<usize>();
        if let Some(finding) = states(tx, book, &loaded)?.or(orders(tx, book, &loaded)?) {
            return Ok(Some(finding));
        }
        for event in loaded.iter().flat_map(|(_, standing)| &standing.events) {
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

fn states(tx: &mut Tx<'_>, book: BookKey, loaded: &[(i64, Standing)]) -> Outcome<Option<String>> {
    const STORED: Statement = Statement::twin(
        "SELECT s.asset_id, s.measure_id, s.status, s.line_no, s.since, s.ends_on, s.frozen_minor, s.deducted_minor \
         FROM measure_state AS s WHERE s.court_id = ?1 AND s.book_id = ?2 AND s.measure_id = ?3",
        "SELECT s.asset_id, s.measure_id, s.status, s.line_no, s.since, s.ends_on, s.frozen_minor, s.deducted_minor \
         FROM measure_state AS s WHERE s.court_id = ($1::bigint[])[1] AND s.book_id = ($2::bigint[])[1] \
         AND s.measure_id = ANY($3::bigint[])",
    );
    let of = |(asset_id, standing): &(i64, Standing)| {
        let asset_id = *asset_id;
        states_of(&standing.line).into_iter().map(move |state| (state.measure_id, (asset_id, state)))
    };
    let mut wanted: BTreeMap<i64, (i64, MeasureState)> = loaded.iter().flat_map(of).collect();
    let keys: Vec<Value<'_>> =
        wanted.keys().flat_map(|id| [book.court_id.into(), book.book_id.into(), (*id).into()]).collect();
    let mut differs = None;
    tx.each_of(STORED, 3, &keys, |row| {
        let measure_id = row.int(1)?;
        let is_same = match wanted.remove(&measure_id) {
            None => false,
            Some((asset_id, state)) => {
                row.int(0)? == asset_id
                    && row.text(2)? == state.status
                    && row.int(3)? == state.line_no
                    && row.text(4)? == state.since
                    && row.text(5)? == state.ends_on
                    && row.int(6)? == state.frozen.minor()
                    && row.int(7)? == state.deducted.minor()
            }
        };
        if !is_same {
            differs.get_or_insert(measure_id);
        }
        Ok(())
    })?;
    if let Some(measure) = differs {
        return Ok(Some(format!("measure {measure}: its state does not follow from its events")));
    }
    Ok(wanted.keys().next().map(|measure| format!("measure {measure} has no state")))
}

fn orders(tx: &mut Tx<'_>, book: BookKey, loaded: &[(i64, Standing)]) -> Outcome<Option<String>> {
    const STORED: Statement = Statement::twin(
        "SELECT asset_id, order_id, measure_id, action, is_sent FROM open_order \
         WHERE court_id = ?1 AND book_id = ?2 AND asset_id = ?3 ORDER BY order_id",
        "SELECT asset_id, order_id, measure_id, action, is_sent \
         FROM open_order \
         WHERE court_id = ($1::bigint[])[1] AND book_id = ($2::bigint[])[1] AND asset_id = ANY($3::bigint[]) \
         ORDER BY order_id",
    );
    let keys: Vec<Value<'_>> =
        loaded.iter().flat_map(|(id, _)| [book.court_id.into(), book.book_id.into(), (*id).into()]).collect();
    let mut found: BTreeMap<i64, Vec<(i64, i64, String, bool)>> = BTreeMap::new();
    tx.each_of(STORED, 3, &keys, |row| {
        let order = (row.int(1)?, row.int(2)?, row.text(3)?.to_owned(), row.int(4)? == 1);
        found.entry(row.int(0)?).or_default().push(order);
        Ok(())
    })?;
    for (asset_id, standing) in loaded {
        let stored = found.remove(asset_id).unwrap_or_default();
        let mut wanted = open_orders_of(&standing.line);
        wanted.sort_by_key(|order| order.order_id);
        let is_same = stored.len() == wanted.len()
            && stored.iter().zip(&wanted).all(|((order_id, measure_id, action, is_sent), order)| {
                (*order_id, *measure_id, action.as_str(), *is_sent)
                    == (order.order_id, order.measure_id, order.action, order.is_sent)
            });
        if !is_same {
            return Ok(Some(format!("asset {asset_id}: its open orders do not follow from its events")));
        }
    }
    Ok(None)
}

/// The memorandum says of every order of this court what is frozen for it, on both sides and in its own case; so for each
/// institution, and over all of them, the orders come to what the book says.
pub(super) fn memorandum(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let mut wanted: BTreeMap<(i64, Option<i64>), Amount> = BTreeMap::new();
    let mut institutions: BTreeMap<i64, String> = BTreeMap::new();
    let mut of_institution: BTreeMap<String, i128> = BTreeMap::new();
    tx.each(
        "SELECT s.measure_id, m.case_id, s.frozen_minor, a.institution FROM measure_state AS s \
         JOIN measure AS m ON m.court_id = s.court_id AND m.book_id = s.book_id AND m.measure_id = s.measure_id \
         JOIN asset AS a ON a.court_id = m.court_id AND a.book_id = m.book_id AND a.asset_id = m.asset_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND m.case_id IS NOT NULL",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| {
            let (measure_id, frozen, institution) = (row.int(0)?, row.int(2)?, row.text(3)?);
            if frozen != 0 {
                wanted.insert((measure_id, row.opt_int(1)?), Amount::from_minor(frozen));
            }
            *of_institution.entry(institution.to_owned()).or_default() += i128::from(frozen);
            institutions.insert(measure_id, institution.to_owned());
            Ok::<(), ankuan_ledger::Error>(())
        },
    )?;
    for kind in [AccountKind::FrozenElsewhere, AccountKind::FrozenByOrder] {
        let found = memorandum::frozen(tx, court_id, kind)?;
        let differs = wanted.iter().find(|(order, frozen)| found.get(order) != Some(frozen)).map(|(order, _)| order.0);
        let stray = || found.iter().find(|(order, _)| !wanted.contains_key(order)).map(|(order, _)| order.0);
        if let Some(measure) = differs.or_else(stray) {
            let kind = kind.as_str();
            return Ok(Some(format!("measure {measure}: what is frozen for it is not what {kind} says of it")));
        }
        // From the entries, not from the balances that were just compared.
        let entered = tx.query(
            "SELECT p.item_id, CAST(SUM(CASE WHEN p.side = a.normal_side THEN p.amount_minor ELSE -p.amount_minor END) \
             AS BIGINT) FROM posting AS p JOIN account AS a ON a.court_id = p.court_id AND a.book_id = p.book_id \
             AND a.account_id = p.account_id WHERE p.court_id = $1 AND p.book_id = $2 AND a.kind = $3 GROUP BY p.item_id",
            &[court_id.into(), books::MEMORANDUM.into(), kind.as_str().into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?;
        let mut sums: BTreeMap<String, i128> = BTreeMap::new();
        for (item, amount) in entered {
            let institution = institutions.get(&item).cloned().unwrap_or_default();
            *sums.entry(institution).or_default() += i128::from(amount);
        }
        let differs = of_institution.iter().find(|(name, sum)| sums.get(*name).copied().unwrap_or(0) != **sum);
        if let Some((name, sum)) = differs {
            let entered = sums.get(name).copied().unwrap_or(0);
            return Ok(Some(format!("{name}: {sum} fen are frozen there, the memorandum has {entered}")));
        }
    }
    Ok(None)
}

/// Every salary account follows the rule of the live freeze from its reports, orders and deductions, so that no deduction took
/// of the living allowance or out of turn; and a report has the lines that it says.
pub(super) fn salaries(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let asset_ids = salary_reports::salary_assets(tx, book)?;
    for page in asset_ids.chunks(ASSETS_A_PAGE) {
        let accounts = match salary_reports::accounts(tx, book, page) {
            Ok(accounts) => accounts,
            // What does not fold is the finding of another check.
            Err(Failure::Broken(ankuan_ledger::Error::Inconsistent(_))) => return Ok(None),
            Err(other) => return Err(other),
        };
        for (asset_id, account) in accounts {
            if let Err(message) = account.is_sound() {
                return Ok(Some(format!("salary account {asset_id}: {}", message.text(Language::En))));
            }
        }
    }
    let wrong = tx.query(
        "SELECT r.number FROM salary_report AS r LEFT JOIN (SELECT report_id, CAST(COUNT(*) AS BIGINT) AS lines, \
          CAST(SUM(CASE WHEN outcome = 'applied' THEN 1 ELSE 0 END) AS BIGINT) AS applied FROM salary_line \
          WHERE court_id = $1 AND book_id = $2 GROUP BY report_id) AS l ON l.report_id = r.report_id \
         WHERE r.court_id = $1 AND r.book_id = $2 \
         AND (COALESCE(l.lines, 0) <> r.line_count OR COALESCE(l.applied, 0) <> r.applied_count) \
         ORDER BY r.number LIMIT 1",
        &[court_id.into(), book.book_id.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    Ok(wrong.first().map(|number| format!("salary report {number} has not the lines that it says")))
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
