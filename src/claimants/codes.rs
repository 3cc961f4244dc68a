//! What a claimant's document number and code open together. Whoever has the exported file must guess both, and each
//! guess costs Argon2id.

use argon2::{Algorithm, Argon2, Params, Version};
use ring::hkdf;

use super::random;
use crate::clock::Randomness;
use crate::failure::Outcome;
use crate::identifiers::identity_number_of_18;

/// Crockford's base 32: no I, L, O, U, so that a code can be read aloud and from paper.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Characters of a code: 50 bits, by themselves.
pub const CODE_CHARS: usize = 10;

/// Bytes of a salt.
pub const SALT_LEN: usize = 16;

/// Memory of one guess, in KiB. With 50 random bits a guess need not be as dear as for a password that a person chose: at
/// five milliseconds, half of the codes of one known document number take 90,000 years of one core; and 170,000 codes
/// are made in minutes.
pub const MEMORY_KIB: u32 = 8 * 1024;
/// Passes over it.
pub const PASSES: u32 = 1;

/// The longest document number that is read.
const DOCUMENT_CHARS_MAX: usize = 64;

/// A new code.
///
/// # Errors
/// What the system's randomness says.
pub fn new_code(randomness: &mut Randomness) -> Outcome<String> {
    let bytes: [u8; CODE_CHARS] = random(randomness)?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}

/// A code as people read it: in two halves.
#[must_use]
pub fn shown(code: &str) -> String {
    let (first, second) = code.split_at_checked(CODE_CHARS / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

/// A code as somebody typed it: in any case, with or without its hyphen, and with the letters that look like digits.
#[must_use]
pub fn read_code(text: &str) -> Option<String> {
    let mut code = String::with_capacity(CODE_CHARS);
    for character in half_width(text).filter(|character| !character.is_whitespace() && !"-－—".contains(*character))
    {
        let letter = match character.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            letter => letter,
        };
        if !letter.is_ascii() || !ALPHABET.contains(&(letter as u8)) || code.len() == CODE_CHARS {
            return None;
        }
        code.push(letter);
    }
    (code.len() == CODE_CHARS).then_some(code)
}

/// A document number as it is compared: half-width capitals without spaces, an old identity number in its new form.
#[must_use]
pub fn read_document(text: &str) -> String {
    let number: String = half_width(text)
        .filter(|character| !character.is_whitespace())
        .map(|character| character.to_ascii_uppercase())
        .take(DOCUMENT_CHARS_MAX)
        .collect();
    identity_number_of_18(&number).unwrap_or(number)
}

fn half_width(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(|character| match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(character as u32 - 0xfee0).unwrap_or(character),
        other => other,
    })
}

/// What a document number and a code come to: everything a claimant may open follows from it. It never prints itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Root([u8; 32]);

impl std::fmt::Debug for Root {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Root(…)")
    }
}

/// How dear a guess is, as an export says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// KiB.
    pub memory_kib: u32,
    /// Passes.
    pub passes: u32,
}

/// What new codes cost.
pub const COST: Cost = Cost { memory_kib: MEMORY_KIB, passes: PASSES };

/// The root of a document number and a code, both as [`read_document`] and [`read_code`] give them.
///
/// # Errors
/// Parameters that Argon2 does not take.
pub fn root(cost: Cost, salt: &[u8], document: &str, code: &str) -> Outcome<Root> {
    let failed = |error: argon2::Error| std::io::Error::other(error.to_string());
    let parameters = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(failed)?;
    let mut secret = u32::try_from(document.len()).unwrap_or(u32::MAX).to_be_bytes().to_vec();
    secret.extend_from_slice(document.as_bytes());
    secret.extend_from_slice(code.as_bytes());
    let mut bytes = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(&secret, salt, &mut bytes)
        .map_err(failed)?;
    Ok(Root(bytes))
}

/// The roots of many, on all cores.
pub(super) fn roots<'a>(salt: &[u8], pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Outcome<Vec<Root>> {
    let pairs: Vec<(String, &str)> = pairs.map(|(document, code)| (read_document(document), code)).collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let each = pairs.len().div_ceil(threads).max(1);
    let parts: Vec<Outcome<Vec<Root>>> = std::thread::scope(|scope| {
        let working: Vec<_> = pairs
            .chunks(each)
            .map(|part| {
                scope.spawn(move || part.iter().map(|(document, code)| root(COST, salt, document, code)).collect())
            })
            .collect();
        let panicked = |_| Err(std::io::Error::other("a thread that made codes panicked").into());
        working.into_iter().map(|thread| thread.join().unwrap_or_else(panicked)).collect()
    });
    let mut all = Vec::with_capacity(pairs.len());
    for part in parts {
        all.extend(part?);
    }
    Ok(all)
}

struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// 32 bytes that follow from a key by HKDF-SHA256 (RFC 5869, expand only) for one purpose.
fn expand(key: &[u8; 32], info: &[&[u8]]) -> Outcome<[u8; 32]> {
    let failed = |_| std::io::Error::other("a key could not be derived");
    let prk = hkdf::Prk::new_less_safe(hkdf::HKDF_SHA256, key);
    let mut bytes = [0; 32];
    prk.expand(info, Length(32)).and_then(|okm| okm.fill(&mut bytes)).map_err(failed)?;
    Ok(bytes)
}

impl Root {
    /// As it stands sealed in the database.
    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From what was sealed.
    ///
    /// # Errors
    /// Another length.
    pub(super) fn of_bytes(bytes: &[u8]) -> Outcome<Self> {
        let wrong = |_| ankuan_ledger::Error::Inconsistent("a code's digest has another length".to_owned());
        Ok(Self(bytes.try_into().map_err(wrong)?))
    }

    /// By what an entry is found in an export: says nothing about the document number or the code.
    ///
    /// # Errors
    /// What the library says.
    pub fn tag(&self, export_salt: &[u8]) -> Outcome<[u8; 32]> {
        expand(&self.0, &[b"ankuan-claimant-tag-1", export_salt])
    }

    /// What opens the entry.
    ///
    /// # Errors
    /// What the library says.
    pub fn seal_key(&self, export_salt: &[u8]) -> Outcome<[u8; 32]> {
        expand(&self.0, &[b"ankuan-claimant-seal-1", export_salt])
    }

    /// What shows that a correction comes from somebody who had both.
    ///
    /// # Errors
    /// What the library says.
    pub fn proof_key(&self) -> Outcome<[u8; 32]> {
        expand(&self.0, &[b"ankuan-claimant-proof-1"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = new_code(&mut Randomness::seeded(3)).unwrap();
        assert_eq!(read_code(&shown(&code)), Some(code.clone()));
        assert_eq!(read_code(&format!(" {} ", shown(&code).to_lowercase())), Some(code));
        assert_eq!(read_code("oil00-０ＡＢＣＤ").as_deref(), Some("011000ABCD"));
        for wrong in ["", "ABCDE-FGHJ", "ABCDE-FGHJK1", "ABCDE-FGHJU", "甲BCDE-FGHJK"] {
            assert_eq!(read_code(wrong), None, "{wrong}");
        }
        // Every letter of the alphabet stands for five bits.
        assert_eq!(CODE_CHARS * 5, 50);
        assert_eq!(ALPHABET.iter().collect::<std::collections::BTreeSet<_>>().len(), 32);
    }

    #[test]
    fn a_document_is_read_in_its_spellings() {
        assert_eq!(read_document(" 11010519491231002x "), "11010519491231002X");
        assert_eq!(read_document("１１０１０５１９４９１２３１００２Ｘ"), "11010519491231002X");
        assert_eq!(read_document("110105491231002"), "11010519491231002X");
        assert_eq!(read_document("p0000 0001"), "P00000001");
    }

    #[test]
    fn a_root_needs_document_code_and_salt() {
        let base = root(COST, &[1; 16], "A", "BC").unwrap();
        assert_eq!(base, roots(&[1; 16], [("a", "BC")].into_iter()).unwrap()[0]);
        for other in [root(COST, &[2; 16], "A", "BC"), root(COST, &[1; 16], "AB", "C"), root(COST, &[1; 16], "A", "BD")]
        {
            assert_ne!(base, other.unwrap());
        }
        let (tag, key) = (base.tag(&[7; 16]).unwrap(), base.seal_key(&[7; 16]).unwrap());
        assert_ne!(tag, key);
        assert_ne!(tag, base.tag(&[8; 16]).unwrap(), "two exports cannot be laid side by side");
        assert_ne!(key, base.proof_key().unwrap());
    }
}
