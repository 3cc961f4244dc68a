//! Obligations in the memorandum book follow from their facts; plans sum to their pots.

use std::collections::BTreeMap;

use ankuan_ledger::engine::{Error, Tx};

use crate::books;
use crate::chart::AccountKind;
use crate::failure::Outcome;

/// What stands of each obligation on each memorandum account is what was registered and performed; what belongs together (a
/// set-off, an assignment) has one amount on all sides; whatever was undone was undone whole.
pub(super) fn obligations(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::MEMORANDUM.into()];
    // (kind of account, case, obligation) → fen on its normal side.
    let mut wanted: BTreeMap<(String, i64, i64), i64> = BTreeMap::new();
    let mut add = |kind: AccountKind, case_id: i64, item: i64, minor: i64| {
        *wanted.entry((kind.as_str().to_owned(), case_id, item)).or_default() += minor;
    };
    tx.each(
        "SELECT obligation_id, case_id, total_minor FROM obligation WHERE court_id = $1 AND book_id = $2",
        &key,
        |row| {
            add(AccountKind::ClaimsDue, row.int(1)?, row.int(0)?, row.int(2)?);
            add(AccountKind::ClaimsRegistered, row.int(1)?, row.int(0)?, row.int(2)?);
            Ok::<(), Error>(())
        },
    )?;
    tx.each(
        "SELECT p.obligation_id, p.case_id, p.kind, p.amount_minor, p.interest_minor, u.kind, u.amount_minor, \
         u.interest_minor, u.obligation_id FROM performance AS p LEFT JOIN performance AS u \
         ON u.court_id = p.court_id AND u.book_id = p.book_id AND u.performance_id = p.undoes_id \
         WHERE p.court_id = $1 AND p.book_id = $2",
        &key,
        |row| {
            let (item, case_id) = (row.int(0)?, row.int(1)?);
            let is_undoing = row.text(2)? == "undone";
            let (kind, sign) = if is_undoing {
                let whole = row.opt_int(6)? == Some(row.int(3)?)
                    && row.opt_int(7)? == Some(row.int(4)?)
                    && row.opt_int(8)? == Some(item);
                // What does not undo a whole performance leaves a balance that no fact explains.
                (row.opt_text(5)?.unwrap_or_default().to_owned(), if whole { -1 } else { 0 })
            } else {
                (row.text(2)?.to_owned(), 1)
            };
            let how = match kind.as_str() {
                "set_off" => AccountKind::SetOff,
                "assigned" => AccountKind::ClaimsAssigned,
                "waived" => AccountKind::ClaimsWaived,
                _ => AccountKind::PerformedOutside,
            };
            let (amount, interest) = (row.int(3)?, row.int(4)?);
            add(how, case_id, item, sign * amount);
            add(AccountKind::ClaimsDue, case_id, item, sign * (interest - amount));
            add(AccountKind::ClaimsRegistered, case_id, item, sign * interest);
            Ok::<(), Error>(())
        },
    )?;
    let kinds = [
        AccountKind::ClaimsDue,
        AccountKind::ClaimsRegistered,
        AccountKind::PerformedOutside,
        AccountKind::SetOff,
        AccountKind::ClaimsAssigned,
        AccountKind::ClaimsWaived,
    ]
    .map(AccountKind::as_str);
    let mut found: BTreeMap<(String, i64, i64), i64> = BTreeMap::new();
    tx.each(
        "SELECT a.kind, a.case_id, p.item_id, \
         CAST(SUM(CASE WHEN p.side = a.normal_side THEN p.amount_minor ELSE -p.amount_minor END) AS BIGINT) \
         FROM account AS a JOIN posting AS p ON p.court_id = a.court_id AND p.book_id = a.book_id \
         AND p.account_id = a.account_id WHERE a.court_id = $1 AND a.book_id = $2 \
         AND a.kind IN ($3, $4, $5, $6, $7, $8) GROUP BY a.kind, a.case_id, p.item_id",
        &[
            key[0],
            key[1],
            kinds[0].into(),
            kinds[1].into(),
            kinds[2].into(),
            kinds[3].into(),
            kinds[4].into(),
            kinds[5].into(),
        ],
        |row| {
            found.insert((row.text(0)?.to_owned(), row.int(1)?, row.int(2)?), row.int(3)?);
            Ok::<(), Error>(())
        },
    )?;
    wanted.retain(|_, minor| *minor != 0);
    found.retain(|_, minor| *minor != 0);
    let differs = wanted
        .keys()
        .chain(found.keys())
        .find(|place| wanted.get(*place).unwrap_or(&0) != found.get(*place).unwrap_or(&0));
    if let Some((kind, case_id, item)) = differs {
        return Ok(Some(format!("obligation {item} of case {case_id}: {kind} does not follow from its facts")));
    }
    if let Some(finding) = pairs(tx, court_id)? {
        return Ok(Some(finding));
    }
    settlements(tx, court_id)
}

/// The instalments of a settlement come to its total, and no receipt counts for more than it brought.
fn settlements(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::MEMORANDUM.into()];
    let wrong = tx.query(
        "SELECT s.settlement_id FROM settlement AS s LEFT JOIN settlement_instalment AS i ON i.court_id = s.court_id \
         AND i.book_id = s.book_id AND i.settlement_id = s.settlement_id WHERE s.court_id = $1 AND s.book_id = $2 \
         GROUP BY s.settlement_id, s.total_minor HAVING COALESCE(SUM(i.amount_minor), 0) <> s.total_minor \
         ORDER BY s.settlement_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if let Some(settlement) = wrong.first() {
        return Ok(Some(format!("settlement {settlement}: its instalments do not come to its total")));
    }
    let wrong = tx.query(
        "SELECT n.receipt_id FROM (SELECT receipt_id, CAST(SUM(amount_minor) AS BIGINT) AS amount_minor \
          FROM settlement_receipt WHERE court_id = $1 AND book_id = $2 GROUP BY receipt_id) AS n \
         LEFT JOIN receipt AS r ON r.court_id = $1 AND r.book_id = $3 AND r.receipt_id = n.receipt_id \
         LEFT JOIN deduction AS d ON d.court_id = $1 AND d.book_id = $3 AND d.deduction_id = n.receipt_id \
         WHERE COALESCE(r.amount_minor, d.amount_minor, 0) < n.amount_minor ORDER BY n.receipt_id LIMIT 1",
        &[key[0], key[1], books::CASE_MONEY.into()],
        |row| row.int(0),
    )?;
    Ok(wrong.first().map(|receipt| format!("receipt {receipt} counts for more than it brought")))
}

/// All sides of a set-off or assignment have one amount, and are undone together.
fn pairs(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let wrong = tx.query(
        "SELECT p.pair_id FROM performance AS p LEFT JOIN performance AS u ON u.court_id = p.court_id \
         AND u.book_id = p.book_id AND u.undoes_id = p.performance_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.kind IN ('set_off', 'assigned') GROUP BY p.pair_id \
         HAVING MIN(p.amount_minor) <> MAX(p.amount_minor) \
         OR (COUNT(u.performance_id) <> 0 AND COUNT(u.performance_id) <> COUNT(*)) \
         OR (MIN(p.kind) = 'set_off' AND COUNT(*) <> 2) OR MIN(p.kind) <> MAX(p.kind) ORDER BY p.pair_id LIMIT 1",
        &[court_id.into(), books::MEMORANDUM.into()],
        |row| row.int(0),
    )?;
    Ok(wrong.first().map(|pair| format!("performance {pair}: its sides differ")))
}

/// The lines of a plan come to what it grants; what its sheets pay is told by obligation; what was settled and decided comes to
/// what was granted and disputed; and what it set aside was posted.
pub(super) fn plans(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    for (text, finding) in [
        (
            "SELECT p.plan_id FROM plan AS p LEFT JOIN plan_line AS l ON l.court_id = p.court_id AND l.book_id = p.book_id \
             AND l.plan_id = p.plan_id WHERE p.court_id = $1 AND p.book_id = $2 GROUP BY p.plan_id, p.granted_minor \
             HAVING COALESCE(SUM(l.share_minor + l.doubled_share_minor), 0) <> p.granted_minor ORDER BY p.plan_id LIMIT 1",
            "its lines do not come to what it grants",
        ),
        (
            "SELECT q.plan_id FROM (SELECT plan_id, sheet_line_id, CAST(SUM(amount_minor) AS BIGINT) AS amount_minor \
             FROM plan_payout WHERE court_id = $1 AND book_id = $2 GROUP BY plan_id, sheet_line_id) AS q \
             LEFT JOIN sheet_line AS l ON l.court_id = $1 AND l.book_id = $2 AND l.sheet_line_id = q.sheet_line_id \
             WHERE COALESCE(l.amount_minor, -1) <> q.amount_minor ORDER BY q.plan_id LIMIT 1",
            "a sheet line pays other than its obligations",
        ),
        (
            "SELECT d.plan_id FROM plan_event AS d LEFT JOIN plan_event AS o ON o.court_id = d.court_id \
             AND o.book_id = d.book_id AND o.id = d.objection_id AND o.event = 'objected' \
             WHERE d.court_id = $1 AND d.book_id = $2 AND d.event = 'decided' \
             AND COALESCE(o.amount_minor, -1) <> d.amount_minor + d.rest_minor ORDER BY d.plan_id LIMIT 1",
            "a decision does not come to what was disputed",
        ),
        (
            "SELECT e.plan_id FROM plan_event AS e LEFT JOIN voucher AS v ON v.court_id = e.court_id \
             AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id LEFT JOIN sheet AS s ON s.court_id = e.court_id \
             AND s.book_id = e.book_id AND s.sheet_id = e.sheet_id \
             WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'settled' \
             AND (COALESCE(v.total_minor, 0) <> e.rest_minor OR COALESCE(s.total_minor, 0) <> e.amount_minor) \
             ORDER BY e.plan_id LIMIT 1",
            "what it settled is not what was posted and put on a sheet",
        ),
        (
            "SELECT e.plan_id FROM plan_event AS e JOIN plan AS p ON p.court_id = e.court_id AND p.book_id = e.book_id \
             AND p.plan_id = e.plan_id WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'settled' \
             AND e.amount_minor + e.rest_minor + (SELECT COALESCE(SUM(d.rest_minor), 0) FROM plan_event AS d \
              WHERE d.court_id = $1 AND d.book_id = $2 AND d.plan_id = e.plan_id AND d.event = 'decided' \
              AND d.id < e.id) <> p.granted_minor ORDER BY e.plan_id LIMIT 1",
            "what it settled does not come to what it grants",
        ),
    ] {
        let wrong = tx.query(text, &key, |row| row.int(0))?;
        if let Some(plan) = wrong.first() {
            return Ok(Some(format!("plan {plan}: {finding}")));
        }
    }
    Ok(None)
}
