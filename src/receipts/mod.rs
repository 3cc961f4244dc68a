//! Money in: receipts, those not yet attributed (待认领款), and how they find their case.

pub mod cash;
pub mod opening;
pub mod transfers;

use std::collections::HashSet;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Result, Row, Statement, Table, Value};
use ankuan_ledger::{AccountId, Act, Amount, BookKey, ItemId, Line, Place, Tx};
use jiff::civil::Date;

use crate::access::{Acting, Role};
use crate::books;
use crate::cases::{self, Case, SubAccount};
use crate::chart::{AccountKind, BankAccount, Chart, Event, Owner};
use crate::statements::days;
use crate::words::read_date;
use crate::{Message, Outcome};

/// The most characters of a payer's name or a remark: above any bank's field, so that more is a slip.
const TEXT_CHARS_MAX: usize = 500;

/// `receipt`
pub static RECEIPT: Table = Table {
    name: "receipt",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("receipt_id", Int),
        ("bank_account_id", Int),
        ("bank_reference", Text),
        ("value_date", Text),
        ("arrived_on", Text),
        ("amount_minor", Int),
        ("payer_name", Text),
        ("case_id", Int),
        ("sub_account_id", Int),
        ("remark", Text),
        ("voucher_id", Int),
        ("recorded_by", Int),
        ("mark", Int),
    ],
    order: &["receipt_id"],
};

/// `receipt_claim`
pub static RECEIPT_CLAIM: Table = Table {
    name: "receipt_claim",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("receipt_claim_id", Int),
        ("receipt_id", Int),
        ("case_id", Int),
        ("sub_account_id", Int),
        ("evidence", Text),
        ("claimed_by", Int),
        ("mark", Int),
    ],
    order: &["receipt_claim_id"],
};

/// `receipt_attribution`
pub static RECEIPT_ATTRIBUTION: Table = Table {
    name: "receipt_attribution",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("receipt_claim_id", Int),
        ("receipt_id", Int),
        ("case_id", Int),
        ("voucher_id", Int),
        ("claimed_by", Int),
        ("confirmed_by", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Money that arrived, as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Row, and the item of its postings.
    pub receipt_id: i64,
    /// Where it arrived.
    pub bank_account_id: i64,
    /// The bank's own reference, once per account.
    pub bank_reference: String,
    /// The bank's value date (legal date).
    pub value_date: Date,
    /// Day of the bank's notice.
    pub arrived_on: Date,
    /// Positive.
    pub amount: Amount,
    /// As the bank gives it.
    pub payer_name: String,
    /// The case it was recorded to; none while or before it was attributed.
    pub case_id: Option<i64>,
    /// The sub-account it was paid into.
    pub sub_account_id: Option<i64>,
    /// The bank's remark (附言).
    pub remark: String,
    /// Its voucher.
    pub voucher_id: i64,
    /// Person who recorded it.
    pub recorded_by: i64,
    /// The case it was attributed to later.
    pub attributed_case_id: Option<i64>,
    /// A claim on it that nobody has confirmed yet: the newest.
    pub open_claim: Option<ReceiptClaim>,
}

impl Receipt {
    /// The case whose money it is, if that is known.
    #[must_use]
    pub fn owner_case_id(&self) -> Option<i64> {
        self.case_id.or(self.attributed_case_id)
    }
}

/// Somebody says to which case a receipt belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptClaim {
    /// Row.
    pub receipt_claim_id: i64,
    /// The case.
    pub case_id: i64,
    /// The sub-account of the payer in it, where it was said.
    pub sub_account_id: Option<i64>,
    /// Person.
    pub claimed_by: i64,
    /// Why.
    pub evidence: String,
}

/// A receipt to be recorded.
#[derive(Clone, Debug)]
pub struct NewReceipt<'a> {
    /// Where it arrived.
    pub bank_account: &'a BankAccount,
    /// The bank's own reference.
    pub bank_reference: &'a str,
    /// The bank's value date.
    pub value_date: Date,
    /// Day of the bank's notice.
    pub arrived_on: Date,
    /// Positive.
    pub amount: Amount,
    /// As the bank gives it; may be empty (no payer on the slip).
    pub payer_name: &'a str,
    /// The case, when it is known.
    pub case_id: Option<i64>,
    /// The sub-account, when it was paid into one; it must be of the case and the bank account.
    pub sub_account: Option<&'a SubAccount>,
    /// The bank's remark.
    pub remark: &'a str,
}

/// What recording a receipt did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It is new, and posted.
    New(Receipt),
    /// The same money with the same content was recorded before: nothing has changed.
    Known(Receipt),
}

impl Recorded {
    /// The receipt either way.
    #[must_use]
    pub const fn receipt(&self) -> &Receipt {
        match self {
            Self::New(receipt) | Self::Known(receipt) => receipt,
        }
    }
}

/// Records money that arrived: into its case, or unattributed. Needs [`Role::Finance`].
///
/// The bank's reference is once per account: the same again changes nothing and is said to be known.
///
/// # Errors
/// `receipts.reference_empty`, `receipts.amount`, `receipts.text_long`, `receipts.value_after_arrival`,
/// `receipts.sub_account_elsewhere`, `receipts.reference_differs` (recorded before with another content),
/// `access.role_missing`, `signoff.day_closed`, and those of posting.
pub fn record_receipt(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, new: &NewReceipt<'_>) -> Outcome<Recorded> {
    check(new)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "receipt.record")?;
    acting.require(tx, Role::Finance)?;
    let case_id = new.case_id;
    if let Some(known) = by_reference(tx, act.book(), new.bank_account.bank_account_id, new.bank_reference.trim())? {
        return match first_difference(&known, new) {
            None => Ok(Recorded::Known(known)),
            Some(field) => Err(Message::new("receipts.reference_differs")
                .with("reference", &known.bank_reference)
                .with("receipt", known.receipt_id)
                .with("field", field)
                .into()),
        };
    }
    days::must_be_open(tx, acting.actor.court_id, new.bank_account, acting.date)?;
    let event = if case_id.is_some() { Event::ReceiptKnown } else { Event::ReceiptUnknown };
    let receipt_id = act.take_items(1);
    act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
    let accounts = accounts_of(tx, acting, chart, new.bank_account, case_id)?;
    let receipt = post_receipt(tx, &mut act, acting, accounts, new, (receipt_id, receipt_id))?;
    act.close(tx)?;
    Ok(Recorded::New(receipt))
}

/// The accounts between which money moves that arrives for a case or for none.
///
/// # Errors
/// As [`Chart::line`].
pub fn accounts_of(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    bank_account: &BankAccount,
    case_id: Option<i64>,
) -> Outcome<(AccountId, AccountId)> {
    let event = if case_id.is_some() { Event::ReceiptKnown } else { Event::ReceiptUnknown };
    let owner = Owner { bank_account_id: Some(bank_account.bank_account_id), case_id };
    chart.accounts(tx, acting.actor.court_id, event, owner)
}

/// Posts a receipt and records it, under the open voucher. `accounts`: those that [`accounts_of`] finds, which whoever
/// records many keeps, for asking costs more than posting. The last are its own
/// id and its item on the bank deposit: the line of the statement that shows it, or, recorded by hand, the receipt itself.
///
/// # Errors
/// Those of posting.
pub fn post_receipt(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    accounts: (AccountId, AccountId),
    new: &NewReceipt<'_>,
    (receipt_id, bank_item): (i64, i64),
) -> Outcome<Receipt> {
    let case_id = new.case_id;
    let debit = Place { account: accounts.0, item: ItemId(bank_item) };
    let credit = Place { account: accounts.1, item: ItemId(receipt_id) };
    act.post(tx, &[Line { debit, credit, amount: new.amount }])?;
    let voucher_id = act.open_voucher_id()?;
    let receipt = Receipt {
        receipt_id,
        bank_account_id: new.bank_account.bank_account_id,
        bank_reference: new.bank_reference.trim().to_owned(),
        value_date: new.value_date,
        arrived_on: new.arrived_on,
        amount: new.amount,
        payer_name: new.payer_name.trim().to_owned(),
        case_id,
        sub_account_id: new.sub_account.map(|sub_account| sub_account.sub_account_id),
        remark: new.remark.trim().to_owned(),
        voucher_id,
        recorded_by: acting.actor.person_id,
        attributed_case_id: None,
        open_claim: None,
    };
    act.insert(
        tx,
        &RECEIPT,
        receipt_id,
        &[
            receipt_id.into(),
            receipt.bank_account_id.into(),
            receipt.bank_reference.as_str().into(),
            receipt.value_date.to_string().as_str().into(),
            receipt.arrived_on.to_string().as_str().into(),
            receipt.amount.minor().into(),
            receipt.payer_name.as_str().into(),
            receipt.case_id.into(),
            receipt.sub_account_id.into(),
            receipt.remark.as_str().into(),
            voucher_id.into(),
            receipt.recorded_by.into(),
        ],
    )?;
    Ok(receipt)
}

/// What is wrong with a receipt before the database is asked.
fn check(new: &NewReceipt<'_>) -> std::result::Result<(), Message> {
    if new.bank_reference.trim().is_empty() {
        return Err(Message::new("receipts.reference_empty"));
    }
    if new.amount <= Amount::ZERO {
        return Err(Message::new("receipts.amount").with("amount", new.amount));
    }
    for (field, text) in [("reference", new.bank_reference), ("payer_name", new.payer_name), ("remark", new.remark)] {
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(Message::new("receipts.text_long").with("field", field).with("max", TEXT_CHARS_MAX));
        }
    }
    // The bank may value money back, never on a day after its own notice.
    if new.value_date > new.arrived_on {
        return Err(Message::new("receipts.value_after_arrival")
            .with("value_date", new.value_date)
            .with("arrived_on", new.arrived_on));
    }
    if let Some(sub_account) = new.sub_account {
        let of_case = new.case_id == Some(sub_account.case_id);
        if !of_case || sub_account.bank_account_id != new.bank_account.bank_account_id {
            return Err(Message::new("receipts.sub_account_elsewhere").with("number", &sub_account.number));
        }
    }
    Ok(())
}

/// The first field in which a receipt differs from what is recorded under its reference.
fn first_difference(known: &Receipt, new: &NewReceipt<'_>) -> Option<&'static str> {
    let case_id = new.case_id;
    // Attributed since: the bank's own data is the same whether or not the case is now given with it.
    let same_case = known.case_id == case_id || (case_id.is_some() && known.attributed_case_id == case_id);
    let sub_account_id = new.sub_account.map(|sub_account| sub_account.sub_account_id);
    let same_sub_account = known.sub_account_id == sub_account_id || known.attributed_case_id.is_some();
    [
        ("amount", known.amount == new.amount),
        ("value_date", known.value_date == new.value_date),
        ("arrived_on", known.arrived_on == new.arrived_on),
        ("payer_name", known.payer_name == new.payer_name.trim()),
        ("case", same_case),
        ("sub_account", same_sub_account),
        ("remark", known.remark == new.remark.trim()),
    ]
    .into_iter()
    .find_map(|(field, same)| (!same).then_some(field))
}

/// First step of attribution: says to which case unattributed money belongs, with evidence. Needs [`Role::Handler`].
///
/// # Errors
/// `receipts.unknown`, `receipts.has_case`, `receipts.evidence_missing`, `access.role_missing`.
pub fn claim_receipt(
    tx: &mut Tx<'_>,
    acting: &Acting,
    receipt_id: i64,
    case: &Case,
    sub_account: Option<&SubAccount>,
    evidence: &str,
) -> Outcome<ReceiptClaim> {
    if evidence.trim().is_empty() {
        return Err(Message::new("receipts.evidence_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "receipt.claim")?;
    acting.require(tx, Role::Handler)?;
    unattributed(tx, act.book(), receipt_id)?;
    let claim = ReceiptClaim {
        receipt_claim_id: act.take_ids(1),
        case_id: case.case_id,
        sub_account_id: sub_account.map(|sub_account| sub_account.sub_account_id),
        claimed_by: acting.actor.person_id,
        evidence: evidence.trim().to_owned(),
    };
    insert_claim(tx, &mut act, receipt_id, &claim)?;
    act.close(tx)?;
    Ok(claim)
}

/// Second step: another person confirms the newest claim, and the whole receipt moves to the case. Needs
/// [`Role::FundKeeper`].
///
/// # Errors
/// `receipts.unknown`, `receipts.has_case`, `receipts.not_claimed`, `receipts.same_person`, `access.role_missing`, and
/// those of posting.
pub fn confirm_receipt(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, receipt_id: i64) -> Outcome<Receipt> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "receipt.attribute")?;
    acting.require(tx, Role::FundKeeper)?;
    let receipt = unattributed(tx, act.book(), receipt_id)?;
    let Some(claim) = &receipt.open_claim else {
        return Err(Message::new("receipts.not_claimed").with("receipt", receipt_id).into());
    };
    if claim.claimed_by == acting.actor.person_id {
        return Err(Message::new("receipts.same_person").with("name", &acting.actor.name).into());
    }
    attribute(tx, &mut act, acting, chart, &receipt, claim, acting.actor.person_id)?;
    act.close(tx)?;
    Ok(Receipt { attributed_case_id: Some(claim.case_id), open_claim: None, ..receipt })
}

/// Says to which case unattributed money belongs and attributes it in one step, for what a ruling orders of it at once.
/// Whoever calls has asked for both people. All of it is available from then on.
///
/// # Errors
/// `receipts.unknown`, `receipts.has_case`, and those of posting.
pub fn attribute_by_ruling(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    receipt_id: i64,
    case_id: i64,
    (ruling, confirmed_by): (&str, i64),
) -> Outcome<CaseReceipt> {
    let receipt = unattributed(tx, act.book(), receipt_id)?;
    let claim = ReceiptClaim {
        receipt_claim_id: act.take_ids(1),
        case_id,
        sub_account_id: None,
        claimed_by: acting.actor.person_id,
        evidence: ruling.to_owned(),
    };
    insert_claim(tx, act, receipt_id, &claim)?;
    attribute(tx, act, acting, chart, &receipt, &claim, confirmed_by)?;
    let Receipt { receipt_id, bank_account_id, amount, .. } = receipt;
    Ok(CaseReceipt { receipt_id, bank_account_id, amount, available: amount })
}

fn insert_claim(tx: &mut Tx<'_>, act: &mut Act, receipt_id: i64, claim: &ReceiptClaim) -> Outcome<()> {
    act.insert(
        tx,
        &RECEIPT_CLAIM,
        claim.receipt_claim_id,
        &[
            claim.receipt_claim_id.into(),
            receipt_id.into(),
            claim.case_id.into(),
            claim.sub_account_id.into(),
            claim.evidence.as_str().into(),
            claim.claimed_by.into(),
        ],
    )?;
    Ok(())
}

/// Posts and records the attribution that a claim asks for.
fn attribute(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    receipt: &Receipt,
    claim: &ReceiptClaim,
    confirmed_by: i64,
) -> Outcome<()> {
    let owner = Owner { bank_account_id: Some(receipt.bank_account_id), case_id: Some(claim.case_id) };
    let items = (ItemId(receipt.receipt_id), ItemId(receipt.receipt_id));
    let event = Event::ReceiptAttributed;
    let line = chart.line(tx, acting.actor.court_id, event, owner, items, receipt.amount)?;
    act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
    act.post(tx, &[line])?;
    let voucher_id = act.open_voucher_id()?;
    let id = act.take_ids(1);
    act.insert(
        tx,
        &RECEIPT_ATTRIBUTION,
        id,
        &[
            id.into(),
            claim.receipt_claim_id.into(),
            receipt.receipt_id.into(),
            claim.case_id.into(),
            voucher_id.into(),
            claim.claimed_by.into(),
            confirmed_by.into(),
        ],
    )?;
    transfers::record(tx, act, receipt, claim.case_id, claim.sub_account_id)
}

fn unattributed(tx: &mut Tx<'_>, book: BookKey, receipt_id: i64) -> Outcome<Receipt> {
    let receipt = find_receipt(tx, book, receipt_id)?;
    match receipt.owner_case_id() {
        None => Ok(receipt),
        Some(case_id) => {
            let case = cases::case_by_id(tx, book, case_id)?;
            Err(Message::new("receipts.has_case")
                .with("receipt", receipt_id)
                .with("number", case.current_number())
                .into())
        }
    }
}

/// The receipts whose posting was reversed: their money was never there, or came out of a match that was taken back.
///
/// # Errors
/// What the database says.
pub fn reversed(tx: &mut Tx<'_>, book: BookKey) -> Outcome<HashSet<i64>> {
    // What an entry reverses and what that was recorded for, each by its key.
    const SELECT: Statement = Statement::twin(
        "SELECT r.receipt_id FROM receipt AS r JOIN entry_line AS o ON o.court_id = ?1 AND o.book_id = ?2 \
         AND o.entry_no = ?4 AND o.line_no = ?5 AND o.voucher_id = r.voucher_id \
         WHERE r.court_id = ?1 AND r.book_id = ?2 AND r.receipt_id = ?3",
        "SELECT r.receipt_id FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[]) \
         AS asked (court_id, book_id, receipt_id, entry_no, line_no) JOIN receipt AS r USING (court_id, book_id, receipt_id) \
         JOIN entry_line AS o ON o.court_id = asked.court_id AND o.book_id = asked.book_id AND o.entry_no = asked.entry_no \
         AND o.line_no = asked.line_no AND o.voucher_id = r.voucher_id",
    );
    let [court_id, book_id] = [book.court_id.into(), book.book_id.into()];
    // Reversals have an index of their own.
    let reversals = tx.query(
        "SELECT debit_item_id, reverses_entry_no, line_no FROM entry_line \
         WHERE court_id = $1 AND book_id = $2 AND reverses_entry_no IS NOT NULL",
        &[court_id, book_id],
        |row| Ok([row.int(0)?, row.int(1)?, row.int(2)?]),
    )?;
    let keys: Vec<Value<'_>> = reversals
        .into_iter()
        .flat_map(|key| [court_id, book_id, key[0].into(), key[1].into(), key[2].into()])
        .collect();
    ids_of(tx, SELECT, 5, &keys)
}

/// Those of some receipts that are [`reversed`]: quicker where they are fewer than what was reversed.
///
/// # Errors
/// What the database says.
pub fn reversed_of(tx: &mut Tx<'_>, book: BookKey, receipts: impl IntoIterator<Item = i64>) -> Outcome<HashSet<i64>> {
    // From the receipt to the entries of its voucher, and to what reverses them, each by its key.
    const SELECT: Statement = Statement::twin(
        "SELECT r.receipt_id FROM receipt AS r JOIN voucher AS v ON v.court_id = ?1 AND v.book_id = ?2 \
         AND v.voucher_id = r.voucher_id JOIN entry_line AS e ON e.court_id = ?1 AND e.book_id = ?2 \
         AND e.reverses_entry_no >= v.first_entry_no AND e.reverses_entry_no <= v.last_entry_no \
         AND e.debit_item_id = r.receipt_id WHERE r.court_id = ?1 AND r.book_id = ?2 AND r.receipt_id = ?3",
        // What was reversed is read once, whatever the server believes of how long a table is.
        "WITH gone AS MATERIALIZED (SELECT e.debit_item_id, e.reverses_entry_no FROM entry_line AS e \
         WHERE e.court_id = ($1::bigint[])[1] AND e.book_id = ($2::bigint[])[1] AND e.reverses_entry_no IS NOT NULL) \
         SELECT r.receipt_id FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS asked (court_id, book_id, receipt_id) \
         JOIN gone ON gone.debit_item_id = asked.receipt_id JOIN receipt AS r USING (court_id, book_id, receipt_id) \
         JOIN voucher AS v ON v.court_id = r.court_id AND v.book_id = r.book_id AND v.voucher_id = r.voucher_id \
         AND gone.reverses_entry_no >= v.first_entry_no AND gone.reverses_entry_no <= v.last_entry_no",
    );
    let [court_id, book_id] = [book.court_id.into(), book.book_id.into()];
    let keys: Vec<Value<'_>> = receipts.into_iter().flat_map(|id| [court_id, book_id, Value::Int(id)]).collect();
    ids_of(tx, SELECT, 3, &keys)
}

fn ids_of(tx: &mut Tx<'_>, select: Statement, width: usize, keys: &[Value<'_>]) -> Outcome<HashSet<i64>> {
    let mut ids = HashSet::new();
    tx.each_of(select, width, keys, |row| {
        ids.insert(row.int(0)?);
        Ok(())
    })?;
    Ok(ids)
}

/// Receipts with the case they were attributed to and the newest claim on them.
macro_rules! receipts_where {
    ($rest:literal) => {
        concat!(
            "SELECT r.receipt_id, r.bank_account_id, r.bank_reference, r.value_date, r.arrived_on, r.amount_minor, ",
            "r.payer_name, r.case_id, r.sub_account_id, r.remark, r.voucher_id, r.recorded_by, a.case_id, ",
            "c.receipt_claim_id, c.case_id, c.claimed_by, c.evidence, c.sub_account_id FROM receipt AS r ",
            "LEFT JOIN receipt_attribution AS a ON a.court_id = $1 AND a.book_id = $2 AND a.receipt_id = r.receipt_id ",
            "LEFT JOIN receipt_claim AS c ON c.court_id = $1 AND c.book_id = $2 AND c.receipt_id = r.receipt_id ",
            "AND c.receipt_claim_id = (SELECT MAX(n.receipt_claim_id) FROM receipt_claim AS n ",
            "WHERE n.court_id = $1 AND n.book_id = $2 AND n.receipt_id = r.receipt_id) ",
            "WHERE r.court_id = $1 AND r.book_id = $2 ",
            $rest
        )
    };
}

/// The receipt with this id.
///
/// # Errors
/// `receipts.unknown`.
pub fn find_receipt(tx: &mut Tx<'_>, book: BookKey, receipt_id: i64) -> Outcome<Receipt> {
    let found = tx.query_opt(
        receipts_where!("AND r.receipt_id = $3"),
        &[book.court_id.into(), book.book_id.into(), receipt_id.into()],
        read_receipt,
    )?;
    Ok(found.ok_or_else(|| Message::new("receipts.unknown").with("receipt", receipt_id))?)
}

fn by_reference(tx: &mut Tx<'_>, book: BookKey, bank_account_id: i64, reference: &str) -> Outcome<Option<Receipt>> {
    let found = tx.query_opt(
        "SELECT receipt_id FROM receipt \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 AND bank_reference = $4",
        &[book.court_id.into(), book.book_id.into(), bank_account_id.into(), reference.into()],
        |row| row.int(0),
    )?;
    found.map(|receipt_id| find_receipt(tx, book, receipt_id)).transpose()
}

/// All receipts, oldest first.
///
/// # Errors
/// What the database says.
pub fn receipts(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Receipt>> {
    Ok(tx.query(
        receipts_where!("ORDER BY r.receipt_id"),
        &[book.court_id.into(), book.book_id.into()],
        read_receipt,
    )?)
}

/// Receipts before a row, newest first: those in whose payer, reference or remark the text stands; at most `limit`.
///
/// # Errors
/// What the database says.
pub fn receipts_before(tx: &mut Tx<'_>, book: BookKey, before: i64, text: &str, limit: i64) -> Outcome<Vec<Receipt>> {
    let pattern = format!("%{}%", text.trim().replace(['%', '_'], ""));
    Ok(tx.query(
        receipts_where!(
            "AND r.receipt_id < $3 AND (r.payer_name LIKE $4 OR r.bank_reference LIKE $4 OR r.remark LIKE $4) \
             ORDER BY r.receipt_id DESC LIMIT $5"
        ),
        &[book.court_id.into(), book.book_id.into(), before.into(), pattern.as_str().into(), limit.into()],
        read_receipt,
    )?)
}

fn read_receipt(row: &Row<'_>) -> Result<Receipt> {
    let attributed_case_id = row.opt_int(12)?;
    let open_claim = match (attributed_case_id, row.opt_int(13)?) {
        (None, Some(receipt_claim_id)) => Some(ReceiptClaim {
            receipt_claim_id,
            case_id: row.int(14)?,
            sub_account_id: row.opt_int(17)?,
            claimed_by: row.int(15)?,
            evidence: row.text(16)?.to_owned(),
        }),
        _ => None,
    };
    Ok(Receipt {
        receipt_id: row.int(0)?,
        bank_account_id: row.int(1)?,
        bank_reference: row.text(2)?.to_owned(),
        value_date: read_date(row, 3)?,
        arrived_on: read_date(row, 4)?,
        amount: Amount::from_minor(row.int(5)?),
        payer_name: row.text(6)?.to_owned(),
        case_id: row.opt_int(7)?,
        sub_account_id: row.opt_int(8)?,
        remark: row.text(9)?.to_owned(),
        voucher_id: row.int(10)?,
        recorded_by: row.int(11)?,
        attributed_case_id,
        open_claim,
    })
}

/// Money of a case by the item that it came as, and what is left of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CaseReceipt {
    /// Receipt, deduction or movement from another case, and the item of its postings; of the treasury: the fact that
    /// made it the treasury's.
    pub receipt_id: i64,
    /// The bank account in which it lies.
    pub bank_account_id: i64,
    /// What arrived, or was deducted and is to arrive: with the differences that were explained.
    pub amount: Amount,
    /// What is left of it in the accounts of this kind and not held.
    pub available: Amount,
}

/// The money of a case, oldest first: receipts recorded or attributed to it, deductions, of which nothing is available
/// before they are here, and what came from another case.
///
/// # Errors
/// What the database says.
pub fn receipts_of_case(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<CaseReceipt>> {
    let funds = cases::case_account(tx, book, case_id, AccountKind::CaseFunds)?;
    money_in(tx, book, case_id, funds)
}

/// As [`receipts_of_case`], of what is left in the case's account of another kind: security, price, escrow.
///
/// # Errors
/// What the database says.
pub fn money_of_case(
    tx: &mut Tx<'_>,
    book: BookKey,
    case_id: i64,
    chart: &Chart,
    kind: AccountKind,
) -> Outcome<Vec<CaseReceipt>> {
    let owner = Owner { bank_account_id: None, case_id: Some(case_id) };
    match chart.find_account(tx, book.court_id, kind, owner)? {
        Some(account) => money_in(tx, book, case_id, account),
        None => Ok(Vec::new()),
    }
}

fn money_in(tx: &mut Tx<'_>, book: BookKey, case_id: i64, account: AccountId) -> Outcome<Vec<CaseReceipt>> {
    Ok(tx.query(
        "SELECT r.receipt_id, r.amount_minor, COALESCE(i.posted_minor - i.held_minor, 0), r.bank_account_id \
         FROM receipt AS r \
         LEFT JOIN item_balance AS i ON i.court_id = r.court_id AND i.book_id = r.book_id AND i.account_id = $4 \
         AND i.item_id = r.receipt_id \
         WHERE r.court_id = $1 AND r.book_id = $2 AND (r.case_id = $3 OR r.receipt_id IN \
         (SELECT a.receipt_id FROM receipt_attribution AS a \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.case_id = $3)) \
         UNION ALL SELECT d.deduction_id, d.amount_minor + CAST(COALESCE((SELECT SUM(CASE WHEN f.kind = 'surplus' \
         THEN f.amount_minor ELSE -f.amount_minor END) FROM deduction_difference AS f LEFT JOIN match_undo AS u \
         ON u.court_id = f.court_id AND u.book_id = f.book_id AND u.group_id = f.group_id \
         WHERE f.court_id = d.court_id AND f.book_id = d.book_id AND f.deduction_id = d.deduction_id \
         AND u.group_id IS NULL), 0) AS BIGINT), COALESCE(i.posted_minor - i.held_minor, 0), d.bank_account_id \
         FROM deduction AS d LEFT JOIN item_balance AS i ON i.court_id = d.court_id AND i.book_id = d.book_id \
         AND i.account_id = $4 AND i.item_id = d.deduction_id \
         WHERE d.court_id = $1 AND d.book_id = $2 AND d.case_id = $3 \
         UNION ALL SELECT m.to_item_id, m.amount_minor, COALESCE(i.posted_minor - i.held_minor, 0), m.bank_account_id \
         FROM movement AS m LEFT JOIN item_balance AS i ON i.court_id = m.court_id AND i.book_id = m.book_id \
         AND i.account_id = $4 AND i.item_id = m.to_item_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND m.to_case_id = $3 ORDER BY 1",
        &[book.court_id.into(), book.book_id.into(), case_id.into(), account.0.into()],
        read_case_receipt,
    )?)
}

fn read_case_receipt(row: &Row<'_>) -> Result<CaseReceipt> {
    Ok(CaseReceipt {
        receipt_id: row.int(0)?,
        amount: Amount::from_minor(row.int(1)?),
        available: Amount::from_minor(row.int(2)?),
        bank_account_id: row.int(3)?,
    })
}

/// What is owed to the treasury and not remitted, as far as a case can remit it: fees of its sheets, its fines and fees
/// by ruling, and what belongs to no case, such as interest of the bank. An item is the fact that made it the
/// treasury's.
///
/// # Errors
/// What the database says.
pub fn treasury_money(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<CaseReceipt>> {
    // The treasury's items are few beside the payees', and are not kept as states: they are added up.
    let money = tx.query(
        "SELECT t.item_id, t.amount_minor, t.amount_minor, COALESCE(m.bank_account_id, b.bank_account_id, \
         (SELECT MIN(r.bank_account_id) FROM run_source AS x JOIN run AS r ON r.court_id = $1 AND r.book_id = $2 \
          AND r.run_id = x.run_id JOIN run_state AS s ON s.court_id = $1 AND s.book_id = $2 AND s.run_id = x.run_id \
          AND s.status IN ('committed', 'released') \
          WHERE x.court_id = $1 AND x.book_id = $2 AND x.kind = 'sheet' AND x.source_id = l.sheet_id), 0) \
         FROM (SELECT p.item_id, CAST(SUM(CASE WHEN p.side = a.normal_side THEN p.amount_minor \
          ELSE -p.amount_minor END) AS BIGINT) AS amount_minor FROM account AS a JOIN posting AS p \
          ON p.court_id = a.court_id AND p.book_id = a.book_id AND p.account_id = a.account_id \
          WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'treasury' GROUP BY p.item_id) AS t \
         LEFT JOIN movement AS m ON m.court_id = $1 AND m.book_id = $2 AND m.movement_id = t.item_id \
         LEFT JOIN sheet_line AS l ON l.court_id = $1 AND l.book_id = $2 AND l.sheet_line_id = t.item_id \
         LEFT JOIN sheet AS h ON h.court_id = $1 AND h.book_id = $2 AND h.sheet_id = l.sheet_id \
         LEFT JOIN bank_line AS b ON b.court_id = $1 AND b.book_id = $2 AND b.bank_line_id = t.item_id \
         WHERE t.amount_minor <> 0 AND COALESCE(m.case_id, h.case_id, $3) = $3 ORDER BY 1",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        read_case_receipt,
    )?;
    Ok(money)
}
