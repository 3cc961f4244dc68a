//! Keys: what seals personal data and files, and what indexes them. A file made by `init`, kept apart from the
//! database: whoever has only one of the two reads no personal data.

use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ankuan_ledger::chain::{hex, sha256};
use ankuan_ledger::stop;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;

use crate::clock::Randomness;
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// Names the algorithm and layout of what is sealed; the first byte of every sealed value.
const SUITE_AES_256_GCM: u8 = 1;

/// First line of a key file.
const FILE_HEAD: &str = "ankuan-keys-1";

/// The keys of a court. They never print themselves.
#[derive(Clone)]
pub struct Keys {
    seal: LessSafeKey,
    /// The key before, while what it sealed is being sealed again.
    previous: Option<LessSafeKey>,
    index: hmac::Key,
    fingerprint: [u8; 16],
    /// How many personal details were opened with them: for the read log.
    opened: Arc<AtomicU64>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Keys(…)")
    }
}

impl Keys {
    /// Makes a key file, readable by its owner only.
    ///
    /// # Errors
    /// `keys.exists`: a key file is never overwritten, for what it sealed would be lost. Else I/O.
    pub fn create(path: &Path, randomness: &mut Randomness) -> Outcome<Self> {
        let seal = randomness.bytes().map_err(std::io::Error::other)?;
        let index = randomness.bytes().map_err(std::io::Error::other)?;
        let raw = Raw { seal, index, previous: None };
        raw.write(path, false)?;
        Ok(Self::of(&raw))
    }

    /// Makes the key file that takes the place of another: a new key that seals, and until everything is sealed with it the
    /// one before, which only opens. What indexes stays: indexes stand in facts, which nobody can write again. A file that
    /// was made so before is taken up where it was left.
    ///
    /// # Errors
    /// `keys.exists` (it is another court's), `keys.rotation_unfinished` (the old ones are themselves half new); those of
    /// [`Keys::read`].
    pub fn rotated(old: &Path, new: &Path, randomness: &mut Randomness) -> Outcome<Self> {
        let before = Raw::read(old)?;
        if before.previous.is_some() {
            return Err(Message::new("keys.rotation_unfinished").with("path", old.display()).into());
        }
        let raw = if new.exists() {
            let raw = Raw::read(new)?;
            let is_of_these = raw.index == before.index && raw.previous.is_none_or(|previous| previous == before.seal);
            if !is_of_these || raw.seal == before.seal {
                return Err(Message::new("keys.exists").with("path", new.display()).into());
            }
            raw
        } else {
            let seal = randomness.bytes().map_err(std::io::Error::other)?;
            let raw = Raw { seal, index: before.index, previous: Some(before.seal) };
            raw.write(new, false)?;
            raw
        };
        // Also one that was finished opens what somebody sealed with the old ones since.
        Ok(Self::of(&Raw { previous: Some(before.seal), ..raw }))
    }

    /// Takes the key before out of a key file: nothing is sealed with it any more.
    ///
    /// # Errors
    /// Those of [`Keys::read`]; else I/O.
    pub fn finish_rotation(path: &Path) -> Outcome<()> {
        Raw { previous: None, ..Raw::read(path)? }.write(path, true)
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// `keys.missing`, `keys.unreadable`.
    pub fn read(path: &Path) -> Outcome<Self> {
        Ok(Self::of(&Raw::read(path)?))
    }

    fn of(raw: &Raw) -> Self {
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&sha256(&[b"ankuan-fingerprint", &raw.index])[..16]);
        // A key of 32 bytes always fits AES-256.
        #[expect(clippy::expect_used, reason = "the length is in the type")]
        let sealing = |key: &[u8; 32]| LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("32 bytes"));
        Self {
            seal: sealing(&raw.seal),
            previous: raw.previous.as_ref().map(sealing),
            index: hmac::Key::new(hmac::HMAC_SHA256, &raw.index),
            fingerprint,
            opened: Arc::default(),
        }
    }

    /// The same keys, which count in `opened` how many personal details they open.
    #[must_use]
    pub fn counting(mut self, opened: Arc<AtomicU64>) -> Self {
        self.opened = opened;
        self
    }

    /// A personal detail was opened.
    pub(crate) fn count_detail(&self) {
        self.count_details(1);
    }

    /// So many personal details were opened: a kept file holds one in each of its lines.
    pub(crate) fn count_details(&self, count: u64) {
        self.opened.fetch_add(count, Ordering::Relaxed);
    }

    /// Key for fingerprints that live in memory only, while a list is read.
    #[must_use]
    pub const fn fingerprint_key(&self) -> [u8; 16] {
        self.fingerprint
    }

    /// Seals bytes under a nonce, bound to a place: `suite ‖ nonce ‖ AES-256-GCM(plain)`. Appended to `out`.
    ///
    /// The nonce must be random and new; `place` says which row this is, so that sealed values cannot change rows.
    ///
    /// # Errors
    /// Only when the plain text is longer than AES-GCM allows.
    pub fn seal(&self, nonce: [u8; NONCE_LEN], place: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Outcome<()> {
        out.push(SUITE_AES_256_GCM);
        out.extend_from_slice(&nonce);
        let start = out.len();
        out.extend_from_slice(plain);
        let tag = self
            .seal
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut out[start..])
            .map_err(|_| std::io::Error::other("sealing failed"))?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Opens what [`Keys::seal`] made for this place; `sealed` is used as scratch.
    ///
    /// # Errors
    /// `keys.cannot_open`: another key, another place, or changed bytes.
    pub fn open<'b>(&self, place: &[u8], sealed: &'b mut [u8]) -> Outcome<&'b [u8]> {
        let refused = || Failure::Refused(Message::new("keys.cannot_open"));
        if sealed.first() != Some(&SUITE_AES_256_GCM) || sealed.len() < 1 + NONCE_LEN {
            return Err(refused());
        }
        let nonce = || Nonce::try_assume_unique_for_key(&sealed[1..=NONCE_LEN]).map_err(|_| refused());
        if let Some(previous) = &self.previous {
            // What cannot be opened is spoilt by trying.
            let mut copy = sealed[1 + NONCE_LEN..].to_vec();
            if let Ok(plain) = previous.open_in_place(nonce()?, Aad::from(place), &mut copy) {
                let plain_length = plain.len();
                let out = &mut sealed[1 + NONCE_LEN..][..plain_length];
                out.copy_from_slice(plain);
                return Ok(out);
            }
        }
        let nonce = nonce()?;
        let plain =
            self.seal.open_in_place(nonce, Aad::from(place), &mut sealed[1 + NONCE_LEN..]).map_err(|_| refused())?;
        Ok(plain)
    }

    /// The same sealed with the key that counts now, or nothing where it is already. The nonce stays, for it is the salt of
    /// a commitment; under another key it is as new.
    ///
    /// # Errors
    /// `keys.cannot_open`.
    pub fn resealed(&self, place: &[u8], sealed: &[u8]) -> Outcome<Option<Vec<u8>>> {
        let refused = || Failure::Refused(Message::new("keys.cannot_open"));
        let nonce: [u8; NONCE_LEN] =
            sealed.get(1..=NONCE_LEN).and_then(|nonce| nonce.try_into().ok()).ok_or_else(refused)?;
        let mut copy = sealed.to_vec();
        let is_current =
            self.seal.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(place), &mut copy[1 + NONCE_LEN..]);
        if sealed.first() == Some(&SUITE_AES_256_GCM) && is_current.is_ok() {
            return Ok(None);
        }
        let mut copy = sealed.to_vec();
        let plain = self.open(place, &mut copy)?;
        let mut out = Vec::with_capacity(sealed.len());
        self.seal(nonce, place, plain, &mut out)?;
        Ok(Some(out))
    }

    /// The blind index of a value: a keyed hash cut to 64 bits, never 0. Equal values have equal indexes.
    #[must_use]
    pub fn index(&self, kind: &str, value: &str) -> i64 {
        let mut context = hmac::Context::with_key(&self.index);
        context.update(kind.as_bytes());
        context.update(&[0]);
        context.update(value.as_bytes());
        let tag = context.sign();
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&tag.as_ref()[..8]);
        i64::from_be_bytes(bytes).max(i64::MIN + 1).checked_abs().map_or(1, |index| index.max(1))
    }
}

/// What stands in a key file.
struct Raw {
    seal: [u8; 32],
    index: [u8; 32],
    previous: Option<[u8; 32]>,
}

impl Raw {
    /// Whole under its name or not there at all: half a key file would block the next start. Only its owner reads it.
    fn write(&self, path: &Path, replaces: bool) -> Outcome<()> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".keys")
            .tempfile_in(folder)
            .map_err(|error| Failure::of_file(folder, &error))?;
        let mut text = format!("{FILE_HEAD}\nseal {}\nindex {}\n", hex(&self.seal), hex(&self.index));
        if let Some(previous) = &self.previous {
            text.push_str(&format!("previous {}\n", hex(previous)));
        }
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        stop::at("keys synced");
        let named = if replaces { file.persist(path) } else { file.persist_noclobber(path) };
        named.map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                Failure::Refused(Message::new("keys.exists").with("path", path.display()))
            }
            _ => Failure::of_file(path, &error.error),
        })?;
        std::fs::File::open(folder)?.sync_all()?;
        stop::at("keys named");
        Ok(())
    }

    fn read(path: &Path) -> Outcome<Self> {
        let unreadable = || Message::new("keys.unreadable").with("path", path.display());
        let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::Refused(Message::new("keys.missing").with("path", path.display())),
            // Not text: not a key file.
            std::io::ErrorKind::InvalidData => unreadable().into(),
            _ => Failure::of_file(path, &error),
        })?;
        let mut lines = text.lines();
        let head = lines.next() == Some(FILE_HEAD);
        let key = |line: Option<&str>, name: &str| {
            let digits = line?.strip_prefix(name)?.trim();
            let bytes: Option<Vec<u8>> = (0..digits.len() / 2)
                .map(|place| u8::from_str_radix(digits.get(2 * place..2 * place + 2)?, 16).ok())
                .collect();
            <[u8; 32]>::try_from(bytes?).ok()
        };
        let (seal, index) = (key(lines.next(), "seal "), key(lines.next(), "index "));
        let third = lines.next().filter(|line| !line.trim().is_empty());
        let previous = key(third, "previous ");
        match (head, seal, index) {
            (true, Some(seal), Some(index)) if third.is_some() == previous.is_some() => {
                Ok(Self { seal, index, previous })
            }
            _ => Err(unreadable().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_only_in_its_place_with_its_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut randomness = Randomness::seeded(1);
        let keys = Keys::create(&folder.path().join("a.key"), &mut randomness).expect("makes keys");
        let other = Keys::create(&folder.path().join("b.key"), &mut randomness).expect("makes keys");
        let again = Keys::read(&folder.path().join("a.key")).expect("reads keys");
        let mut sealed = Vec::new();
        keys.seal([7; 12], b"row 1", "6222".as_bytes(), &mut sealed).expect("seals");
        assert_eq!(again.open(b"row 1", &mut sealed.clone()).expect("opens"), b"6222");
        assert!(keys.open(b"row 2", &mut sealed.clone()).is_err());
        assert!(other.open(b"row 1", &mut sealed.clone()).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(keys.open(b"row 1", &mut changed).is_err(), "byte {place}");
        }
        assert_eq!(keys.index("account", "1"), again.index("account", "1"));
        assert_ne!(keys.index("account", "1"), other.index("account", "1"));
        assert!(Keys::create(&folder.path().join("a.key"), &mut randomness).is_err());
    }
}
