//! The chart of accounts (会计科目) and the event table (which event posts what) as data, the court that uses them,
//! and its bank accounts.
//!
//! The default stands in `charts/default.toml`. `init --chart FILE` takes another; its bytes are kept as a fact, so
//! that later commands use the same.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use ankuan_ledger::act::create_book;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Error, Statement, Table, Value};
use ankuan_ledger::{
    AccountId, Act, Amount, BookKey, Currency, ItemId, Line, NewAccount, Place, Side, Tx, VoucherHead, VoucherKind,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use crate::access::{self, Acting, Actor, Role};
use crate::books;
use crate::words::words;
use crate::{Language, Message, Outcome};

/// The chart that a court starts with.
pub const DEFAULT_FILE: &str = "charts/default.toml";

/// Its bytes.
pub const DEFAULT: &str = include_str!("../charts/default.toml");

/// The actor of the acts that open a court, before it has people.
pub const NOBODY: i64 = 0;

words! {
    /// What an account is for.
    AccountKind {
        /// B: 银行存款—执行案款, one a bank account.
        Bank = "bank",
        /// W: money ordered and confirmed that is not here yet, one a bank account.
        InTransitIn = "in_transit_in",
        /// U: 待认领款, money whose case is not known.
        Unattributed = "unattributed",
        /// C: money of a case; items are receipts.
        CaseFunds = "case_funds",
        /// P: owed to payees after distribution.
        Payable = "payable",
        /// X: set aside: disputed, no account, blocked, late.
        SetAside = "set_aside",
        /// D: 提存.
        Deposited = "deposited",
        /// T: payments handed to the bank that it has not debited, one a bank account.
        InTransitOut = "in_transit_out",
        /// F: 应缴财政款, fees and fines.
        Treasury = "treasury",
        /// R: 应收追回款, to be recovered.
        Receivable = "receivable",
        /// E: the court's own expense.
        Expense = "expense",
        /// MA: frozen at institutions for a case; items are orders.
        FrozenElsewhere = "frozen_elsewhere",
        /// ML: the other side of it.
        FrozenByOrder = "frozen_by_order",
        /// G: 担保金, security for preservation and counter-security.
        Security = "security",
        /// A: 拍卖价款, bidders' deposits and the price, before costs and taxes are taken.
        AuctionPrice = "auction_price",
        /// S: 监管尾款, kept under supervision until a condition is met.
        Escrow = "escrow",
        /// RB: 救助资金专户, in the book of relief.
        ReliefBank = "relief_bank",
        /// RF: 救助资金; items are its sources.
        ReliefFund = "relief_fund",
        /// RI: 应收保险公司; items are claims on the insurer.
        ReliefReceivable = "relief_receivable",
        /// RP: 应付被救助人; items are the lines of claims.
        ReliefPayable = "relief_payable",
        /// MD: what documents oblige debtors of a case to, less what was performed otherwise than through the court's
        /// account; items are obligations.
        ClaimsDue = "claims_due",
        /// MR: the other side of it.
        ClaimsRegistered = "claims_registered",
        /// MO: performed outside the account.
        PerformedOutside = "performed_outside",
        /// MS: set off between cases.
        SetOff = "set_off",
        /// MT: assigned to another creditor.
        ClaimsAssigned = "claims_assigned",
        /// MV: waived.
        ClaimsWaived = "claims_waived",
        /// MC: cash that officers have taken and the bank has not; items are receipts for cash.
        CashWithOfficers = "cash_with_officers",
        /// MN: the other side of it.
        CashReceipted = "cash_receipted",
    }
}

words! {
    /// What happens to money; the chart says what it posts.
    Event {
        /// Deduction, extraction or surrender confirmed, money not here yet.
        DeductionConfirmed = "deduction_confirmed",
        /// Expected money arrives.
        ExpectedMoneyArrived = "expected_money_arrived",
        /// Money arrives, case known.
        ReceiptKnown = "receipt_known",
        /// Money arrives, case unknown: the three-day clock runs.
        ReceiptUnknown = "receipt_unknown",
        /// Unattributed money finds its case.
        ReceiptAttributed = "receipt_attributed",
        /// Distribution committed: owed to a payee.
        DistributionPayable = "distribution_payable",
        /// Distribution committed: set aside.
        DistributionSetAside = "distribution_set_aside",
        /// Distribution committed: fees and fines.
        DistributionTreasury = "distribution_treasury",
        /// A payment file is handed to the bank.
        FileReleased = "file_released",
        /// A line is blocked at release and set aside.
        LineBlocked = "line_blocked",
        /// The bank debits the account.
        BankDebited = "bank_debited",
        /// The bank refuses a line before debiting it.
        LineFailed = "line_failed",
        /// 退票: the bank gives a debited line back.
        LineReturned = "line_returned",
        /// What was set aside becomes payable.
        SetAsidePayable = "set_aside_payable",
        /// What was set aside goes back to the case.
        SetAsideReturned = "set_aside_returned",
        /// 提存 of a payable.
        PayableDeposited = "payable_deposited",
        /// 提存 of what was set aside.
        SetAsideDeposited = "set_aside_deposited",
        /// A deposit lapses to the state (five years).
        DepositLapsed = "deposit_lapsed",
        /// Fees and fines are paid to the treasury.
        TreasuryPaid = "treasury_paid",
        /// The surplus goes to the debtor.
        SurplusToDebtor = "surplus_to_debtor",
        /// The bank reverses a wrong receipt.
        ReceiptReversed = "receipt_reversed",
        /// Wrong payee, or reversal of execution (执行回转).
        WronglyPaid = "wrongly_paid",
        /// Money to be recovered comes back.
        Recovered = "recovered",
        /// Bank interest, for the treasury.
        BankInterestTreasury = "bank_interest_treasury",
        /// Bank interest, for the case.
        BankInterestCase = "bank_interest_case",
        /// Bank charges: never case money.
        BankCharges = "bank_charges",
        /// Money goes to another court.
        TransferredToCourt = "transferred_to_court",
        /// More is frozen at an institution.
        FrozenMore = "frozen_more",
        /// Less is: let go, lapsed or deducted.
        FrozenLess = "frozen_less",
        /// Money is taken as security (担保).
        SecurityTaken = "security_taken",
        /// Security is used to compensate.
        SecurityRealised = "security_realised",
        /// A bidder's deposit or the tail payment becomes price.
        AuctionPriceTaken = "auction_price_taken",
        /// The deposit of a bidder who defaulted is used in the order of the law.
        AuctionForfeited = "auction_forfeited",
        /// The price, less taxes and advanced costs, becomes money of the case.
        AuctionSettled = "auction_settled",
        /// A tail payment comes under supervision.
        EscrowKept = "escrow_kept",
        /// Its condition is met.
        EscrowReleased = "escrow_released",
        /// A fine (罚款).
        FineTaken = "fine_taken",
        /// The enforcement fee (执行申请费).
        FeeCharged = "fee_charged",
        /// What a payee is due here goes to the case in which he is the debtor.
        ToOtherCase = "to_other_case",
        /// A committed sheet pays out of security.
        SecurityPayable = "security_payable",
        /// A committed sheet pays out of the price.
        AuctionPricePayable = "auction_price_payable",
        /// A committed sheet pays out of what is under supervision.
        EscrowPayable = "escrow_payable",
        /// A committed sheet remits to the treasury (缴库).
        TreasuryPayable = "treasury_payable",
        /// Relief money arrives from a source.
        ReliefFunded = "relief_funded",
        /// Relief is paid to a person.
        ReliefPaid = "relief_paid",
        /// A person gives relief back (资金返还).
        ReliefRefunded = "relief_refunded",
        /// The premium of the relief insurance, out of relief money.
        ReliefPremium = "relief_premium",
        /// A claim on the insurer is granted.
        ReliefClaimed = "relief_claimed",
        /// The insurer pays.
        ReliefInsurerPaid = "relief_insurer_paid",
        /// What the insurer paid goes to the person.
        ReliefPassedThrough = "relief_passed_through",
        /// Less arrives than was confirmed, and people know why.
        DeductionShortfall = "deduction_shortfall",
        /// More arrives than was confirmed, and people know why.
        DeductionSurplus = "deduction_surplus",
        /// An obligation is registered, or interest on it.
        ClaimRegistered = "claim_registered",
        /// The debtor performed outside the account.
        ClaimPerformedOutside = "claim_performed_outside",
        /// Two obligations are set off.
        ClaimSetOff = "claim_set_off",
        /// The creditor assigned it.
        ClaimAssigned = "claim_assigned",
        /// The creditor waived it.
        ClaimWaived = "claim_waived",
        /// Officers take cash.
        CashTaken = "cash_taken",
        /// The bank has it, or its receipt is void.
        CashEnded = "cash_ended",
    }
}

/// How many accounts of a kind there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One in the book.
    Book,
    /// One for each bank account.
    BankAccount,
    /// One for each case.
    Case,
}

/// A kind of the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindRule {
    /// What the codes of its accounts begin with.
    pub code: String,
    /// Chinese name.
    pub zh: String,
    /// English name.
    pub en: String,
    /// Side on which balances are positive.
    pub side: Side,
    /// Lowest available balance; none when it may go anywhere.
    pub floor: Option<Amount>,
    /// Whether no item may go below zero.
    pub item_floor: bool,
    /// How many accounts there are.
    pub scope: Scope,
    /// The book that they stand in.
    pub book_id: i64,
    /// Whether they are opened when they are first needed ([`Chart::account_or_open`]), not with their owner.
    pub opened_when_used: bool,
}

impl KindRule {
    /// Its name in a language.
    #[must_use]
    pub fn name(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// What an event posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRule {
    /// Debited kind.
    pub debit: AccountKind,
    /// Credited kind.
    pub credit: AccountKind,
    /// Kind of its voucher.
    pub voucher: VoucherKind,
    /// Summary (摘要) printed on it.
    pub summary: String,
}

/// A chart that was read and is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chart {
    kinds: BTreeMap<AccountKind, KindRule>,
    events: BTreeMap<Event, EventRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChartFile {
    kind: BTreeMap<String, KindRow>,
    event: BTreeMap<String, EventRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindRow {
    code: String,
    zh: String,
    en: String,
    side: String,
    floor: String,
    item_floor: bool,
    scope: String,
    #[serde(default)]
    book: Option<String>,
    #[serde(default)]
    opened: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRow {
    debit: String,
    credit: String,
    voucher: String,
    summary: String,
}

impl Chart {
    /// Reads a chart; `file` is its name, for messages.
    ///
    /// # Errors
    /// A message that names file, key and remedy: `chart.syntax`, `chart.kind_unknown`, `chart.kind_missing`,
    /// `chart.event_unknown`, `chart.event_missing`, `chart.word` (a value outside its list), `chart.code` (empty,
    /// with a hyphen, or used twice), `chart.same_kind` (an event that debits and credits one kind),
    /// `chart.two_books` (an event between books).
    pub fn parse(file: &str, text: &str) -> Result<Self, Message> {
        Self::from_file(file, ChartFile::read(file, text)?)
    }

    /// Reads a chart that a court was opened with. What this program asks for and that chart, being older, does not
    /// name, is as the default has it.
    ///
    /// # Errors
    /// As [`Chart::parse`].
    pub fn parse_stored(file: &str, text: &str) -> Result<Self, Message> {
        let mut stored = ChartFile::read(file, text)?;
        let default = ChartFile::read(DEFAULT_FILE, DEFAULT)?;
        for (name, row) in default.kind {
            stored.kind.entry(name).or_insert(row);
        }
        for (name, row) in default.event {
            stored.event.entry(name).or_insert(row);
        }
        Self::from_file(file, stored)
    }

    fn from_file(file: &str, raw: ChartFile) -> Result<Self, Message> {
        let mut kinds = BTreeMap::new();
        for (name, row) in raw.kind {
            let kind = AccountKind::parse(&name).ok_or_else(|| {
                unknown(
                    Message::new("chart.kind_unknown"),
                    file,
                    &name,
                    AccountKind::ALL.iter().map(|kind| kind.as_str()),
                )
            })?;
            kinds.insert(kind, row.rule(file, &name)?);
        }
        for kind in AccountKind::ALL {
            if !kinds.contains_key(kind) {
                return Err(Message::new("chart.kind_missing").with("file", file).with("key", kind.as_str()));
            }
        }
        for (kind, rule) in &kinds {
            // The hyphen parts the code from the number of case or bank account.
            let used_twice = kinds.iter().any(|(other, known)| other != kind && known.code == rule.code);
            if rule.code.is_empty() || rule.code.contains('-') || used_twice {
                return Err(Message::new("chart.code")
                    .with("file", file)
                    .with("key", format!("kind.{}.code", kind.as_str()))
                    .with("value", &rule.code));
            }
        }
        let mut events = BTreeMap::new();
        for (name, row) in raw.event {
            let event = Event::parse(&name).ok_or_else(|| {
                unknown(Message::new("chart.event_unknown"), file, &name, Event::ALL.iter().map(|event| event.as_str()))
            })?;
            let rule = row.rule(file, &name)?;
            // Money of one case that goes to another stays of its kind; everything else would post nothing.
            if rule.debit == rule.credit && event != Event::ToOtherCase {
                return Err(Message::new("chart.same_kind").with("file", file).with("key", format!("event.{name}")));
            }
            events.insert(event, rule);
        }
        for event in Event::ALL {
            let Some(EventRule { debit, credit, .. }) = events.get(event) else {
                return Err(Message::new("chart.event_missing").with("file", file).with("key", event.as_str()));
            };
            if kinds[debit].book_id != kinds[credit].book_id {
                let key = format!("event.{}", event.as_str());
                return Err(Message::new("chart.two_books").with("file", file).with("key", key));
            }
        }
        Ok(Self { kinds, events })
    }

    /// What the chart says of a kind.
    #[must_use]
    pub fn kind(&self, kind: AccountKind) -> &KindRule {
        // `parse` refuses a chart that lacks one, and nothing else makes a chart.
        &self.kinds[&kind]
    }

    /// What the chart says of an event.
    #[must_use]
    pub fn event(&self, event: Event) -> &EventRule {
        // As above.
        &self.events[&event]
    }

    /// The head of the voucher of an event.
    #[must_use]
    pub fn voucher<'a>(&'a self, event: Event, accounting_date: Date, attachments: i64) -> VoucherHead<'a> {
        let rule = self.event(event);
        VoucherHead { kind: rule.voucher, accounting_date, event: event.as_str(), summary: &rule.summary, attachments }
    }

    /// The line that an event posts: both accounts found in the book of case money by their kinds, each with its item.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when the case or bank account has no such account.
    pub fn line(
        &self,
        tx: &mut Tx<'_>,
        court_id: i64,
        event: Event,
        owner: Owner,
        items: (ItemId, ItemId),
        amount: Amount,
    ) -> Outcome<Line> {
        let (debit, credit) = self.accounts(tx, court_id, event, owner)?;
        let (debit, credit) = (Place { account: debit, item: items.0 }, Place { account: credit, item: items.1 });
        Ok(Line { debit, credit, amount })
    }

    /// The accounts that an event debits and credits.
    ///
    /// # Errors
    /// As [`Chart::line`].
    pub fn accounts(
        &self,
        tx: &mut Tx<'_>,
        court_id: i64,
        event: Event,
        owner: Owner,
    ) -> Outcome<(AccountId, AccountId)> {
        let rule = self.event(event);
        Ok((self.account(tx, court_id, rule.debit, owner)?, self.account(tx, court_id, rule.credit, owner)?))
    }

    /// As [`Chart::accounts`], for the event in each of many cases: one question instead of two a case.
    ///
    /// # Errors
    /// As [`Chart::account`].
    pub fn accounts_of_cases(
        &self,
        tx: &mut Tx<'_>,
        court_id: i64,
        event: Event,
        bank_account_id: i64,
        case_ids: impl Iterator<Item = i64>,
    ) -> Outcome<HashMap<i64, (AccountId, AccountId)>> {
        let rule = self.event(event);
        let kinds = [rule.debit, rule.credit].map(AccountKind::as_str);
        let known: HashMap<String, i64> = tx
            .query(
                "SELECT code, account_id FROM account WHERE court_id = $1 AND book_id = $2 AND kind IN ($3, $4)",
                &[court_id.into(), self.kind(rule.debit).book_id.into(), kinds[0].into(), kinds[1].into()],
                |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
            )?
            .into_iter()
            .collect();
        let find = |kind, owner| {
            let found = self.code(kind, owner).and_then(|code| known.get(&code).copied());
            found.map(AccountId).ok_or_else(|| no_account(kind, owner))
        };
        let mut accounts = HashMap::new();
        for case_id in case_ids {
            let owner = Owner { bank_account_id: Some(bank_account_id), case_id: Some(case_id) };
            accounts.insert(case_id, (find(rule.debit, owner)?, find(rule.credit, owner)?));
        }
        Ok(accounts)
    }

    /// The accounts that an event debits and credits in each of many cases; opened now where they are not yet. The act is
    /// of the event's book.
    ///
    /// # Errors
    /// As [`Chart::account_or_open`].
    pub fn accounts_of_cases_or_open(
        &self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        event: Event,
        case_ids: &BTreeSet<i64>,
    ) -> Outcome<HashMap<i64, (AccountId, AccountId)>> {
        const SELECT: Statement = Statement::twin(
            "SELECT code, account_id FROM account WHERE court_id = ?1 AND book_id = ?2 AND code = ?3",
            "SELECT code, account_id FROM UNNEST($1::bigint[], $2::bigint[], $3::text[]) AS asked (court_id, book_id, code) \
             JOIN account USING (court_id, book_id, code)",
        );
        let rule = self.event(event);
        let (book, kinds) = (act.book(), [rule.debit, rule.credit]);
        let owner = |case_id: i64| Owner { bank_account_id: None, case_id: Some(case_id) };
        let mut codes = Vec::new();
        for (case_id, kind) in case_ids.iter().flat_map(|case_id| kinds.map(|kind| (*case_id, kind))) {
            codes.push(self.code(kind, owner(case_id)).ok_or_else(|| no_account(kind, owner(case_id)))?);
        }
        let keys: Vec<Value<'_>> =
            codes.iter().flat_map(|code| [book.court_id.into(), book.book_id.into(), code.as_str().into()]).collect();
        let mut known: HashMap<String, AccountId> = HashMap::new();
        tx.each_of(SELECT, 3, &keys, |row| {
            known.insert(row.text(0)?.to_owned(), AccountId(row.int(1)?));
            Ok(())
        })?;
        let mut accounts = HashMap::new();
        for (case_id, codes) in case_ids.iter().zip(codes.chunks_exact(kinds.len())) {
            let mut found = [AccountId(0); 2];
            for ((kind, code), account) in kinds.iter().zip(codes).zip(&mut found) {
                *account = match known.get(code).copied().or_else(|| act.opened(code)) {
                    Some(account) => account,
                    None => self.open_account(tx, act, *kind, code, Some(*case_id))?,
                };
            }
            accounts.insert(*case_id, (found[0], found[1]));
        }
        Ok(accounts)
    }

    /// The account of a kind that belongs to the owner, as far as the kind's scope asks for one.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when there is none.
    pub fn account(&self, tx: &mut Tx<'_>, court_id: i64, kind: AccountKind, owner: Owner) -> Outcome<AccountId> {
        Ok(self.find_account(tx, court_id, kind, owner)?.ok_or_else(|| no_account(kind, owner))?)
    }

    /// The account of a kind that belongs to the owner, where it was opened.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when the owner does not say which.
    pub fn find_account(
        &self,
        tx: &mut Tx<'_>,
        court_id: i64,
        kind: AccountKind,
        owner: Owner,
    ) -> Outcome<Option<AccountId>> {
        let code = self.code(kind, owner).ok_or_else(|| no_account(kind, owner))?;
        let found = tx.query_opt(
            "SELECT account_id FROM account WHERE court_id = $1 AND book_id = $2 AND code = $3",
            &[court_id.into(), self.kind(kind).book_id.into(), code.as_str().into()],
            |row| row.int(0),
        )?;
        Ok(found.map(AccountId))
    }

    /// The account of a kind that belongs to the owner; opened now where it is not yet. The act is of the kind's book.
    ///
    /// # Errors
    /// [`Error::Inconsistent`] when the owner does not say which.
    pub fn account_or_open(
        &self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        kind: AccountKind,
        owner: Owner,
    ) -> Outcome<AccountId> {
        let code = self.code(kind, owner).ok_or_else(|| no_account(kind, owner))?;
        if let Some(account) = act.opened(&code) {
            return Ok(account);
        }
        if let Some(account) = self.find_account(tx, act.book().court_id, kind, owner)? {
            return Ok(account);
        }
        self.open_account(tx, act, kind, &code, owner.case_id)
    }

    /// As [`Chart::line`], opening the accounts that are not there yet. The act is of the event's book.
    ///
    /// # Errors
    /// As [`Chart::account_or_open`].
    pub fn line_or_open(
        &self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        event: Event,
        owner: Owner,
        items: (ItemId, ItemId),
        amount: Amount,
    ) -> Outcome<Line> {
        let rule = self.event(event);
        let (debit, credit) = (rule.debit, rule.credit);
        let debit = Place { account: self.account_or_open(tx, act, debit, owner)?, item: items.0 };
        let credit = Place { account: self.account_or_open(tx, act, credit, owner)?, item: items.1 };
        Ok(Line { debit, credit, amount })
    }

    /// The code of that account.
    fn code(&self, kind: AccountKind, owner: Owner) -> Option<String> {
        let rule = self.kind(kind);
        match rule.scope {
            Scope::Book => Some(rule.code.clone()),
            Scope::BankAccount => owner.bank_account_id.map(|id| format!("{}-{id}", rule.code)),
            Scope::Case => owner.case_id.map(|id| format!("{}-{id}", rule.code)),
        }
    }

    /// Opens the accounts of every kind of a scope for its owner (0 for the book), but those that are opened when they
    /// are used and those of other books.
    ///
    /// # Errors
    /// What the database says.
    pub fn open_accounts(&self, tx: &mut Tx<'_>, act: &mut Act, scope: Scope, owner_id: i64) -> Outcome<()> {
        let book_id = act.book().book_id;
        let is_due = |rule: &KindRule| rule.scope == scope && rule.book_id == book_id && !rule.opened_when_used;
        for (kind, rule) in self.kinds.iter().filter(|(_, rule)| is_due(rule)) {
            let code = match scope {
                Scope::Book => rule.code.clone(),
                Scope::BankAccount | Scope::Case => format!("{}-{owner_id}", rule.code),
            };
            self.open_account(tx, act, *kind, &code, (scope == Scope::Case).then_some(owner_id))?;
        }
        Ok(())
    }

    fn open_account(
        &self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        kind: AccountKind,
        code: &str,
        case_id: Option<i64>,
    ) -> Outcome<AccountId> {
        let rule = self.kind(kind);
        Ok(act.open_account(
            tx,
            &NewAccount {
                kind: kind.as_str(),
                code,
                name: &rule.zh,
                normal_side: rule.side,
                currency: Currency::CNY,
                case_id: case_id.filter(|_| rule.scope == Scope::Case),
                floor: rule.floor,
                item_floor: rule.item_floor,
            },
        )?)
    }
}

fn no_account(kind: AccountKind, owner: Owner) -> Error {
    Error::Inconsistent(format!("no account of kind {} for {owner:?}", kind.as_str()))
}

/// Whose accounts an event moves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The bank account, for kinds with one account each.
    pub bank_account_id: Option<i64>,
    /// The case, for kinds with one account each.
    pub case_id: Option<i64>,
}

impl ChartFile {
    fn read(file: &str, text: &str) -> Result<Self, Message> {
        toml::from_str(text)
            .map_err(|error| Message::new("chart.syntax").with("file", file).with("detail", error.to_string().trim()))
    }
}

impl KindRow {
    fn rule(self, file: &str, name: &str) -> Result<KindRule, Message> {
        let word = |key: &str, value: &str, known: &str| {
            Message::new("chart.word")
                .with("file", file)
                .with("key", format!("kind.{name}.{key}"))
                .with("value", value)
                .with("known", known)
        };
        let side = Side::parse(&self.side).ok_or_else(|| word("side", &self.side, "debit, credit"))?;
        let floor = match self.floor.as_str() {
            "zero" => Some(Amount::ZERO),
            "none" => None,
            other => return Err(word("floor", other, "zero, none")),
        };
        let scope = match self.scope.as_str() {
            "book" => Scope::Book,
            "bank_account" => Scope::BankAccount,
            "case" => Scope::Case,
            other => return Err(word("scope", other, "book, bank_account, case")),
        };
        let book_id = match self.book.as_deref() {
            None | Some("case_money") => books::CASE_MONEY,
            Some("memorandum") => books::MEMORANDUM,
            Some("relief") => books::RELIEF,
            Some(other) => return Err(word("book", other, "case_money, memorandum, relief")),
        };
        let opened_when_used = match self.opened.as_deref() {
            None | Some("with_owner") => false,
            Some("when_used") => true,
            Some(other) => return Err(word("opened", other, "with_owner, when_used")),
        };
        let KindRow { code, zh, en, item_floor, .. } = self;
        Ok(KindRule { code, zh, en, side, floor, item_floor, scope, book_id, opened_when_used })
    }
}

impl EventRow {
    fn rule(self, file: &str, name: &str) -> Result<EventRule, Message> {
        let word = |key: &str, value: &str, known: String| {
            Message::new("chart.word")
                .with("file", file)
                .with("key", format!("event.{name}.{key}"))
                .with("value", value)
                .with("known", known)
        };
        let kinds = || list(AccountKind::ALL.iter().map(|kind| kind.as_str()));
        let debit = AccountKind::parse(&self.debit).ok_or_else(|| word("debit", &self.debit, kinds()))?;
        let credit = AccountKind::parse(&self.credit).ok_or_else(|| word("credit", &self.credit, kinds()))?;
        let voucher = match self.voucher.as_str() {
            "receipt" => VoucherKind::Receipt,
            "payment" => VoucherKind::Payment,
            "transfer" => VoucherKind::Transfer,
            other => return Err(word("voucher", other, "receipt, payment, transfer".to_owned())),
        };
        Ok(EventRule { debit, credit, voucher, summary: self.summary })
    }
}

fn unknown(message: Message, file: &str, key: &str, known: impl Iterator<Item = &'static str>) -> Message {
    message.with("file", file).with("key", key).with("known", list(known))
}

fn list(words: impl Iterator<Item = &'static str>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// `court`
pub static COURT: Table = Table {
    name: "court",
    columns: &[("court_id", Int), ("book_id", Int), ("id", Int), ("name", Text), ("opened_on", Text), ("mark", Int)],
    order: &["id"],
};

/// `chart`
pub static CHART: Table = Table {
    name: "chart",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("chart_id", Int),
        ("file_name", Text),
        ("content", Bytes),
        ("mark", Int),
    ],
    order: &["chart_id"],
};

/// `bank_account`
pub static BANK_ACCOUNT: Table = Table {
    name: "bank_account",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("bank_account_id", Int),
        ("number", Text),
        ("holder_name", Text),
        ("bank_name", Text),
        ("bank_code", Text),
        ("mark", Int),
    ],
    order: &["bank_account_id"],
};

/// A court to be opened.
#[derive(Clone, Debug)]
pub struct NewCourt<'a> {
    /// Its number, which leads every key.
    pub court_id: i64,
    /// Its name, as printed on vouchers and files.
    pub name: &'a str,
    /// The first person, who holds [`Role::Admin`].
    pub admin_name: &'a str,
    /// Name of the chart's file.
    pub chart_file: &'a str,
    /// The chart's text.
    pub chart_text: &'a str,
}

/// Opens a court: register and case money, the chart, its book-wide accounts, the first person as admin.
///
/// # Errors
/// `court.exists`, `court.name_empty`, `access.name_empty`, and those of [`Chart::parse`].
pub fn open_court(tx: &mut Tx<'_>, new: &NewCourt<'_>, on: Date, at: Timestamp) -> Outcome<Acting> {
    let chart = Chart::parse(new.chart_file, new.chart_text)?;
    if new.name.trim().is_empty() {
        return Err(Message::new("court.name_empty").into());
    }
    if court_name(tx, new.court_id)?.is_some() {
        return Err(Message::new("court.exists").with("court", new.court_id).into());
    }
    let register = books::register(new.court_id);
    create_book(tx, register, books::name(books::REGISTER), NOBODY, at)?;
    let mut act = Act::open(tx, register, "court.open", NOBODY, at)?;
    let id = act.take_ids(1);
    act.insert(tx, &COURT, id, &[id.into(), new.name.trim().into(), on.to_string().as_str().into()])?;
    let id = act.take_ids(1);
    act.insert(tx, &CHART, id, &[id.into(), new.chart_file.into(), Value::Bytes(new.chart_text.as_bytes())])?;
    let person_id = access::insert_person(tx, &mut act, new.admin_name)?;
    access::insert_role_event(tx, &mut act, person_id, Role::Admin, "granted", on, "init")?;
    act.close(tx)?;

    let case_money = books::case_money(new.court_id);
    create_book(tx, case_money, books::name(books::CASE_MONEY), person_id, at)?;
    let mut act = Act::open(tx, case_money, "court.open", person_id, at)?;
    chart.open_accounts(tx, &mut act, Scope::Book, 0)?;
    act.close(tx)?;
    let actor = Actor { court_id: new.court_id, person_id, name: new.admin_name.trim().to_owned() };
    Ok(Acting { actor, at, date: on })
}

/// The name of a court, or nothing where it has not been opened.
///
/// # Errors
/// What the database says.
pub fn court_name(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Option<String>> {
    let names = tx.query(
        "SELECT name FROM court WHERE court_id = $1 AND book_id = $2 ORDER BY id DESC LIMIT 1",
        &[court_id.into(), books::REGISTER.into()],
        |row| Ok(row.text(0)?.to_owned()),
    )?;
    Ok(names.into_iter().next())
}

/// The chart that a court uses.
///
/// # Errors
/// `court.unknown`; those of [`Chart::parse_stored`].
pub fn load(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Chart> {
    let charts = tx.query(
        "SELECT file_name, content FROM chart WHERE court_id = $1 AND book_id = $2 ORDER BY chart_id DESC LIMIT 1",
        &[court_id.into(), books::REGISTER.into()],
        |row| Ok((row.text(0)?.to_owned(), row.bytes(1)?.to_vec())),
    )?;
    let Some((file, content)) = charts.into_iter().next() else {
        return Err(Message::new("court.unknown").with("court", court_id).into());
    };
    let text = String::from_utf8(content)
        .map_err(|_| Error::Inconsistent(format!("the chart of court {court_id} is not UTF-8")))?;
    // Whoever panicked left a pair that belongs together.
    let mut parsed = PARSED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, chart)) = &*parsed
        && (&known.0, &known.1) == (&file, &text)
    {
        return Ok(chart.clone());
    }
    let chart = Chart::parse_stored(&file, &text)?;
    *parsed = Some(((file, text), chart.clone()));
    Ok(chart)
}

/// The chart that was read last, with file and text: parsing one takes longer than most acts, and the courts of an
/// installation mostly have the same.
static PARSED: Mutex<Option<((String, String), Chart)>> = Mutex::new(None);

/// An account of the court at a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankAccount {
    /// Row.
    pub bank_account_id: i64,
    /// Number; text, as leading zeros count.
    pub number: String,
    /// 户名
    pub holder_name: String,
    /// 开户行
    pub bank_name: String,
    /// 联行号, 12 digits.
    pub bank_code: String,
}

/// The most characters of an account number (CNAPS: 32).
const ACCOUNT_NUMBER_MAX: usize = 32;

/// Adds a bank account and opens its accounts in the book. Needs [`Role::Finance`].
///
/// # Errors
/// `bank_account.number` (empty, longer than 32, or other than digits, letters and hyphens),
/// `bank_account.bank_code` (not 12 digits), `bank_account.name_empty`, `bank_account.exists`, and those of
/// [`access::require`]. A check digit of the bank code is not asked for: no published rule was found.
pub fn add_bank_account(
    tx: &mut Tx<'_>,
    acting: &Acting,
    chart: &Chart,
    number: &str,
    holder_name: &str,
    bank_name: &str,
    bank_code: &str,
) -> Outcome<BankAccount> {
    acting.require(tx, Role::Finance)?;
    let number = number.trim();
    let is_number = |character: char| character.is_ascii_alphanumeric() || character == '-';
    if number.is_empty() || number.chars().count() > ACCOUNT_NUMBER_MAX || !number.chars().all(is_number) {
        return Err(Message::new("bank_account.number").with("number", number).into());
    }
    if bank_code.len() != 12 || !bank_code.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Message::new("bank_account.bank_code").with("code", bank_code).into());
    }
    if holder_name.trim().is_empty() || bank_name.trim().is_empty() {
        return Err(Message::new("bank_account.name_empty").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "bank_account.add")?;
    if bank_accounts(tx, acting.actor.court_id)?.iter().any(|known| known.number == number) {
        return Err(Message::new("bank_account.exists").with("number", number).into());
    }
    let bank_account_id = act.take_ids(1);
    act.insert(
        tx,
        &BANK_ACCOUNT,
        bank_account_id,
        &[bank_account_id.into(), number.into(), holder_name.trim().into(), bank_name.trim().into(), bank_code.into()],
    )?;
    chart.open_accounts(tx, &mut act, Scope::BankAccount, bank_account_id)?;
    act.close(tx)?;
    Ok(BankAccount {
        bank_account_id,
        number: number.to_owned(),
        holder_name: holder_name.trim().to_owned(),
        bank_name: bank_name.trim().to_owned(),
        bank_code: bank_code.to_owned(),
    })
}

/// All bank accounts of a court, oldest first.
///
/// # Errors
/// What the database says.
pub fn bank_accounts(tx: &mut Tx<'_>, court_id: i64) -> Outcome<Vec<BankAccount>> {
    Ok(tx.query(
        "SELECT bank_account_id, number, holder_name, bank_name, bank_code FROM bank_account \
         WHERE court_id = $1 AND book_id = $2 ORDER BY bank_account_id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| {
            Ok(BankAccount {
                bank_account_id: row.int(0)?,
                number: row.text(1)?.to_owned(),
                holder_name: row.text(2)?.to_owned(),
                bank_name: row.text(3)?.to_owned(),
                bank_code: row.text(4)?.to_owned(),
            })
        },
    )?)
}

/// The bank account with this number; without a number, the only one.
///
/// # Errors
/// `bank_account.unknown`; `bank_account.which` when none is named and there is not exactly one.
pub fn find_bank_account(tx: &mut Tx<'_>, court_id: i64, number: Option<&str>) -> Outcome<BankAccount> {
    let mut all = bank_accounts(tx, court_id)?;
    match number {
        Some(number) => all
            .into_iter()
            .find(|account| account.number == number.trim())
            .ok_or_else(|| Message::new("bank_account.unknown").with("number", number).into()),
        None if all.len() == 1 => Ok(all.remove(0)),
        None => Err(Message::new("bank_account.which").with("count", all.len()).into()),
    }
}

/// The account of a case by its kind.
///
/// # Errors
/// [`Error::Inconsistent`] when the case has none: its opening opened all of them.
pub fn case_account(tx: &mut Tx<'_>, book: BookKey, case_id: i64, kind: AccountKind) -> Outcome<AccountId> {
    let found = tx.query_opt(
        "SELECT account_id FROM account WHERE court_id = $1 AND book_id = $2 AND case_id = $3 AND kind = $4",
        &[book.court_id.into(), book.book_id.into(), case_id.into(), kind.as_str().into()],
        |row| row.int(0),
    )?;
    let missing = || Error::Inconsistent(format!("case {case_id} has no account of kind {}", kind.as_str()));
    Ok(AccountId(found.ok_or_else(missing)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_chart_is_sound() {
        let chart = Chart::parse(DEFAULT_FILE, DEFAULT).unwrap();
        let items: Vec<&str> =
            AccountKind::ALL.iter().filter(|kind| chart.kind(**kind).item_floor).map(|kind| kind.as_str()).collect();
        assert_eq!(
            items,
            [
                "in_transit_in",
                "unattributed",
                "case_funds",
                "receivable",
                "frozen_elsewhere",
                "frozen_by_order",
                "security",
                "auction_price",
                "escrow",
                "relief_fund",
                "relief_receivable",
                "relief_payable",
                "claims_due",
                "claims_registered",
                "performed_outside",
                "set_off",
                "claims_assigned",
                "claims_waived",
                "cash_with_officers",
                "cash_receipted",
            ]
        );
        let without_floor: Vec<&str> = AccountKind::ALL
            .iter()
            .filter(|kind| chart.kind(**kind).floor.is_none())
            .map(|kind| kind.as_str())
            .collect();
        assert_eq!(without_floor, ["expense"]);
    }

    /// Which two kinds each event moves between, as the event table of the field has it.
    #[test]
    fn events_post_what_the_table_says() {
        let chart = Chart::parse(DEFAULT_FILE, DEFAULT).unwrap();
        let shown: Vec<String> = Event::ALL
            .iter()
            .map(|event| {
                let rule = chart.event(*event);
                format!("{}: {} / {}", event.as_str(), chart.kind(rule.debit).code, chart.kind(rule.credit).code)
            })
            .collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        deduction_confirmed: W / C
        expected_money_arrived: B / W
        receipt_known: B / C
        receipt_unknown: B / U
        receipt_attributed: U / C
        distribution_payable: C / P
        distribution_set_aside: C / X
        distribution_treasury: C / F
        file_released: P / T
        line_blocked: P / X
        bank_debited: T / B
        line_failed: T / P
        line_returned: B / P
        set_aside_payable: X / P
        set_aside_returned: X / C
        payable_deposited: P / D
        set_aside_deposited: X / D
        deposit_lapsed: D / F
        treasury_paid: F / T
        surplus_to_debtor: C / P
        receipt_reversed: R / B
        wrongly_paid: R / T
        recovered: B / R
        bank_interest_treasury: B / F
        bank_interest_case: B / C
        bank_charges: E / B
        transferred_to_court: C / T
        frozen_more: MA / ML
        frozen_less: ML / MA
        security_taken: C / G
        security_realised: G / C
        auction_price_taken: C / A
        auction_forfeited: A / C
        auction_settled: A / C
        escrow_kept: A / S
        escrow_released: S / C
        fine_taken: C / F
        fee_charged: C / F
        to_other_case: C / C
        security_payable: G / P
        auction_price_payable: A / P
        escrow_payable: S / P
        treasury_payable: F / P
        relief_funded: RB / RF
        relief_paid: RF / RB
        relief_refunded: RB / RF
        relief_premium: RF / RB
        relief_claimed: RI / RP
        relief_insurer_paid: RB / RI
        relief_passed_through: RP / RB
        deduction_shortfall: C / W
        deduction_surplus: B / C
        claim_registered: MD / MR
        claim_performed_outside: MO / MD
        claim_set_off: MS / MD
        claim_assigned: MT / MD
        claim_waived: MV / MD
        cash_taken: MC / MN
        cash_ended: MN / MC
        "#);
    }

    #[test]
    fn an_older_chart_is_completed_from_the_default() {
        let cut = DEFAULT.find("[event.transferred_to_court]").unwrap();
        let older = DEFAULT[..cut].replace("code = \"B\"", "code = \"1002\"");
        let chart = Chart::parse_stored("我院.toml", &older).unwrap();
        assert_eq!(chart.kind(AccountKind::Bank).code, "1002");
        assert_eq!(chart.event(Event::TransferredToCourt).credit, AccountKind::InTransitOut);
    }

    #[test]
    fn a_wrong_chart_names_file_and_key() {
        let kind = DEFAULT.find("[kind.expense]").unwrap();
        let event = DEFAULT.find("[event.transferred_to_court]").unwrap();
        let without_kind = format!("{}{}", &DEFAULT[..kind], &DEFAULT[DEFAULT.find("# debit, credit").unwrap()..]);
        for (text, code, key) in [
            ("kind = 3".to_owned(), "chart.syntax", ""),
            (DEFAULT.replace("[kind.bank]", "[kind.bnak]"), "chart.kind_unknown", "bnak"),
            (without_kind, "chart.kind_missing", "expense"),
            (DEFAULT.replace("[event.recovered]", "[event.recoverd]"), "chart.event_unknown", "recoverd"),
            (DEFAULT[..event].to_owned(), "chart.event_missing", "transferred_to_court"),
            (DEFAULT.replacen("side = \"debit\"", "side = \"left\"", 1), "chart.word", "kind.bank.side"),
            (DEFAULT.replacen("floor = \"zero\"", "floor = \"0\"", 1), "chart.word", "kind.bank.floor"),
            (DEFAULT.replacen("scope = \"book\"", "scope = \"all\"", 1), "chart.word", "kind.unattributed.scope"),
            (
                DEFAULT.replacen("book = \"memorandum\"", "book = \"memo\"", 1),
                "chart.word",
                "kind.frozen_elsewhere.book",
            ),
            (DEFAULT.replacen("\"when_used\"", "\"later\"", 1), "chart.word", "kind.frozen_elsewhere.opened"),
            (
                DEFAULT.replace("credit = \"frozen_by_order\"", "credit = \"bank\""),
                "chart.two_books",
                "event.frozen_more",
            ),
            (DEFAULT.replace("code = \"W\"", "code = \"B\""), "chart.code", "kind.bank.code"),
            (DEFAULT.replace("code = \"W\"", "code = \"W-1\""), "chart.code", "kind.in_transit_in.code"),
            (
                DEFAULT.replacen("voucher = \"payment\"", "voucher = \"pay\"", 1),
                "chart.word",
                "event.file_released.voucher",
            ),
            (
                DEFAULT.replacen("debit = \"payable\"", "debit = \"in_transit_out\"", 1),
                "chart.same_kind",
                "event.file_released",
            ),
        ] {
            let message = Chart::parse("我院.toml", &text).unwrap_err();
            assert_eq!(message.code, code, "{message:?}");
            let argument =
                |name| message.arguments.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
            assert_eq!(argument("file"), Some("我院.toml"));
            assert_eq!(argument("key").unwrap_or_default(), key, "{message:?}");
        }
    }
}
