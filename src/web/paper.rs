//! Papers that people sign: each form as it prints, its prints, and the register of them.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::Form;
use super::parts::{Cell, Grid, escape};
use super::{App, Sorry, Viewer, blocking, page};
use crate::papers::load::load;
use crate::papers::{self, PaperKind, template};
use crate::service::{Answered, Asked};
use crate::{Message, books, clock};

/// Prints that the register shows.
const PRINTS_SHOWN: i64 = 200;

/// Which form somebody looks for.
#[derive(Debug, Deserialize)]
pub struct Wanted {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    print: Option<i64>,
}

/// Where a form is.
#[must_use]
pub fn href(kind: PaperKind, subject: &str) -> String {
    format!("/papers/{}/{}", kind.as_str(), escape(subject).replace('/', "%2F"))
}

/// The kinds of forms, and what was printed.
///
/// # Errors
/// What the database says.
pub async fn all(State(service): App, viewer: Viewer, Query(wanted): Query<Wanted>) -> Result<Response, Sorry> {
    if let (Some(kind), false) = (PaperKind::parse(&wanted.kind), wanted.subject.trim().is_empty()) {
        return Ok(Redirect::to(&href(kind, wanted.subject.trim())).into_response());
    }
    let book = books::case_money(viewer.session.actor.court_id);
    let prints = blocking(&service, move |service| service.read(|tx| papers::newest_prints(tx, book, PRINTS_SHOWN)));
    let prints = prints.await.map_err(|failure| viewer.sorry(failure))?;
    let language = viewer.language;
    let columns = [
        ("forms.number", false),
        ("forms.form", false),
        ("forms.about", false),
        ("forms.print_no", true),
        ("forms.printed", false),
        ("column.date", false),
    ];
    let mut grid = Grid::new(language, &columns);
    for print in &prints {
        let place = format!("{}?print={}", href(print.kind, &print.subject), print.print_no);
        grid.push(vec![
            Cell::link(&print.number, place),
            print.kind.message().text(language).into(),
            (&print.subject).into(),
            print.print_no.into(),
            (&print.actor_name).into(),
            clock::shown_in_shanghai(print.recorded_at).into(),
        ]);
    }
    let title = viewer.t("forms.papers");
    let body = html! {
        h1 { (title) }
        form.bar method="get" action="/papers" {
            label for="kind" { (viewer.t("forms.form")) }
            select #kind name="kind" {
                @for kind in PaperKind::ALL {
                    option value=(kind.as_str()) selected[wanted.kind == kind.as_str()] {
                        (kind.message().text(language)) " — " (kind.subject().text(language))
                    }
                }
            }
            label for="subject" { (viewer.t("forms.about")) }
            input #subject name="subject" required;
            button { (viewer.t("web.show")) }
        }
        h2 { (viewer.t("forms.register")) }
        @if prints.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
    };
    Ok(page(&viewer, &title, &body).into_response())
}

/// A form as it stands now, as one of its prints or as a preview.
///
/// # Errors
/// Those of [`load`].
pub async fn show(
    State(service): App,
    viewer: Viewer,
    Path((kind, subject)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Markup, Sorry> {
    let kind = known(&viewer, &kind)?;
    let (person, court_id) = (viewer.session.actor.clone(), viewer.session.actor.court_id);
    let found = blocking(&service, move |service| {
        let today = service.clock.today_in_shanghai();
        service.read_personal(&person, ("papers", &subject), |tx, keys| {
            let form = load(tx, keys, court_id, kind, &subject, today)?;
            let prints = papers::prints_of(tx, books::case_money(court_id), kind, &form.subject)?;
            Ok((form, prints))
        })
    });
    let (form, prints) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let shown = prints.iter().find(|print| Some(print.print_no) == wanted.print);
    let place = href(kind, &form.subject);
    let title = kind.message().text(viewer.language);
    let body = html! {
        link rel="stylesheet" href="/form.css";
        div.screen.acts {
            form method="post" action=(place) {
                input type="hidden" name="_token" value=(viewer.form_token);
                button { (viewer.t(if prints.is_empty() { "forms.print" } else { "forms.print_again" })) }
            }
            @if shown.is_some() { button.plain type="button" data-print { (viewer.t("forms.to_printer")) } }
            a href="/papers" { (viewer.t("forms.papers")) }
        }
        @if shown.is_none() { p.hint.screen { (viewer.t("forms.preview_hint")) } }
        (template::form(&form, shown, viewer.language))
        @if !prints.is_empty() {
            section.screen {
                h2 { (viewer.t("forms.register")) }
                ul { @for print in &prints { li {
                    a href=(format!("{place}?print={}", print.print_no)) {
                        (print.number) " · " (Message::new("forms.print_of").with("count", print.print_no).text(viewer.language))
                    }
                    " · " (print.actor_name) " · " (clock::shown_in_shanghai(print.recorded_at))
                } } }
            }
        }
    };
    Ok(page(&viewer, &title, &body))
}

/// What the button of a form sends.
#[derive(Deserialize)]
pub struct PrintAsked {
    #[serde(rename = "_token")]
    token: String,
}

/// Prints a form: records it, and shows the print.
///
/// # Errors
/// `web.form_token`, and those of the command.
pub async fn print(
    State(service): App,
    viewer: Viewer,
    Path((kind, subject)): Path<(String, String)>,
    Form(sent): Form<PrintAsked>,
) -> Result<Redirect, Sorry> {
    viewer.check_form(&sent.token)?;
    let kind = known(&viewer, &kind)?;
    let (person, language) = (viewer.session.actor.clone(), viewer.language);
    let asked = Asked {
        words: "paper print",
        values: vec![("kind".to_owned(), kind.as_str().to_owned()), ("subject".to_owned(), subject.clone())],
        files: Vec::new(),
        password: None,
        language,
        request: None,
        return_to: String::new(),
    };
    let answered = blocking(&service, move |service| service.ask(&person, &asked)).await;
    let Answered::Ran(ran) = answered.map_err(|failure| viewer.sorry(failure))? else {
        return Err(Sorry(Message::new("web.broken"), StatusCode::INTERNAL_SERVER_ERROR, language));
    };
    ran.outcome.map_err(|failure| viewer.sorry(failure))?;
    let said = |name: &str| ran.said.object.as_ref().and_then(|object| object.get(name)).cloned();
    let count = said("print_no").and_then(|count| count.as_i64()).unwrap_or(1);
    let subject = said("subject").and_then(|subject| subject.as_str().map(str::to_owned)).unwrap_or(subject);
    Ok(Redirect::to(&format!("{}?print={count}", href(kind, &subject))))
}

fn known(viewer: &Viewer, kind: &str) -> Result<PaperKind, Sorry> {
    PaperKind::parse(kind).ok_or_else(|| Sorry(Message::new("web.not_found"), StatusCode::NOT_FOUND, viewer.language))
}
