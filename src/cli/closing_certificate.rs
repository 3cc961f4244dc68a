//! `report closing-certificate`: that all of a case was performed (结案证明).

use std::path::PathBuf;

use ankuan_ledger::chain::hex;
use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use super::calc::read_rules;
use super::obligation::{object, reduction_columns};
use super::output::Column;
use super::{Context, day};
use crate::access::refuse_future;
use crate::obligations::closing::{Certificate, Rules, STANDARD, certificate, held_name};
use crate::{Language, Message, Outcome, cases, chart};

/// What `report closing-certificate` takes.
#[derive(Clone, Debug, Args)]
pub struct ClosingCertificateArgs {
    /// 案号 · Case number
    pub case: String,
    /// 截止日；默认记账日期 · End of this day; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
    /// 结案规则（TOML）；默认内置 · Rules; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// `obligations.closing_none`, `obligations.closing_refused` with what remains and where the money is; `command.date_in_future`.
pub fn run(context: &Context, args: &ClosingCertificateArgs) -> Outcome<()> {
    let court_id = context.globals.court;
    let on = args.on.unwrap_or_else(|| context.date());
    refuse_future(on, context.clock().today_in_shanghai())?;
    let rules = read_rules(args.rules.as_deref(), STANDARD, Rules::parse)?;
    let (court, found) = context.read(|tx| {
        let case = cases::find_case(tx, context.book(), &args.case)?;
        Ok((chart::court_name(tx, court_id)?.unwrap_or_default(), certificate(tx, court_id, &case, on)?))
    })?;
    if let Some(refusal) = found.refusal(&rules) {
        return Err(refusal.into());
    }
    context.output.object(&as_json(&court, &found))?;
    print(context, &court, &found)
}

fn as_json(court: &str, found: &Certificate) -> serde_json::Value {
    let sentence = sentence(court, found);
    json!({
        "court": court, "numbers": found.numbers, "title": found.title, "on": found.on.to_string(), "currency": "CNY",
        "registered_minor": found.registered, "accrued_minor": found.accrued, "open_minor": found.open,
        "digest": hex(&found.digest()),
        "text_zh": sentence.text(Language::Zh), "text_en": sentence.text(Language::En),
        "obligations": found.closed.iter().map(|one| {
            let mut value = object(&one.obligation);
            value["accrued_minor"] = json!(one.accrued);
            value["open_minor"] = json!(one.open);
            value["surplus_minor"] = json!(one.surplus);
            value["reductions"] = one.reductions.iter().map(|reduction| json!({
                "way": reduction.way.as_str(), "id": reduction.id, "done_on": reduction.done_on.to_string(),
                "stops_on": reduction.stops_on.to_string(), "amount_minor": reduction.amount,
                "evidence": reduction.evidence,
            })).collect();
            value
        }).collect::<Vec<_>>(),
        "held": found.held.iter().map(|(code, kind, amount)| json!({
            "code": code, "kind": kind.as_str(), "amount_minor": amount})).collect::<Vec<_>>(),
    })
}

fn sentence(court: &str, found: &Certificate) -> Message {
    Message::new("obligations.certifies")
        .with("court", court)
        .with("numbers", found.numbers.join(" → "))
        .with("title", &found.title)
        .with("on", found.on)
        .with("registered", found.registered)
        .with("accrued", found.accrued)
}

fn print(context: &Context, court: &str, found: &Certificate) -> Outcome<()> {
    let language = context.output.language;
    let sentence = sentence(court, found);
    // A form that leaves the house: both languages, whichever is asked for first.
    let other = if language == Language::Zh { Language::En } else { Language::Zh };
    context.output.line(&Message::new("obligations.closing_title").text(Language::Zh))?;
    context.output.line(&Message::new("obligations.closing_title").text(Language::En))?;
    context.output.line(&sentence.text(language))?;
    context.output.line(&sentence.text(other))?;
    for one in &found.closed {
        context.output.pairs(&[
            (Message::new("obligations.column_obligation"), one.obligation.obligation_id.to_string()),
            (Message::new("obligations.column_creditor"), one.obligation.creditor.clone()),
            (Message::new("obligations.column_debtor"), one.obligation.debtor.clone()),
            (Message::new("obligations.column_document"), one.obligation.document.clone()),
            (Message::new("obligations.column_registered"), one.obligation.total.to_string()),
            (Message::new("obligations.column_accrued"), one.accrued.to_string()),
            (Message::new("obligations.column_open"), one.open.to_string()),
        ])?;
        let rows: Vec<Vec<String>> = one
            .reductions
            .iter()
            .map(|reduction| {
                vec![
                    reduction.id.to_string(),
                    reduction.way.message().text(language),
                    reduction.stops_on.to_string(),
                    reduction.done_on.to_string(),
                    reduction.amount.to_string(),
                    reduction.evidence.clone(),
                ]
            })
            .collect();
        context.output.table(&reduction_columns(), &rows)?;
    }
    if !found.held.is_empty() {
        let rows: Vec<Vec<String>> = found
            .held
            .iter()
            .map(|(code, kind, amount)| vec![code.clone(), held_name(*kind).text(language), amount.to_string()])
            .collect();
        context.output.table(
            &[
                Column::text(Message::new("obligations.column_held")),
                Column::text(Message::new("obligations.column_kind")),
                Column::number(Message::new("column.amount")),
            ],
            &rows,
        )?;
    }
    context.output.line(&Message::new("obligations.digest").with("digest", hex(&found.digest())).text(language))?;
    Ok(())
}
