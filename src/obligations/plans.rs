//! Plans (分配方案) on record: drafted out of what is open, served, objected to, settled, decided. The rules are
//! [`super::plan_rules`]; who gets what is [`crate::calculators::waterfall`].

use std::collections::BTreeMap;

use ankuan_ledger::engine::Error;
use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Act, Amount, ItemId, Tx};
use jiff::civil::Date;

use super::balance::{Account, open_of};
use super::paid::{accounts_of_case, interest_rules, stops_on};
use super::performances::{open_now, two_people};
use super::plan_rules::{Basis, Fact, Standing, Step, last_day, objections, split, standing, still_open};
use super::{less, not_ahead, sum, text};
use crate::access::{Acting, Actor, Role};
use crate::books;
use crate::calculators::interest::Component;
use crate::calculators::terms::Terms;
use crate::calculators::waterfall::{Claim, Waterfall, Waterfalls, divide};
use crate::calendar::{Calendar, Period};
use crate::cases::Case;
use crate::chart::{Chart, Event, Owner};
use crate::payouts::sheet::{Head, PayeeKind, SheetSource};
use crate::payouts::sheets::{self, NewLine, NewSheet, Sheet, find_payee};
use crate::receipts::receipts_of_case;
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

/// `plan`
pub static PLAN: Table = Table {
    name: "plan",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("plan_id", Int),
        ("case_id", Int),
        ("receipt_id", Int),
        ("waterfall", Text),
        ("document", Text),
        ("as_of", Text),
        ("pot_minor", Int),
        ("granted_minor", Int),
        ("surplus_minor", Int),
        ("objection_period", Text),
        ("opposition_period", Text),
        ("suit_period", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["plan_id"],
};

/// `plan_line`
pub static PLAN_LINE: Table = Table {
    name: "plan_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("plan_line_id", Int),
        ("plan_id", Int),
        ("line_no", Int),
        ("obligation_id", Int),
        ("payee_id", Int),
        ("creditor", Text),
        ("class", Text),
        ("order_no", Int),
        ("costs_minor", Int),
        ("interest_minor", Int),
        ("principal_minor", Int),
        ("share_minor", Int),
        ("doubled_minor", Int),
        ("doubled_share_minor", Int),
        ("mark", Int),
    ],
    order: &["plan_line_id"],
};

/// `plan_event`
pub static PLAN_EVENT: Table = Table {
    name: "plan_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("plan_id", Int),
        ("event", Text),
        ("party", Text),
        ("objection_id", Int),
        ("plan_line_id", Int),
        ("amount_minor", Int),
        ("rest_minor", Int),
        ("on_day", Text),
        ("last_day", Text),
        ("basis", Text),
        ("document", Text),
        ("sheet_id", Int),
        ("voucher_id", Int),
        ("actor_id", Int),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `plan_payout`
pub static PLAN_PAYOUT: Table = Table {
    name: "plan_payout",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("plan_id", Int),
        ("sheet_line_id", Int),
        ("obligation_id", Int),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A plan with its lines and what happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Row.
    pub plan_id: i64,
    /// Case.
    pub case_id: i64,
    /// The receipt whose money it distributes.
    pub receipt_id: i64,
    /// `name@version`
    pub waterfall: String,
    /// Its number.
    pub document: String,
    /// The claims are those of this day.
    pub as_of: Date,
    /// The money.
    pub pot: Amount,
    /// What the lines come to.
    pub granted: Amount,
    /// What is left when every claim is paid; stays with the receipt.
    pub surplus: Amount,
    /// Objection, opposition, suit.
    pub periods: [Period; 3],
    /// In the order of the plan.
    pub lines: Vec<PlanLine>,
    /// In the order they were recorded.
    pub facts: Vec<Fact>,
    /// On whom it is served: creditors and debtors.
    pub parties: Vec<String>,
}

/// What one obligation gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanLine {
    /// Row.
    pub plan_line_id: i64,
    /// From 1.
    pub line_no: i64,
    /// The obligation.
    pub obligation_id: i64,
    /// Who is paid, of the plan's case.
    pub payee_id: i64,
    /// To whom it is owed.
    pub creditor: String,
    /// Class.
    pub class: String,
    /// Place in a class that is paid by order.
    pub order: Option<u32>,
    /// Money debt that takes part: costs, interest, principal.
    pub claim: [Amount; 3],
    /// What of it is granted.
    pub share: Amount,
    /// Doubled interest that takes part after all money debts.
    pub doubled: Amount,
    /// What of it is granted.
    pub doubled_share: Amount,
}

impl PlanLine {
    /// What is granted.
    ///
    /// # Errors
    /// `calc.too_large`.
    pub fn granted(&self) -> Result<Amount, Message> {
        sum([self.share, self.doubled_share])
    }

    /// What of costs, interest and principal the fen from `start` on, so many of them, meet.
    fn parts(&self, start: Amount, amount: Amount) -> Result<[Amount; 3], Message> {
        let [costs, interest, principal] = self.claim;
        let (mut skip, mut left) = (start, amount);
        let mut met = [Amount::ZERO; 4];
        for (part, open) in met.iter_mut().zip([costs, interest, principal, self.doubled]) {
            let skipped = skip.min(open);
            skip = less(skip, skipped)?;
            *part = less(open, skipped)?.min(left);
            left = less(left, *part)?;
        }
        Ok([met[0], sum([met[1], met[3], left])?, met[2]])
    }
}

/// A plan to be drafted.
#[derive(Clone, Debug)]
pub struct NewPlan<'a> {
    /// The case.
    pub case: &'a Case,
    /// Whose money is distributed.
    pub receipt_id: i64,
    /// `NAME` or `NAME@VERSION` of a waterfall.
    pub waterfall: &'a str,
    /// The waterfalls.
    pub waterfalls: &'a Waterfalls,
    /// The periods.
    pub terms: &'a Terms,
    /// Number of the plan; the decision by which others than applicants are paid.
    pub document: &'a str,
    /// Obligations of other cases that take part, each with its payee in this case.
    pub also: &'a [(i64, i64)],
}

/// Drafts a plan for what is available of a receipt, out of what is open of the case's obligations and of those that take part.
/// Money debts come first, in the order of the waterfall; doubled interest after all of them (法释〔2014〕8号 art. 4), in the same
/// order. Nothing moves. Needs [`Role::Handler`].
///
/// # Errors
/// `plans.open_plan` (another plan for the receipt is not settled), `plans.nothing_open`, `plans.payee_missing`,
/// `sheets.receipt_elsewhere`, `payouts.sheet_nothing_available`, `plans.also_own`, `obligations.text`, those of
/// [`Waterfalls::find`], [`Terms::find`] and [`divide`], `access.role_missing`.
pub fn draft(tx: &mut Tx<'_>, acting: &Acting, new: &NewPlan<'_>) -> Outcome<Plan> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "plan.draft")?;
    acting.require(tx, Role::Handler)?;
    let document = text("document", new.document)?;
    let case_id = new.case.case_id;
    let receipt = receipts_of_case(tx, act.book(), case_id)?.into_iter().find(|one| one.receipt_id == new.receipt_id);
    let receipt = receipt.ok_or_else(|| {
        Message::new("sheets.receipt_elsewhere").with("receipt", new.receipt_id).with("case", new.case.current_number())
    })?;
    let pot = receipt.available;
    if pot <= Amount::ZERO {
        return Err(Message::new("payouts.sheet_nothing_available")
            .with("receipt_id", new.receipt_id)
            .with("available", pot)
            .into());
    }
    let running = plans_of_case(tx, court_id, case_id)?.into_iter().find(|plan| {
        let is_over = |fact: &Fact| matches!(fact.step, Step::Settled | Step::Cancelled);
        plan.receipt_id == new.receipt_id && !plan.facts.iter().any(is_over)
    });
    if let Some(plan) = running {
        return Err(Message::new("plans.open_plan").with("plan", plan.plan_id).with("receipt", new.receipt_id).into());
    }
    let takers = takers(tx, court_id, new)?;
    // Whatever has stopped interest by now has reduced the claims.
    let mut as_of = stops_on(tx, court_id, new.receipt_id)?;
    for taker in &takers {
        let days = taker.account.reductions.iter().map(|one| one.done_on.max(one.stops_on));
        as_of = days.chain([as_of]).max().unwrap_or(as_of);
    }
    let rules = interest_rules()?;
    let waterfall = new.waterfalls.find(new.waterfall)?;
    let mut lines = Vec::new();
    for taker in &takers {
        let statement = taker.account.reckon(&rules, as_of, taker.bankruptcy)?;
        let [mut costs, mut interest, mut principal, mut doubled] =
            [Component::Costs, Component::GeneralInterest, Component::Principal, Component::DoubledInterest]
                .map(|component| open_of(&statement, component));
        // What an earlier plan pays meets the debt in this order when it arrives.
        let mut promised = taker.promised;
        for part in [&mut costs, &mut interest, &mut principal, &mut doubled] {
            let met = promised.min(*part);
            (promised, *part) = (less(promised, met)?, less(*part, met)?);
        }
        if sum([costs, interest, principal, doubled])? == Amount::ZERO {
            continue;
        }
        let one = &taker.account.obligation;
        let payee_id =
            taker.payee_id.ok_or_else(|| Message::new("plans.payee_missing").with("obligation", one.obligation_id))?;
        let payee = find_payee(tx, court_id, new.case, payee_id)?;
        heads(payee.kind, [Amount::from_minor(1); 3])?;
        lines.push(PlanLine {
            plan_line_id: 0,
            line_no: 0,
            obligation_id: one.obligation_id,
            payee_id,
            creditor: one.creditor.clone(),
            class: one.class.clone(),
            order: one.order,
            claim: [costs, interest, principal],
            share: Amount::ZERO,
            doubled,
            doubled_share: Amount::ZERO,
        });
    }
    if lines.is_empty() {
        return Err(Message::new("plans.nothing_open").with("date", as_of).into());
    }
    let rest = grant(waterfall, pot, &mut lines, false)?;
    let surplus = grant(waterfall, rest, &mut lines, true)?;
    let granted = less(pot, surplus)?;
    let period = |name| -> Outcome<String> { Ok(new.terms.find(name)?.period.to_string()) };
    let periods = [period("plan_objection")?, period("plan_opposition")?, period("plan_suit")?];
    let plan_id = act.take_ids(1);
    act.insert(
        tx,
        &PLAN,
        plan_id,
        &[
            plan_id.into(),
            case_id.into(),
            new.receipt_id.into(),
            format!("{}@{}", waterfall.name, waterfall.version).as_str().into(),
            document.into(),
            as_of.to_string().as_str().into(),
            pot.minor().into(),
            granted.minor().into(),
            surplus.minor().into(),
            periods[0].as_str().into(),
            periods[1].as_str().into(),
            periods[2].as_str().into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    for (line_no, line) in (1_i64..).zip(&lines) {
        let id = act.take_ids(1);
        act.insert(
            tx,
            &PLAN_LINE,
            id,
            &[
                id.into(),
                plan_id.into(),
                line_no.into(),
                line.obligation_id.into(),
                line.payee_id.into(),
                line.creditor.as_str().into(),
                line.class.as_str().into(),
                line.order.map(i64::from).into(),
                line.claim[0].minor().into(),
                line.claim[1].minor().into(),
                line.claim[2].minor().into(),
                line.share.minor().into(),
                line.doubled.minor().into(),
                line.doubled_share.minor().into(),
            ],
        )?;
    }
    act.close(tx)?;
    find_plan(tx, court_id, plan_id)
}

/// An obligation that takes part, and who is paid for it in the plan's case.
struct Taker {
    account: Account,
    bankruptcy: Option<Date>,
    payee_id: Option<i64>,
    promised: Amount,
}

fn takers(tx: &mut Tx<'_>, court_id: i64, new: &NewPlan<'_>) -> Outcome<Vec<Taker>> {
    let all = accounts_of_case(tx, court_id, new.case.case_id)?;
    let promised = |promised: &BTreeMap<i64, Amount>, id| promised.get(&id).copied().unwrap_or_default();
    let own = |account: Account| Taker {
        payee_id: account.obligation.payee_id,
        promised: promised(&all.promised, account.obligation.obligation_id),
        account,
        bankruptcy: all.bankruptcy,
    };
    let mut takers: Vec<Taker> = all.accounts.into_iter().map(own).collect();
    for (obligation_id, payee_id) in new.also {
        if takers.iter().any(|taker| taker.account.obligation.obligation_id == *obligation_id) {
            return Err(Message::new("plans.also_own").with("obligation", obligation_id).into());
        }
        let obligation = super::find(tx, court_id, *obligation_id)?;
        let theirs = accounts_of_case(tx, court_id, obligation.case_id)?;
        let account = theirs.accounts.into_iter().find(|one| one.obligation.obligation_id == *obligation_id);
        let account = account.ok_or_else(|| Message::new("obligations.unknown").with("obligation", obligation_id))?;
        let promised = promised(&theirs.promised, *obligation_id);
        takers.push(Taker { account, bankruptcy: theirs.bankruptcy, payee_id: Some(*payee_id), promised });
    }
    Ok(takers)
}

/// Grants money to the lines by a waterfall: their money debts, or their doubled interest. Gives what is left.
fn grant(waterfall: &Waterfall, money: Amount, lines: &mut [PlanLine], is_doubled: bool) -> Result<Amount, Message> {
    let mut claims = Vec::with_capacity(lines.len());
    for line in lines.iter() {
        let amount = if is_doubled { line.doubled } else { sum(line.claim)? };
        // Zeros before it: the order of names is that of numbers.
        let claim = format!("{:020}", line.obligation_id);
        if amount > Amount::ZERO {
            claims.push(Claim { claim, class: line.class.clone(), order: line.order, amount });
        }
    }
    if claims.is_empty() || money == Amount::ZERO {
        return Ok(money);
    }
    let division = divide(waterfall, money, &claims)?;
    for share in division.shares {
        let line = lines.iter_mut().find(|line| format!("{:020}", line.obligation_id) == share.claim.claim);
        if let Some(line) = line {
            *(if is_doubled { &mut line.doubled_share } else { &mut line.share }) = share.share;
        }
    }
    Ok(division.surplus)
}

/// Under which heads of a payout sheet costs, interest and principal are paid to a kind of payee.
fn heads(kind: PayeeKind, [costs, interest, principal]: [Amount; 3]) -> Result<Vec<(Head, Amount)>, Message> {
    Ok(match kind {
        PayeeKind::Applicant => vec![(Head::Costs, costs), (Head::Interest, interest), (Head::Principal, principal)],
        PayeeKind::OtherCourt => vec![(Head::Interest, interest), (Head::Principal, sum([costs, principal])?)],
        PayeeKind::Valuer | PayeeKind::Treasury => vec![(Head::Costs, sum([costs, interest, principal])?)],
        PayeeKind::Debtor | PayeeKind::Payer | PayeeKind::TaxOffice | PayeeKind::Informer => {
            return Err(Message::new("plans.payee_kind").with_term("kind", &kind.message()));
        }
    })
}

/// What a person records of a plan.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The plan.
    pub plan_id: i64,
    /// The party: served, objecting, opposing, suing.
    pub party: &'a str,
    /// The objection.
    pub objection_id: Option<i64>,
    /// Legal day.
    pub on: Date,
    /// The paper.
    pub document: &'a str,
}

/// A plan that is being worked on, and the act in which it is.
struct Work {
    act: Act,
    plan: Plan,
}

fn begin(
    tx: &mut Tx<'_>,
    acting: &Acting,
    plan_id: i64,
    name: &'static str,
    is_settled: Option<bool>,
) -> Outcome<Work> {
    let act = acting.open_act(tx, books::CASE_MONEY, name)?;
    let plan = find_plan(tx, acting.actor.court_id, plan_id)?;
    if plan.facts.iter().any(|fact| fact.step == Step::Cancelled) {
        return Err(Message::new("plans.cancelled").with("plan", plan_id).into());
    }
    let settled = plan.facts.iter().any(|fact| fact.step == Step::Settled);
    match is_settled {
        Some(false) if settled => Err(Message::new("plans.settled").with("plan", plan_id).into()),
        _ => Ok(Work { act, plan }),
    }
}

impl Work {
    fn party<'p>(&self, party: &'p str) -> Result<&'p str, Message> {
        let party = party.trim();
        if self.plan.parties.iter().any(|known| known == party) {
            return Ok(party);
        }
        Err(Message::new("plans.party_unknown").with("party", party).with("known", self.plan.parties.join("、")))
    }

    fn objection(&self, id: Option<i64>) -> Result<Fact, Message> {
        let found = objections(&self.plan.facts).find(|fact| Some(fact.id) == id).cloned();
        found.ok_or_else(|| {
            Message::new("plans.objection_unknown")
                .with("objection", id.unwrap_or_default())
                .with("plan", self.plan.plan_id)
        })
    }

    fn record(
        &mut self,
        tx: &mut Tx<'_>,
        acting: &Acting,
        fact: &Fact,
        more: (Option<i64>, Option<i64>),
    ) -> Outcome<()> {
        let (voucher_id, confirmed_by) = more;
        let last_day = fact.last_day.map(|day| day.to_string());
        self.act.insert(
            tx,
            &PLAN_EVENT,
            fact.id,
            &[
                fact.id.into(),
                self.plan.plan_id.into(),
                fact.step.as_str().into(),
                fact.party.as_str().into(),
                fact.objection_id.into(),
                fact.plan_line_id.into(),
                fact.amount.map(Amount::minor).into(),
                fact.rest.map(Amount::minor).into(),
                fact.on.to_string().as_str().into(),
                last_day.as_deref().into(),
                fact.basis.as_str().into(),
                fact.document.as_str().into(),
                fact.sheet_id.into(),
                voucher_id.into(),
                acting.actor.person_id.into(),
                confirmed_by.into(),
                acting.at.as_microsecond().into(),
            ],
        )?;
        Ok(())
    }
}

fn blank(id: i64, step: Step, on: Date) -> Fact {
    Fact {
        id,
        step,
        party: String::new(),
        objection_id: None,
        plan_line_id: None,
        amount: None,
        rest: None,
        on,
        last_day: None,
        basis: String::new(),
        document: String::new(),
        sheet_id: None,
    }
}

/// Records that a plan was served on a party, or, with an objection, that the party was told of it: to oppose it, or, where it
/// is the objector and somebody has opposed, to sue. The period that begins is a fact: from which day, and its last day.
/// Needs [`Role::Handler`].
///
/// # Errors
/// `plans.unknown`, `plans.cancelled`, `plans.party_unknown`, `plans.objection_unknown`, `plans.not_opposed`,
/// `obligations.day_ahead`, `access.role_missing`.
pub fn serve(
    tx: &mut Tx<'_>,
    acting: &Acting,
    new: &Recorded<'_>,
    terms: &Terms,
    calendar: &Calendar,
) -> Outcome<Fact> {
    let mut work = begin(tx, acting, new.plan_id, "plan.serve", new.objection_id.is_none().then_some(false))?;
    acting.require(tx, Role::Handler)?;
    not_ahead(acting, new.on)?;
    let party = work.party(new.party)?;
    let objection = new.objection_id.map(|id| work.objection(Some(id))).transpose()?;
    let (step, term, period) = match &objection {
        None => (Step::Served, "plan_objection", work.plan.periods[0]),
        Some(objection) if objection.party != party => (Step::ObjectionServed, "plan_opposition", work.plan.periods[1]),
        Some(objection) => {
            let opposed = |fact: &Fact| fact.step == Step::Opposed && fact.objection_id == Some(objection.id);
            if !work.plan.facts.iter().any(opposed) {
                return Err(Message::new("plans.not_opposed").with("objection", objection.id).into());
            }
            (Step::OppositionServed, "plan_suit", work.plan.periods[2])
        }
    };
    let reckoned = terms.find(term)?.reckon(new.on, Some(period), None, calendar)?;
    let fact = Fact {
        party: party.to_owned(),
        objection_id: new.objection_id,
        last_day: Some(reckoned.end.last_day),
        document: new.document.trim().to_owned(),
        ..blank(work.act.take_ids(1), step, new.on)
    };
    work.record(tx, acting, &fact, (None, None))?;
    work.act.close(tx)?;
    Ok(fact)
}

/// Records an objection to a line: whose, and how much of it is disputed. Needs [`Role::Handler`].
///
/// # Errors
/// `plans.late` (after the last day), `plans.line_unknown`, `plans.exceeds_line` (more than is granted and not disputed yet),
/// `plans.settled`, `plans.party_unknown`, `obligations.amount`, `obligations.text` (no document), `access.role_missing`.
pub fn object(tx: &mut Tx<'_>, acting: &Acting, new: &Recorded<'_>, line_no: i64, amount: Amount) -> Outcome<Fact> {
    let mut work = begin(tx, acting, new.plan_id, "plan.object", Some(false))?;
    acting.require(tx, Role::Handler)?;
    not_ahead(acting, new.on)?;
    let document = text("document", new.document)?;
    let party = work.party(new.party)?;
    in_time(last_day(&work.plan.facts, Step::Served, None, party), new.on)?;
    let line = work.plan.lines.iter().find(|line| line.line_no == line_no);
    let line =
        line.ok_or_else(|| Message::new("plans.line_unknown").with("line", line_no).with("plan", new.plan_id))?;
    if amount <= Amount::ZERO {
        return Err(Message::new("obligations.amount").into());
    }
    let disputed = objections(&work.plan.facts).filter(|one| one.plan_line_id == Some(line.plan_line_id));
    let disputed = sum(disputed.map(|one| one.amount.unwrap_or_default()))?;
    let free = less(line.granted()?, disputed)?;
    if amount > free {
        return Err(Message::new("plans.exceeds_line")
            .with("line", line_no)
            .with("amount", amount)
            .with("free", free)
            .into());
    }
    let fact = Fact {
        party: party.to_owned(),
        plan_line_id: Some(line.plan_line_id),
        amount: Some(amount),
        document: document.to_owned(),
        ..blank(work.act.take_items(1), Step::Objected, new.on)
    };
    work.record(tx, acting, &fact, (None, None))?;
    work.act.close(tx)?;
    Ok(fact)
}

fn in_time(last: Option<Date>, on: Date) -> Result<(), Message> {
    match last {
        Some(last) if on > last => Err(Message::new("plans.late").with("day", on).with("last", last)),
        _ => Ok(()),
    }
}

/// Records that a party opposes an objection, or that the objector has sued. Needs [`Role::Handler`].
///
/// # Errors
/// `plans.not_told` (the period has not begun), `plans.late`, `plans.own_objection` (who objects does not oppose, who did not
/// object does not sue), `plans.decided_already`, `obligations.text` (no document), `access.role_missing`.
pub fn answer(tx: &mut Tx<'_>, acting: &Acting, new: &Recorded<'_>, is_suit: bool) -> Outcome<Fact> {
    let name = if is_suit { "plan.suit" } else { "plan.oppose" };
    let mut work = begin(tx, acting, new.plan_id, name, None)?;
    acting.require(tx, Role::Handler)?;
    not_ahead(acting, new.on)?;
    let document = text("document", new.document)?;
    let party = work.party(new.party)?;
    let objection = work.objection(new.objection_id)?;
    if (objection.party == party) != is_suit {
        return Err(Message::new("plans.own_objection").with("party", party).with("objection", objection.id).into());
    }
    let decided = |fact: &Fact| fact.step == Step::Decided && fact.objection_id == Some(objection.id);
    if work.plan.facts.iter().any(decided) {
        return Err(Message::new("plans.decided_already").with("objection", objection.id).into());
    }
    let (told, step) =
        if is_suit { (Step::OppositionServed, Step::Sued) } else { (Step::ObjectionServed, Step::Opposed) };
    let last = last_day(&work.plan.facts, told, Some(objection.id), party);
    let last =
        last.ok_or_else(|| Message::new("plans.not_told").with("party", party).with("objection", objection.id))?;
    in_time(Some(last), new.on)?;
    let fact = Fact {
        party: party.to_owned(),
        objection_id: Some(objection.id),
        document: document.to_owned(),
        ..blank(work.act.take_ids(1), step, new.on)
    };
    work.record(tx, acting, &fact, (None, None))?;
    work.act.close(tx)?;
    Ok(fact)
}

/// Gives a plan up before it is settled: a corrected one takes its place. Needs [`Role::Handler`].
///
/// # Errors
/// `plans.settled`, `plans.cancelled`, `obligations.text` (no document), `access.role_missing`.
pub fn cancel(tx: &mut Tx<'_>, acting: &Acting, plan_id: i64, document: &str) -> Outcome<()> {
    let mut work = begin(tx, acting, plan_id, "plan.cancel", Some(false))?;
    acting.require(tx, Role::Handler)?;
    let document = text("document", document)?.to_owned();
    let fact = Fact { document, ..blank(work.act.take_ids(1), Step::Cancelled, acting.date) };
    work.record(tx, acting, &fact, (None, None))?;
    work.act.close(tx)?;
    Ok(())
}

/// What settling a plan did: `paid + set aside + stays = granted`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The payout sheet; none where all is disputed.
    pub sheet: Option<Sheet>,
    /// On the sheet.
    pub paid: Amount,
    /// Set aside, by objection.
    pub set_aside: Vec<(i64, Amount)>,
    /// Stays in the case, decided before.
    pub stays: Amount,
}

/// Settles a plan once everybody's time to object is over: the undisputed part becomes a payout sheet and is paid first (法发
/// 〔2019〕35号 item 22), the disputed part is set aside (CPC Interpretation art. 510). A handler proposes, another confirms.
///
/// # Errors
/// `plans.unserved`, `plans.objectable`, `plans.stale` (less is open than a line grants), `plans.settled`, `plans.cancelled`, those of [`sheets::record_sheet`], of posting and of
/// the two people.
pub fn settle(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    case: &Case,
    plan_id: i64,
    confirmed_by: &Actor,
) -> Outcome<Settled> {
    let court_id = acting.actor.court_id;
    two_people(tx, acting, confirmed_by)?;
    // Locks the book; nothing is recorded in this act.
    let plan = begin(tx, acting, plan_id, "plan.settle", Some(false))?.plan;
    if let Some(open) = still_open(&plan.facts, &plan.parties, acting.date) {
        return Err(open.into());
    }
    let (mut to_pay, mut set_aside, mut stays) = (Vec::new(), Vec::new(), Amount::ZERO);
    for line in &plan.lines {
        // Performed otherwise since the draft: the plan would pay too much to some, and too little to the others.
        // So would another plan that pays of the same.
        let (obligation, statement) = open_now(tx, court_id, line.obligation_id, acting.date)?;
        let promised = accounts_of_case(tx, court_id, obligation.case_id)?.promised;
        let promised = promised.get(&line.obligation_id).copied().unwrap_or_default();
        let open = less(statement.open_total, promised)?.max(Amount::ZERO);
        if open < line.granted()? {
            return Err(Message::new("plans.stale")
                .with("obligation", line.obligation_id)
                .with("open", open)
                .with("granted", line.granted()?)
                .into());
        }
        let made = split(&plan.facts, (line.plan_line_id, line.granted()?), &plan.parties, acting.date)?;
        if made.paid > Amount::ZERO {
            to_pay.push((line, line.parts(Amount::ZERO, made.paid)?, made.paid));
        }
        set_aside.extend(made.set_aside);
        stays = sum([stays, made.stays])?;
    }
    let paid = sum(to_pay.iter().map(|(.., amount)| *amount))?;
    let sheet = record_lines(tx, acting, case, &plan, &to_pay, None)?;
    let mut work = begin(tx, acting, plan_id, "plan.settle", Some(false))?;
    let aside = sum(set_aside.iter().map(|(_, amount)| *amount))?;
    let mut voucher_id = None;
    if aside > Amount::ZERO {
        let event = Event::DistributionSetAside;
        work.act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
        let owner = Owner { bank_account_id: None, case_id: Some(plan.case_id) };
        for (objection_id, amount) in &set_aside {
            let items = (ItemId(plan.receipt_id), ItemId(*objection_id));
            let line = chart.line(tx, court_id, event, owner, items, *amount)?;
            work.act.post(tx, &[line])?;
        }
        voucher_id = Some(work.act.open_voucher_id()?);
    }
    let fact = Fact {
        amount: Some(paid),
        rest: Some(aside),
        document: plan.document.clone(),
        sheet_id: sheet.as_ref().map(|(sheet, _)| sheet.sheet_id),
        ..blank(work.act.take_ids(1), Step::Settled, acting.date)
    };
    work.record(tx, acting, &fact, (voucher_id, Some(confirmed_by.person_id)))?;
    let sheet = record_payouts(tx, &mut work.act, plan_id, sheet)?;
    work.act.close(tx)?;
    Ok(Settled { sheet, paid, set_aside, stays })
}

/// Of a sheet line, by head and payee: which obligations, and how much of each.
type Payouts = BTreeMap<(Head, i64), Vec<(i64, Amount)>>;

/// Records the payout sheet of lines: each with its costs, interest and principal. Lines of one payee under one head are one.
fn record_lines(
    tx: &mut Tx<'_>,
    acting: &Acting,
    case: &Case,
    plan: &Plan,
    to_pay: &[(&PlanLine, [Amount; 3], Amount)],
    set_aside: Option<(i64, Amount)>,
) -> Outcome<Option<(Sheet, Payouts)>> {
    let mut payouts = Payouts::new();
    for (line, parts, _) in to_pay {
        let payee = find_payee(tx, acting.actor.court_id, case, line.payee_id)?;
        for (head, amount) in heads(payee.kind, *parts)? {
            if amount > Amount::ZERO {
                payouts.entry((head, line.payee_id)).or_default().push((line.obligation_id, amount));
            }
        }
    }
    record_payout_sheet(tx, acting, case, plan, payouts, set_aside)
}

fn record_payout_sheet(
    tx: &mut Tx<'_>,
    acting: &Acting,
    case: &Case,
    plan: &Plan,
    payouts: Payouts,
    set_aside: Option<(i64, Amount)>,
) -> Outcome<Option<(Sheet, Payouts)>> {
    if payouts.is_empty() {
        return Ok(None);
    }
    let mut lines = Vec::with_capacity(payouts.len());
    for ((head, payee_id), parts) in &payouts {
        let amount = sum(parts.iter().map(|(_, amount)| *amount))?;
        lines.push(NewLine { head: *head, payee_id: *payee_id, amount, decision: Some(&plan.document) });
    }
    let new = NewSheet { case, source: SheetSource::CaseFunds, receipt_id: plan.receipt_id, lines: &lines };
    let sheet = match set_aside {
        None => sheets::record_sheet(tx, acting, &new)?,
        Some(set_aside) => sheets::record_sheet_of_set_aside(tx, acting, &new, set_aside)?,
    };
    Ok(Some((sheet, payouts)))
}

fn record_payouts(
    tx: &mut Tx<'_>,
    act: &mut Act,
    plan_id: i64,
    made: Option<(Sheet, Payouts)>,
) -> Outcome<Option<Sheet>> {
    let Some((sheet, payouts)) = made else { return Ok(None) };
    for line in &sheet.lines {
        for (obligation_id, amount) in payouts.get(&(line.head, line.payee_id)).into_iter().flatten() {
            let id = act.take_ids(1);
            act.insert(
                tx,
                &PLAN_PAYOUT,
                id,
                &[id.into(), plan_id.into(), line.sheet_line_id.into(), (*obligation_id).into(), amount.minor().into()],
            )?;
        }
    }
    Ok(Some(sheet))
}

/// What becomes of disputed money.
#[derive(Clone, Copy, Debug)]
pub struct Decision<'a> {
    /// The plan.
    pub plan_id: i64,
    /// The objection.
    pub objection_id: i64,
    /// Why.
    pub basis: Basis,
    /// By a judgment: how much of the disputed amount the line gets; the rest goes back to the case.
    pub pay: Option<Amount>,
    /// The judgment, or the note that the period has passed.
    pub document: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// Decides what becomes of disputed money. What was set aside for it and is to be paid goes on a payout sheet (X to P, when its
/// run is committed); the rest goes back to the receipt (X to C), to be distributed anew. Before the plan is settled nothing
/// moves. A handler proposes, another confirms.
///
/// # Errors
/// `plans.decided_already`, `plans.basis` (the periods have not come to that), `plans.pay` (not between zero and what is
/// disputed, or given where no judgment decides), those of the sheet, of posting, and of the two people.
pub fn decide(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    case: &Case,
    new: &Decision<'_>,
) -> Outcome<(Fact, Option<Sheet>)> {
    let court_id = acting.actor.court_id;
    two_people(tx, acting, new.confirmed_by)?;
    let work = begin(tx, acting, new.plan_id, "plan.decide", None)?;
    let document = text("document", new.document)?.to_owned();
    let objection = work.objection(Some(new.objection_id))?;
    let plan = work.plan;
    let disputed = objection.amount.unwrap_or_default();
    let standing = standing(&plan.facts, &objection, &plan.parties, acting.date);
    let paid = match (new.basis, &standing) {
        (_, Standing::Decided(..)) => {
            return Err(Message::new("plans.decided_already").with("objection", objection.id).into());
        }
        (Basis::Lapsed, Standing::NotSued) | (Basis::Withdrawn, _) if new.pay.is_none() => disputed,
        (Basis::Unopposed, Standing::Unopposed) if new.pay.is_none() => Amount::ZERO,
        (Basis::Judgment, Standing::Sued) => {
            let pay = new.pay.filter(|pay| *pay >= Amount::ZERO && *pay <= disputed);
            pay.ok_or_else(|| Message::new("plans.pay").with("disputed", disputed))?
        }
        _ if new.pay.is_some() && new.basis != Basis::Judgment => {
            return Err(Message::new("plans.pay").with("disputed", disputed).into());
        }
        _ => {
            return Err(Message::new("plans.basis")
                .with_term("basis", &new.basis.message())
                .with("plan", plan.plan_id)
                .into());
        }
    };
    let back = less(disputed, paid)?;
    let is_aside = set_aside_of(tx, court_id, plan.plan_id, objection.id)?;
    let mut sheet = None;
    if is_aside && paid > Amount::ZERO {
        let line = plan.lines.iter().find(|line| Some(line.plan_line_id) == objection.plan_line_id);
        let line = line.ok_or_else(|| Error::Inconsistent(format!("objection {} is to no line", objection.id)))?;
        // The fen that were set aside are the last of the line's.
        let start = less(line.granted()?, disputed)?;
        let to_pay = [(line, line.parts(start, paid)?, paid)];
        sheet = record_lines(tx, acting, case, &plan, &to_pay, Some((objection.id, paid)))?;
    }
    let mut work = begin(tx, acting, new.plan_id, "plan.decide", None)?;
    let mut voucher_id = None;
    if is_aside && back > Amount::ZERO {
        let event = Event::SetAsideReturned;
        let owner = Owner { bank_account_id: None, case_id: Some(plan.case_id) };
        let items = (ItemId(objection.id), ItemId(plan.receipt_id));
        let line = chart.line(tx, court_id, event, owner, items, back)?;
        work.act.begin_voucher(tx, &chart.voucher(event, acting.date, 1))?;
        work.act.post(tx, &[line])?;
        voucher_id = Some(work.act.open_voucher_id()?);
    }
    let fact = Fact {
        objection_id: Some(objection.id),
        plan_line_id: objection.plan_line_id,
        amount: Some(paid),
        rest: Some(back),
        basis: new.basis.as_str().to_owned(),
        document,
        sheet_id: sheet.as_ref().map(|(sheet, _)| sheet.sheet_id),
        ..blank(work.act.take_ids(1), Step::Decided, acting.date)
    };
    work.record(tx, acting, &fact, (voucher_id, Some(new.confirmed_by.person_id)))?;
    let sheet = record_payouts(tx, &mut work.act, plan.plan_id, sheet)?;
    work.act.close(tx)?;
    Ok((fact, sheet))
}

/// Pays again what a plan, or the decision on an objection, had put on a sheet whose run was withdrawn: the same lines on a new
/// sheet, out of the receipt or of what is set aside again. A handler proposes, another confirms.
///
/// # Errors
/// `plans.not_withdrawn` (there is no such sheet, or its run was not withdrawn), those of the sheet and of the two people.
pub fn pay_again(
    tx: &mut Tx<'_>,
    acting: &Acting,
    case: &Case,
    (plan_id, objection_id): (i64, Option<i64>),
    confirmed_by: &Actor,
) -> Outcome<Sheet> {
    let court_id = acting.actor.court_id;
    two_people(tx, acting, confirmed_by)?;
    let plan = begin(tx, acting, plan_id, "plan.pay_again", None)?.plan;
    let last = plan.facts.iter().rev().find(|fact| fact.objection_id == objection_id && fact.sheet_id.is_some());
    let not_withdrawn = || Message::new("plans.not_withdrawn").with("plan", plan_id);
    let before = sheets::find_sheet(tx, court_id, last.and_then(|fact| fact.sheet_id).ok_or_else(not_withdrawn)?)?;
    if before.run.as_ref().is_none_or(|(_, status)| status != "withdrawn") {
        return Err(not_withdrawn().into());
    }
    let mut payouts = Payouts::new();
    for line in &before.lines {
        let parts = tx.query(
            "SELECT obligation_id, amount_minor FROM plan_payout WHERE court_id = $1 AND book_id = $2 \
             AND sheet_line_id = $3 ORDER BY id",
            &[court_id.into(), books::CASE_MONEY.into(), line.sheet_line_id.into()],
            |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?))),
        )?;
        payouts.insert((line.head, line.payee_id), parts);
    }
    let set_aside = objection_id.map(|objection_id| (objection_id, before.total));
    let sheet = record_payout_sheet(tx, acting, case, &plan, payouts, set_aside)?;
    let mut work = begin(tx, acting, plan_id, "plan.pay_again", None)?;
    let fact = Fact {
        objection_id,
        amount: Some(before.total),
        document: plan.document.clone(),
        sheet_id: sheet.as_ref().map(|(sheet, _)| sheet.sheet_id),
        ..blank(work.act.take_ids(1), Step::PaidAgain, acting.date)
    };
    work.record(tx, acting, &fact, (None, Some(confirmed_by.person_id)))?;
    let sheet = record_payouts(tx, &mut work.act, plan_id, sheet)?;
    work.act.close(tx)?;
    Ok(sheet.ok_or_else(not_withdrawn)?)
}

/// Whether money was set aside for an objection when its plan was settled: where nobody had sued in time it was paid.
pub(super) fn set_aside_of(tx: &mut Tx<'_>, court_id: i64, plan_id: i64, objection_id: i64) -> Outcome<bool> {
    let posted = tx.query(
        "SELECT e.entry_no FROM plan_event AS p JOIN voucher AS v ON v.court_id = p.court_id AND v.book_id = p.book_id \
         AND v.voucher_id = p.voucher_id JOIN entry_line AS e ON e.court_id = p.court_id AND e.book_id = p.book_id \
         AND e.entry_no >= v.first_entry_no AND e.entry_no <= v.last_entry_no AND e.credit_item_id = $4 \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.plan_id = $3 AND p.event = 'settled' LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), plan_id.into(), objection_id.into()],
        |row| row.int(0),
    )?;
    Ok(!posted.is_empty())
}

/// A plan.
///
/// # Errors
/// `plans.unknown`.
pub fn find_plan(tx: &mut Tx<'_>, court_id: i64, plan_id: i64) -> Outcome<Plan> {
    let case_id = tx.query_opt(
        "SELECT case_id FROM plan WHERE court_id = $1 AND book_id = $2 AND plan_id = $3",
        &[court_id.into(), books::CASE_MONEY.into(), plan_id.into()],
        |row| row.int(0),
    )?;
    let unknown = || Message::new("plans.unknown").with("plan", plan_id);
    let plans = plans_of_case(tx, court_id, case_id.ok_or_else(unknown)?)?;
    Ok(plans.into_iter().find(|plan| plan.plan_id == plan_id).ok_or_else(unknown)?)
}

/// The plans of a case, oldest first.
///
/// # Errors
/// What the database says.
pub fn plans_of_case(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<Plan>> {
    let key = [court_id.into(), books::CASE_MONEY.into(), case_id.into()];
    let mut plans = tx.query(
        "SELECT plan_id, receipt_id, waterfall, document, as_of, pot_minor, granted_minor, surplus_minor, \
         objection_period, opposition_period, suit_period FROM plan \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY plan_id",
        &key,
        |row| {
            let period = |column| {
                Period::parse(row.text(column)?).map_err(|_| Error::Inconsistent("a plan with no period".into()))
            };
            Ok(Plan {
                plan_id: row.int(0)?,
                case_id,
                receipt_id: row.int(1)?,
                waterfall: row.text(2)?.to_owned(),
                document: row.text(3)?.to_owned(),
                as_of: read_date(row, 4)?,
                pot: Amount::from_minor(row.int(5)?),
                granted: Amount::from_minor(row.int(6)?),
                surplus: Amount::from_minor(row.int(7)?),
                periods: [period(8)?, period(9)?, period(10)?],
                lines: Vec::new(),
                facts: Vec::new(),
                parties: Vec::new(),
            })
        },
    )?;
    for plan in &mut plans {
        let key = [court_id.into(), books::CASE_MONEY.into(), plan.plan_id.into()];
        plan.lines = tx.query(
            "SELECT plan_line_id, line_no, obligation_id, payee_id, creditor, class, order_no, costs_minor, \
             interest_minor, principal_minor, share_minor, doubled_minor, doubled_share_minor FROM plan_line \
             WHERE court_id = $1 AND book_id = $2 AND plan_id = $3 ORDER BY plan_line_id",
            &key,
            |row| {
                let amount = |column| row.int(column).map(Amount::from_minor);
                Ok(PlanLine {
                    plan_line_id: row.int(0)?,
                    line_no: row.int(1)?,
                    obligation_id: row.int(2)?,
                    payee_id: row.int(3)?,
                    creditor: row.text(4)?.to_owned(),
                    class: row.text(5)?.to_owned(),
                    order: row.opt_int(6)?.and_then(|order| u32::try_from(order).ok()),
                    claim: [amount(7)?, amount(8)?, amount(9)?],
                    share: amount(10)?,
                    doubled: amount(11)?,
                    doubled_share: amount(12)?,
                })
            },
        )?;
        plan.facts = tx.query(
            "SELECT id, event, party, objection_id, plan_line_id, amount_minor, rest_minor, on_day, last_day, basis, \
             document, sheet_id FROM plan_event WHERE court_id = $1 AND book_id = $2 AND plan_id = $3 ORDER BY id",
            &key,
            |row| {
                let last_day = if row.opt_text(8)?.is_some() { Some(read_date(row, 8)?) } else { None };
                Ok(Fact {
                    id: row.int(0)?,
                    step: read_word(row, 1, Step::parse)?,
                    party: row.text(2)?.to_owned(),
                    objection_id: row.opt_int(3)?,
                    plan_line_id: row.opt_int(4)?,
                    amount: row.opt_int(5)?.map(Amount::from_minor),
                    rest: row.opt_int(6)?.map(Amount::from_minor),
                    on: read_date(row, 7)?,
                    last_day,
                    basis: row.text(9)?.to_owned(),
                    document: row.text(10)?.to_owned(),
                    sheet_id: row.opt_int(11)?,
                })
            },
        )?;
        let mut parties: Vec<String> = plan.lines.iter().map(|line| line.creditor.clone()).collect();
        for line in &plan.lines {
            parties.push(super::find(tx, court_id, line.obligation_id)?.debtor);
        }
        parties.sort();
        parties.dedup();
        plan.parties = parties;
    }
    Ok(plans)
}
