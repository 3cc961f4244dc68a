//! Random histories: a batch is its commands one at a time, and every history verifies.

use ankuan_ledger::act::create_book;
use ankuan_ledger::{AccountId, Act, Amount, BookKey, EntryNo, Failure, HoldId, Store, Tx, VoucherKind, schema};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::commands::{ACCOUNTS, Command, command, line, new_account, place};
use crate::fixture::{at, check_against, voucher};
use crate::support::Database;

/// Ids that do not exist for commands that name a hold that was refused.
const NO_HOLD: HoldId = HoldId(1_000_000);

/// The total of a voucher over a whole batch has to stay in the range of amounts, so the largest are smaller here.
fn bounded(minor: i64) -> i64 {
    minor.min(1 << 50)
}

fn run(act: &mut Act, tx: &mut Tx<'_>, first: i64, holds: &mut Vec<HoldId>, command: &Command) -> Result<(), Failure> {
    let hold_id = |hold: &usize, holds: &[HoldId]| holds.get(*hold).copied().unwrap_or(NO_HOLD);
    let fen = |minor: &i64| Amount::from_minor(bounded(*minor));
    match command {
        Command::Post(lines) => {
            let lines: Vec<_> =
                lines.iter().map(|(debit, credit, minor)| line(first, *debit, *credit, bounded(*minor))).collect();
            act.post(tx, &lines).map(|_| ())
        }
        Command::Hold(spot, minor) => {
            let placed = act.hold(tx, place(first, *spot), fen(minor), "争议");
            holds.push(*placed.as_ref().unwrap_or(&NO_HOLD));
            placed.map(|_| ())
        }
        Command::Capture { hold, debit, credit, minor } => {
            act.capture(tx, hold_id(hold, holds), line(first, *debit, *credit, bounded(*minor)), "确认").map(|_| ())
        }
        Command::Release { hold, minor } => act.release(tx, hold_id(hold, holds), fen(minor), "撤回"),
        Command::Close(account) => act.close_account(tx, AccountId(first + *account as i64)),
        Command::Reverse(entry) => act.reverse(tx, EntryNo(*entry)).map(|_| ()),
    }
}

fn verdict(result: Result<(), Failure>) -> &'static str {
    match result {
        Ok(()) => "ok",
        Err(Failure::Refused(refusal)) => refusal.code(),
        Err(Failure::Broken(error)) => panic!("{error}"),
    }
}

fn new_book(store: &mut Store, book: BookKey) -> i64 {
    let mut tx = store.begin().expect("begins");
    create_book(&mut tx, book, "案款", 1, at()).expect("a book");
    let mut act = Act::open(&mut tx, book, "test.open", 1, at()).expect("opens");
    let opened: Vec<AccountId> =
        ACCOUNTS.iter().map(|kind| act.open_account(&mut tx, &new_account(kind)).expect("opens")).collect();
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    opened[0].0
}

/// All commands in acts of so many each; what each came to.
fn play(store: &mut Store, book: BookKey, commands: &[Command], an_act: usize) -> Vec<&'static str> {
    let first = new_book(store, book);
    let mut holds = Vec::new();
    let mut verdicts = Vec::new();
    for batch in commands.chunks(an_act) {
        let mut tx = store.begin().expect("begins");
        let mut act = Act::open(&mut tx, book, "test.batch", 1, at()).expect("opens");
        act.begin_voucher(&mut tx, &voucher(VoucherKind::Transfer)).expect("open month");
        for command in batch {
            verdicts.push(verdict(run(&mut act, &mut tx, first, &mut holds, command)));
        }
        act.close(&mut tx).expect("closes");
        tx.commit().expect("commits");
    }
    verdicts
}

/// What the commands left behind, without what may differ: ids of vouchers, holds and their events.
fn left_behind(store: &mut Store, book: BookKey) -> Vec<Vec<Vec<Option<i64>>>> {
    const QUESTIONS: [(&str, usize); 6] = [
        (
            "SELECT account_id, posted_minor, held_minor, last_entry_no, is_open FROM balance \
             WHERE court_id = $1 AND book_id = $2 ORDER BY account_id",
            5,
        ),
        (
            "SELECT account_id, item_id, posted_minor, held_minor FROM item_balance \
             WHERE court_id = $1 AND book_id = $2 AND (posted_minor <> 0 OR held_minor <> 0) \
             ORDER BY account_id, item_id",
            4,
        ),
        (
            "SELECT entry_no, line_no, debit_account_id, debit_item_id, credit_account_id, credit_item_id, \
             amount_minor, debit_after_minor, credit_after_minor, debit_previous_entry_no, \
             credit_previous_entry_no, reverses_entry_no FROM entry_line \
             WHERE court_id = $1 AND book_id = $2 ORDER BY entry_no, line_no",
            12,
        ),
        (
            "SELECT account_id, item_id, remaining_minor FROM hold \
             WHERE court_id = $1 AND book_id = $2 ORDER BY hold_id",
            3,
        ),
        (
            "SELECT account_id, item_id, amount_minor, entry_no FROM hold_event \
             WHERE court_id = $1 AND book_id = $2 ORDER BY id",
            4,
        ),
        ("SELECT next_entry_no FROM book_head WHERE court_id = $1 AND book_id = $2", 1),
    ];
    let mut tx = store.snapshot().expect("reads");
    let mut answers = Vec::new();
    for (sql, columns) in QUESTIONS {
        let answer = tx
            .query(sql, &[book.court_id.into(), book.book_id.into()], |row| {
                (0..columns).map(|column| row.opt_int(column)).collect()
            })
            .expect("an answer");
        answers.push(answer);
    }
    answers
}

/// Balances of accounts from the postings alone.
fn replayed(store: &mut Store, book: BookKey) -> Vec<(i64, i64, i64)> {
    let mut tx = store.snapshot().expect("reads");
    tx.query(
        "SELECT a.account_id, CAST(COALESCE(SUM(CASE WHEN p.side = a.normal_side THEN p.amount_minor \
         ELSE -p.amount_minor END), 0) AS BIGINT), MAX(b.posted_minor) FROM account AS a \
         JOIN balance AS b ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
         LEFT JOIN posting AS p ON p.court_id = a.court_id AND p.book_id = a.book_id AND p.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 GROUP BY a.account_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
    )
    .expect("an answer")
}

fn a_batch_is_its_commands_one_at_a_time(database: &Database) {
    let mut store = database.open();
    store.migrate(&[schema::MIGRATION]).expect("migrates");
    // The runner wants a closure that can be called again; books are numbered on.
    let shared = std::cell::RefCell::new((store, 1));
    let config = Config { cases: 12, failure_persistence: None, max_shrink_iters: 60, ..Config::default() };
    TestRunner::new(config)
        .run(&proptest::collection::vec(command(), 1..50), |commands| {
            let mut shared = shared.borrow_mut();
            let (store, next_book) = &mut *shared;
            let mut results = Vec::new();
            for an_act in [commands.len(), 1, 4] {
                let book = BookKey { court_id: 1, book_id: *next_book };
                *next_book += 1;
                let verdicts = play(store, book, &commands, an_act);
                let report = check_against(store, book, &[]);
                prop_assert_eq!(report.first_finding(), None);
                for (account, computed, stored) in replayed(store, book) {
                    prop_assert_eq!(computed, stored, "account {}", account);
                }
                results.push((verdicts, left_behind(store, book)));
            }
            prop_assert_eq!(&results[0], &results[1], "in one act, one act each: {:?}", &commands);
            prop_assert_eq!(&results[0], &results[2], "in one act, four in an act: {:?}", &commands);
            Ok(())
        })
        .expect("the same whatever the batches");
}

crate::on_both!(a_batch_is_its_commands_one_at_a_time);
