-- What is frozen at banks, insurers, fund centres and employers: assets, orders on them, what became of the orders, what was
-- said to the institutions and what they answered; money deducted that is not here yet. Nothing here is money of the
-- court but what `deduction` posts.

-- FACT. Something that belongs to a debtor and stands in another's books. Found by two cases it is one: the orders of
-- both stand in one line.
CREATE TABLE asset (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- decides how long an order may last, and what it may say
    institution TEXT NOT NULL,           -- who holds it and is told what to do
    holder_name TEXT NOT NULL,           -- in whose name
    detail_id BIGINT NOT NULL,           -- the sealed number of account, policy or fund; the asset's own id
    commitment BYTEA NOT NULL,           -- salted, of that detail
    identifier_index BIGINT NOT NULL,    -- keyed hash of the number: the same number is the same asset
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT asset_pk PRIMARY KEY (court_id, book_id, asset_id),
    CONSTRAINT asset_once UNIQUE (court_id, book_id, kind, institution, identifier_index),
    CONSTRAINT asset_kind CHECK (kind IN ('deposit', 'salary', 'policy', 'housing_fund', 'income', 'wallet', 'equity',
        'debt', 'auction'))
);

-- FACT. An order of a case on an asset; or another court's order that we know of, as it stands in the same line.
CREATE TABLE measure (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    case_id BIGINT,                      -- none: another court's
    outside_court TEXT NOT NULL,         -- that court; empty for our own
    ruling TEXT NOT NULL,                -- number of the ruling
    officer TEXT NOT NULL,               -- who carries the order out
    basis TEXT NOT NULL,                 -- preservation, enforcement
    extent TEXT NOT NULL,                -- amount, share, whole
    amount_minor BIGINT,                 -- with extent amount
    share_bp BIGINT,                     -- with extent share: hundredths of a per cent
    months BIGINT NOT NULL,              -- from the day on which it takes effect
    allowance_minor BIGINT,              -- of a salary: what stays free each month
    carries_over BIGINT NOT NULL,        -- 1: unused allowance is carried to the next month
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT measure_pk PRIMARY KEY (court_id, book_id, measure_id),
    CONSTRAINT measure_whose CHECK ((case_id IS NULL) = (outside_court <> '')),
    CONSTRAINT measure_basis CHECK (basis IN ('preservation', 'enforcement')),
    CONSTRAINT measure_extent CHECK (
        (extent = 'amount' AND amount_minor > 0 AND amount_minor IS NOT NULL AND share_bp IS NULL)
        OR (extent = 'share' AND share_bp > 0 AND share_bp <= 10000 AND share_bp IS NOT NULL AND amount_minor IS NULL)
        OR (extent = 'whole' AND amount_minor IS NULL AND share_bp IS NULL)),
    CONSTRAINT measure_months CHECK (months > 0),
    CONSTRAINT measure_allowance CHECK (allowance_minor >= 0),
    CONSTRAINT measure_carries_over CHECK (carries_over IN (0, 1))
);
CREATE INDEX measure_by_asset ON measure (court_id, book_id, asset_id);
CREATE INDEX measure_by_case ON measure (court_id, book_id, case_id);

-- FACT. What was ordered, said, answered, and what time did. Where an order stands follows from these alone.
CREATE TABLE measure_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,                  -- of an order: the number under which the institution answers
    measure_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,            -- a line is read by its asset
    event TEXT NOT NULL,
    order_id BIGINT,                     -- the order that was sent or answered
    on_day TEXT NOT NULL,                -- legal day
    amount_minor BIGINT,                 -- frozen, ordered to be deducted, deducted
    months BIGINT,                       -- of a renewal
    unknown_ahead BIGINT,                -- of one that waits (轮候): orders before it that we do not know
    bank_account_id BIGINT,              -- where deducted money is to come
    instruction_id BIGINT,               -- in which it was sent
    answer_id BIGINT,                    -- in which it was answered
    reason TEXT NOT NULL,                -- ruling or notice of an order; the institution's words
    confirmed_by BIGINT,                 -- second person of a deduction
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT measure_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT measure_event_kind CHECK (event IN ('ordered', 'sent', 'in_force', 'partly', 'waiting', 'refused', 'more',
        'renewal_ordered', 'renewed', 'renewal_refused', 'deduction_ordered', 'deducted', 'deduction_refused',
        'lift_ordered', 'lifted', 'lift_refused', 'withdrawn', 'lapsed', 'promoted')),
    CONSTRAINT measure_event_two_people CHECK (event <> 'deduction_ordered'
        OR (confirmed_by IS NOT NULL AND confirmed_by <> actor_id))
);
CREATE INDEX measure_event_by_asset ON measure_event (court_id, book_id, asset_id);

-- STATE. Where an order stands: follows from measure and measure_event.
CREATE TABLE measure_state (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    line_no BIGINT NOT NULL,             -- rises in the order of arrival at the institution; 0 before
    since TEXT NOT NULL,                 -- day of the status; of an order in force the day it took effect
    ends_on TEXT NOT NULL,               -- last day of an order in force, else empty
    frozen_minor BIGINT NOT NULL,        -- held at the institution now
    deducted_minor BIGINT NOT NULL,
    CONSTRAINT measure_state_pk PRIMARY KEY (court_id, book_id, measure_id),
    CONSTRAINT measure_state_status CHECK (status IN ('ordered', 'sent', 'waiting', 'in_force', 'refused', 'withdrawn',
        'lapsed', 'lifted', 'deducted')),
    CONSTRAINT measure_state_frozen CHECK (frozen_minor >= 0),
    CONSTRAINT measure_state_deducted CHECK (deducted_minor >= 0)
);
CREATE INDEX measure_state_by_end ON measure_state (court_id, book_id, ends_on);

-- STATE. Orders that nobody has answered: the next to be sent, and those to be asked after. One of a kind a measure.
CREATE TABLE open_order (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    order_id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    action TEXT NOT NULL,
    is_sent BIGINT NOT NULL,
    CONSTRAINT open_order_pk PRIMARY KEY (court_id, book_id, order_id),
    CONSTRAINT open_order_once UNIQUE (court_id, book_id, measure_id, action),
    CONSTRAINT open_order_action CHECK (action IN ('freeze', 'renew', 'deduct', 'lift'))
);
CREATE INDEX open_order_by_asset ON open_order (court_id, book_id, asset_id);

-- FACT. A numbered message to an institution, as JSON and as CSV.
CREATE TABLE instruction (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    instruction_id BIGINT NOT NULL,
    number TEXT NOT NULL,
    institution TEXT NOT NULL,
    document_id BIGINT NOT NULL,         -- the JSON file
    sha256 BYTEA NOT NULL,
    csv_document_id BIGINT NOT NULL,
    csv_sha256 BYTEA NOT NULL,
    order_count BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT instruction_pk PRIMARY KEY (court_id, book_id, instruction_id),
    CONSTRAINT instruction_number UNIQUE (court_id, book_id, number)
);

-- FACT. An answer as it was read.
CREATE TABLE instruction_answer (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    answer_id BIGINT NOT NULL,
    instruction_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    line_count BIGINT NOT NULL,
    applied_count BIGINT NOT NULL,
    repeated_count BIGINT NOT NULL,      -- said before
    conflict_count BIGINT NOT NULL,      -- contradict the order, the line, or what was said before: do not count
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT instruction_answer_pk PRIMARY KEY (court_id, book_id, answer_id),
    CONSTRAINT instruction_answer_once UNIQUE (court_id, book_id, sha256)
);

-- FACT. A line of an answer.
CREATE TABLE instruction_answer_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    answer_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,             -- in the file, from 1
    order_id BIGINT NOT NULL,
    result TEXT NOT NULL,
    on_day TEXT NOT NULL,
    amount_minor BIGINT,
    conflict TEXT NOT NULL,              -- code of why it does not count; empty when it does
    mark BIGINT NOT NULL,
    CONSTRAINT instruction_answer_line_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT instruction_answer_line_result CHECK (result IN ('done', 'partly', 'waiting', 'refused', 'frozen'))
);

-- FACT. Money that an institution says it has deducted (W to C). Its id is the item on both accounts; what is held of it
-- has not arrived.
CREATE TABLE deduction (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    deduction_id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,     -- where it is to come
    amount_minor BIGINT NOT NULL,
    payer_name TEXT NOT NULL,            -- under which it will come
    confirmed_on TEXT NOT NULL,          -- day of the deduction: the doubled interest stops (法释〔2014〕8号 art. 3)
    order_id BIGINT NOT NULL,
    instruction_id BIGINT NOT NULL,
    answer_id BIGINT NOT NULL,
    voucher_id BIGINT NOT NULL,          -- by whose date the monthly comparison counts it
    hold_id BIGINT NOT NULL,             -- keeps it from being distributed until it is here
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT deduction_pk PRIMARY KEY (court_id, book_id, deduction_id),
    CONSTRAINT deduction_once UNIQUE (court_id, book_id, order_id),
    CONSTRAINT deduction_positive CHECK (amount_minor > 0)
);
CREATE INDEX deduction_by_case ON deduction (court_id, book_id, case_id);
