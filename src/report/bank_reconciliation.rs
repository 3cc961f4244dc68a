//! The bank reconciliation statement (银行存款余额调节表) of one account and day.
//!
//! Bank balance + our receipts not at the bank − our payments not at the bank = book balance + bank receipts not in the
//! books − bank payments not in the books. The two sides are added up apart: the bank's from its lines, the books' from
//! the postings on the bank deposit, where the item of a posting is the line (or the receipt recorded by hand) that it
//! stands for. An item is open when its two sides differ on that day.

use std::collections::{BTreeMap, HashMap};

use ankuan_ledger::Amount;
use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::{Error, RowBytes, Tx, Value};
use jiff::civil::Date;

use crate::books;
use crate::chart::{AccountKind, BankAccount, Chart, Owner};
use crate::failure::Outcome;
use crate::message::Message;
use crate::statements::balance::{Gap, bank_side};
use crate::words::{read_date, words};

words! {
    /// Why an item is open: whose books it is missing from, and which way it goes.
    Side {
        /// 我方已收、银行未收: the books have the receipt, the bank not.
        BookReceipt = "book_receipt",
        /// 我方已付、银行未付.
        BookPayment = "book_payment",
        /// 银行已收、我方未收.
        BankReceipt = "bank_receipt",
        /// 银行已付、我方未付.
        BankPayment = "bank_payment",
    }
}

impl Side {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::BookReceipt => "bank_reconciliation.book_receipts",
            Self::BookPayment => "bank_reconciliation.book_payments",
            Self::BankReceipt => "bank_reconciliation.bank_receipts",
            Self::BankPayment => "bank_reconciliation.bank_payments",
        })
    }
}

/// An open item (未达账项).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenItem {
    /// Missing where.
    pub side: Side,
    /// The bank's line, if it is one.
    pub bank_line_id: Option<i64>,
    /// The receipt recorded by hand, if it is one.
    pub receipt_id: Option<i64>,
    /// Since when: booking by the bank, or accounting date.
    pub since: Date,
    /// Days from then to the day of the statement.
    pub age_days: i64,
    /// Positive.
    pub amount: Amount,
    /// Number of the case, where it is known.
    pub case_number: String,
    /// The bank's reference, or that of the receipt.
    pub reference: String,
    /// The other party.
    pub name: String,
    /// Remark.
    pub remark: String,
    /// Sub-account of the bank.
    pub sub_account: String,
    /// Whether the line is matched by now: then only the days differ.
    pub is_matched: bool,
    /// Whether it is explained: matched since, or somebody has taken it on and said why.
    pub explained: Option<Message>,
}

/// One sub-account (子账户) on the day: the bank's lines under it and what the books have for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubAccountView {
    /// Number; empty: the main account.
    pub number: String,
    /// What the bank's lines come to.
    pub bank: Amount,
    /// What the books have for these lines.
    pub book: Amount,
    /// Open items.
    pub open_count: i64,
}

/// The statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankReconciliation {
    /// The account.
    pub account: BankAccount,
    /// End of this day.
    pub day: Date,
    /// What the bank's lines come to with its opening balance.
    pub bank: Amount,
    /// What the bank itself says; none when no statement speaks of the day.
    pub bank_says: Option<Amount>,
    /// What the books say: the postings on the bank deposit up to the day.
    pub book: Amount,
    /// Sums of the open items, by side.
    pub sums: [Amount; 4],
    /// Every open item, oldest first.
    pub items: Vec<OpenItem>,
    /// Bank balance, adjusted.
    pub adjusted_bank: Amount,
    /// Book balance, adjusted.
    pub adjusted_book: Amount,
    /// By sub-account.
    pub sub_accounts: Vec<SubAccountView>,
    /// Where the bank's statements do not follow from each other.
    pub gaps: Vec<Gap>,
}

impl BankReconciliation {
    /// Whether both adjusted balances are equal, the bank's own balance is what its lines come to, and its statements
    /// follow from each other.
    #[must_use]
    pub fn ties(&self) -> bool {
        self.adjusted_bank == self.adjusted_book && self.bank_says == Some(self.bank) && self.gaps.is_empty()
    }

    /// Open items that nobody has explained.
    #[must_use]
    pub fn unexplained(&self) -> usize {
        self.items.iter().filter(|item| item.explained.is_none()).count()
    }

    /// Sum of one side.
    #[must_use]
    pub fn sum(&self, side: Side) -> Amount {
        self.sums[side as usize]
    }

    /// Names exactly this statement: what is signed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = RowBytes::default();
        bytes.value(Value::Text(&self.account.number));
        bytes.value(Value::Text(&self.day.to_string()));
        for amount in [self.bank, self.book, self.adjusted_bank, self.adjusted_book].iter().chain(&self.sums) {
            bytes.value(amount.minor().into());
        }
        for item in &self.items {
            bytes.value(item.side.as_str().into());
            bytes.value(item.bank_line_id.into());
            bytes.value(item.receipt_id.into());
            bytes.value(item.amount.minor().into());
        }
        sha256(&[b"ankuan-bank-reconciliation-1", bytes.as_bytes()])
    }
}

/// Adds up both sides. Pure: what the two columns of the form come to.
///
/// Crossing the pairs (adding the bank's open items to the bank's own balance) is the usual mistake; the property test
/// of this function holds it.
#[must_use]
pub fn adjust(bank: Amount, book: Amount, sums: [Amount; 4]) -> Option<(Amount, Amount)> {
    let of = |side: Side| sums[side as usize];
    let adjusted_bank = bank.plus(of(Side::BookReceipt))?.minor().checked_sub(of(Side::BookPayment).minor())?;
    let adjusted_book = book.plus(of(Side::BankReceipt))?.minor().checked_sub(of(Side::BankPayment).minor())?;
    Some((Amount::from_minor(adjusted_bank), Amount::from_minor(adjusted_book)))
}

/// What stands for one thing: a line with what was posted for it, or several that were matched together.
#[derive(Debug, Clone, Default)]
struct Both {
    bank: i64,
    book: i64,
    /// The same without an end: whether the match ever comes out even.
    bank_ever: i64,
    book_ever: i64,
    /// First line and first receipt in it.
    line: Option<i64>,
    receipt: Option<i64>,
    since: Option<Date>,
}

/// The reconciliation statement of an account at the end of a day.
///
/// # Errors
/// What the database says; `bank_reconciliation.too_large`.
pub fn bank_reconciliation(
    tx: &mut Tx<'_>,
    chart: &Chart,
    court_id: i64,
    account: &BankAccount,
    day: Date,
) -> Outcome<BankReconciliation> {
    tx.expect_whole_tables()?;
    let key = [court_id.into(), books::CASE_MONEY.into(), account.bank_account_id.into()];
    let side = bank_side(tx, court_id, account.bank_account_id)?;
    let too_large = || Message::new("bank_reconciliation.too_large");
    let bank = side.balance(day).ok_or_else(too_large)?;

    // Lines that are matched together, and receipts with their lines, are one thing.
    let mut group_of_line: HashMap<i64, i64> = HashMap::new();
    tx.each(
        "SELECT m.bank_line_id, m.group_id FROM line_match AS m JOIN bank_line AS l ON l.court_id = m.court_id \
         AND l.book_id = m.book_id AND l.bank_line_id = m.bank_line_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND l.bank_account_id = $3",
        &key,
        |row| {
            group_of_line.insert(row.int(0)?, row.int(1)?);
            Ok::<(), Error>(())
        },
    )?;
    let mut group_of_receipt: HashMap<i64, i64> = HashMap::new();
    let standing_groups: std::collections::HashSet<i64> = group_of_line.values().copied().collect();
    tx.each(
        "SELECT m.receipt_id, m.group_id FROM receipt_match AS m JOIN receipt AS r ON r.court_id = m.court_id \
         AND r.book_id = m.book_id AND r.receipt_id = m.receipt_id \
         WHERE m.court_id = $1 AND m.book_id = $2 AND r.bank_account_id = $3",
        &key,
        |row| {
            let group = row.int(1)?;
            if standing_groups.contains(&group) {
                group_of_receipt.insert(row.int(0)?, group);
            }
            Ok::<(), Error>(())
        },
    )?;
    // Receipts of the opening list stand together against the bank's opening balance.
    const OPENING: i64 = 0;
    tx.each(
        "SELECT i.receipt_id FROM opening_item AS i JOIN bank_opening AS o ON o.court_id = i.court_id \
         AND o.book_id = i.book_id AND o.opening_id = i.opening_id \
         WHERE i.court_id = $1 AND i.book_id = $2 AND o.bank_account_id = $3",
        &key,
        |row| {
            group_of_receipt.insert(row.int(0)?, OPENING);
            Ok::<(), Error>(())
        },
    )?;

    let mut things: HashMap<i64, Both> = HashMap::new();
    if side.opening != Amount::ZERO {
        let opening = things.entry(OPENING).or_default();
        opening.bank = side.opening.minor();
        opening.bank_ever = opening.bank;
        opening.receipt = side.opening_id;
        opening.since = side.opening_day;
    }
    let mut sub_accounts: BTreeMap<String, SubAccountView> = BTreeMap::new();
    let mut sub_account_of_line: HashMap<i64, String> = HashMap::new();
    tx.each(
        "SELECT bank_line_id, booked_on, amount_minor, sub_account FROM bank_line \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 ORDER BY bank_line_id",
        &key,
        |row| {
            let (line_id, booked_on, amount) = (row.int(0)?, read_date(row, 1)?, row.int(2)?);
            if side.opening_day.is_some_and(|opening| booked_on <= opening) {
                return Ok(());
            }
            let both = things.entry(group_of_line.get(&line_id).copied().unwrap_or(line_id)).or_default();
            both.bank_ever += amount;
            if booked_on > day {
                return Ok(());
            }
            both.bank += amount;
            both.line.get_or_insert(line_id);
            both.since = Some(both.since.map_or(booked_on, |since| since.min(booked_on)));
            let number = row.text(3)?;
            let view = sub_accounts.entry(number.to_owned()).or_default();
            view.bank = view.bank.plus(Amount::from_minor(amount)).unwrap_or(view.bank);
            if !number.is_empty() {
                sub_account_of_line.insert(line_id, number.to_owned());
            }
            Ok::<(), Error>(())
        },
    )?;

    let owner = Owner { bank_account_id: Some(account.bank_account_id), case_id: None };
    let deposit = chart.account(tx, court_id, AccountKind::Bank, owner)?;
    let dates: HashMap<i64, Date> = tx
        .query(
            "SELECT voucher_id, accounting_date FROM voucher WHERE court_id = $1 AND book_id = $2",
            &key[..2],
            |row| Ok((row.int(0)?, read_date(row, 1)?)),
        )?
        .into_iter()
        .collect();
    let mut book = 0_i64;
    tx.each(
        "SELECT voucher_id, debit_account_id, debit_item_id, credit_item_id, amount_minor FROM entry_line \
         WHERE court_id = $1 AND book_id = $2 AND (debit_account_id = $3 OR credit_account_id = $3)",
        &[key[0], key[1], deposit.0.into()],
        |row| {
            let Some(date) = dates.get(&row.int(0)?).copied() else { return Ok(()) };
            let is_debit = row.int(1)? == deposit.0;
            let item = row.int(if is_debit { 2 } else { 3 })?;
            let amount = if is_debit { row.int(4)? } else { -row.int(4)? };
            let known = group_of_line.get(&item).or_else(|| group_of_receipt.get(&item)).copied();
            things.entry(known.unwrap_or(item)).or_default().book_ever += amount;
            if date > day {
                return Ok(());
            }
            book = book.checked_add(amount).ok_or_else(|| Error::Inconsistent("the bank deposit overflows".into()))?;
            let group = group_of_line.get(&item).or_else(|| group_of_receipt.get(&item)).copied();
            let both = things.entry(group.unwrap_or(item)).or_default();
            both.book += amount;
            if !group_of_line.contains_key(&item) && both.line.is_none() {
                both.receipt.get_or_insert(item);
            }
            both.since.get_or_insert(date);
            let number = sub_account_of_line.get(&item).map_or("", String::as_str);
            let view = sub_accounts.entry(number.to_owned()).or_default();
            view.book = view.book.plus(Amount::from_minor(amount)).unwrap_or(view.book);
            Ok::<(), Error>(())
        },
    )?;

    tx.expect_few_rows()?;
    let mut items = Vec::new();
    for (group, both) in things.into_iter().filter(|(_, both)| both.bank != both.book) {
        items.push(open_item(tx, court_id, day, group, &both)?);
    }
    items.sort_by_key(|item| (item.since, item.bank_line_id, item.receipt_id));
    let mut sums = [Amount::ZERO; 4];
    for item in &items {
        let sum = &mut sums[item.side as usize];
        *sum = sum.plus(item.amount).ok_or_else(too_large)?;
        let view = sub_accounts.entry(item.sub_account.clone()).or_default();
        view.open_count += 1;
    }
    for (number, view) in &mut sub_accounts {
        view.number.clone_from(number);
    }
    let book = Amount::from_minor(book);
    let (adjusted_bank, adjusted_book) = adjust(bank, book, sums).ok_or_else(too_large)?;
    Ok(BankReconciliation {
        account: account.clone(),
        day,
        bank,
        bank_says: side.said(day),
        book,
        sums,
        items,
        adjusted_bank,
        adjusted_book,
        sub_accounts: sub_accounts.into_values().collect(),
        gaps: side.gaps(day),
    })
}

/// What is known of an open item.
fn open_item(tx: &mut Tx<'_>, court_id: i64, day: Date, group: i64, both: &Both) -> Outcome<OpenItem> {
    // What only one side has tells whose books it is missing from; where both have something, the bank's is the truth.
    let (side, amount) = match (both.bank, both.book) {
        (0, book) if book > 0 => (Side::BookReceipt, book),
        (0, book) => (Side::BookPayment, -book),
        (bank, book) if bank > book => (Side::BankReceipt, bank - book),
        (bank, book) => (Side::BankPayment, book - bank),
    };
    let since = both.since.unwrap_or(day);
    let mut item = OpenItem {
        side,
        bank_line_id: both.line,
        receipt_id: if both.line.is_none() { both.receipt } else { None },
        since,
        age_days: i64::from((day - since).get_days()),
        amount: Amount::from_minor(amount),
        case_number: String::new(),
        reference: String::new(),
        name: String::new(),
        remark: String::new(),
        sub_account: String::new(),
        is_matched: false,
        explained: None,
    };
    if let Some(line_id) = item.bank_line_id {
        let line = crate::statements::find_line(tx, court_id, line_id)?;
        item.reference = line.bank_reference;
        item.name = line.name;
        item.remark = line.remark;
        item.sub_account = line.sub_account;
        item.is_matched = group != line_id;
        let comes_even = both.bank_ever == both.book_ever;
        let note = crate::statements::notes::newest_note(tx, court_id, line_id)?;
        item.explained = match note {
            _ if item.is_matched && comes_even => Some(Message::new("bank_reconciliation.matched_later")),
            Some(note) if !item.is_matched => Some(noted(&note)),
            _ => None,
        };
    } else if group == 0 {
        item.remark = "期初余额 opening balance".to_owned();
        item.receipt_id = both.receipt;
        if let Some(opening_id) = both.receipt {
            item.explained = crate::statements::notes::newest_note(tx, court_id, opening_id)?.map(|note| noted(&note));
        }
    } else if let Some(receipt_id) = item.receipt_id {
        let book = books::case_money(court_id);
        if let Ok(receipt) = crate::receipts::find_receipt(tx, book, receipt_id) {
            item.reference.clone_from(&receipt.bank_reference);
            item.name.clone_from(&receipt.payer_name);
            item.remark.clone_from(&receipt.remark);
            item.explained = crate::statements::notes::newest_note(tx, court_id, receipt_id)?.map(|note| noted(&note));
            if let Some(case_id) = receipt.owner_case_id() {
                item.case_number = crate::cases::case_by_id(tx, book, case_id)?.current_number().to_owned();
            }
        }
    }
    Ok(item)
}

fn noted(note: &crate::statements::notes::Note) -> Message {
    Message::new("bank_reconciliation.noted").with("owner", &note.owner).with("note", &note.note)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is open on which side: with the pairs where they belong both balances are equal, with the pairs
        /// crossed they are not, unless nothing is open or the crossing happens to cancel.
        #[test]
        fn both_sides_tie_and_crossed_pairs_are_caught(
            common in 0_i64..1_000_000, open in prop::array::uniform4(0_i64..1_000),
        ) {
            let sums = open.map(Amount::from_minor);
            let [book_in, book_out, bank_in, bank_out] = open;
            let bank = Amount::from_minor(common + bank_in - bank_out);
            let book = Amount::from_minor(common + book_in - book_out);
            let (one, other) = adjust(bank, book, sums).unwrap();
            prop_assert_eq!(one, other);
            let crossed = [sums[2], sums[3], sums[0], sums[1]];
            let (one, other) = adjust(bank, book, crossed).unwrap();
            prop_assert_eq!(one == other, bank_in - bank_out == book_in - book_out);
        }
    }
}
