//! What is told: links of the chain and ends of jobs, without personal data and without amounts. Who gets it fetches what it
//! may see with its own key.

use ankuan_ledger::Tx;
use ankuan_ledger::chain::hex;
use jiff::Timestamp;
use serde::Serialize;

use super::acts::ACTS;
use crate::service::jobs;
use crate::{Message, Outcome};

/// The most events of a delivery: some 40 KB, which any receiver takes in one piece.
pub const EVENTS_MAX: usize = 100;

/// The most links that are looked at for a delivery: a filter that lets little through must not read a book at once.
const LOOKED_AT_MAX: usize = 1_000;

/// The stream of ends of jobs; the others are books.
pub const JOBS: i64 = -1;

/// Rows of a table that an act recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rows {
    /// The table.
    pub table: String,
    /// Smallest id; of `entry_line` the number of the entry.
    pub first_id: i64,
    /// Largest id.
    pub last_id: i64,
    /// How many rows.
    pub rows: i64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Event {
    /// Something was recorded.
    Link {
        /// `7-1-482`: court, book, link.
        id: String,
        /// The act's name.
        #[serde(rename = "type")]
        name: String,
        /// Court.
        court: i64,
        /// Book.
        book: i64,
        /// The link's number in the book.
        link_no: i64,
        /// The link's hash.
        hash: String,
        /// When, RFC 3339.
        recorded_at: String,
        /// Who.
        person: i64,
        /// Which rows.
        about: Vec<Rows>,
    },
    /// A job ended.
    Job {
        /// `7-job-12`: court, and the number of the end.
        id: String,
        /// `job.ended`
        #[serde(rename = "type")]
        name: &'static str,
        /// Court.
        court: i64,
        /// The job.
        job: i64,
        /// The command's words.
        command: String,
        /// A word of [`jobs::State`].
        state: String,
        /// The refusal's code, where a rule said no.
        code: String,
        /// When, RFC 3339.
        ended_at: String,
        /// For whom it ran.
        person: i64,
    },
}

/// The name of the event of a job that ended.
pub const JOB_ENDED: &str = "job.ended";

impl Event {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Link { id, .. } | Self::Job { id, .. } => id,
        }
    }
}

/// The id of an event.
#[must_use]
pub fn id(court_id: i64, stream: i64, number: i64) -> String {
    if stream == JOBS { format!("{court_id}-job-{number}") } else { format!("{court_id}-{stream}-{number}") }
}

/// Stream and number of an event of a court, from its id.
#[must_use]
pub fn parse_id(court_id: i64, id: &str) -> Option<(i64, i64)> {
    let mut parts = id.trim().split('-');
    let (court, stream, number) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || court.parse() != Ok(court_id) {
        return None;
    }
    let stream = if stream == "job" { JOBS } else { stream.parse().ok()? };
    Some((stream, number.parse().ok()?))
}

/// What a webhook is told of: beginnings of names, up to a dot. None: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter(Vec<String>);

impl Filter {
    /// From what somebody asks for. `all` is everything.
    ///
    /// # Errors
    /// `webhook.events_missing`, `webhook.event_name`: no name of an event begins so.
    pub fn new(asked: &[String]) -> Result<Self, Message> {
        if asked.is_empty() {
            return Err(Message::new("webhook.events_missing"));
        }
        let mut names: Vec<String> = asked.iter().map(|name| name.trim().to_owned()).collect();
        if names.iter().any(|name| name == "all") {
            return Ok(Self::default());
        }
        // A name that nothing has would be waited for in vain.
        let is_known = |name: &&String| ACTS.iter().chain([&JOB_ENDED]).any(|known| begins(known, name));
        if let Some(wrong) = names.iter().find(|name| !is_known(name)) {
            let mut words: Vec<&str> = ACTS.iter().filter_map(|name| name.split('.').next()).collect();
            words.push("job");
            words.sort_unstable();
            words.dedup();
            return Err(Message::new("webhook.event_name").with("name", wrong).with("known", words.join(", ")));
        }
        names.sort_unstable();
        names.dedup();
        Ok(Self(names))
    }

    /// From what is stored.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// As stored, and as shown; empty: everything.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.join(",")
    }

    /// Whether an event is told.
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        self.0.is_empty() || self.0.iter().any(|beginning| begins(name, beginning))
    }
}

/// Whether a name begins so, up to a dot or its end.
fn begins(name: &str, beginning: &str) -> bool {
    name.strip_prefix(beginning).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// From behind which number up to which one a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The stream.
    pub stream: i64,
    /// Behind this one.
    pub behind: i64,
    /// Up to this one, it too.
    pub until: i64,
}

/// A number of a stream: when, and the event, if the filter takes it.
struct Numbered {
    number: i64,
    at: i64,
    event: Option<Event>,
}

/// What was read of a stream.
struct Read {
    stream: i64,
    /// Whether there is more behind it.
    is_cut: bool,
    numbered: std::iter::Peekable<std::vec::IntoIter<Numbered>>,
}

/// A delivery: the events in their order, and how far it goes in each stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// At most [`EVENTS_MAX`].
    pub events: Vec<Event>,
    /// The last number of each stream that it goes on in, whether or not the filter took it.
    pub until: Vec<(i64, i64)>,
}

/// Reads the next events of some streams, the earlier first; each stream stays in its own order, whatever its times say.
///
/// # Errors
/// What the database says.
pub fn next(tx: &mut Tx<'_>, court_id: i64, filter: &Filter, ranges: &[Range]) -> Outcome<Batch> {
    let mut read = Vec::new();
    for range in ranges.iter().filter(|range| range.until > range.behind) {
        let mut numbered = if range.stream == JOBS {
            jobs(tx, court_id, filter, *range)?
        } else {
            links(tx, court_id, filter, *range)?
        };
        let is_cut = numbered.len() > LOOKED_AT_MAX;
        numbered.truncate(LOOKED_AT_MAX);
        read.push(Read { stream: range.stream, is_cut, numbered: numbered.into_iter().peekable() });
    }
    let mut batch = merge(read);
    add_rows(tx, court_id, &mut batch.events)?;
    Ok(batch)
}

fn merge(mut read: Vec<Read>) -> Batch {
    let mut batch = Batch::default();
    while batch.events.len() < EVENTS_MAX {
        // Behind one that was cut off stands something whose time is not known.
        if read.iter_mut().any(|one| one.is_cut && one.numbered.peek().is_none()) {
            break;
        }
        let earliest = read
            .iter_mut()
            .filter_map(|one| one.numbered.peek().map(|next| (next.at, one.stream)))
            .min()
            .and_then(|(_, stream)| read.iter_mut().find(|one| one.stream == stream));
        let Some((stream, Some(next))) = earliest.map(|one| (one.stream, one.numbered.next())) else { break };
        batch.events.extend(next.event);
        match batch.until.iter_mut().find(|(known, _)| *known == stream) {
            Some((_, until)) => *until = next.number,
            None => batch.until.push((stream, next.number)),
        }
    }
    batch
}

fn instant(at: i64) -> String {
    Timestamp::from_microsecond(at).unwrap_or_default().to_string()
}

fn links(tx: &mut Tx<'_>, court_id: i64, filter: &Filter, range: Range) -> Outcome<Vec<Numbered>> {
    Ok(tx.query(
        "SELECT link_no, act, actor_id, recorded_at, hash FROM chain_link \
         WHERE court_id = $1 AND book_id = $2 AND link_no > $3 AND link_no <= $4 ORDER BY link_no LIMIT $5",
        &[
            court_id.into(),
            range.stream.into(),
            range.behind.into(),
            range.until.into(),
            (LOOKED_AT_MAX as i64 + 1).into(),
        ],
        |row| {
            let (number, name, at) = (row.int(0)?, row.text(1)?, row.int(3)?);
            let person = row.int(2)?;
            let hash = hex(row.bytes(4)?);
            let event = filter.takes(name).then(|| Event::Link {
                id: id(court_id, range.stream, number),
                name: name.to_owned(),
                court: court_id,
                book: range.stream,
                link_no: number,
                hash,
                recorded_at: instant(at),
                person,
                about: Vec::new(),
            });
            Ok(Numbered { number, at, event })
        },
    )?)
}

/// Adds to links which rows they recorded.
fn add_rows(tx: &mut Tx<'_>, court_id: i64, events: &mut [Event]) -> Outcome<()> {
    for event in events {
        let Event::Link { book, link_no, about, .. } = event else { continue };
        *about = tx.query(
            "SELECT table_name, first_id, last_id, row_count FROM chain_part \
             WHERE court_id = $1 AND book_id = $2 AND link_no = $3 ORDER BY table_name",
            &[court_id.into(), (*book).into(), (*link_no).into()],
            |row| {
                let (first_id, last_id, rows) = (row.int(1)?, row.int(2)?, row.int(3)?);
                Ok(Rows { table: row.text(0)?.to_owned(), first_id, last_id, rows })
            },
        )?;
        // Databases order text differently.
        about.sort_unstable_by(|one, other| one.table.cmp(&other.table));
    }
    Ok(())
}

fn jobs(tx: &mut Tx<'_>, court_id: i64, filter: &Filter, range: Range) -> Outcome<Vec<Numbered>> {
    Ok(tx.query(
        "SELECT e.end_no, j.job_id, j.person_id, j.command, j.state, j.code, j.ended_at FROM job_end AS e \
         JOIN job AS j ON j.court_id = e.court_id AND j.job_id = e.job_id \
         WHERE e.court_id = $1 AND e.end_no > $2 AND e.end_no <= $3 ORDER BY e.end_no LIMIT $4",
        &[court_id.into(), range.behind.into(), range.until.into(), (LOOKED_AT_MAX as i64 + 1).into()],
        |row| {
            let (number, at) = (row.int(0)?, row.opt_int(6)?.unwrap_or_default());
            let state = crate::words::read_word(row, 4, jobs::State::parse)?;
            let event = Event::Job {
                id: id(court_id, JOBS, number),
                name: JOB_ENDED,
                court: court_id,
                job: row.int(1)?,
                command: row.text(3)?.to_owned(),
                state: state.as_str().to_owned(),
                code: row.text(5)?.to_owned(),
                ended_at: instant(at),
                person: row.int(2)?,
            };
            Ok(Numbered { number, at, event: filter.takes(JOB_ENDED).then_some(event) })
        },
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(names: &[&str]) -> Filter {
        Filter::new(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("a filter")
    }

    #[test]
    fn a_name_begins_up_to_a_dot() {
        let some = filter(&["payouts", "receipt.record"]);
        for (name, is_taken) in [
            ("payouts.commit", true),
            ("payouts", true),
            ("payouts_other.commit", false),
            ("payout.commit", false),
            ("receipt.record", true),
            ("receipt.recorded", false),
            ("receipt", false),
        ] {
            assert_eq!(some.takes(name), is_taken, "{name}");
        }
        assert!(filter(&["all"]).takes("anything.at_all"));
        assert_eq!(Filter::stored(&some.text()), some);
        assert_eq!(Filter::stored(""), filter(&["payouts", "all"]));
        for wrong in ["", "Payouts", "payouts.", "payouts,receipt", "*", "payout", "payouts.committed"] {
            assert_eq!(Filter::new(&[wrong.to_owned()]).expect_err("no name").code, "webhook.event_name", "{wrong}");
        }
    }

    #[test]
    fn an_id_is_read_again() {
        assert_eq!(parse_id(7, &id(7, 1, 482)), Some((1, 482)));
        assert_eq!(parse_id(7, &id(7, JOBS, 3)), Some((JOBS, 3)));
        for wrong in ["", "7-1", "8-1-482", "7-1-482-1", "7-x-4", "7-1-", "7--1-4"] {
            assert_eq!(parse_id(7, wrong), None, "{wrong}");
        }
    }

    fn read(stream: i64, is_cut: bool, times: &[(i64, bool)]) -> Read {
        let numbered = (1..).zip(times).map(|(number, (at, is_taken))| {
            let event = Event::Link {
                id: id(7, stream, number),
                name: "x.y".to_owned(),
                court: 7,
                book: stream,
                link_no: number,
                hash: String::new(),
                recorded_at: instant(*at),
                person: 1,
                about: Vec::new(),
            };
            Numbered { number, at: *at, event: is_taken.then_some(event) }
        });
        Read { stream, is_cut, numbered: numbered.collect::<Vec<_>>().into_iter().peekable() }
    }

    fn ids(batch: &Batch) -> Vec<&str> {
        batch.events.iter().map(Event::id).collect()
    }

    #[test]
    fn the_earlier_comes_first_and_no_stream_leaves_its_order() {
        // The second of book 1 says an earlier time than the first, as another machine's clock may.
        let batch = merge(vec![read(0, false, &[(5, true), (20, false)]), read(1, false, &[(10, true), (3, true)])]);
        assert_eq!(ids(&batch), ["7-0-1", "7-1-1", "7-1-2"]);
        // What the filter leaves out is passed as well.
        assert_eq!(batch.until, [(0, 2), (1, 2)]);
    }

    #[test]
    fn what_was_cut_off_holds_the_others_back() {
        let batch = merge(vec![read(0, true, &[(5, true)]), read(1, false, &[(3, true), (9, true)])]);
        assert_eq!(ids(&batch), ["7-1-1", "7-0-1"]);
        assert_eq!(batch.until, [(1, 1), (0, 1)]);
    }

    #[test]
    fn a_delivery_has_a_largest_size() {
        let many: Vec<(i64, bool)> = (0..EVENTS_MAX as i64 + 5).map(|at| (at, true)).collect();
        let batch = merge(vec![read(1, false, &many)]);
        assert_eq!((batch.events.len(), batch.until), (EVENTS_MAX, vec![(1, EVENTS_MAX as i64)]));
    }
}
