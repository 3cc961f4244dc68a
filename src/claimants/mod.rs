//! What a claimant sees and answers, outside the court's network: signed files go out, corrections come back as files.
//!
//! `codes`: what a document number and a code open; `keys`: the court's keys towards the outside; `view`: what one claimant
//! sees, and what happens next (pure); `load`: that, for a case; `file`: the exported file; `messages`, `letters`: how a
//! code reaches its claimant; `corrections`: accounts that come back; `outside`, `pages`: the listener, which opens no
//! database and knows no key of the court.

pub mod codes;
pub mod corrections;
pub mod file;
pub mod keys;
pub mod letters;
pub mod load;
pub mod messages;
pub mod outside;
pub mod pages;
pub mod view;

use ankuan_ledger::Tx;
use ankuan_ledger::engine::Value;
use jiff::Timestamp;

use crate::cases::Case;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::rotation::Sealed;
use crate::failure::Outcome;
use codes::{Root, SALT_LEN};
use load::Claimant;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// How long a code counts, in microseconds: as long as letters and a holiday may take, and not for ever.
pub const CODE_LASTS: i64 = 90 * DAY;

/// How many days a correction may be on its way to the court. Its time is what the machine outside says, where somebody may
/// have set it back to when a code that has ended still counted: so it must be short, and outlast the longest holiday (nine
/// days at Spring Festival) with some days of carrying.
pub const CARRIED_DAYS: i64 = 14;

/// Random bytes.
pub(crate) fn random<const N: usize>(randomness: &mut Randomness) -> Outcome<[u8; N]> {
    Ok(randomness.bytes().map_err(std::io::Error::other)?)
}

/// Seals bytes with the court's keys for a place.
pub(crate) fn seal(keys: &Keys, randomness: &mut Randomness, place: &[u8], plain: &[u8]) -> Outcome<Vec<u8>> {
    let mut sealed = Vec::with_capacity(plain.len() + 32);
    keys.seal(random(randomness)?, place, plain, &mut sealed)?;
    Ok(sealed)
}

/// A place that a sealed value is bound to.
pub(crate) fn place(what: &str, numbers: &[i64]) -> Vec<u8> {
    let mut place = what.as_bytes().to_vec();
    for number in numbers {
        place.extend_from_slice(&number.to_be_bytes());
    }
    place
}

/// Bytes from their hexadecimal digits.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len() / 2).map(|place| u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()).collect()
}

/// What is sealed of codes.
pub(crate) const SEALED_CODES: Sealed = Sealed {
    table: "claimant_code",
    key: &["court_id", "case_id", "claim_id"],
    column: "code_digest",
    page: "SELECT court_id, case_id, claim_id, code_digest FROM claimant_code \
           WHERE (court_id, case_id, claim_id) > ($1, $2, $3) ORDER BY court_id, case_id, claim_id LIMIT 2000",
    place: |row| Ok(place("claimant_code", &[row.int(0)?, row.int(1)?, row.int(2)?])),
};

/// A code that was made for a claim, in clear: it is shown once and stored nowhere.
pub struct NewCode {
    /// Place in the claimants that it was asked for.
    pub place: usize,
    /// The code.
    pub code: String,
    /// Until when it counts (µs).
    pub expires_at: i64,
}

/// The salt of a case's codes; made when first asked for.
fn salt_of(tx: &mut Tx<'_>, court_id: i64, case_id: i64, randomness: &mut Randomness) -> Outcome<[u8; SALT_LEN]> {
    let key = [court_id.into(), case_id.into()];
    let found = tx.query_opt("SELECT salt FROM claimant_case WHERE court_id = $1 AND case_id = $2", &key, |row| {
        Ok(row.bytes(0)?.to_vec())
    })?;
    if let Some(salt) = found {
        let wrong = |_| ankuan_ledger::Error::Inconsistent("the salt of a case's codes has another length".to_owned());
        return Ok(salt.as_slice().try_into().map_err(wrong)?);
    }
    let salt: [u8; SALT_LEN] = random(randomness)?;
    tx.execute(
        "INSERT INTO claimant_case (court_id, case_id, salt, export_no, exported_at) VALUES ($1, $2, $3, 0, 0)",
        &[court_id.into(), case_id.into(), Value::Bytes(&salt)],
    )?;
    Ok(salt)
}

/// The claims of a case whose code still counts, with when it ends.
///
/// # Errors
/// What the database says.
pub fn live_codes(tx: &mut Tx<'_>, court_id: i64, case_id: i64, now: Timestamp) -> Outcome<Vec<(i64, i64)>> {
    Ok(tx.query(
        "SELECT claim_id, expires_at FROM claimant_code WHERE court_id = $1 AND case_id = $2 AND expires_at > $3 \
         ORDER BY claim_id",
        &[court_id.into(), case_id.into(), now.as_microsecond().into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?)
}

/// How many codes count, in a case or in the whole court.
///
/// # Errors
/// What the database says.
pub fn codes_that_count(tx: &mut Tx<'_>, court_id: i64, case_id: Option<i64>, now: Timestamp) -> Outcome<i64> {
    Ok(tx.query_one(
        "SELECT COUNT(*) FROM claimant_code \
         WHERE court_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR case_id = $2) AND expires_at > $3",
        &[court_id.into(), case_id.into(), now.as_microsecond().into()],
        |row| row.int(0),
    )?)
}

/// What the codes of a case open with that count at a moment, and when they end: by claim.
///
/// # Errors
/// `keys.cannot_open`; what the database says.
pub(crate) fn roots_of(
    tx: &mut Tx<'_>,
    keys: &Keys,
    court_id: i64,
    case_id: i64,
    now: Timestamp,
) -> Outcome<Vec<(i64, Root, i64)>> {
    let rows = tx.query(
        "SELECT claim_id, code_digest, expires_at FROM claimant_code \
         WHERE court_id = $1 AND case_id = $2 AND made_at <= $3 AND expires_at > $3 ORDER BY claim_id",
        &[court_id.into(), case_id.into(), now.as_microsecond().into()],
        |row| Ok((row.int(0)?, row.bytes(1)?.to_vec(), row.int(2)?)),
    )?;
    let mut roots = Vec::with_capacity(rows.len());
    for (claim_id, mut sealed, expires_at) in rows {
        let plain = keys.open(&place("claimant_code", &[court_id, case_id, claim_id]), &mut sealed)?;
        roots.push((claim_id, Root::of_bytes(plain)?, expires_at));
    }
    Ok(roots)
}

/// Makes new codes for claimants of a case; each takes the place of the claim's earlier one. Whoever has no document
/// number gets none: nothing would tell them from somebody else.
///
/// # Errors
/// What the system's randomness or the database says.
pub fn make_codes(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    (court_id, case): (i64, &Case),
    claimants: &[&Claimant],
    now: Timestamp,
) -> Outcome<Vec<NewCode>> {
    let salt = salt_of(tx, court_id, case.case_id, randomness)?;
    let expires_at = now.as_microsecond() + CODE_LASTS;
    let mut made = Vec::with_capacity(claimants.len());
    for (place, claimant) in claimants.iter().enumerate() {
        if !claimant.document_number.is_empty() {
            made.push(NewCode { place, code: codes::new_code(randomness)?, expires_at });
        }
    }
    let roots =
        codes::roots(&salt, made.iter().map(|new| (claimants[new.place].document_number.as_str(), new.code.as_str())))?;
    for (new, root) in made.iter().zip(&roots) {
        let claim_id = claimants[new.place].seen.claim_id;
        let sealed =
            seal(keys, randomness, &place("claimant_code", &[court_id, case.case_id, claim_id]), root.as_bytes())?;
        tx.execute(
            "INSERT INTO claimant_code (court_id, case_id, claim_id, code_digest, made_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (court_id, case_id, claim_id) \
             DO UPDATE SET code_digest = excluded.code_digest, made_at = excluded.made_at, \
             expires_at = excluded.expires_at",
            &[
                court_id.into(),
                case.case_id.into(),
                claim_id.into(),
                Value::Bytes(&sealed),
                now.as_microsecond().into(),
                expires_at.into(),
            ],
        )?;
    }
    // What waits in the outbox with a code that has just ended would only be in the way of its claimant.
    tx.execute(
        "DELETE FROM claimant_message WHERE court_id = $1 AND case_id = $2 AND state = 'waiting' AND claim_id IN \
         (SELECT c.claim_id FROM claimant_code AS c WHERE c.court_id = $1 AND c.case_id = $2 AND c.made_at = $3)",
        &[court_id.into(), case.case_id.into(), now.as_microsecond().into()],
    )?;
    Ok(made)
}

/// What an export came to.
#[derive(Debug)]
pub struct Export {
    /// The file's name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Which export of the case it is.
    pub export_no: i64,
    /// Claimants in it.
    pub entries: usize,
    /// Claimants of the case who have no code that counts and are not in it.
    pub without_code: usize,
}

/// Exports a case: one signed file with an entry for every claimant who has a code.
///
/// # Errors
/// `claimants.nothing_to_export` (nobody has a code), those of [`keys::court_keys`] and [`load::claimants_of`].
pub fn export(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    (court_id, case): (i64, &Case),
    now: Timestamp,
) -> Outcome<Export> {
    let court = keys::court_keys(tx, keys, randomness, court_id, now)?;
    let salt = salt_of(tx, court_id, case.case_id, randomness)?;
    let claimants = load::claimants_of(tx, keys, court_id, case, now)?;
    let roots = roots_of(tx, keys, court_id, case.case_id, now)?;
    let mut entries = Vec::with_capacity(roots.len());
    for (claim_id, root, expires_at) in &roots {
        // A claim that was withdrawn since has a code and is no claimant's any more.
        if let Ok(place) = claimants.binary_search_by_key(claim_id, |claimant| claimant.seen.claim_id) {
            entries.push((root, *expires_at, &claimants[place].seen));
        }
    }
    if entries.is_empty() {
        return Err(crate::Message::new("claimants.nothing_to_export").with("case", case.current_number()).into());
    }
    let export_no = tx.query_one(
        "UPDATE claimant_case SET export_no = export_no + 1, exported_at = $3 WHERE court_id = $1 AND case_id = $2 \
         RETURNING export_no",
        &[court_id.into(), case.case_id.into(), now.as_microsecond().into()],
        |row| row.int(0),
    )?;
    let header = file::Header {
        version: file::VERSION,
        court_id,
        court: crate::chart::court_name(tx, court_id)?.unwrap_or_default(),
        case_id: case.case_id,
        numbers: case.numbers.iter().map(|number| number.number.clone()).collect(),
        export_no,
        exported_at: now.as_microsecond(),
        code_salt: ankuan_ledger::chain::hex(&salt),
        code_memory_kib: codes::MEMORY_KIB,
        code_passes: codes::PASSES,
        export_salt: ankuan_ledger::chain::hex(&random::<SALT_LEN>(randomness)?),
        agreement_key: ankuan_ledger::chain::hex(&court.agreement_public()),
        entries: entries.len() as u64,
    };
    let count = entries.len();
    let bytes = file::write(&header, &entries, &court, randomness)?;
    Ok(Export {
        name: format!("claimants-{court_id}-{}-{export_no:06}.ankuan", case.case_id),
        bytes,
        export_no,
        entries: count,
        without_code: claimants.len() - count,
    })
}
