//! Tables as XLSX. The whole sheet is held in memory until it is finished.

use super::profile::Table;
use super::table::check_cell;
use super::text::{Flaw, check_formula};
use super::{FileHeader, PaymentLine};
use crate::message::Message;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};
use std::io;

/// The sheet as far as it is written. Every cell is text: leading zeros of accounts stay, no account turns into
/// 6.22E+18, and an amount has the two decimals that are seen, no hidden third.
pub(super) struct SheetWriter {
    sheet: Worksheet,
    row: u32,
}

impl SheetWriter {
    pub fn begin(name: &str, table: &Table, header: &FileHeader<'_>) -> Result<Self, super::BankFileError> {
        let mut sheet = Worksheet::new();
        sheet.set_name(name).map_err(|error| broken(&error))?;
        let mut writer = Self { sheet, row: 0 };
        writer.push_summary("header", table, header)?;
        if table.headings {
            let headings = table.columns.iter().map(|column| column.heading.as_str());
            for (column, heading) in (0..).zip(headings) {
                writer.put(column, heading)?;
            }
            writer.row += 1;
        }
        Ok(writer)
    }

    pub fn push_line(
        &mut self,
        table: &Table,
        header: &FileHeader<'_>,
        line: &PaymentLine<'_>,
        serial: u64,
        scratch: &mut String,
    ) -> Result<(), super::BankFileError> {
        for (index, column) in (0..).zip(&table.columns) {
            let text = table.value(column, header, line, serial, scratch);
            check_cell(column.shape, text)
                .and_then(|()| check_formula(text))
                .map_err(|flaw| flaw.in_line(line.line_number, column.label()))?;
            self.put(index, text)?;
        }
        self.row += 1;
        Ok(())
    }

    /// The trailer lines, and the file's bytes. The file's date is the header's, not the clock's.
    pub fn finish(mut self, table: &Table, header: &FileHeader<'_>) -> Result<Vec<u8>, super::BankFileError> {
        self.push_summary("trailer", table, header)?;
        let created = ExcelDateTime::from_timestamp(header.created_at.as_second()).map_err(|error| broken(&error))?;
        let mut workbook = Workbook::new();
        workbook.set_properties(&DocProperties::new().set_creation_datetime(&created));
        workbook.push_worksheet(self.sheet);
        Ok(workbook.save_to_buffer().map_err(|error| broken(&error))?)
    }

    fn push_summary(&mut self, part: &str, table: &Table, header: &FileHeader<'_>) -> Result<(), super::BankFileError> {
        for (line_index, cells) in table.summary(part).iter().enumerate() {
            for (index, cell) in (0..).zip(cells) {
                let text = cell.template.fill(header, table);
                let place = |flaw: Flaw| -> Message { flaw.in_header(&format!("{part}[{line_index}].cells[{index}]")) };
                check_cell(cell.shape, &text).and_then(|()| check_formula(&text)).map_err(place)?;
                self.put(index, &text)?;
            }
            self.row += 1;
        }
        Ok(())
    }

    fn put(&mut self, column: u16, text: &str) -> Result<(), io::Error> {
        if !text.is_empty() {
            self.sheet.write_string(self.row, column, text).map_err(|error| broken(&error))?;
        }
        Ok(())
    }
}

/// The profile's limits keep a sheet within what the format holds, so this is no refusal.
fn broken(error: &XlsxError) -> io::Error {
    io::Error::other(error.to_string())
}
