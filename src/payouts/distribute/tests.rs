use proptest::prelude::*;

use super::*;
use crate::message::Language;

fn yuan_fen(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

pub(crate) fn claim(claim_id: i64, minor: i64) -> ClaimInput {
    ClaimInput { claim_id, claim: yuan_fen(minor), class: 1, fixed: None, paid_before: Amount::ZERO, hold: None }
}

fn claims(minors: &[i64]) -> Vec<ClaimInput> {
    (1..).zip(minors).map(|(id, &minor)| claim(id, minor)).collect()
}

fn pro_rata(pot: i64, claims: &[ClaimInput]) -> Distribution {
    distribute(&Plan::new(Rule::ProRata), yuan_fen(pot), claims).unwrap()
}

fn granted(distribution: &Distribution) -> Vec<i64> {
    distribution.shares.iter().map(|share| share.granted.minor()).collect()
}

/// The next round's claims: what this one granted is added to what was granted before.
fn after(claims: &[ClaimInput], distribution: &Distribution) -> Vec<ClaimInput> {
    let mut claims = claims.to_vec();
    claims.sort_by_key(|claim| claim.claim_id);
    for (claim, share) in claims.iter_mut().zip(&distribution.shares) {
        claim.paid_before = claim.paid_before.plus(share.adds_to_paid_before()).unwrap();
    }
    claims
}

/// SplitMix64: the same people in every run.
pub(crate) struct Seeded(pub(crate) u64);

impl Seeded {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// `count` people whose losses add up to `total` exactly.
pub(crate) fn people(count: usize, total: i64, seed: u64) -> Vec<ClaimInput> {
    let mut seeded = Seeded(seed);
    let weights: Vec<i128> = (0..count).map(|_| i128::from(seeded.next() % 1_000_000) + 1).collect();
    let sum: i128 = weights.iter().sum();
    let mut minors: Vec<i64> = weights.iter().map(|weight| (i128::from(total) * weight / sum) as i64).collect();
    let missing = total - minors.iter().sum::<i64>();
    minors[0] += missing;
    claims(&minors)
}

// The vectors of the record.

#[test]
fn a_larger_pot_may_give_one_claim_less() {
    let claims = claims(&[600, 600, 200]);
    assert_eq!(granted(&pro_rata(10, &claims)), [4, 4, 2]);
    assert_eq!(granted(&pro_rata(11, &claims)), [5, 5, 1]);
}

#[test]
fn a_further_round_takes_nothing_back() {
    let first = claims(&[600, 600, 200]);
    let second = after(&first, &pro_rata(10, &first));
    let distribution = pro_rata(1, &second);
    // Over both rounds 5, 4, 2: the third keeps 2 although 11 alone would give it 1.
    assert_eq!(granted(&distribution), [1, 0, 0]);
    assert_eq!(
        distribution.classes[0].reach,
        Reach::Ratio { money: yuan_fen(9), claims: yuan_fen(1200), kept: 1, extra_fen: 1 }
    );
}

/// Shuaige Jiaju, Jinan.
#[test]
fn jinan_comes_out_to_the_fen() {
    let (loss, pot) = (63_695_001_989, 11_738_447_657);
    let claims = people(15_468, loss, 2021);
    let distribution = pro_rata(pot, &claims);
    let proof = &distribution.proof;
    assert_eq!((proof.claims, proof.claims_total), (15_468, yuan_fen(loss)));
    assert_eq!(proof.paid, yuan_fen(pot));
    assert_eq!(granted(&distribution).iter().sum::<i64>(), pot);
    assert_eq!(crate::payouts::explain::percent(yuan_fen(pot), yuan_fen(loss)), "18.42915031…%");
    for (claim, share) in claims.iter().zip(&distribution.shares) {
        let exact = i128::from(claim.claim.minor()) * i128::from(pot);
        let error = i128::from(share.granted.minor()) * i128::from(loss) - exact;
        assert!(error.abs() < i128::from(loss), "{} is a fen or more away from its exact share", claim.claim_id);
    }
    // Paid at the published ratio of 18.42915%, ¥1.98 would stay behind before anybody's share is rounded.
    let at_published_ratio = i128::from(loss) * 1_842_915 / 10_000_000;
    assert_eq!(i128::from(pot) - at_published_ratio, 198);
}

/// Longyan, Hangzhou: 171,800 people, ¥5.7 billion, ¥1.7 billion in the first round; 2% have a bad account.
#[test]
fn a_bad_account_changes_nobody_elses_share() {
    let (loss, pot) = (570_000_000_000, 170_000_000_000);
    let sound = people(171_800, loss, 719);
    let mut some_bad = sound.clone();
    for claim in some_bad.iter_mut().step_by(50) {
        claim.hold = Some(SetAside::NoAccount);
    }
    let (all, held) = (pro_rata(pot, &sound), pro_rata(pot, &some_bad));
    assert_eq!(granted(&all), granted(&held));
    assert_eq!(held.proof.set_aside_shares, 3_436);
    assert_eq!(held.proof.paid.plus(held.proof.set_aside), Some(yuan_fen(pot)));
    assert_eq!(crate::payouts::explain::percent(yuan_fen(pot), yuan_fen(loss)), "29.82456140…%");
    // Had the 2% been dropped, about ¥34 million would have gone to the others.
    let set_aside = held.proof.set_aside.minor();
    assert!((3_200_000_000..3_600_000_000).contains(&set_aside), "{set_aside}");
}

// The rules.

#[test]
fn equal_remainders_go_to_the_smaller_id() {
    let mut claims = claims(&[100, 100, 100]);
    claims.reverse();
    assert_eq!(granted(&pro_rata(100, &claims)), [34, 33, 33]);
}

#[test]
fn a_surplus_stays_in_the_case_as_its_own_figure() {
    let distribution = pro_rata(1_000, &claims(&[600, 300]));
    assert_eq!(granted(&distribution), [600, 300]);
    assert_eq!(distribution.proof.surplus, yuan_fen(100));
    assert_eq!(distribution.proof.carried, yuan_fen(100));
    assert_eq!(distribution.classes[0].reach, Reach::Full);
}

#[test]
fn a_claim_lowered_below_what_it_had_keeps_it() {
    let mut claims = claims(&[100, 1_000]);
    claims[0].paid_before = yuan_fen(300);
    let distribution = pro_rata(500, &claims);
    assert_eq!(granted(&distribution), [0, 500]);
    assert_eq!(distribution.shares[0].outcome, Outcome::Nothing);
    assert_eq!(pro_rata(1_200, &claims).proof.surplus, yuan_fen(200));
}

#[test]
fn a_late_claim_catches_up() {
    let mut claims = claims(&[1_000, 1_000]);
    claims[0].paid_before = yuan_fen(300);
    assert_eq!(granted(&pro_rata(200, &claims)), [0, 200]);
    assert_eq!(granted(&pro_rata(400, &claims)), [50, 350]);
}

#[test]
fn classes_are_paid_in_order_and_share_where_the_money_ends() {
    let mut claims = claims(&[100, 300, 100, 50]);
    for (claim, class) in claims.iter_mut().zip([2, 2, 1, 3]) {
        claim.class = class;
    }
    let distribution = distribute(&Plan::new(Rule::Ranked), yuan_fen(200), &claims).unwrap();
    assert_eq!(granted(&distribution), [25, 75, 100, 0]);
    let reached: Vec<_> = distribution.classes.iter().map(|class| (class.class, class.money.minor())).collect();
    assert_eq!(reached, [(1, 200), (2, 100), (3, 0)]);
    assert_eq!(distribution.classes[2].reach, Reach::Nothing);
}

#[test]
fn fixed_amounts_leave_the_rest_in_the_case() {
    let mut claims = claims(&[100, 300]);
    claims[0].fixed = Some(yuan_fen(70));
    claims[1].fixed = Some(Amount::ZERO);
    let plan = Plan::new(Rule::Fixed);
    let distribution = distribute(&plan, yuan_fen(100), &claims).unwrap();
    assert_eq!(granted(&distribution), [70, 0]);
    assert_eq!(distribution.shares[1].outcome, Outcome::Nothing);
    assert_eq!((distribution.proof.unallocated, distribution.proof.surplus), (yuan_fen(30), Amount::ZERO));
    let rich = distribute(&plan, yuan_fen(450), &claims).unwrap();
    assert_eq!((rich.proof.unallocated, rich.proof.surplus), (yuan_fen(330), yuan_fen(50)));
}

#[test]
fn a_share_below_the_smallest_payment_comes_with_the_next_round() {
    let plan = Plan { smallest_payment: Some(yuan_fen(50)), ..Plan::new(Rule::ProRata) };
    let mut claims = claims(&[1_000, 100, 100]);
    claims[2].hold = Some(SetAside::Disputed);
    let first = distribute(&plan, yuan_fen(360), &claims).unwrap();
    assert_eq!(granted(&first), [300, 30, 30]);
    let outcomes: Vec<_> = first.shares.iter().map(|share| share.outcome).collect();
    assert_eq!(outcomes, [Outcome::Paid, Outcome::Carried, Outcome::SetAside(SetAside::Disputed)]);
    assert_eq!((first.proof.small_shares, first.proof.carried), (yuan_fen(30), yuan_fen(30)));

    // The next pot is what was carried and 240 of new money: all three reach half of their claims.
    let second = distribute(&plan, yuan_fen(30 + 240), &after(&claims, &first)).unwrap();
    assert_eq!(granted(&second), [200, 50, 20]);
    assert_eq!(second.shares[1].outcome, Outcome::Paid);
}

#[test]
fn amounts_up_to_the_limit_do_not_overflow() {
    let half = i64::MAX / 2;
    let distribution = pro_rata(i64::MAX - 2, &claims(&[half, half]));
    assert_eq!(granted(&distribution), [half, half - 1]);
}

/// Earlier grants at 20,000 different ratios: each pass lowers the ratio and finds more that have too much.
#[test]
fn nested_earlier_grants_are_solved() {
    let mut claims: Vec<ClaimInput> = (0..20_000).map(|id| claim(id + 1, 1 << 20)).collect();
    for (index, claim) in (0..).zip(claims.iter_mut()) {
        claim.paid_before = yuan_fen((1 << 19) / (index + 1));
    }
    let distribution = pro_rata(5_000_000, &claims);
    assert_eq!(distribution.proof.paid, yuan_fen(5_000_000));
}

#[test]
fn a_plan_is_data() {
    let plan = Plan { smallest_payment: Some(yuan_fen(5_000)), ..Plan::new(Rule::Ranked) };
    let json = serde_json::to_string(&plan).unwrap();
    assert_eq!(json, r#"{"rule":"ranked","smallest_payment_minor":5000,"broken_claims":0}"#);
    assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
    assert_eq!(serde_json::from_str::<Plan>(r#"{"rule":"pro_rata"}"#).unwrap(), Plan::new(Rule::ProRata));
    assert!(serde_json::from_str::<Plan>(r#"{"rule":"pro_rata","smalest":1}"#).is_err());
}

#[test]
fn a_claim_takes_48_bytes_and_its_share_24() {
    assert_eq!((size_of::<ClaimInput>(), size_of::<Share>()), (48, 24));
    assert_eq!(size_of::<(Reverse<u64>, u32)>(), 16);
}

#[test]
fn stable_words_read_back() {
    for reason in SetAside::ALL {
        assert_eq!(SetAside::from_code(reason.code()), Some(reason));
        assert_eq!(serde_json::to_string(&reason).unwrap(), format!("\"{}\"", reason.code()));
    }
    assert_eq!(SetAside::from_code("other"), None);
}

// Refusals.

#[test]
fn each_refusal_names_what_is_wrong() {
    use DistributionRefusal as Refusal;
    let refused = |plan: &Plan, pot: i64, claims: &[ClaimInput]| distribute(plan, yuan_fen(pot), claims).unwrap_err();
    let (even, fixed) = (Plan::new(Rule::ProRata), Plan::new(Rule::Fixed));
    let sound = claims(&[100, 200]);
    for pot in [0, -1] {
        assert_eq!(refused(&even, pot, &sound), Refusal::PotNotPositive { pot: yuan_fen(pot) });
    }
    let smallest = Plan { smallest_payment: Some(Amount::ZERO), ..even.clone() };
    assert_eq!(refused(&smallest, 1, &sound), Refusal::SmallestPaymentNotPositive { smallest_payment: Amount::ZERO });
    let broken = Plan { broken_claims: 3, ..even.clone() };
    assert_eq!(refused(&broken, 1, &sound), Refusal::BrokenClaims { count: 3 });
    assert_eq!(refused(&even, 1, &[]), Refusal::NoClaims);
    assert_eq!(refused(&even, 1, &[claim(7, 1), claim(5, 1), claim(7, 2)]), Refusal::DuplicateClaim { claim_id: 7 });
    for minor in [0, -1] {
        let wrong = [claim(9, minor), claim(8, minor), claim(1, 5)];
        assert_eq!(refused(&even, 1, &wrong), Refusal::ClaimNotPositive { claim_id: 8, claim: yuan_fen(minor) });
    }
    let negative = ClaimInput { paid_before: yuan_fen(-1), ..claim(4, 10) };
    assert_eq!(refused(&even, 1, &[negative]), Refusal::PaidBeforeNegative { claim_id: 4, paid_before: yuan_fen(-1) });
    assert_eq!(refused(&fixed, 1, &sound), Refusal::FixedMissing { claim_id: 1 });
    let with = |minor: i64| ClaimInput { fixed: Some(yuan_fen(minor)), paid_before: yuan_fen(40), ..claim(1, 100) };
    assert_eq!(refused(&fixed, 99, &[with(-1)]), Refusal::FixedNegative { claim_id: 1, fixed: yuan_fen(-1) });
    assert_eq!(
        refused(&fixed, 99, &[with(61)]),
        Refusal::FixedAboveClaim { claim_id: 1, fixed: yuan_fen(61), open: yuan_fen(60) }
    );
    assert_eq!(refused(&fixed, 59, &[with(60)]), Refusal::FixedAbovePot { total: yuan_fen(60), pot: yuan_fen(59) });
    assert_eq!(refused(&even, 1, &claims(&[i64::MAX, 1])), Refusal::AmountsTooLarge);
    let rich = ClaimInput { paid_before: yuan_fen(1), ..claim(1, 10) };
    assert_eq!(refused(&even, i64::MAX, &[rich]), Refusal::AmountsTooLarge);
}

#[test]
fn each_refusal_and_reason_has_a_text_in_both_languages() {
    use DistributionRefusal as Refusal;
    let one = Amount::from_minor(100);
    let refusals = [
        Refusal::PotNotPositive { pot: one },
        Refusal::SmallestPaymentNotPositive { smallest_payment: one },
        Refusal::BrokenClaims { count: 1 },
        Refusal::NoClaims,
        Refusal::TooManyClaims { count: 1 },
        Refusal::DuplicateClaim { claim_id: 1 },
        Refusal::ClaimNotPositive { claim_id: 1, claim: one },
        Refusal::PaidBeforeNegative { claim_id: 1, paid_before: one },
        Refusal::FixedMissing { claim_id: 1 },
        Refusal::FixedNegative { claim_id: 1, fixed: one },
        Refusal::FixedAboveClaim { claim_id: 1, fixed: one, open: one },
        Refusal::AmountsTooLarge,
        Refusal::FixedAbovePot { total: one, pot: one },
        Refusal::DoesNotTie,
    ];
    let messages = refusals.iter().map(Refusal::message).chain(SetAside::ALL.map(SetAside::message));
    for message in messages {
        assert_has_texts(&message);
    }
}

/// Both texts exist, differ, and have every argument filled in.
pub(crate) fn assert_has_texts(message: &Message) {
    let (zh, en) = (message.text(Language::Zh), message.text(Language::En));
    for text in [&zh, &en] {
        assert!(!text.contains(message.code), "no text for {}", message.code);
        assert!(!text.contains("%{"), "an argument is missing in {text}");
    }
    assert_ne!(zh, en, "{}", message.code);
    assert!(zh.chars().any(|char| ('\u{4E00}'..='\u{9FFF}').contains(&char)), "{zh}");
}

// Properties.

/// One class by the book, as slowly as one likes: claims that have too much leave one at a time, worst first, and
/// the fen left over are given out one at a time.
fn model_class(left: i128, claims: &[ClaimInput]) -> Vec<i128> {
    let minor = |amount: Amount| i128::from(amount.minor());
    let open: Vec<i128> = claims.iter().map(|c| (minor(c.claim) - minor(c.paid_before)).max(0)).collect();
    if open.iter().sum::<i128>() <= left {
        return open;
    }
    if left == 0 {
        return vec![0; claims.len()];
    }
    let mut free: Vec<usize> = (0..claims.len()).collect();
    let (money, total) = loop {
        let money = left + free.iter().map(|&i| minor(claims[i].paid_before)).sum::<i128>();
        let total = free.iter().map(|&i| minor(claims[i].claim)).sum::<i128>();
        let above = |i: usize| minor(claims[i].paid_before) * total > minor(claims[i].claim) * money;
        let worst = free.iter().copied().filter(|&i| above(i)).max_by(|&a, &b| {
            let (x, y) = (&claims[a], &claims[b]);
            (minor(x.paid_before) * minor(y.claim)).cmp(&(minor(y.paid_before) * minor(x.claim)))
        });
        match worst {
            Some(worst) => free.retain(|&i| i != worst),
            None => break (money, total),
        }
    };
    let mut reached = vec![0; claims.len()];
    for &i in &free {
        reached[i] = minor(claims[i].claim) * money / total;
    }
    let mut spare = money - reached.iter().sum::<i128>();
    while spare > 0 {
        let next = free
            .iter()
            .copied()
            .max_by_key(|&i| (minor(claims[i].claim) * money - reached[i] * total, Reverse(claims[i].claim_id)))
            .unwrap();
        reached[next] += 1;
        spare -= 1;
    }
    (0..claims.len()).map(|i| if free.contains(&i) { reached[i] - minor(claims[i].paid_before) } else { 0 }).collect()
}

fn model(rule: Rule, pot: i64, claims: &[ClaimInput]) -> Vec<(i64, i64)> {
    let class = |claim: &ClaimInput| if rule == Rule::Ranked { claim.class } else { 0 };
    let mut classes: Vec<u32> = claims.iter().map(class).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut left = i128::from(pot);
    let mut shares = Vec::new();
    for number in classes {
        let members: Vec<ClaimInput> = claims.iter().copied().filter(|claim| class(claim) == number).collect();
        let grants = model_class(left, &members);
        left -= grants.iter().sum::<i128>();
        shares.extend(members.iter().zip(grants).map(|(claim, grant)| (claim.claim_id, grant as i64)));
    }
    shares.sort_unstable();
    shares
}

fn any_hold() -> impl Strategy<Value = Option<SetAside>> {
    prop_oneof![3 => Just(None), 1 => prop::sample::select(&SetAside::ALL[..]).prop_map(Some)]
}

/// Claims with ids in a mixed order; amounts small, so that remainders and ties are frequent, or wide.
fn any_claims(before: bool) -> impl Strategy<Value = Vec<ClaimInput>> {
    let amount = prop_oneof![1_i64..12, 1_i64..1_000, 1_i64..100_000_000_000];
    let one = (amount, 1_u32..4, any_hold(), 0_i64..150);
    prop::collection::vec(one, 1..30)
        .prop_map(move |rows| {
            (1_i64..)
                .zip(rows)
                .map(|(id, (minor, class, hold, percent))| ClaimInput {
                    class,
                    hold,
                    // Up to half more than the claim: one that was lowered later.
                    paid_before: yuan_fen(if before { minor / 100 * percent } else { 0 }),
                    ..claim(id, minor)
                })
                .collect::<Vec<_>>()
        })
        .prop_shuffle()
}

fn any_pot() -> impl Strategy<Value = i64> {
    prop_oneof![1_i64..50, 1_i64..10_000, 1_i64..1_000_000_000_000]
}

fn any_plan() -> impl Strategy<Value = Plan> {
    (prop::sample::select(vec![Rule::ProRata, Rule::Ranked]), prop::option::of(1_i64..1_000))
        .prop_map(|(rule, smallest)| Plan { smallest_payment: smallest.map(Amount::from_minor), ..Plan::new(rule) })
}

proptest! {
    #[test]
    fn the_sum_is_exact_and_no_share_leaves_its_bounds(
        plan in any_plan(), pot in any_pot(), claims in any_claims(true),
    ) {
        let distribution = distribute(&plan, yuan_fen(pot), &claims).unwrap();
        let proof = &distribution.proof;
        prop_assert!(proof.ties());
        let sum = |wanted: fn(&Outcome) -> bool| -> i64 {
            distribution.shares.iter().filter(|s| wanted(&s.outcome)).map(|s| s.granted.minor()).sum()
        };
        let paid = sum(|outcome| matches!(outcome, Outcome::Paid));
        let set_aside = sum(|outcome| matches!(outcome, Outcome::SetAside(_)));
        prop_assert_eq!((paid, set_aside), (proof.paid.minor(), proof.set_aside.minor()));
        prop_assert_eq!(paid + set_aside + proof.carried.minor(), pot);
        let open: i64 = claims.iter().map(|claim| claim.open().minor()).sum();
        prop_assert_eq!(proof.surplus.minor(), (pot - open).max(0));
        for share in &distribution.shares {
            let claim = claims.iter().find(|claim| claim.claim_id == share.claim_id).unwrap();
            prop_assert!(share.granted >= Amount::ZERO && share.granted <= claim.open());
        }
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(
        plan in any_plan(), pot in any_pot(), claims in any_claims(true), turn in 0_usize..30,
    ) {
        let mut turned = claims.clone();
        turned.rotate_left(turn % claims.len());
        turned.reverse();
        prop_assert_eq!(distribute(&plan, yuan_fen(pot), &claims), distribute(&plan, yuan_fen(pot), &turned));
    }

    #[test]
    fn it_agrees_with_the_naive_model(plan in any_plan(), pot in any_pot(), claims in any_claims(true)) {
        let distribution = distribute(&plan, yuan_fen(pot), &claims).unwrap();
        let shares: Vec<_> = distribution.shares.iter().map(|s| (s.claim_id, s.granted.minor())).collect();
        prop_assert_eq!(shares, model(plan.rule, pot, &claims));
    }

    #[test]
    fn a_larger_claim_never_gets_less_over_all_rounds(
        pots in prop::collection::vec(any_pot(), 1..5), claims in any_claims(false),
    ) {
        let mut claims = claims;
        for pot in pots {
            let distribution = pro_rata(pot, &claims);
            claims = after(&claims, &distribution);
            let mut sorted = claims.clone();
            sorted.sort_by_key(|claim| (claim.claim, claim.paid_before));
            for pair in sorted.windows(2) {
                prop_assert!(pair[0].paid_before <= pair[1].paid_before);
                if pair[0].claim == pair[1].claim {
                    prop_assert!(pair[1].paid_before.minor() - pair[0].paid_before.minor() <= 1);
                }
            }
        }
    }

    #[test]
    fn raising_a_claim_never_lowers_its_share(
        plan in any_plan(), pot in any_pot(), claims in any_claims(true), which in 0_usize..30, by in 1_i64..1_000,
    ) {
        let which = which % claims.len();
        let mut raised = claims.clone();
        raised[which].claim = raised[which].claim.plus(yuan_fen(by)).unwrap();
        let share = |claims: &[ClaimInput]| {
            let distribution = distribute(&plan, yuan_fen(pot), claims).unwrap();
            distribution.shares.iter().find(|share| share.claim_id == claims[which].claim_id).unwrap().granted
        };
        prop_assert!(share(&raised) >= share(&claims));
    }

    #[test]
    fn rounds_never_pass_the_claim_and_end_with_it(
        plan in any_plan(), pots in prop::collection::vec(any_pot(), 1..5), claims in any_claims(false),
    ) {
        let mut claims = claims;
        let mut carried = 0;
        for pot in pots {
            let distribution = distribute(&plan, yuan_fen(pot + carried), &claims).unwrap();
            carried = distribution.proof.carried.minor();
            claims = after(&claims, &distribution);
            prop_assert!(claims.iter().all(|claim| claim.paid_before <= claim.claim));
        }
        let open: i64 = claims.iter().map(|claim| claim.open().minor()).sum();
        let last = distribute(&Plan::new(plan.rule), yuan_fen(open + 1), &claims).unwrap();
        prop_assert_eq!(last.proof.surplus, yuan_fen(1));
        prop_assert!(after(&claims, &last).iter().all(|claim| claim.paid_before == claim.claim));
    }
}
