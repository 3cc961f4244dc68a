//! Commit: one transaction takes the money from the cases, credits every payee's item and writes the payment lines.

use std::collections::{HashMap, HashSet};

use ankuan_ledger::{AccountId, Act, Amount, ItemId, Line, Place, VoucherNumber};

use super::lines::{DueLine, Frozen, LINE_EVENT, LINES_A_WORD, PAYMENT_LINE, Receipts, Standing, each_page, standing};
use super::reissue;
use super::rounds::must_be_fresh;
use super::runs::{self, Content, Run, Source, SourceKind, Status};
use super::sheet::SheetSource;
use super::{screens, sheets};
use crate::access::Acting;
use crate::books;
use crate::chart::{self, Event, Owner};
use crate::failure::Outcome;
use crate::message::Message;
use ankuan_ledger::engine::Tx;

/// What a commit did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Lines to be paid.
    pub lines: i64,
    /// What they come to.
    pub paid: Amount,
    /// Set aside, by the distribution or because a line was blocked.
    pub set_aside: Amount,
    /// Lines blocked at commit: the addendum.
    pub blocked: i64,
    /// To the treasury inside the books.
    pub treasury: Amount,
    /// The voucher that it posted.
    pub voucher: Option<VoucherNumber>,
}

/// Commits an approved run. All or nothing, whatever its size; the caller commits the transaction.
///
/// # Errors
/// `runs.wrong_status`, `runs.changed`, `runs.not_approved`, `runs.screens_open`, `payouts.distribution_stale`, `payouts.case_money_short`,
/// `payouts.source_blocked`, `bounties.above_award`, and the ledger's refusals.
pub fn commit(tx: &mut Tx<'_>, acting: &Acting, number: &str, progress: &mut dyn FnMut(u64)) -> Outcome<Committed> {
    let court_id = acting.actor.court_id;
    // The head of the book is locked here: of two commits at once, the second sees the first one's work.
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.commit")?;
    runs::may_move_money(tx, acting)?;
    let run = runs::find_run(tx, court_id, number)?;
    run.must_be(Status::Approved)?;
    let content = runs::content(tx, court_id, &run)?;
    runs::must_be_submitted(tx, court_id, &run, &content)?;
    runs::must_be_approved(tx, court_id, &run, &content)?;

    screens::must_be_cleared(tx, court_id, &run, acting.at)?;
    bounties_must_fit(tx, court_id, &run)?;

    let account_number = chart::bank_accounts(tx, court_id)?
        .into_iter()
        .find(|account| account.bank_account_id == run.bank_account_id)
        .map(|account| account.number)
        .ok_or_else(|| ankuan_ledger::Error::Inconsistent(format!("run {number} is paid from an unknown account")))?;
    let chart = chart::load(tx, court_id)?;
    act.begin_voucher(tx, &chart.voucher(Event::DistributionPayable, acting.date, run.sources.len() as i64))?;
    let mut recorder = Recorder {
        act: &mut act,
        run: &run,
        line_no: 0,
        done: Committed::none(),
        lines: Vec::new(),
        remitted: HashMap::new(),
    };
    // What was set aside for a freeze by one source of a case counts for the next.
    let mut frozen_left: HashMap<i64, Frozen> = HashMap::new();
    for source in &run.sources {
        if source.kind == SourceKind::Distribution {
            must_be_fresh(tx, court_id, source.source_id)?;
        }
        let mut standing = standing(tx, court_id, source)?;
        if source.kind == SourceKind::Reissue {
            reissue::committed(tx, court_id, source.source_id)?;
        }
        if let Some(left) = frozen_left.remove(&source.case_id) {
            standing.frozen = left;
        }
        let account = |tx: &mut Tx<'_>, kind| {
            chart.account(
                tx,
                court_id,
                kind,
                Owner { case_id: Some(source.case_id), bank_account_id: Some(run.bank_account_id) },
            )
        };
        let pays_from = match source.kind {
            SourceKind::Sheet => sheets::source_of(tx, court_id, source.source_id)?,
            SourceKind::Distribution | SourceKind::Reissue => SheetSource::CaseFunds,
        };
        let accounts = Accounts {
            pays_from,
            other_money: sheets::other_money(tx, court_id, source)?,
            source: account(tx, chart.event(pays_from.event()).debit)?,
            payable: account(tx, chart.event(Event::DistributionPayable).credit)?,
            set_aside: account(tx, chart.event(Event::DistributionSetAside).credit)?,
            treasury: account(tx, chart.event(Event::DistributionTreasury).credit)?,
        };
        let set_aside_item = match source.kind {
            SourceKind::Sheet => sheets::set_aside_item(tx, court_id, source.source_id)?,
            SourceKind::Distribution | SourceKind::Reissue => None,
        };
        // What came back is in the payees' items, what was set aside in items of its own: neither is in the case.
        let left = match source.kind {
            SourceKind::Reissue => Vec::new(),
            _ => available_receipts(tx, court_id, run.bank_account_id, source, pays_from)?,
        };
        let left = match set_aside_item {
            // It lies in the bank account of the receipt that it came from.
            Some(_) if left.is_empty() => {
                let missing = sheets::find_sheet(tx, court_id, source.source_id)?.total;
                return Err(Message::new("payouts.case_money_short")
                    .with("account", &account_number)
                    .with("missing", missing)
                    .into());
            }
            Some(_) => Vec::new(),
            None => left,
        };
        // The ledger keeps no floor of the treasury's items, so what this run has taken of them counts here.
        let left = match pays_from {
            SheetSource::Treasury => {
                let taken = |item| recorder.remitted.get(item).copied().unwrap_or_default();
                left.iter().map(|(item, minor)| (*item, minor - taken(item))).collect()
            }
            _ => left,
        };
        let mut money = Money { receipts: Receipts::new(left, account_number.clone()), set_aside_item };
        each_page(tx, court_id, source, &mut |tx, page| {
            for due in page {
                recorder.line(tx, source, &mut standing, &accounts, &mut money, due)?;
                let done = u64::try_from(recorder.line_no).unwrap_or(0);
                if done.is_multiple_of(LINES_A_WORD) {
                    progress(done);
                }
            }
            progress(u64::try_from(recorder.line_no).unwrap_or(0));
            Ok(())
        })?;
        frozen_left.insert(source.case_id, standing.frozen);
    }
    let mut done = recorder.done;
    done.voucher = act.vouchers(tx)?.last().cloned();
    let voucher_id = done.voucher.as_ref().map(|voucher| voucher.voucher_id);
    let recorded =
        Content { digest: content.digest, line_count: done.lines, paid: done.paid, set_aside: done.set_aside };
    runs::record_event(tx, &mut act, &run, "committed", &recorded, voucher_id, "")?;
    runs::set_status(tx, court_id, run.run_id, Status::Committed)?;
    act.close(tx)?;
    Ok(done)
}

/// What a source may be paid from: receipts of its case in the bank account that the run is paid from. A bank file
/// takes money out of that account and no other.
fn available_receipts(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
    source: &Source,
    pays_from: SheetSource,
) -> Outcome<Vec<(i64, i64)>> {
    let all = sheets::money(tx, court_id, source.case_id, pays_from)?;
    let wanted = match source.kind {
        SourceKind::Distribution | SourceKind::Reissue => None,
        // A sheet splits one receipt.
        SourceKind::Sheet => Some(tx.query_one(
            "SELECT receipt_id FROM sheet WHERE court_id = $1 AND book_id = $2 AND sheet_id = $3",
            &[court_id.into(), books::CASE_MONEY.into(), source.source_id.into()],
            |row| row.int(0),
        )?),
    };
    Ok(all
        .into_iter()
        .filter(|receipt| receipt.bank_account_id == bank_account_id)
        .filter(|receipt| wanted.is_none_or(|wanted| wanted == receipt.receipt_id))
        .map(|receipt| (receipt.receipt_id, receipt.available.minor()))
        .collect())
}

/// Where the money of a source is.
struct Money {
    /// In the case.
    receipts: Receipts,
    /// Set aside, in this item.
    set_aside_item: Option<i64>,
}

struct Accounts {
    pays_from: SheetSource,
    /// Lines of other money than case funds: nothing of them is set aside.
    other_money: HashSet<i64>,
    source: AccountId,
    payable: AccountId,
    set_aside: AccountId,
    treasury: AccountId,
}

struct Recorder<'r> {
    act: &'r mut Act,
    run: &'r Run,
    line_no: i64,
    done: Committed,
    lines: Vec<(i64, Amount)>,
    /// What was taken of the treasury's items.
    remitted: HashMap<i64, i64>,
}

impl Recorder<'_> {
    /// Posts one share and writes its payment lines.
    fn line(
        &mut self,
        tx: &mut Tx<'_>,
        source: &Source,
        standing: &mut Standing,
        accounts: &Accounts,
        money: &mut Money,
        due: &DueLine,
    ) -> Outcome<()> {
        let blocked = if due.set_aside.is_some() { None } else { standing.blocked(due.claim_id) };
        if let Some(reason) = blocked {
            self.refuse_mixing(accounts, due, reason)?;
            self.done.blocked += 1;
            let line = (due.line_id, 1, due.detail_id);
            record_blocked(tx, self.act, self.run, line, "blocked_at_commit", due.amount, reason)?;
        }
        if due.set_aside.is_some() || blocked.is_some() {
            self.done.set_aside = sum(self.done.set_aside, due.amount)?;
            return self.post(tx, accounts, accounts.set_aside, money, due, due.amount);
        }
        if due.to_treasury {
            self.done.treasury = sum(self.done.treasury, due.amount)?;
            return self.post(tx, accounts, accounts.treasury, money, due, due.amount);
        }
        let (mut aside, mut paid) = (Amount::ZERO, Amount::ZERO);
        let payees = match due.came_back_to {
            None => standing.payees(due.claim_id, due.detail_id, due.amount),
            // One payee's payment, made again to that payee.
            Some(_) => vec![(due.detail_id, due.amount)],
        };
        for (payee_no, (detail_id, amount)) in (1..).zip(payees) {
            let (frozen, rest) = standing.frozen.split(due.claim_id, detail_id, amount);
            if frozen > Amount::ZERO {
                self.refuse_mixing(accounts, due, "payee_frozen")?;
                self.done.blocked += 1;
                let line = (due.line_id, payee_no, detail_id);
                record_blocked(tx, self.act, self.run, line, "blocked_at_commit", frozen, "payee_frozen")?;
                aside = sum(aside, frozen)?;
            }
            if rest > Amount::ZERO {
                self.line_no += 1;
                self.done.lines += 1;
                let payment_id = self.act.take_ids(1);
                self.act.insert(
                    tx,
                    &PAYMENT_LINE,
                    payment_id,
                    &[
                        payment_id.into(),
                        due.line_id.into(),
                        payee_no.into(),
                        self.run.run_id.into(),
                        self.line_no.into(),
                        source.case_id.into(),
                        detail_id.into(),
                        rest.minor().into(),
                    ],
                )?;
                paid = sum(paid, rest)?;
            }
        }
        self.done.set_aside = sum(self.done.set_aside, aside)?;
        self.done.paid = sum(self.done.paid, paid)?;
        self.post(tx, accounts, accounts.set_aside, money, due, aside)?;
        self.post(tx, accounts, accounts.payable, money, due, paid)
    }

    /// What is set aside is case money from then on: other money is not set aside, it stays where it is.
    fn refuse_mixing(&self, accounts: &Accounts, due: &DueLine, reason: &str) -> Result<(), Message> {
        if accounts.other_money.contains(&due.line_id) {
            return Err(source_blocked(&self.run.number, reason));
        }
        Ok(())
    }

    /// Takes an amount out of the case's receipts, or out of the item that a payment came back to, and credits the
    /// line's item.
    fn post(
        &mut self,
        tx: &mut Tx<'_>,
        accounts: &Accounts,
        target: AccountId,
        money: &mut Money,
        due: &DueLine,
        amount: Amount,
    ) -> Outcome<()> {
        if amount == Amount::ZERO {
            return Ok(());
        }
        if let Some(item) = due.came_back_to {
            let line = Line {
                debit: Place { account: accounts.payable, item: ItemId(item) },
                credit: Place { account: target, item: ItemId(due.line_id) },
                amount,
            };
            self.act.post(tx, &[line])?;
            return Ok(());
        }
        if let Some(item) = money.set_aside_item {
            let line = Line {
                debit: Place { account: accounts.set_aside, item: ItemId(item) },
                credit: Place { account: target, item: ItemId(due.line_id) },
                amount,
            };
            self.act.post(tx, &[line])?;
            return Ok(());
        }
        money.receipts.take(amount, &mut self.lines)?;
        if accounts.pays_from == SheetSource::Treasury {
            for (item, part) in &self.lines {
                *self.remitted.entry(*item).or_default() += part.minor();
            }
        }
        let line = |(receipt, amount): &(i64, Amount)| Line {
            debit: Place { account: accounts.source, item: ItemId(*receipt) },
            credit: Place { account: target, item: ItemId(due.line_id) },
            amount: *amount,
        };
        // Nearly always one receipt pays a whole share.
        match self.lines.as_slice() {
            [one] => self.act.post(tx, &[line(one)])?,
            several => self.act.post(tx, &several.iter().map(line).collect::<Vec<_>>())?,
        };
        Ok(())
    }
}

fn sum(total: Amount, amount: Amount) -> Result<Amount, Message> {
    total.plus(amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))
}

/// An informer is paid what was awarded, over all runs.
fn bounties_must_fit(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<()> {
    let above = tx.query(
        "SELECT p.name, a.amount_minor FROM bounty_draw AS d JOIN bounty_award AS a ON a.court_id = d.court_id \
         AND a.book_id = d.book_id AND a.award_id = d.award_id JOIN payee AS p ON p.court_id = d.court_id \
         AND p.book_id = d.book_id AND p.payee_id = d.payee_id WHERE d.court_id = $1 AND d.book_id = $2 \
         AND a.amount_minor < (SELECT CAST(COALESCE(SUM(l.amount_minor), 0) AS BIGINT) FROM sheet_line AS l \
          JOIN run_source AS x ON x.court_id = l.court_id AND x.book_id = l.book_id AND x.kind = 'sheet' \
          AND x.source_id = l.sheet_id JOIN run_state AS t ON t.court_id = x.court_id AND t.book_id = x.book_id \
          AND t.run_id = x.run_id WHERE l.court_id = $1 AND l.book_id = $2 AND l.payee_id = d.payee_id \
          AND (x.run_id = $3 OR t.status IN ('committed', 'released'))) ORDER BY p.payee_id LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
        |row| Ok((row.text(0)?.to_owned(), Amount::from_minor(row.int(1)?))),
    )?;
    match above.first() {
        Some((name, award)) => Err(Message::new("bounties.above_award").with("name", name).with("award", award).into()),
        None => Ok(()),
    }
}

/// Other money than case funds meets a gate, a dispute or a freeze.
pub(super) fn source_blocked(run: &str, reason: &str) -> Message {
    Message::new("payouts.source_blocked").with("run", run).with("reason", reason)
}

/// The addendum: a line, or a part of it, that goes to "set aside" although it was approved for payment.
pub(super) fn record_blocked(
    tx: &mut Tx<'_>,
    act: &mut Act,
    run: &Run,
    (line_id, payee_no, detail_id): (i64, i64, i64),
    event: &str,
    amount: Amount,
    reason: &str,
) -> Outcome<()> {
    let id = act.take_ids(1);
    let (at, actor) = (act.recorded_at(), act.actor_id());
    act.insert(
        tx,
        &LINE_EVENT,
        id,
        &[
            id.into(),
            run.run_id.into(),
            line_id.into(),
            payee_no.into(),
            detail_id.into(),
            event.into(),
            amount.minor().into(),
            reason.into(),
            at.into(),
            actor.into(),
        ],
    )?;
    Ok(())
}

impl Committed {
    /// The voucher as programs name it: month, kind and number; empty where nothing was posted.
    #[must_use]
    pub fn voucher_key(&self) -> String {
        let key = |voucher: &VoucherNumber| format!("{} {}-{}", voucher.month, voucher.kind.as_str(), voucher.number);
        self.voucher.as_ref().map_or_else(String::new, key)
    }

    const fn none() -> Self {
        Self {
            lines: 0,
            paid: Amount::ZERO,
            set_aside: Amount::ZERO,
            blocked: 0,
            treasury: Amount::ZERO,
            voucher: None,
        }
    }
}
