//! `calc interest`.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::{Args, ValueEnum};
use jiff::civil::Date;
use serde_json::{Value, json};

use super::{option_refused, put, read_rules, said};
use crate::amount::parse_yuan;
use crate::amount::plain;
use crate::calculators::interest::{
    self, Component, Debt, GeneralRate, Kind, LastDay, Part, Payment, Per, Rules, Span, Statement,
};
use crate::calculators::{Rate, Rounding};
use crate::cli::output::Column;
use crate::cli::{Context, both, day, yuan};
use crate::failure::Outcome;
use crate::message::Message;

/// What `calc interest` takes.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct InterestArgs {
    /// 债务文件（TOML），代替以下各项 · The debt as a file, instead of what follows
    #[arg(long, group = "what", value_name = "FILE", conflicts_with_all =
        ["until", "costs", "general_rate", "general_from", "payments", "not_counted", "bankruptcy_accepted"])]
    pub file: Option<PathBuf>,
    /// 一笔金钱债务：履行期限届满日:金额（元）；可多笔 · A money debt: DUE-DAY:YUAN; several
    #[arg(long = "part", group = "what", value_name = "DAY:YUAN", value_parser = part, requires = "until")]
    pub parts: Vec<Part>,
    /// 计算截止日 · The day up to which one reckons
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: Option<Date>,
    /// 实现债权的费用（元） · Costs of realising the claim, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub costs: Option<Amount>,
    /// 一般债务利息的利率，如 6%；没有判决则不填 · Rate of general interest, as the judgment gives it
    #[arg(long, value_name = "RATE", value_parser = rate, requires = "general_from")]
    pub general_rate: Option<Rate>,
    /// 利率的期间 · What the rate is for
    #[arg(long, value_enum, default_value_t = Per::Year)]
    pub general_per: Per,
    /// 一般债务利息起算日（含） · The first day that bears general interest
    #[arg(long, value_name = "DAY", requires = "general_rate", value_parser = day)]
    pub general_from: Option<Date>,
    /// 付款：日期:金额（元）[:方式]；划拨的填划拨日；可多笔 · A payment: DAY:YUAN[:KIND], KIND as performance,
    /// deduction (its day), sale (the ruling's), other; several
    #[arg(long = "payment", value_name = "DAY:YUAN[:KIND]", value_parser = payment)]
    pub payments: Vec<Payment>,
    /// 加倍部分不计的期间（含首尾）；可多段 · Days that do not count, both ends included; several
    #[arg(long, value_name = "DAY..DAY", value_parser = span)]
    pub not_counted: Vec<Span>,
    /// 受理破产申请之日 · The day on which a bankruptcy petition was accepted
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub bankruptcy_accepted: Option<Date>,
    /// 付款日、截止日当天是否计息；默认按规则文件 · Whether the last day counts; default: as the rules say
    #[arg(long, value_enum)]
    pub last_day: Option<LastDay>,
    /// 年利率除以几天；默认按规则文件 · Days of a year; default: as the rules say
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(360..=366))]
    pub year_days: Option<u16>,
    /// 取整方式；默认按规则文件 · Rounding; default: as the rules say
    #[arg(long, value_enum)]
    pub rounding: Option<Rounding>,
    /// 计算规则（TOML）；默认内置 · Rules; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

fn part(text: &str) -> Result<Part, String> {
    let refused = || option_refused(text, "2023-01-01:100000.00");
    let (day, amount) = text.split_once(':').ok_or_else(refused)?;
    let amount = parse_yuan(amount).map_err(|message| both(&message))?;
    Ok(Part { due_on: day.parse().map_err(|_| refused())?, amount, general: Vec::new() })
}

fn payment(text: &str) -> Result<Payment, String> {
    let refused = || option_refused(text, "2023-04-11:40000.00:deduction");
    let (day, rest) = text.split_once(':').ok_or_else(refused)?;
    let (amount, kind) = rest.split_once(':').unwrap_or((rest, "performance"));
    let amount = parse_yuan(amount).map_err(|message| both(&message))?;
    let kind = Kind::from_str(kind, false).map_err(|_| refused())?;
    Ok(Payment { on: day.parse().map_err(|_| refused())?, amount, kind })
}

fn span(text: &str) -> Result<Span, String> {
    let refused = || option_refused(text, "2023-06-01..2023-06-30");
    let (from, until) = text.split_once("..").ok_or_else(refused)?;
    Ok(Span { from: from.parse().map_err(|_| refused())?, until: until.parse().map_err(|_| refused())? })
}

fn rate(text: &str) -> Result<Rate, String> {
    Rate::parse(text).map_err(|message| both(&message))
}

impl InterestArgs {
    fn debt(&self) -> Outcome<Debt> {
        let Some(until) = self.until else { return read_rules(self.file.as_deref(), "", Debt::parse) };
        let general = self.general_from.zip(self.general_rate);
        let general = general.map(|(from, rate)| GeneralRate { from, rate, per: self.general_per });
        let parts = self.parts.iter().map(|part| Part { general: general.into_iter().collect(), ..part.clone() });
        Ok(Debt {
            until,
            costs: self.costs.unwrap_or_default(),
            general_interest: Amount::ZERO,
            bankruptcy_accepted_on: self.bankruptcy_accepted,
            parts: parts.collect(),
            payments: self.payments.clone(),
            not_counted: self.not_counted.clone(),
        })
    }

    fn rules(&self) -> Outcome<Rules> {
        let mut rules = read_rules(self.rules.as_deref(), interest::STANDARD, Rules::parse)?;
        let settings = &mut rules.settings;
        settings.last_day = self.last_day.unwrap_or(settings.last_day);
        settings.year_days = self.year_days.unwrap_or(settings.year_days);
        settings.rounding = self.rounding.unwrap_or(settings.rounding);
        Ok(rules)
    }
}

/// Runs the command.
///
/// # Errors
/// Those of [`Debt::parse`], [`Rules::parse`] and [`interest::reckon`].
pub fn run(context: &Context, args: &InterestArgs) -> Outcome<()> {
    let (debt, rules) = (args.debt()?, args.rules()?);
    let statement = interest::reckon(&rules, &debt)?;
    context.output.object(&object(&rules, &debt, &statement))?;
    if context.output.json { Ok(()) } else { print(context, &rules, &debt, &statement) }
}

fn object(rules: &Rules, debt: &Debt, statement: &Statement) -> Value {
    let settings = &statement.settings;
    let lines = statement.accruals.iter().map(|line| {
        let mut object = json!({
            "component": line.component, "part": line.part, "from": line.days.from.to_string(),
            "until": line.days.until.to_string(), "days": line.day_count, "base": plain(line.base),
            "amount": line.interest.plain(),
        });
        said(&mut object, "rate", &line.rate);
        put(&mut object, "source", &line.source);
        object
    });
    let payments = statement.met.iter().map(|met| {
        let mut object = json!({
            "on": met.on.to_string(), "kind": met.kind, "component": met.component, "part": met.part,
            "amount": plain(met.amount),
        });
        put(&mut object, "source", &met.source);
        object
    });
    let notes = statement.notes.iter().map(|note| {
        let mut object = json!({});
        said(&mut object, "text", &note.text);
        put(&mut object, "source", &note.source);
        object
    });
    let open = |component| statement.open.iter().find(|(one, _)| *one == component).map(|(_, amount)| plain(*amount));
    json!({
        "until": debt.until.to_string(),
        "version": rules.version,
        "settings": {
            "last_day": settings.last_day, "year_days": settings.year_days, "rounding": settings.rounding,
            "order": settings.order,
        },
        "parts": statement.parts.iter().map(|part| json!({
            "due_on": part.due_on.to_string(), "amount": plain(part.amount),
        })).collect::<Vec<_>>(),
        "lines": lines.collect::<Vec<_>>(),
        "payments": payments.collect::<Vec<_>>(),
        "notes": notes.collect::<Vec<_>>(),
        "general_interest": plain(statement.general_interest),
        "doubled_interest": plain(statement.doubled_interest),
        "open": {
            "costs": open(Component::Costs), "general_interest": open(Component::GeneralInterest),
            "principal": open(Component::Principal), "doubled_interest": open(Component::DoubledInterest),
        },
        "open_total": plain(statement.open_total),
        "surplus": plain(statement.surplus),
    })
}

fn print(context: &Context, rules: &Rules, debt: &Debt, statement: &Statement) -> Outcome<()> {
    let language = context.output.language;
    let rows: Vec<Vec<String>> = statement
        .accruals
        .iter()
        .map(|line| {
            vec![
                line.component.message().text(language),
                line.part.to_string(),
                line.days.from.to_string(),
                line.days.until.to_string(),
                line.day_count.to_string(),
                line.base.to_string(),
                line.rate.text(language),
                line.interest.to_string(),
                line.source.text(language).to_owned(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("calc.column_item")),
            Column::number(Message::new("calc.column_part")),
            Column::text(Message::new("calc.column_from")),
            Column::text(Message::new("calc.column_until")),
            Column::number(Message::new("calc.column_days")),
            Column::number(Message::new("calc.column_base")),
            Column::text(Message::new("calc.column_rate")),
            Column::number(Message::new("calc.column_amount")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows,
    )?;
    if !statement.met.is_empty() {
        print_met(context, statement)?;
    }
    let settings = &statement.settings;
    let order: Vec<String> = settings.order.iter().map(|component| component.message().text(language)).collect();
    let mut pairs = vec![
        (Message::new("calc.general_total"), statement.general_interest.to_string()),
        (Message::new("calc.doubled_total"), statement.doubled_interest.to_string()),
    ];
    for (component, amount) in &statement.open {
        pairs.push((Message::new("calc.open_of").with_term("what", &component.message()), amount.to_string()));
    }
    pairs.push((Message::new("calc.open_total").with("day", debt.until), statement.open_total.to_string()));
    if statement.surplus > Amount::ZERO {
        pairs.push((Message::new("calc.surplus"), statement.surplus.to_string()));
    }
    pairs.extend([
        (Message::new("calc.day_count"), settings.last_day.message().text(language)),
        (
            Message::new("calc.year_days"),
            Message::new("calc.year_days_value").with("days", settings.year_days).text(language),
        ),
        (
            Message::new("calc.rounding"),
            Message::new("calc.rounded_once").with_term("rounding", &settings.rounding.message()).text(language),
        ),
        (Message::new("calc.order_of_payment"), order.join(" → ")),
        (Message::new("calc.rules_version"), rules.version.clone()),
    ]);
    context.output.pairs(&pairs)?;
    for note in &statement.notes {
        let text = Message::new("calc.note").with("text", note.text.text(language));
        context.output.sentence(&text.with("source", note.source.text(language)))?;
    }
    Ok(())
}

fn print_met(context: &Context, statement: &Statement) -> Outcome<()> {
    let language = context.output.language;
    let rows: Vec<Vec<String>> = statement
        .met
        .iter()
        .map(|met| {
            let what = met.component.map_or(Message::new("calc.surplus"), Component::message);
            vec![
                met.on.to_string(),
                met.kind.message().text(language),
                what.text(language),
                met.part.map(|part| part.to_string()).unwrap_or_default(),
                met.amount.to_string(),
                met.source.text(language).to_owned(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("calc.column_day")),
            Column::text(Message::new("calc.column_kind")),
            Column::text(Message::new("calc.order_of_payment")),
            Column::number(Message::new("calc.column_part")),
            Column::number(Message::new("calc.column_amount")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows,
    )?;
    Ok(())
}
