//! What an order, an answer or a day makes of the orders on one asset. Pure: no database, no clock.
//!
//! The orders on an asset stand in a [`Line`], in the order in which they arrived at the institution. Where each stands is
//! a [`State`], which carries its data; a [`Fact`] takes a line and gives the next one ([`Line::apply`]), and a line is
//! the fold of its facts. What may happen is decided by the functions that give facts: [`Line::order`], [`Line::answer`],
//! [`Line::day`]. Each refuses in the order in which its codes are listed.

use ankuan_ledger::Amount;
use jiff::civil::Date;

use super::{Action, MeasureStatus};
use crate::Message;
use crate::calendar::{self, Calendar, OnHoliday, Period, Unit};

/// All of an asset, in hundredths of a per cent.
pub const WHOLE_BP: i64 = 10_000;

/// How much of an asset an order takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// So much and no more.
    Amount(Amount),
    /// Hundredths of a per cent of it, 1 to 10,000.
    Share(i64),
    /// All of it, what comes in later included.
    Whole,
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The institution refused it.
    Refused,
    /// Taken back before it was sent.
    Withdrawn,
    /// Its time ran out (Seizure Rules art. 27).
    Lapsed,
    /// The court lifted it.
    Lifted,
    /// All that it was for has been deducted, or the policy was surrendered.
    Deducted,
}

/// Where an order stands, with what belongs to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Recorded, or sent and not answered.
    Asked,
    /// In the waiting list (轮候): takes effect when those before it end.
    Waiting {
        /// Day of the institution's answer.
        since: Date,
        /// Orders before it that we do not know: with any, only the institution can say when it takes effect.
        unknown_ahead: i64,
    },
    /// In force.
    InForce(InForce),
    /// It is over.
    Ended {
        /// Legal day.
        on: Date,
        /// How.
        how: End,
        /// What had been deducted.
        deducted: Amount,
    },
}

/// An order in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Day on which it took effect.
    pub since: Date,
    /// Last day, until 24:00.
    pub ends_on: Date,
    /// Held at the institution now.
    pub frozen: Amount,
    /// Deducted so far.
    pub deducted: Amount,
}

/// An order that was not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenOrder {
    /// The number under which it is answered.
    pub order_id: i64,
    /// What it asks for.
    pub what: Asked,
    /// Day of the order.
    pub on: Date,
    /// Whether the institution has been told.
    pub is_sent: bool,
}

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// To freeze.
    Freeze,
    /// To freeze for so many months more.
    Renew(u16),
    /// To deduct.
    Deduct(Amount),
    /// To let go.
    Lift,
    /// To end a policy and pay out its cash value.
    Surrender,
}

impl Asked {
    /// Its kind.
    #[must_use]
    pub const fn action(self) -> Action {
        match self {
            Self::Freeze => Action::Freeze,
            Self::Renew(_) => Action::Renew,
            Self::Deduct(_) => Action::Deduct,
            Self::Lift => Action::Lift,
            Self::Surrender => Action::Surrender,
        }
    }
}

/// Something that happened to one order on an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// To which.
    pub measure_id: i64,
    /// Legal day.
    pub on: Date,
    /// What.
    pub what: What,
    /// The order that was sent or answered.
    pub order_id: Option<i64>,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Something was ordered.
    Ordered(Asked),
    /// The order went out to the institution.
    Sent,
    /// In force with all it asked for; an amount of ours, or the value told.
    InForce(Amount),
    /// In force with less than it asked for; the rest is frozen as it comes in.
    Partly(Amount),
    /// Stands in the waiting list at this place, from 1.
    Waiting(i64),
    /// The freeze was refused.
    Refused,
    /// So much is frozen now: more than before, of a salary also less.
    More(Amount),
    /// Renewed: lasts so many months longer.
    Renewed(u16),
    /// The renewal was refused.
    RenewalRefused,
    /// So much was deducted.
    Deducted(Amount),
    /// The deduction was refused.
    DeductionRefused,
    /// Let go.
    Lifted,
    /// The institution does not let go.
    LiftRefused,
    /// Taken back before it was sent.
    Withdrawn,
    /// Its time ran out.
    Lapsed,
    /// The policy was ended; so much is quoted for this order. The freeze is over.
    Surrendered(Amount),
    /// The policy was not ended.
    SurrenderRefused,
    /// Takes effect out of the waiting list, or gets what an earlier order let go: so much more is frozen for it.
    Promoted(Amount),
}

impl What {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Ordered(Asked::Freeze) => "assets.event_ordered",
            Self::Ordered(Asked::Renew(_)) => "assets.event_renewal_ordered",
            Self::Ordered(Asked::Deduct(_)) => "assets.event_deduction_ordered",
            Self::Ordered(Asked::Lift) => "assets.event_lift_ordered",
            Self::Ordered(Asked::Surrender) => "assets.event_surrender_ordered",
            Self::Sent => "assets.event_sent",
            Self::InForce(_) => "assets.event_in_force",
            Self::Partly(_) => "assets.event_partly",
            Self::Waiting(_) => "assets.event_waiting",
            Self::Refused => "assets.event_refused",
            Self::More(_) => "assets.event_more",
            Self::Renewed(_) => "assets.event_renewed",
            Self::RenewalRefused => "assets.event_renewal_refused",
            Self::Deducted(_) => "assets.event_deducted",
            Self::DeductionRefused => "assets.event_deduction_refused",
            Self::Lifted => "assets.event_lifted",
            Self::LiftRefused => "assets.event_lift_refused",
            Self::Withdrawn => "assets.event_withdrawn",
            Self::Lapsed => "assets.event_lapsed",
            Self::Surrendered(_) => "assets.event_surrendered",
            Self::SurrenderRefused => "assets.event_surrender_refused",
            Self::Promoted(_) => "assets.event_promoted",
        })
    }
}

/// One order on an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Row.
    pub measure_id: i64,
    /// How much it takes.
    pub extent: Extent,
    /// How long it lasts from the day on which it takes effect.
    pub months: u16,
    /// Another court's: not sent by us, and its end is told to us.
    pub is_outside: bool,
    /// Rises in the order of arrival; none before the institution took it in.
    pub arrival: Option<i64>,
    /// Where it stands.
    pub state: State,
    /// What is asked and not answered.
    pub open: Vec<OpenOrder>,
    /// What was answered, so that the same again is known.
    answered: Vec<Fact>,
}

/// What a person may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Freeze for so many months more.
    Renew(u16),
    /// Deduct so much.
    Deduct(Amount),
    /// Let go; an order that was not sent is taken back.
    Lift,
    /// End the policy.
    Surrender,
}

/// What an institution says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    /// The number of the order.
    pub order_id: i64,
    /// What became of it.
    pub verdict: Verdict,
    /// Legal day.
    pub on: Date,
    /// The last day of the freeze as the institution reckons it, where it says so.
    pub until: Option<Date>,
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done; with the amount where there is one.
    Done(Option<Amount>),
    /// Done for a part.
    Partly(Amount),
    /// Waits at this place.
    Waiting(i64),
    /// Refused.
    Refused,
    /// So much is frozen now under an order that was answered before.
    Frozen(Amount),
    /// A payer of income paid so much to somebody else. Makes no fact of a line: see [`super::expectations`].
    PaidElsewhere(Amount),
}

/// What a day cannot decide: the institution has to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unclear {
    /// The order whose last day is over.
    pub measure_id: i64,
    /// That day.
    pub ends_on: Date,
}

/// Why an order or an answer is not taken. In the order in which they are checked.
#[expect(missing_docs, reason = "the fields are what the sentence names")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The order ended.
    Ended { measure_id: i64, on: Date },
    /// Another court's order: only that court renews, deducts.
    Outside { measure_id: i64 },
    /// Not in force.
    NotInForce { measure_id: i64 },
    /// The same is ordered already, or the lifting of it.
    OrderOpen { measure_id: i64, order_id: i64 },
    /// Its last day is over.
    PastEnd { measure_id: i64, ends_on: Date },
    /// Not positive.
    NotPositive { amount: Amount },
    /// More than is frozen.
    ExceedsFrozen { measure_id: i64, amount: Amount, frozen: Amount },
    /// No such order, or one that was never sent.
    OrderUnknown { order_id: i64 },
    /// Answered before, otherwise.
    AnsweredDifferently { order_id: i64 },
    /// Before the order, after today, or after the end.
    AnswerDay { order_id: i64, on: Date },
    /// An answer that is none to such an order.
    AnswerKind { order_id: i64 },
    /// More than was ordered.
    AnswerExceeds { order_id: i64, amount: Amount, ordered: Amount },
    /// `done` with less than was ordered, or `partly` with all of it; less than was frozen before.
    AnswerAmount { order_id: i64, amount: Amount, ordered: Amount },
    /// A place in the waiting list that others hold.
    Place { order_id: i64, place: i64, first_free: i64 },
    /// In force although an earlier order has not all that it asked for.
    OutOfLine { order_id: i64, ahead: i64 },
    /// Another end than ours.
    UntilDiffers { order_id: i64, until: Date, ends_on: Date },
    /// Past the range of amounts or dates.
    OutOfRange,
}

impl Refusal {
    /// In words, with the remedy.
    #[must_use]
    pub fn message(self) -> Message {
        match self {
            Self::Ended { measure_id, on } => Message::new("assets.ended").with("measure", measure_id).with("on", on),
            Self::Outside { measure_id } => Message::new("assets.outside").with("measure", measure_id),
            Self::NotInForce { measure_id } => Message::new("assets.not_in_force").with("measure", measure_id),
            Self::OrderOpen { measure_id, order_id } => {
                Message::new("assets.order_open").with("measure", measure_id).with("order", order_id)
            }
            Self::PastEnd { measure_id, ends_on } => {
                Message::new("assets.past_end").with("measure", measure_id).with("ends_on", ends_on)
            }
            Self::NotPositive { amount } => Message::new("assets.not_positive").with("amount", amount),
            Self::ExceedsFrozen { measure_id, amount, frozen } => Message::new("assets.exceeds_frozen")
                .with("measure", measure_id)
                .with("amount", amount)
                .with("frozen", frozen),
            Self::OrderUnknown { order_id } => Message::new("assets.order_unknown").with("order", order_id),
            Self::AnsweredDifferently { order_id } => {
                Message::new("assets.answered_differently").with("order", order_id)
            }
            Self::AnswerDay { order_id, on } => {
                Message::new("assets.answer_day").with("order", order_id).with("on", on)
            }
            Self::AnswerKind { order_id } => Message::new("assets.answer_kind").with("order", order_id),
            Self::AnswerExceeds { order_id, amount, ordered } => Message::new("assets.answer_exceeds")
                .with("order", order_id)
                .with("amount", amount)
                .with("ordered", ordered),
            Self::AnswerAmount { order_id, amount, ordered } => Message::new("assets.answer_amount")
                .with("order", order_id)
                .with("amount", amount)
                .with("ordered", ordered),
            Self::Place { order_id, place, first_free } => {
                Message::new("assets.place").with("order", order_id).with("place", place).with("first_free", first_free)
            }
            Self::OutOfLine { order_id, ahead } => {
                Message::new("assets.out_of_line").with("order", order_id).with("ahead", ahead)
            }
            Self::UntilDiffers { order_id, until, ends_on } => Message::new("assets.until_differs")
                .with("order", order_id)
                .with("until", until)
                .with("ends_on", ends_on),
            Self::OutOfRange => Message::new("assets.out_of_range"),
        }
    }
}

impl From<Refusal> for crate::Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.message().into()
    }
}

/// The last day of a freeze that begins on `start`, which is not counted (Civil Code 201); a last day on which nobody
/// works does not move (see `calculators/terms.toml`).
///
/// # Errors
/// [`Refusal::OutOfRange`]: past the year 9999.
pub fn last_day(start: Date, months: u16) -> Result<Date, Refusal> {
    let period = Period { count: months, unit: Unit::Months };
    let end = calendar::end(start, period, OnHoliday::Stays, &Calendar::weekends_only());
    end.map(|end| end.last_day).map_err(|_| Refusal::OutOfRange)
}

impl Measure {
    /// An order that nobody was told of.
    #[must_use]
    pub const fn new(measure_id: i64, extent: Extent, months: u16, is_outside: bool) -> Self {
        Self {
            measure_id,
            extent,
            months,
            is_outside,
            arrival: None,
            state: State::Asked,
            open: Vec::new(),
            answered: Vec::new(),
        }
    }

    /// What is stored and shown of where it stands.
    #[must_use]
    pub fn status(&self) -> MeasureStatus {
        match &self.state {
            State::Asked if self.open.iter().any(|order| order.what == Asked::Freeze && order.is_sent) => {
                MeasureStatus::Sent
            }
            State::Asked => MeasureStatus::Ordered,
            State::Waiting { .. } => MeasureStatus::Waiting,
            State::InForce(_) => MeasureStatus::InForce,
            State::Ended { how, .. } => match how {
                End::Refused => MeasureStatus::Refused,
                End::Withdrawn => MeasureStatus::Withdrawn,
                End::Lapsed => MeasureStatus::Lapsed,
                End::Lifted => MeasureStatus::Lifted,
                End::Deducted => MeasureStatus::Deducted,
            },
        }
    }

    /// Its freeze, while in force.
    #[must_use]
    pub const fn in_force(&self) -> Option<&InForce> {
        match &self.state {
            State::InForce(freeze) => Some(freeze),
            _ => None,
        }
    }

    /// What it still lacks of an amount; none where it takes no amount, or all there is.
    fn lacks(&self) -> Option<Amount> {
        match (self.extent, &self.state) {
            (Extent::Amount(ordered), State::InForce(freeze)) => {
                ordered.minus(freeze.frozen).and_then(|rest| rest.minus(freeze.deducted))
            }
            (Extent::Amount(ordered), _) => Some(ordered),
            _ => None,
        }
    }

    /// Whether an order behind it can have nothing yet.
    fn is_short(&self) -> bool {
        match (self.extent, &self.state) {
            (_, State::Waiting { .. }) => true,
            (Extent::Amount(_), State::InForce(_)) => self.lacks().is_some_and(|lacks| lacks > Amount::ZERO),
            (Extent::Whole, State::InForce(_)) => true,
            _ => false,
        }
    }

    fn is_live(&self) -> bool {
        matches!(self.state, State::Waiting { .. } | State::InForce(_))
    }

    fn open_of(&self, action: Action) -> Option<&OpenOrder> {
        self.open.iter().find(|order| order.what.action() == action)
    }

    fn fact(&self, on: Date, what: What, order_id: Option<i64>) -> Fact {
        Fact { measure_id: self.measure_id, on, what, order_id }
    }

    /// The measure after a fact. `id` is that of its row: the number of an order, and the rank of an arrival.
    fn apply(self, id: i64, fact: &Fact) -> Result<Self, Refusal> {
        let measure_id = self.measure_id;
        let not_in_force = Refusal::NotInForce { measure_id };
        let mut next = self;
        if fact.order_id.is_some() && fact.what != What::Sent {
            next.answered.push(*fact);
        }
        let begins = |next: &Self, frozen| -> Result<State, Refusal> {
            let ends_on = last_day(fact.on, next.months)?;
            Ok(State::InForce(InForce { since: fact.on, ends_on, frozen, deducted: Amount::ZERO }))
        };
        match fact.what {
            What::Ordered(what) => {
                next.open.push(OpenOrder { order_id: id, what, on: fact.on, is_sent: false });
                return Ok(next);
            }
            What::Sent => {
                let order_id = fact.order_id.unwrap_or_default();
                let order = next.open.iter_mut().find(|order| order.order_id == order_id);
                order.ok_or(Refusal::OrderUnknown { order_id })?.is_sent = true;
                return Ok(next);
            }
            What::InForce(frozen) | What::Partly(frozen) => {
                next.state = match next.state {
                    State::Asked | State::Waiting { .. } => begins(&next, frozen)?,
                    _ => return Err(Refusal::Ended { measure_id, on: fact.on }),
                };
                next.arrival.get_or_insert(id);
            }
            What::Waiting(unknown_ahead) => {
                next.state = State::Waiting { since: fact.on, unknown_ahead };
                next.arrival.get_or_insert(id);
                // The order stays to be answered a second time: that it took effect.
                return Ok(next);
            }
            What::More(frozen) => match &mut next.state {
                State::InForce(freeze) => freeze.frozen = frozen,
                _ => return Err(not_in_force),
            },
            What::Promoted(more) => {
                next.state = match next.state {
                    State::InForce(freeze) => {
                        let frozen = freeze.frozen.plus(more).ok_or(Refusal::OutOfRange)?;
                        State::InForce(InForce { frozen, ..freeze })
                    }
                    _ => begins(&next, more)?,
                };
            }
            What::Renewed(months) => match &mut next.state {
                State::InForce(freeze) => freeze.ends_on = last_day(freeze.ends_on, months)?,
                _ => return Err(not_in_force),
            },
            What::Deducted(amount) => {
                let State::InForce(freeze) = next.state else { return Err(not_in_force) };
                let frozen = freeze.frozen.minus(amount).filter(|left| *left >= Amount::ZERO);
                let frozen = frozen.ok_or(Refusal::ExceedsFrozen { measure_id, amount, frozen: freeze.frozen })?;
                let deducted = freeze.deducted.plus(amount).ok_or(Refusal::OutOfRange)?;
                next.state = if next.extent == Extent::Amount(deducted) {
                    State::Ended { on: fact.on, how: End::Deducted, deducted }
                } else {
                    State::InForce(InForce { frozen, deducted, ..freeze })
                };
            }
            What::Surrendered(amount) => {
                let State::InForce(freeze) = next.state else { return Err(not_in_force) };
                let deducted = freeze.deducted.plus(amount).ok_or(Refusal::OutOfRange)?;
                // The policy is gone: nothing stays frozen of it, whatever was.
                next.state = State::Ended { on: fact.on, how: End::Deducted, deducted };
            }
            What::Refused => next = next.ended(fact.on, End::Refused),
            What::Withdrawn => next = next.ended(fact.on, End::Withdrawn),
            What::Lapsed => next = next.ended(fact.on, End::Lapsed),
            What::Lifted => next = next.ended(fact.on, End::Lifted),
            What::RenewalRefused | What::DeductionRefused | What::LiftRefused | What::SurrenderRefused => {}
        }
        if matches!(next.state, State::Ended { .. }) {
            next.open.clear();
        } else {
            next.open.retain(|order| Some(order.order_id) != fact.order_id);
            // Taken in: the freeze is answered, by whatever fact.
            if next.in_force().is_some() {
                next.open.retain(|order| order.what != Asked::Freeze);
            }
        }
        Ok(next)
    }

    fn ended(mut self, on: Date, how: End) -> Self {
        let deducted = self.in_force().map_or(Amount::ZERO, |freeze| freeze.deducted);
        self.state = State::Ended { on, how, deducted };
        self
    }
}

/// The orders on one asset: first those taken in, by arrival, then those that are on their way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    measures: Vec<Measure>,
}

impl Line {
    /// With one more order, of which nobody was told.
    #[must_use]
    pub fn with(mut self, measure: Measure) -> Self {
        self.measures.push(measure);
        self
    }

    /// In line.
    #[must_use]
    pub fn measures(&self) -> &[Measure] {
        &self.measures
    }

    /// One of them.
    #[must_use]
    pub fn measure(&self, measure_id: i64) -> Option<&Measure> {
        self.measures.iter().find(|measure| measure.measure_id == measure_id)
    }

    /// The line after a fact; `id` is that of its row.
    ///
    /// # Errors
    /// A [`Refusal`] when it cannot follow what went before.
    pub fn apply(mut self, id: i64, fact: &Fact) -> Result<Self, Refusal> {
        let place = self.measures.iter().position(|measure| measure.measure_id == fact.measure_id);
        let place = place.ok_or(Refusal::NotInForce { measure_id: fact.measure_id })?;
        let next = self.measures.remove(place).apply(id, fact)?;
        self.measures.insert(place, next);
        // Stable: what was not taken in keeps its order behind the others.
        self.measures.sort_by_key(|measure| measure.arrival.unwrap_or(i64::MAX));
        Ok(self)
    }

    fn wanted(&self, measure_id: i64) -> Result<&Measure, Refusal> {
        self.measure(measure_id).ok_or(Refusal::NotInForce { measure_id })
    }

    /// What a person orders on a freeze. Checked in the order: ended, another court's, not in force (to lift, it need not
    /// be), the same ordered already, past its end, not positive, more than is frozen.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub fn order(&self, measure_id: i64, wish: Wish, today: Date) -> Result<Fact, Refusal> {
        let measure = self.wanted(measure_id)?;
        if let State::Ended { on, .. } = measure.state {
            return Err(Refusal::Ended { measure_id, on });
        }
        if measure.is_outside {
            return Err(Refusal::Outside { measure_id });
        }
        let what = match wish {
            Wish::Renew(months) => Asked::Renew(months),
            Wish::Deduct(amount) => Asked::Deduct(amount),
            Wish::Lift => Asked::Lift,
            Wish::Surrender => Asked::Surrender,
        };
        if wish == Wish::Lift && measure.status() == MeasureStatus::Ordered {
            return Ok(measure.fact(today, What::Withdrawn, None));
        }
        let freeze = measure.in_force();
        if freeze.is_none() && wish != Wish::Lift {
            return Err(Refusal::NotInForce { measure_id });
        }
        // A deduction and a surrender take the same money.
        let takes: &[Action] = match wish {
            Wish::Deduct(_) | Wish::Surrender => &[Action::Deduct, Action::Surrender],
            Wish::Renew(_) | Wish::Lift => &[],
        };
        let same = [what.action(), Action::Lift];
        if let Some(order) = same.iter().chain(takes).find_map(|action| measure.open_of(*action)) {
            return Err(Refusal::OrderOpen { measure_id, order_id: order.order_id });
        }
        if let Some(freeze) = freeze {
            if today > freeze.ends_on {
                return Err(Refusal::PastEnd { measure_id, ends_on: freeze.ends_on });
            }
            if let Wish::Deduct(amount) = wish {
                if amount <= Amount::ZERO {
                    return Err(Refusal::NotPositive { amount });
                }
                if amount > freeze.frozen {
                    return Err(Refusal::ExceedsFrozen { measure_id, amount, frozen: freeze.frozen });
                }
            }
        }
        Ok(measure.fact(today, What::Ordered(what), None))
    }

    /// What an institution's answer makes of the line: the facts that follow, promotions included; none when it was
    /// said before. Checked in the order of [`Refusal`], from `OrderUnknown` on.
    ///
    /// # Errors
    /// A [`Refusal`]: the answer does not count.
    pub fn answer(&self, measure_id: i64, said: &Said, today: Date) -> Result<Vec<Fact>, Refusal> {
        let order_id = said.order_id;
        let measure = self.measure(measure_id).ok_or(Refusal::OrderUnknown { order_id })?;
        let Some(order) = measure.open.iter().find(|order| order.order_id == order_id) else {
            return self.answer_again(measure, said, today);
        };
        if !order.is_sent {
            return Err(Refusal::OrderUnknown { order_id });
        }
        let was_said = |what: What| {
            measure.answered.iter().any(|fact| (fact.order_id, fact.on, fact.what) == (Some(order_id), said.on, what))
        };
        if let (Verdict::Waiting(_), State::Waiting { since, unknown_ahead }) = (said.verdict, &measure.state) {
            // The place may be another by now; the day of the first answer tells that it is the same.
            return if *since == said.on && was_said(What::Waiting(*unknown_ahead)) {
                Ok(Vec::new())
            } else {
                Err(Refusal::AnsweredDifferently { order_id })
            };
        }
        let is_over = measure.in_force().is_some_and(|freeze| said.on > freeze.ends_on);
        if said.on < order.on || said.on > today || is_over {
            return Err(Refusal::AnswerDay { order_id, on: said.on });
        }
        let what = self.verdict(measure, order, said)?;
        let fact = measure.fact(said.on, what, Some(order_id));
        // The id does not matter here but for the rank of an arrival: behind all others.
        let after = self.clone().apply(i64::MAX - 1, &fact)?;
        if let (Some(until), Some(freeze)) = (said.until, after.wanted(measure_id)?.in_force())
            && until != freeze.ends_on
        {
            return Err(Refusal::UntilDiffers { order_id, until, ends_on: freeze.ends_on });
        }
        let mut facts = vec![fact];
        facts.extend(after.follow(measure, said.on)?);
        Ok(facts)
    }

    /// An answer to an order that is no longer open.
    fn answer_again(&self, measure: &Measure, said: &Said, today: Date) -> Result<Vec<Fact>, Refusal> {
        let order_id = said.order_id;
        let mut before = measure.answered.iter().filter(|fact| fact.order_id == Some(order_id)).peekable();
        if before.peek().is_none() {
            let ended = Refusal::OrderUnknown { order_id };
            return Err(match measure.state {
                State::Ended { on, .. } => Refusal::Ended { measure_id: measure.measure_id, on },
                _ => ended,
            });
        }
        let is_same = |fact: &Fact| {
            fact.on == said.on
                && match (fact.what, said.verdict) {
                    (What::InForce(told) | What::Deducted(told) | What::Surrendered(told), Verdict::Done(amount)) => {
                        amount.is_none_or(|amount| amount == told)
                    }
                    (What::Partly(told) | What::Deducted(told), Verdict::Partly(amount))
                    | (What::More(told), Verdict::Frozen(amount) | Verdict::Done(Some(amount))) => amount == told,
                    (What::Waiting(_), Verdict::Waiting(_))
                    | (What::Renewed(_) | What::Lifted, Verdict::Done(_))
                    | (
                        What::Refused
                        | What::RenewalRefused
                        | What::DeductionRefused
                        | What::LiftRefused
                        | What::SurrenderRefused,
                        Verdict::Refused,
                    ) => true,
                    _ => false,
                }
        };
        if before.clone().any(is_same) {
            return Ok(Vec::new());
        }
        // Under a freeze that was answered more may be frozen as it comes in.
        let is_freeze = before.any(|fact| matches!(fact.what, What::InForce(_) | What::Partly(_) | What::Waiting(_)));
        let (Some(freeze), true) = (measure.in_force(), is_freeze) else {
            return Err(Refusal::AnsweredDifferently { order_id });
        };
        let amount = match said.verdict {
            Verdict::Frozen(amount) => amount,
            // It was promoted by the day's run; now the institution says the same, perhaps with another amount.
            Verdict::Done(amount) if said.on == freeze.since => amount.unwrap_or(freeze.frozen),
            Verdict::Partly(amount) if said.on == freeze.since => amount,
            _ => return Err(Refusal::AnsweredDifferently { order_id }),
        };
        if said.on < freeze.since || said.on > today || said.on > freeze.ends_on {
            return Err(Refusal::AnswerDay { order_id, on: said.on });
        }
        self.may_be_frozen(measure, order_id, amount)?;
        if amount == freeze.frozen {
            return Ok(Vec::new());
        }
        if amount < freeze.frozen {
            return Err(Refusal::AnswerAmount { order_id, amount, ordered: freeze.frozen });
        }
        Ok(vec![measure.fact(said.on, What::More(amount), Some(order_id))])
    }

    /// What an answer says, held against its order.
    fn verdict(&self, measure: &Measure, order: &OpenOrder, said: &Said) -> Result<What, Refusal> {
        let order_id = order.order_id;
        let wrong = Refusal::AnswerKind { order_id };
        match (order.what, said.verdict) {
            (Asked::Freeze, Verdict::Refused) => Ok(What::Refused),
            (Asked::Freeze, Verdict::Waiting(place)) => {
                let ahead = self.measures.iter().filter(|other| matches!(other.state, State::Waiting { .. })).count();
                let ahead = i64::try_from(ahead).map_err(|_| Refusal::OutOfRange)?;
                if place <= ahead {
                    return Err(Refusal::Place { order_id, place, first_free: ahead + 1 });
                }
                let holder = i64::from(!self.measures.iter().any(Measure::is_live));
                Ok(What::Waiting(place - ahead - 1 + holder))
            }
            (Asked::Freeze, Verdict::Done(amount)) => {
                let frozen = match measure.extent {
                    Extent::Amount(ordered) => {
                        let frozen = amount.unwrap_or(ordered);
                        if frozen < ordered {
                            return Err(Refusal::AnswerAmount { order_id, amount: frozen, ordered });
                        }
                        frozen
                    }
                    Extent::Share(_) | Extent::Whole => amount.unwrap_or_default(),
                };
                self.may_be_frozen(measure, order_id, frozen)?;
                Ok(What::InForce(frozen))
            }
            (Asked::Freeze, Verdict::Partly(amount)) => {
                let Extent::Amount(ordered) = measure.extent else { return Err(wrong) };
                self.may_be_frozen(measure, order_id, amount)?;
                if amount == ordered {
                    return Err(Refusal::AnswerAmount { order_id, amount, ordered });
                }
                Ok(What::Partly(amount))
            }
            (Asked::Renew(months), Verdict::Done(_)) => Ok(What::Renewed(months)),
            (Asked::Renew(_), Verdict::Refused) => Ok(What::RenewalRefused),
            (Asked::Deduct(ordered), Verdict::Done(amount)) => match amount.unwrap_or(ordered) {
                amount if amount > ordered => Err(Refusal::AnswerExceeds { order_id, amount, ordered }),
                amount if amount < ordered => Err(Refusal::AnswerAmount { order_id, amount, ordered }),
                amount => Ok(What::Deducted(amount)),
            },
            (Asked::Deduct(ordered), Verdict::Partly(amount)) => {
                if amount > ordered {
                    return Err(Refusal::AnswerExceeds { order_id, amount, ordered });
                }
                if amount == ordered || amount <= Amount::ZERO {
                    return Err(Refusal::AnswerAmount { order_id, amount, ordered });
                }
                Ok(What::Deducted(amount))
            }
            (Asked::Deduct(_), Verdict::Refused) => Ok(What::DeductionRefused),
            (Asked::Surrender, Verdict::Done(Some(amount))) => {
                if amount <= Amount::ZERO {
                    return Err(Refusal::NotPositive { amount });
                }
                if measure.in_force().is_some_and(|freeze| amount > freeze.frozen) {
                    // More than was held: the value has grown. Nobody before it may lack anything.
                    self.may_be_frozen(measure, order_id, amount)?;
                }
                Ok(What::Surrendered(amount))
            }
            (Asked::Surrender, Verdict::Refused) => Ok(What::SurrenderRefused),
            (Asked::Lift, Verdict::Done(_)) => Ok(What::Lifted),
            (Asked::Lift, Verdict::Refused) => Ok(What::LiftRefused),
            _ => Err(wrong),
        }
    }

    /// That an amount can be frozen for an order: not more than it asked for, and nobody before it lacks anything.
    fn may_be_frozen(&self, measure: &Measure, order_id: i64, amount: Amount) -> Result<(), Refusal> {
        let deducted = measure.in_force().map_or(Amount::ZERO, |freeze| freeze.deducted);
        if amount < Amount::ZERO {
            return Err(Refusal::NotPositive { amount });
        }
        if let Extent::Amount(ordered) = measure.extent
            && amount.plus(deducted).is_none_or(|sum| sum > ordered)
        {
            return Err(Refusal::AnswerExceeds { order_id, amount, ordered });
        }
        self.must_be_next(measure, order_id)
    }

    fn must_be_next(&self, measure: &Measure, order_id: i64) -> Result<(), Refusal> {
        let rank = measure.arrival.unwrap_or(i64::MAX);
        let earlier = self.measures.iter().filter(|other| other.arrival.is_some_and(|arrival| arrival < rank));
        let mut shares = if let Extent::Share(share) = measure.extent { share } else { 0 };
        for other in earlier {
            if let (Extent::Share(share), State::InForce(_)) = (other.extent, &other.state) {
                shares += share;
            }
            if other.is_short() || shares > WHOLE_BP {
                return Err(Refusal::OutOfLine { order_id, ahead: other.measure_id });
            }
        }
        Ok(())
    }

    /// Another court's order, as it was told to us: in force since a day with so much, or waiting.
    ///
    /// # Errors
    /// As [`Line::answer`]; the number named is that of the measure.
    pub fn report(&self, measure_id: i64, frozen: Option<Amount>, on: Date) -> Result<Fact, Refusal> {
        let measure = self.wanted(measure_id)?;
        let what = match frozen {
            Some(frozen) => {
                self.may_be_frozen(measure, measure_id, frozen)?;
                What::InForce(frozen)
            }
            None => What::Waiting(i64::from(!self.measures.iter().any(Measure::is_live))),
        };
        Ok(measure.fact(on, what, None))
    }

    /// Another court's order has ended, as it was told to us; with what follows for those behind it.
    ///
    /// # Errors
    /// [`Refusal::Ended`]; [`Refusal::OrderUnknown`] for an order of our own.
    pub fn report_end(&self, measure_id: i64, on: Date) -> Result<Vec<Fact>, Refusal> {
        let measure = self.wanted(measure_id)?;
        if let State::Ended { on, .. } = measure.state {
            return Err(Refusal::Ended { measure_id, on });
        }
        if !measure.is_outside {
            return Err(Refusal::OrderUnknown { order_id: measure_id });
        }
        let fact = measure.fact(on, What::Lifted, None);
        let mut facts = vec![fact];
        facts.extend(self.clone().apply(i64::MAX - 1, &fact)?.follow(measure, on)?);
        Ok(facts)
    }

    /// What ends with the days before `today`, earliest first, and what takes effect by it, dated to the day of the end.
    /// An order of which something is asked that the institution has not answered, or of another court, is not decided
    /// here.
    ///
    /// # Errors
    /// [`Refusal::OutOfRange`].
    pub fn day(&self, today: Date) -> Result<(Vec<Fact>, Vec<Unclear>), Refusal> {
        let mut line = self.clone();
        let mut facts = Vec::new();
        loop {
            let over = |measure: &&Measure| measure.in_force().is_some_and(|freeze| freeze.ends_on < today);
            let is_unclear = |measure: &Measure| measure.is_outside || measure.open.iter().any(|order| order.is_sent);
            let due = line.measures.iter().filter(over).filter(|measure| !is_unclear(measure));
            let Some((ends_on, measure)) = due
                .filter_map(|measure| Some((measure.in_force()?.ends_on, measure)))
                .min_by_key(|(ends_on, measure)| (*ends_on, measure.arrival))
            else {
                let unclear = line.measures.iter().filter(over).filter_map(|measure| {
                    Some(Unclear { measure_id: measure.measure_id, ends_on: measure.in_force()?.ends_on })
                });
                let unclear = unclear.collect();
                return Ok((facts, unclear));
            };
            let lapsed = measure.fact(ends_on, What::Lapsed, None);
            let before = measure.clone();
            line = line.apply(i64::MAX - 1, &lapsed)?;
            let follow = line.follow(&before, ends_on)?;
            facts.push(lapsed);
            for fact in follow {
                line = line.apply(i64::MAX - 1, &fact)?;
                facts.push(fact);
            }
        }
    }

    /// What takes effect when an order that was in force has ended: what it held goes to those in line, each up to what
    /// it lacks; whoever stands first takes effect even if nothing is left (Seizure Rules art. 26). Stops at an order
    /// before which stand some that we do not know.
    fn follow(&self, before: &Measure, on: Date) -> Result<Vec<Fact>, Refusal> {
        let (Some(freeze), Some(State::Ended { how, .. })) =
            (before.in_force(), self.measure(before.measure_id).map(|after| &after.state))
        else {
            return Ok(Vec::new());
        };
        let mut left = if *how == End::Deducted { Amount::ZERO } else { freeze.frozen };
        let mut shares = 0;
        let mut facts = Vec::new();
        for measure in self.measures.iter().filter(|measure| measure.is_live()) {
            let need = measure.lacks();
            let gets = match (measure.extent, need) {
                (Extent::Amount(_), Some(lacks)) => lacks.min(left),
                (Extent::Amount(_), None) | (Extent::Share(_), _) => Amount::ZERO,
                (Extent::Whole, _) => left,
            };
            if let Extent::Share(share) = measure.extent {
                shares += share;
            }
            match measure.state {
                State::Waiting { unknown_ahead, .. } if unknown_ahead > 0 || shares > WHOLE_BP => break,
                State::Waiting { .. } => facts.push(measure.fact(on, What::Promoted(gets), None)),
                _ if gets > Amount::ZERO => facts.push(measure.fact(on, What::Promoted(gets), None)),
                _ => {}
            }
            left = left.minus(gets).ok_or(Refusal::OutOfRange)?;
            if measure.extent == Extent::Whole || need.is_some_and(|need| need > gets) {
                break;
            }
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests;
