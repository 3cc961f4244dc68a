//! `settlement`: instalments agreed in enforcement (执行和解), default and resumption.

use ankuan_ledger::Amount;
use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, both, day, yuan};
use crate::obligations::settlements::{self, End, Instalment, NewSettlement, Settlement, Stands, stands};
use crate::request::Answer;
use crate::{Language, Message, Outcome, access, cases};

/// Settlements.
#[derive(Clone, Debug, Subcommand)]
pub enum SettlementCommand {
    /// 登记和解协议及分期 · Record a settlement and its instalments
    Add {
        /// 债权编号 · Number of the obligation
        obligation: i64,
        /// 和解协议 · The agreement
        #[arg(long)]
        document: String,
        /// 协议日期；默认记账日期 · Its day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Option<Date>,
        /// 一期：日期:金额（元），可多次给出 · An instalment: DAY:YUAN; several
        #[arg(long = "instalment", value_name = "DAY:YUAN", value_parser = instalment, required = true)]
        instalments: Vec<Instalment>,
    },
    /// 指明某笔到账是分期款 · Name a receipt that was paid toward it
    Receipt {
        /// 和解编号 · Number of the settlement
        settlement: i64,
        /// 到账编号 · Number of the receipt
        #[arg(long)]
        receipt: i64,
        /// 金额（元）；默认该到账尚未指明的全部 · How much of it; default: all that is not named yet
        #[arg(long, value_name = "YUAN", value_parser = yuan)]
        amount: Option<Amount>,
    },
    /// 列出和解及逾期分期 · Settlements of a case; without one, overdue instalments of the court
    List {
        /// 案号 · Case number
        case: Option<String>,
    },
    /// 债务人不履行，恢复执行（已履行部分扣除） · The debtor defaulted; enforcement resumes, less what was paid
    Default {
        /// 和解编号 · Number of the settlement
        settlement: i64,
        /// 恢复执行的文书 · The paper that resumes
        #[arg(long)]
        document: String,
        /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
        #[arg(long, value_name = "NAME")]
        confirmed_by: String,
    },
    /// 和解履行完毕，余额减免 · All instalments are met; the rest is given up
    Complete {
        /// 和解编号 · Number of the settlement
        settlement: i64,
        /// 文书 · The paper
        #[arg(long)]
        document: String,
        /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
        #[arg(long, value_name = "NAME")]
        confirmed_by: String,
    },
}

fn instalment(text: &str) -> Result<Instalment, String> {
    let wrong = || both(&Message::new("settlements.instalment_form").with("value", text.escape_debug()));
    let (on, amount) = text.split_once(':').ok_or_else(wrong)?;
    Ok(Instalment { due_on: day(on)?, amount: yuan(amount)? })
}

/// Runs the command.
///
/// # Errors
/// Those of [`settlements`].
pub fn run(context: &Context, command: &SettlementCommand) -> Outcome<()> {
    match command {
        SettlementCommand::Add { obligation, document, on, instalments } => {
            context.record("settlement.add", command, |tx, acting, _| {
                let agreed_on = on.unwrap_or(acting.date);
                let new = NewSettlement { obligation_id: *obligation, document, agreed_on, instalments };
                let made = settlements::record(tx, acting, &new)?;
                let message = Message::new("settlements.added")
                    .with("settlement", made.settlement_id)
                    .with("obligation", obligation)
                    .with("count", made.instalments.len())
                    .with("total", made.total)
                    .with("open", made.open);
                Ok(Answer::new(&message, object(&made, acting.date)?))
            })
        }
        SettlementCommand::Receipt { settlement, receipt, amount } => {
            context.record("settlement.receipt", command, |tx, acting, _| {
                let made = settlements::name_receipt(tx, acting, *settlement, *receipt, *amount)?;
                let message =
                    Message::new("settlements.receipt_named").with("settlement", settlement).with("receipt", receipt);
                Ok(Answer::new(&message, object(&made, acting.date)?))
            })
        }
        SettlementCommand::Default { settlement, document, confirmed_by } => {
            end(context, (*settlement, End::Defaulted), document, confirmed_by)
        }
        SettlementCommand::Complete { settlement, document, confirmed_by } => {
            end(context, (*settlement, End::Performed), document, confirmed_by)
        }
        SettlementCommand::List { case: Some(case) } => list(context, case),
        SettlementCommand::List { case: None } => overdue(context),
    }
}

fn end(context: &Context, what: (i64, End), document: &str, confirmed_by: &str) -> Outcome<()> {
    let (settlement_id, outcome) = what;
    context.record("settlement.end", &(what, document, confirmed_by), |tx, acting, chart| {
        let second = access::find_actor(tx, acting.actor.court_id, confirmed_by)?;
        let made = settlements::end(tx, acting, chart, settlement_id, outcome, (document, &second))?;
        let code = match outcome {
            End::Defaulted => "settlements.defaulted",
            End::Performed => "settlements.performed",
        };
        let message = Message::new(code).with("settlement", settlement_id).with("obligation", made.obligation_id);
        Ok(Answer::new(&message, object(&made, acting.date)?))
    })
}

fn object(one: &Settlement, today: Date) -> Result<serde_json::Value, Message> {
    let stand = stands(&one.instalments, &one.payments)?;
    Ok(json!({
        "settlement_id": one.settlement_id, "case_id": one.case_id, "obligation_id": one.obligation_id,
        "document": one.document, "agreed_on": one.agreed_on.to_string(), "open_minor": one.open,
        "total_minor": one.total, "currency": "CNY", "end": one.end.map(|(end, _)| end.as_str()),
        "ended_on": one.end.map(|(_, on)| on.to_string()),
        "instalments": stand.iter().map(|stand| json!({
            "due_on": stand.instalment.due_on.to_string(), "amount_minor": stand.instalment.amount,
            "met_minor": stand.met, "met_on": stand.met_on.map(|day| day.to_string()),
            "overdue": one.end.is_none() && stand.is_overdue(today),
        })).collect::<Vec<_>>(),
    }))
}

fn row(one: &Settlement, stand: &Stands, today: Date, language: Language) -> Vec<String> {
    let standing = match (one.end, stand.met_on) {
        (_, Some(on)) => on.to_string(),
        (Some((end, _)), None) => end.message().text(language),
        (None, None) if stand.is_overdue(today) => "!".to_owned(),
        (None, None) => String::new(),
    };
    vec![
        one.settlement_id.to_string(),
        one.obligation_id.to_string(),
        stand.instalment.due_on.to_string(),
        stand.instalment.amount.to_string(),
        stand.met.to_string(),
        standing,
    ]
}

fn print(context: &Context, rows: &[Vec<String>]) -> Outcome<()> {
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::number(Message::new("obligations.column_obligation")),
            Column::text(Message::new("settlements.column_due_on")),
            Column::number(Message::new("column.amount")),
            Column::number(Message::new("settlements.column_met")),
            Column::text(Message::new("settlements.column_met_on")),
        ],
        rows,
    )?;
    Ok(())
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let today = context.date();
    let all = context.read(|tx| {
        let case = cases::find_case(tx, context.book(), number)?;
        settlements::settlements_of_case(tx, context.globals.court, case.case_id)
    })?;
    let objects = all.iter().map(|one| object(one, today)).collect::<Result<Vec<_>, _>>()?;
    context.output.object(&json!({"settlements": objects}))?;
    let mut rows = Vec::new();
    for one in &all {
        rows.extend(
            stands(&one.instalments, &one.payments)?
                .iter()
                .map(|stand| row(one, stand, today, context.output.language)),
        );
    }
    print(context, &rows)
}

fn overdue(context: &Context) -> Outcome<()> {
    let today = context.date();
    let found = context.read(|tx| settlements::overdue(tx, context.globals.court, today))?;
    let objects: Vec<_> = found
        .iter()
        .map(|(one, stand)| {
            json!({
                "settlement_id": one.settlement_id, "case_id": one.case_id, "obligation_id": one.obligation_id,
                "due_on": stand.instalment.due_on.to_string(), "amount_minor": stand.instalment.amount,
                "met_minor": stand.met, "currency": "CNY",
            })
        })
        .collect();
    context.output.object(&json!({"on": today.to_string(), "overdue": objects}))?;
    let rows: Vec<_> = found.iter().map(|(one, stand)| row(one, stand, today, context.output.language)).collect();
    print(context, &rows)
}
