//! A case's money on its way, from the asset to the payee, read from its own accounts; and its entries page by page.

use std::collections::{BTreeMap, HashMap};

use ankuan_ledger::engine::{Error, Tx};
use ankuan_ledger::{Amount, BookKey};
use jiff::civil::Date;

use super::AccountView;
use crate::chart::AccountKind;
use crate::words::{read_date, read_word};
use crate::{Outcome, cases};

/// The money's way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoneyWay {
    /// What moved from one kind of account to another, what was reversed taken off.
    pub moved: BTreeMap<(AccountKind, AccountKind), Amount>,
    /// What the case's accounts hold, by kind.
    pub holds: BTreeMap<AccountKind, Amount>,
    /// Payments of the case by where they stand: out, debited, failed, returned, reissued.
    pub payments: BTreeMap<String, (i64, Amount)>,
    /// Assets of the case on which orders stand: how many orders are in force, and what they hold.
    pub frozen: (i64, Amount),
}

impl MoneyWay {
    /// What moved from one kind to another.
    #[must_use]
    pub fn from_to(&self, from: AccountKind, to: AccountKind) -> Amount {
        self.moved.get(&(from, to)).copied().unwrap_or_default()
    }

    /// What moved from any kind to one.
    #[must_use]
    pub fn into_kind(&self, to: AccountKind, from: &[AccountKind]) -> Amount {
        Amount::sum(from.iter().map(|from| self.from_to(*from, to))).unwrap_or_default()
    }

    /// What the case holds in a kind of account.
    #[must_use]
    pub fn held(&self, kind: AccountKind) -> Amount {
        self.holds.get(&kind).copied().unwrap_or_default()
    }

    /// What stands somewhere with the bank.
    #[must_use]
    pub fn payments_in(&self, words: &[&str]) -> Amount {
        let found = words.iter().filter_map(|word| self.payments.get(*word)).map(|(_, sum)| *sum);
        Amount::sum(found).unwrap_or_default()
    }
}

/// Reads the way of a case's money.
///
/// # Errors
/// What the database says.
pub fn money_way(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<MoneyWay> {
    let key = [book.court_id.into(), book.book_id.into(), case_id.into()];
    let mut way = MoneyWay::default();
    let overflow = || Error::Inconsistent("the sum of a case leaves the range of amounts".into());
    let rows = tx.query(
        "SELECT d.kind, c.kind, CAST(SUM(e.amount_minor) AS BIGINT) FROM entry_line AS e \
         JOIN account AS d ON d.court_id = e.court_id AND d.book_id = e.book_id AND d.account_id = e.debit_account_id \
         JOIN account AS c ON c.court_id = e.court_id AND c.book_id = e.book_id AND c.account_id = e.credit_account_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND (d.case_id = $3 OR c.case_id = $3) GROUP BY d.kind, c.kind \
         ORDER BY d.kind, c.kind",
        &key,
        |row| {
            let kinds = (read_word(row, 0, AccountKind::parse)?, read_word(row, 1, AccountKind::parse)?);
            Ok((kinds, Amount::from_minor(row.int(2)?)))
        },
    )?;
    for ((from, to), sum) in rows {
        // What was taken back went the other way.
        let net = match way.moved.remove(&(to, from)) {
            None => {
                way.moved.insert((from, to), sum);
                continue;
            }
            Some(back) => sum.minus(back).ok_or_else(overflow)?,
        };
        if net > Amount::ZERO {
            way.moved.insert((from, to), net);
        } else if net < Amount::ZERO {
            way.moved.insert((to, from), Amount::ZERO.minus(net).ok_or_else(overflow)?);
        }
    }
    way.holds = tx
        .query(
            "SELECT a.kind, CAST(SUM(b.posted_minor) AS BIGINT) FROM account AS a JOIN balance AS b \
             ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
             WHERE a.court_id = $1 AND a.book_id = $2 AND a.case_id = $3 GROUP BY a.kind",
            &key,
            |row| Ok((read_word(row, 0, AccountKind::parse)?, Amount::from_minor(row.int(1)?))),
        )?
        .into_iter()
        .collect();
    way.payments = tx
        .query(
            "SELECT s.outcome, CAST(COUNT(*) AS BIGINT), CAST(SUM(l.amount_minor) AS BIGINT) FROM payment_line AS l \
             JOIN payment_state AS s ON s.court_id = l.court_id AND s.book_id = l.book_id AND s.payment_id = l.payment_id \
             WHERE l.court_id = $1 AND l.book_id = $2 AND l.case_id = $3 GROUP BY s.outcome",
            &key,
            |row| Ok((row.text(0)?.to_owned(), (row.int(1)?, Amount::from_minor(row.int(2)?)))),
        )?
        .into_iter()
        .collect();
    way.frozen = tx.query_one(
        "SELECT CAST(COUNT(*) AS BIGINT), CAST(COALESCE(SUM(s.frozen_minor), 0) AS BIGINT) FROM measure_state AS s \
         JOIN measure AS m ON m.court_id = s.court_id AND m.book_id = s.book_id AND m.measure_id = s.measure_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND m.case_id = $3 AND s.status = 'in_force'",
        &key,
        |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?))),
    )?;
    Ok(way)
}

/// The accounts of a case.
///
/// # Errors
/// What the database says.
pub fn accounts_of_case(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<AccountView>> {
    Ok(super::accounts(tx, book)?.into_iter().filter(|account| account.case_id == Some(case_id)).collect())
}

/// A line of a case's journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    /// Entry and line: the place in the book.
    pub place: (i64, i64),
    /// Accounting date of its voucher.
    pub on: Date,
    /// Voucher: month, kind and number.
    pub voucher: (String, String, i64),
    /// Its row.
    pub voucher_id: i64,
    /// 摘要
    pub summary: String,
    /// Name of the debited account.
    pub debit: String,
    /// Name of the credited account.
    pub credit: String,
    /// Amount.
    pub amount: Amount,
}

/// The newest lines that touch a case's accounts, before a place where one is given.
///
/// # Errors
/// What the database says.
pub fn journal(
    tx: &mut Tx<'_>,
    book: BookKey,
    case_id: i64,
    before: Option<(i64, i64)>,
    limit: i64,
) -> Outcome<Vec<JournalLine>> {
    let (entry, line) = before.unwrap_or((i64::MAX, i64::MAX));
    Ok(tx.query(
        "SELECT e.entry_no, e.line_no, v.accounting_date, v.month, v.kind, v.number, v.voucher_id, v.summary, d.name, \
         c.name, e.amount_minor FROM entry_line AS e \
         JOIN account AS d ON d.court_id = e.court_id AND d.book_id = e.book_id AND d.account_id = e.debit_account_id \
         JOIN account AS c ON c.court_id = e.court_id AND c.book_id = e.book_id AND c.account_id = e.credit_account_id \
         JOIN voucher AS v ON v.court_id = e.court_id AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.entry_no <= $4 AND (e.entry_no < $4 OR e.line_no < $5) \
         AND (d.case_id = $3 OR c.case_id = $3) ORDER BY e.entry_no DESC, e.line_no DESC LIMIT $6",
        &[book.court_id.into(), book.book_id.into(), case_id.into(), entry.into(), line.into(), limit.into()],
        |row| {
            Ok(JournalLine {
                place: (row.int(0)?, row.int(1)?),
                on: read_date(row, 2)?,
                voucher: (row.text(3)?.to_owned(), row.text(4)?.to_owned(), row.int(5)?),
                voucher_id: row.int(6)?,
                summary: row.text(7)?.to_owned(),
                debit: row.text(8)?.to_owned(),
                credit: row.text(9)?.to_owned(),
                amount: Amount::from_minor(row.int(10)?),
            })
        },
    )?)
}

/// A document that is kept for a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseDocument {
    /// Row.
    pub document_id: i64,
    /// claim_list, payment_file…
    pub kind: String,
    /// File name.
    pub name: String,
    /// Size.
    pub byte_count: i64,
    /// µs UTC.
    pub recorded_at: i64,
}

/// The documents that came with a case's lists or left with its payments.
///
/// # Errors
/// What the database says.
pub fn documents_of_case(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Vec<CaseDocument>> {
    Ok(tx.query(
        "SELECT d.document_id, d.kind, d.name, d.byte_count, d.recorded_at FROM document AS d \
         WHERE d.court_id = $1 AND d.book_id = $2 AND (d.document_id IN (SELECT l.document_id FROM claim_list AS l \
          WHERE l.court_id = $1 AND l.book_id = $2 AND l.case_id = $3) OR d.document_id IN (SELECT f.document_id \
          FROM bank_file AS f JOIN run_source AS x ON x.court_id = f.court_id AND x.book_id = f.book_id \
          AND x.run_id = f.run_id WHERE f.court_id = $1 AND f.book_id = $2 AND x.case_id = $3)) ORDER BY d.document_id",
        &[book.court_id.into(), book.book_id.into(), case_id.into()],
        |row| {
            Ok(CaseDocument {
                document_id: row.int(0)?,
                kind: row.text(1)?.to_owned(),
                name: row.text(2)?.to_owned(),
                byte_count: row.int(3)?,
                recorded_at: row.int(4)?,
            })
        },
    )?)
}

/// A claim as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimLine {
    /// Row.
    pub claim_id: i64,
    /// Row of the file.
    pub row_no: i64,
    /// Claimant's number.
    pub claimant_no: String,
    /// Name.
    pub name: String,
    /// Amount; zero where it is broken.
    pub amount: Amount,
    /// confirmed, disputed, late, broken
    pub standing: String,
    /// Code of a problem; empty for none.
    pub problem: String,
}

/// Claims of a list after a row, so many.
///
/// # Errors
/// What the database says.
pub fn claims_page(
    tx: &mut Tx<'_>,
    book: BookKey,
    (first, last): (i64, i64),
    after: i64,
    limit: i64,
) -> Outcome<Vec<ClaimLine>> {
    Ok(tx.query(
        "SELECT claim_id, row_no, claimant_no, name, amount_minor, standing, problem FROM claim \
         WHERE court_id = $1 AND book_id = $2 AND claim_id >= $3 AND claim_id <= $4 ORDER BY claim_id LIMIT $5",
        &[book.court_id.into(), book.book_id.into(), first.max(after + 1).into(), last.into(), limit.into()],
        |row| {
            Ok(ClaimLine {
                claim_id: row.int(0)?,
                row_no: row.int(1)?,
                claimant_no: row.text(2)?.to_owned(),
                name: row.text(3)?.to_owned(),
                amount: Amount::from_minor(row.int(4)?),
                standing: row.text(5)?.to_owned(),
                problem: row.opt_text(6)?.unwrap_or_default().to_owned(),
            })
        },
    )?)
}

/// A case in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseLine {
    /// The case.
    pub case: cases::Case,
    /// What its accounts of money hold that is to be paid: case funds and payable.
    pub held: Amount,
}

/// Cases, newest first, whose number or title contains a text, before a case where one is given.
///
/// # Errors
/// What the database says.
pub fn case_page(
    tx: &mut Tx<'_>,
    book: BookKey,
    text: &str,
    before: Option<i64>,
    limit: i64,
) -> Outcome<Vec<CaseLine>> {
    // The wildcards of LIKE mean themselves.
    let text = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    let like = format!("%{text}%");
    let ids = tx.query(
        "SELECT c.case_id, CAST(COALESCE((SELECT SUM(b.posted_minor) FROM account AS a JOIN balance AS b \
         ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
         WHERE a.court_id = c.court_id AND a.book_id = c.book_id AND a.case_id = c.case_id \
         AND a.kind IN ('case_funds', 'payable', 'set_aside')), 0) AS BIGINT) FROM court_case AS c \
         WHERE c.court_id = $1 AND c.book_id = $2 AND (CAST($3 AS BIGINT) IS NULL OR c.case_id < $3) \
         AND (c.title LIKE $4 ESCAPE '!' OR EXISTS (SELECT 1 FROM case_number AS n WHERE n.court_id = c.court_id \
          AND n.book_id = c.book_id AND n.case_id = c.case_id AND n.number LIKE $4 ESCAPE '!') \
          OR EXISTS (SELECT 1 FROM party AS p WHERE p.court_id = c.court_id AND p.book_id = c.book_id \
          AND p.case_id = c.case_id AND p.name LIKE $4 ESCAPE '!')) ORDER BY c.case_id DESC LIMIT $5",
        &[book.court_id.into(), book.book_id.into(), before.into(), like.as_str().into(), limit.into()],
        |row| Ok((row.int(0)?, Amount::from_minor(row.int(1)?))),
    )?;
    ids.into_iter().map(|(id, held)| Ok(CaseLine { case: cases::case_by_id(tx, book, id)?, held })).collect()
}

/// The names of some claims, by their rows.
///
/// # Errors
/// What the database says.
pub fn names_of_claims(tx: &mut Tx<'_>, book: BookKey, claims: &[i64]) -> Outcome<HashMap<i64, String>> {
    let mut names = HashMap::new();
    for claim_id in claims {
        let name = tx.query_opt(
            "SELECT name FROM claim WHERE court_id = $1 AND book_id = $2 AND claim_id = $3",
            &[book.court_id.into(), book.book_id.into(), (*claim_id).into()],
            |row| Ok(row.text(0)?.to_owned()),
        )?;
        names.insert(*claim_id, name.unwrap_or_default());
    }
    Ok(names)
}

/// What of a case's money can be distributed now.
///
/// # Errors
/// What the database says.
pub fn available_of_case(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Amount> {
    let receipts = crate::receipts::receipts_of_case(tx, book, case_id)?;
    Ok(Amount::sum(receipts.iter().map(|receipt| receipt.available)).unwrap_or_default())
}
