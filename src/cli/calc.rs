//! `calc`: the calculators. They need no database: what they reckon stands in their options and files.

mod fee;
mod imputation;
mod interest;
mod live_freeze;
mod term;
mod waterfall;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use clap::Subcommand;
use serde_json::{Value, json};

use super::output::Column;
use super::{Context, both};
use crate::calculators::{Line, Text};
use crate::calendar::{Calendar, Period};
use crate::failure::{Failure, Outcome};
use crate::message::{Language, Message};

/// Calculators.
#[derive(Clone, Debug, Subcommand)]
pub enum CalcCommand {
    /// 迟延履行利息 · Interest for late performance
    Interest(interest::InterestArgs),
    /// 申请执行费 · Execution fee
    Fee(fee::FeeArgs),
    /// 保全费 · Preservation fee
    PreservationFee(fee::PreservationFeeArgs),
    /// 破产案件申请费 · Fee of a bankruptcy
    BankruptcyFee(fee::BankruptcyFeeArgs),
    /// 按清偿顺序分配 · Division by class; without a name, the waterfalls there are
    Waterfall(waterfall::WaterfallArgs),
    /// 清偿抵充 · Which debts a payment meets
    Imputation(imputation::ImputationArgs),
    /// 薪资账户“活冻结” · Live freeze of a salary account
    LiveFreeze(live_freeze::LiveFreezeArgs),
    /// 期限届满日 · When a term ends; without a name and a day, the terms there are
    Term(term::TermArgs),
}

/// Runs the command.
///
/// # Errors
/// `file.*`, and what the calculators refuse: `calc.…`, `calendar.…`, `live_freeze.…`.
pub fn run(context: &Context, command: &CalcCommand) -> Outcome<()> {
    match command {
        CalcCommand::Interest(args) => interest::run(context, args),
        CalcCommand::Fee(args) => fee::run(context, args),
        CalcCommand::PreservationFee(args) => fee::run_preservation(context, args),
        CalcCommand::BankruptcyFee(args) => fee::run_bankruptcy(context, args),
        CalcCommand::Waterfall(args) => waterfall::run(context, args),
        CalcCommand::Imputation(args) => imputation::run(context, args),
        CalcCommand::LiveFreeze(args) => live_freeze::run(context, args),
        CalcCommand::Term(args) => term::run(context, args),
    }
}

/// Bytes of a file that are looked at: a hundred thousand rows are some ten million.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

/// What a reader makes of the file, which a refusal names.
fn read<T>(path: &Path, parse: impl FnOnce(&[u8]) -> Result<T, Message>) -> Outcome<T> {
    let failed = |error: std::io::Error| Failure::of_file(path, &error);
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    let parsed = if bytes.len() as u64 > BYTES_MAX {
        Err(Message::new("calc.file_large").with("max", BYTES_MAX / (1024 * 1024)))
    } else {
        parse(&bytes)
    };
    Ok(parsed.map_err(|message| message.in_file(path))?)
}

/// As [`read`], of a text; `standard` where no file is named.
pub(super) fn read_rules<T>(
    path: Option<&Path>,
    standard: &str,
    parse: impl FnOnce(&str) -> Result<T, Message>,
) -> Outcome<T> {
    match path {
        // Letters that are no UTF-8 can stand in remarks only; elsewhere the parser names the line.
        Some(path) => read(path, |bytes| parse(&String::from_utf8_lossy(bytes))),
        None => Ok(parse(standard)?),
    }
}

/// A period as an option.
///
/// # Errors
/// `calendar.period`.
pub fn period(text: &str) -> Result<Period, String> {
    Period::parse(text).map_err(|message| both(&message))
}

/// The calendar in a file; weekends only where none is named.
///
/// # Errors
/// `file.*` and those of [`Calendar::parse`].
pub fn read_calendar(path: Option<&Path>) -> Outcome<Calendar> {
    match path {
        Some(_) => read_rules(path, "", Calendar::parse),
        None => Ok(Calendar::weekends_only()),
    }
}

/// A refused option, in both languages, as clap prints it.
fn option_refused(text: &str, form: &str) -> String {
    both(&Message::new("calc.option").with("text", text.escape_debug()).with("form", form))
}

/// A text of the rules under `NAME_zh` and `NAME_en`.
pub fn put(object: &mut Value, name: &str, text: &Text) {
    object[format!("{name}_zh")] = json!(text.zh);
    object[format!("{name}_en")] = json!(text.en);
}

/// A sentence as programs read it.
fn said(object: &mut Value, name: &str, message: &Message) {
    object[format!("{name}_zh")] = json!(message.text(Language::Zh));
    object[format!("{name}_en")] = json!(message.text(Language::En));
}

fn line_object(line: &Line) -> Value {
    let mut object = json!({"amount": line.amount.plain()});
    said(&mut object, "text", &line.text);
    put(&mut object, "source", &line.source);
    object
}

fn print_lines(context: &Context, lines: &[Line]) -> Outcome<()> {
    let language = context.output.language;
    let row =
        |line: &Line| vec![line.text.text(language), line.amount.to_string(), line.source.text(language).to_owned()];
    context.output.table(
        &[
            Column::text(Message::new("calc.column_item")),
            Column::number(Message::new("calc.column_amount")),
            Column::text(Message::new("calc.column_source")),
        ],
        &lines.iter().map(row).collect::<Vec<_>>(),
    )?;
    Ok(())
}
