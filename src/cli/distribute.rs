//! `distribute`: divide a case's money, explain one claimant's share.

use ankuan_ledger::{Amount, Tx};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::Column;
use super::{Context, yuan};
use crate::access::Acting;
use crate::cases;
use crate::failure::Outcome;
use crate::message::Message;
use crate::payouts::distribute::{Plan, Proof, Rule};
use crate::payouts::explain::percent;
use crate::payouts::rounds::{StoredDistribution, distributions_of_case, explain_share, record_distribution};
use crate::request::Answer;

/// Distributions.
#[derive(Clone, Debug, Subcommand)]
pub enum DistributeCommand {
    /// 计算并保存分配方案 · Divide money of a case and store every share
    Make(MakeArgs),
    /// 列出案件的分配方案 · Distributions of a case
    List {
        /// 案号 · Case number
        #[arg(long)]
        case: String,
    },
    /// 说明某一债权人的份额 · Explain one claimant's share
    Explain {
        /// 方案编号 · Number of the distribution
        distribution: i64,
        /// 债权编号 · Claimant number, as in the list
        #[arg(long)]
        claimant: String,
    },
}

/// How the pot is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RuleArg {
    /// 按债权比例 · All claims at one ratio
    ProRata,
    /// 按顺位 · Class after class, pro rata within the class where the money ends
    Ranked,
    /// 按清单金额 · The amounts of the list
    Fixed,
}

/// What `distribute make` takes.
#[derive(Clone, Debug, Args)]
pub struct MakeArgs {
    /// 案号 · Case number
    #[arg(long)]
    pub case: String,
    /// 本次分配金额（元）；不填为案件全部可用案款 · Money of this round, yuan; default: all that is available
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub pot: Option<Amount>,
    /// 分配规则 · Rule
    #[arg(long, value_enum, default_value_t = RuleArg::ProRata)]
    pub rule: RuleArg,
    /// 低于此金额（元）的份额结转下次；默认不结转 · Carry shares below this to the next round; off by default
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub smallest_payment: Option<Amount>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`record_distribution`] and [`explain_share`].
pub fn run(context: &Context, command: &DistributeCommand) -> Outcome<()> {
    match command {
        DistributeCommand::Make(args) => {
            let mut store = context.store()?;
            let made = context.act(
                &mut store,
                "distribute.make",
                args,
                |tx, acting| make(context, tx, acting, args),
                |_, (stored, proof)| Ok(answer(stored, proof)),
            )?;
            made.map_or(Ok(()), |(stored, proof)| print(context, &stored, &proof))
        }
        DistributeCommand::List { case } => list(context, case),
        DistributeCommand::Explain { distribution, claimant } => explain(context, *distribution, claimant),
    }
}

/// Makes a distribution; also a step of the demo.
///
/// # Errors
/// Those of [`record_distribution`].
pub fn make(
    context: &Context,
    tx: &mut Tx<'_>,
    acting: &Acting,
    args: &MakeArgs,
) -> Outcome<(StoredDistribution, Proof)> {
    let case = cases::find_case(tx, context.book(), &args.case)?;
    let rule = match args.rule {
        RuleArg::ProRata => Rule::ProRata,
        RuleArg::Ranked => Rule::Ranked,
        RuleArg::Fixed => Rule::Fixed,
    };
    let plan = Plan { smallest_payment: args.smallest_payment, ..Plan::new(rule) };
    record_distribution(tx, acting, case.case_id, args.pot, &plan)
}

fn answer(stored: &StoredDistribution, proof: &Proof) -> Answer {
    Answer::new(
        &sentence(proof),
        json!({
            "distribution": stored.distribution_id,
            "round": stored.round_no,
            "plan": stored.plan,
            "currency": "CNY",
            "proof": proof,
            "ties": proof.ties(),
        }),
    )
}

fn sentence(proof: &Proof) -> Message {
    let code = if proof.ties() { "distribute_cli.ties" } else { "distribute_cli.does_not_tie" };
    Message::new(code)
        .with("paid", proof.paid)
        .with("set_aside", proof.set_aside)
        .with("carried", proof.carried)
        .with("pot", proof.pot)
}

fn print(context: &Context, stored: &StoredDistribution, proof: &Proof) -> Outcome<()> {
    context.output.pairs(&[
        (Message::new("distribute_cli.distribution"), stored.distribution_id.to_string()),
        (Message::new("distribute_cli.round"), stored.round_no.to_string()),
        (Message::new("distribute_cli.claims"), proof.claims.to_string()),
        (Message::new("distribute_cli.claims_total"), proof.claims_total.to_string()),
        (Message::new("distribute_cli.pot"), proof.pot.to_string()),
        (Message::new("distribute_cli.ratio"), percent(proof.pot, proof.claims_total)),
        (Message::new("distribute_cli.paid"), format!("{} ({})", proof.paid, proof.paid_shares)),
        (Message::new("distribute_cli.set_aside"), format!("{} ({})", proof.set_aside, proof.set_aside_shares)),
        (Message::new("distribute_cli.carried"), proof.carried.to_string()),
    ])?;
    context.output.sentence(&sentence(proof))?;
    Ok(())
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let all = context.read(|tx| {
        let case = cases::find_case(tx, context.book(), number)?;
        distributions_of_case(tx, context.globals.court, case.case_id)
    })?;
    context.output.object(&json!({"distributions": all.iter().map(|stored| json!({
        "distribution": stored.distribution_id, "round": stored.round_no, "plan": stored.plan, "currency": "CNY",
        "pot_minor": stored.pot.minor(), "paid_minor": stored.paid.minor(),
        "set_aside_minor": stored.set_aside.minor(), "carried_minor": stored.carried.minor(),
    })).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|stored| {
            vec![
                stored.distribution_id.to_string(),
                stored.round_no.to_string(),
                stored.pot.to_string(),
                stored.paid.to_string(),
                stored.set_aside.to_string(),
                stored.carried.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("distribute_cli.distribution")),
            Column::number(Message::new("distribute_cli.round")),
            Column::number(Message::new("distribute_cli.pot")),
            Column::number(Message::new("distribute_cli.paid")),
            Column::number(Message::new("distribute_cli.set_aside")),
            Column::number(Message::new("distribute_cli.carried")),
        ],
        &rows,
    )?;
    Ok(())
}

fn explain(context: &Context, distribution: i64, claimant: &str) -> Outcome<()> {
    let explanations = context.read(|tx| explain_share(tx, context.globals.court, distribution, claimant))?;
    context.output.object(&json!({"claimant": claimant, "explanations": explanations}))?;
    for explanation in &explanations {
        for line in explanation.lines() {
            context.output.sentence(&line)?;
        }
    }
    Ok(())
}
