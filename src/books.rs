//! The books of a court.

use ankuan_ledger::BookKey;

/// The court's register (book 0): people, roles, delegations, the chart. No money.
pub const REGISTER: i64 = 0;

/// Case money (案款, book 1): all accounts and everything that moves them.
pub const CASE_MONEY: i64 = 1;

/// The register of a court.
#[must_use]
pub const fn register(court_id: i64) -> BookKey {
    BookKey { court_id, book_id: REGISTER }
}

/// The case money of a court.
#[must_use]
pub const fn case_money(court_id: i64) -> BookKey {
    BookKey { court_id, book_id: CASE_MONEY }
}
