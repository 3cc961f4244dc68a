//! `statement`: what banks send.

use std::fs::File;
use std::path::{Path, PathBuf};

use ankuan_ledger::{Amount, Store, Tx};
use ankuan_reconciliation::{reply, statement};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::Column;
use super::{Context, Words, words};
use crate::access::{self, Acting, Actor};
use crate::bank::reading::{self, Content, FileKind, Problem, Sink};
use crate::chart;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::statements::import::{Import, Imported, import_statement};
use crate::statements::{Channel, StoredStatement, statements};
use crate::{Failure, Language, Message, Outcome};

/// What `statement` can do.
#[derive(Clone, Debug, Subcommand)]
pub enum StatementCommand {
    /// 查看银行文件的内容，不入库 · Show what a bank's file says; records nothing
    Show(ShowArgs),
    /// 导入对账单 · Import statements
    Import(ImportArgs),
    /// 已导入的对账单 · Statements on record
    List,
}

/// How a file came, for everything that is imported from a bank.
#[derive(Clone, Debug, Args)]
pub struct ComesArgs {
    /// 来源：bank_direct 银企直连、download 网银下载、email 邮件、counter 柜台 · How it came
    #[arg(long, value_parser = channel())]
    pub channel: Channel,
    /// 取得人；默认经办人。取得人不得编制调节表 · Who fetched it, default: who imports; that person does not prepare
    /// the reconciliation
    #[arg(long, value_name = "NAME")]
    pub fetched_by: Option<String>,
    /// 格式配置，用于 CSV、TXT、XLS、XLSX · A profile, for CSV, TXT, XLS, XLSX
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

impl ComesArgs {
    /// Who fetched it.
    ///
    /// # Errors
    /// `access.person_unknown`.
    pub fn fetched_by(&self, tx: &mut Tx<'_>, acting: &Acting) -> Outcome<Actor> {
        match &self.fetched_by {
            None => Ok(acting.actor.clone()),
            Some(name) => access::find_actor(tx, acting.actor.court_id, name),
        }
    }
}

fn channel() -> Words<Channel> {
    words(Channel::parse, Channel::ALL.iter().map(|word| word.as_str()))
}

/// What `statement import` takes.
#[derive(Clone, Debug, Args)]
pub struct ImportArgs {
    /// 对账单，可多个 · Files; each is imported or refused on its own
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// 法院账号；对账单未写明账号时使用 · The court's account, where the file does not name it
    #[arg(long, value_name = "NUMBER")]
    pub bank_account: Option<String>,
    /// How it came.
    #[command(flatten)]
    pub comes: ComesArgs,
}

/// What `statement show` takes.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// 对账单、回盘或付款文件 · A statement, an answer or a payment file
    pub file: PathBuf,
    /// 格式配置，用于 CSV、TXT、XLS、XLSX · A profile, for CSV, TXT, XLS, XLSX
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// `file.*`, and those of [`reading::read`].
pub fn run(context: &Context, command: &StatementCommand) -> Outcome<()> {
    match command {
        StatementCommand::Show(args) => show(context, args),
        StatementCommand::Import(args) => run_import(context, args),
        StatementCommand::List => list(context),
    }
}

fn run_import(context: &Context, args: &ImportArgs) -> Outcome<()> {
    let keys = context.keys()?;
    let mut store = context.store()?;
    let all = import(context, &mut store, &keys, args, &mut |path, imported| {
        let code = if imported.already { "statements.already" } else { "statements.imported" };
        for stored in &imported.statements {
            let message = Message::new(code)
                .with("statement", stored.statement_id)
                .with("from", stored.days.0)
                .with("to", stored.days.1)
                .with("entries", stored.entry_count)
                .with("new", if imported.already { 0 } else { stored.new_count })
                .with("net", stored.net)
                .in_file(path);
            context.output.sentence(&message)?;
        }
        print_problems(context, &imported.problems)
    })?;
    context.output.object(&json!({"files": args.files.iter().zip(&all).map(|(path, imported)| json!({
        "file": path.display().to_string(), "new": !imported.already,
        "statements": imported.statements.iter().map(stored_json).collect::<Vec<_>>(),
        "problems": imported.problems.iter().map(problem_json).collect::<Vec<_>>(),
    })).collect::<Vec<_>>()}))?;
    Ok(())
}

/// Imports statements, each file in its own transaction; also a step of the demo.
///
/// # Errors
/// Those of [`import_statement`].
pub fn import(
    context: &Context,
    store: &mut Store,
    keys: &Keys,
    args: &ImportArgs,
    tell: &mut dyn FnMut(&Path, &Imported) -> Outcome<()>,
) -> Outcome<Vec<Imported>> {
    let profile = args.comes.profile.as_deref().map(read_profile).transpose()?;
    let mut all = Vec::new();
    for path in &args.files {
        let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let bar = context.output.progress(&Message::new("statements.importing"), bytes);
        let imported = context.commit(store, |tx, acting| {
            let fetched_by = args.comes.fetched_by(tx, acting)?;
            let import = Import {
                path,
                profile: profile.as_deref(),
                bank_account: args.bank_account.as_deref(),
                channel: args.comes.channel,
                fetched_by: &fetched_by,
            };
            import_statement(tx, acting, keys, &mut Randomness::system(), &import, &mut |done| bar.set(done))
        })?;
        bar.finish();
        tell(path, &imported)?;
        all.push(imported);
    }
    Ok(all)
}

fn stored_json(stored: &StoredStatement) -> Value {
    json!({
        "statement_id": stored.statement_id, "kind": stored.kind.as_str(), "format": stored.format,
        "bank_statement_id": stored.bank_statement_id, "from": stored.days.0.to_string(),
        "to": stored.days.1.to_string(), "opening_minor": stored.opening, "closing_minor": stored.closing,
        "entries": stored.entry_count, "new_entries": stored.new_count, "net_minor": stored.net, "currency": "CNY",
        "ties": stored.ties(), "problems": stored.problem_count, "channel": stored.channel,
    })
}

fn list(context: &Context) -> Outcome<()> {
    let court_id = context.globals.court;
    let (stored, accounts, names) = context.read(|tx| {
        Ok((statements(tx, court_id, None)?, chart::bank_accounts(tx, court_id)?, access::people(tx, court_id)?))
    })?;
    let language = context.output.language;
    context.output.object(&json!({"statements": stored.iter().map(stored_json).collect::<Vec<_>>()}))?;
    let account = |id: i64| {
        let found = accounts.iter().find(|account| account.bank_account_id == id);
        found.map_or_else(String::new, |account| account.number.clone())
    };
    let name = |id: i64| {
        names.iter().find(|person| person.person_id == id).map_or_else(String::new, |person| person.name.clone())
    };
    let shown = |amount: Option<Amount>| amount.map_or_else(|| "—".to_owned(), |amount| amount.to_string());
    let rows: Vec<Vec<String>> = stored
        .iter()
        .map(|stored| {
            vec![
                stored.statement_id.to_string(),
                account(stored.bank_account_id),
                stored.kind.message().text(language),
                stored.days.0.to_string(),
                stored.days.1.to_string(),
                shown(stored.opening),
                shown(stored.closing),
                stored.entry_count.to_string(),
                stored.new_count.to_string(),
                Channel::parse(&stored.channel).map_or_else(String::new, |channel| channel.message().text(language)),
                name(stored.fetched_by),
            ]
        })
        .collect();
    context.output.table(
        &[
            Column::number(Message::new("column.id")),
            Column::text(Message::new("column.account_number")),
            Column::text(Message::new("statements.kind")),
            Column::text(Message::new("statements.from")),
            Column::text(Message::new("statements.to")),
            Column::number(Message::new("statements.opening")),
            Column::number(Message::new("statements.closing")),
            Column::number(Message::new("statements.entries")),
            Column::number(Message::new("statements.new_entries")),
            Column::text(Message::new("statements.channel")),
            Column::text(Message::new("statements.fetched_by")),
        ],
        &rows,
    )?;
    Ok(())
}

fn show(context: &Context, args: &ShowArgs) -> Outcome<()> {
    let profile = args.profile.as_deref().map(read_profile).transpose()?;
    let mut file = File::open(&args.file).map_err(|error| Failure::of_file(&args.file, &error))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Message::new("file.is_folder").with("path", args.file.display()).into());
    }
    let mut summary = Summary::default();
    let kind = reading::read(&args.file.display().to_string(), &mut file, profile.as_deref(), &mut summary)?;
    context.output.object(&summary.object(&kind))?;
    summary.print(context, &kind)
}

/// The text of a profile or a list of rules.
///
/// # Errors
/// `file.*`.
pub fn read_profile(path: &Path) -> Outcome<String> {
    if let Some(shipped) = path.to_str().and_then(reading::shipped_profile) {
        return Ok(shipped.to_owned());
    }
    std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))
}

/// Problems kept; a file may have one in every line.
const PROBLEMS_MAX: usize = 1_000;

/// What a file comes to; grows with its statements, not with their entries.
#[derive(Debug, Default)]
struct Summary {
    statements: Vec<StatementSummary>,
    reply: ReplySummary,
    problems: Vec<Problem>,
    problems_left_out: u64,
}

#[derive(Debug, Default)]
struct StatementSummary {
    head: statement::Head,
    tally: statement::Tally,
    foot: statement::Foot,
}

#[derive(Debug, Default)]
struct ReplySummary {
    head: reply::Head,
    lines: u64,
    paid: u64,
    failed: u64,
    unknown: u64,
}

impl Sink for Summary {
    fn statement(&mut self, piece: statement::Piece<'_>) -> Outcome<()> {
        use statement::Piece;
        if let Piece::Begin(head) = piece {
            self.statements.push(StatementSummary { head: head.clone(), ..StatementSummary::default() });
        }
        let Some(open) = self.statements.last_mut() else { return Ok(()) };
        match piece {
            Piece::Begin(_) => {}
            Piece::Entry(entry) => {
                open.tally
                    .take(entry)
                    .ok_or_else(|| Message::new("reading.sum_too_large").with("line", entry.place))?;
            }
            Piece::End(foot) => foot.clone_into(&mut open.foot),
        }
        Ok(())
    }

    fn reply(&mut self, piece: reply::Piece<'_>) -> Outcome<()> {
        use reply::{Piece, State};
        let reply = &mut self.reply;
        match piece {
            Piece::Begin(head) => head.clone_into(&mut reply.head),
            Piece::Line(line) => {
                reply.lines += 1;
                *match line.state {
                    State::Paid => &mut reply.paid,
                    State::Failed => &mut reply.failed,
                    State::Unknown => &mut reply.unknown,
                } += 1;
            }
            Piece::End(_) => {}
        }
        Ok(())
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }
}

fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { text.into() }
}

fn balance(balance: Option<&statement::Balance>) -> Option<String> {
    balance.map(|balance| balance.amount.to_string())
}

/// `camt.053` of `camt.053.001.08`; `table` of what a profile read, and then the profile's name.
fn kind_and_profile(kind: &FileKind) -> (&str, Option<&str>) {
    const ISO: [&str; 5] = ["camt.052", "camt.053", "camt.054", "pain.001", "pain.002"];
    match ISO.iter().find(|name| kind.name.starts_with(*name)) {
        Some(name) => (name, None),
        None if matches!(kind.name.as_str(), "mt940" | "mt942") => (&kind.name, None),
        None => ("table", Some(&kind.name)),
    }
}

impl Summary {
    fn object(&self, kind: &FileKind) -> Value {
        let (short, profile) = kind_and_profile(kind);
        let mut object = json!({
            "kind": short,
            "name": kind.name,
            "problems": self.problems.iter().map(problem_json).collect::<Vec<_>>(),
            "problems_left_out": self.problems_left_out,
            "statements": self.statements.iter().map(StatementSummary::object).collect::<Vec<_>>(),
        });
        if let Some(profile) = profile {
            object["profile"] = profile.into();
        }
        match kind.content {
            Content::Statement => {}
            Content::Reply => object["reply"] = self.reply.object(),
            Content::Payments { count, sum } => {
                object["payments"] = json!({"count": count, "sum": sum.to_string()});
            }
        }
        object
    }

    fn print(&self, context: &Context, kind: &FileKind) -> Outcome<()> {
        let output = &context.output;
        let number = |text: &'static str| Column::number(Message::new(text));
        let text = |text: &'static str| Column::text(Message::new(text));
        output.sentence(&Message::new("reading.show_kind").with("kind", &kind.name))?;
        match kind.content {
            Content::Statement => output.table(
                &[
                    text("reading.show_statement"),
                    text("reading.show_account"),
                    text("reading.show_currency"),
                    number("reading.show_opening"),
                    number("reading.show_entries"),
                    number("reading.show_credit_sum"),
                    number("reading.show_debit_sum"),
                    number("reading.show_closing"),
                    text("reading.show_ties"),
                ],
                &self.statements.iter().map(|it| it.row(context)).collect::<Vec<_>>(),
            )?,
            Content::Reply => {
                let reply = &self.reply;
                output.pairs(&[
                    (Message::new("reading.show_answered"), reply.head.original_message_id.clone()),
                    (Message::new("reading.show_group"), reply.head.group_code.clone()),
                    (Message::new("reading.show_reason"), reply.head.group_reason.clone()),
                    (Message::new("reading.show_paid"), reply.paid.to_string()),
                    (Message::new("reading.show_failed"), reply.failed.to_string()),
                    (Message::new("reading.show_unknown"), reply.unknown.to_string()),
                ])?;
            }
            Content::Payments { count, sum } => output.pairs(&[
                (Message::new("reading.show_payments"), count.to_string()),
                (Message::new("reading.show_sum"), sum.to_string()),
            ])?,
        }
        print_problems(context, &self.problems)?;
        if self.problems_left_out > 0 {
            output.sentence(&Message::new("reading.show_left_out").with("count", self.problems_left_out))?;
        }
        Ok(())
    }
}

impl StatementSummary {
    fn object(&self) -> Value {
        let Self { head, tally, foot } = self;
        json!({
            "id": or_null(&head.id),
            "account": or_null(&head.account),
            "currency": or_null(&head.currency),
            "opening": balance(foot.opening.as_ref()),
            "closing": balance(foot.closing.as_ref()),
            "entries": tally.entries,
            "credits": tally.credits,
            "debits": tally.debits,
            "credit_sum": tally.credit_sum.to_string(),
            "debit_sum": tally.debit_sum.to_string(),
            "ties": tally.ties(foot),
        })
    }

    fn row(&self, context: &Context) -> Vec<String> {
        let Self { head, tally, foot } = self;
        let ties = match tally.ties(foot) {
            Some(true) => Message::new("reading.show_ties_yes").text(context.output.language),
            Some(false) => Message::new("reading.show_ties_no").text(context.output.language),
            None => String::new(),
        };
        vec![
            head.id.clone(),
            head.account.clone(),
            head.currency.clone(),
            balance(foot.opening.as_ref()).unwrap_or_default(),
            tally.entries.to_string(),
            tally.credit_sum.to_string(),
            tally.debit_sum.to_string(),
            balance(foot.closing.as_ref()).unwrap_or_default(),
            ties,
        ]
    }
}

impl ReplySummary {
    fn object(&self) -> Value {
        json!({
            "id": or_null(&self.head.id),
            "original_message_id": or_null(&self.head.original_message_id),
            "group": or_null(&self.head.group_code),
            "lines": self.lines,
            "paid": self.paid,
            "failed": self.failed,
            "unknown": self.unknown,
        })
    }
}

/// Something odd, for programs.
#[must_use]
pub fn problem_json(problem: &Problem) -> Value {
    json!({
        "code": problem.message.code, "line": problem.line, "message": problem.message.text(Language::Zh),
        "message_en": problem.message.text(Language::En),
    })
}

/// What was odd in a file, a line each.
///
/// # Errors
/// Standard output cannot be written.
pub fn print_problems(context: &Context, problems: &[Problem]) -> Outcome<()> {
    for problem in problems {
        let sentence = Message::new("reading.show_problem")
            .with("place", problem.line)
            .with("sentence", problem.message.text(context.output.language));
        context.output.sentence(&sentence)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rust_decimal::Decimal;

    use super::*;

    fn shared() -> PathBuf {
        let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        std::env::var_os("ANKUAN_SHARED").map_or_else(beside, PathBuf::from)
    }

    fn decimal(value: &Value) -> Option<Decimal> {
        value.as_str().map(|text| text.parse().expect("a number"))
    }

    /// What an independent reader found in a statement, against what is shown of it.
    fn differences(expected: &Value, shown: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for name in ["entries", "credits", "debits"] {
            if expected[name] != shown[name] {
                found.push(format!("{name}: {} is not {}", shown[name], expected[name]));
            }
        }
        let id = if expected.get("ref").is_some() { "ref" } else { "id" };
        for (theirs, ours) in [(id, "id"), ("account", "account"), ("ccy", "currency")] {
            let Some(expected) = expected.get(theirs) else { continue };
            let same = match (expected.as_str(), shown[ours].as_str()) {
                (Some(theirs), Some(ours)) => theirs.replace(' ', "") == ours.replace(' ', ""),
                (theirs, ours) => theirs == ours,
            };
            if !same {
                found.push(format!("{ours}: {} is not {expected}", shown[ours]));
            }
        }
        for name in ["credit_sum", "debit_sum"] {
            if decimal(&expected[name]) != decimal(&shown[name]) {
                found.push(format!("{name}: {} is not {}", shown[name], expected[name]));
            }
        }
        for name in ["opening", "closing"] {
            if decimal(&expected[name]["amount"]) != decimal(&shown[name]) {
                found.push(format!("{name}: {} is not {}", shown[name], expected[name]));
            }
        }
        let ties = expected.get("opening_plus_booked_equals_closing");
        let ties = ties.or_else(|| expected.get("opening_plus_entries_equals_closing")).expect("said of each");
        if *ties != shown["ties"] {
            found.push(format!("ties: {} is not {ties}", shown["ties"]));
        }
        found
    }

    fn reply_differences(expected: &Value, shown: &Value) -> Vec<String> {
        let mut found = Vec::new();
        for (theirs, ours) in [("group_status", "group"), ("orig_msg_id", "original_message_id"), ("msg_id", "id")] {
            if expected[theirs] != shown[ours] {
                found.push(format!("{ours}: {} is not {}", shown[ours], expected[theirs]));
            }
        }
        let mut counts = [("paid", 0), ("failed", 0), ("unknown", 0)];
        for (status, count) in expected["tx_status"].as_object().expect("counts") {
            let place = match status.as_str() {
                "ACSC" | "ACCC" => 0,
                "RJCT" => 1,
                _ => 2,
            };
            counts[place].1 += count.as_u64().expect("a count");
        }
        for (name, count) in counts.into_iter().chain([("lines", expected["tx_reports"].as_u64().expect("a count"))]) {
            if shown[name] != count {
                found.push(format!("{name}: {} is not {count}", shown[name]));
            }
        }
        found
    }

    /// The files of other people's projects, read as an independent reader read them.
    #[test]
    fn files_that_nobody_here_wrote() {
        let folder = shared().join("bank-files");
        let Ok(expected) = std::fs::read_to_string(folder.join("expected.json")) else {
            println!("skipped: {} is not there", folder.display());
            return;
        };
        let expected: Value = serde_json::from_str(&expected).expect("JSON");
        let mut checked: BTreeMap<&str, u64> = BTreeMap::new();
        let mut wrong = Vec::new();
        for (name, expected) in expected["files"].as_object().expect("files") {
            let kind = expected["kind"].as_str().expect("a kind");
            if kind == "cn-export" {
                continue;
            }
            *checked.entry(kind).or_default() += 1;
            let mut summary = Summary::default();
            let mut file = File::open(folder.join(name)).expect("a file");
            let read = reading::read(name, &mut file, None, &mut summary);
            let refuse = expected["broken"]["expect"] == "reject"
                || expected.get("control_total_break").is_some()
                || matches!(kind, "stub" | "unknown" | "pain.008" | "camt.055");
            let read = match read {
                Ok(_) if refuse => {
                    wrong.push(format!("{name}: read, and should be refused"));
                    continue;
                }
                Ok(read) => read,
                Err(Failure::Refused(_)) if refuse => continue,
                Err(failure) => {
                    wrong.push(format!("{name}: {failure:?}"));
                    continue;
                }
            };
            let shown = summary.object(&read);
            let kind = if kind == "fragment" { "mt940" } else { kind };
            if shown["kind"] != kind {
                wrong.push(format!("{name}: {} is not {kind}", shown["kind"]));
            }
            let mut differ = Vec::new();
            if let Some(statements) = expected["statements"].as_array() {
                let ours = shown["statements"].as_array().expect("statements");
                if ours.len() != statements.len() {
                    wrong.push(format!("{name}: {} statements, not {}", ours.len(), statements.len()));
                }
                differ = statements.iter().zip(ours).flat_map(|(one, other)| differences(one, other)).collect();
            } else if kind == "pain.002" {
                differ = reply_differences(expected, &shown["reply"]);
            } else if kind == "pain.001" {
                let actual = &expected["actual"];
                if actual["transactions"] != shown["payments"]["count"]
                    || decimal(&actual["sum_all"]) != decimal(&shown["payments"]["sum"])
                {
                    differ.push(format!("{} is not {actual}", shown["payments"]));
                }
            }
            wrong.extend(differ.into_iter().map(|difference| format!("{name}: {difference}")));
        }
        println!("files checked: {checked:?}");
        assert!(checked.values().sum::<u64>() > 100, "the files were not found");
        assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
    }
}
