//! Settings of the court: who approves, deadlines and calendar, courts above, webhooks. Shown to all, set by administrators.

use axum::extract::State;
use maud::{Markup, html};

use super::people::{date, form_with, text};
use super::{App, Sorry, Viewer, blocking, page};
use crate::access::upper::{self, Above, Reading};
use crate::cli::webhook::{events, outcome};
use crate::clock::shown_in_shanghai;
use crate::deadlines::record::{CourtRules, court_rules};
use crate::payouts::policy::court_policy;
use crate::webhooks::{self, Webhook};

/// Readings of courts above that the page shows; the list has more.
const READINGS_SHOWN: i64 = 20;

struct Settings {
    policy: String,
    rules: CourtRules,
    above: Vec<Above>,
    readings: Vec<Reading>,
    webhooks: Vec<Webhook>,
}

/// Shows the settings.
///
/// # Errors
/// What the database says.
pub async fn show(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let read = blocking(&service, move |service| {
        service.read(|tx| {
            Ok(Settings {
                policy: court_policy(tx, court_id)?,
                rules: court_rules(tx, court_id)?,
                above: upper::all(tx, court_id)?,
                readings: upper::readings(tx, court_id, READINGS_SHOWN)?,
                webhooks: webhooks::all(tx, court_id)?,
            })
        })
    });
    let settings = read.await.map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("settings.title");
    let is_admin = viewer.may("payout policy");
    let file = |name: &str, code: &'static str| {
        html! { div.field { label for=(name) { (viewer.t(code)) } input id=(name) type="file" name=(name.trim_start_matches("policy-").trim_start_matches("rules-")) required; } }
    };
    let own = |file: &Option<String>| file.clone().unwrap_or_else(|| viewer.t("settings.built_in"));
    let body = html! {
        h1 { (title) }
        @if !is_admin { p.hint { (viewer.why_not("payout policy")) } }
        section.card {
            h2 { (viewer.t("settings.policy")) }
            p.hint { (viewer.t("settings.policy_hint")) }
            details { summary { (viewer.t("settings.show_file")) } pre { (settings.policy) } }
            @if is_admin { (form_with(&viewer, "payout policy", &[], &file("policy-set", "settings.file"), "settings.set")) }
        }
        section.card {
            h2 { (viewer.t("settings.deadlines")) }
            dl.pairs {
                div { dt { (viewer.t("settings.rules")) } dd { (own(&settings.rules.file)) } }
                div { dt { (viewer.t("settings.calendar")) } dd { (own(&settings.rules.calendar_file)) } }
            }
            p { a href="/see/deadlines/rules" { (viewer.t("settings.show_rules")) } }
            @if is_admin {
                (form_with(&viewer, "deadlines rules", &[], &file("rules-set", "settings.rules_file"), "settings.set"))
                (form_with(&viewer, "deadlines rules", &[], &file("set_calendar", "settings.calendar_file"), "settings.set"))
            }
        }
        section.card {
            h2 { (viewer.t("settings.above")) }
            p.hint { (viewer.t("settings.above_hint")) }
            @if settings.above.is_empty() { p { (viewer.t("web.none")) } } @else { ul {
                @for one in &settings.above { li {
                    (one.upper_court_id) " · "
                    (viewer.t(if one.is_granted { "upper_court.may_read" } else { "upper_court.may_not" }))
                    " · " (viewer.t("upper_court.since")) " " (one.since) " · " (one.document)
                } }
            } }
            @if is_admin {
                @for (words, button) in [("upper-court add", "settings.above_add"), ("upper-court end", "settings.above_end")] {
                    (form_with(&viewer, words, &[], &html! {
                        (text(&viewer, words, "upper_court", "upper_court.court", true))
                        (date(&viewer, words, "since", "upper_court.since", false))
                        (text(&viewer, words, "document", "upper_court.document", true))
                    }, button))
                }
            }
            @if !settings.readings.is_empty() {
                h3 { (viewer.t("settings.readings")) }
                ul { @for one in &settings.readings { li {
                    (shown_in_shanghai(one.read_at)) " · " (one.upper_court_id) " " (one.person_name) " · "
                    code { (one.command) } " " (one.arguments)
                } } }
                p { a href="/see/upper-court/readings" { (viewer.t("settings.all_readings")) } }
            }
        }
        (webhooks_card(&viewer, &settings.webhooks, is_admin))
    };
    Ok(page(&viewer, &title, &body))
}

/// The webhooks with their state. Without paths, by which some receivers know who may write to them.
fn webhooks_card(viewer: &Viewer, all: &[Webhook], is_admin: bool) -> Markup {
    let (language, t) = (viewer.language, |code| viewer.t(code));
    html! {
        section.card {
            h2 { (t("settings.webhooks")) }
            p.hint { (t("settings.webhooks_hint")) }
            @if all.is_empty() { p { (t("web.none")) } } @else { div.scroll { table {
                thead { tr {
                    th.number scope="col" { (t("column.id")) } th scope="col" { (t("webhook.url_column")) } th scope="col" { (t("webhook.events")) }
                    th scope="col" { (t("column.state")) } th.number scope="col" { (t("webhook.behind")) } th scope="col" { (t("webhook.sent_at")) }
                    th scope="col" { (t("webhook.outcome")) }
                } }
                tbody { @for webhook in all { tr {
                    td.number { (webhook.webhook_id) } td { (webhook.place()) } td { (events(webhook, language)) }
                    td { (webhook.state.message().text(language)) } td.number { (webhook.behind) }
                    td { @if let Some(last) = &webhook.last { (shown_in_shanghai(last.sent_at)) } }
                    td { @if let Some(last) = &webhook.last { (outcome(last, language)) } }
                } } }
            } } }
            @if is_admin {
                p { a href="/see/webhook/list" { (t("settings.webhook_all")) } " · " a href="/do/webhook/add" { (t("settings.webhook_add")) } }
                @for webhook in all {
                    @let number = webhook.webhook_id.to_string();
                    @let (words, code) = if webhook.state == webhooks::State::On {
                        ("webhook pause", "settings.webhook_pause")
                    } else {
                        ("webhook resume", "settings.webhook_resume")
                    };
                    (form_with(viewer, words, &[("webhook", number.as_str())], &html! { (webhook.webhook_id) " " (webhook.place()) " " }, code))
                }
            }
        }
    }
}
