//! `instructions`: what institutions are told, and what they answer.

use std::path::PathBuf;

use ankuan_ledger::chain::hex;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, asset, asset_facts};
use crate::assets::answers::{self, Answered};
use crate::assets::instructions::{self, Sent};
use crate::clock::Randomness;
use crate::request::Answer;
use crate::{Failure, Message, Outcome, chart};

/// What `instructions` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum InstructionsCommand {
    /// 生成发给机构的指令文件 · Write one numbered file of all orders that an institution has not been told
    Out(OutArgs),
    /// 读入机构的答复 · Read answers; each file goes in or is refused on its own
    In {
        /// 答复文件，可多个（JSON 或 CSV） · Files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// 已扣划未到账 · What was deducted and is not here yet
    Expected,
}

/// What `instructions out` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["institution", "again"]))]
pub struct OutArgs {
    /// 机构 · Institution
    #[arg(long)]
    pub institution: Option<String>,
    /// 重写已发指令的文件（不另发） · Write the kept files of a message again; nothing new is sent
    #[arg(long, value_name = "NUMBER")]
    pub again: Option<String>,
    /// 写入的文件夹 · Folder to write into
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// Those of [`instructions`] and [`answers`].
pub fn run(context: &Context, command: &InstructionsCommand) -> Outcome<()> {
    match command {
        InstructionsCommand::Out(args) => out(context, args),
        InstructionsCommand::In { files } => read(context, files),
        InstructionsCommand::Expected => asset::expected(context),
    }
}

fn out(context: &Context, args: &OutArgs) -> Outcome<()> {
    let (book, keys) = (context.book(), context.keys()?);
    // Found before anything is recorded: what cannot be delivered is not sent.
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::of_file(&args.out, &error))?;
    let mut store = context.store()?;
    let sent = match (&args.institution, &args.again) {
        (Some(institution), _) => {
            let answer = context.once(&mut store, "instructions.out", institution, |tx, acting| {
                let sent = instructions::send(tx, acting, &keys, &mut Randomness::system(), institution)?;
                let message = sent
                    .as_ref()
                    .map_or_else(|| Message::new("assets.nothing_to_send").with("institution", institution), sentence);
                Ok(Answer::new(&message, json!({"instruction": sent.map(|sent| sent.number)})))
            })?;
            // Also when it was done before: the message that this request sent then is delivered from what is kept of it.
            let number = answer.fields.get("instruction").and_then(serde_json::Value::as_str);
            let find = |number: &str| instructions::find_instruction(&mut store.snapshot()?, book, number);
            number.map(find).transpose()?
        }
        (None, number) => {
            let number = number.as_deref().unwrap_or_default();
            Some(instructions::find_instruction(&mut store.snapshot()?, book, number)?)
        }
    };
    let Some(sent) = sent else {
        context.output.object(&json!({"instruction": null, "orders": 0}))?;
        let institution = args.institution.as_deref().unwrap_or_default();
        context.output.sentence(&Message::new("assets.nothing_to_send").with("institution", institution))?;
        return Ok(());
    };
    // If writing fails here, the message stands in the books, and the same request or --again NUMBER writes it.
    let delivered = instructions::deliver_files(&mut store.snapshot()?, &keys, book, &sent, &args.out)?;
    context.output.object(&json!({
        "instruction": sent.number, "institution": sent.institution, "orders": sent.order_count,
        "files": names(&sent), "sha256": hex(&sent.json.1), "csv_sha256": hex(&sent.csv.1),
        "written": delivered.iter().filter(|one| **one == crate::bank::deliver::Delivered::Written).count(),
    }))?;
    context.output.sentence(&sentence(&sent))?;
    Ok(())
}

fn names(sent: &Sent) -> [String; 2] {
    ["json", "csv"].map(|ending| format!("{}.{ending}", sent.number))
}

fn sentence(sent: &Sent) -> Message {
    Message::new("assets.sent")
        .with("number", &sent.number)
        .with("institution", &sent.institution)
        .with("orders", sent.order_count)
        .with("files", names(sent).join(", "))
        .with("digest", hex(&sent.json.1[..8]))
}

fn read(context: &Context, files: &[PathBuf]) -> Outcome<()> {
    let keys = context.keys()?;
    let mut store = context.store()?;
    let chart = chart::load(&mut store.snapshot()?, context.book().court_id)?;
    let mut all = Vec::new();
    for path in files {
        let answered = context.commit(&mut store, |tx, acting| {
            answers::import(tx, acting, &chart, &keys, &mut Randomness::system(), path)
        });
        let answered = answered.map_err(|failure| failure.in_file(path))?;
        print(context, &answered)?;
        all.push(answered);
    }
    let language = context.output.language;
    context.output.object(&json!({"answers": all.iter().map(|one| json!({
        "instruction": one.instruction, "new": !one.already, "applied": one.applied, "repeated": one.repeated,
        "promoted": one.promoted, "fulfilled": one.fulfilled, "alarms": one.alarms,
        "found": one.found.iter().map(|(asset, found)| json!({
            "asset_id": asset, "on": found.on.to_string(), "amount_minor": found.amount, "share_bp": found.share_bp,
        })).collect::<Vec<_>>(),
        "surrendered": one.surrendered.iter().map(|(id, pay_by)|
            json!({"deduction_id": id, "pay_by": pay_by.to_string()})).collect::<Vec<_>>(),
        "deductions": one.deductions.iter().map(|(id, amount)|
            json!({"deduction_id": id, "amount_minor": amount, "currency": "CNY"})).collect::<Vec<_>>(),
        "conflicts": one.conflicts.iter().map(|conflict| json!({
            "line": conflict.line_no, "order": conflict.order_id, "code": conflict.message.code,
            "message": conflict.message.text(language),
        })).collect::<Vec<_>>(),
    })).collect::<Vec<_>>()}))?;
    Ok(())
}

fn print(context: &Context, answered: &Answered) -> Outcome<()> {
    let code = if answered.already { "assets.answer_already" } else { "assets.answer_read" };
    context.output.sentence(
        &Message::new(code)
            .with("number", &answered.instruction)
            .with("applied", answered.applied)
            .with("repeated", answered.repeated)
            .with("conflicts", answered.conflicts.len()),
    )?;
    for (deduction, amount) in &answered.deductions {
        let message = Message::new("assets.on_its_way").with("deduction", deduction).with("amount", amount);
        context.output.sentence(&message)?;
    }
    for (asset, found) in &answered.found {
        let what = asset_facts::found_text(found);
        context
            .output
            .sentence(&Message::new("assets.found").with("asset", asset).with("what", what).with("on", found.on))?;
    }
    for (deduction, pay_by) in &answered.surrendered {
        let message = Message::new("assets.surrendered").with("deduction", deduction).with("pay_by", pay_by);
        context.output.sentence(&message)?;
    }
    for expectation in &answered.alarms {
        context.output.sentence(&Message::new("assets.income_alarm").with("expectation", expectation))?;
    }
    let rows: Vec<Vec<String>> = answered
        .conflicts
        .iter()
        .map(|conflict| {
            let text = conflict.message.text(context.output.language);
            vec![conflict.line_no.to_string(), conflict.order_id.to_string(), text]
        })
        .collect();
    if !rows.is_empty() {
        context.output.table(
            &[
                Column::number(Message::new("reconcile.line")),
                Column::number(Message::new("assets.column_order")),
                Column::text(Message::new("reconcile.conflict")),
            ],
            &rows,
        )?;
    }
    Ok(())
}
