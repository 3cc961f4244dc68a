//! Rows of XLSX lists, cell by cell.
//!
//! The format keeps each text once in a table of its own, which has to be in memory while the sheet is read: a list of
//! a million rows is better sent as CSV.

use std::io::{self, BufReader, Read, Seek};

use ankuan_ledger::Amount;
use calamine::{DataRef, Reader, Xlsx, XlsxCellReader, XlsxError};
use ring::digest;
use zip::ZipArchive;

use crate::message::Message;

use super::columns::{COLUMNS_MAX, Columns};
use super::{
    ClaimRow, Fault, ListFailure, ListFormat, ListSummary, Problem, ReadOptions, Record, Records, TITLE_ROWS_MAX,
    amount, codes, read_records,
};

pub(super) const XLSX_MAGIC: &[u8] = b"PK\x03\x04";
/// Compound file: `.xls`, and any workbook with a password.
pub(super) const OLD_WORKBOOK_MAGIC: &[u8] = b"\xd0\xcf\x11\xe0";

/// Unpacked bytes of all parts together. The format allows 1,048,576 rows; with 13 columns they take about 900 bytes
/// each, so a full sheet passes and a zip bomb does not.
pub(super) const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Parts of the package: sheets, styles, pictures. Ordinary workbooks have some twenty.
const PARTS_MAX: usize = 1_000;
/// Texts that the workbook may announce; the reader reserves memory for them before it has seen any.
const TEXTS_MAX: u64 = 14_000_000;

/// Reads the first sheet that has a heading of a claimant list.
pub(super) fn read<E>(
    source: &mut (impl Read + Seek),
    options: &ReadOptions<'_>,
    on_problem: &mut dyn FnMut(Problem),
    on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
) -> Result<ListSummary, ListFailure<E>> {
    let (bytes, sha256) = hash(source)?;
    source.rewind()?;
    refuse_bombs(source)?;
    source.rewind()?;
    let mut workbook = Xlsx::new(BufReader::new(source)).map_err(unreadable)?;
    let sheets = workbook.sheet_names();
    let mut chosen = None;
    for sheet in &sheets {
        if has_heading(&mut workbook, sheet)? {
            chosen = Some(sheet);
            break;
        }
    }
    // Without a heading anywhere the first sheet is read, which then says what is missing.
    let Some(sheet) = chosen.or(sheets.first()) else {
        return Err(Problem::file(0, Message::new(codes::EMPTY_FILE)).into());
    };
    let others: Vec<&str> = sheets.iter().filter(|other| *other != sheet).map(String::as_str).collect();
    if !others.is_empty() {
        let message = Message::new(codes::OTHER_SHEETS).with("sheet", sheet).with("others", others.join("、"));
        on_problem(Problem::warning(0, message));
    }
    let mut records = SheetRecords::open(&mut workbook, sheet)?;
    let checked = read_records(&mut records, options, on_problem, on_row)?;
    Ok(checked.summary(ListFormat::Workbook { sheet: sheet.clone() }, bytes, sha256))
}

fn hash(source: &mut impl Read) -> io::Result<(u64, [u8; 32])> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut piece = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let read = source.read(&mut piece)?;
        if read == 0 {
            break;
        }
        context.update(&piece[..read]);
        bytes += read as u64;
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Ok((bytes, sha256))
}

/// Unpacks every part into nothing, counting: what the package declares about itself may be a lie.
fn refuse_bombs(source: &mut (impl Read + Seek)) -> Result<(), Fault> {
    let too_large = |limit: String| Problem::file(0, Message::new(codes::WORKBOOK_TOO_LARGE).with("limit", limit));
    let mut package = ZipArchive::new(BufReader::new(source)).map_err(unreadable)?;
    if package.len() > PARTS_MAX {
        return Err(too_large(PARTS_MAX.to_string()).into());
    }
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..package.len() {
        let mut part = package.by_index(index).map_err(unreadable)?;
        if part.size() > left {
            return Err(too_large(format!("{UNPACKED_BYTES_MAX} B")).into());
        }
        let holds_texts = part.name().map_err(unreadable)?.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let mut head = Vec::new();
        if holds_texts {
            part.by_ref().take(4_096).read_to_end(&mut head).map_err(unreadable)?;
            refuse_announced_texts(&head)?;
        }
        let unpacked = io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(unreadable)? + head.len() as u64;
        let Some(rest) = left.checked_sub(unpacked) else {
            return Err(too_large(format!("{UNPACKED_BYTES_MAX} B")).into());
        };
        left = rest;
    }
    Ok(())
}

/// Looks at the number of texts in the head of their table. It must be there, in an encoding that can be looked at.
fn refuse_announced_texts(head: &[u8]) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(head);
    let Some((_, table)) = text.split_once("sst").filter(|_| !head.contains(&0)) else {
        return Err(unreadable("sharedStrings").into());
    };
    let Some((attributes, _)) = table.split_once('>') else {
        return Err(unreadable("sharedStrings").into());
    };
    if let Some((_, count)) = attributes.split_once("uniqueCount") {
        let digits: String =
            count.chars().skip_while(|letter| !letter.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        if digits.parse::<u64>().is_ok_and(|count| count > TEXTS_MAX) || digits.len() > 19 {
            let message = Message::new(codes::WORKBOOK_TOO_LARGE).with("limit", TEXTS_MAX);
            return Err(Problem::file(0, message).into());
        }
    }
    Ok(())
}

fn unreadable(reason: impl std::fmt::Display) -> Problem {
    Problem::file(0, Message::new(codes::WORKBOOK_UNREADABLE).with("reason", reason))
}

fn has_heading<R: Read + Seek>(workbook: &mut Xlsx<R>, sheet: &str) -> Result<bool, Fault> {
    let mut records = match SheetRecords::open(workbook, sheet) {
        Ok(records) => records,
        // A chart has a sheet of its own, without cells.
        Err(_) => return Ok(false),
    };
    let mut record = Record::default();
    while let Some(row) = records.next(&mut record)? {
        if row > TITLE_ROWS_MAX + 1 {
            break;
        }
        if Columns::count_known(record.cells()) >= 2 {
            return Ok(true);
        }
    }
    Ok(false)
}

struct SheetRecords<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    /// The first cell of the next row, which ended the row before it.
    ahead: Option<(u32, u32, DataRef<'a>)>,
    row: u64,
    /// The cells' reader takes being asked again after its last cell for a damaged file.
    at_end: bool,
}

impl<'a, R: Read + Seek> SheetRecords<'a, R> {
    fn open(workbook: &'a mut Xlsx<R>, sheet: &str) -> Result<Self, Fault> {
        let cells = workbook.worksheet_cells_reader(sheet).map_err(unreadable)?;
        Ok(Self { cells, ahead: None, row: 0, at_end: false })
    }

    fn cell(&mut self) -> Result<Option<(u32, u32, DataRef<'a>)>, XlsxError> {
        if self.at_end {
            return Ok(None);
        }
        let cell = self.cells.next_cell()?;
        self.at_end = cell.is_none();
        Ok(cell.map(|cell| {
            let (row, column) = cell.get_position();
            (row, column, cell.get_value().clone())
        }))
    }
}

impl<R: Read + Seek> Records for SheetRecords<'_, R> {
    fn next(&mut self, record: &mut Record) -> Result<Option<u64>, Fault> {
        record.clear();
        record.sparse = true;
        let first = match self.ahead.take() {
            Some(cell) => Some(cell),
            None => self.cell().map_err(unreadable)?,
        };
        let Some((row, column, value)) = first else { return Ok(None) };
        let number = u64::from(row) + 1;
        if number <= self.row {
            return Err(unreadable(format!("row {number} after row {}", self.row)).into());
        }
        self.row = number;
        put(record, column, &value)?;
        while let Some((next_row, column, value)) = self.cell().map_err(unreadable)? {
            if next_row != row {
                self.ahead = Some((next_row, column, value));
                break;
            }
            put(record, column, &value)?;
        }
        Ok(Some(number))
    }
}

fn put(record: &mut Record, column: u32, value: &DataRef<'_>) -> Result<(), Fault> {
    if matches!(value, DataRef::Empty) {
        return Ok(());
    }
    // One column more than may be: enough for the heading, or for a row with too many cells, to be refused.
    let column = usize::try_from(column).unwrap_or(usize::MAX).min(COLUMNS_MAX);
    if column < record.len() && column < COLUMNS_MAX {
        return Err(unreadable("columns out of order").into());
    }
    while record.len() < column {
        record.ends.push(record.text.len());
    }
    match value {
        DataRef::Int(number) => {
            record.text.push_str(&number.to_string());
            record.numbers |= 1_u64.checked_shl(u32::try_from(column).unwrap_or(64)).unwrap_or(0);
        }
        DataRef::Float(number) => {
            record.text.push_str(&amount::decimal(*number));
            record.numbers |= 1_u64.checked_shl(u32::try_from(column).unwrap_or(64)).unwrap_or(0);
        }
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => record.text.push_str(text),
        DataRef::SharedString(text) => record.text.push_str(text),
        DataRef::Bool(value) => record.text.push_str(if *value { "TRUE" } else { "FALSE" }),
        // No column of a list holds a date: whatever was meant, a person has to look.
        DataRef::DateTime(_) => record.text.push_str("#DATE"),
        DataRef::Error(error) => record.text.push_str(&error.to_string()),
        DataRef::Empty => {}
    }
    record.ends.push(record.text.len());
    Ok(())
}

/// The amount of a cell that holds a number, if only the noise of binary fractions made it look like one with more than
/// two decimals.
pub(super) fn without_noise(stored: &str) -> Option<Amount> {
    let number: f64 = stored.parse().ok()?;
    amount::parse_amount(&amount::decimal_of_15_digits(number)?).ok()
}
