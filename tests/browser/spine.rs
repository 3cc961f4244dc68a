//! The way through: from a claimant list to a day that is closed, by the people who do it, each in a browser of their own.

use std::path::{Path, PathBuf};

use ankuan::claims::sample::write_sample_list;
use ankuan::clock::Clock;
use serde_json::json;

use crate::office::{ACCOUNT, AUDITOR, FINANCE, HANDLER, HEAD, KEEPER, Office, Person, SECOND_FINANCE};
use crate::support::Database;

const CASE: &str = "（2026）浙0106执123号";
/// As a bank's customer writes it.
const CASE_TYPED: &str = "(2026)浙0106执123号";
/// So many that a commit is seen on its way, however quick the machine.
const CLAIMANTS: u64 = 100_000;
const POT: &str = "100000000.00";

fn from_list_to_closed_day(database: &Database) {
    let Some(office) = Office::open(database) else { return };
    let [handler, finance, head] = [HANDLER, FINANCE, HEAD].map(|name| office.person(1, name));
    assert!(handler.text().contains("工作台"), "{}", handler.text());

    money_comes_in(&handler, &finance);
    claims_come_in(&office, &handler);
    let run = a_run_is_made(&handler);
    two_approve(&run, &finance, &head);
    the_bar_moves(&finance, &run);
    let bank = the_bank_answers(&office, &finance, &run);
    let day = Clock::system().today_in_shanghai().to_string();
    the_account_is_reconciled(&office, &finance, &bank, &day);
    drop(head);

    let [keeper, second] = [KEEPER, SECOND_FINANCE].map(|name| office.person(1, name));
    three_sign_the_day([&keeper, &second, &finance], &day);

    let auditor = office.person(1, AUDITOR);
    auditor.has_done("verify", &[]);
    let checks = auditor.run(
        "return [...document.querySelectorAll('.done tbody tr')].map(row => [...row.cells].map(cell => cell.innerText))",
        &[],
    );
    let checks = checks.as_array().expect("rows");
    assert!(checks.len() >= 29, "{checks:?}");
    for check in checks {
        assert_eq!(check[2], "一致", "{check}");
    }
    for person in [&handler, &finance, &keeper, &second, &auditor] {
        assert_eq!(person.console(), Vec::<String>::new(), "{}", person.name);
    }
}

fn money_comes_in(handler: &Person, finance: &Person) {
    handler.does("case open", &[("number", CASE_TYPED), ("title", "某某投资涉众案")]);
    handler.go("/see/case/list");
    handler.expect_text(CASE);
    let today = Clock::system().today_in_shanghai().to_string();
    finance.does(
        "receipt record",
        &[
            ("reference", "FT0001"),
            ("amount", POT),
            ("value_date", &today),
            ("payer", "示范投资有限公司"),
            ("case", CASE),
        ],
    );
}

/// A list with three faults is refused row by row; the corrected one is taken.
fn claims_come_in(office: &Office<'_>, handler: &Person) {
    let good = office.path("list.csv");
    write_sample_list(std::fs::File::create(&good).expect("a list"), CLAIMANTS, 0, 1).expect("writes");
    let text = std::fs::read_to_string(&good).expect("reads");
    let bad = office.path("list-with-errors.csv");
    std::fs::write(&bad, with_errors(&text)).expect("writes");

    let file = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    handler.fill_in("claims import", &[("file", &file(&bad)), ("case", CASE)]);
    handler.wait_for_job();
    let shown = handler.text_of(".refusal");
    // Row, as a spreadsheet counts it, and what is wrong there.
    for row in ["101", "202", "303"] {
        let rows = handler.run(
            "return [...document.querySelectorAll('.refusal tbody tr')].filter(row => row.cells[0].innerText === arguments[0]).length",
            &[json!(row)],
        );
        assert!(rows.as_i64() >= Some(1), "row {row} is not shown: {shown}");
    }
    let problems = handler.files();
    assert_eq!(problems[0].0, "problems.csv");
    assert!(String::from_utf8_lossy(&problems[0].1).lines().count() >= 4, "{problems:?}");
    handler.go(&format!("/see/claims/list?case={CASE}"));
    assert_eq!(handler.count("main tbody tr"), 0, "nothing of it was stored: {}", handler.text());

    let rows = CLAIMANTS.to_string();
    handler.has_done("claims import", &[("file", &file(&good)), ("case", CASE), ("expect_rows", &rows)]);
}

/// The list with an amount that is none, a document number with a wrong digit, and a claimant who stands there twice.
fn with_errors(list: &str) -> String {
    let mut lines: Vec<String> = list.lines().map(str::to_owned).collect();
    let change = |line: &mut String, column: usize, change: &dyn Fn(&str) -> String| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        cells[column] = change(&cells[column]);
        *line = cells.join(",");
    };
    change(&mut lines[100], 4, &|_| "壹万元整？".to_owned());
    change(&mut lines[201], 3, &|number| {
        let last = if number.ends_with('1') { '2' } else { '1' };
        format!("{}{last}", &number[..number.len() - 1])
    });
    let number = lines[1].split(',').next().expect("a number").to_owned();
    change(&mut lines[302], 0, &|_| number.clone());
    lines.join("\n") + "\n"
}

fn a_run_is_made(handler: &Person) -> String {
    handler.has_done("distribute make", &[("case", CASE)]);
    handler.go(&format!("/see/distribute/list?case={CASE}"));
    assert_eq!(handler.count("main tbody tr"), 1, "{}", handler.text());
    let distribution = handler.text_of("main tbody td");
    let said = handler.does("payout draft", &[("distributions", &distribution), ("title", "首次发放")]);
    let begin = said.find("P20").unwrap_or_else(|| panic!("no run in {said}"));
    let run: String = said[begin..].chars().take("P2026-0001".len()).collect();
    handler.does("payout submit", &[("run", &run)]);
    run
}

/// What is signed is what is seen: the digest stands on the page of the run.
pub fn digest_of(person: &Person, run: &str) -> String {
    person.go(&format!("/see/payout/show?run={run}"));
    let found = person.run("return document.body.innerText.match(/\\b[0-9a-f]{12,64}\\b/)?.[0] ?? ''", &[]);
    let digest = found.as_str().unwrap_or_default().to_owned();
    assert!(!digest.is_empty(), "{}", person.text());
    digest
}

/// On the run's own page: what is signed is in view, and the password opens the key that signs it.
fn two_approve(run: &str, first: &Person, second: &Person) {
    let page = format!("/payouts/{run}");
    for person in [first, second] {
        person.go(&page);
        let steps_before = person.count(".steps .done");
        person.fill("form.sign", "_password", crate::office::PASSWORD);
        person.press("form.sign button");
        assert_eq!(person.count(".refusal"), 0, "{}", person.text());
        person.go(&page);
        assert_eq!(person.count(".steps .done"), steps_before + 1, "{}", person.text());
    }
}

/// Presses a button of the run's page, which begins a job.
fn begin_on_page(person: &Person, run: &str, action: &str) {
    person.go(&format!("/payouts/{run}"));
    person.press(&format!("form[action='/do/payout/{action}'] button"));
}

/// Commits, and sees the bar move: at least two places that are neither the beginning nor the end.
fn the_bar_moves(finance: &Person, run: &str) {
    begin_on_page(finance, run, "commit");
    // The page is loaded anew when the job ends; what was seen outlives it there.
    finance.run(
        "const bar = document.getElementById('progress'), seen = new Set();
         const look = () => {
           if (bar.value > 0 && bar.value < bar.max && bar.max > 1) seen.add(bar.value);
           sessionStorage.seen = JSON.stringify([...seen]);
         };
         if (bar) { look(); new MutationObserver(look).observe(bar, {attributes: true}); }",
        &[],
    );
    finance.wait_for_job();
    assert_eq!(finance.count(".refusal"), 0, "{}", finance.text());
    let seen = finance.run("return sessionStorage.seen ?? ''", &[]);
    let seen: Vec<i64> = serde_json::from_str(seen.as_str().unwrap_or_default()).unwrap_or_default();
    assert!(seen.len() >= 2, "the bar stood still: {seen:?}");
    assert!(seen.is_sorted(), "the bar went back: {seen:?}");
    assert!(finance.text_of(".done").contains(&CLAIMANTS.to_string()), "{}", finance.text());
}

/// Releases, takes the files to the bank, and comes back with what it wrote.
fn the_bank_answers(office: &Office<'_>, finance: &Person, run: &str) -> PathBuf {
    begin_on_page(finance, run, "release");
    finance.wait_for_job();
    assert_eq!(finance.count(".refusal"), 0, "{}", finance.text());
    let sent = office.path("to-bank");
    std::fs::create_dir(&sent).expect("a folder");
    for (name, bytes) in bank_files(finance, run) {
        std::fs::write(sent.join(name), bytes).expect("writes");
    }
    let today = Clock::system().today_in_shanghai().to_string();
    let incoming = office.path("incoming.csv");
    let credit = format!("金额,付款人,附言,交易流水号,子账户\n{POT},示范投资有限公司,{CASE},FT0001,\n");
    std::fs::write(&incoming, credit).expect("writes");
    let bank = office.path("from-bank");
    let path = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    office.command(&[
        "bank-sim",
        &path(&sent),
        "--out",
        &path(&bank),
        "--from",
        &today,
        "--account",
        ACCOUNT,
        "--holder",
        "某某法院",
        "--opening",
        "0",
        "--incoming",
        &path(&incoming),
        "--reject",
        "0",
        "--return",
        "0",
        "--delay",
        "0",
        "--own-lines",
    ]);
    bank.join(today)
}

/// The payment files of a run, as one gets them from its page.
fn bank_files(finance: &Person, run: &str) -> Vec<(String, Vec<u8>)> {
    finance.has_done("payout deliver", &[("run", run)]);
    let files: Vec<_> = finance.files().into_iter().filter(|(name, _)| name.ends_with("csv")).collect();
    assert!(files.len() >= 4, "{:?}", files.iter().map(|(name, _)| name).collect::<Vec<_>>());
    files
}

fn the_account_is_reconciled(office: &Office<'_>, finance: &Person, bank: &Path, day: &str) {
    let files: Vec<PathBuf> =
        std::fs::read_dir(bank).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    let is_reply = |path: &&PathBuf| path.to_string_lossy().contains("-reply-");
    let replies: Vec<&str> = files.iter().filter(is_reply).filter_map(|path| path.to_str()).collect();
    let statement = files.iter().find(|path| !is_reply(path)).expect("a statement");
    // The bank calls its charge something that no rule knows: that is left to a person.
    let bytes = std::fs::read(statement).expect("reads");
    let (known, _, _) = encoding_rs::GB18030.encode("手续费");
    let (unknown, _, _) = encoding_rs::GB18030.encode("服务包");
    let place = bytes.windows(known.len()).position(|part| part == &*known).expect("a charge");
    let changed = [&bytes[..place], &unknown, &bytes[place + known.len()..]].concat();
    let statement = office.path("statement.csv");
    std::fs::write(&statement, changed).expect("writes");

    finance.has_done("reply import", &[("files", &replies.join("\n")), ("channel", "download")]);
    finance.has_done("statement import", &[("files", statement.to_str().expect("UTF-8")), ("channel", "download")]);
    finance.has_done("reconcile match", &[]);

    finance.go("/see/reconcile/open");
    assert_eq!(finance.count("main tbody tr"), 1, "only the charge is left to a person: {}", finance.text());
    let line = finance.text_of("main tbody td");
    finance.is_refused("reconcile prepare", &[("day", day)], "signoff.unexplained");
    finance.does("reconcile set", &[("line", &line), ("charges", "true"), ("evidence", "银行收费通知单")]);
    finance.go("/see/reconcile/open");
    assert_eq!(finance.count("main tbody tr"), 0, "{}", finance.text());
}

/// Prepared, reviewed and closed: three people, and nobody twice.
fn three_sign_the_day([prepares, reviews, closes]: [&Person; 3], day: &str) {
    // Whoever fetched the statement does not prepare the day.
    closes.is_refused("reconcile prepare", &[("day", day)], "signoff.fetched_it");
    prepares.does("reconcile prepare", &[("day", day)]);
    prepares.is_refused("reconcile review", &[("day", day)], "signoff.same_person");
    reviews.does("reconcile review", &[("day", day)]);
    closes.does("reconcile close", &[("day", day)]);
    closes.go("/see/reconcile/days");
    closes.expect_text(day);
}

crate::on_both!(from_list_to_closed_day);
