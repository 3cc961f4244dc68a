//! Books of courts below, for whoever holds the role upper court: every page that shows something, of a court that has this
//! one on record above it. Each says whose books these are, nothing on it can be sent, and each look is on record there.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, PreEscaped, html};

use super::{App, Sorry, Viewer, blocking, command, page, parts};
use crate::access::upper;
use crate::chart;
use crate::cli::catalogue::{Entry, Kind};
use crate::{Failure, Message};

/// The courts below.
///
/// # Errors
/// What the database says.
pub async fn list(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let me = viewer.session.actor.clone();
    let read = blocking(&service, move |service| {
        let today = service.clock.today_in_shanghai();
        service.read(|tx| {
            let below = upper::courts_below(tx, &me, today)?;
            below.into_iter().map(|court| Ok((court, chart::court_name(tx, court)?.unwrap_or_default()))).collect()
        })
    });
    let below: Vec<(i64, String)> = read.await.map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("courts.title");
    let body = html! {
        h1 { (title) }
        p.hint { (viewer.t("courts.hint")) }
        @if below.is_empty() { p { (viewer.t("courts.none")) } }
        ul { @for (court, name) in &below { li { a href=(format!("/courts/{court}")) { (name) " (" (court) ")" } } } }
    };
    Ok(page(&viewer, &title, &body))
}

/// What can be looked at of a court.
///
/// # Errors
/// `access.upper_refused`; what the database says.
pub async fn contents(State(service): App, viewer: Viewer, Path(court_id): Path<i64>) -> Result<Markup, Sorry> {
    let me = viewer.session.actor.clone();
    let read = blocking(&service, move |service| {
        let today = service.clock.today_in_shanghai();
        service.read(|tx| {
            if !upper::courts_below(tx, &me, today)?.contains(&court_id) {
                return Err(Message::new("access.upper_refused").with("court", court_id).into());
            }
            Ok(chart::court_name(tx, court_id)?.unwrap_or_default())
        })
    });
    let name = read.await.map_err(|failure| refused(&viewer, failure))?;
    let mut groups: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for entry in service.entries.iter().filter(|entry| is_shown(entry)) {
        let group = entry.group(viewer.language);
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, known)) => known.push(entry),
            None => groups.push((group, vec![entry])),
        }
    }
    let body = html! {
        (whose(&viewer, &name))
        h1 { (name) }
        div.groups { @for (group, entries) in &groups {
            section.card {
                h2 { (group) }
                ul { @for entry in entries {
                    li { a href=(href(court_id, entry)) { (entry.title(viewer.language)) } }
                } }
            }
        } }
    };
    Ok(page(&viewer, &name, &body))
}

/// Shows what a command says of a court below.
///
/// # Errors
/// `access.upper_refused`, `web.not_found` for whatever is not only shown, and what the command says.
pub async fn see(
    State(service): App,
    viewer: Viewer,
    Path((court_id, words)): Path<(i64, String)>,
    Query(values): Query<Vec<(String, String)>>,
) -> Result<Response, Sorry> {
    let entry = service.entry(&words.replace('/', " ")).filter(|entry| is_shown(entry)).cloned();
    let entry = entry.ok_or_else(|| Sorry(Message::new("web.not_found"), StatusCode::NOT_FOUND, viewer.language))?;
    let (me, language, asked_for) = (viewer.session.actor.clone(), viewer.language, entry.words);
    let values: Vec<(String, String)> = values.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let given = values.clone();
    // What is asked for may be missing yet: then its form is shown, and nothing was looked at.
    let is_asked = entry.parameters.iter().filter(|parameter| parameter.is_required);
    let is_asked = is_asked.into_iter().all(|parameter| given.iter().any(|(name, _)| *name == parameter.name));
    let read = blocking(&service, move |service| {
        let (today, now) = (service.clock.today_in_shanghai(), service.clock.now());
        let look = service.write(|tx| {
            let looking = upper::look(tx, &me, court_id, (asked_for, &given), today, now)?;
            Ok((looking, chart::court_name(tx, court_id)?.unwrap_or_default()))
        })?;
        let ran = if is_asked { Some(service.look(&look.0, asked_for, given, language)?) } else { None };
        Ok((look.1, ran))
    });
    let (name, ran) = read.await.map_err(|failure| refused(&viewer, failure))?;
    let title = entry.title(viewer.language).to_owned();
    let body = html! {
        (whose(&viewer, &name))
        h1 { (title) }
        p { a href=(format!("/courts/{court_id}")) { "← " (name) } }
        @if let Some(ran) = &ran {
            (command::refusal(&viewer, ran))
            (below(court_id, parts::said(&ran.said)))
        }
        @if !entry.parameters.is_empty() {
            details.filter open[ran.is_none()] { summary { (viewer.t("web.filter")) }
                form method="get" action=(href(court_id, &entry)) {
                    (command::fields(&entry, viewer.language, &values, false))
                    button { (viewer.t("web.show")) }
                }
            }
        }
    };
    Ok(page(&viewer, &title, &body).into_response())
}

/// Only what shows something and can change nothing.
fn is_shown(entry: &Entry) -> bool {
    entry.kind == Kind::Read && !entry.words.starts_with("calc ")
}

fn href(court_id: i64, entry: &Entry) -> String {
    format!("/courts/{court_id}/see/{}", entry.words.replace(' ', "/"))
}

/// Links of what a command says lead on within the same court. A quotation mark in what people wrote is written
/// otherwise, so nothing but a link of ours has this form.
fn below(court_id: i64, said: Markup) -> Markup {
    let see = format!("href=\"/courts/{court_id}/see/");
    let said = said.into_string();
    let said = said.replace("href=\"/see/", &see);
    // The pages of a case and of a run are of the own court: what stands for them here says the same.
    let said = said.replace("href=\"/cases/", &format!("{see}case/show?case="));
    PreEscaped(said.replace("href=\"/payouts/", &format!("{see}payout/show?run=")))
}

fn whose(viewer: &Viewer, name: &str) -> Markup {
    html! { p.whose role="note" { (Message::new("courts.whose").with("name", name).text(viewer.language)) } }
}

/// Who may not look is not told whether there is such a court.
fn refused(viewer: &Viewer, failure: Failure) -> Sorry {
    match failure {
        Failure::Refused(message) if message.code == "access.upper_refused" => {
            Sorry(message, StatusCode::FORBIDDEN, viewer.language)
        }
        other => viewer.sorry(other),
    }
}
