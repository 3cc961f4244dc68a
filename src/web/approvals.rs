//! The afternoon's runs on one page: the odd ones first, several approved with one password, each by its own signed act.

use ankuan_ledger::chain::hex;
use axum::extract::State;
use maud::{Markup, html};

use super::command::{hidden, signature_field};
use super::form::Form;
use super::{App, Sorry, Viewer, blocking, page, parts, payouts};
use crate::clock::Randomness;
use crate::payouts::runs::Status;
use crate::payouts::screens::screen;
use crate::report::payout_view::{RunLine, SourceView, run_lines, sources};
use crate::service::{Answered, Asked, Service};
use crate::{Failure, Message, Outcome};

/// A run that waits for whoever looks.
struct Waiting {
    line: RunLine,
    sources: Vec<SourceView>,
    open_findings: usize,
}

impl Waiting {
    fn is_odd(&self) -> bool {
        self.open_findings > 0 || self.sources.iter().any(|source| !source.odd.is_empty())
    }
}

fn load(service: &Service, viewer: &Viewer) -> Outcome<Vec<Waiting>> {
    let me = &viewer.session.actor;
    service.read(|tx| {
        let mut waiting = Vec::new();
        for line in run_lines(tx, me, &viewer.standings, &[Status::Submitted])? {
            if !line.is_mine {
                continue;
            }
            let now = service.clock.now();
            let sources = sources(tx, me.court_id, &line.run, now)?;
            let found = screen(tx, me.court_id, &line.run, now)?;
            let open_findings = found.iter().filter(|finding| finding.cleared.is_none()).count();
            waiting.push(Waiting { line, sources, open_findings });
        }
        Ok(waiting)
    })
}

/// What waits for my step.
///
/// # Errors
/// What the database says.
pub async fn show(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let for_reading = viewer.clone();
    let waiting = blocking(&service, move |service| load(service, &for_reading))
        .await
        .map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("web_payouts.approvals");
    let (odd, plain): (Vec<&Waiting>, Vec<&Waiting>) = waiting.iter().partition(|one| one.is_odd());
    let body = html! {
        h1 { (title) }
        @if waiting.is_empty() { p.empty { (viewer.t("web_approvals.none")) } }
        @else {
            form.sign method="post" action="/approvals" {
                (hidden(&viewer, "/approvals"))
                @if !odd.is_empty() {
                    h2 { "▲ " (Message::new("web_approvals.odd").with("count", odd.len()).text(viewer.language)) }
                    @for one in &odd { (card(&viewer, one)) }
                }
                @if !plain.is_empty() {
                    h2 { (Message::new("web_approvals.plain").with("count", plain.len()).text(viewer.language)) }
                    @for one in &plain { (card(&viewer, one)) }
                }
                div.card {
                    p.hint { (viewer.t("web_approvals.one_password")) }
                    (signature_field(&viewer))
                    button { (viewer.t("web_approvals.approve")) }
                }
            }
        }
    };
    Ok(page(&viewer, &title, &body))
}

fn card(viewer: &Viewer, one: &Waiting) -> Markup {
    let run = &one.line.run;
    let id = format!("run-{}", run.number);
    let here = parts::escape("/approvals");
    html! {
        section.card.approval {
            div.head {
                input id=(id) type="checkbox" name="run" value=(format!("{} {}", run.number, hex(&one.line.content.digest)));
                label for=(id) { strong { (run.number) } " " (run.title) }
                span.number { strong { (one.line.amount()) } }
                small { (one.line.maker) " · " (one.line.content.line_count) " " (viewer.t("web_payouts.lines")) }
                @if let Some(next) = &one.line.next { small { (next.title) } }
            }
            @if one.open_findings > 0 {
                p.warn { "▲ " a href=(format!("/payouts/{}#screens", run.number)) {
                    (Message::new("web_payouts.odd_screens").with("count", one.open_findings).text(viewer.language))
                } }
            }
            @let odd = one.sources.iter().filter(|source| !source.odd.is_empty()).count();
            @if odd > 0 { (rows(viewer, &mut one.sources.iter().filter(|source| !source.odd.is_empty()))) }
            @if odd < one.sources.len() {
                details open[odd == 0 && one.sources.len() == 1] {
                    summary { (Message::new("web_approvals.others").with("count", one.sources.len() - odd).text(viewer.language)) }
                    (rows(viewer, &mut one.sources.iter().filter(|source| source.odd.is_empty())))
                }
            }
            p.more {
                a href=(format!("/payouts/{}", run.number)) { (viewer.t("web_approvals.look")) } " · "
                a href=(format!("/do/payout/send-back?run={}&_next={here}", run.number)) { (viewer.t("web_payouts.send_back")) }
            }
        }
    }
}

fn rows(viewer: &Viewer, all: &mut dyn Iterator<Item = &SourceView>) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th { (viewer.t("web_payouts.source")) } th { (viewer.t("column.case_number")) } th { (viewer.t("web_payouts.payees")) }
                th.number { (viewer.t("web_payouts.amount")) } th { (viewer.t("web_payouts.odd")) }
            } }
            tbody { @for source in all { (payouts::source_row(viewer, source)) } }
        } }
    }
}

/// Approves what was ticked, one after another; a wrong password ends it, for it would lock the account.
///
/// # Errors
/// `web.form_token`.
pub async fn approve(
    State(service): App,
    viewer: Viewer,
    Form(given): Form<Vec<(String, String)>>,
) -> Result<Markup, Sorry> {
    let own = |name: &str| given.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str());
    viewer.check_form(own("_token"))?;
    let password = own("_password").to_owned();
    let ticked: Vec<(String, String)> = given
        .iter()
        .filter(|(name, _)| name == "run")
        .filter_map(|(_, value)| value.split_once(' '))
        .map(|(run, digest)| (run.to_owned(), digest.to_owned()))
        .collect();
    let (person, language) = (viewer.session.actor.clone(), viewer.language);
    let done = blocking(&service, move |service| {
        let mut done: Vec<(String, Result<(), Message>)> = Vec::new();
        for (run, digest) in ticked {
            let key = Randomness::system().bytes::<16>().map_err(std::io::Error::other)?;
            let asked = Asked {
                words: "payout approve",
                values: vec![("run".to_owned(), run.clone()), ("digest".to_owned(), digest)],
                files: Vec::new(),
                password: Some(password.clone()),
                language,
                request: Some(ankuan_ledger::chain::hex(&key)),
                return_to: String::new(),
            };
            match service.ask(&person, &asked) {
                Ok(Answered::Ran(ran)) => match ran.outcome {
                    Ok(_) => done.push((run, Ok(()))),
                    Err(Failure::Refused(message)) => done.push((run, Err(message))),
                    Err(broken) => return Err(broken),
                },
                Ok(Answered::Job(..)) => done.push((run, Err(Message::new("web.not_found")))),
                // The password opens no key: it would open none for the others.
                Err(Failure::Refused(message)) => {
                    done.push((run, Err(message)));
                    break;
                }
                Err(broken) => return Err(broken),
            }
        }
        Ok(done)
    })
    .await
    .map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("web_payouts.approvals");
    let good = done.iter().filter(|(_, result)| result.is_ok()).count();
    let body = html! {
        h1 { (title) }
        @if done.is_empty() { p.refusal role="alert" { (viewer.t("web_approvals.nothing_ticked")) } }
        @else {
            p role="status" { (Message::new("web_approvals.done").with("good", good).with("count", done.len()).text(viewer.language)) }
            div.scroll { table {
                thead { tr { th { (viewer.t("payout_cli.run")) } th { (viewer.t("web_approvals.result")) } } }
                tbody { @for (run, result) in &done { tr {
                    td data-label=(viewer.t("payout_cli.run")) { a href=(format!("/payouts/{run}")) { (run) } }
                    td data-label=(viewer.t("web_approvals.result")) {
                        @match result {
                            Ok(()) => { span.green { "✓ " (viewer.t("web_approvals.approved")) } }
                            Err(message) => { span.red { "✗ " (message.text(viewer.language)) } " " code { (message.code) } }
                        }
                    }
                } } }
            } }
        }
        p { a.button href="/approvals" { (viewer.t("web.go_on")) } }
    };
    Ok(page(&viewer, &title, &body))
}
