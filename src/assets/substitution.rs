//! Assets that stay in use under somebody's eyes (活封), and one freeze in the place of another (替代性查封): the old one is
//! let go only when the new one is in force.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{BookKey, Tx};
use jiff::civil::Date;

use super::MeasureStatus;
use super::measures::{asset_of, load};
use crate::access::{Acting, Role};
use crate::books;
use crate::words::read_date;
use crate::{Message, Outcome};

/// `measure_use`
pub static MEASURE_USE: Table = Table {
    name: "measure_use",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("measure_id", Int),
        ("event", Text),
        ("supervisor", Text),
        ("document", Text),
        ("on_day", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `substitution`
pub static SUBSTITUTION: Table = Table {
    name: "substitution",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("event", Text),
        ("old_measure_id", Int),
        ("new_measure_id", Int),
        ("document", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Use that is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// Who watches.
    pub supervisor: String,
    /// What allows it.
    pub document: String,
    /// Since when.
    pub since: Date,
}

/// Where an order stands, and whether it is of ours.
fn status(tx: &mut Tx<'_>, book: BookKey, measure_id: i64) -> Outcome<MeasureStatus> {
    let asset_id = asset_of(tx, book, measure_id)?;
    let standing = load(tx, book, asset_id)?;
    let measure = standing.line.measure(measure_id).filter(|measure| !measure.is_outside);
    Ok(measure.ok_or_else(|| Message::new("assets.outside").with("measure", measure_id))?.status())
}

/// Records that what is frozen may be used under a supervisor, or (without one) no longer. Needs [`Role::Handler`].
///
/// # Errors
/// `assets.document_missing`, `access.role_missing`, `assets.measure_unknown`, `assets.outside`,
/// `assets.not_in_force`, `assets.use_not_allowed` (nothing to end).
pub fn allow_use(
    tx: &mut Tx<'_>,
    acting: &Acting,
    measure_id: i64,
    supervisor: Option<&str>,
    document: &str,
) -> Outcome<()> {
    let supervisor = supervisor.map(str::trim);
    if document.trim().is_empty() || supervisor == Some("") {
        return Err(Message::new("assets.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.use")?;
    acting.require(tx, Role::Handler)?;
    if status(tx, act.book(), measure_id)? != MeasureStatus::InForce {
        return Err(Message::new("assets.not_in_force").with("measure", measure_id).into());
    }
    if supervisor.is_none() && use_of(tx, act.book(), measure_id)?.is_none() {
        return Err(Message::new("assets.use_not_allowed").with("measure", measure_id).into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &MEASURE_USE,
        id,
        &[
            id.into(),
            measure_id.into(),
            if supervisor.is_some() { "allowed" } else { "ended" }.into(),
            supervisor.unwrap_or_default().into(),
            document.trim().into(),
            acting.date.to_string().as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// Who watches what is in use, if it may be used.
///
/// # Errors
/// What the database says.
pub fn use_of(tx: &mut Tx<'_>, book: BookKey, measure_id: i64) -> Outcome<Option<Use>> {
    let newest = tx.query(
        "SELECT event, supervisor, document, on_day FROM measure_use \
         WHERE court_id = $1 AND book_id = $2 AND measure_id = $3 ORDER BY id DESC LIMIT 1",
        &[book.court_id.into(), book.book_id.into(), measure_id.into()],
        |row| {
            let one = Use {
                supervisor: row.text(1)?.to_owned(),
                document: row.text(2)?.to_owned(),
                since: read_date(row, 3)?,
            };
            Ok((row.text(0)? == "allowed").then_some(one))
        },
    )?;
    Ok(newest.into_iter().next().flatten())
}

/// Records that one freeze is to stand in the place of another of the same case, or (without a new one) that none is.
/// Needs [`Role::Handler`]. It lifts nothing: the old one is lifted by its own ruling, when the new one is in force.
///
/// # Errors
/// `assets.document_missing`, `access.role_missing`, `assets.measure_unknown`, `assets.outside`,
/// `assets.not_in_force` (the old one), `assets.substitute_over` (the new one has ended), `assets.substitute_case` (of
/// another case, or of the same asset), `assets.substituted_already`, `assets.substitute_none` (nothing to cancel).
pub fn substitute(tx: &mut Tx<'_>, acting: &Acting, old: i64, new: Option<i64>, document: &str) -> Outcome<()> {
    if document.trim().is_empty() {
        return Err(Message::new("assets.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.substitute")?;
    acting.require(tx, Role::Handler)?;
    let book = act.book();
    if status(tx, book, old)? != MeasureStatus::InForce {
        return Err(Message::new("assets.not_in_force").with("measure", old).into());
    }
    let known = substitute_of(tx, book, old)?;
    let (event, new) = match (new, known) {
        (None, Some(known)) => ("cancelled", known),
        (None, None) => return Err(Message::new("assets.substitute_none").with("measure", old).into()),
        (Some(_), Some(known)) => {
            return Err(Message::new("assets.substituted_already").with("measure", old).with("by", known).into());
        }
        (Some(new), None) => ("linked", new),
    };
    if event == "linked" {
        if !may_still_come(status(tx, book, new)?) {
            return Err(Message::new("assets.substitute_over").with("measure", new).into());
        }
        let ((old_case, old_asset), (new_case, new_asset)) = (place_of(tx, book, old)?, place_of(tx, book, new)?);
        if old_case != new_case || old_asset == new_asset {
            return Err(Message::new("assets.substitute_case").with("measure", new).into());
        }
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &SUBSTITUTION,
        id,
        &[
            id.into(),
            event.into(),
            old.into(),
            new.into(),
            document.trim().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(())
}

/// Case and asset of an order.
fn place_of(tx: &mut Tx<'_>, book: BookKey, measure_id: i64) -> Outcome<(Option<i64>, i64)> {
    let asset_id = asset_of(tx, book, measure_id)?;
    let standing = load(tx, book, asset_id)?;
    Ok((standing.record(measure_id).and_then(|record| record.case_id), asset_id))
}

/// Whether an order is in force or may come into force.
const fn may_still_come(status: MeasureStatus) -> bool {
    matches!(status, MeasureStatus::Ordered | MeasureStatus::Sent | MeasureStatus::Waiting | MeasureStatus::InForce)
}

/// What stands, or is to stand, in the place of a freeze.
///
/// # Errors
/// What the database says.
pub fn substitute_of(tx: &mut Tx<'_>, book: BookKey, old: i64) -> Outcome<Option<i64>> {
    let newest = tx.query(
        "SELECT event, new_measure_id FROM substitution WHERE court_id = $1 AND book_id = $2 AND old_measure_id = $3 \
         ORDER BY id DESC LIMIT 1",
        &[book.court_id.into(), book.book_id.into(), old.into()],
        |row| Ok((row.text(0)? == "linked").then_some(row.int(1)?)),
    )?;
    Ok(newest.into_iter().next().flatten())
}

/// That a freeze may be let go: what is to stand in its place, if anything, is in force.
///
/// # Errors
/// `assets.substitute_not_in_force`.
pub fn require(tx: &mut Tx<'_>, book: BookKey, old: i64) -> Outcome<()> {
    let Some(new) = substitute_of(tx, book, old)? else { return Ok(()) };
    if status(tx, book, new)? == MeasureStatus::InForce {
        return Ok(());
    }
    Err(Message::new("assets.substitute_not_in_force").with("measure", old).with("substitute", new).into())
}
