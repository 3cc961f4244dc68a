use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::assets::rules::{Asked, Extent, Fact, Line, Measure, Said, Verdict, What, Wish};

const DAY: Date = date(2026, 3, 1);

/// Both sides of the desk: our line of orders, and the institution's own books, which know nothing of each other.
struct Desk {
    line: Line,
    next_id: i64,
    measures: Vec<i64>,
    holding: Holding,
    /// What was there, and what went to the court.
    first: Amount,
    paid: Amount,
}

impl Desk {
    fn apply(&mut self, fact: Fact) -> i64 {
        self.next_id += 1;
        self.line = self.line.clone().apply(self.next_id, &fact).expect("follows");
        self.next_id
    }

    /// Sends an order that was recorded, and takes the institution's answer: our rules never refuse it.
    fn send(&mut self, measure_id: i64, asked: Asked, months: u16, amount: Option<Amount>, whole: bool) {
        let order_id = self.next_id;
        self.apply(Fact { measure_id, on: DAY, what: What::Sent, order_id: Some(order_id) });
        let order = Order {
            order: order_id,
            action: asked.action().as_str().to_owned(),
            measure: measure_id,
            case: String::new(),
            asset: Asset { kind: "policy".to_owned(), holder: String::new(), identifier: String::new() },
            amount: amount.map(plain),
            share_percent: None,
            whole,
            months: Some(months),
        };
        let mut answer = Answer::default();
        self.holding.take(Path::new("x"), &order, Day(DAY), &mut answer).expect("an order");
        let said = answer.amount.as_deref().map(|text| parse_yuan(text).expect("an amount"));
        let verdict = match answer.result {
            "done" => Verdict::Done(said),
            "partly" => Verdict::Partly(said.expect("an amount")),
            "waiting" => Verdict::Waiting(answer.place.expect("a place") as i64),
            _ => Verdict::Refused,
        };
        let facts = self.line.answer(measure_id, &Said { order_id, verdict, on: DAY, until: None }, DAY);
        for fact in facts.expect("our rules agree with the institution") {
            if let What::Deducted(amount) | What::Surrendered(amount) = fact.what {
                self.paid = self.paid.plus(amount).expect("small");
            }
            self.apply(fact);
        }
    }

    fn check(&self) {
        let frozen = Amount::sum(self.holding.freezes.iter().map(|freeze| freeze.frozen_minor)).expect("small");
        assert!(frozen <= self.holding.balance_minor, "no more is frozen than is there");
        assert_eq!(self.holding.balance_minor.plus(self.paid), Some(self.first), "what went is what was deducted");
        let ours = self.line.measures().iter().filter_map(|measure| measure.in_force()).map(|freeze| freeze.frozen);
        let ours = Amount::sum(ours).expect("small");
        assert!(ours.plus(self.paid).is_some_and(|sum| sum <= self.first), "deducted and frozen exceed the balance");
        for measure in self.line.measures() {
            let theirs = self.holding.freezes.iter().find(|freeze| freeze.measure == measure.measure_id);
            let theirs = theirs.map_or(Amount::ZERO, |freeze| freeze.frozen_minor);
            assert_eq!(measure.in_force().map_or(Amount::ZERO, |freeze| freeze.frozen), theirs);
        }
    }
}

proptest! {
    /// Whatever is ordered, in whatever order: what is deducted and frozen never exceeds what was there, both sides hold the
    /// same, and our rules take every answer of an honest institution.
    #[test]
    fn deducted_and_frozen_never_exceed_the_balance(
        balance in 0..200_i64,
        tries in prop::collection::vec((0..5_u8, 1..120_i64, 0..6_usize), 1..40),
    ) {
        let balance = Amount::from_minor(balance);
        let holding = Holding { balance_minor: balance, freezes: Vec::new() };
        let mut desk = Desk {
            line: Line::default(),
            next_id: 0,
            measures: Vec::new(),
            holding,
            first: balance,
            paid: Amount::ZERO,
        };
        for (what, amount, which) in tries {
            let amount = Amount::from_minor(amount);
            if what == 0 {
                desk.next_id += 1;
                let measure_id = desk.next_id;
                let whole = which == 5;
                let extent = if whole { Extent::Whole } else { Extent::Amount(amount) };
                desk.line = desk.line.clone().with(Measure::new(measure_id, extent, 36, false));
                desk.measures.push(measure_id);
                desk.apply(Fact { measure_id, on: DAY, what: What::Ordered(Asked::Freeze), order_id: None });
                desk.send(measure_id, Asked::Freeze, 36, (!whole).then_some(amount), whole);
            } else if let Some(measure_id) = desk.measures.get(which).copied() {
                let wish = match what {
                    1 => Wish::Deduct(amount),
                    2 => Wish::Surrender,
                    3 => Wish::Lift,
                    _ => Wish::Renew(6),
                };
                if let Ok(fact) = desk.line.order(measure_id, wish, DAY) {
                    let What::Ordered(asked) = fact.what else { panic!("it was sent") };
                    desk.apply(fact);
                    desk.send(measure_id, asked, 6, (what == 1).then_some(amount), false);
                }
            }
            desk.check();
        }
    }
}

#[test]
fn what_differs_differs_by_one_per_cent_and_is_never_nothing() {
    let options = Options { seed: 1, refuse: 0, differ: 10_000, elsewhere: 0 };
    let cent = |minor| Amount::from_minor(minor);
    assert_eq!(pays(cent(10_000), 0, &options), cent(9_900));
    assert_eq!(pays(cent(10_000), 10_000, &options), cent(10_100));
    assert_eq!(pays(cent(1), 0, &options), cent(1));
    assert_eq!(pays(cent(10_000), 0, &Options { differ: 0, ..options }), cent(10_000));
}
