//! What was read of a court's books, kept while they stand where they stood: what several people look at, or one looks at
//! again, is reckoned once. Every act adds a link to the chain of its book, so while the heads of the chains are the same,
//! so is what follows from the books.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use ankuan_ledger::Tx;

use super::lock;
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

type Kept = Option<(Heads, i64, Arc<dyn Any + Send + Sync>)>;

/// A place for one thing that is kept. Whoever reckons it holds the lock, and who asks meanwhile waits for that.
#[derive(Debug, Default)]
pub(super) struct Place(Mutex<Kept>);

impl Place {
    /// What is kept, if it still holds; else what `reckon` reads, with the heads of that moment.
    pub(super) fn get<T: Any + Send + Sync>(
        &self,
        heads: &Heads,
        now: i64,
        reckon: impl FnOnce() -> Outcome<(Heads, T)>,
    ) -> Outcome<Arc<T>> {
        let mut kept = lock(&self.0);
        if let Some((then, at, value)) = &*kept
            && then == heads
            && now.saturating_sub(*at) < KEPT_FOR
            && let Ok(value) = Arc::clone(value).downcast::<T>()
        {
            return Ok(value);
        }
        let (heads, value) = reckon()?;
        let value = Arc::new(value);
        *kept = Some((heads, now, value.clone()));
        Ok(value)
    }
}

/// Everything that is kept.
#[derive(Debug, Default)]
pub(super) struct Recall(Mutex<Places>);

#[derive(Debug, Default)]
struct Places {
    by_name: HashMap<(i64, String), (u64, Arc<Place>)>,
    asked: u64,
}

impl Recall {
    /// The place of something of a court.
    pub(super) fn place(&self, court_id: i64, what: String) -> Arc<Place> {
        let mut places = lock(&self.0);
        places.asked += 1;
        let asked = places.asked;
        if places.by_name.len() >= KEPT_MAX && !places.by_name.contains_key(&(court_id, what.clone())) {
            let oldest = places.by_name.iter().min_by_key(|(_, (asked, _))| *asked).map(|(name, _)| name.clone());
            oldest.and_then(|name| places.by_name.remove(&name));
        }
        let (last, place) = places.by_name.entry((court_id, what)).or_default();
        *last = asked;
        Arc::clone(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_holds_while_the_heads_do() {
        let (recall, heads) = (Recall::default(), |byte| vec![(1, [byte; 32])]);
        let place = recall.place(1, "desk".to_owned());
        let reckon = |byte, value: i64| move || Ok((heads(byte), value));
        assert_eq!(*place.get(&heads(1), 0, reckon(1, 10)).expect("reckons"), 10);
        assert_eq!(*place.get(&heads(1), 0, reckon(1, 11)).expect("keeps"), 10);
        assert_eq!(*place.get(&heads(2), 0, reckon(2, 12)).expect("reckons again"), 12);
        // Read a moment after the heads were asked for: it holds for the moment at which it was read.
        assert_eq!(*place.get(&heads(3), 0, reckon(4, 13)).expect("reckons"), 13);
        assert_eq!(*place.get(&heads(3), 0, reckon(3, 14)).expect("not the same moment"), 14);
        assert_eq!(*place.get(&heads(3), KEPT_FOR, reckon(3, 15)).expect("is old"), 15);
        assert!(place.get::<i64>(&heads(5), 0, || Err(crate::Message::new("web.broken").into())).is_err());
        assert_eq!(*place.get(&heads(3), KEPT_FOR, reckon(3, 16)).expect("a failure leaves what was"), 15);
    }

    #[test]
    fn only_so_much_is_kept_and_each_court_apart() {
        let recall = Recall::default();
        let first = recall.place(1, "0".to_owned());
        assert!(!Arc::ptr_eq(&first, &recall.place(2, "0".to_owned())));
        for number in 0..KEPT_MAX {
            assert!(Arc::ptr_eq(&first, &recall.place(1, "0".to_owned())), "asked for now and then");
            let _another = recall.place(3, number.to_string());
        }
        assert_eq!(lock(&recall.0).by_name.len(), KEPT_MAX);
        assert!(!Arc::ptr_eq(&recall.place(2, "0".to_owned()), &first));
    }
}
