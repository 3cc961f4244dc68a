//! Group commit: what arrives together commits together.
//!
//! A single post costs a commit, and a commit waits for the disk. A [`Poster`] owns one connection on one thread;
//! callers on many threads hand it one post each and wait. The thread takes all that is waiting, decides the posts in
//! the order of their arrival, records them in one transaction (an act and a link for each book, locked in sorted
//! order), commits, and answers each. No one is answered before the commit has returned.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::act::{Act, BookKey, Failure, Known, VoucherHead, VoucherKind, month_of};
use crate::chain::sha256;
use crate::decide::{EntryNo, Line, Refusal};
use crate::engine::{Error, Result, RowBytes, Store, Tx, Value};

/// Posts in one transaction at most: enough to share a commit, few enough that the first does not wait long for
/// the last (some 10 ms).
const POSTS_A_GROUP: usize = 1_024;

/// Accounts whose balances are remembered between groups: about 25 MB. Past it, they are loaded again.
const KNOWN_ACCOUNTS: usize = 100_000;

/// One post: a voucher with one entry.
#[derive(Debug, Clone)]
pub struct Post {
    /// Where.
    pub book: BookKey,
    /// Who records it.
    pub actor_id: i64,
    /// Kind of its voucher.
    pub kind: VoucherKind,
    /// Civil date in Asia/Shanghai; its month must be open.
    pub accounting_date: Date,
    /// Event of the event table.
    pub event: String,
    /// Summary (摘要).
    pub summary: String,
    /// Number of attached papers.
    pub attachments: i64,
    /// Lines of the entry.
    pub lines: Vec<Line>,
    /// Posting again under the same key (of the same court and actor) gives the first answer and does nothing.
    pub request_key: Option<String>,
}

/// A post did not come about.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unposted {
    /// The domain said no; the other posts of the group are not concerned.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something broke, and nothing of the whole group is acknowledged. If it broke while committing, whether the
    /// post is in the book is not known: post again under the same key to learn it.
    #[error("{0}")]
    Broken(Arc<Error>),
    /// The poster has stopped.
    #[error("the ledger's writer has stopped; start the program again")]
    Stopped,
}

/// What became of a request, as stored under its key.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Posted { entry_no: EntryNo },
    Refused(Refusal),
}

type Answer = std::result::Result<EntryNo, Unposted>;

struct Waiting {
    post: Post,
    answer: SyncSender<Answer>,
}

/// The one writer for posts that come from many threads.
#[derive(Debug)]
pub struct Poster {
    queue: Option<SyncSender<Waiting>>,
    thread: Option<JoinHandle<()>>,
}

impl Poster {
    /// Starts the thread. `actor_id` is who opens the acts (each voucher names its own actor); `clock` tells when a
    /// group is recorded.
    ///
    /// # Errors
    /// [`Error::Io`] when the system gives no thread.
    pub fn start(store: Store, actor_id: i64, clock: impl Fn() -> Timestamp + Send + 'static) -> Result<Self> {
        let (queue, waiting) = sync_channel(POSTS_A_GROUP);
        let thread = std::thread::Builder::new()
            .name("poster".into())
            .spawn(move || Recorder { store, actor_id, known: HashMap::new() }.run(&waiting, &clock))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Posts, and returns when it is durable. Call it from many threads.
    ///
    /// # Errors
    /// [`Unposted`]; texts and numbers of the post must have been checked where they came in, as what the database
    /// cannot take fails the whole group.
    pub fn post(&self, post: Post) -> Answer {
        let (answer, answered) = sync_channel(1);
        let queue = self.queue.as_ref().ok_or(Unposted::Stopped)?;
        queue.send(Waiting { post, answer }).map_err(|_| Unposted::Stopped)?;
        answered.recv().map_err(|_| Unposted::Stopped)?
    }
}

impl Drop for Poster {
    /// Records what is still waiting, then ends the thread.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been seen by those who waited: they were told that the poster has stopped.
            let _ = thread.join();
        }
    }
}

/// The thread's own state.
struct Recorder {
    store: Store,
    actor_id: i64,
    known: HashMap<BookKey, Known>,
}

impl Recorder {
    fn run(mut self, waiting: &Receiver<Waiting>, clock: &impl Fn() -> Timestamp) {
        while let Ok(first) = waiting.recv() {
            let mut group = vec![first];
            group.extend(waiting.try_iter().take(POSTS_A_GROUP - 1));
            let (posts, callers): (Vec<Post>, Vec<SyncSender<Answer>>) =
                group.into_iter().map(|waiting| (waiting.post, waiting.answer)).unzip();
            let answers: Vec<Answer> = match self.record(&posts, clock()) {
                Ok(outcomes) => outcomes.into_iter().map(|outcome| outcome.map_err(Unposted::Refused)).collect(),
                Err(error) => {
                    self.known.clear();
                    // The connection may be what broke. If there is no new one, the next group says so.
                    if let Ok(store) = self.store.reopen() {
                        self.store = store;
                    }
                    vec![Err(Unposted::Broken(Arc::new(error))); posts.len()]
                }
            };
            for (caller, answer) in callers.into_iter().zip(answers) {
                // Who no longer waits has no use for the answer.
                let _ = caller.send(answer);
            }
        }
    }

    /// Decides the posts in order and commits them together; returns what became of each.
    fn record(&mut self, posts: &[Post], at: Timestamp) -> Result<Vec<std::result::Result<EntryNo, Refusal>>> {
        let mut tx = self.store.begin()?;
        let books: Vec<BookKey> = posts.iter().map(|post| post.book).collect();
        let mut acts = Act::open_many(&mut tx, &books, "ledger.post", self.actor_id, at)?;
        for act in &mut acts {
            if let Some(known) = self.known.remove(&act.book()) {
                act.recall(known);
            }
        }
        let months: Vec<(BookKey, String)> =
            posts.iter().map(|post| (post.book, month_of(post.accounting_date))).collect();
        Act::load_months_of(&mut tx, &mut acts, &months)?;
        let accounts = posts.iter().flat_map(|post| {
            post.lines.iter().flat_map(|line| [(post.book, line.debit.account), (post.book, line.credit.account)])
        });
        Act::load_accounts_of(&mut tx, &mut acts, accounts)?;
        let mut outcomes = Vec::with_capacity(posts.len());
        for post in posts {
            let act = acts.iter_mut().find(|act| act.book() == post.book);
            outcomes.push(decide_once(&mut tx, act, post, at)?);
        }
        acts.retain(|act| !act.is_empty());
        let left = Act::close_many(&mut tx, acts)?;
        tx.commit()?;
        if self.known.values().map(Known::account_count).sum::<usize>() > KNOWN_ACCOUNTS {
            self.known.clear();
        }
        self.known.extend(
            left.into_iter().map(|(head, known)| (BookKey { court_id: head.court_id, book_id: head.book_id }, known)),
        );
        Ok(outcomes)
    }
}

/// Decides a post, or finds what became of it when it came before under the same key.
fn decide_once(
    tx: &mut Tx<'_>,
    act: Option<&mut Act>,
    post: &Post,
    at: Timestamp,
) -> Result<std::result::Result<EntryNo, Refusal>> {
    let Some(key) = &post.request_key else { return decide(tx, act, post) };
    let digest = post.digest();
    let request = [post.book.court_id.into(), post.actor_id.into(), "ledger.post".into(), key.as_str().into()];
    let known = tx.query_opt(
        "SELECT payload_digest, outcome FROM request \
         WHERE court_id = $1 AND actor_id = $2 AND operation = $3 AND request_key = $4",
        &request,
        |row| Ok((row.digest(0)?, row.text(1)?.to_owned())),
    )?;
    if let Some((known_digest, outcome)) = known {
        if known_digest != digest {
            return Ok(Err(Refusal::RequestKeyReused(key.clone())));
        }
        let outcome = serde_json::from_str(&outcome)
            .map_err(|error| Error::Inconsistent(format!("the outcome of request {key:?}: {error}")))?;
        return Ok(match outcome {
            Outcome::Posted { entry_no } => Ok(entry_no),
            Outcome::Refused(refusal) => Err(refusal),
        });
    }
    let decided = decide(tx, act, post)?;
    let outcome = match &decided {
        Ok(entry_no) => Outcome::Posted { entry_no: *entry_no },
        Err(refusal) => Outcome::Refused(refusal.clone()),
    };
    let outcome = serde_json::to_string(&outcome)
        .map_err(|error| Error::Inconsistent(format!("the outcome of request {key:?}: {error}")))?;
    let [court, actor, operation, key] = request;
    tx.execute(
        "INSERT INTO request (court_id, actor_id, operation, request_key, payload_digest, outcome, recorded_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        &[court, actor, operation, key, Value::Bytes(&digest), outcome.as_str().into(), at.as_microsecond().into()],
    )?;
    Ok(decided)
}

fn decide(tx: &mut Tx<'_>, act: Option<&mut Act>, post: &Post) -> Result<std::result::Result<EntryNo, Refusal>> {
    let Some(act) = act else { return Ok(Err(Refusal::BookUnknown(post.book.book_id))) };
    let head = VoucherHead {
        kind: post.kind,
        accounting_date: post.accounting_date,
        event: &post.event,
        summary: &post.summary,
        attachments: post.attachments,
    };
    let posted = act.begin_voucher_of(tx, post.actor_id, &head).and_then(|()| act.post(tx, &post.lines));
    match posted {
        Ok(entry_no) => Ok(Ok(entry_no)),
        Err(Failure::Refused(refusal)) => Ok(Err(refusal)),
        Err(Failure::Broken(error)) => Err(error),
    }
}

impl Post {
    /// SHA-256 of all that is asked, so that a key is not used for two things.
    fn digest(&self) -> [u8; 32] {
        let mut bytes = RowBytes::default();
        for text in [self.kind.as_str(), &self.accounting_date.to_string(), &self.event, &self.summary] {
            bytes.value(text.into());
        }
        let mut number = |number: i64| bytes.value(number.into());
        number(self.book.book_id);
        number(self.attachments);
        for line in &self.lines {
            for place in [line.debit, line.credit] {
                number(place.account.0);
                number(place.item.0);
            }
            number(line.amount.minor());
        }
        sha256(&[b"ankuan-post-1", bytes.as_bytes()])
    }
}
