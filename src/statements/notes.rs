//! Who looks after an open line, and what is known of it.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Table, Tx};

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
        ("item_id", Int),
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

/// Says who looks after an open item from now on, and what is known of it. The item is a bank line, a receipt recorded
/// by hand, or the opening of an account: their ids are never the same.
///
/// # Errors
/// `statements.item_unknown`, `signoff.note_missing`, `access.role_missing`.
pub fn note(
    tx: &mut Tx<'_>,
    acting: &Acting,
    item_id: i64,
    owner: &Actor,
    (note, evidence): (&str, &str),
    asked_bank: bool,
) -> Outcome<()> {
    if note.trim().is_empty() {
        return Err(Message::new("signoff.note_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reconcile.note")?;
    may_import(tx, acting)?;
    let key = [acting.actor.court_id.into(), books::CASE_MONEY.into(), item_id.into()];
    let known = tx.query(
        "SELECT bank_line_id FROM bank_line WHERE court_id = $1 AND book_id = $2 AND bank_line_id = $3 UNION ALL \
         SELECT receipt_id FROM receipt WHERE court_id = $1 AND book_id = $2 AND receipt_id = $3 UNION ALL \
         SELECT opening_id FROM bank_opening WHERE court_id = $1 AND book_id = $2 AND opening_id = $3",
        &key,
        |row| row.int(0),
    )?;
    if known.is_empty() {
        return Err(Message::new("statements.item_unknown").with("item", item_id).into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &ITEM_NOTE,
        id,
        &[
            id.into(),
            item_id.into(),
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

/// The newest note on an item.
///
/// # Errors
/// What the database says.
pub fn newest_note(tx: &mut Tx<'_>, court_id: i64, item_id: i64) -> Outcome<Option<Note>> {
    let notes = tx.query(
        "SELECT p.name, n.note, n.evidence, n.asked_bank, n.recorded_at FROM item_note AS n JOIN person AS p \
         ON p.court_id = n.court_id AND p.book_id = $4 AND p.person_id = n.owner_id \
         WHERE n.court_id = $1 AND n.book_id = $2 AND n.item_id = $3 ORDER BY n.id DESC LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), item_id.into(), books::REGISTER.into()],
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
