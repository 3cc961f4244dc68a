//! A book to test on.

use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::Store;
use ankuan_ledger::verify::{Report, verify};
use ankuan_ledger::{
    AccountId, Act, Amount, BookKey, ChainHead, Currency, Failure, ItemId, Line, NewAccount, Place, Side, Tx,
    VoucherHead, VoucherKind, schema,
};
use jiff::Timestamp;
use jiff::civil::date;

use crate::support::Database;

/// The book of most tests.
pub const BOOK: BookKey = BookKey { court_id: 1, book_id: 1 };

/// When everything happens.
pub fn at() -> Timestamp {
    Timestamp::from_second(1_795_000_000).expect("a time")
}

/// An account in yuan; the items of `case` have a floor.
pub fn account(code: &str, side: Side, floor: Option<i64>) -> NewAccount<'_> {
    NewAccount {
        kind: code,
        code,
        name: code,
        normal_side: side,
        currency: Currency::CNY,
        case_id: None,
        floor: floor.map(Amount::from_minor),
        item_floor: code == "case",
    }
}

/// A voucher head in November 2026.
pub fn voucher(kind: VoucherKind) -> VoucherHead<'static> {
    VoucherHead { kind, accounting_date: date(2026, 11, 22), event: "test", summary: "测试", attachments: 1 }
}

/// A line between accounts and their items.
pub fn line(debit: (AccountId, i64), credit: (AccountId, i64), minor: i64) -> Line {
    Line { debit: place(debit), credit: place(credit), amount: Amount::from_minor(minor) }
}

/// Account and item.
pub fn place((account, item): (AccountId, i64)) -> Place {
    Place { account, item: ItemId(item) }
}

/// Runs one act in a transaction of its own; nothing remains of one that fails.
pub fn act<T>(store: &mut Store, work: impl FnOnce(&mut Act, &mut Tx<'_>) -> Result<T, Failure>) -> Result<T, Failure> {
    let mut tx = store.begin()?;
    let mut act = Act::open(&mut tx, BOOK, "test", 1, at())?;
    let result = work(&mut act, &mut tx)?;
    act.close(&mut tx)?;
    tx.commit()?;
    Ok(result)
}

/// The stable code of a refusal.
pub fn code<T: std::fmt::Debug>(result: Result<T, Failure>) -> &'static str {
    match result {
        Err(Failure::Refused(refusal)) => refusal.code(),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

/// Checks the whole book.
pub fn check(store: &mut Store) -> Report {
    check_against(store, BOOK, &[])
}

/// Checks a book against anchors.
pub fn check_against(store: &mut Store, book: BookKey, anchors: &[ChainHead]) -> Report {
    let mut tx = store.snapshot().expect("reads");
    verify(&mut tx, book, schema::FACTS, anchors, &mut |_| ()).expect("verifies")
}

/// A book with a bank account, a case and payables; item 7 of the case has 1,000.00.
pub fn book(database: &Database) -> (Store, [AccountId; 3]) {
    let mut store = database.open();
    store.migrate(&[schema::MIGRATION]).expect("migrates");
    let mut tx = store.begin().expect("begins");
    create_book(&mut tx, BOOK, "案款", 1, at()).expect("a book");
    tx.commit().expect("commits");
    let accounts = act(&mut store, |act, tx| {
        let bank = act.open_account(tx, &account("bank", Side::Debit, None))?;
        let case = act.open_account(tx, &account("case", Side::Credit, Some(0)))?;
        let payable = act.open_account(tx, &account("payable", Side::Credit, Some(0)))?;
        act.begin_voucher(tx, &voucher(VoucherKind::Receipt))?;
        act.post(tx, &[line((bank, 0), (case, 7), 100_000)])?;
        Ok([bank, case, payable])
    });
    (store, accounts.expect("posts"))
}

/// [`book`] with every kind of fact and state in it, several rows of each.
pub fn full_book(database: &Database) -> (Store, [AccountId; 3]) {
    let (mut store, [bank, case, payable]) = book(database);
    let hold = act(&mut store, |act, tx| {
        act.hold(tx, place((case, 7)), Amount::from_minor(500), "争议")?;
        act.hold(tx, place((case, 7)), Amount::from_minor(300), "案外人异议")
    });
    let hold = hold.expect("holds");
    act(&mut store, |act, tx| {
        act.begin_voucher(tx, &voucher(VoucherKind::Payment))?;
        act.post(tx, &[line((case, 7), (payable, 8), 70), line((case, 7), (payable, 9), 30)])?;
        let entry = act.post(tx, &[line((case, 7), (payable, 10), 11)])?;
        act.capture(tx, hold, line((case, 7), (payable, 11), 100), "异议驳回")?;
        act.begin_voucher(tx, &voucher(VoucherKind::Transfer))?;
        act.reverse(tx, entry)
    })
    .expect("posts");
    act(&mut store, |act, tx| {
        act.release(tx, hold, Amount::from_minor(50), "撤回")?;
        let spare = act.open_account(tx, &account("spare", Side::Debit, None))?;
        let other = act.open_account(tx, &account("other", Side::Credit, Some(-100)))?;
        act.begin_voucher(tx, &voucher(VoucherKind::Receipt))?;
        act.post(tx, &[line((bank, 0), (case, 12), 40)])?;
        act.close_account(tx, spare)?;
        act.close_account(tx, other)
    })
    .expect("posts");
    act(&mut store, |act, tx| {
        act.close_month(tx, "2026-09")?;
        Ok(act.close_month(tx, "2026-10")?)
    })
    .expect("closes");
    assert_eq!(check(&mut store).first_finding(), None);
    (store, [bank, case, payable])
}
