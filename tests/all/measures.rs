//! The monthly return and the court's measures, from a payout that the bank has paid, on both databases.

use ankuan::bank_sim::Options;
use ankuan::cases::progress::{self, Manner, MilestoneKind, NewMilestone};
use ankuan::chart::AccountKind;
use ankuan::report::court_measures::{CountAndSum, court_measures};
use ankuan::report::monthly_return::{MonthlyReturn, Reason, monthly_return};
use ankuan_ledger::Amount;
use jiff::civil::date;

use crate::circle::{Circle, PROFILE, pot};
use crate::court::{COURT, HANDLER, HEAD};
use crate::support::Database;

fn the_return(circle: &mut Circle) -> MonthlyReturn {
    let mut tx = circle.court.store.snapshot().expect("reads");
    monthly_return(&mut tx, COURT, date(2026, 11, 1), date(2026, 11, 30)).expect("the return")
}

/// Forty claimants paid in November of money that arrived on the 22nd; one tenth comes back.
fn a_month_is_returned_as_the_books_have_it(database: &Database) {
    let claimants = 40;
    let mut circle = Circle::open(database, claimants, PROFILE);
    let handler = circle.court.person(HANDLER);
    let case = circle.case.clone();
    circle
        .act(HEAD, |tx, acting, _, _, _| progress::assign(tx, acting, &case, &handler, acting.date))
        .expect("assigns");
    let pot = pot(claimants);
    let options = Options { reject: 100, returned: 100, ..circle.options() };
    let incoming = format!("{}.{:02},李四,案款,FT-POT,\n", pot / 100, pot % 100);
    let run = circle.run.clone();
    let bank = circle.bank(&run, &options, &incoming);
    circle.court.receive("FT-UNKNOWN", 12_345, None).expect("receives");
    for day in 0..=3 {
        circle.bank_day(&bank, day);
    }
    let owed: i64 = circle.returned().iter().map(|one| one.payment.amount.minor()).sum();
    assert!(owed > 0);
    let found = the_return(&mut circle);
    let flow = |kind| found.flows.iter().find(|(known, _)| *known == kind).expect("a kind").1;
    let minor = Amount::from_minor;
    let funds = flow(AccountKind::CaseFunds);
    assert_eq!((funds.opening, funds.incoming, funds.outgoing), (minor(0), minor(pot), minor(pot)));
    assert_eq!(flow(AccountKind::Payable).closing, minor(owed));
    assert_eq!(flow(AccountKind::Unattributed).closing, minor(12_345));
    for (kind, flow) in found.flows.iter().chain([&(AccountKind::Bank, found.bank)]) {
        let closing = flow.opening.plus(flow.incoming).and_then(|sum| sum.minus(flow.outgoing));
        assert_eq!(closing, Some(flow.closing), "{kind:?}");
    }
    assert!(found.ties, "{found:?}");
    // What is unpaid is what lies there, by reason and handler.
    let unpaid: Vec<_> = found.unpaid.iter().map(|line| (line.reason, line.handler.as_str(), line.amount)).collect();
    assert_eq!(unpaid, [(Reason::Unattributed, "", minor(12_345)), (Reason::NotSent, HANDLER, minor(owed))]);
    assert_eq!(found.unpaid[0].by_age[0], minor(12_345));
    // Arrived, approved and debited: the bank debits on the day after.
    assert_eq!(found.days.amount, minor(pot - owed));
    assert_eq!((found.days.to_claim, found.days.to_approval), (Some(0), Some(0)));
    assert_eq!(found.days.to_payment, found.days.all);

    let measures = {
        let mut tx = circle.court.store.snapshot().expect("reads");
        court_measures(&mut tx, COURT, date(2026, 11, 1), date(2026, 11, 30)).expect("measures")
    };
    assert_eq!(measures.collected, CountAndSum { count: 1, amount: minor(pot) });
    assert_eq!(measures.unclaimed[0], CountAndSum { count: 1, amount: minor(12_345) });
    assert_eq!((measures.closed, measures.enforcement_rate_bp), (0, None));
    circle
        .act(HANDLER, |tx, acting, _, _, _| {
            let new = NewMilestone {
                kind: MilestoneKind::Closed,
                on: acting.date,
                document: "结案通知书",
                manner: Some(Manner::Performed),
                despite_money: "退票待更正账户",
            };
            progress::record_milestone(tx, acting, &case, &new)
        })
        .expect("closes");
    let mut tx = circle.court.store.snapshot().expect("reads");
    let measures = court_measures(&mut tx, COURT, date(2026, 11, 1), date(2026, 11, 30)).expect("measures");
    assert_eq!((measures.closed, measures.closed_performed), (1, 1));
    assert_eq!((measures.enforcement_rate_bp, measures.days_to_close), (Some(10_000), Some(300)));
    // In the month after it is the opening, and nothing else.
    let later = monthly_return(&mut tx, COURT, date(2026, 12, 1), date(2026, 12, 31)).expect("the return");
    let payable = later.flows.iter().find(|(kind, _)| *kind == AccountKind::Payable).expect("a kind").1;
    assert_eq!((payable.opening, payable.incoming, payable.closing), (minor(owed), minor(0), minor(owed)));
    assert_eq!(later.days.count, 0);
}

crate::on_both!(a_month_is_returned_as_the_books_have_it);
