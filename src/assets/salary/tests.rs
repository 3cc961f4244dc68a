use ankuan_ledger::Amount;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::super::measures::{Allowance, MeasureRecord};
use super::super::rules::{Asked, Line};
use super::super::{Basis, MeasureStatus};
use super::*;

const FIRST: Date = date(2026, 1, 5);

const fn yuan(amount: i64) -> Amount {
    Amount::from_minor(amount * 100)
}

/// An account whose rows are numbered as they come.
struct Book {
    account: Account,
    next_id: i64,
}

impl Book {
    fn new() -> Self {
        Self { account: Account::default(), next_id: 1 }
    }

    fn id(&mut self) -> i64 {
        self.next_id += 1;
        self.next_id
    }

    fn record(&mut self, fact: Fact) {
        let id = self.id();
        let standing = &mut self.account.standing;
        standing.line = std::mem::take(&mut standing.line).apply(id, &fact).expect("follows");
        standing.events.push(MeasureEvent { id, ..event(fact) });
    }

    fn order(&mut self, ordered: i64, monthly: i64, is_outside: bool) -> i64 {
        let measure_id = self.id();
        let standing = &mut self.account.standing;
        let extent = Extent::Amount(yuan(ordered));
        standing.line = std::mem::take(&mut standing.line).with(Measure::new(measure_id, extent, 12, is_outside));
        standing.records.push(MeasureRecord {
            measure_id,
            asset_id: 1,
            case_id: (!is_outside).then_some(1),
            outside_court: String::new(),
            ruling: String::new(),
            officer: String::new(),
            basis: Basis::Enforcement,
            extent,
            months: 12,
            allowance: (!is_outside).then_some(Allowance { monthly: yuan(monthly), carries_over: true }),
        });
        measure_id
    }

    fn in_force(&mut self, measure_id: i64, on: Date) {
        self.record(Fact { measure_id, on, what: What::Partly(Amount::ZERO), order_id: None });
    }

    fn waits(&mut self, measure_id: i64, on: Date) {
        self.record(Fact { measure_id, on, what: What::Waiting(0), order_id: None });
    }

    fn move_(&mut self, kind: MovementKind, on: Date, amount: i64) -> Option<&'static str> {
        let id = self.id();
        let moved = Moved { id, on, kind, amount: yuan(amount), measure_id: None, reference: id.to_string() };
        self.account.add(vec![moved]).pop().map(|(_, message)| message.code)
    }

    /// Settles, and gives what is frozen for each order in line.
    fn settled(&mut self, until: Date) -> Vec<(i64, i64)> {
        for fact in self.account.settle(until).expect("settles") {
            self.record(fact);
        }
        let line = self.account.standing.line.measures().iter();
        line.filter_map(|measure| Some((measure.measure_id, measure.in_force()?.frozen.minor() / 100))).collect()
    }

    fn deduct(&mut self, measure_id: i64, amount: Amount, on: Date) -> Result<(), &'static str> {
        self.account.may_deduct(measure_id, amount, on).map_err(|message| message.code)?;
        self.record(Fact { measure_id, on, what: What::Deducted(amount), order_id: None });
        Ok(())
    }

    fn status(&self, measure_id: i64) -> MeasureStatus {
        self.account.standing.line.measure(measure_id).expect("known").status()
    }
}

fn day(month: i8, day: i8) -> Date {
    date(2026, month, day)
}

/// Wang earns 8,000; 2,000 a month stay with her; two orders are served in their line until both are met.
#[test]
fn orders_are_served_in_line_above_the_allowance() {
    let mut book = Book::new();
    let (first, second) = (book.order(10_000, 2_000, false), book.order(5_000, 2_000, false));
    book.in_force(first, day(1, 5));
    book.waits(second, day(1, 6));
    assert_eq!(book.move_(MovementKind::Credit, day(1, 10), 8_000), None);
    assert_eq!(book.settled(day(1, 31)), [(first, 6_000)]);
    assert_eq!(book.account.sweepable(day(1, 31)).expect("reckons"), [(first, yuan(6_000))]);
    assert_eq!(book.deduct(first, yuan(6_001), day(1, 31)), Err("assets.allowance_untouchable"));
    assert_eq!(book.deduct(first, yuan(6_000), day(1, 31)), Ok(()));
    // February: 4,000 for the first, the rest for the second, which takes effect on the day of the salary.
    assert_eq!(book.move_(MovementKind::Credit, day(2, 10), 8_000), None);
    assert_eq!(book.settled(day(2, 28)), [(first, 4_000), (second, 2_000)]);
    let line = &book.account.standing.line;
    assert_eq!(line.measure(second).expect("known").in_force().expect("in force").since, day(2, 10));
    assert_eq!(book.deduct(second, yuan(2_001), day(2, 28)), Err("live_freeze.sweep_out_of_turn"));
    for (measure, amount) in book.account.sweepable(day(2, 28)).expect("reckons") {
        assert_eq!(book.deduct(measure, amount, day(2, 28)), Ok(()));
    }
    assert_eq!(book.status(first), MeasureStatus::Deducted);
    // March and April: the second is met, and nothing is held any more.
    for month in [3, 4] {
        assert_eq!(book.move_(MovementKind::Credit, day(month, 10), 8_000), None);
        book.settled(day(month, 28));
        for (measure, amount) in book.account.sweepable(day(month, 28)).expect("reckons") {
            assert_eq!(book.deduct(measure, amount, day(month, 28)), Ok(()));
        }
    }
    assert_eq!(book.status(second), MeasureStatus::Deducted);
    let reckoned = book.account.reckon(day(4, 30)).expect("reckons").expect("there were orders");
    assert_eq!(reckoned.statement.today.held, []);
    assert_eq!(reckoned.statement.balance, reckoned.statement.today.unfrozen);
    assert_eq!(reckoned.statement.balance, yuan(32_000 - 15_000));
}

/// A new month's allowance comes first, so what may be deducted is less on the next day.
#[test]
fn a_deduction_of_the_next_day_may_touch_the_allowance() {
    let mut book = Book::new();
    let order = book.order(10_000, 2_000, false);
    book.in_force(order, day(1, 5));
    book.move_(MovementKind::Credit, day(1, 10), 3_000);
    assert_eq!(book.settled(day(1, 31)), [(order, 1_000)]);
    assert_eq!(book.deduct(order, yuan(1_000), day(2, 1)), Err("assets.allowance_untouchable"));
    assert_eq!(book.settled(day(2, 1)), [(order, 0)]);
    assert!(book.account.may_deduct(order, yuan(1_000), day(1, 31)).is_ok(), "on the last of January it was above");
}

#[test]
fn the_bank_that_lets_frozen_money_go_is_told_and_what_cannot_be_is_not_taken() {
    let mut book = Book::new();
    assert_eq!(book.move_(MovementKind::Withdrawal, day(1, 2), 1), Some("live_freeze.overdrawn"));
    assert_eq!(book.move_(MovementKind::Opening, day(1, 1), 500), None);
    let order = book.order(10_000, 2_000, false);
    book.in_force(order, day(1, 5));
    book.move_(MovementKind::Credit, day(1, 10), 8_000);
    assert_eq!(book.settled(day(1, 20)), [(order, 6_500)]);
    assert_eq!(book.move_(MovementKind::Withdrawal, day(1, 20), 2_100), None);
    let findings = book.account.reckon(day(1, 20)).expect("reckons").expect("frozen").statement.findings;
    assert_eq!(findings.iter().map(|finding| finding.frozen).collect::<Vec<_>>(), [yuan(100)]);
    // What is frozen follows, downwards as well.
    assert_eq!(book.settled(day(1, 20)), [(order, 6_400)]);
    assert_eq!(book.deduct(order, yuan(6_400), day(1, 20)), Ok(()));
    // A withdrawal before the deduction, told after it: the money cannot have been there for both.
    assert_eq!(book.move_(MovementKind::Withdrawal, day(1, 15), 100), Some("live_freeze.overdrawn"));
    assert!(book.account.is_sound().is_ok());
}

/// An order told late does not undo what was deducted before we knew of it.
#[test]
fn what_was_deducted_stays_deducted() {
    let mut book = Book::new();
    let first = book.order(3_000, 1_000, false);
    book.in_force(first, day(1, 5));
    book.move_(MovementKind::Credit, day(1, 10), 9_000);
    book.settled(day(1, 12));
    assert_eq!(book.deduct(first, yuan(2_000), day(1, 12)), Ok(()));
    let second = book.order(9_000, 4_000, false);
    book.in_force(second, day(1, 8));
    assert!(book.account.is_sound().is_ok());
    // From the day after on its larger allowance holds.
    assert_eq!(book.settled(day(1, 13)), [(first, 1_000), (second, 2_000)]);
    let other = book.order(100, 0, true);
    book.in_force(other, day(1, 2));
    assert!(book.account.is_sound().is_ok());
}

#[test]
fn an_order_of_a_share_is_not_reckoned() {
    let mut book = Book::new();
    let order = book.order(1, 1, false);
    let line = Line::default().with(Measure::new(order, Extent::Share(5_000), 12, false));
    book.account.standing.line = line;
    book.in_force(order, FIRST);
    assert_eq!(book.account.reckon(FIRST).expect_err("a share").code, "salary.share");
}

/// What happens in a random life of an account.
#[derive(Clone, Debug)]
enum Step {
    Credit(i64),
    Draw(i64),
    Order(i64, i64, bool),
    Lift(usize),
    Days(i64),
    Sweep,
    Late(i64, i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1_i64..9_000).prop_map(Step::Credit),
        3 => (1_i64..4_000).prop_map(Step::Draw),
        2 => (1_i64..20_000, 0_i64..3_000, any::<bool>()).prop_map(|(ordered, monthly, is_outside)| Step::Order(
            ordered, monthly, is_outside && ordered % 3 == 0
        )),
        1 => (0_usize..4).prop_map(Step::Lift),
        4 => (1_i64..45).prop_map(Step::Days),
        3 => Just(Step::Sweep),
        1 => (1_i64..20, 1_i64..3_000).prop_map(|(back, amount)| Step::Late(back, amount)),
    ];
    prop::collection::vec(step, 1..40)
}

/// The account day by day, each fen as the law has it, from what is on record: what a naive reader would do. Gives for every
/// deduction what was above the allowance when it was made.
fn above_the_allowance(book: &Book, until: Date) -> Vec<(Date, Amount, Amount)> {
    let mut deductions = Vec::new();
    for event in book.account.deductions() {
        let What::Deducted(amount) = event.fact.what else { continue };
        // The whole account of that day without this deduction: its allowance must be there after it as before.
        let mut without = book.account.clone();
        without
            .standing
            .events
            .retain(|other| other.id != event.id && (other.fact.on < event.fact.on || other.id < event.id));
        without.moved.retain(|moved| {
            moved.on <= event.fact.on && (moved.on < event.fact.on || moved.kind != MovementKind::Withdrawal)
        });
        // Orders as they were known then.
        let known: Vec<i64> = without.orders().expect("orders").into_iter().map(|(id, _)| id).collect();
        if !known.contains(&event.fact.measure_id) {
            continue;
        }
        let Ok(Some(reckoned)) = without.reckon(event.fact.on) else { continue };
        let above = reckoned.statement.balance.minus(reckoned.statement.today.allowance).expect("in range");
        deductions.push((event.fact.on, amount, above));
    }
    assert!(book.account.latest().is_none_or(|latest| latest <= until));
    deductions
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Over any order of credits, withdrawals, freezes, lapses, liftings and sweeps: the allowance is never touched, no order
    /// gets more than its amount, the line is served in order, and the account always follows from its facts.
    #[test]
    fn the_allowance_is_never_touched(steps in steps()) {
        let mut book = Book::new();
        let mut today = FIRST;
        let mut orders = Vec::new();
        for step in steps {
            match step {
                Step::Credit(amount) => prop_assert_eq!(book.move_(MovementKind::Credit, today, amount), None),
                Step::Draw(amount) => { let _ = book.move_(MovementKind::Withdrawal, today, amount); },
                Step::Late(back, amount) => {
                    let on = today.checked_sub(back.days()).expect("a day").max(FIRST);
                    let _ = book.move_(MovementKind::Withdrawal, on, amount);
                }
                Step::Order(ordered, monthly, is_outside) => {
                    let order = book.order(ordered, monthly, is_outside);
                    let is_short = book.account.standing.line.measures().iter().any(|measure| match &measure.state {
                        State::Waiting { .. } => true,
                        State::InForce(freeze) => match measure.extent {
                            Extent::Amount(ordered) => freeze.frozen.plus(freeze.deducted).expect("in range") < ordered,
                            _ => true,
                        },
                        _ => false,
                    });
                    if is_short { book.waits(order, today) } else { book.in_force(order, today) }
                    orders.push(order);
                }
                Step::Lift(which) => {
                    let live = orders.get(which).filter(|order| matches!(book.status(**order), MeasureStatus::InForce));
                    if let Some(order) = live {
                        // As the institution answers: with what follows for those behind.
                        let line = book.account.standing.line.clone();
                        let lift = Fact { measure_id: *order, on: today, what: What::Ordered(Asked::Lift), order_id: None };
                        let order_id = book.next_id + 1;
                        book.record(lift);
                        book.record(Fact { what: What::Sent, order_id: Some(order_id), ..lift });
                        let said = super::super::rules::Said {
                            order_id, verdict: super::super::rules::Verdict::Done(None), on: today, until: None,
                        };
                        drop(line);
                        match book.account.standing.line.answer(*order, &said, today) {
                            Ok(facts) => facts.into_iter().for_each(|fact| book.record(fact)),
                            Err(_) => prop_assert!(book.account.standing.line.measure(*order).expect("known").in_force().is_none_or(|freeze| freeze.ends_on < today)),
                        }
                    }
                }
                Step::Days(days) => {
                    today = today.checked_add(days.days()).expect("a day");
                    let (facts, _) = book.account.standing.line.day(today).expect("in range");
                    facts.into_iter().for_each(|fact| book.record(fact));
                }
                Step::Sweep => {
                    book.settled(today);
                    let before = book.account.reckon(today).expect("reckons");
                    for (measure, amount) in book.account.sweepable(today).expect("reckons") {
                        // Once one before it was lifted, the rule may count that one's money a day longer than what is held says:
                        // it refuses, and never gives more.
                        if book.account.may_order(measure, amount, today).is_err() {
                            let is_lifted = book.account.standing.events.iter().any(|event| event.fact.what == What::Lifted);
                            prop_assert!(is_lifted);
                            continue;
                        }
                        // One fen more is refused, by whatever it would take.
                        let more = amount.plus(Amount::from_minor(1)).expect("in range");
                        prop_assert!(book.account.may_order(measure, more, today).is_err());
                        prop_assert_eq!(book.deduct(measure, amount, today), Ok(()));
                    }
                    if let (Some(before), Some(after)) = (before, book.account.reckon(today).expect("reckons")) {
                        prop_assert!(after.statement.balance >= before.statement.today.allowance);
                    }
                }
            }
            prop_assert!(book.account.is_sound().is_ok(), "{:?}", book.account.is_sound());
            for measure in book.account.standing.line.measures() {
                let deducted = book.account.deductions().filter(|event| event.fact.measure_id == measure.measure_id);
                let deducted = Amount::sum(deducted.map(|event| match event.fact.what {
                    What::Deducted(amount) => amount,
                    _ => Amount::ZERO,
                })).expect("in range");
                let frozen = measure.in_force().map_or(Amount::ZERO, |freeze| freeze.frozen);
                if let Extent::Amount(ordered) = measure.extent {
                    prop_assert!(frozen.plus(deducted).expect("in range") <= ordered);
                }
            }
        }
        for (on, amount, above) in above_the_allowance(&book, today) {
            prop_assert!(amount <= above, "{on}: {amount} of {above}");
        }
        // Settled once, there is nothing more to settle; and whoever stands behind has something only when those before lack nothing.
        book.settled(today);
        prop_assert_eq!(book.account.settle(today).expect("settles"), []);
        if let Some(reckoned) = book.account.reckon(today).expect("reckons") {
            let mut is_short = false;
            for (place, held) in &reckoned.statement.today.held {
                prop_assert!(!is_short || *held == Amount::ZERO);
                is_short |= *held < reckoned.statement.orders[*place].owed().expect("in range");
            }
        }
    }
}
