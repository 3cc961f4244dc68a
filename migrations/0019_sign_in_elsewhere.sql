-- Who may do what, completed: sign-in at a provider of the court's own, courts above, duties that may not meet.

-- FACT, register. The court's administrator records which court stands above this one and may read its books; later, that
-- it no longer does.
CREATE TABLE court_above (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    upper_court_id BIGINT NOT NULL,
    event TEXT NOT NULL,
    since TEXT NOT NULL,                 -- civil date from which it counts
    document TEXT NOT NULL,              -- the paper that says so
    mark BIGINT NOT NULL,
    CONSTRAINT court_above_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT court_above_another CHECK (upper_court_id <> court_id),
    CONSTRAINT court_above_event CHECK (event IN ('granted', 'revoked')),
    CONSTRAINT court_above_document CHECK (document <> '')
);

-- STATE. What somebody of the court above asked to see, in the court that was looked at, where its own people can read it.
CREATE TABLE court_reading (
    court_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    upper_court_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,           -- a person of the upper court
    person_name TEXT NOT NULL,
    command TEXT NOT NULL,
    arguments TEXT NOT NULL,             -- JSON: pairs of name and value
    read_at BIGINT NOT NULL,
    CONSTRAINT court_reading_pk PRIMARY KEY (court_id, id)
);

-- STATE. Which duties a person has, of their own or standing in for somebody, from a day on: one row for each day on which
-- anybody's duties change, beginning with the day on which it was last written down. The constraint is the second line
-- behind the rule in access: whatever the program believes, two duties that must stay apart are not on record for one
-- person and day.
CREATE TABLE duty_held (
    court_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    from_day TEXT NOT NULL,
    handler BIGINT NOT NULL,
    fund_keeper BIGINT NOT NULL,
    finance BIGINT NOT NULL,
    cashier BIGINT NOT NULL,
    bureau_head BIGINT NOT NULL,
    vice_president BIGINT NOT NULL,
    auditor BIGINT NOT NULL,
    upper_court BIGINT NOT NULL,
    admin BIGINT NOT NULL,
    CONSTRAINT duty_held_pk PRIMARY KEY (court_id, person_id, from_day),
    CONSTRAINT duty_held_yes_or_no CHECK (handler IN (0, 1) AND fund_keeper IN (0, 1) AND finance IN (0, 1)
        AND cashier IN (0, 1) AND bureau_head IN (0, 1) AND vice_president IN (0, 1) AND auditor IN (0, 1)
        AND upper_court IN (0, 1) AND admin IN (0, 1)),
    CONSTRAINT duty_held_handling_apart_from_booking CHECK (handler + finance <= 1),
    CONSTRAINT duty_held_cash_apart CHECK (cashier = 0 OR finance + handler + bureau_head + vice_president + auditor = 0),
    CONSTRAINT duty_held_audit_apart CHECK (auditor = 0 OR handler + fund_keeper + finance + cashier + admin = 0),
    CONSTRAINT duty_held_admin_apart CHECK (admin = 0 OR handler + fund_keeper + finance + cashier + bureau_head
        + vice_president + auditor + upper_court = 0),
    CONSTRAINT duty_held_upper_court_apart CHECK (upper_court = 0 OR handler + fund_keeper + finance + cashier
        + bureau_head + vice_president + admin = 0)
);

-- STATE. A sign-in at the court's provider that was begun and is to come back: used once, within minutes. Only the digest
-- of the state is kept.
CREATE TABLE sign_in_begun (
    court_id BIGINT NOT NULL,
    state_digest BYTEA NOT NULL,
    nonce TEXT NOT NULL,
    verifier TEXT NOT NULL,              -- of PKCE
    return_to TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT sign_in_begun_pk PRIMARY KEY (court_id, state_digest)
);

-- STATE. Who a person is at the provider, from their first sign-in there until they are reset: another of the same name is
-- somebody else.
CREATE TABLE sign_in_subject (
    court_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    CONSTRAINT sign_in_subject_pk PRIMARY KEY (court_id, person_id),
    CONSTRAINT sign_in_subject_once UNIQUE (court_id, issuer, subject)
);
