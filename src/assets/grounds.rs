//! Grounds on which a housing fund may be drawn, as data in `grounds.toml`. Without one it is frozen, not drawn
//! (冻结不提现; Housing Fund Regulations art. 24, Supreme Court reply (2013)执他字第14号).

use ankuan_ledger::engine::Kind::{Int, Text as Words};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{BookKey, Tx};
use jiff::civil::Date;
use serde::Deserialize;

use super::AssetKind;
use super::measures::DEDUCTION_CONFIRMED_BY;
use super::register::Asset;
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::calculators::Text;
use crate::words::read_date;
use crate::{Message, Outcome};

/// The grounds that are built in.
pub const STANDARD: &str = include_str!("grounds.toml");

/// `asset_ground`
pub static ASSET_GROUND: Table = Table {
    name: "asset_ground",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("asset_id", Int),
        ("event", Words),
        ("ground", Words),
        ("document", Words),
        ("on_day", Words),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A ground.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ground {
    /// `retired`…
    pub name: String,
    /// In words.
    pub title: Text,
    /// Article.
    pub source: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroundFile {
    ground: Vec<Ground>,
}

/// The grounds in the order of the file.
///
/// # Errors
/// `assets.grounds_file`.
pub fn grounds() -> Result<Vec<Ground>, Message> {
    let wrong = |error: toml::de::Error| Message::new("assets.grounds_file").with("detail", error.message());
    Ok(toml::from_str::<GroundFile>(STANDARD).map_err(wrong)?.ground)
}

/// A ground as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Name in `grounds.toml`.
    pub ground: String,
    /// What shows it.
    pub document: String,
    /// Day of the paper.
    pub on: Date,
}

/// Records a ground, or that it does not hold after all, by two people. Needs [`Role::Handler`] and one of
/// [`DEDUCTION_CONFIRMED_BY`].
///
/// # Errors
/// `assets.not_a_fund`, `assets.ground_unknown` (with the known ones), `assets.document_missing`,
/// `assets.ground_not_recorded` (nothing to withdraw), and those of the two people.
pub fn record(
    tx: &mut Tx<'_>,
    acting: &Acting,
    asset: &Asset,
    (name, withdrawn): (&str, bool),
    document: &str,
    confirmed_by: &Actor,
) -> Outcome<Ground> {
    if asset.kind != AssetKind::HousingFund {
        return Err(Message::new("assets.not_a_fund").with("asset", asset.asset_id).into());
    }
    let all = grounds()?;
    let known = || all.iter().map(|ground| ground.name.as_str()).collect::<Vec<_>>().join(", ");
    let ground = all.iter().find(|ground| ground.name == name).cloned().ok_or_else(|| {
        Message::new("assets.ground_unknown").with("ground", name.escape_debug()).with("known", known())
    })?;
    if document.trim().is_empty() {
        return Err(Message::new("assets.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.ground")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, DEDUCTION_CONFIRMED_BY)?;
    if withdrawn && !standing(tx, act.book(), asset.asset_id)?.iter().any(|one| one.ground == name) {
        return Err(Message::new("assets.ground_not_recorded").with("ground", name).into());
    }
    let id = act.take_ids(1);
    act.insert(
        tx,
        &ASSET_GROUND,
        id,
        &[
            id.into(),
            asset.asset_id.into(),
            if withdrawn { "withdrawn" } else { "recorded" }.into(),
            name.into(),
            document.trim().into(),
            acting.date.to_string().as_str().into(),
            confirmed_by.person_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(ground)
}

/// The grounds that stand.
///
/// # Errors
/// What the database says.
pub fn standing(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Vec<Recorded>> {
    let events = tx.query(
        "SELECT event, ground, document, on_day FROM asset_ground \
         WHERE court_id = $1 AND book_id = $2 AND asset_id = $3 ORDER BY id",
        &[book.court_id.into(), book.book_id.into(), asset_id.into()],
        |row| {
            let one =
                Recorded { ground: row.text(1)?.to_owned(), document: row.text(2)?.to_owned(), on: read_date(row, 3)? };
            Ok((row.text(0)? == "recorded", one))
        },
    )?;
    let mut standing: Vec<Recorded> = Vec::new();
    for (recorded, one) in events {
        standing.retain(|known| known.ground != one.ground);
        if recorded {
            standing.push(one);
        }
    }
    Ok(standing)
}

/// That something may be drawn.
///
/// # Errors
/// `assets.no_ground`: frozen, not drawn.
pub fn require(tx: &mut Tx<'_>, book: BookKey, asset: &Asset) -> Outcome<()> {
    if standing(tx, book, asset.asset_id)?.is_empty() {
        return Err(Message::new("assets.no_ground").with("asset", asset.asset_id).into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grounds_of_article_24_are_there_once() {
        let names: Vec<String> = grounds().unwrap().into_iter().map(|ground| ground.name).collect();
        let wanted = ["buying_home", "retired", "disabled", "emigrated", "home_loan", "rent", "deceased"];
        assert_eq!(names, wanted);
    }
}
