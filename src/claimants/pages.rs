//! What a claimant reads: a form, a page, a receipt. No script, no cookie, nothing from outside.

use ankuan_ledger::Amount;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, html};

use super::view::Seen;
use crate::clock::{day_in_shanghai, shown_in_shanghai};
use crate::{Language, Message};

fn t(code: &'static str, language: Language) -> String {
    Message::new(code).text(language)
}

/// Where the pages of a language are: Chinese at the root.
pub(super) const fn base(language: Language) -> &'static str {
    match language {
        Language::Zh => "/",
        Language::En => "/en",
    }
}

const fn correction_path(language: Language) -> &'static str {
    match language {
        Language::Zh => "/correction",
        Language::En => "/en/correction",
    }
}

pub(super) const fn tag(language: Language) -> &'static str {
    match language {
        Language::Zh => "zh-CN",
        Language::En => "en",
    }
}

/// A whole page.
#[must_use]
pub fn page(language: Language, title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(tag(language)) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="data:,";
            }
            body.claimant {
                main #main {
                    (body)
                    p.languages {
                        @match language {
                            Language::Zh => { a href=(base(Language::En)) lang="en" hreflang="en" { "English" } }
                            Language::En => { a href=(base(Language::Zh)) lang="zh-CN" hreflang="zh-CN" { "中文" } }
                        }
                    }
                }
            }
        }
    }
}

fn field(language: Language, name: &str, label: &'static str, hint: Option<&'static str>, control: &Markup) -> Markup {
    html! {
        div.field {
            label for=(name) { (t(label, language)) }
            (control)
            @if let Some(hint) = hint { small.hint id=(format!("{name}-hint")) { (t(hint, language)) } }
        }
    }
}

/// The form by which a claimant looks. Only the case number stays in it after a refusal.
#[must_use]
pub fn form(language: Language, court: &str, case: &str, refused: Option<&Message>) -> Markup {
    let body = html! {
        p.court-name { (court) }
        h1 { (t("claimants.title", language)) }
        p { (t("claimants.intro", language)) }
        @if let Some(message) = refused { p.refusal role="alert" { (message.text(language)) } }
        form method="post" action=(base(language)) autocomplete="off" {
            (field(language, "case", "claimants.field_case", Some("claimants.hint_case"), &html! {
                input #case name="case" value=(case) required maxlength="60" aria-describedby="case-hint";
            }))
            (field(language, "document", "claimants.field_document", None, &html! {
                input #document name="document" required maxlength="64" autocapitalize="characters" spellcheck="false";
            }))
            (field(language, "code", "claimants.field_code", Some("claimants.hint_code"), &html! {
                input #code.mono name="code" required maxlength="24" autocapitalize="characters" spellcheck="false"
                    aria-describedby="code-hint";
            }))
            button { (t("claimants.look", language)) }
        }
        p.hint { (t("claimants.warning", language)) }
    };
    page(language, &t("claimants.title", language), &body)
}

fn money(amount: Amount) -> Markup {
    html! { span.money { (amount) } }
}

/// What a claimant sees of their claim: on the page and in the letter alike.
#[must_use]
pub fn account(language: Language, seen: &Seen) -> Markup {
    let figures = seen.figures();
    let row = |label: &'static str, amount: Amount| {
        html! { div { dt { (t(label, language)) } dd { (money(amount)) } } }
    };
    html! {
        dl.pairs.figures {
            (row("claimants.figure_claim", seen.claim))
            (row("claimants.figure_granted", figures.granted))
            (row("claimants.figure_paid", figures.paid))
            @if figures.on_way > Amount::ZERO { (row("claimants.figure_on_way", figures.on_way)) }
            @if figures.back > Amount::ZERO { (row("claimants.figure_back", figures.back)) }
            @if figures.kept > Amount::ZERO { (row("claimants.figure_kept", figures.kept)) }
            @if figures.carried > Amount::ZERO { (row("claimants.figure_carried", figures.carried)) }
            (row("claimants.figure_open", figures.open))
        }
        h2 { (t("claimants.next", language)) }
        ul.next { @for message in seen.next() { li { (message.text(language)) } } }
        @if !seen.payments.is_empty() {
            h2 { (t("claimants.payments", language)) }
            ul.payments {
                @for payment in &seen.payments {
                    li {
                        (money(payment.amount)) " "
                        (Message::new("claimants.to_account")
                            .with("holder", &payment.holder)
                            .with("bank", &payment.account.bank)
                            .with("last_four", &payment.account.last_four)
                            .text(language))
                        br;
                        small { (payment.said().text(language)) }
                    }
                }
            }
        }
        @for round in seen.rounds.iter().rev() {
            section.round {
                h2 { (Message::new("claimants.round").with("round", round.round_no).text(language)) }
                ol { @for line in round.explanation.lines() { li { (line.text(language)) } } }
            }
        }
    }
}

/// Who it is about.
#[must_use]
pub fn about(language: Language, seen: &Seen) -> Markup {
    html! {
        p.court-name { (seen.court) }
        h1 { (Message::new("claimants.of_name").with("name", &seen.name).text(language)) }
        p.soft {
            (Message::new("claimants.of_case")
                .with("case", &seen.case)
                .with("claimant", &seen.claimant_no)
                .with("at", shown_in_shanghai(seen.as_of))
                .text(language))
        }
        @if let Some(line) = seen.share_line() { p.share { (line.text(language)) } }
    }
}

/// What a claimant typed into the form of a correction.
#[derive(Clone, Copy, Default)]
pub struct Typed<'a> {
    /// 户名
    pub holder: &'a str,
    /// 开户行
    pub bank: &'a str,
    /// 账号
    pub account: &'a str,
    /// 账号, again.
    pub again: &'a str,
}

/// The page of a claim. `token` stands for what was proved, in the form of a correction.
#[must_use]
pub fn claim(language: Language, seen: &Seen, token: &str, typed: Typed<'_>, refused: Option<&Message>) -> Markup {
    let body = html! {
        @if let Some(message) = refused { p.refusal role="alert" { a href="#correction" { (message.text(language)) } } }
        (about(language, seen))
        (account(language, seen))
        section.card #correction {
            h2 { (t("claimants.correct", language)) }
            p {
                (Message::new("claimants.account_now")
                    .with("bank", &seen.account.bank)
                    .with("last_four", &seen.account.last_four)
                    .text(language))
            }
            @if seen.may_correct {
                (correction_form(language, token, typed))
            } @else {
                p { (t("claimants.correct_at_court", language)) }
            }
        }
        p { a.button.plain href=(base(language)) { (t("claimants.leave", language)) } }
    };
    page(language, &t("claimants.title", language), &body)
}

fn correction_form(language: Language, token: &str, typed: Typed<'_>) -> Markup {
    html! {
        p { (t("claimants.correct_intro", language)) }
        form method="post" action=(correction_path(language)) autocomplete="off" {
            input type="hidden" name="token" value=(token);
            (field(language, "holder", "claimants.field_holder", Some("claimants.hint_holder"), &html! {
                input #holder name="holder" value=(typed.holder) required maxlength="140" aria-describedby="holder-hint";
            }))
            (field(language, "bank", "claimants.field_bank", Some("claimants.hint_bank"), &html! {
                input #bank name="bank" value=(typed.bank) required maxlength="140" aria-describedby="bank-hint";
            }))
            (field(language, "account", "claimants.field_account", None, &html! {
                input #account.mono name="account" value=(typed.account) required maxlength="40" inputmode="numeric";
            }))
            (field(language, "again", "claimants.field_again", None, &html! {
                input #again.mono name="again" value=(typed.again) required maxlength="40" inputmode="numeric";
            }))
            button { (t("claimants.send", language)) }
        }
    }
}

/// The page after a correction was given.
#[must_use]
pub fn receipt(language: Language, receipt: &str) -> Markup {
    let body = html! {
        h1 { (t("claimants.received", language)) }
        p.share.mono { (receipt) }
        p { (t("claimants.received_next", language)) }
        p { a.button.plain href=(base(language)) { (t("claimants.leave", language)) } }
    };
    page(language, &t("claimants.received", language), &body)
}

/// A page that says why there is no other.
#[must_use]
pub fn sorry(language: Language, message: &Message) -> Markup {
    let body = html! {
        h1 { (t("claimants.title", language)) }
        p.refusal role="alert" { (message.text(language)) }
        p { a.button.plain href=(base(language)) { (t("claimants.back_to_form", language)) } }
    };
    page(language, &t("claimants.title", language), &body)
}

/// The day in China of an instant (µs).
pub(super) fn day(at: i64) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| String::new(), |at| day_in_shanghai(at).to_string())
}
