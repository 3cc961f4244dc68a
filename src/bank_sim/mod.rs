//! A bank to practise with: it reads released payment files, and answers with files as a bank does.
//!
//! It knows no database and of our code only what a bank is told, the layout of a payment file. So whoever reads its
//! answers can be tried against `truth.json`, which says what really happened. The same input and seed give the same
//! bytes.

mod payments;
mod plan;
mod reply;
mod statement;
mod truth;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use ankuan_ledger::{Amount, Error};
use encoding_rs::GB18030;
use jiff::civil::Date;
use serde::Serialize;

use crate::{Failure, Message, Outcome};
use payments::{PaymentFile, fen_of_yuan, sound};
use plan::{Booking, End, Plan, What};

/// The largest list of incoming credits.
const MAX_INCOMING_BYTES: u64 = 16 * 1024 * 1024;
/// How the bank's own references begin; no given one may.
const REFERENCE: &str = "SIM";

/// How the bank takes the money of a payment file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Debit {
    /// 整批扣款，失败部分汇总退回 · The file's total; what was rejected comes back in one sum
    #[default]
    Whole,
    /// 扣除失败后的合计 · The total less what was rejected
    LessFailed,
    /// 逐笔扣款 · One debit a payment
    Each,
}

/// The form of the answers to payment files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ReplyFormat {
    /// 回盘 CSV · A table
    #[default]
    Csv,
    /// pain.002.001.10
    Pain002,
    /// 两者 · Both
    Both,
}

impl ReplyFormat {
    const fn has_csv(self) -> bool {
        matches!(self, Self::Csv | Self::Both)
    }

    const fn has_xml(self) -> bool {
        matches!(self, Self::Pain002 | Self::Both)
    }
}

/// The form of the statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum StatementFormat {
    /// 对账单 CSV · A table
    #[default]
    Csv,
    /// camt.053.001.08, and camt.054.001.08 with the details
    Camt053,
    /// 两者 · Both
    Both,
}

impl StatementFormat {
    const fn has_csv(self) -> bool {
        matches!(self, Self::Csv | Self::Both)
    }

    const fn has_xml(self) -> bool {
        matches!(self, Self::Camt053 | Self::Both)
    }
}

/// How the bank behaves. Shares are per mille of the lines they speak of.
#[derive(Clone, Debug)]
pub struct Options {
    /// The same seed and input give the same bytes.
    pub seed: u64,
    /// The bank's first day.
    pub from: Date,
    /// The payer's account, where the payment files do not carry it.
    pub account: Option<String>,
    /// The account's holder, where the payment files do not carry it.
    pub holder: Option<String>,
    /// Balance before the first day; none: enough for all files.
    pub opening: Option<Amount>,
    /// Lines the bank rejects.
    pub reject: u16,
    /// Paid lines that come back (退票).
    pub returned: u16,
    /// Days from payment to return.
    pub return_after: u16,
    /// Lines that are first answered "in hand" and decided the next day.
    pub delay: u16,
    /// Lines that stand in a second copy of the answer.
    pub duplicate: u16,
    /// Number of incoming credits that are taken back the next day.
    pub reverse: usize,
    /// Returns whose line key is damaged.
    pub wrong_reference: u16,
    /// Whether the bank books interest and a charge.
    pub own_lines: bool,
    /// How it debits.
    pub debit: Debit,
    /// How it answers.
    pub reply: ReplyFormat,
    /// How it states.
    pub statement: StatementFormat,
}

impl Options {
    /// Everything is paid on the first day, whole files are debited, and all is written as tables.
    #[must_use]
    pub const fn plain(from: Date) -> Self {
        Self {
            seed: 1,
            from,
            account: None,
            holder: None,
            opening: None,
            reject: 0,
            returned: 0,
            return_after: 2,
            delay: 0,
            duplicate: 0,
            reverse: 0,
            wrong_reference: 0,
            own_lines: false,
            debit: Debit::Whole,
            reply: ReplyFormat::Csv,
            statement: StatementFormat::Csv,
        }
    }
}

/// Money that arrives on the first day.
#[derive(Clone, Debug)]
struct Incoming {
    amount: Amount,
    payer: String,
    remark: String,
    /// The bank's reference; empty: the bank makes one.
    reference: String,
    sub_account: String,
}

/// What the bank did on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayReport {
    /// The day.
    #[serde(serialize_with = "as_text")]
    pub day: Date,
    /// Payment files taken in.
    pub files: u64,
    /// Payment files refused as a whole.
    pub refused_files: u64,
    /// Lines paid.
    pub paid: u64,
    /// Lines rejected, those of refused files among them.
    pub rejected: u64,
    /// Lines that came back.
    pub returned: u64,
    /// Balance before the day, in fen.
    pub opening_minor: Amount,
    /// What went out, in fen.
    pub debits_minor: Amount,
    /// What came in, in fen.
    pub credits_minor: Amount,
    /// Balance after the day, in fen.
    pub closing_minor: Amount,
}

fn as_text<S: serde::Serializer>(day: &Date, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(day)
}

/// What the bank did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The account.
    pub account: String,
    /// Payment files read.
    pub files: u64,
    /// Payments read.
    pub lines: u64,
    /// The days.
    pub days: Vec<DayReport>,
    /// Files written, `truth.json` among them.
    pub written: u64,
}

/// The bank with all that it knows, ready to be written.
struct Bank {
    account: String,
    holder: String,
    options: Options,
    files: Vec<PaymentFile>,
    incoming: Vec<Incoming>,
    plan: Plan,
}

/// What a line of a statement says besides its amount.
struct Shown<'a> {
    /// 摘要
    summary: &'static str,
    /// 附言
    remark: String,
    name: &'a str,
    account: &'a str,
    /// 业务编号
    own_reference: String,
    sub_account: &'a str,
}

impl Bank {
    /// The bank's reference of a booking. Unique.
    fn reference(&self, day: Date, booking: &Booking) -> String {
        match booking.what {
            What::Incoming(credit) if !self.incoming[credit].reference.is_empty() => {
                self.incoming[credit].reference.clone()
            }
            _ => format!("{REFERENCE}{}{:08}", day.strftime("%Y%m%d"), booking.number),
        }
    }

    /// The reference under which a credit was booked on the first day.
    fn reference_of_credit(&self, credit: usize) -> String {
        let first = &self.plan.days[0];
        let booking = first.bookings.iter().find(|booking| booking.what == What::Incoming(credit));
        booking.map(|booking| self.reference(first.date, booking)).unwrap_or_default()
    }

    fn shown(&self, booking: &Booking) -> Shown<'_> {
        let blank = |summary| Shown {
            summary,
            remark: String::new(),
            name: "",
            account: "",
            own_reference: String::new(),
            sub_account: "",
        };
        let of_file = |summary, file: usize| {
            let file = &self.files[file];
            let id = if file.message_id.is_empty() { &file.name } else { &file.message_id };
            let count = self.plan.lines_of(&self.files, booking.what).count();
            Shown {
                remark: format!("{summary}{count}笔 {}", file.name),
                own_reference: id.clone(),
                sub_account: file.common_sub_account(),
                ..blank(summary)
            }
        };
        let of_line = |summary, file: usize, line: usize| {
            let texts = self.files[file].texts(&self.files[file].lines[line]);
            Shown {
                name: texts.name,
                account: texts.account,
                own_reference: texts.key.to_owned(),
                sub_account: texts.sub_account,
                ..blank(summary)
            }
        };
        let of_credit = |summary, credit: usize| {
            let credit = &self.incoming[credit];
            Shown { name: &credit.payer, sub_account: &credit.sub_account, ..blank(summary) }
        };
        match booking.what {
            What::FileDebit { file, .. } => of_file("批量代付", file),
            What::LumpReturn { file, .. } => of_file("代付失败退回", file),
            What::PaymentDebit { file, line } => of_line("转账支出", file, line),
            What::Return { file, line } => {
                let mut shown = of_line("退票", file, line);
                if let End::Returned { reason, key, .. } = self.plan.files[file].fates[line].end {
                    shown.own_reference = key.of(&shown.own_reference);
                    shown.remark = format!("退票：{}", reason.text());
                }
                shown
            }
            What::Incoming(credit) => {
                Shown { remark: self.incoming[credit].remark.clone(), ..of_credit("转账收入", credit) }
            }
            What::Reversal(credit) => {
                let remark = format!("冲正 {}", self.reference_of_credit(credit));
                Shown { remark, ..of_credit("冲正", credit) }
            }
            What::Interest => blank("利息"),
            What::Charge => blank("手续费"),
        }
    }
}

/// Reads the payment files of `folder`, and the incoming credits of `incoming` if given, and writes into `out`, day by
/// day, what the bank answers and states; last `truth.json`.
///
/// # Errors
/// `file.*`; `bank_sim.*` when a file cannot be understood, the account is not known or not one, an option does not fit
/// the input, or `out` is not empty. Nothing is written before all of that is checked.
pub fn simulate(folder: &Path, incoming: Option<&Path>, out: &Path, options: &Options) -> Outcome<Report> {
    let incoming = incoming.map(read_incoming).transpose()?.unwrap_or_default();
    let files = payments::read_folder(folder)?;
    let account = one_of("account", options.account.as_deref(), files.iter().map(|file| &file.payer_account))?
        .ok_or_else(|| Message::new("bank_sim.account_missing"))?;
    let holder = one_of("holder", options.holder.as_deref(), files.iter().map(|file| &file.payer_name))?;
    let plan = plan::decide(&files, &incoming, options)?;
    let holder = holder.unwrap_or_default();
    let bank = Bank { account, holder, options: options.clone(), files, incoming, plan };
    bank.check()?;
    make_empty(out)?;
    let written = write::write(&bank, out)?;
    Ok(bank.report(written))
}

/// The one value that the option and all files name, if any does.
fn one_of<'a>(
    what: &'static str,
    given: Option<&'a str>,
    files: impl Iterator<Item = &'a String>,
) -> Result<Option<String>, Message> {
    let mut named: Vec<&str> = given.into_iter().chain(files.map(String::as_str)).filter(|v| !v.is_empty()).collect();
    named.dedup();
    match named.as_slice() {
        [] => Ok(None),
        [one] if sound(one, if what == "account" { 34 } else { 140 }) => Ok(Some((*one).to_owned())),
        [one] => Err(Message::new("bank_sim.option").with("what", what).with("value", one.escape_debug())),
        [one, other, ..] => {
            Err(Message::new("bank_sim.several").with("what", what).with("one", one).with("other", other))
        }
    }
}

/// Credits of a table with the headings 金额, 付款人, 附言, 交易流水号, 子账户.
fn read_incoming(path: &Path) -> Outcome<Vec<Incoming>> {
    let bytes = payments::bytes_of(path, MAX_INCOMING_BYTES)?;
    let wrong = |line: u64| Message::new("bank_sim.incoming").with("file", path.display()).with("line", line);
    // No heading of ours in GB 18030 is sound UTF-8.
    let text = match std::str::from_utf8(&bytes) {
        Ok(text) => text.into(),
        Err(_) => GB18030.decode_without_bom_handling_and_without_replacement(&bytes).ok_or_else(|| wrong(1))?,
    };
    let mut reader = csv::Reader::from_reader(text.strip_prefix('\u{feff}').unwrap_or(&text).as_bytes());
    let headings = reader.headers().map_err(|_| wrong(1))?;
    if headings.iter().ne(["金额", "付款人", "附言", "交易流水号", "子账户"]) {
        return Err(wrong(1).into());
    }
    let mut credits = Vec::new();
    let mut references = HashSet::new();
    for (line, row) in (2..).zip(reader.into_records()) {
        let row = row.map_err(|_| wrong(line))?;
        let cell = |place: usize, max: usize| {
            let text = row.get(place).unwrap_or_default();
            if sound(text, max) { Ok(text.to_owned()) } else { Err(wrong(line)) }
        };
        let amount = fen_of_yuan(&cell(0, 30)?).filter(|amount| *amount > Amount::ZERO).ok_or_else(|| wrong(line))?;
        let credit = Incoming {
            amount,
            payer: cell(1, 140)?,
            remark: cell(2, 140)?,
            reference: cell(3, 35)?,
            sub_account: cell(4, 35)?,
        };
        let reference = &credit.reference;
        if reference.starts_with(REFERENCE) || (!reference.is_empty() && !references.insert(reference.clone())) {
            return Err(Message::new("bank_sim.incoming_reference")
                .with("file", path.display())
                .with("line", line)
                .with("reference", reference)
                .into());
        }
        credits.push(credit);
    }
    Ok(credits)
}

/// The folder, made or found empty.
fn make_empty(out: &Path) -> Outcome<()> {
    let broken = |error| Failure::of_file(out, &error);
    fs::create_dir_all(out).map_err(broken)?;
    match fs::read_dir(out).map_err(broken)?.next() {
        None => Ok(()),
        Some(_) => Err(Message::new("bank_sim.out_not_empty").with("folder", out.display()).into()),
    }
}

impl Bank {
    /// Whether the books are those of a bank: every day ties, the next begins where it ended, nothing is overdrawn, and
    /// what left the account for the payees is what they got.
    fn check(&self) -> Outcome<()> {
        let wrong = |what: &str| Failure::Broken(Error::Inconsistent(format!("the practice bank's books: {what}")));
        let mut before = None;
        let mut kept = Amount::ZERO;
        for day in &self.plan.days {
            let mut balance = day.opening;
            for booking in &day.bookings {
                balance = balance.plus(booking.signed).ok_or_else(|| wrong("overflow"))?;
                if balance != booking.balance || balance < Amount::ZERO {
                    return Err(wrong("a balance after an entry"));
                }
                if matches!(
                    booking.what,
                    What::FileDebit { .. } | What::PaymentDebit { .. } | What::LumpReturn { .. } | What::Return { .. }
                ) {
                    kept = kept.minus(booking.signed).ok_or_else(|| wrong("overflow"))?;
                }
            }
            if balance != day.closing || before.is_some_and(|before| before != day.opening) {
                return Err(wrong("a day does not tie"));
            }
            before = Some(balance);
        }
        let paid = self.lines().filter(|(_, _, end)| *end == End::Paid).map(|(_, amount, _)| amount);
        if Amount::sum(paid) != Some(kept) { Err(wrong("what was paid")) } else { Ok(()) }
    }

    /// Every line: the day of the decision, the amount, the end.
    fn lines(&self) -> impl Iterator<Item = (u16, Amount, End)> {
        self.files.iter().zip(&self.plan.files).flat_map(|(file, planned)| {
            file.lines.iter().zip(&planned.fates).map(|(line, fate)| (fate.decided, line.amount, fate.end))
        })
    }

    fn report(&self, written: u64) -> Report {
        let mut days: Vec<DayReport> = self
            .plan
            .days
            .iter()
            .map(|day| {
                let sum = |debits: bool| {
                    let amounts = day.bookings.iter().map(|booking| booking.signed);
                    Amount::sum(amounts.filter(|amount| (*amount < Amount::ZERO) == debits)).unwrap_or_default()
                };
                DayReport {
                    day: day.date,
                    files: 0,
                    refused_files: 0,
                    paid: 0,
                    rejected: 0,
                    returned: 0,
                    opening_minor: day.opening,
                    debits_minor: Amount::from_minor(-sum(true).minor()),
                    credits_minor: sum(false),
                    closing_minor: day.closing,
                }
            })
            .collect();
        for file in &self.plan.files {
            match file.refused {
                None => days[0].files += 1,
                Some(_) => days[0].refused_files += 1,
            }
        }
        for (decided, _, end) in self.lines() {
            let day = &mut days[usize::from(decided)];
            match end {
                End::Rejected(_) => day.rejected += 1,
                End::Paid => day.paid += 1,
                End::Returned { day: back, .. } => {
                    day.paid += 1;
                    days[usize::from(back)].returned += 1;
                }
            }
        }
        Report {
            account: self.account.clone(),
            files: self.files.len() as u64,
            lines: self.lines().count() as u64,
            days,
            written,
        }
    }
}
