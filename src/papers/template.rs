//! The one template of all forms: A4, black on white, both in a page of the service and as a file of its own.

use ankuan_ledger::chain::hex;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Form, FormTable, Print, SignatureBox};
use crate::bank::capital_amount::capital_amount;
use crate::clock;
use crate::message::{Language, Message};

/// How forms look; the service serves it, a file of its own carries it.
pub const STYLE: &str = include_str!("form.css");

/// A form, with the print that it is, or as a preview.
#[must_use]
pub fn form(form: &Form, print: Option<&Print>, language: Language) -> Markup {
    let t = |code| Message::new(code).text(language);
    let digest = form.digest();
    let has_changed = print.is_some_and(|print| print.digest != digest);
    html! {
        article.form {
            @if let Some(stamp) = &form.stamp { p.stamp { (stamp.text(language)) } }
            p.court-name { (form.court) }
            h1 { (form.kind.message().text(language)) }
            div.form-head {
                span { (t("forms.number")) (if language == Language::Zh { "：" } else { ": " }) @match print { Some(print) => b { (print.number) }, None => { "—" } } }
                @match print {
                    None => span.preview { (t("forms.preview")) }
                    Some(print) if print.print_no == 1 => span { (t("forms.original")) }
                    Some(print) => span { (Message::new("forms.reprint").with("count", print.print_no - 1).text(language)) }
                }
            }
            table.fields { tbody {
                @for pair in form.fields.chunks(2) {
                    tr {
                        @let is_alone = pair.len() == 1;
                        @for (label, said) in pair {
                            th scope="row" { (t(label)) }
                            td colspan=[is_alone.then_some("3")] { (said.text(language)) }
                        }
                    }
                }
                @if let Some(amount) = form.amount {
                    tr {
                        th scope="row" { (t("forms.amount")) }
                        td colspan="3" { b { "¥ " (amount) } " " span.capital { (capital_amount(amount).unwrap_or_default()) } }
                    }
                }
            } }
            @for listed in &form.tables { (table(listed, language)) }
            @for note in &form.notes { p.note { (note.text(language)) } }
            div.sign { @for one in &form.boxes { (signature(one, language)) } }
            @if has_changed { p.changed role="alert" { (t("forms.has_changed")) } }
            p.small {
                (t("forms.digest")) " " code { (hex(&digest)) }
                @if let Some(print) = print {
                    br; (t("forms.printed")) " " (print.actor_name) " " (clock::shown_in_shanghai(print.recorded_at))
                    @if has_changed { br; (t("forms.digest_then")) " " code { (hex(&print.digest)) } }
                }
            }
        }
    }
}

/// Whether a text is one day, amount, share or number of a case, which nobody reads over two lines.
#[must_use]
pub fn is_whole(text: &str) -> bool {
    const SHORT: usize = 24;
    let is_figure = |character: char| character.is_ascii_digit() || "-:.,%/ ".contains(character);
    let is_case = text.starts_with('（') && text.contains('号');
    text.chars().count() <= SHORT && (is_case || text.chars().all(is_figure))
}

fn table(listed: &FormTable, language: Language) -> Markup {
    let t = |code| Message::new(code).text(language);
    html! {
        @if !listed.caption.is_empty() { h2 { (t(listed.caption)) } }
        table.listed {
            thead { tr { @for (code, is_number) in &listed.columns { th.number[*is_number] scope="col" { (t(code)) } } } }
            tbody {
                @for row in &listed.rows {
                    tr { @for ((code, is_number), cell) in listed.columns.iter().zip(row) {
                        @let said = cell.text(language);
                        td.number[*is_number].whole[is_whole(&said)] data-label=(t(code)) { (said) }
                    } }
                }
            }
        }
    }
}

fn signature(one: &SignatureBox, language: Language) -> Markup {
    let t = |code| Message::new(code).text(language);
    html! {
        div {
            span {
                (one.label.text(language))
                @if let Some(role) = &one.role { (language.in_brackets(&role.text(language))) }
            }
            @match &one.signed {
                None => span.date { (t("forms.sign_here")) }
                Some(signed) => {
                    b {
                        (signed.name)
                        @if let Some(other) = &signed.on_behalf_of { (language.in_brackets(&format!("{} {other}", t("forms.for")))) }
                    }
                    span.date { (clock::shown_in_shanghai(signed.at)) }
                    @if let Some(signature) = &signed.signature { code { (t("forms.signature")) " " (signature) "…" } }
                }
            }
        }
    }
}

/// A form as a file of its own, which needs nothing else.
#[must_use]
pub fn document(shown: &Form, print: Option<&Print>, language: Language) -> String {
    let tag = if language == Language::Zh { "zh-CN" } else { "en" };
    let page = html! {
        (DOCTYPE)
        html lang=(tag) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (shown.kind.message().text(language)) }
                style { (PreEscaped(STYLE)) }
            }
            body { (form(shown, print, language)) }
        }
    };
    page.into_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_amounts_and_numbers_of_cases_stay_whole() {
        for text in ["2026-11-23", "2026-11-23 01:54:58", "-1,606.92", "29.82%", "（2026）浙01执311号之一"] {
            assert!(is_whole(text), "{text}");
        }
        for text in ["俞敏", "P2026-0001-interbank.csv", "银行存款日记账", "（含更正）"] {
            assert!(!is_whole(text), "{text}");
        }
    }
}
