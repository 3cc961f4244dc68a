//! Plans.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;

/// `plan`
pub static PLAN: Table = Table {
    name: "plan",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("plan_id", Int),
        ("case_id", Int),
        ("receipt_id", Int),
        ("waterfall", Text),
        ("document", Text),
        ("as_of", Text),
        ("pot_minor", Int),
        ("granted_minor", Int),
        ("surplus_minor", Int),
        ("objection_period", Text),
        ("opposition_period", Text),
        ("suit_period", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["plan_id"],
};

/// `plan_line`
pub static PLAN_LINE: Table = Table {
    name: "plan_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("plan_line_id", Int),
        ("plan_id", Int),
        ("line_no", Int),
        ("obligation_id", Int),
        ("payee_id", Int),
        ("creditor", Text),
        ("class", Text),
        ("order_no", Int),
        ("costs_minor", Int),
        ("interest_minor", Int),
        ("principal_minor", Int),
        ("share_minor", Int),
        ("doubled_minor", Int),
        ("doubled_share_minor", Int),
        ("mark", Int),
    ],
    order: &["plan_line_id"],
};

/// `plan_event`
pub static PLAN_EVENT: Table = Table {
    name: "plan_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("plan_id", Int),
        ("event", Text),
        ("party", Text),
        ("objection_id", Int),
        ("plan_line_id", Int),
        ("amount_minor", Int),
        ("rest_minor", Int),
        ("on_day", Text),
        ("last_day", Text),
        ("basis", Text),
        ("document", Text),
        ("sheet_id", Int),
        ("voucher_id", Int),
        ("actor_id", Int),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `plan_payout`
pub static PLAN_PAYOUT: Table = Table {
    name: "plan_payout",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("plan_id", Int),
        ("sheet_line_id", Int),
        ("obligation_id", Int),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

