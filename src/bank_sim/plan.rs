//! What the bank does with the payments and when: decided before anything is written, by nothing but the input and the
//! seed.

use std::collections::HashSet;

use ankuan_ledger::Amount;
use jiff::{ToSpan, civil::Date};

use super::payments::{Line, PaymentFile};
use super::{Debit, Incoming, Options};
use crate::clock::Randomness;
use crate::{Message, Outcome};

/// What the account holds besides the sum of all files where no opening balance is named: 100,000 yuan.
const SPARE: Amount = Amount::from_minor(10_000_000);
/// A file's transfer charge: 10 yuan.
const CHARGE_PER_FILE: Amount = Amount::from_minor(1_000);
/// A quarter's interest at 0.2 % a year: the 2,000th part of the opening balance.
const INTEREST_PART: i64 = 2_000;
/// The largest amount of an ISO 20022 message with two decimals (`totalDigits` 18).
const MAX_AMOUNT: Amount = Amount::from_minor(999_999_999_999_999_999);
/// What a line key is cut to by a bank that has a short field for it.
const CUT_KEY: usize = 12;

/// Why money does not reach a payee, or a file is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    AccountUnknown,
    AccountClosed,
    AccountBlocked,
    NameDiffers,
    BankUnknown,
    Limit,
    FundsShort,
    Duplicate,
    Totals,
}

impl Reason {
    /// What lines are rejected for.
    const OF_LINES: [Self; 6] = [
        Self::AccountUnknown,
        Self::AccountClosed,
        Self::AccountBlocked,
        Self::NameDiffers,
        Self::BankUnknown,
        Self::Limit,
    ];
    /// What payments come back for: a limit would have been seen before.
    const OF_RETURNS: [Self; 5] =
        [Self::AccountUnknown, Self::AccountClosed, Self::AccountBlocked, Self::NameDiffers, Self::BankUnknown];

    /// Code of ISO 20022 (external code sets of status and return reasons).
    pub const fn code(self) -> &'static str {
        match self {
            Self::AccountUnknown => "AC01",
            Self::AccountClosed => "AC04",
            Self::AccountBlocked => "AC06",
            Self::NameDiffers => "BE01",
            Self::BankUnknown => "RC01",
            Self::Limit => "AM02",
            Self::FundsShort => "AM04",
            Self::Duplicate => "AM05",
            Self::Totals => "AM10",
        }
    }

    /// As a bank's answer says it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::AccountUnknown => "收款账号不存在",
            Self::AccountClosed => "收款账户已销户",
            Self::AccountBlocked => "收款账户已冻结或挂失",
            Self::NameDiffers => "户名与账号不符",
            Self::BankUnknown => "收款行行号有误",
            Self::Limit => "超过收款账户限额",
            Self::FundsShort => "付款账户余额不足",
            Self::Duplicate => "重复提交",
            Self::Totals => "总笔数或总金额不符",
        }
    }

    /// As `truth.json` says it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AccountUnknown => "account_unknown",
            Self::AccountClosed => "account_closed",
            Self::AccountBlocked => "account_blocked",
            Self::NameDiffers => "name_differs",
            Self::BankUnknown => "bank_unknown",
            Self::Limit => "limit",
            Self::FundsShort => "funds_short",
            Self::Duplicate => "duplicate",
            Self::Totals => "totals",
        }
    }
}

/// What becomes of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fate {
    /// Number of the day on which the bank decides, 0 or 1.
    pub decided: u16,
    pub end: End,
    /// Whether the line stands in the second copy of the answer.
    pub answered_twice: bool,
}

/// How a payment ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Paid,
    Rejected(Reason),
    /// Paid, and back on a later day.
    Returned {
        day: u16,
        reason: Reason,
        key: GivenKey,
    },
}

/// How a return gives the line key back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenKey {
    Whole,
    /// Its first characters only.
    Cut,
    /// With a digit changed: which one, counted by a number of any size, and by how much.
    Changed(u8, u8),
}

impl GivenKey {
    /// The key as the bank writes it.
    pub fn of(self, key: &str) -> String {
        match self {
            Self::Whole => key.to_owned(),
            Self::Cut => key.chars().take(CUT_KEY).collect(),
            Self::Changed(which, by) => {
                let digits: Vec<usize> =
                    key.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_digit()).map(|(place, _)| place).collect();
                // A key without digits loses its last character.
                let Some(place) = digits.get(usize::from(which) % digits.len().max(1)) else {
                    return key.chars().take(key.chars().count().saturating_sub(1)).collect();
                };
                let digit = (key.as_bytes()[*place] - b'0' + 1 + by % 9) % 10;
                format!("{}{digit}{}", &key[..*place], &key[place + 1..])
            }
        }
    }

    fn drawn(roll: u16, key: &str) -> Self {
        let [which, by] = roll.to_le_bytes();
        if which % 2 == 0 && key.chars().count() > CUT_KEY { Self::Cut } else { Self::Changed(which / 2, by) }
    }
}

/// What a booking is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// One debit for the payments of a file: all, or those that were paid on a day.
    FileDebit { file: usize, decided: Option<u16> },
    /// One payment.
    PaymentDebit { file: usize, line: usize },
    /// What was rejected on a day comes back in one sum.
    LumpReturn { file: usize, decided: u16 },
    /// One payment comes back.
    Return { file: usize, line: usize },
    /// Money in.
    Incoming(usize),
    /// Money in is taken back.
    Reversal(usize),
    /// The bank's interest.
    Interest,
    /// The bank's charge.
    Charge,
}

/// A line of the bank's books.
#[derive(Clone, Copy, Debug)]
pub struct Booking {
    /// Running number over all days, from 1: the bank's reference is made of it.
    pub number: u32,
    /// Signed: negative goes out.
    pub signed: Amount,
    /// Balance after it.
    pub balance: Amount,
    pub what: What,
}

/// A day of the account.
#[derive(Debug)]
pub struct Day {
    pub date: Date,
    pub opening: Amount,
    pub closing: Amount,
    pub bookings: Vec<Booking>,
}

/// What became of a file as a whole.
#[derive(Debug)]
pub struct FilePlan {
    /// Why it was not taken, if so; then every line is rejected for it.
    pub refused: Option<Reason>,
    /// One for each line.
    pub fates: Vec<Fate>,
}

/// All that happens.
#[derive(Debug)]
pub struct Plan {
    pub files: Vec<FilePlan>,
    pub days: Vec<Day>,
}

impl Plan {
    /// The lines that a booking stands for, if it stands for several.
    pub fn lines_of<'a>(&'a self, files: &'a [PaymentFile], what: What) -> impl Iterator<Item = (usize, &'a Line)> {
        let (file, day, rejected) = match what {
            What::FileDebit { file, decided } => (Some(file), decided, false),
            What::LumpReturn { file, decided } => (Some(file), Some(decided), true),
            _ => (None, None, false),
        };
        file.into_iter().flat_map(move |file| {
            let lines = files[file].lines.iter().zip(&self.files[file].fates).enumerate();
            lines.filter_map(move |(index, (line, fate))| {
                let belongs = match day {
                    None => true,
                    Some(day) => fate.decided == day && rejected == matches!(fate.end, End::Rejected(_)),
                };
                belongs.then_some((index, line))
            })
        })
    }
}

/// Draws of one line or file. Always as many, so that one share changed leaves the other draws as they were.
struct Rolls([u16; 8]);

impl Rolls {
    fn draw(randomness: &mut Randomness) -> Outcome<Self> {
        let bytes: [u8; 16] = randomness.bytes().map_err(std::io::Error::other)?;
        Ok(Self(std::array::from_fn(|place| u16::from_le_bytes([bytes[place * 2], bytes[place * 2 + 1]]))))
    }

    /// Below `end`, about evenly.
    fn below(&self, place: usize, end: usize) -> usize {
        (usize::from(self.0[place]) * end) >> 16
    }

    fn hits(&self, place: usize, permille: u16) -> bool {
        self.below(place, 1_000) < permille.into()
    }
}

/// Decides everything.
///
/// # Errors
/// `bank_sim.reverse` (more reversals than credits), `bank_sim.too_large` (sums past what a message can carry),
/// `bank_sim.last_day`.
pub fn decide(files: &[PaymentFile], incoming: &[Incoming], options: &Options) -> Outcome<Plan> {
    let mut randomness = Randomness::seeded(options.seed);
    let too_large = || Message::new("bank_sim.too_large");
    let all_files = Amount::sum(files.iter().map(|file| file.sum)).ok_or_else(too_large)?;
    let all_incoming = Amount::sum(incoming.iter().map(|credit| credit.amount)).ok_or_else(too_large)?;
    let opening = match options.opening {
        Some(opening) => opening,
        None => all_files.plus(SPARE).ok_or_else(too_large)?,
    };
    // More than the balance can ever be: payments come back at most whole.
    Amount::sum([opening, opening, all_files, all_files, all_incoming])
        .filter(|most| *most <= MAX_AMOUNT)
        .ok_or_else(too_large)?;

    let reversed = draw_reversed(incoming.len(), options.reverse, &mut randomness)?;
    // The bank keeps aside what it will take back, so that the account is never overdrawn.
    let taken_back: Vec<Amount> = reversed.iter().map(|credit| incoming[*credit].amount).collect();
    let mut available =
        Amount::sum([opening, all_incoming]).zip(Amount::sum(taken_back)).and_then(|(all, back)| all.minus(back));

    let mut planned = Vec::with_capacity(files.len());
    let mut seen = Seen::default();
    for file in files {
        let needed = if options.own_lines { file.sum.plus(CHARGE_PER_FILE) } else { Some(file.sum) };
        let left = available.zip(needed).and_then(|(available, needed)| available.minus(needed));
        let refused = if !file.totals_tie {
            Some(Reason::Totals)
        } else if seen.has_file(file) {
            Some(Reason::Duplicate)
        } else if left.is_none_or(|left| left < Amount::ZERO) {
            Some(Reason::FundsShort)
        } else {
            available = left;
            None
        };
        let fates = match refused {
            Some(reason) => {
                let fate = Fate { decided: 0, end: End::Rejected(reason), answered_twice: false };
                vec![fate; file.lines.len()]
            }
            None => {
                seen.take_file(file);
                draw_fates(file, options, &mut seen, &mut randomness)?
            }
        };
        planned.push(FilePlan { refused, fates });
    }

    let mut plan = Plan { files: planned, days: Vec::new() };
    let booked = book(&plan, files, incoming, &reversed, opening, options, &mut randomness)?;
    plan.days = reckon(booked, opening, options.from)?;
    Ok(plan)
}

/// What the bank has taken, to pay nobody twice.
#[derive(Default)]
struct Seen<'a> {
    digests: HashSet<[u8; 32]>,
    messages: HashSet<&'a str>,
    keys: HashSet<&'a str>,
}

impl<'a> Seen<'a> {
    fn has_file(&self, file: &PaymentFile) -> bool {
        self.digests.contains(&file.sha256) || self.messages.contains(file.message_id.as_str())
    }

    fn take_file(&mut self, file: &'a PaymentFile) {
        self.digests.insert(file.sha256);
        if !file.message_id.is_empty() {
            self.messages.insert(&file.message_id);
        }
    }
}

fn draw_fates<'a>(
    file: &'a PaymentFile,
    options: &Options,
    seen: &mut Seen<'a>,
    randomness: &mut Randomness,
) -> Outcome<Vec<Fate>> {
    let mut fates = Vec::with_capacity(file.lines.len());
    for line in &file.lines {
        let key = file.texts(line).key;
        let rolls = Rolls::draw(randomness)?;
        let decided = u16::from(rolls.hits(0, options.delay));
        let end = if !seen.keys.insert(key) {
            End::Rejected(Reason::Duplicate)
        } else if rolls.hits(1, options.reject) {
            End::Rejected(Reason::OF_LINES[rolls.below(2, Reason::OF_LINES.len())])
        } else if rolls.hits(3, options.returned) {
            let wrong = rolls.hits(5, options.wrong_reference);
            End::Returned {
                day: decided + options.return_after,
                reason: Reason::OF_RETURNS[rolls.below(4, Reason::OF_RETURNS.len())],
                key: if wrong { GivenKey::drawn(rolls.0[6], key) } else { GivenKey::Whole },
            }
        } else {
            End::Paid
        };
        fates.push(Fate { decided, end, answered_twice: rolls.hits(7, options.duplicate) });
    }
    Ok(fates)
}

/// Which credits are taken back, in their order.
fn draw_reversed(credits: usize, wanted: usize, randomness: &mut Randomness) -> Outcome<Vec<usize>> {
    if wanted > credits {
        return Err(Message::new("bank_sim.reverse").with("wanted", wanted).with("credits", credits).into());
    }
    let mut left: Vec<usize> = (0..credits).collect();
    let mut reversed = Vec::with_capacity(wanted);
    for _ in 0..wanted {
        let bytes: [u8; 8] = randomness.bytes().map_err(std::io::Error::other)?;
        let place = u64::from_le_bytes(bytes) % left.len() as u64;
        reversed.push(left.swap_remove(usize::try_from(place).unwrap_or(0)));
    }
    reversed.sort_unstable();
    Ok(reversed)
}

/// The bookings of each day, in the bank's order, without balances yet.
struct Booked(Vec<Vec<(Amount, What)>>);

impl Booked {
    fn credit(&mut self, day: u16, amount: Amount, what: What) {
        let day = usize::from(day);
        if self.0.len() <= day {
            self.0.resize_with(day + 1, Vec::new);
        }
        if amount != Amount::ZERO {
            self.0[day].push((amount, what));
        }
    }

    fn debit(&mut self, day: u16, amount: Amount, what: What) {
        // No amount here is the least of its range: they are read without sign.
        self.credit(day, Amount::from_minor(-amount.minor()), what);
    }
}

fn book(
    plan: &Plan,
    files: &[PaymentFile],
    incoming: &[Incoming],
    reversed: &[usize],
    opening: Amount,
    options: &Options,
    randomness: &mut Randomness,
) -> Outcome<Booked> {
    // A first day even if nothing is booked: the files are answered.
    let mut booked = Booked(vec![Vec::new()]);
    let sum_of = |what: What| {
        let amounts = plan.lines_of(files, what).map(|(_, line)| line.amount);
        Amount::sum(amounts).ok_or_else(|| Message::new("bank_sim.too_large"))
    };
    for (place, credit) in incoming.iter().enumerate() {
        booked.credit(0, credit.amount, What::Incoming(place));
    }
    let mut taken = 0;
    for (file, planned) in plan.files.iter().enumerate().filter(|(_, planned)| planned.refused.is_none()) {
        taken += 1;
        match options.debit {
            Debit::Whole => {
                booked.debit(0, files[file].sum, What::FileDebit { file, decided: None });
                let rolls = Rolls::draw(randomness)?;
                for decided in [0, 1] {
                    let what = What::LumpReturn { file, decided };
                    // The same day or the next.
                    let later = u16::from(rolls.hits(decided.into(), 500));
                    let sum = sum_of(what)?;
                    if sum > Amount::ZERO {
                        booked.credit(decided + later, sum, what);
                    }
                }
            }
            Debit::LessFailed => {
                for decided in [0, 1] {
                    let what = What::FileDebit { file, decided: Some(decided) };
                    let sum = sum_of(what)?;
                    if sum > Amount::ZERO {
                        booked.debit(decided, sum, what);
                    }
                }
            }
            Debit::Each => {
                for (line, fate) in planned.fates.iter().enumerate() {
                    if !matches!(fate.end, End::Rejected(_)) {
                        booked.debit(fate.decided, files[file].lines[line].amount, What::PaymentDebit { file, line });
                    }
                }
            }
        }
    }
    if options.own_lines {
        booked.debit(0, Amount::from_minor(CHARGE_PER_FILE.minor() * taken), What::Charge);
    }
    for credit in reversed {
        booked.debit(1, incoming[*credit].amount, What::Reversal(*credit));
    }
    for (file, planned) in plan.files.iter().enumerate() {
        for (line, fate) in planned.fates.iter().enumerate() {
            // A second day even if nothing is booked: what was in hand is answered.
            if fate.decided > 0 && booked.0.len() < 2 {
                booked.0.resize_with(2, Vec::new);
            }
            if let End::Returned { day, .. } = fate.end {
                booked.credit(day, files[file].lines[line].amount, What::Return { file, line });
            }
        }
    }
    if options.own_lines {
        booked.credit(1, Amount::from_minor(opening.minor() / INTEREST_PART), What::Interest);
    }
    Ok(booked)
}

/// Numbers and balances.
fn reckon(booked: Booked, opening: Amount, from: Date) -> Outcome<Vec<Day>> {
    let mut balance = opening;
    let mut number = 0;
    let mut days = Vec::with_capacity(booked.0.len());
    for (place, entries) in (0..).zip(booked.0) {
        let date = from
            .checked_add(i64::from(place).days())
            .map_err(|_| Message::new("bank_sim.last_day").with("from", from))?;
        let opening = balance;
        let mut bookings = Vec::with_capacity(entries.len());
        for (signed, what) in entries {
            number += 1;
            balance = balance.plus(signed).ok_or_else(|| Message::new("bank_sim.too_large"))?;
            bookings.push(Booking { number, signed, balance, what });
        }
        days.push(Day { date, opening, closing: balance, bookings });
    }
    Ok(days)
}
