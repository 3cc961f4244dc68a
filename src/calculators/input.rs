//! Rows that a person brings, CSV or JSON, told apart by their first character. Pure: bytes in, cells out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::message::Message;
use crate::tables::{Fault, Record, Records, TextOptions, TextRecords};

/// Rows that are looked at; more is a claimant list, which has a way of its own.
const ROWS_MAX: usize = 100_000;

/// Columns for the reader: a name, a remark.
const IGNORED: [&str; 7] = ["序号", "姓名", "名称", "债权人", "备注", "name", "note"];

/// A field of a row.
pub(crate) struct Field {
    /// As JSON names it.
    pub name: &'static str,
    /// As a table may name it besides.
    pub headings: &'static [&'static str],
    /// Whether the column must be there.
    pub is_required: bool,
}

impl Field {
    fn is_called(&self, heading: &str) -> bool {
        self.name.eq_ignore_ascii_case(heading) || self.headings.contains(&heading)
    }
}

/// One row: its number in the file, from 1 (in a table the heading is row 1), and its cells by field.
#[derive(Debug)]
pub(crate) struct Row {
    pub number: u64,
    cells: BTreeMap<&'static str, String>,
}

impl Row {
    /// A cell; empty where there is none.
    pub fn cell(&self, name: &str) -> &str {
        self.cells.get(name).map_or("", String::as_str)
    }

    /// A refusal of what stands in a cell, with its place.
    pub fn refuse(&self, field: &'static str, why: &Message) -> Message {
        Message::new("calc.cell")
            .with("row", self.number)
            .with("field", field)
            .with("message_zh", why.text(crate::Language::Zh))
            .with("message_en", why.text(crate::Language::En))
    }
}

/// The rows of a CSV or TXT table (UTF-8 or GB18030) or of a JSON list of objects.
///
/// # Errors
/// `calc.table` (unreadable), `calc.table_field` (a column that is not known), `calc.table_missing` (one that must be
/// there), `calc.table_empty`, `calc.table_long`.
pub(crate) fn rows(bytes: &[u8], fields: &[Field]) -> Result<Vec<Row>, Message> {
    let is_json = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    let rows = if is_json { of_json(bytes, fields)? } else { of_table(bytes, fields)? };
    match rows.len() {
        0 => Err(Message::new("calc.table_empty")),
        1..=ROWS_MAX => Ok(rows),
        _ => Err(Message::new("calc.table_long").with("max", ROWS_MAX)),
    }
}

fn unreadable(row: u64, detail: impl std::fmt::Display) -> Message {
    Message::new("calc.table").with("row", row).with("detail", detail)
}

fn unknown(name: &str, fields: &[Field]) -> Message {
    let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
    Message::new("calc.table_field").with("name", name.escape_debug()).with("known", known.join(", "))
}

fn of_json(bytes: &[u8], fields: &[Field]) -> Result<Vec<Row>, Message> {
    let list: Vec<serde_json::Map<String, Value>> =
        serde_json::from_slice(bytes).map_err(|error| unreadable(error.line() as u64, &error))?;
    let mut rows = Vec::with_capacity(list.len());
    for (number, object) in (1..).zip(list) {
        let mut cells = BTreeMap::new();
        for (key, value) in object {
            let Some(field) = fields.iter().find(|field| field.is_called(&key)) else {
                if IGNORED.contains(&key.as_str()) {
                    continue;
                }
                return Err(unknown(&key, fields));
            };
            let text = match value {
                Value::Null => continue,
                Value::String(text) => text,
                // Amounts are decimal strings: a number of JSON is a binary fraction in most programs.
                Value::Number(number) if number.is_u64() && matches!(field.name, "order" | "arrival") => {
                    number.to_string()
                }
                other => return Err(unreadable(number, format!("{key}: {other}"))),
            };
            cells.insert(field.name, text.trim().to_owned());
        }
        if let Some(missing) = fields.iter().find(|field| field.is_required && !cells.contains_key(field.name)) {
            return Err(Message::new("calc.table_missing").with("name", missing.name));
        }
        rows.push(Row { number, cells });
    }
    Ok(rows)
}

fn of_table(bytes: &[u8], fields: &[Field]) -> Result<Vec<Row>, Message> {
    let told = TextOptions { separator: None, encoding: None, quote: true, heading_rows: 1 };
    let is_known =
        |record: &Record| record.cells().filter(|cell| fields.iter().any(|field| field.is_called(cell))).count();
    let fault = |fault: Fault| match fault {
        Fault::Empty => Message::new("calc.table_empty"),
        Fault::Encoding { row, encoding } => unreadable(row, encoding.as_str()),
        Fault::UnclosedQuote { row } => unreadable(row, "\""),
        Fault::TooLong { row } | Fault::NulByte { row } => unreadable(row, "?"),
        Fault::Utf16 => unreadable(1, "UTF-16"),
        Fault::TooLarge { limit } => unreadable(1, limit),
        Fault::Unreadable { reason } => unreadable(1, reason),
        Fault::Io(error) => unreadable(1, error),
    };
    let mut records = TextRecords::open(bytes, told, &is_known).map_err(fault)?;
    let mut record = Record::default();
    records.next(&mut record).map_err(fault)?;
    let mut columns: Vec<Option<&Field>> = Vec::new();
    for heading in record.cells() {
        let field = fields.iter().find(|field| field.is_called(heading));
        if field.is_none() && !heading.is_empty() && !IGNORED.contains(&heading) {
            return Err(unknown(heading, fields));
        }
        columns.push(field);
    }
    let has = |field: &Field| columns.iter().flatten().any(|column| column.name == field.name);
    if let Some(missing) = fields.iter().find(|field| field.is_required && !has(field)) {
        return Err(Message::new("calc.table_missing").with("name", missing.name));
    }
    let mut rows = Vec::new();
    while let Some(number) = records.next(&mut record).map_err(fault)? {
        if record.is_blank() {
            continue;
        }
        let cells = columns.iter().enumerate();
        let cells = cells.filter_map(|(place, field)| Some((field.as_ref()?.name, record.cell(place).to_owned())));
        rows.push(Row { number, cells: cells.collect() });
        if rows.len() > ROWS_MAX {
            break;
        }
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FIELDS: [Field; 3] = [
        Field { name: "claim", headings: &["债权编号"], is_required: true },
        Field { name: "amount", headings: &["债权金额"], is_required: true },
        Field { name: "order", headings: &["顺序"], is_required: false },
    ];

    fn told(bytes: &[u8]) -> Result<Vec<(u64, String, String, String)>, &'static str> {
        let cell = |row: &Row, name: &str| row.cell(name).to_owned();
        rows(bytes, &FIELDS)
            .map(|rows| {
                rows.iter()
                    .map(|row| (row.number, cell(row, "claim"), cell(row, "amount"), cell(row, "order")))
                    .collect()
            })
            .map_err(|message| message.code)
    }

    #[test]
    fn tables_and_lists_give_the_same_rows() {
        let one = |number| vec![(number, "A1".to_owned(), "1,000.00".to_owned(), "2".to_owned())];
        assert_eq!(told("债权编号,姓名,债权金额,顺序\nA1,张三,\"1,000.00\",2\n\n".as_bytes()), Ok(one(2)));
        let (gb18030, ..) = encoding_rs::GB18030.encode("债权编号;债权金额;顺序\r\nA1;1,000.00;2\r\n");
        assert_eq!(told(&gb18030), Ok(one(2)));
        assert_eq!(told(br#" [{"claim": "A1", "amount": "1,000.00", "order": 2, "note": "x"}]"#), Ok(one(1)));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (bytes, code) in [
            ("", "calc.table_empty"),
            ("claim,amount\n", "calc.table_empty"),
            ("[]", "calc.table_empty"),
            ("claim,sum\nA,1\n", "calc.table_field"),
            ("claim\nA\n", "calc.table_missing"),
            ("[{\"claim\": \"A\"}]", "calc.table_missing"),
            ("[{\"claim\": \"A\", \"amount\": 1.1}]", "calc.table"),
            ("[{\"claim\": \"A\", \"amount\": \"1\", \"sum\": \"2\"}]", "calc.table_field"),
            ("[1]", "calc.table"),
            ("claim,amount\n\"A,1\n", "calc.table"),
        ] {
            assert_eq!(told(bytes.as_bytes()), Err(code), "{bytes}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_rows_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a-z,\"\n\\[{}:0-9 ]{0,200}") {
            let _ = rows(&bytes, &FIELDS);
            let _ = rows(text.as_bytes(), &FIELDS);
            let _ = rows(format!("claim,amount\n{text}").as_bytes(), &FIELDS);
        }
    }
}
