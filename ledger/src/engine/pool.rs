//! Connections that are used again: opening one costs more than most questions.

use std::collections::BTreeSet;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Result, Store};

/// Connections to one database, opened when they are first needed, at most so many at once. Whoever has many has others to
/// answer: their bulks are written in line ([`Store::write_in_line`]).
#[derive(Debug)]
pub struct Pool {
    /// Opens the others; used for nothing else, so that one can always be opened.
    pattern: Mutex<Store>,
    state: Mutex<State>,
    freed: Condvar,
    most: usize,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Store>,
    /// Leased and idle together.
    open: usize,
    /// Raised by [`Pool::discard_idle`]: a connection from before it is not taken back.
    generation: u64,
    /// Tables into which much went.
    grown: BTreeSet<&'static str>,
}

impl Pool {
    /// At most `most` connections beside the one that is given.
    #[must_use]
    pub fn new(pattern: Store, most: usize) -> Arc<Self> {
        Arc::new(Self { pattern: Mutex::new(pattern), state: Mutex::default(), freed: Condvar::new(), most })
    }

    /// A connection, for as long as the lease lives; waits while all are leased.
    ///
    /// # Errors
    /// What the driver says when a new one is opened.
    pub fn lease(self: &Arc<Self>) -> Result<Lease> {
        let mut state = self.state();
        loop {
            if let Some(store) = state.idle.pop() {
                let home = Some((Arc::clone(self), state.generation));
                return Ok(Lease { store: Some(store), home });
            }
            if state.open < self.most {
                break;
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.open += 1;
        let generation = state.generation;
        drop(state);
        let opened = self.pattern.lock().unwrap_or_else(PoisonError::into_inner).reopen();
        match opened {
            Ok(mut store) => {
                store.write_in_line();
                Ok(Lease { store: Some(store), home: Some((Arc::clone(self), generation)) })
            }
            Err(error) => {
                self.state().open -= 1;
                self.freed.notify_one();
                Err(error)
            }
        }
    }

    /// Closes what is idle, and what is leased when it comes back: something broke, and a connection may be why.
    pub fn discard_idle(&self) {
        let mut state = self.state();
        state.generation += 1;
        state.open -= state.idle.len();
        state.idle.clear();
        self.freed.notify_all();
    }

    /// How many connections are leased now, and how many are open.
    #[must_use]
    pub fn in_use(&self) -> (usize, usize) {
        let state = self.state();
        (state.open - state.idle.len(), state.open)
    }

    /// The tables into which much went since this was asked last, for [`Store::count_rows_of`].
    #[must_use]
    pub fn take_grown(&self) -> BTreeSet<&'static str> {
        std::mem::take(&mut self.state().grown)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back where it came from.
#[derive(Debug)]
pub struct Lease {
    store: Option<Store>,
    home: Option<(Arc<Pool>, u64)>,
}

impl From<Store> for Lease {
    /// One that is closed in the end.
    fn from(store: Store) -> Self {
        Self { store: Some(store), home: None }
    }
}

impl Deref for Lease {
    type Target = Store;

    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref(&self) -> &Store {
        self.store.as_ref().expect("held until dropped")
    }
}

impl DerefMut for Lease {
    #[expect(clippy::expect_used, reason = "taken only when dropped")]
    fn deref_mut(&mut self) -> &mut Store {
        self.store.as_mut().expect("held until dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some((pool, generation)) = self.home.take() else { return };
        let mut state = pool.state();
        match self.store.take() {
            // Whoever panicked left it in the middle of something.
            Some(mut store) if state.generation == generation && !std::thread::panicking() => {
                state.grown.append(&mut store.grown);
                state.idle.push(store);
            }
            _ => state.open -= 1,
        }
        drop(state);
        pool.freed.notify_one();
    }
}
