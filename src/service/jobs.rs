//! Jobs: commands that are run later: by a worker, because they take longer or leave files, or when a second person has
//! agreed. A job is a row, so it survives the process; what it does may be done again, so a job that was cut off is
//! begun anew.

use ankuan_ledger::Tx;
use ankuan_ledger::engine::{Row, Statement, Value};
use jiff::Timestamp;

use super::Asked;
use crate::access::Actor;
use crate::cli::output::Said;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::personal;
use crate::documents::rotation::Sealed;
use crate::words::{read_word, words};
use crate::{Language, Message, Outcome};

/// How long a job that is running may be silent before whoever runs it is taken for dead. Renewed every third of it.
pub const LEASE_SECONDS: i64 = 60;

/// Bytes of a part of a file: a row of a size that both databases take well.
const PART_BYTES: usize = 1 << 20;

words! {
    /// Where a job stands.
    State {
        /// Waits for a second person.
        Proposed = "proposed",
        /// The second person said no, or whoever proposed it withdrew it.
        Declined = "declined",
        /// Waits for a worker.
        Waiting = "waiting",
        /// Is being run.
        Running = "running",
        /// Did what was asked.
        Done = "done",
        /// A rule said no.
        Refused = "refused",
        /// Something broke.
        Broken = "broken",
    }
}

impl State {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Proposed => "service.job_proposed",
            Self::Declined => "service.job_declined",
            Self::Waiting => "service.job_waiting",
            Self::Running => "service.job_running",
            Self::Done => "service.job_done",
            Self::Refused => "service.job_refused",
            Self::Broken => "service.job_broken",
        })
    }

    /// Whether nothing more will come.
    #[must_use]
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Declined | Self::Done | Self::Refused | Self::Broken)
    }
}

/// A job as it stands.
#[derive(Clone, Debug)]
pub struct Job {
    /// Court.
    pub court_id: i64,
    /// Its number in the court.
    pub job_id: i64,
    /// For whom it runs.
    pub person_id: i64,
    /// The command's words.
    pub command: String,
    /// What it was given, by name.
    pub arguments: Vec<(String, String)>,
    /// In which language its result is written.
    pub language: Language,
    /// The page it was begun on.
    pub return_to: String,
    /// Where it stands.
    pub state: State,
    /// Who agreed or declined; nobody where it was withdrawn.
    pub second_person_id: Option<i64>,
    /// Why it was declined, or that it was withdrawn.
    pub reason: String,
    /// Steps done and in all, as last written.
    pub steps: (i64, i64),
    /// The refusal's code.
    pub code: String,
    /// What it said.
    pub said: Said,
    /// When it was asked for (µs).
    pub made_at: i64,
    /// When it ended (µs).
    pub ended_at: Option<i64>,
}

impl Job {
    /// Where it stands, in words.
    #[must_use]
    pub const fn state_message(&self) -> Message {
        match (self.state, self.second_person_id) {
            (State::Declined, None) => Message::new("service.job_withdrawn"),
            (state, _) => state.message(),
        }
    }
}

/// Arguments that tell of people. In the row they stand masked; whole, they are sealed like a file of the job.
const PERSONAL: &[&str] = &["account", "document_number", "identifier", "telephone"];

/// The file in which such arguments are; those that were given or written have numbers from 1.
const ARGUMENTS_FILE: i64 = 0;

/// A question whose rows are jobs, as [`read`] reads them.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT court_id, job_id, person_id, command, arguments, language, return_to, state, second_person_id, ",
            "reason, done_steps, total_steps, code, said, made_at, ended_at FROM job WHERE ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> ankuan_ledger::engine::Result<Job> {
    let json = |error: serde_json::Error| ankuan_ledger::engine::Error::Inconsistent(format!("a job: {error}"));
    let said = row.text(13)?;
    Ok(Job {
        court_id: row.int(0)?,
        job_id: row.int(1)?,
        person_id: row.int(2)?,
        command: row.text(3)?.to_owned(),
        arguments: serde_json::from_str(row.text(4)?).map_err(json)?,
        language: if row.text(5)? == "en" { Language::En } else { Language::Zh },
        return_to: row.text(6)?.to_owned(),
        state: read_word(row, 7, State::parse)?,
        second_person_id: row.opt_int(8)?,
        reason: row.text(9)?.to_owned(),
        steps: (row.int(10)?, row.int(11)?),
        code: row.text(12)?.to_owned(),
        said: if said.is_empty() { Said::default() } else { serde_json::from_str(said).map_err(json)? },
        made_at: row.int(14)?,
        ended_at: row.opt_int(15)?,
    })
}

/// The next number of a kind in a court.
///
/// # Errors
/// What the database says.
pub fn next_number(tx: &mut Tx<'_>, court_id: i64, kind: &'static str) -> Outcome<i64> {
    Ok(tx.query_one(
        "INSERT INTO service_number (court_id, kind, last_no) VALUES ($1, $2, 1) \
         ON CONFLICT (court_id, kind) DO UPDATE SET last_no = service_number.last_no + 1 RETURNING last_no",
        &[court_id.into(), kind.into()],
        |row| row.int(0),
    )?)
}

/// Records a job with the files it was given. It waits for a second person where `state` says so, else for a worker.
///
/// # Errors
/// What the database or a file says.
pub fn add(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    person: &Actor,
    asked: &Asked,
    state: State,
    now: Timestamp,
) -> Outcome<i64> {
    let job_id = next_number(tx, person.court_id, "job")?;
    let is_personal = |name: &str| PERSONAL.contains(&name);
    let mask = |(name, value): &(String, String)| {
        (name.clone(), if is_personal(name) { personal::mask(value) } else { value.clone() })
    };
    let masked: Vec<(String, String)> = asked.values.iter().map(mask).collect();
    let arguments = serde_json::to_string(&masked).map_err(std::io::Error::from)?;
    tx.execute(
        "INSERT INTO job (court_id, job_id, person_id, command, arguments, language, return_to, state, reason, attempt, \
         owner, lease_until, done_steps, total_steps, code, said, made_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', 0, '', 0, 0, 0, '', '', $9)",
        &[
            person.court_id.into(),
            job_id.into(),
            person.person_id.into(),
            asked.words.into(),
            arguments.as_str().into(),
            asked.language.locale().into(),
            asked.return_to.as_str().into(),
            state.as_str().into(),
            now.as_microsecond().into(),
        ],
    )?;
    if asked.values.iter().any(|(name, _)| is_personal(name)) {
        let whole = serde_json::to_vec(&asked.values).map_err(std::io::Error::from)?;
        let key = (person.court_id, job_id, ARGUMENTS_FILE);
        keep_file(tx, keys, randomness, key, "arguments", "arguments.json", &whole)?;
    }
    for (file_no, file) in (1..).zip(&asked.files) {
        let bytes = std::fs::read(&file.path)?;
        keep_file(tx, keys, randomness, (person.court_id, job_id, file_no), &file.parameter, &file.name, &bytes)?;
    }
    Ok(job_id)
}

/// Keeps a file of a job, sealed.
///
/// # Errors
/// What the database says.
pub fn keep_file(
    tx: &mut Tx<'_>,
    keys: &Keys,
    randomness: &mut Randomness,
    (court_id, job_id, file_no): (i64, i64, i64),
    parameter: &str,
    name: &str,
    bytes: &[u8],
) -> Outcome<()> {
    // An empty file has one empty part.
    let parts = bytes.chunks(PART_BYTES).chain(bytes.is_empty().then_some(&[][..]));
    for (part_no, part) in (1..).zip(parts) {
        let mut sealed = Vec::with_capacity(part.len() + 64);
        let nonce = randomness.bytes().map_err(std::io::Error::other)?;
        keys.seal(nonce, &place(court_id, job_id, file_no, part_no), part, &mut sealed)?;
        tx.execute(
            "INSERT INTO job_file (court_id, job_id, file_no, part_no, parameter, name, part) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                court_id.into(),
                job_id.into(),
                file_no.into(),
                part_no.into(),
                parameter.into(),
                name.into(),
                Value::Bytes(&sealed),
            ],
        )?;
    }
    Ok(())
}

fn place(court_id: i64, job_id: i64, file_no: i64, part_no: i64) -> Vec<u8> {
    let mut place = b"job_file".to_vec();
    for number in [court_id, job_id, file_no, part_no] {
        place.extend_from_slice(&number.to_be_bytes());
    }
    place
}

/// What is sealed of jobs.
pub(crate) const SEALED_FILES: Sealed = Sealed {
    table: "job_file",
    key: &["court_id", "job_id", "file_no", "part_no"],
    column: "part",
    page: "SELECT court_id, job_id, file_no, part_no, part FROM job_file \
           WHERE (court_id, job_id, file_no, part_no) > ($1, $2, $3, $4) \
           ORDER BY court_id, job_id, file_no, part_no LIMIT 16",
    place: |row| Ok(place(row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?)),
};

/// A file of a job: its number, the argument it was given for (empty: it was written), its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFile {
    /// Its number in the job.
    pub file_no: i64,
    /// The argument it was given for; empty for one that was written.
    pub parameter: String,
    /// Its name.
    pub name: String,
}

/// The files of a job.
///
/// # Errors
/// What the database says.
pub fn files(tx: &mut Tx<'_>, court_id: i64, job_id: i64) -> Outcome<Vec<JobFile>> {
    Ok(tx.query(
        "SELECT file_no, parameter, name FROM job_file WHERE court_id = $1 AND job_id = $2 AND part_no = 1 \
         AND file_no > $3 ORDER BY file_no",
        &[court_id.into(), job_id.into(), ARGUMENTS_FILE.into()],
        |row| Ok(JobFile { file_no: row.int(0)?, parameter: row.text(1)?.to_owned(), name: row.text(2)?.to_owned() }),
    )?)
}

/// The arguments of a job as they were given, with those that stand masked in [`Job::arguments`].
///
/// # Errors
/// `keys.cannot_open`; what the database says.
pub fn whole_arguments(tx: &mut Tx<'_>, keys: &Keys, job: &Job) -> Outcome<Vec<(String, String)>> {
    if !job.arguments.iter().any(|(name, _)| PERSONAL.contains(&name.as_str())) {
        return Ok(job.arguments.clone());
    }
    let bytes = file_bytes(tx, keys, job.court_id, job.job_id, ARGUMENTS_FILE)?;
    // Jobs of an earlier version have them in the row.
    if bytes.is_empty() {
        return Ok(job.arguments.clone());
    }
    Ok(serde_json::from_slice(&bytes).map_err(std::io::Error::from)?)
}

/// The bytes of a file of a job, part by part.
///
/// # Errors
/// `keys.cannot_open`; what the database or `take` says.
pub fn each_part(
    tx: &mut Tx<'_>,
    keys: &Keys,
    (court_id, job_id, file_no): (i64, i64, i64),
    take: &mut dyn FnMut(&[u8]) -> Outcome<()>,
) -> Outcome<()> {
    tx.each(
        "SELECT part_no, part FROM job_file WHERE court_id = $1 AND job_id = $2 AND file_no = $3 ORDER BY part_no",
        &[court_id.into(), job_id.into(), file_no.into()],
        |row| {
            let mut sealed = row.bytes(1)?.to_vec();
            take(keys.open(&place(court_id, job_id, file_no, row.int(0)?), &mut sealed)?)
        },
    )
}

/// The bytes of a file of a job.
///
/// # Errors
/// As [`each_part`].
pub fn file_bytes(tx: &mut Tx<'_>, keys: &Keys, court_id: i64, job_id: i64, file_no: i64) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    each_part(tx, keys, (court_id, job_id, file_no), &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}

/// A job by its number.
///
/// # Errors
/// `service.job_unknown`.
pub fn find(tx: &mut Tx<'_>, court_id: i64, job_id: i64) -> Outcome<Job> {
    tx.query_opt(select!("court_id = $1 AND job_id = $2"), &[court_id.into(), job_id.into()], read)?
        .ok_or_else(|| Message::new("service.job_unknown").with("job", job_id).into())
}

/// The newest jobs of a person, or of all who work in the court.
///
/// # Errors
/// What the database says.
pub fn newest(tx: &mut Tx<'_>, court_id: i64, person_id: Option<i64>, most: i64) -> Outcome<Vec<Job>> {
    Ok(tx.query(
        select!("court_id = $1 AND (CAST($2 AS BIGINT) IS NULL OR person_id = $2) ORDER BY job_id DESC LIMIT $3"),
        &[court_id.into(), person_id.into(), most.into()],
        read,
    )?)
}

/// A page of the jobs of a court, newest first: those below a number, of one person where one is given.
///
/// # Errors
/// What the database says.
pub fn before(tx: &mut Tx<'_>, court_id: i64, person_id: Option<i64>, below: i64, most: i64) -> Outcome<Vec<Job>> {
    Ok(tx.query(
        select!(
            "court_id = $1 AND job_id < $2 AND (CAST($3 AS BIGINT) IS NULL OR person_id = $3) \
             ORDER BY job_id DESC LIMIT $4"
        ),
        &[court_id.into(), below.into(), person_id.into(), most.into()],
        read,
    )?)
}

/// What waits for a second person, oldest first; never one's own.
///
/// # Errors
/// What the database says.
pub fn proposed(tx: &mut Tx<'_>, court_id: i64, except_person_id: i64) -> Outcome<Vec<Job>> {
    Ok(tx.query(
        select!("court_id = $1 AND state = 'proposed' AND person_id <> $2 ORDER BY job_id"),
        &[court_id.into(), except_person_id.into()],
        read,
    )?)
}

/// The second person agrees, and the job waits for a worker; or declines with a reason, and it ends.
///
/// # Errors
/// `service.job_not_proposed` (somebody was quicker), `service.job_own`, `web.reason_missing`.
pub fn answer(tx: &mut Tx<'_>, job: &Job, second: &Actor, agreed: bool, reason: &str, now: Timestamp) -> Outcome<()> {
    if job.person_id == second.person_id {
        return Err(Message::new("service.job_own").into());
    }
    if !agreed && reason.is_empty() {
        return Err(Message::new("web.reason_missing").into());
    }
    let (state, ended_at) = if agreed { (State::Waiting, None) } else { (State::Declined, Some(now.as_microsecond())) };
    leave_proposed(tx, job, state, Some(second.person_id), reason, ended_at)?;
    if agreed { Ok(()) } else { number_end(tx, job) }
}

/// Whoever proposed a job withdraws it, and it ends as declined by nobody.
///
/// # Errors
/// `service.job_not_proposed` (somebody was quicker).
pub fn withdraw(tx: &mut Tx<'_>, job: &Job, reason: &str, now: Timestamp) -> Outcome<()> {
    let why = match reason {
        "" => Message::new("service.job_withdrawn"),
        reason => Message::new("service.job_withdrawn_why").with("reason", reason),
    };
    leave_proposed(tx, job, State::Declined, None, &why.text(job.language), Some(now.as_microsecond()))?;
    number_end(tx, job)
}

fn leave_proposed(
    tx: &mut Tx<'_>,
    job: &Job,
    state: State,
    second_person_id: Option<i64>,
    reason: &str,
    ended_at: Option<i64>,
) -> Outcome<()> {
    let changed = tx.execute(
        "UPDATE job SET state = $3, second_person_id = $4, reason = $5, ended_at = $6 \
         WHERE court_id = $1 AND job_id = $2 AND state = 'proposed'",
        &[
            job.court_id.into(),
            job.job_id.into(),
            state.as_str().into(),
            second_person_id.into(),
            reason.into(),
            ended_at.into(),
        ],
    )?;
    if changed != 1 {
        return Err(Message::new("service.job_not_proposed").with("job", job.job_id).into());
    }
    Ok(())
}

/// The kind of number that ends of jobs have.
pub const END: &str = "job_end";

/// Numbers the end of a job. Whoever ends another job of the court waits for this transaction, so whoever has read a number
/// has missed none below it.
fn number_end(tx: &mut Tx<'_>, job: &Job) -> Outcome<()> {
    let end_no = next_number(tx, job.court_id, END)?;
    tx.execute(
        "INSERT INTO job_end (court_id, end_no, job_id) VALUES ($1, $2, $3)",
        &[job.court_id.into(), end_no.into(), job.job_id.into()],
    )?;
    Ok(())
}

/// Until when a job that is taken or renewed now may be silent (µs).
#[must_use]
pub fn lease_from(now: Timestamp) -> i64 {
    now.as_microsecond().saturating_add(LEASE_SECONDS * 1_000_000)
}

/// The courts that have a job to take: one statement.
///
/// # Errors
/// What the database says.
pub fn courts_with_work(tx: &mut Tx<'_>, now: Timestamp) -> Outcome<Vec<i64>> {
    Ok(tx.query(
        "SELECT DISTINCT c.court_id FROM court AS c JOIN job AS j ON j.court_id = c.court_id AND j.state IN ('waiting', 'running') \
         WHERE j.state = 'waiting' OR j.lease_until < $1 ORDER BY c.court_id",
        &[now.as_microsecond().into()],
        |row| row.int(0),
    )?)
}

/// How many jobs of all courts have not ended, by where they stand.
///
/// # Errors
/// What the database says.
pub fn counts(tx: &mut Tx<'_>) -> Outcome<Vec<(State, i64)>> {
    let open = [State::Proposed, State::Waiting, State::Running];
    let found = tx.query(
        "SELECT state, COUNT(*) FROM court AS c JOIN job AS j ON j.court_id = c.court_id \
         AND j.state IN ('proposed', 'waiting', 'running') GROUP BY state",
        &[],
        |row| Ok((read_word(row, 0, State::parse)?, row.int(1)?)),
    )?;
    let count = |state| found.iter().find(|(known, _)| *known == state).map_or(0, |(_, count)| *count);
    Ok(open.map(|state| (state, count(state))).to_vec())
}

/// Takes the oldest job that waits, or whose runner is dead.
///
/// # Errors
/// What the database says.
pub fn take(tx: &mut Tx<'_>, court_id: i64, owner: &str, now: Timestamp, lease_until: i64) -> Outcome<Option<Job>> {
    // On PostgreSQL one that another process is just taking is passed over, not waited for.
    const TAKE: Statement = Statement::twin(
        "UPDATE job SET state = 'running', owner = $2, lease_until = $3, attempt = attempt + 1 \
         WHERE court_id = $1 AND job_id = (SELECT MIN(job_id) FROM job WHERE court_id = $1 AND \
          (state = 'waiting' OR (state = 'running' AND lease_until < $4))) RETURNING job_id",
        "UPDATE job SET state = 'running', owner = $2, lease_until = $3, attempt = attempt + 1 \
         WHERE court_id = $1 AND job_id = (SELECT job_id FROM job WHERE court_id = $1 AND \
          (state = 'waiting' OR (state = 'running' AND lease_until < $4)) \
          ORDER BY job_id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING job_id",
    );
    let values = [court_id.into(), owner.into(), lease_until.into(), now.as_microsecond().into()];
    let found = tx.query_opt(TAKE, &values, |row| row.int(0))?;
    found.map(|job_id| find(tx, court_id, job_id)).transpose()
}

/// Says that a job is still being run, and how far it is.
///
/// # Errors
/// What the database says.
pub fn renew(tx: &mut Tx<'_>, job: &Job, owner: &str, steps: (i64, i64), now: Timestamp) -> Outcome<()> {
    tx.execute(
        "UPDATE job SET lease_until = $4, done_steps = $5, total_steps = $6 \
         WHERE court_id = $1 AND job_id = $2 AND owner = $3 AND state = 'running'",
        &[job.court_id.into(), job.job_id.into(), owner.into(), lease_from(now).into(), steps.0.into(), steps.1.into()],
    )?;
    Ok(())
}

/// What became of a job.
#[derive(Clone, Debug)]
pub struct End {
    /// [`State::Done`], [`State::Refused`] or [`State::Broken`].
    pub state: State,
    /// The refusal's code.
    pub code: String,
    /// What it said.
    pub said: Said,
}

/// Ends a job, unless another runner has taken it.
///
/// # Errors
/// What the database says.
pub fn end(tx: &mut Tx<'_>, job: &Job, owner: &str, end: &End, now: Timestamp) -> Outcome<bool> {
    let said = serde_json::to_string(&end.said).map_err(std::io::Error::from)?;
    let changed = tx.execute(
        "UPDATE job SET state = $4, code = $5, said = $6, ended_at = $7 \
         WHERE court_id = $1 AND job_id = $2 AND owner = $3 AND state = 'running'",
        &[
            job.court_id.into(),
            job.job_id.into(),
            owner.into(),
            end.state.as_str().into(),
            end.code.as_str().into(),
            said.as_str().into(),
            now.as_microsecond().into(),
        ],
    )?;
    if changed == 1 {
        number_end(tx, job)?;
    }
    Ok(changed == 1)
}

/// Lets every job go that a dead process was running: at the start of the only process that serves a SQLite file.
///
/// # Errors
/// What the database says.
pub fn let_all_go(tx: &mut Tx<'_>) -> Outcome<u64> {
    Ok(tx.execute("UPDATE job SET state = 'waiting' WHERE state = 'running'", &[])?)
}

/// Lets the jobs go that a process was running which ends before they do.
///
/// # Errors
/// What the database says.
pub fn let_go(tx: &mut Tx<'_>, owner: &str) -> Outcome<u64> {
    Ok(tx.execute("UPDATE job SET state = 'waiting' WHERE state = 'running' AND owner = $1", &[owner.into()])?)
}
