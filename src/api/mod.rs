//! The API under `/api/v1`: every command of the catalogue, jobs, what can be large page by page, the bank's files. One
//! file a concern; each asks the service and answers JSON.

pub mod caller;
pub mod commands;
pub mod cursor;
pub mod endpoints;
pub mod files;
pub mod jobs;
pub mod limits;
pub mod openapi;
pub mod problem;
pub mod reader;
pub mod resources;
pub mod stream;
pub mod values;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Extension, Router};
use serde::de::DeserializeOwned;

use crate::service::Service;
use crate::{Message, web};
use caller::Caller;
use limits::Limits;
use problem::{Problem, language_of};

/// Where the API is.
pub const ROOT: &str = "/api/v1";

/// The API and its reader.
pub fn routes() -> Router<Arc<Service>> {
    let api = Router::new()
        .route("/openapi.json", get(openapi::document))
        .route("/jobs", get(jobs::list))
        .route("/jobs/{job}", get(jobs::show))
        .route("/jobs/{job}/answer", post(jobs::answer))
        .route("/jobs/{job}/events", get(jobs::events))
        .route("/jobs/{job}/files/{file}", get(jobs::file))
        .route("/cases", get(resources::cases))
        .route("/cases/{number}/claims", get(resources::claims))
        .route("/runs", get(resources::runs))
        .route("/runs/{number}", get(resources::run))
        .route("/runs/{number}/lines", get(resources::lines))
        .route("/runs/{number}/files", get(files::list))
        .route("/runs/{number}/files/{name}", get(files::read).post(files::hand_over))
        .route("/runs/{number}/transmittal", get(files::transmittal))
        .route("/statements/{statement}/lines", get(resources::bank_lines))
        .route("/books/{book}/entries", get(resources::entries))
        .route("/books/{book}/vouchers", get(resources::vouchers))
        .merge(commands::routes())
        .fallback(async |headers: HeaderMap| problem(&headers, "web.not_found"))
        .method_not_allowed_fallback(async |headers: HeaderMap| problem(&headers, "api.method_unknown"))
        .layer(from_fn(readable))
        .layer(Extension(Arc::new(Limits::default())));
    Router::new()
        .nest(ROOT, api)
        .route(&format!("{ROOT}/"), any(async |headers: HeaderMap| problem(&headers, "web.not_found")))
        .route("/api/docs", get(reader::page))
        .layer(from_fn(web::guard))
}

fn problem(headers: &HeaderMap, code: &'static str) -> Problem {
    Problem::refused(&Message::new(code), language_of(headers))
}

/// Refuses an address that no text can be: a path or query that is not UTF-8, or has a zero byte, which PostgreSQL takes
/// nowhere. What axum refuses by itself is said as a problem too.
async fn readable(request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let uri = request.uri();
    if !is_text(uri.path()) || !uri.query().is_none_or(is_text) {
        return problem(&headers, "api.address").into_response();
    }
    let is_head = request.method() == Method::HEAD;
    let response = next.run(request).await;
    let is_plain =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if response.status().is_client_error() && is_plain && !is_head {
        return problem(&headers, "api.address").into_response();
    }
    response
}

/// Whether a part of an address is UTF-8 without a zero byte once its percent signs are read.
fn is_text(escaped: &str) -> bool {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let code = behind.get(..2).filter(|_| *first == b'%').and_then(|code| std::str::from_utf8(code).ok());
        let code = code.and_then(|code| u8::from_str_radix(code, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &behind[2..] } else { behind };
    }
    !bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok()
}

/// A JSON body of a known shape.
///
/// # Errors
/// `api.media_type`, `api.too_large`, `api.body`.
pub async fn body<T: DeserializeOwned>(caller: &Caller, headers: &HeaderMap, body: Body) -> Result<T, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(caller.refused(&Message::new("api.media_type").with("kind", kind)));
    }
    let bytes = to_bytes(body, commands::JSON_BYTES_MAX)
        .await
        .map_err(|_| caller.refused(&Message::new("api.too_large").with("max", commands::JSON_BYTES_MAX)))?;
    serde_json::from_slice(&bytes).map_err(|error| caller.refused(&Message::new("api.body").with("detail", error)))
}

#[cfg(test)]
mod tests {
    use super::is_text;

    #[test]
    fn addresses_are_text() {
        for (address, wanted) in [
            ("", true),
            ("/x", true),
            ("%E6%A1%88", true),
            ("100%", true),
            ("%", true),
            ("%zz", true),
            ("%00", false),
            ("a%FF", false),
            ("%E6%A1", false),
        ] {
            assert_eq!(is_text(address), wanted, "{address}");
        }
    }
}
