//! Double entry, holds, the hash chain and the one transaction that records them.
//!
//! Read in this order: [`decide`] (what a command does, pure), [`act`] (how it is recorded), [`poster`] (what arrives
//! together commits together), [`chain`] (why a change is noticed), [`verify`] (how a whole book is checked), [`engine`]
//! (the two databases).

pub mod act;
pub mod chain;
pub mod decide;
pub mod engine;
pub mod money;
pub mod poster;
pub mod schema;
pub mod stop;
pub mod verify;

pub use act::{Act, BookKey, Failure, Known, NewAccount, VoucherHead, VoucherKind, VoucherNumber};
pub use chain::ChainHead;
pub use decide::{AccountId, Currency, EntryNo, HoldId, ItemId, Line, Place, Refusal, Side};
pub use engine::{Error, Store, Tx, Value};
pub use money::Amount;
pub use poster::{Post, Poster, Unposted};
