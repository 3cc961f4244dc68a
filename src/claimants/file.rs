//! The exported file of a case (`docs/formats.md`): what everybody may know in its head, an entry for each claimant that
//! only document number and code open, and the court's signature over all of it.

use std::ops::Range;

use ankuan_ledger::chain::sha256;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use serde::{Deserialize, Serialize};

use super::codes::{Cost, Root};
use super::keys::{CourtKeys, PublicExportKey, SIGNATURE_LEN, agreement_key};
use super::view::Seen;
use super::{from_hex, random};
use crate::clock::Randomness;
use crate::failure::Outcome;
use crate::message::Message;

/// What the file begins with.
const MAGIC: &[u8] = b"ankuan-claimants-1\n";

/// The layout that this program writes and reads.
pub const VERSION: u32 = 1;

/// Names how an entry is sealed: keys by Argon2id and HKDF-SHA256, then AES-256-GCM.
const SUITE: u8 = 1;

/// Bytes of an entry are filled up to a multiple of this, so that their number tells nothing about what is in it.
const PAD: usize = 1_024;

/// What the signature is over, before the digest.
const SIGNED: &[u8] = b"ankuan-claimants-export-1";

/// The most memory that a file may ask for a guess: what is signed was not written by a stranger, but a mistake must not
/// stop the machine.
const MEMORY_KIB_MAX: u32 = 256 * 1024;

const TAG_LEN: usize = 32;

/// What everybody may know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`VERSION`].
    pub version: u32,
    /// The court's number in its own database.
    pub court_id: i64,
    /// Its name.
    pub court: String,
    /// The case's number in the court's database.
    pub case_id: i64,
    /// Its numbers in turn, normal form; the last is current.
    pub numbers: Vec<String>,
    /// Which export of the case it is; of several files the greatest counts.
    pub export_no: i64,
    /// µs UTC.
    pub exported_at: i64,
    /// Salt of the codes, hexadecimal.
    pub code_salt: String,
    /// Memory of Argon2id, in KiB.
    pub code_memory_kib: u32,
    /// Passes of Argon2id.
    pub code_passes: u32,
    /// Salt of this export, hexadecimal.
    pub export_salt: String,
    /// Key to which corrections are sealed, hexadecimal.
    pub agreement_key: String,
    /// How many entries follow.
    pub entries: u64,
}

/// What an entry holds.
#[derive(Serialize, Deserialize)]
struct Entry {
    expires_at: i64,
    seen: Seen,
}

/// Writes an export: for each claimant the root of the code, when it ends, and what is seen.
///
/// # Errors
/// What the system's randomness says.
pub fn write(
    header: &Header,
    entries: &[(&Root, i64, &Seen)],
    court: &CourtKeys,
    randomness: &mut Randomness,
) -> Outcome<Vec<u8>> {
    let export_salt = from_hex(&header.export_salt).unwrap_or_default();
    let head = serde_json::to_vec(header).map_err(std::io::Error::from)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&u32::try_from(head.len()).map_err(std::io::Error::other)?.to_be_bytes());
    bytes.extend_from_slice(&head);
    let head_digest = sha256(&[&head]);
    // In the order of the tags: the place of an entry says nothing about the claim's place in its list.
    let mut order = Vec::with_capacity(entries.len());
    for (place, (root, ..)) in entries.iter().enumerate() {
        order.push((root.tag(&export_salt)?, place));
    }
    order.sort_unstable();
    for (tag, place) in order {
        let (root, expires_at, seen) = entries[place];
        let entry = Entry { expires_at, seen: seen.clone() };
        let mut plain = serde_json::to_vec(&entry).map_err(std::io::Error::from)?;
        plain.resize(plain.len().next_multiple_of(PAD), b' ');
        let nonce: [u8; NONCE_LEN] = random(randomness)?;
        let key = key_of(&root.seal_key(&export_salt)?)?;
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from([&head_digest[..], &tag].concat()),
            &mut plain,
        )
        .map_err(|_| std::io::Error::other("sealing failed"))?;
        let length = u32::try_from(1 + NONCE_LEN + plain.len()).map_err(std::io::Error::other)?;
        bytes.extend_from_slice(&tag);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.push(SUITE);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&plain);
    }
    let signature = court.sign(&signed(&bytes));
    bytes.extend_from_slice(&signature);
    Ok(bytes)
}

fn signed(bytes: &[u8]) -> Vec<u8> {
    [SIGNED, &sha256(&[bytes])].concat()
}

fn key_of(bytes: &[u8; 32]) -> Outcome<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| std::io::Error::other("no key of 32 bytes"))?;
    Ok(LessSafeKey::new(key))
}

/// An export whose signature was checked.
#[derive(Debug)]
pub struct Exported {
    /// What everybody may know.
    pub header: Header,
    head_digest: [u8; 32],
    code_salt: Vec<u8>,
    export_salt: Vec<u8>,
    bytes: Vec<u8>,
    /// Tag and place of each entry, ordered by tag.
    entries: Vec<([u8; TAG_LEN], Range<usize>)>,
}

impl Exported {
    /// Reads an export and checks who signed it.
    ///
    /// # Errors
    /// `claimants.file_signature` (another key, or changed bytes), `claimants.file_unreadable` (signed, but not as this
    /// program writes it).
    pub fn read(bytes: Vec<u8>, key: &PublicExportKey) -> Result<Self, Message> {
        let not_signed = || Message::new("claimants.file_signature");
        let (content, signature) =
            bytes.len().checked_sub(SIGNATURE_LEN).map(|end| bytes.split_at(end)).ok_or_else(not_signed)?;
        // First who wrote it, then what it says.
        if !content.starts_with(MAGIC) || !key.has_signed(&signed(content), signature) {
            return Err(not_signed());
        }
        let end = content.len();
        let unreadable = || Message::new("claimants.file_unreadable");
        let mut at = MAGIC.len();
        let head = take_block(content, &mut at).ok_or_else(unreadable)?;
        let header: Header = serde_json::from_slice(&content[head.clone()]).map_err(|_| unreadable())?;
        let head_digest = sha256(&[&content[head]]);
        let salts = from_hex(&header.code_salt).zip(from_hex(&header.export_salt));
        let (code_salt, export_salt) = salts.ok_or_else(unreadable)?;
        let is_known = header.version == VERSION
            && header.code_memory_kib <= MEMORY_KIB_MAX
            && from_hex(&header.agreement_key).is_some_and(|key| agreement_key(&key).is_some());
        if !is_known {
            return Err(unreadable());
        }
        let mut entries: Vec<([u8; TAG_LEN], Range<usize>)> = Vec::new();
        while at < end {
            let tag = content.get(at..at + TAG_LEN).and_then(|tag| tag.try_into().ok()).ok_or_else(unreadable)?;
            at += TAG_LEN;
            let block = take_block(content, &mut at).ok_or_else(unreadable)?;
            if entries.last().is_some_and(|(last, _)| *last >= tag) {
                return Err(unreadable());
            }
            entries.push((tag, block));
        }
        if entries.len() as u64 != header.entries {
            return Err(unreadable());
        }
        Ok(Self { header, head_digest, code_salt, export_salt, bytes, entries })
    }

    /// What a guess costs.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        Cost { memory_kib: self.header.code_memory_kib, passes: self.header.code_passes }
    }

    /// The salt of the codes.
    #[must_use]
    pub fn code_salt(&self) -> &[u8] {
        &self.code_salt
    }

    /// What a root opens, if there is an entry for it; with the moment at which the code ends.
    ///
    /// # Errors
    /// What the library says.
    pub fn open(&self, root: &Root) -> Outcome<Option<(Seen, i64)>> {
        let tag = root.tag(&self.export_salt)?;
        let key = key_of(&root.seal_key(&self.export_salt)?)?;
        let Ok(place) = self.entries.binary_search_by_key(&tag, |(tag, _)| *tag) else { return Ok(None) };
        let sealed = &self.bytes[self.entries[place].1.clone()];
        Ok(self.open_entry(&key, &tag, sealed).map(|entry| (entry.seen, entry.expires_at)))
    }

    fn open_entry(&self, key: &LessSafeKey, tag: &[u8], sealed: &[u8]) -> Option<Entry> {
        let (&SUITE, rest) = sealed.split_first()? else { return None };
        let (nonce, cipher) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut cipher = cipher.to_vec();
        let place = [&self.head_digest[..], tag].concat();
        let plain = key.open_in_place(nonce, Aad::from(place), &mut cipher).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

/// A block with its length before it.
fn take_block(bytes: &[u8], at: &mut usize) -> Option<Range<usize>> {
    let length = bytes.get(*at..*at + 4)?.try_into().ok().map(u32::from_be_bytes)?;
    let start = *at + 4;
    let end = start.checked_add(usize::try_from(length).ok()?)?;
    if end > bytes.len() {
        return None;
    }
    *at = end;
    Some(start..end)
}
