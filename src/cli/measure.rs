//! `query`, `freeze`, `renew`, `deduct`, `surrender`, `lift`: orders on assets.

use ankuan_ledger::Amount;
use clap::{ArgGroup, Args};
use jiff::civil::Date;
use serde_json::json;

use super::{Context, Words, both, day, words, yuan};
use crate::amount::parse_yuan;
use crate::assets::measures::{self, Allowance, NewMeasure, Ordered, Whose};
use crate::assets::register::find_asset;
use crate::assets::rules::Extent;
use crate::assets::{Action, Basis, queries};
use crate::request::Answer;
use crate::{Message, Outcome, access, cases, chart};

/// What `freeze` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("extent").required(true).args(["amount", "share", "whole"]))]
#[command(group = ArgGroup::new("whose").required(true).args(["case", "outside_court"]))]
pub struct FreezeArgs {
    /// 财产编号 · Number of the asset
    pub asset: i64,
    /// 案号 · Case
    #[arg(long)]
    pub case: Option<String>,
    /// 他院冻结：法院名称 · Another court's order, as we were told of it
    #[arg(long, value_name = "COURT", requires_all = ["since", "notice"])]
    pub outside_court: Option<String>,
    /// 他院冻结生效或轮候之日 · Since when the other court's order is in force or waits
    #[arg(long, value_name = "DATE", requires = "outside_court", value_parser = day)]
    pub since: Option<Date>,
    /// 他院实际冻结金额；不填即轮候 · What is frozen for the other court; without it, it waits
    #[arg(long, value_name = "YUAN", value_parser = yuan, requires = "outside_court")]
    pub frozen: Option<Amount>,
    /// 告知他院冻结的材料 · The paper that tells of the other court's order
    #[arg(long, value_name = "PAPER", requires = "outside_court")]
    pub notice: Option<String>,
    /// 裁定书文号 · Number of the ruling
    #[arg(long)]
    pub ruling: String,
    /// 依据：preservation 保全，enforcement 执行 · What it rests on
    #[arg(long, value_parser = basis())]
    pub basis: Basis,
    /// 冻结金额（元） · Freeze so much, yuan
    #[arg(long, value_parser = yuan)]
    pub amount: Option<Amount>,
    /// 冻结份额，如 12.5% · Freeze a share
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    pub share: Option<i64>,
    /// 全部冻结 · Freeze all of it
    #[arg(long)]
    pub whole: bool,
    /// 期限（月）；不填即法定最长 · How long, in months; default: as long as the law allows
    #[arg(long)]
    pub months: Option<u16>,
    /// 执行人员；不填即经办人 · Who carries it out; default: who acts
    #[arg(long)]
    pub officer: Option<String>,
    /// 工资：每月保留的生活费（元） · Of a salary: what stays free each month, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub allowance: Option<Amount>,
    /// 未支取的生活费结转下月 · Unused allowance is carried to the next month
    #[arg(long, requires = "allowance")]
    pub carry_over: bool,
}

/// What `renew` takes.
#[derive(Clone, Debug, Args)]
pub struct RenewArgs {
    /// 措施编号 · Number of the freeze
    pub measure: i64,
    /// 裁定书文号 · Number of the ruling
    #[arg(long)]
    pub ruling: String,
    /// 续行期限（月）；不填即法定最长 · How long, in months; default: as long as the law allows
    #[arg(long)]
    pub months: Option<u16>,
}

/// What `deduct` takes.
#[derive(Clone, Debug, Args)]
pub struct DeductArgs {
    /// 措施编号 · Number of the freeze
    pub measure: i64,
    /// 扣划金额（元） · How much, yuan
    #[arg(long, value_parser = yuan)]
    pub amount: Amount,
    /// 裁定书文号 · Number of the ruling
    #[arg(long)]
    pub ruling: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
    /// 划入的法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

/// What `surrender` takes.
#[derive(Clone, Debug, Args)]
pub struct SurrenderArgs {
    /// 措施编号（保单的冻结） · Number of the freeze of a policy
    pub measure: i64,
    /// 裁定书文号 · Number of the ruling
    #[arg(long)]
    pub ruling: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
    /// 划入的法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

/// What `query` takes.
#[derive(Clone, Debug, Args)]
pub struct QueryArgs {
    /// 财产编号 · Number of the asset
    pub asset: i64,
    /// 案号 · Case
    #[arg(long)]
    pub case: String,
    /// 协助查询通知书文号 · Number of the notice
    #[arg(long)]
    pub paper: String,
    /// 依据：preservation 保全，enforcement 执行 · What it rests on
    #[arg(long, value_parser = basis(), default_value = "enforcement")]
    pub basis: Basis,
    /// 执行人员；不填即经办人 · Who carries it out; default: who acts
    #[arg(long)]
    pub officer: Option<String>,
}

/// What `lift` takes.
#[derive(Clone, Debug, Args)]
pub struct LiftArgs {
    /// 措施编号 · Number of the freeze
    pub measure: i64,
    /// 裁定书文号；他院冻结：告知材料 · Number of the ruling; of another court's order the paper that tells
    #[arg(long)]
    pub ruling: String,
    /// 他院冻结的终止日 · Of another court's order: the day on which it ended
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
}

fn basis() -> Words<Basis> {
    words(Basis::parse, Basis::ALL.iter().map(|word| word.as_str()))
}

/// Per cent with up to two decimals, in hundredths.
fn share(text: &str) -> Result<i64, String> {
    let wrong = || both(&Message::new("assets.share"));
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    Ok(parse_yuan(number).map_err(|_| wrong())?.minor())
}

/// Runs `freeze`.
///
/// # Errors
/// Those of [`measures::freeze`].
pub fn freeze(context: &Context, args: &FreezeArgs) -> Outcome<()> {
    let book = context.book();
    context.record("asset.freeze", args, |tx, acting, _| {
        let asset = find_asset(tx, book, args.asset)?;
        let case = args.case.as_deref().map(|number| cases::find_case(tx, book, number)).transpose()?;
        let whose = match (&case, &args.outside_court) {
            (Some(case), _) => Whose::Case(case),
            (None, court) => Whose::Outside {
                court: court.as_deref().unwrap_or_default(),
                frozen: args.frozen,
                since: args.since.unwrap_or(acting.date),
                document: args.notice.as_deref().unwrap_or_default(),
            },
        };
        let extent = match (args.amount, args.share) {
            (Some(amount), _) => Extent::Amount(amount),
            (None, Some(share)) => Extent::Share(share),
            (None, None) => Extent::Whole,
        };
        let new = NewMeasure {
            asset: &asset,
            ruling: &args.ruling,
            officer: args.officer.as_deref().unwrap_or(&acting.actor.name),
            basis: args.basis,
            extent,
            months: args.months,
            allowance: args.allowance.map(|monthly| Allowance { monthly, carries_over: args.carry_over }),
        };
        let ordered = measures::freeze(tx, acting, &whose, &new)?;
        let code = if case.is_some() { "assets.freeze_ordered" } else { "assets.freeze_reported" };
        let message = Message::new(code)
            .with("measure", ordered.measure_id)
            .with("asset", asset.asset_id)
            .with("months", ordered.months.unwrap_or_default())
            .with("institution", &asset.institution);
        Ok(answer(&message, &ordered, Action::Freeze))
    })
}

fn answer(message: &Message, ordered: &Ordered, action: Action) -> Answer {
    let fields = json!({
        "measure_id": ordered.measure_id, "order": ordered.order_id, "action": action.as_str(),
        "months": ordered.months,
    });
    Answer::new(
        &message.clone().with("order", ordered.order_id.map_or_else(|| "—".into(), |id| id.to_string())),
        fields,
    )
}

/// Runs `renew`.
///
/// # Errors
/// Those of [`measures::renew`].
pub fn renew(context: &Context, args: &RenewArgs) -> Outcome<()> {
    context.record("asset.renew", args, |tx, acting, _| {
        let ordered = measures::renew(tx, acting, args.measure, args.months, &args.ruling)?;
        let message = Message::new("assets.renewal_ordered").with("measure", args.measure);
        Ok(answer(&message.with("months", ordered.months.unwrap_or_default()), &ordered, Action::Renew))
    })
}

/// Runs `deduct`.
///
/// # Errors
/// Those of [`measures::deduct`].
pub fn deduct(context: &Context, args: &DeductArgs) -> Outcome<()> {
    let court_id = context.book().court_id;
    context.record("asset.deduct", args, |tx, acting, _| {
        let account = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
        let ordered = measures::deduct(tx, acting, args.measure, args.amount, &account, &args.ruling, &second)?;
        let message = Message::new("assets.deduction_ordered")
            .with("measure", args.measure)
            .with("amount", args.amount)
            .with("account", &account.number)
            .with("name", &second.name);
        Ok(answer(&message, &ordered, Action::Deduct))
    })
}

/// Runs `surrender`.
///
/// # Errors
/// Those of [`measures::surrender`].
pub fn surrender(context: &Context, args: &SurrenderArgs) -> Outcome<()> {
    let court_id = context.book().court_id;
    context.record("asset.surrender", args, |tx, acting, _| {
        let account = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
        let ordered = measures::surrender(tx, acting, args.measure, &account, &args.ruling, &second)?;
        let message = Message::new("assets.surrender_ordered")
            .with("measure", args.measure)
            .with("account", &account.number)
            .with("name", &second.name);
        Ok(answer(&message, &ordered, Action::Surrender))
    })
}

/// Runs `query`.
///
/// # Errors
/// Those of [`queries::order`].
pub fn query(context: &Context, args: &QueryArgs) -> Outcome<()> {
    let book = context.book();
    context.record("asset.query", args, |tx, acting, _| {
        let asset = find_asset(tx, book, args.asset)?;
        let case = cases::find_case(tx, book, &args.case)?;
        let officer = args.officer.as_deref().unwrap_or(&acting.actor.name);
        let query_id = queries::order(tx, acting, &asset, &case, args.basis, (&args.paper, officer))?;
        let message = Message::new("assets.query_ordered")
            .with("order", query_id)
            .with("asset", asset.asset_id)
            .with("institution", &asset.institution);
        Ok(Answer::new(&message, json!({"order": query_id, "action": "query", "asset_id": asset.asset_id})))
    })
}

/// Runs `lift`.
///
/// # Errors
/// Those of [`measures::lift`].
pub fn lift(context: &Context, args: &LiftArgs) -> Outcome<()> {
    context.record("asset.lift", args, |tx, acting, _| {
        let ordered = measures::lift(tx, acting, args.measure, args.on, &args.ruling)?;
        let code = if ordered.order_id.is_some() { "assets.lift_ordered" } else { "assets.ended_now" };
        Ok(answer(&Message::new(code).with("measure", args.measure), &ordered, Action::Lift))
    })
}
