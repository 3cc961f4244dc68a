//! Idempotency: the same request twice does its work once, and is answered the same.
//!
//! A request is known by court, actor, operation and key, and by the digest of what was asked. Its outcome stands in
//! the transaction that did the work; a refusal, which leaves nothing behind, in a second one.

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::{Error, Value};
use ankuan_ledger::{Store, Tx};
use serde::{Deserialize, Serialize};

use crate::access::Acting;
use crate::{Failure, Language, Message, Outcome};

/// The most characters of a key: room for two UUIDs, and short enough to read aloud.
pub const KEY_CHARS_MAX: usize = 100;

/// A request that may come again.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is done: `receipt.record`.
    pub operation: &'static str,
    /// Chosen by whoever asks.
    pub key: String,
    /// SHA-256 of what is asked.
    pub payload_digest: [u8; 32],
}

impl Request {
    /// A request for `operation` with these bytes as what is asked.
    ///
    /// # Errors
    /// `request.key`: empty, or longer than [`KEY_CHARS_MAX`].
    pub fn new(operation: &'static str, key: &str, payload: &[&[u8]]) -> Result<Self, Message> {
        if key.trim().is_empty() || key.chars().count() > KEY_CHARS_MAX {
            return Err(Message::new("request.key").with("max", KEY_CHARS_MAX));
        }
        Ok(Self { operation, key: key.trim().to_owned(), payload_digest: sha256(payload) })
    }
}

/// What is answered to a request: a sentence for people and the fields for programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The sentence in Chinese.
    pub message_zh: String,
    /// The sentence in English.
    pub message_en: String,
    /// What programs read besides.
    #[serde(flatten)]
    pub fields: serde_json::Map<String, serde_json::Value>,
}

impl Answer {
    /// A sentence with its fields; anything but a JSON object adds none.
    #[must_use]
    pub fn new(message: &Message, fields: serde_json::Value) -> Self {
        let fields = match fields {
            serde_json::Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        Self { message_zh: message.text(Language::Zh), message_en: message.text(Language::En), fields }
    }

    /// The sentence in a language.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.message_zh,
            Language::En => &self.message_en,
        }
    }
}

/// As stored.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Done(Answer),
    Refused { code: String, message_zh: String, message_en: String },
}

/// Does the work once: in a transaction of its own, committed when the work is done. Asked again with the same key
/// and payload, gives the stored answer and changes nothing. Without a request, just does the work.
///
/// # Errors
/// What the work says; `request.differs` when the key was used with another payload; `request.refused_before`, with
/// the code and sentence of the refusal, when the same request was refused.
pub fn once(
    store: &mut Store,
    acting: &Acting,
    request: Option<&Request>,
    work: impl FnOnce(&mut Tx<'_>) -> Outcome<Answer>,
) -> Outcome<Answer> {
    let mut tx = store.begin()?;
    let Some(request) = request else {
        let answer = work(&mut tx)?;
        tx.commit()?;
        return Ok(answer);
    };
    if let Some(stored) = begin(&mut tx, acting, request)? {
        return replay(stored);
    }
    match work(&mut tx) {
        Ok(answer) => {
            finish(&mut tx, acting, request, &Stored::Done(answer.clone()))?;
            tx.commit()?;
            Ok(answer)
        }
        Err(Failure::Refused(message)) => {
            drop(tx);
            let mut tx = store.begin()?;
            // Somebody else may have asked the same in between; what is stored first counts.
            if begin(&mut tx, acting, request)?.is_none() {
                let refused = Stored::Refused {
                    code: message.code.to_owned(),
                    message_zh: message.text(Language::Zh),
                    message_en: message.text(Language::En),
                };
                finish(&mut tx, acting, request, &refused)?;
                tx.commit()?;
            }
            Err(Failure::Refused(message))
        }
        Err(broken) => Err(broken),
    }
}

/// Takes a request in the transaction that does its work, for work that finds by itself that it was done before and whose
/// refusals may come again. Whether it was done before; else `answer` is stored.
///
/// # Errors
/// `request.differs` when the key was used with another payload; what the database says.
pub fn take(tx: &mut Tx<'_>, acting: &Acting, request: &Request, answer: &Answer) -> Outcome<bool> {
    let is_new = begin(tx, acting, request)?.is_none();
    if is_new {
        finish(tx, acting, request, &Stored::Done(answer.clone()))?;
    }
    Ok(!is_new)
}

fn replay(stored: Stored) -> Outcome<Answer> {
    match stored {
        Stored::Done(answer) => Ok(answer),
        Stored::Refused { code, message_zh, message_en } => Err(Message::new("request.refused_before")
            .with("code", code)
            .with("message_zh", message_zh)
            .with("message_en", message_en)
            .into()),
    }
}

/// Claims the key, waiting for whoever holds it; returns what is stored when it was used.
fn begin(tx: &mut Tx<'_>, acting: &Acting, request: &Request) -> Outcome<Option<Stored>> {
    let claimed = tx.execute(
        "INSERT INTO request (court_id, actor_id, operation, request_key, payload_digest, outcome, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, '', $6) \
         ON CONFLICT (court_id, actor_id, operation, request_key) DO NOTHING",
        &[
            acting.actor.court_id.into(),
            acting.actor.person_id.into(),
            request.operation.into(),
            request.key.as_str().into(),
            Value::Bytes(&request.payload_digest),
            acting.at.as_microsecond().into(),
        ],
    )?;
    if claimed == 1 {
        return Ok(None);
    }
    let (digest, outcome) = tx.query_one(
        "SELECT payload_digest, outcome FROM request \
         WHERE court_id = $1 AND actor_id = $2 AND operation = $3 AND request_key = $4",
        &[
            acting.actor.court_id.into(),
            acting.actor.person_id.into(),
            request.operation.into(),
            request.key.as_str().into(),
        ],
        |row| Ok((row.digest(0)?, row.text(1)?.to_owned())),
    )?;
    if digest != request.payload_digest {
        return Err(Message::new("request.differs")
            .with("key", &request.key)
            .with("operation", request.operation)
            .into());
    }
    let stored = serde_json::from_str(&outcome)
        .map_err(|error| Error::Inconsistent(format!("outcome of request {:?}: {error}", request.key)))?;
    Ok(Some(stored))
}

fn finish(tx: &mut Tx<'_>, acting: &Acting, request: &Request, outcome: &Stored) -> Outcome<()> {
    let outcome = serde_json::to_string(outcome)
        .map_err(|error| Error::Inconsistent(format!("outcome of request {:?}: {error}", request.key)))?;
    tx.execute(
        "UPDATE request SET outcome = $5 \
         WHERE court_id = $1 AND actor_id = $2 AND operation = $3 AND request_key = $4",
        &[
            acting.actor.court_id.into(),
            acting.actor.person_id.into(),
            request.operation.into(),
            request.key.as_str().into(),
            outcome.as_str().into(),
        ],
    )?;
    Ok(())
}
