//! Opening balances of an old system: what the bank account is made of on day 0, receipt by receipt, with the days on
//! which the money really came, so that its clocks run from there.

use std::collections::HashSet;
use std::io::Cursor;
use std::path::Path;

use ankuan_ledger::Amount;
use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Tx, Value};
use encoding_rs::GB18030;
use jiff::civil::Date;

use super::{NewReceipt, accounts_of, post_receipt};
use crate::access::Acting;
use crate::amount::parse_yuan;
use crate::books;
use crate::cases::{self, Case};
use crate::chart::{BankAccount, Chart, Event};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::statements::days;
use crate::statements::import::may_import;

/// `bank_opening`
pub static BANK_OPENING: Table = Table {
    name: "bank_opening",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("opening_id", Int),
        ("bank_account_id", Int),
        ("day", Text),
        ("balance_minor", Int),
        ("document_id", Int),
        ("sha256", Bytes),
        ("item_count", Int),
        ("item_sum_minor", Int),
        ("voucher_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["opening_id"],
};

/// `opening_item`
pub static OPENING_ITEM: Table = Table {
    name: "opening_item",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("opening_id", Int),
        ("row_no", Int),
        ("receipt_id", Int),
        ("handler", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The largest list: some 300,000 open receipts, more than any court has on one account.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The headings of the list; the first spelling is the one that messages name.
const HEADINGS: [(&str, &[&str]); 7] = [
    ("reference", &["银行流水号", "流水号", "bank_serial"]),
    ("amount", &["金额", "金额（元）", "amount"]),
    ("arrived_on", &["到账日期", "入账日期", "arrived_on"]),
    ("case", &["案号", "case"]),
    ("handler", &["经办人", "承办人", "handler"]),
    ("payer", &["付款人", "交款人", "payer"]),
    ("remark", &["附言", "备注", "remark"]),
];

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The list.
    pub path: &'a Path,
    /// The account.
    pub account: &'a BankAccount,
    /// Day 0: the list says what the account is made of at its end.
    pub day: Date,
    /// What the bank says the account holds at its end.
    pub balance: Amount,
}

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Rows recorded.
    pub items: i64,
    /// What they come to.
    pub sum: Amount,
    /// What the bank holds beyond them; negative: what they say beyond the bank.
    pub difference: Amount,
    /// Rows whose case is not known here: their money is unattributed.
    pub differences: Vec<Message>,
}

/// A row of the list. Texts are trimmed; those that the list does not have are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The record, the heading being the first.
    pub row_no: i64,
    /// 银行流水号; not empty, once in a list.
    pub reference: String,
    /// 金额, above zero.
    pub amount: Amount,
    /// 到账日期, not after day 0.
    pub arrived_on: Date,
    /// 案号, in any spelling.
    pub case: String,
    /// 经办人
    pub handler: String,
    /// 付款人
    pub payer: String,
    /// 附言
    pub remark: String,
}

/// Records the opening of an account: one receipt for each row, to its case or unattributed, with the day on which it
/// really came. Needs finance or the fund keeper. All or nothing; what differs from the bank is told, and stays an open
/// item until somebody explains it.
///
/// # Errors
/// `opening.already`, `opening.has_receipts`, `opening.has_lines` (statements of that day or before were imported), `opening.rows` (rows that
/// cannot be read, all named), `opening.headings`, `opening.too_large`, `file.*`, `signoff.day_closed`, those of
/// posting.
pub fn import_opening(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    keys: &Keys,
    randomness: &mut Randomness,
    import: &Import<'_>,
) -> Outcome<Imported> {
    let (court_id, account) = (acting.actor.court_id, import.account);
    let book = books::case_money(court_id);
    let bytes = documents::read_small(import.path, FILE_BYTES_MAX)?
        .ok_or_else(|| Message::new("opening.too_large").with("max", FILE_BYTES_MAX).in_file(import.path))?;
    let rows = read_rows(&bytes, import.day).map_err(|message| message.in_file(import.path))?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "opening.import")?;
    may_import(tx, acting)?;
    documents::require_keys(tx, keys, book)?;
    days::must_be_open(tx, court_id, account, acting.date)?;
    let key = [court_id.into(), books::CASE_MONEY.into(), account.bank_account_id.into()];
    let known = tx.query_opt(
        "SELECT day FROM bank_opening WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3",
        &key,
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    if let Some(day) = known {
        return Err(Message::new("opening.already").with("account", &account.number).with("day", day).into());
    }
    // What was recorded by hand before would stand in the books twice.
    let known = tx.query(
        "SELECT bank_reference FROM receipt WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 \
         ORDER BY receipt_id LIMIT 1",
        &key,
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    if let Some(reference) = known.first() {
        return Err(Message::new("opening.has_receipts")
            .with("account", &account.number)
            .with("reference", reference)
            .into());
    }
    if days::closed_until(&days::day_events(tx, court_id, account.bank_account_id)?).is_some() {
        return Err(Message::new("opening.has_lines").with("day", import.day).into());
    }
    let before = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM bank_day WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 \
         AND day <= $4",
        &[key[0], key[1], key[2], Value::Text(&import.day.to_string())],
        |row| row.int(0),
    )?;
    if before > 0 {
        return Err(Message::new("opening.has_lines").with("day", import.day).into());
    }
    let name = import.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let new = NewDocument { kind: "opening_list", name: &name, media_type: "text/csv" };
    let document = documents::store(tx, &mut act, keys, randomness, &new, Cursor::new(&bytes))?;
    let opening_id = act.take_ids(1);
    let mut imported = Imported::default();
    let mut voucher_id = None;
    // Two vouchers: money whose case is known, and the rest.
    let mut resolved: Vec<(Row, Option<Case>)> = Vec::with_capacity(rows.len());
    for row in rows {
        let case = match row.case.as_str() {
            "" => None,
            number => match cases::find_case(tx, book, number) {
                Ok(case) => Some(case),
                Err(Failure::Refused(_)) => None,
                Err(broken) => return Err(broken),
            },
        };
        if case.is_none() {
            imported.differences.push(
                Message::new("opening.case_unknown")
                    .with("row", row.row_no)
                    .with("case", &row.case)
                    .with("amount", row.amount),
            );
        }
        resolved.push((row, case));
    }
    for (event, known) in [(Event::ReceiptKnown, true), (Event::ReceiptUnknown, false)] {
        let mut began = false;
        for (row, case) in resolved.iter().filter(|(_, case)| case.is_some() == known) {
            if !began {
                act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
                began = true;
                voucher_id = voucher_id.or(Some(act.open_voucher_id()?));
            }
            let new = NewReceipt {
                bank_account: account,
                bank_reference: &row.reference,
                value_date: row.arrived_on,
                arrived_on: row.arrived_on,
                amount: row.amount,
                payer_name: &row.payer,
                case_id: case.as_ref().map(|case| case.case_id),
                sub_account: None,
                remark: &row.remark,
            };
            let accounts = accounts_of(tx, acting, chart, new.bank_account, new.case_id)?;
            let receipt_id = act.take_items(1);
            let receipt = post_receipt(tx, &mut act, acting, accounts, &new, (receipt_id, receipt_id))?;
            let id = act.take_ids(1);
            act.insert(
                tx,
                &OPENING_ITEM,
                id,
                &[
                    id.into(),
                    opening_id.into(),
                    row.row_no.into(),
                    receipt.receipt_id.into(),
                    row.handler.as_str().into(),
                ],
            )?;
            imported.items += 1;
            imported.sum = imported.sum.plus(row.amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
        }
    }
    imported.difference = Amount::from_minor(import.balance.minor() - imported.sum.minor());
    act.insert(
        tx,
        &BANK_OPENING,
        opening_id,
        &[
            opening_id.into(),
            account.bank_account_id.into(),
            import.day.to_string().as_str().into(),
            import.balance.minor().into(),
            document.document_id.into(),
            Value::Bytes(&sha256(&[&bytes])),
            imported.items.into(),
            imported.sum.minor().into(),
            voucher_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(imported)
}

/// The rows of a list in UTF-8 or GB18030, none of which may have come after `day`.
///
/// # Errors
/// `opening.encoding`, `opening.headings`, `opening.rows` with every row that cannot be read.
pub fn read_rows(bytes: &[u8], day: Date) -> Result<Vec<Row>, Message> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => {
            let decoded = GB18030.decode_without_bom_handling_and_without_replacement(bytes);
            decoded.ok_or_else(|| Message::new("opening.encoding"))?.into_owned()
        }
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|error| Message::new("opening.headings").with("missing", error))?.clone();
    let mut places = [None; HEADINGS.len()];
    for (place, (_, spellings)) in places.iter_mut().zip(HEADINGS) {
        *place = headings.iter().position(|heading| spellings.contains(&heading));
    }
    for (place, (_, spellings)) in places.iter().zip(HEADINGS).take(3) {
        if place.is_none() {
            return Err(Message::new("opening.headings").with("missing", spellings[0]));
        }
    }
    let (mut rows, mut wrong): (Vec<Row>, Vec<String>) = (Vec::new(), Vec::new());
    let mut references = HashSet::new();
    for (record, row_no) in reader.records().zip(2_i64..) {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                wrong.push(format!("{row_no}: {error}"));
                continue;
            }
        };
        let field = |which: usize| places[which].and_then(|place| record.get(place)).unwrap_or_default();
        if record.iter().all(str::is_empty) {
            continue;
        }
        let amount = parse_yuan(field(1)).ok().filter(|amount| *amount > Amount::ZERO);
        let arrived_on: Option<Date> = field(2).replace('/', "-").parse().ok().filter(|date: &Date| *date <= day);
        match (amount, arrived_on) {
            (Some(amount), Some(arrived_on)) if !field(0).is_empty() && references.insert(field(0).to_owned()) => {
                rows.push(Row {
                    row_no,
                    reference: field(0).to_owned(),
                    amount,
                    arrived_on,
                    case: field(3).to_owned(),
                    handler: field(4).to_owned(),
                    payer: field(5).to_owned(),
                    remark: field(6).to_owned(),
                });
            }
            (None, _) => wrong.push(format!("{row_no}: {} “{}”", HEADINGS[1].1[0], field(1))),
            (_, None) => wrong.push(format!("{row_no}: {} “{}”", HEADINGS[2].1[0], field(2))),
            _ => wrong.push(format!("{row_no}: {} “{}”", HEADINGS[0].1[0], field(0))),
        }
    }
    if wrong.is_empty() {
        return Ok(rows);
    }
    Err(Message::new("opening.rows").with("count", wrong.len()).with("rows", wrong.join("; ")))
}
