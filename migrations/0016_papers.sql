-- Papers: what was printed of the books to be signed, and what is attached to a voucher.

-- FACT. A form was printed. The first print of a subject gives the form its number; later prints are counted (补打).
CREATE TABLE paper_print (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- payout_sheet, payout_run, pause…
    subject TEXT NOT NULL,               -- what it is about, as the kind names it: number or row
    number TEXT NOT NULL,                -- of the form: FF2026-0001; without gaps in its kind and year
    print_no BIGINT NOT NULL,            -- 1: the original
    digest BYTEA NOT NULL,               -- of what the form said
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT paper_print_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT paper_print_once UNIQUE (court_id, book_id, kind, subject, print_no),
    CONSTRAINT paper_print_number UNIQUE (court_id, book_id, number, print_no),
    CONSTRAINT paper_print_counted CHECK (print_no > 0)
);

-- FACT. A paper is attached to a voucher: the bank's receipt (回单), a ruling. Its bytes are in `document`.
CREATE TABLE voucher_attachment (
    court_id BIGINT NOT NULL,
    book_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    voucher_id BIGINT NOT NULL,
    document_id BIGINT NOT NULL,
    kind TEXT NOT NULL,                  -- receipt_of_bank, ruling, other
    recorded_at BIGINT NOT NULL,
    actor_id BIGINT NOT NULL,
    mark BIGINT NOT NULL,
    CONSTRAINT voucher_attachment_pk PRIMARY KEY (court_id, book_id, id),
    CONSTRAINT voucher_attachment_once UNIQUE (court_id, book_id, voucher_id, document_id),
    CONSTRAINT voucher_attachment_kind CHECK (kind IN ('receipt_of_bank', 'ruling', 'other'))
);
