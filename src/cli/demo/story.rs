//! A debtor's story: `debtor.toml`, command by command, by this very program in a folder of its own.

use std::collections::HashMap;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::calculators::Text;
use crate::cli::Context;
use crate::failure::{Failure, Outcome};
use crate::message::{Language, Message};

/// The story that is built in.
const DEBTOR: &str = include_str!("debtor.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Story {
    step: Vec<Step>,
}

/// A heading, a file, or a command.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    chapter: Option<Text>,
    #[serde(default)]
    file: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    run: String,
    say: Option<Text>,
    #[serde(default)]
    show: bool,
    /// Pointers into the answer whose values later steps name in braces.
    #[serde(default)]
    keep: HashMap<String, String>,
}

/// Tells the story: a new court in `folder`, and every command run there. The last two answers, certificate and
/// verification, are what `--json` gives.
///
/// # Errors
/// `demo.story_step`: a command that did not do what the story needs, with what it said.
pub fn tell(context: &Context, folder: &Path) -> Outcome<()> {
    std::fs::create_dir_all(folder).map_err(|error| Failure::of_file(folder, &error))?;
    let story: Story =
        toml::from_str(DEBTOR).map_err(|error| Message::new("calc.file").with("detail", error.message()))?;
    let language = context.output.language;
    let mut teller = Teller { context, folder, kept: HashMap::new(), certificate: Value::Null, verified: Value::Null };
    for step in &story.step {
        if let Some(chapter) = &step.chapter {
            context.output.line("")?;
            context.output.line(chapter.text(language))?;
        } else if !step.file.is_empty() {
            let path = folder.join(&step.file);
            std::fs::write(&path, teller.filled(&step.text)).map_err(|error| Failure::of_file(&path, &error))?;
        } else {
            teller.command(step, language)?;
        }
    }
    context.output.object(&json!({
        "certificate": teller.certificate, "verified": teller.verified["ok"], "checks": teller.verified["checks"],
    }))?;
    context.output.sentence(&Message::new("demo.story_done").with("folder", folder.display()))?;
    Ok(())
}

struct Teller<'a> {
    context: &'a Context,
    folder: &'a Path,
    kept: HashMap<String, String>,
    certificate: Value,
    verified: Value,
}

impl Teller<'_> {
    fn filled(&self, text: &str) -> String {
        self.kept.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    fn command(&mut self, step: &Step, language: Language) -> Outcome<()> {
        let line = self.filled(&step.run);
        if let Some(say) = &step.say {
            self.context.output.line(&format!("— {}", say.text(language)))?;
        }
        self.context.output.line(&format!("$ {line}"))?;
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let answered = self.run(&words, true)?;
        let answer: Value = serde_json::from_slice(&answered.stdout).unwrap_or_default();
        let failed = |detail: String| Message::new("demo.story_step").with("command", &line).with("detail", detail);
        if !answered.status.success() {
            let said = [answered.stdout, answered.stderr].concat();
            return Err(failed(String::from_utf8_lossy(&said).trim().to_owned()).into());
        }
        for (name, pointer) in &step.keep {
            let value = answer.pointer(pointer).ok_or_else(|| failed(format!("{pointer}: {answer}")))?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.kept.insert(name.clone(), text);
        }
        match words.as_slice() {
            ["report", "closing-certificate", ..] => self.certificate = answer,
            ["verify", ..] => self.verified = answer,
            _ => {}
        }
        if step.show && !self.context.output.json {
            let shown = self.run(&words, false)?;
            for line in String::from_utf8_lossy(&shown.stdout).trim_end().lines() {
                self.context.output.line(line)?;
            }
        }
        Ok(())
    }

    /// Runs this program as a person would, in the story's folder.
    fn run(&self, words: &[&str], json: bool) -> Outcome<Output> {
        let globals = &self.context.globals;
        let lang = self.context.output.language.locale();
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["--database", &globals.database, "--court", &globals.court.to_string(), "--lang", lang]);
        command.arg("--keys").arg(self.context.key_path());
        if json {
            command.arg("--json");
        }
        command.args(words).current_dir(self.folder).stdin(Stdio::null());
        // What stands in the caller's environment is not the story's.
        for name in ["ANKUAN_AS", "ANKUAN_KEYS", "DATABASE_URL"] {
            command.env_remove(name);
        }
        Ok(command.output()?)
    }
}
