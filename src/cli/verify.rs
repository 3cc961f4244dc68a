//! `verify`: check everything on record.

use ankuan_ledger::chain::ChainHead;
use ankuan_ledger::verify::Check;
use clap::Args;
use serde_json::json;

use super::Context;
use super::output::{Column, Exit};
use crate::audit::{CourtReport, verify_court};
use crate::documents::keys::Keys;
use crate::{Message, Outcome, reads};

/// What `verify` takes.
#[derive(Clone, Debug, Args)]
pub struct VerifyArgs {
    /// 先前保存的链头，可多次给出 · An earlier head of the chain, as printed on a transmittal sheet; may be given again
    #[arg(long = "anchor", value_name = "HEAD")]
    pub anchors: Vec<ChainHead>,
    /// 不读取加密内容（无密钥时） · Leave sealed data out, for whoever has no keys
    #[arg(long)]
    pub without_keys: bool,
}

/// Runs the command.
///
/// # Errors
/// What the database says; what was found wrong is printed, and in the exit code.
pub fn run(context: &Context, args: &VerifyArgs) -> Outcome<Exit> {
    let mut store = context.store()?;
    let keys = if args.without_keys { None } else { Some(context.keys()?) };
    let mut report = check(context, &mut store, keys.as_ref(), &args.anchors)?;
    if let Some(mut log) = super::reads::open(context)? {
        let checked = reads::check(&mut log.snapshot()?, context.globals.court)?;
        report.checks.push(Check::new("reads", checked.finding));
    }
    print(context, &report)?;
    let Some(check) = report.checks.iter().find(|check| !check.ok()) else { return Ok(Exit::Done) };
    if !context.globals.json {
        let finding = check.finding.as_deref().unwrap_or_default();
        context.output.sentence(&Message::new("verify.failed").with("check", check.name).with("finding", finding))?;
    }
    Ok(Exit::Refused)
}

/// Checks with a progress bar; also the last step of the demo.
///
/// # Errors
/// What the database says.
pub fn check(
    context: &Context,
    store: &mut ankuan_ledger::Store,
    keys: Option<&Keys>,
    anchors: &[ChainHead],
) -> Outcome<CourtReport> {
    let total = {
        let mut tx = store.snapshot()?;
        tx.query_one(
            "SELECT CAST(COALESCE(SUM(row_count), 0) AS BIGINT) FROM chain_part WHERE court_id = $1",
            &[context.globals.court.into()],
            |row| row.int(0),
        )?
    };
    let progress = context.output.progress(&Message::new("verify.progress"), u64::try_from(total).unwrap_or(0));
    let report = verify_court(store, context.globals.court, keys, anchors, &mut |done| progress.set(done))?;
    progress.finish();
    Ok(report)
}

fn print(context: &Context, report: &CourtReport) -> Outcome<()> {
    context.output.object(&json!({
        "ok": report.ok(),
        "checks": checks(report),
        "findings": report.checks.iter().filter_map(|check| Some((check.name, check.finding.clone()?)))
            .map(|(name, finding)| json!({"check": name, "finding": finding})).collect::<Vec<_>>(),
        "facts": report.facts,
        "postings": report.postings,
        "heads": report.heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))?;
    print_table(context, report)
}

/// The checks as a table with the heads below.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_table(context: &Context, report: &CourtReport) -> Outcome<()> {
    let language = context.output.language;
    let rows: Vec<Vec<String>> = report
        .checks
        .iter()
        .map(|check| {
            let result = Message::new(if check.ok() { "verify.well" } else { "verify.wrong" }).text(language);
            let what = Message::new(question(check.name)).text(language);
            vec![check.name.to_owned(), what, result, check.finding.clone().unwrap_or_default()]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("verify.check")),
            Column::text(Message::new("verify.question")),
            Column::text(Message::new("verify.result")),
            Column::text(Message::new("verify.finding")),
        ],
        &rows,
    )?;
    let mut pairs = vec![
        (Message::new("verify.facts"), report.facts.to_string()),
        (Message::new("verify.postings"), report.postings.to_string()),
    ];
    for head in &report.heads {
        pairs.push((Message::new("verify.head"), head.to_string()));
    }
    context.output.pairs(&pairs)?;
    Ok(())
}

/// `{name: true|false}`
#[must_use]
pub fn checks(report: &CourtReport) -> serde_json::Value {
    report
        .checks
        .iter()
        .map(|check| (check.name.to_owned(), json!(check.ok())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

const fn question(name: &str) -> &'static str {
    match name.as_bytes() {
        b"chain" => "verify.of_chain",
        b"anchors" => "verify.of_anchors",
        b"facts" => "verify.of_facts",
        b"entries" => "verify.of_entries",
        b"vouchers" => "verify.of_vouchers",
        b"balances" => "verify.of_balances",
        b"sums" => "verify.of_sums",
        b"limits" => "verify.of_limits",
        b"items" => "verify.of_items",
        b"holds" => "verify.of_holds",
        b"distributions" => "verify.of_distributions",
        b"payments" => "verify.of_payments",
        b"payment_items" => "verify.of_payment_items",
        b"approvals" => "verify.of_approvals",
        b"signatures" => "verify.of_signatures",
        b"duties" => "verify.of_duties",
        b"bank_lines" => "verify.of_bank_lines",
        b"settlements" => "verify.of_settlements",
        b"matches" => "verify.of_matches",
        b"measures" => "verify.of_measures",
        b"memorandum" => "verify.of_memorandum",
        b"movements" => "verify.of_movements",
        b"relief" => "verify.of_relief",
        b"differences" => "verify.of_differences",
        b"obligations" => "verify.of_obligations",
        b"plans" => "verify.of_plans",
        b"cash" => "verify.of_cash",
        b"salaries" => "verify.of_salaries",
        b"papers" => "verify.of_papers",
        b"files" => "verify.of_files",
        b"reads" => "verify.of_reads",
        b"documents" => "verify.of_documents",
        _ => "verify.of_personal_details",
    }
}
