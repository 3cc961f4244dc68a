//! `opening`: what a bank account is made of when the court begins here.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::{Context, day, yuan};
use crate::chart;
use crate::clock::Randomness;
use crate::receipts::opening::{Import, import_opening};
use crate::request::Answer;
use crate::{Message, Outcome};

/// What `opening` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum OpeningCommand {
    /// 导入旧系统的期初案款清单 · Import the list of open receipts of an old system
    Import(ImportArgs),
}

/// What `opening import` takes.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// CSV：银行流水号、金额、到账日期、案号、经办人、付款人、附言 · CSV with these columns
    pub file: PathBuf,
    /// 期初日；清单为该日终的余额构成 · Day 0: the list holds at its end
    #[arg(long, value_parser = day)]
    pub day: Date,
    /// 银行对账单上该日终的余额（元） · What the bank's statement shows at its end, yuan
    #[arg(long, value_parser = yuan)]
    pub balance: Amount,
    /// 法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`import_opening`].
pub fn run(context: &Context, command: &OpeningCommand) -> Outcome<()> {
    let OpeningCommand::Import(args) = command;
    let keys = context.keys()?;
    let mut differences = Vec::new();
    context.record("opening.import", args, |tx, acting, chart| {
        let account = chart::find_bank_account(tx, acting.actor.court_id, args.bank_account.as_deref())?;
        let import = Import { path: &args.file, account: &account, day: args.day, balance: args.balance };
        let imported = import_opening(tx, acting, chart, &keys, &mut Randomness::system(), &import)?;
        let code = if imported.difference == Amount::ZERO { "opening.ties" } else { "opening.differs" };
        let message = Message::new(code)
            .with("items", imported.items)
            .with("sum", imported.sum)
            .with("balance", args.balance)
            .with("difference", imported.difference);
        differences.clone_from(&imported.differences);
        Ok(Answer::new(
            &message,
            json!({
                "items": imported.items, "sum_minor": imported.sum, "balance_minor": args.balance,
                "difference_minor": imported.difference, "currency": "CNY",
                "differences": imported.differences.iter().map(|one| one.text(crate::Language::Zh)).collect::<Vec<_>>(),
            }),
        ))
    })?;
    for difference in &differences {
        context.output.sentence(difference)?;
    }
    Ok(())
}
