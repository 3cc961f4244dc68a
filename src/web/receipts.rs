//! Money in: what came, what has no case yet, and its claiming by two people.

use std::collections::HashMap;

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::export::{self, FileKind};
use super::parts::{Cell, Grid, escape};
use super::{App, Sorry, Viewer, blocking, command, page, paper};
use crate::papers::PaperKind;
use crate::receipts::{Receipt, receipts, receipts_before};
use crate::service::Service;
use crate::{access, books, cases, flows};

/// Receipts of a page.
const ROWS_A_PAGE: i64 = 100;

/// What the page is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    before: Option<i64>,
    #[serde(default, rename = "_as")]
    file: String,
}

/// Money whose case is not known, with who claims it and for which case.
struct Unattributed {
    receipt: Receipt,
    claim: Option<(String, String, i64)>,
}

/// The receipts, newest first, below the money that waits for its case.
///
/// # Errors
/// What the database says.
pub async fn list(State(service): App, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Sorry> {
    let book = books::case_money(viewer.session.actor.court_id);
    let file = FileKind::parse(&asked.file);
    let (text, before) = (asked.q.clone(), asked.before.unwrap_or(i64::MAX));
    let limit = if file.is_some() { 1_000_000 } else { ROWS_A_PAGE };
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let shown = receipts_before(tx, book, before, &text, limit)?;
            let numbers: HashMap<i64, String> = cases::cases(tx, book)?
                .into_iter()
                .map(|case| (case.case_id, case.current_number().to_owned()))
                .collect();
            let standing = flows::standing_unattributed(tx, book.court_id)?;
            let mut waiting = Vec::new();
            if !standing.is_empty() {
                for receipt in receipts(tx, book)?.into_iter().filter(|receipt| standing.contains(&receipt.receipt_id))
                {
                    let claim = match &receipt.open_claim {
                        None => None,
                        Some(claim) => {
                            let name = access::person_by_id(tx, book.court_id, claim.claimed_by)?.name;
                            let number = numbers.get(&claim.case_id).cloned().unwrap_or_default();
                            Some((name, format!("{number} · {}", claim.evidence), claim.claimed_by))
                        }
                    };
                    waiting.push(Unattributed { receipt, claim });
                }
            }
            Ok((shown, numbers, waiting))
        })
    });
    let (shown, numbers, waiting) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("forms.receipt_no", true),
        ("forms.arrived_on", false),
        ("column.amount", true),
        ("column.payer", false),
        ("column.case_number", false),
        ("column.reference", false),
        ("forms.remark", false),
        ("column.voucher", true),
    ];
    let mut grid = Grid::new(viewer.language, &columns);
    for receipt in &shown {
        let number = receipt.owner_case_id().and_then(|case_id| numbers.get(&case_id)).cloned();
        let case = number.map_or_else(
            || Cell::from(viewer.t("web_books.unattributed")),
            |number| Cell::link(&number, format!("/cases/{}", escape(&number))),
        );
        grid.push(vec![
            Cell::link(receipt.receipt_id, paper::href(PaperKind::Receipt, &receipt.receipt_id.to_string())),
            receipt.arrived_on.into(),
            receipt.amount.into(),
            (&receipt.payer_name).into(),
            case,
            (&receipt.bank_reference).into(),
            (&receipt.remark).into(),
            Cell::link(receipt.voucher_id, format!("/books/vouchers/{}", receipt.voucher_id)),
        ]);
    }
    if let Some(kind) = file {
        return export::answer(&viewer, "receipts", kind, &grid.said());
    }
    let title = viewer.t("web.nav_receipts");
    let is_full = i64::try_from(shown.len()).is_ok_and(|count| count == ROWS_A_PAGE);
    let body = html! {
        h1 { (title) }
        nav.tabs {
            @if viewer.may("receipt record") { a href="/do/receipt/record" { (viewer.t("web_books.record_receipt")) } }
            @if viewer.may("cash take") { a href="/do/cash/take" { (viewer.t("web_books.take_cash")) } }
            a href="/see/cash/list" { (viewer.t("web_books.cash")) }
        }
        h2 { (viewer.t("web_books.unattributed_money")) " (" (waiting.len()) ")" }
        @if waiting.is_empty() { p.green { (viewer.t("web_books.none_unattributed")) } }
        @for one in &waiting { (unattributed(&service, &viewer, one)) }
        h2 { (viewer.t("web_books.all_receipts")) }
        form.bar method="get" action="/receipts" {
            label for="q" { (viewer.t("web_books.search_receipts")) }
            input #q name="q" value=(asked.q);
            button { (viewer.t("web.show")) }
        }
        @if shown.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
        @if let (true, Some(last)) = (is_full, shown.last()) {
            p.pager { a href=(format!("/receipts?q={}&before={}", escape(&asked.q), last.receipt_id)) { (viewer.t("web_books.next")) } }
        }
        (export::links(&viewer))
    };
    Ok(page(&viewer, &title, &body).into_response())
}

/// Money that waits: one person says whose it is, another confirms it.
fn unattributed(service: &Service, viewer: &Viewer, one: &Unattributed) -> Markup {
    let receipt = &one.receipt;
    let number = receipt.receipt_id.to_string();
    let own = [("receipt", number.as_str())];
    let may = viewer.may("receipt attribute");
    html! {
        section.card.beside {
            div {
                h3 { (viewer.t("forms.receipt_no")) " " (number) " · " (receipt.amount) }
                dl.pairs {
                    div { dt { (viewer.t("column.payer")) } dd { (receipt.payer_name) } }
                    div { dt { (viewer.t("forms.arrived_on")) } dd { (receipt.arrived_on) } }
                    div { dt { (viewer.t("forms.remark")) } dd { (receipt.remark) } }
                    div { dt { (viewer.t("column.reference")) } dd { (receipt.bank_reference) } }
                }
            }
            div {
                @match &one.claim {
                    None => {
                        h3 { (viewer.t(if may { "web_books.claim_it" } else { "web_desk.unclaimed" })) }
                        (command::inline(&service.entries, viewer, "receipt attribute", &own, &["case", "evidence"], &viewer.t("web_books.claim")))
                    }
                    Some((name, what, claimed_by)) => {
                        h3 { (viewer.t("web_books.claimed_by")) " " (name) }
                        p { (what) }
                        @if !may { p.hint { (viewer.t("web_desk.claimed")) } } @else if *claimed_by == viewer.session.actor.person_id { p.hint { (viewer.t("web_books.another_confirms")) } } @else {
                            (command::inline(&service.entries, viewer, "receipt attribute", &[own[0], ("confirm", "true")], &[], &viewer.t("web_books.confirm_claim")))
                        }
                        @if may { details {
                            summary { (viewer.t("web_books.claim_otherwise")) }
                            (command::inline(&service.entries, viewer, "receipt attribute", &own, &["case", "evidence"], &viewer.t("web_books.claim")))
                        } }
                    }
                }
            }
        }
    }
}
