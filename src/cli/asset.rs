//! `asset`: what stands in another's books, and the orders on it.

use ankuan_ledger::{Amount, Tx};
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, Words, asset_facts, words};
use crate::assets::measures::{MeasureRecord, Standing, load, load_many, term_of};
use crate::assets::message::percent;
use crate::assets::register::{self, Asset, NewAsset};
use crate::assets::rules::{Extent, Fact, Measure, State, What};
use crate::assets::{AssetKind, day, deductions};
use crate::calculators::terms::{STANDARD, Terms};
use crate::clock::Randomness;
use crate::documents::personal::mask;
use crate::request::Answer;
use crate::{Message, Outcome, cases};

/// What `asset` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum AssetCommand {
    /// 登记财产 · Register an asset; the same number twice is one asset
    Add(AddArgs),
    /// 列出财产及冻结情况 · List assets and what is frozen of them: a memorandum, never added to money
    List {
        /// 只列本案采取措施的 · Only those on which this case has an order
        #[arg(long)]
        case: Option<String>,
    },
    /// 显示财产及其全部措施 · Show an asset, the orders on it in line, and what happened
    Show {
        /// 财产编号 · Number of the asset
        asset: i64,
    },
    /// 日终：到期失效、轮候生效；将到期的措施 · Make the daily changes: what lapsed, what takes effect, what ends soon
    Day {
        /// 提前几日提示将到期的措施 · Name the orders that end within so many days
        #[arg(long, default_value_t = 30, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(0..=3650))]
        ahead: u16,
    },
    /// 本案查得的财产及现金可执行率 · What a case found, and its deposits against what it claims
    Found(asset_facts::FoundArgs),
    /// 公积金提取条件 · Record a ground on which a housing fund may be drawn
    Ground(asset_facts::GroundArgs),
    /// 预期收入（分红、租金） · Expect income that a third party is to pay
    Expect(asset_facts::ExpectArgs),
    /// 预期收入清单：到期、逾期、已付、付给他人 · Income that is due, overdue, paid, paid to somebody else
    Expected {
        /// 只列该日及以前到期的 · Only what is due by this day
        #[arg(long, value_name = "DATE", value_parser = super::day)]
        until: Option<jiff::civil::Date>,
    },
    /// 预期收入的结果 · What became of expected income
    Income(asset_facts::IncomeArgs),
    /// 履行到期债务通知 · Record that a notice to perform a debt was served
    Notice(asset_facts::NoticeArgs),
    /// 第三人异议 · Record that the third party objects
    Objection(asset_facts::ObjectionArgs),
    /// 活封：允许使用 · Allow that what is frozen is used under supervision, or end it
    Use(asset_facts::UseArgs),
    /// 替代性查封 · Put one freeze in the place of another, or take that back
    Substitute(asset_facts::SubstituteArgs),
}

/// What `asset add` takes.
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// 财产类别：deposit 银行存款，salary 工资薪金，policy 人身保险，housing_fund 住房公积金，income 其他收入，
    /// wallet 网络资金，equity 股权、基金，debt 到期债权，auction 拍卖款 · What it is
    #[arg(value_parser = kind())]
    pub kind: AssetKind,
    /// 机构（银行、保险公司、公积金中心、单位） · Who holds it and is told what to do
    #[arg(long)]
    pub institution: String,
    /// 户名或权利人 · In whose name
    #[arg(long)]
    pub holder: String,
    /// 权利人是单位 · The holder is a company
    #[arg(long)]
    pub company: bool,
    /// 账号、保单号、公积金账号等 · Number of the account, policy, fund; kept sealed
    #[arg(long, value_name = "NUMBER")]
    pub identifier: String,
}

fn kind() -> Words<AssetKind> {
    words(AssetKind::parse, AssetKind::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`crate::assets`].
pub fn run(context: &Context, command: &AssetCommand) -> Outcome<()> {
    match command {
        AssetCommand::Add(args) => add(context, args),
        AssetCommand::List { case } => list(context, case.as_deref()),
        AssetCommand::Show { asset } => show(context, *asset),
        AssetCommand::Day { ahead } => run_day(context, *ahead),
        AssetCommand::Found(args) => asset_facts::found(context, args),
        AssetCommand::Ground(args) => asset_facts::ground(context, args),
        AssetCommand::Expect(args) => asset_facts::expect(context, args),
        AssetCommand::Expected { until } => asset_facts::expected(context, *until),
        AssetCommand::Income(args) => asset_facts::income(context, args),
        AssetCommand::Notice(args) => asset_facts::notice(context, args),
        AssetCommand::Objection(args) => asset_facts::objection(context, args),
        AssetCommand::Use(args) => asset_facts::allow_use(context, args),
        AssetCommand::Substitute(args) => asset_facts::substitute(context, args),
    }
}

fn add(context: &Context, args: &AddArgs) -> Outcome<()> {
    let keys = context.keys()?;
    context.record("asset.add", args, |tx, acting, _| {
        let new = NewAsset {
            kind: args.kind,
            institution: &args.institution,
            holder_name: &args.holder,
            is_company: args.company,
            identifier: &args.identifier,
        };
        let registered = register::register(tx, acting, &keys, &mut Randomness::system(), &new)?;
        let asset = &registered.asset;
        let message = Message::new(if registered.is_new { "assets.added" } else { "assets.known" })
            .with("asset", asset.asset_id)
            .with_term("kind", &asset.kind.message())
            .with("institution", &asset.institution)
            .with("holder", &asset.holder_name);
        Ok(Answer::new(&message, json!({"asset_id": asset.asset_id, "new": registered.is_new})))
    })
}

/// What an order takes, in words.
fn extent_text(extent: Extent) -> String {
    match extent {
        Extent::Amount(amount) => amount.to_string(),
        Extent::Share(share) => format!("{}%", percent(share)),
        Extent::Whole => "100%".to_owned(),
    }
}

/// What is frozen and deducted of an asset, for this court or for others.
#[must_use]
pub fn sums(standing: &Standing, is_ours: bool) -> (Amount, Amount) {
    let ours = standing.line.measures().iter().filter(|measure| measure.is_outside != is_ours);
    let (mut frozen, mut deducted) = (Amount::ZERO, Amount::ZERO);
    for measure in ours {
        let (one, other) = match &measure.state {
            State::InForce(freeze) => (freeze.frozen, freeze.deducted),
            State::Ended { deducted, .. } => (Amount::ZERO, *deducted),
            State::Asked | State::Waiting { .. } => (Amount::ZERO, Amount::ZERO),
        };
        // A sum past the range of amounts is shown as the largest there is.
        frozen = frozen.plus(one).unwrap_or(Amount::from_minor(i64::MAX));
        deducted = deducted.plus(other).unwrap_or(Amount::from_minor(i64::MAX));
    }
    (frozen, deducted)
}

/// When the first freeze of an asset ends.
#[must_use]
pub fn next_end(standing: &Standing) -> Option<jiff::civil::Date> {
    standing.line.measures().iter().filter_map(Measure::in_force).map(|freeze| freeze.ends_on).min()
}

fn list(context: &Context, case: Option<&str>) -> Outcome<()> {
    let book = context.book();
    let all = context.read(|tx| {
        let case_id = case.map(|number| cases::find_case(tx, book, number)).transpose()?.map(|case| case.case_id);
        let mut all: Vec<(Asset, Standing)> = Vec::new();
        let assets = register::assets(tx, book)?;
        let asset_ids: Vec<i64> = assets.iter().map(|asset| asset.asset_id).collect();
        // Both in the order of the ids.
        for (asset, (_, standing)) in assets.into_iter().zip(load_many(tx, book, &asset_ids)?) {
            if case_id.is_none() || standing.records.iter().any(|record| record.case_id == case_id) {
                all.push((asset, standing));
            }
        }
        Ok(all)
    })?;
    let waiting = |standing: &Standing| {
        standing.line.measures().iter().filter(|measure| matches!(measure.state, State::Waiting { .. })).count()
    };
    let objects: Vec<_> = all
        .iter()
        .map(|(asset, standing)| {
            let ((frozen, deducted), (elsewhere, _)) = (sums(standing, true), sums(standing, false));
            json!({
                "asset_id": asset.asset_id, "kind": asset.kind.as_str(), "institution": asset.institution,
                "holder": asset.holder_name, "orders": standing.records.len(), "waiting": waiting(standing),
                "frozen_minor": frozen, "deducted_minor": deducted, "frozen_by_others_minor": elsewhere,
                "currency": "CNY", "next_end": next_end(standing).map(|day| day.to_string()),
            })
        })
        .collect();
    let total = Amount::sum(all.iter().map(|(_, standing)| sums(standing, true).0));
    context.output.object(&json!({"assets": objects, "frozen_minor": total, "currency": "CNY"}))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|(asset, standing)| {
            let ((frozen, deducted), (elsewhere, _)) = (sums(standing, true), sums(standing, false));
            vec![
                asset.asset_id.to_string(),
                asset.kind.message().text(language),
                asset.institution.clone(),
                asset.holder_name.clone(),
                frozen.to_string(),
                elsewhere.to_string(),
                waiting(standing).to_string(),
                deducted.to_string(),
                next_end(standing).map_or_else(|| "—".to_owned(), |day| day.to_string()),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("assets.column_kind")),
            Column::text(Message::new("assets.column_institution")),
            Column::text(Message::new("assets.column_holder")),
            Column::number(Message::new("assets.column_frozen")),
            Column::number(Message::new("assets.column_elsewhere")),
            Column::number(Message::new("assets.column_waiting")),
            Column::number(Message::new("assets.column_deducted")),
            Column::text(Message::new("assets.column_next_end")),
        ],
        &rows,
    )?;
    Ok(())
}

/// One order of a line, for people and for programs.
struct Row {
    cells: Vec<String>,
    object: serde_json::Value,
}

fn row(tx: &mut Tx<'_>, context: &Context, asset: &Asset, measure: &Measure, record: &MeasureRecord) -> Outcome<Row> {
    let whose = match record.case_id {
        Some(case_id) => cases::case_by_id(tx, context.book(), case_id)?.current_number().to_owned(),
        None => record.outside_court.clone(),
    };
    let (since, ends_on, frozen, deducted) = match &measure.state {
        State::Asked => (None, None, Amount::ZERO, Amount::ZERO),
        State::Waiting { since, .. } => (Some(*since), None, Amount::ZERO, Amount::ZERO),
        State::InForce(freeze) => (Some(freeze.since), Some(freeze.ends_on), freeze.frozen, freeze.deducted),
        State::Ended { on, deducted, .. } => (Some(*on), None, Amount::ZERO, *deducted),
    };
    let unknown_ahead = if let State::Waiting { unknown_ahead, .. } = measure.state { unknown_ahead } else { 0 };
    let term = Terms::parse(STANDARD)?;
    let renewal = term_of(&term, asset.kind)?.renewal;
    let renew_by = ends_on
        .zip(renewal)
        .and_then(|(end, renewal)| end.checked_sub(jiff::ToSpan::days(i64::from(renewal.count))).ok());
    let status = measure.status();
    let day = |day: Option<jiff::civil::Date>| day.map_or_else(|| "—".to_owned(), |day| day.to_string());
    // A share, or all, of something whose value nobody has told is no amount: not zero, and not in the memorandum.
    let is_told = frozen > Amount::ZERO || measure.in_force().is_none() || matches!(record.extent, Extent::Amount(_));
    let cells = vec![
        measure.measure_id.to_string(),
        whose.clone(),
        record.ruling.clone(),
        extent_text(record.extent),
        status.message().text(context.output.language),
        day(since),
        day(ends_on),
        day(renew_by),
        if is_told { frozen.to_string() } else { Message::new("assets.value_untold").text(context.output.language) },
        deducted.to_string(),
    ];
    let open: Vec<_> = measure
        .open
        .iter()
        .map(|order| json!({"order": order.order_id, "action": order.what.action().as_str(), "sent": order.is_sent}))
        .collect();
    let object = json!({
        "measure_id": measure.measure_id, "case_id": record.case_id, "whose": whose, "ruling": record.ruling,
        "officer": record.officer, "basis": record.basis.as_str(), "months": record.months,
        "extent": extent_text(record.extent), "status": status.as_str(), "since": since.map(|day| day.to_string()),
        "ends_on": ends_on.map(|day| day.to_string()), "renew_by": renew_by.map(|day| day.to_string()),
        "frozen_minor": frozen, "value_told": is_told, "deducted_minor": deducted, "currency": "CNY", "unknown_ahead": unknown_ahead,
        "allowance_minor": record.allowance.map(|allowance| allowance.monthly),
        "carries_over": record.allowance.map(|allowance| allowance.carries_over), "open_orders": open,
    });
    Ok(Row { cells, object })
}

fn show(context: &Context, asset_id: i64) -> Outcome<()> {
    let (book, keys) = (context.book(), context.keys()?);
    let (asset, identifier, rows, events, beside) = context.read(|tx| {
        let asset = register::find_asset(tx, book, asset_id)?;
        let identifier = register::identifier(tx, &keys, book, asset_id)?;
        let standing = load(tx, book, asset_id)?;
        let mut rows = Vec::new();
        for measure in standing.line.measures() {
            if let Some(record) = standing.record(measure.measure_id) {
                rows.push(row(tx, context, &asset, measure, record)?);
            }
        }
        let measures: Vec<i64> = rows.iter().filter_map(|row| row.object["measure_id"].as_i64()).collect();
        let beside = asset_facts::Beside::load(tx, book, asset_id, &measures)?;
        let shown = if context.sees_numbers(tx)? { identifier } else { mask(&identifier) };
        Ok((asset, shown, rows, standing.events, beside))
    })?;
    let amount_of = |fact: &Fact| match fact.what {
        What::InForce(amount)
        | What::Partly(amount)
        | What::More(amount)
        | What::Deducted(amount)
        | What::Promoted(amount)
        | What::Surrendered(amount)
        | What::Ordered(crate::assets::rules::Asked::Deduct(amount)) => Some(amount),
        _ => None,
    };
    let facts = beside.object(context.date());
    context.output.object(&json!({
        "asset_id": asset.asset_id, "kind": asset.kind.as_str(), "institution": asset.institution,
        "holder": asset.holder_name, "identifier_masked": mask(&identifier), "found": facts["found"],
        "queries": facts["queries"], "grounds": facts["grounds"], "notices": facts["notices"],
        "uses": facts["uses"], "substitutes": facts["substitutes"],
        "measures": rows.iter().map(|row| row.object.clone()).collect::<Vec<_>>(),
        "events": events.iter().map(|event| json!({
            "id": event.id, "measure_id": event.fact.measure_id, "event": event.event, "order": event.fact.order_id,
            "on": event.fact.on.to_string(), "amount_minor": amount_of(&event.fact), "reason": event.reason,
        })).collect::<Vec<_>>(),
    }))?;
    let mut pairs = vec![
        (Message::new("assets.column_kind"), asset.kind.message().text(context.output.language)),
        (Message::new("assets.column_institution"), asset.institution.clone()),
        (Message::new("assets.column_holder"), asset.holder_name.clone()),
        (Message::new("assets.column_identifier"), identifier),
    ];
    pairs.extend(beside.pairs(context.output.language, context.date()));
    context.output.pairs(&pairs)?;
    let cells: Vec<Vec<String>> = rows.into_iter().map(|row| row.cells).collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("assets.column_whose")),
            Column::text(Message::new("assets.column_ruling")),
            Column::number(Message::new("assets.column_extent")),
            Column::text(Message::new("assets.column_status")),
            Column::text(Message::new("assets.column_since")),
            Column::text(Message::new("assets.column_ends_on")),
            Column::text(Message::new("assets.column_renew_by")),
            Column::number(Message::new("assets.column_frozen")),
            Column::number(Message::new("assets.column_deducted")),
        ],
        &cells,
    )?;
    let happened: Vec<Vec<String>> = events
        .iter()
        .map(|event| {
            vec![
                event.id.to_string(),
                event.fact.measure_id.to_string(),
                event.fact.what.message().text(context.output.language),
                event.fact.on.to_string(),
                amount_of(&event.fact).map(|amount| amount.to_string()).unwrap_or_default(),
                event.reason.clone(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::number(Message::new("assets.column_measure")),
            Column::text(Message::new("assets.column_event")),
            Column::text(Message::new("assets.column_on")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("assets.column_reason")),
        ],
        &happened,
    )?;
    Ok(())
}

fn run_day(context: &Context, ahead: u16) -> Outcome<()> {
    let (mut store, today) = (context.store()?, context.date());
    let run = context.commit(&mut store, day::run_day)?;
    let until = today.saturating_add(jiff::ToSpan::days(i64::from(ahead)));
    let ending = day::ending(&mut store.snapshot()?, context.book(), (today, until))?;
    context.output.object(&json!({
        "day": context.date().to_string(),
        "lapsed": run.lapsed(),
        "promoted": run.facts.len() - run.lapsed(),
        "changes": run.facts.iter().map(|(asset, fact)| json!({
            "asset_id": asset, "measure_id": fact.measure_id, "on": fact.on.to_string(),
            "event": if fact.what == What::Lapsed { "lapsed" } else { "promoted" },
            "amount_minor": if let What::Promoted(amount) = fact.what { Some(amount) } else { None },
        })).collect::<Vec<_>>(),
        "unclear": run.unclear.iter().map(|(asset, unclear)| json!({
            "asset_id": asset, "measure_id": unclear.measure_id, "ends_on": unclear.ends_on.to_string(),
        })).collect::<Vec<_>>(),
        "ending": ending.iter().map(|one| json!({
            "asset_id": one.asset_id, "measure_id": one.measure_id, "case_id": one.case_id,
            "institution": one.institution, "ends_on": one.ends_on.to_string(), "frozen_minor": one.frozen,
        })).collect::<Vec<_>>(),
    }))?;
    for (asset, fact) in &run.facts {
        context.output.sentence(&day::say(*asset, fact))?;
    }
    for (asset, unclear) in &run.unclear {
        let message = Message::new("assets.day_unclear").with("measure", unclear.measure_id).with("asset", asset);
        context.output.sentence(&message.with("ends_on", unclear.ends_on))?;
    }
    for one in &ending {
        let message = Message::new("assets.day_ending").with("measure", one.measure_id).with("asset", one.asset_id);
        let message = message.with("institution", &one.institution).with("ends_on", one.ends_on);
        context.output.sentence(&message.with("amount", one.frozen))?;
    }
    context.output.sentence(
        &Message::new("assets.day_done")
            .with("day", context.date())
            .with("lapsed", run.lapsed())
            .with("promoted", run.facts.len() - run.lapsed())
            .with("unclear", run.unclear.len()),
    )?;
    Ok(())
}

/// Prints what is on its way to the court's accounts.
///
/// # Errors
/// What the database says.
pub fn expected(context: &Context) -> Outcome<()> {
    let court_id = context.book().court_id;
    let (all, cases) = context.read(|tx| {
        let mut all = Vec::new();
        for account in crate::chart::bank_accounts(tx, court_id)? {
            for one in deductions::expected(tx, court_id, account.bank_account_id)? {
                all.push((account.number.clone(), one));
            }
        }
        Ok((all, cases::cases(tx, context.book())?))
    })?;
    let number_of = |case_id: i64| {
        cases.iter().find(|case| case.case_id == case_id).map_or("", |case| case.current_number()).to_owned()
    };
    context.output.object(&json!({"expected": all.iter().map(|(account, one)| json!({
        "deduction_id": one.deduction_id, "bank_account": account, "case_id": one.case_id,
        "amount_minor": one.amount, "currency": "CNY", "payer_name": one.payer_name,
        "confirmed_on": one.confirmed_on.to_string(),
    })).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|(account, one)| {
            vec![
                one.deduction_id.to_string(),
                number_of(one.case_id),
                one.payer_name.clone(),
                one.confirmed_on.to_string(),
                one.amount.to_string(),
                account.clone(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("column.payer")),
            Column::text(Message::new("assets.column_on")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("assets.column_bank_account")),
        ],
        &rows,
    )?;
    Ok(())
}
