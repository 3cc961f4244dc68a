//! Execution fee (申请执行费), preservation fee (保全费), fee of a bankruptcy: 诉讼费用交纳办法 art. 14, as data in `fees.toml`.

use ankuan_ledger::Amount;
use serde::{Deserialize, Serialize};

use super::{Exact, Line, Rate, Rounding, Text, above_zero, from_toml, optional_yuan, too_large, wrong_rules, yuan};
use crate::message::Message;

/// The scales that are built in.
pub const STANDARD: &str = include_str!("fees.toml");

/// The scales of fees.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fees {
    /// Which text of the law they follow.
    pub version: String,
    /// 申请执行费
    pub execution: Scale,
    /// How the execution fee is taken out of collected money.
    pub taking: Taking,
    /// 保全费
    pub preservation: Scale,
    /// 破产案件申请费: its amount is the fee of a property case of the same size, whose scale was not read.
    pub bankruptcy: Scale,
}

/// A scale by brackets.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// Law and article.
    pub source: Text,
    /// How the fee is brought to whole fen.
    pub rounding: Rounding,
    /// The highest fee.
    #[serde(default, deserialize_with = "optional_yuan")]
    pub most: Option<Amount>,
    /// Where the case is not about an amount: between these the court sets the fee.
    pub without_amount: Option<Range>,
    /// From below, without gaps.
    pub brackets: Vec<Bracket>,
}

/// Both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// From.
    #[serde(deserialize_with = "yuan")]
    pub least: Amount,
    /// To.
    #[serde(deserialize_with = "yuan")]
    pub most: Amount,
}

/// One bracket: a fixed fee, or a rate of the part of the amount that lies in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bracket {
    /// Upper end, included; none in the last.
    #[serde(default, deserialize_with = "optional_yuan")]
    pub up_to: Option<Amount>,
    /// The fixed fee.
    #[serde(default, deserialize_with = "optional_yuan")]
    pub fee: Option<Amount>,
    /// The rate.
    pub rate: Option<Rate>,
}

/// How the execution fee is taken; practice differs, so both are settings.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taking {
    /// The amount on which it is reckoned.
    pub base: Base,
    /// When it is taken.
    pub rank: Rank,
    /// Law and article.
    pub source: Text,
}

/// On which amount the execution fee is reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Base {
    /// 实际执行到位金额（以申请执行标的为限） · What was collected, at most the claim
    Collected,
    /// 申请执行标的额 · What was claimed
    Claimed,
}

/// When the execution fee is taken out of collected money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// 先收执行费 · Before the claimant
    BeforeClaimant,
    /// 先付申请执行人 · After the claimant
    AfterClaimant,
}

impl Base {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Collected => "calc.base_collected",
            Self::Claimed => "calc.base_claimed",
        })
    }
}

impl Rank {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::BeforeClaimant => "calc.rank_before_claimant",
            Self::AfterClaimant => "calc.rank_after_claimant",
        })
    }
}

/// A fee and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    /// The amount on which it is reckoned; none where the case is not about one.
    pub base: Option<Amount>,
    /// The fee, in whole fen.
    pub fee: Amount,
    /// Bracket by bracket.
    pub lines: Vec<Line>,
}

/// What becomes of collected money: `to_fee + to_claimant + surplus = collected`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The fee.
    pub fee: Fee,
    /// What of the money is for the fee.
    pub to_fee: Amount,
    /// What of the money is for the claimant.
    pub to_claimant: Amount,
    /// What is left and goes back to the debtor.
    pub surplus: Amount,
    /// What of the fee the debtor still owes.
    pub fee_open: Amount,
    /// What of the claim the debtor still owes.
    pub claim_open: Amount,
}

impl Fees {
    /// Reads scales.
    ///
    /// # Errors
    /// `calc.file`, `calc.rules` (brackets that do not go upwards, have no end or two kinds of fee).
    pub fn parse(text: &str) -> Result<Self, Message> {
        let fees: Self = from_toml(text)?;
        fees.execution.check("execution")?;
        fees.preservation.check("preservation")?;
        fees.bankruptcy.check("bankruptcy")?;
        Ok(fees)
    }
}

impl Scale {
    fn check(&self, name: &str) -> Result<(), Message> {
        let mut floor = Amount::ZERO;
        for (place, bracket) in (1..).zip(&self.brackets) {
            let wrong = |what: &str| Err(wrong_rules(format!("{name}: bracket {place}: {what}")));
            if bracket.fee.is_some() == bracket.rate.is_some() {
                return wrong("one of fee and rate");
            }
            if bracket.up_to.is_none() != (place == self.brackets.len()) {
                return wrong("up_to");
            }
            match bracket.up_to {
                Some(end) if end <= floor => return wrong("up_to"),
                Some(end) => floor = end,
                None => {}
            }
        }
        if self.brackets.is_empty() { Err(wrong_rules(format!("{name}: brackets"))) } else { Ok(()) }
    }

    /// The fee on an amount.
    ///
    /// # Errors
    /// `calc.amount_not_positive`, `calc.too_large`.
    pub fn fee(&self, amount: Amount) -> Result<Fee, Message> {
        above_zero("calc.amount", amount)?;
        let mut lines = Vec::new();
        let (mut floor, mut total) = (Amount::ZERO, 0_i128);
        for bracket in &self.brackets {
            let top = bracket.up_to.map_or(amount, |end| end.min(amount));
            let part = top.minus(floor).ok_or_else(too_large)?;
            let (text, exact) = match (bracket.fee, bracket.rate) {
                (Some(fee), _) => (Message::new("calc.fee_fixed"), fee.into()),
                (None, rate) => {
                    let rate = rate.unwrap_or_default();
                    (Message::new("calc.fee_rate").with("part", part).with("rate", rate), rate.of(part))
                }
            };
            // Fixed fees count as parts of one, so that all lines have one denominator.
            total += exact.numerator * (Rate::ONE / exact.denominator);
            lines.push(Line {
                text: text.with("from", floor).with("to", top),
                amount: exact,
                source: self.source.clone(),
            });
            floor = top;
            if top == amount {
                break;
            }
        }
        let mut fee = self.rounding.apply(Exact::new(total, Rate::ONE))?;
        if let Some(most) = self.most.filter(|most| fee > *most) {
            fee = most;
            lines.push(Line { text: Message::new("calc.fee_most"), amount: most.into(), source: self.source.clone() });
        }
        Ok(Fee { base: Some(amount), fee, lines })
    }

    /// The fee of a case that is not about an amount, as the court sets it.
    ///
    /// # Errors
    /// `calc.fee_outside`: outside what the scale allows, or the scale knows no such fee.
    pub fn set(&self, fee: Amount) -> Result<Fee, Message> {
        let range = self.without_amount.unwrap_or(Range { least: Amount::ZERO, most: Amount::ZERO });
        if fee < range.least || fee > range.most {
            let message = Message::new("calc.fee_outside").with("fee", fee);
            return Err(message.with("least", range.least).with("most", range.most));
        }
        let text = Message::new("calc.fee_without_amount").with("least", range.least).with("most", range.most);
        Ok(Fee { base: None, fee, lines: vec![Line { text, amount: fee.into(), source: self.source.clone() }] })
    }
}

/// The execution fee of a case in which `collected` came in for a claim of `claimed`, and who gets what of it.
///
/// # Errors
/// `calc.amount_not_positive`, `calc.too_large`.
pub fn take(fees: &Fees, claimed: Amount, collected: Amount) -> Result<Taken, Message> {
    above_zero("calc.claimed", claimed)?;
    above_zero("calc.collected", collected)?;
    let base = match fees.taking.base {
        Base::Collected => collected.min(claimed),
        Base::Claimed => claimed,
    };
    let fee = fees.execution.fee(base)?;
    let less = |one: Amount, other: Amount| one.minus(other).ok_or_else(too_large);
    let (to_fee, to_claimant) = match fees.taking.rank {
        Rank::BeforeClaimant => {
            let to_fee = fee.fee.min(collected);
            (to_fee, claimed.min(less(collected, to_fee)?))
        }
        Rank::AfterClaimant => {
            let to_claimant = claimed.min(collected);
            (fee.fee.min(less(collected, to_claimant)?), to_claimant)
        }
    };
    Ok(Taken {
        to_fee,
        to_claimant,
        surplus: less(less(collected, to_fee)?, to_claimant)?,
        fee_open: less(fee.fee, to_fee)?,
        claim_open: less(claimed, to_claimant)?,
        fee,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::amount::parse_yuan;

    fn fees() -> Fees {
        Fees::parse(STANDARD).unwrap()
    }

    fn execution(amount: &str) -> String {
        fees().execution.fee(parse_yuan(amount).unwrap()).unwrap().fee.to_string()
    }

    fn preservation(amount: &str) -> String {
        fees().preservation.fee(parse_yuan(amount).unwrap()).unwrap().fee.to_string()
    }

    #[test]
    fn execution_fees_computed_by_hand() {
        for (amount, fee) in [
            ("5,289.00", "50.00"),
            ("10,000.00", "50.00"),
            ("130,000", "1,850.00"),
            ("500,000", "7,400.00"),
            ("5,000,000", "52,400.00"),
            ("10,000,000", "77,400.00"),
            ("17,000,000", "84,400.00"),
            ("1,700,000,000", "1,767,400.00"),
        ] {
            assert_eq!(execution(amount), fee, "{amount}");
        }
    }

    #[test]
    fn the_quick_forms_of_a_court_agree_with_the_brackets() {
        // 1.5% − 100; 1% + 2,400; 0.5% + 27,400; 0.1% + 67,400 (a basic court's page).
        for (yuan, per_mille, plus) in [
            (10_000, 15, -100),
            (260_000, 15, -100),
            (500_000, 15, -100),
            (500_000, 10, 2_400),
            (3_210_000, 10, 2_400),
            (5_000_000, 10, 2_400),
            (5_000_000, 5, 27_400),
            (10_000_000, 5, 27_400),
            (10_000_000, 1, 67_400),
            (987_654_000, 1, 67_400),
        ] {
            let fee = fees().execution.fee(Amount::from_minor(yuan * 100)).unwrap().fee;
            assert_eq!(fee.minor(), (yuan * per_mille / 1_000 + plus) * 100, "{yuan}");
        }
    }

    #[test]
    fn preservation_fees_computed_by_hand() {
        for (amount, fee) in [
            ("1", "30.00"),
            ("1,000", "30.00"),
            ("100,000", "1,020.00"),
            ("895,999.99", "5,000.00"),
            ("895,998.00", "4,999.99"),
            ("896,000", "5,000.00"),
            ("9,000,000,000", "5,000.00"),
        ] {
            assert_eq!(preservation(amount), fee, "{amount}");
        }
        let capped = fees().preservation.fee(Amount::from_minor(90_000_000)).unwrap();
        assert_eq!(capped.lines.last().unwrap().text.code, "calc.fee_most");
    }

    #[test]
    fn a_bankruptcy_costs_half_of_a_property_case_and_at_most_300_000() {
        let bankruptcy = |fee: &str| fees().bankruptcy.fee(parse_yuan(fee).unwrap()).unwrap().fee.to_string();
        assert_eq!(bankruptcy("100,000.00"), "50,000.00");
        assert_eq!(bankruptcy("600,000.00"), "300,000.00");
        assert_eq!(bankruptcy("600,000.02"), "300,000.00");
        assert_eq!(bankruptcy("599,999.98"), "299,999.99");
    }

    #[test]
    fn each_bracket_is_a_line() {
        let fee = fees().execution.fee(parse_yuan("17,000,000").unwrap()).unwrap();
        let amounts: Vec<String> = fee.lines.iter().map(|line| line.amount.to_string()).collect();
        assert_eq!(amounts, ["50.00", "7,350.00", "45,000.00", "25,000.00", "7,000.00"]);
        let fee = fees().execution.fee(parse_yuan("10,000.03").unwrap()).unwrap();
        assert_eq!(fee.lines[1].amount.to_string(), "0.00045", "three fen at 1.5%");
        assert_eq!(fee.fee.to_string(), "50.00");
    }

    #[test]
    fn a_case_without_an_amount_is_charged_what_the_court_sets() {
        let set = |fee| fees().execution.set(Amount::from_minor(fee));
        assert_eq!(set(5_000).unwrap().fee.minor(), 5_000);
        assert_eq!(set(50_000).unwrap().fee.minor(), 50_000);
        assert_eq!(set(4_999).unwrap_err().code, "calc.fee_outside");
        assert_eq!(set(50_001).unwrap_err().code, "calc.fee_outside");
        assert_eq!(fees().preservation.set(Amount::from_minor(3_000)).unwrap_err().code, "calc.fee_outside");
    }

    #[test]
    fn base_and_rank_are_settings() {
        let minor = |yuan: i64| Amount::from_minor(yuan * 100);
        let taken = |base, rank, claimed, collected| {
            let mut fees = fees();
            (fees.taking.base, fees.taking.rank) = (base, rank);
            let taken = take(&fees, minor(claimed), minor(collected)).unwrap();
            [taken.fee.fee, taken.to_fee, taken.to_claimant, taken.surplus, taken.fee_open, taken.claim_open]
                .map(|amount| amount.minor() / 100)
        };
        let (collected, claimed) = (Base::Collected, Base::Claimed);
        let (before, after) = (Rank::BeforeClaimant, Rank::AfterClaimant);
        assert_eq!(taken(collected, before, 500_000, 130_000), [1_850, 1_850, 128_150, 0, 0, 371_850]);
        assert_eq!(taken(collected, after, 500_000, 130_000), [1_850, 0, 130_000, 0, 1_850, 370_000]);
        assert_eq!(taken(claimed, before, 500_000, 130_000), [7_400, 7_400, 122_600, 0, 0, 377_400]);
        assert_eq!(taken(claimed, after, 500_000, 508_000), [7_400, 7_400, 500_000, 600, 0, 0]);
        assert_eq!(taken(collected, after, 500_000, 508_000), [7_400, 7_400, 500_000, 600, 0, 0]);
    }

    #[test]
    fn wrong_scales_are_refused() {
        for (from, to, code) in [
            ("up_to = \"500000\"", "up_to = \"5000\"", "calc.rules"),
            ("{ rate = \"0.1%\" }", "{ up_to = \"20000000\", rate = \"0.1%\" }", "calc.rules"),
            ("{ rate = \"0.1%\" }", "{ rate = \"0.1%\", fee = \"1\" }", "calc.rules"),
            ("{ rate = \"0.1%\" }", "{ }", "calc.rules"),
            ("rate = \"0.1%\"", "rate = \"much\"", "calc.file"),
            ("rank = \"after_claimant\"", "rank = \"perhaps\"", "calc.file"),
        ] {
            let text = STANDARD.replace(from, to);
            assert_ne!(text, STANDARD, "{from}");
            assert_eq!(Fees::parse(&text).unwrap_err().code, code, "{to}");
        }
        assert_eq!(fees().execution.fee(Amount::ZERO).unwrap_err().code, "calc.amount_not_positive");
        assert!(fees().execution.fee(Amount::from_minor(i64::MAX)).is_ok());
    }

    proptest! {
        #[test]
        fn fees_grow_with_the_amount(amount in 1_i64..1_000_000_000_000, more in 0_i64..1_000_000_000) {
            let fees = fees();
            for scale in [&fees.execution, &fees.preservation] {
                let fee = |minor| scale.fee(Amount::from_minor(minor)).unwrap().fee;
                prop_assert!(fee(amount) <= fee(amount + more));
                prop_assert!(scale.most.is_none_or(|most| fee(amount) <= most));
            }
        }

        #[test]
        fn what_is_taken_is_what_was_collected(
            claimed in 1_i64..10_000_000_000,
            collected in 1_i64..10_000_000_000,
            base in prop::sample::select(vec![Base::Collected, Base::Claimed]),
            rank in prop::sample::select(vec![Rank::BeforeClaimant, Rank::AfterClaimant]),
        ) {
            let mut fees = fees();
            (fees.taking.base, fees.taking.rank) = (base, rank);
            let taken = take(&fees, Amount::from_minor(claimed), Amount::from_minor(collected)).unwrap();
            let sum = |amounts: [Amount; 3]| Amount::sum(amounts).unwrap().minor();
            prop_assert_eq!(sum([taken.to_fee, taken.to_claimant, taken.surplus]), collected);
            prop_assert_eq!(taken.to_fee.plus(taken.fee_open), Some(taken.fee.fee));
            prop_assert_eq!(taken.to_claimant.plus(taken.claim_open), Some(Amount::from_minor(claimed)));
            prop_assert!(taken.surplus == Amount::ZERO || taken.claim_open == Amount::ZERO);
        }
    }
}
