//! `calc term`.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::{period, put, read_calendar, read_rules};
use crate::calculators::terms::{self, Reckoned, Term, Terms};
use crate::calendar::{OnHoliday, Period};
use crate::cli::output::Column;
use crate::cli::{Context, day};
use crate::failure::Outcome;
use crate::message::Message;

/// What `calc term` takes.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("what").args(["name", "period"]).multiple(true))]
pub struct TermArgs {
    /// 期限名称 · Name of the term
    #[arg(requires = "from")]
    pub name: Option<String>,
    /// 起始日，不计入 · The day on which it begins, which is not counted
    #[arg(long, value_name = "DAY", requires = "what", value_parser = day)]
    pub from: Option<Date>,
    /// 另定的期限，如 30d、10wd（工作日）、6m、1y；可不写名称 · Another period, without a name one of no rule: days,
    /// working days, months, years
    #[arg(long, value_name = "PERIOD", value_parser = period, requires = "from")]
    pub period: Option<Period>,
    /// 末日为休假日时；默认按规则文件 · A last day on which nobody works; default: as the rules say
    #[arg(long, value_enum, requires = "from")]
    pub on_holiday: Option<OnHoliday>,
    /// 节假日与调休日历（TOML）；不填只按周末 · Calendar of days off and days worked instead; default: weekends only
    #[arg(long, value_name = "FILE")]
    pub calendar: Option<PathBuf>,
    /// 期限规则（TOML）；默认内置 · Terms; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`Terms::parse`], [`Terms::find`], [`Calendar::parse`] and [`Term::reckon`].
pub fn run(context: &Context, args: &TermArgs) -> Outcome<()> {
    let terms = read_rules(args.rules.as_deref(), terms::STANDARD, Terms::parse)?;
    let Some(from) = args.from else { return list(context, &terms) };
    let calendar = read_calendar(args.calendar.as_deref())?;
    let term = args.name.as_deref().map(|name| terms.find(name)).transpose()?;
    let reckoned = match (term, args.period) {
        (Some(term), period) => term.reckon(from, period, args.on_holiday, &calendar)?,
        (None, Some(period)) => Reckoned::own(from, period, args.on_holiday, &calendar)?,
        (None, None) => return list(context, &terms),
    };
    print(context, &terms, term, args.period.is_some(), &reckoned)
}

fn list(context: &Context, terms: &Terms) -> Outcome<()> {
    let language = context.output.language;
    context.output.object(&json!({"version": terms.version, "terms": terms.all.iter().map(|term| {
        let mut object = json!({
            "name": term.name, "period": term.period.to_string(), "on_holiday": term.on_holiday,
            "is_limit": term.is_limit,
        });
        put(&mut object, "title", &term.title);
        put(&mut object, "source", &term.source);
        object
    }).collect::<Vec<_>>()}))?;
    let row = |term: &Term| {
        vec![
            term.name.clone(),
            term.title.text(language).to_owned(),
            term.period.message().text(language),
            term.on_holiday.message().text(language),
            term.source.text(language).to_owned(),
        ]
    };
    context.output.table(
        &[
            Column::text(Message::new("calc.column_name")),
            Column::text(Message::new("calc.column_item")),
            Column::text(Message::new("calc.column_period")),
            Column::text(Message::new("calc.column_holiday")),
            Column::text(Message::new("calc.column_source")),
        ],
        &terms.all.iter().map(row).collect::<Vec<_>>(),
    )?;
    Ok(())
}

fn print(context: &Context, terms: &Terms, term: Option<&Term>, is_given: bool, reckoned: &Reckoned) -> Outcome<()> {
    let language = context.output.language;
    let end = &reckoned.end;
    let mut object = json!({
        "term": term.map(|term| &term.name), "version": terms.version, "from": reckoned.start.to_string(),
        "period": reckoned.period.to_string(), "period_given": is_given, "on_holiday": reckoned.on_holiday,
        "last_day": end.last_day.to_string(), "moved_from": end.moved_from.map(|day| day.to_string()),
        "renew_by": reckoned.renew_by.map(|day| day.to_string()), "weekends_only_in": end.unknown_years,
    });
    if let Some(term) = term {
        put(&mut object, "title", &term.title);
        put(&mut object, "source", &term.source);
    }
    put(&mut object, "reckoning_source", &terms.sources.reckoning);
    context.output.object(&object)?;
    let mut last_day = end.last_day.to_string();
    if let Some(day) = end.moved_from {
        last_day = format!("{last_day} ({})", Message::new("calc.term_moved").with("day", day).text(language));
    }
    let mut pairs = Vec::new();
    if let Some(term) = term {
        let title = format!("{} ({})", term.title.text(language), term.name);
        pairs.push((Message::new("calc.column_item"), title));
    }
    pairs.extend([
        (Message::new("calc.column_period"), reckoned.period.message().text(language)),
        (Message::new("calc.term_start"), reckoned.start.to_string()),
        (Message::new("calc.term_last_day"), last_day),
        (Message::new("calc.column_holiday"), reckoned.on_holiday.message().text(language)),
    ]);
    if let Some(day) = reckoned.renew_by {
        let by = format!("{day} ({})", terms.sources.renewal.text(language));
        pairs.push((Message::new("calc.term_renew_by"), by));
    }
    if let Some(term) = term {
        pairs.push((Message::new("calc.term_source"), term.source.text(language).to_owned()));
    }
    pairs.push((Message::new("calc.term_reckoning"), terms.sources.reckoning.text(language).to_owned()));
    context.output.pairs(&pairs)?;
    if is_given {
        context.output.sentence(&Message::new("calc.term_given"))?;
    }
    if !end.unknown_years.is_empty() {
        let years: Vec<String> = end.unknown_years.iter().map(ToString::to_string).collect();
        context.output.sentence(&Message::new("calc.weekends_only").with("years", years.join(", ")))?;
    }
    Ok(())
}
