//! What banks send, from bytes to types: statements (`statement::Piece`) and answers to payment files
//! (`reply::Piece`). Streamed: memory does not grow with the file. Nothing here knows a database.
//!
//! Read leniently, and say what was odd: a declared sum that differs, balances that do not tie. Refuse what cannot be
//! trusted: no body, an amount that is no number, entities, a line without end, a zip bomb.

mod iso;
mod mt;

#[cfg(test)]
mod tests;

use std::io::{Read, Seek, SeekFrom};

use ankuan_reconciliation::exact::exact_sum;
use ankuan_reconciliation::{reply, statement};
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::{Failure, Message, Outcome};

mod tables;

/// Something odd in a file that is read all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: line of a text, row of a sheet, number of the entry in an XML file; 0 for the file as a whole.
    pub line: u64,
    /// What, and what to do.
    pub message: Message,
}

/// What a file turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// `camt.053.001.08`, `mt940`, `pain.002.001.03`, or the name of the profile that read it. Of an XML file without a
    /// namespace the message alone: `camt.053`.
    pub name: String,
    /// What is told of it.
    pub content: Content,
}

/// What a file tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Statements of accounts.
    Statement,
    /// An answer to a payment file.
    Reply,
    /// A payment file of ours or somebody's: its control totals were checked, nothing went to the sink.
    Payments {
        /// Number of payments.
        count: u64,
        /// What they come to, whatever their currencies.
        sum: Decimal,
    },
}

/// Where the pieces of a file go.
pub trait Sink {
    /// A piece of a statement.
    ///
    /// # Errors
    /// What the taker says; reading stops.
    fn statement(&mut self, piece: statement::Piece<'_>) -> Outcome<()>;

    /// A piece of an answer.
    ///
    /// # Errors
    /// As above.
    fn reply(&mut self, piece: reply::Piece<'_>) -> Outcome<()>;

    /// Something odd.
    fn problem(&mut self, problem: Problem);
}

/// A file that can be read twice.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// Looked at to tell the format: holds what banks print above the first tag.
const SNIFFED_BYTES: u64 = 4 * 1024;

/// Reads any file of a bank: tells the format from the first bytes, then hands the pieces to the sink.
///
/// `profile`: the text of a statement or reply profile for CSV, TXT, XLS and XLSX; without one the shipped profiles are
/// tried. `file_name` is for messages only.
///
/// # Errors
/// `reading.*` refusals with line and remedy; what the sink says.
pub fn read(file_name: &str, source: &mut dyn Source, profile: Option<&str>, sink: &mut dyn Sink) -> Outcome<FileKind> {
    let mut beginning = Vec::new();
    source.rewind()?;
    (&mut *source).take(SNIFFED_BYTES).read_to_end(&mut beginning)?;
    source.seek(SeekFrom::Start(0))?;
    if iso::is_xml(&beginning) {
        return iso::read(&beginning, source, sink);
    }
    if mt::is_mt(&beginning) {
        return mt::read(file_name, source, sink);
    }
    tables::read(file_name, source, profile, sink)
}

/// The text of a profile for tables that comes with the program.
#[must_use]
pub fn shipped_profile(name: &str) -> Option<&'static str> {
    tables::shipped(name)
}

/// Ends a statement: reports what does not tie or differs from what the file declares, then hands on the foot. `place`
/// is where the statement ends.
fn end_statement(sink: &mut dyn Sink, tally: &statement::Tally, foot: &statement::Foot, place: u64) -> Outcome<()> {
    if let (Some(false), Some(opening), Some(closing)) = (tally.ties(foot), &foot.opening, &foot.closing) {
        let message = Message::new("reading.does_not_tie")
            .with("opening", opening.amount)
            .with("net", tally.booked_net)
            .with("closing", closing.amount);
        sink.problem(Problem { line: place, message });
    }
    let declared = &foot.declared;
    let sum = exact_sum(tally.credit_sum, tally.debit_sum)
        .ok_or_else(|| Message::new("reading.sum_too_large").with("line", place))?;
    let counts = [
        ("reading.declared_entries", declared.entries, tally.entries),
        ("reading.declared_credits", declared.credits, tally.credits),
        ("reading.declared_debits", declared.debits, tally.debits),
    ];
    let sums = [
        ("reading.declared_sum", declared.sum, sum),
        ("reading.declared_credit_sum", declared.credit_sum, tally.credit_sum),
        ("reading.declared_debit_sum", declared.debit_sum, tally.debit_sum),
    ];
    let counts = counts.map(|(code, said, found)| (code, said.map(Decimal::from), Decimal::from(found)));
    for (code, said, found) in counts.into_iter().chain(sums) {
        if let Some(said) = said
            && said != found
        {
            sink.problem(Problem { line: place, message: Message::new(code).with("said", said).with("found", found) });
        }
    }
    sink.statement(statement::Piece::End(foot))
}

/// Says in which line, where a refusal of this folder does not say it yet.
fn at_line(failure: Failure, line: u64) -> Failure {
    match failure {
        Failure::Refused(message)
            if message.code.starts_with("reading.") && !message.arguments.iter().any(|(name, _)| *name == "line") =>
        {
            message.with("line", line).into()
        }
        other => other,
    }
}

/// An amount as digits with at most one point, not negative: `8.850`, `5.`, `.50`. Exact, up to 28 digits.
///
/// # Errors
/// The code of the refusal.
fn amount(text: &str) -> Result<Decimal, &'static str> {
    const DIGITS_MAX: u32 = 28;
    let (mut mantissa, mut digits, mut decimals, mut point) = (0_i128, 0, 0, false);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if digits < DIGITS_MAX => {
                mantissa = mantissa * 10 + i128::from(byte - b'0');
                // Leading zeros take no room: MT files pad to fifteen digits.
                digits += u32::from(mantissa != 0 || point);
                decimals += u32::from(point);
            }
            b'0'..=b'9' => return Err("reading.amount_too_long"),
            b'.' if !point => point = true,
            b'-' => return Err("reading.amount_negative"),
            _ => return Err("reading.amount"),
        }
    }
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err("reading.amount");
    }
    Decimal::try_from_i128_with_scale(mantissa, decimals).map_err(|_| "reading.amount_too_long")
}

/// The day of `2014-12-31`, whatever time stands behind it, well-formed or not.
fn date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| {
        let mut number = 0_i16;
        for byte in bytes.get(from..to)? {
            number = number * 10 + i16::from(byte.is_ascii_digit().then(|| byte - b'0')?);
        }
        Some(number)
    };
    if bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
        return None;
    }
    Date::new(number(0, 4)?, i8::try_from(number(5, 7)?).ok()?, i8::try_from(number(8, 10)?).ok()?).ok()
}

/// Adds a part to a text, a space between. The limit keeps one field of a hostile file from taking all memory.
///
/// # Errors
/// `reading.field_too_long`, without the line.
fn push(field: &mut String, part: &str) -> Result<(), Message> {
    /// Remittance information has 140 characters a piece, and a few pieces.
    const FIELD_BYTES_MAX: usize = 64 * 1024;
    if part.is_empty() {
        return Ok(());
    }
    if field.len() + part.len() >= FIELD_BYTES_MAX {
        return Err(Message::new("reading.field_too_long").with("max", FIELD_BYTES_MAX));
    }
    if !field.is_empty() {
        field.push(' ');
    }
    field.push_str(part);
    Ok(())
}
