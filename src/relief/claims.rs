//! Relief insurance: a premium out of relief money, claims up to a cap, what the insurer owes and pays, and what goes on
//! to the people.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Amount, BookKey, ItemId, Line, Place, Tx};
use jiff::ToSpan;
use jiff::civil::Date;

use super::{Entry, Hangs, ReliefKind, Said, check_case, check_text, item_balances, must_have, post, two_people};
use crate::access::{Acting, Actor, Role};
use crate::books;
use crate::chart::{Chart, Event, Owner};
use crate::words::read_date;
use crate::{Message, Outcome};

/// The cap in per cent of the premium, where the policy does not say: the one policy on record has 160.
pub const CAP_PER_CENT: i64 = 160;

/// Days from the papers to the insurer's payment, likewise.
pub const DAYS_TO_PAY: i64 = 10;

/// The most people of one claim.
pub const PEOPLE_MAX: usize = 1_000;

/// `relief_policy`
pub static RELIEF_POLICY: Table = Table {
    name: "relief_policy",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("policy_id", Int),
        ("relief_id", Int),
        ("insurer", Text),
        ("premium_minor", Int),
        ("cap_minor", Int),
        ("cap_per_cent", Int),
        ("from_day", Text),
        ("until_day", Text),
        ("days_to_pay", Int),
        ("mark", Int),
    ],
    order: &["policy_id"],
};

/// `relief_claim`
pub static RELIEF_CLAIM: Table = Table {
    name: "relief_claim",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("claim_id", Int),
        ("policy_id", Int),
        ("papers_on", Text),
        ("due_on", Text),
        ("asked_minor", Int),
        ("granted_minor", Int),
        ("document", Text),
        ("voucher_id", Int),
        ("recorded_at", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("mark", Int),
    ],
    order: &["claim_id"],
};

/// `relief_claim_line`
pub static RELIEF_CLAIM_LINE: Table = Table {
    name: "relief_claim_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("claim_line_id", Int),
        ("claim_id", Int),
        ("name", Text),
        ("case_number", Text),
        ("asked_minor", Int),
        ("granted_minor", Int),
        ("mark", Int),
    ],
    order: &["claim_line_id"],
};

/// A policy and its meter: `granted + rest = cap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Row.
    pub policy_id: i64,
    /// Who insures.
    pub insurer: String,
    /// What was paid for it.
    pub premium: Amount,
    /// All that it ever pays.
    pub cap: Amount,
    /// First and last day.
    pub days: (Date, Date),
    /// From the papers to the payment.
    pub days_to_pay: i64,
    /// What was granted under it.
    pub granted: Amount,
    /// What is left below the cap; at nothing the cover ends.
    pub rest: Amount,
}

/// One person of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Row.
    pub claim_line_id: i64,
    /// Who.
    pub name: String,
    /// The person's case.
    pub case_number: String,
    /// What was asked for them.
    pub asked: Amount,
    /// What is granted.
    pub granted: Amount,
    /// What of it is still owed to them.
    pub open: Amount,
}

/// A claim on an insurer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Row.
    pub claim_id: i64,
    /// The policy.
    pub policy_id: i64,
    /// Day of the papers.
    pub papers_on: Date,
    /// Last day for the insurer.
    pub due_on: Date,
    /// What was asked.
    pub asked: Amount,
    /// What is granted.
    pub granted: Amount,
    /// What of it the insurer still owes.
    pub receivable: Amount,
    /// The people.
    pub people: Vec<Person>,
}

impl Claim {
    /// Days that the insurer is late on a day; none while it is not.
    #[must_use]
    pub fn days_late(&self, today: Date) -> Option<i32> {
        let late = today > self.due_on && self.receivable > Amount::ZERO;
        late.then(|| (today - self.due_on).get_days())
    }
}

/// The cap of a policy: whole fen of so many per cent of the premium.
///
/// # Errors
/// `relief.cap` (not from 1 to 10,000 per cent), `payouts.amounts_too_large`.
pub fn cap_of(premium: Amount, per_cent: i64) -> Result<Amount, Message> {
    if !(1..=10_000).contains(&per_cent) {
        return Err(Message::new("relief.cap").with("per_cent", per_cent));
    }
    let cap = i128::from(premium.minor()) * i128::from(per_cent) / 100;
    let minor = i64::try_from(cap).map_err(|_| Message::new("payouts.amounts_too_large"))?;
    Ok(Amount::from_minor(minor))
}

/// What is granted to each, in the order of the list, until the rest below the cap is used up.
#[must_use]
pub fn grant(rest: Amount, asked: &[Amount]) -> Vec<Amount> {
    let mut left = rest.minor().max(0);
    asked
        .iter()
        .map(|asked| {
            let granted = asked.minor().min(left);
            left -= granted;
            Amount::from_minor(granted)
        })
        .collect()
}

/// A policy to be paid for.
#[derive(Clone, Copy, Debug)]
pub struct NewPolicy<'a> {
    /// The fund that pays.
    pub fund_id: i64,
    /// Who insures.
    pub insurer: &'a str,
    /// What it costs.
    pub premium: Amount,
    /// The cap in per cent of it.
    pub cap_per_cent: i64,
    /// First and last day of the cover.
    pub days: (Date, Date),
    /// Days for the insurer to pay.
    pub days_to_pay: i64,
    /// The policy.
    pub document: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// Pays the premium of a relief insurance out of a relief fund.
///
/// # Errors
/// `relief.policy_days`, those of [`cap_of`] and of [`super::pay`].
pub fn premium(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, new: &NewPolicy<'_>) -> Outcome<Policy> {
    let said = Said { name: new.insurer, case_number: "", amount: new.premium, document: new.document };
    said.check()?;
    let cap = cap_of(new.premium, new.cap_per_cent)?;
    if new.days.0 > new.days.1 || !(1..=365).contains(&new.days_to_pay) {
        return Err(Message::new("relief.policy_days").into());
    }
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.premium")?;
    two_people(tx, acting, new.confirmed_by)?;
    must_have(tx, act.book(), new.fund_id, new.premium)?;
    let policy_id = act.take_ids(1);
    let relief_id = act.take_items(1);
    act.begin_voucher(tx, &chart.voucher(Event::ReliefPremium, acting.date, 1))?;
    let hangs = Hangs {
        fund_id: Some(new.fund_id),
        policy_id: Some(policy_id),
        confirmed_by: Some(new.confirmed_by.person_id),
        ..Hangs::default()
    };
    let kinds = (ReliefKind::Premium, Event::ReliefPremium);
    post(tx, &mut act, acting, chart, kinds, (new.fund_id, relief_id), &said, hangs)?;
    let (from, until) = (new.days.0.to_string(), new.days.1.to_string());
    act.insert(
        tx,
        &RELIEF_POLICY,
        policy_id,
        &[
            policy_id.into(),
            relief_id.into(),
            new.insurer.trim().into(),
            new.premium.minor().into(),
            cap.minor().into(),
            new.cap_per_cent.into(),
            from.as_str().into(),
            until.as_str().into(),
            new.days_to_pay.into(),
        ],
    )?;
    let book = act.book();
    act.close(tx)?;
    find_policy(tx, book, policy_id)
}

/// A claim to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewClaim<'a> {
    /// The policy.
    pub policy_id: i64,
    /// Day on which the insurer had the papers.
    pub papers_on: Date,
    /// Name, case (or empty), amount.
    pub people: &'a [(&'a str, &'a str, Amount)],
    /// The paper.
    pub document: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// Makes a claim on the insurer: receivable from it, payable to the people, as far as the cap goes. The clock runs from the
/// day of the papers.
///
/// # Errors
/// `relief.policy_unknown`, `relief.not_covered` (the papers' day is outside the cover), `relief.day_ahead`,
/// `relief.cap_reached`, `relief.people`, `relief.person_twice`, those of [`super::pay`].
pub fn claim(tx: &mut Tx<'_>, acting: &Acting, chart: &Chart, new: &NewClaim<'_>) -> Outcome<Claim> {
    check_text("document", new.document)?;
    if new.people.is_empty() || new.people.len() > PEOPLE_MAX {
        return Err(Message::new("relief.people").with("max", PEOPLE_MAX).into());
    }
    let mut numbers = Vec::new();
    for (place, (name, number, amount)) in new.people.iter().enumerate() {
        check_text("name", name)?;
        numbers.push(check_case(number)?);
        if *amount <= Amount::ZERO {
            return Err(Message::new("relief.amount").with("amount", amount).into());
        }
        if (0..place).any(|other| new.people[other].0.trim() == name.trim() && numbers[other] == numbers[place]) {
            return Err(Message::new("relief.person_twice").with("name", name).into());
        }
    }
    if new.papers_on > acting.date {
        return Err(Message::new("relief.day_ahead").with("on", new.papers_on).into());
    }
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.claim")?;
    two_people(tx, acting, new.confirmed_by)?;
    let book = act.book();
    let policy = find_policy(tx, book, new.policy_id)?;
    if new.papers_on < policy.days.0 || new.papers_on > policy.days.1 {
        return Err(Message::new("relief.not_covered")
            .with("on", new.papers_on)
            .with("from", policy.days.0)
            .with("until", policy.days.1)
            .into());
    }
    if policy.rest == Amount::ZERO {
        return Err(Message::new("relief.cap_reached").with("cap", policy.cap).into());
    }
    let asked: Vec<Amount> = new.people.iter().map(|person| person.2).collect();
    let granted = grant(policy.rest, &asked);
    let too_large = || Message::new("payouts.amounts_too_large");
    let asked_sum = Amount::sum(asked.iter().copied()).ok_or_else(too_large)?;
    let granted_sum = Amount::sum(granted.iter().copied()).ok_or_else(too_large)?;
    let due_on = new.papers_on.checked_add(policy.days_to_pay.days()).map_err(|_| too_large())?;

    let claim_id = act.take_items(1);
    let first_line = act.take_items(new.people.len() as i64);
    act.begin_voucher(tx, &chart.voucher(Event::ReliefClaimed, acting.date, 1))?;
    // Once: an account that this act opens is not found again before it is closed.
    let rule = chart.event(Event::ReliefClaimed);
    let receivable = chart.account_or_open(tx, &mut act, rule.debit, Owner::default())?;
    let payable = chart.account_or_open(tx, &mut act, rule.credit, Owner::default())?;
    for ((line_id, person), (number, granted)) in (first_line..).zip(new.people).zip(numbers.iter().zip(&granted)) {
        if *granted > Amount::ZERO {
            let debit = Place { account: receivable, item: ItemId(claim_id) };
            let credit = Place { account: payable, item: ItemId(line_id) };
            act.post(tx, &[Line { debit, credit, amount: *granted }])?;
        }
        act.insert(
            tx,
            &RELIEF_CLAIM_LINE,
            line_id,
            &[
                line_id.into(),
                claim_id.into(),
                person.0.trim().into(),
                number.as_str().into(),
                person.2.minor().into(),
                granted.minor().into(),
            ],
        )?;
    }
    let voucher_id = act.open_voucher_id()?;
    let (papers, due) = (new.papers_on.to_string(), due_on.to_string());
    act.insert(
        tx,
        &RELIEF_CLAIM,
        claim_id,
        &[
            claim_id.into(),
            new.policy_id.into(),
            papers.as_str().into(),
            due.as_str().into(),
            asked_sum.minor().into(),
            granted_sum.minor().into(),
            new.document.trim().into(),
            voucher_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
            new.confirmed_by.person_id.into(),
        ],
    )?;
    act.close(tx)?;
    find_claim(tx, book, claim_id)
}

/// The insurer pays for a claim. Needs [`Role::Finance`].
///
/// # Errors
/// `relief.claim_unknown`, `relief.insurer_above` (more than it owes), those of [`super::fund_in`].
pub fn insurer_paid(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    claim_id: i64,
    amount: Amount,
    document: &str,
) -> Outcome<Entry> {
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.insurer_paid")?;
    acting.require(tx, Role::Finance)?;
    let book = act.book();
    let claim = find_claim(tx, book, claim_id)?;
    let policy = find_policy(tx, book, claim.policy_id)?;
    let said = Said { name: &policy.insurer, case_number: "", amount, document };
    said.check()?;
    if amount > claim.receivable {
        return Err(Message::new("relief.insurer_above").with("amount", amount).with("left", claim.receivable).into());
    }
    let relief_id = act.take_items(1);
    act.begin_voucher(tx, &chart.voucher(Event::ReliefInsurerPaid, acting.date, 1))?;
    let hangs = Hangs { policy_id: Some(policy.policy_id), claim_id: Some(claim_id), ..Hangs::default() };
    let kinds = (ReliefKind::InsurerPaid, Event::ReliefInsurerPaid);
    let entry = post(tx, &mut act, acting, chart, kinds, (relief_id, claim_id), &said, hangs)?;
    act.close(tx)?;
    Ok(entry)
}

/// What the insurer paid for a claim goes on to all its people, in one voucher.
///
/// # Errors
/// `relief.claim_unknown`, `relief.not_received` (the insurer still owes), `relief.passed` (nothing is left to pass on),
/// those of [`super::pay`].
pub fn pass_through(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    claim_id: i64,
    document: &str,
    confirmed_by: &Actor,
) -> Outcome<Vec<Entry>> {
    let mut act = acting.open_act_or_book(tx, books::RELIEF, "relief.pass_through")?;
    two_people(tx, acting, confirmed_by)?;
    let claim = find_claim(tx, act.book(), claim_id)?;
    if claim.receivable > Amount::ZERO {
        return Err(Message::new("relief.not_received")
            .with("left", claim.receivable)
            .with("due_on", claim.due_on)
            .into());
    }
    let due: Vec<&Person> = claim.people.iter().filter(|person| person.open > Amount::ZERO).collect();
    if due.is_empty() {
        return Err(Message::new("relief.passed").with("claim", claim_id).into());
    }
    act.begin_voucher(tx, &chart.voucher(Event::ReliefPassedThrough, acting.date, due.len() as i64))?;
    let mut paid = Vec::with_capacity(due.len());
    for person in due {
        let said = Said { name: &person.name, case_number: &person.case_number, amount: person.open, document };
        said.check()?;
        let relief_id = act.take_items(1);
        let hangs = Hangs {
            policy_id: Some(claim.policy_id),
            claim_id: Some(claim_id),
            claim_line_id: Some(person.claim_line_id),
            confirmed_by: Some(confirmed_by.person_id),
            ..Hangs::default()
        };
        let kinds = (ReliefKind::PassThrough, Event::ReliefPassedThrough);
        let items = (person.claim_line_id, relief_id);
        paid.push(post(tx, &mut act, acting, chart, kinds, items, &said, hangs)?);
    }
    act.close(tx)?;
    Ok(paid)
}

/// Every policy with its meter, oldest first.
///
/// # Errors
/// What the database says.
pub fn policies(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Policy>> {
    Ok(tx.query(
        "SELECT p.policy_id, p.insurer, p.premium_minor, p.cap_minor, p.from_day, p.until_day, p.days_to_pay, \
         COALESCE(c.granted_minor, 0) FROM relief_policy AS p LEFT JOIN (SELECT policy_id, \
         CAST(SUM(granted_minor) AS BIGINT) AS granted_minor FROM relief_claim WHERE court_id = $1 AND book_id = $2 \
         GROUP BY policy_id) AS c ON c.policy_id = p.policy_id \
         WHERE p.court_id = $1 AND p.book_id = $2 ORDER BY p.policy_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            let (cap, granted) = (row.int(3)?, row.int(7)?);
            Ok(Policy {
                policy_id: row.int(0)?,
                insurer: row.text(1)?.to_owned(),
                premium: Amount::from_minor(row.int(2)?),
                cap: Amount::from_minor(cap),
                days: (read_date(row, 4)?, read_date(row, 5)?),
                days_to_pay: row.int(6)?,
                granted: Amount::from_minor(granted),
                rest: Amount::from_minor(cap - granted),
            })
        },
    )?)
}

fn find_policy(tx: &mut Tx<'_>, book: BookKey, policy_id: i64) -> Outcome<Policy> {
    let found = policies(tx, book)?.into_iter().find(|policy| policy.policy_id == policy_id);
    Ok(found.ok_or_else(|| Message::new("relief.policy_unknown").with("policy", policy_id))?)
}

/// Every claim with its people, oldest first; what is open comes from the ledger.
///
/// # Errors
/// What the database says.
pub fn claims(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Claim>> {
    let key = [book.court_id.into(), book.book_id.into()];
    let receivable = item_balances(tx, book, "relief_receivable")?;
    let payable = item_balances(tx, book, "relief_payable")?;
    let mut all = tx.query(
        "SELECT claim_id, policy_id, papers_on, due_on, asked_minor, granted_minor FROM relief_claim \
         WHERE court_id = $1 AND book_id = $2 ORDER BY claim_id",
        &key,
        |row| {
            let claim_id = row.int(0)?;
            Ok(Claim {
                claim_id,
                policy_id: row.int(1)?,
                papers_on: read_date(row, 2)?,
                due_on: read_date(row, 3)?,
                asked: Amount::from_minor(row.int(4)?),
                granted: Amount::from_minor(row.int(5)?),
                receivable: receivable.get(&claim_id).copied().unwrap_or(Amount::ZERO),
                people: Vec::new(),
            })
        },
    )?;
    tx.each(
        "SELECT claim_id, claim_line_id, name, case_number, asked_minor, granted_minor FROM relief_claim_line \
         WHERE court_id = $1 AND book_id = $2 ORDER BY claim_line_id",
        &key,
        |row| {
            if let Ok(place) = all.binary_search_by_key(&row.int(0)?, |claim| claim.claim_id) {
                let claim_line_id = row.int(1)?;
                all[place].people.push(Person {
                    claim_line_id,
                    name: row.text(2)?.to_owned(),
                    case_number: row.text(3)?.to_owned(),
                    asked: Amount::from_minor(row.int(4)?),
                    granted: Amount::from_minor(row.int(5)?),
                    open: payable.get(&claim_line_id).copied().unwrap_or(Amount::ZERO),
                });
            }
            Ok::<(), ankuan_ledger::Error>(())
        },
    )?;
    Ok(all)
}

fn find_claim(tx: &mut Tx<'_>, book: BookKey, claim_id: i64) -> Outcome<Claim> {
    let found = claims(tx, book)?.into_iter().find(|claim| claim.claim_id == claim_id);
    Ok(found.ok_or_else(|| Message::new("relief.claim_unknown").with("claim", claim_id))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_cap_on_record() {
        assert_eq!(cap_of(Amount::from_minor(22_000_000), CAP_PER_CENT), Ok(Amount::from_minor(35_200_000)));
        assert_eq!(cap_of(Amount::from_minor(1), 160), Ok(Amount::from_minor(1)), "whole fen, never more");
        assert_eq!(cap_of(Amount::from_minor(1), 0).unwrap_err().code, "relief.cap");
        assert_eq!(cap_of(Amount::from_minor(i64::MAX), 160).unwrap_err().code, "payouts.amounts_too_large");
    }

    proptest! {
        #[test]
        fn no_more_is_granted_than_is_left(rest in 0_i64..1_000, asked in prop::collection::vec(1_i64..300, 0..9)) {
            let asked: Vec<Amount> = asked.into_iter().map(Amount::from_minor).collect();
            let granted = grant(Amount::from_minor(rest), &asked);
            let (sum, wanted) = (Amount::sum(granted.clone()).unwrap(), Amount::sum(asked.clone()).unwrap());
            prop_assert_eq!(sum, wanted.min(Amount::from_minor(rest)));
            // Whoever gets less than was asked is the last to get anything.
            let short = granted.iter().zip(&asked).position(|(one, other)| one < other);
            prop_assert!(short.is_none_or(|place| granted[place + 1..].iter().all(|one| *one == Amount::ZERO)));
        }
    }
}
