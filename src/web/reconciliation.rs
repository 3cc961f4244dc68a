//! Reconciliation: accounts and their days, statements, lines with their matches, exceptions side by side, and the
//! reconciliation statement that people sign.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Deserialize;

use super::export::{self, FileKind};
use super::parts::{self, Cell, Grid};
use super::{App, Sorry, Viewer, blocking, command, page};
use crate::chart::{self, BankAccount};
use crate::cli::reconcile::rule_text;
use crate::cli::report::{ITEM_HEADINGS, form, item_row, verdict};
use crate::flows::candidates::{Candidate, MatchedLine, What, candidates, lines_before};
use crate::flows::{self, Left, PastMatch, open_findings};
use crate::report::bank_reconciliation::{BankReconciliation, bank_reconciliation};
use crate::service::Service;
use crate::statements::balance::bank_side;
use crate::statements::days::{DayEvent, DayStep, closed_until, day_events};
use crate::statements::notes::{Note, newest_note};
use crate::statements::{BankLine, Channel, StoredStatement, find_line, statements};
use crate::{Language, Message, Outcome, access, clock, signoff};

/// Lines of a page.
const LINES_A_PAGE: i64 = 100;

/// Days and statements that the page of an account shows, newest first.
const RECENT: usize = 31;

/// Exceptions that stand side by side on one page.
const SIDE_BY_SIDE: usize = 20;

/// What the pages are asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    before: Option<i64>,
    #[serde(default)]
    open: Option<String>,
    #[serde(default, rename = "_as")]
    file: String,
}

/// A day of an account: what it moved, what the books of the bank come to, how far its sign-off is.
struct DayRow {
    day: Date,
    moved: ankuan_ledger::Amount,
    ours: Option<ankuan_ledger::Amount>,
    said: Option<ankuan_ledger::Amount>,
    step: Option<DayStep>,
}

/// The newest days of an account.
fn day_rows(tx: &mut ankuan_ledger::Tx<'_>, court_id: i64, account: &BankAccount) -> Outcome<Vec<DayRow>> {
    let side = bank_side(tx, court_id, account.bank_account_id)?;
    let events = day_events(tx, court_id, account.bank_account_id)?;
    let rows = side.days().iter().rev().take(RECENT).map(|(day, moved)| DayRow {
        day: *day,
        moved: *moved,
        ours: side.balance(*day),
        said: side.said(*day),
        step: events.iter().rev().find(|event| event.day == *day).map(|event| event.step),
    });
    Ok(rows.collect())
}

fn href(account: &BankAccount) -> String {
    format!("/reconciliation/{}", parts::escape(&account.number))
}

/// The court's bank accounts with their newest day.
///
/// # Errors
/// What the database says.
pub async fn accounts(State(service): App, viewer: Viewer) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let mut all = Vec::new();
            for account in chart::bank_accounts(tx, court_id)? {
                let days = day_rows(tx, court_id, &account)?;
                let open = lines_before(tx, court_id, account.bank_account_id, (i64::MAX, true), LINES_A_PAGE)?.len();
                all.push((account, days, open));
            }
            Ok(all)
        })
    });
    let found = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("column.account_number", false),
        ("web_books.bank", false),
        ("web_books.newest_day", false),
        ("web_books.bank_balance", true),
        ("web_books.state", false),
        ("web_books.open_lines", true),
    ];
    let mut grid = Grid::new(viewer.language, &columns);
    for (account, days, open) in &found {
        let newest = days.first();
        let many = usize::try_from(LINES_A_PAGE).unwrap_or(usize::MAX);
        grid.push(vec![
            Cell::link(&account.number, href(account)),
            (&account.bank_name).into(),
            newest.map_or_else(|| "—".to_owned(), |day| day.day.to_string()).into(),
            newest.and_then(|day| day.ours).map_or_else(|| "—".to_owned(), |amount| amount.to_string()).into(),
            step_text(newest.and_then(|day| day.step), viewer.language).into(),
            if *open >= many { format!("{many}+").into() } else { (*open).into() },
        ]);
    }
    let title = viewer.t("web.nav_reconciliation");
    let body = html! {
        h1 { (title) }
        @if found.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
    };
    Ok(page(&viewer, &title, &body))
}

fn step_text(step: Option<DayStep>, language: Language) -> String {
    step.map_or_else(|| Message::new("web_books.not_prepared"), DayStep::message).text(language)
}

/// An open line with what could be said of it.
struct Exception {
    left: Left,
    note: Option<Note>,
    candidates: Vec<Candidate>,
}

struct View {
    account: BankAccount,
    days: Vec<DayRow>,
    statements: Vec<(StoredStatement, String)>,
    exceptions: Vec<Exception>,
    more: usize,
    gaps: Vec<Message>,
}

/// An account: its days, statements, exceptions, and what can be done with it.
///
/// # Errors
/// `bank_account.unknown`.
pub async fn account(State(service): App, viewer: Viewer, Path(number): Path<String>) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let found = blocking(&service, move |service| {
        let today = service.clock.today_in_shanghai();
        service.read(|tx| {
            let account = chart::find_bank_account(tx, court_id, Some(&number))?;
            let mut listed = Vec::new();
            let all = statements(tx, court_id, Some(account.bank_account_id))?;
            for statement in all.into_iter().rev().take(RECENT) {
                let name = access::person_by_id(tx, court_id, statement.fetched_by)?.name;
                listed.push((statement, name));
            }
            let rules = ankuan_reconciliation::matching::Rules::standard();
            let left = open_findings(tx, court_id, &account, rules, today)?;
            let more = left.len().saturating_sub(SIDE_BY_SIDE);
            let mut exceptions = Vec::new();
            for left in left.into_iter().take(SIDE_BY_SIDE) {
                let note = newest_note(tx, court_id, left.line.bank_line_id)?;
                let candidates = candidates(tx, court_id, &left.line)?;
                exceptions.push(Exception { left, note, candidates });
            }
            let side = bank_side(tx, court_id, account.bank_account_id)?;
            let gaps = side.gaps(today).into_iter().map(|gap| gap.message).collect();
            let days = day_rows(tx, court_id, &account)?;
            Ok(View { account, days, statements: listed, exceptions, more, gaps })
        })
    });
    let view = found.await.map_err(|failure| viewer.sorry(failure))?;
    let View { account, exceptions, more, gaps, .. } = &view;
    let place = href(account);
    let own = [("bank_account", account.number.as_str())];
    let title = format!("{} {}", viewer.t("web.nav_reconciliation"), account.number);
    let body = html! {
        h1 { (title) }
        p.caption { (account.holder_name) " · " (account.bank_name) }
        @for gap in gaps { p.refusal role="alert" { (gap.text(viewer.language)) } }
        div.groups {
            @if viewer.may("statement import") { section.card {
                h2 { (viewer.t("web_books.upload_statement")) }
                (command::inline(&service.entries, &viewer, "statement import", &own, &["files", "channel", "fetched_by", "profile"], &viewer.t("web_books.upload")))
            } }
            @if viewer.may("reply import") { section.card {
                h2 { (viewer.t("web_books.upload_reply")) }
                (command::inline(&service.entries, &viewer, "reply import", &[], &["files", "channel", "fetched_by", "profile"], &viewer.t("web_books.upload")))
            } }
            section.card {
                h2 { (viewer.t("web_books.matching")) }
                @if viewer.may("reconcile match") { p { (viewer.t("web_books.matching_hint")) } }
                (command::inline(&service.entries, &viewer, "reconcile match", &own, &[], &viewer.t("web_books.run_matching")))
                p { a href=(format!("{place}/lines")) { (viewer.t("web_books.all_lines")) } }
                p { a href=(format!("/see/reconcile/transfers?bank_account={}", account.number)) { (viewer.t("web_books.transfers")) } }
            }
        }
        h2 { (viewer.t("web_books.exceptions")) }
        @if exceptions.is_empty() { p.green { (viewer.t("web_books.no_exceptions")) } }
        @for exception in exceptions { (side_by_side(&service, &viewer, account, exception)) }
        @if *more > 0 {
            p { a href=(format!("{place}/lines?open=1")) { (Message::new("web_books.more_exceptions").with("count", more).text(viewer.language)) } }
        }
        h2 { (viewer.t("web_books.days")) }
        (days_grid(&view, &place, viewer.language).markup())
        h2 { (viewer.t("web_books.statements")) }
        (statements_grid(&view.statements, viewer.language).markup())
    };
    Ok(page(&viewer, &title, &body))
}

fn days_grid(view: &View, place: &str, language: Language) -> Grid {
    let columns = [
        ("column.date", false),
        ("web_books.moved", true),
        ("web_books.bank_balance", true),
        ("web_books.bank_says", true),
        ("web_books.state", false),
    ];
    let mut grid = Grid::new(language, &columns);
    let amount =
        |amount: Option<ankuan_ledger::Amount>| amount.map_or_else(|| "—".to_owned(), |amount| amount.to_string());
    for day in &view.days {
        grid.push(vec![
            Cell::link(day.day, format!("{place}/days/{}", day.day)),
            day.moved.into(),
            amount(day.ours).into(),
            amount(day.said).into(),
            step_text(day.step, language).into(),
        ]);
    }
    grid
}

fn statements_grid(listed: &[(StoredStatement, String)], language: Language) -> Grid {
    let columns = [
        ("web_books.from", false),
        ("web_books.until", false),
        ("web_books.kind", false),
        ("web_books.opening_balance", true),
        ("web_books.closing_balance", true),
        ("web_books.entries", true),
        ("web_books.new_entries", true),
        ("web_books.channel", false),
        ("web_books.fetched_by", false),
    ];
    let mut grid = Grid::new(language, &columns);
    let amount =
        |amount: Option<ankuan_ledger::Amount>| amount.map_or_else(|| "—".to_owned(), |amount| amount.to_string());
    for (statement, fetched_by) in listed {
        let channel = Channel::parse(&statement.channel);
        grid.push(vec![
            statement.days.0.into(),
            statement.days.1.into(),
            statement.kind.message().text(language).into(),
            amount(statement.opening).into(),
            amount(statement.closing).into(),
            statement.entry_count.into(),
            statement.new_count.into(),
            channel.map_or_else(|| statement.channel.clone(), |channel| channel.message().text(language)).into(),
            fetched_by.into(),
        ]);
    }
    grid
}

fn line_card(viewer: &Viewer, line: &BankLine) -> Markup {
    html! {
        h3 { (viewer.t("web_books.bank_line")) " L" (line.bank_line_id) }
        (line_pairs(viewer, line))
    }
}

fn line_pairs(viewer: &Viewer, line: &BankLine) -> Markup {
    let pairs = [
        ("reconcile.booked_on", line.booked_on.to_string()),
        ("column.amount", line.amount.to_string()),
        ("bank_reconciliation.party", line.name.clone()),
        ("bank_reconciliation.remark", line.remark.clone()),
        ("column.reference", line.bank_reference.clone()),
        ("reconcile.own_reference", line.own_reference.clone()),
    ];
    html! {
        dl.pairs {
            @for (code, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
                div { dt { (viewer.t(code)) } dd { (value) } }
            }
        }
    }
}

/// An exception: the bank's line on the left, what it could be on the right.
fn side_by_side(service: &Service, viewer: &Viewer, account: &BankAccount, exception: &Exception) -> Markup {
    let Exception { left, note, candidates } = exception;
    let line = &left.line;
    let number = line.bank_line_id.to_string();
    let own = [("line", number.as_str()), ("bank_account", account.number.as_str())];
    html! {
        section.beside.card {
            div {
                (line_card(viewer, line))
                @if let Some(note) = note {
                    p.hint { (viewer.t("web_books.note")) (parts::colon(viewer.language)) (note.owner) " — " (note.note)
                        @if note.asked_bank { " · " (viewer.t("web_books.asked_bank")) } }
                }
                p { a href=(format!("{}/lines/{number}", href(account))) { (viewer.t("web_books.history")) } }
            }
            div {
                h3 { (viewer.t("web_books.candidates")) }
                @if left.why.is_empty() && candidates.is_empty() { p { (viewer.t("web_books.no_candidates")) } }
                @if !left.why.is_empty() {
                    p.hint { (viewer.t("web_books.rules_say")) }
                    ul { @for why in &left.why { li { (why.text(viewer.language)) } } }
                }
                @for candidate in candidates { (candidate_card(service, viewer, &own, candidate, line)) }
                @if viewer.may("reconcile set") { details {
                    summary { (viewer.t("web_books.match_otherwise")) }
                    (command::inline(&service.entries, viewer, "reconcile set", &own,
                        &["payment", "file", "receipts", "unattributed", "interest", "charges", "takes_back", "evidence", "confirmed_by"],
                        &viewer.t("web_books.match_it")))
                } }
                @if viewer.may("reconcile note") { details {
                    summary { (viewer.t("web_books.leave")) }
                    (command::inline(&service.entries, viewer, "reconcile note", &own[..1], &["owner", "note", "evidence", "asked_bank"],
                        &viewer.t("web_books.write_note")))
                } }
            }
        }
    }
}

fn candidate_card(
    service: &Service,
    viewer: &Viewer,
    own: &[(&str, &str)],
    candidate: &Candidate,
    line: &BankLine,
) -> Markup {
    let (name, value, label) = match &candidate.what {
        What::Receipt(receipt) => ("receipts", receipt.to_string(), "web_books.a_receipt"),
        What::File(file) => ("file", file.clone(), "web_books.a_file"),
        What::Line(other) => ("takes_back", other.to_string(), "web_books.a_line"),
    };
    let mut fixed = own.to_vec();
    fixed.push((name, value.as_str()));
    // What goes back is confirmed by a second person.
    let shown: &[&str] =
        if matches!(candidate.what, What::Line(_)) { &["evidence", "confirmed_by"] } else { &["evidence"] };
    html! {
        div.candidate {
            h4 { (viewer.t(label)) " " (value) }
            ul.points {
                @for point in candidate.points(line) {
                    li.green[point.agrees].yellow[!point.agrees] {
                        (if point.agrees { "✓" } else { "≠" }) " " (point.label.text(viewer.language)) (parts::colon(viewer.language)) (point.value)
                        " " small { (viewer.t(if point.agrees { "web_books.agrees" } else { "web_books.differs" })) }
                    }
                }
            }
            @if viewer.may("reconcile set") { details {
                summary { (viewer.t("web_books.it_is_this")) }
                (command::inline(&service.entries, viewer, "reconcile set", &fixed, shown, &viewer.t("web_books.match_it")))
            } }
        }
    }
}

/// The lines of an account with their matches and evidence, newest first.
///
/// # Errors
/// `bank_account.unknown`.
pub async fn lines(
    State(service): App,
    viewer: Viewer,
    Path(number): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let (before, only_open) = (asked.before.unwrap_or(i64::MAX), asked.open.as_deref() == Some("1"));
    let file = FileKind::parse(&asked.file);
    let limit = if file.is_some() { 1_000_000 } else { LINES_A_PAGE };
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let account = chart::find_bank_account(tx, court_id, Some(&number))?;
            let lines = lines_before(tx, court_id, account.bank_account_id, (before, only_open), limit)?;
            Ok((account, lines))
        })
    });
    let (account, lines) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let place = href(&account);
    let columns = [
        ("reconcile.line", true),
        ("reconcile.booked_on", false),
        ("column.amount", true),
        ("bank_reconciliation.party", false),
        ("bank_reconciliation.remark", false),
        ("reconcile.what", false),
        ("reconcile.rule", false),
        ("reconcile.evidence", false),
    ];
    let mut grid = Grid::new(viewer.language, &columns);
    for MatchedLine { line, found } in &lines {
        let [what, rule, evidence] = match_texts(found.as_ref(), viewer.language);
        grid.push(vec![
            Cell::link(format!("L{}", line.bank_line_id), format!("{place}/lines/{}", line.bank_line_id)),
            line.booked_on.into(),
            line.amount.into(),
            (&line.name).into(),
            (&line.remark).into(),
            what.into(),
            rule.into(),
            evidence.into(),
        ]);
    }
    if let Some(kind) = file {
        return export::answer(&viewer, &format!("bank-lines-{}", account.number), kind, &grid.said());
    }
    let title = format!("{} {}", viewer.t("web_books.all_lines"), account.number);
    let open = if only_open { "&open=1" } else { "" };
    let is_full = i64::try_from(lines.len()).is_ok_and(|count| count == LINES_A_PAGE);
    let body = html! {
        h1 { (title) }
        nav.tabs {
            a href=(place) { (viewer.t("web_books.account_page")) }
            a href=(format!("{place}/lines")) aria-current=[(!only_open).then_some("page")] { (viewer.t("web_books.all_lines")) }
            a href=(format!("{place}/lines?open=1")) aria-current=[only_open.then_some("page")] { (viewer.t("web_books.only_open")) }
        }
        @if lines.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
        @if let (true, Some(last)) = (is_full, lines.last()) {
            p.pager { a href=(format!("{place}/lines?before={}{open}", last.line.bank_line_id)) { (viewer.t("web_books.next")) } }
        }
        (export::links(&viewer))
    };
    Ok(page(&viewer, &title, &body).into_response())
}

fn match_texts(found: Option<&PastMatch>, language: Language) -> [String; 3] {
    match found {
        None => [Message::new("web_books.open").text(language), String::new(), String::new()],
        Some(found) => [
            found.outcome_message().text(language),
            rule_text(&found.rule, language),
            flows::evidence_text(&found.evidence, language),
        ],
    }
}

/// One line: what it is and was matched with, and what can be done about it.
///
/// # Errors
/// `statements.line_unknown`.
pub async fn line(
    State(service): App,
    viewer: Viewer,
    Path((number, line_id)): Path<(String, i64)>,
) -> Result<Markup, Sorry> {
    let court_id = viewer.session.actor.court_id;
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let account = chart::find_bank_account(tx, court_id, Some(&number))?;
            let line = find_line(tx, court_id, line_id)?;
            let history = flows::history_of_line(tx, court_id, line_id)?;
            let note = newest_note(tx, court_id, line_id)?;
            let candidates = candidates(tx, court_id, &line)?;
            Ok((account, history, Exception { left: Left { line, why: Vec::new() }, note, candidates }))
        })
    });
    let (account, history, exception) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("reconcile.match", true),
        ("reconcile.what", false),
        ("reconcile.rule", false),
        ("reconcile.evidence", false),
        ("reconcile.undone", false),
    ];
    let mut grid = Grid::new(viewer.language, &columns);
    for found in &history {
        let [what, rule, evidence] = match_texts(Some(found), viewer.language);
        let undone = found.undone.clone().unwrap_or_default();
        grid.push(vec![found.group_id.into(), what.into(), rule.into(), evidence.into(), undone.into()]);
    }
    let is_open = history.iter().all(|found| found.undone.is_some());
    let number = exception.left.line.bank_line_id.to_string();
    let title = format!("{} L{number}", viewer.t("web_books.bank_line"));
    let body = html! {
        h1 { (title) }
        nav.tabs { a href=(href(&account)) { (viewer.t("web_books.account_page")) } a href=(format!("{}/lines", href(&account))) { (viewer.t("web_books.all_lines")) } }
        @if is_open { (side_by_side(&service, &viewer, &account, &exception)) } @else {
            section.card { (line_pairs(&viewer, &exception.left.line)) }
        }
        h2 { (viewer.t("web_books.history")) }
        @if history.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
        @if !is_open && viewer.may("reconcile undo") {
            details.card {
                summary { (viewer.t("web_books.undo")) }
                (command::inline(&service.entries, &viewer, "reconcile undo", &[("line", &number)], &["reason"], &viewer.t("web_books.undo")))
            }
        }
    };
    Ok(page(&viewer, &title, &body))
}

/// The reconciliation statement (银行存款余额调节表) of a day, and its sign-off.
///
/// # Errors
/// `bank_account.unknown`, `command.day`.
pub async fn day(
    State(service): App,
    viewer: Viewer,
    Path((number, day)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Response, Sorry> {
    let (court_id, me) = (viewer.session.actor.court_id, viewer.session.actor.person_id);
    let standings = viewer.standings.clone();
    let wrong = || viewer.sorry(Message::new("command.day").with("value", &day).into());
    let day: Date = day.parse().map_err(|_| wrong())?;
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let chart = chart::load(tx, court_id)?;
            let account = chart::find_bank_account(tx, court_id, Some(&number))?;
            let statement = bank_reconciliation(tx, &chart, court_id, &account, day)?;
            let events = day_events(tx, court_id, account.bank_account_id)?;
            let side = bank_side(tx, court_id, account.bank_account_id)?;
            let fetchers = side.fetchers(closed_until(&events), day);
            let open = signoff::open_steps(&events, &fetchers, day, me, &standings);
            let next = signoff::next_step(&events, day);
            let mut steps = Vec::new();
            for event in events.into_iter().filter(|event| event.day == day) {
                let name = access::person_by_id(tx, court_id, event.actor_id)?.name;
                steps.push((event, name));
            }
            Ok((statement, steps, open, next))
        })
    });
    let (statement, steps, open, next) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let items = items_grid(&statement, viewer.language);
    if let Some(kind) = FileKind::parse(&asked.file) {
        return export::answer(&viewer, &format!("bank-reconciliation-{day}"), kind, &items.said());
    }
    let day_text = day.to_string();
    let fixed = [("day", day_text.as_str()), ("bank_account", statement.account.number.as_str())];
    let title = format!("{} {day}", viewer.t("bank_reconciliation.title"));
    // What comes next stands out; the rest can be done again where something has changed.
    let act = |step: DayStep, words: &str, code: &'static str| {
        html! { @if open.contains(&step) { div.later[step != next] {
            (command::inline(&service.entries, &viewer, words, &fixed, &[], &viewer.t(code)))
        } } }
    };
    let body = html! {
        link rel="stylesheet" href="/form.css";
        nav.tabs.screen {
            a href=(href(&statement.account)) { (viewer.t("web_books.account_page")) }
            @if let Ok(before) = day.yesterday() { a href=(format!("{}/days/{before}", href(&statement.account))) { "← " (before) } }
            @if let Ok(after) = day.tomorrow() { a href=(format!("{}/days/{after}", href(&statement.account))) { (after) " →" } }
        }
        (statement_form(&viewer, &statement, &steps, &items))
        @if let (DayStep::Reopened, Some((event, name))) = (next, steps.iter().rev().find(|(event, _)| event.step == DayStep::ReopeningAsked)) {
            p.screen { (Message::new("web_books.reopen_asked").with("name", name).with("reason", &event.reason).text(viewer.language)) }
        }
        section.screen.acts {
            (act(DayStep::Prepared, "reconcile prepare", "web_books.prepare"))
            (act(DayStep::Reviewed, "reconcile review", "web_books.review"))
            (act(DayStep::Closed, "reconcile close", "web_books.close"))
            (act(DayStep::Reopened, "reconcile reopen", "web_books.agree_reopen"))
            @if open.contains(&DayStep::ReopeningAsked) {
                details {
                    summary { (viewer.t("web_books.reopen")) }
                    (command::inline(&service.entries, &viewer, "reconcile reopen", &fixed, &["reason"], &viewer.t("web_books.reopen")))
                }
            }
            button.plain type="button" data-print { (viewer.t("web_books.print")) }
        }
        div.screen { (export::links(&viewer)) }
    };
    Ok(page(&viewer, &title, &body).into_response())
}

fn items_grid(statement: &BankReconciliation, language: Language) -> Grid {
    let columns: Vec<(&'static str, bool)> =
        ITEM_HEADINGS.iter().enumerate().map(|(place, code)| (*code, matches!(place, 3 | 4))).collect();
    let mut grid = Grid::new(language, &columns);
    for item in &statement.items {
        grid.push(item_row(item, language).into_iter().map(Cell::from).collect());
    }
    grid
}

fn statement_form(
    viewer: &Viewer,
    statement: &BankReconciliation,
    steps: &[(DayEvent, String)],
    items: &Grid,
) -> Markup {
    let language = viewer.language;
    let signed = |step: DayStep| steps.iter().rev().find(|(event, _)| event.step == step);
    let boxes = [
        ("web_books.prepared", DayStep::Prepared),
        ("web_books.reviewed", DayStep::Reviewed),
        ("web_books.closed", DayStep::Closed),
    ];
    html! {
        article.form {
            p.court-name { (viewer.court_name) }
            h1 { (viewer.t("bank_reconciliation.title")) }
            div.form-head {
                span { (viewer.t("column.account_number")) (parts::colon(viewer.language)) (statement.account.number) " " (statement.account.bank_name) }
                span { (viewer.t("column.date")) (parts::colon(viewer.language)) (statement.day) }
            }
            table {
                thead { tr {
                    th { (viewer.t("bank_reconciliation.bank")) } th.number { (viewer.t("column.amount")) }
                    th { (viewer.t("bank_reconciliation.book")) } th.number { (viewer.t("column.amount")) }
                } }
                tbody { @for [a, b, c, d] in form(statement, language) {
                    tr { td { (a) } td.number { (b) } td { (c) } td.number { (d) } }
                } }
            }
            p.note { (viewer.t("bank_reconciliation.bank_says")) (parts::colon(viewer.language))
                (statement.bank_says.map_or_else(|| "—".to_owned(), |said| said.to_string())) }
            @for gap in &statement.gaps { p.note { (gap.message.text(language)) } }
            p.note { b { (verdict(statement).text(language)) } }
            @if !statement.items.is_empty() {
                h2 { (viewer.t("web_books.open_items")) }
                (items.markup())
            }
            div.sign {
                @for (code, step) in boxes {
                    div {
                        span { (viewer.t(code)) }
                        @match signed(step) {
                            None => span.date { (viewer.t("forms.sign_here")) }
                            Some((event, name)) => {
                                b { (name) }
                                span.date { (clock::shown_in_shanghai(event.recorded_at)) }
                                code { (ankuan_ledger::chain::hex(&event.digest[..8])) }
                            }
                        }
                    }
                }
            }
            p.small { (viewer.t("forms.digest")) " " code { (ankuan_ledger::chain::hex(&statement.digest())) } }
        }
    }
}
