//! Assets: registered once, however many cases find them.

use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Result, Row, Table, Value};
use ankuan_ledger::{BookKey, Tx};

use super::AssetKind;
use crate::access::{Acting, Role};
use crate::bank::PayeeKind;
use crate::books;
use crate::claims::details::seal_details;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal::{PersonalDetail, each_detail};
use crate::words::read_word;
use crate::{Message, Outcome};

/// The most characters of a name or a number: above any institution's field.
const TEXT_CHARS_MAX: usize = 120;

/// `asset`
pub static ASSET: Table = Table {
    name: "asset",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("asset_id", Int),
        ("kind", Text),
        ("institution", Text),
        ("holder_name", Text),
        ("detail_id", Int),
        ("commitment", Bytes),
        ("identifier_index", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["asset_id"],
};

/// An asset. Its number is sealed; see [`identifier`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset {
    /// Row.
    pub asset_id: i64,
    /// What it is.
    pub kind: AssetKind,
    /// Who holds it, and is told what to do.
    pub institution: String,
    /// In whose name.
    pub holder_name: String,
}

/// An asset to be registered.
#[derive(Clone, Copy)]
pub struct NewAsset<'a> {
    /// What it is.
    pub kind: AssetKind,
    /// Who holds it.
    pub institution: &'a str,
    /// In whose name.
    pub holder_name: &'a str,
    /// Whether that is a company.
    pub is_company: bool,
    /// Number of the account, policy, fund; of a salary, what the employer knows the person by.
    pub identifier: &'a str,
}

/// What registering did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The asset.
    pub asset: Asset,
    /// Whether it was not known before.
    pub is_new: bool,
}

/// Registers an asset. Needs [`Role::Handler`]. The same number of the same kind at the same institution is the same
/// asset, whichever case found it: nothing changes then.
///
/// # Errors
/// `assets.text` (a field empty, too long, or with control characters), `assets.holder_differs` (known in another's name),
/// `access.role_missing`.
pub fn register(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    new: &NewAsset<'_>,
) -> Outcome<Registered> {
    let [institution, holder_name] = [new.institution.trim(), new.holder_name.trim()];
    // Blanks in a number are how people group digits.
    let identifier: String = new.identifier.chars().filter(|letter| !letter.is_whitespace()).collect();
    for (field, text) in [("institution", institution), ("holder", holder_name), ("identifier", identifier.as_str())] {
        if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
            return Err(Message::new("assets.text").with("field", field).with("max", TEXT_CHARS_MAX).into());
        }
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.add")?;
    acting.require(tx, Role::Handler)?;
    let index = keys.index("account", &identifier);
    let BookKey { court_id, book_id } = act.book();
    let known = tx.query_opt(
        "SELECT asset_id, kind, institution, holder_name FROM asset WHERE court_id = $1 AND book_id = $2 \
         AND kind = $3 AND institution = $4 AND identifier_index = $5",
        &[court_id.into(), book_id.into(), new.kind.as_str().into(), institution.into(), index.into()],
        read_asset,
    )?;
    if let Some(asset) = known {
        if asset.holder_name != holder_name {
            return Err(Message::new("assets.holder_differs")
                .with("asset", asset.asset_id)
                .with("holder", &asset.holder_name)
                .into());
        }
        return Ok(Registered { asset, is_new: false });
    }
    let asset_id = act.take_ids(1);
    let detail = PersonalDetail {
        kind: if new.is_company { PayeeKind::Company } else { PayeeKind::Person },
        payee_name: holder_name,
        bank_name: institution,
        bank_code: "",
        document_number: "",
        account: &identifier,
        telephone: "",
    };
    let commitment = seal_details(tx, &act, keys, randomness, asset_id, "other", &detail)?;
    act.insert(
        tx,
        &ASSET,
        asset_id,
        &[
            asset_id.into(),
            new.kind.as_str().into(),
            institution.into(),
            holder_name.into(),
            asset_id.into(),
            Value::Bytes(&commitment),
            index.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    let (institution, holder_name) = (institution.to_owned(), holder_name.to_owned());
    Ok(Registered { asset: Asset { asset_id, kind: new.kind, institution, holder_name }, is_new: true })
}

/// The asset with this number.
///
/// # Errors
/// `assets.unknown`.
pub fn find_asset(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Asset> {
    let found = tx.query_opt(
        "SELECT asset_id, kind, institution, holder_name FROM asset \
         WHERE court_id = $1 AND book_id = $2 AND asset_id = $3",
        &[book.court_id.into(), book.book_id.into(), asset_id.into()],
        read_asset,
    )?;
    Ok(found.ok_or_else(|| Message::new("assets.unknown").with("asset", asset_id))?)
}

/// All assets in the order they were registered.
///
/// # Errors
/// What the database says.
pub fn assets(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Asset>> {
    Ok(tx.query(
        "SELECT asset_id, kind, institution, holder_name FROM asset WHERE court_id = $1 AND book_id = $2 \
         ORDER BY asset_id",
        &[book.court_id.into(), book.book_id.into()],
        read_asset,
    )?)
}

/// The sealed number of an asset.
///
/// # Errors
/// `keys.detail_cannot_open`.
pub fn identifier(tx: &mut Tx<'_>, keys: &Keys, book: BookKey, asset_id: i64) -> Outcome<String> {
    let mut found = String::new();
    each_detail(tx, keys, book, (asset_id, asset_id), &mut |_, detail, _| {
        detail.account.clone_into(&mut found);
        Ok(())
    })?;
    Ok(found)
}

fn read_asset(row: &Row<'_>) -> Result<Asset> {
    Ok(Asset {
        asset_id: row.int(0)?,
        kind: read_word(row, 1, AssetKind::parse)?,
        institution: row.text(2)?.to_owned(),
        holder_name: row.text(3)?.to_owned(),
    })
}
