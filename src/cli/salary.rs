//! `salary`: salary accounts under a live freeze.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::output::Column;
use super::{Context, both};
use crate::assets::live_freeze::{Division, Finding, Month, MonthStatement};
use crate::assets::rules::{Fact, What};
use crate::assets::salary::Reckoned;
use crate::assets::salary_reports::{self, Fault, Imported, Swept};
use crate::clock::Randomness;
use crate::request::Answer;
use crate::{Message, Outcome, access, chart};

/// What `salary` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum SalaryCommand {
    /// 读入银行的工资账户报告 · Read banks' reports of salary accounts; each file goes in or is refused on its own
    Import {
        /// 报告文件，可多个（JSON 或 CSV） · Files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// 逐月显示：入账、生活费、支取、可支取、为谁冻结、已扣划 · Month by month: what came in, was drawn, is free, is held for whom
    Show {
        /// 财产编号 · Number of the asset
        asset: i64,
        /// 只显示某月，如 2026-11 · Only this month
        #[arg(long, value_name = "YYYY-MM", value_parser = month)]
        month: Option<Month>,
    },
    /// 划转生活费以上的冻结款：为各案作出扣划 · Order the deduction of all that is held above the living allowance
    Sweep(SweepArgs),
}

/// What `salary sweep` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["asset", "all"]))]
pub struct SweepArgs {
    /// 财产编号 · Number of the asset
    pub asset: Option<i64>,
    /// 全部工资账户 · All salary accounts
    #[arg(long)]
    pub all: bool,
    /// 裁定书文号 · Number of the ruling
    #[arg(long)]
    pub ruling: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
    /// 划入的法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

fn month(text: &str) -> Result<Month, String> {
    Month::parse(text).map_err(|message| both(&message))
}

/// Runs the command.
///
/// # Errors
/// Those of [`salary_reports`].
pub fn run(context: &Context, command: &SalaryCommand) -> Outcome<()> {
    match command {
        SalaryCommand::Import { files } => import(context, files),
        SalaryCommand::Show { asset, month } => show(context, *asset, *month),
        SalaryCommand::Sweep(args) => sweep(context, args),
    }
}

fn import(context: &Context, files: &[PathBuf]) -> Outcome<()> {
    let keys = context.keys()?;
    let mut store = context.store()?;
    let language = context.output.language;
    let mut all = Vec::new();
    for path in files {
        let imported = context.commit(&mut store, |tx, acting| {
            salary_reports::import(tx, acting, &keys, &mut Randomness::system(), path)
        });
        let imported = imported.map_err(|failure| failure.in_file(path))?;
        print(context, &imported)?;
        all.push(imported);
    }
    context.output.object(&json!({"reports": all.iter().map(|one| json!({
        "number": one.number, "new": !one.already, "applied": one.applied, "repeated": one.repeated,
        "conflicts": one.conflicts.iter().map(|conflict| json!({
            "line": conflict.line_no, "reference": conflict.reference, "code": conflict.message.code,
            "message": conflict.message.text(language),
        })).collect::<Vec<_>>(),
        "faults": one.faults.iter().map(|fault| fault_object(fault.asset_id, &fault.finding)).collect::<Vec<_>>(),
        "changes": one.facts.iter().map(|(asset, fact)| json!({
            "asset_id": asset, "measure_id": fact.measure_id, "on": fact.on.to_string(),
            "event": if matches!(fact.what, What::Promoted(_)) { "promoted" } else { "held" },
            "held_minor": held_of(fact),
        })).collect::<Vec<_>>(),
    })).collect::<Vec<_>>()}))?;
    Ok(())
}

const fn held_of(fact: &Fact) -> Option<Amount> {
    match fact.what {
        What::More(held) => Some(held),
        _ => None,
    }
}

fn fault_object(asset_id: i64, finding: &Finding) -> Value {
    json!({
        "asset_id": asset_id, "on": finding.on.to_string(), "drawn_minor": finding.drawn, "free_minor": finding.free,
        "frozen_minor": finding.frozen, "of_first_day": finding.is_of_first_day, "currency": "CNY",
    })
}

fn fault_message(asset_id: i64, finding: &Finding) -> Message {
    let code = if finding.is_of_first_day { "salary.fault_first_day" } else { "salary.fault" };
    let message = Message::new(code).with("asset", asset_id).with("on", finding.on).with("drawn", finding.drawn);
    message.with("free", finding.free).with("frozen", finding.frozen)
}

fn print(context: &Context, imported: &Imported) -> Outcome<()> {
    let code = if imported.already { "salary.already" } else { "salary.read" };
    let message = Message::new(code).with("number", &imported.number).with("applied", imported.applied);
    let message = message.with("repeated", imported.repeated).with("conflicts", imported.conflicts.len());
    context.output.sentence(&message)?;
    for Fault { asset_id, finding } in &imported.faults {
        context.output.sentence(&fault_message(*asset_id, finding))?;
    }
    for (asset, fact) in &imported.facts {
        let message = match fact.what {
            What::More(held) => Message::new("salary.held_now").with("amount", held),
            _ => Message::new("salary.took_effect"),
        };
        let message = message.with("measure", fact.measure_id).with("asset", asset).with("on", fact.on);
        context.output.sentence(&message)?;
    }
    let rows: Vec<Vec<String>> = imported
        .conflicts
        .iter()
        .map(|conflict| {
            let text = conflict.message.text(context.output.language);
            vec![conflict.line_no.to_string(), conflict.reference.clone(), text]
        })
        .collect();
    if !rows.is_empty() {
        context.output.table(
            &[
                Column::number(Message::new("reconcile.line")),
                Column::text(Message::new("salary.column_reference")),
                Column::text(Message::new("reconcile.conflict")),
            ],
            &rows,
        )?;
    }
    Ok(())
}

/// Amounts by the orders that they belong to.
fn by_order(reckoned: &Reckoned, amounts: &[(usize, Amount)]) -> Vec<(i64, Amount)> {
    let of = |(place, amount): &(usize, Amount)| Some((*reckoned.measures.get(*place)?, *amount));
    amounts.iter().filter_map(of).collect()
}

fn list_object(amounts: &[(i64, Amount)]) -> Value {
    amounts.iter().map(|(measure, amount)| json!({"measure_id": measure, "amount_minor": amount})).collect()
}

fn list_text(amounts: &[(i64, Amount)]) -> String {
    let texts: Vec<String> = amounts.iter().map(|(measure, amount)| format!("{measure}: {amount}")).collect();
    if texts.is_empty() { "—".to_owned() } else { texts.join(" · ") }
}

fn total(amounts: [Amount; 3]) -> Outcome<Amount> {
    Ok(Amount::sum(amounts).ok_or_else(|| Message::new("assets.out_of_range"))?)
}

fn division_object(reckoned: &Reckoned, balance: Amount, division: &Division) -> Outcome<Value> {
    Ok(json!({
        "balance_minor": balance, "free_minor": division.free()?, "allowance_left_minor": division.allowance,
        "unfrozen_minor": division.unfrozen, "held": list_object(&by_order(reckoned, &division.held)),
    }))
}

fn show(context: &Context, asset_id: i64, only: Option<Month>) -> Outcome<()> {
    let (book, until) = (context.book(), context.date());
    let (account, reckoned) = context.read(|tx| salary_reports::show(tx, book, asset_id, until))?;
    let known_until = account.latest();
    let Some(reckoned) = reckoned else {
        context.output.object(&json!({"asset_id": asset_id, "months": [], "today": null}))?;
        context.output.sentence(&Message::new("salary.nothing_in_force").with("asset", asset_id))?;
        return Ok(());
    };
    let statement = &reckoned.statement;
    let months: Vec<&MonthStatement> =
        statement.months.iter().filter(|month| only.is_none_or(|only| month.month == only)).collect();
    let mut objects = Vec::new();
    let mut rows = Vec::new();
    for month in &months {
        let drawn = total([month.drawn_allowance, month.drawn_unfrozen, month.drawn_frozen])?;
        let (swept, held) = (by_order(&reckoned, &month.swept), by_order(&reckoned, &month.division.held));
        let mut object = division_object(&reckoned, month.closing, &month.division)?;
        object["month"] = json!(month.month.to_string());
        object["from"] = json!(month.from.to_string());
        object["until"] = json!(month.until.to_string());
        object["opening_minor"] = json!(month.opening);
        object["credited_minor"] = json!(month.credits);
        object["carried_in_minor"] = json!(month.carried_in);
        object["allowance_minor"] = json!(month.allowance);
        object["drawn_minor"] = json!(drawn);
        object["drawn_frozen_minor"] = json!(month.drawn_frozen);
        object["swept"] = list_object(&swept);
        objects.push(object);
        rows.push(vec![
            month.month.to_string(),
            month.credits.to_string(),
            total([month.carried_in, month.allowance, Amount::ZERO])?.to_string(),
            drawn.to_string(),
            month.division.free()?.to_string(),
            list_text(&held),
            list_text(&swept),
            month.closing.to_string(),
        ]);
    }
    let orders: Vec<Value> = statement
        .orders
        .iter()
        .zip(&reckoned.measures)
        .map(|(one, measure)| {
            Ok(json!({
                "measure_id": measure, "amount_minor": one.order.amount, "from": one.order.from.to_string(),
                "until": one.order.until.to_string(), "state": one.state, "swept_minor": one.swept,
                "owed_minor": one.owed()?, "held_minor": reckoned.held_for(*measure),
                "ended_on": one.ended_on.map(|day| day.to_string()),
            }))
        })
        .collect::<Result<_, Message>>()?;
    context.output.object(&json!({
        "asset_id": asset_id, "until": until.to_string(), "reported_until": known_until.map(|day| day.to_string()),
        "currency": "CNY", "months": objects, "orders": orders,
        "today": division_object(&reckoned, statement.balance, &statement.today)?,
        "faults": statement.findings.iter().map(|finding| fault_object(asset_id, finding)).collect::<Vec<_>>(),
    }))?;
    context.output.table(
        &[
            Column::text(Message::new("live_freeze.column_month")),
            Column::number(Message::new("salary.column_credited")),
            Column::number(Message::new("live_freeze.column_allowance")),
            Column::number(Message::new("salary.column_drawn")),
            Column::number(Message::new("live_freeze.free")),
            Column::text(Message::new("live_freeze.column_held")),
            Column::text(Message::new("live_freeze.column_swept")),
            Column::number(Message::new("live_freeze.column_balance")),
        ],
        &rows,
    )?;
    let language = context.output.language;
    let mut rows = Vec::new();
    for (one, measure) in statement.orders.iter().zip(&reckoned.measures) {
        rows.push(vec![
            measure.to_string(),
            one.order.amount.to_string(),
            one.swept.to_string(),
            one.owed()?.to_string(),
            reckoned.held_for(*measure).unwrap_or_default().to_string(),
            one.state.message().text(language),
        ]);
    }
    context.output.table(
        &[
            Column::number(Message::new("assets.column_measure")),
            Column::number(Message::new("live_freeze.column_ceiling")),
            Column::number(Message::new("live_freeze.column_swept")),
            Column::number(Message::new("live_freeze.column_owed")),
            Column::number(Message::new("live_freeze.column_may_sweep")),
            Column::text(Message::new("live_freeze.column_state")),
        ],
        &rows,
    )?;
    let message = Message::new("salary.today").with("on", until).with("free", statement.today.free()?);
    let message = message.with("held", statement.today.held_total()?);
    let known_until = known_until.map_or_else(|| "—".to_owned(), |day| day.to_string());
    context.output.sentence(&message.with("known", known_until))?;
    for finding in &statement.findings {
        context.output.sentence(&fault_message(asset_id, finding))?;
    }
    Ok(())
}

fn sweep(context: &Context, args: &SweepArgs) -> Outcome<()> {
    let (court_id, book) = (context.book().court_id, context.book());
    let language = context.output.language;
    context.record("salary.sweep", args, |tx, acting, _| {
        let account = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
        let assets = match args.asset {
            Some(asset) => vec![asset],
            None => salary_reports::salary_assets(tx, book)?,
        };
        let swept = salary_reports::sweep(tx, acting, &assets, &account, &args.ruling, &second)?;
        let Swept { ordered, left } = &swept;
        let total = swept.total().ok_or_else(|| Message::new("assets.out_of_range"))?;
        let object = json!({
            "orders": ordered.iter().map(|(asset, measure, order, amount)| json!({
                "asset_id": asset, "measure_id": measure, "order": order, "amount_minor": amount, "currency": "CNY",
            })).collect::<Vec<_>>(),
            "left": left.iter().map(|(asset, measure, why)| json!({
                "asset_id": asset, "measure_id": measure, "code": why.code, "message": why.text(language),
            })).collect::<Vec<_>>(),
            "amount_minor": total, "currency": "CNY",
        });
        let message = Message::new("salary.swept").with("orders", ordered.len()).with("amount", total);
        Ok(Answer::new(&message.with("left", left.len()).with("name", &second.name), object))
    })
}
