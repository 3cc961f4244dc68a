//! `claimants`: what claimants are told outside the court's network, and the accounts they give.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::output::Column;
use crate::access::{self, Role};
use crate::bank::deliver::deliver;
use crate::cases;
use crate::claimants::corrections::{self, Decision, Imported, Proposal};
use crate::claimants::keys::PublicExportKey;
use crate::claimants::letters::{self, Letter};
use crate::claimants::messages::{self, Arrival, Template};
use crate::claimants::outside::{self, Outside, Settings};
use crate::claimants::{self, keys, load};
use crate::clock::{Randomness, shown_in_shanghai};
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::request::Answer;
use crate::request_files::{self, MadeFile};

/// What is done about claimants.
#[derive(Clone, Debug, Subcommand)]
pub enum ClaimantsCommand {
    /// 显示对外公钥（外网查询端启动时使用） · The court's public key, which the listener outside is started with
    Key,
    /// 打印告知书（含查询码），默认只给无手机号的 · Letters with codes; by itself only for those without a telephone
    Letters(LettersArgs),
    /// 生成短信到发件箱（含查询码） · Fill the outbox with text messages, each with a code
    Messages(MessagesArgs),
    /// 导出发件箱给短信服务商 · Write what waits in the outbox for the provider
    Outbox(OutboxArgs),
    /// 导入短信到达情况 · What the provider says became of messages
    Arrived {
        /// 服务商答复（CSV：编号、状态、原因） · The provider's answer (CSV: number, state, cause)
        file: PathBuf,
    },
    /// 导出案件到外网查询端（签名文件） · Export a case for the listener outside, as a signed file
    Export(ExportArgs),
    /// 导入领款人更正账户的文件 · Import accounts that claimants gave outside
    Corrections {
        /// 更正文件，可多个 · Files; each is imported or refused on its own
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// 采纳更正：经办人提出，第二人确认 · Accept a correction: by two people
    Accept(AcceptArgs),
    /// 不采纳更正 · Refuse a correction
    Refuse {
        /// 更正编号 · Number of the correction
        correction: i64,
        /// 原因 · Why
        #[arg(long)]
        reason: String,
    },
    /// 查询码、短信到达、账户更正的情况 · How codes, messages and corrections stand
    Show {
        /// 案号；不填为全院 · Case number; default: the whole court
        case: Option<String>,
        /// 包括已处理的更正 · Corrections that were decided too
        #[arg(long)]
        all: bool,
    },
    /// 外网查询端：不用数据库和法院密钥 · The listener outside: no database, no key of the court
    Serve(ServeArgs),
}

/// What `claimants letters` takes.
#[derive(Clone, Debug, Args)]
pub struct LettersArgs {
    /// 案号 · Case number
    pub case: String,
    /// 写入的 HTML 文件；为文件夹时用默认文件名 · HTML file to write; a folder gets one of a default name
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// 有手机号的也打印 · Also for those with a telephone
    #[arg(long)]
    pub all: bool,
    /// 查询码仍有效的也重新生成，旧码作废 · Also where a code still counts; the new one takes its place
    #[arg(long)]
    pub again: bool,
    /// 查询网址 · Address of the listener outside, as people type it
    #[arg(long, value_name = "URL", env = "ANKUAN_CLAIMANTS_ADDRESS")]
    pub address: Option<String>,
}

/// What `claimants messages` takes.
#[derive(Clone, Debug, Args)]
pub struct MessagesArgs {
    /// 案号 · Case number
    pub case: String,
    /// 模板：share 受偿结果，returned 退票请更正账户 · Template: share, returned
    #[arg(long, default_value = "share")]
    pub template: String,
    /// 自备模板文件（TOML） · Templates of your own (TOML); default: those built in
    #[arg(long, value_name = "FILE")]
    pub templates: Option<PathBuf>,
    /// 查询码仍有效的也重新发送，旧码作废 · Also where a code still counts; the new one takes its place
    #[arg(long)]
    pub again: bool,
    /// 查询网址 · Address of the listener outside, as people type it
    #[arg(long, value_name = "URL", env = "ANKUAN_CLAIMANTS_ADDRESS")]
    pub address: String,
}

/// What `claimants outbox` takes.
#[derive(Clone, Debug, Args)]
pub struct OutboxArgs {
    /// 写入的 CSV 文件；为文件夹时用默认文件名 · CSV file to write; a folder gets one of a default name
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// 包括已导出而未获答复的 · With what was written before and is not answered
    #[arg(long)]
    pub again: bool,
}

/// What `claimants export` takes.
#[derive(Clone, Debug, Args)]
pub struct ExportArgs {
    /// 案号 · Case number
    pub case: String,
    /// 写入的文件夹 · Folder to write into
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// What `claimants accept` takes.
#[derive(Clone, Debug, Args)]
pub struct AcceptArgs {
    /// 更正编号 · Number of the correction
    pub correction: i64,
    /// 确认人，不得与经办人相同 · Who confirms it, another person than who acts
    #[arg(long, value_name = "NAME")]
    pub confirmed_by: String,
    /// 原因或核实情况 · Why, or how it was checked
    #[arg(long, default_value = "")]
    pub reason: String,
    /// 依据；账户不是本人户名时必填 · The paper it rests on; needed where the account is in another name
    #[arg(long, value_name = "PAPER")]
    pub basis: Option<String>,
}

/// What `claimants serve` takes.
#[derive(Clone, Debug, Args)]
pub struct ServeArgs {
    /// 法院导出的文件所在的文件夹 · Folder with the files that the court exported
    #[arg(long, value_name = "DIR")]
    pub files: PathBuf,
    /// 法院对外公钥（claimants key 所示） · The court's public key, as `claimants key` prints it
    #[arg(long, value_name = "KEY", env = "ANKUAN_CLAIMANTS_KEY")]
    pub public_key: String,
    /// 领款人更正写入的文件夹 · Folder for the corrections that claimants give
    #[arg(long, value_name = "DIR")]
    pub corrections: PathBuf,
    /// 监听地址 · Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,
    /// 前有反向代理，以其 X-Forwarded-For 为来源地址 · A proxy stands before it; who asks is the last of its X-Forwarded-For
    #[arg(long)]
    pub behind_proxy: bool,
}

/// Runs the command.
///
/// # Errors
/// Those of [`claimants`].
pub fn run(context: &Context, command: &ClaimantsCommand) -> Outcome<()> {
    match command {
        ClaimantsCommand::Key => key(context),
        ClaimantsCommand::Letters(args) => print_letters(context, args),
        ClaimantsCommand::Messages(args) => queue(context, args),
        ClaimantsCommand::Outbox(args) => outbox(context, args),
        ClaimantsCommand::Arrived { file } => arrived(context, file),
        ClaimantsCommand::Export(args) => export(context, args),
        ClaimantsCommand::Corrections { files } => import(context, files),
        ClaimantsCommand::Accept(args) => accept(context, args),
        ClaimantsCommand::Refuse { correction, reason } => refuse(context, *correction, reason),
        ClaimantsCommand::Show { case, all } => show(context, case.as_deref(), *all),
        ClaimantsCommand::Serve(args) => serve(context, args),
    }
}

/// Who may tell claimants: who leads the case, and who keeps the money.
const TELLERS: [Role; 2] = [Role::FundKeeper, Role::Handler];

fn key(context: &Context) -> Outcome<()> {
    let opened = context.keys()?;
    context.record("claimants.key", &(), |tx, acting, _| {
        acting.require_any(tx, TELLERS)?;
        let court = keys::court_keys(tx, &opened, &mut Randomness::system(), acting.actor.court_id, acting.at)?;
        let public_key = court.public().text();
        let message = Message::new("claimants.key").with("key", &public_key);
        Ok(Answer::new(&message, json!({ "public_key": public_key })))
    })
}

/// Where a command writes: the file, or one of a default name in the folder.
fn target(out: &Path, default_name: &str) -> Outcome<(PathBuf, String)> {
    let path = if out.is_dir() { out.join(default_name) } else { out.to_owned() };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    std::fs::read_dir(folder).map_err(|error| Failure::of_file(folder, &error))?;
    Ok((folder.to_owned(), name))
}

/// Nothing is written over: what is there may hold codes that stand nowhere else.
fn must_be_new(path: &Path) -> Result<(), Message> {
    if path.exists() { Err(Message::new("claimants.file_exists").with("path", path.display())) } else { Ok(()) }
}

/// Writes what a request made and prints its answer.
fn put_and_answer(context: &Context, (folder, name): (&Path, &str), made: (Answer, Vec<MadeFile>)) -> Outcome<()> {
    let (answer, files) = made;
    put(folder, name, &request_files::only(files)?.bytes)?;
    context.answer(&answer)
}

fn put(folder: &Path, name: &str, bytes: &[u8]) -> Outcome<PathBuf> {
    deliver(folder, name, bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(folder.join(name))
}

fn print_letters(context: &Context, args: &LettersArgs) -> Outcome<()> {
    let (folder, name) = target(&args.out, "letters.html")?;
    let (path, language) = (folder.join(&name), context.output.language);
    // The codes stand in the letters alone, so the letters are kept with what is recorded of them.
    let made = context.make_files("claimants.letters", args, |tx, acting, opened| {
        acting.require_any(tx, TELLERS)?;
        must_be_new(&path)?;
        let court_id = acting.actor.court_id;
        let case = cases::find_case(tx, context.book(), &args.case)?;
        let all = load::claimants_of(tx, opened, court_id, &case, acting.at)?;
        let live = claimants::live_codes(tx, court_id, case.case_id, acting.at)?;
        let has_code = |claim_id: i64| live.binary_search_by_key(&claim_id, |(claim, _)| *claim).is_ok();
        let meant = all.iter().filter(|one| args.all || one.telephone.is_empty());
        let (wanted, left): (Vec<_>, Vec<_>) = meant.partition(|one| args.again || !has_code(one.seen.claim_id));
        if wanted.is_empty() {
            return Err(Message::new("claimants.no_letters").with("case", case.current_number()).into());
        }
        let made = claimants::make_codes(tx, opened, &mut Randomness::system(), (court_id, &case), &wanted, acting.at)?;
        let mut letters: Vec<Letter<'_>> =
            wanted.iter().map(|claimant| Letter { seen: &claimant.seen, code: None }).collect();
        for new in &made {
            letters[new.place].code = Some((&new.code, new.expires_at));
        }
        let text = letters::file(language, args.address.as_deref(), &letters);
        let message = Message::new("claimants.letters_written")
            .with("count", letters.len())
            .with("left", left.len())
            .with("path", context.shown(&path));
        let fields = json!({"letters": letters.len(), "with_code": left.len(), "file": context.shown(&path)});
        Ok((Answer::new(&message, fields), vec![MadeFile { name: name.clone(), bytes: text.into_bytes() }]))
    })?;
    put_and_answer(context, (&folder, &name), made)
}

fn queue(context: &Context, args: &MessagesArgs) -> Outcome<()> {
    let templates = match &args.templates {
        Some(path) => std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))?,
        None => messages::TEMPLATES.to_owned(),
    };
    let template = Template::find(&templates, &args.template)?;
    let opened = context.keys()?;
    context.record("claimants.messages", &(args, &templates), |tx, acting, _| {
        acting.require_any(tx, TELLERS)?;
        let case = cases::find_case(tx, context.book(), &args.case)?;
        let of = (acting.actor.court_id, &case);
        let how = (&template, args.address.as_str(), args.again);
        let queued = messages::queue(tx, &opened, &mut Randomness::system(), of, how, acting.at)?;
        let message = Message::new("claimants.queued")
            .with("messages", queued.messages)
            .with("parts", queued.parts)
            .with("already", queued.already)
            .with("without_telephone", queued.without_telephone)
            .with("without_document", queued.without_document);
        let fields = json!({
            "messages": queued.messages, "parts": queued.parts, "already": queued.already,
            "without_telephone": queued.without_telephone, "without_document": queued.without_document,
        });
        Ok(Answer::new(&message, fields))
    })
}

fn outbox(context: &Context, args: &OutboxArgs) -> Outcome<()> {
    let (folder, name) = target(&args.out, "outbox.csv")?;
    let path = folder.join(&name);
    let made = context.make_files("claimants.outbox", args, |tx, acting, opened| {
        acting.require_any(tx, TELLERS)?;
        must_be_new(&path)?;
        let outgoing = messages::take_out(tx, opened, acting.actor.court_id, args.again, acting.at)?;
        let parts: i64 = outgoing.iter().map(|one| one.parts).sum();
        let message = Message::new("claimants.outbox_written")
            .with("messages", outgoing.len())
            .with("parts", parts)
            .with("path", context.shown(&path));
        let fields = json!({"messages": outgoing.len(), "parts": parts, "file": context.shown(&path)});
        let file = MadeFile { name: name.clone(), bytes: messages::outbox_file(&outgoing)? };
        Ok((Answer::new(&message, fields), vec![file]))
    })?;
    put_and_answer(context, (&folder, &name), made)
}

fn arrived(context: &Context, file: &Path) -> Outcome<()> {
    let bytes = std::fs::read(file).map_err(|error| Failure::of_file(file, &error))?;
    let answers = messages::read_answers(&bytes).map_err(|message| message.in_file(file))?;
    let digest = ankuan_ledger::chain::sha256(&[&bytes]);
    context.record("claimants.arrived", &digest, |tx, acting, _| {
        acting.require_any(tx, TELLERS)?;
        let court_id = acting.actor.court_id;
        let known = messages::record_answers(tx, court_id, &answers, acting.at)?;
        let standing = messages::arrival(tx, court_id, None)?;
        let message = Message::new("claimants.answers_read")
            .with("known", known)
            .with("unknown", answers.len() as u64 - known)
            .with("handed", standing.handed())
            .with("percent", standing.percent());
        let mut fields = arrival_json(&standing);
        fields["answers"] = json!(answers.len());
        fields["recorded"] = json!(known);
        Ok(Answer::new(&message, fields))
    })
}

fn arrival_json(arrival: &Arrival) -> serde_json::Value {
    let counts: serde_json::Map<String, serde_json::Value> =
        arrival.counts.iter().map(|(state, count)| (state.as_str().to_owned(), json!(count))).collect();
    json!({"states": counts, "handed": arrival.handed(), "arrived_percent": arrival.percent()})
}

fn export(context: &Context, args: &ExportArgs) -> Outcome<()> {
    let open_folder = || std::fs::create_dir_all(&args.out).map_err(|error| Failure::of_file(&args.out, &error));
    let (answer, files) = context.make_files("claimants.export", args, |tx, acting, opened| {
        acting.require_any(tx, TELLERS)?;
        open_folder()?;
        let case = cases::find_case(tx, context.book(), &args.case)?;
        let of = (acting.actor.court_id, &case);
        let made = claimants::export(tx, opened, &mut Randomness::system(), of, acting.at)?;
        let path = args.out.join(&made.name);
        let message = Message::new("claimants.exported")
            .with("entries", made.entries)
            .with("without_code", made.without_code)
            .with("path", context.shown(&path));
        let fields = json!({
            "file": context.shown(&path), "export": made.export_no, "claimants": made.entries, "without_code": made.without_code,
            "bytes": made.bytes.len(),
            "sha256": ankuan_ledger::chain::hex(&ankuan_ledger::chain::sha256(&[&made.bytes])),
        });
        Ok((Answer::new(&message, fields), vec![MadeFile { name: made.name, bytes: made.bytes }]))
    })?;
    let file = request_files::only(files)?;
    // It may have been removed since the request was first done.
    open_folder()?;
    put(&args.out, &file.name, &file.bytes)?;
    context.answer(&answer)
}

fn import(context: &Context, files: &[PathBuf]) -> Outcome<()> {
    let (opened, mut store) = (context.keys()?, context.store()?);
    let mut all: Vec<Imported> = Vec::new();
    let mut refused: Vec<(PathBuf, Message)> = Vec::new();
    for path in files {
        match import_one(context, &mut store, &opened, path) {
            Ok(imported) => all.push(imported),
            // One that is no correction must not keep the others out: anybody can put a file there.
            Err(Failure::Refused(message)) => refused.push((path.clone(), message)),
            Err(broken) => return Err(broken),
        }
    }
    if let (true, Some((path, message))) = (all.is_empty(), refused.first()) {
        return Err(Failure::from(message.clone()).in_file(path));
    }
    context.output.object(&json!({
        "corrections": all.iter().map(|one| proposal_json(&one.proposal)).collect::<Vec<_>>(),
        "already": all.iter().filter(|one| one.already).count(),
        "refused": refused.iter().map(|(path, message)| json!({
            "file": path, "code": message.code, "message_zh": message.text(crate::Language::Zh),
            "message_en": message.text(crate::Language::En),
        })).collect::<Vec<_>>(),
    }))?;
    let proposals: Vec<Proposal> = all.into_iter().map(|one| one.proposal).collect();
    print_proposals(context, &proposals)?;
    for (path, message) in refused {
        context.output.sentence(&message.in_file(&path))?;
    }
    Ok(())
}

fn import_one(
    context: &Context,
    store: &mut ankuan_ledger::Store,
    opened: &crate::documents::keys::Keys,
    path: &Path,
) -> Outcome<Imported> {
    let size = std::fs::metadata(path).map_err(|error| Failure::of_file(path, &error))?.len();
    if size > corrections::BYTES_MAX {
        return Err(Message::new("claimants.correction_unreadable").into());
    }
    let bytes = std::fs::read(path).map_err(|error| Failure::of_file(path, &error))?;
    context.commit(store, |tx, acting| corrections::import(tx, acting, opened, &mut Randomness::system(), &bytes))
}

fn proposal_json(one: &Proposal) -> serde_json::Value {
    let account = |detail: &[String; 3]| json!({"holder": detail[0], "bank": detail[1], "account": detail[2]});
    json!({
        "correction": one.correction_id, "receipt": one.receipt, "given_at": one.given_at, "claim_id": one.claim_id,
        "claimant": one.claimant.0, "name": one.claimant.1, "state": one.state.as_str(), "reason": one.reason,
        "old": account(&one.old), "new": account(&one.new), "another_name": one.is_of_another(),
    })
}

fn print_proposals(context: &Context, proposals: &[Proposal]) -> Outcome<()> {
    let language = context.output.language;
    let rows: Vec<Vec<String>> = proposals
        .iter()
        .map(|one| {
            let another =
                if one.is_of_another() { Message::new("claimants.another_name").text(language) } else { String::new() };
            vec![
                one.correction_id.to_string(),
                one.receipt.clone(),
                shown_in_shanghai(one.given_at),
                format!("{} {}", one.claimant.0, one.claimant.1),
                one.old.join(" "),
                one.new.join(" "),
                [one.state.message().text(language), another, one.reason.clone()]
                    .into_iter()
                    .filter(|text| !text.is_empty())
                    .collect::<Vec<_>>()
                    .join("；"),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("claimants.column_receipt")),
            Column::text(Message::new("claimants.column_given")),
            Column::text(Message::new("claim.column_claimant")),
            Column::text(Message::new("claimants.column_old")),
            Column::text(Message::new("claimants.column_new")),
            Column::text(Message::new("claimants.column_state")),
        ],
        &rows,
    )?;
    Ok(())
}

fn accept(context: &Context, args: &AcceptArgs) -> Outcome<()> {
    let opened = context.keys()?;
    context.record("claimants.accept", args, |tx, acting, _| {
        let confirmed_by = access::find_actor(tx, acting.actor.court_id, &args.confirmed_by)?;
        let decision = Decision { correction_id: args.correction, reason: &args.reason, basis: args.basis.as_deref() };
        let claim = corrections::accept(tx, acting, &opened, &mut Randomness::system(), &decision, &confirmed_by)?;
        let message = Message::new("claimants.accepted")
            .with("correction", args.correction)
            .with("claimant", &claim.claimant_no)
            .with("name", &claim.name);
        let fields = json!({"correction": args.correction, "claim_id": claim.claim_id, "claimant": claim.claimant_no});
        Ok(Answer::new(&message, fields))
    })
}

fn refuse(context: &Context, correction: i64, reason: &str) -> Outcome<()> {
    context.record("claimants.refuse", &(correction, reason), |tx, acting, _| {
        corrections::refuse(tx, acting, &Decision { correction_id: correction, reason, basis: None })?;
        let message = Message::new("claimants.refused").with("correction", correction);
        Ok(Answer::new(&message, json!({ "correction": correction })))
    })
}

fn show(context: &Context, number: Option<&str>, all: bool) -> Outcome<()> {
    let opened = context.keys()?;
    let (court_id, now) = (context.globals.court, context.clock().now());
    let (codes, arrival, proposals) = context.read(|tx| {
        let case = number.map(|number| cases::find_case(tx, context.book(), number)).transpose()?;
        let case_id = case.as_ref().map(|case| case.case_id);
        let codes = claimants::codes_that_count(tx, court_id, case_id, now)?;
        let arrival = messages::arrival(tx, court_id, case_id)?;
        Ok((codes, arrival, corrections::proposals(tx, &opened, court_id, case_id, all)?))
    })?;
    let mut object = arrival_json(&arrival);
    object["codes"] = json!(codes);
    object["corrections"] = json!(proposals.iter().map(proposal_json).collect::<Vec<_>>());
    context.output.object(&object)?;
    let mut pairs = vec![(Message::new("claimants.codes_live"), codes.to_string())];
    pairs.extend(arrival.counts.iter().map(|(state, count)| (state.message(), count.to_string())));
    pairs.push((Message::new("claimants.arrived_percent"), arrival.percent()));
    context.output.pairs(&pairs)?;
    if !proposals.is_empty() {
        print_proposals(context, &proposals)?;
    }
    Ok(())
}

fn serve(context: &Context, args: &ServeArgs) -> Outcome<()> {
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::new("info"))
        .init();
    let settings = Settings {
        files: args.files.clone(),
        public_key: PublicExportKey::parse(&args.public_key)?,
        corrections: args.corrections.clone(),
        behind_proxy: args.behind_proxy,
    };
    let outside = Arc::new(Outside::open(settings, context.clock())?);
    outside::serve(&outside, args.listen, |address| {
        let (cases, claimants) = outside.counts();
        let message = Message::new("claimants.listening")
            .with("address", format!("http://{address}"))
            .with("cases", cases)
            .with("claimants", claimants);
        context.output.sentence(&message)?;
        Ok(())
    })
}
