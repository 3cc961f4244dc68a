//! The bank's own books: statements imported, their lines stored once, balances that must follow from each other.
//!
//! A line is known by its fingerprint (account, day, sign, amount, bank reference or else the text) and its occurrence:
//! two identical lines of one statement are two, and the same two in the next file are still two.

pub mod balance;
pub mod days;
pub mod import;
pub mod notes;

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Result, Row, Table, Tx};
use jiff::civil::Date;

use crate::books;
use crate::failure::Outcome;
use crate::message::Message;
use crate::words::{read_date, words};

/// `statement`
pub static STATEMENT: Table = Table {
    name: "statement",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("statement_id", Int),
        ("bank_account_id", Int),
        ("document_id", Int),
        ("sha256", Bytes),
        ("place", Int),
        ("kind", Text),
        ("format", Text),
        ("bank_statement_id", Text),
        ("sequence", Text),
        ("from_date", Text),
        ("to_date", Text),
        ("opening_minor", Int),
        ("closing_minor", Int),
        ("entry_count", Int),
        ("new_count", Int),
        ("net_minor", Int),
        ("first_line_id", Int),
        ("last_line_id", Int),
        ("problem_count", Int),
        ("channel", Text),
        ("fetched_by", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["statement_id"],
};

/// `bank_line`
pub static BANK_LINE: Table = Table {
    name: "bank_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("bank_line_id", Int),
        ("statement_id", Int),
        ("bank_account_id", Int),
        ("place", Int),
        ("booked_on", Text),
        ("value_on", Text),
        ("amount_minor", Int),
        ("exact_amount", Text),
        ("fingerprint", Int),
        ("occurrence_no", Int),
        ("bank_reference", Text),
        ("own_reference", Text),
        ("name", Text),
        ("account_index", Int),
        ("code", Text),
        ("remark", Text),
        ("sub_account", Text),
        ("reason", Text),
        ("is_reversal", Int),
        ("mark", Int),
    ],
    order: &["bank_line_id"],
};

/// `line_detail`
pub static LINE_DETAIL: Table = Table {
    name: "line_detail",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("statement_id", Int),
        ("bank_line_id", Int),
        ("bank_reference", Text),
        ("line_key", Text),
        ("amount_minor", Int),
        ("reason", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `provisional_line`
pub static PROVISIONAL_LINE: Table = Table {
    name: "provisional_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("statement_id", Int),
        ("bank_account_id", Int),
        ("booked_on", Text),
        ("amount_minor", Int),
        ("fingerprint", Int),
        ("bank_reference", Text),
        ("name", Text),
        ("remark", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

words! {
    /// How a file came from the bank. One carried by hand proves nothing by itself.
    Channel {
        /// The bank's own interface or client, into which nobody can write.
        BankDirect = "bank_direct",
        /// Downloaded by a person from the bank's site.
        Download = "download",
        /// Sent by the bank by mail.
        Email = "email",
        /// Carried from the counter.
        Counter = "counter",
    }
}

impl Channel {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::BankDirect => "statements.channel_bank_direct",
            Self::Download => "statements.channel_download",
            Self::Email => "statements.channel_email",
            Self::Counter => "statements.channel_counter",
        })
    }
}

/// What a statement may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The bank's books: its lines count.
    Booked,
    /// During the day: its lines must come again.
    Intraday,
    /// Notices: details of lines that stand elsewhere.
    Detail,
}

impl Kind {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "booked",
            Self::Intraday => "intraday",
            Self::Detail => "detail",
        }
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Booked => "statements.kind_booked",
            Self::Intraday => "statements.kind_intraday",
            Self::Detail => "statements.kind_detail",
        })
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Booked, Self::Intraday, Self::Detail].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A statement as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStatement {
    /// Row.
    pub statement_id: i64,
    /// The court's account.
    pub bank_account_id: i64,
    /// What it may be used for.
    pub kind: Kind,
    /// Format or profile that it was read with.
    pub format: String,
    /// The bank's name for it.
    pub bank_statement_id: String,
    /// First and last day covered.
    pub days: (Date, Date),
    /// Opening balance, if said.
    pub opening: Option<Amount>,
    /// Closing balance, if said.
    pub closing: Option<Amount>,
    /// Booked entries in it.
    pub entry_count: i64,
    /// Of which no other statement had shown.
    pub new_count: i64,
    /// Credits less debits.
    pub net: Amount,
    /// Between which ids its new lines lie; (0, 0): none.
    pub line_ids: (i64, i64),
    /// Oddities in the file.
    pub problem_count: i64,
    /// How it came.
    pub channel: String,
    /// Who fetched it.
    pub fetched_by: i64,
    /// Who imported it.
    pub imported_by: i64,
}

impl StoredStatement {
    /// Whether opening and entries come to closing; `None` where a balance is missing.
    #[must_use]
    pub fn ties(&self) -> Option<bool> {
        Some(self.opening?.plus(self.net) == Some(self.closing?))
    }
}

/// The statements of an account by their days, or of all accounts.
///
/// # Errors
/// What the database says.
pub fn statements(tx: &mut Tx<'_>, court_id: i64, bank_account_id: Option<i64>) -> Outcome<Vec<StoredStatement>> {
    Ok(tx.query(
        "SELECT statement_id, bank_account_id, kind, format, bank_statement_id, from_date, to_date, opening_minor, \
         closing_minor, entry_count, new_count, net_minor, first_line_id, last_line_id, problem_count, channel, \
         fetched_by, actor_id FROM statement WHERE court_id = $1 AND book_id = $2 \
         AND bank_account_id >= $3 AND bank_account_id <= $4 \
         ORDER BY bank_account_id, to_date, from_date, statement_id",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            bank_account_id.unwrap_or(0).into(),
            bank_account_id.unwrap_or(i64::MAX).into(),
        ],
        read_statement,
    )?)
}

fn read_statement(row: &Row<'_>) -> Result<StoredStatement> {
    Ok(StoredStatement {
        statement_id: row.int(0)?,
        bank_account_id: row.int(1)?,
        kind: crate::words::read_word(row, 2, Kind::parse)?,
        format: row.text(3)?.to_owned(),
        bank_statement_id: row.text(4)?.to_owned(),
        days: (read_date(row, 5)?, read_date(row, 6)?),
        opening: row.opt_int(7)?.map(Amount::from_minor),
        closing: row.opt_int(8)?.map(Amount::from_minor),
        entry_count: row.int(9)?,
        new_count: row.int(10)?,
        net: Amount::from_minor(row.int(11)?),
        line_ids: (row.int(12)?, row.int(13)?),
        problem_count: row.int(14)?,
        channel: row.text(15)?.to_owned(),
        fetched_by: row.int(16)?,
        imported_by: row.int(17)?,
    })
}

/// A line of the bank's books as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankLine {
    /// Row, and the item of its postings on the bank deposit.
    pub bank_line_id: i64,
    /// The court's account.
    pub bank_account_id: i64,
    /// Day of booking.
    pub booked_on: Date,
    /// Value date.
    pub value_on: Date,
    /// Signed: what it adds.
    pub amount: Amount,
    /// The exact amount where it is finer than a fen: such a line is never posted.
    pub exact_amount: String,
    /// The bank's reference.
    pub bank_reference: String,
    /// Our reference as the bank gives it back.
    pub own_reference: String,
    /// The other party.
    pub name: String,
    /// Keyed hash of its account.
    pub account_index: i64,
    /// What the bank calls the line.
    pub code: String,
    /// 附言.
    pub remark: String,
    /// Sub-account it was booked under.
    pub sub_account: String,
    /// Why it came back.
    pub reason: String,
    /// The bank takes an earlier entry back.
    pub is_reversal: bool,
}

/// Reads a line from the columns of [`BANK_LINE`].
///
/// # Errors
/// A column that is not what it should be.
pub fn read_line(row: &Row<'_>) -> Result<BankLine> {
    Ok(BankLine {
        bank_line_id: row.int(2)?,
        bank_account_id: row.int(4)?,
        booked_on: read_date(row, 6)?,
        value_on: read_date(row, 7)?,
        amount: Amount::from_minor(row.int(8)?),
        exact_amount: row.text(9)?.to_owned(),
        bank_reference: row.text(12)?.to_owned(),
        own_reference: row.text(13)?.to_owned(),
        name: row.text(14)?.to_owned(),
        account_index: row.int(15)?,
        code: row.text(16)?.to_owned(),
        remark: row.text(17)?.to_owned(),
        sub_account: row.text(18)?.to_owned(),
        reason: row.text(19)?.to_owned(),
        is_reversal: row.int(20)? != 0,
    })
}

/// The lines of an account that no match holds, by their ids.
///
/// # Errors
/// What the database or `take` says.
pub fn each_open_line(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
    take: &mut dyn FnMut(BankLine) -> Outcome<()>,
) -> Outcome<()> {
    tx.each(
        "SELECT l.court_id, l.book_id, l.bank_line_id, l.statement_id, l.bank_account_id, l.place, l.booked_on, \
         l.value_on, l.amount_minor, l.exact_amount, l.fingerprint, l.occurrence_no, l.bank_reference, \
         l.own_reference, l.name, l.account_index, l.code, l.remark, l.sub_account, l.reason, l.is_reversal \
         FROM bank_line AS l LEFT JOIN line_match AS m ON m.court_id = l.court_id AND m.book_id = l.book_id \
         AND m.bank_line_id = l.bank_line_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_account_id = $3 AND m.bank_line_id IS NULL \
         ORDER BY l.bank_line_id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()],
        |row| take(read_line(row)?),
    )
}

/// A page of the new lines of a statement behind an id, each with whether a match holds it.
///
/// # Errors
/// `statements.unknown`.
pub fn page_of_lines(
    tx: &mut Tx<'_>,
    court_id: i64,
    statement_id: i64,
    after: i64,
    most: i64,
) -> Outcome<Vec<(BankLine, bool)>> {
    let range = tx.query_opt(
        "SELECT first_line_id, last_line_id FROM statement WHERE court_id = $1 AND book_id = $2 AND statement_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), statement_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    let (first, last) = range.ok_or_else(|| Message::new("statements.unknown").with("statement", statement_id))?;
    Ok(tx.query(
        "SELECT l.court_id, l.book_id, l.bank_line_id, l.statement_id, l.bank_account_id, l.place, l.booked_on, \
         l.value_on, l.amount_minor, l.exact_amount, l.fingerprint, l.occurrence_no, l.bank_reference, \
         l.own_reference, l.name, l.account_index, l.code, l.remark, l.sub_account, l.reason, l.is_reversal, \
         m.group_id FROM bank_line AS l LEFT JOIN line_match AS m ON m.court_id = l.court_id \
         AND m.book_id = l.book_id AND m.bank_line_id = l.bank_line_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_line_id >= $3 AND l.bank_line_id <= $4 \
         ORDER BY l.bank_line_id LIMIT $5",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            first.max(after.saturating_add(1)).into(),
            last.into(),
            most.into(),
        ],
        |row| Ok((read_line(row)?, row.opt_int(21)?.is_some())),
    )?)
}

/// A line by its id.
///
/// # Errors
/// `statements.line_unknown`.
pub fn find_line(tx: &mut Tx<'_>, court_id: i64, bank_line_id: i64) -> Outcome<BankLine> {
    let mut found = None;
    tx.scan(&BANK_LINE, court_id, books::CASE_MONEY, (bank_line_id, bank_line_id), |row| {
        found = Some(read_line(row)?);
        Ok::<(), ankuan_ledger::engine::Error>(())
    })?;
    Ok(found.ok_or_else(|| Message::new("statements.line_unknown").with("line", bank_line_id))?)
}
