//! Whole flows, on both databases.

#[path = "../../ledger/tests/support/mod.rs"]
mod support;

mod access;
mod cases;
mod command_line;
mod court;
mod ordinary_day;
mod receipts;
mod requests;
mod texts;
