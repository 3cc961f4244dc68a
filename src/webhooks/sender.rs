//! Sending: signed, over a connection whose address was looked at, followed nowhere, waited for only so long.

use std::path::Path;
use std::time::Duration;

use ankuan_ledger::chain::hex;
use jiff::Timestamp;
use ring::hmac;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

use super::targets::{Targets, host};
use crate::clock::Stopwatch;
use crate::words::words;
use crate::{Failure, Message, Outcome};

/// How long a receiver may take to accept. It has only to store what it gets; what it does then takes its own time.
pub const ACCEPT_WITHIN: Duration = Duration::from_secs(10);

/// The largest head of an answer. Its body is not read at all.
const ANSWER_HEAD_BYTES_MAX: usize = 16 << 10;

words! {
    /// Why something was not accepted.
    Trouble {
        /// The receiver answered something else than 2xx; a redirect is followed nowhere.
        Status = "status",
        /// The receiver did not answer in time.
        Late = "late",
        /// No address of the host may be connected to.
        Forbidden = "forbidden",
        /// The address is none that is sent to, as the configuration is now.
        Address = "address",
        /// The host's name is not known.
        Host = "host",
        /// The certificate is not one that counts.
        Tls = "tls",
        /// No connection, or one that broke.
        Connection = "connection",
    }
}

impl Trouble {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Status => "webhook.trouble_status",
            Self::Late => "webhook.trouble_late",
            Self::Forbidden => "webhook.trouble_forbidden",
            Self::Address => "webhook.trouble_address",
            Self::Host => "webhook.trouble_host",
            Self::Tls => "webhook.trouble_tls",
            Self::Connection => "webhook.trouble_connection",
        })
    }
}

/// What came of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The status of HTTP, where somebody answered.
    pub status: Option<u16>,
    /// Why it was not accepted; none where it was.
    pub trouble: Option<Trouble>,
    /// How long it took.
    pub took_micros: u64,
}

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// What kind: `events`, `ping`.
    pub kind: &'a str,
    /// Its name; the same each time it is sent.
    pub delivery: &'a str,
    /// JSON.
    pub body: &'a str,
    /// What signs it.
    pub secret: &'a [u8],
    /// When.
    pub at: Timestamp,
}

/// Sends to where the configuration allows.
#[derive(Clone, Debug)]
pub struct Sender {
    targets: Targets,
    agent: Agent,
}

/// No address of a host may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("no address of the host may be connected to")]
struct Forbidden;

/// Finds addresses as the system does and keeps those that may be connected to. The connection is opened to what comes back
/// and to nothing else, so it does not help to answer another address the next time.
#[derive(Debug)]
struct Guarded {
    system: DefaultResolver,
    targets: Targets,
}

impl Resolver for Guarded {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.system.resolve(uri, config, timeout).map_err(|error| match error {
            // The system says so of a name that it does not know.
            ureq::Error::Io(_) => ureq::Error::HostNotFound,
            other => other,
        })?;
        let host = host(uri);
        let mut allowed = self.empty();
        for address in found.iter().filter(|address| self.targets.allow(&host, address.ip())) {
            allowed.push(*address);
        }
        if allowed.is_empty() { Err(ureq::Error::Other(Box::new(Forbidden))) } else { Ok(allowed) }
    }
}

impl Sender {
    /// With what the configuration says: where to, and a file of the certificate authority of receivers; none: those known to
    /// all browsers.
    ///
    /// # Errors
    /// `webhook.authority`, and what the file says.
    pub fn new(targets: &Targets, authority_file: Option<&Path>) -> Outcome<Self> {
        let mut tls = TlsConfig::builder();
        if let Some(path) = authority_file {
            let bytes = std::fs::read(path).map_err(|error| Failure::of_file(path, &error))?;
            let authority = Certificate::from_pem(&bytes)
                .map_err(|_| Message::new("webhook.authority").with("file", path.display()))?;
            tls = tls.root_certs(RootCerts::new_with_certs(&[authority]));
        }
        let config = Agent::config_builder()
            .timeout_global(Some(ACCEPT_WITHIN))
            .max_redirects(0)
            .http_status_as_error(false)
            // One of the environment would be connected to instead, and would look addresses up itself.
            .proxy(None)
            // Each delivery looks at the address anew.
            .max_idle_connections(0)
            .max_response_header_size(ANSWER_HEAD_BYTES_MAX)
            .user_agent(concat!("ankuan/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build())
            .build();
        let resolver = Guarded { system: DefaultResolver::default(), targets: targets.clone() };
        let agent = Agent::with_parts(config, DefaultConnector::default(), resolver);
        Ok(Self { targets: targets.clone(), agent })
    }

    /// Where may be sent to.
    #[must_use]
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Sends, and says what came of it. Waits at most [`ACCEPT_WITHIN`].
    #[must_use]
    pub fn send(&self, url: &str, letter: &Letter<'_>) -> Sent {
        let watch = Stopwatch::start();
        let (status, trouble) = match self.targets.read(url) {
            Err(_) => (None, Some(Trouble::Address)),
            Ok(uri) => self.post(uri, letter),
        };
        Sent { status, trouble, took_micros: watch.micros() }
    }

    fn post(&self, uri: Uri, letter: &Letter<'_>) -> (Option<u16>, Option<Trouble>) {
        let second = letter.at.as_second();
        let signature = sign(letter.secret, second, letter.body);
        let asked = self
            .agent
            .post(uri)
            .header("Content-Type", "application/json")
            .header("Ankuan-Event", letter.kind)
            .header("Ankuan-Delivery", letter.delivery)
            .header("Ankuan-Timestamp", second.to_string())
            .header("Ankuan-Signature", format!("t={second},v1={signature}"));
        match asked.send(letter.body) {
            Ok(answer) => {
                let status = answer.status();
                (Some(status.as_u16()), (!status.is_success()).then_some(Trouble::Status))
            }
            Err(error) => (None, Some(trouble(&error))),
        }
    }
}

fn trouble(error: &ureq::Error) -> Trouble {
    match error {
        ureq::Error::Timeout(_) => Trouble::Late,
        ureq::Error::Other(inner) if inner.is::<Forbidden>() => Trouble::Forbidden,
        ureq::Error::HostNotFound => Trouble::Host,
        ureq::Error::Tls(_) | ureq::Error::Pem(_) | ureq::Error::Rustls(_) => Trouble::Tls,
        // What the certificate is refused for comes as what broke the connection.
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => Trouble::Tls,
        _ => Trouble::Connection,
    }
}

/// The signature: HMAC-SHA256 under the secret, as it is shown, over `second.body`, in hexadecimal. The time is signed with
/// the body, so that what was recorded on its way cannot be sent again later.
#[must_use]
pub fn sign(secret: &[u8], second: i64, body: &str) -> String {
    let signed = format!("{second}.{body}");
    hex(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes()).as_ref())
}
