//! ankuan (案款): the application around the ledger. See ARCHITECTURE.md for the map.

pub mod cli;
pub mod clock;
pub mod failure;
pub mod message;

pub use failure::{Failure, Outcome};
pub use message::{Language, Message};

rust_i18n::i18n!("locales", fallback = "en");
