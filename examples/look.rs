//! Looks at every page of the demo: pictures in both languages at the width of a desk and of a telephone, one sheet of them
//! all, and what a machine can find wrong. `scripts/look` runs it.

#[allow(dead_code, reason = "the browser tests use the rest")]
#[path = "../tests/browser/webdriver.rs"]
mod webdriver;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use ankuan::cli::catalogue::{Entry, Kind, entries};
use ankuan::clock::Clock;
use serde_json::{Value, json};
use webdriver::{Browser, Driver};

/// Everybody's in a demo.
const PASSWORD: &str = "ankuan-demo-2026";
const DESK: (i64, i64) = (1280, 900);
const TELEPHONE: (i64, i64) = (390, 844);
/// Of a longer page only so much is drawn.
const HEIGHT_MAX: i64 = 3_000;
/// Pages of one kind that are looked at: two cases, two runs.
const ALIKE_MAX: usize = 2;
/// Pages that are also looked at in the dark, by the beginning of their path.
const IN_THE_DARK: &[&str] =
    &["/", "/sign-in", "/cases/", "/payouts/", "/do/claims/import", "/see/ledger/trial-balance"];

/// What a machine finds wrong on a page, as lines `kind: where`.
const FAULTS: &str = include_str!("look.js");

type Trouble = Box<dyn std::error::Error>;

struct Sight {
    path: String,
    language: &'static str,
    picture: String,
    faults: Vec<String>,
}

struct Demo {
    process: Child,
    home: String,
    accounts: Vec<Value>,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn main() -> Result<ExitCode, Trouble> {
    let mut arguments = std::env::args().skip(1);
    let (Some(program), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("give the program and the folder to write to: scripts/look does".into());
    };
    // Only pages whose path begins so, for a second look.
    let only: Vec<String> = arguments.collect();
    let out = PathBuf::from(out);
    std::fs::create_dir_all(&out)?;
    let Some(driver) = Driver::start() else { return Ok(ExitCode::FAILURE) };
    let demo = serve(&program, &out.join("demo"))?;
    let keys = locale_keys()?;

    let mut sights = Vec::new();
    let courts: BTreeSet<i64> = demo.accounts.iter().filter_map(|account| account["court_id"].as_i64()).collect();
    for (first, court) in (0..).map(|place| place == 0).zip(&courts) {
        let browser = Browser::open(&driver, &demo.home);
        if first {
            for path in ["/sign-in", "/enrol", "/no/such/page"] {
                look_at(&browser, path, &keys, &out, &mut sights)?;
            }
        }
        sign_in(&browser, &demo.accounts, *court)?;
        for path in pages(&browser, first, &only) {
            look_at(&browser, &path, &keys, &out, &mut sights)?;
        }
    }

    let count: usize = sights.iter().map(|sight| sight.faults.len()).sum();
    std::fs::write(out.join("index.html"), sheet(&sights))?;
    let mut report = String::new();
    for sight in sights.iter().filter(|sight| !sight.faults.is_empty()) {
        writeln!(report, "{} ({}, {})", sight.path, sight.language, sight.picture)?;
        for fault in &sight.faults {
            writeln!(report, "    {fault}")?;
        }
    }
    std::fs::write(out.join("faults.txt"), &report)?;
    print!("{report}");
    println!("{} pictures, {count} faults: {}", sights.len(), out.join("index.html").display());
    Ok(if count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn serve(program: &str, folder: &Path) -> Result<Demo, Trouble> {
    let mut process = Command::new(program)
        .args(["serve", "--demo", "--listen", "127.0.0.1:0", "--dir"])
        .arg(folder)
        .env_remove("DATABASE_URL")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let mut said = BufReader::new(process.stdout.take().ok_or("a pipe")?);
    let port = loop {
        let mut line = String::new();
        if said.read_line(&mut line)? == 0 {
            return Err("the service ended".into());
        }
        if let Some((_, rest)) = line.split_once("127.0.0.1:") {
            break rest.chars().take_while(char::is_ascii_digit).collect::<String>();
        }
    };
    let accounts: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("demo-accounts.json"))?)?;
    let accounts = accounts["accounts"].as_array().cloned().unwrap_or_default();
    Ok(Demo { process, home: format!("http://localhost:{port}"), accounts })
}

/// Signs in as somebody of a court who pays: they see most.
fn sign_in(browser: &Browser, accounts: &[Value], court: i64) -> Result<(), Trouble> {
    let is_of = |account: &&Value, role: &str| {
        account["court_id"] == court && account["roles"].as_array().is_some_and(|roles| roles.contains(&json!(role)))
    };
    let account = accounts.iter().find(|account| is_of(account, "finance")).ok_or("nobody of finance")?;
    let text = |name: &str| account[name].as_str().unwrap_or_default().to_owned();
    let secret = totp_rs::Secret::try_from_base32(text("totp_secret")).map_err(|error| format!("{error:?}"))?;
    let totp = totp_rs::Builder::new().with_secret(secret).build().map_err(|error| format!("{error:?}"))?;
    let code = totp.generate(u64::try_from(Clock::system().now().as_second())?).to_string();
    browser.go("/sign-in");
    for (name, value) in
        [("court", court.to_string().as_str()), ("name", &text("name")), ("password", PASSWORD), ("code", &code)]
    {
        browser.fill("form.sign-in", name, value);
    }
    browser.press("form.sign-in button");
    if browser.path() == "/" { Ok(()) } else { Err(browser.text().into()) }
}

/// Every page that can be come to, few of a kind: what navigation and the list of all actions name, and what those lead to.
fn pages(browser: &Browser, with_forms: bool, only: &[String]) -> Vec<String> {
    let mut found: Vec<String> = vec!["/".to_owned(), "/jobs".to_owned(), "/actions".to_owned()];
    found.extend(subjects(browser));
    let (mut kinds, mut at) = (Vec::<String>::new(), 0);
    for path in &found {
        kinds.push(kind_of(path));
    }
    while at < found.len() {
        browser.go(&found[at]);
        let script = "return [...document.querySelectorAll('a[href]:not([download])')]
            .filter(link => link.origin === location.origin && !link.href.includes('#'))
            .map(link => link.pathname + link.search)";
        let links = browser.run(script, &[]);
        for link in links.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let kind = kind_of(link);
            let leaves = ["/language/", "/sign-in", "/sign-out"].iter().any(|start| link.starts_with(start));
            let is_file =
                ["_as=", ".csv", ".xlsx", "/files/", "/export", "format="].iter().any(|part| link.contains(part));
            // The forms are the same in every court.
            let is_again = !with_forms && link.starts_with("/do/");
            let known = kinds.iter().filter(|known| **known == kind).count();
            let most = if link.starts_with("/do/") { 1 } else { ALIKE_MAX };
            if !leaves && !is_file && !is_again && known < most && !found.iter().any(|path| path == link) {
                found.push(link.to_owned());
                kinds.push(kind);
            }
        }
        at += 1;
    }
    found.retain(|path| only.is_empty() || only.iter().any(|start| path.starts_with(start.as_str())));
    found
}

/// The pages of commands that only show something about a case or a run, for the first of the court.
fn subjects(browser: &Browser) -> Vec<String> {
    let first = |path: &str, place: usize| {
        browser.go(path);
        let script = "return document.querySelector('main tbody tr')?.cells[arguments[0]]?.innerText ?? ''";
        browser.run(script, &[json!(place)]).as_str().unwrap_or_default().to_owned()
    };
    let known = [("case", first("/see/case/list", 1)), ("run", first("/see/payout/list", 0))];
    let about = |entry: &Entry| {
        let required = entry.parameters.iter().filter(|parameter| parameter.is_required);
        let given: Option<Vec<String>> = required
            .map(|parameter| {
                let (name, value) = known.iter().find(|(name, value)| *name == parameter.name && !value.is_empty())?;
                Some(format!("{name}={value}"))
            })
            .collect();
        let given = given.filter(|given| !given.is_empty() && entry.kind == Kind::Read)?;
        Some(format!("/see/{}?{}", entry.words.replace(' ', "/"), given.join("&")))
    };
    entries().iter().filter_map(about).collect()
}

/// A path without what differs between pages of one kind: numbers and names.
fn kind_of(path: &str) -> String {
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    let differs = |part: &&str| part.contains('%') || part.chars().any(|character| character.is_ascii_digit());
    let place: Vec<&str> = place.split('/').map(|part| if differs(&part) { "*" } else { part }).collect();
    // A form that was filled from a page is still that form.
    let is_form = path.starts_with("/do/");
    let names: Vec<&str> = query.split('&').filter(|_| !is_form).filter_map(|pair| pair.split('=').next()).collect();
    format!("{}?{}", place.join("/"), names.join("&"))
}

fn look_at(browser: &Browser, path: &str, keys: &[String], out: &Path, sights: &mut Vec<Sight>) -> Result<(), Trouble> {
    for language in ["zh", "en"] {
        browser.go(&format!("/language/{language}"));
        browser.go(path);
        let _before = browser.console();
        browser.go(path);
        let dark = IN_THE_DARK.iter().any(|start| path == *start || (start.len() > 1 && path.starts_with(start)));
        let looks = [(DESK, false), (TELEPHONE, false)].into_iter().chain(dark.then_some((DESK, true)));
        for (size, is_dark) in looks {
            browser.look_as(size, is_dark);
            let mut faults: Vec<String> = Vec::new();
            if !is_dark {
                let found = browser.run(FAULTS, &[json!(language), json!(keys), json!(size.0 >= 600)]);
                faults.extend(found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned));
                let is_asked_for = |line: &&String| !(path == "/no/such/page" && line.contains("404"));
                faults.extend(browser.console().iter().filter(is_asked_for).map(|line| format!("console: {line}")));
            }
            let picture =
                format!("{:03}-{language}-{}{}.png", sights.len(), size.0, if is_dark { "-dark" } else { "" });
            std::fs::write(out.join(&picture), bytes_of(&browser.picture(size.0, HEIGHT_MAX)))?;
            sights.push(Sight { path: path.to_owned(), language, picture, faults });
        }
    }
    Ok(())
}

/// The codes of all sentences: none of them may be read on a page.
fn locale_keys() -> Result<Vec<String>, Trouble> {
    let mut keys = Vec::new();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("locales"))? {
        let text = std::fs::read_to_string(entry?.path())?;
        let codes = text.lines().filter_map(|line| line.split_once(':')).map(|(code, _)| code);
        keys.extend(codes.filter(|code| code.contains('.') && !code.starts_with([' ', '#'])).map(str::to_owned));
    }
    Ok(keys)
}

/// All pictures on one page.
fn sheet(sights: &[Sight]) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
    let mut out = String::from(
        "<!doctype html><meta charset=utf-8><title>ankuan</title><style>body{font:13px system-ui;display:flex;\
         flex-wrap:wrap;gap:16px;align-items:start}figure{margin:0;width:300px}img{width:100%;max-height:420px;\
         object-fit:cover;object-position:top;border:1px solid #999}li{color:#a00}</style>",
    );
    for sight in sights {
        let faults: String = sight.faults.iter().map(|fault| format!("<li>{}</li>", escape(fault))).collect();
        let (picture, path) = (&sight.picture, escape(&sight.path));
        out.push_str(&format!(
            "<figure><figcaption>{path} {}</figcaption><a href=\"{picture}\"><img loading=lazy alt=\"{path}\" \
             src=\"{picture}\"></a><ul>{faults}</ul></figure>",
            sight.language
        ));
    }
    out
}

/// Base 64, as pictures come.
fn bytes_of(text: &str) -> Vec<u8> {
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(text.len()), 0_u32, 0);
    for digit in text.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        held = (held << 6) | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 0xff).unwrap_or(0));
        }
    }
    bytes
}
