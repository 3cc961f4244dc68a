use proptest::prelude::*;

use super::super::distribute::SetAside;
use super::super::distribute::tests::{assert_has_texts, claim, people};
use super::*;

fn amount(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn explain_one(plan: &Plan, pot: i64, claims: &[ClaimInput], claim_id: i64) -> Explanation {
    let distribution = distribute(plan, amount(pot), claims).unwrap();
    let share = distribution.shares.iter().find(|share| share.claim_id == claim_id).unwrap();
    explain(plan, amount(pot), claims, share).unwrap()
}

fn both(explanation: &Explanation) -> String {
    format!("{}\n\n{}", explanation.text(Language::Zh), explanation.text(Language::En))
}

#[test]
fn one_claimant_of_jinan() {
    let claims = people(15_468, 63_695_001_989, 2021);
    let explanation = explain_one(&Plan::new(Rule::ProRata), 11_738_447_657, &claims, 4_711);
    insta::assert_snapshot!(both(&explanation));
    insta::assert_snapshot!(serde_json::to_string_pretty(&explanation).unwrap());
}

#[test]
fn a_second_round_with_a_class_and_a_share_set_aside() {
    let mut claims = vec![claim(1, 600), claim(2, 600), claim(3, 200), claim(4, 50)];
    claims[0].paid_before = amount(4);
    claims[1].paid_before = amount(4);
    claims[2].paid_before = amount(2);
    claims[3].class = 0;
    claims[0].hold = Some(SetAside::NoAccount);
    let plan = Plan::new(Rule::Ranked);
    insta::assert_snapshot!(both(&explain_one(&plan, 51, &claims, 1)));
    insta::assert_snapshot!(both(&explain_one(&plan, 51, &claims, 3)));
}

#[test]
fn every_line_has_a_text_in_both_languages() {
    let mut claims = vec![claim(1, 600), claim(2, 600), claim(3, 200), claim(4, 400)];
    claims[0].paid_before = amount(4);
    claims[1].paid_before = amount(4);
    claims[2].paid_before = amount(2);
    claims[3].class = 2;
    for claim in &mut claims {
        claim.fixed = Some(amount(1));
    }
    let mut held = claims.clone();
    held[0].hold = Some(SetAside::Late);
    let smallest = |rule| Plan { smallest_payment: Some(amount(2)), ..Plan::new(rule) };
    let mut seen = std::collections::BTreeSet::new();
    for plan in [smallest(Rule::ProRata), smallest(Rule::Ranked), smallest(Rule::Fixed), Plan::new(Rule::Fixed)] {
        for pot in [4, 14, 178, 400, 1_790, 100_000] {
            for claims in [&claims, &held] {
                for claim in claims {
                    for line in explain_one(&plan, pot, claims, claim.claim_id).lines() {
                        assert_has_texts(&line);
                        seen.insert(line.code);
                    }
                }
            }
        }
    }
    // All but the two refusals and the set-aside reasons, which have a test of their own.
    insta::assert_debug_snapshot!(seen);
    let share = distribute(&Plan::new(Rule::Fixed), amount(10), &claims).unwrap().shares[0];
    assert_has_texts(&ExplainRefusal::UnknownClaim { claim_id: 1 }.message());
    assert_has_texts(&ExplainRefusal::Differs { stored: share, computed: share }.message());
}

#[test]
fn a_changed_share_is_refused() {
    let claims = vec![claim(1, 600), claim(2, 400)];
    let plan = Plan::new(Rule::ProRata);
    let computed = distribute(&plan, amount(100), &claims).unwrap().shares[0];
    for stored in
        [Share { granted: amount(61), ..computed }, Share { outcome: Outcome::SetAside(SetAside::Blocked), ..computed }]
    {
        assert_eq!(explain(&plan, amount(100), &claims, &stored), Err(ExplainRefusal::Differs { stored, computed }));
    }
    let stranger = Share { claim_id: 3, ..computed };
    assert_eq!(explain(&plan, amount(100), &claims, &stranger), Err(ExplainRefusal::UnknownClaim { claim_id: 3 }));
    assert_eq!(
        explain(&plan, Amount::ZERO, &claims, &computed),
        Err(ExplainRefusal::Distribution(DistributionRefusal::PotNotPositive { pot: Amount::ZERO }))
    );
}

#[test]
fn percent_is_cut_and_says_so() {
    assert_eq!(percent(amount(1), amount(4)), "25.00000000%");
    assert_eq!(percent(amount(2), amount(3)), "66.66666666…%");
    assert_eq!(percent(amount(i64::MAX), amount(i64::MAX)), "100.00000000%");
    assert_eq!(percent(amount(1), Amount::ZERO), "-");
}

proptest! {
    /// Floor, extra fen and earlier rounds of the explanation make the share.
    #[test]
    fn the_arithmetic_makes_the_share(
        rows in prop::collection::vec((1_i64..1_000, 0_i64..60, 1_u32..3), 1..12), pot in 1_i64..4_000, ranked: bool,
    ) {
        let claims: Vec<ClaimInput> = (1_i64..).zip(rows).map(|(id, (minor, percent, class))| ClaimInput {
            class, paid_before: amount(minor * percent / 100), ..claim(id, minor)
        }).collect();
        let plan = Plan::new(if ranked { Rule::Ranked } else { Rule::ProRata });
        for claim in &claims {
            let explanation = explain_one(&plan, pot, &claims, claim.claim_id);
            let granted = match explanation.arithmetic {
                Arithmetic::Full => claim.open().minor(),
                Arithmetic::Nothing | Arithmetic::Kept { .. } => 0,
                Arithmetic::Ratio { floor, gets_extra_fen, .. } => {
                    floor.minor() + i64::from(gets_extra_fen) - claim.paid_before.minor()
                }
                Arithmetic::Fixed => unreachable!("no fixed amounts here"),
            };
            prop_assert_eq!(granted, explanation.share.granted.minor());
        }
    }
}
