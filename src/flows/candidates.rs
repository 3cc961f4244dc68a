//! What an open line could be, for a person who decides: what is expected beside it, and what agrees or differs. Nothing is
//! decided here, and nothing left out because a rule would not take it.

use ankuan_ledger::Amount;
use ankuan_ledger::engine::{Tx, Value};
use jiff::civil::Date;

use crate::books;
use crate::clock;
use crate::failure::Outcome;
use crate::message::Message;
use crate::statements::BankLine;
use crate::words::read_date;

/// Candidates of a line that are shown.
const SHOWN_MAX: i64 = 20;

/// What a line could be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A receipt that was recorded by hand.
    Receipt(i64),
    /// A payment file, by its name.
    File(String),
    /// A credit that the line takes back.
    Line(i64),
}

/// A candidate, as it stands beside the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What.
    pub what: What,
    /// Its amount, signed like the line's.
    pub amount: Amount,
    /// Payer or title.
    pub name: String,
    /// Since when.
    pub on: Date,
    /// The bank's reference.
    pub reference: String,
}

/// One point of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Amount, name, day, reference.
    pub label: Message,
    /// On the candidate's side.
    pub value: String,
    /// Whether it is what the line says.
    pub agrees: bool,
}

impl Candidate {
    /// What agrees with a line, and what differs.
    #[must_use]
    pub fn points(&self, line: &BankLine) -> Vec<Point> {
        let point = |code, value: String, agrees| Point { label: Message::new(code), value, agrees };
        let mut points = vec![
            point("column.amount", self.amount.to_string(), self.amount == line.amount),
            point("reconcile.booked_on", self.on.to_string(), self.on == line.booked_on),
        ];
        if let What::File(name) = &self.what {
            // Banks give the name of a file, or of the message in it, wherever they have room for it.
            let is_said = |text: &str| line.own_reference.contains(text) || line.remark.contains(text);
            points.push(point("reconcile.own_reference", name.clone(), is_said(name) || is_said(&self.reference)));
            return points;
        }
        points.push(point(
            "bank_reconciliation.party",
            self.name.clone(),
            !self.name.is_empty() && self.name == line.name,
        ));
        if !self.reference.is_empty() {
            points.push(point("column.reference", self.reference.clone(), self.reference == line.bank_reference));
        }
        points
    }

    /// How much speaks for it: points that agree.
    fn weight(&self, line: &BankLine) -> usize {
        self.points(line).iter().filter(|point| point.agrees).count()
    }
}

/// What an open line could be, most alike first: of money that came, receipts of its amount or payer that no line shows
/// yet; of money that went, files of its amount and credits that it could take back.
///
/// # Errors
/// What the database says.
pub fn candidates(tx: &mut Tx<'_>, court_id: i64, line: &BankLine) -> Outcome<Vec<Candidate>> {
    let minor = line.amount.minor();
    let mut found = Vec::new();
    if minor > 0 {
        found.extend(tx.query(
            "SELECT r.receipt_id, r.amount_minor, r.payer_name, r.arrived_on, r.bank_reference FROM receipt AS r \
             LEFT JOIN receipt_match AS m ON m.court_id = r.court_id AND m.book_id = r.book_id \
             AND m.receipt_id = r.receipt_id \
             WHERE r.court_id = $1 AND r.book_id = $2 AND r.bank_account_id = $3 AND m.receipt_id IS NULL \
             AND (r.amount_minor = $4 OR (r.payer_name = $5 AND r.payer_name <> '')) \
             AND NOT EXISTS (SELECT 1 FROM bank_line AS l WHERE l.court_id = r.court_id AND l.book_id = r.book_id \
             AND l.bank_line_id = r.receipt_id) ORDER BY r.receipt_id DESC LIMIT $6",
            &key(court_id, line, minor),
            |row| {
                Ok(Candidate {
                    what: What::Receipt(row.int(0)?),
                    amount: Amount::from_minor(row.int(1)?),
                    name: row.text(2)?.to_owned(),
                    on: read_date(row, 3)?,
                    reference: row.text(4)?.to_owned(),
                })
            },
        )?);
    } else {
        found.extend(tx.query(
            "SELECT f.name, f.sum_minor, r.title, f.message_id, f.recorded_at FROM bank_file AS f \
             JOIN run AS r ON r.court_id = f.court_id AND r.book_id = f.book_id AND r.run_id = f.run_id \
             WHERE f.court_id = $1 AND f.book_id = $2 AND r.bank_account_id = $3 AND f.sum_minor = $4 \
             ORDER BY f.file_id DESC LIMIT $5",
            &[
                court_id.into(),
                books::CASE_MONEY.into(),
                line.bank_account_id.into(),
                minor.checked_neg().unwrap_or_default().into(),
                SHOWN_MAX.into(),
            ],
            |row| {
                Ok(Candidate {
                    what: What::File(row.text(0)?.to_owned()),
                    amount: Amount::from_minor(-row.int(1)?),
                    name: row.text(2)?.to_owned(),
                    on: clock::day_in_shanghai(jiff::Timestamp::from_microsecond(row.int(4)?).unwrap_or_default()),
                    reference: row.text(3)?.to_owned(),
                })
            },
        )?);
        found.extend(tx.query(
            "SELECT l.bank_line_id, l.amount_minor, l.name, l.booked_on, l.bank_reference FROM bank_line AS l \
             WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_account_id = $3 AND l.amount_minor = $4 \
             AND l.bank_line_id < $7 AND (l.name = $5 OR l.name = '') ORDER BY l.bank_line_id DESC LIMIT $6",
            &{
                let mut values = key(court_id, line, minor.checked_neg().unwrap_or_default()).to_vec();
                values.push(line.bank_line_id.into());
                values
            },
            |row| {
                Ok(Candidate {
                    what: What::Line(row.int(0)?),
                    amount: Amount::from_minor(-row.int(1)?),
                    name: row.text(2)?.to_owned(),
                    on: read_date(row, 3)?,
                    reference: row.text(4)?.to_owned(),
                })
            },
        )?);
    }
    found.sort_by_key(|candidate| std::cmp::Reverse(candidate.weight(line)));
    Ok(found)
}

fn key<'l>(court_id: i64, line: &'l BankLine, minor: i64) -> [Value<'l>; 6] {
    [
        court_id.into(),
        books::CASE_MONEY.into(),
        line.bank_account_id.into(),
        minor.into(),
        line.name.as_str().into(),
        SHOWN_MAX.into(),
    ]
}

/// A line with the match that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedLine {
    /// The line.
    pub line: BankLine,
    /// Its match: number, outcome, rule, evidence; none while it is open.
    pub found: Option<super::PastMatch>,
}

/// Lines of an account before a row, newest first, with their matches; only open ones if asked.
///
/// # Errors
/// What the database says.
pub fn lines_before(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
    (before, only_open): (i64, bool),
    limit: i64,
) -> Outcome<Vec<MatchedLine>> {
    // The first line of a match carries what is said of all of it.
    Ok(tx.query(
        "SELECT l.court_id, l.book_id, l.bank_line_id, l.statement_id, l.bank_account_id, l.place, l.booked_on, \
         l.value_on, l.amount_minor, l.exact_amount, l.fingerprint, l.occurrence_no, l.bank_reference, \
         l.own_reference, l.name, l.account_index, l.code, l.remark, l.sub_account, l.reason, l.is_reversal, \
         b.match_id, b.outcome, b.target_id, b.rule, b.evidence FROM bank_line AS l \
         LEFT JOIN line_match AS m ON m.court_id = l.court_id AND m.book_id = l.book_id \
         AND m.bank_line_id = l.bank_line_id \
         LEFT JOIN bank_match AS b ON b.court_id = m.court_id AND b.book_id = m.book_id AND b.match_id = m.group_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_account_id = $3 AND l.bank_line_id < $4 \
         AND (CAST($5 AS BIGINT) = 0 OR m.bank_line_id IS NULL) ORDER BY l.bank_line_id DESC LIMIT $6",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            bank_account_id.into(),
            before.into(),
            i64::from(only_open).into(),
            limit.into(),
        ],
        |row| {
            let found = match row.opt_int(21)? {
                None => None,
                Some(group_id) => Some(super::PastMatch {
                    group_id,
                    outcome: row.text(22)?.to_owned(),
                    target_id: row.int(23)?,
                    rule: row.text(24)?.to_owned(),
                    evidence: row.text(25)?.to_owned(),
                    undone: None,
                }),
            };
            Ok(MatchedLine { line: crate::statements::read_line(row)?, found })
        },
    )?)
}
