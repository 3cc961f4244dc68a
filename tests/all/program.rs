//! The program as people run it, and a court that pays a claimant list with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ankuan::claims::sample::write_sample_list;

use crate::support::Database;

/// The case that is paid.
pub const CASE: &str = "（2026）浙0106执123号";

/// Small, so that there are several bank files.
pub const LINES_PER_FILE: &str = "lines_per_file = 60";

/// What lies beside the database: key file, list, profile.
pub struct Files {
    pub folder: tempfile::TempDir,
}

impl Files {
    pub fn new(claimants: u64) -> Self {
        let files = Self { folder: tempfile::tempdir().expect("a folder") };
        let list = File::create(files.path("list.csv")).expect("a list");
        write_sample_list(list, claimants, 200, 1).expect("writes");
        let profile = include_str!("../../profiles/generic-csv.toml");
        let small = profile.replace("lines_per_file = 5000", LINES_PER_FILE);
        assert_ne!(small, profile);
        std::fs::write(files.path("profile.toml"), small).expect("writes");
        files
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, address: &str, arguments: &[String]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ankuan"));
        for name in ["DATABASE_URL", "ANKUAN_AS", "ANKUAN_KEYS", "ANKUAN_WAIT", "ANKUAN_STOP_AT", "ANKUAN_CONFIG"] {
            command.env_remove(name);
        }
        command.args(["--database", address, "--date", "2026-11-22", "--json", "--keys"]).arg(self.path("court.key"));
        command.args(arguments).stdin(Stdio::null());
        command
    }

    pub fn run(&self, address: &str, arguments: &[String]) -> Output {
        self.command(address, arguments).output().expect("runs")
    }

    pub fn done(&self, address: &str, arguments: &[String]) -> serde_json::Value {
        let output = self.run(address, arguments);
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).expect("one JSON object")
    }

    /// The heads of the chains, after everything was found well.
    pub fn verified(&self, address: &str, anchors: &[String]) -> Vec<String> {
        let mut arguments = words(&["verify"]);
        for anchor in anchors {
            arguments.extend(words(&["--anchor", anchor]));
        }
        let report = self.done(address, &arguments);
        assert_eq!(report["ok"], true, "{report}");
        let heads = report["heads"].as_array().expect("heads");
        heads.iter().map(|head| head.as_str().expect("text").to_owned()).collect()
    }
}

pub fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

pub fn said(output: &Output) -> String {
    format!("{}: {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A court with a case and the money in it.
pub fn open_court(files: &Files, database: &Database) {
    let case = ["--case", CASE];
    for arguments in [
        &["init", "--name", "某某法院", "--admin", "赵管理"][..],
        &["person", "add", "钱承办", "--as", "赵管理"],
        &["person", "add", "孙财务", "--as", "赵管理"],
        &["person", "add", "周局长", "--as", "赵管理"],
        &["person", "grant", "钱承办", "handler", "--as", "赵管理"],
        &["person", "grant", "孙财务", "finance", "--as", "赵管理"],
        &["person", "grant", "周局长", "bureau_head", "--as", "赵管理"],
        &["person", "grant", "周局长", "vice_president", "--as", "赵管理"],
        &[
            "bank-account",
            "add",
            "1202020009900012345",
            "--holder",
            "某某法院",
            "--bank",
            "某银行",
            "--bank-code",
            "102100099996",
            "--as",
            "孙财务",
        ],
        &["case", "open", CASE, "--title", "涉众案", "--as", "钱承办"],
        &[
            "receipt",
            "record",
            "FT001",
            "--amount",
            "1000000",
            "--value-date",
            "2026-11-22",
            "--payer",
            "吴某",
            case[0],
            case[1],
            "--as",
            "孙财务",
        ],
    ] {
        files.done(&database.address, &words(arguments));
    }
}

/// From the list to the bank files.
pub const ACTS: [&str; 9] =
    ["import", "distribute", "draft", "submit", "approve", "approve again", "commit", "release", "deliver"];

/// The command line of an act. Each carries a key where it takes one, so that it can be repeated by whoever does not
/// know whether it was done.
pub fn act(files: &Files, act: &str, known: &Known, out: &Path) -> Vec<String> {
    let (list, profile) = (files.path("list.csv"), files.path("profile.toml"));
    let (list, profile) = (list.to_str().expect("UTF-8"), profile.to_str().expect("UTF-8"));
    let run = "P2026-0001";
    let (arguments, person): (&[&str], _) = match act {
        "import" => (&["claims", "import", list, "--case", CASE], "钱承办"),
        "distribute" => (&["distribute", "make", "--case", CASE], "钱承办"),
        "draft" => (&["payout", "draft", "--distribution", &known.distribution, "--profile", profile], "钱承办"),
        "submit" => (&["payout", "submit", run], "钱承办"),
        "approve" => (&["payout", "approve", run, "--digest", &known.digest], "孙财务"),
        "approve again" => (&["payout", "approve", run, "--digest", &known.digest], "周局长"),
        "commit" => (&["payout", "commit", run], "孙财务"),
        "release" => (&["payout", "release", run], "孙财务"),
        _ => (&["payout", "deliver", run, "--out", out.to_str().expect("UTF-8")], "孙财务"),
    };
    let mut all = words(arguments);
    all.extend(words(&["--as", person, "--request", act]));
    all
}

/// What later acts name of earlier ones.
#[derive(Default)]
pub struct Known {
    distribution: String,
    digest: String,
}

impl Known {
    pub fn learn(&mut self, answer: &serde_json::Value) {
        if let Some(number) = answer["distribution"].as_i64() {
            self.distribution = number.to_string();
        }
        if let Some(digest) = answer["digest"].as_str() {
            digest.clone_into(&mut self.digest);
        }
    }
}

/// A court at which everything before `last` is done, and the heads after that.
pub fn approved(files: &Files, database: &Database, last: &str) -> Vec<String> {
    open_court(files, database);
    approve_from(files, database, ACTS[0], last)
}

/// Does the acts from `first` until before `last`; returns the heads after that.
pub fn approve_from(files: &Files, database: &Database, first: &str, last: &str) -> Vec<String> {
    let mut known = Known::default();
    for name in ACTS.into_iter().skip_while(|name| *name != first).take_while(|name| *name != last) {
        let answer = files.done(&database.address, &act(files, name, &known, Path::new("-")));
        known.learn(&answer);
        if name == "submit" {
            clear_screens(files, database);
        }
    }
    files.verified(&database.address, &[])
}

/// Names and accounts of the list are invented, so some meet: somebody looks and says why the run may go on.
fn clear_screens(files: &Files, database: &Database) {
    let run = "P2026-0001";
    let screened = files.done(&database.address, &words(&["payout", "screen", run]));
    let findings = screened["findings"].as_array().expect("findings");
    let codes: std::collections::BTreeSet<&str> =
        findings.iter().map(|finding| finding["code"].as_str().expect("a code")).collect();
    for code in codes {
        let clear = ["payout", "clear", run, "--finding", code, "--reason", "已核对", "--as", "周局长"];
        files.done(&database.address, &words(&clear));
    }
}
