//! What approvers sign: an approval as it stands in the books, under the key that is theirs.

use ankuan_ledger::Act;
use ankuan_ledger::engine::Kind::{Bytes, Int};
use ankuan_ledger::engine::{RowBytes, Table, Tx, Value};

use super::runs::{Approval, Run};
use crate::access::signing::{Keyring, Signer};
use crate::books;
use crate::failure::Outcome;
use crate::message::Message;

/// `approval_signature`
pub static APPROVAL_SIGNATURE: Table = Table {
    name: "approval_signature",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("approval_id", Int),
        ("run_id", Int),
        ("person_id", Int),
        ("key_id", Int),
        ("signature", Bytes),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Names what is signed, its byte form and the algorithm; another form gets another name.
const FORM: &str = "ankuan-approval-1 ed25519";

/// A signature as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The approval it belongs to.
    pub approval_id: i64,
    /// The run that it says.
    pub run_id: i64,
    /// Who signed.
    pub person_id: i64,
    /// Under which key.
    pub key_id: i64,
    /// `suite ‖ signature`
    pub signature: Vec<u8>,
}

/// The bytes that are signed for an approval: each value with its length before it, in the form of the chain's rows.
#[must_use]
pub fn message(court_id: i64, run_number: &str, approval: &Approval, key_id: i64) -> Vec<u8> {
    let mut bytes = RowBytes::default();
    for value in [
        FORM.into(),
        court_id.into(),
        run_number.into(),
        approval.approval_id.into(),
        approval.step_no.into(),
        approval.role.as_str().into(),
        approval.approver_id.into(),
        approval.on_behalf_of_id.into(),
        Value::Bytes(&approval.digest),
        approval.amount_minor.into(),
        approval.recorded_at.into(),
        key_id.into(),
    ] {
        bytes.value(value);
    }
    bytes.as_bytes().to_vec()
}

/// Signs an approval where its person has a key, or ever had one: a key that was reset does not make an approval free.
///
/// # Errors
/// `runs.signature_missing` (no signature, or under a key that does not count).
pub(super) fn sign(
    tx: &mut Tx<'_>,
    act: &mut Act,
    keyring: &Keyring,
    run: &Run,
    approval: &Approval,
    signer: Option<&Signer>,
) -> Outcome<()> {
    if keyring.newest(approval.approver_id, approval.approval_id).is_none() {
        return Ok(());
    }
    let live = keyring.live(approval.approver_id, approval.approval_id);
    let signer = signer.filter(|signer| live.is_some_and(|live| live.key_id == signer.key_id));
    let Some(signer) = signer else {
        return Err(Message::new("runs.signature_missing").with("run", &run.number).into());
    };
    let signature = signer.sign(&message(act.book().court_id, &run.number, approval, signer.key_id));
    let id = act.take_ids(1);
    act.insert(
        tx,
        &APPROVAL_SIGNATURE,
        id,
        &[
            id.into(),
            approval.approval_id.into(),
            run.run_id.into(),
            signer.person_id.into(),
            signer.key_id.into(),
            Value::Bytes(&signature),
        ],
    )?;
    Ok(())
}

/// The signatures that say they belong to a run.
///
/// # Errors
/// What the database says.
pub fn signatures_of(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Vec<Signature>> {
    Ok(tx.query(
        "SELECT approval_id, run_id, person_id, key_id, signature FROM approval_signature \
         WHERE court_id = $1 AND book_id = $2 AND run_id = $3 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| {
            Ok(Signature {
                approval_id: row.int(0)?,
                run_id: row.int(1)?,
                person_id: row.int(2)?,
                key_id: row.int(3)?,
                signature: row.bytes(4)?.to_vec(),
            })
        },
    )?)
}

/// Whether an approval is signed as it must be: by its person, under the key that counted then, in exactly what stands in
/// the books. One by a person who had never had a key carries no signature.
#[must_use]
pub fn is_signed(
    court_id: i64,
    run: &Run,
    approval: &Approval,
    keyring: &Keyring,
    signature: Option<&Signature>,
) -> bool {
    let person_id = approval.approver_id;
    match (keyring.newest(person_id, approval.approval_id), signature) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some(_), Some(signature)) => keyring.live(person_id, approval.approval_id).is_some_and(|live| {
            (signature.person_id, signature.key_id, signature.run_id) == (person_id, live.key_id, run.run_id)
                && live.has_signed(&message(court_id, &run.number, approval, live.key_id), &signature.signature)
        }),
    }
}
