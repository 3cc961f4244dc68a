use std::collections::BTreeMap;

use jiff::civil::date;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

fn rules() -> Rules {
    Rules::parse(STANDARD).unwrap()
}

fn lapsing() -> Rules {
    let mut rules = rules();
    rules.settings.unused = Unused::Lapses;
    rules
}

fn fen(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn order(name: &str, arrival: u32, amount: i64, from: &str, until: &str) -> Order {
    Order {
        order: name.into(),
        arrival,
        amount: fen(amount),
        from: day(from),
        until: day(until),
        lifted_on: None,
        allowance: None,
    }
}

fn credit(on: &str, amount: i64) -> Movement {
    Movement { on: day(on), what: What::Credit(fen(amount)) }
}

fn drawn(on: &str, amount: i64) -> Movement {
    Movement { on: day(on), what: What::Withdrawal(fen(amount)) }
}

fn sweep(on: &str, order: Option<&str>, amount: Option<i64>) -> Movement {
    Movement { on: day(on), what: What::Sweep { order: order.map(str::to_owned), amount: amount.map(fen) } }
}

fn paid(on: &str, order: &str, amount: i64) -> Movement {
    Movement { on: day(on), what: What::Paid { order: order.into(), amount: fen(amount) } }
}

fn allowance(amount: i64) -> Allowance {
    Allowance { order: None, from: None, amount: fen(amount) }
}

fn facts(until: &str, orders: Vec<Order>, monthly: i64, movements: Vec<Movement>) -> Facts {
    Facts { until: day(until), opening: Amount::ZERO, orders, allowances: vec![allowance(monthly)], movements }
}

/// Allowance, unfrozen, and what is held for each order in force by its place.
fn split(division: &Division) -> (i64, i64, Vec<(usize, i64)>) {
    let held = division.held.iter().map(|(place, held)| (*place, held.minor())).collect();
    (division.allowance.minor(), division.unfrozen.minor(), held)
}

fn on(statement: &Statement, at: &str) -> (i64, i64, Vec<(usize, i64)>) {
    let at = day(at);
    split(&statement.days.iter().find(|days| (days.from..=days.until).contains(&at)).unwrap().division)
}

fn refused(rules: &Rules, facts: &Facts) -> &'static str {
    reckon(rules, facts).unwrap_err().code
}

/// Salary 6,000 a month, allowance 2,000; A is owed 9,000, B 5,000.
fn salary() -> Facts {
    facts(
        "2026-04-30",
        vec![order("B", 2, 5_000, "2026-01-20", "2027-01-20"), order("A", 1, 9_000, "2026-01-05", "2027-01-05")],
        2_000,
        vec![
            credit("2026-01-10", 6_000),
            drawn("2026-01-15", 1_500),
            sweep("2026-01-25", None, None),
            credit("2026-02-10", 6_000),
            drawn("2026-02-11", 2_500),
            sweep("2026-02-25", Some("A"), Some(4_000)),
            credit("2026-03-10", 6_000),
            sweep("2026-03-25", None, None),
            credit("2026-04-10", 6_000),
            sweep("2026-04-25", None, None),
        ],
    )
}

#[test]
fn a_salary_carried_over() {
    let statement = reckon(&rules(), &salary()).unwrap();
    // 10 January: 6,000 = 2,000 + 4,000 for A; of the allowance 1,500 are drawn.
    assert_eq!(on(&statement, "2026-01-12"), (2_000, 0, vec![(0, 4_000)]));
    assert_eq!(on(&statement, "2026-01-19"), (500, 0, vec![(0, 4_000)]));
    assert_eq!(on(&statement, "2026-01-24"), (500, 0, vec![(0, 4_000), (1, 0)]));
    // February: 500 carried and 2,000 more, of which only 500 are there until the salary comes.
    assert_eq!(on(&statement, "2026-02-09"), (500, 0, vec![(0, 0), (1, 0)]));
    assert_eq!(on(&statement, "2026-02-10"), (2_500, 0, vec![(0, 4_000), (1, 0)]));
    assert_eq!(on(&statement, "2026-02-28"), (0, 0, vec![(0, 0), (1, 0)]));
    // March: A is owed its last 1,000, B gets 3,000. April: nothing was drawn, so 4,000 stay free; B gets 2,000, no more.
    assert_eq!(on(&statement, "2026-03-24"), (2_000, 0, vec![(0, 1_000), (1, 3_000)]));
    assert_eq!(on(&statement, "2026-03-25"), (2_000, 0, vec![(1, 0)]));
    assert_eq!(on(&statement, "2026-04-24"), (4_000, 2_000, vec![(1, 2_000)]));
    // All are met: nothing is frozen any more.
    assert_eq!(split(&statement.today), (0, 6_000, vec![]));
    let swept: Vec<_> = statement.swept.iter().map(|one| (one.on.to_string(), one.order, one.amount.minor())).collect();
    assert_eq!(
        swept,
        [
            ("2026-01-25".to_owned(), 0, 4_000),
            ("2026-02-25".to_owned(), 0, 4_000),
            ("2026-03-25".to_owned(), 0, 1_000),
            ("2026-03-25".to_owned(), 1, 3_000),
            ("2026-04-25".to_owned(), 1, 2_000),
        ]
    );
    let states: Vec<_> =
        statement.orders.iter().map(|one| (one.order.order.as_str(), one.state, one.ended_on)).collect();
    assert_eq!(states, [("A", State::Met, Some(day("2026-03-25"))), ("B", State::Met, Some(day("2026-04-25")))]);
    assert!(statement.findings.is_empty() && statement.long.is_empty());
    let february = &statement.months[1];
    assert_eq!(
        [february.opening, february.credits, february.carried_in, february.allowance, february.drawn_allowance],
        [500, 6_000, 500, 2_000, 2_500].map(fen)
    );
    assert_eq!((february.closing, february.left), (Amount::ZERO, Left::Carried));
}

#[test]
fn a_salary_whose_allowance_lapses() {
    let statement = reckon(&lapsing(), &Facts { movements: vec![credit("2026-01-10", 6_000)], ..salary() }).unwrap();
    assert_eq!(on(&statement, "2026-01-31"), (2_000, 0, vec![(0, 4_000), (1, 0)]));
    // The same 6,000 in February: the new allowance comes out of them, what lapsed is held again but for it.
    assert_eq!(on(&statement, "2026-02-01"), (2_000, 0, vec![(0, 4_000), (1, 0)]));
    assert_eq!((statement.months[0].left, statement.months[1].carried_in), (Left::Lapses, Amount::ZERO));
    let carried = reckon(&rules(), &Facts { movements: vec![credit("2026-01-10", 6_000)], ..salary() }).unwrap();
    assert_eq!(on(&carried, "2026-02-01"), (4_000, 0, vec![(0, 2_000), (1, 0)]));
    assert_eq!(on(&carried, "2026-03-01"), (6_000, 0, vec![(0, 0), (1, 0)]));
    // Only money is carried: 6,000, not four allowances.
    assert_eq!(on(&carried, "2026-04-01"), (6_000, 0, vec![(0, 0), (1, 0)]));
}

#[test]
fn the_allowance_cannot_be_taken() {
    let with = |movement| Facts { movements: vec![credit("2026-01-10", 6_000), movement], ..salary() };
    let code = |movement| refused(&rules(), &with(movement));
    assert_eq!(code(sweep("2026-01-10", Some("A"), Some(4_001))), "live_freeze.sweep_touches_allowance");
    assert_eq!(code(sweep("2026-01-10", None, Some(4_001))), "live_freeze.sweep_touches_allowance");
    assert_eq!(code(sweep("2026-01-10", Some("A"), Some(9_001))), "live_freeze.sweep_exceeds_owed");
    assert_eq!(code(sweep("2026-01-10", None, Some(9_001))), "live_freeze.sweep_exceeds_owed");
    assert_eq!(code(sweep("2026-01-20", Some("B"), Some(1))), "live_freeze.sweep_out_of_turn");
    assert_eq!(code(sweep("2026-01-10", Some("B"), Some(1))), "live_freeze.not_in_force");
    assert_eq!(code(sweep("2026-01-04", None, None)), "live_freeze.none_in_force");
    assert_eq!(code(sweep("2026-01-10", Some("C"), None)), "live_freeze.order_unknown");
    // Where less is there than the allowance, nothing can be taken.
    let short = Facts { movements: vec![credit("2026-01-10", 1_999), sweep("2026-01-10", None, Some(1))], ..salary() };
    assert_eq!(refused(&rules(), &short), "live_freeze.sweep_touches_allowance");
    let most = reckon(&rules(), &with(sweep("2026-01-10", Some("A"), Some(4_001)))).unwrap_err();
    assert!(most.arguments.contains(&("most", "40.00".to_owned())), "{most:?}");
    assert!(reckon(&rules(), &with(sweep("2026-01-10", Some("A"), Some(4_000)))).is_ok());
}

#[test]
fn a_withdrawal_of_frozen_money_stands_and_is_found() {
    let movements = vec![credit("2026-01-10", 13_000), drawn("2026-01-21", 3_000), drawn("2026-01-21", 1_000)];
    let statement = reckon(&rules(), &Facts { movements, ..salary() }).unwrap();
    // 13,000 = 2,000 + A 9,000 + B 2,000. Of 4,000 drawn 2,000 were free; B, the last in line, misses the rest.
    let finding = &statement.findings[0];
    assert_eq!([finding.drawn, finding.free, finding.frozen].map(Amount::minor), [4_000, 2_000, 2_000]);
    assert_eq!((&finding.missing[..], finding.is_of_first_day), (&[(1, fen(2_000))][..], false));
    assert_eq!(on(&statement, "2026-01-21"), (0, 0, vec![(0, 9_000), (1, 0)]));
    assert_eq!(statement.months[0].drawn_frozen, fen(2_000));
    // On the day on which an order came the hour must be looked at.
    let movements = vec![credit("2026-01-05", 3_000), drawn("2026-01-05", 2_001)];
    let statement = reckon(&rules(), &Facts { movements, ..salary() }).unwrap();
    assert_eq!((statement.findings[0].frozen, statement.findings[0].is_of_first_day), (fen(1), true));
    let overdrawn = Facts { movements: vec![credit("2026-01-05", 3), drawn("2026-01-05", 4)], ..salary() };
    assert_eq!(refused(&rules(), &overdrawn), "live_freeze.overdrawn");
}

#[test]
fn what_is_above_all_orders_is_free_and_the_allowance_is_drawn_first() {
    let movements = vec![credit("2026-01-10", 20_000), drawn("2026-01-22", 3_000)];
    let statement = reckon(&rules(), &Facts { movements, ..salary() }).unwrap();
    assert_eq!(on(&statement, "2026-01-10"), (2_000, 9_000, vec![(0, 9_000)]));
    assert_eq!(on(&statement, "2026-01-21"), (2_000, 4_000, vec![(0, 9_000), (1, 5_000)]));
    assert_eq!(on(&statement, "2026-01-22"), (0, 3_000, vec![(0, 9_000), (1, 5_000)]));
    assert_eq!([statement.months[0].drawn_allowance, statement.months[0].drawn_unfrozen], [fen(2_000), fen(1_000)]);
}

#[test]
fn orders_end() {
    // A lapses behind 15 February, B moves up; B is lifted on 20 March. Deducted and lifted on one day is possible.
    let mut facts = salary();
    facts.orders =
        vec![order("A", 1, 9_000, "2026-01-05", "2026-02-15"), order("B", 2, 5_000, "2026-01-20", "2027-01-20")];
    facts.orders[1].lifted_on = Some(day("2026-03-20"));
    facts.movements =
        vec![credit("2026-01-10", 10_000), sweep("2026-03-20", Some("B"), Some(1)), drawn("2026-03-20", 9_999)];
    let statement = reckon(&rules(), &facts).unwrap();
    assert_eq!(on(&statement, "2026-02-15"), (4_000, 0, vec![(0, 6_000), (1, 0)]));
    assert_eq!(on(&statement, "2026-02-16"), (4_000, 1_000, vec![(1, 5_000)]));
    assert_eq!(split(&statement.today), (0, 0, vec![]));
    assert!(statement.findings.is_empty(), "on the day of the lifting the debtor draws behind it");
    let ends: Vec<_> = statement.orders.iter().map(|one| (one.state, one.ended_on.unwrap().to_string())).collect();
    assert_eq!(ends, [(State::Lapsed, "2026-02-15".to_owned()), (State::Lifted, "2026-03-20".to_owned())]);
    assert_eq!((statement.months[2].left, statement.months[3].carried_in), (Left::Stays, Amount::ZERO));
    // Its last day is one on which it still holds.
    facts.movements = vec![credit("2026-01-10", 10_000), sweep("2026-02-15", Some("A"), None)];
    assert_eq!(reckon(&rules(), &facts).unwrap().swept[0].amount, fen(6_000));
    facts.movements = vec![credit("2026-01-10", 10_000), sweep("2026-02-16", Some("A"), None)];
    assert_eq!(refused(&rules(), &facts), "live_freeze.not_in_force");
    // Paid by something else: it ends that day, and a later lifting changes nothing.
    facts.movements =
        vec![credit("2026-01-10", 10_000), paid("2026-01-30", "B", 5_000), paid("2026-02-01", "A", 8_999)];
    let statement = reckon(&rules(), &facts).unwrap();
    assert_eq!((statement.orders[1].state, statement.orders[1].ended_on), (State::Met, Some(day("2026-01-30"))));
    assert_eq!(on(&statement, "2026-02-01"), (4_000, 5_999, vec![(0, 1)]));
    facts.movements = vec![paid("2026-01-30", "B", 5_001)];
    assert_eq!(refused(&rules(), &facts), "live_freeze.paid_exceeds_owed");
}

#[test]
fn several_allowances_and_later_rulings() {
    let mut facts = salary();
    facts.until = day("2026-03-31");
    facts.allowances = vec![
        Allowance::parse("B=25.00").unwrap(),
        Allowance::parse("B=30.00:2026-03").unwrap(),
        Allowance::parse("18.00:2026-03").unwrap(),
    ];
    facts.orders[1].allowance = Some(fen(2_000));
    facts.movements = vec![credit("2026-01-10", 10_000)];
    let statement = reckon(&lapsing(), &facts).unwrap();
    // B comes on 20 January with 2,500: 500 more. From March on A's is 1,800, B's own 3,000 goes before the general one.
    assert_eq!(on(&statement, "2026-01-19").0, 2_000);
    assert_eq!(on(&statement, "2026-01-20").0, 2_500);
    assert_eq!(on(&statement, "2026-03-01").0, 3_000);
    assert_eq!((statement.months[0].allowance_of, statement.months[0].is_of_several), (Some(1), true));
    let mut first = lapsing();
    first.settings.several = Several::FirstInLine;
    let statement = reckon(&first, &facts).unwrap();
    assert_eq!([on(&statement, "2026-01-20").0, on(&statement, "2026-03-01").0], [2_000, 1_800]);
    // A larger one that ends within the month takes nothing away before the next.
    facts.orders[0].lifted_on = Some(day("2026-02-10"));
    let statement = reckon(&lapsing(), &facts).unwrap();
    assert_eq!([on(&statement, "2026-02-11").0, on(&statement, "2026-03-01").0], [2_500, 1_800]);
    // The first in line is met: the next one's allowance holds from the next day on.
    facts.orders[0].lifted_on = None;
    facts.movements.push(paid("2026-02-10", "A", 9_000));
    let statement = reckon(&first, &facts).unwrap();
    assert_eq!([on(&statement, "2026-02-10").0, on(&statement, "2026-02-11").0], [2_000, 2_500]);
}

#[test]
fn months_begin_on_the_pay_day() {
    let mut rules = lapsing();
    rules.settings.month_begins = 31;
    let mut facts = salary();
    facts.until = day("2026-03-31");
    facts.allowances.push(Allowance::parse("30.00:2026-02").unwrap());
    facts.movements = vec![credit("2026-01-10", 10_000)];
    let statement = reckon(&rules, &facts).unwrap();
    let months: Vec<_> =
        statement.months.iter().map(|one| format!("{} {}..{}", one.month, one.from, one.until)).collect();
    assert_eq!(
        months,
        [
            "2025-12 2026-01-05..2026-01-30",
            "2026-01 2026-01-31..2026-02-27",
            "2026-02 2026-02-28..2026-03-30",
            "2026-03 2026-03-31..2026-03-31"
        ]
    );
    assert_eq!([on(&statement, "2026-02-27").0, on(&statement, "2026-02-28").0], [2_000, 3_000]);
}

#[test]
fn a_freeze_that_comes_back_within_a_month_gives_no_second_allowance() {
    let orders =
        vec![order("A", 1, 1_000, "2026-01-05", "2027-01-05"), order("B", 2, 9_000, "2026-01-20", "2027-01-20")];
    let movements = vec![
        credit("2026-01-10", 10_000),
        drawn("2026-01-10", 1_500),
        sweep("2026-01-11", None, None),
        drawn("2026-01-12", 1_000),
    ];
    let statement = reckon(&rules(), &facts("2026-02-01", orders, 2_000, movements)).unwrap();
    // What is drawn while nothing is frozen does not count.
    assert_eq!(on(&statement, "2026-01-12"), (0, 6_500, vec![]));
    assert_eq!(on(&statement, "2026-01-20"), (500, 0, vec![(1, 6_000)]));
    assert_eq!(on(&statement, "2026-02-01"), (2_500, 0, vec![(1, 4_000)]));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let code = |change: &dyn Fn(&mut Facts)| {
        let mut facts = salary();
        change(&mut facts);
        refused(&rules(), &facts)
    };
    assert_eq!(code(&|facts| facts.orders.clear()), "live_freeze.no_orders");
    assert_eq!(code(&|facts| facts.orders = vec![facts.orders[0].clone(); 201]), "live_freeze.too_many_orders");
    assert_eq!(code(&|facts| facts.orders[1].order = "B".into()), "live_freeze.order_twice");
    assert_eq!(code(&|facts| facts.orders[1].arrival = 2), "live_freeze.arrival_twice");
    assert_eq!(code(&|facts| facts.orders[1].arrival = 3), "live_freeze.arrival_contradicts");
    assert_eq!(code(&|facts| facts.orders[0].amount = Amount::ZERO), "live_freeze.amount_not_positive");
    assert_eq!(code(&|facts| facts.orders[0].until = day("2026-01-19")), "live_freeze.span");
    assert_eq!(code(&|facts| facts.orders[0].lifted_on = Some(day("2026-01-19"))), "live_freeze.lifted_before");
    assert_eq!(code(&|facts| facts.movements.push(credit("2026-01-01", 0))), "live_freeze.amount_not_positive");
    assert_eq!(code(&|facts| facts.movements.push(credit("2026-05-01", 1))), "live_freeze.after_until");
    assert_eq!(code(&|facts| facts.movements.push(paid("2026-01-09", "C", 1))), "live_freeze.order_unknown");
    assert_eq!(code(&|facts| facts.allowances.push(allowance(1))), "live_freeze.allowance_twice");
    assert_eq!(code(&|facts| facts.allowances.push(Allowance::parse("C=1").unwrap())), "live_freeze.order_unknown");
    let twice = |facts: &mut Facts| {
        facts.orders[0].allowance = Some(fen(1));
        facts.allowances.push(Allowance::parse("B=1").unwrap());
    };
    assert_eq!(code(&twice), "live_freeze.allowance_twice");
    assert_eq!(code(&|facts| facts.allowances.clear()), "live_freeze.no_allowance");
    assert_eq!(
        code(&|facts| facts.allowances = vec![Allowance::parse("20:2026-02").unwrap()]),
        "live_freeze.no_allowance"
    );
    assert_eq!(code(&|facts| facts.until = day("2126-03-01")), "live_freeze.too_long");
    assert_eq!(code(&|facts| facts.opening = fen(i64::MAX)), "live_freeze.too_large");
    let edge = Facts {
        until: Date::MAX,
        opening: fen(i64::MAX),
        orders: vec![order("A", 1, i64::MAX, "9999-12-30", "9999-12-31")],
        allowances: vec![allowance(i64::MAX)],
        movements: vec![],
    };
    assert_eq!(split(&reckon(&rules(), &edge).unwrap().today), (i64::MAX, 0, vec![(0, 0)]));
    for text in ["", "=", "a", "1:2026", "1:2026-13", "1:2026-1", "1:2026-01-01", "A=", "-1"] {
        assert!(Allowance::parse(text).is_err(), "{text}");
    }
    let text = STANDARD.replace("month_begins = 1", "month_begins = 32");
    assert_eq!(Rules::parse(&text).unwrap_err().code, "calc.rules");
}

#[test]
fn files_are_read() {
    let orders =
        "案号,到达顺序,冻结金额,起,止,解除日,生活费\n（2026）浙0281执1号,1,\"9,000.00\",2026-01-05,2027-01-05,,20\n";
    let read = read_orders(orders.as_bytes()).unwrap();
    let wanted = Order {
        allowance: Some(fen(2_000)),
        ..order("（2026）浙0281执1号", 1, 900_000, "2026-01-05", "2027-01-05")
    };
    assert_eq!(read, [wanted]);
    let json = r#"[{"order": "A", "arrival": 1, "amount": "1", "from": "2026-01-01", "until": "2026-01-02", "lifted_on": "2026-01-02"}]"#;
    let lifted = Order { lifted_on: Some(day("2026-01-02")), ..order("A", 1, 100, "2026-01-01", "2026-01-02") };
    assert_eq!(read_orders(json.as_bytes()).unwrap(), [lifted]);
    let movements = "日期,类型,金额,案号\n2026-01-10,入账,60,\n2026-01-11,支取,1.50,\n2026-01-12,划转,,\n2026-01-12,划转,1,A\n2026-01-13,另行清偿,2,A\n";
    let wanted = [
        credit("2026-01-10", 6_000),
        drawn("2026-01-11", 150),
        sweep("2026-01-12", None, None),
        sweep("2026-01-12", Some("A"), Some(100)),
        paid("2026-01-13", "A", 200),
    ];
    assert_eq!(read_movements(movements.as_bytes()).unwrap(), wanted);
    for row in [
        "2026-01-10,gift,1,",
        "2026-01-10,credit,,",
        "2026-01-10,credit,1,A",
        "2026-01-10,paid,1,",
        "soon,credit,1,",
        "2026-01-10,sweep,-1,",
    ] {
        let table = format!("on,kind,amount,order\n{row}\n");
        assert_eq!(read_movements(table.as_bytes()).unwrap_err().code, "calc.cell", "{row}");
    }
    for row in [
        "A,0,1,2026-01-01,2026-01-02",
        "A,1,1,2026-02-30,2026-01-02",
        "A,1,x,2026-01-01,2026-01-02",
        ",1,1,2026-01-01,2026-01-02",
    ] {
        let table = format!("order,arrival,amount,from,until\n{row}\n");
        assert_eq!(read_orders(table.as_bytes()).unwrap_err().code, "calc.cell", "{row}");
    }
}

/// The same rule fen by fen and day by day, by another way: each fen on the account is asked whose it is.
struct Naive<'a> {
    rules: &'a Rules,
    facts: &'a Facts,
    line: Vec<&'a Order>,
    /// Still owed, by place.
    owed: Vec<i64>,
    /// 0 to come, 1 in force, 2 over.
    phase: Vec<u8>,
    pile: i64,
    left: i64,
    given: i64,
    was_frozen: bool,
    days: Vec<NaiveDay>,
    swept: BTreeMap<(Date, usize), i64>,
    frozen_drawn: BTreeMap<Date, i64>,
    accepted: Vec<Movement>,
    refusals: Vec<&'static str>,
}

/// A day; balance, allowance, unfrozen; held by order.
type NaiveDay = (Date, [i64; 3], BTreeMap<usize, i64>);

#[derive(PartialEq)]
enum Whose {
    Allowance,
    Order(usize),
    Nobody,
}

impl<'a> Naive<'a> {
    fn run(rules: &'a Rules, facts: &'a Facts) -> Self {
        let mut line: Vec<&Order> = facts.orders.iter().collect();
        line.sort_by_key(|order| order.arrival);
        let count = line.len();
        let owed = line.iter().map(|order| order.amount.minor()).collect();
        let mut naive = Self {
            rules,
            facts,
            line,
            owed,
            phase: vec![0; count],
            pile: facts.opening.minor(),
            left: 0,
            given: 0,
            was_frozen: false,
            days: Vec::new(),
            swept: BTreeMap::new(),
            frozen_drawn: BTreeMap::new(),
            accepted: Vec::new(),
            refusals: Vec::new(),
        };
        let known = facts.movements.iter().map(|one| one.on).chain(facts.orders.iter().map(|order| order.from));
        let mut today = known.min().unwrap().min(facts.until);
        while today <= facts.until {
            naive.day(today);
            today = today.tomorrow().unwrap();
        }
        naive
    }

    fn whose(&self) -> Vec<Whose> {
        let is_frozen = self.phase.contains(&1);
        let mut wanted: Vec<i64> = self.owed.clone();
        (0..self.pile)
            .map(|number| {
                if is_frozen && number < self.left {
                    return Whose::Allowance;
                }
                let taker = (0..wanted.len()).find(|place| self.phase[*place] == 1 && wanted[*place] > 0);
                let Some(place) = taker else { return Whose::Nobody };
                wanted[place] -= 1;
                Whose::Order(place)
            })
            .collect()
    }

    fn count(&self, whose: &Whose) -> i64 {
        self.whose().iter().filter(|one| *one == whose).count() as i64
    }

    fn monthly(&self, place: usize, today: Date) -> i64 {
        // The calendar month in which the month of the allowance began.
        let mut first = today;
        while !self.is_first(first) {
            first = first.yesterday().unwrap();
        }
        let named = format!("{:04}-{:02}", first.year(), first.month());
        let order = self.line[place];
        let mut best = (String::new(), false, order.allowance.map_or(-1, Amount::minor));
        if order.allowance.is_some() {
            best.1 = true;
        }
        for one in &self.facts.allowances {
            let from = one.from.map_or(String::new(), |from| from.to_string());
            if one.order.as_ref().is_some_and(|name| *name != order.order) || from > named {
                continue;
            }
            if (&from, one.order.is_some()) >= (&best.0, best.1) {
                best = (from, one.order.is_some(), one.amount.minor());
            }
        }
        best.2
    }

    fn is_first(&self, today: Date) -> bool {
        let wanted = i8::try_from(self.rules.settings.month_begins).unwrap();
        today.day() == wanted.min(today.days_in_month())
    }

    fn day(&mut self, today: Date) {
        let kept = self.count(&Whose::Allowance);
        for place in 0..self.line.len() {
            if self.phase[place] == 1 && self.line[place].until < today {
                self.phase[place] = 2;
            }
            if self.phase[place] == 0 && self.line[place].from == today {
                self.phase[place] = 1;
            }
        }
        let is_frozen = self.phase.contains(&1);
        if self.is_first(today) {
            let carries = self.rules.settings.unused == Unused::Carried && self.was_frozen && is_frozen;
            self.left = if carries { kept } else { 0 };
            self.given = 0;
        }
        let mut wanted = 0;
        for place in 0..self.line.len() {
            if self.phase[place] != 1 {
                continue;
            }
            let monthly = self.monthly(place, today);
            match self.rules.settings.several {
                Several::Largest => wanted = wanted.max(monthly),
                Several::FirstInLine => {
                    wanted = monthly;
                    break;
                }
            }
        }
        while self.given < wanted {
            self.given += 1;
            self.left += 1;
        }
        let of_today: Vec<Movement> = self.facts.movements.iter().filter(|one| one.on == today).cloned().collect();
        for one in &of_today {
            if let What::Credit(amount) = one.what {
                self.pile += amount.minor();
                self.accepted.push(one.clone());
            }
        }
        let place_of = |naive: &Self, name: &str| naive.line.iter().position(|order| order.order == name).unwrap();
        // Stated amounts of one order by the line, then stated amounts of all, then the rests.
        let mut sweeps: Vec<Movement> =
            of_today.iter().filter(|one| matches!(one.what, What::Sweep { .. })).cloned().collect();
        sweeps.sort_by_key(|one| {
            let place = one.what.order().map_or(usize::MAX, |name| place_of(self, name));
            (one.what.amount().map_or(1, |_| 0), place, one.what.amount())
        });
        for one in sweeps {
            let What::Sweep { order, amount } = &one.what else { continue };
            let places: Vec<usize> = match order {
                Some(name) => vec![place_of(self, name)],
                None => (0..self.line.len()).filter(|place| self.phase[*place] == 1).collect(),
            };
            let code = self.sweep(today, &places, amount.map(Amount::minor), order.is_none());
            match code {
                Some(code) => self.refusals.push(code),
                None => self.accepted.push(one.clone()),
            }
        }
        let mut payments: Vec<(usize, i64, Movement)> = Vec::new();
        for one in &of_today {
            if let What::Paid { order, amount } = &one.what {
                payments.push((place_of(self, order), amount.minor(), one.clone()));
            }
        }
        payments.sort_by_key(|(place, amount, _)| (*place, *amount));
        for (place, amount, one) in payments {
            if self.phase[place] != 1 {
                self.refusals.push("live_freeze.not_in_force");
            } else if amount > self.owed[place] {
                self.refusals.push("live_freeze.paid_exceeds_owed");
            } else {
                self.owed[place] -= amount;
                self.accepted.push(one);
            }
            if self.owed[place] == 0 {
                self.phase[place] = 2;
            }
        }
        for place in 0..self.line.len() {
            if self.phase[place] == 1 && self.line[place].lifted_on == Some(today) {
                self.phase[place] = 2;
            }
        }
        let drawn: Vec<Movement> = of_today.into_iter().filter(|one| matches!(one.what, What::Withdrawal(_))).collect();
        let total: i64 = drawn.iter().filter_map(|one| one.what.amount()).map(Amount::minor).sum();
        if total > self.pile {
            self.refusals.push("live_freeze.overdrawn");
        } else {
            self.accepted.extend(drawn);
            for _ in 0..total {
                let whose = self.whose();
                if whose.contains(&Whose::Allowance) {
                    self.left -= 1;
                } else if !whose.contains(&Whose::Nobody) {
                    *self.frozen_drawn.entry(today).or_default() += 1;
                }
                self.pile -= 1;
            }
        }
        let held = (0..self.line.len()).filter(|place| self.phase[*place] == 1);
        let held = held.map(|place| (place, self.count(&Whose::Order(place)))).collect();
        self.days.push((today, [self.pile, self.count(&Whose::Allowance), self.count(&Whose::Nobody)], held));
        self.was_frozen = self.phase.contains(&1);
    }

    fn sweep(&mut self, today: Date, places: &[usize], amount: Option<i64>, by_line: bool) -> Option<&'static str> {
        if by_line && places.is_empty() {
            return Some("live_freeze.none_in_force");
        }
        if places.iter().any(|place| self.phase[*place] != 1) {
            return Some("live_freeze.not_in_force");
        }
        let whose = self.whose();
        let is_theirs = |one: &&Whose| places.iter().any(|place| **one == Whose::Order(*place));
        let theirs = whose.iter().filter(is_theirs).count() as i64;
        let amount = amount.unwrap_or(theirs);
        if amount > places.iter().map(|place| self.owed[*place]).sum() {
            return Some("live_freeze.sweep_exceeds_owed");
        }
        if amount > whose.iter().filter(|one| **one != Whose::Allowance).count() as i64 {
            return Some("live_freeze.sweep_touches_allowance");
        }
        if amount > theirs {
            return Some("live_freeze.sweep_out_of_turn");
        }
        for one in whose.iter().filter(is_theirs).take(amount as usize) {
            let Whose::Order(place) = one else { continue };
            self.pile -= 1;
            self.owed[*place] -= 1;
            *self.swept.entry((today, *place)).or_default() += 1;
        }
        for place in places {
            if self.owed[*place] == 0 {
                self.phase[*place] = 2;
            }
        }
        None
    }
}

const FIRST: Date = date(2026, 1, 1);
const DAYS: i64 = 100;

fn at(offset: i64) -> Date {
    FIRST.checked_add(offset.days()).unwrap()
}

/// Orders with their numbers in no relation to the line.
fn orders() -> impl Strategy<Value = Vec<Order>> {
    let one = (0..50_i64, 0..90_i64, 1..60_i64, prop::option::of(0..60_i64), prop::option::of(0..12_i64));
    prop::collection::vec(one, 1..5)
        .prop_flat_map(|all| {
            let count = all.len();
            (Just(all), Just((0..count).collect::<Vec<_>>()).prop_shuffle())
        })
        .prop_map(|(mut all, names)| {
            all.sort_by_key(|one| one.0);
            let orders = all.into_iter().enumerate().map(|(place, (from, length, amount, lifted, allowance))| Order {
                order: format!("{}", names[place]),
                arrival: u32::try_from(place).unwrap() * 2 + 1,
                amount: fen(amount),
                from: at(from),
                until: at(from + length),
                lifted_on: lifted.map(|days| at(from + days)),
                allowance: allowance.map(fen),
            });
            orders.collect()
        })
}

fn movement() -> impl Strategy<Value = (i64, u8, i64, Index, bool)> {
    // Days crowd, so that several things happen on one.
    let days = prop_oneof![0..DAYS, (0..12_i64).prop_map(|week| week * 8)];
    (days, 0..12_u8, 1..16_i64, any::<Index>(), any::<bool>())
}

fn cases() -> impl Strategy<Value = (Rules, Facts)> {
    let allowances = prop::collection::btree_map((any::<bool>(), 1..5_i8), 0..15_i64, 0..4);
    let settings = (any::<bool>(), prop::sample::select(vec![1_u8, 15, 31]), any::<bool>(), 0..30_i64, 0..15_i64);
    (orders(), prop::collection::vec(movement(), 0..40), allowances, settings).prop_map(
        |(orders, movements, allowances, (carried, month_begins, largest, opening, monthly))| {
            let mut rules = rules();
            rules.settings = Settings {
                unused: if carried { Unused::Carried } else { Unused::Lapses },
                month_begins,
                several: if largest { Several::Largest } else { Several::FirstInLine },
            };
            let movements = movements.into_iter().map(|(offset, kind, amount, index, is_all)| {
                let order = index.get(&orders).order.clone();
                let amount = fen(amount);
                let what = match kind {
                    0..4 => What::Credit(fen(amount.minor() * 2)),
                    4..7 => What::Withdrawal(amount),
                    7 => What::Paid { order, amount },
                    8 | 9 => What::Sweep { order: Some(order), amount: (!is_all).then_some(amount) },
                    _ => What::Sweep { order: None, amount: (!is_all).then_some(amount) },
                };
                Movement { on: at(offset), what }
            });
            let mut all = vec![allowance(monthly)];
            all.extend(allowances.into_iter().map(|((is_own, month), amount)| Allowance {
                order: is_own.then(|| orders[0].order.clone()),
                from: Some(Month { year: 2026, month }),
                amount: fen(amount),
            }));
            let movements = movements.collect();
            (rules, Facts { until: at(DAYS), opening: fen(opening), orders, allowances: all, movements })
        },
    )
}

/// What the code under test accepts, one after another, so that a fault in what it refuses is seen by every property.
fn accepted() -> impl Strategy<Value = (Rules, Facts)> {
    cases().prop_map(|(rules, mut facts)| {
        let mut movements = std::mem::take(&mut facts.movements);
        // Without money there is nothing to refuse.
        movements.sort_by_key(|one| !matches!(one.what, What::Credit(_)));
        for one in movements {
            facts.movements.push(one);
            if reckon(&rules, &facts).is_err() {
                facts.movements.pop();
            }
        }
        (rules, facts)
    })
}

proptest! {
    #[test]
    fn every_day_is_as_the_naive_model_says((rules, facts) in cases()) {
        let naive = Naive::run(&rules, &facts);
        let first = naive.refusals.first().copied();
        prop_assert_eq!(reckon(&rules, &facts).err().map(|message| message.code), first);
        let accepted = Facts { movements: naive.accepted.clone(), ..facts.clone() };
        let statement = reckon(&rules, &accepted).unwrap();
        let mut days = statement.days.iter().peekable();
        for (today, [balance, allowance, unfrozen], held) in &naive.days {
            // Before the first day that something is known of; a refused movement may be earlier.
            if *today < statement.days[0].from {
                prop_assert_eq!((*balance, *unfrozen), (facts.opening.minor(), facts.opening.minor()));
                continue;
            }
            while days.peek().is_some_and(|days| days.until < *today) {
                days.next();
            }
            let Some(one) = days.peek() else { panic!("{today} is missing") };
            prop_assert!((one.from..=one.until).contains(today));
            prop_assert_eq!(one.balance.minor(), *balance, "{}", today);
            let held = held.iter().map(|(place, amount)| (*place, *amount)).collect();
            prop_assert_eq!(split(&one.division), (*allowance, *unfrozen, held), "{}", today);
        }
        let mut swept: BTreeMap<(Date, usize), i64> = BTreeMap::new();
        for one in &statement.swept {
            *swept.entry((one.on, one.order)).or_default() += one.amount.minor();
        }
        prop_assert_eq!(swept, naive.swept);
        let found: BTreeMap<Date, i64> = statement.findings.iter().map(|one| (one.on, one.frozen.minor())).collect();
        prop_assert_eq!(found, naive.frozen_drawn);
        for (place, one) in statement.orders.iter().enumerate() {
            prop_assert_eq!(one.owed().unwrap().minor(), naive.owed[place]);
            let phase = match one.state { State::NotBegun => 0, State::InForce => 1, _ => 2 };
            prop_assert_eq!(phase, naive.phase[place]);
            prop_assert_eq!(one.state == State::Met, naive.owed[place] == 0);
            prop_assert_eq!(one.ended_on.is_some(), phase == 2);
        }
    }

    #[test]
    fn a_sweep_takes_nothing_that_is_free((rules, facts) in accepted(), index in any::<Index>()) {
        let days: Vec<Date> = facts.movements.iter().filter(|one| matches!(one.what, What::Sweep { .. })).map(|one| one.on).collect();
        let until = if days.is_empty() { facts.until } else { *index.get(&days) };
        let upto = |keep: fn(&What) -> bool| {
            let movements = facts.movements.iter().filter(|one| one.on < until || (one.on == until && keep(&one.what)));
            let mut orders = facts.orders.clone();
            for order in orders.iter_mut().filter(|order| order.lifted_on == Some(until)) {
                order.lifted_on = None;
            }
            reckon(&rules, &Facts { until, orders, movements: movements.cloned().collect(), ..facts.clone() }).unwrap()
        };
        // That day before its liftings and withdrawals, with and without its sweeps.
        let with = upto(|what| matches!(what, What::Credit(_) | What::Sweep { .. }));
        let without = upto(|what| matches!(what, What::Credit(_)));
        prop_assert_eq!(with.today.free(), without.today.free());
        let is_frozen = !with.today.held.is_empty();
        if is_frozen {
            prop_assert_eq!(with.today.allowance, without.today.allowance);
        }
        prop_assert!(with.balance >= without.today.allowance);
    }

    #[test]
    fn no_order_gets_more_than_its_amount((rules, facts) in accepted()) {
        let statement = reckon(&rules, &facts).unwrap();
        for (place, one) in statement.orders.iter().enumerate() {
            let swept: i64 = statement.swept.iter().filter(|swept| swept.order == place).map(|swept| swept.amount.minor()).sum();
            let held = statement.today.held_for(place).unwrap_or_default().minor();
            prop_assert!(swept + one.paid.minor() + held <= one.order.amount.minor());
            prop_assert_eq!(one.swept.minor(), swept);
            let last = one.order.lifted_on.map_or(one.order.until, |lifted| lifted.min(one.order.until));
            let is_within = |day: Date| (one.order.from..=last).contains(&day) && one.ended_on.is_none_or(|last| day <= last);
            prop_assert!(statement.swept.iter().filter(|swept| swept.order == place).all(|swept| is_within(swept.on)));
            prop_assert!(one.ended_on.is_none_or(|last| last <= one.order.until));
        }
    }

    #[test]
    fn the_line_is_served_in_order((rules, facts) in accepted(), index in any::<Index>()) {
        let is_served = |statement: &Statement, got: &dyn Fn(usize) -> bool| {
            let last = (0..statement.orders.len()).rev().find(|place| got(*place)).unwrap_or(0);
            statement.today.held.iter().filter(|(place, _)| *place < last).all(|(place, held)| *held == statement.orders[*place].owed().unwrap())
        };
        let swept = facts.movements.iter().filter(|one| matches!(one.what, What::Sweep { .. }));
        let days: Vec<Date> = swept.map(|one| one.on).chain([facts.until]).collect();
        let until = *index.get(&days);
        let upto = |is_whole: bool| {
            let keep = |one: &&Movement| one.on < until
                || (one.on == until && (is_whole || matches!(one.what, What::Credit(_) | What::Sweep { .. })));
            let movements = facts.movements.iter().filter(keep).cloned().collect();
            // Before the day's liftings.
            let mut orders = facts.orders.clone();
            for order in orders.iter_mut().filter(|order| !is_whole && order.lifted_on == Some(until)) {
                order.lifted_on = None;
            }
            reckon(&rules, &Facts { until, movements, orders, ..facts.clone() }).unwrap()
        };
        // Who holds something has nobody before him who misses something.
        let whole = upto(true);
        prop_assert!(is_served(&whole, &|place| whole.today.held_for(place).is_some_and(|held| held > Amount::ZERO)));
        // Who was given something that day left what those before him are owed.
        let swept = upto(false);
        prop_assert!(is_served(&swept, &|place| swept.swept.iter().any(|one| one.on == until && one.order == place)));
    }

    #[test]
    fn money_is_conserved((rules, facts) in accepted()) {
        let statement = reckon(&rules, &facts).unwrap();
        let sum = |keep: fn(&What) -> bool, from: Date, until: Date| -> i64 {
            let all = facts.movements.iter().filter(|one| keep(&one.what) && (from..=until).contains(&one.on));
            all.filter_map(|one| one.what.amount()).map(Amount::minor).sum()
        };
        let mut opening = facts.opening;
        let mut carried = Amount::ZERO;
        let mut next = statement.months[0].from;
        for month in &statement.months {
            prop_assert_eq!((month.from, month.opening, month.carried_in), (next, opening, carried));
            let credits = sum(|what| matches!(what, What::Credit(_)), month.from, month.until);
            let drawn = sum(|what| matches!(what, What::Withdrawal(_)), month.from, month.until);
            let of_drawn = [month.drawn_allowance, month.drawn_unfrozen, month.drawn_frozen];
            prop_assert_eq!(of_drawn.map(Amount::minor).iter().sum::<i64>(), drawn);
            prop_assert_eq!(month.credits.minor(), credits);
            let swept: i64 = month.swept.iter().map(|(_, amount)| amount.minor()).sum();
            let by_day = statement.swept.iter().filter(|one| (month.from..=month.until).contains(&one.on));
            prop_assert_eq!(by_day.map(|one| one.amount.minor()).sum::<i64>(), swept);
            prop_assert_eq!(opening.minor() + credits - drawn - swept, month.closing.minor());
            prop_assert!(month.drawn_allowance.minor() <= month.carried_in.minor() + month.allowance.minor());
            let left = month.carried_in.minor() + month.allowance.minor() - month.drawn_allowance.minor();
            prop_assert!(month.division.allowance.minor() <= left);
            carried = if month.left == Left::Carried { month.division.allowance } else { Amount::ZERO };
            opening = month.closing;
            next = month.until.tomorrow().unwrap();
            let lines = month.lines(&rules.sources);
            prop_assert!(lines.iter().all(|line| !line.source.zh.is_empty() && !line.source.en.is_empty()));
        }
        prop_assert_eq!((opening, next), (statement.balance, facts.until.tomorrow().unwrap()));
        let mut next = statement.days[0].from;
        for days in &statement.days {
            prop_assert_eq!(days.from, next);
            prop_assert_eq!(plus(days.division.free().unwrap(), days.division.held_total().unwrap()), Ok(days.balance));
            prop_assert!(days.division.held.iter().all(|(_, held)| *held >= Amount::ZERO));
            next = days.until.tomorrow().unwrap();
        }
        prop_assert_eq!(next, facts.until.tomorrow().unwrap());
    }

    #[test]
    fn the_order_of_the_input_changes_nothing(
        ((rules, facts), seeds) in (cases(), prop::collection::vec(any::<u32>(), 48))
    ) {
        let mut shuffled = facts.clone();
        let mut seed = seeds.iter().copied().cycle();
        let mut key = || seed.next().unwrap();
        shuffled.movements.sort_by_cached_key(|_| key());
        shuffled.orders.sort_by_cached_key(|_| key());
        shuffled.allowances.sort_by_cached_key(|_| key());
        let code = |result: Result<Statement, Message>| result.map_err(|message| message.code);
        prop_assert_eq!(code(reckon(&rules, &facts)), code(reckon(&rules, &shuffled)));
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in "[a-z,\n0-9入账划转:.\\-]{0,200}", amount in "[A=0-9.:\\-]{0,20}") {
        let _ = read_orders(format!("order,arrival,amount,from,until\n{text}").as_bytes());
        let _ = read_movements(format!("on,kind,amount,order\n{text}").as_bytes());
        let _ = Allowance::parse(&amount);
    }
}
