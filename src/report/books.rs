//! The books as finance offices keep them: vouchers of a month, the lines of an account with its daily balance (日记账,
//! 明细账), and the general ledger (总账).

use std::collections::BTreeMap;

use ankuan_ledger::engine::{Error, Row, Value};
use ankuan_ledger::{Amount, BookKey, Side, Tx};
use jiff::civil::Date;

use super::{AccountView, Sides, VoucherView, accounts, movements, read_voucher, vouchers_where};
use crate::words::{read_date, read_word};
use crate::{Message, Outcome};

/// A month in which something was posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Month {
    /// `2026-11`
    pub month: String,
    /// Vouchers in it.
    pub vouchers: i64,
    /// What their lines come to.
    pub total: Amount,
}

/// The months of a book, newest first.
///
/// # Errors
/// What the database says.
pub fn months(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<Month>> {
    Ok(tx.query(
        "SELECT month, CAST(COUNT(*) AS BIGINT), CAST(SUM(total_minor) AS BIGINT) FROM voucher \
         WHERE court_id = $1 AND book_id = $2 GROUP BY month ORDER BY month DESC",
        &[book.court_id.into(), book.book_id.into()],
        |row| {
            Ok(Month { month: row.text(0)?.to_owned(), vouchers: row.int(1)?, total: Amount::from_minor(row.int(2)?) })
        },
    )?)
}

/// Vouchers of a month after a row, in the order they were recorded; of one kind, if it is not empty.
///
/// # Errors
/// What the database says.
pub fn vouchers(
    tx: &mut Tx<'_>,
    book: BookKey,
    (month, kind): (&str, &str),
    after: i64,
    limit: i64,
) -> Outcome<Vec<VoucherView>> {
    Ok(tx.query(
        vouchers_where!(
            "v.month = $3 AND ($5 = '' OR v.kind = $5) AND v.voucher_id > $6 ORDER BY v.voucher_id LIMIT $7"
        ),
        &[
            book.court_id.into(),
            book.book_id.into(),
            month.into(),
            crate::books::REGISTER.into(),
            kind.into(),
            after.into(),
            limit.into(),
        ],
        read_voucher,
    )?)
}

/// Vouchers of a month that have no paper, in the order they were recorded; of one kind, if it is not empty.
///
/// # Errors
/// What the database says.
pub fn vouchers_without_paper(
    tx: &mut Tx<'_>,
    book: BookKey,
    (month, kind): (&str, &str),
    limit: i64,
) -> Outcome<Vec<VoucherView>> {
    Ok(tx.query(
        vouchers_where!(
            "v.month = $3 AND ($5 = '' OR v.kind = $5) AND NOT EXISTS (SELECT 1 FROM voucher_attachment AS a \
             WHERE a.court_id = $1 AND a.book_id = $2 AND a.voucher_id = v.voucher_id) ORDER BY v.voucher_id LIMIT $6"
        ),
        &[
            book.court_id.into(),
            book.book_id.into(),
            month.into(),
            crate::books::REGISTER.into(),
            kind.into(),
            limit.into(),
        ],
        read_voucher,
    )?)
}

/// What a voucher comes to on one side of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherSum {
    /// Account.
    pub account_id: i64,
    /// Side.
    pub side: Side,
    /// Its lines there.
    pub lines: i64,
    /// Their item, where it is the same in all.
    pub item_id: Option<i64>,
    /// What they come to.
    pub amount: Amount,
}

/// A voucher by account and side, debits first: what its printed form shows, however many lines it has.
///
/// # Errors
/// What the database says.
pub fn voucher_sums(tx: &mut Tx<'_>, book: BookKey, voucher: &VoucherView) -> Outcome<Vec<VoucherSum>> {
    let mut sums = tx.query(
        "SELECT account_id, side, CAST(COUNT(*) AS BIGINT), MIN(item_id), MAX(item_id), \
         CAST(SUM(amount_minor) AS BIGINT), MIN(entry_no) FROM posting \
         WHERE court_id = $1 AND book_id = $2 AND entry_no >= $3 AND entry_no <= $4 AND voucher_id = $5 \
         GROUP BY account_id, side",
        &voucher_key(book, voucher),
        |row| {
            let items = (row.int(3)?, row.int(4)?);
            let sum = VoucherSum {
                account_id: row.int(0)?,
                side: read_word(row, 1, Side::parse)?,
                lines: row.int(2)?,
                item_id: (items.0 == items.1 && items.0 != 0).then_some(items.0),
                amount: Amount::from_minor(row.int(5)?),
            };
            Ok((row.int(6)?, sum))
        },
    )?;
    sums.sort_by_key(|(first, sum)| (sum.side != Side::Debit, *first, sum.account_id));
    Ok(sums.into_iter().map(|(_, sum)| sum).collect())
}

fn voucher_key(book: BookKey, voucher: &VoucherView) -> [Value<'static>; 5] {
    [
        book.court_id.into(),
        book.book_id.into(),
        voucher.first_entry_no.into(),
        voucher.last_entry_no.into(),
        voucher.voucher_id.into(),
    ]
}

/// Where a line stands in an account's book: by date, then in the order of recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Accounting date.
    pub date: Date,
    /// Entry.
    pub entry_no: i64,
    /// Line.
    pub line_no: i64,
    /// 0 debit, 1 credit: a line may have both of one account.
    pub side: i64,
}

impl Place {
    /// As it stands in a link.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}.{}.{}.{}", self.date, self.entry_no, self.line_no, self.side)
    }

    /// Reads a link's.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let place = Self {
            date: parts.next()?.parse().ok()?,
            entry_no: parts.next()?.parse().ok()?,
            line_no: parts.next()?.parse().ok()?,
            side: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(place)
    }
}

/// A line of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLine {
    /// Where it stands.
    pub place: Place,
    /// Voucher.
    pub voucher_id: i64,
    /// Month, kind and number of it.
    pub voucher: (String, String, i64),
    /// 摘要
    pub summary: String,
    /// The account on the other side.
    pub opposite_id: i64,
    /// Item in this account, 0 where there is none.
    pub item_id: i64,
    /// Side.
    pub side: Side,
    /// Amount.
    pub amount: Amount,
    /// Balance of the account after it, in this order; positive on the account's normal side.
    pub after: Amount,
}

/// Lines of an account between two days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLines {
    /// Balance before the first of them.
    pub opening: Amount,
    /// The lines.
    pub lines: Vec<AccountLine>,
    /// Where to go on, if there are more.
    pub next: Option<Place>,
}

/// The lines of an account from `from` to `until`, both included, after a place; at most `limit`.
///
/// # Errors
/// `report.dates`; [`Error::Inconsistent`] when a sum leaves the range.
pub fn account_lines(
    tx: &mut Tx<'_>,
    book: BookKey,
    account: &AccountView,
    (from, until): (Date, Date),
    after: Option<Place>,
    limit: usize,
) -> Outcome<AccountLines> {
    must_follow(from, until)?;
    // Before everything on the first day, unless a page went before.
    let before = Place { date: from, entry_no: 0, line_no: 0, side: 0 };
    let start = after.filter(|place| place.date >= from).unwrap_or(before);
    let (date, last_day) = (start.date.to_string(), until.to_string());
    let many = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
    let key = [
        book.court_id.into(),
        book.book_id.into(),
        account.account_id.into(),
        date.as_str().into(),
        start.entry_no.into(),
        start.line_no.into(),
        start.side.into(),
        Value::Text(&last_day),
        many.into(),
    ];
    let opening = tx.query_one(
        "SELECT CAST(COALESCE(SUM(CASE p.side WHEN 'debit' THEN p.amount_minor ELSE -p.amount_minor END), 0) AS BIGINT) \
         FROM posting AS p \
         JOIN voucher AS v ON v.court_id = p.court_id AND v.book_id = p.book_id AND v.voucher_id = p.voucher_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.account_id = $3 \
         AND (v.accounting_date, p.entry_no, p.line_no, CASE p.side WHEN 'debit' THEN 0 ELSE 1 END) <= ($4, $5, $6, CAST($7 AS BIGINT))",
        &key[..7],
        |row| row.int(0),
    )?;
    let mut balance = if account.normal_side == Side::Debit { opening } else { -opening };
    let opening = Amount::from_minor(balance);
    let mut lines = tx.query(
        "SELECT v.accounting_date, p.entry_no, p.line_no, p.side, v.voucher_id, v.month, v.kind, v.number, v.summary, \
         e.debit_account_id, e.credit_account_id, p.item_id, p.amount_minor FROM posting AS p \
         JOIN voucher AS v ON v.court_id = p.court_id AND v.book_id = p.book_id AND v.voucher_id = p.voucher_id \
         JOIN entry_line AS e ON e.court_id = p.court_id AND e.book_id = p.book_id AND e.entry_no = p.entry_no \
         AND e.line_no = p.line_no WHERE p.court_id = $1 AND p.book_id = $2 AND p.account_id = $3 \
         AND (v.accounting_date, p.entry_no, p.line_no, CASE p.side WHEN 'debit' THEN 0 ELSE 1 END) > ($4, $5, $6, CAST($7 AS BIGINT)) \
         AND v.accounting_date <= $8 \
         ORDER BY v.accounting_date, p.entry_no, p.line_no, CASE p.side WHEN 'debit' THEN 0 ELSE 1 END LIMIT $9",
        &key,
        read_line,
    )?;
    let next = if lines.len() > limit {
        lines.truncate(limit);
        lines.last().map(|line| line.place)
    } else {
        None
    };
    for line in &mut lines {
        let signed = if line.side == account.normal_side { line.amount.minor() } else { -line.amount.minor() };
        balance = balance.checked_add(signed).ok_or_else(out_of_range)?;
        line.after = Amount::from_minor(balance);
    }
    Ok(AccountLines { opening, lines, next })
}

fn read_line(row: &Row<'_>) -> ankuan_ledger::engine::Result<AccountLine> {
    let side = read_word(row, 3, Side::parse)?;
    let is_debit = side == Side::Debit;
    Ok(AccountLine {
        place: Place {
            date: read_date(row, 0)?,
            entry_no: row.int(1)?,
            line_no: row.int(2)?,
            side: i64::from(!is_debit),
        },
        voucher_id: row.int(4)?,
        voucher: (row.text(5)?.to_owned(), row.text(6)?.to_owned(), row.int(7)?),
        summary: row.text(8)?.to_owned(),
        opposite_id: if is_debit { row.int(10)? } else { row.int(9)? },
        item_id: row.int(11)?,
        side,
        amount: Amount::from_minor(row.int(12)?),
        after: Amount::ZERO,
    })
}

fn out_of_range() -> Error {
    Error::Inconsistent("a sum of the books leaves the range of amounts".into())
}

fn must_follow(from: Date, until: Date) -> Result<(), Message> {
    if until < from {
        return Err(Message::new("report.dates").with("from", from).with("until", until));
    }
    Ok(())
}

/// A day of an account on which something was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub date: Date,
    /// What was posted.
    pub moved: Sides,
    /// The balance at its end, positive on the account's normal side (逐日结出余额).
    pub balance: Amount,
}

/// The days of an account from `from` to `until` on which something was posted, with the balance at the end of each.
///
/// # Errors
/// As [`account_lines`].
pub fn days(tx: &mut Tx<'_>, book: BookKey, account: &AccountView, (from, until): (Date, Date)) -> Outcome<Vec<Day>> {
    must_follow(from, until)?;
    let sums = tx.query(
        "SELECT v.accounting_date, p.side, CAST(SUM(p.amount_minor) AS BIGINT) FROM posting AS p \
         JOIN voucher AS v ON v.court_id = p.court_id AND v.book_id = p.book_id AND v.voucher_id = p.voucher_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.account_id = $3 AND v.accounting_date <= $4 \
         GROUP BY v.accounting_date, p.side ORDER BY v.accounting_date",
        &[book.court_id.into(), book.book_id.into(), account.account_id.into(), until.to_string().as_str().into()],
        |row| Ok((read_date(row, 0)?, read_word(row, 1, Side::parse)?, Amount::from_minor(row.int(2)?))),
    )?;
    let mut by_day: BTreeMap<Date, Sides> = BTreeMap::new();
    for (date, side, amount) in sums {
        by_day.entry(date).or_default().add(side, amount).ok_or_else(out_of_range)?;
    }
    let mut balance = Amount::ZERO;
    let mut days = Vec::new();
    for (date, moved) in by_day {
        let (more, less) = match account.normal_side {
            Side::Debit => (moved.debit, moved.credit),
            Side::Credit => (moved.credit, moved.debit),
        };
        balance = balance.plus(more).and_then(|sum| sum.minus(less)).ok_or_else(out_of_range)?;
        if date >= from {
            days.push(Day { date, moved, balance });
        }
    }
    Ok(days)
}

/// An account of the general ledger: all accounts of one kind together, month by month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneralAccount {
    /// Kind of the chart.
    pub kind: String,
    /// Name of the kind, as the book has it.
    pub name: String,
    /// 年初余额, on one side.
    pub opening: Sides,
    /// What each month moved, and the balance at its end on one side.
    pub months: Vec<(String, Sides, Sides)>,
}

/// The general ledger of a year: by kind of account, the months in which something moved.
///
/// # Errors
/// [`Error::Inconsistent`] when a sum leaves the range.
pub fn general_ledger(tx: &mut Tx<'_>, book: BookKey, year: i16) -> Outcome<Vec<GeneralAccount>> {
    let mut kinds: Vec<GeneralAccount> = Vec::new();
    let mut place_of: BTreeMap<i64, usize> = BTreeMap::new();
    for account in accounts(tx, book)? {
        let known = kinds.iter().position(|known| known.kind == account.kind);
        let place = known.unwrap_or(kinds.len());
        if known.is_none() {
            let opening = Sides::default();
            kinds.push(GeneralAccount { kind: account.kind, name: account.name, opening, months: Vec::new() });
        }
        place_of.insert(account.account_id, place);
    }
    let mut moved: BTreeMap<(usize, String), Sides> = BTreeMap::new();
    for movement in movements(tx, book)?.iter().filter(|movement| movement.date.year() <= year) {
        let place = place_of.get(&movement.account_id).copied();
        let place = place.ok_or_else(|| Error::Inconsistent("a posting of no account".into()))?;
        let sides = if movement.date.year() < year {
            &mut kinds[place].opening
        } else {
            moved.entry((place, movement.date.strftime("%Y-%m").to_string())).or_default()
        };
        sides.add(movement.side, movement.amount).ok_or_else(out_of_range)?;
    }
    for kind in &mut kinds {
        kind.opening = kind.opening.net().ok_or_else(out_of_range)?;
    }
    for ((place, month), sides) in moved {
        let kind = &mut kinds[place];
        let before = kind.months.last().map_or(kind.opening, |(_, _, balance)| *balance);
        let balance = before.plus(sides).and_then(Sides::net).ok_or_else(out_of_range)?;
        kind.months.push((month, sides, balance));
    }
    kinds.retain(|kind| kind.opening != Sides::default() || !kind.months.is_empty());
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_back_as_it_was_written() {
        let place = Place { date: jiff::civil::date(2026, 11, 2), entry_no: 58, line_no: 2, side: 1 };
        assert_eq!(Place::parse(&place.text()), Some(place));
        for wrong in ["", "2026-11-02.1.2", "2026-11-02.1.2.0.9", "2026-13-02.1.2.0", "x.1.2.0"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
