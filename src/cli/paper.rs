//! `paper`: forms that people sign, printed from what is recorded.

use std::path::PathBuf;

use ankuan_ledger::chain::hex;
use clap::Subcommand;
use serde_json::{Value, json};

use super::output::Column;
use super::report::write_new;
use super::{Context, Words, words};
use crate::clock::shown_in_shanghai;
use crate::papers::{self, PaperKind, Print, load::load, template};
use crate::request::Answer;
use crate::request_files::{self, MadeFile};
use crate::{Message, Outcome};

/// Papers.
#[derive(Clone, Debug, Subcommand)]
pub enum PaperCommand {
    /// 打印单据并登记：表号、第几次打印、内容摘要 · Print a form; its number, the count of prints and its digest are recorded
    Print {
        /// 种类：payout_sheet、payout_run、pause、deposit、receipt、cash_receipt、refund、treasury、plan、distribution、
        /// transmittal、closing_certificate · Kind of the form
        #[arg(value_parser = kind())]
        kind: PaperKind,
        /// 所涉：审批表、批次、暂停、到账、收据、方案的编号，或案号 · What it is about: number of the sheet, run, pause,
        /// receipt, plan; or the case
        subject: String,
        /// 写成可打印的网页文件 · Also write it as a page to print
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// 打印登记簿 · What was printed
    List {
        /// 最多行数 · At most so many
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(i64).range(1..))]
        limit: i64,
    },
}

fn kind() -> Words<PaperKind> {
    words(PaperKind::parse, PaperKind::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`load`] and [`papers::print`]; `file.*`.
pub fn run(context: &Context, command: &PaperCommand) -> Outcome<()> {
    match command {
        PaperCommand::Print { kind, subject, out } => print(context, *kind, subject, out.as_ref()),
        PaperCommand::List { limit } => list(context, *limit),
    }
}

fn print(context: &Context, kind: PaperKind, subject: &str, out: Option<&PathBuf>) -> Outcome<()> {
    let court_id = context.globals.court;
    let (answer, files) = context.make_files("paper.print", &(kind, subject, out.is_some()), |tx, acting, keys| {
        let form = load(tx, keys, court_id, kind, subject, acting.date)?;
        let print = papers::print(tx, acting, &form)?;
        // A page shows its paper itself; a file is kept as it was printed.
        let bytes = || template::document(&form, Some(&print), context.output.language).into_bytes();
        let files = out.iter().map(|_| MadeFile { name: format!("{}.html", print.number), bytes: bytes() }).collect();
        let code = if print.print_no == 1 { "forms.was_printed" } else { "forms.was_reprinted" };
        let message = Message::new(code)
            .with_term("kind", &kind.message())
            .with("number", &print.number)
            .with("count", print.print_no - 1);
        Ok((Answer::new(&message, object(&print)), files))
    })?;
    // Done before with a file that is still there: its paper exists.
    if let Some(path) = out {
        let file = request_files::only(files)?;
        if !file.is_at(path) {
            write_new(path, &file.bytes)?;
        }
    }
    context.answer(&answer)
}

fn object(print: &Print) -> Value {
    json!({
        "kind": print.kind.as_str(), "subject": print.subject, "number": print.number, "print_no": print.print_no,
        "digest": hex(&print.digest),
    })
}

fn list(context: &Context, limit: i64) -> Outcome<()> {
    let found = context.read(|tx| papers::newest_prints(tx, context.book(), limit))?;
    context.output.object(&json!({"prints": found.iter().map(object).collect::<Vec<_>>()}))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|print| {
            vec![
                print.number.clone(),
                print.kind.message().text(language),
                print.subject.clone(),
                print.print_no.to_string(),
                print.actor_name.clone(),
                shown_in_shanghai(print.recorded_at),
                hex(&print.digest[..8]),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("forms.number")),
            Column::text(Message::new("forms.form")),
            Column::text(Message::new("forms.about")),
            Column::number(Message::new("forms.print_no")),
            Column::text(Message::new("forms.printed")),
            Column::text(Message::new("column.date")),
            Column::text(Message::new("forms.digest")),
        ],
        &rows,
    )?;
    Ok(())
}
