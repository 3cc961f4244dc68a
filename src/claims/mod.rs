//! Claimant lists (债权人名单): a file's bytes become typed rows, with every problem named by row, column and code.
//!
//! The file is streamed; nothing of a row is kept but three entries in hash tables, for duplicates. Claim and payment
//! details are checked apart: a bad account never changes the state of the claim, so it never shrinks the denominator
//! of a distribution.
//!
//! What is done with full-width digits (decision): they are a problem, not converted in silence. The problem names the
//! converted value, the claim or account stands as broken until somebody confirms it in the list.

use std::collections::HashSet;
use std::fs::File;
use std::hash::Hasher;
use std::io::{self, Read, Seek};
use std::path::Path;

use ankuan_ledger::Amount;
use ring::digest;
use serde::Serialize;

use crate::message::Message;
use crate::tables::{
    self, OLD_WORKBOOK_MAGIC, RECORD_BYTES_MAX, Record, Records, TextOptions, TextRecords, XLSX_MAGIC,
};

mod amount;
mod check;
pub mod codes;
mod columns;
pub mod details;
pub mod events;
mod first_seen;
mod problem_file;
pub mod record;
pub mod sample;
mod workbook;

pub use problem_file::{ProblemFile, write_problem_file};

use check::Checker;
use columns::Columns;

/// Title lines that may stand above the heading.
pub const TITLE_ROWS_MAX: u64 = 10;

/// Rows of one list. Far more than any case has, and the tables for duplicates stay below 2.4 GB.
pub const ROWS_MAX: u64 = 20_000_000;

/// The length of an account number that banks take, if the caller names none.
pub const ACCOUNT_LENGTH_MAX: usize = 32;

/// What the reader of a list is told beforehand.
#[derive(Clone, Debug)]
pub struct ReadOptions<'a> {
    /// How many claims the sender says there are; another number refuses the list.
    pub expect_rows: Option<u64>,
    /// What the sender says the claims sum to; another sum refuses the list.
    pub expect_sum: Option<Amount>,
    /// The longest account number in characters. Banks differ, so it is a setting; [`ACCOUNT_LENGTH_MAX`] by default.
    pub account_length_max: usize,
    /// The key of all fingerprints. Take a random one if the list may come from somebody who wants collisions.
    pub fingerprint_key: [u8; 16],
    /// Fingerprints of the claimant numbers and document numbers that the case has already, made with the same key.
    pub in_case: Option<&'a HashSet<u64>>,
}

impl Default for ReadOptions<'_> {
    fn default() -> Self {
        Self {
            expect_rows: None,
            expect_sum: None,
            account_length_max: ACCOUNT_LENGTH_MAX,
            fingerprint_key: [0; 16],
            in_case: None,
        }
    }
}

/// What kind of document identifies a claimant. Only the first two have a number that can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    /// 居民身份证, GB 11643.
    IdentityCard,
    /// 统一社会信用代码, GB 32100.
    CreditCode,
    /// 护照
    Passport,
    /// 港澳居民来往内地通行证
    HongKongMacaoPermit,
    /// 台湾居民来往大陆通行证
    TaiwanPermit,
    /// 外国人永久居留身份证
    PermanentResidence,
    /// Another document, or one that the list does not name.
    Other,
}

impl DocumentType {
    /// Every kind of document.
    pub const ALL: [Self; 7] = [
        Self::IdentityCard,
        Self::CreditCode,
        Self::Passport,
        Self::HongKongMacaoPermit,
        Self::TaiwanPermit,
        Self::PermanentResidence,
        Self::Other,
    ];

    /// The kind behind the stable name; `None` for any other word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == code)
    }

    /// The stable name, as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::IdentityCard => "identity_card",
            Self::CreditCode => "credit_code",
            Self::Passport => "passport",
            Self::HongKongMacaoPermit => "hong_kong_macao_permit",
            Self::TaiwanPermit => "taiwan_permit",
            Self::PermanentResidence => "permanent_residence",
            Self::Other => "other",
        }
    }
}

/// How far a claim is established.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// 确认: it takes part and is paid.
    #[default]
    Confirmed,
    /// 争议: it takes part in the ratio, its share is set aside.
    Disputed,
    /// 逾期: filed late; it takes part in the ratio, its share is set aside.
    Late,
}

impl Standing {
    /// The stable name, as it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Disputed => "disputed",
            Self::Late => "late",
        }
    }
}

/// Whether a row's claim can take part in a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Everything that makes the claim is in order.
    Sound(Amount),
    /// Something is wrong.
    Broken {
        /// The code of the first problem.
        code: &'static str,
        /// The amount, if that can be read: what a reserve would have to cover.
        amount: Option<Amount>,
    },
}

/// Whether the claimant can be paid by what the row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentState {
    /// Name and account can be given to a bank.
    Sound,
    /// The share has to be set aside; with the code of the first problem.
    Unsound(&'static str),
}

/// One claim of a list. Its texts are borrowed from the reader and live for one call; all are trimmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRow<'a> {
    /// The row as a person counts it in a spreadsheet: from 1, with titles, heading and blank rows.
    pub row: u64,
    /// 债权编号
    pub claimant_number: &'a str,
    /// 姓名 or 名称
    pub name: &'a str,
    /// 证件类型; judged by the number where the list does not say.
    pub document_type: DocumentType,
    /// 证件号码, with a capital `X`.
    pub document_number: &'a str,
    /// Amount of the claim (债权金额), or why there is none.
    pub claim: ClaimState,
    /// 状态; confirmed where the list does not say.
    pub standing: Standing,
    /// 顺位, from 1; 1 where the list does not say.
    pub class: u32,
    /// 发放金额: what the list itself says is to be paid.
    pub fixed_amount: Option<Amount>,
    /// 收款人; the claimant's name where the list names no other.
    pub payee_name: &'a str,
    /// 收款账号, without spaces; empty where the list has none.
    pub account: &'a str,
    /// 开户行; empty where the list has none.
    pub bank_name: &'a str,
    /// 联行号; empty where the list has none.
    pub bank_code: &'a str,
    /// 手机号; empty where the list has none.
    pub telephone: &'a str,
    /// Whether the claimant can be paid by these details. Never changes `claim`.
    pub payment: PaymentState,
    /// The first row of the same person (same document and name), with which this claim is to be added up.
    pub same_person_as: Option<u64>,
}

/// What a problem stands in the way of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The list cannot be used at all.
    File,
    /// The claim is broken: it blocks the distribution or gets a reserve.
    Claim,
    /// The claim stands, its share is set aside.
    Payment,
    /// To be looked at; nothing is stopped.
    Warning,
}

impl Severity {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Claim => "claim",
            Self::Payment => "payment",
            Self::Warning => "warning",
        }
    }
}

/// One thing that is wrong with a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The row as in [`ClaimRow::row`]; 0 for the file as a whole.
    pub row: u64,
    /// The heading as the list writes it; `None` for the row as a whole.
    pub column: Option<String>,
    /// What it stands in the way of.
    pub severity: Severity,
    /// What is wrong and what to do.
    pub message: Message,
}

impl Problem {
    fn file(row: u64, message: Message) -> Self {
        Self { row, column: None, severity: Severity::File, message }
    }

    fn warning(row: u64, message: Message) -> Self {
        Self { row, column: None, severity: Severity::Warning, message }
    }
}

/// Why a list was not read to its end, or not accepted at it.
#[derive(Debug, thiserror::Error)]
pub enum ListFailure<E> {
    /// The list cannot be used. The problem was given to `on_problem` too.
    #[error("the list is refused: {}", .0.message.code)]
    Refused(Box<Problem>),
    /// The file could not be read.
    #[error("the list cannot be read")]
    Io(#[from] io::Error),
    /// `on_row` stopped the reading.
    #[error("the reading was stopped")]
    Stopped(E),
}

/// Characters of a text list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark; plain ASCII too.
    Utf8,
    /// GB18030, and with it GBK and GB2312.
    Gb18030,
}

impl Encoding {
    /// The name as the standards write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030",
        }
    }
}

/// What kind of file a list was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ListFormat {
    /// CSV or TXT.
    Text {
        /// How its characters are written.
        encoding: Encoding,
        /// What parts its cells: comma, tab or semicolon.
        separator: char,
    },
    /// XLSX.
    Workbook {
        /// The sheet that was read.
        sheet: String,
    },
}

/// What a list came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSummary {
    /// Claims, sound or broken: rows that are not blank, below the heading, without a total row.
    pub rows: u64,
    /// Rows whose claim is sound.
    pub sound_claims: u64,
    /// Rows whose claim is broken.
    pub broken_claims: u64,
    /// Rows whose payment details cannot be used, whatever their claim.
    pub unsound_payments: u64,
    /// Rows that are to be added up with an earlier one.
    pub same_person_rows: u64,
    /// Warnings given.
    pub warnings: u64,
    /// All amounts that could be read, of broken claims too: what `expect_sum` is compared with.
    pub sum: Amount,
    /// The amounts of the sound claims.
    pub sound_sum: Amount,
    /// The row of the heading.
    pub heading_row: u64,
    /// What kind of file it was.
    pub format: ListFormat,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file's bytes.
    pub sha256: [u8; 32],
}

/// What a fingerprint is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FingerprintOf {
    /// 债权编号
    ClaimantNumber,
    /// 证件号码, in any of its spellings: old and new form of an identity number give the same.
    DocumentNumber,
}

/// A 64-bit fingerprint by which a number is known again, keyed.
///
/// Two of a million different numbers share one with a probability of about 1 in 30,000,000. It is the same only within
/// one build of the program: compare it, never store it.
#[must_use]
pub fn fingerprint(key: &[u8; 16], of: FingerprintOf, number: &str) -> u64 {
    match of {
        FingerprintOf::ClaimantNumber => keyed_hash(key, 1, number),
        FingerprintOf::DocumentNumber => match crate::identifiers::identity_number_of_18(number) {
            Some(new) => keyed_hash(key, 2, &new),
            None if number.bytes().any(|byte| byte.is_ascii_lowercase()) => {
                keyed_hash(key, 2, &number.to_ascii_uppercase())
            }
            None => keyed_hash(key, 2, number),
        },
    }
}

fn keyed_hash(key: &[u8; 16], domain: u8, text: &str) -> u64 {
    // SipHash with the key in front: who does not know the key cannot aim at a collision.
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(key);
    hasher.write_u8(domain);
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Reads a claimant list: CSV or TXT in UTF-8 or GB18030, or XLSX; which of them is seen from the bytes.
///
/// `on_problem` gets every problem as it is found, `on_row` every claim, broken ones too. The sums and counts of the
/// whole file are known only at the end: whoever stores rows must do it so that nothing remains if this fails.
///
/// # Errors
/// [`ListFailure::Refused`] if the list as a whole cannot be used, [`ListFailure::Io`] if the file cannot be read,
/// [`ListFailure::Stopped`] with what `on_row` failed with.
pub fn read_list<E>(
    path: &Path,
    options: &ReadOptions<'_>,
    on_problem: &mut dyn FnMut(Problem),
    on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
) -> Result<ListSummary, ListFailure<E>> {
    read_list_from(File::open(path)?, options, on_problem, on_row)
}

/// Reads a claimant list from what holds its bytes; see [`read_list`].
///
/// # Errors
/// As [`read_list`].
pub fn read_list_from<E>(
    mut source: impl Read + Seek,
    options: &ReadOptions<'_>,
    on_problem: &mut dyn FnMut(Problem),
    on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
) -> Result<ListSummary, ListFailure<E>> {
    let mut warnings = 0;
    let mut counting = |problem: Problem| {
        warnings += u64::from(problem.severity == Severity::Warning);
        on_problem(problem);
    };
    let outcome = read_any(&mut source, options, &mut counting, on_row);
    match outcome {
        Ok(summary) => Ok(ListSummary { warnings, ..summary }),
        Err(ListFailure::Refused(problem)) => {
            on_problem((*problem).clone());
            Err(ListFailure::Refused(problem))
        }
        Err(failure) => Err(failure),
    }
}

fn read_any<E>(
    source: &mut (impl Read + Seek),
    options: &ReadOptions<'_>,
    on_problem: &mut dyn FnMut(Problem),
    on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
) -> Result<ListSummary, ListFailure<E>> {
    let mut magic = Vec::with_capacity(4);
    source.by_ref().take(4).read_to_end(&mut magic)?;
    source.rewind()?;
    match magic.as_slice() {
        [] => Err(Problem::file(0, Message::new(codes::EMPTY_FILE)).into()),
        XLSX_MAGIC => workbook::read(source, options, on_problem, on_row),
        OLD_WORKBOOK_MAGIC => Err(Problem::file(0, Message::new(codes::OLD_WORKBOOK)).into()),
        _ => {
            let told = TextOptions { separator: None, encoding: None, quote: true, heading_rows: TITLE_ROWS_MAX + 1 };
            let known = |record: &Record| Columns::count_known(record.cells());
            let mut records = TextRecords::open(Hashed::new(source), told, &known).map_err(Fault::from)?;
            let checked = read_records(&mut records, options, on_problem, on_row)?;
            let (encoding, separator) = records.format();
            let encoding = match encoding {
                tables::Encoding::Utf8 => Encoding::Utf8,
                tables::Encoding::Gb18030 => Encoding::Gb18030,
            };
            let (bytes, sha256) = records.into_source().finish();
            Ok(checked.summary(ListFormat::Text { encoding, separator }, bytes, sha256))
        }
    }
}

/// What was read, counted and digested on its way.
struct Hashed<R> {
    source: R,
    digest: digest::Context,
    bytes: u64,
}

impl<R: Read> Hashed<R> {
    fn new(source: R) -> Self {
        Self { source, digest: digest::Context::new(&digest::SHA256), bytes: 0 }
    }

    /// Length in bytes and SHA-256.
    fn finish(self) -> (u64, [u8; 32]) {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        (self.bytes, sha256)
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, piece: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(piece)?;
        self.digest.update(&piece[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Why no row could be read.
#[derive(Debug)]
enum Fault {
    Refused(Box<Problem>),
    Io(io::Error),
}

/// What the room of tables says, in the words of claimant lists.
impl From<tables::Fault> for Fault {
    fn from(fault: tables::Fault) -> Self {
        use tables::Fault as F;
        let of_row = |row: u64, code| Problem::file(row, Message::new(code).with("row", row));
        Self::from(match fault {
            F::Io(error) => return Self::Io(error),
            F::Empty => Problem::file(0, Message::new(codes::EMPTY_FILE)),
            F::Utf16 => Problem::file(0, Message::new(codes::UTF_16)),
            F::NulByte { row } => of_row(row, codes::NUL_BYTE),
            F::UnclosedQuote { row } => of_row(row, codes::UNCLOSED_QUOTE),
            F::TooLong { row } => {
                let mut problem = of_row(row, codes::RECORD_TOO_LONG);
                problem.message = problem.message.with("limit", RECORD_BYTES_MAX);
                problem
            }
            F::Encoding { row, encoding } => {
                let mut problem = of_row(row, codes::ENCODING);
                problem.message = problem.message.with("encoding", encoding.as_str());
                problem
            }
            F::TooLarge { limit } => Problem::file(0, Message::new(codes::WORKBOOK_TOO_LARGE).with("limit", limit)),
            F::Unreadable { reason } => {
                Problem::file(0, Message::new(codes::WORKBOOK_UNREADABLE).with("reason", reason))
            }
        })
    }
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl<E> From<Problem> for ListFailure<E> {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

impl<E> From<Fault> for ListFailure<E> {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(problem) => Self::Refused(problem),
            Fault::Io(error) => Self::Io(error),
        }
    }
}

/// Finds the heading, checks every row below it, then what the file should come to.
fn read_records<'o, E>(
    records: &mut dyn Records,
    options: &'o ReadOptions<'o>,
    on_problem: &mut dyn FnMut(Problem),
    on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
) -> Result<Checker<'o>, ListFailure<E>> {
    let mut record = Record::default();
    let (heading_row, columns) = loop {
        let row = records.next(&mut record).map_err(Fault::from)?.filter(|row| *row <= TITLE_ROWS_MAX + 1);
        let Some(row) = row else {
            let message = Message::new(codes::NO_HEADING)
                .with("lines", TITLE_ROWS_MAX + 1)
                .with("required", columns::required_headings());
            return Err(Problem::file(0, message).into());
        };
        if Columns::count_known(record.cells()) >= 2 {
            break (row, Columns::from_heading(record.cells(), row, on_problem)?);
        }
    };
    let mut checker = Checker::new(columns, heading_row, options, on_problem);
    while let Some(row) = records.next(&mut record).map_err(Fault::from)? {
        if !record.is_blank() {
            checker.check(&record, row, on_problem, on_row)?;
        }
    }
    checker.finish(on_problem)?;
    Ok(checker)
}

#[cfg(test)]
mod tests;
