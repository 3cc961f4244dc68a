//! The bytes of a table file (CSV, TXT, XLSX, XLS) become rows of cells: bounded, and refused with the row where they
//! cannot be read. What the columns mean is the affair of who asks. Pure.

use std::io;

mod number;
mod old_workbook;
mod text;
mod workbook;

pub(crate) use number::{decimal, decimal_of_15_digits, half_width};
pub(crate) use old_workbook::OldWorkbook;
pub(crate) use text::{RECORD_BYTES_MAX, TextOptions, TextRecords};
pub(crate) use workbook::{SheetRecords, Workbook};

/// Columns of a table that are looked at; a table with more is not a list but a whole database.
pub(crate) const COLUMNS_MAX: usize = 64;

/// How XLSX files begin: as a ZIP archive.
pub(crate) const XLSX_MAGIC: &[u8] = b"PK\x03\x04";
/// Compound file: `.xls`, and any workbook with a password.
pub(crate) const OLD_WORKBOOK_MAGIC: &[u8] = b"\xd0\xcf\x11\xe0";

/// Characters of a text table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// UTF-8, with or without a byte order mark; plain ASCII too.
    Utf8,
    /// GB18030, and with it GBK and GB2312.
    Gb18030,
}

impl Encoding {
    /// The name as the standards write it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gb18030 => "GB18030",
        }
    }
}

/// One row's cells, whatever file they come from.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// Bytes of the cells, one behind the other, before they are decoded.
    raw: Vec<u8>,
    /// The cells, one behind the other.
    text: String,
    /// Where each cell ends in `raw` or, once decoded, in `text`.
    ends: Vec<usize>,
    /// Cells that a spreadsheet stores as a number: one bit each, for the first 64.
    numbers: u64,
    /// Cells that are empty at the end of a row are left out, so a short row is not a slipped one.
    pub(crate) sparse: bool,
    /// Text follows a closing quotation mark.
    pub(crate) misplaced_quote: bool,
    /// The file ends with this row and without a line end: it may be cut within it.
    pub(crate) unended: bool,
}

impl Record {
    fn clear(&mut self) {
        // The buffer of the text becomes the buffer of the bytes: decoding UTF-8 then copies nothing.
        if self.text.capacity() > self.raw.capacity() {
            self.raw = std::mem::take(&mut self.text).into_bytes();
        }
        self.raw.clear();
        self.text.clear();
        self.ends.clear();
        self.numbers = 0;
        self.misplaced_quote = false;
        self.unended = false;
    }

    /// How many cells the row has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// A cell, trimmed; empty if the row has no such cell.
    pub(crate) fn cell(&self, place: usize) -> &str {
        let Some(end) = self.ends.get(place) else { return "" };
        let start = if place == 0 { 0 } else { self.ends[place - 1] };
        self.text.get(start..*end).map_or("", trimmed)
    }

    /// All cells, trimmed.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.cell(place))
    }

    /// Whether nothing stands in it.
    pub(crate) fn is_blank(&self) -> bool {
        self.text.is_empty() || self.cells().all(str::is_empty)
    }

    /// Whether a spreadsheet stores the cell as a number.
    pub(crate) fn is_number(&self, place: usize) -> bool {
        place < 64 && self.numbers >> place & 1 == 1
    }
}

/// Without spaces of any kind around it, a tab that was put there to keep a number as text, or a byte order mark.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [] => text,
        // The usual case, decided on two bytes.
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\u{feff}'),
    }
}

/// Rows from a file, in order.
pub(crate) trait Records {
    /// Reads the next row into `record` and says which it is, from 1; `None` at the end.
    fn next(&mut self, record: &mut Record) -> Result<Option<u64>, Fault>;
}

/// Why no row could be read.
#[derive(Debug)]
pub(crate) enum Fault {
    /// There is nothing in the file.
    Empty,
    /// UTF-16, which no separator can be looked for in byte by byte.
    Utf16,
    /// The row is not valid in the encoding.
    Encoding { row: u64, encoding: Encoding },
    /// A quotation mark was opened and never closed.
    UnclosedQuote { row: u64 },
    /// Longer than [`RECORD_BYTES_MAX`].
    TooLong { row: u64 },
    /// A zero byte: not a text at all.
    NulByte { row: u64 },
    /// Unpacks to more than is allowed, or announces it.
    TooLarge { limit: String },
    /// Damaged, or not what its first bytes say.
    Unreadable { reason: String },
    /// The file could not be read.
    Io(io::Error),
}

impl Fault {
    fn unreadable(reason: impl std::fmt::Display) -> Self {
        Self::Unreadable { reason: reason.to_string() }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
