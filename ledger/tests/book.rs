//! Whole acts on both databases.

mod support;

#[path = "book/commands.rs"]
mod commands;
#[path = "book/concurrency.rs"]
mod concurrency;
#[path = "book/fixture.rs"]
mod fixture;
#[path = "book/random.rs"]
mod random;
#[path = "book/schema.rs"]
mod second_line;
#[path = "book/tampering.rs"]
mod tampering;

use std::collections::BTreeMap;

use ankuan_ledger::{AccountId, Act, Amount, EntryNo, Error, Failure, HoldId, Side, Store, VoucherHead, VoucherKind};
use fixture::{BOOK, account, act, at, book, check, code, full_book, line, place, voucher};
use jiff::civil::date;
use support::Database;

fn a_payout_of_many_lines_verifies(database: &Database) {
    let (mut store, [bank, case, payable]) = book(database);
    // More than one page of the verification, and acts after it.
    act(&mut store, |act, tx| {
        act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
        for item in 0..60_000 {
            act.post(tx, &[line((case, 7), (payable, 100 + item), 1)])?;
        }
        Ok(())
    })
    .expect("posts");
    for item in 0..3 {
        act(&mut store, |act, tx| {
            act.begin_voucher(tx, &voucher(VoucherKind::Receipt))?;
            act.post(tx, &[line((bank, 0), (case, item), 5)])
        })
        .expect("posts");
    }
    let report = check(&mut store);
    assert_eq!(report.first_finding(), None);
    assert_eq!(report.postings, 120_008);
}

fn a_hold_lives_across_acts(database: &Database) {
    let (mut store, [_, case, payable]) = book(database);
    let fen = Amount::from_minor;
    let hold = act(&mut store, |act, tx| act.hold(tx, place((case, 7)), fen(60_000), "争议")).expect("holds");
    let capture = |act: &mut Act, tx: &mut ankuan_ledger::Tx<'_>, minor| {
        act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
        act.capture(tx, hold, line((case, 7), (payable, 1), minor), "确认")
    };
    // What is held is not available.
    let spent = act(&mut store, |act, tx| {
        act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
        act.post(tx, &[line((case, 7), (payable, 1), 40_001)])
    });
    assert_eq!(code(spent), "ledger.below_floor");
    act(&mut store, |act, tx| capture(act, tx, 20_000)).expect("captures");
    act(&mut store, |act, tx| act.release(tx, hold, fen(10_000), "部分撤回")).expect("releases");
    assert_eq!(code(act(&mut store, |act, tx| capture(act, tx, 30_001))), "hold.exceeds_remaining");
    act(&mut store, |act, tx| capture(act, tx, 30_000)).expect("captures the rest");
    assert_eq!(code(act(&mut store, |act, tx| act.release(tx, hold, fen(1), ""))), "hold.exceeds_remaining");
    assert_eq!(code(act(&mut store, |act, tx| act.release(tx, HoldId(9_999), fen(1), ""))), "hold.unknown");
    assert_eq!(check(&mut store).first_finding(), None);
    assert_eq!(
        rows(&mut store, "SELECT remaining_minor FROM hold UNION ALL SELECT held_minor FROM item_balance"),
        [[0], [0]]
    );
}

fn an_entry_is_reversed_once(database: &Database) {
    let (mut store, [_, case, payable]) = book(database);
    let lines = [line((case, 7), (payable, 1), 10), line((case, 7), (payable, 2), 20)];
    let reverse = |act: &mut Act, tx: &mut ankuan_ledger::Tx<'_>, entry| {
        act.begin_voucher(tx, &voucher(VoucherKind::Transfer))?;
        act.reverse(tx, entry)
    };
    // Once within the act that posted it, and once in a later one.
    let (first, second) = act(&mut store, |act, tx| {
        act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
        let (first, second) = (act.post(tx, &lines)?, act.post(tx, &lines)?);
        act.reverse(tx, first)?;
        assert_eq!(code(act.reverse(tx, first)), "ledger.already_reversed");
        Ok((first, second))
    })
    .expect("posts");
    let reversal = act(&mut store, |act, tx| reverse(act, tx, second)).expect("reverses");
    for entry in [first, second] {
        assert_eq!(code(act(&mut store, |act, tx| reverse(act, tx, entry))), "ledger.already_reversed");
    }
    assert_eq!(code(act(&mut store, |act, tx| reverse(act, tx, EntryNo(99)))), "ledger.entry_unknown");
    let sql = format!(
        "SELECT debit_account_id, debit_item_id, credit_account_id, credit_item_id, amount_minor, reverses_entry_no \
         FROM entry_line WHERE entry_no = {} ORDER BY line_no",
        reversal.0
    );
    let (case, payable) = (case.0, payable.0);
    assert_eq!(rows(&mut store, &sql), [[payable, 1, case, 7, 10, second.0], [payable, 2, case, 7, 20, second.0]]);
    assert_eq!(check(&mut store).first_finding(), None);
    // Behind the check stands the index.
    let mut tx = store.begin().expect("begins");
    let again = tx.execute(
        "INSERT INTO entry_line SELECT court_id, book_id, entry_no + 1000, line_no, voucher_id, debit_account_id, \
         debit_item_id, credit_account_id, credit_item_id, amount_minor, debit_after_minor, credit_after_minor, \
         debit_previous_entry_no, credit_previous_entry_no, reverses_entry_no, mark FROM entry_line \
         WHERE reverses_entry_no = $1",
        &[second.0.into()],
    );
    match again {
        Err(Error::Constraint { name }) => {
            assert!(name == "entry_line_reversed_once" || name.contains("reverses_entry_no"), "{name}");
        }
        other => panic!("{other:?}"),
    }
}

fn voucher_numbers_have_no_gaps(database: &Database) {
    let (mut store, [bank, case, payable]) = book(database);
    let pay = |minor| [line((case, 7), (payable, 1), minor)];
    for round in 0..3 {
        let refused = act(&mut store, |act, tx| {
            act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
            act.post(tx, &pay(1_000_000))
        });
        assert_eq!(code(refused), "ledger.below_floor");
        // A voucher whose entries were all refused takes no number; the act goes on.
        act(&mut store, |act, tx| {
            act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
            assert_eq!(code(act.post(tx, &pay(1_000_000))), "ledger.below_floor");
            act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
            act.post(tx, &pay(1))?;
            act.begin_voucher(tx, &voucher(VoucherKind::Receipt))?;
            act.post(tx, &[line((bank, 0), (case, 7), 1)])?;
            let december = VoucherHead { accounting_date: date(2026, 12, 1), ..voucher(VoucherKind::Payment) };
            act.begin_voucher(tx, &december)?;
            act.post(tx, &pay(1))
        })
        .expect("posts");
        // A transaction that is dropped after its act was closed takes none either.
        let mut tx = store.begin().expect("begins");
        let mut dropped = Act::open(&mut tx, BOOK, "test", 1, at()).expect("opens");
        dropped.begin_voucher(&mut tx, &voucher(VoucherKind::Payment)).expect("open month");
        dropped.post(&mut tx, &pay(1)).expect("posts");
        assert_eq!(dropped.vouchers(&mut tx).expect("numbers")[0].number, round + 2);
        dropped.close(&mut tx).expect("closes");
    }
    let numbers = |month: &str, kind: &str| {
        format!("SELECT number FROM voucher WHERE month = '{month}' AND kind = '{kind}' ORDER BY number")
    };
    assert_eq!(rows(&mut store, &numbers("2026-11", "payment")), [[1], [2], [3]]);
    assert_eq!(rows(&mut store, &numbers("2026-12", "payment")), [[1], [2], [3]]);
    assert_eq!(rows(&mut store, &numbers("2026-11", "receipt")), [[1], [2], [3], [4]]);
    assert_eq!(check(&mut store).first_finding(), None);
}

fn a_closed_month_takes_nothing(database: &Database) {
    let (mut store, [bank, case, _]) = book(database);
    let post = |act: &mut Act, tx: &mut ankuan_ledger::Tx<'_>| {
        act.begin_voucher(tx, &voucher(VoucherKind::Receipt))?;
        act.post(tx, &[line((bank, 0), (case, 7), 1)])
    };
    // Also for the act that closes it, and for one that has already posted into it.
    let same_act = act(&mut store, |act, tx| {
        post(act, tx)?;
        act.close_month(tx, "2026-11")?;
        assert_eq!(code(post(act, tx)), "ledger.month_closed");
        Ok(())
    });
    same_act.expect("closes");
    assert_eq!(code(act(&mut store, post)), "ledger.month_closed");
    let twice = act(&mut store, |act, tx| Ok(act.close_month(tx, "2026-11")?));
    assert!(matches!(twice, Err(Failure::Broken(Error::Constraint { .. }))), "{twice:?}");
    assert_eq!(check(&mut store).first_finding(), None);
}

fn an_account_closes_when_it_is_empty(database: &Database) {
    let (mut store, [_, case, payable]) = book(database);
    assert_eq!(code(act(&mut store, |act, tx| act.close_account(tx, case))), "ledger.account_not_empty");
    assert_eq!(code(act(&mut store, |act, tx| act.close_account(tx, AccountId(99)))), "ledger.account_unknown");
    act(&mut store, |act, tx| act.close_account(tx, payable)).expect("closes");
    assert_eq!(code(act(&mut store, |act, tx| act.close_account(tx, payable))), "ledger.account_closed");
    let posted = act(&mut store, |act, tx| {
        act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
        act.post(tx, &[line((case, 7), (payable, 1), 1)])
    });
    assert_eq!(code(posted), "ledger.account_closed");
    assert_eq!(
        code(act(&mut store, |act, tx| act.hold(tx, place((payable, 1)), Amount::from_minor(1), ""))),
        "ledger.account_closed"
    );
    let taken = act(&mut store, |act, tx| Ok(act.open_account(tx, &account("bank", Side::Debit, None))?));
    assert!(matches!(taken, Err(Failure::Broken(Error::Constraint { .. }))), "{taken:?}");
    assert_eq!(check(&mut store).first_finding(), None);
}

fn a_dropped_transaction_leaves_nothing(database: &Database) {
    let (mut store, [bank, case, payable]) = full_book(database);
    let before = dump(&mut store);
    let mut tx = store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOK, "test", 1, at()).expect("opens");
    act.open_account(&mut tx, &account("new", Side::Debit, None)).expect("opens");
    act.begin_voucher(&mut tx, &voucher(VoucherKind::Payment)).expect("open month");
    act.post(&mut tx, &[line((bank, 0), (case, 7), 100), line((case, 7), (payable, 1), 50)]).expect("posts");
    act.hold(&mut tx, place((case, 7)), Amount::from_minor(5), "争议").expect("holds");
    act.close_month(&mut tx, "2026-08").expect("closes");
    act.close(&mut tx).expect("closes");
    drop(tx);
    assert_eq!(dump(&mut store), before);
}

fn the_history_of_an_account_is_a_walk(database: &Database) {
    let (mut store, accounts) = full_book(database);
    for AccountId(account) in accounts {
        let all = rows(
            &mut store,
            &format!(
                "SELECT DISTINCT entry_no, line_no, amount_minor FROM posting WHERE account_id = {account} \
                 ORDER BY entry_no DESC, line_no DESC"
            ),
        );
        let mut walked = Vec::new();
        let mut next =
            rows(&mut store, &format!("SELECT last_entry_no FROM balance WHERE account_id = {account}"))[0][0];
        while next != 0 {
            let lines = rows(
                &mut store,
                &format!(
                    "SELECT entry_no, line_no, amount_minor, CASE WHEN debit_account_id = {account} \
                     THEN debit_previous_entry_no ELSE credit_previous_entry_no END FROM entry_line \
                     WHERE entry_no = {next} AND (debit_account_id = {account} OR credit_account_id = {account}) \
                     ORDER BY line_no DESC"
                ),
            );
            next = lines[0][3];
            walked.extend(lines.into_iter().map(|line| line[..3].to_vec()));
        }
        assert!(walked.len() > 1);
        assert_eq!(walked, all, "account {account}");
    }
}

on_both!(
    a_payout_of_many_lines_verifies,
    a_hold_lives_across_acts,
    an_entry_is_reversed_once,
    voucher_numbers_have_no_gaps,
    a_closed_month_takes_nothing,
    an_account_closes_when_it_is_empty,
    a_dropped_transaction_leaves_nothing,
    the_history_of_an_account_is_a_walk,
);

/// Rows of numbers.
fn rows(store: &mut Store, sql: &str) -> Vec<Vec<i64>> {
    // Statements live as long as the program; a test makes few.
    let sql: &'static str = Box::leak(sql.to_owned().into_boxed_str());
    let columns = sql.split(" FROM ").next().unwrap_or_default().matches(',').count() + 1;
    let mut tx = store.snapshot().expect("reads");
    let mut read = Vec::new();
    tx.each(sql, &[], |row| {
        let mut numbers = Vec::new();
        for column in 0..columns {
            numbers.push(row.int(column)?);
        }
        read.push(numbers);
        Ok::<(), Error>(())
    })
    .expect("a result");
    read
}

/// Every row of every table, as text.
fn dump(store: &mut Store) -> BTreeMap<String, Vec<String>> {
    let mut tables = BTreeMap::new();
    for (table, columns) in second_line::stored_columns(store) {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let sql = format!("SELECT {} FROM {table}", names.join(", "));
        let sql: &'static str = Box::leak(sql.into_boxed_str());
        let mut tx = store.snapshot().expect("reads");
        let mut lines = tx
            .query(sql, &[], |row| {
                let mut values: Vec<String> = Vec::new();
                for (place, column) in columns.iter().enumerate() {
                    values.push(format!("{:?}", row.value(place, column.kind)?));
                }
                Ok(values.join(" "))
            })
            .expect("a result");
        lines.sort();
        tables.insert(table, lines);
    }
    assert!(tables.len() > 12);
    tables
}
