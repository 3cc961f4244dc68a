//! Statements in, matches out: pure, no database, no clock.

pub mod reply;
pub mod statement;
