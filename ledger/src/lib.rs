//! Double entry, holds, the hash chain and the one transaction that records them.

pub mod money;

pub use money::Amount;
