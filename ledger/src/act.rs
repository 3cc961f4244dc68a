//! Recording: one act, one transaction, one link of the chain.
//!
//! An act locks the head of its book, takes its numbers from there, appends rows to fact tables, posts entries
//! through the pure core ([`crate::decide`]) and, when it closes, writes balances, head and link. A post and a payout
//! to 170,000 people are the same code; the rows of both go in by [`Bulk`].

use std::collections::{HashMap, HashSet};

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

/// An act being recorded. Dropped without [`Act::close`], its transaction must be dropped too.
pub struct Act {
    book: BookKey,
    name: &'static str,
    actor_id: i64,
    recorded_at: i64,
    next_id: i64,
    link_no: i64,
    previous_hash: [u8; 32],
    facts: Vec<Facts>,
    row: RowBytes,
    state: State,
    loaded: HashMap<AccountId, AccountState>,
    loaded_items: HashMap<Place, Option<ItemState>>,
    loaded_holds: HashMap<HoldId, Option<HoldState>>,
    voucher: Option<OpenVoucher>,
    vouchers: Vec<VoucherNumber>,
    open_months: HashSet<String>,
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
        // The update is the lock, in words that both engines share.
        let head = tx.query_opt(
            "UPDATE book_head SET next_link_no = next_link_no WHERE court_id = $1 AND book_id = $2 \
             RETURNING next_id, next_entry_no, next_link_no, link_hash",
            &[book.court_id.into(), book.book_id.into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?, row.digest(3)?)),
        )?;
        let (next_id, next_entry_no, link_no, previous_hash) = head.ok_or_else(|| {
            Error::Inconsistent(format!("book {} of court {} does not exist", book.book_id, book.court_id))
        })?;
        Ok(Self {
            book,
            name,
            actor_id,
            recorded_at: at.as_microsecond(),
            next_id,
            link_no,
            previous_hash,
            facts: Vec::new(),
            row: RowBytes::default(),
            state: State::after(next_entry_no),
            loaded: HashMap::new(),
            loaded_items: HashMap::new(),
            loaded_holds: HashMap::new(),
            voucher: None,
            vouchers: Vec::new(),
            open_months: HashSet::new(),
            lines: Vec::new(),
        })
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

    /// Takes so many ids and returns the first. Rows of one table must be inserted in the order of their ids.
    pub const fn take_ids(&mut self, count: i64) -> i64 {
        let first = self.next_id;
        self.next_id += count;
        first
    }

    /// Appends a row to a fact table. `values` are its columns without court, book and `mark`.
    ///
    /// # Errors
    /// [`Error::Constraint`], when the piece is sent.
    pub fn insert(&mut self, tx: &mut Tx<'_>, table: &'static Table, id: i64, values: &[Value<'_>]) -> Result<()> {
        debug_assert_eq!(values.len() + 3, table.columns.len(), "columns of {}", table.name);
        let place = self.facts.iter().position(|facts| std::ptr::eq(facts.table, table)).unwrap_or_else(|| {
            self.facts.push(Facts {
                table,
                bulk: Bulk::new(table),
                digest: RunningDigest::of(table),
                first_id: id,
                last_id: id,
                count: 0,
            });
            self.facts.len() - 1
        });
        let facts = &mut self.facts[place];
        debug_assert!(id >= facts.last_id, "ids of {} rise", table.name);
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
        self.state.accounts.insert(account, state);
        Ok(account)
    }

    /// Loads accounts, in one statement; those already known are left as they are.
    ///
    /// # Errors
    /// What the database says. An account that does not exist is refused when it is used.
    pub fn load_accounts(&mut self, tx: &mut Tx<'_>, accounts: impl IntoIterator<Item = AccountId>) -> Result<()> {
        const SELECT: Statement = Statement::twin(
            "SELECT a.account_id, a.normal_side, a.currency, b.floor_minor, a.item_floor, b.is_open, b.posted_minor, \
             b.held_minor, b.last_entry_no FROM json_each('[' || $3 || ']') AS asked \
             JOIN account AS a ON a.court_id = $1 AND a.book_id = $2 AND a.account_id = asked.value \
             JOIN balance AS b ON b.court_id = $1 AND b.book_id = $2 AND b.account_id = asked.value",
            "SELECT a.account_id, a.normal_side, a.currency, b.floor_minor, a.item_floor, b.is_open, b.posted_minor, \
             b.held_minor, b.last_entry_no FROM account AS a \
             JOIN balance AS b ON b.court_id = a.court_id AND b.book_id = a.book_id AND b.account_id = a.account_id \
             WHERE a.court_id = $1 AND a.book_id = $2 AND a.account_id = ANY (string_to_array($3, ',')::bigint[])",
        );
        let mut missing: Vec<i64> = accounts
            .into_iter()
            .filter(|account| !self.state.accounts.contains_key(account))
            .map(|account| account.0)
            .collect();
        missing.sort_unstable();
        missing.dedup();
        if missing.is_empty() {
            return Ok(());
        }
        let list = missing.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
        let rows = tx.query(
            SELECT,
            &[self.book.court_id.into(), self.book.book_id.into(), list.as_str().into()],
            read_account,
        )?;
        for (account, state) in rows {
            self.loaded.insert(account, state);
            self.state.accounts.insert(account, state);
        }
        Ok(())
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
        let month = head.accounting_date.strftime("%Y-%m").to_string();
        if !self.open_months.contains(&month) {
            let closed = tx.query_opt(
                "SELECT id FROM closed_month WHERE court_id = $1 AND book_id = $2 AND month = $3",
                &[self.book.court_id.into(), self.book.book_id.into(), month.as_str().into()],
                |row| row.int(0),
            )?;
            if closed.is_some() {
                return Err(Refusal::MonthClosed { book_id: self.book.book_id, month }.into());
            }
            self.open_months.insert(month);
        }
        let voucher_id = self.take_ids(1);
        self.voucher = Some(OpenVoucher {
            voucher_id,
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
        self.open_months.remove(month);
        self.insert(tx, &schema::CLOSED_MONTH, id, &[id.into(), month.into(), at.into(), actor.into()])?;
        // The next voucher looks for it in the table.
        self.flush(tx, &schema::CLOSED_MONTH)
    }

    fn end_voucher(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let Some(voucher) = self.voucher.take() else { return Ok(()) };
        // All its entries were refused: no voucher, and no number is used.
        if voucher.first_entry_no == self.state.next_entry_no {
            return Ok(());
        }
        let month = voucher.head.accounting_date.strftime("%Y-%m").to_string();
        let kind = voucher.head.kind;
        let number = tx.query_one(
            "INSERT INTO voucher_number (court_id, book_id, month, kind, last_number) VALUES ($1, $2, $3, $4, 1) \
             ON CONFLICT (court_id, book_id, month, kind) DO UPDATE SET last_number = voucher_number.last_number + 1 \
             RETURNING last_number",
            &[self.book.court_id.into(), self.book.book_id.into(), month.as_str().into(), kind.as_str().into()],
            |row| row.int(0),
        )?;
        let (at, actor) = (self.recorded_at, self.actor_id);
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

    /// Writes what is left, the changed balances, the head and the link. The caller commits the transaction.
    ///
    /// # Errors
    /// [`Error::Constraint`] when the database finds what the core should have refused.
    pub fn close(mut self, tx: &mut Tx<'_>) -> Result<ChainHead> {
        self.end_voucher(tx)?;
        self.write_balances(tx)?;
        self.write_items(tx)?;
        self.write_holds(tx)?;
        let mut parts = Vec::with_capacity(self.facts.len());
        for facts in std::mem::take(&mut self.facts) {
            facts.bulk.finish(tx)?;
            parts.push(Part {
                table_name: facts.table.name.to_owned(),
                first_id: facts.first_id,
                last_id: facts.last_id,
                row_count: facts.count,
                digest: facts.digest.digest(),
            });
        }
        parts.sort_by(|a, b| a.table_name.cmp(&b.table_name));
        self.write_link(tx, &parts)
    }

    fn write_link(&self, tx: &mut Tx<'_>, parts: &[Part]) -> Result<ChainHead> {
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
            tx.execute(
                "INSERT INTO chain_part (court_id, book_id, table_name, first_id, last_id, link_no, row_count, digest) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
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
        tx.execute(
            "INSERT INTO chain_link (court_id, book_id, link_no, act, actor_id, recorded_at, suite, previous_hash, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
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
        tx.execute(
            "UPDATE book_head SET next_id = $3, next_entry_no = $4, next_link_no = $5, link_hash = $6 \
             WHERE court_id = $1 AND book_id = $2",
            &[
                court_id.into(),
                book_id.into(),
                self.next_id.into(),
                self.state.next_entry_no.into(),
                (self.link_no + 1).into(),
                Value::Bytes(&hash),
            ],
        )?;
        Ok(ChainHead { court_id, book_id, link_no: self.link_no, hash })
    }

    fn write_balances(&self, tx: &mut Tx<'_>) -> Result<()> {
        let mut changed: Vec<(&AccountId, &AccountState)> =
            self.state.accounts.iter().filter(|(account, state)| self.loaded.get(account) != Some(state)).collect();
        changed.sort_unstable_by_key(|(account, _)| **account);
        let rows: Vec<i64> = changed
            .into_iter()
            .flat_map(|(account, state)| {
                [
                    self.book.court_id,
                    self.book.book_id,
                    account.0,
                    state.posted.minor(),
                    state.held.minor(),
                    state.last_entry_no,
                    i64::from(state.open),
                ]
            })
            .collect();
        let set = ["posted_minor", "held_minor", "last_entry_no", "is_open"];
        tx.update_many("balance", &["court_id", "book_id", "account_id"], &set, &rows)
    }

    fn write_items(&self, tx: &mut Tx<'_>) -> Result<()> {
        let mut places: Vec<&Place> = self.state.items.keys().collect();
        places.sort_unstable_by_key(|place| (place.account, place.item));
        for place in places {
            let state = self.state.items[place];
            let known = self.loaded_items.get(place).copied().flatten();
            if known == Some(state) || (known.is_none() && state == ItemState::default()) {
                continue;
            }
            tx.execute(
                "INSERT INTO item_balance (court_id, book_id, account_id, item_id, posted_minor, held_minor) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (court_id, book_id, account_id, item_id) \
                 DO UPDATE SET posted_minor = $5, held_minor = $6",
                &[
                    self.book.court_id.into(),
                    self.book.book_id.into(),
                    place.account.0.into(),
                    place.item.0.into(),
                    state.posted.minor().into(),
                    state.held.minor().into(),
                ],
            )?;
        }
        Ok(())
    }

    fn write_holds(&self, tx: &mut Tx<'_>) -> Result<()> {
        for (hold, known) in &self.loaded_holds {
            let state = self.state.holds[hold];
            if *known == Some(state) {
                continue;
            }
            tx.execute(
                "INSERT INTO hold (court_id, book_id, hold_id, account_id, item_id, remaining_minor) \
                 VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (court_id, book_id, hold_id) \
                 DO UPDATE SET remaining_minor = $6",
                &[
                    self.book.court_id.into(),
                    self.book.book_id.into(),
                    hold.0.into(),
                    state.place.account.0.into(),
                    state.place.item.0.into(),
                    state.remaining.minor().into(),
                ],
            )?;
        }
        Ok(())
    }
}

fn read_account(row: &Row<'_>) -> Result<(AccountId, AccountState)> {
    let bad = |what: &str| Error::Inconsistent(format!("account with an unknown {what}"));
    Ok((
        AccountId(row.int(0)?),
        AccountState {
            normal_side: Side::parse(row.text(1)?).ok_or_else(|| bad("normal side"))?,
            currency: Currency::parse(row.text(2)?).ok_or_else(|| bad("currency"))?,
            floor: row.opt_int(3)?.map(Amount::from_minor),
            item_floor: row.int(4)? == 1,
            open: row.int(5)? == 1,
            posted: Amount::from_minor(row.int(6)?),
            held: Amount::from_minor(row.int(7)?),
            last_entry_no: row.int(8)?,
        },
    ))
}
