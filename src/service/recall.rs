//! What was read of a court's books, kept while they stand where they stood: what several people look at, or one looks at
//! again, is reckoned once. Every act adds a link to the chain of its book, so while the heads of the chains are the same,
//! so is what follows from the books and the day.

use std::any::Any;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ankuan_ledger::Tx;
use jiff::Timestamp;

use super::lock;
use crate::clock::day_in_shanghai;
use crate::{Outcome, books};

/// How much is kept: the desks and runs that are looked at in a court of some hundred people. Of the rest, what was not
/// asked for longest goes.
const KEPT_MAX: usize = 256;

/// In microseconds: what says how long something has been waiting is never older.
const KEPT_FOR: i64 = 60_000_000;

/// The books from which something follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Books {
    /// People, roles, settings.
    Register,
    /// Any book of the court.
    All,
    /// People, and the payment details of the court: they are added and never changed.
    Details,
}

/// Where the chains of some books end.
pub(super) type Heads = Vec<(i64, [u8; 32])>;

/// Reads where the chains end: one statement.
///
/// # Errors
/// What the database says.
pub(super) fn heads(tx: &mut Tx<'_>, court_id: i64, from: Books) -> Outcome<Heads> {
    let text = match from {
        Books::Register => "SELECT book_id, link_hash FROM book_head WHERE court_id = $1 AND book_id = $2",
        Books::All => "SELECT book_id, link_hash FROM book_head WHERE court_id = $1 AND book_id >= $2 ORDER BY book_id",
        Books::Details => {
            "SELECT (SELECT MAX(detail_id) FROM personal_detail WHERE court_id = $1 AND book_id = $3), link_hash \
             FROM book_head WHERE court_id = $1 AND book_id = $2"
        }
    };
    let keys = [court_id.into(), books::REGISTER.into(), books::CASE_MONEY.into()];
    let keys = if from == Books::Details { &keys[..] } else { &keys[..2] };
    Ok(tx.query(text, keys, |row| Ok((row.opt_int(0)?.unwrap_or(0), row.digest(1)?)))?)
}

/// What was reckoned, and from what.
#[derive(Debug)]
struct Kept {
    heads: Heads,
    at: Timestamp,
    /// Place in the order of everything that is asked for: when the reckoning began.
    begun: u64,
    value: Arc<dyn Any + Send + Sync>,
}

impl Kept {
    /// Whether it still says what is so now: deadlines and screens go by the day, which ends at midnight in China.
    fn is_of(&self, now: Timestamp) -> bool {
        now.as_microsecond().saturating_sub(self.at.as_microsecond()) < KEPT_FOR
            && day_in_shanghai(now) == day_in_shanghai(self.at)
    }
}

/// A place for one thing that is kept. Whoever reckons it holds the lock, and who asks meanwhile waits for that.
#[derive(Debug, Default)]
pub(super) struct Place(Mutex<Option<Kept>>);

impl Place {
    /// What is kept, if it still holds or was begun after somebody asked; else what `reckon` reads, with the heads of that
    /// moment.
    pub(super) fn get<T: Any + Send + Sync>(
        &self,
        recall: &Recall,
        asked: u64,
        heads: &Heads,
        now: Timestamp,
        reckon: impl FnOnce() -> Outcome<(Heads, T)>,
    ) -> Outcome<Arc<T>> {
        let mut kept = lock(&self.0);
        if let Some(kept) = &*kept
            // Who waited while the books went on must not reckon what another has reckoned meanwhile.
            && (kept.begun > asked || kept.heads == *heads && kept.is_of(now))
            && let Ok(value) = Arc::clone(&kept.value).downcast::<T>()
        {
            return Ok(value);
        }
        let begun = recall.ask();
        let (heads, value) = reckon()?;
        let value = Arc::new(value);
        *kept = Some(Kept { heads, at: now, begun, value: value.clone() });
        Ok(value)
    }
}

/// What is kept by court and name, with when it was asked for last.
type Places = HashMap<(i64, String), (u64, Arc<Place>)>;

/// Everything that is kept.
#[derive(Debug, Default)]
pub(super) struct Recall {
    asked: AtomicU64,
    places: Mutex<Places>,
}

impl Recall {
    /// The next place in the order of everything that is asked for.
    pub(super) fn ask(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The place of something of a court, asked for as the `asked`-th.
    pub(super) fn place(&self, court_id: i64, what: String, asked: u64) -> Arc<Place> {
        let mut places = lock(&self.places);
        let name = (court_id, what);
        if places.len() >= KEPT_MAX && !places.contains_key(&name) {
            let oldest = places.iter().min_by_key(|(_, (asked, _))| *asked).map(|(name, _)| name.clone());
            oldest.and_then(|name| places.remove(&name));
        }
        let (last, place) = places.entry(name).or_default();
        *last = asked;
        Arc::clone(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(micros: i64) -> Timestamp {
        Timestamp::from_microsecond(micros).expect("a time")
    }

    #[test]
    fn what_is_kept_holds_while_the_heads_do() {
        let (recall, heads) = (Recall::default(), |byte| vec![(1, [byte; 32])]);
        let place = recall.place(1, "desk".to_owned(), recall.ask());
        let get = |head: u8, now: i64, found: u8, value: i64| {
            let reckon = || Ok((heads(found), value));
            *place.get(&recall, recall.ask(), &heads(head), moment(now), reckon).expect("reckons")
        };
        assert_eq!(get(1, 0, 1, 10), 10);
        assert_eq!(get(1, 0, 1, 11), 10, "is kept");
        assert_eq!(get(2, 0, 2, 12), 12, "the books went on");
        // Read a moment after the heads were asked for: it holds for the moment at which it was read.
        assert_eq!(get(3, 0, 4, 13), 13);
        assert_eq!(get(3, 0, 3, 14), 14, "not the same moment");
        assert_eq!(get(3, KEPT_FOR, 3, 15), 15, "is old");
        let broken = place
            .get::<i64>(&recall, recall.ask(), &heads(5), moment(0), || Err(crate::Message::new("web.broken").into()));
        assert!(broken.is_err());
        assert_eq!(get(3, KEPT_FOR, 3, 16), 15, "a failure leaves what was");
    }

    #[test]
    fn at_midnight_everything_is_reckoned_again() {
        // 1970-01-02T00:00+08:00.
        const MIDNIGHT: i64 = 16 * 60 * 60 * 1_000_000;
        let (recall, heads) = (Recall::default(), vec![(1, [1; 32])]);
        let place = recall.place(1, "run".to_owned(), recall.ask());
        let get = |now: i64, value: i64| {
            let reckon = || Ok((heads.clone(), value));
            *place.get(&recall, recall.ask(), &heads, moment(now), reckon).expect("reckons")
        };
        assert_eq!(get(MIDNIGHT - 2, 1), 1);
        assert_eq!(get(MIDNIGHT - 1, 2), 1, "the same day");
        assert_eq!(get(MIDNIGHT, 3), 3, "the next day");
    }

    #[test]
    fn who_waited_takes_what_was_begun_since() {
        let (recall, heads) = (Recall::default(), |byte| vec![(1, [byte; 32])]);
        let place = recall.place(1, "desk".to_owned(), recall.ask());
        let waiting = recall.ask();
        let first = place.get(&recall, recall.ask(), &heads(1), moment(0), || Ok((heads(2), 1))).expect("reckons");
        let taken = place.get(&recall, waiting, &heads(1), moment(0), || Ok((heads(3), 2))).expect("takes");
        assert!(Arc::ptr_eq(&first, &taken), "begun after it was asked for, it is new enough");
        let asked_since =
            place.get(&recall, recall.ask(), &heads(1), moment(0), || Ok((heads(3), 3))).expect("reckons");
        assert_eq!(*asked_since, 3);
    }

    #[test]
    fn only_so_much_is_kept_and_each_court_apart() {
        let recall = Recall::default();
        let place = |court_id, what: &str| recall.place(court_id, what.to_owned(), recall.ask());
        let first = place(1, "0");
        assert!(!Arc::ptr_eq(&first, &place(2, "0")));
        for number in 0..KEPT_MAX {
            assert!(Arc::ptr_eq(&first, &place(1, "0")), "asked for now and then");
            let _another = place(3, &number.to_string());
        }
        assert_eq!(lock(&recall.places).len(), KEPT_MAX);
        assert!(!Arc::ptr_eq(&place(2, "0"), &first));
    }
}
