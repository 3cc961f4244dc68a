//! `docs/mechanisms.toml` is run as it stands: every mechanism of the sources that is the ledger's, by the commands that a
//! person would type. `docs/mechanisms.md` is written from it, and must be what this test would write.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;

use crate::program::{Files, said};
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

crate::on_both!(every_mechanism_runs);
