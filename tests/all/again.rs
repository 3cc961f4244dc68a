//! What makes files, done again under its request: a process that died after the commit took its files with it, and whoever
//! does the same again gets the same files, and the books stay as they are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ankuan::access;
use ankuan::cli::output::Output;
use ankuan::cli::{Cli, Context, Globals, Served, run_command};
use ankuan::clock::Clock;
use ankuan::service::Service;
use ankuan::service::jobs::{self, State};
use ankuan::{Language, Outcome};
use ankuan_ledger::engine::Pool;
use clap::Parser as _;

use crate::claimants::Case;
use crate::court::{COURT, FINANCE, HANDLER, NUMBER, at, code};
use crate::operations::{add_job, asked, await_jobs};
use crate::support::Database;

/// A case for a list of its own.
const OTHER_NUMBER: &str = "（2026）浙0106执9号";

/// A list of which something is to be said.
const LIST: &str = "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号
B1,王一,其他,Q1,100.00,王一,6222020000000017,某银行,102100099996,
B2,王二,其他,Q2,一百元,王二,6222020000000025,某银行,102100099996,
";

/// Files by their names.
type Written = BTreeMap<String, Vec<u8>>;

/// A court with something to be written of each kind, and the program as its service runs it: each time in a folder of its
/// own, which is gone afterwards.
struct Office {
    case: Case,
    globals: Globals,
    list: PathBuf,
    other_list: PathBuf,
}

impl Office {
    fn open(database: &Database) -> Self {
        let mut case = Case::paid(database);
        case.queue("share", false);
        case.circle.court.case(OTHER_NUMBER);
        let folder = case.circle.folder.path();
        let (list, other_list) = (folder.join("list.csv"), folder.join("other.csv"));
        std::fs::write(&list, LIST).expect("writes");
        std::fs::write(&other_list, LIST.replace("王二", "王三")).expect("writes");
        let keys = folder.join("keys");
        let keys = keys.to_str().expect("UTF-8");
        let globals = Cli::parse_from(["ankuan", "--database", &database.address, "--keys", keys, "verify"]).globals;
        let mut office = Self { case, globals, list, other_list };
        for arguments in [
            &["case", "party", NUMBER, "applicant", "张三"][..],
            &["case", "party", NUMBER, "debtor", "王某"],
            &["bounty", "announce", NUMBER, "--applicant", "张三", "--percent", "5%", "--ruling", "悬赏1号"],
        ] {
            office.run(HANDLER, None, arguments).expect("runs");
        }
        office
    }

    /// An order that no institution was told of yet.
    fn order(&mut self, institution: &str, identifier: &str) {
        let add = ["asset", "add", "deposit", "--institution", institution, "--holder", "王某"];
        self.run(HANDLER, None, &[&add[..], &["--identifier", identifier]].concat()).expect("adds");
        let asset = self.number("SELECT MAX(asset_id) FROM asset").to_string();
        let freeze = ["freeze", &asset, "--case", NUMBER, "--ruling", "（2026）浙0106执123号之一"];
        self.run(HANDLER, None, &[&freeze[..], &["--basis", "enforcement", "--amount", "600"]].concat())
            .expect("freezes");
    }

    /// Runs a command; `OUT` in its arguments stands for the folder that it writes into. Gives what it wrote.
    fn run(&mut self, who: &str, request: Option<&str>, arguments: &[&str]) -> Outcome<Written> {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("written");
        std::fs::create_dir(&out).expect("makes it");
        let path = out.to_str().expect("UTF-8");
        let words = ["ankuan", "--database", "-"].into_iter().map(str::to_owned);
        let command = Cli::parse_from(words.chain(arguments.iter().map(|word| word.replace("OUT", path)))).command;
        let person = access::find_actor(&mut self.case.circle.court.store.snapshot()?, COURT, who)?;
        let globals = Globals {
            court: COURT,
            acting_as: Some(who.to_owned()),
            request: request.map(str::to_owned),
            ..self.globals.clone()
        };
        let served = Served {
            pool: Pool::new(ankuan_ledger::Store::open(&globals.database)?, 1),
            person,
            signer: None,
            folder: Some(folder.path().to_owned()),
        };
        let output = Output::keeping(Language::Zh, Arc::default());
        run_command(&Context::of_service(globals, output, Clock::fixed(at()), served), &command)?;
        Ok(written(&out))
    }

    fn number(&mut self, text: &'static str) -> i64 {
        let mut tx = self.case.circle.court.store.snapshot().expect("reads");
        tx.query_one(text, &[], |row| Ok(row.opt_int(0)?.unwrap_or(0))).expect("reads")
    }

    /// What stands in the books and in what is no fact and would be changed by doing something twice.
    fn standing(&mut self) -> Vec<Vec<u8>> {
        let mut tx = self.case.circle.court.store.snapshot().expect("reads");
        let mut all = Vec::new();
        for text in [
            "SELECT link_hash FROM book_head ORDER BY court_id, book_id",
            "SELECT code_digest FROM claimant_code ORDER BY court_id, case_id, claim_id",
        ] {
            all.extend(tx.query(text, &[], |row| Ok(row.bytes(0)?.to_vec())).expect("reads"));
        }
        for text in [
            "SELECT COUNT(*) FROM request",
            "SELECT COUNT(*) FROM claimant_message WHERE state = 'handed'",
            "SELECT CAST(SUM(export_no) AS BIGINT) FROM claimant_case",
        ] {
            let number = tx.query_one(text, &[], |row| Ok(row.opt_int(0)?.unwrap_or(0))).expect("reads");
            all.push(number.to_be_bytes().to_vec());
        }
        all
    }

    fn kept(&mut self) -> i64 {
        self.number("SELECT COUNT(*) FROM request_file")
    }

    /// Does it twice under one request, then something else under that request, then the same under none.
    fn is_the_same_again(&mut self, who: &str, asked: &[&str], differs: &[&str]) {
        let said = asked.join(" ");
        let key = Some(said.as_str()).map(|key| key.split(" --").next().unwrap_or(key));
        let first = self.run(who, key, asked).expect(&said);
        assert!(!first.is_empty() && first.values().all(|bytes| !bytes.is_empty()), "{said}");
        let (standing, kept) = (self.standing(), self.kept());
        let second = self.run(who, key, asked).expect(&said);
        assert!(second == first, "{said}: other files: {:?} {:?}", first.keys(), second.keys());
        assert!(self.standing() == standing, "{said}: done twice");
        assert_eq!(code(self.run(who, key, differs)), "request.differs", "{said}");
        assert!(self.standing() == standing, "{said}: something else was done");
        assert_eq!(self.kept(), kept, "{said}: kept twice");
        match self.run(who, None, asked) {
            Ok(anew) => assert!(anew != first || self.standing() != standing, "{said}: nothing was done anew"),
            // What waited was handed out.
            Err(refused) => assert_eq!(code::<()>(Err(refused)), "claimants.outbox_empty", "{said}"),
        }
    }
}

/// What lies in a folder and below it.
fn written(folder: &Path) -> Written {
    let mut files = Written::new();
    for entry in std::fs::read_dir(folder).expect("reads") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(written(&path));
        } else {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            files.insert(name, std::fs::read(&path).expect("reads"));
        }
    }
    files
}

fn the_same_request_gives_the_same_files(database: &Database) {
    let mut office = Office::open(database);
    let run = office.case.circle.run.clone();
    office.order("某银行", "6222029900000001");
    office.order("另一银行", "6222029900000002");
    let out = ["instructions", "out", "--out", "OUT", "--institution"];
    office.is_the_same_again(HANDLER, &[&out[..], &["某银行"]].concat(), &[&out[..], &["另一银行"]].concat());
    let outbox = ["claimants", "outbox", "--out", "OUT"];
    office.is_the_same_again(HANDLER, &outbox, &[&outbox[..], &["--again"]].concat());
    let letters = ["claimants", "letters", NUMBER, "--again", "--out", "OUT"];
    office.is_the_same_again(HANDLER, &letters, &[&letters[..], &["--all"]].concat());
    let export = ["claimants", "export", NUMBER, "--out"];
    office.is_the_same_again(HANDLER, &[&export[..], &["OUT"]].concat(), &[&export[..], &["OUT/other"]].concat());
    let report = ["bounty", "report", "1", "--code-to", "OUT/code.txt", "--about"];
    let bounty = office.number("SELECT MAX(bounty_id) FROM bounty").to_string();
    let report: Vec<&str> = report.iter().map(|word| if *word == "1" { bounty.as_str() } else { *word }).collect();
    office.is_the_same_again(HANDLER, &[&report[..], &["浙A1"]].concat(), &[&report[..], &["浙A2"]].concat());
    let print = ["paper", "print", "payout_run", &run];
    office.is_the_same_again(FINANCE, &[&print[..], &["--out", "OUT/paper.html"]].concat(), &print);
    let deliver = ["payout", "deliver", &run, "--out"];
    office.is_the_same_again(FINANCE, &[&deliver[..], &["OUT"]].concat(), &[&deliver[..], &["OUT/other"]].concat());
    let import = ["--case", OTHER_NUMBER, "--keep-broken", "--problems", "OUT/problems.csv"];
    let (list, other) = (office.list.clone(), office.other_list.clone());
    let of = |path: &'_ Path| ["claims".to_owned(), "import".to_owned(), path.to_string_lossy().into_owned()];
    let (one, two) = (of(&list), of(&other));
    let with =
        |words: &'_ [String; 3]| words.iter().map(String::clone).chain(import.map(str::to_owned)).collect::<Vec<_>>();
    let (one, two) = (with(&one), with(&two));
    let (one, two): (Vec<&str>, Vec<&str>) =
        (one.iter().map(String::as_str).collect(), two.iter().map(String::as_str).collect());
    office.is_the_same_again(HANDLER, &one, &two);
}

/// The process of a job dies after the commit: whoever begins the job again keeps the letters that were made, with the codes
/// that stand nowhere else, and then they stand with the job alone.
fn a_job_that_is_begun_again_gives_the_letters_that_were_made(database: &Database) {
    let mut office = Office::open(database);
    let service = Service::new(Globals { court: COURT, ..office.globals.clone() }, Clock::fixed(at()), Vec::new())
        .expect("serves");
    let letters = asked("claimants letters", &[("case", NUMBER)]);
    let store = &mut office.case.circle.court.store;
    let job_id = add_job(store, service.keys(), (COURT, HANDLER), &letters, State::Waiting);
    let request = format!("job-{job_id}");
    let made =
        office.run(HANDLER, Some(&request), &["claimants", "letters", NUMBER, "--out", "OUT/"]).expect("writes them");
    let standing = office.standing();
    assert_eq!(office.kept(), 1);

    service.start_workers().expect("workers");
    service.wake_up();
    await_jobs(&mut office.case.circle.court.store, COURT, &mut || false);
    service.stop();
    service.await_workers(Duration::from_secs(60)).expect("ends");
    let kept = service
        .read(|tx| {
            let job = jobs::find(tx, COURT, job_id)?;
            assert_eq!(job.state, State::Done, "{}", job.code);
            let mut kept = Written::new();
            for file in jobs::files(tx, COURT, job_id)? {
                let bytes = jobs::file_bytes(tx, service.keys(), COURT, job_id, file.file_no)?;
                kept.insert(file.name, bytes);
            }
            Ok(kept)
        })
        .expect("reads");
    assert!(kept == made, "other letters: {:?} {:?}", kept.keys(), made.keys());
    assert_eq!(office.kept(), 0, "they stand with the job");
    assert!(office.standing() == standing, "the codes are those of the letters");
}

crate::on_both!(the_same_request_gives_the_same_files, a_job_that_is_begun_again_gives_the_letters_that_were_made);
