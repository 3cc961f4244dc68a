//! Statements in, matches out: pure, no database, no clock.

pub mod exact;
pub mod line_key;
pub mod matching;
pub mod reply;
pub mod statement;
