//! The command line: one file per command, which parses, calls and prints.

pub mod amount;
pub mod output;

#[cfg(test)]
mod tests {
    use crate::{Language, Message};

    /// Every code that the sources here name. Read from their text, so that a new code cannot be forgotten.
    fn codes() -> Vec<&'static str> {
        [include_str!("amount.rs"), include_str!("output.rs")]
            .into_iter()
            .flat_map(|source| source.split("Message::new(\"").skip(1))
            .filter_map(|rest| rest.split('"').next())
            .collect()
    }

    #[test]
    fn every_code_has_a_chinese_and_an_english_text() {
        let is_chinese = |character: char| ('\u{4e00}'..='\u{9fff}').contains(&character);
        assert!(codes().len() >= 10, "the codes were not found in the sources: {:?}", codes());
        for code in codes() {
            for language in [Language::Zh, Language::En] {
                let text = Message { code, arguments: Vec::new() }.text(language);
                assert!(!text.contains(code), "{code} has no text in {language:?}");
                assert_eq!(text.contains(is_chinese), language == Language::Zh, "{code} in {language:?}: {text}");
            }
        }
    }
}
