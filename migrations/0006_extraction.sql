-- Queries, forced surrender, the difference between what was confirmed and what arrived, grounds to draw a housing fund,
-- income expected of third parties, debts owed to the debtor, assets that stay in use, one asset in the place of another.

-- A surrender is an order as well: the events and open orders take its words. Neither database can change a CHECK alike,
-- so the tables are made again; their rows stay as they are.
CREATE TABLE measure_event_before AS SELECT * FROM measure_event;
DROP TABLE measure_event;
CREATE TABLE measure_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,                  -- of an order: the number under which the institution answers
    measure_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,            -- a line is read by its asset
    event TEXT NOT NULL,
    order_id BIGINT,                     -- the order that was sent or answered
    on_day TEXT NOT NULL,                -- legal day
    amount_minor BIGINT,                 -- frozen, ordered to be deducted, deducted; of a surrender the quote
    months BIGINT,                       -- of a renewal
    unknown_ahead BIGINT,                -- of one that waits (轮候): orders before it that we do not know
    bank_account_id BIGINT,              -- where deducted money is to come
    instruction_id BIGINT,               -- in which it was sent
    answer_id BIGINT,                    -- in which it was answered
    reason TEXT NOT NULL,                -- ruling or notice of an order; the institution's words
    confirmed_by BIGINT,                 -- second person of a deduction or surrender
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT measure_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT measure_event_kind CHECK (event IN ('ordered', 'sent', 'in_force', 'partly', 'waiting', 'refused', 'more',
        'renewal_ordered', 'renewed', 'renewal_refused', 'deduction_ordered', 'deducted', 'deduction_refused',
        'lift_ordered', 'lifted', 'lift_refused', 'withdrawn', 'lapsed', 'promoted',
        'surrender_ordered', 'surrendered', 'surrender_refused')),
    CONSTRAINT measure_event_two_people CHECK (event NOT IN ('deduction_ordered', 'surrender_ordered')
        OR (confirmed_by IS NOT NULL AND confirmed_by <> actor_id))
);
INSERT INTO measure_event SELECT * FROM measure_event_before;
DROP TABLE measure_event_before;
CREATE INDEX measure_event_by_asset ON measure_event (court_id, book_id, asset_id);

CREATE TABLE open_order_before AS SELECT * FROM open_order;
DROP TABLE open_order;
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
    CONSTRAINT open_order_action CHECK (action IN ('freeze', 'renew', 'deduct', 'lift', 'surrender'))
);
INSERT INTO open_order SELECT * FROM open_order_before;
DROP TABLE open_order_before;
CREATE INDEX open_order_by_asset ON open_order (court_id, book_id, asset_id);

-- A payer may answer that it paid somebody else.
CREATE TABLE instruction_answer_line_before AS SELECT * FROM instruction_answer_line;
DROP TABLE instruction_answer_line;
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
    CONSTRAINT instruction_answer_line_result CHECK (result IN ('done', 'partly', 'waiting', 'refused', 'frozen',
        'paid_elsewhere'))
);
INSERT INTO instruction_answer_line SELECT * FROM instruction_answer_line_before;
DROP TABLE instruction_answer_line_before;

-- FACT. A query (查询): what is there, without a freeze. The case counts what was found against what it claims.
CREATE TABLE asset_query (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    query_id BIGINT NOT NULL,            -- the number under which the institution answers
    asset_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    paper TEXT NOT NULL,                 -- number of the notice
    officer TEXT NOT NULL,
    basis TEXT NOT NULL,
    ordered_on TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT asset_query_pk PRIMARY KEY (court_id, book_id, query_id),
    CONSTRAINT asset_query_basis CHECK (basis IN ('preservation', 'enforcement'))
);
CREATE INDEX asset_query_by_asset ON asset_query (court_id, book_id, asset_id);

-- FACT. The query went out; what was found, or why not.
CREATE TABLE query_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    query_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- sent, found, refused
    on_day TEXT NOT NULL,                -- of what was found: the day as of which it is so
    amount_minor BIGINT,                 -- found: balance, cash value, value
    share_bp BIGINT,                     -- found: share of a company, hundredths of a per cent
    instruction_id BIGINT,
    answer_id BIGINT,
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT query_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT query_event_once UNIQUE (court_id, book_id, query_id, event),
    CONSTRAINT query_event_kind CHECK (event IN ('sent', 'found', 'refused')),
    CONSTRAINT query_event_found CHECK ((event = 'found') = (amount_minor IS NOT NULL OR share_bp IS NOT NULL)),
    CONSTRAINT query_event_amount CHECK (amount_minor >= 0),
    CONSTRAINT query_event_share CHECK (share_bp >= 0 AND share_bp <= 10000)
);
CREATE INDEX query_event_by_asset ON query_event (court_id, book_id, asset_id);

-- STATE. Queries that nobody has answered: follows from asset_query and query_event.
CREATE TABLE open_query (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    query_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    is_sent BIGINT NOT NULL,
    CONSTRAINT open_query_pk PRIMARY KEY (court_id, book_id, query_id),
    CONSTRAINT open_query_is_sent CHECK (is_sent IN (0, 1))
);

-- FACT. An insurer has ended a policy (强制退保): from that day it has so long to pay the cash value. The quote is the
-- amount of the deduction.
CREATE TABLE surrender (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    deduction_id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    terminated_on TEXT NOT NULL,
    pay_by TEXT NOT NULL,                -- last day by the term that held then (terms.toml, insurance_surrender)
    mark BIGINT NOT NULL,
    CONSTRAINT surrender_pk PRIMARY KEY (court_id, book_id, deduction_id)
);

-- FACT. Why another amount arrived than was confirmed. A shortfall takes the rest out of the case and off the way, a
-- surplus comes to the case under the same deduction.
CREATE TABLE deduction_difference (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    deduction_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- shortfall, surplus
    amount_minor BIGINT NOT NULL,
    reason TEXT NOT NULL,
    explanation TEXT NOT NULL,           -- in words, with the paper that shows it
    group_id BIGINT,                     -- the match that brought the money; taken back with it
    voucher_id BIGINT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT deduction_difference_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT deduction_difference_kind CHECK (kind IN ('shortfall', 'surplus')),
    CONSTRAINT deduction_difference_positive CHECK (amount_minor > 0),
    CONSTRAINT deduction_difference_reason CHECK (
        (kind = 'shortfall' AND reason IN ('policy_loan', 'fee', 'arrears', 'value_changed', 'payer_error', 'other'))
        OR (kind = 'surplus' AND reason IN ('interest', 'dividend', 'value_changed', 'payer_error', 'other'))),
    CONSTRAINT deduction_difference_explained CHECK (explanation <> ''),
    CONSTRAINT deduction_difference_two_people CHECK (confirmed_by <> actor_id)
);
CREATE INDEX deduction_difference_by_deduction ON deduction_difference (court_id, book_id, deduction_id);

-- FACT. A ground on which a housing fund may be drawn (提取条件), shown by a paper; without one it is frozen, not drawn.
CREATE TABLE asset_ground (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- recorded, withdrawn
    ground TEXT NOT NULL,                -- a name of grounds.toml
    document TEXT NOT NULL,
    on_day TEXT NOT NULL,
    confirmed_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT asset_ground_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT asset_ground_event CHECK (event IN ('recorded', 'withdrawn')),
    CONSTRAINT asset_ground_two_people CHECK (confirmed_by <> actor_id)
);
CREATE INDEX asset_ground_by_asset ON asset_ground (court_id, book_id, asset_id);

-- FACT. Income that a third party is to pay (分红、租金) on a day, under a freeze of ours.
CREATE TABLE expectation (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    expectation_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    due_on TEXT NOT NULL,
    amount_minor BIGINT,                 -- none: not known beforehand
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT expectation_pk PRIMARY KEY (court_id, book_id, expectation_id),
    CONSTRAINT expectation_once UNIQUE (court_id, book_id, measure_id, due_on),
    CONSTRAINT expectation_positive CHECK (amount_minor > 0)
);
CREATE INDEX expectation_by_asset ON expectation (court_id, book_id, asset_id);

-- FACT. What became of it. Paid to somebody else is an alarm until it is made good (执行规定第30条).
CREATE TABLE expectation_event (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    expectation_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- paid, paid_elsewhere, made_good, cancelled
    on_day TEXT NOT NULL,
    amount_minor BIGINT,
    payee TEXT NOT NULL,                 -- of paid_elsewhere: to whom, in the payer's words
    document TEXT NOT NULL,
    money_id BIGINT,                     -- of paid and made_good: the deduction or receipt
    answer_id BIGINT,                    -- where the payer said it
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT expectation_event_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT expectation_event_kind CHECK (event IN ('paid', 'paid_elsewhere', 'made_good', 'cancelled')),
    CONSTRAINT expectation_event_payee CHECK ((event = 'paid_elsewhere') = (payee <> '')),
    CONSTRAINT expectation_event_amount CHECK ((event = 'cancelled') = (amount_minor IS NULL)),
    CONSTRAINT expectation_event_positive CHECK (amount_minor > 0),
    CONSTRAINT expectation_event_money CHECK ((event IN ('paid', 'made_good')) = (money_id IS NOT NULL)),
    CONSTRAINT expectation_event_money_once UNIQUE (court_id, book_id, money_id)
);
CREATE INDEX expectation_event_by_asset ON expectation_event (court_id, book_id, asset_id);

-- FACT. A notice to perform a debt that is due (履行到期债务通知), served on the third party.
CREATE TABLE debt_notice (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    notice_id BIGINT NOT NULL,
    asset_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    amount_minor BIGINT NOT NULL,
    served_on TEXT NOT NULL,
    last_day TEXT NOT NULL,              -- to pay or object, by the term that held then (terms.toml, third_party_debt)
    document TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT debt_notice_pk PRIMARY KEY (court_id, book_id, notice_id),
    CONSTRAINT debt_notice_positive CHECK (amount_minor > 0)
);
CREATE INDEX debt_notice_by_asset ON debt_notice (court_id, book_id, asset_id);

-- FACT. The third party objects; what it admits can be taken.
CREATE TABLE debt_objection (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    notice_id BIGINT NOT NULL,
    on_day TEXT NOT NULL,
    admitted_minor BIGINT NOT NULL,
    document TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT debt_objection_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT debt_objection_once UNIQUE (court_id, book_id, notice_id),
    CONSTRAINT debt_objection_admitted CHECK (admitted_minor >= 0)
);

-- FACT. What is frozen stays in use under somebody's eyes (活封), or no longer.
CREATE TABLE measure_use (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    measure_id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- allowed, ended
    supervisor TEXT NOT NULL,
    document TEXT NOT NULL,
    on_day TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT measure_use_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT measure_use_event CHECK (event IN ('allowed', 'ended')),
    CONSTRAINT measure_use_supervisor CHECK ((event = 'allowed') = (supervisor <> ''))
);
CREATE INDEX measure_use_by_measure ON measure_use (court_id, book_id, measure_id);

-- FACT. One freeze is to stand in the place of another (替代性查封), or is not any more: the newest of an old one counts. The
-- old one is let go only when the new one is in force.
CREATE TABLE substitution (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    event TEXT NOT NULL,                 -- linked, cancelled
    old_measure_id BIGINT NOT NULL,
    new_measure_id BIGINT NOT NULL,
    document TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT substitution_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT substitution_event CHECK (event IN ('linked', 'cancelled')),
    CONSTRAINT substitution_differs CHECK (old_measure_id <> new_measure_id)
);
CREATE INDEX substitution_by_old ON substitution (court_id, book_id, old_measure_id);
