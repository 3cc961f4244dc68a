//! Assets (财产) that stand in another's books, and the court's orders on them (财产控制措施): freeze, renew, deduct, lift;
//! what institutions are told and answer; money deducted that is not here yet.
//!
//! What is frozen is a memorandum: it is told by [`measures`] and never added to money. Only a deduction that an
//! institution confirms is posted ([`deductions`]); what arrives otherwise is explained by people ([`differences`]).

pub mod answers;
pub mod day;
pub mod debts;
pub mod deductions;
pub mod differences;
pub mod expectations;
pub mod grounds;
pub mod instructions;
pub mod live_freeze;
pub mod measures;
pub mod message;
pub mod queries;
pub mod register;
pub mod rules;
pub mod salary;
pub mod salary_reports;
pub mod substitution;

use crate::Message;
use crate::words::words;

pub use deductions::{Expected, expected, hold_again, release_on_arrival};

words! {
    /// What kind of asset it is: decides how long an order may last, by `calculators/terms.toml`.
    AssetKind {
        /// 银行存款
        Deposit = "deposit",
        /// 工资薪金, at the bank that pays it out or the employer.
        Salary = "salary",
        /// 人身保险
        Policy = "policy",
        /// 住房公积金
        HousingFund = "housing_fund",
        /// 其他收入: dividends of a village, rent.
        Income = "income",
        /// 网络资金账户
        Wallet = "wallet",
        /// 股权、基金份额
        Equity = "equity",
        /// 到期债权
        Debt = "debt",
        /// 拍卖款
        Auction = "auction",
    }
}

words! {
    /// What an order rests on.
    Basis {
        /// 财产保全: nothing may be deducted.
        Preservation = "preservation",
        /// 执行
        Enforcement = "enforcement",
    }
}

words! {
    /// What an institution is asked to do.
    Action {
        /// 冻结
        Freeze = "freeze",
        /// 续行冻结
        Renew = "renew",
        /// 扣划（提取）
        Deduct = "deduct",
        /// 解除冻结
        Lift = "lift",
        /// 强制退保
        Surrender = "surrender",
        /// 查询: needs no freeze.
        Query = "query",
    }
}

words! {
    /// Where an order stands.
    MeasureStatus {
        /// Recorded; nobody was told.
        Ordered = "ordered",
        /// Sent, not answered.
        Sent = "sent",
        /// 轮候
        Waiting = "waiting",
        /// 已冻结
        InForce = "in_force",
        /// Refused by the institution.
        Refused = "refused",
        /// Taken back before it was sent.
        Withdrawn = "withdrawn",
        /// 期限届满失效
        Lapsed = "lapsed",
        /// 已解除
        Lifted = "lifted",
        /// All deducted, or surrendered.
        Deducted = "deducted",
    }
}

impl AssetKind {
    /// Whether it comes from a payer from time to time, so that the payer may pay somebody else.
    #[must_use]
    pub const fn is_recurring(self) -> bool {
        matches!(self, Self::Income | Self::Salary | Self::Equity)
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Deposit => "assets.kind_deposit",
            Self::Salary => "assets.kind_salary",
            Self::Policy => "assets.kind_policy",
            Self::HousingFund => "assets.kind_housing_fund",
            Self::Income => "assets.kind_income",
            Self::Wallet => "assets.kind_wallet",
            Self::Equity => "assets.kind_equity",
            Self::Debt => "assets.kind_debt",
            Self::Auction => "assets.kind_auction",
        })
    }
}

impl MeasureStatus {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Ordered => "assets.status_ordered",
            Self::Sent => "assets.status_sent",
            Self::Waiting => "assets.status_waiting",
            Self::InForce => "assets.status_in_force",
            Self::Refused => "assets.status_refused",
            Self::Withdrawn => "assets.status_withdrawn",
            Self::Lapsed => "assets.status_lapsed",
            Self::Lifted => "assets.status_lifted",
            Self::Deducted => "assets.status_deducted",
        })
    }
}
