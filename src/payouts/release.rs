//! Release: the gates once more, the bank files rendered and kept, the money on its way. Files leave only from what
//! is recorded: [`deliver`] writes them to a folder, as often as needed, always the same bytes.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::sync_channel;

use ankuan_ledger::chain::{ChainHead, Digest};
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Tx, Value};
use jiff::Timestamp;

use ankuan_ledger::{Act, Amount, ItemId, Line, Place, VoucherHead, VoucherKind};

use super::commit::{record_blocked, source_blocked};
use super::details::{Commitments, commitments_of, committed_details_of, routes_of};
use super::lines::{LINES_A_WORD, Payment, Standing, TouchedLine, each_payment, purpose, standing, touched_lines};
use super::reissue;
use super::runs::{self, Content, Run, SourceKind, Status};
use super::{screens, sheets};
use crate::access::Acting;
use crate::bank::deliver::{Delivered, deliver as write_file};
use crate::bank::writer::{FileWriter, file_name};
use crate::bank::{BankFileError, FileHeader, PaymentLine, PlannedFile, Planner, Profile, RENDERER_VERSION, same_bank};
use crate::books;
use crate::chart::{self, BankAccount, Event, Owner};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::failure::{Failure, Outcome};
use crate::message::Message;

/// `bank_file`
pub static BANK_FILE: Table = Table {
    name: "bank_file",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("file_id", Int),
        ("run_id", Int),
        ("file_no", Int),
        ("name", Text),
        ("payment_group", Text),
        ("first_line_no", Int),
        ("last_line_no", Int),
        ("line_count", Int),
        ("sum_minor", Int),
        ("message_id", Text),
        ("renderer", Text),
        ("document_id", Int),
        ("sha256", Bytes),
        ("recorded_at", Int),
        ("mark", Int),
    ],
    order: &["file_id"],
};

/// A bank file as recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankFile {
    /// Row.
    pub file_id: i64,
    /// Within the run.
    pub file_no: i64,
    /// Name.
    pub name: String,
    /// same_bank_person…
    pub group: String,
    /// First and last line of the run in it.
    pub lines_between: (i64, i64),
    /// Lines.
    pub line_count: i64,
    /// Sum.
    pub sum: Amount,
    /// The bytes.
    pub document_id: i64,
    /// Their digest.
    pub sha256: Digest,
    /// What the bank may call the file in its answers.
    pub message_id: String,
}

/// What a release did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Lines handed to the bank.
    pub lines: i64,
    /// What they come to.
    pub sum: Amount,
    /// Lines blocked at release as a whole or in part, and what is set aside of them: the addendum.
    pub blocked: (i64, Amount),
    /// The files.
    pub files: Vec<BankFile>,
    /// Head of the chain after the release: goes on the transmittal sheet.
    pub head: ChainHead,
}

/// Releases a committed run: every line that no gate blocks goes into a file and on its way (P → T); a blocked one is
/// set aside (P → X) under the approved rule, and of one that is frozen in part only that part. A run that pays nobody
/// outside the books has no files. All in the caller's transaction.
///
/// # Errors
/// `runs.wrong_status`, `runs.screens_open`, `payouts.all_blocked`, those of [`committed_details_of`], what a bank profile refuses (naming
/// the line), the ledger's refusals.
pub fn release(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    number: &str,
    progress: &mut dyn FnMut(u64),
) -> Outcome<Released> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.release")?;
    runs::may_move_money(tx, acting)?;
    let run = runs::find_run(tx, court_id, number)?;
    run.must_be(Status::Committed)?;
    screens::must_be_cleared(tx, court_id, &run, acting.at)?;
    let profile = run.profile()?;
    let payer = chart::bank_accounts(tx, court_id)?
        .into_iter()
        .find(|account| account.bank_account_id == run.bank_account_id)
        .ok_or_else(|| ankuan_ledger::Error::Inconsistent(format!("run {number} is paid from an unknown account")))?;
    let mut cases = Cases::load(tx, court_id, &run)?;

    let (planned, released, blocked) = plan(tx, acting, &run, &profile, &payer, &mut cases)?;
    if planned.is_empty() && blocked.0 > 0 {
        return Err(Message::new("payouts.all_blocked").with("run", number).into());
    }
    // A voucher has entries: where all went to the treasury at commit, nothing moves.
    if !planned.is_empty() {
        post(tx, &mut act, acting, &run, &cases, progress)?;
    }
    let mut shop = Shop {
        court_id,
        keys,
        run: &run,
        profile: &profile,
        payer: &payer,
        planned: &planned,
        acting,
        message_ids: (1..=planned.len()).map(|file| format!("{}-{file:03}", compact(&run.number))).collect(),
    };
    let files = shop.render(tx, &mut act, randomness, &cases)?;
    let sum = Amount::sum(files.iter().map(|file| file.sum));
    // Every line is in exactly one file, or the release does not come about.
    if files.iter().map(|file| file.line_count).sum::<i64>() != released.0 || sum != Some(released.1) {
        return Err(Failure::Broken(ankuan_ledger::Error::Inconsistent("files and lines differ".to_owned())));
    }
    let content = runs::content(tx, court_id, &run)?;
    let content = Content { line_count: released.0, paid: released.1, set_aside: blocked.1, ..content };
    runs::record_event(tx, &mut act, &run, "released", &content, None, "")?;
    runs::set_status(tx, court_id, run.run_id, Status::Released)?;
    let head = act.close(tx)?;
    Ok(Released { lines: released.0, sum: released.1, blocked, files, head })
}

/// What stands in the way, by case and line, and what the facts committed to.
struct Cases {
    cases: Vec<CaseLines>,
    /// What is set aside of a line and why, by line and payee; lines of a case behind a gate are not listed.
    aside: HashMap<(i64, i64), (Amount, &'static str)>,
    commitments: Commitments,
    /// Lines that are paid from other money than case funds: nothing of them is set aside.
    other_money: HashSet<i64>,
}

/// The purpose and sub-account that go on the lines of a case, and what happened to it.
struct CaseLines {
    case_id: i64,
    standing: Standing,
    touched: Vec<TouchedLine>,
    purpose: String,
    sub_account: String,
}

impl Cases {
    fn load(tx: &mut Tx<'_>, court_id: i64, run: &Run) -> Outcome<Self> {
        let mut cases: Vec<CaseLines> = Vec::new();
        let mut commitments = Commitments::new();
        let mut other_money = HashSet::new();
        for source in &run.sources {
            other_money.extend(sheets::other_money(tx, court_id, source)?);
            let standing = standing(tx, court_id, source)?;
            let touched = touched_lines(tx, court_id, source, &standing)?;
            if let Some(known) = cases.iter_mut().find(|known| known.case_id == source.case_id) {
                known.touched.extend(touched);
                continue;
            }
            commitments.extend(commitments_of(tx, court_id, source.case_id)?);
            let (purpose, sub_account) = purpose(tx, court_id, source.case_id)?;
            cases.push(CaseLines { case_id: source.case_id, standing, touched, purpose, sub_account });
        }
        for case in &mut cases {
            case.touched.sort_unstable_by_key(|line| line.line_id);
        }
        Ok(Self { cases, aside: HashMap::new(), commitments, other_money })
    }

    fn of(&self, case_id: i64) -> Option<&CaseLines> {
        self.cases.iter().find(|case| case.case_id == case_id)
    }

    /// Decides what of a line is set aside. Once for each line, in their order: what one takes of a freeze, the next
    /// does not.
    fn decide(&mut self, payment: &Payment) {
        let Some(case) = self.cases.iter_mut().find(|case| case.case_id == payment.case_id) else { return };
        if case.standing.gate.is_some() {
            return;
        }
        let place = case.touched.binary_search_by_key(&payment.line_id, |line| line.line_id);
        let touched = place.ok().map(|place| case.touched[place]);
        let key = (payment.line_id, payment.payee_no);
        if let Some(line) = touched {
            if line.is_disputed {
                self.aside.insert(key, (payment.amount, "disputed"));
                return;
            }
            if !case.standing.is_current(line.claim_id, payment.detail_id) {
                self.aside.insert(key, (payment.amount, "account_changed"));
                return;
            }
        }
        // No claim has the id 0: then only the person's own document counts.
        let claim_id = touched.map_or(0, |line| line.claim_id);
        let (frozen, _) = case.standing.frozen.split(claim_id, payment.detail_id, payment.amount);
        if frozen > Amount::ZERO {
            self.aside.insert(key, (frozen, "payee_frozen"));
        }
    }

    /// What goes to the bank of a line, what is set aside, and why.
    fn parts(&self, payment: &Payment) -> (Amount, Amount, &str) {
        if let Some(gate) = self.of(payment.case_id).and_then(|case| case.standing.gate.as_deref()) {
            return (Amount::ZERO, payment.amount, gate);
        }
        let (aside, reason) =
            self.aside.get(&(payment.line_id, payment.payee_no)).copied().unwrap_or((Amount::ZERO, ""));
        (Amount::from_minor(payment.amount.minor() - aside.minor()), aside, reason)
    }
}

/// First reading: which files there will be, what is released and what is blocked.
#[allow(clippy::type_complexity)]
fn plan(
    tx: &mut Tx<'_>,
    acting: &Acting,
    run: &Run,
    profile: &Profile,
    payer: &BankAccount,
    cases: &mut Cases,
) -> Outcome<(Vec<PlannedFile>, (i64, Amount), (i64, Amount))> {
    let court_id = acting.actor.court_id;
    let sent_today = tx.query_one(
        "SELECT CAST(COALESCE(SUM(f.sum_minor), 0) AS BIGINT) FROM bank_file AS f JOIN run AS r \
         ON r.court_id = f.court_id AND r.book_id = f.book_id AND r.run_id = f.run_id \
         WHERE f.court_id = $1 AND f.book_id = $2 AND r.bank_account_id = $3 AND f.recorded_at >= $4",
        &[court_id.into(), books::CASE_MONEY.into(), run.bank_account_id.into(), day_began(acting.at).into()],
        |row| row.int(0),
    )?;
    let mut planner = Planner::new(profile, Amount::from_minor(sent_today));
    let (mut released, mut blocked) = ((0_i64, Amount::ZERO), (0_i64, Amount::ZERO));
    each_payment(tx, court_id, run, &mut |tx, page| {
        let routes = routes_of(tx, court_id, &payer.bank_code, page)?;
        for (payment, route) in page.iter().zip(&routes) {
            cases.decide(payment);
            let (goes, aside, reason) = cases.parts(payment);
            if aside > Amount::ZERO && cases.other_money.contains(&payment.line_id) {
                return Err(source_blocked(&run.number, reason).into());
            }
            if goes > Amount::ZERO {
                let group = profile.group(route.same_bank, route.kind);
                planner.push(line_number(payment), group, goes)?;
            }
            for (total, part) in [(&mut released, goes), (&mut blocked, aside)] {
                total.0 += i64::from(part > Amount::ZERO);
                total.1 = total.1.plus(part).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
            }
        }
        Ok(())
    })?;
    Ok((planner.finish(), released, blocked))
}

/// Midnight in China, µs UTC: the bank's day.
fn day_began(at: Timestamp) -> i64 {
    const DAY: i64 = 86_400_000_000;
    const EAST: i64 = 8 * 3_600_000_000;
    let local = at.as_microsecond() + EAST;
    local - local.rem_euclid(DAY) - EAST
}

fn line_number(payment: &Payment) -> u64 {
    // Line numbers count from 1.
    u64::try_from(payment.line_no).unwrap_or(0)
}

/// Second reading: P → T for what goes, P → X for what is blocked.
fn post(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    run: &Run,
    cases: &Cases,
    progress: &mut dyn FnMut(u64),
) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let chart = chart::load(tx, court_id)?;
    let mut accounts = Vec::new();
    for case in &cases.cases {
        let owner = Owner { case_id: Some(case.case_id), bank_account_id: Some(run.bank_account_id) };
        accounts.push((
            case.case_id,
            chart.account(tx, court_id, chart.event(Event::FileReleased).debit, owner)?,
            chart.account(tx, court_id, chart.event(Event::FileReleased).credit, owner)?,
            chart.account(tx, court_id, chart.event(Event::LineBlocked).credit, owner)?,
        ));
    }
    act.begin_voucher(tx, &chart.voucher(Event::FileReleased, acting.date, 0))?;
    let mut done = 0_u64;
    each_payment(tx, court_id, run, &mut |tx, page| {
        for payment in page {
            done += 1;
            if done.is_multiple_of(LINES_A_WORD) {
                progress(done);
            }
            let Some((_, payable, out, aside)) = accounts.iter().find(|known| known.0 == payment.case_id) else {
                continue;
            };
            let item = ItemId(payment.line_id);
            let (goes, held, reason) = cases.parts(payment);
            let to = |account, amount| Line {
                debit: Place { account: *payable, item },
                credit: Place { account, item },
                amount,
            };
            if held == Amount::ZERO {
                act.post(tx, &[to(*out, goes)])?;
                continue;
            }
            let line = (payment.line_id, payment.payee_no, payment.detail_id);
            if goes == Amount::ZERO {
                act.post(tx, &[to(*aside, held)])?;
                record_blocked(tx, act, run, line, "blocked_at_release", held, reason)?;
            } else {
                act.post(tx, &[to(*aside, held), to(*out, goes)])?;
                record_blocked(tx, act, run, line, "split_at_release", held, reason)?;
            }
        }
        progress(done);
        Ok(())
    })
}

/// Third reading: each line into the file that the plan says.
struct Shop<'s> {
    court_id: i64,
    keys: &'s Keys,
    run: &'s Run,
    profile: &'s Profile,
    payer: &'s BankAccount,
    planned: &'s [PlannedFile],
    acting: &'s Acting,
    message_ids: Vec<String>,
}

/// A buffer that a file is written to and taken from when it is finished.
#[derive(Clone, Default)]
struct Buffer(Rc<RefCell<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shop<'_> {
    fn header(&self, place: usize) -> FileHeader<'_> {
        let file = &self.planned[place];
        FileHeader {
            message_id: &self.message_ids[place],
            created_at: self.acting.at,
            execution_date: self.acting.date,
            run_number: &self.run.number,
            file_number: u32::try_from(place + 1).unwrap_or(u32::MAX),
            group: file.group,
            payer_name: &self.payer.holder_name,
            payer_account: &self.payer.number,
            payer_bank_name: &self.payer.bank_name,
            payer_bank_code: &self.payer.bank_code,
            lines: file.lines,
            sum: file.sum,
        }
    }

    fn render(
        &mut self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        randomness: &mut Randomness,
        cases: &Cases,
    ) -> Outcome<Vec<BankFile>> {
        let shop = &*self;
        let outs: Vec<Buffer> = shop.planned.iter().map(|_| Buffer::default()).collect();
        let mut sinks: Vec<Buffer> = outs.clone();
        let mut slots: Vec<Option<&mut Buffer>> = sinks.iter_mut().map(Some).collect();
        let mut writers: Vec<Option<FileWriter<'_>>> = shop.planned.iter().map(|_| None).collect();
        let mut files: Vec<Option<BankFile>> = vec![None; shop.planned.len()];
        // The next unfinished file of each group, by the order of the plan.
        let mut next: Vec<usize> = Vec::new();
        let compact_number = compact(&shop.run.number);
        let mut key = String::new();
        each_payment(tx, shop.court_id, shop.run, &mut |tx, page| {
            let details = committed_details_of(tx, shop.keys, shop.court_id, &cases.commitments, page)?;
            let mut finished = Vec::new();
            for (payment, detail) in page.iter().zip(&details) {
                let (goes, ..) = cases.parts(payment);
                if goes == Amount::ZERO {
                    continue;
                }
                let to_same_bank = same_bank(&shop.payer.bank_code, &detail.bank_code);
                let group = shop.profile.group(to_same_bank, detail.kind);
                let line_number = line_number(payment);
                let holds = |place: usize| {
                    let file = &shop.planned[place];
                    file.group == group && file.first_line <= line_number && line_number <= file.last_line
                };
                let place = match next.iter().copied().find(|place| holds(*place)) {
                    Some(place) => place,
                    None => {
                        let found = (0..shop.planned.len()).find(|place| holds(*place));
                        let place = found.ok_or_else(unplanned)?;
                        next.retain(|known| shop.planned[*known].group != group);
                        next.push(place);
                        let slot = slots[place].take().ok_or_else(unplanned)?;
                        writers[place] = Some(FileWriter::begin(shop.profile, shop.header(place), slot).map_err(said)?);
                        place
                    }
                };
                let case = cases.of(payment.case_id);
                key.clear();
                key.push_str(&compact_number);
                std::fmt::Write::write_fmt(&mut key, format_args!("-{line_number:09}"))
                    .map_err(std::io::Error::other)?;
                let line = PaymentLine {
                    line_number,
                    line_key: &key,
                    payee_name: &detail.payee_name,
                    payee_account: &detail.account,
                    bank_name: &detail.bank_name,
                    bank_code: &detail.bank_code,
                    amount: goes,
                    purpose: case.map_or("", |case| case.purpose.as_str()),
                    payee_kind: detail.kind,
                    same_bank: to_same_bank,
                    payer_sub_account: case.map_or("", |case| case.sub_account.as_str()),
                    telephone: &detail.telephone,
                };
                writers[place].as_mut().ok_or_else(unplanned)?.push(&line).map_err(said)?;
                if line_number == shop.planned[place].last_line {
                    finished.push(place);
                }
            }
            for place in finished {
                let writer = writers[place].take().ok_or_else(unplanned)?;
                let rendered = writer.finish().map_err(said)?;
                let bytes = std::mem::take(&mut *outs[place].0.borrow_mut());
                files[place] = Some(shop.keep(tx, act, randomness, place, rendered.sha256, &bytes)?);
            }
            Ok(())
        })?;
        let files: Vec<BankFile> = files.into_iter().flatten().collect();
        // Files close in the order of their last lines; their facts stand in the order of their numbers.
        for file in &files {
            shop.record(tx, act, file)?;
        }
        Ok(files)
    }

    fn keep(
        &self,
        tx: &mut Tx<'_>,
        act: &mut Act,
        randomness: &mut Randomness,
        place: usize,
        sha256: Digest,
        bytes: &[u8],
    ) -> Outcome<BankFile> {
        let header = self.header(place);
        let name = file_name(self.profile, &header)?;
        let new = NewDocument { kind: "payment_file", name: &name, media_type: "application/octet-stream" };
        let stored = documents::store(tx, act, self.keys, randomness, &new, bytes)?;
        if stored.sha256 != sha256 {
            return Err(unplanned().into());
        }
        let file = &self.planned[place];
        let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        Ok(BankFile {
            // Given when it is recorded.
            file_id: 0,
            file_no: place as i64 + 1,
            name,
            group: file.group.name().to_owned(),
            lines_between: (number(file.first_line), number(file.last_line)),
            line_count: number(file.lines),
            sum: file.sum,
            document_id: stored.document_id,
            sha256,
            message_id: self.message_ids[place].clone(),
        })
    }

    fn record(&self, tx: &mut Tx<'_>, act: &mut Act, file: &BankFile) -> Outcome<()> {
        let id = act.take_ids(1);
        act.insert(
            tx,
            &BANK_FILE,
            id,
            &[
                id.into(),
                self.run.run_id.into(),
                file.file_no.into(),
                file.name.as_str().into(),
                file.group.as_str().into(),
                file.lines_between.0.into(),
                file.lines_between.1.into(),
                file.line_count.into(),
                file.sum.minor().into(),
                file.message_id.as_str().into(),
                format!("{} {RENDERER_VERSION}", env!("CARGO_PKG_VERSION")).as_str().into(),
                file.document_id.into(),
                Value::Bytes(&file.sha256),
                self.acting.at.as_microsecond().into(),
            ],
        )?;
        Ok(())
    }
}

/// P2026-0001 without its hyphen: message ids and line keys are short.
pub(super) fn compact(number: &str) -> String {
    number.replace('-', "")
}

/// The key of a payment line on bank files and in the bank's answers.
#[must_use]
pub fn line_key(run_number: &str, line_no: i64) -> String {
    format!("{}-{line_no:09}", compact(run_number))
}

fn unplanned() -> ankuan_ledger::Error {
    ankuan_ledger::Error::Inconsistent("a payment line is not where the plan of files puts it".to_owned())
}

fn said(error: BankFileError) -> Failure {
    match error {
        BankFileError::Refused(message) => message.into(),
        BankFileError::Io(error) => error.into(),
    }
}

/// The files of a run.
///
/// # Errors
/// What the database says.
pub fn files_of_run(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Vec<BankFile>> {
    Ok(tx.query(
        "SELECT file_no, name, payment_group, first_line_no, last_line_no, line_count, sum_minor, document_id, sha256, \
         file_id, message_id \
         FROM bank_file WHERE court_id = $1 AND book_id = $2 AND run_id = $3 ORDER BY file_no",
        &[court_id.into(), books::CASE_MONEY.into(), run_id.into()],
        |row| {
            Ok(BankFile {
                file_no: row.int(0)?,
                name: row.text(1)?.to_owned(),
                group: row.text(2)?.to_owned(),
                lines_between: (row.int(3)?, row.int(4)?),
                line_count: row.int(5)?,
                sum: Amount::from_minor(row.int(6)?),
                document_id: row.int(7)?,
                sha256: row.digest(8)?,
                file_id: row.int(9)?,
                message_id: row.text(10)?.to_owned(),
            })
        },
    )?)
}

/// Writes the files of a released run to a folder from the bytes that are kept; files already there are left alone
/// when they are the same, and refused when they differ. While one file is synced to the disk, the next is read. The
/// hand-over is recorded. Needs finance or the fund keeper.
///
/// # Errors
/// `runs.wrong_status`, `documents.changed`, those of [`write_file`].
pub fn deliver(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    number: &str,
    folder: &Path,
) -> Outcome<Vec<(BankFile, Delivered)>> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.deliver")?;
    let (run, delivered) = write_released(tx, acting, keys, number, folder)?;
    // Every hand-over leaves a trace: a file given to the bank twice must be seen.
    let content = runs::content(tx, acting.actor.court_id, &run)?;
    runs::record_event(tx, &mut act, &run, "delivered", &content, None, "")?;
    act.close(tx)?;
    Ok(delivered)
}

/// Writes the files of a hand-over that is on record already: of one that was cut off before anybody had them. Needs what
/// [`deliver`] needs.
///
/// # Errors
/// Those of [`deliver`].
pub fn deliver_again(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    number: &str,
    folder: &Path,
) -> Outcome<Vec<(BankFile, Delivered)>> {
    Ok(write_released(tx, acting, keys, number, folder)?.1)
}

fn write_released(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    number: &str,
    folder: &Path,
) -> Outcome<(Run, Vec<(BankFile, Delivered)>)> {
    let court_id = acting.actor.court_id;
    runs::may_move_money(tx, acting)?;
    let run = runs::find_run(tx, court_id, number)?;
    run.must_be(Status::Released)?;
    let files = files_of_run(tx, court_id, run.run_id)?;
    let delivered = write_files(tx, keys, court_id, files, folder)?;
    Ok((run, delivered))
}

/// A file of a released run, and how many bytes it has, for whoever may hand it over. Nothing is recorded. Needs finance or
/// the fund keeper.
///
/// # Errors
/// `runs.unknown`, `runs.wrong_status`, `payouts.file_unknown`, `access.role_missing`.
pub fn find_file(tx: &mut Tx<'_>, acting: &Acting, number: &str, name: &str) -> Outcome<(BankFile, i64)> {
    let (_, file) = find_with_run(tx, acting, number, name)?;
    let byte_count = tx.query_one(
        "SELECT byte_count FROM document WHERE court_id = $1 AND book_id = $2 AND document_id = $3",
        &[acting.actor.court_id.into(), books::CASE_MONEY.into(), file.document_id.into()],
        |row| row.int(0),
    )?;
    Ok((file, byte_count))
}

/// Records that a file of a released run is handed over, under its name. Needs finance or the fund keeper.
///
/// # Errors
/// Those of [`find_file`].
pub fn hand_over(tx: &mut Tx<'_>, acting: &Acting, number: &str, name: &str) -> Outcome<()> {
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.deliver")?;
    let (run, file) = find_with_run(tx, acting, number, name)?;
    let content = runs::content(tx, acting.actor.court_id, &run)?;
    runs::record_event(tx, &mut act, &run, "delivered", &content, None, &file.name)?;
    act.close(tx)?;
    Ok(())
}

/// The release of a run as it stands in the book.
#[derive(Debug)]
pub struct Recorded {
    /// What was approved and released.
    pub digest: Digest,
    /// When, in µs.
    pub at: i64,
    /// The head of the chain that the release made.
    pub head: ChainHead,
}

/// The release of a released run.
///
/// # Errors
/// There is none, or what the database says.
pub fn as_recorded(tx: &mut Tx<'_>, court_id: i64, run_id: i64) -> Outcome<Recorded> {
    let book_id = books::CASE_MONEY;
    Ok(tx.query_one(
        "SELECT e.digest, e.recorded_at, l.link_no, l.hash FROM run_event AS e JOIN chain_part AS p \
         ON p.court_id = e.court_id AND p.book_id = e.book_id AND p.table_name = 'run_event' AND p.first_id = e.id \
         JOIN chain_link AS l ON l.court_id = p.court_id AND l.book_id = p.book_id AND l.link_no = p.link_no \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.run_id = $3 AND e.event = 'released'",
        &[court_id.into(), book_id.into(), run_id.into()],
        |row| {
            let head = ChainHead { court_id, book_id, link_no: row.int(2)?, hash: row.digest(3)? };
            Ok(Recorded { digest: row.digest(0)?, at: row.int(1)?, head })
        },
    )?)
}

fn find_with_run(tx: &mut Tx<'_>, acting: &Acting, number: &str, name: &str) -> Outcome<(Run, BankFile)> {
    runs::may_move_money(tx, acting)?;
    let run = runs::find_run(tx, acting.actor.court_id, number)?;
    run.must_be(Status::Released)?;
    let files = files_of_run(tx, acting.actor.court_id, run.run_id)?;
    let file = files.into_iter().find(|file| file.name == name);
    let file = file.ok_or_else(|| Message::new("payouts.file_unknown").with("run", number).with("file", name))?;
    Ok((run, file))
}

/// While one file is synced to the disk, the next is read from what is kept.
fn write_files(
    tx: &mut Tx<'_>,
    keys: &Keys,
    court_id: i64,
    files: Vec<BankFile>,
    folder: &Path,
) -> Outcome<Vec<(BankFile, Delivered)>> {
    let (to_write, kept) = sync_channel::<(BankFile, Vec<u8>)>(1);
    std::thread::scope(|scope| {
        let writer = scope.spawn(move || {
            kept.into_iter()
                .map(|(file, bytes)| {
                    let written = write_file(folder, &file.name, &bytes).map_err(said)?;
                    Ok((file, written))
                })
                .collect::<Outcome<Vec<_>>>()
        });
        let send_all = || {
            for file in files {
                keys.count_details(file.line_count.unsigned_abs());
                let bytes = documents::read(tx, keys, books::case_money(court_id), file.document_id)?;
                // The writer stops taking files when one could not be written, and says so below.
                if to_write.send((file, bytes)).is_err() {
                    break;
                }
            }
            Ok(())
        };
        let read: Outcome<()> = send_all();
        drop(to_write);
        let written = writer.join().map_err(|_| std::io::Error::other("writing the files ended in a panic"))?;
        read.and(written)
    })
}

/// Takes a committed run back before anything went to the bank: every entry is reversed, the money stands in the
/// cases again. Its sources cannot be committed again; a new distribution or sheet is made.
///
/// # Errors
/// `runs.wrong_status`; the ledger's refusals.
pub fn withdraw(tx: &mut Tx<'_>, acting: &Acting, number: &str, reason: &str) -> Outcome<()> {
    let court_id = acting.actor.court_id;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "payouts.withdraw")?;
    runs::may_move_money(tx, acting)?;
    let run = runs::find_run(tx, court_id, number)?;
    run.must_be(Status::Committed)?;
    let voucher = tx.query_one(
        "SELECT v.first_entry_no, v.last_entry_no FROM run_event AS e JOIN voucher AS v ON v.court_id = e.court_id \
         AND v.book_id = e.book_id AND v.voucher_id = e.voucher_id \
         WHERE e.court_id = $1 AND e.book_id = $2 AND e.run_id = $3 AND e.event = 'committed'",
        &[court_id.into(), books::CASE_MONEY.into(), run.run_id.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    let summary = format!("撤回发放 {number}");
    act.begin_voucher(
        tx,
        &VoucherHead {
            kind: VoucherKind::Transfer,
            accounting_date: acting.date,
            event: "payout_withdrawn",
            summary: &summary,
            attachments: 0,
        },
    )?;
    act.reverse_entries(tx, voucher.0, voucher.1)?;
    let content = runs::content(tx, court_id, &run)?;
    runs::record_event(tx, &mut act, &run, "withdrawn", &content, None, reason)?;
    for source in run.sources.iter().filter(|source| source.kind == SourceKind::Reissue) {
        reissue::let_go(tx, court_id, source.source_id, true)?;
    }
    runs::set_status(tx, court_id, run.run_id, Status::Withdrawn)?;
    act.close(tx)?;
    Ok(())
}
