//! Rows of XLSX tables, cell by cell.
//!
//! XLSX keeps each text once in a table of its own, which has to be in memory while the sheet is read: a table of a
//! million rows is better sent as CSV.

use std::io::{self, BufReader, Read, Seek};

use calamine::{DataRef, ExcelDateTime, Reader, Xlsx, XlsxCellReader, XlsxError};
use zip::ZipArchive;

use super::{COLUMNS_MAX, Fault, RECORD_BYTES_MAX, Record, Records, decimal};

/// Unpacked bytes of all parts together. The format allows 1,048,576 rows; with 13 columns they take about 900 bytes
/// each, so a full sheet passes and a zip bomb does not.
const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Parts of the package: sheets, styles, pictures. Ordinary workbooks have some twenty.
const PARTS_MAX: usize = 1_000;
/// Texts that the workbook may announce; the reader reserves memory for them before it has seen any.
const TEXTS_MAX: u64 = 14_000_000;

/// A workbook whose unpacked size was counted before anything of it was kept.
pub(crate) struct Workbook<R> {
    xlsx: Xlsx<BufReader<R>>,
}

impl<R: Read + Seek> Workbook<R> {
    pub(crate) fn open(mut source: R) -> Result<Self, Fault> {
        source.rewind()?;
        refuse_bombs(&mut source)?;
        source.rewind()?;
        Ok(Self { xlsx: Xlsx::new(BufReader::new(source)).map_err(Fault::unreadable)? })
    }

    /// The names of the sheets, in order.
    pub(crate) fn sheets(&self) -> Vec<String> {
        self.xlsx.sheet_names()
    }

    /// The rows of a sheet. A chart has a sheet of its own, without cells: that is an error.
    pub(crate) fn sheet(&mut self, name: &str, dates: DateText) -> Result<SheetRecords<'_, BufReader<R>>, Fault> {
        let cells = self.xlsx.worksheet_cells_reader(name).map_err(Fault::unreadable)?;
        Ok(SheetRecords { cells, ahead: None, row: 0, at_end: false, dates })
    }
}

/// Unpacks every part into nothing, counting: what the package declares about itself may be a lie.
fn refuse_bombs(source: &mut (impl Read + Seek)) -> Result<(), Fault> {
    let too_large = |limit: String| Fault::TooLarge { limit };
    let mut package = ZipArchive::new(BufReader::new(source)).map_err(Fault::unreadable)?;
    if package.len() > PARTS_MAX {
        return Err(too_large(PARTS_MAX.to_string()));
    }
    let mut left = UNPACKED_BYTES_MAX;
    for index in 0..package.len() {
        let mut part = package.by_index(index).map_err(Fault::unreadable)?;
        if part.size() > left {
            return Err(too_large(format!("{UNPACKED_BYTES_MAX} B")));
        }
        let holds_texts = part.name().map_err(Fault::unreadable)?.to_ascii_lowercase().ends_with("sharedstrings.xml");
        let mut head = Vec::new();
        if holds_texts {
            part.by_ref().take(4_096).read_to_end(&mut head).map_err(Fault::unreadable)?;
            refuse_announced_texts(&head)?;
        }
        let unpacked =
            io::copy(&mut part.take(left + 1), &mut io::sink()).map_err(Fault::unreadable)? + head.len() as u64;
        let Some(rest) = left.checked_sub(unpacked) else {
            return Err(too_large(format!("{UNPACKED_BYTES_MAX} B")));
        };
        left = rest;
    }
    Ok(())
}

/// Looks at the number of texts in the head of their table. It must be there, in an encoding that can be looked at.
fn refuse_announced_texts(head: &[u8]) -> Result<(), Fault> {
    let text = String::from_utf8_lossy(head);
    let Some((_, table)) = text.split_once("sst").filter(|_| !head.contains(&0)) else {
        return Err(Fault::unreadable("sharedStrings"));
    };
    let Some((attributes, _)) = table.split_once('>') else {
        return Err(Fault::unreadable("sharedStrings"));
    };
    if let Some((_, count)) = attributes.split_once("uniqueCount") {
        let digits: String =
            count.chars().skip_while(|letter| !letter.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        if digits.parse::<u64>().is_ok_and(|count| count > TEXTS_MAX) || digits.len() > 19 {
            return Err(Fault::TooLarge { limit: TEXTS_MAX.to_string() });
        }
    }
    Ok(())
}

/// Rows of a sheet.
pub(crate) struct SheetRecords<'a, R: Read + Seek> {
    cells: XlsxCellReader<'a, R>,
    /// The first cell of the next row, which ended the row before it.
    ahead: Option<(u32, u32, DataRef<'a>)>,
    row: u64,
    /// The cells' reader takes being asked again after its last cell for a damaged file.
    at_end: bool,
    dates: DateText,
}

impl<'a, R: Read + Seek> SheetRecords<'a, R> {
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
            None => self.cell().map_err(Fault::unreadable)?,
        };
        let Some((row, column, value)) = first else { return Ok(None) };
        let number = u64::from(row) + 1;
        if number <= self.row {
            return Err(Fault::unreadable(format!("row {number} after row {}", self.row)));
        }
        self.row = number;
        put(record, number, column, &value, self.dates)?;
        while let Some((next_row, column, value)) = self.cell().map_err(Fault::unreadable)? {
            if next_row != row {
                self.ahead = Some((next_row, column, value));
                break;
            }
            put(record, number, column, &value, self.dates)?;
        }
        Ok(Some(number))
    }
}

/// How a cell that holds a date is written down.
pub(crate) type DateText = fn(&ExcelDateTime) -> String;

pub(super) fn put(
    record: &mut Record,
    row: u64,
    column: u32,
    value: &DataRef<'_>,
    dates: DateText,
) -> Result<(), Fault> {
    if matches!(value, DataRef::Empty) {
        return Ok(());
    }
    // One column more than may be: enough for the heading, or for a row with too many cells, to be refused.
    let column = usize::try_from(column).unwrap_or(usize::MAX).min(COLUMNS_MAX);
    if column < record.len() && column < COLUMNS_MAX {
        return Err(Fault::unreadable("columns out of order"));
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
            record.text.push_str(&decimal(*number));
            record.numbers |= 1_u64.checked_shl(u32::try_from(column).unwrap_or(64)).unwrap_or(0);
        }
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => record.text.push_str(text),
        DataRef::SharedString(text) => record.text.push_str(text),
        DataRef::Bool(value) => record.text.push_str(if *value { "TRUE" } else { "FALSE" }),
        DataRef::DateTime(date) => record.text.push_str(&dates(date)),
        DataRef::Error(error) => record.text.push_str(&error.to_string()),
        DataRef::Empty => {}
    }
    // One shared text of the largest size in every cell would be a bomb of another kind.
    if record.text.len() > RECORD_BYTES_MAX {
        return Err(Fault::TooLong { row });
    }
    record.ends.push(record.text.len());
    Ok(())
}
