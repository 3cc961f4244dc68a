use jiff::ToSpan;
use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::amount::parse_yuan;

fn rules() -> Rules {
    Rules::parse(STANDARD).unwrap()
}

fn counting_last_day() -> Rules {
    let mut rules = rules();
    rules.settings.last_day = LastDay::Counted;
    rules
}

fn part(due_on: &str, amount: &str) -> Part {
    Part { due_on: due_on.parse().unwrap(), amount: parse_yuan(amount).unwrap(), general: Vec::new() }
}

fn debt(parts: Vec<Part>, until: &str) -> Debt {
    Debt {
        until: until.parse().unwrap(),
        costs: Amount::ZERO,
        general_interest: Amount::ZERO,
        bankruptcy_accepted_on: None,
        parts,
        payments: Vec::new(),
        not_counted: Vec::new(),
    }
}

fn payment(on: &str, amount: &str, kind: Kind) -> Payment {
    Payment { on: on.parse().unwrap(), amount: parse_yuan(amount).unwrap(), kind }
}

fn doubled(rules: &Rules, debt: &Debt) -> String {
    reckon(rules, debt).unwrap().doubled_interest.to_string()
}

#[test]
fn figures_computed_by_hand() {
    // ¥100,000 × 0.0175% × 365 days.
    assert_eq!(doubled(&rules(), &debt(vec![part("2023-01-01", "100,000")], "2024-01-01")), "6,387.50");
    // One day on ¥1m is what the two ways of counting differ by.
    let million = debt(vec![part("2023-01-01", "1,000,000")], "2024-01-01");
    assert_eq!(doubled(&rules(), &million), "63,875.00");
    assert_eq!(doubled(&counting_last_day(), &million), "64,050.00");
    let one_day = debt(vec![part("2023-01-01", "1,000,000")], "2023-01-01");
    assert_eq!(
        (doubled(&rules(), &one_day), doubled(&counting_last_day(), &one_day)),
        ("0.00".into(), "175.00".into())
    );
}

#[test]
fn one_rounds_once_at_the_end() {
    // 0.01 × 0.0175% is far below a fen; over many parts and payments it still adds up as one sum.
    let mut many = debt((0..1_000).map(|_| part("2023-01-01", "1.00")).collect(), "2023-02-01");
    assert_eq!(doubled(&rules(), &many), "5.43", "1,000 × 31 × 0.000175 = 5.425");
    many.payments = (1..=20).map(|day| payment(&format!("2023-01-{day:02}"), "0.01", Kind::Performance)).collect();
    let paid = reckon(&rules(), &many).unwrap();
    assert_eq!(paid.doubled_interest.to_string(), "5.42", "less 0.01 × 230 days × 0.000175");
}

#[test]
fn interest_of_deducted_money_stops_at_the_deduction() {
    let mut debt = debt(vec![part("2023-01-01", "100,000")], "2024-01-01");
    debt.payments = vec![payment("2023-04-11", "40,000", Kind::Deduction)];
    let statement = reckon(&rules(), &debt).unwrap();
    let lines: Vec<(String, String, i64, String, String)> = statement
        .accruals
        .iter()
        .map(|line| {
            let Span { from, until } = line.days;
            (from.to_string(), until.to_string(), line.day_count, line.base.to_string(), line.interest.to_string())
        })
        .collect();
    let line = |from: &str, until: &str, days, base: &str, interest: &str| {
        (from.into(), until.into(), days, base.into(), interest.into())
    };
    assert_eq!(
        lines,
        [
            line("2023-01-01", "2023-04-10", 100, "100,000.00", "1,750.00"),
            line("2023-04-11", "2023-12-31", 265, "60,000.00", "2,782.50"),
        ]
    );
    assert_eq!(statement.doubled_interest.to_string(), "4,532.50");
    assert_eq!(statement.met.len(), 1, "the judgment's money first, the doubled part after it");
    assert_eq!(statement.open_total.to_string(), "64,532.50");
    let counted = reckon(&counting_last_day(), &debt).unwrap();
    assert_eq!(counted.accruals[0].day_count, 101);
    assert_eq!(counted.accruals[1].day_count, 265);
}

#[test]
fn payments_meet_costs_general_interest_principal_and_then_the_doubled_part() {
    let general = GeneralRate { from: date(2022, 1, 1), rate: Rate::parse("6%").unwrap(), per: Per::Year };
    let mut debt = debt(vec![Part { general: vec![general], ..part("2023-01-01", "100,000") }], "2023-01-11");
    debt.costs = parse_yuan("500").unwrap();
    debt.payments =
        vec![payment("2023-01-01", "10,000", Kind::Performance), payment("2023-01-11", "200,000", Kind::Sale)];
    let statement = reckon(&rules(), &debt).unwrap();
    let met: Vec<(Option<Component>, String)> =
        statement.met.iter().map(|met| (met.component, met.amount.to_string())).collect();
    assert_eq!(
        met,
        [
            (Some(Component::Costs), "500.00".into()),
            (Some(Component::GeneralInterest), "6,000.00".into()),
            (Some(Component::Principal), "3,500.00".into()),
            // 96,500 × 6% ÷ 365 × 10 = 158.630…; 96,500 × 0.0175% × 10 = 168.875
            (Some(Component::GeneralInterest), "158.63".into()),
            (Some(Component::Principal), "96,500.00".into()),
            (Some(Component::DoubledInterest), "168.88".into()),
            (None, "103,172.49".into()),
        ]
    );
    assert_eq!((statement.open_total, statement.surplus.to_string()), (Amount::ZERO, "103,172.49".into()));
    // Agreed otherwise: the doubled part before the principal.
    let mut agreed = rules();
    agreed.settings.order.swap(2, 3);
    let statement = reckon(&agreed, &debt).unwrap();
    assert_eq!(statement.met[5].component, Some(Component::Principal));
}

#[test]
fn instalments_run_from_their_own_days_and_the_earlier_is_paid_first() {
    let parts = vec![part("2023-02-01", "10,000"), part("2023-01-01", "10,000")];
    let mut debt = debt(parts, "2023-03-01");
    // 59 and 28 days.
    assert_eq!(doubled(&rules(), &debt), "152.25");
    debt.payments = vec![payment("2023-01-11", "15,000", Kind::Performance)];
    let statement = reckon(&rules(), &debt).unwrap();
    // 10,000 for 10 days, then 5,000 for 28.
    assert_eq!(statement.doubled_interest.to_string(), "42.00");
    assert_eq!(statement.met.iter().map(|met| met.part).collect::<Vec<_>>(), [Some(1), Some(2)]);
}

#[test]
fn general_interest_follows_the_judgment() {
    let from = date(2023, 1, 1);
    let with = |rates: &[(&str, &str, Per)]| {
        let general = rates
            .iter()
            .map(|(from, rate, per)| GeneralRate {
                from: from.parse().unwrap(),
                rate: Rate::parse(rate).unwrap(),
                per: *per,
            })
            .collect();
        let debt = debt(vec![Part { general, ..part("2023-01-01", "365,000") }], "2024-01-01");
        reckon(&rules(), &debt).unwrap().general_interest.to_string()
    };
    assert_eq!(with(&[]), "0.00", "none if the judgment gives none");
    assert_eq!(with(&[("2023-01-01", "6%", Per::Year)]), "21,900.00");
    assert_eq!(with(&[("2023-01-01", "0.5%", Per::Month)]), "21,900.00");
    assert_eq!(with(&[("2023-01-01", "0.05%", Per::Day)]), "66,612.50");
    // 100 days at 6%, the rest at nothing.
    assert_eq!(with(&[("2023-01-01", "6%", Per::Year), ("2023-04-11", "0", Per::Year)]), "6,000.00");
    let mut by_360 = rules();
    by_360.settings.year_days = 360;
    let general = vec![GeneralRate { from, rate: Rate::parse("6%").unwrap(), per: Per::Year }];
    let debt = debt(vec![Part { general, ..part("2023-01-01", "360,000") }], "2023-01-11");
    assert_eq!(reckon(&by_360, &debt).unwrap().general_interest.to_string(), "600.00");
}

#[test]
fn what_does_not_count_is_left_out_and_said() {
    let mut debt = debt(vec![part("2023-01-01", "100,000")], "2024-01-01");
    debt.not_counted = vec![
        Span { from: date(2023, 6, 1), until: date(2023, 6, 30) },
        // Overlaps: no day is left out twice.
        Span { from: date(2023, 6, 15), until: date(2023, 7, 9) },
    ];
    let statement = reckon(&rules(), &debt).unwrap();
    // 365 − 39 days.
    assert_eq!(statement.doubled_interest.to_string(), "5,705.00");
    assert_eq!(statement.notes.len(), 2);
    debt.bankruptcy_accepted_on = Some(date(2023, 5, 1));
    let statement = reckon(&rules(), &debt).unwrap();
    // 120 days.
    assert_eq!(statement.doubled_interest.to_string(), "2,100.00");
    assert!(statement.notes.iter().any(|note| note.text.code == "calc.interest_bankruptcy"));
}

#[test]
fn time_under_the_older_rules_is_not_reckoned_and_said() {
    let statement = reckon(&rules(), &debt(vec![part("2013-01-01", "100,000")], "2014-08-11")).unwrap();
    assert_eq!(statement.doubled_interest.to_string(), "175.00");
    assert_eq!(statement.notes[0].text.code, "calc.interest_older");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let sound = || debt(vec![part("2023-01-01", "100")], "2024-01-01");
    let refused = |debt: Debt| reckon(&rules(), &debt).unwrap_err().code;
    assert_eq!(refused(Debt { parts: Vec::new(), ..sound() }), "calc.interest_no_part");
    assert_eq!(refused(Debt { parts: vec![part("2023-01-01", "0")], ..sound() }), "calc.amount_not_positive");
    let late = vec![payment("2024-01-02", "1", Kind::Performance)];
    assert_eq!(refused(Debt { payments: late, ..sound() }), "calc.interest_payment_late");
    let rate = GeneralRate { from: date(2023, 1, 1), rate: Rate(1), per: Per::Year };
    let twice = Part { general: vec![rate, GeneralRate { rate: Rate(2), ..rate }], ..part("2023-01-01", "1") };
    assert_eq!(refused(debt(vec![twice], "2024-01-01")), "calc.interest_general_twice");
    let backwards = vec![Span { from: date(2023, 2, 2), until: date(2023, 2, 1) }];
    assert_eq!(refused(Debt { not_counted: backwards, ..sound() }), "calc.interest_span");
    let large = Part { amount: Amount::from_minor(i64::MAX), ..part("2015-01-01", "1") };
    assert_eq!(refused(debt(vec![large], "9999-12-30")), "calc.too_large");
    for (from, to, code) in [
        ("\"costs\", ", "", "calc.rules"),
        ("year_days = 365", "year_days = 0", "calc.rules"),
        ("\"half_up\"", "\"bankers\"", "calc.file"),
    ] {
        let text = STANDARD.replace(from, to);
        assert_ne!(text, STANDARD, "{from}");
        assert_eq!(Rules::parse(&text).unwrap_err().code, code, "{to}");
    }
}

#[test]
fn a_debt_is_read_from_a_file() {
    let text = r#"
        until = 2024-01-01
        costs = "500"
        [[part]]
        due_on = "2023-01-01"
        amount = "100,000"
        [[part.general]]
        from = 2022-01-01
        rate = "6%"
        per = "year"
        [[payment]]
        on = 2023-04-11
        amount = "40000"
        kind = "deduction"
        [[not_counted]]
        from = 2023-06-01
        until = 2023-06-30
    "#;
    let debt = Debt::parse(text).unwrap();
    assert_eq!((debt.parts.len(), debt.payments[0].kind, debt.not_counted.len()), (1, Kind::Deduction, 1));
    let wrong = text.replace("\"40000\"", "40000");
    let refused = Debt::parse(&wrong).unwrap_err();
    assert_eq!((refused.code, refused.arguments[0].1.as_str()), ("calc.file", "13"));
}

fn debts() -> impl Strategy<Value = Debt> {
    let part = (0_i64..500, 1_i64..1_000_000_000, prop::option::of((0_i64..500, 0_i64..200_000_000_000)));
    let payment = (0_i64..900, 1_i64..500_000_000);
    let span = (0_i64..900, 0_i64..60);
    (
        prop::collection::vec(part, 1..4),
        prop::collection::vec(payment, 0..5),
        prop::collection::vec(span, 0..3),
        0_i64..10_000,
    )
        .prop_map(|(parts, payments, spans, costs)| {
            let at = |days: i64| date(2020, 1, 1).checked_add(days.days()).unwrap();
            Debt {
                until: at(900),
                costs: Amount::from_minor(costs),
                general_interest: Amount::ZERO,
                bankruptcy_accepted_on: None,
                parts: parts
                    .into_iter()
                    .map(|(due, amount, general)| Part {
                        due_on: at(due),
                        amount: Amount::from_minor(amount),
                        general: general
                            .map(|(from, rate)| GeneralRate { from: at(from), rate: Rate(rate), per: Per::Year })
                            .into_iter()
                            .collect(),
                    })
                    .collect(),
                payments: payments
                    .into_iter()
                    .map(|(on, amount)| Payment {
                        on: at(on),
                        amount: Amount::from_minor(amount),
                        kind: Kind::Deduction,
                    })
                    .collect(),
                not_counted: spans
                    .into_iter()
                    .map(|(from, days)| Span { from: at(from), until: at(from + days) })
                    .collect(),
            }
        })
}

fn settings() -> impl Strategy<Value = Rules> {
    (
        any::<bool>(),
        prop::sample::select(vec![Rounding::HalfUp, Rounding::Down, Rounding::Up]),
        Just(()).prop_perturb(|(), mut random| {
            let mut order = Component::ALL.to_vec();
            order.rotate_left((random.next_u32() % 4) as usize);
            order
        }),
    )
        .prop_map(|(counted, rounding, order)| {
            let mut rules = if counted { counting_last_day() } else { rules() };
            (rules.settings.rounding, rules.settings.order) = (rounding, order);
            rules
        })
}

/// All that was ever owed.
fn owed(debt: &Debt, statement: &Statement) -> i64 {
    let parts: i64 = debt.parts.iter().map(|part| part.amount.minor()).sum();
    debt.costs.minor() + parts + statement.general_interest.minor() + statement.doubled_interest.minor()
}

/// Day by day, as one would with a calendar and a calculator: general interest, doubled part, what is unpaid.
fn by_days(rules: &Rules, debt: &Debt) -> (Amount, Amount, Vec<i64>) {
    let settings = &rules.settings;
    let mut parts = debt.parts.clone();
    parts.sort();
    let mut open: Vec<i64> = parts.iter().map(|part| part.amount.minor()).collect();
    let (mut costs, mut exact, mut paid) = (debt.costs.minor(), [0_i128; 2], [0_i64; 2]);
    let denominators = [Rate::ONE * i128::from(settings.year_days), Rate::ONE];
    let whole = |exact: &[i128; 2], which: usize| {
        settings.rounding.apply(Exact::new(exact[which], denominators[which])).unwrap().minor()
    };
    let bears = |exact: &mut [i128; 2], open: &[i64], on: Date| {
        if debt.bankruptcy_accepted_on.is_some_and(|day| day <= on) {
            return;
        }
        for (part, open) in parts.iter().zip(open) {
            let rate = part.general.iter().filter(|rate| rate.from <= on).max_by_key(|rate| rate.from);
            exact[0] += i128::from(*open) * rate.map_or(0, |rate| rate.rate.parts());
            let stayed = debt.not_counted.iter().any(|span| span.from <= on && on <= span.until);
            if on >= part.due_on && !stayed {
                exact[1] += i128::from(*open) * 175_000_000;
            }
        }
    };
    for on in date(2020, 1, 1).series(1.day()).take_while(|on| *on <= debt.until) {
        if settings.last_day == LastDay::Counted {
            bears(&mut exact, &open, on);
        }
        for payment in debt.payments.iter().filter(|payment| payment.on == on) {
            let mut left = payment.amount.minor();
            for component in &settings.order {
                match component {
                    Component::Costs => take(&mut costs, &mut left),
                    Component::Principal => open.iter_mut().for_each(|open| take(open, &mut left)),
                    Component::GeneralInterest | Component::DoubledInterest => {
                        let which = usize::from(*component == Component::DoubledInterest);
                        let mut due = whole(&exact, which) - paid[which];
                        let before = left;
                        take(&mut due, &mut left);
                        paid[which] += before - left;
                    }
                }
            }
        }
        if settings.last_day == LastDay::NotCounted && on < debt.until {
            bears(&mut exact, &open, on);
        }
    }
    let [general, doubled] = [whole(&exact, 0), whole(&exact, 1)];
    let unpaid = vec![costs, general - paid[0], open.iter().sum(), doubled - paid[1]];
    (Amount::from_minor(general), Amount::from_minor(doubled), unpaid)
}

fn take(owed: &mut i64, left: &mut i64) {
    let taken = (*owed).min(*left);
    *owed -= taken;
    *left -= taken;
}

proptest! {
    #[test]
    fn reckoned_day_by_day_it_is_the_same(
        debt in debts(), rules in settings(), bankrupt in prop::option::of(0_i64..900),
    ) {
        let accepted = bankrupt.map(|days| date(2020, 1, 1).checked_add(days.days()).unwrap());
        let debt = Debt { bankruptcy_accepted_on: accepted, ..debt };
        let statement = reckon(&rules, &debt).unwrap();
        let open: Vec<i64> = statement.open.iter().map(|(_, amount)| amount.minor()).collect();
        let (general, doubled, unpaid) = by_days(&rules, &debt);
        prop_assert_eq!((statement.general_interest, statement.doubled_interest, open), (general, doubled, unpaid));
    }

    #[test]
    fn what_is_owed_is_paid_or_open(debt in debts(), rules in settings()) {
        let statement = reckon(&rules, &debt).unwrap();
        let paid: i64 = debt.payments.iter().map(|payment| payment.amount.minor()).sum();
        let met: i64 = statement.met.iter().map(|met| met.amount.minor()).sum();
        prop_assert_eq!(met, paid);
        prop_assert_eq!(owed(&debt, &statement), paid - statement.surplus.minor() + statement.open_total.minor());
        prop_assert!(statement.open.iter().all(|(_, amount)| *amount >= Amount::ZERO));
    }

    #[test]
    fn the_lines_add_up_to_the_total(debt in debts(), rules in settings()) {
        let statement = reckon(&rules, &debt).unwrap();
        for (component, total) in [
            (Component::DoubledInterest, statement.doubled_interest),
            (Component::GeneralInterest, statement.general_interest),
        ] {
            let lines: Vec<Exact> =
                statement.accruals.iter().filter(|line| line.component == component).map(|line| line.interest).collect();
            let denominator = lines.first().map_or(1, |line| line.denominator);
            let sum = Exact::new(lines.iter().map(|line| line.numerator).sum(), denominator);
            prop_assert_eq!(rules.settings.rounding.apply(sum), Ok(total));
        }
    }

    #[test]
    fn the_order_of_what_is_given_does_not_matter(debt in debts(), rules in settings()) {
        let mut turned = debt.clone();
        turned.parts.reverse();
        turned.not_counted.reverse();
        let one = reckon(&rules, &debt).unwrap();
        prop_assert_eq!(&one, &reckon(&rules, &turned).unwrap());
        // Payments of one day may stand in another order in the lines, not in what comes out.
        turned.payments.reverse();
        let other = reckon(&rules, &turned).unwrap();
        prop_assert_eq!((one.accruals, one.open, one.surplus), (other.accruals, other.open, other.surplus));
    }

    #[test]
    fn later_costs_more_and_earlier_payment_less(debt in debts(), rules in settings(), days in 1_i64..100) {
        let owed_of = |debt: &Debt| owed(debt, &reckon(&rules, debt).unwrap());
        let longer = Debt { until: debt.until.checked_add(days.days()).unwrap(), ..debt.clone() };
        prop_assert!(owed_of(&debt) <= owed_of(&longer));
        let mut sooner = debt.clone();
        for payment in &mut sooner.payments {
            payment.on = payment.on.checked_sub(days.days()).unwrap();
        }
        // Whole fen of interest are due at each payment: one fen each may fall differently.
        let slack = 2 * (1 + debt.payments.len() as i64);
        prop_assert!(owed_of(&sooner) <= owed_of(&debt) + slack);
    }
}
