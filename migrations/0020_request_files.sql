-- Files that a request made, so that doing it again gives the same ones.

-- STATE. A file that was made under a request: sealed, in parts, written in the transaction that recorded what stands in it.
-- Removed when the job that made it has ended well, else after 90 days.
CREATE TABLE request_file (
    court_id BIGINT NOT NULL,
    file_id BIGINT NOT NULL,
    part_no BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    operation TEXT NOT NULL,
    request_key TEXT NOT NULL,
    name TEXT NOT NULL,
    part BYTEA NOT NULL,
    kept_at BIGINT NOT NULL,             -- microseconds
    CONSTRAINT request_file_pk PRIMARY KEY (court_id, file_id, part_no)
);
CREATE INDEX request_file_by_request ON request_file (court_id, actor_id, request_key);
