//! `calc live-freeze`.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::Args;
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{put, read, read_rules, said};
use crate::amount::plain;
use crate::assets::live_freeze::{
    self, Allowance, Days, Division, Facts, Finding, Line, MonthStatement, Rules, Several, Sources, Standing,
    Statement, Unused, read_movements, read_orders, reckon,
};
use crate::cli::output::Column;
use crate::cli::{Context, both, yuan};
use crate::failure::Outcome;
use crate::message::Message;

/// What `calc live-freeze` takes.
#[derive(Clone, Debug, Args)]
pub struct LiveFreezeArgs {
    /// 冻结文书（CSV 或 JSON）：order 案号、arrival 到达顺序、amount 冻结金额、from 起、until 止，及 lifted_on 解除日、
    /// allowance 生活费 · The orders
    #[arg(long, value_name = "FILE")]
    pub orders: PathBuf,
    /// 账户变动（CSV 或 JSON）：on 日期、kind 类型（credit 入账、withdrawal 支取、sweep 划转、paid 另行清偿）、amount 金额、
    /// order 案号 · What happened on the account
    #[arg(long, value_name = "FILE")]
    pub account: PathBuf,
    /// 计算至（含当日） · The last day that is reckoned
    #[arg(long, value_name = "DAY")]
    pub until: Date,
    /// 每月生活费（元）；可写明自哪月起、哪一文书：2500:2026-05、案号=2500:2026-05；可多次 · Living allowance a month, perhaps
    /// from a month on or of one order; several times
    #[arg(long = "allowance", value_name = "[ORDER=]YUAN[:MONTH]", value_parser = allowance)]
    pub allowances: Vec<Allowance>,
    /// 未用的生活费结转下月 · What is not drawn is carried over
    #[arg(long, conflicts_with = "lapse")]
    pub carry_over: bool,
    /// 未用的生活费当月作废 · What is not drawn lapses with its month
    #[arg(long)]
    pub lapse: bool,
    /// 生活费月度自几日起（如发薪日） · The day on which the month of the allowance begins, such as the pay day
    #[arg(long, value_name = "DAY", value_parser = clap::value_parser!(u8).range(1..=31))]
    pub month_begins: Option<u8>,
    /// 几家法院所定生活费不同时，以何为准 · Whose allowance holds where several courts set different ones
    #[arg(long, value_enum)]
    pub several: Option<Several>,
    /// 期初余额（元） · What was on the account before, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan, default_value = "0")]
    pub opening: Amount,
    /// 逐日列出 · Every day as well
    #[arg(long)]
    pub by_day: bool,
    /// 规则（TOML）；默认内置 · Rules; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

fn allowance(text: &str) -> Result<Allowance, String> {
    Allowance::parse(text).map_err(|message| both(&message))
}

/// Runs the command.
///
/// # Errors
/// Those of [`Rules::parse`], [`read_orders`], [`read_movements`] and [`reckon`].
pub fn run(context: &Context, args: &LiveFreezeArgs) -> Outcome<()> {
    let mut rules = read_rules(args.rules.as_deref(), live_freeze::STANDARD, Rules::parse)?;
    let settings = &mut rules.settings;
    match (args.carry_over, args.lapse) {
        (true, _) => settings.unused = Unused::Carried,
        (_, true) => settings.unused = Unused::Lapses,
        (false, false) => {}
    }
    settings.month_begins = args.month_begins.unwrap_or(settings.month_begins);
    settings.several = args.several.unwrap_or(settings.several);
    let facts = Facts {
        until: args.until,
        opening: args.opening,
        orders: read(&args.orders, read_orders)?,
        allowances: args.allowances.clone(),
        movements: read(&args.account, read_movements)?,
    };
    let statement = reckon(&rules, &facts)?;
    context.output.object(&object(&rules, &facts, &statement)?)?;
    if context.output.json { Ok(()) } else { print(context, args.by_day, &rules, &facts, &statement) }
}

fn name(statement: &Statement, place: usize) -> &str {
    statement.orders.get(place).map_or("", |one| one.order.order.as_str())
}

fn division_object(statement: &Statement, balance: Amount, division: &Division) -> Result<Value, Message> {
    let held = |(place, amount): &(usize, Amount)| json!({"order": name(statement, *place), "amount": plain(*amount)});
    Ok(json!({
        "balance": plain(balance), "free": plain(division.free()?), "allowance": plain(division.allowance),
        "unfrozen": plain(division.unfrozen), "held_total": plain(division.held_total()?),
        "held": division.held.iter().map(held).collect::<Vec<_>>(),
    }))
}

fn finding_message(statement: &Statement, finding: &Finding, sources: &Sources, context: &Context) -> Message {
    let code = if finding.is_of_first_day { "live_freeze.finding_first_day" } else { "live_freeze.finding" };
    let missing = |(place, amount): &(usize, Amount)| format!("{} {amount}", name(statement, *place));
    let missing: Vec<String> = finding.missing.iter().map(missing).collect();
    let message = Message::new(code).with("day", finding.on).with("drawn", finding.drawn).with("free", finding.free);
    let message = message.with("frozen", finding.frozen).with("missing", missing.join(" · "));
    message.with("source", sources.frozen_drawn.text(context.output.language))
}

fn long_message(one: &Standing, sources: &Sources, context: &Context) -> Message {
    let message = Message::new("live_freeze.long").with("order", &one.order.order).with("from", one.order.from);
    message.with("until", one.order.until).with("source", sources.term.text(context.output.language))
}

fn object(rules: &Rules, facts: &Facts, statement: &Statement) -> Outcome<Value> {
    let sources = &rules.sources;
    let line = |line: Line<'_>| {
        let mut object = json!({
            "item": line.item, "amount": plain(line.amount), "order": line.order.map(|place| name(statement, place)),
        });
        said(&mut object, "text", &line.item.message());
        put(&mut object, "source", line.source);
        object
    };
    let month = |month: &MonthStatement| {
        let lines = month.lines(sources).into_iter().map(line).collect::<Vec<_>>();
        json!({
            "month": month.month.to_string(), "from": month.from.to_string(), "until": month.until.to_string(),
            "lines": lines,
        })
    };
    let mut days = Vec::with_capacity(statement.days.len());
    for one in &statement.days {
        let mut object = division_object(statement, one.balance, &one.division)?;
        object["from"] = json!(one.from.to_string());
        object["until"] = json!(one.until.to_string());
        days.push(object);
    }
    let mut orders = Vec::with_capacity(statement.orders.len());
    for (place, one) in statement.orders.iter().enumerate() {
        let mut object = json!({
            "order": one.order.order, "arrival": one.order.arrival, "amount": plain(one.order.amount),
            "from": one.order.from.to_string(), "until": one.order.until.to_string(), "swept": plain(one.swept),
            "paid": plain(one.paid), "owed": plain(one.owed()?), "state": one.state,
            "ended_on": one.ended_on.map(|day| day.to_string()),
            "may_sweep": plain(statement.today.held_for(place).unwrap_or_default()),
            "needs_renewal": statement.long.contains(&place),
        });
        if let Some(source) = one.source(sources) {
            put(&mut object, "source", source);
        }
        orders.push(object);
    }
    let swept = statement.swept.iter().map(|swept| {
        let order = name(statement, swept.order);
        let mut object = json!({"on": swept.on.to_string(), "order": order, "amount": plain(swept.amount)});
        put(&mut object, "source", &sources.swept);
        object
    });
    let findings = statement.findings.iter().map(|finding| {
        let missing = finding.missing.iter();
        let missing =
            missing.map(|(place, amount)| json!({"order": name(statement, *place), "amount": plain(*amount)}));
        let mut object = json!({
            "on": finding.on.to_string(), "drawn": plain(finding.drawn), "free": plain(finding.free),
            "frozen": plain(finding.frozen), "missing": missing.collect::<Vec<_>>(),
            "is_of_first_day": finding.is_of_first_day,
        });
        put(&mut object, "source", &sources.frozen_drawn);
        object
    });
    Ok(json!({
        "until": facts.until.to_string(), "version": rules.version, "settings": statement.settings,
        "months": statement.months.iter().map(month).collect::<Vec<_>>(),
        "days": days, "orders": orders, "swept": swept.collect::<Vec<_>>(), "findings": findings.collect::<Vec<_>>(),
        "today": division_object(statement, statement.balance, &statement.today)?,
    }))
}

fn print(context: &Context, by_day: bool, rules: &Rules, facts: &Facts, statement: &Statement) -> Outcome<()> {
    let (sources, settings, language) = (&rules.sources, &statement.settings, context.output.language);
    let mut rows = Vec::new();
    for month in &statement.months {
        for (place, line) in month.lines(sources).into_iter().enumerate() {
            let days = format!("{}..{}", month.from, month.until);
            rows.push(vec![
                if place == 0 { days } else { String::new() },
                line.item.message().text(language),
                line.order.map(|place| name(statement, place).to_owned()).unwrap_or_default(),
                line.amount.to_string(),
                line.source.text(language).to_owned(),
            ]);
        }
    }
    context.output.table(
        &[
            Column::text(Message::new("live_freeze.column_month")),
            Column::text(Message::new("calc.column_item")),
            Column::text(Message::new("live_freeze.column_order")),
            Column::number(Message::new("calc.column_amount")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows,
    )?;
    if by_day {
        print_days(context, statement)?;
    }
    print_orders(context, sources, statement)?;
    let unused = settings.unused.message().text(language);
    let begins = Message::new("live_freeze.month_begins_value").with("day", settings.month_begins).text(language);
    context.output.pairs(&[
        (Message::new("live_freeze.balance").with("day", facts.until), statement.balance.to_string()),
        (Message::new("live_freeze.free"), statement.today.free()?.to_string()),
        (Message::new("live_freeze.item_allowance_left"), statement.today.allowance.to_string()),
        (Message::new("live_freeze.item_unfrozen"), statement.today.unfrozen.to_string()),
        (Message::new("live_freeze.may_sweep"), statement.today.held_total()?.to_string()),
        (Message::new("live_freeze.unused"), unused),
        (Message::new("live_freeze.month_begins"), begins),
        (Message::new("live_freeze.several"), settings.several.message().text(language)),
        (Message::new("calc.rules_version"), rules.version.clone()),
    ])?;
    for finding in &statement.findings {
        context.output.sentence(&finding_message(statement, finding, sources, context))?;
    }
    for one in statement.long.iter().filter_map(|place| statement.orders.get(*place)) {
        context.output.sentence(&long_message(one, sources, context))?;
    }
    Ok(())
}

fn print_days(context: &Context, statement: &Statement) -> Outcome<()> {
    let row = |one: &Days| {
        let held = |(place, amount): &(usize, Amount)| format!("{} {amount}", name(statement, *place));
        vec![
            one.from.to_string(),
            one.until.to_string(),
            one.balance.to_string(),
            one.division.allowance.to_string(),
            one.division.unfrozen.to_string(),
            one.division.held.iter().map(held).collect::<Vec<_>>().join(" · "),
        ]
    };
    context.output.table(
        &[
            Column::text(Message::new("calc.column_from")),
            Column::text(Message::new("calc.column_until")),
            Column::number(Message::new("live_freeze.column_balance")),
            Column::number(Message::new("live_freeze.column_allowance")),
            Column::number(Message::new("live_freeze.column_unfrozen")),
            Column::text(Message::new("live_freeze.column_held")),
        ],
        &statement.days.iter().map(row).collect::<Vec<_>>(),
    )?;
    Ok(())
}

fn print_orders(context: &Context, sources: &Sources, statement: &Statement) -> Outcome<()> {
    let language = context.output.language;
    let mut rows = Vec::with_capacity(statement.orders.len());
    for (place, one) in statement.orders.iter().enumerate() {
        let state = one.state.message().text(language);
        rows.push(vec![
            one.order.arrival.to_string(),
            one.order.order.clone(),
            one.order.amount.to_string(),
            one.swept.to_string(),
            one.paid.to_string(),
            one.owed()?.to_string(),
            statement.today.held_for(place).unwrap_or_default().to_string(),
            one.ended_on.map_or_else(|| state.clone(), |day| format!("{state} {day}")),
            one.source(sources).map(|source| source.text(language).to_owned()).unwrap_or_default(),
        ]);
    }
    context.output.table(
        &[
            Column::number(Message::new("live_freeze.column_arrival")),
            Column::text(Message::new("live_freeze.column_order")),
            Column::number(Message::new("live_freeze.column_ceiling")),
            Column::number(Message::new("live_freeze.column_swept")),
            Column::number(Message::new("live_freeze.column_paid")),
            Column::number(Message::new("live_freeze.column_owed")),
            Column::number(Message::new("live_freeze.column_may_sweep")),
            Column::text(Message::new("live_freeze.column_state")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows,
    )?;
    Ok(())
}
