//! What arrives together commits together, and every answer is what stands in the database.

mod support;

use std::sync::Barrier;

use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::{Statement, Store};
use ankuan_ledger::verify::verify;
use ankuan_ledger::{
    AccountId, Act, Amount, BookKey, Currency, EntryNo, ItemId, Line, NewAccount, Place, Post, Poster, Refusal, Side,
    Unposted, VoucherHead, VoucherKind, schema,
};
use jiff::Timestamp;
use jiff::civil::date;
use support::Database;

const BOOKS: [BookKey; 2] = [BookKey { court_id: 1, book_id: 1 }, BookKey { court_id: 1, book_id: 2 }];

fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a time")
}

/// Two books, each with a bank account and a case that has 100 fen.
fn books(database: &Database) -> (Store, [AccountId; 2]) {
    let mut store = database.open();
    store.migrate(&[schema::MIGRATION]).expect("migrates");
    let mut tx = store.begin().expect("begins");
    let mut accounts = [AccountId(0); 2];
    for book in BOOKS {
        create_book(&mut tx, book, "案款", 1, at()).expect("a book");
        let mut act = Act::open(&mut tx, book, "test.open", 1, at()).expect("opens");
        for (place, (code, side)) in [("bank", Side::Debit), ("case", Side::Credit)].into_iter().enumerate() {
            let new = NewAccount {
                kind: code,
                code,
                name: code,
                normal_side: side,
                currency: Currency::CNY,
                case_id: None,
                floor: Some(Amount::ZERO),
                item_floor: false,
            };
            accounts[place] = act.open_account(&mut tx, &new).expect("opens");
        }
        let head = VoucherHead {
            kind: VoucherKind::Receipt,
            accounting_date: date(2026, 11, 22),
            event: "test",
            summary: "收款",
            attachments: 1,
        };
        act.begin_voucher(&mut tx, &head).expect("an open month");
        act.post(&mut tx, &[line(accounts, 100)]).expect("posts");
        act.close(&mut tx).expect("closes");
    }
    tx.commit().expect("commits");
    (store, accounts)
}

/// Money in.
fn line([bank, case]: [AccountId; 2], minor: i64) -> Line {
    let place = |account| Place { account, item: ItemId::NONE };
    Line { debit: place(bank), credit: place(case), amount: Amount::from_minor(minor) }
}

fn post(book: BookKey, line: Line, summary: &str) -> Post {
    Post {
        book,
        actor_id: 7,
        kind: VoucherKind::Payment,
        accounting_date: date(2026, 11, 22),
        event: "test".into(),
        summary: summary.into(),
        attachments: 0,
        lines: vec![line],
        request_key: None,
    }
}

fn assert_well(store: &mut Store) {
    for book in BOOKS {
        let mut tx = store.snapshot().expect("reads");
        let report = verify(&mut tx, book, schema::FACTS, &[], &mut |_| ()).expect("verifies");
        assert_eq!(report.first_finding(), None);
    }
}

/// The amount of an entry, and the summary and the actor of its voucher.
fn stored(store: &mut Store, book: BookKey, entry: EntryNo) -> Option<(i64, String, i64)> {
    let mut tx = store.snapshot().expect("reads");
    tx.query_opt(
        "SELECT e.amount_minor, v.summary, v.actor_id FROM entry_line AS e JOIN voucher AS v \
         ON v.court_id = e.court_id AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.entry_no = $3",
        &[book.court_id.into(), book.book_id.into(), entry.0.into()],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )
    .expect("reads")
}

/// 16 threads take 10 fen each from two cases of 100: ten of each book's sixteen are accepted, six refused.
fn every_answer_is_in_the_database(database: &Database) {
    let (mut store, accounts) = books(database);
    let poster = Poster::start(database.open(), 2, at).expect("starts");
    let barrier = Barrier::new(16);
    let answers: Vec<(BookKey, String, Result<EntryNo, Unposted>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|thread| {
                let (poster, barrier) = (&poster, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    BOOKS.map(|book| {
                        let summary = format!("{thread}-{}", book.book_id);
                        let answer = poster.post(post(book, line(accounts, 10).reversed(), &summary));
                        (book, summary, answer)
                    })
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("ends")).collect()
    });
    for book in BOOKS {
        let accepted = answers.iter().filter(|(of, _, answer)| *of == book && answer.is_ok()).count();
        assert_eq!(accepted, 10);
    }
    for (book, summary, answer) in answers {
        match answer {
            Ok(entry) => assert_eq!(stored(&mut store, book, entry), Some((10, summary, 7))),
            Err(Unposted::Refused(Refusal::BelowFloor { .. })) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert_well(&mut store);
}

fn one_post_a_group_verifies_and_numbers_on(database: &Database) {
    let (mut store, accounts) = books(database);
    let poster = Poster::start(database.open(), 2, at).expect("starts");
    for number in 1..=3 {
        let entry = poster.post(post(BOOKS[0], line(accounts, 10).reversed(), "一")).expect("posts");
        assert_eq!(entry, EntryNo(number + 1));
    }
    // Another writer changes the balance in between: what the poster remembers is no longer so.
    let mut tx = store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOKS[0], "test.other", 1, at()).expect("opens");
    let head = VoucherHead {
        kind: VoucherKind::Payment,
        accounting_date: date(2026, 11, 22),
        event: "test",
        summary: "他",
        attachments: 0,
    };
    act.begin_voucher(&mut tx, &head).expect("an open month");
    act.post(&mut tx, &[line(accounts, 65).reversed()]).expect("posts");
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    let refused = poster.post(post(BOOKS[0], line(accounts, 10).reversed(), "多"));
    assert!(matches!(refused, Err(Unposted::Refused(Refusal::BelowFloor { .. }))), "{refused:?}");
    let entry = poster.post(post(BOOKS[0], line(accounts, 5).reversed(), "尽")).expect("posts");
    assert_eq!(stored(&mut store, BOOKS[0], entry), Some((5, "尽".to_owned(), 7)));
    assert_well(&mut store);
}

fn unknown_books_and_closed_months_are_refused(database: &Database) {
    let (mut store, accounts) = books(database);
    let mut tx = store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOKS[0], "test.close", 1, at()).expect("opens");
    act.close_month(&mut tx, "2026-10").expect("closes");
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    let poster = Poster::start(database.open(), 2, at).expect("starts");
    let nowhere = BookKey { court_id: 1, book_id: 9 };
    let answer = poster.post(post(nowhere, line(accounts, 10), "无"));
    assert!(matches!(answer, Err(Unposted::Refused(Refusal::BookUnknown(9)))), "{answer:?}");
    let late = Post { accounting_date: date(2026, 10, 31), ..post(BOOKS[0], line(accounts, 10), "迟") };
    let answer = poster.post(late);
    assert!(matches!(answer, Err(Unposted::Refused(Refusal::MonthClosed { .. }))), "{answer:?}");
    let large =
        Post { lines: vec![line(accounts, i64::MAX), line(accounts, 1)], ..post(BOOKS[0], line(accounts, 1), "大") };
    let answer = poster.post(large);
    assert!(matches!(answer, Err(Unposted::Refused(Refusal::Overflow(_)))), "{answer:?}");
    assert_eq!(poster.post(post(BOOKS[0], line(accounts, 10), "好")).expect("posts"), EntryNo(2));
    assert_well(&mut store);
}

fn a_key_posts_once(database: &Database) {
    let (mut store, accounts) = books(database);
    let poster = Poster::start(database.open(), 2, at).expect("starts");
    let keyed = |minor, key: &str| Post {
        request_key: Some(key.to_owned()),
        ..post(BOOKS[0], line(accounts, minor).reversed(), "钥")
    };
    let first = poster.post(keyed(60, "a")).expect("posts");
    assert_eq!(poster.post(keyed(60, "a")).expect("answers again"), first);
    let reused = poster.post(keyed(61, "a"));
    assert!(matches!(reused, Err(Unposted::Refused(Refusal::RequestKeyReused(_)))), "{reused:?}");
    let refused = poster.post(keyed(50, "b")).expect_err("only 40 are left").to_string();
    poster.post(post(BOOKS[0], line(accounts, 1_000), "补")).expect("posts");
    assert_eq!(poster.post(keyed(50, "b")).expect_err("the first answer").to_string(), refused);
    assert_well(&mut store);
}

fn a_failed_commit_acknowledges_nothing(database: &Database) {
    let (mut store, accounts) = books(database);
    // A deferred key makes the commit itself fail, after every statement went well.
    let spoil = [
        "CREATE TABLE wanted (id BIGINT NOT NULL PRIMARY KEY)",
        "CREATE TABLE wanting (id BIGINT NOT NULL REFERENCES wanted (id) DEFERRABLE INITIALLY DEFERRED)",
    ];
    let trigger = [
        Statement::twin(
            "SELECT 1",
            "CREATE FUNCTION want() RETURNS trigger LANGUAGE plpgsql AS \
             $$ BEGIN INSERT INTO wanting VALUES (9); RETURN NULL; END $$",
        ),
        Statement::twin(
            "CREATE TRIGGER want AFTER INSERT ON voucher BEGIN INSERT INTO wanting VALUES (9); END",
            "CREATE TRIGGER want AFTER INSERT ON voucher FOR EACH STATEMENT EXECUTE FUNCTION want()",
        ),
    ];
    let mut tx = store.begin().expect("begins");
    for text in spoil.map(Statement::new).into_iter().chain(trigger) {
        tx.each(text, &[], |_| Ok::<(), ankuan_ledger::Error>(())).expect("runs");
    }
    tx.commit().expect("commits");
    let poster = Poster::start(database.open(), 2, at).expect("starts");
    let answer = poster.post(post(BOOKS[0], line(accounts, 10), "失"));
    assert!(matches!(answer, Err(Unposted::Broken(_))), "{answer:?}");
    let mut tx = store.begin().expect("begins");
    tx.execute(Statement::twin("DROP TRIGGER want", "DROP TRIGGER want ON voucher"), &[]).expect("drops");
    tx.commit().expect("commits");
    assert_eq!(stored(&mut store, BOOKS[0], EntryNo(2)), None);
    assert_eq!(poster.post(post(BOOKS[0], line(accounts, 10), "成")).expect("posts"), EntryNo(2));
    assert_well(&mut store);
}

on_both!(
    every_answer_is_in_the_database,
    one_post_a_group_verifies_and_numbers_on,
    unknown_books_and_closed_months_are_refused,
    a_key_posts_once,
    a_failed_commit_acknowledges_nothing,
);
