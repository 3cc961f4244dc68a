//! `report monthly-return`.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use rust_xlsxwriter::{Format, FormatAlign, Workbook};
use serde_json::json;

use super::write_new;
use crate::cli::Context;
use crate::cli::output::Column;
use crate::failure::{Failure, Outcome};
use crate::report::monthly_return::{AGE_BANDS, MonthlyReturn, monthly_return};
use crate::report::period::{Flow, hundredths};
use crate::{Language, Message, chart};

/// What `report monthly-return` takes.
#[derive(Clone, Debug, Args)]
pub struct MonthlyReturnArgs {
    /// 月份，如 2026-11；默认记账日期所在月 · Month; default: that of the accounting date
    #[arg(long, value_name = "YYYY-MM")]
    pub month: Option<String>,
    /// 同时写成 XLSX · Also write it as XLSX
    #[arg(long, value_name = "FILE")]
    pub xlsx: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// `bookkeeping.month`; those of [`monthly_return`]; `file.*`.
pub fn run(context: &Context, args: &MonthlyReturnArgs) -> Outcome<()> {
    let month = args.month.clone().unwrap_or_else(|| context.date().strftime("%Y-%m").to_string());
    let wrong = || Message::new("bookkeeping.month").with("month", &month);
    let from: Date = format!("{month}-01").parse().map_err(|_| wrong())?;
    let (found, court, chart) = context.read(|tx| {
        let court_id = context.globals.court;
        let found = monthly_return(tx, court_id, from, from.last_of_month())?;
        Ok((found, chart::court_name(tx, court_id)?.unwrap_or_default(), chart::load(tx, court_id)?))
    })?;
    let language = context.output.language;
    let form = Form::new(&found, &chart, language);
    if let Some(path) = &args.xlsx {
        write_new(path, &form.xlsx(&court, &month)?)?;
    }
    context.output.object(&as_json(&found, &month))?;
    context.output.sentence(&Message::new("monthly_return.title").with("court", &court).with("month", &month))?;
    for (headings, numbers_from, rows) in [
        (&form.flow_headings, 1, &form.flows),
        (&form.unpaid_headings, 3, &form.unpaid),
        (&form.days_headings, 1, &form.days),
    ] {
        let column = |(place, code): (usize, &Message)| {
            if place >= numbers_from { Column::number(code.clone()) } else { Column::text(code.clone()) }
        };
        let columns: Vec<Column> = headings.iter().enumerate().map(column).collect();
        context.output.table(&columns, rows)?;
    }
    let verdict = if found.ties { "monthly_return.ties" } else { "monthly_return.does_not_tie" };
    context.output.sentence(&Message::new(verdict).with("bank", found.bank.closing))?;
    Ok(())
}

fn as_json(found: &MonthlyReturn, month: &str) -> serde_json::Value {
    let flow = |flow: &Flow| {
        json!({
            "opening_minor": flow.opening, "in_minor": flow.incoming, "out_minor": flow.outgoing,
            "closing_minor": flow.closing,
        })
    };
    json!({
        "month": month, "currency": "CNY",
        "flows": found.flows.iter().map(|(kind, of)| (kind.as_str().to_owned(), flow(of))).collect::<serde_json::Map<_, _>>(),
        "between": found.between.iter().map(|(kind, of)| (kind.as_str().to_owned(), flow(of))).collect::<serde_json::Map<_, _>>(),
        "bank": flow(&found.bank), "ties": found.ties,
        "age_bands_days": AGE_BANDS,
        "unpaid": found.unpaid.iter().map(|line| json!({
            "reason": line.reason.message().code.trim_start_matches("monthly_return."), "handler": line.handler,
            "case_number": line.case_number, "count": line.count, "amount_minor": line.amount,
            "by_age_minor": line.by_age, "oldest": line.oldest.to_string(),
        })).collect::<Vec<_>>(),
        "days_hundredths": {
            "to_claim": found.days.to_claim, "to_approval": found.days.to_approval, "to_payment": found.days.to_payment,
            "all": found.days.all,
        },
        "payments": found.days.count, "paid_minor": found.days.amount,
    })
}

/// The return as rows of text, for the terminal and the workbook alike.
struct Form {
    flow_headings: Vec<Message>,
    flows: Vec<Vec<String>>,
    unpaid_headings: Vec<Message>,
    unpaid: Vec<Vec<String>>,
    days_headings: Vec<Message>,
    days: Vec<Vec<String>>,
    language: Language,
}

impl Form {
    fn new(found: &MonthlyReturn, chart: &chart::Chart, language: Language) -> Self {
        let name = |kind| match language {
            Language::Zh => chart.kind(kind).zh.clone(),
            Language::En => chart.kind(kind).en.clone(),
        };
        let flow = |label: String, flow: &Flow| {
            let mut row = vec![label];
            row.extend([flow.opening, flow.incoming, flow.outgoing, flow.closing].map(|amount| amount.to_string()));
            row
        };
        let mut flows: Vec<Vec<String>> = found.flows.iter().map(|(kind, of)| flow(name(*kind), of)).collect();
        flows.extend(found.between.iter().map(|(kind, of)| flow(name(*kind), of)));
        flows.push(flow(name(chart::AccountKind::Bank), &found.bank));
        let mut unpaid_headings = vec![
            Message::new("monthly_return.reason"),
            Message::new("deadlines.column_officer"),
            Message::new("column.case_number"),
            Message::new("monthly_return.count"),
            Message::new("column.amount"),
        ];
        unpaid_headings.extend(AGE_BANDS.map(|days| Message::new("monthly_return.until_days").with("days", days)));
        let oldest = AGE_BANDS[AGE_BANDS.len() - 1];
        unpaid_headings.push(Message::new("monthly_return.over_days").with("days", oldest));
        unpaid_headings.push(Message::new("monthly_return.oldest"));
        let unpaid = found
            .unpaid
            .iter()
            .map(|line| {
                let mut row = vec![
                    line.reason.message().text(language),
                    line.handler.clone(),
                    line.case_number.clone(),
                    line.count.to_string(),
                    line.amount.to_string(),
                ];
                row.extend(line.by_age.map(|amount| amount.to_string()));
                row.push(line.oldest.to_string());
                row
            })
            .collect();
        let days = |value: Option<i64>| value.map_or_else(|| "—".to_owned(), hundredths);
        let stage = |code: &'static str, value| vec![Message::new(code).text(language), days(value)];
        Self {
            flow_headings: [
                "monthly_return.kind",
                "monthly_return.opening",
                "monthly_return.in",
                "monthly_return.out",
                "monthly_return.closing",
            ]
            .map(Message::new)
            .to_vec(),
            flows,
            unpaid_headings,
            unpaid,
            days_headings: ["monthly_return.stage", "monthly_return.days"].map(Message::new).to_vec(),
            days: vec![
                stage("monthly_return.to_claim", found.days.to_claim),
                stage("monthly_return.to_approval", found.days.to_approval),
                stage("monthly_return.to_payment", found.days.to_payment),
                stage("monthly_return.all_days", found.days.all),
                vec![Message::new("monthly_return.payments").text(language), found.days.count.to_string()],
                vec![Message::new("monthly_return.paid").text(language), found.days.amount.to_string()],
            ],
            language,
        }
    }

    /// A sheet for each of the three tables. Amounts are text: a cell of a spreadsheet is a floating point number.
    fn xlsx(&self, court: &str, month: &str) -> Outcome<Vec<u8>> {
        let broken = |error: rust_xlsxwriter::XlsxError| Failure::from(std::io::Error::other(error));
        let text = |message: &Message| message.text(self.language);
        let bold = Format::new().set_bold();
        let right = Format::new().set_align(FormatAlign::Right);
        let mut workbook = Workbook::new();
        for (name, headings, rows) in [
            ("monthly_return.sheet_flows", &self.flow_headings, &self.flows),
            ("monthly_return.sheet_unpaid", &self.unpaid_headings, &self.unpaid),
            ("monthly_return.sheet_days", &self.days_headings, &self.days),
        ] {
            let sheet = workbook.add_worksheet();
            sheet.set_name(Message::new(name).text(self.language)).map_err(broken)?;
            let title = Message::new("monthly_return.title").with("court", court).with("month", month);
            sheet.write_string_with_format(0, 0, text(&title), &bold).map_err(broken)?;
            for (column, heading) in (0..).zip(headings) {
                sheet.set_column_width(column, if column < 3 { 26 } else { 18 }).map_err(broken)?;
                sheet.write_string_with_format(2, column, text(heading), &bold).map_err(broken)?;
            }
            for (row, cells) in (3..).zip(rows) {
                for (column, cell) in (0..).zip(cells) {
                    let is_number = cell.starts_with(|letter: char| letter.is_ascii_digit() || letter == '-');
                    let written = if is_number {
                        sheet.write_string_with_format(row, column, cell, &right)
                    } else {
                        sheet.write_string(row, column, cell)
                    };
                    written.map_err(broken)?;
                }
            }
        }
        workbook.save_to_buffer().map_err(broken)
    }
}
