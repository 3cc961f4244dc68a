-- What the service needs beside the books: work that takes longer, and what waits for a second person. All of it is
-- state: what such work records stands in the books like everything else.

-- STATE. Numbers that the service gives, one after another.
CREATE TABLE service_number (
    court_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    last_no BIGINT NOT NULL,
    CONSTRAINT service_number_pk PRIMARY KEY (court_id, kind)
);

-- STATE. A command that is to be run: when a second person agrees, or as soon as a worker is free.
CREATE TABLE job (
    court_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,           -- for whom it runs
    command TEXT NOT NULL,               -- its words: payout commit
    arguments TEXT NOT NULL,             -- JSON: pairs of name and value
    language TEXT NOT NULL,              -- in which its result is written
    return_to TEXT NOT NULL,             -- the page it was begun on
    state TEXT NOT NULL,
    second_person_id BIGINT,             -- who agreed or declined
    reason TEXT NOT NULL,                -- why it was declined
    attempt BIGINT NOT NULL,             -- how often it was begun
    owner TEXT NOT NULL,                 -- the process that runs it
    lease_until BIGINT NOT NULL,         -- after this, whoever runs it is taken for dead
    done_steps BIGINT NOT NULL,
    total_steps BIGINT NOT NULL,
    code TEXT NOT NULL,                  -- of the refusal
    said TEXT NOT NULL,                  -- JSON: what it said
    made_at BIGINT NOT NULL,
    ended_at BIGINT,
    CONSTRAINT job_pk PRIMARY KEY (court_id, job_id),
    CONSTRAINT job_state CHECK (state IN
        ('proposed', 'declined', 'waiting', 'running', 'done', 'refused', 'broken')),
    CONSTRAINT job_two_people CHECK (second_person_id IS NULL OR second_person_id <> person_id)
);
CREATE INDEX job_by_state ON job (court_id, state);

-- STATE. A file that was given with a job, or that it wrote: sealed, in parts.
CREATE TABLE job_file (
    court_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    file_no BIGINT NOT NULL,
    part_no BIGINT NOT NULL,
    parameter TEXT NOT NULL,             -- the argument it was given for; empty for one that was written
    name TEXT NOT NULL,
    part BYTEA NOT NULL,
    CONSTRAINT job_file_pk PRIMARY KEY (court_id, job_id, file_no, part_no)
);
