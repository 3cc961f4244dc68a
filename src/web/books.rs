//! The books: vouchers, journal, detail ledger, general ledger, trial balance. Each page is a table, which can be printed
//! and taken away as a file.

use std::collections::HashMap;

use ankuan_ledger::{Amount, BookKey, Side, Tx};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use maud::{Markup, html};
use serde::Deserialize;

use super::export::{self, FileKind};
use super::parts::{self, Cell, Grid, escape};
use super::{App, Sorry, Viewer, blocking, page};
use crate::bank::capital_amount::capital_amount;
use crate::chart::{self, AccountKind};
use crate::cli::ledger::{Book, kind_message};
use crate::papers::attached;
use crate::report::books::{AccountLine, AccountLines, Day, GeneralAccount, Place};
use crate::report::{self, AccountView, EntryRange, EntryView, Sides, VoucherView, books};
use crate::{Language, Message, Outcome, cases, clock};

/// Rows of a page; the rest follow by cursor.
const ROWS_A_PAGE: usize = 100;

/// Rows of a file: what a sheet of a spreadsheet holds, less its headings.
const ROWS_A_FILE: usize = 1_000_000;

/// What the pages of the books are asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    book: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    month: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    year: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    after: String,
    #[serde(default, rename = "_as")]
    file: String,
}

const BOOKS: [(Book, &str); 3] = [
    (Book::CaseMoney, "web_books.case_money"),
    (Book::Memorandum, "web_books.memorandum"),
    (Book::Relief, "web_books.relief"),
];

impl Asked {
    fn book(&self) -> Book {
        BOOKS.iter().find(|(book, _)| book.as_str() == self.book).map_or(Book::CaseMoney, |(book, _)| *book)
    }

    fn file(&self) -> Option<FileKind> {
        FileKind::parse(&self.file)
    }

    fn rows(&self) -> usize {
        if self.file().is_some() { ROWS_A_FILE } else { ROWS_A_PAGE }
    }

    /// The days that are shown: as asked, else this month until today.
    fn days(&self, today: Date) -> Result<(Date, Date), Message> {
        let read = |text: &str, otherwise: Date| match text {
            "" => Ok(otherwise),
            text => text.parse().map_err(|_| Message::new("command.day").with("value", text)),
        };
        let until = read(&self.until, today)?;
        Ok((read(&self.from, until.first_of_month())?, until))
    }
}

/// What the accounts of a book are called: code, name in the reader's language, number of the case.
struct Names {
    accounts: HashMap<i64, AccountView>,
    numbers: HashMap<i64, String>,
}

impl Names {
    fn load(tx: &mut Tx<'_>, book: BookKey, language: Language) -> Outcome<Self> {
        let chart = chart::load(tx, book.court_id)?;
        let mut accounts = report::accounts(tx, book)?;
        for account in &mut accounts {
            if let (Some(kind), Language::En) = (AccountKind::parse(&account.kind), language) {
                account.name = chart.kind(kind).name(language).to_owned();
            }
        }
        let case_book = crate::books::case_money(book.court_id);
        let numbers = cases::cases(tx, case_book)?
            .into_iter()
            .map(|case| (case.case_id, case.current_number().to_owned()))
            .collect();
        Ok(Self { accounts: accounts.into_iter().map(|account| (account.account_id, account)).collect(), numbers })
    }

    fn of(&self, account_id: i64) -> String {
        self.accounts.get(&account_id).map_or_else(String::new, |account| format!("{} {}", account.code, account.name))
    }

    /// 明细科目: the case, and the item within the account.
    fn sub_account(&self, account_id: i64, item_id: Option<i64>) -> String {
        let case = self.accounts.get(&account_id).and_then(|account| account.case_id);
        let number = case.and_then(|case| self.numbers.get(&case)).cloned().unwrap_or_default();
        match item_id {
            Some(item) if number.is_empty() => format!("#{item}"),
            Some(item) => format!("{number} #{item}"),
            None => number,
        }
    }

    /// The accounts of a book by their codes, those of bank deposits first.
    fn sorted(&self, only_banks: bool) -> Vec<&AccountView> {
        let is_bank = |account: &AccountView| account.kind == AccountKind::Bank.as_str();
        let mut all: Vec<_> = self.accounts.values().filter(|account| !only_banks || is_bank(account)).collect();
        all.sort_by_key(|account| (!is_bank(account), account.account_id));
        all
    }
}

fn voucher_name(kind: &str, number: i64, language: Language) -> String {
    format!("{}-{number}", kind_message(kind).text(language))
}

/// An amount that is not shown where it is nothing.
fn shown(amount: Amount) -> String {
    if amount == Amount::ZERO { String::new() } else { amount.to_string() }
}

fn on_side(side: Side, amount: Amount) -> [String; 2] {
    match side {
        Side::Debit => [amount.to_string(), String::new()],
        Side::Credit => [String::new(), amount.to_string()],
    }
}

/// The links between the pages of the books, and the choice of the book.
fn tabs(viewer: &Viewer, here: &str, book: Book) -> Markup {
    const TABS: [(&str, &str); 6] = [
        ("web_books.vouchers", "/books"),
        ("web_books.journal", "/books/journal"),
        ("web_books.detail", "/books/detail"),
        ("web_books.general", "/books/general"),
        ("web_books.balance", "/books/balance"),
        ("web_books.unattached", "/see/ledger/unattached"),
    ];
    let query = if book == Book::CaseMoney { String::new() } else { format!("?book={}", book.as_str()) };
    html! {
        nav.tabs aria-label=(viewer.t("web.nav_books")) {
            @for (code, href) in TABS {
                // Papers are attached to vouchers of case money only.
                @let query = if href.starts_with("/books") { query.as_str() } else { "" };
                a href=(format!("{href}{query}")) aria-current=[(href == here).then_some("page")] { (viewer.t(code)) }
            }
        }
        nav.tabs.minor aria-label=(viewer.t("web_books.book")) {
            @for (other, code) in BOOKS {
                a href=(format!("{here}?book={}", other.as_str())) aria-current=[(other == book).then_some("true")] {
                    (viewer.t(code))
                }
            }
        }
    }
}

fn file_or_page(viewer: &Viewer, asked: &Asked, name: &str, grid: &Grid, shown: Markup) -> Result<Response, Sorry> {
    match asked.file() {
        Some(kind) => export::answer(viewer, name, kind, &grid.said()),
        None => Ok(shown.into_response()),
    }
}

fn print_button(viewer: &Viewer) -> Markup {
    html! { button.plain type="button" data-print { (viewer.t("web_books.print")) } }
}

/// The vouchers of a month.
///
/// # Errors
/// What the database says.
pub async fn vouchers(State(service): App, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Sorry> {
    let book = asked.book();
    let key = book.key(viewer.session.actor.court_id);
    let (month, kind) = (asked.month.clone(), asked.kind.clone());
    let (after, limit) = (asked.after.parse().unwrap_or(0), asked.rows());
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let months = books::months(tx, key)?;
            let month = if month.is_empty() {
                months.first().map(|newest| newest.month.clone()).unwrap_or_default()
            } else {
                month
            };
            let many = i64::try_from(limit).unwrap_or(i64::MAX);
            let vouchers = books::vouchers(tx, key, (&month, &kind), after, many)?;
            let papers = attached::counts(tx, key)?;
            Ok((months, month, vouchers, papers))
        })
    });
    let (months, month, vouchers, papers) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("column.date", false),
        ("column.voucher", false),
        ("column.summary", false),
        ("column.total", true),
        ("column.prepared_by", false),
        ("web_books.documents", true),
    ];
    let mut grid = Grid::new(viewer.language, &columns);
    for voucher in &vouchers {
        let name = voucher_name(&voucher.kind, voucher.number, viewer.language);
        grid.push(vec![
            voucher.accounting_date.into(),
            Cell::link(name, voucher_href(book, voucher.voucher_id)),
            (&voucher.summary).into(),
            voucher.total.into(),
            (&voucher.actor_name).into(),
            papers.get(&voucher.voucher_id).copied().unwrap_or(0).into(),
        ]);
    }
    let title = viewer.t("web_books.vouchers");
    let href = |kind: &str, after: Option<i64>| {
        let after = after.map_or_else(String::new, |after| format!("&after={after}"));
        format!("/books?book={}&month={month}&kind={}{after}", book.as_str(), escape(kind))
    };
    let body = html! {
        h1 { (title) " " (month) }
        (tabs(&viewer, "/books", book))
        form.bar method="get" action="/books" {
            input type="hidden" name="book" value=(book.as_str());
            label for="month" { (viewer.t("web_books.month")) }
            select #month name="month" {
                @for one in &months {
                    option value=(one.month) selected[one.month == month] { (one.month) " · " (one.vouchers) }
                }
            }
            label for="kind" { (viewer.t("web_books.kind")) }
            select #kind name="kind" {
                option value="" {}
                @for (word, code) in [("receipt", "column.kind_receipt"), ("payment", "column.kind_payment"), ("transfer", "column.kind_transfer")] {
                    option value=(word) selected[asked.kind == word] { (viewer.t(code)) }
                }
            }
            button { (viewer.t("web.show")) }
        }
        @if vouchers.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) }
        @if vouchers.len() == ROWS_A_PAGE {
            p.pager { a href=(href(&asked.kind, vouchers.last().map(|voucher| voucher.voucher_id))) { (viewer.t("web_books.next")) } }
        }
        (export::links(&viewer)) (print_button(&viewer))
    };
    file_or_page(&viewer, &asked, &format!("vouchers-{month}"), &grid, page(&viewer, &title, &body))
}

fn voucher_href(book: Book, voucher_id: i64) -> String {
    match book {
        Book::CaseMoney => format!("/books/vouchers/{voucher_id}"),
        other => format!("/books/vouchers/{voucher_id}?book={}", other.as_str()),
    }
}

/// A voucher as the form that is printed and filed, its entries, and the papers attached to it.
///
/// # Errors
/// `report.voucher_unknown`.
pub async fn voucher(
    State(service): App,
    viewer: Viewer,
    Path(voucher_id): Path<i64>,
    Query(asked): Query<Asked>,
) -> Result<Response, Sorry> {
    let book = asked.book();
    let key = book.key(viewer.session.actor.court_id);
    let language = viewer.language;
    let first: i64 = asked.after.parse().unwrap_or(0);
    let limit = i64::try_from(asked.rows()).unwrap_or(i64::MAX);
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let voucher = report::find_voucher(tx, key, voucher_id)?;
            let range = EntryRange {
                first: first.max(voucher.first_entry_no),
                last: voucher.last_entry_no,
                account_id: None,
                limit,
            };
            let entries = report::entries(tx, key, range)?;
            let sums = books::voucher_sums(tx, key, &voucher)?;
            let papers = attached::of_voucher(tx, key, voucher_id)?;
            Ok((voucher, entries, sums, papers, Names::load(tx, key, language)?))
        })
    });
    let (voucher, mut entries, sums, papers, names) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let next = cut_whole(&mut entries, asked.rows());
    let columns = [
        ("column.entry", true),
        ("column.debit", false),
        ("column.credit", false),
        ("column.amount", true),
        ("column.reverses", true),
    ];
    let mut grid = Grid::new(language, &columns);
    let with_item = |code: &str, item: i64| if item == 0 { code.to_owned() } else { format!("{code} #{item}") };
    for entry in &entries {
        grid.push(vec![
            entry.entry_no.into(),
            with_item(&entry.debit, entry.debit_item).into(),
            with_item(&entry.credit, entry.credit_item).into(),
            entry.amount.into(),
            entry.reverses.map_or_else(String::new, |entry| entry.to_string()).into(),
        ]);
    }
    let lines: i64 = sums.iter().filter(|sum| sum.side == Side::Debit).map(|sum| sum.lines).sum();
    let name = voucher_name(&voucher.kind, voucher.number, language);
    let title = format!("{} {} {name}", viewer.t("web_books.voucher"), voucher.month);
    let all = usize::try_from(lines).unwrap_or(usize::MAX);
    // The voucher says how many papers belong to it, not that they are there.
    let attached = if papers.is_empty() && book == Book::CaseMoney && voucher.attachments > 0 {
        Message::new("web_books.none_attached").with("expected", voucher.attachments).text(language)
    } else {
        voucher.attachments.max(i64::try_from(papers.len()).unwrap_or(0)).to_string()
    };
    let body = html! {
        link rel="stylesheet" href="/form.css";
        div.screen { (tabs(&viewer, "/books", book)) }
        (voucher_form(&viewer, &voucher, &sums, &names, &attached))
        section.screen {
            p {
                (print_button(&viewer))
                @if book == Book::CaseMoney && viewer.may("ledger attach") {
                    " " a.button.plain href=(format!("/do/ledger/attach?voucher={voucher_id}&_next=/books/vouchers/{voucher_id}")) {
                        (viewer.t("web_books.attach"))
                    }
                }
            }
            h2 { (viewer.t("web_books.documents")) }
            @if papers.is_empty() { p { (viewer.t("web_books.no_documents")) } } @else {
                ul { @for paper in &papers {
                    li {
                        a href=(format!("/books/vouchers/{voucher_id}/papers/{}", paper.document_id)) download { (paper.name) } " · "
                        (paper.kind.message().text(language)) " · " (paper.byte_count) " B · " (paper.actor_name) " · "
                        (clock::shown_in_shanghai(paper.recorded_at)) " · " code { (ankuan_ledger::chain::hex(&paper.sha256[..8])) }
                    }
                } }
            }
            h2 { (viewer.t("web_books.entries")) " (" (lines) ")" }
            @if all > ROWS_A_PAGE { p.hint { (Message::new("web_books.pages_of").with("rows", ROWS_A_PAGE).text(language)) } }
            (grid.markup())
            @if let Some(first) = next {
                p.pager { a href=(format!("/books/vouchers/{voucher_id}?book={}&after={}", book.as_str(), first)) {
                    (viewer.t("web_books.next"))
                } }
            }
            (export::links(&viewer))
        }
    };
    file_or_page(&viewer, &asked, &format!("voucher-{voucher_id}"), &grid, page(&viewer, &title, &body))
}

/// Cuts a full page so that no entry is torn: the entry to go on with, if there may be more. An entry that fills a page by
/// itself is shown as far as it goes.
fn cut_whole(entries: &mut Vec<EntryView>, rows: usize) -> Option<i64> {
    let last = entries.last().filter(|_| entries.len() >= rows)?.entry_no;
    let whole = entries.iter().take_while(|entry| entry.entry_no != last).count();
    if whole == 0 {
        return last.checked_add(1);
    }
    entries.truncate(whole);
    Some(last)
}

/// A paper that is attached to a voucher of case money.
///
/// # Errors
/// `forms.paper_unknown`, `documents.changed`.
pub async fn paper(
    State(service): App,
    viewer: Viewer,
    Path((voucher_id, document_id)): Path<(i64, i64)>,
) -> Result<Response, Sorry> {
    let book = crate::books::case_money(viewer.session.actor.court_id);
    let person = viewer.session.actor.clone();
    let found = blocking(&service, move |service| {
        let found = service.read(|tx| attached::read(tx, service.keys(), book, voucher_id, document_id))?;
        // A bank's receipt names people and accounts.
        service.log_read(&person, "attached paper", &format!("voucher={voucher_id}"), 1)?;
        Ok(found)
    });
    let (name, bytes) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", escape(&name))),
    ];
    Ok((headers, bytes).into_response())
}

/// The form of 记账凭证, with the columns that finance offices expect. Who checked, posted, paid out and heads is signed by
/// hand: the books know who recorded it, and nothing is put in anybody's mouth.
fn voucher_form(
    viewer: &Viewer,
    voucher: &VoucherView,
    sums: &[books::VoucherSum],
    names: &Names,
    attached: &str,
) -> Markup {
    let language = viewer.language;
    let name = voucher_name(&voucher.kind, voucher.number, language);
    let sub_account = |sum: &books::VoucherSum| {
        let of = names.sub_account(sum.account_id, sum.item_id);
        if sum.lines <= 1 {
            return of;
        }
        let lines = Message::new("web_books.lines").with("count", sum.lines).text(language);
        if of.is_empty() { lines } else { format!("{of} · {lines}") }
    };
    html! {
        article.form.voucher {
            p.court-name { (viewer.court_name) }
            h1 { (viewer.t("web_books.voucher")) }
            div.form-head {
                span { (viewer.t("column.date")) (parts::colon(viewer.language)) (voucher.accounting_date) }
                span { (viewer.t("web_books.number")) (parts::colon(viewer.language)) (voucher.month) " " (name) }
                span { (viewer.t("web_books.attached")) (parts::colon(viewer.language)) (attached) }
            }
            table {
                thead { tr {
                    th { (viewer.t("column.summary")) } th { (viewer.t("web_books.account")) }
                    th { (viewer.t("web_books.sub_account")) }
                    th.number { (viewer.t("column.debit")) } th.number { (viewer.t("column.credit")) }
                } }
                tbody {
                    @for (place, sum) in sums.iter().enumerate() {
                        @let [debit, credit] = on_side(sum.side, sum.amount);
                        tr {
                            td { @if place == 0 { (voucher.summary) } }
                            td { (names.of(sum.account_id)) }
                            td { (parts::whole(sub_account(sum))) }
                            td.number { (debit) } td.number { (credit) }
                        }
                    }
                }
                tfoot { tr {
                    td colspan="3" {
                        (viewer.t("column.total")) (parts::colon(viewer.language))
                        (capital_amount(voucher.total).unwrap_or_default())
                    }
                    td.number { (voucher.total) } td.number { (voucher.total) }
                } }
            }
            div.sign {
                div { span { (viewer.t("web_books.head")) } }
                div { span { (viewer.t("web_books.posted")) } }
                div { span { (viewer.t("web_books.checked")) } }
                div { span { (viewer.t("web_books.cashier")) } }
                div { span { (viewer.t("column.prepared_by")) } b { (voucher.actor_name) } }
            }
            p.small {
                (viewer.t("web_books.recorded")) " " (clock::shown_in_shanghai(voucher.recorded_at)) " · "
                (Message::new("web_books.entry_range").with("first", voucher.first_entry_no).with("last", voucher.last_entry_no).text(language))
            }
        }
    }
}

/// The bank journal (银行存款日记账): line by line, with the balance at the end of each day.
///
/// # Errors
/// `report.dates`, `command.day`, `report.account_unknown`.
pub async fn journal(state: App, viewer: Viewer, asked: Query<Asked>) -> Result<Response, Sorry> {
    account_book(state, viewer, asked.0, true).await
}

/// The detail ledger (明细账) of an account.
///
/// # Errors
/// `report.dates`, `command.day`, `report.account_unknown`.
pub async fn detail(state: App, viewer: Viewer, asked: Query<Asked>) -> Result<Response, Sorry> {
    account_book(state, viewer, asked.0, false).await
}

async fn account_book(State(service): App, viewer: Viewer, asked: Asked, is_journal: bool) -> Result<Response, Sorry> {
    let book = asked.book();
    let key = book.key(viewer.session.actor.court_id);
    let language = viewer.language;
    let days = asked.days(service.clock.today_in_shanghai()).map_err(|message| viewer.sorry(message.into()))?;
    let (code, after, limit) = (asked.account.clone(), Place::parse(&asked.after), asked.rows());
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let names = Names::load(tx, key, language)?;
            let account = match code.as_str() {
                "" => names.sorted(is_journal).first().map(|account| (*account).clone()),
                code => {
                    let known = names.accounts.values().find(|account| account.code == code).cloned();
                    Some(known.ok_or_else(|| Message::new("report.account_unknown").with("code", code))?)
                }
            };
            let Some(account) = account else { return Ok((names, None)) };
            let lines = books::account_lines(tx, key, &account, days, after, limit)?;
            let by_day = books::days(tx, key, &account, days)?;
            Ok((names, Some((account, lines, by_day))))
        })
    });
    let (names, found) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let (title, here) = if is_journal {
        (viewer.t("web_books.journal"), "/books/journal")
    } else {
        (viewer.t("web_books.detail"), "/books/detail")
    };
    let code = found.as_ref().map(|(account, ..)| account.code.clone()).unwrap_or_default();
    let grid =
        found.as_ref().map(|(_, lines, by_day)| account_grid(book, &names, lines, by_day, language, after.is_some()));
    let grid = grid.unwrap_or_default();
    let next = found.as_ref().and_then(|(_, lines, _)| lines.next);
    let body = html! {
        h1 { (title) }
        (tabs(&viewer, here, book))
        form.bar method="get" action=(here) {
            input type="hidden" name="book" value=(book.as_str());
            label for="account" { (viewer.t("web_books.account")) }
            select #account name="account" {
                @for account in names.sorted(is_journal) {
                    option value=(account.code) selected[account.code == code] {
                        (account.code) " " (account.name) " " (names.sub_account(account.account_id, None))
                    }
                }
            }
            label for="from" { (viewer.t("web_books.from")) } input #from type="date" name="from" value=(days.0);
            label for="until" { (viewer.t("web_books.until")) } input #until type="date" name="until" value=(days.1);
            button { (viewer.t("web.show")) }
        }
        @if let Some((account, ..)) = &found {
            p.caption { (viewer.court_name) " · " (account.code) " " (account.name) " "
                (names.sub_account(account.account_id, None)) " · " (days.0) " — " (days.1) }
            div.ledger { (grid.markup()) }
            @if let Some(next) = next {
                p.pager { a href=(format!("{here}?book={}&account={}&from={}&until={}&after={}",
                    book.as_str(), escape(&code), days.0, days.1, next.text())) { (viewer.t("web_books.next")) } }
            }
            (export::links(&viewer)) (print_button(&viewer))
        } @else { p.empty { (viewer.t("web.none")) } }
    };
    let name = format!("{}-{code}-{}-{}", if is_journal { "journal" } else { "detail" }, days.0, days.1);
    file_or_page(&viewer, &asked, &name, &grid, page(&viewer, &title, &body))
}

/// The lines of an account with the sums of each day, the balance of which is the day's.
fn account_grid(
    book: Book,
    names: &Names,
    found: &AccountLines,
    by_day: &[Day],
    language: Language,
    goes_on: bool,
) -> Grid {
    let columns = [
        ("column.date", false),
        ("column.voucher", false),
        ("column.summary", false),
        ("web_books.opposite", false),
        ("web_books.item", true),
        ("column.debit", true),
        ("column.credit", true),
        ("column.balance", true),
    ];
    let mut grid = Grid::new(language, &columns);
    let said = |code| Cell::from(Message::new(code).text(language));
    let opening = if goes_on { "web_books.carried" } else { "web_books.opening" };
    let blank = Cell::default;
    grid.push_total(vec![blank(), blank(), said(opening), blank(), blank(), blank(), blank(), found.opening.into()]);
    for (place, line) in found.lines.iter().enumerate() {
        grid.push(line_cells(book, names, line, language));
        let ends_day = match found.lines.get(place + 1) {
            Some(following) => following.place.date != line.place.date,
            // A day that goes on overleaf is added up there.
            None => found.next.is_none(),
        };
        if let Some(day) = by_day.iter().find(|day| ends_day && day.date == line.place.date) {
            let Sides { debit, credit } = day.moved;
            grid.push_total(vec![
                day.date.into(),
                blank(),
                said("web_books.day_total"),
                blank(),
                blank(),
                debit.into(),
                credit.into(),
                day.balance.into(),
            ]);
        }
    }
    grid
}

fn line_cells(book: Book, names: &Names, line: &AccountLine, language: Language) -> Vec<Cell> {
    let (month, kind, number) = &line.voucher;
    let [debit, credit] = on_side(line.side, line.amount);
    let name = format!("{month} {}", voucher_name(kind, *number, language));
    vec![
        line.place.date.into(),
        Cell::link(name, voucher_href(book, line.voucher_id)),
        (&line.summary).into(),
        names.of(line.opposite_id).into(),
        if line.item_id == 0 { Cell::default() } else { line.item_id.into() },
        debit.into(),
        credit.into(),
        line.after.into(),
    ]
}

/// The general ledger (总账) of a year.
///
/// # Errors
/// What the database says.
pub async fn general(State(service): App, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Sorry> {
    let book = asked.book();
    let key = book.key(viewer.session.actor.court_id);
    let language = viewer.language;
    let year: i16 = asked.year.parse().unwrap_or_else(|_| service.clock.today_in_shanghai().year());
    let found = blocking(&service, move |service| {
        service.read(|tx| {
            let chart = chart::load(tx, key.court_id)?;
            let mut found = books::general_ledger(tx, key, year)?;
            for account in &mut found {
                if let (Some(kind), Language::En) = (AccountKind::parse(&account.kind), language) {
                    account.name = chart.kind(kind).name(language).to_owned();
                }
            }
            Ok(found)
        })
    });
    let found: Vec<GeneralAccount> = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("web_books.account", false),
        ("web_books.month", false),
        ("column.summary", false),
        ("column.debit", true),
        ("column.credit", true),
        ("web_books.balance_debit", true),
        ("web_books.balance_credit", true),
    ];
    let mut grid = Grid::new(language, &columns);
    let said = |code| Cell::from(Message::new(code).text(language));
    for account in &found {
        let name = || Cell::from(&account.name);
        let opening = [shown(account.opening.debit), shown(account.opening.credit)].map(Cell::from);
        let [debit, credit] = opening;
        grid.push_total(vec![
            name(),
            Cell::default(),
            said("web_books.year_opening"),
            Cell::default(),
            Cell::default(),
            debit,
            credit,
        ]);
        for (month, moved, balance) in &account.months {
            grid.push(vec![
                name(),
                month.into(),
                said("web_books.month_total"),
                shown(moved.debit).into(),
                shown(moved.credit).into(),
                shown(balance.debit).into(),
                shown(balance.credit).into(),
            ]);
        }
    }
    let title = viewer.t("web_books.general");
    let body = html! {
        h1 { (title) " " (year) }
        (tabs(&viewer, "/books/general", book))
        form.bar method="get" action="/books/general" {
            input type="hidden" name="book" value=(book.as_str());
            label for="year" { (viewer.t("web_books.year")) }
            input #year type="text" inputmode="numeric" name="year" value=(year);
            button { (viewer.t("web.show")) }
        }
        @if found.is_empty() { p.empty { (viewer.t("web.none")) } } @else { (grid.markup()) (export::links(&viewer)) (print_button(&viewer)) }
    };
    file_or_page(&viewer, &asked, &format!("general-ledger-{year}"), &grid, page(&viewer, &title, &body))
}

/// The trial balance (科目余额表) as of any day.
///
/// # Errors
/// `report.dates`, `command.day`.
pub async fn balance(State(service): App, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Sorry> {
    let book = asked.book();
    let key = book.key(viewer.session.actor.court_id);
    let language = viewer.language;
    let days = asked.days(service.clock.today_in_shanghai()).map_err(|message| viewer.sorry(message.into()))?;
    let found = blocking(&service, move |service| {
        service.read(|tx| Ok((report::trial_balance(tx, key, days.0, days.1)?, Names::load(tx, key, language)?)))
    });
    let (made, names) = found.await.map_err(|failure| viewer.sorry(failure))?;
    let columns = [
        ("column.code", false),
        ("column.name", false),
        ("web_books.sub_account", false),
        ("column.opening_debit", true),
        ("column.opening_credit", true),
        ("column.movement_debit", true),
        ("column.movement_credit", true),
        ("column.closing_debit", true),
        ("column.closing_credit", true),
    ];
    let mut grid = Grid::new(language, &columns);
    let sides = |cells: &mut Vec<Cell>, all: [Sides; 3]| {
        cells.extend(all.iter().flat_map(|sides| [sides.debit, sides.credit]).map(Cell::from));
    };
    for line in &made.lines {
        let account = &line.account;
        let query =
            format!("book={}&account={}&from={}&until={}", book.as_str(), escape(&account.code), days.0, days.1);
        let name = names.accounts.get(&account.account_id).map_or(&account.name, |account| &account.name);
        let mut cells = vec![
            Cell::link(&account.code, format!("/books/detail?{query}")),
            name.into(),
            names.sub_account(account.account_id, None).into(),
        ];
        sides(&mut cells, [line.opening, line.movement, line.closing]);
        grid.push(cells);
    }
    let mut total = vec![Cell::from(viewer.t("column.total")), Cell::default(), Cell::default()];
    sides(&mut total, [made.opening, made.movement, made.closing]);
    grid.push_total(total);
    let title = viewer.t("web_books.balance");
    let body = html! {
        h1 { (title) }
        (tabs(&viewer, "/books/balance", book))
        form.bar method="get" action="/books/balance" {
            input type="hidden" name="book" value=(book.as_str());
            label for="from" { (viewer.t("web_books.from")) } input #from type="date" name="from" value=(days.0);
            label for="until" { (viewer.t("web_books.until")) } input #until type="date" name="until" value=(days.1);
            button { (viewer.t("web.show")) }
        }
        p.caption { (viewer.court_name) " · " (days.0) " — " (days.1) }
        p.green[made.ties()].red[!made.ties()] {
            (viewer.t(if made.ties() { "web_books.ties" } else { "web_books.does_not_tie" }))
        }
        div.ledger { (grid.markup()) }
        (export::links(&viewer)) (print_button(&viewer))
    };
    file_or_page(&viewer, &asked, &format!("trial-balance-{}-{}", days.0, days.1), &grid, page(&viewer, &title, &body))
}
