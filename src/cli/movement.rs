//! `movement`: money that is not plain case money, moved by a ruling and two people.

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use serde_json::json;

use super::output::Column;
use super::{Context, Words, both, word, words, yuan};
use crate::calculators::fees::Base;
use crate::chart;
use crate::movements::{self, FeeOf, Movement, MovementKind, NewMovement, Part, Purpose, rules};
use crate::payouts::sheet::SheetSource;
use crate::payouts::sheets;
use crate::request::Answer;
use crate::{Language, Message, Outcome, access, cases};

/// What `movement` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum MovementCommand {
    /// 依裁定划转款项 · Order a movement; a second person confirms
    Order(Box<OrderArgs>),
    /// 列出划转 · List movements, line by line
    List {
        /// 只列本案 · Only of this case
        #[arg(long)]
        case: Option<String>,
    },
    /// 列出本案某种款项的余额 · What is left of a kind of money of a case, by item
    Left {
        /// 案号 · Case number
        case: String,
        /// 款项：security，auction_price，escrow，treasury，case_funds · Which money
        #[arg(value_parser = super::sheet::source())]
        of: SheetSource,
    },
}

/// What `movement order` takes.
#[derive(Clone, Debug, Args)]
pub struct OrderArgs {
    /// 种类：security_taken 收存担保金，security_realised 担保金清偿，auction_price 转拍卖价款，auction_forfeit 悔拍保证金，
    /// auction_settle 价款转案款，escrow_keep 尾款监管，escrow_release 监管解除，fine_taken 罚款，fee_charged 执行申请费，
    /// to_other_case 转入另案 · What it does
    #[arg(value_parser = kind())]
    pub kind: MovementKind,
    /// 案号 · Case number
    pub case: String,
    /// 到账编号 · Number of the receipt, or of the item that holds the money
    #[arg(long, value_name = "NUMBER")]
    pub item: i64,
    /// 金额（元）；不填即全部 · How much, yuan; default: all of it
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Option<Amount>,
    /// 裁定书、决定书文号 · Number of the ruling or decision
    #[arg(long)]
    pub ruling: String,
    /// 证明材料：成交确认书、条件成就证明等 · The paper that proves it
    #[arg(long, value_name = "PAPER", default_value = "")]
    pub evidence: String,
    /// 担保人、竞买人、监管单位、被罚款人、收款人 · Guarantor, bidder, supervisor, who is fined, the payee
    #[arg(long, value_name = "NAME", default_value = "")]
    pub party: String,
    /// 担保事项、解除监管的条件 · What is secured, or must happen before release
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub condition: String,
    /// 转入的案号 · The other case
    #[arg(long, value_name = "CASE")]
    pub to_case: Option<String>,
    /// 用途:金额[:票据]，可多次：价款 tax 税款，valuation 评估，audit 审计，storage 保管，advanced_costs 垫付；悔拍 costs 费用，
    /// shortfall 差价，this_debt 本案债务，other_debts 其他债务 · Purpose, yuan, paper; may be given again
    #[arg(long = "part", value_name = "PURPOSE:YUAN[:PAPER]", value_parser = part)]
    pub parts: Vec<Part>,
    /// 执行费：申请执行标的额（元） · Of a fee: what was claimed
    #[arg(long, value_name = "YUAN", value_parser = yuan, requires = "collected")]
    pub claimed: Option<Amount>,
    /// 执行费：执行到位金额（元） · Of a fee: what was collected
    #[arg(long, value_name = "YUAN", value_parser = yuan, requires = "claimed")]
    pub collected: Option<Amount>,
    /// 执行费的计费基数；不填即按标准 · Of a fee: on which of the two; default: as the scale says
    #[arg(long, value_enum, requires = "claimed")]
    pub base: Option<Base>,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

fn kind() -> Words<MovementKind> {
    words(MovementKind::parse, MovementKind::ALL.iter().map(|word| word.as_str()))
}

fn part(text: &str) -> Result<Part, String> {
    let mut fields = text.splitn(3, ':');
    let (Some(purpose), Some(amount)) = (fields.next(), fields.next()) else {
        return Err(both(&Message::new("movements.part_form").with("part", text.escape_debug())));
    };
    let known: Vec<&str> = Purpose::ALL.iter().map(|purpose| purpose.as_str()).collect();
    Ok(Part {
        purpose: word(Purpose::parse, &known, purpose)?,
        amount: yuan(amount)?,
        basis: fields.next().unwrap_or_default().to_owned(),
    })
}

/// Runs the command.
///
/// # Errors
/// Those of [`movements`].
pub fn run(context: &Context, command: &MovementCommand) -> Outcome<()> {
    match command {
        MovementCommand::Order(args) => order(context, args),
        MovementCommand::List { case } => list(context, case.as_deref()),
        MovementCommand::Left { case, of } => left(context, case, *of),
    }
}

fn order(context: &Context, args: &OrderArgs) -> Outcome<()> {
    let book = context.book();
    let mut shown = None;
    context.record("movement.order", args, |tx, acting, chart| {
        let case = cases::find_case(tx, book, &args.case)?;
        let to_case = args.to_case.as_deref().map(|number| cases::find_case(tx, book, number)).transpose()?;
        let second = access::find_actor(tx, book.court_id, &args.confirmed_by)?;
        let fee =
            args.claimed.zip(args.collected).map(|(claimed, collected)| FeeOf { claimed, collected, base: args.base });
        let new = NewMovement {
            kind: args.kind,
            case: &case,
            to_case: to_case.as_ref(),
            item_id: args.item,
            amount: args.amount,
            ruling: &args.ruling,
            evidence: &args.evidence,
            party: &args.party,
            condition: &args.condition,
            parts: &args.parts,
            fee,
            confirmed_by: &second,
        };
        let done = movements::order(tx, acting, chart, &new)?;
        let message = Message::new("movements.ordered")
            .with("movement", done.movement_id)
            .with_term("kind", &done.kind.message())
            .with("amount", done.amount)
            .with_said("from", |language| chart.kind(done.between.0).name(language).to_owned())
            .with_said("to", |language| chart.kind(done.between.1).name(language).to_owned())
            .with_term("law", &done.kind.law());
        let answer = Answer::new(&message, object(&done));
        shown = Some(done);
        Ok(answer)
    })?;
    match shown {
        Some(done) if !done.parts.is_empty() => parts_table(context, std::slice::from_ref(&done)),
        _ => Ok(()),
    }
}

fn object(movement: &Movement) -> serde_json::Value {
    let [ruling, evidence, party, condition] = &movement.texts;
    json!({
        "movement_id": movement.movement_id, "kind": movement.kind.as_str(), "case_id": movement.case_id,
        "to_case_id": movement.to_case_id, "item_id": movement.item_id, "to_item_id": movement.to_item_id,
        "from": movement.between.0.as_str(), "to": movement.between.1.as_str(), "amount_minor": movement.amount,
        "ruling": ruling, "evidence": evidence, "party": party, "condition": condition,
        "proposed_by": movement.proposed_by, "confirmed_by": movement.confirmed_by,
        "parts": movement.parts.iter().map(|(purpose, stays, amount, basis)| json!({
            "purpose": purpose.as_str(), "stays": stays, "amount_minor": amount, "basis": basis,
        })).collect::<Vec<_>>(),
    })
}

fn list(context: &Context, number: Option<&str>) -> Outcome<()> {
    let book = context.book();
    let (all, chart) = context.read(|tx| {
        let case = number.map(|number| cases::find_case(tx, book, number)).transpose()?;
        Ok((movements::movements(tx, book, case.map(|case| case.case_id))?, chart::load(tx, book.court_id)?))
    })?;
    let language = context.output.language;
    context.output.object(&json!({"movements": all.iter().map(object).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|movement| {
            let [ruling, _, party, condition] = &movement.texts;
            vec![
                movement.movement_id.to_string(),
                movement.kind.message().text(language),
                movement.item_id.to_string(),
                format!(
                    "{} → {}",
                    chart.kind(movement.between.0).name(language),
                    chart.kind(movement.between.1).name(language)
                ),
                movement.amount.to_string(),
                ruling.clone(),
                party.clone(),
                condition.clone(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("movements.column_kind")),
            Column::number(Message::new("movements.column_item")),
            Column::text(Message::new("movements.column_between")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("movements.column_ruling")),
            Column::text(Message::new("movements.column_party")),
            Column::text(Message::new("movements.column_condition")),
        ],
        &rows,
    )?;
    if all.iter().any(|movement| !movement.parts.is_empty()) { parts_table(context, &all) } else { Ok(()) }
}

fn parts_table(context: &Context, all: &[Movement]) -> Outcome<()> {
    let language = context.output.language;
    let said = |movement: &Movement, basis: &str| match rules::law_on_record(movement.kind) {
        Some(law) if language == Language::En => basis.replacen(law, &movement.kind.law().text(language), 1),
        _ => basis.to_owned(),
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .flat_map(|movement| movement.parts.iter().map(move |part| (movement, part)))
        .map(|(movement, (purpose, stays, amount, basis))| {
            let place = Message::new(if *stays { "movements.stays" } else { "movements.moved" }).text(language);
            let (id, purpose) = (movement.movement_id.to_string(), purpose.message().text(language));
            vec![id, purpose, place, amount.to_string(), said(movement, basis)]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("movements.column_purpose")),
            Column::text(Message::new("movements.column_stays")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("movements.column_basis")),
        ],
        &rows,
    )?;
    Ok(())
}

fn left(context: &Context, number: &str, of: SheetSource) -> Outcome<()> {
    let book = context.book();
    let mut all = context.read(|tx| {
        let case = cases::find_case(tx, book, number)?;
        sheets::money(tx, book.court_id, case.case_id, of)
    })?;
    all.retain(|item| item.available != Amount::ZERO);
    let objects: Vec<_> = all
        .iter()
        .map(|item| json!({"item_id": item.receipt_id, "amount_minor": item.amount, "available_minor": item.available}))
        .collect();
    context.output.object(&json!({"source": of.as_str(), "items": objects}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|item| vec![item.receipt_id.to_string(), item.amount.to_string(), item.available.to_string()])
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("movements.column_item")),
            Column::number(Message::new("column.amount")),
            Column::number(Message::new("movements.column_left")),
        ],
        &rows,
    )?;
    Ok(())
}
