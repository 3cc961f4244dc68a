-- Cash that officers take for a case, until the bank shows it. It stands in the memorandum: it is money of the case account only
-- once it is there.

-- FACT, memorandum. A numbered receipt (收款凭据); the numbers of a year have no gaps, a void one is kept.
CREATE TABLE cash_receipt (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    cash_receipt_id BIGINT NOT NULL,     -- also the item of its postings
    number TEXT NOT NULL,                -- X2026-0001
    case_id BIGINT NOT NULL,
    payer_name TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    purpose TEXT NOT NULL,               -- what was paid, and why in cash
    taken_on TEXT NOT NULL,
    second_officer_id BIGINT NOT NULL,   -- who was present besides the actor
    voucher_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT cash_receipt_pk PRIMARY KEY (court_id, book_id, cash_receipt_id),
    CONSTRAINT cash_receipt_number UNIQUE (court_id, book_id, number),
    CONSTRAINT cash_receipt_positive CHECK (amount_minor > 0),
    CONSTRAINT cash_receipt_two_officers CHECK (actor_id <> second_officer_id)
);

-- FACT, memorandum. It ends once: the bank has the money, or the receipt is void.
CREATE TABLE cash_end (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    cash_receipt_id BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    receipt_id BIGINT,                   -- banked: the receipt of case money that it became
    reason TEXT NOT NULL,                -- void: why; banked: why later than the next day, else empty
    voucher_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT cash_end_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT cash_end_once UNIQUE (court_id, book_id, cash_receipt_id),
    CONSTRAINT cash_end_receipt_once UNIQUE (court_id, book_id, receipt_id),
    CONSTRAINT cash_end_outcome CHECK ((outcome = 'banked' AND receipt_id IS NOT NULL)
        OR (outcome = 'void' AND receipt_id IS NULL AND reason <> ''))
);
