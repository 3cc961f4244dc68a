//! A distribution before it is one: upload a list, try settings, see the effect, submit.

use std::collections::HashMap;

use ankuan_ledger::Amount;
use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::command::hidden;
use super::{App, Sorry, Viewer, blocking, cases as case_pages, page, parts};
use crate::cases::{self, Case};
use crate::claims::record::{StoredList, lists_of_case};
use crate::payouts::distribute::{Outcome as ShareOutcome, Plan, Rule, SetAside, Share};
use crate::payouts::explain::percent;
use crate::payouts::rounds::{self, Preview, StoredDistribution, distributions_of_case};
use crate::report::case_money::{available_of_case, names_of_claims};
use crate::{Failure, Message, amount, books};

/// Shares that are shown of a preview.
const SHARES_SHOWN: usize = 10;

/// The settings that are tried.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Settings {
    #[serde(default)]
    rule: String,
    #[serde(default)]
    pot: String,
    #[serde(default)]
    smallest: String,
}

impl Settings {
    fn rule(&self) -> Option<Rule> {
        match self.rule.as_str() {
            "pro-rata" => Some(Rule::ProRata),
            "ranked" => Some(Rule::Ranked),
            "fixed" => Some(Rule::Fixed),
            _ => None,
        }
    }

    fn plan(&self, rule: Rule) -> Result<(Option<Amount>, Plan), Message> {
        let parse = |text: &str| {
            let text = text.trim();
            if text.is_empty() { Ok(None) } else { amount::parse_yuan(text).map(Some) }
        };
        Ok((parse(&self.pot)?, Plan { smallest_payment: parse(&self.smallest)?, ..Plan::new(rule) }))
    }
}

/// What a preview comes to, beside its proof.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// The largest share to be paid.
    pub largest: Amount,
    /// The smallest.
    pub smallest: Amount,
    /// What is set aside, by reason: how many, and what they come to.
    pub aside: Vec<(SetAside, u64, Amount)>,
    /// Claims that get nothing.
    pub nothing: u64,
}

/// Sums shares up.
#[must_use]
pub fn effect(shares: &[Share]) -> Effect {
    let paid = || shares.iter().filter(|share| share.outcome == ShareOutcome::Paid).map(|share| share.granted);
    let of = |reason: SetAside| {
        let all = || shares.iter().filter(move |share| share.outcome == ShareOutcome::SetAside(reason));
        let sum = Amount::sum(all().map(|share| share.granted)).unwrap_or_default();
        (reason, all().count() as u64, sum)
    };
    Effect {
        largest: paid().max().unwrap_or_default(),
        smallest: paid().min().unwrap_or_default(),
        aside: SetAside::ALL.into_iter().map(of).filter(|(_, count, _)| *count > 0).collect(),
        nothing: shares.iter().filter(|share| share.outcome == ShareOutcome::Nothing).count() as u64,
    }
}

/// A preview, and the names of the claims that are shown of it.
type Tried = (Preview, HashMap<i64, String>);

struct Shown {
    case: Case,
    lists: Vec<StoredList>,
    distributions: Vec<StoredDistribution>,
    free: Vec<i64>,
    available: Amount,
    tried: Option<Result<Tried, Message>>,
}

/// The page.
///
/// # Errors
/// `cases.unknown`. What the settings are refused for is shown.
pub async fn show(
    State(service): App,
    viewer: Viewer,
    Path(number): Path<String>,
    Query(settings): Query<Settings>,
) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let wanted = settings.clone();
    let read = blocking(&service, move |service| {
        service.read(|tx| {
            let book = books::case_money(court_id);
            let case = cases::find_case(tx, book, &number)?;
            let id = case.case_id;
            let tried = match wanted.rule().map(|rule| wanted.plan(rule)) {
                None => None,
                Some(Err(message)) => Some(Err(message)),
                Some(Ok((pot, plan))) => match rounds::preview(tx, court_id, id, pot, &plan) {
                    Ok(preview) => {
                        let first = preview.shares.iter().take(SHARES_SHOWN).map(|share| share.claim_id);
                        let names = names_of_claims(tx, book, &first.collect::<Vec<_>>())?;
                        Some(Ok((preview, names)))
                    }
                    Err(Failure::Refused(message)) => Some(Err(message)),
                    Err(broken) => return Err(broken),
                },
            };
            let free = crate::report::payout_view::free_sources(tx, court_id)?;
            Ok(Shown {
                lists: lists_of_case(tx, court_id, id)?,
                distributions: distributions_of_case(tx, court_id, id)?,
                free: free
                    .iter()
                    .filter(|one| {
                        one.source.case_id == id && one.source.kind == crate::payouts::runs::SourceKind::Distribution
                    })
                    .map(|one| one.source.source_id)
                    .collect(),
                available: available_of_case(tx, book, id)?,
                case,
                tried,
            })
        })
    });
    let shown = read.await.map_err(|failure| viewer.sorry(failure))?;
    let number = shown.case.current_number();
    let title = format!("{} {number}", viewer.t("web_distribution.title"));
    let here = format!("/cases/{}/distribution", parts::escape(number));
    let body = html! {
        h1 { (viewer.t("web_distribution.title")) " " (parts::whole(number)) }
        p { (parts::case_link(number)) " " (shown.case.title) }
        section.card {
            h2 { "1 " (viewer.t("web_distribution.list")) }
            @if !shown.lists.is_empty() { (case_pages::list_table(&viewer, &shown.lists)) }
            (upload(&viewer, number, &here))
        }
        section.card #try {
            h2 { "2 " (viewer.t("web_distribution.settings")) }
            p { (Message::new("web_distribution.available").with("amount", shown.available).text(viewer.language)) }
            (settings_form(&viewer, &here, &settings))
            @match &shown.tried {
                None => {}
                Some(Err(message)) => p.refusal role="alert" { (message.text(viewer.language)) " " code { (message.code) } },
                Some(Ok((preview, names))) => {
                    (effect_of(&viewer, preview, names))
                    (submit(&viewer, number, &here, &settings))
                }
            }
        }
        section.card {
            h2 { "3 " (viewer.t("web_distribution.made")) }
            @if shown.distributions.is_empty() { p.empty { (viewer.t("web.none")) } } @else {
                (case_pages::distribution_table(&viewer, &shown.distributions))
            }
            @for id in &shown.free {
                p { a.button href=(format!("/do/payout/draft?distributions={id}")) {
                    (Message::new("web_distribution.into_run").with("distribution", id).text(viewer.language))
                } }
            }
        }
    };
    Ok(page(&viewer, &title, &body))
}

fn upload(viewer: &Viewer, number: &str, here: &str) -> Markup {
    let t = |code| viewer.t(code);
    html! {
        form method="post" action="/do/claims/import" enctype="multipart/form-data" {
            (hidden(viewer, here))
            input type="hidden" name="case" value=(number);
            div.field { label for="file" { (t("web_distribution.file")) span.must { " *" } }
                input #file type="file" name="file" required accept=".csv,.txt,.xlsx,.xls"; }
            div.row {
                div.field { label for="rows" { (t("web_distribution.expect_rows")) } input #rows type="text" inputmode="numeric" name="expect_rows"; }
                div.field { label for="sum" { (t("web_distribution.expect_sum")) } input #sum.amount type="text" inputmode="decimal" name="expect_sum"; }
            }
            div.field.flag { label for="keep" { (t("web_distribution.keep_broken")) } input #keep type="checkbox" name="keep_broken" value="true"; }
            button { (t("web_distribution.upload")) }
            p.hint { (t("web_distribution.upload_hint")) }
        }
    }
}

fn settings_form(viewer: &Viewer, here: &str, settings: &Settings) -> Markup {
    let t = |code| viewer.t(code);
    let rules = [
        ("pro-rata", "web_distribution.pro_rata"),
        ("ranked", "web_distribution.ranked"),
        ("fixed", "web_distribution.fixed"),
    ];
    html! {
        form method="get" action=(format!("{here}#try")) {
            div.row {
                div.field { label for="rule" { (t("web_distribution.rule")) }
                    select #rule name="rule" { @for (word, code) in rules {
                        option value=(word) selected[settings.rule == word] { (t(code)) }
                    } } }
                div.field { label for="pot" { (t("web_distribution.pot")) }
                    input #pot.amount type="text" inputmode="decimal" name="pot" value=(settings.pot); }
                div.field { label for="smallest" { (t("web_distribution.smallest")) }
                    input #smallest.amount type="text" inputmode="decimal" name="smallest" value=(settings.smallest); }
            }
            button { (t("web_distribution.try")) }
        }
    }
}

fn effect_of(viewer: &Viewer, preview: &Preview, names: &HashMap<i64, String>) -> Markup {
    let t = |code| viewer.t(code);
    let proof = &preview.proof;
    let sums = effect(&preview.shares);
    let counted = |count: u64, sum: Amount| {
        Message::new("web_distribution.counted").with("count", count).with("sum", sum).text(viewer.language)
    };
    html! {
        dl.pairs {
            div { dt { (t("web_cases.round")) } dd { (preview.round_no) } }
            div { dt { (t("web_distribution.claims")) } dd { (counted(proof.claims, proof.claims_total)) } }
            div { dt { (t("web_cases.pot")) } dd { (proof.pot) } }
            div { dt { (t("web_cases.ratio")) } dd { (percent(proof.pot, proof.claims_total)) } }
            div { dt { (t("payout_cli.paid")) } dd { (counted(proof.paid_shares, proof.paid)) } }
            div { dt { (t("web_distribution.largest_smallest")) } dd { (sums.largest) " / " (sums.smallest) } }
            div { dt { (t("payout_cli.set_aside")) } dd { (counted(proof.set_aside_shares, proof.set_aside))
                @for (reason, count, sum) in &sums.aside { div { small { (reason.message().text(viewer.language)) "：" (counted(*count, *sum)) } } } } }
            div { dt { (t("web_distribution.residue")) } dd { (proof.carried)
                div { small {
                    (Message::new("web_distribution.residue_of").with("small", proof.small_shares)
                        .with("unallocated", proof.unallocated).with("surplus", proof.surplus).text(viewer.language))
                } } } }
            div { dt { (t("web_distribution.nothing")) } dd { (sums.nothing) } }
            div { dt { (t("web_distribution.ties")) } dd {
                (proof.paid) " + " (proof.set_aside) " + " (proof.carried) " = " (proof.pot) " "
                @if proof.ties() { span.green { "✓" } } @else { span.red { "✗" } }
            } }
        }
        h3 { (t("web_distribution.first_rows")) }
        div.scroll { table {
            thead { tr { th { (t("column.name")) } th.number { (t("web_payouts.share")) } th { (t("web.state")) } } }
            tbody { @for share in preview.shares.iter().take(SHARES_SHOWN) { tr {
                td data-label=(t("column.name")) { (names.get(&share.claim_id).map_or("", String::as_str)) }
                td.number data-label=(t("web_payouts.share")) { (share.granted) }
                td data-label=(t("web.state")) { (outcome(viewer, share.outcome)) }
            } } }
        } }
    }
}

fn outcome(viewer: &Viewer, outcome: ShareOutcome) -> String {
    match outcome {
        ShareOutcome::Paid => viewer.t("web_payouts.to_pay"),
        ShareOutcome::SetAside(reason) => reason.message().text(viewer.language),
        ShareOutcome::Carried => viewer.t("web_payouts.carried"),
        ShareOutcome::Nothing => viewer.t("web_distribution.gets_nothing"),
    }
}

fn submit(viewer: &Viewer, number: &str, here: &str, settings: &Settings) -> Markup {
    html! {
        form method="post" action="/do/distribute/make" enctype="multipart/form-data" {
            (hidden(viewer, here))
            input type="hidden" name="case" value=(number);
            input type="hidden" name="rule" value=(settings.rule);
            @if !settings.pot.trim().is_empty() { input type="hidden" name="pot" value=(settings.pot.trim()); }
            @if !settings.smallest.trim().is_empty() { input type="hidden" name="smallest_payment" value=(settings.smallest.trim()); }
            button { (viewer.t("web_distribution.record")) }
            p.hint { (viewer.t("web_distribution.record_hint")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_summed_by_what_becomes_of_them() {
        let share = |claim_id, minor, outcome| Share { claim_id, granted: Amount::from_minor(minor), outcome };
        let found = effect(&[
            share(1, 500, ShareOutcome::Paid),
            share(2, 20, ShareOutcome::Paid),
            share(3, 7, ShareOutcome::SetAside(SetAside::NoAccount)),
            share(4, 5, ShareOutcome::SetAside(SetAside::NoAccount)),
            share(5, 1, ShareOutcome::Carried),
            share(6, 0, ShareOutcome::Nothing),
        ]);
        assert_eq!((found.largest.minor(), found.smallest.minor(), found.nothing), (500, 20, 1));
        assert_eq!(found.aside, [(SetAside::NoAccount, 2, Amount::from_minor(12))]);
        assert_eq!(effect(&[]), Effect::default());
    }

    #[test]
    fn settings_are_read_as_people_write_them() {
        let settings = |rule: &str, pot: &str| Settings { rule: rule.into(), pot: pot.into(), smallest: " ".into() };
        let plan = settings("ranked", " 1,000.50 ").plan(Rule::Ranked).unwrap();
        assert_eq!((plan.0, plan.1), (Some(Amount::from_minor(100_050)), Plan::new(Rule::Ranked)));
        assert!(settings("pro-rata", "1.005").plan(Rule::ProRata).is_err());
        assert_eq!(settings("", "").rule(), None);
    }
}
