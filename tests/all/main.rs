//! Whole flows, on both databases.

#[path = "../../ledger/tests/support/mod.rs"]
mod support;

mod access;
mod any_order;
mod api;
mod assets;
mod backup;
mod bad_input;
mod bank_sim;
mod bounties;
mod by_hand;
mod calculators;
mod cases;
mod cash;
mod circle;
mod claimants;
mod command_line;
mod court;
mod crash;
mod deadlines;
mod elsewhere;
mod extraction;
mod fuzz_corpus;
mod live_freeze;
mod measures;
mod mechanisms;
mod memorandum;
mod movements;
mod obligations;
mod operations;
mod ordinary_day;
mod pages;
mod papers;
mod plans;
mod program;
mod receipts;
mod reconciliation;
mod relief;
mod requests;
mod salary;
mod security;
mod sign_in;
mod statements;
mod story;
mod texts;
