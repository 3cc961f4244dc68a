//! My account: password, sessions, the key that signs, keys of programs that act for me.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::form::Form;
use super::people::form_with;
use super::sign_in::Token;
use super::{App, SESSION_COOKIE, Sorry, Viewer, blocking, page};
use crate::access::api_keys::{self, ApiKey};
use crate::access::credentials::{PASSWORD_CHARS_MIN, change_password};
use crate::access::sessions::{self, Open};
use crate::access::signing::{PersonKey, load_keyring};
use crate::clock::{Randomness, shown_in_shanghai};
use crate::{Failure, Message};

struct Account {
    sessions: Vec<Open>,
    key: Option<PersonKey>,
    api_keys: Vec<ApiKey>,
}

/// What the form of a new password says.
#[derive(Deserialize)]
pub struct NewPassword {
    #[serde(rename = "_token")]
    token: String,
    password: String,
    new: String,
    again: String,
}

/// Shows the account.
///
/// # Errors
/// What the database says.
pub async fn show(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    account_page(&service, &viewer, None).await
}

async fn account_page(
    service: &std::sync::Arc<crate::service::Service>,
    viewer: &Viewer,
    refused: Option<&Message>,
) -> Result<Markup, Sorry> {
    let (me, token) = (viewer.session.actor.clone(), viewer.token.clone());
    let read = blocking(service, move |service| {
        let now = service.clock.now();
        service.read(|tx| {
            let mut api_keys = api_keys::all(tx, me.court_id)?;
            api_keys.retain(|key| key.actor.person_id == me.person_id && key.is_live(now));
            let key = load_keyring(tx, me.court_id)?.live(me.person_id, i64::MAX).cloned();
            Ok(Account { sessions: sessions::of_person(tx, &me, &token, now)?, key, api_keys })
        })
    });
    let account = read.await.map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("account.title");
    let body = html! {
        h1 { (title) }
        (roles(viewer))
        (password_form(viewer, refused))
        section.card {
            h2 { (viewer.t("account.sessions")) }
            p.hint { (viewer.t("account.sessions_hint")) }
            div.scroll { table {
                thead { tr { th { (viewer.t("account.opened")) } th { (viewer.t("account.used")) } th {} } }
                tbody { @for open in &account.sessions { tr {
                    td data-label=(viewer.t("account.opened")) { (shown_in_shanghai(open.created_at)) }
                    td data-label=(viewer.t("account.used")) { (shown_in_shanghai(open.seen_at)) }
                    td { @if open.is_this { (viewer.t("account.this_one")) } }
                } } }
            } }
            @if account.sessions.len() > 1 {
                form method="post" action="/account/sessions/end" {
                    input type="hidden" name="_token" value=(viewer.form_token);
                    button { (viewer.t("account.end_others")) }
                }
            }
        }
        section.card {
            h2 { (viewer.t("account.key")) }
            p.hint { (viewer.t("account.key_hint")) }
            @match &account.key {
                Some(key) => { p { code { (key.fingerprint()) } } }
                None => { p { (viewer.t("account.no_key")) } }
            }
        }
        section.card {
            h2 { (viewer.t("account.api_keys")) }
            @if account.api_keys.is_empty() { p { (viewer.t("account.no_api_keys")) } } @else { ul {
                @for key in &account.api_keys { li {
                    (key.name) " · " (key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", "))
                    " · " (viewer.t("account.until")) " " (shown_in_shanghai(key.expires_at))
                    @if key.waits() {
                        p.warn { (viewer.t("account.key_waits")) }
                        @if viewer.may("api-key confirm") {
                            (form_with(viewer, "api-key confirm", &[("key", &key.key_id.to_string())], &html! {}, "account.confirm_key"))
                        }
                    }
                } }
            } }
        }
    };
    Ok(page(viewer, &title, &body))
}

fn roles(viewer: &Viewer) -> Markup {
    html! {
        section.card {
            h2 { (viewer.t("account.roles")) }
            @if viewer.standings.is_empty() { p { (viewer.t("account.no_roles")) } } @else { ul {
                @for standing in &viewer.standings { li {
                    (standing.role.message().text(viewer.language))
                    @if standing.on_behalf_of.is_some() { (viewer.language.in_brackets(&viewer.t("web.on_behalf"))) }
                } }
            } }
        }
    }
}

fn password_form(viewer: &Viewer, refused: Option<&Message>) -> Markup {
    let field = |name: &str, code: &'static str, kind: &str| {
        html! { div.field {
            label for=(name) { (viewer.t(code)) }
            input id=(name) name=(name) type="password" required autocomplete=(kind)
                minlength=[(kind == "new-password").then_some(PASSWORD_CHARS_MIN)];
        } }
    };
    html! {
        section.card {
            h2 { (viewer.t("account.change_password")) }
            p.hint { (viewer.t("account.change_password_hint")) }
            @if let Some(message) = refused {
                p.refusal role="alert" { (message.text(viewer.language)) " " code { (message.code) } }
            }
            form method="post" action="/account/password" {
                input type="hidden" name="_token" value=(viewer.form_token);
                (field("password", "account.password_now", "current-password"))
                (field("new", "web.new_password", "new-password"))
                (field("again", "web.password_again", "new-password"))
                button { (viewer.t("account.change_password")) }
            }
        }
    }
}

/// Changes the password; every session ends, this one too.
///
/// # Errors
/// `web.form_token`; what the database says. A refusal is shown above the form.
pub async fn password(State(service): App, viewer: Viewer, Form(given): Form<NewPassword>) -> Result<Response, Sorry> {
    viewer.check_form(&given.token)?;
    let me = viewer.session.actor.clone();
    let changed = blocking(&service, move |service| {
        if given.new != given.again {
            return Err(Message::new("web.passwords_differ").into());
        }
        let (mut store, now, mut randomness) = (service.lease()?, service.clock.now(), Randomness::system());
        change_password(&mut store, me.court_id, &me.name, &given.password, &given.new, now, &mut randomness)
    });
    match changed.await {
        Ok(()) => {
            let gone = format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
            Ok(([(header::SET_COOKIE, gone)], Redirect::to("/sign-in")).into_response())
        }
        Err(Failure::Refused(message)) => {
            let shown = account_page(&service, &viewer, Some(&message)).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, shown).into_response())
        }
        Err(broken) => Err(viewer.sorry(broken)),
    }
}

/// Ends all sessions but this one.
///
/// # Errors
/// `web.form_token`; what the database says.
pub async fn end_others(State(service): App, viewer: Viewer, Form(given): Form<Token>) -> Result<Redirect, Sorry> {
    viewer.check_form(&given.token)?;
    let (me, token) = (viewer.session.actor.clone(), viewer.token.clone());
    blocking(&service, move |service| service.write(|tx| sessions::close_others(tx, &me, &token)))
        .await
        .map_err(|failure| viewer.sorry(failure))?;
    Ok(Redirect::to("/account"))
}
