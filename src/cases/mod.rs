//! Cases: their numbers in turn, parties, sub-accounts, and what stops their payouts.

pub mod freezes;
pub mod gates;
pub mod number;
pub mod progress;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Result, Row, Table};
use ankuan_ledger::{Act, BookKey, Tx};
use jiff::civil::Date;

use crate::access::{Acting, Role};
use crate::books;
use crate::chart::{BankAccount, Chart, Scope};
use crate::words::words;
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

pub use crate::chart::case_account;
pub use number::CaseNumber;

words! {
    /// What a party is in the case.
    PartyRole {
        /// 申请执行人
        Applicant = "applicant",
        /// 被执行人
        Debtor = "debtor",
        /// Somebody who pays in for the debtor.
        Payer = "payer",
        /// 被害人, of a criminal case.
        Victim = "victim",
        /// 其他法院
        OtherCourt = "other_court",
        /// 评估机构
        Valuer = "valuer",
        /// 拍卖机构
        Auctioneer = "auctioneer",
        /// 案外人
        ThirdParty = "third_party",
        /// 代理人
        Agent = "agent",
    }
}

impl PartyRole {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Applicant => "cases.role_applicant",
            Self::Debtor => "cases.role_debtor",
            Self::Payer => "cases.role_payer",
            Self::Victim => "cases.role_victim",
            Self::OtherCourt => "cases.role_other_court",
            Self::Valuer => "cases.role_valuer",
            Self::Auctioneer => "cases.role_auctioneer",
            Self::ThirdParty => "cases.role_third_party",
            Self::Agent => "cases.role_agent",
        })
    }
}

/// `court_case`
pub static COURT_CASE: Table = Table {
    name: "court_case",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("case_id", Int),
        ("title", Text),
        ("opened_on", Text),
        ("mark", Int),
    ],
    order: &["case_id"],
};

/// `case_number`
pub static CASE_NUMBER: Table = Table {
    name: "case_number",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("case_id", Int),
        ("number", Text),
        ("since", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `party`
pub static PARTY: Table = Table {
    name: "party",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("party_id", Int),
        ("case_id", Int),
        ("role", Text),
        ("name", Text),
        ("mark", Int),
    ],
    order: &["party_id"],
};

/// `sub_account`
pub static SUB_ACCOUNT: Table = Table {
    name: "sub_account",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("sub_account_id", Int),
        ("case_id", Int),
        ("payer_party_id", Int),
        ("bank_account_id", Int),
        ("number", Text),
        ("mark", Int),
    ],
    order: &["sub_account_id"],
};

/// A case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Row; the same under all its numbers.
    pub case_id: i64,
    /// What people call it.
    pub title: String,
    /// Day of filing.
    pub opened_on: Date,
    /// Its numbers in turn, normal form; the last is current.
    pub numbers: Vec<NumberSince>,
}

/// A number of a case and the day it began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberSince {
    /// Normal form.
    pub number: String,
    /// Day of filing under it.
    pub since: Date,
}

impl Case {
    /// The number under which it runs now.
    #[must_use]
    pub fn current_number(&self) -> &str {
        // A case is opened with a number; without one it would show an empty cell, which `verify` would name.
        self.numbers.last().map_or("", |number| &number.number)
    }
}

/// Someone who has to do with a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Row.
    pub party_id: i64,
    /// What they are.
    pub role: PartyRole,
    /// Name.
    pub name: String,
}

/// The number under which one payer pays into one case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubAccount {
    /// Row.
    pub sub_account_id: i64,
    /// Case.
    pub case_id: i64,
    /// Payer.
    pub payer_party_id: i64,
    /// Main account behind it.
    pub bank_account_id: i64,
    /// Number at the bank.
    pub number: String,
}

/// Opens a case under its first number, with its control accounts. Needs [`Role::Handler`].
///
/// # Errors
/// `cases.title_empty`, `cases.number_taken`, the codes of [`CaseNumber::parse`], `access.role_missing`.
pub fn open_case(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    number: &str,
    title: &str,
    opened_on: Date,
) -> Outcome<Case> {
    let number = CaseNumber::parse(number).map_err(|refusal| refusal.message())?.to_string();
    if title.trim().is_empty() {
        return Err(Message::new("cases.title_empty").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.open")?;
    acting.require(tx, Role::Handler)?;
    refuse_taken_number(tx, &act, &number)?;
    let case_id = act.take_ids(1);
    let on = opened_on.to_string();
    act.insert(tx, &COURT_CASE, case_id, &[case_id.into(), title.trim().into(), on.as_str().into()])?;
    insert_number(tx, &mut act, case_id, &number, opened_on)?;
    chart.open_accounts(tx, &mut act, Scope::Case, case_id)?;
    act.close(tx)?;
    Ok(Case {
        case_id,
        title: title.trim().to_owned(),
        opened_on,
        numbers: vec![NumberSince { number, since: opened_on }],
    })
}

/// Gives a case its next number (执保 → 执 → 执恢); money still finds it under the old ones. Needs [`Role::Handler`].
///
/// # Errors
/// `cases.number_taken`, `cases.number_order` (begins before the number it follows), the codes of
/// [`CaseNumber::parse`], `access.role_missing`.
pub fn add_number(tx: &mut Tx<'_>, acting: &Acting, case: &Case, number: &str, since: Date) -> Outcome<String> {
    let number = CaseNumber::parse(number).map_err(|refusal| refusal.message())?.to_string();
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.number")?;
    acting.require(tx, Role::Handler)?;
    refuse_taken_number(tx, &act, &number)?;
    let case = case_by_id(tx, act.book(), case.case_id)?;
    if let Some(last) = case.numbers.last().filter(|last| since < last.since) {
        return Err(Message::new("cases.number_order")
            .with("number", &number)
            .with("since", since)
            .with("last", &last.number)
            .with("last_since", last.since)
            .into());
    }
    insert_number(tx, &mut act, case.case_id, &number, since)?;
    act.close(tx)?;
    Ok(number)
}

fn insert_number(tx: &mut Tx<'_>, act: &mut Act, case_id: i64, number: &str, since: Date) -> Result<()> {
    let id = act.take_ids(1);
    let since = since.to_string();
    act.insert(tx, &CASE_NUMBER, id, &[id.into(), case_id.into(), number.into(), since.as_str().into()])
}

fn refuse_taken_number(tx: &mut Tx<'_>, act: &Act, number: &str) -> Outcome<()> {
    match id_of_number(tx, act.book(), number)? {
        Some(case_id) => Err(Message::new("cases.number_taken").with("number", number).with("case", case_id).into()),
        None => Ok(()),
    }
}

fn id_of_number(tx: &mut Tx<'_>, book: BookKey, number: &str) -> Result<Option<i64>> {
    tx.query_opt(
        "SELECT case_id FROM case_number WHERE court_id = $1 AND book_id = $2 AND number = $3",
        &[book.court_id.into(), book.book_id.into(), number.into()],
        |row| row.int(0),
    )
}

/// The case that has, or has had, this number in any spelling.
///
/// # Errors
/// The codes of [`CaseNumber::parse`]; `cases.unknown`.
pub fn find_case(tx: &mut Tx<'_>, book: BookKey, number: &str) -> Outcome<Case> {
    let number = CaseNumber::parse(number).map_err(|refusal| refusal.message())?.to_string();
    match id_of_number(tx, book, &number)? {
        Some(case_id) => case_by_id(tx, book, case_id),
        None => Err(Message::new("cases.unknown").with("number", number).into()),
    }
}

/// The case with this id.
///
/// # Errors
/// [`ankuan_ledger::Error::Inconsistent`] when there is none: ids come from rows, not from people.
pub fn case_by_id(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Case> {
    let key = [book.court_id.into(), book.book_id.into(), case_id.into()];
    let (title, opened_on) = tx.query_one(
        "SELECT title, opened_on FROM court_case WHERE court_id = $1 AND book_id = $2 AND case_id = $3",
        &key,
        |row| Ok((row.text(0)?.to_owned(), read_date(row, 1)?)),
    )?;
    let numbers = tx.query(
        "SELECT number, since FROM case_number WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY id",
        &key,
        |row| Ok(NumberSince { number: row.text(0)?.to_owned(), since: read_date(row, 1)? }),
    )?;
    Ok(Case { case_id, title, opened_on, numbers })
}

/// All cases, oldest first.
///
/// # Errors
/// What the database says.
pub fn cases(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Case>> {
    let key = [book.court_id.into(), book.book_id.into()];
    let mut cases = tx.query(
        "SELECT case_id, title, opened_on FROM court_case WHERE court_id = $1 AND book_id = $2 ORDER BY case_id",
        &key,
        read_case,
    )?;
    tx.each(
        "SELECT case_id, number, since FROM case_number WHERE court_id = $1 AND book_id = $2 ORDER BY id",
        &key,
        |row| add_number_to(&mut cases, row),
    )?;
    Ok(cases)
}

/// A page of the cases behind an id, oldest first.
///
/// # Errors
/// What the database says.
pub fn page(tx: &mut Tx<'_>, book: BookKey, after: i64, most: i64) -> Outcome<Vec<Case>> {
    let mut cases = tx.query(
        "SELECT case_id, title, opened_on FROM court_case WHERE court_id = $1 AND book_id = $2 AND case_id > $3 \
         ORDER BY case_id LIMIT $4",
        &[book.court_id.into(), book.book_id.into(), after.into(), most.into()],
        read_case,
    )?;
    let Some((first, last)) = cases.first().zip(cases.last()).map(|ends| (ends.0.case_id, ends.1.case_id)) else {
        return Ok(cases);
    };
    tx.each(
        "SELECT case_id, number, since FROM case_number WHERE court_id = $1 AND book_id = $2 AND case_id >= $3 \
         AND case_id <= $4 ORDER BY id",
        &[book.court_id.into(), book.book_id.into(), first.into(), last.into()],
        |row| add_number_to(&mut cases, row),
    )?;
    Ok(cases)
}

/// A case without its numbers: id, title, day it was opened.
fn read_case(row: &Row<'_>) -> Result<Case> {
    Ok(Case {
        case_id: row.int(0)?,
        title: row.text(1)?.to_owned(),
        opened_on: read_date(row, 2)?,
        numbers: Vec::new(),
    })
}

/// Adds a number (case, number, since) to its case, if it is among these, which are sorted by id.
fn add_number_to(cases: &mut [Case], row: &Row<'_>) -> Result<()> {
    if let Ok(place) = cases.binary_search_by_key(&row.int(0)?, |case| case.case_id) {
        let number = NumberSince { number: row.text(1)?.to_owned(), since: read_date(row, 2)? };
        cases[place].numbers.push(number);
    }
    Ok(())
}

/// Adds a party to a case. Needs [`Role::Handler`].
///
/// # Errors
/// `cases.party_name_empty`, `cases.party_exists` (same role and name), `access.role_missing`.
pub fn add_party(tx: &mut Tx<'_>, acting: &Acting, case: &Case, role: PartyRole, name: &str) -> Outcome<Party> {
    if name.trim().is_empty() {
        return Err(Message::new("cases.party_name_empty").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.party")?;
    acting.require(tx, Role::Handler)?;
    let known = parties(tx, act.book(), case.case_id)?;
    if known.iter().any(|party| party.role == role && party.name == name.trim()) {
        return Err(Message::new("cases.party_exists")
            .with("name", name.trim())
            .with_term("role", &role.message())
            .into());
    }
    let party_id = act.take_ids(1);
    act.insert(
        tx,
        &PARTY,
        party_id,
        &[party_id.into(), case.case_id.into(), role.as_str().into(), name.trim().into()],
    )?;
    act.close(tx)?;
    Ok(Party { party_id, role, name: name.trim().to_owned() })
}

/// The parties of a case in the order they were added.
///
/// # Errors
/// What the database says.
pub fn parties(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<Party>> {
    Ok(tx.query(
        "SELECT party_id, role, name FROM party WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY party_id",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        |row| {
            Ok(Party { party_id: row.int(0)?, role: read_word(row, 1, PartyRole::parse)?, name: row.text(2)?.to_owned() })
        },
    )?)
}

/// The party of a case with this name.
///
/// # Errors
/// `cases.party_unknown`.
pub fn find_party(tx: &mut Tx<'_>, book: BookKey, case: &Case, name: &str) -> Outcome<Party> {
    parties(tx, book, case.case_id)?.into_iter().find(|party| party.name == name.trim()).ok_or_else(|| {
        Message::new("cases.party_unknown").with("name", name).with("number", case.current_number()).into()
    })
}

/// Opens a sub-account for one payer of a case (一案一人一账户: Wuxi art. 7, Hangzhou Xiacheng). Needs
/// [`Role::FundKeeper`].
///
/// # Errors
/// `cases.sub_account_number` (empty, or other than digits, letters and hyphens), `cases.sub_account_taken`,
/// `cases.sub_account_exists` (the payer has one in this case), `access.role_missing`.
pub fn open_sub_account(
    tx: &mut Tx<'_>,
    acting: &Acting,
    case: &Case,
    payer: &Party,
    bank_account: &BankAccount,
    number: &str,
) -> Outcome<SubAccount> {
    let number = number.trim();
    if number.is_empty() || !number.chars().all(|character| character.is_ascii_alphanumeric() || character == '-') {
        return Err(Message::new("cases.sub_account_number").with("number", number).into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "case.sub_account")?;
    acting.require(tx, Role::FundKeeper)?;
    let sub_account = SubAccount {
        sub_account_id: act.take_ids(1),
        case_id: case.case_id,
        payer_party_id: payer.party_id,
        bank_account_id: bank_account.bank_account_id,
        number: number.to_owned(),
    };
    if let Some(known) = sub_account_by_number(tx, act.book(), bank_account.bank_account_id, number)? {
        return Err(Message::new("cases.sub_account_taken").with("number", number).with("case", known.case_id).into());
    }
    let same_payer = |known: &SubAccount| {
        known.payer_party_id == payer.party_id && known.bank_account_id == bank_account.bank_account_id
    };
    if let Some(known) = sub_accounts(tx, act.book(), case.case_id)?.into_iter().find(same_payer) {
        return Err(Message::new("cases.sub_account_exists")
            .with("name", &payer.name)
            .with("number", known.number)
            .into());
    }
    act.insert(
        tx,
        &SUB_ACCOUNT,
        sub_account.sub_account_id,
        &[
            sub_account.sub_account_id.into(),
            case.case_id.into(),
            payer.party_id.into(),
            bank_account.bank_account_id.into(),
            number.into(),
        ],
    )?;
    act.close(tx)?;
    Ok(sub_account)
}

/// The sub-accounts of a case in the order they were opened.
///
/// # Errors
/// What the database says.
pub fn sub_accounts(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<SubAccount>> {
    Ok(tx.query(
        "SELECT sub_account_id, case_id, payer_party_id, bank_account_id, number FROM sub_account \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY sub_account_id",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        read_sub_account,
    )?)
}

/// The sub-account with this number under a bank account.
///
/// # Errors
/// What the database says.
pub fn sub_account_by_number(
    tx: &mut Tx<'_>,
    book: BookKey,
    bank_account_id: i64,
    number: &str,
) -> Outcome<Option<SubAccount>> {
    Ok(tx.query_opt(
        "SELECT sub_account_id, case_id, payer_party_id, bank_account_id, number FROM sub_account \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 AND number = $4",
        &[book.court_id.into(), book.book_id.into(), bank_account_id.into(), number.trim().into()],
        read_sub_account,
    )?)
}

fn read_sub_account(row: &Row<'_>) -> Result<SubAccount> {
    Ok(SubAccount {
        sub_account_id: row.int(0)?,
        case_id: row.int(1)?,
        payer_party_id: row.int(2)?,
        bank_account_id: row.int(3)?,
        number: row.text(4)?.to_owned(),
    })
}
