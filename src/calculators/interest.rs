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
            above_zero("part", part.amount)?;
            let twice =
                |(place, rate): (usize, &GeneralRate)| part.general[..place].iter().any(|one| one.from == rate.from);
            if part.general.iter().enumerate().any(twice) {
                return Err(Message::new("calc.interest_general_twice").with("due", part.due_on));
            }
        }
        for payment in &self.payments {
            above_zero("payment", payment.amount)?;
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
            general: Pot::new(Rate::ONE * i128::from(rules.settings.year_days)),
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
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;
    use crate::amount::parse_yuan;

    fn rules() -> Rules {
        Rules::parse(STANDARD).unwrap()
    }

    fn counting_last_day() -> Rules {
        let mut rules = rules();
        rules.settings.last_day = LastDay::Counted;
        rules
    }

    fn part(due_on: &str, amount: &str) -> Part {
        Part { due_on: due_on.parse().unwrap(), amount: parse_yuan(amount).unwrap(), general: Vec::new() }
    }

    fn debt(parts: Vec<Part>, until: &str) -> Debt {
        Debt {
            until: until.parse().unwrap(),
            costs: Amount::ZERO,
            bankruptcy_accepted_on: None,
            parts,
            payments: Vec::new(),
            not_counted: Vec::new(),
        }
    }

    fn payment(on: &str, amount: &str, kind: Kind) -> Payment {
        Payment { on: on.parse().unwrap(), amount: parse_yuan(amount).unwrap(), kind }
    }

    fn doubled(rules: &Rules, debt: &Debt) -> String {
        reckon(rules, debt).unwrap().doubled_interest.to_string()
    }

    #[test]
    fn figures_computed_by_hand() {
        // ¥100,000 × 0.0175% × 365 days.
        assert_eq!(doubled(&rules(), &debt(vec![part("2023-01-01", "100,000")], "2024-01-01")), "6,387.50");
        // One day on ¥1m is what the two ways of counting differ by.
        let million = debt(vec![part("2023-01-01", "1,000,000")], "2024-01-01");
        assert_eq!(doubled(&rules(), &million), "63,875.00");
        assert_eq!(doubled(&counting_last_day(), &million), "64,050.00");
        let one_day = debt(vec![part("2023-01-01", "1,000,000")], "2023-01-01");
        assert_eq!(
            (doubled(&rules(), &one_day), doubled(&counting_last_day(), &one_day)),
            ("0.00".into(), "175.00".into())
        );
    }

    #[test]
    fn one_rounds_once_at_the_end() {
        // 0.01 × 0.0175% is far below a fen; over many parts and payments it still adds up as one sum.
        let mut many = debt((0..1_000).map(|_| part("2023-01-01", "1.00")).collect(), "2023-02-01");
        assert_eq!(doubled(&rules(), &many), "5.43", "1,000 × 31 × 0.000175 = 5.425");
        many.payments = (1..=20).map(|day| payment(&format!("2023-01-{day:02}"), "0.01", Kind::Performance)).collect();
        let paid = reckon(&rules(), &many).unwrap();
        assert_eq!(paid.doubled_interest.to_string(), "5.42", "less 0.01 × 230 days × 0.000175");
    }

    #[test]
    fn interest_of_deducted_money_stops_at_the_deduction() {
        let mut debt = debt(vec![part("2023-01-01", "100,000")], "2024-01-01");
        debt.payments = vec![payment("2023-04-11", "40,000", Kind::Deduction)];
        let statement = reckon(&rules(), &debt).unwrap();
        let lines: Vec<(String, String, i64, String, String)> = statement
            .accruals
            .iter()
            .map(|line| {
                let Span { from, until } = line.days;
                (from.to_string(), until.to_string(), line.day_count, line.base.to_string(), line.interest.to_string())
            })
            .collect();
        let line = |from: &str, until: &str, days, base: &str, interest: &str| {
            (from.into(), until.into(), days, base.into(), interest.into())
        };
        assert_eq!(
            lines,
            [
                line("2023-01-01", "2023-04-10", 100, "100,000.00", "1,750.00"),
                line("2023-04-11", "2023-12-31", 265, "60,000.00", "2,782.50"),
            ]
        );
        assert_eq!(statement.doubled_interest.to_string(), "4,532.50");
        assert_eq!(statement.met.len(), 1, "the judgment's money first, the doubled part after it");
        assert_eq!(statement.open_total.to_string(), "64,532.50");
        let counted = reckon(&counting_last_day(), &debt).unwrap();
        assert_eq!(counted.accruals[0].day_count, 101);
        assert_eq!(counted.accruals[1].day_count, 265);
    }

    #[test]
    fn payments_meet_costs_general_interest_principal_and_then_the_doubled_part() {
        let general = GeneralRate { from: date(2022, 1, 1), rate: Rate::parse("6%").unwrap(), per: Per::Year };
        let mut debt = debt(vec![Part { general: vec![general], ..part("2023-01-01", "100,000") }], "2023-01-11");
        debt.costs = parse_yuan("500").unwrap();
        debt.payments =
            vec![payment("2023-01-01", "10,000", Kind::Performance), payment("2023-01-11", "200,000", Kind::Sale)];
        let statement = reckon(&rules(), &debt).unwrap();
        let met: Vec<(Option<Component>, String)> =
            statement.met.iter().map(|met| (met.component, met.amount.to_string())).collect();
        assert_eq!(
            met,
            [
                (Some(Component::Costs), "500.00".into()),
                (Some(Component::GeneralInterest), "6,000.00".into()),
                (Some(Component::Principal), "3,500.00".into()),
                // 96,500 × 6% ÷ 365 × 10 = 158.630…; 96,500 × 0.0175% × 10 = 168.875
                (Some(Component::GeneralInterest), "158.63".into()),
                (Some(Component::Principal), "96,500.00".into()),
                (Some(Component::DoubledInterest), "168.88".into()),
                (None, "103,172.49".into()),
            ]
        );
        assert_eq!((statement.open_total, statement.surplus.to_string()), (Amount::ZERO, "103,172.49".into()));
        // Agreed otherwise: the doubled part before the principal.
        let mut agreed = rules();
        agreed.settings.order.swap(2, 3);
        let statement = reckon(&agreed, &debt).unwrap();
        assert_eq!(statement.met[5].component, Some(Component::Principal));
    }

    #[test]
    fn instalments_run_from_their_own_days_and_the_earlier_is_paid_first() {
        let parts = vec![part("2023-02-01", "10,000"), part("2023-01-01", "10,000")];
        let mut debt = debt(parts, "2023-03-01");
        // 59 and 28 days.
        assert_eq!(doubled(&rules(), &debt), "152.25");
        debt.payments = vec![payment("2023-01-11", "15,000", Kind::Performance)];
        let statement = reckon(&rules(), &debt).unwrap();
        // 10,000 for 10 days, then 5,000 for 28.
        assert_eq!(statement.doubled_interest.to_string(), "42.00");
        assert_eq!(statement.met.iter().map(|met| met.part).collect::<Vec<_>>(), [Some(1), Some(2)]);
    }

    #[test]
    fn general_interest_follows_the_judgment() {
        let from = date(2023, 1, 1);
        let with = |rates: &[(&str, &str, Per)]| {
            let general = rates
                .iter()
                .map(|(from, rate, per)| GeneralRate {
                    from: from.parse().unwrap(),
                    rate: Rate::parse(rate).unwrap(),
                    per: *per,
                })
                .collect();
            let debt = debt(vec![Part { general, ..part("2023-01-01", "365,000") }], "2024-01-01");
            reckon(&rules(), &debt).unwrap().general_interest.to_string()
        };
        assert_eq!(with(&[]), "0.00", "none if the judgment gives none");
        assert_eq!(with(&[("2023-01-01", "6%", Per::Year)]), "21,900.00");
        assert_eq!(with(&[("2023-01-01", "0.5%", Per::Month)]), "21,900.00");
        assert_eq!(with(&[("2023-01-01", "0.05%", Per::Day)]), "66,612.50");
        // 100 days at 6%, the rest at nothing.
        assert_eq!(with(&[("2023-01-01", "6%", Per::Year), ("2023-04-11", "0", Per::Year)]), "6,000.00");
        let mut by_360 = rules();
        by_360.settings.year_days = 360;
        let general = vec![GeneralRate { from, rate: Rate::parse("6%").unwrap(), per: Per::Year }];
        let debt = debt(vec![Part { general, ..part("2023-01-01", "360,000") }], "2023-01-11");
        assert_eq!(reckon(&by_360, &debt).unwrap().general_interest.to_string(), "600.00");
    }

    #[test]
    fn what_does_not_count_is_left_out_and_said() {
        let mut debt = debt(vec![part("2023-01-01", "100,000")], "2024-01-01");
        debt.not_counted = vec![
            Span { from: date(2023, 6, 1), until: date(2023, 6, 30) },
            // Overlaps: no day is left out twice.
            Span { from: date(2023, 6, 15), until: date(2023, 7, 9) },
        ];
        let statement = reckon(&rules(), &debt).unwrap();
        // 365 − 39 days.
        assert_eq!(statement.doubled_interest.to_string(), "5,705.00");
        assert_eq!(statement.notes.len(), 2);
        debt.bankruptcy_accepted_on = Some(date(2023, 5, 1));
        let statement = reckon(&rules(), &debt).unwrap();
        // 120 days.
        assert_eq!(statement.doubled_interest.to_string(), "2,100.00");
        assert!(statement.notes.iter().any(|note| note.text.code == "calc.interest_bankruptcy"));
    }

    #[test]
    fn time_under_the_older_rules_is_not_reckoned_and_said() {
        let statement = reckon(&rules(), &debt(vec![part("2013-01-01", "100,000")], "2014-08-11")).unwrap();
        assert_eq!(statement.doubled_interest.to_string(), "175.00");
        assert_eq!(statement.notes[0].text.code, "calc.interest_older");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let sound = || debt(vec![part("2023-01-01", "100")], "2024-01-01");
        let refused = |debt: Debt| reckon(&rules(), &debt).unwrap_err().code;
        assert_eq!(refused(Debt { parts: Vec::new(), ..sound() }), "calc.interest_no_part");
        assert_eq!(refused(Debt { parts: vec![part("2023-01-01", "0")], ..sound() }), "calc.amount_not_positive");
        let late = vec![payment("2024-01-02", "1", Kind::Performance)];
        assert_eq!(refused(Debt { payments: late, ..sound() }), "calc.interest_payment_late");
        let rate = GeneralRate { from: date(2023, 1, 1), rate: Rate(1), per: Per::Year };
        let twice = Part { general: vec![rate, GeneralRate { rate: Rate(2), ..rate }], ..part("2023-01-01", "1") };
        assert_eq!(refused(debt(vec![twice], "2024-01-01")), "calc.interest_general_twice");
        let backwards = vec![Span { from: date(2023, 2, 2), until: date(2023, 2, 1) }];
        assert_eq!(refused(Debt { not_counted: backwards, ..sound() }), "calc.interest_span");
        let large = Part { amount: Amount::from_minor(i64::MAX), ..part("2015-01-01", "1") };
        assert_eq!(refused(debt(vec![large], "9999-12-30")), "calc.too_large");
        for (from, to, code) in [
            ("\"costs\", ", "", "calc.rules"),
            ("year_days = 365", "year_days = 0", "calc.rules"),
            ("\"half_up\"", "\"bankers\"", "calc.file"),
        ] {
            let text = STANDARD.replace(from, to);
            assert_ne!(text, STANDARD, "{from}");
            assert_eq!(Rules::parse(&text).unwrap_err().code, code, "{to}");
        }
    }

    #[test]
    fn a_debt_is_read_from_a_file() {
        let text = r#"
            until = 2024-01-01
            costs = "500"
            [[part]]
            due_on = "2023-01-01"
            amount = "100,000"
            [[part.general]]
            from = 2022-01-01
            rate = "6%"
            per = "year"
            [[payment]]
            on = 2023-04-11
            amount = "40000"
            kind = "deduction"
            [[not_counted]]
            from = 2023-06-01
            until = 2023-06-30
        "#;
        let debt = Debt::parse(text).unwrap();
        assert_eq!((debt.parts.len(), debt.payments[0].kind, debt.not_counted.len()), (1, Kind::Deduction, 1));
        let wrong = text.replace("\"40000\"", "40000");
        let refused = Debt::parse(&wrong).unwrap_err();
        assert_eq!((refused.code, refused.arguments[0].1.as_str()), ("calc.file", "13"));
    }

    fn debts() -> impl Strategy<Value = Debt> {
        let part = (0_i64..500, 1_i64..1_000_000_000, prop::option::of((0_i64..500, 0_i64..200_000_000_000)));
        let payment = (0_i64..900, 1_i64..500_000_000);
        let span = (0_i64..900, 0_i64..60);
        (
            prop::collection::vec(part, 1..4),
            prop::collection::vec(payment, 0..5),
            prop::collection::vec(span, 0..3),
            0_i64..10_000,
        )
            .prop_map(|(parts, payments, spans, costs)| {
                let at = |days: i64| date(2020, 1, 1).checked_add(days.days()).unwrap();
                Debt {
                    until: at(900),
                    costs: Amount::from_minor(costs),
                    bankruptcy_accepted_on: None,
                    parts: parts
                        .into_iter()
                        .map(|(due, amount, general)| Part {
                            due_on: at(due),
                            amount: Amount::from_minor(amount),
                            general: general
                                .map(|(from, rate)| GeneralRate { from: at(from), rate: Rate(rate), per: Per::Year })
                                .into_iter()
                                .collect(),
                        })
                        .collect(),
                    payments: payments
                        .into_iter()
                        .map(|(on, amount)| Payment {
                            on: at(on),
                            amount: Amount::from_minor(amount),
                            kind: Kind::Deduction,
                        })
                        .collect(),
                    not_counted: spans
                        .into_iter()
                        .map(|(from, days)| Span { from: at(from), until: at(from + days) })
                        .collect(),
                }
            })
    }

    fn settings() -> impl Strategy<Value = Rules> {
        (
            any::<bool>(),
            prop::sample::select(vec![Rounding::HalfUp, Rounding::Down, Rounding::Up]),
            Just(()).prop_perturb(|(), mut random| {
                let mut order = Component::ALL.to_vec();
                order.rotate_left((random.next_u32() % 4) as usize);
                order
            }),
        )
            .prop_map(|(counted, rounding, order)| {
                let mut rules = if counted { counting_last_day() } else { rules() };
                (rules.settings.rounding, rules.settings.order) = (rounding, order);
                rules
            })
    }

    /// All that was ever owed.
    fn owed(debt: &Debt, statement: &Statement) -> i64 {
        let parts: i64 = debt.parts.iter().map(|part| part.amount.minor()).sum();
        debt.costs.minor() + parts + statement.general_interest.minor() + statement.doubled_interest.minor()
    }

    /// Day by day, as one would with a calendar and a calculator: general interest, doubled part, what is unpaid.
    fn by_days(rules: &Rules, debt: &Debt) -> (Amount, Amount, Vec<i64>) {
        let settings = &rules.settings;
        let mut parts = debt.parts.clone();
        parts.sort();
        let mut open: Vec<i64> = parts.iter().map(|part| part.amount.minor()).collect();
        let (mut costs, mut exact, mut paid) = (debt.costs.minor(), [0_i128; 2], [0_i64; 2]);
        let denominators = [Rate::ONE * i128::from(settings.year_days), Rate::ONE];
        let whole = |exact: &[i128; 2], which: usize| {
            settings.rounding.apply(Exact::new(exact[which], denominators[which])).unwrap().minor()
        };
        let bears = |exact: &mut [i128; 2], open: &[i64], on: Date| {
            if debt.bankruptcy_accepted_on.is_some_and(|day| day <= on) {
                return;
            }
            for (part, open) in parts.iter().zip(open) {
                let rate = part.general.iter().filter(|rate| rate.from <= on).max_by_key(|rate| rate.from);
                exact[0] += i128::from(*open) * rate.map_or(0, |rate| rate.rate.parts());
                let stayed = debt.not_counted.iter().any(|span| span.from <= on && on <= span.until);
                if on >= part.due_on && !stayed {
                    exact[1] += i128::from(*open) * 175_000_000;
                }
            }
        };
        for on in date(2020, 1, 1).series(1.day()).take_while(|on| *on <= debt.until) {
            if settings.last_day == LastDay::Counted {
                bears(&mut exact, &open, on);
            }
            for payment in debt.payments.iter().filter(|payment| payment.on == on) {
                let mut left = payment.amount.minor();
                for component in &settings.order {
                    match component {
                        Component::Costs => take(&mut costs, &mut left),
                        Component::Principal => open.iter_mut().for_each(|open| take(open, &mut left)),
                        Component::GeneralInterest | Component::DoubledInterest => {
                            let which = usize::from(*component == Component::DoubledInterest);
                            let mut due = whole(&exact, which) - paid[which];
                            let before = left;
                            take(&mut due, &mut left);
                            paid[which] += before - left;
                        }
                    }
                }
            }
            if settings.last_day == LastDay::NotCounted && on < debt.until {
                bears(&mut exact, &open, on);
            }
        }
        let [general, doubled] = [whole(&exact, 0), whole(&exact, 1)];
        let unpaid = vec![costs, general - paid[0], open.iter().sum(), doubled - paid[1]];
        (Amount::from_minor(general), Amount::from_minor(doubled), unpaid)
    }

    fn take(owed: &mut i64, left: &mut i64) {
        let taken = (*owed).min(*left);
        *owed -= taken;
        *left -= taken;
    }

    proptest! {
        #[test]
        fn reckoned_day_by_day_it_is_the_same(
            debt in debts(), rules in settings(), bankrupt in prop::option::of(0_i64..900),
        ) {
            let accepted = bankrupt.map(|days| date(2020, 1, 1).checked_add(days.days()).unwrap());
            let debt = Debt { bankruptcy_accepted_on: accepted, ..debt };
            let statement = reckon(&rules, &debt).unwrap();
            let open: Vec<i64> = statement.open.iter().map(|(_, amount)| amount.minor()).collect();
            let (general, doubled, unpaid) = by_days(&rules, &debt);
            prop_assert_eq!((statement.general_interest, statement.doubled_interest, open), (general, doubled, unpaid));
        }

        #[test]
        fn what_is_owed_is_paid_or_open(debt in debts(), rules in settings()) {
            let statement = reckon(&rules, &debt).unwrap();
            let paid: i64 = debt.payments.iter().map(|payment| payment.amount.minor()).sum();
            let met: i64 = statement.met.iter().map(|met| met.amount.minor()).sum();
            prop_assert_eq!(met, paid);
            prop_assert_eq!(owed(&debt, &statement), paid - statement.surplus.minor() + statement.open_total.minor());
            prop_assert!(statement.open.iter().all(|(_, amount)| *amount >= Amount::ZERO));
        }

        #[test]
        fn the_lines_add_up_to_the_total(debt in debts(), rules in settings()) {
            let statement = reckon(&rules, &debt).unwrap();
            for (component, total) in [
                (Component::DoubledInterest, statement.doubled_interest),
                (Component::GeneralInterest, statement.general_interest),
            ] {
                let lines: Vec<Exact> =
                    statement.accruals.iter().filter(|line| line.component == component).map(|line| line.interest).collect();
                let denominator = lines.first().map_or(1, |line| line.denominator);
                let sum = Exact::new(lines.iter().map(|line| line.numerator).sum(), denominator);
                prop_assert_eq!(rules.settings.rounding.apply(sum), Ok(total));
            }
        }

        #[test]
        fn the_order_of_what_is_given_does_not_matter(debt in debts(), rules in settings()) {
            let mut turned = debt.clone();
            turned.parts.reverse();
            turned.not_counted.reverse();
            let one = reckon(&rules, &debt).unwrap();
            prop_assert_eq!(&one, &reckon(&rules, &turned).unwrap());
            // Payments of one day may stand in another order in the lines, not in what comes out.
            turned.payments.reverse();
            let other = reckon(&rules, &turned).unwrap();
            prop_assert_eq!((one.accruals, one.open, one.surplus), (other.accruals, other.open, other.surplus));
        }

        #[test]
        fn later_costs_more_and_earlier_payment_less(debt in debts(), rules in settings(), days in 1_i64..100) {
            let owed_of = |debt: &Debt| owed(debt, &reckon(&rules, debt).unwrap());
            let longer = Debt { until: debt.until.checked_add(days.days()).unwrap(), ..debt.clone() };
            prop_assert!(owed_of(&debt) <= owed_of(&longer));
            let mut sooner = debt.clone();
            for payment in &mut sooner.payments {
                payment.on = payment.on.checked_sub(days.days()).unwrap();
            }
            // Whole fen of interest are due at each payment: one fen each may fall differently.
            let slack = 2 * (1 + debt.payments.len() as i64);
            prop_assert!(owed_of(&sooner) <= owed_of(&debt) + slack);
        }
    }
}
