//! Tables as files that a spreadsheet opens: CSV and XLSX. No cell is taken for a formula, and no amount loses a fen.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rust_xlsxwriter::{Format, FormatAlign, Workbook, Worksheet, XlsxError};

use super::{Sorry, Viewer, parts};
use crate::cli::output::{Heading, Piece, Said};
use crate::cli::report::plain;

/// The query's name for the form in which a page is wanted.
pub const AS: &str = "_as";

/// Digits that a spreadsheet's number holds without rounding; a longer one is written as text.
const DIGITS_MAX: usize = 15;

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Text, with a byte order mark so that Chinese is read as it is meant.
    Csv,
    /// A workbook, in which amounts are numbers.
    Xlsx,
}

impl FileKind {
    /// By its word in a query.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "csv" => Some(Self::Csv),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// The links by which what a page shows is taken away.
#[must_use]
pub fn links(viewer: &Viewer) -> Markup {
    let with = |kind: FileKind| {
        let joint = if viewer.path.contains('?') { '&' } else { '?' };
        format!("{}{joint}{AS}={}", viewer.path, kind.word())
    };
    html! {
        p.export {
            a href=(with(FileKind::Csv)) { (viewer.t("web.as_csv")) } " · "
            a href=(with(FileKind::Xlsx)) { (viewer.t("web_books.as_xlsx")) }
        }
    }
}

/// The tables of what was said, as a file of this name.
///
/// # Errors
/// The file cannot be made.
pub fn answer(viewer: &Viewer, name: &str, kind: FileKind, said: &Said) -> Result<Response, Sorry> {
    let made = match kind {
        FileKind::Csv => csv_bytes(said),
        FileKind::Xlsx => xlsx_bytes(said).map_err(std::io::Error::other),
    };
    let bytes = made.map_err(|error| viewer.sorry(error.into()))?;
    let name = format!("attachment; filename*=UTF-8''{}.{}", parts::escape(name), kind.word());
    let headers = [(header::CONTENT_TYPE, kind.media_type().to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, bytes).into_response())
}

fn tables(said: &Said) -> impl Iterator<Item = (&[Heading], &[Vec<String>])> {
    said.pieces.iter().filter_map(|piece| match piece {
        Piece::Table { headings, rows } => Some((headings.as_slice(), rows.as_slice())),
        Piece::Line(_) | Piece::Pairs(_) => None,
    })
}

/// The tables as CSV, one below the other.
///
/// # Errors
/// None that memory does not make.
pub fn csv_bytes(said: &Said) -> std::io::Result<Vec<u8>> {
    let mut out = csv::WriterBuilder::new().flexible(true).from_writer("\u{feff}".as_bytes().to_vec());
    for (headings, rows) in tables(said) {
        out.write_record(headings.iter().map(|heading| plain(&heading.text))).map_err(std::io::Error::other)?;
        for row in rows {
            let cells = headings.iter().zip(row).map(|(heading, cell)| match number(heading, cell) {
                Some(_) => cell.clone(),
                None => plain(cell),
            });
            out.write_record(cells).map_err(std::io::Error::other)?;
        }
    }
    out.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

/// The tables as XLSX, each on a sheet of its own. A cell of text is written as text, which nothing reckons.
///
/// # Errors
/// More rows than a sheet has.
pub fn xlsx_bytes(said: &Said) -> Result<Vec<u8>, XlsxError> {
    let mut workbook = Workbook::new();
    let mut is_empty = true;
    for (headings, rows) in tables(said) {
        is_empty = false;
        write_sheet(workbook.add_worksheet(), headings, rows)?;
    }
    if is_empty {
        workbook.add_worksheet();
    }
    workbook.save_to_buffer()
}

fn write_sheet(sheet: &mut Worksheet, headings: &[Heading], rows: &[Vec<String>]) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold().set_text_wrap();
    let amount = Format::new().set_num_format("#,##0.00").set_align(FormatAlign::Right);
    let count = Format::new().set_num_format("0").set_align(FormatAlign::Right);
    for (column, heading) in (0..).zip(headings) {
        sheet.write_string_with_format(0, column, &heading.text, &bold)?;
        sheet.set_column_width(column, if heading.is_number { 18 } else { 26 })?;
    }
    sheet.set_freeze_panes(1, 0)?;
    for (line, row) in (1..).zip(rows) {
        for ((column, cell), heading) in (0..).zip(row).zip(headings) {
            match number(heading, cell) {
                Some(value) => {
                    let format = if cell.contains('.') { &amount } else { &count };
                    sheet.write_number_with_format(line, column, value, format)?;
                }
                None => {
                    sheet.write_string(line, column, cell)?;
                }
            }
        }
    }
    Ok(())
}

/// The number that a cell of a column of numbers is, where a spreadsheet's number holds it exactly enough: it is the decimal
/// nearest to it, read and never reckoned with.
fn number(heading: &Heading, cell: &str) -> Option<f64> {
    if !heading.is_number {
        return None;
    }
    let digits: String = cell.chars().filter(|character| *character != ',').collect();
    let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(part) || whole.len() + part.len() > DIGITS_MAX {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 2]]) -> Said {
        let heading = |text: &str, is_number| Heading { code: String::new(), text: text.to_owned(), is_number };
        Said {
            object: None,
            pieces: vec![Piece::Table {
                headings: vec![heading("户名", false), heading("金额", true)],
                rows: rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect(),
            }],
        }
    }

    #[test]
    fn no_cell_of_a_csv_is_a_formula() {
        let said = table(&[
            ["=HYPERLINK(\"http://x\")", "-1,234.56"],
            ["+1", "-1+cmd"],
            ["@SUM(A1)", "=1"],
            ["\tx", "7"],
            ["\rx", "0.01"],
            ["张三", "99,999,999,999,999.99"],
        ]);
        let text = String::from_utf8(csv_bytes(&said).unwrap()).unwrap();
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let cells: Vec<&str> = rows.iter().skip(1).flat_map(|row| row.iter()).collect();
        assert_eq!(
            cells,
            [
                "'=HYPERLINK(\"http://x\")",
                "-1,234.56",
                "'+1",
                "'-1+cmd",
                "'@SUM(A1)",
                "'=1",
                "'\tx",
                "7",
                "'\rx",
                "0.01",
                "张三",
                "99,999,999,999,999.99",
            ]
        );
    }

    #[test]
    fn amounts_of_a_workbook_are_numbers_and_texts_are_texts() {
        use calamine::{Data, Reader, Xlsx};
        let said = table(&[["=1+1", "1,700,000,000.01"], ["张三", "99,999,999,999,999.99"], ["-2", "-5"]]);
        let bytes = xlsx_bytes(&said).unwrap();
        let mut workbook: Xlsx<_> = calamine::open_workbook_from_rs(std::io::Cursor::new(bytes)).unwrap();
        let sheet = workbook.worksheet_range_at(0).unwrap().unwrap();
        let cell = |row, column| sheet.get_value((row, column)).unwrap().clone();
        assert_eq!(cell(1, 0), Data::String("=1+1".to_owned()));
        assert_eq!(cell(1, 1), Data::Float(1_700_000_000.01));
        assert_eq!(cell(2, 1), Data::String("99,999,999,999,999.99".to_owned()), "more digits than a number holds");
        assert_eq!((cell(3, 0), cell(3, 1)), (Data::String("-2".to_owned()), Data::Float(-5.0)));
        assert!(workbook.worksheet_formula("Sheet1").is_ok_and(|formulas| formulas.is_empty()));
    }
}
