//! Cash taken by two officers, with receipts numbered without gaps, until the bank has it; on both databases.

use ankuan::Outcome;
use ankuan::deadlines::DeadlineKind;
use ankuan::deadlines::running::worklist;
use ankuan::receipts::cash::{self, Cash, End, NewCash};
use ankuan_ledger::Amount;

use crate::court::{BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, code};
use crate::support::Database;

fn take(court: &mut Court, minor: i64, second: &str) -> Outcome<Cash> {
    let second_officer = court.person(second);
    court.act(HANDLER, |tx, acting, chart| {
        let case = &ankuan::cases::find_case(tx, BOOK, NUMBER)?;
        let (amount, second_officer) = (Amount::from_minor(minor), &second_officer);
        let new = NewCash { case, payer_name: "李四", amount, purpose: "下乡执行当场履行", second_officer };
        cash::take(tx, acting, chart, &new)
    })
}

fn cash_is_taken_by_two_and_banked_or_void(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    assert_eq!(code(take(&mut court, 30_000, HANDLER)), "access.second_person_same");
    assert_eq!(code(take(&mut court, 30_000, FINANCE)), "access.second_person_role");
    assert_eq!(code(take(&mut court, 0, KEEPER)), "cash.amount");
    let first = take(&mut court, 30_000, KEEPER).expect("taken");
    let second = take(&mut court, 5_000, HEAD).expect("taken");
    assert_eq!((first.number.as_str(), second.number.as_str()), ("X2026-0001", "X2026-0002"));
    let due = |court: &mut Court| {
        let mut tx = court.store.snapshot().expect("reads");
        let all = worklist(&mut tx, COURT, TODAY).expect("the worklist").due;
        all.into_iter().filter(|due| due.deadline.kind == DeadlineKind::CashBanked).count()
    };
    assert_eq!(due(&mut court), 2);

    // The bank has it: one receipt of the same case and amount for each.
    let banked = |court: &mut Court, who: &str, number: &str, receipt: i64| {
        court.act(who, |tx, acting, chart| cash::banked(tx, acting, chart, number, receipt, ""))
    };
    let other = court.receive("B-0", 4_000, Some(&case)).expect("received").receipt().receipt_id;
    let receipt = court.receive("B-1", 30_000, Some(&case)).expect("received").receipt().receipt_id;
    assert_eq!(code(banked(&mut court, HANDLER, "X2026-0001", receipt)), "access.role_missing");
    assert_eq!(code(banked(&mut court, FINANCE, "X2026-0009", receipt)), "cash.unknown");
    assert_eq!(code(banked(&mut court, FINANCE, "X2026-0001", other)), "cash.receipt_differs");
    let done = banked(&mut court, FINANCE, "X2026-0001", receipt).expect("banked");
    assert_eq!(done.end, Some(End::Banked(receipt)));
    assert_eq!(code(banked(&mut court, FINANCE, "X2026-0001", receipt)), "cash.ended");

    // A void one is kept, and its number is not used again.
    let void = |court: &mut Court, who: &str, reason: &str| {
        court.act(who, |tx, acting, chart| cash::void(tx, acting, chart, "X2026-0002", reason))
    };
    assert_eq!(code(void(&mut court, HANDLER, "写错金额")), "access.role_missing");
    assert_eq!(code(void(&mut court, KEEPER, " ")), "cash.reason_missing");
    void(&mut court, KEEPER, "写错金额").expect("void");
    assert_eq!(take(&mut court, 5_500, KEEPER).expect("taken").number, "X2026-0003");
    assert_eq!(due(&mut court), 1);
    let report = ankuan::audit::verify_court(&mut court.store, COURT, None, &[], &mut |_| ()).expect("verifies");
    assert!(report.ok(), "{:?}", report.checks);
}

crate::on_both!(cash_is_taken_by_two_and_banked_or_void);
