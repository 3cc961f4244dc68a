//! What waits for somebody, and where the court's money lies: read for the desk.

use std::collections::{BTreeMap, BTreeSet};

use ankuan_ledger::engine::Tx;
use ankuan_ledger::{Amount, Error};
use jiff::civil::Date;

use super::payout_view::{RunLine, run_lines};
use crate::access::{Actor, Role, Standing};
use crate::chart::{self, AccountKind, BankAccount, Chart, Event};
use crate::deadlines::running::{Due, worklist};
use crate::deadlines::{Colour, DeadlineKind};
use crate::payouts::runs::Status;
use crate::receipts::{self, Receipt};
use crate::statements::balance::bank_side;
use crate::statements::days::{DayStep, closed_until, day_events};
use crate::{Message, Outcome, books, signoff};

/// Kinds of account whose balances the desk shows, in this order.
pub const SHOWN_KINDS: [AccountKind; 11] = [
    AccountKind::Bank,
    AccountKind::InTransitIn,
    AccountKind::Unattributed,
    AccountKind::CaseFunds,
    AccountKind::Payable,
    AccountKind::SetAside,
    AccountKind::Deposited,
    AccountKind::InTransitOut,
    AccountKind::Treasury,
    AccountKind::Security,
    AccountKind::Receivable,
];

/// Months that the charts show.
const MONTHS: usize = 12;

/// A day of a bank account that waits for its next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenDay {
    /// The account.
    pub account: BankAccount,
    /// The day.
    pub day: Date,
    /// The step that it waits for.
    pub next: DayStep,
}

/// A month of the court's money, by vouchers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Month {
    /// `2026-11`
    pub month: String,
    /// Money that came into the bank.
    pub received: Amount,
    /// Money that left it.
    pub paid: Amount,
    /// What the bank held when it ended.
    pub held: Amount,
}

/// The desk of somebody.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Runs whose next step is theirs.
    pub approve: Vec<RunLine>,
    /// Approved runs to commit, for whoever may move money.
    pub commit: Vec<RunLine>,
    /// Committed runs to release, likewise.
    pub release: Vec<RunLine>,
    /// Their own runs that are drafts.
    pub drafts: Vec<RunLine>,
    /// Receipts whose case is not known.
    pub unattributed: Vec<Receipt>,
    /// Bank lines that nothing explains, by account.
    pub exceptions: Vec<(BankAccount, i64)>,
    /// Days whose next step is theirs.
    pub days: Vec<OpenDay>,
    /// Payments that came back and have no new payment: how many, and what they come to.
    pub returned: (i64, Amount),
    /// Deadlines: overdue, due soon, running, paused.
    pub clocks: [(Colour, usize); 4],
    /// The most urgent ones.
    pub due: Vec<Due>,
    /// Titles of the deadlines' kinds stand in the court's rules.
    pub rules: crate::deadlines::Rules,
    /// Balances by kind.
    pub balances: Vec<(AccountKind, Amount)>,
    /// The last months, oldest first.
    pub months: Vec<Month>,
}

/// Deadlines that the desk names.
const DUE_NAMED: usize = 12;

/// Reads the desk of somebody.
///
/// # Errors
/// What the database says.
pub fn desk(tx: &mut Tx<'_>, viewer: &Actor, standings: &[Standing], today: Date) -> Outcome<Desk> {
    let court_id = viewer.court_id;
    let has = |roles: &[Role]| standings.iter().any(|standing| roles.contains(&standing.role));
    let moves_money = has(&[Role::Finance, Role::FundKeeper]);
    let open =
        run_lines(tx, viewer, standings, &[Status::Draft, Status::Submitted, Status::Approved, Status::Committed])?;
    let of = |status: Status, wanted: &dyn Fn(&RunLine) -> bool| -> Vec<RunLine> {
        open.iter().filter(|line| line.run.status == status && wanted(line)).cloned().collect()
    };
    let accounts = chart::bank_accounts(tx, court_id)?;
    let mut days = Vec::new();
    for account in accounts.iter().filter(|_| moves_money || has(&[Role::BureauHead])) {
        days.extend(open_days(tx, viewer, standings, account)?);
    }
    let unattributed = if has(&[Role::Handler, Role::Finance, Role::FundKeeper]) {
        let all = receipts::receipts(tx, books::case_money(court_id))?;
        let free: Vec<Receipt> = all.into_iter().filter(|receipt| receipt.owner_case_id().is_none()).collect();
        let undone =
            receipts::reversed_of(tx, books::case_money(court_id), free.iter().map(|receipt| receipt.receipt_id))?;
        free.into_iter().filter(|receipt| !undone.contains(&receipt.receipt_id)).collect()
    } else {
        Vec::new()
    };
    let mut exceptions = Vec::new();
    for account in &accounts {
        let count = open_lines(tx, court_id, account.bank_account_id)?;
        if count > 0 && moves_money {
            exceptions.push((account.clone(), count));
        }
    }
    let work = worklist(tx, court_id, today)?;
    let count = |colour| (colour, work.due.iter().filter(|due| due.standing.colour == colour).count());
    let clocks = [Colour::Overdue, Colour::DueSoon, Colour::Running, Colour::Paused].map(count);
    let back = || work.due.iter().filter(|due| due.deadline.kind == DeadlineKind::PaymentReturned);
    let returned = Amount::sum(back().filter_map(|due| due.deadline.amount))
        .ok_or_else(|| Error::Inconsistent("the sum of what came back leaves the range of amounts".into()))?;
    let returned = (back().count() as i64, returned);
    let balances = balances(tx, court_id)?;
    let bank = balances.iter().find(|(kind, _)| *kind == AccountKind::Bank).map_or(Amount::ZERO, |(_, sum)| *sum);
    let chart = chart::load(tx, court_id)?;
    Ok(Desk {
        approve: of(Status::Submitted, &|line| line.is_mine),
        commit: of(Status::Approved, &|_| moves_money),
        release: of(Status::Committed, &|_| moves_money),
        drafts: of(Status::Draft, &|line| line.run.maker_id == viewer.person_id),
        unattributed,
        exceptions,
        days,
        returned,
        clocks,
        due: work.due.into_iter().filter(|due| due.standing.colour != Colour::Paused).take(DUE_NAMED).collect(),
        rules: work.by.rules,
        balances,
        months: months(tx, court_id, &chart, bank, today)?,
    })
}

/// The last day of an account that statements cover, while it is not closed, and closed days that somebody wants open again:
/// those whose next step this person may take.
fn open_days(tx: &mut Tx<'_>, viewer: &Actor, standings: &[Standing], account: &BankAccount) -> Outcome<Vec<OpenDay>> {
    let events = day_events(tx, viewer.court_id, account.bank_account_id)?;
    let side = bank_side(tx, viewer.court_id, account.bank_account_id)?;
    let mut days: BTreeSet<Date> = signoff::wanted_open(&events).into_iter().collect();
    days.extend(side.last_day().filter(|day| closed_until(&events).is_none_or(|closed| *day > closed)));
    let waits = |day: Date| {
        let fetchers = side.fetchers(closed_until(&events), day);
        let next = signoff::next_step(&events, day);
        let open = signoff::open_steps(&events, &fetchers, day, viewer.person_id, standings);
        open.contains(&next).then(|| OpenDay { account: account.clone(), day, next })
    };
    Ok(days.into_iter().filter_map(waits).collect())
}

fn open_lines(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64) -> Outcome<i64> {
    Ok(tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT) FROM bank_line AS l LEFT JOIN line_match AS m ON m.court_id = l.court_id \
         AND m.book_id = l.book_id AND m.bank_line_id = l.bank_line_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_account_id = $3 AND m.bank_line_id IS NULL",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()],
        |row| row.int(0),
    )?)
}

fn balances(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<(AccountKind, Amount)>> {
    let rows = tx.query(
        "SELECT a.kind, CAST(SUM(b.posted_minor) AS BIGINT) FROM account AS a JOIN balance AS b \
         ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 GROUP BY a.kind ORDER BY a.kind",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )?;
    let of = |kind: AccountKind| rows.iter().find(|(word, _)| word == kind.as_str()).map_or(0, |(_, minor)| *minor);
    let always = [AccountKind::Bank, AccountKind::CaseFunds, AccountKind::Payable];
    Ok(SHOWN_KINDS
        .into_iter()
        .map(|kind| (kind, Amount::from_minor(of(kind))))
        .filter(|(kind, sum)| always.contains(kind) || *sum != Amount::ZERO)
        .collect())
}

/// Money in and out of the bank by month, read from the vouchers of events that touch the bank, and what was held at the
/// end of each, reckoned back from what is held now.
fn months(tx: &mut Tx<'_>, court_id: i64, chart: &Chart, held_now: Amount, today: Date) -> Outcome<Vec<Month>> {
    let rows = tx.query(
        "SELECT month, event, CAST(SUM(total_minor) AS BIGINT) FROM voucher WHERE court_id = $1 AND book_id = $2 \
         GROUP BY month, event ORDER BY month, event",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), Amount::from_minor(row.int(2)?))),
    )?;
    let overflow = || Error::Inconsistent("the sum of a month leaves the range of amounts".into());
    let mut sums: BTreeMap<String, (Amount, Amount)> = BTreeMap::new();
    for (month, event, sum) in rows {
        let Some(event) = Event::parse(&event) else { continue };
        let rule = chart.event(event);
        let place = sums.entry(month).or_default();
        if rule.debit == AccountKind::Bank {
            place.0 = place.0.plus(sum).ok_or_else(overflow)?;
        } else if rule.credit == AccountKind::Bank {
            place.1 = place.1.plus(sum).ok_or_else(overflow)?;
        }
    }
    by_month(&sums, held_now, (today.year(), today.month())).ok_or_else(|| overflow().into())
}

/// The last months up to one, oldest first, from the first that has money.
fn by_month(sums: &BTreeMap<String, (Amount, Amount)>, held_now: Amount, last: (i16, i8)) -> Option<Vec<Month>> {
    let mut months = Vec::new();
    let (mut held, (mut year, mut number)) = (held_now, last);
    for _ in 0..MONTHS {
        let month = format!("{year:04}-{number:02}");
        let (received, paid) = sums.get(&month).copied().unwrap_or_default();
        months.push(Month { month, received, paid, held });
        held = held.minus(received)?.plus(paid)?;
        (year, number) = if number == 1 { (year - 1, 12) } else { (year, number - 1) };
    }
    months.reverse();
    let is_empty = |month: &Month| (month.received, month.paid, month.held) == Default::default();
    let first = months.iter().position(|month| !is_empty(month)).unwrap_or(MONTHS - 1);
    // One bar alone shows nothing to compare with.
    Some(months.split_off(first.min(MONTHS - 6)))
}

impl Desk {
    /// Whether nothing waits.
    #[must_use]
    pub fn is_clear(&self) -> bool {
        self.approve.is_empty()
            && self.commit.is_empty()
            && self.release.is_empty()
            && self.drafts.is_empty()
            && self.unattributed.is_empty()
            && self.exceptions.is_empty()
            && self.days.is_empty()
            && self.returned.0 == 0
    }
}

/// What an account kind is called by the court's chart, for a page.
#[must_use]
pub fn kind_name(chart: &Chart, kind: AccountKind, language: crate::Language) -> String {
    chart.kind(kind).name(language).to_owned()
}

/// In words what waits for a day.
#[must_use]
pub const fn day_message(next: DayStep) -> Message {
    Message::new(match next {
        DayStep::Prepared => "web_desk.day_prepare",
        DayStep::Reviewed => "web_desk.day_review",
        DayStep::Closed => "web_desk.day_close",
        DayStep::ReopeningAsked => "web_desk.day_closed",
        DayStep::Reopened => "web_desk.day_reopen",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_tie_with_what_is_held() {
        let amount = Amount::from_minor;
        let sums = BTreeMap::from([
            ("2025-11".to_owned(), (amount(900), amount(0))),
            ("2026-01".to_owned(), (amount(100), amount(300))),
        ]);
        let months = by_month(&sums, amount(700), (2026, 2)).unwrap();
        let line = |place: usize| (months[place].month.as_str(), months[place].held.minor());
        assert_eq!(months.len(), 6);
        assert_eq!(
            [line(0), line(2), line(3), line(4), line(5)],
            [("2025-09", 0), ("2025-11", 900), ("2025-12", 900), ("2026-01", 700), ("2026-02", 700),]
        );
    }
}
