-- What documents oblige debtors of a case to, what was performed otherwise than through the court's account, settlements by
-- instalments (all in the memorandum book, 2); plans by which a receipt is distributed, with objections, and what becomes of
-- what an objection set aside (in the book of case money, 1).

-- FACT, memorandum. An obligation under a document. Its id is the item of its postings.
CREATE TABLE obligation (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    obligation_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    creditor_party_id BIGINT NOT NULL,   -- parties of the case
    debtor_party_id BIGINT NOT NULL,
    class TEXT NOT NULL,                 -- class of a waterfall: ordinary, preferred, wages…
    order_no BIGINT,                     -- place in a class that is paid by order: of the freezing, of the registration
    principal_minor BIGINT NOT NULL,
    interest_minor BIGINT NOT NULL,      -- general interest that the document states as a sum
    costs_minor BIGINT NOT NULL,         -- costs of realising the claim
    document TEXT NOT NULL,              -- the judgment, award, decision
    document_on TEXT NOT NULL,
    due_on TEXT,                         -- first day that bears doubled interest; none: it does not run
    rate TEXT NOT NULL,                  -- general interest that runs, as the document gives it; empty for none
    rate_per TEXT NOT NULL,              -- year, month, day
    rate_from TEXT,                      -- first day that bears it
    assigned_by BIGINT,                  -- the performance by which another was assigned
    total_minor BIGINT NOT NULL,         -- what was registered: principal, interest, costs
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT obligation_pk PRIMARY KEY (court_id, book_id, obligation_id),
    CONSTRAINT obligation_parts CHECK (principal_minor > 0 AND interest_minor >= 0 AND costs_minor >= 0
        AND principal_minor + interest_minor + costs_minor = total_minor),
    CONSTRAINT obligation_two_parties CHECK (creditor_party_id <> debtor_party_id),
    CONSTRAINT obligation_rate CHECK ((rate = '' AND rate_per = '' AND rate_from IS NULL)
        OR (rate <> '' AND rate_per IN ('year', 'month', 'day') AND rate_from IS NOT NULL))
);
CREATE INDEX obligation_by_case ON obligation (court_id, book_id, case_id);

-- FACT, memorandum. Which payee is paid for an obligation; the newest counts.
CREATE TABLE obligation_payee (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    obligation_id BIGINT NOT NULL,
    payee_id BIGINT NOT NULL,            -- of the same case
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT obligation_payee_pk PRIMARY KEY (court_id, book_id, id)
);
CREATE INDEX obligation_payee_by_obligation ON obligation_payee (court_id, book_id, obligation_id);

-- FACT, memorandum. An obligation is reduced otherwise than through the account, or that is taken back: two people each.
CREATE TABLE performance (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    performance_id BIGINT NOT NULL,
    obligation_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- outside, set_off, assigned, waived; undone
    amount_minor BIGINT NOT NULL,
    interest_minor BIGINT NOT NULL,      -- interest that had run and was registered so that it could be met
    on_day TEXT NOT NULL,                -- day of the performance: interest stops for it
    evidence TEXT NOT NULL,
    reason TEXT NOT NULL,                -- of an undoing
    pair_id BIGINT,                      -- what belongs together: the first performance of a set-off or assignment
    undoes_id BIGINT,                    -- the performance that is taken back
    first_entry_no BIGINT NOT NULL,      -- what it posted
    last_entry_no BIGINT NOT NULL,
    proposed_by BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT performance_pk PRIMARY KEY (court_id, book_id, performance_id),
    CONSTRAINT performance_kind CHECK (kind IN ('outside', 'set_off', 'assigned', 'waived', 'undone')),
    CONSTRAINT performance_amounts CHECK (amount_minor > 0 AND interest_minor >= 0 AND interest_minor <= amount_minor),
    CONSTRAINT performance_two_people CHECK (proposed_by <> confirmed_by),
    CONSTRAINT performance_evidence CHECK (evidence <> ''),
    CONSTRAINT performance_undone CHECK ((kind = 'undone') = (undoes_id IS NOT NULL) AND (kind <> 'undone' OR reason <> '')),
    CONSTRAINT performance_undone_once UNIQUE (court_id, book_id, undoes_id),
    CONSTRAINT performance_paired CHECK (kind NOT IN ('set_off', 'assigned') OR pair_id IS NOT NULL)
);
CREATE INDEX performance_by_obligation ON performance (court_id, book_id, obligation_id);

-- FACT, memorandum. A settlement in enforcement (执行和解): instalments, and what the creditor gives up once they are met.
CREATE TABLE settlement (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    settlement_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    obligation_id BIGINT NOT NULL,
    document TEXT NOT NULL,
    agreed_on TEXT NOT NULL,
    open_minor BIGINT NOT NULL,          -- what was open that day
    total_minor BIGINT NOT NULL,         -- the instalments
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT settlement_pk PRIMARY KEY (court_id, book_id, settlement_id),
    CONSTRAINT settlement_total CHECK (total_minor > 0 AND total_minor <= open_minor)
);
CREATE INDEX settlement_by_case ON settlement (court_id, book_id, case_id);

-- FACT, memorandum. An instalment.
CREATE TABLE settlement_instalment (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    instalment_id BIGINT NOT NULL,
    settlement_id BIGINT NOT NULL,
    due_on TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT settlement_instalment_pk PRIMARY KEY (court_id, book_id, instalment_id),
    CONSTRAINT settlement_instalment_positive CHECK (amount_minor > 0)
);
CREATE INDEX settlement_instalment_by_settlement ON settlement_instalment (court_id, book_id, settlement_id);

-- FACT, memorandum. A receipt of the case, or a part of it, is an instalment that the debtor paid.
CREATE TABLE settlement_receipt (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    settlement_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT settlement_receipt_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT settlement_receipt_positive CHECK (amount_minor > 0)
);
CREATE INDEX settlement_receipt_by_receipt ON settlement_receipt (court_id, book_id, receipt_id);

-- FACT, memorandum. A settlement ends: the debtor defaulted and enforcement resumes, or all was performed. Two people.
CREATE TABLE settlement_end (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    settlement_id BIGINT NOT NULL,
    outcome TEXT NOT NULL,               -- defaulted, performed
    on_day TEXT NOT NULL,
    document TEXT NOT NULL,
    waived_id BIGINT,                    -- the performance by which the rest was waived
    proposed_by BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT settlement_end_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT settlement_end_once UNIQUE (court_id, book_id, settlement_id),
    CONSTRAINT settlement_end_outcome CHECK (outcome IN ('defaulted', 'performed')),
    CONSTRAINT settlement_end_two_people CHECK (proposed_by <> confirmed_by)
);

-- FACT. A plan (分配方案) for the money of one receipt, with its proof: granted + surplus = pot.
CREATE TABLE plan (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    receipt_id BIGINT NOT NULL,
    waterfall TEXT NOT NULL,             -- name@version
    document TEXT NOT NULL,              -- number of the plan; the decision to pay others than applicants
    as_of TEXT NOT NULL,                 -- the claims are those of this day
    pot_minor BIGINT NOT NULL,
    granted_minor BIGINT NOT NULL,
    surplus_minor BIGINT NOT NULL,
    objection_period TEXT NOT NULL,      -- 15d: as the terms had it on the day of the draft
    opposition_period TEXT NOT NULL,
    suit_period TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT plan_pk PRIMARY KEY (court_id, book_id, plan_id),
    CONSTRAINT plan_proof CHECK (granted_minor + surplus_minor = pot_minor AND granted_minor > 0 AND surplus_minor >= 0)
);
CREATE INDEX plan_by_case ON plan (court_id, book_id, case_id);

-- FACT. What one obligation gets by a plan.
CREATE TABLE plan_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    plan_line_id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,             -- from 1
    obligation_id BIGINT NOT NULL,       -- of the memorandum book; of this case or of one that takes part
    payee_id BIGINT NOT NULL,            -- of this case
    creditor TEXT NOT NULL,
    class TEXT NOT NULL,
    order_no BIGINT,
    costs_minor BIGINT NOT NULL,         -- the money debt that takes part
    interest_minor BIGINT NOT NULL,
    principal_minor BIGINT NOT NULL,
    share_minor BIGINT NOT NULL,         -- what of it is granted
    doubled_minor BIGINT NOT NULL,       -- doubled interest, which comes after all money debts (法释〔2014〕8号 art. 4)
    doubled_share_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT plan_line_pk PRIMARY KEY (court_id, book_id, plan_line_id),
    CONSTRAINT plan_line_share CHECK (share_minor >= 0 AND share_minor <= costs_minor + interest_minor + principal_minor
        AND doubled_share_minor >= 0 AND doubled_share_minor <= doubled_minor)
);
CREATE INDEX plan_line_by_plan ON plan_line (court_id, book_id, plan_id);
CREATE INDEX plan_line_by_obligation ON plan_line (court_id, book_id, obligation_id);

-- FACT. What happens to a plan. A period runs from `on_day`, which is not counted, to the end of `last_day`.
CREATE TABLE plan_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,                  -- of an objection also the item of what is set aside for it
    plan_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    party TEXT NOT NULL,                 -- on whom served, who objects, opposes, sues
    objection_id BIGINT,
    plan_line_id BIGINT,                 -- the line objected to
    amount_minor BIGINT,                 -- disputed; decided to be paid; paid by a settled plan
    rest_minor BIGINT,                   -- decided to go back to the case; set aside by a settled plan
    on_day TEXT NOT NULL,
    last_day TEXT,
    basis TEXT NOT NULL,                 -- of a decision: lapsed, withdrawn, unopposed, judgment
    document TEXT NOT NULL,
    sheet_id BIGINT,                     -- the payout sheet that pays
    voucher_id BIGINT,                   -- what was posted
    actor_id BIGINT NOT NULL,
    confirmed_by BIGINT,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT plan_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT plan_event_kind CHECK (event IN ('served', 'objected', 'objection_served', 'opposed', 'opposition_served',
        'sued', 'decided', 'settled', 'paid_again', 'cancelled')),
    CONSTRAINT plan_event_moves CHECK (event NOT IN ('decided', 'settled', 'paid_again')
        OR (confirmed_by IS NOT NULL AND confirmed_by <> actor_id)),
    CONSTRAINT plan_event_last_day CHECK
        ((last_day IS NOT NULL) = (event IN ('served', 'objection_served', 'opposition_served')))
);
CREATE INDEX plan_event_by_plan ON plan_event (court_id, book_id, plan_id);
-- A plan ends once, and an objection is decided once.
CREATE UNIQUE INDEX plan_event_ends_once ON plan_event (court_id, book_id, plan_id) WHERE event IN ('settled', 'cancelled');
CREATE UNIQUE INDEX plan_event_decided_once ON plan_event (court_id, book_id, objection_id) WHERE event = 'decided';

-- FACT. What of a sheet line that a plan made is for which obligation.
CREATE TABLE plan_payout (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    sheet_line_id BIGINT NOT NULL,
    obligation_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT plan_payout_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT plan_payout_positive CHECK (amount_minor > 0)
);
CREATE INDEX plan_payout_by_line ON plan_payout (court_id, book_id, sheet_line_id);
CREATE INDEX plan_payout_by_obligation ON plan_payout (court_id, book_id, obligation_id);

-- FACT. A payout sheet that takes its money out of what was set aside (X to P when its run is committed), not out of a receipt.
CREATE TABLE set_aside_sheet (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    sheet_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,             -- in what is set aside
    mark BIGINT NOT NULL,
    CONSTRAINT set_aside_sheet_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT set_aside_sheet_once UNIQUE (court_id, book_id, sheet_id)
);
