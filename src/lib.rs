//! ankuan (案款): the application around the ledger. See ARCHITECTURE.md for the map.

pub mod claims;
pub mod identifiers;
pub mod message;

pub use message::{Language, Message};

rust_i18n::i18n!("locales", fallback = "en");
