-- What banks report of salary accounts under a live freeze (活冻结): money that came in, living money that was drawn. What
-- is free, held for whom and may be deducted follows from these lines, the orders and the deductions by the rule of the
-- live freeze; nothing of it is stored but the amounts frozen, in measure_event and measure_state.

-- FACT. A report as it was read; numbered by the bank.
CREATE TABLE salary_report (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    report_id BIGINT NOT NULL,
    institution TEXT NOT NULL,
    number TEXT NOT NULL,
    from_day TEXT NOT NULL,
    until_day TEXT NOT NULL,
    document_id BIGINT NOT NULL,
    sha256 BYTEA NOT NULL,
    line_count BIGINT NOT NULL,
    applied_count BIGINT NOT NULL,
    repeated_count BIGINT NOT NULL,      -- said before
    conflict_count BIGINT NOT NULL,      -- contradict the account or what was said before: do not count
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT salary_report_pk PRIMARY KEY (court_id, book_id, report_id),
    CONSTRAINT salary_report_number UNIQUE (court_id, book_id, institution, number),
    CONSTRAINT salary_report_counts CHECK (line_count = applied_count + repeated_count + conflict_count),
    CONSTRAINT salary_report_days CHECK (from_day <= until_day)
);

-- FACT. A line of a report.
CREATE TABLE salary_line (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    report_id BIGINT NOT NULL,
    line_no BIGINT NOT NULL,             -- in the file, from 1
    asset_id BIGINT,                     -- none: an account that is not registered, which does not count
    reference TEXT NOT NULL,             -- the bank's number of the movement
    kind TEXT NOT NULL,
    on_day TEXT NOT NULL,
    amount_minor BIGINT NOT NULL,
    measure_id BIGINT,                   -- of what was taken for another court: its order
    outcome TEXT NOT NULL,               -- applied, repeated, or the code of why it does not count
    mark BIGINT NOT NULL,
    CONSTRAINT salary_line_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT salary_line_kind CHECK (kind IN ('opening', 'credit', 'withdrawal', 'taken')),
    CONSTRAINT salary_line_positive CHECK (amount_minor > 0),
    CONSTRAINT salary_line_taken CHECK (kind = 'taken' OR measure_id IS NULL),
    CONSTRAINT salary_line_account CHECK (asset_id IS NOT NULL OR outcome NOT IN ('applied', 'repeated'))
);
-- A movement counts once.
CREATE UNIQUE INDEX salary_line_once ON salary_line (court_id, book_id, asset_id, reference) WHERE outcome = 'applied';
