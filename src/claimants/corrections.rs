//! Accounts that claimants give outside: sealed to the court as a file, imported as proposals, accepted by two officers.

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::{Row, RowBytes, Value};
use ankuan_ledger::{Error, Tx};
use jiff::Timestamp;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{hkdf, hmac};
use serde::{Deserialize, Serialize};
use x25519_dalek::{PublicKey, StaticSecret};

use super::codes::Root;
use super::keys::{CourtKeys, agreement_key, court_keys, take_numbers};
use super::load::current;
use super::messages::texts;
use super::{CARRIED_DAYS, DAY, from_hex, place, random, roots_of, seal};
use crate::access::{Acting, Actor, Role};
use crate::bank::PayeeKind;
use crate::books;
use crate::cases;
use crate::claims::DocumentType;
use crate::claims::details::check_details;
use crate::claims::events::{self, ClaimRecord, NewDetails, Statement, Which};
use crate::clock::{Randomness, shown_in_shanghai};
use crate::documents::keys::Keys;
use crate::documents::personal::{PersonalDetail, mask};
use crate::documents::rotation::Sealed;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::{read_word, words};

/// What a file begins with.
const MAGIC: &[u8] = b"ankuan-correction-1\n";

/// Names how it is sealed: X25519 with a key of its own, HKDF-SHA256, AES-256-GCM.
const SUITE: u8 = 1;

const KEY_LEN: usize = 32;

/// The largest file that is read: ten times what the longest names make.
pub const BYTES_MAX: u64 = 16 * 1_024;

/// An account as a claimant gave it outside.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The court's number.
    pub court_id: i64,
    /// The case's.
    pub case_id: i64,
    /// The claim.
    pub claim_id: i64,
    /// The export that the claimant looked at.
    pub export_no: i64,
    /// The number they were given.
    pub receipt: String,
    /// 户名
    pub holder: String,
    /// 开户行
    pub bank: String,
    /// 账号
    pub account: String,
    /// µs UTC, by the listener's clock.
    pub given_at: i64,
    /// That it comes from somebody who had document number and code.
    proof: String,
}

impl std::fmt::Debug for Correction {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Correction({}, {}, {})", self.receipt, self.claim_id, mask(&self.account))
    }
}

/// What a claimant fills in.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// 户名
    pub holder: &'a str,
    /// 开户行
    pub bank: &'a str,
    /// 账号
    pub account: &'a str,
}

impl Given<'_> {
    /// Refuses what no bank could pay by, while the claimant can still mend it.
    ///
    /// # Errors
    /// Those of [`check_details`].
    pub fn check(&self) -> Result<(), Message> {
        check_details(
            DocumentType::Other,
            &PersonalDetail {
                kind: PayeeKind::Person,
                payee_name: self.holder,
                bank_name: self.bank,
                bank_code: "",
                document_number: "",
                account: self.account,
                telephone: "",
            },
        )
    }
}

impl Correction {
    /// With its proof.
    ///
    /// # Errors
    /// What the library says.
    pub fn new(
        (court_id, case_id, claim_id, export_no): (i64, i64, i64, i64),
        receipt: String,
        given: Given<'_>,
        given_at: i64,
        root: &Root,
    ) -> Outcome<Self> {
        let mut made = Self {
            court_id,
            case_id,
            claim_id,
            export_no,
            receipt,
            holder: given.holder.to_owned(),
            bank: given.bank.to_owned(),
            account: given.account.to_owned(),
            given_at,
            proof: String::new(),
        };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &root.proof_key()?);
        made.proof = ankuan_ledger::chain::hex(hmac::sign(&key, &made.proved()).as_ref());
        Ok(made)
    }

    /// What the proof is over: everything, each with its length.
    fn proved(&self) -> Vec<u8> {
        let mut bytes = RowBytes::default();
        for number in [self.court_id, self.case_id, self.claim_id, self.export_no, self.given_at] {
            bytes.value(number.into());
        }
        for text in [&self.receipt, &self.holder, &self.bank, &self.account] {
            bytes.value(text.as_str().into());
        }
        bytes.as_bytes().to_vec()
    }

    /// Whether whoever gave it had what this root was made of.
    ///
    /// # Errors
    /// What the library says.
    pub fn is_proved(&self, root: &Root) -> Outcome<bool> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &root.proof_key()?);
        let tag = from_hex(&self.proof).unwrap_or_default();
        Ok(hmac::verify(&key, &self.proved(), &tag).is_ok())
    }

    /// Seals it so that only the court opens it; `agreement` is the court's key out of an export.
    ///
    /// # Errors
    /// What the system's randomness says.
    pub fn seal(&self, agreement: &[u8], randomness: &mut Randomness) -> Outcome<Vec<u8>> {
        let court = agreement_key(agreement).ok_or_else(|| std::io::Error::other("no key of a court"))?;
        let own = StaticSecret::from(random::<KEY_LEN>(randomness)?);
        let own_public = PublicKey::from(&own);
        let mut head = MAGIC.to_vec();
        head.push(SUITE);
        head.extend_from_slice(own_public.as_bytes());
        let key = derive(&own.diffie_hellman(&court), &own_public, &court)?;
        let mut plain = serde_json::to_vec(self).map_err(std::io::Error::from)?;
        // The key is used once, so its one nonce may be any.
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::from(&head), &mut plain)
            .map_err(|_| std::io::Error::other("sealing failed"))?;
        Ok([head, plain].concat())
    }

    /// Opens what [`Correction::seal`] made; nothing if it was made for another court or was changed.
    #[must_use]
    pub fn open(bytes: &[u8], court: &CourtKeys) -> Option<Self> {
        let (head, cipher) = bytes.split_at_checked(MAGIC.len() + 1 + KEY_LEN)?;
        let (magic, rest) = head.split_at(MAGIC.len());
        let (&SUITE, public) = rest.split_first()? else { return None };
        if magic != MAGIC {
            return None;
        }
        let public = PublicKey::from(<[u8; KEY_LEN]>::try_from(public).ok()?);
        let own = PublicKey::from(court.agreement());
        let key = derive(&court.agreement().diffie_hellman(&public), &public, &own).ok()?;
        let mut cipher = cipher.to_vec();
        let plain =
            key.open_in_place(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::from(head), &mut cipher).ok()?;
        serde_json::from_slice(plain).ok()
    }
}

fn derive(shared: &x25519_dalek::SharedSecret, sender: &PublicKey, court: &PublicKey) -> Outcome<LessSafeKey> {
    let failed = || std::io::Error::other("a key could not be agreed on");
    // A public key of small order would make the same secret with everybody.
    if !shared.was_contributory() {
        return Err(failed().into());
    }
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, &[*sender.as_bytes(), *court.as_bytes()].concat());
    let prk = salt.extract(shared.as_bytes());
    let okm = prk.expand(&[b"ankuan-correction-1"], &AES_256_GCM).map_err(|_| failed())?;
    Ok(LessSafeKey::new(UnboundKey::from(okm)))
}

words! {
    /// Where a correction stands.
    CorrectionState {
        /// It waits for two officers.
        Proposed = "proposed",
        /// It stands as new details of the claim.
        Accepted = "accepted",
        /// It does not count.
        Refused = "refused",
    }
}

impl CorrectionState {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Proposed => "claimants.correction_proposed",
            Self::Accepted => "claimants.correction_accepted",
            Self::Refused => "claimants.correction_refused",
        })
    }
}

/// A correction as it is kept. Account numbers are masked: whoever decides compares them with the paper by their ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// Its number.
    pub correction_id: i64,
    /// The case.
    pub case_id: i64,
    /// The claim.
    pub claim_id: i64,
    /// The claimant's number and name.
    pub claimant: (String, String),
    /// The number the claimant was given.
    pub receipt: String,
    /// µs, by the listener's clock.
    pub given_at: i64,
    /// Where it stands.
    pub state: CorrectionState,
    /// Why it was decided so.
    pub reason: String,
    /// Holder, bank, masked account until now.
    pub old: [String; 3],
    /// Holder, bank, masked account as given.
    pub new: [String; 3],
}

impl Proposal {
    /// Whether the money would go to an account of another name than the claimant's.
    #[must_use]
    pub fn is_of_another(&self) -> bool {
        self.new[0] != self.claimant.1
    }
}

/// What is sealed of corrections.
pub(crate) const SEALED: Sealed = Sealed {
    table: "claimant_correction",
    key: &["court_id", "correction_id"],
    column: "sealed",
    page: "SELECT court_id, correction_id, sealed FROM claimant_correction \
           WHERE (court_id, correction_id) > ($1, $2) ORDER BY court_id, correction_id LIMIT 2000",
    place: |row| Ok(place("claimant_correction", &[row.int(0)?, row.int(1)?])),
};

struct Stored {
    correction_id: i64,
    case_id: i64,
    claim_id: i64,
    receipt: String,
    given_at: i64,
    state: CorrectionState,
    reason: String,
    sealed: Vec<u8>,
    old_detail_id: Option<i64>,
}

fn read(row: &Row<'_>) -> Result<Stored, Error> {
    Ok(Stored {
        correction_id: row.int(0)?,
        case_id: row.int(1)?,
        claim_id: row.int(2)?,
        receipt: row.text(3)?.to_owned(),
        given_at: row.int(4)?,
        state: read_word(row, 5, CorrectionState::parse)?,
        reason: row.text(6)?.to_owned(),
        sealed: row.bytes(7)?.to_vec(),
        old_detail_id: row.opt_int(8)?,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT correction_id, case_id, claim_id, receipt, given_at, state, reason, sealed, old_detail_id \
             FROM claimant_correction WHERE court_id = $1 AND ",
            $rest
        )
    };
}

impl Stored {
    /// Holder, bank, account.
    fn opened(&self, keys: &Keys, court_id: i64) -> Outcome<[String; 3]> {
        let mut sealed = self.sealed.clone();
        let plain = keys.open(&place("claimant_correction", &[court_id, self.correction_id]), &mut sealed)?;
        keys.count_detail();
        let broken = || Error::Inconsistent(format!("correction {} cannot be read", self.correction_id));
        Ok(texts(plain).ok_or_else(broken)?)
    }

    fn proposal(self, tx: &mut Tx<'_>, keys: &Keys, court_id: i64) -> Outcome<Proposal> {
        let case = cases::case_by_id(tx, books::case_money(court_id), self.case_id)?;
        let claim = events::find_claim(tx, court_id, &case, Which::Id(self.claim_id))?;
        // Of one that waits, the claim's details as they are now; of one that was decided, as they were then.
        let old = current(tx, keys, court_id, self.old_detail_id.unwrap_or(claim.detail_id))?;
        let [holder, bank, account] = self.opened(keys, court_id)?;
        Ok(Proposal {
            correction_id: self.correction_id,
            case_id: self.case_id,
            claim_id: self.claim_id,
            claimant: (claim.claimant_no, claim.name),
            receipt: self.receipt,
            given_at: self.given_at,
            state: self.state,
            reason: self.reason,
            old: [old.holder, old.bank, mask(&old.account)],
            new: [holder, bank, mask(&account)],
        })
    }
}

/// A correction file imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// What it proposes.
    pub proposal: Proposal,
    /// The same file was imported before.
    pub already: bool,
}

/// Imports a correction file as a proposal. Needs a handler or fund keeper.
///
/// # Errors
/// `claimants.correction_unreadable` (another court's, changed, or none), `claimants.correction_not_yet` (given later than
/// now), `claimants.correction_too_old` (more than [`CARRIED_DAYS`] ago), `claimants.correction_not_proved` (whoever gave it
/// did not have the claim's code, or it did not count then), the refusals of [`check_details`], `claim_events.unknown`.
pub fn import(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    bytes: &[u8],
) -> Outcome<Imported> {
    let court_id = acting.actor.court_id;
    acting.require_any(tx, [Role::FundKeeper, Role::Handler])?;
    let court = court_keys(tx, keys, randomness, court_id, acting.at)?;
    let unreadable = || Message::new("claimants.correction_unreadable");
    let given = Correction::open(bytes, &court).filter(|given| given.court_id == court_id).ok_or_else(unreadable)?;
    let digest = sha256(&[bytes]);
    let known = tx.query_opt(select!("file_digest = $2"), &[court_id.into(), Value::Bytes(&digest)], read)?;
    if let Some(stored) = known {
        return Ok(Imported { proposal: stored.proposal(tx, keys, court_id)?, already: true });
    }
    // As of the moment it was given: a code that has ended since counted then.
    let given_at = Timestamp::from_microsecond(given.given_at).map_err(|_| unreadable())?;
    must_be_of_these_days(&given, acting.at)?;
    let roots = roots_of(tx, keys, court_id, given.case_id, given_at)?;
    let not_proved = || Message::new("claimants.correction_not_proved").with("receipt", &given.receipt);
    let (_, root, _) = roots.iter().find(|(claim_id, ..)| *claim_id == given.claim_id).ok_or_else(not_proved)?;
    if !given.is_proved(root)? {
        return Err(not_proved().into());
    }
    Given { holder: &given.holder, bank: &given.bank, account: &given.account }.check()?;
    let correction_id = take_numbers(tx, court_id, 1)?;
    let mut plain = RowBytes::default();
    for text in [&given.holder, &given.bank, &given.account] {
        plain.value(text.as_str().into());
    }
    let sealed = seal(keys, randomness, &place("claimant_correction", &[court_id, correction_id]), plain.as_bytes())?;
    tx.execute(
        "INSERT INTO claimant_correction (court_id, correction_id, case_id, claim_id, receipt, file_digest, sealed, \
         given_at, imported_at, imported_by, state, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, \
         'proposed', '')",
        &[
            court_id.into(),
            correction_id.into(),
            given.case_id.into(),
            given.claim_id.into(),
            given.receipt.as_str().into(),
            Value::Bytes(&digest),
            Value::Bytes(&sealed),
            given.given_at.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    let stored = find(tx, court_id, correction_id)?;
    Ok(Imported { proposal: stored.proposal(tx, keys, court_id)?, already: false })
}

/// Refuses a time at which it cannot have been given, or that is long past.
fn must_be_of_these_days(given: &Correction, now: Timestamp) -> Result<(), Message> {
    let about =
        |code| Message::new(code).with("receipt", &given.receipt).with("given_at", shown_in_shanghai(given.given_at));
    let age = now.as_microsecond().saturating_sub(given.given_at);
    if age < 0 {
        return Err(about("claimants.correction_not_yet").with("now", shown_in_shanghai(now.as_microsecond())));
    }
    if age > CARRIED_DAYS * DAY {
        return Err(about("claimants.correction_too_old").with("days", CARRIED_DAYS));
    }
    Ok(())
}

fn find(tx: &mut Tx<'_>, court_id: i64, correction_id: i64) -> Outcome<Stored> {
    tx.query_opt(select!("correction_id = $2"), &[court_id.into(), correction_id.into()], read)?
        .ok_or_else(|| Message::new("claimants.correction_unknown").with("correction", correction_id).into())
}

/// The corrections of a court, or of a case, oldest first; without `all` only those that wait.
///
/// # Errors
/// What the database says.
pub fn proposals(
    tx: &mut Tx<'_>,
    keys: &Keys,
    court_id: i64,
    case_id: Option<i64>,
    all: bool,
) -> Outcome<Vec<Proposal>> {
    let stored = tx.query(
        select!(
            "(CAST($2 AS BIGINT) IS NULL OR case_id = $2) AND (CAST($3 AS BIGINT) = 1 OR state = 'proposed') \
             ORDER BY correction_id"
        ),
        &[court_id.into(), case_id.into(), i64::from(all).into()],
        read,
    )?;
    stored.into_iter().map(|one| one.proposal(tx, keys, court_id)).collect()
}

/// The decision on a correction: of whom and why.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// Which correction.
    pub correction_id: i64,
    /// Why; for an account of another name: on what paper.
    pub reason: &'a str,
    /// The paper; none where the claimant's own word is enough.
    pub basis: Option<&'a str>,
}

/// Accepts a correction: the claim has new details, by handler and fund keeper or finance, and a payment that came back
/// can be made again.
///
/// # Errors
/// `claimants.correction_unknown`, `claimants.correction_decided`, `claimants.correction_of_another` (the account is in
/// another name than the claimant's, and no paper is named); those of [`events::change_claim_details`].
pub fn accept(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    decision: &Decision<'_>,
    confirmed_by: &Actor,
) -> Outcome<ClaimRecord> {
    let court_id = acting.actor.court_id;
    let stored = find(tx, court_id, decision.correction_id)?;
    must_wait(&stored)?;
    let case = cases::case_by_id(tx, books::case_money(court_id), stored.case_id)?;
    let claim = events::find_claim(tx, court_id, &case, Which::Id(stored.claim_id))?;
    let [holder, bank, account] = stored.opened(keys, court_id)?;
    if holder != claim.name && decision.basis.is_none_or(|basis| basis.trim().is_empty()) {
        return Err(Message::new("claimants.correction_of_another")
            .with("holder", holder)
            .with("name", claim.name)
            .into());
    }
    let old = current(tx, keys, court_id, claim.detail_id)?;
    let own_word = format!("领款人网上更正 {} {}", stored.receipt, shown_in_shanghai(stored.given_at));
    let statement = Statement {
        case: &case,
        claim: Which::Id(stored.claim_id),
        reason: decision.reason,
        basis: decision.basis.filter(|basis| !basis.trim().is_empty()).unwrap_or(&own_word),
        confirmed_by,
    };
    let detail = PersonalDetail {
        kind: old.kind,
        payee_name: &holder,
        bank_name: &bank,
        // The old bank's code is not the new one's.
        bank_code: if bank == old.bank { &old.bank_code } else { "" },
        document_number: "",
        account: &account,
        telephone: &old.telephone,
    };
    let changed = events::change_claim_details(tx, acting, keys, randomness, &statement, &NewDetails { detail })?;
    decide(tx, acting, decision, CorrectionState::Accepted, (claim.detail_id, Some(confirmed_by)))?;
    Ok(changed)
}

/// Refuses a correction, with the reason. Needs a handler or fund keeper.
///
/// # Errors
/// `claimants.correction_unknown`, `claimants.correction_decided`, `claimants.reason_missing`, `access.role_missing`.
pub fn refuse(tx: &mut Tx<'_>, acting: &Acting, decision: &Decision<'_>) -> Outcome<()> {
    acting.require_any(tx, [Role::FundKeeper, Role::Handler])?;
    if decision.reason.trim().is_empty() {
        return Err(Message::new("claimants.reason_missing").into());
    }
    let court_id = acting.actor.court_id;
    let stored = find(tx, court_id, decision.correction_id)?;
    must_wait(&stored)?;
    let case = cases::case_by_id(tx, books::case_money(court_id), stored.case_id)?;
    let claim = events::find_claim(tx, court_id, &case, Which::Id(stored.claim_id))?;
    decide(tx, acting, decision, CorrectionState::Refused, (claim.detail_id, None))
}

fn decided(correction_id: i64) -> Message {
    Message::new("claimants.correction_decided").with("correction", correction_id)
}

fn must_wait(stored: &Stored) -> Result<(), Message> {
    if stored.state == CorrectionState::Proposed { Ok(()) } else { Err(decided(stored.correction_id)) }
}

fn decide(
    tx: &mut Tx<'_>,
    acting: &Acting,
    decision: &Decision<'_>,
    state: CorrectionState,
    (old_detail_id, confirmed_by): (i64, Option<&Actor>),
) -> Outcome<()> {
    // Of two who decide at once, one finds it decided.
    let changed = tx.execute(
        "UPDATE claimant_correction SET state = $3, decided_at = $4, decided_by = $5, confirmed_by = $6, reason = $7, \
         old_detail_id = $8 \
         WHERE court_id = $1 AND correction_id = $2 AND state = 'proposed'",
        &[
            acting.actor.court_id.into(),
            decision.correction_id.into(),
            state.as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
            confirmed_by.map(|person| person.person_id).into(),
            decision.reason.trim().into(),
            old_detail_id.into(),
        ],
    )?;
    if changed == 1 { Ok(()) } else { Err(decided(decision.correction_id).into()) }
}
