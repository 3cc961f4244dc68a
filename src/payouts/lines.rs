//! What a run pays, line by line: shares and sheets, with what happened to the claim since.

use std::collections::{HashMap, HashSet};

use ankuan_ledger::engine::Kind::{Int, Text};
use ankuan_ledger::engine::{Error, Table, Tx};
use ankuan_ledger::{Amount, BookKey};

use super::details::payees_of;
use super::reissue::due_lines;
use super::rounds::{SHARE, find_distribution};
use super::runs::{Run, Source, SourceKind, Status};
use crate::books;
use crate::cases::freezes::{self, FrozenShare};
use crate::cases::{self, gates};
use crate::claims::events::sum_is_one;
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// Shares decided and recorded at a time: bounds memory, not the transaction.
pub const LINES_A_PAGE: i64 = 10_000;

/// How many lines pass between two words about progress: often enough that whoever looks sees it move.
pub const LINES_A_WORD: u64 = 500;

/// `payment_line`
pub static PAYMENT_LINE: Table = Table {
    name: "payment_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("payment_id", Int),
        ("line_id", Int),
        ("payee_no", Int),
        ("run_id", Int),
        ("line_no", Int),
        ("case_id", Int),
        ("detail_id", Int),
        ("amount_minor", Int),
        ("mark", Int),
    ],
    order: &["payment_id"],
};

/// `line_event`
pub static LINE_EVENT: Table = Table {
    name: "line_event",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("run_id", Int),
        ("line_id", Int),
        ("payee_no", Int),
        ("detail_id", Int),
        ("event", Text),
        ("amount_minor", Int),
        ("reason", Text),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A share or sheet line on its way to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueLine {
    /// Item of its postings.
    pub line_id: i64,
    /// Claim or payee.
    pub claim_id: i64,
    /// What is due.
    pub amount: Amount,
    /// Why it is set aside, if it is.
    pub set_aside: Option<String>,
    /// Goes to the treasury inside the books and to no bank file.
    pub to_treasury: bool,
    /// Payment details.
    pub detail_id: i64,
    /// The item that a payment came back to, when this one is made in its place.
    pub came_back_to: Option<i64>,
}

/// What has to be known about a source besides its lines.
#[derive(Debug, Default)]
pub struct Standing {
    /// Why nothing of this case may be paid: stayed, bankruptcy accepted, plan objected to.
    pub gate: Option<String>,
    /// What other orders have frozen and is not set aside yet.
    pub frozen: Frozen,
    /// Claims disputed or withdrawn after the distribution.
    pub disputed: HashSet<i64>,
    /// New payment details by claim.
    pub details: HashMap<i64, i64>,
    /// Claims with several payees: (details, numerator, denominator).
    pub payees: HashMap<i64, Vec<(i64, i64, i64)>>,
}

/// What other orders have frozen of the shares of a case and is not set aside yet.
#[derive(Debug, Clone, Default)]
pub struct Frozen {
    /// By claim or payee.
    claims: HashMap<i64, Amount>,
    /// By the blind index of a document number.
    documents: HashMap<i64, Amount>,
    /// Whose document stands behind payment details.
    persons: HashMap<i64, i64>,
}

impl Frozen {
    /// Splits an amount into what has to be set aside and what may go; what is set aside counts from then on.
    pub fn split(&mut self, claim_id: i64, detail_id: i64, amount: Amount) -> (Amount, Amount) {
        let mut rest = amount.minor();
        let of_claim = self.claims.get_mut(&claim_id);
        let of_person = self.persons.get(&detail_id).and_then(|index| self.documents.get_mut(index));
        for left in of_claim.into_iter().chain(of_person) {
            let part = rest.min(left.minor());
            *left = Amount::from_minor(left.minor() - part);
            rest -= part;
        }
        (Amount::from_minor(amount.minor() - rest), Amount::from_minor(rest))
    }
}

impl Standing {
    /// Why nothing of a line can be paid now.
    #[must_use]
    pub fn blocked(&self, claim_id: i64) -> Option<&str> {
        match &self.gate {
            Some(gate) => Some(gate),
            None => self.disputed.contains(&claim_id).then_some("disputed"),
        }
    }

    /// Whether money of a claim still goes to these details.
    #[must_use]
    pub fn is_current(&self, claim_id: i64, detail_id: i64) -> bool {
        match (self.payees.get(&claim_id), self.details.get(&claim_id)) {
            (Some(payees), _) => payees.iter().any(|payee| payee.0 == detail_id),
            (None, Some(details)) => *details == detail_id,
            (None, None) => true,
        }
    }

    /// The details that the one payee of a claim is paid to now; `None` where the claim has several payees, of whom a
    /// single payment does not tell which one it was.
    #[must_use]
    pub fn detail_now(&self, claim_id: i64, detail_id: i64) -> Option<i64> {
        match self.payees.get(&claim_id) {
            Some(_) => None,
            None => Some(self.details.get(&claim_id).copied().unwrap_or(detail_id)),
        }
    }

    /// The payees of a line: one, or heirs and agents by their shares. The parts sum to the amount: floored, the
    /// left-over fen to the largest remainders, ties to the first.
    #[must_use]
    pub fn payees(&self, claim_id: i64, detail_id: i64, amount: Amount) -> Vec<(i64, Amount)> {
        let Some(payees) = self.payees.get(&claim_id) else {
            return vec![(self.details.get(&claim_id).copied().unwrap_or(detail_id), amount)];
        };
        let whole = i128::from(amount.minor());
        let mut parts: Vec<(i64, i128, i128, i128)> = payees
            .iter()
            .map(|(detail, numerator, denominator)| {
                let (numerator, denominator) = (i128::from(*numerator), i128::from(*denominator));
                (*detail, whole * numerator / denominator, whole * numerator % denominator, denominator)
            })
            .collect();
        let mut left = whole - parts.iter().map(|part| part.1).sum::<i128>();
        let mut order: Vec<usize> = (0..parts.len()).collect();
        // Remainders are compared as fractions: r1/d1 against r2/d2.
        order.sort_by(|a, b| (parts[*b].2 * parts[*a].3).cmp(&(parts[*a].2 * parts[*b].3)).then(a.cmp(b)));
        for place in order {
            if left > 0 {
                parts[place].1 += 1;
                left -= 1;
            }
        }
        let fen = |part: i128| Amount::from_minor(i64::try_from(part).unwrap_or(i64::MAX));
        parts
            .into_iter()
            .map(|(detail, part, ..)| (detail, fen(part)))
            .filter(|(_, part)| *part > Amount::ZERO)
            .collect()
    }
}

/// What was set aside under orders on a payee's share since an order; the target's condition follows.
macro_rules! set_aside_for {
    () => {
        "SELECT CAST(COALESCE(SUM(e.amount_minor), 0) AS BIGINT) FROM line_event AS e \
         JOIN run_state AS r ON r.court_id = e.court_id AND r.book_id = e.book_id AND r.run_id = e.run_id \
         LEFT JOIN share AS s ON s.court_id = e.court_id AND s.book_id = e.book_id AND s.share_id = e.line_id \
         LEFT JOIN sheet_line AS l ON l.court_id = e.court_id AND l.book_id = e.book_id \
         AND l.sheet_line_id = e.line_id \
         LEFT JOIN reissue_line AS i ON i.court_id = e.court_id AND i.book_id = e.book_id \
         AND i.reissue_line_id = e.line_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.reason = 'payee_frozen' AND e.id > $3 AND r.status <> $4 AND "
    };
}

/// Loads what stands in the way of a source's lines, and what changed since it was made.
///
/// # Errors
/// What the database says.
pub fn standing(tx: &mut Tx<'_>, court_id: i64, source: &Source) -> Outcome<Standing> {
    let book = books::case_money(court_id);
    let gates = gates::gates(&gates::events_of(tx, book, source.case_id)?);
    let mut standing =
        Standing { gate: gates.first().map(|gate| gate.kind.as_str().to_owned()), ..Standing::default() };
    standing.frozen = frozen(tx, book, source.case_id)?;
    let events = tx.query(
        "SELECT id, claim_id, event, detail_id, numerator, denominator FROM claim_event \
         WHERE court_id = $1 AND book_id = $2 AND case_id = $3 ORDER BY id",
        &[court_id.into(), book.book_id.into(), source.case_id.into()],
        |row| {
            Ok((
                row.int(0)?,
                row.int(1)?,
                row.text(2)?.to_owned(),
                row.opt_int(3)?,
                row.opt_int(4)?.zip(row.opt_int(5)?),
            ))
        },
    )?;
    for (id, claim_id, event, detail_id, part) in events {
        // A payment that came back may be disputed before it is paid again.
        let later = source.kind == SourceKind::Reissue || id > source.source_id;
        match (event.as_str(), detail_id, part) {
            ("details", Some(detail), _) => {
                standing.details.insert(claim_id, detail);
            }
            ("payee", Some(detail), Some((numerator, denominator))) => {
                let payees = standing.payees.entry(claim_id).or_default();
                let parts: Vec<(i64, i64)> = payees.iter().map(|payee| (payee.1, payee.2)).collect();
                if sum_is_one(&parts) {
                    // The set is complete: this payee begins another, which replaces it.
                    payees.clear();
                }
                payees.push((detail, numerator, denominator));
            }
            ("disputed" | "withdrawn", ..) if later => {
                standing.disputed.insert(claim_id);
            }
            ("confirmed", ..) => {
                standing.disputed.remove(&claim_id);
            }
            _ => {}
        }
    }
    Ok(standing)
}

/// What is frozen in a case: the orders in force, less what was set aside for them before.
fn frozen(tx: &mut Tx<'_>, book: BookKey, case_id: i64) -> Outcome<Frozen> {
    let mut frozen = Frozen::default();
    // The oldest order in force, by target: what was set aside since then was set aside for it.
    let mut since: HashMap<FrozenShare, i64> = HashMap::new();
    for freeze in freezes::freezes_of(tx, book, case_id)?.into_iter().filter(|freeze| freeze.lifted_by.is_none()) {
        let total = match &freeze.share {
            FrozenShare::Claim(claim_id) => frozen.claims.entry(*claim_id),
            FrozenShare::Document(index) => frozen.documents.entry(*index),
        };
        let total = total.or_default();
        *total = total.plus(freeze.amount).unwrap_or(Amount::from_minor(i64::MAX));
        since.entry(freeze.share).or_insert(freeze.freeze_id);
    }
    for (share, freeze_id) in since {
        let (target, text, left) = match share {
            FrozenShare::Claim(claim_id) => (
                claim_id,
                concat!(set_aside_for!(), "($5 IN (s.claim_id, l.payee_id, i.claim_id))"),
                frozen.claims.get_mut(&claim_id),
            ),
            FrozenShare::Document(index) => {
                let details = tx.query(
                    "SELECT detail_id FROM personal_detail WHERE court_id = $1 AND book_id = $2 AND document_index = $3",
                    &[book.court_id.into(), book.book_id.into(), index.into()],
                    |row| row.int(0),
                )?;
                frozen.persons.extend(details.into_iter().map(|detail_id| (detail_id, index)));
                let of_person = concat!(
                    set_aside_for!(),
                    "e.detail_id IN (SELECT d.detail_id FROM personal_detail AS d \
                     WHERE d.court_id = $1 AND d.book_id = $2 AND d.document_index = $5)"
                );
                (index, of_person, frozen.documents.get_mut(&index))
            }
        };
        let key = [book.court_id.into(), book.book_id.into(), freeze_id.into(), "withdrawn".into(), target.into()];
        let done = tx.query_one(text, &key, |row| row.int(0))?;
        if let Some(left) = left {
            *left = Amount::from_minor((left.minor() - done).max(0));
        }
    }
    Ok(frozen)
}

/// The lines of a source, one page after another; `carry` shares are not lines.
///
/// # Errors
/// What the database or `take` says.
pub fn each_page(
    tx: &mut Tx<'_>,
    court_id: i64,
    source: &Source,
    take: &mut dyn FnMut(&mut Tx<'_>, &[DueLine]) -> Outcome<()>,
) -> Outcome<()> {
    let book = books::case_money(court_id);
    match source.kind {
        SourceKind::Sheet => {
            let lines = sheet_lines(tx, book, source.source_id)?;
            take(tx, &lines)
        }
        SourceKind::Reissue => {
            let lines = due_lines(tx, court_id, source.source_id)?;
            take(tx, &lines)
        }
        SourceKind::Distribution => {
            let (mut first, last) = find_distribution(tx, court_id, source.source_id)?.share_ids();
            let mut page = Vec::new();
            while first <= last {
                page.clear();
                let end = last.min(first + LINES_A_PAGE - 1);
                tx.scan(&SHARE, court_id, book.book_id, (first, end), |row| {
                    let set_aside = match row.text(8)? {
                        "pay" => None,
                        "set_aside" => Some(row.text(9)?.to_owned()),
                        _ => return Ok::<(), Error>(()),
                    };
                    page.push(DueLine {
                        line_id: row.int(2)?,
                        claim_id: row.int(4)?,
                        amount: Amount::from_minor(row.int(7)?),
                        set_aside,
                        to_treasury: false,
                        detail_id: row.int(5)?,
                        came_back_to: None,
                    });
                    Ok(())
                })?;
                take(tx, &page)?;
                first = end + 1;
            }
            Ok(())
        }
    }
}

fn sheet_lines(tx: &mut Tx<'_>, book: BookKey, sheet_id: i64) -> Outcome<Vec<DueLine>> {
    Ok(tx.query(
        "SELECT l.sheet_line_id, l.payee_id, l.amount_minor, l.detail_id, p.kind, x.kind FROM sheet_line AS l \
         JOIN payee AS p ON p.court_id = l.court_id AND p.book_id = l.book_id AND p.payee_id = l.payee_id \
         LEFT JOIN sheet_source AS x ON x.court_id = l.court_id AND x.book_id = l.book_id AND x.sheet_id = l.sheet_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.sheet_id = $3 ORDER BY l.sheet_line_id",
        &[book.court_id.into(), book.book_id.into(), sheet_id.into()],
        |row| {
            Ok(DueLine {
                line_id: row.int(0)?,
                claim_id: row.int(1)?,
                amount: Amount::from_minor(row.int(2)?),
                set_aside: None,
                // What is the treasury's already leaves the bank.
                to_treasury: row.text(4)? == "treasury" && row.opt_text(5)?.is_none(),
                detail_id: row.int(3)?,
                came_back_to: None,
            })
        },
    )?)
}

/// Takes money from the receipts of a case, oldest first, so that every posting names where its money came from.
#[derive(Debug)]
pub struct Receipts {
    left: Vec<(i64, i64)>,
    place: usize,
    account: String,
}

impl Receipts {
    /// What is available of each receipt, and the number of the bank account that they are in.
    #[must_use]
    pub const fn new(left: Vec<(i64, i64)>, account: String) -> Self {
        Self { left, place: 0, account }
    }

    /// Takes an amount; gives it in one part for each receipt it comes from.
    ///
    /// # Errors
    /// `payouts.case_money_short`.
    pub fn take(&mut self, amount: Amount, parts: &mut Vec<(i64, Amount)>) -> Result<(), Failure> {
        parts.clear();
        let mut wanted = amount.minor();
        while wanted > 0 {
            let Some((receipt, left)) = self.left.get_mut(self.place) else {
                return Err(Message::new("payouts.case_money_short")
                    .with("account", &self.account)
                    .with("missing", Amount::from_minor(wanted))
                    .into());
            };
            let part = wanted.min(*left);
            if part > 0 {
                parts.push((*receipt, Amount::from_minor(part)));
            }
            *left -= part;
            wanted -= part;
            if *left == 0 {
                self.place += 1;
            }
        }
        Ok(())
    }
}

/// The payment lines of a run in their order, page by page.
///
/// # Errors
/// What the database or `take` says.
pub fn each_payment(
    tx: &mut Tx<'_>,
    court_id: i64,
    run: &Run,
    take: &mut dyn FnMut(&mut Tx<'_>, &[Payment]) -> Outcome<()>,
) -> Outcome<()> {
    each_payment_between(tx, court_id, run, (1, i64::MAX), take)
}

/// First and last id of the payment lines of a run; none before it is committed.
fn ids_of_run(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Option<(i64, i64)>> {
    // The lines of a run are one part of the chain: that of its commit.
    Ok(tx.query_opt(
        "SELECT p.first_id, p.last_id FROM run_event AS e JOIN chain_part AS c ON c.court_id = e.court_id \
         AND c.book_id = e.book_id AND c.table_name = 'run_event' AND c.first_id = e.id \
         JOIN chain_part AS p ON p.court_id = c.court_id AND p.book_id = c.book_id AND p.link_no = c.link_no \
         AND p.table_name = 'payment_line' \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.run_id = $3 AND e.event = 'committed'",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?)
}

/// A payment line and where it stands, in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentView {
    /// The line.
    pub payment: Payment,
    /// 户名.
    pub payee: String,
    /// out, debited, failed, returned, reissued; none before the run is released.
    pub outcome: Option<String>,
    /// What the bank answered: none, paid, failed, unknown.
    pub answer: Option<String>,
    /// Why it was not paid.
    pub cause: Option<String>,
}

/// A page of the payment lines of a committed run behind an id, in their order. Nothing sealed is opened for it.
///
/// # Errors
/// `payouts.detail_missing`; what the database says.
pub fn page(tx: &mut Tx<'_>, court_id: i64, run: &Run, after: i64, most: i64) -> Outcome<Vec<PaymentView>> {
    // A payment of which nothing was heard has no state of its own: it is on its way.
    let on_its_way = (run.status == Status::Released).then_some("out");
    let Some((first, last)) = ids_of_run(tx, court_id, run.run_id)? else { return Ok(Vec::new()) };
    let found = tx.query(
        "SELECT p.payment_id, p.line_id, p.payee_no, p.line_no, p.case_id, p.detail_id, p.amount_minor, s.outcome, \
         s.answer, s.cause FROM payment_line AS p LEFT JOIN payment_state AS s ON s.court_id = p.court_id \
         AND s.book_id = p.book_id AND s.payment_id = p.payment_id \
         WHERE p.court_id = $1 AND p.book_id = $2 AND p.payment_id >= $3 AND p.payment_id <= $4 \
         ORDER BY p.payment_id LIMIT $5",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            first.max(after.saturating_add(1)).into(),
            last.into(),
            most.into(),
        ],
        |row| {
            let payment = Payment {
                payment_id: row.int(0)?,
                line_id: row.int(1)?,
                payee_no: row.int(2)?,
                line_no: row.int(3)?,
                case_id: row.int(4)?,
                detail_id: row.int(5)?,
                amount: Amount::from_minor(row.int(6)?),
            };
            let text = |column| Ok::<_, Error>(row.opt_text(column)?.map(str::to_owned));
            Ok((payment, text(7)?, text(8)?, text(9)?))
        },
    )?;
    let payments: Vec<Payment> = found.iter().map(|(payment, ..)| *payment).collect();
    let payees = payees_of(tx, court_id, "", &payments)?;
    Ok(found
        .into_iter()
        .zip(payees)
        .map(|((payment, outcome, answer, cause), payee)| PaymentView {
            payment,
            payee: payee.name,
            outcome: outcome.or_else(|| on_its_way.map(str::to_owned)),
            answer,
            cause: cause.filter(|cause| !cause.is_empty()),
        })
        .collect())
}

/// The payment lines of a run between two line numbers (both included). What lies outside is not read.
///
/// # Errors
/// What the database or `take` says.
pub fn each_payment_between(
    tx: &mut Tx<'_>,
    court_id: i64,
    run: &Run,
    (first_line, last_line): (i64, i64),
    take: &mut dyn FnMut(&mut Tx<'_>, &[Payment]) -> Outcome<()>,
) -> Outcome<()> {
    let book = books::case_money(court_id);
    // A run that pays only the treasury has none.
    let Some((mut first, last)) = ids_of_run(tx, court_id, run.run_id)? else { return Ok(()) };
    if first_line > 1 {
        first = id_of_line(tx, book, (first, last), first_line)?;
    }
    let mut page = Vec::new();
    let mut is_past = false;
    // Whoever wants a few lines does not read a whole page of them; there may be gaps, so the next piece is larger.
    let mut width = last_line.saturating_sub(first_line).saturating_add(1).clamp(1, LINES_A_PAGE);
    while first <= last && !is_past {
        page.clear();
        let end = last.min(first + width - 1);
        width = LINES_A_PAGE.min(width * 2);
        tx.scan(&PAYMENT_LINE, court_id, book.book_id, (first, end), |row| {
            if row.int(6)? > last_line {
                is_past = true;
                return Ok::<(), Error>(());
            }
            page.push(Payment {
                payment_id: row.int(2)?,
                line_id: row.int(3)?,
                payee_no: row.int(4)?,
                line_no: row.int(6)?,
                case_id: row.int(7)?,
                detail_id: row.int(8)?,
                amount: Amount::from_minor(row.int(9)?),
            });
            Ok::<(), Error>(())
        })?;
        take(tx, &page)?;
        first = end + 1;
    }
    Ok(())
}

/// The id of the first payment of a run from a line number on. Ids and line numbers rise together, with gaps between
/// the ids, so the place is found by halving.
fn id_of_line(tx: &mut Tx<'_>, book: BookKey, (mut first, mut last): (i64, i64), line_no: i64) -> Outcome<i64> {
    while first < last {
        let middle = first + (last - first) / 2;
        let next = tx.query(
            "SELECT payment_id, line_no FROM payment_line WHERE court_id = $1 AND book_id = $2 AND payment_id >= $3 \
             AND payment_id <= $4 ORDER BY payment_id LIMIT 1",
            &[book.court_id.into(), book.book_id.into(), middle.into(), last.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?;
        match next.first() {
            Some((id, found)) if *found < line_no => first = id + 1,
            _ => last = middle,
        }
    }
    Ok(first)
}

/// A payment line as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payment {
    /// Row.
    pub payment_id: i64,
    /// Share, sheet line or line of a reissue.
    pub line_id: i64,
    /// 1, or the place among several payees.
    pub payee_no: i64,
    /// Within the run.
    pub line_no: i64,
    /// Case.
    pub case_id: i64,
    /// Payment details.
    pub detail_id: i64,
    /// Amount.
    pub amount: Amount,
}

/// A line of a claim that something happened to: frozen, disputed, withdrawn, or with other payment details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TouchedLine {
    /// Share or sheet line.
    pub line_id: i64,
    /// Claim or payee.
    pub claim_id: i64,
    /// Disputed or withdrawn after the source was made.
    pub is_disputed: bool,
}

/// The lines of a source that need a second look at release, in order. The shares are read once however many claims
/// were touched, and not at all when none was.
///
/// # Errors
/// What the database says.
pub fn touched_lines(
    tx: &mut Tx<'_>,
    court_id: i64,
    source: &Source,
    standing: &Standing,
) -> Outcome<Vec<TouchedLine>> {
    let changed = standing.details.keys().chain(standing.payees.keys());
    let claims: HashSet<i64> =
        standing.frozen.claims.keys().chain(&standing.disputed).chain(changed).copied().collect();
    let mut touched = Vec::new();
    if claims.is_empty() {
        return Ok(touched);
    }
    let mut take = |line_id, claim_id| {
        if claims.contains(&claim_id) {
            touched.push(TouchedLine { line_id, claim_id, is_disputed: standing.disputed.contains(&claim_id) });
        }
    };
    let book = books::case_money(court_id);
    match source.kind {
        SourceKind::Distribution => {
            let (mut first, last) = find_distribution(tx, court_id, source.source_id)?.share_ids();
            while first <= last {
                let end = last.min(first + LINES_A_PAGE - 1);
                tx.scan(&SHARE, court_id, book.book_id, (first, end), |row| {
                    take(row.int(2)?, row.int(4)?);
                    Ok::<(), Error>(())
                })?;
                first = end + 1;
            }
        }
        SourceKind::Sheet => {
            for line in sheet_lines(tx, book, source.source_id)? {
                take(line.line_id, line.claim_id);
            }
        }
        SourceKind::Reissue => {
            for line in due_lines(tx, court_id, source.source_id)? {
                take(line.line_id, line.claim_id);
            }
        }
    }
    Ok(touched)
}

/// What stands before the case number in the purpose of a payment; banks give it back with a return.
pub const PURPOSE: &str = "案款发放";

/// What stands on the lines of a case: the purpose, and the sub-account that the money was paid into.
///
/// # Errors
/// What the database says.
pub fn purpose(tx: &mut Tx<'_>, court_id: i64, case_id: i64) -> Outcome<(String, String)> {
    let book = books::case_money(court_id);
    let case = cases::case_by_id(tx, book, case_id)?;
    let sub_account = cases::sub_accounts(tx, book, case_id)?.into_iter().next();
    let purpose = format!("{PURPOSE}{}", case.current_number());
    Ok((purpose, sub_account.map(|account| account.number).unwrap_or_default()))
}
