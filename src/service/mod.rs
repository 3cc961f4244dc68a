//! The service: runs the commands for people who have signed in, at once or as jobs. Pages (`web`) and programs (`api`)
//! ask it; it knows neither HTML nor HTTP.

pub mod front;
pub mod guard;
pub mod incoming;
pub mod jobs;
pub mod metrics;
mod named;
mod recall;
pub mod server;

use std::collections::{BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use ankuan_ledger::engine::{EngineKind, Lease, Pool};
use ankuan_ledger::{Store, Tx, stop};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access::elsewhere::Elsewhere;
use crate::access::signing::Signer;
use crate::access::{Acting, Actor, Roles, Standing, credentials, may};
use crate::api::limits::Limits;
use crate::cli::catalogue::{self, Entry, Kind, Takes};
use crate::cli::output::{Exit, Output, Reached, Said};
use crate::cli::{Command, Context, Globals, Served, run_command};
use crate::clock::{Clock, Randomness, Stopwatch};
use crate::documents::keys::Keys;
use crate::documents::rotation;
use crate::payouts::release::{self, BankFile};
use crate::reads::{self, ReadLog};
use crate::request::{Answer, Request};
use crate::schema;
use crate::webhooks::delivery;
use crate::webhooks::sender::Sender;
use crate::{Failure, Language, Message, Outcome, access, books, chart, documents, request, request_files};
use guard::Guard;
use jobs::{End, Job, JobFile, State};
use metrics::Metrics;
pub use recall::Books;
use recall::Recall;

/// How much a service does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Connections to the database.
    pub connections: usize,
    /// Threads that run jobs.
    pub workers: usize,
}

impl Default for Size {
    /// Two cores are busy with fewer connections, and PostgreSQL allows 100 to all who use it. Two workers: one long commit
    /// and what comes beside it.
    fn default() -> Self {
        Self { connections: 16, workers: 2 }
    }
}

/// How often a worker looks for jobs that another process left.
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What somebody asks to have done.
#[derive(Clone)]
pub struct Asked {
    /// The command's words.
    pub words: &'static str,
    /// What it is given, by name.
    pub values: Vec<(String, String)>,
    /// Files that were uploaded for it.
    pub files: Vec<Upload>,
    /// Given again to sign what is asked.
    pub password: Option<String>,
    /// In which language the result is written.
    pub language: Language,
    /// Key by which the same request is known again.
    pub request: Option<String>,
    /// The page it was begun on.
    pub return_to: String,
}

/// A file that was uploaded.
#[derive(Clone, Debug)]
pub struct Upload {
    /// The argument it is for.
    pub parameter: String,
    /// The name its sender gave it, without any path.
    pub name: String,
    /// Where it lies until the request ends: in a folder named by its digest, in the folder of the request.
    pub path: PathBuf,
}

impl Asked {
    /// The folder of the request. What is asked is the same in whatever folder its files lie.
    fn folder(&self) -> Option<&Path> {
        self.files.first()?.path.parent()?.parent()
    }

    /// What is asked, as bytes by which a repeated request is told from another one with the same key.
    fn payload(&self) -> String {
        let files: Vec<_> = self
            .files
            .iter()
            .map(|file| (&file.parameter, file.path.strip_prefix(self.folder().unwrap_or(Path::new("")))))
            .collect();
        format!("{:?} {files:?}", self.values)
    }
}

/// What came of what was asked.
#[derive(Debug)]
pub enum Answered {
    /// It was run.
    Ran(Ran),
    /// It is a job now: it waits for a worker, or for a second person.
    Job(i64, State),
}

/// A command that was run.
#[derive(Debug)]
pub struct Ran {
    /// What it said, also before it was refused.
    pub said: Said,
    /// How it ended.
    pub outcome: Outcome<Exit>,
}

/// Somebody of the demo, whose second factor is no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DemoAccount {
    /// Court.
    pub court_id: i64,
    /// Name.
    pub name: String,
    /// Words of [`access::Role`].
    pub roles: Vec<String>,
    /// Secret of the second factor, in base 32.
    pub totp_secret: String,
}

/// What all requests share.
#[derive(Debug)]
pub struct Service {
    /// Every command.
    pub entries: Vec<Entry>,
    /// Time.
    pub clock: Clock,
    /// Who can sign in to practise; empty but in a demo.
    pub demo: Vec<DemoAccount>,
    /// How often anybody may try to sign in.
    pub limits: Limits,
    /// Where people may sign in elsewhere, if the court has such a place.
    pub elsewhere: OnceLock<Elsewhere>,
    /// What is counted.
    pub metrics: Metrics,
    size: Size,
    globals: Globals,
    pool: Arc<Pool>,
    keys: Keys,
    /// This process, as it signs the jobs that it runs.
    owner: String,
    running: Mutex<HashMap<(i64, i64), Arc<Reached>>>,
    wake: (Mutex<Awake>, Condvar),
    reads: ReadLog,
    recall: Recall,
    webhooks: Sender,
    _guard: Guard,
}

/// The largest file that the page of a proposal shows whole: payment details are some hundred bytes; a list is fetched.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// A job as somebody looks at it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The job.
    pub job: Job,
    /// Its arguments: whole for whoever may answer.
    pub arguments: Vec<(String, String)>,
    /// The files that were given with it.
    pub given: Vec<GivenFile>,
    /// The files that it wrote.
    pub written: Vec<JobFile>,
    /// Whether who looks may agree to it or decline it.
    pub may_answer: bool,
}

/// A file that was given with a job.
#[derive(Clone, Debug)]
pub struct GivenFile {
    /// Which.
    pub file: JobFile,
    /// SHA-256 of its bytes, while somebody has to answer.
    pub digest: Option<ankuan_ledger::chain::Digest>,
    /// What stands in it, for whoever may answer, where it is short and text.
    pub text: Option<String>,
}

/// What is asked of a court at every request.
#[derive(Debug)]
pub struct Register {
    /// Of all its people.
    pub roles: Roles,
    /// The court's name.
    pub court_name: String,
}

#[derive(Debug, Default)]
struct Awake {
    has_work: bool,
    is_stopping: bool,
    /// Workers that have not ended.
    workers: usize,
    /// Threads that deliver to webhooks and have not ended: one, or none.
    deliverers: usize,
}

impl Service {
    /// On a database that has a court. `globals` say which database and key file; the rest of them is of no use here.
    ///
    /// # Errors
    /// `keys.missing`, `command.no_database`, `service.already_served`, else what the database says.
    pub fn new(globals: Globals, clock: Clock, demo: Vec<DemoAccount>) -> Outcome<Arc<Self>> {
        Self::of_size(globals, clock, demo, Size::default())
    }

    /// As [`Service::new`], as large as somebody wants it.
    ///
    /// # Errors
    /// As [`Service::new`].
    pub fn of_size(globals: Globals, clock: Clock, demo: Vec<DemoAccount>, size: Size) -> Outcome<Arc<Self>> {
        let context = Context::new(globals.clone(), clock);
        let webhooks = globals.webhook_sender()?;
        drop(context.store()?);
        let keys = context.keys()?;
        let mut pattern: Store = context.open()?;
        let mut tx = pattern.snapshot()?;
        for court_id in tx.query("SELECT DISTINCT court_id FROM court ORDER BY court_id", &[], |row| row.int(0))? {
            rotation::refuse_others(&mut tx, court_id, &keys)?;
        }
        drop(tx);
        let guard = Guard::to_serve(&pattern, &globals.database)?;
        if pattern.engine() == EngineKind::Sqlite {
            // Whoever was running them is dead: nobody else can hold the guard.
            let mut tx = pattern.begin()?;
            jobs::let_all_go(&mut tx)?;
            delivery::let_all_go(&mut tx)?;
            tx.commit()?;
        }
        let reads = ReadLog::begin(reads::open(&globals.database, Duration::from_secs(globals.wait))?)?;
        let owner: [u8; 8] = Randomness::system().bytes().map_err(std::io::Error::other)?;
        Ok(Arc::new(Self {
            entries: catalogue::entries(),
            clock,
            demo,
            limits: Limits::default(),
            elsewhere: OnceLock::new(),
            metrics: Metrics::default(),
            size,
            globals,
            pool: Pool::new(pattern, size.connections),
            keys,
            owner: ankuan_ledger::chain::hex(&owner),
            running: Mutex::default(),
            wake: Default::default(),
            reads,
            recall: Recall::default(),
            webhooks,
            _guard: guard,
        }))
    }

    /// The keys.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A command by its words.
    #[must_use]
    pub fn entry(&self, words: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.words == words && entry.kind != Kind::Local)
    }

    /// A connection, for what needs more than one transaction.
    ///
    /// # Errors
    /// What the database says.
    pub fn lease(&self) -> Outcome<Lease> {
        Ok(self.pool.lease()?)
    }

    /// Reads one moment of the database.
    ///
    /// # Errors
    /// What the reading says.
    pub fn read<T>(&self, read: impl FnOnce(&mut Tx<'_>) -> Outcome<T>) -> Outcome<T> {
        let done = self.pool.lease().map_err(Failure::from).and_then(|mut store| read(&mut store.snapshot()?));
        self.watch(done)
    }

    /// As [`Service::read`], of a single statement.
    ///
    /// # Errors
    /// What the reading says.
    pub fn read_single<T>(&self, read: impl FnOnce(&mut Tx<'_>) -> Outcome<T>) -> Outcome<T> {
        let done = self.pool.lease().map_err(Failure::from).and_then(|mut store| read(&mut store.single()));
        self.watch(done)
    }

    /// As [`Service::read`], for what follows from a court's books and the day: reckoned again only after the books went on, on
    /// the next day, or after a minute. `what` names it with all that it follows from besides, as who asks.
    ///
    /// # Errors
    /// What the reading says.
    pub fn recall<T: Send + Sync + 'static>(
        &self,
        court_id: i64,
        from: Books,
        what: String,
        read: impl FnOnce(&mut Tx<'_>) -> Outcome<T>,
    ) -> Outcome<Arc<T>> {
        let asked = self.recall.ask();
        let heads = self.read_single(|tx| recall::heads(tx, court_id, from))?;
        let reckon = || self.read(|tx| Ok((recall::heads(tx, court_id, from)?, read(tx)?)));
        let place = self.recall.place(court_id, what, asked);
        place.get(&self.recall, asked, &heads, self.clock.now(), reckon)
    }

    /// The roles of a court's people and its name.
    ///
    /// # Errors
    /// What the database says.
    pub fn register(&self, court_id: i64) -> Outcome<Arc<Register>> {
        self.recall(court_id, Books::Register, "register".to_owned(), |tx| {
            let court_name = chart::court_name(tx, court_id)?.unwrap_or_default();
            Ok(Register { roles: access::load_roles(tx, court_id)?, court_name })
        })
    }

    /// What somebody may do today.
    ///
    /// # Errors
    /// What the database says.
    pub fn standings(&self, person: &Actor) -> Outcome<BTreeSet<Standing>> {
        Ok(self.register(person.court_id)?.roles.of(person.person_id, self.clock.today_in_shanghai()))
    }

    /// As [`Service::read`] for a page that opens personal data without a command: with keys that count what they open, which
    /// is logged before anything is shown.
    ///
    /// # Errors
    /// What the reading says; it could not be logged.
    pub fn read_personal<T>(
        &self,
        person: &Actor,
        (words, subject): (&str, &str),
        read: impl FnOnce(&mut Tx<'_>, &Keys) -> Outcome<T>,
    ) -> Outcome<T> {
        let opened = Arc::default();
        let keys = self.keys.clone().counting(Arc::clone(&opened));
        let done = self.read(|tx| read(tx, &keys))?;
        let count = opened.load(std::sync::atomic::Ordering::Relaxed);
        if count > 0 {
            self.log_read(person, words, subject, i64::try_from(count).unwrap_or(i64::MAX))?;
        }
        Ok(done)
    }

    /// Changes something in a transaction that is committed when it is done.
    ///
    /// # Errors
    /// What the work says.
    pub fn write<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Outcome<T>) -> Outcome<T> {
        let done = self.pool.lease().map_err(Failure::from).and_then(|mut store| {
            let mut tx = store.begin()?;
            let done = work(&mut tx)?;
            tx.commit()?;
            Ok(done)
        });
        self.watch(done)
    }

    /// After something broke no connection is used again, for one of them may be why.
    fn watch<T>(&self, outcome: Outcome<T>) -> Outcome<T> {
        if matches!(outcome, Err(Failure::Broken(_))) {
            self.pool.discard_idle();
        }
        outcome
    }

    /// The courts of the database, with their names.
    ///
    /// # Errors
    /// What the database says.
    pub fn courts(&self) -> Outcome<Vec<(i64, String)>> {
        self.read(|tx| {
            let numbers = tx.query("SELECT DISTINCT court_id FROM court ORDER BY court_id", &[], |row| row.int(0))?;
            let mut courts = Vec::new();
            for court_id in numbers {
                courts.push((court_id, chart::court_name(tx, court_id)?.unwrap_or_default()));
            }
            Ok(courts)
        })
    }

    /// A context in which a command is run for somebody, with what it says kept.
    #[must_use]
    pub fn context(
        &self,
        person: &Actor,
        asked: &Asked,
        signer: Option<Arc<Signer>>,
        reached: Arc<Reached>,
    ) -> Context {
        self.context_in(person, asked, signer, reached, asked.folder())
    }

    /// As [`Service::context`], for a command whose files lie in a folder.
    fn context_in(
        &self,
        person: &Actor,
        asked: &Asked,
        signer: Option<Arc<Signer>>,
        reached: Arc<Reached>,
        folder: Option<&Path>,
    ) -> Context {
        let globals = Globals {
            court: person.court_id,
            acting_as: Some(person.name.clone()),
            json: false,
            lang: asked.language,
            date: None,
            request: asked.request.clone(),
            ..self.globals.clone()
        };
        let folder = folder.map(Path::to_owned);
        let served = Served { pool: Arc::clone(&self.pool), person: person.clone(), signer, folder };
        Context::of_service(globals, Output::keeping(asked.language, reached), self.clock, served)
    }

    /// Does what a person asks: at once, or as a job when it takes longer or a second person has to agree.
    ///
    /// # Errors
    /// `command.unknown_parameter`, `command.usage`; of a second person who was named `access.person_unknown`,
    /// `access.second_person_same`, `service.may_not_answer`; what the database says. What the command itself refuses
    /// stands in [`Ran::outcome`].
    pub fn ask(&self, person: &Actor, asked: &Asked) -> Outcome<Answered> {
        let entry = self
            .entry(asked.words)
            .ok_or_else(|| Message::new("service.command_unknown").with("command", asked.words))?;
        self.require_role(person, entry, asked)?;
        let second = entry.second_person().map(|second| second.name.as_str());
        let is_named = second.is_some_and(|second| asked.values.iter().any(|(name, _)| name == second));
        let needs_second = is_named || entry.second_person().is_some_and(|second| second.is_required);
        let state = match (entry.kind, needs_second) {
            (_, true) => State::Proposed,
            (Kind::Long, false) => State::Waiting,
            _ => return Ok(Answered::Ran(self.run(person, entry, asked, &Arc::default())?)),
        };
        self.check(entry, person, asked, second.filter(|_| needs_second && !is_named))?;
        self.require_answerable(person, second, asked)?;
        let job_id = self.add_job(entry, person, asked, state)?;
        if state == State::Waiting {
            self.wake_up();
        }
        Ok(Answered::Job(job_id, state))
    }

    /// Refuses what no role of this person is for before anything begins: the rooms refuse it too, but a job or a
    /// proposal would stand until they did.
    fn require_role(&self, person: &Actor, entry: &Entry, asked: &Asked) -> Outcome<()> {
        let standings = self.standings(person)?;
        let allowed = if entry.kind == Kind::ReadOrSet && asked.files.is_empty() {
            may::require_reading(person, &standings)
        } else {
            may::require(person, &standings, entry.words)
        };
        if allowed.is_err() {
            tracing::warn!(court = person.court_id, person = person.person_id, command = entry.words, "no role for it");
        }
        allowed
    }

    /// Refuses a proposal that waits for somebody who can never answer it.
    fn require_answerable(&self, person: &Actor, second: Option<&str>, asked: &Asked) -> Outcome<()> {
        let named = asked.values.iter().find(|(name, _)| second == Some(name.as_str()));
        let Some((_, named)) = named else { return Ok(()) };
        let named = self.read_single(|tx| access::find_actor(tx, person.court_id, named))?;
        if named.person_id == person.person_id {
            return Err(Message::new("access.second_person_same").with("name", &named.name).into());
        }
        require_answering(&named, &self.standings(&named)?)
    }

    /// Lets somebody of a court above read: [`access::upper::look`] says who they are there. Only what changes nothing.
    ///
    /// # Errors
    /// `service.command_unknown`, `command.unknown_parameter`, `command.usage`.
    pub fn look(
        &self,
        looking: &Actor,
        words: &'static str,
        values: Vec<(String, String)>,
        language: Language,
    ) -> Outcome<Ran> {
        let entry = self.entry(words).filter(|entry| entry.kind == Kind::Read);
        let entry = entry.ok_or_else(|| Message::new("service.command_unknown").with("command", words))?;
        let asked = Asked {
            words,
            values,
            files: Vec::new(),
            password: None,
            language,
            request: None,
            return_to: String::new(),
        };
        self.run(looking, entry, &asked, &Arc::default())
    }

    /// Records a job; the same request makes one job, however often it comes.
    fn add_job(&self, entry: &Entry, person: &Actor, asked: &Asked, state: State) -> Outcome<i64> {
        let mut randomness = Randomness::system();
        let now = self.clock.now();
        let payload = asked.payload();
        let request =
            asked.request.as_deref().map(|key| Request::new(entry.words, key, &[payload.as_bytes()])).transpose()?;
        let acting = self.acting(person);
        let added = self.pool.lease().map_err(Failure::from).and_then(|mut store| {
            request::once(&mut store, &acting, request.as_ref(), |tx| {
                let job_id = jobs::add(tx, &self.keys, &mut randomness, person, asked, state, now)?;
                Ok(Answer::new(&state.message(), json!({"job": job_id})))
            })
        });
        let answer = self.watch(added)?;
        answer.fields.get("job").and_then(serde_json::Value::as_i64).ok_or_else(|| {
            ankuan_ledger::Error::Inconsistent("a request that made a job does not name it".to_owned()).into()
        })
    }

    /// That a command could be run: a job that cannot be read would wait for nothing. Nobody is named as the second
    /// person yet, so anybody stands in that place while it is read.
    fn check(&self, entry: &Entry, person: &Actor, asked: &Asked, second: Option<&str>) -> Outcome<()> {
        // An argument must not be empty; nothing is written here.
        let mut values = given(entry, asked, Some(Path::new(WRITTEN)))?;
        values.extend(second.map(|second| (second.to_owned(), person.name.clone())));
        entry.command(&values)?;
        Ok(())
    }

    /// Runs a command for somebody, now.
    fn run(&self, person: &Actor, entry: &Entry, asked: &Asked, reached: &Arc<Reached>) -> Outcome<Ran> {
        let command = entry.command(&given(entry, asked, None)?)?;
        let signer = match &asked.password {
            Some(password) if entry.is_signed() => {
                let (mut store, now) = (self.lease()?, self.clock.now());
                let (court_id, name) = (person.court_id, &person.name);
                Some(Arc::new(credentials::unlock_signer(&mut store, court_id, name, password, now)?))
            }
            _ => None,
        };
        let context = self.context(person, asked, signer, Arc::clone(reached));
        self.run_logged(&context, person, entry, asked, &command)
    }

    /// Runs a command, and logs what it opened of personal data, or why it was refused, before anything of it is shown.
    fn run_logged(
        &self,
        context: &Context,
        person: &Actor,
        entry: &Entry,
        asked: &Asked,
        command: &Command,
    ) -> Outcome<Ran> {
        let outcome = self.watch(run_command(context, command));
        let opened = i64::try_from(context.details_opened()).unwrap_or(i64::MAX);
        let code = match &outcome {
            Err(Failure::Refused(message)) => Some(message.code),
            _ => None,
        };
        if opened > 0 {
            self.log_read(person, entry.words, &subject_of(&asked.values), opened)?;
        }
        if let Some(code) = code {
            self.log_refusal(person, entry.words, &subject_of(&asked.values), code)?;
        }
        let mut ran = Ran { said: context.output.said(), outcome };
        named::by_name(&mut ran, &asked.files);
        Ok(ran)
    }

    /// Logs that somebody opened personal data: how many sealed details, by which command, of what. To be called before
    /// anything of it is shown.
    ///
    /// # Errors
    /// It could not be logged: then nothing may be shown.
    pub fn log_read(&self, person: &Actor, words: &str, subject: &str, details: i64) -> Outcome<()> {
        self.log(person, reads::Kind::Read, words, subject, details, "")
    }

    /// Logs that something was refused to somebody.
    ///
    /// # Errors
    /// It could not be logged.
    pub fn log_refusal(&self, person: &Actor, words: &str, subject: &str, code: &str) -> Outcome<()> {
        self.log(person, reads::Kind::Refused, words, subject, 0, code)
    }

    fn log(
        &self,
        person: &Actor,
        kind: reads::Kind,
        words: &str,
        subject: &str,
        details: i64,
        code: &str,
    ) -> Outcome<()> {
        self.reads.log(reads::Entry {
            court_id: person.court_id,
            at: self.clock.now().as_microsecond(),
            person_id: person.person_id,
            kind,
            command: words.to_owned(),
            subject: subject.to_owned(),
            details,
            code: code.to_owned(),
        })
    }

    /// Whom a job waits for, where its proposer named somebody.
    #[must_use]
    pub fn named_second<'j>(&self, job: &'j Job) -> Option<&'j str> {
        let parameter = self.entry(&job.command)?.second_person()?;
        job.arguments.iter().find(|(name, _)| *name == parameter.name).map(|(_, value)| value.trim())
    }

    /// The second person agrees to a job, which then waits for a worker, or declines it. Who proposed it withdraws it by
    /// declining.
    ///
    /// # Errors
    /// `service.may_not_answer`, `service.job_for_another`, and those of [`jobs::answer`].
    pub fn answer(&self, job_id: i64, second: &Actor, agreed: bool, reason: &str) -> Outcome<()> {
        self.answer_if(job_id, second, agreed, reason, |_, _| Ok(()))
    }

    /// As [`Service::answer`], if the job is what the second person saw.
    ///
    /// # Errors
    /// As [`Service::answer`], and what `check` says.
    pub fn answer_if(
        &self,
        job_id: i64,
        second: &Actor,
        agreed: bool,
        reason: &str,
        check: impl FnOnce(&mut Tx<'_>, &Job) -> Outcome<()>,
    ) -> Outcome<()> {
        let standings = self.standings(second)?;
        self.write(|tx| {
            let job = jobs::find(tx, second.court_id, job_id)?;
            check(tx, &job)?;
            if job.person_id == second.person_id && !agreed {
                return jobs::withdraw(tx, &job, reason, self.clock.now());
            }
            require_answering(second, &standings)?;
            if let Some(named) = self.named_second(&job).filter(|named| *named != second.name) {
                return Err(Message::new("service.job_for_another").with("job", job_id).with("name", named).into());
            }
            jobs::answer(tx, &job, second, agreed, reason, self.clock.now())
        })?;
        self.wake_up();
        Ok(())
    }

    /// Whether somebody may answer a job: it waits for a second person who is not who proposed it, nor somebody else by
    /// name.
    fn may_answer(&self, person: &Actor, standings: &BTreeSet<Standing>, job: &Job) -> bool {
        job.state == State::Proposed
            && job.person_id != person.person_id
            && self.named_second(job).is_none_or(|named| named == person.name)
            && standings.iter().any(|standing| may::ANSWERING.contains(&standing.role))
    }

    /// A job as somebody looks at it. Whoever may answer sees everything that they would agree to, and that they saw it is
    /// logged; others see numbers masked and files by name.
    ///
    /// # Errors
    /// `service.job_unknown`; it could not be logged.
    pub fn seen(&self, person: &Actor, job_id: i64) -> Outcome<Seen> {
        let standings = self.standings(person)?;
        let (seen, opened) = self.read(|tx| {
            let job = jobs::find(tx, person.court_id, job_id)?;
            let may_answer = self.may_answer(person, &standings, &job);
            let arguments =
                if may_answer { jobs::whole_arguments(tx, &self.keys, &job)? } else { job.arguments.clone() };
            let mut given = Vec::new();
            let mut written = Vec::new();
            for file in jobs::files(tx, job.court_id, job_id)? {
                if file.parameter.is_empty() {
                    written.push(file);
                    continue;
                }
                let (mut digest, mut text) = (None, None);
                if job.state == State::Proposed {
                    let bytes = jobs::file_bytes(tx, &self.keys, job.court_id, job_id, file.file_no)?;
                    digest = Some(ankuan_ledger::chain::sha256(&[&bytes]));
                    let is_short = bytes.len() <= SHOWN_BYTES_MAX;
                    text =
                        Some(bytes).filter(|_| may_answer && is_short).and_then(|bytes| String::from_utf8(bytes).ok());
                }
                given.push(GivenFile { file, digest, text });
            }
            let opened = arguments != job.arguments || given.iter().any(|given| given.text.is_some());
            Ok((Seen { job, arguments, given, written, may_answer }, opened))
        })?;
        if opened {
            self.log_read(person, "job", &format!("job={job_id}"), 1)?;
        }
        Ok(seen)
    }

    /// A file of a job: for whom it ran or who agreed to it, and one that was given also for whoever may still answer. That
    /// they take it is logged, for it may tell of people.
    ///
    /// # Errors
    /// `service.job_unknown`; it could not be logged.
    pub fn job_file(&self, person: &Actor, job_id: i64, file_no: i64) -> Outcome<JobFile> {
        let unknown = || Message::new("service.job_unknown").with("job", job_id);
        let standings = self.standings(person)?;
        let file = self.read(|tx| {
            let job = jobs::find(tx, person.court_id, job_id)?;
            let has_agreed = job.second_person_id == Some(person.person_id) && job.state != State::Declined;
            let may_answer = self.may_answer(person, &standings, &job);
            if job.person_id != person.person_id && !has_agreed && !may_answer {
                return Err(unknown().into());
            }
            let files = jobs::files(tx, person.court_id, job_id)?;
            files.into_iter().find(|file| file.file_no == file_no).ok_or_else(|| unknown().into())
        })?;
        self.log_read(person, "job file", &format!("job={job_id} {}", file.name), 1)?;
        Ok(file)
    }

    /// A file of a released run and how many bytes it has: nothing is recorded in the books. That somebody takes it is
    /// logged, for each of its lines names a person and an account.
    ///
    /// # Errors
    /// Those of [`release::find_file`]; it could not be logged.
    pub fn bank_file(&self, person: &Actor, number: &str, name: &str) -> Outcome<(BankFile, i64)> {
        let (file, byte_count) = self.find_bank_file(person, number, name)?;
        self.log_read(person, "bank file", &format!("run={number} {}", file.name), file.line_count)?;
        Ok((file, byte_count))
    }

    /// As [`Service::bank_file`], for whoever asks of it and takes nothing.
    ///
    /// # Errors
    /// Those of [`release::find_file`].
    pub fn find_bank_file(&self, person: &Actor, number: &str, name: &str) -> Outcome<(BankFile, i64)> {
        let acting = self.acting(person);
        self.read(|tx| release::find_file(tx, &acting, number, name))
    }

    /// Records that a file of a released run is handed over; the same request records it once. The file itself is
    /// [`Service::bank_file`].
    ///
    /// # Errors
    /// Those of [`release::hand_over`]; `request.key`, `request.differs`.
    pub fn hand_over(&self, person: &Actor, (number, name): (&str, &str), request: &str) -> Outcome<()> {
        let payload = json!([number, name]).to_string();
        let request = Request::new("payout hand-over", request, &[payload.as_bytes()])?;
        let acting = self.acting(person);
        let recorded = self.pool.lease().map_err(Failure::from).and_then(|mut store| {
            request::once(&mut store, &acting, Some(&request), |tx| {
                release::hand_over(tx, &acting, number, name)?;
                Ok(Answer::new(&Message::new("payouts.handed_over").with("file", name), json!({})))
            })
        });
        self.watch(recorded).map(drop)
    }

    /// Gives a file of a released run, part by part.
    ///
    /// # Errors
    /// What the database or `take` says.
    pub fn bank_file_parts(
        &self,
        court_id: i64,
        document_id: i64,
        take: &mut dyn FnMut(&[u8]) -> Outcome<()>,
    ) -> Outcome<()> {
        self.read(|tx| documents::each_chunk(tx, &self.keys, books::case_money(court_id), document_id, take))
    }

    fn acting(&self, person: &Actor) -> Acting {
        Acting { actor: person.clone(), at: self.clock.now(), date: self.clock.today_in_shanghai() }
    }

    /// Gives a file of a job, part by part.
    ///
    /// # Errors
    /// What the database or `take` says.
    pub fn job_file_parts(
        &self,
        (court_id, job_id, file_no): (i64, i64, i64),
        take: &mut dyn FnMut(&[u8]) -> Outcome<()>,
    ) -> Outcome<()> {
        self.read(|tx| jobs::each_part(tx, &self.keys, (court_id, job_id, file_no), take))
    }

    /// How far a job is that this process runs.
    #[must_use]
    pub fn reached(&self, court_id: i64, job_id: i64) -> Option<Arc<Reached>> {
        lock(&self.running).get(&(court_id, job_id)).cloned()
    }

    /// Tells the workers that there is something to do.
    pub fn wake_up(&self) {
        lock(&self.wake.0).has_work = true;
        self.wake.1.notify_all();
    }

    /// Lets the workers end what they do and begin nothing more.
    pub fn stop(&self) {
        lock(&self.wake.0).is_stopping = true;
        self.wake.1.notify_all();
    }

    /// Whether [`Service::stop`] was called: what lasts longer ends then.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        lock(&self.wake.0).is_stopping
    }

    /// That nothing keeps it from answering: it does not stop, the database answers and has our schema, the workers run.
    ///
    /// # Errors
    /// `service.stopping`, `service.schema_missing`, `service.worker_missing`; what the database says.
    pub fn ready(&self) -> Outcome<()> {
        if self.is_stopping() {
            return Err(Message::new("service.stopping").into());
        }
        if self.workers() < self.size.workers {
            return Err(Message::new("service.worker_missing").into());
        }
        if lock(&self.wake.0).deliverers == 0 {
            return Err(Message::new("service.deliverer_missing").into());
        }
        let mut store = self.lease()?;
        let missing = self.watch(schema::missing_steps(&mut store))?;
        match missing.first() {
            None => Ok(()),
            Some(step) => Err(Message::new("service.schema_missing").with("step", step).into()),
        }
    }

    /// How many workers run; fewer than were started when one broke.
    #[must_use]
    pub fn workers(&self) -> usize {
        lock(&self.wake.0).workers
    }

    /// Starts the threads that run jobs, and the one that delivers to webhooks; they end after [`Service::stop`].
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start_workers(self: &Arc<Self>) -> std::io::Result<()> {
        for number in 0..self.size.workers {
            let service = Arc::clone(self);
            lock(&self.wake.0).workers += 1;
            let counted = Counted(Arc::clone(self), |awake| &mut awake.workers);
            std::thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                let _counted = counted;
                give_way();
                if number == 0 {
                    service.count_rows(Store::count_rows_never_counted);
                }
                service.work();
            })?;
        }
        let service = Arc::clone(self);
        lock(&self.wake.0).deliverers += 1;
        let counted = Counted(Arc::clone(self), |awake| &mut awake.deliverers);
        std::thread::Builder::new().name("webhooks".to_owned()).spawn(move || {
            let _counted = counted;
            service.deliver();
        })?;
        Ok(())
    }

    /// Waits until the workers have ended what they do, but not for ever: what still runs then is let go, so that another
    /// process does it. Nothing of it is committed once this process has ended, and if it was just before, doing it again
    /// changes nothing.
    ///
    /// # Errors
    /// What the database says of letting go.
    pub fn await_workers(&self, most: Duration) -> Outcome<()> {
        let wait =
            self.wake.1.wait_timeout_while(lock(&self.wake.0), most, |awake| awake.workers + awake.deliverers > 0);
        let left = wait.unwrap_or_else(PoisonError::into_inner).0.workers;
        // A SQLite file may be held by the very job; whoever serves it next lets it go.
        if left > 0 && !self.is_alone() {
            self.write(|tx| jobs::let_go(tx, &self.owner))?;
        }
        Ok(())
    }

    /// Whether no other process can serve this database.
    fn is_alone(&self) -> bool {
        self.globals.database.starts_with("sqlite:")
    }

    fn work(&self) {
        loop {
            match self.take_job() {
                Ok(Some(job)) => {
                    self.run_job(&job);
                    let grown = self.pool.take_grown();
                    if !grown.is_empty() {
                        self.count_rows(|store| store.count_rows_of(&grown));
                    }
                    // There may be more, unless this was the last thing to do.
                    if self.is_stopping() {
                        return;
                    }
                    continue;
                }
                Ok(None) => {}
                Err(failure) => tracing::error!(failure = failure.for_log(), "looking for jobs"),
            }
            let awake = lock(&self.wake.0);
            let idle = |awake: &mut Awake| !awake.has_work && !awake.is_stopping;
            let woken = self.wake.1.wait_timeout_while(awake, LOOK_AGAIN, idle);
            let mut awake = woken.unwrap_or_else(PoisonError::into_inner).0;
            if awake.is_stopping {
                return;
            }
            awake.has_work = false;
        }
    }

    /// Has the database count what it has not counted: what is asked next would be planned for tables that were small. Without
    /// that it is slow for a minute, and right.
    fn count_rows(&self, count: impl FnOnce(&mut Store) -> Result<(), ankuan_ledger::Error>) {
        if let Err(error) = self.pool.lease().and_then(|mut store| count(&mut store)) {
            tracing::warn!(%error, "rows were not counted");
        }
    }

    /// Delivers to webhooks, one after another: what hangs holds the others up for seconds, and then pauses longer each time.
    fn deliver(&self) {
        loop {
            match self.deliver_due() {
                // There may be more.
                Ok(true) if !self.is_stopping() => continue,
                Ok(_) => {}
                Err(failure) => tracing::error!(failure = failure.for_log(), "delivering to webhooks"),
            }
            let awake = lock(&self.wake.0);
            let woken = self.wake.1.wait_timeout_while(awake, LOOK_AGAIN, |awake| !awake.is_stopping);
            if woken.unwrap_or_else(PoisonError::into_inner).0.is_stopping {
                return;
            }
        }
    }

    /// Delivers once to each webhook for which there is something; whether anything was sent.
    ///
    /// # Errors
    /// What the database says.
    pub fn deliver_due(&self) -> Outcome<bool> {
        let mut has_sent = false;
        for (court_id, _) in self.courts()? {
            // Asked without writing first, as for jobs.
            for webhook_id in self.read(|tx| delivery::due(tx, court_id, self.clock.now()))? {
                if self.is_stopping() {
                    return Ok(has_sent);
                }
                let one = (court_id, webhook_id);
                let sent = self.pool.lease().map_err(Failure::from).and_then(|mut store| {
                    delivery::deliver(&mut store, &self.keys, &self.webhooks, &self.owner, self.clock, one)
                });
                match self.watch(sent) {
                    Ok(sent) => has_sent |= sent,
                    // The others are told all the same.
                    Err(failure) => {
                        let failure = failure.for_log();
                        tracing::error!(court = court_id, webhook = webhook_id, failure, "delivering to a webhook");
                    }
                }
            }
        }
        Ok(has_sent)
    }

    fn take_job(&self) -> Outcome<Option<Job>> {
        let now = self.clock.now();
        // Asked without writing first: a worker that only looks must not wait for whoever writes.
        for court_id in self.read_single(|tx| jobs::courts_with_work(tx, now))? {
            let lease_until = if self.is_alone() { i64::MAX } else { jobs::lease_from(now) };
            if let Some(job) = self.write(|tx| jobs::take(tx, court_id, &self.owner, now, lease_until))? {
                // There may be more; another worker looks while this one works.
                self.wake_up();
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn run_job(&self, job: &Job) {
        let (reached, watch) = (Arc::new(Reached::default()), Stopwatch::start());
        lock(&self.running).insert((job.court_id, job.job_id), Arc::clone(&reached));
        let stopped = Arc::new((Mutex::new(false), Condvar::new()));
        let end = std::thread::scope(|scope| {
            let alive = scope.spawn(|| self.keep_alive(job, &reached, &stopped));
            // A mistake in a command must not hold this worker, nor renew the lease for ever.
            let ran = catch_unwind(AssertUnwindSafe(|| self.run_kept(job, &reached)));
            let end = ran.unwrap_or_else(|_| Err(panicked())).unwrap_or_else(|failure| {
                tracing::error!(job = job.job_id, failure = failure.for_log(), "a job could not be run");
                end_of(Ran { said: Said::default(), outcome: Err(failure) }, job.language)
            });
            *lock(&stopped.0) = true;
            stopped.1.notify_all();
            let _ended = alive.join();
            end
        });
        let ended = self.write(|tx| {
            let is_ours = jobs::end(tx, job, &self.owner, &end, self.clock.now())?;
            // Its files stand with the job now, and nobody does it again.
            if is_ours && end.state == State::Done {
                request_files::forget(tx, job.court_id, job.person_id, &request_of(job))?;
            }
            Ok(is_ours)
        });
        lock(&self.running).remove(&(job.court_id, job.job_id));
        self.metrics.job_ended(end.state);
        let (state, micros) = (end.state.as_str(), watch.micros());
        let (court, person, command) = (job.court_id, job.person_id, job.command.as_str());
        tracing::info!(court, job = job.job_id, command, state, code = end.code, micros, person, "job ended");
        if let Err(failure) = ended {
            // It stays `running` until its lease ends, or the next start, and is begun again, which changes nothing that
            // was done.
            tracing::error!(job = job.job_id, failure = failure.for_log(), "the end of a job could not be written");
        }
    }

    /// Renews the lease while a job runs. On SQLite the job itself may hold the file, and the lease has no end.
    fn keep_alive(&self, job: &Job, reached: &Reached, stopped: &(Mutex<bool>, Condvar)) {
        let pause = Duration::from_secs(jobs::LEASE_SECONDS.unsigned_abs() / 3);
        let mut has_stopped = lock(&stopped.0);
        while !*has_stopped {
            let (again, waited) = stopped.1.wait_timeout(has_stopped, pause).unwrap_or_else(PoisonError::into_inner);
            has_stopped = again;
            if *has_stopped || !waited.timed_out() || self.is_alone() {
                continue;
            }
            let steps = steps(reached);
            if let Err(failure) = self.write(|tx| jobs::renew(tx, job, &self.owner, steps, self.clock.now())) {
                tracing::warn!(job = job.job_id, failure = failure.for_log(), "a lease could not be renewed");
            }
        }
    }

    /// Runs a job with the files that were kept for it, and keeps those that it writes.
    fn run_kept(&self, job: &Job, reached: &Arc<Reached>) -> Outcome<End> {
        let folder = tempfile::tempdir()?;
        let entry = self
            .entry(&job.command)
            .ok_or_else(|| Message::new("service.command_unknown").with("command", &job.command))?;
        let (person, second, files) = self.read(|tx| {
            let person = access::person_by_id(tx, job.court_id, job.person_id)?;
            let second = job.second_person_id.map(|id| access::person_by_id(tx, job.court_id, id)).transpose()?;
            let mut files = Vec::new();
            for file in jobs::files(tx, job.court_id, job.job_id)? {
                if file.parameter.is_empty() {
                    continue;
                }
                let bytes = jobs::file_bytes(tx, &self.keys, job.court_id, job.job_id, file.file_no)?;
                let path = folder.path().join(file.file_no.to_string()).join(&file.name);
                std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))?;
                std::fs::write(&path, bytes)?;
                files.push(Upload { parameter: file.parameter, name: file.name, path });
            }
            Ok((person, second, files))
        })?;
        let mut values = self.read(|tx| jobs::whole_arguments(tx, &self.keys, job))?;
        if let (Some(second), Some(parameter)) = (&second, entry.second_person()) {
            values.retain(|(name, _)| *name != parameter.name);
            values.push((parameter.name.clone(), second.name.clone()));
        }
        let given_files = files.len();
        let asked = Asked {
            words: entry.words,
            values,
            files,
            password: None,
            language: job.language,
            request: Some(request_of(job)),
            return_to: String::new(),
        };
        let written = folder.path().join(WRITTEN);
        std::fs::create_dir(&written)?;
        let command = entry.command(&given(entry, &asked, Some(&written))?)?;
        let context = self.context_in(&person, &asked, None, Arc::clone(reached), Some(folder.path()));
        let ran = self.run_logged(&context, &person, entry, &asked, &command)?;
        stop::at("job run");
        let files = written_files(&written)?;
        if !files.is_empty() {
            let mut randomness = Randomness::system();
            self.write(|tx| {
                // Begun a second time, it wrote them before.
                tx.execute(
                    "DELETE FROM job_file WHERE court_id = $1 AND job_id = $2 AND parameter = ''",
                    &[job.court_id.into(), job.job_id.into()],
                )?;
                for (file_no, path) in (given_files as i64 + 1..).zip(&files) {
                    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
                    let bytes = std::fs::read(path)?;
                    let key = (job.court_id, job.job_id, file_no);
                    jobs::keep_file(tx, &self.keys, &mut randomness, key, "", &name, &bytes)?;
                }
                Ok(())
            })?;
        }
        Ok(end_of(ran, job.language))
    }
}

/// Refuses whoever has no role that answers for what somebody else proposed.
fn require_answering(person: &Actor, standings: &BTreeSet<Standing>) -> Outcome<()> {
    if standings.iter().any(|standing| may::ANSWERING.contains(&standing.role)) {
        return Ok(());
    }
    Err(Message::new("service.may_not_answer").with("person", &person.name).into())
}

/// Lets whoever waits for a page come before this thread and those that it begins. Where the system cannot do that for one
/// thread, they take turns.
#[cfg(target_os = "linux")]
fn give_way() {
    const LESS_URGENT: i32 = 10;
    if let Err(error) = rustix::process::nice(LESS_URGENT) {
        tracing::debug!(%error, "jobs run like everything else");
    }
}

#[cfg(not(target_os = "linux"))]
const fn give_way() {}

/// Steps done and in all: never more than all, which may have been an estimate.
#[must_use]
pub fn steps(reached: &Reached) -> (i64, i64) {
    use std::sync::atomic::Ordering::Relaxed;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let total = number(reached.total.load(Relaxed));
    (number(reached.done.load(Relaxed)).min(total), total)
}

/// A panic, as something that broke. What it said stands on standard error and nowhere else: it may be somebody's name.
fn panicked() -> Failure {
    std::io::Error::other("a mistake in the program, which standard error tells of").into()
}

/// The key of the request under which a job runs, however often it is begun.
fn request_of(job: &Job) -> String {
    format!("job-{}", job.job_id)
}

/// How a command ended, as a job keeps it.
fn end_of(ran: Ran, language: Language) -> End {
    let mut said = ran.said;
    let (state, code) = match ran.outcome {
        Ok(Exit::Done) => (State::Done, String::new()),
        // What was wrong stands in what it said.
        Ok(_) => (State::Refused, String::new()),
        Err(Failure::Refused(message)) => {
            said.pieces.insert(0, crate::cli::output::Piece::Line(message.text(language)));
            (State::Refused, message.code.to_owned())
        }
        Err(Failure::Broken(error)) => {
            tracing::error!(%error, "a job broke");
            (State::Broken, "command.broken".to_owned())
        }
    };
    End { state, code, said }
}

/// The values of a command with the paths of its files; what a job writes goes to `written`.
fn given(entry: &Entry, asked: &Asked, written: Option<&Path>) -> Outcome<Vec<(String, String)>> {
    let mut values = Vec::new();
    for (name, value) in &asked.values {
        if entry.parameter(name).is_some_and(|parameter| matches!(parameter.takes, Takes::File | Takes::Output)) {
            return Err(Message::new("service.file_is_uploaded").with("name", name).into());
        }
        values.push((name.clone(), value.clone()));
    }
    for file in &asked.files {
        if entry.parameter(&file.parameter).is_none_or(|parameter| parameter.takes != Takes::File) {
            return Err(Message::new("service.no_file_here").with("name", &file.parameter).into());
        }
        values.push((file.parameter.clone(), file.path.to_string_lossy().into_owned()));
    }
    if let Some(written) = written {
        for parameter in entry.parameters.iter().filter(|parameter| parameter.takes == Takes::Output) {
            let name = match parameter.name.as_str() {
                "problems" => "problems.csv",
                "csv" => "table.csv",
                "xlsx" => "table.xlsx",
                "code_to" => "bounty-code.txt",
                _ => "",
            };
            values.push((parameter.name.clone(), written.join(name).to_string_lossy().into_owned()));
        }
    }
    Ok(values)
}

/// What the folder is called into which a job writes, in the job's own.
const WRITTEN: &str = "written";

/// Arguments that say of what a command speaks, the narrowest first.
const SUBJECTS: &[&str] =
    &["claim", "payee", "asset", "asset_id", "sheet", "run", "distribution", "list", "case", "number", "reference"];

/// What a command speaks of, for the read log.
fn subject_of(values: &[(String, String)]) -> String {
    const LETTERS_MAX: usize = 120;
    let found = SUBJECTS.iter().find_map(|subject| values.iter().find(|(name, _)| name == subject));
    found.map_or_else(String::new, |(name, value)| format!("{name}={value}").chars().take(LETTERS_MAX).collect())
}

/// A thread, counted until it ends, however it ends.
struct Counted(Arc<Service>, fn(&mut Awake) -> &mut usize);

impl Drop for Counted {
    fn drop(&mut self) {
        *(self.1)(&mut lock(&self.0.wake.0)) -= 1;
        self.0.wake.1.notify_all();
    }
}

/// Every file below a folder, by name.
fn written_files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(written_files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// A lock whose holder panicked guards values that are whole at any moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
