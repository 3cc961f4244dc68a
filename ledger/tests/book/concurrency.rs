//! Many writers at once.

use std::sync::Barrier;

use ankuan_ledger::{Amount, Failure, Store, VoucherKind};

use crate::fixture::{act, book, check, line, place, voucher};
use crate::support::Database;

/// All at once, each with a connection of its own.
fn at_once<T: Send>(database: &Database, threads: usize, work: impl Fn(usize, &mut Store) -> T + Sync) -> Vec<T> {
    let start = Barrier::new(threads);
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|number| {
                let (start, work) = (&start, &work);
                scope.spawn(move || {
                    let mut store = database.open();
                    start.wait();
                    work(number, &mut store)
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).collect()
    })
}

fn of_forty_who_hold_a_tenth_ten_succeed(database: &Database) {
    let (mut store, [_, case, _]) = book(database);
    let verdicts = at_once(database, 40, |_, store| {
        act(store, |act, tx| act.hold(tx, place((case, 7)), Amount::from_minor(10_000), "争议"))
    });
    let refused = verdicts.iter().filter_map(|verdict| verdict.as_ref().err()).map(|failure| match failure {
        Failure::Refused(refusal) => refusal.code(),
        Failure::Broken(error) => panic!("{error}"),
    });
    let refused: Vec<&str> = refused.collect();
    assert_eq!(verdicts.len() - refused.len(), 10);
    assert!(refused.iter().all(|code| *code == "ledger.below_floor"), "{refused:?}");
    assert_eq!(check(&mut store).first_finding(), None);
}

fn writers_of_one_book_leave_no_gaps(database: &Database) {
    let (mut store, [_, case, payable]) = book(database);
    let entries = at_once(database, 4, |writer, store| {
        let pay = |minor| {
            move |act: &mut ankuan_ledger::Act, tx: &mut ankuan_ledger::Tx<'_>| {
                act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
                act.post(tx, &[line((case, 7), (payable, writer as i64), minor)])
            }
        };
        let mut entries = Vec::new();
        for _ in 0..8 {
            entries.push(act(store, pay(1)).expect("posts").0);
            act(store, pay(1_000_000)).expect_err("more than there is");
        }
        entries
    });
    let mut entries: Vec<i64> = entries.concat();
    entries.sort_unstable();
    assert_eq!(entries, (2..34).collect::<Vec<i64>>());
    assert_eq!(check(&mut store).first_finding(), None);
}

crate::on_both!(of_forty_who_hold_a_tenth_ten_succeed, writers_of_one_book_leave_no_gaps);
