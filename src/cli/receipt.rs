//! `receipt`: money in.

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, day, yuan};
use crate::cases;
use crate::chart;
use crate::receipts::{self, NewReceipt, Recorded};
use crate::request::Answer;
use crate::{Message, Outcome};

/// Money in.
#[derive(Clone, Debug, Subcommand)]
pub enum ReceiptCommand {
    /// 登记到账 · Record money that arrived
    Record(RecordArgs),
    /// 认领：先提出案号和依据，再由另一人确认 · Attribute: one claims, another confirms
    Attribute(AttributeArgs),
    /// 列出到账 · List receipts
    List {
        /// 只列待认领款 · Only those whose case is not known
        #[arg(long)]
        unattributed: bool,
    },
}

/// What `receipt record` takes.
#[derive(Clone, Debug, Args)]
pub struct RecordArgs {
    /// 银行流水号 · The bank's own reference
    pub reference: String,
    /// 金额（元） · Amount, yuan
    #[arg(long, value_parser = yuan)]
    pub amount: Amount,
    /// 起息日 · The bank's value date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub value_date: Date,
    /// 到账通知日 · Day of the bank's notice; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub arrived_on: Option<Date>,
    /// 付款人 · Payer, as the bank gives it
    #[arg(long, default_value = "")]
    pub payer: String,
    /// 案号；不填即待认领 · Case number; without it the money waits to be attributed
    #[arg(long)]
    pub case: Option<String>,
    /// 子账号 · Sub-account it was paid into; it tells the case
    #[arg(long)]
    pub sub_account: Option<String>,
    /// 附言 · The bank's remark
    #[arg(long, default_value = "")]
    pub remark: String,
    /// 法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

/// What `receipt attribute` takes.
#[derive(Clone, Debug, Args)]
pub struct AttributeArgs {
    /// 到账编号 · Number of the receipt
    pub receipt: i64,
    /// 案号 · Case it belongs to
    #[arg(long, requires = "evidence", required_unless_present = "confirm")]
    pub case: Option<String>,
    /// 依据 · Why
    #[arg(long)]
    pub evidence: Option<String>,
    /// 确认他人提出的认领 · Confirm what another person claimed
    #[arg(long, conflicts_with_all = ["case", "evidence"])]
    pub confirm: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of [`receipts`].
pub fn run(context: &Context, command: &ReceiptCommand) -> Outcome<()> {
    match command {
        ReceiptCommand::Record(args) => record(context, args),
        ReceiptCommand::Attribute(args) => attribute(context, args),
        ReceiptCommand::List { unattributed } => list(context, *unattributed),
    }
}

fn record(context: &Context, args: &RecordArgs) -> Outcome<()> {
    let book = context.book();
    context.record("receipt.record", args, |tx, acting, chart| {
        let bank_account = chart::find_bank_account(tx, book.court_id, args.bank_account.as_deref())?;
        let sub_account = match &args.sub_account {
            None => None,
            Some(number) => {
                let found = cases::sub_account_by_number(tx, book, bank_account.bank_account_id, number)?;
                Some(found.ok_or_else(|| Message::new("receipts.sub_account_unknown").with("number", number))?)
            }
        };
        let case = match (&args.case, &sub_account) {
            (Some(number), _) => Some(cases::find_case(tx, book, number)?),
            (None, Some(sub_account)) => Some(cases::case_by_id(tx, book, sub_account.case_id)?),
            (None, None) => None,
        };
        let new = NewReceipt {
            bank_account: &bank_account,
            bank_reference: &args.reference,
            value_date: args.value_date,
            arrived_on: args.arrived_on.unwrap_or(acting.date),
            amount: args.amount,
            payer_name: &args.payer,
            case_id: case.as_ref().map(|case| case.case_id),
            sub_account: sub_account.as_ref(),
            remark: &args.remark,
        };
        let recorded = receipts::record_receipt(tx, acting, chart, &new)?;
        let receipt = recorded.receipt();
        let message = match (&recorded, &case) {
            (Recorded::Known(_), _) => Message::new("command.receipt_known"),
            (Recorded::New(_), Some(case)) => {
                Message::new("command.receipt_recorded").with("number", case.current_number())
            }
            (Recorded::New(_), None) => Message::new("command.receipt_unattributed"),
        };
        let message = message
            .with("receipt", receipt.receipt_id)
            .with("amount", receipt.amount)
            .with("reference", &receipt.bank_reference);
        let is_new = matches!(recorded, Recorded::New(_));
        Ok(Answer::new(
            &message,
            json!({
                "receipt_id": receipt.receipt_id, "new": is_new, "case_id": receipt.owner_case_id(),
                "amount_minor": receipt.amount, "currency": "CNY", "voucher_id": receipt.voucher_id,
            }),
        ))
    })
}

fn attribute(context: &Context, args: &AttributeArgs) -> Outcome<()> {
    let book = context.book();
    context.record("receipt.attribute", args, |tx, acting, chart| {
        let Some(number) = &args.case else {
            let receipt = receipts::confirm_receipt(tx, acting, chart, args.receipt)?;
            let message = Message::new("command.receipt_attributed")
                .with("receipt", receipt.receipt_id)
                .with("amount", receipt.amount);
            let fields = json!({"receipt_id": receipt.receipt_id, "case_id": receipt.owner_case_id()});
            return Ok(Answer::new(&message, fields));
        };
        let case = cases::find_case(tx, book, number)?;
        let evidence = args.evidence.as_deref().unwrap_or_default();
        let claim = receipts::claim_receipt(tx, acting, args.receipt, &case, None, evidence)?;
        let message =
            Message::new("command.receipt_claimed").with("receipt", args.receipt).with("number", case.current_number());
        Ok(Answer::new(&message, json!({"receipt_claim_id": claim.receipt_claim_id, "case_id": case.case_id})))
    })
}

fn list(context: &Context, only_unattributed: bool) -> Outcome<()> {
    let book = context.book();
    let (all, cases, reversed) = context
        .read(|tx| Ok((receipts::receipts(tx, book)?, cases::cases(tx, book)?, receipts::reversed(tx, book)?)))?;
    let shown: Vec<_> =
        all.into_iter().filter(|receipt| !only_unattributed || receipt.owner_case_id().is_none()).collect();
    let number_of = |case_id: i64| {
        cases
            .iter()
            .find(|case| case.case_id == case_id)
            .map_or_else(String::new, |case| case.current_number().to_owned())
    };
    let objects: Vec<_> = shown
        .iter()
        .map(|receipt| {
            json!({
                "receipt_id": receipt.receipt_id, "bank_reference": receipt.bank_reference,
                "value_date": receipt.value_date.to_string(), "arrived_on": receipt.arrived_on.to_string(),
                "amount_minor": receipt.amount, "currency": "CNY", "payer_name": receipt.payer_name,
                "case_id": receipt.owner_case_id(),
                "reversed": reversed.contains(&receipt.receipt_id),
                "claimed_for_case_id": receipt.open_claim.as_ref().map(|claim| claim.case_id),
            })
        })
        .collect();
    context.output.object(&json!({"receipts": objects}))?;
    let said_reversed = Message::new("receipts.reversed").text(context.output.language);
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|receipt| {
            vec![
                receipt.receipt_id.to_string(),
                receipt.bank_reference.clone(),
                receipt.arrived_on.to_string(),
                receipt.payer_name.clone(),
                receipt.amount.to_string(),
                if reversed.contains(&receipt.receipt_id) {
                    said_reversed.clone()
                } else {
                    receipt.owner_case_id().map_or_else(|| "—".to_owned(), number_of)
                },
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.reference")),
            Column::text(Message::new("column.arrived_on")),
            Column::text(Message::new("column.payer")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("column.case_number")),
        ],
        &rows,
    )?;
    Ok(())
}
