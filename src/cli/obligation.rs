//! `obligation`: what documents oblige parties to, and performance that is no bank line.

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, both, day, yuan};
use crate::access;
use crate::calculators::Rate;
use crate::calculators::interest::{Component, GeneralRate, Per, Statement};
use crate::calculators::waterfall::class_text;
use crate::cases;
use crate::obligations::balance::{Account, Way, open_of};
use crate::obligations::paid::{accounts_of_case, interest_rules};
use crate::obligations::performances::{self, Performance, Said};
use crate::obligations::{self, NewObligation, Obligation};
use crate::request::Answer;
use crate::{Language, Message, Outcome};

/// Obligations.
#[derive(Clone, Debug, Subcommand)]
pub enum ObligationCommand {
    /// 登记法律文书确定的债权 · Register what a document obliges a party to
    Add(AddArgs),
    /// 指定受领的收款人 · Say which payee is paid for it
    Payee {
        /// 债权编号 · Number of the obligation
        obligation: i64,
        /// 收款人编号 · Number of the payee
        payee: i64,
    },
    /// 列出案件的债权与余额 · Obligations of a case and what is open
    List {
        /// 案号 · Case number
        case: String,
        /// 截止日；默认记账日期 · End of this day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Option<Date>,
    },
    /// 显示债权：逐笔抵充与利息 · Show an obligation: what each payment met, and interest, line by line
    Show {
        /// 债权编号 · Number of the obligation
        obligation: i64,
        /// 截止日；默认记账日期 · End of this day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Option<Date>,
    },
    /// 执行外履行：当事人直接给付 · Performed outside the account
    PerformOutside(PerformArgs),
    /// 案件之间抵销 · Set two obligations off that are owed crosswise
    SetOff {
        /// 债权编号 · One obligation
        one: i64,
        /// 反向的债权编号 · The obligation the other way
        other: i64,
        /// 履行情况 · What was done
        #[command(flatten)]
        said: SaidArgs,
    },
    /// 债权转让、三角债清偿 · The creditor changes; three-party settlement
    Assign {
        /// 债权编号 · Number of the obligation
        obligation: i64,
        /// 受让人（本案当事人） · The new creditor, a party of the case
        #[arg(long, value_name = "NAME")]
        to: String,
        /// 受让人的收款人编号 · The new creditor's payee
        #[arg(long, value_name = "PAYEE")]
        payee: Option<i64>,
        /// 同时抵偿的债权：原债权人欠受让人的 · What the old creditor owes the new one and is settled by it
        #[arg(long, value_name = "OBLIGATION")]
        settles: Option<i64>,
        /// 履行情况 · What was done
        #[command(flatten)]
        said: SaidArgs,
    },
    /// 放弃、减免 · The creditor waives a part
    Waive(PerformArgs),
    /// 撤销误登的履行（反向分录） · Take a performance back by a counter-entry
    Undo {
        /// 履行编号 · Number of the performance
        performance: i64,
        /// 依据 · What proves it
        #[arg(long)]
        evidence: String,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
        /// 确认人 · Who confirms, another person
        #[arg(long, value_name = "NAME")]
        confirmed_by: String,
    },
}

/// What `obligation add` takes.
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// 案号 · Case number
    pub case: String,
    /// 债权人（本案当事人） · Creditor, a party of the case
    #[arg(long, value_name = "NAME")]
    pub creditor: String,
    /// 债务人（本案当事人） · Debtor, a party of the case
    #[arg(long, value_name = "NAME")]
    pub debtor: String,
    /// 清偿顺位类别，如 ordinary、preferred、wages · Class of the waterfalls
    #[arg(long, default_value = "ordinary")]
    pub class: String,
    /// 类别内的顺序（冻结、登记先后） · Place in a class that is paid by order
    #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u32).range(1..))]
    pub order: Option<u32>,
    /// 本金（元） · Principal, yuan
    #[arg(long, value_parser = yuan)]
    pub principal: Amount,
    /// 文书确定的一般利息（元） · General interest that the document states, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub interest: Option<Amount>,
    /// 实现债权的费用（元） · Costs of realising the claim, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub costs: Option<Amount>,
    /// 法律文书 · The document
    #[arg(long)]
    pub document: String,
    /// 文书日期 · Its day
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub document_on: Date,
    /// 履行期届满日，自该日起计加倍利息；不填即不计 · First day of doubled interest; without it none runs
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub doubled_from: Option<Date>,
    /// 一般利息利率，如 4.35% · Rate of general interest
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "general_from")]
    pub general_rate: Option<Rate>,
    /// 利率的期间 · What the rate is for
    #[arg(long, value_enum, default_value_t = Per::Year)]
    pub general_per: Per,
    /// 一般利息起算日 · First day of general interest
    #[arg(long, value_name = "DATE", value_parser = day, requires = "general_rate")]
    pub general_from: Option<Date>,
    /// 受领的收款人编号 · Payee that is paid for it
    #[arg(long, value_name = "PAYEE")]
    pub payee: Option<i64>,
}

/// What is said of a performance.
#[derive(Clone, Debug, Args)]
pub struct SaidArgs {
    /// 金额（元） · How much, yuan
    #[arg(long, value_parser = yuan)]
    pub amount: Amount,
    /// 履行日；默认记账日期 · Day of the performance; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
    /// 证据：收条、笔录、协议 · What proves it
    #[arg(long)]
    pub evidence: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// What `obligation perform-outside` and `obligation waive` take.
#[derive(Clone, Debug, Args)]
pub struct PerformArgs {
    /// 债权编号 · Number of the obligation
    pub obligation: i64,
    /// 履行情况 · What was done
    #[command(flatten)]
    pub said: SaidArgs,
}

fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).map_err(|message| both(&message))
}

/// Runs the command.
///
/// # Errors
/// Those of [`obligations`] and [`performances`].
pub fn run(context: &Context, command: &ObligationCommand) -> Outcome<()> {
    let court_id = context.globals.court;
    match command {
        ObligationCommand::Add(args) => add(context, args),
        ObligationCommand::Payee { obligation, payee } => {
            context.record("obligation.payee", command, |tx, acting, _| {
                let done = obligations::set_payee(tx, acting, *obligation, *payee)?;
                let message = Message::new("obligations.payee_set").with("obligation", obligation).with("payee", payee);
                Ok(Answer::new(&message, object(&done)))
            })
        }
        ObligationCommand::List { case, on } => list(context, case, *on),
        ObligationCommand::Show { obligation, on } => show(context, *obligation, *on),
        ObligationCommand::PerformOutside(args) => perform(context, Way::Outside, args),
        ObligationCommand::Waive(args) => perform(context, Way::Waived, args),
        ObligationCommand::SetOff { one, other, said } => {
            context.record("obligation.set_off", command, |tx, acting, chart| {
                let second = access::find_actor(tx, court_id, &said.confirmed_by)?;
                let done = performances::set_off(tx, acting, chart, (*one, *other), &said.of(acting.date, &second))?;
                let message = Message::new("obligations.set_off_done").with("one", one).with("other", other);
                let fields = json!({"performances": done.iter().map(performance).collect::<Vec<_>>()});
                Ok(Answer::new(
                    &message.with("amount", said.amount).with("performance", done[0].performance_id),
                    fields,
                ))
            })
        }
        ObligationCommand::Assign { obligation, to, payee, settles, said } => {
            context.record("obligation.assign", command, |tx, acting, chart| {
                let second = access::find_actor(tx, court_id, &said.confirmed_by)?;
                let said = said.of(acting.date, &second);
                let done = performances::assign(tx, acting, chart, *obligation, (to, *payee), *settles, &said)?;
                let message = Message::new("obligations.assigned")
                    .with("obligation", obligation)
                    .with("amount", said.amount)
                    .with("to", to)
                    .with("new", done.obligation.obligation_id);
                let fields = json!({
                    "performance": performance(&done.performance), "obligation": object(&done.obligation),
                    "settled": done.settled.as_ref().map(performance),
                });
                Ok(Answer::new(&message, fields))
            })
        }
        ObligationCommand::Undo { performance: id, evidence, reason, confirmed_by } => {
            context.record("obligation.undo", command, |tx, acting, _| {
                let second = access::find_actor(tx, court_id, confirmed_by)?;
                let done = performances::undo(tx, acting, *id, (evidence, reason), &second)?;
                let message = Message::new("obligations.undone").with("performance", id).with("count", done.len());
                Ok(Answer::new(&message, json!({"performances": done.iter().map(performance).collect::<Vec<_>>()})))
            })
        }
    }
}

impl SaidArgs {
    fn of<'a>(&'a self, date: Date, confirmed_by: &'a access::Actor) -> Said<'a> {
        Said { amount: self.amount, on: self.on.unwrap_or(date), evidence: &self.evidence, confirmed_by }
    }
}

fn add(context: &Context, args: &AddArgs) -> Outcome<()> {
    let book = context.book();
    context.record("obligation.add", args, |tx, acting, chart| {
        let case = cases::find_case(tx, book, &args.case)?;
        let general = args.general_from.zip(args.general_rate);
        let new = NewObligation {
            case: &case,
            creditor: &args.creditor,
            debtor: &args.debtor,
            class: &args.class,
            order: args.order,
            principal: args.principal,
            interest: args.interest.unwrap_or_default(),
            costs: args.costs.unwrap_or_default(),
            document: &args.document,
            document_on: args.document_on,
            due_on: args.doubled_from,
            general: general.map(|(from, rate)| GeneralRate { from, rate, per: args.general_per }),
            payee_id: args.payee,
        };
        let made = obligations::register(tx, acting, chart, &new)?;
        let message = Message::new("obligations.added")
            .with("obligation", made.obligation_id)
            .with("case", case.current_number())
            .with("creditor", &made.creditor)
            .with("debtor", &made.debtor)
            .with("amount", made.total);
        Ok(Answer::new(&message, object(&made)))
    })
}

fn perform(context: &Context, way: Way, args: &PerformArgs) -> Outcome<()> {
    let operation = if way == Way::Waived { "obligation.waive" } else { "obligation.perform_outside" };
    context.record(operation, args, |tx, acting, chart| {
        let second = access::find_actor(tx, acting.actor.court_id, &args.said.confirmed_by)?;
        let said = args.said.of(acting.date, &second);
        let done = performances::perform(tx, acting, chart, args.obligation, way, &said)?;
        let (_, open) = performances::open_now(tx, acting.actor.court_id, args.obligation, acting.date)?;
        let message = Message::new("obligations.performed")
            .with("performance", done.performance_id)
            .with("obligation", args.obligation)
            .with_term("way", &way.message())
            .with("amount", done.amount)
            .with("open", open.open_total);
        let mut fields = performance(&done);
        fields["open_minor"] = json!(open.open_total);
        Ok(Answer::new(&message, fields))
    })
}

/// An obligation for programs.
pub(super) fn object(one: &Obligation) -> serde_json::Value {
    json!({
        "obligation_id": one.obligation_id, "case_id": one.case_id, "creditor": one.creditor, "debtor": one.debtor,
        "class": one.class, "order": one.order, "principal_minor": one.principal, "interest_minor": one.interest,
        "costs_minor": one.costs, "total_minor": one.total, "currency": "CNY", "document": one.document,
        "document_on": one.document_on.to_string(), "doubled_from": one.due_on.map(|day| day.to_string()),
        "general_rate": one.general.map(|rate| rate.rate.to_string()),
        "general_from": one.general.map(|rate| rate.from.to_string()), "assigned_by": one.assigned_by,
        "payee_id": one.payee_id,
    })
}

fn performance(one: &Performance) -> serde_json::Value {
    json!({
        "performance_id": one.performance_id, "obligation_id": one.obligation_id, "way": one.way.as_str(),
        "amount_minor": one.amount, "interest_minor": one.interest, "currency": "CNY", "on": one.on.to_string(),
        "evidence": one.evidence, "pair_id": one.pair_id, "undone_by": one.undone_by,
    })
}

fn load(context: &Context, case_id: i64, on: Date) -> Outcome<Vec<(Account, Statement)>> {
    let all = context.read(|tx| accounts_of_case(tx, context.globals.court, case_id))?;
    let rules = interest_rules()?;
    let mut found = Vec::with_capacity(all.accounts.len());
    for account in all.accounts {
        let statement = account.reckon(&rules, on, all.bankruptcy)?;
        found.push((account, statement));
    }
    Ok(found)
}

fn with_open(account: &Account, statement: &Statement, on: Date) -> serde_json::Value {
    let mut value = object(&account.obligation);
    value["on"] = json!(on.to_string());
    value["open_minor"] = json!(statement.open_total);
    value["surplus_minor"] = json!(statement.surplus);
    value["doubled_interest_minor"] = json!(statement.doubled_interest);
    for (key, component) in [
        ("open_costs_minor", Component::Costs),
        ("open_general_interest_minor", Component::GeneralInterest),
        ("open_principal_minor", Component::Principal),
        ("open_doubled_interest_minor", Component::DoubledInterest),
    ] {
        value[key] = json!(open_of(statement, component));
    }
    value["reductions"] = account
        .reductions
        .iter()
        .map(|one| {
            json!({
                "way": one.way.as_str(), "id": one.id, "stops_on": one.stops_on.to_string(),
                "done_on": one.done_on.to_string(), "amount_minor": one.amount, "evidence": one.evidence,
            })
        })
        .collect();
    value
}

fn list(context: &Context, number: &str, on: Option<Date>) -> Outcome<()> {
    let on = on.unwrap_or_else(|| context.date());
    let case = context.read(|tx| cases::find_case(tx, context.book(), number))?;
    let found = load(context, case.case_id, on)?;
    let objects: Vec<_> = found.iter().map(|(account, statement)| with_open(account, statement, on)).collect();
    context.output.object(&json!({"case_id": case.case_id, "on": on.to_string(), "obligations": objects}))?;
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(account, statement)| {
            let one = &account.obligation;
            let reduced = Amount::sum(account.reductions.iter().filter(|one| one.done_on <= on).map(|one| one.amount));
            vec![
                one.obligation_id.to_string(),
                one.creditor.clone(),
                one.debtor.clone(),
                class_text(None, &one.class, context.output.language),
                one.total.to_string(),
                statement.doubled_interest.to_string(),
                reduced.unwrap_or_default().to_string(),
                statement.open_total.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("obligations.column_creditor")),
            Column::text(Message::new("obligations.column_debtor")),
            Column::text(Message::new("obligations.column_class")),
            Column::number(Message::new("obligations.column_registered")),
            Column::number(Message::new("calc.doubled_interest")),
            Column::number(Message::new("obligations.column_reduced")),
            Column::number(Message::new("obligations.column_open")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show(context: &Context, obligation_id: i64, on: Option<Date>) -> Outcome<()> {
    let on = on.unwrap_or_else(|| context.date());
    let one = context.read(|tx| obligations::find(tx, context.globals.court, obligation_id))?;
    let found = load(context, one.case_id, on)?;
    let found = found.iter().find(|(account, _)| account.obligation.obligation_id == obligation_id);
    let (account, statement) =
        found.ok_or_else(|| Message::new("obligations.unknown").with("obligation", obligation_id))?;
    let language = context.output.language;
    let text = |component: Component| component.message().text(language);
    let mut value = with_open(account, statement, on);
    value["met"] = statement
        .met
        .iter()
        .map(|met| {
            json!({
                "on": met.on.to_string(), "amount_minor": met.amount,
                "component": met.component.map(|one| one.message().text(Language::En)), "source": met.source.en,
            })
        })
        .collect();
    value["accruals"] = statement
        .accruals
        .iter()
        .map(|one| {
            json!({
                "component": one.component.message().text(Language::En), "from": one.days.from.to_string(),
                "until": one.days.until.to_string(), "days": one.day_count, "base_minor": one.base,
                "interest": one.interest.plain(), "source": one.source.en,
            })
        })
        .collect();
    context.output.object(&value)?;
    context.output.pairs(&[
        (Message::new("obligations.column_creditor"), one.creditor.clone()),
        (Message::new("obligations.column_debtor"), one.debtor.clone()),
        (Message::new("obligations.column_document"), format!("{} ({})", one.document, one.document_on)),
        (Message::new("obligations.column_class"), class_text(None, &one.class, language)),
        (Message::new("obligations.column_registered"), one.total.to_string()),
        (Message::new("obligations.column_open"), format!("{} ({on})", statement.open_total)),
    ])?;
    let rows: Vec<Vec<String>> = statement
        .accruals
        .iter()
        .map(|one| {
            vec![
                text(one.component),
                format!("{}..{}", one.days.from, one.days.until),
                one.day_count.to_string(),
                one.base.to_string(),
                one.rate.text(language),
                one.interest.to_string(),
                one.source.text(language).to_owned(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        context.output.table(
            &[
                Column::text(Message::new("obligations.column_component")),
                Column::text(Message::new("obligations.column_days")),
                Column::number(Message::new("obligations.column_day_count")),
                Column::number(Message::new("obligations.column_base")),
                Column::text(Message::new("obligations.column_rate")),
                Column::number(Message::new("column.amount")),
                Column::text(Message::new("obligations.column_source")),
            ],
            &rows,
        )?;
    }
    let rows: Vec<Vec<String>> = account
        .reductions
        .iter()
        .filter(|one| one.done_on <= on)
        .map(|one| {
            vec![
                one.id.to_string(),
                one.way.message().text(language),
                one.stops_on.to_string(),
                one.done_on.to_string(),
                one.amount.to_string(),
                one.evidence.clone(),
            ]
        })
        .collect();
    if !rows.is_empty() {
        context.output.table(&reduction_columns(), &rows)?;
        let rows: Vec<Vec<String>> = statement
            .met
            .iter()
            .map(|met| {
                let what = met.component.map_or_else(|| Message::new("obligations.surplus").text(language), text);
                vec![met.on.to_string(), what, met.amount.to_string(), met.source.text(language).to_owned()]
            })
            .collect();
        context.output.table(
            &[
                Column::text(Message::new("obligations.column_stops_on")),
                Column::text(Message::new("obligations.column_met")),
                Column::number(Message::new("column.amount")),
                Column::text(Message::new("obligations.column_source")),
            ],
            &rows,
        )?;
    }
    Ok(())
}

/// The columns of a list of reductions.
pub(super) fn reduction_columns() -> [Column; 6] {
    [
        Column::number(Message::new("column.id")),
        Column::text(Message::new("obligations.column_way")),
        Column::text(Message::new("obligations.column_stops_on")),
        Column::text(Message::new("obligations.column_done_on")),
        Column::number(Message::new("column.amount")),
        Column::text(Message::new("obligations.column_evidence")),
    ]
}
