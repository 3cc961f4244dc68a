//! `calc waterfall`.

use std::path::PathBuf;

use ankuan_ledger::Amount;
use clap::Args;
use serde_json::json;

use super::{put, read, read_rules};
use crate::amount::plain;
use crate::calculators::waterfall::{self, ClassTotal, Division, Waterfalls, divide, read_claims};
use crate::cli::output::Column;
use crate::cli::{Context, yuan};
use crate::failure::Outcome;
use crate::message::Message;
use crate::payouts::explain::percent;

/// What `calc waterfall` takes.
#[derive(Clone, Debug, Args)]
pub struct WaterfallArgs {
    /// 清偿顺序名称，可带 @版本 · Name of the waterfall, perhaps with @VERSION
    #[arg(requires_all = ["money", "claims"])]
    pub name: Option<String>,
    /// 可分配金额（元） · The money, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan, requires = "name")]
    pub money: Option<Amount>,
    /// 债权（CSV 或 JSON）：claim 债权编号、class 类别、order 顺序、amount 债权金额 · The claims
    #[arg(long, value_name = "FILE", requires = "name")]
    pub claims: Option<PathBuf>,
    /// 清偿顺序（TOML）；默认内置 · Waterfalls; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`Waterfalls::parse`], [`Waterfalls::find`], [`read_claims`] and [`divide`].
pub fn run(context: &Context, args: &WaterfallArgs) -> Outcome<()> {
    let waterfalls = read_rules(args.rules.as_deref(), waterfall::STANDARD, Waterfalls::parse)?;
    let (Some(name), Some(money), Some(path)) = (&args.name, args.money, &args.claims) else {
        return list(context, &waterfalls);
    };
    let waterfall = waterfalls.find(name)?;
    let claims = read(path, read_claims)?;
    print(context, &divide(waterfall, money, &claims)?)
}

fn list(context: &Context, waterfalls: &Waterfalls) -> Outcome<()> {
    context.output.object(&json!({"waterfalls": waterfalls.all.iter().map(|waterfall| {
        let classes = waterfall.classes.iter().map(|class| {
            let mut object = json!({"class": class.name, "within": class.within});
            put(&mut object, "title", &class.title);
            put(&mut object, "source", &class.source);
            object
        });
        let mut object = json!({
            "name": waterfall.name, "version": waterfall.version, "classes": classes.collect::<Vec<_>>(),
        });
        put(&mut object, "title", &waterfall.title);
        object
    }).collect::<Vec<_>>()}))?;
    let language = context.output.language;
    let rows = waterfalls.all.iter().flat_map(|waterfall| {
        waterfall.classes.iter().map(move |class| {
            vec![
                format!("{}@{}", waterfall.name, waterfall.version),
                waterfall.title.text(language).to_owned(),
                class.name.clone(),
                class.title.text(language).to_owned(),
                class.within.message().text(language),
                class.source.text(language).to_owned(),
            ]
        })
    });
    context.output.table(
        &[
            Column::text(Message::new("calc.column_name")),
            Column::text(Message::new("calc.waterfall")),
            Column::text(Message::new("calc.column_class")),
            Column::text(Message::new("calc.column_item")),
            Column::text(Message::new("calc.column_within")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows.collect::<Vec<_>>(),
    )?;
    Ok(())
}

/// No claim, no ratio.
fn ratio(total: &ClassTotal<'_>) -> Option<String> {
    (total.claims > 0).then(|| percent(total.shares, total.claimed))
}

fn print(context: &Context, division: &Division<'_>) -> Outcome<()> {
    let (waterfall, language) = (division.waterfall, context.output.language);
    let shares_total = plain(division.money.minus(division.surplus).unwrap_or_default());
    let classes = division.classes.iter().map(|total| {
        let mut object = json!({
            "class": total.class.name, "claims": total.claims, "claimed": plain(total.claimed),
            "shares": plain(total.shares), "within": total.class.within, "ratio": ratio(total),
        });
        put(&mut object, "title", &total.class.title);
        put(&mut object, "source", &total.class.source);
        object
    });
    let class_of = |name: &str| waterfall.classes.iter().find(|class| class.name == name);
    let lines = division.shares.iter().map(|share| {
        let mut object = json!({
            "claim": share.claim.claim, "class": share.claim.class, "order": share.claim.order,
            "amount": plain(share.claim.amount), "share": plain(share.share),
        });
        if let Some(class) = class_of(&share.claim.class) {
            put(&mut object, "source", &class.source);
        }
        object
    });
    let mut object = json!({
        "waterfall": waterfall.name, "version": waterfall.version, "money": plain(division.money),
        "shares_total": shares_total, "surplus": plain(division.surplus),
        "classes": classes.collect::<Vec<_>>(), "lines": lines.collect::<Vec<_>>(),
    });
    put(&mut object, "surplus_source", &waterfall.rest);
    context.output.object(&object)?;
    context.output.pairs(&[
        (
            Message::new("calc.waterfall"),
            format!("{} ({}@{})", waterfall.title.text(language), waterfall.name, waterfall.version),
        ),
        (Message::new("calc.money"), division.money.to_string()),
    ])?;
    let rows: Vec<Vec<String>> = division
        .classes
        .iter()
        .map(|total| {
            vec![
                total.class.title.text(language).to_owned(),
                total.claims.to_string(),
                total.claimed.to_string(),
                total.shares.to_string(),
                ratio(total).unwrap_or_default(),
                total.class.within.message().text(language),
                total.class.source.text(language).to_owned(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("calc.column_class")),
            Column::number(Message::new("calc.column_claims")),
            Column::number(Message::new("calc.column_claimed")),
            Column::number(Message::new("calc.column_share")),
            Column::number(Message::new("calc.column_ratio")),
            Column::text(Message::new("calc.column_within")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows,
    )?;
    let rows: Vec<Vec<String>> = division
        .shares
        .iter()
        .map(|share| {
            let class = class_of(&share.claim.class);
            vec![
                share.claim.claim.clone(),
                share.claim.class.clone(),
                share.claim.order.map(|order| order.to_string()).unwrap_or_default(),
                share.claim.amount.to_string(),
                share.share.to_string(),
                class.map(|class| class.source.text(language).to_owned()).unwrap_or_default(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("calc.column_claim")),
            Column::text(Message::new("calc.column_class")),
            Column::number(Message::new("calc.column_order")),
            Column::number(Message::new("calc.column_claimed")),
            Column::number(Message::new("calc.column_share")),
            Column::text(Message::new("calc.column_source")),
        ],
        &rows,
    )?;
    let shared = division.money.minus(division.surplus).unwrap_or_default();
    let ties = Message::new("calc.ties").with("shares", shared).with("surplus", division.surplus);
    context.output.sentence(&ties.with("money", division.money))?;
    if division.surplus > Amount::ZERO {
        let text = Message::new("calc.surplus_returned").with("surplus", division.surplus);
        context.output.sentence(&text.with("source", waterfall.rest.text(language)))?;
    }
    Ok(())
}
