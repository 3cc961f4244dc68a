//! `report measures`.

use clap::Args;
use jiff::civil::Date;
use serde_json::json;

use crate::cli::{Context, day};
use crate::failure::Outcome;
use crate::message::Message;
use crate::report::court_measures::{CountAndSum, court_measures};
use crate::report::monthly_return::AGE_BANDS;
use crate::report::period::hundredths;

/// What `report measures` takes.
#[derive(Clone, Debug, Args)]
pub struct MeasuresArgs {
    /// 起始日期；默认记账日期所在年一月一日 · First day; default: first of the accounting year
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: Option<Date>,
    /// 截止日期；默认记账日期 · Last day; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Date>,
}

/// Runs the command.
///
/// # Errors
/// Those of [`court_measures`].
pub fn run(context: &Context, args: &MeasuresArgs) -> Outcome<()> {
    let until = args.until.unwrap_or_else(|| context.date());
    let from = args.from.unwrap_or_else(|| until.first_of_year());
    let found = context.read(|tx| court_measures(tx, context.globals.court, from, until))?;
    let summed = |of: &CountAndSum| json!({"count": of.count, "amount_minor": of.amount});
    context.output.object(&json!({
        "from": from.to_string(), "until": until.to_string(), "currency": "CNY",
        "days_to_payout_hundredths": found.days.all,
        "days_to_claim_hundredths": found.days.to_claim, "days_to_approval_hundredths": found.days.to_approval,
        "days_to_payment_hundredths": found.days.to_payment,
        "payments": found.days.count, "paid_minor": found.days.amount,
        "collected": summed(&found.collected),
        "closed": found.closed, "closed_performed": found.closed_performed, "ended_for_now": found.ended_for_now,
        "enforcement_rate_bp": found.enforcement_rate_bp, "days_to_close_hundredths": found.days_to_close,
        "share_collected_bp": found.share_collected_bp, "owed": summed(&found.owed), "performed_minor": found.performed,
        "unclaimed": found.unclaimed.iter().map(summed).collect::<Vec<_>>(), "age_bands_days": AGE_BANDS,
        "freezes_ending_soon": summed(&found.ending_soon),
    }))?;
    let days = |value: Option<i64>| value.map_or_else(|| "—".to_owned(), hundredths);
    let rate = |value: Option<i64>| value.map_or_else(|| "—".to_owned(), |bp| format!("{}%", hundredths(bp)));
    let language = context.output.language;
    let both = |of: &CountAndSum| {
        Message::new("court_measures.count_and_sum").with("count", of.count).with("amount", of.amount).text(language)
    };
    let mut pairs = vec![
        (Message::new("court_measures.period"), format!("{from} — {until}")),
        (Message::new("court_measures.days_to_payout"), days(found.days.all)),
        (Message::new("monthly_return.to_claim"), days(found.days.to_claim)),
        (Message::new("monthly_return.to_approval"), days(found.days.to_approval)),
        (Message::new("monthly_return.to_payment"), days(found.days.to_payment)),
        (
            Message::new("court_measures.paid"),
            both(&CountAndSum { count: found.days.count, amount: found.days.amount }),
        ),
        (Message::new("court_measures.collected"), both(&found.collected)),
        (Message::new("court_measures.closed"), found.closed.to_string()),
        (Message::new("court_measures.closed_performed"), found.closed_performed.to_string()),
        (Message::new("court_measures.ended_for_now"), found.ended_for_now.to_string()),
        (Message::new("court_measures.enforcement_rate"), rate(found.enforcement_rate_bp)),
        (Message::new("court_measures.share_collected"), rate(found.share_collected_bp)),
        (Message::new("court_measures.owed"), both(&found.owed)),
        (Message::new("court_measures.performed"), found.performed.to_string()),
        (Message::new("court_measures.days_to_close"), days(found.days_to_close)),
    ];
    for (place, of) in found.unclaimed.iter().enumerate() {
        let label = match AGE_BANDS.get(place) {
            Some(last) => Message::new("court_measures.unclaimed_until").with("days", last),
            None => Message::new("court_measures.unclaimed_over").with("days", AGE_BANDS[AGE_BANDS.len() - 1]),
        };
        pairs.push((label, both(of)));
    }
    pairs.push((Message::new("court_measures.ending_soon"), both(&found.ending_soon)));
    context.output.pairs(&pairs)?;
    Ok(())
}
