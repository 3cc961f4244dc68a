//! Sign-off: the day of an account is prepared by one person, reviewed by another, closed, and opened again only by two
//! people with a reason. Whoever fetched a statement of the day does not prepare it: nineteen forged statements carried
//! by hand showed once what was not there.

use std::collections::BTreeSet;

use ankuan_ledger::Amount;
use ankuan_ledger::chain::hex;
use ankuan_ledger::engine::{Tx, Value};
use jiff::civil::Date;

use crate::access::{Acting, Role, Standing};
use crate::books;
use crate::chart::{BankAccount, Chart};
use crate::failure::Outcome;
use crate::message::Message;
use crate::report::bank_reconciliation::{BankReconciliation, bank_reconciliation};
use crate::statements::balance::bank_side;
use crate::statements::days::{DAY_EVENT, DayEvent, DayStep, closed_until, day_events, must_be_open};
use crate::statements::import::may_import;

/// Prepares a day: makes the reconciliation statement and signs it. Needs finance or the fund keeper, and somebody who
/// fetched none of the day's statements.
///
/// # Errors
/// `signoff.day_closed`, `signoff.not_over` (the day has not come), `signoff.no_statement`, `statements.gap_within`,
/// `statements.gap_between`, `signoff.does_not_tie`, `signoff.unexplained` (open items that nobody has taken on),
/// `signoff.fetched_it`.
pub fn prepare(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    account: &BankAccount,
    day: Date,
) -> Outcome<BankReconciliation> {
    step(tx, acting, chart, account, day, DayStep::Prepared)
}

/// Reviews what another has prepared, and finds the same statement.
///
/// # Errors
/// `signoff.not_prepared`, `signoff.same_person`, `signoff.changed`, and those of [`prepare`].
pub fn review(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    account: &BankAccount,
    day: Date,
) -> Outcome<BankReconciliation> {
    step(tx, acting, chart, account, day, DayStep::Reviewed)
}

/// Closes a day that was prepared and reviewed: nothing may be posted on the account for it or a day before it.
///
/// # Errors
/// `signoff.not_reviewed`, `signoff.changed`, and those of [`prepare`].
pub fn close(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    account: &BankAccount,
    day: Date,
) -> Outcome<BankReconciliation> {
    step(tx, acting, chart, account, day, DayStep::Closed)
}

/// The name of a step's act.
#[must_use]
pub const fn act_name(step: DayStep) -> &'static str {
    const NAMES: [&str; 3] = ["signoff.prepare", "signoff.review", "signoff.close"];
    match step {
        DayStep::Prepared => NAMES[0],
        DayStep::Reviewed => NAMES[1],
        _ => NAMES[2],
    }
}

fn step(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    account: &BankAccount,
    day: Date,
    step: DayStep,
) -> Outcome<BankReconciliation> {
    let court_id = acting.actor.court_id;
    let name = act_name(step);
    let mut act = acting.open_act(tx, books::CASE_MONEY, name)?;
    may_import(tx, acting)?;
    must_be_open(tx, court_id, account, day)?;
    if day > acting.today() {
        return Err(Message::new("signoff.not_over").with("day", day).into());
    }
    let found = bank_reconciliation(tx, chart, court_id, account, day)?;
    let side = bank_side(tx, court_id, account.bank_account_id)?;
    must_tie(&found, side.covers(day))?;
    let events = day_events(tx, court_id, account.bank_account_id)?;
    let fetchers = side.fetchers(closed_until(&events), day);
    if step == DayStep::Prepared && fetchers.contains(&acting.actor.person_id) {
        return Err(Message::new("signoff.fetched_it").with("name", &acting.actor.name).with("day", day).into());
    }
    let needs = match step {
        DayStep::Reviewed => Some((DayStep::Prepared, "signoff.not_prepared")),
        DayStep::Closed => Some((DayStep::Reviewed, "signoff.not_reviewed")),
        _ => None,
    };
    if let Some((before, missing)) = needs {
        let before = standing_step(&events, day, before).ok_or_else(|| Message::new(missing).with("day", day))?;
        if before.digest != found.digest() {
            return Err(Message::new("signoff.changed")
                .with("day", day)
                .with("digest", hex(&before.digest[..8]))
                .into());
        }
        if step == DayStep::Reviewed && before.actor_id == acting.actor.person_id {
            return Err(Message::new("signoff.same_person").with("name", &acting.actor.name).with("day", day).into());
        }
    }
    record(tx, &mut act, acting, account, day, step, Some(&found), "")?;
    act.close(tx)?;
    Ok(found)
}

/// The newest step of a kind of a day, unless the day was opened again since.
fn standing_step(events: &[DayEvent], day: Date, wanted: DayStep) -> Option<&DayEvent> {
    let opened = events.iter().rposition(|event| event.step == DayStep::Reopened && event.day <= day);
    let since = &events[opened.map_or(0, |place| place + 1)..];
    since.iter().rev().find(|event| event.day == day && event.step == wanted)
}

/// Who asked for a day to be opened again that is closed, where nobody has agreed.
fn asked_to_open(events: &[DayEvent], day: Date) -> Option<&DayEvent> {
    let newest = events.iter().rev().find(|event| event.day == day && event.step != DayStep::Prepared);
    newest.filter(|event| event.step == DayStep::ReopeningAsked)
}

fn is_closed(events: &[DayEvent], day: Date) -> bool {
    closed_until(events).is_some_and(|closed| day <= closed)
}

/// The closed days of an account that somebody wants open again, oldest first.
#[must_use]
pub fn wanted_open(events: &[DayEvent]) -> Vec<Date> {
    let days: BTreeSet<Date> = events.iter().map(|event| event.day).collect();
    days.into_iter().filter(|day| is_closed(events, *day) && asked_to_open(events, *day).is_some()).collect()
}

/// The step that a day waits for; of a closed day, to be asked for or opened again.
#[must_use]
pub fn next_step(events: &[DayEvent], day: Date) -> DayStep {
    if is_closed(events, day) {
        return asked_to_open(events, day).map_or(DayStep::ReopeningAsked, |_| DayStep::Reopened);
    }
    let stands = |step| standing_step(events, day, step).is_some();
    if stands(DayStep::Reviewed) {
        DayStep::Closed
    } else if stands(DayStep::Prepared) {
        DayStep::Reviewed
    } else {
        DayStep::Prepared
    }
}

/// The steps of a day that somebody may take as it stands: what pages offer. Whether the statement ties, each step asks itself.
#[must_use]
pub fn open_steps(
    events: &[DayEvent],
    fetchers: &[i64],
    day: Date,
    person_id: i64,
    standings: &[Standing],
) -> Vec<DayStep> {
    let has = |roles: &[Role]| standings.iter().any(|standing| roles.contains(&standing.role));
    let signs = has(&[Role::FundKeeper, Role::Finance]);
    let is_open = |step: &DayStep| match step {
        DayStep::ReopeningAsked => signs && is_closed(events, day) && asked_to_open(events, day).is_none(),
        DayStep::Reopened => {
            let by_another = asked_to_open(events, day).is_some_and(|asked| asked.actor_id != person_id);
            has(&[Role::BureauHead]) && is_closed(events, day) && by_another
        }
        _ if !signs || is_closed(events, day) => false,
        DayStep::Prepared => !fetchers.contains(&person_id),
        DayStep::Reviewed => {
            standing_step(events, day, DayStep::Prepared).is_some_and(|before| before.actor_id != person_id)
        }
        DayStep::Closed => standing_step(events, day, DayStep::Reviewed).is_some(),
    };
    DayStep::ALL.iter().copied().filter(is_open).collect()
}

/// What keeps a day from being signed.
fn must_tie(found: &BankReconciliation, is_covered: bool) -> Result<(), Message> {
    if !is_covered {
        return Err(Message::new("signoff.no_statement").with("day", found.day));
    }
    if let Some(gap) = found.gaps.first() {
        return Err(gap.message.clone());
    }
    if !found.ties() {
        return Err(Message::new("signoff.does_not_tie")
            .with("day", found.day)
            .with("bank", found.adjusted_bank)
            .with("book", found.adjusted_book)
            .with("said", found.bank_says.map_or_else(|| "—".to_owned(), |said| said.to_string())));
    }
    if found.unexplained() > 0 {
        return Err(Message::new("signoff.unexplained").with("day", found.day).with("count", found.unexplained()));
    }
    Ok(())
}

/// Asks for a closed day to be opened again, or agrees to what another has asked.
///
/// # Errors
/// `signoff.not_closed`, `signoff.reason_missing`, `signoff.same_person`.
pub fn reopen(tx: &mut Tx<'_>, acting: &Acting, account: &BankAccount, day: Date, reason: &str) -> Outcome<DayStep> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "signoff.reopen")?;
    let events = day_events(tx, court_id, account.bank_account_id)?;
    if !is_closed(&events, day) {
        return Err(Message::new("signoff.not_closed").with("day", day).into());
    }
    let step = match asked_to_open(&events, day) {
        None => {
            may_import(tx, acting)?;
            if reason.trim().is_empty() {
                return Err(Message::new("signoff.reason_missing").into());
            }
            DayStep::ReopeningAsked
        }
        Some(asked) if asked.actor_id == acting.actor.person_id => {
            return Err(Message::new("signoff.same_person").with("name", &acting.actor.name).with("day", day).into());
        }
        Some(_) => {
            acting.require(tx, Role::BureauHead)?;
            DayStep::Reopened
        }
    };
    record(tx, &mut act, acting, account, day, step, None, reason.trim())?;
    act.close(tx)?;
    Ok(step)
}

#[allow(clippy::too_many_arguments)]
fn record(
    tx: &mut Tx<'_>,
    act: &mut ankuan_ledger::Act,
    acting: &Acting,
    account: &BankAccount,
    day: Date,
    step: DayStep,
    found: Option<&BankReconciliation>,
    reason: &str,
) -> Outcome<()> {
    let head = act.head_before().to_string();
    let digest = found.map_or([0; 32], BankReconciliation::digest);
    let amount = |of: fn(&BankReconciliation) -> Amount| found.map_or(0, |found| of(found).minor());
    let id = act.take_ids(1);
    act.insert(
        tx,
        &DAY_EVENT,
        id,
        &[
            id.into(),
            account.bank_account_id.into(),
            day.to_string().as_str().into(),
            step.as_str().into(),
            Value::Bytes(&digest),
            amount(|found| found.bank).into(),
            amount(|found| found.book).into(),
            amount(|found| found.adjusted_bank).into(),
            found.map_or(0, |found| found.items.len() as i64).into(),
            head.as_str().into(),
            reason.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(())
}
