//! New keys: everything that is sealed is sealed again, a page in a transaction, so that it can go on where it was cut off.

use ankuan_ledger::engine::{Result, Row, Value};
use ankuan_ledger::{Store, Tx, stop};

use super::keys::Keys;
use crate::access::credentials;
use crate::service::jobs;
use crate::{Message, Outcome, claimants, documents, request_files, webhooks};

/// A column that holds sealed values.
#[derive(Clone, Copy)]
pub struct Sealed {
    /// Its table.
    pub table: &'static str,
    /// The key of the table; numbers all of them.
    pub key: &'static [&'static str],
    /// The column.
    pub column: &'static str,
    /// The rows behind a key, in its order, at most a page of them: the key, the sealed value, and what its place needs.
    pub page: &'static str,
    /// The place that a value of such a row is bound to.
    pub place: fn(&Row<'_>) -> Result<Vec<u8>>,
}

/// Everything that is sealed with the court's keys.
const ALL: &[Sealed] = &[
    documents::personal::SEALED_DETAILS,
    documents::SEALED_CHUNKS,
    credentials::SEALED_SECRETS,
    jobs::SEALED_FILES,
    claimants::keys::SEALED[0],
    claimants::keys::SEALED[1],
    claimants::SEALED_CODES,
    claimants::messages::SEALED,
    claimants::corrections::SEALED,
    webhooks::SEALED_SECRETS,
    request_files::SEALED,
];

/// Seals everything again that is not sealed with the key that counts now; returns how many values. Told of each page.
///
/// # Errors
/// `keys.cannot_open`; what the database says. What was sealed again until then stays so.
pub fn reseal(store: &mut Store, keys: &Keys, done: &mut dyn FnMut(u64)) -> Outcome<u64> {
    let mut resealed = 0;
    for sealed in ALL {
        let mut after = vec![-1; sealed.key.len()];
        while let Some((last, count)) = reseal_page(store, keys, sealed, &after)? {
            resealed += count;
            done(resealed);
            after = last;
        }
    }
    Ok(resealed)
}

/// Refuses keys that open nothing of what a court has sealed: what they sealed could not be opened with the right ones. A
/// court that has sealed nothing yet takes any; where some of it opens, `verify` tells of the rest.
///
/// # Errors
/// `keys.not_of_court`; what the database says.
pub fn refuse_others(tx: &mut Tx<'_>, court_id: i64, keys: &Keys) -> Outcome<()> {
    let mut has_sealed = false;
    for sealed in [documents::personal::SEALED_DETAILS, credentials::SEALED_SECRETS] {
        let width = sealed.key.len();
        let behind: Vec<Value<'_>> = (0..width).map(|column| if column == 0 { court_id } else { -1 }.into()).collect();
        let rows =
            tx.query(sealed.page, &behind, |row| Ok((row.int(0)?, row.bytes(width)?.to_vec(), (sealed.place)(row)?)))?;
        for (_, mut value, place) in rows.into_iter().filter(|(of, value, _)| *of == court_id && !value.is_empty()) {
            if keys.open(&place, &mut value).is_ok() {
                return Ok(());
            }
            has_sealed = true;
        }
    }
    if has_sealed { Err(Message::new("keys.not_of_court").with("court", court_id).into()) } else { Ok(()) }
}

/// One page; the last key of it and how many values were sealed again. `None`: there is no row any more.
fn reseal_page(store: &mut Store, keys: &Keys, sealed: &Sealed, after: &[i64]) -> Outcome<Option<(Vec<i64>, u64)>> {
    let mut tx = store.begin()?;
    let width = sealed.key.len();
    let behind: Vec<Value<'_>> = after.iter().map(|number| (*number).into()).collect();
    let rows = tx.query(sealed.page, &behind, |row| {
        let key = (0..width).map(|column| row.int(column)).collect::<Result<Vec<i64>>>()?;
        Ok((key, row.bytes(width)?.to_vec(), (sealed.place)(row)?))
    })?;
    let Some((last, _, _)) = rows.last() else { return Ok(None) };
    let last = last.clone();
    let mut changed = Vec::new();
    for (key, value, place) in rows.iter().filter(|(_, value, _)| !value.is_empty()) {
        if let Some(again) = keys.resealed(place, value)? {
            changed.push((key, again));
        }
    }
    let values: Vec<Value<'_>> = changed
        .iter()
        .flat_map(|(key, again)| {
            key.iter().map(|number| Value::Int(*number)).chain(std::iter::once(Value::Bytes(again)))
        })
        .collect();
    tx.update_many(sealed.table, sealed.key, &[sealed.column], &values)?;
    stop::at("page resealed");
    tx.commit()?;
    Ok(Some((last, changed.len() as u64)))
}
