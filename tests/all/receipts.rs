//! Money in: once per reference, attributed by two people, and what finance may do by hand.

use ankuan::access::{self, Role};
use ankuan::bookkeeping;
use ankuan::cases::Case;
use ankuan::receipts::{self, CaseReceipt, Recorded};
use ankuan::report::{self, AccountView};
use ankuan::{Failure, books};
use ankuan_ledger::{AccountId, Act, Amount, EntryNo, Error, ItemId, Line, Place, Store, VoucherHead, VoucherKind};

use crate::court::{ADMIN, BOOK, COURT, Court, FINANCE, HANDLER, HEAD, KEEPER, NUMBER, TODAY, at, code};
use crate::support::Database;

fn of_case(store: &mut Store, case_id: i64) -> Vec<CaseReceipt> {
    let mut tx = store.snapshot().expect("reads");
    receipts::receipts_of_case(&mut tx, BOOK, case_id).expect("reads")
}

fn account(store: &mut Store, code: &str) -> AccountView {
    let mut tx = store.snapshot().expect("reads");
    report::find_account(&mut tx, BOOK, code).expect("opened")
}

fn the_same_money_is_recorded_once(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let first = court.receive("R1", 123_456, Some(&case)).expect("records");
    assert!(matches!(first, Recorded::New(_)));
    let again = court.receive(" R1 ", 123_456, Some(&case)).expect("known");
    assert_eq!(again, Recorded::Known(first.receipt().clone()));
    assert_eq!(code(court.receive("R1", 123_457, Some(&case))), "receipts.reference_differs");
    assert_eq!(code(court.receive("R1", 123_456, None)), "receipts.reference_differs");
    assert_eq!(code(court.receive("", 1, Some(&case))), "receipts.reference_empty");
    assert_eq!(code(court.receive("R2", 0, Some(&case))), "receipts.amount");
    let amount = Amount::from_minor(123_456);
    let bank_account_id = court.bank_account().bank_account_id;
    let receipt_id = first.receipt().receipt_id;
    assert_eq!(
        of_case(&mut court.store, case.case_id),
        [CaseReceipt { receipt_id, bank_account_id, amount, available: amount }]
    );
    let bank = court.bank_account().bank_account_id;
    assert_eq!(account(&mut court.store, &format!("B-{bank}")).posted, amount);
}

fn two_at_once_record_it_once(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let outcomes: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let case = &case;
                scope.spawn(move || {
                    let chart = ankuan::chart::Chart::parse("x", ankuan::chart::DEFAULT).expect("sound");
                    let mut court = std::mem::ManuallyDrop::new(Court { store: database.open(), chart });
                    matches!(court.receive("R1", 500, Some(case)).expect("records or knows"), Recorded::New(_))
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("ends")).collect()
    });
    assert_eq!(outcomes.iter().filter(|is_new| **is_new).count(), 1);
    assert_eq!(of_case(&mut court.store, case.case_id).len(), 1);
}

fn unattributed_money_needs_two_people(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let receipt_id = court.receive("R1", 900, None).expect("records").receipt().receipt_id;
    assert_eq!(account(&mut court.store, "U").posted, Amount::from_minor(900));
    let claim = |court: &mut Court, who: &str, receipt_id, evidence: &str| {
        court.act(who, |tx, acting, _| receipts::claim_receipt(tx, acting, receipt_id, &case, None, evidence))
    };
    let confirm = |court: &mut Court, who: &str| {
        court.act(who, |tx, acting, chart| receipts::confirm_receipt(tx, acting, chart, receipt_id))
    };
    assert_eq!(code(confirm(&mut court, KEEPER)), "receipts.not_claimed");
    assert_eq!(code(claim(&mut court, HANDLER, receipt_id, "")), "receipts.evidence_missing");
    assert_eq!(code(claim(&mut court, HANDLER, 999_999, "回单")), "receipts.unknown");
    claim(&mut court, HANDLER, receipt_id, "付款人来电并提交回单").expect("claims");
    assert_eq!(code(confirm(&mut court, FINANCE)), "access.role_missing");
    // One who holds both roles still needs another.
    let handler = court.person(HANDLER);
    court
        .act(ADMIN, |tx, acting, _| access::grant(tx, acting, &handler, Role::FundKeeper, TODAY, "任命"))
        .expect("grants");
    assert_eq!(code(confirm(&mut court, HANDLER)), "receipts.same_person");
    confirm(&mut court, KEEPER).expect("confirms");
    assert_eq!(code(confirm(&mut court, KEEPER)), "receipts.has_case");
    let amount = Amount::from_minor(900);
    let bank_account_id = court.bank_account().bank_account_id;
    assert_eq!(
        of_case(&mut court.store, case.case_id),
        [CaseReceipt { receipt_id, bank_account_id, amount, available: amount }]
    );
    assert_eq!(account(&mut court.store, "U").posted, Amount::ZERO);
    // The bank's data again, now with the case: known.
    assert!(matches!(court.receive("R1", 900, Some(&case)).expect("known"), Recorded::Known(_)));
}

/// Behind the rule stands a constraint of the database.
fn the_database_refuses_one_person_twice(database: &Database) {
    let mut court = Court::open(database);
    let mut tx = court.store.begin().expect("begins");
    let mut act = Act::open(&mut tx, BOOK, "test", 5, at()).expect("opens");
    let id = act.take_ids(1);
    act.insert(
        &mut tx,
        &receipts::RECEIPT_ATTRIBUTION,
        id,
        &[id.into(), 1.into(), 1.into(), 1.into(), 1.into(), 5.into(), 5.into()],
    )
    .expect("is gathered");
    match act.close(&mut tx) {
        Err(Error::Constraint { name }) => assert_eq!(name, "receipt_attribution_two_people"),
        other => panic!("expected the constraint, got {other:?}"),
    }
}

fn held_money_is_not_available_and_stays_in_its_case(database: &Database) {
    let mut court = Court::open(database);
    let (case, other) = (court.case(NUMBER), court.case("（2026）浙0106执124号"));
    let receipt_id = court.receive("R1", 1_000, Some(&case)).expect("records").receipt().receipt_id;
    let code_of = |kind: &str, case_id: i64| format!("{kind}-{case_id}");
    let funds = account(&mut court.store, &code_of("C", case.case_id));
    let fen = Amount::from_minor;
    let hold = |court: &mut Court, minor, reason: &str| {
        court
            .act(FINANCE, |tx, acting, _| bookkeeping::hold(tx, acting, &funds, ItemId(receipt_id), fen(minor), reason))
    };
    assert_eq!(code(hold(&mut court, 1_001, "另案")), "ledger.below_floor");
    assert_eq!(code(hold(&mut court, 1, " ")), "bookkeeping.reason_missing");
    let held = hold(&mut court, 600, "另案").expect("holds");
    assert_eq!(of_case(&mut court.store, case.case_id)[0].available, fen(400));
    let capture = |court: &mut Court, into: &str, minor| {
        let into = account(&mut court.store, into);
        court.act(FINANCE, |tx, acting, _| {
            bookkeeping::capture(tx, acting, held, &into, ItemId::NONE, fen(minor), "预留")
        })
    };
    assert_eq!(code(capture(&mut court, &code_of("P", case.case_id), 1)), "bookkeeping.capture_target");
    // Out of the case, into the treasury, into case funds or a deposit, only a sheet or an attribution leads.
    for into in [
        code_of("X", other.case_id),
        code_of("C", other.case_id),
        code_of("C", case.case_id),
        code_of("D", case.case_id),
        "F".to_owned(),
    ] {
        assert_eq!(code(capture(&mut court, &into, 1)), "bookkeeping.capture_target", "{into}");
    }
    assert_eq!(code(capture(&mut court, &code_of("X", case.case_id), 601)), "hold.exceeds_remaining");
    capture(&mut court, &code_of("X", case.case_id), 250).expect("captures");
    court.act(FINANCE, |tx, acting, _| bookkeeping::release(tx, acting, held, fen(350), "期满")).expect("releases");
    assert_eq!(of_case(&mut court.store, case.case_id)[0].available, fen(750));
    assert_eq!(account(&mut court.store, &code_of("X", case.case_id)).posted, fen(250));
}

fn what_is_owed_to_payees_is_not_held_by_hand(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    let receipt_id = court.receive("R1", 1_000, Some(&case)).expect("records").receipt().receipt_id;
    let unknown = court.receive("R2", 70, None).expect("records").receipt().receipt_id;
    let of_kind = |court: &mut Court, kind: &str| account(&mut court.store, &format!("{kind}-{}", case.case_id));
    let (funds, payable, aside) = (of_kind(&mut court, "C"), of_kind(&mut court, "P"), of_kind(&mut court, "X"));
    // Money that is due, and a hold on it that an older program placed.
    let fen = Amount::from_minor;
    let held = {
        let mut tx = court.store.begin().expect("begins");
        let mut act = Act::open(&mut tx, BOOK, "test", 5, at()).expect("opens");
        let place = |of: &AccountView, item| Place { account: AccountId(of.account_id), item: ItemId(item) };
        let head = VoucherHead {
            kind: VoucherKind::Transfer,
            accounting_date: TODAY,
            event: "distribution_payable",
            summary: "x",
            attachments: 0,
        };
        act.begin_voucher(&mut tx, &head).expect("begins");
        let line = Line { debit: place(&funds, receipt_id), credit: place(&payable, 0), amount: fen(500) };
        act.post(&mut tx, &[line]).expect("posts");
        let held = act.hold(&mut tx, place(&payable, 0), fen(100), "x").expect("holds");
        act.close(&mut tx).expect("closes");
        tx.commit().expect("commits");
        held
    };
    for kind in ["P", "X", "T", "D"] {
        let from = accounts_like(&mut court.store, kind, &case).remove(0);
        let hold = court.act(FINANCE, |tx, acting, _| bookkeeping::hold(tx, acting, &from, ItemId::NONE, fen(1), "x"));
        assert_eq!(code(hold), "bookkeeping.hold_source", "{kind}");
    }
    for into in [&funds, &aside] {
        let back =
            court.act(FINANCE, |tx, acting, _| bookkeeping::capture(tx, acting, held, into, ItemId::NONE, fen(1), "x"));
        assert_eq!(code(back), "bookkeeping.hold_source");
    }
    // Unattributed money may be held, and goes to no case by hand.
    let suspense = accounts_like(&mut court.store, "U", &case).remove(0);
    let held = court
        .act(FINANCE, |tx, acting, _| bookkeeping::hold(tx, acting, &suspense, ItemId(unknown), fen(70), "待查"))
        .expect("holds");
    let taken =
        court.act(FINANCE, |tx, acting, _| bookkeeping::capture(tx, acting, held, &aside, ItemId::NONE, fen(1), "x"));
    assert_eq!(code(taken), "bookkeeping.capture_target");
}

/// Accounts of a kind by the letter of their codes, of the case where they have one.
fn accounts_like(store: &mut Store, letter: &str, case: &Case) -> Vec<AccountView> {
    let mut tx = store.snapshot().expect("reads");
    let all = report::accounts(&mut tx, BOOK).expect("reads");
    let begins = |code: &str| code == letter || code.starts_with(&format!("{letter}-"));
    all.into_iter().filter(|known| begins(&known.code) && known.case_id.is_none_or(|id| id == case.case_id)).collect()
}

fn a_wrong_receipt_is_reversed_and_an_attribution_is_not(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    court.receive("R1", 1_000, Some(&case)).expect("records");
    let unknown = court.receive("R2", 5, None).expect("records").receipt().receipt_id;
    court.act(HANDLER, |tx, acting, _| receipts::claim_receipt(tx, acting, unknown, &case, None, "x")).expect("claims");
    court.act(KEEPER, |tx, acting, chart| receipts::confirm_receipt(tx, acting, chart, unknown)).expect("confirms");
    let reverse = |court: &mut Court, entry, who: &str| {
        court.act(who, |tx, acting, _| bookkeeping::reverse(tx, acting, EntryNo(entry), "误记"))
    };
    assert_eq!(code(reverse(&mut court, 1, HEAD)), "access.role_missing");
    assert_eq!(code(reverse(&mut court, 3, FINANCE)), "bookkeeping.not_reversible");
    assert_eq!(code(reverse(&mut court, 99, FINANCE)), "ledger.entry_unknown");
    assert_eq!(reverse(&mut court, 1, FINANCE).expect("reverses"), EntryNo(4));
    assert_eq!(code(reverse(&mut court, 1, FINANCE)), "ledger.already_reversed");
    assert_eq!(code(reverse(&mut court, 4, FINANCE)), "bookkeeping.not_reversible");
}

fn a_closed_month_takes_no_more(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    court.receive("R1", 1_000, Some(&case)).expect("records");
    let close = |court: &mut Court, month: &str| {
        court.act(FINANCE, |tx, acting, _| bookkeeping::close_month(tx, acting, month))
    };
    for wrong in ["2026", "2026-13", "2026/11", "26-11-1", "二〇二六-1"] {
        assert_eq!(code(close(&mut court, wrong)), "bookkeeping.month", "{wrong}");
    }
    assert_eq!(code(close(&mut court, "2026-12")), "bookkeeping.month_future");
    close(&mut court, "2026-11").expect("closes");
    assert_eq!(code(close(&mut court, "2026-11")), "bookkeeping.month_closed_already");
    assert_eq!(code(court.receive("R2", 1, Some(&case))), "ledger.month_closed");
    let mut tx = court.store.snapshot().expect("reads");
    let trial = report::trial_balance(&mut tx, BOOK, TODAY, TODAY).expect("reads");
    assert!(trial.ties());
    assert_eq!(trial.closing.debit, Amount::from_minor(1_000));
}

/// Every table of the schema can be read as its columns are declared, and none of its rows can be changed.
fn facts_are_as_declared_and_cannot_be_changed(database: &Database) {
    let mut court = Court::open(database);
    let case = court.case(NUMBER);
    court.receive("R1", 1_000, Some(&case)).expect("records");
    for table in ankuan::schema::facts() {
        for book_id in [books::REGISTER, books::CASE_MONEY] {
            let mut tx = court.store.snapshot().expect("reads");
            tx.scan(table, COURT, book_id, (0, i64::MAX), |row| {
                for (column, (_, kind)) in table.columns.iter().enumerate() {
                    row.value(column, *kind)?;
                }
                Ok::<(), Error>(())
            })
            .expect(table.name);
        }
    }
    let mut tx = court.store.begin().expect("begins");
    let changed = tx.execute("UPDATE receipt SET amount_minor = $1", &[1.into()]).map_err(Failure::from);
    assert!(matches!(changed, Err(Failure::Broken(Error::Constraint { name })) if name == "receipt_is_fact"));
}

crate::on_both!(
    the_same_money_is_recorded_once,
    two_at_once_record_it_once,
    unattributed_money_needs_two_people,
    the_database_refuses_one_person_twice,
    held_money_is_not_available_and_stays_in_its_case,
    what_is_owed_to_payees_is_not_held_by_hand,
    a_wrong_receipt_is_reversed_and_an_attribution_is_not,
    a_closed_month_takes_no_more,
    facts_are_as_declared_and_cannot_be_changed,
);
