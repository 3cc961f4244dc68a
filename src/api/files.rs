//! The files of a released run for the bank, from the bytes that are kept, and the transmittal sheet.

use std::sync::Arc;

use ankuan_ledger::chain::hex;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::commands::required_request_key;
use super::problem::Problem;
use super::stream::{of_file, streamed};
use super::values;
use crate::Message;
use crate::access::api_keys::Scope;
use crate::cli::payout;
use crate::payouts::release::{self, BankFile};
use crate::payouts::runs;
use crate::service::{Asked, Service};
use crate::web::{App, blocking, parts};

/// What a bank's file is: bytes that are carried and not looked into.
const MEDIA_TYPE: &str = "application/octet-stream";

/// A file of a released run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RunFile)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Who is paid by it: same_bank_person, interbank_company…
    pub group: String,
    /// Lines.
    pub line_count: i64,
    /// What they come to, in fen.
    pub amount_minor: i64,
    /// CNY
    pub currency: &'static str,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Where it is: GET to read it, POST to hand it over.
    pub href: String,
}

/// The files of a run, all of them: there are as many as a person can carry to a bank.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RunFiles)]
pub struct Files {
    /// The files, in the order of their numbers.
    pub items: Vec<File>,
    /// Where the transmittal sheet is; none before the run is released.
    pub transmittal: Option<String>,
}

/// GET: the files of a run; none before it is released.
///
/// # Errors
/// `access.scope_missing`, `runs.unknown`.
pub async fn list(State(service): App, caller: Caller, Path(number): Path<String>) -> Result<Json<Files>, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let court_id = caller.person.court_id;
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let run = runs::find_run(tx, court_id, &number)?;
            let place = format!("{}/runs/{}", super::ROOT, parts::escape(&number));
            let files = release::files_of_run(tx, court_id, run.run_id)?;
            let items = files.into_iter().map(|file| File {
                href: format!("{place}/files/{}", parts::escape(&file.name)),
                name: file.name,
                group: file.group,
                line_count: file.line_count,
                amount_minor: file.sum.minor(),
                currency: "CNY",
                sha256: hex(&file.sha256),
            });
            let is_released = run.status == runs::Status::Released;
            Ok(Files { items: items.collect(), transmittal: is_released.then(|| format!("{place}/transmittal")) })
        })
    });
    Ok(Json(found.await.map_err(|failure| caller.problem(failure))?))
}

/// GET: a file of a released run, byte for byte as it was released, to be read. It is no hand-over and leaves the books as
/// they are; HEAD tells its length.
///
/// # Errors
/// `access.scope_missing`, and those of [`Service::bank_file`].
pub async fn read(
    State(service): App,
    caller: Caller,
    method: Method,
    Path((number, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let person = caller.person.clone();
    let is_head = method == Method::HEAD;
    let found = blocking(&service, move |service| {
        if is_head {
            service.find_bank_file(&person, &number, &name)
        } else {
            service.bank_file(&person, &number, &name)
        }
    });
    let (file, byte_count) = found.await.map_err(|failure| caller.problem(failure))?;
    if is_head {
        return Ok(of_file(Body::empty(), &file.name, MEDIA_TYPE, Some(byte_count)));
    }
    Ok(answer(service, caller.person.court_id, &file, byte_count))
}

/// POST: the same file, handed over: that is recorded, for a file that goes to the bank twice must be seen.
///
/// # Errors
/// `access.scope_missing`, `api.idempotency_key_missing`, `api.idempotency_key`, and those of [`Service::hand_over`].
pub async fn hand_over(
    State(service): App,
    caller: Caller,
    headers: HeaderMap,
    Path((number, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.require_or_bank(Scope::Write)?;
    let request = required_request_key(&caller, &headers)?;
    let person = caller.person.clone();
    let found = blocking(&service, move |service| {
        service.hand_over(&person, (&number, &name), &request)?;
        service.bank_file(&person, &number, &name)
    });
    let (file, byte_count) = found.await.map_err(|failure| caller.problem(failure))?;
    Ok(answer(service, caller.person.court_id, &file, byte_count))
}

/// A file of a released run, as it is sent.
pub fn answer(service: Arc<Service>, court_id: i64, file: &BankFile, byte_count: i64) -> Response {
    let document_id = file.document_id;
    streamed(service, &file.name, MEDIA_TYPE, Some(byte_count), move |service, take| {
        service.bank_file_parts(court_id, document_id, take)
    })
}

/// GET: the transmittal sheet of a released run: as JSON, or with `as=text` to print and sign.
///
/// # Errors
/// `access.scope_missing`, `api.query`, `runs.unknown`, `runs.wrong_status`.
pub async fn transmittal(
    State(service): App,
    caller: Caller,
    Path(number): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let query = values::of_query(&uri).map_err(|message| caller.refused(&message))?;
    let as_text = match query.as_slice() {
        [] => false,
        [(name, value)] if name == "as" && (value == "text" || value == "json") => value == "text",
        other => {
            let detail = other.first().map_or("", |(name, _)| name.as_str());
            return Err(caller.refused(&Message::new("api.query").with("detail", detail)));
        }
    };
    let (person, language) = (caller.person.clone(), caller.language);
    let found = blocking(&service, move |service| {
        let asked = Asked {
            words: "payout deliver",
            values: Vec::new(),
            files: Vec::new(),
            password: None,
            language,
            request: None,
            return_to: String::new(),
        };
        let context = service.context(&person, &asked, None, Arc::default());
        service.read(|tx| payout::transmittal(&context, tx, &number))
    });
    let (text, json) = found.await.map_err(|failure| caller.problem(failure))?;
    if as_text {
        return Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response());
    }
    Ok(([(header::CONTENT_TYPE, "application/json")], json).into_response())
}
