//! `upper-court`: which courts stand above this one and may read its books, and what they looked at.

use clap::Subcommand;
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, day};
use crate::access::upper::{self, Above};
use crate::clock::shown_in_shanghai;
use crate::request::Answer;
use crate::{Message, Outcome};

/// Readings that are listed.
const READINGS_LISTED: i64 = 500;

/// Courts above.
#[derive(Clone, Debug, Subcommand)]
pub enum UpperCourtCommand {
    /// 登记上级法院，其“上级法院”岗位人员可查阅本院账簿 · Record a court above: people of it with that role may read this one's books
    Add {
        /// 上级法院编号 · Its number
        upper_court: i64,
        /// 生效日期 · First day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        since: Option<Date>,
        /// 依据 · The paper that says so
        #[arg(long)]
        document: String,
    },
    /// 终止上级法院的查阅 · Record that a court may no longer read
    End {
        /// 上级法院编号 · Its number
        upper_court: i64,
        /// 失效日期 · First day without it; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        since: Option<Date>,
        /// 依据 · The paper that says so
        #[arg(long)]
        document: String,
    },
    /// 列出上级法院 · List what is recorded of courts above
    List,
    /// 上级法院的查阅记录 · What people of courts above looked at
    Readings,
}

/// Runs the command.
///
/// # Errors
/// Those of [`upper`].
pub fn run(context: &Context, command: &UpperCourtCommand) -> Outcome<()> {
    match command {
        UpperCourtCommand::Add { upper_court, since, document } => {
            record(context, command, *upper_court, true, *since, document)
        }
        UpperCourtCommand::End { upper_court, since, document } => {
            record(context, command, *upper_court, false, *since, document)
        }
        UpperCourtCommand::List => list(context),
        UpperCourtCommand::Readings => readings(context),
    }
}

fn record(
    context: &Context,
    command: &UpperCourtCommand,
    upper_court_id: i64,
    is_granted: bool,
    since: Option<Date>,
    document: &str,
) -> Outcome<()> {
    context.record("court.above", command, |tx, acting, _| {
        let since = since.unwrap_or(acting.date);
        let new = Above { upper_court_id, is_granted, since, document: document.to_owned() };
        upper::record(tx, acting, &new)?;
        let code = if is_granted { "upper_court.added" } else { "upper_court.ended" };
        let message = Message::new(code).with("court", upper_court_id).with("date", since);
        Ok(Answer::new(
            &message,
            json!({"upper_court": upper_court_id, "since": since.to_string(), "may_read": is_granted}),
        ))
    })
}

fn list(context: &Context) -> Outcome<()> {
    let all = context.read(|tx| upper::all(tx, context.globals.court))?;
    let objects: Vec<_> = all
        .iter()
        .map(|one| {
            let since = one.since.to_string();
            json!({"upper_court": one.upper_court_id, "may_read": one.is_granted, "since": since, "document": one.document})
        })
        .collect();
    context.output.object(&json!({"upper_courts": objects}))?;
    let word = |one: &Above| Message::new(if one.is_granted { "upper_court.may_read" } else { "upper_court.may_not" });
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let word = word(one).text(context.output.language);
            vec![one.upper_court_id.to_string(), word, one.since.to_string(), one.document.clone()]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("upper_court.court")),
            Column::text(Message::new("column.state")),
            Column::text(Message::new("upper_court.since")),
            Column::text(Message::new("upper_court.document")),
        ],
        &rows,
    )?;
    Ok(())
}

fn readings(context: &Context) -> Outcome<()> {
    let all = context.read(|tx| upper::readings(tx, context.globals.court, READINGS_LISTED))?;
    let objects: Vec<_> = all
        .iter()
        .map(|one| {
            json!({
                "upper_court": one.upper_court_id, "person": one.person_name, "command": one.command,
                "arguments": one.arguments, "read_at": shown_in_shanghai(one.read_at),
            })
        })
        .collect();
    context.output.object(&json!({"readings": objects}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let at = shown_in_shanghai(one.read_at);
            vec![
                at,
                one.upper_court_id.to_string(),
                one.person_name.clone(),
                one.command.clone(),
                one.arguments.clone(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("upper_court.read_at")),
            Column::number(Message::new("upper_court.court")),
            Column::text(Message::new("column.name")),
            Column::text(Message::new("upper_court.looked_at")),
            Column::text(Message::new("upper_court.arguments")),
        ],
        &rows,
    )?;
    Ok(())
}
