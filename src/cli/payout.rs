//! `payout`: runs, from draft to files.

use std::path::{Path, PathBuf};

use ankuan_ledger::chain::{Digest, hex};
use ankuan_ledger::{Store, Tx};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::ledger::voucher_name;
use super::output::Column;
use crate::access::{self, Acting};
use crate::bank::deliver::{Delivered, deliver as write_file};
use crate::bank::transmittal::{Approver, TransmittalFile, TransmittalSheet};
use crate::bank::{BankFileError, FileHeader, FileWriter, PayeeKind, PaymentLine, Profile, file_name, same_bank};
use crate::chart;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::payouts::commit::{self, Committed};
use crate::payouts::details::details_of;
use crate::payouts::lines::{Payment, each_page, standing};
use crate::payouts::policy::{Policy, court_policy, set_policy};
use crate::payouts::reissue::{self, NewReissue};
use crate::payouts::release::{self, BankFile, Released, files_of_run};
use crate::payouts::runs::{self, Content, NewRun, Run, SourceKind, Status};
use crate::payouts::screens::{self, screen};
use crate::replies::cause_message;
use crate::request::Answer;

/// Payout runs.
#[derive(Clone, Debug, Subcommand)]
pub enum PayoutCommand {
    /// 新建发放批次 · Put a run together
    Draft(DraftArgs),
    /// 提交审批 · Submit for approval
    Submit(RunArg),
    /// 审批 · Approve the next step
    Approve(ApproveArgs),
    /// 入账：案款转为应付 · Commit: the money leaves the cases
    Commit(RunArg),
    /// 生成银行文件并入账在途 · Release: render the bank files, money on its way
    Release(RunArg),
    /// 将文件写入文件夹 · Write the released files and the transmittal sheet to a folder
    Deliver(DeliverArgs),
    /// 户名账号核验文件 · Write the account-verification request, before approval
    VerificationRequest(DeliverArgs),
    /// 撤回：尚未生成文件 · Withdraw a committed run that has no files yet
    Withdraw(ReasonArgs),
    /// 取消：尚未入账 · Cancel a run that is not committed
    Cancel(ReasonArgs),
    /// 账户筛查：审批前应看的情况 · Screen the accounts: what to look at before approving
    Screen(RunArg),
    /// 账户筛查结果逐项说明后放行 · Clear what the screens found, by name and with a reason
    Clear(ClearArgs),
    /// 退回更正：批次回到草稿，审批表不丢失 · Send back for correction; the run keeps its sheets
    SendBack(ReasonArgs),
    /// 查看批次 · Show a run
    Show(RunArg),
    /// 审批规则：查看，或由管理员更换 · The approval rules: show, or an admin sets others
    Policy {
        /// 新的审批规则（TOML） · New rules, for runs made from now on
        #[arg(long, value_name = "FILE")]
        set: Option<PathBuf>,
    },
    /// 退票与付款失败：等待更正账户或重发 · What came back and waits for a corrected account or a reissue
    Returns(ReturnsArgs),
    /// 重发：账户已更正的退票新建为一个批次 · Reissue: a run of what came back and has a corrected account
    Reissue(ReissueArgs),
    /// 列出批次 · List runs
    List,
}

/// What `payout returns` takes.
#[derive(Clone, Debug, Args)]
pub struct ReturnsArgs {
    /// 付款账号；只有一个时可不填 · The court's account it was paid from
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
}

/// What `payout reissue` takes.
#[derive(Clone, Debug, Args)]
pub struct ReissueArgs {
    /// 只重发该批次的 · Only what came back of this run
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// 只重发该案的 · Only of this case
    #[arg(long, value_name = "CASE")]
    pub case: Option<String>,
    /// 标题 · Title
    #[arg(long, default_value = "退票重发")]
    pub title: String,
    /// 付款账号；只有一个时可不填 · The court's account it is paid from
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
    /// 银行文件格式：内置名称或 TOML 文件 · Bank profile: a shipped name or a file
    #[arg(long, default_value = "generic-csv", value_name = "NAME|FILE")]
    pub profile: String,
}

/// A run by its number.
#[derive(Clone, Debug, Args)]
pub struct RunArg {
    /// 批次号，如 P2026-0001 · Number of the run
    pub run: String,
}

/// What `payout draft` takes.
#[derive(Clone, Debug, Args)]
pub struct DraftArgs {
    /// 标题 · Title
    #[arg(long, default_value = "案款发放")]
    pub title: String,
    /// 分配方案编号，可多次给出 · A distribution; may be given again
    #[arg(long = "distribution", value_name = "NUMBER")]
    pub distributions: Vec<i64>,
    /// 审批表编号，可多次给出 · A payout sheet; may be given again
    #[arg(long = "sheet", value_name = "NUMBER")]
    pub sheets: Vec<i64>,
    /// 付款账号；只有一个时可不填 · The court's account it is paid from
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
    /// 银行文件格式：内置名称或 TOML 文件 · Bank profile: a shipped name or a file
    #[arg(long, default_value = "generic-csv", value_name = "NAME|FILE")]
    pub profile: String,
}

/// What `payout approve` takes.
#[derive(Clone, Debug, Args)]
pub struct ApproveArgs {
    /// 批次号 · Number of the run
    pub run: String,
    /// 所见内容的摘要（前 12 位起）；与现状不符则拒绝 · Digest of what was seen, 12 digits or more; refused when it is not
    /// what stands now
    #[arg(long, value_name = "HEX")]
    pub digest: String,
}

/// What commands that write to a folder take.
#[derive(Clone, Debug, Args)]
pub struct DeliverArgs {
    /// 批次号 · Number of the run
    pub run: String,
    /// 文件夹 · Folder
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// What `payout clear` takes.
#[derive(Clone, Debug, Args)]
pub struct ClearArgs {
    /// 批次号 · Number of the run
    pub run: String,
    /// 一项结果的摘要（前 12 位起），或一类结果的代码 · Digest of a finding, 12 digits or more, or the code of all of a kind
    #[arg(long, value_name = "CODE|HEX")]
    pub finding: String,
    /// 核实情况及放行理由 · What was checked, and why the run may go on
    #[arg(long)]
    pub reason: String,
}

/// What commands that need a reason take.
#[derive(Clone, Debug, Args)]
pub struct ReasonArgs {
    /// 批次号 · Number of the run
    pub run: String,
    /// 原因 · Why
    #[arg(long)]
    pub reason: String,
}

/// Runs the command.
///
/// # Errors
/// Those of [`runs`], [`mod@commit`] and [`mod@release`].
pub fn run(context: &Context, command: &PayoutCommand) -> Outcome<()> {
    let mut store = context.store()?;
    let store = &mut store;
    match command {
        PayoutCommand::Draft(args) => {
            on_run(context, store, "payout.draft", args, |tx, acting| Ok(draft(context, tx, acting, args)?.number))
        }
        PayoutCommand::Submit(args) => on_run(context, store, "payout.submit", args, |tx, acting| {
            runs::submit(tx, acting, &args.run)?;
            Ok(args.run.clone())
        }),
        PayoutCommand::Approve(args) => {
            let seen = seen_digest(context, store, &args.run, &args.digest)?;
            let signer = context.signer(store)?;
            on_run(context, store, "payout.approve", args, |tx, acting| {
                runs::approve(tx, acting, &args.run, Some(seen), signer.as_deref())?;
                Ok(args.run.clone())
            })
        }
        PayoutCommand::Commit(args) => {
            let committed = context.act(
                store,
                "payout.commit",
                args,
                |tx, acting| commit(context, tx, acting, &args.run),
                |_, committed| Ok(committed_answer(&args.run, committed)),
            )?;
            committed.map_or(Ok(()), |committed| print_committed(context, &args.run, &committed))
        }
        PayoutCommand::Release(args) => {
            let keys = context.keys()?;
            let released = context.act(
                store,
                "payout.release",
                args,
                |tx, acting| release(context, tx, acting, &keys, &args.run),
                |_, released| Ok(released_answer(&args.run, released)),
            )?;
            released.map_or(Ok(()), |released| print_released(context, &args.run, &released))
        }
        PayoutCommand::Deliver(args) => {
            let delivered = deliver(context, store, &context.keys()?, &args.run, &args.out)?;
            print_delivered(context, &args.out, &delivered)
        }
        PayoutCommand::VerificationRequest(args) => verification_request(context, store, args),
        PayoutCommand::Withdraw(args) => on_run(context, store, "payout.withdraw", args, |tx, acting| {
            release::withdraw(tx, acting, &args.run, &args.reason)?;
            Ok(args.run.clone())
        }),
        PayoutCommand::Cancel(args) => on_run(context, store, "payout.cancel", args, |tx, acting| {
            runs::cancel(tx, acting, &args.run, &args.reason)?;
            Ok(args.run.clone())
        }),
        PayoutCommand::SendBack(args) => on_run(context, store, "payout.send_back", args, |tx, acting| {
            runs::send_back(tx, acting, &args.run, &args.reason)?;
            Ok(args.run.clone())
        }),
        PayoutCommand::Screen(args) => screen_run(context, &args.run),
        PayoutCommand::Clear(args) => context.record("payout.clear", args, |tx, acting, _| {
            let cleared = screens::clear(tx, acting, &args.run, &args.finding, &args.reason)?;
            let message = Message::new("screens.cleared_now").with("run", &args.run).with("count", cleared.len());
            let codes: Vec<String> = cleared.iter().map(|finding| hex(&finding.subject)).collect();
            Ok(Answer::new(&message, json!({"run": args.run, "cleared": codes})))
        }),
        PayoutCommand::Show(args) => show(context, &args.run),
        PayoutCommand::Policy { set } => policy(context, store, set.as_deref()),
        PayoutCommand::Returns(args) => returns(context, args),
        PayoutCommand::Reissue(args) => on_run(context, store, "payout.reissue", args, |tx, acting| {
            Ok(reissue_run(context, tx, acting, args)?.number)
        }),
        PayoutCommand::List => list(context),
    }
}

/// Records the reissues and puts them into a run; also a step of the demo.
///
/// # Errors
/// Those of [`reissue::record`] and [`runs::draft`].
pub fn reissue_run(context: &Context, tx: &mut Tx<'_>, acting: &Acting, args: &ReissueArgs) -> Outcome<Run> {
    let profile = profile_text(&args.profile)?;
    let book = context.book();
    let account = chart::find_bank_account(tx, book.court_id, args.bank_account.as_deref())?;
    let case_id = match &args.case {
        None => None,
        Some(number) => Some(crate::cases::find_case(tx, book, number)?.case_id),
    };
    let of = NewReissue { bank_account_id: account.bank_account_id, run: args.run.as_deref(), case_id };
    let sources = reissue::record(tx, acting, &of)?;
    let new =
        NewRun { title: &args.title, bank_account_id: account.bank_account_id, profile: &profile, sources: &sources };
    runs::draft(tx, acting, &new)
}

fn returns(context: &Context, args: &ReturnsArgs) -> Outcome<()> {
    let court_id = context.globals.court;
    let (waiting, cases) = context.read(|tx| {
        let account = chart::find_bank_account(tx, court_id, args.bank_account.as_deref())?;
        Ok((reissue::returned(tx, court_id, account.bank_account_id)?, crate::cases::cases(tx, context.book())?))
    })?;
    let number_of = |case_id: i64| {
        let case = cases.iter().find(|case| case.case_id == case_id);
        case.map_or_else(String::new, |case| case.current_number().to_owned())
    };
    context.output.object(&json!({"returns": waiting.iter().map(|one| json!({
        "run": one.run, "key": one.payment.key, "case_number": number_of(one.payment.case_id), "name": one.payment.name,
        "claim_id": one.claim_id, "amount_minor": one.payment.amount, "currency": "CNY",
        "standing": one.payment.standing.as_str(), "cause": one.payment.cause, "corrected": one.is_corrected(),
        "several_payees": one.detail_id.is_none(), "blocked": one.blocked,
        "reissue_id": one.reissue_id,
    })).collect::<Vec<_>>()}))?;
    let language = context.output.language;
    let rows: Vec<Vec<String>> = waiting
        .iter()
        .map(|one| {
            let waits = match (one.reissue_id, one.is_corrected()) {
                (Some(_), _) => "payout_cli.in_reissue",
                (None, _) if one.detail_id.is_none() => "payout_cli.several_payees",
                (None, _) if one.blocked.is_some() => "payout_cli.return_blocked",
                (None, true) => "payout_cli.corrected",
                (None, false) => "payout_cli.waits_for_account",
            };
            vec![
                one.payment.key.clone(),
                number_of(one.payment.case_id),
                one.claim_id.to_string(),
                one.payment.name.clone(),
                one.payment.amount.to_string(),
                one.payment.standing.message().text(language),
                cause_message(&one.payment.cause).text(language),
                Message::new(waits).text(language),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("payout_cli.key")),
            Column::text(Message::new("column.case_number")),
            Column::number(Message::new("payout_cli.claim")),
            Column::text(Message::new("column.name")),
            Column::number(Message::new("column.amount")),
            Column::text(Message::new("payout_cli.standing")),
            Column::text(Message::new("payout_cli.cause")),
            Column::text(Message::new("payout_cli.next")),
        ],
        &rows,
    )?;
    Ok(())
}

/// Something that happens to a run, and the run as it stands then.
fn on_run(
    context: &Context,
    store: &mut Store,
    operation: &'static str,
    payload: &impl std::fmt::Debug,
    work: impl FnOnce(&mut Tx<'_>, &Acting) -> Outcome<String>,
) -> Outcome<()> {
    let view = |tx: &mut Tx<'_>, number: &String| {
        let view = RunView::load(tx, context.globals.court, number)?;
        Ok(Answer::new(&view.sentence(context.output.language), view.json()))
    };
    let Some(number) = context.act(store, operation, payload, work, view)? else { return Ok(()) };
    RunView::load(&mut store.snapshot()?, context.globals.court, &number)?.print(context)
}

/// The text of a profile: shipped by name, or a file.
///
/// # Errors
/// Those of [`Profile`].
pub fn profile_text(name: &str) -> Outcome<String> {
    if let Some(profile) = Profile::shipped(name) {
        return Ok(profile.toml);
    }
    let file = std::fs::File::open(name)
        .map_err(|_| Failure::Refused(Message::new("payout_cli.profile_unknown").with("profile", name)))?;
    Ok(Profile::read(name, file)?.toml)
}

fn read_policy(path: &Path) -> Outcome<String> {
    let text = std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))?;
    // Read here too, for the file's name in what is wrong with it.
    Policy::parse(&text).map_err(|message| message.in_file(path))?;
    Ok(text)
}

/// Puts a run together; also a step of the demo.
///
/// # Errors
/// Those of [`runs::draft`].
pub fn draft(context: &Context, tx: &mut Tx<'_>, acting: &Acting, args: &DraftArgs) -> Outcome<Run> {
    let profile = profile_text(&args.profile)?;
    let sources: Vec<(SourceKind, i64)> = args
        .distributions
        .iter()
        .map(|id| (SourceKind::Distribution, *id))
        .chain(args.sheets.iter().map(|id| (SourceKind::Sheet, *id)))
        .collect();
    let account = chart::find_bank_account(tx, context.globals.court, args.bank_account.as_deref())?;
    let new =
        NewRun { title: &args.title, bank_account_id: account.bank_account_id, profile: &profile, sources: &sources };
    runs::draft(tx, acting, &new)
}

/// Commits; also a step of the demo.
///
/// # Errors
/// Those of [`commit::commit`].
pub fn commit(context: &Context, tx: &mut Tx<'_>, acting: &Acting, run: &str) -> Outcome<Committed> {
    let lines = lines_of(tx, context, run)?;
    let bar = context.output.progress(&Message::new("payout_cli.committing"), lines);
    let committed = commit::commit(tx, acting, run, &mut |done| bar.set(done))?;
    bar.finish();
    Ok(committed)
}

/// Releases; also a step of the demo.
///
/// # Errors
/// Those of [`release::release`].
pub fn release(context: &Context, tx: &mut Tx<'_>, acting: &Acting, keys: &Keys, run: &str) -> Outcome<Released> {
    let lines = lines_of(tx, context, run)?;
    let bar = context.output.progress(&Message::new("payout_cli.releasing"), lines);
    let mut randomness = Randomness::system();
    let released = release::release(tx, acting, keys, &mut randomness, run, &mut |done| bar.set(done))?;
    bar.finish();
    Ok(released)
}

fn lines_of(tx: &mut Tx<'_>, context: &Context, run: &str) -> Outcome<u64> {
    let run = runs::find_run(tx, context.globals.court, run)?;
    let content = runs::content(tx, context.globals.court, &run)?;
    Ok(u64::try_from(content.line_count).unwrap_or(0))
}

/// Writes the files of a released run and its transmittal sheet; also a step of the demo. The same request again writes
/// them again, as one hand-over.
///
/// # Errors
/// Those of [`release::deliver`].
pub fn deliver(
    context: &Context,
    store: &mut Store,
    keys: &Keys,
    run: &str,
    folder: &Path,
) -> Outcome<Vec<(BankFile, Delivered)>> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::of_file(folder, &error))?;
    let mut delivered = None;
    context.once(store, "payout.deliver", &(run, folder), |tx, acting| {
        let files = release::deliver(tx, acting, keys, run, folder)?;
        write_transmittal(context, tx, run, folder)?;
        let message = Message::new("payout_cli.delivered").with("files", files.len()).with("folder", folder.display());
        delivered = Some(files);
        Ok(Answer::new(&message, json!({"run": run})))
    })?;
    if let Some(files) = delivered {
        return Ok(files);
    }
    let acting = context.acting_in(store)?;
    let mut tx = store.snapshot()?;
    let files = release::deliver_again(&mut tx, &acting, keys, run, folder)?;
    write_transmittal(context, &mut tx, run, folder)?;
    Ok(files)
}

fn write_transmittal(context: &Context, tx: &mut Tx<'_>, run: &str, folder: &Path) -> Outcome<()> {
    let (text, json) = transmittal(context, tx, run)?;
    write_file(folder, &format!("{run}-交接单.txt"), text.as_bytes()).map_err(said)?;
    write_file(folder, &format!("{run}-transmittal.json"), json.as_bytes()).map_err(said)?;
    Ok(())
}

/// The transmittal sheet as text and as JSON. It names the head of the chain that the release left, so that the same
/// run always prints the same sheet.
///
/// # Errors
/// `runs.unknown`, `runs.wrong_status` (not released); what the database says.
pub fn transmittal(context: &Context, tx: &mut Tx<'_>, number: &str) -> Outcome<(String, String)> {
    let court = context.globals.court;
    let run = runs::find_run(tx, court, number)?;
    run.must_be(Status::Released)?;
    let profile = run.profile()?;
    let files = files_of_run(tx, court, run.run_id)?;
    let payer = chart::bank_accounts(tx, court)?.into_iter().find(|known| known.bank_account_id == run.bank_account_id);
    let payer = payer.ok_or_else(|| ankuan_ledger::Error::Inconsistent("a run without its account".to_owned()))?;
    let released = release::as_recorded(tx, court, run.run_id)?;
    let mut approvers = Vec::new();
    for approval in runs::approvals(tx, court, run.run_id)?.iter().filter(|given| given.digest == released.digest) {
        approvers.push(Approver {
            name: access::person_by_id(tx, court, approval.approver_id)?.name,
            role: access::Role::parse(&approval.role)
                .map_or_else(|| approval.role.clone(), |role| role.message().text(crate::Language::Zh)),
            approved_at: at(approval.recorded_at)?,
        });
    }
    let listed: Vec<TransmittalFile> = files
        .iter()
        .map(|file| TransmittalFile {
            name: file.name.clone(),
            group: crate::bank::PaymentGroup::parse(&file.group)
                .unwrap_or(crate::bank::PaymentGroup { same_bank: None, payee_kind: None }),
            lines: u64::try_from(file.line_count).unwrap_or(0),
            sum: file.sum,
            sha256: file.sha256,
        })
        .collect();
    let created_at = at(released.at)?;
    let chain_head = released.head.to_string();
    let sheet = TransmittalSheet {
        run_number: number,
        profile: &profile.name,
        payer_name: &payer.holder_name,
        payer_account: &payer.number,
        payer_bank_name: &payer.bank_name,
        created_at,
        execution_date: crate::clock::Clock::fixed(created_at).today_in_shanghai(),
        files: &listed,
        approvers: &approvers,
        chain_head: &chain_head,
    };
    let json = serde_json::to_string_pretty(&sheet.json()?).map_err(std::io::Error::other)?;
    // The form goes to a bank in China, and the same run must always give the same bytes.
    Ok((sheet.text(crate::Language::Zh)?, json))
}

fn at(microseconds: i64) -> Outcome<Timestamp> {
    Ok(Timestamp::from_microsecond(microseconds).map_err(std::io::Error::other)?)
}

/// Names and accounts of a run that is not yet approved, for the bank to check.
fn verification_request(context: &Context, store: &mut Store, args: &DeliverArgs) -> Outcome<()> {
    let keys = context.keys()?;
    let court = context.globals.court;
    let acting = context.acting_in(store)?;
    let mut tx = store.snapshot()?;
    let tx = &mut tx;
    acting.require(tx, access::Role::Finance)?;
    let run = runs::find_run(tx, court, &args.run)?;
    let content = runs::content(tx, court, &run)?;
    let text = profile_text("verify-csv")?;
    let profile = Profile::parse("verify-csv", &text)?;
    let payer = chart::bank_accounts(tx, court)?.into_iter().find(|known| known.bank_account_id == run.bank_account_id);
    let payer = payer.ok_or_else(|| ankuan_ledger::Error::Inconsistent("a run without its account".to_owned()))?;
    let mut payments: Vec<Payment> = Vec::new();
    for source in &run.sources {
        let standing = standing(tx, court, source)?;
        each_page(tx, court, source, &mut |_, page| {
            for due in page.iter().filter(|due| due.set_aside.is_none() && !due.to_treasury) {
                for (payee_no, (detail_id, amount)) in
                    (1..).zip(standing.payees(due.claim_id, due.detail_id, due.amount))
                {
                    let line_no = payments.len() as i64 + 1;
                    let case_id = source.case_id;
                    payments.push(Payment {
                        payment_id: 0,
                        line_id: due.line_id,
                        payee_no,
                        line_no,
                        case_id,
                        detail_id,
                        amount,
                    });
                }
            }
            Ok(())
        })?;
    }
    std::fs::create_dir_all(&args.out).map_err(|error| Failure::of_file(&args.out, &error))?;
    let limit = usize::try_from(profile.limits.lines_per_file).unwrap_or(usize::MAX);
    let mut files = Vec::new();
    for (number, page) in (1_u32..).zip(payments.chunks(limit)) {
        let sum = ankuan_ledger::Amount::sum(page.iter().map(|payment| payment.amount)).unwrap_or(content.paid);
        let message_id = format!("{}-V{number:03}", args.run.replace('-', ""));
        let header = FileHeader {
            message_id: &message_id,
            created_at: context.clock().now(),
            execution_date: context.date(),
            run_number: &args.run,
            file_number: number,
            group: profile.group(true, PayeeKind::Person),
            payer_name: &payer.holder_name,
            payer_account: &payer.number,
            payer_bank_name: &payer.bank_name,
            payer_bank_code: &payer.bank_code,
            lines: page.len() as u64,
            sum,
        };
        let name = file_name(&profile, &header)?;
        let mut bytes = Vec::new();
        let mut writer = FileWriter::begin(&profile, header, &mut bytes).map_err(said)?;
        for (payment, detail) in page.iter().zip(details_of(tx, &keys, court, page)?) {
            let key = format!("{}-{:09}", args.run.replace('-', ""), payment.line_no);
            writer
                .push(&PaymentLine {
                    line_number: u64::try_from(payment.line_no).unwrap_or(0),
                    line_key: &key,
                    payee_name: &detail.payee_name,
                    payee_account: &detail.account,
                    bank_name: &detail.bank_name,
                    bank_code: &detail.bank_code,
                    amount: payment.amount,
                    purpose: "",
                    payee_kind: detail.kind,
                    same_bank: same_bank(&payer.bank_code, &detail.bank_code),
                    payer_sub_account: "",
                    telephone: &detail.telephone,
                })
                .map_err(said)?;
        }
        let rendered = writer.finish().map_err(said)?;
        write_file(&args.out, &name, &bytes).map_err(said)?;
        files.push((name, rendered));
    }
    context.output.object(&json!({"files": files.iter().map(|(name, rendered)| json!({
        "name": name, "lines": rendered.lines, "sha256": hex(&rendered.sha256),
    })).collect::<Vec<_>>()}))?;
    for (name, rendered) in &files {
        let message = Message::new("payout_cli.verification_file").with("file", name).with("lines", rendered.lines);
        context.output.sentence(&message)?;
    }
    Ok(())
}

fn said(error: BankFileError) -> Failure {
    match error {
        BankFileError::Refused(message) => message.into(),
        BankFileError::Io(error) => error.into(),
    }
}

/// The content that an approver names by the beginning of its digest; another one is refused by [`runs::approve`].
fn seen_digest(context: &Context, store: &mut Store, run: &str, text: &str) -> Outcome<Digest> {
    const DIGITS_MIN: usize = 12;
    if text.len() < DIGITS_MIN || text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Message::new("payout_cli.digest").with("digest", text).with("min", DIGITS_MIN).into());
    }
    let mut tx = store.snapshot()?;
    let run = runs::find_run(&mut tx, context.globals.court, run)?;
    let content = runs::content(&mut tx, context.globals.court, &run)?;
    if hex(&content.digest).starts_with(&text.to_ascii_lowercase()) {
        Ok(content.digest)
    } else {
        Err(Message::new("runs.changed").with("run", &run.number).into())
    }
}

fn policy(context: &Context, store: &mut Store, set: Option<&Path>) -> Outcome<()> {
    if let Some(path) = set {
        let text = read_policy(path)?;
        context.prove(store)?;
        let mut tx = store.begin()?;
        let acting = context.acting(&mut tx)?;
        set_policy(&mut tx, &acting, &text)?;
        tx.commit()?;
    }
    let mut tx = store.snapshot()?;
    let text = court_policy(&mut tx, context.globals.court)?;
    context.output.object(&json!({"policy": text}))?;
    context.output.line(text.trim_end())?;
    Ok(())
}

fn screen_run(context: &Context, number: &str) -> Outcome<()> {
    let now = context.clock().now();
    let findings = context.read(|tx| {
        let run = runs::find_run(tx, context.globals.court, number)?;
        screen(tx, context.globals.court, &run, now)
    })?;
    context.output.object(&json!({"run": number, "findings": findings.iter().map(|finding| json!({
        "code": finding.message.code,
        "digest": hex(&finding.subject),
        "cleared_by": finding.cleared.as_ref().map(|cleared| &cleared.person),
        "reason": finding.cleared.as_ref().map(|cleared| &cleared.reason),
        "message_zh": finding.message.text(crate::Language::Zh),
        "message_en": finding.message.text(crate::Language::En),
    })).collect::<Vec<_>>()}))?;
    for finding in &findings {
        let text = finding.message.text(context.output.language);
        let message = match &finding.cleared {
            None => Message::new("screens.look").with("finding", text).with("digest", finding.short()),
            Some(cleared) => Message::new("screens.cleared")
                .with("finding", text)
                .with("person", &cleared.person)
                .with("reason", &cleared.reason),
        };
        context.output.sentence(&message)?;
    }
    if findings.is_empty() {
        context.output.sentence(&Message::new("screens.none"))?;
    }
    Ok(())
}

fn list(context: &Context) -> Outcome<()> {
    let court = context.globals.court;
    let all = context.read(|tx| {
        let mut all = Vec::new();
        for number in runs::run_numbers(tx, court)? {
            let run = runs::find_run(tx, court, &number)?;
            let content = runs::content(tx, court, &run)?;
            all.push((run, content));
        }
        Ok(all)
    })?;
    context.output.object(&json!({"runs": all.iter().map(|(run, content)| json!({
        "run": run.number, "title": run.title, "status": run.status.as_str(), "lines": content.line_count,
        "paid_minor": content.paid.minor(), "set_aside_minor": content.set_aside.minor(), "currency": "CNY",
    })).collect::<Vec<_>>()}))?;
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|(run, content)| {
            vec![
                run.number.clone(),
                run.title.clone(),
                run.status.message().text(context.output.language),
                run.sources.len().to_string(),
                content.line_count.to_string(),
                content.paid.to_string(),
                content.set_aside.to_string(),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("payout_cli.run")),
            Column::text(Message::new("payout_cli.title")),
            Column::text(Message::new("payout_cli.status")),
            Column::number(Message::new("payout_cli.sources")),
            Column::number(Message::new("payout_cli.lines")),
            Column::number(Message::new("payout_cli.paid")),
            Column::number(Message::new("payout_cli.set_aside")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show(context: &Context, number: &str) -> Outcome<()> {
    let view = context.read(|tx| RunView::load(tx, context.globals.court, number))?;
    context.output.object(&view.json())?;
    view.print(context)
}

/// A run as people look at it.
struct RunView {
    run: Run,
    content: Content,
    steps: Vec<StepView>,
    files: Vec<BankFile>,
}

struct StepView {
    step_no: i64,
    title: String,
    role: access::Role,
    /// Who approved what stands now, and when (µs).
    approved: Option<(String, i64)>,
}

impl RunView {
    fn load(tx: &mut Tx<'_>, court: i64, number: &str) -> Outcome<Self> {
        let run = runs::find_run(tx, court, number)?;
        let content = runs::content(tx, court, &run)?;
        let policy = Policy::parse(&run.policy)?;
        let amount = content.paid.plus(content.set_aside).unwrap_or(content.paid);
        let approvals = runs::approvals(tx, court, run.run_id)?;
        let mut steps = Vec::new();
        for (step_no, step) in (1..).zip(policy.steps()) {
            let given = approvals.iter().find(|given| given.step_no == step_no && given.digest == content.digest);
            let mut approved = None;
            if let Some(given) = given {
                approved = Some((access::person_by_id(tx, court, given.approver_id)?.name, given.recorded_at));
            }
            steps.push(StepView { step_no, title: step.title.clone(), role: step.role(amount), approved });
        }
        let files = files_of_run(tx, court, run.run_id)?;
        Ok(Self { run, content, steps, files })
    }

    fn json(&self) -> serde_json::Value {
        let at = |at: i64| Timestamp::from_microsecond(at).ok().map(|at| at.to_string());
        json!({
            "run": self.run.number, "title": self.run.title, "status": self.run.status.as_str(),
            "lines": self.content.line_count, "paid_minor": self.content.paid.minor(),
            "set_aside_minor": self.content.set_aside.minor(), "currency": "CNY", "digest": hex(&self.content.digest),
            "steps": self.steps.iter().map(|step| json!({
                "step": step.step_no, "title": step.title, "role": step.role.as_str(),
                "approved_by": step.approved.as_ref().map(|(name, _)| name),
                "approved_at": step.approved.as_ref().and_then(|(_, recorded)| at(*recorded)),
            })).collect::<Vec<_>>(),
            "files": self.files.iter().map(file_json).collect::<Vec<_>>(),
        })
    }

    fn sentence(&self, language: crate::Language) -> Message {
        Message::new("payout_cli.stands")
            .with("run", &self.run.number)
            .with("status", self.run.status.message().text(language))
    }

    fn print(&self, context: &Context) -> Outcome<()> {
        let language = context.output.language;
        context.output.pairs(&[
            (Message::new("payout_cli.run"), self.run.number.clone()),
            (Message::new("payout_cli.title"), self.run.title.clone()),
            (Message::new("payout_cli.status"), self.run.status.message().text(language)),
            (Message::new("payout_cli.sources"), self.run.sources.len().to_string()),
            (Message::new("payout_cli.lines"), self.content.line_count.to_string()),
            (Message::new("payout_cli.paid"), self.content.paid.to_string()),
            (Message::new("payout_cli.set_aside"), self.content.set_aside.to_string()),
            (Message::new("payout_cli.content_digest"), hex(&self.content.digest)),
        ])?;
        let open = || Message::new("payout_cli.open").text(language);
        let rows: Vec<Vec<String>> = self
            .steps
            .iter()
            .map(|step| {
                vec![
                    step.step_no.to_string(),
                    step.title.clone(),
                    step.role.message().text(language),
                    step.approved.as_ref().map_or_else(open, |(name, _)| name.clone()),
                ]
            })
            .collect();
        context.output.table(
            &[
                Column::number(Message::new("payout_cli.step")),
                Column::text(Message::new("payout_cli.step_title")),
                Column::text(Message::new("payout_cli.role")),
                Column::text(Message::new("payout_cli.approved_by")),
            ],
            &rows,
        )?;
        if !self.files.is_empty() {
            print_files(context, &self.files)?;
        }
        Ok(())
    }
}

/// A file as in every JSON of a run.
#[must_use]
pub fn file_json(file: &BankFile) -> serde_json::Value {
    json!({"name": file.name, "group": file.group, "lines": file.line_count, "sum_minor": file.sum.minor(),
        "sha256": hex(&file.sha256)})
}

/// The files as a table.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_files(context: &Context, files: &[BankFile]) -> Outcome<()> {
    let rows: Vec<Vec<String>> = files
        .iter()
        .map(|file| vec![file.name.clone(), file.line_count.to_string(), file.sum.to_string(), hex(&file.sha256[..8])])
        .collect();
    context.output.table(
        &[
            Column::text(Message::new("payout_cli.file")),
            Column::number(Message::new("payout_cli.lines")),
            Column::number(Message::new("payout_cli.sum")),
            Column::text(Message::new("payout_cli.digest_short")),
        ],
        &rows,
    )?;
    Ok(())
}

fn committed_answer(run: &str, committed: &Committed) -> Answer {
    Answer::new(
        &committed_sentence(run, committed),
        json!({
            "run": run, "lines": committed.lines, "paid_minor": committed.paid.minor(),
            "set_aside_minor": committed.set_aside.minor(), "treasury_minor": committed.treasury.minor(),
            "blocked": committed.blocked, "voucher": committed.voucher_key(), "currency": "CNY",
        }),
    )
}

fn committed_sentence(run: &str, committed: &Committed) -> Message {
    Message::new("payout_cli.committed")
        .with("run", run)
        .with("lines", committed.lines)
        .with("paid", committed.paid)
        .with("set_aside", committed.set_aside)
        .with("treasury", committed.treasury)
        .with_said("voucher", |language| voucher_name(committed.voucher.as_ref(), language))
}

fn print_committed(context: &Context, run: &str, committed: &Committed) -> Outcome<()> {
    context.output.sentence(&committed_sentence(run, committed))?;
    if committed.blocked > 0 {
        context.output.sentence(&Message::new("payout_cli.blocked_at_commit").with("count", committed.blocked))?;
    }
    Ok(())
}

fn released_answer(run: &str, released: &Released) -> Answer {
    Answer::new(
        &released_sentence(run, released),
        json!({
            "run": run, "lines": released.lines, "sum_minor": released.sum.minor(), "currency": "CNY",
            "blocked": released.blocked.0, "blocked_minor": released.blocked.1.minor(),
            "files": released.files.iter().map(file_json).collect::<Vec<_>>(), "head": released.head.to_string(),
        }),
    )
}

fn released_sentence(run: &str, released: &Released) -> Message {
    Message::new("payout_cli.released")
        .with("run", run)
        .with("files", released.files.len())
        .with("lines", released.lines)
        .with("sum", released.sum)
}

fn print_released(context: &Context, run: &str, released: &Released) -> Outcome<()> {
    print_files(context, &released.files)?;
    context.output.sentence(&released_sentence(run, released))?;
    if released.blocked.0 > 0 {
        let message = Message::new("payout_cli.blocked_at_release");
        context.output.sentence(&message.with("count", released.blocked.0).with("sum", released.blocked.1))?;
    }
    Ok(())
}

fn print_delivered(context: &Context, folder: &Path, delivered: &[(BankFile, Delivered)]) -> Outcome<()> {
    context.output.object(&json!({"folder": folder.display().to_string(),
        "files": delivered.iter().map(|(file, written)| {
            let mut file = file_json(file);
            file["written"] = json!(*written == Delivered::Written);
            file
        }).collect::<Vec<_>>()}))?;
    let files: Vec<BankFile> = delivered.iter().map(|(file, _)| file.clone()).collect();
    print_files(context, &files)?;
    let message = Message::new("payout_cli.delivered").with("files", files.len()).with("folder", folder.display());
    context.output.sentence(&message)?;
    Ok(())
}
