//! Compares what a bank booked with what the court expects, by an ordered list of rules which is data.
//!
//! Pure and deterministic: what is pushed into an [`Input`] in whatever order gives the same [`Report`]. A bank line is
//! used once at most, and so is everything expected (a payment once for its debit and once for its return). What is
//! not certain goes to a person: as [`Ambiguous`] with its candidates, or as [`Conflict`] where a reference says one
//! thing and the amount another. Such a line is not touched by a later rule, so that nothing is taken for new money that
//! may be recorded or expected already.
//!
//! Time grows with the rows, whatever they are: of equal candidates a bounded number is looked at, and searches for sums
//! have limits of their own and one together; a search that is given up says so ([`GaveUp`]).
//!
//! Where things are: `engine` gives the rules their turns and keeps the state; `payments`, `files`, `receipts`, `own`,
//! `reversals` and `sums` hold what the rules do; `index` and `names` find things; `evidence` makes the sentences.

mod engine;
mod evidence;
mod files;
mod index;
mod input;
mod names;
mod own;
mod payments;
mod receipts;
mod report;
mod reversals;
mod rules;
mod sums;

pub use input::{
    Answer, Arrival, BankLine, Credit, DetailRef, File, Input, InputFull, Lump, Payment, Receipt, Receivable,
    SubAccount,
};
pub use report::{
    Ambiguous, Candidate, Conflict, Difference, Evidence, GaveUp, Lines, Match, Outcome, Report, RuleCount, Target,
};
pub use rules::{Rule, RuleKind, Rules, STANDARD};

/// Applies the rules, in their order, to the lines.
///
/// Debits of payments and files are settled before anything else, so that a return finds what it returns whichever of
/// the two has the smaller line id.
#[must_use]
pub fn run(mut input: Input, rules: Rules) -> Report {
    input.put_in_order();
    engine::run(input, rules)
}
