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

/// Whether a link leads to the page that is shown.
#[must_use]
pub fn is_here(path: &str, href: &str) -> bool {
    path.split('?').next() == Some(href)
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

/// A word of a closed list, as people read it.
fn choice(word: &str, meaning: &str, language: Language) -> String {
    if language == Language::Zh && !meaning.is_empty() { meaning.to_owned() } else { word.replace('_', " ") }
}

/// A field of a form for a parameter of a command.
#[must_use]
pub fn field(parameter: &Parameter, language: Language, value: &str) -> Markup {
    let id = format!("p-{}", parameter.name);
    let name = parameter.name.as_str();
    let value = if value.is_empty() { parameter.default.as_deref().unwrap_or_default() } else { value };
    let required = parameter.is_required;
    let control = match &parameter.takes {
        Takes::Flag => html! { input id=(id) type="checkbox" name=(name) value="true" checked[value == "true"]; },
        Takes::Choice(words) => html! {
            select id=(id) name=(name) required[required] {
                @if !required { option value="" {} }
                @for (word, meaning) in words {
                    option value=(word) selected[word == value] { (choice(word, meaning, language)) }
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
            label for=(id) { (parameter.help(language)) @if required { span.must title="*" { " *" } } }
            (control)
        }
    }
}
