//! `docs/mechanisms.toml` is run as it stands: every mechanism of the sources that is the ledger's, by the commands that a
//! person would type. `docs/mechanisms.md` is written from it, and must be what this test would write.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use ankuan::access::Role;
use ankuan::access::may::MAY;
use ankuan::cli::catalogue::{self, Parameter, Takes};
use ankuan::cli::output::Output;
use ankuan::cli::{Cli, Context, run_command};
use ankuan::clock::Clock;
use ankuan::{Failure, Language};
use clap::Parser as _;
use serde::Deserialize;

use crate::program::{CASE, Files, said, words};
use crate::support::Database;

const FILE: &str = include_str!("../../docs/mechanisms.toml");
const TABLE: &str = "docs/mechanisms.md";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mechanisms {
    /// What all rows stand on: people, a bank account.
    setup: Vec<Step>,
    row: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    number: u32,
    name: Both,
    does: Both,
    #[serde(default)]
    step: Vec<Step>,
    /// Why there is nothing to run: it is not the ledger's, or not there.
    #[serde(default)]
    why: Option<Both>,
    #[serde(default)]
    missing: Option<Both>,
}

#[derive(Deserialize)]
struct Both {
    zh: String,
    en: String,
}

/// A command, or a file beside the database.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    run: String,
    /// Pointers into the answer and what must stand there.
    #[serde(default)]
    expect: HashMap<String, toml::Value>,
    /// Names for values of the answer, used as {name} later.
    #[serde(default)]
    keep: HashMap<String, String>,
    /// The code with which it is refused.
    #[serde(default)]
    refused: String,
    #[serde(default)]
    file: String,
    #[serde(default)]
    text: String,
    /// Not shown in the table: what goes before.
    #[serde(default)]
    hidden: bool,
}

/// As a shell splits it, without anything else a shell does.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut is_quoted = false;
    for letter in text.chars() {
        match letter {
            '"' => {
                is_quoted = !is_quoted;
                word.get_or_insert_default();
            }
            ' ' | '\n' if !is_quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

fn filled(text: &str, kept: &HashMap<String, String>) -> String {
    kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn as_json(value: &toml::Value) -> serde_json::Value {
    serde_json::to_value(value).expect("JSON")
}

fn run(files: &Files, address: &str, place: &str, step: &Step, kept: &mut HashMap<String, String>) {
    if !step.file.is_empty() {
        std::fs::write(files.path(&step.file), filled(&step.text, kept)).expect("writes");
        return;
    }
    let arguments = split(&filled(&step.run, kept));
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ankuan"));
    for name in ["DATABASE_URL", "ANKUAN_AS", "ANKUAN_KEYS", "ANKUAN_WAIT", "ANKUAN_STOP_AT"] {
        command.env_remove(name);
    }
    command.args(["--database", address, "--json", "--keys"]).arg(files.path("court.key"));
    if !arguments.iter().any(|argument| argument == "--date") {
        command.args(["--date", "2026-11-22"]);
    }
    let output = command.args(&arguments[1..]).current_dir(files.folder.path()).output().expect("runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    if !step.refused.is_empty() {
        let told: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap_or(answer);
        assert_eq!(told["error"]["code"], step.refused.as_str(), "{place}: {}: {}", step.run, said(&output));
        return;
    }
    assert!(output.status.success(), "{place}: {}: {}", arguments.join(" "), said(&output));
    for (pointer, expected) in &step.expect {
        let found = answer.pointer(pointer).unwrap_or(&serde_json::Value::Null);
        assert_eq!(*found, as_json(expected), "{place}: {}: {pointer} of {answer:#}", step.run);
    }
    for (name, pointer) in &step.keep {
        let found =
            answer.pointer(pointer).unwrap_or_else(|| panic!("{place}: {}: no {pointer} in {answer:#}", step.run));
        let text = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
        kept.insert(name.clone(), text);
    }
}

fn every_mechanism_runs(database: &Database) {
    let mechanisms: Mechanisms = toml::from_str(FILE).expect("the file reads");
    let files = Files { folder: tempfile::tempdir().expect("a folder") };
    let mut kept = HashMap::new();
    for step in &mechanisms.setup {
        run(&files, &database.address, "setup", step, &mut kept);
    }
    for row in &mechanisms.row {
        for step in &row.step {
            run(&files, &database.address, &format!("row {}", row.number), step, &mut kept);
        }
    }
    files.verified(&database.address, &[]);
}

/// Before each step that records, everybody whose role does not give that command tries it, on the very subjects of the step:
/// the room itself refuses, whatever pages show, and whoever gave it holds a role of the table.
fn nobody_records_without_the_role_of_the_table(database: &Database) {
    let mechanisms: Mechanisms = toml::from_str(FILE).expect("the file reads");
    let files = Files { folder: tempfile::tempdir().expect("a folder") };
    let (setup, rows) = (mechanisms.setup.iter(), mechanisms.row.iter().flat_map(|row| &row.step));
    let mut kept = HashMap::new();
    let (mut tried, mut strangers) = (BTreeSet::new(), Strangers::default());
    for step in setup.chain(rows) {
        if step.run.starts_with("ankuan") && step.refused.is_empty() {
            tried.extend(strangers.try_it(&files, &database.address, &split(&filled(&step.run, &kept))));
        }
        run(&files, &database.address, "a step", step, &mut kept);
        if step.run.starts_with("ankuan init") {
            strangers = Strangers::come(&files, &database.address);
        }
    }
    let untried: Vec<&str> = MAY.iter().map(|(words, _)| *words).filter(|words| !tried.contains(words)).collect();
    for words in &untried {
        strangers.try_anything(&files, &database.address, words);
    }
    files.verified(&database.address, &[]);
}

/// One person for each role, and one with none.
#[derive(Default)]
struct Strangers(Vec<(Option<Role>, String)>);

impl Strangers {
    fn come(files: &Files, address: &str) -> Self {
        let roles = Role::ALL.iter().copied().map(Some).chain([None]);
        let people: Vec<_> = roles.map(|role| (role, format!("只有{}", role.map_or("", Role::as_str)))).collect();
        for (role, name) in &people {
            files.done(address, &words(&["person", "add", name, "--as", "赵管理"]));
            if let Some(role) = role {
                files.done(address, &words(&["person", "grant", name, role.as_str(), "--as", "赵管理"]));
            }
        }
        Self(people)
    }

    /// Lets everybody without the role try a step; returns the words of its command where it records.
    fn try_it(&self, files: &Files, address: &str, arguments: &[String]) -> Option<&'static str> {
        let typed = arguments[1..].join(" ");
        let is_it = |words: &str| typed == words || typed.starts_with(&format!("{words} "));
        let (command, roles) = MAY.iter().find(|(words, _)| is_it(words))?;
        if matches!(*command, "payout policy" | "deadlines rules") && !typed.contains("--set") {
            return None;
        }
        let mut given: Vec<String> = Vec::new();
        for argument in arguments {
            // The program's folder is where a step finds its files; here it is another.
            let path = files.path(argument);
            let is_file = !argument.is_empty() && argument.contains('.') && path.is_file();
            given.push(if is_file { path.to_string_lossy().into_owned() } else { argument.clone() });
        }
        let place = given.iter().position(|argument| argument == "--as")? + 1;
        for (role, name) in &self.0 {
            if role.is_none_or(|role| !roles.contains(&role)) {
                given[place].clone_from(name);
                let code = self.refusal(files, address, &given);
                assert!(REFUSED_FOR_ROLE.contains(&code.as_str()), "{name}: {typed}: {code}");
            }
        }
        Some(command)
    }

    /// A command that no step gives, on subjects that are not there: refused at any rate, and nothing recorded.
    fn try_anything(&self, files: &Files, address: &str, words: &str) {
        let entries = catalogue::entries();
        let entry = entries.iter().find(|entry| entry.words == words).expect("a command");
        let file = files.path("anything.txt");
        std::fs::write(&file, "x").expect("writes");
        let value = |parameter: &Parameter| match (parameter.name.as_str(), &parameter.takes) {
            ("name" | "person" | "from_person" | "owner" | "confirmed_by", _) => "周局长".to_owned(),
            ("to_person" | "handler", _) => "钱承办".to_owned(),
            ("run", _) => "P2026-0001".to_owned(),
            ("claimant", _) => "A1".to_owned(),
            ("payees", _) => "1,张甲,其他,P1,6222020000000001,示范银行,102100099996".to_owned(),
            ("upper_court", _) => "2".to_owned(),
            ("role", _) => "handler".to_owned(),
            ("scopes", _) => "read".to_owned(),
            ("channel", _) => "download".to_owned(),
            ("line", _) => "1".to_owned(),
            ("month", _) => "2026-10".to_owned(),
            ("case", _) if words.starts_with("claim ") => "（2026）浙01刑执1号".to_owned(),
            ("party", _) => "王某".to_owned(),
            ("basis", _) if words == "plan decide" => "lapsed".to_owned(),
            ("kind", _) if words == "deadlines pause" => "receipt_payout".to_owned(),
            ("set", _) => {
                let text = match words {
                    "payout policy" => include_str!("../../charts/approval.toml"),
                    _ => include_str!("../../src/deadlines/standard.toml"),
                };
                let path = files.path("set.toml");
                std::fs::write(&path, text).expect("writes");
                path.to_string_lossy().into_owned()
            }
            (_, Takes::Number) => "1".to_owned(),
            (_, Takes::Yuan) => "1.00".to_owned(),
            (_, Takes::Date) => "2026-11-22".to_owned(),
            (_, Takes::Choice(choices)) => choices[0].clone(),
            (_, Takes::File) => file.to_string_lossy().into_owned(),
            (_, Takes::Flag) => "true".to_owned(),
            _ => CASE.to_owned(),
        };
        let wanted = entry.parameters.iter().filter(|parameter| {
            let also = ["set", "claimant", "unattributed", "payees"].contains(&parameter.name.as_str());
            let also = also || (words == "reconcile undo" && parameter.name == "line");
            let also = also
                || (words == "case freeze"
                    && ["claim", "amount", "order", "ordered_by"].contains(&parameter.name.as_str()));
            parameter.is_required || also
        });
        let values: Vec<(String, String)> =
            wanted.map(|parameter| (parameter.name.clone(), value(parameter))).collect();
        let roles = ankuan::access::may::recorders(words).expect("a command that records");
        let command = entry.command(&values).expect("reads");
        for (role, name) in &self.0 {
            if role.is_none_or(|role| !roles.contains(&role)) {
                let context = context(files, address, name);
                let refused = run_command(&context, &command);
                let Err(Failure::Refused(message)) = &refused else { panic!("{name}: {words}: {refused:?}") };
                let is_unknown = message.code.ends_with("unknown");
                let is_for_role =
                    is_unknown || REFUSED_FOR_ROLE.contains(&message.code) || REFUSED_BEFORE.contains(&message.code);
                assert!(is_for_role, "{name}: {words}: {message:?}");
            }
        }
    }

    fn refusal(&self, files: &Files, address: &str, arguments: &[String]) -> String {
        let cli = Cli::try_parse_from(arguments).expect("parses");
        let mut context = context(files, address, "");
        let (date, acting_as) = (cli.globals.date, cli.globals.acting_as);
        context.globals.acting_as = acting_as;
        context.globals.date = date.or(context.globals.date);
        match run_command(&context, &cli.command) {
            Err(Failure::Refused(message)) => message.code.to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// Why a command is refused before its room asks for a role, since its subject is not there.
const REFUSED_BEFORE: &[&str] = &[
    "assets.deduction_unknown",
    "assets.unknown",
    "cases.party_unknown",
    "claim.payee_form",
    "claims.payee_form",
    "deadlines.none_runs",
    "opening.headings",
    "plans.unknown",
    "report.account_unknown",
    "runs.wrong_status",
    "signoff.not_closed",
    "forms.subject",
];

/// How rooms refuse for want of a role.
const REFUSED_FOR_ROLE: &[&str] = &[
    "access.role_missing",
    "access.roles_missing",
    "screens.no_role",
    "runs.no_approver",
    "forms.attach_role",
    "forms.print_role",
];

fn context(files: &Files, address: &str, name: &str) -> Context {
    let keys = files.path("court.key");
    let keys = keys.to_str().expect("UTF-8");
    let arguments =
        ["ankuan", "--database", address, "--keys", keys, "--date", "2026-11-22", "--as", name, "person", "list"];
    let mut context = Context::new(Cli::parse_from(arguments).globals, Clock::system());
    context.output = Output::keeping(Language::Zh, Arc::default());
    context
}

/// Rows 1 to 45 of the sources, and the mechanisms beside them, each once and in order.
#[test]
fn the_table_is_what_the_file_says() {
    let mechanisms: Mechanisms = toml::from_str(FILE).expect("the file reads");
    let numbers: Vec<u32> = mechanisms.row.iter().map(|row| row.number).collect();
    assert_eq!(numbers, (1..=52).collect::<Vec<u32>>());
    for row in &mechanisms.row {
        assert!(!row.step.is_empty() || row.why.is_some() || row.missing.is_some(), "row {}", row.number);
        assert!(!row.does.zh.is_empty() && !row.does.en.is_empty(), "row {}", row.number);
    }
    let written = table(&mechanisms);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    if std::env::var_os("ANKUAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, &written).expect("writes");
    }
    let stands = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stands == written, "{TABLE} is out of date: ANKUAN_WRITE_DOCS=1 cargo test --test all mechanisms");
}

fn table(mechanisms: &Mechanisms) -> String {
    let mut text = String::from(
        "# Mechanisms · 机制对照\n\nRows 1–45 are the systems and mechanisms of the sources that touch money, property or claims; 46–52 \
         are those that\nwere found beside them. Written from [mechanisms.toml](mechanisms.toml), whose commands \
         `cargo test --test all mechanisms` runs\nin this order, on both databases, and then verifies the books. \
         第 1–45 行为各来源所述涉及案款、财产、债权的系统和机制，第 46–52 行为另行发现的机制；\
         本表由 mechanisms.toml 生成，其中命令由测试在两种数据库上逐条执行并核验。\n\n\
         What stands in braces is a number that an earlier command gave; files and what only prepares a row stand in \
         mechanisms.toml.\n花括号内为前面命令给出的编号；所用文件和准备步骤见 mechanisms.toml。\n",
    );
    for row in &mechanisms.row {
        let _ = write!(
            text,
            "\n## {}. {} · {}\n\n{}\n\n{}\n",
            row.number, row.name.zh, row.name.en, row.does.zh, row.does.en
        );
        if let Some(why) = &row.why {
            let _ = write!(text, "\n**不属于总账 · Not the ledger's.** {} · {}\n", why.zh, why.en);
        }
        if let Some(missing) = &row.missing {
            let _ = write!(text, "\n**尚缺 · Missing.** {} · {}\n", missing.zh, missing.en);
        }
        let shown: Vec<&Step> = row.step.iter().filter(|step| !step.hidden && !step.run.is_empty()).collect();
        if !shown.is_empty() {
            text.push_str("\n```console\n");
            for step in shown {
                let _ = writeln!(text, "$ {}", step.run.split_whitespace().collect::<Vec<_>>().join(" "));
                if !step.refused.is_empty() {
                    let _ = writeln!(text, "refused [{}]", step.refused);
                }
            }
            text.push_str("```\n");
        }
    }
    text
}

crate::on_both!(every_mechanism_runs, nobody_records_without_the_role_of_the_table);
