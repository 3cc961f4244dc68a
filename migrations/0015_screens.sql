-- What the screens of a run found, looked at by a person and cleared by name.

-- FACT. Somebody other than who made the run has looked at a finding and says why the run may go on. What was found may
-- change until the run is released; another finding has another subject, and needs its own clearance.
CREATE TABLE screen_clearance (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    finding TEXT NOT NULL,               -- its code: screens.account_of_several_names…
    subject BYTEA NOT NULL,              -- digest of the code and of whom or what it is about
    said TEXT NOT NULL,                  -- JSON: what the sentence named
    person_id BIGINT NOT NULL,           -- who looked
    maker_id BIGINT NOT NULL,            -- who made the run
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT screen_clearance_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT screen_clearance_once UNIQUE (court_id, book_id, run_id, subject),
    CONSTRAINT screen_clearance_two_people CHECK (person_id <> maker_id),
    CONSTRAINT screen_clearance_reason CHECK (reason <> '')
);
