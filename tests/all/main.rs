//! Whole flows, on both databases.

#[path = "../../ledger/tests/support/mod.rs"]
mod support;

mod access;
mod any_order;
mod assets;
mod bad_input;
mod bank_sim;
mod by_hand;
mod calculators;
mod cases;
mod circle;
mod command_line;
mod court;
mod crash;
mod fuzz_corpus;
mod live_freeze;
mod memorandum;
mod ordinary_day;
mod program;
mod receipts;
mod reconciliation;
mod requests;
mod salary;
mod statements;
mod texts;
