//! Screens: what a person looks at before a run is paid. Each hit is cleared by name with a reason, by somebody who did not
//! make the run; until then the run is neither committed nor released. A court may set that they only warn.
//!
//! Four eyes have been passed with invented payees ((2019)桂10刑终314号); what gave them away was in the accounts.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ankuan_ledger::Amount;
use ankuan_ledger::chain::{Digest, hex, sha256};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{RowBytes, Statement, Table, Tx, Value};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::policy::{MAY_APPROVE, Policy, Screening};
use super::rounds::find_distribution;
use super::runs::{self, Run, SourceKind, Status};
use super::sheet::PayeeKind;
use crate::access::Acting;
use crate::failure::Outcome;
use crate::message::Message;
use crate::{access, books, cases};

/// Details changed less than this before the screening are named; sums that were split are looked for as far back.
const FRESH_DAYS: i64 = 7;

/// The beginning of a finding's digest by which it may be named.
const DIGITS_MIN: usize = 12;

/// `screen_clearance`
pub static SCREEN_CLEARANCE: Table = Table {
    name: "screen_clearance",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("run_id", Int),
        ("finding", Text),
        ("subject", Bytes),
        ("said", Text),
        ("person_id", Int),
        ("maker_id", Int),
        ("reason", Text),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Something to look at: one account, one person, one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was found, in words and by code.
    pub message: Message,
    /// Names the code and whom or what it is about: the same finding tomorrow has the same subject.
    #[serde(skip)]
    pub subject: Digest,
    /// Who cleared it, if anybody.
    pub cleared: Option<Clearance>,
}

/// A clearance as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Clearance {
    /// Who looked.
    pub person: String,
    /// Why the run may go on.
    pub reason: String,
    /// µs UTC.
    pub recorded_at: i64,
}

impl Finding {
    fn new(message: Message, subject: &[&str]) -> Self {
        let mut basis = RowBytes::default();
        basis.value(message.code.into());
        for part in subject {
            basis.value((*part).into());
        }
        let subject = sha256(&[b"ankuan-screen-1", basis.as_bytes()]);
        Self { message, subject, cleared: None }
    }

    /// The beginning of its digest, by which people name it.
    #[must_use]
    pub fn short(&self) -> String {
        hex(&self.subject[..DIGITS_MIN / 2])
    }

    fn is_named(&self, which: &str) -> bool {
        let code = self.message.code;
        which == code
            || code.strip_prefix("screens.") == Some(which)
            || (which.len() >= DIGITS_MIN && hex(&self.subject).starts_with(&which.to_ascii_lowercase()))
    }
}

/// Looks at the accounts that a run pays into, and at what its cases are paid beside it.
///
/// # Errors
/// What the database says.
pub fn screen(tx: &mut Tx<'_>, court_id: i64, run: &Run, now: Timestamp) -> Outcome<Vec<Finding>> {
    let suspects = Suspects::read(tx, court_id)?;
    screen_among(tx, court_id, run, &suspects, now)
}

/// As [`screen`], where the court's suspects were read before; they are read again if somebody came since. Whether the run
/// pays to one of them is asked only where there is one.
///
/// # Errors
/// What the database says.
pub fn screen_among(
    tx: &mut Tx<'_>,
    court_id: i64,
    run: &Run,
    suspects: &Suspects,
    now: Timestamp,
) -> Outcome<Vec<Finding>> {
    let newer = if suspects.newest == newest(tx, court_id)? { None } else { Some(Suspects::read(tx, court_id)?) };
    let suspects = newer.as_ref().unwrap_or(suspects);
    let changed = changed_lately(tx, court_id, run, now)?;
    let wanted = suspects.details().chain(changed.iter().map(|changed| changed.detail_id)).collect();
    let paid_to = paid_to(tx, court_id, run, &wanted)?;
    let mut findings = shared_accounts(tx, court_id, suspects, &paid_to)?;
    findings.extend(suspects.staff.iter().filter(|(detail_id, _)| paid_to.contains(detail_id)).map(
        |(detail_id, name)| {
            let message = Message::new("screens.name_of_staff").with("names", name);
            Finding::new(message, &[name, &detail_id.to_string()])
        },
    ));
    findings.extend(changed.iter().filter(|changed| paid_to.contains(&changed.detail_id)).map(|changed| {
        let message =
            Message::new("screens.account_changed_lately").with("names", &changed.name).with("days", FRESH_DAYS);
        Finding::new(message, &[&changed.event_id.to_string()])
    }));
    findings.extend(above_judgment(tx, court_id, run)?);
    findings.extend(split_below(tx, court_id, run, now)?);
    let cleared = clearances(tx, court_id, run.run_id)?;
    for finding in &mut findings {
        finding.cleared = cleared.get(&finding.subject).cloned();
    }
    Ok(findings)
}

/// Payment details of a court that are worth a question, whoever is paid to them. Accounts are compared by their blind
/// index; account numbers are not opened.
#[derive(Debug)]
pub struct Suspects {
    /// Blind index of an account that several details have, and the detail; in this order.
    shared: Vec<(i64, i64)>,
    /// Details in the name of one of the court's people, with the name. The staff's own account numbers are not on record.
    staff: Vec<(i64, String)>,
    /// As [`newest`] of the moment that they are of.
    newest: (i64, i64),
}

/// The newest payment detail of a court and the newest of its people: both are added and never changed.
fn newest(tx: &mut Tx<'_>, court_id: i64) -> Outcome<(i64, i64)> {
    Ok(tx.query_one(
        "SELECT (SELECT MAX(detail_id) FROM personal_detail WHERE court_id = $1 AND book_id = $2), \
         (SELECT MAX(person_id) FROM person WHERE court_id = $1)",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok((row.opt_int(0)?.unwrap_or(0), row.opt_int(1)?.unwrap_or(0))),
    )?)
}

/// A recent change of payment details.
struct Changed {
    event_id: i64,
    /// Claimant or payee.
    name: String,
    detail_id: i64,
}

/// What of a payment detail is compared, in columns of `personal_detail`.
static DETAIL_ACCOUNT: Table = Table {
    name: "personal_detail",
    columns: &[("detail_id", Int), ("account_index", Int), ("payee_name", Text)],
    order: &["detail_id"],
};

impl Suspects {
    /// Reads all payment details of a court, once.
    ///
    /// # Errors
    /// What the database says.
    pub fn read(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Self> {
        // Before the rest: what comes in between is then read twice, and not missed.
        let newest = newest(tx, court_id)?;
        let people: HashSet<String> = access::people(tx, court_id)?.into_iter().map(|person| person.name).collect();
        let (mut shared, mut staff) = (Vec::new(), Vec::new());
        tx.scan(&DETAIL_ACCOUNT, court_id, books::CASE_MONEY, EVERY_ROW, |row| {
            let (detail_id, account, name) = (row.int(0)?, row.int(1)?, row.text(2)?);
            if account != 0 {
                shared.push((account, detail_id));
            }
            if people.contains(name) {
                staff.push((detail_id, name.to_owned()));
            }
            Ok::<(), ankuan_ledger::Error>(())
        })?;
        shared.sort_unstable();
        let shared = shared.chunk_by(|one, next| one.0 == next.0).filter(|group| group.len() > 1).flatten().copied();
        Ok(Self { shared: shared.collect(), staff, newest })
    }

    fn details(&self) -> impl Iterator<Item = i64> {
        let shared = self.shared.iter().map(|(_, detail_id)| *detail_id);
        shared.chain(self.staff.iter().map(|(detail_id, _)| *detail_id))
    }
}

const EVERY_ROW: (i64, i64) = (1, i64::MAX);

/// Those of some payment details that a run may pay to: the details of its shares and lines, and what they were changed to
/// since.
fn paid_to(tx: &mut Tx<'_>, court_id: i64, run: &Run, wanted: &HashSet<i64>) -> Outcome<HashSet<i64>> {
    static SHARE_DETAIL: Table =
        Table { name: "share", columns: &[("share_id", Int), ("detail_id", Int)], order: &["share_id"] };
    let mut found = HashSet::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let mut note = |detail_id: i64| {
        if wanted.contains(&detail_id) {
            found.insert(detail_id);
        }
    };
    for source in &run.sources {
        let key = [court_id.into(), books::CASE_MONEY.into(), source.source_id.into()];
        let text = match source.kind {
            SourceKind::Distribution => {
                let shares = find_distribution(tx, court_id, source.source_id)?.share_ids();
                tx.scan(&SHARE_DETAIL, court_id, books::CASE_MONEY, shares, |row| {
                    note(row.int(1)?);
                    Ok::<(), ankuan_ledger::Error>(())
                })?;
                "SELECT e.detail_id FROM claim_event AS e JOIN distribution AS d ON d.court_id = e.court_id \
                 AND d.book_id = e.book_id AND d.case_id = e.case_id \
                 WHERE d.court_id = $1 AND d.book_id = $2 AND d.distribution_id = $3 AND e.detail_id IS NOT NULL"
            }
            SourceKind::Sheet => {
                "SELECT l.detail_id FROM sheet_line AS l WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3 \
                 UNION ALL SELECT e.detail_id FROM sheet_line AS l JOIN sheet AS s ON s.court_id = l.court_id \
                 AND s.book_id = l.book_id AND s.sheet_id = l.sheet_id JOIN claim_event AS e ON e.court_id = s.court_id \
                 AND e.book_id = s.book_id AND e.case_id = s.case_id AND e.claim_id = l.payee_id \
                 WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3 AND e.detail_id IS NOT NULL"
            }
            SourceKind::Reissue => {
                "SELECT detail_id FROM reissue_line WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3"
            }
        };
        tx.each(text, &key, |row| {
            note(row.int(0)?);
            Ok::<(), ankuan_ledger::Error>(())
        })?;
    }
    Ok(found)
}

/// Kinds of payees that stand in many cases with one account.
const PUBLIC_BODIES: [PayeeKind; 3] = [PayeeKind::Treasury, PayeeKind::TaxOffice, PayeeKind::OtherCourt];

/// Where payment details stand.
struct Use {
    case_id: i64,
    name: String,
    /// As a public body's.
    is_public: bool,
}

/// One account under several names or in several cases. Public bodies may share one among themselves; with anybody else none
/// may: neither a claimant who carries the treasury's account, nor a payee who was called a treasury to get past this.
fn shared_accounts(
    tx: &mut Tx<'_>,
    court_id: i64,
    suspects: &Suspects,
    paid_to: &HashSet<i64>,
) -> Outcome<Vec<Finding>> {
    let groups = suspects.shared.chunk_by(|one, next| one.0 == next.0);
    let groups: Vec<&[(i64, i64)]> =
        groups.filter(|group| group.iter().any(|(_, detail_id)| paid_to.contains(detail_id))).collect();
    let wanted: HashSet<i64> = groups.iter().copied().flatten().map(|(_, detail_id)| *detail_id).collect();
    let uses = uses(tx, court_id, &wanted)?;
    let mut findings = Vec::new();
    for group in groups {
        let of_group = || group.iter().filter_map(|(_, detail_id)| uses.get(detail_id)).flatten();
        if of_group().all(|one| one.is_public) {
            continue;
        }
        let places: BTreeSet<i64> = of_group().map(|one| one.case_id).collect();
        let names: BTreeSet<&str> = of_group().map(|one| one.name.as_str()).collect();
        let names = names.into_iter().collect::<Vec<_>>().join("、");
        let account = group[0].0.to_string();
        if names.contains('、') {
            let message = Message::new("screens.account_of_several_names").with("names", &names);
            findings.push(Finding::new(message, &[&account, &names]));
        }
        if places.len() > 1 {
            let mut numbers = Vec::new();
            for case_id in &places {
                let case = cases::case_by_id(tx, books::case_money(court_id), *case_id)?;
                numbers.push(case.current_number().to_owned());
            }
            let numbers = numbers.join("、");
            let message =
                Message::new("screens.account_in_several_cases").with("names", &names).with("cases", &numbers);
            findings.push(Finding::new(message, &[&account, &names, &numbers]));
        }
    }
    Ok(findings)
}

/// In which cases, under which name and as whose payment details stand.
fn uses(tx: &mut Tx<'_>, court_id: i64, wanted: &HashSet<i64>) -> Outcome<HashMap<i64, Vec<Use>>> {
    static CLAIM_DETAIL: Table = Table {
        name: "claim",
        columns: &[("claim_id", Int), ("case_id", Int), ("detail_id", Int)],
        order: &["claim_id"],
    };
    let mut places: Vec<(i64, i64, bool)> = Vec::new();
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let mut note = |detail_id: i64, case_id: i64, is_public: bool| {
        if wanted.contains(&detail_id) {
            places.push((detail_id, case_id, is_public));
        }
        Ok::<(), ankuan_ledger::Error>(())
    };
    tx.scan(&CLAIM_DETAIL, court_id, books::CASE_MONEY, EVERY_ROW, |row| note(row.int(2)?, row.int(1)?, false))?;
    // Of a claimant, and of an heir or assignee of one, there is no kind.
    let others = "SELECT detail_id, case_id, kind FROM payee WHERE court_id = $1 AND book_id = $2 \
                  UNION ALL SELECT e.detail_id, e.case_id, p.kind FROM claim_event AS e LEFT JOIN payee AS p \
                  ON p.court_id = e.court_id AND p.book_id = e.book_id AND p.payee_id = e.claim_id \
                  WHERE e.court_id = $1 AND e.book_id = $2 AND e.detail_id IS NOT NULL";
    tx.each(others, &[court_id.into(), books::CASE_MONEY.into()], |row| {
        let is_public = row.opt_text(2)?.is_some_and(|kind| PUBLIC_BODIES.iter().any(|public| public.code() == kind));
        note(row.int(0)?, row.int(1)?, is_public)
    })?;
    let keys: BTreeSet<i64> = places.iter().map(|(detail_id, ..)| *detail_id).collect();
    let keys: Vec<Value<'_>> =
        keys.iter().flat_map(|detail_id| [court_id.into(), books::CASE_MONEY.into(), Value::Int(*detail_id)]).collect();
    let mut names = HashMap::new();
    tx.each_of(
        Statement::twin(
            "SELECT detail_id, payee_name FROM personal_detail WHERE court_id = $1 AND book_id = $2 AND detail_id = $3",
            "SELECT d.detail_id, d.payee_name FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) \
             AS k (court_id, book_id, detail_id) JOIN personal_detail AS d USING (court_id, book_id, detail_id)",
        ),
        3,
        &keys,
        |row| {
            names.insert(row.int(0)?, row.text(1)?.to_owned());
            Ok(())
        },
    )?;
    let mut uses: HashMap<i64, Vec<Use>> = HashMap::new();
    for (detail_id, case_id, is_public) in places {
        let name = names.get(&detail_id).cloned().unwrap_or_default();
        uses.entry(detail_id).or_default().push(Use { case_id, name, is_public });
    }
    Ok(uses)
}

/// Payment details that were changed some days ago, in the cases of a run.
fn changed_lately(tx: &mut Tx<'_>, court_id: i64, run: &Run, now: Timestamp) -> Outcome<Vec<Changed>> {
    let since = days_before(now);
    let cases: BTreeSet<i64> = run.sources.iter().map(|source| source.case_id).collect();
    let mut all = Vec::new();
    for case_id in cases {
        all.extend(tx.query(
            "SELECT e.id, COALESCE(c.name, p.name), e.detail_id FROM claim_event AS e LEFT JOIN claim AS c \
             ON c.court_id = e.court_id AND c.book_id = e.book_id AND c.claim_id = e.claim_id LEFT JOIN payee AS p \
             ON p.court_id = e.court_id AND p.book_id = e.book_id AND p.payee_id = e.claim_id WHERE e.court_id = $1 \
             AND e.book_id = $2 AND e.case_id = $3 AND e.event IN ('details', 'payee') AND e.recorded_at >= $4 \
             AND e.detail_id IS NOT NULL ORDER BY e.id",
            &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), since.into()],
            |row| Ok(Changed { event_id: row.int(0)?, name: row.text(1)?.to_owned(), detail_id: row.int(2)? }),
        )?);
    }
    Ok(all)
}

fn days_before(now: Timestamp) -> i64 {
    now.checked_sub(SignedDuration::from_hours(24 * FRESH_DAYS)).unwrap_or(Timestamp::MIN).as_microsecond()
}

/// More is claimed of a case than its documents oblige to, where those are registered: all claims of the list against
/// all that was registered; of sheets, the principal against the principal.
fn above_judgment(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for source in &run.sources {
        if source.kind == SourceKind::Reissue || !seen.insert((source.kind.as_str(), source.case_id)) {
            continue;
        }
        let key = [court_id.into(), books::MEMORANDUM.into(), source.case_id.into()];
        let (total, principal) = tx.query_one(
            "SELECT CAST(COALESCE(SUM(total_minor), 0) AS BIGINT), CAST(COALESCE(SUM(principal_minor), 0) AS BIGINT) \
             FROM obligation WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND assigned_by IS NULL",
            &key,
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?;
        if total == 0 {
            continue;
        }
        let (judged, claimed) = match source.kind {
            SourceKind::Distribution => (
                total,
                tx.query_one(
                    "SELECT claim_total_minor FROM distribution \
                     WHERE court_id = $1 AND book_id = $2 AND distribution_id = $3",
                    &[court_id.into(), books::CASE_MONEY.into(), source.source_id.into()],
                    |row| row.int(0),
                )?,
            ),
            SourceKind::Sheet | SourceKind::Reissue => (
                principal,
                tx.query_one(
                    "SELECT CAST(COALESCE(SUM(l.amount_minor), 0) AS BIGINT) FROM sheet AS s JOIN sheet_line AS l \
                     ON l.court_id = s.court_id AND l.book_id = s.book_id AND l.sheet_id = s.sheet_id \
                     AND l.head = 'principal' JOIN run_source AS x ON x.court_id = s.court_id AND x.book_id = s.book_id \
                     AND x.kind = 'sheet' AND x.source_id = s.sheet_id JOIN run_state AS t ON t.court_id = x.court_id \
                     AND t.book_id = x.book_id AND t.run_id = x.run_id AND t.status NOT IN ('cancelled', 'withdrawn') \
                     WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3",
                    &[court_id.into(), books::CASE_MONEY.into(), source.case_id.into()],
                    |row| row.int(0),
                )?,
            ),
        };
        if claimed > judged {
            let case = cases::case_by_id(tx, books::case_money(court_id), source.case_id)?;
            let (claimed, judged) = (Amount::from_minor(claimed).to_string(), Amount::from_minor(judged).to_string());
            let message = Message::new("screens.claim_above_judgment")
                .with("case", case.current_number())
                .with("claimed", &claimed)
                .with("judged", &judged);
            findings.push(Finding::new(message, &[&source.case_id.to_string(), &claimed, &judged]));
        }
    }
    Ok(findings)
}

/// A case is paid by several runs within some days, each below an amount from which a higher role is asked for, which
/// they reach together.
fn split_below(tx: &mut Tx<'_>, court_id: i64, run: &Run, now: Timestamp) -> Outcome<Vec<Finding>> {
    let policy = Policy::parse(&run.policy)?;
    let thresholds: BTreeSet<Amount> = policy.thresholds().collect();
    if thresholds.is_empty() {
        return Ok(Vec::new());
    }
    let since = days_before(now);
    // What each run pays of each case, from the sources themselves.
    let parts = tx.query(
        "SELECT x.case_id, r.number, COALESCE(d.paid_minor + d.set_aside_minor, s.total_minor) FROM run AS r \
         JOIN run_state AS t ON t.court_id = r.court_id AND t.book_id = r.book_id AND t.run_id = r.run_id \
         AND t.status NOT IN ('cancelled', 'withdrawn') JOIN run_source AS x ON x.court_id = r.court_id \
         AND x.book_id = r.book_id AND x.run_id = r.run_id AND x.kind IN ('distribution', 'sheet') \
         LEFT JOIN distribution AS d ON x.kind = 'distribution' AND d.court_id = x.court_id AND d.book_id = x.book_id \
         AND d.distribution_id = x.source_id LEFT JOIN sheet AS s ON x.kind = 'sheet' AND s.court_id = x.court_id \
         AND s.book_id = x.book_id AND s.sheet_id = x.source_id \
         WHERE r.court_id = $1 AND r.book_id = $2 AND (r.recorded_at >= $3 OR r.run_id = $4) ORDER BY x.case_id, r.run_id",
        &[court_id.into(), books::CASE_MONEY.into(), since.into(), run.run_id.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    let overflow = || ankuan_ledger::Error::Inconsistent("the sum of some runs leaves the range of amounts".into());
    let mut whole: HashMap<&str, Amount> = HashMap::new();
    let mut of_case: BTreeMap<i64, BTreeMap<&str, Amount>> = BTreeMap::new();
    for (case_id, number, minor) in &parts {
        let part = Amount::from_minor(*minor);
        for sum in [whole.entry(number).or_default(), of_case.entry(*case_id).or_default().entry(number).or_default()] {
            *sum = sum.plus(part).ok_or_else(overflow)?;
        }
    }
    let mut findings = Vec::new();
    for (case_id, runs) in of_case {
        if !runs.contains_key(run.number.as_str()) {
            continue;
        }
        for threshold in &thresholds {
            // A run that reaches it as a whole was approved by the higher role.
            let below = runs.iter().filter(|(number, _)| whole.get(**number).is_some_and(|sum| sum < threshold));
            let below: Vec<(&str, Amount)> = below.map(|(number, sum)| (*number, *sum)).collect();
            let sum = Amount::sum(below.iter().map(|(_, sum)| *sum)).ok_or_else(overflow)?;
            if sum >= *threshold && below.iter().any(|(number, _)| *number == run.number) {
                let case = cases::case_by_id(tx, books::case_money(court_id), case_id)?;
                let numbers = below.iter().map(|(number, _)| *number).collect::<Vec<_>>().join("、");
                let message = Message::new("screens.split_below_threshold")
                    .with("case", case.current_number())
                    .with("runs", &numbers)
                    .with("sum", sum)
                    .with("threshold", threshold)
                    .with("days", FRESH_DAYS);
                findings.push(Finding::new(message, &[&case_id.to_string(), &numbers, &threshold.to_string()]));
            }
        }
    }
    Ok(findings)
}

fn clearances(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<HashMap<Digest, Clearance>> {
    let rows = tx.query(
        "SELECT subject, person_id, reason, recorded_at FROM screen_clearance \
         WHERE court_id = $1 AND book_id = $2 AND run_id = $3 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| Ok((row.digest(0)?, row.int(1)?, row.text(2)?.to_owned(), row.int(3)?)),
    )?;
    let mut cleared = HashMap::new();
    for (subject, person_id, reason, recorded_at) in rows {
        let person = access::person_by_id(tx, court_id, person_id)?.name;
        cleared.insert(subject, Clearance { person, reason, recorded_at });
    }
    Ok(cleared)
}

/// Every code of a finding, and every name of what it says, as they are read back.
const CODES: [&str; 6] = [
    "screens.account_of_several_names",
    "screens.account_in_several_cases",
    "screens.name_of_staff",
    "screens.account_changed_lately",
    "screens.claim_above_judgment",
    "screens.split_below_threshold",
];
const SAID: [&str; 9] = ["names", "cases", "days", "case", "claimed", "judged", "runs", "sum", "threshold"];

/// What was cleared of a run, as it was found then: for a run that is over, where looking again would find what came later.
///
/// # Errors
/// [`ankuan_ledger::Error::Inconsistent`] for a clearance that cannot be read.
pub fn cleared_of(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Vec<Finding>> {
    let wrong = || ankuan_ledger::Error::Inconsistent(format!("a clearance of run {run_id} cannot be read"));
    let cleared = clearances(tx, court_id, run_id)?;
    let rows = tx.query(
        "SELECT finding, subject, said FROM screen_clearance WHERE court_id = $1 AND book_id = $2 AND run_id = $3 \
         ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| Ok((row.text(0)?.to_owned(), row.digest(1)?, row.text(2)?.to_owned())),
    )?;
    let mut findings = Vec::new();
    for (code, subject, said) in rows {
        let code = CODES.into_iter().find(|known| *known == code).ok_or_else(wrong)?;
        let said: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&said).map_err(|_| wrong())?;
        let mut message = Message::new(code);
        for name in SAID {
            if let Some(value) = said.get(name).and_then(serde_json::Value::as_str) {
                message = message.with(name, value);
            }
        }
        findings.push(Finding { message, subject, cleared: cleared.get(&subject).cloned() });
    }
    Ok(findings)
}

/// Clears what the screens find of a run: one finding by the beginning of its digest, or all of one code. Needs a role
/// that may approve, and somebody who has made nothing of the run.
///
/// # Errors
/// `screens.reason_missing`, `runs.wrong_status` (released, given up), `screens.no_role`, `screens.maker_clears`,
/// `screens.finding_unknown` (nothing open has that name).
pub fn clear(tx: &mut Tx<'_>, acting: &Acting, number: &str, which: &str, reason: &str) -> Outcome<Vec<Finding>> {
    let court_id = acting.actor.court_id;
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Message::new("screens.reason_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.clear")?;
    let run = runs::find_run(tx, court_id, number)?;
    if !matches!(run.status, Status::Draft | Status::Submitted | Status::Approved) {
        run.must_be(Status::Committed)?;
    }
    let roles = access::roles_of(tx, &acting.actor, acting.today())?;
    let standings: Vec<_> = roles.iter().filter(|standing| MAY_APPROVE.contains(&standing.role)).collect();
    if standings.is_empty() {
        return Err(Message::new("screens.no_role").with("person", &acting.actor.name).into());
    }
    let makers = runs::makers(tx, court_id, &run)?;
    let has_made = |person_id: i64| makers.contains(&person_id);
    // Whoever stands in for the maker is no second person.
    let is_free = standings.iter().any(|standing| !standing.on_behalf_of.is_some_and(has_made));
    if has_made(acting.actor.person_id) || !is_free {
        return Err(Message::new("screens.maker_clears").with("person", &acting.actor.name).with("run", number).into());
    }
    let open: Vec<Finding> = screen(tx, court_id, &run, acting.at)?
        .into_iter()
        .filter(|finding| finding.cleared.is_none() && finding.is_named(which))
        .collect();
    if open.is_empty() {
        return Err(Message::new("screens.finding_unknown").with("finding", which).with("run", number).into());
    }
    for finding in &open {
        let said: serde_json::Map<String, serde_json::Value> =
            finding.message.arguments.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
        let id = act.take_ids(1);
        act.insert(
            tx,
            &SCREEN_CLEARANCE,
            id,
            &[
                id.into(),
                run.run_id.into(),
                finding.message.code.into(),
                Value::Bytes(&finding.subject),
                serde_json::Value::from(said).to_string().as_str().into(),
                acting.actor.person_id.into(),
                run.maker_id.into(),
                reason.into(),
                acting.at.as_microsecond().into(),
            ],
        )?;
    }
    act.close(tx)?;
    Ok(open)
}

/// Refuses while the screens find something that nobody has cleared, where the rules of the run ask for that.
///
/// # Errors
/// `runs.screens_open`, naming how many and the first.
pub fn must_be_cleared(tx: &mut Tx<'_>, court_id: i64, run: &Run, now: Timestamp) -> Outcome<()> {
    if Policy::parse(&run.policy)?.screening() == Screening::Warn {
        return Ok(());
    }
    let open: Vec<Finding> =
        screen(tx, court_id, run, now)?.into_iter().filter(|finding| finding.cleared.is_none()).collect();
    match open.first() {
        None => Ok(()),
        Some(first) => Err(Message::new("runs.screens_open")
            .with("run", &run.number)
            .with("count", open.len())
            .with_said("first", |language| first.message.text(language))
            .into()),
    }
}
