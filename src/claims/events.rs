//! What changes about a claim after its list: each change is a fact beside the claim, proposed by one person, confirmed
//! by another, and rests on a paper. A list is never changed.

use ankuan_ledger::engine::{Error, Row, Value};
use ankuan_ledger::{Act, Amount, Tx};

use super::DocumentType;
use super::details::{check_details, seal_details};
use super::record::{CLAIM_EVENT, lists_of_case};
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::cases::Case;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::{PersonalDetail, each_detail};
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::words::read_word;
use crate::words::words;

/// Who may confirm new payment details: those who keep the money, not those who lead the case.
pub const DETAILS_CONFIRMED_BY: &[Role] = &[Role::FundKeeper, Role::Finance];

/// Who may confirm a change of the claim itself.
pub const CLAIM_CONFIRMED_BY: &[Role] = &[Role::FundKeeper, Role::BureauHead, Role::VicePresident];

/// The most payees of one claim: more than any estate that was ever paid out by hand.
pub const PAYEES_MAX: usize = 200;

words! {
    /// What happened to a claim.
    ClaimEventKind {
        /// A disputed or late claim is confirmed.
        Confirmed = "confirmed",
        /// The claim is disputed: it stays in the ratio, its share is set aside.
        Disputed = "disputed",
        /// An amount is kept for a claim that cannot be read.
        Reserve = "reserve",
        /// New payment details.
        Details = "details",
        /// The claim is withdrawn: it leaves the ratio.
        Withdrawn = "withdrawn",
        /// One of several payees (heirs, agents) with a part of the claim.
        Payee = "payee",
    }
}

words! {
    /// How a claim stands now: as its list says, changed by its events.
    ClaimStanding {
        /// It is paid.
        Confirmed = "confirmed",
        /// In the ratio, share set aside.
        Disputed = "disputed",
        /// Filed late: in the ratio, share set aside.
        Late = "late",
        /// It cannot be read and blocks a distribution.
        Broken = "broken",
        /// It cannot be read; an approved amount is kept for it.
        Reserved = "reserved",
        /// It takes no part any more.
        Withdrawn = "withdrawn",
    }
}

/// Which claim of a case is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which<'a> {
    /// By the claimant's number, as in the list.
    Number(&'a str),
    /// By the claim's own id, where rows share a number or have none.
    Id(i64),
}

/// What every change of a claim states.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// The case.
    pub case: &'a Case,
    /// The claim.
    pub claim: Which<'a>,
    /// Why.
    pub reason: &'a str,
    /// The paper it rests on.
    pub basis: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// New payment details of a claim or payee: the document they are identified by stays the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewDetails<'a> {
    /// Who is paid and where; its document number is not read.
    pub detail: PersonalDetail<'a>,
}

/// A payee (heir, agent, assignee) with a part of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPart<'a> {
    /// The part's numerator, above zero.
    pub numerator: i64,
    /// The part's denominator, above zero.
    pub denominator: i64,
    /// What identifies the payee.
    pub document_type: DocumentType,
    /// Who is paid and where.
    pub detail: PersonalDetail<'a>,
}

/// An event as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimEvent {
    /// Row.
    pub id: i64,
    /// What happened.
    pub kind: ClaimEventKind,
    /// Of a reserve.
    pub amount: Option<Amount>,
    /// Of a payee.
    pub payee_name: Option<String>,
    /// A payee's part of the claim.
    pub part: Option<(i64, i64)>,
    /// New details.
    pub detail_id: Option<i64>,
    /// Why.
    pub reason: String,
    /// The paper.
    pub basis: String,
    /// First person.
    pub proposed_by: i64,
    /// Second person.
    pub approved_by: i64,
    /// µs UTC.
    pub recorded_at: i64,
}

/// A claim with all that happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRecord {
    /// Row.
    pub claim_id: i64,
    /// Row of the list, as a person counts it.
    pub row_no: i64,
    /// The claimant's number.
    pub claimant_no: String,
    /// Name.
    pub name: String,
    /// What identifies the claimant.
    pub document_type: String,
    /// The claim; of a reserved one the reserve, zero for a broken one.
    pub amount: Amount,
    /// How it stands now.
    pub standing: ClaimStanding,
    /// Code of what is wrong with it in the list, until new details came.
    pub problem: Option<String>,
    /// The claimant number of the same person's first row, which this row is added to.
    pub merged_into: Option<String>,
    /// Payment details as they stand.
    pub detail_id: i64,
    /// Oldest first.
    pub events: Vec<ClaimEvent>,
}

impl ClaimRecord {
    /// The payees of the newest set, if there are several.
    #[must_use]
    pub fn payees(&self) -> Vec<&ClaimEvent> {
        let mut payees: Vec<&ClaimEvent> = Vec::new();
        for event in self.events.iter().filter(|event| event.kind == ClaimEventKind::Payee) {
            let parts: Vec<(i64, i64)> = payees.iter().filter_map(|payee| payee.part).collect();
            if sum_is_one(&parts) {
                payees.clear();
            }
            payees.push(event);
        }
        payees
    }

    /// Whether this may happen to the claim as it stands.
    ///
    /// # Errors
    /// In this order: `claim_events.withdrawn`, `claim_events.merged`, `claim_events.broken`,
    /// `claim_events.not_broken`, `claim_events.confirmed_already`, `claim_events.disputed_already`,
    /// `claim_events.has_payees`.
    fn must_allow(&self, kind: ClaimEventKind) -> Result<(), Message> {
        use ClaimEventKind as K;
        use ClaimStanding as S;
        let refuse = |code| Err(Message::new(code).with("claimant", &self.claimant_no).with("claim", self.claim_id));
        if let (Some(other), false) = (&self.merged_into, self.standing == S::Withdrawn) {
            return refuse("claim_events.merged").map_err(|message: Message| message.with("other", other));
        }
        match (kind, self.standing) {
            (_, S::Withdrawn) => refuse("claim_events.withdrawn"),
            (K::Reserve, S::Broken) | (K::Withdrawn, _) => Ok(()),
            (K::Reserve, _) => refuse("claim_events.not_broken"),
            (_, S::Broken | S::Reserved) => refuse("claim_events.broken"),
            (K::Confirmed, S::Confirmed) => refuse("claim_events.confirmed_already"),
            (K::Disputed, S::Disputed) => refuse("claim_events.disputed_already"),
            (K::Details, _) if !self.payees().is_empty() => refuse("claim_events.has_payees"),
            _ => Ok(()),
        }
    }
}

/// Whether fractions come to exactly one. Also says that a set of payees is complete: the next one begins another.
#[must_use]
pub fn sum_is_one(parts: &[(i64, i64)]) -> bool {
    // Sum of the parts so far, in lowest terms; out of range means that it was not one.
    let sum = parts.iter().try_fold((0_i128, 1_i128), |(top, bottom), (numerator, denominator)| {
        let (numerator, denominator) = (i128::from(*numerator), i128::from(*denominator));
        let common = greatest_common_divisor(bottom, denominator)?;
        let (left, right) = (denominator / common, bottom / common);
        let top = top.checked_mul(left)?.checked_add(numerator.checked_mul(right)?)?;
        let bottom = bottom.checked_mul(left)?;
        let common = greatest_common_divisor(top, bottom)?;
        Some((top / common, bottom / common))
    });
    sum == Some((1, 1))
}

/// `None` when both are zero.
fn greatest_common_divisor(mut one: i128, mut other: i128) -> Option<i128> {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    (one != 0).then_some(one.abs())
}

/// Confirms a disputed or late claim.
///
/// # Errors
/// Those of [`find_claim`], of the two people, and `claim_events.…` when the claim does not stand so.
pub fn confirm_claim(tx: &mut Tx<'_>, acting: &Acting, statement: &Statement<'_>) -> Outcome<ClaimRecord> {
    change_standing(tx, acting, statement, ClaimEventKind::Confirmed, None)
}

/// Disputes a claim: it stays in the ratio, its share is set aside.
///
/// # Errors
/// As [`confirm_claim`].
pub fn dispute_claim(tx: &mut Tx<'_>, acting: &Acting, statement: &Statement<'_>) -> Outcome<ClaimRecord> {
    change_standing(tx, acting, statement, ClaimEventKind::Disputed, None)
}

/// Withdraws a claim: it leaves the ratio of later distributions. Rows that were added to it go with it.
///
/// # Errors
/// As [`confirm_claim`].
pub fn withdraw_claim(tx: &mut Tx<'_>, acting: &Acting, statement: &Statement<'_>) -> Outcome<ClaimRecord> {
    change_standing(tx, acting, statement, ClaimEventKind::Withdrawn, None)
}

/// Keeps an amount for a broken claim, so that the others can be paid: it takes part with this amount, set aside.
///
/// # Errors
/// As [`confirm_claim`]; `claim_events.reserve_amount`, `claim_events.not_broken`.
pub fn reserve_claim(
    tx: &mut Tx<'_>,
    acting: &Acting,
    statement: &Statement<'_>,
    amount: Amount,
) -> Outcome<ClaimRecord> {
    if amount <= Amount::ZERO {
        return Err(Message::new("claim_events.reserve_amount").with("amount", amount).into());
    }
    change_standing(tx, acting, statement, ClaimEventKind::Reserve, Some(amount))
}

fn change_standing(
    tx: &mut Tx<'_>,
    acting: &Acting,
    statement: &Statement<'_>,
    kind: ClaimEventKind,
    amount: Option<Amount>,
) -> Outcome<ClaimRecord> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "claims.event")?;
    two_people(tx, acting, statement, CLAIM_CONFIRMED_BY)?;
    let claim = find_claim(tx, acting.actor.court_id, statement.case, statement.claim)?;
    claim.must_allow(kind)?;
    let id = act.take_ids(1);
    let event = EventRow { amount, ..EventRow::new(id, statement.case.case_id, claim.claim_id, kind) };
    insert_event(tx, &mut act, &event, statement)?;
    act.close(tx)?;
    find_claim(tx, acting.actor.court_id, statement.case, Which::Id(claim.claim_id))
}

/// Records new payment details of a claim. Whoever it belongs to stays the same: the document is taken over.
///
/// A run that was approved with the old details must be approved again; a line that was committed with them is blocked
/// at release.
///
/// # Errors
/// Those of [`find_claim`], [`check_details`] and of the two people; `claim_events.…` when the claim does not stand so.
pub fn change_claim_details(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    statement: &Statement<'_>,
    new: &NewDetails<'_>,
) -> Outcome<ClaimRecord> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "claims.details")?;
    two_people(tx, acting, statement, DETAILS_CONFIRMED_BY)?;
    let claim = find_claim(tx, acting.actor.court_id, statement.case, statement.claim)?;
    claim.must_allow(ClaimEventKind::Details)?;
    let owner = DetailsOwner { id: claim.claim_id, detail_id: claim.detail_id, document_type: &claim.document_type };
    insert_details(tx, &mut act, keys, randomness, statement, owner, new)?;
    act.close(tx)?;
    find_claim(tx, acting.actor.court_id, statement.case, Which::Id(claim.claim_id))
}

/// Records who is paid instead of the claimant: heirs, agents, assignees, each with a part. They replace those of an
/// earlier record as a whole.
///
/// # Errors
/// `claim_events.parts_count`, `claim_events.part` (naming the payee), `claim_events.parts_sum`, and as
/// [`change_claim_details`].
pub fn record_payees(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    statement: &Statement<'_>,
    parts: &[NewPart<'_>],
) -> Outcome<ClaimRecord> {
    if parts.is_empty() || parts.len() > PAYEES_MAX {
        return Err(Message::new("claim_events.parts_count").with("count", parts.len()).with("max", PAYEES_MAX).into());
    }
    for part in parts {
        if part.numerator <= 0 || part.denominator <= 0 || part.numerator > part.denominator {
            return Err(Message::new("claim_events.part")
                .with("name", part.detail.payee_name.escape_debug())
                .with("part", format!("{}/{}", part.numerator, part.denominator))
                .into());
        }
        check_details(part.document_type, &part.detail)?;
    }
    let fractions: Vec<(i64, i64)> = parts.iter().map(|part| (part.numerator, part.denominator)).collect();
    if !sum_is_one(&fractions) {
        let shown: Vec<String> = fractions.iter().map(|(top, bottom)| format!("{top}/{bottom}")).collect();
        return Err(Message::new("claim_events.parts_sum").with("parts", shown.join(" + ")).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "claims.payees")?;
    two_people(tx, acting, statement, DETAILS_CONFIRMED_BY)?;
    let claim = find_claim(tx, acting.actor.court_id, statement.case, statement.claim)?;
    claim.must_allow(ClaimEventKind::Payee)?;
    for part in parts {
        let id = act.take_ids(1);
        let document_type = part.document_type.as_str();
        let commitment = seal_details(tx, &act, keys, randomness, id, document_type, &part.detail)?;
        let event = EventRow {
            payee_name: Some(part.detail.payee_name),
            part: Some((part.numerator, part.denominator)),
            commitment: Some(&commitment),
            ..EventRow::new(id, statement.case.case_id, claim.claim_id, ClaimEventKind::Payee)
        };
        insert_event(tx, &mut act, &event, statement)?;
    }
    act.close(tx)?;
    find_claim(tx, acting.actor.court_id, statement.case, Which::Id(claim.claim_id))
}

/// Whose details change: a claim, or a payee of ordinary payouts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DetailsOwner<'a> {
    /// Claim or payee.
    pub id: i64,
    /// Their details until now.
    pub detail_id: i64,
    /// What identifies them.
    pub document_type: &'a str,
}

/// Seals new details with the document of the old ones and records them.
pub(crate) fn insert_details(
    tx: &mut Tx<'_>,
    act: &mut Act,
    keys: &Keys,
    randomness: &mut Randomness,
    statement: &Statement<'_>,
    owner: DetailsOwner<'_>,
    new: &NewDetails<'_>,
) -> Outcome<()> {
    let mut document_number = None;
    each_detail(tx, keys, act.book(), (owner.detail_id, owner.detail_id), &mut |_, old, _| {
        document_number = Some(old.document_number.to_owned());
        Ok(())
    })?;
    let document_number =
        document_number.ok_or_else(|| Error::Inconsistent(format!("detail {} is missing", owner.detail_id)))?;
    let detail = PersonalDetail { document_number: &document_number, ..new.detail };
    // The document was accepted before; a list may hold one that is only warned of.
    check_details(DocumentType::Other, &detail)?;
    let id = act.take_ids(1);
    let commitment = seal_details(tx, act, keys, randomness, id, owner.document_type, &detail)?;
    let event = EventRow {
        commitment: Some(&commitment),
        ..EventRow::new(id, statement.case.case_id, owner.id, ClaimEventKind::Details)
    };
    insert_event(tx, act, &event, statement)
}

/// That the change has a paper and two people.
pub(crate) fn two_people(tx: &mut Tx<'_>, acting: &Acting, statement: &Statement<'_>, roles: &[Role]) -> Outcome<()> {
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, statement.confirmed_by, roles)?;
    if statement.basis.trim().is_empty() {
        return Err(Message::new("claim_events.basis_missing").into());
    }
    Ok(())
}

struct EventRow<'a> {
    id: i64,
    case_id: i64,
    claim_id: i64,
    kind: ClaimEventKind,
    amount: Option<Amount>,
    payee_name: Option<&'a str>,
    part: Option<(i64, i64)>,
    /// Of the details that stand under the event's own id.
    commitment: Option<&'a [u8; 32]>,
}

impl EventRow<'_> {
    const fn new(id: i64, case_id: i64, claim_id: i64, kind: ClaimEventKind) -> Self {
        Self { id, case_id, claim_id, kind, amount: None, payee_name: None, part: None, commitment: None }
    }
}

fn insert_event(tx: &mut Tx<'_>, act: &mut Act, event: &EventRow<'_>, statement: &Statement<'_>) -> Outcome<()> {
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &CLAIM_EVENT,
        event.id,
        &[
            event.id.into(),
            event.case_id.into(),
            event.claim_id.into(),
            event.kind.as_str().into(),
            event.amount.map(Amount::minor).into(),
            event.payee_name.into(),
            event.part.map(|part| part.0).into(),
            event.part.map(|part| part.1).into(),
            event.commitment.map(|_| event.id).into(),
            event.commitment.map_or(Value::Null, |commitment| Value::Bytes(commitment)),
            statement.reason.trim().into(),
            statement.basis.trim().into(),
            actor.into(),
            statement.confirmed_by.person_id.into(),
            at.into(),
        ],
    )?;
    Ok(())
}

/// A statement about claims between two ids, with more conditions behind.
macro_rules! claims_where {
    ($more:literal) => {
        concat!(
            "SELECT claim_id, list_id, row_no, claimant_no, name, document_type, amount_minor, standing, problem, ",
            "merged_into_row_no, detail_id, class_no, fixed_minor FROM claim ",
            "WHERE court_id = $1 AND book_id = $2 AND claim_id >= $3 AND claim_id <= $4",
            $more,
            " ORDER BY claim_id"
        )
    };
}

struct ClaimRow {
    record: ClaimRecord,
    list_id: i64,
    merged_into_row: Option<i64>,
    class_no: i64,
    has_fixed: bool,
}

fn read_claim(row: &Row<'_>) -> Result<ClaimRow, Error> {
    Ok(ClaimRow {
        record: ClaimRecord {
            claim_id: row.int(0)?,
            row_no: row.int(2)?,
            claimant_no: row.text(3)?.to_owned(),
            name: row.text(4)?.to_owned(),
            document_type: row.text(5)?.to_owned(),
            amount: Amount::from_minor(row.int(6)?),
            standing: read_word(row, 7, ClaimStanding::parse)?,
            problem: row.opt_text(8)?.map(str::to_owned),
            merged_into: None,
            detail_id: row.int(10)?,
            events: Vec::new(),
        },
        list_id: row.int(1)?,
        merged_into_row: row.opt_int(9)?,
        class_no: row.int(11)?,
        has_fixed: row.opt_int(12)?.is_some(),
    })
}

/// The claims of a case that are meant, each with all that happened to it: several where rows share a number.
///
/// # Errors
/// `claim_events.unknown`.
pub fn find_claims(tx: &mut Tx<'_>, court_id: i64, case: &Case, which: Which<'_>) -> Outcome<Vec<ClaimRecord>> {
    let mut found = Vec::new();
    for list in lists_of_case(tx, court_id, case.case_id)? {
        let (first, last) = list.claim_ids;
        match which {
            Which::Number(number) => {
                let key = [court_id.into(), books::CASE_MONEY.into(), first.into(), last.into(), number.trim().into()];
                found.extend(tx.query(claims_where!(" AND claimant_no = $5"), &key, read_claim)?);
            }
            Which::Id(id) if (first..=last).contains(&id) => {
                let key = [court_id.into(), books::CASE_MONEY.into(), id.into(), id.into()];
                found.extend(tx.query(claims_where!(""), &key, read_claim)?);
            }
            Which::Id(_) => {}
        }
    }
    if found.is_empty() {
        let shown = match which {
            Which::Number(number) => number.escape_debug().to_string(),
            Which::Id(id) => id.to_string(),
        };
        return Err(Message::new("claim_events.unknown")
            .with("claimant", shown)
            .with("case", case.current_number())
            .into());
    }
    found.into_iter().map(|row| complete(tx, court_id, case, row)).collect()
}

/// The one claim of a case that is meant.
///
/// # Errors
/// `claim_events.unknown`; `claim_events.which`, naming the ids, where rows share a number.
pub fn find_claim(tx: &mut Tx<'_>, court_id: i64, case: &Case, which: Which<'_>) -> Outcome<ClaimRecord> {
    let mut found = find_claims(tx, court_id, case, which)?;
    match (found.pop(), found.is_empty()) {
        (Some(claim), true) => Ok(claim),
        (Some(claim), false) => {
            let ids: Vec<String> = found.iter().chain([&claim]).map(|claim| claim.claim_id.to_string()).collect();
            Err(Message::new("claim_events.which")
                .with("claimant", claim.claimant_no)
                .with("claims", ids.join(", "))
                .into())
        }
        (None, _) => Err(Failure::Broken(Error::Inconsistent("a claim was found and is not there".to_owned()))),
    }
}

/// Claims of a case that a person has to look at: broken, disputed, late, or with details by which they cannot be
/// paid, as they stand now, in the order of the lists.
///
/// # Errors
/// What the database says.
pub fn open_claims(tx: &mut Tx<'_>, court_id: i64, case: &Case) -> Outcome<Vec<ClaimRecord>> {
    let mut open = Vec::new();
    for list in lists_of_case(tx, court_id, case.case_id)? {
        let (first, last) = list.claim_ids;
        let key = [court_id.into(), books::CASE_MONEY.into(), first.into(), last.into(), case.case_id.into()];
        let attention = claims_where!(
            " AND (standing <> 'confirmed' OR problem IS NOT NULL OR claim_id IN (SELECT e.claim_id FROM claim_event \
             AS e WHERE e.court_id = $1 AND e.book_id = $2 AND e.case_id = $5 AND e.event = 'disputed'))"
        );
        for row in tx.query(attention, &key, read_claim)? {
            open.push(complete(tx, court_id, case, row)?);
        }
    }
    let settled = [ClaimStanding::Withdrawn, ClaimStanding::Reserved];
    open.retain(|claim| {
        !settled.contains(&claim.standing) && (claim.standing != ClaimStanding::Confirmed || claim.problem.is_some())
    });
    Ok(open)
}

/// Adds what happened to a claim, and where it is counted.
fn complete(tx: &mut Tx<'_>, court_id: i64, case: &Case, row: ClaimRow) -> Outcome<ClaimRecord> {
    let merged_into = first_row(tx, court_id, &row)?;
    let mut record = ClaimRecord { merged_into, ..row.record };
    record.events = events_of_claim(tx, court_id, case.case_id, record.claim_id)?;
    as_it_stands(&mut record);
    Ok(record)
}

/// Lets what happened to a claim count.
fn as_it_stands(record: &mut ClaimRecord) {
    for event in &record.events {
        match (event.kind, record.standing) {
            (ClaimEventKind::Confirmed, _) => record.standing = ClaimStanding::Confirmed,
            (ClaimEventKind::Disputed, _) => record.standing = ClaimStanding::Disputed,
            (ClaimEventKind::Withdrawn, _) => record.standing = ClaimStanding::Withdrawn,
            (ClaimEventKind::Reserve, _) => {
                record.standing = ClaimStanding::Reserved;
                record.amount = event.amount.unwrap_or(record.amount);
            }
            (ClaimEventKind::Details, _) => {
                record.detail_id = event.detail_id.unwrap_or(record.detail_id);
                record.problem = None;
            }
            (ClaimEventKind::Payee, _) => record.problem = None,
        }
    }
}

/// A page of the claims of a case behind an id, as they stand now, in the order of the lists; with the row of the same
/// person that a row is added to, where its list says so.
///
/// # Errors
/// What the database says.
pub fn page_of_claims(
    tx: &mut Tx<'_>,
    court_id: i64,
    case: &Case,
    after: i64,
    most: i64,
) -> Outcome<Vec<(ClaimRecord, Option<i64>)>> {
    let mut found = Vec::new();
    for list in lists_of_case(tx, court_id, case.case_id)? {
        let (first, last) = (list.claim_ids.0.max(after.saturating_add(1)), list.claim_ids.1);
        let left = most - i64::try_from(found.len()).unwrap_or(most);
        if first > last || left <= 0 {
            continue;
        }
        let key = [court_id.into(), books::CASE_MONEY.into(), first.into(), last.into(), left.into()];
        let rows = tx.query(concat!(claims_where!(""), " LIMIT $5"), &key, read_claim)?;
        found.extend(rows.into_iter().map(|row| (row.record, row.merged_into_row)));
    }
    let ends = found.first().zip(found.last()).map(|((first, _), (last, _))| (first.claim_id, last.claim_id));
    let Some(ends) = ends else { return Ok(found) };
    for (claim_id, event) in events_between(tx, court_id, case.case_id, ends)? {
        // In the order of the lists, whose ids rise.
        if let Ok(place) = found.binary_search_by_key(&claim_id, |(claim, _)| claim.claim_id) {
            found[place].0.events.push(event);
        }
    }
    for (claim, _) in &mut found {
        as_it_stands(claim);
    }
    Ok(found)
}

/// The claimant number of the row that a row is added to: the same person's first one, unless the two rank otherwise
/// (see `payouts::rounds::load_claims`, which adds them up).
fn first_row(tx: &mut Tx<'_>, court_id: i64, row: &ClaimRow) -> Outcome<Option<String>> {
    let Some(first_row) = row.merged_into_row else { return Ok(None) };
    let (standing, class_no, has_fixed) = (row.record.standing, row.class_no, row.has_fixed);
    if standing == ClaimStanding::Broken {
        return Ok(None);
    }
    let found = tx.query(
        "SELECT claimant_no, standing, class_no, fixed_minor FROM claim WHERE court_id = $1 AND book_id = $2 \
         AND claim_id <= $3 AND claim_id >= $4 AND list_id = $5 AND row_no = $6",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            row.record.claim_id.into(),
            row.list_id.into(),
            row.list_id.into(),
            first_row.into(),
        ],
        |first| {
            let ranks_alike = read_word(first, 1, ClaimStanding::parse)? == standing
                && first.int(2)? == class_no
                && first.opt_int(3)?.is_some() == has_fixed;
            ranks_alike.then(|| first.text(0).map(str::to_owned)).transpose()
        },
    )?;
    Ok(found.into_iter().flatten().next())
}

/// The events of a claim, or of a payee of ordinary payouts, oldest first.
///
/// # Errors
/// What the database says.
pub fn events_of_claim(tx: &mut Tx<'_>, court_id: i64, case_id: i64, claim_id: i64) -> Outcome<Vec<ClaimEvent>> {
    let events = events_between(tx, court_id, case_id, (claim_id, claim_id))?;
    Ok(events.into_iter().map(|(_, event)| event).collect())
}

/// What happened to the claims of a case between two ids, in the order in which it did.
fn events_between(
    tx: &mut Tx<'_>,
    court_id: i64,
    case_id: i64,
    (first, last): (i64, i64),
) -> Outcome<Vec<(i64, ClaimEvent)>> {
    Ok(tx.query(
        "SELECT id, event, amount_minor, payee_name, numerator, denominator, detail_id, reason, basis, proposed_by, \
         approved_by, recorded_at, claim_id FROM claim_event \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND claim_id >= $4 AND claim_id <= $5 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), first.into(), last.into()],
        |row| {
            let event = ClaimEvent {
                id: row.int(0)?,
                kind: read_word(row, 1, ClaimEventKind::parse)?,
                amount: row.opt_int(2)?.map(Amount::from_minor),
                payee_name: row.opt_text(3)?.map(str::to_owned),
                part: row.opt_int(4)?.zip(row.opt_int(5)?),
                detail_id: row.opt_int(6)?,
                reason: row.text(7)?.to_owned(),
                basis: row.text(8)?.to_owned(),
                proposed_by: row.int(9)?,
                approved_by: row.int(10)?,
                recorded_at: row.int(11)?,
            };
            Ok((row.int(12)?, event))
        },
    )?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::message::Language;

    #[test]
    fn parts_sum_to_one_exactly_or_not_at_all() {
        for (parts, is_one) in [
            (vec![], false),
            (vec![(1, 1)], true),
            (vec![(1, 2), (1, 6), (1, 3)], true),
            (vec![(1, 3), (1, 3), (1, 3)], true),
            (vec![(1, 2), (1, 3)], false),
            (vec![(1, 2), (1, 2), (1, 2)], false),
            (vec![(33, 100), (33, 100), (33, 100)], false),
            (vec![(i64::MAX, i64::MAX)], true),
            (vec![(1, i64::MAX), (1, i64::MAX - 1), (1, i64::MAX - 2), (1, 7)], false),
        ] {
            assert_eq!(sum_is_one(&parts), is_one, "{parts:?}");
        }
    }

    proptest! {
        #[test]
        fn a_whole_cut_in_any_way_is_one(cuts in prop::collection::vec(1_i64..1_000, 1..30)) {
            let whole: i64 = cuts.iter().sum();
            let mut parts: Vec<(i64, i64)> = cuts.iter().map(|cut| (*cut, whole)).collect();
            prop_assert!(sum_is_one(&parts));
            parts[0].0 += 1;
            prop_assert!(!sum_is_one(&parts));
        }
    }

    fn claim(standing: ClaimStanding) -> ClaimRecord {
        ClaimRecord {
            claim_id: 7,
            row_no: 2,
            claimant_no: "A-1".into(),
            name: "王芳".into(),
            document_type: "identity_card".into(),
            amount: Amount::from_minor(100),
            standing,
            problem: None,
            merged_into: None,
            detail_id: 7,
            events: Vec::new(),
        }
    }

    #[test]
    fn what_may_happen_to_a_claim() {
        use ClaimEventKind as K;
        use ClaimStanding as S;
        let table = [
            (S::Confirmed, vec![K::Disputed, K::Details, K::Withdrawn, K::Payee]),
            (S::Disputed, vec![K::Confirmed, K::Details, K::Withdrawn, K::Payee]),
            (S::Late, vec![K::Confirmed, K::Disputed, K::Details, K::Withdrawn, K::Payee]),
            (S::Broken, vec![K::Reserve, K::Withdrawn]),
            (S::Reserved, vec![K::Withdrawn]),
            (S::Withdrawn, vec![]),
        ];
        for (standing, allowed) in table {
            for kind in K::ALL {
                let answer = claim(standing).must_allow(*kind);
                assert_eq!(answer.is_ok(), allowed.contains(kind), "{kind:?} of {standing:?}: {answer:?}");
            }
            let merged = ClaimRecord { merged_into: Some("A-0".into()), ..claim(standing) };
            assert!(K::ALL.iter().all(|kind| merged.must_allow(*kind).is_err()));
        }
    }

    #[test]
    fn a_new_set_of_payees_replaces_the_old_one() {
        let event = |id, part| ClaimEvent {
            id,
            kind: ClaimEventKind::Payee,
            amount: None,
            payee_name: Some("甲".into()),
            part: Some(part),
            detail_id: Some(id),
            reason: String::new(),
            basis: "公证书".into(),
            proposed_by: 1,
            approved_by: 2,
            recorded_at: 0,
        };
        let events = vec![event(1, (1, 2)), event(2, (1, 2)), event(3, (1, 3)), event(4, (2, 3))];
        let record = ClaimRecord { events, ..claim(ClaimStanding::Confirmed) };
        assert_eq!(record.payees().iter().map(|payee| payee.id).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(record.must_allow(ClaimEventKind::Details).unwrap_err().code, "claim_events.has_payees");
    }

    #[test]
    fn every_code_has_a_text_in_both_languages() {
        let sources = [include_str!("events.rs"), include_str!("details.rs"), include_str!("../access/mod.rs")];
        let codes: Vec<&'static str> = sources
            .into_iter()
            .flat_map(|source| source.split('"').skip(1).step_by(2))
            .filter(|text| {
                ["claim_events.", "details.", "access.second"].iter().any(|area| text.starts_with(area))
                    && !text.ends_with(".rs")
                    && !text.ends_with('.')
                    && *text != "access.second"
            })
            .collect();
        assert!(codes.len() > 15, "{codes:?}");
        for code in codes {
            for language in [Language::Zh, Language::En] {
                let text = Message { code, arguments: Vec::new() }.text(language);
                assert!(!text.contains(code), "{code} has no text in {language:?}");
            }
        }
    }
}
