//! Cases: their numbers, parties and sub-accounts.

pub mod number;
