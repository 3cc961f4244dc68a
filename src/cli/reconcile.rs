//! `reconcile`: matching, what is left to a person, sign-off.

use std::path::PathBuf;

use ankuan_reconciliation::matching::{Rules, STANDARD};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::calc;
use super::output::Column;
use super::statement::read_profile;
use super::{Context, day, report};
use crate::access;
use crate::calculators::terms::{self, Terms};
use crate::calendar::Period;
use crate::chart::{self, BankAccount};
use crate::flows::by_hand::{BySaying, Says, match_line};
use crate::flows::score::{Score, score};
use crate::flows::undo::{Undoes, undo};
use crate::flows::{self, Left, Matched, match_account, open_findings};
use crate::receipts::transfers::transfer_instructions;
use crate::receipts::{self, Receipt};
use crate::request::Answer;
use crate::signoff;
use crate::statements::days::{DayStep, closed_until, day_events};
use crate::statements::{balance, find_line, notes};
use crate::{Language, Message, Outcome};

/// What `reconcile` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum ReconcileCommand {
    /// 自动匹配未匹配的银行流水并入账 · Match open lines by the rules and post what they find
    Match(MatchArgs),
    /// 待处理清单：账龄、负责人、候选、未再出现的日间流水、待认领款、应收追回款 · The worklist
    Open(OpenArgs),
    /// 查看一条流水及其匹配 · Show a line and what it was matched with
    Show(LineArg),
    /// 人工匹配一条流水 · Say what a line is
    Set(SetArgs),
    /// 撤销匹配（红字冲销，须说明原因） · Take a match back
    Undo(UndoArgs),
    /// 登记负责人与说明 · Say who looks after an open line, and what is known
    Note(NoteArgs),
    /// 编制：出具某日调节表 · Prepare a day
    Prepare(DayArgs),
    /// 复核（另一人） · Review what another prepared
    Review(DayArgs),
    /// 关账 · Close a day that was reviewed
    Close(DayArgs),
    /// 重开已关账日：一人申请并说明原因，局长同意 · Open a closed day again: one asks, the bureau head agrees
    Reopen(ReopenArgs),
    /// 各日的编制、复核、关账 · The days and their steps
    Days(AccountArg),
    /// 应由银行在子账户间划转的款项 · What the bank has to move between sub-accounts
    Transfers(AccountArg),
    /// 练习：与模拟银行的真相文件比对 · Practice: hold the matches against the practice bank's truth
    Score(ScoreArgs),
}

/// What `reconcile score` takes.
#[derive(Clone, Debug, Args)]
pub struct ScoreArgs {
    /// truth.json，bank-sim 所写 · As bank-sim wrote it
    pub truth: PathBuf,
    /// The account.
    #[command(flatten)]
    pub account: AccountArg,
}

/// The account, where there are several.
#[derive(Clone, Debug, Args)]
pub struct AccountArg {
    /// 法院账号；只有一个时可不填 · The court's account, where there are several
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

/// What `reconcile open` takes.
#[derive(Clone, Debug, Args)]
pub struct OpenArgs {
    /// 待认领款的认领期限，自到账起，如 3d、3wd（工作日）；默认 3 日，各院不同 · The time in which unattributed money
    /// should find its case, from arrival; courts differ [default: 3d]
    #[arg(long, value_name = "PERIOD", value_parser = calc::period)]
    pub due: Option<Period>,
    /// 节假日与调休日历（TOML）；不填只按周末 · Calendar of days off and days worked instead; default: weekends only
    #[arg(long, value_name = "FILE")]
    pub calendar: Option<PathBuf>,
    /// 匹配规则（TOML）；默认内置规则 · Rules; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
    /// The account.
    #[command(flatten)]
    pub account: AccountArg,
}

/// What `reconcile match` takes.
#[derive(Clone, Debug, Args)]
pub struct MatchArgs {
    /// The account.
    #[command(flatten)]
    pub account: AccountArg,
    /// 匹配规则（TOML）；默认内置规则 · Rules; default: those that are built in
    #[arg(long, value_name = "FILE")]
    pub rules: Option<PathBuf>,
}

/// Reports print a letter before the number of a line or receipt; here it may stand or not.
fn item_number(text: &str) -> Result<i64, String> {
    let digits = text.trim_start_matches(['L', 'R', 'l', 'r']);
    digits.parse().map_err(|_| format!("“{text}” 不是编号，应如 L58 · is no number of an item, like L58"))
}

/// A line by its number.
#[derive(Clone, Debug, Args)]
pub struct LineArg {
    /// 流水编号，如 L58 或 58 · Number of the line
    #[arg(value_parser = item_number)]
    pub line: i64,
}

/// What `reconcile set` takes.
#[derive(Clone, Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct SetArgs {
    /// 流水编号，如 L58 或 58 · Number of the line
    #[arg(value_parser = item_number)]
    pub line: i64,
    /// 是某笔付款的扣款或退票（业务编号） · A payment, by its key: debited, or come back
    #[arg(long, group = "what", value_name = "KEY")]
    pub payment: Option<String>,
    /// 是某付款文件的扣款，或其失败款的退回 · A payment file: its debit, or what failed coming back
    #[arg(long, group = "what", value_name = "NAME")]
    pub file: Option<String>,
    /// 是已登记的到账，可多笔 · Receipts recorded by hand
    #[arg(long = "receipt", group = "what", value_name = "NUMBER")]
    pub receipts: Vec<i64>,
    /// 是待认领款 · Money whose case is not known
    #[arg(long, group = "what")]
    pub unattributed: bool,
    /// 是利息 · The bank's interest
    #[arg(long, group = "what")]
    pub interest: bool,
    /// 是银行手续费 · The bank's charges
    #[arg(long, group = "what")]
    pub charges: bool,
    /// 冲正某条流水 · Takes back what this line brought
    #[arg(long, group = "what", value_name = "LINE")]
    pub takes_back: Option<i64>,
    /// 依据 · Why
    #[arg(long)]
    pub evidence: String,
    /// 确认人；利息、冲正以及超过 1,000 元的手续费须有第二人 · The second person, whom interest, what is taken back, and
    /// charges above ¥1,000 need
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: Option<String>,
    /// The account.
    #[command(flatten)]
    pub account: AccountArg,
}

/// What `reconcile undo` takes.
#[derive(Clone, Debug, Args)]
pub struct UndoArgs {
    /// 流水编号 · Number of a line of the match
    #[arg(required_unless_present = "match_no")]
    pub line: Option<i64>,
    /// 匹配编号；没有流水的（回盘告知失败）用它 · Number of the match, for one that has no line: what an answer refused
    #[arg(long = "match", value_name = "NUMBER", conflicts_with = "line")]
    pub match_no: Option<i64>,
    /// 原因 · Why
    #[arg(long)]
    pub reason: String,
}

/// What `reconcile note` takes.
#[derive(Clone, Debug, Args)]
pub struct NoteArgs {
    /// 编号：流水（L58）、人工登记的到账（R12）、期初 · Number of the line, receipt or opening
    #[arg(value_parser = item_number)]
    pub line: i64,
    /// 负责人 · Who looks after it
    #[arg(long, value_name = "NAME")]
    pub owner: String,
    /// 说明 · What is known
    #[arg(long)]
    pub note: String,
    /// 依据 · The paper it rests on
    #[arg(long, default_value = "")]
    pub evidence: String,
    /// 已向银行查询 · A question went to the bank
    #[arg(long)]
    pub asked_bank: bool,
}

/// A day of an account.
#[derive(Clone, Debug, Args)]
pub struct DayArgs {
    /// 日期 · Day
    #[arg(value_parser = day)]
    pub day: Date,
    /// The account.
    #[command(flatten)]
    pub account: AccountArg,
}

/// What `reconcile reopen` takes.
#[derive(Clone, Debug, Args)]
pub struct ReopenArgs {
    /// 日期 · Day
    #[arg(value_parser = day)]
    pub day: Date,
    /// 原因；申请时必填 · Why; needed from who asks
    #[arg(long, default_value = "")]
    pub reason: String,
    /// The account.
    #[command(flatten)]
    pub account: AccountArg,
}

/// Runs the command.
///
/// # Errors
/// Those of the rooms it calls.
pub fn run(context: &Context, command: &ReconcileCommand) -> Outcome<()> {
    match command {
        ReconcileCommand::Match(args) => run_match(context, args),
        ReconcileCommand::Open(args) => open(context, args),
        ReconcileCommand::Show(args) => show(context, args),
        ReconcileCommand::Set(args) => set(context, args),
        ReconcileCommand::Undo(args) => run_undo(context, args),
        ReconcileCommand::Note(args) => run_note(context, args),
        ReconcileCommand::Prepare(args) => sign(context, args, DayStep::Prepared),
        ReconcileCommand::Review(args) => sign(context, args, DayStep::Reviewed),
        ReconcileCommand::Close(args) => sign(context, args, DayStep::Closed),
        ReconcileCommand::Reopen(args) => reopen(context, args),
        ReconcileCommand::Days(args) => days(context, args),
        ReconcileCommand::Transfers(args) => transfers(context, args),
        ReconcileCommand::Score(args) => run_score(context, args),
    }
}

/// The rules of a file, or those that are built in; with their text, which is recorded.
fn rules(path: Option<&PathBuf>) -> Outcome<(Rules, String)> {
    let Some(path) = path else { return Ok((Rules::standard(), STANDARD.to_owned())) };
    let text = read_profile(path)?;
    let rules = toml::from_str(&text)
        .map_err(|error| Message::new("flows.rules").with("detail", error.to_string().trim()).in_file(path))?;
    Ok((rules, text))
}

fn run_match(context: &Context, args: &MatchArgs) -> Outcome<()> {
    let (rules, text) = rules(args.rules.as_ref())?;
    let mut store = context.store()?;
    let court_id = context.globals.court;
    let matched = context.act(
        &mut store,
        "reconcile.match",
        &(args, &text),
        |tx, acting| {
            let chart = chart::load(tx, court_id)?;
            let account = chart::find_bank_account(tx, court_id, args.account.bank_account.as_deref())?;
            match_account(tx, acting, &chart, &account, rules, &text)
        },
        |_, matched| Ok(matched_answer(matched)),
    )?;
    if let Some(matched) = matched {
        print_matched(context, &matched)?;
    }
    Ok(())
}

fn matched_answer(matched: &Matched) -> Answer {
    Answer::new(
        &matched_sentence(matched),
        json!({
            "lines": matched.lines, "matched": matched.matched, "currency": "CNY",
            "debited": matched.debited.count, "debited_minor": matched.debited.amount,
            "failed": matched.failed.count, "failed_minor": matched.failed.amount,
            "returned": matched.returned.count, "returned_minor": matched.returned.amount,
            "receipts": matched.receipts.count, "receipts_minor": matched.receipts.amount,
            "unattributed": matched.unattributed.count, "unattributed_minor": matched.unattributed.amount,
            "rules": matched.rules.iter().map(|(rule, matches, lines)| json!({
                "rule": rule, "matches": matches, "lines": lines,
            })).collect::<Vec<_>>(),
            "left": matched.left.iter().map(left_json).collect::<Vec<_>>(),
            "gave_up": matched.gave_up.iter().map(|one| one.text(Language::Zh)).collect::<Vec<_>>(),
        }),
    )
}

fn left_json(left: &Left) -> serde_json::Value {
    json!({
        "line": left.line.bank_line_id, "booked_on": left.line.booked_on.to_string(), "amount_minor": left.line.amount,
        "reference": left.line.bank_reference, "name": left.line.name, "remark": left.line.remark,
        "why": left.why.iter().map(|why| json!({
            "code": why.code, "message": why.text(Language::Zh),
        })).collect::<Vec<_>>(),
    })
}

fn matched_sentence(matched: &Matched) -> Message {
    Message::new("reconcile.matched")
        .with("lines", matched.lines)
        .with("matched", matched.matched)
        .with("left", matched.left.len())
}

/// What a rule goes by; a rule that a court wrote is called as the court calls it.
#[must_use]
pub fn rule_text(rule: &str, language: Language) -> String {
    let code = match rule {
        "line_key" => "reconcile.rule_line_key",
        "receipt_reference" => "reconcile.rule_receipt_reference",
        "arrival" => "reconcile.rule_arrival",
        "file_total" => "reconcile.rule_file_total",
        "lump_return" => "reconcile.rule_lump_return",
        "reversal" => "reconcile.rule_reversal",
        "interest" => "reconcile.rule_interest",
        "charges" => "reconcile.rule_charges",
        "cards" => "reconcile.rule_cards",
        "receivable" => "reconcile.rule_receivable",
        "amount_and_payer" => "reconcile.rule_amount_and_payer",
        "sums" => "reconcile.rule_sums",
        "sub_account" => "reconcile.rule_sub_account",
        "case_number" => "reconcile.rule_case_number",
        "unattributed" => "reconcile.rule_unattributed",
        "by_hand" => "reconcile.rule_by_hand",
        "answered_failed" => "reconcile.rule_answered_failed",
        own => return own.to_owned(),
    };
    Message::new(code).text(language)
}

/// Prints what a run of the rules did.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_matched(context: &Context, matched: &Matched) -> Outcome<()> {
    let language = context.output.language;
    context.output.sentence(&matched_sentence(matched))?;
    let totals = [
        ("settlement.debited", matched.debited),
        ("settlement.failed", matched.failed),
        ("settlement.returned", matched.returned),
        ("reconcile.receipts", matched.receipts),
        ("reconcile.unattributed", matched.unattributed),
    ];
    let rows: Vec<Vec<String>> = totals
        .iter()
        .filter(|(_, total)| total.count > 0)
        .map(|(code, total)| vec![Message::new(code).text(language), total.count.to_string(), total.amount.to_string()])
        .collect();
    if !rows.is_empty() {
        context.output.table(
            &[
                Column::text(Message::new("reconcile.what")),
                Column::number(Message::new("reconcile.count")),
                Column::number(Message::new("column.amount")),
            ],
            &rows,
        )?;
    }
    let rows: Vec<Vec<String>> = matched
        .rules
        .iter()
        .map(|(rule, matches, lines)| vec![rule_text(rule, language), matches.to_string(), lines.to_string()])
        .collect();
    if !rows.is_empty() {
        context.output.table(
            &[
                Column::text(Message::new("reconcile.rule")),
                Column::number(Message::new("reconcile.matches")),
                Column::number(Message::new("reconcile.lines")),
            ],
            &rows,
        )?;
    }
    print_left(context, &matched.left)?;
    for given_up in &matched.gave_up {
        context.output.sentence(given_up)?;
    }
    Ok(())
}

/// Lines shown on a terminal; all are in the JSON.
const LEFT_SHOWN: usize = 50;

fn print_left(context: &Context, left: &[Left]) -> Outcome<()> {
    let language = context.output.language;
    let rows: Vec<Vec<String>> = left
        .iter()
        .take(LEFT_SHOWN)
        .map(|left| {
            let why: Vec<String> = left.why.iter().map(|why| why.text(language)).collect();
            vec![
                left.line.bank_line_id.to_string(),
                left.line.booked_on.to_string(),
                left.line.amount.to_string(),
                left.line.name.clone(),
                left.line.remark.clone(),
                why.join("；"),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    context.output.table(
        &[
            Column::number(Message::new("reconcile.line")),
            Column::text(Message::new("reconcile.booked_on")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("bank_reconciliation.party")),
            Column::text(Message::new("bank_reconciliation.remark")),
            Column::text(Message::new("reconcile.why")),
        ],
        &rows,
    )?;
    if left.len() > LEFT_SHOWN {
        context.output.sentence(&Message::new("reconcile.more").with("count", left.len() - LEFT_SHOWN))?;
    }
    Ok(())
}

fn open(context: &Context, args: &OpenArgs) -> Outcome<()> {
    let court_id = context.globals.court;
    let today = context.date();
    let (rules, _) = rules(args.rules.as_ref())?;
    let (left, notes, missing, gaps, unattributed, receivables) = context.read(|tx| {
        let account = chart::find_bank_account(tx, court_id, args.account.bank_account.as_deref())?;
        let left = open_findings(tx, court_id, &account, rules, today)?;
        let mut notes = Vec::with_capacity(left.len());
        for one in &left {
            notes.push(notes::newest_note(tx, court_id, one.line.bank_line_id)?);
        }
        let missing = balance::provisional_missing(tx, court_id, account.bank_account_id)?;
        let gaps = balance::bank_side(tx, court_id, account.bank_account_id)?.gaps(today);
        let mut unattributed = receipts::receipts(tx, context.book())?;
        unattributed
            .retain(|receipt| receipt.bank_account_id == account.bank_account_id && receipt.owner_case_id().is_none());
        let standing = flows::standing_unattributed(tx, court_id)?;
        unattributed.retain(|receipt| standing.contains(&receipt.receipt_id));
        Ok((left, notes, missing, gaps, unattributed, flows::receivables(tx, court_id, account.bank_account_id)?))
    })?;
    let language = context.output.language;
    let age = |day: Date| i64::from((today - day).get_days());
    let terms = Terms::parse(terms::STANDARD)?;
    let (term, calendar) = (terms.find(terms::UNATTRIBUTED)?, calc::read_calendar(args.calendar.as_deref())?);
    let due = |receipt: &Receipt| term.reckon(receipt.arrived_on, args.due, None, &calendar);
    let unattributed = unattributed
        .into_iter()
        .map(|receipt| due(&receipt).map(|due| (receipt, due)))
        .collect::<Result<Vec<_>, _>>()?;
    context.output.object(&json!({
        "open": left.iter().zip(&notes).map(|(left, note)| {
            let mut object = left_json(left);
            object["age_days"] = json!(age(left.line.booked_on));
            object["owner"] = json!(note.as_ref().map(|note| &note.owner));
            object["note"] = json!(note.as_ref().map(|note| &note.note));
            object["evidence"] = json!(note.as_ref().map(|note| &note.evidence));
            object["asked_bank"] = json!(note.as_ref().is_some_and(|note| note.asked_bank));
            object
        }).collect::<Vec<_>>(),
        "provisional_missing": missing.iter().map(|one| json!({
            "booked_on": one.booked_on.to_string(), "amount_minor": one.amount, "reference": one.bank_reference,
            "name": one.name, "remark": one.remark,
        })).collect::<Vec<_>>(),
        "gaps": gaps.iter().map(|gap| gap.message.text(Language::Zh)).collect::<Vec<_>>(),
        "unattributed": unattributed.iter().map(|(receipt, due)| json!({
            "receipt_id": receipt.receipt_id, "amount_minor": receipt.amount, "payer_name": receipt.payer_name,
            "arrived_on": receipt.arrived_on.to_string(), "age_days": age(receipt.arrived_on),
            "due_on": due.end.last_day.to_string(), "overdue": today > due.end.last_day,
            "weekends_only_in": due.end.unknown_years,
        })).collect::<Vec<_>>(),
        "receivables": receivables.iter().map(|one| json!({
            "receipt_id": one.receipt_id, "case_id": one.case_id, "amount_minor": one.amount,
            "payer_name": one.payer_name, "since": one.since.to_string(), "age_days": age(one.since),
        })).collect::<Vec<_>>(),
    }))?;
    let rows: Vec<Vec<String>> = left
        .iter()
        .zip(&notes)
        .map(|(left, note)| {
            let why: Vec<String> = left.why.iter().map(|why| why.text(language)).collect();
            vec![
                left.line.bank_line_id.to_string(),
                left.line.booked_on.to_string(),
                age(left.line.booked_on).to_string(),
                left.line.amount.to_string(),
                left.line.name.clone(),
                left.line.remark.clone(),
                note.as_ref().map_or_else(String::new, |note| note.owner.clone()),
                note.as_ref().map_or_else(String::new, |note| note.note.clone()),
                why.join("；"),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("reconcile.line")),
            Column::text(Message::new("reconcile.booked_on")),
            Column::number(Message::new("bank_reconciliation.age")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("bank_reconciliation.party")),
            Column::text(Message::new("bank_reconciliation.remark")),
            Column::text(Message::new("reconcile.owner")),
            Column::text(Message::new("reconcile.note")),
            Column::text(Message::new("reconcile.why")),
        ],
        &rows,
    )?;
    for one in &missing {
        context.output.sentence(
            &Message::new("reconcile.provisional_missing")
                .with("day", one.booked_on)
                .with("amount", one.amount)
                .with("reference", &one.bank_reference)
                .with("name", &one.name),
        )?;
    }
    for gap in &gaps {
        context.output.sentence(&gap.message)?;
    }
    for (receipt, due) in &unattributed {
        let late = today > due.end.last_day;
        let code = if late { "reconcile.unattributed_overdue" } else { "reconcile.unattributed_open" };
        context.output.sentence(
            &Message::new(code)
                .with("receipt", receipt.receipt_id)
                .with("amount", receipt.amount)
                .with("payer", &receipt.payer_name)
                .with("age", age(receipt.arrived_on))
                .with("due", due.period.message().text(language)),
        )?;
    }
    for one in &receivables {
        context.output.sentence(
            &Message::new("reconcile.receivable")
                .with("receipt", one.receipt_id)
                .with("amount", one.amount)
                .with("payer", &one.payer_name)
                .with("age", age(one.since)),
        )?;
    }
    Ok(())
}

fn show(context: &Context, args: &LineArg) -> Outcome<()> {
    let court_id = context.globals.court;
    let (line, history) = context
        .read(|tx| Ok((find_line(tx, court_id, args.line)?, flows::history_of_line(tx, court_id, args.line)?)))?;
    let language = context.output.language;
    context.output.object(&json!({
        "line": line.bank_line_id, "booked_on": line.booked_on.to_string(), "value_on": line.value_on.to_string(),
        "amount_minor": line.amount, "currency": "CNY", "reference": line.bank_reference,
        "own_reference": line.own_reference, "name": line.name, "remark": line.remark, "code": line.code,
        "sub_account": line.sub_account, "reason": line.reason,
        "matches": history.iter().map(|one| json!({
            "match": one.group_id, "outcome": one.outcome, "target": one.target_id, "rule": one.rule,
            "evidence": flows::evidence_text(&one.evidence, Language::Zh), "undone": one.undone,
        })).collect::<Vec<_>>(),
    }))?;
    context.output.pairs(&[
        (Message::new("reconcile.line"), line.bank_line_id.to_string()),
        (Message::new("reconcile.booked_on"), line.booked_on.to_string()),
        (Message::new("column.amount"), line.amount.to_string()),
        (Message::new("column.reference"), line.bank_reference.clone()),
        (Message::new("reconcile.own_reference"), line.own_reference.clone()),
        (Message::new("bank_reconciliation.party"), line.name.clone()),
        (Message::new("bank_reconciliation.remark"), line.remark.clone()),
    ])?;
    let rows: Vec<Vec<String>> = history
        .iter()
        .map(|one| {
            vec![
                one.group_id.to_string(),
                one.outcome_message().text(language),
                rule_text(&one.rule, language),
                flows::evidence_text(&one.evidence, language),
                one.undone.clone().unwrap_or_default(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("reconcile.match")),
            Column::text(Message::new("reconcile.what")),
            Column::text(Message::new("reconcile.rule")),
            Column::text(Message::new("reconcile.evidence")),
            Column::text(Message::new("reconcile.undone")),
        ],
        &rows,
    )?;
    Ok(())
}

fn set(context: &Context, args: &SetArgs) -> Outcome<()> {
    let says = match args {
        SetArgs { payment: Some(key), .. } => Says::Payment(key),
        SetArgs { file: Some(name), .. } => Says::File(name),
        SetArgs { takes_back: Some(line), .. } => Says::TakesBack(*line),
        SetArgs { interest: true, .. } => Says::Interest,
        SetArgs { charges: true, .. } => Says::Charges,
        SetArgs { unattributed: true, .. } => Says::Unattributed,
        SetArgs { receipts, .. } => Says::Receipts(receipts),
    };
    context.record("reconcile.set", args, |tx, acting, chart| {
        let account = chart::find_bank_account(tx, acting.actor.court_id, args.account.bank_account.as_deref())?;
        let second = match &args.confirmed_by {
            None => None,
            Some(name) => Some(access::find_actor(tx, acting.actor.court_id, name)?),
        };
        let said = BySaying { says: &says, evidence: &args.evidence, confirmed_by: second.as_ref() };
        match_line(tx, acting, chart, &account, args.line, &said)?;
        Ok(Answer::new(&Message::new("reconcile.set_by_hand").with("line", args.line), json!({"line": args.line})))
    })
}

fn run_undo(context: &Context, args: &UndoArgs) -> Outcome<()> {
    context.record("reconcile.undo", args, |tx, acting, _| {
        let which = match (args.line, args.match_no) {
            (Some(line), _) => Undoes::Line(line),
            (None, number) => Undoes::Match(number.unwrap_or(0)),
        };
        let undone = undo(tx, acting, which, &args.reason)?;
        let message = Message::new("reconcile.match_undone")
            .with("match", undone.group_id)
            .with("lines", undone.lines.len())
            .with("entries", undone.entries)
            .with("payments", undone.payments);
        Ok(Answer::new(
            &message,
            json!({
                "match": undone.group_id, "lines": undone.lines, "entries": undone.entries, "payments": undone.payments,
            }),
        ))
    })
}

fn run_note(context: &Context, args: &NoteArgs) -> Outcome<()> {
    context.record("reconcile.note", args, |tx, acting, _| {
        let owner = access::find_actor(tx, acting.actor.court_id, &args.owner)?;
        notes::note(tx, acting, args.line, &owner, (&args.note, &args.evidence), args.asked_bank)?;
        let message = Message::new("reconcile.noted").with("line", args.line).with("owner", &owner.name);
        Ok(Answer::new(&message, json!({"line": args.line, "owner": owner.name})))
    })
}

fn sign(context: &Context, args: &DayArgs, step: DayStep) -> Outcome<()> {
    let court_id = context.globals.court;
    let mut store = context.store()?;
    let found = context.act(
        &mut store,
        signoff::act_name(step),
        args,
        |tx, acting| {
            let chart = chart::load(tx, court_id)?;
            let account = chart::find_bank_account(tx, court_id, args.account.bank_account.as_deref())?;
            match step {
                DayStep::Prepared => signoff::prepare(tx, acting, &chart, &account, args.day),
                DayStep::Reviewed => signoff::review(tx, acting, &chart, &account, args.day),
                _ => signoff::close(tx, acting, &chart, &account, args.day),
            }
        },
        |_, found| Ok(Answer::new(&signed(step, args.day), report::as_json(found))),
    )?;
    if let Some(found) = found {
        if !context.output.json {
            report::print(context, &found)?;
        }
        context.output.sentence(&signed(step, args.day))?;
    }
    Ok(())
}

fn signed(step: DayStep, day: Date) -> Message {
    Message::new("signoff.signed").with("day", day).with_term("step", &step.message())
}

fn reopen(context: &Context, args: &ReopenArgs) -> Outcome<()> {
    context.record("signoff.reopen", args, |tx, acting, _| {
        let account = chart::find_bank_account(tx, acting.actor.court_id, args.account.bank_account.as_deref())?;
        let step = signoff::reopen(tx, acting, &account, args.day, &args.reason)?;
        Ok(Answer::new(&signed(step, args.day), json!({"day": args.day.to_string(), "step": step.as_str()})))
    })
}

fn days(context: &Context, args: &AccountArg) -> Outcome<()> {
    let court_id = context.globals.court;
    let (events, names) = context.read(|tx| {
        let account = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        let events = day_events(tx, court_id, account.bank_account_id)?;
        Ok((events, access::people(tx, court_id)?))
    })?;
    let name = |id: i64| {
        names.iter().find(|person| person.person_id == id).map_or_else(String::new, |person| person.name.clone())
    };
    let language = context.output.language;
    context.output.object(&json!({
        "closed_until": closed_until(&events).map(|day| day.to_string()),
        "events": events.iter().map(|event| json!({
            "day": event.day.to_string(), "step": event.step.as_str(), "by": name(event.actor_id),
            "adjusted_minor": event.adjusted, "open": event.open_count, "head": event.head, "reason": event.reason,
            "digest": ankuan_ledger::chain::hex(&event.digest),
        })).collect::<Vec<_>>(),
    }))?;
    let rows: Vec<Vec<String>> = events
        .iter()
        .map(|event| {
            vec![
                event.day.to_string(),
                event.step.message().text(language),
                name(event.actor_id),
                event.adjusted.to_string(),
                event.open_count.to_string(),
                event.reason.clone(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("column.date")),
            Column::text(Message::new("signoff.step")),
            Column::text(Message::new("signoff.by")),
            Column::number(Message::new("bank_reconciliation.adjusted")),
            Column::number(Message::new("bank_reconciliation.open")),
            Column::text(Message::new("signoff.reason")),
        ],
        &rows,
    )?;
    Ok(())
}

fn transfers(context: &Context, args: &AccountArg) -> Outcome<()> {
    let court_id = context.globals.court;
    let found = context.read(|tx| {
        let account: BankAccount = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        transfer_instructions(tx, court_id, account.bank_account_id)
    })?;
    context.output.object(&json!({"transfers": found.iter().map(|one| json!({
        "id": one.id, "receipt_id": one.receipt_id, "case_number": one.case_number, "to_sub_account": one.sub_account,
        "amount_minor": one.amount, "currency": "CNY", "reference": one.reference,
    })).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|one| {
            vec![
                one.id.to_string(),
                one.reference.clone(),
                one.case_number.clone(),
                one.sub_account.clone(),
                one.amount.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.reference")),
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("bank_reconciliation.sub_account")),
            Column::number(Message::new("column.amount")),
        ],
        &rows,
    )?;
    Ok(())
}

fn run_score(context: &Context, args: &ScoreArgs) -> Outcome<()> {
    let court_id = context.globals.court;
    let score = context.read(|tx| {
        let account = chart::find_bank_account(tx, court_id, args.account.bank_account.as_deref())?;
        score(tx, court_id, account.bank_account_id, &args.truth)
    })?;
    context.output.object(&score_json(&score))?;
    print_score(context, &score)
}

/// A score for programs.
#[must_use]
pub fn score_json(score: &Score) -> serde_json::Value {
    json!({
        "lines": score.lines, "false_matches": score.false_matches, "missed": score.missed,
        "payments": score.payments, "wrong_payments": score.wrong_payments, "open_payments": score.open_payments,
        "examples": score.examples,
    })
}

/// A score in a sentence, with the first things that are wrong.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_score(context: &Context, score: &Score) -> Outcome<()> {
    context.output.sentence(
        &Message::new("reconcile.score")
            .with("lines", score.lines)
            .with("false", score.false_matches)
            .with("missed", score.missed)
            .with("payments", score.payments)
            .with("wrong", score.wrong_payments)
            .with("open", score.open_payments),
    )?;
    for example in &score.examples {
        context.output.line(example)?;
    }
    Ok(())
}
