//! Pieces that pages are made of.

use maud::{Markup, html};

use crate::cli::catalogue::{Parameter, Takes};
use crate::cli::output::{Heading, Piece, Said};
use crate::{Language, Message};

/// Where a cell of a column leads, by the column's code: `{}` is the cell.
const LINKS: &[(&str, &str)] = &[
    ("column.case_number", "/cases/{}"),
    ("deadlines.column_case", "/cases/{}"),
    ("payout_cli.run", "/payouts/{}"),
    ("sheet.column_run", "/payouts/{}"),
];

/// A case's number as a link to its page.
#[must_use]
pub fn case_link(number: &str) -> Markup {
    html! { a href=(format!("/cases/{}", escape(number))) { (number) } }
}

/// Text for a place in a query.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// What stands between a label and its value.
#[must_use]
pub const fn colon(language: Language) -> &'static str {
    match language {
        Language::Zh => "：",
        Language::En => ": ",
    }
}

/// A cell of a table that leads somewhere.
#[derive(Clone, Debug, Default)]
pub struct Cell {
    /// What it says.
    pub text: String,
    /// Where it leads.
    pub href: Option<String>,
}

impl<T: ToString> From<T> for Cell {
    fn from(value: T) -> Self {
        Self { text: value.to_string(), href: None }
    }
}

impl Cell {
    /// A cell that leads somewhere.
    #[must_use]
    pub fn link(text: impl ToString, href: String) -> Self {
        Self { text: text.to_string(), href: Some(href) }
    }
}

/// A row of a [`Grid`].
#[derive(Clone, Debug)]
pub struct Row {
    /// Its cells, one for each column.
    pub cells: Vec<Cell>,
    /// Whether it adds up what stands above it.
    pub is_total: bool,
}

/// A table that is shown as a page and taken away as a file, from one set of rows.
#[derive(Clone, Debug, Default)]
pub struct Grid {
    /// Its columns.
    pub headings: Vec<Heading>,
    /// Its rows.
    pub rows: Vec<Row>,
}

impl Grid {
    /// An empty table. A column of amounts or counts is marked by `true`.
    #[must_use]
    pub fn new(language: Language, columns: &[(&'static str, bool)]) -> Self {
        let heading = |(code, is_number): &(&'static str, bool)| Heading {
            code: (*code).to_owned(),
            text: Message::new(code).text(language),
            is_number: *is_number,
        };
        Self { headings: columns.iter().map(heading).collect(), rows: Vec::new() }
    }

    /// With one more row.
    pub fn push(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.headings.len(), "a row has one cell per column");
        self.rows.push(Row { cells, is_total: false });
    }

    /// With a row that adds up.
    pub fn push_total(&mut self, cells: Vec<Cell>) {
        debug_assert_eq!(cells.len(), self.headings.len(), "a row has one cell per column");
        self.rows.push(Row { cells, is_total: true });
    }

    /// As what a command says, for a file.
    #[must_use]
    pub fn said(&self) -> Said {
        let rows = self.rows.iter().map(|row| row.cells.iter().map(|cell| cell.text.clone()).collect()).collect();
        Said { object: None, pieces: vec![Piece::Table { headings: self.headings.clone(), rows }] }
    }

    /// As a table of a page. On a narrow screen each row stands as a block of labels and values.
    #[must_use]
    pub fn markup(&self) -> Markup {
        html! {
            div.scroll {
                table {
                    thead { tr {
                        @for heading in &self.headings { th.number[heading.is_number] scope="col" { (heading.text) } }
                    } }
                    tbody {
                        @for row in &self.rows {
                            tr.sum[row.is_total] {
                                @for (heading, cell) in self.headings.iter().zip(&row.cells) {
                                    td.number[heading.is_number] data-label=(heading.text) {
                                        @match &cell.href {
                                            Some(href) => { a href=(href) { (cell.text) } }
                                            None => { (cell.text) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Whether a link leads to the page that is shown.
#[must_use]
pub fn is_here(path: &str, href: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    let is_below =
        href.len() > 1 && !href.contains("/do/") && path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/'));
    path == href || is_below
}

/// What a command said.
#[must_use]
pub fn said(said: &Said) -> Markup {
    html! { @for piece in &said.pieces { (one(piece)) } }
}

fn one(piece: &Piece) -> Markup {
    match piece {
        Piece::Line(text) if text.contains('\n') => html! { pre { (text) } },
        Piece::Line(text) => html! { p { (text) } },
        Piece::Pairs(pairs) => html! {
            dl.pairs { @for (label, value) in pairs { div { dt { (label) } dd { (value) } } } }
        },
        Piece::Table { headings, rows } => table(headings, rows),
    }
}

/// A table. On a narrow screen each row stands as a block of labels and values.
#[must_use]
pub fn table(headings: &[Heading], rows: &[Vec<String>]) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { @for heading in headings { th.number[heading.is_number] scope="col" { (heading.text) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (heading, cell) in headings.iter().zip(row) {
                                td.number[heading.is_number] data-label=(heading.text) { (linked(heading, cell)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn linked(heading: &Heading, cell: &str) -> Markup {
    let link = LINKS.iter().find(|(code, _)| *code == heading.code && !cell.is_empty());
    match link {
        Some((_, pattern)) => html! { a href=(pattern.replace("{}", &escape(cell))) { (cell) } },
        None => html! { (cell) },
    }
}

/// A field of a form for a parameter of a command.
#[must_use]
pub fn field(parameter: &Parameter, language: Language, value: &str) -> Markup {
    field_called(&format!("p-{}", parameter.name), parameter, language, value)
}

/// As [`field`], where several forms of a page have one of the same name.
#[must_use]
pub fn field_called(id: &str, parameter: &Parameter, language: Language, value: &str) -> Markup {
    let name = parameter.name.as_str();
    let value = if value.is_empty() { parameter.default.as_deref().unwrap_or_default() } else { value };
    let required = parameter.is_required;
    let control = match &parameter.takes {
        Takes::Flag => html! { input id=(id) type="checkbox" name=(name) value="true" checked[value == "true"]; },
        Takes::Choice(_) => html! {
            select id=(id) name=(name) required[required] {
                @if !required { option value="" {} }
                @for choice in &parameter.choices {
                    option value=(choice.word) selected[choice.word == value] { (choice.text(language)) }
                }
            }
        },
        Takes::File => html! { input id=(id) type="file" name=(name) required[required] multiple[parameter.is_list]; },
        _ if parameter.is_list => html! {
            textarea id=(id) name=(name) rows="3" required[required]
                placeholder=(Message::new("web.one_a_line").text(language)) { (value) }
        },
        Takes::Date => html! { input id=(id) type="date" name=(name) value=(value) required[required]; },
        Takes::Number => html! {
            input id=(id) type="text" inputmode="numeric" name=(name) value=(value) required[required];
        },
        Takes::Yuan => html! {
            input.amount id=(id) type="text" inputmode="decimal" name=(name) value=(value) required[required];
        },
        Takes::Text | Takes::Name | Takes::Output => html! {
            input id=(id) type="text" name=(name) value=(value) required[required];
        },
    };
    html! {
        div.field.flag[parameter.takes == Takes::Flag] {
            label for=(id) { (parameter.label(language)) @if required { span.must title="*" { " *" } } }
            (control)
        }
    }
}
