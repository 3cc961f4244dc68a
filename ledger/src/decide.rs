//! The pure core: what a command does to balances, or why it is refused. No I/O, no clock.
//!
//! Commands apply one after another; a batch is defined as exactly that. A refused command changes nothing.

use std::collections::HashMap;

use crate::money::Amount;

macro_rules! id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub i64);
    };
}

id!(
    /// An account of a book.
    AccountId
);
id!(
    /// What a posting belongs to: a receipt, a payment line. [`ItemId::NONE`] where there is no sub-ledger.
    ItemId
);
id!(
    /// An entry's place in the gapless order of its book.
    EntryNo
);
id!(
    /// A hold.
    HoldId
);

impl ItemId {
    /// The account as a whole.
    pub const NONE: Self = Self(0);
}

/// The side on which an account's balance is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// 借: what the court has.
    Debit,
    /// 贷: what the court owes.
    Credit,
}

impl Side {
    /// As stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debit => "debit",
            Self::Credit => "credit",
        }
    }

    /// From what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "debit" => Some(Self::Debit),
            "credit" => Some(Self::Credit),
            _ => None,
        }
    }
}

/// A currency by its three letters (ISO 4217).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The yuan (人民币).
    pub const CNY: Self = Self(*b"CNY");

    /// Three capital letters, else nothing.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; 3] = text.as_bytes().try_into().ok()?;
        letters.iter().all(u8::is_ascii_uppercase).then_some(Self(letters))
    }

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only ASCII capitals get in.
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

/// An account and the item in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Account.
    pub account: AccountId,
    /// Item.
    pub item: ItemId,
}

/// One amount from a credit to a debit. An entry is made of lines, so it balances by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The side that is debited (借).
    pub debit: Place,
    /// The side that is credited (贷).
    pub credit: Place,
    /// Positive, minor units of the accounts' currency.
    pub amount: Amount,
}

impl Line {
    /// The same amount the other way.
    #[must_use]
    pub const fn reversed(self) -> Self {
        Self { debit: self.credit, credit: self.debit, amount: self.amount }
    }
}

/// An accepted line with what it did, as recorded in `entry_line`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostedLine {
    /// Entry.
    pub entry_no: EntryNo,
    /// From 1.
    pub line_no: i64,
    /// The line.
    pub line: Line,
    /// Balance of the debited account after it.
    pub debit_after: Amount,
    /// Balance of the credited account after it.
    pub credit_after: Amount,
    /// The debited account's entry before this one, 0 if none.
    pub debit_previous: i64,
    /// The credited account's entry before this one, 0 if none.
    pub credit_previous: i64,
}

/// What the ledger refuses. Checked in the order of the variants; the lines of an entry one after another, the floors
/// when all lines are through.
///
/// Serialized only to keep the outcome of a request ([`crate::poster`]).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The key of the request stands for another request.
    #[error("request key {0:?} was used before, for something else")]
    RequestKeyReused(String),
    /// No such book in the court.
    #[error("book {0} is not in the court")]
    BookUnknown(i64),
    /// The accounting date lies in a closed month.
    #[error("month {month} of book {book_id} is closed")]
    MonthClosed {
        /// Book.
        book_id: i64,
        /// `2026-11`
        month: String,
    },
    /// No such entry.
    #[error("entry {} is not in the book", .0.0)]
    EntryUnknown(EntryNo),
    /// The entry has been reversed before.
    #[error("entry {} has been reversed already", .0.0)]
    AlreadyReversed(EntryNo),
    /// No such hold.
    #[error("hold {} is not in the book", .0.0)]
    HoldUnknown(HoldId),
    /// A capture must take from where the money is held.
    #[error("hold {} lies on another account or item", .0.0)]
    HoldElsewhere(HoldId),
    /// An entry without lines.
    #[error("an entry needs at least one line")]
    EntryEmpty,
    /// An amount of zero or less.
    #[error("amount {0} is not positive")]
    AmountNotPositive(Amount),
    /// More than is left of the hold.
    #[error("hold {}: {remaining} left, {wanted} wanted", .hold.0)]
    HoldExceeded {
        /// Hold.
        hold: HoldId,
        /// Left of it.
        remaining: Amount,
        /// Asked.
        wanted: Amount,
    },
    /// Debit and credit are the same place.
    #[error("account {} would be debited and credited in one line", .0.0)]
    SamePlace(AccountId),
    /// No such account in the book.
    #[error("account {} is not in the book", .0.0)]
    AccountUnknown(AccountId),
    /// The account takes no more entries.
    #[error("account {} is closed", .0.0)]
    AccountClosed(AccountId),
    /// The two sides are kept in different currencies.
    #[error("accounts {} and {} have different currencies", .0.0, .1.0)]
    CurrencyMismatch(AccountId, AccountId),
    /// A balance would leave the range of amounts.
    #[error("the balance of account {} would leave the range of amounts", .0.0)]
    Overflow(AccountId),
    /// The available balance (posted − held) would fall below the account's floor.
    #[error("account {}: {available} available, {wanted} wanted", .account.0)]
    BelowFloor {
        /// Account.
        account: AccountId,
        /// Above the floor, before the command.
        available: Amount,
        /// What the command takes.
        wanted: Amount,
    },
    /// The item's available balance would fall below zero.
    #[error("item {} of account {}: {available} available, {wanted} wanted", .place.item.0, .place.account.0)]
    ItemBelowZero {
        /// Account and item.
        place: Place,
        /// Before the command.
        available: Amount,
        /// What the command takes.
        wanted: Amount,
    },
    /// An account can close only at zero, with nothing held.
    #[error("account {} still has {balance} and cannot be closed", .account.0)]
    AccountNotEmpty {
        /// Account.
        account: AccountId,
        /// What is on it.
        balance: Amount,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RequestKeyReused(_) => "ledger.request_key_reused",
            Self::BookUnknown(_) => "ledger.book_unknown",
            Self::MonthClosed { .. } => "ledger.month_closed",
            Self::EntryEmpty => "ledger.entry_empty",
            Self::AmountNotPositive(_) => "ledger.amount_not_positive",
            Self::SamePlace(_) => "ledger.same_place",
            Self::AccountUnknown(_) => "ledger.account_unknown",
            Self::AccountClosed(_) => "ledger.account_closed",
            Self::AccountNotEmpty { .. } => "ledger.account_not_empty",
            Self::CurrencyMismatch(..) => "ledger.currency_mismatch",
            Self::Overflow(_) => "ledger.overflow",
            Self::BelowFloor { .. } => "ledger.below_floor",
            Self::ItemBelowZero { .. } => "ledger.item_below_zero",
            Self::HoldUnknown(_) => "hold.unknown",
            Self::HoldExceeded { .. } => "hold.exceeds_remaining",
            Self::HoldElsewhere(_) => "hold.elsewhere",
            Self::EntryUnknown(_) => "ledger.entry_unknown",
            Self::AlreadyReversed(_) => "ledger.already_reversed",
        }
    }
}

/// What the core knows of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountState {
    /// Side on which the balance is positive.
    pub normal_side: Side,
    /// Currency.
    pub currency: Currency,
    /// Lowest available balance.
    pub floor: Option<Amount>,
    /// Whether each item of it has a floor of zero.
    pub item_floor: bool,
    /// Takes entries.
    pub open: bool,
    /// Balance.
    pub posted: Amount,
    /// Part of it that holds set aside.
    pub held: Amount,
    /// Newest entry, 0 if none.
    pub last_entry_no: i64,
}

/// What the core knows of an item of an account with `item_floor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemState {
    /// Balance.
    pub posted: Amount,
    /// Held part.
    pub held: Amount,
}

/// What the core knows of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HoldState {
    /// Where it lies.
    pub place: Place,
    /// Not yet captured or released.
    pub remaining: Amount,
}

/// The balances that commands act on. What is not loaded does not exist.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Number of the next entry.
    pub next_entry_no: i64,
    /// Accounts.
    pub accounts: HashMap<AccountId, AccountState>,
    /// Items of accounts with `item_floor`; an item that is not here has nothing.
    pub items: HashMap<Place, ItemState>,
    /// Holds.
    pub holds: HashMap<HoldId, HoldState>,
    undo: Vec<(AccountId, AccountState)>,
    undo_items: Vec<(Place, ItemState)>,
}

impl State {
    /// Nothing loaded; the next entry gets this number.
    #[must_use]
    pub fn after(next_entry_no: i64) -> Self {
        Self { next_entry_no, ..Self::default() }
    }

    /// Posts an entry. Its lines are appended to `out`.
    ///
    /// Floors are those of the entry as a whole: only what an entry leaves behind is checked.
    ///
    /// # Errors
    /// The first [`Refusal`] in the order of its variants, line by line; then nothing has changed.
    pub fn post(&mut self, lines: &[Line], out: &mut Vec<PostedLine>) -> Result<EntryNo, Refusal> {
        if lines.is_empty() {
            return Err(Refusal::EntryEmpty);
        }
        let entry_no = EntryNo(self.next_entry_no);
        let before = out.len();
        self.undo.clear();
        self.undo_items.clear();
        let mut line_no = 0;
        for line in lines {
            line_no += 1;
            match self.apply(entry_no, line_no, line) {
                Ok(posted) => out.push(posted),
                Err(refusal) => return Err(self.take_back(refusal, out, before)),
            }
        }
        if let Err(refusal) = self.check_floors() {
            return Err(self.take_back(refusal, out, before));
        }
        self.next_entry_no += 1;
        Ok(entry_no)
    }

    fn apply(&mut self, entry_no: EntryNo, line_no: i64, line: &Line) -> Result<PostedLine, Refusal> {
        if line.amount <= Amount::ZERO {
            return Err(Refusal::AmountNotPositive(line.amount));
        }
        if line.debit == line.credit {
            return Err(Refusal::SamePlace(line.debit.account));
        }
        let debit = self.known_account(line.debit.account)?;
        let credit = self.known_account(line.credit.account)?;
        for (account, state) in [(line.debit.account, debit), (line.credit.account, credit)] {
            if !state.open {
                return Err(Refusal::AccountClosed(account));
            }
        }
        if debit.currency != credit.currency {
            return Err(Refusal::CurrencyMismatch(line.debit.account, line.credit.account));
        }
        let (debit_after, debit_previous) = self.move_account(entry_no, line.debit, Side::Debit, line.amount)?;
        let (credit_after, credit_previous) = self.move_account(entry_no, line.credit, Side::Credit, line.amount)?;
        Ok(PostedLine { entry_no, line_no, line: *line, debit_after, credit_after, debit_previous, credit_previous })
    }

    fn known_account(&self, account: AccountId) -> Result<&AccountState, Refusal> {
        self.accounts.get(&account).ok_or(Refusal::AccountUnknown(account))
    }

    fn open_account(&self, account: AccountId) -> Result<&AccountState, Refusal> {
        let state = self.known_account(account)?;
        if state.open { Ok(state) } else { Err(Refusal::AccountClosed(account)) }
    }

    fn move_account(
        &mut self,
        entry_no: EntryNo,
        place: Place,
        side: Side,
        amount: Amount,
    ) -> Result<(Amount, i64), Refusal> {
        let overflow = Refusal::Overflow(place.account);
        let state = self.accounts.get_mut(&place.account).ok_or(Refusal::AccountUnknown(place.account))?;
        let old = *state;
        let add = |balance: Amount| {
            if side == old.normal_side { balance.plus(amount) } else { balance.minus(amount) }
        };
        state.posted = add(old.posted).ok_or_else(|| overflow.clone())?;
        state.last_entry_no = entry_no.0;
        let first_touch = !self.undo.iter().any(|(account, _)| *account == place.account);
        // An account's later lines in one entry point to the same entry before it.
        let previous = if first_touch {
            self.undo.push((place.account, old));
            old.last_entry_no
        } else {
            self.undo.iter().find(|(account, _)| *account == place.account).map_or(0, |(_, first)| first.last_entry_no)
        };
        let after = state.posted;
        if old.item_floor {
            let item = self.items.entry(place).or_default();
            if !self.undo_items.iter().any(|(known, _)| *known == place) {
                self.undo_items.push((place, *item));
            }
            item.posted = add(item.posted).ok_or(overflow)?;
        }
        Ok((after, previous))
    }

    /// An entry may not leave an account or item with less than its floor, unless it raises it.
    fn check_floors(&self) -> Result<(), Refusal> {
        for (account, old) in &self.undo {
            let Some(floor) = old.floor else { continue };
            let new = &self.accounts[account];
            if new.posted >= old.posted {
                continue;
            }
            // Without taking the floor off: a floor below zero could push a large balance out of the range.
            if new.posted.minus(new.held).is_none_or(|free| free < floor) {
                let available = old.posted.minus(old.held).and_then(|free| free.minus(floor));
                let wanted = old.posted.minus(new.posted).unwrap_or(Amount::ZERO);
                return Err(Refusal::BelowFloor {
                    account: *account,
                    available: available.unwrap_or(Amount::ZERO),
                    wanted,
                });
            }
        }
        for (place, old) in &self.undo_items {
            let new = &self.items[place];
            if new.posted < old.posted && new.posted < new.held {
                return Err(Refusal::ItemBelowZero {
                    place: *place,
                    available: old.posted.minus(old.held).unwrap_or(Amount::ZERO),
                    wanted: old.posted.minus(new.posted).unwrap_or(Amount::ZERO),
                });
            }
        }
        Ok(())
    }

    fn take_back(&mut self, refusal: Refusal, out: &mut Vec<PostedLine>, length: usize) -> Refusal {
        out.truncate(length);
        for (account, old) in self.undo.drain(..) {
            self.accounts.insert(account, old);
        }
        for (place, old) in self.undo_items.drain(..) {
            self.items.insert(place, old);
        }
        refusal
    }

    /// Sets a part of a balance aside.
    ///
    /// # Errors
    /// [`Refusal::BelowFloor`] or [`Refusal::ItemBelowZero`] when less is available; closed and unknown accounts.
    pub fn hold(&mut self, hold: HoldId, place: Place, amount: Amount) -> Result<(), Refusal> {
        if amount <= Amount::ZERO {
            return Err(Refusal::AmountNotPositive(amount));
        }
        let state = *self.open_account(place.account)?;
        let held = state.held.plus(amount).ok_or(Refusal::Overflow(place.account))?;
        let free = state.posted.minus(state.held).ok_or(Refusal::Overflow(place.account))?;
        // A hold needs money that is there: an account without a floor may go below zero, but not to hold.
        let available = free.minus(state.floor.unwrap_or(Amount::ZERO)).ok_or(Refusal::Overflow(place.account))?;
        if available < amount {
            return Err(Refusal::BelowFloor { account: place.account, available, wanted: amount });
        }
        if state.item_floor {
            let item = self.items.get(&place).copied().unwrap_or_default();
            let available = item.posted.minus(item.held).unwrap_or(Amount::ZERO);
            if available < amount {
                return Err(Refusal::ItemBelowZero { place, available, wanted: amount });
            }
            let held = item.held.plus(amount).ok_or(Refusal::Overflow(place.account))?;
            self.items.insert(place, ItemState { held, ..item });
        }
        self.accounts.insert(place.account, AccountState { held, ..state });
        self.holds.insert(hold, HoldState { place, remaining: amount });
        Ok(())
    }

    /// Posts a line out of a hold. The line takes from the place that is held.
    ///
    /// # Errors
    /// [`Refusal::HoldUnknown`], [`Refusal::HoldElsewhere`], [`Refusal::HoldExceeded`], and those of [`State::post`].
    pub fn capture(&mut self, hold: HoldId, line: Line, out: &mut Vec<PostedLine>) -> Result<EntryNo, Refusal> {
        let held = *self.holds.get(&hold).ok_or(Refusal::HoldUnknown(hold))?;
        let source = match self.known_account(held.place.account)?.normal_side {
            Side::Debit => line.credit,
            Side::Credit => line.debit,
        };
        if source != held.place {
            return Err(Refusal::HoldElsewhere(hold));
        }
        self.release(hold, line.amount)?;
        self.post(&[line], out).inspect_err(|_| {
            // Nothing was available but what the release gave back, so holding it again cannot fail.
            self.give_back(hold, held, line.amount);
        })
    }

    fn give_back(&mut self, hold: HoldId, held: HoldState, amount: Amount) {
        self.holds.insert(hold, held);
        if let Some(account) = self.accounts.get_mut(&held.place.account) {
            account.held = account.held.plus(amount).unwrap_or(account.held);
        }
        if let Some(item) = self.items.get_mut(&held.place) {
            item.held = item.held.plus(amount).unwrap_or(item.held);
        }
    }

    /// Gives a part of a hold back to the available balance.
    ///
    /// # Errors
    /// [`Refusal::HoldUnknown`], [`Refusal::HoldExceeded`].
    pub fn release(&mut self, hold: HoldId, amount: Amount) -> Result<(), Refusal> {
        let state = self.holds.get_mut(&hold).ok_or(Refusal::HoldUnknown(hold))?;
        if amount <= Amount::ZERO {
            return Err(Refusal::AmountNotPositive(amount));
        }
        let remaining = state
            .remaining
            .minus(amount)
            .filter(|left| *left >= Amount::ZERO)
            .ok_or(Refusal::HoldExceeded { hold, remaining: state.remaining, wanted: amount })?;
        let place = state.place;
        let account = self.accounts.get_mut(&place.account).ok_or(Refusal::AccountUnknown(place.account))?;
        state.remaining = remaining;
        account.held = account.held.minus(amount).ok_or(Refusal::Overflow(place.account))?;
        if account.item_floor {
            let item = self.items.entry(place).or_default();
            item.held = item.held.minus(amount).ok_or(Refusal::Overflow(place.account))?;
        }
        Ok(())
    }

    /// Closes an account: it must be empty.
    ///
    /// # Errors
    /// [`Refusal::AccountNotEmpty`], [`Refusal::AccountUnknown`], [`Refusal::AccountClosed`].
    pub fn close_account(&mut self, account: AccountId) -> Result<(), Refusal> {
        let state = *self.open_account(account)?;
        if state.posted != Amount::ZERO || state.held != Amount::ZERO {
            return Err(Refusal::AccountNotEmpty { account, balance: state.posted });
        }
        self.accounts.insert(account, AccountState { open: false, ..state });
        Ok(())
    }
}
