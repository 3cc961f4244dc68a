//! Webhooks: addresses of other programs that are told what was recorded, signed, in order, until they accept. The chain of
//! each book is what they are told of; a cursor says how far each one is.

pub mod acts;
pub mod delivery;
pub mod events;
pub mod sender;
pub mod targets;

use ankuan_ledger::Tx;
use ankuan_ledger::chain::hex;
use ankuan_ledger::engine::{Row, Value};
use serde_json::json;

use crate::access::{Acting, Role};
use crate::clock::{Clock, Randomness};
use crate::documents::keys::Keys;
use crate::documents::rotation::Sealed;
use crate::service::jobs;
use crate::words::{read_word, words};
use crate::{Message, Outcome, books};
use delivery::Attempt;
use events::Filter;
use sender::{Letter, Sender, Sent, Trouble};
use targets::Targets;

/// The most webhooks of a court: each is asked for every two seconds, and one that hangs holds the others up.
pub const WEBHOOKS_MAX: i64 = 20;

words! {
    /// Where a webhook stands.
    State {
        /// It is sent to.
        On = "on",
        /// A person has paused it.
        Paused = "paused",
        /// It failed too often, and waits for a person.
        GivenUp = "given_up",
    }
}

impl State {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::On => "webhook.state_on",
            Self::Paused => "webhook.state_paused",
            Self::GivenUp => "webhook.state_given_up",
        })
    }
}

/// A webhook as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Row.
    pub webhook_id: i64,
    /// Who added it.
    pub person_id: i64,
    /// Where to.
    pub url: String,
    /// What it is told of.
    pub filter: Filter,
    /// Where it stands.
    pub state: State,
    /// Attempts that failed since one was accepted.
    pub failures: i64,
    /// Not before this (µs).
    pub next_try_at: i64,
    /// When it was added (µs).
    pub added_at: i64,
    /// Links and ends of jobs that it has not got yet, those among them that it is not told of.
    pub behind: i64,
    /// The last attempt.
    pub last: Option<Attempt>,
}

impl Webhook {
    /// Scheme and host: what may be shown to all. A path is often the receiver's secret.
    #[must_use]
    pub fn place(&self) -> String {
        let end = self.url.find("://").and_then(|scheme| {
            let host = scheme + 3;
            self.url[host..].find(['/', '?']).map(|path| host + path)
        });
        self.url[..end.unwrap_or(self.url.len())].to_owned()
    }
}

fn place(court_id: i64, webhook_id: i64) -> Vec<u8> {
    format!("webhook {court_id} {webhook_id}").into_bytes()
}

/// What is sealed of webhooks.
pub(crate) const SEALED_SECRETS: Sealed = Sealed {
    table: "webhook",
    key: &["court_id", "webhook_id"],
    column: "secret",
    page: "SELECT court_id, webhook_id, secret FROM webhook WHERE (court_id, webhook_id) > ($1, $2) \
           ORDER BY court_id, webhook_id LIMIT 2000",
    place: |row| Ok(place(row.int(0)?, row.int(1)?)),
};

fn open_secret(keys: &Keys, court_id: i64, webhook_id: i64, sealed: &mut [u8]) -> Outcome<Vec<u8>> {
    Ok(keys.open(&place(court_id, webhook_id), sealed)?.to_vec())
}

/// Adds a webhook, which is told of what is recorded from now on; returns its number and the secret, which is shown to nobody
/// again. Needs [`Role::Admin`].
///
/// # Errors
/// Those of [`Targets::read`] and [`Filter::new`], `webhook.too_many`, `access.role_missing`.
pub fn add(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    targets: &Targets,
    url: &str,
    asked: &[String],
    randomness: &mut Randomness,
) -> Outcome<(i64, String)> {
    let court_id = acting.actor.court_id;
    let act = acting.open_act(tx, books::REGISTER, "webhook.add")?;
    acting.require(tx, Role::Admin)?;
    targets.read(url)?;
    let filter = Filter::new(asked)?;
    let count =
        tx.query_one("SELECT CAST(COUNT(*) AS BIGINT) FROM webhook WHERE court_id = $1", &[court_id.into()], |row| {
            row.int(0)
        })?;
    if count >= WEBHOOKS_MAX {
        return Err(Message::new("webhook.too_many").with("max", WEBHOOKS_MAX).into());
    }
    let webhook_id = jobs::next_number(tx, court_id, "webhook")?;
    let random = |randomness: &mut Randomness| randomness.bytes::<32>().map_err(std::io::Error::other);
    let secret = format!("whsec_{}", hex(&random(randomness)?));
    let mut sealed = Vec::new();
    let nonce = randomness.bytes().map_err(std::io::Error::other)?;
    keys.seal(nonce, &place(court_id, webhook_id), secret.as_bytes(), &mut sealed)?;
    tx.execute(
        "INSERT INTO webhook (court_id, webhook_id, person_id, url, events, secret, state, delivery_no, attempt_no, \
         failures, next_try_at, owner, lease_until, added_at) VALUES ($1, $2, $3, $4, $5, $6, 'on', 0, 0, 0, 0, '', 0, $7)",
        &[
            court_id.into(),
            webhook_id.into(),
            acting.actor.person_id.into(),
            url.into(),
            filter.text().as_str().into(),
            Value::Bytes(&sealed),
            acting.at.as_microsecond().into(),
        ],
    )?;
    act.close(tx)?;
    // It begins behind its own link. A book that is opened later begins at its first.
    for (stream, end) in delivery::ends(tx, court_id)? {
        tx.execute(
            "INSERT INTO webhook_cursor (court_id, webhook_id, stream, done_no, sent_no) VALUES ($1, $2, $3, $4, $4)",
            &[court_id.into(), webhook_id.into(), stream.into(), end.into()],
        )?;
    }
    Ok((webhook_id, secret))
}

/// Removes a webhook and its history. Needs [`Role::Admin`].
///
/// # Errors
/// `webhook.unknown`, `access.role_missing`.
pub fn remove(tx: &mut Tx<'_>, acting: &Acting, webhook_id: i64) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let act = acting.open_act(tx, books::REGISTER, "webhook.remove")?;
    acting.require(tx, Role::Admin)?;
    let key = [court_id.into(), webhook_id.into()];
    must_be_there(tx.execute("DELETE FROM webhook WHERE court_id = $1 AND webhook_id = $2", &key)?, webhook_id)?;
    tx.execute("DELETE FROM webhook_cursor WHERE court_id = $1 AND webhook_id = $2", &key)?;
    tx.execute("DELETE FROM webhook_delivery WHERE court_id = $1 AND webhook_id = $2", &key)?;
    act.close(tx)?;
    Ok(())
}

/// Sends nothing more, until it is resumed. Needs [`Role::Admin`].
///
/// # Errors
/// `webhook.unknown`, `webhook.paused_already`, `access.role_missing`.
pub fn pause(tx: &mut Tx<'_>, acting: &Acting, webhook_id: i64) -> Outcome<()> {
    let act = acting.open_act(tx, books::REGISTER, "webhook.pause")?;
    acting.require(tx, Role::Admin)?;
    if find(tx, acting.actor.court_id, webhook_id)?.state != State::On {
        return Err(Message::new("webhook.paused_already").with("webhook", webhook_id).into());
    }
    tx.execute(
        "UPDATE webhook SET state = 'paused' WHERE court_id = $1 AND webhook_id = $2",
        &[acting.actor.court_id.into(), webhook_id.into()],
    )?;
    act.close(tx)?;
    Ok(())
}

/// Sends again, at once and from where it stood. Needs [`Role::Admin`].
///
/// # Errors
/// `webhook.unknown`, `webhook.on_already` (and nothing failed), `access.role_missing`.
pub fn resume(tx: &mut Tx<'_>, acting: &Acting, webhook_id: i64) -> Outcome<()> {
    let act = acting.open_act(tx, books::REGISTER, "webhook.resume")?;
    acting.require(tx, Role::Admin)?;
    let webhook = find(tx, acting.actor.court_id, webhook_id)?;
    // One that waits for its next try is tried at once.
    if webhook.state == State::On && webhook.failures == 0 {
        return Err(Message::new("webhook.on_already").with("webhook", webhook_id).into());
    }
    tx.execute(
        "UPDATE webhook SET state = 'on', failures = 0, next_try_at = 0 WHERE court_id = $1 AND webhook_id = $2",
        &[acting.actor.court_id.into(), webhook_id.into()],
    )?;
    act.close(tx)?;
    Ok(())
}

/// Sets a webhook back, so that it is told again from an event on, in the book of that event; also from before it was added.
/// Whether it is sent to does not change. Needs [`Role::Admin`].
///
/// # Errors
/// `webhook.unknown`, `webhook.event_unknown` (none of this court, or it has not happened), `webhook.event_ahead` (it has not
/// been sent yet: going there would leave something out), `access.role_missing`.
pub fn replay(tx: &mut Tx<'_>, acting: &Acting, webhook_id: i64, from: &str) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let act = acting.open_act(tx, books::REGISTER, "webhook.replay")?;
    acting.require(tx, Role::Admin)?;
    find(tx, court_id, webhook_id)?;
    let unknown = || Message::new("webhook.event_unknown").with("event", from);
    let (stream, number) = events::parse_id(court_id, from).ok_or_else(unknown)?;
    let ends = delivery::ends(tx, court_id)?;
    if !ends.iter().any(|(known, end)| *known == stream && (1..=*end).contains(&number)) {
        return Err(unknown().into());
    }
    // Also what is on its way is behind it then.
    let changed = tx.execute(
        "UPDATE webhook_cursor SET done_no = $4, sent_no = $4 \
         WHERE court_id = $1 AND webhook_id = $2 AND stream = $3 AND sent_no >= $4",
        &[court_id.into(), webhook_id.into(), stream.into(), (number - 1).into()],
    )?;
    if changed == 0 {
        return Err(Message::new("webhook.event_ahead").with("event", from).into());
    }
    act.close(tx)?;
    Ok(())
}

/// What a ping needs, which is sent outside of any transaction.
#[derive(Clone, Debug)]
pub struct Ping {
    court_id: i64,
    webhook_id: i64,
    attempt_no: i64,
    url: String,
    secret: Vec<u8>,
}

/// Begins a ping, also of one that is paused. Needs [`Role::Admin`].
///
/// # Errors
/// `webhook.unknown`, `access.role_missing`, `keys.cannot_open`.
pub fn begin_ping(tx: &mut Tx<'_>, acting: &Acting, keys: &Keys, webhook_id: i64) -> Outcome<Ping> {
    acting.require(tx, Role::Admin)?;
    let court_id = acting.actor.court_id;
    let found = tx.query_opt(
        "UPDATE webhook SET attempt_no = attempt_no + 1 WHERE court_id = $1 AND webhook_id = $2 \
         RETURNING attempt_no, url, secret",
        &[court_id.into(), webhook_id.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.bytes(2)?.to_vec())),
    )?;
    let (attempt_no, url, mut sealed) = found.ok_or_else(|| unknown(webhook_id))?;
    let secret = open_secret(keys, court_id, webhook_id, &mut sealed)?;
    Ok(Ping { court_id, webhook_id, attempt_no, url, secret })
}

impl Ping {
    /// Sends it; what came of it is to be kept with [`delivery::Attempt`].
    #[must_use]
    pub fn send(&self, sender: &Sender, clock: Clock) -> Attempt {
        let delivery = format!("{}-{}-ping-{}", self.court_id, self.webhook_id, self.attempt_no);
        let body = json!({"delivery": delivery, "court": self.court_id, "webhook": self.webhook_id, "events": []});
        let at = clock.now();
        let letter = Letter { kind: "ping", delivery: &delivery, body: &body.to_string(), secret: &self.secret, at };
        let sent = sender.send(&self.url, &letter);
        Attempt {
            attempt_no: self.attempt_no,
            delivery,
            first_event: String::new(),
            last_event: String::new(),
            event_count: 0,
            sent_at: at.as_microsecond(),
            sent,
        }
    }

    /// Keeps what came of it.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep(&self, tx: &mut Tx<'_>, attempt: &Attempt) -> Outcome<()> {
        delivery::record(tx, self.court_id, self.webhook_id, attempt)
    }
}

fn unknown(webhook_id: i64) -> Message {
    Message::new("webhook.unknown").with("webhook", webhook_id)
}

fn must_be_there(changed: u64, webhook_id: i64) -> Result<(), Message> {
    if changed == 1 { Ok(()) } else { Err(unknown(webhook_id)) }
}

/// A webhook by its number.
///
/// # Errors
/// `webhook.unknown`.
pub fn find(tx: &mut Tx<'_>, court_id: i64, webhook_id: i64) -> Outcome<Webhook> {
    all(tx, court_id)?
        .into_iter()
        .find(|webhook| webhook.webhook_id == webhook_id)
        .ok_or_else(|| unknown(webhook_id).into())
}

/// All webhooks of a court, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<Webhook>> {
    let ends = delivery::ends(tx, court_id)?;
    let cursors = tx.query(
        "SELECT webhook_id, stream, done_no FROM webhook_cursor WHERE court_id = $1 ORDER BY webhook_id, stream",
        &[court_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    let behind = |webhook_id: i64| {
        let open = ends.iter().map(|(stream, end)| {
            let cursor = cursors.iter().find(|(id, known, _)| *id == webhook_id && known == stream);
            end - cursor.map_or(0, |(_, _, done)| *done)
        });
        open.sum()
    };
    let mut webhooks = tx.query(
        "SELECT webhook_id, person_id, url, events, state, failures, next_try_at, added_at FROM webhook \
         WHERE court_id = $1 ORDER BY webhook_id",
        &[court_id.into()],
        |row| {
            Ok(Webhook {
                webhook_id: row.int(0)?,
                person_id: row.int(1)?,
                url: row.text(2)?.to_owned(),
                filter: Filter::stored(row.text(3)?),
                state: read_word(row, 4, State::parse)?,
                failures: row.int(5)?,
                next_try_at: row.int(6)?,
                added_at: row.int(7)?,
                behind: behind(row.int(0)?),
                last: None,
            })
        },
    )?;
    for webhook in &mut webhooks {
        webhook.last = attempts(tx, court_id, webhook.webhook_id, 1)?.pop();
    }
    Ok(webhooks)
}

/// The last attempts of a webhook, newest first.
///
/// # Errors
/// What the database says.
pub fn attempts(tx: &mut Tx<'_>, court_id: i64, webhook_id: i64, most: i64) -> Outcome<Vec<Attempt>> {
    Ok(tx.query(
        "SELECT attempt_no, delivery, first_event, last_event, event_count, sent_at, status, trouble, took_micros \
         FROM webhook_delivery WHERE court_id = $1 AND webhook_id = $2 ORDER BY attempt_no DESC LIMIT $3",
        &[court_id.into(), webhook_id.into(), most.into()],
        read_attempt,
    )?)
}

fn read_attempt(row: &Row<'_>) -> ankuan_ledger::engine::Result<Attempt> {
    let trouble = if row.text(7)?.is_empty() { None } else { Some(read_word(row, 7, Trouble::parse)?) };
    let sent = Sent {
        status: row.opt_int(6)?.and_then(|status| u16::try_from(status).ok()),
        trouble,
        took_micros: u64::try_from(row.int(8)?).unwrap_or_default(),
    };
    Ok(Attempt {
        attempt_no: row.int(0)?,
        delivery: row.text(1)?.to_owned(),
        first_event: row.text(2)?.to_owned(),
        last_event: row.text(3)?.to_owned(),
        event_count: row.int(4)?,
        sent_at: row.int(5)?,
        sent,
    })
}
