//! `sheet`: payout sheets (执行款发放审批表).

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, Words, both, word, words, yuan};
use crate::cases;
use crate::payouts::runs::Status;
use crate::payouts::sheet::{Head, SheetSource};
use crate::payouts::sheets::{self, NewLine, NewSheet, Sheet};
use crate::request::Answer;
use crate::{Language, Message, Outcome};

/// Payout sheets.
#[derive(Clone, Debug, Subcommand)]
pub enum SheetCommand {
    /// 登记审批表：一笔到账拆成各款项 · Record a sheet: one receipt, split
    Record(RecordArgs),
    /// 列出案件的审批表 · Sheets of a case
    List {
        /// 案号 · Case number
        case: String,
    },
    /// 显示审批表 · Show a sheet
    Show {
        /// 审批表编号 · Number of the sheet
        sheet: i64,
    },
}

/// What `sheet record` takes.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// 案号 · Case number
    pub case: String,
    /// 从何种款项支付：case_funds 案款，security 担保金，auction_price 拍卖价款，escrow 监管尾款，treasury 应缴财政款 ·
    /// What it pays from
    #[arg(long, value_name = "SOURCE", value_parser = source(), default_value = "case_funds")]
    pub from: SheetSource,
    /// 到账编号；应缴财政款为入库事项编号（见 movement left） · Number of the receipt; of the treasury's money the item
    /// (see: movement left)
    #[arg(long, value_name = "NUMBER")]
    pub receipt: i64,
    /// 款项:收款人编号:金额[:决定文书]，可多次给出；款项：principal 本金，interest 利息，fee 执行申请费，costs 费用，
    /// surplus 余款，return 退还，tax 税费，remittance 缴库，bounty 悬赏金 · Head, payee, yuan and, where needed, the decision;
    /// may be given again
    #[arg(long = "line", value_name = "HEAD:PAYEE:YUAN[:DECISION]", value_parser = line, required = true)]
    pub lines: Vec<LineArg>,
}

/// A line of a sheet as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineArg {
    head: Head,
    payee_id: i64,
    amount: Amount,
    decision: Option<String>,
}

/// What a sheet pays from, as an option.
pub(super) fn source() -> Words<SheetSource> {
    words(SheetSource::parse, SheetSource::ALL.iter().map(|word| word.as_str()))
}

fn line(text: &str) -> Result<LineArg, String> {
    let mut fields = text.splitn(4, ':');
    let (Some(head), Some(payee), Some(amount)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(both(&Message::new("sheet.line_form").with("line", text.escape_debug())));
    };
    let form = |_| both(&Message::new("sheet.line_form").with("line", text.escape_debug()));
    Ok(LineArg {
        head: word(Head::from_code, &Head::ALL.map(Head::code), head)?,
        payee_id: payee.parse().map_err(form)?,
        amount: yuan(amount)?,
        decision: fields.next().map(str::to_owned),
    })
}

/// Runs the command.
///
/// # Errors
/// Those of [`sheets`].
pub fn run(context: &Context, command: &SheetCommand) -> Outcome<()> {
    match command {
        SheetCommand::Record(args) => record(context, args),
        SheetCommand::List { case } => list(context, case),
        SheetCommand::Show { sheet } => show(context, *sheet),
    }
}

fn record(context: &Context, args: &RecordArgs) -> Outcome<()> {
    let book = context.book();
    context.record("sheet.record", args, |tx, acting, _| {
        let case = cases::find_case(tx, book, &args.case)?;
        let lines: Vec<NewLine<'_>> = args
            .lines
            .iter()
            .map(|line| NewLine {
                head: line.head,
                payee_id: line.payee_id,
                amount: line.amount,
                decision: line.decision.as_deref(),
            })
            .collect();
        let sheet = sheets::record_sheet(
            tx,
            acting,
            &NewSheet { case: &case, source: args.from, receipt_id: args.receipt, lines: &lines },
        )?;
        let message = Message::new("sheet.recorded")
            .with("sheet", sheet.sheet_id)
            .with("case", case.current_number())
            .with("total", sheet.total)
            .with("lines", sheet.lines.len());
        Ok(Answer::new(&message, object(&sheet)))
    })
}

fn object(sheet: &Sheet) -> serde_json::Value {
    json!({
        "sheet_id": sheet.sheet_id, "case_id": sheet.case_id, "source": sheet.source.as_str(), "receipt_id": sheet.receipt_id,
        "total_minor": sheet.total, "currency": "CNY",
        "run": sheet.run.as_ref().map(|(number, _)| number), "run_status": sheet.run.as_ref().map(|(_, status)| status),
        "lines": sheet.lines.iter().map(|line| json!({
            "sheet_line_id": line.sheet_line_id, "head": line.head.code(), "payee_id": line.payee_id,
            "payee_name": line.payee_name, "payee_kind": line.kind.code(), "amount_minor": line.amount,
            "decision": line.decision,
        })).collect::<Vec<_>>(),
    })
}

fn run_of(sheet: &Sheet, language: Language) -> String {
    let Some((number, status)) = &sheet.run else { return "—".to_owned() };
    let status = Status::ALL
        .iter()
        .find(|known| known.as_str() == status)
        .map_or_else(|| status.clone(), |known| known.message().text(language));
    format!("{number} ({status})")
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let book = context.book();
    let all = context.read(|tx| {
        let case = cases::find_case(tx, book, number)?;
        sheets::sheets_of_case(tx, book.court_id, case.case_id)
    })?;
    context.output.object(&json!({"sheets": all.iter().map(object).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|sheet| {
            let lines = sheet.lines.len().to_string();
            vec![
                sheet.sheet_id.to_string(),
                sheet.receipt_id.to_string(),
                lines,
                sheet.total.to_string(),
                run_of(sheet, context.output.language),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::number(Message::new("sheet.column_receipt")),
            Column::number(Message::new("sheet.column_lines")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("sheet.column_run")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show(context: &Context, sheet_id: i64) -> Outcome<()> {
    let book = context.book();
    let (sheet, case) = context.read(|tx| {
        let sheet = sheets::find_sheet(tx, book.court_id, sheet_id)?;
        let case = cases::case_by_id(tx, book, sheet.case_id)?;
        Ok((sheet, case))
    })?;
    context.output.object(&object(&sheet))?;
    context.output.pairs(&[
        (Message::new("column.case_number"), case.current_number().to_owned()),
        (Message::new("sheet.column_source"), sheet.source.message().text(context.output.language)),
        (Message::new("sheet.column_receipt"), sheet.receipt_id.to_string()),
        (Message::new("column.amount"), sheet.total.to_string()),
        (Message::new("sheet.column_run"), run_of(&sheet, context.output.language)),
    ])?;
    let rows: Vec<Vec<String>> = sheet
        .lines
        .iter()
        .map(|line| {
            vec![
                line.head.message().text(context.output.language),
                line.kind.message().text(context.output.language),
                line.payee_name.clone(),
                line.amount.to_string(),
                line.decision.clone(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("sheet.column_head")),
            Column::text(Message::new("sheet.column_kind")),
            Column::text(Message::new("column.name")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("sheet.column_decision")),
        ],
        &rows,
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_or_refused() {
        let read = line("fee:18:50.00:（2026）评议3号:补").expect("reads");
        assert_eq!((read.head, read.payee_id, read.amount), (Head::Fee, 18, Amount::from_minor(5_000)));
        assert_eq!(read.decision.as_deref(), Some("（2026）评议3号:补"), "the decision keeps its colons");
        for wrong in ["", "fee", "fee:18", "fee:x:1", "rent:18:1", "fee:18:1.234", "fee:18:-1"] {
            assert!(line(wrong).is_err(), "{wrong}");
        }
    }
}
