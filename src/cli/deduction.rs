//! `deduction`: money that institutions have deducted, what arrived of it, and why it differs.

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, Words, words};
use crate::assets::differences::{self, DeductionStanding, Explanation, Reason};
use crate::flows::by_hand::{BySaying, Says, match_line};
use crate::request::Answer;
use crate::{Message, Outcome, access, cases, chart};

/// What `deduction` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum DeductionCommand {
    /// 列出扣划款 · List deducted money: what was confirmed, arrived, is on its way, and differs
    List {
        /// 只列在途的 · Only what is on its way
        #[arg(long)]
        open: bool,
    },
    /// 显示一笔扣划款的差额说明 · Show why a deduction differs
    Show {
        /// 扣划编号 · Number of the deduction
        deduction: i64,
    },
    /// 认定到账流水是该笔扣划款（金额可以不同） · Take a bank line as this deduction, also with another amount
    Arrived(ArrivedArgs),
    /// 说明差额：短少或多到的原因 · Say why less, or more, arrived; a second person confirms
    Explain(ExplainArgs),
}

/// What `deduction arrived` takes.
#[derive(Clone, Debug, Args)]
pub struct ArrivedArgs {
    /// 扣划编号 · Number of the deduction
    pub deduction: i64,
    /// 流水编号 · Number of the bank's line: a part, the rest is still to come
    #[arg(long)]
    pub line: i64,
    /// 依据 · Why
    #[arg(long)]
    pub evidence: String,
    /// 确认人；流水带有本院付款标记时须有 · The second person, where the line looks like a payment of ours
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: Option<String>,
}

/// What `deduction explain` takes.
#[derive(Clone, Debug, Args)]
pub struct ExplainArgs {
    /// 扣划编号 · Number of the deduction
    pub deduction: i64,
    /// 到账流水编号；不填即说明余下在途的不会再到 · The bank's line that brings it; without one, what is still on its way
    /// will not come
    #[arg(long)]
    pub line: Option<i64>,
    /// 原因 · Reason: policy_loan, fee, arrears, interest, dividend, value_changed, payer_error, other
    #[arg(long, value_parser = reason())]
    pub reason: Reason,
    /// 说明及材料 · In words, with the paper that shows it
    #[arg(long)]
    pub explanation: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

fn reason() -> Words<Reason> {
    words(Reason::parse, Reason::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`differences`] and [`match_line`].
pub fn run(context: &Context, command: &DeductionCommand) -> Outcome<()> {
    match command {
        DeductionCommand::List { open } => list(context, *open),
        DeductionCommand::Show { deduction } => show(context, *deduction),
        DeductionCommand::Arrived(args) => arrived(context, args),
        DeductionCommand::Explain(args) => explain(context, args),
    }
}

fn object(one: &DeductionStanding, today: jiff::civil::Date) -> serde_json::Value {
    json!({
        "deduction_id": one.deduction_id, "measure_id": one.measure_id, "case_id": one.case_id,
        "payer_name": one.payer_name, "confirmed_on": one.confirmed_on.to_string(), "confirmed_minor": one.confirmed,
        "arrived_minor": one.arrived(), "on_its_way_minor": one.on_its_way, "shortfall_minor": one.shortfall,
        "surplus_minor": one.surplus, "currency": "CNY", "pay_by": one.pay_by.map(|day| day.to_string()),
        "overdue": one.is_overdue(today),
    })
}

fn list(context: &Context, open: bool) -> Outcome<()> {
    let (book, today) = (context.book(), context.date());
    let (mut all, cases) = context.read(|tx| Ok((differences::all(tx, book)?, cases::cases(tx, book)?)))?;
    all.retain(|one| !open || one.on_its_way > ankuan_ledger::Amount::ZERO);
    let objects: Vec<_> = all.iter().map(|one| object(one, today)).collect();
    context.output.object(&json!({"deductions": objects}))?;
    let number_of = |case_id: i64| {
        cases.iter().find(|case| case.case_id == case_id).map_or("", |case| case.current_number()).to_owned()
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                one.deduction_id.to_string(),
                number_of(one.case_id),
                one.payer_name.clone(),
                one.confirmed_on.to_string(),
                one.confirmed.to_string(),
                one.arrived().map(|amount| amount.to_string()).unwrap_or_default(),
                one.on_its_way.to_string(),
                one.shortfall.to_string(),
                one.surplus.to_string(),
                one.pay_by.map(|day| day.to_string()).unwrap_or_default(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("column.payer")),
            Column::text(Message::new("assets.column_on")),
            Column::number(Message::new("assets.column_confirmed")),
            Column::number(Message::new("assets.column_arrived")),
            Column::number(Message::new("assets.column_way")),
            Column::number(Message::new("assets.column_shortfall")),
            Column::number(Message::new("assets.column_surplus")),
            Column::text(Message::new("assets.column_pay_by")),
        ],
        &rows,
    )?;
    for one in all.iter().filter(|one| one.is_overdue(today)) {
        let pay_by = one.pay_by.map(|day| day.to_string()).unwrap_or_default();
        let message = Message::new("assets.surrender_overdue").with("deduction", one.deduction_id);
        context.output.sentence(&message.with("payer", &one.payer_name).with("pay_by", pay_by))?;
    }
    Ok(())
}

fn show(context: &Context, deduction_id: i64) -> Outcome<()> {
    let (book, today) = (context.book(), context.date());
    let (one, all) = context.read(|tx| {
        Ok((differences::find(tx, book, deduction_id)?, differences::of_deduction(tx, book, deduction_id)?))
    })?;
    let mut shown = object(&one, today);
    shown["differences"] = all
        .iter()
        .map(|difference| {
            json!({
                "id": difference.id, "kind": difference.kind, "amount_minor": difference.amount,
                "reason": difference.reason, "explanation": difference.explanation, "undone": difference.is_undone,
            })
        })
        .collect();
    context.output.object(&shown)?;
    let language = context.output.language;
    let arrived = one.arrived().map(|amount| amount.to_string()).unwrap_or_default();
    context.output.pairs(&[
        (Message::new("column.payer"), one.payer_name.clone()),
        (Message::new("assets.column_confirmed"), one.confirmed.to_string()),
        (Message::new("assets.column_arrived"), arrived),
        (Message::new("assets.column_way"), one.on_its_way.to_string()),
    ])?;
    let rows: Vec<Vec<String>> = all
        .into_iter()
        .map(|difference| {
            let undone = if difference.is_undone { "✓" } else { "" };
            vec![
                difference.id.to_string(),
                Message::new(match difference.kind.as_str() {
                    "shortfall" => "assets.column_shortfall",
                    _ => "assets.column_surplus",
                })
                .text(language),
                difference.amount.to_string(),
                Reason::parse(&difference.reason).map_or(difference.reason, |reason| reason.message().text(language)),
                difference.explanation,
                undone.to_owned(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("assets.column_event")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("assets.column_reason")),
            Column::text(Message::new("assets.column_explanation")),
            Column::text(Message::new("reconcile.undone")),
        ],
        &rows,
    )?;
    Ok(())
}

fn arrived(context: &Context, args: &ArrivedArgs) -> Outcome<()> {
    let book = context.book();
    context.record("deduction.arrived", args, |tx, acting, chart| {
        let account = account_of(tx, book, args.deduction)?;
        let second =
            args.confirmed_by.as_deref().map(|name| access::find_actor(tx, book.court_id, name)).transpose()?;
        let says = Says::Deduction(args.deduction, None);
        let said = BySaying { says: &says, evidence: &args.evidence, confirmed_by: second.as_ref() };
        let matched = match_line(tx, acting, chart, &account, args.line, &said)?;
        let message = Message::new("assets.deduction_here").with("deduction", args.deduction).with("line", args.line);
        let fields = json!({"deduction_id": args.deduction, "arrived_minor": matched.receipts.amount});
        Ok(Answer::new(&message.with("amount", matched.receipts.amount), fields))
    })
}

fn account_of(
    tx: &mut ankuan_ledger::Tx<'_>,
    book: ankuan_ledger::BookKey,
    deduction_id: i64,
) -> Outcome<chart::BankAccount> {
    let one = differences::find(tx, book, deduction_id)?;
    let accounts = chart::bank_accounts(tx, book.court_id)?;
    let account = accounts.into_iter().find(|account| account.bank_account_id == one.bank_account_id);
    Ok(account.ok_or_else(|| Message::new("assets.deduction_unknown").with("deduction", deduction_id))?)
}

fn explain(context: &Context, args: &ExplainArgs) -> Outcome<()> {
    let book = context.book();
    context.record("deduction.explain", args, |tx, acting, chart| {
        let second = access::find_actor(tx, book.court_id, &args.confirmed_by)?;
        let explanation = Explanation { reason: args.reason, text: &args.explanation, confirmed_by: &second };
        match args.line {
            None => {
                differences::explain_rest(tx, acting, chart, args.deduction, &explanation)?;
            }
            Some(line) => {
                let account = account_of(tx, book, args.deduction)?;
                let says = Says::Deduction(args.deduction, Some(explanation));
                let said = BySaying { says: &says, evidence: &args.explanation, confirmed_by: Some(&second) };
                match_line(tx, acting, chart, &account, line, &said)?;
            }
        }
        let message = Message::new("assets.difference_explained").with("deduction", args.deduction);
        Ok(Answer::new(&message.with("name", &second.name), json!({"deduction_id": args.deduction})))
    })
}
