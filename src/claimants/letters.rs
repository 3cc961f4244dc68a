//! Letters for those whom no message reaches: everything the page says, the code, and a slip to send back. One HTML file,
//! printed as it is: a page of A4 for each.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::codes::shown;
use super::pages;
use super::view::Seen;
use crate::{Language, Message};

/// How a letter looks. It stands in the file: a file that is carried to a printer has nothing beside it.
const STYLE: &str = include_str!("letter.css");

/// A letter.
pub struct Letter<'a> {
    /// What it tells.
    pub seen: &'a Seen,
    /// The code; none for somebody without a document number.
    pub code: Option<(&'a str, i64)>,
}

/// The letters as a file.
#[must_use]
pub fn file(language: Language, address: Option<&str>, letters: &[Letter<'_>]) -> String {
    let title = Message::new("claimants.letter_title").text(language);
    let page = html! {
        (DOCTYPE)
        html lang=(pages::tag(language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { @for letter in letters { (one(language, address, letter)) } }
        }
    };
    page.into_string()
}

fn one(language: Language, address: Option<&str>, letter: &Letter<'_>) -> Markup {
    let t = |code| Message::new(code).text(language);
    let seen = letter.seen;
    html! {
        article.letter {
            (pages::about(language, seen))
            (pages::account(language, seen))
            @if let Some((code, expires_at)) = letter.code {
                section.code {
                    h2 { (t("claimants.letter_code")) }
                    p.code-text { (shown(code)) }
                    p {
                        @match address {
                            Some(address) => {
                                (Message::new("claimants.letter_look")
                                    .with("address", address)
                                    .with("until", pages::day(expires_at))
                                    .text(language))
                            }
                            None => {
                                (Message::new("claimants.letter_keep").with("until", pages::day(expires_at)).text(language))
                            }
                        }
                    }
                }
            }
            section.slip {
                h2 { (t("claimants.slip")) }
                p { (t("claimants.slip_intro")) }
                table {
                    tbody {
                        @for label in ["claimants.field_holder", "claimants.field_bank", "claimants.field_account",
                                       "claimants.slip_signature"] {
                            tr { th scope="row" { (t(label)) } td {} }
                        }
                    }
                }
                p.reference { (seen.case) " · " (seen.claimant_no) " · " (seen.name) }
            }
        }
    }
}
