//! Screens: what an approver should look at before signing. They warn and stop nothing; what stops is a gate.
//!
//! Four eyes have been passed with invented payees ((2019)桂10刑终314号); what gave them away was in the accounts.

use ankuan_ledger::engine::Tx;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::runs::Run;
use crate::books;
use crate::failure::Outcome;
use crate::message::Message;

/// Details changed less than this before the screening are named.
const FRESH_DAYS: i64 = 7;

/// Findings of one kind that are named; the count is always whole.
const NAMED_MAX: usize = 20;

/// Something an approver should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found, in words and by code.
    pub message: Message,
}

/// Looks at the accounts that a run pays into.
///
/// Accounts are compared by their blind index; account numbers are not opened.
///
/// # Errors
/// What the database says.
pub fn screen(tx: &mut Tx<'_>, court_id: i64, run: &Run, now: Timestamp) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut cases: Vec<i64> = run.sources.iter().map(|source| source.case_id).collect();
    cases.sort_unstable();
    cases.dedup();
    let key = [court_id.into(), books::CASE_MONEY.into()];
    // Every account of the book that stands under more than one name or case, with the cases it stands in.
    let shared = tx.query(
        "SELECT d.account_index, d.payee_name, c.case_id FROM personal_detail AS d \
         JOIN (SELECT account_index FROM personal_detail WHERE court_id = $1 AND book_id = $2 AND account_index <> 0 \
               GROUP BY account_index HAVING COUNT(*) > 1) AS twice ON twice.account_index = d.account_index \
         JOIN (SELECT detail_id, case_id FROM claim WHERE court_id = $1 AND book_id = $2 \
               UNION ALL SELECT detail_id, case_id FROM payee WHERE court_id = $1 AND book_id = $2) AS c \
         ON c.detail_id = d.detail_id WHERE d.court_id = $1 AND d.book_id = $2 ORDER BY d.account_index, d.detail_id",
        &key,
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    let (mut several_names, mut several_cases) = (Vec::new(), Vec::new());
    for group in shared.chunk_by(|one, other| one.0 == other.0) {
        if !group.iter().any(|(_, _, case_id)| cases.contains(case_id)) {
            continue;
        }
        let mut names: Vec<&str> = group.iter().map(|(_, name, _)| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut places: Vec<i64> = group.iter().map(|(.., case_id)| *case_id).collect();
        places.sort_unstable();
        places.dedup();
        if names.len() > 1 {
            several_names.push(names.join("、"));
        }
        if places.len() > 1 {
            several_cases.push(names.join("、"));
        }
    }
    name(&mut findings, "screens.account_of_several_names", &several_names);
    name(&mut findings, "screens.account_in_several_cases", &several_cases);

    let staff = tx.query(
        "SELECT DISTINCT d.payee_name FROM personal_detail AS d JOIN person AS p \
         ON p.court_id = d.court_id AND p.name = d.payee_name WHERE d.court_id = $1 AND d.book_id = $2",
        &key,
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    name(&mut findings, "screens.name_of_staff", &staff);

    let since = now.checked_sub(SignedDuration::from_hours(24 * FRESH_DAYS)).unwrap_or(Timestamp::MIN);
    let mut fresh = Vec::new();
    for case_id in &cases {
        fresh.extend(tx.query(
            "SELECT COALESCE(c.name, p.name) FROM claim_event AS e LEFT JOIN claim AS c ON c.court_id = e.court_id \
             AND c.book_id = e.book_id AND c.claim_id = e.claim_id LEFT JOIN payee AS p ON p.court_id = e.court_id \
             AND p.book_id = e.book_id AND p.payee_id = e.claim_id WHERE e.court_id = $1 AND e.book_id = $2 AND e.case_id = $3 \
             AND e.event IN ('details', 'payee') AND e.recorded_at >= $4 ORDER BY e.id",
            &[court_id.into(), books::CASE_MONEY.into(), (*case_id).into(), since.as_microsecond().into()],
            |row| Ok(row.text(0)?.to_owned()),
        )?);
    }
    name(&mut findings, "screens.account_changed_lately", &fresh);
    Ok(findings)
}

fn name(findings: &mut Vec<Finding>, code: &'static str, found: &[String]) {
    if !found.is_empty() {
        let named = found.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join("；");
        findings.push(Finding {
            message: Message::new(code).with("count", found.len()).with("names", named).with("days", FRESH_DAYS),
        });
    }
}
