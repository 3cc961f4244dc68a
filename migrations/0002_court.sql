-- The court: people, the chart, bank accounts, cases, money in. All tables are facts: rows are appended and chained.
-- People and the chart stand in the register (book 0), the rest in the book of case money (book 1).
-- Who recorded a row and when stands in its link of the chain; a column repeats it where a rule needs it.

-- FACT. The court itself; its newest row counts.
CREATE TABLE court (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    name TEXT NOT NULL,                  -- printed on vouchers and files
    opened_on TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT court_pk PRIMARY KEY (court_id, book_id, id)
);

-- FACT. The chart of accounts and the event table in use; the newest row counts.
CREATE TABLE chart (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    chart_id BIGINT NOT NULL,
    file_name TEXT NOT NULL,             -- where it came from, for messages
    content BYTEA NOT NULL,              -- the file's bytes, so that later commands use the same
    mark BIGINT NOT NULL,
    CONSTRAINT chart_pk PRIMARY KEY (court_id, book_id, chart_id)
);

-- FACT. A person of the court. No password here: signing in gets tables of its own that point at person_id.
CREATE TABLE person (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    name TEXT NOT NULL,                  -- what `--as` is given; unique, so two of a name get a suffix
    mark BIGINT NOT NULL,
    CONSTRAINT person_pk PRIMARY KEY (court_id, book_id, person_id),
    CONSTRAINT person_name_once UNIQUE (court_id, book_id, name)
);

-- FACT. A role is given or taken. A role is held when its newest event up to the day is `granted`.
CREATE TABLE role_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    event TEXT NOT NULL,
    effective_on TEXT NOT NULL,          -- civil date from which it counts
    document TEXT NOT NULL,              -- the paper that says so
    mark BIGINT NOT NULL,
    CONSTRAINT role_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT role_event_role CHECK (role IN
        ('handler', 'fund_keeper', 'finance', 'bureau_head', 'vice_president', 'auditor', 'admin')),
    CONSTRAINT role_event_kind CHECK (event IN ('granted', 'revoked'))
);

-- FACT. One person stands in for another in one role, for some days.
CREATE TABLE delegation (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    delegation_id BIGINT NOT NULL,
    from_person_id BIGINT NOT NULL,
    to_person_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    from_date TEXT NOT NULL,             -- first day
    until_date TEXT NOT NULL,            -- last day, included: a delegation always ends
    document TEXT NOT NULL,              -- the paper that says so
    mark BIGINT NOT NULL,
    CONSTRAINT delegation_pk PRIMARY KEY (court_id, book_id, delegation_id),
    CONSTRAINT delegation_two_people CHECK (from_person_id <> to_person_id),
    CONSTRAINT delegation_role CHECK (role IN
        ('handler', 'fund_keeper', 'finance', 'bureau_head', 'vice_president', 'auditor', 'admin'))
);

-- FACT. An account of the court at a bank, with its accounts in the book.
CREATE TABLE bank_account (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    number TEXT NOT NULL,                -- text: leading zeros count
    holder_name TEXT NOT NULL,           -- 户名
    bank_name TEXT NOT NULL,             -- 开户行
    bank_code TEXT NOT NULL,             -- 联行号, 12 digits
    mark BIGINT NOT NULL,
    CONSTRAINT bank_account_pk PRIMARY KEY (court_id, book_id, bank_account_id),
    CONSTRAINT bank_account_number_once UNIQUE (court_id, book_id, number)
);

-- FACT. An enforcement case; it keeps its id while its numbers change.
CREATE TABLE court_case (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    title TEXT NOT NULL,
    opened_on TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT court_case_pk PRIMARY KEY (court_id, book_id, case_id)
);

-- FACT. A number that the case has had: 执保, 执, 执恢 in turn. The newest is current; money still comes under the old.
CREATE TABLE case_number (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    number TEXT NOT NULL,                -- normal form: every spelling finds it
    since TEXT NOT NULL,                 -- civil date of filing under this number
    mark BIGINT NOT NULL,
    CONSTRAINT case_number_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT case_number_once UNIQUE (court_id, book_id, number)
);
CREATE INDEX case_number_by_case ON case_number (court_id, book_id, case_id);

-- FACT. Someone who has to do with the case.
CREATE TABLE party (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    party_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT party_pk PRIMARY KEY (court_id, book_id, party_id),
    CONSTRAINT party_role CHECK (role IN
        ('applicant', 'debtor', 'payer', 'victim', 'other_court', 'valuer', 'auctioneer', 'third_party', 'agent'))
);
CREATE INDEX party_by_case ON party (court_id, book_id, case_id);

-- FACT. The number at the bank under which one payer pays into one case (一案一人一账户).
CREATE TABLE sub_account (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    sub_account_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    payer_party_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,     -- the main account behind it
    number TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT sub_account_pk PRIMARY KEY (court_id, book_id, sub_account_id),
    CONSTRAINT sub_account_number_once UNIQUE (court_id, book_id, bank_account_id, number),
    CONSTRAINT sub_account_one_a_payer UNIQUE (court_id, book_id, case_id, payer_party_id, bank_account_id)
);

-- FACT. What stops or lets go on the payouts of a case: stayed, resumed, bankruptcy accepted…
CREATE TABLE case_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    effective_on TEXT NOT NULL,          -- legal date, may lie before the day it is recorded
    reason TEXT NOT NULL,
    document TEXT NOT NULL,              -- ruling or notice
    mark BIGINT NOT NULL,
    CONSTRAINT case_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT case_event_kind CHECK (event IN
        ('stayed', 'resumed', 'bankruptcy_accepted', 'bankruptcy_lifted', 'plan_objection', 'plan_objection_ended',
         'execution_objection', 'execution_objection_ended'))
);
CREATE INDEX case_event_by_case ON case_event (court_id, book_id, case_id);

-- FACT. Another order freezes an amount of one payee's share.
CREATE TABLE payee_freeze (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    freeze_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    claim_id BIGINT,                     -- the share by its claim, or
    document_index BIGINT,               -- the payee by the blind index of the document number
    amount_minor BIGINT NOT NULL,        -- the most that is frozen
    order_number TEXT NOT NULL,          -- case number of the other order
    ordered_by TEXT NOT NULL,            -- the court that ordered it
    effective_on TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT payee_freeze_pk PRIMARY KEY (court_id, book_id, freeze_id),
    CONSTRAINT payee_freeze_positive CHECK (amount_minor > 0),
    CONSTRAINT payee_freeze_one_target CHECK
        ((claim_id IS NULL AND document_index IS NOT NULL) OR (claim_id IS NOT NULL AND document_index IS NULL))
);
CREATE INDEX payee_freeze_by_case ON payee_freeze (court_id, book_id, case_id);

-- FACT. A freeze ends only by a recorded order, never by itself.
CREATE TABLE payee_freeze_lift (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    freeze_id BIGINT NOT NULL,
    document TEXT NOT NULL,
    effective_on TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT payee_freeze_lift_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT payee_freeze_lifted_once UNIQUE (court_id, book_id, freeze_id)
);

-- FACT. Money that arrived. Its id is the item of its postings.
CREATE TABLE receipt (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    bank_account_id BIGINT NOT NULL,
    bank_reference TEXT NOT NULL,        -- the bank's own, once per account: the same money is never booked twice
    value_date TEXT NOT NULL,            -- the bank's value date (legal date)
    arrived_on TEXT NOT NULL,            -- day of the bank's notice: the clock of the payout runs from here
    amount_minor BIGINT NOT NULL,
    payer_name TEXT NOT NULL,            -- as the bank gives it; may be empty, then the case is seldom known
    case_id BIGINT,                      -- none: not yet attributed (待认领款)
    sub_account_id BIGINT,
    remark TEXT NOT NULL,                -- the bank's remark (附言), where case numbers stand
    voucher_id BIGINT NOT NULL,
    recorded_by BIGINT NOT NULL,         -- person_id; whoever records does not attribute alone
    mark BIGINT NOT NULL,
    CONSTRAINT receipt_pk PRIMARY KEY (court_id, book_id, receipt_id),
    CONSTRAINT receipt_reference_once UNIQUE (court_id, book_id, bank_account_id, bank_reference),
    CONSTRAINT receipt_positive CHECK (amount_minor > 0)
);
CREATE INDEX receipt_by_case ON receipt (court_id, book_id, case_id);

-- FACT. Someone says to which case unattributed money belongs, with evidence.
CREATE TABLE receipt_claim (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    receipt_claim_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    sub_account_id BIGINT,
    evidence TEXT NOT NULL,
    claimed_by BIGINT NOT NULL,          -- person_id
    mark BIGINT NOT NULL,
    CONSTRAINT receipt_claim_pk PRIMARY KEY (court_id, book_id, receipt_claim_id)
);
CREATE INDEX receipt_claim_by_receipt ON receipt_claim (court_id, book_id, receipt_id);

-- FACT. Another person confirms the claim, and the money moves to the case.
CREATE TABLE receipt_attribution (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    receipt_claim_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    voucher_id BIGINT NOT NULL,
    claimed_by BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT receipt_attribution_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT receipt_attribution_once UNIQUE (court_id, book_id, receipt_id),
    CONSTRAINT receipt_attribution_two_people CHECK (claimed_by <> confirmed_by)
);
CREATE INDEX receipt_attribution_by_case ON receipt_attribution (court_id, book_id, case_id);

-- A case has one control account of each kind; the accounts of book and bank are few.
CREATE UNIQUE INDEX account_one_a_case_and_kind ON account (court_id, book_id, case_id, kind) WHERE case_id IS NOT NULL;
CREATE INDEX account_of_book ON account (court_id, book_id, kind) WHERE case_id IS NULL;
