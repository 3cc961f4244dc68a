//! Performance that is no bank line (rows 13, 14, 16, 23 and 32 of the field's mechanisms): outside the account, by set-off
//! between cases, by assignment, by waiver. Each is a fact of two people with its evidence, posted in the memorandum book
//! (Dr how / Cr claims due) and never on a bank account; undone only by a counter-entry with a reason.

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::Table;
use ankuan_ledger::{Act, Amount, ItemId, Tx, VoucherHead, VoucherKind};
use jiff::civil::Date;

use super::balance::{Reduction, Way, open_of};
use super::paid::{accounts_of_case, interest_rules};
use super::{NewObligation, Obligation, find, insert, less, lock, not_ahead, sum, text};
use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::calculators::interest::{Component, Kind, Statement};
use crate::cases;
use crate::chart::{AccountKind, Chart, Event, Owner};
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

/// `performance`
pub static PERFORMANCE: Table = Table {
    name: "performance",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("performance_id", Int),
        ("obligation_id", Int),
        ("case_id", Int),
        ("kind", Text),
        ("amount_minor", Int),
        ("interest_minor", Int),
        ("on_day", Text),
        ("evidence", Text),
        ("reason", Text),
        ("pair_id", Int),
        ("undoes_id", Int),
        ("first_entry_no", Int),
        ("last_entry_no", Int),
        ("proposed_by", Int),
        ("confirmed_by", Int),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["performance_id"],
};

/// Who may confirm what reduces an obligation.
pub const CONFIRMED_BY: &[Role] = &[Role::FundKeeper, Role::BureauHead, Role::VicePresident];

/// What a person says of a performance.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// How much; positive.
    pub amount: Amount,
    /// On which day: interest stops for it.
    pub on: Date,
    /// What proves it: receipt, minutes, agreement.
    pub evidence: &'a str,
    /// The second person.
    pub confirmed_by: &'a Actor,
}

/// A performance as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Performance {
    /// Row.
    pub performance_id: i64,
    /// What it reduced.
    pub obligation_id: i64,
    /// How.
    pub way: Way,
    /// How much.
    pub amount: Amount,
    /// Of it, interest that was registered with it.
    pub interest: Amount,
    /// When.
    pub on: Date,
    /// What proves it.
    pub evidence: String,
    /// The first performance of a set-off or assignment.
    pub pair_id: Option<i64>,
    /// The counter-entry that took it back.
    pub undone_by: Option<i64>,
    entries: (i64, i64),
}

impl Way {
    const fn event(self) -> Event {
        match self {
            Self::SetOff => Event::ClaimSetOff,
            Self::Assigned => Event::ClaimAssigned,
            Self::Waived => Event::ClaimWaived,
            // What is paid through the account is not posted here.
            Self::Account | Self::Outside => Event::ClaimPerformedOutside,
        }
    }
}

/// Two people: a handler says it, another confirms.
pub(super) fn two_people(tx: &mut Tx<'_>, acting: &Acting, confirmed_by: &Actor) -> Outcome<()> {
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, CONFIRMED_BY).map(drop)
}

/// What is open of an obligation now, on the accounting date.
///
/// # Errors
/// `obligations.unknown`, and those of [`accounts_of_case`].
pub fn open_now(tx: &mut Tx<'_>, court_id: i64, obligation_id: i64, until: Date) -> Outcome<(Obligation, Statement)> {
    let obligation = find(tx, court_id, obligation_id)?;
    let statement = with(tx, court_id, &obligation, None, until)?;
    Ok((obligation, statement))
}

fn with(
    tx: &mut Tx<'_>,
    court_id: i64,
    obligation: &Obligation,
    more: Option<Reduction>,
    until: Date,
) -> Outcome<Statement> {
    let all = accounts_of_case(tx, court_id, obligation.case_id)?;
    let mut account = all
        .accounts
        .into_iter()
        .find(|one| one.obligation.obligation_id == obligation.obligation_id)
        .ok_or_else(|| Message::new("obligations.unknown").with("obligation", obligation.obligation_id))?;
    account.reductions.extend(more);
    Ok(account.reckon(&interest_rules()?, until, all.bankruptcy)?)
}

/// Refuses a reduction by more than is open: it would only be surplus.
fn must_fit(tx: &mut Tx<'_>, acting: &Acting, obligation: &Obligation, way: Way, said: &Said<'_>) -> Outcome<()> {
    if said.amount <= Amount::ZERO {
        return Err(Message::new("obligations.amount").into());
    }
    not_ahead(acting, said.on)?;
    if said.on < obligation.document_on {
        return Err(Message::new("obligations.before_document")
            .with("day", said.on)
            .with("document_on", obligation.document_on)
            .into());
    }
    let court_id = acting.actor.court_id;
    let before = with(tx, court_id, obligation, None, acting.date)?;
    let one = Reduction {
        way,
        id: 0,
        stops_on: said.on,
        done_on: said.on,
        kind: Kind::Performance,
        amount: said.amount,
        evidence: String::new(),
    };
    let after = with(tx, court_id, obligation, Some(one), acting.date)?;
    if after.surplus > before.surplus {
        return Err(Message::new("obligations.exceeds_open")
            .with("obligation", obligation.obligation_id)
            .with("amount", said.amount)
            .with("open", before.open_total)
            .with("date", acting.date)
            .into());
    }
    Ok(())
}

/// Posts and records one reduction under the open voucher.
fn reduce(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    chart: &Chart,
    (obligation, way, pair_id): (&Obligation, Way, Option<i64>),
    said: &Said<'_>,
) -> Outcome<i64> {
    let court_id = acting.actor.court_id;
    let evidence = text("evidence", said.evidence)?;
    let performance_id = act.take_ids(1);
    let owner = Owner { bank_account_id: None, case_id: Some(obligation.case_id) };
    let item = ItemId(obligation.obligation_id);
    // Interest that has run stands nowhere yet: as much of it is registered as is met now.
    let due = chart.account(tx, court_id, AccountKind::ClaimsDue, owner)?;
    let stands = tx
        .query_opt(
            "SELECT posted_minor FROM item_balance WHERE court_id = $1 AND book_id = $2 AND account_id = $3 AND item_id = $4",
            &[court_id.into(), books::MEMORANDUM.into(), due.0.into(), item.0.into()],
            |row| row.int(0),
        )?
        .map_or(Amount::ZERO, Amount::from_minor);
    let interest = less(said.amount, said.amount.min(stands))?;
    let first = act.next_entry();
    if interest > Amount::ZERO {
        let line = chart.line_or_open(tx, act, Event::ClaimRegistered, owner, (item, item), interest)?;
        act.post(tx, &[line])?;
    }
    let line = chart.line_or_open(tx, act, way.event(), owner, (item, item), said.amount)?;
    let last = act.post(tx, &[line])?;
    let pair_id = match way {
        Way::SetOff | Way::Assigned => Some(pair_id.unwrap_or(performance_id)),
        _ => pair_id,
    };
    act.insert(
        tx,
        &PERFORMANCE,
        performance_id,
        &[
            performance_id.into(),
            obligation.obligation_id.into(),
            obligation.case_id.into(),
            way.as_str().into(),
            said.amount.minor().into(),
            interest.minor().into(),
            said.on.to_string().as_str().into(),
            evidence.into(),
            "".into(),
            pair_id.into(),
            None::<i64>.into(),
            first.0.into(),
            last.0.into(),
            acting.actor.person_id.into(),
            said.confirmed_by.person_id.into(),
            acting.at.as_microsecond().into(),
        ],
    )?;
    Ok(performance_id)
}

/// The debtor performed outside the account (执行外履行): the claim falls, the bank's balance does not. A [`Way::Waived`] is the
/// creditor's giving up. A handler proposes, another person confirms.
///
/// # Errors
/// `obligations.unknown`, `obligations.amount`, `obligations.text` (no evidence), `obligations.day_ahead`,
/// `obligations.before_document`, `obligations.exceeds_open`, and those of the two people.
pub fn perform(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    obligation_id: i64,
    way: Way,
    said: &Said<'_>,
) -> Outcome<Performance> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.perform")?;
    two_people(tx, acting, said.confirmed_by)?;
    let obligation = find(tx, court_id, obligation_id)?;
    must_fit(tx, acting, &obligation, way, said)?;
    act.begin_voucher(tx, &chart.voucher(way.event(), acting.date, 1))?;
    let id = reduce(tx, &mut act, acting, chart, (&obligation, way, None), said)?;
    act.close(tx)?;
    find_performance(tx, court_id, id)
}

/// Two obligations that are owed crosswise are reduced by the same amount in one transaction (抵销, Civil Code 568), whatever
/// cases they stand in. No bank line.
///
/// # Errors
/// `obligations.not_crosswise`: the creditor of one must be the debtor of the other, both ways. Else as [`perform`].
pub fn set_off(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    (one, other): (i64, i64),
    said: &Said<'_>,
) -> Outcome<[Performance; 2]> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.set_off")?;
    two_people(tx, acting, said.confirmed_by)?;
    let (one, other) = (find(tx, court_id, one)?, find(tx, court_id, other)?);
    if one.creditor != other.debtor || one.debtor != other.creditor {
        return Err(Message::new("obligations.not_crosswise")
            .with("one", one.obligation_id)
            .with("other", other.obligation_id)
            .into());
    }
    act.begin_voucher(tx, &chart.voucher(Event::ClaimSetOff, acting.date, 1))?;
    must_fit(tx, acting, &one, Way::SetOff, said)?;
    must_fit(tx, acting, &other, Way::SetOff, said)?;
    let first = reduce(tx, &mut act, acting, chart, (&one, Way::SetOff, None), said)?;
    let second = reduce(tx, &mut act, acting, chart, (&other, Way::SetOff, Some(first)), said)?;
    act.close(tx)?;
    Ok([find_performance(tx, court_id, first)?, find_performance(tx, court_id, second)?])
}

/// What an assignment did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// The reduction of the old obligation.
    pub performance: Performance,
    /// What the new creditor is owed.
    pub obligation: Obligation,
    /// The reduction of what the old creditor owed the new one, where the assignment settled that.
    pub settled: Option<Performance>,
}

/// The creditor of an obligation changes (三角债): the old one is reduced, a new one registered for the same amount and linked
/// to it; and what the old creditor owed the new one is reduced by the same amount where `settles` names it.
///
/// # Errors
/// `obligations.not_triangle` (what is settled is not owed by the old creditor to the new one), `obligations.one_party`,
/// `cases.party_unknown`. Else as [`perform`].
pub fn assign(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    obligation_id: i64,
    (new_creditor, payee_id): (&str, Option<i64>),
    settles: Option<i64>,
    said: &Said<'_>,
) -> Outcome<Assigned> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.assign")?;
    two_people(tx, acting, said.confirmed_by)?;
    let old = find(tx, court_id, obligation_id)?;
    if old.creditor == new_creditor.trim() {
        return Err(Message::new("obligations.one_party").with("name", &old.creditor).into());
    }
    let settled = settles.map(|id| find(tx, court_id, id)).transpose()?;
    if let Some(other) = &settled
        && (other.creditor != new_creditor.trim() || other.debtor != old.creditor)
    {
        return Err(Message::new("obligations.not_triangle")
            .with("other", other.obligation_id)
            .with("old", &old.creditor)
            .with("new", new_creditor.trim())
            .into());
    }
    act.begin_voucher(tx, &chart.voucher(Event::ClaimAssigned, acting.date, 1))?;
    must_fit(tx, acting, &old, Way::Assigned, said)?;
    let [costs, interest, principal] = parts_of(tx, court_id, &old, said)?;
    let first = reduce(tx, &mut act, acting, chart, (&old, Way::Assigned, None), said)?;
    let second = match &settled {
        None => None,
        Some(other) => {
            must_fit(tx, acting, other, Way::Assigned, said)?;
            Some(reduce(tx, &mut act, acting, chart, (other, Way::Assigned, Some(first)), said)?)
        }
    };
    let case = cases::case_by_id(tx, books::case_money(court_id), old.case_id)?;
    // Where only costs or interest were assigned they are the new creditor's principal, and bear nothing.
    let bears = principal > Amount::ZERO;
    let new = NewObligation {
        case: &case,
        creditor: new_creditor,
        debtor: &old.debtor,
        class: &old.class,
        order: old.order,
        principal: if bears { principal } else { said.amount },
        interest: if bears { interest } else { Amount::ZERO },
        costs: if bears { costs } else { Amount::ZERO },
        document: &old.document,
        document_on: old.document_on,
        // What has run until now stands in the sum that is assigned.
        due_on: old.due_on.filter(|_| bears).map(|due_on| due_on.max(said.on)),
        general: old
            .general
            .filter(|_| bears)
            .map(|general| crate::calculators::interest::GeneralRate { from: general.from.max(said.on), ..general }),
        payee_id,
    };
    let new_id = insert(tx, &mut act, acting, chart, &new, Some(first))?;
    act.close(tx)?;
    Ok(Assigned {
        performance: find_performance(tx, court_id, first)?,
        obligation: find(tx, court_id, new_id)?,
        settled: second.map(|id| find_performance(tx, court_id, id)).transpose()?,
    })
}

/// What of an obligation an amount would meet on a day: costs, interest of both kinds, principal.
fn parts_of(tx: &mut Tx<'_>, court_id: i64, obligation: &Obligation, said: &Said<'_>) -> Outcome<[Amount; 3]> {
    let statement = with(tx, court_id, obligation, None, said.on)?;
    let open = [Component::Costs, Component::GeneralInterest, Component::Principal, Component::DoubledInterest]
        .map(|component| open_of(&statement, component));
    let mut left = said.amount;
    let mut met = [Amount::ZERO; 4];
    for (part, open) in met.iter_mut().zip(open) {
        *part = open.min(left);
        left = less(left, *part)?;
    }
    // What was paid since that day may have met interest of it: the rest is principal by `must_fit`.
    Ok([met[0], sum([met[1], met[3]])?, sum([met[2], left])?])
}

/// Takes a performance back by a counter-entry: the debtor's paper was wrong, the set-off was set aside. Both sides of a
/// set-off or assignment go together, and with an assignment the new obligation. A handler proposes, another confirms.
///
/// # Errors
/// `obligations.performance_unknown`, `obligations.undone_already`, `obligations.assigned_on` (the new obligation was reduced
/// since: undo that first), `obligations.text` (no reason), and those of the two people.
pub fn undo(
    tx: &mut Tx<'_>,
    acting: &Acting,
    performance_id: i64,
    (evidence, reason): (&str, &str),
    confirmed_by: &Actor,
) -> Outcome<Vec<Performance>> {
    let court_id = acting.actor.court_id;
    lock(tx, acting)?;
    let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.undo")?;
    two_people(tx, acting, confirmed_by)?;
    let (evidence, reason) = (text("evidence", evidence)?, text("reason", reason)?);
    let one = find_performance(tx, court_id, performance_id)?;
    let together = match one.pair_id {
        None => vec![one],
        Some(pair_id) => performances_where(tx, court_id, Which::Pair(pair_id))?,
    };
    if let Some(done) = together.iter().find(|one| one.undone_by.is_some()) {
        return Err(Message::new("obligations.undone_already").with("performance", done.performance_id).into());
    }
    act.begin_voucher(
        tx,
        &VoucherHead {
            kind: VoucherKind::Transfer,
            accounting_date: acting.date,
            event: "performance_undone",
            summary: reason,
            attachments: 1,
        },
    )?;
    for done in &together {
        let first = act.next_entry();
        act.reverse_entries(tx, done.entries.0, done.entries.1)?;
        let last = act.next_entry().0 - 1;
        let obligation = find(tx, court_id, done.obligation_id)?;
        let id = act.take_ids(1);
        act.insert(
            tx,
            &PERFORMANCE,
            id,
            &[
                id.into(),
                done.obligation_id.into(),
                obligation.case_id.into(),
                "undone".into(),
                done.amount.minor().into(),
                done.interest.minor().into(),
                acting.date.to_string().as_str().into(),
                evidence.into(),
                reason.into(),
                done.pair_id.into(),
                done.performance_id.into(),
                first.0.into(),
                last.into(),
                acting.actor.person_id.into(),
                confirmed_by.person_id.into(),
                acting.at.as_microsecond().into(),
            ],
        )?;
    }
    act.close(tx)?;
    for done in together.iter().filter(|done| done.way == Way::Assigned) {
        withdraw_assigned(tx, acting, done, (evidence, reason), confirmed_by)?;
    }
    together.iter().map(|done| find_performance(tx, court_id, done.performance_id)).collect()
}

/// The obligation that an assignment made is waived whole: what it was made for has been taken back.
fn withdraw_assigned(
    tx: &mut Tx<'_>,
    acting: &Acting,
    undone: &Performance,
    (evidence, reason): (&str, &str),
    confirmed_by: &Actor,
) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let made = tx.query(
        "SELECT obligation_id FROM obligation WHERE court_id = $1 AND book_id = $2 AND case_id = \
         (SELECT case_id FROM performance WHERE court_id = $1 AND book_id = $2 AND performance_id = $3) \
         AND assigned_by = $3",
        &[court_id.into(), books::MEMORANDUM.into(), undone.performance_id.into()],
        |row| row.int(0),
    )?;
    for obligation_id in made {
        let (obligation, statement) = open_now(tx, court_id, obligation_id, acting.date)?;
        if !statement.met.is_empty() {
            return Err(Message::new("obligations.assigned_on").with("obligation", obligation_id).into());
        }
        let chart = crate::chart::load(tx, court_id)?;
        let mut act = acting.open_act_or_book(tx, books::MEMORANDUM, "obligation.undo")?;
        let evidence = format!("{evidence}；{reason}");
        let evidence: String = evidence.chars().take(super::TEXT_CHARS_MAX).collect();
        let said = Said { amount: statement.open_total, on: acting.date, evidence: &evidence, confirmed_by };
        act.begin_voucher(tx, &chart.voucher(Event::ClaimWaived, acting.date, 1))?;
        reduce(tx, &mut act, acting, &chart, (&obligation, Way::Waived, None), &said)?;
        act.close(tx)?;
    }
    Ok(())
}

enum Which {
    One(i64),
    Pair(i64),
    Obligation(i64),
}

/// The performances of an obligation, undone ones included, in the order they were recorded.
///
/// # Errors
/// What the database says.
pub fn performances_of(tx: &mut Tx<'_>, court_id: i64, obligation_id: i64) -> Outcome<Vec<Performance>> {
    performances_where(tx, court_id, Which::Obligation(obligation_id))
}

/// A performance.
///
/// # Errors
/// `obligations.performance_unknown`.
pub fn find_performance(tx: &mut Tx<'_>, court_id: i64, performance_id: i64) -> Outcome<Performance> {
    let found = performances_where(tx, court_id, Which::One(performance_id))?.pop();
    Ok(found.ok_or_else(|| Message::new("obligations.performance_unknown").with("performance", performance_id))?)
}

fn performances_where(tx: &mut Tx<'_>, court_id: i64, which: Which) -> Outcome<Vec<Performance>> {
    macro_rules! performances {
        ($rest:literal) => {
            concat!(
                "SELECT p.performance_id, p.obligation_id, p.kind, p.amount_minor, p.interest_minor, p.on_day, p.evidence, ",
                "p.pair_id, u.performance_id, p.first_entry_no, p.last_entry_no FROM performance AS p ",
                "LEFT JOIN performance AS u ON u.court_id = p.court_id AND u.book_id = p.book_id ",
                "AND u.undoes_id = p.performance_id WHERE p.court_id = $1 AND p.book_id = $2 AND p.kind <> 'undone' AND ",
                $rest,
                " = $3 ORDER BY p.performance_id"
            )
        };
    }
    let (query, id) = match which {
        Which::One(id) => (performances!("p.performance_id"), id),
        Which::Pair(id) => (performances!("p.pair_id"), id),
        Which::Obligation(id) => (performances!("p.obligation_id"), id),
    };
    Ok(tx.query(query, &[court_id.into(), books::MEMORANDUM.into(), id.into()], |row| {
        Ok(Performance {
            performance_id: row.int(0)?,
            obligation_id: row.int(1)?,
            way: read_word(row, 2, Way::parse)?,
            amount: Amount::from_minor(row.int(3)?),
            interest: Amount::from_minor(row.int(4)?),
            on: read_date(row, 5)?,
            evidence: row.text(6)?.to_owned(),
            pair_id: row.opt_int(7)?,
            undone_by: row.opt_int(8)?,
            entries: (row.int(9)?, row.int(10)?),
        })
    })?)
}
