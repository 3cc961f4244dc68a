//! Jobs: what they are, how far, what they said, the files they wrote, and the second person's answer.

use std::sync::Arc;

use ankuan_ledger::Tx;
use ankuan_ledger::chain::{hex, sha256};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body;
use super::caller::Caller;
use super::cursor::{Page, Walk};
use super::problem::Problem;
use super::stream::streamed;
use crate::access::api_keys::Scope;
use crate::cli::output::Piece;
use crate::service::jobs::{self, Job as Stored, State as JobState};
use crate::service::{Service, steps};
use crate::web::{App, blocking, job as pages};
use crate::{Message, Outcome, access};

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    /// Its number in the court.
    pub id: i64,
    /// The command's words.
    pub command: String,
    /// proposed, declined, waiting, running, done, refused, broken
    pub state: String,
    /// For whom it runs.
    pub person: String,
    /// Who agreed or declined; nobody where whoever proposed it withdrew it.
    pub second_person: Option<String>,
    /// Why it was declined, or that it was withdrawn.
    pub reason: String,
    /// Steps done.
    pub steps_done: i64,
    /// Steps in all; 0 while nothing is counted.
    pub steps_total: i64,
    /// The code of the refusal; empty where there is none.
    pub code: String,
    /// What the command answers, once it has ended.
    pub result: Option<serde_json::Value>,
    /// What it says to people, line by line.
    pub lines: Vec<String>,
    /// What it was given, by name; numbers of accounts and people are masked.
    pub arguments: Vec<Argument>,
    /// The files that were given with it.
    pub given: Vec<GivenFile>,
    /// The files that it wrote.
    pub files: Vec<File>,
    /// When it was asked for.
    pub made_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
}

/// What a job was given.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobArgument)]
pub struct Argument {
    /// The parameter.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A file that was given with a job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobGivenFile)]
pub struct GivenFile {
    /// The parameter that it was given for.
    pub parameter: String,
    /// Its name.
    pub name: String,
    /// SHA-256 of its bytes in hex, while a second person has to answer.
    pub sha256: Option<String>,
    /// Where it is: for whom the job runs, and for whoever may answer.
    pub href: String,
}

/// A file that a job wrote.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobFile)]
pub struct File {
    /// Its number in the job.
    pub number: i64,
    /// Its name.
    pub name: String,
    /// Where it is.
    pub href: String,
}

/// The second person's answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = JobAnswer)]
pub struct Given {
    /// Whether they agree; whoever proposed it can only say no, which withdraws it.
    pub agree: bool,
    /// Why not; needed where a second person does not.
    #[serde(default)]
    pub reason: String,
}

/// Where a job is.
#[must_use]
pub fn place(job_id: i64) -> String {
    format!("/api/v1/jobs/{job_id}")
}

fn shown(tx: &mut Tx<'_>, service: &Service, job: Stored) -> Outcome<Job> {
    let person = access::person_by_id(tx, job.court_id, job.person_id)?.name;
    let second = job.second_person_id.map(|id| access::person_by_id(tx, job.court_id, id)).transpose()?;
    let files = jobs::files(tx, job.court_id, job.job_id)?;
    let (steps_done, steps_total) =
        service.reached(job.court_id, job.job_id).map_or(job.steps, |reached| steps(&reached));
    let mut given = Vec::new();
    for file in files.iter().filter(|file| !file.parameter.is_empty()) {
        let sha256 = if job.state == JobState::Proposed {
            let bytes = jobs::file_bytes(tx, service.keys(), job.court_id, job.job_id, file.file_no)?;
            Some(hex(&sha256(&[&bytes])))
        } else {
            None
        };
        let href = format!("{}/files/{}", place(job.job_id), file.file_no);
        given.push(GivenFile { parameter: file.parameter.clone(), name: file.name.clone(), sha256, href });
    }
    let lines = job.said.pieces.iter().filter_map(|piece| match piece {
        Piece::Line(line) => Some(line.clone()),
        Piece::Pairs(_) | Piece::Table { .. } => None,
    });
    Ok(Job {
        id: job.job_id,
        command: job.command,
        state: job.state.as_str().to_owned(),
        person,
        second_person: second.map(|second| second.name),
        reason: job.reason,
        steps_done,
        steps_total,
        code: job.code,
        arguments: job.arguments.into_iter().map(|(name, value)| Argument { name, value }).collect(),
        given,
        lines: lines.collect(),
        result: job.said.object,
        files: files
            .into_iter()
            .filter(|file| file.parameter.is_empty())
            .map(|file| File {
                number: file.file_no,
                href: format!("{}/files/{}", place(job.job_id), file.file_no),
                name: file.name,
            })
            .collect(),
        made_at: instant(job.made_at),
        ended_at: job.ended_at.map(instant),
    })
}

/// An instant (µs) as RFC 3339.
#[must_use]
pub fn instant(at: i64) -> String {
    Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

/// The tag of a job as it is shown: another one whenever anything of it changed.
fn tag(job: &Job) -> Outcome<HeaderValue> {
    let digest = sha256(&[&serde_json::to_vec(job).map_err(std::io::Error::from)?]);
    Ok(HeaderValue::try_from(format!("\"{}\"", hex(&digest[..16]))).map_err(std::io::Error::other)?)
}

/// Whether a header names a tag, or any.
fn names(header: &HeaderValue, tag: &HeaderValue) -> bool {
    let tag = tag.to_str().unwrap_or_default();
    header.to_str().is_ok_and(|given| {
        given.split(',').map(|one| one.trim().trim_start_matches("W/")).any(|one| one == tag || one == "*")
    })
}

fn of_caller(tx: &mut Tx<'_>, caller: &Caller, job_id: i64) -> Outcome<Stored> {
    let job = jobs::find(tx, caller.person.court_id, job_id)?;
    if caller.sees_own_only() && job.person_id != caller.person.person_id {
        return Err(Message::new("service.job_unknown").with("job", job_id).into());
    }
    Ok(job)
}

fn number(caller: &Caller, job_id: &str) -> Result<i64, Problem> {
    job_id.parse().map_err(|_| caller.refused(&Message::new("service.job_unknown").with("job", job_id)))
}

/// A job with its tag.
///
/// # Errors
/// `service.job_unknown`.
pub async fn find(service: &Arc<Service>, caller: &Caller, job_id: i64) -> Result<Response, Problem> {
    let asked = caller.clone();
    let found = blocking(service, move |service| {
        service.read(|tx| {
            let job = of_caller(tx, &asked, job_id)?;
            let job = shown(tx, service, job)?;
            let tag = tag(&job)?;
            Ok((job, tag))
        })
    });
    let (job, tag) = found.await.map_err(|failure| caller.problem(failure))?;
    Ok(([(header::ETAG, tag)], Json(job)).into_response())
}

/// GET: a job.
///
/// # Errors
/// `access.scope_missing`, `service.job_unknown`.
pub async fn show(
    State(service): App,
    caller: Caller,
    Path(job_id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let response = find(&service, &caller, number(&caller, &job_id)?).await?;
    let known = headers.get(header::IF_NONE_MATCH).zip(response.headers().get(header::ETAG));
    match known {
        Some((given, tag)) if names(given, tag) => {
            Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag.clone())]).into_response())
        }
        _ => Ok(response),
    }
}

/// GET: the jobs of the court, newest first.
///
/// # Errors
/// `access.scope_missing`, `api.limit`, `api.cursor`.
pub async fn list(State(service): App, caller: Caller, uri: Uri) -> Result<Json<Page<Job>>, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let walk = Walk::<1>::of_query(&uri).map_err(|message| caller.refused(&message))?;
    let asked = caller.clone();
    let read = blocking(&service, move |service| {
        service.read(|tx| {
            let person_id = asked.sees_own_only().then_some(asked.person.person_id);
            let below = walk.after.map_or(i64::MAX, |[job_id]| job_id);
            let found = jobs::before(tx, asked.person.court_id, person_id, below, walk.one_more())?;
            let found = found.into_iter().map(|job| shown(tx, service, job)).collect::<Outcome<Vec<_>>>()?;
            Ok(walk.page(found, |job| [job.id]))
        })
    });
    Ok(Json(read.await.map_err(|failure| caller.problem(failure))?))
}

/// GET: how far a job is, until it ends, as server-sent events.
///
/// # Errors
/// `access.scope_missing`, `service.job_unknown`.
pub async fn events(State(service): App, caller: Caller, Path(job_id): Path<String>) -> Result<pages::Events, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let job_id = number(&caller, &job_id)?;
    find(&service, &caller, job_id).await?;
    Ok(pages::watch(service, caller.person.court_id, job_id))
}

/// GET: a file that a job wrote; only for whom it ran, or who agreed to it.
///
/// # Errors
/// `access.scope_missing`, `service.job_unknown`.
pub async fn file(
    State(service): App,
    caller: Caller,
    Path((job_id, file_no)): Path<(String, String)>,
) -> Result<Response, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let (job_id, file_no) = (number(&caller, &job_id)?, number(&caller, &file_no)?);
    let person = caller.person.clone();
    let court_id = person.court_id;
    let file = blocking(&service, move |service| service.job_file(&person, job_id, file_no))
        .await
        .map_err(|failure| caller.problem(failure))?;
    Ok(streamed(service, &file.name, "application/octet-stream", None, move |service, take| {
        service.job_file_parts((court_id, job_id, file_no), take)
    }))
}

/// POST: the second person agrees or declines, or whoever proposed it withdraws it, in a session of their own: a key speaks for nobody. `If-Match` names the job as
/// they saw it.
///
/// # Errors
/// `access.not_by_key`, `api.if_match_missing`, `api.if_match`, and those of [`Service::answer`].
pub async fn answer(
    State(service): App,
    caller: Caller,
    Path(job_id): Path<String>,
    headers: HeaderMap,
    bytes: axum::body::Body,
) -> Result<Response, Problem> {
    caller.require_in_person()?;
    let job_id = number(&caller, &job_id)?;
    let given: Given = body(&caller, &headers, bytes).await?;
    let seen = headers.get(header::IF_MATCH).cloned();
    let seen = seen.ok_or_else(|| caller.refused(&Message::new("api.if_match_missing")))?;
    let second = caller.person.clone();
    let answered = blocking(&service, move |service| {
        service.answer_if(job_id, &second, given.agree, given.reason.trim(), |tx, job| {
            if names(&seen, &tag(&shown(tx, service, job.clone())?)?) {
                return Ok(());
            }
            Err(Message::new("api.if_match").with("job", job_id).into())
        })
    });
    answered.await.map_err(|failure| caller.problem(failure))?;
    find(&service, &caller, job_id).await
}

/// The states of a job, for the description.
#[must_use]
pub fn states() -> Vec<&'static str> {
    JobState::ALL.iter().map(|state| state.as_str()).collect()
}
