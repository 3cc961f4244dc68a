-- The ledger. Facts are appended and chained; states may change and can be rebuilt from facts.
-- Every key begins with court_id, so that the tables can be distributed by it.
-- Mass tables carry one primary key, CHECKs and NOT NULLs, no foreign keys: see docs/invariants.md.

-- FACT. A set of accounts of its own: case money, relief fund, the court's register (book 0, no accounts).
CREATE TABLE book (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,          -- µs UTC
    mark BIGINT NOT NULL,                -- first 8 bytes of the running digest: places a changed row
    CONSTRAINT book_pk PRIMARY KEY (court_id, book_id, id)
);

-- STATE. The one row a writer locks: the next numbers and the end of the chain.
CREATE TABLE book_head (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    next_entry_no BIGINT NOT NULL,       -- gapless
    next_link_no BIGINT NOT NULL,        -- gapless
    link_hash BYTEA NOT NULL,            -- hash of the last link
    CONSTRAINT book_head_pk PRIMARY KEY (court_id, book_id),
    CONSTRAINT book_head_forward CHECK (next_id > 0 AND next_entry_no > 0 AND next_link_no > 0)
);

-- FACT. An account (科目) of the book; case_id where it is the control account of one case.
CREATE TABLE account (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- of the chart: bank, case_funds, payable…
    code TEXT NOT NULL,                  -- what people see
    name TEXT NOT NULL,
    normal_side TEXT NOT NULL,
    currency TEXT NOT NULL,
    case_id BIGINT,
    floor_minor BIGINT,                  -- lowest available balance; none when it may go anywhere
    item_floor BIGINT NOT NULL,          -- 1: no item of it may go below zero, kept in item_balance
    mark BIGINT NOT NULL,
    CONSTRAINT account_pk PRIMARY KEY (court_id, book_id, account_id),
    CONSTRAINT account_code UNIQUE (court_id, book_id, code),
    CONSTRAINT account_side CHECK (normal_side IN ('debit', 'credit')),
    CONSTRAINT account_item_floor CHECK (item_floor IN (0, 1))
);

-- STATE. Balances are positive on the normal side. The CHECK stands behind the pure core.
CREATE TABLE balance (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    floor_minor BIGINT,
    posted_minor BIGINT NOT NULL,
    held_minor BIGINT NOT NULL,
    last_entry_no BIGINT NOT NULL,       -- newest entry of the account: its history begins here
    is_open BIGINT NOT NULL,
    CONSTRAINT balance_pk PRIMARY KEY (court_id, book_id, account_id),
    CONSTRAINT balance_above_floor CHECK (floor_minor IS NULL OR posted_minor - held_minor >= floor_minor),
    CONSTRAINT balance_held CHECK (held_minor >= 0),
    CONSTRAINT balance_open CHECK (is_open IN (0, 1))
);

-- STATE. Only for accounts whose items have a floor (few items: receipts, unattributed money).
CREATE TABLE item_balance (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    posted_minor BIGINT NOT NULL,
    held_minor BIGINT NOT NULL,
    CONSTRAINT item_balance_pk PRIMARY KEY (court_id, book_id, account_id, item_id),
    CONSTRAINT item_balance_above_floor CHECK (posted_minor - held_minor >= 0),
    CONSTRAINT item_balance_held CHECK (held_minor >= 0)
);

-- FACT. A line of an entry (分录): one amount from a credit to a debit, so that no entry can be out of balance.
-- An entry of n postings is n-1 or more lines under one entry_no. The view `posting` shows the two sides apart.
CREATE TABLE entry_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    entry_no BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    voucher_id BIGINT NOT NULL,
    debit_account_id BIGINT NOT NULL,
    debit_item_id BIGINT NOT NULL,
    credit_account_id BIGINT NOT NULL,
    credit_item_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    debit_after_minor BIGINT NOT NULL,   -- balance of the account after this line
    credit_after_minor BIGINT NOT NULL,
    debit_previous_entry_no BIGINT NOT NULL,   -- the account's entry before this one, 0 if none: its history
    credit_previous_entry_no BIGINT NOT NULL,
    reverses_entry_no BIGINT,
    mark BIGINT NOT NULL,
    CONSTRAINT entry_line_pk PRIMARY KEY (court_id, book_id, entry_no, line_no),
    CONSTRAINT entry_line_positive CHECK (amount_minor > 0),
    CONSTRAINT entry_line_two_accounts CHECK (debit_account_id <> credit_account_id OR debit_item_id <> credit_item_id),
    CONSTRAINT entry_line_history CHECK (debit_previous_entry_no < entry_no AND credit_previous_entry_no < entry_no)
);

-- An entry is reversed at most once. Partial, so that it costs nothing on ordinary entries.
CREATE UNIQUE INDEX entry_line_reversed_once ON entry_line (court_id, book_id, reverses_entry_no, line_no)
    WHERE reverses_entry_no IS NOT NULL;

CREATE VIEW posting AS
    SELECT court_id, book_id, entry_no, line_no, 'debit' AS side, debit_account_id AS account_id,
           debit_item_id AS item_id, amount_minor, debit_after_minor AS after_minor, voucher_id
      FROM entry_line
    UNION ALL
    SELECT court_id, book_id, entry_no, line_no, 'credit', credit_account_id, credit_item_id, amount_minor,
           credit_after_minor, voucher_id
      FROM entry_line;

-- FACT. A voucher (凭证) over 1..n entries, numbered without gaps per book, month and kind.
CREATE TABLE voucher (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    voucher_id BIGINT NOT NULL,
    month TEXT NOT NULL,                 -- 2026-11
    kind TEXT NOT NULL,                  -- receipt 收, payment 付, transfer 转
    number BIGINT NOT NULL,
    accounting_date TEXT NOT NULL,       -- civil date in Asia/Shanghai
    recorded_at BIGINT NOT NULL,         -- µs UTC
    event TEXT NOT NULL,                 -- of the event table
    summary TEXT NOT NULL,               -- 摘要
    actor_id BIGINT NOT NULL,            -- who recorded it
    attachments BIGINT NOT NULL,
    first_entry_no BIGINT NOT NULL,
    last_entry_no BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,         -- sum of its lines' amounts
    mark BIGINT NOT NULL,
    CONSTRAINT voucher_pk PRIMARY KEY (court_id, book_id, voucher_id),
    CONSTRAINT voucher_number_once UNIQUE (court_id, book_id, month, kind, number),
    CONSTRAINT voucher_kind CHECK (kind IN ('receipt', 'payment', 'transfer')),
    CONSTRAINT voucher_entries CHECK (first_entry_no <= last_entry_no)
);

-- STATE. The last voucher number of a month and kind.
CREATE TABLE voucher_number (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    month TEXT NOT NULL,
    kind TEXT NOT NULL,
    last_number BIGINT NOT NULL,
    CONSTRAINT voucher_number_pk PRIMARY KEY (court_id, book_id, month, kind)
);

-- FACT. A month that is closed takes no more entries.
CREATE TABLE closed_month (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    month TEXT NOT NULL,
    closed_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT closed_month_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT closed_month_once UNIQUE (court_id, book_id, month)
);

-- FACT. An account that is closed takes no more entries; balance.is_open follows from it.
CREATE TABLE closed_account (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    closed_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT closed_account_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT closed_account_once UNIQUE (court_id, book_id, account_id)
);

-- STATE. A part of a balance set aside; captured in parts, released.
CREATE TABLE hold (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    hold_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    remaining_minor BIGINT NOT NULL,
    CONSTRAINT hold_pk PRIMARY KEY (court_id, book_id, hold_id),
    CONSTRAINT hold_remaining CHECK (remaining_minor >= 0)
);

-- FACT. What happened to a hold.
CREATE TABLE hold_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    hold_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- placed, captured, released
    account_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    entry_no BIGINT,                     -- the entry that a capture posted
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT hold_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT hold_event_kind CHECK (event IN ('placed', 'captured', 'released')),
    CONSTRAINT hold_event_positive CHECK (amount_minor > 0)
);

-- FACT. A link of the book's chain: one act, one transaction.
CREATE TABLE chain_link (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    link_no BIGINT NOT NULL,
    act TEXT NOT NULL,                   -- what was done: payout.commit
    actor_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    suite TEXT NOT NULL,                 -- algorithms and byte form, by name
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT chain_link_pk PRIMARY KEY (court_id, book_id, link_no)
);

-- FACT. The rows of one table that an act recorded, and their digest.
CREATE TABLE chain_part (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    table_name TEXT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    link_no BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    CONSTRAINT chain_part_pk PRIMARY KEY (court_id, book_id, table_name, first_id)
);
CREATE UNIQUE INDEX chain_part_by_link ON chain_part (court_id, book_id, link_no, table_name);

-- STATE. One row per request: who, what, under which key, and how it ended.
CREATE TABLE request (
    court_id BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    operation TEXT NOT NULL,
    request_key TEXT NOT NULL,
    payload_digest BYTEA NOT NULL,
    outcome TEXT NOT NULL,               -- JSON, as it was answered
    recorded_at BIGINT NOT NULL,
    CONSTRAINT request_pk PRIMARY KEY (court_id, actor_id, operation, request_key)
);
