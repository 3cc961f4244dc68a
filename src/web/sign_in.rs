//! Signing in and out, and enrolling with the code of an invitation.

use std::net::{IpAddr, SocketAddr};

use axum::Extension;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;

use super::form::Form;
use super::{App, SESSION_COOKIE, Sorry, Viewer, bare, blocking, language_of, local};
use crate::access::elsewhere::Brought;
use crate::access::{Role, credentials, sessions};
use crate::api::limits::Counted;
use crate::clock::Randomness;
use crate::service::{DemoAccount, Service};
use crate::{Failure, Language, Message};

/// Court and token of a session's cookie: `7.3f…`.
#[must_use]
pub fn split_cookie(value: &str) -> Option<(i64, &str)> {
    let (court, token) = value.split_once('.')?;
    Some((court.parse().ok()?, token))
}

/// The address of whoever asks, where the connection tells it.
pub type Peer = Option<Extension<ConnectInfo<SocketAddr>>>;

fn address(peer: &Peer) -> Option<IpAddr> {
    peer.as_ref().map(|Extension(ConnectInfo(address))| address.ip())
}

/// What keeps a sign-in elsewhere to the browser that began it.
const STATE_COOKIE: &str = "__Host-ankuan-elsewhere";

/// Refuses whoever tries to sign in or enrol too often: from one address, and all together. The lock of a person is the
/// domain's; this is about the machine.
fn refuse_often(service: &Service, from: Option<IpAddr>) -> Result<(), Message> {
    let now = service.clock.now();
    for who in [Counted::SignIn(from), Counted::SignIns] {
        service
            .limits
            .take(who, now)
            .map_err(|seconds| Message::new("access.sign_in_often").with("seconds", seconds))?;
    }
    Ok(())
}

/// One answer for whatever was wrong, or nothing of it: it says neither whether there is such a person nor whether they
/// are locked.
fn uniform(refused: Message) -> Message {
    match refused.code {
        "access.busy" | "access.sign_in_often" => refused,
        _ => Message::new("access.sign_in_not_now"),
    }
}

fn session_cookie(court_id: i64, token: &str) -> String {
    format!("{SESSION_COOKIE}={court_id}.{token}; Path=/; Secure; HttpOnly; SameSite=Lax")
}

/// Ends the session that a browser had before it signs in again: no two people share one.
fn end_before(service: &Service, before: Option<(i64, String)>) -> crate::Outcome<()> {
    match before {
        Some((court_id, token)) => service.write(|tx| sessions::close(tx, court_id, &token)),
        None => Ok(()),
    }
}

fn session_before(headers: &HeaderMap) -> Option<(i64, String)> {
    let (court_id, token) = super::cookie(headers, SESSION_COOKIE).and_then(split_cookie)?;
    Some((court_id, token.to_owned()))
}

/// Where to go after signing in.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    next: String,
    #[serde(default)]
    name: String,
}

/// What the form of signing in says.
#[derive(Deserialize)]
pub struct SignIn {
    court: i64,
    name: String,
    password: String,
    code: String,
    #[serde(default)]
    next: String,
}

/// The form.
///
/// # Errors
/// What the database says.
pub async fn form(State(service): App, headers: HeaderMap, Query(wanted): Query<Wanted>) -> Result<Markup, Sorry> {
    let language = language_of(&headers);
    let courts =
        blocking(&service, |service| service.courts()).await.map_err(|failure| Sorry::of(failure, language))?;
    let court = courts.first().map_or(1, |(court, _)| *court);
    let below =
        html! { (elsewhere_link(&service, language, &wanted.next)) (demo_accounts(&service, &courts, language)) };
    Ok(form_page(language, &courts, court, &wanted.name, &wanted.next, None, &below))
}

/// Where the court has a provider: the way there.
fn elsewhere_link(service: &Service, language: Language, next: &str) -> Markup {
    html! {
        @if service.elsewhere.get().is_some() {
            p { a.button href=(format!("/sign-in/elsewhere?next={}", super::parts::escape(next))) {
                (Message::new("elsewhere.sign_in").text(language))
            } }
        }
    }
}

/// In a demo: whom one can sign in as, with the code of this moment.
fn demo_accounts(service: &Service, courts: &[(i64, String)], language: Language) -> Markup {
    if service.demo.is_empty() {
        return html! {};
    }
    let seconds = u64::try_from(service.clock.now().as_second()).unwrap_or(0);
    let code = |account: &DemoAccount| {
        let secret = totp_rs::Secret::try_from_base32(&account.totp_secret).ok()?;
        let totp = totp_rs::Builder::new().with_secret(secret).build().ok()?;
        Some(totp.generate(seconds).to_string())
    };
    let roles = |account: &DemoAccount| {
        let words = account.roles.iter().filter_map(|role| Some(Role::parse(role)?.message().text(language)));
        language.list(&words.collect::<Vec<_>>())
    };
    html! {
        section.demo {
            h2 { (Message::new("web.demo").text(language)) }
            p { (Message::new("web.demo_hint").text(language)) }
            table {
                thead { tr {
                    th { (Message::new("web.name").text(language)) } th { (Message::new("column.roles").text(language)) }
                    th.number { (Message::new("web.code_now").text(language)) }
                } }
                @for (court, name) in courts {
                    tbody {
                        tr { th colspan="3" scope="rowgroup" { span.data { (name) } } }
                        @for account in service.demo.iter().filter(|account| account.court_id == *court) {
                            tr {
                                td { (account.name) } td { (roles(account)) }
                                td.number { code { (code(account).unwrap_or_default()) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn form_page(
    language: Language,
    courts: &[(i64, String)],
    court: i64,
    name: &str,
    next: &str,
    refused: Option<&Message>,
    below: &Markup,
) -> Markup {
    let t = |code| Message::new(code).text(language);
    let body = html! {
        h1 { (t("web.sign_in")) }
        @if let Some(message) = refused {
            p.refusal role="alert" { (message.text(language)) " " code { (message.code) } }
        }
        form.sign-in method="post" action="/sign-in" {
            input type="hidden" name="next" value=(next);
            div.field {
                label for="court" { (t("web.court")) }
                select #court name="court" {
                    @for (number, court_name) in courts { option value=(number) selected[*number == court] { (court_name) } }
                }
            }
            div.field { label for="name" { (t("web.name")) } input #name name="name" value=(name) required autocomplete="username"; }
            (password_and_code(language))
            button { (t("web.sign_in")) }
        }
        p { a href="/enrol" { (t("web.enrol_link")) } }
        (below)
    };
    bare(language, &t("web.sign_in"), &body)
}

/// What whoever signs in proves themselves with.
fn password_and_code(language: Language) -> Markup {
    let t = |code| Message::new(code).text(language);
    html! {
        div.field {
            label for="password" { (t("web.password")) }
            input #password name="password" type="password" required autocomplete="current-password";
        }
        div.field {
            label for="code" { (t("web.totp")) }
            input #code name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" required;
        }
    }
}

/// Signs somebody in: password and code together; which of them was wrong is not told.
///
/// # Errors
/// What the database says; a refusal is shown above the form.
pub async fn sign_in(
    State(service): App,
    peer: Peer,
    headers: HeaderMap,
    Form(given): Form<SignIn>,
) -> Result<Response, Sorry> {
    let language = language_of(&headers);
    let (court_id, name, next) = (given.court, given.name.clone(), given.next.clone());
    let (before, from) = (session_before(&headers), address(&peer));
    let opened = blocking(&service, move |service| {
        refuse_often(service, from)?;
        let now = service.clock.now();
        let mut store = service.lease()?;
        let proof = credentials::check_password(&mut store, given.court, &given.name, &given.password, now)?;
        if proof.has_totp {
            credentials::check_totp(&mut store, service.keys(), &proof.actor, &given.code, now)?;
        } else {
            credentials::confirm_totp(&mut store, service.keys(), &proof.actor, &given.code, now)?;
        }
        let mut tx = store.begin()?;
        let token = sessions::open(&mut tx, &proof.actor, now, &mut Randomness::system())?;
        tx.commit()?;
        drop(store);
        end_before(service, before)?;
        tracing::info!(court = court_id, person = proof.actor.person_id, "signed in");
        Ok(token)
    })
    .await;
    match opened {
        Ok(token) => {
            let cookie = session_cookie(court_id, &token);
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local(&next))).into_response())
        }
        Err(Failure::Refused(message)) => {
            // Without the name: some type their password there.
            tracing::warn!(court = court_id, code = message.code, "a sign-in was refused");
            let message = uniform(message);
            let courts =
                blocking(&service, |service| service.courts()).await.map_err(|failure| Sorry::of(failure, language))?;
            let page = form_page(
                language,
                &courts,
                court_id,
                &name,
                &next,
                Some(&message),
                &html! { (elsewhere_link(&service, language, &next)) (demo_accounts(&service, &courts, language)) },
            );
            let is_often = message.code == "access.sign_in_often";
            let status = if is_often { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::UNAUTHORIZED };
            Ok((status, page).into_response())
        }
        Err(broken) => Err(Sorry::of(broken, language)),
    }
}

/// Sends a browser to the court's provider.
///
/// # Errors
/// `web.not_found` where the court has none; `access.sign_in_often`, and those of
/// [`crate::access::elsewhere::Elsewhere::turn`] and [`crate::access::elsewhere::Turn::begin`].
pub async fn elsewhere(
    State(service): App,
    peer: Peer,
    headers: HeaderMap,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Sorry> {
    let (language, from) = (language_of(&headers), address(&peer));
    let begun = blocking(&service, move |service| {
        let elsewhere = service.elsewhere.get().ok_or_else(|| Message::new("web.not_found"))?;
        refuse_often(service, from)?;
        let next = local(&wanted.next).to_owned();
        // No connection is held while the provider is asked.
        let begun = elsewhere.turn(service.clock)?.begin(&next, &mut Randomness::system())?;
        service.write(|tx| elsewhere.keep(tx, &begun, service.clock.now()))?;
        Ok(begun)
    });
    let begun = begun.await.map_err(|failure| Sorry::of(failure, language))?;
    let cookie = format!("{STATE_COOKIE}={}; Path=/; Max-Age=600; Secure; HttpOnly; SameSite=Lax", begun.state);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(&begun.address)).into_response())
}

/// Takes a browser back from the court's provider.
///
/// # Errors
/// `access.sign_in_often`, and those of [`crate::access::elsewhere::Elsewhere`] and [`crate::access::elsewhere::Turn`].
pub async fn back(
    State(service): App,
    peer: Peer,
    headers: HeaderMap,
    Query(brought): Query<Brought>,
) -> Result<Response, Sorry> {
    let (language, from) = (language_of(&headers), address(&peer));
    let before = session_before(&headers);
    let kept = super::cookie(&headers, STATE_COOKIE).map(str::to_owned);
    let ended = blocking(&service, move |service| {
        let elsewhere = service.elsewhere.get().ok_or_else(|| Message::new("web.not_found"))?;
        refuse_often(service, from)?;
        // Whoever finds no turn can come back once more with what they brought.
        let turn = elsewhere.turn(service.clock)?;
        let used_up = service.write(|tx| elsewhere.use_up(tx, &brought, kept.as_deref(), service.clock.now()))?;
        let named = turn.ask(used_up, &brought)?;
        drop(turn);
        let (now, mut randomness) = (service.clock.now(), Randomness::system());
        let came = service.write(|tx| elsewhere.let_in(tx, &named, now, &mut randomness))?;
        end_before(service, before)?;
        tracing::info!(court = came.actor.court_id, person = came.actor.person_id, "signed in elsewhere");
        Ok(came)
    });
    let came = ended.await.map_err(|failure| Sorry::of(failure, language))?;
    let mut headers = HeaderMap::new();
    let gone = format!("{STATE_COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax");
    for cookie in [session_cookie(came.actor.court_id, &came.token), gone] {
        // Hexadecimal and our own words: always a header.
        headers.extend(header::HeaderValue::try_from(cookie).map(|cookie| (header::SET_COOKIE, cookie)));
    }
    Ok((headers, Redirect::to(local(&came.return_to))).into_response())
}

/// What a form carries that says nothing else.
#[derive(Deserialize)]
pub struct Token {
    #[serde(rename = "_token")]
    pub(super) token: String,
}

/// Ends the session.
///
/// # Errors
/// `web.form_token`.
pub async fn sign_out(
    State(service): App,
    viewer: Viewer,
    headers: HeaderMap,
    Form(given): Form<Token>,
) -> Result<Response, Sorry> {
    viewer.check_form(&given.token)?;
    if let Some((court_id, token)) = super::cookie(&headers, SESSION_COOKIE).and_then(split_cookie) {
        let token = token.to_owned();
        blocking(&service, move |service| service.write(|tx| sessions::close(tx, court_id, &token)))
            .await
            .map_err(|failure| viewer.sorry(failure))?;
    }
    let cookie = format!("{SESSION_COOKIE}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response())
}

/// What the form of enrolling says.
#[derive(Deserialize)]
pub struct Enrol {
    court: i64,
    name: String,
    invitation: String,
    password: String,
    again: String,
}

/// The form for somebody who was invited.
///
/// # Errors
/// What the database says.
pub async fn enrol_form(State(service): App, headers: HeaderMap) -> Result<Markup, Sorry> {
    let language = language_of(&headers);
    let courts =
        blocking(&service, |service| service.courts()).await.map_err(|failure| Sorry::of(failure, language))?;
    Ok(enrol_page(language, &courts, None))
}

fn enrol_page(language: Language, courts: &[(i64, String)], refused: Option<&Message>) -> Markup {
    let t = |code| Message::new(code).text(language);
    let body = html! {
        h1 { (t("web.enrol")) }
        p { (t("web.enrol_hint")) }
        @if let Some(message) = refused {
            p.refusal role="alert" { (message.text(language)) " " code { (message.code) } }
        }
        form method="post" action="/enrol" {
            div.field {
                label for="court" { (t("web.court")) }
                select #court name="court" { @for (number, name) in courts { option value=(number) { (name) } } }
            }
            div.field { label for="name" { (t("web.name")) } input #name name="name" required autocomplete="username"; }
            div.field { label for="invitation" { (t("web.invitation")) } input #invitation name="invitation" required autocomplete="off"; }
            div.field {
                label for="password" { (t("web.new_password")) }
                input #password name="password" type="password" required minlength="12" autocomplete="new-password";
            }
            div.field {
                label for="again" { (t("web.password_again")) }
                input #again name="again" type="password" required autocomplete="new-password";
            }
            button { (t("web.enrol")) }
        }
    };
    bare(language, &t("web.enrol"), &body)
}

/// Enrols somebody and shows, once, what an authenticator needs. Its first code is asked for on the same page, with the password:
/// that is the first sign-in, which confirms the second factor.
///
/// # Errors
/// What the database says; a refusal is shown above the form.
pub async fn enrol(
    State(service): App,
    peer: Peer,
    headers: HeaderMap,
    Form(given): Form<Enrol>,
) -> Result<Response, Sorry> {
    let language = language_of(&headers);
    let t = |code| Message::new(code).text(language);
    let from = address(&peer);
    let enrolled = blocking(&service, move |service| {
        refuse_often(service, from)?;
        if given.password != given.again {
            return Err(Message::new("web.passwords_differ").into());
        }
        let mut store = service.lease()?;
        let (now, randomness) = (service.clock.now(), &mut Randomness::system());
        let Enrol { court, name, invitation, password, .. } = &given;
        credentials::enrol(&mut store, service.keys(), *court, name, invitation.trim(), password, now, randomness)
    })
    .await;
    match enrolled {
        Ok(made) => {
            // Our own text of a fixed shape always fits a code.
            let picture = QrCode::new(&made.otpauth_url)
                .map(|code| code.render::<svg::Color<'_>>().min_dimensions(220, 220).build())
                .unwrap_or_default();
            let picture = picture.split_once("?>").map_or(picture.as_str(), |(_, svg)| svg).to_owned();
            let body = html! {
                h1 { (t("web.enrolled")) }
                p { (t("web.enrolled_hint")) }
                div.qr { (PreEscaped(picture)) }
                p { (t("web.totp_secret")) " " code #totp-secret { (made.totp_secret_base32) } }
                form.sign-in method="post" action="/sign-in" {
                    input type="hidden" name="court" value=(made.actor.court_id);
                    div.field {
                        label for="name" { (t("web.name")) }
                        input #name name="name" value=(made.actor.name) readonly autocomplete="username";
                    }
                    (password_and_code(language))
                    button { (t("web.first_code")) }
                }
            };
            Ok(bare(language, &t("web.enrolled"), &body).into_response())
        }
        Err(Failure::Refused(message)) => {
            let courts =
                blocking(&service, |service| service.courts()).await.map_err(|failure| Sorry::of(failure, language))?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, enrol_page(language, &courts, Some(&message))).into_response())
        }
        Err(broken) => Err(Sorry::of(broken, language)),
    }
}
