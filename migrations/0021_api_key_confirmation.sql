-- A key with which a program may write counts only once the person it acts for has said so themselves.

-- STATE. That the person a key acts for has confirmed it, signed in as themselves. A key that only reads needs none; one that
-- was made before this step and may write waits for its person as a new one does. A table of its own, so that a process
-- of the version before goes on with the tables it knows.
CREATE TABLE api_key_confirmation (
    court_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    CONSTRAINT api_key_confirmation_pk PRIMARY KEY (court_id, key_id)
);
