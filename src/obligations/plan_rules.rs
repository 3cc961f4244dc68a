//! Where a plan and the objections to it stand (CPC Interpretation, arts. 509-510): pure. From the day on which the plan is
//! served a party may object; the others may oppose from the day on which they are told of the objection; the objector may
//! sue from the day on which they are told of the opposition. Nobody opposes: the plan follows the objection. Opposed and
//! not sued: the plan stands. Sued: the disputed money waits for the judgment.

use ankuan_ledger::Amount;
use jiff::civil::Date;

use super::{less, sum};
use crate::Message;
use crate::words::words;

words! {
    /// What happens to a plan.
    Step {
        /// The plan was served on a party.
        Served = "served",
        /// A party objected.
        Objected = "objected",
        /// A party was told of an objection.
        ObjectionServed = "objection_served",
        /// A party opposed an objection.
        Opposed = "opposed",
        /// The objector was told that it is opposed.
        OppositionServed = "opposition_served",
        /// The objector sued.
        Sued = "sued",
        /// What becomes of the disputed money was decided.
        Decided = "decided",
        /// The undisputed part went to a payout sheet, the disputed part was set aside.
        Settled = "settled",
        /// The run of its sheet was withdrawn: a new sheet pays the same.
        PaidAgain = "paid_again",
        /// The plan was given up, before it was settled.
        Cancelled = "cancelled",
    }
}

words! {
    /// Why disputed money is paid or goes back.
    Basis {
        /// The objector did not sue in time: the plan stands.
        Lapsed = "lapsed",
        /// The objector took the objection back: the plan stands.
        Withdrawn = "withdrawn",
        /// Nobody opposed in time: the plan follows the objection, and the money goes back to be distributed.
        Unopposed = "unopposed",
        /// A judgment says.
        Judgment = "judgment",
    }
}

impl Step {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Served => "plans.step_served",
            Self::Objected => "plans.step_objected",
            Self::ObjectionServed => "plans.step_objection_served",
            Self::Opposed => "plans.step_opposed",
            Self::OppositionServed => "plans.step_opposition_served",
            Self::Sued => "plans.step_sued",
            Self::Decided => "plans.step_decided",
            Self::Settled => "plans.step_settled",
            Self::PaidAgain => "plans.step_paid_again",
            Self::Cancelled => "plans.step_cancelled",
        })
    }
}

impl Basis {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Lapsed => "plans.basis_lapsed",
            Self::Withdrawn => "plans.basis_withdrawn",
            Self::Unopposed => "plans.basis_unopposed",
            Self::Judgment => "plans.basis_judgment",
        })
    }
}

/// Something that happened to a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Row; of an objection its number, and the item of what is set aside for it.
    pub id: i64,
    /// What.
    pub step: Step,
    /// On whom served, who objects, opposes, sues.
    pub party: String,
    /// The objection it is about.
    pub objection_id: Option<i64>,
    /// The line objected to.
    pub plan_line_id: Option<i64>,
    /// Disputed; decided to be paid; paid by a settled plan.
    pub amount: Option<Amount>,
    /// Decided to go back to the case; set aside by a settled plan.
    pub rest: Option<Amount>,
    /// Legal day.
    pub on: Date,
    /// The last day of the period that it began.
    pub last_day: Option<Date>,
    /// Of a decision.
    pub basis: String,
    /// The paper.
    pub document: String,
    /// The payout sheet that pays.
    pub sheet_id: Option<i64>,
}

/// Where an objection stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// These were not told of it.
    ToServe(Vec<String>),
    /// It may be opposed until the end of this day.
    Opposable(Date),
    /// Nobody opposed in time.
    Unopposed,
    /// Opposed, and the objector was not told.
    ToServeOpposition,
    /// The objector may sue until the end of this day.
    Suable(Date),
    /// Nobody sued in time.
    NotSued,
    /// The judgment is awaited.
    Sued,
    /// Paid, and gone back.
    Decided(Amount, Amount),
}

impl Standing {
    /// In words.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::ToServe(parties) => Message::new("plans.to_serve").with("parties", parties.join("、")),
            Self::Opposable(day) => Message::new("plans.opposable").with("day", day),
            Self::Unopposed => Message::new("plans.unopposed"),
            Self::ToServeOpposition => Message::new("plans.to_serve_opposition"),
            Self::Suable(day) => Message::new("plans.suable").with("day", day),
            Self::NotSued => Message::new("plans.not_sued"),
            Self::Sued => Message::new("plans.sued"),
            Self::Decided(paid, back) => Message::new("plans.decided").with("paid", paid).with("back", back),
        }
    }
}

/// The last day of the newest period of a kind that runs for a party.
#[must_use]
pub fn last_day(facts: &[Fact], step: Step, objection_id: Option<i64>, party: &str) -> Option<Date> {
    let served = |fact: &&Fact| fact.step == step && fact.objection_id == objection_id && fact.party == party;
    facts.iter().filter(served).filter_map(|fact| fact.last_day).max()
}

/// The objections in the order they were made.
pub fn objections(facts: &[Fact]) -> impl Iterator<Item = &Fact> {
    facts.iter().filter(|fact| fact.step == Step::Objected)
}

/// Where an objection stands on a day. `parties` are all on whom the plan is served.
#[must_use]
pub fn standing(facts: &[Fact], objection: &Fact, parties: &[String], today: Date) -> Standing {
    let of = |step| facts.iter().filter(move |fact| fact.step == step && fact.objection_id == Some(objection.id));
    if let Some(decided) = of(Step::Decided).next() {
        return Standing::Decided(decided.amount.unwrap_or_default(), decided.rest.unwrap_or_default());
    }
    if of(Step::Sued).next().is_some() {
        return Standing::Sued;
    }
    if of(Step::Opposed).next().is_some() {
        return match last_day(facts, Step::OppositionServed, Some(objection.id), &objection.party) {
            None => Standing::ToServeOpposition,
            Some(day) if day < today => Standing::NotSued,
            Some(day) => Standing::Suable(day),
        };
    }
    let mut untold = Vec::new();
    let mut until = objection.on;
    for party in parties.iter().filter(|party| **party != objection.party) {
        match last_day(facts, Step::ObjectionServed, Some(objection.id), party) {
            None => untold.push(party.clone()),
            Some(day) => until = until.max(day),
        }
    }
    match untold.is_empty() {
        false => Standing::ToServe(untold),
        true if until < today => Standing::Unopposed,
        true => Standing::Opposable(until),
    }
}

/// What keeps a plan from being settled on a day: somebody it was not served on, or who may still object.
#[must_use]
pub fn still_open(facts: &[Fact], parties: &[String], today: Date) -> Option<Message> {
    let day = |party: &String| last_day(facts, Step::Served, None, party);
    let unserved: Vec<&str> = parties.iter().filter(|party| day(party).is_none()).map(String::as_str).collect();
    if !unserved.is_empty() {
        return Some(Message::new("plans.unserved").with("parties", unserved.join("、")));
    }
    let last = parties.iter().filter_map(day).max()?;
    (last >= today).then(|| Message::new("plans.objectable").with("day", last))
}

/// What of a line's grant is paid at once, set aside by objection, and left in the case because it was decided before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Undisputed.
    pub paid: Amount,
    /// By objection.
    pub set_aside: Vec<(i64, Amount)>,
    /// Decided to stay.
    pub stays: Amount,
}

/// Splits what a line is granted: `paid + set aside + stays = granted`.
///
/// # Errors
/// `calc.too_large`.
pub fn split(
    facts: &[Fact],
    (plan_line_id, granted): (i64, Amount),
    parties: &[String],
    today: Date,
) -> Result<Split, Message> {
    let mut split = Split::default();
    for objection in objections(facts).filter(|one| one.plan_line_id == Some(plan_line_id)) {
        match standing(facts, objection, parties, today) {
            Standing::Decided(_, back) => split.stays = sum([split.stays, back])?,
            // Nobody sued: the plan stands as it was.
            Standing::NotSued => {}
            _ => split.set_aside.push((objection.id, objection.amount.unwrap_or_default())),
        }
    }
    let aside = sum(split.set_aside.iter().map(|(_, amount)| *amount))?;
    split.paid = less(less(granted, aside)?, split.stays)?;
    Ok(split)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn fact(id: i64, step: Step, party: &str, objection_id: Option<i64>, last_day: Option<Date>) -> Fact {
        Fact {
            id,
            step,
            party: party.into(),
            objection_id,
            plan_line_id: Some(1),
            amount: Some(Amount::from_minor(10)),
            rest: Some(Amount::ZERO),
            on: date(2026, 11, 1),
            last_day,
            basis: String::new(),
            document: String::new(),
            sheet_id: None,
        }
    }

    #[test]
    fn an_objection_runs_its_course() {
        let parties = ["甲".to_owned(), "乙".to_owned(), "丙".to_owned()];
        let objection = fact(5, Step::Objected, "甲", None, None);
        let mut facts = vec![objection.clone()];
        let day = |day| date(2026, 11, day);
        let at = |facts: &[Fact], today| standing(facts, &objection, &parties, today);
        assert_eq!(at(&facts, day(1)), Standing::ToServe(vec!["乙".into(), "丙".into()]));
        facts.push(fact(6, Step::ObjectionServed, "乙", Some(5), Some(day(16))));
        facts.push(fact(7, Step::ObjectionServed, "丙", Some(5), Some(day(17))));
        assert_eq!(at(&facts, day(17)), Standing::Opposable(day(17)));
        assert_eq!(at(&facts, day(18)), Standing::Unopposed);
        facts.push(fact(8, Step::Opposed, "乙", Some(5), None));
        assert_eq!(at(&facts, day(18)), Standing::ToServeOpposition);
        facts.push(fact(9, Step::OppositionServed, "甲", Some(5), Some(day(20))));
        assert_eq!(at(&facts, day(20)), Standing::Suable(day(20)));
        assert_eq!(at(&facts, day(21)), Standing::NotSued);
        let granted = (1, Amount::from_minor(100));
        assert_eq!(split(&facts, granted, &parties, day(21)).unwrap().paid.minor(), 100);
        facts.push(fact(10, Step::Sued, "甲", Some(5), None));
        assert_eq!(at(&facts, day(21)), Standing::Sued);
        assert_eq!(split(&facts, granted, &parties, day(21)).unwrap().set_aside, [(5, Amount::from_minor(10))]);
        facts.push(Fact { rest: Some(Amount::from_minor(4)), ..fact(11, Step::Decided, "", Some(5), None) });
        let made = split(&facts, granted, &parties, day(21)).unwrap();
        assert_eq!((made.paid.minor(), made.stays.minor(), made.set_aside.len()), (96, 4, 0));
    }

    #[test]
    fn a_plan_waits_for_everybody() {
        let parties = ["甲".to_owned(), "乙".to_owned()];
        let day = |day| date(2026, 11, day);
        let mut facts = vec![fact(1, Step::Served, "甲", None, Some(day(10)))];
        let code = |facts: &[Fact], today| still_open(facts, &parties, today).map(|message| message.code);
        assert_eq!(code(&facts, day(20)), Some("plans.unserved"));
        facts.push(fact(2, Step::Served, "乙", None, Some(day(12))));
        assert_eq!(code(&facts, day(12)), Some("plans.objectable"));
        assert_eq!(code(&facts, day(13)), None);
    }

    proptest! {
        #[test]
        fn a_split_sums_to_what_is_granted(amounts in prop::collection::vec((1_i64..100, 0_u8..4), 0..6)) {
            let mut facts = Vec::new();
            for (id, (amount, course)) in (10..).step_by(10).zip(&amounts) {
                let amount = Amount::from_minor(*amount);
                facts.push(Fact { amount: Some(amount), ..fact(id, Step::Objected, "甲", None, None) });
                match course {
                    0 => facts.push(Fact { rest: Some(amount), amount: Some(Amount::ZERO), ..fact(id + 1, Step::Decided, "", Some(id), None) }),
                    1 => facts.push(fact(id + 1, Step::Sued, "甲", Some(id), None)),
                    2 => {
                        facts.push(fact(id + 1, Step::Opposed, "乙", Some(id), None));
                        facts.push(fact(id + 2, Step::OppositionServed, "甲", Some(id), Some(date(2026, 11, 2))));
                    }
                    _ => {}
                }
            }
            let granted = Amount::from_minor(1_000);
            let made = split(&facts, (1, granted), &["甲".to_owned(), "乙".to_owned()], date(2026, 11, 22)).unwrap();
            let aside: i64 = made.set_aside.iter().map(|(_, amount)| amount.minor()).sum();
            prop_assert_eq!(made.paid.minor() + aside + made.stays.minor(), granted.minor());
        }
    }
}
