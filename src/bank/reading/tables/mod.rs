//! Statements and reply files (回盘) as tables: CSV, TXT, XLS, XLSX, by profile.
//!
//! The heading decides: it is looked for among the first rows, and below it every row is data, a known footer, or told
//! as a problem. A row whose date stands and whose amount does not is refused: nobody knows what was booked.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;

use crate::tables::{
    self, COLUMNS_MAX, OLD_WORKBOOK_MAGIC, OldWorkbook, Record, Records, TextOptions, TextRecords, Workbook, XLSX_MAGIC,
};
use crate::{Failure, Message, Outcome};
use ankuan_reconciliation::{reply as answer, statement as account};
use calamine::ExcelDateTime;

use super::{Content, FileKind, Problem, Sink, Source};

mod profile;
mod reply;
mod statement;
mod template;
mod values;

#[cfg(test)]
mod tests;

use profile::{Columns, Kind, LEADING_ROWS_MAX, Profile};
use template::{Template, Value};

/// Problems of one file that are told one by one; a file with more is another file than the profile says.
const PROBLEMS_MAX: u64 = 1_000;
/// Sheets that are looked at, the first of a workbook. A small file may name a thousand, and all of them the same gigabyte.
const SHEETS_MAX: usize = 64;
/// Other sheets that a message names.
const SHEETS_TOLD_MAX: usize = 10;
/// Characters of a value that a message repeats.
const SHOWN_CHARACTERS: usize = 40;

/// The text of a profile that comes with the program.
pub(super) fn shipped(name: &str) -> Option<&'static str> {
    profile::SHIPPED.iter().find(|(shipped, _)| *shipped == name).map(|(_, toml)| *toml)
}

/// Reads a table by the profile whose text is given, or by the one among the shipped that fits.
///
/// # Errors
/// `reading.profile_*` for a profile, `reading.table_*` for a file that cannot be trusted; what the sink says.
pub(super) fn read(
    file_name: &str,
    source: &mut dyn Source,
    profile: Option<&str>,
    sink: &mut dyn Sink,
) -> Outcome<FileKind> {
    let profiles = match profile {
        Some(toml) => vec![Profile::parse(toml)?],
        None => Profile::shipped()?,
    };
    read_by(source, &profiles, &mut Out { sink, told: 0 }).map_err(|failure| match failure {
        Failure::Refused(message) if message.code.starts_with("reading.table") => {
            message.in_file(Path::new(file_name)).into()
        }
        other => other,
    })
}

fn read_by(source: &mut dyn Source, profiles: &[Profile], out: &mut Out<'_>) -> Outcome<FileKind> {
    let mut magic = Vec::with_capacity(4);
    source.rewind()?;
    Read::take(&mut *source, 4).read_to_end(&mut magic)?;
    source.rewind()?;
    let mut missed = Missed::default();
    match magic.as_slice() {
        XLSX_MAGIC => {
            let mut workbook = Workbook::open(source)?;
            let sheets = workbook.sheets();
            for sheet in sheets.iter().take(SHEETS_MAX) {
                // A chart has a sheet of its own, without cells.
                let Ok(mut records) = workbook.sheet(sheet, date_text) else { continue };
                if let Some(table) = find_table(&mut records, profiles, &mut missed)? {
                    return read_sheet(table, sheet, &sheets, out);
                }
            }
        }
        OLD_WORKBOOK_MAGIC => {
            let workbook = OldWorkbook::open(source)?;
            let sheets = workbook.sheets();
            for sheet in sheets.iter().take(SHEETS_MAX) {
                let mut records = workbook.sheet(sheet, date_text)?;
                if let Some(table) = find_table(&mut records, profiles, &mut missed)? {
                    return read_sheet(table, sheet, &sheets, out);
                }
            }
        }
        _ => {
            let told = TextOptions { separator: None, encoding: None, quote: true, heading_rows: LEADING_ROWS_MAX };
            let options = if let [one] = profiles { one.text } else { told };
            let known = |row: &Record| profiles.iter().map(|profile| profile.known_headings(row)).max().unwrap_or(0);
            let mut records = TextRecords::open(source, options, &known)?;
            if let Some(table) = find_table(&mut records, profiles, &mut missed)? {
                return read_table(table, out);
            }
        }
    }
    Err(missed.refusal(profiles).into())
}

/// A day as texts write it. Times stand in columns that nothing is taken from.
fn date_text(date: &ExcelDateTime) -> String {
    let (year, month, day, ..) = date.to_ymd_hms_milli();
    format!("{year:04}-{month:02}-{day:02}")
}

fn read_sheet(table: Table<'_>, sheet: &str, sheets: &[String], out: &mut Out<'_>) -> Outcome<FileKind> {
    let others = sheets.iter().filter(|other| *other != sheet);
    let others: Vec<String> = others.take(SHEETS_TOLD_MAX).map(|other| shown(other)).collect();
    if !others.is_empty() {
        let message = Message::new("reading.table_other_sheets").with("sheet", sheet);
        out.problem(0, message.with("others", others.join("、")));
    }
    read_table(table, out)
}

fn read_table(mut table: Table<'_>, out: &mut Out<'_>) -> Outcome<FileKind> {
    let content = match table.profile.kind {
        Kind::Statement => {
            statement::read(&mut table, out)?;
            Content::Statement
        }
        Kind::Reply => {
            reply::read(&mut table, out)?;
            Content::Reply
        }
    };
    out.finish();
    Ok(FileKind { name: table.profile.name.clone(), content })
}

/// Where pieces and problems go.
struct Out<'a> {
    sink: &'a mut dyn Sink,
    /// Problems so far.
    told: u64,
}

impl Out<'_> {
    fn statement(&mut self, piece: account::Piece<'_>) -> Outcome<()> {
        self.sink.statement(piece)
    }

    fn reply(&mut self, piece: answer::Piece<'_>) -> Outcome<()> {
        self.sink.reply(piece)
    }

    fn problem(&mut self, line: u64, message: Message) {
        self.told += 1;
        if self.told <= PROBLEMS_MAX {
            self.sink.problem(Problem { line, message });
        }
    }

    fn finish(&mut self) {
        if self.told > PROBLEMS_MAX {
            let message = Message::new("reading.table_more_problems").with("more", self.told - PROBLEMS_MAX);
            self.sink.problem(Problem { line: 0, message });
        }
    }
}

/// How near the best row came to being a heading.
#[derive(Default)]
struct Missed {
    known: usize,
    row: u64,
    profile: String,
    missing: Vec<String>,
}

impl Missed {
    fn refusal(self, profiles: &[Profile]) -> Message {
        if self.known >= 2 || self.known == 1 && profiles.len() == 1 {
            return Message::new("reading.table_columns_missing")
                .with("row", self.row)
                .with("profile", self.profile)
                .with("missing", self.missing.join("、"));
        }
        let names: Vec<&str> = profiles.iter().map(|profile| profile.name.as_str()).collect();
        Message::new("reading.table_no_heading").with("lines", LEADING_ROWS_MAX).with("profiles", names.join("、"))
    }
}

/// Looks for the one profile whose heading stands among the first rows; `None` with what was missed if none does.
fn find_table<'a>(
    records: &'a mut dyn Records,
    profiles: &'a [Profile],
    missed: &mut Missed,
) -> Outcome<Option<Table<'a>>> {
    let mut record = Record::default();
    let mut lines: Vec<(u64, String)> = Vec::new();
    while let Some(row) = records.next(&mut record)?.filter(|row| *row <= LEADING_ROWS_MAX) {
        if record.is_blank() {
            continue;
        }
        let mut fitting = Vec::new();
        for profile in profiles {
            let known = profile.known_headings(&record);
            if known == 0 {
                continue;
            }
            if record.len() > COLUMNS_MAX && record.cells().skip(COLUMNS_MAX).any(|cell| !cell.is_empty()) {
                return Err(Message::new("reading.table_too_many_columns")
                    .with("row", row)
                    .with("limit", COLUMNS_MAX)
                    .into());
            }
            match profile.columns(&record) {
                Ok(columns) => fitting.push((profile, columns)),
                Err(missing) if known > missed.known => {
                    *missed = Missed { known, row, profile: profile.name.clone(), missing };
                }
                Err(_) => {}
            }
        }
        if fitting.len() > 1 {
            let names: Vec<&str> = fitting.iter().map(|(profile, _)| profile.name.as_str()).collect();
            let message = Message::new("reading.table_profiles_fit").with("row", row);
            return Err(message.with("profiles", names.join("、")).into());
        }
        if let Some((profile, columns)) = fitting.pop() {
            if let Some(heading) = columns.twice() {
                let message = Message::new("reading.table_heading_twice").with("row", row);
                return Err(message.with("heading", heading).into());
            }
            let mut told = Told::default();
            for (line, text) in &lines {
                told.take(&profile.leading, *line, text);
            }
            let shortest = Cell::new(columns.cells);
            return Ok(Some(Table { records, profile, columns, told, shortest, last_row: 0, has_foot: false }));
        }
        lines.push((row, joined(&record)));
    }
    Ok(None)
}

/// A table below its heading.
struct Table<'a> {
    records: &'a mut dyn Records,
    profile: &'a Profile,
    columns: Columns,
    /// What the lines above and below tell.
    told: Told,
    /// Cells of the shortest row so far: some banks leave out empty ones behind.
    shortest: Cell<usize>,
    /// The row that was read last.
    last_row: u64,
    /// Whether a line was met that the profile says stands at the end.
    has_foot: bool,
}

impl Table<'_> {
    /// The next row that may be data: blank rows, repeated headings and footers are passed over.
    fn next(&mut self, record: &mut Record) -> Outcome<Option<u64>> {
        while let Some(row) = self.records.next(record)? {
            if record.is_blank() || self.columns.is_heading(record) {
                continue;
            }
            let first = record.cell(0);
            if self.profile.footers.iter().any(|footer| footer.may_begin(first))
                && self.told.take(&self.profile.footers, row, &joined(record))
            {
                self.has_foot = true;
                continue;
            }
            self.last_row = row;
            return Ok(Some(row));
        }
        Ok(None)
    }

    /// Tells that the lines are missing with which such a file ends: it may be cut between two rows.
    ///
    /// # Errors
    /// `reading.truncated`: they are missing, and the last row has no end either, so it may be cut within its last cell.
    fn tell_missing_foot(&self, last: &Record, out: &mut Out<'_>) -> Outcome<()> {
        if self.profile.footers.is_empty() || self.has_foot {
            return Ok(());
        }
        if last.unended {
            return Err(Message::new("reading.truncated").with("line", self.last_row).into());
        }
        out.problem(0, Message::new("reading.table_foot_missing"));
        Ok(())
    }

    /// The content of a field, empty where the profile says that nothing stands there.
    fn cell<'r>(&self, record: &'r Record, field: profile::Field) -> &'r str {
        let cell = self.raw_cell(record, field);
        if self.profile.is_empty(cell) { "" } else { cell }
    }

    /// The content of a field, also where it says that nothing stands there.
    fn raw_cell<'r>(&self, record: &'r Record, field: profile::Field) -> &'r str {
        self.columns.place(field).map_or("", |place| as_text(record.cell(place)))
    }

    /// All cells of a field that say something, joined by spaces.
    fn join(&self, record: &Record, field: profile::Field, into: &mut String) {
        for cell in self.columns.places(field).iter().map(|place| as_text(record.cell(*place))) {
            if !self.profile.is_empty(cell) {
                if !into.is_empty() {
                    into.push(' ');
                }
                into.push_str(cell);
            }
        }
    }

    /// Refuses a row that is cut, or whose cells have slipped.
    fn refuse_misshapen(&self, row: u64, record: &Record) -> Outcome<()> {
        // The end of a row is often its reference, by which the same money is known when the whole file comes.
        if record.unended && record.len() < self.shortest.get() {
            return Err(Message::new("reading.truncated").with("line", row).into());
        }
        self.shortest.set(self.shortest.get().min(record.len()));
        // A row of a sheet may be short or have empty cells behind; a comma too many in a text moves the others.
        let extra = |place: usize| !record.sparse || !record.cell(place).is_empty();
        let code = if record.misplaced_quote {
            "reading.table_quote_misplaced"
        } else if record.len() < self.columns.least && !record.sparse {
            "reading.table_row_short"
        } else if (self.columns.cells..record.len()).any(extra) {
            "reading.table_row_long"
        } else {
            return Ok(());
        };
        Err(Message::new(code).with("row", row).with("columns", self.columns.cells).into())
    }

    /// An amount; `Ok(None)` where nothing stands.
    fn amount(&self, row: u64, record: &Record, field: profile::Field) -> Outcome<Option<rust_decimal::Decimal>> {
        let cell = self.cell(record, field);
        if cell.is_empty() {
            return Ok(None);
        }
        let amount = self.number(record, field);
        amount.map(Some).ok_or_else(|| refuse_value("reading.table_amount", row, cell).into())
    }

    /// The number in a cell, in yuan; `None` if it is none.
    fn number(&self, record: &Record, field: profile::Field) -> Option<rust_decimal::Decimal> {
        let cell = self.cell(record, field);
        let stored = self.columns.place(field).is_some_and(|place| record.is_number(place));
        let number = if stored { values::stored_amount(cell)? } else { values::amount(cell)? };
        self.in_yuan(number)
    }

    fn in_yuan(&self, number: rust_decimal::Decimal) -> Option<rust_decimal::Decimal> {
        match self.profile.amount_unit {
            profile::AmountUnit::Yuan => Some(number),
            profile::AmountUnit::Fen if number.scale() > 0 => None,
            profile::AmountUnit::Fen => rust_decimal::Decimal::try_from_i128_with_scale(number.mantissa(), 2).ok(),
        }
    }
}

/// What the lines above and below a table tell, with where.
#[derive(Default)]
struct Told(Vec<(Value, u64, String)>);

impl Told {
    /// Whether a template describes the line. What is told twice counts as told last.
    fn take(&mut self, templates: &[Template], line: u64, text: &str) -> bool {
        let Some(found) = templates.iter().find_map(|template| template.values(text)) else { return false };
        for (value, text) in found.into_iter().filter(|(_, text)| !text.is_empty()) {
            self.0.retain(|(known, ..)| *known != value);
            self.0.push((value, line, text.to_owned()));
        }
        true
    }

    fn text(&self, value: Value) -> &str {
        self.0.iter().find(|(known, ..)| *known == value).map_or("", |(_, _, text)| text)
    }

    /// What is told in some form; a problem where it is told in another.
    fn read<T>(&self, value: Value, out: &mut Out<'_>, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (_, line, text) = self.0.iter().find(|(known, ..)| *known == value)?;
        let found = read(text);
        if found.is_none() {
            let message = Message::new("reading.table_told_unreadable").with("row", line).with("value", shown(text));
            out.problem(*line, message.with_term("name", &value.term()));
        }
        found
    }
}

/// Compares what a file says of itself with what was read.
fn compare<T: PartialEq + ToString>(out: &mut Out<'_>, what: Value, declared: Option<T>, found: Option<T>) {
    if let (Some(declared), Some(found)) = (declared, found)
        && declared != found
    {
        let message = Message::new("reading.table_declared_differs").with_term("name", &what.term());
        out.problem(0, message.with("declared", declared.to_string()).with("found", found.to_string()));
    }
}

/// Without what keeps a spreadsheet from taking a long number for a number: `="6222…"`, `'6222…`.
fn as_text(cell: &str) -> &str {
    if let Some(text) = cell.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return text.trim();
    }
    match cell.strip_prefix('\'') {
        Some(number) if number.starts_with(|letter: char| letter.is_ascii_digit()) => number,
        _ => cell,
    }
}

/// A row as templates see it: its cells in half-width, parted by `|`, without the empty ones at the end.
fn joined(record: &Record) -> String {
    let mut line = String::new();
    let mut written = 0;
    for (place, cell) in record.cells().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        line.extend(std::iter::repeat_n('|', place - written));
        written = place;
        line.push_str(&values::plain(cell));
    }
    line
}

fn refuse_value(code: &'static str, row: u64, value: &str) -> Message {
    Message::new(code).with("row", row).with("value", shown(value))
}

fn shown(value: &str) -> String {
    value.chars().take(SHOWN_CHARACTERS).collect()
}

/// What the room of tables says, in the words of reading.
impl From<tables::Fault> for Failure {
    fn from(fault: tables::Fault) -> Self {
        use tables::Fault as F;
        let of_row = |code, row: u64| Message::new(code).with("row", row);
        Self::Refused(match fault {
            F::Io(error) => return error.into(),
            F::Empty => Message::new("reading.table_empty"),
            F::Utf16 => Message::new("reading.table_utf_16"),
            F::NulByte { row } => of_row("reading.table_nul_byte", row),
            F::UnclosedQuote { row } => of_row("reading.table_unclosed_quote", row),
            F::TooLong { row } => of_row("reading.table_row_too_long", row).with("limit", tables::RECORD_BYTES_MAX),
            F::Encoding { row, encoding } => of_row("reading.table_encoding", row).with("encoding", encoding.as_str()),
            F::TooLarge { limit } => Message::new("reading.table_workbook_too_large").with("limit", limit),
            F::Unreadable { reason } => Message::new("reading.table_workbook_unreadable").with("reason", reason),
        })
    }
}
