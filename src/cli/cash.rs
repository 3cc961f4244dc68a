//! `cash`: cash that officers take for a case, with numbered receipts.

use ankuan_ledger::Amount;
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::Column;
use super::{Context, yuan};
use crate::bank::capital_amount::capital_amount;
use crate::receipts::cash::{self, Cash, End, NewCash};
use crate::request::Answer;
use crate::{Message, Outcome, access, cases};

/// Cash.
#[derive(Clone, Debug, Subcommand)]
pub enum CashCommand {
    /// 收取现金，出具编号收据；两名工作人员在场 · Take cash with a numbered receipt; two officers are present
    Take {
        /// 案号 · Case
        case: String,
        /// 缴款人 · Who pays
        #[arg(long)]
        payer: String,
        /// 金额（元） · How much, yuan
        #[arg(long, value_parser = yuan)]
        amount: Amount,
        /// 款项及收取现金的理由 · What is paid, and why in cash
        #[arg(long)]
        purpose: String,
        /// 在场的另一名工作人员 · The other officer who is present
        #[arg(long, value_name = "NAME")]
        second_officer: String,
    },
    /// 已存入银行：对应的到账 · Paid into the bank: the receipt that it became
    Banked {
        /// 收据编号 · Number of the receipt for cash
        number: String,
        /// 到账编号 · The receipt of case money
        #[arg(long)]
        receipt: i64,
        /// 次日之后才存入的理由 · Why it came later than the day after
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// 作废收据；编号保留 · Make a receipt void; its number stays
    Void {
        /// 收据编号 · Number
        number: String,
        /// 理由 · Why
        #[arg(long)]
        reason: String,
    },
    /// 列出收据 · List receipts
    List {
        /// 只列尚未存行的 · Only those that are not at the bank
        #[arg(long)]
        open: bool,
    },
}

/// Runs the command.
///
/// # Errors
/// Those of [`cash::take`], [`cash::banked`], [`cash::void`].
pub fn run(context: &Context, command: &CashCommand) -> Outcome<()> {
    let book = context.book();
    match command {
        CashCommand::Take { case, payer, amount, purpose, second_officer } => {
            context.record("cash.take", command, |tx, acting, chart| {
                let case = cases::find_case(tx, book, case)?;
                let second_officer = &access::find_actor(tx, book.court_id, second_officer)?;
                let new = NewCash { case: &case, payer_name: payer, amount: *amount, purpose, second_officer };
                let cash = cash::take(tx, acting, chart, &new)?;
                let said = Message::new("cash.taken")
                    .with("number", &cash.number)
                    .with("case", case.current_number())
                    .with("payer", &cash.payer_name)
                    .with("amount", cash.amount)
                    .with("capital", capital_amount(cash.amount).unwrap_or_default())
                    .with("first", &acting.actor.name)
                    .with("second", &second_officer.name);
                Ok(Answer::new(&said, object(&cash)))
            })
        }
        CashCommand::Banked { number, receipt, reason } => {
            context.record("cash.banked", command, |tx, acting, chart| {
                let cash = cash::banked(tx, acting, chart, number, *receipt, reason)?;
                let said = Message::new("cash.is_banked").with("number", &cash.number).with("receipt", receipt);
                Ok(Answer::new(&said, object(&cash)))
            })
        }
        CashCommand::Void { number, reason } => context.record("cash.void", command, |tx, acting, chart| {
            let cash = cash::void(tx, acting, chart, number, reason)?;
            Ok(Answer::new(&Message::new("cash.is_void").with("number", &cash.number), object(&cash)))
        }),
        CashCommand::List { open } => list(context, *open),
    }
}

fn object(cash: &Cash) -> Value {
    json!({
        "number": cash.number, "cash_receipt_id": cash.cash_receipt_id, "case_id": cash.case_id,
        "payer_name": cash.payer_name, "amount_minor": cash.amount, "currency": "CNY", "purpose": cash.purpose,
        "taken_on": cash.taken_on.to_string(), "officer_id": cash.officer_id, "second_officer_id": cash.second_officer_id,
        "end": match &cash.end { None => Value::Null, Some(End::Banked(_)) => json!("banked"), Some(End::Void(_)) => json!("void") },
        "receipt_id": match &cash.end { Some(End::Banked(receipt)) => json!(receipt), _ => Value::Null },
    })
}

fn list(context: &Context, only_open: bool) -> Outcome<()> {
    let book = context.book();
    let (mut all, cases) = context.read(|tx| Ok((cash::all(tx, book)?, cases::cases(tx, book)?)))?;
    all.retain(|cash| !only_open || cash.end.is_none());
    context.output.object(&json!({"cash": all.iter().map(object).collect::<Vec<_>>()}))?;
    let language = context.output.language;
    let number_of = |case_id: i64| {
        cases.iter().find(|case| case.case_id == case_id).map_or("", |case| case.current_number()).to_owned()
    };
    let state = |cash: &Cash| match &cash.end {
        None => Message::new("cash.state_open").text(language),
        Some(End::Banked(receipt)) => Message::new("cash.state_banked").with("receipt", receipt).text(language),
        Some(End::Void(reason)) => Message::new("cash.state_void").with("reason", reason).text(language),
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|cash| {
            vec![
                cash.number.clone(),
                number_of(cash.case_id),
                cash.payer_name.clone(),
                cash.amount.to_string(),
                cash.taken_on.to_string(),
                cash.purpose.clone(),
                state(cash),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("cash.column_number")),
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("column.payer")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("assets.column_on")),
            Column::text(Message::new("cash.column_purpose")),
            Column::text(Message::new("cash.column_state")),
        ],
        &rows,
    )?;
    Ok(())
}
