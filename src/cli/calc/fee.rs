//! `calc fee`, `calc preservation-fee`, `calc bankruptcy-fee`.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::Args;
use serde_json::json;

use super::{line_object, print_lines, put, read_rules};
use crate::amount::plain;
use crate::calculators::Rounding;
use crate::calculators::fees::{self, Base, Fee, Fees, Rank, Scale};
use crate::cli::{Context, yuan};
use crate::failure::Outcome;
use crate::message::Message;

/// What all fees take.
#[derive(Clone, Debug, Args)]
pub struct ScaleArgs {
    /// 取整方式；默认按规则文件 · Rounding; default: as the rules say
    #[arg(long, value_enum)]
    pub rounding: Option<Rounding>,
    /// 收费标准（TOML）；默认内置 · Scales of fees; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// What `calc fee` takes.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct FeeArgs {
    /// 计费金额（元） · The amount on which it is reckoned, yuan
    #[arg(long, group = "what", value_name = "YUAN", value_parser = yuan)]
    pub amount: Option<Amount>,
    /// 没有执行金额：法院确定的费用（元） · No amount at issue: the fee that the court sets, yuan
    #[arg(long, group = "what", value_name = "YUAN", value_parser = yuan)]
    pub without_amount: Option<Amount>,
    /// 申请执行标的额（元），与 --collected 同用 · What was claimed, yuan, with --collected
    #[arg(long, group = "what", value_name = "YUAN", value_parser = yuan, requires = "collected")]
    pub claimed: Option<Amount>,
    /// 执行到位金额（元） · What was collected, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan, requires = "claimed")]
    pub collected: Option<Amount>,
    /// 计费基数；默认按规则文件 · Reckoned on which; default: as the rules say
    #[arg(long, value_enum, requires = "claimed")]
    pub base: Option<Base>,
    /// 收取次序；默认按规则文件 · Taken when; default: as the rules say
    #[arg(long, value_enum, requires = "claimed")]
    pub rank: Option<Rank>,
    /// Scale.
    #[command(flatten)]
    pub scale: ScaleArgs,
}

/// What `calc preservation-fee` takes.
#[derive(Clone, Debug, Args)]
pub struct PreservationFeeArgs {
    /// 保全金额（元） · The amount to be preserved, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
    /// Scale.
    #[command(flatten)]
    pub scale: ScaleArgs,
}

/// What `calc bankruptcy-fee` takes.
#[derive(Clone, Debug, Args)]
pub struct BankruptcyFeeArgs {
    /// 同标的财产案件的案件受理费（元） · What a property case of the same size costs, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub property_case_fee: Amount,
    /// Scale.
    #[command(flatten)]
    pub scale: ScaleArgs,
}

impl ScaleArgs {
    fn read(&self) -> Outcome<Fees> {
        let mut fees = read_rules(self.rules.as_deref(), fees::STANDARD, Fees::parse)?;
        if let Some(rounding) = self.rounding {
            fees.execution.rounding = rounding;
            fees.preservation.rounding = rounding;
            fees.bankruptcy.rounding = rounding;
        }
        Ok(fees)
    }
}

/// Runs `calc fee`.
///
/// # Errors
/// Those of [`Fees::parse`], [`Scale::fee`], [`Scale::set`], [`fees::take`].
pub fn run(context: &Context, args: &FeeArgs) -> Outcome<()> {
    let mut fees = args.scale.read()?;
    match (args.without_amount, args.claimed, args.collected) {
        (Some(fee), ..) => print(context, &fees, &fees.execution, &fees.execution.set(fee)?),
        (None, Some(claimed), Some(collected)) => {
            fees.taking.base = args.base.unwrap_or(fees.taking.base);
            fees.taking.rank = args.rank.unwrap_or(fees.taking.rank);
            print_taken(context, &fees, claimed, collected)
        }
        _ => print(context, &fees, &fees.execution, &fees.execution.fee(args.amount.unwrap_or_default())?),
    }
}

/// Runs `calc preservation-fee`.
///
/// # Errors
/// Those of [`Fees::parse`] and [`Scale::fee`].
pub fn run_preservation(context: &Context, args: &PreservationFeeArgs) -> Outcome<()> {
    let fees = args.scale.read()?;
    print(context, &fees, &fees.preservation, &fees.preservation.fee(args.amount)?)
}

/// Runs `calc bankruptcy-fee`.
///
/// # Errors
/// Those of [`Fees::parse`] and [`Scale::fee`].
pub fn run_bankruptcy(context: &Context, args: &BankruptcyFeeArgs) -> Outcome<()> {
    let fees = args.scale.read()?;
    print(context, &fees, &fees.bankruptcy, &fees.bankruptcy.fee(args.property_case_fee)?)
}

fn print(context: &Context, fees: &Fees, scale: &Scale, fee: &Fee) -> Outcome<()> {
    context.output.object(&json!({
        "fee": plain(fee.fee),
        "lines": fee.lines.iter().map(line_object).collect::<Vec<_>>(),
        "base": fee.base.map(plain),
        "rounding": scale.rounding,
        "version": fees.version,
    }))?;
    print_lines(context, &fee.lines)?;
    context.output.pairs(&pairs(context, fees, scale, fee))?;
    Ok(())
}

fn pairs(context: &Context, fees: &Fees, scale: &Scale, fee: &Fee) -> Vec<(Message, String)> {
    vec![
        (Message::new("calc.fee"), fee.fee.to_string()),
        (Message::new("calc.rounding"), scale.rounding.message().text(context.output.language)),
        (Message::new("calc.rules_version"), fees.version.clone()),
    ]
}

fn print_taken(context: &Context, fees: &Fees, claimed: Amount, collected: Amount) -> Outcome<()> {
    let taken = fees::take(fees, claimed, collected)?;
    let taking = &fees.taking;
    let mut object = json!({
        "fee": plain(taken.fee.fee),
        "lines": taken.fee.lines.iter().map(line_object).collect::<Vec<_>>(),
        "base": taken.fee.base.map(plain),
        "rounding": fees.execution.rounding,
        "version": fees.version,
        "reckoned_on": taking.base,
        "rank": taking.rank,
        "to_fee": plain(taken.to_fee),
        "to_claimant": plain(taken.to_claimant),
        "surplus": plain(taken.surplus),
        "fee_open": plain(taken.fee_open),
        "claim_open": plain(taken.claim_open),
    });
    put(&mut object, "taking_source", &taking.source);
    context.output.object(&object)?;
    print_lines(context, &taken.fee.lines)?;
    let language = context.output.language;
    let mut all = pairs(context, fees, &fees.execution, &taken.fee);
    all.extend([
        (Message::new("calc.fee_base"), taking.base.message().text(language)),
        (Message::new("calc.fee_rank"), taking.rank.message().text(language)),
        (Message::new("calc.to_fee"), taken.to_fee.to_string()),
        (Message::new("calc.to_claimant"), taken.to_claimant.to_string()),
        (Message::new("calc.surplus"), taken.surplus.to_string()),
        (Message::new("calc.fee_open"), taken.fee_open.to_string()),
        (Message::new("calc.claim_open"), taken.claim_open.to_string()),
        (Message::new("calc.column_source"), taking.source.text(language).to_owned()),
    ]);
    context.output.pairs(&all)?;
    Ok(())
}
