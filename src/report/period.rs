//! What happened to the money of a period: read once through the ledger, for the monthly return and the court's measures.

use std::collections::HashMap;

use ankuan_ledger::engine::{Error, Tx};
use ankuan_ledger::{Amount, BookKey, Side};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::Message;
use crate::chart::AccountKind;
use crate::clock::day_in_shanghai;
use crate::failure::Outcome;
use crate::words::{read_date, read_word};

/// The kinds in which money of others lies at the court, in the order of the return. What is on its way in or out is shown
/// beside them: together they are what the bank deposit owes.
pub const HELD_KINDS: [AccountKind; 9] = [
    AccountKind::Unattributed,
    AccountKind::CaseFunds,
    AccountKind::Payable,
    AccountKind::SetAside,
    AccountKind::Deposited,
    AccountKind::Treasury,
    AccountKind::Security,
    AccountKind::AuctionPrice,
    AccountKind::Escrow,
];

/// 期初, 本期收, 本期付, 期末 of one kind of account. Closing is opening plus in less out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Balance before the first day.
    pub opening: Amount,
    /// Posted to its normal side.
    pub incoming: Amount,
    /// Posted to the other side.
    pub outgoing: Amount,
    /// Balance at the end of the last day.
    pub closing: Amount,
}

/// Money that lies at the court at the end of the period: one item of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpaid {
    /// Where.
    pub kind: AccountKind,
    /// Whose; none while unattributed.
    pub case_id: Option<i64>,
    /// Receipt, deduction, payment line.
    pub item_id: i64,
    /// How much.
    pub amount: Amount,
    /// Day of arrival; of what was distributed, the day of that.
    pub since: Date,
}

/// The way of a payment that the bank debited in the period, for the part that one receipt paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The case.
    pub case_id: i64,
    /// That part.
    pub amount: Amount,
    /// The money arrived.
    pub arrived_on: Date,
    /// It found its case: the same day where it was known.
    pub attributed_on: Date,
    /// The run's last approval.
    pub approved_on: Date,
    /// The bank debited it.
    pub debited_on: Date,
}

/// A period, read once.
#[derive(Clone, Debug)]
pub struct PeriodOfMoney {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// By kind, all kinds of the book.
    pub flows: HashMap<AccountKind, Flow>,
    /// What lies at the court at its end.
    pub unpaid: Vec<Unpaid>,
    /// What was paid in it.
    pub ways: Vec<Way>,
    /// What was collected for cases in it: received and known, attributed, deducted and arrived, come out of security, price or
    /// escrow, or from another case; what was taken back is off.
    pub collected: HashMap<i64, Amount>,
}

/// A payment that the bank debited in the period.
struct Debited {
    run_id: i64,
    case_id: i64,
    amount: Amount,
    on: Date,
}

/// When the money of an item arrived and found its case.
#[derive(Clone, Copy)]
struct Arrival {
    arrived_on: Date,
    attributed_on: Date,
}

struct Place {
    kind: AccountKind,
    side: Side,
    case_id: Option<i64>,
}

/// Reads the ledger once, up to the last day of the period. Memory grows with accounts, vouchers and what is open, not with
/// the entries.
///
/// # Errors
/// `report.dates`; [`Error::Inconsistent`] when a sum leaves the range.
pub fn period_of_money(tx: &mut Tx<'_>, book: BookKey, from: Date, until: Date) -> Outcome<PeriodOfMoney> {
    if until < from {
        return Err(Message::new("report.dates").with("from", from).with("until", until).into());
    }
    tx.expect_whole_tables()?;
    let key = [book.court_id.into(), book.book_id.into()];
    let places: HashMap<i64, Place> = tx
        .query(
            "SELECT account_id, kind, normal_side, case_id FROM account WHERE court_id = $1 AND book_id = $2",
            &key,
            |row| {
                let kind = read_word(row, 1, AccountKind::parse)?;
                let place = Place { kind, side: read_word(row, 2, Side::parse)?, case_id: row.opt_int(3)? };
                Ok((row.int(0)?, place))
            },
        )?
        .into_iter()
        .collect();
    let dates: HashMap<i64, Date> = tx
        .query("SELECT voucher_id, accounting_date FROM voucher WHERE court_id = $1 AND book_id = $2", &key, |row| {
            Ok((row.int(0)?, read_date(row, 1)?))
        })?
        .into_iter()
        .collect();
    let deducted_for: HashMap<i64, i64> = tx
        .query("SELECT deduction_id, case_id FROM deduction WHERE court_id = $1 AND book_id = $2", &key, |row| {
            Ok((row.int(0)?, row.int(1)?))
        })?
        .into_iter()
        .collect();
    let arrivals = arrivals(tx, book)?;
    let debited = debited(tx, book, from, until)?;
    let mut read = Reading {
        from,
        places,
        flows: HashMap::new(),
        open: HashMap::new(),
        collected: HashMap::new(),
        deducted_for,
        sources: debited.keys().map(|line_id| (*line_id, Vec::new())).collect(),
    };
    tx.each(
        "SELECT voucher_id, debit_account_id, debit_item_id, credit_account_id, credit_item_id, amount_minor, \
         reverses_entry_no FROM entry_line WHERE court_id = $1 AND book_id = $2",
        &key,
        |row| {
            let Some(on) = dates.get(&row.int(0)?).copied().filter(|on| *on <= until) else { return Ok(()) };
            let debit = (row.int(1)?, row.int(2)?);
            let credit = (row.int(3)?, row.int(4)?);
            let amount = row.int(5)?;
            let is_reversal = row.opt_int(6)?.is_some();
            read.take(on, debit, credit, amount, is_reversal).ok_or_else(|| {
                Error::Inconsistent("an entry of an unknown account, or a sum past the range of amounts".into())
            })
        },
    )?;
    let ways = ways(tx, book, &read.sources, debited, &arrivals)?;
    Ok(read.end(until, ways, &arrivals))
}

/// What is gathered while entries are read.
struct Reading {
    from: Date,
    places: HashMap<i64, Place>,
    flows: HashMap<AccountKind, Flow>,
    /// Balance and first day of each item of an account of [`HELD_KINDS`]; gone when it is back to zero.
    open: HashMap<(i64, i64), (i64, Date)>,
    collected: HashMap<i64, Amount>,
    /// The case of each deduction.
    deducted_for: HashMap<i64, i64>,
    /// Receipts that paid a line, and how much.
    sources: HashMap<i64, Vec<(i64, Amount)>>,
}

impl Reading {
    fn take(&mut self, on: Date, debit: (i64, i64), credit: (i64, i64), minor: i64, is_reversal: bool) -> Option<()> {
        let in_period = on >= self.from;
        let amount = Amount::from_minor(minor);
        for (side, (account_id, item_id)) in [(Side::Debit, debit), (Side::Credit, credit)] {
            let place = self.places.get(&account_id)?;
            let is_more = side == place.side;
            let flow = self.flows.entry(place.kind).or_default();
            let signed = if is_more { amount } else { Amount::ZERO.minus(amount)? };
            flow.closing = flow.closing.plus(signed)?;
            match (in_period, is_more != is_reversal) {
                (false, _) => flow.opening = flow.opening.plus(signed)?,
                // A reversal takes back what it reverses: money in that goes again is less in, not more out.
                (true, true) => flow.incoming = flow.incoming.plus(signed)?,
                (true, false) => flow.outgoing = flow.outgoing.minus(signed)?,
            }
            if HELD_KINDS.contains(&place.kind) {
                let balance = self.open.entry((account_id, item_id)).or_insert((0, on));
                balance.0 = balance.0.checked_add(signed.minor())?;
                if balance.0 == 0 {
                    self.open.remove(&(account_id, item_id));
                }
            }
        }
        let of = |account: i64| self.places.get(&account).map(|place| (place.kind, place.case_id));
        let ((from, from_case), (to, to_case)) = (of(debit.0)?, of(credit.0)?);
        if (from, to) == (AccountKind::CaseFunds, AccountKind::Payable)
            && let Some(sources) = self.sources.get_mut(&credit.1)
        {
            sources.push((debit.1, amount));
        }
        if !in_period {
            return Some(());
        }
        let is_arrival = |kind| matches!(kind, AccountKind::Bank | AccountKind::Unattributed);
        // What is no case money until a ruling says so: it is collected when it becomes case money.
        let is_apart = |kind| matches!(kind, AccountKind::Security | AccountKind::AuctionPrice | AccountKind::Escrow);
        let taken_back = Amount::ZERO.minus(amount)?;
        match (from, to) {
            (kind, AccountKind::CaseFunds) if is_apart(kind) || is_arrival(kind) => self.collect(to_case, amount)?,
            (AccountKind::CaseFunds, kind) if is_apart(kind) || (is_reversal && is_arrival(kind)) => {
                self.collect(from_case, taken_back)?;
            }
            // To the case where its payee is the debtor.
            (AccountKind::CaseFunds, AccountKind::CaseFunds) => self.collect(to_case, amount)?,
            // What is deducted is collected when it arrives, not when it is confirmed.
            (AccountKind::Bank, AccountKind::InTransitIn) => {
                self.collect(self.deducted_for.get(&credit.1).copied(), amount)?;
            }
            (AccountKind::InTransitIn, AccountKind::Bank) => {
                self.collect(self.deducted_for.get(&debit.1).copied(), taken_back)?;
            }
            _ => {}
        }
        Some(())
    }

    fn collect(&mut self, case_id: Option<i64>, amount: Amount) -> Option<()> {
        if let Some(case_id) = case_id {
            let sum = self.collected.entry(case_id).or_default();
            *sum = sum.plus(amount)?;
        }
        Some(())
    }

    fn end(self, until: Date, ways: Vec<Way>, arrivals: &HashMap<i64, Arrival>) -> PeriodOfMoney {
        let mut unpaid: Vec<Unpaid> = self
            .open
            .into_iter()
            .filter_map(|((account_id, item_id), (minor, first))| {
                let place = self.places.get(&account_id)?;
                let arrival = arrivals
                    .get(&item_id)
                    .filter(|_| matches!(place.kind, AccountKind::CaseFunds | AccountKind::Unattributed));
                let since = arrival.map_or(first, |arrival| arrival.arrived_on);
                let amount = Amount::from_minor(minor);
                Some(Unpaid { kind: place.kind, case_id: place.case_id, item_id, amount, since })
            })
            .collect();
        unpaid.sort_by_key(|one| (one.kind, one.since, one.item_id));
        PeriodOfMoney { from: self.from, until, flows: self.flows, unpaid, ways, collected: self.collected }
    }
}

/// When each receipt and each deduction arrived and found its case.
fn arrivals(tx: &mut Tx<'_>, book: BookKey) -> Outcome<HashMap<i64, Arrival>> {
    let key = [book.court_id.into(), book.book_id.into()];
    let mut all: HashMap<i64, Arrival> = tx
        .query(
            "SELECT r.receipt_id, r.arrived_on, COALESCE(v.accounting_date, r.arrived_on) FROM receipt AS r \
             LEFT JOIN receipt_attribution AS a ON a.court_id = r.court_id AND a.book_id = r.book_id \
             AND a.receipt_id = r.receipt_id LEFT JOIN voucher AS v ON v.court_id = a.court_id \
             AND v.book_id = a.book_id AND v.voucher_id = a.voucher_id WHERE r.court_id = $1 AND r.book_id = $2",
            &key,
            |row| Ok((row.int(0)?, Arrival { arrived_on: read_date(row, 1)?, attributed_on: read_date(row, 2)? })),
        )?
        .into_iter()
        .collect();
    let deductions = tx.query(
        "SELECT d.deduction_id, MAX(v.accounting_date) FROM voucher AS v \
         JOIN entry_line AS e ON e.court_id = v.court_id AND e.book_id = v.book_id \
         AND e.entry_no >= v.first_entry_no AND e.entry_no <= v.last_entry_no \
         JOIN deduction AS d ON d.court_id = e.court_id AND d.book_id = e.book_id AND d.deduction_id = e.credit_item_id \
         WHERE v.court_id = $1 AND v.book_id = $2 AND v.event = 'expected_money_arrived' GROUP BY d.deduction_id",
        &key,
        |row| {
            let on = read_date(row, 1)?;
            Ok((row.int(0)?, Arrival { arrived_on: on, attributed_on: on }))
        },
    )?;
    all.extend(deductions);
    Ok(all)
}

/// The payments that the bank debited in the period and has not given back, by line.
fn debited(tx: &mut Tx<'_>, book: BookKey, from: Date, until: Date) -> Outcome<HashMap<i64, Debited>> {
    let (from, until) = (from.to_string(), until.to_string());
    let rows = tx.query(
        "SELECT p.line_id, p.run_id, p.case_id, p.amount_minor, MAX(l.booked_on) FROM payment_state AS s \
         JOIN payment_event AS e ON e.court_id = s.court_id AND e.book_id = s.book_id AND e.payment_id = s.payment_id \
         AND e.event = 'debited' JOIN payment_line AS p ON p.court_id = s.court_id AND p.book_id = s.book_id \
         AND p.payment_id = s.payment_id JOIN bank_match AS b ON b.court_id = e.court_id AND b.book_id = e.book_id \
         AND b.match_id = e.group_id JOIN bank_line AS l ON l.court_id = b.court_id AND l.book_id = b.book_id \
         AND l.bank_line_id = b.bank_line_id WHERE s.court_id = $1 AND s.book_id = $2 AND s.outcome = 'debited' \
         AND l.booked_on >= $3 AND l.booked_on <= $4 GROUP BY p.line_id, p.run_id, p.case_id, p.amount_minor",
        &[book.court_id.into(), book.book_id.into(), from.as_str().into(), until.as_str().into()],
        |row| {
            let amount = Amount::from_minor(row.int(3)?);
            Ok((row.int(0)?, Debited { run_id: row.int(1)?, case_id: row.int(2)?, amount, on: read_date(row, 4)? }))
        },
    )?;
    Ok(rows.into_iter().collect())
}

fn ways(
    tx: &mut Tx<'_>,
    book: BookKey,
    sources: &HashMap<i64, Vec<(i64, Amount)>>,
    debited: HashMap<i64, Debited>,
    arrivals: &HashMap<i64, Arrival>,
) -> Outcome<Vec<Way>> {
    // A run is approved before it is committed: where that is dated back, so is the approval.
    let committed: HashMap<i64, Date> = tx
        .query(
            "SELECT e.run_id, v.accounting_date FROM run_event AS e JOIN voucher AS v ON v.court_id = e.court_id \
             AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
             WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'committed'",
            &[book.court_id.into(), book.book_id.into()],
            |row| Ok((row.int(0)?, read_date(row, 1)?)),
        )?
        .into_iter()
        .collect();
    let approved: HashMap<i64, Date> = tx
        .query(
            "SELECT run_id, MAX(recorded_at) FROM approval WHERE court_id = $1 AND book_id = $2 GROUP BY run_id",
            &[book.court_id.into(), book.book_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?
        .into_iter()
        .filter_map(|(run_id, at)| Some((run_id, day_in_shanghai(Timestamp::from_microsecond(at).ok()?))))
        .collect();
    let mut ways = Vec::new();
    let mut lines: Vec<(i64, Debited)> = debited.into_iter().collect();
    lines.sort_by_key(|(line_id, _)| *line_id);
    for (line_id, payment) in lines {
        let Some(approved_on) = approved.get(&payment.run_id).copied() else { continue };
        let approved_on = committed.get(&payment.run_id).map_or(approved_on, |on| approved_on.min(*on));
        // A payment made again has no receipt of its own: its days are those of the correction, not of the court's work.
        let mut left = payment.amount;
        for (item_id, amount) in sources.get(&line_id).map_or(&[][..], Vec::as_slice) {
            let Some(arrival) = arrivals.get(item_id) else { continue };
            let part = (*amount).min(left);
            left = left.minus(part).unwrap_or_default();
            if part > Amount::ZERO {
                ways.push(Way {
                    case_id: payment.case_id,
                    amount: part,
                    arrived_on: arrival.arrived_on,
                    attributed_on: arrival.attributed_on,
                    approved_on,
                    debited_on: payment.on,
                });
            }
        }
    }
    Ok(ways)
}

/// Hundredths of the average of whole numbers, rounded half up; none of nothing.
#[must_use]
pub fn average_hundredths(numbers: impl Iterator<Item = i64>) -> Option<i64> {
    let (sum, count) = numbers.fold((0_i128, 0_i128), |(sum, count), number| (sum + i128::from(number), count + 1));
    if count == 0 {
        return None;
    }
    i64::try_from((sum * 200 + count).div_euclid(2 * count)).ok()
}

/// Hundredths as people write them.
#[must_use]
pub fn hundredths(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", value.abs() / 100, value.abs() % 100)
}

/// Whole days between two days.
#[must_use]
pub fn days_between(from: Date, until: Date) -> i64 {
    from.until(until).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_once() {
        assert_eq!(average_hundredths([].into_iter()), None);
        assert_eq!(average_hundredths([3, 4, 3].into_iter()), Some(333));
        assert_eq!(average_hundredths([1, 2].into_iter()), Some(150));
        assert_eq!(average_hundredths([-1, 0, 0].into_iter()), Some(-33));
        assert_eq!(hundredths(337), "3.37");
        assert_eq!(hundredths(-33), "-0.33");
        assert_eq!(hundredths(5), "0.05");
    }
}
