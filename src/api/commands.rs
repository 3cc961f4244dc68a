//! Every command of the catalogue over HTTP: what shows something by GET, everything by POST.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tempfile::TempDir;

use super::caller::Caller;
use super::jobs;
use super::openapi::is_read_by_get;
use super::problem::Problem;
use super::values::{self, Values};
use crate::Message;
use crate::access::api_keys::Scope;
use crate::access::may;
use crate::cli::catalogue::{self, Entry, Kind};
use crate::request::KEY_CHARS_MAX;
use crate::service::{Answered, Asked, Ran, Service, Upload};
use crate::web::{App, blocking, upload};

/// The header with the key by which the same request is known again.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The largest JSON body: a command takes words, not data.
pub const JSON_BYTES_MAX: usize = 1 << 20;

/// What the bank's link may ask for besides runs and their files.
pub const OF_BANK: &[&str] = &["statement import", "reply import", "payout list", "payout show"];

/// A route for each command, with the methods that it takes.
pub fn routes() -> Router<Arc<Service>> {
    let entries = catalogue::entries();
    entries.iter().filter(|entry| entry.kind != Kind::Local).fold(Router::new(), |router, entry| {
        let words = entry.words;
        let write = post(async move |service: App, caller: Caller, headers: HeaderMap, request: Request| {
            write(service, caller, words, headers, request).await
        });
        let methods = if is_read_by_get(entry) {
            write.get(async move |service: App, caller: Caller, uri: Uri| read(service, caller, words, uri).await)
        } else {
            write
        };
        router.route(&format!("/{}", words.replace(' ', "/")), methods)
    })
}

fn find(service: &Service, caller: &Caller, words: &str) -> Result<Entry, Problem> {
    let found = service.entry(words).cloned();
    found.ok_or_else(|| caller.refused(&Message::new("service.command_unknown").with("command", words)))
}

fn require(caller: &Caller, entry: &Entry, scope: Scope) -> Result<(), Problem> {
    if OF_BANK.contains(&entry.words) { caller.require_or_bank(scope) } else { caller.require(scope) }
}

/// Shows what a command says that changes nothing.
///
/// # Errors
/// `service.command_unknown`, `access.scope_missing`, `api.value`, and what the command says.
pub async fn read(State(service): App, caller: Caller, words: &'static str, uri: Uri) -> Result<Response, Problem> {
    let entry = find(&service, &caller, words)?;
    require(&caller, &entry, Scope::Read)?;
    let fields = values::of_query(&uri).map_err(|message| caller.refused(&message))?;
    let (values, _) = values::of_fields(&entry, fields).map_err(|message| caller.refused(&message))?;
    ask(&service, &caller, asked(&entry, &caller, values)).await
}

/// Does what a command does.
///
/// # Errors
/// As [`read`], and `access.not_by_key`, `api.idempotency_key_missing`, `api.body`, `api.media_type`, `api.too_large`, `web.form_unreadable`,
/// `web.too_large`.
pub async fn write(
    State(service): App,
    caller: Caller,
    words: &'static str,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, Problem> {
    let entry = find(&service, &caller, words)?;
    let records = entry.kind != Kind::Read;
    require(&caller, &entry, if records { Scope::Write } else { Scope::Read })?;
    if may::IN_PERSON.contains(&words) {
        caller.require_in_person()?;
    }
    let key = if records { Some(required_request_key(&caller, &headers)?) } else { request_key(&caller, &headers)? };
    let given = receive(&entry, &caller, request).await?;
    let Given { values, password, files, _folder } = given;
    let mut asked = asked(&entry, &caller, values);
    asked.files = files;
    asked.password = password;
    asked.request = key.filter(|_| records);
    ask(&service, &caller, asked).await
}

/// The key by which the same request is known again, where one is given.
///
/// # Errors
/// `api.idempotency_key`.
fn request_key(caller: &Caller, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let key = headers.get(IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).filter(|key| !key.trim().is_empty());
    let is_key = |key: &str| key.len() <= KEY_CHARS_MAX && key.bytes().all(|byte| byte.is_ascii_graphic());
    if !key.is_none_or(is_key) {
        return Err(caller.refused(&Message::new("api.idempotency_key").with("max", KEY_CHARS_MAX)));
    }
    Ok(key.map(str::to_owned))
}

/// The key by which the same request is known again, of a request that records something.
///
/// # Errors
/// `api.idempotency_key_missing`, `api.idempotency_key`.
pub fn required_request_key(caller: &Caller, headers: &HeaderMap) -> Result<String, Problem> {
    let key = request_key(caller, headers)?;
    key.ok_or_else(|| caller.refused(&Message::new("api.idempotency_key_missing")))
}

fn asked(entry: &Entry, caller: &Caller, values: Values) -> Asked {
    Asked {
        words: entry.words,
        values,
        files: Vec::new(),
        password: None,
        language: caller.language,
        request: None,
        return_to: String::new(),
    }
}

struct Given {
    values: Values,
    password: Option<String>,
    files: Vec<Upload>,
    /// In which the files lie, until they were used.
    _folder: Option<TempDir>,
}

/// Reads a body: JSON, a form with files, or none.
async fn receive(entry: &Entry, caller: &Caller, request: Request) -> Result<Given, Problem> {
    let refuse = |message: Message| caller.refused(&message);
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind == "multipart/form-data" {
        let folder = tempfile::tempdir().map_err(|error| caller.problem(error.into()))?;
        let received = upload::receive(entry, request, folder.path()).await;
        let (fields, files) = received.map_err(|failure| caller.problem(failure))?;
        let (values, password) = values::of_fields(entry, fields).map_err(refuse)?;
        return Ok(Given { values, password, files, _folder: Some(folder) });
    }
    if !kind.is_empty() && kind != "application/json" {
        return Err(refuse(Message::new("api.media_type").with("kind", kind)));
    }
    let bytes = to_bytes(request.into_body(), JSON_BYTES_MAX)
        .await
        .map_err(|_| refuse(Message::new("api.too_large").with("max", JSON_BYTES_MAX)))?;
    let body: Value = if bytes.is_empty() && kind.is_empty() {
        Value::Object(serde_json::Map::new())
    } else {
        serde_json::from_slice(&bytes).map_err(|error| refuse(Message::new("api.body").with("detail", error)))?
    };
    let Value::Object(members) = body else {
        return Err(refuse(Message::new("api.body").with("detail", "not an object")));
    };
    let (values, password) = values::of_json(entry, members).map_err(refuse)?;
    Ok(Given { values, password, files: Vec::new(), _folder: None })
}

async fn ask(service: &Arc<Service>, caller: &Caller, asked: Asked) -> Result<Response, Problem> {
    let person = caller.person.clone();
    let answered = blocking(service, move |service| service.ask(&person, &asked)).await;
    match answered.map_err(|failure| caller.problem(failure))? {
        Answered::Job(job_id, _) => {
            let job = jobs::find(service, caller, job_id).await?;
            let place = HeaderValue::try_from(jobs::place(job_id));
            let mut response = (StatusCode::ACCEPTED, job).into_response();
            if let Ok(place) = place {
                response.headers_mut().insert(header::LOCATION, place);
            }
            Ok(response)
        }
        Answered::Ran(Ran { said, outcome }) => {
            outcome.map_err(|failure| caller.problem(failure))?;
            Ok(Json(said.object.unwrap_or_else(|| Value::Object(serde_json::Map::new()))).into_response())
        }
    }
}
