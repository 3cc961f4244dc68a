//! The books of a court.

use ankuan_ledger::BookKey;

/// The court's register (book 0): people, roles, delegations, the chart. No money.
pub const REGISTER: i64 = 0;

/// Case money (案款, book 1): all accounts and everything that moves them.
pub const CASE_MONEY: i64 = 1;

/// The memorandum (备查簿, book 2): what is frozen elsewhere and what was performed outside the account. Double entry as
/// the others, but no money of the court: never added to it. Opened when it is first used.
pub const MEMORANDUM: i64 = 2;

/// Relief funds (司法救助资金, book 3): a source of their own, never mixed with case money. Opened when they are first used.
pub const RELIEF: i64 = 3;

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

/// All books that a court may have.
#[must_use]
pub const fn all(court_id: i64) -> [BookKey; 4] {
    [
        BookKey { court_id, book_id: REGISTER },
        BookKey { court_id, book_id: CASE_MONEY },
        BookKey { court_id, book_id: MEMORANDUM },
        BookKey { court_id, book_id: RELIEF },
    ]
}

/// What a book is called on record.
#[must_use]
pub const fn name(book_id: i64) -> &'static str {
    match book_id {
        REGISTER => "法院登记簿",
        CASE_MONEY => "案款",
        MEMORANDUM => "备查簿",
        _ => "救助资金",
    }
}
