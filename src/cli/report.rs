//! `report`: what is printed, signed and filed.

pub mod cash_ratio;
pub mod measures;
pub mod monthly_return;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use ankuan_ledger::chain::hex;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use rust_xlsxwriter::{Format, FormatAlign, Workbook};
use serde_json::json;

use super::output::Column;
use super::{Context, day};
use crate::chart;
use crate::failure::Failure;
use crate::report::bank_reconciliation::{BankReconciliation, OpenItem, Side, bank_reconciliation};
use crate::report::case_comparison::case_comparison;
use crate::{Language, Message, Outcome};

/// What `report` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ReportCommand {
    /// 银行存款余额调节表 · The bank reconciliation statement of an account and day
    BankReconciliation(BankReconciliationArgs),
    /// 每月核对：财务明细账与执行台账逐案比较 · The monthly comparison of detail ledger and enforcement register
    CaseComparison(CaseComparisonArgs),
    /// 案款月报：收支、未发放、办理天数 · The monthly return to the upper court
    MonthlyReturn(monthly_return::MonthlyReturnArgs),
    /// 质效指标：任意期间 · Measures of the court for any period
    Measures(measures::MeasuresArgs),
    /// 现金可执行率：未结案件按查得存款分流 · Open cases by the cash that was found
    CashRatio,
    /// 结案证明：债权已全部履行 · The closing certificate: all of a case was performed
    ClosingCertificate(super::closing_certificate::ClosingCertificateArgs),
}

/// What `report case-comparison` takes.
#[derive(Clone, Debug, Args)]
pub struct CaseComparisonArgs {
    /// 月份，如 2026-11；默认记账日期所在月 · Month; default: that of the accounting date
    #[arg(long, value_name = "YYYY-MM")]
    pub month: Option<String>,
    /// 只列不符的 · Only cases that differ
    #[arg(long)]
    pub differing: bool,
}

/// What `report bank-reconciliation` takes.
#[derive(Clone, Debug, Args)]
pub struct BankReconciliationArgs {
    /// 日期；默认记账日期 · End of this day; default: the accounting date
    #[arg(long, value_parser = day)]
    pub day: Option<Date>,
    /// 法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
    /// 同时写成 CSV · Also write it as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// 同时写成 XLSX · Also write it as XLSX
    #[arg(long, value_name = "FILE")]
    pub xlsx: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`bank_reconciliation`]; `file.*`.
pub fn run(context: &Context, command: &ReportCommand) -> Outcome<()> {
    match command {
        ReportCommand::BankReconciliation(args) => run_bank_reconciliation(context, args),
        ReportCommand::CaseComparison(args) => run_case_comparison(context, args),
        ReportCommand::MonthlyReturn(args) => monthly_return::run(context, args),
        ReportCommand::Measures(args) => measures::run(context, args),
        ReportCommand::CashRatio => cash_ratio::run(context),
        ReportCommand::ClosingCertificate(args) => super::closing_certificate::run(context, args),
    }
}

fn run_case_comparison(context: &Context, args: &CaseComparisonArgs) -> Outcome<()> {
    let month = args.month.clone().unwrap_or_else(|| context.date().strftime("%Y-%m").to_string());
    let wrong = || Message::new("bookkeeping.month").with("month", &month);
    let first: Date = format!("{month}-01").parse().map_err(|_| wrong())?;
    let last = first.last_of_month();
    let mut found = context.read(|tx| case_comparison(tx, context.globals.court, (first, last)))?;
    let differing = found.iter().filter(|case| !case.agrees()).count();
    let cases = found.len();
    if args.differing {
        found.retain(|case| !case.agrees());
    }
    context.output.object(&json!({
        "month": month, "currency": "CNY", "cases": cases, "differing": differing,
        "rows": found.iter().map(|case| json!({
            "case_id": case.case_id, "case_number": case.number, "register_in_minor": case.register_in,
            "ledger_in_minor": case.ledger_in, "register_out_minor": case.register_out,
            "ledger_out_minor": case.ledger_out, "closing_minor": case.closing, "agrees": case.agrees(),
        })).collect::<Vec<_>>(),
    }))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|case| {
            let verdict = if case.agrees() { "verify.well" } else { "verify.wrong" };
            vec![
                case.number.clone(),
                case.register_in.to_string(),
                case.ledger_in.to_string(),
                case.register_out.to_string(),
                case.ledger_out.to_string(),
                case.closing.to_string(),
                Message::new(verdict).text(language),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("column.case_number")),
            Column::number(Message::new("case_comparison.register_in")),
            Column::number(Message::new("case_comparison.ledger_in")),
            Column::number(Message::new("case_comparison.register_out")),
            Column::number(Message::new("case_comparison.ledger_out")),
            Column::number(Message::new("case_comparison.closing")),
            Column::text(Message::new("verify.result")),
        ],
        &rows,
    )?;
    let sentence = Message::new("case_comparison.summary").with("month", month);
    context.output.sentence(&sentence.with("cases", cases).with("differing", differing))?;
    Ok(())
}

fn run_bank_reconciliation(context: &Context, args: &BankReconciliationArgs) -> Outcome<()> {
    let court_id = context.globals.court;
    let day = args.day.unwrap_or_else(|| context.date());
    let found = context.read(|tx| {
        let chart = chart::load(tx, court_id)?;
        let account = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        bank_reconciliation(tx, &chart, court_id, &account, day)
    })?;
    if let Some(path) = &args.csv {
        write_new(path, &csv_bytes(&found, context.output.language)?)?;
    }
    if let Some(path) = &args.xlsx {
        write_new(path, &xlsx_bytes(&found, context.output.language)?)?;
    }
    context.output.object(&as_json(&found))?;
    print(context, &found)
}

/// The form's rows: label and amount of both halves, the way finance offices print it.
#[must_use]
pub fn form(found: &BankReconciliation, language: Language) -> Vec<[String; 4]> {
    let text = |code| Message::new(code).text(language);
    let of = |side: Side| (side.message().text(language), found.sum(side).to_string());
    let plus = |(label, amount): (String, String)| [text("bank_reconciliation.add") + &label, amount];
    let minus = |(label, amount): (String, String)| [text("bank_reconciliation.less") + &label, amount];
    let halves = |left: [String; 2], right: [String; 2]| {
        let ([a, b], [c, d]) = (left, right);
        [a, b, c, d]
    };
    vec![
        halves(
            [text("bank_reconciliation.bank_balance"), found.bank.to_string()],
            [text("bank_reconciliation.book_balance"), found.book.to_string()],
        ),
        halves(plus(of(Side::BookReceipt)), plus(of(Side::BankReceipt))),
        halves(minus(of(Side::BookPayment)), minus(of(Side::BankPayment))),
        halves(
            [text("bank_reconciliation.adjusted"), found.adjusted_bank.to_string()],
            [text("bank_reconciliation.adjusted"), found.adjusted_book.to_string()],
        ),
    ]
}

/// A row of the list of open items, by [`ITEM_HEADINGS`].
#[must_use]
pub fn item_row(item: &OpenItem, language: Language) -> Vec<String> {
    let place = match (item.bank_line_id, item.receipt_id) {
        (Some(line), _) => format!("L{line}"),
        (None, Some(receipt)) => format!("R{receipt}"),
        (None, None) => "—".to_owned(),
    };
    vec![
        place,
        item.side.message().text(language),
        item.since.to_string(),
        item.age_days.to_string(),
        item.amount.to_string(),
        item.case_number.clone(),
        item.reference.clone(),
        item.name.clone(),
        item.remark.clone(),
        item.explained.as_ref().map_or_else(String::new, |explained| explained.text(language)),
    ]
}

/// The columns of the list of open items.
pub const ITEM_HEADINGS: [&str; 10] = [
    "bank_reconciliation.item",
    "bank_reconciliation.side",
    "bank_reconciliation.since",
    "bank_reconciliation.age",
    "column.amount",
    "column.case_number",
    "column.reference",
    "bank_reconciliation.party",
    "bank_reconciliation.remark",
    "bank_reconciliation.explained",
];

/// Whether the statement ties, in words.
#[must_use]
pub fn verdict(found: &BankReconciliation) -> Message {
    if !found.gaps.is_empty() || found.bank_says != Some(found.bank) {
        return Message::new("bank_reconciliation.gaps");
    }
    if found.adjusted_bank != found.adjusted_book {
        return Message::new("bank_reconciliation.does_not_tie");
    }
    Message::new("bank_reconciliation.ties").with("open", found.items.len()).with("unexplained", found.unexplained())
}

/// Prints the statement.
///
/// # Errors
/// Standard output cannot be written.
pub fn print(context: &Context, found: &BankReconciliation) -> Outcome<()> {
    let language = context.output.language;
    context.output.pairs(&[
        (Message::new("bank_reconciliation.title"), found.day.to_string()),
        (Message::new("column.account_number"), format!("{} {}", found.account.number, found.account.bank_name)),
        (
            Message::new("bank_reconciliation.bank_says"),
            found.bank_says.map_or_else(|| "—".to_owned(), |said| said.to_string()),
        ),
    ])?;
    let rows: Vec<Vec<String>> = form(found, language).into_iter().map(|row| row.to_vec()).collect();
    context.output.table(
        &[
            Column::text(Message::new("bank_reconciliation.bank")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("bank_reconciliation.book")),
            Column::number(Message::new("column.amount")),
        ],
        &rows,
    )?;
    if !found.items.is_empty() {
        let rows: Vec<Vec<String>> = found.items.iter().map(|item| item_row(item, language)).collect();
        let columns: Vec<Column> = ITEM_HEADINGS
            .iter()
            .enumerate()
            .map(|(place, code)| match place {
                3 | 4 => Column::number(Message::new(code)),
                _ => Column::text(Message::new(code)),
            })
            .collect();
        context.output.table(&columns, &rows)?;
    }
    if found.sub_accounts.len() > 1 {
        let rows: Vec<Vec<String>> = found
            .sub_accounts
            .iter()
            .map(|view| {
                let main = || Message::new("bank_reconciliation.main_account").text(language);
                let number = if view.number.is_empty() { main() } else { view.number.clone() };
                vec![number, view.bank.to_string(), view.book.to_string(), view.open_count.to_string()]
            })
            .collect();
        context.output.table(
            &[
                Column::text(Message::new("bank_reconciliation.sub_account")),
                Column::number(Message::new("bank_reconciliation.bank")),
                Column::number(Message::new("bank_reconciliation.book")),
                Column::number(Message::new("bank_reconciliation.open")),
            ],
            &rows,
        )?;
    }
    for gap in &found.gaps {
        context.output.sentence(&gap.message)?;
    }
    context.output.sentence(&verdict(found))?;
    Ok(())
}

/// The statement for programs.
#[must_use]
pub fn as_json(found: &BankReconciliation) -> serde_json::Value {
    json!({
        "account": found.account.number, "day": found.day.to_string(), "currency": "CNY",
        "bank_minor": found.bank, "bank_says_minor": found.bank_says, "book_minor": found.book,
        "book_receipts_minor": found.sum(Side::BookReceipt), "book_payments_minor": found.sum(Side::BookPayment),
        "bank_receipts_minor": found.sum(Side::BankReceipt), "bank_payments_minor": found.sum(Side::BankPayment),
        "adjusted_bank_minor": found.adjusted_bank, "adjusted_book_minor": found.adjusted_book,
        "ties": found.ties(), "unexplained": found.unexplained(), "digest": hex(&found.digest()),
        "items": found.items.iter().map(|item| json!({
            "side": item.side.as_str(), "bank_line_id": item.bank_line_id, "receipt_id": item.receipt_id,
            "since": item.since.to_string(), "age_days": item.age_days, "amount_minor": item.amount,
            "case_number": item.case_number, "reference": item.reference, "name": item.name, "remark": item.remark,
            "sub_account": item.sub_account,
            "explained": item.explained.as_ref().map(|explained| explained.text(Language::Zh)),
        })).collect::<Vec<_>>(),
        "sub_accounts": found.sub_accounts.iter().map(|view| json!({
            "number": view.number, "bank_minor": view.bank, "book_minor": view.book, "open": view.open_count,
        })).collect::<Vec<_>>(),
        "gaps": found.gaps.iter().map(|gap| json!({
            "statement_id": gap.statement_id, "from": gap.days.0.to_string(), "to": gap.days.1.to_string(),
            "said_minor": gap.said, "found_minor": gap.found, "message": gap.message.text(Language::Zh),
        })).collect::<Vec<_>>(),
    })
}

/// Texts of the bank go into files that are opened in spreadsheets: one that would be taken for a formula gets an
/// apostrophe before it.
#[must_use]
pub fn plain(text: &str) -> String {
    match text.chars().next() {
        Some('=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '\t' | '\r') => format!("'{text}"),
        _ => text.to_owned(),
    }
}

fn csv_bytes(found: &BankReconciliation, language: Language) -> Outcome<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(vec![0xef, 0xbb, 0xbf]);
    let text = |code| Message::new(code).text(language);
    let mut rows: Vec<Vec<String>> = vec![
        vec![text("bank_reconciliation.title"), found.day.to_string()],
        vec![text("column.account_number"), found.account.number.clone(), found.account.bank_name.clone()],
    ];
    rows.extend(form(found, language).into_iter().map(|row| row.to_vec()));
    rows.push(vec![verdict(found).text(language)]);
    rows.push(ITEM_HEADINGS.iter().map(|code| text(code)).collect());
    rows.extend(found.items.iter().map(|item| item_row(item, language).iter().map(|cell| plain(cell)).collect()));
    for row in rows {
        writer.write_record(&row).map_err(std::io::Error::other)?;
    }
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()).into())
}

fn xlsx_bytes(found: &BankReconciliation, language: Language) -> Outcome<Vec<u8>> {
    let broken = |error: rust_xlsxwriter::XlsxError| Failure::from(std::io::Error::other(error));
    let text = |code| Message::new(code).text(language);
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let right = Format::new().set_align(FormatAlign::Right);
    let bold = Format::new().set_bold();
    sheet.set_name("调节表").map_err(broken)?;
    for (column, width) in [(0, 34), (1, 20), (2, 34), (3, 20), (4, 18), (5, 24), (6, 22), (7, 20), (8, 30), (9, 30)] {
        sheet.set_column_width(column, width).map_err(broken)?;
    }
    let title = format!("{} {}", text("bank_reconciliation.title"), found.day);
    sheet.write_string_with_format(0, 0, title, &bold).map_err(broken)?;
    sheet.write_string(1, 0, &found.account.number).map_err(broken)?;
    sheet.write_string(1, 2, &found.account.bank_name).map_err(broken)?;
    let mut row = 3;
    for cells in form(found, language) {
        for (column, cell) in (0..).zip(&cells) {
            // Amounts are text: a cell of a spreadsheet is a floating point number.
            let format = if column % 2 == 1 { &right } else { &bold };
            sheet.write_string_with_format(row, column, cell, format).map_err(broken)?;
        }
        row += 1;
    }
    sheet.write_string(row + 1, 0, verdict(found).text(language)).map_err(broken)?;
    row += 3;
    for (column, code) in (0..).zip(ITEM_HEADINGS) {
        sheet.write_string_with_format(row, column, text(code), &bold).map_err(broken)?;
    }
    for item in &found.items {
        row += 1;
        for (column, cell) in (0..).zip(item_row(item, language)) {
            sheet.write_string(row, column, cell).map_err(broken)?;
        }
    }
    workbook.save_to_buffer().map_err(broken)
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// `report.file_exists`, `file.*`.
pub fn write_new(path: &Path, bytes: &[u8]) -> Outcome<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::Refused(Message::new("report.file_exists").with("path", path.display()))
        }
        _ => Failure::of_file(path, &error),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| Failure::of_file(path, &error))
}
