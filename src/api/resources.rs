//! What can be large, page by page: cases, claims, runs and their lines, lines of statements, books. No account number and
//! nothing sealed stands in any of it.

use std::collections::HashMap;
use std::sync::Arc;

use ankuan_ledger::{BookKey, Tx};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::Caller;
use super::cursor::{Page, Walk};
use super::jobs::instant;
use super::problem::Problem;
use crate::access::api_keys::Scope;
use crate::claims::events as claim_events;
use crate::payouts::{lines as payments, runs as payout_runs};
use crate::service::Service;
use crate::web::{App, blocking};
use crate::{Message, Outcome, books, cases as court_cases, report, statements};

/// What all amounts here are in.
const CURRENCY: &str = "CNY";

/// A page, or why there is none.
pub type Answer<T> = Result<Json<Page<T>>, Problem>;

/// A case.
#[derive(Debug, Serialize, ToSchema)]
pub struct Case {
    /// Its id, the same under all its numbers.
    pub id: i64,
    /// The number under which it runs now.
    pub number: String,
    /// What people call it.
    pub title: String,
    /// Day of filing.
    pub opened_on: String,
    /// Its numbers in turn.
    pub numbers: Vec<CaseNumber>,
}

/// A number of a case.
#[derive(Debug, Serialize, ToSchema)]
pub struct CaseNumber {
    /// The number.
    pub number: String,
    /// The day from which the case runs under it.
    pub since: String,
}

/// A claim as it stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Claim {
    /// Its id.
    pub id: i64,
    /// The row of its list.
    pub row: i64,
    /// The claimant's number in the list.
    pub claimant_no: String,
    /// Name.
    pub name: String,
    /// Of the document by which the claimant is known.
    pub document_type: String,
    /// In fen.
    pub amount_minor: i64,
    /// CNY
    pub currency: &'static str,
    /// confirmed, disputed, late, broken, reserved, withdrawn
    pub standing: String,
    /// Why it is broken or cannot be paid.
    pub problem: Option<String>,
    /// The row of the same person that it is added to, as its list says.
    pub merged_into_row: Option<i64>,
    /// How many events changed it since its list.
    pub events: usize,
}

/// A payout run.
#[derive(Debug, Serialize, ToSchema)]
pub struct Run {
    /// What people see.
    pub number: String,
    /// What it pays, in words.
    pub title: String,
    /// draft, submitted, approved, committed, released, cancelled, withdrawn
    pub status: String,
    /// The court's account that it is paid from.
    pub bank_account: String,
    /// Who made it.
    pub maker: String,
    /// When.
    pub made_at: String,
    /// Lines at its last step; none before it was submitted.
    pub line_count: Option<i64>,
    /// What they come to, in fen.
    pub amount_minor: Option<i64>,
    /// CNY
    pub currency: &'static str,
}

/// A payment line of a committed run.
#[derive(Debug, Serialize, ToSchema)]
pub struct RunLine {
    /// Its id.
    pub id: i64,
    /// Its number in the run.
    pub line_no: i64,
    /// Number of the case.
    pub case: String,
    /// 户名
    pub payee: String,
    /// In fen.
    pub amount_minor: i64,
    /// CNY
    pub currency: &'static str,
    /// out, debited, failed, returned, reissued; none before the run is released.
    pub outcome: Option<String>,
    /// What the bank answered: none, paid, failed, unknown.
    pub answer: Option<String>,
    /// Why it was not paid.
    pub cause: Option<String>,
}

/// A line of a statement.
#[derive(Debug, Serialize, ToSchema)]
pub struct BankLine {
    /// Its id.
    pub id: i64,
    /// Day of booking.
    pub booked_on: String,
    /// Value date.
    pub value_on: String,
    /// In fen: what it adds to the account.
    pub amount_minor: i64,
    /// CNY
    pub currency: &'static str,
    /// The bank's reference.
    pub bank_reference: String,
    /// Our reference as the bank gives it back.
    pub own_reference: String,
    /// The other party.
    pub name: String,
    /// What the bank calls it.
    pub code: String,
    /// 附言
    pub remark: String,
    /// Whether the bank takes an earlier entry back.
    pub is_reversal: bool,
    /// Whether a match holds it.
    pub is_matched: bool,
}

/// A line of an entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryLine {
    /// The entry: gapless in its book.
    pub entry_no: i64,
    /// The line of the entry.
    pub line_no: i64,
    /// Its voucher.
    pub voucher_id: i64,
    /// Code of the debited account.
    pub debit: String,
    /// Its item, 0 where there is none.
    pub debit_item: i64,
    /// Code of the credited account.
    pub credit: String,
    /// Its item.
    pub credit_item: i64,
    /// In fen.
    pub amount_minor: i64,
    /// CNY
    pub currency: &'static str,
    /// The entry that this one reverses.
    pub reverses: Option<i64>,
}

/// A voucher.
#[derive(Debug, Serialize, ToSchema)]
pub struct Voucher {
    /// Its id.
    pub id: i64,
    /// Month: 2026-11
    pub month: String,
    /// receipt, payment, transfer
    pub kind: String,
    /// Its number in month and kind.
    pub number: i64,
    /// Accounting date.
    pub accounting_date: String,
    /// What happened, as the chart names it.
    pub event: String,
    /// 摘要
    pub summary: String,
    /// Who recorded it.
    pub recorded_by: String,
    /// Attached papers.
    pub attachments: i64,
    /// First entry.
    pub first_entry_no: i64,
    /// Last entry.
    pub last_entry_no: i64,
    /// Sum of its lines, in fen.
    pub total_minor: i64,
    /// CNY
    pub currency: &'static str,
}

/// A page with what a reading gives.
async fn page<T: Send + 'static, const N: usize>(
    service: &Arc<Service>,
    caller: &Caller,
    uri: &Uri,
    key: fn(&T) -> [i64; N],
    read: impl FnOnce(&mut Tx<'_>, i64, [i64; N], i64) -> Outcome<Vec<T>> + Send + 'static,
) -> Answer<T> {
    let walk = Walk::<N>::of_query(uri).map_err(|message| caller.refused(&message))?;
    let court_id = caller.person.court_id;
    let found = blocking(service, move |service| {
        service.read(|tx| read(tx, court_id, walk.after.unwrap_or([0; N]), walk.one_more()))
    });
    let found = found.await.map_err(|failure| caller.problem(failure))?;
    Ok(Json(walk.page(found, key)))
}

/// GET: cases, oldest first.
///
/// # Errors
/// `access.scope_missing`, `api.limit`, `api.cursor`.
pub async fn cases(State(service): App, caller: Caller, uri: Uri) -> Answer<Case> {
    caller.require(Scope::Read)?;
    page(
        &service,
        &caller,
        &uri,
        |case: &Case| [case.id],
        |tx, court_id, [after], most| {
            let found = court_cases::page(tx, books::case_money(court_id), after, most)?;
            let shown = found.into_iter().map(|case| Case {
                id: case.case_id,
                number: case.current_number().to_owned(),
                opened_on: case.opened_on.to_string(),
                numbers: case
                    .numbers
                    .into_iter()
                    .map(|number| CaseNumber { number: number.number, since: number.since.to_string() })
                    .collect(),
                title: case.title,
            });
            Ok(shown.collect())
        },
    )
    .await
}

/// GET: the claims of a case, in the order of its lists.
///
/// # Errors
/// `access.scope_missing`, `cases.unknown` and the codes of a case number, `api.limit`, `api.cursor`.
pub async fn claims(State(service): App, caller: Caller, Path(number): Path<String>, uri: Uri) -> Answer<Claim> {
    caller.require(Scope::Read)?;
    page(
        &service,
        &caller,
        &uri,
        |claim: &Claim| [claim.id],
        move |tx, court_id, [after], most| {
            let case = court_cases::find_case(tx, books::case_money(court_id), &number)?;
            let found = claim_events::page_of_claims(tx, court_id, &case, after, most)?;
            let shown = found.into_iter().map(|(claim, merged_into_row)| Claim {
                id: claim.claim_id,
                row: claim.row_no,
                claimant_no: claim.claimant_no,
                name: claim.name,
                document_type: claim.document_type,
                amount_minor: claim.amount.minor(),
                currency: CURRENCY,
                standing: claim.standing.as_str().to_owned(),
                problem: claim.problem,
                merged_into_row,
                events: claim.events.len(),
            });
            Ok(shown.collect())
        },
    )
    .await
}

fn shown_run(run: payout_runs::RunView) -> Run {
    Run {
        number: run.number,
        title: run.title,
        status: run.status.as_str().to_owned(),
        bank_account: run.bank_account,
        maker: run.maker,
        made_at: instant(run.made_at),
        line_count: run.last.map(|(lines, _)| lines),
        amount_minor: run.last.map(|(_, amount)| amount.minor()),
        currency: CURRENCY,
    }
}

/// GET: payout runs, oldest first.
///
/// # Errors
/// `access.scope_missing`, `api.limit`, `api.cursor`.
pub async fn runs(State(service): App, caller: Caller, uri: Uri) -> Answer<Run> {
    caller.require_or_bank(Scope::Read)?;
    let walk = Walk::<1>::of_query(&uri).map_err(|message| caller.refused(&message))?;
    let court_id = caller.person.court_id;
    let found = blocking(&service, move |service| {
        let after = walk.after.map_or(0, |[after]| after);
        service.read(|tx| payout_runs::page(tx, court_id, None, after, walk.one_more()))
    });
    let found = walk.page(found.await.map_err(|failure| caller.problem(failure))?, |run| [run.run_id]);
    Ok(Json(Page { items: found.items.into_iter().map(shown_run).collect(), next: found.next }))
}

/// GET: a payout run.
///
/// # Errors
/// `access.scope_missing`, `runs.unknown`.
pub async fn run(State(service): App, caller: Caller, Path(number): Path<String>) -> Result<Json<Run>, Problem> {
    caller.require_or_bank(Scope::Read)?;
    let court_id = caller.person.court_id;
    let found = blocking(&service, move |service| {
        let found = service.read(|tx| payout_runs::page(tx, court_id, Some(&number), 0, 1))?;
        found.into_iter().next().ok_or_else(|| Message::new("runs.unknown").with("run", number).into())
    });
    Ok(Json(shown_run(found.await.map_err(|failure| caller.problem(failure))?)))
}

/// GET: the payment lines of a run, in their order; none before it is committed.
///
/// # Errors
/// `access.scope_missing`, `runs.unknown`, `api.limit`, `api.cursor`.
pub async fn lines(State(service): App, caller: Caller, Path(number): Path<String>, uri: Uri) -> Answer<RunLine> {
    caller.require_or_bank(Scope::Read)?;
    page(
        &service,
        &caller,
        &uri,
        |line: &RunLine| [line.id],
        move |tx, court_id, [after], most| {
            let run = payout_runs::find_run(tx, court_id, &number)?;
            let mut numbers: HashMap<i64, String> = HashMap::new();
            let mut shown = Vec::new();
            for line in payments::page(tx, court_id, &run, after, most)? {
                let case_id = line.payment.case_id;
                let case = match numbers.get(&case_id) {
                    Some(number) => number.clone(),
                    None => {
                        let case = court_cases::case_by_id(tx, books::case_money(court_id), case_id)?;
                        numbers.entry(case_id).or_insert_with(|| case.current_number().to_owned()).clone()
                    }
                };
                shown.push(RunLine {
                    id: line.payment.payment_id,
                    line_no: line.payment.line_no,
                    case,
                    payee: line.payee,
                    amount_minor: line.payment.amount.minor(),
                    currency: CURRENCY,
                    outcome: line.outcome,
                    answer: line.answer,
                    cause: line.cause,
                });
            }
            Ok(shown)
        },
    )
    .await
}

/// GET: the new lines of a statement, in their order.
///
/// # Errors
/// `access.scope_missing`, `statements.unknown`, `api.limit`, `api.cursor`.
pub async fn bank_lines(
    State(service): App,
    caller: Caller,
    Path(statement): Path<String>,
    uri: Uri,
) -> Answer<BankLine> {
    caller.require(Scope::Read)?;
    page(
        &service,
        &caller,
        &uri,
        |line: &BankLine| [line.id],
        move |tx, court_id, [after], most| {
            let unknown = || Message::new("statements.unknown").with("statement", &statement);
            let statement_id = statement.parse().map_err(|_| unknown())?;
            let found = statements::page_of_lines(tx, court_id, statement_id, after, most)?;
            let shown = found.into_iter().map(|(line, is_matched)| BankLine {
                id: line.bank_line_id,
                booked_on: line.booked_on.to_string(),
                value_on: line.value_on.to_string(),
                amount_minor: line.amount.minor(),
                currency: CURRENCY,
                bank_reference: line.bank_reference,
                own_reference: line.own_reference,
                name: line.name,
                code: line.code,
                remark: line.remark,
                is_reversal: line.is_reversal,
                is_matched,
            });
            Ok(shown.collect())
        },
    )
    .await
}

fn book(court_id: i64, given: &str) -> Result<BookKey, Message> {
    let book_id = given.parse().unwrap_or(0);
    let known = books::all(court_id).into_iter().find(|book| book.book_id == book_id && book_id != books::REGISTER);
    known.ok_or_else(|| Message::new("api.book").with("book", given))
}

/// GET: the lines of a book's entries, in their order.
///
/// # Errors
/// `access.scope_missing`, `api.book`, `api.limit`, `api.cursor`.
pub async fn entries(State(service): App, caller: Caller, Path(given): Path<String>, uri: Uri) -> Answer<EntryLine> {
    caller.require(Scope::Read)?;
    let book = book(caller.person.court_id, &given).map_err(|message| caller.refused(&message))?;
    let key = |line: &EntryLine| [line.entry_no, line.line_no];
    page(&service, &caller, &uri, key, move |tx, _, [entry_no, line_no], most| {
        let found = report::entries_after(tx, book, (entry_no, line_no), most)?;
        let shown = found.into_iter().map(|line| EntryLine {
            entry_no: line.entry_no,
            line_no: line.line_no,
            voucher_id: line.voucher_id,
            debit: line.debit,
            debit_item: line.debit_item,
            credit: line.credit,
            credit_item: line.credit_item,
            amount_minor: line.amount.minor(),
            currency: CURRENCY,
            reverses: line.reverses,
        });
        Ok(shown.collect())
    })
    .await
}

/// GET: the vouchers of a book, oldest first.
///
/// # Errors
/// As [`entries`].
pub async fn vouchers(State(service): App, caller: Caller, Path(given): Path<String>, uri: Uri) -> Answer<Voucher> {
    caller.require(Scope::Read)?;
    let book = book(caller.person.court_id, &given).map_err(|message| caller.refused(&message))?;
    page(
        &service,
        &caller,
        &uri,
        |voucher: &Voucher| [voucher.id],
        move |tx, _, [after], most| {
            let found = report::vouchers_after(tx, book, after, most)?;
            let shown = found.into_iter().map(|voucher| Voucher {
                id: voucher.voucher_id,
                month: voucher.month,
                kind: voucher.kind,
                number: voucher.number,
                accounting_date: voucher.accounting_date.to_string(),
                event: voucher.event,
                summary: voucher.summary,
                recorded_by: voucher.actor_name,
                attachments: voucher.attachments,
                first_entry_no: voucher.first_entry_no,
                last_entry_no: voucher.last_entry_no,
                total_minor: voucher.total.minor(),
                currency: CURRENCY,
            });
            Ok(shown.collect())
        },
    )
    .await
}
