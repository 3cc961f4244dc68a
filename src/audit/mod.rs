//! Checks what a court has on record, from the database. Facts, balances, distributions, approvals, the status of runs
//! and files are computed again; with keys, all sealed details are opened.

mod assets;
mod movements;
mod obligations;
mod papers;
mod reconciliation;
mod relief;

use ankuan_ledger::chain::{ChainHead, Digest, sha256};
use ankuan_ledger::engine::{Error, Tx};
use ankuan_ledger::verify::{Check, verify};
use ankuan_ledger::{Amount, BookKey, Store};

use crate::access::duties;
use crate::access::signing::load_keyring;
use crate::books;
use crate::chart::AccountKind;
use crate::claims::DocumentType;
use crate::documents;
use crate::documents::keys::Keys;
use crate::documents::personal::{PersonalDetail, each_detail};
use crate::failure::{Failure, Outcome};
use crate::payouts::rounds::{find_distribution, recompute};
use crate::payouts::runs::{self, Content, Run, Status};
use crate::payouts::signatures::{is_signed, signatures_of};
use crate::schema;

/// Ids whose details are opened at a time: bounds the memory.
const DETAILS_A_PAGE: i64 = 20_000;

/// What was found.
#[derive(Debug, Clone)]
pub struct CourtReport {
    /// Each question and its answer, in the order they were asked.
    pub checks: Vec<Check>,
    /// The heads of the chains, in the order of the books.
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

/// Checks a court: all its books with their chains, then what the application has on record. With keys, sealed data and
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
        let report = all_books(tx, court_id, anchors, progress);
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

/// The ledger's own questions, of every book that the court has.
fn all_books(
    tx: &mut Tx<'_>,
    court_id: i64,
    anchors: &[ChainHead],
    progress: &mut dyn FnMut(u64),
) -> Outcome<CourtReport> {
    let facts = schema::facts();
    let mut report = CourtReport { checks: Vec::new(), heads: Vec::new(), facts: 0, postings: 0 };
    for book in books::all(court_id) {
        let is_optional = ![books::REGISTER, books::CASE_MONEY].contains(&book.book_id);
        if is_optional && !has_links(tx, book)? {
            continue;
        }
        let of_book: Vec<ChainHead> = anchors.iter().filter(|anchor| anchor.book_id == book.book_id).copied().collect();
        let before = report.facts;
        let found = verify(tx, book, &facts, &of_book, &mut |done| progress(before + done))?;
        report.facts += found.facts;
        report.postings += found.postings;
        report.heads.push(found.head);
        for check in found.checks {
            // One line a question: the first finding of any book stands.
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

/// Whether anything was ever recorded in a book.
fn has_links(tx: &mut Tx<'_>, book: BookKey) -> Outcome<bool> {
    let links = tx.query_one(
        "SELECT COUNT(*) FROM chain_link WHERE court_id = $1 AND book_id = $2",
        &[book.court_id.into(), book.book_id.into()],
        |row| row.int(0),
    )?;
    Ok(links > 0)
}

/// What the application has on record: each amount follows from the one before it, each file and detail is whole.
fn application(tx: &mut Tx<'_>, court_id: i64, keys: Option<&Keys>) -> Outcome<Vec<Check>> {
    tx.expect_whole_tables()?;
    let mut checks = vec![
        Check::new("distributions", distributions(tx, court_id)?),
        Check::new("payments", payments(tx, court_id)?),
        Check::new("payment_items", payment_items(tx, court_id)?),
        Check::new("approvals", approvals(tx, court_id)?),
        Check::new("signatures", signatures(tx, court_id)?),
        Check::new("duties", duties::finding(tx, court_id)?),
        Check::new("files", files(tx, court_id)?),
        Check::new("bank_lines", reconciliation::bank_lines(tx, court_id)?),
        Check::new("settlements", reconciliation::settlements(tx, court_id)?),
        Check::new("matches", reconciliation::matches(tx, court_id)?),
        Check::new("measures", assets::measures(tx, court_id)?),
        Check::new("memorandum", assets::memorandum(tx, court_id)?),
        Check::new("movements", movements::movements(tx, court_id)?),
        Check::new("relief", relief::relief(tx, court_id)?),
        Check::new("differences", assets::differences(tx, court_id)?),
        Check::new("obligations", obligations::obligations(tx, court_id)?),
        Check::new("plans", obligations::plans(tx, court_id)?),
        Check::new("cash", cash(tx, court_id)?),
        Check::new("salaries", assets::salaries(tx, court_id)?),
        Check::new("papers", papers::papers(tx, court_id)?),
    ];
    if let Some(keys) = keys {
        checks.push(Check::new("documents", all_documents(tx, court_id, keys)?));
        checks.push(Check::new("personal_details", personal_details(tx, court_id, keys)?));
    }
    Ok(checks)
}

/// What officers have of cash is what was taken and has not ended, item by item; receipts are numbered without gaps.
fn cash(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let book = BookKey { court_id, book_id: books::MEMORANDUM };
    let mut held: std::collections::HashMap<i64, i64> = tx
        .query(
            "SELECT i.item_id, i.posted_minor FROM account AS a JOIN item_balance AS i ON i.court_id = a.court_id \
             AND i.book_id = a.book_id AND i.account_id = a.account_id \
             WHERE a.court_id = $1 AND a.book_id = $2 AND a.kind = 'cash_with_officers' AND i.posted_minor <> 0",
            &[court_id.into(), book.book_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?)),
        )?
        .into_iter()
        .collect();
    let mut last = ("", 0);
    let all = crate::receipts::cash::all(tx, book)?;
    for cash in &all {
        let wanted = if cash.end.is_none() { cash.amount.minor() } else { 0 };
        if held.remove(&cash.cash_receipt_id).unwrap_or(0) != wanted {
            return Ok(Some(format!("cash receipt {}: what officers have does not follow", cash.number)));
        }
        let (year, count) = cash.number.split_once('-').unwrap_or_default();
        let expected = if year == last.0 { last.1 + 1 } else { 1 };
        if count.parse() != Ok(expected) {
            return Ok(Some(format!("cash receipt {}: its number does not follow", cash.number)));
        }
        last = (year, expected);
    }
    Ok(held.keys().next().map(|item| format!("cash item {item} has no receipt")))
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
         LEFT JOIN reissue_line AS r ON r.court_id = $1 AND r.book_id = $2 AND r.reissue_line_id = p.line_id \
         WHERE COALESCE(s.granted_minor, l.amount_minor, r.amount_minor, -1) < p.amount_minor ORDER BY p.line_id LIMIT 1",
        &key,
        |row| row.int(0),
    )?;
    if let Some(line) = differs.first() {
        return Ok(Some(format!("payment line {line} pays more than is due")));
    }
    // Lines are added up once for all runs; asked run by run, SQLite would read all of them for each.
    let runs = tx.query(
        "SELECT r.number, e.line_count, e.amount_minor, COALESCE(p.line_count, 0), COALESCE(p.amount_minor, 0) \
         FROM run_event AS e \
         JOIN run AS r ON r.court_id = e.court_id AND r.book_id = e.book_id AND r.run_id = e.run_id \
         LEFT JOIN (SELECT run_id, CAST(COUNT(*) AS BIGINT) AS line_count, \
          CAST(SUM(amount_minor) AS BIGINT) AS amount_minor FROM payment_line \
          WHERE court_id = $1 AND book_id = $2 GROUP BY run_id) AS p ON p.run_id = e.run_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.event = 'committed' ORDER BY r.number, e.id",
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

/// Every committed run was approved, step by step, by different people, none of them the maker, in what it committed;
/// and the status of every run, and the sources that are taken, follow from the facts.
fn approvals(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    for (run, stored) in all_runs(tx, court_id)? {
        let events = tx.query(
            "SELECT event, digest FROM run_event WHERE court_id = $1 AND book_id = $2 AND run_id = $3 ORDER BY id",
            &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
            |row| Ok((row.text(0)?.to_owned(), row.digest(1)?)),
        )?;
        let committed: Vec<Digest> =
            events.iter().filter(|(event, _)| event == "committed").map(|(_, digest)| *digest).collect();
        if committed.len() > 1 {
            return Ok(Some(format!("run {} was committed {} times", run.number, committed.len())));
        }
        if let Some(digest) = committed.first()
            && !is_approved(tx, court_id, &run, *digest)?
        {
            return Ok(Some(format!("run {} was committed without its approvals", run.number)));
        }
        // A delivery of files that were released leaves the status as it is.
        let last = events.iter().rev().find(|(event, _)| event != "delivered");
        let follows = match last {
            None => "draft",
            Some((event, _)) if event == "returned" => "draft",
            Some((event, digest)) if event == "submitted" => {
                if is_approved(tx, court_id, &run, *digest)? {
                    "approved"
                } else {
                    "submitted"
                }
            }
            Some((event, _)) => event.as_str(),
        };
        if stored.as_deref() != Some(follows) {
            let stored = stored.as_deref().unwrap_or("missing");
            return Ok(Some(format!("run {}: its status is {stored}, its events say {follows}", run.number)));
        }
        let is_past_commit = matches!(follows, "committed" | "released" | "withdrawn");
        if is_past_commit && committed.is_empty() {
            return Ok(Some(format!("run {} was never committed", run.number)));
        }
    }
    open_sources(tx, court_id)
}

/// Every approval by a person who had a key is signed under the key that was theirs then, in exactly what stands in the
/// books; and every signature belongs to an approval.
fn signatures(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let keyring = load_keyring(tx, court_id)?;
    for (run, _) in all_runs(tx, court_id)? {
        let mut signed = signatures_of(tx, court_id, run.run_id)?;
        for approval in runs::approvals(tx, court_id, run.run_id)? {
            let place = signed.iter().position(|signature| signature.approval_id == approval.approval_id);
            let signature = place.map(|place| signed.swap_remove(place));
            if !is_signed(court_id, &run, &approval, &keyring, signature.as_ref()) {
                let (step, person) = (approval.step_no, approval.approver_id);
                return Ok(Some(format!(
                    "run {}: step {step} is not signed by person {person} as it stands",
                    run.number
                )));
            }
        }
        if let Some(stray) = signed.first() {
            return Ok(Some(format!("run {}: a signature of no approval ({})", run.number, stray.approval_id)));
        }
    }
    let elsewhere = tx.query(
        "SELECT s.id FROM approval_signature AS s LEFT JOIN run AS r ON r.court_id = s.court_id \
         AND r.book_id = s.book_id AND r.run_id = s.run_id \
         WHERE s.court_id = $1 AND s.book_id = $2 AND r.run_id IS NULL ORDER BY s.id LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| row.int(0),
    )?;
    Ok(elsewhere.first().map(|id| format!("signature {id} belongs to no run")))
}

/// All runs, oldest first, each with its stored status, which may be missing. Sources and bank profile are left out.
fn all_runs(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<(Run, Option<String>)>> {
    Ok(tx.query(
        "SELECT r.run_id, r.number, r.title, r.bank_account_id, r.policy, r.maker_id, s.status FROM run AS r \
         LEFT JOIN run_state AS s ON s.court_id = r.court_id AND s.book_id = r.book_id AND s.run_id = r.run_id \
         WHERE r.court_id = $1 AND r.book_id = $2 ORDER BY r.run_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| {
            let run = Run {
                run_id: row.int(0)?,
                number: row.text(1)?.to_owned(),
                title: row.text(2)?.to_owned(),
                bank_account_id: row.int(3)?,
                profile: String::new(),
                policy: row.text(4)?.to_owned(),
                maker_id: row.int(5)?,
                // Not read here: what is stored is compared as it is written.
                status: Status::Draft,
                sources: Vec::new(),
            };
            Ok((run, row.opt_text(6)?.map(str::to_owned)))
        },
    )?)
}

fn is_approved(tx: &mut Tx<'_>, court_id: i64, run: &Run, digest: Digest) -> Outcome<bool> {
    // Only the digest is looked at.
    let content = Content { digest, line_count: 0, paid: Amount::ZERO, set_aside: Amount::ZERO };
    match runs::must_be_approved(tx, court_id, run, &content) {
        Ok(()) => Ok(true),
        Err(Failure::Refused(_)) => Ok(false),
        Err(broken) => Err(broken),
    }
}

/// The sources that are taken are those of the runs that were not cancelled: else one could be paid twice.
fn open_sources(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let key = [court_id.into(), books::CASE_MONEY.into()];
    let free = tx.query(
        "SELECT x.kind, x.source_id, x.run_id FROM run_source AS x LEFT JOIN open_source AS o \
         ON o.court_id = $1 AND o.book_id = $2 AND o.kind = x.kind AND o.source_id = x.source_id \
         AND o.run_id = x.run_id \
         WHERE x.court_id = $1 AND x.book_id = $2 AND o.run_id IS NULL AND NOT EXISTS (SELECT 1 FROM run_event AS e \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.run_id = x.run_id AND e.event = 'cancelled') \
         ORDER BY x.id LIMIT 1",
        &key,
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?, row.int(2)?)),
    )?;
    if let Some((kind, source, run)) = free.first() {
        return Ok(Some(format!("{kind} {source} stands in run {run}, and is not kept from other runs")));
    }
    let stray = tx.query(
        "SELECT o.kind, o.source_id, o.run_id FROM open_source AS o LEFT JOIN run_source AS x \
         ON x.court_id = $1 AND x.book_id = $2 AND x.kind = o.kind AND x.source_id = o.source_id \
         AND x.run_id = o.run_id WHERE o.court_id = $1 AND o.book_id = $2 AND (x.run_id IS NULL \
         OR EXISTS (SELECT 1 FROM run_event AS e WHERE e.court_id = $1 AND e.book_id = $2 AND e.run_id = o.run_id \
         AND e.event = 'cancelled')) ORDER BY o.kind, o.source_id LIMIT 1",
        &key,
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?, row.int(2)?)),
    )?;
    Ok(stray.first().map(|(kind, source, run)| format!("{kind} {source} is kept for run {run}, which does not pay it")))
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
        "SELECT r.number, e.line_count, p.line_count, COALESCE(b.line_count, 0) FROM run AS r \
         JOIN (SELECT run_id, MAX(line_count) AS line_count FROM run_event WHERE court_id = $1 AND book_id = $2 \
          AND event = 'released' GROUP BY run_id) AS e ON e.run_id = r.run_id \
         JOIN (SELECT run_id, CAST(COUNT(*) AS BIGINT) AS line_count FROM payment_line WHERE court_id = $1 \
          AND book_id = $2 GROUP BY run_id) AS p ON p.run_id = r.run_id \
         LEFT JOIN (SELECT run_id, CAST(COUNT(*) AS BIGINT) AS line_count FROM line_event WHERE court_id = $1 \
          AND book_id = $2 AND event = 'blocked_at_release' GROUP BY run_id) AS b ON b.run_id = r.run_id \
         WHERE r.court_id = $1 AND r.book_id = $2 ORDER BY r.number",
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

/// The sealed details of every claim, payee, asset and later change are those that the fact committed to, and the blind
/// indexes beside them, by which freezes and searches find a person, are those of what is sealed.
fn personal_details(tx: &mut Tx<'_>, court_id: i64, keys: &Keys) -> Outcome<Option<String>> {
    let book = books::case_money(court_id);
    let mut last = 0;
    for text in [
        "SELECT MAX(claim_id) FROM claim WHERE court_id = $1 AND book_id = $2",
        "SELECT MAX(payee_id) FROM payee WHERE court_id = $1 AND book_id = $2",
        "SELECT MAX(asset_id) FROM asset WHERE court_id = $1 AND book_id = $2",
        "SELECT MAX(id) FROM claim_event WHERE court_id = $1 AND book_id = $2",
        "SELECT MAX(detail_id) FROM personal_detail WHERE court_id = $1 AND book_id = $2",
    ] {
        let found = tx.query_one(text, &[court_id.into(), book.book_id.into()], |row| row.opt_int(0))?;
        last = last.max(found.unwrap_or_default());
    }
    let mut first = 0;
    while first <= last {
        let page = (first, last.min(first.saturating_add(DETAILS_A_PAGE - 1)));
        if let Some(finding) = details_of_page(tx, book, keys, page)? {
            return Ok(Some(finding));
        }
        let Some(next) = page.1.checked_add(1) else { break };
        first = next;
    }
    brought_details(tx, book, keys)
}

/// The same for details that a person brought: of payees, of assets, and newer ones of claims.
fn brought_details(tx: &mut Tx<'_>, book: BookKey, keys: &Keys) -> Outcome<Option<String>> {
    let brought = tx.query(
        "SELECT detail_id, commitment FROM payee WHERE court_id = $1 AND book_id = $2 \
         UNION ALL SELECT detail_id, commitment FROM asset WHERE court_id = $1 AND book_id = $2 \
         UNION ALL SELECT detail_id, commitment FROM claim_event \
         WHERE court_id = $1 AND book_id = $2 AND detail_id IS NOT NULL ORDER BY 1",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.int(0)?, row.digest(1)?)),
    )?;
    for (id, commitment) in brought {
        let mut is_kept = false;
        let read = each_detail(tx, keys, book, (id, id), &mut |_, detail, salt| {
            is_kept = salt.commitment(detail) == commitment;
            Ok(())
        });
        match read {
            Ok(()) if is_kept => {}
            Ok(()) => return Ok(Some(format!("personal detail {id} is not the one its fact was stored with"))),
            Err(Failure::Refused(message)) => return Ok(Some(message.text(crate::Language::En))),
            Err(broken) => return Err(broken),
        }
    }
    Ok(None)
}

/// A detail as the facts know it.
struct Expected {
    detail_id: i64,
    commitment: Digest,
    /// Kind of its document; none for an heir or agent, whose fact does not name it.
    document_type: Option<DocumentType>,
}

/// Details whose facts have ids of one page: a detail has the id of the fact that brought it.
fn details_of_page(tx: &mut Tx<'_>, book: BookKey, keys: &Keys, page: (i64, i64)) -> Outcome<Option<String>> {
    let key = [book.court_id.into(), book.book_id.into(), page.0.into(), page.1.into()];
    let mut expected = Vec::new();
    for text in [
        "SELECT claim_id, detail_id, commitment, document_type FROM claim \
         WHERE court_id = $1 AND book_id = $2 AND claim_id >= $3 AND claim_id <= $4",
        "SELECT payee_id, detail_id, commitment, document_type FROM payee \
         WHERE court_id = $1 AND book_id = $2 AND payee_id >= $3 AND payee_id <= $4",
        "SELECT asset_id, detail_id, commitment, 'other' FROM asset \
         WHERE court_id = $1 AND book_id = $2 AND asset_id >= $3 AND asset_id <= $4",
        "SELECT e.id, e.detail_id, e.commitment, COALESCE(c.document_type, p.document_type) FROM claim_event AS e \
         LEFT JOIN claim AS c ON c.court_id = $1 AND c.book_id = $2 AND c.claim_id = e.claim_id \
         AND e.event = 'details' \
         LEFT JOIN payee AS p ON p.court_id = $1 AND p.book_id = $2 AND p.payee_id = e.claim_id \
         AND e.event = 'details' \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.id >= $3 AND e.id <= $4 AND e.detail_id IS NOT NULL",
    ] {
        expected.extend(tx.query(text, &key, |row| {
            let document_type = row.opt_text(3)?.map(|word| {
                DocumentType::from_code(word)
                    .ok_or_else(|| Error::Inconsistent(format!("a document of the unknown kind {word:?}")))
            });
            let found = Expected {
                detail_id: row.int(1)?,
                commitment: row.digest(2)?,
                document_type: document_type.transpose()?,
            };
            Ok((row.int(0)?, found))
        })?);
    }
    if let Some((id, _)) = expected.iter().find(|(id, found)| *id != found.detail_id) {
        return Ok(Some(format!("record {id} names the personal detail of another")));
    }
    expected.sort_unstable_by_key(|(id, _)| *id);
    let indexes = tx.query(
        "SELECT detail_id, document_index, account_index FROM personal_detail \
         WHERE court_id = $1 AND book_id = $2 AND detail_id >= $3 AND detail_id <= $4 ORDER BY detail_id",
        &key,
        |row| Ok((row.int(0)?, (row.int(1)?, row.int(2)?))),
    )?;
    let mut finding = None;
    let (mut expected, mut indexes) = (expected.iter().map(|(_, found)| found), indexes.iter());
    let read = each_detail(tx, keys, book, page, &mut |id, detail, salt| {
        if finding.is_some() {
            return Ok(());
        }
        let stored = indexes.next().filter(|(indexed, _)| *indexed == id).map(|(_, indexes)| *indexes);
        finding = match expected.next() {
            Some(fact) if fact.detail_id < id => Some(format!("personal detail {} is missing", fact.detail_id)),
            Some(fact) if fact.detail_id == id && fact.commitment == salt.commitment(detail) => {
                let is_indexed = stored.is_some_and(|stored| has_indexes(keys, detail, fact.document_type, stored));
                (!is_indexed).then(|| format!("personal detail {id} is found under the number of another"))
            }
            Some(_) | None => Some(format!("personal detail {id} is not the one it was stored with")),
        };
        Ok(())
    });
    match read {
        Ok(()) => {}
        Err(Failure::Refused(message)) => return Ok(Some(message.text(crate::Language::En))),
        Err(broken) => return Err(broken),
    }
    let missing = || expected.next().map(|fact| format!("personal detail {} is missing", fact.detail_id));
    Ok(finding.or_else(missing))
}

/// Whether blind indexes, of the document and of the account, are those of what is sealed; 0 stands for none.
fn has_indexes(
    keys: &Keys,
    detail: &PersonalDetail<'_>,
    document_type: Option<DocumentType>,
    (document, account): (i64, i64),
) -> bool {
    let index = |kind: &str, value: &str| if value.is_empty() { 0 } else { keys.index(kind, value) };
    let is_of = |kind: DocumentType| document == index(kind.as_str(), detail.document_number);
    let has_document = match document_type {
        Some(kind) => is_of(kind),
        None => DocumentType::ALL.into_iter().any(is_of),
    };
    has_document && account == index("account", detail.account)
}
