//! Deadlines (期限): what must be done by when, and how it stands on a day. Pure here; [`running`] reads what is running from
//! the books, [`record`] what a court sets and pauses.
//!
//! A deadline is not stored. It follows from the fact that it is about (a receipt with money left, a freeze in force), so
//! that none can be forgotten, and it ends by what is recorded of that fact.

pub mod record;
pub mod running;

use ankuan_ledger::Amount;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use crate::calculators::Text;
use crate::calendar::{self, Calendar, End, OnHoliday, Period, Unit};
use crate::message::Message;
use crate::words::words;

/// The deadlines that a court starts with.
pub const STANDARD: &str = include_str!("standard.toml");

words! {
    /// What a deadline is about.
    DeadlineKind {
        /// Money of a case that is not paid out.
        ReceiptPayout = "receipt_payout",
        /// 待认领款
        Unattributed = "unattributed",
        /// A confirmed deduction that has not arrived.
        DeductionArrival = "deduction_arrival",
        /// A payment that failed or came back and was not paid again.
        PaymentReturned = "payment_returned",
        /// A freeze in force.
        FreezeEnd = "freeze_end",
        /// An order that an institution has not answered.
        AnswerDue = "answer_due",
        /// Property that is known and not controlled.
        PropertyControl = "property_control",
        /// A freeze that lapsed, and nothing followed it.
        LapsedUndisposed = "lapsed_undisposed",
        /// A case that is not closed.
        CaseUnclosed = "case_unclosed",
        /// An application that became a case.
        CaseFiling = "case_filing",
        /// The second property check of a case.
        SecondCheck = "second_check",
        /// The cash value of a policy that was ended.
        SurrenderPayment = "surrender_payment",
        /// Income that a third party is to pay.
        IncomeExpected = "income_expected",
        /// A third party pays a debt or objects.
        DebtObjection = "debt_objection",
        /// Objection, opposition or suit over a distribution plan.
        PlanPeriod = "plan_period",
        /// An instalment of a settlement.
        Instalment = "instalment",
        /// An insurer pays a relief claim.
        ReliefClaim = "relief_claim",
        /// Another court's paper for money that went or came.
        CourtTransfer = "court_transfer",
        /// Cash that officers have taken and the bank has not.
        CashBanked = "cash_banked",
    }
}

impl DeadlineKind {
    /// Whether the fact itself says the last day, reckoned by the rule that held when it was recorded.
    #[must_use]
    pub const fn ends_by_fact(self) -> bool {
        matches!(
            self,
            Self::FreezeEnd
                | Self::LapsedUndisposed
                | Self::SurrenderPayment
                | Self::IncomeExpected
                | Self::DebtObjection
                | Self::PlanPeriod
                | Self::Instalment
                | Self::ReliefClaim
        )
    }
}

words! {
    /// The five overdue alarms (五超案件).
    Alarm {
        /// 财产超期未控制
        Control = "control",
        /// 措施到期未处置
        Expired = "expired",
        /// 超期未发款
        Payout = "payout",
        /// 超长期未结
        Unclosed = "unclosed",
        /// 超期立案
        Filing = "filing",
    }
}

impl Alarm {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Control => "deadlines.alarm_control",
            Self::Expired => "deadlines.alarm_expired",
            Self::Payout => "deadlines.alarm_payout",
            Self::Unclosed => "deadlines.alarm_unclosed",
            Self::Filing => "deadlines.alarm_filing",
        })
    }
}

words! {
    /// How a deadline stands, in three colours and at rest. In the order in which a worklist shows them.
    Colour {
        /// 红: its last day is over.
        Overdue = "overdue",
        /// 黄: its last day is near.
        DueSoon = "due_soon",
        /// 绿
        Running = "running",
        /// 暂停
        Paused = "paused",
    }
}

impl Colour {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Overdue => "deadlines.overdue",
            Self::DueSoon => "deadlines.due_soon",
            Self::Running => "deadlines.running",
            Self::Paused => "deadlines.paused",
        })
    }
}

/// The rules of all deadlines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which edition.
    pub version: String,
    /// One for each [`DeadlineKind`].
    #[serde(rename = "deadline")]
    pub all: Vec<Rule>,
}

/// The rule of one deadline.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Which deadline.
    pub name: String,
    /// What people call it.
    pub title: Text,
    /// How long; none where the fact says its last day.
    #[serde(default)]
    pub period: Option<Period>,
    /// From how many days before the end it is due soon.
    pub due_soon: u16,
    /// What becomes of a last day on which nobody works.
    pub on_holiday: OnHoliday,
    /// Whether it may be paused.
    pub may_pause: bool,
    /// Which alarm it raises when it is overdue.
    #[serde(default)]
    pub alarm: Option<String>,
    /// Whether a text was read that gives the period.
    pub verified: bool,
    /// Where it comes from.
    pub source: Text,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// `deadlines.rules`: not such a file, an unknown deadline or alarm, a deadline missing or standing twice.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let wrong = |detail: String| Message::new("deadlines.rules").with("detail", detail);
        let rules: Self = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
        for rule in &rules.all {
            let kind = DeadlineKind::parse(&rule.name).ok_or_else(|| wrong(format!("name = {:?}", rule.name)))?;
            if let Some(alarm) = rule.alarm.as_deref().filter(|alarm| Alarm::parse(alarm).is_none()) {
                return Err(wrong(format!("{}: alarm = {alarm:?}", rule.name)));
            }
            if rule.period.is_some() == kind.ends_by_fact() {
                return Err(wrong(format!("{}: period", rule.name)));
            }
        }
        for kind in DeadlineKind::ALL {
            let count = rules.all.iter().filter(|rule| rule.name == kind.as_str()).count();
            if count != 1 {
                return Err(wrong(format!("{} × {count}", kind.as_str())));
            }
        }
        Ok(rules)
    }

    /// The rule of a deadline.
    #[must_use]
    pub fn of(&self, kind: DeadlineKind) -> &Rule {
        // `parse` refuses rules that lack one.
        self.all.iter().find(|rule| rule.name == kind.as_str()).unwrap_or(&self.all[0])
    }
}

impl Rule {
    /// Which alarm it raises.
    #[must_use]
    pub fn alarm(&self) -> Option<Alarm> {
        self.alarm.as_deref().and_then(Alarm::parse)
    }
}

/// A deadline that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// What it is about.
    pub kind: DeadlineKind,
    /// The receipt, order, asset, payment or case.
    pub subject_id: i64,
    /// Its case, where there is one.
    pub case_id: Option<i64>,
    /// Who has to act; empty where nobody is named.
    pub officer: String,
    /// Payer, institution, title: what people know it by.
    pub about: String,
    /// What it is about in money.
    pub amount: Option<Amount>,
    /// The day that begins it, which is not counted.
    pub from: Date,
    /// The last day, where the fact says so.
    pub fixed_end: Option<Date>,
}

/// Days on which a deadline stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// First day that does not count.
    pub from: Date,
    /// Last one; none while it still rests.
    pub until: Option<Date>,
}

impl Pause {
    fn covers(&self, day: Date) -> bool {
        self.from <= day && self.until.is_none_or(|until| day <= until)
    }
}

/// How a deadline stands on a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Last day, until 24:00; none while it rests.
    pub last_day: Option<Date>,
    /// Days from today to the last day; negative when it is over.
    pub days_left: Option<i32>,
    /// How it stands.
    pub colour: Colour,
    /// Years of which holidays are not known: reckoned by weekends alone.
    pub unknown_years: Vec<i16>,
}

/// How a deadline stands at the end of `today`'s work: overdue once its last day is past, due soon so many days before.
///
/// Days of a pause do not count; what a period of months or years lasts is counted in days for that. A pause that has not
/// ended leaves the last day open, but what was overdue before it stays overdue.
///
/// # Errors
/// `calendar.out_of_range`.
pub fn stand(
    rule: &Rule,
    deadline: &Deadline,
    pauses: &[Pause],
    calendar: &Calendar,
    today: Date,
) -> Result<Standing, Message> {
    let (last_day, unknown_years) = match (deadline.fixed_end, rule.period) {
        (Some(end), _) => (Some(end), Vec::new()),
        (None, None) => (Some(deadline.from), Vec::new()),
        (None, Some(period)) => {
            let End { last_day, unknown_years, .. } = calendar::end(deadline.from, period, rule.on_holiday, calendar)?;
            let begins_in_time =
                |pause: &&Pause| pause.from <= last_day && pause.until.is_none_or(|until| until > deadline.from);
            let pauses: Vec<Pause> = pauses.iter().filter(begins_in_time).copied().collect();
            if pauses.is_empty() {
                (Some(last_day), unknown_years)
            } else {
                (last_day_with(rule, deadline.from, period, &pauses, calendar)?, unknown_years)
            }
        }
    };
    let days_left = last_day.map(|last_day| today.until(last_day).map_or(0, |span| span.get_days()));
    let colour = match days_left {
        None => Colour::Paused,
        Some(left) if left < 0 => Colour::Overdue,
        Some(left) if left <= i32::from(rule.due_soon) => Colour::DueSoon,
        Some(_) => Colour::Running,
    };
    Ok(Standing { last_day, days_left, colour, unknown_years })
}

/// The last day of a period in which the days of pauses do not count; none when one that has not ended comes before.
fn last_day_with(
    rule: &Rule,
    from: Date,
    period: Period,
    pauses: &[Pause],
    calendar: &Calendar,
) -> Result<Option<Date>, Message> {
    let out_of_range = || Message::new("calendar.out_of_range").with("day", from);
    let by_working_days = period.unit == Unit::WorkingDays;
    let mut left = if by_working_days {
        i32::from(period.count)
    } else {
        let counted = calendar::end(from, period, OnHoliday::Stays, calendar)?.last_day;
        from.until(counted).map_err(|_| out_of_range())?.get_days()
    };
    let mut day = from;
    loop {
        if let Some(pause) = pauses.iter().find(|pause| pause.covers(day) && day > from) {
            let Some(until) = pause.until else { return Ok(None) };
            day = until.tomorrow().map_err(|_| out_of_range())?;
            continue;
        }
        if day > from && (!by_working_days || calendar.is_working_day(day)) {
            left -= 1;
        }
        if left == 0 {
            break;
        }
        day = day.tomorrow().map_err(|_| out_of_range())?;
    }
    while rule.on_holiday == OnHoliday::Moves && !calendar.is_working_day(day) {
        day = day.checked_add(1.day()).map_err(|_| out_of_range())?;
    }
    Ok(Some(day))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn rules() -> Rules {
        Rules::parse(STANDARD).unwrap()
    }

    fn deadline(kind: DeadlineKind, from: Date) -> Deadline {
        Deadline {
            kind,
            subject_id: 1,
            case_id: None,
            officer: String::new(),
            about: String::new(),
            amount: None,
            from,
            fixed_end: None,
        }
    }

    fn standing(kind: DeadlineKind, from: Date, pauses: &[Pause], today: Date) -> Standing {
        stand(rules().of(kind), &deadline(kind, from), pauses, &Calendar::weekends_only(), today).unwrap()
    }

    #[test]
    fn a_receipt_is_green_then_yellow_then_red() {
        // 30 days from 22 October: Saturday 21 November, moved to Monday.
        let from = date(2026, 10, 22);
        let colour = |today| standing(DeadlineKind::ReceiptPayout, from, &[], today).colour;
        assert_eq!(colour(date(2026, 11, 15)), Colour::Running);
        assert_eq!(colour(date(2026, 11, 16)), Colour::DueSoon);
        assert_eq!(colour(date(2026, 11, 23)), Colour::DueSoon);
        assert_eq!(colour(date(2026, 11, 24)), Colour::Overdue);
        let overdue = standing(DeadlineKind::ReceiptPayout, from, &[], date(2026, 11, 24));
        assert_eq!((overdue.last_day, overdue.days_left), (Some(date(2026, 11, 23)), Some(-1)));
        assert_eq!(overdue.unknown_years, [2026]);
    }

    #[test]
    fn paused_days_do_not_count() {
        let from = date(2026, 11, 2);
        let pause = |from, until| Pause { from, until };
        let last = |kind, pauses: &[Pause]| standing(kind, from, pauses, from).last_day;
        // Three days: 3, 4 and 5 November; two of them paused.
        assert_eq!(last(DeadlineKind::Unattributed, &[]), Some(date(2026, 11, 5)));
        let two = [pause(date(2026, 11, 4), Some(date(2026, 11, 5)))];
        assert_eq!(last(DeadlineKind::Unattributed, &two), Some(date(2026, 11, 7)));
        // Five working days from a Monday are the Monday after; the Thursday and Friday of it paused: two later.
        assert_eq!(last(DeadlineKind::DeductionArrival, &[]), Some(date(2026, 11, 9)));
        let end_of_week = [pause(date(2026, 11, 5), Some(date(2026, 11, 8)))];
        assert_eq!(last(DeadlineKind::DeductionArrival, &end_of_week), Some(date(2026, 11, 11)));
        // It still rests; but what was over before the pause stays over.
        assert_eq!(last(DeadlineKind::Unattributed, &[pause(date(2026, 11, 4), None)]), None);
        let late = standing(DeadlineKind::Unattributed, from, &[pause(date(2026, 11, 9), None)], date(2026, 11, 20));
        assert_eq!(late.colour, Colour::Overdue);
    }

    #[test]
    fn wrong_rules_are_refused() {
        for (from, to) in [
            ("name = \"unattributed\"", "name = \"receipt_payout\""),
            ("name = \"unattributed\"", "name = \"unknown\""),
            ("alarm = \"payout\"", "alarm = \"late\""),
            ("period = \"3d\"", ""),
        ] {
            assert_eq!(Rules::parse(&STANDARD.replacen(from, to, 1)).unwrap_err().code, "deadlines.rules", "{to}");
        }
    }

    proptest! {
        /// Every paused day moves the end of a deadline that is counted in days by exactly one.
        #[test]
        fn a_pause_moves_the_end_by_its_days(start in 1_i32..28, length in 0_i32..40) {
            let from = date(2026, 3, 2);
            let first = from.checked_add(start.days()).unwrap();
            let pause = Pause { from: first, until: Some(first.checked_add(length.days()).unwrap()) };
            let mut rule = rules().of(DeadlineKind::ReceiptPayout).clone();
            rule.on_holiday = OnHoliday::Stays;
            let last = |pauses: &[Pause]| {
                stand(&rule, &deadline(DeadlineKind::ReceiptPayout, from), pauses, &Calendar::weekends_only(), from)
                    .unwrap().last_day.unwrap()
            };
            prop_assert_eq!(last(&[]).until(last(&[pause])).unwrap().get_days(), length + 1);
        }
    }
}
