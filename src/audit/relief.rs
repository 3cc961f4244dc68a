//! Relief: what is left of each fund, of each claim and of each person is what the entries say; no policy pays above its
//! cap.

use std::collections::HashMap;

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Tx;

use crate::failure::Outcome;
use crate::relief::{self, ReliefKind, claims};

pub(super) fn relief(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let book = relief::book(court_id);
    let entries = relief::entries(tx, book)?;
    let mut funds: HashMap<i64, i64> = HashMap::new();
    let mut received: HashMap<i64, i64> = HashMap::new();
    let mut passed: HashMap<i64, i64> = HashMap::new();
    for entry in &entries {
        let minor = entry.amount.minor();
        match entry.kind {
            ReliefKind::FundIn | ReliefKind::Refund => {
                *funds.entry(entry.fund_id.unwrap_or_default()).or_default() += minor
            }
            ReliefKind::Pay | ReliefKind::Premium => {
                *funds.entry(entry.fund_id.unwrap_or_default()).or_default() -= minor
            }
            ReliefKind::InsurerPaid => *received.entry(entry.claim_id.unwrap_or_default()).or_default() += minor,
            ReliefKind::PassThrough => *passed.entry(entry.claim_id.unwrap_or_default()).or_default() += minor,
        }
    }
    for (fund, left) in relief::funds(tx, book)? {
        if funds.remove(&fund.relief_id) != Some(left.minor()) {
            return Ok(Some(format!("relief fund {}: its entries do not come to what is left", fund.relief_id)));
        }
    }
    if let Some(stray) = funds.keys().next() {
        return Ok(Some(format!("relief fund {stray} is unknown")));
    }
    for claim in claims::claims(tx, book)? {
        let of = |sums: &HashMap<i64, i64>| sums.get(&claim.claim_id).copied().unwrap_or_default();
        let open = Amount::sum(claim.people.iter().map(|person| person.open));
        let granted = Amount::sum(claim.people.iter().map(|person| person.granted));
        let ties = granted == Some(claim.granted)
            && claim.receivable.minor() + of(&received) == claim.granted.minor()
            && open.map(|open| open.minor() + of(&passed)) == Some(claim.granted.minor());
        if !ties {
            return Ok(Some(format!("relief claim {}: granted, received and passed on do not tie", claim.claim_id)));
        }
    }
    let above = claims::policies(tx, book)?.into_iter().find(|policy| policy.rest < Amount::ZERO);
    Ok(above.map(|policy| format!("relief policy {} granted more than its cap", policy.policy_id)))
}
