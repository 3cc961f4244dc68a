//! One payment file, from its header to its digest.

use super::profile::{AmountUnit, DateFormat, Kind, Layout, Profile, Table, TextLayout};
use super::sheet::SheetWriter;
use super::text::{Flaw, check_text};
use super::{BankFileError, FileHeader, PaymentLine, pain001};
use crate::message::Message;
use ankuan_ledger::Amount;
use ring::digest::{Context, SHA256};
use std::io::Write;

/// The longest line key: EndToEndId of ISO 20022, and what the bank's answer repeats.
pub const MAX_LINE_KEY: usize = 35;
/// Bytes that wait before they are handed to the given writer.
const BUFFER_BYTES: usize = 64 * 1024;
/// The longest file name, in bytes, that common file systems and bank clients take.
const MAX_FILE_NAME: usize = 200;

/// What came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 over the file's bytes.
    pub sha256: [u8; 32],
    /// Lines written.
    pub lines: u64,
    /// What they come to, in fen.
    pub sum: Amount,
}

/// The file's name under its profile.
///
/// # Errors
/// `bank.header_value` when a value in the name is no part of a file name: path separators, control characters, signs
/// that Windows refuses, a leading dot, more than 200 bytes.
pub fn file_name(profile: &Profile, header: &FileHeader<'_>) -> Result<String, Message> {
    let name = profile.file_name.fill_with(header, AmountUnit::Fen, DateFormat::Compact);
    let refuse = |flaw: Flaw| flaw.in_header("file_name");
    check_text(&name).map_err(refuse)?;
    if let Some(character) = name.chars().find(|character| r#"/\:*?"<>|"#.contains(*character)) {
        return Err(refuse(Flaw::Separator(character)));
    }
    if name.starts_with('.') {
        return Err(refuse(Flaw::Separator('.')));
    }
    if name.len() > MAX_FILE_NAME {
        return Err(refuse(Flaw::TooLong { length: name.len(), max: MAX_FILE_NAME }));
    }
    Ok(name)
}

/// Writes one file: [`begin`](Self::begin), [`push`](Self::push) for each line, [`finish`](Self::finish).
///
/// Nothing is buffered but a few kilobytes, except for XLSX. After an error the output is incomplete and must be
/// thrown away.
pub struct FileWriter<'a> {
    profile: &'a Profile,
    header: FileHeader<'a>,
    body: Body<'a>,
    out: &'a mut dyn Write,
    pending: Vec<u8>,
    digest: Context,
    bytes: u64,
    lines: u64,
    sum: Amount,
    last_line: Option<u64>,
    /// Holds numbers while they are written; kept, so that a line allocates nothing.
    scratch: String,
}

enum Body<'a> {
    Text(&'a TextLayout),
    Sheet(&'a Table, Box<SheetWriter>),
    Pain001,
}

impl<'a> FileWriter<'a> {
    /// Opens the file and writes what stands before the lines.
    ///
    /// # Errors
    /// Refusals: `bank.file.empty` (no lines), `bank.file.limit` (more lines or money than the profile allows in a
    /// file), `bank.header_value` (a value of the header does not fit), `bank.pain001.amount`. I/O errors.
    pub fn begin(profile: &'a Profile, header: FileHeader<'a>, out: &'a mut dyn Write) -> Result<Self, BankFileError> {
        if header.lines == 0 {
            return Err(Message::new("bank.file.empty").with("file", header.file_number).into());
        }
        let limits = &profile.limits;
        if header.lines > limits.lines_per_file || limits.amount_per_file.is_some_and(|limit| header.sum > limit) {
            return Err(Message::new("bank.file.limit")
                .with("file", header.file_number)
                .with("lines", header.lines)
                .with("sum", header.sum)
                .with("profile", &profile.name)
                .into());
        }
        let mut pending = Vec::with_capacity(BUFFER_BYTES * 2);
        let body = match &profile.layout {
            Layout::Text(layout) => {
                layout.push_opening(&header, &mut pending)?;
                Body::Text(layout)
            }
            Layout::Sheet { name, table } => Body::Sheet(table, Box::new(SheetWriter::begin(name, table, &header)?)),
            Layout::Pain001 => {
                pain001::push_opening(&header, &mut pending)?;
                Body::Pain001
            }
        };
        Ok(Self {
            profile,
            header,
            body,
            out,
            pending,
            digest: Context::new(&SHA256),
            bytes: 0,
            lines: 0,
            sum: Amount::ZERO,
            last_line: None,
            scratch: String::new(),
        })
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Refusals, in this order: `bank.line.order` (line numbers must rise), `bank.line.group` (belongs into another
    /// file), `bank.line.amount` (zero, negative, or above the limit per line; not for verification files, which carry
    /// no amounts), `bank.value.*` (a value does not fit; names line and field), `bank.pain001.amount`. I/O errors.
    pub fn push(&mut self, line: &PaymentLine<'_>) -> Result<(), BankFileError> {
        let number = line.line_number;
        if self.last_line.is_some_and(|last| number <= last) {
            return Err(Message::new("bank.line.order").with("line", number).into());
        }
        if self.profile.group(line.same_bank, line.payee_kind) != self.header.group {
            return Err(Message::new("bank.line.group")
                .with("line", number)
                .with("group", self.header.group.name())
                .into());
        }
        let above = |limit| line.amount > limit;
        if self.profile.kind == Kind::Payment
            && (line.amount <= Amount::ZERO || self.profile.limits.amount_per_line.is_some_and(above))
        {
            return Err(Message::new("bank.line.amount").with("line", number).with("amount", line.amount).into());
        }
        check_identity(line)?;

        let serial = self.lines + 1;
        match &mut self.body {
            Body::Sheet(table, sheet) => sheet.push_line(table, &self.header, line, serial, &mut self.scratch)?,
            Body::Text(layout) => {
                layout.push_line(&self.header, line, serial, &mut self.scratch, &mut self.pending)?;
            }
            Body::Pain001 => pain001::push_line(line, &mut self.scratch, &mut self.pending)?,
        }
        self.lines = serial;
        self.last_line = Some(number);
        self.sum = self.sum.plus(line.amount).ok_or_else(|| self.wrong_totals())?;
        if self.pending.len() >= BUFFER_BYTES {
            self.hand_over()?;
        }
        Ok(())
    }

    /// Writes what stands after the lines, and says what the file is.
    ///
    /// # Errors
    /// `bank.file.totals` when lines or sum are not those of the header; `bank.header_value` for the trailer; I/O errors.
    pub fn finish(mut self) -> Result<Rendered, BankFileError> {
        if self.lines != self.header.lines || self.sum != self.header.sum {
            return Err(self.wrong_totals().into());
        }
        match std::mem::replace(&mut self.body, Body::Pain001) {
            Body::Sheet(table, sheet) => self.pending = sheet.finish(table, &self.header)?,
            Body::Text(layout) => layout.push_summary("trailer", &self.header, &mut self.pending)?,
            Body::Pain001 => pain001::push_closing(&mut self.pending)?,
        }
        self.hand_over()?;
        self.out.flush()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Ok(Rendered { bytes: self.bytes, sha256, lines: self.lines, sum: self.sum })
    }

    fn hand_over(&mut self) -> std::io::Result<()> {
        self.digest.update(&self.pending);
        self.out.write_all(&self.pending)?;
        self.bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn wrong_totals(&self) -> Message {
        Message::new("bank.file.totals")
            .with("file", self.header.file_number)
            .with("lines", self.lines)
            .with("expected_lines", self.header.lines)
            .with("sum", self.sum)
            .with("expected_sum", self.header.sum)
    }
}

/// Without these no bank can pay or answer, whatever the profile leaves out.
fn check_identity(line: &PaymentLine<'_>) -> Result<(), Message> {
    for (field, text) in
        [("line_key", line.line_key), ("payee_name", line.payee_name), ("payee_account", line.payee_account)]
    {
        if text.is_empty() {
            return Err(Flaw::Missing.in_line(line.line_number, field));
        }
    }
    let length = line.line_key.chars().count();
    if length > MAX_LINE_KEY {
        return Err(Flaw::TooLong { length, max: MAX_LINE_KEY }.in_line(line.line_number, "line_key"));
    }
    Ok(())
}
