//! Cases: the list with its search, and a case with its parties, money, entries and what can be done.

use axum::extract::{Path, Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use super::charts::{self, Edge, Node};
use super::{App, Sorry, Viewer, blocking, command, desk, page, paper, parts};
use crate::access;
use crate::cases::gates::{Gate, events_of, gates};
use crate::cases::progress::handlers;
use crate::cases::{self, Case, Party, SubAccount};
use crate::chart::AccountKind;
use crate::claims::record::{StoredList, lists_of_case};
use crate::cli::catalogue::{Entry, Kind};
use crate::clock;
use crate::deadlines::Rules;
use crate::deadlines::running::{Due, worklist};
use crate::papers::PaperKind;
use crate::payouts::rounds::{StoredDistribution, distributions_of_case};
use crate::payouts::runs::Status;
use crate::payouts::sheets::{Sheet, sheets_of_case};
use crate::report::case_money::{
    CaseDocument, ClaimLine, JournalLine, MoneyWay, case_page, claims_page, documents_of_case, journal, money_way,
};
use crate::{Message, Outcome, books};

/// Cases on a page of the list.
const CASES_A_PAGE: i64 = 50;
/// Entries on a page of the journal.
const ENTRIES_A_PAGE: i64 = 30;
/// Claims on a page.
const CLAIMS_A_PAGE: i64 = 20;

/// What a list is asked for.
#[derive(Deserialize)]
pub struct Search {
    #[serde(default)]
    q: String,
    before: Option<i64>,
}

/// Cases by number, title or party.
///
/// # Errors
/// What the database says.
pub async fn list(State(service): App, viewer: Viewer, Query(search): Query<Search>) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let (text, before) = (search.q.trim().to_owned(), search.before);
    let read = blocking(&service, move |service| {
        service.read(|tx| {
            let book = books::case_money(court_id);
            let lines = case_page(tx, book, &text, before, CASES_A_PAGE)?;
            Ok((lines, handlers(tx, book, service.clock.today_in_shanghai())?))
        })
    });
    let (lines, handlers) = read.await.map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("web.nav_cases");
    let t = |code| viewer.t(code);
    let last = lines.last().filter(|_| lines.len() as i64 == CASES_A_PAGE).map(|line| line.case.case_id);
    let body = html! {
        h1 { (title) }
        form.search method="get" action="/cases" role="search" {
            label for="q" { (t("web_cases.search")) }
            input #q type="search" name="q" value=(search.q);
            button { (t("web.show")) }
            @if viewer.may("case open") { a.button.plain href="/do/case/open" { (t("web_cases.open")) } }
        }
        @if lines.is_empty() { p.empty { (t("web.none")) } } @else {
            div.scroll { table {
                thead { tr {
                    th { (t("column.case_number")) } th { (t("web_cases.title")) } th { (t("web_cases.handler")) }
                    th { (t("web_cases.opened")) } th.number { (t("web_cases.held")) }
                } }
                tbody { @for line in &lines { tr {
                    td data-label=(t("column.case_number")) { (parts::case_link(line.case.current_number())) }
                    td data-label=(t("web_cases.title")) { (line.case.title) }
                    td data-label=(t("web_cases.handler")) { (handlers.get(&line.case.case_id).map_or("", String::as_str)) }
                    td.whole data-label=(t("web_cases.opened")) { (line.case.opened_on) }
                    td.number data-label=(t("web_cases.held")) { (line.held) }
                } } }
            } }
        }
        @if let Some(last) = last {
            p { a href=(format!("/cases?q={}&before={last}", parts::escape(&search.q))) { (t("web_cases.more")) } }
        }
    };
    Ok(page(&viewer, &title, &body))
}

/// Where the parts of a case's page go on.
#[derive(Deserialize)]
pub struct Cursors {
    /// Entry and line of the journal: `17.2`.
    entry: Option<String>,
    /// Claims after this row.
    claim: Option<i64>,
}

struct Shown {
    case: Case,
    parties: Vec<Party>,
    sub_accounts: Vec<SubAccount>,
    gates: Vec<Gate>,
    handler: String,
    lists: Vec<StoredList>,
    claims: Vec<ClaimLine>,
    due: Vec<Due>,
    rules: Rules,
    way: MoneyWay,
    journal: Vec<JournalLine>,
    sheets: Vec<(Sheet, String)>,
    distributions: Vec<StoredDistribution>,
    documents: Vec<CaseDocument>,
}

/// A case.
///
/// # Errors
/// `cases.unknown`, those of a number that cannot be read.
pub async fn show(
    State(service): App,
    viewer: Viewer,
    Path(number): Path<String>,
    Query(cursors): Query<Cursors>,
) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let place = cursors.entry.as_deref().and_then(|text| text.split_once('.'));
    let before = place.and_then(|(entry, line)| Some((entry.parse().ok()?, line.parse().ok()?)));
    let claims_after = cursors.claim.unwrap_or(0);
    let read = blocking(&service, move |service| {
        service.read(|tx| {
            let book = books::case_money(court_id);
            let today = service.clock.today_in_shanghai();
            let case = cases::find_case(tx, book, &number)?;
            let id = case.case_id;
            let lists = lists_of_case(tx, court_id, id)?;
            let newest = lists.last().map(|list| list.claim_ids);
            let claims = match newest {
                Some(ids) => claims_page(tx, book, ids, claims_after, CLAIMS_A_PAGE)?,
                None => Vec::new(),
            };
            let work = worklist(tx, court_id, today)?;
            let sheets: Outcome<Vec<(Sheet, String)>> = sheets_of_case(tx, court_id, id)?
                .into_iter()
                .map(|sheet| Ok((access::person_by_id(tx, court_id, sheet.actor_id)?.name, sheet)))
                .map(|made| made.map(|(name, sheet)| (sheet, name)))
                .collect();
            Ok(Shown {
                parties: cases::parties(tx, book, id)?,
                sub_accounts: cases::sub_accounts(tx, book, id)?,
                gates: gates(&events_of(tx, book, id)?),
                handler: handlers(tx, book, today)?.remove(&id).unwrap_or_default(),
                due: work.due.into_iter().filter(|due| due.deadline.case_id == Some(id)).collect(),
                rules: work.by.rules,
                way: money_way(tx, book, id)?,
                journal: journal(tx, book, id, before, ENTRIES_A_PAGE)?,
                sheets: sheets?,
                distributions: distributions_of_case(tx, court_id, id)?,
                documents: documents_of_case(tx, book, id)?,
                case,
                lists,
                claims,
            })
        })
    });
    let shown = read.await.map_err(|failure| viewer.sorry(failure))?;
    let case = &shown.case;
    let title = format!("{} {}", case.current_number(), case.title);
    let body = html! {
        h1 { (parts::whole(case.current_number())) " " (case.title) }
        @for gate in &shown.gates { p.refusal role="note" { (gate.message(case.current_number()).text(viewer.language)) } }
        (about(&viewer, &shown))
        section.card {
            h2 { (viewer.t("web_cases.way")) }
            (way(&viewer, &shown.way))
        }
        (due(&viewer, &shown))
        (claims(&viewer, &shown))
        (payouts(&viewer, &shown))
        (entries(&viewer, &shown))
        (documents(&viewer, &shown.documents))
        (actions(&viewer, &service.entries, case.current_number()))
    };
    Ok(page(&viewer, &title, &body))
}

fn about(viewer: &Viewer, shown: &Shown) -> Markup {
    let case = &shown.case;
    html! {
        dl.pairs {
            div { dt { (viewer.t("web_cases.numbers")) } dd { @for number in &case.numbers { div { (number.number) " " small { (number.since) } } } } }
            div { dt { (viewer.t("web_cases.opened")) } dd { (case.opened_on) } }
            @if !shown.handler.is_empty() { div { dt { (viewer.t("web_cases.handler")) } dd { (shown.handler) } } }
            div { dt { (viewer.t("web_cases.parties")) } dd {
                @if shown.parties.is_empty() { (viewer.t("web.none")) }
                @for party in &shown.parties { div { (party.name) " " small { (party.role.message().text(viewer.language)) } } }
            } }
            @if !shown.sub_accounts.is_empty() {
                div { dt { (viewer.t("web_cases.sub_accounts")) } dd { @for account in &shown.sub_accounts { div { code { (account.number) } } } } }
            }
        }
    }
}

/// The places of the picture, those first that are always drawn.
#[must_use]
pub fn picture(viewer: &Viewer, way: &MoneyWay) -> (Vec<Node>, Vec<Edge>) {
    use AccountKind as K;
    let mut nodes: Vec<Node> = Vec::new();
    let mut edges: Vec<Edge> = Vec::new();
    let mut place = |at: (i64, i64), code: &'static str, amount: Option<ankuan_ledger::Amount>| {
        nodes.push(Node { at, label: viewer.t(code), amount });
        nodes.len() - 1
    };
    let zero = ankuan_ledger::Amount::ZERO;
    let receipts = place((0, 1), "web_cases.node_receipts", None);
    let funds = place((1, 1), "web_cases.node_case_funds", Some(way.held(K::CaseFunds)));
    let payable = place((2, 1), "web_cases.node_payable", Some(way.held(K::Payable)));
    let sent = place((3, 1), "web_cases.node_sent", Some(way.payments_in(&["out"])));
    let paid = place((4, 1), "web_cases.node_paid", Some(way.payments_in(&["debited"])));
    let back = way.payments_in(&["failed", "returned", "reissued"]);
    let mut edge = |from: usize, to: usize, amount| {
        if amount > zero {
            edges.push(Edge { from, to, amount });
        }
    };
    let deducted = way.from_to(K::InTransitIn, K::CaseFunds);
    if deducted > zero || way.frozen.0 > 0 {
        let orders = place((0, 0), "web_cases.node_orders", Some(way.frozen.1));
        edge(orders, funds, deducted);
    }
    edge(receipts, funds, way.from_to(K::Bank, K::CaseFunds));
    let unknown = way.from_to(K::Unattributed, K::CaseFunds);
    if unknown > zero {
        let unattributed = place((0, 2), "web_cases.node_unattributed", None);
        edge(unattributed, funds, unknown);
    }
    edge(funds, payable, way.from_to(K::CaseFunds, K::Payable));
    let other = [K::Security, K::AuctionPrice, K::Escrow];
    let kept =
        ankuan_ledger::Amount::sum(other.iter().map(|kind| way.from_to(K::CaseFunds, *kind))).unwrap_or_default();
    if kept > zero {
        let held = ankuan_ledger::Amount::sum(other.iter().map(|kind| way.held(*kind))).unwrap_or_default();
        let special = place((2, 0), "web_cases.node_other", Some(held));
        edge(funds, special, kept);
        let on =
            ankuan_ledger::Amount::sum(other.iter().map(|kind| way.from_to(*kind, K::Payable))).unwrap_or_default();
        edge(special, payable, on);
    }
    let aside = way.from_to(K::CaseFunds, K::SetAside);
    if aside > zero || way.held(K::SetAside) > zero {
        let set_aside = place((2, 2), "web_cases.node_set_aside", Some(way.held(K::SetAside)));
        edge(funds, set_aside, aside);
        edge(payable, set_aside, way.from_to(K::Payable, K::SetAside));
        edge(set_aside, payable, way.from_to(K::SetAside, K::Payable));
    }
    let fees = way.from_to(K::CaseFunds, K::Treasury);
    if fees > zero {
        let treasury = place((2, 3), "web_cases.node_treasury", Some(fees));
        edge(funds, treasury, fees);
    }
    edge(payable, sent, way.into_kind(K::InTransitOut, &[K::Payable, K::Treasury, K::CaseFunds]));
    edge(sent, paid, way.payments_in(&["debited"]));
    if back > zero {
        let returned = place((4, 2), "web_cases.node_returned", Some(back));
        edge(sent, returned, back);
    }
    (nodes, edges)
}

fn way(viewer: &Viewer, way: &MoneyWay) -> Markup {
    let (nodes, edges) = picture(viewer, way);
    let label = |place: usize| nodes.get(place).map_or("", |node| node.label.as_str());
    let t = |code| viewer.t(code);
    let table = html! {
        div.scroll { table {
            thead { tr { th { (t("web_cases.from")) } th { (t("web_cases.to")) } th.number { (t("web_payouts.amount")) } } }
            tbody { @for edge in &edges { tr {
                td data-label=(t("web_cases.from")) { (label(edge.from)) }
                td data-label=(t("web_cases.to")) { (label(edge.to)) }
                td.number data-label=(t("web_payouts.amount")) { (edge.amount) }
            } } }
        } }
    };
    html! {
        (charts::way(&t("web_cases.way"), &t("web_cases.way_says"), &nodes, &edges))
        // A picture from left to right has no room on a telephone: what lies where is told in words.
        div.narrow-only {
            dl.balances { @for node in &nodes { @if let Some(amount) = node.amount {
                div { dt { (node.label) } dd.number { (amount) } }
            } } }
        }
        @if !edges.is_empty() { details { summary { (t("web_desk.figures")) } (table) } }
    }
}

fn due(viewer: &Viewer, shown: &Shown) -> Markup {
    let t = |code| viewer.t(code);
    html! {
        h2 { (t("web_desk.clocks")) }
        @if shown.due.is_empty() { p.empty { (t("web.none")) } } @else {
            div.scroll { table {
                thead { tr { th { (t("web.state")) } th { (t("web.what")) } th { (t("web_cases.about")) }
                    th.number { (t("web_payouts.amount")) } th { (t("web_cases.last_day")) } } }
                tbody { @for due in &shown.due { tr {
                    td data-label=(t("web.state")) { (desk::colour(viewer, due.standing.colour)) }
                    td data-label=(t("web.what")) { (shown.rules.of(due.deadline.kind).title.text(viewer.language)) }
                    td data-label=(t("web_cases.about")) { (due.deadline.about) }
                    td.number data-label=(t("web_payouts.amount")) { @if let Some(amount) = due.deadline.amount { (amount) } }
                    td data-label=(t("web_cases.last_day")) {
                        @if let Some(day) = due.standing.last_day { (parts::whole(day)) }
                        @if let Some(left) = due.standing.days_left {
                            " " small { (Message::new("web_desk.days_left").with("days", left).text(viewer.language)) }
                        }
                    }
                } } }
            } }
        }
    }
}

fn claims(viewer: &Viewer, shown: &Shown) -> Markup {
    let number = parts::escape(shown.case.current_number());
    let t = |code| viewer.t(code);
    html! {
        h2 #claims { (t("web_cases.claims")) }
        @if shown.lists.is_empty() { p.empty { (t("web.none")) } } @else {
            (list_table(viewer, &shown.lists))
            (claim_table(viewer, &shown.claims))
            @if let Some(last) = shown.claims.last().filter(|_| shown.claims.len() as i64 == CLAIMS_A_PAGE) {
                p { a href=(format!("/cases/{number}?claim={}#claims", last.claim_id)) { (t("web_payouts.next_lines")) } }
            }
        }
        p { a href=(format!("/cases/{number}/distribution")) { (t("web_cases.to_distribution")) } }
    }
}

/// Claimant lists as a table.
#[must_use]
pub fn list_table(viewer: &Viewer, lists: &[StoredList]) -> Markup {
    let t = |code| viewer.t(code);
    html! {
        div.scroll { table {
            thead { tr {
                th.number { (t("web.number")) } th.number { (t("web_cases.rows")) } th.number { (t("web_cases.total")) }
                th.number { (t("web_cases.broken")) } th.number { (t("web_cases.unsound")) }
            } }
            tbody { @for list in lists { tr {
                td.number data-label=(t("web.number")) { (list.list_id) }
                td.number data-label=(t("web_cases.rows")) { (list.rows) }
                td.number data-label=(t("web_cases.total")) { (list.total) }
                td.number data-label=(t("web_cases.broken")) { (list.broken) }
                td.number data-label=(t("web_cases.unsound")) { (list.unsound) }
            } } }
        } }
    }
}

fn claim_table(viewer: &Viewer, claims: &[ClaimLine]) -> Markup {
    let t = |code| viewer.t(code);
    let standing = |word: &str| match word {
        "confirmed" => t("web_cases.confirmed"),
        "disputed" => t("web_cases.disputed"),
        "late" => t("web_cases.late"),
        _ => t("web_cases.broken_claim"),
    };
    html! {
        div.scroll { table {
            thead { tr {
                th.number { (t("web_cases.row")) } th { (t("web_cases.claimant_no")) } th { (t("column.name")) }
                th.number { (t("web_payouts.claim")) } th { (t("web.state")) }
            } }
            tbody { @for claim in claims { tr {
                td.number data-label=(t("web_cases.row")) { (claim.row_no) }
                td data-label=(t("web_cases.claimant_no")) { (claim.claimant_no) }
                td data-label=(t("column.name")) { (claim.name) }
                td.number data-label=(t("web_payouts.claim")) { (claim.amount) }
                td data-label=(t("web.state")) { (standing(&claim.standing))
                    @if !claim.problem.is_empty() { " " small { (t("web_cases.no_account")) } } }
            } } }
        } }
    }
}

fn payouts(viewer: &Viewer, shown: &Shown) -> Markup {
    let t = |code| viewer.t(code);
    let status = |word: &str| {
        let known = Status::ALL.into_iter().find(|status| status.as_str() == word);
        known.map_or_else(String::new, |status| status.message().text(viewer.language))
    };
    html! {
        h2 { (t("web_cases.payouts")) }
        @if shown.sheets.is_empty() && shown.distributions.is_empty() { p.empty { (t("web.none")) } }
        @if !shown.sheets.is_empty() {
            div.scroll { table {
                thead { tr {
                    th { (t("web_cases.sheet")) } th { (t("web_payouts.payees")) } th.number { (t("web_payouts.amount")) }
                    th { (t("web_payouts.maker")) } th { (t("payout_cli.run")) }
                } }
                tbody { @for (sheet, maker) in &shown.sheets { tr {
                    td data-label=(t("web_cases.sheet")) { a href=(format!("/see/sheet/show?sheet={}", sheet.sheet_id)) { (sheet.sheet_id) } " · "
                        a href=(paper::href(PaperKind::PayoutSheet, &sheet.sheet_id.to_string())) { (t("web_cases.paper")) }
                        " " small.whole { (clock::shown_in_shanghai(sheet.recorded_at)) } }
                    td data-label=(t("web_payouts.payees")) { @for line in &sheet.lines { div {
                        (line.payee_name) " · " (line.head.message().text(viewer.language)) " " (line.amount) } } }
                    td.number data-label=(t("web_payouts.amount")) { (sheet.total) }
                    td data-label=(t("web_payouts.maker")) { (maker) }
                    td data-label=(t("payout_cli.run")) {
                        @if let Some((run, word)) = &sheet.run { a.whole href=(format!("/payouts/{run}")) { (run) } " " small { (status(word)) } }
                        @else { (t("web_cases.no_run")) }
                    }
                } } }
            } }
        }
        @if !shown.distributions.is_empty() { (distribution_table(viewer, &shown.distributions)) }
    }
}

/// Distributions as a table.
#[must_use]
pub fn distribution_table(viewer: &Viewer, all: &[StoredDistribution]) -> Markup {
    let t = |code| viewer.t(code);
    html! {
        div.scroll { table {
            thead { tr {
                th.number { (t("web_cases.distribution")) } th.number { (t("web_cases.round")) } th.number { (t("web_cases.pot")) }
                th.number { (t("payout_cli.paid")) } th.number { (t("payout_cli.set_aside")) } th.number { (t("web_payouts.carried")) }
                th { (t("web_cases.ratio")) }
            } }
            tbody { @for stored in all { tr {
                td.number data-label=(t("web_cases.distribution")) {
                    a href=(paper::href(PaperKind::Distribution, &stored.distribution_id.to_string())) { (stored.distribution_id) }
                }
                td.number data-label=(t("web_cases.round")) { (stored.round_no) }
                td.number data-label=(t("web_cases.pot")) { (stored.pot) }
                td.number data-label=(t("payout_cli.paid")) { (stored.paid) }
                td.number data-label=(t("payout_cli.set_aside")) { (stored.set_aside) }
                td.number data-label=(t("web_payouts.carried")) { (stored.carried) }
                td data-label=(t("web_cases.ratio")) { (crate::payouts::explain::percent(stored.pot, stored.claim_total)) }
            } } }
        } }
    }
}

fn entries(viewer: &Viewer, shown: &Shown) -> Markup {
    let t = |code| viewer.t(code);
    let kind = |word: &str| match word {
        "receipt" => t("web_cases.voucher_receipt"),
        "payment" => t("web_cases.voucher_payment"),
        _ => t("web_cases.voucher_transfer"),
    };
    let number = parts::escape(shown.case.current_number());
    html! {
        h2 #entries { (t("web_cases.entries")) }
        @if shown.journal.is_empty() { p.empty { (t("web.none")) } } @else {
            div.scroll { table {
                thead { tr {
                    th { (t("web_cases.on")) } th { (t("web_cases.voucher")) } th { (t("web_cases.summary")) }
                    th { (t("web_cases.debit")) } th { (t("web_cases.credit")) } th.number { (t("web_payouts.amount")) }
                } }
                tbody { @for line in &shown.journal { tr {
                    td.whole data-label=(t("web_cases.on")) { (line.on) }
                    td data-label=(t("web_cases.voucher")) {
                        a href=(format!("/see/ledger/voucher?voucher={}", line.voucher_id)) { (kind(&line.voucher.1)) "-" (line.voucher.2) }
                    }
                    td data-label=(t("web_cases.summary")) { (line.summary) }
                    td data-label=(t("web_cases.debit")) { (line.debit) }
                    td data-label=(t("web_cases.credit")) { (line.credit) }
                    td.number data-label=(t("web_payouts.amount")) { (line.amount) }
                } } }
            } }
            @if let Some(last) = shown.journal.last().filter(|_| shown.journal.len() as i64 == ENTRIES_A_PAGE) {
                p { a href=(format!("/cases/{number}?entry={}.{}#entries", last.place.0, last.place.1)) { (t("web_cases.older_entries")) } }
            }
        }
    }
}

fn documents(viewer: &Viewer, all: &[CaseDocument]) -> Markup {
    let t = |code| viewer.t(code);
    let kind = |word: &str| match word {
        "claim_list" => t("web_cases.document_list"),
        "payment_file" => t("web_cases.document_file"),
        other => other.to_owned(),
    };
    html! {
        @if !all.is_empty() {
            h2 { (t("web_cases.documents")) }
            div.scroll { table {
                thead { tr { th { (t("web.file")) } th { (t("web.what")) } th.number { (t("web_cases.bytes")) } th { (t("web.since")) } } }
                tbody { @for document in all { tr {
                    td data-label=(t("web.file")) { (document.name) }
                    td data-label=(t("web.what")) { (kind(&document.kind)) }
                    td.number data-label=(t("web_cases.bytes")) { (document.byte_count) }
                    td.whole data-label=(t("web.since")) { (clock::shown_in_shanghai(document.recorded_at)) }
                } } }
            } }
        }
    }
}

/// What this person can do with a case, its number filled in, by what it is about.
fn actions(viewer: &Viewer, entries: &[Entry], number: &str) -> Markup {
    let is_for_cases = |entry: &&Entry| {
        entry.kind != Kind::Local && entry.parameter("case").is_some() && command::is_offered(viewer, entry)
    };
    let mut groups: Vec<(&str, Vec<&Entry>)> = Vec::new();
    for entry in entries.iter().filter(is_for_cases).filter(|entry| entry.words != "case show") {
        let group = entry.group(viewer.language);
        match groups.iter_mut().find(|(known, _)| *known == group) {
            Some((_, known)) => known.push(entry),
            None => groups.push((group, vec![entry])),
        }
    }
    let link = |entry: &Entry| {
        let number = parts::escape(number);
        format!("{}?case={number}&_next=/cases/{number}", command::href(entry))
    };
    html! {
        nav.related aria-label=(viewer.t("web_cases.actions")) {
            h2 { (viewer.t("web_cases.actions")) }
            dl { @for (group, entries) in &groups {
                div {
                    dt { (group) }
                    dd { @for entry in entries { a href=(link(entry)) { (entry.title(viewer.language)) } } }
                }
            } }
        }
    }
}
