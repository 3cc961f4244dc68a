//! ankuan (案款): the application around the ledger. See ARCHITECTURE.md for the map.

pub mod access;
pub mod amount;
pub mod api;
pub mod assets;
pub mod audit;
pub mod backup;
pub mod bank;
pub mod bank_sim;
pub mod bookkeeping;
pub mod books;
pub mod bounties;
pub mod calculators;
pub mod calendar;
pub mod cases;
pub mod chart;
pub mod claims;
pub mod cli;
pub mod clock;
pub mod deadlines;
pub mod documents;
pub mod failure;
pub mod flows;
pub mod identifiers;
pub mod institution_sim;
pub mod memorandum;
pub mod message;
pub mod movements;
pub mod obligations;
pub mod payouts;
pub mod reads;
pub mod receipts;
pub mod relief;
pub mod replies;
pub mod report;
pub mod request;
pub mod schema;
pub mod service;
pub mod signoff;
pub mod statements;
mod tables;
pub mod web;
mod words;

pub use failure::{Failure, Outcome};
pub use message::{Language, Message};

rust_i18n::i18n!("locales", fallback = "en");
