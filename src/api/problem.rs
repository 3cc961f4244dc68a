//! What is answered where something was not done: RFC 9457, with the refusal's code. The one place that maps a failure to
//! a status.

use ankuan_ledger::Error;
use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Failure, Language, Message, web};

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Seconds after which a request is worth repeating that found the database in use.
const BUSY_RETRY_SECONDS: u64 = 5;

/// A problem as it is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body {
    /// `urn:ankuan:` and the code.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is, in the reader's language.
    pub title: String,
    /// The status again.
    pub status: u16,
    /// What is wrong and what helps, in the reader's language.
    pub detail: String,
    /// Stable: `runs.wrong_status`.
    pub code: String,
    /// The detail in Chinese.
    pub message_zh: String,
    /// The detail in English.
    pub message_en: String,
}

/// Why something was not done.
#[derive(Debug)]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    code: String,
    message_zh: String,
    message_en: String,
    language: Language,
    header: Option<Box<(header::HeaderName, HeaderValue)>>,
}

impl Problem {
    /// A refusal with the status that its code has.
    #[must_use]
    pub fn refused(message: &Message, language: Language) -> Self {
        // What was refused before is answered as it was then.
        if message.code == "request.refused_before" {
            let of = |name: &str| {
                let found = message.arguments.iter().find(|(given, _)| *given == name);
                found.map_or_else(String::new, |(_, value)| value.clone())
            };
            let (code, message_zh, message_en) = (of("code"), of("message_zh"), of("message_en"));
            return Self { status: status_of(&code), code, message_zh, message_en, language, header: None };
        }
        Self {
            status: status_of(message.code),
            code: message.code.to_owned(),
            message_zh: message.text(Language::Zh),
            message_en: message.text(Language::En),
            language,
            header: None,
        }
    }

    /// For what went wrong. What broke is told in the log, not to whoever asked.
    #[must_use]
    pub fn of(failure: Failure, language: Language) -> Self {
        match failure {
            Failure::Refused(message) => Self::refused(&message, language),
            Failure::Broken(Error::Busy(detail)) => {
                tracing::warn!(detail, "the database is in use");
                let busy = Self::refused(&Message::new("api.busy"), language);
                busy.with(header::RETRY_AFTER, HeaderValue::from(BUSY_RETRY_SECONDS))
            }
            Failure::Broken(error) => {
                tracing::error!(%error, "a request of the API broke");
                Self::refused(&Message::new("api.broken"), language)
            }
        }
    }

    /// With a header that the status asks for.
    #[must_use]
    pub fn with(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let text = |language| Message::new(title_of(self.status)).text(language);
        let body = Body {
            kind: format!("urn:ankuan:{}", self.code),
            title: text(self.language),
            status: self.status.as_u16(),
            detail: match self.language {
                Language::Zh => self.message_zh.clone(),
                Language::En => self.message_en.clone(),
            },
            code: self.code,
            message_zh: self.message_zh,
            message_en: self.message_en,
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        let tag = if self.language == Language::En { "en" } else { "zh-CN" };
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(tag));
        if let Some((name, value)) = self.header.map(|header| *header) {
            headers.insert(name, value);
        }
        response
    }
}

/// The status of a refusal, by its code.
#[must_use]
pub fn status_of(code: &str) -> StatusCode {
    /// Ends of codes that say: there is something already, or it is not as it was taken to be.
    const CONFLICTS: &[&str] = &[
        "differs",
        "exists",
        "taken",
        "_already",
        ".already",
        "changed",
        "wrong_status",
        "not_proposed",
        "case_twice",
    ];
    match code {
        "api.broken" | "command.broken" => StatusCode::INTERNAL_SERVER_ERROR,
        "api.busy" => StatusCode::SERVICE_UNAVAILABLE,
        "api.not_signed_in" => StatusCode::UNAUTHORIZED,
        "api.too_many" => StatusCode::TOO_MANY_REQUESTS,
        "api.method_unknown" => StatusCode::METHOD_NOT_ALLOWED,
        "api.media_type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "api.too_large" | "web.too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        "api.if_match_missing" => StatusCode::PRECONDITION_REQUIRED,
        "api.if_match" => StatusCode::PRECONDITION_FAILED,
        "access.scope_missing"
        | "access.role_missing"
        | "access.roles_missing"
        | "access.key_unconfirmed"
        | "access.not_by_key"
        | "web.form_token" => StatusCode::FORBIDDEN,
        "api.idempotency_key_missing"
        | "api.body"
        | "api.value"
        | "api.query"
        | "api.limit"
        | "api.cursor"
        | "api.address"
        | "web.form_unreadable"
        | "request.key"
        | "command.usage"
        | "command.unknown_parameter"
        | "command.not_built_in"
        | "command.zero_byte"
        | "command.parameter_missing"
        | "command.parameter_twice"
        | "api.idempotency_key"
        | "service.file_is_uploaded"
        | "service.no_file_here"
        | "service.second_person_signs_in" => StatusCode::BAD_REQUEST,
        "web.not_found" | "api.book" | "file.not_found" => StatusCode::NOT_FOUND,
        _ if code.ends_with("unknown") => StatusCode::NOT_FOUND,
        _ if CONFLICTS.iter().any(|end| code.ends_with(end)) => StatusCode::CONFLICT,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// The code of what kind of problem a status is.
#[must_use]
pub fn title_of(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::PAYLOAD_TOO_LARGE => {
            "api.title_unreadable"
        }
        StatusCode::UNAUTHORIZED => "api.title_not_signed_in",
        StatusCode::FORBIDDEN => "api.title_forbidden",
        StatusCode::NOT_FOUND => "api.title_unknown",
        StatusCode::METHOD_NOT_ALLOWED => "api.title_method",
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED | StatusCode::PRECONDITION_REQUIRED => {
            "api.title_conflict"
        }
        StatusCode::TOO_MANY_REQUESTS => "api.title_too_many",
        StatusCode::SERVICE_UNAVAILABLE => "api.title_busy",
        StatusCode::INTERNAL_SERVER_ERROR => "api.title_broken",
        _ => "api.title_refused",
    }
}

/// The language that a program, or a browser, wants to be answered in: what weighs most of Chinese and English, else what
/// the pages are set to.
#[must_use]
pub fn language_of(headers: &HeaderMap) -> Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut heaviest = None;
    for part in wanted.split(',') {
        let (tag, parameters) = part.split_once(';').unwrap_or((part, ""));
        let tag = tag.trim().to_ascii_lowercase();
        let language = match tag.split('-').next() {
            Some("zh") => Language::Zh,
            Some("en") => Language::En,
            _ => continue,
        };
        let weight = parameters.trim().strip_prefix("q=").map_or(1_000, thousandths);
        // The first of those that weigh the same.
        if weight > 0 && heaviest.is_none_or(|(known, _)| weight > known) {
            heaviest = Some((weight, language));
        }
    }
    heaviest.map_or_else(|| web::language_of(headers), |(_, language)| language)
}

/// A weight of RFC 9110 (`0.8`) in thousandths; 0 for what is none.
fn thousandths(weight: &str) -> u32 {
    let (whole, part) = weight.trim().split_once('.').unwrap_or((weight.trim(), ""));
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    match (whole.parse::<u32>(), part.parse::<u32>()) {
        (Ok(whole @ 0..=1), Ok(part)) => (whole * 1_000 + part).min(1_000),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(accept: &'static str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(accept));
        language_of(&headers)
    }

    #[test]
    fn the_language_that_weighs_most_is_spoken() {
        assert_eq!(language_of(&HeaderMap::new()), Language::Zh);
        for (accept, wanted) in [
            ("en", Language::En),
            ("zh-CN,zh;q=0.9,en;q=0.8", Language::Zh),
            ("de, en-GB;q=0.7, zh;q=0.3", Language::En),
            ("zh;q=0, en;q=0.001", Language::En),
            ("en, zh", Language::En),
            ("fr", Language::Zh),
            ("en;q=x, ;;,=", Language::Zh),
            ("en;q=99999999999", Language::Zh),
        ] {
            assert_eq!(language(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn codes_have_their_status() {
        for (code, status) in [
            ("runs.unknown", 404),
            ("command.unknown_parameter", 400),
            ("request.differs", 409),
            ("runs.wrong_status", 409),
            ("access.role_missing", 403),
            ("access.roles_missing", 403),
            ("receipts.amount", 422),
            ("api.broken", 500),
        ] {
            assert_eq!(status_of(code).as_u16(), status, "{code}");
        }
    }

    #[test]
    fn what_was_refused_before_is_refused_alike() {
        let before = Message::new("request.refused_before")
            .with("code", "runs.unknown")
            .with("message_zh", "没有")
            .with("message_en", "none");
        let problem = Problem::refused(&before, Language::En);
        assert_eq!((problem.status.as_u16(), problem.code.as_str()), (404, "runs.unknown"));
        assert_eq!(problem.message_zh, "没有");
    }
}
