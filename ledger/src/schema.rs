//! The ledger's step of the schema, and its fact tables.

use crate::engine::Kind::{Bytes, Int, Text};
use crate::engine::{Migration, Table};

/// The tables of the ledger.
pub const MIGRATION: Migration = Migration {
    name: "0001_ledger",
    text: include_str!("../../migrations/0001_ledger.sql"),
    facts: &[
        &BOOK,
        &ACCOUNT,
        &ENTRY_LINE,
        &VOUCHER,
        &CLOSED_MONTH,
        &CLOSED_ACCOUNT,
        &HOLD_EVENT,
        &CHAIN_LINK,
        &CHAIN_PART,
    ],
};

/// Facts that the chain covers, of this crate.
pub const FACTS: &[&Table] = &[&BOOK, &ACCOUNT, &ENTRY_LINE, &VOUCHER, &CLOSED_MONTH, &CLOSED_ACCOUNT, &HOLD_EVENT];

/// `book`
pub static BOOK: Table = Table {
    name: "book",
    columns: &[("court_id", Int), ("book_id", Int), ("id", Int), ("name", Text), ("created_at", Int), ("mark", Int)],
    order: &["id"],
};

/// `account`
pub static ACCOUNT: Table = Table {
    name: "account",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("account_id", Int),
        ("kind", Text),
        ("code", Text),
        ("name", Text),
        ("normal_side", Text),
        ("currency", Text),
        ("case_id", Int),
        ("floor_minor", Int),
        ("item_floor", Int),
        ("mark", Int),
    ],
    order: &["account_id"],
};

/// `entry_line`
pub static ENTRY_LINE: Table = Table {
    name: "entry_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("entry_no", Int),
        ("line_no", Int),
        ("voucher_id", Int),
        ("debit_account_id", Int),
        ("debit_item_id", Int),
        ("credit_account_id", Int),
        ("credit_item_id", Int),
        ("amount_minor", Int),
        ("debit_after_minor", Int),
        ("credit_after_minor", Int),
        ("debit_previous_entry_no", Int),
        ("credit_previous_entry_no", Int),
        ("reverses_entry_no", Int),
        ("mark", Int),
    ],
    order: &["entry_no", "line_no"],
};

/// `voucher`
pub static VOUCHER: Table = Table {
    name: "voucher",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("voucher_id", Int),
        ("month", Text),
        ("kind", Text),
        ("number", Int),
        ("accounting_date", Text),
        ("recorded_at", Int),
        ("event", Text),
        ("summary", Text),
        ("actor_id", Int),
        ("attachments", Int),
        ("first_entry_no", Int),
        ("last_entry_no", Int),
        ("total_minor", Int),
        ("mark", Int),
    ],
    order: &["voucher_id"],
};

/// `item_balance`, a state.
pub static ITEM_BALANCE: Table = Table {
    name: "item_balance",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("account_id", Int),
        ("item_id", Int),
        ("posted_minor", Int),
        ("held_minor", Int),
    ],
    order: &["account_id", "item_id"],
};

/// `closed_month`
pub static CLOSED_MONTH: Table = Table {
    name: "closed_month",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("month", Text),
        ("closed_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `closed_account`
pub static CLOSED_ACCOUNT: Table = Table {
    name: "closed_account",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("account_id", Int),
        ("closed_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `hold_event`
pub static HOLD_EVENT: Table = Table {
    name: "hold_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("hold_id", Int),
        ("event", Text),
        ("account_id", Int),
        ("item_id", Int),
        ("amount_minor", Int),
        ("entry_no", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("reason", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `chain_link`: covered by its own hash.
pub static CHAIN_LINK: Table = Table {
    name: "chain_link",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("link_no", Int),
        ("act", Text),
        ("actor_id", Int),
        ("recorded_at", Int),
        ("suite", Text),
        ("previous_hash", Bytes),
        ("hash", Bytes),
    ],
    order: &["link_no"],
};

/// `chain_part`: covered by the hash of its link.
pub static CHAIN_PART: Table = Table {
    name: "chain_part",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("table_name", Text),
        ("first_id", Int),
        ("last_id", Int),
        ("link_no", Int),
        ("row_count", Int),
        ("digest", Bytes),
    ],
    order: &["first_id"],
};
