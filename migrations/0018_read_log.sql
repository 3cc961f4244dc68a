-- Who opened personal data, and what was refused. It stands outside the books: reading posts nothing, and a book must not
-- grow by being looked at. On PostgreSQL it is here; beside a SQLite file it has a file of its own, made by this same step,
-- so that whoever reads never waits for whoever writes, and the table of the main file stays empty.

-- LOG. Rows are only appended; each carries the hash of the one before, so that a change or a gap is found.
CREATE TABLE read_log (
    court_id BIGINT NOT NULL,
    read_no BIGINT NOT NULL,
    at BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    command TEXT NOT NULL,               -- its words
    subject TEXT NOT NULL,               -- of what: case=…, run=…; empty where the command names nothing
    details BIGINT NOT NULL,             -- how many sealed details were opened
    code TEXT NOT NULL,                  -- of the refusal
    previous_hash BYTEA NOT NULL,
    hash BYTEA NOT NULL,
    CONSTRAINT read_log_pk PRIMARY KEY (court_id, read_no),
    CONSTRAINT read_log_kind CHECK (kind IN ('read', 'refused')),
    CONSTRAINT read_log_code CHECK ((kind = 'refused') = (code <> ''))
);
