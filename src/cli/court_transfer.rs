//! `court-transfer`: money between courts.

use ankuan_ledger::Amount;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, yuan};
use crate::movements::courts::{self, OtherSide, Ours, Transfer};
use crate::request::Answer;
use crate::{Message, Outcome};

/// What `court-transfer` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum CourtTransferCommand {
    /// 登记一方 · Record our side: a sheet's line out, or a receipt in
    Record(RecordArgs),
    /// 登记对方凭证 · Record the other court's paper, which closes the pair
    Paper(PaperArgs),
    /// 列出法院间款项 · List transfers
    List {
        /// 只列未配对的 · Only those whose other side is open
        #[arg(long)]
        open: bool,
    },
}

/// What `court-transfer record` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("ours").required(true).args(["line", "receipt"]))]
pub struct RecordArgs {
    /// 转出：审批表行编号 · Out: number of the sheet's line
    #[arg(long, value_name = "NUMBER")]
    pub line: Option<i64>,
    /// 转入：到账编号 · In: number of the receipt
    #[arg(long, value_name = "NUMBER")]
    pub receipt: Option<i64>,
    /// 对方法院 · The other court
    #[arg(long)]
    pub other_court: String,
    /// 对方案号 · Its case
    #[arg(long, value_name = "CASE")]
    pub other_case: String,
    /// 函号，双方相同 · Number of the letter, the same on both sides
    #[arg(long, value_name = "NUMBER")]
    pub reference: String,
}

/// What `court-transfer paper` takes.
#[derive(Clone, Debug, Args)]
pub struct PaperArgs {
    /// 编号 · Number of the transfer
    pub transfer: i64,
    /// 对方的收款回执或付款通知 · The other court's receipt or notice
    #[arg(long, value_name = "PAPER")]
    pub document: String,
    /// 凭证上的金额（元） · The amount on it, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
}

/// Runs the command.
///
/// # Errors
/// Those of [`courts`].
pub fn run(context: &Context, command: &CourtTransferCommand) -> Outcome<()> {
    match command {
        CourtTransferCommand::Record(args) => context.record("court_transfer.record", args, |tx, acting, _| {
            let other =
                OtherSide { court: &args.other_court, case_number: &args.other_case, reference: &args.reference };
            let ours = match (args.line, args.receipt) {
                (Some(line), _) => Ours::SheetLine(line),
                (None, receipt) => Ours::Receipt(receipt.unwrap_or_default()),
            };
            let done = courts::record(tx, acting, ours, &other)?;
            let [court, number, reference] = &done.other;
            let message = Message::new("court_transfers.recorded")
                .with("transfer", done.transfer_id)
                .with_term("direction", &done.direction.message())
                .with("court", court)
                .with("number", number)
                .with("reference", reference)
                .with("amount", done.amount);
            Ok(Answer::new(&message, object(&done)))
        }),
        CourtTransferCommand::Paper(args) => context.record("court_transfer.paper", args, |tx, acting, _| {
            let done = courts::record_paper(tx, acting, args.transfer, &args.document, args.amount)?;
            let message = Message::new("court_transfers.paper_recorded").with("transfer", done.transfer_id);
            Ok(Answer::new(&message, object(&done)))
        }),
        CourtTransferCommand::List { open } => list(context, *open),
    }
}

fn object(transfer: &Transfer) -> serde_json::Value {
    let [court, number, reference] = &transfer.other;
    json!({
        "transfer_id": transfer.transfer_id, "direction": transfer.direction.as_str(), "case_id": transfer.case_id,
        "other_court": court, "other_case": number, "reference": reference, "amount_minor": transfer.amount,
        "item_id": transfer.item_id, "paper": transfer.paper,
    })
}

fn list(context: &Context, open: bool) -> Outcome<()> {
    let book = context.book();
    let mut all = context.read(|tx| courts::transfers(tx, book))?;
    all.retain(|transfer| !open || transfer.paper.is_none());
    context.output.object(&json!({"transfers": all.iter().map(object).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|transfer| {
            let [court, number, reference] = &transfer.other;
            vec![
                transfer.transfer_id.to_string(),
                transfer.direction.message().text(context.output.language),
                court.clone(),
                number.clone(),
                reference.clone(),
                transfer.amount.to_string(),
                transfer.paper.clone().unwrap_or_else(|| "—".to_owned()),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("court_transfers.column_direction")),
            Column::text(Message::new("court_transfers.column_court")),
            Column::text(Message::new("court_transfers.column_number")),
            Column::text(Message::new("court_transfers.column_reference")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("court_transfers.column_paper")),
        ],
        &rows,
    )?;
    Ok(())
}
