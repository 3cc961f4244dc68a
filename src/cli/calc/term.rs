//! `calc term`.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::{put, read_rules};
use crate::calculators::terms::{self, Reckoned, Term, Terms};
use crate::calendar::{Calendar, OnHoliday, Period};
use crate::cli::output::Column;
use crate::cli::{Context, both};
use crate::failure::Outcome;
use crate::message::Message;

/// What `calc term` takes.
#[derive(Clone, Debug, Args)]
pub struct TermArgs {
    /// 期限名称 · Name of the term
    #[arg(requires = "from")]
    pub name: Option<String>,
    /// 起始日，不计入 · The day on which it begins, which is not counted
    #[arg(long, value_name = "DAY", requires = "name")]
    pub from: Option<Date>,
    /// 另定的期限，如 30d、10wd（工作日）、6m、1y · Another period: days, working days, months, years
    #[arg(long, value_name = "PERIOD", value_parser = period, requires = "name")]
    pub period: Option<Period>,
    /// 末日为休假日时；默认按规则文件 · A last day on which nobody works; default: as the rules say
    #[arg(long, value_enum, requires = "name")]
    pub on_holiday: Option<OnHoliday>,
    /// 节假日与调休日历（TOML）；不填只按周末 · Calendar of days off and days worked instead; default: weekends only
    #[arg(long, value_name = "FILE")]
    pub calendar: Option<PathBuf>,
    /// 期限规则（TOML）；默认内置 · Terms; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

fn period(text: &str) -> Result<Period, String> {
    Period::parse(text).map_err(|message| both(&message))
}

/// The calendar in a file; weekends only where none is named.
///
/// # Errors
/// `file.*` and those of [`Calendar::parse`].
fn read_calendar(path: Option<&Path>) -> Outcome<Calendar> {
    match path {
        Some(_) => read_rules(path, "", Calendar::parse),
        None => Ok(Calendar::weekends_only()),
    }
}

/// Runs the command.
///
/// # Errors
/// Those of [`Terms::parse`], [`Terms::find`], [`Calendar::parse`] and [`Term::reckon`].
pub fn run(context: &Context, args: &TermArgs) -> Outcome<()> {
    let terms = read_rules(args.rules.as_deref(), terms::STANDARD, Terms::parse)?;
    let (Some(name), Some(from)) = (&args.name, args.from) else { return list(context, &terms) };
    let term = terms.find(name)?;
    let calendar = read_calendar(args.calendar.as_deref())?;
    let reckoned = term.reckon(from, args.period, args.on_holiday, &calendar)?;
    print(context, &terms, term, &reckoned)
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

fn print(context: &Context, terms: &Terms, term: &Term, reckoned: &Reckoned) -> Outcome<()> {
    let language = context.output.language;
    let end = &reckoned.end;
    let mut object = json!({
        "term": term.name, "version": terms.version, "from": reckoned.start.to_string(),
        "period": reckoned.period.to_string(), "on_holiday": reckoned.on_holiday,
        "last_day": end.last_day.to_string(), "moved_from": end.moved_from.map(|day| day.to_string()),
        "renew_by": reckoned.renew_by.map(|day| day.to_string()), "weekends_only_in": end.unknown_years,
    });
    put(&mut object, "title", &term.title);
    put(&mut object, "source", &term.source);
    put(&mut object, "reckoning_source", &terms.sources.reckoning);
    context.output.object(&object)?;
    let mut last_day = end.last_day.to_string();
    if let Some(day) = end.moved_from {
        last_day = format!("{last_day} ({})", Message::new("calc.term_moved").with("day", day).text(language));
    }
    let mut pairs = vec![
        (Message::new("calc.term"), format!("{} ({})", term.title.text(language), term.name)),
        (Message::new("calc.column_period"), reckoned.period.message().text(language)),
        (Message::new("calc.term_start"), reckoned.start.to_string()),
        (Message::new("calc.term_last_day"), last_day),
        (Message::new("calc.column_holiday"), reckoned.on_holiday.message().text(language)),
    ];
    if let Some(day) = reckoned.renew_by {
        let by = format!("{day} ({})", terms.sources.renewal.text(language));
        pairs.push((Message::new("calc.term_renew_by"), by));
    }
    pairs.extend([
        (Message::new("calc.term_source"), term.source.text(language).to_owned()),
        (Message::new("calc.term_reckoning"), terms.sources.reckoning.text(language).to_owned()),
    ]);
    context.output.pairs(&pairs)?;
    if !end.unknown_years.is_empty() {
        let years: Vec<String> = end.unknown_years.iter().map(ToString::to_string).collect();
        context.output.sentence(&Message::new("calc.weekends_only").with("years", years.join(", ")))?;
    }
    Ok(())
}
