//! What is said to people: a stable code with arguments, turned into Chinese or English at the edge.

use std::path::Path;

use serde::Serialize;

/// The language that people are spoken to in. Chinese comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// 中文
    #[default]
    Zh,
    /// English
    En,
}

impl Language {
    /// The name of the locale in `locales/`.
    #[must_use]
    pub const fn locale(self) -> &'static str {
        match self {
            Self::Zh => "zh",
            Self::En => "en",
        }
    }

    /// Words one after another, as this language parts them.
    #[must_use]
    pub fn list(self, words: &[String]) -> String {
        words.join(match self {
            Self::Zh => "、",
            Self::En => ", ",
        })
    }

    /// A word in brackets, to be put right behind another.
    #[must_use]
    pub fn in_brackets(self, word: &str) -> String {
        match self {
            Self::Zh => format!("（{word}）"),
            Self::En => format!(" ({word})"),
        }
    }
}

/// Begins an argument that is the code of a term. A control character, which no code of ours and no word has.
const TERM: char = '\u{1}';

/// Begins an argument in both languages, and stands between them. A control character likewise.
const BOTH: char = '\u{2}';

/// The argument that names the file a sentence speaks of.
const IN_FILE: &str = "in_file";

/// A sentence by its code: the key of its text in `locales/*.yml`, and the values that stand in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Stable, dotted, lower case: `claims.amount_decimals`.
    pub code: &'static str,
    /// Name and value of each `%{name}` of the text.
    pub arguments: Vec<(&'static str, String)>,
}

impl Message {
    /// A message without arguments.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self { code, arguments: Vec::new() }
    }

    /// With one more argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.arguments.push((name, value.to_string()));
        self
    }

    /// With a term that is itself said in the reader's language: the state of a run, a kind of account.
    #[must_use]
    pub fn with_term(mut self, name: &'static str, term: &Self) -> Self {
        self.arguments.push((name, format!("{TERM}{}", term.code)));
        self
    }

    /// With words that are made in the reader's language: a list of sums, a name that a court chose in both.
    #[must_use]
    pub fn with_said(mut self, name: &'static str, said: impl Fn(Language) -> String) -> Self {
        self.arguments.push((name, format!("{BOTH}{}{BOTH}{}", said(Language::Zh), said(Language::En))));
        self
    }

    /// The sentence with the file that it speaks of before it, where it does not name it by itself.
    #[must_use]
    pub fn in_file(self, path: &Path) -> Self {
        if self.code.starts_with("file.") {
            return self;
        }
        self.with(IN_FILE, path.display())
    }

    /// The sentence in a language.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let said = |code: &str| rust_i18n::t!(code, locale = language.locale()).into_owned();
        let names: Vec<&str> = self.arguments.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> = self
            .arguments
            .iter()
            .map(|(_, value)| {
                let both = value.strip_prefix(BOTH).and_then(|both| both.split_once(BOTH));
                match (value.strip_prefix(TERM), both, language) {
                    (Some(code), _, _) => said(code),
                    (None, Some((zh, _)), Language::Zh) => zh.to_owned(),
                    (None, Some((_, en)), Language::En) => en.to_owned(),
                    (None, None, _) => value.clone(),
                }
            })
            .collect();
        let sentence = rust_i18n::replace_patterns(&said(self.code), &names, &values);
        match self.arguments.iter().find(|(name, _)| *name == IN_FILE) {
            None => sentence,
            Some((_, file)) => {
                rust_i18n::replace_patterns(&said("common.in_file"), &["file", "sentence"], &[file.clone(), sentence])
            }
        }
    }
}

/// What a word of a closed list means, where `locales/words.yml` says it: lists whose words are only shown need no messages
/// of their own.
#[must_use]
pub fn meaning(list: &str, word: &str, language: Language) -> Option<String> {
    let known = crate::_rust_i18n_try_translate(language.locale(), format!("word.{list}.{word}"));
    known.map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_said_in_both_languages_or_not_at_all() {
        assert_eq!(meaning("claim_standing", "late", Language::Zh).as_deref(), Some("逾期申报"));
        assert_eq!(meaning("claim_standing", "late", Language::En).as_deref(), Some("late"));
        assert_eq!(meaning("claim_standing", "no_such_word", Language::En), None);
    }

    #[test]
    fn speaks_both_languages() {
        let message = Message::new("common.refused");
        assert_eq!(message.text(Language::Zh), "拒绝");
        assert_eq!(message.text(Language::En), "refused");
    }

    #[test]
    fn terms_are_said_in_the_readers_language_and_the_file_comes_first() {
        let message = Message::new("runs.wrong_status")
            .with("run", "P2026-0001")
            .with_term("status", &Message::new("runs.status_draft"))
            .with_term("wanted", &Message::new("runs.status_approved"))
            .in_file(Path::new("甲.csv"));
        assert_eq!(message.text(Language::Zh), "甲.csv：批次 P2026-0001 现为“草稿”，此操作要求“已审批”。");
        assert_eq!(message.text(Language::En), "甲.csv: Run P2026-0001 is “draft”; this needs “approved”.");
    }

    #[test]
    fn what_is_made_in_both_languages_is_said_in_the_readers() {
        let message = Message::new("amount.decimals").with_said("text", |language| language.locale().to_owned());
        assert!(message.text(Language::Zh).contains("“zh”") && message.text(Language::En).contains("\"en\""));
    }

    #[test]
    fn a_file_that_is_not_there_is_named_once() {
        let path = Path::new("乙.csv");
        let message = Message::new("file.not_found").with("path", path.display()).in_file(path);
        assert_eq!(message.text(Language::Zh), "没有 乙.csv 这个文件或文件夹。请核对路径。");
    }
}
