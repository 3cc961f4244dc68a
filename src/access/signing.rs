//! Keys with which people sign: public halves as facts, the private half for as long as a password opened it.
//!
//! Keys stand in the book of what they sign, so ids of that book order both: what is signed with an id is signed under
//! the newest key before it.

use std::fmt;

use ankuan_ledger::chain::{hex, sha256};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Value};
use ankuan_ledger::{Act, Tx};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

use crate::books;
use crate::failure::Outcome;

/// Names the algorithm: the first byte of every public key and every signature.
const SUITE_ED25519: u8 = 1;

/// `person_key`
pub static PERSON_KEY: Table = Table {
    name: "person_key",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("key_id", Int),
        ("person_id", Int),
        ("public_key", Bytes),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["key_id"],
};

/// `person_key_end`
pub static PERSON_KEY_END: Table = Table {
    name: "person_key_end",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("key_id", Int),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A key that signs for one person. It never prints itself.
pub struct Signer {
    /// Row of `person_key`.
    pub key_id: i64,
    /// Whose key it is.
    pub person_id: i64,
    pair: Ed25519KeyPair,
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Signer(…)")
    }
}

impl Signer {
    pub(super) const fn new(key_id: i64, person_id: i64, pair: Ed25519KeyPair) -> Self {
        Self { key_id, person_id, pair }
    }

    /// Signs a message: `suite ‖ signature`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        tagged(self.pair.sign(message).as_ref())
    }
}

pub(super) fn tagged(bytes: &[u8]) -> Vec<u8> {
    [&[SUITE_ED25519], bytes].concat()
}

/// The bytes behind the suite tag; none for a suite that this program does not know.
pub(super) fn untagged(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.split_first() {
        Some((&SUITE_ED25519, rest)) => Some(rest),
        _ => None,
    }
}

/// A person's public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonKey {
    /// Row of `person_key`; orders it among what is signed.
    pub key_id: i64,
    /// Whose key it is.
    pub person_id: i64,
    /// `suite ‖ key`
    pub public_key: Vec<u8>,
    /// Row of `person_key_end`, when it was ended.
    pub ended_by: Option<i64>,
}

impl PersonKey {
    /// What people compare by eye: the beginning of the digest of the public half, in groups of four.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digits = hex(&sha256(&[&self.public_key])[..16]);
        let groups: Vec<&str> = (0..8).filter_map(|group| digits.get(4 * group..4 * group + 4)).collect();
        groups.join(" ")
    }

    /// Whether a signature is this key's, of exactly this message.
    #[must_use]
    pub fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let (Some(key), Some(signature)) = (untagged(&self.public_key), untagged(signature)) else { return false };
        UnparsedPublicKey::new(&ED25519, key).verify(message, signature).is_ok()
    }
}

/// The keys of all people of a court.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<PersonKey>);

impl Keyring {
    /// Whether anybody ever enrolled: from then on nobody is taken at their word.
    #[must_use]
    pub const fn is_in_force(&self) -> bool {
        !self.0.is_empty()
    }

    /// The newest key of a person before a row of the book, ended or not.
    #[must_use]
    pub fn newest(&self, person_id: i64, before_id: i64) -> Option<&PersonKey> {
        self.0.iter().filter(|key| key.person_id == person_id && key.key_id < before_id).max_by_key(|key| key.key_id)
    }

    /// The key that counts for a person at a row of the book.
    #[must_use]
    pub fn live(&self, person_id: i64, at_id: i64) -> Option<&PersonKey> {
        self.newest(person_id, at_id).filter(|key| key.ended_by.is_none_or(|ended| ended > at_id))
    }
}

/// All keys of a court.
///
/// # Errors
/// What the database says.
pub fn load_keyring(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Keyring> {
    Ok(Keyring(tx.query(
        "SELECT k.key_id, k.person_id, k.public_key, e.id FROM person_key AS k \
         LEFT JOIN person_key_end AS e ON e.court_id = k.court_id AND e.book_id = k.book_id AND e.key_id = k.key_id \
         WHERE k.court_id = $1 AND k.book_id = $2 ORDER BY k.key_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| {
            Ok(PersonKey {
                key_id: row.int(0)?,
                person_id: row.int(1)?,
                public_key: row.bytes(2)?.to_vec(),
                ended_by: row.opt_int(3)?,
            })
        },
    )?))
}

/// Records a public key of the person who acts; returns its row.
pub(super) fn insert_key(tx: &mut Tx<'_>, act: &mut Act, public_key: &[u8]) -> Outcome<i64> {
    let key_id = act.take_ids(1);
    let (at, person_id) = (act.recorded_at(), act.actor_id());
    act.insert(tx, &PERSON_KEY, key_id, &[key_id.into(), person_id.into(), Value::Bytes(public_key), at.into()])?;
    Ok(key_id)
}

/// Ends a key.
pub(super) fn end_key(tx: &mut Tx<'_>, act: &mut Act, key_id: i64, reason: &str) -> Outcome<()> {
    let id = act.take_ids(1);
    let (at, actor_id) = (act.recorded_at(), act.actor_id());
    act.insert(tx, &PERSON_KEY_END, id, &[id.into(), key_id.into(), reason.into(), at.into(), actor_id.into()])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(key_id: i64, person_id: i64, ended_by: Option<i64>) -> PersonKey {
        PersonKey { key_id, person_id, public_key: Vec::new(), ended_by }
    }

    #[test]
    fn the_newest_key_before_it_counts_until_it_ends() {
        let keys = Keyring(vec![key(10, 1, Some(20)), key(30, 1, None), key(12, 2, None)]);
        for (at, live) in [(9, None), (15, Some(10)), (25, None), (31, Some(30)), (i64::MAX, Some(30))] {
            assert_eq!(keys.live(1, at).map(|key| key.key_id), live, "at {at}");
        }
        assert_eq!(keys.newest(1, 25).map(|key| key.key_id), Some(10), "an ended key is still known");
        assert_eq!(keys.live(3, i64::MAX), None);
    }

    #[test]
    fn only_its_own_key_has_signed_and_only_that() {
        let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("a key");
        let public = |seed| {
            use ring::signature::KeyPair as _;
            PersonKey { public_key: tagged(pair(seed).public_key().as_ref()), ..key(1, 1, None) }
        };
        let signer = Signer::new(1, 1, pair(1));
        let signature = signer.sign(b"message");
        assert!(public(1).has_signed(b"message", &signature));
        assert!(!public(2).has_signed(b"message", &signature));
        assert!(!public(1).has_signed(b"messagf", &signature));
        for place in 0..signature.len() {
            let mut changed = signature.clone();
            changed[place] ^= 1;
            assert!(!public(1).has_signed(b"message", &changed), "byte {place}");
        }
        assert_eq!(format!("{signer:?}"), "Signer(…)");
    }
}
