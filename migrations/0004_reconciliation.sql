-- What the bank says: statements, answers to payment files; what is matched with what; settlement, returns, reissues;
-- sign-off of a day. Mass tables (bank_line, line_detail, reply_line, bank_match, payment_event) have their key and
-- nothing else.

-- FACT. A statement of an account as it was imported. Channel and fetcher: a statement carried by hand proves little,
-- and whoever fetches does not prepare the reconciliation.
CREATE TABLE statement (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    statement_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,               -- of the file
    place BIGINT NOT NULL,               -- of the statement within the file, from 1
    kind TEXT NOT NULL,                  -- booked, intraday, detail
    format TEXT NOT NULL,                -- camt.053.001.08, mt940, name of a profile
    bank_statement_id TEXT NOT NULL,     -- the bank's own name for it, may be empty
    sequence TEXT NOT NULL,
    from_date TEXT NOT NULL,             -- first and last day covered
    to_date TEXT NOT NULL,
    opening_minor BIGINT,
    closing_minor BIGINT,
    entry_count BIGINT NOT NULL,         -- booked entries in it
    new_count BIGINT NOT NULL,           -- of which no other statement had shown
    net_minor BIGINT NOT NULL,           -- credits less debits of the booked entries
    first_line_id BIGINT NOT NULL,       -- its new lines lie between these ids; 0, 0 when there are none
    last_line_id BIGINT NOT NULL,
    problem_count BIGINT NOT NULL,       -- what was odd in the file
    channel TEXT NOT NULL,               -- bank_direct, download, email, counter
    fetched_by BIGINT NOT NULL,          -- person
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT statement_pk PRIMARY KEY (court_id, book_id, statement_id),
    CONSTRAINT statement_once UNIQUE (court_id, book_id, bank_account_id, sha256, place),
    CONSTRAINT statement_kind CHECK (kind IN ('booked', 'intraday', 'detail')),
    CONSTRAINT statement_days CHECK (from_date <= to_date)
);
CREATE INDEX statement_by_day ON statement (court_id, book_id, bank_account_id, to_date);

-- FACT, mass. A line of the bank's books, once however many statements show it.
CREATE TABLE bank_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    bank_line_id BIGINT NOT NULL,        -- also the item of its postings on the bank deposit
    statement_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    place BIGINT NOT NULL,               -- in the statement's file
    booked_on TEXT NOT NULL,
    value_on TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,        -- signed: what it adds to the account; cut to the fen
    exact_amount TEXT NOT NULL,          -- the exact amount where it is finer than a fen, else empty; never posted
    fingerprint BIGINT NOT NULL,         -- account, day, sign, amount, reference or normalised text
    occurrence_no BIGINT NOT NULL,       -- the n-th with this fingerprint
    bank_reference TEXT NOT NULL,
    own_reference TEXT NOT NULL,         -- our reference as the bank gives it back
    name TEXT NOT NULL,                  -- the other party
    account_index BIGINT NOT NULL,       -- keyed hash of the other party's account; 0 for none
    code TEXT NOT NULL,                  -- what the bank calls it
    remark TEXT NOT NULL,                -- 附言
    sub_account TEXT NOT NULL,
    reason TEXT NOT NULL,                -- why it came back, where the bank says so
    is_reversal BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bank_line_pk PRIMARY KEY (court_id, book_id, bank_line_id),
    CONSTRAINT bank_line_moves CHECK (amount_minor <> 0 OR exact_amount <> '')
);

-- FACT, mass. A payment that a line is made of, or a notice of one (camt.054), which attaches by the bank's reference.
CREATE TABLE line_detail (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    statement_id BIGINT NOT NULL,
    bank_line_id BIGINT NOT NULL,        -- 0: attaches by reference
    bank_reference TEXT NOT NULL,        -- of the entry
    line_key TEXT NOT NULL,
    amount_minor BIGINT,
    reason TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT line_detail_pk PRIMARY KEY (court_id, book_id, id)
);

-- FACT, mass. A line of an intraday statement: must come again in a booked one.
CREATE TABLE provisional_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    statement_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    booked_on TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    fingerprint BIGINT NOT NULL,
    bank_reference TEXT NOT NULL,
    name TEXT NOT NULL,
    remark TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT provisional_line_pk PRIMARY KEY (court_id, book_id, id)
);

-- STATE. What the lines of a day come to: follows from bank_line.
CREATE TABLE bank_day (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    day TEXT NOT NULL,
    line_count BIGINT NOT NULL,
    net_minor BIGINT NOT NULL,
    CONSTRAINT bank_day_pk PRIMARY KEY (court_id, book_id, bank_account_id, day)
);

-- FACT. What an account held at the bank before its first line here, with the list of what it is made of.
CREATE TABLE bank_opening (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    opening_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    day TEXT NOT NULL,                   -- balance at the end of this day
    balance_minor BIGINT NOT NULL,       -- what the bank says
    document_id BIGINT,                  -- the list; none where the first statement alone says it
    sha256 BYTEA,
    item_count BIGINT NOT NULL,
    item_sum_minor BIGINT NOT NULL,
    voucher_id BIGINT,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bank_opening_pk PRIMARY KEY (court_id, book_id, opening_id),
    CONSTRAINT bank_opening_once UNIQUE (court_id, book_id, bank_account_id)
);

-- FACT. A row of such a list; the receipt it became.
CREATE TABLE opening_item (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    opening_id BIGINT NOT NULL,
    row_no BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    handler TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT opening_item_pk PRIMARY KEY (court_id, book_id, id)
);

-- FACT. An answer to a payment file (回盘, pain.002).
CREATE TABLE reply (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    reply_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    file_id BIGINT NOT NULL,             -- the payment file that it answers
    document_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    format TEXT NOT NULL,
    line_count BIGINT NOT NULL,
    paid_count BIGINT NOT NULL,
    failed_count BIGINT NOT NULL,
    unknown_count BIGINT NOT NULL,
    conflict_count BIGINT NOT NULL,      -- lines that contradict the file or an earlier answer
    problem_count BIGINT NOT NULL,
    channel TEXT NOT NULL,
    fetched_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT reply_pk PRIMARY KEY (court_id, book_id, reply_id),
    CONSTRAINT reply_once UNIQUE (court_id, book_id, file_id, sha256)
);

-- FACT, mass. What became of one payment, as the bank says.
CREATE TABLE reply_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    reply_id BIGINT NOT NULL,
    place BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,          -- 0: belongs to no payment of the file
    state TEXT NOT NULL,                 -- paid, failed, unknown
    cause TEXT NOT NULL,                 -- ours; empty unless failed
    code TEXT NOT NULL,                  -- the bank's
    reason TEXT NOT NULL,                -- in the bank's words
    conflict TEXT NOT NULL,              -- why it does not count: amount, account, answered_before, no_payment, twice
    mark BIGINT NOT NULL,
    CONSTRAINT reply_line_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT reply_line_state CHECK (state IN ('paid', 'failed', 'unknown'))
);

-- STATE, mass. Where a payment stands with the bank; without a row it is on its way and unanswered. Follows from
-- reply_line, payment_event and reissue. One row a payment: it cannot be settled twice.
CREATE TABLE payment_state (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    answer TEXT NOT NULL,                -- none, paid, failed, unknown
    cause TEXT NOT NULL,
    outcome TEXT NOT NULL,               -- out, debited, failed, returned, reissued
    CONSTRAINT payment_state_pk PRIMARY KEY (court_id, book_id, payment_id),
    CONSTRAINT payment_state_answer CHECK (answer IN ('none', 'paid', 'failed', 'unknown')),
    CONSTRAINT payment_state_outcome CHECK (outcome IN ('out', 'debited', 'failed', 'returned', 'reissued'))
);

-- FACT. One run of the matching rules over the open lines of an account.
CREATE TABLE matching (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    matching_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    rules TEXT NOT NULL,                 -- the rules' own text; empty when a person matched
    line_count BIGINT NOT NULL,
    matched_count BIGINT NOT NULL,
    ambiguous_count BIGINT NOT NULL,
    conflict_count BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT matching_pk PRIMARY KEY (court_id, book_id, matching_id)
);

-- FACT, mass. A line and what it is. Lines that are matched together carry the group of the first.
CREATE TABLE bank_match (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    match_id BIGINT NOT NULL,
    matching_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,            -- match_id of the first line matched together
    bank_line_id BIGINT NOT NULL,
    outcome TEXT NOT NULL,               -- payment_debited, file_debited, receipt_linked…
    target_id BIGINT NOT NULL,           -- payment, file, receipt, case…; 0 for none or several
    rule TEXT NOT NULL,
    evidence TEXT NOT NULL,              -- one sentence: its code and arguments as JSON
    first_entry_no BIGINT NOT NULL,      -- what it posted; 0, 0 when nothing
    last_entry_no BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bank_match_pk PRIMARY KEY (court_id, book_id, match_id)
);

-- FACT. A match is taken back, with a reason: its entries are reversed, its lines are open again.
CREATE TABLE match_undo (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT match_undo_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT match_undo_once UNIQUE (court_id, book_id, group_id)
);

-- STATE, mass. The match that a line is in now. One row a line: it is used once.
CREATE TABLE line_match (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    bank_line_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    CONSTRAINT line_match_pk PRIMARY KEY (court_id, book_id, bank_line_id)
);
CREATE INDEX line_match_by_group ON line_match (court_id, book_id, group_id);

-- STATE. The match that shows a receipt which had been recorded by hand before its line came.
CREATE TABLE receipt_match (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    group_id BIGINT NOT NULL,
    CONSTRAINT receipt_match_pk PRIMARY KEY (court_id, book_id, receipt_id)
);
CREATE INDEX receipt_match_by_group ON receipt_match (court_id, book_id, group_id);

-- FACT, mass. The bank has debited, refused or returned a payment; or that was taken back.
CREATE TABLE payment_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- debited, failed, returned; debit_undone, failure_undone, return_undone
    group_id BIGINT NOT NULL,            -- the match that says so
    cause TEXT NOT NULL,
    reason TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT payment_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT payment_event_kind CHECK (event IN
        ('debited', 'failed', 'returned', 'debit_undone', 'failure_undone', 'return_undone'))
);

-- FACT. Payments of one case that came back and are to be paid again, together.
CREATE TABLE reissue (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    reissue_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT reissue_pk PRIMARY KEY (court_id, book_id, reissue_id)
);

-- FACT. A payment that came back is paid again once; that payment may come back in its turn.
CREATE TABLE reissue_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    reissue_line_id BIGINT NOT NULL,     -- item of the new payment's postings
    reissue_id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,          -- the payment that came back
    from_line_id BIGINT NOT NULL,        -- the item it came back to
    claim_id BIGINT NOT NULL,            -- claim or payee
    detail_id BIGINT NOT NULL,           -- corrected payment details
    amount_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT reissue_line_pk PRIMARY KEY (court_id, book_id, reissue_line_id),
    CONSTRAINT reissue_line_positive CHECK (amount_minor > 0)
);
CREATE INDEX reissue_line_by_reissue ON reissue_line (court_id, book_id, reissue_id);

-- STATE. The reissue that a returned payment stands in: never two open payments for one debt. A cancelled or withdrawn
-- run lets it go.
CREATE TABLE open_reissue (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    reissue_id BIGINT NOT NULL,
    CONSTRAINT open_reissue_pk PRIMARY KEY (court_id, book_id, payment_id)
);

-- FACT. Somebody takes an open item on, says something about it, or asks the bank.
CREATE TABLE item_note (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,             -- bank line, receipt recorded by hand, or opening
    owner_id BIGINT NOT NULL,            -- who looks after it from now on
    note TEXT NOT NULL,
    evidence TEXT NOT NULL,              -- the paper it rests on
    asked_bank BIGINT NOT NULL,          -- 1: a question went to the bank
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT item_note_pk PRIMARY KEY (court_id, book_id, id)
);
CREATE INDEX item_note_by_item ON item_note (court_id, book_id, item_id);

-- FACT. A step in the sign-off of an account's day.
CREATE TABLE day_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    day TEXT NOT NULL,
    event TEXT NOT NULL,                 -- prepared, reviewed, closed, reopening_asked, reopened
    digest BYTEA NOT NULL,               -- of the reconciliation statement
    bank_minor BIGINT NOT NULL,
    book_minor BIGINT NOT NULL,
    adjusted_minor BIGINT NOT NULL,
    open_count BIGINT NOT NULL,
    head TEXT NOT NULL,                  -- of the chain before this step
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT day_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT day_event_kind CHECK (event IN ('prepared', 'reviewed', 'closed', 'reopening_asked', 'reopened'))
);
CREATE INDEX day_event_by_day ON day_event (court_id, book_id, bank_account_id, day);

-- FACT. What the bank has to move in its own sub-ledger, because the court now knows whose money it is.
CREATE TABLE transfer_instruction (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    sub_account_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT transfer_instruction_pk PRIMARY KEY (court_id, book_id, id)
);

-- A run may now pay reissues as well: the rule of run_source changes, its rows stay as they are. Neither database can
-- change a CHECK alike, so the table is made again.
CREATE TABLE run_source_before AS SELECT * FROM run_source;
DROP TABLE run_source;
CREATE TABLE run_source (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- distribution, sheet, reissue
    source_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT run_source_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT run_source_kind CHECK (kind IN ('distribution', 'sheet', 'reissue'))
);
INSERT INTO run_source SELECT * FROM run_source_before;
DROP TABLE run_source_before;
