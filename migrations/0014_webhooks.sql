-- Webhooks: other programs are told what was recorded. The chain is what they are told of, link by link, so nothing has to be
-- written a second time when something is recorded. All of it is state.

-- STATE. The jobs that ended, numbered in the order in which their ends were committed. ended_at gives no such order: of two
-- jobs that end at once, the one with the earlier time may be committed later, behind whoever has read on.
CREATE TABLE job_end (
    court_id BIGINT NOT NULL,
    end_no BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    CONSTRAINT job_end_pk PRIMARY KEY (court_id, end_no)
);

-- STATE. An address that is told.
CREATE TABLE webhook (
    court_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    person_id BIGINT NOT NULL,           -- who added it
    url TEXT NOT NULL,
    events TEXT NOT NULL,                -- what it is told of: beginnings of names, between commas; empty: all
    secret BYTEA NOT NULL,               -- signs what is sent; sealed
    state TEXT NOT NULL,
    delivery_no BIGINT NOT NULL,         -- of the delivery that is on its way, or was last
    attempt_no BIGINT NOT NULL,          -- of the last attempt
    failures BIGINT NOT NULL,            -- attempts that failed since one was accepted
    next_try_at BIGINT NOT NULL,         -- not before this
    owner TEXT NOT NULL,                 -- the process that is sending; empty: none
    lease_until BIGINT NOT NULL,         -- after this, it is taken for dead
    added_at BIGINT NOT NULL,
    CONSTRAINT webhook_pk PRIMARY KEY (court_id, webhook_id),
    CONSTRAINT webhook_state CHECK (state IN ('on', 'paused', 'given_up'))
);

-- STATE. How far a webhook is in a book, or in the ends of jobs. Where a book has no row, it has been told nothing of it.
CREATE TABLE webhook_cursor (
    court_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    stream BIGINT NOT NULL,              -- the book; -1: the ends of jobs
    done_no BIGINT NOT NULL,             -- the last number that was accepted, or left out by the filter
    sent_no BIGINT NOT NULL,             -- the last number of the delivery that is on its way; done_no where none is
    CONSTRAINT webhook_cursor_pk PRIMARY KEY (court_id, webhook_id, stream),
    CONSTRAINT webhook_cursor_forward CHECK (done_no >= 0 AND sent_no >= done_no)
);

-- STATE. The last attempts, so that a person can see what happened.
CREATE TABLE webhook_delivery (
    court_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    attempt_no BIGINT NOT NULL,
    delivery TEXT NOT NULL,              -- its name, the same in each attempt
    first_event TEXT NOT NULL,
    last_event TEXT NOT NULL,
    event_count BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    status BIGINT,                       -- of HTTP; none where nobody answered
    trouble TEXT NOT NULL,               -- why it was not accepted; empty where it was
    took_micros BIGINT NOT NULL,
    CONSTRAINT webhook_delivery_pk PRIMARY KEY (court_id, webhook_id, attempt_no)
);
