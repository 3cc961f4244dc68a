//! Every command as data: what it is called, what it takes, whether it records. The service's pages and its API are made
//! from this, so a command that exists can be used everywhere, and nothing is described twice.
//!
//! Names, help and kinds of values come from the command line's own definition; only what the definition cannot know
//! stands here.

use std::any::TypeId;
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use ankuan_ledger::Amount;
use clap::builder::PossibleValue;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, CommandFactory, FromArgMatches};
use jiff::civil::Date;

use super::{Cli, Command};
use crate::message::meaning;
use crate::{Language, Message};

/// What a command does, as far as whoever runs it for others must know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Shows something and changes nothing.
    Read,
    /// Shows something, or with a file sets it.
    ReadOrSet,
    /// Records something, in the blink of an eye.
    Write,
    /// Takes longer, or leaves files: a job. All of these may be done again after they were cut off: what was done
    /// already changes nothing.
    Long,
    /// Belongs to the machine it is typed on: it makes a database, practises, serves.
    Local,
}

/// Every command by its words.
pub const COMMANDS: &[(&str, Kind)] = &[
    ("init", Kind::Local),
    ("person add", Kind::Write),
    ("person grant", Kind::Write),
    ("person revoke", Kind::Write),
    ("person delegate", Kind::Write),
    ("person invite", Kind::Write),
    ("person enrol", Kind::Local),
    ("person totp", Kind::Local),
    ("person password", Kind::Local),
    ("person reset", Kind::Write),
    ("person lock-reset", Kind::Write),
    ("person list", Kind::Read),
    ("api-key add", Kind::Write),
    ("api-key list", Kind::Read),
    ("api-key revoke", Kind::Write),
    ("api-key confirm", Kind::Write),
    ("upper-court add", Kind::Write),
    ("upper-court end", Kind::Write),
    ("upper-court list", Kind::Read),
    ("upper-court readings", Kind::Read),
    ("webhook add", Kind::Write),
    ("webhook list", Kind::Read),
    ("webhook remove", Kind::Write),
    ("webhook pause", Kind::Write),
    ("webhook resume", Kind::Write),
    ("webhook replay", Kind::Write),
    ("webhook deliveries", Kind::Read),
    ("webhook test", Kind::Write),
    ("bank-account add", Kind::Write),
    ("bank-account list", Kind::Read),
    ("case open", Kind::Write),
    ("case number", Kind::Write),
    ("case party", Kind::Write),
    ("case sub-account", Kind::Write),
    ("case event", Kind::Write),
    ("case handler", Kind::Write),
    ("case milestone", Kind::Write),
    ("case freeze", Kind::Write),
    ("case show", Kind::Read),
    ("case list", Kind::Read),
    ("receipt record", Kind::Write),
    ("receipt attribute", Kind::Write),
    ("receipt list", Kind::Read),
    ("cash take", Kind::Write),
    ("cash banked", Kind::Write),
    ("cash void", Kind::Write),
    ("cash list", Kind::Read),
    ("claims import", Kind::Long),
    ("claims list", Kind::Read),
    ("claim list", Kind::Read),
    ("claim show", Kind::Read),
    ("claim confirm", Kind::Write),
    ("claim dispute", Kind::Write),
    ("claim reserve", Kind::Write),
    ("claim details", Kind::Write),
    ("claim withdraw", Kind::Write),
    ("claim payees", Kind::Write),
    ("claimants key", Kind::Write),
    ("claimants letters", Kind::Long),
    ("claimants messages", Kind::Long),
    ("claimants outbox", Kind::Long),
    ("claimants arrived", Kind::Long),
    ("claimants export", Kind::Long),
    ("claimants corrections", Kind::Long),
    ("claimants accept", Kind::Write),
    ("claimants refuse", Kind::Write),
    ("claimants show", Kind::Read),
    ("claimants serve", Kind::Local),
    ("payee add", Kind::Write),
    ("payee details", Kind::Write),
    ("payee list", Kind::Read),
    ("sheet record", Kind::Write),
    ("sheet list", Kind::Read),
    ("sheet show", Kind::Read),
    ("distribute make", Kind::Long),
    ("distribute list", Kind::Read),
    ("distribute explain", Kind::Read),
    ("payout draft", Kind::Write),
    ("payout submit", Kind::Write),
    ("payout approve", Kind::Write),
    ("payout commit", Kind::Long),
    ("payout release", Kind::Long),
    ("payout deliver", Kind::Long),
    ("payout verification-request", Kind::Long),
    ("payout withdraw", Kind::Write),
    ("payout cancel", Kind::Write),
    ("payout screen", Kind::Read),
    ("payout clear", Kind::Write),
    ("payout send-back", Kind::Write),
    ("payout show", Kind::Read),
    ("payout policy", Kind::ReadOrSet),
    ("payout returns", Kind::Read),
    ("payout reissue", Kind::Long),
    ("payout list", Kind::Read),
    ("statement show", Kind::Read),
    ("statement import", Kind::Long),
    ("statement list", Kind::Read),
    ("reply import", Kind::Long),
    ("reconcile match", Kind::Long),
    ("reconcile open", Kind::Read),
    ("reconcile show", Kind::Read),
    ("reconcile set", Kind::Write),
    ("reconcile undo", Kind::Write),
    ("reconcile note", Kind::Write),
    ("reconcile prepare", Kind::Write),
    ("reconcile review", Kind::Write),
    ("reconcile close", Kind::Write),
    ("reconcile reopen", Kind::Write),
    ("reconcile days", Kind::Read),
    ("reconcile transfers", Kind::Read),
    ("reconcile score", Kind::Local),
    ("report bank-reconciliation", Kind::Read),
    ("report case-comparison", Kind::Read),
    ("report monthly-return", Kind::Read),
    ("report measures", Kind::Read),
    ("report cash-ratio", Kind::Read),
    ("report closing-certificate", Kind::Read),
    ("opening import", Kind::Long),
    ("asset add", Kind::Write),
    ("asset list", Kind::Read),
    ("asset show", Kind::Read),
    ("asset day", Kind::Long),
    ("asset found", Kind::Read),
    ("asset ground", Kind::Write),
    ("asset expect", Kind::Write),
    ("asset expected", Kind::Read),
    ("asset income", Kind::Write),
    ("asset notice", Kind::Write),
    ("asset objection", Kind::Write),
    ("asset use", Kind::Write),
    ("asset substitute", Kind::Write),
    ("freeze", Kind::Write),
    ("renew", Kind::Write),
    ("deduct", Kind::Write),
    ("lift", Kind::Write),
    ("instructions out", Kind::Long),
    ("instructions in", Kind::Long),
    ("instructions expected", Kind::Read),
    ("deadlines", Kind::Read),
    ("deadlines pause", Kind::Write),
    ("deadlines resume", Kind::Write),
    ("deadlines rules", Kind::ReadOrSet),
    ("movement order", Kind::Write),
    ("movement list", Kind::Read),
    ("movement left", Kind::Read),
    ("relief fund-in", Kind::Write),
    ("relief pay", Kind::Write),
    ("relief refund", Kind::Write),
    ("relief premium", Kind::Write),
    ("relief claim", Kind::Write),
    ("relief insurer-paid", Kind::Write),
    ("relief pass-through", Kind::Write),
    ("relief show", Kind::Read),
    ("court-transfer record", Kind::Write),
    ("court-transfer paper", Kind::Write),
    ("court-transfer list", Kind::Read),
    ("bounty announce", Kind::Write),
    ("bounty report", Kind::Long),
    ("bounty award", Kind::Write),
    ("bounty draw", Kind::Write),
    ("bounty list", Kind::Read),
    ("salary import", Kind::Long),
    ("salary show", Kind::Read),
    ("salary sweep", Kind::Write),
    ("calc interest", Kind::Read),
    ("calc fee", Kind::Read),
    ("calc preservation-fee", Kind::Read),
    ("calc bankruptcy-fee", Kind::Read),
    ("calc waterfall", Kind::Read),
    ("calc imputation", Kind::Read),
    ("calc live-freeze", Kind::Read),
    ("calc term", Kind::Read),
    ("ledger accounts", Kind::Read),
    ("ledger balance", Kind::Read),
    ("ledger entries", Kind::Read),
    ("ledger voucher", Kind::Read),
    ("ledger trial-balance", Kind::Read),
    ("ledger hold", Kind::Write),
    ("ledger capture", Kind::Write),
    ("ledger release", Kind::Write),
    ("ledger reverse", Kind::Write),
    ("ledger close-month", Kind::Write),
    ("ledger attach", Kind::Write),
    ("ledger unattached", Kind::Read),
    ("paper print", Kind::Write),
    ("paper list", Kind::Read),
    ("verify", Kind::Long),
    ("serve", Kind::Local),
    ("reads list", Kind::Read),
    ("keys rotate", Kind::Local),
    ("backup", Kind::Local),
    ("restore", Kind::Local),
    ("demo", Kind::Local),
    ("bank-sim", Kind::Local),
    ("institution-sim", Kind::Local),
    ("query", Kind::Write),
    ("surrender", Kind::Write),
    ("deduction list", Kind::Read),
    ("deduction show", Kind::Read),
    ("deduction arrived", Kind::Write),
    ("deduction explain", Kind::Write),
    ("obligation add", Kind::Write),
    ("obligation payee", Kind::Write),
    ("obligation list", Kind::Read),
    ("obligation show", Kind::Read),
    ("obligation perform-outside", Kind::Write),
    ("obligation set-off", Kind::Write),
    ("obligation assign", Kind::Write),
    ("obligation waive", Kind::Write),
    ("obligation undo", Kind::Write),
    ("plan draft", Kind::Write),
    ("plan serve", Kind::Write),
    ("plan object", Kind::Write),
    ("plan oppose", Kind::Write),
    ("plan suit", Kind::Write),
    ("plan settle", Kind::Write),
    ("plan decide", Kind::Write),
    ("plan pay-again", Kind::Write),
    ("plan cancel", Kind::Write),
    ("plan show", Kind::Read),
    ("plan list", Kind::Read),
    ("settlement add", Kind::Write),
    ("settlement receipt", Kind::Write),
    ("settlement list", Kind::Read),
    ("settlement default", Kind::Write),
    ("settlement complete", Kind::Write),
];

/// The arguments by which a second person is named who agrees. At the command line they are taken at their word or prove
/// themselves there; in the service they do it on their own.
pub const SECOND_PERSON: &[&str] = &["confirmed_by", "approved_by", "second_officer"];

/// The commands that are signed with the person's own key, which their password opens.
pub const SIGNED: &[&str] = &["payout approve"];

/// What an argument takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Takes {
    /// Nothing: it is said or not.
    Flag,
    /// Words.
    Text,
    /// A whole number.
    Number,
    /// An amount in yuan.
    Yuan,
    /// A civil date.
    Date,
    /// One word of a closed list.
    Choice(Vec<String>),
    /// The name of something built in; at the command line also a file.
    Name,
    /// A file that is read.
    File,
    /// A file or folder that is written.
    Output,
}

/// A word of a closed list, and what people call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The word: `bank_direct`.
    pub word: String,
    /// What it means, in Chinese.
    pub zh: String,
    /// What it means, in English.
    pub en: String,
}

impl Choice {
    /// What it means, in a language.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// An argument of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, as programs give it: `value_date`.
    pub name: String,
    /// What it means, in Chinese.
    pub help_zh: String,
    /// What it means, in English.
    pub help_en: String,
    /// What it takes.
    pub takes: Takes,
    /// What the words of [`Takes::Choice`] mean.
    pub choices: Vec<Choice>,
    /// Whether it must be given.
    pub is_required: bool,
    /// Whether it may be given several times.
    pub is_list: bool,
    /// What counts where it is not given.
    pub default: Option<String>,
    /// `--value-date`; none for one that is known by its place.
    long: Option<String>,
}

impl Parameter {
    /// What it means, in a language.
    #[must_use]
    pub fn help(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.help_zh,
            Language::En => &self.help_en,
        }
    }

    /// Whether it is meant by an argument as clap writes it: `--amount <AMOUNT>`, `<CASE>`.
    fn is_in(&self, argument: &str) -> bool {
        let is_long = |long: &String| argument.split([' ', '|', '<']).any(|part| part == format!("--{long}"));
        match &self.long {
            Some(long) => is_long(long),
            None => argument.contains(&format!("<{}>", self.name.to_uppercase())),
        }
    }

    /// What a field for it is called: where the words to choose from stand in a list of their own, they are left out.
    #[must_use]
    pub fn label(&self, language: Language) -> &str {
        let help = self.help(language);
        if self.choices.is_empty() { help } else { head(help) }
    }
}

/// A command with everything that is known of it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its words: `payout approve`.
    pub words: &'static str,
    /// What it does.
    pub kind: Kind,
    /// What it is for, in Chinese.
    pub about_zh: String,
    /// What it is for, in English.
    pub about_en: String,
    /// What it takes.
    pub parameters: Vec<Parameter>,
    /// What the commands with the same first word are about, in Chinese and English.
    group: (String, String),
}

/// The beginning of a text that goes on to explain itself: `入账：案款转为应付`.
fn head(text: &str) -> &str {
    let end = text.find('：').or_else(|| text.find(": ")).unwrap_or(text.len());
    &text[..end]
}

impl Entry {
    /// What it is called: what it is for, without what explains it.
    #[must_use]
    pub fn title(&self, language: Language) -> &str {
        head(self.about(language))
    }

    /// What explains the title; empty where nothing has to.
    #[must_use]
    pub fn explanation(&self, language: Language) -> &str {
        self.about(language)[self.title(language).len()..].trim_start_matches(['：', ':', ' '])
    }

    /// What the commands with the same first word are about.
    #[must_use]
    pub fn group(&self, language: Language) -> &str {
        head(match language {
            Language::Zh => &self.group.0,
            Language::En => &self.group.1,
        })
    }

    /// What it is for, in a language.
    #[must_use]
    pub fn about(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.about_zh,
            Language::En => &self.about_en,
        }
    }

    /// The parameter that names a second person, where there is one.
    #[must_use]
    pub fn second_person(&self) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| SECOND_PERSON.contains(&parameter.name.as_str()))
    }

    /// Whether it takes a file, which an address cannot carry.
    #[must_use]
    pub fn takes_file(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter.takes == Takes::File)
    }

    /// Whether the person signs it with their own key.
    #[must_use]
    pub fn is_signed(&self) -> bool {
        SIGNED.contains(&self.words)
    }

    /// A parameter by its name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// Reads a command from values by name. No value can be taken for another argument, nor an option of every command be
    /// given.
    ///
    /// # Errors
    /// `command.unknown_parameter`, `command.not_built_in` (a path where only a name may stand), `command.zero_byte`,
    /// `command.parameter_missing`, `command.parameter_twice`, `command.usage`.
    pub fn command(&self, values: &[(String, String)]) -> Result<Command, Message> {
        let mut arguments: Vec<String> = vec!["ankuan".to_owned()];
        arguments.extend(self.words.split(' ').map(str::to_owned));
        for (name, value) in values {
            let Some(parameter) = self.parameter(name) else {
                return Err(Message::new("command.unknown_parameter").with("name", name).with("command", self.words));
            };
            // No text of a person has one, and PostgreSQL takes none.
            if value.contains('\0') {
                return Err(Message::new("command.zero_byte").with("name", name));
            }
            let is_name = |character: char| character.is_ascii_alphanumeric() || character == '-' || character == '_';
            if parameter.takes == Takes::Name && !value.chars().all(is_name) {
                return Err(Message::new("command.not_built_in").with("name", name).with("value", value));
            }
            match (&parameter.long, &parameter.takes) {
                (Some(long), Takes::Flag) if value == "true" => arguments.push(format!("--{long}")),
                (Some(long), takes) if *takes != Takes::Flag => arguments.push(format!("--{long}={value}")),
                _ => {}
            }
        }
        arguments.push("--".to_owned());
        // What is known by its place is given whole and in order: a gap, or one value too many, would move the others.
        let mut gap = None;
        for parameter in self.parameters.iter().filter(|parameter| parameter.long.is_none()) {
            let given = values.iter().filter(|(name, _)| *name == parameter.name).map(|(_, value)| value.clone());
            let before = arguments.len();
            arguments.extend(given);
            match (arguments.len() - before, gap) {
                (0, _) => gap = gap.or(Some(parameter)),
                (_, Some(missing)) => return Err(Message::new("command.parameter_missing").with("name", &missing.name)),
                (2.., None) if !parameter.is_list => {
                    return Err(Message::new("command.parameter_twice").with("name", &parameter.name));
                }
                _ => {}
            }
        }
        let usage = |error: clap::Error| self.usage(&error);
        // Whoever panicked while reading words left a description that is whole at any moment.
        let mut root = ROOT.lock().unwrap_or_else(PoisonError::into_inner);
        let matches = root.try_get_matches_from_mut(arguments).map_err(usage)?;
        drop(root);
        Ok(Cli::from_arg_matches(&matches).map_err(usage)?.command)
    }

    /// What is wrong with a command, by what its fields are called where one is missing or cannot be read.
    fn usage(&self, error: &clap::Error) -> Message {
        let message = Message::new("command.usage");
        let arguments = match error.get(ContextKind::InvalidArg) {
            Some(ContextValue::Strings(arguments)) => arguments.clone(),
            Some(ContextValue::String(argument)) => vec![argument.clone()],
            _ => Vec::new(),
        };
        let meant = || {
            let is_meant = |parameter: &&Parameter| arguments.iter().any(|argument| parameter.is_in(argument));
            self.parameters.iter().filter(is_meant)
        };
        let labels = |language| meant().map(|parameter| parameter.label(language)).collect::<Vec<_>>().join(" / ");
        if error.kind() == ErrorKind::MissingRequiredArgument {
            // A program knows a field by its name.
            let named = |parameter: &Parameter, language| {
                let field = Message::new("command.field").with("label", parameter.label(language));
                field.with("name", &parameter.name).text(language)
            };
            let fields = |language| meant().map(|parameter| named(parameter, language)).collect::<Vec<_>>().join(" / ");
            let said = |language| Message::new("command.missing").with("names", fields(language)).text(language);
            return message.with_said("detail", said);
        }
        // Our own readers say it in both languages.
        let why = error.source().map(ToString::to_string).unwrap_or_default();
        if let Some((zh, en)) = why.split_once(" / ") {
            let said = |language| {
                let why = if language == Language::Zh { zh } else { en };
                Message::new("command.unreadable").with("name", labels(language)).with("why", why).text(language)
            };
            return message.with_said("detail", said);
        }
        let text = error.to_string();
        let text = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").trim();
        message.with("detail", text)
    }
}

/// The whole command line, described once: to describe it takes longer than most commands.
static ROOT: LazyLock<Mutex<clap::Command>> = LazyLock::new(|| Mutex::new(Cli::command()));

/// Every command, in the order of [`COMMANDS`].
#[must_use]
pub fn entries() -> Vec<Entry> {
    let root = Cli::command();
    COMMANDS.iter().filter_map(|(words, kind)| entry(&root, words, *kind)).collect()
}

fn entry(root: &clap::Command, words: &'static str, kind: Kind) -> Option<Entry> {
    let command = words.split(' ').try_fold(root, |command, word| command.find_subcommand(word))?;
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let (about_zh, about_en) = both(&about);
    let parameters = command
        .get_arguments()
        .filter(|argument| is_own(argument))
        .map(|argument| parameter(words, argument))
        .collect();
    let group = words.split(' ').next().and_then(|word| root.find_subcommand(word)).and_then(clap::Command::get_about);
    let group = both(&group.map(ToString::to_string).unwrap_or_default());
    Some(Entry { words, kind, about_zh, about_en, parameters, group })
}

/// Whether an argument is the command's own: help and version are not.
fn is_own(argument: &Arg) -> bool {
    !argument.is_global_set() && !matches!(argument.get_action(), ArgAction::Help | ArgAction::Version)
}

fn parameter(command: &str, argument: &Arg) -> Parameter {
    let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let (mut help_zh, help_en) = both(&help);
    let is_list = matches!(argument.get_action(), ArgAction::Append)
        || argument.get_num_args().is_some_and(|range| range.max_values() > 1);
    let takes = takes(argument);
    let mut choices = Vec::new();
    if let Takes::Choice(_) = &takes {
        let meant = listed(&help_zh);
        let list = argument.get_id().as_str();
        let lists = [list.to_owned(), format!("{}_{list}", command.split(' ').next().unwrap_or_default())];
        choices = argument.get_possible_values().iter().map(|value| choice(&lists, value)).collect();
        for choice in &mut choices {
            if let Some(meaning) = meant.iter().find(|meaning| meaning.word == choice.word) {
                choice.clone_from(meaning);
            }
        }
        // The list of words is the field itself.
        if !meant.is_empty() {
            help_zh = head(&help_zh).to_owned();
        }
    }
    Parameter {
        name: argument.get_id().to_string(),
        help_zh,
        help_en,
        takes,
        choices,
        is_required: argument.is_required_set(),
        is_list,
        default: argument.get_default_values().first().map(|value| value.to_string_lossy().into_owned()),
        long: argument.get_long().map(str::to_owned),
    }
}

/// A word with what it means: as the command line says it, or as the list says it that has the parameter's name.
fn choice(lists: &[String], value: &PossibleValue) -> Choice {
    let word = value.get_name().to_owned();
    let (zh, en) = both(&value.get_help().map(ToString::to_string).unwrap_or_default());
    if !zh.is_empty() {
        return Choice { word, zh, en };
    }
    let said = |language| lists.iter().find_map(|list| meaning(list, &word, language));
    let spaced = word.replace('_', " ");
    let zh = said(Language::Zh).unwrap_or_else(|| spaced.clone());
    Choice { en: said(Language::En).unwrap_or(spaced), zh, word }
}

/// The words of a help that lists all of them, as `来源：download 网银下载、email 邮件` does; nothing where it lists none.
fn listed(help: &str) -> Vec<Choice> {
    let Some((_, list)) = help.split_once('：') else { return Vec::new() };
    let between = if list.contains('，') { '，' } else { '、' };
    let one = |part: &str| {
        let (word, name) = part.trim().split_once(' ')?;
        let is_word = word.chars().all(|character| character.is_ascii_lowercase() || character == '_');
        let is_name = !name.is_empty() && !name.contains(|character: char| character.is_ascii() || character == '：');
        (is_word && is_name).then(|| Choice { word: word.to_owned(), zh: name.to_owned(), en: word.replace('_', " ") })
    };
    list.split(between).map(one).collect::<Option<Vec<_>>>().filter(|words| words.len() > 1).unwrap_or_default()
}

fn takes(argument: &Arg) -> Takes {
    /// Paths that a command writes to.
    const WRITTEN: &[&str] = &["out", "dir", "problems", "csv", "xlsx", "code_to"];
    if !argument.get_action().takes_values() {
        return Takes::Flag;
    }
    let choices: Vec<String> = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let kind = argument.get_value_parser().type_id();
    let is = |wanted: TypeId| kind == wanted;
    let names = argument.get_value_names().unwrap_or_default();
    if !choices.is_empty() {
        Takes::Choice(choices)
    } else if is(TypeId::of::<PathBuf>()) {
        if WRITTEN.contains(&argument.get_id().as_str()) { Takes::Output } else { Takes::File }
    } else if names.iter().any(|name| name.contains("FILE")) {
        Takes::Name
    } else if is(TypeId::of::<Amount>()) {
        Takes::Yuan
    } else if is(TypeId::of::<Date>()) {
        Takes::Date
    } else if [TypeId::of::<i64>(), TypeId::of::<u64>(), TypeId::of::<u32>(), TypeId::of::<u16>()].into_iter().any(is) {
        Takes::Number
    } else {
        Takes::Text
    }
}

/// The two halves of a text of the command line: `审批 · Approve the next step`.
fn both(text: &str) -> (String, String) {
    let (zh, en) = text.split_once(" · ").unwrap_or((text, text));
    (zh.trim().to_owned(), en.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn leaves(command: &clap::Command, words: &str, found: &mut BTreeSet<String>) {
        let subcommands: Vec<_> = command.get_subcommands().filter(|command| command.get_name() != "help").collect();
        if !words.is_empty() && (subcommands.is_empty() || !command.is_subcommand_required_set()) {
            found.insert(words.to_owned());
        }
        for subcommand in subcommands {
            let longer = format!("{words} {}", subcommand.get_name());
            leaves(subcommand, longer.trim(), found);
        }
    }

    #[test]
    fn every_command_is_listed_once() {
        let mut found = BTreeSet::new();
        leaves(&Cli::command(), "", &mut found);
        let listed: BTreeSet<String> = COMMANDS.iter().map(|(words, _)| (*words).to_owned()).collect();
        assert_eq!(listed, found);
        assert_eq!(listed.len(), COMMANDS.len());
        assert_eq!(entries().len(), COMMANDS.len());
    }

    #[test]
    fn everything_is_said_in_both_languages() {
        for entry in entries() {
            assert_ne!(entry.about_zh, entry.about_en, "{}", entry.words);
            for parameter in &entry.parameters {
                assert!(!parameter.help_zh.is_empty(), "{} {}", entry.words, parameter.name);
                assert_ne!(parameter.help_zh, parameter.help_en, "{} {}", entry.words, parameter.name);
                for choice in parameter.choices.iter().filter(|_| entry.kind != Kind::Local) {
                    assert_ne!(choice.zh, choice.en, "{} {}: say it in locales/words.yml", entry.words, parameter.name);
                }
            }
        }
    }

    /// Of the commands that are jobs and leave no file, why they take longer.
    const TAKES_LONGER: &[(&str, &str)] = &[
        ("claims import", "reads a list of any length"),
        ("claimants messages", "a code for each claimant, slow to guess and so slow to make"),
        ("claimants arrived", "reads a file of any length"),
        ("claimants corrections", "reads files of any number"),
        ("distribute make", "a line for each claim"),
        ("payout commit", "a line for each payment"),
        ("payout release", "renders each payment"),
        ("payout reissue", "a line for each payment that came back"),
        ("statement import", "reads files of any length"),
        ("reply import", "reads files of any length"),
        ("reconcile match", "looks at each line that is open"),
        ("opening import", "reads a file of any length"),
        ("asset day", "looks at each measure that ends"),
        ("instructions in", "reads files of any length"),
        ("salary import", "reads files of any length"),
        ("verify", "reads everything"),
    ];

    /// Only a job keeps files, so what cannot be run without writing one is a job; and who runs no job need not wait for one.
    #[test]
    fn what_writes_files_is_a_job_and_what_is_a_job_has_a_reason() {
        // Pages give these files themselves; as commands they do without.
        const MAY_WRITE: &[&str] = &["report bank-reconciliation", "report monthly-return", "paper print"];
        let mut longer: BTreeSet<&str> = TAKES_LONGER.iter().map(|(words, _)| *words).collect();
        for entry in entries().into_iter().filter(|entry| entry.kind != Kind::Local) {
            let writes: Vec<_> = entry.parameters.iter().filter(|one| one.takes == Takes::Output).collect();
            let must_write = writes.iter().any(|one| one.is_required);
            let words = entry.words;
            match entry.kind {
                Kind::Long => assert!(must_write != longer.remove(words), "{words} is a job: why?"),
                _ => assert!(
                    writes.is_empty() || !must_write && MAY_WRITE.contains(&words),
                    "{words} writes, and is no job"
                ),
            }
        }
        assert!(longer.is_empty(), "{longer:?} are no jobs");
    }

    fn of(words: &str) -> Entry {
        entries().into_iter().find(|entry| entry.words == words).unwrap()
    }

    #[test]
    fn a_value_is_never_taken_for_another_argument() {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let entry = of("person add");
        let command = entry.command(&[own("name", "--as=管理员")]).unwrap();
        assert!(format!("{command:?}").contains("--as=管理员"), "{command:?}");
        assert_eq!(entry.command(&[own("acting_as", "管理员")]).unwrap_err().code, "command.unknown_parameter");
        assert_eq!(entry.command(&[]).unwrap_err().code, "command.usage");
        // Nor does it move to another place.
        let show = of("claim show");
        assert_eq!(show.command(&[own("claimant", "7")]).unwrap_err().code, "command.parameter_missing");
        let twice = [own("case", "a"), own("case", "b")];
        assert_eq!(show.command(&twice).unwrap_err().code, "command.parameter_twice");
        let draft = of("payout draft");
        assert!(draft.command(&[own("sheets", "1"), own("sheets", "2"), own("title", "--sheet=3")]).is_ok());
        assert_eq!(draft.command(&[own("profile", "/etc/passwd")]).unwrap_err().code, "command.not_built_in");
    }
}
