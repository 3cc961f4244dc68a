//! Runs as people look at them: how far, what is being signed, what is odd about it.

use std::collections::HashMap;

use ankuan_ledger::engine::{Statement, Tx, Value};
use ankuan_ledger::{Amount, Error};
use jiff::{SignedDuration, Timestamp};

use crate::access::{self, Actor, Role, Standing};
use crate::cases::{self, Case};
use crate::payouts::lines::Payment;
use crate::payouts::policy::Policy;
use crate::payouts::release::{BankFile, files_of_run};
use crate::payouts::rounds::{StoredDistribution, find_distribution};
use crate::payouts::runs::{self, Content, Run, Source, SourceKind, Status};
use crate::payouts::screens::{Finding, Suspects, cleared_of, screen_among};
use crate::payouts::sent::{Standing as Sent, kept_at_release};
use crate::payouts::sheet::PayeeKind;
use crate::payouts::sheets::{self, Sheet};
use crate::words::read_word;
use crate::{Message, Outcome, books};

/// A payee's account counts as new for so many days.
const NEW_DAYS: i64 = 7;

/// A step of the approval rules, and who has taken it.
#[derive(Clone, Debug)]
pub struct StepView {
    /// From 1.
    pub step_no: i64,
    /// 复核, 审批…
    pub title: String,
    /// Who may take it at this amount.
    pub role: Role,
    /// Who did, for whom, when (µs).
    pub approved: Option<(String, Option<String>, i64)>,
}

/// Something that happened to a run.
#[derive(Clone, Debug)]
pub struct EventView {
    /// submitted, returned, committed…
    pub event: String,
    /// Who.
    pub person: String,
    /// Why, where it was said.
    pub reason: String,
    /// µs UTC.
    pub recorded_at: i64,
}

/// What a source is.
#[derive(Clone, Debug)]
pub enum Paid {
    /// A sheet with its lines.
    Sheet(Sheet),
    /// A distribution.
    Distribution(StoredDistribution),
    /// Payments made again: how many, and what they come to.
    Reissue(i64, Amount),
}

/// A source of a run as people look at it.
#[derive(Clone, Debug)]
pub struct SourceView {
    /// The source.
    pub source: Source,
    /// Its case.
    pub case: Case,
    /// What it is.
    pub paid: Paid,
    /// What is odd about it.
    pub odd: Vec<Message>,
}

impl SourceView {
    /// What it comes to, with what is set aside.
    #[must_use]
    pub fn amount(&self) -> Amount {
        match &self.paid {
            Paid::Sheet(sheet) => sheet.total,
            Paid::Distribution(stored) => stored.paid.plus(stored.set_aside).unwrap_or(stored.paid),
            Paid::Reissue(_, amount) => *amount,
        }
    }
}

/// A run in a list.
#[derive(Clone, Debug)]
pub struct RunLine {
    /// The run.
    pub run: Run,
    /// What it contains.
    pub content: Content,
    /// Who made it.
    pub maker: String,
    /// The step that it waits for, while it is submitted.
    pub next: Option<StepView>,
    /// Whether the person who looks may take it.
    pub is_mine: bool,
}

impl RunLine {
    /// What it comes to, with what is set aside: by this the rules choose the role.
    #[must_use]
    pub fn amount(&self) -> Amount {
        self.content.paid.plus(self.content.set_aside).unwrap_or(self.content.paid)
    }
}

/// A run.
#[derive(Clone, Debug)]
pub struct RunView {
    /// As in a list.
    pub line: RunLine,
    /// All steps.
    pub steps: Vec<StepView>,
    /// What it pays.
    pub sources: Vec<SourceView>,
    /// What the screens find.
    pub findings: Vec<Finding>,
    /// What happened to it.
    pub events: Vec<EventView>,
    /// Its files.
    pub files: Vec<BankFile>,
}

fn steps(tx: &mut Tx<'_>, court_id: i64, run: &Run, content: &Content) -> Outcome<Vec<StepView>> {
    let amount = content.paid.plus(content.set_aside).unwrap_or(content.paid);
    let approvals = runs::approvals(tx, court_id, run.run_id)?;
    let mut steps = Vec::new();
    for (step_no, step) in (1..).zip(Policy::parse(&run.policy)?.steps()) {
        let given = approvals.iter().find(|given| given.step_no == step_no && given.digest == content.digest);
        let mut approved = None;
        if let Some(given) = given {
            let name = access::person_by_id(tx, court_id, given.approver_id)?.name;
            let of = given.on_behalf_of_id.map(|id| access::person_by_id(tx, court_id, id)).transpose()?;
            approved = Some((name, of.map(|person| person.name), given.recorded_at));
        }
        steps.push(StepView { step_no, title: step.title.clone(), role: step.role(amount), approved });
    }
    Ok(steps)
}

fn line(
    tx: &mut Tx<'_>,
    court_id: i64,
    run: Run,
    viewer: &Actor,
    standings: &[Standing],
) -> Outcome<(RunLine, Vec<StepView>)> {
    let mut content = runs::content(tx, court_id, &run)?;
    // What was approved is what was committed, whatever happened to its claims since.
    if let Some(digest) = runs::committed_digest(tx, court_id, run.run_id)? {
        content.digest = digest;
    }
    let steps = steps(tx, court_id, &run, &content)?;
    let next = steps.iter().find(|step| step.approved.is_none()).filter(|_| run.status == Status::Submitted).cloned();
    let is_mine = match &next {
        Some(step) if standings.iter().any(|standing| standing.role == step.role) => {
            runs::has_no_part(tx, court_id, &run, &content, viewer.person_id)?
        }
        _ => false,
    };
    let maker = access::person_by_id(tx, court_id, run.maker_id)?.name;
    Ok((RunLine { run, content, maker, next, is_mine }, steps))
}

/// The runs that stand in one of some states, oldest first, as somebody looks at them.
///
/// # Errors
/// What the database says.
pub fn run_lines(tx: &mut Tx<'_>, viewer: &Actor, standings: &[Standing], wanted: &[Status]) -> Outcome<Vec<RunLine>> {
    let court_id = viewer.court_id;
    let mut lines = Vec::new();
    for number in runs::numbers_in(tx, court_id, wanted)? {
        let run = runs::find_run(tx, court_id, &number)?;
        lines.push(line(tx, court_id, run, viewer, standings)?.0);
    }
    Ok(lines)
}

/// A page of all runs, newest first, before a run's row where one is given.
///
/// # Errors
/// What the database says.
pub fn run_page(
    tx: &mut Tx<'_>,
    viewer: &Actor,
    standings: &[Standing],
    before: Option<i64>,
    limit: i64,
) -> Outcome<Vec<RunLine>> {
    let court_id = viewer.court_id;
    let numbers = tx.query(
        "SELECT number FROM run WHERE court_id = $1 AND book_id = $2 AND (CAST($3 AS BIGINT) IS NULL OR run_id < $3) \
         ORDER BY run_id DESC LIMIT $4",
        &[court_id.into(), books::CASE_MONEY.into(), before.into(), limit.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    let mut lines = Vec::new();
    for number in numbers {
        let run = runs::find_run(tx, court_id, &number)?;
        lines.push(line(tx, court_id, run, viewer, standings)?.0);
    }
    Ok(lines)
}

/// A run with all that a person needs who signs it; the court's suspects were read before.
///
/// # Errors
/// `runs.unknown`.
pub fn run_view(
    tx: &mut Tx<'_>,
    viewer: &Actor,
    standings: &[Standing],
    number: &str,
    suspects: &Suspects,
    now: Timestamp,
) -> Outcome<RunView> {
    let court_id = viewer.court_id;
    let run = runs::find_run(tx, court_id, number)?;
    // What came after a run was released, or given up, is no finding of it.
    let findings = match run.status {
        Status::Released | Status::Cancelled | Status::Withdrawn => cleared_of(tx, court_id, run.run_id)?,
        Status::Draft | Status::Submitted | Status::Approved | Status::Committed => {
            screen_among(tx, court_id, &run, suspects, now)?
        }
    };
    let sources = sources(tx, court_id, &run, now)?;
    let files = files_of_run(tx, court_id, run.run_id)?;
    let mut events = Vec::new();
    let rows = tx.query(
        "SELECT event, actor_id, reason, recorded_at FROM run_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 \
         ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?, row.text(2)?.to_owned(), row.int(3)?)),
    )?;
    for (event, actor_id, reason, recorded_at) in rows {
        let person = access::person_by_id(tx, court_id, actor_id)?.name;
        events.push(EventView { event, person, reason, recorded_at });
    }
    let (line, steps) = line(tx, court_id, run, viewer, standings)?;
    Ok(RunView { line, steps, sources, findings, events, files })
}

/// The sources of a run with what is odd about each.
///
/// # Errors
/// What the database says.
pub fn sources(tx: &mut Tx<'_>, court_id: i64, run: &Run, now: Timestamp) -> Outcome<Vec<SourceView>> {
    let book = books::case_money(court_id);
    let mut views = Vec::new();
    for source in &run.sources {
        let paid = match source.kind {
            SourceKind::Sheet => Paid::Sheet(sheets::find_sheet(tx, court_id, source.source_id)?),
            SourceKind::Distribution => Paid::Distribution(find_distribution(tx, court_id, source.source_id)?),
            SourceKind::Reissue => tx.query_one(
                "SELECT line_count, total_minor FROM reissue WHERE court_id = $1 AND book_id = $2 AND reissue_id = $3",
                &[court_id.into(), books::CASE_MONEY.into(), source.source_id.into()],
                |row| Ok(Paid::Reissue(row.int(0)?, Amount::from_minor(row.int(1)?))),
            )?,
        };
        let case = cases::case_by_id(tx, book, source.case_id)?;
        let mut view = SourceView { source: *source, case, paid, odd: Vec::new() };
        let before = paid_before(tx, court_id, source, run.run_id)?;
        let payees = match &view.paid {
            Paid::Sheet(sheet) => payee_facts(tx, court_id, sheet, now)?,
            Paid::Distribution(_) | Paid::Reissue(..) => Vec::new(),
        };
        view.odd = oddities(view.amount(), &before, &payees);
        views.push(view);
    }
    Ok(views)
}

/// Sheets and distributions that stand in no run and were never committed in one, oldest first: a distribution only while
/// it is the newest of its case, for an older one does not know what came after it.
///
/// # Errors
/// What the database says.
pub fn free_sources(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<SourceView>> {
    const SHOWN: i64 = 100;
    let rows = tx.query(
        "SELECT f.kind, f.source_id, f.case_id FROM (SELECT 'sheet' AS kind, sheet_id AS source_id, case_id FROM sheet \
          WHERE court_id = $1 AND book_id = $2 UNION ALL SELECT 'distribution', MAX(distribution_id), case_id \
          FROM distribution WHERE court_id = $1 AND book_id = $2 GROUP BY case_id) AS f \
         WHERE NOT EXISTS (SELECT 1 FROM open_source AS o WHERE o.court_id = $1 AND o.book_id = $2 AND o.kind = f.kind \
          AND o.source_id = f.source_id) AND NOT EXISTS (SELECT 1 FROM run_source AS x JOIN run_event AS e \
          ON e.court_id = x.court_id AND e.book_id = x.book_id AND e.run_id = x.run_id AND e.event = 'committed' \
          WHERE x.court_id = $1 AND x.book_id = $2 AND x.kind = f.kind AND x.source_id = f.source_id) \
         ORDER BY f.source_id LIMIT $3",
        &[court_id.into(), books::CASE_MONEY.into(), SHOWN.into()],
        |row| Ok((row.text(0)? == "sheet", row.int(1)?, row.int(2)?)),
    )?;
    let mut free = Vec::new();
    for (is_sheet, source_id, case_id) in rows {
        let case = cases::case_by_id(tx, books::case_money(court_id), case_id)?;
        let (kind, paid) = if is_sheet {
            (SourceKind::Sheet, Paid::Sheet(sheets::find_sheet(tx, court_id, source_id)?))
        } else {
            (SourceKind::Distribution, Paid::Distribution(find_distribution(tx, court_id, source_id)?))
        };
        free.push(SourceView { source: Source { kind, source_id, case_id }, case, paid, odd: Vec::new() });
    }
    Ok(free)
}

/// What other runs that were committed paid of the same case, source by source.
fn paid_before(tx: &mut Tx<'_>, court_id: i64, source: &Source, run_id: i64) -> Outcome<Vec<Amount>> {
    Ok(tx.query(
        "SELECT COALESCE(d.paid_minor + d.set_aside_minor, s.total_minor) FROM run_source AS x JOIN run_state AS t \
         ON t.court_id = x.court_id AND t.book_id = x.book_id AND t.run_id = x.run_id \
         AND t.status IN ('committed', 'released') \
         LEFT JOIN distribution AS d ON x.kind = 'distribution' AND d.court_id = x.court_id AND d.book_id = x.book_id \
         AND d.distribution_id = x.source_id LEFT JOIN sheet AS s ON x.kind = 'sheet' AND s.court_id = x.court_id \
         AND s.book_id = x.book_id AND s.sheet_id = x.source_id \
         WHERE x.court_id = $1 AND x.book_id = $2 AND x.case_id = $3 AND x.run_id <> $4 AND x.kind <> 'reissue' \
         ORDER BY x.id",
        &[court_id.into(), books::CASE_MONEY.into(), source.case_id.into(), run_id.into()],
        |row| row.int(0).map(Amount::from_minor),
    )?)
}

/// What an approver looks at in a payee of a sheet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayeeFacts {
    /// Name.
    pub name: String,
    /// Who that is.
    pub kind: PayeeKind,
    /// Whether the account was first recorded some days ago.
    pub is_new: bool,
    /// Whether it was changed some days ago.
    pub is_changed: bool,
}

fn payee_facts(tx: &mut Tx<'_>, court_id: i64, sheet: &Sheet, now: Timestamp) -> Outcome<Vec<PayeeFacts>> {
    let since = now.checked_sub(SignedDuration::from_hours(24 * NEW_DAYS)).unwrap_or(Timestamp::MIN).as_microsecond();
    let mut facts: Vec<PayeeFacts> = Vec::new();
    for line in &sheet.lines {
        let key = [court_id.into(), books::CASE_MONEY.into(), line.payee_id.into(), since.into()];
        let count = |tx: &mut Tx<'_>, text: &'static str| tx.query_one(text, &key, |row| row.int(0));
        let new = count(
            tx,
            "SELECT COUNT(*) FROM payee WHERE court_id = $1 AND book_id = $2 AND payee_id = $3 AND recorded_at >= $4",
        )?;
        let changed = tx.query_one(
            "SELECT COUNT(*) FROM claim_event WHERE court_id = $1 AND book_id = $2 AND case_id = $5 AND claim_id = $3 \
             AND event = 'details' AND recorded_at >= $4",
            &[key[0], key[1], key[2], key[3], sheet.case_id.into()],
            |row| row.int(0),
        )?;
        let known =
            PayeeFacts { name: line.payee_name.clone(), kind: line.kind, is_new: new > 0, is_changed: changed > 0 };
        if !facts.contains(&known) {
            facts.push(known);
        }
    }
    Ok(facts)
}

/// What is odd about a payment out of a case: more than was ever paid of it at once, an account that is new or was changed,
/// somebody else than the applicant. The treasury is no odd payee.
#[must_use]
pub fn oddities(amount: Amount, before: &[Amount], payees: &[PayeeFacts]) -> Vec<Message> {
    let mut odd = Vec::new();
    if let Some(most) = before.iter().max().filter(|most| amount > **most) {
        odd.push(Message::new("web_payouts.odd_amount").with("most", most));
    }
    for payee in payees {
        if payee.is_changed {
            odd.push(Message::new("web_payouts.odd_changed").with("name", &payee.name));
        } else if payee.is_new && payee.kind != PayeeKind::Treasury {
            odd.push(Message::new("web_payouts.odd_new").with("name", &payee.name));
        }
        if !matches!(payee.kind, PayeeKind::Applicant | PayeeKind::Treasury) {
            let message = Message::new("web_payouts.odd_payee").with("name", &payee.name);
            odd.push(message.with_term("kind", &payee.kind.message()));
        }
    }
    odd
}

/// A line that a run pays, as a page shows it.
#[derive(Clone, Debug)]
pub struct PayLine {
    /// Within the run; before the commit, the line of its source.
    pub line_no: i64,
    /// 户名.
    pub name: String,
    /// Case.
    pub case_id: i64,
    /// Amount.
    pub amount: Amount,
    /// Where it stands once the run is released.
    pub went: Option<Went>,
}

/// What became of a line when its run was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Went {
    /// It was sent, and stands so with the bank.
    Sent(Sent),
    /// It was set aside, and nothing of it was sent.
    SetAside,
}

const OUTCOMES: Statement = Statement::twin(
    "SELECT payment_id, outcome FROM payment_state WHERE court_id = ?1 AND book_id = ?2 AND payment_id = ?3",
    "SELECT payment_id, outcome FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS asked (court_id, book_id, payment_id) \
     JOIN payment_state USING (court_id, book_id, payment_id)",
);

/// Payment lines of a committed run, after a line number, so many.
///
/// # Errors
/// What the database says.
pub fn pay_lines(tx: &mut Tx<'_>, court_id: i64, run: &Run, after: i64, limit: i64) -> Outcome<Vec<PayLine>> {
    let mut found = Vec::new();
    let is_released = run.status == Status::Released;
    let kept = if is_released { kept_at_release(tx, court_id, run)? } else { HashMap::new() };
    let last = after.checked_add(limit).ok_or_else(|| Error::Inconsistent("a line number out of range".into()))?;
    crate::payouts::lines::each_payment_between(tx, court_id, run, (after + 1, last), &mut |tx, page| {
        let payees = crate::payouts::details::payees_of(tx, court_id, "", page)?;
        let key = |payment: &Payment| [court_id.into(), books::CASE_MONEY.into(), Value::Int(payment.payment_id)];
        let keys: Vec<Value<'_>> = page.iter().flat_map(key).collect();
        let mut outcomes = HashMap::new();
        tx.each_of(OUTCOMES, 3, &keys, |row| {
            outcomes.insert(row.int(0)?, read_word(row, 1, Sent::parse)?);
            Ok::<(), Error>(())
        })?;
        found.extend(page.iter().zip(payees).map(|(payment, payee)| PayLine {
            line_no: payment.line_no,
            name: payee.name,
            case_id: payment.case_id,
            amount: payment.amount,
            // A payment of which nothing was heard has no state of its own: it is on its way.
            went: outcomes.get(&payment.payment_id).map(|standing| Went::Sent(*standing)).or_else(|| {
                let kept = kept.get(&(payment.line_id, payment.payee_no)).copied().unwrap_or(0);
                let is_kept = kept >= payment.amount.minor();
                is_released.then_some(if is_kept { Went::SetAside } else { Went::Sent(Sent::Out) })
            }),
        }));
        Ok(())
    })?;
    Ok(found)
}

/// How many payments of a run came back and are in no new payment.
///
/// # Errors
/// What the database says.
pub fn returned_of(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<i64> {
    Ok(tx.query_one(
        "SELECT COUNT(*) FROM payment_state AS s JOIN payment_line AS l ON l.court_id = s.court_id \
         AND l.book_id = s.book_id AND l.payment_id = s.payment_id LEFT JOIN open_reissue AS o ON o.court_id = s.court_id \
         AND o.book_id = s.book_id AND o.payment_id = s.payment_id WHERE s.court_id = $1 AND s.book_id = $2 \
         AND s.outcome IN ('failed', 'returned') AND l.run_id = $3 AND o.payment_id IS NULL",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
        |row| row.int(0),
    )?)
}

/// Shares of a distribution that a run pays, after a share, so many: what will be lines when it is committed.
///
/// # Errors
/// What the database says.
pub fn shares_page(
    tx: &mut Tx<'_>,
    court_id: i64,
    stored: &StoredDistribution,
    after: i64,
    limit: i64,
) -> Outcome<Vec<ShareLine>> {
    let (first, last) = stored.share_ids();
    Ok(tx.query(
        "SELECT s.share_id, c.name, s.claim_minor, s.granted_minor, s.outcome, s.reason FROM share AS s JOIN claim AS c \
         ON c.court_id = s.court_id AND c.book_id = s.book_id AND c.claim_id = s.claim_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND s.share_id >= $3 AND s.share_id <= $4 ORDER BY s.share_id LIMIT $5",
        &[court_id.into(), books::CASE_MONEY.into(), first.max(after + 1).into(), last.into(), limit.into()],
        |row| {
            Ok(ShareLine {
                share_id: row.int(0)?,
                name: row.text(1)?.to_owned(),
                claim: Amount::from_minor(row.int(2)?),
                granted: Amount::from_minor(row.int(3)?),
                outcome: row.text(4)?.to_owned(),
                reason: row.opt_text(5)?.unwrap_or_default().to_owned(),
            })
        },
    )?)
}

/// A share as a page shows it.
#[derive(Clone, Debug)]
pub struct ShareLine {
    /// Row.
    pub share_id: i64,
    /// Claimant.
    pub name: String,
    /// The claim.
    pub claim: Amount,
    /// The share.
    pub granted: Amount,
    /// pay, set_aside, carry
    pub outcome: String,
    /// Why it is set aside.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_odd_is_named() {
        let payee = |kind, is_new, is_changed| PayeeFacts { name: "王芳".into(), kind, is_new, is_changed };
        let codes = |amount, before: &[i64], payees: &[PayeeFacts]| {
            let before: Vec<Amount> = before.iter().map(|minor| Amount::from_minor(*minor)).collect();
            oddities(Amount::from_minor(amount), &before, payees).iter().map(|odd| odd.code).collect::<Vec<_>>()
        };
        let known = payee(PayeeKind::Applicant, false, false);
        assert!(
            codes(500, &[], std::slice::from_ref(&known)).is_empty(),
            "a first payment has nothing to be compared with"
        );
        assert!(codes(500, &[400, 500], std::slice::from_ref(&known)).is_empty());
        assert_eq!(codes(501, &[400, 500], &[known]), ["web_payouts.odd_amount"]);
        assert_eq!(codes(1, &[], &[payee(PayeeKind::Applicant, true, true)]), ["web_payouts.odd_changed"]);
        assert_eq!(codes(1, &[], &[payee(PayeeKind::Applicant, true, false)]), ["web_payouts.odd_new"]);
        assert_eq!(codes(1, &[], &[payee(PayeeKind::Debtor, false, false)]), ["web_payouts.odd_payee"]);
        assert!(codes(1, &[], &[payee(PayeeKind::Treasury, true, false)]).is_empty());
    }
}
