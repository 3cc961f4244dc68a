//! `relief`: relief funds and relief insurance.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, both, day, yuan};
use crate::relief::claims::{self, CAP_PER_CENT, Claim, DAYS_TO_PAY, NewClaim, NewPolicy, Policy};
use crate::relief::{self, Entry, Said};
use crate::request::Answer;
use crate::{Failure, Message, Outcome, access};

/// What `relief` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ReliefCommand {
    /// 救助资金拨入 · Relief money arrives from a source
    FundIn(FundInArgs),
    /// 发放救助金 · Pay relief to a person
    Pay(PayArgs),
    /// 救助金返还 · A person gives relief back
    Refund(RefundArgs),
    /// 支付救助保险保费 · Pay the premium of a relief insurance out of a fund
    Premium(PremiumArgs),
    /// 向保险公司索赔 · Claim on the insurer, for one or many people
    Claim(ClaimArgs),
    /// 保险公司赔款到账 · The insurer pays for a claim
    InsurerPaid(InsurerPaidArgs),
    /// 赔款转付被救助人 · What the insurer paid goes on to the people
    PassThrough(PassThroughArgs),
    /// 资金余额、保额使用、逾期赔款 · What is left of funds and caps, and which claims are late
    Show,
}

/// What `relief fund-in` takes.
#[derive(Clone, Debug, Args)]
pub struct FundInArgs {
    /// 来源：财政、政法委、民政、慈善等 · The source
    pub source: String,
    /// 金额（元） · How much, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
    /// 拨款文件 · The paper
    #[arg(long, value_name = "PAPER")]
    pub document: String,
}

/// What `relief pay` takes.
#[derive(Clone, Debug, Args)]
pub struct PayArgs {
    /// 被救助人 · Who is relieved
    pub name: String,
    /// 资金编号 · Number of the fund
    #[arg(long, value_name = "NUMBER")]
    pub fund: i64,
    /// 案号 · The person's case
    #[arg(long, default_value = "")]
    pub case: String,
    /// 金额（元） · How much, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
    /// 救助决定书 · The decision
    #[arg(long, value_name = "PAPER")]
    pub document: String,
    /// 审批人，不得与经办人相同 · Who approves it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// What `relief refund` takes.
#[derive(Clone, Debug, Args)]
pub struct RefundArgs {
    /// 发放编号 · Number of the payment
    pub payment: i64,
    /// 金额（元） · How much, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
    /// 凭据 · The paper
    #[arg(long, value_name = "PAPER")]
    pub document: String,
}

/// What `relief premium` takes.
#[derive(Clone, Debug, Args)]
pub struct PremiumArgs {
    /// 保险公司 · The insurer
    pub insurer: String,
    /// 资金编号 · Number of the fund that pays
    #[arg(long, value_name = "NUMBER")]
    pub fund: i64,
    /// 保费（元） · The premium, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
    /// 赔付上限为保费的百分之几（整数） · The cap in whole per cent of the premium
    #[arg(long, default_value_t = CAP_PER_CENT, value_name = "PERCENT")]
    pub cap: i64,
    /// 保险起始日 · First day of the cover
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Date,
    /// 保险终止日 · Last day of the cover
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Date,
    /// 收到材料后几日内赔付 · Days from the papers to the payment
    #[arg(long, default_value_t = DAYS_TO_PAY, value_name = "DAYS")]
    pub days: i64,
    /// 保险合同 · The policy
    #[arg(long, value_name = "PAPER")]
    pub document: String,
    /// 审批人，不得与经办人相同 · Who approves it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// What `relief claim` takes.
#[derive(Clone, Debug, Args)]
pub struct ClaimArgs {
    /// 保单编号 · Number of the policy
    pub policy: i64,
    /// 材料送达保险公司之日 · Day on which the insurer had the papers
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub papers_on: Date,
    /// 姓名:金额[:案号]，可多次 · Name, yuan, case; may be given again
    #[arg(long = "person", value_name = "NAME:YUAN[:CASE]", value_parser = person)]
    pub people: Vec<PersonArg>,
    /// 名单文件，每行 姓名:金额[:案号] · A file with one person a line
    #[arg(long, value_name = "FILE")]
    pub people_file: Option<PathBuf>,
    /// 索赔函 · The paper
    #[arg(long, value_name = "PAPER")]
    pub document: String,
    /// 审批人，不得与经办人相同 · Who approves it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// What `relief insurer-paid` takes.
#[derive(Clone, Debug, Args)]
pub struct InsurerPaidArgs {
    /// 索赔编号 · Number of the claim
    pub claim: i64,
    /// 金额（元） · How much, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Amount,
    /// 银行凭据 · The bank's paper
    #[arg(long, value_name = "PAPER")]
    pub document: String,
}

/// What `relief pass-through` takes.
#[derive(Clone, Debug, Args)]
pub struct PassThroughArgs {
    /// 索赔编号 · Number of the claim
    pub claim: i64,
    /// 发放凭据 · The paper
    #[arg(long, value_name = "PAPER")]
    pub document: String,
    /// 审批人，不得与经办人相同 · Who approves it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// A person of a claim as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonArg {
    name: String,
    case: String,
    amount: Amount,
}

fn person(text: &str) -> Result<PersonArg, String> {
    let mut fields = text.trim().splitn(3, ':');
    let (Some(name), Some(amount)) = (fields.next(), fields.next()) else {
        return Err(both(&Message::new("relief.person_form").with("person", text.escape_debug())));
    };
    let case = fields.next().unwrap_or_default().to_owned();
    Ok(PersonArg { name: name.to_owned(), amount: yuan(amount)?, case })
}

/// Runs the command.
///
/// # Errors
/// Those of [`relief`].
pub fn run(context: &Context, command: &ReliefCommand) -> Outcome<()> {
    let court_id = context.book().court_id;
    match command {
        ReliefCommand::FundIn(args) => context.record("relief.fund_in", args, |tx, acting, chart| {
            let said = Said { name: &args.source, case_number: "", amount: args.amount, document: &args.document };
            let entry = relief::fund_in(tx, acting, chart, &said)?;
            Ok(answer("relief.funded", &entry))
        }),
        ReliefCommand::Pay(args) => context.record("relief.pay", args, |tx, acting, chart| {
            let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
            let said =
                Said { name: &args.name, case_number: &args.case, amount: args.amount, document: &args.document };
            let entry = relief::pay(tx, acting, chart, args.fund, &said, &second)?;
            Ok(answer("relief.paid", &entry))
        }),
        ReliefCommand::Refund(args) => context.record("relief.refund", args, |tx, acting, chart| {
            let entry = relief::refund(tx, acting, chart, args.payment, args.amount, &args.document)?;
            Ok(answer("relief.refunded", &entry))
        }),
        ReliefCommand::Premium(args) => context.record("relief.premium", args, |tx, acting, chart| {
            let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
            let new = NewPolicy {
                fund_id: args.fund,
                insurer: &args.insurer,
                premium: args.amount,
                cap_per_cent: args.cap,
                days: (args.from, args.until),
                days_to_pay: args.days,
                document: &args.document,
                confirmed_by: &second,
            };
            let policy = claims::premium(tx, acting, chart, &new)?;
            let message = Message::new("relief.insured")
                .with("policy", policy.policy_id)
                .with("insurer", &policy.insurer)
                .with("premium", policy.premium)
                .with("cap", policy.cap);
            Ok(Answer::new(&message, policy_object(&policy)))
        }),
        ReliefCommand::Claim(args) => claim(context, args),
        ReliefCommand::InsurerPaid(args) => context.record("relief.insurer_paid", args, |tx, acting, chart| {
            let entry = claims::insurer_paid(tx, acting, chart, args.claim, args.amount, &args.document)?;
            Ok(answer("relief.insurer_has_paid", &entry))
        }),
        ReliefCommand::PassThrough(args) => context.record("relief.pass_through", args, |tx, acting, chart| {
            let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
            let paid = claims::pass_through(tx, acting, chart, args.claim, &args.document, &second)?;
            let sum = Amount::sum(paid.iter().map(|entry| entry.amount)).unwrap_or(Amount::ZERO);
            let message =
                Message::new("relief.passed_on").with("claim", args.claim).with("people", paid.len()).with("sum", sum);
            let fields = json!({"claim_id": args.claim, "people": paid.len(), "sum_minor": sum});
            Ok(Answer::new(&message, fields))
        }),
        ReliefCommand::Show => show(context),
    }
}

fn answer(code: &'static str, entry: &Entry) -> Answer {
    let message =
        Message::new(code).with("entry", entry.relief_id).with("name", &entry.name).with("amount", entry.amount);
    Answer::new(&message, entry_object(entry))
}

fn entry_object(entry: &Entry) -> serde_json::Value {
    json!({
        "relief_id": entry.relief_id, "kind": entry.kind.as_str(), "fund_id": entry.fund_id, "claim_id": entry.claim_id,
        "refund_of": entry.refund_of, "name": entry.name, "case_number": entry.case_number,
        "amount_minor": entry.amount, "document": entry.document, "on": entry.on.to_string(),
    })
}

fn policy_object(policy: &Policy) -> serde_json::Value {
    json!({
        "policy_id": policy.policy_id, "insurer": policy.insurer, "premium_minor": policy.premium,
        "cap_minor": policy.cap, "granted_minor": policy.granted, "rest_minor": policy.rest,
        "from": policy.days.0.to_string(), "until": policy.days.1.to_string(),
    })
}

fn claim_object(claim: &Claim, today: Date) -> serde_json::Value {
    json!({
        "claim_id": claim.claim_id, "policy_id": claim.policy_id, "papers_on": claim.papers_on.to_string(),
        "due_on": claim.due_on.to_string(), "asked_minor": claim.asked, "granted_minor": claim.granted,
        "receivable_minor": claim.receivable, "days_late": claim.days_late(today),
        "people": claim.people.iter().map(|person| json!({
            "name": person.name, "case_number": person.case_number, "asked_minor": person.asked,
            "granted_minor": person.granted, "open_minor": person.open,
        })).collect::<Vec<_>>(),
    })
}

fn claim(context: &Context, args: &ClaimArgs) -> Outcome<()> {
    let court_id = context.book().court_id;
    let mut people = args.people.clone();
    if let Some(path) = &args.people_file {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))?;
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let wrong = |_| Message::new("relief.person_form").with("person", line.escape_debug()).in_file(path);
            people.push(person(line).map_err(wrong)?);
        }
    }
    let today = context.date();
    // What was in the file counts as asked, not its name.
    context.record("relief.claim", &(args, &people), |tx, acting, chart| {
        let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
        let listed: Vec<(&str, &str, Amount)> =
            people.iter().map(|one| (one.name.as_str(), one.case.as_str(), one.amount)).collect();
        let new = NewClaim {
            policy_id: args.policy,
            papers_on: args.papers_on,
            people: &listed,
            document: &args.document,
            confirmed_by: &second,
        };
        let claim = claims::claim(tx, acting, chart, &new)?;
        let code = if claim.granted < claim.asked { "relief.claimed_to_the_cap" } else { "relief.claimed" };
        let message = Message::new(code)
            .with("claim", claim.claim_id)
            .with("asked", claim.asked)
            .with("granted", claim.granted)
            .with("people", claim.people.len())
            .with("due_on", claim.due_on);
        Ok(Answer::new(&message, claim_object(&claim, today)))
    })
}

fn show(context: &Context) -> Outcome<()> {
    let book = relief::book(context.book().court_id);
    let today = context.date();
    let (funds, policies, all) =
        context.read(|tx| Ok((relief::funds(tx, book)?, claims::policies(tx, book)?, claims::claims(tx, book)?)))?;
    context.output.object(&json!({
        "funds": funds.iter().map(|(fund, left)| json!({
            "fund_id": fund.relief_id, "source": fund.name, "amount_minor": fund.amount, "left_minor": left,
        })).collect::<Vec<_>>(),
        "policies": policies.iter().map(policy_object).collect::<Vec<_>>(),
        "claims": all.iter().map(|claim| claim_object(claim, today)).collect::<Vec<_>>(),
    }))?;
    let rows: Vec<Vec<String>> = funds
        .iter()
        .map(|(fund, left)| {
            vec![fund.relief_id.to_string(), fund.name.clone(), fund.amount.to_string(), left.to_string()]
        })
        .collect();
    let number = |code| Column::number(Message::new(code));
    let text = |code| Column::text(Message::new(code));
    context.output.table(
        &[number("column.id"), text("relief.column_source"), number("column.amount"), number("relief.column_left")],
        &rows,
    )?;
    let rows: Vec<Vec<String>> = policies
        .iter()
        .map(|policy| {
            vec![
                policy.policy_id.to_string(),
                policy.insurer.clone(),
                policy.premium.to_string(),
                policy.cap.to_string(),
                policy.granted.to_string(),
                policy.rest.to_string(),
                policy.days.1.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            number("column.id"),
            text("relief.column_insurer"),
            number("relief.column_premium"),
            number("relief.column_cap"),
            number("relief.column_granted"),
            number("relief.column_rest"),
            text("relief.column_until"),
        ],
        &rows,
    )?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|claim| {
            let late = claim.days_late(today).map(|days| days.to_string()).unwrap_or_default();
            vec![
                claim.claim_id.to_string(),
                claim.people.len().to_string(),
                claim.asked.to_string(),
                claim.granted.to_string(),
                claim.receivable.to_string(),
                claim.due_on.to_string(),
                late,
            ]
        })
        .collect();
    context.output.table(
        &[
            number("column.id"),
            number("relief.column_people"),
            number("relief.column_asked"),
            number("relief.column_granted"),
            number("relief.column_receivable"),
            text("relief.column_due_on"),
            number("relief.column_late"),
        ],
        &rows,
    )?;
    Ok(())
}
