//! What is owed in a case (执行债权) and how it was performed: through the court's account, outside it, by set-off, by
//! assignment, by waiver; settlements by instalments; plans by which a receipt is distributed.
//!
//! An obligation stands in the memorandum book: it is no money of the court. What was paid through the account is not posted
//! there a second time: [`paid`] derives it from payments that the bank has debited and not given back.

pub mod balance;
pub mod closing;
pub mod paid;
pub mod performances;
pub mod plan_rules;
pub mod plans;
pub mod settlements;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Row, Table};
use ankuan_ledger::{Act, Amount, BookKey, ItemId, Tx};
use jiff::civil::Date;

use crate::access::{Acting, Role};
use crate::books;
use crate::calculators::Rate;
use crate::calculators::interest::{GeneralRate, Per};
use crate::cases::{self, Case};
use crate::chart::{Chart, Event, Owner};
use crate::payouts::sheets::find_payee;
use crate::words::read_date;
use crate::{Message, Outcome};

/// `obligation`
pub static OBLIGATION: Table = Table {
    name: "obligation",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("obligation_id", Int),
        ("case_id", Int),
        ("creditor_party_id", Int),
        ("debtor_party_id", Int),
        ("class", Text),
        ("order_no", Int),
        ("principal_minor", Int),
        ("interest_minor", Int),
        ("costs_minor", Int),
        ("document", Text),
        ("document_on", Text),
        ("due_on", Text),
        ("rate", Text),
        ("rate_per", Text),
        ("rate_from", Text),
        ("assigned_by", Int),
        ("total_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["obligation_id"],
};

/// `obligation_payee`
pub static OBLIGATION_PAYEE: Table = Table {
    name: "obligation_payee",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("obligation_id", Int),
        ("payee_id", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The most characters of a document, an evidence, a reason.
const TEXT_CHARS_MAX: usize = 300;

/// An obligation as registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obligation {
    /// Row, and the item of its postings.
    pub obligation_id: i64,
    /// Case.
    pub case_id: i64,
    /// To whom, a party of the case.
    pub creditor: String,
    /// Who owes, a party of the case.
    pub debtor: String,
    /// Party of the creditor.
    pub creditor_party_id: i64,
    /// Party of the debtor.
    pub debtor_party_id: i64,
    /// Class of a waterfall.
    pub class: String,
    /// Place in a class that is paid by order, from 1.
    pub order: Option<u32>,
    /// Above zero.
    pub principal: Amount,
    /// General interest that the document states as a sum.
    pub interest: Amount,
    /// Costs of realising the claim.
    pub costs: Amount,
    /// The document.
    pub document: String,
    /// Its day.
    pub document_on: Date,
    /// First day that bears doubled interest (法释〔2014〕8号 art. 2); none where it does not run.
    pub due_on: Option<Date>,
    /// General interest that runs.
    pub general: Option<GeneralRate>,
    /// The performance by which another obligation was assigned to this creditor.
    pub assigned_by: Option<i64>,
    /// What was registered.
    pub total: Amount,
    /// Who is paid for it.
    pub payee_id: Option<i64>,
}

/// An obligation to be registered.
#[derive(Clone, Debug)]
pub struct NewObligation<'a> {
    /// Case.
    pub case: &'a Case,
    /// Name of a party.
    pub creditor: &'a str,
    /// Name of a party.
    pub debtor: &'a str,
    /// Class of a waterfall.
    pub class: &'a str,
    /// Place in a class that is paid by order, from 1.
    pub order: Option<u32>,
    /// Above zero.
    pub principal: Amount,
    /// General interest that the document states as a sum.
    pub interest: Amount,
    /// Costs of realising the claim.
    pub costs: Amount,
    /// The document.
    pub document: &'a str,
    /// Its day.
    pub document_on: Date,
    /// First day that bears doubled interest.
    pub due_on: Option<Date>,
    /// General interest that runs.
    pub general: Option<GeneralRate>,
    /// Who is paid for it.
    pub payee_id: Option<i64>,
}

/// Registers what a document obliges a party to: Dr claims due / Cr claims registered, in the memorandum book. Needs
/// [`Role::Handler`].
///
/// # Errors
/// `obligations.text` (document or class empty or too long), `obligations.amount`, `obligations.one_party`,
/// `obligations.day_ahead`, `cases.party_unknown`, `sheets.payee_unknown`, `access.role_missing`, and those of posting.
pub fn register(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, new: &NewObligation<'_>) -> Outcome<Obligation> {
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.add")?;
    acting.require(tx, Role::Handler)?;
    let obligation_id = insert(tx, &mut act, acting, chart, new, None)?;
    act.close(tx)?;
    find(tx, acting.actor.court_id, obligation_id)
}

/// Waits for the book of case money, in which payments stand, before anything is asked of the memorandum book: what is open
/// is true until the transaction ends, and heads are locked in the order of the books.
fn lock(tx: &mut Tx<'_>, acting: &Acting) -> Outcome<()> {
    acting.open_act(tx, books::CASE_MONEY, "obligation.wait").map(drop)
}

fn insert(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    new: &NewObligation<'_>,
    assigned_by: Option<i64>,
) -> Outcome<i64> {
    let court_id = acting.actor.court_id;
    let money = books::case_money(court_id);
    let document = text("document", new.document)?;
    let class = text("class", new.class)?;
    if new.principal <= Amount::ZERO || new.interest < Amount::ZERO || new.costs < Amount::ZERO {
        return Err(Message::new("obligations.amount").into());
    }
    not_ahead(acting, new.document_on)?;
    let total = sum([new.principal, new.interest, new.costs])?;
    let creditor = cases::find_party(tx, money, new.case, new.creditor)?;
    let debtor = cases::find_party(tx, money, new.case, new.debtor)?;
    if creditor.party_id == debtor.party_id {
        return Err(Message::new("obligations.one_party").with("name", &creditor.name).into());
    }
    if let Some(payee_id) = new.payee_id {
        find_payee(tx, court_id, new.case, payee_id)?;
    }
    let obligation_id = act.take_items(1);
    let owner = Owner { bank_account_id: None, case_id: Some(new.case.case_id) };
    let items = (ItemId(obligation_id), ItemId(obligation_id));
    let line = chart.line_or_open(tx, act, Event::ClaimRegistered, owner, items, total)?;
    act.begin_voucher(tx, &chart.voucher(Event::ClaimRegistered, acting.date, 1))?;
    act.post(tx, &[line])?;
    let [document_on, due_on, rate_from] = [Some(new.document_on), new.due_on, new.general.map(|rate| rate.from)]
        .map(|day| day.map(|day| day.to_string()));
    let rate = new.general.map(|rate| rate.rate.to_string()).unwrap_or_default();
    act.insert(
        tx,
        &OBLIGATION,
        obligation_id,
        &[
            obligation_id.into(),
            new.case.case_id.into(),
            creditor.party_id.into(),
            debtor.party_id.into(),
            class.into(),
            new.order.map(i64::from).into(),
            new.principal.minor().into(),
            new.interest.minor().into(),
            new.costs.minor().into(),
            document.into(),
            document_on.as_deref().unwrap_or_default().into(),
            due_on.as_deref().into(),
            rate.as_str().into(),
            new.general.map_or("", |rate| per_word(rate.per)).into(),
            rate_from.as_deref().into(),
            assigned_by.into(),
            total.minor().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    if let Some(payee_id) = new.payee_id {
        insert_payee(tx, act, acting, obligation_id, payee_id)?;
    }
    Ok(obligation_id)
}

/// Says which payee of the case is paid for an obligation, from now on. Needs [`Role::Handler`].
///
/// # Errors
/// `obligations.unknown`, `sheets.payee_unknown`, `access.role_missing`.
pub fn set_payee(tx: &mut Tx<'_>, acting: &Acting, obligation_id: i64, payee_id: i64) -> Outcome<Obligation> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.payee")?;
    acting.require(tx, Role::Handler)?;
    let obligation = find(tx, court_id, obligation_id)?;
    let case = cases::case_by_id(tx, books::case_money(court_id), obligation.case_id)?;
    find_payee(tx, court_id, &case, payee_id)?;
    insert_payee(tx, &mut act, acting, obligation_id, payee_id)?;
    act.close(tx)?;
    find(tx, court_id, obligation_id)
}

fn insert_payee(tx: &mut Tx<'_>, act: &mut Act, acting: &Acting, obligation_id: i64, payee_id: i64) -> Outcome<()> {
    let id = act.take_ids(1);
    act.insert(
        tx,
        &OBLIGATION_PAYEE,
        id,
        &[
            id.into(),
            obligation_id.into(),
            payee_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(())
}

macro_rules! obligations_where {
    ($rest:literal) => {
        concat!(
            "SELECT o.obligation_id, o.case_id, c.name, d.name, o.creditor_party_id, o.debtor_party_id, o.class, ",
            "o.order_no, o.principal_minor, o.interest_minor, o.costs_minor, o.document, o.document_on, o.due_on, ",
            "o.rate, o.rate_per, o.rate_from, o.assigned_by, o.total_minor, (SELECT p.payee_id ",
            "FROM obligation_payee AS p WHERE p.court_id = o.court_id AND p.book_id = o.book_id ",
            "AND p.obligation_id = o.obligation_id ORDER BY p.id DESC LIMIT 1) FROM obligation AS o ",
            "JOIN party AS c ON c.court_id = $1 AND c.book_id = $3 AND c.party_id = o.creditor_party_id ",
            "JOIN party AS d ON d.court_id = $1 AND d.book_id = $3 AND d.party_id = o.debtor_party_id ",
            "WHERE o.court_id = $1 AND o.book_id = $2 ",
            $rest
        )
    };
}

/// The obligation with this number.
///
/// # Errors
/// `obligations.unknown`.
pub fn find(tx: &mut Tx<'_>, court_id: i64, obligation_id: i64) -> Outcome<Obligation> {
    let found = tx.query_opt(
        obligations_where!("AND o.obligation_id = $4"),
        &[court_id.into(), books::MEMORANDUM.into(), books::CASE_MONEY.into(), obligation_id.into()],
        read,
    )?;
    Ok(found.ok_or_else(|| Message::new("obligations.unknown").with("obligation", obligation_id))?)
}

/// The obligations of a case in the order they were registered.
///
/// # Errors
/// What the database says.
pub fn of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<Obligation>> {
    Ok(tx.query(
        obligations_where!("AND o.case_id = $4 ORDER BY o.obligation_id"),
        &[court_id.into(), books::MEMORANDUM.into(), books::CASE_MONEY.into(), case_id.into()],
        read,
    )?)
}

fn read(row: &Row<'_>) -> ankuan_ledger::engine::Result<Obligation> {
    let date = |column| {
        row.opt_text(column)
            .map(|text| text.is_some())
            .and_then(|is_some| if is_some { read_date(row, column).map(Some) } else { Ok(None) })
    };
    let general = match date(16)? {
        None => None,
        Some(from) => {
            let wrong = || Error::Inconsistent("an obligation with an unreadable rate".into());
            let rate = Rate::parse(row.text(14)?).map_err(|_| wrong())?;
            Some(GeneralRate { from, rate, per: per_of(row.text(15)?).ok_or_else(wrong)? })
        }
    };
    Ok(Obligation {
        obligation_id: row.int(0)?,
        case_id: row.int(1)?,
        creditor: row.text(2)?.to_owned(),
        debtor: row.text(3)?.to_owned(),
        creditor_party_id: row.int(4)?,
        debtor_party_id: row.int(5)?,
        class: row.text(6)?.to_owned(),
        order: row.opt_int(7)?.and_then(|order| u32::try_from(order).ok()),
        principal: Amount::from_minor(row.int(8)?),
        interest: Amount::from_minor(row.int(9)?),
        costs: Amount::from_minor(row.int(10)?),
        document: row.text(11)?.to_owned(),
        document_on: read_date(row, 12)?,
        due_on: date(13)?,
        general,
        assigned_by: row.opt_int(17)?,
        total: Amount::from_minor(row.int(18)?),
        payee_id: row.opt_int(19)?,
    })
}

const fn per_word(per: Per) -> &'static str {
    match per {
        Per::Year => "year",
        Per::Month => "month",
        Per::Day => "day",
    }
}

fn per_of(word: &str) -> Option<Per> {
    [Per::Year, Per::Month, Per::Day].into_iter().find(|per| per_word(*per) == word)
}

/// The memorandum book of a court.
#[must_use]
pub const fn memorandum(court_id: i64) -> BookKey {
    BookKey { court_id, book_id: books::MEMORANDUM }
}

/// A text that a person gave, trimmed: neither empty nor too long nor with control characters.
fn text<'a>(field: &'static str, text: &'a str) -> Result<&'a str, Message> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Message::new("obligations.text").with("field", field).with("max", TEXT_CHARS_MAX));
    }
    Ok(text)
}

/// Refuses a legal day that has not come.
fn not_ahead(acting: &Acting, day: Date) -> Result<(), Message> {
    if day <= acting.date {
        return Ok(());
    }
    Err(Message::new("obligations.day_ahead").with("day", day).with("date", acting.date))
}

fn too_large() -> Message {
    Message::new("calc.too_large")
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> Result<Amount, Message> {
    Amount::sum(amounts).ok_or_else(too_large)
}

fn less(one: Amount, other: Amount) -> Result<Amount, Message> {
    one.minus(other).ok_or_else(too_large)
}
