//! When two names are the same name, and numbers for names.

use std::collections::HashMap;

use super::index::Fixed;

/// Writes the form of a name in which it is compared.
///
/// Full-width signs become half-width, spaces and invisible signs go, the dots of foreign names are one dot, letters are
/// small. 有限责任公司 and 有限公司 are one form of company (both names are lawful for it), so they are equal.
/// 股份有限公司 is another form, and so are 有限合伙 and 普通合伙: companies that differ in them are two companies.
pub(super) fn normalise(name: &str, into: &mut String) {
    into.clear();
    for c in name.chars() {
        let c = match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{2060}' => continue,
            _ if c.is_whitespace() || c.is_control() => continue,
            _ => c,
        };
        match c {
            '·' | '•' | '・' | '‧' | '･' | '⋅' | '∙' => into.push('·'),
            // Typed for the dot of a foreign name.
            '.' if into.chars().next_back().is_some_and(is_han) => into.push('·'),
            '〔' | '【' | '［' => into.push('('),
            '〕' | '】' | '］' => into.push(')'),
            'A'..='Z' => into.push(c.to_ascii_lowercase()),
            _ if c.is_ascii() || is_han(c) => into.push(c),
            _ => into.extend(c.to_lowercase()),
        }
    }
    const LONG: &str = "有限责任公司";
    if into.contains(LONG) {
        *into = into.replace(LONG, "有限公司");
    }
}

const fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{323af}')
}

/// The words of a rule, in the form in which they are compared.
pub(super) struct Words {
    words: Vec<String>,
    buffer: String,
}

impl Words {
    pub fn new(words: &[String]) -> Self {
        let mut normal = Vec::new();
        for word in words {
            let mut buffer = String::new();
            normalise(word, &mut buffer);
            if !buffer.is_empty() {
                normal.push(buffer);
            }
        }
        Self { words: normal, buffer: String::new() }
    }

    /// Whether one of the texts has one of the words in it.
    pub fn are_in(&mut self, texts: &[&str]) -> bool {
        let Self { words, buffer } = self;
        texts.iter().filter(|text| !text.is_empty()).any(|text| {
            normalise(text, buffer);
            words.iter().any(|word| buffer.contains(word.as_str()))
        })
    }

    /// Whether the text is one of the words.
    pub fn are(&mut self, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        normalise(text, &mut self.buffer);
        self.words.contains(&self.buffer)
    }
}

/// Names by number; 0 is the empty name, which is equal to none.
#[derive(Default)]
pub(super) struct Names {
    numbers: HashMap<Box<str>, u32, Fixed>,
    buffer: String,
}

impl Names {
    /// Makes room for so many more.
    pub fn reserve(&mut self, names: usize) {
        self.numbers.reserve(names);
    }

    pub fn number(&mut self, name: &str) -> u32 {
        normalise(name, &mut self.buffer);
        if self.buffer.is_empty() {
            return 0;
        }
        if let Some(number) = self.numbers.get(self.buffer.as_str()) {
            return *number;
        }
        let number = self.numbers.len() as u32 + 1;
        self.numbers.insert(self.buffer.as_str().into(), number);
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let mut names = Names::default();
        names.number(one) == names.number(other)
    }

    #[test]
    fn names_that_are_one_name() {
        assert!(same("云岭（杭州）贸易有限责任公司", "云岭(杭州)贸易有限公司"));
        assert!(same("阿依古丽·买买提", "阿依古丽•买买提"));
        assert!(same("阿依古丽・买买提", "阿依古丽.买买提"));
        assert!(same("阿依古丽．买买提", "阿依古丽‧买买提"));
        assert!(same(" 张　三\u{200b} ", "张三"));
        assert!(same("ＡＢＣ Trading Co.", "abc tradingco."));
        assert!(same("某某有限责任公司杭州分公司", "某某有限公司杭州分公司"));
    }

    #[test]
    fn names_that_are_two() {
        assert!(!same("张三", "张三丰"));
        assert!(!same("云岭贸易有限公司", "云岭贸易股份有限公司"));
        assert!(!same("云岭（有限合伙）", "云岭（普通合伙）"));
        assert!(!same("云岭投资（有限合伙）", "云岭投资有限公司"));
        assert_eq!(Names::default().number(" 　"), 0);
    }

    #[test]
    fn words_are_found_in_any_width() {
        let mut words = Words::new(&["POS".to_owned(), "手续费".to_owned(), " ".to_owned()]);
        assert!(words.are_in(&["", "ＰＯＳ 清算"]));
        assert!(words.are_in(&["汇款手 续费"]));
        assert!(!words.are_in(&["货款", " "]));
        assert!(words.are("手续费") && !words.are("汇款手续费") && !words.are(""));
    }
}
