//! Payout runs: the list, and a run with all that is signed, cleared, committed and released on one page.

use ankuan_ledger::chain::hex;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::command::{hidden, signature_field};
use super::form::Form;
use super::{App, Sorry, Viewer, blocking, page, paper, parts};
use crate::Message;
use crate::access::Role;
use crate::api::files;
use crate::bank::capital_amount;
use crate::clock;
use crate::papers::PaperKind;
use crate::payouts::policy::{MAY_APPROVE, Policy, Screening};
use crate::payouts::release::BankFile;
use crate::payouts::runs::Status;
use crate::payouts::screens::{Finding, Suspects};
use crate::report::payout_view::{
    EventView, Paid, PayLine, RunLine, RunView, ShareLine, SourceView, StepView, Went, pay_lines, returned_of,
    run_page, run_view, shares_page,
};
use crate::service::Books;

/// Runs on a page of the list.
const RUNS_A_PAGE: i64 = 30;
/// Lines of a run on a page.
const LINES_A_PAGE: i64 = 50;
/// Sources that a page shows before it folds the rest away.
const SOURCES_OPEN: usize = 12;
/// Findings of one code that are shown one by one.
const FINDINGS_SHOWN: usize = 20;

/// Where a list goes on.
#[derive(Deserialize)]
pub struct Cursor {
    before: Option<i64>,
    after: Option<i64>,
}

/// The runs of the court, newest first.
///
/// # Errors
/// What the database says.
pub async fn list(State(service): App, viewer: Viewer, Query(cursor): Query<Cursor>) -> Result<Markup, Sorry> {
    let (me, standings) = (viewer.session.actor.clone(), viewer.standings.clone());
    let read = blocking(&service, move |service| {
        service.read(|tx| {
            let lines = run_page(tx, &me, &standings, cursor.before, RUNS_A_PAGE)?;
            Ok((lines, crate::report::payout_view::free_sources(tx, me.court_id)?))
        })
    });
    let (lines, free) = read.await.map_err(|failure| viewer.sorry(failure))?;
    let title = viewer.t("web.nav_payouts");
    let last = lines.last().filter(|_| lines.len() as i64 == RUNS_A_PAGE).map(|line| line.run.run_id);
    let body = html! {
        h1 { (title) }
        @if !free.is_empty() { (free_card(&viewer, &free)) }
        (table(&viewer, &lines))
        @if let Some(last) = last { p { a href=(format!("/payouts?before={last}")) { (viewer.t("web_payouts.older")) } } }
        nav.related aria-label=(viewer.t("web.related")) { ul {
            li { a href="/approvals" { (viewer.t("web_payouts.approvals")) } }
            li { a href="/see/payout/returns" { (viewer.t("web_payouts.returns")) } }
            @if viewer.may("payout reissue") { li { a href="/do/payout/reissue" { (viewer.t("web_payouts.reissue")) } } }
            li { a href="/see/payout/policy" { (viewer.t("web_payouts.policy")) } }
        } }
    };
    Ok(page(&viewer, &title, &body))
}

/// Sheets and distributions that stand in no run: ticked, they become one.
fn free_card(viewer: &Viewer, free: &[SourceView]) -> Markup {
    let may = viewer.may("payout draft");
    html! {
        section.card {
            h2 { (viewer.t("web_payouts.free")) }
            form method="get" action="/do/payout/draft" {
                ul.ticks { @for source in free {
                    @let (name, what) = named(viewer, source);
                    @let id = format!("{name}-{}", source.source.source_id);
                    li {
                        @if may { input id=(id) type="checkbox" name=(name) value=(source.source.source_id); }
                        label for=[may.then_some(&id)] { (what) " · " (source.case.current_number()) }
                        span.number { (source.amount()) }
                    }
                } }
                @if may { button { (viewer.t("web_payouts.draft")) } }
            }
        }
    }
}

/// The parameter of `payout draft` for a source, and what people call it.
fn named(viewer: &Viewer, source: &SourceView) -> (&'static str, String) {
    let name = match source.paid {
        Paid::Distribution(_) => "distributions",
        Paid::Sheet(_) | Paid::Reissue(..) => "sheets",
    };
    (name, format!("{} {}", source.source.kind.message().text(viewer.language), source.source.source_id))
}

/// Runs as a table.
#[must_use]
pub fn table(viewer: &Viewer, lines: &[RunLine]) -> Markup {
    let t = |code| viewer.t(code);
    if lines.is_empty() {
        return html! { p.empty { (t("web.none")) } };
    }
    html! {
        div.scroll { table {
            thead { tr {
                th { (t("payout_cli.run")) } th { (t("payout_cli.title")) } th { (t("payout_cli.status")) }
                th.number { (t("payout_cli.lines")) } th.number { (t("payout_cli.paid")) } th.number { (t("payout_cli.set_aside")) }
                th { (t("web_payouts.waits_for")) }
            } }
            tbody { @for line in lines { tr {
                td data-label=(t("payout_cli.run")) { a href=(format!("/payouts/{}", line.run.number)) { (line.run.number) } }
                td data-label=(t("payout_cli.title")) { (line.run.title) }
                td data-label=(t("payout_cli.status")) { (line.run.status.message().text(viewer.language)) }
                td.number data-label=(t("payout_cli.lines")) { (line.content.line_count) }
                td.number data-label=(t("payout_cli.paid")) { (line.content.paid) }
                td.number data-label=(t("payout_cli.set_aside")) { (line.content.set_aside) }
                td data-label=(t("web_payouts.waits_for")) {
                    @if let Some(next) = &line.next {
                        (next.title) " · " (next.role.message().text(viewer.language))
                        @if line.is_mine { " " strong { (t("web_payouts.mine")) } }
                    }
                }
            } } }
        } }
    }
}

/// What a page of a run needs.
struct Shown {
    view: RunView,
    lines: Vec<PayLine>,
    shares: Vec<ShareLine>,
    account: String,
    returned: i64,
}

/// A run.
///
/// # Errors
/// `runs.unknown`.
pub async fn show(
    State(service): App,
    viewer: Viewer,
    Path(number): Path<String>,
    Query(cursor): Query<Cursor>,
) -> Result<Markup, Sorry> {
    let (me, standings) = (viewer.session.actor.clone(), viewer.standings.clone());
    let read = blocking(&service, move |service| {
        let after = cursor.after.unwrap_or(0);
        let suspects =
            service.recall(me.court_id, Books::Details, "suspects".to_owned(), |tx| Suspects::read(tx, me.court_id))?;
        let what = format!("run {number} {after} {}", me.person_id);
        service.recall(me.court_id, Books::All, what, |tx| {
            let court_id = me.court_id;
            let view = run_view(tx, &me, &standings, &number, &suspects, service.clock.now())?;
            let run = &view.line.run;
            let is_committed = matches!(run.status, Status::Committed | Status::Released | Status::Withdrawn);
            let lines = if is_committed { pay_lines(tx, court_id, run, after, LINES_A_PAGE)? } else { Vec::new() };
            let distribution = view.sources.iter().find_map(|source| match &source.paid {
                Paid::Distribution(stored) => Some(stored),
                _ => None,
            });
            let shares = match distribution {
                Some(stored) if !is_committed => shares_page(tx, court_id, stored, after, LINES_A_PAGE)?,
                _ => Vec::new(),
            };
            let account = crate::chart::bank_accounts(tx, court_id)?
                .into_iter()
                .find(|account| account.bank_account_id == run.bank_account_id)
                .map(|account| format!("{} {}", account.bank_name, account.number))
                .unwrap_or_default();
            let returned = if run.status == Status::Released { returned_of(tx, court_id, run)? } else { 0 };
            Ok(Shown { view, lines, shares, account, returned })
        })
    });
    let shown = read.await.map_err(|failure| viewer.sorry(failure))?;
    let run = &shown.view.line.run;
    let title = format!("{} {}", run.number, run.title);
    let body = html! {
        h1 { (title) }
        (steps(&viewer, &shown.view))
        (signed(&viewer, &shown))
        (findings(&viewer, &shown.view))
        (sources(&viewer, &shown.view.sources))
        (actions(&viewer, &shown))
        (lines(&viewer, &shown))
        (file_table(&viewer, &shown.view))
        (events(&viewer, &shown.view.events))
    };
    Ok(page(&viewer, &title, &body))
}

/// The way of a run as steps: what is done, where it stands, what is left.
fn steps(viewer: &Viewer, view: &RunView) -> Markup {
    let status = view.line.run.status;
    let past_approval = matches!(status, Status::Approved | Status::Committed | Status::Released | Status::Withdrawn);
    let is_submitted = status == Status::Submitted || past_approval;
    let is_committed = matches!(status, Status::Committed | Status::Released | Status::Withdrawn);
    let step = |name: String, is_done: bool, is_here: bool, by: Option<String>| {
        html! {
            li.done[is_done].here[is_here] aria-current=[is_here.then_some("step")] {
                span.sign aria-hidden="true" { @if is_done { "✓" } @else if is_here { "▶" } @else { "○" } }
                span { (name) @if let Some(by) = by { small { (by) } } }
            }
        }
    };
    let by = |step: &StepView| {
        step.approved.as_ref().map(|(name, of, at)| match of {
            Some(of) => {
                let for_whom = viewer.language.in_brackets(&format!("{} {of}", viewer.t("web.on_behalf")));
                format!("{name}{for_whom} {}", clock::shown_in_shanghai(*at))
            }
            None => format!("{name} {}", clock::shown_in_shanghai(*at)),
        })
    };
    let next = view.line.next.as_ref().map(|next| next.step_no);
    html! {
        ol.steps {
            (step(viewer.t("web_payouts.step_draft"), is_submitted, status == Status::Draft, Some(view.line.maker.clone())))
            @for one in &view.steps {
                (step(format!("{} · {}", one.title, one.role.message().text(viewer.language)), one.approved.is_some(),
                    next == Some(one.step_no), by(one)))
            }
            (step(viewer.t("web_payouts.step_commit"), is_committed, status == Status::Approved, None))
            (step(viewer.t("web_payouts.step_release"), status == Status::Released, status == Status::Committed, None))
            @if matches!(status, Status::Cancelled | Status::Withdrawn) {
                (step(status.message().text(viewer.language), false, true, None))
            }
        }
    }
}

/// What is signed: amounts in figures and in words, the digest that names it.
fn signed(viewer: &Viewer, shown: &Shown) -> Markup {
    let line = &shown.view.line;
    let total = line.amount();
    html! {
        dl.pairs {
            div { dt { (viewer.t("web_payouts.amount")) } dd.amount { strong { "¥" (total) } " "
                @if let Some(words) = capital_amount(total) { span lang="zh-CN" { (words) } } } }
            div { dt { (viewer.t("web_payouts.paid_and_aside")) } dd {
                (line.content.paid) " / " (line.content.set_aside)
                (viewer.language.in_brackets(&format!("{} {}", line.content.line_count, viewer.t("web_payouts.lines")))) } }
            div { dt { (viewer.t("web_payouts.account")) } dd { (shown.account) } }
            div { dt { (viewer.t("web_payouts.maker")) } dd { (line.maker) } }
            div { dt { (viewer.t("payout_cli.content_digest")) } dd { code.digest { (hex(&line.content.digest)) } } }
        }
    }
}

fn findings(viewer: &Viewer, view: &RunView) -> Markup {
    let run = &view.line.run;
    let open = view.findings.iter().filter(|finding| finding.cleared.is_none()).count();
    let may_clear = viewer.standings.iter().any(|standing| MAY_APPROVE.contains(&standing.role))
        && viewer.session.actor.person_id != run.maker_id
        && matches!(run.status, Status::Draft | Status::Submitted | Status::Approved | Status::Committed);
    let warns = Policy::parse(&run.policy).is_ok_and(|policy| policy.screening() == Screening::Warn);
    let mut codes: Vec<&str> = view.findings.iter().map(|finding| finding.message.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let of =
        |code: &str| -> Vec<&Finding> { view.findings.iter().filter(|finding| finding.message.code == code).collect() };
    html! {
        section.card #screens {
            h2 { (viewer.t("web_payouts.screens")) }
            @if view.findings.is_empty() { p { (viewer.t("screens.none")) } }
            @else if open > 0 {
                p.warn role="note" {
                    (Message::new(if warns { "web_payouts.screens_warn" } else { "web_payouts.screens_stop" })
                        .with("count", open).text(viewer.language))
                }
            }
            @for code in codes {
                @let all = of(code);
                @let left = all.iter().filter(|finding| finding.cleared.is_none()).count();
                ul.findings {
                    @for finding in all.iter().take(FINDINGS_SHOWN) { li {
                        p { (finding.message.text(viewer.language)) " " code { (finding.short()) } }
                        @match &finding.cleared {
                            Some(cleared) => p.cleared {
                                "✓ " (cleared.person) " " (clock::shown_in_shanghai(cleared.recorded_at)) "："
                                (cleared.reason)
                            },
                            None if may_clear => (clear_form(viewer, &run.number, &finding.short())),
                            None => {}
                        }
                    } }
                }
                @if all.len() > FINDINGS_SHOWN {
                    p.hint { (Message::new("web_payouts.more_findings").with("count", all.len() - FINDINGS_SHOWN).text(viewer.language)) }
                }
                @if left > 1 && may_clear {
                    details { summary { (Message::new("web_payouts.clear_all").with("count", left).text(viewer.language)) }
                        (clear_form(viewer, &run.number, code))
                    }
                }
            }
        }
    }
}

fn clear_form(viewer: &Viewer, number: &str, finding: &str) -> Markup {
    let id = format!("reason-{finding}");
    html! {
        form.inline method="post" action="/do/payout/clear" enctype="multipart/form-data" {
            (hidden(viewer, &format!("/payouts/{number}#screens")))
            input type="hidden" name="run" value=(number);
            input type="hidden" name="finding" value=(finding);
            label for=(id) { (viewer.t("web_payouts.clear_reason")) }
            input id=(id) type="text" name="reason" required;
            button.plain { (viewer.t("web_payouts.clear")) }
        }
    }
}

/// What can be done with a run as it stands, by whoever looks.
fn actions(viewer: &Viewer, shown: &Shown) -> Markup {
    let line = &shown.view.line;
    let number = &line.run.number;
    let has = |roles: &[Role]| viewer.standings.iter().any(|standing| roles.contains(&standing.role));
    let moves_money = has(&[Role::Finance, Role::FundKeeper]);
    let here = format!("/payouts/{number}");
    let button = |action: &str, code: &'static str| {
        html! {
            form.act method="post" action=(format!("/do/payout/{action}")) enctype="multipart/form-data" {
                (hidden(viewer, &here))
                input type="hidden" name="run" value=(number);
                button { (viewer.t(code)) }
            }
        }
    };
    let link = |action: &str, code: &'static str| {
        html! { a href=(format!("/do/payout/{action}?run={}&_next={}", parts::escape(number), parts::escape(&here))) { (viewer.t(code)) } }
    };
    let may_send_back = has(&MAY_APPROVE) && matches!(line.run.status, Status::Submitted | Status::Approved);
    html! {
        section.card.actions {
            @match line.run.status {
                Status::Draft => {
                    @if let Some(event) = shown.view.events.iter().rev().find(|event| event.event == "returned") {
                        p.warn { (Message::new("web_payouts.sent_back").with("person", &event.person)
                            .with("reason", &event.reason).text(viewer.language)) }
                    }
                    @if has(&[Role::Handler]) { (button("submit", "web_payouts.submit")) }
                }
                Status::Submitted if line.is_mine => (approve_form(viewer, line)),
                Status::Submitted => {
                    @if let Some(next) = &line.next {
                        p.hint { (Message::new("web_payouts.waits_for_step").with("title", &next.title)
                            .with_term("role", &next.role.message()).text(viewer.language)) }
                    }
                }
                Status::Approved if moves_money => (button("commit", "web_payouts.commit")),
                Status::Committed if moves_money => (button("release", "web_payouts.release")),
                Status::Released if shown.returned > 0 => {
                    p.warn { (Message::new("web_payouts.came_back").with("count", shown.returned).text(viewer.language)) }
                    p { a href="/see/payout/returns" { (viewer.t("web_payouts.returns")) } " · " (link("reissue", "web_payouts.reissue")) }
                }
                _ => {}
            }
            p.more {
                @if may_send_back { (link("send-back", "web_payouts.send_back")) " · " }
                @if has(&[Role::Handler]) && matches!(line.run.status, Status::Draft | Status::Submitted | Status::Approved) {
                    (link("cancel", "web_payouts.cancel")) " · "
                }
                @if moves_money && line.run.status == Status::Committed { (link("withdraw", "web_payouts.withdraw")) " · " }
                a href=(paper::href(PaperKind::PayoutRun, number)) { (PaperKind::PayoutRun.message().text(viewer.language)) } " · "
                @if line.run.status == Status::Released {
                    a href=(paper::href(PaperKind::Transmittal, number)) { (PaperKind::Transmittal.message().text(viewer.language)) } " · "
                }
                a href=(format!("/see/payout/show?run={}", parts::escape(number))) { (viewer.t("web_payouts.as_command_says")) }
            }
        }
    }
}

fn approve_form(viewer: &Viewer, line: &RunLine) -> Markup {
    let number = &line.run.number;
    html! {
        form.sign method="post" action="/do/payout/approve" enctype="multipart/form-data" {
            (hidden(viewer, &format!("/payouts/{number}")))
            input type="hidden" name="run" value=(number);
            input type="hidden" name="digest" value=(hex(&line.content.digest));
            p { (Message::new("web_payouts.you_sign").with("run", number).with("amount", line.amount())
                .with("digest", hex(&line.content.digest[..6])).text(viewer.language)) }
            (signature_field(viewer))
            button { (viewer.t("web_payouts.approve")) }
        }
    }
}

fn sources(viewer: &Viewer, all: &[SourceView]) -> Markup {
    let rows = |some: &[SourceView]| {
        html! { @for source in some { (source_row(viewer, source)) } }
    };
    let heading = html! { thead { tr {
        th { (viewer.t("web_payouts.source")) } th { (viewer.t("column.case_number")) } th { (viewer.t("web_payouts.payees")) }
        th.number { (viewer.t("web_payouts.amount")) } th { (viewer.t("web_payouts.odd")) }
    } } };
    html! {
        h2 { (viewer.t("web_payouts.pays")) }
        div.scroll { table { (heading) tbody { (rows(&all[..all.len().min(SOURCES_OPEN)])) } } }
        @if all.len() > SOURCES_OPEN {
            details { summary { (Message::new("web_payouts.more_sources").with("count", all.len() - SOURCES_OPEN).text(viewer.language)) }
                div.scroll { table { (heading) tbody { (rows(&all[SOURCES_OPEN..])) } } }
            }
        }
    }
}

/// A source as a row of a table.
#[must_use]
pub fn source_row(viewer: &Viewer, source: &SourceView) -> Markup {
    let t = |code| viewer.t(code);
    html! {
        tr.odd[!source.odd.is_empty()] {
            td data-label=(t("web_payouts.source")) { (named(viewer, source).1) }
            td data-label=(t("column.case_number")) { (parts::case_link(source.case.current_number())) }
            td data-label=(t("web_payouts.payees")) { (payees(viewer, source)) }
            td.number data-label=(t("web_payouts.amount")) { (source.amount()) }
            td data-label=(t("web_payouts.odd")) {
                @if source.odd.is_empty() { "—" } @else {
                    ul.odd { @for odd in &source.odd { li { "▲ " (odd.text(viewer.language)) } } }
                }
            }
        }
    }
}

fn payees(viewer: &Viewer, source: &SourceView) -> Markup {
    match &source.paid {
        Paid::Sheet(sheet) => html! {
            ul.plain { @for line in &sheet.lines { li {
                (line.payee_name) " · " (line.kind.message().text(viewer.language)) " · "
                (line.head.message().text(viewer.language)) " " span.number { (line.amount) }
            } } }
        },
        Paid::Distribution(stored) => html! {
            (Message::new("web_payouts.round").with("round", stored.round_no).with("count", stored.share_count)
                .with("ratio", crate::payouts::explain::percent(stored.pot, stored.claim_total)).text(viewer.language))
        },
        Paid::Reissue(count, _) => {
            html! { (Message::new("web_payouts.reissued").with("count", count).text(viewer.language)) }
        }
    }
}

fn lines(viewer: &Viewer, shown: &Shown) -> Markup {
    let number = &shown.view.line.run.number;
    let t = |code| viewer.t(code);
    let next = |last: Option<i64>, count: usize| last.filter(|_| count as i64 >= LINES_A_PAGE);
    if !shown.lines.is_empty() {
        return html! {
            h2 #lines { (t("web_payouts.payments")) }
            div.scroll { table {
                thead { tr { th.number { (t("web.number")) } th { (t("column.name")) } th.number { (t("web_payouts.amount")) } th { (t("web.state")) } } }
                tbody { @for line in &shown.lines { tr {
                    td.number data-label=(t("web.number")) { (line.line_no) }
                    td data-label=(t("column.name")) { (line.name) }
                    td.number data-label=(t("web_payouts.amount")) { (line.amount) }
                    td data-label=(t("web.state")) { (went(viewer, line.went)) }
                } } }
            } }
            @if let Some(last) = next(shown.lines.last().map(|line| line.line_no), shown.lines.len()) {
                p { a href=(format!("/payouts/{number}?after={last}#lines")) { (t("web_payouts.next_lines")) } }
            }
        };
    }
    if shown.shares.is_empty() {
        return html! {};
    }
    html! {
        h2 #lines { (t("web_payouts.shares")) }
        (share_table(viewer, &shown.shares))
        @if let Some(last) = next(shown.shares.last().map(|share| share.share_id), shown.shares.len()) {
            p { a href=(format!("/payouts/{number}?after={last}#lines")) { (t("web_payouts.next_lines")) } }
        }
    }
}

/// Shares as a table.
#[must_use]
pub fn share_table(viewer: &Viewer, shares: &[ShareLine]) -> Markup {
    let t = |code| viewer.t(code);
    html! {
        div.scroll { table {
            thead { tr { th { (t("column.name")) } th.number { (t("web_payouts.claim")) } th.number { (t("web_payouts.share")) } th { (t("web.state")) } } }
            tbody { @for share in shares { tr {
                td data-label=(t("column.name")) { (share.name) }
                td.number data-label=(t("web_payouts.claim")) { (share.claim) }
                td.number data-label=(t("web_payouts.share")) { (share.granted) }
                td data-label=(t("web.state")) { (share_outcome(viewer, &share.outcome, &share.reason)) }
            } } }
        } }
    }
}

fn share_outcome(viewer: &Viewer, outcome: &str, reason: &str) -> String {
    use crate::payouts::distribute::SetAside;
    match (outcome, SetAside::from_code(reason)) {
        ("set_aside", Some(reason)) => reason.message().text(viewer.language),
        ("set_aside", None) => viewer.t("payout_cli.set_aside"),
        ("carry", _) => viewer.t("web_payouts.carried"),
        _ => viewer.t("web_payouts.to_pay"),
    }
}

fn went(viewer: &Viewer, went: Option<Went>) -> String {
    match went {
        None => viewer.t("web_payouts.not_sent"),
        Some(Went::SetAside) => viewer.t("web_payouts.kept"),
        Some(Went::Sent(standing)) => standing.message().text(viewer.language),
    }
}

fn file_table(viewer: &Viewer, view: &RunView) -> Markup {
    if view.files.is_empty() {
        return html! {};
    }
    let t = |code| viewer.t(code);
    let may = viewer.standings.iter().any(|standing| matches!(standing.role, Role::Finance | Role::FundKeeper));
    let number = parts::escape(&view.line.run.number);
    let place = |file: &BankFile| format!("{number}/files/{}", parts::escape(&file.name));
    html! {
        h2 { (t("web.files")) }
        @if may { p.hint { (t("web_payouts.files_hint")) } }
        div.scroll { table {
            thead { tr {
                th { (t("payout_cli.file")) } th.number { (t("payout_cli.lines")) } th.number { (t("payout_cli.sum")) }
                th { (t("payout_cli.digest_short")) } @if may { th {} }
            } }
            tbody { @for file in &view.files { tr {
                td data-label=(t("payout_cli.file")) {
                    @if may { a href=(format!("/api/v1/runs/{}", place(file))) download { (file.name) } } @else { (file.name) }
                }
                td.number data-label=(t("payout_cli.lines")) { (file.line_count) }
                td.number data-label=(t("payout_cli.sum")) { (file.sum) }
                td data-label=(t("payout_cli.digest_short")) { code { (hex(&file.sha256[..8])) } }
                @if may { td {
                    form.inline method="post" action=(format!("/payouts/{}", place(file))) {
                        (hidden(viewer, ""))
                        button { (t("web_payouts.hand_over")) }
                    }
                } }
            } } }
        } }
    }
}

/// The form by which a file is handed over.
#[derive(Deserialize)]
pub struct HandOver {
    #[serde(rename = "_token")]
    token: String,
    #[serde(rename = "_request")]
    request: String,
}

/// Hands a file of a released run over: records it, and answers with the file.
///
/// # Errors
/// `web.form_token`, and those of [`crate::service::Service::hand_over`].
pub async fn hand_over(
    State(service): App,
    viewer: Viewer,
    Path((number, name)): Path<(String, String)>,
    Form(given): Form<HandOver>,
) -> Result<Response, Sorry> {
    viewer.check_form(&given.token)?;
    let me = viewer.session.actor.clone();
    let found = blocking(&service, move |service| {
        service.hand_over(&me, (&number, &name), &given.request)?;
        service.bank_file(&me, &number, &name)
    });
    let (file, byte_count) = found.await.map_err(|failure| viewer.sorry(failure))?;
    Ok(files::answer(service, viewer.session.actor.court_id, &file, byte_count))
}

fn events(viewer: &Viewer, all: &[EventView]) -> Markup {
    let said = |event: &str| match event {
        "submitted" => viewer.t("web_payouts.event_submitted"),
        "returned" => viewer.t("web_payouts.event_returned"),
        "committed" => viewer.t("web_payouts.event_committed"),
        "released" => viewer.t("web_payouts.event_released"),
        "cancelled" => viewer.t("web_payouts.event_cancelled"),
        "withdrawn" => viewer.t("web_payouts.event_withdrawn"),
        "delivered" => viewer.t("web_payouts.event_delivered"),
        other => other.to_owned(),
    };
    html! {
        @if !all.is_empty() {
            h2 { (viewer.t("web_payouts.events")) }
            ul.events { @for event in all { li {
                time { (clock::shown_in_shanghai(event.recorded_at)) } " " (event.person) " " (said(&event.event))
                @if !event.reason.is_empty() { "：" (event.reason) }
            } } }
        }
    }
}
