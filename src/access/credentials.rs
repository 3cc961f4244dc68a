//! How people prove who they are: invitation, password, second factor, and the signing key that the password opens.
//!
//! What hashes a password takes the [`Store`] and not a transaction: hashing takes long on purpose, and on SQLite nobody
//! else can write meanwhile. A wrong password is recorded even though it is refused.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::{Error, Value};
use ankuan_ledger::{Store, Tx};
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use jiff::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use totp_rs::{Builder, Secret, Totp};

use super::signing::{self, Signer, load_keyring, tagged, untagged};
use super::{Acting, Actor, Role, api_keys, elsewhere, find_actor, sessions};
use crate::books;
use crate::clock::{Randomness, day_in_shanghai};
use crate::documents::keys::Keys;
use crate::documents::rotation::Sealed;
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// Memory of a password hash, in KiB. With [`HASH_PASSES`] the smallest that OWASP's Password Storage Cheat Sheet allows
/// for Argon2id, so that a small court machine can bear several sign-ins at once.
const HASH_MEMORY_KIB: u32 = 19 * 1024;
/// Passes over that memory.
const HASH_PASSES: u32 = 2;
/// Threads of one hash.
const HASH_LANES: u32 = 1;
const SALT_LEN: usize = 16;
/// Passwords hashed at once: the machine of a small court has two processors, and each hash takes one of them whole.
const HASHES_MAX: u32 = 2;
/// Those who may wait for that: all get their turn within a second, and threads are left for everybody else.
const HASHES_WAITING_MAX: u32 = 12;

/// Names how a signing key is sealed: Argon2id with the parameters above, then AES-256-GCM.
const SUITE_ARGON2ID_AES_256_GCM: u8 = 1;

/// The fewest characters of a password. NIST SP 800-63B-4 asks for 8 beside a second factor and 15 without one, and for
/// no mixture of kinds of characters.
pub const PASSWORD_CHARS_MIN: usize = 12;
/// The most characters, so that hashing cannot be made to take long.
pub const PASSWORD_CHARS_MAX: usize = 128;
/// Long enough, and guessed first. One a line, lower case.
const COMMON_PASSWORDS: &str = include_str!("common_passwords.txt");

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * 60 * MINUTE;

/// How long an invitation can be used, in microseconds.
const INVITATION: i64 = 7 * DAY;
/// Failures in a row that are free of a lock but for the last.
const FAILURES_MAX: i64 = 5;
/// The first lock; each further failure doubles it.
const LOCK_FIRST: i64 = MINUTE;
/// The longest lock: nobody is kept out of office by somebody else's guessing for longer.
const LOCK_MAX: i64 = 60 * MINUTE;

/// RFC 6238: seconds of a step.
const TOTP_STEP: u64 = 30;
/// Steps by which a telephone's clock may differ either way.
const TOTP_SKEW: u16 = 1;
/// Who the authenticator says the code is for.
const TOTP_ISSUER: &str = "ankuan";
/// RFC 4226, section 4: the length that is recommended.
const TOTP_SECRET_LEN: usize = 20;

/// What somebody who enrolled needs for the second factor. Shown once.
#[derive(Clone)]
pub struct Enrolment {
    /// Who enrolled.
    pub actor: Actor,
    /// For typing into an authenticator.
    pub totp_secret_base32: String,
    /// The same as an address, for a QR code.
    pub otpauth_url: String,
}

impl std::fmt::Debug for Enrolment {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Enrolment({})", self.actor.name)
    }
}

/// A person who has given their password.
pub struct Proof {
    /// Who.
    pub actor: Actor,
    /// Whether a code of the second factor can be asked for: one was confirmed.
    pub has_totp: bool,
    key: SealedKey,
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Proof({})", self.actor.name)
    }
}

impl Proof {
    /// Opens the person's signing key. Takes as long as a password check.
    ///
    /// # Errors
    /// `keys.cannot_open`: another password, or changed bytes.
    pub fn signer(&self, password: &str) -> Outcome<Signer> {
        let pair = self.key.open(password)?;
        Ok(Signer::new(self.key.key_id, self.actor.person_id, pair))
    }
}

struct SealedKey {
    key_id: i64,
    public_key: Vec<u8>,
    sealed: Vec<u8>,
}

/// What a password makes.
struct Sealing {
    password_hash: String,
    sealed: Vec<u8>,
}

/// The stored credential of a person whose password counts.
struct Credential {
    actor: Actor,
    password_hash: String,
    key: SealedKey,
    has_totp: bool,
    locked_until: i64,
}

/// Whether anybody of the court ever enrolled: from then on nobody is taken at their word.
///
/// # Errors
/// What the database says.
pub fn in_force(tx: &mut Tx<'_>, court_id: i64) -> Outcome<bool> {
    Ok(load_keyring(tx, court_id)?.is_in_force())
}

/// Whether a person has a password.
///
/// # Errors
/// What the database says.
pub fn is_enrolled(tx: &mut Tx<'_>, person: &Actor) -> Outcome<bool> {
    Ok(find(tx, person.court_id, &person.name)?.is_some())
}

/// How somebody stands with their credential, as who looks after people sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialState {
    /// They have a password.
    pub is_enrolled: bool,
    /// An invitation counts until then, in microseconds.
    pub invited_until: Option<i64>,
    /// They are locked until then, in microseconds.
    pub locked_until: Option<i64>,
}

/// How the people of a court stand with their credentials; who is not named has neither password nor invitation.
///
/// # Errors
/// What the database says.
pub fn states(tx: &mut Tx<'_>, court_id: i64, at: Timestamp) -> Outcome<BTreeMap<i64, CredentialState>> {
    let (now, mut states) = (at.as_microsecond(), BTreeMap::<i64, CredentialState>::new());
    let enrolled = tx.query(
        "SELECT person_id, locked_until FROM credential WHERE court_id = $1 AND password_hash IS NOT NULL",
        &[court_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    for (person_id, until) in enrolled {
        let state = states.entry(person_id).or_default();
        state.is_enrolled = true;
        state.locked_until = Some(until).filter(|until| *until > now);
    }
    let invited = tx.query(
        "SELECT person_id, expires_at FROM enrolment WHERE court_id = $1 AND expires_at > $2",
        &[court_id.into(), now.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    for (person_id, until) in invited {
        states.entry(person_id).or_default().invited_until = Some(until);
    }
    Ok(states)
}

/// Invites a person to enrol; returns the code, of which only the digest is kept. A new invitation takes the place of
/// the one before. Needs [`Role::Admin`].
///
/// # Errors
/// `access.enrolled_before`, `access.role_missing`.
pub fn invite(tx: &mut Tx<'_>, acting: &Acting, person: &Actor, randomness: &mut Randomness) -> Outcome<String> {
    let act = acting.open_act(tx, books::REGISTER, "person.invite")?;
    acting.require(tx, Role::Admin)?;
    if is_enrolled(tx, person)? {
        return Err(Message::new("access.enrolled_before").with("name", &person.name).into());
    }
    let code = insert_invitation(tx, acting, person, randomness)?;
    act.close(tx)?;
    Ok(code)
}

/// Ends a person's password, key, sessions and programs' keys, and invites them again. Needs [`Role::Admin`].
///
/// # Errors
/// `access.not_enrolled`, `access.reason_missing`, `access.role_missing`.
pub fn reset(
    tx: &mut Tx<'_>,
    acting: &Acting,
    person: &Actor,
    reason: &str,
    randomness: &mut Randomness,
) -> Outcome<String> {
    if reason.trim().is_empty() {
        return Err(Message::new("access.reason_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "person.reset")?;
    acting.require(tx, Role::Admin)?;
    let credential = find(tx, person.court_id, &person.name)?.ok_or_else(|| not_enrolled(&person.name))?;
    signing::end_key(tx, &mut act, credential.key.key_id, reason.trim())?;
    tx.execute(
        "UPDATE credential SET password_hash = NULL, signing_key = NULL, key_id = NULL, totp_last_step = NULL, \
         failed_count = 0, totp_failed_count = 0, locked_until = 0, changed_at = $3 \
         WHERE court_id = $1 AND person_id = $2",
        &[person.court_id.into(), person.person_id.into(), acting.at.as_microsecond().into()],
    )?;
    sessions::close_all(tx, person)?;
    api_keys::revoke_all(tx, person, acting.at)?;
    elsewhere::forget(tx, person)?;
    let code = insert_invitation(tx, acting, person, randomness)?;
    act.close(tx)?;
    Ok(code)
}

/// Lifts a lock before its time. Needs [`Role::Admin`].
///
/// # Errors
/// `access.not_enrolled`, `access.role_missing`.
pub fn lift_lock(tx: &mut Tx<'_>, acting: &Acting, person: &Actor) -> Outcome<()> {
    let act = acting.open_act(tx, books::REGISTER, "person.lift_lock")?;
    acting.require(tx, Role::Admin)?;
    if !is_enrolled(tx, person)? {
        return Err(not_enrolled(&person.name).into());
    }
    tx.execute(
        "UPDATE credential SET failed_count = 0, totp_failed_count = 0, locked_until = 0 \
         WHERE court_id = $1 AND person_id = $2",
        &[person.court_id.into(), person.person_id.into()],
    )?;
    act.close(tx)?;
    Ok(())
}

/// Enrols the person who was invited: password, signing key, secret of the second factor, which counts when a first
/// code was confirmed.
///
/// # Errors
/// `access.enrolment_refused` (no such person, another code, used or too old), and those of [`refuse_weak`].
#[allow(clippy::too_many_arguments)]
pub fn enrol(
    store: &mut Store,
    keys: &Keys,
    court_id: i64,
    name: &str,
    code: &str,
    password: &str,
    at: Timestamp,
    randomness: &mut Randomness,
) -> Outcome<Enrolment> {
    let refused = || Failure::Refused(Message::new("access.enrolment_refused"));
    let digest = code_digest(code);
    let actor = {
        let mut tx = store.snapshot()?;
        let actor = match find_actor(&mut tx, court_id, name) {
            Err(Failure::Refused(_)) => return Err(refused()),
            found => found?,
        };
        if invitations(&mut tx, &actor, &digest, at)? == 0 {
            return Err(refused());
        }
        actor
    };
    refuse_weak(&actor.name, password)?;
    let seed = random(randomness)?;
    let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|_| std::io::Error::other("no key of a seed"))?;
    let public_key = tagged(pair.public_key().as_ref());
    let made = seal(password, &seed, &public_key, randomness)?;
    let secret: [u8; TOTP_SECRET_LEN] = random(randomness)?;
    let mut sealed_secret = Vec::new();
    keys.seal(random(randomness)?, &totp_place(&actor), &secret, &mut sealed_secret)?;

    let mut tx = store.begin()?;
    let acting = Acting { actor: actor.clone(), at, date: day_in_shanghai(at) };
    let mut act = acting.open_act(&mut tx, books::CASE_MONEY, "person.enrol")?;
    // Of two who use one code, the second finds it gone.
    let used = tx.execute(
        "DELETE FROM enrolment WHERE court_id = $1 AND person_id = $2 AND code_digest = $3 AND expires_at > $4",
        &[court_id.into(), actor.person_id.into(), Value::Bytes(&digest), at.as_microsecond().into()],
    )?;
    if used == 0 {
        return Err(refused());
    }
    let key_id = signing::insert_key(&mut tx, &mut act, &public_key)?;
    tx.execute(
        "INSERT INTO credential (court_id, person_id, password_hash, signing_key, key_id, totp_secret, \
         totp_last_step, failed_count, totp_failed_count, locked_until, changed_at) \
         VALUES ($1, $2, $3, $4, $5, $6, NULL, 0, 0, 0, $7) \
         ON CONFLICT (court_id, person_id) DO UPDATE SET password_hash = excluded.password_hash, \
         signing_key = excluded.signing_key, key_id = excluded.key_id, totp_secret = excluded.totp_secret, \
         totp_last_step = NULL, failed_count = 0, totp_failed_count = 0, locked_until = 0, \
         changed_at = excluded.changed_at",
        &[
            court_id.into(),
            actor.person_id.into(),
            made.password_hash.as_str().into(),
            Value::Bytes(&made.sealed),
            key_id.into(),
            Value::Bytes(&sealed_secret),
            at.as_microsecond().into(),
        ],
    )?;
    act.close(&mut tx)?;
    tx.commit()?;
    let totp_secret_base32 = Secret::new(secret.into()).to_base32();
    let otpauth_url = otpauth_url(&actor.name, &totp_secret_base32);
    Ok(Enrolment { actor, totp_secret_base32, otpauth_url })
}

/// Checks a password. The same work is done whether or not the person exists; a failure is recorded before it is
/// refused, and from the fifth in a row on the person is locked for a while, in which nothing is checked.
///
/// # Errors
/// `access.sign_in_refused` (no such person, not enrolled, or another password), `access.locked`.
pub fn check_password(store: &mut Store, court_id: i64, name: &str, password: &str, at: Timestamp) -> Outcome<Proof> {
    let refused = || Failure::Refused(Message::new("access.sign_in_refused"));
    let found = find(&mut store.snapshot()?, court_id, name)?;
    let locked = found.as_ref().map_or(Ok(()), |found| refuse_locked(found.locked_until, at));
    // Whoever is not known, or is locked, takes as long as whoever is known.
    let found = match (found, locked) {
        (Some(found), Ok(())) => found,
        (_, locked) => {
            derive(password, &[0; SALT_LEN])?;
            locked?;
            return Err(refused());
        }
    };
    let turn = TURNS.wait()?;
    let is_right = hasher()?.verify_password(password.as_bytes(), found.password_hash.as_str()).is_ok();
    drop(turn);
    let mut tx = store.begin()?;
    let counted = lock_row(&mut tx, &found.actor)?;
    // While this was checked, others may have failed, or the password may be another.
    if counted.password_hash.as_deref() != Some(&found.password_hash) {
        return Err(refused());
    }
    refuse_locked(counted.locked_until, at)?;
    let failed = if is_right { 0 } else { counted.failed.saturating_add(1) };
    tx.execute(
        "UPDATE credential SET failed_count = $3, locked_until = $4 WHERE court_id = $1 AND person_id = $2",
        &[court_id.into(), found.actor.person_id.into(), failed.into(), locked_until(failed, at).into()],
    )?;
    tx.commit()?;
    if !is_right {
        return Err(refused());
    }
    Ok(Proof { actor: found.actor, has_totp: found.has_totp, key: found.key })
}

/// Checks a password and opens the signing key with it.
///
/// # Errors
/// Those of [`check_password`].
pub fn unlock_signer(store: &mut Store, court_id: i64, name: &str, password: &str, at: Timestamp) -> Outcome<Signer> {
    check_password(store, court_id, name, password, at)?.signer(password)
}

/// Confirms the second factor with its first code; from then on codes are asked for.
///
/// # Errors
/// `access.totp_confirmed`, `access.totp_refused`, `access.locked`, `access.not_enrolled`.
pub fn confirm_totp(store: &mut Store, keys: &Keys, person: &Actor, code: &str, at: Timestamp) -> Outcome<()> {
    use_code(store, keys, person, code, at, true)
}

/// Checks a code of the second factor. Each step counts once; wrong codes lock like wrong passwords.
///
/// # Errors
/// `access.totp_not_confirmed`, `access.totp_refused`, `access.locked`, `access.not_enrolled`.
pub fn check_totp(store: &mut Store, keys: &Keys, person: &Actor, code: &str, at: Timestamp) -> Outcome<()> {
    use_code(store, keys, person, code, at, false)
}

fn use_code(store: &mut Store, keys: &Keys, person: &Actor, code: &str, at: Timestamp, is_first: bool) -> Outcome<()> {
    let mut tx = store.begin()?;
    let counted = lock_row(&mut tx, person)?;
    if counted.password_hash.is_none() {
        return Err(not_enrolled(&person.name).into());
    }
    refuse_locked(counted.locked_until, at)?;
    match (is_first, counted.totp_last_step) {
        (true, Some(_)) => return Err(Message::new("access.totp_confirmed").with("name", &person.name).into()),
        (false, None) => return Err(Message::new("access.totp_not_confirmed").with("name", &person.name).into()),
        _ => {}
    }
    let mut sealed = counted.totp_secret;
    let totp = totp(keys.open(&totp_place(person), &mut sealed)?)?;
    let step = totp.check(code.trim(), u64::try_from(at.as_second()).unwrap_or(0));
    let step = step.and_then(|step| i64::try_from(step).ok());
    // A step that was used, or one before it, is a replay.
    let step = step.filter(|step| counted.totp_last_step.is_none_or(|last| *step > last));
    let failed = if step.is_some() { 0 } else { counted.totp_failed.saturating_add(1) };
    tx.execute(
        "UPDATE credential SET totp_failed_count = $3, locked_until = $4, totp_last_step = $5 \
         WHERE court_id = $1 AND person_id = $2",
        &[
            person.court_id.into(),
            person.person_id.into(),
            failed.into(),
            locked_until(failed, at).into(),
            step.or(counted.totp_last_step).into(),
        ],
    )?;
    tx.commit()?;
    match step {
        Some(_) => Ok(()),
        None => Err(Message::new("access.totp_refused").into()),
    }
}

/// Changes a password. The signing key stays and is sealed anew; all sessions end.
///
/// # Errors
/// Those of [`check_password`] and [`refuse_weak`].
pub fn change_password(
    store: &mut Store,
    court_id: i64,
    name: &str,
    old: &str,
    new: &str,
    at: Timestamp,
    randomness: &mut Randomness,
) -> Outcome<()> {
    let proof = check_password(store, court_id, name, old, at)?;
    refuse_weak(&proof.actor.name, new)?;
    let seed = proof.key.open_seed(old)?;
    let made = seal(new, &seed, &proof.key.public_key, randomness)?;
    let mut tx = store.begin()?;
    let acting = Acting { actor: proof.actor.clone(), at, date: day_in_shanghai(at) };
    let act = acting.open_act(&mut tx, books::REGISTER, "person.password")?;
    // A reset in between counts.
    let changed = tx.execute(
        "UPDATE credential SET password_hash = $3, signing_key = $4, changed_at = $5 \
         WHERE court_id = $1 AND person_id = $2 AND key_id = $6",
        &[
            court_id.into(),
            proof.actor.person_id.into(),
            made.password_hash.as_str().into(),
            Value::Bytes(&made.sealed),
            at.as_microsecond().into(),
            proof.key.key_id.into(),
        ],
    )?;
    if changed == 0 {
        return Err(Message::new("access.sign_in_refused").into());
    }
    sessions::close_all(&mut tx, &proof.actor)?;
    act.close(&mut tx)?;
    tx.commit()?;
    Ok(())
}

/// Refuses a password that is too short, too long, the name, or among the common ones.
///
/// # Errors
/// `access.password_short`, `access.password_long`, `access.password_common`.
pub fn refuse_weak(name: &str, password: &str) -> Result<(), Message> {
    let length = password.chars().count();
    if length < PASSWORD_CHARS_MIN {
        return Err(Message::new("access.password_short").with("min", PASSWORD_CHARS_MIN));
    }
    if length > PASSWORD_CHARS_MAX {
        return Err(Message::new("access.password_long").with("max", PASSWORD_CHARS_MAX));
    }
    let lower = password.to_lowercase();
    let without_name = lower.replace(&name.to_lowercase(), "");
    let is_repeated = lower.chars().all(|letter| lower.starts_with(letter));
    if without_name.trim().is_empty() || is_repeated || COMMON_PASSWORDS.lines().any(|common| common == lower) {
        return Err(Message::new("access.password_common"));
    }
    Ok(())
}

/// Why somebody cannot act: they have no password yet.
#[must_use]
pub fn not_enrolled(name: &str) -> Message {
    Message::new("access.not_enrolled").with("name", name)
}

fn refuse_locked(until: i64, at: Timestamp) -> Result<(), Message> {
    let left = until.saturating_sub(at.as_microsecond());
    if left <= 0 {
        return Ok(());
    }
    // Rounded up: whoever waits so long finds it open.
    Err(Message::new("access.locked").with("seconds", left.saturating_add(SECOND - 1) / SECOND))
}

/// Until when so many failures in a row lock, in microseconds; 0: not at all.
fn locked_until(failed: i64, at: Timestamp) -> i64 {
    match failed.checked_sub(FAILURES_MAX) {
        Some(beyond @ 0..) => {
            let doubled = LOCK_FIRST.saturating_mul(1 << beyond.min(16));
            at.as_microsecond().saturating_add(doubled.min(LOCK_MAX))
        }
        _ => 0,
    }
}

fn find(tx: &mut Tx<'_>, court_id: i64, name: &str) -> Outcome<Option<Credential>> {
    Ok(tx.query_opt(
        "SELECT p.person_id, p.name, c.password_hash, c.key_id, k.public_key, c.signing_key, c.totp_last_step, \
         c.locked_until FROM person AS p JOIN credential AS c ON c.court_id = p.court_id AND c.person_id = p.person_id \
         JOIN person_key AS k ON k.court_id = c.court_id AND k.book_id = $4 AND k.key_id = c.key_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.name = $3 AND c.password_hash IS NOT NULL",
        &[court_id.into(), books::REGISTER.into(), name.trim().into(), books::CASE_MONEY.into()],
        |row| {
            Ok(Credential {
                actor: Actor { court_id, person_id: row.int(0)?, name: row.text(1)?.to_owned() },
                password_hash: row.text(2)?.to_owned(),
                key: SealedKey {
                    key_id: row.int(3)?,
                    public_key: row.bytes(4)?.to_vec(),
                    sealed: row.bytes(5)?.to_vec(),
                },
                has_totp: row.opt_int(6)?.is_some(),
                locked_until: row.int(7)?,
            })
        },
    )?)
}

/// What changes with every attempt, as it is while nobody else can change it.
struct Counted {
    password_hash: Option<String>,
    failed: i64,
    totp_failed: i64,
    locked_until: i64,
    totp_secret: Vec<u8>,
    totp_last_step: Option<i64>,
}

fn lock_row(tx: &mut Tx<'_>, person: &Actor) -> Outcome<Counted> {
    let key = [person.court_id.into(), person.person_id.into()];
    tx.execute("UPDATE credential SET failed_count = failed_count WHERE court_id = $1 AND person_id = $2", &key)?;
    let found = tx.query_opt(
        "SELECT password_hash, failed_count, totp_failed_count, locked_until, totp_secret, totp_last_step \
         FROM credential WHERE court_id = $1 AND person_id = $2",
        &key,
        |row| {
            Ok(Counted {
                password_hash: row.opt_text(0)?.map(str::to_owned),
                failed: row.int(1)?,
                totp_failed: row.int(2)?,
                locked_until: row.int(3)?,
                totp_secret: row.bytes(4)?.to_vec(),
                totp_last_step: row.opt_int(5)?,
            })
        },
    )?;
    found.ok_or_else(|| not_enrolled(&person.name).into())
}

fn insert_invitation(tx: &mut Tx<'_>, acting: &Acting, person: &Actor, randomness: &mut Randomness) -> Outcome<String> {
    // Without 0, O, 1 and I, which are read wrongly. Twenty of 32 characters are 100 bits: nobody guesses them.
    const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    let drawn: [u8; 20] = random(randomness)?;
    let mut code = String::new();
    for (place, byte) in drawn.iter().enumerate() {
        if place > 0 && place % 5 == 0 {
            code.push('-');
        }
        code.push(char::from(LETTERS[usize::from(byte % 32)]));
    }
    tx.execute(
        "INSERT INTO enrolment (court_id, person_id, code_digest, expires_at, made_by) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (court_id, person_id) DO UPDATE SET code_digest = excluded.code_digest, \
         expires_at = excluded.expires_at, made_by = excluded.made_by",
        &[
            person.court_id.into(),
            person.person_id.into(),
            Value::Bytes(&code_digest(&code)),
            acting.at.as_microsecond().saturating_add(INVITATION).into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(code)
}

fn invitations(tx: &mut Tx<'_>, person: &Actor, digest: &[u8; 32], at: Timestamp) -> Outcome<i64> {
    Ok(tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM enrolment \
         WHERE court_id = $1 AND person_id = $2 AND code_digest = $3 AND expires_at > $4",
        &[person.court_id.into(), person.person_id.into(), Value::Bytes(digest), at.as_microsecond().into()],
        |row| row.int(0),
    )?)
}

/// However it is typed: capitals or not, with or without dashes and blanks.
fn code_digest(code: &str) -> [u8; 32] {
    let typed: String = code.chars().filter(char::is_ascii_alphanumeric).collect();
    sha256(&[b"ankuan-enrolment-1", typed.to_ascii_uppercase().as_bytes()])
}

fn totp(secret: &[u8]) -> Outcome<Totp> {
    let built = Builder::new()
        .with_secret(Secret::new(secret.into()))
        .with_step_duration(TOTP_STEP)
        .with_skew(TOTP_SKEW)
        .build();
    Ok(built.map_err(|error| Error::Inconsistent(format!("a secret of a second factor: {error}")))?)
}

fn totp_place(person: &Actor) -> Vec<u8> {
    secret_place(person.court_id, person.person_id)
}

fn secret_place(court_id: i64, person_id: i64) -> Vec<u8> {
    format!("totp {court_id} {person_id}").into_bytes()
}

/// What is sealed of credentials; the signing key is sealed under the password instead.
pub(crate) const SEALED_SECRETS: Sealed = Sealed {
    table: "credential",
    key: &["court_id", "person_id"],
    column: "totp_secret",
    page: "SELECT court_id, person_id, totp_secret FROM credential WHERE (court_id, person_id) > ($1, $2) \
           ORDER BY court_id, person_id LIMIT 2000",
    place: |row| Ok(secret_place(row.int(0)?, row.int(1)?)),
};

/// The address that authenticators read from a QR code (Key Uri Format).
fn otpauth_url(name: &str, secret: &str) -> String {
    let mut label = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            label.push(char::from(byte));
        } else {
            label.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("otpauth://totp/{TOTP_ISSUER}:{label}?secret={secret}&issuer={TOTP_ISSUER}&period={TOTP_STEP}&digits=6")
}

impl SealedKey {
    fn open_seed(&self, password: &str) -> Outcome<[u8; 32]> {
        let refused = || Failure::Refused(Message::new("keys.cannot_open"));
        let (head, rest) = self.sealed.split_at_checked(1 + SALT_LEN).ok_or_else(refused)?;
        let (nonce, cipher) = rest.split_at_checked(NONCE_LEN).ok_or_else(refused)?;
        if head.first() != Some(&SUITE_ARGON2ID_AES_256_GCM) {
            return Err(refused());
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| refused())?;
        let mut cipher = cipher.to_vec();
        let plain = derive(password, &head[1..])?
            .open_in_place(nonce, Aad::from(&self.public_key), &mut cipher)
            .map_err(|_| refused())?;
        <[u8; 32]>::try_from(&*plain).map_err(|_| refused())
    }

    fn open(&self, password: &str) -> Outcome<Ed25519KeyPair> {
        let refused = || Failure::Refused(Message::new("keys.cannot_open"));
        let seed = self.open_seed(password)?;
        let public = untagged(&self.public_key).ok_or_else(refused)?;
        Ed25519KeyPair::from_seed_and_public_key(&seed, public).map_err(|_| refused())
    }
}

/// Hashes a password and seals the seed of a signing key under it, each with its own salt: the hash gives nothing away
/// of what opens the key. The key is bound to its public half.
fn seal(password: &str, seed: &[u8; 32], public_key: &[u8], randomness: &mut Randomness) -> Outcome<Sealing> {
    let salt: [u8; SALT_LEN] = random(randomness)?;
    let turn = TURNS.wait()?;
    let password_hash = hasher()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map_err(|error| std::io::Error::other(error.to_string()))?
        .to_string();
    drop(turn);
    let salt: [u8; SALT_LEN] = random(randomness)?;
    let nonce: [u8; NONCE_LEN] = random(randomness)?;
    let mut cipher = seed.to_vec();
    derive(password, &salt)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(public_key), &mut cipher)
        .map_err(|_| std::io::Error::other("sealing failed"))?;
    let sealed = [&[SUITE_ARGON2ID_AES_256_GCM][..], &salt, &nonce, &cipher].concat();
    Ok(Sealing { password_hash, sealed })
}

fn hasher() -> Outcome<Argon2<'static>> {
    let parameters = Params::new(HASH_MEMORY_KIB, HASH_PASSES, HASH_LANES, None)
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters))
}

/// Turns at hashing, of which there are [`HASHES_MAX`] at once: many who try to sign in must not take the machine from those
/// who work.
#[derive(Debug, Default)]
struct Turns {
    counts: Mutex<TurnCounts>,
    one_ended: Condvar,
}

#[derive(Debug, Default)]
struct TurnCounts {
    hashing: u32,
    waiting: u32,
}

/// All of the process.
static TURNS: std::sync::LazyLock<Turns> = std::sync::LazyLock::new(Turns::default);

struct Turn<'t>(&'t Turns);

impl Turns {
    /// Waits for a turn.
    ///
    /// # Errors
    /// `access.busy`: too many wait already.
    fn wait(&self) -> Result<Turn<'_>, Message> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.waiting >= HASHES_WAITING_MAX {
            return Err(Message::new("access.busy"));
        }
        counts.waiting += 1;
        let is_full = |counts: &mut TurnCounts| counts.hashing >= HASHES_MAX;
        let mut counts = self.one_ended.wait_while(counts, is_full).unwrap_or_else(PoisonError::into_inner);
        counts.waiting -= 1;
        counts.hashing += 1;
        Ok(Turn(self))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner).hashing -= 1;
        self.0.one_ended.notify_one();
    }
}

/// The key that a password makes with a salt. Takes as long as a password check.
fn derive(password: &str, salt: &[u8]) -> Outcome<LessSafeKey> {
    let mut key = [0; 32];
    let _turn = TURNS.wait()?;
    hasher()?
        .hash_password_into(password.as_bytes(), salt, &mut key)
        .map_err(|error| std::io::Error::other(error.to_string()))?;
    let key = UnboundKey::new(&AES_256_GCM, &key).map_err(|_| std::io::Error::other("no key of 32 bytes"))?;
    Ok(LessSafeKey::new(key))
}

pub(super) fn random<const N: usize>(randomness: &mut Randomness) -> Outcome<[u8; N]> {
    Ok(randomness.bytes().map_err(std::io::Error::other)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> Timestamp {
        Timestamp::from_second(1_795_312_800).expect("a time")
    }

    /// However many come at once, two hash, some wait, and the others are told to come again.
    #[test]
    fn few_hash_at_once_and_few_wait() {
        let turns = Turns::default();
        let first: Vec<Turn<'_>> = (0..HASHES_MAX).map(|_| turns.wait().expect("a turn")).collect();
        std::thread::scope(|scope| {
            let waiting: Vec<_> = (0..HASHES_WAITING_MAX).map(|_| scope.spawn(|| turns.wait().map(drop))).collect();
            while turns.counts.lock().expect("a lock").waiting < HASHES_WAITING_MAX {
                std::thread::yield_now();
            }
            assert_eq!(turns.counts.lock().expect("a lock").hashing, HASHES_MAX);
            assert_eq!(turns.wait().err().map(|refused| refused.code), Some("access.busy"));
            drop(first);
            for turn in waiting {
                turn.join().expect("ends").expect("a turn");
            }
        });
        assert!(turns.wait().is_ok());
    }

    #[test]
    fn a_lock_doubles_up_to_an_hour() {
        let minutes = |failed| (locked_until(failed, at()) - at().as_microsecond()) / MINUTE;
        assert_eq!([0, 1, 4].map(|failed| locked_until(failed, at())), [0, 0, 0]);
        assert_eq!([5, 6, 7, 10, 11, 12, 10_000, i64::MAX].map(minutes), [1, 2, 4, 32, 60, 60, 60, 60]);
    }

    #[test]
    fn a_lock_is_open_when_what_was_said_has_passed() {
        let until = locked_until(5, at());
        let after =
            |micros: i64| refuse_locked(until, Timestamp::from_microsecond(at().as_microsecond() + micros).unwrap());
        assert_eq!(after(0).unwrap_err().arguments, [("seconds", "60".to_owned())]);
        assert_eq!(after(MINUTE - 1).unwrap_err().arguments, [("seconds", "1".to_owned())]);
        assert!(after(MINUTE).is_ok());
    }

    #[test]
    fn weak_passwords_are_refused() {
        let said = |password: &str| refuse_weak("Sun Caiwu Abcdef", password).err().map(|message| message.code);
        assert_eq!(said("eleven char"), Some("access.password_short"));
        assert_eq!(said("十二个汉字的密码就够了啊"), None);
        assert_eq!(said(&"ab".repeat(65)), Some("access.password_long"));
        assert_eq!(said(&"ab".repeat(64)), None);
        for common in ["sun caiwu abcdef", "PASSWORDPASSWORD", "zzzzzzzzzzzz", "123456789012"] {
            assert_eq!(said(common), Some("access.password_common"), "{common}");
        }
    }

    #[test]
    fn common_passwords_are_listed_as_they_are_compared() {
        for common in COMMON_PASSWORDS.lines() {
            assert!(common.chars().count() >= PASSWORD_CHARS_MIN && common == common.to_lowercase(), "{common}");
        }
    }

    #[test]
    fn a_sealed_key_opens_with_its_password_only() {
        let seed = [7; 32];
        let public_key = tagged(Ed25519KeyPair::from_seed_unchecked(&seed).unwrap().public_key().as_ref());
        let made = seal("correct horse", &seed, &public_key, &mut Randomness::seeded(1)).unwrap();
        assert!(made.password_hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", made.password_hash);
        let key = |sealed, public_key| SealedKey { key_id: 1, public_key, sealed };
        assert_eq!(key(made.sealed.clone(), public_key.clone()).open_seed("correct horse").unwrap(), seed);
        assert!(key(made.sealed.clone(), public_key.clone()).open("correct horse").is_ok());
        assert!(key(made.sealed.clone(), public_key.clone()).open("correct horsf").is_err());
        assert!(key(made.sealed.clone(), tagged(&[1; 32])).open_seed("correct horse").is_err(), "of another person");
        for place in 0..made.sealed.len() {
            let mut changed = made.sealed.clone();
            changed[place] ^= 1;
            assert!(key(changed, public_key.clone()).open_seed("correct horse").is_err(), "byte {place}");
        }
    }

    /// RFC 6238, appendix B (SHA-1), cut to six digits.
    #[test]
    fn codes_are_those_of_the_standard() {
        let totp = totp(b"12345678901234567890").unwrap();
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(totp.check(code, second), Some(second / TOTP_STEP), "{second}");
        }
    }

    #[test]
    fn names_stand_in_the_address_as_it_allows() {
        assert_eq!(
            otpauth_url("孙", "ABC"),
            "otpauth://totp/ankuan:%E5%AD%99?secret=ABC&issuer=ankuan&period=30&digits=6"
        );
    }
}
