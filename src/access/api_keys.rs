//! Keys with which programs act for a person: shown once, for what they are scoped to, until a day. An administrator makes
//! them, and touches no money: so one that may record anything counts only once the person it acts for has confirmed it.

use ankuan_ledger::Tx;
use ankuan_ledger::chain::{hex, sha256};
use ankuan_ledger::engine::{Error, Value};
use jiff::Timestamp;

use super::credentials::{is_enrolled, not_enrolled, random};
use super::{Acting, Actor, Role, may, roles_of};
use crate::books;
use crate::clock::Randomness;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::words;

words! {
    /// What a key may be used for.
    Scope {
        /// Everything that changes nothing.
        Read = "read",
        /// What the person may record.
        Write = "write",
        /// Bringing statements and answers of the bank, and nothing else.
        Bank = "bank",
    }
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000;
/// The most days a key may count: somebody looks at it once a year.
pub const DAYS_MAX: i64 = 366;

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Row.
    pub key_id: i64,
    /// For whom it acts.
    pub actor: Actor,
    /// What it is for.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// In microseconds.
    pub created_at: i64,
    /// In microseconds.
    pub expires_at: i64,
    /// In microseconds, when it was revoked.
    pub revoked_at: Option<i64>,
    /// In microseconds, when the person it acts for confirmed it.
    pub confirmed_at: Option<i64>,
}

impl ApiKey {
    /// Whether it counts.
    #[must_use]
    pub fn is_live(&self, at: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at > at.as_microsecond()
    }

    /// Whether it waits for the person it acts for: one that only reads waits for nobody.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.confirmed_at.is_none() && self.scopes.iter().any(|scope| *scope != Scope::Read)
    }

    /// Refuses a key that waits for its person: until then it is good for nothing, not even to read.
    ///
    /// # Errors
    /// `access.key_unconfirmed`.
    pub fn require_confirmed(&self) -> Result<(), Message> {
        if !self.waits() {
            return Ok(());
        }
        Err(Message::new("access.key_unconfirmed")
            .with("key", self.key_id)
            .with("name", &self.name)
            .with("person", &self.actor.name))
    }

    /// Refuses what the key is not for.
    ///
    /// # Errors
    /// `access.scope_missing`.
    pub fn require(&self, scope: Scope) -> Result<(), Message> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        Err(Message::new("access.scope_missing").with("name", &self.name).with("scope", scope.as_str()))
    }
}

/// Makes a key; returns the secret, which is stored nowhere: `ankuan_<court>_<key>_<secret>`. Needs [`Role::Admin`].
///
/// # Errors
/// `access.name_empty`, `access.scopes_empty`, `access.key_days`, `access.not_enrolled` (nobody else answers for what
/// it does), `access.role_missing`.
pub fn create(
    tx: &mut Tx<'_>,
    acting: &Acting,
    person: &Actor,
    name: &str,
    scopes: &[Scope],
    days: i64,
    randomness: &mut Randomness,
) -> Outcome<(ApiKey, String)> {
    if name.trim().is_empty() {
        return Err(Message::new("access.name_empty").into());
    }
    if scopes.is_empty() {
        return Err(Message::new("access.scopes_empty").into());
    }
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Message::new("access.key_days").with("max", DAYS_MAX).into());
    }
    let mut act = acting.open_act(tx, books::REGISTER, "api_key.add")?;
    acting.require(tx, Role::Admin)?;
    if !is_enrolled(tx, person)? {
        return Err(not_enrolled(&person.name).into());
    }
    let secret = hex(&random::<32>(randomness)?);
    let scopes: Vec<Scope> = Scope::ALL.iter().copied().filter(|scope| scopes.contains(scope)).collect();
    let created_at = acting.at.as_microsecond();
    let key = ApiKey {
        key_id: act.take_ids(1),
        actor: person.clone(),
        name: name.trim().to_owned(),
        scopes,
        created_at,
        expires_at: created_at.saturating_add(days.saturating_mul(DAY)),
        revoked_at: None,
        confirmed_at: None,
    };
    let words: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
    tx.execute(
        "INSERT INTO api_key (court_id, key_id, secret_digest, person_id, name, scopes, created_at, expires_at, \
         revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)",
        &[
            person.court_id.into(),
            key.key_id.into(),
            Value::Bytes(&digest(&secret)),
            person.person_id.into(),
            key.name.as_str().into(),
            words.join(",").as_str().into(),
            key.created_at.into(),
            key.expires_at.into(),
        ],
    )?;
    act.close(tx)?;
    let shown = format!("ankuan_{}_{}_{secret}", person.court_id, key.key_id);
    Ok((key, shown))
}

/// The key of a secret, if it is neither over nor revoked. Whether it was confirmed is for the caller to ask, who can say why
/// it does not count: [`ApiKey::require_confirmed`].
///
/// # Errors
/// What the database says.
pub fn by_secret(tx: &mut Tx<'_>, court_id: i64, shown: &str, at: Timestamp) -> Outcome<Option<ApiKey>> {
    let Some((court, key_id, secret)) = parts(shown) else { return Ok(None) };
    if court != court_id {
        return Ok(None);
    }
    // A digest, so how long the comparison takes says nothing of the secret.
    let found = tx.query_opt(
        "SELECT k.key_id, p.person_id, p.name, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at, c.confirmed_at \
         FROM api_key AS k JOIN person AS p ON p.court_id = k.court_id AND p.book_id = $4 AND p.person_id = k.person_id \
         LEFT JOIN api_key_confirmation AS c ON c.court_id = k.court_id AND c.key_id = k.key_id \
         WHERE k.court_id = $1 AND k.key_id = $2 AND k.secret_digest = $3",
        &[court_id.into(), key_id.into(), Value::Bytes(&digest(secret)), books::REGISTER.into()],
        |row| read(court_id, row),
    )?;
    Ok(found.filter(|key| key.is_live(at)))
}

/// The court that a secret says it belongs to, to find the key there.
#[must_use]
pub fn court_of(shown: &str) -> Option<i64> {
    parts(shown).map(|(court, ..)| court)
}

fn parts(shown: &str) -> Option<(i64, i64, &str)> {
    let mut parts = shown.strip_prefix("ankuan_")?.split('_');
    let found = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?);
    parts.next().is_none().then_some(found)
}

/// All keys of a court, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<ApiKey>> {
    Ok(tx.query(
        "SELECT k.key_id, p.person_id, p.name, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at, c.confirmed_at \
         FROM api_key AS k JOIN person AS p ON p.court_id = k.court_id AND p.book_id = $2 AND p.person_id = k.person_id \
         LEFT JOIN api_key_confirmation AS c ON c.court_id = k.court_id AND c.key_id = k.key_id \
         WHERE k.court_id = $1 ORDER BY k.key_id",
        &[court_id.into(), books::REGISTER.into()],
        |row| read(court_id, row),
    )?)
}

/// Confirms a key that acts for whoever says so: from then on it counts. Nobody can confirm another's, and no key confirms a
/// key ([`may::IN_PERSON`]). Needs any role that records something.
///
/// # Errors
/// `access.key_unknown` (none, revoked or over), `access.key_not_yours`, `access.key_confirmed_already` (or it needs no
/// confirmation), `access.roles_missing`.
pub fn confirm(tx: &mut Tx<'_>, acting: &Acting, key_id: i64) -> Outcome<ApiKey> {
    let court_id = acting.actor.court_id;
    let act = acting.open_act(tx, books::REGISTER, "api_key.confirm")?;
    may::require(&acting.actor, &roles_of(tx, &acting.actor, acting.today())?, "api-key confirm")?;
    let found = all(tx, court_id)?.into_iter().find(|key| key.key_id == key_id && key.is_live(acting.at));
    let key = found.ok_or_else(|| Message::new("access.key_unknown").with("key", key_id))?;
    if key.actor.person_id != acting.actor.person_id {
        return Err(Message::new("access.key_not_yours").with("key", key_id).with("person", &key.actor.name).into());
    }
    if !key.waits() {
        return Err(Message::new("access.key_confirmed_already").with("key", key_id).into());
    }
    let confirmed_at = acting.at.as_microsecond();
    tx.execute(
        "INSERT INTO api_key_confirmation (court_id, key_id, confirmed_at) VALUES ($1, $2, $3)",
        &[court_id.into(), key_id.into(), confirmed_at.into()],
    )?;
    act.close(tx)?;
    Ok(ApiKey { confirmed_at: Some(confirmed_at), ..key })
}

/// Revokes a key. Needs [`Role::Admin`].
///
/// # Errors
/// `access.key_unknown` (none, or revoked before), `access.role_missing`.
pub fn revoke(tx: &mut Tx<'_>, acting: &Acting, key_id: i64) -> Outcome<()> {
    let act = acting.open_act(tx, books::REGISTER, "api_key.revoke")?;
    acting.require(tx, Role::Admin)?;
    let revoked = tx.execute(
        "UPDATE api_key SET revoked_at = $3 WHERE court_id = $1 AND key_id = $2 AND revoked_at IS NULL",
        &[acting.actor.court_id.into(), key_id.into(), acting.at.as_microsecond().into()],
    )?;
    if revoked == 0 {
        return Err(Message::new("access.key_unknown").with("key", key_id).into());
    }
    act.close(tx)?;
    Ok(())
}

pub(super) fn revoke_all(tx: &mut Tx<'_>, person: &Actor, at: Timestamp) -> Outcome<()> {
    tx.execute(
        "UPDATE api_key SET revoked_at = $3 WHERE court_id = $1 AND person_id = $2 AND revoked_at IS NULL",
        &[person.court_id.into(), person.person_id.into(), at.as_microsecond().into()],
    )?;
    Ok(())
}

fn read(court_id: i64, row: &ankuan_ledger::engine::Row<'_>) -> ankuan_ledger::engine::Result<ApiKey> {
    let scopes = row.text(4)?.split(',').map(|word| {
        Scope::parse(word).ok_or_else(|| Error::Inconsistent(format!("an API key with the unknown scope {word:?}")))
    });
    Ok(ApiKey {
        key_id: row.int(0)?,
        actor: Actor { court_id, person_id: row.int(1)?, name: row.text(2)?.to_owned() },
        name: row.text(3)?.to_owned(),
        scopes: scopes.collect::<Result<_, _>>()?,
        created_at: row.int(5)?,
        expires_at: row.int(6)?,
        revoked_at: row.opt_int(7)?,
        confirmed_at: row.opt_int(8)?,
    })
}

fn digest(secret: &str) -> [u8; 32] {
    sha256(&[b"ankuan-api-key-1", secret.as_bytes()])
}
