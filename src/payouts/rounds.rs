//! A distribution on record: claims loaded as they stand, distributed by the pure rule, shares stored with the proof.

use std::collections::HashMap;

use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{RowBytes, Table, Tx, Value};
use ankuan_ledger::{Amount, Error};

use super::distribute::{ClaimInput, Outcome as ShareOutcome, Plan, Proof, SetAside, Share, distribute};
use super::explain::{Explainer, Explanation};
use crate::access::{Acting, Role};
use crate::books;
use crate::claims::record::{CLAIM, lists_of_case};
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::receipts;

/// `distribution`
pub static DISTRIBUTION: Table = Table {
    name: "distribution",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("distribution_id", Int),
        ("case_id", Int),
        ("round_no", Int),
        ("plan", Text),
        ("pot_minor", Int),
        ("paid_minor", Int),
        ("set_aside_minor", Int),
        ("carried_minor", Int),
        ("claim_total_minor", Int),
        ("claims_digest", Bytes),
        ("share_count", Int),
        ("first_share_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["distribution_id"],
};

/// `share`
pub static SHARE: Table = Table {
    name: "share",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("share_id", Int),
        ("distribution_id", Int),
        ("claim_id", Int),
        ("detail_id", Int),
        ("claim_minor", Int),
        ("granted_minor", Int),
        ("outcome", Text),
        ("reason", Text),
        ("mark", Int),
    ],
    order: &["share_id"],
};

/// The claims of a case as a distribution sees them.
#[derive(Debug)]
pub struct LoadedClaims {
    /// One a person, ordered by claim id.
    pub inputs: Vec<ClaimInput>,
    /// The payment details of each input.
    pub detail_ids: Vec<i64>,
    /// Claims that cannot be read and have no approved reserve.
    pub broken: u64,
    /// Rows that were added to an earlier row of the same person.
    pub merged: u64,
    /// Digest of the lists, events and earlier rounds that they were computed from.
    pub digest: Digest,
}

/// A distribution as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDistribution {
    /// Row.
    pub distribution_id: i64,
    /// Case.
    pub case_id: i64,
    /// Round, from 1.
    pub round_no: i64,
    /// How it was made.
    pub plan: Plan,
    /// Money of this round.
    pub pot: Amount,
    /// To be paid.
    pub paid: Amount,
    /// Kept back with a reason.
    pub set_aside: Amount,
    /// Stays in the case.
    pub carried: Amount,
    /// All claims in the ratio.
    pub claim_total: Amount,
    /// Digest of what it was computed from.
    pub claims_digest: Digest,
    /// Shares that are not zero.
    pub share_count: i64,
    /// The first; the others follow without a gap.
    pub first_share_id: i64,
}

impl StoredDistribution {
    /// First and last share.
    #[must_use]
    pub const fn share_ids(&self) -> (i64, i64) {
        (self.first_share_id, self.first_share_id + self.share_count - 1)
    }
}

/// Loads the claims of a case as they stood before an id (`i64::MAX` for now).
///
/// Rows of one person with the same standing and class are one claim. Ids of a book rise with time, so an id is a
/// moment.
///
/// # Errors
/// What the database says.
pub fn load_claims(tx: &mut Tx<'_>, court_id: i64, case_id: i64, before_id: i64) -> Outcome<LoadedClaims> {
    let book = books::case_money(court_id);
    let digest = basis(tx, court_id, case_id, before_id, before_id)?;
    let mut loaded = LoadedClaims { inputs: Vec::new(), detail_ids: Vec::new(), broken: 0, merged: 0, digest };
    let mut broken: Vec<i64> = Vec::new();
    // Claims whose details cannot be used, in the order of their ids: also disputed ones, which may be confirmed later.
    let mut unpayable: Vec<i64> = Vec::new();
    for list in lists_of_case(tx, court_id, case_id)?.iter().filter(|list| list.list_id < before_id) {
        // Where each row of this list went, ordered by row: (row, input).
        let mut places: Vec<(i64, usize)> = Vec::new();
        loaded.inputs.reserve(usize::try_from(list.rows).unwrap_or(0));
        loaded.detail_ids.reserve(usize::try_from(list.rows).unwrap_or(0));
        tx.scan(&CLAIM, book.court_id, book.book_id, list.claim_ids, |row| {
            let (claim_id, row_no) = (row.int(2)?, row.int(5)?);
            let hold = match row.text(10)? {
                "broken" => {
                    broken.push(claim_id);
                    return Ok::<(), Error>(());
                }
                "disputed" => Some(SetAside::Disputed),
                "late" => Some(SetAside::Late),
                _ => row.opt_text(13)?.map(|_| SetAside::NoAccount),
            };
            if row.opt_text(13)?.is_some() {
                unpayable.push(claim_id);
            }
            let input = ClaimInput {
                claim_id,
                claim: Amount::from_minor(row.int(9)?),
                class: u32::try_from(row.int(11)?).unwrap_or(u32::MAX),
                fixed: row.opt_int(12)?.map(Amount::from_minor),
                paid_before: Amount::ZERO,
                hold,
            };
            if let Some(first) = row.opt_int(14)?
                && let Ok(found) = places.binary_search_by_key(&first, |(row, _)| *row)
                && let place = places[found].1
                && merge(&mut loaded.inputs[place], &input)
            {
                loaded.merged += 1;
                if loaded.inputs[place].hold == Some(SetAside::NoAccount) && hold.is_none() {
                    // Another row of the person has details that can be used.
                    loaded.inputs[place].hold = None;
                    loaded.detail_ids[place] = row.int(15)?;
                    let first_id = loaded.inputs[place].claim_id;
                    unpayable.retain(|known| *known != first_id);
                }
                return Ok(());
            }
            places.push((row_no, loaded.inputs.len()));
            loaded.inputs.push(input);
            loaded.detail_ids.push(row.int(15)?);
            Ok(())
        })?;
    }
    apply_events(tx, court_id, case_id, before_id, &mut loaded, (&mut broken, &mut unpayable))?;
    loaded.broken = broken.len() as u64;
    for distribution in effective_distributions(tx, court_id, case_id, before_id)? {
        let (inputs, ids) = (&mut loaded.inputs, distribution.share_ids());
        tx.scan(&SHARE, book.court_id, book.book_id, ids, |row| {
            if row.text(8)? != "carry"
                && let Ok(place) = inputs.binary_search_by_key(&row.int(4)?, |input| input.claim_id)
            {
                let granted = Amount::from_minor(row.int(7)?);
                inputs[place].paid_before = inputs[place]
                    .paid_before
                    .plus(granted)
                    .ok_or_else(|| Error::Inconsistent("what a claim was granted leaves the range".into()))?;
            }
            Ok::<(), Error>(())
        })?;
    }
    Ok(loaded)
}

/// Digest of what the claims of a case are computed from: lists and events before one id, and the distributions that
/// were effective before another.
fn basis(tx: &mut Tx<'_>, court_id: i64, case_id: i64, before_id: i64, effective_before_id: i64) -> Outcome<Digest> {
    let mut basis = RowBytes::default();
    for list in lists_of_case(tx, court_id, case_id)?.iter().filter(|list| list.list_id < before_id) {
        basis.value(list.list_id.into());
        basis.value(Value::Bytes(&list.sha256));
    }
    let events = tx.query(
        "SELECT id FROM claim_event WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND id < $4 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), before_id.into()],
        |row| row.int(0),
    )?;
    for id in events {
        basis.value(id.into());
    }
    for distribution in effective_distributions(tx, court_id, case_id, effective_before_id)? {
        basis.value(distribution.distribution_id.into());
    }
    Ok(sha256(&[b"ankuan-claims-1", basis.as_bytes()]))
}

/// Refuses a distribution that was computed before another one of its case was committed or withdrawn: it does not
/// know what that one paid, and claimants could be paid more than their claims.
///
/// # Errors
/// `payouts.distribution_stale`.
pub fn must_be_fresh(tx: &mut Tx<'_>, court_id: i64, distribution_id: i64) -> Outcome<()> {
    let stored = find_distribution(tx, court_id, distribution_id)?;
    if basis(tx, court_id, stored.case_id, distribution_id, i64::MAX)? == stored.claims_digest {
        return Ok(());
    }
    Err(Message::new("payouts.distribution_stale").with("distribution", distribution_id).into())
}

/// Adds a row to the person's first one; not when its standing or class differs, for then it ranks otherwise.
fn merge(first: &mut ClaimInput, row: &ClaimInput) -> bool {
    let unpaid = |hold: Option<SetAside>| hold.filter(|hold| *hold != SetAside::NoAccount);
    if first.class != row.class
        || unpaid(first.hold) != unpaid(row.hold)
        || first.fixed.is_some() != row.fixed.is_some()
    {
        return false;
    }
    let Some(claim) = first.claim.plus(row.claim) else { return false };
    let fixed = match (first.fixed, row.fixed) {
        (Some(one), Some(other)) => match one.plus(other) {
            Some(sum) => Some(sum),
            None => return false,
        },
        _ => None,
    };
    first.claim = claim;
    first.fixed = fixed;
    true
}

fn apply_events(
    tx: &mut Tx<'_>,
    court_id: i64,
    case_id: i64,
    before_id: i64,
    loaded: &mut LoadedClaims,
    (broken, unpayable): (&mut Vec<i64>, &mut Vec<i64>),
) -> Outcome<()> {
    let events = tx.query(
        "SELECT claim_id, event, amount_minor, detail_id FROM claim_event \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND id < $4 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), before_id.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.opt_int(2)?, row.opt_int(3)?)),
    )?;
    for (claim_id, event, amount, detail_id) in events {
        let place = loaded.inputs.binary_search_by_key(&claim_id, |input| input.claim_id);
        match (event.as_str(), place) {
            ("confirmed", Ok(place)) => {
                loaded.inputs[place].hold = unpayable.contains(&claim_id).then_some(SetAside::NoAccount);
            }
            ("disputed", Ok(place)) => loaded.inputs[place].hold = Some(SetAside::Disputed),
            ("details" | "payee", Ok(place)) => {
                unpayable.retain(|known| *known != claim_id);
                // Several payees have details of their own; the share keeps the claimant's.
                let detail_id = detail_id.filter(|_| event == "details");
                loaded.detail_ids[place] = detail_id.unwrap_or(loaded.detail_ids[place]);
                if loaded.inputs[place].hold == Some(SetAside::NoAccount) {
                    loaded.inputs[place].hold = None;
                }
            }
            ("withdrawn", Ok(place)) => {
                loaded.inputs.remove(place);
                loaded.detail_ids.remove(place);
            }
            ("reserve" | "withdrawn", Err(place)) if broken.contains(&claim_id) => {
                broken.retain(|broken| *broken != claim_id);
                if let Some(amount) = amount.filter(|_| event == "reserve") {
                    let claim = Amount::from_minor(amount);
                    let hold = Some(SetAside::Reserve);
                    let input = ClaimInput { claim_id, claim, class: 1, fixed: None, paid_before: Amount::ZERO, hold };
                    loaded.inputs.insert(place, input);
                    // A broken claim's details have its own id.
                    loaded.detail_ids.insert(place, claim_id);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Shares of a distribution that have the same outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutcomeSum {
    /// As stored: pay, set_aside, carry.
    pub outcome: String,
    /// Why, of what is set aside.
    pub reason: String,
    /// How many.
    pub shares: i64,
    /// Their claims.
    pub claims: Amount,
    /// What is granted.
    pub granted: Amount,
}

/// The shares of a distribution by what becomes of them.
///
/// # Errors
/// What the database says.
pub fn shares_by_outcome(tx: &mut Tx<'_>, court_id: i64, stored: &StoredDistribution) -> Outcome<Vec<OutcomeSum>> {
    let (first, last) = stored.share_ids();
    Ok(tx.query(
        "SELECT outcome, COALESCE(reason, ''), CAST(COUNT(*) AS BIGINT), CAST(SUM(claim_minor) AS BIGINT), \
         CAST(SUM(granted_minor) AS BIGINT) FROM share WHERE court_id = $1 AND book_id = $2 AND share_id >= $3 \
         AND share_id <= $4 GROUP BY outcome, COALESCE(reason, '') ORDER BY 1, 2",
        &[court_id.into(), books::CASE_MONEY.into(), first.into(), last.into()],
        |row| {
            Ok(OutcomeSum {
                outcome: row.text(0)?.to_owned(),
                reason: row.text(1)?.to_owned(),
                shares: row.int(2)?,
                claims: Amount::from_minor(row.int(3)?),
                granted: Amount::from_minor(row.int(4)?),
            })
        },
    )?)
}

/// The distributions of a case whose runs stood committed before an id: what they granted counts as paid before.
///
/// # Errors
/// What the database says.
pub fn effective_distributions(
    tx: &mut Tx<'_>,
    court_id: i64,
    case_id: i64,
    before_id: i64,
) -> Outcome<Vec<StoredDistribution>> {
    let ids = tx.query(
        "SELECT s.source_id FROM run_source AS s JOIN run_event AS e ON e.court_id = s.court_id \
         AND e.book_id = s.book_id AND e.run_id = s.run_id AND e.event = 'committed' AND e.id < $4 \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.kind = 'distribution' AND s.case_id = $3 \
         AND NOT EXISTS (SELECT 1 FROM run_event AS w WHERE w.court_id = s.court_id AND w.book_id = s.book_id \
         AND w.run_id = s.run_id AND w.event = 'withdrawn' AND w.id < $4) ORDER BY s.source_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), before_id.into()],
        |row| row.int(0),
    )?;
    ids.into_iter().map(|id| find_distribution(tx, court_id, id)).collect()
}

/// A stored distribution.
///
/// # Errors
/// `payouts.distribution_unknown`.
pub fn find_distribution(tx: &mut Tx<'_>, court_id: i64, distribution_id: i64) -> Outcome<StoredDistribution> {
    tx.query_opt(
        "SELECT case_id, round_no, plan, pot_minor, paid_minor, set_aside_minor, carried_minor, claim_total_minor, \
         claims_digest, share_count, first_share_id FROM distribution \
         WHERE court_id = $1 AND book_id = $2 AND distribution_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), distribution_id.into()],
        |row| {
            let amount = |column| row.int(column).map(Amount::from_minor);
            let plan = serde_json::from_str(row.text(2)?)
                .map_err(|error| Error::Inconsistent(format!("plan of distribution {distribution_id}: {error}")))?;
            Ok(StoredDistribution {
                distribution_id,
                case_id: row.int(0)?,
                round_no: row.int(1)?,
                plan,
                pot: amount(3)?,
                paid: amount(4)?,
                set_aside: amount(5)?,
                carried: amount(6)?,
                claim_total: amount(7)?,
                claims_digest: row.digest(8)?,
                share_count: row.int(9)?,
                first_share_id: row.int(10)?,
            })
        },
    )?
    .ok_or_else(|| Message::new("payouts.distribution_unknown").with("distribution", distribution_id).into())
}

/// The distributions of a case, oldest first.
///
/// # Errors
/// What the database says.
pub fn distributions_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<StoredDistribution>> {
    let ids = tx.query(
        "SELECT distribution_id FROM distribution WHERE court_id = $1 AND book_id = $2 AND case_id = $3 \
         ORDER BY distribution_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| row.int(0),
    )?;
    ids.into_iter().map(|id| find_distribution(tx, court_id, id)).collect()
}

/// What a distribution of a case would be now. Nothing is recorded, and no role is asked for: it is only looked at.
#[derive(Debug, Clone)]
pub struct Preview {
    /// How it was made, with the claims that are broken.
    pub plan: Plan,
    /// The figures.
    pub proof: Proof,
    /// Every share, by claim.
    pub shares: Vec<Share>,
    /// What is available in the case.
    pub available: Amount,
    /// The round it would be.
    pub round_no: i64,
}

/// Divides money of a case without recording it: exactly what [`record_distribution`] would store if nothing changed.
///
/// # Errors
/// As [`record_distribution`], but for the role.
pub fn preview(tx: &mut Tx<'_>, court_id: i64, case_id: i64, pot: Option<Amount>, plan: &Plan) -> Outcome<Preview> {
    Ok(compute(tx, court_id, case_id, pot, plan)?.0)
}

fn compute(
    tx: &mut Tx<'_>,
    court_id: i64,
    case_id: i64,
    pot: Option<Amount>,
    plan: &Plan,
) -> Outcome<(Preview, LoadedClaims)> {
    let receipts = receipts::receipts_of_case(tx, books::case_money(court_id), case_id)?;
    let available = Amount::sum(receipts.iter().map(|receipt| receipt.available))
        .ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
    let pot = pot.unwrap_or(available);
    if pot > available {
        return Err(Message::new("payouts.pot_above_case_money").with("pot", pot).with("available", available).into());
    }
    let claims = load_claims(tx, court_id, case_id, i64::MAX)?;
    let plan = Plan { broken_claims: claims.broken, ..plan.clone() };
    let result = distribute(&plan, pot, &claims.inputs).map_err(|refusal| refusal.message())?;
    if result.shares.iter().all(|share| share.outcome == ShareOutcome::Nothing) {
        return Err(Message::new("payouts.nothing_to_distribute").into());
    }
    let round_no = 1 + effective_distributions(tx, court_id, case_id, i64::MAX)?.len() as i64;
    Ok((Preview { plan, proof: result.proof, shares: result.shares, available, round_no }, claims))
}

/// Distributes money of a case and stores every share with the proof. Nothing moves yet. Without a pot, all that is
/// available is distributed. Needs [`Role::Handler`].
///
/// # Errors
/// `payouts.pot_above_case_money`, `payouts.nothing_to_distribute` (no claim gets anything), `access.role_missing`, and
/// those of [`distribute`].
pub fn record_distribution(
    tx: &mut Tx<'_>,
    acting: &Acting,
    case_id: i64,
    pot: Option<Amount>,
    plan: &Plan,
) -> Outcome<(StoredDistribution, Proof)> {
    let book = books::case_money(acting.actor.court_id);
    // The lock comes first: what is read after it stands until this is recorded.
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.distribute")?;
    acting.require(tx, Role::Handler)?;
    let (result, claims) = compute(tx, book.court_id, case_id, pot, plan)?;
    let (round_no, pot) = (result.round_no, result.proof.pot);
    let distribution_id = act.take_ids(1);
    let shares = || result.shares.iter().filter(|share| share.outcome != ShareOutcome::Nothing);
    let share_count = shares().count() as i64;
    let first_share_id = act.take_ids(share_count);
    let proof = result.proof.clone();
    let stored = StoredDistribution {
        distribution_id,
        case_id,
        round_no,
        plan: result.plan.clone(),
        pot,
        paid: proof.paid,
        set_aside: proof.set_aside,
        carried: proof.carried,
        claim_total: proof.claims_total,
        claims_digest: claims.digest,
        share_count,
        first_share_id,
    };
    let plan_text = serde_json::to_string(&stored.plan).map_err(std::io::Error::other)?;
    act.insert(
        tx,
        &DISTRIBUTION,
        distribution_id,
        &[
            distribution_id.into(),
            case_id.into(),
            round_no.into(),
            plan_text.as_str().into(),
            pot.minor().into(),
            stored.paid.minor().into(),
            stored.set_aside.minor().into(),
            stored.carried.minor().into(),
            stored.claim_total.minor().into(),
            Value::Bytes(&stored.claims_digest),
            share_count.into(),
            first_share_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    // Shares and claims are both ordered by claim id.
    let mut place = 0;
    for (share_id, share) in (first_share_id..).zip(shares()) {
        while claims.inputs[place].claim_id < share.claim_id {
            place += 1;
        }
        let (outcome, reason) = words(share.outcome);
        act.insert(
            tx,
            &SHARE,
            share_id,
            &[
                share_id.into(),
                distribution_id.into(),
                share.claim_id.into(),
                claims.detail_ids[place].into(),
                claims.inputs[place].claim.minor().into(),
                share.granted.minor().into(),
                outcome.into(),
                reason.into(),
            ],
        )?;
    }
    act.close(tx)?;
    Ok((stored, proof))
}

const fn words(outcome: ShareOutcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        ShareOutcome::Paid => ("pay", None),
        ShareOutcome::SetAside(reason) => ("set_aside", Some(reason.code())),
        ShareOutcome::Carried | ShareOutcome::Nothing => ("carry", None),
    }
}

/// One claimant's arithmetic, computed again from what it was computed from and compared with the stored share.
///
/// # Errors
/// `payouts.claimant_unknown`; the refusals of [`explain`].
pub fn explain_share(
    tx: &mut Tx<'_>,
    court_id: i64,
    distribution_id: i64,
    claimant_no: &str,
) -> Outcome<Vec<Explanation>> {
    let book = books::case_money(court_id);
    let distribution = find_distribution(tx, court_id, distribution_id)?;
    let lists = lists_of_case(tx, court_id, distribution.case_id)?;
    let mut wanted = Vec::new();
    for list in &lists {
        let found = tx.query(
            "SELECT claim_id, merged_into_row_no FROM claim WHERE court_id = $1 AND book_id = $2 AND claim_id >= $3 \
             AND claim_id <= $4 AND claimant_no = $5 ORDER BY claim_id",
            &[
                court_id.into(),
                book.book_id.into(),
                list.claim_ids.0.into(),
                list.claim_ids.1.into(),
                claimant_no.into(),
            ],
            |row| Ok((row.int(0)?, row.opt_int(1)?)),
        )?;
        for (claim_id, merged_into) in found {
            wanted.push(claim_id);
            if let Some(row_no) = merged_into {
                wanted.extend(tx.query(
                    "SELECT claim_id FROM claim WHERE court_id = $1 AND book_id = $2 AND claim_id >= $3 \
                     AND claim_id <= $4 AND row_no = $5",
                    &[
                        court_id.into(),
                        book.book_id.into(),
                        list.claim_ids.0.into(),
                        list.claim_ids.1.into(),
                        row_no.into(),
                    ],
                    |row| row.int(0),
                )?);
            }
        }
    }
    let claims = load_claims(tx, court_id, distribution.case_id, distribution_id)?;
    let explainer =
        Explainer::new(&distribution.plan, distribution.pot, &claims.inputs).map_err(|refusal| refusal.message())?;
    let mut explanations = Vec::new();
    for claim_id in wanted {
        if claims.inputs.binary_search_by_key(&claim_id, |input| input.claim_id).is_err() {
            continue;
        }
        let stored = stored_share(tx, court_id, &distribution, claim_id)?;
        explanations.push(explainer.explain(&stored).map_err(|refusal| refusal.message())?);
    }
    if explanations.is_empty() {
        return Err(Message::new("payouts.claimant_unknown")
            .with("claimant", claimant_no)
            .with("distribution", distribution_id)
            .into());
    }
    Ok(explanations)
}

/// Everybody's arithmetic in a distribution, in the order of the claims: what [`explain_share`] says of one, for all of
/// them with one reading.
///
/// # Errors
/// The refusals of [`explain`](super::explain::explain); what `take` says.
pub fn explain_all(
    tx: &mut Tx<'_>,
    court_id: i64,
    distribution: &StoredDistribution,
    take: &mut dyn FnMut(Explanation) -> Outcome<()>,
) -> Outcome<()> {
    let claims = load_claims(tx, court_id, distribution.case_id, distribution.distribution_id)?;
    let mut stored: HashMap<i64, Share> = HashMap::with_capacity(claims.inputs.len());
    tx.scan(&SHARE, court_id, books::CASE_MONEY, distribution.share_ids(), |row| {
        let claim_id = row.int(4)?;
        let outcome = read_outcome(row.text(8)?, row.opt_text(9)?)?;
        stored.insert(claim_id, Share { claim_id, granted: Amount::from_minor(row.int(7)?), outcome });
        Ok::<(), Error>(())
    })?;
    let explainer =
        Explainer::new(&distribution.plan, distribution.pot, &claims.inputs).map_err(|refusal| refusal.message())?;
    for input in &claims.inputs {
        let nothing = Share { claim_id: input.claim_id, granted: Amount::ZERO, outcome: ShareOutcome::Nothing };
        let share = stored.get(&input.claim_id).copied().unwrap_or(nothing);
        take(explainer.explain(&share).map_err(|refusal| refusal.message())?)?;
    }
    Ok(())
}

/// What becomes of a share, as stored.
fn read_outcome(outcome: &str, reason: Option<&str>) -> Result<ShareOutcome, Error> {
    Ok(match (outcome, reason) {
        ("pay", _) => ShareOutcome::Paid,
        ("set_aside", Some(code)) => ShareOutcome::SetAside(
            SetAside::from_code(code)
                .ok_or_else(|| Error::Inconsistent(format!("a share is set aside for {code:?}")))?,
        ),
        _ => ShareOutcome::Carried,
    })
}

fn stored_share(tx: &mut Tx<'_>, court_id: i64, distribution: &StoredDistribution, claim_id: i64) -> Outcome<Share> {
    let (first, last) = distribution.share_ids();
    let found = tx.query_opt(
        "SELECT granted_minor, outcome, reason FROM share WHERE court_id = $1 AND book_id = $2 AND share_id >= $3 \
         AND share_id <= $4 AND claim_id = $5",
        &[court_id.into(), books::CASE_MONEY.into(), first.into(), last.into(), claim_id.into()],
        |row| {
            let outcome = read_outcome(row.text(1)?, row.opt_text(2)?)?;
            Ok(Share { claim_id, granted: Amount::from_minor(row.int(0)?), outcome })
        },
    )?;
    Ok(found.unwrap_or(Share { claim_id, granted: Amount::ZERO, outcome: ShareOutcome::Nothing }))
}

/// Distributes again from the stored inputs and compares every share: part of `verify`.
///
/// # Errors
/// What the database says. The finding is in the result.
pub fn recompute(tx: &mut Tx<'_>, court_id: i64, stored: &StoredDistribution) -> Outcome<Option<String>> {
    let name = format!("distribution {}", stored.distribution_id);
    let claims = load_claims(tx, court_id, stored.case_id, stored.distribution_id)?;
    if claims.digest != stored.claims_digest {
        return Ok(Some(format!("{name}: its claims are not those it was computed from")));
    }
    let result = match distribute(&stored.plan, stored.pot, &claims.inputs) {
        Ok(result) => result,
        Err(refusal) => return Ok(Some(format!("{name}: {}", refusal.message().code))),
    };
    let mut expected = result.shares.iter().filter(|share| share.outcome != ShareOutcome::Nothing);
    let mut finding = None;
    let book = books::case_money(court_id);
    tx.scan(&SHARE, court_id, book.book_id, stored.share_ids(), |row| {
        let share = expected.next().map(|share| {
            let (outcome, reason) = words(share.outcome);
            (share.claim_id, share.granted.minor(), outcome, reason)
        });
        if finding.is_none() && share != Some((row.int(4)?, row.int(7)?, row.text(8)?, row.opt_text(9)?)) {
            finding = Some(format!("{name}: share {} is not what the rule gives", row.int(2)?));
        }
        Ok::<(), Failure>(())
    })?;
    let proof = &result.proof;
    if finding.is_none()
        && (expected.next().is_some()
            || (proof.paid, proof.set_aside, proof.carried) != (stored.paid, stored.set_aside, stored.carried))
    {
        finding = Some(format!("{name}: its totals are not those of its shares"));
    }
    Ok(finding)
}
