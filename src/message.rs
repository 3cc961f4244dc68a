//! What is said to people: a stable code with arguments, turned into Chinese or English at the edge.

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
}

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

    /// The sentence in a language.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        let text = rust_i18n::t!(self.code, locale = language.locale());
        let names: Vec<&str> = self.arguments.iter().map(|(name, _)| *name).collect();
        let values: Vec<String> = self.arguments.iter().map(|(_, value)| value.clone()).collect();
        rust_i18n::replace_patterns(&text, &names, &values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_both_languages() {
        let message = Message::new("common.refused");
        assert_eq!(message.text(Language::Zh), "拒绝");
        assert_eq!(message.text(Language::En), "refused");
    }
}
