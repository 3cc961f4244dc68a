//! Who looks: a browser that is renewed now and then, the pictures it took and the faults it found.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Value, json};

use crate::Trouble;
use crate::webdriver::{Browser, Driver};

pub const DESK: (i64, i64) = (1280, 900);
const TELEPHONE: (i64, i64) = (390, 844);
/// A4 without its margins, at 96 points an inch; a wide table is printed across.
const PAPER: (i64, i64) = (703, 1_000);
const PAPER_ACROSS: (i64, i64) = (1_031, 700);
/// Of a longer page only so much is drawn.
const HEIGHT_MAX: i64 = 3_000;
/// Pages after which a browser and its driver are let go: they grow, and in the end their connection breaks.
const PAGES_A_BROWSER: usize = 40;
/// Pages that are also looked at in the dark, by the beginning of their path.
const IN_THE_DARK: &[&str] = &[
    "/",
    "/sign-in",
    "/cases/",
    "/payouts/",
    "/assets/",
    "/reconciliation/",
    "/approvals",
    "/account",
    "/do/claims/import",
    "/see/ledger/trial-balance",
    "/api/docs",
];
/// Pages that are also looked at as they print.
const ON_PAPER: &[&str] = &["/papers/", "/books/", "/cases/", "/payouts/", "/see/ledger/", "/see/report/", "/letters"];

/// What a machine finds wrong on a page, as lines `kind: where`.
const FAULTS: &str = include_str!("../look.js");

/// The cookies that a browser hands on to the next.
const COOKIES: [&str; 2] = ["__Host-ankuan", "ankuan-lang"];

/// A picture.
pub struct Sight {
    pub name: String,
    pub language: &'static str,
    pub picture: String,
    pub faults: Vec<String>,
}

/// A browser, and what was seen.
pub struct Looker {
    /// In which one looks; it changes.
    pub browser: Browser,
    home: String,
    cookies: BTreeMap<&'static str, String>,
    pages: usize,
    keys: Vec<String>,
    out: PathBuf,
    /// Only pages whose path begins so; all where there is none.
    only: Vec<String>,
    pub sights: Vec<Sight>,
}

impl Looker {
    /// Nothing where there is no browser.
    pub fn open(home: &str, out: &Path, only: Vec<String>) -> Result<Option<Self>, Trouble> {
        let Some(driver) = Driver::start() else { return Ok(None) };
        let (home, out, keys) = (home.to_owned(), out.to_owned(), locale_keys()?);
        let browser = Browser::open(&driver, &home);
        let (cookies, sights) = (BTreeMap::new(), Vec::new());
        Ok(Some(Self { browser, home, cookies, pages: 0, keys, out, only, sights }))
    }

    /// Goes on with another service.
    pub fn turn_to(&mut self, home: &str) {
        home.clone_into(&mut self.home);
        self.cookies.clear();
        self.renew();
    }

    /// Whether a path is one of those that are asked for.
    pub fn is_wanted(&self, path: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|start| path.starts_with(start.as_str()))
    }

    /// A browser in which nobody has signed in.
    pub fn forget(&mut self) {
        self.cookies.clear();
        self.renew();
    }

    /// A new browser, driven by a new driver, in which the same person has signed in.
    fn renew(&mut self) {
        let Some(driver) = Driver::start() else { return };
        self.browser = Browser::open(&Rc::clone(&driver), &self.home);
        for (name, value) in &self.cookies {
            self.browser.keep_cookie(name, value);
        }
        self.pages = 0;
    }

    /// Keeps what the browser was given, for the next.
    pub fn remember(&mut self) {
        for name in COOKIES {
            if let Some(value) = self.browser.cookie(name) {
                self.cookies.insert(name, value);
            }
        }
    }

    /// Looks at a page of the service that has to be there.
    pub fn look(&mut self, path: &str) {
        let first = self.sights.len();
        self.look_refused(path);
        if first < self.sights.len() && self.browser.count("main.narrow .refusal") > 0 {
            self.sights[first].faults.push("leads to a refusal".to_owned());
        }
    }

    /// Looks at a page that says why it is none.
    pub fn look_refused(&mut self, path: &str) {
        self.look_at(path, path, |browser, _| browser.go(path));
    }

    /// Looks at what one comes to by a way, in both languages and all sizes; what breaks is tried once more, with a new
    /// browser, and is then a fault itself.
    pub fn look_at(&mut self, name: &str, path: &str, way: impl Fn(&Browser, &str)) {
        if !self.is_wanted(path) {
            return;
        }
        if self.pages >= PAGES_A_BROWSER {
            self.renew();
        }
        self.pages += 1;
        for language in ["zh", "en"] {
            let first = self.sights.len();
            let mut try_once = || catch_unwind(AssertUnwindSafe(|| self.pictures(name, path, language, &way)));
            if matches!(try_once(), Ok(Ok(()))) {
                continue;
            }
            self.sights.truncate(first);
            self.renew();
            let again = catch_unwind(AssertUnwindSafe(|| self.pictures(name, path, language, &way)));
            if !matches!(again, Ok(Ok(()))) {
                self.sights.truncate(first);
                let faults = vec!["could not be looked at".to_owned()];
                self.sights.push(Sight { name: name.to_owned(), language, picture: String::new(), faults });
                self.renew();
            }
        }
    }

    /// That a part could not be looked at to its end.
    pub fn broke(&mut self, part: &str, why: &str) {
        let faults = vec![format!("broke off: {}", why.lines().next().unwrap_or_default())];
        self.sights.push(Sight { name: part.to_owned(), language: "", picture: String::new(), faults });
    }

    fn pictures(
        &mut self,
        name: &str,
        path: &str,
        language: &'static str,
        way: impl Fn(&Browser, &str),
    ) -> Result<(), Trouble> {
        let browser = &self.browser;
        if self.home.starts_with("http") {
            browser.keep_cookie("ankuan-lang", language);
        }
        browser.look_as(DESK, false, false);
        let _before = browser.console();
        way(browser, language);
        let place = self.sights.len();
        let is_in = |places: &[&str]| {
            places
                .iter()
                .any(|start| path == *start || (start.ends_with('/') && start.len() > 1 && path.starts_with(start)))
        };
        let looks = [(DESK, false, false), (TELEPHONE, false, false)]
            .into_iter()
            .chain(is_in(IN_THE_DARK).then_some((DESK, true, false)))
            .chain(is_in(ON_PAPER).then_some((PAPER, false, true)));
        for (size, is_dark, is_printed) in looks {
            let is_across = is_printed && browser.count(".ledger, .scroll.wide") > 0;
            let size = if is_across { PAPER_ACROSS } else { size };
            browser.look_as(size, is_dark, is_printed);
            let look = match (is_dark, is_printed) {
                (true, _) => "dark",
                (_, true) => "paper",
                _ if size == DESK => "desk",
                _ => "telephone",
            };
            let found = browser.run(FAULTS, &[json!(language), json!(self.keys), json!(look)]);
            let mut faults: Vec<String> =
                found.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
            // A page that says no is asked for.
            let is_asked_for = |line: &&String| line.contains("status of 4");
            faults.extend(
                browser.console().iter().filter(|line| !is_asked_for(line)).map(|line| format!("console: {line}")),
            );
            let picture = format!("{place:04}-{language}-{look}.png");
            std::fs::write(self.out.join(&picture), bytes_of(&browser.picture(size.0, HEIGHT_MAX)))?;
            self.sights.push(Sight { name: name.to_owned(), language, picture, faults });
        }
        Ok(())
    }
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
