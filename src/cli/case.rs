//! `case`: cases, their numbers, parties, sub-accounts, events and freezes.

use ankuan_ledger::Amount;
use clap::{Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::payee::{document_number, document_type};
use super::{Context, Words, day, words, yuan};
use crate::cases::freezes::{self, FrozenShare, NewFreeze};
use crate::cases::gates::{self, CaseEvent, CaseEventKind};
use crate::cases::progress::{self, Manner, MilestoneKind, NewMilestone};
use crate::cases::{self, PartyRole};
use crate::chart;
use crate::claims::DocumentType;
use crate::claims::details::check_document;
use crate::receipts;
use crate::request::Answer;
use crate::{Message, Outcome, access};

/// Cases.
#[derive(Clone, Debug, Subcommand)]
pub enum CaseCommand {
    /// 立案 · Open a case
    Open {
        /// 案号，任何写法 · Case number, in any spelling
        number: String,
        /// 案件名称 · What people call it
        #[arg(long)]
        title: String,
        /// 立案日期 · Day of filing; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Option<Date>,
    },
    /// 新案号（保→执→恢） · Give a case its next number
    Number {
        /// 现有案号 · A number it has
        case: String,
        /// 新案号 · The new number
        number: String,
        /// 起用日期 · Day it begins; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        since: Option<Date>,
    },
    /// 增加当事人 · Add a party
    Party {
        /// 案号 · Case number
        case: String,
        /// 身份：applicant 申请执行人，debtor 被执行人，payer 交款人，victim 被害人，other_court 其他法院，valuer 评估机构，
        /// auctioneer 拍卖机构，third_party 案外人，agent 代理人 · What they are in the case
        #[arg(value_parser = party_role())]
        role: PartyRole,
        /// 姓名或名称 · Name
        name: String,
    },
    /// 开立子账户 · Open a sub-account for one payer
    SubAccount {
        /// 案号 · Case number
        case: String,
        /// 缴款人（已登记的当事人） · The payer, a party of the case
        payer: String,
        /// 子账号 · Number at the bank
        number: String,
        /// 法院账号；只有一个时可不填 · The court's account, where there are several
        #[arg(long, value_name = "NUMBER")]
        bank_account: Option<String>,
    },
    /// 登记中止、恢复、受理破产等 · Record what stops payouts or lets them go on
    Event {
        /// 案号 · Case number
        case: String,
        /// 事项：stayed 中止，resumed 恢复，bankruptcy_accepted 受理破产，bankruptcy_lifted 破产停发解除，
        /// plan_objection 分配方案异议，plan_objection_ended 该异议终结，execution_objection 执行异议，
        /// execution_objection_ended 该异议终结 · What happened
        #[arg(value_parser = event_kind())]
        event: CaseEventKind,
        /// 文书 · Ruling or notice
        #[arg(long)]
        document: String,
        /// 生效日期 · Legal date; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Option<Date>,
        /// 原因 · Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// 指定承办人 · Give a case to a handler
    Handler {
        /// 案号 · Case number
        case: String,
        /// 承办人 · Who handles it
        name: String,
        /// 起始日期；不填为记账日期 · From which day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        since: Option<Date>,
    },
    /// 登记进度：applied 收到申请，second_check 二次查控，ended_for_now 终本，closed 结案，reopened 恢复 · Record a step
    Milestone {
        /// 案号 · Case number
        case: String,
        /// 事项 · What happened
        #[arg(value_parser = milestone())]
        milestone: MilestoneKind,
        /// 文书 · The paper
        #[arg(long)]
        document: String,
        /// 日期；不填为记账日期 · Legal day; default: the accounting date
        #[arg(long, value_name = "DATE", value_parser = day)]
        on: Option<Date>,
        /// 结案方式：performed 执行完毕，settled 和解履行完毕，other 其他 · How a case was closed
        #[arg(long, value_parser = manner())]
        manner: Option<Manner>,
        /// 尚有案款仍结案的理由 · Why it is closed while it holds money
        #[arg(long, value_name = "REASON", default_value = "")]
        despite_money: String,
    },
    /// 冻结某收款人份额，或解除 · Freeze an amount of a payee's share, or lift a freeze
    Freeze(FreezeArgs),
    /// 显示案件 · Show a case
    Show {
        /// 案号 · Case number
        case: String,
    },
    /// 列出案件 · List cases
    List,
}

/// What `case freeze` takes.
#[derive(Clone, Debug, Args)]
pub struct FreezeArgs {
    /// 案号 · Case number
    pub case: String,
    /// 债权编号 · The claim whose share is frozen
    #[arg(long, value_name = "ID", conflicts_with_all = ["document_number", "lift"])]
    pub claim: Option<i64>,
    /// 收款人证件号码（需要密钥文件） · The payee's document number; needs the key file
    #[arg(long, value_name = "NUMBER", conflicts_with = "lift")]
    pub document_number: Option<String>,
    /// 证件类别 · Kind of that document
    #[arg(long, value_name = "KIND", value_parser = document_type(), default_value = "identity_card")]
    pub document_type: DocumentType,
    /// 金额（元） · The most that is frozen, yuan
    #[arg(long, value_parser = yuan, required_unless_present = "lift")]
    pub amount: Option<Amount>,
    /// 冻结裁定案号 · Case number of the other order
    #[arg(long, required_unless_present = "lift")]
    pub order: Option<String>,
    /// 作出冻结的法院 · The court that ordered it
    #[arg(long, required_unless_present = "lift")]
    pub ordered_by: Option<String>,
    /// 解除第几号冻结 · Lift the freeze with this number
    #[arg(long, value_name = "FREEZE", requires = "document")]
    pub lift: Option<i64>,
    /// 解除文书 · The paper that lifts it
    #[arg(long)]
    pub document: Option<String>,
    /// 生效日期 · Legal date; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
}

fn party_role() -> Words<PartyRole> {
    words(PartyRole::parse, PartyRole::ALL.iter().map(|word| word.as_str()))
}

fn milestone() -> Words<MilestoneKind> {
    words(MilestoneKind::parse, MilestoneKind::ALL.iter().map(|word| word.as_str()))
}

fn manner() -> Words<Manner> {
    words(Manner::parse, Manner::ALL.iter().map(|word| word.as_str()))
}

fn event_kind() -> Words<CaseEventKind> {
    words(CaseEventKind::parse, CaseEventKind::ALL.iter().map(|word| word.as_str()))
}

/// Runs the command.
///
/// # Errors
/// Those of [`cases`].
pub fn run(context: &Context, command: &CaseCommand) -> Outcome<()> {
    let book = context.book();
    match command {
        CaseCommand::Open { number, title, on } => context.record("case.open", command, |tx, acting, chart| {
            let case = cases::open_case(tx, acting, chart, number, title, on.unwrap_or(acting.date))?;
            let message = Message::new("command.case_opened").with("number", case.current_number());
            Ok(Answer::new(&message, json!({"case_id": case.case_id, "number": case.current_number()})))
        }),
        CaseCommand::Number { case, number, since } => context.record("case.number", command, |tx, acting, _| {
            let case = cases::find_case(tx, book, case)?;
            let number = cases::add_number(tx, acting, &case, number, since.unwrap_or(acting.date))?;
            let message =
                Message::new("command.case_renumbered").with("old", case.current_number()).with("number", &number);
            Ok(Answer::new(&message, json!({"case_id": case.case_id, "number": number})))
        }),
        CaseCommand::Party { case, role, name } => context.record("case.party", command, |tx, acting, _| {
            let case = cases::find_case(tx, book, case)?;
            let party = cases::add_party(tx, acting, &case, *role, name)?;
            let message = Message::new("command.party_added")
                .with("name", &party.name)
                .with_term("role", &party.role.message())
                .with("number", case.current_number());
            Ok(Answer::new(&message, json!({"case_id": case.case_id, "party_id": party.party_id})))
        }),
        CaseCommand::SubAccount { case, payer, number, bank_account } => {
            context.record("case.sub_account", command, |tx, acting, _| {
                let case = cases::find_case(tx, book, case)?;
                let payer = cases::find_party(tx, book, &case, payer)?;
                let bank_account = chart::find_bank_account(tx, book.court_id, bank_account.as_deref())?;
                let opened = cases::open_sub_account(tx, acting, &case, &payer, &bank_account, number)?;
                let message = Message::new("command.sub_account_opened")
                    .with("number", &opened.number)
                    .with("name", &payer.name)
                    .with("case", case.current_number());
                Ok(Answer::new(&message, json!({"case_id": case.case_id, "sub_account_id": opened.sub_account_id})))
            })
        }
        CaseCommand::Event { case, event, document, on, reason } => {
            context.record("case.event", command, |tx, acting, _| {
                let case = cases::find_case(tx, book, case)?;
                let event = CaseEvent {
                    kind: *event,
                    effective_on: on.unwrap_or(acting.date),
                    reason: reason.clone(),
                    document: document.clone(),
                };
                gates::record_event(tx, acting, &case, &event)?;
                let message = Message::new("command.case_event")
                    .with_term("event", &event.kind.message())
                    .with("number", case.current_number())
                    .with("date", event.effective_on);
                Ok(Answer::new(&message, json!({"case_id": case.case_id, "event": event.kind.as_str()})))
            })
        }
        CaseCommand::Handler { case, name, since } => context.record("case.handler", command, |tx, acting, _| {
            let case = cases::find_case(tx, book, case)?;
            let handler = access::find_actor(tx, book.court_id, name)?;
            let since = since.unwrap_or(acting.date);
            progress::assign(tx, acting, &case, &handler, since)?;
            let message = Message::new("progress.handler").with("number", case.current_number());
            let message = message.with("name", &handler.name).with("since", since);
            Ok(Answer::new(
                &message,
                json!({"case_id": case.case_id, "handler": handler.name, "since": since.to_string()}),
            ))
        }),
        CaseCommand::Milestone { case, milestone, document, on, manner, despite_money } => {
            context.record("case.milestone", command, |tx, acting, _| {
                let case = cases::find_case(tx, book, case)?;
                let on = on.unwrap_or(acting.date);
                let new = NewMilestone { kind: *milestone, on, document, manner: *manner, despite_money };
                progress::record_milestone(tx, acting, &case, &new)?;
                let message = Message::new("progress.recorded").with("number", case.current_number()).with("on", on);
                let answer = json!({"case_id": case.case_id, "milestone": milestone.as_str(), "on": on.to_string()});
                Ok(Answer::new(&message.with_term("what", &milestone.message()), answer))
            })
        }
        CaseCommand::Freeze(args) => freeze(context, args),
        CaseCommand::Show { case } => show(context, case),
        CaseCommand::List => list(context),
    }
}

fn freeze(context: &Context, args: &FreezeArgs) -> Outcome<()> {
    let book = context.book();
    // The number itself is not kept: the freeze names its blind index.
    let index = match &args.document_number {
        None => None,
        Some(number) => {
            let number = document_number(args.document_type, number);
            check_document(args.document_type, &number)?;
            Some(context.keys()?.index(args.document_type.as_str(), &number))
        }
    };
    context.record("case.freeze", args, |tx, acting, _| {
        let case = cases::find_case(tx, book, &args.case)?;
        let on = args.on.unwrap_or(acting.date);
        if let Some(freeze_id) = args.lift {
            freezes::lift_freeze(tx, acting, &case, freeze_id, args.document.as_deref().unwrap_or_default(), on)?;
            let message =
                Message::new("command.freeze_lifted").with("freeze", freeze_id).with("number", case.current_number());
            return Ok(Answer::new(&message, json!({"freeze_id": freeze_id, "lifted": true})));
        }
        let share = match (args.claim, index) {
            (Some(claim_id), None) => FrozenShare::Claim(claim_id),
            (None, Some(index)) => FrozenShare::Document(index),
            _ => return Err(Message::new("freezes.whose").into()),
        };
        let new = NewFreeze {
            share,
            amount: args.amount.unwrap_or_default(),
            order_number: args.order.as_deref().unwrap_or_default(),
            ordered_by: args.ordered_by.as_deref().unwrap_or_default(),
            effective_on: on,
        };
        let made = freezes::freeze_share(tx, acting, &case, &new)?;
        let message = Message::new("command.frozen")
            .with("freeze", made.freeze_id)
            .with("amount", made.amount)
            .with("number", case.current_number())
            .with("order", &made.order_number);
        Ok(Answer::new(&message, json!({"freeze_id": made.freeze_id, "amount_minor": made.amount, "currency": "CNY"})))
    })
}

fn show(context: &Context, number: &str) -> Outcome<()> {
    let book = context.book();
    let (case, parties, sub_accounts, gates, freezes, receipts) = context.read(|tx| {
        let case = cases::find_case(tx, book, number)?;
        let id = case.case_id;
        Ok((
            case,
            cases::parties(tx, book, id)?,
            cases::sub_accounts(tx, book, id)?,
            gates::gates(&gates::events_of(tx, book, id)?),
            freezes::freezes_of(tx, book, id)?,
            receipts::receipts_of_case(tx, book, id)?,
        ))
    })?;
    let available = Amount::sum(receipts.iter().map(|receipt| receipt.available)).unwrap_or_default();
    context.output.object(&json!({
        "case_id": case.case_id,
        "title": case.title,
        "opened_on": case.opened_on.to_string(),
        "numbers": case.numbers.iter().map(|one| json!({"number": one.number, "since": one.since.to_string()}))
            .collect::<Vec<_>>(),
        "parties": parties.iter().map(|party|
            json!({"party_id": party.party_id, "role": party.role.as_str(), "name": party.name})).collect::<Vec<_>>(),
        "sub_accounts": sub_accounts.iter().map(|sub_account| json!({
            "sub_account_id": sub_account.sub_account_id, "number": sub_account.number,
            "payer_party_id": sub_account.payer_party_id})).collect::<Vec<_>>(),
        "gates": gates.iter().map(|gate| json!({
            "gate": gate.kind.as_str(), "since": gate.since.to_string(), "reason": gate.reason,
            "document": gate.document})).collect::<Vec<_>>(),
        "freezes": freezes.iter().map(|freeze| json!({
            "freeze_id": freeze.freeze_id, "amount_minor": freeze.amount, "order": freeze.order_number,
            "lifted_by": freeze.lifted_by})).collect::<Vec<_>>(),
        "receipts": receipts.iter().map(|receipt| json!({
            "receipt_id": receipt.receipt_id, "amount_minor": receipt.amount,
            "available_minor": receipt.available})).collect::<Vec<_>>(),
        "available_minor": available,
        "currency": "CNY",
    }))?;
    let language = context.output.language;
    let lines = |rows: Vec<String>| if rows.is_empty() { "—".to_owned() } else { rows.join("; ") };
    let numbers = case.numbers.iter().map(|one| one.number.clone()).collect::<Vec<_>>().join(" → ");
    let shut =
        gates.iter().map(|gate| format!("{} ({}, {})", gate.kind.message().text(language), gate.since, gate.document));
    let in_force = freezes.iter().filter(|freeze| freeze.lifted_by.is_none());
    let name_of = |party_id: i64| {
        parties.iter().find(|party| party.party_id == party_id).map_or("?", |party| party.name.as_str())
    };
    context.output.pairs(&[
        (Message::new("column.case_number"), numbers),
        (Message::new("column.title"), case.title.clone()),
        (Message::new("column.opened_on"), case.opened_on.to_string()),
        (
            Message::new("column.parties"),
            lines(
                parties
                    .iter()
                    .map(|party| format!("{} ({})", party.name, party.role.message().text(language)))
                    .collect(),
            ),
        ),
        (
            Message::new("column.sub_accounts"),
            lines(sub_accounts.iter().map(|one| format!("{} ({})", one.number, name_of(one.payer_party_id))).collect()),
        ),
        (Message::new("column.gates"), lines(shut.collect())),
        (
            Message::new("column.freezes"),
            lines(in_force.map(|one| format!("{}: {} ({})", one.freeze_id, one.amount, one.order_number)).collect()),
        ),
        (Message::new("column.receipts"), receipts.len().to_string()),
        (Message::new("column.available"), available.to_string()),
    ])?;
    Ok(())
}

fn list(context: &Context) -> Outcome<()> {
    let all = context.read(|tx| cases::cases(tx, context.book()))?;
    let objects: Vec<_> = all
        .iter()
        .map(|case| json!({"case_id": case.case_id, "number": case.current_number(), "title": case.title}))
        .collect();
    context.output.object(&json!({"cases": objects}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|case| {
            vec![
                case.case_id.to_string(),
                case.current_number().to_owned(),
                case.title.clone(),
                case.opened_on.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.case_number")),
            Column::text(Message::new("column.title")),
            Column::text(Message::new("column.opened_on")),
        ],
        &rows,
    )?;
    Ok(())
}
