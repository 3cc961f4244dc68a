//! Claimant lists as XLSX: the first sheet that has a heading of a claimant list is read.

use std::io::{self, Read, Seek};

use ankuan_ledger::Amount;

use crate::message::Message;
use crate::tables::{self, Record, Records, SheetRecords, Workbook};

use super::columns::Columns;
use super::{
    ClaimRow, Fault, Hashed, ListFailure, ListFormat, ListSummary, Problem, ReadOptions, TITLE_ROWS_MAX, amount, codes,
    read_records,
};

/// Reads the first sheet that has a heading of a claimant list.
pub(super) fn read<E>(
    source: &mut (impl Read + Seek),
    options: &ReadOptions<'_>,
    on_problem: &mut dyn FnMut(Problem),
    on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
) -> Result<ListSummary, ListFailure<E>> {
    let mut hashed = Hashed::new(&mut *source);
    io::copy(&mut hashed, &mut io::sink())?;
    let (bytes, sha256) = hashed.finish();
    let mut workbook = Workbook::open(source).map_err(Fault::from)?;
    let sheets = workbook.sheets();
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
    let mut records = open(&mut workbook, sheet).map_err(Fault::from)?;
    let checked = read_records(&mut records, options, on_problem, on_row)?;
    Ok(checked.summary(ListFormat::Workbook { sheet: sheet.clone() }, bytes, sha256))
}

fn open<'a, R: Read + Seek>(
    workbook: &'a mut Workbook<R>,
    sheet: &str,
) -> Result<SheetRecords<'a, io::BufReader<R>>, tables::Fault> {
    // No column of a list holds a date: whatever was meant, a person has to look.
    workbook.sheet(sheet, |_| "#DATE".to_owned())
}

fn has_heading<R: Read + Seek>(workbook: &mut Workbook<R>, sheet: &str) -> Result<bool, Fault> {
    let mut records = match open(workbook, sheet) {
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

/// The amount of a cell that holds a number, if only the noise of binary fractions made it look like one with more than
/// two decimals.
pub(super) fn without_noise(stored: &str) -> Option<Amount> {
    let number: f64 = stored.parse().ok()?;
    amount::parse_amount(&tables::decimal_of_15_digits(number)?).ok()
}
