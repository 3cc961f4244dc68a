//! Imputation (抵充): which of several debts to one creditor a payment meets, Civil Code 560, and in which order within a
//! debt, 561.
//!
//! What the debtor designates comes first. Then debts that are due before those that are not; of these, the least secured
//! first, then the heaviest, then the one due earliest; debts equal in all that, pro rata to the fen.

use std::cmp::Reverse;

use ankuan_ledger::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::input::{Field, Row, rows};
use super::waterfall::divide_ranked;
use super::{Rate, Text, above_zero, from_toml, too_large, wrong_rules};
use crate::amount::parse_yuan;
use crate::message::Message;

/// The rules that are built in.
pub const STANDARD: &str = include_str!("imputation.toml");

/// The rules of imputation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which text of the law they follow.
    pub version: String,
    /// The order within a debt.
    pub within: Vec<Component>,
    /// Law and article.
    pub sources: Sources,
}

/// The articles that a line may follow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// The debtor designated the debt.
    pub designated: Text,
    /// The order among debts.
    pub order: Text,
    /// The order within a debt.
    pub within: Text,
}

/// What a debt consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// 实现债权的费用
    Costs,
    /// 利息
    Interest,
    /// 主债务
    Principal,
}

impl Component {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Costs => "calc.costs",
            Self::Interest => "calc.interest",
            Self::Principal => "calc.principal",
        })
    }
}

/// One of several debts to the same creditor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Debt {
    /// Its number, unique.
    pub debt: String,
    /// When it is due.
    pub due_on: Date,
    /// What security there is for it; zero for none. The least comes first.
    pub security: Amount,
    /// How heavily it burdens the debtor: its rate, interest and penalty together. The heaviest comes first.
    pub burden: Rate,
    /// Costs of realising it.
    pub costs: Amount,
    /// Interest on it.
    pub interest: Amount,
    /// The rest.
    pub principal: Amount,
}

/// Why a debt has its turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// The debtor named it.
    Designated,
    /// Due when the payment was made.
    Due,
    /// Not due then.
    NotDue,
}

impl Turn {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Designated => "calc.turn_designated",
            Self::Due => "calc.turn_due",
            Self::NotDue => "calc.turn_not_due",
        })
    }
}

/// What of a payment one debt gets: `costs + interest + principal + open` is the debt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imputed {
    /// The debt.
    pub debt: String,
    /// Why it has its turn.
    pub turn: Turn,
    /// Debts with the same number are paid pro rata.
    pub rank: usize,
    /// Of its costs.
    pub costs: Amount,
    /// Of its interest.
    pub interest: Amount,
    /// Of its principal.
    pub principal: Amount,
    /// Still owed.
    pub open: Amount,
    /// By which article it has its turn.
    pub source: Text,
}

/// A whole payment: the debts in their turn, and what is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imputation {
    /// The debts in their turn.
    pub debts: Vec<Imputed>,
    /// More than all debts.
    pub surplus: Amount,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// `calc.file`, `calc.rules` (an order that does not name each component once).
    pub fn parse(text: &str) -> Result<Self, Message> {
        let rules: Self = from_toml(text)?;
        let all = [Component::Costs, Component::Interest, Component::Principal];
        if rules.within.len() != all.len() || all.iter().any(|component| !rules.within.contains(component)) {
            return Err(wrong_rules("within"));
        }
        Ok(rules)
    }
}

impl Debt {
    fn total(&self) -> Result<Amount, Message> {
        Amount::sum([self.costs, self.interest, self.principal]).ok_or_else(too_large)
    }
}

/// Reads debts: a table or a JSON list with debt (债务编号), due_on (到期日), principal (本金) and perhaps security (担保金额),
/// burden (负担, a rate), costs (费用), interest (利息).
///
/// # Errors
/// `calc.table…` (what cannot be read as rows), `calc.cell` with the row and why.
pub fn read_debts(bytes: &[u8]) -> Result<Vec<Debt>, Message> {
    const FIELDS: [Field; 7] = [
        Field { name: "debt", headings: &["债务编号", "编号"], is_required: true },
        Field { name: "due_on", headings: &["到期日"], is_required: true },
        Field { name: "security", headings: &["担保金额", "担保"], is_required: false },
        Field { name: "burden", headings: &["负担", "利率"], is_required: false },
        Field { name: "costs", headings: &["费用"], is_required: false },
        Field { name: "interest", headings: &["利息"], is_required: false },
        Field { name: "principal", headings: &["本金", "主债务"], is_required: true },
    ];
    let debt = |row: &Row| {
        let amount = |field: &'static str| match row.cell(field) {
            "" if field != "principal" => Ok(Amount::ZERO),
            text => parse_yuan(text).map_err(|why| row.refuse(field, &why)),
        };
        let text = row.cell("due_on");
        let not_a_day = || row.refuse("due_on", &Message::new("calc.day").with("text", text.escape_debug()));
        let burden = match row.cell("burden") {
            "" => Rate::default(),
            text => Rate::parse(text).map_err(|why| row.refuse("burden", &why))?,
        };
        Ok(Debt {
            debt: row.cell("debt").to_owned(),
            due_on: text.parse().map_err(|_| not_a_day())?,
            security: amount("security")?,
            burden,
            costs: amount("costs")?,
            interest: amount("interest")?,
            principal: amount("principal")?,
        })
    };
    rows(bytes, &FIELDS)?.iter().map(debt).collect()
}

/// What a payment of a day meets. `designated` names debts in the debtor's order. The result does not depend on the order
/// of the debts.
///
/// # Errors
/// `calc.amount_not_positive`, `calc.debt_twice`, `calc.debt_unknown` (designated), `calc.too_large`, `payouts.no_claims`.
pub fn impute(
    rules: &Rules,
    payment: Amount,
    on: Date,
    designated: &[String],
    debts: &[Debt],
) -> Result<Imputation, Message> {
    above_zero("calc.payment", payment)?;
    let mut sorted: Vec<&Debt> = debts.iter().collect();
    sorted.sort_by_key(|debt| debt.debt.as_str());
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0].debt == pair[1].debt) {
        return Err(Message::new("calc.debt_twice").with("debt", &pair[0].debt));
    }
    if let Some(unknown) = designated.iter().find(|name| !debts.iter().any(|debt| debt.debt == **name)) {
        return Err(Message::new("calc.debt_unknown").with("debt", unknown.escape_debug()));
    }
    let named = |debt: &Debt| designated.iter().position(|name| *name == debt.debt);
    let key = |debt: &Debt| match named(debt) {
        Some(place) => (place, false, Amount::ZERO, Reverse(Rate::default()), Date::MIN),
        None => (designated.len(), debt.due_on > on, debt.security, Reverse(debt.burden), debt.due_on),
    };
    // Stable: equal debts stay in the order of their numbers, the tie-break of the last fen.
    sorted.sort_by_key(|debt| key(debt));
    let mut open = Vec::with_capacity(sorted.len());
    for debt in &sorted {
        open.push((*debt, debt.total()?));
    }
    // A debt of nothing meets nothing.
    open.retain(|(_, total)| *total > Amount::ZERO);
    let keys: Vec<_> = open.iter().map(|(debt, _)| key(debt)).collect();
    let totals: Vec<Amount> = open.iter().map(|(_, total)| *total).collect();
    let (shares, surplus) = divide_ranked(payment, &keys, &totals)?;
    let mut imputed = Vec::with_capacity(open.len());
    let mut rank = 0;
    for (place, ((debt, total), share)) in open.iter().zip(shares).enumerate() {
        if place == 0 || keys[place] != keys[place - 1] {
            rank += 1;
        }
        let turn = match named(debt) {
            Some(_) => Turn::Designated,
            None if debt.due_on <= on => Turn::Due,
            None => Turn::NotDue,
        };
        let mut line = Imputed {
            debt: debt.debt.clone(),
            turn,
            rank,
            costs: Amount::ZERO,
            interest: Amount::ZERO,
            principal: Amount::ZERO,
            open: total.minus(share).ok_or_else(too_large)?,
            source: match turn {
                Turn::Designated => rules.sources.designated.clone(),
                Turn::Due | Turn::NotDue => rules.sources.order.clone(),
            },
        };
        let mut left = share;
        for component in &rules.within {
            let (owed, met) = match component {
                Component::Costs => (debt.costs, &mut line.costs),
                Component::Interest => (debt.interest, &mut line.interest),
                Component::Principal => (debt.principal, &mut line.principal),
            };
            *met = owed.min(left);
            left = left.minus(*met).ok_or_else(too_large)?;
        }
        imputed.push(line);
    }
    Ok(Imputation { debts: imputed, surplus })
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    const ON: Date = date(2026, 11, 22);

    fn rules() -> Rules {
        Rules::parse(STANDARD).unwrap()
    }

    fn debt(name: &str, due_on: &str, principal: i64) -> Debt {
        Debt {
            debt: name.into(),
            due_on: due_on.parse().unwrap(),
            security: Amount::ZERO,
            burden: Rate::default(),
            costs: Amount::ZERO,
            interest: Amount::ZERO,
            principal: Amount::from_minor(principal),
        }
    }

    /// Name and share of each debt, in their turn.
    fn shares(payment: i64, designated: &[&str], debts: &[Debt]) -> Vec<(String, i64)> {
        let designated: Vec<String> = designated.iter().map(ToString::to_string).collect();
        let done = impute(&rules(), Amount::from_minor(payment), ON, &designated, debts).unwrap();
        let share = |one: &Imputed| Amount::sum([one.costs, one.interest, one.principal]).unwrap().minor();
        done.debts.iter().map(|one| (one.debt.clone(), share(one))).collect()
    }

    fn got(pairs: &[(&str, i64)]) -> Vec<(String, i64)> {
        pairs.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect()
    }

    #[test]
    fn due_then_least_secured_then_heaviest_then_oldest() {
        let heavy = Debt { burden: Rate::parse("24%").unwrap(), ..debt("heavy", "2026-05-01", 100) };
        let secured = Debt { security: Amount::from_minor(50), ..debt("secured", "2020-01-01", 100) };
        let debts = [
            debt("later", "2027-01-01", 100),
            secured,
            debt("young", "2026-06-01", 100),
            debt("old", "2026-04-01", 100),
            heavy,
        ];
        assert_eq!(
            shares(450, &[], &debts),
            got(&[("heavy", 100), ("old", 100), ("young", 100), ("secured", 100), ("later", 50)])
        );
        // What the debtor names comes before all that.
        assert_eq!(
            shares(250, &["later", "secured"], &debts),
            got(&[("later", 100), ("secured", 100), ("heavy", 50), ("old", 0), ("young", 0)])
        );
    }

    #[test]
    fn equal_debts_pro_rata_to_the_fen() {
        let debts = [debt("c", "2026-01-01", 200), debt("a", "2026-01-01", 600), debt("b", "2026-01-01", 600)];
        assert_eq!(shares(10, &[], &debts), got(&[("a", 4), ("b", 4), ("c", 2)]));
        assert_eq!(shares(11, &[], &debts), got(&[("a", 5), ("b", 5), ("c", 1)]));
    }

    #[test]
    fn within_a_debt_costs_interest_principal() {
        let one =
            Debt { costs: Amount::from_minor(10), interest: Amount::from_minor(20), ..debt("a", "2026-01-01", 100) };
        let met = |rules: &Rules, payment| {
            let done = impute(rules, Amount::from_minor(payment), ON, &[], std::slice::from_ref(&one)).unwrap();
            let line = &done.debts[0];
            [line.costs, line.interest, line.principal, line.open, done.surplus].map(Amount::minor)
        };
        assert_eq!(met(&rules(), 5), [5, 0, 0, 125, 0]);
        assert_eq!(met(&rules(), 35), [10, 20, 5, 95, 0]);
        assert_eq!(met(&rules(), 150), [10, 20, 100, 0, 20]);
        let mut agreed = rules();
        agreed.within.rotate_right(1);
        assert_eq!(met(&agreed, 105), [5, 0, 100, 25, 0], "principal first, as agreed");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let one = debt("a", "2026-01-01", 100);
        let refused = |payment, designated: &[String], debts: &[Debt]| {
            impute(&rules(), Amount::from_minor(payment), ON, designated, debts).unwrap_err().code
        };
        assert_eq!(refused(0, &[], std::slice::from_ref(&one)), "calc.amount_not_positive");
        assert_eq!(refused(1, &[], &[one.clone(), one.clone()]), "calc.debt_twice");
        assert_eq!(refused(1, &["b".into()], &[one]), "calc.debt_unknown");
        assert_eq!(refused(1, &[], &[debt("a", "2026-01-01", 0)]), "payouts.no_claims");
        let text = STANDARD.replace("\"costs\", ", "");
        assert_eq!(Rules::parse(&text).unwrap_err().code, "calc.rules");
        for (cells, code) in [("A,2026-02-30,1", "calc.cell"), ("A,2026-02-01,", "calc.cell")] {
            let table = format!("debt,due_on,principal\n{cells}\n");
            assert_eq!(read_debts(table.as_bytes()).unwrap_err().code, code, "{cells}");
        }
        let read = read_debts("债务编号,到期日,本金,利率,担保金额\nA,2026-01-01,1.00,6%,\n".as_bytes()).unwrap();
        assert_eq!(read, [Debt { burden: Rate::parse("6%").unwrap(), ..debt("A", "2026-01-01", 100) }]);
    }

    fn debts() -> impl Strategy<Value = Vec<Debt>> {
        let one = (1_i8..28, 0_i64..3, 0_i64..3, [0_i64..1_000, 0_i64..1_000, 1_i64..1_000_000]);
        prop::collection::vec(one, 1..12).prop_map(|all| {
            (0..)
                .zip(all)
                .map(|(number, (day, security, burden, [costs, interest, principal]))| Debt {
                    debt: format!("{number:02}"),
                    due_on: date(2026, 11, day),
                    security: Amount::from_minor(security),
                    burden: Rate(burden),
                    costs: Amount::from_minor(costs),
                    interest: Amount::from_minor(interest),
                    principal: Amount::from_minor(principal),
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn every_fen_meets_something_or_is_left(debts in debts(), payment in 1_i64..5_000_000) {
            let done = impute(&rules(), Amount::from_minor(payment), ON, &[], &debts).unwrap();
            let met: i64 = done.debts.iter().map(|one| (one.costs.minor() + one.interest.minor()) + one.principal.minor()).sum();
            prop_assert_eq!(met + done.surplus.minor(), payment);
            let owed: i64 = debts.iter().map(|debt| debt.total().unwrap().minor()).sum();
            let open: i64 = done.debts.iter().map(|one| one.open.minor()).sum();
            prop_assert_eq!(met + open, owed);
            // Nobody has a turn before all earlier ranks are met.
            for pair in done.debts.windows(2) {
                let untouched = pair[1].costs.minor() + pair[1].interest.minor() + pair[1].principal.minor() == 0;
                prop_assert!(pair[0].rank == pair[1].rank || pair[0].open == Amount::ZERO || untouched);
            }
        }

        #[test]
        fn the_order_of_the_list_does_not_matter(debts in debts(), payment in 1_i64..5_000_000) {
            let mut turned = debts.clone();
            turned.reverse();
            let payment = Amount::from_minor(payment);
            prop_assert_eq!(impute(&rules(), payment, ON, &[], &debts), impute(&rules(), payment, ON, &[], &turned));
        }

        #[test]
        fn a_larger_payment_leaves_less_of_each_rank(debts in debts(), payment in 1_i64..5_000_000, more in 0_i64..10_000) {
            let open = |payment| {
                let done = impute(&rules(), Amount::from_minor(payment), ON, &[], &debts).unwrap();
                let ranks = done.debts.last().unwrap().rank;
                (1..=ranks)
                    .map(|rank| done.debts.iter().filter(|one| one.rank == rank).map(|one| one.open.minor()).sum::<i64>())
                    .collect::<Vec<_>>()
            };
            prop_assert!(open(payment + more).iter().zip(open(payment)).all(|(more, less)| *more <= less));
        }
    }
}
