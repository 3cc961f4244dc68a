//! Claims as stored: a list goes in whole or not at all; what changes later is an event beside it.

use std::collections::HashSet;
use std::path::Path;

use ankuan_ledger::Amount;
use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Tx, Value};

use super::{
    ClaimState, DocumentType, FingerprintOf, ListFailure, PaymentState, Problem, ReadOptions, fingerprint, read_list,
};
use crate::access::{Acting, Role};
use crate::bank::PayeeKind;
use crate::books;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::{DetailWriter, PersonalDetail, each_detail};
use crate::documents::{self, NewDocument};
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// `claim_list`
pub static CLAIM_LIST: Table = Table {
    name: "claim_list",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("list_id", Int),
        ("case_id", Int),
        ("document_id", Int),
        ("sha256", Bytes),
        ("row_count", Int),
        ("broken_count", Int),
        ("unsound_count", Int),
        ("total_minor", Int),
        ("first_claim_id", Int),
        ("last_claim_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["list_id"],
};

/// `claim`
pub static CLAIM: Table = Table {
    name: "claim",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("claim_id", Int),
        ("list_id", Int),
        ("case_id", Int),
        ("row_no", Int),
        ("claimant_no", Text),
        ("name", Text),
        ("document_type", Text),
        ("amount_minor", Int),
        ("standing", Text),
        ("class_no", Int),
        ("fixed_minor", Int),
        ("problem", Text),
        ("merged_into_row_no", Int),
        ("detail_id", Int),
        ("commitment", Bytes),
        ("mark", Int),
    ],
    order: &["claim_id"],
};

/// `claim_event`
pub static CLAIM_EVENT: Table = Table {
    name: "claim_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("case_id", Int),
        ("claim_id", Int),
        ("event", Text),
        ("amount_minor", Int),
        ("payee_name", Text),
        ("numerator", Int),
        ("denominator", Int),
        ("detail_id", Int),
        ("commitment", Bytes),
        ("reason", Text),
        ("basis", Text),
        ("proposed_by", Int),
        ("approved_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// Case the claims belong to.
    pub case_id: i64,
    /// The file.
    pub path: &'a Path,
    /// Number of rows the sender announced.
    pub expect_rows: Option<u64>,
    /// Sum the sender announced.
    pub expect_sum: Option<Amount>,
}

/// A list as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredList {
    /// Row.
    pub list_id: i64,
    /// Digest of the file.
    pub sha256: Digest,
    /// Rows that carry a claim.
    pub rows: i64,
    /// Rows whose claim cannot be read: they block a distribution.
    pub broken: i64,
    /// Rows whose payment details cannot be used: their shares are set aside.
    pub unsound: i64,
    /// Sum of the sound claims.
    pub total: Amount,
    /// First and last claim.
    pub claim_ids: (i64, i64),
    /// Whether the same file had been stored before; then nothing was changed.
    pub already: bool,
}

/// The lists of a case, oldest first.
///
/// # Errors
/// What the database says.
pub fn lists_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<StoredList>> {
    let lists = tx.query(
        "SELECT list_id, sha256, row_count, broken_count, unsound_count, total_minor, first_claim_id, last_claim_id \
         FROM claim_list WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY list_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| {
            Ok(StoredList {
                list_id: row.int(0)?,
                sha256: row.digest(1)?,
                rows: row.int(2)?,
                broken: row.int(3)?,
                unsound: row.int(4)?,
                total: Amount::from_minor(row.int(5)?),
                claim_ids: (row.int(6)?, row.int(7)?),
                already: true,
            })
        },
    )?;
    Ok(lists)
}

/// Reads a list and stores all of it: the file, the claims, the sealed details.
///
/// `on_problem` hears every problem, in the order of the rows, whether the list is stored or not.
///
/// # Errors
/// The refusals of [`read_list`]; `claims.list_empty`. Then nothing is stored.
pub fn import_list(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    import: &Import<'_>,
    on_problem: &mut dyn FnMut(Problem),
    progress: &mut dyn FnMut(u64),
) -> Outcome<StoredList> {
    let book = books::case_money(acting.actor.court_id);
    let (mut file, sha256) = documents::open_hashed(import.path)?;
    // The lock comes first: of two imports at once, the second must see the claimants of the first.
    let mut act = acting.open_act(tx, books::CASE_MONEY, "claims.import")?;
    acting.require(tx, Role::Handler)?;
    let lists = lists_of_case(tx, book.court_id, import.case_id)?;
    if let Some(known) = lists.iter().find(|list| list.sha256 == sha256) {
        return Ok(known.clone());
    }
    documents::require_keys(tx, keys, book)?;
    let in_case = known_numbers(tx, acting, keys, &lists)?;
    let file_name = import.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let document = documents::store(
        tx,
        &mut act,
        keys,
        randomness,
        &NewDocument { kind: "claim_list", name: &file_name, media_type: "application/octet-stream" },
        &mut file,
    )?;
    let list_id = act.take_ids(1);
    // Nothing else takes ids until the last row, so the claims of a list are contiguous.
    let first_claim_id = list_id + 1;
    let mut details = DetailWriter::new(keys, book);
    let options = ReadOptions {
        expect_rows: import.expect_rows,
        expect_sum: import.expect_sum,
        fingerprint_key: keys.fingerprint_key(),
        in_case: Some(&in_case),
        ..ReadOptions::default()
    };
    let summary = read_list(import.path, &options, on_problem, &mut |row| {
        let claim_id = act.take_ids(1);
        let detail = PersonalDetail {
            kind: if row.document_type == DocumentType::CreditCode { PayeeKind::Company } else { PayeeKind::Person },
            payee_name: row.payee_name,
            bank_name: row.bank_name,
            bank_code: row.bank_code,
            document_number: row.document_number,
            account: row.account,
            telephone: row.telephone,
        };
        let nonce = randomness.bytes().map_err(std::io::Error::other)?;
        let commitment = details.write(tx, claim_id, nonce, row.document_type.as_str(), &detail)?;
        let (amount, standing, problem) = match (row.claim, row.payment) {
            (ClaimState::Broken { code, .. }, _) => (0, "broken", Some(code)),
            (ClaimState::Sound(amount), PaymentState::Sound) => (amount.minor(), row.standing.as_str(), None),
            (ClaimState::Sound(amount), PaymentState::Unsound(code)) => {
                (amount.minor(), row.standing.as_str(), Some(code))
            }
        };
        let whole = |number: u64| i64::try_from(number).map_err(std::io::Error::other);
        act.insert(
            tx,
            &CLAIM,
            claim_id,
            &[
                claim_id.into(),
                list_id.into(),
                import.case_id.into(),
                whole(row.row)?.into(),
                row.claimant_number.into(),
                row.name.into(),
                row.document_type.as_str().into(),
                amount.into(),
                standing.into(),
                i64::from(row.class).into(),
                row.fixed_amount.map(Amount::minor).into(),
                problem.into(),
                row.same_person_as.map(whole).transpose()?.into(),
                claim_id.into(),
                Value::Bytes(&commitment),
            ],
        )?;
        progress(row.row);
        Ok::<(), Failure>(())
    })
    .map_err(|failure| match failure {
        ListFailure::Refused(problem) => Failure::Refused(problem.message.in_file(import.path)),
        ListFailure::Io(error) => error.into(),
        ListFailure::Stopped(failure) => failure,
    })?;
    // The file was read twice; it must not have changed in between.
    if summary.sha256 != document.sha256 || summary.sha256 != sha256 {
        return Err(Message::new("claims.file_changed").with("file", file_name).into());
    }
    details.finish(tx)?;
    let count = |number: u64| i64::try_from(number).map_err(std::io::Error::other);
    let stored = StoredList {
        list_id,
        sha256,
        rows: count(summary.rows)?,
        broken: count(summary.broken_claims)?,
        unsound: count(summary.unsound_payments)?,
        total: summary.sound_sum,
        claim_ids: (first_claim_id, first_claim_id + count(summary.rows)? - 1),
        already: false,
    };
    act.insert(
        tx,
        &CLAIM_LIST,
        list_id,
        &[
            list_id.into(),
            import.case_id.into(),
            document.document_id.into(),
            Value::Bytes(&sha256),
            stored.rows.into(),
            stored.broken.into(),
            stored.unsound.into(),
            stored.total.minor().into(),
            stored.claim_ids.0.into(),
            stored.claim_ids.1.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(stored)
}

/// Fingerprints of the claimants that the case has already.
fn known_numbers(tx: &mut Tx<'_>, acting: &Acting, keys: &Keys, lists: &[StoredList]) -> Outcome<HashSet<u64>> {
    let book = books::case_money(acting.actor.court_id);
    let key = keys.fingerprint_key();
    let mut known = HashSet::new();
    for list in lists {
        tx.scan(&CLAIM, book.court_id, book.book_id, list.claim_ids, |row| {
            known.insert(fingerprint(&key, FingerprintOf::ClaimantNumber, row.text(6)?));
            Ok::<(), Failure>(())
        })?;
        each_detail(tx, keys, book, list.claim_ids, &mut |_, detail, _| {
            if !detail.document_number.is_empty() {
                known.insert(fingerprint(&key, FingerprintOf::DocumentNumber, detail.document_number));
            }
            Ok(())
        })?;
    }
    Ok(known)
}
