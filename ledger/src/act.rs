//! Recording: one act, one transaction, one link of the chain.
//!
//! An act locks the head of its book, takes its numbers from there, appends rows to fact tables, posts entries
//! through the pure core ([`crate::decide`]) and, when it closes, writes balances, head and link. A post and a payout
//! to 170,000 people are the same code; the rows of both go in by [`Bulk`].

use std::collections::HashMap;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::chain::{ChainHead, GENESIS, Link, Part, RunningDigest, SUITE};
use crate::decide::{
    AccountId, AccountState, Currency, EntryNo, HoldId, HoldState, ItemId, ItemState, Line, Place, PostedLine, Refusal,
    Side, State,
};
use crate::engine::{Bulk, Error, Result, Row, RowBytes, Statement, Table, Tx, Value};
use crate::money::Amount;
use crate::schema;

/// A book of a court. Book 0 is the court's register: facts that belong to no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BookKey {
    /// Court.
    pub court_id: i64,
    /// Book.
    pub book_id: i64,
}

impl BookKey {
    fn values(self) -> [Value<'static>; 2] {
        [self.court_id.into(), self.book_id.into()]
    }
}

/// An act did not come about: the domain said no, or something broke. Both leave nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The domain said no.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// Something broke.
    #[error(transparent)]
    Broken(#[from] Error),
}

/// Kind of a voucher (凭证).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoucherKind {
    /// 收: money comes in.
    Receipt,
    /// 付: money goes out.
    Payment,
    /// 转: money changes its place inside the books.
    Transfer,
}

impl VoucherKind {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::Payment => "payment",
            Self::Transfer => "transfer",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Receipt, Self::Payment, Self::Transfer].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// The head of a voucher; its entries follow by [`Act::post`].
#[derive(Clone, Debug)]
pub struct VoucherHead<'a> {
    /// Kind.
    pub kind: VoucherKind,
    /// Civil date in Asia/Shanghai; its month must be open.
    pub accounting_date: Date,
    /// Event of the event table.
    pub event: &'a str,
    /// Summary (摘要).
    pub summary: &'a str,
    /// Number of attached papers.
    pub attachments: i64,
}

/// `2026-11`
pub(crate) fn month_of(date: Date) -> String {
    format!("{:04}-{:02}", date.year(), date.month())
}

/// An account to be opened.
#[derive(Clone, Debug)]
pub struct NewAccount<'a> {
    /// Kind of the chart.
    pub kind: &'a str,
    /// Code, unique in the book.
    pub code: &'a str,
    /// Name.
    pub name: &'a str,
    /// Side on which the balance is positive.
    pub normal_side: Side,
    /// Currency.
    pub currency: Currency,
    /// The case whose control account this is.
    pub case_id: Option<i64>,
    /// Lowest available balance.
    pub floor: Option<Amount>,
    /// Whether no item may go below zero.
    pub item_floor: bool,
}

/// A voucher as recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VoucherNumber {
    /// Row.
    pub voucher_id: i64,
    /// `2026-11`
    pub month: String,
    /// Kind.
    pub kind: VoucherKind,
    /// Number in month and kind.
    pub number: i64,
}

struct OpenVoucher {
    voucher_id: i64,
    actor_id: i64,
    head: VoucherHead<'static>,
    summary: String,
    event: String,
    first_entry_no: i64,
    total: Amount,
}

struct Facts {
    table: &'static Table,
    bulk: Bulk,
    digest: RunningDigest,
    first_id: i64,
    last_id: i64,
    count: i64,
}

/// What a book's vouchers look like in one month.
#[derive(Debug, Default)]
struct Month {
    closed: bool,
    /// Last number of each kind that has one; numbers are given out here and written when the act closes.
    last_numbers: Vec<(VoucherKind, i64)>,
    changed: bool,
}

/// Accounts as an act left them. An act that finds the book's chain where that one ended need not load them again.
///
/// Balances change in acts only and every act adds a link, so while the head of the chain has this hash, these are
/// the balances in the database; another writer, or a commit that failed, leaves another hash.
#[derive(Debug)]
pub struct Known {
    link_hash: [u8; 32],
    accounts: HashMap<AccountId, AccountState>,
}

impl Month {
    fn next_number(&mut self, kind: VoucherKind) -> i64 {
        self.changed = true;
        if let Some((_, last)) = self.last_numbers.iter_mut().find(|(known, _)| *known == kind) {
            *last += 1;
            return *last;
        }
        self.last_numbers.push((kind, 1));
        1
    }
}

impl Known {
    /// How many accounts it keeps in memory (about 250 bytes each).
    #[must_use]
    pub fn account_count(&self) -> usize {
        self.accounts.len()
    }
}

/// An act being recorded. Dropped without [`Act::close`], its transaction must be dropped too.
pub struct Act {
    book: BookKey,
    name: &'static str,
    actor_id: i64,
    recorded_at: i64,
    next_id: i64,
    /// Ids from here on are this act's.
    first_own_id: i64,
    link_no: i64,
    previous_hash: [u8; 32],
    facts: Vec<Facts>,
    row: RowBytes,
    state: State,
    loaded: HashMap<AccountId, AccountState>,
    /// Codes of accounts that this act opened; their rows may still be on their way into the table.
    opened: HashMap<String, AccountId>,
    loaded_items: HashMap<Place, Option<ItemState>>,
    /// Ids taken as items by this act.
    fresh_items: Vec<Range<i64>>,
    loaded_holds: HashMap<HoldId, Option<HoldState>>,
    voucher: Option<OpenVoucher>,
    vouchers: Vec<VoucherNumber>,
    months: HashMap<String, Month>,
    lines: Vec<PostedLine>,
}

/// Creates a book with its head and first link.
///
/// # Errors
/// [`Error::Constraint`] when it exists.
pub fn create_book(tx: &mut Tx<'_>, book: BookKey, name: &str, actor_id: i64, at: Timestamp) -> Result<ChainHead> {
    tx.execute(
        "INSERT INTO book_head (court_id, book_id, next_id, next_entry_no, next_link_no, link_hash) \
         VALUES ($1, $2, 1, 1, 1, $3)",
        &[book.court_id.into(), book.book_id.into(), Value::Bytes(&GENESIS)],
    )?;
    let mut act = Act::open(tx, book, "book.create", actor_id, at)?;
    let id = act.take_ids(1);
    act.insert(tx, &schema::BOOK, id, &[id.into(), name.into(), at.as_microsecond().into()])?;
    act.close(tx)
}

impl Act {
    /// Begins an act: locks the head of the book until the transaction ends.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when the book does not exist.
    pub fn open(tx: &mut Tx<'_>, book: BookKey, name: &'static str, actor_id: i64, at: Timestamp) -> Result<Self> {
        Self::open_many(tx, &[book], name, actor_id, at)?.pop().ok_or_else(|| {
            Error::Inconsistent(format!("book {} of court {} does not exist", book.book_id, book.court_id))
        })
    }

    /// Begins an act in each of several books, in one statement, locking their heads in sorted order. Books that do
    /// not exist are left out.
    ///
    /// # Errors
    /// What the database says.
    pub fn open_many(
        tx: &mut Tx<'_>,
        books: &[BookKey],
        name: &'static str,
        actor_id: i64,
        at: Timestamp,
    ) -> Result<Vec<Self>> {
        // On SQLite the transaction holds the write lock of the whole file already.
        const SELECT: Statement = Statement::twin(
            "SELECT court_id, book_id, next_id, next_entry_no, next_link_no, link_hash FROM book_head \
             WHERE court_id = ?1 AND book_id = ?2",
            "SELECT h.court_id, h.book_id, h.next_id, h.next_entry_no, h.next_link_no, h.link_hash \
             FROM UNNEST($1::bigint[], $2::bigint[]) AS asked (court_id, book_id) \
             JOIN book_head AS h ON h.court_id = asked.court_id AND h.book_id = asked.book_id \
             ORDER BY h.court_id, h.book_id FOR UPDATE OF h",
        );
        let mut sorted = books.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        let keys: Vec<Value<'_>> = sorted.iter().flat_map(|book| book.values()).collect();
        let mut acts = Vec::with_capacity(sorted.len());
        tx.each_of(SELECT, 2, &keys, |row| {
            acts.push(Self {
                book: BookKey { court_id: row.int(0)?, book_id: row.int(1)? },
                name,
                actor_id,
                recorded_at: at.as_microsecond(),
                next_id: row.int(2)?,
                first_own_id: row.int(2)?,
                link_no: row.int(4)?,
                previous_hash: row.digest(5)?,
                facts: Vec::new(),
                row: RowBytes::default(),
                state: State::after(row.int(3)?),
                loaded: HashMap::new(),
                opened: HashMap::new(),
                loaded_items: HashMap::new(),
                fresh_items: Vec::new(),
                loaded_holds: HashMap::new(),
                voucher: None,
                vouchers: Vec::new(),
                months: HashMap::new(),
                lines: Vec::new(),
            });
            Ok(())
        })?;
        Ok(acts)
    }

    /// Takes over accounts that an earlier act left, if they are still as it left them. Call it before anything else.
    pub fn recall(&mut self, known: Known) {
        if known.link_hash == self.previous_hash && self.state.accounts.is_empty() {
            self.loaded.clone_from(&known.accounts);
            self.state.accounts = known.accounts;
        }
    }

    /// The book.
    #[must_use]
    pub const fn book(&self) -> BookKey {
        self.book
    }

    /// When it is recorded, µs UTC.
    #[must_use]
    pub const fn recorded_at(&self) -> i64 {
        self.recorded_at
    }

    /// Who records it.
    #[must_use]
    pub const fn actor_id(&self) -> i64 {
        self.actor_id
    }

    /// Begins a voucher that another person records; the link keeps the name of the one who opened the act.
    ///
    /// # Errors
    /// As [`Act::begin_voucher`].
    pub fn begin_voucher_of(
        &mut self,
        tx: &mut Tx<'_>,
        actor_id: i64,
        head: &VoucherHead<'_>,
    ) -> std::result::Result<(), Failure> {
        self.begin_voucher(tx, head)?;
        if let Some(voucher) = &mut self.voucher {
            voucher.actor_id = actor_id;
        }
        Ok(())
    }

    /// Takes so many ids and returns the first. Rows of one table must be inserted in the order of their ids.
    pub const fn take_ids(&mut self, count: i64) -> i64 {
        let first = self.next_id;
        self.next_id += count;
        first
    }

    /// Takes so many ids that will be items of postings, and returns the first. Nothing is asked of the database about
    /// them: no posting can have named them before.
    pub fn take_items(&mut self, count: i64) -> i64 {
        let first = self.take_ids(count);
        match self.fresh_items.last_mut() {
            Some(last) if last.end == first => last.end = first + count,
            _ => self.fresh_items.push(first..first + count),
        }
        first
    }

    /// The head of the chain that this act will follow.
    #[must_use]
    pub const fn head_before(&self) -> ChainHead {
        let BookKey { court_id, book_id } = self.book;
        ChainHead { court_id, book_id, link_no: self.link_no - 1, hash: self.previous_hash }
    }

    /// The number that the next entry will have.
    #[must_use]
    pub const fn next_entry(&self) -> EntryNo {
        EntryNo(self.state.next_entry_no)
    }

    /// The voucher that entries go under now: what a fact written beside its entry points to.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when no voucher is open.
    pub fn open_voucher_id(&self) -> Result<i64> {
        let voucher = self.voucher.as_ref();
        voucher.map(|voucher| voucher.voucher_id).ok_or_else(|| Error::Inconsistent("no voucher is open".into()))
    }

    /// Appends a row to a fact table. `values` are its columns without court, book and `mark`.
    ///
    /// # Errors
    /// [`Error::Constraint`], when the piece is sent; [`Error::Inconsistent`] for an id that is not of this act or does
    /// not rise.
    pub fn insert(&mut self, tx: &mut Tx<'_>, table: &'static Table, id: i64, values: &[Value<'_>]) -> Result<()> {
        debug_assert_eq!(values.len() + 3, table.columns.len(), "columns of {}", table.name);
        let place = self.facts.iter().position(|facts| std::ptr::eq(facts.table, table)).unwrap_or_else(|| {
            self.facts.push(Facts {
                table,
                bulk: Bulk::new(table),
                digest: RunningDigest::of(table),
                first_id: id,
                last_id: if std::ptr::eq(table, &schema::ENTRY_LINE) { id } else { self.first_own_id },
                count: 0,
            });
            self.facts.len() - 1
        });
        let facts = &mut self.facts[place];
        // A part of the chain is a range of ids that no other part reaches into: ids of a table rise, and are this act's.
        if id < facts.last_id {
            return Err(Error::Inconsistent(format!("{} {id} after {}: ids must rise", table.name, facts.last_id)));
        }
        self.row.clear();
        self.row.begin(table.columns.len());
        self.row.value(self.book.court_id.into());
        self.row.value(self.book.book_id.into());
        for value in values {
            self.row.value(*value);
        }
        let mark = facts.digest.take(&self.row.as_bytes()[2..]);
        self.row.value(mark.into());
        facts.last_id = id;
        facts.count += 1;
        facts.bulk.push_bytes(tx, self.row.as_bytes())
    }

    /// Opens an account and makes it known to this act.
    ///
    /// # Errors
    /// [`Error::Constraint`] when the code is taken.
    pub fn open_account(&mut self, tx: &mut Tx<'_>, new: &NewAccount<'_>) -> Result<AccountId> {
        let id = self.take_ids(1);
        self.insert(
            tx,
            &schema::ACCOUNT,
            id,
            &[
                id.into(),
                new.kind.into(),
                new.code.into(),
                new.name.into(),
                new.normal_side.as_str().into(),
                new.currency.as_str().into(),
                new.case_id.into(),
                new.floor.map(Amount::minor).into(),
                i64::from(new.item_floor).into(),
            ],
        )?;
        tx.execute(
            "INSERT INTO balance (court_id, book_id, account_id, floor_minor, posted_minor, held_minor, \
             last_entry_no, is_open) VALUES ($1, $2, $3, $4, 0, 0, 0, 1)",
            &[self.book.court_id.into(), self.book.book_id.into(), id.into(), new.floor.map(Amount::minor).into()],
        )?;
        let account = AccountId(id);
        let state = AccountState {
            normal_side: new.normal_side,
            currency: new.currency,
            floor: new.floor,
            item_floor: new.item_floor,
            open: true,
            posted: Amount::ZERO,
            held: Amount::ZERO,
            last_entry_no: 0,
        };
        self.loaded.insert(account, state);
        self.opened.insert(new.code.to_owned(), account);
        self.state.accounts.insert(account, state);
        Ok(account)
    }

    /// The account that this act has opened under a code: the table may not show it yet.
    #[must_use]
    pub fn opened(&self, code: &str) -> Option<AccountId> {
        self.opened.get(code).copied()
    }

    /// Loads accounts, in one statement; those already known are left as they are.
    ///
    /// # Errors
    /// What the database says. An account that does not exist is refused when it is used.
    pub fn load_accounts(&mut self, tx: &mut Tx<'_>, accounts: impl IntoIterator<Item = AccountId>) -> Result<()> {
        let book = self.book;
        Self::load_accounts_of(tx, std::slice::from_mut(self), accounts.into_iter().map(|account| (book, account)))
    }

    /// Loads accounts of several books, in one statement. `acts` stand in the order of [`Act::open_many`].
    ///
    /// # Errors
    /// As [`Act::load_accounts`].
    pub(crate) fn load_accounts_of(
        tx: &mut Tx<'_>,
        acts: &mut [Self],
        accounts: impl IntoIterator<Item = (BookKey, AccountId)>,
    ) -> Result<()> {
        const SELECT: Statement = Statement::twin(
            "SELECT ?1, ?2, a.account_id, a.normal_side, a.currency, b.floor_minor, a.item_floor, b.is_open, \
             b.posted_minor, b.held_minor, b.last_entry_no FROM account AS a \
             JOIN balance AS b ON b.court_id = ?1 AND b.book_id = ?2 AND b.account_id = ?3 \
             WHERE a.court_id = ?1 AND a.book_id = ?2 AND a.account_id = ?3",
            "SELECT a.court_id, a.book_id, a.account_id, a.normal_side, a.currency, b.floor_minor, a.item_floor, \
             b.is_open, b.posted_minor, b.held_minor, b.last_entry_no \
             FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[]) AS asked (court_id, book_id, account_id) \
             JOIN account AS a USING (court_id, book_id, account_id) \
             JOIN balance AS b USING (court_id, book_id, account_id)",
        );
        let mut missing: Vec<(BookKey, AccountId)> = accounts
            .into_iter()
            .filter(|(book, account)| {
                act_of(acts, *book).is_some_and(|act| !acts[act].state.accounts.contains_key(account))
            })
            .collect();
        missing.sort_unstable();
        missing.dedup();
        let keys: Vec<Value<'_>> = missing
            .iter()
            .flat_map(|(book, account)| [book.court_id.into(), book.book_id.into(), account.0.into()])
            .collect();
        tx.each_of(SELECT, 3, &keys, |row| {
            let (account, state) = read_account(row, 2)?;
            if let Some(act) = act_of(acts, BookKey { court_id: row.int(0)?, book_id: row.int(1)? }) {
                acts[act].loaded.insert(account, state);
                acts[act].state.accounts.insert(account, state);
            }
            Ok(())
        })
    }

    /// Loads places whose items have a floor, in one statement; those already known are left as they are. Without it each
    /// is asked for when it is first used.
    ///
    /// # Errors
    /// What the database says.
    pub fn load_items(&mut self, tx: &mut Tx<'_>, places: impl IntoIterator<Item = Place>) -> Result<()> {
        const SELECT: Statement = Statement::twin(
            "SELECT account_id, item_id, posted_minor, held_minor FROM item_balance \
             WHERE court_id = ?1 AND book_id = ?2 AND account_id = ?3 AND item_id = ?4",
            "SELECT i.account_id, i.item_id, i.posted_minor, i.held_minor \
             FROM UNNEST($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) \
             AS asked (court_id, book_id, account_id, item_id) \
             JOIN item_balance AS i USING (court_id, book_id, account_id, item_id)",
        );
        let mut places: Vec<Place> = places.into_iter().collect();
        places.sort_unstable_by_key(|place| (place.account, place.item));
        places.dedup();
        self.load_accounts(tx, places.iter().map(|place| place.account))?;
        let has_floor = |place: &Place| self.state.accounts.get(&place.account).is_some_and(|state| state.item_floor);
        places.retain(|place| has_floor(place) && !self.loaded_items.contains_key(place));
        let [court, book] = self.book.values();
        let keys: Vec<Value<'_>> =
            places.iter().flat_map(|place| [court, book, place.account.0.into(), place.item.0.into()]).collect();
        self.loaded_items.extend(places.iter().map(|place| (*place, None)));
        tx.each_of(SELECT, 4, &keys, |row| {
            let place = Place { account: AccountId(row.int(0)?), item: ItemId(row.int(1)?) };
            let item = ItemState { posted: Amount::from_minor(row.int(2)?), held: Amount::from_minor(row.int(3)?) };
            self.loaded_items.insert(place, Some(item));
            self.state.items.insert(place, item);
            Ok(())
        })
    }

    /// Loads what is known of months, `2026-11`, of several books, in one statement.
    pub(crate) fn load_months_of(tx: &mut Tx<'_>, acts: &mut [Self], months: &[(BookKey, String)]) -> Result<()> {
        const SELECT: Statement = Statement::twin(
            "SELECT ?1, ?2, ?3, 'closed', 0 FROM closed_month WHERE court_id = ?1 AND book_id = ?2 AND month = ?3 \
             UNION ALL SELECT ?1, ?2, ?3, kind, last_number FROM voucher_number \
             WHERE court_id = ?1 AND book_id = ?2 AND month = ?3",
            "WITH asked AS (SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::text[]) AS a (court_id, book_id, month)) \
             SELECT court_id, book_id, month, 'closed', 0::bigint FROM asked \
             JOIN closed_month USING (court_id, book_id, month) \
             UNION ALL SELECT court_id, book_id, month, kind, last_number FROM asked \
             JOIN voucher_number USING (court_id, book_id, month)",
        );
        let mut keys = Vec::new();
        for (book, month) in months {
            let Some(act) = act_of(acts, *book) else { continue };
            if !acts[act].months.contains_key(month) {
                acts[act].months.insert(month.clone(), Month::default());
                keys.extend([book.court_id.into(), book.book_id.into(), Value::from(month.as_str())]);
            }
        }
        tx.each_of(SELECT, 3, &keys, |row| {
            let book = BookKey { court_id: row.int(0)?, book_id: row.int(1)? };
            let known = act_of(acts, book).and_then(|act| acts[act].months.get_mut(row.text(2).ok()?));
            let Some(month) = known else { return Ok(()) };
            match (row.text(3)?, row.int(4)?) {
                ("closed", _) => month.closed = true,
                (kind, number) => {
                    let kind = VoucherKind::parse(kind)
                        .ok_or_else(|| Error::Inconsistent(format!("voucher numbers of the unknown kind {kind}")))?;
                    month.last_numbers.push((kind, number));
                }
            }
            Ok(())
        })
    }

    /// What is known of an account that was loaded or opened.
    #[must_use]
    pub fn account(&self, account: AccountId) -> Option<&AccountState> {
        self.state.accounts.get(&account)
    }

    /// Begins a voucher; the entries that follow belong to it.
    ///
    /// # Errors
    /// [`Refusal::MonthClosed`].
    pub fn begin_voucher(&mut self, tx: &mut Tx<'_>, head: &VoucherHead<'_>) -> std::result::Result<(), Failure> {
        self.end_voucher(tx)?;
        let month = month_of(head.accounting_date);
        let book = self.book;
        if !self.months.contains_key(&month) {
            Self::load_months_of(tx, std::slice::from_mut(self), &[(book, month.clone())])?;
        }
        if self.months.get(&month).is_some_and(|known| known.closed) {
            return Err(Refusal::MonthClosed { book_id: book.book_id, month }.into());
        }
        let voucher_id = self.take_ids(1);
        self.voucher = Some(OpenVoucher {
            voucher_id,
            actor_id: self.actor_id,
            summary: head.summary.to_owned(),
            event: head.event.to_owned(),
            head: VoucherHead {
                kind: head.kind,
                accounting_date: head.accounting_date,
                event: "",
                summary: "",
                attachments: head.attachments,
            },
            first_entry_no: self.state.next_entry_no,
            total: Amount::ZERO,
        });
        Ok(())
    }

    /// Posts an entry under the voucher that was begun last.
    ///
    /// # Errors
    /// A [`Refusal`] leaves the act as it was, so that a batch that is not atomic goes on.
    pub fn post(&mut self, tx: &mut Tx<'_>, lines: &[Line]) -> std::result::Result<EntryNo, Failure> {
        self.post_entry(tx, lines, None)
    }

    fn post_entry(
        &mut self,
        tx: &mut Tx<'_>,
        lines: &[Line],
        reverses: Option<EntryNo>,
    ) -> std::result::Result<EntryNo, Failure> {
        for line in lines {
            self.know(tx, line.debit)?;
            self.know(tx, line.credit)?;
        }
        // Refused here, before anything has moved: the voucher could not name its total.
        let total = self.voucher.as_ref().map_or(Amount::ZERO, |voucher| voucher.total);
        if let Some(line) = lines.first()
            && Amount::sum(lines.iter().map(|line| line.amount)).and_then(|sum| sum.plus(total)).is_none()
        {
            return Err(Refusal::Overflow(line.debit.account).into());
        }
        let entry_no = self.state.post(lines, &mut self.lines)?;
        self.record_lines(tx, reverses)?;
        Ok(entry_no)
    }

    fn record_lines(&mut self, tx: &mut Tx<'_>, reverses: Option<EntryNo>) -> Result<()> {
        let mut lines = std::mem::take(&mut self.lines);
        let voucher = self.voucher.as_mut().ok_or_else(|| Error::Inconsistent("an entry without a voucher".into()))?;
        let voucher_id = voucher.voucher_id;
        for line in &lines {
            voucher.total = voucher
                .total
                .plus(line.line.amount)
                .ok_or_else(|| Error::Inconsistent("the total of a voucher leaves the range of amounts".into()))?;
        }
        for posted in lines.drain(..) {
            self.insert(
                tx,
                &schema::ENTRY_LINE,
                posted.entry_no.0,
                &[
                    posted.entry_no.0.into(),
                    posted.line_no.into(),
                    voucher_id.into(),
                    posted.line.debit.account.0.into(),
                    posted.line.debit.item.0.into(),
                    posted.line.credit.account.0.into(),
                    posted.line.credit.item.0.into(),
                    posted.line.amount.minor().into(),
                    posted.debit_after.minor().into(),
                    posted.credit_after.minor().into(),
                    posted.debit_previous.into(),
                    posted.credit_previous.into(),
                    reverses.map(|entry| entry.0).into(),
                ],
            )?;
        }
        self.lines = lines;
        Ok(())
    }

    /// Loads what the core needs to know about a place and does not yet.
    fn know(&mut self, tx: &mut Tx<'_>, place: Place) -> Result<()> {
        if !self.state.accounts.contains_key(&place.account) {
            self.load_accounts(tx, [place.account])?;
        }
        let has_floor = self.state.accounts.get(&place.account).is_some_and(|account| account.item_floor);
        if !has_floor || self.loaded_items.contains_key(&place) {
            return Ok(());
        }
        // Ranges are few and rise; nearly always it is the last one.
        if self.fresh_items.iter().rev().any(|range| range.contains(&place.item.0)) {
            self.loaded_items.insert(place, None);
            return Ok(());
        }
        let item = tx.query_opt(
            "SELECT posted_minor, held_minor FROM item_balance \
             WHERE court_id = $1 AND book_id = $2 AND account_id = $3 AND item_id = $4",
            &[self.book.court_id.into(), self.book.book_id.into(), place.account.0.into(), place.item.0.into()],
            |row| Ok(ItemState { posted: Amount::from_minor(row.int(0)?), held: Amount::from_minor(row.int(1)?) }),
        )?;
        self.loaded_items.insert(place, item);
        if let Some(item) = item {
            self.state.items.insert(place, item);
        }
        Ok(())
    }

    /// Reverses an entry: the same lines the other way, pointing at it.
    ///
    /// # Errors
    /// [`Refusal::EntryUnknown`], [`Refusal::AlreadyReversed`], and those of posting.
    pub fn reverse(&mut self, tx: &mut Tx<'_>, entry: EntryNo) -> std::result::Result<EntryNo, Failure> {
        let key = [self.book.court_id.into(), self.book.book_id.into(), entry.0.into()];
        // What this act has posted itself may still be on its way into the table.
        self.flush(tx, &schema::ENTRY_LINE)?;
        let lines = tx.query(
            "SELECT debit_account_id, debit_item_id, credit_account_id, credit_item_id, amount_minor FROM entry_line \
             WHERE court_id = $1 AND book_id = $2 AND entry_no = $3 ORDER BY line_no",
            &key,
            |row| {
                let place = |first| -> Result<Place> {
                    Ok(Place { account: AccountId(row.int(first)?), item: ItemId(row.int(first + 1)?) })
                };
                Ok(Line { debit: place(0)?, credit: place(2)?, amount: Amount::from_minor(row.int(4)?) }.reversed())
            },
        )?;
        if lines.is_empty() {
            return Err(Refusal::EntryUnknown(entry).into());
        }
        let reversed = tx.query(
            "SELECT entry_no FROM entry_line WHERE court_id = $1 AND book_id = $2 AND reverses_entry_no = $3 LIMIT 1",
            &key,
            |row| row.int(0),
        )?;
        if !reversed.is_empty() {
            return Err(Refusal::AlreadyReversed(entry).into());
        }
        self.post_entry(tx, &lines, Some(entry))
    }

    /// Reverses every entry from `first` to `last`, each by one of its own that points at it.
    ///
    /// # Errors
    /// [`Refusal::AlreadyReversed`] when one of them was reversed before, and those of posting.
    pub fn reverse_entries(&mut self, tx: &mut Tx<'_>, first: i64, last: i64) -> std::result::Result<(), Failure> {
        const ENTRIES_A_PAGE: i64 = 10_000;
        let BookKey { court_id, book_id } = self.book;
        let reversed = tx.query(
            "SELECT reverses_entry_no FROM entry_line WHERE court_id = $1 AND book_id = $2 \
             AND reverses_entry_no >= $3 AND reverses_entry_no <= $4 LIMIT 1",
            &[court_id.into(), book_id.into(), first.into(), last.into()],
            |row| row.int(0),
        )?;
        if let Some(entry) = reversed.first() {
            return Err(Refusal::AlreadyReversed(EntryNo(*entry)).into());
        }
        let mut next = first;
        while next <= last {
            let end = last.min(next + ENTRIES_A_PAGE - 1);
            let mut page: Vec<(i64, Line)> = Vec::new();
            tx.scan(&schema::ENTRY_LINE, court_id, book_id, (next, end), |row| {
                let place = |column| -> Result<Place> {
                    Ok(Place { account: AccountId(row.int(column)?), item: ItemId(row.int(column + 1)?) })
                };
                let line = Line { debit: place(5)?, credit: place(7)?, amount: Amount::from_minor(row.int(9)?) };
                page.push((row.int(2)?, line.reversed()));
                Ok::<(), Error>(())
            })?;
            for entry in page.chunk_by(|one, other| one.0 == other.0) {
                let lines: Vec<Line> = entry.iter().map(|(_, line)| *line).collect();
                self.post_entry(tx, &lines, Some(EntryNo(entry[0].0)))?;
            }
            next = end + 1;
        }
        Ok(())
    }

    /// Sets a part of a balance aside.
    ///
    /// # Errors
    /// As [`State::hold`].
    pub fn hold(
        &mut self,
        tx: &mut Tx<'_>,
        place: Place,
        amount: Amount,
        reason: &str,
    ) -> std::result::Result<HoldId, Failure> {
        self.know(tx, place)?;
        let hold = HoldId(self.take_ids(1));
        self.state.hold(hold, place, amount)?;
        self.loaded_holds.insert(hold, None);
        self.record_hold_event(tx, hold, "placed", place, amount, None, reason)?;
        Ok(hold)
    }

    /// Posts a line out of a hold.
    ///
    /// # Errors
    /// As [`State::capture`].
    pub fn capture(
        &mut self,
        tx: &mut Tx<'_>,
        hold: HoldId,
        line: Line,
        reason: &str,
    ) -> std::result::Result<EntryNo, Failure> {
        let place = self.know_hold(tx, hold)?;
        self.know(tx, line.debit)?;
        self.know(tx, line.credit)?;
        let entry = self.state.capture(hold, line, &mut self.lines)?;
        self.record_lines(tx, None)?;
        self.record_hold_event(tx, hold, "captured", place, line.amount, Some(entry), reason)?;
        Ok(entry)
    }

    /// Gives a part of a hold back.
    ///
    /// # Errors
    /// As [`State::release`].
    pub fn release(
        &mut self,
        tx: &mut Tx<'_>,
        hold: HoldId,
        amount: Amount,
        reason: &str,
    ) -> std::result::Result<(), Failure> {
        let place = self.know_hold(tx, hold)?;
        self.state.release(hold, amount)?;
        self.record_hold_event(tx, hold, "released", place, amount, None, reason)?;
        Ok(())
    }

    fn know_hold(&mut self, tx: &mut Tx<'_>, hold: HoldId) -> std::result::Result<Place, Failure> {
        if !self.loaded_holds.contains_key(&hold) {
            let state = tx.query_opt(
                "SELECT account_id, item_id, remaining_minor FROM hold \
                 WHERE court_id = $1 AND book_id = $2 AND hold_id = $3",
                &[self.book.court_id.into(), self.book.book_id.into(), hold.0.into()],
                |row| {
                    let place = Place { account: AccountId(row.int(0)?), item: ItemId(row.int(1)?) };
                    Ok(HoldState { place, remaining: Amount::from_minor(row.int(2)?) })
                },
            )?;
            if let Some(state) = state {
                self.state.holds.insert(hold, state);
                self.loaded_holds.insert(hold, Some(state));
            }
        }
        let place = self.state.holds.get(&hold).ok_or(Refusal::HoldUnknown(hold))?.place;
        self.know(tx, place)?;
        Ok(place)
    }

    #[allow(clippy::too_many_arguments)]
    fn record_hold_event(
        &mut self,
        tx: &mut Tx<'_>,
        hold: HoldId,
        event: &str,
        place: Place,
        amount: Amount,
        entry: Option<EntryNo>,
        reason: &str,
    ) -> Result<()> {
        // The event that places a hold has the hold's own id.
        let id = if event == "placed" { hold.0 } else { self.take_ids(1) };
        let (at, actor) = (self.recorded_at, self.actor_id);
        self.insert(
            tx,
            &schema::HOLD_EVENT,
            id,
            &[
                id.into(),
                hold.0.into(),
                event.into(),
                place.account.0.into(),
                place.item.0.into(),
                amount.minor().into(),
                entry.map(|entry| entry.0).into(),
                at.into(),
                actor.into(),
                reason.into(),
            ],
        )
    }

    /// Closes an account that is empty.
    ///
    /// # Errors
    /// As [`State::close_account`].
    pub fn close_account(&mut self, tx: &mut Tx<'_>, account: AccountId) -> std::result::Result<(), Failure> {
        self.load_accounts(tx, [account])?;
        self.state.close_account(account)?;
        let id = self.take_ids(1);
        let (at, actor) = (self.recorded_at, self.actor_id);
        self.insert(tx, &schema::CLOSED_ACCOUNT, id, &[id.into(), account.0.into(), at.into(), actor.into()])?;
        Ok(())
    }

    /// Closes a month: no more entries are dated into it, by this act neither. Ends the open voucher.
    ///
    /// # Errors
    /// [`Error::Constraint`] when it is closed already.
    pub fn close_month(&mut self, tx: &mut Tx<'_>, month: &str) -> Result<()> {
        let id = self.take_ids(1);
        let (at, actor) = (self.recorded_at, self.actor_id);
        self.end_voucher(tx)?;
        self.months.entry(month.to_owned()).or_default().closed = true;
        self.insert(tx, &schema::CLOSED_MONTH, id, &[id.into(), month.into(), at.into(), actor.into()])
    }

    fn end_voucher(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let Some(voucher) = self.voucher.take() else { return Ok(()) };
        // All its entries were refused: no voucher, and no number is used.
        if voucher.first_entry_no == self.state.next_entry_no {
            return Ok(());
        }
        let month = month_of(voucher.head.accounting_date);
        let kind = voucher.head.kind;
        let number = self.months.entry(month.clone()).or_default().next_number(kind);
        let (at, actor) = (self.recorded_at, voucher.actor_id);
        let last_entry_no = self.state.next_entry_no - 1;
        self.insert(
            tx,
            &schema::VOUCHER,
            voucher.voucher_id,
            &[
                voucher.voucher_id.into(),
                month.as_str().into(),
                kind.as_str().into(),
                number.into(),
                voucher.head.accounting_date.to_string().as_str().into(),
                at.into(),
                voucher.event.as_str().into(),
                voucher.summary.as_str().into(),
                actor.into(),
                voucher.head.attachments.into(),
                voucher.first_entry_no.into(),
                last_entry_no.into(),
                voucher.total.minor().into(),
            ],
        )?;
        self.vouchers.push(VoucherNumber { voucher_id: voucher.voucher_id, month, kind, number });
        Ok(())
    }

    /// Ends the open voucher, if any, and returns the vouchers of this act so far.
    ///
    /// # Errors
    /// What the database says.
    pub fn vouchers(&mut self, tx: &mut Tx<'_>) -> Result<&[VoucherNumber]> {
        self.end_voucher(tx)?;
        Ok(&self.vouchers)
    }

    fn flush(&mut self, tx: &mut Tx<'_>, table: &'static Table) -> Result<()> {
        if let Some(facts) = self.facts.iter_mut().find(|facts| std::ptr::eq(facts.table, table)) {
            std::mem::replace(&mut facts.bulk, Bulk::new(table)).finish(tx)?;
        }
        Ok(())
    }

    /// Whether nothing has been recorded, so that there is nothing to close.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.facts.is_empty() && self.voucher.as_ref().is_none_or(|voucher| !self.has_entries(voucher))
    }

    /// Writes what is left, the changed balances, the head and the link. The caller commits the transaction.
    ///
    /// # Errors
    /// [`Error::Constraint`] when the database finds what the core should have refused.
    pub fn close(self, tx: &mut Tx<'_>) -> Result<ChainHead> {
        self.close_knowing(tx).map(|(head, _)| head)
    }

    /// As [`Act::close`]; also returns the accounts as the act leaves them, for the next act in this book.
    ///
    /// # Errors
    /// As [`Act::close`].
    pub fn close_knowing(self, tx: &mut Tx<'_>) -> Result<(ChainHead, Known)> {
        let book = self.book;
        Self::close_many(tx, vec![self])?
            .pop()
            .ok_or_else(|| Error::Inconsistent(format!("the act in book {} did not close", book.book_id)))
    }

    /// Closes acts in several books with the statements of one: each has its own link in its own chain.
    ///
    /// # Errors
    /// As [`Act::close`].
    pub fn close_many(tx: &mut Tx<'_>, mut acts: Vec<Self>) -> Result<Vec<(ChainHead, Known)>> {
        for act in &mut acts {
            act.end_voucher(tx)?;
        }
        write_states(tx, &acts)?;
        let mut bulks: Vec<(&'static Table, Bulk)> = Vec::new();
        let (mut parts_bulk, mut links_bulk) = (Bulk::new(&schema::CHAIN_PART), Bulk::new(&schema::CHAIN_LINK));
        let mut hashes = Vec::with_capacity(acts.len());
        for act in &mut acts {
            let mut parts = Vec::with_capacity(act.facts.len());
            for facts in std::mem::take(&mut act.facts) {
                parts.push(Part {
                    table_name: facts.table.name.to_owned(),
                    first_id: facts.first_id,
                    last_id: facts.last_id,
                    row_count: facts.count,
                    digest: facts.digest.digest(),
                });
                match bulks.iter_mut().find(|(table, _)| std::ptr::eq(*table, facts.table)) {
                    Some((_, bulk)) => bulk.append(tx, facts.bulk)?,
                    None => bulks.push((facts.table, facts.bulk)),
                }
            }
            parts.sort_by(|a, b| a.table_name.cmp(&b.table_name));
            hashes.push(act.push_link(tx, &parts, &mut parts_bulk, &mut links_bulk)?);
        }
        for (_, bulk) in bulks {
            bulk.finish(tx)?;
        }
        parts_bulk.finish(tx)?;
        links_bulk.finish(tx)?;
        let heads: Vec<Value<'_>> = acts
            .iter()
            .zip(&hashes)
            .flat_map(|(act, hash)| {
                let [court, book] = act.book.values();
                let (next_id, next_entry_no) = (act.next_id.into(), act.state.next_entry_no.into());
                [court, book, next_id, next_entry_no, (act.link_no + 1).into(), Value::Bytes(hash)]
            })
            .collect();
        let set = ["next_id", "next_entry_no", "next_link_no", "link_hash"];
        tx.update_many("book_head", &["court_id", "book_id"], &set, &heads)?;
        let left = acts.into_iter().zip(hashes).map(|(act, hash)| {
            let BookKey { court_id, book_id } = act.book;
            let head = ChainHead { court_id, book_id, link_no: act.link_no, hash };
            (head, Known { link_hash: hash, accounts: act.state.accounts })
        });
        Ok(left.collect())
    }

    /// Adds the link and its parts to their tables; returns the link's hash.
    fn push_link(&self, tx: &mut Tx<'_>, parts: &[Part], parts_bulk: &mut Bulk, links: &mut Bulk) -> Result<[u8; 32]> {
        let BookKey { court_id, book_id } = self.book;
        let link = Link {
            court_id,
            book_id,
            link_no: self.link_no,
            act: self.name,
            actor_id: self.actor_id,
            recorded_at: self.recorded_at,
            suite: SUITE,
            previous_hash: self.previous_hash,
        };
        let hash = link.hash(parts);
        for part in parts {
            parts_bulk.push(
                tx,
                &[
                    court_id.into(),
                    book_id.into(),
                    part.table_name.as_str().into(),
                    part.first_id.into(),
                    part.last_id.into(),
                    self.link_no.into(),
                    part.row_count.into(),
                    Value::Bytes(&part.digest),
                ],
            )?;
        }
        links.push(
            tx,
            &[
                court_id.into(),
                book_id.into(),
                self.link_no.into(),
                self.name.into(),
                self.actor_id.into(),
                self.recorded_at.into(),
                SUITE.into(),
                Value::Bytes(&self.previous_hash),
                Value::Bytes(&hash),
            ],
        )?;
        Ok(hash)
    }

    fn has_entries(&self, voucher: &OpenVoucher) -> bool {
        voucher.first_entry_no < self.state.next_entry_no
    }

    /// Accounts that this act changed, in the order of their keys.
    fn changed_accounts(&self) -> Vec<(AccountId, AccountState)> {
        let mut changed: Vec<(AccountId, AccountState)> = self
            .state
            .accounts
            .iter()
            .filter(|(account, state)| self.loaded.get(account) != Some(state))
            .map(|(account, state)| (*account, *state))
            .collect();
        changed.sort_unstable_by_key(|(account, _)| *account);
        changed
    }

    /// Items that this act changed, in the order of their keys.
    fn changed_items(&self) -> Vec<(Place, ItemState)> {
        let mut changed: Vec<(Place, ItemState)> = self
            .state
            .items
            .iter()
            .filter(|(place, state)| self.loaded_items.get(place).copied().flatten().unwrap_or_default() != **state)
            .map(|(place, state)| (*place, *state))
            .collect();
        changed.sort_unstable_by_key(|(place, _)| (place.account, place.item));
        changed
    }

    /// Holds that this act placed or changed, in the order of their keys.
    fn changed_holds(&self) -> Vec<(HoldId, HoldState)> {
        let mut changed: Vec<(HoldId, HoldState)> = self
            .loaded_holds
            .iter()
            .map(|(hold, known)| (*hold, *known, self.state.holds[hold]))
            .filter(|(_, known, state)| *known != Some(*state))
            .map(|(hold, _, state)| (hold, state))
            .collect();
        changed.sort_unstable_by_key(|(hold, _)| *hold);
        changed
    }
}

/// The act in a book; acts are sorted by their books.
fn act_of(acts: &[Act], book: BookKey) -> Option<usize> {
    acts.binary_search_by_key(&book, |act| act.book).ok()
}

/// Writes the changed balances, items, holds and voucher numbers of all acts, one statement a table.
fn write_states(tx: &mut Tx<'_>, acts: &[Act]) -> Result<()> {
    let (mut balances, mut items, mut holds, mut numbers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut new_items = Bulk::new(&schema::ITEM_BALANCE);
    for act in acts {
        let key = act.book.values();
        for (account, state) in act.changed_accounts() {
            balances.extend(key);
            balances.extend([account.0, state.posted.minor(), state.held.minor()].map(Value::Int));
            balances.extend([state.last_entry_no, i64::from(state.open)].map(Value::Int));
        }
        for (place, state) in act.changed_items() {
            let [court_id, book_id] = key;
            let [account, item] = [place.account.0, place.item.0].map(Value::Int);
            let [posted, held] = [state.posted.minor(), state.held.minor()].map(Value::Int);
            let row = [court_id, book_id, account, item, posted, held];
            // Most are new, and rows that cannot be there yet go in by the fastest way.
            if act.loaded_items.get(&place) == Some(&None) {
                new_items.push(tx, &row)?;
            } else {
                items.extend(row);
            }
        }
        for (hold, HoldState { place, remaining }) in act.changed_holds() {
            holds.extend(key);
            holds.extend([hold.0, place.account.0, place.item.0, remaining.minor()].map(Value::Int));
        }
        for (month, known) in act.months.iter().filter(|(_, known)| known.changed) {
            for (kind, last) in &known.last_numbers {
                numbers.extend(key);
                numbers.extend([month.as_str().into(), kind.as_str().into(), Value::Int(*last)]);
            }
        }
    }
    new_items.finish(tx)?;
    let account_key = ["court_id", "book_id", "account_id"];
    tx.update_many("balance", &account_key, &["posted_minor", "held_minor", "last_entry_no", "is_open"], &balances)?;
    let item_key = ["court_id", "book_id", "account_id", "item_id"];
    tx.upsert_many("item_balance", &item_key, &["posted_minor", "held_minor"], &items)?;
    let hold_key = ["court_id", "book_id", "hold_id"];
    tx.upsert_many("hold", &hold_key, &["account_id", "item_id", "remaining_minor"], &holds)?;
    let number_key = ["court_id", "book_id", "month", "kind"];
    tx.upsert_many("voucher_number", &number_key, &["last_number"], &numbers)
}

/// From the column `first` on.
fn read_account(row: &Row<'_>, first: usize) -> Result<(AccountId, AccountState)> {
    let bad = |what: &str| Error::Inconsistent(format!("account with an unknown {what}"));
    Ok((
        AccountId(row.int(first)?),
        AccountState {
            normal_side: Side::parse(row.text(first + 1)?).ok_or_else(|| bad("normal side"))?,
            currency: Currency::parse(row.text(first + 2)?).ok_or_else(|| bad("currency"))?,
            floor: row.opt_int(first + 3)?.map(Amount::from_minor),
            item_floor: row.int(first + 4)? == 1,
            open: row.int(first + 5)? == 1,
            posted: Amount::from_minor(row.int(first + 6)?),
            held: Amount::from_minor(row.int(first + 7)?),
            last_entry_no: row.int(first + 8)?,
        },
    ))
}
