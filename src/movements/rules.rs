//! What each kind of movement moves, asks for and reckons. Pure.

use ankuan_ledger::Amount;

use crate::Message;
use crate::calculators::fees::{Base, Fees};
use crate::chart::Event;
use crate::words::words;

words! {
    /// What a movement does.
    MovementKind {
        /// 收存担保金: preservation guarantee (财产保全担保) or counter-security (反担保).
        SecurityTaken = "security_taken",
        /// 担保金用于赔偿、清偿
        SecurityRealised = "security_realised",
        /// 保证金、尾款转拍卖价款
        AuctionPrice = "auction_price",
        /// 悔拍保证金的使用
        AuctionForfeit = "auction_forfeit",
        /// 拍卖价款扣除税费转入案款
        AuctionSettle = "auction_settle",
        /// 尾款监管
        EscrowKeep = "escrow_keep",
        /// 监管条件成就
        EscrowRelease = "escrow_release",
        /// 罚款
        FineTaken = "fine_taken",
        /// 收取执行申请费
        FeeCharged = "fee_charged",
        /// 转入另案
        ToOtherCase = "to_other_case",
    }
}

words! {
    /// What a part of a movement's money is for.
    Purpose {
        /// 税款
        Tax = "tax",
        /// 评估费
        Valuation = "valuation",
        /// 审计费
        Audit = "audit",
        /// 保管、仓储费
        Storage = "storage",
        /// 申请执行人垫付的费用
        AdvancedCosts = "advanced_costs",
        /// 拍卖产生的费用损失
        Costs = "costs",
        /// 重新拍卖价款低于原拍卖价款的差价
        Shortfall = "shortfall",
        /// 本案债务
        ThisDebt = "this_debt",
        /// 与拍卖财产相关的其他债务
        OtherDebts = "other_debts",
        /// What is left; stays where it is until a ruling says more.
        Rest = "rest",
        /// What becomes case money.
        Proceeds = "proceeds",
        /// 执行申请费
        Fee = "fee",
        /// What of it was charged before.
        FeeBefore = "fee_before",
    }
}

impl MovementKind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::SecurityTaken => "movements.kind_security_taken",
            Self::SecurityRealised => "movements.kind_security_realised",
            Self::AuctionPrice => "movements.kind_auction_price",
            Self::AuctionForfeit => "movements.kind_auction_forfeit",
            Self::AuctionSettle => "movements.kind_auction_settle",
            Self::EscrowKeep => "movements.kind_escrow_keep",
            Self::EscrowRelease => "movements.kind_escrow_release",
            Self::FineTaken => "movements.kind_fine_taken",
            Self::FeeCharged => "movements.kind_fee_charged",
            Self::ToOtherCase => "movements.kind_to_other_case",
        })
    }

    /// Law and article, in words.
    #[must_use]
    pub const fn law(self) -> Message {
        Message::new(match self {
            Self::SecurityTaken => "movements.law_security_taken",
            Self::SecurityRealised => "movements.law_security_realised",
            Self::AuctionPrice => "movements.law_auction_price",
            Self::AuctionForfeit => "movements.law_auction_forfeit",
            Self::AuctionSettle => "movements.law_auction_settle",
            Self::EscrowKeep | Self::EscrowRelease => "movements.law_escrow",
            Self::FineTaken => "movements.law_fine_taken",
            Self::FeeCharged => "movements.law_fee_charged",
            Self::ToOtherCase => "movements.law_to_other_case",
        })
    }
}

impl Purpose {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Tax => "movements.purpose_tax",
            Self::Valuation => "movements.purpose_valuation",
            Self::Audit => "movements.purpose_audit",
            Self::Storage => "movements.purpose_storage",
            Self::AdvancedCosts => "movements.purpose_advanced_costs",
            Self::Costs => "movements.purpose_costs",
            Self::Shortfall => "movements.purpose_shortfall",
            Self::ThisDebt => "movements.purpose_this_debt",
            Self::OtherDebts => "movements.purpose_other_debts",
            Self::Rest => "movements.purpose_rest",
            Self::Proceeds => "movements.purpose_proceeds",
            Self::Fee => "movements.purpose_fee",
            Self::FeeBefore => "movements.purpose_fee_before",
        })
    }
}

/// A part as somebody states it: for what, how much, by which paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// For what.
    pub purpose: Purpose,
    /// How much.
    pub amount: Amount,
    /// The invoice, tax notice or ruling.
    pub basis: String,
}

/// A part as reckoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReckonedPart {
    /// For what.
    pub purpose: Purpose,
    /// Not moved: stays where the money is, to be paid from there or ruled on later.
    pub stays: bool,
    /// How much; above zero.
    pub amount: Amount,
    /// Law and paper.
    pub basis: String,
}

/// What a movement moves, and how that came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reckoned {
    /// What is moved.
    pub amount: Amount,
    /// Line by line, for kinds that are reckoned; those that do not stay come to `amount`.
    pub parts: Vec<ReckonedPart>,
}

/// What a kind of movement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The event of the chart: between which kinds of accounts.
    pub event: Event,
    /// Whether a paper must prove something: that the condition is met, that the price was paid.
    pub asks_evidence: bool,
    /// Whether somebody must be named: guarantor, bidder, supervisor, who is fined, the payee.
    pub asks_party: bool,
    /// Whether a condition must be stated.
    pub asks_condition: bool,
    /// Whether a stay or bankruptcy of the case stops it: it would take money from the creditors of the case.
    pub is_gated: bool,
    /// Whether the money begins a new item where it goes.
    pub begins_item: bool,
}

/// The rule of a kind.
#[must_use]
pub const fn rule(kind: MovementKind) -> Rule {
    const PLAIN: Rule = Rule {
        event: Event::SecurityTaken,
        asks_evidence: false,
        asks_party: false,
        asks_condition: false,
        is_gated: false,
        begins_item: false,
    };
    match kind {
        MovementKind::SecurityTaken => Rule { asks_party: true, asks_condition: true, ..PLAIN },
        MovementKind::SecurityRealised => Rule { event: Event::SecurityRealised, asks_evidence: true, ..PLAIN },
        MovementKind::AuctionPrice => {
            Rule { event: Event::AuctionPriceTaken, asks_evidence: true, asks_party: true, ..PLAIN }
        }
        MovementKind::AuctionForfeit => Rule { event: Event::AuctionForfeited, asks_party: true, ..PLAIN },
        MovementKind::AuctionSettle => Rule { event: Event::AuctionSettled, asks_evidence: true, ..PLAIN },
        MovementKind::EscrowKeep => Rule { event: Event::EscrowKept, asks_party: true, asks_condition: true, ..PLAIN },
        MovementKind::EscrowRelease => Rule { event: Event::EscrowReleased, asks_evidence: true, ..PLAIN },
        MovementKind::FineTaken => {
            Rule { event: Event::FineTaken, asks_party: true, is_gated: true, begins_item: true, ..PLAIN }
        }
        MovementKind::FeeCharged => Rule { event: Event::FeeCharged, is_gated: true, begins_item: true, ..PLAIN },
        MovementKind::ToOtherCase => {
            Rule { event: Event::ToOtherCase, asks_party: true, is_gated: true, begins_item: true, ..PLAIN }
        }
    }
}

/// The law as the basis of a reckoned part names it on record, in Chinese.
#[must_use]
pub const fn law_on_record(kind: MovementKind) -> Option<&'static str> {
    match kind {
        MovementKind::AuctionForfeit => Some(FORFEIT_LAW),
        MovementKind::AuctionSettle => Some(SETTLE_LAW),
        MovementKind::FeeCharged => Some(FEE_LAW),
        _ => None,
    }
}

const FORFEIT_LAW: &str = "法释〔2016〕18号 第24条";
const SETTLE_LAW: &str = "民诉法解释 第508条（先付执行费用）";
const FEE_LAW: &str = "诉讼费用交纳办法 第14、20、38条";

/// The order in which a forfeited deposit is used (法释〔2016〕18号 art. 24). The costs stay with the auction's money, from
/// where they are paid.
pub const FORFEIT_ORDER: [(Purpose, bool); 4] =
    [(Purpose::Costs, true), (Purpose::Shortfall, false), (Purpose::ThisDebt, false), (Purpose::OtherDebts, false)];

/// What is paid out of the price before the rest becomes case money. It stays with the auction's money until a payout run
/// pays it.
pub const BEFORE_PROCEEDS: [Purpose; 5] =
    [Purpose::Tax, Purpose::Valuation, Purpose::Audit, Purpose::Storage, Purpose::AdvancedCosts];

/// How much a movement moves, of all kinds but the fee.
///
/// # Errors
/// `movements.nothing_available`, `movements.amount_positive`, `movements.above_available`, `movements.amount_reckoned` (an
/// amount where the parts decide), `movements.part_not_of_kind`, `movements.part_twice`, `movements.nothing_left`,
/// `payouts.amounts_too_large`.
pub fn reckon(
    kind: MovementKind,
    available: Amount,
    amount: Option<Amount>,
    parts: &[Part],
) -> Result<Reckoned, Message> {
    if available <= Amount::ZERO {
        return Err(Message::new("movements.nothing_available"));
    }
    let allowed: Vec<Purpose> = match kind {
        MovementKind::AuctionForfeit => FORFEIT_ORDER.iter().map(|(purpose, _)| *purpose).collect(),
        MovementKind::AuctionSettle => BEFORE_PROCEEDS.to_vec(),
        _ => Vec::new(),
    };
    for (place, part) in parts.iter().enumerate() {
        let refuse = |code| {
            Err(Message::new(code).with_term("purpose", &part.purpose.message()).with_term("kind", &kind.message()))
        };
        if !allowed.contains(&part.purpose) {
            return refuse("movements.part_not_of_kind");
        }
        if part.amount <= Amount::ZERO {
            return Err(Message::new("movements.amount_positive").with("amount", part.amount));
        }
        // Two invoices of one kind are two lines of the settlement; the order of a forfeit has each once.
        let is_twice = parts[..place].iter().any(|other| other.purpose == part.purpose);
        if is_twice && kind == MovementKind::AuctionForfeit {
            return refuse("movements.part_twice");
        }
    }
    match kind {
        MovementKind::AuctionForfeit | MovementKind::AuctionSettle if amount.is_some() => {
            Err(Message::new("movements.amount_reckoned").with_term("kind", &kind.message()))
        }
        MovementKind::AuctionForfeit => forfeit(available, parts),
        MovementKind::AuctionSettle => settle(available, parts),
        _ => {
            let amount = amount.unwrap_or(available);
            if amount <= Amount::ZERO {
                return Err(Message::new("movements.amount_positive").with("amount", amount));
            }
            if amount > available {
                return Err(Message::new("movements.above_available")
                    .with("amount", amount)
                    .with("available", available));
            }
            Ok(Reckoned { amount, parts: Vec::new() })
        }
    }
}

fn minus(one: Amount, other: Amount) -> Result<Amount, Message> {
    one.minus(other).ok_or_else(|| Message::new("payouts.amounts_too_large"))
}

/// A forfeited deposit, used in the order of the law; what is stated is what each rank could take.
fn forfeit(deposit: Amount, stated: &[Part]) -> Result<Reckoned, Message> {
    let (mut left, mut moved, mut parts) = (deposit, Amount::ZERO, Vec::new());
    for (purpose, stays) in FORFEIT_ORDER {
        let Some(part) = stated.iter().find(|part| part.purpose == purpose) else { continue };
        let amount = part.amount.min(left);
        if amount == Amount::ZERO {
            continue;
        }
        left = minus(left, amount)?;
        if !stays {
            moved = moved.plus(amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
        }
        parts.push(ReckonedPart { purpose, stays, amount, basis: format!("{FORFEIT_LAW}；{}", part.basis.trim()) });
    }
    if left > Amount::ZERO {
        parts.push(ReckonedPart { purpose: Purpose::Rest, stays: true, amount: left, basis: FORFEIT_LAW.to_owned() });
    }
    if moved == Amount::ZERO {
        return Err(Message::new("movements.nothing_left").with("available", deposit));
    }
    Ok(Reckoned { amount: moved, parts })
}

/// The price less what is paid out of it first.
fn settle(price: Amount, stated: &[Part]) -> Result<Reckoned, Message> {
    let first =
        Amount::sum(stated.iter().map(|part| part.amount)).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
    if first >= price {
        return Err(Message::new("movements.nothing_left").with("available", price));
    }
    let mut parts: Vec<ReckonedPart> = stated
        .iter()
        .map(|part| ReckonedPart {
            purpose: part.purpose,
            stays: true,
            amount: part.amount,
            basis: part.basis.trim().to_owned(),
        })
        .collect();
    let amount = minus(price, first)?;
    parts.push(ReckonedPart { purpose: Purpose::Proceeds, stays: false, amount, basis: SETTLE_LAW.to_owned() });
    Ok(Reckoned { amount, parts })
}

/// The enforcement fee of a case, less what was charged before, as far as the item has it.
///
/// # Errors
/// `movements.nothing_available`, `movements.fee_charged`, those of the scale.
pub fn fee(
    fees: &Fees,
    claimed: Amount,
    collected: Amount,
    before: Amount,
    available: Amount,
) -> Result<Reckoned, Message> {
    let base = match fees.taking.base {
        Base::Collected => collected.min(claimed),
        Base::Claimed => claimed,
    };
    let due = fees.execution.fee(base)?.fee;
    let open = minus(due, before)?;
    if open <= Amount::ZERO {
        return Err(Message::new("movements.fee_charged").with("fee", due).with("before", before));
    }
    let amount = open.min(available);
    if amount <= Amount::ZERO {
        return Err(Message::new("movements.nothing_available"));
    }
    let basis = format!("{FEE_LAW}；计费基数 {base}，应收 {due}");
    let mut parts = Vec::new();
    if before > Amount::ZERO {
        parts.push(ReckonedPart { purpose: Purpose::FeeBefore, stays: true, amount: before, basis: basis.clone() });
    }
    parts.push(ReckonedPart { purpose: Purpose::Fee, stays: false, amount, basis });
    Ok(Reckoned { amount, parts })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::calculators::fees::STANDARD;

    const fn yuan(amount: i64) -> Amount {
        Amount::from_minor(amount * 100)
    }

    fn part(purpose: Purpose, amount: i64) -> Part {
        Part { purpose, amount: yuan(amount), basis: "票据".into() }
    }

    fn shown(reckoned: &Reckoned) -> Vec<(&'static str, bool, i64)> {
        reckoned.parts.iter().map(|part| (part.purpose.as_str(), part.stays, part.amount.minor() / 100)).collect()
    }

    #[test]
    fn a_forfeited_deposit_is_used_in_the_order_of_the_law() {
        let used = |deposit, parts: &[Part]| reckon(MovementKind::AuctionForfeit, yuan(deposit), None, parts);
        let parts = [
            part(Purpose::OtherDebts, 500),
            part(Purpose::ThisDebt, 300),
            part(Purpose::Costs, 100),
            part(Purpose::Shortfall, 400),
        ];
        let all = used(2_000, &parts).unwrap();
        assert_eq!(all.amount, yuan(1_200));
        assert_eq!(
            shown(&all),
            [
                ("costs", true, 100),
                ("shortfall", false, 400),
                ("this_debt", false, 300),
                ("other_debts", false, 500),
                ("rest", true, 700)
            ]
        );
        assert_eq!(
            shown(&used(600, &parts).unwrap()),
            [("costs", true, 100), ("shortfall", false, 400), ("this_debt", false, 100)]
        );
        assert_eq!(used(100, &parts).unwrap_err().code, "movements.nothing_left", "the costs take all");
        let twice = [part(Purpose::Costs, 1), part(Purpose::Costs, 1)];
        assert_eq!(used(100, &twice).unwrap_err().code, "movements.part_twice");
        assert_eq!(used(100, &[part(Purpose::Tax, 1)]).unwrap_err().code, "movements.part_not_of_kind");
    }

    #[test]
    fn taxes_and_advanced_costs_come_out_of_the_price_first() {
        let settled = |parts: &[Part]| reckon(MovementKind::AuctionSettle, yuan(10_000), None, parts);
        let done =
            settled(&[part(Purpose::Tax, 900), part(Purpose::Valuation, 60), part(Purpose::Storage, 40)]).unwrap();
        assert_eq!(done.amount, yuan(9_000));
        assert_eq!(shown(&done).last(), Some(&("proceeds", false, 9_000)));
        assert_eq!(settled(&[part(Purpose::Tax, 10_000)]).unwrap_err().code, "movements.nothing_left");
        let amount = reckon(MovementKind::AuctionSettle, yuan(1), Some(yuan(1)), &[]);
        assert_eq!(amount.unwrap_err().code, "movements.amount_reckoned");
    }

    #[test]
    fn a_plain_movement_takes_what_is_there_and_no_more() {
        let plain = |available, amount: Option<i64>| {
            reckon(MovementKind::SecurityTaken, yuan(available), amount.map(yuan), &[]).map(|done| done.amount)
        };
        assert_eq!(plain(5, None), Ok(yuan(5)));
        assert_eq!(plain(5, Some(3)), Ok(yuan(3)));
        assert_eq!(plain(5, Some(6)).unwrap_err().code, "movements.above_available");
        assert_eq!(plain(5, Some(0)).unwrap_err().code, "movements.amount_positive");
        assert_eq!(plain(0, None).unwrap_err().code, "movements.nothing_available");
    }

    #[test]
    fn the_fee_is_charged_once() {
        let mut fees = Fees::parse(STANDARD).unwrap();
        let due = |fees: &Fees, collected, before, available| {
            fee(fees, yuan(500_000), yuan(collected), yuan(before), yuan(available))
        };
        // Figures of the scale's own tests: 130,000 → 1,850; 500,000 → 7,400.
        fees.taking.base = Base::Collected;
        assert_eq!(due(&fees, 130_000, 0, 130_000).unwrap().amount, yuan(1_850));
        assert_eq!(due(&fees, 130_000, 50, 130_000).unwrap().amount, yuan(1_800));
        assert_eq!(due(&fees, 130_000, 0, 1_000).unwrap().amount, yuan(1_000), "the rest later");
        assert_eq!(due(&fees, 130_000, 1_850, 130_000).unwrap_err().code, "movements.fee_charged");
        fees.taking.base = Base::Claimed;
        assert_eq!(due(&fees, 130_000, 0, 130_000).unwrap().amount, yuan(7_400));
    }

    proptest! {
        #[test]
        fn what_is_used_and_what_stays_are_the_whole(
            deposit in 1_i64..1_000_000,
            stated in prop::collection::vec(1_i64..400_000, 4),
        ) {
            let parts: Vec<Part> = FORFEIT_ORDER
                .iter()
                .zip(&stated)
                .map(|((purpose, _), amount)| Part {
                    purpose: *purpose, amount: Amount::from_minor(*amount), basis: String::new(),
                })
                .collect();
            if let Ok(done) = reckon(MovementKind::AuctionForfeit, Amount::from_minor(deposit), None, &parts) {
                let sum = |stays: Option<bool>| -> i64 {
                    let of = done.parts.iter().filter(|part| stays.is_none_or(|stays| stays == part.stays));
                    of.map(|part| part.amount.minor()).sum()
                };
                prop_assert_eq!(sum(None), deposit);
                prop_assert_eq!(sum(Some(false)), done.amount.minor());
                // A rank gets something only when those before it have all that they could take.
                for (place, (purpose, _)) in FORFEIT_ORDER.iter().enumerate() {
                    let got = done.parts.iter().any(|part| part.purpose == *purpose);
                    for earlier in 0..place {
                        let whole = done.parts.iter().any(|part| part.purpose == FORFEIT_ORDER[earlier].0
                            && part.amount.minor() == stated[earlier]);
                        prop_assert!(!got || whole);
                    }
                }
            }
        }
    }
}
