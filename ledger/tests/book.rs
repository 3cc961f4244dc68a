//! Whole acts on both databases.

mod support;

use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::Store;
use ankuan_ledger::verify::{Report, verify};
use ankuan_ledger::{
    AccountId, Act, Amount, BookKey, Currency, ItemId, Line, NewAccount, Place, Side, VoucherHead, VoucherKind, schema,
};
use jiff::Timestamp;
use jiff::civil::date;
use support::Database;

const BOOK: BookKey = BookKey { court_id: 1, book_id: 1 };

fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a time")
}

fn account<'a>(code: &'a str, side: Side, floor: Option<Amount>) -> NewAccount<'a> {
    NewAccount {
        kind: code,
        code,
        name: code,
        normal_side: side,
        currency: Currency::CNY,
        case_id: None,
        floor,
        item_floor: code == "case",
    }
}

fn check(store: &mut Store) -> Report {
    let mut tx = store.snapshot().expect("reads");
    verify(&mut tx, BOOK, schema::FACTS, &[], &mut |_| ()).expect("verifies")
}

/// A book with a bank account, a case and payables; the case has 1,000.00.
fn book(database: &Database) -> (Store, [AccountId; 3]) {
    let mut store = database.open();
    store.migrate(&[schema::MIGRATION]).expect("migrates");
    let mut tx = store.begin().expect("begins");
    create_book(&mut tx, BOOK, "案款", 1, at()).expect("a book");
    let mut act = Act::open(&mut tx, BOOK, "test.open", 1, at()).expect("opens");
    let bank = act.open_account(&mut tx, &account("bank", Side::Debit, None)).expect("opens");
    let case = act.open_account(&mut tx, &account("case", Side::Credit, Some(Amount::ZERO))).expect("opens");
    let payable = act.open_account(&mut tx, &account("payable", Side::Credit, Some(Amount::ZERO))).expect("opens");
    act.begin_voucher(&mut tx, &voucher(VoucherKind::Receipt)).expect("open month");
    act.post(&mut tx, &[line((bank, 0), (case, 7), 100_000)]).expect("posts");
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    (store, [bank, case, payable])
}

fn voucher(kind: VoucherKind) -> VoucherHead<'static> {
    VoucherHead { kind, accounting_date: date(2026, 11, 22), event: "test", summary: "测试", attachments: 1 }
}

fn line(debit: (AccountId, i64), credit: (AccountId, i64), minor: i64) -> Line {
    let place = |(account, item)| Place { account, item: ItemId(item) };
    Line { debit: place(debit), credit: place(credit), amount: Amount::from_minor(minor) }
}

fn a_payout_of_many_lines_verifies(database: &Database) {
    let (mut store, [_, case, payable]) = book(database);
    let mut tx = store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOK, "test.payout", 2, at()).expect("opens");
    act.begin_voucher(&mut tx, &voucher(VoucherKind::Payment)).expect("open month");
    for item in 0..30_000 {
        act.post(&mut tx, &[line((case, 7), (payable, 100 + item), 3)]).expect("posts");
    }
    act.close(&mut tx).expect("closes");
    tx.commit().expect("commits");
    let report = check(&mut store);
    assert_eq!(report.first_finding(), None);
    assert_eq!(report.postings, 60_002);
}

on_both!(a_payout_of_many_lines_verifies);
