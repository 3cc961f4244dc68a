//! A salary account under a live freeze (活冻结), as the books know it: the orders of its line, the movements that the bank
//! reported, the deductions that it confirmed. What is free, what is held for whom and what may be deducted is decided by
//! [`live_freeze`]; here the facts of the books become its facts, and what it finds becomes facts of the line. Pure.
//!
//! - An order counts from the day on which it took effect, one in the waiting list (轮候) from the day on which something is
//!   left for it. One of which we were told after money was deducted counts from the day after the deduction: what was
//!   taken by the rule of that day stays taken.
//! - The allowance is the largest that an order in force sets; whether it is carried over says the first order of ours.
//! - An order of all there is (`whole`) is met by nothing.

use ankuan_ledger::Amount;
use jiff::civil::Date;

use super::Action;
use super::live_freeze::{self, Facts, Movement, Rules, STANDARD, Statement, Unused, What as Happened};
use super::measures::{MeasureEvent, Standing};
use super::rules::{End, Extent, Fact, InForce, Measure, State, What};
use crate::Message;
use crate::words::words;

words! {
    /// What a bank reports.
    MovementKind {
        /// 期初余额: before the first movement.
        Opening = "opening",
        /// 入账
        Credit = "credit",
        /// 他院扣划: for another court's order in the line.
        Taken = "taken",
        /// 支取
        Withdrawal = "withdrawal",
    }
}

/// A movement that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Row: rises in the order in which we were told.
    pub id: i64,
    /// Its day.
    pub on: Date,
    /// What it was.
    pub kind: MovementKind,
    /// Positive.
    pub amount: Amount,
    /// Of what was taken for another court: its order.
    pub measure_id: Option<i64>,
    /// The bank's number.
    pub reference: String,
}

/// A salary account: its orders and movements.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The line.
    pub standing: Standing,
    /// What the bank reported.
    pub moved: Vec<Moved>,
}

/// What an order of all there is asks for: more than any salary account will see.
const WHOLE: Amount = Amount::from_minor(1_000_000_000_000_000);

/// A row that is not written yet: behind all others.
const NOT_YET: i64 = i64::MAX - 1;

/// An account as the rule has it.
#[derive(Clone, Debug)]
pub struct Reckoned {
    /// Months, days, findings, what is free and held.
    pub statement: Statement,
    /// The orders of the statement, by their places in it.
    pub measures: Vec<i64>,
}

impl Reckoned {
    /// What is held for an order on the last day that was reckoned; none where it is not in force.
    #[must_use]
    pub fn held_for(&self, measure_id: i64) -> Option<Amount> {
        let place = self.measures.iter().position(|one| *one == measure_id)?;
        self.statement.today.held_for(place)
    }
}

/// The rule, with what the orders say of an allowance that was not drawn.
///
/// # Errors
/// None that the built-in rules give.
pub fn rules_of(standing: &Standing) -> Result<Rules, Message> {
    let mut rules = Rules::parse(STANDARD)?;
    let records = standing.line.measures().iter().filter_map(|measure| standing.record(measure.measure_id));
    let first = records.filter(|record| record.case_id.is_some()).find_map(|record| record.allowance);
    rules.settings.unused = match first {
        Some(allowance) if !allowance.carries_over => Unused::Lapses,
        _ => Unused::Carried,
    };
    Ok(rules)
}

impl Account {
    /// The last day of which anything is known.
    #[must_use]
    pub fn latest(&self) -> Option<Date> {
        let deducted = self.deductions().map(|event| event.fact.on);
        self.moved.iter().map(|moved| moved.on).chain(deducted).max()
    }

    fn deductions(&self) -> impl Iterator<Item = &MeasureEvent> {
        self.standing.events.iter().filter(|event| matches!(event.fact.what, What::Deducted(_)))
    }

    /// When an order took effect: row and day.
    fn begun(&self, measure_id: i64) -> Option<(i64, Date)> {
        let begins = |event: &&MeasureEvent| {
            event.fact.measure_id == measure_id
                && matches!(event.fact.what, What::InForce(_) | What::Partly(_) | What::Promoted(_))
        };
        self.standing.events.iter().find(begins).map(|event| (event.id, event.fact.on))
    }

    /// The day after the last on which money was taken for an order, as far as it was told before a row.
    fn after_taken(&self, before: i64) -> Result<Option<Date>, Message> {
        let deducted = self.deductions().filter(|event| event.id < before).map(|event| event.fact.on);
        let taken = self.moved.iter().filter(|moved| moved.kind == MovementKind::Taken && moved.id < before);
        let last = deducted.chain(taken.map(|moved| moved.on)).max();
        last.map(|day| day.tomorrow().map_err(|_| out_of_range())).transpose()
    }

    /// The orders that are or were in force, as the rule wants them.
    fn orders(&self) -> Result<Vec<(i64, live_freeze::Order)>, Message> {
        let mut orders: Vec<(i64, live_freeze::Order)> = Vec::new();
        for measure in self.standing.line.measures() {
            let measure_id = measure.measure_id;
            let Some((row, since)) = self.begun(measure_id) else { continue };
            let from = since.max(self.after_taken(row)?.unwrap_or(since));
            // Who stands behind another took effect no earlier, whatever we were told of the days.
            let from = orders.last().map_or(from, |(_, before)| before.from.max(from));
            let (until, lifted_on) = match measure.state {
                State::InForce(InForce { ends_on, .. }) => (ends_on, None),
                State::Ended { on, how: End::Lifted, .. } => (on, Some(on)),
                State::Ended { on, .. } => (on, None),
                State::Asked | State::Waiting { .. } => continue,
            };
            // Nothing that was taken for it comes after its end.
            let own = self.deductions().filter(|event| event.fact.measure_id == measure_id).map(|event| event.fact.on);
            let last = own.max().unwrap_or(from).max(from);
            let amount = match measure.extent {
                Extent::Amount(amount) => amount,
                Extent::Whole => WHOLE,
                Extent::Share(_) => return Err(Message::new("salary.share").with("measure", measure_id)),
            };
            let record = self.standing.record(measure_id);
            let allowance = record.and_then(|record| record.allowance).map(|allowance| allowance.monthly);
            orders.push((
                measure_id,
                live_freeze::Order {
                    order: measure_id.to_string(),
                    arrival: u32::try_from(orders.len() + 1).map_err(|_| out_of_range())?,
                    amount,
                    from,
                    until: until.max(last),
                    lifted_on: lifted_on.map(|day| day.max(last)),
                    // What another court has set, we are not always told; ours is the largest then.
                    allowance: Some(allowance.unwrap_or(Amount::ZERO)),
                },
            ));
        }
        Ok(orders)
    }

    /// The account up to a day by the rule; none while no order has taken effect.
    ///
    /// # Errors
    /// `salary.share`, `live_freeze.overdrawn`, those of a deduction that could not have been
    /// ([`live_freeze::reckon`]).
    pub fn reckon(&self, until: Date) -> Result<Option<Reckoned>, Message> {
        let orders = self.orders()?;
        if orders.is_empty() {
            return self.must_be_there().map(|()| None);
        }
        let mut opening = Amount::ZERO;
        let mut movements = Vec::new();
        for moved in self.moved.iter().filter(|moved| moved.on <= until) {
            let what = match (moved.kind, moved.measure_id) {
                (MovementKind::Opening, _) => {
                    opening = opening.plus(moved.amount).ok_or_else(out_of_range)?;
                    continue;
                }
                (MovementKind::Credit, _) => Happened::Credit(moved.amount),
                (MovementKind::Withdrawal, _) => Happened::Withdrawal(moved.amount),
                (MovementKind::Taken, order) => {
                    Happened::Sweep { order: order.map(|id| id.to_string()), amount: Some(moved.amount) }
                }
            };
            movements.push(Movement { on: moved.on, what });
        }
        for event in self.deductions().filter(|event| event.fact.on <= until) {
            let What::Deducted(amount) = event.fact.what else { continue };
            let what = Happened::Sweep { order: Some(event.fact.measure_id.to_string()), amount: Some(amount) };
            movements.push(Movement { on: event.fact.on, what });
        }
        let (measures, orders) = orders.into_iter().unzip();
        let facts = Facts { until, opening, orders, allowances: Vec::new(), movements };
        let statement = live_freeze::reckon(&rules_of(&self.standing)?, &facts)?;
        Ok(Some(Reckoned { statement, measures }))
    }

    /// Without an order: that nobody draws what is not there.
    fn must_be_there(&self) -> Result<(), Message> {
        let mut moved: Vec<&Moved> = self.moved.iter().collect();
        moved.sort_by_key(|moved| (moved.kind != MovementKind::Opening, moved.on, moved.kind));
        let mut balance = Amount::ZERO;
        for one in moved {
            let is_in = matches!(one.kind, MovementKind::Opening | MovementKind::Credit);
            let next = if is_in { balance.plus(one.amount) } else { balance.minus(one.amount) };
            let next = next.ok_or_else(out_of_range)?;
            if next < Amount::ZERO {
                let message = Message::new("live_freeze.overdrawn").with("day", one.on).with("amount", one.amount);
                return Err(message.with("balance", balance));
            }
            balance = next;
        }
        Ok(())
    }

    /// That an amount may be deducted for an order on a day, with all that is known of later days: nothing of the living
    /// allowance, nothing of what is held for an earlier order, no more than is owed.
    ///
    /// # Errors
    /// `assets.allowance_untouchable` (CPC 254); `live_freeze.sweep_out_of_turn`, `live_freeze.sweep_exceeds_owed`,
    /// `live_freeze.not_in_force`, and those of [`Account::reckon`].
    pub fn may_deduct(&self, measure_id: i64, amount: Amount, on: Date) -> Result<(), Message> {
        let mut after = self.clone();
        let fact = Fact { measure_id, on, what: What::Deducted(amount), order_id: None };
        after.standing.events.push(event(fact));
        let until = after.latest().unwrap_or(on).max(on);
        let refused = match after.reckon(until) {
            Ok(Some(_)) => return Ok(()),
            Ok(None) => Message::new("live_freeze.none_in_force").with("day", on),
            Err(refused) => refused,
        };
        if refused.code != "live_freeze.sweep_touches_allowance" {
            return Err(refused);
        }
        Err(untouchable(measure_id, amount, on, self.held_on(measure_id, on)?))
    }

    /// That the deduction of an amount may be ordered today: as [`Account::may_deduct`], and it is held for the order now. A
    /// deduction that the bank made earlier on a day on which it also let frozen money go may have been larger.
    ///
    /// # Errors
    /// As [`Account::may_deduct`].
    pub fn may_order(&self, measure_id: i64, amount: Amount, today: Date) -> Result<(), Message> {
        self.may_deduct(measure_id, amount, today)?;
        let held = self.held_on(measure_id, today)?;
        if amount > held { Err(untouchable(measure_id, amount, today, held)) } else { Ok(()) }
    }

    fn held_on(&self, measure_id: i64, day: Date) -> Result<Amount, Message> {
        Ok(self.reckon(day)?.and_then(|reckoned| reckoned.held_for(measure_id)).unwrap_or_default())
    }

    /// The facts that bring the line to what the account says on a day: an order that waits takes effect on the day on which
    /// something is left for it, and what is frozen for each is what is held for it.
    ///
    /// # Errors
    /// Those of [`Account::reckon`] and [`super::rules::Line::apply`].
    pub fn settle(&self, until: Date) -> Result<Vec<Fact>, Message> {
        let mut account = self.clone();
        let mut facts = Vec::new();
        while let Some(fact) = account.next_in_line(until)? {
            account.take(fact)?;
            facts.push(fact);
        }
        let Some(reckoned) = account.reckon(until)? else { return Ok(facts) };
        for measure in account.standing.line.measures() {
            let Some(freeze) = measure.in_force() else { continue };
            // One whose end has come is lapsed by the day's run, which gives what it held to those behind.
            let Some(held) = reckoned.held_for(measure.measure_id) else { continue };
            if held != freeze.frozen {
                let what = What::More(held);
                facts.push(Fact { measure_id: measure.measure_id, on: until, what, order_id: None });
            }
        }
        Ok(facts)
    }

    fn take(&mut self, fact: Fact) -> Result<(), Message> {
        let line = std::mem::take(&mut self.standing.line);
        self.standing.line = line.apply(NOT_YET, &fact).map_err(super::rules::Refusal::message)?;
        self.standing.events.push(event(fact));
        Ok(())
    }

    /// The first that waits, if something is left for it.
    fn next_in_line(&self, until: Date) -> Result<Option<Fact>, Message> {
        let is_live = |measure: &&Measure| matches!(measure.state, State::Waiting { .. } | State::InForce(_));
        let mut waiting =
            self.standing.line.measures().iter().filter(is_live).skip_while(|measure| measure.in_force().is_some());
        let Some(Measure { measure_id, state: State::Waiting { since, unknown_ahead: 0 }, .. }) = waiting.next() else {
            return Ok(None);
        };
        let Some(reckoned) = self.reckon(until)? else { return Ok(None) };
        let earliest = self.after_taken(NOT_YET)?.map_or(*since, |day| day.max(*since));
        let left = |days: &&live_freeze::Days| days.until >= earliest && days.division.unfrozen > Amount::ZERO;
        // Where nothing is frozen any more, all is free: that is the matter of the day's run.
        let left = |days: &&live_freeze::Days| left(days) && !days.division.held.is_empty();
        let day = reckoned.statement.days.iter().find(left).map(|days| days.from.max(earliest));
        let what = What::Promoted(Amount::ZERO);
        Ok(day.filter(|day| *day <= until).map(|on| Fact { measure_id: *measure_id, on, what, order_id: None }))
    }

    /// What may be deducted today for each order of this court: all that is held for it. Orders of which a deduction or the
    /// lifting is asked already are left out. The line is settled.
    ///
    /// # Errors
    /// Those of [`Account::reckon`].
    pub fn sweepable(&self, today: Date) -> Result<Vec<(i64, Amount)>, Message> {
        let Some(reckoned) = self.reckon(today)? else { return Ok(Vec::new()) };
        let is_free = |measure: &&Measure| {
            let is_asked =
                measure.open.iter().any(|order| matches!(order.what.action(), Action::Deduct | Action::Lift));
            !measure.is_outside && measure.in_force().is_some() && !is_asked
        };
        let measures = self.standing.line.measures().iter().filter(is_free);
        let held = measures.filter_map(|measure| Some((measure.measure_id, reckoned.held_for(measure.measure_id)?)));
        Ok(held.filter(|(_, held)| *held > Amount::ZERO).collect())
    }

    /// Takes the movements that can be into the account, earliest first; gives back, for each of those that cannot, its place
    /// among them and why.
    pub fn add(&mut self, new: Vec<Moved>) -> Vec<(i64, Message)> {
        let mut all = self.clone();
        all.moved.extend(new.iter().cloned());
        if all.is_sound().is_ok() {
            *self = all;
            return Vec::new();
        }
        let mut new = new;
        new.sort_by_key(|moved| (moved.kind != MovementKind::Opening, moved.on, moved.kind, moved.id));
        let mut refused = Vec::new();
        for moved in new {
            let id = moved.id;
            self.moved.push(moved);
            if let Err(message) = self.is_sound() {
                self.moved.pop();
                refused.push((id, message));
            }
        }
        refused
    }

    /// That all that is known fits together.
    ///
    /// # Errors
    /// Those of [`Account::reckon`].
    pub fn is_sound(&self) -> Result<(), Message> {
        match self.latest() {
            Some(latest) => self.reckon(latest).map(|_| ()),
            None => Ok(()),
        }
    }
}

fn event(fact: Fact) -> MeasureEvent {
    let (event, reason) = (String::new(), String::new());
    MeasureEvent { id: NOT_YET, fact, event, reason, bank_account_id: None, answer_id: None }
}

fn untouchable(measure_id: i64, amount: Amount, on: Date, held: Amount) -> Message {
    let message = Message::new("assets.allowance_untouchable").with("measure", measure_id).with("on", on);
    message.with("amount", amount).with("held", held)
}

fn out_of_range() -> Message {
    Message::new("assets.out_of_range")
}

#[cfg(test)]
mod tests;
