-- Who somebody is: passwords, second factors, keys that sign approvals, sessions, keys of programs; two more roles.

-- FACT, case money. The public key with which a person signs approvals. It stands in the book of the approvals, so that one
-- chain orders both: a person's key at an approval is the newest before it. A later key takes the place of the one before.
CREATE TABLE person_key (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    public_key BYTEA NOT NULL,           -- suite tag (1: Ed25519), then the key
    recorded_at BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT person_key_pk PRIMARY KEY (court_id, book_id, key_id),
    CONSTRAINT person_key_once UNIQUE (court_id, book_id, public_key)
);

-- FACT, case money. A key counts no more, with the reason: it was reset.
CREATE TABLE person_key_end (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    reason TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT person_key_end_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT person_key_end_once UNIQUE (court_id, book_id, key_id),
    CONSTRAINT person_key_end_reason CHECK (reason <> '')
);

-- FACT, case money. What an approver signed for one approval.
CREATE TABLE approval_signature (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    approval_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    signature BYTEA NOT NULL,            -- suite tag (1: Ed25519), then the signature
    mark BIGINT NOT NULL,
    CONSTRAINT approval_signature_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT approval_signature_once UNIQUE (court_id, book_id, approval_id)
);

-- STATE. How a person proves who they are. After a reset the row stays, with no password and no key.
CREATE TABLE credential (
    court_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    password_hash TEXT,                  -- Argon2id as PHC text; none after a reset
    signing_key BYTEA,                   -- sealed under the password; none after a reset
    key_id BIGINT,                       -- its public half in person_key
    totp_secret BYTEA NOT NULL,          -- sealed with the court's keys
    totp_last_step BIGINT,               -- last step that was used; none: no code was ever confirmed
    failed_count BIGINT NOT NULL,        -- wrong passwords since the last right one
    totp_failed_count BIGINT NOT NULL,   -- wrong codes since the last right one
    locked_until BIGINT NOT NULL,        -- microseconds; 0: never
    changed_at BIGINT NOT NULL,
    CONSTRAINT credential_pk PRIMARY KEY (court_id, person_id),
    CONSTRAINT credential_whole CHECK ((password_hash IS NULL) = (signing_key IS NULL)
        AND (password_hash IS NULL) = (key_id IS NULL)),
    CONSTRAINT credential_counts CHECK (failed_count >= 0 AND totp_failed_count >= 0)
);

-- STATE. An invitation to enrol: one a person, used once. Only the digest of its code is kept.
CREATE TABLE enrolment (
    court_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    code_digest BYTEA NOT NULL,
    expires_at BIGINT NOT NULL,
    made_by BIGINT NOT NULL,
    CONSTRAINT enrolment_pk PRIMARY KEY (court_id, person_id)
);

-- STATE. Who is signed in. Only the digest of the token is kept.
CREATE TABLE session (
    court_id BIGINT NOT NULL,
    token_digest BYTEA NOT NULL,
    person_id BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT session_pk PRIMARY KEY (court_id, token_digest)
);
CREATE INDEX session_by_person ON session (court_id, person_id);

-- STATE. Keys with which programs act for a person. Only the digest of the secret is kept.
CREATE TABLE api_key (
    court_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    secret_digest BYTEA NOT NULL,
    person_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,                -- words with commas between: read, write, bank
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    CONSTRAINT api_key_pk PRIMARY KEY (court_id, key_id),
    CONSTRAINT api_key_scopes CHECK (scopes <> '')
);

-- Two more roles, cashier and upper court: the rules of role_event and delegation change, their rows stay as they are. Neither
-- database can change a CHECK alike, so the tables are made again.
CREATE TABLE role_event_before AS SELECT * FROM role_event;
DROP TABLE role_event;
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
    CONSTRAINT role_event_role CHECK (role IN ('handler', 'fund_keeper', 'finance', 'cashier', 'bureau_head',
        'vice_president', 'auditor', 'upper_court', 'admin')),
    CONSTRAINT role_event_kind CHECK (event IN ('granted', 'revoked'))
);
INSERT INTO role_event SELECT * FROM role_event_before;
DROP TABLE role_event_before;

CREATE TABLE delegation_before AS SELECT * FROM delegation;
DROP TABLE delegation;
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
    CONSTRAINT delegation_role CHECK (role IN ('handler', 'fund_keeper', 'finance', 'cashier', 'bureau_head',
        'vice_president', 'auditor', 'upper_court', 'admin'))
);
INSERT INTO delegation SELECT * FROM delegation_before;
DROP TABLE delegation_before;
