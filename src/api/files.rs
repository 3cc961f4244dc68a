//! The files of a released run for the bank, from the bytes that are kept, and the transmittal sheet.

use std::sync::Arc;

use ankuan_ledger::chain::hex;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::problem::Problem;
use super::stream::streamed;
use super::values;
use crate::access::Acting;
use crate::access::api_keys::Scope;
use crate::cli::payout;
use crate::documents;
use crate::payouts::{release, runs};
use crate::service::Asked;
use crate::web::{App, blocking, parts};
use crate::{Message, books};

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
    /// Where it is.
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

/// GET: a file of a released run, byte for byte as it was released. The hand-over is recorded: a file that goes to the
/// bank twice must be seen.
///
/// # Errors
/// `access.scope_missing`, and those of [`release::hand_over`].
pub async fn download(
    State(service): App,
    caller: Caller,
    Path((number, name)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let (person, court_id) = (caller.person.clone(), caller.person.court_id);
    let found = blocking(&service, move |service| {
        service.write(|tx| {
            let (at, date) = (service.clock.now(), service.clock.today_in_shanghai());
            release::hand_over(tx, &Acting { actor: person, at, date }, &number, &name)
        })
    });
    let (file, byte_count) = found.await.map_err(|failure| caller.problem(failure))?;
    let (book, document_id) = (books::case_money(court_id), file.document_id);
    let kind = "application/octet-stream";
    Ok(streamed(service, &file.name, kind, Some(byte_count), move |service, take| {
        service.read(|tx| documents::each_chunk(tx, service.keys(), book, document_id, take))
    }))
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
