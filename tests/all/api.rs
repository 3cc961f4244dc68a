//! The API, driven without a network: what it answers, whom it lets in, that nothing is done twice.

use std::sync::Arc;
use std::time::Duration;

use ankuan::access::api_keys::{self, ApiKey, Scope};
use ankuan::access::{self, Role, sessions};
use ankuan::api::openapi;
use ankuan::chart::{self, NewCourt};
use ankuan::claims::sample::write_sample_list;
use ankuan::cli::catalogue::{self, Kind};
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::service::front::Front;
use ankuan::service::{Service, server};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

use crate::court::{ADMIN, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, at, code};
use crate::operations::globals;
use crate::sign_in::{PASSWORD, enrolled};
use crate::support::Database;

const OTHER: i64 = 8;
const CLAIMANTS: u64 = 250;

struct Api {
    service: Arc<Service>,
    router: Router,
    runtime: Runtime,
    court: Court,
    keys: Keys,
    keys_made: u64,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    #[track_caller]
    fn done(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// Checks the shape of a problem and gives its code.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        let text = |name: &str| problem[name].as_str().unwrap_or_else(|| panic!("{problem}")).to_owned();
        assert_eq!(problem["status"], status);
        assert_eq!(text("type"), format!("urn:ankuan:{}", text("code")));
        let said = if self.header("content-language") == "en" { "message_en" } else { "message_zh" };
        assert_eq!(text("detail"), text(said));
        assert!(!text("title").is_empty() && text("message_zh") != text("message_en"), "{problem}");
        text("code")
    }
}

impl Api {
    fn open(database: &Database) -> Self {
        let mut court = Court::open(database);
        let globals = globals(database);
        let keys = Keys::read(globals.keys.as_deref().expect("a path")).expect("keys");
        enrolled(&mut court, &keys, FINANCE);
        let service = Service::new(globals, Clock::fixed(at()), Vec::new()).expect("serves");
        let router = server::router(&service, Front::default());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
        Self { service, router, runtime, court, keys, keys_made: 0 }
    }

    /// A key of somebody who has enrolled, and has confirmed it where that is needed.
    fn key(&mut self, who: &str, scopes: &[Scope]) -> String {
        let (key, secret) = self.unconfirmed(who, scopes);
        if key.waits() {
            self.court.act(who, |tx, acting, _| api_keys::confirm(tx, acting, key.key_id)).expect("confirms");
        }
        secret
    }

    /// A key as an administrator makes it.
    fn unconfirmed(&mut self, who: &str, scopes: &[Scope]) -> (ApiKey, String) {
        let person = self.court.person(who);
        self.keys_made += 1;
        let mut randomness = Randomness::seeded(100 + self.keys_made);
        let made = self
            .court
            .act(ADMIN, |tx, acting, _| api_keys::create(tx, acting, &person, "测试", scopes, 30, &mut randomness));
        made.expect("a key")
    }

    /// The cookie of a session of somebody, and the token of its forms.
    fn session(&mut self, who: &str) -> (String, String) {
        let person = self.court.person(who);
        let mut randomness = Randomness::system();
        let token = self.court.act(who, |tx, _, _| sessions::open(tx, &person, at(), &mut randomness));
        let token = token.expect("a session");
        (format!("__Host-ankuan={COURT}.{token}"), sessions::csrf_token(&token))
    }

    /// The last link of the book of case money.
    fn head(&self) -> i64 {
        let last = "SELECT MAX(link_no) FROM chain_link WHERE court_id = $1 AND book_id = 1";
        let read = self.service.read(|tx| Ok(tx.query_one(last, &[COURT.into()], |row| row.int(0))?));
        read.expect("a link")
    }

    fn send(&self, request: Request<Body>) -> Answer {
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("answers");
            let (parts, body) = response.into_parts();
            let bytes = to_bytes(body, usize::MAX).await.expect("a whole body").to_vec();
            Answer { status: parts.status.as_u16(), headers: parts.headers, bytes }
        })
    }

    fn get(&self, key: &str, path: &str) -> Answer {
        self.send(request("GET", path, &[("authorization", &format!("Bearer {key}"))], Body::empty()))
    }

    fn post(&self, key: &str, once: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {key}");
        let mut headers = vec![("authorization", bearer.as_str()), ("content-type", "application/json")];
        if !once.is_empty() {
            headers.push(("idempotency-key", once));
        }
        self.send(request("POST", path, &headers, Body::from(body.to_string())))
    }

    /// As [`Api::post`], by somebody who has signed in.
    fn post_in_person(&self, (cookie, token): &(String, String), once: &str, path: &str, body: &Value) -> Answer {
        let headers = [
            ("cookie", cookie.as_str()),
            ("x-form-token", token),
            ("content-type", "application/json"),
            ("idempotency-key", once),
        ];
        self.send(request("POST", path, &headers, Body::from(body.to_string())))
    }

    fn upload(&self, key: &str, once: &str, path: &str, fields: &[(&str, &str)], file: (&str, &str, &[u8])) -> Answer {
        let mut body = Vec::new();
        for (name, value) in fields {
            body.extend(format!("--xx\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").bytes());
        }
        let (name, file_name, bytes) = file;
        let disposition = format!("form-data; name=\"{name}\"; filename=\"{file_name}\"");
        body.extend(format!("--xx\r\ncontent-disposition: {disposition}\r\n\r\n").bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--xx--\r\n");
        let bearer = format!("Bearer {key}");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "multipart/form-data; boundary=xx"),
            ("idempotency-key", once),
        ];
        self.send(request("POST", path, &headers, Body::from(body)))
    }

    /// Follows a job to its end by its events, and gives it.
    #[track_caller]
    fn ended(&self, key: &str, asked: &Answer) -> Value {
        assert_eq!(asked.status, 202, "{}", asked.text());
        let place = asked.header("location").to_owned();
        let events = self.get(key, &format!("{place}/events"));
        assert_eq!((events.status, events.header("content-type")), (200, "text/event-stream"));
        let last = events.text().lines().rfind(|line| line.starts_with("data:")).map(str::to_owned).expect("events");
        let job = self.get(key, &place).done();
        assert!(last.contains(&format!("\"state\":\"{}\"", job["state"].as_str().expect("a state"))), "{last}");
        job
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(body).expect("a request")
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn a_request_is_done_once(database: &Database) {
    let mut api = Api::open(database);
    let all = api.key(FINANCE, &[Scope::Read, Scope::Write]);
    let receipt =
        |amount: &str| json!({"reference": "FT1", "amount": amount, "value_date": "2026-11-22", "payer": "吴某"});
    assert_eq!(
        api.post(&all, "", "/api/v1/receipt/record", &receipt("1.00")).problem(400),
        "api.idempotency_key_missing"
    );
    let first = api.post(&all, "k1", "/api/v1/receipt/record", &receipt("1.00")).done();
    assert!(first["message_zh"].is_string() && first["message_en"].is_string(), "{first}");
    assert_eq!(api.post(&all, "k1", "/api/v1/receipt/record", &receipt("1.00")).done(), first);
    assert_eq!(api.post(&all, "k1", "/api/v1/receipt/record", &receipt("2.00")).problem(409), "request.differs");
    let listed = api.get(&all, "/api/v1/receipt/list").done();
    assert_eq!(listed["receipts"].as_array().map(Vec::len), Some(1), "{listed}");
    // A refusal is answered alike, too.
    let unknown = json!({"receipt": 4_711, "case": NUMBER, "evidence": "附言"});
    let refused = api.post(&all, "k2", "/api/v1/receipt/attribute", &unknown);
    let code = refused.problem(refused.status);
    let again = api.post(&all, "k2", "/api/v1/receipt/attribute", &unknown);
    assert_eq!((again.status, again.problem(again.status)), (refused.status, code));
    // The same request makes one job; an upload is known by its bytes, not by where it lay.
    let upload = |bytes: &[u8]| {
        api.upload(&all, "k3", "/api/v1/statement/import", &[("channel", "download")], ("files", "账单.csv", bytes))
    };
    let job = upload(b"a,b\n1,2\n");
    assert_eq!(job.status, 202, "{}", job.text());
    assert_eq!(upload(b"a,b\n1,2\n").header("location"), job.header("location"));
    assert_eq!(upload(b"a,b\n1,3\n").problem(409), "request.differs");
    assert_eq!(api.get(&all, "/api/v1/jobs").done()["items"].as_array().map(Vec::len), Some(1));
}

fn what_cannot_be_read_is_a_problem(database: &Database) {
    let mut api = Api::open(database);
    let key = api.key(FINANCE, &[Scope::Read, Scope::Write]);
    let get = |path: &str, status: u16| api.get(&key, path).problem(status);
    assert_eq!(get("/api/v1/nothing/here", 404), "web.not_found");
    assert_eq!(get("/api/v1/init", 404), "web.not_found");
    assert_eq!(get("/api/v1/case%20list", 404), "web.not_found");
    assert_eq!(get("/api/v1/", 404), "web.not_found");
    assert_eq!(get("/api/v1/case/list?x=1", 400), "command.unknown_parameter");
    assert_eq!(get("/api/v1/case/show", 400), "command.usage");
    assert_eq!(get("/api/v1/case/show?case=%00", 400), "api.address");
    assert_eq!(get("/api/v1/case/show?case=%FF", 400), "api.address");
    assert_eq!(get("/api/v1/runs/%FF", 400), "api.address");
    assert_eq!(get(&format!("/api/v1/case/show?case={}", escaped(NUMBER)), 404), "cases.unknown");
    assert_eq!(get("/api/v1/jobs/17", 404), "service.job_unknown");
    assert_eq!(get("/api/v1/jobs/x", 404), "service.job_unknown");
    assert_eq!(get("/api/v1/runs/P1", 404), "runs.unknown");
    assert_eq!(get("/api/v1/runs/P1/files/x", 404), "runs.unknown");
    assert_eq!(get("/api/v1/statements/1/lines", 404), "statements.unknown");
    assert_eq!(get("/api/v1/books/0/entries", 404), "api.book");
    assert_eq!(get("/api/v1/cases?limit=1001", 400), "api.limit");
    assert_eq!(get("/api/v1/cases?after=x", 400), "api.cursor");
    let on_read = api.get(&key, "/api/v1/receipt/record");
    assert_eq!((on_read.problem(405), on_read.header("allow")), ("api.method_unknown".to_owned(), "POST"));
    let bearer = format!("Bearer {key}");
    let send = |method: &str, path: &str, kind: &str, body: &str, language: &str| {
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", kind),
            ("idempotency-key", "k"),
            ("accept-language", language),
        ];
        api.send(request(method, path, &headers, Body::from(body.to_owned())))
    };
    let json = "application/json";
    for (kind, body, status, code) in [
        (json, "{", 400, "api.body"),
        (json, "[]", 400, "api.body"),
        (json, "\u{feff}{}", 400, "api.body"),
        ("text/xml", "<a/>", 415, "api.media_type"),
        (json, r#"{"reference": 1}"#, 400, "api.value"),
        (json, r#"{"reference": null}"#, 400, "api.value"),
        (json, r#"{"no": 1}"#, 400, "command.unknown_parameter"),
        (json, r#"{"reference": "a\u0000"}"#, 400, "command.zero_byte"),
        ("multipart/form-data", "x", 400, "web.form_unreadable"),
        ("multipart/form-data; boundary=xx", "--xx\r\n", 400, "web.form_unreadable"),
    ] {
        assert_eq!(send("POST", "/api/v1/receipt/record", kind, body, "zh").problem(status), code, "{body}");
    }
    let deep = format!("{{\"reference\": {}}}", "[".repeat(100_000));
    assert_eq!(send("POST", "/api/v1/receipt/record", json, &deep, "zh").problem(400), "api.body");
    let large = format!("{{\"reference\": \"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(send("POST", "/api/v1/receipt/record", json, &large, "zh").problem(413), "api.too_large");
    let form = format!("--x\r\ncontent-disposition: form-data; name=\"payer\"\r\n\r\n{large}");
    let multipart = "multipart/form-data; boundary=x";
    assert_eq!(send("POST", "/api/v1/receipt/record", multipart, &form, "zh").problem(413), "web.too_large");
    assert_eq!(send("DELETE", "/api/v1/cases", json, "", "en").problem(405), "api.method_unknown");
    let english = send("POST", "/api/v1/nothing", json, "{}", "de, en;q=0.5");
    assert_eq!((english.problem(404).as_str(), english.header("content-language")), ("web.not_found", "en"));
    for header in ["content-security-policy", "x-content-type-options"] {
        assert!(!english.header(header).is_empty(), "{header}");
    }
}

fn a_key_does_what_it_is_for(database: &Database) {
    let mut api = Api::open(database);
    let read = api.key(FINANCE, &[Scope::Read]);
    let write = api.key(FINANCE, &[Scope::Write]);
    let bank = api.key(FINANCE, &[Scope::Bank]);
    let receipt = json!({"reference": "FT1", "amount": "1.00", "value_date": "2026-11-22", "payer": "吴某"});
    let record = |key: &str| api.post(key, "k1", "/api/v1/receipt/record", &receipt);
    assert_eq!(record(&read).problem(403), "access.scope_missing");
    assert_eq!(record(&bank).problem(403), "access.scope_missing");
    record(&write).done();
    api.get(&read, "/api/v1/receipt/list").done();
    assert_eq!(api.get(&write, "/api/v1/receipt/list").problem(403), "access.scope_missing");
    for path in ["/api/v1/cases", "/api/v1/books/1/entries", "/api/v1/person/list", "/api/v1/statements/1/lines"] {
        assert_eq!(api.get(&bank, path).problem(403), "access.scope_missing", "{path}");
    }
    for path in ["/api/v1/runs", "/api/v1/payout/list", "/api/v1/jobs"] {
        api.get(&bank, path).done();
    }
    let import = |key: &str, once: &str| {
        api.upload(key, once, "/api/v1/statement/import", &[("channel", "bank_direct")], ("files", "a.csv", b"x"))
    };
    let by_bank = import(&bank, "k2");
    assert_eq!(by_bank.status, 202, "{}", by_bank.text());
    assert_eq!(import(&read, "k3").problem(403), "access.scope_missing");
    // A calculator records nothing: a key for reading may use it by POST, without a key of the request.
    let fee = api.post(&read, "", "/api/v1/calc/fee", &json!({"amount": "1700000000"})).done();
    assert_eq!(fee["fee"], "1767400.00");
    // Nobody else's secret, no other scheme, nothing.
    let last = if read.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &read[..read.len() - 1]);
    let of_other = read.replacen("ankuan_7_", "ankuan_8_", 1);
    assert_ne!(of_other, read);
    for given in [wrong.as_str(), &of_other, "ankuan_7_x_y", "密", ""] {
        let refused = api.get(given, "/api/v1/cases");
        assert_eq!(refused.problem(401), "api.not_signed_in");
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    // The key ends when it is revoked.
    let id: i64 = read.split('_').nth(2).and_then(|id| id.parse().ok()).expect("a number");
    api.court.act(ADMIN, |tx, acting, _| api_keys::revoke(tx, acting, id)).expect("revokes");
    assert_eq!(api.get(&read, "/api/v1/cases").problem(401), "api.not_signed_in");
}

/// An administrator makes keys and touches no money: one that may record waits for whose it is.
fn a_key_that_records_counts_when_its_person_says_so(database: &Database) {
    let mut api = Api::open(database);
    let confirm = |api: &mut Api, who: &str, key_id: i64| {
        code(api.court.act(who, |tx, acting, _| api_keys::confirm(tx, acting, key_id)).map(|_| ()))
    };
    let receipt = json!({"reference": "FT1", "amount": "1.00", "value_date": "2026-11-22", "payer": "吴某"});
    let (read, read_secret) = api.unconfirmed(FINANCE, &[Scope::Read]);
    api.get(&read_secret, "/api/v1/receipt/list").done();
    assert_eq!(confirm(&mut api, FINANCE, read.key_id), "access.key_confirmed_already");
    for scope in [Scope::Write, Scope::Bank] {
        let (key, secret) = api.unconfirmed(FINANCE, &[Scope::Read, scope]);
        // Not even to read, and it says who must say so.
        for path in ["/api/v1/receipt/list", "/api/v1/jobs", "/api/v1/runs"] {
            let refused = api.get(&secret, path);
            assert_eq!(refused.problem(403), "access.key_unconfirmed");
            assert!(refused.text().contains(FINANCE), "{}", refused.text());
        }
        assert_eq!(api.post(&secret, "k", "/api/v1/receipt/record", &receipt).problem(403), "access.key_unconfirmed");
        // Not by who made it, nor by anybody else.
        assert_eq!(confirm(&mut api, ADMIN, key.key_id), "access.key_not_yours");
        assert_eq!(confirm(&mut api, HANDLER, key.key_id), "access.key_not_yours");
        // Nor by a key, this one or one that counts.
        let by_key = json!({"key": key.key_id});
        assert_eq!(api.post(&secret, "c", "/api/v1/api-key/confirm", &by_key).problem(403), "access.key_unconfirmed");
        let counts = api.key(FINANCE, &[Scope::Write]);
        assert_eq!(api.post(&counts, "c", "/api/v1/api-key/confirm", &by_key).problem(403), "access.not_by_key");
        // By whose it is, in a session of their own; the page offers it until then.
        let session = api.session(FINANCE);
        let account = |api: &Api| api.send(request("GET", "/account", &[("cookie", &session.0)], Body::empty())).text();
        let offered = format!("name=\"key\" value=\"{}\"", key.key_id);
        assert!(account(&api).contains(&offered));
        let once = format!("c{}", key.key_id);
        let confirmed = api.post_in_person(&session, &once, "/api/v1/api-key/confirm", &by_key).done();
        assert_eq!(api.post_in_person(&session, &once, "/api/v1/api-key/confirm", &by_key).done(), confirmed);
        assert!(!account(&api).contains(&offered));
        api.get(&secret, "/api/v1/jobs").done();
        assert_eq!(confirm(&mut api, FINANCE, key.key_id), "access.key_confirmed_already");
    }
    // One that was revoked or is not there is not confirmed, nor by whoever records nothing.
    let (key, _) = api.unconfirmed(FINANCE, &[Scope::Write]);
    api.court.act(ADMIN, |tx, acting, _| api_keys::revoke(tx, acting, key.key_id)).expect("revokes");
    assert_eq!(confirm(&mut api, FINANCE, key.key_id), "access.key_unknown");
    assert_eq!(confirm(&mut api, FINANCE, 4_711), "access.key_unknown");
    api.court.act(ADMIN, |tx, acting, _| access::add_person(tx, acting, "无岗位")).expect("adds");
    assert_eq!(confirm(&mut api, "无岗位", key.key_id), "access.roles_missing");
}

fn whoever_proves_nothing_is_slowed_down(database: &Database) {
    let api = Api::open(database);
    let mut refused = 0;
    let last = loop {
        let answer = api.send(request("GET", "/api/v1/cases", &[], Body::empty()));
        if answer.status == 429 {
            break answer;
        }
        assert_eq!(answer.problem(401), "api.not_signed_in");
        refused += 1;
        assert!(refused < 1_000, "nobody is slowed down");
    };
    assert_eq!((last.problem(429).as_str(), last.header("retry-after")), ("api.too_many", "1"));
}

fn a_browser_shows_its_form_token(database: &Database) {
    let mut api = Api::open(database);
    let person = api.court.person(FINANCE);
    let token = api
        .court
        .act(ADMIN, |tx, _, _| sessions::open(tx, &person, at(), &mut Randomness::seeded(5)))
        .expect("a session");
    let cookie = format!("__Host-ankuan={COURT}.{token}");
    let receipt = json!({"reference": "FT1", "amount": "1.00", "value_date": "2026-11-22", "payer": "吴某"});
    let post = |form_token: &str| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("content-type", "application/json"),
            ("idempotency-key", "k1"),
            ("x-form-token", form_token),
        ];
        api.send(request("POST", "/api/v1/receipt/record", &headers, Body::from(receipt.to_string())))
    };
    assert_eq!(post("").problem(403), "web.form_token");
    assert_eq!(post(&sessions::csrf_token("another")).problem(403), "web.form_token");
    post(&sessions::csrf_token(&token)).done();
    let read = |cookie: &str| api.send(request("GET", "/api/v1/receipt/list", &[("cookie", cookie)], Body::empty()));
    read(&cookie).done();
    assert_eq!(read(&format!("__Host-ankuan={OTHER}.{token}")).problem(401), "api.not_signed_in");
}

fn another_courts_data_is_not_found(database: &Database) {
    let mut api = Api::open(database);
    let theirs = "（2026）浙0108执9号";
    {
        let mut tx = api.court.store.begin().expect("begins");
        let new = NewCourt {
            court_id: OTHER,
            name: "另一法院",
            admin_name: ADMIN,
            chart_file: chart::DEFAULT_FILE,
            chart_text: chart::DEFAULT,
        };
        let admin = chart::open_court(&mut tx, &new, TODAY, at()).expect("opens");
        let person = access::add_person(&mut tx, &admin, HANDLER).expect("adds");
        access::grant(&mut tx, &admin, &person, Role::Handler, TODAY, "任命").expect("grants");
        let chart = chart::load(&mut tx, OTHER).expect("the chart");
        let acting = access::Acting { actor: person, at: at(), date: TODAY };
        ankuan::cases::open_case(&mut tx, &acting, &chart, theirs, "他院案件", TODAY).expect("a case");
        tx.commit().expect("commits");
    }
    api.court.case(NUMBER);
    let key = api.key(FINANCE, &[Scope::Read]);
    let cases = api.get(&key, "/api/v1/cases").done();
    assert_eq!(cases["items"].as_array().map(Vec::len), Some(1), "{cases}");
    for path in ["/api/v1/cases/{}/claims", "/api/v1/case/show?case={}"] {
        let of = |number: &str| path.replace("{}", &escaped(number));
        assert_eq!(api.get(&key, &of(theirs)).problem(404), "cases.unknown");
        api.get(&key, &of(NUMBER)).done();
    }
    assert_eq!(api.get(&key, "/api/v1/case/list?court=8").problem(400), "command.unknown_parameter");
}

/// From the list to the bank's files, by programs; two sign, and a second person agrees to what they saw, in person.
fn a_list_is_paid_over_the_api(database: &Database) {
    let mut api = Api::open(database);
    for who in [HANDLER, HEAD, KEEPER] {
        enrolled(&mut api.court, &api.keys, who);
    }
    let head = api.court.person(HEAD);
    api.court
        .act(ADMIN, |tx, acting, _| access::grant(tx, acting, &head, Role::VicePresident, TODAY, "任命"))
        .expect("grants");
    let both = [Scope::Read, Scope::Write];
    let (handler, finance) = (api.key(HANDLER, &both), api.key(FINANCE, &both));
    let (head, keeper) = (api.key(HEAD, &both), api.key(KEEPER, &both));
    let bank = api.key(FINANCE, &[Scope::Bank]);
    let (handler_here, finance_here, head_here) = (api.session(HANDLER), api.session(FINANCE), api.session(HEAD));
    api.service.start_workers().expect("workers");
    api.post(&handler, "1", "/api/v1/case/open", &json!({"number": NUMBER, "title": "涉众案"})).done();
    let receipt =
        json!({"reference": "FT1", "amount": "100000", "value_date": "2026-11-22", "payer": "吴某", "case": NUMBER});
    api.post(&finance, "1", "/api/v1/receipt/record", &receipt).done();
    let mut list = Vec::new();
    write_sample_list(&mut list, CLAIMANTS, 0, 1).expect("a list");
    let fields = [("case", NUMBER)];
    // What is wrong with a file is said of its name, and not of where it lay; what is missing, by its name.
    let wrong = ("file", "错表.csv", "甲,乙\n1,2\n".as_bytes());
    let refused = api.upload(&handler, "0", "/api/v1/claims/import", &fields, wrong);
    let refused = api.ended(&handler, &refused);
    assert_eq!(refused["state"], "refused", "{refused}");
    let temporary = std::env::temp_dir();
    let said = refused["lines"].to_string();
    assert!(said.contains("错表.csv") && !said.contains(&*temporary.to_string_lossy()), "{refused}");
    let missing = api.post(&handler, "0", "/api/v1/case/open", &json!({"number": NUMBER}));
    assert!(
        missing.json()["message_zh"].as_str().is_some_and(|text| text.contains("字段 title")),
        "{}",
        missing.text()
    );
    let imported = api.upload(&handler, "1", "/api/v1/claims/import", &fields, ("file", "清单.csv", &list));
    let imported = api.ended(&handler, &imported);
    assert_eq!(imported["state"], "done", "{imported}");

    // A second person agrees to the job that they saw.
    let claim = json!({"case": NUMBER, "claimant": "1", "reason": "异议", "basis": "笔录"});
    let proposed = api.post(&handler, "2", "/api/v1/claim/dispute", &claim);
    assert_eq!((proposed.status, proposed.json()["state"].as_str()), (202, Some("proposed")), "{}", proposed.text());
    let (place, tag) = (proposed.header("location").to_owned(), proposed.header("etag").to_owned());
    let shown = api.get(&finance, &place);
    assert_eq!(shown.header("etag"), tag);
    let bearer = |key: &str| format!("Bearer {key}");
    let not_changed = api.send(request(
        "GET",
        &place,
        &[("authorization", &bearer(&finance)), ("if-none-match", &tag)],
        Body::empty(),
    ));
    assert_eq!((not_changed.status, not_changed.bytes.len()), (304, 0));
    let answer = |(cookie, token): &(String, String), tag: Option<&str>, body: Value| {
        let mut headers =
            vec![("cookie", cookie.as_str()), ("x-form-token", token), ("content-type", "application/json")];
        headers.extend(tag.map(|tag| ("if-match", tag)));
        api.send(request("POST", &format!("{place}/answer"), &headers, Body::from(body.to_string())))
    };
    // Nobody's key does that for them, whatever it may.
    let headers = [
        ("authorization", bearer(&finance)),
        ("content-type", "application/json".to_owned()),
        ("if-match", tag.clone()),
    ];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let by_key = api.send(request("POST", &format!("{place}/answer"), &headers, Body::from(r#"{"agree": true}"#)));
    assert_eq!(by_key.problem(403), "access.not_by_key");
    assert_eq!(
        answer(&finance_here, None, json!({"agree": false, "reason": "x"})).problem(428),
        "api.if_match_missing"
    );
    let stale = Some("\"0123\"");
    assert_eq!(answer(&finance_here, stale, json!({"agree": true})).problem(412), "api.if_match");
    assert_eq!(answer(&finance_here, Some(&tag), json!({"agree": 1})).problem(400), "api.body");
    assert_eq!(answer(&finance_here, Some(&tag), json!({"agree": false})).problem(422), "web.reason_missing");
    assert_eq!(answer(&handler_here, Some(&tag), json!({"agree": true})).problem(422), "service.job_own");
    let declined = answer(&finance_here, Some(&tag), json!({"agree": false, "reason": "依据不足"}));
    assert_eq!(declined.done()["state"], "declined");
    assert_ne!(declined.header("etag"), tag);
    assert_eq!(answer(&finance_here, Some(&tag), json!({"agree": true})).problem(412), "api.if_match");
    assert_eq!(answer(&finance_here, Some("*"), json!({"agree": true})).problem(409), "service.job_not_proposed");

    // Nothing waits for somebody who can never answer, and whoever proposed something takes it back.
    let naming = |once: &str, second: &str| {
        let claim = json!({"case": NUMBER, "claimant": "1", "reason": "异议", "basis": "笔录", "confirmed_by": second});
        api.post(&handler, once, "/api/v1/claim/dispute", &claim)
    };
    assert_eq!(naming("2a", "查无此人").problem(404), "access.person_unknown");
    assert_eq!(naming("2b", HANDLER).problem(422), "access.second_person_same");
    assert_eq!(naming("2c", ADMIN).problem(422), "service.may_not_answer");
    let proposed = naming("2d", HEAD);
    assert_eq!((proposed.status, proposed.json()["state"].as_str()), (202, Some("proposed")), "{}", proposed.text());
    let place = proposed.header("location").to_owned();
    let answer = |(cookie, token): &(String, String)| {
        let headers = [
            ("cookie", cookie.as_str()),
            ("x-form-token", token),
            ("content-type", "application/json"),
            ("if-match", "*"),
        ];
        api.send(request("POST", &format!("{place}/answer"), &headers, Body::from(r#"{"agree": false}"#)))
    };
    assert_eq!(answer(&finance_here).problem(422), "service.job_for_another");
    assert_eq!(answer(&head_here).problem(422), "web.reason_missing");
    let withdrawn = answer(&handler_here).done();
    assert_eq!((withdrawn["state"].as_str(), &withdrawn["second_person"]), (Some("declined"), &Value::Null));
    assert!(withdrawn["reason"].as_str().is_some_and(|reason| reason.contains("撤回")), "{withdrawn}");
    assert_eq!(answer(&head_here).status, 422, "a reason is asked for before anything else");
    assert_eq!(answer(&handler_here).problem(409), "service.job_not_proposed");

    let made = api.post(&handler, "3", "/api/v1/distribute/make", &json!({"case": NUMBER}));
    let made = api.ended(&handler, &made);
    assert_eq!(made["state"], "done", "{made}");
    let distribution = made["result"]["distribution"].as_i64().expect("a number");
    let draft = json!({"distributions": [distribution], "title": "第一批"});
    let parameters: Vec<String> = catalogue::entries()
        .into_iter()
        .find(|entry| entry.words == "payout draft")
        .map(|entry| entry.parameters.into_iter().map(|parameter| parameter.name).collect())
        .expect("a command");
    let mut draft = draft.as_object().expect("an object").clone();
    draft.retain(|name, _| parameters.contains(name));
    let drafted = api.post(&handler, "4", "/api/v1/payout/draft", &Value::Object(draft)).done();
    let run = "P2026-0001";
    assert!(drafted.to_string().contains(run), "{drafted}");
    let submitted = api.post(&handler, "5", "/api/v1/payout/submit", &json!({"run": run})).done();
    let digest = submitted["digest"].as_str().expect("a digest");
    let signed = |password: &str| json!({"run": run, "digest": digest, "password": password});
    let by_key = api.post(&finance, "6", "/api/v1/payout/approve", &signed(PASSWORD));
    assert_eq!(by_key.problem(403), "access.not_by_key");
    let approve = |session: &(String, String), once: &str, password: &str| {
        api.post_in_person(session, once, "/api/v1/payout/approve", &signed(password))
    };
    let wrong = approve(&finance_here, "6", "not the password");
    assert_eq!((wrong.status, wrong.problem(wrong.status).starts_with("access.")), (422, true), "{}", wrong.text());
    approve(&finance_here, "7", PASSWORD).done();
    approve(&head_here, "8", PASSWORD).done();
    assert_eq!(api.get(&bank, &format!("/api/v1/runs/{run}/lines")).done(), json!({"items": [], "next": null}));
    let committed = api.post(&finance, "9", "/api/v1/payout/commit", &json!({"run": run}));
    let committed = api.ended(&finance, &committed);
    assert_eq!(committed["state"], "done", "{committed}");
    assert_eq!(api.get(&bank, &format!("/api/v1/runs/{run}/transmittal")).problem(409), "runs.wrong_status");
    let released = api.post(&keeper, "10", "/api/v1/payout/release", &json!({"run": run}));
    let released = api.ended(&keeper, &released);
    assert_eq!(released["state"], "done", "{released}");

    // A walk meets every line once, in order, whatever the page.
    for limit in [1_000, 97, 100] {
        let (mut numbers, mut sum, mut after) = (Vec::new(), 0, String::new());
        loop {
            let page = api.get(&bank, &format!("/api/v1/runs/{run}/lines?limit={limit}{after}")).done();
            let items = page["items"].as_array().expect("items");
            assert!(!items.is_empty() && items.len() <= limit);
            for line in items {
                numbers.push(line["line_no"].as_u64().expect("a number"));
                sum += line["amount_minor"].as_i64().expect("fen");
                assert_eq!((&line["outcome"], &line["case"]), (&json!("out"), &json!(NUMBER)), "{line}");
                assert!(line.get("account").is_none());
            }
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(numbers, (1..=CLAIMANTS).collect::<Vec<_>>(), "{limit}");
        assert_eq!(sum, api.get(&bank, &format!("/api/v1/runs/{run}")).done()["amount_minor"]);
    }
    let claims = api.get(&handler, &format!("/api/v1/cases/{}/claims?limit=249", escaped(NUMBER))).done();
    let rest = claims["next"].as_str().expect("a next page");
    let rest = api.get(&handler, &format!("/api/v1/cases/{}/claims?after={rest}", escaped(NUMBER))).done();
    assert_eq!(
        (claims["items"].as_array().map(Vec::len), rest["items"].as_array().map(Vec::len)),
        (Some(249), Some(1))
    );
    let (mut entries, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&head, &format!("/api/v1/books/1/entries?limit=100{after}")).done();
        for line in page["items"].as_array().expect("items") {
            entries.push((line["entry_no"].as_i64().expect("a number"), line["line_no"].as_i64().expect("a number")));
        }
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let mut once = entries.clone();
    once.sort_unstable();
    once.dedup();
    assert!(entries.len() as u64 > CLAIMANTS && once == entries);
    let vouchers = api.get(&head, "/api/v1/books/1/vouchers").done();
    assert_eq!(
        vouchers["items"].as_array().and_then(|all| all.last()).map(|last| &last["last_entry_no"]),
        entries.last().map(|last| json!(last.0)).as_ref()
    );

    // The bank's files are what was released, byte for byte. To read one changes nothing in the books.
    let files = api.get(&bank, &format!("/api/v1/runs/{run}/files")).done();
    let items = files["items"].as_array().expect("files");
    assert!(!items.is_empty());
    let read_only = api.key(FINANCE, &[Scope::Read]);
    let before = api.head();
    let place = |file: &Value| file["href"].as_str().expect("a place").to_owned();
    let is_it = |bytes: &Answer, file: &Value| {
        assert_eq!(bytes.status, 200, "{}", bytes.text());
        assert_eq!(ankuan_ledger::chain::hex(&ankuan_ledger::chain::sha256(&[&bytes.bytes])), file["sha256"]);
        assert_eq!(bytes.header("content-length"), bytes.bytes.len().to_string());
        assert!(bytes.header("content-disposition").starts_with("attachment"));
    };
    for file in items {
        is_it(&api.get(&bank, &place(file)), file);
        let read = api.get(&read_only, &place(file));
        is_it(&read, file);
        let headers = [("authorization", bearer(&read_only))];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let head = api.send(request("HEAD", &place(file), &headers, Body::empty()));
        assert_eq!((head.status, head.bytes.len()), (200, 0));
        assert_eq!(head.header("content-length"), read.bytes.len().to_string());
    }
    assert_eq!(api.get(&handler, &place(&items[0])).problem(403), "access.roles_missing");
    assert_eq!(api.get(&bank, &format!("/api/v1/runs/{run}/files/no.csv")).problem(404), "payouts.file_unknown");
    assert_eq!(api.head(), before);

    // To hand one over is asked for once, with the scope for it, and is on record.
    let first = place(&items[0]);
    let hand_over = |key: &str, once: &str, place: &str| api.post(key, once, place, &json!({}));
    assert_eq!(hand_over(&read_only, "h", &first).problem(403), "access.scope_missing");
    assert_eq!(hand_over(&bank, "", &first).problem(400), "api.idempotency_key_missing");
    assert_eq!(hand_over(&handler, "h", &first).problem(403), "access.roles_missing");
    let unknown = format!("/api/v1/runs/{run}/files/no.csv");
    assert_eq!(hand_over(&bank, "h0", &unknown).problem(404), "payouts.file_unknown");
    assert_eq!(api.head(), before);
    is_it(&hand_over(&bank, "h1", &first), &items[0]);
    let after = api.head();
    assert_ne!(after, before);
    is_it(&hand_over(&bank, "h1", &first), &items[0]);
    assert_eq!(api.head(), after);
    assert_eq!(hand_over(&bank, "h1", &unknown).problem(409), "request.differs");
    is_it(&hand_over(&finance, "h2", &first), &items[0]);
    // From the page, by the form with its token.
    let (cookie, token) = api.session(KEEPER);
    let page = format!("/payouts/{run}");
    let shown = api.send(request("GET", &page, &[("cookie", &cookie)], Body::empty())).text();
    assert!(shown.contains(&format!("action=\"{page}/files/")) && shown.contains(&token), "{shown}");
    let submit = |token: &str| {
        let headers = [("cookie", cookie.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let place = first.replace("/api/v1/runs/", "/payouts/");
        api.send(request("POST", &place, &headers, Body::from(format!("_token={token}&_request=p1&_next="))))
    };
    assert_eq!(submit("00").status, 403);
    is_it(&submit(&token), &items[0]);
    is_it(&submit(&token), &items[0]);
    let delivered = |api: &mut Api| -> Vec<String> {
        let named = "SELECT reason FROM run_event WHERE event = 'delivered' ORDER BY id";
        let mut tx = api.court.store.snapshot().expect("reads");
        tx.query(named, &[], |row| Ok(row.text(0)?.to_owned())).expect("reads")
    };
    let name = items[0]["name"].as_str().expect("a name").to_owned();
    assert_eq!(delivered(&mut api), [name.clone(), name.clone(), name.clone()]);

    // Who read or took one stands in the read log; whoever asked for its length alone read nothing.
    let mut log = ankuan::reads::open(&database.address, Duration::from_secs(5)).expect("opens");
    let mut logged = || {
        let newest = ankuan::reads::newest(&mut log.snapshot().expect("reads"), COURT, None, 1_000).expect("reads");
        let of_files = newest.into_iter().map(|(_, entry)| entry);
        of_files.filter(|entry| ["bank file", "payout deliver"].contains(&entry.command.as_str())).collect::<Vec<_>>()
    };
    let entries = logged();
    assert_eq!(entries.len(), 2 * items.len() + 5, "{entries:?}");
    assert_eq!(entries[0].subject, format!("run={run} {name}"));
    assert_eq!(entries[0].person_id, api.court.person(KEEPER).person_id);
    assert_eq!(json!(entries[0].details), items[0]["line_count"]);
    let asked = api.post(&finance, "h3", "/api/v1/payout/deliver", &json!({"run": run}));
    let written = api.ended(&finance, &asked);
    // All files, and the sheet in two forms.
    assert_eq!((&written["state"], written["files"].as_array().map(Vec::len)), (&json!("done"), Some(items.len() + 2)));
    assert_eq!(delivered(&mut api).len(), 4);
    let entries = logged();
    assert_eq!((entries[0].command.as_str(), entries[0].details), ("payout deliver", CLAIMANTS as i64));
    let sheet = api.get(&bank, files["transmittal"].as_str().expect("a place")).done();
    assert!(sheet.to_string().contains(items[0]["sha256"].as_str().expect("a digest")), "{sheet}");
    let text = api.get(&bank, &format!("/api/v1/runs/{run}/transmittal?as=text"));
    assert!(text.text().contains("交接单"), "{}", text.text());

    // A job's file, to whom it belongs only.
    let broken =
        "债权编号,姓名,证件类型,证件号码,债权金额,收款人,收款账号,开户行,联行号,手机号\n1,甲,身份证,1,x,甲,1,行,1,1\n";
    let odd = api.upload(&handler, "11", "/api/v1/claims/import", &fields, ("file", "错.csv", broken.as_bytes()));
    let odd = api.ended(&handler, &odd);
    let written = odd["files"].as_array().expect("files");
    assert!(!written.is_empty(), "{odd}");
    let href = written[0]["href"].as_str().expect("a place");
    let bytes = api.get(&handler, href);
    assert_eq!((bytes.status, bytes.bytes.is_empty()), (200, false));
    assert_eq!(api.get(&finance, href).problem(404), "service.job_unknown");
    assert_eq!(api.get(&bank, href.rsplit_once("/files").expect("a job").0).problem(404), "service.job_unknown");
    api.service.stop();
    api.service.await_workers(Duration::from_secs(60)).expect("ends");
}

#[test]
fn the_description_is_of_every_command() {
    let entries = catalogue::entries();
    let document = serde_json::to_value(openapi::description(&entries)).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let paths = document["paths"].as_object().expect("paths");
    for entry in &entries {
        let item = paths.get(&format!("/{}", entry.words.replace(' ', "/")));
        let item = match entry.kind {
            Kind::Local => {
                assert!(item.is_none(), "{}", entry.words);
                continue;
            }
            _ => item.unwrap_or_else(|| panic!("{} is not described", entry.words)),
        };
        assert!(item["post"].is_object(), "{}", entry.words);
        let reads = matches!(entry.kind, Kind::Read | Kind::ReadOrSet) && openapi::is_read_by_get(entry);
        assert_eq!(item.get("get").is_some(), reads, "{}", entry.words);
        let asks_once = item["post"]["parameters"].to_string().contains("Idempotency-Key");
        assert_eq!(asks_once, entry.kind != Kind::Read, "{}", entry.words);
    }
    let mut names = Vec::new();
    let mut references = Vec::new();
    for (path, item) in paths {
        assert!(path.starts_with('/'));
        for (method, operation) in item.as_object().expect("an item") {
            assert!(["get", "post"].contains(&method.as_str()), "{path} {method}");
            names.push(operation["operationId"].as_str().expect("a name").to_owned());
            let responses = operation["responses"].as_object().expect("responses");
            assert!(responses.keys().any(|status| status.starts_with('2')), "{path} {method}");
            for status in ["401", "403", "429", "500"] {
                assert!(responses.contains_key(status), "{path} {method} {status}");
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let of_path = |parameter: &&Value| parameter["in"] == "path" && parameter["name"] == name;
                assert_eq!(parameters.iter().filter(of_path).count(), 1, "{path} {name}");
            }
            // What is handed over is named by the path.
            if method == "post" && path != "/runs/{number}/files/{name}" {
                assert!(operation["requestBody"]["content"].is_object(), "{path}");
            }
        }
    }
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "each operation has a name of its own");
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| collect(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    collect(&document, &mut references);
    assert!(references.len() > 500);
    for reference in references {
        let place = reference.strip_prefix('#').expect("within the document");
        assert!(document.pointer(place).is_some(), "{reference} leads nowhere");
    }
    assert!(document["components"]["securitySchemes"]["key"]["scheme"] == "bearer");
}

fn the_reader_shows_every_command(database: &Database) {
    let api = Api::open(database);
    let shown = |language: &str| {
        let cookie = format!("ankuan-lang={language}");
        api.send(request("GET", "/api/docs", &[("cookie", &cookie)], Body::empty())).text()
    };
    let (zh, en) = (shown("zh"), shown("en"));
    assert!(zh.contains("接口说明") && en.contains("Description for programs"));
    for entry in catalogue::entries().iter().filter(|entry| entry.kind != Kind::Local) {
        let place = format!("/api/v1/{}", entry.words.replace(' ', "/"));
        assert!(zh.contains(&place) && en.contains(&place), "{place}");
    }
    let document = api.send(request("GET", "/api/v1/openapi.json", &[], Body::empty())).done();
    assert_eq!(document["openapi"], "3.1.0");
}

crate::on_both!(
    a_request_is_done_once,
    what_cannot_be_read_is_a_problem,
    a_key_does_what_it_is_for,
    a_key_that_records_counts_when_its_person_says_so,
    whoever_proves_nothing_is_slowed_down,
    a_browser_shows_its_form_token,
    another_courts_data_is_not_found,
    a_list_is_paid_over_the_api,
    the_reader_shows_every_command,
);
