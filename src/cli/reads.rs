//! `reads`: who opened personal data, and what was refused to whom.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::output::Column;
use crate::access::{self, Role};
use crate::{Message, Outcome, clock, reads};

/// The read log.
#[derive(Clone, Debug, Subcommand)]
pub enum ReadsCommand {
    /// 查阅与拒绝记录 · Who opened personal data, and what was refused to whom
    List(ListArgs),
}

/// What `reads list` takes.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// 只看某人 · Only what this person did
    #[arg(long, value_name = "NAME")]
    pub person: Option<String>,
    /// 最多显示几条 · At most so many, the newest
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub most: u32,
}

/// Runs the command.
///
/// # Errors
/// `reads.not_yours`, `access.person_unknown`; what the database says.
pub fn run(context: &Context, command: &ReadsCommand) -> Outcome<()> {
    let ReadsCommand::List(args) = command;
    let court_id = context.globals.court;
    let (person, names) = context.read(|tx| {
        if let Some(person) = context.served_person() {
            let roles = access::load_roles(tx, court_id)?;
            let date = context.date();
            if ![Role::Auditor, Role::Admin].iter().any(|role| roles.holds(person.person_id, *role, date)) {
                return Err(Message::new("reads.not_yours").into());
            }
        }
        let names: HashMap<i64, String> =
            access::people(tx, court_id)?.into_iter().map(|person| (person.person_id, person.name)).collect();
        let person = args.person.as_ref().map(|name| access::find_actor(tx, court_id, name)).transpose()?;
        Ok((person, names))
    })?;
    let (entries, checked) = match open(context)? {
        Some(mut store) => {
            let mut tx = store.snapshot()?;
            let person_id = person.map(|person| person.person_id);
            (reads::newest(&mut tx, court_id, person_id, args.most.into())?, Some(reads::check(&mut tx, court_id)?))
        }
        None => (Vec::new(), None),
    };
    let name_of = |person_id: i64| names.get(&person_id).map_or("?", String::as_str);
    let objects: Vec<_> = entries
        .iter()
        .map(|(number, entry)| {
            json!({"number": number, "at": entry.at, "person_id": entry.person_id, "person": name_of(entry.person_id),
                "kind": entry.kind.as_str(), "command": entry.command, "subject": entry.subject,
                "details": entry.details, "code": entry.code})
        })
        .collect();
    let rows: Vec<Vec<String>> = entries
        .iter()
        .map(|(number, entry)| {
            vec![
                number.to_string(),
                clock::shown_in_shanghai(entry.at),
                name_of(entry.person_id).to_owned(),
                entry.kind.message().text(context.output.language),
                entry.command.clone(),
                entry.subject.clone(),
                entry.details.to_string(),
                entry.code.clone(),
            ]
        })
        .collect();
    let head = checked.as_ref().map(|checked| checked.head.clone());
    let finding = checked.and_then(|checked| checked.finding);
    context.output.object(&json!({"reads": objects, "head": head, "finding": finding}))?;
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("reads.at")),
            Column::text(Message::new("reads.person")),
            Column::text(Message::new("reads.kind")),
            Column::text(Message::new("reads.command")),
            Column::text(Message::new("reads.subject")),
            Column::number(Message::new("reads.details")),
            Column::text(Message::new("reads.code")),
        ],
        &rows,
    )?;
    match (finding, head) {
        (Some(finding), _) => context.output.sentence(&Message::new("reads.broken").with("finding", finding))?,
        (None, Some(head)) => context.output.pairs(&[(Message::new("reads.head"), head)])?,
        (None, None) => {}
    }
    Ok(())
}

/// The log, where there is one: nobody reads anything before a service runs.
///
/// # Errors
/// What the database says.
pub fn open(context: &Context) -> Outcome<Option<ankuan_ledger::Store>> {
    let database = &context.globals.database;
    let address = reads::address(database);
    if address.strip_prefix("sqlite:").is_some_and(|path| !Path::new(path).exists()) {
        return Ok(None);
    }
    Ok(Some(reads::open(database, Duration::from_secs(context.globals.wait))?))
}
