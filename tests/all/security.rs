//! Who may do what in the service: sign-in, what is offered, the books of courts below, duties that may not meet.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ankuan::access::upper::{self, Above};
use ankuan::access::{self, Role, credentials, duties, sessions};
use ankuan::chart::{self, NewCourt};
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::service::front::Front;
use ankuan::service::{Service, server};
use ankuan_ledger::engine::{Error, Value};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request};
use jiff::civil::Date;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::court::{ACCOUNT, ADMIN, COURT, Court, FINANCE, HANDLER, KEEPER, NUMBER, TODAY, at, code};
use crate::operations::globals;
use crate::sign_in::{PASSWORD, enrolled};
use crate::support::Database;

/// A court above, and one that is not.
const UPPER: i64 = 8;
const OTHER: i64 = 9;

struct Desk {
    service: Arc<Service>,
    router: Router,
    runtime: Runtime,
    court: Court,
    keys: Keys,
}

struct Page {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Page {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

impl Desk {
    fn open(database: &Database) -> Self {
        let court = Court::open(database);
        let globals = globals(database);
        let keys = Keys::read(globals.keys.as_deref().expect("a path")).expect("keys");
        let service = Service::new(globals, Clock::fixed(at()), Vec::new()).expect("serves");
        let router = server::router(&service, Front::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
        Self { service, router, runtime, court, keys }
    }

    /// Opens another court; its admin's name is [`ADMIN`] too, and it has somebody for the upper court.
    fn other_court(&mut self, court_id: i64) {
        let mut tx = self.court.store.begin().expect("begins");
        let new = NewCourt {
            court_id,
            name: "另一法院",
            admin_name: ADMIN,
            chart_file: chart::DEFAULT_FILE,
            chart_text: chart::DEFAULT,
        };
        let admin = chart::open_court(&mut tx, &new, TODAY, at()).expect("opens");
        let person = access::add_person(&mut tx, &admin, "上级").expect("adds");
        access::grant(&mut tx, &admin, &person, Role::UpperCourt, TODAY, "任命").expect("grants");
        tx.commit().expect("commits");
    }

    /// The cookie of a session that somebody has.
    fn session(&self, court_id: i64, name: &str) -> (String, String) {
        let token = self.service.write(|tx| {
            let person = access::find_actor(tx, court_id, name)?;
            sessions::open(tx, &person, at(), &mut Randomness::system())
        });
        let token = token.expect("a session");
        (format!("__Host-ankuan={court_id}.{token}"), sessions::csrf_token(&token))
    }

    fn send(&self, request: Request<Body>) -> Page {
        self.runtime.block_on(async {
            let (parts, body) = self.router.clone().oneshot(request).await.expect("answers").into_parts();
            let bytes = to_bytes(body, usize::MAX).await.expect("a whole body");
            Page { status: parts.status.as_u16(), headers: parts.headers, text: String::from_utf8_lossy(&bytes).into() }
        })
    }

    fn get(&self, cookie: &str, path: &str) -> Page {
        self.send(Request::get(path).header("cookie", cookie).body(Body::empty()).expect("a request"))
    }

    fn post(&self, cookie: &str, path: &str, form: &str) -> Page {
        let request = Request::post(path).header("cookie", cookie);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).expect("a request"))
    }

    /// A command's form, as a browser sends it.
    fn submit(&self, (cookie, token): &(String, String), path: &str, values: &[(&str, &str)]) -> Page {
        let mut body = String::new();
        for (name, value) in [("_token", token.as_str())].iter().chain(values) {
            body.push_str(&format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
        }
        body.push_str("--x--\r\n");
        let request = Request::post(path).header("cookie", cookie);
        let request = request.header("content-type", "multipart/form-data; boundary=x");
        self.send(request.body(Body::from(body)).expect("a request"))
    }
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Whatever is wrong, or nothing but the lock, is answered alike; and too much of it is not looked at any more.
fn a_sign_in_that_fails_says_nothing(database: &Database) {
    let mut desk = Desk::open(database);
    enrolled(&mut desk.court, &desk.keys, FINANCE);
    let attempt = |name: &str, password: &str| {
        let form = format!("court={COURT}&name={}&password={}&code=000000", escaped(name), escaped(password));
        desk.post("", "/sign-in", &form)
    };
    let mut answers = vec![attempt("无此人", PASSWORD), attempt(HANDLER, PASSWORD), attempt(FINANCE, PASSWORD)];
    // Locked from the fifth on.
    answers.extend((0..6).map(|_| attempt(FINANCE, "wrong wrong wrong")));
    let said = |page: &Page| {
        page.text.split("role=\"alert\"").nth(1).expect("a refusal").split("</p>").next().map(str::to_owned)
    };
    for answer in &answers {
        assert_eq!(answer.status, 401);
        assert_eq!(said(answer), said(&answers[0]));
        assert!(answer.text.contains("access.sign_in_not_now") && answer.header("set-cookie").is_empty());
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // One address has so many tries; they fill again by the second, and here no time passes.
    let often = (0..60).map(|_| attempt("无此人", "wrong wrong wrong").status).find(|status| *status == 429);
    assert_eq!(often, Some(429));
    let invited = desk.post("", "/enrol", &format!("court={COURT}&name=x&invitation=x&password=x&again=x"));
    assert!(invited.text.contains("access.sign_in_often"), "{}", invited.text);
}

fn what_no_role_is_for_is_neither_offered_nor_begun(database: &Database) {
    let mut desk = Desk::open(database);
    desk.court.act(ADMIN, |tx, acting, _| access::add_person(tx, acting, "无岗位")).expect("adds");
    let nobody = desk.session(COURT, "无岗位");
    for path in ["/", "/see/case/list", "/jobs", "/people", "/actions"] {
        let page = desk.get(&nobody.0, path);
        assert!(page.status == 403 && page.text.contains("access.no_role"), "{path} {}", page.status);
    }
    assert_eq!(desk.get(&nobody.0, "/account").status, 200);
    let keeper = desk.session(COURT, KEEPER);
    let form = desk.get(&keeper.0, "/do/case/open");
    assert!(form.text.contains("<button disabled") && form.text.contains("why-not"), "{}", form.text);
    let case = [("number", NUMBER), ("title", "张三申请执行")];
    let refused = desk.submit(&keeper, "/do/case/open", &case);
    assert!(refused.status == 422 && refused.text.contains("access.roles_missing"), "{}", refused.text);
    // Not even as a job, which would stand until it was refused.
    let refused = desk.submit(&keeper, "/do/distribute/make", &[("case", NUMBER)]);
    assert!(refused.text.contains("access.roles_missing"), "{}", refused.text);
    let handler = desk.session(COURT, HANDLER);
    assert!(!desk.get(&handler.0, "/do/case/open").text.contains("<button disabled"));
    assert_eq!(desk.submit(&handler, "/do/case/open", &case).status, 200);
}

/// Whoever only reads gets no form, and whoever did something goes on to what it was about.
fn forms_are_for_whoever_may(database: &Database) {
    let mut desk = Desk::open(database);
    let added = desk.court.act(ADMIN, |tx, acting, _| {
        let auditor = access::add_person(tx, acting, "审计员")?;
        access::grant(tx, acting, &auditor, Role::Auditor, TODAY, "任命")
    });
    added.expect("grants");
    desk.court.receive("U-1", 700, None).expect("records");
    let account = format!("/reconciliation/{ACCOUNT}");
    let places = ["/receipts".to_owned(), "/payouts".to_owned(), account.clone(), format!("{account}/days/{TODAY}")];
    let (auditor, keeper) = (desk.session(COURT, "审计员"), desk.session(COURT, KEEPER));
    for place in &places {
        let page = desk.get(&auditor.0, place);
        assert_eq!(page.status, 200, "{place}");
        assert!(!page.text.contains("action=\"/do/") && !page.text.contains("checkbox"), "{place} {}", page.text);
    }
    for (place, form) in
        [(&places[0], "receipt/attribute"), (&account, "statement/import"), (&places[3], "reconcile/prepare")]
    {
        let page = desk.get(&keeper.0, place);
        assert!(page.text.contains(&format!("action=\"/do/{form}\"")), "{place} {}", page.text);
    }
    // A day that nobody has prepared is neither reviewed, closed nor opened again.
    let day = desk.get(&keeper.0, &places[3]).text;
    assert!(!["review", "close", "reopen"].iter().any(|step| day.contains(&format!("/do/reconcile/{step}"))), "{day}");
    let handler = desk.session(COURT, HANDLER);
    let opened = desk.submit(&handler, "/do/case/open", &[("number", NUMBER), ("title", "张三申请执行")]);
    assert!(opened.text.contains("href=\"/cases/"), "{}", opened.text);
    // Somebody who does not exist is a mistake in the form, not a page that is not there.
    let claim =
        [("case", NUMBER), ("claimant", "1"), ("reason", "异议"), ("basis", "笔录"), ("confirmed_by", "查无此人")];
    let refused = desk.submit(&handler, "/do/claim/dispute", &claim);
    assert!(refused.text.contains("access.person_unknown") && refused.text.contains("<form"), "{}", refused.text);
}

/// Where the authenticator is shown, its first code is asked for: it confirms it and signs in.
fn who_enrols_confirms_the_authenticator_there(database: &Database) {
    let mut desk = Desk::open(database);
    let person = desk.court.person(FINANCE);
    let invited =
        desk.court.act(ADMIN, |tx, acting, _| credentials::invite(tx, acting, &person, &mut Randomness::system()));
    let (name, password) = (escaped(FINANCE), escaped(PASSWORD));
    let form = format!(
        "court={COURT}&name={name}&invitation={}&password={password}&again={password}",
        invited.expect("invites")
    );
    let page = desk.post("", "/enrol", &form);
    assert!(page.text.contains("action=\"/sign-in\"") && page.text.contains("name=\"code\""), "{}", page.text);
    let secret = page.text.split("id=\"totp-secret\">").nth(1).and_then(|rest| rest.split('<').next());
    let secret = totp_rs::Secret::try_from_base32(secret.expect("it is shown")).expect("a secret");
    let totp = totp_rs::Builder::new().with_secret(secret).build().expect("an authenticator");
    let code = totp.generate(u64::try_from(at().as_second()).expect("a time"));
    let came = desk.post("", "/sign-in", &format!("court={COURT}&name={name}&password={password}&code={code}"));
    assert_eq!((came.status, came.header("location")), (303, "/"), "{}", came.text);
}

/// A body of a gigabyte, in parts of 16 KiB, and how much of it was read.
fn endless() -> (Body, Arc<AtomicUsize>) {
    const PART: &[u8] = &[b'a'; 16 << 10];
    let read = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&read);
    let parts = (0..1 << 16).map(move |_| {
        counted.fetch_add(PART.len(), Ordering::Relaxed);
        Ok::<_, Infallible>(Bytes::from_static(PART))
    });
    (Body::from_stream(tokio_stream::iter(parts)), read)
}

/// Nobody fills the memory: a form is small, and a file is read only of somebody who is known, for a command that takes one.
fn only_who_is_known_sends_much(database: &Database) {
    let desk = Desk::open(database);
    let send = |path: &str, headers: &[(&str, &str)]| {
        let (body, read) = endless();
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = desk.send(request.body(body).expect("a request"));
        (answer, read.load(Ordering::Relaxed))
    };
    let urlencoded = ("content-type", "application/x-www-form-urlencoded");
    let multipart = ("content-type", "multipart/form-data; boundary=x");
    let (finance, _) = desk.session(COURT, FINANCE);
    // Forms of anybody, and of somebody: a page says why, and hardly more than the limit was read.
    for (path, cookie) in [("/sign-in", ""), ("/enrol", ""), ("/account/password", finance.as_str())] {
        let (answer, read) = send(path, &[urlencoded, ("cookie", cookie)]);
        assert!(answer.status == 413 && answer.text.contains("web.too_large"), "{path} {}", answer.text);
        assert!(answer.header("content-type").starts_with("text/html"), "{path}");
        assert!(read <= server::BODY_BYTES_MAX + (32 << 10), "{path} {read}");
    }
    let unreadable = desk.post("", "/sign-in", "court=x");
    assert!(unreadable.status == 400 && unreadable.text.contains("web.form_unreadable"), "{}", unreadable.text);
    // Without a session or a key nothing at all is read.
    for (path, status) in [
        ("/do/statement/import", 303),
        ("/account/password", 303),
        ("/api/v1/statement/import", 401),
        ("/api/v1/receipt/record", 401),
        ("/api/v1/jobs/1/answer", 401),
    ] {
        for kind in [urlencoded, multipart, ("content-type", "application/json")] {
            let (answer, read) = send(path, &[kind]);
            assert_eq!((answer.status, read), (status, 0), "{path}");
        }
    }
    // Who is known sends no more than the fields of a command that takes no file.
    let begin = "--x\r\ncontent-disposition: form-data; name=\"title\"\r\n\r\n";
    let form = |text: String| {
        let request = Request::post("/do/case/open").header("cookie", finance.as_str());
        let request = request.header("content-type", multipart.1);
        desk.send(request.body(Body::from(text)).expect("a request"))
    };
    let answer = form(format!("{begin}{}", "a".repeat(2 << 20)));
    assert!(answer.status == 413 && answer.text.contains("web.too_large"), "{} {}", answer.status, answer.text);
    let many = form(format!("{}--x--\r\n", format!("{begin}\r\n").repeat(17_000)));
    assert!(many.status == 413 && many.text.contains("web.too_large"), "{} {}", many.status, many.text);
    // A file larger than any form is taken.
    let large = "1,2,3\n".repeat(50_000);
    assert!(large.len() > 4 * server::BODY_BYTES_MAX);
    let session = desk.session(COURT, FINANCE);
    let body = format!(
        "--x\r\ncontent-disposition: form-data; name=\"_token\"\r\n\r\n{}\r\n--x\r\ncontent-disposition: form-data; \
         name=\"channel\"\r\n\r\ndownload\r\n--x\r\ncontent-disposition: form-data; name=\"files\"; filename=\"a.csv\"\r\n\r\n{large}\r\n--x--\r\n",
        session.1
    );
    let request = Request::post("/do/statement/import").header("cookie", session.0.as_str());
    let taken = desk.send(request.header("content-type", multipart.1).body(Body::from(body)).expect("a request"));
    assert!(taken.status == 303 && taken.header("location").starts_with("/jobs/"), "{}", taken.text);
}

fn sessions_are_seen_and_ended(database: &Database) {
    let desk = Desk::open(database);
    let (one, two) = (desk.session(COURT, FINANCE), desk.session(COURT, FINANCE));
    assert_eq!(desk.get(&two.0, "/").status, 200);
    assert!(desk.get(&one.0, "/account").text.contains("/account/sessions/end"));
    assert_eq!(desk.post(&one.0, "/account/sessions/end", "_token=00").status, 403);
    assert_eq!(desk.post(&one.0, "/account/sessions/end", &format!("_token={}", one.1)).status, 303);
    assert_eq!(desk.get(&one.0, "/").status, 200);
    assert_eq!(desk.get(&two.0, "/").status, 303, "sent to sign in");
}

/// Only of a court that has this one on record above it, only by who holds the role, only to read.
fn an_upper_court_reads_what_is_below_it_and_no_other(database: &Database) {
    let mut desk = Desk::open(database);
    desk.court.case(NUMBER);
    desk.other_court(UPPER);
    desk.other_court(OTHER);
    let look = format!("/courts/{COURT}/see/case/list");
    let above = |is_granted| Above { upper_court_id: UPPER, is_granted, since: TODAY, document: "函".into() };
    assert_eq!(
        code(desk.court.act(FINANCE, |tx, acting, _| upper::record(tx, acting, &above(true)))),
        "access.role_missing"
    );
    let upper_court = desk.session(UPPER, "上级");
    let refused = |page: Page| assert!(page.status == 403 && !page.text.contains(NUMBER), "{}", page.text);
    refused(desk.get(&upper_court.0, &look));
    desk.court.act(ADMIN, |tx, acting, _| upper::record(tx, acting, &above(true))).expect("records");
    let shown = desk.get(&upper_court.0, &look);
    assert!(shown.status == 200 && shown.text.contains(NUMBER), "{}", shown.text);
    assert!(
        shown.text.contains("某某市某某区人民法院") && !shown.text.contains("<form method=\"post\" action=\"/do"),
        "whose books"
    );
    assert!(!shown.text.contains("href=\"/see/case/show"), "links stay in that court");
    assert!(desk.get(&upper_court.0, "/courts").text.contains(&format!("/courts/{COURT}")));
    // Neither another court, nor another role of the same court, nor a court that is not there.
    refused(desk.get(&desk.session(OTHER, "上级").0, &look));
    refused(desk.get(&desk.session(UPPER, ADMIN).0, &look));
    refused(desk.get(&upper_court.0, &format!("/courts/{OTHER}/see/case/list")));
    refused(desk.get(&upper_court.0, "/courts/77/see/case/list"));
    assert!(!desk.get(&upper_court.0, "/see/case/list").text.contains(NUMBER), "their own books");
    // What is not only shown is not there.
    for words in ["case/open", "payout/policy", "verify", "calc/fee"] {
        assert_eq!(desk.get(&upper_court.0, &format!("/courts/{COURT}/see/{words}")).status, 404, "{words}");
    }
    let sent = desk.submit(&upper_court, &format!("/courts/{COURT}/see/case/list"), &[]);
    assert_eq!(sent.status, 405);
    let readings = desk.service.read(|tx| upper::readings(tx, COURT, 10)).expect("reads");
    let seen: Vec<_> =
        readings.iter().map(|one| (one.upper_court_id, one.person_name.as_str(), one.command.as_str())).collect();
    assert_eq!(seen, [(UPPER, "上级", "case list")]);
    desk.court.act(ADMIN, |tx, acting, _| upper::record(tx, acting, &above(false))).expect("ends");
    refused(desk.get(&upper_court.0, &look));
}

/// The database itself keeps duties apart, and what it was told follows from the roles.
fn duties_that_may_not_meet_are_refused_by_the_database(database: &Database) {
    let mut court = Court::open(database);
    let finance = court.person(FINANCE);
    let insert = "INSERT INTO duty_held (court_id, person_id, from_day, handler, fund_keeper, finance, cashier, \
                  bureau_head, vice_president, auditor, upper_court, admin) \
                  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    for (number, (one, other)) in (1..).zip(access::APART) {
        let mut tx = court.store.begin().expect("begins");
        let mut values: Vec<Value<'_>> = vec![COURT.into(), (1_000 + number).into(), "2027-01-01".into()];
        values.extend(Role::ALL.iter().map(|role| Value::from(i64::from(role == one || role == other))));
        let refused = tx.execute(insert, &values);
        assert!(
            matches!(&refused, Err(Error::Constraint { name }) if name.contains("apart")),
            "{one:?} {other:?}: {refused:?}"
        );
    }
    assert_eq!(duties::finding(&mut court.store.snapshot().expect("reads"), COURT).expect("reads"), None);
    let mut tx = court.store.begin().expect("begins");
    let changed = "UPDATE duty_held SET finance = 0, fund_keeper = 1 WHERE court_id = $1 AND person_id = $2";
    assert_eq!(tx.execute(changed, &[COURT.into(), finance.person_id.into()]).expect("a state"), 1);
    tx.commit().expect("commits");
    let found = duties::finding(&mut court.store.snapshot().expect("reads"), COURT).expect("reads");
    assert!(found.is_some_and(|found| found.contains(&finance.person_id.to_string())));
    // The next change writes everything down anew, days to come as well.
    let later: Date = jiff::civil::date(2027, 3, 1);
    let keeper = court.person(KEEPER);
    court.act(ADMIN, |tx, acting, _| access::grant(tx, acting, &keeper, Role::Handler, later, "任命")).expect("grants");
    let mut tx = court.store.snapshot().expect("reads");
    assert_eq!(duties::finding(&mut tx, COURT).expect("reads"), None);
    let days = tx.query(
        "SELECT from_day FROM duty_held WHERE court_id = $1 AND person_id = $2 ORDER BY from_day",
        &[COURT.into(), keeper.person_id.into()],
        |row| Ok(row.text(0)?.to_owned()),
    );
    assert_eq!(days.expect("reads"), [TODAY.to_string(), later.to_string()]);
}

crate::on_both!(
    a_sign_in_that_fails_says_nothing,
    what_no_role_is_for_is_neither_offered_nor_begun,
    forms_are_for_whoever_may,
    who_enrols_confirms_the_authenticator_there,
    only_who_is_known_sends_much,
    sessions_are_seen_and_ended,
    an_upper_court_reads_what_is_below_it_and_no_other,
    duties_that_may_not_meet_are_refused_by_the_database,
);
