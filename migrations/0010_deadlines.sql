-- What has a term: who handles a case and how far it is, the court's own deadlines and calendar, pauses. When a deadline runs and
-- ends follows from the facts that it is about; nothing of it is stored.

-- FACT. Who handles a case from a day on (承办人); the newest counts.
CREATE TABLE case_handler (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    since TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT case_handler_pk PRIMARY KEY (court_id, book_id, id)
);
CREATE INDEX case_handler_by_case ON case_handler (court_id, book_id, case_id);

-- FACT. How far a case is: application received, second property check, ended for now, closed, reopened.
CREATE TABLE case_milestone (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    milestone TEXT NOT NULL,
    on_day TEXT NOT NULL,                -- legal day
    document TEXT NOT NULL,              -- the paper that says so
    manner TEXT NOT NULL,                -- of a closing: performed, settled, other; else empty
    reason TEXT NOT NULL,                -- why a case is closed while it holds money; else empty
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT case_milestone_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT case_milestone_kind CHECK (milestone IN
        ('applied', 'second_check', 'ended_for_now', 'closed', 'reopened')),
    CONSTRAINT case_milestone_manner CHECK ((milestone = 'closed') = (manner IN ('performed', 'settled', 'other')))
);
CREATE INDEX case_milestone_by_case ON case_milestone (court_id, book_id, case_id);

-- FACT, in the court's register. Rules that the court set for itself: its deadlines, its calendar of holidays. The newest of
-- a kind counts.
CREATE TABLE court_rule (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    rule_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    file_name TEXT NOT NULL,
    content BYTEA NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT court_rule_pk PRIMARY KEY (court_id, book_id, rule_id),
    CONSTRAINT court_rule_kind CHECK (kind IN ('deadlines', 'calendar'))
);

-- FACT. A deadline stands still from a day, by a reason that a second person approved.
CREATE TABLE deadline_pause (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    pause_id BIGINT NOT NULL,
    deadline TEXT NOT NULL,
    subject_id BIGINT NOT NULL,          -- receipt, order, case… of the deadline
    from_day TEXT NOT NULL,              -- first day that does not count
    reason TEXT NOT NULL,
    document TEXT NOT NULL,
    proposed_by BIGINT NOT NULL,
    approved_by BIGINT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT deadline_pause_pk PRIMARY KEY (court_id, book_id, pause_id),
    CONSTRAINT deadline_pause_two_people CHECK (proposed_by <> approved_by)
);

-- FACT. It goes on.
CREATE TABLE deadline_resumption (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    pause_id BIGINT NOT NULL,
    until_day TEXT NOT NULL,             -- last day that does not count
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT deadline_resumption_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT deadline_resumption_once UNIQUE (court_id, book_id, pause_id)
);
