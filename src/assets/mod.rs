//! Assets (财产) that the court controls at others: what may be held, drawn and taken.

pub mod live_freeze;
