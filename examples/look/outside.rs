//! What claimants see: letters, and the listener that stands outside, for a court of its own.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::looker::Looker;
use crate::webdriver::Browser;
use crate::{Serving, Trouble};

const CASE: &str = "（2026）浙01执1号";

pub fn look(looker: &mut Looker, program: &str, out: &Path) -> Result<(), Trouble> {
    let folder = std::path::absolute(out.join("claimants"))?;
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    for name in ["", "files", "corrections"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    let ankuan = |arguments: &[&str]| -> Result<Value, Trouble> {
        let database = format!("sqlite:{}", folder.join("ankuan.db").display());
        let output = Command::new(program)
            .env_remove("DATABASE_URL")
            .args(["--json", "--database", &database, "--keys"])
            .arg(folder.join("ankuan.key"))
            .args(arguments)
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(serde_json::from_str(&said)?) } else { Err(said.into()) }
    };
    let place = |name: &str| folder.join(name).display().to_string();
    ankuan(&["demo", "--claimants", "30", "--bad-accounts", "100", "--dir", &place("")])?;
    let public_key = ankuan(&["claimants", "key", "--as", "经办人"])?;
    let public_key = public_key["public_key"].as_str().ok_or("a key")?.to_owned();
    // The codes of the last letters count.
    for language in ["en", "zh"] {
        let file = place(&format!("letters-{language}.html"));
        let letters = ["claimants", "letters", CASE, "--all", "--again", "--out", &file, "--as", "经办人"];
        let address = ["--address", "https://cx.example.gov.cn", "--lang", language];
        ankuan(&[&letters[..], &address].concat())?;
    }
    ankuan(&["claimants", "export", CASE, "--out", &place("files"), "--as", "经办人"])?;

    looker.turn_to(&format!("file://{}", folder.display()));
    looker.look_at("letters", "/letters", |browser, language| browser.go(&format!("/letters-{language}.html")));

    let serving = Serving::start(
        Command::new(program)
            .args(["claimants", "serve", "--listen", "127.0.0.1:0", "--public-key", &public_key, "--files"])
            .arg(folder.join("files"))
            .arg("--corrections")
            .arg(folder.join("corrections")),
    )?;
    let codes = codes(&std::fs::read_to_string(folder.join("letters-zh.html"))?);
    let list = std::fs::read_to_string(folder.join("court-1").join("claimants.csv"))
        .or_else(|_| std::fs::read_to_string(folder.join("claimants.csv")))?;
    let numbers: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split(',').nth(3)).collect();
    looker.turn_to(&serving.home);
    let home = |language: &str| if language == "en" { "/en" } else { "/" };
    looker.look_at("outside", "/outside", |browser, language| browser.go(home(language)));
    looker.look_at("outside, refused", "/outside", |browser, language| {
        browser.go(home(language));
        give(browser, numbers[0], "AAAAA-AAAAA");
    });
    // Some whose money arrived, and one whose money came back.
    for person in [0, 1, numbers.len() - 2] {
        looker.look_at(&format!("outside, claimant {}", person + 1), "/outside", |browser, language| {
            browser.go(home(language));
            give(browser, numbers[person], &codes[person]);
        });
    }
    let account = |browser: &Browser, again: &str| {
        for (name, value) in
            [("holder", "张三"), ("bank", "中国工商银行"), ("account", "6222021234567890128"), ("again", again)]
        {
            browser.fill("form", name, value);
        }
        browser.press("form button");
    };
    for (name, again) in [("refused", "6222021234567890129"), ("given", "6222021234567890128")] {
        looker.look_at(&format!("outside, account {name}"), "/outside", |browser, language| {
            browser.go(home(language));
            give(browser, numbers[2], &codes[2]);
            account(browser, again);
        });
    }
    Ok(())
}

fn give(browser: &Browser, document: &str, code: &str) {
    for (name, value) in [("case", CASE), ("document", document), ("code", code)] {
        browser.fill("form", name, value);
    }
    browser.press("form button");
}

/// The codes that letters give, in their order.
fn codes(letters: &str) -> Vec<String> {
    let found = letters.split("class=\"code-text\">").skip(1).filter_map(|rest| rest.split('<').next());
    found.map(str::to_owned).collect()
}
