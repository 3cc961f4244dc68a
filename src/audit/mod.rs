//! Checks what a court has on record, from the database. Facts, balances, distributions, approvals and files are
//! computed again; the details of payees, and those that came after a list, are not opened yet.

use ankuan_ledger::Store;
use ankuan_ledger::chain::{ChainHead, Digest, sha256};
use ankuan_ledger::engine::{Error, Tx};
use ankuan_ledger::verify::{Check, verify};

use crate::books;
use crate::chart::AccountKind;
use crate::claims::record::CLAIM;
use crate::documents;
use crate::documents::keys::Keys;
use crate::documents::personal::each_detail;
use crate::failure::{Failure, Outcome};
use crate::payouts::rounds::{find_distribution, recompute};
use crate::payouts::runs::{self, Status};
use crate::schema;

/// Claims whose details are opened at a time.
const DETAILS_A_PAGE: i64 = 20_000;

/// What was found.
#[derive(Debug, Clone)]
pub struct CourtReport {
    /// Each question and its answer, in the order they were asked.
    pub checks: Vec<Check>,
    /// The heads of the chains: register and case money.
    pub heads: Vec<ChainHead>,
    /// Rows of facts that were hashed again.
    pub facts: u64,
    /// Postings that were replayed.
    pub postings: u64,
}

impl CourtReport {
    /// Whether nothing was found wrong.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.checks.iter().all(Check::ok)
    }
}

/// Checks a court: both books with their chains, then what the application has on record. With keys, sealed data and
/// kept files as well; without them those two checks are not made and not listed.
///
/// The books and the rest are read at the same time, on two connections that see the same moment.
///
/// # Errors
/// What the database says. What is wrong with the books is in the report.
pub fn verify_court(
    store: &mut Store,
    court_id: i64,
    keys: Option<&Keys>,
    anchors: &[ChainHead],
    progress: &mut dyn FnMut(u64),
) -> Outcome<CourtReport> {
    let mut second_store = store.reopen()?;
    let mut tx = store.snapshot()?;
    let mut second = second_store.snapshot()?;
    // Every act moves the head of a book, so equal heads are the same moment.
    while heads(&mut tx, court_id)? != heads(&mut second, court_id)? {
        drop((tx, second));
        tx = store.snapshot()?;
        second = second_store.snapshot()?;
    }
    let (tx, second) = (&mut tx, &mut second);
    let (report, applied) = std::thread::scope(|scope| {
        let applied = scope.spawn(move || application(second, court_id, keys));
        let report = both_books(tx, court_id, anchors, progress);
        (report, applied.join())
    });
    let mut report = report?;
    report.checks.extend(applied.map_err(|_| Error::Inconsistent("a check ended in a panic".to_owned()))??);
    Ok(report)
}

/// Where the chains of a court stand.
fn heads(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<Digest>> {
    Ok(tx.query("SELECT link_hash FROM book_head WHERE court_id = $1 ORDER BY book_id", &[court_id.into()], |row| {
        Ok(sha256(&[row.bytes(0)?]))
    })?)
}

/// The ledger's own questions, of the register and of the case money.
fn both_books(
    tx: &mut Tx<'_>,
    court_id: i64,
    anchors: &[ChainHead],
    progress: &mut dyn FnMut(u64),
) -> Outcome<CourtReport> {
    let facts = schema::facts();
    let mut report = CourtReport { checks: Vec::new(), heads: Vec::new(), facts: 0, postings: 0 };
    for book in [books::register(court_id), books::case_money(court_id)] {
        let of_book: Vec<ChainHead> = anchors.iter().filter(|anchor| anchor.book_id == book.book_id).copied().collect();
        let before = report.facts;
        let found = verify(tx, book, &facts, &of_book, &mut |done| progress(before + done))?;
        report.facts += found.facts;
        report.postings += found.postings;
        report.heads.push(found.head);
        for check in found.checks {
            // One line a question: the first finding of either book stands.
            match report.checks.iter_mut().find(|known| known.name == check.name) {
                Some(known) if known.finding.is_none() => known.finding = check.finding,
                Some(_) => {}
                None => report.checks.push(check),
            }
        }
    }
    if let Some(stray) = anchors.iter().find(|anchor| anchor.court_id != court_id)
        && let Some(check) = report.checks.iter_mut().find(|check| check.name == "anchors")
    {
        check.finding.get_or_insert_with(|| format!("{stray} belongs to another court"));
    }
    Ok(report)
}

/// What the application has on record: each amount follows from the one before it, each file and detail is whole.
fn application(tx: &mut Tx<'_>, court_id: i64, keys: Option<&Keys>) -> Outcome<Vec<Check>> {
    tx.expect_whole_tables()?;
    let mut checks = vec![
        Check::new("distributions", distributions(tx, court_id)?),
        Check::new("payments", payments(tx, court_id)?),
        Check::new("payment_items", payment_items(tx, court_id)?),
        Check::new("approvals", approvals(tx, court_id)?),
        Check::new("files", files(tx, court_id)?),
    ];
    if let Some(keys) = keys {
        checks.push(Check::new("documents", all_documents(tx, court_id, keys)?));
        checks.push(Check::new("personal_details", personal_details(tx, court_id, keys)?));
    }
    Ok(checks)
}

/// Every distribution gives the same shares again, and its proof ties.
fn distributions(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let ids = tx.query(
        "SELECT distribution_id FROM distribution WHERE court_id = $1 AND book_id = $2 ORDER BY distribution_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| row.int(0),
    )?;
    for id in ids {
        let stored = find_distribution(tx, court_id, id)?;
        if let Some(finding) = recompute(tx, court_id, &stored)? {
            return Ok(Some(finding));
        }
    }
    Ok(None)
}

/// The payment lines of a share or sheet line come to no more than its amount; a run's lines to what its commit says.
fn payments(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let differs = tx.query(
        "SELECT p.line_id FROM (SELECT line_id, CAST(SUM(amount_minor) AS BIGINT) AS amount_minor FROM payment_line \
         WHERE court_id = $1 AND book_id = $2 GROUP BY line_id) AS p \
         LEFT JOIN share AS s ON s.court_id = $1 AND s.book_id = $2 AND s.share_id = p.line_id \
         LEFT JOIN sheet_line AS l ON l.court_id = $1 AND l.book_id = $2 AND l.sheet_line_id = p.line_id \
         WHERE COALESCE(s.granted_minor, l.amount_minor, -1) < p.amount_minor ORDER BY p.line_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if let Some(line) = differs.first() {
        return Ok(Some(format!("payment line {line} pays more than is due")));
    }
    let runs = tx.query(
        "SELECT r.number, e.line_count, e.amount_minor, CAST(COUNT(p.line_id) AS BIGINT), \
         CAST(COALESCE(SUM(p.amount_minor), 0) AS BIGINT) FROM run_event AS e \
         JOIN run AS r ON r.court_id = e.court_id AND r.book_id = e.book_id AND r.run_id = e.run_id \
         LEFT JOIN payment_line AS p ON p.court_id = e.court_id AND p.book_id = e.book_id AND p.run_id = e.run_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'committed' \
         GROUP BY r.number, e.line_count, e.amount_minor ORDER BY r.number",
        &key,
        |row| Ok((row.text(0)?.to_owned(), (row.int(1)?, row.int(2)?), (row.int(3)?, row.int(4)?))),
    )?;
    Ok(runs.into_iter().find(|(_, said, found)| said != found).map(|(number, said, found)| {
        format!("run {number}: {} lines of {} fen committed, {} of {} found", said.0, said.1, found.0, found.1)
    }))
}

/// No payee's item is below zero in what is payable, set aside or on its way: nobody is paid what was not due.
fn payment_items(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let kinds = [AccountKind::Payable, AccountKind::SetAside, AccountKind::Deposited, AccountKind::InTransitOut];
    let below = tx.query(
        "SELECT a.code, p.item_id FROM account AS a JOIN posting AS p ON p.court_id = a.court_id \
         AND p.book_id = a.book_id AND p.account_id = a.account_id \
         WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind IN ($3, $4, $5, $6) GROUP BY a.code, p.item_id \
         HAVING SUM(CASE WHEN p.side = a.normal_side THEN p.amount_minor ELSE -p.amount_minor END) < 0 \
         ORDER BY a.code, p.item_id LIMIT 1",
        &[
            court_id.into(),
            books::CASE_MONEY.into(),
            kinds[0].as_str().into(),
            kinds[1].as_str().into(),
            kinds[2].as_str().into(),
            kinds[3].as_str().into(),
        ],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )?;
    Ok(below.first().map(|(code, item)| format!("item {item} of account {code} is below zero")))
}

/// Every committed run was approved, step by step, by different people, none of them the maker, in what it committed.
fn approvals(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    for number in runs::run_numbers(tx, court_id)? {
        let run = runs::find_run(tx, court_id, &number)?;
        if !matches!(run.status, Status::Committed | Status::Released | Status::Withdrawn) {
            continue;
        }
        let committed = tx.query_opt(
            "SELECT digest FROM run_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 AND event = 'committed'",
            &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
            |row| row.digest(0),
        )?;
        let Some(digest) = committed else { return Ok(Some(format!("run {number} was never committed"))) };
        let content = runs::content(tx, court_id, &run)?;
        match runs::must_be_approved(tx, court_id, &run, &runs::Content { digest, ..content }) {
            Ok(()) => {}
            Err(Failure::Refused(_)) => return Ok(Some(format!("run {number} was committed without its approvals"))),
            Err(broken) => return Err(broken),
        }
    }
    Ok(None)
}

/// The files of a released run hold each of its lines once: counts and sums are those of the lines.
fn files(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let rows = tx.query(
        "SELECT r.number, CAST(SUM(f.line_count) AS BIGINT), CAST(SUM(f.sum_minor) AS BIGINT), \
         MAX(e.line_count), MAX(e.amount_minor) FROM bank_file AS f \
         JOIN run AS r ON r.court_id = f.court_id AND r.book_id = f.book_id AND r.run_id = f.run_id \
         LEFT JOIN run_event AS e ON e.court_id = f.court_id AND e.book_id = f.book_id AND e.run_id = f.run_id \
         AND e.event = 'released' WHERE f.court_id = $1 AND f.book_id = $2 GROUP BY r.number ORDER BY r.number",
        &key,
        |row| Ok((row.text(0)?.to_owned(), (row.int(1)?, row.int(2)?), (row.opt_int(3)?, row.opt_int(4)?))),
    )?;
    if let Some((number, ..)) = rows.iter().find(|(_, files, said)| *said != (Some(files.0), Some(files.1))) {
        return Ok(Some(format!("run {number}: its files do not hold what was released")));
    }
    // What was released and what was blocked at release are all lines of the run.
    let runs = tx.query(
        "SELECT r.number, MAX(e.line_count), CAST(COUNT(p.line_id) AS BIGINT), \
         (SELECT CAST(COUNT(*) AS BIGINT) FROM line_event AS b WHERE b.court_id = $1 AND b.book_id = $2 \
          AND b.run_id = r.run_id AND b.event = 'blocked_at_release') \
         FROM run AS r JOIN run_event AS e ON e.court_id = r.court_id AND e.book_id = r.book_id \
         AND e.run_id = r.run_id AND e.event = 'released' \
         JOIN payment_line AS p ON p.court_id = r.court_id AND p.book_id = r.book_id AND p.run_id = r.run_id \
         WHERE r.court_id = $1 AND r.book_id = $2 GROUP BY r.number, r.run_id ORDER BY r.number",
        &key,
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?, row.int(2)?, row.int(3)?)),
    )?;
    Ok(runs
        .into_iter()
        .find(|(_, released, lines, blocked)| released + blocked != *lines)
        .map(|(number, ..)| format!("run {number}: a line is neither in a file nor set aside")))
}

/// Every kept document opens and has its digest.
fn all_documents(tx: &mut Tx<'_>, court_id: i64, keys: &Keys) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let ids = tx.query(
        "SELECT d.document_id, d.sha256, f.sha256 FROM document AS d LEFT JOIN bank_file AS f \
         ON f.court_id = d.court_id AND f.book_id = d.book_id AND f.document_id = d.document_id \
         WHERE d.court_id = $1 AND d.book_id = $2 ORDER BY d.document_id",
        &[court_id.into(), book.book_id.into()],
        |row| {
            let document = row.digest(1)?;
            Ok((row.int(0)?, row.opt_bytes(2)?.is_none_or(|file| file == document)))
        },
    )?;
    for (id, same) in ids {
        if !same {
            return Ok(Some(format!("document {id} is not the file that was released")));
        }
        match documents::each_chunk(tx, keys, book, id, &mut |_| Ok(())) {
            Ok(()) => {}
            Err(Failure::Refused(_)) => return Ok(Some(format!("document {id} is not what was stored"))),
            Err(broken) => return Err(broken),
        }
    }
    Ok(None)
}

/// The sealed details of every claim are those that its fact committed to.
fn personal_details(tx: &mut Tx<'_>, court_id: i64, keys: &Keys) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let lists = tx.query(
        "SELECT first_claim_id, last_claim_id FROM claim_list WHERE court_id = $1 AND book_id = $2 ORDER BY list_id",
        &[court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    for (mut first, last) in lists {
        while first <= last {
            let page = (first, last.min(first + DETAILS_A_PAGE - 1));
            let mut commitments = Vec::new();
            tx.scan(&CLAIM, court_id, book.book_id, page, |row| {
                commitments.push((row.int(15)?, row.digest(16)?));
                Ok::<(), Error>(())
            })?;
            let mut expected = commitments.iter();
            let mut finding = None;
            let read = each_detail(tx, keys, book, page, &mut |id, detail, salt| {
                if finding.is_none() && expected.next() != Some(&(id, salt.commitment(detail))) {
                    finding = Some(format!("personal detail {id} is not the one its claim was stored with"));
                }
                Ok(())
            });
            match read {
                Ok(()) => {}
                Err(Failure::Refused(message)) => return Ok(Some(message.text(crate::Language::En))),
                Err(broken) => return Err(broken),
            }
            if finding.is_none() && expected.next().is_some() {
                finding = Some("personal details are missing".to_owned());
            }
            if finding.is_some() {
                return Ok(finding);
            }
            first = page.1 + 1;
        }
    }
    Ok(None)
}
