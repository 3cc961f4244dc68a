//! Pieces that pages are made of.

use maud::{Markup, html};

use crate::cli::catalogue::{Parameter, Takes};
use crate::cli::output::{Heading, Piece, Said};
use crate::papers::template::is_whole;
use crate::{Language, Message};

/// Where a cell of a column leads, by the column's code: `{}` is the cell.
const LINKS: &[(&str, &str)] = &[
    ("column.case_number", "/cases/{}"),
    ("deadlines.column_case", "/cases/{}"),
    ("payout_cli.run", "/payouts/{}"),
    ("sheet.column_run", "/payouts/{}"),
];

/// Columns that a page of A4 holds upright; a wider table is printed across.
const COLUMNS_UPRIGHT: usize = 6;

/// A case's number as a link to its page.
#[must_use]
pub fn case_link(number: &str) -> Markup {
    html! { a.whole href=(format!("/cases/{}", escape(number))) { (number) } }
}

/// A day or a number that stays on one line.
#[must_use]
pub fn whole(text: impl ToString) -> Markup {
    html! { span.whole { (text.to_string()) } }
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
            div.scroll.wide[self.headings.len() > COLUMNS_UPRIGHT] {
                table {
                    thead { tr {
                        @for heading in &self.headings { th.number[heading.is_number] scope="col" { (heading.text) } }
                    } }
                    tbody {
                        @for row in &self.rows {
                            tr.sum[row.is_total] {
                                @for (heading, cell) in self.headings.iter().zip(&row.cells) {
                                    td.number[heading.is_number].whole[is_whole(&cell.text)] data-label=(heading.text) {
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
        div.scroll.wide[headings.len() > COLUMNS_UPRIGHT] {
            table {
                thead { tr { @for heading in headings { th.number[heading.is_number] scope="col" { (heading.text) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (heading, cell) in headings.iter().zip(row) {
                                td.number[heading.is_number].whole[is_whole(cell)] data-label=(heading.text) {
                                    (linked(heading, cell))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn linked(heading: &Heading, cell: &str) -> Markup {
    let link = LINKS.iter().find(|(code, _)| *code == heading.code);
    // What stands behind the number, as the state of a run does, is said of it.
    match (link, cell.split_whitespace().next()) {
        (Some((_, pattern)), Some(number)) => html! { a href=(pattern.replace("{}", &escape(number))) { (cell) } },
        _ => html! { (cell) },
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
    let (label, hint) = caption(parameter, language);
    let hint_id = format!("{id}-hint");
    let hint_id = (!hint.is_empty()).then_some(hint_id.as_str());
    if parameter.is_list && matches!(parameter.takes, Takes::Choice(_)) {
        return html! {
            fieldset.field.long {
                legend { (label) @if required { span.must title="*" { "\u{a0}*" } } }
                @for choice in &parameter.choices {
                    label { input type="checkbox" name=(name) value=(choice.word)
                        checked[value.lines().any(|chosen| chosen == choice.word)]; (choice.text(language)) }
                }
                @if !hint.is_empty() { small.hint { (hint) } }
            }
        };
    }
    let control = match &parameter.takes {
        Takes::Flag => html! {
            input id=(id) type="checkbox" name=(name) value="true" checked[value == "true"] aria-describedby=[hint_id];
        },
        Takes::Choice(_) => html! {
            select id=(id) name=(name) required[required] aria-describedby=[hint_id] {
                // Nothing is chosen for anybody who has not chosen.
                option value="" { "—" }
                @for choice in &parameter.choices {
                    option value=(choice.word) selected[choice.word == value] { (choice.text(language)) }
                }
            }
        },
        Takes::File => html! {
            input id=(id) type="file" name=(name) required[required] multiple[parameter.is_list] aria-describedby=[hint_id];
        },
        _ if parameter.is_list => html! {
            textarea id=(id) name=(name) rows="3" required[required] aria-describedby=[hint_id]
                placeholder=(Message::new("web.one_a_line").text(language)) { (value) }
        },
        Takes::Date => html! {
            input id=(id) type="date" name=(name) value=(value) required[required] aria-describedby=[hint_id];
        },
        Takes::Number => html! {
            input id=(id) type="text" inputmode="numeric" name=(name) value=(value) required[required] aria-describedby=[hint_id];
        },
        Takes::Yuan => html! {
            input.amount id=(id) type="text" inputmode="decimal" name=(name) value=(value) required[required]
                aria-describedby=[hint_id];
        },
        Takes::Text | Takes::Name | Takes::Output => html! {
            input id=(id) type="text" name=(name) value=(value) required[required] aria-describedby=[hint_id];
        },
    };
    let is_long = parameter.takes == Takes::File || (parameter.is_list && parameter.takes != Takes::Flag);
    html! {
        div.field.flag[parameter.takes == Takes::Flag].long[is_long] {
            label for=(id) { (label) @if required { span.must title="*" { "\u{a0}*" } } }
            (control)
            @if let Some(hint_id) = hint_id { small.hint id=(hint_id) { (hint) } }
        }
    }
}

/// What a field is called.
#[must_use]
pub fn label(parameter: &Parameter, language: Language) -> String {
    caption(parameter, language).0
}

/// What a field is called, and what helps to fill it: the beginning of a parameter's help, and the rest of it, without what
/// only a terminal knows.
fn caption(parameter: &Parameter, language: Language) -> (String, String) {
    const OF_A_TERMINAL: [&str; 6] = [
        "，- 为标准输入",
        "; - reads standard input",
        "，可多次给出",
        "; may be given again",
        "，可多次",
        "，每人一次",
    ];
    let mut text = parameter.label(language).to_owned();
    for words in OF_A_TERMINAL {
        text = text.replace(words, "");
    }
    // What a box says stands beside it.
    let (label, hint) = if parameter.takes == Takes::Flag { (text.as_str(), "") } else { split(&text) };
    // What the default is stood behind the list of words, which is the field itself.
    let hint = if matches!(hint, "default" | "默认") { "" } else { hint };
    (label.to_owned(), hint.to_owned())
}

/// A text at its first semicolon or colon outside brackets; where there is none, at its only comma.
fn split(text: &str) -> (&str, &str) {
    // What counts where nothing is given belongs together.
    if let Some(place) = text.find(", default: ") {
        return (&text[..place], &text[place + 2..]);
    }
    let at = |marks: [&str; 2]| {
        let mut depth = 0_i32;
        let mut places = Vec::new();
        for (place, character) in text.char_indices() {
            match character {
                '(' | '（' | '[' => depth += 1,
                ')' | '）' | ']' => depth -= 1,
                _ => {}
            }
            let found = marks.into_iter().find(|mark| text[place..].starts_with(mark));
            places.extend(found.filter(|_| depth == 0).map(|mark| (place, mark.len())));
        }
        places
    };
    let first = [at(["；", "; "]), at(["：", ": "])].into_iter().filter_map(|places| places.first().copied()).min();
    // The name of a format is no name of a field.
    let first = first.filter(|(place, _)| text.is_ascii() || !text[..*place].is_ascii());
    let commas = at(["，", ", "]);
    let only = commas.first().copied().filter(|_| commas.len() == 1);
    first.or(only).map_or((text, ""), |(place, length)| (&text[..place], &text[place + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_help_is_a_label_and_a_hint() {
        assert_eq!(split("案号；不填即待认领"), ("案号", "不填即待认领"));
        assert_eq!(split("证据：收条、笔录、协议"), ("证据", "收条、笔录、协议"));
        assert_eq!(split("First day; default: the accounting date"), ("First day", "default: the accounting date"));
        assert_eq!(
            split("Who fetched it, default: who imports; more"),
            ("Who fetched it", "default: who imports; more")
        );
        assert_eq!(split("确认人，不得与经办人相同"), ("确认人", "不得与经办人相同"));
        assert_eq!(split("Details (TOML: holder, account)"), ("Details (TOML: holder, account)", ""));
        assert_eq!(split("One, two, three"), ("One, two, three", ""), "a list");
        assert_eq!(split("案号"), ("案号", ""));
        assert_eq!(split("CSV：案号、金额"), ("CSV：案号、金额", ""));
    }
}
