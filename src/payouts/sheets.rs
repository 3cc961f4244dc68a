//! The ordinary payout on record: payees with their accounts, and sheets that split one receipt.

use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::Table;

/// `payee`
pub static PAYEE: Table = Table {
    name: "payee",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("payee_id", Int),
        ("case_id", Int),
        ("kind", Text),
        ("name", Text),
        ("document_type", Text),
        ("detail_id", Int),
        ("commitment", Bytes),
        ("basis", Text),
        ("proposed_by", Int),
        ("approved_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["payee_id"],
};

/// `sheet`
pub static SHEET: Table = Table {
    name: "sheet",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("sheet_id", Int),
        ("case_id", Int),
        ("receipt_id", Int),
        ("total_minor", Int),
        ("line_count", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["sheet_id"],
};

/// `sheet_line`
pub static SHEET_LINE: Table = Table {
    name: "sheet_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("sheet_line_id", Int),
        ("sheet_id", Int),
        ("head", Text),
        ("payee_id", Int),
        ("detail_id", Int),
        ("amount_minor", Int),
        ("decision", Text),
        ("mark", Int),
    ],
    order: &["sheet_line_id"],
};
