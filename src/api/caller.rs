//! Who asks: a program with a key, or a person by the session of their browser.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, header};

use super::limits::{Counted, Limits};
use super::problem::{Problem, language_of};
use crate::access::api_keys::{self, ApiKey, Scope};
use crate::access::{Actor, may, sessions};
use crate::service::Service;
use crate::service::front::Asker;
use crate::web::{SESSION_COOKIE, blocking, cookie, sign_in};
use crate::{Failure, Language, Message};

/// The header with which a page of ours shows that it sent a request: as the hidden field of a form.
pub const FORM_TOKEN: &str = "x-form-token";

/// Who asks.
#[derive(Clone, Debug)]
pub struct Caller {
    /// For whom is acted.
    pub person: Actor,
    /// The language of refusals.
    pub language: Language,
    key: Option<ApiKey>,
}

impl Caller {
    /// Refuses what the key is not for. A session may what the person may.
    ///
    /// # Errors
    /// `access.scope_missing`.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        let Some(key) = &self.key else { return Ok(()) };
        key.require(scope).map_err(|message| self.refused(&message))
    }

    /// As [`Caller::require`], for what the bank's link may as well.
    ///
    /// # Errors
    /// `access.scope_missing`.
    pub fn require_or_bank(&self, scope: Scope) -> Result<(), Problem> {
        match &self.key {
            Some(key) if key.scopes.contains(&Scope::Bank) => Ok(()),
            _ => self.require(scope),
        }
    }

    /// Refuses a key where a person must speak for themselves, whatever it is for.
    ///
    /// # Errors
    /// `access.not_by_key`.
    pub fn require_in_person(&self) -> Result<(), Problem> {
        if self.key.is_none() {
            return Ok(());
        }
        Err(self.refused(&Message::new("access.not_by_key").with("person", &self.person.name)))
    }

    /// Whether the caller may see only what they asked for themselves: the bank's link.
    #[must_use]
    pub fn sees_own_only(&self) -> bool {
        self.key.as_ref().is_some_and(|key| !key.scopes.contains(&Scope::Read))
    }

    /// The problem for a refusal.
    #[must_use]
    pub fn refused(&self, message: &Message) -> Problem {
        Problem::refused(message, self.language)
    }

    /// The problem for what went wrong.
    #[must_use]
    pub fn problem(&self, failure: Failure) -> Problem {
        Problem::of(failure, self.language)
    }
}

/// The address of whoever asks, where the connection tells it.
#[must_use]
pub fn address(parts: &Parts) -> Counted {
    Counted::Address(parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip()))
}

/// Takes a token, or refuses.
///
/// # Errors
/// `api.too_many`.
pub fn take(limits: &Limits, who: Counted, service: &Service, language: Language) -> Result<(), Problem> {
    limits.take(who, service.clock.now()).map_err(|seconds| {
        let message = Message::new("api.too_many").with("seconds", seconds);
        Problem::refused(&message, language).with(header::RETRY_AFTER, HeaderValue::from(seconds))
    })
}

/// What somebody shows to prove who they are.
enum Shown {
    Key { court_id: i64, secret: String },
    Session { court_id: i64, token: String, form_token: Option<String> },
    Nothing,
}

fn shown(parts: &Parts) -> Shown {
    if let Some(given) = parts.headers.get(header::AUTHORIZATION) {
        let secret = given.to_str().ok().and_then(|given| given.split_once(' '));
        let secret =
            secret.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, secret)| secret.trim());
        return secret
            .and_then(|secret| Some(Shown::Key { court_id: api_keys::court_of(secret)?, secret: secret.to_owned() }))
            .unwrap_or(Shown::Nothing);
    }
    let session = cookie(&parts.headers, SESSION_COOKIE).and_then(sign_in::split_cookie);
    let Some((court_id, token)) = session else { return Shown::Nothing };
    let form_token = parts.headers.get(FORM_TOKEN).and_then(|token| token.to_str().ok()).map(str::to_owned);
    Shown::Session { court_id, token: token.to_owned(), form_token }
}

impl FromRequestParts<Arc<Service>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, Problem> {
        let language = language_of(&parts.headers);
        let limits = parts.extensions.get::<Arc<Limits>>().cloned().unwrap_or_default();
        let address = address(parts);
        let changes = !matches!(parts.method, Method::GET | Method::HEAD);
        let found = match shown(parts) {
            Shown::Nothing => None,
            Shown::Key { court_id, secret } => {
                let find = move |service: &Arc<Service>| {
                    let key =
                        service.read_single(|tx| api_keys::by_secret(tx, court_id, &secret, service.clock.now()))?;
                    key.map(|key| Ok((service.standings(&key.actor)?, key))).transpose()
                };
                let key = blocking(service, find).await.map_err(|failure| Problem::of(failure, language))?;
                key.map(|(standings, key)| {
                    let counted = Counted::Key { court_id, key_id: key.key_id };
                    (Self { person: key.actor.clone(), language, key: Some(key) }, standings, counted)
                })
            }
            Shown::Session { court_id, token, form_token } => {
                let kept = token.clone();
                let find = move |service: &Arc<Service>| {
                    let now = service.clock.now();
                    let Some(session) = service.read_single(|tx| sessions::by_token(tx, court_id, &token, now))? else {
                        return Ok(None);
                    };
                    if session.must_be_touched(now) {
                        service.write(|tx| sessions::touch(tx, court_id, &token, now))?;
                    }
                    Ok(Some((service.standings(&session.actor)?, session)))
                };
                let session = blocking(service, find).await.map_err(|failure| Problem::of(failure, language))?;
                let is_ours = form_token.is_some_and(|given| sessions::is_csrf_token(&kept, &given));
                if session.is_some() && changes && !is_ours {
                    return Err(Problem::refused(&Message::new("web.form_token"), language));
                }
                session.map(|(standings, session)| {
                    let counted = Counted::Person { court_id, person_id: session.actor.person_id };
                    (Self { person: session.actor, language, key: None }, standings, counted)
                })
            }
        };
        let Some((caller, standings, counted)) = found else {
            take(&limits, address, service, language)?;
            let challenge = HeaderValue::from_static("Bearer realm=\"ankuan\"");
            let refused = Problem::refused(&Message::new("api.not_signed_in"), language);
            return Err(refused.with(header::WWW_AUTHENTICATE, challenge));
        };
        if let Some(asker) = parts.extensions.get::<Asker>() {
            asker.tell(&caller.person);
        }
        take(&limits, counted, service, language)?;
        if let Some(key) = &caller.key {
            key.require_confirmed().map_err(|message| caller.refused(&message))?;
        }
        // Whoever has no role today reads nothing either: it is asked here, for what reads without a command.
        may::require_reading(&caller.person, &standings).map_err(|failure| Problem::of(failure, language))?;
        Ok(caller)
    }
}
