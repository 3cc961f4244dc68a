//! The service as it runs in a court: the real program on a free port, its people with telephones in their hands.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;

use ankuan::access::{self, Acting, credentials};
use ankuan::clock::{Clock, Randomness};
use serde_json::Value;

use crate::support::Database;
use crate::webdriver::{Browser, Driver};

/// Everybody's password here.
pub const PASSWORD: &str = "案款专用口令2026·测试";

pub const ADMIN: &str = "赵管理";
pub const HANDLER: &str = "钱承办";
pub const FINANCE: &str = "孙财务";
pub const SECOND_FINANCE: &str = "李财务";
pub const KEEPER: &str = "周案款";
pub const HEAD: &str = "郑局长";
pub const AUDITOR: &str = "吴审计";

/// The court's bank account.
pub const ACCOUNT: &str = "1202020009900012345";

const PEOPLE: &[(&str, &[&str])] = &[
    (HANDLER, &["handler"]),
    (FINANCE, &["finance"]),
    (SECOND_FINANCE, &["finance"]),
    (KEEPER, &["fund_keeper"]),
    (HEAD, &["bureau_head", "vice_president"]),
    (AUDITOR, &["auditor"]),
];

/// A court's service, running.
pub struct Office<'d> {
    database: &'d Database,
    process: Child,
    // Kept open, so that the service can go on writing.
    _said: BufReader<ChildStdout>,
    /// `http://localhost:PORT`: what a browser takes for safe, so that it keeps a cookie that is only for TLS.
    pub home: String,
    /// What has to do with the court's files.
    pub folder: tempfile::TempDir,
    driver: Rc<Driver>,
}

impl<'d> Office<'d> {
    /// Opens a court with its people and serves it. Nothing where there is no browser.
    pub fn open(database: &'d Database) -> Option<Self> {
        let driver = Driver::start()?;
        let folder = tempfile::tempdir().expect("a folder");
        found(database, folder.path(), 1, "某某法院");
        Some(Self::serve(database, folder, driver))
    }

    /// As [`Office::open`], with a second court in the same database.
    pub fn open_two(database: &'d Database) -> Option<Self> {
        let driver = Driver::start()?;
        let folder = tempfile::tempdir().expect("a folder");
        found(database, folder.path(), 1, "某某法院");
        found(database, folder.path(), 2, "邻县法院");
        Some(Self::serve(database, folder, driver))
    }

    fn serve(database: &'d Database, folder: tempfile::TempDir, driver: Rc<Driver>) -> Self {
        let log = std::fs::File::create(folder.path().join("service.log")).expect("a log");
        let mut process = program(&database.address, folder.path())
            .args(["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("serves");
        let mut said = BufReader::new(process.stdout.take().expect("a pipe"));
        let port = loop {
            let mut line = String::new();
            let length = said.read_line(&mut line).expect("reads");
            let log = || std::fs::read_to_string(folder.path().join("service.log")).unwrap_or_default();
            assert_ne!(length, 0, "the service ended: {}", log());
            if let Some((_, rest)) = line.split_once("127.0.0.1:") {
                break rest.chars().take_while(char::is_ascii_digit).collect::<String>();
            }
        };
        Self { database, process, _said: said, home: format!("http://localhost:{port}"), folder, driver }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A program of the machine, as an administrator types it: it must succeed.
    pub fn command(&self, arguments: &[&str]) {
        let _said = type_in(program(&self.database.address, self.folder.path()).args(arguments));
    }

    /// The code with which an administrator lets somebody enrol.
    pub fn invite(&self, court_id: i64, name: &str) -> String {
        let clock = Clock::system();
        let mut store = self.database.open();
        let mut tx = store.begin().expect("begins");
        let actor = access::find_actor(&mut tx, court_id, ADMIN).expect("the admin");
        let person = access::find_actor(&mut tx, court_id, name).expect("known");
        let acting = Acting { actor, at: clock.now(), date: clock.today_in_shanghai() };
        let code = credentials::invite(&mut tx, &acting, &person, &mut Randomness::system()).expect("invites");
        tx.commit().expect("commits");
        code
    }

    /// As [`Office::command`], with what it says.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let said = type_in(program(&self.database.address, self.folder.path()).arg("--json").args(arguments));
        serde_json::from_str(&said).expect("one JSON object")
    }

    /// A browser in which nobody has signed in.
    pub fn browser(&self) -> Browser {
        Browser::open(&self.driver, &self.home)
    }

    /// Somebody who enrols on the page, with a browser of their own, and signs in.
    pub fn person(&self, court_id: i64, name: &str) -> Person {
        let code = self.invite(court_id, name);
        let browser = self.browser();
        browser.go("/enrol");
        browser.fill("form", "court", &court_id.to_string());
        browser.fill("form", "name", name);
        browser.fill("form", "invitation", &code);
        browser.fill("form", "password", PASSWORD);
        browser.fill("form", "again", PASSWORD);
        browser.press("form button");
        let secret = browser.text_of("#totp-secret");
        assert!(!secret.is_empty(), "{}", browser.text());
        assert_eq!(browser.count(".qr svg"), 1);
        let person = Person { browser, court_id, name: name.to_owned(), secret, last_step: Cell::new(0) };
        person.sign_in();
        person
    }
}

impl Drop for Office<'_> {
    fn drop(&mut self) {
        let _ended = self.process.kill();
        let _reaped = self.process.wait();
        if std::thread::panicking() {
            println!("{}", std::fs::read_to_string(self.path("service.log")).unwrap_or_default());
        }
    }
}

/// Somebody of the court at their desk.
pub struct Person {
    pub browser: Browser,
    pub court_id: i64,
    pub name: String,
    secret: String,
    /// The step of the last code: each counts once.
    last_step: Cell<u64>,
}

impl std::ops::Deref for Person {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.browser
    }
}

impl Person {
    /// What the telephone shows, or will show next when this was used.
    pub fn code(&self) -> String {
        let seconds = u64::try_from(Clock::system().now().as_second()).expect("after 1970");
        let step = (seconds / 30).max(self.last_step.get() + 1);
        assert!(step <= seconds / 30 + 1, "{} has signed in more often than a telephone allows", self.name);
        self.last_step.set(step);
        let secret = totp_rs::Secret::try_from_base32(&self.secret).expect("a secret");
        let totp = totp_rs::Builder::new().with_secret(secret).build().expect("builds");
        totp.generate(step * 30).to_string()
    }

    /// Fills the form of signing in, which has to be shown, and presses.
    pub fn give(&self, password: &str, code: &str) {
        self.fill("form.sign-in", "court", &self.court_id.to_string());
        self.fill("form.sign-in", "name", &self.name);
        self.fill("form.sign-in", "password", password);
        self.fill("form.sign-in", "code", code);
        self.press("form.sign-in button");
    }

    pub fn sign_in(&self) {
        self.go("/sign-in");
        self.give(PASSWORD, &self.code());
        self.expect_text(&self.name);
        assert_eq!(self.path(), "/", "{}", self.text());
    }

    /// Fills the form of a command and sends it. A value of a file is its path.
    pub fn fill_in(&self, words: &str, values: &[(&str, &str)]) {
        self.go(&format!("/do/{}", words.replace(' ', "/")));
        for (name, value) in values {
            self.fill("form.command", name, value);
        }
        // Who has no role for it is offered no button; whoever presses it all the same is refused by the service.
        self.run(
            "for (const button of document.querySelectorAll('form.command button')) button.disabled = false;",
            &[],
        );
        self.press("form.command button");
    }

    /// Does what a command does, and sees that it was done.
    pub fn does(&self, words: &str, values: &[(&str, &str)]) -> String {
        self.fill_in(words, values);
        assert_eq!(self.count(".refusal"), 0, "{words} {values:?}: {}", self.text());
        self.until("document.querySelector('.done')?.innerText.length > 0", &[]);
        self.text_of(".done")
    }

    /// Tries what a command does, and is refused with a code.
    pub fn is_refused(&self, words: &str, values: &[(&str, &str)], code: &str) {
        self.fill_in(words, values);
        let shown = self.text_of(".refusal code");
        assert_eq!(shown, code, "{words} {values:?}: {}", self.text());
    }

    /// Lets a job be done that a form begins; gives the page of its end.
    pub fn has_done(&self, words: &str, values: &[(&str, &str)]) -> String {
        self.fill_in(words, values);
        self.wait_for_job();
        assert_eq!(self.count(".refusal"), 0, "{words}: {}", self.text());
        self.text_of(".done")
    }

    /// Waits until the job that is shown has ended.
    pub fn wait_for_job(&self) {
        assert!(self.path().starts_with("/jobs/"), "{}: {}", self.path(), self.text());
        self.until("document.readyState === 'complete' && !document.querySelector('[data-events]')", &[]);
    }

    /// The files that the job wrote which is shown.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let links =
            self.run("return [...document.querySelectorAll('main a[download]')].map(link => link.pathname)", &[]);
        let links = links.as_array().cloned().unwrap_or_default();
        links.iter().map(|link| self.download(link.as_str().expect("a path"))).collect()
    }
}

/// A court as the command line founds it: people, a bank account.
fn found(database: &Database, folder: &Path, court_id: i64, name: &str) {
    let court = court_id.to_string();
    let run = |arguments: &[&str]| {
        let _said = type_in(program(&database.address, folder).args(["--court", &court]).args(arguments));
    };
    run(&["init", "--name", name, "--admin", ADMIN]);
    for (person, roles) in PEOPLE {
        run(&["person", "add", person, "--as", ADMIN]);
        for role in *roles {
            run(&["person", "grant", person, role, "--as", ADMIN]);
        }
    }
    let bank = ["--holder", name, "--bank", "某银行", "--bank-code", "102100099996", "--as", FINANCE];
    let mut account = vec!["bank-account", "add", ACCOUNT];
    account.extend(bank);
    run(&account);
}

fn program(address: &str, folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ankuan"));
    for name in ["DATABASE_URL", "ANKUAN_AS", "ANKUAN_KEYS", "ANKUAN_WAIT", "ANKUAN_STOP_AT", "ANKUAN_LISTEN"] {
        command.env_remove(name);
    }
    command.args(["--database", address, "--keys"]).arg(folder.join("court.key")).stdin(Stdio::null());
    command
}

fn type_in(command: &mut Command) -> String {
    let output = command.output().expect("runs");
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}", said());
    String::from_utf8_lossy(&output.stdout).into_owned()
}
