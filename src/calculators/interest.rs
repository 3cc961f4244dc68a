//! Interest for late performance (迟延履行利息), 法释〔2014〕8号.
//!
//! **The doubled part** is the unpaid money of the judgment, general interest left out, × 0.0175% a day × days (art. 1), from
//! the day on which the time for performance ends, part by part (art. 2), until each part's own payment (art. 3): when
//! money was deducted or extracted, until that day and not until the court paid it out. **General interest** runs
//! beside it as the judgment says, or not at all.
//!
//! **A payment** meets costs, general interest and principal before the doubled part (art. 4 with Civil Code 561), the principal
//! of the part that was due first before the others (Civil Code 560).
//!
//! **Exact until the end.** What has accrued is kept as a fraction of fen over the whole time; only what is due of it, on a
//! payment or at the end, is in whole fen. So the last fen does not depend on how many payments there were.
//!
//! Not here: time before 2014-08-01 (art. 7; said where it matters), foreign currency (art. 5).

use ankuan_ledger::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Exact, Rate, Rounding, Text, above_zero, day, from_toml, optional_day, too_large, wrong_rules, yuan};
use crate::message::Message;

/// The rules that are built in.
pub const STANDARD: &str = include_str!("interest.toml");

/// The rules of interest.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which text of the law they follow.
    pub version: String,
    doubled: Doubled,
    general: General,
    /// What the law leaves open.
    pub settings: Settings,
    sources: Sources,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Doubled {
    rate_per_day: Rate,
    #[serde(deserialize_with = "day")]
    in_force_from: Date,
    source: Text,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct General {
    source: Text,
}

/// What the law leaves open.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Whether the last day bears interest.
    pub last_day: LastDay,
    /// By how many days a yearly rate is divided.
    pub year_days: u16,
    /// How what is due is brought to whole fen.
    pub rounding: Rounding,
    /// What a payment meets first; each component once.
    pub order: Vec<Component>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sources {
    order: Text,
    stop: Text,
    not_counted: Text,
    older: Text,
    bankruptcy: Text,
}

/// Whether the day of payment, and the day up to which one reckons, bears interest. Two public calculators differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum LastDay {
    /// 算头不算尾 · It does not
    NotCounted,
    /// 算头又算尾 · It does
    Counted,
}

impl LastDay {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::NotCounted => "calc.last_day_not_counted",
            Self::Counted => "calc.last_day_counted",
        })
    }
}

/// What a debt consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// 实现债权的费用: what realising the claim has cost. Bears no interest here; costs that the judgment awards as
    /// money are a part.
    Costs,
    /// 一般债务利息
    GeneralInterest,
    /// 金钱债务（本金等）: the parts.
    Principal,
    /// 加倍部分债务利息
    DoubledInterest,
}

impl Component {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Costs, Self::GeneralInterest, Self::Principal, Self::DoubledInterest];

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Costs => "calc.costs",
            Self::GeneralInterest => "calc.general_interest",
            Self::Principal => "calc.principal",
            Self::DoubledInterest => "calc.doubled_interest",
        })
    }
}

/// A debt under a judgment, and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Debt {
    /// The day up to which one reckons.
    #[serde(deserialize_with = "day")]
    pub until: Date,
    /// Costs of realising the claim.
    #[serde(default, deserialize_with = "yuan")]
    pub costs: Amount,
    /// General interest that the judgment states as a sum, besides what runs by a rate.
    #[serde(default, deserialize_with = "yuan")]
    pub general_interest: Amount,
    /// A petition in bankruptcy was accepted: from that day on nothing bears interest. Whether the doubled part of the time
    /// before can be filed as a claim is disputed; it is reckoned, and a note says so.
    #[serde(default, deserialize_with = "optional_day")]
    pub bankruptcy_accepted_on: Option<Date>,
    /// The money debts of the judgment.
    #[serde(rename = "part")]
    pub parts: Vec<Part>,
    /// What was paid, in any order.
    #[serde(default, rename = "payment")]
    pub payments: Vec<Payment>,
    /// Stays and suspensions that the debtor did not ask for: the doubled part does not run.
    #[serde(default, rename = "not_counted")]
    pub not_counted: Vec<Span>,
}

/// A money debt of the judgment with one day of performance: principal, damages, awarded costs; an instalment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// The day on which the time for performance ends, the first that bears the doubled part; where the judgment sets no
    /// time, the day on which it took effect.
    #[serde(deserialize_with = "day")]
    pub due_on: Date,
    /// Without general interest.
    #[serde(deserialize_with = "yuan")]
    pub amount: Amount,
    /// General interest by the judgment; none if it gives none.
    #[serde(default, rename = "general")]
    pub general: Vec<GeneralRate>,
}

/// A rate of general interest, from a day until the next rate begins. A rate of zero ends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GeneralRate {
    /// The first day that bears it.
    #[serde(deserialize_with = "day")]
    pub from: Date,
    /// The rate.
    pub rate: Rate,
    /// Of what time.
    pub per: Per,
}

/// The time that a rate is given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Per {
    /// 年利率 · A year
    Year,
    /// 月利率 · A month, a twelfth of a year
    Month,
    /// 日利率 · A day
    Day,
}

impl Per {
    /// How often it goes into a year of so many days, so that a rate over a year's days is exact for all.
    fn parts_of_a_year(self, year_days: u16) -> i128 {
        match self {
            Self::Year => 1,
            Self::Month => 12,
            Self::Day => year_days.into(),
        }
    }

    /// A rate with its time, in words.
    fn message(self, rate: Rate) -> Message {
        let code = match self {
            Self::Year => "calc.rate_year",
            Self::Month => "calc.rate_month",
            Self::Day => "calc.rate_day",
        };
        Message::new(code).with("rate", rate)
    }
}

/// Money that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payment {
    /// The day on which interest stops for it: paid, deducted, or the ruling on the sale took effect.
    #[serde(deserialize_with = "day")]
    pub on: Date,
    /// How much.
    #[serde(deserialize_with = "yuan")]
    pub amount: Amount,
    /// How.
    #[serde(default)]
    pub kind: Kind,
}

/// How money came in, which says what its day is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 履行 · The debtor paid: the day of payment
    #[default]
    Performance,
    /// 划拨、提取 · Deducted or extracted: the day of that, not of the payout
    Deduction,
    /// 拍卖、变卖、以物抵债 · Sold or taken in kind: the day on which that ruling took effect
    Sale,
    /// 其他变价 · Otherwise turned into money: the day on which that was done
    Other,
}

impl Kind {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Performance => "calc.paid",
            Self::Deduction => "calc.deducted",
            Self::Sale => "calc.sold",
            Self::Other => "calc.converted",
        })
    }
}

/// Days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first.
    #[serde(deserialize_with = "day")]
    pub from: Date,
    /// The last.
    #[serde(deserialize_with = "day")]
    pub until: Date,
}

/// Interest of one part over days in which nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accrual {
    /// [`Component::GeneralInterest`] or [`Component::DoubledInterest`].
    pub component: Component,
    /// The part, from 1 in the order of [`Statement::parts`].
    pub part: usize,
    /// First and last day that bear it.
    pub days: Span,
    /// How many they are.
    pub day_count: i64,
    /// What of the part was unpaid.
    pub base: Amount,
    /// The rate, in words.
    pub rate: Message,
    /// The exact interest.
    pub interest: Exact,
    /// Law and article.
    pub source: Text,
}

/// What a payment met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// Its day.
    pub on: Date,
    /// How it came in.
    pub kind: Kind,
    /// What it met; none for what was more than all debts.
    pub component: Option<Component>,
    /// The part whose principal it met, from 1.
    pub part: Option<usize>,
    /// How much of it.
    pub amount: Amount,
    /// Law and article of the order and of the day.
    pub source: Text,
}

/// What the reader of a calculation must know besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// In words.
    pub text: Message,
    /// Law and article.
    pub source: Text,
}

/// A whole calculation. `costs + parts + general + doubled = paid + open`, where `paid` is without the surplus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The parts, by their days.
    pub parts: Vec<Part>,
    /// Interest, in order of time.
    pub accruals: Vec<Accrual>,
    /// What the payments met, in order of time.
    pub met: Vec<Met>,
    /// What was left out of the reckoning, and why.
    pub notes: Vec<Note>,
    /// General interest of all time, in whole fen.
    pub general_interest: Amount,
    /// The doubled part of all time, in whole fen.
    pub doubled_interest: Amount,
    /// What is unpaid of each component.
    pub open: Vec<(Component, Amount)>,
    /// Their sum.
    pub open_total: Amount,
    /// What was paid beyond all debts.
    pub surplus: Amount,
    /// The settings that were used.
    pub settings: Settings,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// `calc.file`, `calc.rules` (an order that does not name each component once, a year of no days).
    pub fn parse(text: &str) -> Result<Self, Message> {
        let rules: Self = from_toml(text)?;
        let order = &rules.settings.order;
        if order.len() != Component::ALL.len() || Component::ALL.iter().any(|component| !order.contains(component)) {
            return Err(wrong_rules("settings.order"));
        }
        if !(360..=366).contains(&rules.settings.year_days) {
            return Err(wrong_rules("settings.year_days: 360..366"));
        }
        Ok(rules)
    }
}

impl Debt {
    /// Reads a debt from TOML: `until`, `costs`, `[[part]]` with its `[[part.general]]`, `[[payment]]`, `[[not_counted]]`.
    ///
    /// # Errors
    /// `calc.file`, with the line.
    pub fn parse(text: &str) -> Result<Self, Message> {
        from_toml(text)
    }

    /// What must hold, in this order: `calc.interest_no_part`, `calc.amount_not_positive`,
    /// `calc.interest_general_twice`, `calc.interest_payment_late`, `calc.interest_span`.
    fn check(&self) -> Result<(), Message> {
        if self.parts.is_empty() {
            return Err(Message::new("calc.interest_no_part"));
        }
        for part in &self.parts {
            above_zero("calc.principal", part.amount)?;
            let twice =
                |(place, rate): (usize, &GeneralRate)| part.general[..place].iter().any(|one| one.from == rate.from);
            if part.general.iter().enumerate().any(twice) {
                return Err(Message::new("calc.interest_general_twice").with("due", part.due_on));
            }
        }
        for payment in &self.payments {
            above_zero("calc.payment", payment.amount)?;
        }
        if let Some(payment) = self.payments.iter().find(|payment| payment.on > self.until) {
            return Err(Message::new("calc.interest_payment_late").with("day", payment.on).with("until", self.until));
        }
        match self.not_counted.iter().find(|span| span.from > span.until) {
            Some(span) => Err(Message::new("calc.interest_span").with("from", span.from).with("until", span.until)),
            None => Ok(()),
        }
    }
}

/// Reckons the interest of a debt up to its day, and what its payments met.
///
/// # Errors
/// `calc.interest_no_part`, `calc.amount_not_positive`, `calc.interest_general_twice`, `calc.interest_payment_late`,
/// `calc.interest_span`, `calc.too_large`.
pub fn reckon(rules: &Rules, debt: &Debt) -> Result<Statement, Message> {
    debt.check()?;
    let mut run = Run::new(rules, debt);
    let mut payments = debt.payments.clone();
    // Stable: payments of one day stay as they were given; no interest lies between them.
    payments.sort_by_key(|payment| payment.on);
    for payment in &payments {
        run.accrue(stop(rules, payment.on)?)?;
        run.meet(payment)?;
    }
    run.accrue(stop(rules, debt.until)?)?;
    run.finish()
}

/// The first day that bears no more interest.
fn stop(rules: &Rules, last: Date) -> Result<Date, Message> {
    match rules.settings.last_day {
        LastDay::NotCounted => Ok(last),
        LastDay::Counted => last.tomorrow().map_err(|_| too_large()),
    }
}

/// Interest as it accrues: an exact fraction over all time, of which whole fen were paid.
struct Pot {
    numerator: i128,
    denominator: i128,
    paid: Amount,
}

impl Pot {
    const fn new(denominator: i128) -> Self {
        Self { numerator: 0, denominator, paid: Amount::ZERO }
    }

    /// Begins with a sum. Below 2⁶³ times 2⁴⁹.
    fn holding(sum: Amount, denominator: i128) -> Self {
        Self { numerator: i128::from(sum.minor()) * denominator, ..Self::new(denominator) }
    }

    fn accrued(&self, rounding: Rounding) -> Result<Amount, Message> {
        rounding.apply(Exact::new(self.numerator, self.denominator))
    }

    /// Never below zero: what has accrued only grows, and rounding keeps the order.
    fn due(&self, rounding: Rounding) -> Result<Amount, Message> {
        self.accrued(rounding)?.minus(self.paid).ok_or_else(too_large)
    }
}

struct Run<'a> {
    rules: &'a Rules,
    debt: &'a Debt,
    parts: Vec<Part>,
    /// Unpaid of each part.
    open: Vec<Amount>,
    costs: Amount,
    general: Pot,
    doubled: Pot,
    /// The spans that do not count, sorted.
    not_counted: Vec<Span>,
    /// Interest before this day has accrued.
    reached: Date,
    accruals: Vec<Accrual>,
    met: Vec<Met>,
    surplus: Amount,
}

impl<'a> Run<'a> {
    fn new(rules: &'a Rules, debt: &'a Debt) -> Self {
        let mut parts = debt.parts.clone();
        for part in &mut parts {
            part.general.sort();
        }
        // By day, then by the rest: the result does not depend on the order in which parts are given.
        parts.sort();
        let mut not_counted = debt.not_counted.clone();
        not_counted.sort();
        Self {
            rules,
            debt,
            open: parts.iter().map(|part| part.amount).collect(),
            parts,
            costs: debt.costs,
            general: Pot::holding(debt.general_interest, Rate::ONE * i128::from(rules.settings.year_days)),
            doubled: Pot::new(Rate::ONE),
            not_counted,
            reached: Date::MIN,
            accruals: Vec::new(),
            met: Vec::new(),
            surplus: Amount::ZERO,
        }
    }

    /// Interest of every part from where it was reckoned until before `to`.
    fn accrue(&mut self, to: Date) -> Result<(), Message> {
        let from = self.reached;
        for place in 0..self.parts.len() {
            if self.open[place] == Amount::ZERO {
                continue;
            }
            let end = self.debt.bankruptcy_accepted_on.map_or(to, |day| day.min(to));
            let rates = self.parts[place].general.clone();
            for (index, rate) in rates.iter().enumerate() {
                let next = rates.get(index + 1).map_or(end, |next| next.from.min(end));
                let per_day = rate.rate.parts() * rate.per.parts_of_a_year(self.rules.settings.year_days);
                let words = rate.per.message(rate.rate);
                self.add(Component::GeneralInterest, place, (rate.from.max(from), next), per_day, words)?;
            }
            let doubled = &self.rules.doubled;
            let (per_day, words) = (doubled.rate_per_day.parts(), Per::Day.message(doubled.rate_per_day));
            let mut start = self.parts[place].due_on.max(doubled.in_force_from).max(from);
            for span in self.not_counted.clone() {
                let before = (start, span.from.min(end));
                self.add(Component::DoubledInterest, place, before, per_day, words.clone())?;
                start = start.max(span.until.tomorrow().map_err(|_| too_large())?);
            }
            self.add(Component::DoubledInterest, place, (start, end), per_day, words)?;
        }
        self.reached = to.max(from);
        Ok(())
    }

    /// Adds what a part bears from `from` until before `to`, if that is any day. `per_day` is in the pot's denominator.
    fn add(
        &mut self,
        component: Component,
        place: usize,
        (from, to): (Date, Date),
        per_day: i128,
        rate: Message,
    ) -> Result<(), Message> {
        if from >= to || per_day == 0 {
            return Ok(());
        }
        let (pot, source) = match component {
            Component::GeneralInterest => (&mut self.general, &self.rules.general.source),
            _ => (&mut self.doubled, &self.rules.doubled.source),
        };
        let base = self.open[place];
        let day_count = i64::from((to - from).get_days());
        let product = i128::from(base.minor()).checked_mul(per_day);
        let product = product.and_then(|product| product.checked_mul(day_count.into())).ok_or_else(too_large)?;
        pot.numerator = pot.numerator.checked_add(product).ok_or_else(too_large)?;
        self.accruals.push(Accrual {
            component,
            part: place + 1,
            days: Span { from, until: to.yesterday().map_err(|_| too_large())? },
            day_count,
            base,
            rate,
            interest: Exact::new(product, pot.denominator),
            source: source.clone(),
        });
        Ok(())
    }

    /// What a payment meets, in the order of the settings.
    fn meet(&mut self, payment: &Payment) -> Result<(), Message> {
        let rounding = self.rules.settings.rounding;
        let mut left = payment.amount;
        for component in self.rules.settings.order.clone() {
            match component {
                Component::Costs => {
                    let taken = self.costs.min(left);
                    self.costs = less(self.costs, taken)?;
                    left = self.record(payment, Some(component), None, taken, left)?;
                }
                Component::GeneralInterest => {
                    let taken = self.general.due(rounding)?.min(left);
                    self.general.paid = more(self.general.paid, taken)?;
                    left = self.record(payment, Some(component), None, taken, left)?;
                }
                Component::DoubledInterest => {
                    let taken = self.doubled.due(rounding)?.min(left);
                    self.doubled.paid = more(self.doubled.paid, taken)?;
                    left = self.record(payment, Some(component), None, taken, left)?;
                }
                Component::Principal => {
                    for place in 0..self.parts.len() {
                        let taken = self.open[place].min(left);
                        self.open[place] = less(self.open[place], taken)?;
                        left = self.record(payment, Some(component), Some(place + 1), taken, left)?;
                    }
                }
            }
        }
        self.surplus = more(self.surplus, left)?;
        self.record(payment, None, None, left, left)?;
        Ok(())
    }

    fn record(
        &mut self,
        payment: &Payment,
        component: Option<Component>,
        part: Option<usize>,
        amount: Amount,
        left: Amount,
    ) -> Result<Amount, Message> {
        if amount > Amount::ZERO {
            let source = self.rules.sources.order.clone();
            self.met.push(Met { on: payment.on, kind: payment.kind, component, part, amount, source });
        }
        less(left, amount)
    }

    fn finish(self) -> Result<Statement, Message> {
        let rounding = self.rules.settings.rounding;
        let open: Vec<(Component, Amount)> = vec![
            (Component::Costs, self.costs),
            (Component::GeneralInterest, self.general.due(rounding)?),
            (Component::Principal, Amount::sum(self.open.iter().copied()).ok_or_else(too_large)?),
            (Component::DoubledInterest, self.doubled.due(rounding)?),
        ];
        Ok(Statement {
            notes: self.notes(),
            general_interest: self.general.accrued(rounding)?,
            doubled_interest: self.doubled.accrued(rounding)?,
            open_total: Amount::sum(open.iter().map(|(_, amount)| *amount)).ok_or_else(too_large)?,
            open,
            parts: self.parts,
            accruals: self.accruals,
            met: self.met,
            surplus: self.surplus,
            settings: self.rules.settings.clone(),
        })
    }

    fn notes(&self) -> Vec<Note> {
        let sources = &self.rules.sources;
        let mut notes = Vec::new();
        let mut note = |text, source: &Text| notes.push(Note { text, source: source.clone() });
        let since = self.rules.doubled.in_force_from;
        if self.parts.iter().any(|part| part.due_on < since) {
            note(Message::new("calc.interest_older").with("day", since), &sources.older);
        }
        for span in &self.not_counted {
            let text = Message::new("calc.interest_not_counted").with("from", span.from).with("until", span.until);
            note(text, &sources.not_counted);
        }
        if let Some(day) = self.debt.bankruptcy_accepted_on {
            note(Message::new("calc.interest_bankruptcy").with("day", day), &sources.bankruptcy);
        }
        if self.debt.payments.iter().any(|payment| payment.kind != Kind::Performance) {
            note(Message::new("calc.interest_stops"), &sources.stop);
        }
        notes
    }
}

fn more(one: Amount, other: Amount) -> Result<Amount, Message> {
    one.plus(other).ok_or_else(too_large)
}

fn less(one: Amount, other: Amount) -> Result<Amount, Message> {
    one.minus(other).ok_or_else(too_large)
}

#[cfg(test)]
mod tests;
