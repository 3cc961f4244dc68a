//! One claimant's arithmetic, so that a person can follow it with a calculator.

use std::cmp::Reverse;

use ankuan_ledger::Amount;
use serde::{Deserialize, Serialize};

use super::distribute::{
    ClaimInput, ClassResult, Distribution, DistributionRefusal, Outcome, Plan, Ratio, Reach, Rule, Share, distribute,
};
use crate::message::{Language, Message};

/// How a share came about, by the way the money reached the claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arithmetic {
    /// The amount stood in the list.
    Fixed,
    /// The money covers the whole class.
    Full,
    /// The money ended in a class before.
    Nothing,
    /// Earlier rounds gave more than the ratio of all rounds; it is kept, nothing is added.
    Kept {
        /// Numerator of the ratio.
        #[serde(rename = "money_minor")]
        money: Amount,
        /// Denominator of the ratio.
        #[serde(rename = "claims_minor")]
        claims: Amount,
    },
    /// `claim × money ÷ claims`, cut to whole fen, with or without one of the fen left over.
    Ratio {
        /// Numerator: the money of all rounds for the claims in the ratio.
        #[serde(rename = "money_minor")]
        money: Amount,
        /// Denominator: the total of the claims in the ratio.
        #[serde(rename = "claims_minor")]
        claims: Amount,
        /// Claims outside the ratio, as they keep what earlier rounds gave.
        kept: u64,
        /// The whole fen of the exact total over all rounds.
        #[serde(rename = "floor_minor")]
        floor: Amount,
        /// What the cut took off, in units of one fen ÷ `claims`.
        remainder: u64,
        /// Place of the remainder among all, from 1; `None` when there is no remainder.
        rank: Option<u64>,
        /// How many claims have a remainder.
        remainders: u64,
        /// How many fen were left over.
        extra_fen: u64,
        /// Whether this claim got one of them.
        gets_extra_fen: bool,
    },
}

/// The arithmetic behind one share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The claim.
    pub claim_id: i64,
    /// The rule of the distribution.
    pub rule: Rule,
    /// The confirmed amount.
    #[serde(rename = "claim_minor")]
    pub claim: Amount,
    /// Granted in earlier rounds.
    #[serde(rename = "paid_before_minor")]
    pub paid_before: Amount,
    /// The money of this round.
    #[serde(rename = "pot_minor")]
    pub pot: Amount,
    /// How many claims the distribution has.
    pub claims: u64,
    /// Their total.
    #[serde(rename = "claims_total_minor")]
    pub claims_total: Amount,
    /// The claim's class; `None` for fixed amounts.
    pub class: Option<ClassResult>,
    /// How the share came about.
    pub arithmetic: Arithmetic,
    /// The smallest payment, if the plan has one.
    #[serde(rename = "smallest_payment_minor")]
    pub smallest_payment: Option<Amount>,
    /// The share.
    pub share: Share,
}

/// Why a share cannot be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExplainRefusal {
    /// The distribution itself is refused.
    Distribution(DistributionRefusal),
    /// The claim is not in the distribution.
    UnknownClaim {
        /// The claim asked for.
        claim_id: i64,
    },
    /// The stored share is not what the inputs give: inputs or share were changed.
    Differs {
        /// What is stored.
        stored: Share,
        /// What the inputs give.
        computed: Share,
    },
}

impl ExplainRefusal {
    /// The refusal in words; its code is stable.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Distribution(refusal) => refusal.message(),
            Self::UnknownClaim { claim_id } => Message::new("payouts.explain_unknown_claim").with("claim_id", claim_id),
            Self::Differs { stored, computed } => Message::new("payouts.explain_differs")
                .with("claim_id", stored.claim_id)
                .with("stored", stored.granted)
                .with("computed", computed.granted),
        }
    }
}

/// Explains the stored share: distributes again from the inputs and shows the arithmetic of this one claim.
///
/// # Errors
///
/// [`ExplainRefusal`]: the inputs are refused, do not hold the claim, or give another share than the stored one
/// (amount or outcome).
pub fn explain(plan: &Plan, pot: Amount, claims: &[ClaimInput], stored: &Share) -> Result<Explanation, ExplainRefusal> {
    Explainer::new(plan, pot, claims)?.explain(stored)
}

/// A claim by its remainder, the largest first.
type Ranked = (Reverse<u64>, i64);

/// Explains many shares of one distribution: distributed again and ranked once.
pub struct Explainer<'a> {
    plan: &'a Plan,
    pot: Amount,
    claims: &'a [ClaimInput],
    /// Places of the claims, ordered by their ids.
    order: Vec<usize>,
    distribution: Distribution,
    /// Of each class that ends in a ratio: remainder and claim, largest remainder first.
    remainders: Vec<(u32, Vec<Ranked>)>,
}

impl<'a> Explainer<'a> {
    /// Distributes again.
    ///
    /// # Errors
    /// [`ExplainRefusal::Distribution`].
    pub fn new(plan: &'a Plan, pot: Amount, claims: &'a [ClaimInput]) -> Result<Self, ExplainRefusal> {
        let distribution = distribute(plan, pot, claims).map_err(ExplainRefusal::Distribution)?;
        let mut remainders = Vec::new();
        for class in &distribution.classes {
            let Reach::Ratio { money, claims: denominator, .. } = class.reach else { continue };
            let ratio = Ratio { money: money.minor(), claims: denominator.minor() };
            let in_ratio = claims.iter().filter(|claim| class_of(plan, claim) == class.class && !ratio.is_kept(claim));
            let mut ranked: Vec<(Reverse<u64>, i64)> = in_ratio
                .map(|claim| (Reverse(ratio.part(claim).1), claim.claim_id))
                .filter(|(remainder, _)| remainder.0 > 0)
                .collect();
            ranked.sort_unstable();
            remainders.push((class.class, ranked));
        }
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_unstable_by_key(|place| claims[*place].claim_id);
        Ok(Self { plan, pot, claims, order, distribution, remainders })
    }

    /// The arithmetic of one stored share.
    ///
    /// # Errors
    /// [`ExplainRefusal::UnknownClaim`], [`ExplainRefusal::Differs`].
    pub fn explain(&self, stored: &Share) -> Result<Explanation, ExplainRefusal> {
        let unknown = |_| ExplainRefusal::UnknownClaim { claim_id: stored.claim_id };
        let place = self.order.binary_search_by_key(&stored.claim_id, |place| self.claims[*place].claim_id);
        let claim = &self.claims[self.order[place.map_err(unknown)?]];
        let shares = &self.distribution.shares;
        let position = shares.binary_search_by_key(&stored.claim_id, |share| share.claim_id).map_err(unknown)?;
        let computed = shares[position];
        if computed != *stored {
            return Err(ExplainRefusal::Differs { stored: *stored, computed });
        }
        let class = self.distribution.classes.iter().find(|class| class.class == class_of(self.plan, claim)).copied();
        let arithmetic = match class.map(|class| class.reach) {
            None => Arithmetic::Fixed,
            Some(Reach::Full) => Arithmetic::Full,
            Some(Reach::Nothing) => Arithmetic::Nothing,
            Some(Reach::Ratio { money, claims: denominator, kept, extra_fen }) => {
                let ratio = Ratio { money: money.minor(), claims: denominator.minor() };
                self.ratio(ratio, kept, extra_fen, claim)
            }
        };
        Ok(Explanation {
            claim_id: claim.claim_id,
            rule: self.plan.rule,
            claim: claim.claim,
            paid_before: claim.paid_before,
            pot: self.pot,
            claims: self.distribution.proof.claims,
            claims_total: self.distribution.proof.claims_total,
            class,
            arithmetic,
            smallest_payment: self.plan.smallest_payment,
            share: computed,
        })
    }

    fn ratio(&self, ratio: Ratio, kept: u64, extra_fen: u64, claim: &ClaimInput) -> Arithmetic {
        let (money, claims) = (Amount::from_minor(ratio.money), Amount::from_minor(ratio.claims));
        if ratio.is_kept(claim) {
            return Arithmetic::Kept { money, claims };
        }
        let (floor, remainder) = ratio.part(claim);
        let class = class_of(self.plan, claim);
        let ranked = self.remainders.iter().find(|(of_class, _)| *of_class == class).map_or(&[][..], |(_, all)| all);
        let before = ranked.partition_point(|one| *one < (Reverse(remainder), claim.claim_id));
        let rank = (remainder > 0).then_some(before as u64 + 1);
        Arithmetic::Ratio {
            money,
            claims,
            kept,
            floor: Amount::from_minor(floor),
            remainder,
            rank,
            remainders: ranked.len() as u64,
            extra_fen,
            gets_extra_fen: rank.is_some_and(|rank| rank <= extra_fen),
        }
    }
}

fn class_of(plan: &Plan, claim: &ClaimInput) -> u32 {
    if plan.rule == Rule::Ranked { claim.class } else { 0 }
}

impl Explanation {
    /// The arithmetic, one sentence a line, in the order in which one would work it out.
    #[must_use]
    pub fn lines(&self) -> Vec<Message> {
        let mut lines = vec![
            Message::new("payouts.explain_claim").with("claim_id", self.claim_id).with("claim", self.claim),
            Message::new("payouts.explain_pot")
                .with("pot", self.pot)
                .with("claims", self.claims)
                .with("claims_total", self.claims_total),
        ];
        if let Some(class) = self.class.filter(|_| self.rule == Rule::Ranked) {
            lines.push(
                Message::new("payouts.explain_class")
                    .with("class", class.class)
                    .with("claims", class.claims)
                    .with("claims_total", class.claims_total)
                    .with("money", class.money),
            );
        }
        if self.paid_before > Amount::ZERO {
            lines.push(Message::new("payouts.explain_paid_before").with("paid_before", self.paid_before));
        }
        self.arithmetic_lines(&mut lines);
        self.outcome_lines(&mut lines);
        lines
    }

    /// The lines as text.
    #[must_use]
    pub fn text(&self, language: Language) -> String {
        self.lines().iter().map(|line| line.text(language)).collect::<Vec<_>>().join("\n")
    }

    fn arithmetic_lines(&self, lines: &mut Vec<Message>) {
        match &self.arithmetic {
            Arithmetic::Fixed => lines.push(Message::new("payouts.explain_fixed").with("granted", self.share.granted)),
            Arithmetic::Full => lines.push(
                Message::new("payouts.explain_full")
                    .with("claim", self.claim)
                    .with("paid_before", self.paid_before)
                    .with("granted", self.share.granted),
            ),
            Arithmetic::Nothing => lines.push(Message::new("payouts.explain_nothing")),
            Arithmetic::Kept { money, claims } => {
                lines.push(ratio_line(*money, *claims));
                lines.push(Message::new("payouts.explain_kept").with("paid_before", self.paid_before));
            }
            Arithmetic::Ratio {
                money,
                claims,
                kept,
                floor,
                remainder,
                rank,
                remainders,
                extra_fen,
                gets_extra_fen,
            } => {
                lines.push(ratio_line(*money, *claims));
                if *kept > 0 {
                    lines.push(Message::new("payouts.explain_others_kept").with("kept", kept));
                }
                lines.push(
                    Message::new("payouts.explain_exact")
                        .with("claim", self.claim)
                        .with("money", money)
                        .with("claims", claims)
                        .with("floor", floor)
                        .with("remainder", remainder)
                        .with("divisor", claims.minor()),
                );
                lines.push(match rank {
                    None => Message::new("payouts.explain_no_remainder"),
                    Some(rank) => Message::new(if *gets_extra_fen {
                        "payouts.explain_extra_fen"
                    } else {
                        "payouts.explain_no_extra_fen"
                    })
                    .with("extra_fen", extra_fen)
                    .with("rank", rank)
                    .with("remainders", remainders),
                });
                if self.paid_before > Amount::ZERO {
                    // Granted now and before, put together again: it cannot be out of range.
                    let total = self.share.granted.plus(self.paid_before).unwrap_or(self.claim);
                    lines.push(
                        Message::new("payouts.explain_less_before")
                            .with("total", total)
                            .with("paid_before", self.paid_before)
                            .with("granted", self.share.granted),
                    );
                }
            }
        }
    }

    fn outcome_lines(&self, lines: &mut Vec<Message>) {
        let granted = self.share.granted;
        match self.share.outcome {
            Outcome::Paid => lines.push(Message::new("payouts.explain_paid").with("granted", granted)),
            Outcome::SetAside(reason) => {
                lines.push(Message::new("payouts.explain_set_aside").with("granted", granted));
                lines.push(reason.message());
            }
            Outcome::Carried => lines.push(
                Message::new("payouts.explain_carried")
                    .with("granted", granted)
                    .with("smallest_payment", self.smallest_payment.unwrap_or_default()),
            ),
            Outcome::Nothing => lines.push(Message::new("payouts.explain_zero")),
        }
    }
}

fn ratio_line(money: Amount, claims: Amount) -> Message {
    Message::new("payouts.explain_ratio")
        .with("money", money)
        .with("claims", claims)
        .with("percent", percent(money, claims))
}

/// `part ÷ whole` in percent, cut (not rounded) to eight decimals, with `…` when there is more: `18.42915031…%`.
/// For reading only: nothing is computed from it. `whole` must be above zero, else the answer is `-`.
#[must_use]
pub fn percent(part: Amount, whole: Amount) -> String {
    const DECIMALS: usize = 8;
    let scaled = i128::from(part.minor()) * 10_i128.pow(2 + DECIMALS as u32);
    let whole = i128::from(whole.minor());
    if whole <= 0 {
        return "-".to_owned();
    }
    let unit = 10_i128.pow(DECIMALS as u32);
    let (quotient, more) = (scaled / whole, if scaled % whole == 0 { "" } else { "…" });
    format!("{}.{:0DECIMALS$}{more}%", quotient / unit, quotient % unit)
}

#[cfg(test)]
mod tests;
