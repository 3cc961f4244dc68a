//! The live freeze of a salary account (薪资账户“活冻结”): salary comes in, the debtor draws the living allowance at the
//! bank, what is above it is held up to what is owed, and a sweep (划转) moves it to the case.
//!
//! **What the money on the account is**, at any moment at which an order is in force: first the living allowance that is
//! left of the month, as far as there is money (CPC 254: living expenses of the debtor and dependants are kept); then
//! for each order in the line of arrival what is still owed under it (Seizure Rules 19, 26); what is above all is not
//! frozen. Without an order in force nothing is. So `free + held = balance`, where free is allowance and unfrozen.
//!
//! **The allowance is given once a month**, in full at the first day of the month on which an order is in force. It is
//! topped up when an order with a larger one comes or when it is raised, and never lowered within a month. Unused, it
//! is carried over or lapses; carried is only what was there as money. A sweep never takes of it: nobody can ask for
//! more than is held for an order, and what is held begins above the allowance.
//!
//! **Within a day**: orders lapse whose last day was the day before; orders begin; the month's allowance is given; then
//! credits, sweeps, payments of a debt made elsewhere, liftings, and withdrawals last. A sweep takes only what the
//! debtor could not have drawn, so that it does not matter to a withdrawal whether it was earlier that day.
//!
//! **A withdrawal above what is free** was let go by the bank: it stands, and is reported (Execution Rules 26). **An order
//! ends by itself** on the day on which it is met (Seizure Rules 28), or behind its last day (27).
//!
//! Pure: no database, no clock; the day up to which one reckons is an argument.

use std::collections::BTreeSet;
use std::fmt;

use ankuan_ledger::Amount;
use jiff::ToSpan;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::amount::parse_yuan;
use crate::calculators::input::{Field, Row, rows};
use crate::calculators::{Text, from_toml, wrong_rules};
use crate::message::Message;

/// The rules that are built in.
pub const STANDARD: &str = include_str!("live_freeze.toml");

/// Orders on one account; more is a slip.
pub const ORDERS_MAX: usize = 200;

/// Months that are looked at: a hundred years.
const MONTHS_MAX: usize = 1_200;

/// The rules of the live freeze.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which text of the law they follow.
    pub version: String,
    /// What the law leaves open.
    pub settings: Settings,
    /// Law and article.
    pub sources: Sources,
}

/// What the law leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// What becomes of an allowance that was not drawn.
    pub unused: Unused,
    /// The day on which the month of the allowance begins, 1 to 31; in a shorter month its last day.
    pub month_begins: u8,
    /// Whose allowance holds.
    pub several: Several,
}

/// What becomes of an allowance that was not drawn in its month.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unused {
    /// 结转下月
    Carried,
    /// 当月作废
    Lapses,
}

impl Unused {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Carried => "live_freeze.unused_carried",
            Self::Lapses => "live_freeze.unused_lapses",
        })
    }
}

/// Whose allowance holds where orders in force set different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Several {
    /// 从高 · The largest
    Largest,
    /// 以在先的为准 · That of the first in line
    FirstInLine,
}

impl Several {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Largest => "live_freeze.several_largest",
            Self::FirstInLine => "live_freeze.several_first_in_line",
        })
    }
}

/// The articles that a line may follow.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// What the bank's statement shows.
    pub account: Text,
    /// The allowance.
    pub allowance: Text,
    /// The allowance, where orders set different ones.
    pub several: Text,
    /// What becomes of it unused.
    pub unused: Text,
    /// What is held, and for whom.
    pub held: Text,
    /// What is above all orders.
    pub above: Text,
    /// What is taken to the case.
    pub swept: Text,
    /// The bank let frozen money go.
    pub frozen_drawn: Text,
    /// An order is met.
    pub met: Text,
    /// An order is lifted.
    pub lifted: Text,
    /// An order lapses.
    pub lapsed: Text,
    /// How long a freeze may last.
    pub term: Text,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// `calc.file`, `calc.rules` (a month that begins on no day).
    pub fn parse(text: &str) -> Result<Self, Message> {
        let rules: Self = from_toml(text)?;
        if !(1..=31).contains(&rules.settings.month_begins) {
            return Err(wrong_rules("settings.month_begins: 1..31"));
        }
        Ok(rules)
    }
}

/// A month of the allowance, named by the month of the calendar in which it begins: `2026-05`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

impl Month {
    /// Reads `2026-05`.
    ///
    /// # Errors
    /// `live_freeze.month`.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let refused = || Message::new("live_freeze.month").with("text", text.escape_debug());
        let first: Date = format!("{text}-01").parse().map_err(|_| refused())?;
        if text.len() != 7 {
            return Err(refused());
        }
        Ok(Self { year: first.year(), month: first.month() })
    }

    /// The month in which a day lies.
    fn of(day: Date, settings: &Settings) -> Result<Self, Message> {
        let this = Self { year: day.year(), month: day.month() };
        if day >= this.first_day(settings)? {
            return Ok(this);
        }
        Ok(if this.month == 1 {
            Self { year: this.year - 1, month: 12 }
        } else {
            Self { month: this.month - 1, ..this }
        })
    }

    fn next(self) -> Self {
        if self.month == 12 { Self { year: self.year + 1, month: 1 } } else { Self { month: self.month + 1, ..self } }
    }

    fn first_day(self, settings: &Settings) -> Result<Date, Message> {
        let first = Date::new(self.year, self.month, 1).map_err(|_| too_large())?;
        let begins = i8::try_from(settings.month_begins).map_err(|_| too_large())?;
        Date::new(self.year, self.month, begins.min(first.days_in_month())).map_err(|_| too_large())
    }
}

impl fmt::Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}", self.year, self.month)
    }
}

/// An order of a court to freeze the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its number, unique.
    pub order: String,
    /// Its place in the line of arrival, unique; 1 is served first.
    pub arrival: u32,
    /// The ceiling: what is owed under it, costs included.
    pub amount: Amount,
    /// The first day on which it is in force.
    pub from: Date,
    /// The last one, until 24:00; renewed, that of the renewal.
    pub until: Date,
    /// The day on which the court lifted it.
    pub lifted_on: Option<Date>,
    /// The monthly living allowance that it sets.
    pub allowance: Option<Amount>,
}

/// A monthly living allowance that a ruling sets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Allowance {
    /// The order that it is set for; none for all.
    pub order: Option<String>,
    /// The month from which on it holds; none for the beginning.
    pub from: Option<Month>,
    /// How much a month; zero where the debtor lives off something else.
    pub amount: Amount,
}

impl Allowance {
    /// Reads `2000`, `2500:2026-05` (from May on), `（2026）浙0281执12号=2500:2026-05` (of one order).
    ///
    /// # Errors
    /// `amount.…`, `live_freeze.month`.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let (order, rest) = text.rsplit_once('=').map_or((None, text), |(order, rest)| (Some(order.to_owned()), rest));
        let (amount, from) = rest.split_once(':').map_or((rest, None), |(amount, from)| (amount, Some(from)));
        Ok(Self { order, from: from.map(Month::parse).transpose()?, amount: parse_yuan(amount)? })
    }
}

/// Something that happened on the account or to a debt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Movement {
    /// Its day.
    pub on: Date,
    /// What it was.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// 入账: salary or other money came in.
    Credit(Amount),
    /// 划转: money moved to the case.
    Sweep {
        /// For this order; none for the orders in their line.
        order: Option<String>,
        /// How much; none for all that is held.
        amount: Option<Amount>,
    },
    /// 另行清偿: the debt was paid in part by something else.
    Paid {
        /// Of this order.
        order: String,
        /// How much.
        amount: Amount,
    },
    /// 支取: the debtor drew money at the bank.
    Withdrawal(Amount),
}

impl What {
    const fn amount(&self) -> Option<Amount> {
        match self {
            Self::Credit(amount) | Self::Withdrawal(amount) | Self::Paid { amount, .. } => Some(*amount),
            Self::Sweep { amount, .. } => *amount,
        }
    }

    fn order(&self) -> Option<&str> {
        match self {
            Self::Sweep { order, .. } => order.as_deref(),
            Self::Paid { order, .. } => Some(order),
            Self::Credit(_) | Self::Withdrawal(_) => None,
        }
    }
}

/// All that is known of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The day up to which one reckons, included.
    pub until: Date,
    /// What was on the account before the first day.
    pub opening: Amount,
    /// In any order.
    pub orders: Vec<Order>,
    /// Besides those of the orders, in any order.
    pub allowances: Vec<Allowance>,
    /// In any order.
    pub movements: Vec<Movement>,
}

/// What the money on the account is: `free + held = balance`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Division {
    /// Of the living allowance, what is left and there.
    pub allowance: Amount,
    /// Above all orders, or all of it where none is in force.
    pub unfrozen: Amount,
    /// For each order in force, in the line of arrival, what is held for it: what a sweep may take. The order by its place
    /// in [`Statement::orders`].
    pub held: Vec<(usize, Amount)>,
}

impl Division {
    /// What the debtor may draw.
    ///
    /// # Errors
    /// `live_freeze.too_large`.
    pub fn free(&self) -> Result<Amount, Message> {
        plus(self.allowance, self.unfrozen)
    }

    /// What is held for all orders.
    ///
    /// # Errors
    /// `live_freeze.too_large`.
    pub fn held_total(&self) -> Result<Amount, Message> {
        Amount::sum(self.held.iter().map(|(_, held)| *held)).ok_or_else(too_large)
    }

    /// What is held for one order; none for one that is not in force.
    #[must_use]
    pub fn held_for(&self, order: usize) -> Option<Amount> {
        self.held.iter().find(|(one, _)| *one == order).map(|(_, held)| *held)
    }
}

/// Days that ended alike, both included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// The first.
    pub from: Date,
    /// The last.
    pub until: Date,
    /// What was on the account when they ended.
    pub balance: Amount,
    /// What of it was what.
    pub division: Division,
}

/// Money moved to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swept {
    /// Its day, on which interest for late performance stops for it.
    pub on: Date,
    /// The order's place in [`Statement::orders`].
    pub order: usize,
    /// How much.
    pub amount: Amount,
}

/// The bank let frozen money go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The day of the withdrawals.
    pub on: Date,
    /// What was drawn that day.
    pub drawn: Amount,
    /// What was free.
    pub free: Amount,
    /// What was not.
    pub frozen: Amount,
    /// Which orders miss it, with how much, by their places in [`Statement::orders`].
    pub missing: Vec<(usize, Amount)>,
    /// Whether an order came into force that day: the money may have been drawn before it came.
    pub is_of_first_day: bool,
}

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its first day is still to come.
    NotBegun,
    /// In force.
    InForce,
    /// Met: it ended by itself.
    Met,
    /// Its last day is over.
    Lapsed,
    /// The court lifted it.
    Lifted,
}

impl State {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::NotBegun => "live_freeze.state_not_begun",
            Self::InForce => "live_freeze.state_in_force",
            Self::Met => "live_freeze.state_met",
            Self::Lapsed => "live_freeze.state_lapsed",
            Self::Lifted => "live_freeze.state_lifted",
        })
    }
}

/// An order and how it stands. `swept + paid + owed` is its amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The order.
    pub order: Order,
    /// How it stands.
    pub state: State,
    /// The last day on which it was in force, where it has ended.
    pub ended_on: Option<Date>,
    /// What was moved to its case.
    pub swept: Amount,
    /// What was paid otherwise while it was in force.
    pub paid: Amount,
}

impl Standing {
    /// What is still owed under it.
    ///
    /// # Errors
    /// `live_freeze.too_large`.
    pub fn owed(&self) -> Result<Amount, Message> {
        minus(minus(self.order.amount, self.swept)?, self.paid)
    }

    /// By which article it stands so; none before it begins.
    #[must_use]
    pub const fn source<'a>(&self, sources: &'a Sources) -> Option<&'a Text> {
        match self.state {
            State::NotBegun => None,
            State::InForce => Some(&sources.held),
            State::Met => Some(&sources.met),
            State::Lapsed => Some(&sources.lapsed),
            State::Lifted => Some(&sources.lifted),
        }
    }
}

/// What becomes of the allowance that is left when a month ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The month runs, or nothing is frozen behind its end: it stays free.
    Stays,
    /// Goes over to the next month.
    Carried,
    /// Falls to the orders.
    Lapses,
}

/// One month of the account: `opening + credits − drawn − swept = closing`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonthStatement {
    /// The month of the allowance.
    pub month: Month,
    /// Its first day that is looked at.
    pub from: Date,
    /// The last one.
    pub until: Date,
    /// Before the first day.
    pub opening: Amount,
    /// What came in.
    pub credits: Amount,
    /// The allowance that came over from the month before.
    pub carried_in: Amount,
    /// The allowance of this month.
    pub allowance: Amount,
    /// The order whose allowance it is, by its place in [`Statement::orders`].
    pub allowance_of: Option<usize>,
    /// Whether orders in force set different ones.
    pub is_of_several: bool,
    /// Drawn of the allowance.
    pub drawn_allowance: Amount,
    /// Drawn of what is not frozen.
    pub drawn_unfrozen: Amount,
    /// Drawn of what was held.
    pub drawn_frozen: Amount,
    /// Moved to the cases, by order, in the line of arrival.
    pub swept: Vec<(usize, Amount)>,
    /// On the last day.
    pub closing: Amount,
    /// What of it is what.
    pub division: Division,
    /// What becomes of the allowance that is left.
    pub left: Left,
}

/// What a line of a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// 期初余额
    Opening,
    /// 入账
    Credits,
    /// 上月结转的生活费
    CarriedIn,
    /// 本月生活费
    Allowance,
    /// 支取：生活费
    DrawnAllowance,
    /// 支取：未冻结部分
    DrawnUnfrozen,
    /// 支取：已冻结部分
    DrawnFrozen,
    /// 划转
    Swept,
    /// 期末余额
    Closing,
    /// 其中：生活费余额
    AllowanceLeft,
    /// 其中：生活费余额，结转下月
    AllowanceCarried,
    /// 其中：生活费余额，月末作废
    AllowanceLapsed,
    /// 其中：未冻结
    Unfrozen,
    /// 其中：冻结
    Held,
}

impl Item {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Opening => "live_freeze.item_opening",
            Self::Credits => "live_freeze.item_credits",
            Self::CarriedIn => "live_freeze.item_carried_in",
            Self::Allowance => "live_freeze.item_allowance",
            Self::DrawnAllowance => "live_freeze.item_drawn_allowance",
            Self::DrawnUnfrozen => "live_freeze.item_drawn_unfrozen",
            Self::DrawnFrozen => "live_freeze.item_drawn_frozen",
            Self::Swept => "live_freeze.item_swept",
            Self::Closing => "live_freeze.item_closing",
            Self::AllowanceLeft => "live_freeze.item_allowance_left",
            Self::AllowanceCarried => "live_freeze.item_allowance_carried",
            Self::AllowanceLapsed => "live_freeze.item_allowance_lapsed",
            Self::Unfrozen => "live_freeze.item_unfrozen",
            Self::Held => "live_freeze.item_held",
        })
    }
}

/// One line of a month's statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// What it is.
    pub item: Item,
    /// The order that it concerns, by its place in [`Statement::orders`].
    pub order: Option<usize>,
    /// How much.
    pub amount: Amount,
    /// Law and article, or where else it comes from.
    pub source: &'a Text,
}

impl MonthStatement {
    fn new(month: Month, from: Date, opening: Amount) -> Self {
        Self {
            month,
            from,
            until: from,
            opening,
            credits: Amount::ZERO,
            carried_in: Amount::ZERO,
            allowance: Amount::ZERO,
            allowance_of: None,
            is_of_several: false,
            drawn_allowance: Amount::ZERO,
            drawn_unfrozen: Amount::ZERO,
            drawn_frozen: Amount::ZERO,
            swept: Vec::new(),
            closing: opening,
            division: Division::default(),
            left: Left::Stays,
        }
    }

    /// Its lines with their sources. Those of nothing are left out, but for opening, closing, the allowance that was
    /// given, and orders in force.
    #[must_use]
    pub fn lines<'a>(&self, sources: &'a Sources) -> Vec<Line<'a>> {
        let allowance = if self.is_of_several { &sources.several } else { &sources.allowance };
        let (left, of_left) = match self.left {
            Left::Stays => (Item::AllowanceLeft, &sources.allowance),
            Left::Carried => (Item::AllowanceCarried, &sources.unused),
            Left::Lapses => (Item::AllowanceLapsed, &sources.unused),
        };
        let line = |item, order, amount, source| Line { item, order, amount, source };
        let given = |item, amount, source| (amount > Amount::ZERO).then(|| line(item, None, amount, source));
        let mut lines = vec![line(Item::Opening, None, self.opening, &sources.account)];
        lines.extend(given(Item::Credits, self.credits, &sources.account));
        lines.extend(given(Item::CarriedIn, self.carried_in, &sources.unused));
        lines.extend(self.allowance_of.map(|order| line(Item::Allowance, Some(order), self.allowance, allowance)));
        lines.extend(given(Item::DrawnAllowance, self.drawn_allowance, &sources.allowance));
        lines.extend(given(Item::DrawnUnfrozen, self.drawn_unfrozen, &sources.above));
        lines.extend(given(Item::DrawnFrozen, self.drawn_frozen, &sources.frozen_drawn));
        let swept = |(order, amount): &(usize, Amount)| line(Item::Swept, Some(*order), *amount, &sources.swept);
        lines.extend(self.swept.iter().map(swept));
        lines.push(line(Item::Closing, None, self.closing, &sources.account));
        lines.extend(given(left, self.division.allowance, of_left));
        lines.extend(given(Item::Unfrozen, self.division.unfrozen, &sources.above));
        let held = |(order, amount): &(usize, Amount)| line(Item::Held, Some(*order), *amount, &sources.held);
        lines.extend(self.division.held.iter().map(held));
        lines
    }
}

/// A whole account up to its day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The orders in the line of arrival, as they stand on the last day.
    pub orders: Vec<Standing>,
    /// The months, without a gap.
    pub months: Vec<MonthStatement>,
    /// The days, without a gap; never empty.
    pub days: Vec<Days>,
    /// What was moved to the cases, in order of time.
    pub swept: Vec<Swept>,
    /// What the bank should not have let go.
    pub findings: Vec<Finding>,
    /// Orders that last longer than a freeze may without a renewal, by their places.
    pub long: Vec<usize>,
    /// What was on the account when the last day ended.
    pub balance: Amount,
    /// What of it was what.
    pub today: Division,
    /// The settings that were used.
    pub settings: Settings,
}

fn too_large() -> Message {
    Message::new("live_freeze.too_large")
}

fn plus(one: Amount, other: Amount) -> Result<Amount, Message> {
    one.plus(other).ok_or_else(too_large)
}

fn minus(one: Amount, other: Amount) -> Result<Amount, Message> {
    one.minus(other).ok_or_else(too_large)
}

fn add(to: &mut Amount, amount: Amount) -> Result<(), Message> {
    *to = plus(*to, amount)?;
    Ok(())
}

fn subtract(from: &mut Amount, amount: Amount) -> Result<(), Message> {
    *from = minus(*from, amount)?;
    Ok(())
}

fn not_positive(name: impl fmt::Display, amount: Amount) -> Message {
    Message::new("live_freeze.amount_not_positive").with("name", name).with("amount", amount)
}

impl Facts {
    /// What must hold, in this order: `live_freeze.no_orders`, `live_freeze.too_many_orders`,
    /// `live_freeze.order_twice`, `live_freeze.arrival_twice`, then for each order `live_freeze.amount_not_positive`,
    /// `live_freeze.span`, `live_freeze.lifted_before`; `live_freeze.arrival_contradicts`; for each movement
    /// `live_freeze.order_unknown`, `live_freeze.amount_not_positive`, `live_freeze.after_until`; for each allowance
    /// `live_freeze.order_unknown`, `live_freeze.allowance_twice`.
    fn check(&self) -> Result<(), Message> {
        if self.orders.is_empty() {
            return Err(Message::new("live_freeze.no_orders"));
        }
        if self.orders.len() > ORDERS_MAX {
            return Err(Message::new("live_freeze.too_many_orders").with("max", ORDERS_MAX));
        }
        let mut line: Vec<&Order> = self.orders.iter().collect();
        line.sort_by_key(|order| order.order.as_str());
        if let Some(pair) = line.windows(2).find(|pair| pair[0].order == pair[1].order) {
            return Err(Message::new("live_freeze.order_twice").with("order", &pair[0].order));
        }
        line.sort_by_key(|order| order.arrival);
        if let Some(pair) = line.windows(2).find(|pair| pair[0].arrival == pair[1].arrival) {
            let message = Message::new("live_freeze.arrival_twice").with("arrival", pair[0].arrival);
            return Err(message.with("order", &pair[0].order).with("other", &pair[1].order));
        }
        for order in &line {
            if order.amount <= Amount::ZERO {
                return Err(not_positive(&order.order, order.amount));
            }
            if order.until < order.from {
                let message = Message::new("live_freeze.span").with("order", &order.order);
                return Err(message.with("from", order.from).with("until", order.until));
            }
            if let Some(day) = order.lifted_on.filter(|day| *day < order.from) {
                let message = Message::new("live_freeze.lifted_before").with("order", &order.order);
                return Err(message.with("day", day).with("from", order.from));
            }
        }
        if let Some(pair) = line.windows(2).find(|pair| pair[0].from > pair[1].from) {
            let message = Message::new("live_freeze.arrival_contradicts").with("order", &pair[0].order);
            return Err(message.with("other", &pair[1].order));
        }
        let known = |name: Option<&str>| match name.filter(|name| line.iter().all(|order| order.order != **name)) {
            Some(name) => Err(Message::new("live_freeze.order_unknown").with("order", name.escape_debug())),
            None => Ok(()),
        };
        for movement in &self.movements {
            known(movement.what.order())?;
            if let Some(amount) = movement.what.amount().filter(|amount| *amount <= Amount::ZERO) {
                return Err(not_positive(movement.on, amount));
            }
            if movement.on > self.until {
                return Err(Message::new("live_freeze.after_until").with("day", movement.on).with("until", self.until));
            }
        }
        let mut allowances: Vec<&Allowance> = self.allowances.iter().collect();
        allowances.sort();
        for allowance in &allowances {
            known(allowance.order.as_deref())?;
        }
        let is_twice = |pair: &&[&Allowance]| pair[0].order == pair[1].order && pair[0].from == pair[1].from;
        let mut named = self.orders.iter().filter(|order| order.allowance.is_some());
        let from_the_beginning = |order: &Order| {
            allowances.iter().any(|one| one.from.is_none() && one.order.as_deref() == Some(order.order.as_str()))
        };
        let twice = allowances.windows(2).find(is_twice).map(|pair| pair[0].order.as_deref().unwrap_or_default());
        let twice = twice.or_else(|| named.find(|order| from_the_beginning(order)).map(|order| order.order.as_str()));
        match twice {
            Some(order) => Err(Message::new("live_freeze.allowance_twice").with("order", order)),
            None => Ok(()),
        }
    }

    /// What an order sets for a month: the ruling that is in force last; of two from the same month that of the order
    /// itself.
    fn allowance(&self, order: &Order, month: Month) -> Option<Amount> {
        let own = order.allowance.map(|amount| (None, true, amount));
        let applies = |one: &&Allowance| {
            one.order.as_ref().is_none_or(|name| *name == order.order) && one.from.is_none_or(|from| from <= month)
        };
        let others = self.allowances.iter().filter(applies).map(|one| (one.from, one.order.is_some(), one.amount));
        own.into_iter().chain(others).max_by_key(|(from, is_own, _)| (*from, *is_own)).map(|(.., amount)| amount)
    }
}

/// Reckons an account up to its day.
///
/// # Errors
/// Those of the facts, in the order that is said there, then `live_freeze.no_allowance`, `live_freeze.too_long`. Then
/// in order of time: `live_freeze.not_in_force`, `live_freeze.none_in_force`, `live_freeze.sweep_exceeds_owed`,
/// `live_freeze.sweep_touches_allowance`, `live_freeze.sweep_out_of_turn` (what is left is held for earlier orders),
/// `live_freeze.paid_exceeds_owed`, `live_freeze.overdrawn`. `live_freeze.too_large` at any place.
pub fn reckon(rules: &Rules, facts: &Facts) -> Result<Statement, Message> {
    facts.check()?;
    let settings = &rules.settings;
    let mut line: Vec<&Order> = facts.orders.iter().collect();
    line.sort_by_key(|order| order.arrival);
    for order in &line {
        if facts.allowance(order, Month::of(order.from, settings)?).is_none() {
            return Err(Message::new("live_freeze.no_allowance").with("order", &order.order));
        }
    }
    let days = key_days(settings, facts)?;
    let first = days.first().copied().unwrap_or(facts.until);
    let mut movements: Vec<&Movement> = facts.movements.iter().collect();
    let place = |name: &str| line.iter().position(|order| order.order == name);
    movements.sort_by_cached_key(|movement| {
        let order = movement.what.order().and_then(place);
        let stage = match movement.what {
            What::Credit(_) => 0,
            What::Sweep { .. } => 1,
            What::Paid { .. } => 2,
            What::Withdrawal(_) => 3,
        };
        let amount = movement.what.amount();
        // Of the sweeps of a day those of a stated amount before those of all, those of one order before those of the line.
        (movement.on, stage, amount.is_none(), order.is_none(), order, amount)
    });
    let mut run = Run::new(rules, facts, line, first)?;
    let mut movements = movements.into_iter().peekable();
    for day in days {
        run.begin(day)?;
        let mut drawn = Amount::ZERO;
        while let Some(movement) = movements.next_if(|movement| movement.on == day) {
            match &movement.what {
                What::Credit(amount) => run.credit(*amount)?,
                What::Sweep { order: None, amount } => run.sweep_line(*amount)?,
                What::Sweep { order: Some(name), amount } => run.sweep(run.place(name)?, *amount)?,
                What::Paid { order, amount } => run.paid_elsewhere(run.place(order)?, *amount)?,
                What::Withdrawal(amount) => add(&mut drawn, *amount)?,
            }
        }
        run.lift();
        run.withdraw(drawn)?;
        run.end()?;
    }
    run.finish()
}

/// The days on which something may change, from the first that is known of.
fn key_days(settings: &Settings, facts: &Facts) -> Result<BTreeSet<Date>, Message> {
    let mut days = BTreeSet::from([facts.until]);
    // What ends an order on a day may change the allowance on the next one.
    let mut and_next = |day: Date| {
        days.insert(day);
        days.extend(day.tomorrow().ok());
    };
    facts.movements.iter().for_each(|movement| and_next(movement.on));
    facts.orders.iter().filter_map(|order| order.lifted_on).for_each(&mut and_next);
    for order in &facts.orders {
        days.insert(order.from);
        days.extend(order.until.tomorrow().ok());
    }
    days.retain(|day| *day <= facts.until);
    let first = days.first().copied().unwrap_or(facts.until);
    let mut month = Month::of(first, settings)?;
    for count in 0.. {
        month = month.next();
        // No month begins behind the last day of the calendar.
        let Some(begins) = month.first_day(settings).ok().filter(|day| *day <= facts.until) else { break };
        if count == MONTHS_MAX {
            return Err(Message::new("live_freeze.too_long").with("first", first).with("until", facts.until));
        }
        days.insert(begins);
    }
    Ok(days)
}

/// The account at one moment.
struct Run<'a> {
    rules: &'a Rules,
    facts: &'a Facts,
    orders: Vec<Standing>,
    day: Date,
    balance: Amount,
    /// Of the allowance, what was not drawn; there may be less money.
    left: Amount,
    month: MonthStatement,
    months: Vec<MonthStatement>,
    days: Vec<Days>,
    swept: Vec<Swept>,
    findings: Vec<Finding>,
}

impl<'a> Run<'a> {
    fn new(rules: &'a Rules, facts: &'a Facts, line: Vec<&Order>, first: Date) -> Result<Self, Message> {
        let standing = |order: &Order| Standing {
            order: order.clone(),
            state: State::NotBegun,
            ended_on: None,
            swept: Amount::ZERO,
            paid: Amount::ZERO,
        };
        Ok(Self {
            rules,
            facts,
            orders: line.into_iter().map(standing).collect(),
            day: first,
            balance: facts.opening,
            left: Amount::ZERO,
            month: MonthStatement::new(Month::of(first, &rules.settings)?, first, facts.opening),
            months: Vec::new(),
            days: Vec::new(),
            swept: Vec::new(),
            findings: Vec::new(),
        })
    }

    fn place(&self, name: &str) -> Result<usize, Message> {
        let found = self.orders.iter().position(|one| one.order.order == name);
        found.ok_or_else(|| Message::new("live_freeze.order_unknown").with("order", name.escape_debug()))
    }

    fn in_force(&self) -> impl Iterator<Item = usize> {
        (0..self.orders.len()).filter(|place| self.orders[*place].state == State::InForce)
    }

    fn division(&self) -> Result<Division, Message> {
        let is_frozen = self.in_force().next().is_some();
        let allowance = if is_frozen { self.left.min(self.balance) } else { Amount::ZERO };
        let mut rest = minus(self.balance, allowance)?;
        let mut held = Vec::new();
        for place in self.in_force() {
            let amount = self.orders[place].owed()?.min(rest);
            subtract(&mut rest, amount)?;
            held.push((place, amount));
        }
        Ok(Division { allowance, unfrozen: rest, held })
    }

    fn stop(&mut self, place: usize, state: State, last_day: Date) {
        self.orders[place].state = state;
        self.orders[place].ended_on = Some(last_day);
    }

    /// What the night brings: orders lapse and begin, a month ends, the allowance is given.
    fn begin(&mut self, day: Date) -> Result<(), Message> {
        self.day = day;
        let before = self.division()?;
        for place in 0..self.orders.len() {
            let (state, order) = (self.orders[place].state, &self.orders[place].order);
            let (from, until) = (order.from, order.until);
            if state == State::InForce && until < day {
                self.stop(place, State::Lapsed, until);
            } else if state == State::NotBegun && from <= day {
                self.orders[place].state = State::InForce;
            }
        }
        let month = Month::of(day, &self.rules.settings)?;
        if month != self.month.month {
            self.begin_month(month, before)?;
        }
        self.give()
    }

    fn begin_month(&mut self, month: Month, ended: Division) -> Result<(), Message> {
        // Where nothing was frozen, or is no more, nothing of an allowance is kept.
        let goes_on = !ended.held.is_empty() && self.in_force().next().is_some();
        let left = match self.rules.settings.unused {
            Unused::Carried if goes_on => Left::Carried,
            Unused::Lapses if goes_on => Left::Lapses,
            Unused::Carried | Unused::Lapses => Left::Stays,
        };
        self.left = if left == Left::Carried { ended.allowance } else { Amount::ZERO };
        let next = MonthStatement {
            carried_in: self.left,
            ..MonthStatement::new(month, month.first_day(&self.rules.settings)?, self.balance)
        };
        let until = next.from.checked_sub(1.day()).map_err(|_| too_large())?;
        let ended_month = std::mem::replace(&mut self.month, next);
        self.months.push(MonthStatement { until, closing: self.balance, division: ended, left, ..ended_month });
        Ok(())
    }

    /// Gives what the month's allowance is above what was given of it.
    fn give(&mut self) -> Result<(), Message> {
        let mut all = Vec::new();
        for place in self.in_force() {
            let order = &self.orders[place].order;
            let none = || Message::new("live_freeze.no_allowance").with("order", &order.order);
            all.push((place, self.facts.allowance(order, self.month.month).ok_or_else(none)?));
        }
        let holds = match self.rules.settings.several {
            // Of equal ones that of the first in line.
            Several::Largest => all.iter().copied().reduce(|one, other| if other.1 > one.1 { other } else { one }),
            Several::FirstInLine => all.first().copied(),
        };
        let Some((place, amount)) = holds else { return Ok(()) };
        self.month.is_of_several |= all.iter().any(|(_, other)| *other != amount);
        if amount > self.month.allowance || self.month.allowance_of.is_none() {
            add(&mut self.left, minus(amount, self.month.allowance)?)?;
            self.month.allowance = amount;
            self.month.allowance_of = Some(place);
        }
        Ok(())
    }

    fn credit(&mut self, amount: Amount) -> Result<(), Message> {
        add(&mut self.month.credits, amount)?;
        add(&mut self.balance, amount)
    }

    fn refuse(&self, code: &'static str, name: &str, amount: Amount, most: Amount) -> Message {
        Message::new(code).with("day", self.day).with("order", name).with("amount", amount).with("most", most)
    }

    fn not_in_force(&self, place: usize) -> Message {
        let one = &self.orders[place];
        let message = Message::new("live_freeze.not_in_force").with("day", self.day).with("order", &one.order.order);
        message.with_term("state", &one.state.message())
    }

    fn sweep(&mut self, place: usize, amount: Option<Amount>) -> Result<(), Message> {
        let division = self.division()?;
        let Some(held) = division.held_for(place) else { return Err(self.not_in_force(place)) };
        let amount = amount.unwrap_or(held);
        let one = &self.orders[place];
        if amount > one.owed()? {
            return Err(self.refuse("live_freeze.sweep_exceeds_owed", &one.order.order, amount, one.owed()?));
        }
        if amount > minus(self.balance, division.allowance)? {
            return Err(self.refuse("live_freeze.sweep_touches_allowance", &one.order.order, amount, held));
        }
        if amount > held {
            return Err(self.refuse("live_freeze.sweep_out_of_turn", &one.order.order, amount, held));
        }
        self.take(place, amount)
    }

    fn sweep_line(&mut self, amount: Option<Amount>) -> Result<(), Message> {
        let division = self.division()?;
        if division.held.is_empty() {
            return Err(Message::new("live_freeze.none_in_force").with("day", self.day));
        }
        let held = division.held_total()?;
        let mut rest = amount.unwrap_or(held);
        let names: Vec<&str> =
            division.held.iter().map(|(place, _)| self.orders[*place].order.order.as_str()).collect();
        let names = names.join(", ");
        let mut owed = Amount::ZERO;
        for (place, _) in &division.held {
            // More than can be counted is more than is asked for.
            owed = owed.plus(self.orders[*place].owed()?).unwrap_or(Amount::from_minor(i64::MAX));
        }
        if rest > owed {
            return Err(self.refuse("live_freeze.sweep_exceeds_owed", &names, rest, owed));
        }
        if rest > held {
            return Err(self.refuse("live_freeze.sweep_touches_allowance", &names, rest, held));
        }
        for (place, held) in division.held {
            let amount = held.min(rest);
            subtract(&mut rest, amount)?;
            self.take(place, amount)?;
        }
        Ok(())
    }

    /// Moves what is held to the case.
    fn take(&mut self, place: usize, amount: Amount) -> Result<(), Message> {
        if amount == Amount::ZERO {
            return Ok(());
        }
        subtract(&mut self.balance, amount)?;
        add(&mut self.orders[place].swept, amount)?;
        self.swept.push(Swept { on: self.day, order: place, amount });
        match self.month.swept.binary_search_by_key(&place, |(place, _)| *place) {
            Ok(found) => add(&mut self.month.swept[found].1, amount)?,
            Err(free) => self.month.swept.insert(free, (place, amount)),
        }
        self.end_if_met(place)
    }

    fn paid_elsewhere(&mut self, place: usize, amount: Amount) -> Result<(), Message> {
        let one = &self.orders[place];
        if one.state != State::InForce {
            return Err(self.not_in_force(place));
        }
        if amount > one.owed()? {
            return Err(self.refuse("live_freeze.paid_exceeds_owed", &one.order.order, amount, one.owed()?));
        }
        add(&mut self.orders[place].paid, amount)?;
        self.end_if_met(place)
    }

    fn end_if_met(&mut self, place: usize) -> Result<(), Message> {
        if self.orders[place].owed()? == Amount::ZERO {
            self.stop(place, State::Met, self.day);
        }
        Ok(())
    }

    fn lift(&mut self) {
        for place in 0..self.orders.len() {
            let one = &self.orders[place];
            if one.state == State::InForce && one.order.lifted_on == Some(self.day) {
                self.stop(place, State::Lifted, self.day);
            }
        }
    }

    /// What was drawn in a day: first of the allowance, then of what is not frozen, then of what should have been held.
    fn withdraw(&mut self, drawn: Amount) -> Result<(), Message> {
        if drawn > self.balance {
            let message = Message::new("live_freeze.overdrawn").with("day", self.day).with("amount", drawn);
            return Err(message.with("balance", self.balance));
        }
        let before = self.division()?;
        let of_allowance = drawn.min(before.allowance);
        let of_unfrozen = minus(drawn, of_allowance)?.min(before.unfrozen);
        let frozen = minus(minus(drawn, of_allowance)?, of_unfrozen)?;
        add(&mut self.month.drawn_allowance, of_allowance)?;
        add(&mut self.month.drawn_unfrozen, of_unfrozen)?;
        add(&mut self.month.drawn_frozen, frozen)?;
        subtract(&mut self.left, of_allowance)?;
        subtract(&mut self.balance, drawn)?;
        if frozen > Amount::ZERO {
            let mut missing = Vec::new();
            for ((place, held), (_, still)) in before.held.iter().zip(self.division()?.held) {
                let less = minus(*held, still)?;
                missing.extend((less > Amount::ZERO).then_some((*place, less)));
            }
            let is_of_first_day = missing.iter().any(|(place, _)| self.orders[*place].order.from == self.day);
            let (on, free) = (self.day, before.free()?);
            self.findings.push(Finding { on, drawn, free, frozen, missing, is_of_first_day });
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Message> {
        let division = self.division()?;
        if let Some(last) = self.days.last_mut() {
            last.until = self.day.checked_sub(1.day()).map_err(|_| too_large())?;
            if last.balance == self.balance && last.division == division {
                last.until = self.day;
                return Ok(());
            }
        }
        self.days.push(Days { from: self.day, until: self.day, balance: self.balance, division });
        Ok(())
    }

    fn finish(mut self) -> Result<Statement, Message> {
        let today = self.division()?;
        let (until, closing) = (self.facts.until, self.balance);
        self.months.push(MonthStatement { until, closing, division: today.clone(), ..self.month });
        let is_long = |one: &Standing| one.order.from.checked_add(1.year()).is_ok_and(|end| one.order.until > end);
        let long = (0..self.orders.len()).filter(|place| is_long(&self.orders[*place])).collect();
        Ok(Statement {
            orders: self.orders,
            months: self.months,
            days: self.days,
            swept: self.swept,
            findings: self.findings,
            long,
            balance: self.balance,
            today,
            settings: self.rules.settings,
        })
    }
}

fn day_cell(row: &Row, field: &'static str) -> Result<Date, Message> {
    let text = row.cell(field);
    text.parse().map_err(|_| row.refuse(field, &Message::new("calc.day").with("text", text.escape_debug())))
}

fn amount_cell(row: &Row, field: &'static str) -> Result<Amount, Message> {
    parse_yuan(row.cell(field)).map_err(|why| row.refuse(field, &why))
}

/// A cell that may be empty.
fn perhaps<T>(
    row: &Row,
    field: &'static str,
    read: fn(&Row, &'static str) -> Result<T, Message>,
) -> Result<Option<T>, Message> {
    if row.cell(field).is_empty() { Ok(None) } else { read(row, field).map(Some) }
}

/// Reads orders: a table or a JSON list with order (案号), arrival (到达顺序), amount (冻结金额), from (起), until (止) and perhaps
/// lifted_on (解除日), allowance (生活费).
///
/// # Errors
/// `calc.table…` (what cannot be read as rows), `calc.cell` with the row and why.
pub fn read_orders(bytes: &[u8]) -> Result<Vec<Order>, Message> {
    const FIELDS: [Field; 7] = [
        Field { name: "order", headings: &["案号", "文书号"], is_required: true },
        Field { name: "arrival", headings: &["到达顺序", "轮候顺序"], is_required: true },
        Field { name: "amount", headings: &["冻结金额", "冻结限额"], is_required: true },
        Field { name: "from", headings: &["起", "冻结日", "冻结起日"], is_required: true },
        Field { name: "until", headings: &["止", "到期日", "冻结止日"], is_required: true },
        Field { name: "lifted_on", headings: &["解除日"], is_required: false },
        Field { name: "allowance", headings: &["生活费"], is_required: false },
    ];
    let order = |row: &Row| {
        let text = row.cell("arrival");
        if row.cell("order").is_empty() {
            return Err(row.refuse("order", &Message::new("live_freeze.order_empty")));
        }
        let not_a_place = || row.refuse("arrival", &Message::new("calc.order").with("text", text.escape_debug()));
        Ok(Order {
            order: row.cell("order").to_owned(),
            arrival: text.parse().ok().filter(|place| *place > 0).ok_or_else(not_a_place)?,
            amount: amount_cell(row, "amount")?,
            from: day_cell(row, "from")?,
            until: day_cell(row, "until")?,
            lifted_on: perhaps(row, "lifted_on", day_cell)?,
            allowance: perhaps(row, "allowance", amount_cell)?,
        })
    };
    rows(bytes, &FIELDS)?.iter().map(order).collect()
}

/// Reads what happened: a table or a JSON list with on (日期), kind (类型: credit 入账, withdrawal 支取, sweep 划转, paid 另行清偿),
/// amount (金额; a sweep without one takes all that is held), order (案号; a sweep without one goes by the line).
///
/// # Errors
/// `calc.table…` (what cannot be read as rows), `calc.cell` with the row and why.
pub fn read_movements(bytes: &[u8]) -> Result<Vec<Movement>, Message> {
    const FIELDS: [Field; 4] = [
        Field { name: "on", headings: &["日期"], is_required: true },
        Field { name: "kind", headings: &["类型"], is_required: true },
        Field { name: "amount", headings: &["金额"], is_required: false },
        Field { name: "order", headings: &["案号", "文书号"], is_required: false },
    ];
    let movement = |row: &Row| {
        let order = Some(row.cell("order").to_owned()).filter(|order| !order.is_empty());
        let what = match row.cell("kind") {
            "credit" | "入账" => What::Credit(amount_cell(row, "amount")?),
            "withdrawal" | "支取" => What::Withdrawal(amount_cell(row, "amount")?),
            "sweep" | "划转" => What::Sweep { order: order.clone(), amount: perhaps(row, "amount", amount_cell)? },
            "paid" | "另行清偿" => {
                let missing = || row.refuse("order", &Message::new("live_freeze.paid_without_order"));
                What::Paid { order: order.clone().ok_or_else(missing)?, amount: amount_cell(row, "amount")? }
            }
            other => {
                let why = Message::new("live_freeze.kind").with("text", other.escape_debug());
                return Err(row.refuse("kind", &why));
            }
        };
        if order.is_some() && what.order().is_none() {
            return Err(row.refuse("order", &Message::new("live_freeze.order_not_here")));
        }
        Ok(Movement { on: day_cell(row, "on")?, what })
    };
    rows(bytes, &FIELDS)?.iter().map(movement).collect()
}

#[cfg(test)]
mod tests;
