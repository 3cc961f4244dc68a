//! The monthly return to the upper court (案款月报): opening, in, out, closing; what is unpaid by age, reason and handler;
//! the days from arrival to claim, approval and payment apart.

use std::collections::{BTreeMap, HashMap};

use ankuan_ledger::{Amount, BookKey, Tx};
use jiff::civil::Date;

use super::period::{Flow, HELD_KINDS, PeriodOfMoney, Unpaid, average_hundredths, days_between, period_of_money};
use crate::books;
use crate::cases::gates::{GateKind, events_of, gates};
use crate::cases::progress::handlers;
use crate::chart::AccountKind;
use crate::deadlines::DeadlineKind;
use crate::deadlines::record::pauses;
use crate::failure::Outcome;
use crate::message::Message;

/// The last days of the age bands; older is the last band. Ours: no form of the upper court was found.
pub const AGE_BANDS: [i64; 4] = [30, 90, 180, 365];

/// Which of [`AGE_BANDS`] money of so many days stands in; one past the last for older.
pub(super) fn age_band(days: i64) -> usize {
    AGE_BANDS.iter().position(|last| days <= *last).unwrap_or(AGE_BANDS.len())
}

/// Why money is not paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// 待认领
    Unattributed,
    /// 扣划在途
    OnItsWay,
    /// 中止、破产、异议: a gate is shut.
    Gate(GateKind),
    /// 经审批暂缓
    Paused,
    /// 待分配、待发放
    NotDistributed,
    /// 已分配，未付出
    NotSent,
    /// 预留
    SetAside,
    /// 提存
    Deposited,
    /// 应缴财政
    Treasury,
    /// 担保金
    Security,
    /// 拍卖价款
    AuctionPrice,
    /// 监管尾款
    Escrow,
}

impl Reason {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Unattributed => "monthly_return.unattributed",
            Self::OnItsWay => "monthly_return.on_its_way",
            Self::Gate(GateKind::Stay) => "monthly_return.gate_stay",
            Self::Gate(GateKind::Bankruptcy) => "monthly_return.gate_bankruptcy",
            Self::Gate(GateKind::PlanObjection) => "monthly_return.gate_plan_objection",
            Self::Gate(GateKind::ExecutionObjection) => "monthly_return.gate_execution_objection",
            Self::Paused => "monthly_return.paused",
            Self::NotDistributed => "monthly_return.not_distributed",
            Self::NotSent => "monthly_return.not_sent",
            Self::SetAside => "monthly_return.set_aside",
            Self::Deposited => "monthly_return.deposited",
            Self::Treasury => "monthly_return.treasury",
            Self::Security => "monthly_return.security",
            Self::AuctionPrice => "monthly_return.auction_price",
            Self::Escrow => "monthly_return.escrow",
        })
    }
}

/// Unpaid money of one reason, handler and case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnpaidLine {
    /// Why.
    pub reason: Reason,
    /// Who handles the case; empty where nobody was named.
    pub handler: String,
    /// The case; empty while unattributed.
    pub case_number: String,
    /// Items.
    pub count: usize,
    /// How much by age: one for each of [`AGE_BANDS`], and one for older.
    pub by_age: [Amount; AGE_BANDS.len() + 1],
    /// Together.
    pub amount: Amount,
    /// Day of the oldest.
    pub oldest: Date,
}

/// Average days, in hundredths; none when nothing was paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StageDays {
    /// From arrival to the case it belongs to.
    pub to_claim: Option<i64>,
    /// From there to the last approval.
    pub to_approval: Option<i64>,
    /// From there to the bank's debit.
    pub to_payment: Option<i64>,
    /// From arrival to the bank's debit.
    pub all: Option<i64>,
    /// Payments, counted once for each receipt that paid them.
    pub count: usize,
    /// What they come to.
    pub amount: Amount,
}

/// The return of a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthlyReturn {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// Money of others at the court, by kind.
    pub flows: Vec<(AccountKind, Flow)>,
    /// The bank deposit.
    pub bank: Flow,
    /// Money on its way in, on its way out, and to be recovered: what lies between the kinds and the bank.
    pub between: [(AccountKind, Flow); 3],
    /// Unpaid at the end.
    pub unpaid: Vec<UnpaidLine>,
    /// How long it took.
    pub days: StageDays,
    /// Whether the bank deposit is what all other rows come to.
    pub ties: bool,
}

/// Computes the return from the books. Reasons and handlers are those on record now; amounts are of the month's end.
///
/// # Errors
/// Those of [`period_of_money`].
pub fn monthly_return(tx: &mut Tx<'_>, court_id: i64, from: Date, until: Date) -> Outcome<MonthlyReturn> {
    let book = books::case_money(court_id);
    let period = period_of_money(tx, book, from, until)?;
    let flow = |kind| period.flows.get(&kind).copied().unwrap_or_default();
    let flows = HELD_KINDS.iter().map(|kind| (*kind, flow(*kind))).collect();
    let unpaid = unpaid(tx, book, &period)?;
    let between = [AccountKind::InTransitIn, AccountKind::InTransitOut, AccountKind::Receivable];
    let mut found = MonthlyReturn {
        from,
        until,
        flows,
        bank: flow(AccountKind::Bank),
        between: between.map(|kind| (kind, flow(kind))),
        unpaid,
        days: stage_days(&period),
        ties: false,
    };
    found.ties = found.adds_up_to(flow(AccountKind::Expense).closing) == Some(found.bank.closing);
    Ok(found)
}

impl MonthlyReturn {
    /// What the bank deposit must hold at the end by the other rows: money of others and on its way out, less what is on its
    /// way in, to be recovered, or was the court's own expense.
    #[must_use]
    pub fn adds_up_to(&self, expense: Amount) -> Option<Amount> {
        let [on_its_way_in, on_its_way_out, to_recover] = self.between.map(|(_, flow)| flow.closing);
        let others = Amount::sum(self.flows.iter().map(|(_, flow)| flow.closing))?;
        others.plus(on_its_way_out)?.minus(on_its_way_in)?.minus(to_recover)?.minus(expense)
    }
}

/// Average days of what was paid in a period.
#[must_use]
pub fn stage_days(period: &PeriodOfMoney) -> StageDays {
    let average = |from: fn(&super::period::Way) -> (Date, Date)| {
        average_hundredths(period.ways.iter().map(|way| {
            let (one, other) = from(way);
            days_between(one, other)
        }))
    };
    StageDays {
        to_claim: average(|way| (way.arrived_on, way.attributed_on)),
        to_approval: average(|way| (way.attributed_on, way.approved_on)),
        to_payment: average(|way| (way.approved_on, way.debited_on)),
        all: average(|way| (way.arrived_on, way.debited_on)),
        count: period.ways.len(),
        amount: period.ways.iter().fold(Amount::ZERO, |sum, way| sum.plus(way.amount).unwrap_or(sum)),
    }
}

fn unpaid(tx: &mut Tx<'_>, book: BookKey, period: &PeriodOfMoney) -> Outcome<Vec<UnpaidLine>> {
    let handlers = handlers(tx, book, period.until)?;
    let pauses = pauses(tx, book)?;
    let on_its_way: std::collections::HashSet<i64> = tx
        .query(
            "SELECT i.item_id FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id \
             AND i.book_id = a.book_id AND i.account_id = a.account_id WHERE a.court_id = $1 AND a.book_id = $2 \
             AND a.kind = 'in_transit_in' AND i.posted_minor > 0",
            &[book.court_id.into(), book.book_id.into()],
            |row| row.int(0),
        )?
        .into_iter()
        .collect();
    let mut shut: HashMap<i64, Option<GateKind>> = HashMap::new();
    let mut lines: BTreeMap<(Reason, String, Option<i64>), UnpaidLine> = BTreeMap::new();
    for one in &period.unpaid {
        let gate = match one.case_id {
            None => None,
            Some(case_id) => match shut.get(&case_id) {
                Some(gate) => *gate,
                None => {
                    let gate = gates(&events_of(tx, book, case_id)?).first().map(|gate| gate.kind);
                    shut.insert(case_id, gate);
                    gate
                }
            },
        };
        let is_paused = pauses
            .get(&(DeadlineKind::ReceiptPayout, one.item_id))
            .is_some_and(|pauses| pauses.iter().any(|(_, pause)| pause.until.is_none()));
        let reason = reason_of(one, gate, is_paused, on_its_way.contains(&one.item_id));
        let handler = one.case_id.and_then(|case_id| handlers.get(&case_id)).cloned().unwrap_or_default();
        let line = lines.entry((reason, handler.clone(), one.case_id)).or_insert_with(|| UnpaidLine {
            reason,
            handler,
            case_number: String::new(),
            count: 0,
            by_age: [Amount::ZERO; AGE_BANDS.len() + 1],
            amount: Amount::ZERO,
            oldest: one.since,
        });
        let age = days_between(one.since, period.until);
        let band = age_band(age);
        let too_large = || Message::new("payouts.amounts_too_large");
        line.by_age[band] = line.by_age[band].plus(one.amount).ok_or_else(too_large)?;
        line.amount = line.amount.plus(one.amount).ok_or_else(too_large)?;
        line.count += 1;
        line.oldest = line.oldest.min(one.since);
    }
    let mut all = Vec::with_capacity(lines.len());
    for ((_, _, case_id), mut line) in lines {
        if let Some(case_id) = case_id {
            crate::cases::case_by_id(tx, book, case_id)?.current_number().clone_into(&mut line.case_number);
        }
        all.push(line);
    }
    Ok(all)
}

fn reason_of(one: &Unpaid, gate: Option<GateKind>, is_paused: bool, is_on_its_way: bool) -> Reason {
    match (one.kind, gate) {
        (AccountKind::Unattributed, _) => Reason::Unattributed,
        (AccountKind::SetAside, _) => Reason::SetAside,
        (AccountKind::Deposited, _) => Reason::Deposited,
        (AccountKind::Treasury, _) => Reason::Treasury,
        (AccountKind::Security, _) => Reason::Security,
        (AccountKind::AuctionPrice, _) => Reason::AuctionPrice,
        (AccountKind::Escrow, _) => Reason::Escrow,
        (AccountKind::CaseFunds, _) if is_on_its_way => Reason::OnItsWay,
        (_, Some(gate)) => Reason::Gate(gate),
        (AccountKind::CaseFunds, None) if is_paused => Reason::Paused,
        (AccountKind::CaseFunds, None) => Reason::NotDistributed,
        _ => Reason::NotSent,
    }
}
