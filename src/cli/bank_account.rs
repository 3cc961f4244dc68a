//! `bank-account`: the court's accounts at banks.

use clap::Subcommand;
use serde_json::json;

use super::Context;
use super::output::Column;
use crate::chart;
use crate::request::Answer;
use crate::{Message, Outcome};

/// The court's bank accounts.
#[derive(Clone, Debug, Subcommand)]
pub enum BankAccountCommand {
    /// 增加账户 · Add an account
    Add {
        /// 账号 · Number
        number: String,
        /// 户名 · Name of the holder
        #[arg(long)]
        holder: String,
        /// 开户行 · Name of the bank
        #[arg(long)]
        bank: String,
        /// 联行号 · Bank code, 12 digits
        #[arg(long)]
        bank_code: String,
    },
    /// 列出账户 · List the accounts
    List,
}

/// Runs the command.
///
/// # Errors
/// Those of [`chart::add_bank_account`].
pub fn run(context: &Context, command: &BankAccountCommand) -> Outcome<()> {
    match command {
        BankAccountCommand::Add { number, holder, bank, bank_code } => {
            context.record("bank_account.add", command, |tx, acting, chart| {
                let account = chart::add_bank_account(tx, acting, chart, number, holder, bank, bank_code)?;
                let message = Message::new("command.bank_account_added")
                    .with("number", &account.number)
                    .with("bank", &account.bank_name);
                let id = account.bank_account_id;
                Ok(Answer::new(&message, json!({"bank_account_id": id, "number": account.number})))
            })
        }
        BankAccountCommand::List => list(context),
    }
}

fn list(context: &Context) -> Outcome<()> {
    let accounts = context.read(|tx| chart::bank_accounts(tx, context.globals.court))?;
    let objects: Vec<_> = accounts
        .iter()
        .map(|account| {
            json!({
                "bank_account_id": account.bank_account_id, "number": account.number,
                "holder_name": account.holder_name, "bank_name": account.bank_name, "bank_code": account.bank_code,
            })
        })
        .collect();
    context.output.object(&json!({"bank_accounts": objects}))?;
    let rows: Vec<Vec<String>> = accounts
        .into_iter()
        .map(|account| {
            vec![
                account.bank_account_id.to_string(),
                account.number,
                account.holder_name,
                account.bank_name,
                account.bank_code,
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.account_number")),
            Column::text(Message::new("column.holder")),
            Column::text(Message::new("column.bank")),
            Column::text(Message::new("column.bank_code")),
        ],
        &rows,
    )?;
    Ok(())
}
