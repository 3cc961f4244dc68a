//! What the service refuses, tried the way somebody would try it.

use ankuan::claims::sample::write_sample_list;
use serde_json::json;

use crate::office::{AUDITOR, FINANCE, HANDLER, KEEPER, Office, PASSWORD, Person};
use crate::spine::digest_of;
use crate::support::Database;
use crate::webdriver::agent;

const CASE: &str = "（2026）浙0106执123号";
const COOKIE: &str = "__Host-ankuan";

/// A name that would be a script where pages are put together carelessly.
const SCRIPT: &str = "<script>document.title='broken'</script>\"'&";

/// A case with a run that waits for approval; made before anybody has a password.
fn with_a_run(office: &Office<'_>) -> String {
    let list = office.path("list.csv");
    write_sample_list(std::fs::File::create(&list).expect("a list"), 5, 0, 1).expect("writes");
    let list = list.to_str().expect("UTF-8").to_owned();
    let as_handler = ["--as", HANDLER];
    let acts: [&[&str]; 3] = [
        &["case", "open", CASE, "--title", SCRIPT],
        &["claims", "import", &list, "--case", CASE],
        &["case", "party", CASE, "applicant", SCRIPT],
    ];
    for act in acts {
        office.command(&[act, &as_handler].concat());
    }
    let receipt = ["receipt", "record", "FT1", "--amount", "1000", "--value-date", "2026-01-05", "--case", CASE];
    office.command(&[&receipt[..], &["--as", FINANCE]].concat());
    let made = office.json(&["distribute", "make", "--case", CASE, "--as", HANDLER]);
    let distribution = made["distribution"].as_i64().expect("a number").to_string();
    let run = office.json(&["payout", "draft", "--distribution", &distribution, "--as", HANDLER]);
    let run = run["run"].as_str().or_else(|| run["number"].as_str()).expect("a run").to_owned();
    office.command(&["payout", "submit", &run, "--as", HANDLER]);
    run
}

fn nobody_goes_beyond_their_duty(database: &Database) {
    let Some(office) = Office::open_two(database) else { return };
    let run = with_a_run(&office);
    let handler = office.person(1, HANDLER);

    // The maker does not approve, though they hold digest and password: a handler has no role for it.
    let digest = digest_of(&handler, &run);
    let approval = [("run", run.as_str()), ("digest", digest.as_str()), ("_password", PASSWORD)];
    handler.is_refused("payout approve", &approval, "access.roles_missing");

    // An auditor reads all and writes nothing.
    let auditor = office.person(1, AUDITOR);
    auditor.go(&format!("/see/payout/show?run={run}"));
    assert_eq!(auditor.count(".refusal"), 0, "{}", auditor.text());
    auditor.is_refused("case open", &[("number", "（2026）浙0106执9号"), ("title", "无权")], "access.roles_missing");
    auditor.is_refused("payout approve", &approval, "access.roles_missing");
    auditor.go("/see/case/list");
    assert!(!auditor.text().contains("执9号"), "{}", auditor.text());

    a_name_is_text(&handler);
    a_second_person_is_another(&office, &handler);

    // Another court, in the same database, finds nothing of this one by any address.
    let stranger = office.person(2, HANDLER);

    for path in [
        format!("/see/case/show?case={CASE}"),
        format!("/see/payout/show?run={run}"),
        format!("/see/claim/list?case={CASE}"),
        "/jobs/1".to_owned(),
        "/jobs/1/files/1".to_owned(),
        "/jobs/1/events".to_owned(),
    ] {
        stranger.go(&path);
        let code = stranger.text_of(".refusal code");
        assert!(code.ends_with("unknown"), "{path}: {code}: {}", stranger.text());
        assert!(!stranger.text().contains("script"), "{path}: {}", stranger.text());
    }
    stranger.go("/see/case/list");
    assert_eq!(stranger.count("main tbody tr"), 0, "{}", stranger.text());
    stranger.is_refused("case party", &[("case", CASE), ("role", "debtor"), ("name", "某人")], "cases.unknown");

    stranger.go("/no/such/page");
    assert_eq!(stranger.text_of(".refusal code"), "web.not_found");
    stranger.go("/do/serve");
    assert_eq!(stranger.text_of(".refusal code"), "web.not_found", "what belongs to the machine is no page");
}

/// What somebody wrote is shown as they wrote it, and nothing of it runs.
fn a_name_is_text(handler: &Person) {
    for path in [format!("/see/case/show?case={CASE}"), "/see/case/list".to_owned(), "/".to_owned()] {
        handler.go(&path);
        let scripts = handler.run("return [...document.scripts].filter(one => !one.src).length", &[]);
        assert_eq!(scripts, json!(0), "{path}");
        assert_ne!(handler.run("return document.title", &[]), json!("broken"), "{path}");
    }
    handler.go(&format!("/see/case/show?case={CASE}"));
    handler.expect_text(SCRIPT);
    // Refused and shown again: in the field, and in the sentence of the refusal.
    handler.fill_in("case open", &[("number", SCRIPT), ("title", SCRIPT)]);
    let kept = handler.run("return document.querySelector('[name=number]').value", &[]);
    assert_eq!(kept, json!(SCRIPT));
    assert_ne!(handler.run("return document.title", &[]), json!("broken"));
}

/// Who asks does not agree; another does, and then it is done.
fn a_second_person_is_another(office: &Office<'_>, handler: &Person) {
    let values = [("case", CASE), ("claimant", "0000001"), ("reason", "申请人撤回"), ("basis", "撤回申请书")];
    handler.fill_in("claim withdraw", &values);
    let job = handler.path();
    assert!(job.starts_with("/jobs/"), "{job}: {}", handler.text());
    assert_eq!(handler.count("button[name=answer][value=agree]"), 0, "{}", handler.text());
    assert_eq!(handler.count("button[name=answer][value=decline]"), 1, "who asks may withdraw it: {}", handler.text());
    // By a form that the page does not show, but could have come from it.
    let script =
        "const body = new URLSearchParams({_token: document.querySelector('[name=_token]').value, answer: 'agree'});
                  const answer = await fetch(location.pathname + '/answer', {method: 'POST', body});
                  return [answer.status, await answer.text()];";
    let answer = handler.run_async(script, &[]);
    assert_eq!(answer[0], 422, "{answer}");
    assert!(answer[1].as_str().is_some_and(|text| text.contains("service.job_own")), "{answer}");

    let keeper = office.person(1, KEEPER);
    assert!(keeper.text().contains("撤回债权"), "it waits on the desk: {}", keeper.text());
    keeper.go(&job);
    keeper.press("button[name=answer][value=agree]");
    keeper.wait_for_job();
    assert_eq!(keeper.count(".refusal"), 0, "{}", keeper.text());
    assert!(keeper.text().contains(KEEPER), "{}", keeper.text());
}

fn a_session_is_its_cookie(database: &Database) {
    let Some(office) = Office::open(database) else { return };
    let finance = office.person(1, FINANCE);
    let cookie = finance.cookie(COOKIE).expect("a session");
    assert_eq!(finance.run("return document.cookie.includes('ankuan=')", &[]), json!(false), "no script reads it");

    let client = agent();
    let home = office.home.replace("localhost", "127.0.0.1");
    let see = |cookie: Option<&str>| {
        let mut request = client.get(format!("{home}/see/receipt/list"));
        if let Some(cookie) = cookie {
            request = request.header("cookie", format!("{COOKIE}={cookie}"));
        }
        let answer = request.call().expect("answers");
        let place = answer.headers().get("location").and_then(|place| place.to_str().ok()).unwrap_or_default();
        (answer.status().as_u16(), place.to_owned())
    };
    let to_sign_in = (303, "/sign-in?next=/see/receipt/list".to_owned());
    assert_eq!(see(Some(&cookie)), (200, String::new()), "whoever has the cookie is the session");
    assert_eq!(see(None), to_sign_in);
    assert_eq!(see(Some("1.0000")), to_sign_in);
    assert_eq!(see(Some("nonsense")), to_sign_in);
    assert_eq!(see(Some(&cookie.replacen("1.", "2.", 1))), to_sign_in, "a session is of its court");
    let mut changed = cookie.clone();
    let last = changed.pop().expect("a digit");
    changed.push(if last == '0' { '1' } else { '0' });
    assert_eq!(see(Some(&changed)), to_sign_in);

    forms_are_ours(&office, &finance, &home, &cookie);

    // What was signed out is dead, for whoever kept the cookie.
    finance.press(".who button");
    assert!(finance.path().starts_with("/sign-in"), "{}", finance.path());
    assert_eq!(see(Some(&cookie)), to_sign_in);
    finance.go("/see/receipt/list");
    assert_eq!(finance.path(), "/sign-in?next=/see/receipt/list");
    finance.give(PASSWORD, &finance.code());
    assert_eq!(finance.path(), "/see/receipt/list", "{}", finance.text());

    doors_stay_shut(&office);
}

/// A form counts when a page of ours sent it, to this person; and once, however often it is sent.
fn forms_are_ours(office: &Office<'_>, finance: &Person, home: &str, cookie: &str) {
    let form = |token: &str| {
        let part = |name: &str, value: &str| {
            format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut body: String = [("reference", "FT-X"), ("amount", "1"), ("value_date", "2026-01-05")]
            .iter()
            .map(|(name, value)| part(name, value))
            .collect();
        if !token.is_empty() {
            body.push_str(&part("_token", token));
        }
        body.push_str("--x--\r\n");
        let request = agent().post(format!("{home}/do/receipt/record")).header("cookie", format!("{COOKIE}={cookie}"));
        let answer = request.header("content-type", "multipart/form-data; boundary=x").send(body).expect("answers");
        answer.status().as_u16()
    };
    assert_eq!(form(""), 403);
    assert_eq!(form("0000"), 403);
    let other = office.person(1, KEEPER);
    let foreign = other.run("return document.querySelector('[name=_token]').value", &[]);
    assert_eq!(form(foreign.as_str().expect("a token")), 403, "another's token");
    finance.go("/see/receipt/list");
    assert_eq!(finance.count("main tbody tr"), 0, "{}", finance.text());

    finance.go("/do/receipt/record");
    let script = "const form = document.querySelector('form.command');
        form.reference.value = 'FT-TWICE'; form.amount.value = '12.34'; form.value_date.value = '2026-01-05';
        const body = () => new FormData(form);
        const answers = await Promise.all([1, 2].map(() => fetch(form.action, {method: 'POST', body: body()})));
        const third = await fetch(form.action, {method: 'POST', body: body()});
        return [...answers, third].map(answer => answer.status);";
    let statuses = finance.run_async(script, &[]);
    assert_eq!(statuses[2], 200, "it was done, and that is said again: {statuses}");
    finance.go("/see/receipt/list");
    assert_eq!(finance.count("main tbody tr"), 1, "{}", finance.text());
}

/// Guessing locks, and no address leads out of the house.
fn doors_stay_shut(office: &Office<'_>) {
    let handler = office.person(1, HANDLER);
    handler.press(".who button");
    handler.go("/sign-in?next=//evil.example/");
    handler.give(PASSWORD, &handler.code());
    assert_eq!(handler.path(), "/", "{}", handler.text());
    handler.press(".who button");

    // The code of a moment that has passed, so that only the password can be what is wrong.
    for attempt in 1..=5 {
        handler.give("不是这个口令-2026", "000000");
        assert_eq!(handler.text_of(".refusal code"), "access.sign_in_not_now", "{attempt}");
    }
    // Locked: the right password is refused in the same words. (That it is the lock, `tests/all/sign_in.rs` shows.)
    handler.give(PASSWORD, "000000");
    assert_eq!(handler.text_of(".refusal code"), "access.sign_in_not_now", "{}", handler.text());
}

crate::on_both!(nobody_goes_beyond_their_duty, a_session_is_its_cookie);
