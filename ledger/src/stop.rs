//! Counted write points, at which a test stops the process: `ANKUAN_STOP_AT=n` aborts at the n-th.
//! `ANKUAN_PANIC_AT=name` panics where that point is first passed: a mistake in the program, in the middle of its work.
//!
//! What a killed process leaves behind is the database's promise; these points make it testable at each place
//! where something is written. They exist in test builds only; a release build has none.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Passes a write point; aborts the process (as `kill -9` would) when this is the one asked for.
///
/// # Panics
/// When `ANKUAN_PANIC_AT` asks for it.
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
    static PANIC: OnceLock<Option<(String, AtomicBool)>> = OnceLock::new();
    let asked = PANIC.get_or_init(|| Some((std::env::var("ANKUAN_PANIC_AT").ok()?, AtomicBool::new(false))));
    if let Some((asked, has_panicked)) = asked
        && asked == point
    {
        assert!(has_panicked.swap(true, Ordering::Relaxed), "panicked at write point: {point}");
    }
}
