//! Distribution (分配): one pot of money over many claims, exact to the fen.
//!
//! **The rule.** A claim's exact share is `claim × money ÷ claims`, a rational number. Everybody gets its whole
//! fen; the fen left over go, one each, to the largest remainders, and among equal remainders to the smaller claim
//! id. The ratio is taken over *all* claims: a claim that is disputed, late or without a usable account stays in
//! it, and its share is set aside with the reason. So nobody's share depends on somebody else's bank account.
//! Source: pro rata to all claims in the distribution, 民诉法解释 art. 508; disputed shares deposited, art. 510.
//!
//! **Rounds.** A further round is solved over all rounds together: the money is this pot plus everything granted
//! before. What was granted is never taken back: a claim that already has more than its part keeps it and leaves
//! the ratio together with what it has, and the rest is solved again until nothing changes. In a formula, the
//! total of a claim is `max(granted before, ratio × claim)`, with the one ratio that uses up the money.
//!
//! **Carried.** A share below the plan's smallest payment is not granted: it stays in the case's money. It is
//! therefore not part of `paid_before` in the next round, and the next pot contains it. As rounds are solved over
//! all money, its owner gets it then without further bookkeeping. A last round has no smallest payment, else
//! small shares would stay for ever.

use std::cmp::Reverse;

use ankuan_ledger::Amount;
use serde::{Deserialize, Serialize};

use crate::message::Message;

/// The most claims in one distribution: 58 times the largest payout on record (Longyan, 171,800), and few enough
/// that the working set (44 bytes a claim) stays below half a gigabyte.
pub const CLAIMS_MAX: usize = 10_000_000;

/// Why a share is set aside instead of paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetAside {
    /// The claim is objected to or in a suit over the plan: its share is deposited, 民诉法解释 art. 510.
    Disputed,
    /// Filed after the date; kept until it is decided whether it takes part.
    Late,
    /// No account, or one that failed its checks. The claim itself is sound.
    NoAccount,
    /// A gate stops the payment: case stayed, bankruptcy accepted, share frozen by another order.
    Blocked,
    /// The claim's row is broken; an approved reserve stands in its place.
    Reserve,
}

impl SetAside {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Disputed, Self::Late, Self::NoAccount, Self::Blocked, Self::Reserve];

    /// The stable word for the database and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Disputed => "disputed",
            Self::Late => "late",
            Self::NoAccount => "no_account",
            Self::Blocked => "blocked",
            Self::Reserve => "reserve",
        }
    }

    /// The reason behind the stable word; `None` for any other word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// The reason in words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Disputed => "payouts.set_aside_disputed",
            Self::Late => "payouts.set_aside_late",
            Self::NoAccount => "payouts.set_aside_no_account",
            Self::Blocked => "payouts.set_aside_blocked",
            Self::Reserve => "payouts.set_aside_reserve",
        })
    }
}

/// One claim, as the distribution needs it: 48 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimInput {
    /// The claim's id; unique in the distribution and the last tie-break.
    pub claim_id: i64,
    /// The confirmed total of the person, its rows merged; above zero.
    pub claim: Amount,
    /// Rank under [`Rule::Ranked`], smallest first; ignored by the other rules.
    pub class: u32,
    /// The amount of this round under [`Rule::Fixed`], zero allowed; ignored by the other rules.
    pub fixed: Option<Amount>,
    /// Granted in earlier rounds, paid and set aside together; without what was carried.
    pub paid_before: Amount,
    /// Set aside, with this reason, whatever the share comes to.
    pub hold: Option<SetAside>,
}

impl ClaimInput {
    /// What the claim can still be granted; zero when earlier rounds gave as much as, or (a claim lowered
    /// afterwards) more than, the claim.
    #[must_use]
    pub fn open(&self) -> Amount {
        Amount::from_minor(self.claim.minor().saturating_sub(self.paid_before.minor()).max(0))
    }
}

/// How the pot is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All claims at one ratio (民诉法解释 art. 508).
    ProRata,
    /// A waterfall: each class in full before the next gets anything, pro rata within the class in which the
    /// money runs out (e.g. 法释〔2014〕13号 art. 13, 企业破产法 art. 113).
    Ranked,
    /// The amounts of the list.
    Fixed,
}

/// How one distribution is made. It is data, stored with the distribution, so that it can be made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How the pot is divided.
    pub rule: Rule,
    /// Shares to be paid that are below this are carried to the next round. Off by default.
    #[serde(rename = "smallest_payment_minor", default)]
    pub smallest_payment: Option<Amount>,
    /// How many claims of the list are broken and have no approved reserve. Anything but zero is refused: who
    /// is not in the ratio gives the others too much.
    #[serde(default)]
    pub broken_claims: u64,
}

impl Plan {
    /// A rule with nothing carried and no broken claims.
    #[must_use]
    pub const fn new(rule: Rule) -> Self {
        Self { rule, smallest_payment: None, broken_claims: 0 }
    }
}

/// What becomes of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// To be paid.
    Paid,
    /// Granted, but kept back with the reason.
    SetAside(SetAside),
    /// Below the smallest payment: not granted, stays in the case's money for the next round.
    Carried,
    /// The share is zero: no line.
    Nothing,
}

/// One claim's part of this round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The claim.
    pub claim_id: i64,
    /// The share of this round, never negative; with [`Outcome::Carried`] it stays in the case.
    #[serde(rename = "granted_minor")]
    pub granted: Amount,
    /// What becomes of it.
    pub outcome: Outcome,
}

impl Share {
    /// What this round adds to the claim's `paid_before`: the share, or nothing when it is carried.
    #[must_use]
    pub const fn adds_to_paid_before(&self) -> Amount {
        match self.outcome {
            Outcome::Paid | Outcome::SetAside(_) => self.granted,
            Outcome::Carried | Outcome::Nothing => Amount::ZERO,
        }
    }
}

/// How far the money reached in one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Every claim of the class is filled.
    Full,
    /// The money ends in this class: each claim's total is its part at one ratio, or what it had before.
    Ratio {
        /// Numerator: this round's money for the class and what the claims in the ratio had before.
        #[serde(rename = "money_minor")]
        money: Amount,
        /// Denominator: the total of the claims in the ratio.
        #[serde(rename = "claims_minor")]
        claims: Amount,
        /// Claims outside the ratio, as earlier rounds gave them more than it does.
        kept: u64,
        /// The fen left over after every share was cut to whole fen.
        extra_fen: u64,
    },
    /// The money ended before this class.
    Nothing,
}

/// One class (the only one under [`Rule::ProRata`]; none under [`Rule::Fixed`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassResult {
    /// The rank; zero under [`Rule::ProRata`].
    pub class: u32,
    /// How many claims it has.
    pub claims: u64,
    /// Their total.
    #[serde(rename = "claims_total_minor")]
    pub claims_total: Amount,
    /// What of the pot was left when the class was reached.
    #[serde(rename = "money_minor")]
    pub money: Amount,
    /// How far that went.
    pub reach: Reach,
}

/// The figures that tie: `paid + set_aside + carried = pot`. Summed from the finished shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// Number of claims in the distribution.
    pub claims: u64,
    /// Their total.
    #[serde(rename = "claims_total_minor")]
    pub claims_total: Amount,
    /// Granted in earlier rounds, in total.
    #[serde(rename = "paid_before_minor")]
    pub paid_before: Amount,
    /// The money of this round.
    #[serde(rename = "pot_minor")]
    pub pot: Amount,
    /// Number of shares to be paid.
    pub paid_shares: u64,
    /// Their total.
    #[serde(rename = "paid_minor")]
    pub paid: Amount,
    /// Number of shares set aside.
    pub set_aside_shares: u64,
    /// Their total.
    #[serde(rename = "set_aside_minor")]
    pub set_aside: Amount,
    /// Number of shares below the smallest payment.
    pub carried_shares: u64,
    /// All that stays in the case's money: `small_shares + unallocated + surplus`.
    #[serde(rename = "carried_minor")]
    pub carried: Amount,
    /// Of the carried: shares below the smallest payment.
    #[serde(rename = "small_shares_minor")]
    pub small_shares: Amount,
    /// Of the carried: what a list of fixed amounts leaves although claims are open.
    #[serde(rename = "unallocated_minor")]
    pub unallocated: Amount,
    /// Of the carried: what is more than all claims; it goes back to the debtor (执行工作规定 art. 34).
    #[serde(rename = "surplus_minor")]
    pub surplus: Amount,
}

impl Proof {
    /// Whether the figures tie: paid, set aside and carried make the pot, the three parts make the carried.
    #[must_use]
    pub fn ties(&self) -> bool {
        Amount::sum([self.paid, self.set_aside, self.carried]) == Some(self.pot)
            && Amount::sum([self.small_shares, self.unallocated, self.surplus]) == Some(self.carried)
    }
}

/// A finished distribution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Distribution {
    /// One share for each claim, ordered by claim id.
    pub shares: Vec<Share>,
    /// The classes in the order in which they are paid, with the ratio of the one in which the money ends.
    pub classes: Vec<ClassResult>,
    /// The figures that tie.
    pub proof: Proof,
}

/// Why a distribution is refused. Checked in this order; of several claims the one with the smallest id is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributionRefusal {
    /// The pot is zero or negative.
    PotNotPositive {
        /// The pot.
        pot: Amount,
    },
    /// The smallest payment is zero or negative.
    SmallestPaymentNotPositive {
        /// The smallest payment.
        smallest_payment: Amount,
    },
    /// There are broken claims without a reserve.
    BrokenClaims {
        /// How many.
        count: u64,
    },
    /// There is no claim.
    NoClaims,
    /// More than [`CLAIMS_MAX`] claims.
    TooManyClaims {
        /// How many.
        count: usize,
    },
    /// A claim id stands twice.
    DuplicateClaim {
        /// The claim.
        claim_id: i64,
    },
    /// A claim is zero or negative.
    ClaimNotPositive {
        /// The claim.
        claim_id: i64,
        /// Its amount.
        claim: Amount,
    },
    /// Granted before is negative.
    PaidBeforeNegative {
        /// The claim.
        claim_id: i64,
        /// The amount.
        paid_before: Amount,
    },
    /// The rule is fixed amounts and a claim has none.
    FixedMissing {
        /// The claim.
        claim_id: i64,
    },
    /// A fixed amount is negative.
    FixedNegative {
        /// The claim.
        claim_id: i64,
        /// The amount.
        fixed: Amount,
    },
    /// A fixed amount is more than is open of the claim.
    FixedAboveClaim {
        /// The claim.
        claim_id: i64,
        /// The amount.
        fixed: Amount,
        /// Claim less what was granted before.
        open: Amount,
    },
    /// The total of the claims, or of the money of all rounds, is out of the range of [`Amount`].
    AmountsTooLarge,
    /// The fixed amounts come to more than the pot.
    FixedAbovePot {
        /// Their total.
        total: Amount,
        /// The pot.
        pot: Amount,
    },
    /// The finished shares do not make the pot, or one is above its claim: a fault of the program. Nothing may be
    /// stored.
    DoesNotTie,
}

impl DistributionRefusal {
    /// The refusal in words; its code is stable.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::PotNotPositive { pot } => Message::new("payouts.pot_not_positive").with("pot", pot),
            Self::SmallestPaymentNotPositive { smallest_payment } => {
                Message::new("payouts.smallest_payment_not_positive").with("smallest_payment", smallest_payment)
            }
            Self::BrokenClaims { count } => Message::new("payouts.broken_claims").with("count", count),
            Self::NoClaims => Message::new("payouts.no_claims"),
            Self::TooManyClaims { count } => {
                Message::new("payouts.too_many_claims").with("count", count).with("max", CLAIMS_MAX)
            }
            Self::DuplicateClaim { claim_id } => Message::new("payouts.duplicate_claim").with("claim_id", claim_id),
            Self::ClaimNotPositive { claim_id, claim } => {
                Message::new("payouts.claim_not_positive").with("claim_id", claim_id).with("claim", claim)
            }
            Self::PaidBeforeNegative { claim_id, paid_before } => {
                Message::new("payouts.paid_before_negative").with("claim_id", claim_id).with("paid_before", paid_before)
            }
            Self::FixedMissing { claim_id } => Message::new("payouts.fixed_missing").with("claim_id", claim_id),
            Self::FixedNegative { claim_id, fixed } => {
                Message::new("payouts.fixed_negative").with("claim_id", claim_id).with("fixed", fixed)
            }
            Self::FixedAboveClaim { claim_id, fixed, open } => Message::new("payouts.fixed_above_claim")
                .with("claim_id", claim_id)
                .with("fixed", fixed)
                .with("open", open),
            Self::AmountsTooLarge => Message::new("payouts.amounts_too_large"),
            Self::FixedAbovePot { total, pot } => {
                Message::new("payouts.fixed_above_pot").with("total", total).with("pot", pot)
            }
            Self::DoesNotTie => Message::new("payouts.does_not_tie"),
        }
    }
}

/// Divides `pot`, the money of this round, over `claims` by `plan`.
///
/// The result depends on the claims only, not on their order. Time is that of one sort by id (linear when they
/// come sorted) and a few passes; memory is 44 bytes a claim beside the input.
///
/// # Errors
///
/// The first of [`DistributionRefusal`], in the order given there.
pub fn distribute(plan: &Plan, pot: Amount, claims: &[ClaimInput]) -> Result<Distribution, DistributionRefusal> {
    check_plan(plan, pot, claims.len())?;
    let mut order = order_by_id(claims)?;
    let totals = check_claims(plan, pot, claims, &order)?;
    if plan.rule == Rule::Ranked {
        // Stable: within a class the order stays that of the ids.
        order.sort_by_key(|&index| claims[index as usize].class);
    }

    let mut shares: Vec<Share> = order
        .iter()
        .map(|&index| Share {
            claim_id: claims[index as usize].claim_id,
            granted: Amount::ZERO,
            outcome: Outcome::Nothing,
        })
        .collect();
    let classes = match plan.rule {
        Rule::Fixed => {
            for (share, &index) in shares.iter_mut().zip(&order) {
                share.granted = claims[index as usize].fixed.unwrap_or_default();
            }
            Vec::new()
        }
        Rule::ProRata | Rule::Ranked => run_waterfall(plan.rule, pot, claims, &order, &mut shares),
    };

    for (share, &index) in shares.iter_mut().zip(&order) {
        let claim = &claims[index as usize];
        if share.granted < Amount::ZERO || share.granted > claim.open() {
            return Err(DistributionRefusal::DoesNotTie);
        }
        share.outcome = outcome(plan, claim, share.granted);
    }
    let proof = prove(plan, pot, &totals, &shares).ok_or(DistributionRefusal::DoesNotTie)?;
    shares.sort_unstable_by_key(|share| share.claim_id);
    Ok(Distribution { shares, classes, proof })
}

fn check_plan(plan: &Plan, pot: Amount, count: usize) -> Result<(), DistributionRefusal> {
    if pot <= Amount::ZERO {
        return Err(DistributionRefusal::PotNotPositive { pot });
    }
    if let Some(smallest_payment) = plan.smallest_payment.filter(|smallest| *smallest <= Amount::ZERO) {
        return Err(DistributionRefusal::SmallestPaymentNotPositive { smallest_payment });
    }
    if plan.broken_claims > 0 {
        return Err(DistributionRefusal::BrokenClaims { count: plan.broken_claims });
    }
    if count == 0 {
        return Err(DistributionRefusal::NoClaims);
    }
    if count > CLAIMS_MAX {
        return Err(DistributionRefusal::TooManyClaims { count });
    }
    Ok(())
}

/// The positions of the claims, ordered by claim id. Sorted as pairs: a sort that looks each id up in a list in
/// random order costs several times as much.
fn order_by_id(claims: &[ClaimInput]) -> Result<Vec<u32>, DistributionRefusal> {
    let mut pairs: Vec<(i64, u32)> = (0..).zip(claims).map(|(index, claim)| (claim.claim_id, index)).collect();
    pairs.sort_unstable();
    if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(DistributionRefusal::DuplicateClaim { claim_id: pair[0].0 });
    }
    Ok(pairs.into_iter().map(|(_, index)| index).collect())
}

/// The totals of the input; each fits an [`Amount`], and so does `pot + paid_before`.
struct Totals {
    claims: u64,
    claim: Amount,
    paid_before: Amount,
    open: Amount,
    fixed: Amount,
}

fn check_claims(plan: &Plan, pot: Amount, claims: &[ClaimInput], order: &[u32]) -> Result<Totals, DistributionRefusal> {
    let (mut claim_total, mut before_total, mut open_total, mut fixed_total) = (0_i128, 0_i128, 0_i128, 0_i128);
    for &index in order {
        let ClaimInput { claim_id, claim, fixed, paid_before, .. } = claims[index as usize];
        if claim <= Amount::ZERO {
            return Err(DistributionRefusal::ClaimNotPositive { claim_id, claim });
        }
        if paid_before < Amount::ZERO {
            return Err(DistributionRefusal::PaidBeforeNegative { claim_id, paid_before });
        }
        let open = claims[index as usize].open();
        if plan.rule == Rule::Fixed {
            let fixed = fixed.ok_or(DistributionRefusal::FixedMissing { claim_id })?;
            if fixed < Amount::ZERO {
                return Err(DistributionRefusal::FixedNegative { claim_id, fixed });
            }
            if fixed > open {
                return Err(DistributionRefusal::FixedAboveClaim { claim_id, fixed, open });
            }
            fixed_total += i128::from(fixed.minor());
        }
        claim_total += i128::from(claim.minor());
        before_total += i128::from(paid_before.minor());
        open_total += i128::from(open.minor());
    }
    let amount =
        |total: i128| i64::try_from(total).map(Amount::from_minor).map_err(|_| DistributionRefusal::AmountsTooLarge);
    amount(before_total + i128::from(pot.minor()))?;
    let totals = Totals {
        claims: order.len() as u64,
        claim: amount(claim_total)?,
        paid_before: amount(before_total)?,
        open: amount(open_total)?,
        fixed: amount(fixed_total)?,
    };
    if totals.fixed > pot {
        return Err(DistributionRefusal::FixedAbovePot { total: totals.fixed, pot });
    }
    Ok(totals)
}

/// Class after class until the money ends. `order` and `shares` are parallel and sorted by class.
fn run_waterfall(
    rule: Rule,
    pot: Amount,
    claims: &[ClaimInput],
    order: &[u32],
    shares: &mut [Share],
) -> Vec<ClassResult> {
    let class_of = |index: u32| if rule == Rule::Ranked { claims[index as usize].class } else { 0 };
    let mut classes = Vec::new();
    let mut left = pot.minor();
    let mut start = 0;
    for members in order.chunk_by(|&a, &b| class_of(a) == class_of(b)) {
        let end = start + members.len();
        let money = left;
        let sums = ClassSums::of(claims, members);
        let reach = fill_class(money, &sums, claims, members, &mut shares[start..end]);
        // Every share lies between zero and what is open, so neither this nor the sum can overflow.
        left -= shares[start..end].iter().map(|share| share.granted.minor()).sum::<i64>();
        classes.push(ClassResult {
            class: class_of(members[0]),
            claims: members.len() as u64,
            claims_total: Amount::from_minor(sums.claim),
            money: Amount::from_minor(money),
            reach,
        });
        start = end;
    }
    classes
}

/// The totals of one class. They are within those of the whole list, so each fits.
struct ClassSums {
    claim: i64,
    paid_before: i64,
    open: i64,
}

impl ClassSums {
    /// In one pass: with a long list in random order it is the reading that costs.
    fn of(claims: &[ClaimInput], members: &[u32]) -> Self {
        let mut sums = Self { claim: 0, paid_before: 0, open: 0 };
        for &member in members {
            let claim = &claims[member as usize];
            sums.claim += claim.claim.minor();
            sums.paid_before += claim.paid_before.minor();
            sums.open += claim.open().minor();
        }
        sums
    }
}

/// One class: in full when `left` suffices, else at a ratio with the last fen by largest remainder.
fn fill_class(left: i64, sums: &ClassSums, claims: &[ClaimInput], members: &[u32], shares: &mut [Share]) -> Reach {
    if sums.open <= left {
        for (share, &member) in shares.iter_mut().zip(members) {
            share.granted = claims[member as usize].open();
        }
        return Reach::Full;
    }
    if left == 0 {
        return Reach::Nothing;
    }

    let (ratio, kept) = solve_ratio(left, sums, claims, members);
    let mut remainders: Vec<(Reverse<u64>, u32)> = Vec::with_capacity(members.len());
    let mut extra = left;
    for (position, (share, &member)) in (0..).zip(shares.iter_mut().zip(members)) {
        let claim = &claims[member as usize];
        if ratio.is_kept(claim) {
            continue;
        }
        let (total, remainder) = ratio.part(claim);
        let granted = total - claim.paid_before.minor();
        share.granted = Amount::from_minor(granted);
        extra -= granted;
        if remainder > 0 {
            remainders.push((Reverse(remainder), position));
        }
    }
    // The remainders add up to `extra` whole fen, so there are more of them than fen. Positions are in the order
    // of the ids: they are the tie-break.
    let extra = usize::try_from(extra).unwrap_or(0);
    if extra > 0 && extra < remainders.len() {
        remainders.select_nth_unstable(extra);
    }
    for &(_, position) in remainders.iter().take(extra) {
        let share = &mut shares[position as usize];
        // Below the claim's total at a ratio under one, so still within the claim.
        share.granted = Amount::from_minor(share.granted.minor() + 1);
    }
    Reach::Ratio {
        money: Amount::from_minor(ratio.money),
        claims: Amount::from_minor(ratio.claims),
        kept,
        extra_fen: extra as u64,
    }
}

/// A ratio `money ÷ claims`, both above zero: the part of a claim that all rounds together give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ratio {
    pub(super) money: i64,
    pub(super) claims: i64,
}

impl Ratio {
    /// Whether earlier rounds gave more than this ratio does.
    pub(super) fn is_kept(self, claim: &ClaimInput) -> bool {
        // Two factors below 2^63 each: the product fits.
        i128::from(claim.paid_before.minor()) * i128::from(self.claims)
            > i128::from(claim.claim.minor()) * i128::from(self.money)
    }

    /// The whole fen of `claim × money ÷ claims`, and the remainder in units of one fen ÷ `claims`.
    pub(super) fn part(self, claim: &ClaimInput) -> (i64, u64) {
        let product = u128::from(claim.claim.minor().unsigned_abs()) * u128::from(self.money.unsigned_abs());
        let divisor = u128::from(self.claims.unsigned_abs());
        // The ratio is below one, so the quotient is below the claim; the remainder is below the divisor. Both fit.
        ((product / divisor) as i64, (product % divisor) as u64)
    }
}

/// The ratio at which `max(paid_before, ratio × claim)` over the class uses up the money, for `left` above zero and
/// below what is open; and how many claims keep what they have.
///
/// Starting with all claims in the ratio, those that have more than it gives are taken out, which lowers it, until
/// nothing changes. This is Newton's method on a convex, piecewise linear function, so the number of passes grows
/// with the logarithm of the amounts and not with the number of claims; one or two is usual. It never runs empty:
/// as `left` is above zero, some claim always gets more than it had.
fn solve_ratio(left: i64, sums: &ClassSums, claims: &[ClaimInput], members: &[u32]) -> (Ratio, u64) {
    let mut ratio = Ratio { money: left + sums.paid_before, claims: sums.claim };
    if sums.paid_before == 0 {
        return (ratio, 0);
    }
    loop {
        let mut next = Ratio { money: left, claims: 0 };
        let mut kept = 0;
        for &member in members {
            let claim = &claims[member as usize];
            if ratio.is_kept(claim) {
                kept += 1;
            } else {
                next.money += claim.paid_before.minor();
                next.claims += claim.claim.minor();
            }
        }
        if next == ratio {
            return (ratio, kept);
        }
        ratio = next;
    }
}

fn outcome(plan: &Plan, claim: &ClaimInput, granted: Amount) -> Outcome {
    if granted == Amount::ZERO {
        return Outcome::Nothing;
    }
    // Held first: what is set aside is no payment, so the smallest payment does not touch it.
    match claim.hold {
        Some(reason) => Outcome::SetAside(reason),
        None if plan.smallest_payment.is_some_and(|smallest| granted < smallest) => Outcome::Carried,
        None => Outcome::Paid,
    }
}

/// The proof from the finished shares; `None` when it does not tie.
fn prove(plan: &Plan, pot: Amount, totals: &Totals, shares: &[Share]) -> Option<Proof> {
    let surplus = pot.minus(totals.open)?.max(Amount::ZERO);
    let unallocated = match plan.rule {
        Rule::Fixed => pot.minus(totals.fixed)?.minus(surplus)?,
        Rule::ProRata | Rule::Ranked => Amount::ZERO,
    };
    let mut proof = Proof {
        claims: totals.claims,
        claims_total: totals.claim,
        paid_before: totals.paid_before,
        pot,
        paid_shares: 0,
        paid: Amount::ZERO,
        set_aside_shares: 0,
        set_aside: Amount::ZERO,
        carried_shares: 0,
        carried: Amount::ZERO,
        small_shares: Amount::ZERO,
        unallocated,
        surplus,
    };
    for share in shares {
        let (count, sum) = match share.outcome {
            Outcome::Paid => (&mut proof.paid_shares, &mut proof.paid),
            Outcome::SetAside(_) => (&mut proof.set_aside_shares, &mut proof.set_aside),
            Outcome::Carried => (&mut proof.carried_shares, &mut proof.small_shares),
            Outcome::Nothing => continue,
        };
        *count += 1;
        *sum = sum.plus(share.granted)?;
    }
    proof.carried = Amount::sum([proof.small_shares, proof.unallocated, proof.surplus])?;
    proof.ties().then_some(proof)
}

#[cfg(test)]
pub(crate) mod tests;
