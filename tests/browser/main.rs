//! People's ways through the pages, in a real browser, on both databases.

#[path = "../../ledger/tests/support/mod.rs"]
mod support;

mod office;
mod refusals;
mod spine;
mod webdriver;
