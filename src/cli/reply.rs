//! `reply`: the bank's answers to payment files.

use std::path::PathBuf;

use ankuan_ledger::Store;
use clap::{Args, Subcommand};
use serde_json::json;

use super::statement::{ComesArgs, print_problems, problem_json, read_profile};
use super::{Context, output::Column};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::replies::{self, Import, Imported};
use crate::request::Answer;
use crate::{Message, Outcome};

/// What `reply` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ReplyCommand {
    /// 导入回盘（CSV 等或 pain.002） · Import answers to payment files
    Import(ImportArgs),
}

/// What `reply import` takes.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// 回盘文件，可多个 · Files; each is imported or refused on its own
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// 所答复的付款文件名；回盘自身未写明时使用 · The payment file that is answered, where the answer does not say
    #[arg(long, value_name = "NAME")]
    pub payment_file: Option<String>,
    /// How it came.
    #[command(flatten)]
    pub comes: ComesArgs,
}

/// Runs the command.
///
/// # Errors
/// Those of [`replies::import_reply`].
pub fn run(context: &Context, command: &ReplyCommand) -> Outcome<()> {
    let ReplyCommand::Import(args) = command;
    let keys = context.keys()?;
    let mut store = context.store()?;
    let all = import(context, &mut store, &keys, args, &mut |imported| print(context, imported))?;
    context.output.object(&json!({"replies": all.iter().map(as_json).collect::<Vec<_>>()}))?;
    Ok(())
}

/// Imports answers, each in its own transaction; also a step of the demo.
///
/// # Errors
/// Those of [`replies::import_reply`].
pub fn import(
    context: &Context,
    store: &mut Store,
    keys: &Keys,
    args: &ImportArgs,
    tell: &mut dyn FnMut(&Imported) -> Outcome<()>,
) -> Outcome<Vec<Imported>> {
    let profile = args.comes.profile.as_deref().map(read_profile).transpose()?;
    let mut all = Vec::new();
    for path in &args.files {
        let imported = context.commit(store, |tx, acting| {
            let fetched_by = args.comes.fetched_by(tx, acting)?;
            let import = Import {
                path,
                profile: profile.as_deref(),
                payment_file: args.payment_file.as_deref(),
                channel: args.comes.channel,
                fetched_by: &fetched_by,
            };
            replies::import_reply(tx, acting, keys, &mut Randomness::system(), &import)
        })?;
        tell(&imported)?;
        all.push(imported);
    }
    Ok(all)
}

fn print(context: &Context, imported: &Imported) -> Outcome<()> {
    context.output.line(answer(imported).text(context.output.language))?;
    print_problems(context, &imported.problems)?;
    let rows: Vec<Vec<String>> = imported
        .conflicts
        .iter()
        .take(CONFLICTS_SHOWN)
        .map(|conflict| vec![conflict.place.to_string(), conflict.message.text(context.output.language)])
        .collect();
    if !rows.is_empty() {
        context.output.table(
            &[Column::number(Message::new("reconcile.line")), Column::text(Message::new("reconcile.conflict"))],
            &rows,
        )?;
    }
    Ok(())
}

/// Conflicts shown on a terminal; all are in the JSON.
const CONFLICTS_SHOWN: usize = 20;

fn answer(imported: &Imported) -> Answer {
    let message = if imported.already { "replies.already" } else { "replies.imported" };
    let message = Message::new(message)
        .with("file", &imported.payment_file)
        .with("lines", imported.lines)
        .with("paid", imported.paid.count)
        .with("paid_sum", imported.paid.amount)
        .with("failed", imported.failed.count)
        .with("failed_sum", imported.failed.amount)
        .with("unknown", imported.unknown)
        .with("repeated", imported.repeated)
        .with("conflicts", imported.conflicts.len());
    Answer::new(&message, as_json(imported))
}

fn as_json(imported: &Imported) -> serde_json::Value {
    json!({
        "payment_file": imported.payment_file, "new": !imported.already, "lines": imported.lines,
        "paid": imported.paid.count, "paid_minor": imported.paid.amount, "failed": imported.failed.count,
        "failed_minor": imported.failed.amount, "currency": "CNY", "unknown": imported.unknown,
        "repeated": imported.repeated,
        "conflicts": imported.conflicts.iter().map(|conflict| json!({
            "line": conflict.place, "code": conflict.message.code,
            "message": conflict.message.text(crate::Language::Zh),
        })).collect::<Vec<_>>(),
        "problems": imported.problems.iter().map(problem_json).collect::<Vec<_>>(),
    })
}
