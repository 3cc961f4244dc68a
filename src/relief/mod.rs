//! Relief funds (司法救助资金) and relief insurance (执行救助保险), in a book of their own: their money has its own sources and
//! account, and never meets case money. What goes out is approved by a second person.

pub mod claims;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Act, Amount, BookKey, ItemId, Tx};
use jiff::civil::Date;

use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::cases::CaseNumber;
use crate::chart::{Chart, Event, Owner};
use crate::words::{read_date, read_word, words};
use crate::{Message, Outcome};

/// Who may approve what goes out.
pub const APPROVED_BY: &[Role] = &[Role::BureauHead, Role::VicePresident, Role::FundKeeper];

/// The most characters of a name or paper.
const TEXT_CHARS_MAX: usize = 200;

words! {
    /// What happened to relief money.
    ReliefKind {
        /// 拨入
        FundIn = "fund_in",
        /// 发放
        Pay = "pay",
        /// 返还
        Refund = "refund",
        /// 保费
        Premium = "premium",
        /// 保险公司赔款到账
        InsurerPaid = "insurer_paid",
        /// 赔款转付
        PassThrough = "pass_through",
    }
}

/// `relief_entry`
pub static RELIEF_ENTRY: Table = Table {
    name: "relief_entry",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("relief_id", Int),
        ("kind", Text),
        ("fund_id", Int),
        ("policy_id", Int),
        ("claim_id", Int),
        ("claim_line_id", Int),
        ("refund_of", Int),
        ("name", Text),
        ("case_number", Text),
        ("amount_minor", Int),
        ("document", Text),
        ("on_day", Text),
        ("voucher_id", Int),
        ("recorded_at", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("mark", Int),
    ],
    order: &["relief_id"],
};

/// The book of relief.
#[must_use]
pub const fn book(court_id: i64) -> BookKey {
    BookKey { court_id, book_id: books::RELIEF }
}

/// Money of relief that came in or went out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Row.
    pub relief_id: i64,
    /// What happened.
    pub kind: ReliefKind,
    /// The source whose money it is.
    pub fund_id: Option<i64>,
    /// The claim on the insurer that it belongs to.
    pub claim_id: Option<i64>,
    /// The payment that is given back.
    pub refund_of: Option<i64>,
    /// Source, person relieved, or insurer.
    pub name: String,
    /// The person's case; empty where there is none.
    pub case_number: String,
    /// How much.
    pub amount: Amount,
    /// The paper.
    pub document: String,
    /// Accounting day.
    pub on: Date,
}

/// What every entry says.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Source, person relieved, or insurer.
    pub name: &'a str,
    /// The person's case; empty where there is none.
    pub case_number: &'a str,
    /// How much.
    pub amount: Amount,
    /// The paper.
    pub document: &'a str,
}

impl Said<'_> {
    /// # Errors
    /// `relief.text`, `relief.amount`, the codes of [`CaseNumber::parse`].
    fn check(&self) -> Result<String, Message> {
        check_text("name", self.name)?;
        check_text("document", self.document)?;
        if self.amount <= Amount::ZERO {
            return Err(Message::new("relief.amount").with("amount", self.amount));
        }
        check_case(self.case_number)
    }
}

fn check_text(field: &str, text: &str) -> Result<(), Message> {
    let length = text.trim().chars().count();
    if length == 0 || length > TEXT_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(Message::new("relief.text").with("field", field).with("max", TEXT_CHARS_MAX));
    }
    Ok(())
}

/// The number in its normal form. The case may be another court's: relief is not case money.
fn check_case(number: &str) -> Result<String, Message> {
    if number.trim().is_empty() {
        return Ok(String::new());
    }
    Ok(CaseNumber::parse(number).map_err(|refusal| refusal.message())?.to_string())
}

/// What an entry hangs on besides what it says.
#[derive(Clone, Copy, Debug, Default)]
struct Hangs {
    fund_id: Option<i64>,
    policy_id: Option<i64>,
    claim_id: Option<i64>,
    claim_line_id: Option<i64>,
    refund_of: Option<i64>,
    confirmed_by: Option<i64>,
}

/// Relief money arrives from a source (财政、政法委、民政、慈善). Needs [`Role::Finance`]. The entry is the source's fund from then
/// on.
///
/// # Errors
/// `relief.text`, `relief.amount`, `access.role_missing`, those of posting.
pub fn fund_in(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, said: &Said<'_>) -> Outcome<Entry> {
    said.check()?;
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.fund_in")?;
    acting.require(tx, Role::Finance)?;
    let relief_id = act.take_items(1);
    act.begin_voucher(tx, &chart.voucher(Event::ReliefFunded, acting.date, 1))?;
    let hangs = Hangs { fund_id: Some(relief_id), ..Hangs::default() };
    let items = (relief_id, relief_id);
    let entry = post(tx, &mut act, acting, chart, (ReliefKind::FundIn, Event::ReliefFunded), items, said, hangs)?;
    act.close(tx)?;
    Ok(entry)
}

/// Relief is paid to a person out of a fund: proposed by a handler, approved by [`APPROVED_BY`].
///
/// # Errors
/// `relief.fund_unknown`, `relief.fund_short`, those of [`fund_in`] and of the two people.
pub fn pay(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    fund_id: i64,
    said: &Said<'_>,
    confirmed_by: &Actor,
) -> Outcome<Entry> {
    let case_number = said.check()?;
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.pay")?;
    two_people(tx, acting, confirmed_by)?;
    must_have(tx, act.book(), fund_id, said.amount)?;
    let relief_id = act.take_items(1);
    act.begin_voucher(tx, &chart.voucher(Event::ReliefPaid, acting.date, 1))?;
    let hangs = Hangs { fund_id: Some(fund_id), confirmed_by: Some(confirmed_by.person_id), ..Hangs::default() };
    let said = Said { case_number: &case_number, ..*said };
    let kinds = (ReliefKind::Pay, Event::ReliefPaid);
    let entry = post(tx, &mut act, acting, chart, kinds, (fund_id, relief_id), &said, hangs)?;
    act.close(tx)?;
    Ok(entry)
}

/// A person gives relief back (资金返还), into the fund that it came from. Needs [`Role::Finance`].
///
/// # Errors
/// `relief.payment_unknown`, `relief.refund_above` (more than was paid and not given back yet), those of [`fund_in`].
pub fn refund(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    payment_id: i64,
    amount: Amount,
    document: &str,
) -> Outcome<Entry> {
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.refund")?;
    acting.require(tx, Role::Finance)?;
    let all = entries(tx, act.book())?;
    let paid = all.iter().find(|entry| entry.relief_id == payment_id && entry.kind == ReliefKind::Pay);
    let paid = paid.ok_or_else(|| Message::new("relief.payment_unknown").with("payment", payment_id))?;
    let said = Said { name: &paid.name, case_number: &paid.case_number, amount, document };
    said.check()?;
    let back = all.iter().filter(|entry| entry.refund_of == Some(payment_id)).map(|entry| entry.amount.minor());
    let left = paid.amount.minor() - back.sum::<i64>();
    if amount.minor() > left {
        return Err(Message::new("relief.refund_above")
            .with("amount", amount)
            .with("left", Amount::from_minor(left))
            .into());
    }
    let relief_id = act.take_items(1);
    act.begin_voucher(tx, &chart.voucher(Event::ReliefRefunded, acting.date, 1))?;
    let hangs = Hangs { fund_id: paid.fund_id, refund_of: Some(payment_id), ..Hangs::default() };
    let items = (relief_id, paid.fund_id.unwrap_or_default());
    let kinds = (ReliefKind::Refund, Event::ReliefRefunded);
    let entry = post(tx, &mut act, acting, chart, kinds, items, &said, hangs)?;
    act.close(tx)?;
    Ok(entry)
}

fn two_people(tx: &mut Tx<'_>, acting: &Acting, confirmed_by: &Actor) -> Outcome<()> {
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, APPROVED_BY)?;
    Ok(())
}

/// The fund has so much.
fn must_have(tx: &mut Tx<'_>, book: BookKey, fund_id: i64, amount: Amount) -> Outcome<()> {
    let left = funds(tx, book)?.into_iter().find(|(fund, _)| fund.relief_id == fund_id);
    let (_, left) = left.ok_or_else(|| Message::new("relief.fund_unknown").with("fund", fund_id))?;
    if amount > left {
        return Err(Message::new("relief.fund_short").with("amount", amount).with("left", left).into());
    }
    Ok(())
}

/// Posts an entry under the open voucher and records it.
#[allow(clippy::too_many_arguments)]
fn post(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    (kind, event): (ReliefKind, Event),
    (debit_item, credit_item): (i64, i64),
    said: &Said<'_>,
    hangs: Hangs,
) -> Outcome<Entry> {
    let items = (ItemId(debit_item), ItemId(credit_item));
    let line = chart.line_or_open(tx, act, event, Owner::default(), items, said.amount)?;
    act.post(tx, &[line])?;
    // The entry's own id is the item on the side of the bank.
    let relief_id = match kind {
        ReliefKind::FundIn | ReliefKind::Refund | ReliefKind::InsurerPaid => debit_item,
        ReliefKind::Pay | ReliefKind::Premium | ReliefKind::PassThrough => credit_item,
    };
    let voucher_id = act.open_voucher_id()?;
    let on = acting.date.to_string();
    act.insert(
        tx,
        &RELIEF_ENTRY,
        relief_id,
        &[
            relief_id.into(),
            kind.as_str().into(),
            hangs.fund_id.into(),
            hangs.policy_id.into(),
            hangs.claim_id.into(),
            hangs.claim_line_id.into(),
            hangs.refund_of.into(),
            said.name.trim().into(),
            said.case_number.into(),
            said.amount.minor().into(),
            said.document.trim().into(),
            on.as_str().into(),
            voucher_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
            hangs.confirmed_by.into(),
        ],
    )?;
    Ok(Entry {
        relief_id,
        kind,
        fund_id: hangs.fund_id,
        claim_id: hangs.claim_id,
        refund_of: hangs.refund_of,
        name: said.name.trim().to_owned(),
        case_number: said.case_number.to_owned(),
        amount: said.amount,
        document: said.document.trim().to_owned(),
        on: acting.date,
    })
}

/// Every entry, oldest first.
///
/// # Errors
/// What the database says.
pub fn entries(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Entry>> {
    Ok(tx.query(
        "SELECT relief_id, kind, fund_id, claim_id, refund_of, name, case_number, amount_minor, document, on_day \
         FROM relief_entry WHERE court_id = $1 AND book_id = $2 ORDER BY relief_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            Ok(Entry {
                relief_id: row.int(0)?,
                kind: read_word(row, 1, ReliefKind::parse)?,
                fund_id: row.opt_int(2)?,
                claim_id: row.opt_int(3)?,
                refund_of: row.opt_int(4)?,
                name: row.text(5)?.to_owned(),
                case_number: row.text(6)?.to_owned(),
                amount: Amount::from_minor(row.int(7)?),
                document: row.text(8)?.to_owned(),
                on: read_date(row, 9)?,
            })
        },
    )?)
}

/// The funds and what is left of each, from the ledger.
///
/// # Errors
/// What the database says.
pub fn funds(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<(Entry, Amount)>> {
    let left = item_balances(tx, book, "relief_fund")?;
    let all = entries(tx, book)?.into_iter().filter(|entry| entry.kind == ReliefKind::FundIn);
    Ok(all
        .map(|fund| (left.get(&fund.relief_id).copied().unwrap_or(Amount::ZERO), fund))
        .map(|(l, f)| (f, l))
        .collect())
}

/// What the ledger has for each item of a kind of account.
fn item_balances(tx: &mut Tx<'_>, book: BookKey, kind: &str) -> Outcome<std::collections::HashMap<i64, Amount>> {
    let items = tx.query(
        "SELECT i.item_id, i.posted_minor FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id \
         AND i.book_id = a.book_id AND i.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = $3",
        &[book.court_id.into(), book.book_id.into(), kind.into()],
        |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?))),
    )?;
    Ok(items.into_iter().collect())
}
