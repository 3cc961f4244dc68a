//! Who looks after an open line, and what is known of it.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Table, Tx};

use super::find_line;
use super::import::may_import;
use crate::access::{Acting, Actor};
use crate::books;
use crate::failure::Outcome;
use crate::message::Message;

/// `item_note`
pub static ITEM_NOTE: Table = Table {
    name: "item_note",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("bank_line_id", Int),
        ("owner_id", Int),
        ("note", Text),
        ("evidence", Text),
        ("asked_bank", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// What somebody has said of an open line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Who looks after it.
    pub owner: String,
    /// What was said.
    pub note: String,
    /// The paper it rests on.
    pub evidence: String,
    /// A question went to the bank.
    pub asked_bank: bool,
    /// µs UTC.
    pub recorded_at: i64,
}

/// Says who looks after an open line from now on, and what is known of it.
///
/// # Errors
/// `statements.line_unknown`, `signoff.note_missing`, `access.role_missing`.
pub fn note(
    tx: &mut Tx<'_>,
    acting: &Acting,
    bank_line_id: i64,
    owner: &Actor,
    (note, evidence): (&str, &str),
    asked_bank: bool,
) -> Outcome<()> {
    if note.trim().is_empty() {
        return Err(Message::new("signoff.note_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reconcile.note")?;
    may_import(tx, acting)?;
    find_line(tx, acting.actor.court_id, bank_line_id)?;
    let id = act.take_ids(1);
    act.insert(
        tx,
        &ITEM_NOTE,
        id,
        &[
            id.into(),
            bank_line_id.into(),
            owner.person_id.into(),
            note.trim().into(),
            evidence.trim().into(),
            i64::from(asked_bank).into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// The newest note on a line.
///
/// # Errors
/// What the database says.
pub fn newest_note(tx: &mut Tx<'_>, court_id: i64, bank_line_id: i64) -> Outcome<Option<Note>> {
    let notes = tx.query(
        "SELECT p.name, n.note, n.evidence, n.asked_bank, n.recorded_at FROM item_note AS n JOIN person AS p \
         ON p.court_id = n.court_id AND p.book_id = $4 AND p.person_id = n.owner_id \
         WHERE n.court_id = $1 AND n.book_id = $2 AND n.bank_line_id = $3 ORDER BY n.id DESC LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), bank_line_id.into(), books::REGISTER.into()],
        |row| {
            Ok(Note {
                owner: row.text(0)?.to_owned(),
                note: row.text(1)?.to_owned(),
                evidence: row.text(2)?.to_owned(),
                asked_bank: row.int(3)? != 0,
                recorded_at: row.int(4)?,
            })
        },
    )?;
    Ok(notes.into_iter().next())
}
