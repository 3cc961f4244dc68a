//! Courts above: a court records which court stands above it, and people of that court who hold the role look into its
//! books. They read and nothing else, and what they looked at is on record in the court that was looked at.

use ankuan_ledger::Tx;
use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use jiff::Timestamp;
use jiff::civil::Date;

use super::{Acting, Actor, Role, roles_of};
use crate::books;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::read_date;

/// `court_above`
pub static COURT_ABOVE: Table = Table {
    name: "court_above",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("upper_court_id", Int),
        ("event", Text),
        ("since", Text),
        ("document", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// That a court stands above another from a day on, or no longer does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Above {
    /// The court above.
    pub upper_court_id: i64,
    /// Whether it may read.
    pub is_granted: bool,
    /// From which day on.
    pub since: Date,
    /// The paper that says so.
    pub document: String,
}

/// What somebody of a court above looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The court above.
    pub upper_court_id: i64,
    /// Who, by name, of that court.
    pub person_name: String,
    /// The command's words.
    pub command: String,
    /// What it was given, as JSON.
    pub arguments: String,
    /// In microseconds.
    pub read_at: i64,
}

/// Records that a court stands above this one from a day on, or no longer does. Needs [`Role::Admin`].
///
/// # Errors
/// `access.upper_self`, `access.document_missing`, `access.upper_stands` (it is so on that day already),
/// `access.role_missing`.
pub fn record(tx: &mut Tx<'_>, acting: &Acting, new: &Above) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    if new.upper_court_id == court_id {
        return Err(Message::new("access.upper_self").into());
    }
    if new.document.trim().is_empty() {
        return Err(Message::new("access.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::REGISTER, "court.above")?;
    acting.require(tx, Role::Admin)?;
    if is_above(&all(tx, court_id)?, new.upper_court_id, new.since) == new.is_granted {
        return Err(Message::new("access.upper_stands")
            .with("court", new.upper_court_id)
            .with("date", new.since)
            .into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &COURT_ABOVE,
        id,
        &[
            id.into(),
            new.upper_court_id.into(),
            if new.is_granted { "granted" } else { "revoked" }.into(),
            new.since.to_string().as_str().into(),
            new.document.trim().into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// What a court has on record of courts above, oldest first.
///
/// # Errors
/// What the database says.
pub fn all(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<Above>> {
    Ok(tx.query(
        "SELECT upper_court_id, event, since, document FROM court_above WHERE court_id = $1 AND book_id = $2 ORDER BY id",
        &[court_id.into(), books::REGISTER.into()],
        |row| {
            Ok(Above {
                upper_court_id: row.int(0)?,
                is_granted: row.text(1)? == "granted",
                since: read_date(row, 2)?,
                document: row.text(3)?.to_owned(),
            })
        },
    )?)
}

/// Whether a court stands above on a day: the newest event up to that day counts, and of two with one date the later.
#[must_use]
pub fn is_above(events: &[Above], upper_court_id: i64, day: Date) -> bool {
    let of_court = events.iter().filter(|event| event.upper_court_id == upper_court_id && event.since <= day);
    // `max_by_key` returns the last of equal ones.
    of_court.max_by_key(|event| event.since).is_some_and(|event| event.is_granted)
}

/// The courts into whose books a person may look today: they hold the role in their own court, and the other court has
/// it on record.
///
/// # Errors
/// What the database says.
pub fn courts_below(tx: &mut Tx<'_>, person: &Actor, today: Date) -> Outcome<Vec<i64>> {
    if !roles_of(tx, person, today)?.iter().any(|standing| standing.role == Role::UpperCourt) {
        return Ok(Vec::new());
    }
    let courts = tx.query(
        "SELECT DISTINCT court_id FROM court_above WHERE book_id = $1 AND upper_court_id = $2 ORDER BY court_id",
        &[books::REGISTER.into(), person.court_id.into()],
        |row| row.int(0),
    )?;
    let mut below = Vec::new();
    for court_id in courts {
        if is_above(&all(tx, court_id)?, person.court_id, today) {
            below.push(court_id);
        }
    }
    Ok(below)
}

/// Lets a person of the court above look, and puts it on record; returns who they are in the court that is looked at:
/// nobody of it, so that every rule of a role refuses them.
///
/// # Errors
/// `access.upper_refused`, alike whether there is such a court or not.
pub fn look(
    tx: &mut Tx<'_>,
    person: &Actor,
    court_id: i64,
    (command, arguments): (&str, &[(String, String)]),
    today: Date,
    at: Timestamp,
) -> Outcome<Actor> {
    if !courts_below(tx, person, today)?.contains(&court_id) {
        return Err(Message::new("access.upper_refused").with("court", court_id).into());
    }
    let arguments = serde_json::to_string(arguments).map_err(std::io::Error::from)?;
    // Numbered under the lock of the court's row, so that two who look at once do not collide.
    tx.execute(
        "INSERT INTO service_number (court_id, kind, last_no) VALUES ($1, 'court_reading', 1) \
         ON CONFLICT (court_id, kind) DO UPDATE SET last_no = service_number.last_no + 1",
        &[court_id.into()],
    )?;
    tx.execute(
        "INSERT INTO court_reading (court_id, id, upper_court_id, person_id, person_name, command, arguments, read_at) \
         SELECT $1, last_no, $2, $3, $4, $5, $6, $7 FROM service_number WHERE court_id = $1 AND kind = 'court_reading'",
        &[
            court_id.into(),
            person.court_id.into(),
            person.person_id.into(),
            person.name.as_str().into(),
            command.into(),
            arguments.as_str().into(),
            at.as_microsecond().into(),
        ],
    )?;
    Ok(Actor { court_id, person_id: NOBODY, name: person.name.clone() })
}

/// No person has this number: those of people are taken from a book, beginning with one.
const NOBODY: i64 = 0;

/// What was looked at in a court, newest first.
///
/// # Errors
/// What the database says.
pub fn readings(tx: &mut Tx<'_>, court_id: i64, most: i64) -> Outcome<Vec<Reading>> {
    Ok(tx.query(
        "SELECT upper_court_id, person_name, command, arguments, read_at FROM court_reading WHERE court_id = $1 \
         ORDER BY id DESC LIMIT $2",
        &[court_id.into(), most.into()],
        |row| {
            Ok(Reading {
                upper_court_id: row.int(0)?,
                person_name: row.text(1)?.to_owned(),
                command: row.text(2)?.to_owned(),
                arguments: row.text(3)?.to_owned(),
                read_at: row.int(4)?,
            })
        },
    )?)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_newest_word_up_to_the_day_counts() {
        let event =
            |upper_court_id, is_granted, since| Above { upper_court_id, is_granted, since, document: "函".into() };
        let events =
            [event(2, true, date(2026, 3, 1)), event(2, false, date(2026, 6, 1)), event(3, true, date(2026, 6, 1))];
        for (court, day, wanted) in [
            (2, date(2026, 2, 28), false),
            (2, date(2026, 3, 1), true),
            (2, date(2026, 6, 1), false),
            (3, date(2026, 6, 1), true),
            (4, date(2026, 6, 1), false),
        ] {
            assert_eq!(is_above(&events, court, day), wanted, "{court} {day}");
        }
    }
}
