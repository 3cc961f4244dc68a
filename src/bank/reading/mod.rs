//! What banks send, from bytes to types: statements (`statement::Piece`) and answers to payment files
//! (`reply::Piece`). Streamed: memory does not grow with the file. Nothing here knows a database.
//!
//! Read leniently, and say what was odd: a declared sum that differs, balances that do not tie. Refuse what cannot be
//! trusted: no body, an amount that is no number, entities, a line without end, a zip bomb.

use std::io::{Read, Seek};

use ankuan_reconciliation::{reply, statement};

use crate::{Message, Outcome};

#[allow(dead_code, reason = "called as soon as the formats are told apart in `read`")]
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
    /// `camt.053.001.08`, `mt940`, `pain.002.001.03`, or the name of the profile that read it.
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
    /// A payment file of ours or somebody's; only its control totals were checked.
    Payments,
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

/// Reads any file of a bank: tells the format from the first bytes, then hands the pieces to the sink.
///
/// `profile`: the text of a statement or reply profile for CSV, TXT, XLS and XLSX; without one the shipped profiles are
/// tried. `file_name` is for messages only.
///
/// # Errors
/// `reading.*` refusals with line and remedy; what the sink says.
pub fn read(file_name: &str, source: &mut dyn Source, profile: Option<&str>, sink: &mut dyn Sink) -> Outcome<FileKind> {
    let _ = (source, profile, sink);
    Err(Message::new("reading.unknown_format").with("file", file_name).into())
}
