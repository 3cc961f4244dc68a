//! `calc imputation`.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::{put, read, read_rules};
use crate::amount::plain;
use crate::calculators::imputation::{self, Imputed, Rules, impute, read_debts};
use crate::cli::output::Column;
use crate::cli::{Context, day, yuan};
use crate::failure::Outcome;
use crate::message::Message;

/// What `calc imputation` takes.
#[derive(Clone, Debug, Args)]
pub struct ImputationArgs {
    /// 付款金额（元） · The payment, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub payment: Amount,
    /// 付款日 · Its day
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub on: Date,
    /// 债务（CSV 或 JSON）：debt 债务编号、due_on 到期日、principal 本金，及 security 担保金额、burden 利率、costs 费用、
    /// interest 利息 · The debts
    #[arg(long, value_name = "FILE")]
    pub debts: PathBuf,
    /// 债务人指定先还的债务；可多个，按先后 · A debt that the debtor designates; several, in their order
    #[arg(long = "designate", value_name = "DEBT")]
    pub designated: Vec<String>,
    /// 抵充规则（TOML）；默认内置 · Rules; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`Rules::parse`], [`read_debts`] and [`impute`].
pub fn run(context: &Context, args: &ImputationArgs) -> Outcome<()> {
    let rules = read_rules(args.rules.as_deref(), imputation::STANDARD, Rules::parse)?;
    let debts = read(&args.debts, read_debts)?;
    let done = impute(&rules, args.payment, args.on, &args.designated, &debts)?;
    let lines = done.debts.iter().map(|line| {
        let mut object = json!({
            "debt": line.debt, "rank": line.rank, "turn": line.turn, "costs": plain(line.costs),
            "interest": plain(line.interest), "principal": plain(line.principal), "open": plain(line.open),
        });
        put(&mut object, "source", &line.source);
        put(&mut object, "within_source", &rules.sources.within);
        object
    });
    context.output.object(&json!({
        "payment": plain(args.payment), "on": args.on.to_string(), "version": rules.version, "within": rules.within,
        "lines": lines.collect::<Vec<_>>(), "surplus": plain(done.surplus),
    }))?;
    let language = context.output.language;
    let row = |line: &Imputed| {
        vec![
            line.rank.to_string(),
            line.debt.clone(),
            line.turn.message().text(language),
            line.costs.to_string(),
            line.interest.to_string(),
            line.principal.to_string(),
            line.open.to_string(),
            line.source.text(language).to_owned(),
        ]
    };
    context.output.table(
        &[
            Column::number(Message::new("calc.column_turn")),
            Column::text(Message::new("calc.column_debt")),
            Column::text(Message::new("calc.column_why")),
            Column::number(Message::new("calc.costs")),
            Column::number(Message::new("calc.interest")),
            Column::number(Message::new("calc.principal")),
            Column::number(Message::new("calc.column_open")),
            Column::text(Message::new("calc.column_source")),
        ],
        &done.debts.iter().map(row).collect::<Vec<_>>(),
    )?;
    let within: Vec<String> = rules.within.iter().map(|component| component.message().text(language)).collect();
    context.output.pairs(&[
        (Message::new("calc.payment"), args.payment.to_string()),
        (Message::new("calc.surplus"), done.surplus.to_string()),
        (
            Message::new("calc.order_of_payment"),
            format!("{} · {}", within.join(" → "), rules.sources.within.text(language)),
        ),
        (Message::new("calc.rules_version"), rules.version.clone()),
    ])?;
    Ok(())
}
