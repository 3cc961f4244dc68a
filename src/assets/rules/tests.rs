use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;

const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

/// A line with its next id, and every fact that made it.
#[derive(Clone, Default)]
struct Story {
    line: Line,
    facts: Vec<(i64, Fact)>,
    born: Vec<Measure>,
    next_id: i64,
}

impl Story {
    fn tell(&mut self, fact: Fact) -> i64 {
        self.next_id += 1;
        self.line = self.line.clone().apply(self.next_id, &fact).expect("follows");
        self.facts.push((self.next_id, fact));
        self.next_id
    }

    /// A freeze that was sent; returns the measure, which is also the id of its order's event less one.
    fn sent(&mut self, extent: Extent, months: u16, on: Date) -> (i64, i64) {
        self.next_id += 1;
        let measure_id = self.next_id;
        let measure = Measure::new(measure_id, extent, months, false);
        self.born.push(measure.clone());
        self.line = self.line.clone().with(measure);
        let order = self.tell(Fact { measure_id, on, what: What::Ordered(Asked::Freeze), order_id: None });
        self.tell(Fact { measure_id, on, what: What::Sent, order_id: Some(order) });
        (measure_id, order)
    }

    fn answer(&mut self, measure: (i64, i64), verdict: Verdict, on: Date) -> Result<Vec<Fact>, Refusal> {
        let said = Said { order_id: measure.1, verdict, on, until: None };
        let facts = self.line.answer(measure.0, &said, date(2099, 1, 1))?;
        for fact in &facts {
            self.tell(*fact);
        }
        Ok(facts)
    }

    fn order(&mut self, measure_id: i64, wish: Wish, on: Date) -> Result<i64, Refusal> {
        let fact = self.line.order(measure_id, wish, on)?;
        let order = self.tell(fact);
        if fact.what != What::Withdrawn {
            self.tell(Fact { measure_id, on, what: What::Sent, order_id: Some(order) });
        }
        Ok(order)
    }

    fn day(&mut self, today: Date) -> Vec<Unclear> {
        let (facts, unclear) = self.line.day(today).expect("in range");
        for fact in facts {
            self.tell(fact);
        }
        unclear
    }

    fn status(&self, measure: (i64, i64)) -> MeasureStatus {
        self.line.measure(measure.0).expect("known").status()
    }

    fn freeze(&self, measure: (i64, i64)) -> InForce {
        *self.line.measure(measure.0).and_then(Measure::in_force).expect("in force")
    }

    /// What must hold after every fact.
    fn check(&self) {
        let again = self.born.iter().cloned().fold(Line::default(), Line::with);
        let again = self.facts.iter().fold(again, |line, (id, fact)| line.apply(*id, fact).expect("follows"));
        assert_eq!(again, self.line, "the line is the fold of its facts");
        let live: Vec<&Measure> = self.line.measures().iter().filter(|measure| measure.is_live()).collect();
        for (place, measure) in live.iter().enumerate() {
            let Some(freeze) = measure.in_force() else { continue };
            assert!(freeze.frozen >= Amount::ZERO && freeze.deducted >= Amount::ZERO);
            if let Extent::Amount(ordered) = measure.extent {
                let sum = freeze.frozen.plus(freeze.deducted).expect("small");
                assert!(sum <= ordered, "no order gets more than its amount");
            }
            if freeze.frozen > Amount::ZERO {
                for earlier in &live[..place] {
                    assert!(!earlier.is_short(), "the line is served in order: {earlier:?} before {measure:?}");
                }
            }
        }
    }
}

const DAY: Date = date(2026, 3, 1);

#[test]
fn an_order_goes_from_the_ruling_to_the_last_fen() {
    let mut story = Story::default();
    let one = story.sent(Extent::Amount(yuan(100)), 12, DAY);
    assert_eq!(story.status(one), MeasureStatus::Sent);
    assert_eq!(story.order(one.0, Wish::Deduct(yuan(1)), DAY).unwrap_err(), Refusal::NotInForce { measure_id: one.0 });
    story.answer(one, Verdict::Partly(yuan(60)), DAY).unwrap();
    assert_eq!((story.freeze(one).frozen, story.freeze(one).ends_on), (yuan(60), date(2027, 3, 1)));
    let more = Refusal::ExceedsFrozen { measure_id: one.0, amount: yuan(61), frozen: yuan(60) };
    assert_eq!(story.order(one.0, Wish::Deduct(yuan(61)), DAY).unwrap_err(), more);
    let order = story.order(one.0, Wish::Deduct(yuan(60)), DAY).unwrap();
    let open = Refusal::OrderOpen { measure_id: one.0, order_id: order };
    assert_eq!(story.order(one.0, Wish::Deduct(yuan(1)), DAY).unwrap_err(), open);
    let exceeds = Refusal::AnswerExceeds { order_id: order, amount: yuan(61), ordered: yuan(60) };
    assert_eq!(story.answer((one.0, order), Verdict::Done(Some(yuan(61))), DAY).unwrap_err(), exceeds);
    story.answer((one.0, order), Verdict::Done(Some(yuan(60))), DAY).unwrap();
    // What comes in later is frozen up to what is left, and then deducted.
    story.answer(one, Verdict::Frozen(yuan(40)), date(2026, 4, 1)).unwrap();
    let order = story.order(one.0, Wish::Deduct(yuan(40)), date(2026, 4, 2)).unwrap();
    story.answer((one.0, order), Verdict::Done(None), date(2026, 4, 2)).unwrap();
    assert_eq!(story.status(one), MeasureStatus::Deducted);
    story.check();
}

#[test]
fn the_same_answer_again_is_known_and_another_one_refused() {
    let mut story = Story::default();
    let one = story.sent(Extent::Amount(yuan(100)), 12, DAY);
    story.answer(one, Verdict::Done(Some(yuan(100))), DAY).unwrap();
    assert!(story.answer(one, Verdict::Done(Some(yuan(100))), DAY).unwrap().is_empty());
    let differs = Refusal::AnsweredDifferently { order_id: one.1 };
    assert_eq!(story.answer(one, Verdict::Refused, DAY).unwrap_err(), differs);
    assert_eq!(story.answer(one, Verdict::Partly(yuan(5)), date(2026, 3, 2)).unwrap_err(), differs);
    let lift = (one.0, story.order(one.0, Wish::Lift, DAY).unwrap());
    story.answer(lift, Verdict::Done(None), DAY).unwrap();
    assert!(story.answer(lift, Verdict::Done(None), DAY).unwrap().is_empty());
    assert_eq!(story.status(one), MeasureStatus::Lifted);
}

#[test]
fn a_lapse_serves_the_line_in_order_on_the_day_of_the_end() {
    let mut story = Story::default();
    let [one, two, three] =
        [(100, 12), (60, 12), (80, 6)].map(|(amount, months)| story.sent(Extent::Amount(yuan(amount)), months, DAY));
    story.answer(one, Verdict::Done(None), DAY).unwrap();
    let jumped = Refusal::Place { order_id: two.1, place: 0, first_free: 1 };
    assert_eq!(story.answer(two, Verdict::Waiting(0), DAY).unwrap_err(), jumped);
    story.answer(two, Verdict::Waiting(1), DAY).unwrap();
    let before = Refusal::OutOfLine { order_id: three.1, ahead: two.0 };
    assert_eq!(story.answer(three, Verdict::Done(None), DAY).unwrap_err(), before);
    story.answer(three, Verdict::Waiting(2), DAY).unwrap();
    assert!(story.day(date(2027, 3, 1)).is_empty());
    assert_eq!(story.status(one), MeasureStatus::InForce, "it lasts until 24:00 of its last day");
    story.day(date(2027, 3, 9));
    assert_eq!(story.status(one), MeasureStatus::Lapsed);
    let freeze = story.freeze(two);
    assert_eq!((freeze.frozen, freeze.since, freeze.ends_on), (yuan(60), date(2027, 3, 1), date(2028, 3, 1)));
    let freeze = story.freeze(three);
    assert_eq!((freeze.frozen, freeze.since, freeze.ends_on), (yuan(40), date(2027, 3, 1), date(2027, 9, 1)));
    story.check();
}

#[test]
fn whoever_stands_first_takes_effect_even_if_nothing_is_left() {
    let mut story = Story::default();
    let one = story.sent(Extent::Amount(yuan(100)), 12, DAY);
    let two = story.sent(Extent::Amount(yuan(60)), 12, DAY);
    let three = story.sent(Extent::Amount(yuan(60)), 12, DAY);
    story.answer(one, Verdict::Done(None), DAY).unwrap();
    story.answer(two, Verdict::Waiting(1), DAY).unwrap();
    story.answer(three, Verdict::Waiting(2), DAY).unwrap();
    let order = story.order(one.0, Wish::Deduct(yuan(100)), DAY).unwrap();
    story.answer((one.0, order), Verdict::Done(None), date(2026, 5, 1)).unwrap();
    assert_eq!((story.freeze(two).frozen, story.freeze(two).since), (Amount::ZERO, date(2026, 5, 1)));
    assert_eq!(story.status(three), MeasureStatus::Waiting);
    story.check();
}

#[test]
fn nobody_is_promoted_past_orders_that_we_do_not_know() {
    let mut story = Story::default();
    let one = story.sent(Extent::Amount(yuan(100)), 12, DAY);
    let two = story.sent(Extent::Amount(yuan(60)), 12, DAY);
    story.answer(one, Verdict::Done(None), DAY).unwrap();
    story.answer(two, Verdict::Waiting(2), DAY).unwrap();
    story.day(date(2027, 4, 1));
    assert_eq!(story.status(two), MeasureStatus::Waiting, "another court's order stands before it");
    story.answer(two, Verdict::Done(None), date(2027, 3, 20)).unwrap();
    assert_eq!(story.freeze(two).since, date(2027, 3, 20));
    // Told to wait where we know of no order at all: somebody else holds it.
    let three = story.sent(Extent::Whole, 12, DAY);
    let mut alone = Story::default();
    let first = alone.sent(Extent::Amount(yuan(5)), 12, DAY);
    alone.answer(first, Verdict::Waiting(1), DAY).unwrap();
    assert!(matches!(alone.line.measure(first.0).unwrap().state, State::Waiting { unknown_ahead: 1, .. }));
    assert_eq!(story.answer(three, Verdict::Refused, date(2027, 4, 1)).unwrap().len(), 1);
}

#[test]
fn a_renewal_is_asked_before_the_end_and_runs_on_from_it() {
    let mut story = Story::default();
    let one = story.sent(Extent::Amount(yuan(100)), 12, DAY);
    story.answer(one, Verdict::Done(None), DAY).unwrap();
    let late = Refusal::PastEnd { measure_id: one.0, ends_on: date(2027, 3, 1) };
    assert_eq!(story.order(one.0, Wish::Renew(12), date(2027, 3, 2)).unwrap_err(), late);
    let order = story.order(one.0, Wish::Renew(12), date(2027, 3, 1)).unwrap();
    // Sent and not answered: the day does not decide it.
    assert_eq!(story.day(date(2027, 3, 8)).len(), 1);
    assert_eq!(story.status(one), MeasureStatus::InForce);
    let after = Refusal::AnswerDay { order_id: order, on: date(2027, 3, 2) };
    assert_eq!(story.answer((one.0, order), Verdict::Done(None), date(2027, 3, 2)).unwrap_err(), after);
    story.answer((one.0, order), Verdict::Done(None), date(2027, 3, 1)).unwrap();
    assert_eq!(story.freeze(one).ends_on, date(2028, 3, 1));
    let order = story.order(one.0, Wish::Renew(12), date(2028, 3, 1)).unwrap();
    story.answer((one.0, order), Verdict::Refused, date(2028, 3, 1)).unwrap();
    assert!(story.day(date(2028, 3, 2)).is_empty());
    assert_eq!(story.status(one), MeasureStatus::Lapsed);
}

#[test]
fn an_order_that_was_not_sent_is_taken_back_and_an_end_that_differs_is_told() {
    let mut story = Story::default();
    let measure = Measure::new(1, Extent::Whole, 12, false);
    story.line = story.line.with(measure);
    story.next_id = 1;
    story.tell(Fact { measure_id: 1, on: DAY, what: What::Ordered(Asked::Freeze), order_id: None });
    assert_eq!(story.line.order(1, Wish::Lift, DAY).unwrap().what, What::Withdrawn);
    story.tell(Fact { measure_id: 1, on: DAY, what: What::Sent, order_id: Some(2) });
    let said = Said { order_id: 2, verdict: Verdict::Done(None), on: DAY, until: Some(date(2027, 2, 28)) };
    let differs = Refusal::UntilDiffers { order_id: 2, until: date(2027, 2, 28), ends_on: date(2027, 3, 1) };
    assert_eq!(story.line.answer(1, &said, DAY).unwrap_err(), differs);
}

#[test]
fn shares_stand_beside_each_other_up_to_the_whole() {
    let mut story = Story::default();
    let one = story.sent(Extent::Share(6_000), 36, DAY);
    let two = story.sent(Extent::Share(4_000), 36, DAY);
    let three = story.sent(Extent::Share(1), 36, DAY);
    story.answer(one, Verdict::Done(None), DAY).unwrap();
    story.answer(two, Verdict::Done(None), DAY).unwrap();
    assert!(matches!(story.answer(three, Verdict::Done(None), DAY), Err(Refusal::OutOfLine { .. })));
    story.answer(three, Verdict::Waiting(1), DAY).unwrap();
    let order = story.order(one.0, Wish::Lift, DAY).unwrap();
    story.answer((one.0, order), Verdict::Done(None), DAY).unwrap();
    assert_eq!(story.status(three), MeasureStatus::InForce);
}

#[test]
fn a_surrender_ends_the_freeze_with_the_quote_and_the_next_in_line_takes_effect() {
    let mut story = Story::default();
    let one = story.sent(Extent::Amount(yuan(100)), 36, DAY);
    let two = story.sent(Extent::Amount(yuan(60)), 36, DAY);
    assert_eq!(story.order(one.0, Wish::Surrender, DAY).unwrap_err(), Refusal::NotInForce { measure_id: one.0 });
    story.answer(one, Verdict::Partly(yuan(80)), DAY).unwrap();
    story.answer(two, Verdict::Waiting(1), DAY).unwrap();
    let order = story.order(one.0, Wish::Surrender, DAY).unwrap();
    // A deduction and a surrender take the same money.
    let open = Refusal::OrderOpen { measure_id: one.0, order_id: order };
    assert_eq!(story.order(one.0, Wish::Deduct(yuan(1)), DAY).unwrap_err(), open);
    let surrender = (one.0, order);
    let kind = Refusal::AnswerKind { order_id: order };
    assert_eq!(story.answer(surrender, Verdict::Done(None), DAY).unwrap_err(), kind);
    assert_eq!(story.answer(surrender, Verdict::Partly(yuan(5)), DAY).unwrap_err(), kind);
    let nothing = Refusal::NotPositive { amount: Amount::ZERO };
    assert_eq!(story.answer(surrender, Verdict::Done(Some(Amount::ZERO)), DAY).unwrap_err(), nothing);
    let exceeds = Refusal::AnswerExceeds { order_id: order, amount: yuan(101), ordered: yuan(100) };
    assert_eq!(story.answer(surrender, Verdict::Done(Some(yuan(101))), DAY).unwrap_err(), exceeds);
    // A loan on the policy: less than was held is quoted.
    story.answer(surrender, Verdict::Done(Some(yuan(75))), DAY).unwrap();
    assert_eq!(
        story.line.measure(one.0).unwrap().state,
        State::Ended { on: DAY, how: End::Deducted, deducted: yuan(75) }
    );
    assert_eq!(story.freeze(two).frozen, Amount::ZERO, "nothing is left of the policy");
    assert!(story.answer(surrender, Verdict::Done(Some(yuan(75))), DAY).unwrap().is_empty());
    let differs = Refusal::AnsweredDifferently { order_id: order };
    assert_eq!(story.answer(surrender, Verdict::Done(Some(yuan(74))), DAY).unwrap_err(), differs);
    story.check();
}

#[test]
fn a_surrender_that_is_refused_leaves_the_freeze() {
    let mut story = Story::default();
    let one = story.sent(Extent::Whole, 36, DAY);
    story.answer(one, Verdict::Done(Some(yuan(80))), DAY).unwrap();
    let deduction = story.order(one.0, Wish::Deduct(yuan(10)), DAY).unwrap();
    let open = Refusal::OrderOpen { measure_id: one.0, order_id: deduction };
    assert_eq!(story.order(one.0, Wish::Surrender, DAY).unwrap_err(), open);
    story.answer((one.0, deduction), Verdict::Done(None), DAY).unwrap();
    let order = story.order(one.0, Wish::Surrender, DAY).unwrap();
    story.answer((one.0, order), Verdict::Refused, DAY).unwrap();
    assert_eq!(story.freeze(one).frozen, yuan(70));
    // Of all there is, more may be quoted than was held: the value has grown.
    let order = story.order(one.0, Wish::Surrender, DAY).unwrap();
    story.answer((one.0, order), Verdict::Done(Some(yuan(90))), DAY).unwrap();
    let ended = State::Ended { on: DAY, how: End::Deducted, deducted: yuan(100) };
    assert_eq!(story.line.measure(one.0).unwrap().state, ended);
    story.check();
}

/// What may be tried on the n-th order that there is.
#[derive(Clone, Debug)]
enum Try {
    Order { amount: i64, months: u16 },
    Say { verdict: u8, amount: i64, which: usize },
    Wish { wish: u8, amount: i64, which: usize },
    SayOpen { yes: bool, amount: i64, which: usize },
    Days(i64),
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        3 => (1..50_i64, 1..14_u16).prop_map(|(amount, months)| Try::Order { amount, months }),
        6 => (0..5_u8, 0..60_i64, 0..6_usize).prop_map(|(verdict, amount, which)| Try::Say { verdict, amount, which }),
        4 => (0..4_u8, 0..60_i64, 0..6_usize).prop_map(|(wish, amount, which)| Try::Wish { wish, amount, which }),
        5 => (any::<bool>(), 0..60_i64, 0..6_usize).prop_map(|(yes, amount, which)| Try::SayOpen { yes, amount, which }),
        2 => (0..200_i64).prop_map(Try::Days),
    ];
    prop::collection::vec(one, 1..60)
}

/// Plays what is tried; what the rules refuse changes nothing. With `nightly`, the day's run is made every day.
fn play(tries: &[Try], nightly: bool) -> (Story, usize) {
    let mut story = Story::default();
    let mut freezes: Vec<(i64, i64)> = Vec::new();
    let (mut today, mut taken) = (DAY, 0);
    for tried in tries {
        let pick = |which: usize| freezes.get(which % freezes.len().max(1)).copied();
        match tried {
            Try::Order { amount, months } => {
                freezes.push(story.sent(Extent::Amount(yuan(*amount)), *months, today));
            }
            Try::Say { verdict, amount, which } => {
                let Some(one) = pick(*which) else { continue };
                let verdict = match verdict {
                    0 => Verdict::Done(None),
                    1 => Verdict::Partly(yuan(*amount)),
                    2 => Verdict::Waiting(1 + amount % 3),
                    3 => Verdict::Frozen(yuan(*amount)),
                    _ => Verdict::Refused,
                };
                taken += usize::from(story.answer(one, verdict, today).is_ok());
            }
            Try::Wish { wish, amount, which } => {
                let Some(one) = pick(*which) else { continue };
                let wish = match wish {
                    0 => Wish::Renew(6),
                    1 => Wish::Deduct(yuan(*amount)),
                    2 => Wish::Surrender,
                    _ => Wish::Lift,
                };
                taken += usize::from(story.order(one.0, wish, today).is_ok());
            }
            Try::SayOpen { yes, amount, which } => {
                let Some((measure_id, _)) = pick(*which) else { continue };
                let open = story.line.measure(measure_id).and_then(|measure| measure.open.last().copied());
                let Some(open) = open else { continue };
                let verdict = match (yes, amount % 2) {
                    (true, _) if open.what == Asked::Surrender => Verdict::Done(Some(yuan(*amount))),
                    (false, _) => Verdict::Refused,
                    (true, 0) => Verdict::Done(None),
                    (true, _) => Verdict::Partly(yuan(*amount)),
                };
                taken += usize::from(story.answer((measure_id, open.order_id), verdict, today).is_ok());
            }
            Try::Days(days) => {
                for step in 1..=*days {
                    if nightly || step == *days {
                        story.day(today.checked_add(step.days()).expect("in range"));
                    }
                }
                today = today.checked_add(days.days()).expect("in range");
            }
        }
        story.check();
    }
    (story, taken)
}

proptest! {
    #[test]
    fn no_order_gets_more_than_its_amount_and_the_line_is_served_in_order(tries in tries()) {
        let (story, _) = play(&tries, false);
        // What was deducted is what the answers said, and never more than was ordered.
        for measure in story.line.measures() {
            let said = story.facts.iter().filter(|(_, fact)| fact.measure_id == measure.measure_id);
            let said = Amount::sum(said.filter_map(|(_, fact)| match fact.what {
                What::Deducted(amount) | What::Surrendered(amount) => Some(amount),
                _ => None,
            })).unwrap();
            let deducted = match &measure.state {
                State::InForce(freeze) => freeze.deducted,
                State::Ended { deducted, .. } => *deducted,
                _ => Amount::ZERO,
            };
            prop_assert_eq!(said, deducted);
            if let Extent::Amount(ordered) = measure.extent {
                prop_assert!(deducted <= ordered, "no order gets more than its amount, however it ended");
            }
        }
    }

    #[test]
    fn the_run_of_a_day_can_wait(tries in tries()) {
        let (late, nightly) = (play(&tries, false).0, play(&tries, true).0);
        let states = |story: &Story| story.line.measures().iter().map(|one| one.state.clone()).collect::<Vec<_>>();
        prop_assert_eq!(states(&late), states(&nightly));
    }
}

#[test]
fn what_is_tried_is_often_taken() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let taken: usize = (0..50).map(|_| play(&tries().new_tree(&mut runner).unwrap().current(), false).1).sum();
    assert!(taken > 200, "only {taken} were taken: the properties would say little");
}
