-- Claims, distributions, payout runs, approvals, payment lines, bank files, documents.
-- Mass tables (claim, share, payment_line, personal_detail) have their key and nothing else.

-- FACT. A document by its digest: imported lists, released files, decisions.
CREATE TABLE document (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- claim_list, payment_file, transmittal, verification_request, decision
    name TEXT NOT NULL,                  -- file name
    media_type TEXT NOT NULL,
    byte_count BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,               -- of the plain bytes
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT document_pk PRIMARY KEY (court_id, book_id, document_id)
);

-- STATE. A document's bytes: cut, compressed, sealed. Outside the chain, so that keys can be changed; checked against
-- the document's digest.
CREATE TABLE document_chunk (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    chunk_no BIGINT NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT document_chunk_pk PRIMARY KEY (court_id, book_id, document_id, chunk_no)
);

-- STATE. What identifies and pays a person; sealed but for names. Outside the chain: facts carry its id and a salted
-- commitment, so that it can be sealed anew or removed. Indexes are keyed hashes cut to 64 bits.
CREATE TABLE personal_detail (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    detail_id BIGINT NOT NULL,
    payee_kind TEXT NOT NULL,            -- person, company: banks take them in different files
    payee_name TEXT NOT NULL,            -- 户名
    bank_name TEXT NOT NULL,             -- 开户行
    bank_code TEXT NOT NULL,             -- 联行号
    document_index BIGINT NOT NULL,      -- of document type and number; 0 for none
    account_index BIGINT NOT NULL,       -- of the account number; 0 for none
    sealed BYTEA NOT NULL,               -- document number, account number, telephone
    CONSTRAINT personal_detail_pk PRIMARY KEY (court_id, book_id, detail_id),
    CONSTRAINT personal_detail_kind CHECK (payee_kind IN ('person', 'company'))
);

-- FACT. A claimant list as it was read.
CREATE TABLE claim_list (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    list_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    row_count BIGINT NOT NULL,
    broken_count BIGINT NOT NULL,        -- rows whose claim cannot be read
    unsound_count BIGINT NOT NULL,       -- rows whose payment details cannot be used
    total_minor BIGINT NOT NULL,         -- of the sound claims
    first_claim_id BIGINT NOT NULL,      -- the claims of a list have contiguous ids
    last_claim_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT claim_list_pk PRIMARY KEY (court_id, book_id, list_id),
    CONSTRAINT claim_list_once UNIQUE (court_id, book_id, case_id, sha256)
);

-- FACT, mass. A row of a list: the claim, and apart from it whether it can be paid.
CREATE TABLE claim (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    list_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    row_no BIGINT NOT NULL,              -- as a person counts it in the file
    claimant_no TEXT NOT NULL,
    name TEXT NOT NULL,
    document_type TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,        -- 0 when broken
    standing TEXT NOT NULL,              -- confirmed, disputed, late, broken
    class_no BIGINT NOT NULL,            -- rank in a waterfall
    fixed_minor BIGINT,                  -- amount the list itself fixes
    problem TEXT,                        -- code: why the claim is broken, or why it cannot be paid
    merged_into_row_no BIGINT,           -- row of the same person that this one is added to
    detail_id BIGINT NOT NULL,
    commitment BYTEA NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT claim_pk PRIMARY KEY (court_id, book_id, claim_id),
    CONSTRAINT claim_amount CHECK (amount_minor > 0 OR standing = 'broken'),
    CONSTRAINT claim_standing CHECK (standing IN ('confirmed', 'disputed', 'late', 'broken'))
);

-- FACT. What changed about a claim after its list: two people each.
CREATE TABLE claim_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- confirmed, disputed, reserve, details, withdrawn, payee
    amount_minor BIGINT,                 -- of a reserve
    payee_name TEXT,                     -- of a payee (heir, agent)
    numerator BIGINT,                    -- the payee's share of the claim
    denominator BIGINT,
    detail_id BIGINT,                    -- new payment details
    commitment BYTEA,
    reason TEXT NOT NULL,
    basis TEXT NOT NULL,                 -- the paper it rests on
    proposed_by BIGINT NOT NULL,
    approved_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT claim_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT claim_event_two_people CHECK (proposed_by <> approved_by),
    CONSTRAINT claim_event_kind CHECK (event IN ('confirmed', 'disputed', 'reserve', 'details', 'withdrawn', 'payee'))
);
CREATE INDEX claim_event_by_case ON claim_event (court_id, book_id, case_id);

-- FACT. A distribution of a case's money, with its proof: paid + set aside + carried = pot.
CREATE TABLE distribution (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    distribution_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    round_no BIGINT NOT NULL,
    plan TEXT NOT NULL,                  -- JSON: rule, smallest payment
    pot_minor BIGINT NOT NULL,
    paid_minor BIGINT NOT NULL,
    set_aside_minor BIGINT NOT NULL,
    carried_minor BIGINT NOT NULL,
    claim_total_minor BIGINT NOT NULL,
    claims_digest BYTEA NOT NULL,        -- of the lists and events it was computed from
    share_count BIGINT NOT NULL,
    first_share_id BIGINT NOT NULL,      -- the shares of a distribution have contiguous ids
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT distribution_pk PRIMARY KEY (court_id, book_id, distribution_id),
    CONSTRAINT distribution_proof CHECK (paid_minor + set_aside_minor + carried_minor = pot_minor),
    CONSTRAINT distribution_parts CHECK (paid_minor >= 0 AND set_aside_minor >= 0 AND carried_minor >= 0 AND pot_minor > 0)
);

-- FACT, mass. What one claimant gets in this round.
CREATE TABLE share (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    share_id BIGINT NOT NULL,
    distribution_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    detail_id BIGINT NOT NULL,           -- payment details as they stood
    claim_minor BIGINT NOT NULL,         -- the claim that counted, merged
    granted_minor BIGINT NOT NULL,
    outcome TEXT NOT NULL,               -- pay, set_aside, carry
    reason TEXT,                         -- why it is set aside
    mark BIGINT NOT NULL,
    CONSTRAINT share_pk PRIMARY KEY (court_id, book_id, share_id),
    CONSTRAINT share_amount CHECK (granted_minor >= 0 AND granted_minor <= claim_minor),
    CONSTRAINT share_outcome CHECK (outcome IN ('pay', 'set_aside', 'carry'))
);

-- FACT. A payee of ordinary payouts: applicant, treasury, payer… with payment details and, where needed, a decision.
CREATE TABLE payee (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    payee_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    document_type TEXT NOT NULL,
    detail_id BIGINT NOT NULL,
    commitment BYTEA NOT NULL,
    basis TEXT NOT NULL,                 -- the paper the account was taken from
    proposed_by BIGINT NOT NULL,
    approved_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT payee_pk PRIMARY KEY (court_id, book_id, payee_id),
    CONSTRAINT payee_two_people CHECK (proposed_by <> approved_by)
);

-- FACT. The ordinary payout sheet (执行款发放审批表): one receipt of a case, split.
CREATE TABLE sheet (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    sheet_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    total_minor BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT sheet_pk PRIMARY KEY (court_id, book_id, sheet_id),
    CONSTRAINT sheet_positive CHECK (total_minor > 0)
);

-- FACT. A line of a sheet.
CREATE TABLE sheet_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    sheet_line_id BIGINT NOT NULL,
    sheet_id BIGINT NOT NULL,
    head TEXT NOT NULL,                  -- principal, interest, fee, costs, surplus
    payee_id BIGINT NOT NULL,
    detail_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    decision TEXT NOT NULL,              -- the recorded decision, '' where none is needed
    mark BIGINT NOT NULL,
    CONSTRAINT sheet_line_pk PRIMARY KEY (court_id, book_id, sheet_line_id),
    CONSTRAINT sheet_line_positive CHECK (amount_minor > 0)
);
CREATE INDEX sheet_line_by_sheet ON sheet_line (court_id, book_id, sheet_id);

-- FACT. A payout run: lines from one or many cases, approved together.
CREATE TABLE run (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    number TEXT NOT NULL,                -- P2026-0001, what people see
    title TEXT NOT NULL,
    bank_account_id BIGINT NOT NULL,     -- the account it is paid from
    profile TEXT NOT NULL,               -- the bank profile's bytes
    policy TEXT NOT NULL,                -- the approval rules' bytes
    recorded_at BIGINT NOT NULL,
    maker_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT run_pk PRIMARY KEY (court_id, book_id, run_id),
    CONSTRAINT run_number UNIQUE (court_id, book_id, number)
);

-- FACT. Where a run's lines come from.
CREATE TABLE run_source (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- distribution, sheet
    source_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT run_source_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT run_source_kind CHECK (kind IN ('distribution', 'sheet'))
);

-- STATE. Where a run stands. A source is open in at most one run.
CREATE TABLE run_state (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    status TEXT NOT NULL,
    CONSTRAINT run_state_pk PRIMARY KEY (court_id, book_id, run_id),
    CONSTRAINT run_state_status CHECK (status IN ('draft', 'submitted', 'approved', 'committed', 'released', 'cancelled', 'withdrawn'))
);
CREATE TABLE open_source (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    source_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    CONSTRAINT open_source_pk PRIMARY KEY (court_id, book_id, kind, source_id)
);

-- FACT. A step of a run's life: submitted, returned, cancelled, committed, released, withdrawn, delivered.
CREATE TABLE run_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    digest BYTEA NOT NULL,               -- of what the run contained at that moment
    line_count BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    voucher_id BIGINT,
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT run_event_pk PRIMARY KEY (court_id, book_id, id)
);
CREATE INDEX run_event_by_run ON run_event (court_id, book_id, run_id);
-- A run is committed once and ends once, whatever its state row says.
CREATE UNIQUE INDEX run_event_once ON run_event (court_id, book_id, run_id, event)
    WHERE event IN ('committed', 'released', 'withdrawn', 'cancelled');

-- FACT, in the court's register. The approval rules that an admin set; the newest counts for new runs.
CREATE TABLE approval_policy (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    policy_id BIGINT NOT NULL,
    content BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT approval_policy_pk PRIMARY KEY (court_id, book_id, policy_id)
);

-- FACT. An approval names the digest of exactly what was approved. The floors that no setting lowers stand here:
-- never the maker, each step another person.
CREATE TABLE approval (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    approval_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    step_no BIGINT NOT NULL,
    role TEXT NOT NULL,
    approver_id BIGINT NOT NULL,
    on_behalf_of_id BIGINT,              -- who delegated
    principal_id BIGINT NOT NULL,        -- whose approval it is: who delegated, else the approver
    maker_id BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    amount_minor BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT approval_pk PRIMARY KEY (court_id, book_id, approval_id),
    CONSTRAINT approval_step_once UNIQUE (court_id, book_id, run_id, digest, step_no),
    CONSTRAINT approval_person_once UNIQUE (court_id, book_id, run_id, digest, approver_id),
    CONSTRAINT approval_principal_once UNIQUE (court_id, book_id, run_id, digest, principal_id),
    CONSTRAINT approval_not_maker CHECK (approver_id <> maker_id AND principal_id <> maker_id),
    CONSTRAINT approval_principal CHECK (principal_id = COALESCE(on_behalf_of_id, approver_id))
);

-- FACT, mass. A payment to be made. It is unique for the share or sheet line it pays, so that no debt has two open
-- payments. Its own id rises with time, as the chain needs; runs pay shares and sheets in any order.
CREATE TABLE payment_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    line_id BIGINT NOT NULL,             -- = share_id or sheet_line_id, and the item of its postings
    payee_no BIGINT NOT NULL,            -- 1, or the heir's or agent's place
    run_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,             -- within the run
    case_id BIGINT NOT NULL,
    detail_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT payment_line_pk PRIMARY KEY (court_id, book_id, payment_id),
    CONSTRAINT payment_line_once UNIQUE (court_id, book_id, line_id, payee_no),
    CONSTRAINT payment_line_positive CHECK (amount_minor > 0)
);

-- FACT. The addendum: a line that was blocked at commit or release goes to "set aside" under the approved rule.
CREATE TABLE line_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    line_id BIGINT NOT NULL,
    payee_no BIGINT NOT NULL,
    detail_id BIGINT NOT NULL,           -- whose money it is: a part that is blocked whole has no payment line
    event TEXT NOT NULL,                 -- blocked_at_commit, blocked_at_release, split_at_release
    amount_minor BIGINT NOT NULL,
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT line_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT line_event_once UNIQUE (court_id, book_id, line_id, payee_no, event)
);
CREATE INDEX line_event_by_run ON line_event (court_id, book_id, run_id);

-- FACT. A bank file: lines of one group between two line numbers of a run.
CREATE TABLE bank_file (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    file_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    file_no BIGINT NOT NULL,
    name TEXT NOT NULL,
    payment_group TEXT NOT NULL,         -- same_bank_person, interbank_company…
    first_line_no BIGINT NOT NULL,
    last_line_no BIGINT NOT NULL,
    line_count BIGINT NOT NULL,
    sum_minor BIGINT NOT NULL,
    message_id TEXT NOT NULL,
    renderer TEXT NOT NULL,              -- version of the program that wrote it
    document_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bank_file_pk PRIMARY KEY (court_id, book_id, file_id),
    CONSTRAINT bank_file_no UNIQUE (court_id, book_id, run_id, file_no),
    CONSTRAINT bank_file_range CHECK (first_line_no <= last_line_no AND line_count > 0)
);
