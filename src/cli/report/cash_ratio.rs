//! `report cash-ratio`.

use serde_json::json;

use crate::cli::Context;
use crate::cli::output::Column;
use crate::failure::Outcome;
use crate::message::Message;
use crate::report::cash_ratio::cash_ratios;
use crate::report::period::hundredths;

/// Runs the command.
///
/// # Errors
/// Those of [`cash_ratios`].
pub fn run(context: &Context) -> Outcome<()> {
    let all = context.read(|tx| cash_ratios(tx, context.globals.court, context.date()))?;
    context.output.object(&json!({"currency": "CNY", "cases": all.iter().map(|one| json!({
        "case_id": one.case_id, "case_number": one.case_number, "handler": one.handler, "claimed_minor": one.claimed,
        "cash_minor": one.cash, "answered": one.answered, "ratio_bp": one.ratio_bp,
        "sorting": one.sorting.message().code.trim_start_matches("cash_ratio."),
    })).collect::<Vec<_>>()}))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                one.case_number.clone(),
                one.handler.clone(),
                one.claimed.to_string(),
                one.cash.to_string(),
                one.ratio_bp.map_or_else(|| "—".to_owned(), |bp| format!("{}%", hundredths(bp))),
                one.answered.to_string(),
                one.sorting.message().text(language),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("deadlines.column_officer")),
            Column::number(Message::new("cash_ratio.claimed")),
            Column::number(Message::new("cash_ratio.cash")),
            Column::number(Message::new("cash_ratio.ratio")),
            Column::number(Message::new("cash_ratio.queries")),
            Column::text(Message::new("cash_ratio.sort")),
        ],
        &rows,
    )?;
    Ok(())
}
