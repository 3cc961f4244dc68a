-- What claimants are told and what they answer, outside the court's network: codes, exports, messages, corrections. All of it is
-- state: what follows from a correction is recorded as new details of the claim (claim_event), by two people.

-- STATE. The court's keys towards the listener outside. Private halves are sealed with the court's keys.
CREATE TABLE claimant_key (
    court_id BIGINT NOT NULL,
    public_key BYTEA NOT NULL,           -- signs exports: suite tag (1: Ed25519), then the key
    signing_seed BYTEA NOT NULL,         -- sealed
    agreement_key BYTEA NOT NULL,        -- corrections are sealed to it: suite tag (1: X25519), then the key
    agreement_secret BYTEA NOT NULL,     -- sealed
    last_no BIGINT NOT NULL,             -- last number given to a message or correction
    made_at BIGINT NOT NULL,
    CONSTRAINT claimant_key_pk PRIMARY KEY (court_id)
);

-- STATE. A case towards the outside: the salt of its codes, and how often it was exported.
CREATE TABLE claimant_case (
    court_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    salt BYTEA NOT NULL,
    export_no BIGINT NOT NULL,           -- 0: never
    exported_at BIGINT NOT NULL,         -- microseconds; 0: never
    CONSTRAINT claimant_case_pk PRIMARY KEY (court_id, case_id)
);

-- STATE, mass. A claim's code, of which only a digest is kept: Argon2id of document number and code, sealed with the court's
-- keys. One counts for a claim: a newer one takes its place.
CREATE TABLE claimant_code (
    court_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    code_digest BYTEA NOT NULL,
    made_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    CONSTRAINT claimant_code_pk PRIMARY KEY (court_id, case_id, claim_id)
);

-- STATE, mass. A text message to a claimant, and whether it arrived.
CREATE TABLE claimant_message (
    court_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    template TEXT NOT NULL,
    sealed BYTEA,                        -- telephone and text, with the code in it; removed when it has arrived
    parts BIGINT NOT NULL,               -- how many messages the network makes of it
    state TEXT NOT NULL,
    cause TEXT NOT NULL,                 -- what the provider says
    made_at BIGINT NOT NULL,
    handed_at BIGINT,                    -- when it was last written into an outbox file
    answered_at BIGINT,
    CONSTRAINT claimant_message_pk PRIMARY KEY (court_id, message_id),
    CONSTRAINT claimant_message_state CHECK (state IN ('waiting', 'handed', 'arrived', 'failed', 'unknown')),
    CONSTRAINT claimant_message_parts CHECK (parts > 0)
);

-- STATE. An account that a claimant gave outside, until two officers have accepted it or one has refused it.
CREATE TABLE claimant_correction (
    court_id BIGINT NOT NULL,
    correction_id BIGINT NOT NULL,
    case_id BIGINT NOT NULL,
    claim_id BIGINT NOT NULL,
    receipt TEXT NOT NULL,               -- the number that the claimant was given
    file_digest BYTEA NOT NULL,          -- SHA-256 of its file: the same file counts once
    sealed BYTEA NOT NULL,               -- holder, bank, account
    given_at BIGINT NOT NULL,            -- as the listener says
    imported_at BIGINT NOT NULL,
    imported_by BIGINT NOT NULL,
    state TEXT NOT NULL,
    decided_at BIGINT,
    decided_by BIGINT,
    confirmed_by BIGINT,                 -- of one that was accepted
    old_detail_id BIGINT,                -- the claim's details when it was decided
    reason TEXT NOT NULL,
    CONSTRAINT claimant_correction_pk PRIMARY KEY (court_id, correction_id),
    CONSTRAINT claimant_correction_once UNIQUE (court_id, file_digest),
    CONSTRAINT claimant_correction_state CHECK (state IN ('proposed', 'accepted', 'refused')),
    CONSTRAINT claimant_correction_two_people CHECK (confirmed_by IS NULL OR confirmed_by <> decided_by),
    CONSTRAINT claimant_correction_accepted CHECK ((state = 'accepted') = (confirmed_by IS NOT NULL))
);
