//! The desk: what waits for me, the clocks, where the money lies.

use axum::extract::State;
use maud::{Markup, html};

use super::charts::{self, Bars, Group};
use super::{App, Sorry, Viewer, blocking, job, page, parts};
use crate::Message;
use crate::access::{self, Actor};
use crate::chart;
use crate::deadlines::Colour;
use crate::report::desk::{Desk, Month, day_message, desk as read_desk, kind_name};
use crate::report::payout_view::RunLine;
use crate::service::Books;
use crate::service::jobs::{self, Job};

/// Receipts that the desk names; the list has all.
const RECEIPTS_NAMED: usize = 8;

/// Shows the desk.
///
/// # Errors
/// What the database says.
pub async fn desk(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let (me, standings) = (viewer.session.actor.clone(), viewer.standings.clone());
    let read = blocking(&service, move |service| {
        let mut all = service.read_single(|tx| jobs::proposed(tx, me.court_id, me.person_id))?;
        all.retain(|job| service.named_second(job).is_none_or(|named| named == me.name));
        let people = if all.is_empty() {
            Vec::new()
        } else {
            service.read(|tx| all.iter().map(|job| access::person_by_id(tx, me.court_id, job.person_id)).collect())?
        };
        let proposed: Vec<(Actor, Job)> = people.into_iter().zip(all).collect();
        let today = service.clock.today_in_shanghai();
        let read = service.recall(me.court_id, Books::All, format!("desk {}", me.person_id), |tx| {
            Ok((read_desk(tx, &me, &standings, today)?, chart::load(tx, me.court_id)?))
        });
        Ok((proposed, read?))
    });
    let (proposed, read) = read.await.map_err(|failure| viewer.sorry(failure))?;
    let (desk, chart) = &*read;
    let title = viewer.t("web.nav_desk");
    let body = html! {
        h1 { (title) }
        div.desk {
            section.card.wide {
                h2 { (viewer.t("web_desk.waits")) }
                @if desk.is_clear() && proposed.is_empty() { p.hint { (viewer.t("web_desk.nothing_waits")) } }
                (waiting(&viewer, desk))
                @if !proposed.is_empty() {
                    h3 { (viewer.t("web.waits_for_my_word")) }
                    (job::table(&service, &viewer, &proposed))
                }
            }
            section.card.tall {
                h2 { (viewer.t("web_desk.clocks")) }
                (clocks(&viewer, desk))
            }
            section.card {
                h2 { (viewer.t("web_desk.balances")) }
                dl.balances {
                    @for (kind, sum) in &desk.balances {
                        div { dt { (kind_name(chart, *kind, viewer.language)) } dd.number { (sum) } }
                    }
                }
            }
            (flows(&viewer, &desk.months))
        }
    };
    Ok(page(&viewer, &title, &body))
}

fn waiting(viewer: &Viewer, desk: &Desk) -> Markup {
    let count = |code: &'static str, count: i64| Message::new(code).with("count", count).text(viewer.language);
    html! {
        (run_list(viewer, "web_desk.to_approve", &desk.approve, "/approvals"))
        (run_list(viewer, "web_desk.to_commit", &desk.commit, "/payouts"))
        (run_list(viewer, "web_desk.to_release", &desk.release, "/payouts"))
        (run_list(viewer, "web_desk.my_drafts", &desk.drafts, "/payouts"))
        @if !desk.unattributed.is_empty() {
            h3 { a href="/see/receipt/list" { (count("web_desk.unattributed", desk.unattributed.len() as i64)) } }
            ul.waits {
                @for receipt in desk.unattributed.iter().take(RECEIPTS_NAMED) {
                    li {
                        @let code = if receipt.open_claim.is_some() { "web_desk.claimed" } else { "web_desk.unclaimed" };
                        a href=(format!("/do/receipt/attribute?receipt={}", receipt.receipt_id)) {
                            (receipt.arrived_on) " " (receipt.payer_name)
                        }
                        span.number { (receipt.amount) }
                        small { (viewer.t(code)) }
                    }
                }
            }
        }
        @if !desk.exceptions.is_empty() || !desk.days.is_empty() || desk.returned.0 > 0 {
            ul.waits {
                @for (account, lines) in &desk.exceptions {
                    li { a href=(format!("/see/reconcile/open?bank_account={}", account.number)) {
                        (count("web_desk.exceptions", *lines))
                    } small { (account.number) } }
                }
                @for open in &desk.days {
                    li { a href=(format!("/reconciliation/{}/days/{}", parts::escape(&open.account.number), open.day)) {
                        (day_message(open.next).with("day", open.day).text(viewer.language))
                    } small { (open.account.number) } }
                }
                @if desk.returned.0 > 0 {
                    li { a href="/see/payout/returns" { (count("web_desk.returned", desk.returned.0)) }
                        span.number { (desk.returned.1) } }
                }
            }
        }
    }
}

fn run_list(viewer: &Viewer, code: &'static str, lines: &[RunLine], place: &str) -> Markup {
    if lines.is_empty() {
        return html! {};
    }
    html! {
        h3 { a href=(place) { (Message::new(code).with("count", lines.len()).text(viewer.language)) } }
        ul.waits {
            @for line in lines {
                li {
                    a href=(format!("/payouts/{}", line.run.number)) { (line.run.number) " " (line.run.title) }
                    span.number { (line.amount()) }
                    @if let Some(next) = &line.next {
                        small { (next.title) " · " (next.role.message().text(viewer.language)) }
                    }
                }
            }
        }
    }
}

const fn class_and_sign(colour: Colour) -> (&'static str, &'static str) {
    match colour {
        Colour::Overdue => ("red", "■"),
        Colour::DueSoon => ("yellow", "▲"),
        Colour::Running => ("green", "●"),
        Colour::Paused => ("paused", "‖"),
    }
}

/// A colour with its sign: a shape says it as well.
#[must_use]
pub fn colour(viewer: &Viewer, colour: Colour) -> Markup {
    let (class, sign) = class_and_sign(colour);
    html! { span class=(format!("whole {class}")) { span aria-hidden="true" { (sign) } " " (colour.message().text(viewer.language)) } }
}

/// The sign alone, where there is little room: what it means is told to whoever points at it or cannot see it.
fn sign(viewer: &Viewer, colour: Colour) -> Markup {
    let (class, sign) = class_and_sign(colour);
    let meaning = colour.message().text(viewer.language);
    html! { span class=(class) role="img" aria-label=(meaning) title=(meaning) { (sign) } }
}

fn clocks(viewer: &Viewer, desk: &Desk) -> Markup {
    html! {
        ul.clocks {
            @for (which, count) in desk.clocks {
                li { a href=(format!("/see/deadlines?colour={}", which.as_str())) { (colour(viewer, which)) strong { (count) } } }
            }
        }
        ul.waits {
            @for due in &desk.due {
                li {
                    (sign(viewer, due.standing.colour))
                    span {
                        (desk.rules.of(due.deadline.kind).title.text(viewer.language)) " "
                        @if !due.case_number.is_empty() { (parts::case_link(&due.case_number)) }
                    }
                    small.day {
                        @if let Some(day) = due.standing.last_day { (day) }
                        @if let Some(left) = due.standing.days_left {
                            " " (Message::new("web_desk.days_left").with("days", left).text(viewer.language))
                        }
                    }
                }
            }
        }
        p.more { a href="/see/deadlines" { (viewer.t("web_desk.all_deadlines")) } }
    }
}

fn flows(viewer: &Viewer, months: &[Month]) -> Markup {
    let label = |month: &Month| month.month.trim_start_matches("20").to_owned();
    let group = |month: &Month| Group { label: label(month), values: vec![month.received, month.paid] };
    let in_and_out = Bars {
        title: viewer.t("web_desk.in_and_out"),
        description: viewer.t("web_desk.in_and_out_says"),
        series: vec![viewer.t("web_desk.received"), viewer.t("web_desk.paid")],
        groups: months.iter().map(group).collect(),
    };
    let held = Bars {
        title: viewer.t("web_desk.held"),
        description: viewer.t("web_desk.held_says"),
        series: vec![viewer.t("web_desk.held")],
        groups: months.iter().map(|month| Group { label: label(month), values: vec![month.held] }).collect(),
    };
    html! {
        section.card { h2 { (in_and_out.title) } (charts::bars(&in_and_out)) }
        section.card { h2 { (held.title) } (charts::bars(&held)) }
        details.card.wide {
            summary { (viewer.t("web_desk.figures")) }
            div.scroll { table {
                thead { tr {
                    th { (viewer.t("web_desk.month")) } th.number { (viewer.t("web_desk.received")) }
                    th.number { (viewer.t("web_desk.paid")) } th.number { (viewer.t("web_desk.held")) }
                } }
                tbody { @for month in months { tr {
                    td data-label=(viewer.t("web_desk.month")) { (month.month) }
                    td.number data-label=(viewer.t("web_desk.received")) { (month.received) }
                    td.number data-label=(viewer.t("web_desk.paid")) { (month.paid) }
                    td.number data-label=(viewer.t("web_desk.held")) { (month.held) }
                } } }
            } }
        }
    }
}
