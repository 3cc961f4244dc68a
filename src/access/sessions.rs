//! Sessions of people who have signed in. Only the digest of a token is stored.

use ankuan_ledger::Tx;
use ankuan_ledger::chain::{hex, sha256};
use ankuan_ledger::engine::Value;
use jiff::Timestamp;
use ring::hmac;

use super::Actor;
use super::credentials::random;
use crate::books;
use crate::clock::Randomness;
use crate::failure::Outcome;

const MINUTE: i64 = 60_000_000;
/// A session ends when nothing was asked for so long, in microseconds: a desk that was left.
pub const IDLE: i64 = 30 * MINUTE;
/// A session ends after so long in any case: one working day.
pub const ABSOLUTE: i64 = 12 * 60 * MINUTE;
/// That a session was used is written at most so often.
const TOUCH: i64 = MINUTE;

/// A session that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Who has signed in.
    pub actor: Actor,
    /// When, in microseconds.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub seen_at: i64,
}

/// Opens a session for somebody whose password and code were checked; returns its token, which is stored nowhere.
///
/// # Errors
/// What the database says.
pub fn open(tx: &mut Tx<'_>, actor: &Actor, at: Timestamp, randomness: &mut Randomness) -> Outcome<String> {
    let token = hex(&random::<32>(randomness)?);
    let now = at.as_microsecond();
    // Those that are over are of no use to anybody.
    tx.execute(
        "DELETE FROM session WHERE court_id = $1 AND person_id = $2 AND (expires_at <= $3 OR seen_at <= $4)",
        &[actor.court_id.into(), actor.person_id.into(), now.into(), now.saturating_sub(IDLE).into()],
    )?;
    tx.execute(
        "INSERT INTO session (court_id, token_digest, person_id, created_at, seen_at, expires_at) \
         VALUES ($1, $2, $3, $4, $4, $5)",
        &[
            actor.court_id.into(),
            Value::Bytes(&digest(&token)),
            actor.person_id.into(),
            now.into(),
            now.saturating_add(ABSOLUTE).into(),
        ],
    )?;
    Ok(token)
}

/// The session of a token, if it counts now. Changes nothing.
///
/// # Errors
/// What the database says.
pub fn by_token(tx: &mut Tx<'_>, court_id: i64, token: &str, at: Timestamp) -> Outcome<Option<Session>> {
    let now = at.as_microsecond();
    Ok(tx.query_opt(
        "SELECT p.person_id, p.name, s.created_at, s.seen_at FROM session AS s JOIN person AS p \
         ON p.court_id = s.court_id AND p.book_id = $5 AND p.person_id = s.person_id \
         WHERE s.court_id = $1 AND s.token_digest = $2 AND s.expires_at > $3 AND s.seen_at > $4",
        &[
            court_id.into(),
            Value::Bytes(&digest(token)),
            now.into(),
            now.saturating_sub(IDLE).into(),
            books::REGISTER.into(),
        ],
        |row| {
            Ok(Session {
                actor: Actor { court_id, person_id: row.int(0)?, name: row.text(1)?.to_owned() },
                created_at: row.int(2)?,
                seen_at: row.int(3)?,
            })
        },
    )?)
}

impl Session {
    /// Whether that it was used should be written down: not for every request.
    #[must_use]
    pub fn must_be_touched(&self, at: Timestamp) -> bool {
        at.as_microsecond().saturating_sub(self.seen_at) >= TOUCH
    }
}

/// Writes down that a session was used.
///
/// # Errors
/// What the database says.
pub fn touch(tx: &mut Tx<'_>, court_id: i64, token: &str, at: Timestamp) -> Outcome<()> {
    tx.execute(
        "UPDATE session SET seen_at = $3 WHERE court_id = $1 AND token_digest = $2 AND seen_at < $3",
        &[court_id.into(), Value::Bytes(&digest(token)), at.as_microsecond().into()],
    )?;
    Ok(())
}

/// Ends a session.
///
/// # Errors
/// What the database says.
pub fn close(tx: &mut Tx<'_>, court_id: i64, token: &str) -> Outcome<()> {
    tx.execute(
        "DELETE FROM session WHERE court_id = $1 AND token_digest = $2",
        &[court_id.into(), Value::Bytes(&digest(token))],
    )?;
    Ok(())
}

/// A session as its person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// When it was opened, in microseconds.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub seen_at: i64,
    /// Whether it is the one that asks.
    pub is_this: bool,
}

/// The sessions of a person that count now, newest first.
///
/// # Errors
/// What the database says.
pub fn of_person(tx: &mut Tx<'_>, person: &Actor, token: &str, at: Timestamp) -> Outcome<Vec<Open>> {
    let (now, this) = (at.as_microsecond(), digest(token));
    Ok(tx.query(
        "SELECT created_at, seen_at, token_digest FROM session WHERE court_id = $1 AND person_id = $2 \
         AND expires_at > $3 AND seen_at > $4 ORDER BY created_at DESC, token_digest",
        &[person.court_id.into(), person.person_id.into(), now.into(), now.saturating_sub(IDLE).into()],
        |row| Ok(Open { created_at: row.int(0)?, seen_at: row.int(1)?, is_this: row.bytes(2)? == this.as_slice() }),
    )?)
}

/// Ends all sessions of a person but one.
///
/// # Errors
/// What the database says.
pub fn close_others(tx: &mut Tx<'_>, person: &Actor, token: &str) -> Outcome<()> {
    tx.execute(
        "DELETE FROM session WHERE court_id = $1 AND person_id = $2 AND token_digest <> $3",
        &[person.court_id.into(), person.person_id.into(), Value::Bytes(&digest(token))],
    )?;
    Ok(())
}

/// Ends all sessions of a person.
///
/// # Errors
/// What the database says.
pub fn close_all(tx: &mut Tx<'_>, person: &Actor) -> Outcome<()> {
    tx.execute(
        "DELETE FROM session WHERE court_id = $1 AND person_id = $2",
        &[person.court_id.into(), person.person_id.into()],
    )?;
    Ok(())
}

/// What a form must carry to show that a page of ours sent it: follows from the token, so nothing is stored.
#[must_use]
pub fn csrf_token(token: &str) -> String {
    hex(hmac::sign(&csrf_key(token), CSRF).as_ref())
}

/// Whether a form carries what [`csrf_token`] gave out; takes as long for any value.
#[must_use]
pub fn is_csrf_token(token: &str, given: &str) -> bool {
    let bytes: Option<Vec<u8>> = (0..given.len().div_ceil(2))
        .map(|place| u8::from_str_radix(given.get(2 * place..2 * place + 2)?, 16).ok())
        .collect();
    bytes.is_some_and(|bytes| hmac::verify(&csrf_key(token), CSRF, &bytes).is_ok())
}

const CSRF: &[u8] = b"csrf";

fn csrf_key(token: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes())
}

fn digest(token: &str) -> [u8; 32] {
    sha256(&[b"ankuan-session-1", token.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_counts_for_its_own_session() {
        let given = csrf_token("one");
        assert!(is_csrf_token("one", &given));
        assert!(!is_csrf_token("other", &given));
        for wrong in ["", "0", "zz", &given[2..], &given[1..], "密"] {
            assert!(!is_csrf_token("one", wrong), "{wrong}");
        }
    }
}
