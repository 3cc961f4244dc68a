//! Connections that are used again: opening one costs more than most questions.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{Result, Store};

/// After so many leases a connection forgets its plans. PostgreSQL keeps a plan that it made while a table was nearly empty,
/// until somebody counts the table: a busy service would read a table of a million rows from end to end, again and again.
const LEASES_A_PLAN: u32 = 256;

/// Connections to one database, opened when they are first needed, at most so many at once.
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
    /// With how often each was leased since it forgot its plans.
    idle: Vec<(Store, u32)>,
    /// Leased and idle together.
    open: usize,
    /// Raised by [`Pool::discard_idle`]: a connection from before it is not taken back.
    generation: u64,
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
            if let Some((mut store, leases)) = state.idle.pop() {
                let home = Some((Arc::clone(self), state.generation));
                drop(state);
                let is_due = leases >= LEASES_A_PLAN;
                // A connection that cannot do that says so with the first statement.
                let forgot = is_due && store.forget_plans().is_ok();
                return Ok(Lease { store: Some(store), home, leases: if forgot { 0 } else { leases + 1 } });
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
            Ok(store) => Ok(Lease { store: Some(store), home: Some((Arc::clone(self), generation)), leases: 0 }),
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

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that goes back where it came from.
#[derive(Debug)]
pub struct Lease {
    store: Option<Store>,
    home: Option<(Arc<Pool>, u64)>,
    leases: u32,
}

impl From<Store> for Lease {
    /// One that is closed in the end.
    fn from(store: Store) -> Self {
        Self { store: Some(store), home: None, leases: 0 }
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
            Some(store) if state.generation == generation && !std::thread::panicking() => {
                state.idle.push((store, self.leases))
            }
            _ => state.open -= 1,
        }
        drop(state);
        pool.freed.notify_one();
    }
}
