//! Rows of CSV and TXT tables: bytes are split before they are decoded, which is safe because in neither encoding a
//! separator, quotation mark or line end can be part of another character (GB18030 uses bytes from 0x30 up there).

use std::io::Read;

use encoding_rs::GB18030;

use super::{Encoding, Fault, Record, Records};

/// The longest row in bytes. Real ones have some 200; a longer one means a missing line end or quotation mark.
pub(crate) const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Read at a time: holds all title rows at their longest, so that the separator can be told from the first piece.
const CHUNK_BYTES: usize = 1024 * 1024;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Four letters from U+0800 up in a row read as valid UTF-8 do not happen by chance in Chinese text in GB18030.
const LETTERS_THAT_PROVE_UTF_8: usize = 4;

/// What is known of a text table before it is read; what is not is told from the bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextOptions {
    /// Told by `known` where it is not said.
    pub separator: Option<u8>,
    /// A byte order mark overrules it.
    pub encoding: Option<Encoding>,
    /// Whether a quotation mark at the beginning of a cell opens a quoted cell.
    pub quote: bool,
    /// Rows among which the heading is looked for, to tell the separator.
    pub heading_rows: u64,
}

/// Rows of a text table.
pub(crate) struct TextRecords<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the next row begins in `buffer`.
    start: usize,
    at_end: bool,
    row: u64,
    separator: u8,
    /// `None` as long as everything was ASCII.
    encoding: Option<Encoding>,
    quote: bool,
}

impl<R: Read> TextRecords<R> {
    /// Reads the first piece and tells encoding and separator from it: the separator by which `known` counts most
    /// known headings in a row.
    pub(crate) fn open(source: R, options: TextOptions, known: &dyn Fn(&Record) -> usize) -> Result<Self, Fault> {
        let mut records = Self {
            source,
            buffer: Vec::with_capacity(CHUNK_BYTES + RECORD_BYTES_MAX),
            start: 0,
            at_end: false,
            row: 0,
            separator: b',',
            encoding: options.encoding,
            quote: options.quote,
        };
        records.fill()?;
        if records.buffer.starts_with(b"\xff\xfe") || records.buffer.starts_with(b"\xfe\xff") {
            return Err(Fault::Utf16);
        }
        if records.buffer.starts_with(BYTE_ORDER_MARK) {
            records.start = BYTE_ORDER_MARK.len();
            records.encoding = Some(Encoding::Utf8);
        } else if records.encoding.is_none() {
            records.encoding = detect_encoding(&records.buffer);
        }
        if records.start == records.buffer.len() {
            return Err(Fault::Empty);
        }
        records.separator = options.separator.unwrap_or_else(|| records.detect_separator(options.heading_rows, known));
        Ok(records)
    }

    /// How the characters are written and what parts the cells.
    pub(crate) fn format(&self) -> (Encoding, char) {
        (self.encoding.unwrap_or(Encoding::Utf8), self.separator.into())
    }

    /// What the bytes come from. At its end only once the last row was read.
    pub(crate) fn into_source(self) -> R {
        self.source
    }

    /// The separator by which most headings are known among the first rows.
    fn detect_separator(&self, heading_rows: u64, known: &dyn Fn(&Record) -> usize) -> u8 {
        let known_headings = |separator: &u8| {
            let mut record = Record::default();
            let mut start = self.start;
            let mut most = 0;
            for _ in 0..heading_rows {
                record.clear();
                let Split::Row(used) = split(&self.buffer[start..], *separator, self.quote, self.at_end, &mut record)
                else {
                    break;
                };
                start += used;
                if decode(&mut record, self.encoding.unwrap_or(Encoding::Utf8)) {
                    most = most.max(known(&record));
                }
                if start == self.buffer.len() {
                    break;
                }
            }
            most
        };
        // Of equals the last wins, so the comma stands last.
        [b';', b'\t', b','].into_iter().max_by_key(known_headings).unwrap_or(b',')
    }

    /// Drops the rows that were read and reads the next piece behind the rest.
    fn fill(&mut self) -> Result<(), Fault> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let read = self.source.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut self.buffer)?;
        self.at_end = read < CHUNK_BYTES;
        Ok(())
    }
}

impl<R: Read> Records for TextRecords<R> {
    fn next(&mut self, record: &mut Record) -> Result<Option<u64>, Fault> {
        if self.start == self.buffer.len() && !self.at_end {
            self.fill()?;
        }
        if self.start == self.buffer.len() {
            return Ok(None);
        }
        self.row += 1;
        let used = loop {
            record.clear();
            let ahead = self.buffer.len() - self.start;
            let too_long = match split(&self.buffer[self.start..], self.separator, self.quote, self.at_end, record) {
                Split::Row(used) if used <= RECORD_BYTES_MAX => break used,
                Split::Row(_) => true,
                Split::Unfinished { in_quotes: true } if self.at_end || ahead > RECORD_BYTES_MAX => {
                    return Err(Fault::UnclosedQuote { row: self.row });
                }
                Split::Unfinished { .. } => ahead > RECORD_BYTES_MAX,
            };
            if too_long {
                return Err(Fault::TooLong { row: self.row });
            }
            self.fill()?;
        };
        if record.raw.contains(&0) {
            return Err(Fault::NulByte { row: self.row });
        }
        if self.encoding.is_none() && !record.raw.is_ascii() {
            self.encoding = detect_encoding(&self.buffer[self.start..]);
        }
        let encoding = self.encoding.unwrap_or(Encoding::Utf8);
        if !decode(record, encoding) {
            return Err(Fault::Encoding { row: self.row, encoding });
        }
        self.start += used;
        Ok(Some(self.row))
    }
}

/// UTF-8 or GB18030, from a piece of the file that may end inside a character; `None` if it is all ASCII.
fn detect_encoding(piece: &[u8]) -> Option<Encoding> {
    let (valid, cut_off) = match std::str::from_utf8(piece) {
        Ok(text) => (text, true),
        Err(error) => {
            let valid = std::str::from_utf8(&piece[..error.valid_up_to()]).unwrap_or_default();
            (valid, error.error_len().is_none())
        }
    };
    if cut_off {
        return if valid.is_ascii() && valid.len() == piece.len() { None } else { Some(Encoding::Utf8) };
    }
    // One damaged byte does not make GB18030 of a file in UTF-8: better to name its row than to read wrong names.
    let letters = valid.chars().filter(|letter| *letter >= '\u{800}').count();
    Some(if letters >= LETTERS_THAT_PROVE_UTF_8 { Encoding::Utf8 } else { Encoding::Gb18030 })
}

enum Split {
    /// A whole row, of so many bytes with its line end.
    Row(usize),
    /// The bytes end before the row does.
    Unfinished { in_quotes: bool },
}

/// Splits the first row of `bytes` into the raw cells of `record` (RFC 4180, and any bare quote inside a cell is text).
fn split(bytes: &[u8], separator: u8, quote: bool, at_end: bool, record: &mut Record) -> Split {
    let mut place = 0;
    loop {
        let quoted = quote && bytes.get(place) == Some(&b'"');
        if quoted {
            place += 1;
            loop {
                let Some(length) = bytes[place..].iter().position(|byte| *byte == b'"') else {
                    return Split::Unfinished { in_quotes: true };
                };
                record.raw.extend_from_slice(&bytes[place..place + length]);
                place += length + 1;
                match bytes.get(place) {
                    Some(b'"') => {
                        record.raw.push(b'"');
                        place += 1;
                    }
                    // The next byte decides whether this quote closes the cell, and it is not here yet.
                    None if !at_end => return Split::Unfinished { in_quotes: false },
                    _ => break,
                }
            }
        }
        let length = bytes[place..].iter().position(|byte| *byte == separator || *byte == b'\n');
        let end = place + length.unwrap_or(bytes.len() - place);
        if length.is_none() && !at_end {
            return Split::Unfinished { in_quotes: false };
        }
        let ends_row = bytes.get(end) != Some(&separator);
        let mut tail = &bytes[place..end];
        if ends_row && tail.last() == Some(&b'\r') {
            tail = &tail[..tail.len() - 1];
        }
        record.misplaced_quote |= quoted && !tail.trim_ascii().is_empty();
        record.raw.extend_from_slice(tail);
        record.ends.push(record.raw.len());
        if ends_row {
            record.unended = length.is_none();
            return Split::Row((end + 1).min(bytes.len()));
        }
        place = end + 1;
    }
}

/// Turns the raw cells into text; false if a cell is not valid in the encoding.
fn decode(record: &mut Record, encoding: Encoding) -> bool {
    if encoding == Encoding::Utf8 || record.raw.is_ascii() {
        let Ok(text) = String::from_utf8(std::mem::take(&mut record.raw)) else { return false };
        record.text = text;
        // Half a character at the end of one cell and half at the start of the next would pass as a whole.
        return record.ends.iter().all(|end| record.text.is_char_boundary(*end));
    }
    let mut start = 0;
    for end in &mut record.ends {
        let Some(cell) = GB18030.decode_without_bom_handling_and_without_replacement(&record.raw[start..*end]) else {
            return false;
        };
        start = *end;
        record.text.push_str(&cell);
        *end = record.text.len();
    }
    true
}
