//! Delivering: what is next is taken under a lease, sent outside of any transaction, and what came of it is written. Until it
//! was accepted the same delivery is sent again, so each event comes at least once and in order.

use ankuan_ledger::engine::Value;
use ankuan_ledger::{Store, Tx, stop};
use jiff::Timestamp;
use serde::Serialize;

use super::events::{self, Batch, Event, Filter, JOBS, Range};
use super::sender::{Letter, Sender, Sent};
use super::{State, open_secret};
use crate::clock::Clock;
use crate::documents::keys::Keys;
use crate::service::jobs;
use crate::{Outcome, books};

/// The pause after the first failure; each further one is twice as long. A receiver that restarts is back by then.
pub const PAUSE_FIRST_SECONDS: i64 = 10;

/// The longest pause: who mends a receiver does not wait longer than this for what is due.
pub const PAUSE_MOST_SECONDS: i64 = 3_600;

/// Failures in a row after which nothing is sent any more: 71 hours. A receiver that broke on a Friday evening is mended on
/// Monday, and nobody has to do anything here.
pub const FAILURES_MAX: i64 = 80;

/// How long whoever sends may be silent before it is taken for dead: several times [`super::sender::ACCEPT_WITHIN`], so that
/// nobody else sends while it still does.
pub const LEASE_SECONDS: i64 = 60;

/// Attempts that are kept: some days of failures, or a page to look at.
pub const ATTEMPTS_KEPT: i64 = 200;

const SECOND: i64 = 1_000_000;

/// Where a webhook stands after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its state.
    pub state: State,
    /// Failures in a row.
    pub failures: i64,
    /// Not before this (µs).
    pub try_at: i64,
}

/// What follows from an attempt, after so many failures in a row, now (µs).
#[must_use]
pub fn after(failures: i64, is_accepted: bool, now: i64) -> Next {
    if is_accepted {
        return Next { state: State::On, failures: 0, try_at: now };
    }
    let failures = failures + 1;
    // Beyond 2^30 seconds it is the longest pause anyway.
    let doubled = PAUSE_FIRST_SECONDS << (failures - 1).clamp(0, 26);
    let pause = doubled.min(PAUSE_MOST_SECONDS) * SECOND;
    let state = if failures < FAILURES_MAX { State::On } else { State::GivenUp };
    Next { state, failures, try_at: now.saturating_add(pause) }
}

/// What is sent.
#[derive(Serialize)]
struct Body<'a> {
    delivery: &'a str,
    court: i64,
    webhook: i64,
    events: &'a [Event],
}

/// A delivery that was taken.
#[derive(Clone, Debug)]
struct Taken {
    court_id: i64,
    webhook_id: i64,
    url: String,
    secret: Vec<u8>,
    delivery: String,
    attempt_no: i64,
    failures: i64,
    events: Vec<Event>,
}

/// The webhooks of a court for which there is something to send now.
///
/// # Errors
/// What the database says.
pub fn due(tx: &mut Tx<'_>, court_id: i64, now: Timestamp) -> Outcome<Vec<i64>> {
    Ok(tx.query(
        "SELECT w.webhook_id FROM webhook AS w \
         WHERE w.court_id = $1 AND w.state = 'on' AND w.next_try_at <= $2 AND w.lease_until < $2 \
          AND (EXISTS (SELECT 1 FROM book_head AS h WHERE h.court_id = w.court_id AND h.next_link_no - 1 > \
            COALESCE((SELECT c.done_no FROM webhook_cursor AS c WHERE c.court_id = w.court_id \
             AND c.webhook_id = w.webhook_id AND c.stream = h.book_id), 0)) \
           OR EXISTS (SELECT 1 FROM service_number AS n WHERE n.court_id = w.court_id AND n.kind = $3 AND n.last_no > \
            COALESCE((SELECT c.done_no FROM webhook_cursor AS c WHERE c.court_id = w.court_id \
             AND c.webhook_id = w.webhook_id AND c.stream = $4), 0))) \
         ORDER BY w.webhook_id",
        &[court_id.into(), now.as_microsecond().into(), jobs::END.into(), JOBS.into()],
        |row| row.int(0),
    )?)
}

/// Delivers once what is next for a webhook. False: there was nothing to send, or somebody else is sending.
///
/// # Errors
/// What the database says, `keys.cannot_open`. What the receiver says is no error: it is written down.
pub fn deliver(
    store: &mut Store,
    keys: &Keys,
    sender: &Sender,
    owner: &str,
    clock: Clock,
    (court_id, webhook_id): (i64, i64),
) -> Outcome<bool> {
    let mut tx = store.begin()?;
    // A SQLite file may have been waited for.
    let now = clock.now();
    let taken = take(&mut tx, keys, owner, (court_id, webhook_id), now)?;
    tx.commit()?;
    stop::at("webhook taken");
    let Some(taken) = taken else { return Ok(false) };
    let body = Body { delivery: &taken.delivery, court: court_id, webhook: webhook_id, events: &taken.events };
    let body = serde_json::to_string(&body).map_err(std::io::Error::from)?;
    let letter =
        Letter { kind: "events", delivery: &taken.delivery, body: &body, secret: &taken.secret, at: clock.now() };
    let sent = sender.send(&taken.url, &letter);
    stop::at("webhook sent");
    let mut tx = store.begin()?;
    finish(&mut tx, owner, &taken, sent, now, clock.now())?;
    tx.commit()?;
    let (status, trouble) = (sent.status, sent.trouble.map(super::sender::Trouble::as_str));
    let count = taken.events.len();
    tracing::info!(court = court_id, webhook = webhook_id, count, status, trouble, micros = sent.took_micros, "sent");
    Ok(true)
}

/// Takes what is next: the delivery that was not accepted, as it was, or a new one.
fn take(
    tx: &mut Tx<'_>,
    keys: &Keys,
    owner: &str,
    (court_id, webhook_id): (i64, i64),
    now: Timestamp,
) -> Outcome<Option<Taken>> {
    let now = now.as_microsecond();
    let lease_until = now.saturating_add(LEASE_SECONDS * SECOND);
    // Of two that come at once the second waits for this row, and then finds the lease.
    let found = tx.query_opt(
        "UPDATE webhook SET owner = $3, lease_until = $4 WHERE court_id = $1 AND webhook_id = $2 AND state = 'on' \
         AND next_try_at <= $5 AND lease_until < $5 RETURNING url, events, secret, delivery_no, failures",
        &[court_id.into(), webhook_id.into(), owner.into(), lease_until.into(), now.into()],
        |row| {
            let filter = Filter::stored(row.text(1)?);
            Ok((row.text(0)?.to_owned(), filter, row.bytes(2)?.to_vec(), row.int(3)?, row.int(4)?))
        },
    )?;
    let Some((url, filter, mut secret, last_no, failures)) = found else { return Ok(None) };
    let secret = open_secret(keys, court_id, webhook_id, &mut secret)?;
    let (pending, open) = ranges(tx, court_id, webhook_id)?;
    let is_again = !pending.is_empty();
    let batch = events::next(tx, court_id, &filter, if is_again { &pending } else { &open })?;
    if batch.events.is_empty() {
        // All of it was left out by the filter, or somebody was quicker.
        set_cursors(tx, court_id, webhook_id, &batch, true)?;
        let_go(tx, court_id, webhook_id, owner)?;
        return Ok(None);
    }
    if !is_again {
        set_cursors(tx, court_id, webhook_id, &batch, false)?;
    }
    let delivery_no = if is_again { last_no } else { last_no + 1 };
    let attempt_no = tx.query_one(
        "UPDATE webhook SET delivery_no = $3, attempt_no = attempt_no + 1 WHERE court_id = $1 AND webhook_id = $2 \
         RETURNING attempt_no",
        &[court_id.into(), webhook_id.into(), delivery_no.into()],
        |row| row.int(0),
    )?;
    let delivery = format!("{court_id}-{webhook_id}-{delivery_no}");
    Ok(Some(Taken { court_id, webhook_id, url, secret, delivery, attempt_no, failures, events: batch.events }))
}

/// What is on its way in each stream, and what is open in it.
fn ranges(tx: &mut Tx<'_>, court_id: i64, webhook_id: i64) -> Outcome<(Vec<Range>, Vec<Range>)> {
    let mut cursors = tx.query(
        "SELECT stream, done_no, sent_no FROM webhook_cursor WHERE court_id = $1 AND webhook_id = $2 ORDER BY stream",
        &[court_id.into(), webhook_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    let ends = ends(tx, court_id)?;
    for (stream, _) in &ends {
        if !cursors.iter().any(|(known, ..)| known == stream) {
            cursors.push((*stream, 0, 0));
        }
    }
    let pending = cursors.iter().filter(|(_, done, sent)| sent > done).map(|(stream, done, sent)| Range {
        stream: *stream,
        behind: *done,
        until: *sent,
    });
    let open = cursors.iter().filter_map(|(stream, done, _)| {
        let (_, until) = ends.iter().find(|(known, _)| known == stream)?;
        Some(Range { stream: *stream, behind: *done, until: *until })
    });
    Ok((pending.collect(), open.collect()))
}

/// The last number of each stream of a court.
///
/// # Errors
/// What the database says.
pub(super) fn ends(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<(i64, i64)>> {
    let mut ends = tx.query(
        "SELECT book_id, next_link_no - 1 FROM book_head WHERE court_id = $1 ORDER BY book_id",
        &[court_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    let jobs = tx.query_opt(
        "SELECT last_no FROM service_number WHERE court_id = $1 AND kind = $2",
        &[court_id.into(), jobs::END.into()],
        |row| row.int(0),
    )?;
    ends.push((JOBS, jobs.unwrap_or(0)));
    debug_assert!(ends.len() <= books::all(court_id).len() + 1);
    Ok(ends)
}

/// Writes how far a delivery goes; where it is done, that it is.
fn set_cursors(tx: &mut Tx<'_>, court_id: i64, webhook_id: i64, batch: &Batch, is_done: bool) -> Outcome<()> {
    for (stream, until) in &batch.until {
        tx.execute(
            "INSERT INTO webhook_cursor (court_id, webhook_id, stream, done_no, sent_no) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (court_id, webhook_id, stream) DO UPDATE SET sent_no = excluded.sent_no, \
             done_no = CASE WHEN CAST($6 AS BIGINT) = 1 THEN excluded.sent_no ELSE webhook_cursor.done_no END",
            &[
                court_id.into(),
                webhook_id.into(),
                (*stream).into(),
                if is_done { *until } else { 0 }.into(),
                (*until).into(),
                i64::from(is_done).into(),
            ],
        )?;
    }
    Ok(())
}

fn let_go(tx: &mut Tx<'_>, court_id: i64, webhook_id: i64, owner: &str) -> Outcome<()> {
    tx.execute(
        "UPDATE webhook SET owner = '', lease_until = 0 WHERE court_id = $1 AND webhook_id = $2 AND owner = $3",
        &[court_id.into(), webhook_id.into(), owner.into()],
    )?;
    Ok(())
}

/// Writes what came of an attempt. Whose lease was over, so that somebody else has taken it, changes nothing but the history;
/// nor does an attempt begin again what a person has paused meanwhile.
fn finish(tx: &mut Tx<'_>, owner: &str, taken: &Taken, sent: Sent, began: Timestamp, now: Timestamp) -> Outcome<()> {
    let next = after(taken.failures, sent.trouble.is_none(), now.as_microsecond());
    let changed = tx.execute(
        "UPDATE webhook SET state = CASE WHEN state = 'on' THEN $4 ELSE state END, failures = $5, next_try_at = $6, \
         owner = '', lease_until = 0 WHERE court_id = $1 AND webhook_id = $2 AND owner = $3",
        &[
            taken.court_id.into(),
            taken.webhook_id.into(),
            owner.into(),
            next.state.as_str().into(),
            next.failures.into(),
            next.try_at.into(),
        ],
    )?;
    if changed == 1 && sent.trouble.is_none() {
        tx.execute(
            "UPDATE webhook_cursor SET done_no = sent_no WHERE court_id = $1 AND webhook_id = $2",
            &[taken.court_id.into(), taken.webhook_id.into()],
        )?;
    }
    let (first, last) = (taken.events.first().map_or("", Event::id), taken.events.last().map_or("", Event::id));
    let attempt = Attempt {
        attempt_no: taken.attempt_no,
        delivery: taken.delivery.clone(),
        first_event: first.to_owned(),
        last_event: last.to_owned(),
        event_count: taken.events.len() as i64,
        sent_at: began.as_microsecond(),
        sent,
    };
    record(tx, taken.court_id, taken.webhook_id, &attempt)
}

/// An attempt, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Its number in the webhook.
    pub attempt_no: i64,
    /// The delivery's name.
    pub delivery: String,
    /// Id of its first event; empty for a ping.
    pub first_event: String,
    /// Id of its last.
    pub last_event: String,
    /// How many.
    pub event_count: i64,
    /// When (µs).
    pub sent_at: i64,
    /// What came of it.
    pub sent: Sent,
}

/// Keeps an attempt, and of the earlier ones as many as are kept.
///
/// # Errors
/// What the database says.
pub(super) fn record(tx: &mut Tx<'_>, court_id: i64, webhook_id: i64, attempt: &Attempt) -> Outcome<()> {
    // Removed while it was being sent: there is nothing to keep it with.
    let is_there = tx.query_opt(
        "SELECT 1 FROM webhook WHERE court_id = $1 AND webhook_id = $2",
        &[court_id.into(), webhook_id.into()],
        |_| Ok(()),
    )?;
    if is_there.is_none() {
        return Ok(());
    }
    tx.execute(
        "INSERT INTO webhook_delivery (court_id, webhook_id, attempt_no, delivery, first_event, last_event, event_count, \
         sent_at, status, trouble, took_micros) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        &[
            court_id.into(),
            webhook_id.into(),
            attempt.attempt_no.into(),
            attempt.delivery.as_str().into(),
            attempt.first_event.as_str().into(),
            attempt.last_event.as_str().into(),
            attempt.event_count.into(),
            attempt.sent_at.into(),
            attempt.sent.status.map(i64::from).into(),
            Value::Text(attempt.sent.trouble.map_or("", |trouble| trouble.as_str())),
            i64::try_from(attempt.sent.took_micros).unwrap_or(i64::MAX).into(),
        ],
    )?;
    tx.execute(
        "DELETE FROM webhook_delivery WHERE court_id = $1 AND webhook_id = $2 AND attempt_no <= $3",
        &[court_id.into(), webhook_id.into(), (attempt.attempt_no - ATTEMPTS_KEPT).into()],
    )?;
    Ok(())
}

/// Lets everything go that a dead process was sending: at the start of the only one that serves a SQLite file.
///
/// # Errors
/// What the database says.
pub fn let_all_go(tx: &mut Tx<'_>) -> Outcome<()> {
    tx.execute("UPDATE webhook SET owner = '', lease_until = 0 WHERE owner <> ''", &[])?;
    Ok(())
}

/// Pauses every webhook: after a restore nobody knows what its receivers have got, and it may be a copy to look at.
///
/// # Errors
/// What the database says.
pub fn pause_all(tx: &mut Tx<'_>) -> Outcome<()> {
    tx.execute("UPDATE webhook SET state = 'paused' WHERE state = 'on'", &[])?;
    let_all_go(tx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_limit_and_then_it_is_given_up() {
        let now = 1_000 * SECOND;
        let mut next = Next { state: State::On, failures: 0, try_at: now };
        let mut pauses = Vec::new();
        while next.state == State::On {
            next = after(next.failures, false, now);
            pauses.push((next.try_at - now) / SECOND);
        }
        assert_eq!(pauses[..10], [10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600]);
        assert_eq!((pauses.len() as i64, next.state), (FAILURES_MAX, State::GivenUp));
        // The last pause is waited for by nobody.
        assert_eq!(pauses[..pauses.len() - 1].iter().sum::<i64>() / 3_600, 71);
        assert!(after(i64::MAX - 1, false, now).try_at > now);
    }

    #[test]
    fn what_is_accepted_ends_the_failures() {
        assert_eq!(after(17, true, 5), Next { state: State::On, failures: 0, try_at: 5 });
    }
}
