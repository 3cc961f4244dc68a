-- Money that is not plain case money: what a ruling moves between kinds of accounts, what a sheet pays from besides case
-- funds, money between courts, bounties; and, in the book of relief, relief funds and relief insurance.

-- FACT. A movement (案款划转): money of an item goes from one kind of account to another, by a ruling and two people.
CREATE TABLE movement (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    movement_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    case_id BIGINT NOT NULL,
    to_case_id BIGINT,                   -- the other case, where it leaves this one
    item_id BIGINT NOT NULL,             -- whose money it was: receipt, deduction, or movement that brought it
    to_item_id BIGINT NOT NULL,          -- and is: the same, or the movement where it begins something new
    bank_account_id BIGINT NOT NULL,     -- in which it lies; a movement moves nothing at the bank
    from_kind TEXT NOT NULL,             -- kinds of accounts, as the chart had them
    to_kind TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    ruling TEXT NOT NULL,
    evidence TEXT NOT NULL,              -- '' where none is asked for
    party TEXT NOT NULL,                 -- guarantor, bidder, supervisor, who is fined
    condition TEXT NOT NULL,             -- what is secured, or what must happen before it is released
    voucher_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    proposed_by BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT movement_pk PRIMARY KEY (court_id, book_id, movement_id),
    CONSTRAINT movement_kind CHECK (kind IN ('security_taken', 'security_realised', 'auction_price', 'auction_forfeit',
        'auction_settle', 'escrow_keep', 'escrow_release', 'fine_taken', 'fee_charged', 'to_other_case')),
    CONSTRAINT movement_positive CHECK (amount_minor > 0),
    CONSTRAINT movement_ruled CHECK (ruling <> ''),
    CONSTRAINT movement_two_people CHECK (proposed_by <> confirmed_by),
    CONSTRAINT movement_other_case CHECK ((kind = 'to_other_case') = (to_case_id IS NOT NULL)),
    CONSTRAINT movement_between CHECK (from_kind <> to_kind OR to_case_id <> case_id)
);
CREATE INDEX movement_by_case ON movement (court_id, book_id, case_id);
CREATE INDEX movement_to_case ON movement (court_id, book_id, to_case_id);

-- FACT. How the money of a movement is reckoned, line by line: what of it stays behind (taxes, advanced costs), what a
-- forfeited deposit is used for, the brackets of a fee.
CREATE TABLE movement_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    movement_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    stays BIGINT NOT NULL,               -- 1: not moved by it
    amount_minor BIGINT NOT NULL,
    basis TEXT NOT NULL,                 -- law and paper
    mark BIGINT NOT NULL,
    CONSTRAINT movement_line_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT movement_line_no UNIQUE (court_id, book_id, movement_id, line_no),
    CONSTRAINT movement_line_purpose CHECK (purpose IN ('tax', 'valuation', 'audit', 'storage', 'advanced_costs', 'costs',
        'shortfall', 'this_debt', 'other_debts', 'rest', 'proceeds', 'fee', 'fee_before')),
    CONSTRAINT movement_line_stays CHECK (stays IN (0, 1)),
    CONSTRAINT movement_line_positive CHECK (amount_minor > 0)
);

-- FACT. What a sheet pays from, where that is not case funds: then sheet.receipt_id is an item of that kind.
CREATE TABLE sheet_source (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    sheet_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT sheet_source_pk PRIMARY KEY (court_id, book_id, sheet_id),
    CONSTRAINT sheet_source_kind CHECK (kind IN ('security', 'auction_price', 'escrow', 'treasury'))
);

-- FACT. One side of money between courts (参与分配 and the like): out by a line of a sheet, in by a receipt.
CREATE TABLE court_transfer (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    transfer_id BIGINT NOT NULL,
    direction TEXT NOT NULL,
    case_id BIGINT NOT NULL,
    other_court TEXT NOT NULL,
    other_case TEXT NOT NULL,            -- its case number there
    reference TEXT NOT NULL,             -- number of the letter; the same on both sides
    amount_minor BIGINT NOT NULL,
    sheet_line_id BIGINT,
    receipt_id BIGINT,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT court_transfer_pk PRIMARY KEY (court_id, book_id, transfer_id),
    CONSTRAINT court_transfer_direction CHECK (direction IN ('out', 'in')),
    CONSTRAINT court_transfer_side CHECK ((direction = 'out') = (sheet_line_id IS NOT NULL)
        AND (direction = 'in') = (receipt_id IS NOT NULL)),
    CONSTRAINT court_transfer_line UNIQUE (court_id, book_id, sheet_line_id),
    CONSTRAINT court_transfer_receipt UNIQUE (court_id, book_id, receipt_id),
    CONSTRAINT court_transfer_positive CHECK (amount_minor > 0)
);

-- FACT. The other court's paper about a transfer: that it has the money (回执), or that it sent it.
CREATE TABLE court_transfer_paper (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    transfer_id BIGINT NOT NULL,
    document TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,        -- what the paper says
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT court_transfer_paper_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT court_transfer_paper_once UNIQUE (court_id, book_id, transfer_id)
);

-- FACT. A bounty (悬赏) as announced: so much, or a share of what is realised.
CREATE TABLE bounty (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    bounty_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    applicant TEXT NOT NULL,             -- who asked for it and bears it
    amount_minor BIGINT,
    basis_points BIGINT,                 -- hundredths of a per cent
    insurer TEXT NOT NULL,               -- who pays in the applicant's place; '' when nobody does
    ruling TEXT NOT NULL,
    announced_on TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bounty_pk PRIMARY KEY (court_id, book_id, bounty_id),
    CONSTRAINT bounty_measure CHECK ((amount_minor IS NULL) <> (basis_points IS NULL)),
    CONSTRAINT bounty_range CHECK (COALESCE(amount_minor, 1) > 0 AND COALESCE(basis_points, 1) BETWEEN 1 AND 10000)
);

-- FACT. A clue that somebody gave. Who it was is not on record: only a salted digest of the code that they hold.
CREATE TABLE bounty_clue (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    clue_id BIGINT NOT NULL,
    bounty_id BIGINT NOT NULL,
    about TEXT NOT NULL,                 -- the asset or place
    salt BYTEA NOT NULL,
    code_digest BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bounty_clue_pk PRIMARY KEY (court_id, book_id, clue_id)
);

-- FACT. A clue that realised something, and what it earns.
CREATE TABLE bounty_award (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    award_id BIGINT NOT NULL,
    bounty_id BIGINT NOT NULL,
    clue_id BIGINT NOT NULL,
    realised_minor BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    evidence TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    proposed_by BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bounty_award_pk PRIMARY KEY (court_id, book_id, award_id),
    CONSTRAINT bounty_award_once UNIQUE (court_id, book_id, clue_id),
    CONSTRAINT bounty_award_positive CHECK (amount_minor > 0 AND amount_minor <= realised_minor),
    CONSTRAINT bounty_award_two_people CHECK (proposed_by <> confirmed_by)
);

-- FACT. The code was shown, once: the informer is a payee from now on, under a name that tells nothing.
CREATE TABLE bounty_draw (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    award_id BIGINT NOT NULL,
    payee_id BIGINT,                     -- none where the insurer pays
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT bounty_draw_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT bounty_draw_once UNIQUE (court_id, book_id, award_id)
);

-- FACT, book of relief. Money of relief that came in or went out.
CREATE TABLE relief_entry (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    relief_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    fund_id BIGINT,                      -- the fund_in whose money it is
    policy_id BIGINT,
    claim_id BIGINT,                     -- a claim on the insurer
    claim_line_id BIGINT,
    refund_of BIGINT,                    -- the payment that is given back
    name TEXT NOT NULL,                  -- source, person relieved, insurer
    case_number TEXT NOT NULL,           -- of the person's case; '' where there is none
    amount_minor BIGINT NOT NULL,
    document TEXT NOT NULL,
    on_day TEXT NOT NULL,
    voucher_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    proposed_by BIGINT NOT NULL,
    confirmed_by BIGINT,                 -- who else approved what goes out
    mark BIGINT NOT NULL,
    CONSTRAINT relief_entry_pk PRIMARY KEY (court_id, book_id, relief_id),
    CONSTRAINT relief_entry_kind
        CHECK (kind IN ('fund_in', 'pay', 'refund', 'premium', 'insurer_paid', 'pass_through')),
    CONSTRAINT relief_entry_positive CHECK (amount_minor > 0),
    CONSTRAINT relief_entry_two_people CHECK (COALESCE(confirmed_by, -1) <> proposed_by),
    CONSTRAINT relief_entry_out CHECK (confirmed_by IS NOT NULL OR kind IN ('fund_in', 'refund', 'insurer_paid'))
);

-- FACT, book of relief. A relief insurance (执行救助保险).
CREATE TABLE relief_policy (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    policy_id BIGINT NOT NULL,
    relief_id BIGINT NOT NULL,           -- the payment of its premium
    insurer TEXT NOT NULL,
    premium_minor BIGINT NOT NULL,
    cap_minor BIGINT NOT NULL,           -- all that it ever pays; the cover ends there
    cap_per_cent BIGINT NOT NULL,        -- of the premium
    from_day TEXT NOT NULL,
    until_day TEXT NOT NULL,
    days_to_pay BIGINT NOT NULL,         -- from the day of the papers
    mark BIGINT NOT NULL,
    CONSTRAINT relief_policy_pk PRIMARY KEY (court_id, book_id, policy_id),
    CONSTRAINT relief_policy_positive CHECK (premium_minor > 0 AND cap_minor > 0 AND days_to_pay > 0)
);

-- FACT, book of relief. A claim on the insurer, for one or many people.
CREATE TABLE relief_claim (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    policy_id BIGINT NOT NULL,
    papers_on TEXT NOT NULL,
    due_on TEXT NOT NULL,
    asked_minor BIGINT NOT NULL,
    granted_minor BIGINT NOT NULL,       -- what was left below the cap
    document TEXT NOT NULL,
    voucher_id BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    proposed_by BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT relief_claim_pk PRIMARY KEY (court_id, book_id, claim_id),
    CONSTRAINT relief_claim_granted CHECK (granted_minor > 0 AND granted_minor <= asked_minor),
    CONSTRAINT relief_claim_two_people CHECK (proposed_by <> confirmed_by)
);

-- FACT, book of relief. One person of a claim.
CREATE TABLE relief_claim_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    claim_line_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    case_number TEXT NOT NULL,
    asked_minor BIGINT NOT NULL,
    granted_minor BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT relief_claim_line_pk PRIMARY KEY (court_id, book_id, claim_line_id),
    CONSTRAINT relief_claim_line_granted CHECK (asked_minor > 0 AND granted_minor >= 0 AND granted_minor <= asked_minor)
);
