//! The closing certificate (结案证明): for one case on one day what was owed, every payment and performance with its day and
//! way, and that nothing is open. Refused with what remains, and where the money of the case is.

use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::{RowBytes, Value};
use ankuan_ledger::{Amount, Tx};
use jiff::civil::Date;
use serde::Deserialize;

use super::balance::{Account, Reduction};
use super::paid::{accounts_of_case, interest_rules};
use super::{Obligation, less, sum};
use crate::books;
use crate::calculators::from_toml;
use crate::calculators::interest::Statement;
use crate::cases::Case;
use crate::chart::AccountKind;
use crate::words::read_word;
use crate::{Language, Message, Outcome};

/// The rules that are built in.
pub const STANDARD: &str = include_str!("closing.toml");

/// When a certificate may be printed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Which practice they follow.
    pub version: String,
    /// Whether money that is still held stands in the way.
    pub held_money: HeldMoney,
}

/// Whether money of the case that is still held stands in the way of closing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldMoney {
    /// It does.
    Refuse,
    /// It is shown.
    Show,
}

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// `calc.file`.
    pub fn parse(text: &str) -> Result<Self, Message> {
        from_toml(text)
    }
}

/// One obligation as the certificate shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closed {
    /// The obligation.
    pub obligation: Obligation,
    /// What has run besides: general interest by a rate, doubled interest.
    pub accrued: Amount,
    /// What reduced it, by the day on which it was done.
    pub reductions: Vec<Reduction>,
    /// What is open.
    pub open: Amount,
    /// What was paid beyond it.
    pub surplus: Amount,
}

/// The certificate: `registered + accrued = reduced − surplus + open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// All numbers of the case, in turn.
    pub numbers: Vec<String>,
    /// What people call it.
    pub title: String,
    /// End of this day.
    pub on: Date,
    /// Each obligation.
    pub closed: Vec<Closed>,
    /// What of the case's money is held now, by the code of the account.
    pub held: Vec<(String, AccountKind, Amount)>,
    /// Registered, of all obligations.
    pub registered: Amount,
    /// Interest that has run besides.
    pub accrued: Amount,
    /// What is open.
    pub open: Amount,
}

impl Certificate {
    /// What stands in the way of closing; nothing where all is performed.
    #[must_use]
    pub fn refusal(&self, rules: &Rules) -> Option<Message> {
        let number = self.numbers.last().map_or("", String::as_str);
        if self.closed.is_empty() {
            return Some(Message::new("obligations.closing_none").with("number", number));
        }
        let stands_held = rules.held_money == HeldMoney::Refuse && !self.held.is_empty();
        if self.open == Amount::ZERO && !stands_held {
            return None;
        }
        Some(
            Message::new("obligations.closing_refused")
                .with("number", number)
                .with("date", self.on)
                .with_said("why", |language| self.why(language)),
        )
    }

    /// What is open and what is held, each with what is to be done first.
    fn why(&self, language: Language) -> String {
        let (comma, semicolon) = if language == Language::Zh { ("，", "；") } else { (", ", "; ") };
        let open = self.closed.iter().filter(|one| one.open > Amount::ZERO).map(|one| {
            let message = Message::new("obligations.closing_one").with("obligation", one.obligation.obligation_id);
            message.with("amount", one.open).text(language)
        });
        let held = self.held.iter().map(|(code, kind, amount)| {
            let name = held_name(*kind).text(language);
            // What is on its way out stands in no account of the case.
            let place = if *kind == AccountKind::InTransitOut { name } else { format!("{name} {code}") };
            Message::new("obligations.closing_place").with("place", place).with("amount", amount).text(language)
        });
        let (open, held) = (open.collect::<Vec<_>>().join(comma), held.collect::<Vec<_>>().join(comma));
        let mut why = Vec::new();
        if !open.is_empty() {
            let message = Message::new("obligations.closing_open").with("open", self.open).with("remaining", open);
            why.push(message.text(language));
        }
        if !held.is_empty() {
            why.push(Message::new("obligations.closing_held").with("held", held).text(language));
        }
        why.join(semicolon)
    }

    /// Names exactly this content.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut bytes = RowBytes::default();
        for number in &self.numbers {
            bytes.value(Value::Text(number));
        }
        bytes.value(Value::Text(&self.on.to_string()));
        for one in &self.closed {
            bytes.value(one.obligation.obligation_id.into());
            for amount in [one.obligation.total, one.accrued, one.open, one.surplus] {
                bytes.value(amount.minor().into());
            }
            for reduction in &one.reductions {
                bytes.value(reduction.way.as_str().into());
                bytes.value(reduction.id.into());
                bytes.value(Value::Text(&reduction.done_on.to_string()));
                bytes.value(Value::Text(&reduction.stops_on.to_string()));
                bytes.value(reduction.amount.minor().into());
            }
        }
        for (code, _, amount) in &self.held {
            bytes.value(Value::Text(code));
            bytes.value(amount.minor().into());
        }
        sha256(&[b"ankuan-closing-certificate-1", bytes.as_bytes()])
    }
}

/// Where money of a case is held, in words.
#[must_use]
pub const fn held_name(kind: AccountKind) -> Message {
    Message::new(match kind {
        AccountKind::Payable => "obligations.held_payable",
        AccountKind::SetAside => "obligations.held_set_aside",
        AccountKind::InTransitOut => "obligations.held_in_transit_out",
        _ => "obligations.held_case_funds",
    })
}

/// Draws a certificate up, whether or not anything is open. What is held is what is held now.
///
/// # Errors
/// `obligations.day_ahead` is the caller's; those of [`accounts_of_case`].
pub fn certificate(tx: &mut Tx<'_>, court_id: i64, case: &Case, on: Date) -> Outcome<Certificate> {
    let all = accounts_of_case(tx, court_id, case.case_id)?;
    let rules = interest_rules()?;
    let mut closed = Vec::with_capacity(all.accounts.len());
    for account in &all.accounts {
        closed.push(close(account, &account.reckon(&rules, on, all.bankruptcy)?, on)?);
    }
    let held = held(tx, court_id, case.case_id)?;
    Ok(Certificate {
        numbers: case.numbers.iter().map(|one| one.number.clone()).collect(),
        title: case.title.clone(),
        on,
        registered: sum(closed.iter().map(|one| one.obligation.total))?,
        accrued: sum(closed.iter().map(|one| one.accrued))?,
        open: sum(closed.iter().map(|one| one.open))?,
        closed,
        held,
    })
}

fn close(account: &Account, statement: &Statement, on: Date) -> Result<Closed, Message> {
    let ran = less(statement.general_interest, account.obligation.interest)?;
    let mut reductions: Vec<Reduction> =
        account.reductions.iter().filter(|one| one.done_on <= on && one.stops_on <= on).cloned().collect();
    reductions.sort_by_key(|one| (one.done_on, one.id));
    Ok(Closed {
        obligation: account.obligation.clone(),
        accrued: sum([ran, statement.doubled_interest])?,
        reductions,
        open: statement.open_total,
        surplus: statement.surplus,
    })
}

/// Where money of a case is held; besides what is on its way out, which stands with the bank account.
const HELD_IN: [AccountKind; 6] = [
    AccountKind::CaseFunds,
    AccountKind::Payable,
    AccountKind::SetAside,
    AccountKind::Security,
    AccountKind::AuctionPrice,
    AccountKind::Escrow,
];

/// What of a case's money is held: case funds (money on its way in included), payable, set aside, kept apart by a ruling, and
/// on its way out.
fn held(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<Vec<(String, AccountKind, Amount)>> {
    let [one, two, three, four, five, six] = HELD_IN.map(|kind| kind.as_str().into());
    let mut held = tx.query(
        "SELECT a.code, a.kind, b.posted_minor FROM account AS a JOIN balance AS b ON b.court_id = a.court_id \
         AND b.book_id = a.book_id AND b.account_id = a.account_id WHERE a.court_id = $1 AND a.book_id = $2 \
         AND a.case_id = $3 AND a.kind IN ($4, $5, $6, $7, $8, $9) AND b.posted_minor <> 0 ORDER BY a.account_id",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into(), one, two, three, four, five, six],
        |row| Ok((row.text(0)?.to_owned(), read_word(row, 1, AccountKind::parse)?, Amount::from_minor(row.int(2)?))),
    )?;
    let out = tx.query_one(
        "SELECT CAST(COALESCE(SUM(p.amount_minor - COALESCE(b.amount_minor, 0)), 0) AS BIGINT) FROM \
         (SELECT l.sheet_line_id AS line_id FROM sheet AS s JOIN sheet_line AS l ON l.court_id = s.court_id \
          AND l.book_id = s.book_id AND l.sheet_id = s.sheet_id \
          WHERE s.court_id = $1 AND s.book_id = $2 AND s.case_id = $3 \
          UNION ALL SELECT l.reissue_line_id FROM reissue AS r JOIN reissue_line AS l ON l.court_id = r.court_id \
          AND l.book_id = r.book_id AND l.reissue_id = r.reissue_id \
          WHERE r.court_id = $1 AND r.book_id = $2 AND r.case_id = $3 \
          UNION ALL SELECT h.share_id FROM distribution AS d JOIN share AS h ON h.court_id = d.court_id \
          AND h.book_id = d.book_id AND h.share_id >= d.first_share_id AND h.share_id < d.first_share_id + d.share_count \
          WHERE d.court_id = $1 AND d.book_id = $2 AND d.case_id = $3) AS i \
         JOIN payment_line AS p ON p.court_id = $1 AND p.book_id = $2 AND p.line_id = i.line_id \
         JOIN run_state AS r ON r.court_id = $1 AND r.book_id = $2 AND r.run_id = p.run_id AND r.status = 'released' \
         LEFT JOIN line_event AS b ON b.court_id = $1 AND b.book_id = $2 AND b.line_id = p.line_id \
         AND b.payee_no = p.payee_no AND b.event IN ('blocked_at_release', 'split_at_release') \
         LEFT JOIN payment_state AS t ON t.court_id = $1 AND t.book_id = $2 AND t.payment_id = p.payment_id \
         WHERE COALESCE(t.outcome, 'out') = 'out'",
        &[court_id.into(), books::CASE_MONEY.into(), case_id.into()],
        |row| row.int(0),
    )?;
    if out != 0 {
        held.push(("T".to_owned(), AccountKind::InTransitOut, Amount::from_minor(out)));
    }
    Ok(held)
}
