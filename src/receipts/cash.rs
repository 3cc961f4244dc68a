//! Cash that officers take for a case (现金、票据): two of them, with a receipt numbered without gaps, until the bank shows the
//! money. Source: 最高人民法院关于执行款物管理工作的规定, 法发〔2017〕6号, art. 9, as a court that copied it has it: two officers present,
//! a receipt at once, handed to finance the same day, else the next with the reason.
//!
//! It stands in the memorandum book: money of the case is what the case account has. So nothing is distributed of it before the
//! bank has it, and nothing is counted twice.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Table};
use ankuan_ledger::{Act, Amount, BookKey, ItemId, Tx};
use jiff::civil::Date;

use super::find_receipt;
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::cases::Case;
use crate::chart::{Chart, Event, Owner};
use crate::words::read_date;
use crate::{Message, Outcome};

/// The most characters of a payer's name, a purpose, a reason.
const TEXT_CHARS_MAX: usize = 200;

/// Who may be the second officer.
pub const SECOND_OFFICER: &[Role] = &[Role::Handler, Role::FundKeeper, Role::BureauHead];

/// `cash_receipt`
pub static CASH_RECEIPT: Table = Table {
    name: "cash_receipt",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("cash_receipt_id", Int),
        ("number", Text),
        ("case_id", Int),
        ("payer_name", Text),
        ("amount_minor", Int),
        ("purpose", Text),
        ("taken_on", Text),
        ("second_officer_id", Int),
        ("voucher_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["cash_receipt_id"],
};

/// `cash_end`
pub static CASH_END: Table = Table {
    name: "cash_end",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("cash_receipt_id", Int),
        ("outcome", Text),
        ("receipt_id", Int),
        ("reason", Text),
        ("voucher_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// How cash ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The bank has it: this receipt.
    Banked(i64),
    /// The receipt is void, with the reason.
    Void(String),
}

/// Cash as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cash {
    /// Row, and the item of its postings.
    pub cash_receipt_id: i64,
    /// What is printed on the receipt.
    pub number: String,
    /// For which case.
    pub case_id: i64,
    /// Who paid.
    pub payer_name: String,
    /// Positive.
    pub amount: Amount,
    /// What was paid, and why in cash.
    pub purpose: String,
    /// Day of the taking.
    pub taken_on: Date,
    /// Who took it.
    pub officer_id: i64,
    /// Who was present.
    pub second_officer_id: i64,
    /// How it ended; none while officers have it.
    pub end: Option<End>,
}

/// Cash to be recorded.
#[derive(Clone, Debug)]
pub struct NewCash<'a> {
    /// For which case.
    pub case: &'a Case,
    /// Who pays.
    pub payer_name: &'a str,
    /// Positive.
    pub amount: Amount,
    /// What is paid, and why in cash.
    pub purpose: &'a str,
    /// Who is present besides the actor.
    pub second_officer: &'a Actor,
}

/// Records cash that two officers take, and numbers its receipt. Needs [`Role::Handler`], and a second officer of
/// [`SECOND_OFFICER`].
///
/// # Errors
/// `cash.text`, `cash.amount`, those of the two people ([`access::require_second`]), and those of posting.
pub fn take(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, new: &NewCash<'_>) -> Outcome<Cash> {
    for (field, text) in [("payer", new.payer_name), ("purpose", new.purpose)] {
        if text.trim().is_empty() || text.chars().count() > TEXT_CHARS_MAX {
            return Err(Message::new("cash.text").with("field", field).with("max", TEXT_CHARS_MAX).into());
        }
    }
    if new.amount <= Amount::ZERO {
        return Err(Message::new("cash.amount").with("amount", new.amount).into());
    }
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "cash.take")?;
    let officer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, officer, new.second_officer, SECOND_OFFICER)?;
    // Under the head's lock: two at once get two numbers.
    let year = acting.date.strftime("%Y").to_string();
    let used = tx.query_one(
        "SELECT COUNT(*) FROM cash_receipt WHERE court_id = $1 AND book_id = $2 AND number >= $3 AND number <= $4",
        &[
            act.book().court_id.into(),
            act.book().book_id.into(),
            format!("X{year}-0000").as_str().into(),
            format!("X{year}-9999").as_str().into(),
        ],
        |row| row.int(0),
    )?;
    let number = format!("X{year}-{:04}", used + 1);
    let cash_receipt_id = act.take_items(1);
    let voucher_id =
        post(tx, &mut act, acting, chart, Event::CashTaken, (new.case.case_id, cash_receipt_id), new.amount)?;
    act.insert(
        tx,
        &CASH_RECEIPT,
        cash_receipt_id,
        &[
            cash_receipt_id.into(),
            number.as_str().into(),
            new.case.case_id.into(),
            new.payer_name.trim().into(),
            new.amount.minor().into(),
            new.purpose.trim().into(),
            acting.date.to_string().as_str().into(),
            new.second_officer.person_id.into(),
            voucher_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    find(tx, books_of(acting), &number)
}

/// Says that the bank has the cash: as this receipt of the same case and amount. Needs [`Role::Finance`]. Later than the day
/// after the taking it needs a reason.
///
/// # Errors
/// `cash.unknown`, `cash.ended`, `receipts.unknown`, `cash.receipt_differs`, `cash.receipt_used`, `cash.late`,
/// `access.role_missing`.
pub fn banked(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    number: &str,
    receipt_id: i64,
    reason: &str,
) -> Outcome<Cash> {
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "cash.banked")?;
    acting.require(tx, Role::Finance)?;
    let cash = open(tx, act.book(), number)?;
    let receipt = find_receipt(tx, books::case_money(act.book().court_id), receipt_id)?;
    if receipt.owner_case_id() != Some(cash.case_id) || receipt.amount != cash.amount {
        return Err(Message::new("cash.receipt_differs").with("receipt", receipt_id).with("number", number).into());
    }
    if all(tx, act.book())?.iter().any(|other| other.end == Some(End::Banked(receipt_id))) {
        return Err(Message::new("cash.receipt_used").with("receipt", receipt_id).into());
    }
    let next_day = cash.taken_on.tomorrow().unwrap_or(cash.taken_on);
    if receipt.arrived_on > next_day && reason.trim().is_empty() {
        return Err(Message::new("cash.late").with("number", number).with("on", receipt.arrived_on).into());
    }
    end(tx, &mut act, acting, chart, &cash, ("banked", Some(receipt_id), reason))?;
    act.close(tx)?;
    find(tx, books_of(acting), number)
}

/// Makes a receipt void: it is kept, and its number stays used. Needs [`Role::FundKeeper`]: not the officer who wrote it.
///
/// # Errors
/// `cash.unknown`, `cash.ended`, `cash.reason_missing`, `cash.own_receipt`, `access.role_missing`.
pub fn void(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, number: &str, reason: &str) -> Outcome<Cash> {
    if reason.trim().is_empty() {
        return Err(Message::new("cash.reason_missing").into());
    }
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "cash.void")?;
    acting.require(tx, Role::FundKeeper)?;
    let cash = open(tx, act.book(), number)?;
    if cash.officer_id == acting.actor.person_id {
        return Err(Message::new("cash.own_receipt").with("number", number).into());
    }
    end(tx, &mut act, acting, chart, &cash, ("void", None, reason))?;
    act.close(tx)?;
    find(tx, books_of(acting), number)
}

fn books_of(acting: &Acting) -> BookKey {
    BookKey { court_id: acting.actor.court_id, book_id: books::MEMORANDUM }
}

fn end(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    cash: &Cash,
    (outcome, receipt_id, reason): (&str, Option<i64>, &str),
) -> Outcome<()> {
    let owner = (cash.case_id, cash.cash_receipt_id);
    let voucher_id = post(tx, act, acting, chart, Event::CashEnded, owner, cash.amount)?;
    let id = act.take_ids(1);
    act.insert(
        tx,
        &CASH_END,
        id,
        &[
            id.into(),
            cash.cash_receipt_id.into(),
            outcome.into(),
            receipt_id.into(),
            reason.trim().into(),
            voucher_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(())
}

fn post(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    event: Event,
    (case_id, item): (i64, i64),
    amount: Amount,
) -> Outcome<i64> {
    let owner = Owner { bank_account_id: None, case_id: Some(case_id) };
    let line = chart.line_or_open(tx, act, event, owner, (ItemId(item), ItemId(item)), amount)?;
    act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
    act.post(tx, &[line])?;
    Ok(act.open_voucher_id()?)
}

fn open(tx: &mut Tx<'_>, book: BookKey, number: &str) -> Outcome<Cash> {
    let cash = find(tx, book, number)?;
    match cash.end {
        None => Ok(cash),
        Some(_) => Err(Message::new("cash.ended").with("number", number).into()),
    }
}

/// The cash of a receipt.
///
/// # Errors
/// `cash.unknown`.
pub fn find(tx: &mut Tx<'_>, book: BookKey, number: &str) -> Outcome<Cash> {
    let found = all(tx, book)?.into_iter().find(|cash| cash.number == number.trim());
    Ok(found.ok_or_else(|| Message::new("cash.unknown").with("number", number.trim()))?)
}

/// All cash that was ever taken, in the order of its receipts.
///
/// # Errors
/// What the database says.
pub fn all(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Cash>> {
    Ok(tx.query(
        "SELECT c.cash_receipt_id, c.number, c.case_id, c.payer_name, c.amount_minor, c.purpose, c.taken_on, c.actor_id, \
         c.second_officer_id, e.receipt_id, COALESCE(e.outcome, ''), COALESCE(e.reason, '') FROM cash_receipt AS c \
         LEFT JOIN cash_end AS e ON e.court_id = c.court_id AND e.book_id = c.book_id \
         AND e.cash_receipt_id = c.cash_receipt_id \
         WHERE c.court_id = $1 AND c.book_id = $2 ORDER BY c.cash_receipt_id",
        &[book.court_id.into(), books::MEMORANDUM.into()],
        |row| {
            let end = match (row.text(10)?, row.opt_int(9)?) {
                ("banked", Some(receipt_id)) => Some(End::Banked(receipt_id)),
                ("void", None) => Some(End::Void(row.text(11)?.to_owned())),
                ("", None) => None,
                other => return Err(Error::Inconsistent(format!("cash that ended as {other:?}"))),
            };
            Ok(Cash {
                cash_receipt_id: row.int(0)?,
                number: row.text(1)?.to_owned(),
                case_id: row.int(2)?,
                payer_name: row.text(3)?.to_owned(),
                amount: Amount::from_minor(row.int(4)?),
                purpose: row.text(5)?.to_owned(),
                taken_on: read_date(row, 6)?,
                officer_id: row.int(7)?,
                second_officer_id: row.int(8)?,
                end,
            })
        },
    )?)
}
