//! Webhooks: what is recorded is told to other programs: signed, in order, again until it is accepted, and only where it may.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ankuan::access::{self, Acting};
use ankuan::backup;
use ankuan::cli::output::Exit;
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::documents::rotation::reseal;
use ankuan::schema::MIGRATIONS;
use ankuan::service::front::Front;
use ankuan::service::jobs::{self, End, State as JobState};
use ankuan::service::{Answered, Asked, Service, server};
use ankuan::webhooks::acts::ACTS;
use ankuan::webhooks::delivery::{self, ATTEMPTS_KEPT, Attempt, FAILURES_MAX, LEASE_SECONDS, PAUSE_FIRST_SECONDS};
use ankuan::webhooks::events::EVENTS_MAX;
use ankuan::webhooks::sender::{Sender, Trouble};
use ankuan::webhooks::targets::Targets;
use ankuan::webhooks::{self, State, Webhook};
use ankuan::{Failure, books};
use ankuan_ledger::chain::hex;
use ankuan_ledger::{Store, act};
use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use ring::hmac;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::court::{ADMIN, COURT, Court, HANDLER, at, code};
use crate::operations::{add_job, asked, globals};
use crate::support::Database;

/// A program that is told.
struct Receiver {
    address: String,
    shared: Arc<Told>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Default)]
struct Told {
    /// What is answered next; 204 when there is nothing.
    answers: Mutex<VecDeque<u16>>,
    received: Mutex<Vec<Letter>>,
    /// Where set: each request says that it is there, and waits until it may go on.
    held: Mutex<Option<(mpsc::Sender<()>, tokio::sync::watch::Receiver<bool>)>>,
}

#[derive(Clone)]
struct Letter {
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Letter {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn ids(&self) -> Vec<String> {
        let json = self.json();
        let events = json["events"].as_array().expect("a list");
        events.iter().map(|event| event["id"].as_str().expect("an id").to_owned()).collect()
    }

    /// As a receiver does it, who knows the secret and reads the headers.
    fn is_signed_with(&self, secret: &str) -> bool {
        let (time, signature) = self.header("ankuan-signature").split_once(",v1=").expect("two parts");
        let time = time.strip_prefix("t=").expect("a time");
        assert_eq!(time, self.header("ankuan-timestamp"));
        let bytes: Vec<u8> = (0..signature.len() / 2)
            .map(|place| u8::from_str_radix(&signature[2 * place..][..2], 16).expect("hexadecimal"))
            .collect();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, format!("{time}.{}", self.body).as_bytes(), &bytes).is_ok()
    }
}

async fn receive(Shared(told): Shared<Arc<Told>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    let body = String::from_utf8(bytes.to_vec()).expect("text");
    let path = parts.uri.path().to_owned();
    told.received.lock().expect("a lock").push(Letter { path, headers: parts.headers, body });
    let held = told.held.lock().expect("a lock").clone();
    if let Some((here, mut may_go_on)) = held {
        here.send(()).expect("somebody waits");
        may_go_on.wait_for(|may| *may).await.expect("is told");
    }
    let status = told.answers.lock().expect("a lock").pop_front().unwrap_or(204);
    let status = StatusCode::from_u16(status).expect("a status");
    if status.is_redirection() {
        return (status, [("location", "/elsewhere")]).into_response();
    }
    status.into_response()
}

impl Receiver {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("listens");
        let address = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let shared = Arc::new(Told::default());
        let router = Router::new().fallback(receive).with_state(Arc::clone(&shared));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { address, shared, _runtime: runtime }
    }

    fn answers(&self, statuses: impl IntoIterator<Item = u16>) {
        self.shared.answers.lock().expect("a lock").extend(statuses);
    }

    /// What came since this was asked last.
    fn received(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.shared.received.lock().expect("a lock"))
    }

    /// The one request that came.
    #[track_caller]
    fn one(&self) -> Letter {
        let mut received = self.received();
        assert_eq!(received.len(), 1);
        received.remove(0)
    }
}

fn targets(texts: &[&str]) -> Targets {
    Targets(texts.iter().map(|text| text.parse().expect("a target")).collect())
}

fn sender(texts: &[&str]) -> Sender {
    Sender::new(&targets(texts), None).expect("set up")
}

fn later(seconds: i64) -> Timestamp {
    at() + SignedDuration::from_secs(seconds)
}

/// A court, a receiver, and what delivers to it.
struct Desk {
    court: Court,
    receiver: Receiver,
    keys: Keys,
    sender: Sender,
    webhook_id: i64,
    secret: String,
}

impl Desk {
    /// With a webhook that is told of some events.
    fn open(database: &Database, events: &[&str]) -> Self {
        let mut court = Court::open(database);
        let keys = Keys::read(globals(database).keys.as_deref().expect("a path")).expect("keys");
        let receiver = Receiver::start();
        let (webhook_id, secret) = add(&mut court, &keys, &receiver.address, events).expect("adds");
        Self { court, receiver, keys, sender: sender(&["127.0.0.0/8"]), webhook_id, secret }
    }

    /// Delivers once, so many seconds later.
    fn deliver(&mut self, seconds: i64) -> bool {
        self.deliver_by("one", seconds)
    }

    fn deliver_by(&mut self, owner: &str, seconds: i64) -> bool {
        let clock = Clock::fixed(later(seconds));
        let one = (COURT, self.webhook_id);
        delivery::deliver(&mut self.court.store, &self.keys, &self.sender, owner, clock, one).expect("delivers")
    }

    fn is_due(&mut self, seconds: i64) -> bool {
        let mut tx = self.court.store.snapshot().expect("reads");
        !delivery::due(&mut tx, COURT, later(seconds)).expect("reads").is_empty()
    }

    fn receive(&mut self, references: &[&str]) {
        for reference in references {
            self.court.receive(reference, 123_456, None).expect("records");
        }
    }

    fn webhook(&mut self) -> Webhook {
        let mut tx = self.court.store.snapshot().expect("reads");
        webhooks::find(&mut tx, COURT, self.webhook_id).expect("is there")
    }

    fn attempts(&mut self) -> Vec<Attempt> {
        let mut tx = self.court.store.snapshot().expect("reads");
        webhooks::attempts(&mut tx, COURT, self.webhook_id, 1_000).expect("reads")
    }

    fn as_admin<T>(
        &mut self,
        work: impl FnOnce(&mut ankuan_ledger::Tx<'_>, &Acting, i64) -> ankuan::Outcome<T>,
    ) -> ankuan::Outcome<T> {
        let webhook_id = self.webhook_id;
        self.court.act(ADMIN, |tx, acting, _| work(tx, acting, webhook_id))
    }

    /// The last link of case money.
    fn end(&mut self) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        let text = "SELECT next_link_no - 1 FROM book_head WHERE court_id = $1 AND book_id = 1";
        tx.query_one(text, &[COURT.into()], |row| row.int(0)).expect("reads")
    }
}

fn add(court: &mut Court, keys: &Keys, url: &str, events: &[&str]) -> ankuan::Outcome<(i64, String)> {
    let events: Vec<String> = events.iter().map(|name| (*name).to_owned()).collect();
    let allowed = targets(&["127.0.0.0/8"]);
    court.act(ADMIN, |tx, acting, _| webhooks::add(tx, acting, keys, &allowed, url, &events, &mut Randomness::system()))
}

/// Lets a job end.
fn end_job(store: &mut Store, keys: &Keys, seconds: i64) -> i64 {
    let job_id = add_job(store, keys, (COURT, HANDLER), &asked("verify", &[]), JobState::Waiting);
    let mut tx = store.begin().expect("begins");
    let job = jobs::take(&mut tx, COURT, "worker", at(), i64::MAX).expect("takes").expect("a job");
    let end = End { state: JobState::Refused, code: "cases.unknown".into(), said: Default::default() };
    assert!(jobs::end(&mut tx, &job, "worker", &end, later(seconds)).expect("ends"));
    tx.commit().expect("commits");
    job_id
}

fn what_is_recorded_is_told_signed_and_once(database: &Database) {
    let mut desk = Desk::open(database, &["all"]);
    assert!(!desk.is_due(0) && !desk.deliver(0), "of what was before it is told nothing");
    let before = desk.end();
    desk.receive(&["FT-1", "FT-2"]);
    let job_id = end_job(&mut desk.court.store, &desk.keys, 1);
    // A book that is opened later is told from its first link on.
    let mut tx = desk.court.store.begin().expect("begins");
    let relief = ankuan_ledger::BookKey { court_id: COURT, book_id: books::RELIEF };
    act::create_book(&mut tx, relief, books::name(books::RELIEF), 1, later(2)).expect("opens");
    tx.commit().expect("commits");

    assert!(desk.is_due(5) && desk.deliver(5));
    let letter = desk.receiver.one();
    assert!(letter.is_signed_with(&desk.secret) && !letter.is_signed_with("whsec_another"));
    assert_eq!(letter.header("ankuan-timestamp"), later(5).as_second().to_string());
    assert_eq!(letter.header("content-type"), "application/json");
    assert_eq!(letter.header("ankuan-event"), "events");
    let delivery = format!("{COURT}-{}-1", desk.webhook_id);
    assert_eq!(letter.header("ankuan-delivery"), delivery);
    let json = letter.json();
    assert_eq!((&json["delivery"], &json["court"]), (&delivery.into(), &COURT.into()));
    let id = |number: i64| format!("{COURT}-1-{number}");
    let expected = [id(before + 1), id(before + 2), format!("{COURT}-job-1"), format!("{COURT}-3-1")];
    assert_eq!(letter.ids(), expected);
    let (link, job) = (&json["events"][0], &json["events"][2]);
    let hash = {
        let mut tx = desk.court.store.snapshot().expect("reads");
        let text = "SELECT hash FROM chain_link WHERE court_id = $1 AND book_id = 1 AND link_no = $2";
        tx.query_one(text, &[COURT.into(), (before + 1).into()], |row| Ok(hex(row.bytes(0)?))).expect("reads")
    };
    assert_eq!((&link["type"], &link["hash"]), (&"receipt.record".into(), &hash.into()));
    assert_eq!((&link["book"], &link["link_no"]), (&1.into(), &(before + 1).into()));
    assert_eq!(link["recorded_at"].as_str().expect("text").parse::<Timestamp>().expect("RFC 3339"), at());
    let tables: Vec<&str> =
        link["about"].as_array().expect("a list").iter().filter_map(|rows| rows["table"].as_str()).collect();
    assert_eq!(tables, ["entry_line", "receipt", "voucher"]);
    assert_eq!((&job["type"], &job["job"]), (&"job.ended".into(), &job_id.into()));
    assert_eq!((&job["command"], &job["state"]), (&"verify".into(), &"refused".into()));
    assert_eq!(job["code"], "cases.unknown");
    // Neither amount nor name.
    for told in ["123456", "1234.56", "1,234.56", "李四", "FT-1"] {
        assert!(!letter.body.contains(told), "{told}: {}", letter.body);
    }
    assert!(!desk.is_due(10) && !desk.deliver(10));
    assert_eq!(desk.webhook().behind, 0);
}

/// What was not accepted comes again as it was, later and later; what was recorded meanwhile comes behind it.
fn what_fails_is_sent_again_in_order(database: &Database) {
    let mut desk = Desk::open(database, &["receipt"]);
    desk.receive(&["FT-1", "FT-2"]);
    desk.receiver.answers([500, 302]);
    assert!(desk.deliver(0));
    let first = desk.receiver.one();
    desk.receive(&["FT-3"]);
    assert!(!desk.is_due(PAUSE_FIRST_SECONDS - 1) && !desk.deliver(PAUSE_FIRST_SECONDS - 1));
    assert!(desk.is_due(PAUSE_FIRST_SECONDS) && desk.deliver(PAUSE_FIRST_SECONDS));
    let second = desk.receiver.one();
    assert_eq!((&second.body, second.header("ankuan-delivery")), (&first.body, first.header("ankuan-delivery")));
    assert_ne!(second.header("ankuan-signature"), first.header("ankuan-signature"), "signed with its own time");
    // A redirect is not accepted, and followed nowhere. The next pause is twice as long.
    assert_eq!(second.path, "/hook");
    let again = PAUSE_FIRST_SECONDS * 3;
    assert!(!desk.deliver(again - 1) && desk.receiver.received().is_empty());
    assert!(desk.deliver(again));
    assert_eq!(desk.receiver.one().body, first.body);
    assert_eq!(desk.webhook().failures, 0);
    assert!(desk.deliver(again));
    let next = desk.receiver.one();
    assert_eq!((first.ids().len(), next.ids().len()), (2, 1));
    assert_ne!(next.header("ankuan-delivery"), first.header("ankuan-delivery"));
    // The history, newest first.
    let outcomes: Vec<_> = desk
        .attempts()
        .iter()
        .map(|attempt| (attempt.sent.status, attempt.sent.trouble, attempt.event_count))
        .collect();
    assert_eq!(
        outcomes,
        [
            (Some(204), None, 1),
            (Some(204), None, 2),
            (Some(302), Some(Trouble::Status), 2),
            (Some(500), Some(Trouble::Status), 2),
        ]
    );
}

fn what_always_fails_is_given_up_and_goes_on_when_resumed(database: &Database) {
    const DAY: i64 = 86_400;
    let mut desk = Desk::open(database, &["receipt"]);
    desk.receive(&["FT-1"]);
    desk.receiver.answers(vec![503; FAILURES_MAX as usize]);
    for attempt in 0..FAILURES_MAX {
        assert_eq!(desk.webhook().state, State::On, "attempt {attempt}");
        assert!(desk.deliver(attempt * DAY), "attempt {attempt}");
    }
    let webhook = desk.webhook();
    assert_eq!((webhook.state, webhook.failures), (State::GivenUp, FAILURES_MAX));
    let after = FAILURES_MAX * DAY;
    assert!(!desk.is_due(after) && !desk.deliver(after));
    let first = desk.receiver.received().swap_remove(0);
    desk.as_admin(webhooks::resume).expect("resumes");
    assert!(desk.deliver(after));
    assert_eq!(desk.receiver.one().body, first.body);
    // A person pauses and resumes; what was recorded meanwhile is not lost.
    desk.as_admin(webhooks::pause).expect("pauses");
    assert_eq!(code(desk.as_admin(webhooks::pause)), "webhook.paused_already");
    desk.receive(&["FT-2"]);
    assert!(!desk.is_due(after) && !desk.deliver(after));
    desk.as_admin(webhooks::resume).expect("resumes");
    assert_eq!(code(desk.as_admin(webhooks::resume)), "webhook.on_already");
    assert!(desk.deliver(after));
    assert_eq!(desk.receiver.one().ids().len(), 1);
}

fn only_what_is_asked_for_is_told(database: &Database) {
    let mut desk = Desk::open(database, &["job", "receipt.attribute"]);
    desk.receive(&["FT-1", "FT-2"]);
    assert!(desk.is_due(0) && !desk.deliver(0), "nothing is sent");
    assert_eq!(desk.webhook().behind, 0, "and it is passed");
    end_job(&mut desk.court.store, &desk.keys, 1);
    desk.receive(&["FT-3"]);
    end_job(&mut desk.court.store, &desk.keys, 2);
    assert!(desk.deliver(2));
    assert_eq!(desk.receiver.one().ids(), [format!("{COURT}-job-1"), format!("{COURT}-job-2")]);
    for (events, refused) in [(&[][..], "webhook.events_missing"), (&["Receipt"][..], "webhook.event_name")] {
        let Desk { court, keys, receiver, .. } = &mut desk;
        assert_eq!(code(add(court, keys, &receiver.address, events)), refused);
    }
}

/// What somebody declines ends as well, and ends are told in the order in which they were committed, whatever their times say.
fn ends_of_jobs_are_told_in_the_order_of_their_commits(database: &Database) {
    let mut desk = Desk::open(database, &["job.ended"]);
    let proposed =
        add_job(&mut desk.court.store, &desk.keys, (COURT, HANDLER), &asked("verify", &[]), JobState::Proposed);
    let late = end_job(&mut desk.court.store, &desk.keys, 30);
    let early = end_job(&mut desk.court.store, &desk.keys, 20);
    let admin = desk.court.person(ADMIN);
    let mut tx = desk.court.store.begin().expect("begins");
    let job = jobs::find(&mut tx, COURT, proposed).expect("a job");
    jobs::answer(&mut tx, &job, &admin, false, "不同意", later(10)).expect("declines");
    tx.commit().expect("commits");
    assert!(desk.deliver(60));
    let told = desk.receiver.one().json();
    let of = |event: usize, field: &str| told["events"][event][field].clone();
    assert_eq!([of(0, "job"), of(1, "job"), of(2, "job")], [late.into(), early.into(), Value::from(proposed)]);
    assert_eq!(of(2, "state"), "declined");
    assert!(!told.to_string().contains("不同意"));
}

fn it_is_told_again_from_an_event_on(database: &Database) {
    let mut desk = Desk::open(database, &["receipt"]);
    let before = desk.end();
    desk.receive(&["FT-1", "FT-2", "FT-3"]);
    let id = |number: i64| format!("{COURT}-1-{}", before + number);
    let replay =
        |desk: &mut Desk, from: String| desk.as_admin(|tx, acting, one| webhooks::replay(tx, acting, one, &from));
    assert_eq!(code(replay(&mut desk, id(3))), "webhook.event_ahead");
    assert!(desk.deliver(0));
    assert_eq!(desk.receiver.one().ids(), [id(1), id(2), id(3)]);
    replay(&mut desk, id(2)).expect("sets it back");
    assert!(desk.deliver(1));
    let again = desk.receiver.one();
    assert_eq!(again.ids(), [id(2), id(3)]);
    assert_eq!(again.header("ankuan-delivery"), format!("{COURT}-{}-2", desk.webhook_id), "it is a new delivery");
    // Also from before it was added.
    replay(&mut desk, format!("{COURT}-1-1")).expect("sets it back");
    assert!(desk.deliver(2));
    assert_eq!(desk.receiver.one().ids(), [id(1), id(2), id(3)]);
    for wrong in [id(4), id(0).replace('-', "/"), "8-1-1".into(), format!("{COURT}-1-0"), format!("{COURT}-9-1")] {
        assert_eq!(code(replay(&mut desk, wrong.clone())), "webhook.event_unknown", "{wrong}");
    }
    // Set back while a delivery is on its way that then fails: nothing is left out.
    desk.receive(&["FT-4"]);
    desk.receiver.answers([500]);
    assert!(desk.deliver(3));
    replay(&mut desk, id(3)).expect("sets it back");
    assert!(desk.deliver(100));
    assert_eq!(desk.receiver.received().remove(1).ids(), [id(3), id(4)]);
}

fn a_long_pause_is_caught_up_piece_by_piece(database: &Database) {
    let mut desk = Desk::open(database, &["receipt"]);
    let count = EVENTS_MAX + 7;
    let references: Vec<String> = (0..count).map(|number| format!("FT-{number}")).collect();
    desk.receive(&references.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(desk.deliver(0) && desk.deliver(0) && !desk.deliver(0));
    let told: Vec<Vec<String>> = desk.receiver.received().iter().map(Letter::ids).collect();
    assert_eq!([told[0].len(), told[1].len()], [EVENTS_MAX, 7]);
    let mut all = told.concat();
    all.dedup();
    assert_eq!(all.len(), count);
}

/// While somebody sends, nobody else does; when they are dead, somebody else sends the very same.
fn two_do_not_send_the_same_at_once(database: &Database) {
    let mut desk = Desk::open(database, &["receipt"]);
    desk.receive(&["FT-1"]);
    let (here, is_here) = mpsc::channel();
    let (go_on, may_go_on) = tokio::sync::watch::channel(false);
    *desk.receiver.shared.held.lock().expect("a lock") = Some((here, may_go_on));
    let mut second = database.open();
    let (keys, sender, one) = (desk.keys.clone(), desk.sender.clone(), (COURT, desk.webhook_id));
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| desk.deliver_by("first", 0));
        is_here.recv_timeout(Duration::from_secs(60)).expect("it came");
        let now = Clock::fixed(later(LEASE_SECONDS));
        let sent = delivery::deliver(&mut second, &keys, &sender, "second", now, one).expect("delivers");
        assert!(!sent, "the first is sending");
        go_on.send(true).expect("waits");
        assert!(sending.join().expect("ends"));
    });
    assert_eq!(desk.receiver.received().len(), 1);
    assert!(!desk.deliver_by("second", LEASE_SECONDS));
    // One that dies on its way: the lease passes, and the same delivery is sent by another.
    *desk.receiver.shared.held.lock().expect("a lock") = None;
    desk.receive(&["FT-2"]);
    let mut tx = second.begin().expect("begins");
    let until = later(LEASE_SECONDS).as_microsecond();
    tx.execute("UPDATE webhook SET owner = 'dead', lease_until = $1", &[until.into()]).expect("changes");
    tx.commit().expect("commits");
    drop(second);
    assert!(!desk.is_due(LEASE_SECONDS) && !desk.deliver_by("second", LEASE_SECONDS));
    assert!(desk.is_due(LEASE_SECONDS + 1) && desk.deliver_by("second", LEASE_SECONDS + 1));
    assert_eq!(desk.receiver.one().ids().len(), 1);
}

/// Nothing is sent to this machine or a private network that the configuration does not name, whatever the name says.
fn nothing_is_sent_where_it_may_not(database: &Database) {
    let mut desk = Desk::open(database, &["receipt"]);
    desk.receive(&["FT-1"]);
    let port = desk.receiver.address.rsplit(':').next().expect("a port").to_owned();
    let mut seconds = 0;
    for (url, allowed, trouble) in [
        // The configuration was narrowed after it was added.
        (desk.receiver.address.clone(), &[][..], Trouble::Address),
        (desk.receiver.address.clone(), &["10.0.0.0/8"][..], Trouble::Address),
        // A name that stands in the configuration and leads to this machine.
        (format!("http://localhost:{port}"), &["localhost"][..], Trouble::Forbidden),
        (format!("https://localhost:{port}"), &[][..], Trouble::Forbidden),
        // No TLS where it has to be.
        (format!("http://localhost:{port}"), &["127.0.0.0/8", "::1"][..], Trouble::Address),
        (format!("https://localhost:{port}"), &["127.0.0.0/8", "::1"][..], Trouble::Tls),
    ] {
        let mut tx = desk.court.store.begin().expect("begins");
        tx.execute("UPDATE webhook SET url = $1", &[url.as_str().into()]).expect("changes");
        tx.commit().expect("commits");
        desk.sender = sender(allowed);
        seconds += 3_600;
        assert!(desk.deliver(seconds));
        let last = desk.attempts().remove(0);
        assert_eq!((last.sent.status, last.sent.trouble), (None, Some(trouble)), "{url} {allowed:?}");
    }
    assert!(desk.receiver.received().is_empty());
    // A name and its range: it is sent.
    desk.sender = sender(&["localhost", "127.0.0.0/8", "::1"]);
    let mut tx = desk.court.store.begin().expect("begins");
    let url = format!("http://localhost:{port}");
    tx.execute("UPDATE webhook SET url = $1", &[url.as_str().into()]).expect("changes");
    tx.commit().expect("commits");
    assert!(desk.deliver(seconds + 3_600));
    desk.receiver.one();
}

fn after_new_keys_the_same_secret_signs(database: &Database) {
    let mut desk = Desk::open(database, &["receipt"]);
    let folder = database.folder.path();
    let (old, new) = (folder.join("court.key"), folder.join("new.key"));
    let rotated = Keys::rotated(&old, &new, &mut Randomness::system()).expect("new keys");
    assert_eq!(reseal(&mut desk.court.store, &rotated, &mut |_| ()).expect("seals"), 1);
    Keys::finish_rotation(&new).expect("finishes");
    desk.receive(&["FT-1"]);
    let one = (COURT, desk.webhook_id);
    let with_old = delivery::deliver(&mut desk.court.store, &desk.keys, &desk.sender, "one", Clock::fixed(at()), one);
    assert_eq!(code(with_old), "keys.cannot_open");
    desk.keys = Keys::read(&new).expect("keys");
    assert!(desk.deliver(0));
    assert!(desk.receiver.one().is_signed_with(&desk.secret));
}

fn the_history_has_an_end_and_a_ping_is_in_it(database: &Database) {
    let mut desk = Desk::open(database, &["all"]);
    let ping = |desk: &mut Desk| {
        let keys = desk.keys.clone();
        let ping = desk.as_admin(|tx, acting, one| webhooks::begin_ping(tx, acting, &keys, one)).expect("begins");
        let attempt = ping.send(&desk.sender, Clock::fixed(at()));
        desk.as_admin(|tx, _, _| ping.keep(tx, &attempt)).expect("keeps");
        attempt
    };
    desk.as_admin(webhooks::pause).expect("pauses");
    assert_eq!(ping(&mut desk).sent.status, Some(204));
    let letter = desk.receiver.one();
    assert_eq!((letter.header("ankuan-event"), letter.ids().len()), ("ping", 0));
    assert!(letter.is_signed_with(&desk.secret));
    for _ in 0..ATTEMPTS_KEPT {
        ping(&mut desk);
    }
    let attempts = desk.attempts();
    assert_eq!((attempts.len() as i64, attempts[0].attempt_no), (ATTEMPTS_KEPT, ATTEMPTS_KEPT + 1));
    // Removed, nothing of it is left.
    desk.as_admin(webhooks::remove).expect("removes");
    assert_eq!(code(desk.as_admin(webhooks::remove)), "webhook.unknown");
    let mut tx = desk.court.store.snapshot().expect("reads");
    for text in ["SELECT COUNT(*) FROM webhook_delivery", "SELECT COUNT(*) FROM webhook_cursor"] {
        assert_eq!(tx.query_one(text, &[], |row| row.int(0)).expect("counts"), 0, "{text}");
    }
}

/// A restored copy tells nobody anything until a person says so.
fn a_restored_court_is_silent(database: &Database) {
    let mut desk = Desk::open(database, &["all"]);
    desk.receive(&["FT-1"]);
    let mut bytes = std::io::Cursor::new(Vec::new());
    {
        let mut tx = desk.court.store.snapshot().expect("reads");
        backup::write(&mut tx, None, at().as_microsecond(), &mut bytes).expect("writes");
    }
    let copy = Database::sqlite();
    let mut store = copy.open();
    bytes.set_position(0);
    backup::restore(&mut store, None, &mut bytes).expect("restores");
    let mut tx = store.snapshot().expect("reads");
    assert!(delivery::due(&mut tx, COURT, later(100)).expect("reads").is_empty());
    let webhook = webhooks::find(&mut tx, COURT, desk.webhook_id).expect("is there");
    assert_eq!((webhook.state, webhook.behind), (State::Paused, 1));
    assert!(desk.is_due(100), "the court itself goes on");
}

/// Every name under which an act is opened is listed, and no other.
#[test]
fn every_act_can_be_asked_for() {
    fn sources(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("acts.rs") {
                found.push(std::fs::read_to_string(path).expect("a source"));
            }
        }
    }
    let mut texts = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut texts);
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ledger/src"), &mut texts);
    // One that only waits for the book's head, and is never closed.
    const DROPPED: &str = "obligation.wait";
    for text in &texts {
        for rest in text.split("open_act").skip(1) {
            let call = rest.split(';').next().unwrap_or_default();
            let names = call.split('"').skip(1).step_by(2).filter(|name| name.contains('.') && *name != DROPPED);
            for name in names {
                assert!(ACTS.contains(&name), "{name} is not listed");
            }
        }
    }
    for name in ACTS {
        let quoted = format!("\"{name}\"");
        assert!(texts.iter().any(|text| text.contains(&quoted)), "{name} is no act");
    }
    assert!(ACTS.is_sorted());
}

/// A court that has every later step already gets this one.
fn a_court_of_before_gets_the_tables(database: &Database) {
    let before: Vec<_> = MIGRATIONS.iter().filter(|step| step.name != "0014_webhooks").copied().collect();
    let mut store = database.open();
    store.migrate(&before).expect("migrates");
    assert_eq!(store.migrate(MIGRATIONS).expect("migrates"), ["0014_webhooks"]);
}

/// Commands as people give them in the service, and what delivers there.
fn the_service_adds_and_delivers(database: &Database) {
    let mut court = Court::open(database);
    let mut globals = globals(database);
    globals.webhook_targets = targets(&["127.0.0.1"]).0;
    let service = Service::new(globals, Clock::fixed(at()), Vec::new()).expect("serves");
    let receiver = Receiver::start();
    let ask = |court: &mut Court, who: &str, asked: &Asked| match service.ask(&court.person(who), asked)? {
        Answered::Ran(ran) => ran.outcome.map(|exit| (exit, ran.said)),
        other => panic!("{other:?}"),
    };
    let mut new = asked("webhook add", &[("url", receiver.address.as_str()), ("events", "all")]);
    new.request = Some("once".to_owned());
    assert!(
        matches!(ask(&mut court, HANDLER, &new), Err(Failure::Refused(refused)) if refused.code == "access.roles_missing")
    );
    let elsewhere = asked("webhook add", &[("url", "https://10.0.0.1/"), ("events", "all")]);
    assert_eq!(code(ask(&mut court, ADMIN, &elsewhere)), "webhook.target_forbidden");
    let (exit, said) = ask(&mut court, ADMIN, &new).expect("adds");
    assert_eq!(exit, Exit::Done);
    let secret = said.object.expect("an object")["secret"].as_str().expect("a secret").to_owned();
    let kept = {
        let mut tx = court.store.snapshot().expect("reads");
        let text = "SELECT COUNT(*) FROM request WHERE outcome LIKE '%whsec%'";
        let in_answers = tx.query_one(text, &[], |row| row.int(0)).expect("counts");
        let sealed = tx.query_one("SELECT secret FROM webhook", &[], |row| Ok(row.bytes(0)?.to_vec())).expect("reads");
        in_answers + i64::from(sealed.windows(secret.len()).any(|part| part == secret.as_bytes()))
    };
    assert_eq!(kept, 0, "the secret is readable somewhere");

    assert!(!service.deliver_due().expect("delivers"));
    court.receive("FT-1", 100, None).expect("records");
    assert!(service.deliver_due().expect("delivers"));
    assert!(receiver.one().is_signed_with(&secret));
    assert!(!service.deliver_due().expect("delivers"));
    let (_, said) = ask(&mut court, ADMIN, &asked("webhook test", &[("webhook", "1")])).expect("sends");
    assert_eq!(said.object.expect("an object")["status"], 204);
    assert_eq!(receiver.one().header("ankuan-event"), "ping");
    // The path of an address is not for everybody.
    let refused = ask(&mut court, HANDLER, &asked("webhook list", &[]));
    assert_eq!(code(refused), "access.role_missing");
    let (_, said) = ask(&mut court, ADMIN, &asked("webhook list", &[])).expect("lists");
    assert_eq!(said.object.expect("an object")["webhooks"][0]["url"], receiver.address.as_str());
    // Its own thread delivers as well, and ends when the service does.
    let (here, is_here) = mpsc::channel();
    let (_go_on, may_go_on) = tokio::sync::watch::channel(true);
    *receiver.shared.held.lock().expect("a lock") = Some((here, may_go_on));
    court.receive("FT-2", 100, None).expect("records");
    assert!(service.ready().is_err());
    service.start_workers().expect("workers");
    is_here.recv_timeout(Duration::from_secs(60)).expect("it came");
    service.ready().expect("is ready");
    service.stop();
    service.await_workers(Duration::from_secs(60)).expect("ends");
    let delivered = |court: &mut Court| webhooks::all(&mut court.store.snapshot()?, COURT);
    assert_eq!(delivered(&mut court).expect("reads")[0].behind, 0, "what was on its way was ended");
    let page = page_of(&service, &mut court, HANDLER);
    let place = receiver.address.strip_suffix("/hook").expect("a path");
    assert!(page.contains(place) && !page.contains(&receiver.address), "{page}");
    assert!(!page.contains("/do/webhook/pause") && page_of(&service, &mut court, ADMIN).contains("/do/webhook/pause"));
}

/// The page of settings as somebody sees it who has signed in.
fn page_of(service: &Arc<Service>, court: &mut Court, who: &str) -> String {
    let person = court.person(who);
    let mut tx = court.store.begin().expect("begins");
    let token = access::sessions::open(&mut tx, &person, at(), &mut Randomness::system()).expect("opens");
    tx.commit().expect("commits");
    let request = axum::http::Request::get("/settings")
        .header("cookie", format!("__Host-ankuan={COURT}.{token}"))
        .body(axum::body::Body::empty())
        .expect("a request");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
    runtime.block_on(async {
        let answer = server::router(service, Front::default()).oneshot(request).await.expect("answers");
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a body");
        String::from_utf8(bytes.to_vec()).expect("text")
    })
}

crate::on_both!(
    what_is_recorded_is_told_signed_and_once,
    what_fails_is_sent_again_in_order,
    what_always_fails_is_given_up_and_goes_on_when_resumed,
    only_what_is_asked_for_is_told,
    ends_of_jobs_are_told_in_the_order_of_their_commits,
    it_is_told_again_from_an_event_on,
    a_long_pause_is_caught_up_piece_by_piece,
    two_do_not_send_the_same_at_once,
    nothing_is_sent_where_it_may_not,
    after_new_keys_the_same_secret_signs,
    the_history_has_an_end_and_a_ping_is_in_it,
    a_restored_court_is_silent,
    a_court_of_before_gets_the_tables,
    the_service_adds_and_delivers,
);
