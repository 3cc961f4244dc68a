//! What a bank wants its files to look like: a profile is a TOML file, shipped or the court's own.
//!
//! There is no common format in China (Oracle's PeopleSoft notes: "Chinese banks don't have a standardized banking
//! format"), so order,
//! separator, encoding, lengths and limits are data. `profiles/README.md` lists the keys.

use super::text::{TextEncoding, check_formula, check_text};
use crate::message::Message;
use ankuan_ledger::Amount;
use serde::Deserialize;
use std::io::Read;

/// Lines per file unless the profile says otherwise: the limit met at two banks.
pub const DEFAULT_LINES_PER_FILE: u64 = 5_000;
/// The most lines that a profile may allow: far above any bank's limit, far below where a file stops being handy.
pub const MAX_LINES_PER_FILE: u64 = 1_000_000;
/// The same for XLSX, which is held in memory while it is written.
pub const MAX_LINES_PER_SHEET: u64 = 100_000;
/// A profile is a page of text; what is larger is another file given by mistake.
pub const MAX_PROFILE_BYTES: u64 = 64 * 1024;
/// The most columns, header or trailer lines, or cells of such a line.
const MAX_PARTS: usize = 100;
/// The most bytes of one value.
const MAX_VALUE_BYTES: usize = 1_000;

/// The profiles that come with the program: name and TOML.
pub const SHIPPED: [(&str, &str); 5] = [
    ("generic-csv", include_str!("../../profiles/generic-csv.toml")),
    ("generic-txt", include_str!("../../profiles/generic-txt.toml")),
    ("icbc-like-xlsx", include_str!("../../profiles/icbc-like-xlsx.toml")),
    ("pain001", include_str!("../../profiles/pain001.toml")),
    ("verify-csv", include_str!("../../profiles/verify-csv.toml")),
];

/// A checked profile.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, as runs record it.
    pub name: String,
    /// What the files are for.
    pub kind: Kind,
    /// "unverified", or the sample or bank it was checked with.
    pub checked_against: String,
    /// What goes into separate files.
    pub split: Split,
    /// The bank's limits.
    pub limits: Limits,
    /// The profile's own text: a run stores it, so that its files can be rendered again.
    pub toml: String,
    pub(super) layout: Layout,
    pub(super) file_name: Template,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Pays: carries amounts.
    #[default]
    Payment,
    /// Asks the bank whether names and accounts belong together (户名账号核验), before approval: carries no amounts.
    Verification,
}

/// Which payments go into separate files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// Within the payer's bank (行内) apart from other banks (跨行).
    pub same_bank: bool,
    /// Persons (对私) apart from companies (对公).
    pub payee_kind: bool,
}

/// What a bank takes at most; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines per file, at least 1.
    pub lines_per_file: u64,
    /// Per payment, in fen.
    pub amount_per_line: Option<Amount>,
    /// Per file, in fen.
    pub amount_per_file: Option<Amount>,
    /// All files of one execution date, in fen.
    pub amount_per_day: Option<Amount>,
}

#[derive(Clone, Debug)]
pub(super) enum Layout {
    Text(TextLayout),
    Sheet { name: String, table: Table },
    Pain001,
}

#[derive(Clone, Debug)]
pub(super) struct TextLayout {
    pub encoding: TextEncoding,
    pub line_end: &'static [u8],
    /// `None`: every column has a fixed width.
    pub separator: Option<char>,
    /// CSV: opened in spreadsheets, so formulas are refused.
    pub csv: bool,
    pub quote: bool,
    pub table: Table,
}

#[derive(Clone, Debug)]
pub(super) struct Table {
    pub amount_unit: AmountUnit,
    pub date_format: DateFormat,
    pub headings: bool,
    pub header: Vec<Vec<Cell>>,
    pub columns: Vec<Column>,
    pub trailer: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub field: Field,
    pub heading: String,
    pub text: String,
    pub yes: String,
    pub no: String,
    pub shape: Shape,
}

impl Column {
    /// What people see of the column: its heading, or the field's name.
    pub fn label(&self) -> &str {
        if self.heading.is_empty() { self.field.name() } else { &self.heading }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub template: Template,
    pub shape: Shape,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    pub required: bool,
    /// In GB 18030 bytes, whatever the file's encoding: so banks count.
    pub max_bytes: Option<usize>,
    pub width: Option<Width>,
    /// Written by the program: zeros before it change nothing.
    pub number: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Width {
    pub bytes: usize,
    pub right: bool,
    pub pad: u8,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum AmountUnit {
    #[default]
    Yuan,
    Fen,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) enum DateFormat {
    #[default]
    #[serde(rename = "yyyymmdd")]
    Compact,
    #[serde(rename = "yyyy-mm-dd")]
    Dashed,
}

macro_rules! named {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        pub(super) enum $name { $(#[serde(rename = $text)] $variant,)+ }

        impl $name {
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

named!(
    /// What stands in a column.
    Field {
        Serial = "serial",
        LineNumber = "line_number",
        LineKey = "line_key",
        PayeeName = "payee_name",
        PayeeAccount = "payee_account",
        BankName = "bank_name",
        BankCode = "bank_code",
        Amount = "amount",
        Purpose = "purpose",
        PayeeIsCompany = "payee_is_company",
        SameBank = "same_bank",
        PayerSubAccount = "payer_sub_account",
        Telephone = "telephone",
        PayerName = "payer_name",
        PayerAccount = "payer_account",
        PayerBankName = "payer_bank_name",
        PayerBankCode = "payer_bank_code",
        ExecutionDate = "execution_date",
        MessageId = "message_id",
        Text = "text",
    }
);

named!(
    /// What `{…}` may stand for in header, trailer and file name.
    Placeholder {
        Run = "run",
        Group = "group",
        File = "file",
        Date = "date",
        Message = "message",
        Count = "count",
        Total = "total",
        PayerName = "payer_name",
        PayerAccount = "payer_account",
        PayerBankName = "payer_bank_name",
        PayerBankCode = "payer_bank_code",
    }
);

impl Placeholder {
    /// Only what is short, stable and no person's or account's.
    const IN_SUMMARY: &'static [Self] = &[
        Self::Run,
        Self::Group,
        Self::File,
        Self::Date,
        Self::Message,
        Self::Count,
        Self::Total,
        Self::PayerName,
        Self::PayerAccount,
        Self::PayerBankName,
        Self::PayerBankCode,
    ];
    const IN_FILE_NAME: &'static [Self] = &[Self::Run, Self::Group, Self::File, Self::Date, Self::Message];
}

/// Literal text and placeholders in turn.
#[derive(Clone, Debug)]
pub(super) struct Template(pub Vec<Piece>);

impl Template {
    /// Whether it is one number and nothing else.
    fn is_number(&self) -> bool {
        self.0.iter().all(|piece| match piece {
            Piece::Literal(literal) => literal.is_empty(),
            Piece::Value(placeholder) => {
                matches!(placeholder, Placeholder::File | Placeholder::Count | Placeholder::Total)
            }
        })
    }
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    Literal(String),
    Value(Placeholder),
}

impl Profile {
    /// A profile that comes with the program; `None` for a name that is not in [`SHIPPED`].
    #[must_use]
    pub fn shipped(name: &str) -> Option<Self> {
        let (name, toml) = SHIPPED.iter().find(|(shipped, _)| *shipped == name)?;
        Self::parse(name, toml).ok()
    }

    /// Reads a profile of the court's own; `file` is what messages call it.
    ///
    /// # Errors
    /// Refusals: `bank.profile.unreadable`, `bank.profile.too_large`, `bank.profile.not_utf8`, and those of [`Self::parse`].
    pub fn read(file: &str, reader: impl Read) -> Result<Self, Message> {
        let mut bytes = Vec::new();
        reader
            .take(MAX_PROFILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| Message::new("bank.profile.unreadable").with("file", file).with("reason", error))?;
        if bytes.len() as u64 > MAX_PROFILE_BYTES {
            return Err(Message::new("bank.profile.too_large").with("file", file).with("max", MAX_PROFILE_BYTES));
        }
        let toml = String::from_utf8(bytes).map_err(|_| Message::new("bank.profile.not_utf8").with("file", file))?;
        Self::parse(file, toml.strip_prefix('\u{FEFF}').unwrap_or(&toml))
    }

    /// Checks a profile's text; `file` is what messages call it.
    ///
    /// # Errors
    /// Refusals that name file and key: `bank.profile.syntax` (not TOML, unknown or missing key, wrong type),
    /// `bank.profile.missing`, `bank.profile.not_for_format`, `bank.profile.range`, `bank.profile.one_character`,
    /// `bank.profile.placeholder`, `bank.profile.file_number`, `bank.profile.amount_column`, `bank.profile.text`.
    pub fn parse(file: &str, toml: &str) -> Result<Self, Message> {
        let raw: RawProfile = toml::from_str(toml).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start.min(toml.len()));
            let line = toml.get(..start).unwrap_or_default().matches('\n').count();
            Message::new("bank.profile.syntax")
                .with("file", file)
                .with("line", line + 1)
                .with("text", toml.lines().nth(line).unwrap_or_default().trim())
                .with("reason", error.message())
        })?;
        Check { file, format: raw.format }.profile(raw, toml)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Format {
    #[serde(rename = "csv")]
    Csv,
    #[serde(rename = "txt")]
    Txt,
    #[serde(rename = "xlsx")]
    Xlsx,
    #[serde(rename = "pain.001.001.09")]
    Pain001,
}

impl Format {
    const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Txt => "txt",
            Self::Xlsx => "xlsx",
            Self::Pain001 => "pain.001.001.09",
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
enum LineEnd {
    #[serde(rename = "crlf")]
    CrLf,
    #[serde(rename = "lf")]
    Lf,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Align {
    Left,
    Right,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProfile {
    name: String,
    #[serde(default)]
    kind: Kind,
    format: Format,
    checked_against: String,
    file_name: String,
    encoding: Option<TextEncoding>,
    line_end: Option<LineEnd>,
    separator: Option<String>,
    quote: Option<bool>,
    sheet_name: Option<String>,
    amount_unit: Option<AmountUnit>,
    date_format: Option<DateFormat>,
    headings: Option<bool>,
    #[serde(default)]
    split: Split,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    header: Vec<RawLine>,
    #[serde(default)]
    columns: Vec<RawColumn>,
    #[serde(default)]
    trailer: Vec<RawLine>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLimits {
    lines_per_file: Option<u64>,
    amount_per_line_minor: Option<i64>,
    amount_per_file_minor: Option<i64>,
    amount_per_day_minor: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    cells: Vec<RawCell>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCell {
    text: String,
    width: Option<usize>,
    align: Option<Align>,
    pad: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    field: Field,
    #[serde(default)]
    heading: String,
    #[serde(default)]
    required: bool,
    max_bytes: Option<usize>,
    width: Option<usize>,
    align: Option<Align>,
    pad: Option<String>,
    text: Option<String>,
    yes: Option<String>,
    no: Option<String>,
}

/// Turns what was read into a profile, key by key.
struct Check<'f> {
    file: &'f str,
    format: Format,
}

impl Check<'_> {
    fn refuse(&self, code: &'static str, key: &str) -> Message {
        Message::new(code).with("file", self.file).with("key", key)
    }

    fn profile(&self, raw: RawProfile, toml: &str) -> Result<Profile, Message> {
        for (key, text) in [("name", &raw.name), ("checked_against", &raw.checked_against)] {
            if text.is_empty() {
                return Err(self.refuse("bank.profile.missing", key));
            }
            check_text(text).map_err(|_| self.refuse("bank.profile.text", key))?;
        }
        let file_name = self.template("file_name", &raw.file_name, Placeholder::IN_FILE_NAME)?;
        if !file_name.0.iter().any(|piece| matches!(piece, Piece::Value(Placeholder::File))) {
            return Err(self.refuse("bank.profile.file_number", "file_name"));
        }
        let limits = self.limits(&raw.limits)?;
        let (name, kind, checked_against, split) = (raw.name.clone(), raw.kind, raw.checked_against.clone(), raw.split);
        Ok(Profile {
            name,
            kind,
            checked_against,
            split,
            limits,
            toml: toml.to_owned(),
            layout: self.layout(raw)?,
            file_name,
        })
    }

    fn limits(&self, raw: &RawLimits) -> Result<Limits, Message> {
        let most = if self.format == Format::Xlsx { MAX_LINES_PER_SHEET } else { MAX_LINES_PER_FILE };
        let lines_per_file = raw.lines_per_file.unwrap_or(DEFAULT_LINES_PER_FILE);
        self.within("limits.lines_per_file", lines_per_file, 1, most)?;
        let amount = |key: &str, minor: Option<i64>| match minor {
            Some(minor) if minor <= 0 => {
                Err(self.refuse("bank.profile.range", key).with("min", 1).with("max", i64::MAX))
            }
            minor => Ok(minor.map(Amount::from_minor)),
        };
        Ok(Limits {
            lines_per_file,
            amount_per_line: amount("limits.amount_per_line_minor", raw.amount_per_line_minor)?,
            amount_per_file: amount("limits.amount_per_file_minor", raw.amount_per_file_minor)?,
            amount_per_day: amount("limits.amount_per_day_minor", raw.amount_per_day_minor)?,
        })
    }

    fn within<T: PartialOrd + ToString>(&self, key: &str, value: T, min: T, max: T) -> Result<(), Message> {
        if value < min || value > max {
            return Err(self
                .refuse("bank.profile.range", key)
                .with("min", min.to_string())
                .with("max", max.to_string()));
        }
        Ok(())
    }

    fn layout(&self, raw: RawProfile) -> Result<Layout, Message> {
        self.only_for(&[Format::Csv, Format::Txt], "encoding", raw.encoding.is_some())?;
        self.only_for(&[Format::Csv, Format::Txt], "line_end", raw.line_end.is_some())?;
        self.only_for(&[Format::Csv, Format::Txt], "separator", raw.separator.is_some())?;
        self.only_for(&[Format::Csv], "quote", raw.quote.is_some())?;
        self.only_for(&[Format::Xlsx], "sheet_name", raw.sheet_name.is_some())?;
        let tables = &[Format::Csv, Format::Txt, Format::Xlsx];
        self.only_for(tables, "amount_unit", raw.amount_unit.is_some())?;
        self.only_for(tables, "date_format", raw.date_format.is_some())?;
        self.only_for(tables, "headings", raw.headings.is_some())?;
        self.only_for(tables, "header", !raw.header.is_empty())?;
        self.only_for(tables, "columns", !raw.columns.is_empty())?;
        self.only_for(tables, "trailer", !raw.trailer.is_empty())?;
        if self.format == Format::Pain001 {
            if raw.kind == Kind::Verification {
                return Err(self.refuse("bank.profile.not_for_format", "kind").with("format", self.format.name()));
            }
            return Ok(Layout::Pain001);
        }
        if raw.columns.is_empty() {
            return Err(self.refuse("bank.profile.missing", "columns"));
        }
        let has_amount = raw.columns.iter().any(|column| column.field == Field::Amount);
        if has_amount != (raw.kind == Kind::Payment) {
            return Err(self.refuse("bank.profile.amount_column", "columns"));
        }
        let separator = match (&raw.separator, self.format) {
            (Some(text), _) => Some(self.separator(text)?),
            (None, Format::Csv) => Some(','),
            (None, _) => None,
        };
        let encoding = raw.encoding.unwrap_or_default();
        let line_end: &'static [u8] = match raw.line_end.unwrap_or(LineEnd::CrLf) {
            LineEnd::CrLf => b"\r\n",
            LineEnd::Lf => b"\n",
        };
        let quote = raw.quote.unwrap_or(self.format == Format::Csv);
        let sheet_name = raw.sheet_name.clone().unwrap_or_else(|| "Sheet1".to_owned());
        let fixed = self.format == Format::Txt && separator.is_none();
        let table = self.table(raw, fixed)?;
        if self.format == Format::Xlsx {
            // The limits of the file format for the name of a sheet.
            if sheet_name.is_empty()
                || sheet_name.chars().count() > 31
                || sheet_name.contains(['[', ']', ':', '*', '?', '/', '\\', '\''])
            {
                return Err(self.refuse("bank.profile.text", "sheet_name"));
            }
            return Ok(Layout::Sheet { name: sheet_name, table });
        }
        let layout = TextLayout { encoding, line_end, separator, csv: self.format == Format::Csv, quote, table };
        self.headings_fit(&layout)?;
        Ok(Layout::Text(layout))
    }

    fn only_for(&self, formats: &[Format], key: &str, present: bool) -> Result<(), Message> {
        if present && !formats.contains(&self.format) {
            return Err(self.refuse("bank.profile.not_for_format", key).with("format", self.format.name()));
        }
        Ok(())
    }

    /// Letters, digits, the quotation mark, the decimal point and the minus would be taken for part of a value.
    fn separator(&self, text: &str) -> Result<char, Message> {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (Some(one), None) if one == '\t' || one == ' ' || (one.is_ascii_punctuation() && !"\".-".contains(one)) => {
                Ok(one)
            }
            _ => Err(self.refuse("bank.profile.one_character", "separator")),
        }
    }

    fn table(&self, raw: RawProfile, fixed: bool) -> Result<Table, Message> {
        for (key, count) in
            [("header", raw.header.len()), ("columns", raw.columns.len()), ("trailer", raw.trailer.len())]
        {
            self.within(key, count, 0, MAX_PARTS)?;
        }
        let mut columns = Vec::with_capacity(raw.columns.len());
        for (index, column) in raw.columns.into_iter().enumerate() {
            columns.push(self.column(&format!("columns[{index}]"), column, fixed)?);
        }
        Ok(Table {
            amount_unit: raw.amount_unit.unwrap_or_default(),
            date_format: raw.date_format.unwrap_or_default(),
            headings: raw.headings.unwrap_or(!fixed),
            header: self.lines("header", raw.header, fixed)?,
            columns,
            trailer: self.lines("trailer", raw.trailer, fixed)?,
        })
    }

    fn column(&self, key: &str, raw: RawColumn, fixed: bool) -> Result<Column, Message> {
        if raw.field == Field::Text && raw.text.is_none() {
            return Err(self.refuse("bank.profile.missing", &format!("{key}.text")));
        }
        let is_choice = matches!(raw.field, Field::PayeeIsCompany | Field::SameBank);
        for (name, value) in [("yes", &raw.yes), ("no", &raw.no)] {
            if is_choice && value.is_none() {
                return Err(self.refuse("bank.profile.missing", &format!("{key}.{name}")));
            }
        }
        if let Some(max_bytes) = raw.max_bytes {
            self.within(&format!("{key}.max_bytes"), max_bytes, 1, MAX_VALUE_BYTES)?;
        }
        let width = self.width(key, raw.width, raw.align, raw.pad.as_deref(), fixed)?;
        let number = matches!(raw.field, Field::Serial | Field::LineNumber | Field::Amount);
        let column = Column {
            field: raw.field,
            heading: raw.heading,
            text: raw.text.unwrap_or_default(),
            yes: raw.yes.unwrap_or_default(),
            no: raw.no.unwrap_or_default(),
            shape: Shape { required: raw.required, max_bytes: raw.max_bytes, width, number },
        };
        for text in [&column.heading, &column.text, &column.yes, &column.no] {
            check_text(text).and_then(|()| check_formula(text)).map_err(|_| self.refuse("bank.profile.text", key))?;
        }
        Ok(column)
    }

    fn lines(&self, key: &str, raw: Vec<RawLine>, fixed: bool) -> Result<Vec<Vec<Cell>>, Message> {
        let mut lines = Vec::with_capacity(raw.len());
        for (line_index, line) in raw.into_iter().enumerate() {
            self.within(&format!("{key}[{line_index}].cells"), line.cells.len(), 1, MAX_PARTS)?;
            let mut cells = Vec::with_capacity(line.cells.len());
            for (index, cell) in line.cells.into_iter().enumerate() {
                let key = format!("{key}[{line_index}].cells[{index}]");
                let width = self.width(&key, cell.width, cell.align, cell.pad.as_deref(), fixed)?;
                let template = self.template(&format!("{key}.text"), &cell.text, Placeholder::IN_SUMMARY)?;
                let number = template.is_number();
                cells.push(Cell { template, shape: Shape { width, number, ..Shape::default() } });
            }
            lines.push(cells);
        }
        Ok(lines)
    }

    fn width(
        &self,
        key: &str,
        width: Option<usize>,
        align: Option<Align>,
        pad: Option<&str>,
        fixed: bool,
    ) -> Result<Option<Width>, Message> {
        for (name, present) in [("width", width.is_some()), ("align", align.is_some()), ("pad", pad.is_some())] {
            if present && !fixed {
                let key = format!("{key}.{name}");
                return Err(self.refuse("bank.profile.not_for_format", &key).with("format", self.format.name()));
            }
        }
        if !fixed {
            return Ok(None);
        }
        let Some(bytes) = width else { return Err(self.refuse("bank.profile.missing", &format!("{key}.width"))) };
        self.within(&format!("{key}.width"), bytes, 1, MAX_VALUE_BYTES)?;
        let pad = match pad.unwrap_or(" ").as_bytes() {
            [byte] if byte.is_ascii_graphic() || *byte == b' ' => *byte,
            _ => return Err(self.refuse("bank.profile.one_character", &format!("{key}.pad"))),
        };
        Ok(Some(Width { bytes, right: align == Some(Align::Right), pad }))
    }

    fn template(&self, key: &str, text: &str, known: &[Placeholder]) -> Result<Template, Message> {
        check_text(text).map_err(|_| self.refuse("bank.profile.text", key))?;
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((literal, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let Some(placeholder) = known.iter().find(|placeholder| placeholder.name() == name) else {
                let names: Vec<_> = known.iter().map(|placeholder| placeholder.name()).collect();
                return Err(self
                    .refuse("bank.profile.placeholder", key)
                    .with("placeholder", name)
                    .with("known", names.join(", ")));
            };
            pieces.push(Piece::Literal(literal.to_owned()));
            pieces.push(Piece::Value(*placeholder));
            rest = after;
        }
        pieces.push(Piece::Literal(rest.to_owned()));
        Ok(Template(pieces))
    }

    /// Headings are written with every file: one that cannot be written is the profile's mistake, not the file's.
    fn headings_fit(&self, layout: &TextLayout) -> Result<(), Message> {
        for (index, column) in layout.table.columns.iter().enumerate() {
            let mut bytes = Vec::new();
            let shape = Shape { width: column.shape.width, ..Shape::default() };
            if layout.table.headings && layout.push_cell(shape, &column.heading, &mut bytes).is_err() {
                return Err(self.refuse("bank.profile.text", &format!("columns[{index}].heading")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
name = "small"
format = "txt"
separator = "|"
checked_against = "unverified"
file_name = "{file}.txt"
[[columns]]
field = "amount"
heading = "金额"
"#;

    #[test]
    fn every_shipped_profile_is_sound() {
        for (name, toml) in SHIPPED {
            let profile = Profile::parse(name, toml).unwrap_or_else(|message| panic!("{name}: {message:?}"));
            assert_eq!(profile.name, name);
            assert_eq!(profile.limits.lines_per_file, DEFAULT_LINES_PER_FILE);
        }
        assert!(Profile::shipped("none").is_none());
    }

    #[test]
    fn a_bad_profile_is_refused_with_file_and_key() {
        let cases = [
            ("name = \"small\"", "", "bank.profile.syntax", "missing field `name`"),
            ("name = \"small\"", "name = \"\"", "bank.profile.missing", "name"),
            ("name = \"small\"", "nam = \"small\"", "bank.profile.syntax", "nam = \"small\""),
            ("format = \"txt\"", "format = \"pdf\"", "bank.profile.syntax", "format = \"pdf\""),
            ("separator = \"|\"", "separator = \"||\"", "bank.profile.one_character", "separator"),
            ("separator = \"|\"", "separator = \".\"", "bank.profile.one_character", "separator"),
            ("separator = \"|\"", "", "bank.profile.missing", "columns[0].width"),
            ("separator = \"|\"", "separator = \"|\"\nquote = true", "bank.profile.not_for_format", "quote"),
            ("separator = \"|\"", "separator = \"|\"\nsheet_name = \"a\"", "bank.profile.not_for_format", "sheet_name"),
            ("{file}.txt", "a.txt", "bank.profile.file_number", "file_name"),
            ("{file}.txt", "{file}{payer_account}", "bank.profile.placeholder", "file_name"),
            ("{file}.txt", "{file", "bank.profile.placeholder", ""),
            ("heading = \"金额\"", "heading = \"金|额\"", "bank.profile.text", "columns[0].heading"),
            ("heading = \"金额\"", "heading = \"=1\"", "bank.profile.text", "columns[0]"),
            ("heading = \"金额\"", "width = 5", "bank.profile.not_for_format", "columns[0].width"),
            ("heading = \"金额\"", "max_bytes = 0", "bank.profile.range", "columns[0].max_bytes"),
            ("field = \"amount\"", "field = \"text\"", "bank.profile.amount_column", "columns"),
            ("heading = \"金额\"", "[[columns]]\nfield = \"same_bank\"", "bank.profile.missing", "columns[1].yes"),
            ("[[columns]]", "[limits]\nlines_per_file = 0\n[[columns]]", "bank.profile.range", "limits.lines_per_file"),
            (
                "[[columns]]",
                "[limits]\namount_per_day_minor = 0\n[[columns]]",
                "bank.profile.range",
                "limits.amount_per_day_minor",
            ),
            ("[[columns]]", "[[header]]\ncells = []\n[[columns]]", "bank.profile.range", "header[0].cells"),
        ];
        assert!(Profile::parse("small.toml", SMALL).is_ok());
        for (from, to, code, key) in cases {
            let toml = SMALL.replace(from, to);
            let toml = if code == "bank.profile.placeholder" && key.is_empty() {
                toml.replace("{file\"", "{file}{x\"")
            } else {
                toml
            };
            let message = Profile::parse("small.toml", &toml).expect_err(to);
            assert_eq!(message.code, code, "{to}: {message:?}");
            assert_eq!(message.arguments[0], ("file", "small.toml".to_owned()));
            assert!(
                key.is_empty() || message.arguments.iter().any(|(_, value)| value.contains(key)),
                "{to}: {message:?}"
            );
        }
    }

    #[test]
    fn a_wrong_file_is_refused_early() {
        let large = vec![b'#'; MAX_PROFILE_BYTES as usize + 1];
        assert_eq!(Profile::read("a", &large[..]).unwrap_err().code, "bank.profile.too_large");
        assert_eq!(Profile::read("a", &[0xFF][..]).unwrap_err().code, "bank.profile.not_utf8");
        assert_eq!(Profile::read("a", &b"PK\x03\x04"[..]).unwrap_err().code, "bank.profile.syntax");
        assert!(Profile::read("a", format!("\u{FEFF}{SMALL}").as_bytes()).is_ok());
    }
}
