//! Orders go out: one numbered file of all that an institution has not been told.

use std::path::Path;

use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Value};
use ankuan_ledger::{BookKey, Tx};

use super::Action;
use super::measures::{Beside, Lines, MeasureEvent, MeasureRecord};
use super::message::{AllowanceLine, INSTRUCTION_SCHEMA, Instruction, OrderLine, PayTo, percent};
use super::queries::{self, Query};
use super::register::{find_asset, identifier};
use super::rules::{Asked, Extent, Fact, OpenOrder, What};
use crate::access::{Acting, Role};
use crate::amount::plain;
use crate::bank::BankFileError;
use crate::bank::deliver::{Delivered, deliver};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::{Failure, Message, Outcome, books, cases, chart};

/// `instruction`
pub static INSTRUCTION: Table = Table {
    name: "instruction",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("instruction_id", Int),
        ("number", Text),
        ("institution", Text),
        ("document_id", Int),
        ("sha256", Bytes),
        ("csv_document_id", Int),
        ("csv_sha256", Bytes),
        ("order_count", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["instruction_id"],
};

/// A message as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Row.
    pub instruction_id: i64,
    /// `I2026-0001`: also the name of its files.
    pub number: String,
    /// Who is told.
    pub institution: String,
    /// The JSON file and its digest.
    pub json: (i64, Digest),
    /// The CSV file and its digest.
    pub csv: (i64, Digest),
    /// How many orders.
    pub order_count: i64,
}

/// Records one message with every order that an institution has not been told; none when there is none, so the same
/// again sends nothing twice. Needs [`Role::Handler`]. The files are delivered from what is kept: [`deliver_files`].
///
/// # Errors
/// `assets.institution_unknown` (no asset there), `access.role_missing`, `keys.*`.
pub fn send(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    institution: &str,
) -> Outcome<Option<Sent>> {
    let institution = institution.trim();
    let mut act = acting.open_act(tx, books::CASE_MONEY, "instructions.out")?;
    acting.require(tx, Role::Handler)?;
    let book = act.book();
    documents::require_keys(tx, keys, book)?;
    let known = tx.query_opt(
        "SELECT asset_id FROM asset WHERE court_id = $1 AND book_id = $2 AND institution = $3 ORDER BY asset_id LIMIT 1",
        &[book.court_id.into(), book.book_id.into(), institution.into()],
        |row| row.int(0),
    )?;
    if known.is_none() {
        return Err(Message::new("assets.institution_unknown").with("institution", institution).into());
    }
    let due = tx.query(
        "SELECT o.order_id, o.measure_id, o.asset_id FROM open_order AS o \
         JOIN asset AS a ON a.court_id = o.court_id AND a.book_id = o.book_id AND a.asset_id = o.asset_id \
         WHERE o.court_id = $1 AND o.book_id = $2 AND o.is_sent = 0 AND a.institution = $3 ORDER BY o.order_id",
        &[book.court_id.into(), book.book_id.into(), institution.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )?;
    let asked = tx.query(
        "SELECT o.query_id FROM open_query AS o \
         JOIN asset AS a ON a.court_id = o.court_id AND a.book_id = o.book_id AND a.asset_id = o.asset_id \
         WHERE o.court_id = $1 AND o.book_id = $2 AND o.is_sent = 0 AND a.institution = $3 ORDER BY o.query_id",
        &[book.court_id.into(), book.book_id.into(), institution.into()],
        |row| row.int(0),
    )?;
    if due.is_empty() && asked.is_empty() {
        return Ok(None);
    }
    let number = next_number(tx, book, acting)?;
    let court = chart::court_name(tx, book.court_id)?.unwrap_or_default();
    let mut instruction = Instruction {
        schema: INSTRUCTION_SCHEMA,
        number: number.clone(),
        court,
        institution: institution.to_owned(),
        made_on: acting.date.to_string(),
        orders: Vec::new(),
    };
    let mut lines = Lines::default();
    for (order_id, measure_id, asset_id) in &due {
        let standing = lines.of(tx, book, *asset_id)?.standing();
        let order = standing.line.measure(*measure_id).and_then(|measure| {
            measure.open.iter().find(|order| order.order_id == *order_id && !order.is_sent).copied()
        });
        let (Some(order), Some(record), Some(event)) = (order, standing.record(*measure_id), standing.event(*order_id))
        else {
            return Err(broken(format!("open order {order_id} does not follow from its events")));
        };
        instruction.orders.push(order_line(tx, keys, book, record, &order, event)?);
    }
    let mut due_queries = Vec::with_capacity(asked.len());
    for query_id in asked {
        let query = queries::find(tx, book, query_id)?;
        let query = query.ok_or_else(|| broken(format!("open query {query_id} is none")))?;
        instruction.orders.push(query_line(tx, keys, book, &query)?);
        due_queries.push(query);
    }
    instruction.orders.sort_by_key(|line| line.order);
    let mut keep = |tx: &mut Tx<'_>, act: &mut _, name: String, media_type, bytes: &[u8]| {
        let new = NewDocument { kind: "instruction", name: &name, media_type };
        documents::store(tx, act, keys, randomness, &new, bytes)
    };
    let json = keep(tx, &mut act, format!("{number}.json"), "application/json", &instruction.json()?)?;
    let csv = keep(tx, &mut act, format!("{number}.csv"), "text/csv", &instruction.csv()?)?;
    let instruction_id = act.take_ids(1);
    let order_count = instruction.orders.len() as i64;
    act.insert(
        tx,
        &INSTRUCTION,
        instruction_id,
        &[
            instruction_id.into(),
            number.as_str().into(),
            institution.into(),
            json.document_id.into(),
            Value::Bytes(&json.sha256),
            csv.document_id.into(),
            Value::Bytes(&csv.sha256),
            order_count.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    let beside = Beside { instruction_id: Some(instruction_id), ..Beside::default() };
    for (order_id, measure_id, asset_id) in due {
        let fact = Fact { measure_id, on: acting.date, what: What::Sent, order_id: Some(order_id) };
        lines.of(tx, book, asset_id)?.record(tx, &mut act, &fact, &beside)?;
    }
    lines.write_states(tx, acting)?;
    for query in &due_queries {
        queries::record_sent(tx, &mut act, query, acting.date, instruction_id)?;
    }
    act.close(tx)?;
    Ok(Some(Sent {
        instruction_id,
        number,
        institution: institution.to_owned(),
        json: (json.document_id, json.sha256),
        csv: (csv.document_id, csv.sha256),
        order_count,
    }))
}

fn broken(detail: String) -> Failure {
    ankuan_ledger::Error::Inconsistent(detail).into()
}

fn next_number(tx: &mut Tx<'_>, book: BookKey, acting: &Acting) -> Outcome<String> {
    let year = format!("I{:04}-", acting.date.year());
    // Under the lock of the book's head: nobody else counts at the same time.
    let count = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM instruction WHERE court_id = $1 AND book_id = $2 AND substr(number, 1, 6) = $3",
        &[book.court_id.into(), book.book_id.into(), year.as_str().into()],
        |row| row.int(0),
    )?;
    Ok(format!("{year}{:04}", count + 1))
}

fn order_line(
    tx: &mut Tx<'_>,
    keys: &Keys,
    book: BookKey,
    record: &MeasureRecord,
    order: &OpenOrder,
    event: &MeasureEvent,
) -> Outcome<OrderLine> {
    let asset = find_asset(tx, book, record.asset_id)?;
    let number = identifier(tx, keys, book, asset.asset_id)?;
    let case = match record.case_id {
        Some(case_id) => cases::case_by_id(tx, book, case_id)?.current_number().to_owned(),
        None => return Err(broken(format!("order {} is another court's", order.order_id))),
    };
    let mut line = OrderLine::new(
        order.order_id,
        order.what.action(),
        record.measure_id,
        case,
        event.reason.clone(),
        record.officer.clone(),
        record.basis,
        order.on,
        (asset.kind, asset.holder_name, number),
    );
    match order.what {
        Asked::Freeze => {
            match record.extent {
                Extent::Amount(amount) => line.amount = Some(plain(amount)),
                Extent::Share(share) => line.share_percent = Some(percent(share)),
                Extent::Whole => line.whole = true,
            }
            line.months = Some(record.months);
            line.allowance = record.allowance.map(|allowance| AllowanceLine {
                monthly: plain(allowance.monthly),
                carries_over: allowance.carries_over,
            });
        }
        Asked::Renew(months) => line.months = Some(months),
        Asked::Deduct(amount) => {
            line.amount = Some(plain(amount));
            line.pay_to = Some(pay_to(tx, book, event.bank_account_id, order.order_id)?);
        }
        Asked::Surrender => line.pay_to = Some(pay_to(tx, book, event.bank_account_id, order.order_id)?),
        Asked::Lift => {}
    }
    Ok(line)
}

/// Where the money of an order is to go.
fn pay_to(tx: &mut Tx<'_>, book: BookKey, bank_account_id: Option<i64>, order_id: i64) -> Outcome<PayTo> {
    let accounts = chart::bank_accounts(tx, book.court_id)?;
    let account = accounts.into_iter().find(|one| Some(one.bank_account_id) == bank_account_id);
    let account = account.ok_or_else(|| broken(format!("order {order_id} names no account")))?;
    Ok(PayTo {
        account: account.number,
        holder: account.holder_name,
        bank: account.bank_name,
        bank_code: account.bank_code,
    })
}

fn query_line(tx: &mut Tx<'_>, keys: &Keys, book: BookKey, query: &Query) -> Outcome<OrderLine> {
    let asset = find_asset(tx, book, query.asset_id)?;
    let number = identifier(tx, keys, book, asset.asset_id)?;
    Ok(OrderLine::new(
        query.query_id,
        Action::Query,
        query.query_id,
        cases::case_by_id(tx, book, query.case_id)?.current_number().to_owned(),
        query.paper.clone(),
        query.officer.clone(),
        query.basis,
        query.ordered_on,
        (asset.kind, asset.holder_name, number),
    ))
}

/// A message by its number.
///
/// # Errors
/// `assets.instruction_unknown`.
pub fn find_instruction(tx: &mut Tx<'_>, book: BookKey, number: &str) -> Outcome<Sent> {
    let found = tx.query_opt(
        "SELECT instruction_id, number, institution, document_id, sha256, csv_document_id, csv_sha256, order_count \
         FROM instruction WHERE court_id = $1 AND book_id = $2 AND number = $3",
        &[book.court_id.into(), book.book_id.into(), number.trim().into()],
        |row| {
            Ok(Sent {
                instruction_id: row.int(0)?,
                number: row.text(1)?.to_owned(),
                institution: row.text(2)?.to_owned(),
                json: (row.int(3)?, row.digest(4)?),
                csv: (row.int(5)?, row.digest(6)?),
                order_count: row.int(7)?,
            })
        },
    )?;
    Ok(found.ok_or_else(|| Message::new("assets.instruction_unknown").with("number", number.escape_debug()))?)
}

/// Writes the kept files of a message into a folder, synced: when this returns they survive a loss of power.
///
/// # Errors
/// `bank.deliver.different`: another file of that name is there. `documents.changed`, `keys.*`, I/O.
pub fn deliver_files(
    tx: &mut Tx<'_>,
    keys: &Keys,
    book: BookKey,
    sent: &Sent,
    folder: &Path,
) -> Outcome<Vec<Delivered>> {
    let mut delivered = Vec::new();
    for (document_id, ending) in [(sent.json.0, "json"), (sent.csv.0, "csv")] {
        let bytes = documents::read(tx, keys, book, document_id)?;
        let name = format!("{}.{ending}", sent.number);
        delivered.push(deliver(folder, &name, &bytes).map_err(|error| match error {
            BankFileError::Refused(message) => Failure::Refused(message),
            BankFileError::Io(error) => Failure::of_file(folder, &error),
        })?);
    }
    Ok(delivered)
}
