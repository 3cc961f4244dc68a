//! Tables as text: CSV, and TXT with a separator or with columns of fixed width.

use super::profile::{AmountUnit, Column, DateFormat, Field, Piece, Placeholder, Shape, Table, Template, TextLayout};
use super::text::{Flaw, TextEncoding, check_formula, check_text, gb18030_bytes};
use super::{FileHeader, PaymentLine};
use crate::message::Message;
use ankuan_ledger::Amount;
use std::fmt::Write;

impl TextLayout {
    /// The byte order mark, the header lines and the row of headings.
    pub fn push_opening(&self, header: &FileHeader<'_>, out: &mut Vec<u8>) -> Result<(), Message> {
        if self.encoding == TextEncoding::Utf8Bom {
            out.extend_from_slice("\u{FEFF}".as_bytes());
        }
        self.push_summary("header", header, out)?;
        if self.table.headings {
            for (index, column) in self.table.columns.iter().enumerate() {
                self.push_separator(index, out);
                let shape = Shape { width: column.shape.width, ..Shape::default() };
                self.push_cell(shape, &column.heading, out).map_err(|flaw| flaw.in_header(column.label()))?;
            }
            out.extend_from_slice(self.line_end);
        }
        Ok(())
    }

    pub fn push_line(
        &self,
        header: &FileHeader<'_>,
        line: &PaymentLine<'_>,
        serial: u64,
        scratch: &mut String,
        out: &mut Vec<u8>,
    ) -> Result<(), Message> {
        for (index, column) in self.table.columns.iter().enumerate() {
            self.push_separator(index, out);
            let text = self.table.value(column, header, line, serial, scratch);
            self.push_cell(column.shape, text, out).map_err(|flaw| flaw.in_line(line.line_number, column.label()))?;
        }
        out.extend_from_slice(self.line_end);
        Ok(())
    }

    /// The header lines or the trailer lines; a refusal names the cell.
    pub fn push_summary(&self, part: &str, header: &FileHeader<'_>, out: &mut Vec<u8>) -> Result<(), Message> {
        for (line_index, cells) in self.table.summary(part).iter().enumerate() {
            for (index, cell) in cells.iter().enumerate() {
                self.push_separator(index, out);
                let text = cell.template.fill(header, &self.table);
                self.push_cell(cell.shape, &text, out)
                    .map_err(|flaw| flaw.in_header(&format!("{part}[{line_index}].cells[{index}]")))?;
            }
            out.extend_from_slice(self.line_end);
        }
        Ok(())
    }

    fn push_separator(&self, index: usize, out: &mut Vec<u8>) {
        // Separators are ASCII: the profile's check.
        if let (Some(separator), 1..) = (self.separator, index) {
            out.push(separator as u8);
        }
    }

    /// One value, checked, encoded, and quoted or padded as the profile says.
    pub fn push_cell(&self, shape: Shape, text: &str, out: &mut Vec<u8>) -> Result<(), Flaw> {
        check_cell(shape, text)?;
        if self.csv {
            check_formula(text)?;
        }
        let Some(separator) = self.separator else { return self.push_fixed(shape, text, out) };
        // Both are ASCII, so bytes will do.
        let quoted = text.bytes().any(|byte| byte == separator as u8 || byte == b'"');
        if quoted && self.quote {
            out.push(b'"');
            self.encoding.encode(&text.replace('"', "\"\""), out)?;
            out.push(b'"');
            return Ok(());
        }
        if quoted && (self.csv || text.contains(separator)) {
            let found = text.chars().find(|character| [separator, '"'].contains(character));
            return Err(Flaw::Separator(found.unwrap_or(separator)));
        }
        self.encoding.encode(text, out)
    }

    /// In a column of fixed width, counted in the bytes of the file.
    fn push_fixed(&self, shape: Shape, text: &str, out: &mut Vec<u8>) -> Result<(), Flaw> {
        // Without a separator the profile's check has seen to it that there is a width.
        let Some(width) = shape.width else { return self.encoding.encode(text, out) };
        let start = out.len();
        self.encoding.encode(text, out)?;
        let length = out.len() - start;
        if length > width.bytes {
            return Err(Flaw::TooLong { length, max: width.bytes });
        }
        let touching = if width.right { text.chars().next() } else { text.chars().next_back() };
        if touching == Some(char::from(width.pad)) && !shape.number {
            return Err(Flaw::Padding(char::from(width.pad)));
        }
        let padding = width.bytes - length;
        out.resize(out.len() + padding, width.pad);
        if width.right {
            out[start..].rotate_right(padding);
        }
        Ok(())
    }
}

/// What every table asks of a value: text and spreadsheet alike.
pub(super) fn check_cell(shape: Shape, text: &str) -> Result<(), Flaw> {
    check_text(text)?;
    if shape.required && text.is_empty() {
        return Err(Flaw::Missing);
    }
    if let Some(max) = shape.max_bytes {
        // No text takes more than twice its UTF-8 bytes in GB 18030: only near the limit they are counted.
        if text.len() * 2 > max {
            let length = gb18030_bytes(text);
            if length > max {
                return Err(Flaw::TooLong { length, max });
            }
        }
    }
    Ok(())
}

impl Table {
    pub fn summary(&self, part: &str) -> &[Vec<super::profile::Cell>] {
        if part == "header" { &self.header } else { &self.trailer }
    }

    /// The text of a column; numbers and dates are written into `scratch`.
    pub fn value<'v>(
        &self,
        column: &'v Column,
        header: &FileHeader<'v>,
        line: &PaymentLine<'v>,
        serial: u64,
        scratch: &'v mut String,
    ) -> &'v str {
        scratch.clear();
        match column.field {
            Field::Serial => push_number(scratch, serial),
            Field::LineNumber => push_number(scratch, line.line_number),
            Field::Amount => push_amount(scratch, line.amount, self.amount_unit),
            Field::ExecutionDate => push_date(scratch, header.execution_date, self.date_format),
            Field::LineKey => return line.line_key,
            Field::PayeeName => return line.payee_name,
            Field::PayeeAccount => return line.payee_account,
            Field::BankName => return line.bank_name,
            Field::BankCode => return line.bank_code,
            Field::Purpose => return line.purpose,
            Field::PayeeIsCompany => return column.choice(line.payee_kind == super::PayeeKind::Company),
            Field::SameBank => return column.choice(line.same_bank),
            Field::PayerSubAccount => return line.payer_sub_account,
            Field::Telephone => return line.telephone,
            Field::PayerName => return header.payer_name,
            Field::PayerAccount => return header.payer_account,
            Field::PayerBankName => return header.payer_bank_name,
            Field::PayerBankCode => return header.payer_bank_code,
            Field::MessageId => return header.message_id,
            Field::Text => return &column.text,
        }
        scratch
    }
}

impl Column {
    fn choice(&self, yes: bool) -> &str {
        if yes { &self.yes } else { &self.no }
    }
}

impl Template {
    /// The text with its placeholders filled in.
    pub fn fill(&self, header: &FileHeader<'_>, table: &Table) -> String {
        self.fill_with(header, table.amount_unit, table.date_format)
    }

    pub fn fill_with(&self, header: &FileHeader<'_>, amount_unit: AmountUnit, date_format: DateFormat) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(placeholder) => match placeholder {
                    Placeholder::Run => text.push_str(header.run_number),
                    Placeholder::Group => text.push_str(header.group.name()),
                    // Three digits: the files of a run sort by name as by number.
                    Placeholder::File => text.push_str(&format!("{:03}", header.file_number)),
                    Placeholder::Date => push_date(&mut text, header.execution_date, date_format),
                    Placeholder::Message => text.push_str(header.message_id),
                    Placeholder::Count => push_number(&mut text, header.lines),
                    Placeholder::Total => push_amount(&mut text, header.sum, amount_unit),
                    Placeholder::PayerName => text.push_str(header.payer_name),
                    Placeholder::PayerAccount => text.push_str(header.payer_account),
                    Placeholder::PayerBankName => text.push_str(header.payer_bank_name),
                    Placeholder::PayerBankCode => text.push_str(header.payer_bank_code),
                },
            }
        }
        text
    }
}

fn push_number(text: &mut String, number: u64) {
    // Writing into a String cannot fail.
    let _ = write!(text, "{number}");
}

/// Yuan with two decimals and no thousands commas, or whole fen; amounts here are not negative.
pub(super) fn push_amount(text: &mut String, amount: Amount, unit: AmountUnit) {
    let minor = amount.minor().unsigned_abs();
    let _ = match unit {
        AmountUnit::Yuan => write!(text, "{}.{:02}", minor / 100, minor % 100),
        AmountUnit::Fen => write!(text, "{minor}"),
    };
}

fn push_date(text: &mut String, date: jiff::civil::Date, format: DateFormat) {
    let (year, month, day) = (date.year(), date.month(), date.day());
    let _ = match format {
        DateFormat::Compact => write!(text, "{year:04}{month:02}{day:02}"),
        DateFormat::Dashed => write!(text, "{year:04}-{month:02}-{day:02}"),
    };
}
