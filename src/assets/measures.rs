//! Orders on assets: loaded as a line, decided by [`rules`], recorded as events; the states beside them.

use std::collections::BTreeMap;

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Row, Statement, Table, Value};
use ankuan_ledger::{Act, Amount, BookKey, Tx};
use jiff::civil::Date;

use super::register::{Asset, find_asset};
use super::rules::{Asked, Extent, Fact, Line, Measure, Refusal, What, Wish};
use super::salary_reports::account_of;
use super::{AssetKind, Basis, debts, grounds, rules, substitution};
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::calculators::terms::{STANDARD, Term, Terms};
use crate::calendar::{Calendar, Period, Unit};
use crate::cases::{self, Case, CaseNumber};
use crate::chart::BankAccount;
use crate::memorandum::{self, Change};
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

/// Who may confirm that money is deducted: those who keep it, and those who answer for the handler.
pub const DEDUCTION_CONFIRMED_BY: &[Role] = &[Role::FundKeeper, Role::BureauHead, Role::VicePresident];

/// `measure`
pub static MEASURE: Table = Table {
    name: "measure",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("measure_id", Int),
        ("asset_id", Int),
        ("case_id", Int),
        ("outside_court", Text),
        ("ruling", Text),
        ("officer", Text),
        ("basis", Text),
        ("extent", Text),
        ("amount_minor", Int),
        ("share_bp", Int),
        ("months", Int),
        ("allowance_minor", Int),
        ("carries_over", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["measure_id"],
};

/// `measure_event`
pub static MEASURE_EVENT: Table = Table {
    name: "measure_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("measure_id", Int),
        ("asset_id", Int),
        ("event", Text),
        ("order_id", Int),
        ("on_day", Text),
        ("amount_minor", Int),
        ("months", Int),
        ("unknown_ahead", Int),
        ("bank_account_id", Int),
        ("instruction_id", Int),
        ("answer_id", Int),
        ("reason", Text),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// Monthly living allowance of a frozen salary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// What stays free each month; may be zero.
    pub monthly: Amount,
    /// Whether what was not drawn is carried to the next month.
    pub carries_over: bool,
}

/// An order as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureRecord {
    /// Row.
    pub measure_id: i64,
    /// On which asset.
    pub asset_id: i64,
    /// Of which case; none for another court's.
    pub case_id: Option<i64>,
    /// That court; empty for our own.
    pub outside_court: String,
    /// Number of the ruling.
    pub ruling: String,
    /// Who carries it out.
    pub officer: String,
    /// What it rests on.
    pub basis: Basis,
    /// How much it takes.
    pub extent: Extent,
    /// How long it lasts.
    pub months: u16,
    /// Of a salary.
    pub allowance: Option<Allowance>,
}

/// An order to be recorded.
#[derive(Clone, Debug)]
pub struct NewMeasure<'a> {
    /// On which asset.
    pub asset: &'a Asset,
    /// Number of the ruling.
    pub ruling: &'a str,
    /// Who carries it out.
    pub officer: &'a str,
    /// What it rests on.
    pub basis: Basis,
    /// How much it takes.
    pub extent: Extent,
    /// How long; as long as the law allows where none is said.
    pub months: Option<u16>,
    /// Of a salary.
    pub allowance: Option<Allowance>,
}

/// Whose order it is.
#[derive(Clone, Debug)]
pub enum Whose<'a> {
    /// Of a case of ours: goes to the institution.
    Case(&'a Case),
    /// Of another court, as we were told: in force since a day with so much, or waiting since that day.
    Outside {
        /// The court.
        court: &'a str,
        /// Frozen for it; none when it waits.
        frozen: Option<Amount>,
        /// Since when.
        since: Date,
        /// The notice that says so.
        document: &'a str,
    },
}

/// The line of an asset with what it follows from.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Where each order stands.
    pub line: Line,
    /// The orders, in the order in which they were recorded.
    pub records: Vec<MeasureRecord>,
    /// What happened to them, in the order in which it was recorded.
    pub events: Vec<MeasureEvent>,
}

impl Standing {
    /// An order of the asset.
    #[must_use]
    pub fn record(&self, measure_id: i64) -> Option<&MeasureRecord> {
        self.records.iter().find(|record| record.measure_id == measure_id)
    }

    /// What happened under this number; of an order, that it was given.
    #[must_use]
    pub fn event(&self, id: i64) -> Option<&MeasureEvent> {
        self.events.binary_search_by_key(&id, |event| event.id).ok().and_then(|place| self.events.get(place))
    }
}

/// What besides the fact itself stands in its row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// Ruling, notice, or the institution's words.
    pub reason: &'a str,
    /// Where deducted money is to come.
    pub bank_account_id: Option<i64>,
    /// In which it was sent.
    pub instruction_id: Option<i64>,
    /// In which it was answered.
    pub answer_id: Option<i64>,
    /// Second person.
    pub confirmed_by: Option<i64>,
}

/// An order that was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The measure.
    pub measure_id: i64,
    /// The number under which it will be answered; none where nothing is sent.
    pub order_id: Option<i64>,
    /// How long, in months, for a freeze or renewal.
    pub months: Option<u16>,
}

/// How long an order on this kind of asset may last: the term of `terms.toml` that names the kind.
///
/// # Errors
/// `assets.no_term`: the terms name none for it.
pub fn term_of(terms: &Terms, kind: AssetKind) -> Result<&Term, Message> {
    let found = terms.all.iter().find(|term| term.assets.iter().any(|name| name == kind.as_str()));
    found.ok_or_else(|| Message::new("assets.no_term").with_term("kind", &kind.message()))
}

/// So many months, at most what the term allows from `start`; as many as it allows where none are said.
///
/// # Errors
/// `calc.term_too_long`, `assets.months` (none, or a term that is not in months or years).
fn months_of(kind: AssetKind, months: Option<u16>, start: Date) -> Result<u16, Message> {
    let terms = Terms::parse(STANDARD)?;
    let term = term_of(&terms, kind)?;
    let wrong = || Message::new("assets.months").with("period", term.period);
    let months = match (months, term.period.unit) {
        (Some(months), _) => months,
        (None, Unit::Months) => term.period.count,
        (None, Unit::Years) => term.period.count.checked_mul(12).ok_or_else(wrong)?,
        (None, Unit::Days | Unit::WorkingDays) => return Err(wrong()),
    };
    if months == 0 {
        return Err(wrong());
    }
    let period = Period { count: months, unit: Unit::Months };
    term.reckon(start, Some(period), None, &Calendar::weekends_only())?;
    Ok(months)
}

/// Records a freeze. Needs [`Role::Handler`]. An order of our own waits for `instructions out`; another court's stands
/// in the line as we were told.
///
/// # Errors
/// `assets.ruling_missing`, `assets.not_positive`, `assets.salary_share`, `assets.share`, `assets.exact_amount` (a deposit in preservation:
/// Preservation Rules art. 15), `assets.allowance_missing` (a salary: CPC art. 254), `assets.allowance_not_salary`,
/// `assets.months`, `calc.term_too_long`, `assets.court_missing`, `assets.day_ahead`, `access.role_missing`,
/// `assets.surrendered_already` (a policy), and those of [`Line::report`].
pub fn freeze(tx: &mut Tx<'_>, acting: &Acting, whose: &Whose<'_>, new: &NewMeasure<'_>) -> Outcome<Ordered> {
    let (kind, ruling) = (new.asset.kind, new.ruling.trim());
    if ruling.is_empty() {
        return Err(Message::new("assets.ruling_missing").into());
    }
    match new.extent {
        Extent::Amount(amount) if amount <= Amount::ZERO => {
            return Err(Message::new("assets.not_positive").with("amount", amount).into());
        }
        // What is held of a salary is reckoned in money.
        Extent::Share(_) if kind == AssetKind::Salary => return Err(Message::new("assets.salary_share").into()),
        Extent::Share(share) if !(1..=rules::WHOLE_BP).contains(&share) => {
            return Err(Message::new("assets.share").into());
        }
        Extent::Share(_) | Extent::Whole if kind == AssetKind::Deposit && new.basis == Basis::Preservation => {
            return Err(Message::new("assets.exact_amount").into());
        }
        _ => {}
    }
    let is_outside = matches!(whose, Whose::Outside { .. });
    match new.allowance {
        None if kind == AssetKind::Salary && !is_outside => {
            return Err(Message::new("assets.allowance_missing").into());
        }
        Some(_) if kind != AssetKind::Salary => return Err(Message::new("assets.allowance_not_salary").into()),
        Some(allowance) if allowance.monthly < Amount::ZERO => {
            return Err(Message::new("assets.not_positive").with("amount", allowance.monthly).into());
        }
        _ => {}
    }
    let (case_id, court, start) = match whose {
        Whose::Case(case) => (Some(case.case_id), "", acting.date),
        Whose::Outside { court, since, document, .. } => {
            if court.trim().is_empty() || document.trim().is_empty() {
                return Err(Message::new("assets.court_missing").into());
            }
            if *since > acting.date {
                return Err(Message::new("assets.day_ahead").with("on", since).into());
            }
            (None, court.trim(), *since)
        }
    };
    let months = months_of(kind, new.months, start)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "asset.freeze")?;
    acting.require(tx, Role::Handler)?;
    let standing = load(tx, act.book(), new.asset.asset_id)?;
    // A contract that was ended holds nothing, for whomever.
    if let Some(end) = standing.events.iter().find(|event| matches!(event.fact.what, What::Surrendered(_))) {
        let message = Message::new("assets.surrendered_already").with("asset", new.asset.asset_id);
        return Err(message.with("on", end.fact.on).into());
    }
    let measure_id = act.take_ids(1);
    let mut writer = Writer::new(new.asset.asset_id, standing);
    writer.add(MeasureRecord {
        measure_id,
        asset_id: new.asset.asset_id,
        case_id,
        outside_court: court.to_owned(),
        ruling: ruling.to_owned(),
        officer: new.officer.trim().to_owned(),
        basis: new.basis,
        extent: new.extent,
        months,
        allowance: new.allowance,
    });
    let (extent, amount, share) = match new.extent {
        Extent::Amount(amount) => ("amount", Some(amount.minor()), None),
        Extent::Share(share) => ("share", None, Some(share)),
        Extent::Whole => ("whole", None, None),
    };
    act.insert(
        tx,
        &MEASURE,
        measure_id,
        &[
            measure_id.into(),
            new.asset.asset_id.into(),
            case_id.into(),
            court.into(),
            ruling.into(),
            new.officer.trim().into(),
            new.basis.as_str().into(),
            extent.into(),
            amount.into(),
            share.into(),
            i64::from(months).into(),
            new.allowance.map(|allowance| allowance.monthly.minor()).into(),
            i64::from(new.allowance.is_some_and(|allowance| allowance.carries_over)).into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    let (fact, reason) = match whose {
        Whose::Case(_) => {
            let what = What::Ordered(Asked::Freeze);
            (Fact { measure_id, on: acting.date, what, order_id: None }, ruling)
        }
        Whose::Outside { frozen, since, document, .. } => {
            (writer.line().report(measure_id, *frozen, *since)?, document.trim())
        }
    };
    let id = writer.record(tx, &mut act, &fact, &Beside { reason, ..Beside::default() })?;
    write_states(tx, acting, [writer])?;
    act.close(tx)?;
    Ok(Ordered { measure_id, order_id: (!is_outside).then_some(id), months: Some(months) })
}

/// Orders the renewal of a freeze that is in force. Needs [`Role::Handler`].
///
/// # Errors
/// `assets.ruling_missing`, `assets.measure_unknown`, `access.role_missing`, `assets.months`, `calc.term_too_long` (longer
/// than one term from the end: CPC Interpretation art. 485), and those of [`Line::order`].
pub fn renew(tx: &mut Tx<'_>, acting: &Acting, measure_id: i64, months: Option<u16>, ruling: &str) -> Outcome<Ordered> {
    let order = Order::begin(tx, acting, measure_id, ruling, "asset.renew")?;
    // What is refused for where the order stands comes first; the months do not matter for it.
    order.standing.line.order(measure_id, Wish::Renew(1), acting.date)?;
    let ends_on = order.standing.line.measure(measure_id).and_then(Measure::in_force).map(|freeze| freeze.ends_on);
    let months = months_of(order.asset.kind, months, ends_on.unwrap_or(acting.date))?;
    let fact = order.standing.line.order(measure_id, Wish::Renew(months), acting.date)?;
    let order_id = order.record(tx, acting, &[fact], &Beside { reason: ruling.trim(), ..Beside::default() })?;
    Ok(Ordered { measure_id, order_id, months: Some(months) })
}

/// Orders that so much of what is frozen be deducted and sent to a bank account of the court. Needs [`Role::Handler`], and
/// a second person ([`DEDUCTION_CONFIRMED_BY`]).
///
/// # Errors
/// `assets.ruling_missing`, `assets.measure_unknown`, those of the two people ([`access::require_second`]),
/// `assets.preservation_only` (the case has no number of enforcement), `assets.no_ground` (a housing fund), those of
/// [`debts::require`] (a debt owed to the debtor), those of [`Line::order`], and of a salary those of
/// [`super::salary::Account::may_order`]: `assets.allowance_untouchable` (CPC 254)…
pub fn deduct(
    tx: &mut Tx<'_>,
    acting: &Acting,
    measure_id: i64,
    amount: Amount,
    bank_account: &BankAccount,
    ruling: &str,
    confirmed_by: &Actor,
) -> Outcome<Ordered> {
    let order = Order::begin(tx, acting, measure_id, ruling, "asset.deduct")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, DEDUCTION_CONFIRMED_BY)?;
    order.must_be_enforced(tx, measure_id)?;
    match order.asset.kind {
        AssetKind::HousingFund => grounds::require(tx, order.act.book(), &order.asset)?,
        AssetKind::Debt => {
            debts::require(tx, order.act.book(), &order.asset, &order.standing, (measure_id, amount), acting.date)?;
        }
        _ => {}
    }
    let beside = Beside {
        reason: ruling.trim(),
        bank_account_id: Some(bank_account.bank_account_id),
        confirmed_by: Some(confirmed_by.person_id),
        ..Beside::default()
    };
    let ordered = order.standing.line.order(measure_id, Wish::Deduct(amount), acting.date);
    // Who asks for more than is frozen of a salary is told first of what must be left of it.
    if order.asset.kind == AssetKind::Salary && matches!(ordered, Ok(_) | Err(Refusal::ExceedsFrozen { .. })) {
        let account = account_of(tx, order.act.book(), order.asset.asset_id, &order.standing)?;
        account.may_order(measure_id, amount, acting.date)?;
    }
    let fact = ordered?;
    let order_id = order.record(tx, acting, &[fact], &beside)?;
    Ok(Ordered { measure_id, order_id, months: None })
}

/// Orders that a frozen policy be ended (强制退保) and its cash value sent to a bank account of the court. Needs
/// [`Role::Handler`], and a second person ([`DEDUCTION_CONFIRMED_BY`]). No national rule on it was found; rulings of the
/// Supreme Court allow it ((2020)最高法执复71号, (2021)最高法执监35号).
///
/// # Errors
/// `assets.ruling_missing`, `assets.measure_unknown`, those of the two people ([`access::require_second`]),
/// `assets.not_a_policy`, `assets.preservation_only`, and those of [`Line::order`].
pub fn surrender(
    tx: &mut Tx<'_>,
    acting: &Acting,
    measure_id: i64,
    bank_account: &BankAccount,
    ruling: &str,
    confirmed_by: &Actor,
) -> Outcome<Ordered> {
    let order = Order::begin(tx, acting, measure_id, ruling, "asset.surrender")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, DEDUCTION_CONFIRMED_BY)?;
    if order.asset.kind != AssetKind::Policy {
        return Err(Message::new("assets.not_a_policy").with("asset", order.asset.asset_id).into());
    }
    order.must_be_enforced(tx, measure_id)?;
    let beside = Beside {
        reason: ruling.trim(),
        bank_account_id: Some(bank_account.bank_account_id),
        confirmed_by: Some(confirmed_by.person_id),
        ..Beside::default()
    };
    let fact = order.standing.line.order(measure_id, Wish::Surrender, acting.date)?;
    let order_id = order.record(tx, acting, &[fact], &beside)?;
    Ok(Ordered { measure_id, order_id, months: None })
}

pub(super) fn is_enforced(case: &Case) -> bool {
    CaseNumber::parse(case.current_number()).is_ok_and(|number| number.is_of_enforcement())
}

/// Orders that a freeze be let go; one that was never sent is taken back. Another court's order, which we were told has
/// ended, ends on that day and those behind it take effect. Needs [`Role::Handler`].
///
/// # Errors
/// `assets.ruling_missing`, `assets.measure_unknown`, `assets.day_ahead`, `access.role_missing`,
/// `assets.substitute_not_in_force` (what is to stand in its place), and those of [`Line::order`] and [`Line::report_end`].
pub fn lift(tx: &mut Tx<'_>, acting: &Acting, measure_id: i64, on: Option<Date>, document: &str) -> Outcome<Ordered> {
    let order = Order::begin(tx, acting, measure_id, document, "asset.lift")?;
    let beside = Beside { reason: document.trim(), ..Beside::default() };
    if order.standing.line.measure(measure_id).is_some_and(|measure| measure.is_outside) {
        let on = on.unwrap_or(acting.date);
        if on > acting.date {
            return Err(Message::new("assets.day_ahead").with("on", on).into());
        }
        let facts = order.standing.line.report_end(measure_id, on)?;
        let order_id = order.record(tx, acting, &facts, &beside)?;
        return Ok(Ordered { measure_id, order_id, months: None });
    }
    if on.is_some() {
        // The institution says on which day it let go.
        return Err(Message::new("assets.day_of_answer").into());
    }
    let fact = order.standing.line.order(measure_id, Wish::Lift, acting.date)?;
    if matches!(fact.what, What::Ordered(_)) {
        substitution::require(tx, order.act.book(), measure_id)?;
    }
    let order_id = order.record(tx, acting, &[fact], &beside)?;
    Ok(Ordered { measure_id, order_id, months: None })
}

/// An order on one measure, being recorded.
struct Order {
    act: Act,
    asset: Asset,
    standing: Standing,
}

impl Order {
    fn begin(tx: &mut Tx<'_>, acting: &Acting, measure_id: i64, ruling: &str, name: &'static str) -> Outcome<Self> {
        if ruling.trim().is_empty() {
            return Err(Message::new("assets.ruling_missing").into());
        }
        let act = acting.open_act(tx, books::CASE_MONEY, name)?;
        acting.require(tx, Role::Handler)?;
        let asset_id = asset_of(tx, act.book(), measure_id)?;
        let asset = find_asset(tx, act.book(), asset_id)?;
        let standing = load(tx, act.book(), asset_id)?;
        Ok(Self { act, asset, standing })
    }

    /// Preservation turns into enforcement by itself when the case is enforced (Preservation Rules art. 17); before,
    /// nothing is taken.
    fn must_be_enforced(&self, tx: &mut Tx<'_>, measure_id: i64) -> Outcome<()> {
        let record = self.standing.record(measure_id);
        let Some(MeasureRecord { basis: Basis::Preservation, case_id: Some(case_id), .. }) = record else {
            return Ok(());
        };
        let case = cases::case_by_id(tx, self.act.book(), *case_id)?;
        if is_enforced(&case) {
            return Ok(());
        }
        Err(Message::new("assets.preservation_only").with("number", case.current_number()).into())
    }

    /// Records the facts and closes the act; returns the number of the order, if there is one to be answered.
    fn record(mut self, tx: &mut Tx<'_>, acting: &Acting, facts: &[Fact], beside: &Beside<'_>) -> Outcome<Option<i64>> {
        let mut writer = Writer::new(self.asset.asset_id, self.standing);
        let mut order_id = None;
        for fact in facts {
            let id = writer.record(tx, &mut self.act, fact, beside)?;
            if matches!(fact.what, What::Ordered(_)) {
                order_id = Some(id);
            }
        }
        write_states(tx, acting, [writer])?;
        self.act.close(tx)?;
        Ok(order_id)
    }
}

/// Takes facts into a line and writes them; the states that follow are written at the end ([`write_states`]).
#[derive(Debug)]
pub struct Writer {
    asset_id: i64,
    standing: Standing,
    /// What is stored of the line as it was loaded.
    stored: (Vec<MeasureState>, Vec<OpenOrderState>),
    /// What changed of the amounts frozen for orders of ours.
    frozen: Vec<Change>,
    /// Whether a fact was recorded.
    is_changed: bool,
}

impl Writer {
    /// For the line of an asset, as it was loaded.
    #[must_use]
    pub fn new(asset_id: i64, standing: Standing) -> Self {
        let stored = (states_of(&standing.line), open_orders_of(&standing.line));
        Self { asset_id, standing, stored, frozen: Vec::new(), is_changed: false }
    }

    /// Where the orders stand now.
    #[must_use]
    pub const fn line(&self) -> &Line {
        &self.standing.line
    }

    /// The orders, what happened to them, and where they stand now.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// Takes a new order into the line.
    fn add(&mut self, record: MeasureRecord) {
        let measure = Measure::new(record.measure_id, record.extent, record.months, record.case_id.is_none());
        self.standing.line = std::mem::take(&mut self.standing.line).with(measure);
        self.standing.records.push(record);
    }

    fn frozen_for(&self, measure_id: i64) -> Amount {
        let freeze = self.line().measure(measure_id).and_then(Measure::in_force);
        freeze.map_or(Amount::ZERO, |freeze| freeze.frozen)
    }

    /// Records a fact; returns the id of its row.
    ///
    /// # Errors
    /// A refusal of [`Line::apply`]; what the database says.
    pub fn record(&mut self, tx: &mut Tx<'_>, act: &mut Act, fact: &Fact, beside: &Beside<'_>) -> Outcome<i64> {
        let id = act.take_ids(1);
        let before = self.frozen_for(fact.measure_id);
        self.standing.line = std::mem::take(&mut self.standing.line).apply(id, fact)?;
        let more = self.frozen_for(fact.measure_id).minus(before).ok_or(rules::Refusal::OutOfRange)?;
        // Another court's orders are not ours to note.
        let case_id = self.standing.record(fact.measure_id).and_then(|record| record.case_id);
        if let Some(case_id) = case_id.filter(|_| more != Amount::ZERO) {
            self.frozen.push(Change { measure_id: fact.measure_id, case_id, more });
        }
        let stored = Stored::of(fact);
        let (at, actor) = (act.recorded_at(), act.actor_id());
        act.insert(
            tx,
            &MEASURE_EVENT,
            id,
            &[
                id.into(),
                fact.measure_id.into(),
                self.asset_id.into(),
                stored.event.into(),
                fact.order_id.into(),
                fact.on.to_string().as_str().into(),
                stored.amount.map(Amount::minor).into(),
                stored.months.map(i64::from).into(),
                stored.unknown_ahead.into(),
                beside.bank_account_id.into(),
                beside.instruction_id.into(),
                beside.answer_id.into(),
                beside.reason.into(),
                beside.confirmed_by.into(),
                at.into(),
                actor.into(),
            ],
        )?;
        self.standing.events.push(MeasureEvent {
            id,
            fact: *fact,
            event: stored.event.to_owned(),
            reason: beside.reason.to_owned(),
            bank_account_id: beside.bank_account_id,
            answer_id: beside.answer_id,
        });
        self.is_changed = true;
        Ok(id)
    }

    /// What is frozen now for orders of ours and was not, or the other way, since the line was loaded.
    pub(super) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.frozen)
    }
}

/// Writes where the orders of these lines stand, as far as it changed, and mirrors what changed of the amounts frozen in
/// the memorandum: one act in each book for all of them. The act of case money is open.
///
/// # Errors
/// What the database says, and those of posting.
pub fn write_states(tx: &mut Tx<'_>, acting: &Acting, writers: impl IntoIterator<Item = Writer>) -> Outcome<()> {
    let mut writers: Vec<Writer> = writers.into_iter().collect();
    store_states(tx, books::case_money(acting.actor.court_id), &writers)?;
    let changes: Vec<Change> = writers.iter_mut().flat_map(Writer::changes).collect();
    memorandum::mirror(tx, acting, &changes)
}

/// The states alone, in three statements.
pub(super) fn store_states(tx: &mut Tx<'_>, book: BookKey, writers: &[Writer]) -> Outcome<()> {
    let [court, book_id] = [Value::from(book.court_id), Value::from(book.book_id)];
    let lines: Vec<_> =
        writers.iter().map(|writer| (writer, states_of(writer.line()), open_orders_of(writer.line()))).collect();
    let (mut states, mut closed, mut opened) = (Vec::new(), Vec::new(), Vec::new());
    for (writer, now, orders) in &lines {
        let asset_id = Value::from(writer.asset_id);
        let (was, had) = &writer.stored;
        for state in now.iter().filter(|state| !was.contains(state)) {
            states.extend([court, book_id, state.measure_id.into(), asset_id]);
            states.extend([Value::from(state.status), state.line_no.into()]);
            states.extend([state.since.as_str(), state.ends_on.as_str()].map(Value::from));
            states.extend([state.frozen.minor(), state.deducted.minor()].map(Value::from));
        }
        let gone = had.iter().filter(|order| orders.iter().all(|other| other.order_id != order.order_id));
        closed.extend(gone.map(|order| order.order_id));
        for order in orders.iter().filter(|order| !had.contains(order)) {
            opened.extend([court, book_id, order.order_id.into(), order.measure_id.into(), asset_id]);
            opened.extend([Value::from(order.action), i64::from(order.is_sent).into()]);
        }
    }
    let key = ["court_id", "book_id", "measure_id"];
    let set = ["asset_id", "status", "line_no", "since", "ends_on", "frozen_minor", "deducted_minor"];
    tx.upsert_many("measure_state", &key, &set, &states)?;
    let key = ["court_id", "book_id", "order_id"];
    // First what is gone: one order of a kind may take the place of another.
    tx.delete_many("open_order", (book.court_id, book.book_id), "order_id", &closed)?;
    tx.upsert_many("open_order", &key, &["measure_id", "asset_id", "action", "is_sent"], &opened)?;
    Ok(())
}

/// A row of `measure_state`, as it follows from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureState {
    /// Row.
    pub measure_id: i64,
    /// Where it stands.
    pub status: &'static str,
    /// Rank of its arrival; 0 before.
    pub line_no: i64,
    /// Since when it stands so; empty before it was taken in.
    pub since: String,
    /// Last day in force; else empty.
    pub ends_on: String,
    /// Held at the institution.
    pub frozen: Amount,
    /// Deducted.
    pub deducted: Amount,
}

/// What `measure_state` must say of a line.
#[must_use]
pub fn states_of(line: &Line) -> Vec<MeasureState> {
    use rules::State;
    let state_of = |measure: &Measure| {
        let (since, ends_on, frozen, deducted) = match &measure.state {
            State::Asked => (String::new(), String::new(), Amount::ZERO, Amount::ZERO),
            State::Waiting { since, .. } => (since.to_string(), String::new(), Amount::ZERO, Amount::ZERO),
            State::InForce(freeze) => {
                (freeze.since.to_string(), freeze.ends_on.to_string(), freeze.frozen, freeze.deducted)
            }
            State::Ended { on, deducted, .. } => (on.to_string(), String::new(), Amount::ZERO, *deducted),
        };
        MeasureState {
            measure_id: measure.measure_id,
            status: measure.status().as_str(),
            line_no: measure.arrival.unwrap_or(0),
            since,
            ends_on,
            frozen,
            deducted,
        }
    };
    line.measures().iter().map(state_of).collect()
}

/// A row of `open_order`, as it follows from the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOrderState {
    /// The order.
    pub order_id: i64,
    /// Of which measure.
    pub measure_id: i64,
    /// What it asks for.
    pub action: &'static str,
    /// Whether it went out.
    pub is_sent: bool,
}

/// What `open_order` must say of a line.
#[must_use]
pub fn open_orders_of(line: &Line) -> Vec<OpenOrderState> {
    let of = |measure: &Measure| {
        let measure_id = measure.measure_id;
        let orders = measure.open.clone().into_iter();
        orders.map(move |order| OpenOrderState {
            order_id: order.order_id,
            measure_id,
            action: order.what.action().as_str(),
            is_sent: order.is_sent,
        })
    };
    line.measures().iter().flat_map(of).collect()
}

/// A fact as its row says it.
struct Stored {
    event: &'static str,
    amount: Option<Amount>,
    months: Option<u16>,
    unknown_ahead: Option<i64>,
}

impl Stored {
    fn of(fact: &Fact) -> Self {
        let plain = |event| Self { event, amount: None, months: None, unknown_ahead: None };
        match fact.what {
            What::Ordered(Asked::Freeze) => plain("ordered"),
            What::Ordered(Asked::Renew(months)) => Self { months: Some(months), ..plain("renewal_ordered") },
            What::Ordered(Asked::Deduct(amount)) => Self { amount: Some(amount), ..plain("deduction_ordered") },
            What::Ordered(Asked::Lift) => plain("lift_ordered"),
            What::Ordered(Asked::Surrender) => plain("surrender_ordered"),
            What::Surrendered(amount) => Self { amount: Some(amount), ..plain("surrendered") },
            What::SurrenderRefused => plain("surrender_refused"),
            What::Sent => plain("sent"),
            What::InForce(amount) => Self { amount: Some(amount), ..plain("in_force") },
            What::Partly(amount) => Self { amount: Some(amount), ..plain("partly") },
            What::Waiting(ahead) => Self { unknown_ahead: Some(ahead), ..plain("waiting") },
            What::Refused => plain("refused"),
            What::More(amount) => Self { amount: Some(amount), ..plain("more") },
            What::Renewed(months) => Self { months: Some(months), ..plain("renewed") },
            What::RenewalRefused => plain("renewal_refused"),
            What::Deducted(amount) => Self { amount: Some(amount), ..plain("deducted") },
            What::DeductionRefused => plain("deduction_refused"),
            What::Lifted => plain("lifted"),
            What::LiftRefused => plain("lift_refused"),
            What::Withdrawn => plain("withdrawn"),
            What::Lapsed => plain("lapsed"),
            What::Promoted(amount) => Self { amount: Some(amount), ..plain("promoted") },
        }
    }

    fn what(event: &str, amount: Option<Amount>, months: Option<u16>, ahead: Option<i64>) -> Option<What> {
        Some(match event {
            "ordered" => What::Ordered(Asked::Freeze),
            "renewal_ordered" => What::Ordered(Asked::Renew(months?)),
            "deduction_ordered" => What::Ordered(Asked::Deduct(amount?)),
            "lift_ordered" => What::Ordered(Asked::Lift),
            "surrender_ordered" => What::Ordered(Asked::Surrender),
            "surrendered" => What::Surrendered(amount?),
            "surrender_refused" => What::SurrenderRefused,
            "sent" => What::Sent,
            "in_force" => What::InForce(amount?),
            "partly" => What::Partly(amount?),
            "waiting" => What::Waiting(ahead?),
            "refused" => What::Refused,
            "more" => What::More(amount?),
            "renewed" => What::Renewed(months?),
            "renewal_refused" => What::RenewalRefused,
            "deducted" => What::Deducted(amount?),
            "deduction_refused" => What::DeductionRefused,
            "lifted" => What::Lifted,
            "lift_refused" => What::LiftRefused,
            "withdrawn" => What::Withdrawn,
            "lapsed" => What::Lapsed,
            "promoted" => What::Promoted(amount?),
            _ => return None,
        })
    }
}

/// An event as recorded, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureEvent {
    /// Row; of an order its number.
    pub id: i64,
    /// What happened.
    pub fact: Fact,
    /// Its word.
    pub event: String,
    /// Ruling, notice, the institution's words.
    pub reason: String,
    /// Where deducted money is to come.
    pub bank_account_id: Option<i64>,
    /// In which it was answered.
    pub answer_id: Option<i64>,
}

fn read_event(row: &Row<'_>) -> ankuan_ledger::engine::Result<MeasureEvent> {
    let event = row.text(3)?;
    let what = Stored::what(event, row.opt_int(6)?.map(Amount::from_minor), months_in(row, 7)?, row.opt_int(8)?);
    let what = what.ok_or_else(|| Error::Inconsistent(format!("an event {event:?} of an order")))?;
    Ok(MeasureEvent {
        id: row.int(1)?,
        fact: Fact { measure_id: row.int(2)?, on: read_date(row, 5)?, what, order_id: row.opt_int(4)? },
        event: event.to_owned(),
        reason: row.text(9)?.to_owned(),
        bank_account_id: row.opt_int(10)?,
        answer_id: row.opt_int(11)?,
    })
}

fn months_in(row: &Row<'_>, column: usize) -> ankuan_ledger::engine::Result<Option<u16>> {
    let months = row.opt_int(column)?.map(u16::try_from).transpose();
    months.map_err(|_| Error::Inconsistent(format!("months in column {column}")))
}

/// The orders on an asset, as recorded and where they stand: the fold of its events.
///
/// # Errors
/// [`Error::Inconsistent`] for events that do not follow from each other.
pub fn load(tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<Standing> {
    Ok(load_many(tx, book, &[asset_id])?.pop().map(|(_, standing)| standing).unwrap_or_default())
}

/// As [`load`], of many assets in two statements; in the order of the ids.
///
/// # Errors
/// As [`load`].
pub fn load_many(tx: &mut Tx<'_>, book: BookKey, asset_ids: &[i64]) -> Outcome<Vec<(i64, Standing)>> {
    // One book, many assets: by the index of the assets, whatever PostgreSQL thinks of the sizes of a join.
    const RECORDS: Statement = Statement::twin(
        "SELECT measure_id, asset_id, case_id, outside_court, ruling, officer, basis, extent, amount_minor, share_bp, \
         months, allowance_minor, carries_over FROM measure \
         WHERE court_id = ?1 AND book_id = ?2 AND asset_id = ?3 ORDER BY measure_id",
        "SELECT measure_id, asset_id, case_id, outside_court, ruling, officer, basis, extent, amount_minor, share_bp, \
         months, allowance_minor, carries_over \
         FROM measure \
         WHERE court_id = ($1::bigint[])[1] AND book_id = ($2::bigint[])[1] AND asset_id = ANY($3::bigint[]) ORDER BY measure_id",
    );
    const EVENTS: Statement = Statement::twin(
        "SELECT asset_id, id, measure_id, event, order_id, on_day, amount_minor, months, unknown_ahead, reason, \
         bank_account_id, answer_id FROM measure_event \
         WHERE court_id = ?1 AND book_id = ?2 AND asset_id = ?3 ORDER BY id",
        "SELECT asset_id, id, measure_id, event, order_id, on_day, amount_minor, months, unknown_ahead, reason, \
         bank_account_id, answer_id \
         FROM measure_event \
         WHERE court_id = ($1::bigint[])[1] AND book_id = ($2::bigint[])[1] AND asset_id = ANY($3::bigint[]) ORDER BY id",
    );
    let mut all: BTreeMap<i64, Standing> = asset_ids.iter().map(|asset_id| (*asset_id, Standing::default())).collect();
    let keys: Vec<Value<'_>> =
        all.keys().flat_map(|asset_id| [book.court_id.into(), book.book_id.into(), (*asset_id).into()]).collect();
    tx.each_of(RECORDS, 3, &keys, |row| {
        let record = read_record(row)?;
        if let Some(standing) = all.get_mut(&record.asset_id) {
            let measure = Measure::new(record.measure_id, record.extent, record.months, record.case_id.is_none());
            standing.line = std::mem::take(&mut standing.line).with(measure);
            standing.records.push(record);
        }
        Ok(())
    })?;
    tx.each_of(EVENTS, 3, &keys, |row| {
        let (asset_id, event) = (row.int(0)?, read_event(row)?);
        if let Some(standing) = all.get_mut(&asset_id) {
            let line = std::mem::take(&mut standing.line).apply(event.id, &event.fact);
            standing.line = line.map_err(|refusal| {
                Error::Inconsistent(format!("event {} of asset {asset_id} does not follow: {refusal:?}", event.id))
            })?;
            standing.events.push(event);
        }
        Ok(())
    })?;
    Ok(all.into_iter().collect())
}

fn read_record(row: &Row<'_>) -> ankuan_ledger::engine::Result<MeasureRecord> {
    let extent = match (row.text(7)?, row.opt_int(8)?, row.opt_int(9)?) {
        ("amount", Some(amount), None) => Extent::Amount(Amount::from_minor(amount)),
        ("share", None, Some(share)) => Extent::Share(share),
        ("whole", None, None) => Extent::Whole,
        other => return Err(Error::Inconsistent(format!("an order of the extent {other:?}"))),
    };
    let carries_over = row.int(12)? == 1;
    Ok(MeasureRecord {
        measure_id: row.int(0)?,
        asset_id: row.int(1)?,
        case_id: row.opt_int(2)?,
        outside_court: row.text(3)?.to_owned(),
        ruling: row.text(4)?.to_owned(),
        officer: row.text(5)?.to_owned(),
        basis: read_word(row, 6, Basis::parse)?,
        extent,
        months: months_in(row, 10)?.unwrap_or(0),
        allowance: row.opt_int(11)?.map(|monthly| Allowance { monthly: Amount::from_minor(monthly), carries_over }),
    })
}

/// Lines of several assets, loaded when they are first needed and written at the end of the act.
#[derive(Debug, Default)]
pub struct Lines {
    loaded: BTreeMap<i64, Writer>,
}

impl Lines {
    /// The line of an asset.
    ///
    /// # Errors
    /// As [`load`].
    pub fn of(&mut self, tx: &mut Tx<'_>, book: BookKey, asset_id: i64) -> Outcome<&mut Writer> {
        use std::collections::btree_map::Entry;
        Ok(match self.loaded.entry(asset_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(Writer::new(asset_id, load(tx, book, asset_id)?)),
        })
    }

    /// Whether a fact was recorded in any of them.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        self.loaded.values().any(|writer| writer.is_changed)
    }

    /// Writes where all their orders stand: [`write_states`].
    ///
    /// # Errors
    /// As [`write_states`].
    pub fn write_states(self, tx: &mut Tx<'_>, acting: &Acting) -> Outcome<()> {
        write_states(tx, acting, self.loaded.into_values())
    }
}

/// The asset of an order.
///
/// # Errors
/// `assets.measure_unknown`.
pub fn asset_of(tx: &mut Tx<'_>, book: BookKey, measure_id: i64) -> Outcome<i64> {
    let found = tx.query_opt(
        "SELECT asset_id FROM measure WHERE court_id = $1 AND book_id = $2 AND measure_id = $3",
        &[book.court_id.into(), book.book_id.into(), measure_id.into()],
        |row| row.int(0),
    )?;
    Ok(found.ok_or_else(|| Message::new("assets.measure_unknown").with("measure", measure_id))?)
}
