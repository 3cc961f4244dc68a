//! Matching from outside: each rule with what it must and must not do, and properties of whole runs.
//!
//! What was broken to see these fail, one at a time: `put_in_order` not called; a payment not marked as debited; the
//! amount not compared under a reference; the files of overlapping days not taken together.
#![allow(clippy::unwrap_used, missing_docs)]

mod world;

use ankuan_reconciliation::matching::{Answer, Difference, Outcome, RuleKind, Rules, Target};
use world::{Line, World, outcomes, random};

fn debited(payment_id: i64) -> Outcome {
    Outcome::PaymentDebited { payment_id }
}

fn returned(payment_id: i64) -> Outcome {
    Outcome::PaymentReturned { payment_id }
}

fn linked(receipt_ids: &[i64]) -> Outcome {
    Outcome::ReceiptLinked { receipt_ids: receipt_ids.into() }
}

fn arrived(expected_ids: &[i64]) -> Outcome {
    Outcome::ArrivalArrived { expected_ids: expected_ids.into() }
}

fn file_debited(file_id: i64, less_failed: bool) -> Outcome {
    Outcome::FileDebited { file_id, less_failed }
}

#[test]
fn a_key_settles_and_returns_in_either_order_of_ids() {
    for (debit, credit) in [(1, 2), (2, 1)] {
        let mut world = World::default();
        world.payment(7, 1, 50_000, "AK-0000000007", "张三");
        world.line(debit, 3, -50_000).keys = vec!["AK-0000000007".into()];
        world.line(credit, 3, 50_000).keys = vec!["AK-0000000007".into()];
        let report = world.run();
        let mut wanted = vec![(vec![debit], debited(7)), (vec![credit], returned(7))];
        wanted.sort_by_key(|(lines, _)| lines[0]);
        assert_eq!(outcomes(&report), wanted);
    }
}

#[test]
fn another_amount_under_a_key_is_a_conflict_with_both_amounts() {
    let mut world = World::default();
    world.payment(7, 1, 50_000, "AK-0000000007", "张三");
    world.line(1, 3, -50_001).keys = vec!["AK-0000000007".into()];
    let report = world.run();
    assert!(report.matches.is_empty());
    let conflict = report.conflicts[0];
    assert_eq!((conflict.target, conflict.difference), (Target::Payment(7), Difference::Amount));
    let said = report.difference(&conflict);
    assert_eq!(said.code, "matching.conflict.amount");
    assert_eq!(said.arguments, vec![("amount", "-500.01".to_owned()), ("expected", "500.00".to_owned())]);
}

#[test]
fn a_second_debit_and_a_second_return_are_conflicts() {
    let mut world = World::default();
    world.payment(7, 1, 50_000, "AK-0000000007", "张三");
    for (line, day, amount) in [(1, 5, -50_000), (2, 4, -50_000), (3, 6, 50_000), (4, 6, 50_000)] {
        world.line(line, day, amount).keys = vec!["AK-0000000007".into()];
    }
    let report = world.run();
    // The earlier day comes first, whatever its id.
    assert_eq!(outcomes(&report), vec![(vec![2], debited(7)), (vec![3], returned(7))]);
    let differences: Vec<_> = report.conflicts.iter().map(|conflict| (conflict.line_id, conflict.difference)).collect();
    let wanted = vec![(1, Difference::AlreadyDebited(Some(2))), (4, Difference::AlreadyReturned(Some(3)))];
    assert_eq!(differences, wanted);
}

#[test]
fn what_was_never_debited_can_not_come_back() {
    let mut world = World::default();
    world.payment(7, 1, 50_000, "AK-0000000007", "张三");
    world.line(1, 3, 50_000).keys = vec!["AK-0000000007".into()];
    let report = world.run();
    assert_eq!(report.conflicts[0].difference, Difference::NotDebited);
    // Debited earlier, answered as paid: may be returned all the same; debited again may it not.
    world.payments[0].debited = Some(1);
    world.payments[0].answered = Some(Answer::Paid);
    assert_eq!(outcomes(&world.run()), vec![(vec![1], returned(7))]);
    world.lines[0].amount = -50_000;
    assert_eq!(world.run().conflicts[0].difference, Difference::AlreadyDebited(None));
}

#[test]
fn a_debit_settles_what_was_answered_as_failed() {
    let mut world = World::default();
    world.payment(7, 1, 50_000, "AK-0000000007", "张三").answered = Some(Answer::Failed);
    world.line(1, 3, -50_000).keys = vec!["AK-0000000007".into()];
    assert_eq!(outcomes(&world.run()), vec![(vec![1], debited(7))]);
}

#[test]
fn a_cut_key_counts_only_where_it_is_one_payment() {
    let mut world = World::default();
    world.payment(7, 1, 50_000, "AK-0000000007-A", "张三");
    world.payment(8, 1, 50_000, "AK-0000000008-A", "李四");
    world.line(1, 3, -50_000).keys = vec!["AK-000000000".into()];
    let report = world.run();
    let ambiguous = &report.ambiguous[0];
    let targets: Vec<_> = ambiguous.candidates.iter().map(|candidate| candidate.target).collect();
    assert_eq!(targets, [Target::Payment(7), Target::Payment(8)]);
    assert_eq!(report.why(ambiguous, &ambiguous.candidates[1]).code, "matching.candidate.line_key_cut");
    // Of another amount it is no candidate; and what another line has settled is none either.
    world.payments[1].amount = 50_001;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], debited(7))]);
    world.payments[1].amount = 50_000;
    world.line(2, 9, -50_000).keys = vec!["AK-0000000008-A".into()];
    assert_eq!(outcomes(&world.run()), vec![(vec![1], debited(7)), (vec![2], debited(8))]);
    // Shorter than the rule allows, it says nothing.
    world.lines[0].keys = vec!["AK-00000000".into()];
    assert_eq!(world.run().open_lines, [1]);
}

#[test]
fn a_batch_entry_is_all_of_its_payments_or_none() {
    let mut world = World::default();
    world.payment(7, 1, 50_000, "AK-0000000007", "张三");
    world.payment(8, 1, 30_000, "AK-0000000008", "李四");
    let details = vec![("AK-0000000008".to_owned(), Some(30_000), false), ("AK-0000000007".to_owned(), None, false)];
    world.line(1, 3, -80_000).details = details;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::PaymentsDebited { payment_ids: [7, 8].into() })]);
    // Not adding up, a wrong amount, one that is not ours, one twice: conflicts. None of them ours: anything.
    let broken: [fn(&mut Line); 4] = [
        |line| line.amount = -80_001,
        |line| line.details[0].1 = Some(29_999),
        |line| line.details[1].0 = "other".into(),
        |line| line.details[1].0 = "AK-0000000008".into(),
    ];
    for breaking in broken {
        let mut world = world.clone();
        breaking(&mut world.lines[0]);
        let report = world.run();
        assert!(report.matches.is_empty() && report.conflicts[0].difference == Difference::Details, "{report:?}");
    }
    for detail in &mut world.lines[0].details {
        detail.0 = "other".into();
    }
    assert_eq!(world.run().open_lines, [1]);
}

#[test]
fn a_reference_links_a_receipt_or_several_in_one_sum() {
    let mut world = World::default();
    world.receipt(1, 3, 40_000, "F100", "张三");
    world.line(1, 9, 40_000).reference = "F100".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], linked(&[1]))]);
    world.lines[0].amount = 40_001;
    assert_eq!(world.run().conflicts[0].difference, Difference::Amount);
    world.receipt(2, 3, 1, "F100", "张三");
    assert_eq!(outcomes(&world.run()), vec![(vec![1], linked(&[1, 2]))]);
    // The same reference once more is not new money.
    world.line(2, 9, 40_001).reference = "F100".into();
    assert_eq!(world.run().conflicts[0].difference, Difference::AlreadyLinked(1));
}

#[test]
fn expected_money_needs_the_amount_and_one_of_payer_account_sub_account() {
    let mut world = World::default();
    world.arrival(1, 11, 3, 40_000, "云岭（杭州）贸易有限责任公司");
    world.line(1, 3, 40_000).name = "云岭(杭州)贸易有限公司".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], arrived(&[1]))]);
    // Not before its day.
    world.lines[0].day = 2;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::Unattributed)]);
    world.lines[0].day = 3;
    // By account, by sub-account, and not where the sub-account is another.
    world.lines[0].name = "某银行".into();
    world.lines[0].account = 5;
    world.arrivals[0].account = 5;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], arrived(&[1]))]);
    world.arrivals[0].account = 0;
    world.arrivals[0].sub_account = Some(9);
    world.lines[0].sub_account = Some((9, 11));
    assert_eq!(outcomes(&world.run()), vec![(vec![1], arrived(&[1]))]);
    world.lines[0].name = world.arrivals[0].name.clone();
    world.lines[0].sub_account = Some((8, 12));
    let other = Outcome::CaseReceipt { case_id: 12, sub_account_id: Some(8) };
    assert_eq!(outcomes(&world.run()), vec![(vec![1], other)]);
}

#[test]
fn equal_expected_money_is_one_where_it_is_of_one_case_and_ambiguous_otherwise() {
    let mut world = World::default();
    world.arrival(1, 11, 3, 40_000, "张三");
    world.arrival(2, 11, 2, 40_000, "张三");
    world.line(1, 5, 40_000).name = "张三".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], arrived(&[2]))]);
    world.arrivals[1].case = 12;
    let report = world.run();
    assert!(report.matches.is_empty());
    assert_eq!(report.ambiguous[0].candidates.len(), 2);
    // The case number in the text decides; that of a third case makes it a person's.
    world.lines[0].cases = vec![12];
    assert_eq!(outcomes(&world.run()), vec![(vec![1], arrived(&[2]))]);
    world.lines[0].cases = vec![13];
    let report = world.run();
    assert_eq!(report.ambiguous[0].candidates.last().unwrap().target, Target::Case(13));
}

#[test]
fn a_file_is_debited_whole_or_less_what_failed_once_all_is_answered() {
    let mut world = World::default();
    world.file(1, 3, 100_000, "M-20260103-001").failed = 20_000;
    world.line(1, 4, -80_000).text = "代发 M-20260103-001 批量".into();
    assert_eq!(world.run().conflicts[0].difference, Difference::Amount);
    world.files[0].answered = true;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], file_debited(1, true))]);
    world.lines[0].amount = -100_000;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], file_debited(1, false))]);
    // In two lines that name it.
    world.lines[0].amount = -60_000;
    world.line(2, 5, -40_000).keys = vec!["M-20260103-0".into()];
    assert_eq!(outcomes(&world.run()), vec![(vec![1, 2], file_debited(1, false))]);
    // Twice: the second is no second settlement.
    world.lines[0].amount = -100_000;
    world.lines[1].amount = -100_000;
    let report = world.run();
    assert_eq!(outcomes(&report), vec![(vec![1], file_debited(1, false))]);
    assert_eq!(report.conflicts[0].difference, Difference::AlreadyDebited(Some(1)));
}

#[test]
fn without_a_reference_a_file_needs_its_amount_and_its_days() {
    let mut world = World::default();
    world.file(1, 3, 100_000, "M-1");
    world.line(1, 13, -100_000);
    assert_eq!(outcomes(&world.run()), vec![(vec![1], file_debited(1, false))]);
    world.lines[0].day = 14;
    assert_eq!(world.run().open_lines, [1]);
    world.lines[0].day = 2;
    assert_eq!(world.run().open_lines, [1]);
    // Two such files and one debit: ambiguous. Two and two: in order, and the evidence says so.
    world.lines[0].day = 5;
    world.file(2, 4, 100_000, "M-2");
    assert_eq!(world.run().ambiguous[0].candidates.len(), 2);
    world.line(2, 5, -100_000);
    let report = world.run();
    assert_eq!(outcomes(&report), vec![(vec![1], file_debited(1, false)), (vec![2], file_debited(2, false))]);
    let evidence = report.evidence(&report.matches[1]);
    assert_eq!(evidence.code, "matching.evidence.file_paired");
    assert!(evidence.arguments.contains(&("number", "2".to_owned())));
    // A file of another month has nothing to do with it.
    world.lines.pop();
    world.files[1].released = 50;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], file_debited(1, false))]);
}

#[test]
fn a_charge_of_a_files_amount_is_no_debit_of_the_file() {
    let mut world = World::default();
    world.file(1, 3, 1_000, "M-1");
    world.line(1, 4, -1_000).code = "手续费".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::Charges)]);
}

#[test]
fn payments_that_were_debited_one_by_one_are_no_longer_in_the_files_debit() {
    let mut world = World::default();
    world.file(1, 3, 100_000, "M-1");
    world.payment(7, 1, 30_000, "AK-0000000007", "张三");
    world.line(1, 4, -30_000).keys = vec!["AK-0000000007".into()];
    world.line(2, 4, -70_000).text = "M-1".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], debited(7)), (vec![2], file_debited(1, false))]);
    world.lines[1].amount = -100_000;
    assert_eq!(world.run().conflicts[0].difference, Difference::Amount);
}

#[test]
fn a_return_finds_its_payment_debited_with_its_file_in_the_same_run() {
    let mut world = World::default();
    world.file(1, 3, 100_000, "M-1");
    world.payment(7, 1, 30_000, "AK-0000000007", "张三");
    world.line(1, 4, 30_000).keys = vec!["AK-0000000007".into()];
    world.line(2, 4, -100_000).text = "M-1".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], returned(7)), (vec![2], file_debited(1, false))]);
    // Less what failed, what failed was never debited.
    world.files[0].answered = true;
    world.files[0].failed = 30_000;
    world.payments[0].answered = Some(Answer::Failed);
    world.lines[1].amount = -70_000;
    let report = world.run();
    assert_eq!(outcomes(&report), vec![(vec![2], file_debited(1, true))]);
    assert_eq!(report.conflicts[0].difference, Difference::NotDebited);
}

#[test]
fn what_failed_comes_back_in_one_sum() {
    let mut world = World::default();
    world.file(1, 3, 100_000, "M-1").failed = 20_000;
    world.files[0].answered = true;
    world.line(1, 6, 20_000);
    // Not debited: it is not that.
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::Unattributed)]);
    world.line(2, 4, -100_000);
    let lump = Outcome::LumpReturned { file_id: 1, answer_id: None };
    assert_eq!(outcomes(&world.run()), vec![(vec![1], lump.clone()), (vec![2], file_debited(1, false))]);
    world.lines.pop();
    world.files[0].debited = true;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], lump.clone())]);
    // A payer's money of that amount is a payer's money; a line that names the file is not, whoever is named.
    world.lines[0].name = "张三".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::Unattributed)]);
    world.lines[0].text = "M-1退".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], lump)]);
    // One of the failed came back by itself before: what remains is less.
    world.payment(7, 1, 5_000, "AK-0000000007", "李四").answered = Some(Answer::Failed);
    world.payments[0].debited = Some(4);
    world.line(3, 5, 5_000).keys = vec!["AK-0000000007".into()];
    let report = world.run();
    assert_eq!((report.conflicts[0].difference, report.conflicts[0].expected_minor), (Difference::Amount, 15_000));
}

#[test]
fn a_reversal_takes_back_an_earlier_credit_or_one_of_this_run() {
    let mut world = World::default();
    world.credit(100, Some(5), 3, 40_000, "F100");
    world.line(1, 9, -40_000).text = "冲正".into();
    let reversed = |line_id, receipt_id| Outcome::Reversed { line_id, receipt_id };
    assert_eq!(outcomes(&world.run()), vec![(vec![1], reversed(100, Some(5)))]);
    // Two of them: the reference decides, else a person.
    world.credit(101, None, 4, 40_000, "F101");
    assert_eq!(world.run().ambiguous[0].candidates.len(), 2);
    world.lines[0].text = "冲正 F101".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], reversed(101, None))]);
    world.credits.clear();
    // An open credit of this run: both lines, and nothing remains. A linked one: its receipt.
    world.line(2, 9, 40_000).reference = "F102".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1, 2], reversed(2, None))]);
    world.receipt(6, 9, 40_000, "F102", "张三");
    assert_eq!(outcomes(&world.run()), vec![(vec![1], reversed(2, Some(6))), (vec![2], linked(&[6]))]);
    // Not one that is booked later, and not one too long ago.
    world.receipts.clear();
    world.lines[1].day = 10;
    assert_eq!(outcomes(&world.run()), vec![(vec![2], Outcome::Unattributed)]);
    world.lines[1].day = 9;
    world.lines[0].day = 40;
    assert_eq!(outcomes(&world.run()), vec![(vec![2], Outcome::Unattributed)]);
}

#[test]
fn a_flagged_credit_takes_back_a_debit_and_is_never_new_money() {
    let mut world = World::default();
    world.line(1, 3, 700).is_reversal = true;
    assert_eq!(world.run().open_lines, [1]);
    world.line(2, 2, -700).text = "错扣".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1, 2], Outcome::Reversed { line_id: 2, receipt_id: None })]);
}

#[test]
fn the_banks_own_lines_are_told_from_a_payers_words() {
    let mut world = World::default();
    world.line(1, 3, 1_234).code = "结息".into();
    world.line(2, 3, -500).text = "账户管理费".into();
    let payer = world.line(3, 3, 90_000);
    payer.text = "归还本金及利息".into();
    payer.name = "张三".into();
    // A bank hands over a debtor's deposit.
    let bank = world.line(4, 3, 80_000);
    bank.text = "扣划存款利息".into();
    bank.name = "某银行某支行".into();
    let large = world.line(5, 3, -9_000_000);
    large.code = "手续费".into();
    let report = world.run();
    let wanted = vec![
        (vec![1], Outcome::Interest),
        (vec![2], Outcome::Charges),
        (vec![3], Outcome::Unattributed),
        (vec![4], Outcome::Unattributed),
    ];
    assert_eq!((outcomes(&report), &report.open_lines[..]), (wanted, &[5][..]));
}

#[test]
fn card_takings_of_a_day_come_in_one_sum_less_a_fee() {
    let mut world = World::default();
    for (receipt, amount) in [(1, 30_000), (2, 20_000)] {
        world.receipt(receipt, 3, amount, "", "某人").by_card = true;
    }
    world.line(1, 4, 49_700).text = "POS清算".into();
    let taken = Outcome::CardTakings { receipt_ids: [1, 2].into(), fee_minor: 300 };
    assert_eq!(outcomes(&world.run()), vec![(vec![1], taken)]);
    // A fee of one in a hundred and a fen: too much.
    world.lines[0].amount = 49_499;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::Unattributed)]);
}

#[test]
fn money_to_be_recovered_comes_back() {
    let mut world = World::default();
    world.receivable(1, 11, 40_000, "张三");
    world.line(1, 4, 40_000).name = "张三".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], Outcome::Recovered { id: 1 })]);
    world.receivable(2, 12, 40_000, "张三");
    assert_eq!(world.run().ambiguous[0].candidates.len(), 2);
}

#[test]
fn new_money_goes_to_the_case_that_is_named() {
    let mut world = World::default();
    world.line(1, 4, 40_000).sub_account = Some((9, 11));
    world.line(2, 4, 40_000).cases = vec![12, 12];
    world.line(3, 4, 40_000).cases = vec![12, 13];
    world.line(4, 4, 40_000);
    world.line(5, 4, -40_000);
    world.line(6, 4, 0);
    let report = world.run();
    let case = |case_id, sub_account_id| Outcome::CaseReceipt { case_id, sub_account_id };
    let wanted = vec![(vec![1], case(11, Some(9))), (vec![2], case(12, None)), (vec![4], Outcome::Unattributed)];
    assert_eq!(outcomes(&report), wanted);
    assert_eq!(report.ambiguous[0].candidates.len(), 2);
    assert_eq!(report.open_lines, [5, 6]);
    // Without its rule nothing is unattributed.
    let mut rules = Rules::standard();
    rules.list.retain(|rule| rule.kind != RuleKind::Unattributed {});
    assert_eq!(world.run_by(rules).open_lines, [4, 5, 6]);
}

#[test]
fn a_receipt_recorded_by_hand_is_found_by_payer_and_amount() {
    let mut world = World::default();
    world.receipt(1, 3, 40_000, "手写的号", "张 三");
    let line = world.line(1, 8, 40_000);
    line.name = "张三".into();
    line.sub_account = Some((9, 11));
    // Before it is taken for new money on a sub-account.
    assert_eq!(outcomes(&world.run()), vec![(vec![1], linked(&[1]))]);
    world.receipt(2, 9, 40_000, "", "张三");
    assert_eq!(world.run().ambiguous[0].candidates.len(), 2);
    world.receipts[1].day = 14;
    assert_eq!(outcomes(&world.run()), vec![(vec![1], linked(&[1]))]);
}

#[test]
fn sums_are_found_both_ways_and_only_where_there_is_one() {
    let mut world = World::default();
    world.receipt(1, 3, 30_000, "", "张三");
    world.receipt(2, 3, 20_000, "", "张三");
    world.receipt(3, 3, 7_000, "", "张三");
    world.line(1, 4, 50_000).name = "张三".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], linked(&[1, 2]))]);
    // 30,000 + 20,000 and 43,000 + 7,000.
    world.receipt(4, 3, 43_000, "", "张三");
    let report = world.run();
    assert!(report.matches.is_empty());
    assert_eq!(report.ambiguous[0].candidates.len(), 4);
    // Another payer's are another's.
    world.receipts[1].name = "李四".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1], linked(&[3, 4]))]);

    let mut world = World::default();
    world.arrival(1, 11, 3, 50_000, "张三");
    world.line(1, 4, 30_000).name = "张三".into();
    world.line(2, 9, 20_000).name = "张三".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1, 2], arrived(&[1]))]);
}

#[test]
fn debits_without_keys_are_a_file_by_their_payees() {
    let mut world = World::default();
    world.file(1, 3, 100_000, "M-1");
    world.payment(7, 1, 60_000, "AK-0000000007", "张三");
    world.payment(8, 1, 40_000, "AK-0000000008", "李四");
    world.line(1, 4, -60_000).name = "张三".into();
    world.line(2, 4, -40_000).name = "李四".into();
    assert_eq!(outcomes(&world.run()), vec![(vec![1, 2], file_debited(1, false))]);
    world.lines[1].name = "王五".into();
    assert_eq!(world.run().open_lines, [1, 2]);
}

#[test]
fn a_search_that_is_given_up_says_so() {
    let mut world = World::default();
    for receipt in 0..41 {
        world.receipt(receipt, 3, 2 * receipt + 100_000, "", "张三");
    }
    world.line(1, 4, 500_201).name = "张三".into();
    let report = world.run();
    assert_eq!(report.gave_up[0].candidates, 41);
    assert_eq!(report.given_up(&report.gave_up[0]).code, "matching.gave_up.candidates");
    // One fewer is searched: all are even, the sum is odd, and there are millions of ways to find that out.
    world.receipts.pop();
    let report = world.run();
    assert_eq!((report.gave_up[0].candidates, report.gave_up[0].steps), (40, 100_001));
    assert_eq!(outcomes(&report), vec![(vec![1], Outcome::Unattributed)]);
}

#[test]
fn everything_equal_and_no_reference_ends_and_says_so() {
    let rows = 20_000;
    let mut world = World::default();
    for row in 0..rows {
        world.line(row, 4, if row % 2 == 0 { 50_000 } else { -50_000 }).name = "张三".into();
        world.receipt(row, 4, 50_000, "", "张三");
        world.arrival(row, row, 3, 50_000, "张三");
        world.payment(row, row, 50_000, "AK-0000000000", "张三");
        if row > 0 {
            world.file(row, 3, 50_000, "");
        }
        world.receivable(row, row, 50_000, "张三");
        world.credit(rows + row, None, 3, 50_000, "");
    }
    let report = world.run();
    assert!(report.matches.is_empty(), "{:?}", report.matches[0]);
    assert_eq!(report.ambiguous.len(), 20_000);
    assert!(report.ambiguous.iter().all(|line| line.more && line.candidates.len() == 5));
}

/// Worlds in which nearly every rule has something to do.
fn sample() -> Vec<World> {
    let mut worlds: Vec<World> = (0..300).map(|seed| random(seed, 40)).collect();
    for world in &mut worlds {
        for line in &mut world.lines {
            line.name = if line.id % 3 == 0 { "某人".to_owned() } else { line.name.clone() };
        }
    }
    worlds
}

#[test]
fn every_word_of_the_report_has_its_text() {
    let texts = include_str!("../../locales/matching.yml");
    let text_of = |code: &str| {
        let (_, rest) = texts.split_once(&format!("\n{code}:\n")).unwrap_or_else(|| panic!("no text for {code}"));
        rest.split("\nmatching.").next().unwrap().to_owned()
    };
    let check = |evidence: ankuan_reconciliation::matching::Evidence| {
        let text = text_of(evidence.code);
        assert_eq!(text.matches("zh: ").count() + text.matches("en: ").count(), 2, "{}", evidence.code);
        for part in text.split("%{").skip(1) {
            let name = part.split('}').next().unwrap();
            assert!(evidence.arguments.iter().any(|(given, _)| *given == name), "{}: {name}", evidence.code);
        }
        evidence.code
    };
    let mut seen = std::collections::BTreeSet::new();
    for world in sample() {
        let report = world.run();
        seen.extend(report.matches.iter().map(|found| check(report.evidence(found))));
        for line in &report.ambiguous {
            seen.extend(line.candidates.iter().map(|candidate| check(report.why(line, candidate))));
        }
        seen.extend(report.conflicts.iter().map(|conflict| check(report.difference(conflict))));
        seen.extend(report.gave_up.iter().map(|search| check(report.given_up(search))));
    }
    assert!(seen.len() > 25, "{seen:?}");
    // Every code of the source has a text, and every text a code.
    let source = include_str!("../src/matching/evidence.rs");
    let used: std::collections::BTreeSet<&str> =
        source.split("\"matching.").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let written: std::collections::BTreeSet<&str> = texts
        .lines()
        .filter_map(|line| line.strip_prefix("matching."))
        .map(|line| line.trim_end_matches(':'))
        .collect();
    assert_eq!(used, written);
}
