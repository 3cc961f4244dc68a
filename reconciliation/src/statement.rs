//! What a statement says, whatever file it came in.
//!
//! Amounts are exact decimals: statements carry up to five decimals, and only posting asks for whole fen.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::exact::exact_sum;

/// What kind of document a statement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// End of day, or an export over days: its booked entries are the bank's books (camt.053, MT940, Chinese exports).
    Booked,
    /// During the day: provisional (camt.052, MT942). What it shows must come again in a booked statement.
    Intraday,
    /// Notices of single credits and debits: detail of entries that stand elsewhere (camt.054).
    Detail,
}

/// Which way money went, seen by the holder of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Adds to the account (贷).
    Credit,
    /// Takes from the account (借).
    Debit,
}

/// Whether the bank has booked an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Booked: counts. Also when the file says nothing.
    #[default]
    Booked,
    /// Expected or for information: is no line.
    NotBooked,
}

/// A balance. Negative: overdrawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Signed.
    pub amount: Decimal,
    /// At the end (or, of an opening balance, the beginning) of this day.
    pub date: Option<Date>,
    /// ISO 4217, empty: that of the statement.
    pub currency: String,
}

/// What is known when a statement begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The bank's name for this statement, empty if it gives none.
    pub id: String,
    /// What kind of document; `None` never leaves a reader.
    pub kind: Option<Kind>,
    /// The account, as the file writes it, without spaces.
    pub account: String,
    /// ISO 4217; empty if the file does not say.
    pub currency: String,
    /// Number of the statement, as text.
    pub sequence: String,
    /// First day covered, if said.
    pub from: Option<Date>,
    /// Last day covered, if said.
    pub to: Option<Date>,
    /// Page, and whether it is the last: a statement over several messages.
    pub page: Option<(u32, bool)>,
}

/// What a file itself says its entries come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Number of entries.
    pub entries: Option<u64>,
    /// Number of credits.
    pub credits: Option<u64>,
    /// Number of debits.
    pub debits: Option<u64>,
    /// Sum of the credits.
    pub credit_sum: Option<Decimal>,
    /// Sum of the debits.
    pub debit_sum: Option<Decimal>,
    /// Sum of credits and debits together, signs left out.
    pub sum: Option<Decimal>,
}

/// What is known when a statement ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foot {
    /// Balance before the first entry.
    pub opening: Option<Balance>,
    /// Balance after the last.
    pub closing: Option<Balance>,
    /// Declared totals.
    pub declared: Declared,
    /// Balances and entries are in more than one currency: nothing can be said of whether they tie.
    pub mixed_currencies: bool,
}

/// An entry (one line of the bank's books).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands: the line of a text, the row of a sheet, the entry's number in an XML file. From 1.
    pub place: u64,
    /// Booked or not.
    pub status: Status,
    /// Which way, as the sign is to be taken: a reversal's own direction, never flipped again.
    pub direction: Direction,
    /// Not negative.
    pub amount: Decimal,
    /// ISO 4217, empty: that of the statement.
    pub currency: String,
    /// Day of booking.
    pub booking_date: Option<Date>,
    /// Value date.
    pub value_date: Option<Date>,
    /// The bank says that it takes an earlier entry back (RvslInd, RC/RD, 冲正).
    pub is_reversal: bool,
    /// The bank's own reference for this entry (AcctSvcrRef, after // in :61:, 交易流水号).
    pub bank_reference: String,
    /// Our reference as the bank gives it back: end-to-end id, customer reference, 业务编号. Of a batch: its message or
    /// payment information id.
    pub own_reference: String,
    /// The bank's code for what it is (BkTxCd, type of :61:, 交易名称/摘要).
    pub code: String,
    /// The other party's name.
    pub name: String,
    /// The other party's account.
    pub account: String,
    /// Remark (附言), remittance information, :86:.
    pub text: String,
    /// The sub-account (子账户) it was booked under.
    pub sub_account: String,
    /// Payments the entry is made of, where the file lists them.
    pub details: Vec<Detail>,
}

/// One payment of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// As far as said.
    pub amount: Option<Decimal>,
    /// End-to-end id: the line key of our payment.
    pub end_to_end_id: String,
    /// Message id of the file it came in, else its payment information id.
    pub message_id: String,
    /// The bank's reference.
    pub bank_reference: String,
    /// The other party's name.
    pub name: String,
    /// The other party's account.
    pub account: String,
    /// Remittance information.
    pub text: String,
    /// Why it came back (RtrInf), empty if it did not.
    pub return_reason: String,
}

impl Detail {
    /// Makes it blank; what was allocated stays.
    pub fn clear(&mut self) {
        self.amount = None;
        for text in [
            &mut self.end_to_end_id,
            &mut self.message_id,
            &mut self.bank_reference,
            &mut self.name,
            &mut self.account,
            &mut self.text,
            &mut self.return_reason,
        ] {
            text.clear();
        }
    }
}

impl Entry {
    /// An empty entry, to be filled again and again.
    #[must_use]
    pub fn blank() -> Self {
        Self {
            place: 0,
            status: Status::Booked,
            direction: Direction::Credit,
            amount: Decimal::ZERO,
            currency: String::new(),
            booking_date: None,
            value_date: None,
            is_reversal: false,
            bank_reference: String::new(),
            own_reference: String::new(),
            code: String::new(),
            name: String::new(),
            account: String::new(),
            text: String::new(),
            sub_account: String::new(),
            details: Vec::new(),
        }
    }

    /// Makes it blank; what was allocated stays.
    pub fn clear(&mut self) {
        self.place = 0;
        self.status = Status::Booked;
        self.direction = Direction::Credit;
        self.amount = Decimal::ZERO;
        self.booking_date = None;
        self.value_date = None;
        self.is_reversal = false;
        for text in [
            &mut self.currency,
            &mut self.bank_reference,
            &mut self.own_reference,
            &mut self.code,
            &mut self.name,
            &mut self.account,
            &mut self.text,
            &mut self.sub_account,
        ] {
            text.clear();
        }
        self.details.clear();
    }

    /// The amount with its sign: positive adds.
    #[must_use]
    pub fn signed(&self) -> Decimal {
        match self.direction {
            Direction::Credit => self.amount,
            Direction::Debit => -self.amount,
        }
    }
}

/// What booked entries come to, counted while they are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries, booked or not.
    pub entries: u64,
    /// Number of credits.
    pub credits: u64,
    /// Number of debits.
    pub debits: u64,
    /// Their sum.
    pub credit_sum: Decimal,
    /// Their sum.
    pub debit_sum: Decimal,
    /// Credits less debits of the booked entries alone.
    pub booked_net: Decimal,
}

impl Tally {
    /// Takes an entry. `None` when a sum leaves the range of exact decimals.
    #[must_use]
    pub fn take(&mut self, entry: &Entry) -> Option<()> {
        self.entries += 1;
        let (count, sum) = match entry.direction {
            Direction::Credit => (&mut self.credits, &mut self.credit_sum),
            Direction::Debit => (&mut self.debits, &mut self.debit_sum),
        };
        *count += 1;
        *sum = exact_sum(*sum, entry.amount)?;
        if entry.status == Status::Booked {
            self.booked_net = exact_sum(self.booked_net, entry.signed())?;
        }
        Some(())
    }

    /// Whether opening plus booked entries is closing; `None` where a balance is missing or currencies are mixed.
    #[must_use]
    pub fn ties(&self, foot: &Foot) -> Option<bool> {
        if foot.mixed_currencies {
            return None;
        }
        let (opening, closing) = (foot.opening.as_ref()?, foot.closing.as_ref()?);
        Some(exact_sum(opening.amount, self.booked_net)? == closing.amount)
    }
}

/// What a reader hands on, one after another.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// A statement begins.
    Begin(&'a Head),
    /// An entry of the open statement.
    Entry(&'a Entry),
    /// The open statement ends.
    End(&'a Foot),
}
