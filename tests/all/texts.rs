//! Every code that the sources name has a text in both languages.

use std::path::Path;

use ankuan::{Language, Message};

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(std::fs::read_to_string(path).expect("a source"));
        }
    }
}

/// Words in quotes that look like a code, behind `Message::new(`, an arrow of a `match` or what a page says.
fn codes(source: &str) -> Vec<&str> {
    let is_code = |word: &&str| {
        // A name of a file is none.
        let is_file = [".csv", ".html", ".toml", ".txt", ".xlsx"].iter().any(|end| word.ends_with(end));
        !is_file
            && word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.split('.').count() == 2
            && word.split('.').all(|part| !part.is_empty())
            && word.chars().all(|character| {
                character.is_ascii_lowercase() || character.is_ascii_digit() || "._".contains(character)
            })
    };
    let behind = |mark| source.split(mark).skip(1).filter_map(|rest: &str| rest.split('"').next());
    behind("Message::new(\"")
        .chain(behind("=> \""))
        .chain(behind("viewer.t(\""))
        .chain(behind("(t(\""))
        .filter(is_code)
        .collect()
}

#[test]
fn every_code_has_both() {
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    let mut all: Vec<&str> = texts.iter().flat_map(|source| codes(source)).collect();
    all.sort_unstable();
    all.dedup();
    assert!(all.len() > 150, "the codes were not found: {}", all.len());
    let is_chinese = |character: char| ('\u{4e00}'..='\u{9fff}').contains(&character);
    for code in all {
        // The message wants a code that lives as long as the program; a test may leak it.
        let message = Message::new(String::leak(code.to_owned()));
        let (zh, en) = (message.text(Language::Zh), message.text(Language::En));
        assert!(zh.contains(is_chinese) && !zh.contains(code), "{code} has no Chinese text: {zh}");
        assert!(!en.contains(code) && en != zh, "{code} has no English text: {en}");
        let names = |text: &str| {
            let mut names: Vec<String> =
                text.split("%{").skip(1).filter_map(|rest| rest.split('}').next()).map(str::to_owned).collect();
            names.sort_unstable();
            names.dedup();
            // The one text that quotes another in its own language.
            names.retain(|name| !name.starts_with("message_"));
            names
        };
        let unsaid = |one: &[String], other: &[String]| one.iter().any(|name| !other.contains(name));
        let (in_zh, in_en) = (names(&zh), names(&en));
        assert!(!unsaid(&in_zh, &in_en) && !unsaid(&in_en, &in_zh), "{code}: arguments differ: {in_zh:?} {in_en:?}");
    }
}
