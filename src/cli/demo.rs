//! `demo`: a whole payout, from a list on disk to bank files on disk, by the same functions as the commands.

mod bank;
mod story;

use std::path::PathBuf;
use std::time::Instant;

use ankuan_ledger::{Amount, Store};
use clap::Args;
use jiff::ToSpan;
use serde_json::json;

use super::claims::ImportArgs;
use super::distribute::{MakeArgs, RuleArg};
use super::output::{Column, peak_rss_bytes};
use super::payout::{self, DraftArgs};
use super::{Context, claims, distribute, ledger, reconcile, report as cli_report, verify};
use crate::access::{self, Acting, Role};
use crate::cases::{self, PartyRole};
use crate::chart::{self, NewCourt};
use crate::claims::sample::write_sample_list;
use crate::clock::{Clock, Randomness};
use crate::documents::keys::Keys;
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::payouts::{runs, screens};
use crate::receipts::{self, NewReceipt};

/// The case of the demo.
const CASE: &str = "（2026）浙01执1号";

/// Share of the claims that the pot covers, as in Hangzhou in 2021: 1.7 of 5.7 billion yuan.
const POT: (i128, i128) = (17, 57);

/// What `demo` takes.
#[derive(Clone, Debug, Args)]
pub struct DemoArgs {
    /// 债权人数 · Number of claimants
    #[arg(long, default_value_t = 170_000)]
    pub claimants: u64,
    /// 工作文件夹 · Folder for list, database, keys and bank files
    #[arg(long, default_value = "demo-out", value_name = "DIR")]
    pub dir: PathBuf,
    /// 账号有误的比例（万分比） · Rows with an unusable account, out of 10,000
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub bad_accounts: u32,
    /// 随机种子 · Seed of the list
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// 银行文件格式 · Bank profile: a shipped name or a file
    #[arg(long, default_value = "generic-csv", value_name = "NAME|FILE")]
    pub profile: String,
    /// 只做到银行文件，不模拟银行 · Stop at the bank files, without the practice bank
    #[arg(long)]
    pub without_bank: bool,
    /// 讲一名被执行人的案件：debtor，从查控到结案 · Tell one debtor's case instead, from the order to paid in full
    #[arg(long, value_enum, value_name = "STORY")]
    pub story: Option<StoryArg>,
    /// 不核验 · Leave the verification out (for timing)
    #[arg(long, hide = true)]
    pub without_verify: bool,
}

/// The stories that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum StoryArg {
    /// 一名被执行人：工资活冻结、退保、公积金、拍卖、三位债权人 · A salary, a policy, a housing fund, a flat, three creditors
    Debtor,
}

/// Seconds of each step, to the millisecond.
#[derive(Debug, Default)]
struct Seconds(Vec<(&'static str, u128)>);

impl Seconds {
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        let begun = Instant::now();
        let result = work()?;
        let millis = begun.elapsed().as_millis();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, total)) => *total += millis,
            None => self.0.push((name, millis)),
        }
        Ok(result)
    }

    fn json(&self, total_millis: u128) -> serde_json::Value {
        let seconds = |millis: u128| clock_text(millis).parse::<serde_json::Number>().map_or(json!(null), Into::into);
        let mut all: serde_json::Map<String, serde_json::Value> =
            self.0.iter().map(|(name, millis)| ((*name).to_owned(), seconds(*millis))).collect();
        all.insert("total".to_owned(), seconds(total_millis));
        all.into()
    }
}

/// Runs the demo. In a database that has courts already it opens another one.
///
/// # Errors
/// `demo.no_claimants`; whatever the commands refuse.
pub fn run(context: &Context, args: &DemoArgs) -> Outcome<super::output::Exit> {
    if args.claimants == 0 {
        return Err(Message::new("demo.no_claimants").into());
    }
    // The payout was made some days ago: the bank has had time to answer.
    let now = context.clock().now();
    let then = now.checked_sub((24 * bank::DAYS_AGO).hours()).unwrap_or(now);
    let mut context = Context { clock: Clock::fixed(then), ..context.clone() };
    std::fs::create_dir_all(&args.dir).map_err(|error| Failure::of_file(&args.dir, &error))?;
    if context.globals.database == super::DEFAULT_DATABASE {
        context.globals.database = format!("sqlite:{}", args.dir.join("ankuan.db").display());
    }
    let mut store = context.open()?;
    context.migrate(&mut store)?;
    context.globals.court = next_court(&mut store)?;
    if let Some(StoryArg::Debtor) = args.story {
        // The story's dates are its own, and so is its key, unless one is given.
        drop(store);
        let folder = std::path::absolute(args.dir.join(format!("debtor-{}", context.globals.court)))?;
        if let Some(path) = context.globals.database.strip_prefix("sqlite:") {
            context.globals.database = format!("sqlite:{}", std::path::absolute(path)?.display());
        }
        let keys = context.globals.keys.take().unwrap_or_else(|| folder.join("ankuan.key"));
        context.globals.keys = Some(std::path::absolute(keys)?);
        story::tell(&context, &folder)?;
        return Ok(super::output::Exit::Done);
    }
    let folder = args.dir.join(format!("court-{}", context.globals.court));
    std::fs::create_dir_all(&folder)?;
    let key_path = args.dir.join("ankuan.key");
    let keys =
        if key_path.exists() { Keys::read(&key_path)? } else { Keys::create(&key_path, &mut Randomness::system())? };

    let list = folder.join("claimants.csv");
    let sample = write_sample_list(std::fs::File::create(&list)?, args.claimants, args.bad_accounts, args.seed)?;
    let pot = i128::from(sample.sum.minor()) * POT.0 / POT.1;
    let pot = Amount::from_minor(i64::try_from(pot).unwrap_or(i64::MAX));
    open_court(&context, &mut store, pot)?;

    let as_person = |name: &str| {
        let mut context = context.clone();
        context.globals.acting_as = Some(name.to_owned());
        context
    };
    let (handler, checker, approver) = (as_person("经办人"), as_person("复核人"), as_person("审批人"));
    let mut seconds = Seconds::default();
    let begun = Instant::now();

    let imported = seconds.step("import", || {
        claims::import(
            &handler,
            &mut store,
            &keys,
            &ImportArgs {
                file: list.clone(),
                case: CASE.to_owned(),
                expect_rows: Some(args.claimants),
                expect_sum: Some(sample.sum),
                problems: Some(folder.join("problems.csv")),
                keep_broken: false,
            },
        )
    })?;
    let (distribution, proof) = seconds.step("distribute", || {
        let args = MakeArgs { case: CASE.to_owned(), pot: None, rule: RuleArg::ProRata, smallest_payment: None };
        handler.commit(&mut store, |tx, acting| distribute::make(&handler, tx, acting, &args))
    })?;
    let run = seconds.step("approve", || {
        let args = DraftArgs {
            title: "涉众案件案款发放".to_owned(),
            distributions: vec![distribution.distribution_id],
            sheets: Vec::new(),
            bank_account: None,
            profile: args.profile.clone(),
        };
        let run = handler.commit(&mut store, |tx, acting| payout::draft(&handler, tx, acting, &args))?;
        let content = handler.commit(&mut store, |tx, acting| runs::submit(tx, acting, &run.number))?;
        clear_screens(&checker, &mut store, &run.number)?;
        for person in [&checker, &approver] {
            person
                .commit(&mut store, |tx, acting| runs::approve(tx, acting, &run.number, Some(content.digest), None))?;
        }
        Ok(run)
    })?;
    let committed = seconds.step("commit", || {
        checker.commit(&mut store, |tx, acting| payout::commit(&checker, tx, acting, &run.number))
    })?;
    let delivered = seconds.step("files", || {
        checker.commit(&mut store, |tx, acting| payout::release(&checker, tx, acting, &keys, &run.number))?;
        payout::deliver(&checker, &mut store, &keys, &run.number, &folder.join("files"))
    })?;
    // The practice bank reads three layouts; a court's own is another's business.
    let part = if args.without_bank || !matches!(args.profile.as_str(), "generic-csv" | "generic-txt" | "pain001") {
        None
    } else {
        Some(bank::practise(&context, &mut store, &keys, (&folder, proof.pot), &mut seconds)?)
    };
    let report = if args.without_verify {
        None
    } else {
        Some(seconds.step("verify", || verify::check(&checker, &mut store, Some(&keys), &[]))?)
    };
    let total = begun.elapsed().as_millis();
    let files: Vec<_> = delivered.iter().map(|(file, _)| file.clone()).collect();
    let peak = peak_rss_bytes();

    context.output.object(&json!({
        "claimants": imported.list.rows,
        "rows_refused": imported.list.broken,
        "unsound_payments": imported.list.unsound,
        "database": store.engine().to_string(),
        "court": context.globals.court,
        "run": run.number,
        "currency": "CNY",
        "pot_minor": proof.pot.minor(),
        "paid_minor": committed.paid.minor(),
        "set_aside_minor": committed.set_aside.minor(),
        "carried_minor": proof.carried.minor(),
        "voucher": committed.voucher_key(),
        "seconds": seconds.json(total),
        "peak_rss_bytes": peak,
        "files": files.iter().map(payout::file_json).collect::<Vec<_>>(),
        "bank": part.as_ref().map(|part| json!({
            "matched": part.matched, "debited": part.debited.count, "debited_minor": part.debited.amount,
            "came_back": part.came_back.count, "came_back_minor": part.came_back.amount,
            "reissue_run": part.reissued.0, "reissued": part.reissued.1, "reissued_minor": part.reissued.2,
            "left": part.left.len(), "score": reconcile::score_json(&part.score),
            "statement": cli_report::as_json(&part.statement),
        })),
        "verify": report.as_ref().map(|report| json!({
            "ok": report.ok(),
            "checks": verify::checks(report),
            "facts": report.facts,
            "postings": report.postings,
            "heads": report.heads.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })),
    }))?;
    let language = context.output.language;
    context.output.pairs(&[
        (Message::new("demo.database"), format!("{} ({})", context.shown_database(), store.engine())),
        (Message::new("demo.list"), list.display().to_string()),
        (Message::new("demo.claimants"), imported.list.rows.to_string()),
        (Message::new("demo.claims"), sample.sum.to_string()),
        (Message::new("demo.pot"), proof.pot.to_string()),
        (Message::new("demo.paid"), format!("{} ({})", committed.paid, committed.lines)),
        (Message::new("demo.set_aside"), format!("{} ({})", committed.set_aside, proof.set_aside_shares)),
        (Message::new("demo.carried"), proof.carried.to_string()),
        (Message::new("demo.voucher"), ledger::voucher_name(committed.voucher.as_ref(), language)),
        (Message::new("demo.files"), format!("{} · {}", files.len(), folder.join("files").display())),
    ])?;
    payout::print_files(&context, &files[..files.len().min(5)])?;
    if files.len() > 5 {
        context.output.sentence(&Message::new("demo.more_files").with("count", files.len() - 5))?;
    }
    if let Some(part) = &part {
        context.output.sentence(
            &Message::new("demo.bank")
                .with("matched", part.matched)
                .with("debited", part.debited.count)
                .with("debited_sum", part.debited.amount)
                .with("back", part.came_back.count)
                .with("back_sum", part.came_back.amount)
                .with("left", part.left.len()),
        )?;
        context.output.sentence(
            &Message::new("demo.reissued")
                .with("run", &part.reissued.0)
                .with("count", part.reissued.1)
                .with("sum", part.reissued.2),
        )?;
        reconcile::print_score(&context, &part.score)?;
        cli_report::print(&context, &part.statement)?;
    }
    let mut rows: Vec<Vec<String>> = seconds
        .0
        .iter()
        .map(|(name, millis)| vec![Message::new(step_name(name)).text(language), clock_text(*millis)])
        .collect();
    rows.push(vec![Message::new("demo.step_total").text(language), clock_text(total)]);
    context
        .output
        .table(&[Column::text(Message::new("demo.step")), Column::number(Message::new("demo.seconds"))], &rows)?;
    if let Some(peak) = peak {
        context.output.sentence(&Message::new("demo.peak").with("megabytes", peak / 1_000_000))?;
    }
    let Some(report) = report else { return Ok(super::output::Exit::Done) };
    verify::print_table(&context, &report)?;
    // The sentence says what was computed: the verification's answer and the three sums.
    let paid = Amount::sum([committed.paid, committed.set_aside, proof.carried]);
    let bank_ties = part.as_ref().is_none_or(|part| {
        let score = &part.score;
        let is_right = score.false_matches + score.missed + score.wrong_payments + score.open_payments == 0;
        part.statement.ties() && part.statement.unexplained() == 0 && is_right
    });
    if report.ok() && paid == Some(proof.pot) && bank_ties {
        context.output.sentence(
            &Message::new("demo.ties")
                .with("paid", committed.paid)
                .with("set_aside", committed.set_aside)
                .with("carried", proof.carried)
                .with("pot", proof.pot),
        )?;
        Ok(super::output::Exit::Done)
    } else {
        context.output.sentence(&Message::new("demo.does_not_tie"))?;
        Ok(super::output::Exit::Refused)
    }
}

/// Looks at what the screens find and says why it may go on: names and accounts are invented, so some meet.
fn clear_screens(person: &Context, store: &mut Store, run: &str) -> Outcome<()> {
    person.commit(store, |tx, acting| {
        let stored = runs::find_run(tx, acting.actor.court_id, run)?;
        let found = screens::screen(tx, acting.actor.court_id, &stored, acting.at)?;
        let mut codes: Vec<&str> = found.iter().map(|finding| finding.message.code).collect();
        codes.sort_unstable();
        codes.dedup();
        for code in codes {
            screens::clear(tx, acting, run, code, "演示数据，已核对名单")?;
        }
        Ok(())
    })
}

fn clock_text(millis: u128) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

const fn step_name(name: &str) -> &'static str {
    match name.as_bytes() {
        b"import" => "demo.step_import",
        b"distribute" => "demo.step_distribute",
        b"approve" => "demo.step_approve",
        b"commit" => "demo.step_commit",
        b"files" => "demo.step_files",
        b"bank" => "demo.step_bank",
        b"replies" => "demo.step_replies",
        b"statements" => "demo.step_statements",
        b"match" => "demo.step_match",
        b"score" => "demo.step_score",
        b"reissue" => "demo.step_reissue",
        b"signoff" => "demo.step_signoff",
        _ => "demo.step_verify",
    }
}

fn next_court(store: &mut Store) -> Outcome<i64> {
    let mut tx = store.snapshot()?;
    Ok(tx.query_one("SELECT COALESCE(MAX(court_id), 0) + 1 FROM book_head", &[], |row| row.int(0))?)
}

/// A court with its people, a bank account, the case and the money in it.
fn open_court(context: &Context, store: &mut Store, pot: Amount) -> Outcome<()> {
    let (date, court_id) = (context.date(), context.globals.court);
    let mut transaction = store.begin()?;
    let tx = &mut transaction;
    let new = NewCourt {
        court_id,
        name: "示范市中级人民法院",
        admin_name: "管理员",
        chart_file: chart::DEFAULT_FILE,
        chart_text: chart::DEFAULT,
    };
    let admin = chart::open_court(tx, &new, date, context.clock().now())?;
    let mut people = Vec::new();
    for (name, roles) in [
        ("经办人", &[Role::Handler][..]),
        ("复核人", &[Role::Finance]),
        ("审批人", &[Role::BureauHead, Role::VicePresident]),
        ("案款管理员", &[Role::FundKeeper]),
    ] {
        let person = access::add_person(tx, &admin, name)?;
        for role in roles {
            access::grant(tx, &admin, &person, *role, date, "demo")?;
        }
        people.push(Acting { actor: person, ..admin.clone() });
    }
    let [handler, finance, ..] = people.as_slice() else { return Ok(()) };
    let chart = chart::load(tx, court_id)?;
    let account = chart::add_bank_account(
        tx,
        finance,
        &chart,
        bank::ACCOUNT,
        "示范市中级人民法院",
        "示范银行示范支行",
        "102100099996",
    )?;
    let case = cases::open_case(tx, handler, &chart, CASE, "示范涉众案", date)?;
    cases::add_party(tx, handler, &case, PartyRole::Payer, "示范投资有限公司")?;
    receipts::record_receipt(
        tx,
        finance,
        &chart,
        &NewReceipt {
            bank_account: &account,
            bank_reference: "DEMO-0001",
            value_date: date,
            arrived_on: date,
            amount: pot,
            payer_name: "示范投资有限公司",
            case_id: Some(case.case_id),
            sub_account: None,
            remark: CASE,
        },
    )?;
    transaction.commit()?;
    Ok(())
}
