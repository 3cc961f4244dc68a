//! Checks a whole book from the database, trusting nothing that can be computed again.
//!
//! The book is read once, in the order of its keys; what is kept in memory is bounded: one page of parts, one page of
//! vouchers, and the replayed balances of `ACCOUNTS_A_PASS` accounts (a larger book is read several times).

use std::collections::{BTreeMap, HashMap};

use crate::act::BookKey;
use crate::chain::{ChainHead, Digest, GENESIS, Link, Part, RunningDigest};
use crate::decide::Side;
use crate::engine::{Error, Kind, Result, Row, RowBytes, Table, Tx, Value};
use crate::schema;

/// Accounts whose balances are replayed in one reading: about 64 MB.
const ACCOUNTS_A_PASS: i64 = 1_000_000;

/// Links and parts read at a time.
const LINKS_A_PAGE: i64 = 2_000;

/// Entries between two looks at the vouchers.
const ENTRIES_A_PAGE: i64 = 50_000;

/// One question asked of the book, and the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Stable name.
    pub name: &'static str,
    /// The first thing found wrong; nothing when all is well.
    pub finding: Option<String>,
}

impl Check {
    /// A check and what it found.
    #[must_use]
    pub const fn new(name: &'static str, finding: Option<String>) -> Self {
        Self { name, finding }
    }

    /// Whether nothing was found wrong.
    #[must_use]
    pub const fn ok(&self) -> bool {
        self.finding.is_none()
    }
}

/// What was found in a book.
#[derive(Debug, Clone)]
pub struct Report {
    /// In the order they were made.
    pub checks: Vec<Check>,
    /// The head of the chain as stored.
    pub head: ChainHead,
    /// Rows of facts that were hashed again.
    pub facts: u64,
    /// Postings that were replayed (two a line).
    pub postings: u64,
}

impl Report {
    /// Whether every check is well.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.checks.iter().all(Check::ok)
    }

    /// The first check that found something.
    #[must_use]
    pub fn first_finding(&self) -> Option<&Check> {
        self.checks.iter().find(|check| !check.ok())
    }
}

/// Checks a book: the chain and the given anchors, every fact table, entries, balances, items, holds, vouchers.
///
/// `progress` is told how many fact rows have been hashed.
///
/// # Errors
/// What the database says. What is wrong with the book is in the report.
pub fn verify(
    tx: &mut Tx<'_>,
    book: BookKey,
    facts: &[&'static Table],
    anchors: &[ChainHead],
    progress: &mut dyn FnMut(u64),
) -> Result<Report> {
    tx.expect_whole_tables()?;
    let mut verifier = Verifier { tx, book, facts: 0, postings: 0, progress };
    let (head, next_entry_no, next_id) = verifier.head()?;
    let (chain, anchored) = verifier.chain(head, next_id, anchors)?;
    // What a broken chain says about rows is worth nothing, and could send the reading anywhere.
    let chained = chain.is_none();
    let mut checks = vec![Check::new("chain", chain), Check::new("anchors", anchored)];
    let mut replay = Replay::new(next_entry_no);
    let mut finding = (!chained).then(|| "not compared, as the chain itself is broken".to_owned());
    for table in facts {
        if finding.is_none() && table.name != schema::ENTRY_LINE.name {
            finding = verifier.table(table, &mut |_, _| Ok(()))?;
        }
    }
    let lines = verifier.entries(&mut replay, chained)?;
    checks.push(Check::new("facts", finding.or(lines)));
    checks.push(Check::new("entries", replay.finding.take()));
    checks.push(Check::new("vouchers", verifier.vouchers(&mut replay)?));
    checks.push(Check::new("balances", verifier.balances(&mut replay)?));
    checks.push(Check::new("sums", verifier.sums()?));
    checks.push(Check::new("limits", verifier.limits()?));
    for (name, finding) in [("items", verifier.items()), ("holds", verifier.holds())] {
        // Amounts that were tampered with can be too large to be added up.
        let finding = match finding {
            Err(error) if checks.iter().any(|check| !check.ok()) => Some(format!("not computed: {error}")),
            other => other?,
        };
        checks.push(Check::new(name, finding));
    }
    Ok(Report { checks, head, facts: verifier.facts, postings: verifier.postings })
}

struct Verifier<'v, 's> {
    tx: &'v mut Tx<'s>,
    book: BookKey,
    facts: u64,
    postings: u64,
    progress: &'v mut dyn FnMut(u64),
}

/// What entries do to accounts, computed again.
struct Replay {
    next_entry_no: i64,
    /// First account of this pass, first of the next.
    range: (i64, i64),
    accounts: HashMap<i64, (i64, i64)>,
    sides: HashMap<i64, Side>,
    entry_no: i64,
    line_no: i64,
    /// Of the entry being read: (account, its entry before).
    touched: Vec<(i64, i64)>,
    vouchers: Vec<VoucherSum>,
    finding: Option<String>,
    voucher_finding: Option<String>,
}

struct VoucherSum {
    voucher_id: i64,
    first_entry_no: i64,
    last_entry_no: i64,
    total_minor: i64,
}

impl Replay {
    fn new(next_entry_no: i64) -> Self {
        Self {
            next_entry_no,
            range: (i64::MIN, i64::MAX),
            accounts: HashMap::new(),
            sides: HashMap::new(),
            entry_no: 0,
            line_no: 0,
            touched: Vec::new(),
            vouchers: Vec::new(),
            finding: None,
            voucher_finding: None,
        }
    }

    fn wrong(&mut self, entry_no: i64, what: &str) {
        if self.finding.is_none() {
            self.finding = Some(format!("entry {entry_no}: {what}"));
        }
    }

    /// No more lines: the book must go on after the last.
    fn end(&mut self) {
        if self.entry_no.checked_add(1) != Some(self.next_entry_no) {
            let message = format!("is the last, but the next of the book would be {}", self.next_entry_no);
            self.wrong(self.entry_no, &message);
        }
    }

    /// Takes a line: numbering, history, balances after it, and the sums of its voucher.
    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        let (entry_no, line_no, voucher_id) = (row.int(2)?, row.int(3)?, row.int(4)?);
        let amount = row.int(9)?;
        if entry_no == self.entry_no {
            if line_no != self.line_no + 1 {
                self.wrong(entry_no, "its lines are not numbered 1, 2, 3…");
            }
        } else {
            if Some(entry_no) != self.entry_no.checked_add(1) || line_no != 1 {
                self.wrong(entry_no, &format!("follows entry {}, so one is missing", self.entry_no));
            }
            self.touched.clear();
        }
        if amount <= 0 {
            self.wrong(entry_no, "an amount that is not positive");
        }
        self.entry_no = entry_no;
        self.line_no = line_no;
        match self.vouchers.last_mut() {
            Some(sum) if sum.voucher_id == voucher_id => {
                sum.last_entry_no = entry_no;
                sum.total_minor = sum.total_minor.saturating_add(amount);
            }
            _ => self.vouchers.push(VoucherSum {
                voucher_id,
                first_entry_no: entry_no,
                last_entry_no: entry_no,
                total_minor: amount,
            }),
        }
        self.leg(entry_no, row.int(5)?, Side::Debit, amount, row.int(10)?, row.int(12)?);
        self.leg(entry_no, row.int(7)?, Side::Credit, amount, row.int(11)?, row.int(13)?);
        Ok(())
    }

    fn leg(&mut self, entry_no: i64, account: i64, side: Side, amount: i64, after: i64, previous: i64) {
        // The last pass takes the largest id too, which no account has.
        if account < self.range.0 || (account >= self.range.1 && self.range.1 != i64::MAX) {
            return;
        }
        let Some(normal) = self.sides.get(&account) else {
            return self.wrong(entry_no, &format!("account {account} does not exist"));
        };
        let signed = if side == *normal { amount } else { amount.saturating_neg() };
        let (balance, last) = self.accounts.entry(account).or_default();
        let expected_previous = match self.touched.iter().find(|(touched, _)| *touched == account) {
            Some((_, before)) => *before,
            None => {
                self.touched.push((account, *last));
                *last
            }
        };
        *balance = balance.saturating_add(signed);
        *last = entry_no;
        if *balance != after {
            let expected = *balance;
            self.wrong(entry_no, &format!("account {account} has {after} fen after it, computed {expected}"));
        } else if previous != expected_previous {
            self.wrong(
                entry_no,
                &format!("account {account} names entry {previous} before it, found {expected_previous}"),
            );
        }
    }
}

impl Verifier<'_, '_> {
    fn key(&self) -> [Value<'static>; 2] {
        [self.book.court_id.into(), self.book.book_id.into()]
    }

    /// The head with the numbers of the next entry and the next id.
    fn head(&mut self) -> Result<(ChainHead, i64, i64)> {
        let BookKey { court_id, book_id } = self.book;
        self.tx
            .query_opt(
                "SELECT next_link_no, link_hash, next_entry_no, next_id FROM book_head \
                 WHERE court_id = $1 AND book_id = $2",
                &self.key(),
                |row| {
                    let link_no = row.int(0)?.saturating_sub(1);
                    let head = ChainHead { court_id, book_id, link_no, hash: digest_of_any_length(row, 1)? };
                    Ok((head, row.int(2)?, row.int(3)?))
                },
            )?
            .ok_or_else(|| Error::Inconsistent(format!("book {book_id} of court {court_id} does not exist")))
    }

    /// Each link follows from the one before and from its parts; the last is the head; the anchors lie on the way.
    fn chain(
        &mut self,
        head: ChainHead,
        next_id: i64,
        anchors: &[ChainHead],
    ) -> Result<(Option<String>, Option<String>)> {
        let mut previous_hash = GENESIS;
        let mut last_id = 0;
        let mut expected = 1;
        let mut unmet: Vec<&ChainHead> = anchors.iter().filter(|anchor| anchor.link_no != 0).collect();
        let wrong = |link_no: i64, what: &str| Ok((Some(format!("link {link_no}: {what}")), None));
        loop {
            let [court, book] = self.key();
            let page = [court, book, expected.into(), (expected + LINKS_A_PAGE).into()];
            let links = self.tx.query(
                "SELECT link_no, act, actor_id, recorded_at, suite, previous_hash, hash FROM chain_link \
                 WHERE court_id = $1 AND book_id = $2 AND link_no >= $3 AND link_no < $4 ORDER BY link_no",
                &page,
                |row| {
                    Ok((
                        (row.int(0)?, row.text(1)?.to_owned(), row.int(2)?, row.int(3)?, row.text(4)?.to_owned()),
                        (digest_of_any_length(row, 5)?, digest_of_any_length(row, 6)?),
                    ))
                },
            )?;
            let parts = self.tx.query(
                "SELECT link_no, table_name, first_id, last_id, row_count, digest FROM chain_part \
                 WHERE court_id = $1 AND book_id = $2 AND link_no >= $3 AND link_no < $4",
                &page,
                |row| Ok((row.int(0)?, read_part(row, 1)?)),
            )?;
            let mut by_link: HashMap<i64, Vec<Part>> = HashMap::new();
            for (link_no, part) in parts {
                if part.table_name != schema::ENTRY_LINE.name {
                    last_id = last_id.max(part.last_id);
                }
                by_link.entry(link_no).or_default().push(part);
            }
            let read = links.len() as i64;
            for ((link_no, act, actor_id, recorded_at, suite), (previous, hash)) in links {
                if link_no != expected {
                    return wrong(expected, "is missing");
                }
                if previous != previous_hash {
                    return wrong(link_no, "does not follow from the link before");
                }
                // Ordered in Rust: a server may collate text its own way.
                let mut parts = by_link.remove(&link_no).unwrap_or_default();
                parts.sort_by(|a, b| a.table_name.cmp(&b.table_name));
                let BookKey { court_id, book_id } = self.book;
                let link =
                    Link { court_id, book_id, link_no, act: &act, actor_id, recorded_at, suite: &suite, previous_hash };
                if link.hash(&parts) != hash {
                    return wrong(link_no, &format!("{act} or its list of parts was changed"));
                }
                unmet.retain(|anchor| {
                    (anchor.court_id, anchor.book_id, anchor.link_no, anchor.hash) != (court_id, book_id, link_no, hash)
                });
                previous_hash = hash;
                expected += 1;
            }
            if let Some(link_no) = by_link.keys().min() {
                return wrong(*link_no, "has parts but does not exist");
            }
            if read < LINKS_A_PAGE {
                break;
            }
        }
        let [court, book] = self.key();
        let stray = self.tx.query(
            "SELECT link_no FROM chain_link WHERE court_id = $1 AND book_id = $2 AND (link_no < 1 OR link_no >= $3) \
             UNION ALL \
             SELECT link_no FROM chain_part WHERE court_id = $1 AND book_id = $2 AND (link_no < 1 OR link_no >= $3) \
             LIMIT 1",
            &[court, book, expected.into()],
            |row| row.int(0),
        )?;
        if let Some(link_no) = stray.first() {
            return wrong(*link_no, &format!("lies outside the chain, which runs from 1 to {}", expected - 1));
        }
        if expected - 1 != head.link_no || previous_hash != head.hash {
            return wrong(expected - 1, "is the last, but not the head of the book");
        }
        if next_id <= last_id {
            return wrong(expected - 1, &format!("the next id of the book is {next_id}, but {last_id} is taken"));
        }
        let anchored = unmet.first().map(|anchor| format!("{anchor} is not a link of this chain"));
        Ok((None, anchored))
    }

    /// The rows of a table are exactly those of its parts, byte for byte.
    fn table(
        &mut self,
        table: &'static Table,
        visit: &mut dyn FnMut(&mut Self, i64) -> Result<()>,
    ) -> Result<Option<String>> {
        self.table_rows(table, &mut |_| Ok(()), visit)
    }

    fn table_rows(
        &mut self,
        table: &'static Table,
        each: &mut dyn FnMut(&Row<'_>) -> Result<()>,
        after_page: &mut dyn FnMut(&mut Self, i64) -> Result<()>,
    ) -> Result<Option<String>> {
        let mut next_id = i64::MIN;
        let mut finding = None;
        loop {
            let [court, book] = self.key();
            let parts = self.tx.query(
                "SELECT table_name, first_id, last_id, row_count, digest FROM chain_part WHERE court_id = $1 \
                 AND book_id = $2 AND table_name = $3 AND first_id >= $4 ORDER BY first_id LIMIT 2000",
                &[court, book, table.name.into(), next_id.into()],
                |row| read_part(row, 0),
            )?;
            let Some(last) = parts.last().map(|part| part.last_id) else { break };
            let mut reading = PartReading::new(table, parts);
            let mut from = next_id;
            while from <= last {
                // A page is a range of ids, so that vouchers can be looked at in between. Where no part goes on, it
                // reaches into the next one; whatever lies between them is read too, and found.
                let to = last.min(reading.goes_on_from(from).saturating_add(ENTRIES_A_PAGE - 1));
                let mut rows = 0;
                self.tx.scan(table, self.book.court_id, self.book.book_id, (from, to), |row| {
                    rows += 1;
                    reading.take(row)?;
                    each(row)
                })?;
                self.facts += rows;
                (self.progress)(self.facts);
                after_page(self, to)?;
                from = to.saturating_add(1);
            }
            finding = finding.or(reading.end());
            next_id = last.saturating_add(1);
        }
        let mut stray = None;
        self.tx.scan(table, self.book.court_id, self.book.book_id, (next_id, i64::MAX), |row| {
            stray = stray.or(Some(row.int(2)?));
            Ok::<(), Error>(())
        })?;
        Ok(finding.or_else(|| stray.map(|id| format!("{} {id}: not in the chain", table.name))))
    }

    /// Replays the entries, and where the chain holds, compares them with it in the same reading.
    fn entries(&mut self, replay: &mut Replay, chained: bool) -> Result<Option<String>> {
        self.load_sides(replay, i64::MIN)?;
        if !chained {
            let BookKey { court_id, book_id } = self.book;
            let all = (i64::MIN, i64::MAX);
            self.tx.scan(&schema::ENTRY_LINE, court_id, book_id, all, |row| {
                self.postings += 2;
                replay.vouchers.clear();
                replay.take(row)
            })?;
            replay.vouchers.clear();
            replay.end();
            return Ok(None);
        }
        let mut hashed = None;
        // Replay and hash in one reading; the closures share the replay by turns.
        let cell = std::cell::RefCell::new(&mut *replay);
        let mut postings = 0;
        let finding = self.table_rows(
            &schema::ENTRY_LINE,
            &mut |row| {
                postings += 2;
                cell.borrow_mut().take(row)
            },
            &mut |verifier, _| verifier.match_vouchers(&mut cell.borrow_mut(), false),
        )?;
        self.postings += postings;
        hashed = hashed.or(finding);
        self.match_vouchers(replay, true)?;
        replay.end();
        Ok(hashed)
    }

    fn load_sides(&mut self, replay: &mut Replay, from: i64) -> Result<()> {
        replay.accounts.clear();
        replay.sides.clear();
        let [court, book] = self.key();
        let accounts = self.tx.query(
            "SELECT account_id, normal_side FROM account WHERE court_id = $1 AND book_id = $2 AND account_id >= $3 \
             ORDER BY account_id LIMIT $4",
            &[court, book, from.into(), (ACCOUNTS_A_PASS + 1).into()],
            |row| Ok((row.int(0)?, row.text(1)? == "debit")),
        )?;
        let end = if accounts.len() as i64 > ACCOUNTS_A_PASS { accounts[accounts.len() - 1].0 } else { i64::MAX };
        replay.range = (from, end);
        for (account, debit) in accounts.into_iter().filter(|(account, _)| *account < end) {
            replay.sides.insert(account, if debit { Side::Debit } else { Side::Credit });
        }
        Ok(())
    }

    /// Compares the sums of the vouchers that were passed with what the vouchers say.
    fn match_vouchers(&mut self, replay: &mut Replay, all: bool) -> Result<()> {
        // The last one may go on in the next page.
        let complete = if all { replay.vouchers.len() } else { replay.vouchers.len().saturating_sub(1) };
        let sums: Vec<VoucherSum> = replay.vouchers.drain(..complete).collect();
        let (Some(first), Some(last)) = (sums.first(), sums.last()) else { return Ok(()) };
        let [court, book] = self.key();
        let stored = self.tx.query(
            "SELECT voucher_id, first_entry_no, last_entry_no, total_minor FROM voucher WHERE court_id = $1 \
             AND book_id = $2 AND voucher_id >= $3 AND voucher_id <= $4 ORDER BY voucher_id",
            &[court, book, first.voucher_id.into(), last.voucher_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.int(3)?)),
        )?;
        let computed = sums.iter().map(|sum| (sum.voucher_id, sum.first_entry_no, sum.last_entry_no, sum.total_minor));
        if replay.voucher_finding.is_none() && !computed.clone().eq(stored.iter().copied()) {
            let differs = computed.clone().find(|sum| !stored.contains(sum)).map_or(first.voucher_id, |sum| sum.0);
            replay.voucher_finding = Some(format!("voucher {differs}: its entries or total differ from the ledger's"));
        }
        Ok(())
    }

    /// Voucher numbers have no gaps in a month and kind, and every voucher has its entries.
    fn vouchers(&mut self, replay: &mut Replay) -> Result<Option<String>> {
        if let Some(finding) = replay.voucher_finding.take() {
            return Ok(Some(finding));
        }
        let [court, book] = self.key();
        let gap = self.tx.query(
            "SELECT month, kind, CAST(COUNT(number) AS BIGINT), MIN(number), MAX(number), MAX(last_number) FROM ( \
               SELECT month, kind, number, CAST(NULL AS BIGINT) AS last_number FROM voucher \
                WHERE court_id = $1 AND book_id = $2 \
               UNION ALL \
               SELECT month, kind, CAST(NULL AS BIGINT), last_number FROM voucher_number \
                WHERE court_id = $1 AND book_id = $2 \
             ) AS both_sides GROUP BY month, kind ORDER BY month, kind",
            &[court, book],
            |row| {
                let (count, min, max, last) = (row.int(2)?, row.opt_int(3)?, row.opt_int(4)?, row.opt_int(5)?);
                let well = min == Some(1) && max == Some(count) && last == Some(count);
                Ok((!well).then(|| (row.text(0).map(str::to_owned), row.text(1).map(str::to_owned))))
            },
        )?;
        match gap.into_iter().flatten().next() {
            Some((month, kind)) => Ok(Some(format!("vouchers of {} {}: the numbers have a gap", month?, kind?))),
            None => Ok(None),
        }
    }

    /// The stored balances are the replayed ones.
    fn balances(&mut self, replay: &mut Replay) -> Result<Option<String>> {
        loop {
            let [court, book] = self.key();
            let mut finding = None;
            let mut rows = 0_usize;
            self.tx.each(
                "SELECT b.account_id, b.posted_minor, b.last_entry_no, b.floor_minor, a.floor_minor, b.is_open, c.id \
                 FROM balance AS b LEFT JOIN closed_account AS c ON c.court_id = b.court_id \
                 AND c.book_id = b.book_id AND c.account_id = b.account_id LEFT JOIN account AS a ON a.court_id = b.court_id AND a.book_id = b.book_id \
                 AND a.account_id = b.account_id WHERE b.court_id = $1 AND b.book_id = $2 AND b.account_id >= $3 \
                 AND b.account_id < $4 ORDER BY b.account_id",
                &[court, book, replay.range.0.into(), replay.range.1.into()],
                |row| {
                    rows += 1;
                    let account = row.int(0)?;
                    let (posted, last) = replay.accounts.get(&account).copied().unwrap_or_default();
                    if finding.is_none() {
                        if !replay.sides.contains_key(&account) {
                            finding = Some(format!("account {account} has a balance but does not exist"));
                        } else if (row.int(1)?, row.int(2)?) != (posted, last) {
                            let stored = row.int(1)?;
                            finding =
                                Some(format!("account {account} stands at {stored} fen, its entries make {posted}"));
                        } else if row.opt_int(3)? != row.opt_int(4)? {
                            finding = Some(format!("account {account}: its lower limit was changed"));
                        } else if row.int(5)? != i64::from(row.opt_int(6)?.is_none()) {
                            finding = Some(format!("account {account}: open or closed against its facts"));
                        }
                    }
                    Ok::<(), Error>(())
                },
            )?;
            if finding.is_none() && rows != replay.sides.len() {
                finding = Some("an account has no balance".to_owned());
            }
            if finding.is_some() || replay.range.1 == i64::MAX {
                return Ok(finding);
            }
            let from = replay.range.1;
            self.load_sides(replay, from)?;
            replay.entry_no = 0;
            replay.touched.clear();
            let BookKey { court_id, book_id } = self.book;
            self.tx.scan(&schema::ENTRY_LINE, court_id, book_id, (1, i64::MAX), |row| {
                replay.vouchers.clear();
                replay.take(row)
            })?;
            if let Some(finding) = replay.finding.take() {
                return Ok(Some(finding));
            }
        }
    }

    /// Debit and credit balances are equal in each currency. Added up here: a tampered balance may leave the range.
    fn sums(&mut self) -> Result<Option<String>> {
        let mut sums: BTreeMap<String, [i128; 2]> = BTreeMap::new();
        self.tx.each(
            "SELECT a.currency, a.normal_side, b.posted_minor FROM account AS a JOIN balance AS b \
             ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
             WHERE a.court_id = $1 AND a.book_id = $2",
            &self.key(),
            |row| {
                let (currency, side) = (row.text(0)?, usize::from(row.text(1)? != "debit"));
                if !sums.contains_key(currency) {
                    sums.insert(currency.to_owned(), [0, 0]);
                }
                if let Some(sum) = sums.get_mut(currency) {
                    sum[side] += i128::from(row.int(2)?);
                }
                Ok::<(), Error>(())
            },
        )?;
        Ok(sums.into_iter().find(|(_, [debit, credit])| debit != credit).map(|(currency, [debit, credit])| {
            format!("{currency}: debit balances {debit} fen, credit balances {credit} fen")
        }))
    }

    /// No account is below its floor.
    fn limits(&mut self) -> Result<Option<String>> {
        let mut below = None;
        self.tx.each(
            "SELECT account_id, posted_minor, held_minor, floor_minor FROM balance \
             WHERE court_id = $1 AND book_id = $2 AND floor_minor IS NOT NULL ORDER BY account_id",
            &self.key(),
            |row| {
                let free = i128::from(row.int(1)?) - i128::from(row.int(2)?);
                if below.is_none() && free < i128::from(row.int(3)?) {
                    below = Some(row.int(0)?);
                }
                Ok::<(), Error>(())
            },
        )?;
        Ok(below.map(|account| format!("account {account} is below its lower limit")))
    }

    /// Items of accounts with an item floor: stored balances equal their postings, none below zero.
    fn items(&mut self) -> Result<Option<String>> {
        // Nothing is negated and the stored value stands alone, so that no tampered value leaves the range.
        let differs = self.places(
            "SELECT account_id, item_id FROM ( \
               SELECT p.account_id, p.item_id, CASE WHEN p.side = a.normal_side THEN p.amount_minor ELSE 0 END AS rise, \
                      CASE WHEN p.side = a.normal_side THEN 0 ELSE p.amount_minor END AS fall, 0 AS stored \
                 FROM account AS a JOIN posting AS p ON p.court_id = a.court_id AND p.book_id = a.book_id \
                      AND p.account_id = a.account_id \
                WHERE a.court_id = $1 AND a.book_id = $2 AND a.item_floor = 1 \
               UNION ALL \
               SELECT account_id, item_id, 0, 0, posted_minor FROM item_balance WHERE court_id = $1 AND book_id = $2 \
             ) AS both_sides GROUP BY account_id, item_id HAVING SUM(rise) - SUM(fall) <> SUM(stored) \
             ORDER BY account_id, item_id LIMIT 1",
        )?;
        if let Some((account, item)) = differs {
            return Ok(Some(format!("item {item} of account {account}: its balance differs from its postings")));
        }
        let below = self.places(
            "SELECT account_id, item_id FROM item_balance WHERE court_id = $1 AND book_id = $2 \
             AND (posted_minor < held_minor OR held_minor < 0) ORDER BY account_id, item_id LIMIT 1",
        )?;
        Ok(below.map(|(account, item)| format!("item {item} of account {account} is below zero")))
    }

    /// What is left of each hold follows from its events; what an account or item holds is the sum of its holds.
    fn holds(&mut self) -> Result<Option<String>> {
        let hold = self.places(
            "SELECT hold_id, account_id FROM ( \
               SELECT hold_id, account_id, item_id, CASE WHEN event = 'placed' THEN amount_minor ELSE 0 END AS placed, \
                      CASE WHEN event = 'placed' THEN 0 ELSE amount_minor END AS taken, 0 AS stored \
                 FROM hold_event WHERE court_id = $1 AND book_id = $2 \
               UNION ALL \
               SELECT hold_id, account_id, item_id, 0, 0, remaining_minor FROM hold \
                WHERE court_id = $1 AND book_id = $2 \
             ) AS both_sides GROUP BY hold_id, account_id, item_id HAVING SUM(placed) - SUM(taken) <> SUM(stored) \
             ORDER BY hold_id LIMIT 1",
        )?;
        if let Some((hold, _)) = hold {
            return Ok(Some(format!("hold {hold}: what is left differs from its events")));
        }
        let account = self.places(
            "SELECT account_id, account_id FROM ( \
               SELECT account_id, remaining_minor AS held, 0 AS stored FROM hold WHERE court_id = $1 AND book_id = $2 \
               UNION ALL \
               SELECT account_id, 0, held_minor FROM balance WHERE court_id = $1 AND book_id = $2 \
             ) AS both_sides GROUP BY account_id HAVING SUM(held) <> SUM(stored) ORDER BY account_id LIMIT 1",
        )?;
        if let Some((account, _)) = account {
            return Ok(Some(format!("account {account}: what it holds differs from its holds")));
        }
        let item = self.places(
            "SELECT account_id, item_id FROM ( \
               SELECT h.account_id, h.item_id, h.remaining_minor AS held, 0 AS stored FROM hold AS h \
                 JOIN account AS a ON a.court_id = h.court_id AND a.book_id = h.book_id \
                      AND a.account_id = h.account_id AND a.item_floor = 1 \
                WHERE h.court_id = $1 AND h.book_id = $2 \
               UNION ALL \
               SELECT account_id, item_id, 0, held_minor FROM item_balance WHERE court_id = $1 AND book_id = $2 \
             ) AS both_sides GROUP BY account_id, item_id HAVING SUM(held) <> SUM(stored) \
             ORDER BY account_id, item_id LIMIT 1",
        )?;
        Ok(item
            .map(|(account, item)| format!("item {item} of account {account}: what it holds differs from its holds")))
    }

    /// The first pair of ids that a statement on this book returns.
    fn places(&mut self, statement: &'static str) -> Result<Option<(i64, i64)>> {
        let rows = self.tx.query(statement, &self.key(), |row| Ok((row.int(0)?, row.int(1)?)))?;
        Ok(rows.first().copied())
    }
}

/// The rows of one page of parts, taken one after another.
struct PartReading {
    table: &'static Table,
    parts: std::iter::Peekable<std::vec::IntoIter<Part>>,
    current: Option<(Part, RunningDigest, i64)>,
    row: RowBytes,
    finding: Option<String>,
}

impl PartReading {
    fn new(table: &'static Table, parts: Vec<Part>) -> Self {
        Self { table, parts: parts.into_iter().peekable(), current: None, row: RowBytes::default(), finding: None }
    }

    /// The first id at or after this one that a part has.
    fn goes_on_from(&mut self, id: i64) -> i64 {
        match (&self.current, self.parts.peek()) {
            (Some((part, ..)), _) if part.last_id >= id => id,
            (_, Some(part)) => id.max(part.first_id),
            (_, None) => id,
        }
    }

    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        if self.finding.is_some() {
            return Ok(());
        }
        let id = row.int(2)?;
        if self.current.as_ref().is_none_or(|(part, ..)| id > part.last_id) {
            self.close_part();
            self.current = self.parts.next().map(|part| (part, RunningDigest::of(self.table), 0));
        }
        let mark_column = self.table.columns.len() - 1;
        let bytes = row.canonical(self.table, &mut self.row)?;
        let name = self.table.name;
        match &mut self.current {
            Some((part, digest, count)) if id >= part.first_id => {
                *count += 1;
                if digest.take(bytes) != row.value(mark_column, Kind::Int).map(as_int)? {
                    self.finding = Some(format!("{name} {id}: changed, or a row before it is missing"));
                }
            }
            _ => self.finding = Some(format!("{name} {id}: not in the chain")),
        }
        Ok(())
    }

    fn close_part(&mut self) {
        let Some((part, digest, count)) = self.current.take() else { return };
        if self.finding.is_none() && (count != part.row_count || digest.digest() != part.digest) {
            self.finding = Some(format!(
                "{} {} to {}: {count} rows where the chain has {}, or their digest differs",
                self.table.name, part.first_id, part.last_id, part.row_count
            ));
        }
    }

    fn end(mut self) -> Option<String> {
        self.close_part();
        if self.finding.is_none()
            && let Some(part) = self.parts.next()
        {
            self.finding = Some(format!("{} {} to {}: missing", self.table.name, part.first_id, part.last_id));
        }
        self.finding
    }
}

fn as_int(value: Value<'_>) -> i64 {
    match value {
        Value::Int(number) => number,
        _ => 0,
    }
}

fn read_part(row: &Row<'_>, first: usize) -> Result<Part> {
    Ok(Part {
        table_name: row.text(first)?.to_owned(),
        first_id: row.int(first + 1)?,
        last_id: row.int(first + 2)?,
        row_count: row.int(first + 3)?,
        digest: digest_of_any_length(row, first + 4)?,
    })
}

/// A digest that was cut or stretched is reported as a difference, not as an error: it becomes one that nothing has.
fn digest_of_any_length(row: &Row<'_>, column: usize) -> Result<Digest> {
    Ok(row.bytes(column)?.try_into().unwrap_or([0xff; 32]))
}
