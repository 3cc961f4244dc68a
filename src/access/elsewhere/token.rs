//! The ID token of a provider: three parts, signed with a key of the provider's (OpenID Connect Core 1.0, 2 and 3.1.3.7;
//! RFC 7515, 7517, 7518). Pure. Only two algorithms count, each with its own kind of key, whatever the token says.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::Value;

/// Seconds by which the provider's clock may differ.
const SKEW: i64 = 60;
/// Characters of a token: far more than any provider sends.
const TOKEN_CHARS_MAX: usize = 64 << 10;

/// What the court's client asks of a token.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'e> {
    /// Who must have made it.
    pub issuer: &'e str,
    /// For whom it must be.
    pub client_id: &'e str,
    /// The number that this sign-in was begun with.
    pub nonce: &'e str,
    /// Now, in seconds.
    pub now: i64,
}

/// Keys of a provider (RFC 7517).
#[derive(Clone, Debug, Deserialize)]
pub struct KeySet {
    keys: Vec<Value>,
}

/// A key as published. What is not known of it is left out.
#[derive(Debug, Deserialize)]
struct Key {
    kty: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default, rename = "use")]
    used_for: Option<String>,
    #[serde(default)]
    alg: Option<String>,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Value,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    azp: Option<String>,
}

/// Who signed in, as the provider says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The provider's own number for them.
    pub subject: String,
    /// All that it says of them.
    claims: Value,
}

impl Subject {
    /// A claim that is text.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&str> {
        self.claims.get(name)?.as_str()
    }
}

/// Checks a token.
///
/// # Errors
/// What is wrong with it, for the log: whoever signs in is told less.
pub fn check(token: &str, keys: &KeySet, expected: &Expected<'_>) -> Result<Subject, &'static str> {
    if token.len() > TOKEN_CHARS_MAX {
        return Err("too long");
    }
    let (signed, signature) = token.rsplit_once('.').ok_or("not three parts")?;
    let (header, payload) = signed.split_once('.').ok_or("not three parts")?;
    let header: Header = json(header).ok_or("its header cannot be read")?;
    let signature = decoded(signature).ok_or("its signature cannot be read")?;
    if header.crit.is_some() {
        return Err("it asks for what is not understood");
    }
    let candidates = keys.keys.iter().filter_map(|key| serde_json::from_value::<Key>(key.clone()).ok());
    let mut fitting = candidates.filter(|key| {
        (header.kid.is_none() || key.kid == header.kid)
            && key.used_for.as_deref().is_none_or(|used| used == "sig")
            && key.alg.as_deref().is_none_or(|alg| alg == header.alg)
    });
    if !fitting.any(|key| key.has_signed(&header.alg, signed.as_bytes(), &signature)) {
        return Err("no key of the provider has signed it");
    }
    let value: Value = json(payload).ok_or("its claims cannot be read")?;
    let claims: Claims = serde_json::from_value(value.clone()).map_err(|_| "a claim is missing")?;
    claims.check(expected)?;
    Ok(Subject { subject: claims.sub, claims: value })
}

impl Claims {
    fn check(&self, expected: &Expected<'_>) -> Result<(), &'static str> {
        if self.iss != expected.issuer {
            return Err("another issuer");
        }
        let audiences: Vec<&str> = match &self.aud {
            Value::String(one) => vec![one],
            Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if !audiences.contains(&expected.client_id) {
            return Err("another audience");
        }
        if (audiences.len() > 1 || self.azp.is_some()) && self.azp.as_deref() != Some(expected.client_id) {
            return Err("another authorized party");
        }
        if self.nonce.as_deref() != Some(expected.nonce) {
            return Err("another nonce");
        }
        if self.exp.saturating_add(SKEW) <= expected.now {
            return Err("expired");
        }
        let ahead = expected.now.saturating_add(SKEW);
        if self.iat > ahead || self.nbf.is_some_and(|not_before| not_before > ahead) {
            return Err("not yet");
        }
        if self.sub.is_empty() {
            return Err("nobody");
        }
        Ok(())
    }
}

impl Key {
    fn has_signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match (algorithm, self.kty.as_str()) {
            ("RS256", "RSA") => {
                let (Some(n), Some(e)) = (decoded(&self.n), decoded(&self.e)) else { return false };
                let key = RsaPublicKeyComponents { n, e };
                key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            ("ES256", "EC") if self.crv == "P-256" => {
                let (Some(x), Some(y)) = (decoded(&self.x), decoded(&self.y)) else { return false };
                let point = [&[4][..], &x, &y].concat();
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            // `none`, and secrets that both sides know, among them.
            _ => false,
        }
    }
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&decoded(text)?).ok()
}
