//! Institutions to practise with: banks, insurers, fund centres and employers that read instruction files and write
//! answers. It knows only what stands in the files and its own world of balances, which the seed makes; the same files and
//! seed give the same answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ankuan_ledger::Amount;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::amount::{parse_yuan, plain};
use crate::bank::BankFileError;
use crate::bank::deliver::deliver;
use crate::calendar::{self, Calendar, OnHoliday, Period, Unit};
use crate::clock::Randomness;
use crate::{Failure, Message, Outcome};

/// The file in which the institutions keep their books.
const WORLD: &str = "world.json";

/// What the institutions are like.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Makes balances and refusals.
    pub seed: u64,
    /// How many of 10,000 orders are refused.
    pub refuse: u16,
    /// How many of 10,000 surrenders and deductions pay another amount than was confirmed: one per cent less, or more.
    pub differ: u16,
    /// How many of 10,000 deductions of income the payer answers with: paid to somebody else.
    pub elsewhere: u16,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Answers written, by file name.
    pub answers: Vec<String>,
    /// Instructions that had been answered before.
    pub answered_before: usize,
    /// Orders by what became of them.
    pub results: BTreeMap<String, usize>,
    /// Deducted, in fen.
    pub deducted_minor: Amount,
}

#[derive(Deserialize)]
struct Instruction {
    schema: String,
    number: String,
    institution: String,
    made_on: Day,
    orders: Vec<Order>,
}

#[derive(Deserialize)]
struct Order {
    order: i64,
    action: String,
    measure: i64,
    case: String,
    asset: Asset,
    amount: Option<String>,
    share_percent: Option<String>,
    #[serde(default)]
    whole: bool,
    months: Option<u16>,
}

#[derive(Deserialize)]
struct Asset {
    kind: String,
    holder: String,
    identifier: String,
}

/// A day as files write it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
struct Day(Date);

impl TryFrom<String> for Day {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Self).map_err(|_| format!("{text:?} is not a day"))
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.0.to_string()
    }
}

/// The institutions' books.
#[derive(Default, Deserialize, Serialize)]
struct World {
    seed: u64,
    answered: BTreeSet<String>,
    /// By institution, kind and number.
    assets: BTreeMap<String, Holding>,
}

/// What an institution has on an asset.
#[derive(Default, Deserialize, Serialize)]
struct Holding {
    balance_minor: Amount,
    /// In the order of arrival.
    freezes: Vec<Freeze>,
}

#[derive(Clone, Deserialize, Serialize)]
struct Freeze {
    measure: i64,
    /// None: all there is.
    wanted_minor: Option<Amount>,
    frozen_minor: Amount,
    months: u16,
    /// None: in the waiting list.
    ends_on: Option<Day>,
}

#[derive(Serialize)]
struct Answers<'a> {
    schema: &'static str,
    instruction: &'a str,
    institution: &'a str,
    answers: Vec<Answer>,
}

#[derive(Default, Serialize)]
struct Answer {
    order: i64,
    result: &'static str,
    on: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_percent: Option<String>,
}

/// Reads every instruction in a folder (`*.json`, by name) that was not answered before, and writes for each
/// `NUMBER-answer.json`, and for deductions `NUMBER-incoming.csv`: the credits, as `bank-sim --incoming` takes them.
///
/// # Errors
/// `institution_sim.file` (not an instruction), `institution_sim.seed` (the world of another seed), `file.*`.
pub fn simulate(instructions: &Path, out: &Path, options: &Options) -> Outcome<Report> {
    let mut world = read_world(out, options.seed)?;
    let mut report = Report::default();
    for path in files(instructions)? {
        let instruction = read_instruction(&path)?;
        if world.answered.contains(&instruction.number) {
            report.answered_before += 1;
            continue;
        }
        let (answers, incoming) = world.answer(&path, &instruction, options)?;
        for answer in &answers {
            *report.results.entry(answer.result.to_owned()).or_default() += 1;
        }
        for (amount, ..) in &incoming {
            report.deducted_minor = report.deducted_minor.plus(*amount).ok_or_else(|| wrong(&path, "amount"))?;
        }
        let number = instruction.number.clone();
        let answers =
            Answers { schema: "ankuan-answer-1", instruction: &number, institution: &instruction.institution, answers };
        let mut bytes = serde_json::to_vec_pretty(&answers).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        let name = format!("{number}-answer.json");
        put(out, &name, &bytes)?;
        if !incoming.is_empty() {
            put(out, &format!("{number}-incoming.csv"), &credits(&incoming)?)?;
        }
        report.answers.push(name);
        world.answered.insert(number);
        // After each answer: stopped in between, the next run goes on where this one was.
        world.write(out)?;
    }
    Ok(report)
}

fn put(out: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    match deliver(out, name, bytes) {
        Ok(_) => Ok(()),
        Err(BankFileError::Refused(message)) => Err(message.into()),
        Err(BankFileError::Io(error)) => Err(Failure::of_file(out, &error)),
    }
}

fn files(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let broken = |error: std::io::Error| Failure::of_file(folder, &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn wrong(path: &Path, detail: impl ToString) -> Failure {
    Message::new("institution_sim.file").with("path", path.display()).with("detail", detail).into()
}

fn read_instruction(path: &Path) -> Outcome<Instruction> {
    let bytes = fs::read(path).map_err(|error| Failure::of_file(path, &error))?;
    let instruction: Instruction = serde_json::from_slice(&bytes).map_err(|error| wrong(path, error))?;
    if instruction.schema == "ankuan-instruction-1" { Ok(instruction) } else { Err(wrong(path, instruction.schema)) }
}

fn read_world(out: &Path, seed: u64) -> Outcome<World> {
    let path = out.join(WORLD);
    let world = match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(&path, error))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => World { seed, ..World::default() },
        Err(error) => return Err(Failure::of_file(&path, &error)),
    };
    if world.seed == seed {
        return Ok(world);
    }
    Err(Message::new("institution_sim.seed").with("path", path.display()).with("seed", world.seed).into())
}

/// A number that the seed and a text determine.
fn draw(seed: u64, text: &str) -> u64 {
    let mixed = text.bytes().fold(seed ^ 0x9e37_79b9_7f4a_7c15, |sum, byte| {
        (sum ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(17)
    });
    // Never refused: it is seeded.
    Randomness::seeded(mixed).bytes().map_or(0, u64::from_le_bytes)
}

fn last_day(start: Day, months: u16) -> Result<Day, Message> {
    let period = Period { count: months, unit: Unit::Months };
    Ok(Day(calendar::end(start.0, period, OnHoliday::Stays, &Calendar::weekends_only())?.last_day))
}

fn credits(incoming: &[(Amount, String, String, String)]) -> Outcome<Vec<u8>> {
    let broken = |error: csv::Error| std::io::Error::other(error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(["金额", "付款人", "附言", "交易流水号", "子账户"]).map_err(broken)?;
    for (amount, payer, remark, reference) in incoming {
        writer.write_record([plain(*amount).as_str(), payer, remark, reference, ""]).map_err(broken)?;
    }
    Ok(writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)
}

type Credit = (Amount, String, String, String);

impl World {
    fn write(&self, out: &Path) -> Outcome<()> {
        let path = out.join(WORLD);
        let broken = |error: std::io::Error| Failure::of_file(&path, &error);
        let mut file = tempfile::NamedTempFile::new_in(out).map_err(broken)?;
        serde_json::to_writer_pretty(&mut file, self).map_err(std::io::Error::other)?;
        file.as_file().sync_all().map_err(broken)?;
        file.persist(&path).map_err(|error| broken(error.error))?;
        Ok(())
    }

    fn answer(
        &mut self,
        path: &Path,
        instruction: &Instruction,
        options: &Options,
    ) -> Outcome<(Vec<Answer>, Vec<Credit>)> {
        let (mut answers, mut incoming) = (Vec::new(), Vec::new());
        for order in &instruction.orders {
            let key =
                [&instruction.institution, &order.asset.kind, &order.asset.identifier].map(String::as_str).join("|");
            // 0.00 to 200,000.00, in whole yuan.
            let balance = Amount::from_minor((draw(options.seed, &key) % 200_001) as i64 * 100);
            let first = || Holding { balance_minor: balance, freezes: Vec::new() };
            let holding = self.assets.entry(key).or_insert_with(first);
            holding.lapse(instruction.made_on)?;
            let mut answer = Answer { order: order.order, on: String::from(instruction.made_on), ..Answer::default() };
            let roll = draw(options.seed, &format!("{} {}", instruction.number, order.order)) % 10_000;
            let is_income = order.action == "deduct" && order.asset.kind == "income";
            if roll < u64::from(options.refuse) {
                (answer.result, answer.reason) = ("refused", Some("与我方登记不符，请核对户名和编号"));
            } else if is_income && 9_999 - roll < u64::from(options.elsewhere) {
                // The village paid the dividend to somebody of the family.
                (answer.result, answer.reason) = ("paid_elsewhere", Some("已由被执行人之女代领"));
                answer.amount.clone_from(&order.amount);
            } else {
                holding.take(path, order, instruction.made_on, &mut answer)?;
            }
            if matches!(order.action.as_str(), "deduct" | "surrender") && answer.result == "done" {
                let confirmed = parse_yuan(answer.amount.as_deref().unwrap_or_default())?;
                let amount = pays(
                    confirmed,
                    draw(options.seed, &format!("pays {} {}", instruction.number, order.order)),
                    options,
                );
                let remark = format!("{}扣划{}款项", order.case, order.asset.holder);
                let reference = format!("{}-{}", instruction.number, order.order);
                incoming.push((amount, instruction.institution.clone(), remark, reference));
            }
            answers.push(answer);
        }
        Ok((answers, incoming))
    }
}

/// What is sent of what was confirmed: a part of the payments is one per cent (at least a fen) more or less, as fees and
/// interest make it.
fn pays(confirmed: Amount, roll: u64, options: &Options) -> Amount {
    if roll % 10_000 >= u64::from(options.differ) {
        return confirmed;
    }
    let one_per_cent = Amount::from_minor((confirmed.minor() / 100).max(1));
    let other =
        if (roll / 10_000).is_multiple_of(2) { confirmed.minus(one_per_cent) } else { confirmed.plus(one_per_cent) };
    other.filter(|amount| *amount > Amount::ZERO).unwrap_or(confirmed)
}

impl Freeze {
    fn lacks(&self) -> Option<Amount> {
        self.wanted_minor.and_then(|wanted| wanted.minus(self.frozen_minor))
    }

    /// Whether those behind it must wait.
    fn is_short(&self) -> bool {
        self.ends_on.is_none() || self.lacks().is_none_or(|lacks| lacks > Amount::ZERO)
    }
}

impl Holding {
    fn free(&self) -> Amount {
        let frozen = Amount::sum(self.freezes.iter().map(|freeze| freeze.frozen_minor));
        frozen.and_then(|frozen| self.balance_minor.minus(frozen)).unwrap_or_default().max(Amount::ZERO)
    }

    /// Gives what is free to those in line, by their order.
    fn serve(&mut self, on: Day) -> Result<(), Message> {
        for place in 0..self.freezes.len() {
            let free = self.free();
            let freeze = &mut self.freezes[place];
            if freeze.ends_on.is_none() {
                freeze.ends_on = Some(last_day(on, freeze.months)?);
            }
            let gets = freeze.lacks().unwrap_or(free).min(free);
            freeze.frozen_minor = freeze.frozen_minor.plus(gets).unwrap_or(freeze.frozen_minor);
            if freeze.is_short() {
                break;
            }
        }
        Ok(())
    }

    fn lapse(&mut self, today: Day) -> Result<(), Message> {
        let end = |freeze: &Freeze| freeze.ends_on.filter(|ends_on| *ends_on < today);
        while let Some(ends_on) = self.freezes.iter().filter_map(end).min() {
            self.freezes.retain(|freeze| freeze.ends_on != Some(ends_on));
            self.serve(ends_on)?;
        }
        Ok(())
    }

    fn take(&mut self, path: &Path, order: &Order, on: Day, answer: &mut Answer) -> Outcome<()> {
        let amount = || match &order.amount {
            Some(text) => parse_yuan(text).map_err(|message| Failure::Refused(message.in_file(path))),
            None => Err(wrong(path, format!("order {}: amount", order.order))),
        };
        let months = order.months.unwrap_or(12);
        let place = self.freezes.iter().position(|freeze| freeze.measure == order.measure);
        match (order.action.as_str(), place) {
            ("freeze", None) => {
                let wanted = if order.whole || order.share_percent.is_some() { None } else { Some(amount()?) };
                let waiting = self.freezes.iter().filter(|freeze| freeze.ends_on.is_none()).count();
                let free = self.free();
                let must_wait =
                    self.freezes.iter().any(Freeze::is_short) || (free == Amount::ZERO && !self.freezes.is_empty());
                let frozen = if must_wait { Amount::ZERO } else { wanted.map_or(free, |wanted| wanted.min(free)) };
                let ends_on = if must_wait { None } else { Some(last_day(on, months)?) };
                let freeze =
                    Freeze { measure: order.measure, wanted_minor: wanted, frozen_minor: frozen, months, ends_on };
                if let Some(ends_on) = ends_on {
                    answer.result = if wanted.is_none_or(|wanted| wanted == frozen) { "done" } else { "partly" };
                    (answer.amount, answer.until) = (Some(plain(frozen)), Some(ends_on.into()));
                } else {
                    (answer.result, answer.place) = ("waiting", Some(waiting + 1));
                }
                self.freezes.push(freeze);
            }
            ("renew", Some(place)) if self.freezes[place].ends_on.is_some_and(|ends_on| ends_on >= on) => {
                let ends_on = self.freezes[place].ends_on.unwrap_or(on);
                let until = last_day(ends_on, months)?;
                self.freezes[place].ends_on = Some(until);
                (answer.result, answer.until) = ("done", Some(until.into()));
            }
            ("deduct", Some(place)) if amount()? <= self.freezes[place].frozen_minor => {
                let amount = amount()?;
                let less = |from: Amount| from.minus(amount).unwrap_or_default();
                self.balance_minor = less(self.balance_minor);
                let freeze = &mut self.freezes[place];
                freeze.frozen_minor = less(freeze.frozen_minor);
                freeze.wanted_minor = freeze.wanted_minor.map(less);
                if freeze.wanted_minor == Some(Amount::ZERO) {
                    self.freezes.remove(place);
                    self.serve(on)?;
                }
                (answer.result, answer.amount) = ("done", Some(plain(amount)));
            }
            ("query", _) => {
                (answer.result, answer.amount) = ("done", Some(plain(self.balance_minor)));
                if order.asset.kind == "equity" {
                    answer.share_percent = Some("100.00".to_owned());
                }
            }
            ("surrender", Some(place)) if self.freezes[place].frozen_minor > Amount::ZERO => {
                // The policy ends: this freeze gets what it holds, the rest is the holder's.
                let quote = self.freezes[place].frozen_minor;
                self.balance_minor = self.balance_minor.minus(quote).unwrap_or_default();
                self.freezes.remove(place);
                // The next takes effect, but nothing is left of the policy for it.
                for freeze in &mut self.freezes {
                    if freeze.ends_on.is_none() {
                        freeze.ends_on = Some(last_day(on, freeze.months)?);
                        break;
                    }
                    if freeze.is_short() {
                        break;
                    }
                }
                (answer.result, answer.amount) = ("done", Some(plain(quote)));
            }
            ("lift", Some(place)) => {
                let was_in_force = self.freezes.remove(place).ends_on.is_some();
                if was_in_force {
                    // What only waited held nothing, and nobody waited for it.
                    self.serve(on)?;
                }
                answer.result = "done";
            }
            ("freeze" | "renew" | "deduct" | "lift" | "surrender", _) => {
                (answer.result, answer.reason) = ("refused", Some("与我方登记的冻结不符"));
            }
            (other, _) => return Err(wrong(path, format!("order {}: {other}", order.order))),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
