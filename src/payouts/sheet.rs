//! The ordinary payout: the approval sheet (执行款发放审批表) that splits one receipt into heads and payees.
//!
//! Sources: 最高人民法院关于执行款物管理工作的规定, 法发〔2017〕6号, arts. 11 and 12.

use ankuan_ledger::Amount;
use serde::{Deserialize, Serialize};

use crate::chart::Event;
use crate::message::Message;
use crate::words::words;

words! {
    /// What a sheet pays from. Money of one kind never pays what another owes.
    SheetSource {
        /// 案款
        CaseFunds = "case_funds",
        /// 担保金: goes back to who gave it.
        Security = "security",
        /// 拍卖价款: taxes, advanced costs, deposits of bidders who did not win.
        AuctionPrice = "auction_price",
        /// 监管尾款: goes back to the buyer.
        Escrow = "escrow",
        /// 应缴财政款: remitted to the treasury (缴库).
        Treasury = "treasury",
    }
}

impl SheetSource {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::CaseFunds => "sheets.source_case_funds",
            Self::Security => "sheets.source_security",
            Self::AuctionPrice => "sheets.source_auction_price",
            Self::Escrow => "sheets.source_escrow",
            Self::Treasury => "sheets.source_treasury",
        })
    }

    /// The event that takes money out of it when the sheet is committed.
    #[must_use]
    pub const fn event(self) -> Event {
        match self {
            Self::CaseFunds => Event::DistributionPayable,
            Self::Security => Event::SecurityPayable,
            Self::AuctionPrice => Event::AuctionPricePayable,
            Self::Escrow => Event::EscrowPayable,
            Self::Treasury => Event::TreasuryPayable,
        }
    }
}

/// What money of a receipt is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Head {
    /// 本金: the debt itself.
    Principal,
    /// 利息: interest, also for late performance.
    Interest,
    /// 执行申请费: the enforcement fee, owed to the treasury.
    Fee,
    /// 费用: costs of valuation, auction, keeping, or litigation, also such as the applicant advanced.
    Costs,
    /// 余款: what is left after claim and costs.
    Surplus,
    /// 退还: security, a deposit or a tail payment goes back to who gave it.
    Return,
    /// 税费: taxes on what was sold.
    Tax,
    /// 缴库: fees and fines go to the treasury's account.
    Remittance,
    /// 悬赏金: out of the money of the applicant who offered it.
    Bounty,
}

impl Head {
    /// Every head, in the order of the sheet.
    pub const ALL: [Self; 9] = [
        Self::Principal,
        Self::Interest,
        Self::Fee,
        Self::Costs,
        Self::Surplus,
        Self::Return,
        Self::Tax,
        Self::Remittance,
        Self::Bounty,
    ];

    /// The stable word for the database and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Interest => "interest",
            Self::Fee => "fee",
            Self::Costs => "costs",
            Self::Surplus => "surplus",
            Self::Return => "return",
            Self::Tax => "tax",
            Self::Remittance => "remittance",
            Self::Bounty => "bounty",
        }
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Principal => "sheets.head_principal",
            Self::Interest => "sheets.head_interest",
            Self::Fee => "sheets.head_fee",
            Self::Costs => "sheets.head_costs",
            Self::Surplus => "sheets.head_surplus",
            Self::Return => "sheets.head_return",
            Self::Tax => "sheets.head_tax",
            Self::Remittance => "sheets.head_remittance",
            Self::Bounty => "sheets.head_bounty",
        })
    }

    /// The head behind the stable word; `None` for any other word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|head| head.code() == code)
    }
}

/// Who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PayeeKind {
    /// 申请执行人.
    Applicant,
    /// 国库: fees and fines.
    Treasury,
    /// 被执行人: gets the surplus back.
    Debtor,
    /// 交款人: who paid in and gets a refund.
    Payer,
    /// 其他法院: has frozen the money or takes part in it.
    OtherCourt,
    /// 评估机构: a valuer, auctioneer or keeper.
    Valuer,
    /// 税务机关
    TaxOffice,
    /// 悬赏线索人: known by a number only.
    Informer,
}

impl PayeeKind {
    /// Every kind of payee.
    pub const ALL: [Self; 8] = [
        Self::Applicant,
        Self::Treasury,
        Self::Debtor,
        Self::Payer,
        Self::OtherCourt,
        Self::Valuer,
        Self::TaxOffice,
        Self::Informer,
    ];

    /// The stable word for the database and JSON.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Applicant => "applicant",
            Self::Treasury => "treasury",
            Self::Debtor => "debtor",
            Self::Payer => "payer",
            Self::OtherCourt => "other_court",
            Self::Valuer => "valuer",
            Self::TaxOffice => "tax_office",
            Self::Informer => "informer",
        }
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Applicant => "sheets.payee_applicant",
            Self::Treasury => "sheets.payee_treasury",
            Self::Debtor => "sheets.payee_debtor",
            Self::Payer => "sheets.payee_payer",
            Self::OtherCourt => "sheets.payee_other_court",
            Self::Valuer => "sheets.payee_valuer",
            Self::TaxOffice => "sheets.payee_tax_office",
            Self::Informer => "sheets.payee_informer",
        })
    }

    /// The kind behind the stable word; `None` for any other word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// Whether paying this kind needs a recorded decision: everybody but the applicant, and the payer who gets a
    /// refund (法发〔2017〕6号 art. 11).
    #[must_use]
    pub const fn needs_decision(self) -> bool {
        !matches!(self, Self::Applicant | Self::Payer)
    }
}

/// Who may be paid out of case funds under which head. A pair that is not listed is refused.
pub const PAYEES_OF_HEADS: [(Head, PayeeKind); 12] = [
    (Head::Principal, PayeeKind::Applicant),
    // The applicant's own money frozen for another case, or the other court's creditor takes part.
    (Head::Principal, PayeeKind::OtherCourt),
    (Head::Interest, PayeeKind::Applicant),
    (Head::Interest, PayeeKind::OtherCourt),
    (Head::Fee, PayeeKind::Treasury),
    // Costs that the applicant advanced go back first.
    (Head::Costs, PayeeKind::Applicant),
    (Head::Costs, PayeeKind::Valuer),
    // Litigation costs of the judgment that are owed to the state.
    (Head::Costs, PayeeKind::Treasury),
    // 执行工作规定 art. 34: what exceeds claim and costs goes back to the debtor.
    (Head::Surplus, PayeeKind::Debtor),
    (Head::Surplus, PayeeKind::Payer),
    (Head::Surplus, PayeeKind::OtherCourt),
    // 财产调查规定 art. 23: deducted from what the applicant is due.
    (Head::Bounty, PayeeKind::Informer),
];

/// Who may be paid out of other money. Everybody of them needs a decision: it is not the applicant's money.
pub const PAYEES_OF_SOURCES: [(SheetSource, Head, PayeeKind); 10] = [
    // 保全担保: the applicant's or a guarantor's; 反担保: the debtor's.
    (SheetSource::Security, Head::Return, PayeeKind::Payer),
    (SheetSource::Security, Head::Return, PayeeKind::Applicant),
    (SheetSource::Security, Head::Return, PayeeKind::Debtor),
    (SheetSource::AuctionPrice, Head::Tax, PayeeKind::TaxOffice),
    (SheetSource::AuctionPrice, Head::Costs, PayeeKind::Valuer),
    // Who advanced costs gets them back first.
    (SheetSource::AuctionPrice, Head::Costs, PayeeKind::Applicant),
    // A bidder who did not win (法释〔2016〕18号 art. 23).
    (SheetSource::AuctionPrice, Head::Return, PayeeKind::Payer),
    (SheetSource::Escrow, Head::Return, PayeeKind::Payer),
    (SheetSource::Treasury, Head::Remittance, PayeeKind::Treasury),
    // A fine that was revoked before it was remitted.
    (SheetSource::Treasury, Head::Return, PayeeKind::Payer),
];

/// The money that a sheet splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvailableReceipt {
    /// The receipt.
    pub receipt_id: i64,
    /// What of it is neither paid nor held.
    pub available: Amount,
}

/// One head of the sheet with its payees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetHead {
    /// What the money is for.
    pub head: Head,
    /// The head's amount as written on the sheet; its payees must come to the same.
    #[serde(rename = "amount_minor")]
    pub amount: Amount,
    /// Who gets it.
    pub payees: Vec<SheetPayee>,
}

/// One payee under a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetPayee {
    /// Who is paid.
    pub kind: PayeeKind,
    /// The person or body.
    pub payee_id: i64,
    /// How much.
    #[serde(rename = "amount_minor")]
    pub amount: Amount,
    /// The document with the decision to pay this payee, where one is needed.
    pub decision: Option<String>,
}

/// One line for a payout run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SheetLine {
    /// Number on the sheet, from 1.
    pub line: u32,
    /// The receipt that pays.
    pub receipt_id: i64,
    /// What for.
    pub head: Head,
    /// Who is paid.
    pub kind: PayeeKind,
    /// The person or body.
    pub payee_id: i64,
    /// How much; above zero.
    #[serde(rename = "amount_minor")]
    pub amount: Amount,
    /// The document with the decision, where one is needed.
    pub decision: Option<String>,
}

/// The sheet's figures: `paid + rest = available`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SheetProof {
    /// What the receipt had.
    #[serde(rename = "available_minor")]
    pub available: Amount,
    /// The total of the lines.
    #[serde(rename = "paid_minor")]
    pub paid: Amount,
    /// What stays with the receipt.
    #[serde(rename = "rest_minor")]
    pub rest: Amount,
}

/// A sheet that may go into a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sheet {
    /// The lines in the order of the sheet.
    pub lines: Vec<SheetLine>,
    /// The figures that tie.
    pub proof: SheetProof,
}

/// Why a sheet is refused. The first in the order of the sheet is named; the receipt's total is checked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SheetRefusal {
    /// The receipt has nothing available.
    NothingAvailable {
        /// The receipt.
        receipt_id: i64,
        /// What it has.
        available: Amount,
    },
    /// The sheet has no head.
    NoHeads,
    /// A head stands twice.
    DuplicateHead {
        /// The head.
        head: Head,
    },
    /// A head has no payee.
    NoPayees {
        /// The head.
        head: Head,
    },
    /// A line's amount is zero or negative.
    AmountNotPositive {
        /// The line, from 1 over the whole sheet.
        line: u32,
        /// Its amount.
        amount: Amount,
    },
    /// This kind of payee is not paid under this head.
    PayeeNotOfHead {
        /// The line.
        line: u32,
        /// The head.
        head: Head,
        /// The kind of payee.
        kind: PayeeKind,
    },
    /// The payee needs a recorded decision and the line names none.
    DecisionMissing {
        /// The line.
        line: u32,
        /// The kind of payee.
        kind: PayeeKind,
    },
    /// The same payee stands twice under a head.
    DuplicatePayee {
        /// The second line.
        line: u32,
        /// The head.
        head: Head,
    },
    /// The payees do not come to the head's amount.
    HeadDoesNotTie {
        /// The head.
        head: Head,
        /// The head's amount.
        amount: Amount,
        /// The total of its payees.
        payees: Amount,
    },
    /// The heads come to more than the receipt has.
    AboveAvailable {
        /// The total of the heads.
        total: Amount,
        /// What the receipt has.
        available: Amount,
    },
    /// The amounts leave the range of [`Amount`].
    AmountsTooLarge,
}

impl SheetRefusal {
    /// The refusal in words; its code is stable.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::NothingAvailable { receipt_id, available } => Message::new("payouts.sheet_nothing_available")
                .with("receipt_id", receipt_id)
                .with("available", available),
            Self::NoHeads => Message::new("payouts.sheet_no_heads"),
            Self::DuplicateHead { head } => {
                Message::new("payouts.sheet_duplicate_head").with_term("head", &head.message())
            }
            Self::NoPayees { head } => Message::new("payouts.sheet_no_payees").with_term("head", &head.message()),
            Self::AmountNotPositive { line, amount } => {
                Message::new("payouts.sheet_amount_not_positive").with("line", line).with("amount", amount)
            }
            Self::PayeeNotOfHead { line, head, kind } => Message::new("payouts.sheet_payee_not_of_head")
                .with("line", line)
                .with_term("head", &head.message())
                .with_term("kind", &kind.message()),
            Self::DecisionMissing { line, kind } => {
                Message::new("payouts.sheet_decision_missing").with("line", line).with_term("kind", &kind.message())
            }
            Self::DuplicatePayee { line, head } => {
                Message::new("payouts.sheet_duplicate_payee").with("line", line).with_term("head", &head.message())
            }
            Self::HeadDoesNotTie { head, amount, payees } => Message::new("payouts.sheet_head_does_not_tie")
                .with_term("head", &head.message())
                .with("amount", amount)
                .with("payees", payees),
            Self::AboveAvailable { total, available } => {
                Message::new("payouts.sheet_above_available").with("total", total).with("available", available)
            }
            Self::AmountsTooLarge => Message::new("payouts.amounts_too_large"),
        }
    }
}

/// Decides one sheet: its heads and payees are checked, and come out as lines for a run. What the heads do not use
/// stays with the receipt.
///
/// # Errors
///
/// [`SheetRefusal`].
pub fn decide_sheet(
    source: SheetSource,
    receipt: AvailableReceipt,
    heads: &[SheetHead],
) -> Result<Sheet, SheetRefusal> {
    let AvailableReceipt { receipt_id, available } = receipt;
    if available <= Amount::ZERO {
        return Err(SheetRefusal::NothingAvailable { receipt_id, available });
    }
    if heads.is_empty() {
        return Err(SheetRefusal::NoHeads);
    }

    let mut lines: Vec<SheetLine> = Vec::new();
    let mut paid = Amount::ZERO;
    for (index, SheetHead { head, amount, payees }) in heads.iter().enumerate() {
        if heads[..index].iter().any(|earlier| earlier.head == *head) {
            return Err(SheetRefusal::DuplicateHead { head: *head });
        }
        if payees.is_empty() {
            return Err(SheetRefusal::NoPayees { head: *head });
        }
        let first_line = lines.len();
        for (line, payee) in (lines.len() as u32 + 1..).zip(payees) {
            check_payee(source, line, *head, payee)?;
            if lines[first_line..].iter().any(|other| (other.kind, other.payee_id) == (payee.kind, payee.payee_id)) {
                return Err(SheetRefusal::DuplicatePayee { line, head: *head });
            }
            lines.push(SheetLine {
                line,
                receipt_id,
                head: *head,
                kind: payee.kind,
                payee_id: payee.payee_id,
                amount: payee.amount,
                decision: payee.decision.clone(),
            });
        }
        let total = Amount::sum(payees.iter().map(|payee| payee.amount)).ok_or(SheetRefusal::AmountsTooLarge)?;
        if total != *amount {
            return Err(SheetRefusal::HeadDoesNotTie { head: *head, amount: *amount, payees: total });
        }
        paid = paid.plus(total).ok_or(SheetRefusal::AmountsTooLarge)?;
    }
    if paid > available {
        return Err(SheetRefusal::AboveAvailable { total: paid, available });
    }
    let rest = available.minus(paid).ok_or(SheetRefusal::AmountsTooLarge)?;
    Ok(Sheet { lines, proof: SheetProof { available, paid, rest } })
}

fn check_payee(source: SheetSource, line: u32, head: Head, payee: &SheetPayee) -> Result<(), SheetRefusal> {
    let SheetPayee { kind, amount, .. } = *payee;
    if amount <= Amount::ZERO {
        return Err(SheetRefusal::AmountNotPositive { line, amount });
    }
    let may_be_paid = match source {
        SheetSource::CaseFunds => PAYEES_OF_HEADS.contains(&(head, kind)),
        _ => PAYEES_OF_SOURCES.contains(&(source, head, kind)),
    };
    if !may_be_paid {
        return Err(SheetRefusal::PayeeNotOfHead { line, head, kind });
    }
    let decided = payee.decision.as_deref().is_some_and(|document| !document.trim().is_empty());
    if (kind.needs_decision() || source != SheetSource::CaseFunds) && !decided {
        return Err(SheetRefusal::DecisionMissing { line, kind });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
