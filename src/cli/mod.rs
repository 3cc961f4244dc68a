//! The command line: one file per command, which parses, calls and prints.

pub mod asset;
pub mod asset_facts;
pub mod backup;
pub mod bank_account;
pub mod bank_sim;
pub mod bounty;
pub mod calc;
pub mod case;
pub mod cash;
pub mod catalogue;
pub mod claim;
pub mod claimants;
pub mod claims;
pub mod closing_certificate;
pub mod config;
pub mod court_transfer;
pub mod deadlines;
pub mod deduction;
pub mod demo;
pub mod distribute;
pub mod init;
pub mod institution_sim;
pub mod instructions;
pub mod keys;
pub mod ledger;
pub mod measure;
pub mod movement;
pub mod obligation;
pub mod opening;
pub mod output;
pub mod paper;
pub mod payee;
pub mod payout;
pub mod person;
pub mod plan;
pub mod reads;
pub mod receipt;
pub mod reconcile;
pub mod relief;
pub mod reply;
pub mod report;
pub mod salary;
pub mod serve;
pub mod settlement;
pub mod sheet;
pub mod sign_in;
pub mod statement;
pub mod upper_court;
pub mod verify;
pub mod webhook;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ankuan_ledger::engine::{Error, Lease, Pool, WAIT};
use ankuan_ledger::{Amount, BookKey, Store, Tx};
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Arg, ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use jiff::civil::Date;

use crate::access::signing::Signer;
use crate::access::{self, Acting, Actor, credentials};
use crate::amount;
use crate::chart::{self, Chart};
use crate::clock::{Clock, Randomness};
use crate::documents::keys::Keys;
use crate::documents::rotation;
use crate::request::{self, Answer, Request};
use crate::request_files::{self, MadeFile};
use crate::schema::{self, MIGRATIONS};
use crate::webhooks::sender::Sender;
use crate::webhooks::targets::{Target, Targets};
use crate::{Failure, Language, Message, Outcome, books};
use output::{Exit, Output};
use sign_in::Proved;

/// Where the help lists what every command takes, after what is the command's own.
const GLOBAL: &str = "通用 · Every command";

/// The database where none is named.
pub const DEFAULT_DATABASE: &str = "sqlite:ankuan.db";

/// 法院案款总账 · The ledger of a court's case money.
#[derive(Debug, Parser)]
#[command(name = "ankuan", version, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Globals {
    /// 数据库地址 · sqlite:PATH or postgres://USER@HOST/NAME
    #[arg(long, global = true, help_heading = GLOBAL, env = "DATABASE_URL", hide_env_values = true,
          default_value = DEFAULT_DATABASE)]
    pub database: String,
    /// 密钥文件 · Key file; default: beside the SQLite file, else ankuan.key
    #[arg(long, global = true, help_heading = GLOBAL, env = "ANKUAN_KEYS", value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// 配置文件（TOML），参数和环境变量优先 · Configuration (TOML); options and the environment count before it
    #[arg(long, global = true, help_heading = GLOBAL, env = "ANKUAN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// 允许推送的主机或地址段，可多个；不填则只推送到公网 https 地址 · Host or range of addresses that webhooks may reach besides public ones over https; may be given again
    #[arg(long = "webhook-target", global = true, help_heading = GLOBAL, env = "ANKUAN_WEBHOOK_TARGETS", value_name = "HOST|RANGE",
          value_delimiter = ',', hide_short_help = true)]
    pub webhook_targets: Vec<Target>,
    /// 推送接收方证书的签发机构（PEM） · Certificate authority of webhooks' receivers (PEM); default: those known to browsers
    #[arg(long, global = true, help_heading = GLOBAL, env = "ANKUAN_WEBHOOK_AUTHORITY_FILE", value_name = "FILE",
          hide_short_help = true)]
    pub webhook_authority_file: Option<PathBuf>,
    /// 法院编号 · The court's number
    #[arg(long, global = true, help_heading = GLOBAL, default_value_t = 1, value_name = "NUMBER")]
    pub court: i64,
    /// 经办人姓名 · Who acts, by name; needed wherever something is recorded
    #[arg(long = "as", global = true, help_heading = GLOBAL, env = "ANKUAN_AS", value_name = "NAME")]
    pub acting_as: Option<String>,
    /// 密码文件 · File whose first line is the password of who acts; else ANKUAN_PASSWORD, else it is asked for
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// 输出 JSON · Print one JSON object
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// 语言 · Language of what is printed
    #[arg(long, global = true, help_heading = GLOBAL, value_enum, default_value_t)]
    pub lang: Language,
    /// 记账日期，不得晚于今天 · Accounting date, YYYY-MM-DD, not after today; default: today in China
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "DATE", value_parser = day)]
    pub date: Option<Date>,
    /// 等待其他进程的秒数 · Seconds to wait while another process writes
    #[arg(long, global = true, help_heading = GLOBAL, env = "ANKUAN_WAIT", default_value_t = WAIT.as_secs(),
          value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub wait: u64,
    /// 请求编号 · Key of the request: the same again changes nothing and is answered the same
    #[arg(long, global = true, help_heading = GLOBAL, value_name = "KEY")]
    pub request: Option<String>,
}

impl Globals {
    /// Where webhooks may be sent to.
    #[must_use]
    pub fn webhook_targets(&self) -> Targets {
        Targets(self.webhook_targets.clone())
    }

    /// What sends to webhooks.
    ///
    /// # Errors
    /// Those of [`Sender::new`].
    pub fn webhook_sender(&self) -> Outcome<Sender> {
        Sender::new(&self.webhook_targets(), self.webhook_authority_file.as_deref())
    }
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// 初始化 · Create the schema and open a court
    Init(init::InitArgs),
    /// 人员与岗位 · People and their roles
    #[command(subcommand)]
    Person(person::PersonCommand),
    /// 接口密钥 · Keys with which programs act for a person
    #[command(subcommand)]
    ApiKey(sign_in::ApiKeyCommand),
    /// 上级法院：登记、查阅记录 · Courts above, and what they looked at
    #[command(subcommand)]
    UpperCourt(upper_court::UpperCourtCommand),
    /// 事件推送：登记、暂停、重发、查看 · Webhooks: other programs are told what was recorded
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// 法院银行账户 · The court's bank accounts
    #[command(subcommand)]
    BankAccount(bank_account::BankAccountCommand),
    /// 案件 · Cases
    #[command(subcommand)]
    Case(case::CaseCommand),
    /// 到账 · Money in
    #[command(subcommand)]
    Receipt(receipt::ReceiptCommand),
    /// 现金：两人收取、编号收据、存行 · Cash taken by two officers, with numbered receipts
    #[command(subcommand)]
    Cash(cash::CashCommand),
    /// 债权清单 · Claimant lists
    #[command(subcommand)]
    Claims(claims::ClaimsCommand),
    /// 单笔债权的变更 · What changes about a claim
    #[command(subcommand)]
    Claim(claim::ClaimCommand),
    /// 领款人查询：查询码、短信、告知书、账户更正 · What claimants are told outside, and the accounts they give
    #[command(subcommand)]
    Claimants(claimants::ClaimantsCommand),
    /// 收款人 · Payees of ordinary payouts
    #[command(subcommand)]
    Payee(payee::PayeeCommand),
    /// 执行款发放审批表 · Payout sheets
    #[command(subcommand)]
    Sheet(sheet::SheetCommand),
    /// 分配方案 · Distributions
    #[command(subcommand)]
    Distribute(distribute::DistributeCommand),
    /// 发放批次 · Payout runs
    #[command(subcommand)]
    Payout(payout::PayoutCommand),
    /// 银行对账单与回盘 · What banks send: statements and answers
    #[command(subcommand)]
    Statement(statement::StatementCommand),
    /// 回盘 · The bank's answers to payment files
    #[command(subcommand)]
    Reply(reply::ReplyCommand),
    /// 对账：匹配、待处理、签批 · Matching, what is left to a person, sign-off
    #[command(subcommand)]
    Reconcile(reconcile::ReconcileCommand),
    /// 报表 · What is printed, signed and filed
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// 期初 · What a bank account is made of when the court begins here
    #[command(subcommand)]
    Opening(opening::OpeningCommand),
    /// 财产：登记、冻结情况、日终 · Assets and what is frozen of them
    #[command(subcommand)]
    Asset(asset::AssetCommand),
    /// 冻结 · Order a freeze
    Freeze(measure::FreezeArgs),
    /// 续行冻结 · Order the renewal of a freeze
    Renew(measure::RenewArgs),
    /// 扣划（提取） · Order that frozen money be deducted; a second person confirms
    Deduct(measure::DeductArgs),
    /// 解除冻结 · Order that a freeze be let go
    Lift(measure::LiftArgs),
    /// 发给机构的指令及答复 · What institutions are told, and what they answer
    #[command(subcommand)]
    Instructions(instructions::InstructionsCommand),
    /// 期限：待办、红黄绿、五超、暂停 · Deadlines: worklist, three colours, five overdue alarms, pauses
    Deadlines(deadlines::DeadlinesArgs),
    /// 款项划转：担保金、拍卖价款、尾款监管、罚款、执行费 · Money that is not plain case money, moved by a ruling
    #[command(subcommand)]
    Movement(movement::MovementCommand),
    /// 救助资金与执行救助保险 · Relief funds and relief insurance, in a book of their own
    #[command(subcommand)]
    Relief(relief::ReliefCommand),
    /// 法院之间的案款往来 · Money between courts, paired out and in
    #[command(subcommand)]
    CourtTransfer(court_transfer::CourtTransferCommand),
    /// 悬赏 · Bounties: announced, clues, awards, drawn with a code
    #[command(subcommand)]
    Bounty(bounty::BountyCommand),
    /// 工资账户活冻结 · Salary accounts under a live freeze: banks' reports, what is free and held, sweeps
    #[command(subcommand)]
    Salary(salary::SalaryCommand),
    /// 计算：迟延利息、执行费、清偿顺序、抵充、期限 · Calculators; they need no database
    #[command(subcommand)]
    Calc(calc::CalcCommand),
    /// 总账 · The ledger
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// 单据：审批表、收据、缴库单等，打印并登记 · Forms that people sign, printed and counted
    #[command(subcommand)]
    Paper(paper::PaperCommand),
    /// 核验全部账簿 · Check everything on record
    Verify(verify::VerifyArgs),
    /// 网页与接口服务 · Serve pages and the API
    Serve(serve::ServeArgs),
    /// 查阅记录：谁看过个人信息、什么被拒绝 · The read log: who opened personal data, what was refused
    #[command(subcommand)]
    Reads(reads::ReadsCommand),
    /// 密钥 · Keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// 备份：整个数据库成一个文件，服务不停 · Back up: the whole database in one file, while it is served
    Backup(backup::BackupArgs),
    /// 恢复：把备份装入空数据库并核验 · Restore a backup into an empty database and verify it
    Restore(backup::RestoreArgs),
    /// 演示：17 万人发放 · A whole payout, from a list on disk to bank files on disk
    Demo(demo::DemoArgs),
    /// 模拟银行：练习对账 · A bank to practise with: answers payment files with replies and statements
    BankSim(bank_sim::BankSimArgs),
    /// 模拟协助机构：练习财产查控 · Banks, insurers and fund centres to practise with
    InstitutionSim(institution_sim::InstitutionSimArgs),
    /// 查询财产（不需冻结） · Ask what an institution has; no freeze needed
    Query(measure::QueryArgs),
    /// 强制退保 · Order that a frozen policy be ended and its cash value paid; a second person confirms
    Surrender(measure::SurrenderArgs),
    /// 扣划款：在途、到账、差额说明 · Deducted money: on its way, here, and why it differs
    #[command(subcommand)]
    Deduction(deduction::DeductionCommand),
    /// 执行债权与履行 · What is owed in a case, and how it was performed
    #[command(subcommand)]
    Obligation(obligation::ObligationCommand),
    /// 分配方案与异议 · Plans by which a receipt is distributed, and objections
    #[command(subcommand)]
    Plan(plan::PlanCommand),
    /// 执行和解：分期、逾期、恢复执行 · Settlements: instalments, default, resumption
    #[command(subcommand)]
    Settlement(settlement::SettlementCommand),
}

/// Runs a command line, program name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, clock: Clock) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let file = match config::named(&arguments).as_deref().map(config::read).transpose() {
        Ok(file) => file.unwrap_or_default(),
        Err(failure) => {
            let message = match failure {
                Failure::Refused(message) => message,
                Failure::Broken(error) => Message::new("command.broken").with("detail", error),
            };
            let json = arguments.iter().any(|argument| argument == "--json");
            return Output::printing(Language::default(), json).failure(Exit::Usage, &message, None);
        }
    };
    let (matches, cli) = match read_arguments(&file, &arguments) {
        Ok(parsed) => parsed,
        Err(error) => return refuse_usage(&arguments, &error),
    };
    let context = Context { second: sign_in::second_named(&matches), ..Context::new(cli.globals, clock) };
    context.exit_as(run_command(&context, &cli.command))
}

/// Reads a command line, with what the file says where it says nothing.
fn read_arguments(file: &config::File, arguments: &[OsString]) -> Result<(ArgMatches, Cli), clap::Error> {
    let matches = file.applied_to(listed_once(Cli::command())).try_get_matches_from(arguments)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let Command::Serve(args) = &mut cli.command {
        args.settings = file.settings(&matches);
    }
    Ok((matches, cli))
}

/// Runs a command that was read, wherever it came from.
///
/// # Errors
/// Those of the command.
pub fn run_command(context: &Context, command: &Command) -> Outcome<Exit> {
    let done = match command {
        Command::Init(args) => init::run(context, args),
        Command::Person(command) => person::run(context, command),
        Command::ApiKey(command) => sign_in::run_api_key(context, command),
        Command::UpperCourt(command) => upper_court::run(context, command),
        Command::Webhook(command) => webhook::run(context, command),
        Command::BankAccount(command) => bank_account::run(context, command),
        Command::Case(command) => case::run(context, command),
        Command::Receipt(command) => receipt::run(context, command),
        Command::Cash(command) => cash::run(context, command),
        Command::Claims(command) => claims::run(context, command),
        Command::Claim(command) => claim::run(context, command),
        Command::Claimants(command) => claimants::run(context, command),
        Command::Payee(command) => payee::run(context, command),
        Command::Sheet(command) => sheet::run(context, command),
        Command::Distribute(command) => distribute::run(context, command),
        Command::Payout(command) => payout::run(context, command),
        Command::Statement(command) => statement::run(context, command),
        Command::Reply(command) => reply::run(context, command),
        Command::Reconcile(command) => reconcile::run(context, command),
        Command::Report(command) => report::run(context, command),
        Command::Opening(command) => opening::run(context, command),
        Command::Asset(command) => asset::run(context, command),
        Command::Freeze(args) => measure::freeze(context, args),
        Command::Renew(args) => measure::renew(context, args),
        Command::Deduct(args) => measure::deduct(context, args),
        Command::Lift(args) => measure::lift(context, args),
        Command::Instructions(command) => instructions::run(context, command),
        Command::Salary(command) => salary::run(context, command),
        Command::InstitutionSim(args) => institution_sim::run(context, args),
        Command::Deadlines(args) => deadlines::run(context, args),
        Command::Movement(command) => movement::run(context, command),
        Command::Relief(command) => relief::run(context, command),
        Command::CourtTransfer(command) => court_transfer::run(context, command),
        Command::Bounty(command) => bounty::run(context, command),
        Command::Query(args) => measure::query(context, args),
        Command::Surrender(args) => measure::surrender(context, args),
        Command::Deduction(command) => deduction::run(context, command),
        Command::Calc(command) => calc::run(context, command),
        Command::Ledger(command) => ledger::run(context, command),
        Command::Paper(command) => paper::run(context, command),
        Command::BankSim(args) => bank_sim::run(context, args),
        Command::Obligation(command) => obligation::run(context, command),
        Command::Plan(command) => plan::run(context, command),
        Command::Settlement(command) => settlement::run(context, command),
        Command::Verify(args) => return verify::run(context, args),
        Command::Serve(args) => serve::run(context, args),
        Command::Reads(command) => reads::run(context, command),
        Command::Keys(command) => keys::run(context, command),
        Command::Backup(args) => backup::run(context, args),
        Command::Restore(args) => return backup::restore(context, args),
        Command::Demo(args) => return demo::run(context, args),
    };
    done.map(|()| Exit::Done)
}

fn refuse_usage(arguments: &[OsString], error: &clap::Error) -> Exit {
    // Help and version are no errors, and clap colours what a person reads.
    let json = arguments.iter().any(|argument| argument == "--json");
    if !error.use_stderr() || !json {
        let _unprintable = error.print();
        return if error.use_stderr() { Exit::Usage } else { Exit::Done };
    }
    let message = Message::new("command.usage").with("detail", error.to_string().trim());
    Output::printing(Language::default(), json).failure(Exit::Usage, &message, None)
}

/// What every command needs: the options, the clock, where to print.
#[derive(Clone, Debug)]
pub struct Context {
    /// The options.
    pub globals: Globals,
    /// Where to print.
    pub output: Output,
    clock: Clock,
    served: Option<Served>,
    /// The second person whom the command names, who confirms.
    second: Option<String>,
    /// Who has proved to be the one that acts, once for the command.
    proved: OnceLock<Proved>,
    /// Personal details that its keys opened.
    opened: Arc<AtomicU64>,
}

/// What the service knows when it runs a command: who has signed in, and connections that are open already.
#[derive(Clone, Debug)]
pub struct Served {
    /// Connections to the database, whose schema is this program's.
    pub pool: Arc<Pool>,
    /// Who has signed in.
    pub person: Actor,
    /// Their signing key, where they gave their password again for this command.
    pub signer: Option<Arc<Signer>>,
    /// The folder in which the command's files lie; another one each time, so it is no part of what is asked.
    pub folder: Option<PathBuf>,
}

impl Context {
    /// From the options.
    #[must_use]
    pub fn new(globals: Globals, clock: Clock) -> Self {
        let output = Output::printing(globals.lang, globals.json);
        Self { globals, output, clock, served: None, second: None, proved: OnceLock::new(), opened: Arc::default() }
    }

    /// For a command that the service runs for somebody who has signed in.
    #[must_use]
    pub fn of_service(globals: Globals, output: Output, clock: Clock, served: Served) -> Self {
        Self {
            globals,
            output,
            clock,
            served: Some(served),
            second: None,
            proved: OnceLock::new(),
            opened: Arc::default(),
        }
    }

    /// Whether the service runs the command: then a path may only name what was uploaded with it.
    #[must_use]
    pub const fn is_served(&self) -> bool {
        self.served.is_some()
    }

    /// A file as people know it: for the service its name, since nobody knows the folder in which it lies meanwhile.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        match path.file_name() {
            Some(name) if self.is_served() => name.to_string_lossy().into_owned(),
            _ => path.display().to_string(),
        }
    }

    /// The book of case money.
    #[must_use]
    pub const fn book(&self) -> BookKey {
        books::case_money(self.globals.court)
    }

    /// The accounting date: as given, else today in China.
    #[must_use]
    pub fn date(&self) -> Date {
        self.globals.date.unwrap_or_else(|| self.clock.today_in_shanghai())
    }

    /// The clock.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// Opens a database that has a court; brings the schema up when this program is newer.
    ///
    /// # Errors
    /// `command.no_database` (no file, or no schema in it), those of [`schema::missing_steps`], else what the database
    /// says.
    pub fn store(&self) -> Outcome<Lease> {
        if let Some(served) = &self.served {
            return Ok(served.pool.lease()?);
        }
        let mut store = self.open_existing()?;
        self.migrate(&mut store)?;
        Ok(store.into())
    }

    /// Opens a database that has a court, and leaves its schema as it is.
    ///
    /// # Errors
    /// As [`Context::store`].
    pub fn open_existing(&self) -> Outcome<Store> {
        let no_database = || Message::new("command.no_database").with("database", self.shown_database());
        // Opening would make the file.
        if let Some(path) = self.globals.database.strip_prefix("sqlite:")
            && !Path::new(path).exists()
        {
            return Err(no_database().into());
        }
        let mut store = self.open()?;
        if schema::missing_steps(&mut store)?.len() == MIGRATIONS.len() {
            return Err(no_database().into());
        }
        Ok(store)
    }

    /// Opens the database, whatever is in it.
    ///
    /// # Errors
    /// Those of [`Store::open_waiting`].
    pub fn open(&self) -> Outcome<Store> {
        Ok(Store::open_waiting(&self.globals.database, Duration::from_secs(self.globals.wait))?)
    }

    /// Brings an opened database up to this program's schema.
    ///
    /// # Errors
    /// Those of [`schema::missing_steps`].
    pub fn migrate(&self, store: &mut Store) -> Outcome<()> {
        if !schema::missing_steps(store)?.is_empty() {
            store.migrate(MIGRATIONS)?;
        }
        Ok(())
    }

    /// The database's address without a password.
    #[must_use]
    pub fn shown_database(&self) -> String {
        match self.globals.database.split_once("://") {
            Some((scheme, rest)) => {
                let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
                format!("{scheme}://{place}")
            }
            None => self.globals.database.clone(),
        }
    }

    /// Where the key file is.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        match (&self.globals.keys, self.globals.database.strip_prefix("sqlite:")) {
            (Some(path), _) => path.clone(),
            (None, Some(database)) => Path::new(database).with_extension("key"),
            (None, None) => PathBuf::from("ankuan.key"),
        }
    }

    /// Who has signed in, where the service runs the command.
    #[must_use]
    pub fn served_person(&self) -> Option<&Actor> {
        Some(&self.served.as_ref()?.person)
    }

    /// Whether numbers of accounts and documents are shown whole: to whoever has signed in with a role of
    /// [`access::SEES_NUMBERS`]. What a terminal prints is kept in its history and its files, so there nobody sees them.
    ///
    /// # Errors
    /// What the database says.
    pub fn sees_numbers(&self, tx: &mut Tx<'_>) -> Outcome<bool> {
        let Some(person) = self.served_person() else { return Ok(false) };
        let roles = access::load_roles(tx, person.court_id)?;
        let date = self.date();
        Ok(access::SEES_NUMBERS.iter().any(|role| roles.holds(person.person_id, *role, date)))
    }

    /// How many personal details were opened by this command so far.
    #[must_use]
    pub fn details_opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// The keys, which count what they open. They must be the court's: the service looked when it began, a command does here.
    ///
    /// # Errors
    /// `keys.missing`, `keys.unreadable`, `keys.not_of_court`.
    pub fn keys(&self) -> Outcome<Keys> {
        let keys = Keys::read(&self.key_path())?.counting(Arc::clone(&self.opened));
        if self.served.is_none() {
            self.refuse_other_keys(&keys)?;
        }
        Ok(keys)
    }

    fn refuse_other_keys(&self, keys: &Keys) -> Outcome<()> {
        // What is wrong with the database, or missing, the command itself says.
        let Ok(mut store) = self.open_existing() else { return Ok(()) };
        if !schema::missing_steps(&mut store)?.is_empty() {
            return Ok(());
        }
        rotation::refuse_others(&mut store.snapshot()?, self.globals.court, keys)
    }

    /// Who acts.
    ///
    /// # Errors
    /// `command.as_missing`, `command.date_in_future`, `court.unknown`, `access.person_unknown`,
    /// `access.sign_in_refused` (people have enrolled, and [`Context::prove`] was not asked).
    pub fn acting(&self, tx: &mut Tx<'_>) -> Outcome<Acting> {
        if let Some(served) = &self.served {
            return self.acting_as(served.person.clone());
        }
        self.refuse_future_date()?;
        let Some(name) = &self.globals.acting_as else {
            return Err(Message::new("command.as_missing").into());
        };
        self.require_court(tx)?;
        let actor = access::find_actor(tx, self.globals.court, name)?;
        self.must_be_proved(tx, &actor)?;
        self.acting_as(actor)
    }

    fn acting_as(&self, actor: Actor) -> Outcome<Acting> {
        self.refuse_future_date()?;
        Ok(Acting { actor, at: self.clock.now(), date: self.date() })
    }

    /// Who acts, having proved it; for what is not in a transaction yet.
    ///
    /// # Errors
    /// Those of [`Context::prove`] and [`Context::acting`].
    pub fn acting_in(&self, store: &mut Store) -> Outcome<Acting> {
        if let Some(served) = &self.served {
            return self.acting_as(served.person.clone());
        }
        self.prove(store)?;
        self.acting(&mut store.snapshot()?)
    }

    /// Lets whoever acts prove it, and the second person whom the command names, once a command and before it begins a
    /// transaction. Where nobody enrolled, names are taken at their word.
    ///
    /// # Errors
    /// Those of [`sign_in::prove`].
    pub fn prove(&self, store: &mut Store) -> Outcome<()> {
        if self.served.is_none()
            && self.proved.get().is_none()
            && let Some(name) = &self.globals.acting_as
            && let Some(proved) = sign_in::prove(self, store, name, self.second.as_deref())?
        {
            self.proved.get_or_init(|| proved);
        }
        Ok(())
    }

    /// The key of who acts, for what is signed; none where nobody enrolled.
    ///
    /// # Errors
    /// Those of [`Proved::signer`].
    pub fn signer(&self, store: &mut Store) -> Outcome<Option<Arc<Signer>>> {
        if let Some(served) = &self.served {
            return Ok(served.signer.clone());
        }
        self.prove(store)?;
        Ok(self.proved.get().map(Proved::signer).transpose()?.map(Arc::new))
    }

    /// Refuses a name that nobody has proved, where people have enrolled.
    fn must_be_proved(&self, tx: &mut Tx<'_>, actor: &Actor) -> Outcome<()> {
        let is_proved = self.proved.get().is_some_and(|proved| proved.actor() == actor);
        if is_proved || !credentials::in_force(tx, actor.court_id)? {
            return Ok(());
        }
        Err(Message::new("access.sign_in_refused").into())
    }

    /// Refuses an accounting date after today.
    ///
    /// # Errors
    /// `command.date_in_future`.
    pub fn refuse_future_date(&self) -> Result<(), Message> {
        access::refuse_future(self.date(), self.clock.today_in_shanghai())
    }

    fn require_court(&self, tx: &mut Tx<'_>) -> Outcome<()> {
        match chart::court_name(tx, self.globals.court)? {
            Some(_) => Ok(()),
            None => Err(Message::new("court.unknown").with("court", self.globals.court).into()),
        }
    }

    /// Reads one moment of the database.
    ///
    /// # Errors
    /// `command.no_database`, `court.unknown`, and what the reading says.
    pub fn read<T>(&self, read: impl FnOnce(&mut Tx<'_>) -> Outcome<T>) -> Outcome<T> {
        let mut store = self.store()?;
        let mut tx = store.snapshot()?;
        self.require_court(&mut tx)?;
        read(&mut tx)
    }

    /// Records something once in one transaction and prints the answer. `payload` is what was asked, by which a
    /// repeated request is told from another one with the same key.
    ///
    /// # Errors
    /// Those of [`Context::store`], [`Context::acting`] and [`request::once`].
    pub fn record(
        &self,
        operation: &'static str,
        payload: &impl std::fmt::Debug,
        work: impl FnOnce(&mut Tx<'_>, &Acting, &Chart) -> Outcome<Answer>,
    ) -> Outcome<()> {
        let mut store = self.store()?;
        let answer = self.once(&mut store, operation, payload, |tx, acting| {
            let chart = chart::load(tx, self.globals.court)?;
            work(tx, acting, &chart)
        })?;
        self.answer(&answer)
    }

    /// Records something once in one transaction; gives the answer, the stored one when the same `--request` was done
    /// before.
    ///
    /// # Errors
    /// Those of [`Context::acting`] and [`request::once`].
    pub fn once(
        &self,
        store: &mut Store,
        operation: &'static str,
        payload: &impl std::fmt::Debug,
        work: impl FnOnce(&mut Tx<'_>, &Acting) -> Outcome<Answer>,
    ) -> Outcome<Answer> {
        let acting = self.acting_in(store)?;
        let request = self.asked(operation, payload)?;
        request::once(store, &acting, request.as_ref(), |tx| work(tx, &acting))
    }

    /// As [`Context::once`], for what makes files: where there is a `--request` they are kept with it, and the same
    /// request gives the same files again. Whoever calls writes them.
    ///
    /// # Errors
    /// Those of [`Context::once`], [`request_files::keep`] and [`request_files::kept`].
    pub fn make_files(
        &self,
        operation: &'static str,
        payload: &impl std::fmt::Debug,
        work: impl FnOnce(&mut Tx<'_>, &Acting, &Keys) -> Outcome<(Answer, Vec<MadeFile>)>,
    ) -> Outcome<(Answer, Vec<MadeFile>)> {
        let (keys, mut store) = (self.keys()?, self.store()?);
        let acting = self.acting_in(&mut store)?;
        let request = self.asked(operation, payload)?;
        let mut made = None;
        let answer = request::once(&mut store, &acting, request.as_ref(), |tx| {
            let (answer, files) = work(tx, &acting, &keys)?;
            if let Some(request) = &request {
                request_files::keep(tx, &keys, &mut Randomness::system(), &acting, request, &files)?;
            }
            made = Some(files);
            Ok(answer)
        })?;
        let files = match (made, &request) {
            (None, Some(request)) => request_files::kept(&mut store.snapshot()?, &keys, &acting, request)?,
            (made, _) => made.unwrap_or_default(),
        };
        Ok((answer, files))
    }

    /// Acts in one transaction, once: when the same `--request` was done before, its stored answer is printed and
    /// nothing comes back. Else `answer` says what programs read, which is printed; what people read besides is the
    /// caller's to print.
    ///
    /// # Errors
    /// Those of [`Context::acting`] and [`request::once`].
    pub fn act<T>(
        &self,
        store: &mut Store,
        operation: &'static str,
        payload: &impl std::fmt::Debug,
        work: impl FnOnce(&mut Tx<'_>, &Acting) -> Outcome<T>,
        answer: impl FnOnce(&mut Tx<'_>, &T) -> Outcome<Answer>,
    ) -> Outcome<Option<T>> {
        let acting = self.acting_in(store)?;
        let request = self.asked(operation, payload)?;
        let mut done = None;
        let answered = request::once(store, &acting, request.as_ref(), |tx| {
            let result = work(tx, &acting)?;
            let said = answer(tx, &result)?;
            done = Some(result);
            Ok(said)
        })?;
        match done {
            Some(_) => self.output.object(&answered)?,
            None => self.answer(&answered)?,
        }
        Ok(done)
    }

    /// Acts in one transaction and commits it.
    ///
    /// # Errors
    /// Those of [`Context::acting`] and of the work.
    pub fn commit<T>(&self, store: &mut Store, work: impl FnOnce(&mut Tx<'_>, &Acting) -> Outcome<T>) -> Outcome<T> {
        self.prove(store)?;
        let mut tx = store.begin()?;
        let acting = self.acting(&mut tx)?;
        let done = work(&mut tx, &acting)?;
        tx.commit()?;
        Ok(done)
    }

    fn asked(&self, operation: &'static str, payload: &impl std::fmt::Debug) -> Outcome<Option<Request>> {
        // The date counts as asked only when it was: a request repeated after midnight is still the same.
        let mut asked = format!("{:?} {payload:?}", self.globals.date);
        if let Some(folder) = self.served.as_ref().and_then(|served| served.folder.as_deref()) {
            asked = asked.replace(&*folder.to_string_lossy(), "");
        }
        let key = self.globals.request.as_deref();
        Ok(key.map(|key| Request::new(operation, key, &[asked.as_bytes()])).transpose()?)
    }

    /// Prints an answer.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub fn answer(&self, answer: &Answer) -> Outcome<()> {
        self.output.object(answer)?;
        self.output.line(answer.text(self.output.language))?;
        Ok(())
    }

    /// Prints why a command failed, if it did, and gives its exit code.
    pub fn exit(&self, outcome: Outcome<()>) -> Exit {
        self.exit_as(outcome.map(|()| Exit::Done))
    }

    /// As [`Context::exit`], for commands that answer and still may have found something wrong.
    pub fn exit_as(&self, outcome: Outcome<Exit>) -> Exit {
        match outcome {
            Ok(exit) => exit,
            Err(Failure::Refused(message)) => self.output.failure(Exit::Refused, &message, None),
            Err(Failure::Broken(error)) => {
                let (exit, message) = self.say(&error);
                self.output.failure(exit, &message, None)
            }
        }
    }

    fn say(&self, error: &Error) -> (Exit, Message) {
        match error {
            Error::Address(address) => (Exit::Usage, Message::new("database.address").with("address", address)),
            Error::Opening { place, detail } => {
                (Exit::Broke, Message::new("database.opening").with("place", place).with("detail", detail))
            }
            Error::Busy(_) => (
                Exit::Broke,
                Message::new("database.busy").with("database", self.shown_database()).with("wait", self.globals.wait),
            ),
            Error::CommitUnanswered(detail) => {
                (Exit::Broke, Message::new("database.unanswered").with("detail", detail))
            }
            other => (Exit::Broke, Message::new("command.broken").with("detail", other)),
        }
    }
}

/// An amount in yuan as an option of a command; the error is said in both languages, as clap prints it.
///
/// # Errors
/// Those of [`amount::parse_yuan`].
pub fn yuan(text: &str) -> Result<Amount, String> {
    amount::parse_yuan(text).map_err(|message| both(&message))
}

/// A day as an option of a command: `2026-11-22`.
///
/// # Errors
/// The sentence, in both languages, since the language is not known yet.
pub fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_| both(&Message::new("command.day").with("value", text)))
}

/// Words of a closed list as an option of a command: read with the sentence of [`word`], and known to who asks what may
/// be said.
#[derive(Clone)]
pub struct Words<T> {
    parse: fn(&str) -> Option<T>,
    known: Vec<&'static str>,
}

/// An option that takes one of `known`.
fn words<T>(parse: fn(&str) -> Option<T>, known: impl IntoIterator<Item = &'static str>) -> Words<T> {
    Words { parse, known: known.into_iter().collect() }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Words<T> {
    type Value = T;

    fn parse_ref(&self, command: &clap::Command, argument: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let (parse, known) = (self.parse, self.known.clone());
        (move |text: &str| word(parse, &known, text)).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        // Hidden: the help of each lists them with what they mean.
        Some(Box::new(self.known.iter().map(|word| PossibleValue::new(*word).hide(true))))
    }
}

/// Without the empty list of values that help would show of a [`Words`], whose words stand in its description.
fn listed_once(command: clap::Command) -> clap::Command {
    let shown = command.mut_args(|argument| {
        let values = argument.get_possible_values();
        let is_described = !values.is_empty() && values.iter().all(PossibleValue::is_hide_set);
        argument.hide_possible_values(is_described)
    });
    shown.mut_subcommands(listed_once)
}

/// A word of a closed list as an option of a command.
fn word<T>(parse: impl Fn(&str) -> Option<T>, known: &[&str], text: &str) -> Result<T, String> {
    parse(text).ok_or_else(|| both(&Message::new("command.word").with("value", text).with("known", known.join(", "))))
}

fn both(message: &Message) -> String {
    format!("{} / {}", message.text(Language::Zh), message.text(Language::En))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_help_shows_an_empty_list() {
        fn look(command: &mut clap::Command) {
            let help = command.render_long_help().to_string();
            assert!(!help.contains("[possible values: ]"), "{help}");
            command.get_subcommands_mut().for_each(look);
        }
        look(&mut listed_once(Cli::command()));
    }

    #[test]
    fn a_day_that_is_none_is_said_in_both_languages() {
        assert!(day("2026-11-30").is_ok());
        for text in ["2026-11-31", "2026-11-2", "16/11/2026", ""] {
            let said = day(text).unwrap_err();
            assert!(said.contains("不是日期") && said.contains("is no day") && said.contains(text), "{said}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let cli = Cli::parse_from(["ankuan", "--database", "postgres://me:secret@host/db", "person", "list"]);
        assert_eq!(Context::new(cli.globals, Clock::system()).shown_database(), "postgres://host/db");
    }
}
