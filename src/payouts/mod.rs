//! Paying money out: who gets how much, runs, approval, commit and release.

pub mod commit;
pub mod details;
pub mod distribute;
pub mod explain;
pub mod lines;
pub mod policy;
pub mod reissue;
pub mod release;
pub mod rounds;
pub mod runs;
pub mod screens;
pub mod sent;
pub mod settle;
pub mod sheet;
pub mod sheets;
pub mod signatures;
