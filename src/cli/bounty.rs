//! `bounty`: bounties, clues, awards, and the code that draws them.

use std::io::Write;
use std::path::{Path, PathBuf};

use ankuan_ledger::Amount;
use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use serde_json::json;

use super::output::Column;
use super::payee::{AccountArgs, ConfirmArgs, document_number, document_type};
use super::{Context, both, day, yuan};
use crate::amount::parse_yuan;
use crate::assets::message::percent;
use crate::bounties::{self, Bounty, DrawnTo, Measure, NewBounty};
use crate::cases;
use crate::claims::DocumentType;
use crate::clock::Randomness;
use crate::request::Answer;
use crate::request_files::{self, MadeFile};
use crate::{Failure, Message, Outcome, access};

/// What `bounty` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum BountyCommand {
    /// 登记悬赏公告 · Announce a bounty
    Announce(AnnounceArgs),
    /// 登记线索，出具一次性验证码 · Record a clue; writes the informer's one-time code to a file
    Report(ReportArgs),
    /// 线索实现，定悬赏金 · Award a clue that realised something; a second person confirms
    Award(AwardArgs),
    /// 凭验证码领取，只能一次 · Draw an award with the code, once
    Draw(DrawArgs),
    /// 列出悬赏与线索 · List bounties and clues; nobody is named
    List {
        /// 只列本案 · Only of this case
        #[arg(long)]
        case: Option<String>,
    },
}

/// What `bounty announce` takes.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("measure").required(true).args(["amount", "percent"]))]
pub struct AnnounceArgs {
    /// 案号 · Case number
    pub case: String,
    /// 申请悬赏的申请执行人 · The applicant who asks for it
    #[arg(long, value_name = "NAME")]
    pub applicant: String,
    /// 悬赏金额（元） · So much, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub amount: Option<Amount>,
    /// 实现金额的比例，如 5% · A share of what is realised
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    pub percent: Option<i64>,
    /// 悬赏保险的保险公司；填写后不从案款扣减 · The insurer who pays it; then nothing comes from the case
    #[arg(long, value_name = "NAME", default_value = "")]
    pub insurer: String,
    /// 悬赏决定书文号 · Number of the decision
    #[arg(long)]
    pub ruling: String,
    /// 公告日；不填即记账日期 · Day of the announcement; default: the accounting date
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub on: Option<Date>,
}

/// What `bounty report` takes.
#[derive(Clone, Debug, Args)]
pub struct ReportArgs {
    /// 悬赏编号 · Number of the bounty
    pub bounty: i64,
    /// 线索内容：财产或下落 · The asset or place
    #[arg(long, value_name = "TEXT")]
    pub about: String,
    /// 写入验证码的新文件 · A new file for the code
    #[arg(long, value_name = "FILE")]
    pub code_to: PathBuf,
}

/// What `bounty award` takes.
#[derive(Clone, Debug, Args)]
pub struct AwardArgs {
    /// 线索编号 · Number of the clue
    pub clue: i64,
    /// 因线索实现的金额（元） · What it realised, yuan
    #[arg(long, value_name = "YUAN", value_parser = yuan)]
    pub realised: Amount,
    /// 证明材料 · The paper that proves it
    #[arg(long, value_name = "PAPER")]
    pub evidence: String,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
}

/// What `bounty draw` takes.
#[derive(Clone, Debug, Args)]
pub struct DrawArgs {
    /// 线索编号 · Number of the clue
    pub clue: i64,
    /// 存有验证码的文件 · File with the code
    #[arg(long, value_name = "FILE")]
    pub code_file: PathBuf,
    /// 证件类别 · Kind of document
    #[arg(long, value_name = "KIND", value_parser = document_type(), default_value = "other")]
    pub document_type: DocumentType,
    /// 证件号码 · Document number
    #[arg(long, value_name = "NUMBER", default_value = "", conflicts_with = "details")]
    pub document_number: String,
    /// The account; left out where an insurer pays.
    #[command(flatten)]
    pub account: AccountArgs,
    /// Paper and second person.
    #[command(flatten)]
    pub confirm: ConfirmArgs,
}

/// Per cent with up to two decimals, in hundredths.
fn share(text: &str) -> Result<i64, String> {
    let wrong = || both(&Message::new("bounties.percent"));
    let number = text.strip_suffix('%').ok_or_else(wrong)?;
    Ok(parse_yuan(number).map_err(|_| wrong())?.minor())
}

/// Runs the command.
///
/// # Errors
/// Those of [`bounties`].
pub fn run(context: &Context, command: &BountyCommand) -> Outcome<()> {
    match command {
        BountyCommand::Announce(args) => announce(context, args),
        BountyCommand::Report(args) => report(context, args),
        BountyCommand::Award(args) => award(context, args),
        BountyCommand::Draw(args) => draw(context, args),
        BountyCommand::List { case } => list(context, case.as_deref()),
    }
}

fn measure_text(measure: Measure) -> String {
    match measure {
        Measure::Amount(amount) => amount.to_string(),
        Measure::BasisPoints(points) => format!("{}%", percent(points)),
    }
}

fn bearer(bounty: &Bounty) -> &str {
    if bounty.insurer.is_empty() { &bounty.applicant } else { &bounty.insurer }
}

fn announce(context: &Context, args: &AnnounceArgs) -> Outcome<()> {
    let book = context.book();
    context.record("bounty.announce", args, |tx, acting, _| {
        let case = cases::find_case(tx, book, &args.case)?;
        let measure = match (args.amount, args.percent) {
            (Some(amount), _) => Measure::Amount(amount),
            (None, points) => Measure::BasisPoints(points.unwrap_or_default()),
        };
        let new = NewBounty {
            case: &case,
            applicant: &args.applicant,
            measure,
            insurer: &args.insurer,
            ruling: &args.ruling,
            announced_on: args.on.unwrap_or(acting.date),
        };
        let bounty = bounties::announce(tx, acting, &new)?;
        let message = Message::new("bounties.announced")
            .with("bounty", bounty.bounty_id)
            .with("case", case.current_number())
            .with("measure", measure_text(bounty.measure))
            .with("bearer", bearer(&bounty));
        Ok(Answer::new(&message, object(&bounty)))
    })
}

fn report(context: &Context, args: &ReportArgs) -> Outcome<()> {
    let (answer, files) = context.make_files("bounty.report", args, |tx, acting, _| {
        let (clue, code, before) = bounties::report(tx, acting, &mut Randomness::system(), args.bounty, &args.about)?;
        let text = format!("{code}\n").into_bytes();
        // Before the clue is on record: a code that nobody has would be worth nothing. The answer, which is kept, does not
        // name it.
        write_code(&args.code_to, &text)?;
        let name = if before.is_some() { "bounties.reported_later" } else { "bounties.reported" };
        let message = Message::new(name)
            .with("clue", clue.clue_id)
            .with("first", before.unwrap_or_default())
            .with("file", context.shown(&args.code_to));
        let fields = json!({"clue_id": clue.clue_id, "reported_before": before});
        Ok((Answer::new(&message, fields), vec![MadeFile { name: CODE_FILE.to_owned(), bytes: text }]))
    })?;
    // Done again, the code is the one that was made then.
    let file = request_files::only(files)?;
    if !file.is_at(&args.code_to) {
        write_code(&args.code_to, &file.bytes)?;
    }
    context.answer(&answer)
}

/// What the file with the code is called where it is kept.
const CODE_FILE: &str = "bounty-code.txt";

/// Writes the code to a file that must be new.
fn write_code(path: &Path, code: &[u8]) -> Outcome<()> {
    let failed = |error: std::io::Error| Failure::of_file(path, &error);
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(code).map_err(failed)?;
    file.sync_all().map_err(failed)
}

fn award(context: &Context, args: &AwardArgs) -> Outcome<()> {
    let court_id = context.book().court_id;
    context.record("bounty.award", args, |tx, acting, _| {
        let second = access::find_actor(tx, court_id, &args.confirmed_by)?;
        let (bounty, reward) = bounties::award(tx, acting, args.clue, args.realised, &args.evidence, &second)?;
        let is_insured = !bounty.insurer.is_empty();
        let code = if is_insured { "bounties.awarded_insured" } else { "bounties.awarded_now" };
        let message = Message::new(code)
            .with("clue", args.clue)
            .with("reward", reward.reward)
            .with("realised", reward.realised)
            .with("rest", reward.rest)
            .with("applicant", &bounty.applicant);
        let to_applicant = if is_insured { reward.realised } else { reward.rest };
        let fields = json!({
            "clue_id": args.clue, "realised_minor": reward.realised, "reward_minor": reward.reward,
            "to_applicant_minor": to_applicant, "insurer": bounty.insurer,
        });
        Ok(Answer::new(&message, fields))
    })
}

fn draw(context: &Context, args: &DrawArgs) -> Outcome<()> {
    let (book, keys, account) = (context.book(), context.keys()?, args.account.read()?);
    let code = std::fs::read_to_string(&args.code_file).map_err(|error| Failure::of_file(&args.code_file, &error))?;
    let has_account = args.account.details.is_some() || !args.account.account.is_empty();
    context.record("bounty.draw", &(args, &account), |tx, acting, _| {
        let second = access::find_actor(tx, book.court_id, &args.confirm.confirmed_by)?;
        let number = document_number(args.document_type, &args.document_number);
        let to = has_account.then(|| DrawnTo {
            document_type: args.document_type,
            detail: account.detail("", &number),
            basis: &args.confirm.basis,
        });
        let tools = (&keys, &mut Randomness::system());
        let clue = bounties::draw(tx, acting, tools, args.clue, &code, to.as_ref(), &second)?;
        let reward = clue.award.map_or(Amount::ZERO, |(_, _, reward)| reward);
        let name = if clue.payee_id.is_some() { "bounties.drawn_now" } else { "bounties.drawn_insured" };
        let message = Message::new(name)
            .with("clue", clue.clue_id)
            .with("payee", clue.payee_id.unwrap_or_default())
            .with("reward", reward);
        let fields = json!({"clue_id": clue.clue_id, "payee_id": clue.payee_id, "reward_minor": reward});
        Ok(Answer::new(&message, fields))
    })
}

fn object(bounty: &Bounty) -> serde_json::Value {
    let (amount, points) = match bounty.measure {
        Measure::Amount(amount) => (Some(amount), None),
        Measure::BasisPoints(points) => (None, Some(points)),
    };
    json!({
        "bounty_id": bounty.bounty_id, "case_id": bounty.case_id, "applicant": bounty.applicant,
        "amount_minor": amount, "basis_points": points, "insurer": bounty.insurer, "ruling": bounty.ruling,
        "announced_on": bounty.announced_on.to_string(),
        "clues": bounty.clues.iter().map(|clue| json!({
            "clue_id": clue.clue_id, "about": clue.about, "drawn": clue.is_drawn,
            "realised_minor": clue.award.map(|(_, realised, _)| realised),
            "reward_minor": clue.award.map(|(_, _, reward)| reward),
        })).collect::<Vec<_>>(),
    })
}

fn list(context: &Context, number: Option<&str>) -> Outcome<()> {
    let book = context.book();
    let (all, numbers) = context.read(|tx| {
        let case = number.map(|number| cases::find_case(tx, book, number)).transpose()?;
        let mut all = bounties::bounties(tx, book)?;
        all.retain(|bounty| case.as_ref().is_none_or(|case| case.case_id == bounty.case_id));
        let numbers: Vec<String> = all
            .iter()
            .map(|bounty| Ok(cases::case_by_id(tx, book, bounty.case_id)?.current_number().to_owned()))
            .collect::<Outcome<_>>()?;
        Ok((all, numbers))
    })?;
    context.output.object(&json!({"bounties": all.iter().map(object).collect::<Vec<_>>()}))?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (bounty, number) in all.iter().zip(&numbers) {
        let first =
            vec![bounty.bounty_id.to_string(), number.clone(), measure_text(bounty.measure), bearer(bounty).to_owned()];
        if bounty.clues.is_empty() {
            rows.push([first.clone(), vec![String::new(); 5]].concat());
        }
        for clue in &bounty.clues {
            let amount = |amount: Option<Amount>| amount.map(|amount| amount.to_string()).unwrap_or_default();
            let drawn = if clue.is_drawn { "✓" } else { "" };
            let rest = vec![
                clue.clue_id.to_string(),
                clue.about.clone(),
                amount(clue.award.map(|(_, realised, _)| realised)),
                amount(clue.award.map(|(_, _, reward)| reward)),
                drawn.to_owned(),
            ];
            rows.push([first.clone(), rest].concat());
        }
    }
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("bounties.column_case")),
            Column::text(Message::new("bounties.column_measure")),
            Column::text(Message::new("bounties.column_bearer")),
            Column::number(Message::new("bounties.column_clue")),
            Column::text(Message::new("bounties.column_about")),
            Column::number(Message::new("bounties.column_realised")),
            Column::number(Message::new("bounties.column_reward")),
            Column::text(Message::new("bounties.column_drawn")),
        ],
        &rows,
    )?;
    Ok(())
}
