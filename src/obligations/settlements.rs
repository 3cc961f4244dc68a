//! Settlements.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;

/// `settlement`
pub static SETTLEMENT: Table = Table {
    name: "settlement",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("settlement_id", Int),
        ("case_id", Int),
        ("obligation_id", Int),
        ("document", Text),
        ("agreed_on", Text),
        ("open_minor", Int),
        ("total_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["settlement_id"],
};

/// `settlement_instalment`
pub static SETTLEMENT_INSTALMENT: Table = Table {
    name: "settlement_instalment",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("instalment_id", Int),
        ("settlement_id", Int),
        ("due_on", Text),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["instalment_id"],
};

/// `settlement_receipt`
pub static SETTLEMENT_RECEIPT: Table = Table {
    name: "settlement_receipt",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("settlement_id", Int),
        ("receipt_id", Int),
        ("amount_minor", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `settlement_end`
pub static SETTLEMENT_END: Table = Table {
    name: "settlement_end",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("settlement_id", Int),
        ("outcome", Text),
        ("on_day", Text),
        ("document", Text),
        ("waived_id", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

