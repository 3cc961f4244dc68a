//! Read-only views of a book: balances as of a date, the trial balance, entries, vouchers.

pub mod bank_reconciliation;
pub mod books;
pub mod case_comparison;
pub mod case_money;
pub mod cash_ratio;
pub mod court_measures;
pub mod desk;
pub mod monthly_return;
pub mod payout_view;
pub mod period;

use std::collections::BTreeMap;

use ankuan_ledger::engine::{Error, Result, Row};
use ankuan_ledger::{Amount, BookKey, Side, Tx};
use jiff::civil::Date;

use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

/// An account as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountView {
    /// Row.
    pub account_id: i64,
    /// Code.
    pub code: String,
    /// Name.
    pub name: String,
    /// Kind of the chart.
    pub kind: String,
    /// Side on which the balance is positive.
    pub normal_side: Side,
    /// The case whose account it is.
    pub case_id: Option<i64>,
    /// Balance, positive on the normal side.
    pub posted: Amount,
    /// Part of it that is held.
    pub held: Amount,
}

/// All accounts of a book with their present balances, in the order they were opened.
///
/// # Errors
/// What the database says.
pub fn accounts(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<AccountView>> {
    Ok(tx.query(
        "SELECT a.account_id, a.code, a.name, a.kind, a.normal_side, a.case_id, b.posted_minor, b.held_minor \
         FROM account AS a JOIN balance AS b \
         ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 ORDER BY a.account_id",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            Ok(AccountView {
                account_id: row.int(0)?,
                code: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                kind: row.text(3)?.to_owned(),
                normal_side: read_word(row, 4, Side::parse)?,
                case_id: row.opt_int(5)?,
                posted: Amount::from_minor(row.int(6)?),
                held: Amount::from_minor(row.int(7)?),
            })
        },
    )?)
}

/// The account with this code.
///
/// # Errors
/// `report.account_unknown`.
pub fn find_account(tx: &mut Tx<'_>, book: BookKey, code: &str) -> Outcome<AccountView> {
    accounts(tx, book)?
        .into_iter()
        .find(|account| account.code == code.trim())
        .ok_or_else(|| Message::new("report.account_unknown").with("code", code).into())
}

/// Sums of one account, day and side.
struct Movement {
    account_id: i64,
    date: Date,
    side: Side,
    amount: Amount,
}

fn movements(tx: &mut Tx<'_>, book: BookKey) -> Result<Vec<Movement>> {
    tx.query(
        "SELECT p.account_id, v.accounting_date, p.side, CAST(SUM(p.amount_minor) AS BIGINT) FROM posting AS p \
         JOIN voucher AS v ON v.court_id = p.court_id AND v.book_id = p.book_id AND v.voucher_id = p.voucher_id \
         WHERE p.court_id = $1 AND p.book_id = $2 GROUP BY p.account_id, v.accounting_date, p.side",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            Ok(Movement {
                account_id: row.int(0)?,
                date: read_date(row, 1)?,
                side: read_word(row, 2, Side::parse)?,
                amount: Amount::from_minor(row.int(3)?),
            })
        },
    )
}

/// The two sides of an account over some days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sides {
    /// 借方
    pub debit: Amount,
    /// 贷方
    pub credit: Amount,
}

impl Sides {
    fn add(&mut self, side: Side, amount: Amount) -> Option<()> {
        let place = match side {
            Side::Debit => &mut self.debit,
            Side::Credit => &mut self.credit,
        };
        *place = place.plus(amount)?;
        Some(())
    }

    fn plus(self, other: Self) -> Option<Self> {
        Some(Self { debit: self.debit.plus(other.debit)?, credit: self.credit.plus(other.credit)? })
    }

    /// The balance, on the one side where it lies.
    fn net(self) -> Option<Self> {
        let debit = self.debit.minus(self.credit)?;
        if debit >= Amount::ZERO {
            Some(Self { debit, credit: Amount::ZERO })
        } else {
            Some(Self { debit: Amount::ZERO, credit: Amount::ZERO.minus(debit)? })
        }
    }
}

/// A line of the trial balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialLine {
    /// Account.
    pub account: AccountView,
    /// 期初余额, on one side.
    pub opening: Sides,
    /// 本期发生额, both sides.
    pub movement: Sides,
    /// 期末余额, on one side.
    pub closing: Sides,
}

/// The trial balance (科目余额表) of some days, accounts without any figure left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialBalance {
    /// First day.
    pub from: Date,
    /// Last day.
    pub until: Date,
    /// By account.
    pub lines: Vec<TrialLine>,
    /// Sum of the opening balances: both sides equal in a sound book.
    pub opening: Sides,
    /// Sum of the movements: both sides equal.
    pub movement: Sides,
    /// Sum of the closing balances: both sides equal.
    pub closing: Sides,
}

impl TrialBalance {
    /// Whether all three pairs of totals are equal.
    #[must_use]
    pub fn ties(&self) -> bool {
        [self.opening, self.movement, self.closing].iter().all(|sides| sides.debit == sides.credit)
    }
}

/// The trial balance of the days from `from` to `until`, both included, by accounting date.
///
/// # Errors
/// `report.dates` when the days are in the wrong order; [`Error::Inconsistent`] when a sum leaves the range.
pub fn trial_balance(tx: &mut Tx<'_>, book: BookKey, from: Date, until: Date) -> Outcome<TrialBalance> {
    if until < from {
        return Err(Message::new("report.dates").with("from", from).with("until", until).into());
    }
    let accounts = accounts(tx, book)?;
    let movements = movements(tx, book)?;
    Ok(balance_of(accounts, &movements, from, until)
        .ok_or_else(|| Error::Inconsistent("a sum of the trial balance leaves the range of amounts".into()))?)
}

fn balance_of(accounts: Vec<AccountView>, movements: &[Movement], from: Date, until: Date) -> Option<TrialBalance> {
    let mut before: BTreeMap<i64, Sides> = BTreeMap::new();
    let mut during: BTreeMap<i64, Sides> = BTreeMap::new();
    for movement in movements.iter().filter(|movement| movement.date <= until) {
        let sides = if movement.date < from { &mut before } else { &mut during };
        sides.entry(movement.account_id).or_default().add(movement.side, movement.amount)?;
    }
    let (mut opening, mut movement, mut closing) = (Sides::default(), Sides::default(), Sides::default());
    let mut lines = Vec::new();
    for account in accounts {
        let old = before.get(&account.account_id).copied().unwrap_or_default();
        let new = during.get(&account.account_id).copied().unwrap_or_default();
        let line = TrialLine { account, opening: old.net()?, movement: new, closing: old.plus(new)?.net()? };
        opening = opening.plus(line.opening)?;
        movement = movement.plus(line.movement)?;
        closing = closing.plus(line.closing)?;
        if line.opening != Sides::default() || line.movement != Sides::default() {
            lines.push(line);
        }
    }
    Some(TrialBalance { from, until, lines, opening, movement, closing })
}

/// A line of an entry as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryView {
    /// Entry.
    pub entry_no: i64,
    /// Line.
    pub line_no: i64,
    /// Voucher.
    pub voucher_id: i64,
    /// Code of the debited account.
    pub debit: String,
    /// Its item, 0 where there is none.
    pub debit_item: i64,
    /// Code of the credited account.
    pub credit: String,
    /// Its item.
    pub credit_item: i64,
    /// Amount.
    pub amount: Amount,
    /// The entry that this one reverses.
    pub reverses: Option<i64>,
}

/// Which entries to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryRange {
    /// First entry.
    pub first: i64,
    /// Last entry.
    pub last: i64,
    /// Only those that touch this account.
    pub account_id: Option<i64>,
    /// At most so many lines.
    pub limit: i64,
}

/// Lines of entries as [`read_entry`] reads them.
macro_rules! entries_where {
    ($more:literal) => {
        concat!(
            "SELECT e.entry_no, e.line_no, e.voucher_id, d.code, e.debit_item_id, c.code, e.credit_item_id, ",
            "e.amount_minor, e.reverses_entry_no FROM entry_line AS e ",
            "JOIN account AS d ON d.court_id = $1 AND d.book_id = $2 AND d.account_id = e.debit_account_id ",
            "JOIN account AS c ON c.court_id = $1 AND c.book_id = $2 AND c.account_id = e.credit_account_id ",
            "WHERE e.court_id = $1 AND e.book_id = $2 ",
            $more
        )
    };
}

/// Lines of entries in their order.
///
/// # Errors
/// What the database says.
pub fn entries(tx: &mut Tx<'_>, book: BookKey, range: EntryRange) -> Outcome<Vec<EntryView>> {
    Ok(tx.query(
        entries_where!(
            "AND e.entry_no >= $3 AND e.entry_no <= $4 \
             AND (CAST($5 AS BIGINT) IS NULL OR e.debit_account_id = $5 OR e.credit_account_id = $5) \
             ORDER BY e.entry_no, e.line_no LIMIT $6"
        ),
        &[
            book.court_id.into(),
            book.book_id.into(),
            range.first.into(),
            range.last.into(),
            range.account_id.into(),
            range.limit.into(),
        ],
        read_entry,
    )?)
}

fn read_entry(row: &Row<'_>) -> ankuan_ledger::engine::Result<EntryView> {
    Ok(EntryView {
        entry_no: row.int(0)?,
        line_no: row.int(1)?,
        voucher_id: row.int(2)?,
        debit: row.text(3)?.to_owned(),
        debit_item: row.int(4)?,
        credit: row.text(5)?.to_owned(),
        credit_item: row.int(6)?,
        amount: Amount::from_minor(row.int(7)?),
        reverses: row.opt_int(8)?,
    })
}

/// A page of the lines of entries of a book behind an entry and its line, in their order.
///
/// # Errors
/// What the database says.
pub fn entries_after(
    tx: &mut Tx<'_>,
    book: BookKey,
    (entry_no, line_no): (i64, i64),
    most: i64,
) -> Outcome<Vec<EntryView>> {
    Ok(tx.query(
        entries_where!("AND (e.entry_no, e.line_no) > ($3, $4) ORDER BY e.entry_no, e.line_no LIMIT $5"),
        &[book.court_id.into(), book.book_id.into(), entry_no.into(), line_no.into(), most.into()],
        read_entry,
    )?)
}

/// A voucher (凭证) as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherView {
    /// Row.
    pub voucher_id: i64,
    /// `2026-11`
    pub month: String,
    /// receipt 收, payment 付, transfer 转
    pub kind: String,
    /// Number in month and kind.
    pub number: i64,
    /// Accounting date.
    pub accounting_date: Date,
    /// Event.
    pub event: String,
    /// 摘要
    pub summary: String,
    /// Who recorded it (制单).
    pub actor_name: String,
    /// Attached papers.
    pub attachments: i64,
    /// First entry.
    pub first_entry_no: i64,
    /// Last entry.
    pub last_entry_no: i64,
    /// Sum of its lines.
    pub total: Amount,
    /// When, µs UTC.
    pub recorded_at: i64,
}

/// A statement of what [`read_voucher`] reads; `$1` is the court, `$2` the book, `$4` the book of its people.
macro_rules! vouchers_where {
    ($rest:literal) => {
        concat!(
            "SELECT v.voucher_id, v.month, v.kind, v.number, v.accounting_date, v.event, v.summary, p.name, v.attachments, \
             v.first_entry_no, v.last_entry_no, v.total_minor, v.recorded_at FROM voucher AS v \
             LEFT JOIN person AS p ON p.court_id = $1 AND p.book_id = $4 AND p.person_id = v.actor_id \
             WHERE v.court_id = $1 AND v.book_id = $2 AND ",
            $rest
        )
    };
}
use vouchers_where;

fn read_voucher(row: &Row<'_>) -> Result<VoucherView> {
    Ok(VoucherView {
        voucher_id: row.int(0)?,
        month: row.text(1)?.to_owned(),
        kind: row.text(2)?.to_owned(),
        number: row.int(3)?,
        accounting_date: read_date(row, 4)?,
        event: row.text(5)?.to_owned(),
        summary: row.text(6)?.to_owned(),
        actor_name: row.opt_text(7)?.unwrap_or_default().to_owned(),
        attachments: row.int(8)?,
        first_entry_no: row.int(9)?,
        last_entry_no: row.int(10)?,
        total: Amount::from_minor(row.int(11)?),
        recorded_at: row.int(12)?,
    })
}

/// A page of the vouchers of a book behind an id, oldest first.
///
/// # Errors
/// What the database says.
pub fn vouchers_after(tx: &mut Tx<'_>, book: BookKey, after: i64, most: i64) -> Outcome<Vec<VoucherView>> {
    Ok(tx.query(
        vouchers_where!("v.voucher_id > $3 ORDER BY v.voucher_id LIMIT $5"),
        &[book.court_id.into(), book.book_id.into(), after.into(), crate::books::REGISTER.into(), most.into()],
        read_voucher,
    )?)
}

/// The voucher with this id.
///
/// # Errors
/// `report.voucher_unknown`.
pub fn find_voucher(tx: &mut Tx<'_>, book: BookKey, voucher_id: i64) -> Outcome<VoucherView> {
    let found = tx.query_opt(
        vouchers_where!("v.voucher_id = $3"),
        &[book.court_id.into(), book.book_id.into(), voucher_id.into(), crate::books::REGISTER.into()],
        read_voucher,
    )?;
    Ok(found.ok_or_else(|| Message::new("report.voucher_unknown").with("voucher", voucher_id))?)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn account(account_id: i64, normal_side: Side) -> AccountView {
        AccountView {
            account_id,
            code: account_id.to_string(),
            name: String::new(),
            kind: String::new(),
            normal_side,
            case_id: None,
            posted: Amount::ZERO,
            held: Amount::ZERO,
        }
    }

    proptest! {
        /// Whatever is posted in lines, all three pairs of totals tie, and opening plus movement is closing.
        #[test]
        fn a_book_of_lines_ties(
            lines in prop::collection::vec((1_i64..4, 1_i64..4, 1_i64..1_000_000, 1_i8..29), 0..40),
            from in 1_i8..29,
            days in 0_i8..10,
        ) {
            let mut movements = Vec::new();
            for (debit, credit, minor, day) in lines {
                let (date, amount) = (date(2026, 2, day), Amount::from_minor(minor));
                movements.push(Movement { account_id: debit, date, side: Side::Debit, amount });
                movements.push(Movement { account_id: credit, date, side: Side::Credit, amount });
            }
            let accounts = vec![account(1, Side::Debit), account(2, Side::Credit), account(3, Side::Credit)];
            let until = date(2026, 2, (from + days).min(28));
            let made = balance_of(accounts, &movements, date(2026, 2, from), until).unwrap();
            prop_assert!(made.ties());
            for line in &made.lines {
                let net = |sides: Sides| sides.debit.minor() - sides.credit.minor();
                prop_assert_eq!(net(line.opening) + net(line.movement), net(line.closing));
            }
        }
    }

    #[test]
    fn a_side_that_does_not_tie_is_seen() {
        let amount = Amount::from_minor(5);
        let movements = [Movement { account_id: 1, date: date(2026, 2, 1), side: Side::Debit, amount }];
        let made = balance_of(vec![account(1, Side::Debit)], &movements, date(2026, 2, 1), date(2026, 2, 1)).unwrap();
        assert!(!made.ties());
    }
}
