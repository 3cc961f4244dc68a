//! What of obligations is open on a day: pure. Which of several obligations a payment to one payee meets is the rule of
//! [`imputation`]; what it meets within one, and what doubled interest has run, that of [`interest`].

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::Amount;
use jiff::civil::Date;

use super::{Obligation, less, sum, too_large};
use crate::Message;
use crate::calculators::interest::{self, Component, Debt, Kind, Part, Payment, Statement};
use crate::calculators::{Rate, imputation};
use crate::words::words;

words! {
    /// How an obligation was reduced.
    Way {
        /// 案款账户支付
        Account = "account",
        /// 执行外履行
        Outside = "outside",
        /// 抵销
        SetOff = "set_off",
        /// 债权转让
        Assigned = "assigned",
        /// 放弃、减免
        Waived = "waived",
    }
}

impl Way {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Account => "obligations.way_account",
            Self::Outside => "obligations.way_outside",
            Self::SetOff => "obligations.way_set_off",
            Self::Assigned => "obligations.way_assigned",
            Self::Waived => "obligations.way_waived",
        })
    }
}

/// Something that reduced an obligation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduction {
    /// How.
    pub way: Way,
    /// The payment or performance.
    pub id: i64,
    /// The day on which interest stops for it: paid to the court, deducted, performed.
    pub stops_on: Date,
    /// The day on which the creditor had it: debited by the bank, performed.
    pub done_on: Date,
    /// How it came in, for the interest.
    pub kind: Kind,
    /// Positive.
    pub amount: Amount,
    /// Evidence; the number of the run.
    pub evidence: String,
}

/// To whom a payment went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// A payee of the case.
    Payee(i64),
    /// A creditor by name, whose money was used for him: moved to the case where he is the debtor, paid as his bounty.
    Creditor(String),
}

/// A payment through the account, before it is known which obligation it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToPayee {
    /// Whom.
    pub to: To,
    /// The payment.
    pub payment: Reduction,
}

/// An obligation and what reduced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The obligation.
    pub obligation: Obligation,
    /// Everybody who was ever its payee: what one of them got stays paid when another takes his place.
    pub payees: Vec<i64>,
    /// By the day on which interest stops.
    pub reductions: Vec<Reduction>,
}

impl Account {
    /// What is open at the end of a day: principal, interest, what each reduction met. Reductions that were not done by then
    /// do not count. `bankruptcy`: the day on which a petition was accepted; nothing bears interest from then on.
    ///
    /// # Errors
    /// Those of [`interest::reckon`].
    pub fn reckon(&self, rules: &interest::Rules, until: Date, bankruptcy: Option<Date>) -> Result<Statement, Message> {
        let done = self.reductions.iter().filter(|one| one.done_on <= until && one.stops_on <= until);
        let debt = Debt {
            until,
            costs: self.obligation.costs,
            general_interest: self.obligation.interest,
            bankruptcy_accepted_on: bankruptcy,
            parts: vec![Part {
                // Never due: no doubled interest.
                due_on: self.obligation.due_on.unwrap_or(Date::MAX),
                amount: self.obligation.principal,
                general: self.obligation.general.into_iter().collect(),
            }],
            payments: done.map(|one| Payment { on: one.stops_on, amount: one.amount, kind: one.kind }).collect(),
            not_counted: Vec::new(),
        };
        interest::reckon(rules, &debt)
    }
}

/// What of a component is open.
#[must_use]
pub fn open_of(statement: &Statement, component: Component) -> Amount {
    statement.open.iter().find(|(one, _)| *one == component).map_or(Amount::ZERO, |(_, amount)| *amount)
}

/// Says which obligations payments to payees met: where a payee stands for one, that one; where for several, by Civil Code
/// 560 among those that are open that day; so of what was used for a creditor. Payments to payees of no obligation are left
/// out. What exceeds all obligations of a payee goes to the first, whose statement shows it as surplus.
///
/// # Errors
/// Those of [`imputation::impute`] and [`interest::reckon`].
pub fn impute(
    rules: &interest::Rules,
    order: &imputation::Rules,
    accounts: &mut [Account],
    mut payments: Vec<ToPayee>,
    bankruptcy: Option<Date>,
) -> Result<(), Message> {
    let mut of_payee: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    let mut of_creditor: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, account) in accounts.iter().enumerate() {
        for payee_id in account.payees.iter().copied().collect::<BTreeSet<i64>>() {
            of_payee.entry(payee_id).or_default().push(place);
        }
        of_creditor.entry(account.obligation.creditor.clone()).or_default().push(place);
    }
    payments.sort_by_key(|one| (one.payment.stops_on, one.payment.id));
    for ToPayee { to, payment } in payments {
        let places = match &to {
            To::Payee(payee_id) => of_payee.get(payee_id),
            To::Creditor(name) => of_creditor.get(name),
        };
        let Some(places) = places else { continue };
        if let [only] = places[..] {
            accounts[only].reductions.push(payment);
            continue;
        }
        let mut debts = Vec::with_capacity(places.len());
        for place in places {
            let account = &accounts[*place];
            // As of the day on which its interest stops, by everything that had stopped by then.
            let mut known = account.clone();
            for one in &mut known.reductions {
                one.done_on = one.stops_on;
            }
            let statement = known.reckon(rules, payment.stops_on, bankruptcy)?;
            let interest = [Component::GeneralInterest, Component::DoubledInterest].map(|one| open_of(&statement, one));
            debts.push(imputation::Debt {
                debt: format!("{:020}", account.obligation.obligation_id),
                due_on: account.obligation.due_on.unwrap_or(account.obligation.document_on),
                security: Amount::ZERO,
                burden: account.obligation.general.map_or_else(Rate::default, |general| general.rate),
                costs: open_of(&statement, Component::Costs),
                interest: sum(interest)?,
                principal: open_of(&statement, Component::Principal),
            });
        }
        let is_open = debts
            .iter()
            .any(|debt| [debt.costs, debt.interest, debt.principal].iter().any(|part| *part > Amount::ZERO));
        let mut left = payment.amount;
        if is_open {
            let met = imputation::impute(order, payment.amount, payment.stops_on, &[], &debts)?;
            for (place, debt) in places.iter().zip(&debts) {
                let Some(part) = met.debts.iter().find(|one| one.debt == debt.debt) else { continue };
                let amount = sum([part.costs, part.interest, part.principal])?;
                if amount > Amount::ZERO {
                    left = less(left, amount)?;
                    accounts[*place].reductions.push(Reduction { amount, ..payment.clone() });
                }
            }
        }
        if left > Amount::ZERO {
            let first = places.first().ok_or_else(too_large)?;
            accounts[*first].reductions.push(Reduction { amount: left, ..payment });
        }
    }
    for account in accounts.iter_mut() {
        account.reductions.sort_by_key(|one| (one.stops_on, one.id));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn rules() -> (interest::Rules, imputation::Rules) {
        (interest::Rules::parse(interest::STANDARD).unwrap(), imputation::Rules::parse(imputation::STANDARD).unwrap())
    }

    fn account(obligation_id: i64, principal: i64, due_on: Option<Date>) -> Account {
        let obligation = Obligation {
            obligation_id,
            case_id: 1,
            creditor: "甲".into(),
            debtor: "乙".into(),
            creditor_party_id: 1,
            debtor_party_id: 2,
            class: "ordinary".into(),
            order: None,
            principal: Amount::from_minor(principal),
            interest: Amount::ZERO,
            costs: Amount::ZERO,
            document: "判决".into(),
            document_on: date(2023, 1, 1),
            due_on,
            general: None,
            assigned_by: None,
            total: Amount::from_minor(principal),
            payee_id: Some(9),
        };
        Account { obligation, payees: vec![9], reductions: Vec::new() }
    }

    fn paid(id: i64, amount: i64, stops_on: Date) -> Reduction {
        Reduction {
            way: Way::Account,
            id,
            stops_on,
            done_on: stops_on,
            kind: Kind::Deduction,
            amount: Amount::from_minor(amount),
            evidence: String::new(),
        }
    }

    /// ¥100,000 for 365 days at 0.0175% is ¥6,387.50, and runs no longer than until the deduction.
    #[test]
    fn doubled_interest_stops_on_the_day_of_deduction() {
        let (rules, _) = rules();
        let mut one = account(1, 10_000_000, Some(date(2023, 1, 1)));
        let statement = one.reckon(&rules, date(2024, 1, 1), None).unwrap();
        assert_eq!(open_of(&statement, Component::DoubledInterest).minor(), 638_750);
        let mut payment = paid(1, 10_000_000, date(2023, 1, 31));
        payment.done_on = date(2023, 12, 31);
        one.reductions.push(payment);
        let statement = one.reckon(&rules, date(2024, 1, 1), None).unwrap();
        assert_eq!(statement.open_total.minor(), 30 * 1_750, "30 days, though paid out 11 months later");
        let before = one.reckon(&rules, date(2023, 12, 30), None).unwrap();
        assert_eq!(open_of(&before, Component::Principal).minor(), 10_000_000, "the creditor did not have it yet");
        let never = account(2, 10_000_000, None).reckon(&rules, date(2024, 1, 1), None).unwrap();
        assert_eq!(never.open_total.minor(), 10_000_000);
    }

    #[test]
    fn a_sum_of_general_interest_comes_before_principal() {
        let (rules, _) = rules();
        let mut one = account(1, 100, None);
        one.obligation.interest = Amount::from_minor(20);
        one.obligation.costs = Amount::from_minor(5);
        one.reductions.push(paid(1, 30, date(2023, 5, 1)));
        let statement = one.reckon(&rules, date(2024, 1, 1), None).unwrap();
        let met: Vec<_> = statement.met.iter().map(|met| (met.component, met.amount.minor())).collect();
        assert_eq!(
            met,
            [(Some(Component::Costs), 5), (Some(Component::GeneralInterest), 20), (Some(Component::Principal), 5)]
        );
        assert_eq!(statement.open_total.minor(), 95);
    }

    #[test]
    fn a_payee_of_two_obligations_is_paid_the_older_one_first() {
        let (rules, order) = rules();
        let mut accounts = [account(1, 100, Some(date(2024, 2, 1))), account(2, 100, Some(date(2024, 1, 1)))];
        let payments = vec![
            ToPayee { to: To::Payee(9), payment: paid(7, 150, date(2024, 2, 1)) },
            ToPayee { to: To::Payee(8), payment: paid(8, 99, date(2024, 2, 1)) },
        ];
        impute(&rules, &order, &mut accounts, payments, None).unwrap();
        let parts = |account: &Account| account.reductions.iter().map(|one| one.amount.minor()).collect::<Vec<_>>();
        // One fen of doubled interest has run on the older: 1.00 × 31 days × 0.0175% = 0.005…
        assert_eq!((parts(&accounts[0]), parts(&accounts[1])), (vec![49], vec![101]));
    }

    proptest! {
        /// Every fen that was paid meets an obligation of the payee, or shows as surplus.
        #[test]
        fn what_is_paid_is_met_or_surplus(
            principals in prop::collection::vec((1_i64..1_000_000, 1_i8..28), 1..4),
            amounts in prop::collection::vec((1_i64..1_000_000, 1_i8..28), 0..5),
        ) {
            let (rules, order) = rules();
            let mut accounts: Vec<Account> = (1..).zip(&principals)
                .map(|(id, (principal, day))| account(id, *principal, Some(date(2024, 1, *day)))).collect();
            let payments: Vec<ToPayee> = (1..).zip(&amounts)
                .map(|(id, (amount, day))| ToPayee { to: To::Payee(9), payment: paid(id, *amount, date(2024, 2, *day)) }).collect();
            impute(&rules, &order, &mut accounts, payments, None).unwrap();
            let total: i64 = accounts.iter().flat_map(|one| &one.reductions).map(|one| one.amount.minor()).sum();
            prop_assert_eq!(total, amounts.iter().map(|(amount, _)| amount).sum::<i64>());
            for account in &accounts {
                let statement = account.reckon(&rules, date(2024, 3, 1), None).unwrap();
                let owed = account.obligation.total.minor() + statement.doubled_interest.minor();
                let paid: i64 = account.reductions.iter().map(|one| one.amount.minor()).sum();
                prop_assert_eq!(owed, statement.open_total.minor() + paid - statement.surplus.minor());
            }
        }
    }
}
