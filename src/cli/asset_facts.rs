//! What is recorded of an asset beside the orders on it: what was found, grounds, expected income, debts, use, substitutes.

use ankuan_ledger::{Amount, BookKey, Tx};
use clap::{ArgGroup, Args};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::{Context, day, yuan};
use crate::assets::debts::{self, Notice};
use crate::assets::expectations::{self, Became, Expectation, Money, Standing};
use crate::assets::grounds;
use crate::assets::message::percent;
use crate::assets::queries::{self, Found, Query, QueryState};
use crate::assets::register::{assets, find_asset};
use crate::assets::substitution::{self, Use};
use crate::request::Answer;
use crate::{Language, Message, Outcome, access, cases};

/// What `asset found` takes.
#[derive(Clone, Debug, Args)]
pub struct FoundArgs {
    /// 案号 · Case
    #[arg(long)]
    pub case: String,
    /// 申请执行金额（元），用于现金可执行率 · What is claimed, yuan: for the cash executability
    #[arg(long, value_parser = yuan)]
    pub claimed: Option<Amount>,
}

/// What `asset ground` takes.
#[derive(Clone, Debug, Args)]
pub struct GroundArgs {
    /// 财产编号（公积金） · Number of the asset, a housing fund
    pub asset: i64,
    /// 提取条件，如 retired · Ground, by its name
    #[arg(long)]
    pub ground: String,
    /// 证明材料 · What shows it
    #[arg(long)]
    pub document: String,
    /// 该条件不成立，撤回 · It does not hold after all
    #[arg(long)]
    pub withdrawn: bool,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// What `asset expect` takes.
#[derive(Clone, Debug, Args)]
pub struct ExpectArgs {
    /// 财产编号 · Number of the asset
    pub asset: i64,
    /// 首次应付日 · The first day on which it is due
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Date,
    /// 每几个月一次 · Every so many months
    #[arg(long, value_name = "MONTHS", requires = "times", default_value_t = 0)]
    pub every: u16,
    /// 共几次 · So many times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub times: u16,
    /// 每次金额（元）；不知可不填 · How much each time, where it is known
    #[arg(long, value_parser = yuan)]
    pub amount: Option<Amount>,
    /// 案号；不填即本院排在最前的冻结 · Case; default: the first freeze of ours in line
    #[arg(long)]
    pub case: Option<String>,
}

/// What `asset income` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("became").required(true).args(["receipt", "deduction", "elsewhere", "cancelled"]))]
pub struct IncomeArgs {
    /// 预期收入编号 · Number of the expected income
    pub expectation: i64,
    /// 已付到本院：到账编号或银行流水编号 · Paid to the court: the receipt, or the bank's line
    #[arg(long, value_name = "NUMBER")]
    pub receipt: Option<i64>,
    /// 已付到本院：扣划编号 · Paid to the court: the deduction
    #[arg(long, value_name = "NUMBER")]
    pub deduction: Option<i64>,
    /// 付给了他人：收款人 · Paid to somebody else: to whom
    #[arg(long, value_name = "NAME", requires_all = ["amount", "on", "document"])]
    pub elsewhere: Option<String>,
    /// 不会再付 · Will not come
    #[arg(long, requires = "document")]
    pub cancelled: bool,
    /// 付给他人的金额（元） · How much went to somebody else
    #[arg(long, value_parser = yuan)]
    pub amount: Option<Amount>,
    /// 付给他人之日 · When
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
    /// 材料 · What shows it
    #[arg(long)]
    pub document: Option<String>,
}

/// What `asset notice` takes.
#[derive(Clone, Debug, Args)]
pub struct NoticeArgs {
    /// 财产编号（到期债权） · Number of the asset, a debt
    pub asset: i64,
    /// 案号 · Case
    #[arg(long)]
    pub case: String,
    /// 通知履行的金额（元） · How much is to be performed
    #[arg(long, value_parser = yuan)]
    pub amount: Amount,
    /// 送达日 · When it was served
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub served_on: Date,
    /// 通知书文号 · Number of the notice
    #[arg(long)]
    pub document: String,
}

/// What `asset objection` takes.
#[derive(Clone, Debug, Args)]
pub struct ObjectionArgs {
    /// 通知编号 · Number of the notice
    pub notice: i64,
    /// 提出之日 · When
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Date,
    /// 承认的金额（元），全部不认填 0 · What is admitted, yuan; 0 for nothing
    #[arg(long, value_parser = yuan)]
    pub admitted: Amount,
    /// 异议书 · The paper
    #[arg(long)]
    pub document: String,
}

/// What `asset use` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("event").required(true).args(["supervisor", "end"]))]
pub struct UseArgs {
    /// 措施编号 · Number of the freeze
    pub measure: i64,
    /// 监督人 · Who watches
    #[arg(long, value_name = "NAME")]
    pub supervisor: Option<String>,
    /// 不再允许使用 · It may no longer be used
    #[arg(long)]
    pub end: bool,
    /// 文书 · What says so
    #[arg(long)]
    pub document: String,
}

/// What `asset substitute` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("event").required(true).args(["by", "cancel"]))]
pub struct SubstituteArgs {
    /// 被替代的措施编号 · Number of the freeze that is replaced
    pub measure: i64,
    /// 替代的措施编号 · The freeze in its place
    #[arg(long, value_name = "MEASURE")]
    pub by: Option<i64>,
    /// 不再替代 · Nothing takes its place after all
    #[arg(long)]
    pub cancel: bool,
    /// 文书 · What says so
    #[arg(long)]
    pub document: String,
}

/// What was found, as people read it.
#[must_use]
pub fn found_text(found: &Found) -> String {
    let amount = found.amount.map(|amount| amount.to_string());
    let share = found.share_bp.map(|share| format!("{}%", percent(share)));
    amount.into_iter().chain(share).collect::<Vec<_>>().join(" / ")
}

fn found_object(found: &Found) -> serde_json::Value {
    json!({"on": found.on.to_string(), "amount_minor": found.amount, "share_bp": found.share_bp, "currency": "CNY"})
}

/// Runs `asset found`.
///
/// # Errors
/// What the database says.
pub fn found(context: &Context, args: &FoundArgs) -> Outcome<()> {
    let book = context.book();
    let all = context.read(|tx| {
        let case = cases::find_case(tx, book, &args.case)?;
        queries::found_of_case(tx, book, case.case_id)
    })?;
    let cash = Amount::sum(all.iter().filter(|one| one.is_cash()).filter_map(|one| one.found.amount));
    let cash = cash.ok_or_else(|| Message::new("assets.out_of_range"))?;
    let ratio = args.claimed.and_then(|claimed| queries::cash_ratio_bp(cash, claimed));
    let ratio = ratio.and_then(|ratio| i64::try_from(ratio).ok());
    context.output.object(&json!({
        "found": all.iter().map(|one| json!({
            "asset_id": one.asset_id, "kind": one.kind.as_str(), "institution": one.institution,
            "cash": one.is_cash(), "found": found_object(&one.found),
        })).collect::<Vec<_>>(),
        "cash_minor": cash, "claimed_minor": args.claimed, "cash_ratio_bp": ratio, "currency": "CNY",
    }))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                one.asset_id.to_string(),
                one.kind.message().text(context.output.language),
                one.institution.clone(),
                found_text(&one.found),
                one.found.on.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("assets.column_kind")),
            Column::text(Message::new("assets.column_institution")),
            Column::number(Message::new("assets.column_found")),
            Column::text(Message::new("assets.column_on")),
        ],
        &rows,
    )?;
    let mut pairs = vec![(Message::new("assets.cash_found"), cash.to_string())];
    if let Some(ratio) = ratio {
        pairs.push((Message::new("assets.cash_ratio"), format!("{}%", percent(ratio))));
    }
    Ok(context.output.pairs(&pairs)?)
}

/// Runs `asset ground`.
///
/// # Errors
/// Those of [`grounds::record`].
pub fn ground(context: &Context, args: &GroundArgs) -> Outcome<()> {
    let book = context.book();
    context.record("asset.ground", args, |tx, acting, _| {
        let asset = find_asset(tx, book, args.asset)?;
        let second = access::find_actor(tx, book.court_id, &args.confirmed_by)?;
        let of = (args.ground.as_str(), args.withdrawn);
        let ground = grounds::record(tx, acting, &asset, of, &args.document, &second)?;
        let code = if args.withdrawn { "assets.ground_withdrawn" } else { "assets.ground_recorded" };
        let message = Message::new(code)
            .with("asset", asset.asset_id)
            .with("ground", ground.title.text(context.output.language))
            .with("source", ground.source.text(context.output.language));
        Ok(Answer::new(&message, json!({"asset_id": asset.asset_id, "ground": ground.name})))
    })
}

/// Runs `asset expect`.
///
/// # Errors
/// Those of [`expectations::expect`].
pub fn expect(context: &Context, args: &ExpectArgs) -> Outcome<()> {
    let book = context.book();
    context.record("asset.expect", args, |tx, acting, _| {
        let asset = find_asset(tx, book, args.asset)?;
        let case = args.case.as_deref().map(|number| cases::find_case(tx, book, number)).transpose()?;
        let days = expectations::dates(args.on, args.every, args.times)?;
        let case_id = case.map(|case| case.case_id);
        let (measure_id, new) = expectations::expect(tx, acting, &asset, case_id, &days, args.amount)?;
        let message = Message::new("assets.income_expected")
            .with("asset", asset.asset_id)
            .with("measure", measure_id)
            .with("count", new.len());
        Ok(Answer::new(&message, json!({"asset_id": asset.asset_id, "measure_id": measure_id, "expectations": new})))
    })
}

/// Runs `asset expected`.
///
/// # Errors
/// What the database says.
pub fn expected(context: &Context, until: Option<Date>) -> Outcome<()> {
    let (book, today) = (context.book(), context.date());
    let (all, assets) = context.read(|tx| Ok((expectations::all(tx, book)?, assets(tx, book)?)))?;
    // An alarm is shown whenever it is due.
    let is_wanted = |one: &&Expectation| {
        until.is_none_or(|until| one.due_on <= until) || matches!(one.standing(today), Standing::Elsewhere(_))
    };
    let all: Vec<&Expectation> = all.iter().filter(is_wanted).collect();
    let payer = |asset_id: i64| {
        assets.iter().find(|asset| asset.asset_id == asset_id).map_or("", |asset| asset.institution.as_str())
    };
    let language = context.output.language;
    let amount = |one: &Expectation| match one.standing(today) {
        Standing::Paid(amount) | Standing::Elsewhere(amount) | Standing::MadeGood(amount) => Some(amount),
        Standing::Due | Standing::Overdue | Standing::Cancelled => one.amount,
    };
    let payee = |one: &Expectation| {
        let elsewhere = one.happened.iter().find(|past| past.became == Became::PaidElsewhere);
        elsewhere.map(|past| past.payee.clone()).unwrap_or_default()
    };
    context.output.object(&json!({"expected": all.iter().map(|one| json!({
        "expectation_id": one.expectation_id, "asset_id": one.asset_id, "measure_id": one.measure_id,
        "payer": payer(one.asset_id), "due_on": one.due_on.to_string(), "expected_minor": one.amount,
        "status": one.standing(today).word(), "amount_minor": amount(one), "currency": "CNY", "paid_to": payee(one),
        "alarm": matches!(one.standing(today), Standing::Elsewhere(_)),
    })).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            vec![
                one.expectation_id.to_string(),
                one.asset_id.to_string(),
                payer(one.asset_id).to_owned(),
                one.due_on.to_string(),
                one.standing(today).message().text(language),
                amount(one).map(|amount| amount.to_string()).unwrap_or_default(),
                payee(one),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::number(Message::new("assets.column_asset")),
            Column::text(Message::new("assets.column_payer")),
            Column::text(Message::new("assets.column_due")),
            Column::text(Message::new("assets.column_status")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("assets.column_paid_to")),
        ],
        &rows,
    )?;
    for one in all.iter().filter(|one| matches!(one.standing(today), Standing::Elsewhere(_))) {
        context.output.sentence(&Message::new("assets.income_alarm").with("expectation", one.expectation_id))?;
    }
    Ok(())
}

/// Runs `asset income`.
///
/// # Errors
/// Those of [`expectations::paid`] and [`expectations::not_paid`].
pub fn income(context: &Context, args: &IncomeArgs) -> Outcome<()> {
    context.record("asset.income", args, |tx, acting, _| {
        let document = args.document.as_deref().unwrap_or_default();
        let happened = match (args.receipt, args.deduction, &args.elsewhere) {
            (Some(id), ..) => expectations::paid(tx, acting, args.expectation, Money::Receipt(id))?,
            (None, Some(id), _) => expectations::paid(tx, acting, args.expectation, Money::Deduction(id))?,
            (None, None, Some(payee)) => {
                let amount = args.amount.unwrap_or_default();
                let elsewhere = (payee.as_str(), amount, args.on.unwrap_or(acting.date));
                expectations::not_paid(tx, acting, args.expectation, Some(elsewhere), document)?
            }
            (None, None, None) => expectations::not_paid(tx, acting, args.expectation, None, document)?,
        };
        let code = match happened.became {
            Became::PaidElsewhere => "assets.income_alarm",
            Became::Cancelled => "assets.income_now_cancelled",
            Became::Paid | Became::MadeGood => "assets.income_now_paid",
        };
        let amount = happened.amount.map(|amount| amount.to_string()).unwrap_or_default();
        let message = Message::new(code).with("expectation", args.expectation).with("amount", amount);
        let fields = json!({
            "expectation_id": args.expectation, "became": happened.became.as_str(), "amount_minor": happened.amount,
        });
        Ok(Answer::new(&message, fields))
    })
}

/// Runs `asset notice`.
///
/// # Errors
/// Those of [`debts::notify`].
pub fn notice(context: &Context, args: &NoticeArgs) -> Outcome<()> {
    let book = context.book();
    context.record("asset.notice", args, |tx, acting, _| {
        let asset = find_asset(tx, book, args.asset)?;
        let case = cases::find_case(tx, book, &args.case)?;
        let served = (args.amount, args.served_on);
        let notice = debts::notify(tx, acting, &asset, &case, served, &args.document)?;
        let message = Message::new("assets.notice_recorded")
            .with("notice", notice.notice_id)
            .with("institution", &asset.institution)
            .with("last_day", notice.last_day);
        let fields = json!({"notice_id": notice.notice_id, "last_day": notice.last_day.to_string()});
        Ok(Answer::new(&message, fields))
    })
}

/// Runs `asset objection`.
///
/// # Errors
/// Those of [`debts::object`].
pub fn objection(context: &Context, args: &ObjectionArgs) -> Outcome<()> {
    context.record("asset.objection", args, |tx, acting, _| {
        debts::object(tx, acting, args.notice, (args.on, args.admitted), &args.document)?;
        let message = Message::new("assets.objection_recorded").with("notice", args.notice);
        Ok(Answer::new(&message.with("admitted", args.admitted), json!({"notice_id": args.notice})))
    })
}

/// Runs `asset use`.
///
/// # Errors
/// Those of [`substitution::allow_use`].
pub fn allow_use(context: &Context, args: &UseArgs) -> Outcome<()> {
    context.record("asset.use", args, |tx, acting, _| {
        substitution::allow_use(tx, acting, args.measure, args.supervisor.as_deref(), &args.document)?;
        let code = if args.supervisor.is_some() { "assets.use_allowed" } else { "assets.use_ended" };
        let supervisor = args.supervisor.as_deref().unwrap_or_default();
        let message = Message::new(code).with("measure", args.measure).with("supervisor", supervisor);
        Ok(Answer::new(&message, json!({"measure_id": args.measure, "supervisor": args.supervisor})))
    })
}

/// Runs `asset substitute`.
///
/// # Errors
/// Those of [`substitution::substitute`].
pub fn substitute(context: &Context, args: &SubstituteArgs) -> Outcome<()> {
    context.record("asset.substitute", args, |tx, acting, _| {
        substitution::substitute(tx, acting, args.measure, args.by, &args.document)?;
        let message = match args.by {
            Some(by) => Message::new("assets.substitute_recorded").with("measure", args.measure).with("by", by),
            None => Message::new("assets.substitute_cancelled").with("measure", args.measure),
        };
        Ok(Answer::new(&message, json!({"measure_id": args.measure, "by": args.by})))
    })
}

/// What `asset show` says beside the orders.
#[derive(Clone, Debug)]
pub struct Beside {
    queries: Vec<Query>,
    grounds: Vec<grounds::Recorded>,
    notices: Vec<Notice>,
    uses: Vec<(i64, Use)>,
    substitutes: Vec<(i64, i64)>,
}

impl Beside {
    /// Of an asset and the orders on it.
    ///
    /// # Errors
    /// What the database says.
    pub fn load(tx: &mut Tx<'_>, book: BookKey, asset_id: i64, measures: &[i64]) -> Outcome<Self> {
        let (mut uses, mut substitutes) = (Vec::new(), Vec::new());
        for measure_id in measures {
            uses.extend(substitution::use_of(tx, book, *measure_id)?.map(|one| (*measure_id, one)));
            substitutes.extend(substitution::substitute_of(tx, book, *measure_id)?.map(|by| (*measure_id, by)));
        }
        Ok(Self {
            queries: queries::queries_of(tx, book, asset_id)?,
            grounds: grounds::standing(tx, book, asset_id)?,
            notices: debts::notices_of(tx, book, asset_id)?,
            uses,
            substitutes,
        })
    }

    /// For programs.
    #[must_use]
    pub fn object(&self, today: Date) -> serde_json::Value {
        json!({
            "found": queries::newest(&self.queries).map(|(_, found)| found_object(&found)),
            "queries": self.queries.iter().map(|query| json!({
                "order": query.query_id, "case_id": query.case_id, "ordered_on": query.ordered_on.to_string(),
                "status": match &query.state {
                    QueryState::Ordered => "ordered",
                    QueryState::Sent => "sent",
                    QueryState::Found(_) => "found",
                    QueryState::Refused(..) => "refused",
                },
                "found": if let QueryState::Found(found) = &query.state { found_object(found) } else { json!(null) },
                "reason": if let QueryState::Refused(_, reason) = &query.state { reason } else { "" },
            })).collect::<Vec<_>>(),
            "grounds": self.grounds.iter().map(|one| json!({
                "ground": one.ground, "document": one.document, "on": one.on.to_string(),
            })).collect::<Vec<_>>(),
            "notices": self.notices.iter().map(|one| json!({
                "notice_id": one.notice_id, "case_id": one.case_id, "amount_minor": one.amount,
                "served_on": one.served_on.to_string(), "last_day": one.last_day.to_string(),
                "objected_on": one.objection.map(|said| said.on.to_string()),
                "admitted_minor": one.objection.map(|said| said.admitted),
                "enforceable_minor": one.enforceable(today), "currency": "CNY",
            })).collect::<Vec<_>>(),
            "uses": self.uses.iter().map(|(measure, one)| json!({
                "measure_id": measure, "supervisor": one.supervisor, "since": one.since.to_string(),
            })).collect::<Vec<_>>(),
            "substitutes": self.substitutes.iter().map(|(old, new)| json!({
                "measure_id": old, "by": new,
            })).collect::<Vec<_>>(),
        })
    }

    /// For people: only what there is.
    #[must_use]
    pub fn pairs(&self, language: Language, today: Date) -> Vec<(Message, String)> {
        let mut pairs = Vec::new();
        if let Some((_, found)) = queries::newest(&self.queries) {
            pairs.push((Message::new("assets.column_found"), format!("{} ({})", found_text(&found), found.on)));
        }
        let open = |query: &&Query| matches!(query.state, QueryState::Ordered | QueryState::Sent);
        if let Some(query) = self.queries.iter().find(open) {
            pairs.push((Message::new("assets.query_waits"), query.query_id.to_string()));
        }
        let known = grounds::grounds().unwrap_or_default();
        for one in &self.grounds {
            let title = known.iter().find(|ground| ground.name == one.ground);
            let title = title.map_or(one.ground.as_str(), |ground| ground.title.text(language));
            pairs.push((
                Message::new("assets.column_ground"),
                format!("{title}{}", language.in_brackets(&one.document)),
            ));
        }
        for one in &self.notices {
            let message = Message::new("assets.notice_stands")
                .with("notice", one.notice_id)
                .with("amount", one.amount)
                .with("last_day", one.last_day)
                .with("enforceable", one.enforceable(today));
            pairs.push((Message::new("assets.column_notice"), message.text(language)));
        }
        for (measure, one) in &self.uses {
            let text = format!("{measure}: {} ({})", one.supervisor, one.since);
            pairs.push((Message::new("assets.column_use"), text));
        }
        for (old, new) in &self.substitutes {
            pairs.push((Message::new("assets.column_substitute"), format!("{old} → {new}")));
        }
        pairs
    }
}
