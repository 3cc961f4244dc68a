//! `plan`: plans (分配方案) for the money of a receipt, objections to them, and what becomes of disputed money.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::calc::{read_calendar, read_rules};
use super::output::Column;
use super::{Context, Words, both, day, words, yuan};
use crate::access;
use crate::calculators::terms::{self, Terms};
use crate::calculators::waterfall::{self, Waterfalls, class_text, waterfall_text};
use crate::cases;
use crate::obligations::plan_rules::{Basis, Fact, Standing, objections, standing, still_open};
use crate::obligations::plans::{self, Decision, NewPlan, Plan, Recorded};
use crate::request::Answer;
use crate::{Language, Message, Outcome};

/// Plans.
#[derive(Clone, Debug, Subcommand)]
pub enum PlanCommand {
    /// 按债权和清偿顺序拟定分配方案 · Draft a plan out of the obligations of a case
    Draft(DraftArgs),
    /// 送达方案；或告知异议、反对意见 · Served; or told of an objection, of an opposition
    Serve {
        /// 送达情况 · What was served
        #[command(flatten)]
        said: SaidArgs,
        /// 期限规则（TOML）；默认内置 · Terms; default: those that are built in
        #[arg(long, value_name = "FILE")]
        terms: Option<PathBuf>,
        /// 工作日历（TOML）；默认只计周末 · Calendar; default: weekends only
        #[arg(long, value_name = "FILE")]
        calendar: Option<PathBuf>,
    },
    /// 对方案提出异议 · A party objects to a line
    Object {
        /// 异议情况 · The objection
        #[command(flatten)]
        said: SaidArgs,
        /// 方案第几行 · Number of the line
        #[arg(long)]
        line: i64,
        /// 争议金额（元） · How much of it is disputed, yuan
        #[arg(long, value_parser = yuan)]
        amount: Amount,
    },
    /// 对异议提出反对意见 · A party opposes an objection
    Oppose(SaidArgs),
    /// 异议人提起分配方案异议之诉 · The objector sues
    Suit(SaidArgs),
    /// 期满执行方案：无争议部分先发放，争议部分预留 · Settle: the undisputed part to a sheet, the disputed part set aside
    Settle {
        /// 方案编号 · Number of the plan
        plan: i64,
        /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
        #[arg(long, value_name = "NAME")]
        confirmed_by: String,
    },
    /// 争议款的处理：发放或退回案款 · What becomes of disputed money: paid, or back to the case
    Decide {
        /// 方案编号 · Number of the plan
        plan: i64,
        /// 异议编号 · Number of the objection
        #[arg(long)]
        objection: i64,
        /// 理由：lapsed 逾期未诉、withdrawn 撤回、unopposed 无人反对、judgment 判决 · Why
        #[arg(long, value_parser = basis())]
        basis: Basis,
        /// 判决应付的金额（元），其余退回案款 · By a judgment: how much is paid; the rest goes back
        #[arg(long, value_name = "YUAN", value_parser = yuan)]
        pay: Option<Amount>,
        /// 文书 · The paper
        #[arg(long)]
        document: String,
        /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
        #[arg(long, value_name = "NAME")]
        confirmed_by: String,
    },
    /// 批次撤回后另立审批表 · Pay again what stood on a sheet whose run was withdrawn
    PayAgain {
        /// 方案编号 · Number of the plan
        plan: i64,
        /// 异议编号：争议款的审批表 · Number of the objection, for disputed money
        #[arg(long)]
        objection: Option<i64>,
        /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
        #[arg(long, value_name = "NAME")]
        confirmed_by: String,
    },
    /// 撤销尚未执行的方案 · Give up a plan that is not settled
    Cancel {
        /// 方案编号 · Number of the plan
        plan: i64,
        /// 文书 · The paper
        #[arg(long)]
        document: String,
    },
    /// 显示方案、期限和异议 · Show a plan, its periods and objections
    Show {
        /// 方案编号 · Number of the plan
        plan: i64,
    },
    /// 列出案件的方案 · Plans of a case
    List {
        /// 案号 · Case number
        case: String,
    },
}

/// What `plan draft` takes.
#[derive(Clone, Debug, Args)]
pub struct DraftArgs {
    /// 案号 · Case number
    pub case: String,
    /// 到账编号 · Number of the receipt
    #[arg(long, value_name = "NUMBER")]
    pub receipt: i64,
    /// 清偿顺序：natural_person、company、criminal、bankruptcy，或 名称@版本 · Waterfall
    #[arg(long, value_name = "NAME")]
    pub waterfall: String,
    /// 方案文号 · Number of the plan
    #[arg(long)]
    pub document: String,
    /// 参与分配的他案债权及其在本案的收款人 · Obligation of another case that takes part, and its payee here; several
    #[arg(long, value_name = "OBLIGATION:PAYEE", value_parser = also)]
    pub also: Vec<(i64, i64)>,
    /// 清偿顺序规则（TOML）；默认内置 · Waterfalls; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// 期限规则（TOML）；默认内置 · Terms; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub terms: Option<PathBuf>,
}

/// What is recorded of a plan.
#[derive(Clone, Debug, Args)]
pub struct SaidArgs {
    /// 方案编号 · Number of the plan
    pub plan: i64,
    /// 当事人 · The party
    #[arg(long, value_name = "NAME")]
    pub party: String,
    /// 异议编号 · Number of the objection
    #[arg(long)]
    pub objection: Option<i64>,
    /// 日期；默认记账日期 · Legal day; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
    /// 送达回证、异议书等 · The paper
    #[arg(long, default_value = "")]
    pub document: String,
}

impl SaidArgs {
    fn of(&self, date: Date) -> Recorded<'_> {
        Recorded {
            plan_id: self.plan,
            party: &self.party,
            objection_id: self.objection,
            on: self.on.unwrap_or(date),
            document: &self.document,
        }
    }
}

fn basis() -> Words<Basis> {
    words(Basis::parse, Basis::ALL.iter().map(|word| word.as_str()))
}

fn also(text: &str) -> Result<(i64, i64), String> {
    let wrong = || both(&Message::new("plans.also_form").with("value", text.escape_debug()));
    let (obligation, payee) = text.split_once(':').ok_or_else(wrong)?;
    Ok((obligation.parse().map_err(|_| wrong())?, payee.parse().map_err(|_| wrong())?))
}

/// Runs the command.
///
/// # Errors
/// Those of [`plans`].
pub fn run(context: &Context, command: &PlanCommand) -> Outcome<()> {
    let court_id = context.globals.court;
    match command {
        PlanCommand::Draft(args) => draft(context, args),
        PlanCommand::Serve { said, terms, calendar } => {
            let terms = read_rules(terms.as_deref(), terms::STANDARD, Terms::parse)?;
            let calendar = read_calendar(calendar.as_deref())?;
            context.record("plan.serve", command, |tx, acting, _| {
                Ok(recorded(&plans::serve(tx, acting, &said.of(acting.date), &terms, &calendar)?))
            })
        }
        PlanCommand::Object { said, line, amount } => context.record("plan.object", command, |tx, acting, _| {
            Ok(recorded(&plans::object(tx, acting, &said.of(acting.date), *line, *amount)?))
        }),
        PlanCommand::Oppose(said) => context.record("plan.oppose", said, |tx, acting, _| {
            Ok(recorded(&plans::answer(tx, acting, &said.of(acting.date), false)?))
        }),
        PlanCommand::Suit(said) => context.record("plan.suit", said, |tx, acting, _| {
            Ok(recorded(&plans::answer(tx, acting, &said.of(acting.date), true)?))
        }),
        PlanCommand::Settle { plan, confirmed_by } => context.record("plan.settle", command, |tx, acting, chart| {
            let second = access::find_actor(tx, court_id, confirmed_by)?;
            let found = plans::find_plan(tx, court_id, *plan)?;
            let case = cases::case_by_id(tx, context.book(), found.case_id)?;
            let done = plans::settle(tx, acting, chart, &case, *plan, &second)?;
            let aside = Amount::sum(done.set_aside.iter().map(|(_, amount)| *amount)).unwrap_or_default();
            let sheet_id = done.sheet.as_ref().map(|sheet| sheet.sheet_id);
            let message = Message::new("plans.settled_now")
                .with("plan", plan)
                .with("sheet", sheet_id.map_or_else(|| "—".to_owned(), |id| id.to_string()))
                .with("paid", done.paid)
                .with("aside", aside);
            let fields = json!({
                "plan_id": plan, "sheet_id": sheet_id, "paid_minor": done.paid, "set_aside_minor": aside,
                "stays_minor": done.stays, "currency": "CNY",
                "set_aside": done.set_aside.iter().map(|(objection, amount)|
                    json!({"objection_id": objection, "amount_minor": amount})).collect::<Vec<_>>(),
            });
            Ok(Answer::new(&message, fields))
        }),
        PlanCommand::Decide { plan, objection, basis, pay, document, confirmed_by } => {
            context.record("plan.decide", command, |tx, acting, chart| {
                let second = access::find_actor(tx, court_id, confirmed_by)?;
                let found = plans::find_plan(tx, court_id, *plan)?;
                let case = cases::case_by_id(tx, context.book(), found.case_id)?;
                let new = Decision {
                    plan_id: *plan,
                    objection_id: *objection,
                    basis: *basis,
                    pay: *pay,
                    document,
                    confirmed_by: &second,
                };
                let (fact, sheet) = plans::decide(tx, acting, chart, &case, &new)?;
                let sheet_id = sheet.map(|sheet| sheet.sheet_id);
                let message = Message::new("plans.decided_now")
                    .with("objection", objection)
                    .with("paid", fact.amount.unwrap_or_default())
                    .with("back", fact.rest.unwrap_or_default())
                    .with("sheet", sheet_id.map_or_else(|| "—".to_owned(), |id| id.to_string()));
                Ok(Answer::new(&message, as_json(&fact)))
            })
        }
        PlanCommand::PayAgain { plan, objection, confirmed_by } => {
            context.record("plan.pay_again", command, |tx, acting, _| {
                let second = access::find_actor(tx, court_id, confirmed_by)?;
                let found = plans::find_plan(tx, court_id, *plan)?;
                let case = cases::case_by_id(tx, context.book(), found.case_id)?;
                let sheet = plans::pay_again(tx, acting, &case, (*plan, *objection), &second)?;
                let message = Message::new("plans.paid_again").with("plan", plan).with("sheet", sheet.sheet_id);
                let fields =
                    json!({"plan_id": plan, "sheet_id": sheet.sheet_id, "total_minor": sheet.total, "currency": "CNY"});
                Ok(Answer::new(&message, fields))
            })
        }
        PlanCommand::Cancel { plan, document } => context.record("plan.cancel", command, |tx, acting, _| {
            plans::cancel(tx, acting, *plan, document)?;
            Ok(Answer::new(&Message::new("plans.cancelled_now").with("plan", plan), json!({"plan_id": plan})))
        }),
        PlanCommand::Show { plan } => show(context, *plan),
        PlanCommand::List { case } => list(context, case),
    }
}

fn draft(context: &Context, args: &DraftArgs) -> Outcome<()> {
    let waterfalls = read_rules(args.rules.as_deref(), waterfall::STANDARD, Waterfalls::parse)?;
    let terms = read_rules(args.terms.as_deref(), terms::STANDARD, Terms::parse)?;
    context.record("plan.draft", args, |tx, acting, _| {
        let case = cases::find_case(tx, context.book(), &args.case)?;
        let new = NewPlan {
            case: &case,
            receipt_id: args.receipt,
            waterfall: &args.waterfall,
            waterfalls: &waterfalls,
            terms: &terms,
            document: &args.document,
            also: &args.also,
        };
        let plan = plans::draft(tx, acting, &new)?;
        let message = Message::new("plans.drafted")
            .with("plan", plan.plan_id)
            .with("case", case.current_number())
            .with("pot", plan.pot)
            .with("granted", plan.granted)
            .with("surplus", plan.surplus)
            .with("lines", plan.lines.len());
        Ok(Answer::new(&message, object(&plan)))
    })
}

fn recorded(fact: &Fact) -> Answer {
    let message = match fact.last_day {
        Some(last) => {
            Message::new("plans.served_now").with("party", &fact.party).with("on", fact.on).with("last", last)
        }
        None => Message::new("plans.recorded").with("party", &fact.party).with("on", fact.on).with("number", fact.id),
    };
    Answer::new(&message, as_json(fact))
}

fn as_json(fact: &Fact) -> serde_json::Value {
    json!({
        "id": fact.id, "event": fact.step.as_str(), "party": fact.party, "objection_id": fact.objection_id,
        "plan_line_id": fact.plan_line_id, "amount_minor": fact.amount, "rest_minor": fact.rest, "currency": "CNY",
        "on": fact.on.to_string(), "last_day": fact.last_day.map(|day| day.to_string()), "basis": fact.basis,
        "document": fact.document, "sheet_id": fact.sheet_id,
    })
}

fn object(plan: &Plan) -> serde_json::Value {
    json!({
        "plan_id": plan.plan_id, "case_id": plan.case_id, "receipt_id": plan.receipt_id, "waterfall": plan.waterfall,
        "document": plan.document, "as_of": plan.as_of.to_string(), "pot_minor": plan.pot,
        "granted_minor": plan.granted, "surplus_minor": plan.surplus, "currency": "CNY", "parties": plan.parties,
        "objection_period": plan.periods[0].to_string(), "opposition_period": plan.periods[1].to_string(),
        "suit_period": plan.periods[2].to_string(),
        "lines": plan.lines.iter().map(|line| json!({
            "line": line.line_no, "plan_line_id": line.plan_line_id, "obligation_id": line.obligation_id,
            "payee_id": line.payee_id, "creditor": line.creditor, "class": line.class, "order": line.order,
            "costs_minor": line.claim[0], "interest_minor": line.claim[1], "principal_minor": line.claim[2],
            "share_minor": line.share, "doubled_minor": line.doubled, "doubled_share_minor": line.doubled_share,
        })).collect::<Vec<_>>(),
        "events": plan.facts.iter().map(as_json).collect::<Vec<_>>(),
    })
}

fn list(context: &Context, number: &str) -> Outcome<()> {
    let all = context.read(|tx| {
        let case = cases::find_case(tx, context.book(), number)?;
        plans::plans_of_case(tx, context.globals.court, case.case_id)
    })?;
    context.output.object(&json!({"plans": all.iter().map(object).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|plan| {
            let amounts = [plan.pot, plan.granted, plan.surplus].map(|amount| amount.to_string());
            let waterfall = waterfall_text(&plan.waterfall, context.output.language);
            let mut row = vec![plan.plan_id.to_string(), plan.document.clone(), waterfall];
            row.extend(amounts);
            row
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("obligations.column_document")),
            Column::text(Message::new("plans.column_waterfall")),
            Column::number(Message::new("plans.column_pot")),
            Column::number(Message::new("plans.column_granted")),
            Column::number(Message::new("plans.column_surplus")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show(context: &Context, plan_id: i64) -> Outcome<()> {
    let today = context.date();
    let plan = context.read(|tx| plans::find_plan(tx, context.globals.court, plan_id))?;
    let open = still_open(&plan.facts, &plan.parties, today);
    let stands: Vec<(&Fact, Standing)> =
        objections(&plan.facts).map(|one| (one, standing(&plan.facts, one, &plan.parties, today))).collect();
    let mut value = object(&plan);
    value["still_open"] = json!(open.as_ref().map(|message| message.text(Language::Zh)));
    value["objections"] = stands
        .iter()
        .map(|(fact, standing)| json!({"objection_id": fact.id, "standing": standing.message().text(Language::En)}))
        .collect();
    context.output.object(&value)?;
    let language = context.output.language;
    context.output.pairs(&[
        (Message::new("obligations.column_document"), plan.document.clone()),
        (Message::new("plans.column_waterfall"), waterfall_text(&plan.waterfall, language)),
        (Message::new("plans.column_as_of"), plan.as_of.to_string()),
        (Message::new("plans.column_pot"), plan.pot.to_string()),
        (Message::new("plans.column_granted"), plan.granted.to_string()),
        (Message::new("plans.column_surplus"), plan.surplus.to_string()),
    ])?;
    let rows: Vec<Vec<String>> = plan
        .lines
        .iter()
        .map(|line| {
            vec![
                line.line_no.to_string(),
                line.obligation_id.to_string(),
                line.creditor.clone(),
                class_text(Some(&plan.waterfall), &line.class, language),
                Amount::sum(line.claim).unwrap_or_default().to_string(),
                line.share.to_string(),
                line.doubled.to_string(),
                line.doubled_share.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("plans.column_line")),
            Column::number(Message::new("obligations.column_obligation")),
            Column::text(Message::new("obligations.column_creditor")),
            Column::text(Message::new("obligations.column_class")),
            Column::number(Message::new("plans.column_claim")),
            Column::number(Message::new("plans.column_share")),
            Column::number(Message::new("calc.doubled_interest")),
            Column::number(Message::new("plans.column_share")),
        ],
        &rows,
    )?;
    if !plan.facts.is_empty() {
        let rows: Vec<Vec<String>> = plan
            .facts
            .iter()
            .map(|fact| {
                let amount = |amount: Option<Amount>| amount.map_or_else(String::new, |amount| amount.to_string());
                let standing = stands.iter().find(|(one, _)| one.id == fact.id);
                vec![
                    fact.id.to_string(),
                    fact.step.message().text(language),
                    fact.party.clone(),
                    fact.on.to_string(),
                    fact.last_day.map_or_else(String::new, |day| day.to_string()),
                    amount(fact.amount),
                    amount(fact.rest),
                    standing.map_or_else(String::new, |(_, standing)| standing.message().text(language)),
                ]
            })
            .collect();
        context.output.table(
            &[
                Column::number(Message::new("column.id")),
                Column::text(Message::new("plans.column_event")),
                Column::text(Message::new("plans.column_party")),
                Column::text(Message::new("plans.column_on")),
                Column::text(Message::new("plans.column_last_day")),
                Column::number(Message::new("column.amount")),
                Column::number(Message::new("plans.column_rest")),
                Column::text(Message::new("plans.column_standing")),
            ],
            &rows,
        )?;
    }
    if let Some(open) = &open {
        context.output.sentence(open)?;
    }
    Ok(())
}
