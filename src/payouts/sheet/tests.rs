use proptest::prelude::*;

use super::super::distribute::tests::assert_has_texts;
use super::*;

const RECEIPT: AvailableReceipt = AvailableReceipt { receipt_id: 7, available: Amount::from_minor(1_000_000) };

fn payee(kind: PayeeKind, payee_id: i64, minor: i64) -> SheetPayee {
    let decision = kind.needs_decision().then(|| "（2024）浙01执123号之一".to_owned());
    SheetPayee { kind, payee_id, amount: Amount::from_minor(minor), decision }
}

fn head(head: Head, payees: Vec<SheetPayee>) -> SheetHead {
    let amount = Amount::sum(payees.iter().map(|payee| payee.amount)).unwrap();
    SheetHead { head, amount, payees }
}

fn ordinary() -> Vec<SheetHead> {
    vec![
        head(Head::Principal, vec![payee(PayeeKind::Applicant, 1, 700_000), payee(PayeeKind::OtherCourt, 2, 50_000)]),
        head(Head::Interest, vec![payee(PayeeKind::Applicant, 1, 30_000)]),
        head(Head::Fee, vec![payee(PayeeKind::Treasury, 3, 9_000)]),
        head(Head::Costs, vec![payee(PayeeKind::Valuer, 4, 11_000)]),
        head(Head::Surplus, vec![payee(PayeeKind::Debtor, 5, 150_000)]),
    ]
}

#[test]
fn an_ordinary_sheet_becomes_lines() {
    let sheet = decide_sheet(SheetSource::CaseFunds, RECEIPT, &ordinary()).unwrap();
    let lines: Vec<_> = sheet.lines.iter().map(|line| (line.line, line.payee_id, line.amount.minor())).collect();
    assert_eq!(
        lines,
        [(1, 1, 700_000), (2, 2, 50_000), (3, 1, 30_000), (4, 3, 9_000), (5, 4, 11_000), (6, 5, 150_000)]
    );
    assert!(sheet.lines.iter().all(|line| line.receipt_id == 7));
    assert_eq!(
        sheet.proof,
        SheetProof {
            available: Amount::from_minor(1_000_000),
            paid: Amount::from_minor(950_000),
            rest: Amount::from_minor(50_000)
        }
    );
}

#[test]
fn only_applicant_and_payer_need_no_decision() {
    let without: Vec<_> = PayeeKind::ALL.into_iter().filter(|kind| !kind.needs_decision()).collect();
    assert_eq!(without, [PayeeKind::Applicant, PayeeKind::Payer]);
    for (of, kind) in PAYEES_OF_HEADS {
        for decision in [None, Some("  ".to_owned())] {
            let heads = [head(of, vec![SheetPayee { decision, ..payee(kind, 1, 5) }])];
            let expected =
                if kind.needs_decision() { Some(SheetRefusal::DecisionMissing { line: 1, kind }) } else { None };
            assert_eq!(decide_sheet(SheetSource::CaseFunds, RECEIPT, &heads).err(), expected, "{of:?} to {kind:?}");
        }
    }
}

#[test]
fn heads_are_paid_to_those_in_the_table_only() {
    for of in Head::ALL {
        for kind in PayeeKind::ALL {
            let result = decide_sheet(SheetSource::CaseFunds, RECEIPT, &[head(of, vec![payee(kind, 1, 5)])]);
            if PAYEES_OF_HEADS.contains(&(of, kind)) {
                assert!(result.is_ok());
            } else {
                assert_eq!(result, Err(SheetRefusal::PayeeNotOfHead { line: 1, head: of, kind }));
            }
        }
    }
    // Two that matter: the applicant does not get the debtor's surplus, and the fee goes to nobody but the treasury.
    assert!(!PAYEES_OF_HEADS.contains(&(Head::Surplus, PayeeKind::Applicant)));
    assert_eq!(PAYEES_OF_HEADS.iter().filter(|(of, _)| *of == Head::Fee).count(), 1);
}

#[test]
fn each_refusal_names_what_is_wrong() {
    let applicant = |minor| payee(PayeeKind::Applicant, 1, minor);
    let refused = |heads: &[SheetHead]| decide_sheet(SheetSource::CaseFunds, RECEIPT, heads).unwrap_err();
    let principal = Head::Principal;
    for minor in [0, -1] {
        let empty = AvailableReceipt { available: Amount::from_minor(minor), ..RECEIPT };
        assert_eq!(
            decide_sheet(SheetSource::CaseFunds, empty, &ordinary()),
            Err(SheetRefusal::NothingAvailable { receipt_id: 7, available: Amount::from_minor(minor) })
        );
        assert_eq!(
            refused(&[head(principal, vec![applicant(10), applicant(minor)])]),
            SheetRefusal::AmountNotPositive { line: 2, amount: Amount::from_minor(minor) }
        );
    }
    assert_eq!(refused(&[]), SheetRefusal::NoHeads);
    assert_eq!(refused(&[head(principal, vec![])]), SheetRefusal::NoPayees { head: principal });
    let twice = [head(principal, vec![applicant(1)]), head(principal, vec![applicant(1)])];
    assert_eq!(refused(&twice), SheetRefusal::DuplicateHead { head: principal });
    assert_eq!(
        refused(&[head(principal, vec![applicant(1), applicant(2)])]),
        SheetRefusal::DuplicatePayee { line: 2, head: principal }
    );
    let untied = SheetHead { amount: Amount::from_minor(11), ..head(principal, vec![applicant(10)]) };
    assert_eq!(
        refused(&[untied]),
        SheetRefusal::HeadDoesNotTie {
            head: principal,
            amount: Amount::from_minor(11),
            payees: Amount::from_minor(10)
        }
    );
    assert_eq!(
        refused(&[head(principal, vec![applicant(1_000_001)])]),
        SheetRefusal::AboveAvailable { total: Amount::from_minor(1_000_001), available: RECEIPT.available }
    );
    let large = SheetHead {
        head: principal,
        amount: Amount::ZERO,
        payees: vec![applicant(i64::MAX), payee(PayeeKind::Applicant, 2, 1)],
    };
    assert_eq!(refused(&[large]), SheetRefusal::AmountsTooLarge);
}

#[test]
fn each_refusal_has_a_text_in_both_languages() {
    let (line, head, kind, one) = (1, Head::Fee, PayeeKind::Valuer, Amount::from_minor(1));
    for refusal in [
        SheetRefusal::NothingAvailable { receipt_id: 1, available: one },
        SheetRefusal::NoHeads,
        SheetRefusal::DuplicateHead { head },
        SheetRefusal::NoPayees { head },
        SheetRefusal::AmountNotPositive { line, amount: one },
        SheetRefusal::PayeeNotOfHead { line, head, kind },
        SheetRefusal::DecisionMissing { line, kind },
        SheetRefusal::DuplicatePayee { line, head },
        SheetRefusal::HeadDoesNotTie { head, amount: one, payees: one },
        SheetRefusal::AboveAvailable { total: one, available: one },
        SheetRefusal::AmountsTooLarge,
    ] {
        assert_has_texts(&refusal.message());
    }
    assert_eq!(
        SheetRefusal::PayeeNotOfHead { line, head, kind }.message().text(crate::message::Language::Zh),
        "第1行：款项“执行申请费”不能付给“评估机构”。请核对款项性质或收款人类别"
    );
}

#[test]
fn stable_words_read_back() {
    for head in Head::ALL {
        assert_eq!(Head::from_code(head.code()), Some(head));
        assert_eq!(serde_json::to_string(&head).unwrap(), format!("\"{}\"", head.code()));
    }
    for kind in PayeeKind::ALL {
        assert_eq!(PayeeKind::from_code(kind.code()), Some(kind));
        assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.code()));
    }
}

proptest! {
    /// Either refused, or the lines and the rest make the receipt to the fen.
    #[test]
    fn lines_and_rest_make_the_receipt(
        available in 1_i64..100_000,
        rows in prop::collection::vec((0_usize..PAYEES_OF_HEADS.len(), 1_i64..30_000), 1..6),
    ) {
        let heads: Vec<SheetHead> = rows
            .iter()
            .map(|&(pair, minor)| head(PAYEES_OF_HEADS[pair].0, vec![payee(PAYEES_OF_HEADS[pair].1, 1, minor)]))
            .collect();
        let receipt = AvailableReceipt { receipt_id: 1, available: Amount::from_minor(available) };
        match decide_sheet(SheetSource::CaseFunds, receipt, &heads) {
            Ok(sheet) => {
                let paid = Amount::sum(sheet.lines.iter().map(|line| line.amount)).unwrap();
                prop_assert_eq!(paid, sheet.proof.paid);
                prop_assert_eq!(paid.plus(sheet.proof.rest), Some(receipt.available));
                prop_assert!(sheet.proof.rest >= Amount::ZERO);
            }
            Err(refusal) => {
                let expected =
                    matches!(refusal, SheetRefusal::DuplicateHead { .. } | SheetRefusal::AboveAvailable { .. });
                prop_assert!(expected, "{:?}", refusal);
            }
        }
    }
}
