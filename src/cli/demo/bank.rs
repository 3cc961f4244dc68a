//! The demo goes on: the practice bank answers, statements are imported and matched, what came back is paid again, and
//! a day is signed off. By the same functions as the commands, on files on disk.

use std::path::{Path, PathBuf};

use ankuan_ledger::{Amount, Store};
use jiff::ToSpan;
use jiff::civil::Date;

use super::{CASE, Seconds};
use crate::access;
use crate::amount::Total;
use crate::bank_sim::{self, Options};
use crate::cases;
use crate::chart;
use crate::claims::events::{self, NewDetails, Statement, Which};
use crate::cli::payout::{self, ReissueArgs};
use crate::cli::statement::ComesArgs;
use crate::cli::{Context, reply, statement};
use crate::clock::{Clock, Randomness};
use crate::documents::keys::Keys;
use crate::documents::personal::{PersonalDetail, each_detail};
use crate::failure::{Failure, Outcome};
use crate::flows::score::{Score, score};
use crate::flows::{Left, match_account};
use crate::payouts::reissue::returned;
use crate::payouts::runs;
use crate::report::bank_reconciliation::BankReconciliation;
use crate::signoff;
use crate::statements::Channel;
use ankuan_reconciliation::matching::{Rules, STANDARD};

/// The demo's payout was made so many days ago, so that the bank has had time to answer by today.
pub const DAYS_AGO: i64 = 5;

/// Accounts that are corrected and paid again: each is a person's own act, so a few show it.
const CORRECTED: usize = 20;

/// What the bank part of the demo came to.
#[derive(Debug)]
pub struct BankPart {
    /// Bank lines matched.
    pub matched: u64,
    /// Payments debited.
    pub debited: Total,
    /// Payments that failed or came back.
    pub came_back: Total,
    /// Paid again: number of the run, payments, sum.
    pub reissued: (String, u64, Amount),
    /// Lines left to a person.
    pub left: Vec<Left>,
    /// Against the practice bank's truth.
    pub score: Score,
    /// Of the last day, signed off.
    pub statement: BankReconciliation,
}

/// The demo's bank account.
pub const ACCOUNT: &str = "1202020209900012345";

/// A context in which somebody acts so many days after the payout.
fn on_day(context: &Context, name: &str, day: i64) -> Context {
    let mut globals = context.globals.clone();
    globals.acting_as = Some(name.to_owned());
    let now = context.clock().now();
    Context::new(globals, Clock::fixed(now.checked_add((24 * day).hours()).unwrap_or(now)))
}

/// Lets the practice bank answer the files in `folder/files`, and reconciles.
///
/// # Errors
/// Whatever the commands refuse.
pub fn practise(
    context: &Context,
    store: &mut Store,
    keys: &Keys,
    (folder, pot): (&Path, Amount),
    seconds: &mut Seconds,
) -> Outcome<BankPart> {
    let first = context.date();
    let incoming = folder.join("incoming.csv");
    let digits = pot.minor();
    let text = format!(
        "金额,付款人,附言,交易流水号,子账户\n{}.{:02},示范投资有限公司,{CASE},DEMO-0001,\n",
        digits / 100,
        digits % 100
    );
    std::fs::write(&incoming, text)?;
    let plain = Options {
        account: Some(ACCOUNT.to_owned()),
        holder: Some("示范市中级人民法院".to_owned()),
        opening: Some(Amount::ZERO),
        ..Options::plain(first)
    };
    let options = Options { reject: 10, returned: 10, delay: 5, duplicate: 5, own_lines: true, ..plain.clone() };
    let bank = folder.join("bank");
    let answered =
        seconds.step("bank", || bank_sim::simulate(&folder.join("files"), Some(&incoming), &bank, &options))?;

    let mut part = Found::default();
    for day in 0..answered.days.len() as i64 {
        part.day(context, store, keys, &bank, day, seconds)?;
    }
    let account = {
        let mut tx = store.snapshot()?;
        chart::find_bank_account(&mut tx, context.globals.court, Some(ACCOUNT))?
    };
    let truth = seconds.step("score", || {
        score(&mut store.snapshot()?, context.globals.court, account.bank_account_id, &bank.join("truth.json"))
    })?;

    // A day later some payees have brought the right account; they are paid again and the bank answers once more.
    let day = answered.days.len() as i64;
    let reissued = seconds.step("reissue", || reissue(context, store, keys, folder, day))?;
    let from = first.checked_add(day.days()).map_err(|error| std::io::Error::other(error.to_string()))?;
    let again = folder.join("bank-again");
    let closing = answered.days.last().map(|day| day.closing_minor);
    let options = Options { from, opening: closing, ..plain };
    seconds.step("bank", || bank_sim::simulate(&folder.join("files-again"), None, &again, &options))?;
    part.day(context, store, keys, &again, day, seconds)?;

    let statement = seconds.step("signoff", || sign(context, store, from, day + 1))?;
    Ok(BankPart {
        matched: part.matched,
        debited: part.debited,
        came_back: part.came_back,
        reissued,
        left: part.left,
        score: truth,
        statement,
    })
}

#[derive(Default)]
struct Found {
    matched: u64,
    debited: Total,
    came_back: Total,
    left: Vec<Left>,
}

impl Found {
    /// Imports what the bank wrote on a day, answers before statements, and matches.
    fn day(
        &mut self,
        context: &Context,
        store: &mut Store,
        keys: &Keys,
        bank: &Path,
        day: i64,
        seconds: &mut Seconds,
    ) -> Outcome<()> {
        let officer = on_day(context, "复核人", day);
        let files = files_of(&bank.join(officer.date().to_string()))?;
        let (answers, statements): (Vec<PathBuf>, Vec<PathBuf>) =
            files.into_iter().partition(|path| path.to_string_lossy().contains("-reply-"));
        let comes = || ComesArgs { channel: Channel::BankDirect, fetched_by: None, profile: None };
        seconds.step("replies", || {
            let args = reply::ImportArgs { files: answers, payment_file: None, comes: comes() };
            reply::import(&officer, store, keys, &args, &mut |_| Ok(()))
        })?;
        seconds.step("statements", || {
            let args = statement::ImportArgs { files: statements, bank_account: None, comes: comes() };
            statement::import(&officer, store, keys, &args, &mut |_, _| Ok(()))
        })?;
        let court_id = context.globals.court;
        let matched = seconds.step("match", || {
            officer.commit(store, |tx, acting| {
                let chart = chart::load(tx, court_id)?;
                let account = chart::find_bank_account(tx, court_id, Some(ACCOUNT))?;
                match_account(tx, acting, &chart, &account, Rules::standard(), STANDARD)
            })
        })?;
        self.matched += matched.matched;
        self.debited.add_all(matched.debited)?;
        self.came_back.add_all(matched.failed)?;
        self.came_back.add_all(matched.returned)?;
        self.left = matched.left;
        Ok(())
    }
}

fn files_of(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        // A day on which the bank wrote nothing.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::of_file(folder, &error)),
    };
    let mut files = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

/// Corrects the accounts of some payees whose payment came back, and pays them again.
fn reissue(
    context: &Context,
    store: &mut Store,
    keys: &Keys,
    folder: &Path,
    day: i64,
) -> Outcome<(String, u64, Amount)> {
    let book = context.book();
    let (handler, checker) = (on_day(context, "经办人", day), on_day(context, "复核人", day));
    let approver = on_day(context, "审批人", day);
    let (case, keeper, waiting) = {
        let mut tx = store.snapshot()?;
        let account = chart::find_bank_account(&mut tx, book.court_id, Some(ACCOUNT))?;
        let case = cases::find_case(&mut tx, book, CASE)?;
        let keeper = access::find_actor(&mut tx, book.court_id, "案款管理员")?;
        (case, keeper, returned(&mut tx, book.court_id, account.bank_account_id)?)
    };
    if waiting.is_empty() {
        return Ok((String::new(), 0, Amount::ZERO));
    }
    for (place, one) in waiting.iter().take(CORRECTED).enumerate() {
        handler.commit(store, |tx, acting| {
            let mut owned = None;
            each_detail(tx, keys, book, (one.payment.detail_id, one.payment.detail_id), &mut |_, detail, _| {
                let texts = [detail.payee_name, detail.bank_name, detail.bank_code, detail.telephone];
                owned = Some((detail.kind, texts.map(str::to_owned)));
                Ok(())
            })?;
            let Some((kind, [payee_name, bank_name, bank_code, telephone])) = owned else { return Ok(()) };
            let account = format!("62220210010010{place:05}");
            let detail = PersonalDetail {
                kind,
                payee_name: &payee_name,
                bank_name: &bank_name,
                bank_code: &bank_code,
                document_number: "",
                account: &account,
                telephone: &telephone,
            };
            let said = Statement {
                case: &case,
                claim: Which::Id(one.claim_id),
                reason: "退票后更正账户",
                basis: "收款账户确认书",
                confirmed_by: &keeper,
            };
            events::change_claim_details(tx, acting, keys, &mut Randomness::system(), &said, &NewDetails { detail })
                .map(drop)
        })?;
    }
    let args = ReissueArgs {
        run: None,
        case: None,
        title: "退票重发".to_owned(),
        bank_account: None,
        profile: "generic-csv".to_owned(),
    };
    let run = handler.commit(store, |tx, acting| payout::reissue_run(&handler, tx, acting, &args))?;
    let content = handler.commit(store, |tx, acting| runs::submit(tx, acting, &run.number))?;
    super::clear_screens(&checker, store, &run.number)?;
    for person in [&checker, &approver] {
        person.commit(store, |tx, acting| runs::approve(tx, acting, &run.number, Some(content.digest), None))?;
    }
    checker.commit(store, |tx, acting| payout::commit(&checker, tx, acting, &run.number))?;
    let released = checker.commit(store, |tx, acting| payout::release(&checker, tx, acting, keys, &run.number))?;
    payout::deliver(&checker, store, keys, &run.number, &folder.join("files-again"))?;
    Ok((run.number, u64::try_from(released.lines).unwrap_or(0), released.sum))
}

/// Prepared by the fund keeper, who fetched nothing; reviewed and closed by finance.
fn sign(context: &Context, store: &mut Store, date: Date, day: i64) -> Outcome<BankReconciliation> {
    let court_id = context.globals.court;
    let (keeper, officer) = (on_day(context, "案款管理员", day), on_day(context, "复核人", day));
    keeper.commit(store, |tx, acting| {
        let chart = chart::load(tx, court_id)?;
        let account = chart::find_bank_account(tx, court_id, Some(ACCOUNT))?;
        signoff::prepare(tx, acting, &chart, &account, date)
    })?;
    officer.commit(store, |tx, acting| {
        let chart = chart::load(tx, court_id)?;
        let account = chart::find_bank_account(tx, court_id, Some(ACCOUNT))?;
        signoff::review(tx, acting, &chart, &account, date)
    })?;
    officer.commit(store, |tx, acting| {
        let chart = chart::load(tx, court_id)?;
        let account = chart::find_bank_account(tx, court_id, Some(ACCOUNT))?;
        signoff::close(tx, acting, &chart, &account, date)
    })
}
