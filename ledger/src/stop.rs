//! Counted write points, at which a test stops the process: `ANKUAN_STOP_AT=n` aborts at the n-th.
//!
//! What a killed process leaves behind is the database's promise; these points make it testable at each place
//! where something is written. They exist in test builds only; a release build has none.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// Passes a write point; aborts the process (as `kill -9` would) when this is the one asked for.
pub fn at(point: &str) {
    if !cfg!(debug_assertions) {
        return;
    }
    static LEFT: OnceLock<Option<AtomicI64>> = OnceLock::new();
    let left = LEFT.get_or_init(|| {
        let asked = std::env::var("ANKUAN_STOP_AT").ok()?;
        asked.parse().ok().map(AtomicI64::new)
    });
    if let Some(left) = left
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        eprintln!("stopped at write point: {point}");
        std::process::abort();
    }
}
