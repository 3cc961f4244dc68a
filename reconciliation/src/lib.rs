//! Statements in, matches out: pure, no database, no clock.
