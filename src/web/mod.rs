//! Pages: one file a page, which asks the service and shows what it says. Server-rendered, Chinese first, nothing from
//! outside, and no page needs a script.

pub mod account;
pub mod approvals;
pub mod assets;
pub mod books;
pub mod cases;
pub mod charts;
pub mod command;
pub mod courts;
pub mod desk;
pub mod distribution;
pub mod export;
pub mod form;
pub mod job;
pub mod paper;
pub mod parts;
pub mod payouts;
pub mod people;
pub mod receipts;
pub mod reconciliation;
pub mod settings;
pub mod sign_in;
pub mod upload;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use maud::{DOCTYPE, Markup, html};

use crate::access::sessions::{self, Session};
use crate::access::{Role, Standing, may};
use crate::service::Service;
use crate::service::front::Asker;
use crate::{Failure, Language, Message, Outcome};

/// What handlers share.
pub type App = State<Arc<Service>>;

/// The cookie of the session: `__Host-` binds it to this host, the whole of it, and to TLS or the machine itself.
pub const SESSION_COOKIE: &str = "__Host-ankuan";
const LANGUAGE_COOKIE: &str = "ankuan-lang";

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("page.js");

/// The pages.
pub fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/", get(desk::desk))
        .route("/sign-in", get(sign_in::form).post(sign_in::sign_in))
        .route("/sign-in/elsewhere", get(sign_in::elsewhere))
        .route("/sign-in/elsewhere/back", get(sign_in::back))
        .route("/sign-out", axum::routing::post(sign_in::sign_out))
        .route("/enrol", get(sign_in::enrol_form).post(sign_in::enrol))
        .route("/language/{language}", get(language))
        .route("/cases", get(cases::list))
        .route("/cases/{number}", get(cases::show))
        .route("/cases/{number}/distribution", get(distribution::show))
        .route("/approvals", get(approvals::show).post(approvals::approve))
        .route("/payouts", get(payouts::list))
        .route("/payouts/{number}", get(payouts::show))
        .route("/payouts/{number}/files/{name}", axum::routing::post(payouts::hand_over))
        .route("/account", get(account::show))
        .route("/account/password", axum::routing::post(account::password))
        .route("/account/sessions/end", axum::routing::post(account::end_others))
        .route("/people", get(people::show))
        .route("/settings", get(settings::show))
        .route("/courts", get(courts::list))
        .route("/courts/{court}", get(courts::contents))
        .route("/courts/{court}/see/{*words}", get(courts::see))
        .route("/actions", get(command::all))
        .route("/do/{*words}", get(command::form).post(command::submit))
        .route("/see/{*words}", get(command::see))
        .route("/jobs", get(job::list))
        .route("/jobs/{job}", get(job::show))
        .route("/jobs/{job}/answer", axum::routing::post(job::answer))
        .route("/jobs/{job}/events", get(job::events))
        .route("/jobs/{job}/files/{file}", get(job::file))
        .route("/books", get(books::vouchers))
        .route("/books/vouchers/{voucher}", get(books::voucher))
        .route("/books/vouchers/{voucher}/papers/{document}", get(books::paper))
        .route("/books/journal", get(books::journal))
        .route("/books/detail", get(books::detail))
        .route("/books/general", get(books::general))
        .route("/books/balance", get(books::balance))
        .route("/papers", get(paper::all))
        .route("/papers/{kind}/{subject}", get(paper::show).post(paper::print))
        .route("/reconciliation", get(reconciliation::accounts))
        .route("/reconciliation/{account}", get(reconciliation::account))
        .route("/reconciliation/{account}/lines", get(reconciliation::lines))
        .route("/reconciliation/{account}/lines/{line}", get(reconciliation::line))
        .route("/reconciliation/{account}/days/{day}", get(reconciliation::day))
        .route("/assets", get(assets::list))
        .route("/assets/{asset}", get(assets::show))
        .route("/receipts", get(receipts::list))
        .route("/form.css", get(|| async { asset("text/css; charset=utf-8", crate::papers::template::STYLE) }))
        .route("/style.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/page.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .fallback(|headers: HeaderMap| async move {
            Sorry(Message::new("web.not_found"), StatusCode::NOT_FOUND, language_of(&headers))
        })
        .layer(axum::middleware::from_fn(guard))
}

fn asset(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=3600")], text)
}

/// What every answer carries, so that a browser runs and loads nothing but ours, and keeps nothing.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                  form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    protect(response.headers_mut(), policy);
    response
}

/// Sets the headers that guard a page, with a policy for what it may load.
pub(crate) fn protect(headers: &mut HeaderMap, policy: &'static str) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

async fn language(axum::extract::Path(wanted): axum::extract::Path<String>, headers: HeaderMap) -> Response {
    let wanted = if wanted == "en" { "en" } else { "zh" };
    let back = headers
        .get(header::REFERER)
        .and_then(|referer| referer.to_str().ok())
        .and_then(|referer| referer.splitn(4, '/').nth(3))
        .map_or_else(|| "/".to_owned(), |path| format!("/{path}"));
    let cookie = format!("{LANGUAGE_COOKIE}={wanted}; Path=/; Max-Age=31536000; Secure; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(local(&back))).into_response()
}

/// A path of this host, whatever a request says: else the desk.
#[must_use]
pub fn local(path: &str) -> &str {
    let is_ours = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if is_ours { path } else { "/" }
}

/// The value of a cookie.
#[must_use]
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

/// The language that a browser was set to.
#[must_use]
pub fn language_of(headers: &HeaderMap) -> Language {
    if cookie(headers, LANGUAGE_COOKIE) == Some("en") { Language::En } else { Language::Zh }
}

/// Who looks at a page: somebody who has signed in.
#[derive(Clone)]
pub struct Viewer {
    /// The session.
    pub session: Session,
    /// The court's name.
    pub court_name: String,
    /// What they may do today.
    pub standings: Vec<Standing>,
    token: String,
    /// What forms carry.
    pub form_token: String,
    /// The language of the page.
    pub language: Language,
    /// The path of the page, with its query.
    pub path: String,
}

impl Viewer {
    /// A text of the page.
    #[must_use]
    pub fn t(&self, code: &'static str) -> String {
        Message::new(code).text(self.language)
    }

    /// Whether a role of this person is for a command: what they may not is not offered.
    #[must_use]
    pub fn may(&self, words: &str) -> bool {
        may::may(&self.standings, words)
    }

    /// Why they may not.
    #[must_use]
    pub fn why_not(&self, words: &str) -> String {
        may::why_not(&self.session.actor.name, words).text(self.language)
    }

    /// Refuses a form that no page of ours sent to this person.
    ///
    /// # Errors
    /// `web.form_token`.
    pub fn check_form(&self, given: &str) -> Result<(), Sorry> {
        if sessions::is_csrf_token(&self.token, given) {
            return Ok(());
        }
        Err(Sorry(Message::new("web.form_token"), StatusCode::FORBIDDEN, self.language))
    }

    /// The problem page for what went wrong.
    #[must_use]
    pub fn sorry(&self, failure: Failure) -> Sorry {
        Sorry::of(failure, self.language)
    }
}

impl FromRequestParts<Arc<Service>> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Response> {
        let language = language_of(&parts.headers);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        let refuse = || Redirect::to(&format!("/sign-in?next={}", parts::escape(&path))).into_response();
        let Some((court_id, token)) = cookie(&parts.headers, SESSION_COOKIE).and_then(sign_in::split_cookie) else {
            return Err(refuse());
        };
        let token = token.to_owned();
        let kept = token.clone();
        let form_token = sessions::csrf_token(&token);
        let found = blocking(service, move |service| {
            let now = service.clock.now();
            let Some(session) = service.read_single(|tx| sessions::by_token(tx, court_id, &token, now))? else {
                return Ok(None);
            };
            if session.must_be_touched(now) {
                service.write(|tx| sessions::touch(tx, court_id, &token, now))?;
            }
            let register = service.register(court_id)?;
            let standings = register.roles.of(session.actor.person_id, service.clock.today_in_shanghai());
            Ok(Some((session, standings.into_iter().collect::<Vec<_>>(), register.court_name.clone())))
        })
        .await
        .map_err(|failure| Sorry::of(failure, language).into_response())?;
        match found {
            Some((session, standings, court_name)) => {
                if let Some(asker) = parts.extensions.get::<Asker>() {
                    asker.tell(&session.actor);
                }
                // Who has no role today may only look after their own account.
                let is_own = ["/account", "/sign-out"].iter().any(|own| path.starts_with(own));
                if !may::may_read(standings.iter().map(|standing| standing.role)) && !is_own {
                    let refused = may::why_not(&session.actor.name, "");
                    return Err(Sorry(refused, StatusCode::FORBIDDEN, language).into_response());
                }
                Ok(Self { session, court_name, standings, token: kept, form_token, language, path })
            }
            None => Err(refuse()),
        }
    }
}

/// Asks the service on a thread that may wait.
///
/// # Errors
/// What the work says.
pub async fn blocking<T: Send + 'static>(
    service: &Arc<Service>,
    work: impl FnOnce(&Arc<Service>) -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let service = Arc::clone(service);
    tokio::task::spawn_blocking(move || work(&service))
        .await
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked).into()))
}

/// A page that says why there is no other.
#[derive(Debug)]
pub struct Sorry(pub Message, pub StatusCode, pub Language);

impl Sorry {
    /// For what went wrong. What broke is told in the log, not to whoever asked.
    #[must_use]
    pub fn of(failure: Failure, language: Language) -> Self {
        match failure {
            Failure::Refused(message) => {
                let is_unknown = message.code.ends_with("unknown");
                let status = if is_unknown { StatusCode::NOT_FOUND } else { StatusCode::UNPROCESSABLE_ENTITY };
                Self(message, status, language)
            }
            Failure::Broken(error) => {
                tracing::error!(%error, "a page could not be made");
                Self(Message::new("web.broken"), StatusCode::INTERNAL_SERVER_ERROR, language)
            }
        }
    }
}

impl IntoResponse for Sorry {
    fn into_response(self) -> Response {
        let Self(message, status, language) = self;
        let title = Message::new("web.sorry").text(language);
        let body = html! {
            h1 { (title) }
            p.refusal role="alert" { (message.text(language)) " " code { (message.code) } }
            p { a href="/" { (Message::new("web.to_desk").text(language)) } }
        };
        (status, bare(language, &title, &body)).into_response()
    }
}

/// A page without anybody signed in.
#[must_use]
pub fn bare(language: Language, title: &str, body: &Markup) -> Markup {
    let content = html! {
        main.narrow {
            p.brand.large { "案款" span { " ankuan" } }
            (body)
            p.more { (language_links(language)) }
        }
    };
    shell(language, title, &content)
}

/// A page for somebody: with what can be gone to, and who it is.
#[must_use]
pub fn page(viewer: &Viewer, title: &str, body: &Markup) -> Markup {
    let roles: Vec<String> = viewer
        .standings
        .iter()
        .map(|standing| {
            let role = standing.role.message().text(viewer.language);
            if standing.on_behalf_of.is_some() {
                role + &viewer.language.in_brackets(&viewer.t("web.on_behalf"))
            } else {
                role
            }
        })
        .collect();
    let content = html! {
        a.skip href="#main" { (viewer.t("web.skip")) }
        header.top {
            a.brand href="/" { "案款" span { " ankuan" } }
            span.court { (viewer.court_name) }
            div.who {
                a href="/account" { (viewer.session.actor.name) small { (viewer.language.list(&roles)) } }
                (language_links(viewer.language))
                form method="post" action="/sign-out" {
                    input type="hidden" name="_token" value=(viewer.form_token);
                    button.plain { (viewer.t("web.sign_out")) }
                }
            }
        }
        div.columns {
            nav.side aria-label=(viewer.t("web.navigation")) {
                @for (code, href) in NAVIGATION.iter().filter(|(code, _)| is_offered(viewer, code)) {
                    a.apart[APART.contains(href)] href=(href) aria-current=[parts::is_here(&viewer.path, href).then_some("page")] {
                        (viewer.t(code))
                    }
                }
            }
            main #main { (body) }
        }
    };
    shell(viewer.language, title, &content)
}

/// Books of courts below: for whoever looks from the court above.
const NAV_COURTS: &str = "web.nav_courts";

/// Whether a place is offered to somebody: nothing to whoever has no role today, courts below to the upper court.
fn is_offered(viewer: &Viewer, code: &str) -> bool {
    match code {
        NAV_COURTS => viewer.standings.iter().any(|standing| standing.role == Role::UpperCourt),
        _ => !viewer.standings.is_empty(),
    }
}

/// Where one can go from every page.
const NAVIGATION: &[(&str, &str)] = &[
    ("web.nav_desk", "/"),
    ("web.nav_cases", "/cases"),
    ("web.nav_receipts", "/receipts"),
    ("web.nav_payouts", "/payouts"),
    ("web_payouts.approvals", "/approvals"),
    ("web.nav_assets", "/assets"),
    ("web.nav_reconciliation", "/reconciliation"),
    ("web.nav_books", "/books"),
    ("forms.papers", "/papers"),
    ("web.nav_deadlines", "/see/deadlines"),
    ("web.nav_people", "/people"),
    ("web.nav_settings", "/settings"),
    (NAV_COURTS, "/courts"),
    ("web.nav_audit", "/do/verify"),
    ("web.nav_jobs", "/jobs"),
    ("web.nav_actions", "/actions"),
];

/// Where a new group begins: the day's work, the books, the house.
const APART: &[&str] = &["/reconciliation", "/people", "/jobs"];

fn language_links(language: Language) -> Markup {
    html! {
        span.languages {
            @match language {
                Language::Zh => { a href="/language/en" lang="en" hreflang="en" { "English" } }
                Language::En => { a href="/language/zh" lang="zh-CN" hreflang="zh-CN" { "中文" } }
            }
        }
    }
}

fn shell(language: Language, title: &str, content: &Markup) -> Markup {
    let tag = match language {
        Language::Zh => "zh-CN",
        Language::En => "en",
    };
    html! {
        (DOCTYPE)
        html lang=(tag) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " · 案款 ankuan" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="data:,";
                script src="/page.js" defer {}
            }
            body { (content) }
        }
    }
}
