//! The listener that stands outside. It has exported files, the key by which it knows them, and a folder for what
//! claimants give; no database and no key of the court. What it is told it forgets with the answer.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ankuan_ledger::chain::hex;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::codes::{self, Root};
use super::corrections::{Correction, Given};
use super::file::Exported;
use super::keys::PublicExportKey;
use super::pages::{self, Typed};
use super::view::Seen;
use super::{from_hex, random};
use crate::bank::deliver::deliver;
use crate::cases::number::CaseNumber;
use crate::clock::{Clock, Randomness};
use crate::failure::{Failure, Outcome};
use crate::{Language, Message, web};

const MINUTE: i64 = 60 * 1_000_000;

/// Looks from one address in [`ADDRESS_WINDOW`]. Many stand behind one address of a telephone network or a village
/// office; a machine that guesses wants thousands.
pub const ADDRESS_LOOKS_MAX: u32 = 60;
/// µs
pub const ADDRESS_WINDOW: i64 = 10 * MINUTE;

/// Looks for one case and document number in [`CLAIM_WINDOW`], from wherever: enough for somebody who mistypes, and in the
/// 90 days of a code one guess in 2^35 of its 2^50.
pub const CLAIM_LOOKS_MAX: u32 = 10;
/// µs
pub const CLAIM_WINDOW: i64 = 60 * MINUTE;

/// Corrections for one claim between two starts: a second for a slip of the pen, a third for who knows. Each is a file.
pub const CORRECTIONS_MAX: u32 = 3;

/// Correction files that may lie in the folder: the disk must not be filled from outside. The court takes them away daily.
pub const FILES_MAX: usize = 20_000;

/// Addresses or claims that are counted at once.
const COUNTED_MAX: usize = 100_000;

/// Guesses at once: each takes the memory that the export says.
const GUESSES_AT_ONCE: usize = 4;

/// How long the page of a claim may be filled in.
const TOKEN_LASTS: i64 = 30 * MINUTE;

/// The largest request: a form with five short fields.
const BODY_BYTES_MAX: usize = 16 * 1_024;

const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How often something may be done in a window.
struct Limit {
    most: u32,
    window: i64,
    counted: HashMap<[u8; 32], (i64, u32)>,
}

impl Limit {
    fn new(most: u32, window: i64) -> Self {
        Self { most, window, counted: HashMap::new() }
    }

    fn allows(&mut self, key: [u8; 32], now: i64) -> bool {
        if self.counted.len() >= COUNTED_MAX && !self.counted.contains_key(&key) {
            let window = self.window;
            self.counted.retain(|_, (since, _)| now.saturating_sub(*since) < window);
            if self.counted.len() >= COUNTED_MAX {
                // Whoever floods must not lock everybody else out; the code itself still stands in the way.
                self.counted.clear();
            }
        }
        let (since, count) = self.counted.entry(key).or_insert((now, 0));
        if now.saturating_sub(*since) >= self.window {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.most
    }
}

struct Limits {
    addresses: Limit,
    claims: Limit,
    corrections: Limit,
}

/// What the listener is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of exported files.
    pub files: PathBuf,
    /// The court's key.
    pub public_key: PublicExportKey,
    /// Folder for corrections.
    pub corrections: PathBuf,
    /// Whether a proxy stands before it that says who asks (the last value of `X-Forwarded-For`).
    pub behind_proxy: bool,
}

/// The listener.
pub struct Outside {
    settings: Settings,
    court: String,
    exports: Vec<Exported>,
    /// Every number of every case.
    numbers: HashMap<String, usize>,
    clock: Clock,
    /// Of this process: seals tokens.
    token_key: LessSafeKey,
    /// Of this process: what is counted is not kept in clear.
    count_key: hmac::Key,
    limits: Mutex<Limits>,
    guesses: Semaphore,
}

#[derive(Serialize, Deserialize)]
struct Token {
    export: usize,
    root: String,
    until: i64,
}

/// What somebody may see, with what they proved it by.
struct Opened {
    export: usize,
    root: Root,
    seen: Seen,
}

impl Outside {
    /// Reads every `.ankuan` file of the folder. Of several exports of a case the last counts.
    ///
    /// # Errors
    /// `claimants.no_files`, `file.not_found` and the like, and those of [`Exported::read`], naming the file: with one file
    /// that the court did not sign, nothing is served.
    pub fn open(settings: Settings, clock: Clock) -> Outcome<Self> {
        let mut randomness = Randomness::system();
        let folder = &settings.corrections;
        std::fs::create_dir_all(folder).map_err(|error| Failure::of_file(folder, &error))?;
        let mut newest: HashMap<(i64, i64), Exported> = HashMap::new();
        for path in files_of(&settings.files)? {
            let bytes = std::fs::read(&path).map_err(|error| Failure::of_file(&path, &error))?;
            let exported =
                Exported::read(bytes, &settings.public_key).map_err(|message| Failure::from(message).in_file(&path))?;
            let key = (exported.header.court_id, exported.header.case_id);
            if newest.get(&key).is_none_or(|known| known.header.export_no < exported.header.export_no) {
                newest.insert(key, exported);
            }
        }
        let mut exports: Vec<Exported> = newest.into_values().collect();
        exports.sort_by_key(|exported| exported.header.case_id);
        let Some(first) = exports.first() else {
            return Err(Message::new("claimants.no_files").with("path", settings.files.display()).into());
        };
        let court = first.header.court.clone();
        let mut numbers = HashMap::new();
        for (place, exported) in exports.iter().enumerate() {
            for number in &exported.header.numbers {
                numbers.insert(number.clone(), place);
            }
        }
        let key = UnboundKey::new(&AES_256_GCM, &random::<32>(&mut randomness)?)
            .map_err(|_| std::io::Error::other("no key of 32 bytes"))?;
        Ok(Self {
            settings,
            court,
            exports,
            numbers,
            clock,
            token_key: LessSafeKey::new(key),
            count_key: hmac::Key::new(hmac::HMAC_SHA256, &random::<32>(&mut randomness)?),
            limits: Mutex::new(Limits {
                addresses: Limit::new(ADDRESS_LOOKS_MAX, ADDRESS_WINDOW),
                claims: Limit::new(CLAIM_LOOKS_MAX, CLAIM_WINDOW),
                corrections: Limit::new(CORRECTIONS_MAX, i64::MAX),
            }),
            guesses: Semaphore::new(GUESSES_AT_ONCE),
        })
    }

    /// Cases that are served, and claimants in them.
    #[must_use]
    pub fn counts(&self) -> (usize, u64) {
        (self.exports.len(), self.exports.iter().map(|exported| exported.header.entries).sum())
    }

    fn now(&self) -> i64 {
        self.clock.now().as_microsecond()
    }

    fn counted(&self, what: &str, value: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.count_key, [what.as_bytes(), &[0], value.as_bytes()].concat().as_slice());
        let mut key = [0; 32];
        key.copy_from_slice(tag.as_ref());
        key
    }

    fn allows(&self, limit: impl FnOnce(&mut Limits) -> &mut Limit, key: [u8; 32]) -> bool {
        // Counts are whole at any moment.
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        limit(&mut limits).allows(key, self.now())
    }

    /// What a case number, document number and code open. The same work is done whether the case is known or not, and
    /// whether the code has the form of one.
    fn look(&self, case: &str, document: &str, code: &str) -> Outcome<Option<Opened>> {
        let number = CaseNumber::parse(case).map(|number| number.to_string()).unwrap_or_default();
        let export = self.numbers.get(&number).copied();
        let exported = export.and_then(|place| self.exports.get(place));
        let (cost, salt) =
            exported.map_or((codes::COST, &[0; codes::SALT_LEN][..]), |one| (one.cost(), one.code_salt()));
        let read = codes::read_code(code);
        let is_code = read.is_some();
        let code = read.unwrap_or_else(|| "0".repeat(codes::CODE_CHARS));
        let root = codes::root(cost, salt, &codes::read_document(document), &code)?;
        let found = match exported {
            Some(exported) => exported.open(&root)?,
            None => None,
        };
        let live = found.filter(|(_, expires_at)| is_code && *expires_at > self.now());
        Ok(live.zip(export).map(|((seen, _), export)| Opened { export, root, seen }))
    }

    fn token(&self, opened: &Opened) -> Outcome<String> {
        let until = self.now() + TOKEN_LASTS;
        let token = Token { export: opened.export, root: hex(opened.root.as_bytes()), until };
        let mut plain = serde_json::to_vec(&token).map_err(std::io::Error::from)?;
        let nonce: [u8; NONCE_LEN] = random(&mut Randomness::system())?;
        self.token_key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut plain)
            .map_err(|_| std::io::Error::other("sealing failed"))?;
        Ok(hex(&[&nonce[..], &plain].concat()))
    }

    fn of_token(&self, text: &str) -> Outcome<Option<Opened>> {
        let bytes = from_hex(text).unwrap_or_default();
        let Some((nonce, cipher)) = bytes.split_at_checked(NONCE_LEN) else { return Ok(None) };
        let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else { return Ok(None) };
        let mut cipher = cipher.to_vec();
        let Ok(plain) = self.token_key.open_in_place(nonce, Aad::empty(), &mut cipher) else { return Ok(None) };
        let Ok(token) = serde_json::from_slice::<Token>(plain) else { return Ok(None) };
        let root = Root::of_bytes(&from_hex(&token.root).unwrap_or_default())?;
        let Some(exported) = self.exports.get(token.export).filter(|_| token.until > self.now()) else {
            return Ok(None);
        };
        let found = exported.open(&root)?;
        let live = found.filter(|(_, expires_at)| *expires_at > self.now());
        Ok(live.map(|(seen, _)| Opened { export: token.export, root, seen }))
    }

    /// Writes a correction as a file; when this returns, it survives a loss of power.
    fn keep(&self, opened: &Opened, given: Given<'_>) -> Outcome<String> {
        if files_of(&self.settings.corrections)?.len() >= FILES_MAX {
            return Err(Message::new("claimants.corrections_full").into());
        }
        let header = &self.exports[opened.export].header;
        let ids = (header.court_id, header.case_id, opened.seen.claim_id, header.export_no);
        let agreement = from_hex(&header.agreement_key).unwrap_or_default();
        let mut randomness = Randomness::system();
        let now = self.clock.now();
        let day = crate::clock::day_in_shanghai(now).strftime("%Y%m%d").to_string();
        // 50 random bits behind the day: no two of a day are the same, and none can be guessed.
        let receipt = format!("{day}-{}", codes::new_code(&mut randomness)?);
        let made = Correction::new(ids, receipt.clone(), given, now.as_microsecond(), &opened.root)?;
        let bytes = made.seal(&agreement, &mut randomness)?;
        let name = format!("correction-{receipt}.ankuan");
        match deliver(&self.settings.corrections, &name, &bytes) {
            Ok(_) => Ok(receipt),
            Err(error) => Err(std::io::Error::other(error.to_string()).into()),
        }
    }
}

/// The `.ankuan` files of a folder, by name.
fn files_of(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|error| Failure::of_file(folder, &error))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "ankuan") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

type App = State<Arc<Outside>>;

/// Everything that is answered.
pub fn router(outside: &Arc<Outside>) -> Router {
    let of = |language: Language| {
        Router::new()
            .route("/", get(form).post(look))
            .route("/correction", post(correct).get(form))
            .layer(Extension(language))
    };
    Router::new()
        .merge(of(Language::Zh))
        .nest("/en", of(Language::En))
        .route("/style.css", get(style))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(|| async { (StatusCode::NOT_FOUND, pages::sorry(Language::Zh, &Message::new("web.not_found"))) })
        .layer(axum::middleware::from_fn(guard))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(outside))
}

async fn style() -> impl IntoResponse {
    const STYLE: &str = concat!(include_str!("../web/style.css"), include_str!("outside.css"));
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")], STYLE)
}

/// No page here has a script, so none is allowed.
async fn guard(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; \
                  base-uri 'none'";
    web::protect(response.headers_mut(), policy);
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Who asks, as far as it is counted: an address, and of IPv6 the network that one household has.
struct Asker(String);

impl FromRequestParts<Arc<Outside>> for Asker {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, outside: &Arc<Outside>) -> Result<Self, Self::Rejection> {
        let forwarded = outside.settings.behind_proxy.then(|| forwarded_for(&parts.headers)).flatten();
        let direct = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        Ok(Self(match forwarded.or(direct) {
            Some(IpAddr::V6(address)) => format!("{:x?}", &address.segments()[..4]),
            Some(IpAddr::V4(address)) => address.to_string(),
            None => String::new(),
        }))
    }
}

/// What the proxy before us added; what stands before it anybody may have written.
fn forwarded_for(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

async fn form(State(outside): App, Extension(language): Extension<Language>) -> Response {
    pages::form(language, &outside.court, "", None).into_response()
}

/// What somebody types to look.
#[derive(Deserialize)]
struct Looks {
    #[serde(default)]
    case: String,
    #[serde(default)]
    document: String,
    #[serde(default)]
    code: String,
}

/// A page for what broke; what it was stands in the log, without anything that was typed.
fn broken(language: Language, failure: Failure) -> Response {
    match failure {
        Failure::Refused(message) => {
            (StatusCode::SERVICE_UNAVAILABLE, pages::sorry(language, &message)).into_response()
        }
        Failure::Broken(error) => {
            tracing::error!(%error, "a page for a claimant could not be made");
            let message = Message::new("claimants.broken");
            (StatusCode::INTERNAL_SERVER_ERROR, pages::sorry(language, &message)).into_response()
        }
    }
}

async fn look(
    State(outside): App,
    Extension(language): Extension<Language>,
    asker: Asker,
    Form(typed): Form<Looks>,
) -> Response {
    let address = outside.counted("address", &asker.0);
    let number = CaseNumber::parse(&typed.case).map(|number| number.to_string()).unwrap_or_default();
    let claim = outside.counted("claim", &format!("{number}\0{}", codes::read_document(&typed.document)));
    // Both are counted, whichever refuses: and for whoever is not there as for whoever is.
    let by_address = outside.allows(|limits| &mut limits.addresses, address);
    let by_claim = outside.allows(|limits| &mut limits.claims, claim);
    if !by_address || !by_claim {
        let message = Message::new("claimants.too_many");
        let page = pages::form(language, &outside.court, &typed.case, Some(&message));
        return (StatusCode::TOO_MANY_REQUESTS, page).into_response();
    }
    let case = typed.case.clone();
    let opened = guess(&outside, move |outside| {
        let Some(opened) = outside.look(&typed.case, &typed.document, &typed.code)? else { return Ok(None) };
        let token = outside.token(&opened)?;
        Ok(Some((opened.seen, token)))
    })
    .await;
    match opened {
        Ok(Some((seen, token))) => pages::claim(language, &seen, &token, Typed::default(), None).into_response(),
        Ok(None) => {
            let message = Message::new("claimants.no_match");
            let page = pages::form(language, &outside.court, &case, Some(&message));
            (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
        }
        Err(failure) => broken(language, failure),
    }
}

/// Does what takes time and memory on a thread that may wait, few at once.
async fn guess<T: Send + 'static>(
    outside: &Arc<Outside>,
    work: impl FnOnce(&Outside) -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    let _permit = outside.guesses.acquire().await.map_err(std::io::Error::other)?;
    let outside = Arc::clone(outside);
    tokio::task::spawn_blocking(move || work(&outside))
        .await
        .unwrap_or_else(|panicked| Err(std::io::Error::other(panicked).into()))
}

/// What somebody types to give an account.
#[derive(Deserialize)]
struct Corrects {
    #[serde(default)]
    token: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    bank: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    again: String,
}

impl Corrects {
    /// Without what copying adds: spaces within an account number, and at both ends.
    fn tidied(self) -> Self {
        let number = |text: String| text.chars().filter(|letter| !letter.is_whitespace()).collect();
        Self {
            token: self.token,
            holder: self.holder.trim().to_owned(),
            bank: self.bank.trim().to_owned(),
            account: number(self.account),
            again: number(self.again),
        }
    }

    fn given(&self) -> Given<'_> {
        Given { holder: &self.holder, bank: &self.bank, account: &self.account }
    }

    fn check(&self) -> Result<(), Message> {
        self.given().check()?;
        if self.account == self.again { Ok(()) } else { Err(Message::new("claimants.again_differs")) }
    }
}

/// What became of a correction.
enum Corrected {
    Kept(String),
    Refused(Box<Seen>, Message, StatusCode),
    /// The page was open too long, or is none of ours.
    Ended,
}

async fn correct(
    State(outside): App,
    Extension(language): Extension<Language>,
    Form(typed): Form<Corrects>,
) -> Response {
    let typed = Arc::new(typed.tidied());
    let asked = Arc::clone(&typed);
    let done = guess(&outside, move |outside| outside.correct(&asked)).await;
    match done {
        Ok(Corrected::Kept(receipt)) => pages::receipt(language, &receipt).into_response(),
        Ok(Corrected::Refused(seen, message, status)) => {
            let Corrects { token, holder, bank, account, again } = &*typed;
            let kept = Typed { holder, bank, account, again };
            (status, pages::claim(language, &seen, token, kept, Some(&message))).into_response()
        }
        Ok(Corrected::Ended) => {
            let page = pages::form(language, &outside.court, "", Some(&Message::new("claimants.ended")));
            (StatusCode::FORBIDDEN, page).into_response()
        }
        Err(failure) => broken(language, failure),
    }
}

impl Outside {
    fn correct(&self, typed: &Corrects) -> Outcome<Corrected> {
        let Some(opened) = self.of_token(&typed.token)? else { return Ok(Corrected::Ended) };
        let refused = |opened: Opened, message, status| Ok(Corrected::Refused(Box::new(opened.seen), message, status));
        if !opened.seen.may_correct {
            return refused(opened, Message::new("claimants.correct_at_court"), StatusCode::FORBIDDEN);
        }
        if let Err(message) = typed.check() {
            return refused(opened, message, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let key = self.counted("correction", &hex(opened.root.as_bytes()));
        if !self.allows(|limits| &mut limits.corrections, key) {
            return refused(opened, Message::new("claimants.corrections_enough"), StatusCode::TOO_MANY_REQUESTS);
        }
        Ok(Corrected::Kept(self.keep(&opened, typed.given())?))
    }
}

/// Serves until the process is told to stop. `begun` is told the address.
///
/// # Errors
/// The address cannot be used, or the system gives no thread.
pub fn serve(
    outside: &Arc<Outside>,
    address: SocketAddr,
    begun: impl FnOnce(SocketAddr) -> Outcome<()>,
) -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        begun(listener.local_addr()?)?;
        let router = router(outside).into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(listener, router).with_graceful_shutdown(crate::service::server::signals()?).await?;
        Ok(())
    });
    runtime.shutdown_timeout(STOP_WITHIN);
    served
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_counts_in_its_window() {
        let mut limit = Limit::new(2, 100);
        let (one, other) = ([1; 32], [2; 32]);
        assert!(limit.allows(one, 0) && limit.allows(one, 10) && !limit.allows(one, 20));
        assert!(limit.allows(other, 20));
        assert!(!limit.allows(one, 99) && limit.allows(one, 100));
    }

    #[test]
    fn only_the_last_forwarded_address_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded_for(&headers), None);
        headers.append("x-forwarded-for", HeaderValue::from_static("1.2.3.4, 10.0.0.7"));
        assert_eq!(forwarded_for(&headers), Some("10.0.0.7".parse().unwrap()));
        headers.append("x-forwarded-for", HeaderValue::from_static("nobody"));
        assert_eq!(forwarded_for(&headers), None);
    }
}
