//! Sign-in at a provider of the court's own: OpenID Connect, authorization code with PKCE. What comes back counts once, in
//! the browser that began it, within minutes. Signing still takes the person's own password, so only who has enrolled here
//! can come in this way.

pub mod token;

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ankuan_ledger::chain::{hex, sha256};
use ankuan_ledger::engine::Value;
use ankuan_ledger::{Store, Tx};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::credentials::{is_enrolled, random};
use super::{Actor, find_actor, sessions};
use crate::clock::Randomness;
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
    described: Mutex<Option<(i64, Described)>>,
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
        Ok(Self { settings, secret, agent: config.build().into(), described: Mutex::default() })
    }

    /// The court whose people sign in here.
    #[must_use]
    pub const fn court_id(&self) -> i64 {
        self.settings.court_id
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// `elsewhere.unreachable`; what the database says.
    pub fn begin(
        &self,
        store: &mut Store,
        return_to: &str,
        now: Timestamp,
        randomness: &mut Randomness,
    ) -> Outcome<Begun> {
        let described = self.described(now)?;
        let mut drawn = || Ok::<_, Failure>(hex(&random::<32>(randomness)?));
        let (state, nonce, verifier) = (drawn()?, drawn()?, drawn()?);
        let mut tx = store.begin()?;
        tx.execute(
            "DELETE FROM sign_in_begun WHERE court_id = $1 AND expires_at <= $2",
            &[self.court_id().into(), now.as_microsecond().into()],
        )?;
        tx.execute(
            "INSERT INTO sign_in_begun (court_id, state_digest, nonce, verifier, return_to, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                self.court_id().into(),
                Value::Bytes(&digest(&state)),
                nonce.as_str().into(),
                verifier.as_str().into(),
                return_to.into(),
                now.as_microsecond().saturating_add(BEGUN).into(),
            ],
        )?;
        tx.commit()?;
        let challenge = URL_SAFE_NO_PAD.encode(sha256(&[verifier.as_bytes()]));
        let query = [
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &self.comes_back_to()),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
        let joint = if described.authorization_endpoint.contains('?') { '&' } else { '?' };
        let address = format!("{}{joint}{}", described.authorization_endpoint, query.join("&"));
        Ok(Begun { address, state })
    }

    /// Ends a sign-in that a browser came back from: looks at what it brought and kept, fetches the token, checks it, and
    /// opens a session for the person it names. What was begun is used up first, whatever comes of it.
    ///
    /// # Errors
    /// `elsewhere.refused`: another browser, used or too old, or no good token; `elsewhere.person` (nobody here has that
    /// name, has enrolled, or is that person there); `elsewhere.unreachable`; what the database says.
    pub fn end(
        &self,
        store: &mut Store,
        brought: &Brought,
        kept: Option<&str>,
        now: Timestamp,
        randomness: &mut Randomness,
    ) -> Outcome<CameIn> {
        if brought.state.is_empty() || kept.is_none_or(|kept| digest(kept) != digest(&brought.state)) {
            return Err(refused("another browser, or nothing begun"));
        }
        let mut tx = store.begin()?;
        let begun = self.use_up(&mut tx, &brought.state, now)?;
        tx.commit()?;
        let (nonce, verifier, return_to) = begun.ok_or_else(|| refused("used before, or too old"))?;
        if brought.code.is_empty() || brought.iss.as_ref().is_some_and(|issuer| *issuer != self.settings.issuer) {
            return Err(refused("no code, or of another provider"));
        }
        let described = self.described(now)?;
        let token = self.fetch_token(&described, &brought.code, &verifier)?;
        let keys: KeySet = self.get(&described.jwks_uri)?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &nonce,
            now: now.as_second(),
        };
        let subject = token::check(&token, &keys, &expected).map_err(refused)?;
        let mut tx = store.begin()?;
        let actor = self.person(&mut tx, &subject)?;
        let token = sessions::open(&mut tx, &actor, now, randomness)?;
        tx.commit()?;
        Ok(CameIn { actor, token, return_to })
    }

    /// Takes what was begun off the record; of two who come with one state, the second finds nothing.
    fn use_up(&self, tx: &mut Tx<'_>, state: &str, now: Timestamp) -> Outcome<Option<(String, String, String)>> {
        let digest = digest(state);
        let key = [self.court_id().into(), Value::Bytes(&digest)];
        let found = tx.query_opt(
            "SELECT nonce, verifier, return_to, expires_at FROM sign_in_begun WHERE court_id = $1 AND state_digest = $2",
            &key,
            |row| Ok(((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned()), row.int(3)?)),
        )?;
        let deleted = tx.execute("DELETE FROM sign_in_begun WHERE court_id = $1 AND state_digest = $2", &key)?;
        Ok(found.filter(|(_, until)| deleted == 1 && *until > now.as_microsecond()).map(|(begun, _)| begun))
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

    fn described(&self, now: Timestamp) -> Outcome<Described> {
        let now = now.as_microsecond();
        let mut kept = self.described.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, described)) = kept.as_ref().filter(|(at, _)| now.saturating_sub(*at) < DESCRIBED) {
            return Ok(described.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer.trim_end_matches('/'));
        let described: Described = self.get(&address)?;
        if described.issuer != self.settings.issuer {
            return Err(unreachable("it says that it is another issuer"));
        }
        for address in [&described.authorization_endpoint, &described.token_endpoint, &described.jwks_uri] {
            refuse_insecure(address)?;
        }
        *kept = Some((now, described.clone()));
        Ok(described)
    }

    fn get<T: DeserializeOwned>(&self, address: &str) -> Outcome<T> {
        read(self.agent.get(address).call())
    }

    fn fetch_token(&self, described: &Described, code: &str, verifier: &str) -> Outcome<String> {
        let mut form = vec![
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", self.comes_back_to()),
            ("code_verifier", verifier.to_owned()),
        ];
        let methods = &described.token_endpoint_auth_methods_supported;
        let has = |method: &str| methods.iter().any(|known| known == method);
        let in_form = has("client_secret_post") && !has("client_secret_basic");
        let mut request = self.agent.post(&described.token_endpoint);
        match &self.secret {
            Some(Secret(secret)) if !in_form => {
                let both = format!("{}:{}", escaped(&self.settings.client_id), escaped(secret));
                request = request.header("authorization", format!("Basic {}", STANDARD.encode(both)));
            }
            Some(Secret(secret)) => {
                form.extend([("client_id", self.settings.client_id.clone()), ("client_secret", secret.clone())]);
            }
            None => form.push(("client_id", self.settings.client_id.clone())),
        }
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Ok(read::<Tokens>(request.send_form(form))?.id_token)
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

fn read<T: DeserializeOwned>(answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Outcome<T> {
    let mut answer = answer.map_err(unreachable)?;
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string().map_err(unreachable)?;
    // What it says may hold a token: it is not told.
    serde_json::from_str(&text).map_err(|_| unreachable("its answer cannot be read"))
}

/// Only the log says why.
fn unreachable(why: impl std::fmt::Display) -> Failure {
    tracing::warn!(%why, "the provider of sign-in did not answer as it should");
    Message::new("elsewhere.unreachable").into()
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
