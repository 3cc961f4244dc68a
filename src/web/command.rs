//! Every command as a page: what it shows (`/see/…`), and a form for what it takes (`/do/…`).

use axum::extract::{Path, Query, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};

use super::export::{self, FileKind};
use super::{App, Sorry, Viewer, blocking, local, page, parts, upload};
use crate::api::problem::status_of;
use crate::cli::catalogue::{Entry, Kind, SECOND_PERSON, Takes};
use crate::cli::output::Said;
use crate::clock::Randomness;
use crate::service::{Answered, Asked, Ran};
use crate::{Failure, Language, Message};

/// Fields of a form that are not the command's: the token, the request's key, the page to go back to.
const TOKEN: &str = "_token";
const REQUEST: &str = "_request";
const NEXT: &str = "_next";
/// The password, given again by whoever signs.
const PASSWORD: &str = "_password";

type Values = Vec<(String, String)>;

/// All that can be done, by its first word.
///
/// # Errors
/// None.
pub async fn all(State(service): App, viewer: Viewer) -> Markup {
    let mut groups: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for entry in service.entries.iter().filter(|entry| entry.kind != Kind::Local) {
        let word = entry.words.split(' ').next().unwrap_or_default();
        match groups.last_mut() {
            Some((last, entries)) if *last == word => entries.push(entry),
            _ => groups.push((word, vec![entry])),
        }
    }
    let title = viewer.t("web.nav_actions");
    let body = html! {
        h1 { (title) }
        p.hint { (viewer.t("web.actions_hint")) }
        div.groups {
            @for (word, entries) in &groups {
                section.card {
                    // A command of one word is its own group.
                    @if let [entry] = entries.as_slice() && entry.words == *word {
                        h2 { a href=(href(entry)) { (entry.title(viewer.language)) } }
                        p.hint { (entry.explanation(viewer.language)) }
                    } @else {
                        h2 { (entries.first().map_or("", |entry| entry.group(viewer.language))) }
                        ul { @for entry in entries { li {
                            @if is_offered(&viewer, entry) { a href=(href(entry)) { (entry.title(viewer.language)) } }
                            @else { span.off title=(viewer.why_not(entry.words)) { (entry.title(viewer.language)) } }
                        } } }
                    }
                }
            }
        }
    };
    page(&viewer, &title, &body)
}

/// Whether a command is offered to somebody: what no role of theirs is for is not.
#[must_use]
pub fn is_offered(viewer: &Viewer, entry: &Entry) -> bool {
    matches!(entry.kind, Kind::Read | Kind::ReadOrSet) || viewer.may(entry.words)
}

/// Where a command's page is.
#[must_use]
pub fn href(entry: &Entry) -> String {
    let place = entry.words.replace(' ', "/");
    let is_shown = match entry.kind {
        Kind::Read => !entry.takes_file() && !entry.parameters.iter().any(|parameter| parameter.is_required),
        kind => kind == Kind::ReadOrSet,
    };
    if is_shown { format!("/see/{place}") } else { format!("/do/{place}") }
}

/// What was given, with the lines of a list as values of their own and without what was left empty.
fn given<'v>(entry: &Entry, values: impl Iterator<Item = &'v (String, String)>) -> Values {
    let mut all = Values::new();
    for (name, value) in values.filter(|(name, value)| !name.starts_with('_') && !value.trim().is_empty()) {
        if entry.parameter(name).is_some_and(|parameter| parameter.is_list) {
            let lines = value.lines().map(str::trim).filter(|line| !line.is_empty());
            all.extend(lines.map(|line| (name.clone(), line.to_owned())));
        } else {
            all.push((name.clone(), value.clone()));
        }
    }
    all
}

/// Shows what a command says that changes nothing.
///
/// # Errors
/// `service.command_unknown`, and what the command says.
pub async fn see(
    State(service): App,
    viewer: Viewer,
    Path(words): Path<String>,
    Query(values): Query<Values>,
) -> Result<Response, Sorry> {
    let entry = find(&service, &viewer, &words)?.clone();
    if !matches!(entry.kind, Kind::Read | Kind::ReadOrSet) {
        return Err(Sorry(Message::new("web.not_found"), StatusCode::NOT_FOUND, viewer.language));
    }
    let format = values.iter().find(|(name, _)| name == export::AS).map(|(_, format)| format.clone());
    let values = given(&entry, values.iter());
    let (person, language) = (viewer.session.actor.clone(), viewer.language);
    let asked = Asked {
        words: entry.words,
        values: values.clone(),
        files: Vec::new(),
        password: None,
        language,
        request: None,
        return_to: String::new(),
    };
    let ran = match blocking(&service, move |service| service.ask(&person, &asked)).await {
        Ok(ran) => ran,
        // Something is missing that no single field must have: the form asks for it.
        Err(Failure::Refused(message)) if message.code == "command.usage" => {
            let above = if values.is_empty() {
                html! {}
            } else {
                alert(&viewer, &message)
            };
            let status = if values.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
            return Ok((status, form_page(&viewer, &entry, &values, &above)).into_response());
        }
        Err(failure) => return Err(viewer.sorry(failure)),
    };
    let Answered::Ran(ran) = ran else {
        return Err(Sorry(Message::new("web.not_found"), StatusCode::NOT_FOUND, viewer.language));
    };
    if let Some(kind) = format.as_deref().and_then(FileKind::parse) {
        return export::answer(&viewer, &entry.words.replace(' ', "-"), kind, &ran.said);
    }
    let title = entry.title(viewer.language).to_owned();
    let has_filter = entry.parameters.iter().any(|parameter| !matches!(parameter.takes, Takes::File | Takes::Output));
    let body = html! {
        (heading(&viewer, &entry))
        (refusal(&viewer, &ran))
        @if has_filter {
            details.filter { summary { (viewer.t("web.filter")) (narrowed(&entry, &viewer, &values)) }
                form method="get" action=(format!("/see/{}", entry.words.replace(' ', "/"))) {
                    (fields(&entry, viewer.language, &values, false))
                    button { (viewer.t("web.show")) }
                }
            }
        }
        (parts::said(&ran.said))
        @if entry.kind == Kind::ReadOrSet {
            p { a.button href=(format!("/do/{}", entry.words.replace(' ', "/"))) { (viewer.t("web.change")) } }
        }
        (related(&service.entries, &entry, &viewer, &values))
    };
    let status = if ran.outcome.is_ok() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok((status, page(&viewer, &title, &body)).into_response())
}

/// What a list was narrowed to.
fn narrowed(entry: &Entry, viewer: &Viewer, values: &[(String, String)]) -> Markup {
    let said = |(name, value): &(String, String)| {
        let parameter = entry.parameter(name)?;
        let label = parts::label(parameter, viewer.language);
        if parameter.takes == Takes::Flag {
            return Some(label);
        }
        let chosen = parameter.choices.iter().find(|choice| choice.word == *value);
        let value = chosen.map_or(value.as_str(), |choice| choice.text(viewer.language));
        Some(format!("{label}{}{value}", parts::colon(viewer.language)))
    };
    let all: Vec<String> = values.iter().filter_map(said).collect();
    html! { @if !all.is_empty() { small.hint { " " (all.join(" · ")) } } }
}

/// What else can be done with the same subject.
fn related(entries: &[Entry], shown: &Entry, viewer: &Viewer, values: &[(String, String)]) -> Markup {
    let word = shown.words.split(' ').next().unwrap_or_default();
    let mut others = entries
        .iter()
        .filter(|other| {
            other.kind != Kind::Local
                && is_offered(viewer, other)
                && other.words != shown.words
                && other.words.split(' ').next() == Some(word)
        })
        .peekable();
    let with = |other: &Entry| {
        let known = |name: &str| values.iter().find(|(given, _)| given == name);
        let query: Vec<String> = other
            .parameters
            .iter()
            .filter_map(|parameter| Some((parameter, &known(&parameter.name)?.1)))
            .map(|(parameter, value)| format!("{}={}", parameter.name, parts::escape(value)))
            .collect();
        let place = href(other);
        if query.is_empty() { place } else { format!("{place}?{}", query.join("&")) }
    };
    html! {
        (export::links(viewer))
        @if others.peek().is_some() {
            nav.related aria-label=(viewer.t("web.related")) {
                h2 { (viewer.t("web.related")) }
                ul { @for other in others { li { a href=(with(other)) { (other.title(viewer.language)) } } } }
            }
        }
    }
}

/// The form of a command.
///
/// # Errors
/// `service.command_unknown`.
pub async fn form(
    State(service): App,
    viewer: Viewer,
    Path(words): Path<String>,
    Query(values): Query<Values>,
) -> Result<Markup, Sorry> {
    let entry = find(&service, &viewer, &words)?;
    Ok(form_page(&viewer, entry, &values, &html! {}))
}

fn form_page(viewer: &Viewer, entry: &Entry, values: &[(String, String)], above: &Markup) -> Markup {
    let title = entry.title(viewer.language);
    let value = |name: &str| values.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str());
    let request = Randomness::system().bytes::<16>().map(|bytes| ankuan_ledger::chain::hex(&bytes)).unwrap_or_default();
    let is_read = entry.kind == Kind::Read && !entry.takes_file();
    let body = html! {
        (heading(viewer, entry))
        (above)
        @if entry.second_person().is_some() {
            p.hint { (viewer.t("web.second_person_hint")) }
        }
        form.command method=(if is_read { "get" } else { "post" })
            action=(format!("/{}/{}", if is_read { "see" } else { "do" }, entry.words.replace(' ', "/")))
            enctype=[(!is_read).then_some("multipart/form-data")] {
            @if !is_read {
                input type="hidden" name=(TOKEN) value=(viewer.form_token);
                input type="hidden" name=(REQUEST) value=(request);
                input type="hidden" name=(NEXT) value=(value(NEXT));
            }
            (fields(entry, viewer.language, values, true))
            @if entry.is_signed() { (signature_field(viewer)) }
            @let may = is_read || viewer.may(entry.words);
            @if !may { p.hint #why-not { (viewer.why_not(entry.words)) } }
            button disabled[!may] aria-describedby=[(!may).then_some("why-not")] {
                (viewer.t(if entry.kind == Kind::Read { "web.show" } else { "web.submit" }))
            }
        }
        p.cli { (viewer.t("web.as_command")) " " code { "ankuan " (entry.words) } }
    };
    page(viewer, title, &body)
}

/// A command's form within another page: what the page knows is fixed, and only some fields are asked for. Nothing for whoever
/// has no role that it takes.
#[must_use]
pub fn inline(
    entries: &[Entry],
    viewer: &Viewer,
    words: &str,
    fixed: &[(&str, &str)],
    shown: &[&str],
    label: &str,
) -> Markup {
    let entry = entries.iter().find(|entry| entry.words == words && viewer.may(words));
    let Some(entry) = entry else { return html! {} };
    let asked = entry.parameters.iter().filter(|parameter| shown.contains(&parameter.name.as_str()));
    html! {
        form.asked method="post" action=(format!("/do/{}", words.replace(' ', "/"))) enctype="multipart/form-data" {
            (hidden(viewer, &viewer.path))
            @for (name, value) in fixed { input type="hidden" name=(name) value=(value); }
            @for parameter in asked {
                @let id = format!("i-{}-{}-{}", words.replace(' ', "-"), fixed.first().map_or("", |(_, value)| value), parameter.name);
                (parts::field_called(&id, parameter, viewer.language, ""))
            }
            button { (label) }
        }
    }
}

/// What every form carries that a page of its own sends to a command: the token, a request's key, where to go on.
#[must_use]
pub fn hidden(viewer: &Viewer, next: &str) -> Markup {
    let request = Randomness::system().bytes::<16>().map(|bytes| ankuan_ledger::chain::hex(&bytes)).unwrap_or_default();
    html! {
        input type="hidden" name=(TOKEN) value=(viewer.form_token);
        input type="hidden" name=(REQUEST) value=(request);
        input type="hidden" name=(NEXT) value=(next);
    }
}

/// The field in which whoever signs gives their password again.
#[must_use]
pub fn signature_field(viewer: &Viewer) -> Markup {
    html! {
        div.field {
            label for="p-password" { (viewer.t("web.sign_with_password")) span.must { " *" } }
            input #p-password type="password" name=(PASSWORD) required autocomplete="current-password";
        }
    }
}

/// What the page is for.
fn heading(viewer: &Viewer, entry: &Entry) -> Markup {
    let explanation = entry.explanation(viewer.language);
    html! {
        h1 { (entry.title(viewer.language)) }
        @if !explanation.is_empty() { p.hint { (explanation) } }
    }
}

/// The fields of a command's form.
#[must_use]
pub fn fields(entry: &Entry, language: Language, values: &[(String, String)], with_files: bool) -> Markup {
    // Who agrees may be named or left to whoever may; it is never this person who says that they did.
    let is_shown = |takes: &Takes| *takes != Takes::Output && (with_files || *takes != Takes::File);
    let shown = entry.parameters.iter().filter(|parameter| is_shown(&parameter.takes));
    let shown = shown.cloned().map(|mut parameter| {
        parameter.is_required &= !SECOND_PERSON.contains(&parameter.name.as_str());
        parameter
    });
    let value = |name: &str| {
        values.iter().filter(|(given, _)| given == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>().join("\n")
    };
    html! { @for parameter in shown { (parts::field(&parameter, language, &value(&parameter.name))) } }
}

/// Does what a form asks for.
///
/// # Errors
/// `web.form_token`, `web.form_unreadable`, `web.too_large`, `service.command_unknown`; what a file or the database says. What
/// the command refuses is shown above the form.
pub async fn submit(
    State(service): App,
    viewer: Viewer,
    Path(words): Path<String>,
    request: Request,
) -> Result<Response, Sorry> {
    let entry = find(&service, &viewer, &words)?.clone();
    let folder = tempfile::tempdir().map_err(|error| viewer.sorry(error.into()))?;
    let (fields, files) = upload::receive(&entry, request, folder.path()).await.map_err(|failure| match failure {
        Failure::Refused(message) => {
            let status = status_of(message.code);
            Sorry(message, status, viewer.language)
        }
        broken @ Failure::Broken(_) => viewer.sorry(broken),
    })?;
    let own = |name: &str| fields.iter().find(|(given, _)| given == name).map_or("", |(_, value)| value.as_str());
    viewer.check_form(own(TOKEN))?;
    let request = Some(own(REQUEST).to_owned()).filter(|key| !key.is_empty());
    let next = local(own(NEXT)).to_owned();
    let values = given(&entry, fields.iter());
    let (person, language) = (viewer.session.actor.clone(), viewer.language);
    let password = Some(own(PASSWORD).to_owned()).filter(|password| !password.is_empty());
    let return_to = next.clone();
    let asked = Asked { words: entry.words, values: values.clone(), files, password, language, request, return_to };
    let answered =
        blocking(&service, move |service| service.ask(&person, &asked)).await.map_err(|failure| viewer.sorry(failure));
    drop(folder);
    // A form that is shown again still knows where it was begun.
    let kept: Values = values.iter().cloned().chain([(NEXT.to_owned(), next.clone())]).collect();
    match answered {
        Ok(Answered::Job(job_id, _)) => Ok(Redirect::to(&format!("/jobs/{job_id}")).into_response()),
        Ok(Answered::Ran(ran)) if ran.outcome.is_ok() => {
            let title = entry.title(viewer.language);
            let body = html! {
                h1 { (title) }
                div.done role="status" { (parts::said(&ran.said)) }
                p { a.button href=(after(&next, entry.words, &values, &ran.said)) { (viewer.t("web.go_on")) } }
            };
            Ok(page(&viewer, title, &body).into_response())
        }
        Ok(Answered::Ran(ran)) => {
            let above = html! { (refusal(&viewer, &ran)) (parts::said(&ran.said)) };
            let shown = form_page(&viewer, &entry, &kept, &above);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        // Somebody who is not recorded was named in a field, which is not a page that is not there.
        Err(Sorry(message, status, _))
            if status == StatusCode::UNPROCESSABLE_ENTITY || message.code == "access.person_unknown" =>
        {
            let above = alert(&viewer, &message);
            Ok((status, form_page(&viewer, &entry, &kept, &above)).into_response())
        }
        Err(sorry) => Err(sorry),
    }
}

/// Where to go on after something was done: where it was begun, else to the run or case that it was about, else to the desk.
#[must_use]
pub fn after(begun_on: &str, words: &str, values: &[(String, String)], said: &Said) -> String {
    let begun_on = local(begun_on);
    if begun_on != "/" {
        return begun_on.to_owned();
    }
    let given = |name: &str| values.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_str());
    let answered = |name: &str| said.object.as_ref().and_then(|object| object.get(name)?.as_str());
    let run = given("run").or_else(|| answered("run"));
    let case = given("case").or_else(|| answered("number").filter(|_| words == "case open"));
    match (run, case) {
        (Some(run), _) => format!("/payouts/{}", parts::escape(run)),
        (None, Some(case)) => format!("/cases/{}", parts::escape(case)),
        (None, None) => begun_on.to_owned(),
    }
}

/// Why a command was refused.
#[must_use]
pub fn refusal(viewer: &Viewer, ran: &Ran) -> Markup {
    match &ran.outcome {
        Ok(_) => html! {},
        Err(Failure::Refused(message)) => alert(viewer, message),
        Err(Failure::Broken(error)) => {
            tracing::error!(%error, "a command broke");
            alert(viewer, &Message::new("web.broken"))
        }
    }
}

fn alert(viewer: &Viewer, message: &Message) -> Markup {
    html! { p.refusal role="alert" { (message.text(viewer.language)) " " code { (message.code) } } }
}

fn find<'s>(service: &'s crate::service::Service, viewer: &Viewer, words: &str) -> Result<&'s Entry, Sorry> {
    service
        .entry(&words.replace('/', " "))
        .ok_or_else(|| Sorry(Message::new("web.not_found"), StatusCode::NOT_FOUND, viewer.language))
}
