//! The read log: who opened what, what was refused, and that nobody changed it since.

use std::sync::Arc;
use std::time::Duration;

use ankuan::access::Actor;
use ankuan::clock::{Clock, Randomness};
use ankuan::reads::{self, Entry, Kind, ReadLog};
use ankuan::service::jobs::{self, State};
use ankuan::service::{Answered, Asked, Ran, Service, Upload};
use ankuan_ledger::Store;

use crate::court::{ADMIN, COURT, Court, FINANCE, HANDLER, HEAD, at};
use crate::operations::{add_job, asked, globals};
use crate::support::Database;

fn run(service: &Service, person: &Actor, words: &'static str, values: &[(&str, &str)]) -> Ran {
    match service.ask(person, &asked(words, values)).expect("asks") {
        Answered::Ran(ran) => ran,
        Answered::Job(..) => panic!("{words} is a job"),
    }
}

fn log(database: &Database) -> Store {
    reads::open(&database.address, Duration::from_secs(5)).expect("opens")
}

/// What was opened stands in the log before it is shown, and so does what was refused.
fn what_is_opened_or_refused_is_logged(database: &Database) {
    let mut court = Court::open(database);
    let [handler, finance, head, admin] = [HANDLER, FINANCE, HEAD, ADMIN].map(|name| court.person(name));
    let service = Service::new(globals(database), Clock::fixed(at()), Vec::new()).expect("serves");
    let number = "6222021202999911118";
    let values = [("kind", "deposit"), ("institution", "某银行"), ("holder", "吴某"), ("identifier", number)];
    let added = run(&service, &handler, "asset add", &values);
    assert!(added.outcome.is_ok(), "{added:?}");
    let newest = || reads::newest(&mut log(database).snapshot().expect("reads"), COURT, None, 10).expect("reads");
    assert_eq!(newest(), []);

    // Whose work it is sees the number, the bureau head its end; both are logged.
    let asset = added.said.object.expect("an object")["asset_id"].to_string();
    let shown = |person: &Actor| format!("{:?}", run(&service, person, "asset show", &[("asset", &asset)]).said.pieces);
    assert!(shown(&finance).contains(number));
    let masked = shown(&head);
    assert!(!masked.contains(number) && masked.contains("***1118"), "{masked}");
    let refused = run(&service, &handler, "payout submit", &[("run", "P2026-0009")]);
    assert!(refused.outcome.is_err());
    let entries = newest();
    let about: Vec<_> = entries
        .iter()
        .map(|(number, entry)| (*number, entry.person_id, entry.kind, entry.command.as_str(), entry.details))
        .collect();
    assert_eq!(
        about,
        [
            (3, handler.person_id, Kind::Refused, "payout submit", 0),
            (2, head.person_id, Kind::Read, "asset show", 1),
            (1, finance.person_id, Kind::Read, "asset show", 1),
        ]
    );
    assert_eq!(entries[0].1.subject, "run=P2026-0009");
    assert!(entries[0].1.code.starts_with("runs."), "{:?}", entries[0]);
    assert_eq!(entries[1].1.subject, format!("asset={asset}"));
    assert!(!format!("{entries:?}").contains(number));

    // It is not for everybody.
    let refused = run(&service, &head, "reads list", &[]);
    assert!(format!("{:?}", refused.outcome).contains("reads.not_yours"));
    let listed = run(&service, &admin, "reads list", &[]).said.object.expect("an object");
    assert_eq!(listed["reads"].as_array().map(Vec::len), Some(4));
    assert_eq!(listed["finding"], serde_json::Value::Null);
    drop(service);

    // Changed or taken out, it is found.
    let check = |store: &mut Store| reads::check(&mut store.snapshot().expect("reads"), COURT).expect("checks");
    let mut store = log(database);
    assert_eq!((check(&mut store).entries, check(&mut store).finding), (4, None));
    let change = |store: &mut Store, text: &'static str| {
        let mut tx = store.begin().expect("begins");
        assert_eq!(tx.execute(text, &[]).expect("changes"), 1);
        tx.commit().expect("commits");
    };
    change(&mut store, "UPDATE read_log SET person_id = person_id + 1 WHERE read_no = 2");
    assert_eq!(check(&mut store).finding.as_deref(), Some("entry 2"));
    change(&mut store, "UPDATE read_log SET person_id = person_id - 1 WHERE read_no = 2");
    assert_eq!(check(&mut store).finding, None);
    change(&mut store, "DELETE FROM read_log WHERE read_no = 2");
    assert_eq!(check(&mut store).finding.as_deref(), Some("entry 3"));
}

/// A file of a job is taken by whose job it is, and that it was stands in the log.
fn a_file_of_a_job_that_is_taken_is_logged(database: &Database) {
    let mut court = Court::open(database);
    let [handler, finance] = [HANDLER, FINANCE].map(|name| court.person(name));
    let service = Service::new(globals(database), Clock::fixed(at()), Vec::new()).expect("serves");
    let job_id = add_job(&mut court.store, service.keys(), (COURT, FINANCE), &asked("verify", &[]), State::Waiting);
    let mut tx = court.store.begin().expect("begins");
    let (mut randomness, key) = (Randomness::seeded(3), (COURT, job_id, 1));
    jobs::keep_file(&mut tx, service.keys(), &mut randomness, key, "", "problems.csv", b"row 7").expect("keeps");
    tx.commit().expect("commits");
    assert_eq!(crate::court::code(service.job_file(&handler, job_id, 1)), "service.job_unknown");
    assert_eq!(crate::court::code(service.job_file(&finance, job_id, 2)), "service.job_unknown");
    assert_eq!(service.job_file(&finance, job_id, 1).expect("is theirs").name, "problems.csv");
    let mut bytes = Vec::new();
    let mut take = |part: &[u8]| {
        bytes.extend_from_slice(part);
        Ok(())
    };
    service.job_file_parts(key, &mut take).expect("reads");
    assert_eq!(bytes, b"row 7");
    let entries = reads::newest(&mut log(database).snapshot().expect("reads"), COURT, None, 10).expect("reads");
    let about: Vec<_> =
        entries.iter().map(|(_, entry)| (entry.person_id, entry.command.as_str(), entry.subject.clone())).collect();
    assert_eq!(about, [(finance.person_id, "job file", format!("job={job_id} problems.csv"))]);
}

/// Who is asked to agree sees all that they agree to, and it is logged that they did; others see no numbers.
fn who_agrees_sees_what_they_agree_to(database: &Database) {
    let mut court = Court::open(database);
    let [handler, finance, admin] = [HANDLER, FINANCE, ADMIN].map(|name| court.person(name));
    let service = Service::new(globals(database), Clock::fixed(at()), Vec::new()).expect("serves");
    let number = "6222021202999911118";
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("details.toml");
    std::fs::write(&path, format!("account = \"{number}\"\n")).expect("writes");
    let file = Upload { parameter: "file".to_owned(), name: "details.toml".to_owned(), path };
    let proposed = Asked { files: vec![file], ..asked("payee add", &[("account", number), ("name", "王芳")]) };
    let job_id = add_job(&mut court.store, service.keys(), (COURT, HANDLER), &proposed, State::Proposed);
    let row = "SELECT arguments FROM job WHERE court_id = $1";
    let stored =
        court.store.snapshot().expect("reads").query_one(row, &[COURT.into()], |row| Ok(row.text(0)?.to_owned()));
    assert!(!stored.expect("a row").contains(number), "numbers stand sealed");

    let agreeing = service.seen(&finance, job_id).expect("sees");
    assert!(agreeing.may_answer && agreeing.arguments.contains(&("account".to_owned(), number.to_owned())));
    assert!(agreeing.given[0].text.as_deref().is_some_and(|text| text.contains(number)), "{agreeing:?}");
    assert!(agreeing.given[0].digest.is_some());
    service.job_file(&finance, job_id, 1).expect("may be fetched too");
    for person in [&handler, &admin] {
        let seen = service.seen(person, job_id).expect("sees");
        assert!(!seen.may_answer && !format!("{seen:?}").contains(number), "{seen:?}");
    }
    let commands = || -> Vec<String> {
        let entries = reads::newest(&mut log(database).snapshot().expect("reads"), COURT, None, 10).expect("reads");
        entries.into_iter().map(|(_, entry)| entry.command).collect()
    };
    assert_eq!(commands(), ["job file", "job"]);

    // Who handles no money says nothing to it, and gets nothing by trying; nor does whoever declined.
    assert_eq!(crate::court::code(service.answer(job_id, &admin, false, "no")), "service.may_not_answer");
    assert_eq!(crate::court::code(service.job_file(&admin, job_id, 1)), "service.job_unknown");
    service.answer(job_id, &finance, false, "账号有误").expect("declines");
    assert_eq!(crate::court::code(service.job_file(&finance, job_id, 1)), "service.job_unknown");
}

/// A command that must be told where it writes is told by the service, when it is asked and when it is run.
fn what_writes_is_taken_as_a_job(database: &Database) {
    let mut court = Court::open(database);
    let service = Service::new(globals(database), Clock::fixed(at()), Vec::new()).expect("serves");
    let finance = court.person(FINANCE);
    let answered = service.ask(&finance, &asked("payout deliver", &[("run", "P2026-0001")])).expect("is asked");
    assert!(matches!(answered, Answered::Job(_, State::Waiting)));
}

/// Many at once, from two processes where there may be two, are one chain.
fn many_at_once_are_one_chain(database: &Database) {
    const THREADS: i64 = 8;
    const EACH: i64 = 25;
    drop(Court::open(database));
    let logs: Vec<Arc<ReadLog>> = (0..2).map(|_| Arc::new(ReadLog::begin(log(database)).expect("begins"))).collect();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = Arc::clone(&logs[usize::try_from(thread % 2).expect("a place")]);
            scope.spawn(move || {
                for number in 0..EACH {
                    let entry = Entry {
                        court_id: COURT,
                        at: number,
                        person_id: thread,
                        kind: Kind::Read,
                        command: "payee list".to_owned(),
                        subject: String::new(),
                        details: 1,
                        code: String::new(),
                    };
                    log.log(entry).expect("logs");
                }
            });
        }
    });
    let mut store = log(database);
    let mut tx = store.snapshot().expect("reads");
    let checked = reads::check(&mut tx, COURT).expect("checks");
    assert_eq!((checked.entries, checked.finding), (THREADS * EACH, None));
    let of_one = reads::newest(&mut tx, COURT, Some(3), 1_000).expect("reads");
    assert_eq!(of_one.len() as i64, EACH);
    // Each saw its own in order.
    assert!(of_one.windows(2).all(|pair| pair[0].1.at > pair[1].1.at));
}

crate::on_both!(
    what_is_opened_or_refused_is_logged,
    a_file_of_a_job_that_is_taken_is_logged,
    who_agrees_sees_what_they_agree_to,
    what_writes_is_taken_as_a_job,
    many_at_once_are_one_chain
);
