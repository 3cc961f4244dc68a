//! What a person says a bank line is, and what a person takes back: never more than is there, never another's money.

use ankuan::amount::Total;
use ankuan::bookkeeping;
use ankuan::flows::by_hand::Says;
use ankuan::flows::undo::{Undoes, undo};
use ankuan::flows::{self, Matched};
use ankuan::payouts::sent::Standing::{Debited, Failed, Out, Returned};
use ankuan_ledger::{Amount, EntryNo};
use ankuan_reconciliation::matching::Rules;

use crate::circle::{Circle, PROFILE, Shown, pot, shown};
use crate::court::{BOOK, COURT, FINANCE, NUMBER, code};
use crate::support::Database;

/// The other account's number begins with that of the first.
const OTHER: &str = "12020200099001";
const OTHER_CASE: &str = "（2026）浙0106执124号";

/// The codes that keep the lines of a run of the rules for a person.
fn reasons(matched: &Matched) -> Vec<&'static str> {
    matched.left.iter().flat_map(|left| left.why.iter().map(|why| why.code)).collect()
}

/// The entry that a match of a line posted first.
fn entry_of(circle: &mut Circle, reference: &str) -> EntryNo {
    let line = circle.line(reference);
    let mut tx = circle.court.store.snapshot().expect("reads");
    let text = "SELECT first_entry_no FROM bank_match WHERE court_id = $1 AND bank_line_id = $2 ORDER BY match_id";
    EntryNo(tx.query(text, &[COURT.into(), line.into()], |row| row.int(0)).expect("reads")[0])
}

fn reverse(circle: &mut Circle, entry: EntryNo) -> &'static str {
    code(circle.act(FINANCE, |tx, acting, _, _, _| bookkeeping::reverse(tx, acting, entry, "误记")))
}

/// A line is matched with nothing that went out of, or came into, another bank account.
fn another_accounts_money_is_refused(database: &Database) {
    let mut circle = Circle::open(database, 3, PROFILE);
    let other = circle.court.open_account(OTHER);
    let pot_line = shown("HERE", 700).name("王五");
    circle.bring(0, &[pot_line]);
    let date = circle.date(0);
    let lines = [
        shown("THERE-POT", pot(3)),
        shown("THERE-ONE", -10_001),
        shown("THERE-ALL", -pot(3)),
        shown("THERE-BACK", -700).code("冲正"),
    ];
    let path = circle.write_statement(OTHER, (date, date), 100_000, &lines);
    circle.import(FINANCE, &path).expect("a statement");
    let (first, file) = (circle.sent().remove(0), circle.sent_files().remove(0).name);
    let receipt = circle.receipts()[0].receipt_id;
    let set = |circle: &mut Circle, reference: &str, says: &Says<'_>| {
        code(circle.set_on(&other, reference, says, Some(crate::court::KEEPER)))
    };
    assert_eq!(set(&mut circle, "THERE-ONE", &Says::Payment(&first.key)), "flows.payment_unknown");
    assert_eq!(set(&mut circle, "THERE-ALL", &Says::File(&file)), "flows.file_unknown");
    assert_eq!(set(&mut circle, "THERE-POT", &Says::Receipts(&[receipt])), "flows.receipt_matched");
    circle.set("HERE", &Says::Unattributed).expect("new money");
    let here = circle.line("HERE");
    assert_eq!(set(&mut circle, "THERE-BACK", &Says::TakesBack(here)), "flows.reversal_of_no_receipt");
    // A line of the other account is none of this one.
    assert_eq!(code(circle.set("THERE-POT", &Says::Unattributed)), "flows.line_not_open");
    assert_eq!(circle.standings(), [Out, Out, Out]);
    // Nor do the rules look over the fence.
    let matched = circle.reconcile_account(&other);
    assert_eq!((matched.debited.count, matched.matched), (0, 1), "{matched:?}");
    assert_eq!(circle.standings(), [Out, Out, Out]);
}

/// The worklist has every open line: also one that a rule would explain, be it that its match was taken back.
fn the_worklist_has_every_open_line(database: &Database) {
    let mut circle = Circle::open(database, 2, PROFILE);
    circle.bring(0, &[shown("POT", pot(2)).name("李四"), shown("NEW", 700).name("王五")]);
    circle.reconcile();
    let line = circle.line("NEW");
    circle
        .act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(line), "认错"))
        .expect("takes the match back");
    let account = circle.court.bank_account();
    let today = circle.date(0);
    let mut tx = circle.court.store.snapshot().expect("reads");
    let open = flows::open_findings(&mut tx, COURT, &account, Rules::standard(), today).expect("reads");
    let found: Vec<_> = open.iter().map(|left| (left.line.bank_line_id, left.why[0].code)).collect();
    assert_eq!(found, [(line, "flows.would_match")]);
}

/// A credit that carries our own key or purpose comes back from a payment of ours: it becomes nobody's new money.
fn what_comes_back_is_no_new_money(database: &Database) {
    let mut circle = Circle::open(database, 2, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    circle.bring(
        0,
        &[shown("POT", pot(2)).name("李四"), shown("D1", -10_001).key(&keys[0]), shown("D2", -10_002).key(&keys[1])],
    );
    circle.reconcile();
    circle.bring(1, &[shown("BACK", 10_001).key(&keys[0])]);
    assert_eq!(circle.reconcile().returned.count, 1);
    // The same payment comes back a second time, and once with nothing but our purpose.
    let purpose = format!("{NUMBER}案款发放");
    circle.bring(
        2,
        &[
            shown("AGAIN", 10_001).key(&keys[0]).name("张三1"),
            shown("REMARK", 10_001).remark(&format!("退汇 {}", keys[0])),
            shown("PURPOSE", 55).remark(&purpose),
        ],
    );
    let before = circle.state();
    let matched = circle.reconcile();
    assert_eq!((matched.matched, matched.left.len()), (0, 3), "{matched:?}");
    assert_eq!(circle.state().accounts, before.accounts);
    for reference in ["AGAIN", "REMARK", "PURPOSE"] {
        assert_eq!(code(circle.set(reference, &Says::Unattributed)), "flows.carries_our_key", "{reference}");
        assert_eq!(code(circle.set_by_two(reference, &Says::Interest)), "flows.carries_our_key", "{reference}");
    }
    for reference in ["AGAIN", "REMARK"] {
        assert_eq!(code(circle.set_by_two(reference, &Says::Unattributed)), "flows.carries_our_key", "{reference}");
    }
    assert_eq!(code(circle.set("AGAIN", &Says::Payment(&keys[0]))), "flows.payment_stands");
    // Another court's payment may carry the same purpose: two people say so.
    circle.set_by_two("PURPOSE", &Says::Unattributed).expect("another's money");
    // A receipt recorded by hand for it would be the same new money by another way.
    let receipt = circle.court.receive("BY-HAND", 10_001, None).expect("records").receipt().receipt_id;
    assert_eq!(code(circle.set("AGAIN", &Says::Receipts(&[receipt]))), "flows.carries_our_key");
    // The payment that did not come back yet does so by hand.
    circle.bring(3, &[shown("MUTE", 10_002).remark("退汇")]);
    circle.set("MUTE", &Says::Payment(&keys[1])).expect("returned");
    assert_eq!(circle.standings(), [Returned, Returned]);
}

/// The same money under its reference stays one receipt, also when its first match was taken back and made again; a
/// receipt that was reversed keeps no line from its case.
fn a_reference_is_taken_while_a_receipt_stands(database: &Database) {
    let mut circle = Circle::open(database, 1, PROFILE);
    circle.bring(0, &[shown("POT", pot(1)).name("李四"), shown("ONCE", 700).remark(NUMBER)]);
    circle.reconcile();
    let line = circle.line("ONCE");
    circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Line(line), "认错")).expect("taken back");
    assert_eq!(circle.reconcile().receipts.count, 1);
    circle.bring(1, &[shown("ONCE", 700).remark(NUMBER)]);
    assert_eq!(reasons(&circle.reconcile()), ["flows.reference_taken"]);
    let case = circle.case.clone();
    let receipt = circle.court.receive("WRONG", 900, Some(&case)).expect("records").receipt().voucher_id;
    let entry = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let text = "SELECT first_entry_no FROM voucher WHERE court_id = $1 AND voucher_id = $2";
        EntryNo(tx.query(text, &[COURT.into(), receipt.into()], |row| row.int(0)).expect("reads")[0])
    };
    circle.act(FINANCE, |tx, acting, _, _, _| bookkeeping::reverse(tx, acting, entry, "误记")).expect("reverses");
    circle.bring(2, &[shown("WRONG", 950).remark(NUMBER)]);
    assert_eq!(circle.reconcile().receipts, Total { count: 1, amount: Amount::from_minor(950) });
}

/// Long after its release a payment is not looked for by the rules any more; a person still finds it.
fn a_late_return_is_matched_by_hand(database: &Database) {
    let mut circle = Circle::open(database, 2, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    circle.bring(0, &[shown("POT", pot(2)).name("李四"), shown("D", -pot(2))]);
    assert_eq!(circle.reconcile().debited.count, 2);
    circle.bring(200, &[shown("LATE", 10_001).key(&keys[0])]);
    let matched = circle.reconcile();
    assert_eq!((matched.matched, reasons(&matched)), (0, vec!["flows.carries_our_key"]));
    circle.set("LATE", &Says::Payment(&keys[0])).expect("returned");
    assert_eq!(circle.standings(), [Returned, Debited]);
    assert_eq!(circle.returned().len(), 1);
}

/// What a match posted or linked is taken back by undoing the match, with everything that hangs on it.
fn what_a_match_posted_is_undone_and_not_reversed(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let case = circle.case.clone();
    circle.court.receive("HAND", 300, Some(&case)).expect("records");
    circle.bring(
        0,
        &[
            shown("HAND", 300),
            shown("CASE", 500).remark(NUMBER),
            shown("NOBODY", 700),
            shown("INTEREST", 9).code("结息"),
            shown("CHARGE", -4).code("手续费"),
        ],
    );
    let matched = circle.reconcile();
    assert_eq!((matched.matched, matched.left.len()), (5, 0), "{matched:?}");
    for reference in ["CASE", "NOBODY", "INTEREST", "CHARGE"] {
        let entry = entry_of(&mut circle, reference);
        assert_eq!(reverse(&mut circle, entry), "bookkeeping.matched", "{reference}");
    }
    // Posted by hand before, linked by the match.
    assert_eq!(reverse(&mut circle, EntryNo(1)), "bookkeeping.matched");
    for reference in ["HAND", "CASE"] {
        circle.undo(reference).expect("undoes");
    }
    let entry = entry_of(&mut circle, "CASE");
    assert_eq!(reverse(&mut circle, entry), "ledger.already_reversed");
    circle.act(FINANCE, |tx, acting, _, _, _| bookkeeping::reverse(tx, acting, EntryNo(1), "误记")).expect("reverses");
    // The receipt is gone: its line waits, and is not linked with it again.
    let hand = circle.receipts()[0].receipt_id;
    assert_eq!(code(circle.set("HAND", &Says::Receipts(&[hand]))), "flows.receipt_matched");
}

/// Debits of single payments and the debit of their file, in either order, each payment once.
fn a_file_is_debited_in_parts_and_in_one(database: &Database) {
    let mut circle = Circle::open(database, 4, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    let (file, message_id) = {
        let file = circle.sent_files().remove(0);
        (file.name, file.message_id)
    };
    circle.bring(0, &[shown("POT", pot(4)).name("李四"), shown("ONE", -10_001).key(&keys[0])]);
    circle.reconcile();
    circle.bring(1, &[shown("TWO", -10_002).remark("扣款")]);
    circle.set("TWO", &Says::Payment(&keys[1])).expect("debited");
    // The rest of the file, whether it is named or said by a person.
    circle.bring(2, &[shown("REST", -20_007).key(&message_id)]);
    assert_eq!(circle.reconcile().debited.count, 2);
    assert_eq!((circle.standings(), circle.in_transit()), (vec![Debited; 4], 0));
    assert!(circle.open_lines().is_empty());
    circle.undo("REST").expect("undoes");
    assert_eq!(circle.standings(), [Debited, Debited, Out, Out]);
    circle.set("REST", &Says::File(&file)).expect("debited");
    // One of the single ones is undone behind the file's debit, and done again.
    circle.undo("ONE").expect("undoes");
    assert_eq!(circle.standings(), [Out, Debited, Debited, Debited]);
    assert_eq!(circle.reconcile().debited, Total { count: 1, amount: Amount::from_minor(10_001) });
    assert_eq!(circle.standings(), [Debited; 4]);

    // The other way round: the file first, then a single payment of it again.
    circle.bring(3, &[shown("TWICE", -10_003).key(&keys[2])]);
    let before = circle.state();
    let matched = circle.reconcile();
    assert_eq!((matched.matched, matched.left.len()), (0, 1), "{matched:?}");
    assert_eq!(code(circle.set("TWICE", &Says::Payment(&keys[2]))), "flows.payment_stands");
    assert_eq!(code(circle.set("TWICE", &Says::File(&file))), "flows.amount_differs");
    assert_eq!(circle.state(), before);
    // Nor does the whole once more.
    circle.bring(4, &[shown("WHOLE", -pot(4)).key(&message_id)]);
    assert_eq!(circle.reconcile().matched, 0);
    assert_eq!(code(circle.set("WHOLE", &Says::File(&file))), "flows.amount_differs");
    assert_eq!(circle.in_transit(), 0);
}

/// What was settled and undone can be settled again; what moved on since is undone from its newest step.
fn undone_payments_are_settled_again(database: &Database) {
    let mut circle = Circle::open(database, 2, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    circle.bring(0, &[shown("POT", pot(2)).name("李四"), shown("D1", -10_001).key(&keys[0])]);
    circle.reconcile();
    circle.bring(1, &[shown("BACK", 10_001).key(&keys[0])]);
    circle.reconcile();
    let whole = circle.state();
    assert_eq!(code(circle.undo("D1")), "settlement.moved_on");
    assert_eq!(circle.state(), whole);
    circle.undo("BACK").expect("undoes");
    assert_eq!(circle.standings(), [Debited, Out]);
    circle.undo("D1").expect("undoes");
    assert_eq!(circle.standings(), [Out, Out]);
    assert_eq!(code(circle.undo("D1")), "flows.not_matched");
    for round in 0..2 {
        circle.set("D1", &Says::Payment(&keys[0])).expect("debited");
        circle.set("BACK", &Says::Payment(&keys[0])).expect("returned");
        assert_eq!(circle.state(), whole, "round {round}");
        circle.undo("BACK").expect("undoes");
        circle.undo("D1").expect("undoes");
    }
    circle.reconcile();
    assert_eq!(circle.state(), whole);
}

/// A receipt is not taken out of its case when its money was paid on, nor when a part of it is held.
fn money_paid_on_stays_where_it_is(database: &Database) {
    let mut circle = Circle::without_payout(database);
    circle.bring(0, &[shown("POT", pot(3)).remark(NUMBER), shown("MORE", 900).remark(NUMBER)]);
    assert_eq!(circle.reconcile().receipts.count, 2);
    circle.run = circle.pay(3, pot(3), PROFILE);
    let before = circle.state();
    assert_eq!(code(circle.undo("POT")), "ledger.below_floor");
    assert_eq!(circle.state(), before);
    // What was not paid out may be taken back, and comes again as another receipt.
    let whole = circle.state();
    circle.undo("MORE").expect("undoes");
    assert_eq!(circle.reconcile().receipts.count, 1);
    assert_eq!(circle.state(), whole);
    let references: Vec<String> = circle.receipts().into_iter().map(|receipt| receipt.bank_reference).collect();
    assert_eq!(references, ["POT", "MORE", "MORE/2"]);
}

/// The bank takes credits back: money of a case becomes a receivable and what is left of it is held; money of no case
/// goes; no other case or account pays for it.
fn what_the_bank_takes_back_never_makes_a_case_negative(database: &Database) {
    let mut circle = Circle::without_payout(database);
    let (case, other_case) = (circle.case.case_id, circle.court.case(OTHER_CASE).case_id);
    circle.bring(
        0,
        &[
            shown("A", pot(3) + 900).name("李四").remark(NUMBER),
            shown("B", 5_000).name("赵六").remark(OTHER_CASE),
            shown("C", 600).name("钱七"),
        ],
    );
    assert_eq!(circle.reconcile().matched, 3);
    // Most of the first case is on its way to the claimants when the bank takes it all back.
    circle.run = circle.pay(3, pot(3), PROFILE);
    let back = |reference, minor| shown(reference, minor).code("冲正");
    circle.bring(
        1,
        &[
            back("A-BACK", -pot(3) - 900).remark("冲正 A"),
            back("B-BACK", -5_000).remark("冲正 B"),
            back("C-BACK", -600).remark("冲正 C"),
        ],
    );
    let before = circle.state();
    let matched = circle.reconcile();
    assert_eq!((matched.matched, matched.left.len()), (3, 0), "{matched:?}");
    let after = circle.state();
    let balance = |state: &crate::circle::State, code: String| {
        let found = state.accounts.iter().find(|account| account.0 == code).expect("opened");
        (found.1, found.2)
    };
    assert_eq!(balance(&after, format!("C-{case}")), (900, 900), "what is left is held");
    assert_eq!(balance(&after, format!("C-{other_case}")), (5_000, 5_000));
    assert_eq!(balance(&after, "U".to_owned()), (0, 0));
    assert!(after.accounts.iter().all(|account| account.1 >= 0), "{after:?}");
    let receivable = |circle: &mut Circle| -> i64 {
        let account = circle.court.bank_account().bank_account_id;
        let mut tx = circle.court.store.snapshot().expect("reads");
        let all = flows::receivables(&mut tx, COURT, account).expect("reads");
        all.iter().map(|one| one.amount.minor()).sum()
    };
    assert_eq!(receivable(&mut circle), pot(3) + 900 + 5_000);
    // Held money is paid to nobody.
    let mut tx = circle.court.store.snapshot().expect("reads");
    let available = ankuan::receipts::receipts_of_case(&mut tx, BOOK, other_case).expect("reads")[0].available;
    assert_eq!(available, Amount::ZERO);
    drop(tx);
    // The bank takes the same back once more: of nothing.
    circle.bring(2, &[back("B-TWICE", -5_000).remark("冲正 B")]);
    assert_eq!(circle.reconcile().matched, 0);
    let b = circle.line("B");
    assert_eq!(code(circle.set_by_two("B-TWICE", &Says::TakesBack(b))), "flows.reversal_of_no_receipt");
    // The payer pays again, but writes another case: a person looks. Then as it should be.
    circle.bring(3, &[shown("B-WRONG", 5_000).name("赵六").remark(NUMBER)]);
    let matched = circle.reconcile();
    assert_eq!((matched.matched, matched.left.len()), (0, 2), "{matched:?}");
    assert_eq!(reasons(&matched), ["matching.evidence.receivable_name", "matching.evidence.case_number"]);
    assert_eq!(circle.state().accounts, after.accounts);
    circle.bring(4, &[shown("B-AGAIN", 5_000).name("赵六").remark(OTHER_CASE)]);
    circle.reconcile();
    assert_eq!(balance(&circle.state(), format!("C-{other_case}")), (5_000, 0), "let go");
    assert_eq!(receivable(&mut circle), pot(3) + 900);
    // What came for it was not that: the hold stands again.
    circle.undo("B-AGAIN").expect("undoes");
    assert_eq!(circle.state().accounts, after.accounts);
    // And when nothing was taken back at all, nothing is held.
    for reference in ["A-BACK", "B-BACK", "C-BACK"] {
        circle.undo(reference).expect("undoes");
    }
    assert_eq!(balance(&circle.state(), format!("C-{case}")), balance(&before, format!("C-{case}")));
    assert_eq!(receivable(&mut circle), 0);
}

/// Payments that an answer refused go back to their payees without a line; that too can be taken back, and only once.
fn failures_are_undone_by_their_match(database: &Database) {
    let mut circle = Circle::open(database, 2, PROFILE);
    let keys: Vec<String> = circle.sent().into_iter().map(|payment| payment.key).collect();
    circle.bring(0, &[shown("POT", pot(2)).name("李四")]);
    circle.answer_refused(&[&keys[0], &keys[1]]);
    assert_eq!(circle.reconcile().failed.count, 0, "the bank may still debit them today");
    let before = circle.state();
    // A day passes without the debit.
    circle.bring(1, &[shown("X", 7)]);
    assert_eq!(circle.reconcile().failed, Total { count: 2, amount: Amount::from_minor(pot(2)) });
    assert_eq!((circle.standings(), circle.in_transit()), (vec![Failed, Failed], 0));
    // The debit comes after all.
    circle.bring(2, &[shown("D1", -10_001).key(&keys[0])]);
    assert_eq!(circle.reconcile().matched, 0);
    assert_eq!(code(circle.set("D1", &Says::Payment(&keys[0]))), "flows.payment_stands");
    let group = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        let text = "SELECT match_id FROM bank_match WHERE court_id = $1 AND outcome = 'payments_failed'";
        tx.query(text, &[COURT.into()], |row| row.int(0)).expect("reads")[0]
    };
    let undo_failures = |circle: &mut Circle| {
        circle.act(FINANCE, |tx, acting, _, _, _| undo(tx, acting, Undoes::Match(group), "银行后来扣款"))
    };
    undo_failures(&mut circle).expect("undoes");
    assert_eq!(circle.standings(), [Out, Out]);
    assert_eq!(circle.in_transit(), pot(2));
    assert_eq!(circle.state().payments, before.payments);
    assert_eq!(code(undo_failures(&mut circle)), "flows.not_matched");
    circle.set("D1", &Says::Payment(&keys[0])).expect("debited");
    // What is left of the file is refused still.
    circle.reconcile();
    assert_eq!(circle.standings(), [Debited, Failed]);
    assert_eq!(circle.in_transit(), 0);
}

/// By hand, a line is what its sign allows.
fn signs_and_evidence_are_asked_for(database: &Database) {
    let mut circle = Circle::open(database, 1, PROFILE);
    let lines: [Shown<'_>; 2] = [shown("IN", 10_001), shown("OUT", -10_001)];
    circle.bring(0, &lines);
    let key = circle.sent()[0].key.clone();
    let line = circle.line("IN");
    for (reference, says, wanted) in [
        ("IN", Says::Charges, "flows.not_a_debit"),
        ("IN", Says::TakesBack(line), "flows.not_a_debit"),
        ("OUT", Says::Unattributed, "flows.not_a_credit"),
        ("OUT", Says::Interest, "flows.not_a_credit"),
        ("OUT", Says::Receipts(&[1]), "flows.not_a_credit"),
        // A return of what has not been debited.
        ("IN", Says::Payment(&key), "flows.payment_stands"),
        ("IN", Says::Payment("P20260001-000000009"), "flows.payment_unknown"),
        ("OUT", Says::File("没有.csv"), "flows.file_unknown"),
    ] {
        assert_eq!(code(circle.set_by_two(reference, &says)), wanted, "{reference} {says:?}");
    }
    // What comes to nothing is no lump return.
    let file = circle.sent_files().remove(0).name;
    assert_eq!(code(circle.set("IN", &Says::File(&file))), "flows.amount_differs");
    assert_eq!(circle.standings(), [Out]);
}

crate::on_both!(
    another_accounts_money_is_refused,
    the_worklist_has_every_open_line,
    a_reference_is_taken_while_a_receipt_stands,
    what_comes_back_is_no_new_money,
    a_late_return_is_matched_by_hand,
    what_a_match_posted_is_undone_and_not_reversed,
    a_file_is_debited_in_parts_and_in_one,
    undone_payments_are_settled_again,
    money_paid_on_stays_where_it_is,
    what_the_bank_takes_back_never_makes_a_case_negative,
    failures_are_undone_by_their_match,
    signs_and_evidence_are_asked_for,
);
