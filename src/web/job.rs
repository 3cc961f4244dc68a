//! Jobs: how far they are, what they said, the files they wrote, and the second person's answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ankuan_ledger::chain::hex;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, KeepAliveStream, Sse};
use axum::response::{Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use tokio_stream::wrappers::ReceiverStream;

use super::form::Form;
use super::{App, Sorry, Viewer, blocking, command, page, parts};
use crate::access::{self, Actor};
use crate::api::stream::streamed;
use crate::cli::catalogue::Takes;
use crate::service::jobs::{self, Job, State as JobState};
use crate::service::{GivenFile, Seen, Service, steps};
use crate::{Outcome, clock};

/// How often a page is told how far a job is that runs in this process: what an eye sees as moving.
const TOLD_EVERY: Duration = Duration::from_millis(40);

/// At every which of these the database is asked about a job that another process runs, or nobody yet.
const ASKED_EVERY: usize = 5;

/// Jobs that a list shows.
const SHOWN_MAX: i64 = 100;

/// What a page needs of a job.
struct View {
    seen: Seen,
    person: Actor,
    second: Option<Actor>,
}

fn load(service: &Service, viewer: &Actor, job_id: i64) -> Outcome<View> {
    let court_id = viewer.court_id;
    let seen = service.seen(viewer, job_id)?;
    service.read(|tx| {
        let person = access::person_by_id(tx, court_id, seen.job.person_id)?;
        let second = seen.job.second_person_id.map(|id| access::person_by_id(tx, court_id, id)).transpose()?;
        Ok(View { seen, person, second })
    })
}

/// The jobs of the court, newest first.
///
/// # Errors
/// What the database says.
pub async fn list(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let all = blocking(&service, move |service| {
        service.read(|tx| {
            let all = jobs::newest(tx, court_id, None, SHOWN_MAX)?;
            all.into_iter().map(|job| Ok((access::person_by_id(tx, court_id, job.person_id)?, job))).collect()
        })
    })
    .await
    .map_err(|failure| viewer.sorry(failure))?;
    let all: Vec<(Actor, Job)> = all;
    let title = viewer.t("web.nav_jobs");
    let body = html! {
        h1 { (title) }
        p.hint { (viewer.t("web.jobs_hint")) }
        @if all.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (table(&service, &viewer, &all)) }
    };
    Ok(page(&viewer, &title, &body))
}

/// Jobs as a table.
#[must_use]
pub fn table(service: &Service, viewer: &Viewer, all: &[(Actor, Job)]) -> Markup {
    html! {
        div.scroll { table {
            thead { tr {
                th.number { (viewer.t("web.number")) } th { (viewer.t("web.what")) } th { (viewer.t("web.who")) }
                th { (viewer.t("web.state")) } th { (viewer.t("web.since")) }
            } }
            tbody { @for (person, job) in all { tr {
                td.number data-label=(viewer.t("web.number")) { a href=(format!("/jobs/{}", job.job_id)) { (job.job_id) } }
                td data-label=(viewer.t("web.what")) { (about(service, viewer, job)) }
                td data-label=(viewer.t("web.who")) { (person.name) }
                td data-label=(viewer.t("web.state")) { (job.state_message().text(viewer.language)) }
                td data-label=(viewer.t("web.since")) { (clock::shown_in_shanghai(job.made_at)) }
            } } }
        } }
    }
}

fn about(service: &Service, viewer: &Viewer, job: &Job) -> String {
    service.entry(&job.command).map_or_else(|| job.command.clone(), |entry| entry.title(viewer.language).to_owned())
}

/// A job.
///
/// # Errors
/// `service.job_unknown`.
pub async fn show(State(service): App, viewer: Viewer, Path(job_id): Path<i64>) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let me = viewer.session.actor.clone();
    let view =
        blocking(&service, move |service| load(service, &me, job_id)).await.map_err(|failure| viewer.sorry(failure))?;
    let View { seen, person, second } = &view;
    let job = &seen.job;
    let title = about(&service, &viewer, job);
    let (done, total) = service.reached(court_id, job_id).map_or(job.steps, |reached| steps(&reached));
    let body = html! {
        h1 { (title) }
        dl.pairs {
            div { dt { (viewer.t("web.state")) } dd #state { (job.state_message().text(viewer.language)) } }
            div { dt { (viewer.t("web.who")) } dd { (person.name) } }
            @if let Some(second) = second { div { dt { (viewer.t("web.second_person")) } dd { (second.name) } } }
            @if !job.reason.is_empty() { div { dt { (viewer.t("web.reason")) } dd { (job.reason) } } }
            div { dt { (viewer.t("web.since")) } dd { (clock::shown_in_shanghai(job.made_at)) } }
            @for (name, value) in &seen.arguments {
                @let parameter = service.entry(&job.command).and_then(|entry| entry.parameter(name));
                @let chosen = parameter.and_then(|known| known.choices.iter().find(|choice| choice.word == *value));
                @let is_flag = parameter.is_some_and(|known| known.takes == Takes::Flag);
                div {
                    dt { (parameter.map_or_else(|| name.clone(), |known| parts::label(known, viewer.language))) }
                    dd { @if is_flag { "✓" } @else { (chosen.map_or(value.as_str(), |choice| choice.text(viewer.language))) } }
                }
            }
            @for given in &seen.given { div { dt { (viewer.t("web.file")) } dd { (given_file(given, job_id, seen.may_answer)) } } }
        }
        @if matches!(job.state, JobState::Waiting | JobState::Running) {
            div.progress data-events=(format!("/jobs/{job_id}/events")) {
                progress #progress max=(total.max(1)) value=(done) {}
                span #steps { @if total > 0 { (done.min(total)) " / " (total) } }
            }
            noscript { meta http-equiv="refresh" content="2"; }
        }
        @if job.state == JobState::Proposed {
            @if !seen.may_answer {
                p.hint { (viewer.t("web.waits_for_second")) }
                @if job.person_id == viewer.session.actor.person_id {
                    form method="post" action=(format!("/jobs/{job_id}/answer")) {
                        input type="hidden" name="_token" value=(viewer.form_token);
                        button.plain name="answer" value="decline" { (viewer.t("web.withdraw")) }
                    }
                }
            } @else {
                form method="post" action=(format!("/jobs/{job_id}/answer")) {
                    input type="hidden" name="_token" value=(viewer.form_token);
                    div.field { label for="reason" { (viewer.t("web.reason_if_declined")) } input #reason name="reason"; }
                    button name="answer" value="agree" { (viewer.t("web.agree")) } " "
                    button.plain name="answer" value="decline" { (viewer.t("web.decline")) }
                }
            }
        }
        @match job.state {
            JobState::Refused => div.refusal role="alert" { (parts::said(&job.said)) @if !job.code.is_empty() { code { (job.code) } } },
            JobState::Broken => p.refusal role="alert" { (viewer.t("web.broken")) },
            _ => div.done role="status" { (parts::said(&job.said)) },
        }
        @if !seen.written.is_empty() {
            h2 { (viewer.t("web.files")) }
            ul { @for file in &seen.written {
                li { a href=(format!("/jobs/{job_id}/files/{}", file.file_no)) download { (file.name) } }
            } }
        }
        @if job.state.is_end() { p { a.button href=(command::after(&job.return_to, &job.command, &job.arguments, &job.said)) { (viewer.t("web.go_on")) } } }
    };
    Ok(page(&viewer, &title, &body))
}

/// A file that was given with a job: what stands in it is what the second person agrees to.
fn given_file(given: &GivenFile, job_id: i64, may_answer: bool) -> Markup {
    html! {
        @if may_answer { a href=(format!("/jobs/{job_id}/files/{}", given.file.file_no)) download { (given.file.name) } }
        @else { (given.file.name) }
        @if let Some(digest) = given.digest { " " code.digest { (hex(&digest[..8])) } }
        @if let Some(text) = &given.text { pre { (text) } }
    }
}

/// The second person's answer.
#[derive(Deserialize)]
pub struct SecondAnswer {
    #[serde(rename = "_token")]
    token: String,
    answer: String,
    #[serde(default)]
    reason: String,
}

/// Agrees to what somebody proposed, declines it, or withdraws what this person proposed.
///
/// # Errors
/// `web.form_token`, and those of [`Service::answer`].
pub async fn answer(
    State(service): App,
    viewer: Viewer,
    Path(job_id): Path<i64>,
    Form(given): Form<SecondAnswer>,
) -> Result<Redirect, Sorry> {
    viewer.check_form(&given.token)?;
    let agreed = given.answer == "agree";
    let second = viewer.session.actor.clone();
    blocking(&service, move |service| service.answer(job_id, &second, agreed, given.reason.trim()))
        .await
        .map_err(|failure| viewer.sorry(failure))?;
    Ok(Redirect::to(&format!("/jobs/{job_id}")))
}

/// What is told of a job while it runs.
pub type Events = Sse<KeepAliveStream<ReceiverStream<Result<Event, Infallible>>>>;

/// How far a job is, until it ends.
///
/// # Errors
/// `service.job_unknown`.
pub async fn events(State(service): App, viewer: Viewer, Path(job_id): Path<i64>) -> Result<Events, Sorry> {
    let court_id = viewer.session.actor.court_id;
    blocking(&service, move |service| service.read(|tx| jobs::find(tx, court_id, job_id)).map(|_| ()))
        .await
        .map_err(|failure| viewer.sorry(failure))?;
    Ok(watch(service, court_id, job_id))
}

/// Tells how far a job is, until it ends.
pub fn watch(service: Arc<Service>, court_id: i64, job_id: i64) -> Events {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let mut told = String::new();
        loop {
            // What this process runs is told from memory; the row only says how it ended.
            let here = service.reached(court_id, job_id);
            let (state, (done, total)) = if let Some(reached) = &here {
                (JobState::Running, steps(reached))
            } else {
                let asked = blocking(&service, move |service| service.read(|tx| jobs::find(tx, court_id, job_id)));
                let Ok(job) = asked.await else { return };
                (job.state, job.steps)
            };
            let data = format!("{{\"state\":\"{}\",\"done\":{done},\"total\":{total}}}", state.as_str());
            let is_news = data != told;
            if sender.is_closed() || (is_news && sender.send(Ok(Event::default().data(&data))).await.is_err()) {
                return;
            }
            if state.is_end() || service.is_stopping() {
                return;
            }
            told = data;
            // A job that begins here is seen at once; one that another process runs, as often as the row is asked for.
            for _ in 0..ASKED_EVERY {
                tokio::time::sleep(TOLD_EVERY).await;
                if here.is_some() || service.reached(court_id, job_id).is_some() {
                    break;
                }
            }
        }
    });
    Sse::new(ReceiverStream::new(receiver)).keep_alive(KeepAlive::default())
}

/// A file that a job wrote.
///
/// # Errors
/// Those of [`Service::job_file`].
pub async fn file(
    State(service): App,
    viewer: Viewer,
    Path((job_id, file_no)): Path<(i64, i64)>,
) -> Result<Response, Sorry> {
    let me = viewer.session.actor.clone();
    let court_id = me.court_id;
    let file = blocking(&service, move |service| service.job_file(&me, job_id, file_no))
        .await
        .map_err(|failure| viewer.sorry(failure))?;
    Ok(streamed(service, &file.name, "application/octet-stream", None, move |service, take| {
        service.job_file_parts((court_id, job_id, file_no), take)
    }))
}
