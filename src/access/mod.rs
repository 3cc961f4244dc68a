//! People, roles, delegation, and duties that may not meet in one person.
//!
//! Who acts is an [`Actor`]. How one proves to be that person: [`credentials`], [`sessions`], [`api_keys`]; what one signs
//! with: [`signing`].

pub mod api_keys;
pub mod credentials;
pub mod duties;
pub mod elsewhere;
pub mod may;
pub mod sessions;
pub mod signing;
pub mod upper;

use std::collections::BTreeSet;

use ankuan_ledger as ledger;
use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Act, BookKey, Tx};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::books;
use crate::clock::Clock;
use crate::words::words;
use crate::words::{read_date, read_word};
use crate::{Failure, Message, Outcome};

words! {
    /// What a person may do.
    Role {
        /// 承办人: leads the case, prepares payouts.
        Handler = "handler",
        /// 案款管理员: keeps the case money, checks what handlers prepare.
        FundKeeper = "fund_keeper",
        /// 财务: records receipts, releases files, closes months.
        Finance = "finance",
        /// 出纳: takes and pays out cash, and keeps no books.
        Cashier = "cashier",
        /// 执行局长: approves.
        BureauHead = "bureau_head",
        /// 副院长: approves what is above the bureau head.
        VicePresident = "vice_president",
        /// 审计: reads and verifies, records nothing.
        Auditor = "auditor",
        /// 上级法院: reads, records nothing.
        UpperCourt = "upper_court",
        /// 管理员: people and roles.
        Admin = "admin",
    }
}

/// Who sees numbers of accounts and documents whole on the screen: whose work is to compare them. Everybody else sees the
/// last four digits.
pub const SEES_NUMBERS: &[Role] = &[Role::Handler, Role::FundKeeper, Role::Finance, Role::Cashier, Role::Auditor];

/// Duties that may not meet in one person, on any day, not even by delegation.
///
/// Accounting Law (2024) art. 25(1): booking, approving, handling and keeping are separate; art. 35: the cashier neither
/// audits nor keeps the books of income, expense, claims and debts. Whoever makes people and resets their passwords
/// touches no money, and whoever looks in from the upper court records nothing. That maker and checker of one payout
/// differ is held by the run itself.
pub const APART: &[(Role, Role)] = &[
    (Role::Handler, Role::Finance),
    (Role::FundKeeper, Role::Auditor),
    (Role::Finance, Role::Auditor),
    (Role::Handler, Role::Auditor),
    (Role::Admin, Role::Auditor),
    (Role::Cashier, Role::Auditor),
    (Role::Cashier, Role::Finance),
    (Role::Cashier, Role::Handler),
    (Role::Cashier, Role::BureauHead),
    (Role::Cashier, Role::VicePresident),
    (Role::Admin, Role::Handler),
    (Role::Admin, Role::FundKeeper),
    (Role::Admin, Role::Finance),
    (Role::Admin, Role::Cashier),
    (Role::Admin, Role::BureauHead),
    (Role::Admin, Role::VicePresident),
    (Role::UpperCourt, Role::Handler),
    (Role::UpperCourt, Role::FundKeeper),
    (Role::UpperCourt, Role::Finance),
    (Role::UpperCourt, Role::Cashier),
    (Role::UpperCourt, Role::BureauHead),
    (Role::UpperCourt, Role::VicePresident),
    (Role::UpperCourt, Role::Admin),
];

/// `person`
pub static PERSON: Table = Table {
    name: "person",
    columns: &[("court_id", Int), ("book_id", Int), ("person_id", Int), ("name", Text), ("mark", Int)],
    order: &["person_id"],
};

/// `role_event`
pub static ROLE_EVENT: Table = Table {
    name: "role_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("person_id", Int),
        ("role", Text),
        ("event", Text),
        ("effective_on", Text),
        ("document", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// `delegation`
pub static DELEGATION: Table = Table {
    name: "delegation",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("delegation_id", Int),
        ("from_person_id", Int),
        ("to_person_id", Int),
        ("role", Text),
        ("from_date", Text),
        ("until_date", Text),
        ("document", Text),
        ("mark", Int),
    ],
    order: &["delegation_id"],
};

impl Role {
    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::Handler => "access.role_handler",
            Self::FundKeeper => "access.role_fund_keeper",
            Self::Finance => "access.role_finance",
            Self::Cashier => "access.role_cashier",
            Self::BureauHead => "access.role_bureau_head",
            Self::VicePresident => "access.role_vice_president",
            Self::Auditor => "access.role_auditor",
            Self::UpperCourt => "access.role_upper_court",
            Self::Admin => "access.role_admin",
        })
    }
}

/// A person of a court who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Court.
    pub court_id: i64,
    /// Row of `person`.
    pub person_id: i64,
    /// Name, unique in the court.
    pub name: String,
}

/// Who acts, when it is recorded, and on which accounting date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// Who.
    pub actor: Actor,
    /// Recorded at; whole microseconds, UTC.
    pub at: Timestamp,
    /// Accounting date: decides month and voucher number. Never after [`Acting::today`], and says nothing of roles.
    pub date: Date,
}

impl Acting {
    /// The day in China on which it is recorded: decides which roles and delegations count, whatever the accounting
    /// date.
    #[must_use]
    pub fn today(&self) -> Date {
        Clock::fixed(self.at).today_in_shanghai()
    }

    /// That this person may act in a role today; as [`require`].
    ///
    /// # Errors
    /// `access.role_missing`.
    pub fn require(&self, tx: &mut Tx<'_>, role: Role) -> Outcome<Standing> {
        require(tx, &self.actor, self.today(), role)
    }

    /// The first of several roles that this person holds; the refusal names the last.
    ///
    /// # Errors
    /// `access.role_missing`.
    pub fn require_any(&self, tx: &mut Tx<'_>, roles: [Role; 2]) -> Outcome<Standing> {
        match self.require(tx, roles[0]) {
            Err(Failure::Refused(_)) => self.require(tx, roles[1]),
            decided => decided,
        }
    }

    /// Refuses an accounting date that has not come.
    ///
    /// # Errors
    /// `command.date_in_future`.
    pub fn must_not_be_ahead(&self) -> Result<(), Message> {
        refuse_future(self.date, self.today())
    }

    /// Begins an act of this person in a book of the court, and with it the wait for its head: what is asked of the
    /// person or the book after it is true until the transaction ends.
    ///
    /// # Errors
    /// `command.date_in_future`, else as [`Act::open`].
    pub fn open_act(&self, tx: &mut Tx<'_>, book_id: i64, name: &'static str) -> Outcome<Act> {
        self.must_not_be_ahead()?;
        let book = BookKey { court_id: self.actor.court_id, book_id };
        Ok(Act::open(tx, book, name, self.actor.person_id, self.at)?)
    }

    /// Begins an act in a book that is opened when it is first used. In one transaction, case money comes before it:
    /// heads are locked in the order of the books.
    ///
    /// # Errors
    /// As [`Acting::open_act`].
    pub fn open_act_or_book(&self, tx: &mut Tx<'_>, book_id: i64, name: &'static str) -> Outcome<Act> {
        self.must_not_be_ahead()?;
        let (court_id, person_id) = (self.actor.court_id, self.actor.person_id);
        let book = BookKey { court_id, book_id };
        if let Some(act) = Act::open_many(tx, &[book], name, person_id, self.at)?.pop() {
            return Ok(act);
        }
        // Of two that come at once, the second waits here and then finds the book.
        Act::open(tx, books::case_money(court_id), name, person_id, self.at)?;
        if let Some(act) = Act::open_many(tx, &[book], name, person_id, self.at)?.pop() {
            return Ok(act);
        }
        create_book(tx, book, books::name(book_id), person_id, self.at)?;
        Ok(Act::open(tx, book, name, person_id, self.at)?)
    }
}

/// Refuses an accounting date after today.
///
/// # Errors
/// `command.date_in_future`.
pub fn refuse_future(date: Date, today: Date) -> Result<(), Message> {
    if date <= today {
        return Ok(());
    }
    Err(Message::new("command.date_in_future").with("date", date).with("today", today))
}

/// A role as somebody holds it: of their own, or standing in for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    /// The role.
    pub role: Role,
    /// The person stood in for; none for a role of one's own.
    pub on_behalf_of: Option<i64>,
}

/// What is known of people's roles: enough to say who holds what on any day.
#[derive(Clone, Debug, Default)]
pub struct Roles {
    events: Vec<RoleEvent>,
    delegations: Vec<Delegation>,
}

#[derive(Clone, Debug)]
struct RoleEvent {
    person_id: i64,
    role: Role,
    granted: bool,
    effective_on: Date,
}

/// One person stands in for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// Row.
    pub delegation_id: i64,
    /// Whose role it is.
    pub from_person_id: i64,
    /// Who stands in.
    pub to_person_id: i64,
    /// The role.
    pub role: Role,
    /// First day.
    pub from_date: Date,
    /// Last day, included.
    pub until_date: Date,
    /// The paper that says so.
    pub document: String,
}

impl Roles {
    /// Who stands in for whom, oldest first.
    #[must_use]
    pub fn delegations(&self) -> &[Delegation] {
        &self.delegations
    }

    /// The first day of a role that a person holds on a day, and of one that will begin later.
    #[must_use]
    pub fn since(&self, person_id: i64, role: Role, day: Date) -> Option<Date> {
        let own = self.events.iter().filter(|event| event.person_id == person_id && event.role == role);
        if self.holds(person_id, role, day) {
            return own
                .filter(|event| event.granted && event.effective_on <= day)
                .map(|event| event.effective_on)
                .max();
        }
        own.filter(|event| event.granted && event.effective_on > day).map(|event| event.effective_on).min()
    }

    /// Whether a person holds a role of their own on a day: the newest event up to that day counts, and of two with
    /// one date the one recorded later.
    #[must_use]
    pub fn holds(&self, person_id: i64, role: Role, date: Date) -> bool {
        let of_person = self.events.iter().filter(|event| event.person_id == person_id && event.role == role);
        // `max_by_key` returns the last of equal ones.
        of_person
            .filter(|event| event.effective_on <= date)
            .max_by_key(|event| event.effective_on)
            .is_some_and(|event| event.granted)
    }

    /// All standings of a person on a day. A delegation counts only while the other holds the role.
    #[must_use]
    pub fn of(&self, person_id: i64, date: Date) -> BTreeSet<Standing> {
        let own = Role::ALL.iter().filter(|role| self.holds(person_id, **role, date));
        let own = own.map(|role| Standing { role: *role, on_behalf_of: None });
        let lent = self.delegations.iter().filter(|delegation| {
            delegation.to_person_id == person_id
                && (delegation.from_date..=delegation.until_date).contains(&date)
                && self.holds(delegation.from_person_id, delegation.role, date)
        });
        own.chain(lent.map(|lent| Standing { role: lent.role, on_behalf_of: Some(lent.from_person_id) })).collect()
    }

    /// Two duties of [`APART`] that would meet in a person from a day on, and the first day they do.
    fn meeting(&self, person_id: i64, from: Date) -> Option<(Role, Role, Date)> {
        let mut days: BTreeSet<Date> = self.events.iter().map(|event| event.effective_on).collect();
        days.extend(self.delegations.iter().map(|delegation| delegation.from_date));
        days.insert(from);
        days.range(from..).find_map(|day| {
            let roles: BTreeSet<Role> = self.of(person_id, *day).iter().map(|standing| standing.role).collect();
            let met = APART.iter().find(|(one, other)| roles.contains(one) && roles.contains(other));
            met.map(|(one, other)| (*one, *other, *day))
        })
    }
}

/// The person with this name.
///
/// # Errors
/// `access.person_unknown`.
pub fn find_actor(tx: &mut Tx<'_>, court_id: i64, name: &str) -> Outcome<Actor> {
    let found = tx.query_opt(
        "SELECT person_id FROM person WHERE court_id = $1 AND book_id = $2 AND name = $3",
        &[court_id.into(), books::REGISTER.into(), name.trim().into()],
        |row| row.int(0),
    )?;
    match found {
        Some(person_id) => Ok(Actor { court_id, person_id, name: name.trim().to_owned() }),
        None => Err(Message::new("access.person_unknown").with("name", name).into()),
    }
}

/// All people of a court, oldest first.
///
/// # Errors
/// What the database says.
pub fn people(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<Actor>> {
    Ok(tx.query(
        "SELECT person_id, name FROM person WHERE court_id = $1 AND book_id = $2 ORDER BY person_id",
        &[court_id.into(), books::REGISTER.into()],
        |row| Ok(Actor { court_id, person_id: row.int(0)?, name: row.text(1)?.to_owned() }),
    )?)
}

/// The roles and delegations of all people of a court.
///
/// # Errors
/// What the database says.
pub fn load_roles(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Roles> {
    let key = [court_id.into(), books::REGISTER.into()];
    let events = tx.query(
        "SELECT person_id, role, event, effective_on FROM role_event WHERE court_id = $1 AND book_id = $2 ORDER BY id",
        &key,
        |row| {
            Ok(RoleEvent {
                person_id: row.int(0)?,
                role: read_word(row, 1, Role::parse)?,
                granted: row.text(2)? == "granted",
                effective_on: read_date(row, 3)?,
            })
        },
    )?;
    let delegations = tx.query(
        "SELECT delegation_id, from_person_id, to_person_id, role, from_date, until_date, document FROM delegation \
         WHERE court_id = $1 AND book_id = $2 ORDER BY delegation_id",
        &key,
        |row| {
            Ok(Delegation {
                delegation_id: row.int(0)?,
                from_person_id: row.int(1)?,
                to_person_id: row.int(2)?,
                role: read_word(row, 3, Role::parse)?,
                from_date: read_date(row, 4)?,
                until_date: read_date(row, 5)?,
                document: row.text(6)?.to_owned(),
            })
        },
    )?;
    Ok(Roles { events, delegations })
}

/// What a person may do on a day.
///
/// # Errors
/// What the database says.
pub fn roles_of(tx: &mut Tx<'_>, actor: &Actor, date: Date) -> Outcome<BTreeSet<Standing>> {
    Ok(load_roles(tx, actor.court_id)?.of(actor.person_id, date))
}

/// That a person may act in a role on a day; a role of one's own comes before one lent by another.
///
/// # Errors
/// `access.role_missing`.
pub fn require(tx: &mut Tx<'_>, actor: &Actor, date: Date, role: Role) -> Outcome<Standing> {
    // `None` sorts before `Some`, so a person's own role comes first.
    roles_of(tx, actor, date)?.into_iter().find(|standing| standing.role == role).ok_or_else(|| {
        Message::new("access.role_missing")
            .with("name", &actor.name)
            .with_term("role", &role.message())
            .with("date", date)
            .into()
    })
}

/// That a second person confirms what this one proposes: somebody else, in one of these roles, and neither of the two
/// stands in for the other, nor both for the same, as of [`Acting::today`]. `proposer` is the standing in which the first acts.
///
/// # Errors
/// `access.second_person_same`, `access.second_person_role`.
pub fn require_second(
    tx: &mut Tx<'_>,
    acting: &Acting,
    proposer: Standing,
    confirmed_by: &Actor,
    roles: &[Role],
) -> Outcome<Standing> {
    let first = acting.actor.person_id;
    if confirmed_by.person_id == first || proposer.on_behalf_of == Some(confirmed_by.person_id) {
        return Err(Message::new("access.second_person_same").with("name", &confirmed_by.name).into());
    }
    let standings = roles_of(tx, confirmed_by, acting.today())?;
    let in_role = standings.into_iter().filter(|standing| roles.contains(&standing.role));
    let apart = in_role
        .filter(|held| held.on_behalf_of.is_none_or(|lender| lender != first && proposer.on_behalf_of != Some(lender)));
    apart.min_by_key(|standing| standing.on_behalf_of).ok_or_else(|| {
        let wanted: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        Message::new("access.second_person_role")
            .with("name", &confirmed_by.name)
            .with("roles", wanted.join(", "))
            .with("date", acting.today())
            .into()
    })
}

/// Adds a person. Needs [`Role::Admin`].
///
/// # Errors
/// `access.name_empty`, `access.person_exists`, `access.role_missing`.
pub fn add_person(tx: &mut Tx<'_>, acting: &Acting, name: &str) -> Outcome<Actor> {
    let mut act = acting.open_act(tx, books::REGISTER, "person.add")?;
    acting.require(tx, Role::Admin)?;
    if people(tx, acting.actor.court_id)?.iter().any(|person| person.name == name.trim()) {
        return Err(Message::new("access.person_exists").with("name", name.trim()).into());
    }
    let person_id = insert_person(tx, &mut act, name)?;
    act.close(tx)?;
    Ok(Actor { court_id: acting.actor.court_id, person_id, name: name.trim().to_owned() })
}

pub(crate) fn insert_person(tx: &mut Tx<'_>, act: &mut Act, name: &str) -> Outcome<i64> {
    if name.trim().is_empty() {
        return Err(Message::new("access.name_empty").into());
    }
    let person_id = act.take_ids(1);
    act.insert(tx, &PERSON, person_id, &[person_id.into(), name.trim().into()])?;
    Ok(person_id)
}

pub(crate) fn insert_role_event(
    tx: &mut Tx<'_>,
    act: &mut Act,
    person_id: i64,
    role: Role,
    event: &'static str,
    effective_on: Date,
    document: &str,
) -> ledger::engine::Result<()> {
    let id = act.take_ids(1);
    let on = effective_on.to_string();
    act.insert(
        tx,
        &ROLE_EVENT,
        id,
        &[id.into(), person_id.into(), role.as_str().into(), event.into(), on.as_str().into(), document.into()],
    )
}

/// Gives a person a role from a day on. Needs [`Role::Admin`].
///
/// # Errors
/// `access.role_held`, `access.duties_apart` (two duties would meet, see [`APART`]), `access.role_missing`.
pub fn grant(tx: &mut Tx<'_>, acting: &Acting, person: &Actor, role: Role, from: Date, document: &str) -> Outcome<()> {
    let mut act = acting.open_act(tx, books::REGISTER, "person.grant")?;
    acting.require(tx, Role::Admin)?;
    let mut roles = load_roles(tx, person.court_id)?;
    if roles.holds(person.person_id, role, from) {
        return Err(said_of(Message::new("access.role_held"), person, role, from).into());
    }
    roles.events.push(RoleEvent { person_id: person.person_id, role, granted: true, effective_on: from });
    refuse_meeting(&roles, person, from)?;
    // Whoever stands in for this person gets the role as well.
    for delegation in roles.delegations.iter().filter(|lent| lent.from_person_id == person.person_id) {
        let stand_in = person_by_id(tx, person.court_id, delegation.to_person_id)?;
        refuse_meeting(&roles, &stand_in, from)?;
    }
    insert_role_event(tx, &mut act, person.person_id, role, "granted", from, document)?;
    act.close(tx)?;
    duties::write(tx, person.court_id, acting.today())?;
    Ok(())
}

/// Takes a role from a person from a day on. Needs [`Role::Admin`].
///
/// # Errors
/// `access.role_not_held`, `access.last_admin`, `access.role_missing`.
pub fn revoke(tx: &mut Tx<'_>, acting: &Acting, person: &Actor, role: Role, from: Date, document: &str) -> Outcome<()> {
    let mut act = acting.open_act(tx, books::REGISTER, "person.revoke")?;
    acting.require(tx, Role::Admin)?;
    let mut roles = load_roles(tx, person.court_id)?;
    if !roles.holds(person.person_id, role, from) {
        return Err(said_of(Message::new("access.role_not_held"), person, role, from).into());
    }
    roles.events.push(RoleEvent { person_id: person.person_id, role, granted: false, effective_on: from });
    let has_admin = people(tx, person.court_id)?
        .iter()
        .any(|other| roles.holds(other.person_id, Role::Admin, from.max(acting.today())));
    if !has_admin {
        return Err(Message::new("access.last_admin").with("name", &person.name).into());
    }
    insert_role_event(tx, &mut act, person.person_id, role, "revoked", from, document)?;
    act.close(tx)?;
    duties::write(tx, person.court_id, acting.today())?;
    Ok(())
}

/// Lets one person stand in for another in a role, both days included. Needs [`Role::Admin`].
///
/// # Errors
/// `access.delegation_self`, `access.delegation_dates`, `access.role_not_held` (the other does not hold the role on
/// the first day), `access.duties_apart`, `access.document_missing`, `access.role_missing`.
#[allow(clippy::too_many_arguments)]
pub fn delegate(
    tx: &mut Tx<'_>,
    acting: &Acting,
    from: &Actor,
    to: &Actor,
    role: Role,
    from_date: Date,
    until_date: Date,
    document: &str,
) -> Outcome<Delegation> {
    if from.person_id == to.person_id {
        return Err(Message::new("access.delegation_self").with("name", &from.name).into());
    }
    if until_date < from_date {
        return Err(Message::new("access.delegation_dates").with("from", from_date).with("until", until_date).into());
    }
    if document.trim().is_empty() {
        return Err(Message::new("access.document_missing").into());
    }
    let mut act = acting.open_act(tx, books::REGISTER, "person.delegate")?;
    acting.require(tx, Role::Admin)?;
    let mut roles = load_roles(tx, from.court_id)?;
    if !roles.holds(from.person_id, role, from_date) {
        return Err(said_of(Message::new("access.role_not_held"), from, role, from_date).into());
    }
    let delegation = Delegation {
        delegation_id: act.take_ids(1),
        from_person_id: from.person_id,
        to_person_id: to.person_id,
        role,
        from_date,
        until_date,
        document: document.trim().to_owned(),
    };
    roles.delegations.push(delegation.clone());
    refuse_meeting(&roles, to, from_date)?;
    act.insert(
        tx,
        &DELEGATION,
        delegation.delegation_id,
        &[
            delegation.delegation_id.into(),
            from.person_id.into(),
            to.person_id.into(),
            role.as_str().into(),
            from_date.to_string().as_str().into(),
            until_date.to_string().as_str().into(),
            delegation.document.as_str().into(),
        ],
    )?;
    act.close(tx)?;
    duties::write(tx, from.court_id, acting.today())?;
    Ok(delegation)
}

/// The person with this id.
///
/// # Errors
/// [`ledger::Error::Inconsistent`] when there is none.
pub fn person_by_id(tx: &mut Tx<'_>, court_id: i64, person_id: i64) -> Outcome<Actor> {
    let name = tx.query_one(
        "SELECT name FROM person WHERE court_id = $1 AND book_id = $2 AND person_id = $3",
        &[court_id.into(), books::REGISTER.into(), person_id.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    Ok(Actor { court_id, person_id, name })
}

fn refuse_meeting(roles: &Roles, person: &Actor, from: Date) -> Result<(), Message> {
    match roles.meeting(person.person_id, from) {
        Some((one, other, day)) => Err(Message::new("access.duties_apart")
            .with("name", &person.name)
            .with_term("role", &one.message())
            .with_term("other", &other.message())
            .with("date", day)),
        None => Ok(()),
    }
}

fn said_of(message: Message, person: &Actor, role: Role, date: Date) -> Message {
    message.with("name", &person.name).with_term("role", &role.message()).with("date", date)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn event(person_id: i64, role: Role, granted: bool, effective_on: Date) -> RoleEvent {
        RoleEvent { person_id, role, granted, effective_on }
    }

    fn lent(from_person_id: i64, to_person_id: i64, role: Role, from_date: Date, until_date: Date) -> Delegation {
        Delegation { delegation_id: 9, from_person_id, to_person_id, role, from_date, until_date, document: "1".into() }
    }

    #[test]
    fn a_role_holds_from_its_day_until_the_day_it_is_taken() {
        let roles = Roles {
            events: vec![
                event(1, Role::Finance, false, date(2026, 5, 1)),
                event(1, Role::Finance, true, date(2026, 3, 1)),
            ],
            delegations: Vec::new(),
        };
        for (day, held) in
            [(date(2026, 2, 28), false), (date(2026, 3, 1), true), (date(2026, 4, 30), true), (date(2026, 5, 1), false)]
        {
            assert_eq!(roles.holds(1, Role::Finance, day), held, "{day}");
        }
    }

    #[test]
    fn of_two_events_of_one_day_the_later_recorded_counts() {
        let day = date(2026, 3, 1);
        let roles = Roles {
            events: vec![event(1, Role::Finance, true, day), event(1, Role::Finance, false, day)],
            delegations: Vec::new(),
        };
        assert!(!roles.holds(1, Role::Finance, day));
    }

    #[test]
    fn a_delegation_lends_only_what_the_other_holds_and_only_on_its_days() {
        let roles = Roles {
            events: vec![
                event(1, Role::BureauHead, true, date(2026, 1, 1)),
                event(1, Role::BureauHead, false, date(2026, 3, 5)),
            ],
            delegations: vec![lent(1, 2, Role::BureauHead, date(2026, 3, 1), date(2026, 3, 31))],
        };
        let standing = Standing { role: Role::BureauHead, on_behalf_of: Some(1) };
        assert!(roles.of(2, date(2026, 2, 28)).is_empty());
        assert!(roles.of(2, date(2026, 3, 1)).contains(&standing));
        assert!(roles.of(2, date(2026, 3, 5)).is_empty());
    }

    #[test]
    fn duties_meet_on_a_later_day_too() {
        let roles = Roles {
            events: vec![
                event(1, Role::Finance, true, date(2026, 1, 1)),
                event(2, Role::Auditor, true, date(2026, 1, 1)),
            ],
            delegations: vec![lent(2, 1, Role::Auditor, date(2026, 7, 1), date(2026, 7, 9))],
        };
        assert_eq!(roles.meeting(1, date(2026, 1, 1)), Some((Role::Finance, Role::Auditor, date(2026, 7, 1))));
        assert_eq!(roles.meeting(1, date(2026, 7, 10)), None);
        assert_eq!(roles.meeting(2, date(2026, 1, 1)), None);
    }

    proptest! {
        /// Replaying events by date with a set gives the same as the rule.
        #[test]
        fn holding_is_the_replay_of_events(
            events in prop::collection::vec((0..Role::ALL.len(), any::<bool>(), 1_i8..28), 0..20),
            day in 1_i8..28,
        ) {
            let events: Vec<RoleEvent> = events
                .into_iter()
                .map(|(role, granted, on)| event(1, Role::ALL[role], granted, date(2026, 2, on)))
                .collect();
            let mut replayed = BTreeSet::new();
            for on in 1..=day {
                for event in events.iter().filter(|event| event.effective_on == date(2026, 2, on)) {
                    if event.granted { replayed.insert(event.role); } else { replayed.remove(&event.role); }
                }
            }
            let roles = Roles { events, delegations: Vec::new() };
            let held: BTreeSet<Role> = roles.of(1, date(2026, 2, day)).into_iter().map(|standing| standing.role).collect();
            prop_assert_eq!(held, replayed);
        }
    }
}
