//! The court's keys towards the outside: one signs exports, the other opens corrections. Made on first use.

use std::fmt;

use ankuan_ledger::Tx;
use ankuan_ledger::chain::hex;
use ankuan_ledger::engine::Value;
use jiff::Timestamp;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use x25519_dalek::{PublicKey, StaticSecret};

use super::{from_hex, place, random, seal};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::rotation::Sealed;
use crate::failure::Outcome;
use crate::message::Message;

/// Names the algorithm: the first byte of every key and signature.
const SUITE_ED25519: u8 = 1;
const SUITE_X25519: u8 = 1;

/// Bytes of a signature with its suite tag.
pub const SIGNATURE_LEN: usize = 65;

/// The court's keys towards the outside. They never print themselves.
pub struct CourtKeys {
    pair: Ed25519KeyPair,
    agreement: StaticSecret,
}

impl fmt::Debug for CourtKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CourtKeys(…)")
    }
}

impl CourtKeys {
    fn of_seeds(seed: &[u8], secret: &[u8]) -> Outcome<Self> {
        let wrong = || ankuan_ledger::Error::Inconsistent("a key towards claimants is none".to_owned());
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| wrong())?;
        let secret: [u8; 32] = secret.try_into().map_err(|_| wrong())?;
        Ok(Self { pair, agreement: StaticSecret::from(secret) })
    }

    /// Whoever checks exports needs this: suite tag, then the key.
    #[must_use]
    pub fn public(&self) -> PublicExportKey {
        PublicExportKey([&[SUITE_ED25519], self.pair.public_key().as_ref()].concat())
    }

    /// Corrections are sealed to this: suite tag, then the key.
    #[must_use]
    pub fn agreement_public(&self) -> Vec<u8> {
        [&[SUITE_X25519][..], PublicKey::from(&self.agreement).as_bytes()].concat()
    }

    pub(super) const fn agreement(&self) -> &StaticSecret {
        &self.agreement
    }

    /// Signs: suite tag, then the signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        [&[SUITE_ED25519], self.pair.sign(message).as_ref()].concat()
    }
}

/// The key by which the listener knows its court's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicExportKey(Vec<u8>);

impl PublicExportKey {
    /// From its digits.
    ///
    /// # Errors
    /// `claimants.public_key`.
    pub fn parse(text: &str) -> Result<Self, Message> {
        match from_hex(text.trim()) {
            Some(bytes) if bytes.len() == 33 && bytes[0] == SUITE_ED25519 => Ok(Self(bytes)),
            _ => Err(Message::new("claimants.public_key")),
        }
    }

    /// Its digits.
    #[must_use]
    pub fn text(&self) -> String {
        hex(&self.0)
    }

    /// Whether the court signed exactly this.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let Some((&SUITE_ED25519, signature)) = signature.split_first() else { return false };
        UnparsedPublicKey::new(&ED25519, &self.0[1..]).verify(message, signature).is_ok()
    }
}

/// The key of an agreement out of its tagged form; none for a suite that this program does not know.
pub(super) fn agreement_key(bytes: &[u8]) -> Option<PublicKey> {
    match bytes.split_first() {
        Some((&SUITE_X25519, key)) => <[u8; 32]>::try_from(key).ok().map(PublicKey::from),
        _ => None,
    }
}

fn signing_place(court_id: i64) -> Vec<u8> {
    place("claimant_key sign", &[court_id])
}

fn agreement_place(court_id: i64) -> Vec<u8> {
    place("claimant_key agree", &[court_id])
}

/// What is sealed of the court's keys.
pub(crate) const SEALED: [Sealed; 2] = [
    Sealed {
        table: "claimant_key",
        key: &["court_id"],
        column: "signing_seed",
        page: "SELECT court_id, signing_seed FROM claimant_key WHERE court_id > $1 ORDER BY court_id LIMIT 2000",
        place: |row| Ok(signing_place(row.int(0)?)),
    },
    Sealed {
        table: "claimant_key",
        key: &["court_id"],
        column: "agreement_secret",
        page: "SELECT court_id, agreement_secret FROM claimant_key WHERE court_id > $1 ORDER BY court_id LIMIT 2000",
        place: |row| Ok(agreement_place(row.int(0)?)),
    },
];

/// The court's keys; made when they are first asked for.
///
/// # Errors
/// `keys.cannot_open`; what the database says.
pub fn court_keys(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    court_id: i64,
    now: Timestamp,
) -> Outcome<CourtKeys> {
    let (signing, agreement) = (signing_place(court_id), agreement_place(court_id));
    let found = tx.query_opt(
        "SELECT signing_seed, agreement_secret FROM claimant_key WHERE court_id = $1",
        &[court_id.into()],
        |row| Ok((row.bytes(0)?.to_vec(), row.bytes(1)?.to_vec())),
    )?;
    if let Some((mut seed, mut secret)) = found {
        return CourtKeys::of_seeds(keys.open(&signing, &mut seed)?, keys.open(&agreement, &mut secret)?);
    }
    let (seed, secret): ([u8; 32], [u8; 32]) = (random(randomness)?, random(randomness)?);
    let made = CourtKeys::of_seeds(&seed, &secret)?;
    tx.execute(
        "INSERT INTO claimant_key (court_id, public_key, signing_seed, agreement_key, agreement_secret, last_no, \
         made_at) VALUES ($1, $2, $3, $4, $5, 0, $6)",
        &[
            court_id.into(),
            Value::Bytes(&made.public().0),
            Value::Bytes(&seal(keys, randomness, &signing, &seed)?),
            Value::Bytes(&made.agreement_public()),
            Value::Bytes(&seal(keys, randomness, &agreement, &secret)?),
            now.as_microsecond().into(),
        ],
    )?;
    Ok(made)
}

/// Takes numbers for messages or corrections; gives the first. The court's keys are there.
///
/// # Errors
/// What the database says.
pub(super) fn take_numbers(tx: &mut Tx<'_>, court_id: i64, count: i64) -> Outcome<i64> {
    let last = tx.query_one(
        "UPDATE claimant_key SET last_no = last_no + $2 WHERE court_id = $1 RETURNING last_no",
        &[court_id.into(), count.into()],
        |row| row.int(0),
    )?;
    Ok(last - count + 1)
}
