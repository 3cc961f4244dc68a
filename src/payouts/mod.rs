//! Paying money out: who gets how much, runs, approval, commit and release.

pub mod distribute;
pub mod explain;
pub mod sheet;
