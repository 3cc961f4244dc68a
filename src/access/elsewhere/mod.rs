//! Sign-in at a provider of the court's own: OpenID Connect, authorization code with PKCE. What comes back counts once, in
//! the browser that began it, within minutes. Signing still takes the person's own password, so only who has enrolled here
//! can come in this way.

pub mod token;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ankuan_ledger::Tx;
use ankuan_ledger::chain::{hex, sha256};
use ankuan_ledger::engine::Value;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::credentials::{is_enrolled, random};
use super::{Actor, find_actor, sessions};
use crate::clock::{Clock, Randomness};
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use token::{Expected, KeySet, Subject};

/// How long a sign-in may take that was begun, in microseconds.
const BEGUN: i64 = 10 * 60 * 1_000_000;
/// How long what a provider says of itself is kept, in microseconds: every visitor of the page must not ask it again.
const DESCRIBED: i64 = 10 * 60 * 1_000_000;
/// The largest answer of a provider.
const ANSWER_BYTES_MAX: u64 = 256 << 10;
/// How long a provider may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long nobody asks a provider that is down, in microseconds: each who does may wait as long as it is given.
const FAILED: i64 = 10 * 1_000_000;
/// How many ask it at once: each takes one of the threads that wait for the database, of which the others go on.
const TURNS_MAX: u32 = 8;

/// What a court says of its provider.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The court whose people sign in there.
    pub court_id: i64,
    /// The provider's address: `https://login.example/realms/court`.
    pub issuer: String,
    /// The name under which the provider knows this program.
    pub client_id: String,
    /// File whose first line is the secret that it knows it by; none for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// The claim that names the person as the register does.
    pub name_claim: String,
    /// This program's address, as browsers reach it: `https://ankuan.example`.
    pub origin: String,
    /// File of the certificate authority that the provider's certificate comes from; none: those known to all browsers.
    pub authority_file: Option<PathBuf>,
}

/// Where people sign in elsewhere.
#[derive(Debug)]
pub struct Elsewhere {
    settings: Settings,
    secret: Option<Secret>,
    agent: Agent,
    state: Mutex<State>,
}

/// What is known of the provider.
#[derive(Debug, Default)]
struct State {
    /// What it said of itself, and when.
    described: Option<(i64, Described)>,
    /// When it last was down.
    failed_at: Option<i64>,
    /// How many ask it now.
    turns: u32,
}

/// It never prints itself.
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Secret(…)")
    }
}

/// What a provider says of itself (OpenID Connect Discovery 1.0).
#[derive(Clone, Debug, Deserialize)]
struct Described {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// What a browser is sent away with.
#[derive(Debug)]
pub struct Begun {
    /// Where it goes.
    pub address: String,
    /// What it must bring back, also in its cookie.
    pub state: String,
    nonce: String,
    verifier: String,
    return_to: String,
}

/// A sign-in that was begun and counts no more.
#[derive(Debug)]
pub struct UsedUp {
    nonce: String,
    verifier: String,
    return_to: String,
}

/// Whom the provider named.
#[derive(Debug)]
pub struct Named {
    subject: Subject,
    return_to: String,
}

/// What a browser brought back.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Brought {
    /// What the tokens are fetched with.
    #[serde(default)]
    pub code: String,
    /// As it was sent away.
    #[serde(default)]
    pub state: String,
    /// Who says so (RFC 9207); not every provider does.
    #[serde(default)]
    pub iss: Option<String>,
}

/// Somebody who has signed in elsewhere.
#[derive(Debug)]
pub struct CameIn {
    /// Who.
    pub actor: Actor,
    /// The token of their session.
    pub token: String,
    /// The page they wanted.
    pub return_to: String,
}

impl Elsewhere {
    /// From what a court says.
    ///
    /// # Errors
    /// `elsewhere.insecure` (an address that is neither https nor this machine), `elsewhere.authority`, and what a file
    /// says.
    pub fn new(settings: Settings) -> Outcome<Self> {
        let secret = match &settings.client_secret_file {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| Failure::of_file(path, &error))?;
                Some(Secret(text.lines().next().unwrap_or_default().trim().to_owned()))
            }
            None => None,
        };
        refuse_insecure(&settings.issuer)?;
        refuse_insecure(&settings.origin)?;
        let mut tls = TlsConfig::builder();
        if let Some(path) = &settings.authority_file {
            let bytes = std::fs::read(path).map_err(|error| Failure::of_file(path, &error))?;
            let authority = Certificate::from_pem(&bytes)
                .map_err(|_| Message::new("elsewhere.authority").with("file", path.display()))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&[authority]));
        }
        // Followed nowhere: a provider says where its addresses are.
        let config =
            Agent::config_builder().timeout_global(Some(ANSWER_WITHIN)).max_redirects(0).tls_config(tls.build());
        Ok(Self { settings, secret, agent: config.build().into(), state: Mutex::default() })
    }

    /// The court whose people sign in here.
    #[must_use]
    pub const fn court_id(&self) -> i64 {
        self.settings.court_id
    }

    /// A turn at asking the provider; there are only so many at once.
    ///
    /// # Errors
    /// `access.busy` (all are taken), `elsewhere.unreachable` (it did not answer a moment ago).
    pub fn turn(&self, clock: Clock) -> Outcome<Turn<'_>> {
        let mut state = self.state();
        let since_failed = state.failed_at.map(|at| clock.now().as_microsecond().saturating_sub(at));
        if since_failed.is_some_and(|passed| passed < FAILED) {
            return Err(Message::new("elsewhere.unreachable").into());
        }
        if state.turns >= TURNS_MAX {
            return Err(Message::new("access.busy").into());
        }
        state.turns += 1;
        Ok(Turn { elsewhere: self, clock })
    }

    /// Keeps a sign-in that was begun until it comes back.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep(&self, tx: &mut Tx<'_>, begun: &Begun, now: Timestamp) -> Outcome<()> {
        tx.execute(
            "DELETE FROM sign_in_begun WHERE court_id = $1 AND expires_at <= $2",
            &[self.court_id().into(), now.as_microsecond().into()],
        )?;
        tx.execute(
            "INSERT INTO sign_in_begun (court_id, state_digest, nonce, verifier, return_to, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                self.court_id().into(),
                Value::Bytes(&digest(&begun.state)),
                begun.nonce.as_str().into(),
                begun.verifier.as_str().into(),
                begun.return_to.as_str().into(),
                now.as_microsecond().saturating_add(BEGUN).into(),
            ],
        )?;
        Ok(())
    }

    /// Uses up the sign-in that a browser came back from, whatever comes of it; none: used before, or too old. What it brought
    /// is looked at by [`Turn::ask`], after this is committed.
    ///
    /// # Errors
    /// `elsewhere.refused`: another browser, or nothing begun; what the database says.
    pub fn use_up(
        &self,
        tx: &mut Tx<'_>,
        brought: &Brought,
        kept: Option<&str>,
        now: Timestamp,
    ) -> Outcome<Option<UsedUp>> {
        if brought.state.is_empty() || kept.is_none_or(|kept| digest(kept) != digest(&brought.state)) {
            return Err(refused("another browser, or nothing begun"));
        }
        // Of two who come with one state, the second finds nothing.
        let digest = digest(&brought.state);
        let key = [self.court_id().into(), Value::Bytes(&digest)];
        let found = tx.query_opt(
            "SELECT nonce, verifier, return_to, expires_at FROM sign_in_begun WHERE court_id = $1 AND state_digest = $2",
            &key,
            |row| {
                let (nonce, verifier) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
                Ok((UsedUp { nonce, verifier, return_to: row.text(2)?.to_owned() }, row.int(3)?))
            },
        )?;
        let deleted = tx.execute("DELETE FROM sign_in_begun WHERE court_id = $1 AND state_digest = $2", &key)?;
        Ok(found.filter(|(_, until)| deleted == 1 && *until > now.as_microsecond()).map(|(used_up, _)| used_up))
    }

    /// Opens a session for the person whom the provider named.
    ///
    /// # Errors
    /// `elsewhere.person` (nobody here has that name, has enrolled, or is that person there); what the database says.
    pub fn let_in(
        &self,
        tx: &mut Tx<'_>,
        named: &Named,
        now: Timestamp,
        randomness: &mut Randomness,
    ) -> Outcome<CameIn> {
        let actor = self.person(tx, &named.subject)?;
        let token = sessions::open(tx, &actor, now, randomness)?;
        Ok(CameIn { actor, token, return_to: named.return_to.clone() })
    }

    /// Who that is here. The first sign-in ties the name to the provider's number; another number under the same name is
    /// somebody else.
    fn person(&self, tx: &mut Tx<'_>, subject: &Subject) -> Outcome<Actor> {
        let nobody = |why: &str| {
            tracing::warn!(why, "somebody signed in elsewhere and is nobody here");
            Failure::from(Message::new("elsewhere.person"))
        };
        let name = subject.claim(&self.settings.name_claim).ok_or_else(|| nobody("no claim with the name"))?;
        let actor = match find_actor(tx, self.court_id(), name) {
            Err(Failure::Refused(_)) => return Err(nobody("no such person")),
            found => found?,
        };
        if !is_enrolled(tx, &actor)? {
            return Err(nobody("has not enrolled"));
        }
        let key = [self.court_id().into(), actor.person_id.into()];
        let known = tx.query_opt(
            "SELECT issuer, subject FROM sign_in_subject WHERE court_id = $1 AND person_id = $2",
            &key,
            |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())),
        )?;
        match known {
            Some((issuer, known)) if issuer == self.settings.issuer && known == subject.subject => Ok(actor),
            Some(_) => Err(nobody("another subject has that name")),
            None => {
                let taken = tx.query_opt(
                    "SELECT person_id FROM sign_in_subject WHERE court_id = $1 AND issuer = $2 AND subject = $3",
                    &[self.court_id().into(), self.settings.issuer.as_str().into(), subject.subject.as_str().into()],
                    |row| row.int(0),
                )?;
                if taken.is_some() {
                    return Err(nobody("that subject is another person"));
                }
                tx.execute(
                    "INSERT INTO sign_in_subject (court_id, person_id, issuer, subject) VALUES ($1, $2, $3, $4)",
                    &[
                        self.court_id().into(),
                        actor.person_id.into(),
                        self.settings.issuer.as_str().into(),
                        subject.subject.as_str().into(),
                    ],
                )?;
                Ok(actor)
            }
        }
    }

    fn comes_back_to(&self) -> String {
        format!("{}/sign-in/elsewhere/back", self.settings.origin.trim_end_matches('/'))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A turn at asking the provider: while it lasts no connection to the database and no lock is held, for the provider may take
/// its time.
#[derive(Debug)]
pub struct Turn<'e> {
    elsewhere: &'e Elsewhere,
    clock: Clock,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.elsewhere.state().turns -= 1;
    }
}

impl Turn<'_> {
    /// Begins a sign-in, which [`Elsewhere::keep`] then records.
    ///
    /// # Errors
    /// `elsewhere.unreachable`.
    pub fn begin(&self, return_to: &str, randomness: &mut Randomness) -> Outcome<Begun> {
        let described = self.described()?;
        let settings = &self.elsewhere.settings;
        let mut drawn = || Ok::<_, Failure>(hex(&random::<32>(randomness)?));
        let (state, nonce, verifier) = (drawn()?, drawn()?, drawn()?);
        let challenge = URL_SAFE_NO_PAD.encode(sha256(&[verifier.as_bytes()]));
        let query = [
            ("response_type", "code"),
            ("client_id", &settings.client_id),
            ("redirect_uri", &self.elsewhere.comes_back_to()),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let joint = if described.authorization_endpoint.contains('?') { '&' } else { '?' };
        let address = format!("{}{joint}{}", described.authorization_endpoint, query.join("&"));
        Ok(Begun { address, state, nonce, verifier, return_to: return_to.to_owned() })
    }

    /// Fetches the token of a sign-in that came back and was used up, and checks it.
    ///
    /// # Errors
    /// `elsewhere.refused`: used or too old, or no good token; `elsewhere.unreachable`.
    pub fn ask(&self, used_up: Option<UsedUp>, brought: &Brought) -> Outcome<Named> {
        let UsedUp { nonce, verifier, return_to } = used_up.ok_or_else(|| refused("used before, or too old"))?;
        let settings = &self.elsewhere.settings;
        if brought.code.is_empty() || brought.iss.as_ref().is_some_and(|issuer| *issuer != settings.issuer) {
            return Err(refused("no code, or of another provider"));
        }
        let described = self.described()?;
        let token = self.told(self.fetch_token(&described, &brought.code, &verifier))?;
        let keys: KeySet = self.told(self.get(&described.jwks_uri))?;
        let expected = Expected {
            issuer: &settings.issuer,
            client_id: &settings.client_id,
            nonce: &nonce,
            now: self.clock.now().as_second(),
        };
        let subject = token::check(&token, &keys, &expected).map_err(refused)?;
        Ok(Named { subject, return_to })
    }

    /// What the provider says of itself; several may ask it at once when what was kept is too old.
    fn described(&self) -> Outcome<Described> {
        let now = self.clock.now().as_microsecond();
        let kept = self.elsewhere.state().described.clone();
        if let Some((_, described)) = kept.filter(|(at, _)| now.saturating_sub(*at) < DESCRIBED) {
            return Ok(described);
        }
        let described = self.told(self.ask_described())?;
        self.elsewhere.state().described = Some((now, described.clone()));
        Ok(described)
    }

    fn ask_described(&self) -> Result<Described, Unanswered> {
        let issuer = &self.elsewhere.settings.issuer;
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        // Without it nobody can sign in there, whatever is wrong with it.
        let described: Described =
            self.get(&address).map_err(|unanswered| Unanswered { is_down: true, ..unanswered })?;
        if described.issuer != *issuer {
            return Err(Unanswered::down("it says that it is another issuer"));
        }
        for address in [&described.authorization_endpoint, &described.token_endpoint, &described.jwks_uri] {
            refuse_insecure(address).map_err(|_| Unanswered::down("one of its addresses is not encrypted"))?;
        }
        Ok(described)
    }

    fn get<T: DeserializeOwned>(&self, address: &str) -> Result<T, Unanswered> {
        read(self.elsewhere.agent.get(address).call())
    }

    fn fetch_token(&self, described: &Described, code: &str, verifier: &str) -> Result<String, Unanswered> {
        let Elsewhere { settings, secret, agent, .. } = self.elsewhere;
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.elsewhere.comes_back_to()),
            ("code_verifier", verifier.to_owned()),
        ];
        let methods = &described.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|known| known == method);
        let in_form = has("client_secret_post") && !has("client_secret_basic");
        let mut request = agent.post(&described.token_endpoint);
        match secret {
            Some(Secret(secret)) if !in_form => {
                let both = format!("{}:{}", escaped(&settings.client_id), escaped(secret));
                request = request.header("authorization", format!("Basic {}", STANDARD.encode(both)));
            }
            Some(Secret(secret)) => {
                form.extend([("client_id", settings.client_id.clone()), ("client_secret", secret.clone())]);
            }
            None => form.push(("client_id", settings.client_id.clone())),
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(read::<Tokens>(request.send_form(form))?.id_token)
    }

    /// An answer, or the refusal; whoever comes in the next seconds does not wait for a provider that is down.
    fn told<T>(&self, answer: Result<T, Unanswered>) -> Outcome<T> {
        answer.map_err(|Unanswered { is_down, why }| {
            // Only the log says why.
            tracing::warn!(is_down, why, "the provider of sign-in did not answer as it should");
            if is_down {
                self.elsewhere.state().failed_at = Some(self.clock.now().as_microsecond());
            }
            Message::new("elsewhere.unreachable").into()
        })
    }
}

/// Why the provider gave no answer that can be used.
struct Unanswered {
    /// Whether nobody gets one. What it only does not answer to one question, which anybody can choose, is not that.
    is_down: bool,
    why: String,
}

impl Unanswered {
    fn down(why: impl std::fmt::Display) -> Self {
        Self { is_down: true, why: why.to_string() }
    }
}

/// What a reset ends with the password: who that person is elsewhere.
pub(super) fn forget(tx: &mut Tx<'_>, person: &Actor) -> Outcome<()> {
    tx.execute(
        "DELETE FROM sign_in_subject WHERE court_id = $1 AND person_id = $2",
        &[person.court_id.into(), person.person_id.into()],
    )?;
    Ok(())
}

fn read<T: DeserializeOwned>(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<T, Unanswered> {
    let mut answer = answer.map_err(|error| {
        let is_down = !matches!(error, ureq::Error::StatusCode(400..=499));
        Unanswered { is_down, why: error.to_string() }
    })?;
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().map_err(Unanswered::down)?;
    // What it says may hold a token: it is not told.
    serde_json::from_str(&text).map_err(|_| Unanswered { is_down: false, why: "its answer cannot be read".to_owned() })
}

/// Only the log says why.
fn refused(why: &str) -> Failure {
    tracing::warn!(why, "a sign-in elsewhere was refused");
    Message::new("elsewhere.refused").into()
}

/// Tokens and codes travel only under TLS, or within this machine.
fn refuse_insecure(address: &str) -> Result<(), Message> {
    let is_local = ["http://127.0.0.1", "http://localhost", "http://[::1]"]
        .iter()
        .any(|place| address.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    if address.starts_with("https://") || is_local {
        return Ok(());
    }
    Err(Message::new("elsewhere.insecure").with("address", address))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

fn digest(state: &str) -> [u8; 32] {
    sha256(&[b"ankuan-sign-in-state-1", state.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_travels_in_the_open() {
        for good in ["https://login.example", "http://127.0.0.1:9", "http://localhost/x", "http://[::1]:1/x"] {
            assert!(refuse_insecure(good).is_ok(), "{good}");
        }
        for bad in ["http://login.example", "http://localhost.example", "http://127.0.0.1.example/", "file:///etc", ""]
        {
            assert_eq!(refuse_insecure(bad).unwrap_err().code, "elsewhere.insecure", "{bad}");
        }
    }
}
