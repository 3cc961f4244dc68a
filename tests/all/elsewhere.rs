//! Sign-in at a provider of the court's own, with a small provider on this machine.

use std::collections::HashMap;
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use ankuan::Outcome;
use ankuan::access::Actor;
use ankuan::access::credentials::reset;
use ankuan::access::elsewhere::{Brought, CameIn, Elsewhere, Settings};
use ankuan::access::sessions;
use ankuan::clock::{Clock, Randomness};
use ankuan::documents::keys::Keys;
use ankuan::service::front::Front;
use ankuan::service::{Service, Size, server};
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Request, StatusCode};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::court::{ADMIN, COURT, Court, HANDLER, KEEPER, at, code};
use crate::operations::globals;
use crate::sign_in::enrolled;
use crate::support::Database;

const CLIENT: &str = "ankuan";
const SECRET: &str = "what only the two of them know: 100%";

/// A provider: what it says next, and what it was last asked.
struct Provider {
    address: String,
    rsa: RsaKeyPair,
    elliptic: EcdsaKeyPair,
    next: Mutex<Next>,
    asked: Mutex<Option<(HashMap<String, String>, String)>>,
    _runtime: Mutex<Option<tokio::runtime::Runtime>>,
}

#[derive(Clone)]
struct Next {
    claims: Value,
    algorithm: &'static str,
    tampered: bool,
}

impl Provider {
    fn start() -> Arc<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("listens");
        let random = SystemRandom::new();
        let elliptic = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
        let provider = Arc::new(Self {
            address: format!("http://{}", listener.local_addr().expect("an address")),
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("fixtures/provider-rsa.pkcs8")).expect("a key"),
            elliptic: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, elliptic.as_ref(), &random)
                .expect("a key"),
            next: Mutex::new(Next { claims: Value::Null, algorithm: "RS256", tampered: false }),
            asked: Mutex::default(),
            _runtime: Mutex::default(),
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .with_state(Arc::clone(&provider));
        runtime.spawn(async move { axum::serve(listener, router).await });
        *provider._runtime.lock().expect("a lock") = Some(runtime);
        provider
    }

    fn sign(&self, next: &Next) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": next.algorithm, "kid": next.algorithm});
        let mut signed = format!("{}.{}", part(&header), part(&next.claims));
        let signature = match next.algorithm {
            "RS256" => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa
                    .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature)
                    .expect("signs");
                signature
            }
            "ES256" => self.elliptic.sign(&SystemRandom::new(), signed.as_bytes()).expect("signs").as_ref().to_vec(),
            _ => Vec::new(),
        };
        if next.tampered {
            let mut claims = next.claims.clone();
            claims["name"] = json!(KEEPER);
            signed = format!("{}.{}", part(&header), part(&claims));
        }
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

async fn describe(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let address = &provider.address;
    Json(json!({
        "issuer": address, "authorization_endpoint": format!("{address}/authorize?realm=court"),
        "token_endpoint": format!("{address}/token"), "jwks_uri": format!("{address}/keys"),
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(provider.rsa.public());
    let point = provider.elliptic.public_key().as_ref();
    Json(json!({"keys": [
        {"kty": "RSA", "kid": "RS256", "use": "sig", "alg": "RS256", "n": number(&n), "e": number(&e)},
        {"kty": "EC", "kid": "ES256", "crv": "P-256", "x": number(&point[1..33]), "y": number(&point[33..])},
        {"kty": "oct", "kid": "unknown"}, {"what": "is this"},
    ]}))
}

async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    Form(given): Form<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    let proof = headers.get("authorization").and_then(|given| given.to_str().ok()).unwrap_or_default().to_owned();
    *provider.asked.lock().expect("a lock") = Some((given, proof));
    let next = provider.next.lock().expect("a lock").clone();
    if next.algorithm == "refused" {
        return Err(StatusCode::BAD_REQUEST);
    }
    Ok(Json(json!({"id_token": provider.sign(&next), "access_token": "unused", "token_type": "Bearer"})))
}

struct Desk {
    court: Court,
    provider: Arc<Provider>,
    elsewhere: Elsewhere,
    keys: Keys,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn open(database: &Database) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let keys = Keys::create(&folder.path().join("keys"), &mut Randomness::seeded(1)).expect("makes keys");
        let provider = Provider::start();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, format!("{SECRET}\n")).expect("writes");
        let elsewhere = Elsewhere::new(Settings {
            court_id: COURT,
            issuer: provider.address.clone(),
            client_id: CLIENT.into(),
            client_secret_file: Some(secret),
            name_claim: "name".into(),
            origin: "https://ankuan.example".into(),
            authority_file: None,
        });
        Self { court: Court::open(database), provider, elsewhere: elsewhere.expect("set up"), keys, _folder: folder }
    }

    /// Begins; returns what the browser is sent away with.
    fn begin(&mut self) -> HashMap<String, String> {
        let turn = self.elsewhere.turn(Clock::fixed(at())).expect("a turn");
        let begun = turn.begin("/cases", &mut Randomness::system()).expect("begins");
        let mut tx = self.court.store.begin().expect("begins");
        self.elsewhere.keep(&mut tx, &begun, at()).expect("keeps");
        tx.commit().expect("commits");
        let address = begun.address;
        let (place, query) = address.split_once('?').expect("a query");
        assert_eq!(place, format!("{}/authorize", self.provider.address));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn end(&mut self, state: &str, kept: Option<&str>, seconds: i64) -> Outcome<CameIn> {
        self.end_with(&Brought { code: "once".into(), state: state.into(), iss: None }, kept, seconds)
    }

    fn end_with(&mut self, brought: &Brought, kept: Option<&str>, seconds: i64) -> Outcome<CameIn> {
        let now = at() + SignedDuration::from_secs(seconds);
        let turn = self.elsewhere.turn(Clock::fixed(now))?;
        let mut tx = self.court.store.begin()?;
        let used_up = self.elsewhere.use_up(&mut tx, brought, kept, now)?;
        tx.commit()?;
        let named = turn.ask(used_up, brought)?;
        let mut tx = self.court.store.begin()?;
        let came = self.elsewhere.let_in(&mut tx, &named, now, &mut Randomness::system())?;
        tx.commit()?;
        Ok(came)
    }

    /// A whole sign-in, in which the provider says what `change` makes of what it should say.
    fn sign_in(&mut self, who: &str, change: impl FnOnce(&mut Next)) -> Outcome<CameIn> {
        let sent = self.begin();
        let now = at().as_second();
        let mut next = Next {
            claims: json!({
                "iss": self.provider.address, "aud": CLIENT, "sub": format!("number of {who}"), "name": who,
                "nonce": sent["nonce"], "iat": now - 5, "exp": now + 300,
            }),
            algorithm: "RS256",
            tampered: false,
        };
        change(&mut next);
        *self.provider.next.lock().expect("a lock") = next;
        let state = sent["state"].clone();
        self.end(&state, Some(&state), 5)
    }

    fn sessions(&mut self) -> i64 {
        let mut tx = self.court.store.snapshot().expect("reads");
        let text = "SELECT CAST(COUNT(*) AS BIGINT) FROM session WHERE court_id = $1";
        tx.query_one(text, &[COURT.into()], |row| row.int(0)).expect("counts")
    }

    fn person_of(&mut self, came: &CameIn) -> Actor {
        let mut tx = self.court.store.snapshot().expect("reads");
        sessions::by_token(&mut tx, COURT, &came.token, at()).expect("reads").expect("a session").actor
    }
}

fn who_signs_in_there_is_signed_in_here(database: &Database) {
    let mut desk = Desk::open(database);
    enrolled(&mut desk.court, &desk.keys, HANDLER);
    let handler = desk.court.person(HANDLER);
    for algorithm in ["RS256", "ES256"] {
        let came = desk.sign_in(HANDLER, |next| next.algorithm = algorithm).expect("signs in");
        assert_eq!((&came.actor, came.return_to.as_str()), (&handler, "/cases"), "{algorithm}");
        assert_eq!(desk.person_of(&came), handler);
    }
    // The provider can hold the two ends together: the verifier's digest is what the browser was sent with.
    let sent = desk.begin();
    assert_eq!(sent["code_challenge_method"], "S256");
    assert_eq!(sent["redirect_uri"], "https%3A%2F%2Fankuan.example%2Fsign-in%2Felsewhere%2Fback");
    let asked = desk.provider.asked.lock().expect("a lock").clone().expect("asked");
    let (given, proof) = asked;
    assert_eq!((given["grant_type"].as_str(), given["code"].as_str()), ("authorization_code", "once"));
    assert_eq!(given["code_verifier"].len(), 64);
    let known = STANDARD.decode(proof.strip_prefix("Basic ").expect("basic")).expect("base 64");
    assert_eq!(String::from_utf8_lossy(&known), "ankuan:what%20only%20the%20two%20of%20them%20know%3A%20100%25");
}

/// Each of these opens no session.
fn nothing_else_opens_a_session(database: &Database) {
    type Change = Box<dyn Fn(&mut Next)>;
    let mut desk = Desk::open(database);
    enrolled(&mut desk.court, &desk.keys, HANDLER);
    enrolled(&mut desk.court, &desk.keys, KEEPER);
    let now = at().as_second();
    let set = |name: &'static str, value: Value| -> Change { Box::new(move |next| next.claims[name] = value.clone()) };
    let changes: Vec<(&str, Change)> = vec![
        ("another's name, after it was signed", Box::new(|next| next.tampered = true)),
        ("no signature", Box::new(|next| next.algorithm = "none")),
        ("a secret that both know", Box::new(|next| next.algorithm = "HS256")),
        ("another's nonce", set("nonce", json!("0".repeat(64)))),
        ("no nonce", set("nonce", Value::Null)),
        ("another's audience", set("aud", json!("somebody"))),
        ("several, and not ours", set("aud", json!(["somebody", "else"]))),
        ("several, and made for another", set("aud", json!([CLIENT, "somebody"]))),
        ("another issuer", set("iss", json!("https://other.example"))),
        ("expired", set("exp", json!(now - 60))),
        ("from the future", set("iat", json!(now + 600))),
        ("not yet", set("nbf", json!(now + 600))),
        ("without an end", set("exp", Value::Null)),
        ("nobody", set("sub", json!(""))),
    ];
    for (what, change) in &changes {
        assert_eq!(code(desk.sign_in(HANDLER, change)), "elsewhere.refused", "{what}");
    }
    // Nobody here of that name; nobody who enrolled; no name at all.
    assert_eq!(code(desk.sign_in("无此人", |_| ())), "elsewhere.person");
    assert_eq!(code(desk.sign_in(ADMIN, |_| ())), "elsewhere.person");
    assert_eq!(code(desk.sign_in(HANDLER, |next| next.claims["name"] = json!(7))), "elsewhere.person");
    // A question that the provider does not answer, which anybody can ask, keeps nobody else out.
    assert_eq!(code(desk.sign_in(HANDLER, |next| next.algorithm = "refused")), "elsewhere.unreachable");
    assert_eq!(desk.sessions(), 0);
    desk.sign_in(HANDLER, |_| ()).expect("as it should be");
    assert_eq!(desk.sessions(), 1);
}

/// What was begun counts once, in the browser that began it, and for ten minutes.
fn what_was_begun_is_used_once(database: &Database) {
    let mut desk = Desk::open(database);
    enrolled(&mut desk.court, &desk.keys, HANDLER);
    desk.sign_in(HANDLER, |_| ()).expect("signs in");
    let sent = desk.begin();
    let state = sent["state"].clone();
    desk.provider.next.lock().expect("a lock").claims["nonce"] = json!(sent["nonce"]);
    for kept in [None, Some(""), Some("another browser's")] {
        assert_eq!(code(desk.end(&state, kept, 5)), "elsewhere.refused", "{kept:?}");
    }
    assert_eq!(code(desk.end("made up", Some("made up"), 5)), "elsewhere.refused");
    assert_eq!(code(desk.end("", Some(""), 5)), "elsewhere.refused");
    desk.end(&state, Some(&state), 5).expect("the first time");
    assert_eq!(code(desk.end(&state, Some(&state), 6)), "elsewhere.refused", "replayed");
    let late = desk.begin()["state"].clone();
    assert_eq!(code(desk.end(&late, Some(&late), 600)), "elsewhere.refused", "too late");
    // Refused for another issuer, it is used up as well.
    let other = desk.begin()["state"].clone();
    let brought = Brought { code: "once".into(), state: other.clone(), iss: Some("https://other.example".into()) };
    assert_eq!(code(desk.end_with(&brought, Some(&other), 0)), "elsewhere.refused");
    assert_eq!(code(desk.end(&other, Some(&other), 5)), "elsewhere.refused");
}

/// The first sign-in ties a name to a number of the provider; a reset unties it.
fn another_of_the_same_name_is_somebody_else(database: &Database) {
    let mut desk = Desk::open(database);
    enrolled(&mut desk.court, &desk.keys, HANDLER);
    enrolled(&mut desk.court, &desk.keys, KEEPER);
    desk.sign_in(HANDLER, |_| ()).expect("the first");
    assert_eq!(code(desk.sign_in(HANDLER, |next| next.claims["sub"] = json!("another"))), "elsewhere.person");
    // Who renamed themselves there is not another here.
    let renamed = desk.sign_in(HANDLER, |next| next.claims["name"] = json!(KEEPER));
    assert_eq!(code(renamed), "elsewhere.person");
    let handler = desk.court.person(HANDLER);
    desk.court
        .act(ADMIN, |tx, acting, _| reset(tx, acting, &handler, "换岗", &mut Randomness::system()))
        .expect("resets");
    assert_eq!(code(desk.sign_in(HANDLER, |_| ())), "elsewhere.person", "not enrolled any more");
    enrolled(&mut desk.court, &desk.keys, HANDLER);
    desk.sign_in(HANDLER, |next| next.claims["sub"] = json!("another")).expect("tied anew");
}

/// The court's provider at an address.
fn provider_at(issuer: String) -> Elsewhere {
    let settings = Settings {
        court_id: COURT,
        issuer,
        client_id: CLIENT.into(),
        client_secret_file: None,
        name_claim: "name".into(),
        origin: "https://ankuan.example".into(),
        authority_file: None,
    };
    Elsewhere::new(settings).expect("set up")
}

/// A provider that takes connections and says nothing; whoever is given one may close it.
fn silent() -> (String, Receiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listens");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let (come, came) = channel();
    std::thread::spawn(move || listener.incoming().flatten().try_for_each(|connection| come.send(connection)));
    (address, came)
}

/// While it hangs, the only connection to the database is free, others are refused at once, and nobody asks it again for some
/// seconds after it has failed.
fn a_provider_that_hangs_holds_nothing_up(database: &Database) {
    const AT_ONCE: usize = 8;
    drop(Court::open(database));
    let (address, came) = silent();
    let size = Size { connections: 1, workers: 1 };
    let service = Service::of_size(globals(database), Clock::fixed(at()), Vec::new(), size).expect("serves");
    service.elsewhere.set(provider_at(address)).expect("set once");
    let router = server::router(&service, Front::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runs");
    let ask = || {
        let request = Request::get("/sign-in/elsewhere").body(Body::empty()).expect("a request");
        let answer = router.clone().oneshot(request);
        async {
            let body = answer.await.expect("answers").into_body();
            String::from_utf8_lossy(&to_bytes(body, usize::MAX).await.expect("a whole body")).into_owned()
        }
    };
    let hanging: Vec<_> = (0..AT_ONCE).map(|_| runtime.spawn(ask())).collect();
    let connections: Vec<TcpStream> = (0..AT_ONCE).map(|_| came.recv().expect("asks")).collect();
    let busy = runtime.block_on(ask());
    assert!(busy.contains("access.busy"), "{busy}");
    assert_eq!(service.courts().expect("reads").len(), 1);
    assert!(hanging.iter().all(|one| !one.is_finished()), "read while it hung");
    drop(connections);
    for one in hanging {
        let answer = runtime.block_on(one).expect("ends");
        assert!(answer.contains("elsewhere.unreachable"), "{answer}");
    }
    let later = runtime.block_on(ask());
    assert!(later.contains("elsewhere.unreachable"), "{later}");
    assert!(came.try_recv().is_err(), "asked again");
}

#[test]
fn a_provider_that_is_down_is_asked_again_after_some_seconds() {
    let (address, came) = silent();
    let elsewhere = provider_at(address);
    // Whoever asks is cut off.
    let closing = std::thread::spawn(move || came.iter().take(2).count());
    let begin = |seconds| {
        let turn = elsewhere.turn(Clock::fixed(at() + SignedDuration::from_secs(seconds)))?;
        turn.begin("/", &mut Randomness::system())
    };
    for seconds in [0, 9, 10, 19] {
        assert_eq!(code(begin(seconds)), "elsewhere.unreachable", "{seconds}");
    }
    assert_eq!(closing.join().expect("ends"), 2);
}

crate::on_both!(
    who_signs_in_there_is_signed_in_here,
    nothing_else_opens_a_session,
    what_was_begun_is_used_once,
    another_of_the_same_name_is_somebody_else,
    a_provider_that_hangs_holds_nothing_up,
);
