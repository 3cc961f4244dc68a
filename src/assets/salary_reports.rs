//! Banks report salary accounts: a numbered file is read, each line held against the account, then recorded; what is
//! frozen follows. And the sweep (划转): deductions of all that is held above the living allowance.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ankuan_ledger::chain::sha256;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Statement, Table, Value};
use ankuan_ledger::{Act, Amount, BookKey, Tx};
use jiff::civil::Date;
use serde::Deserialize;

use super::live_freeze::Finding;
use super::measures::{self, Beside, DEDUCTION_CONFIRMED_BY, Lines, load_many};
use super::rules::{Fact, Refusal, What, Wish};
use super::salary::{Account, Moved, MovementKind, Reckoned};
use super::{AssetKind, Basis};
use crate::access::{self, Acting, Actor, Role};
use crate::amount::parse_yuan;
use crate::chart::BankAccount;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::words::{read_date, read_word};
use crate::{Failure, Message, Outcome, books, cases};

/// Names the form of a report.
pub const REPORT_SCHEMA: &str = "ankuan-salary-report-1";

/// The largest report that is read: some hundred thousand movements.
const REPORT_BYTES_MAX: u64 = 64 << 20;

/// The most characters of a number of the bank.
const REFERENCE_CHARS_MAX: usize = 120;

/// `salary_report`
pub static SALARY_REPORT: Table = Table {
    name: "salary_report",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("report_id", Int),
        ("institution", Text),
        ("number", Text),
        ("from_day", Text),
        ("until_day", Text),
        ("document_id", Int),
        ("sha256", Bytes),
        ("line_count", Int),
        ("applied_count", Int),
        ("repeated_count", Int),
        ("conflict_count", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["report_id"],
};

/// `salary_line`
pub static SALARY_LINE: Table = Table {
    name: "salary_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("report_id", Int),
        ("line_no", Int),
        ("asset_id", Int),
        ("reference", Text),
        ("kind", Text),
        ("on_day", Text),
        ("amount_minor", Int),
        ("measure_id", Int),
        ("outcome", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// A report as read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The bank's number of it.
    pub number: String,
    /// The bank.
    pub institution: String,
    /// The days that it covers.
    pub days: (Date, Date),
    /// Its lines.
    pub lines: Vec<ReportLine>,
}

/// One movement of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLine {
    /// In the file, from 1.
    pub line_no: usize,
    /// The bank's number of the movement.
    pub reference: String,
    /// Number of the account.
    pub account: String,
    /// What it was.
    pub kind: MovementKind,
    /// Its day.
    pub on: Date,
    /// Positive.
    pub amount: Amount,
    /// Of what was taken for another court: its order.
    pub measure_id: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawReport {
    schema: String,
    number: String,
    institution: String,
    from: String,
    until: String,
    lines: Vec<RawLine>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    reference: String,
    account: String,
    kind: String,
    on: String,
    amount: String,
    #[serde(default)]
    measure: Option<i64>,
}

/// Headings of the CSV.
const HEADINGS: [&str; 10] = ["报告编号", "机构", "起", "止", "流水号", "账号", "类型", "日期", "金额", "措施编号"];

/// Reads a report: JSON by `docs/schemas/salary-report.schema.json`, or CSV with the headings
/// `报告编号,机构,起,止,流水号,账号,类型,日期,金额,措施编号`.
///
/// # Errors
/// `salary.file` (neither, another schema, a field missing or unknown), `salary.line` (a day, amount, kind or number that
/// cannot be, with the line), `salary.empty`.
pub fn read_report(bytes: &[u8]) -> Result<Report, Message> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong_file("UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw = if text.trim_start().starts_with('{') {
        serde_json::from_str::<RawReport>(text).map_err(wrong_file)?
    } else {
        read_csv(text)?
    };
    if raw.schema != REPORT_SCHEMA {
        return Err(wrong_file(format!("schema {:?}, {REPORT_SCHEMA:?}", raw.schema)));
    }
    if raw.lines.is_empty() {
        return Err(Message::new("salary.empty"));
    }
    let day = |field: &str, text: &str| text.trim().parse::<Date>().map_err(|_| wrong_file(format!("{field}: {text}")));
    let days = (day("from", &raw.from)?, day("until", &raw.until)?);
    let [number, institution] = [raw.number.trim(), raw.institution.trim()];
    if days.1 < days.0 {
        return Err(wrong_file(format!("from {} until {}", days.0, days.1)));
    }
    if !is_name(number) || !is_name(institution) {
        return Err(wrong_file("number, institution"));
    }
    let lines = raw.lines.into_iter().enumerate().map(|(place, line)| line.read(place + 1));
    let lines = lines.collect::<Result<Vec<_>, _>>()?;
    Ok(Report { number: number.to_owned(), institution: institution.to_owned(), days, lines })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= REFERENCE_CHARS_MAX && !text.chars().any(char::is_control)
}

fn wrong_file(detail: impl ToString) -> Message {
    Message::new("salary.file").with("detail", detail.to_string())
}

fn wrong_line(line: usize, field: &str, value: &str) -> Message {
    Message::new("salary.line").with("line", line).with("field", field).with("value", value.escape_debug())
}

fn read_csv(text: &str) -> Result<RawReport, Message> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().map_err(wrong_file)?;
    if headings.iter().map(str::trim).ne(HEADINGS) {
        return Err(wrong_file(HEADINGS.join(",")));
    }
    let mut report: Option<RawReport> = None;
    for (place, record) in reader.records().enumerate() {
        let record = record.map_err(wrong_file)?;
        let cell = |column: usize| record.get(column).unwrap_or_default().trim().to_owned();
        let measure = Some(cell(9)).filter(|text| !text.is_empty()).map(|text| text.parse::<i64>());
        let line = RawLine {
            reference: cell(4),
            account: cell(5),
            kind: cell(6),
            on: cell(7),
            amount: cell(8),
            measure: measure.transpose().map_err(|_| wrong_line(place + 1, HEADINGS[9], &cell(9)))?,
        };
        let head = [cell(0), cell(1), cell(2), cell(3)];
        match &mut report {
            None => {
                let schema = REPORT_SCHEMA.to_owned();
                let [number, institution, from, until] = head;
                report = Some(RawReport { schema, number, institution, from, until, lines: vec![line] });
            }
            Some(report) => {
                let known = [&report.number, &report.institution, &report.from, &report.until];
                if let Some(column) = (0..known.len()).find(|column| *known[*column] != head[*column]) {
                    return Err(wrong_line(place + 1, HEADINGS[column], &head[column]));
                }
                report.lines.push(line);
            }
        }
    }
    report.ok_or_else(|| Message::new("salary.empty"))
}

impl RawLine {
    fn read(self, line_no: usize) -> Result<ReportLine, Message> {
        let wrong = |field: &str, value: &str| wrong_line(line_no, field, value);
        let kind = match self.kind.trim() {
            "期初余额" => Some(MovementKind::Opening),
            "入账" => Some(MovementKind::Credit),
            "他院扣划" => Some(MovementKind::Taken),
            "支取" => Some(MovementKind::Withdrawal),
            word => MovementKind::parse(word),
        };
        let kind = kind.ok_or_else(|| wrong("kind", &self.kind))?;
        let amount = parse_yuan(&self.amount).ok().filter(|amount| *amount > Amount::ZERO);
        if (kind == MovementKind::Taken) != self.measure.is_some() {
            return Err(wrong("measure", &self.measure.map(|id| id.to_string()).unwrap_or_default()));
        }
        let reference = self.reference.trim().to_owned();
        if !is_name(&reference) {
            return Err(wrong("reference", &self.reference));
        }
        Ok(ReportLine {
            line_no,
            reference,
            account: self.account.chars().filter(|letter| !letter.is_whitespace()).collect(),
            kind,
            on: self.on.trim().parse().map_err(|_| wrong("on", &self.on))?,
            amount: amount.ok_or_else(|| wrong("amount", &self.amount))?,
            measure_id: self.measure,
        })
    }
}

/// The salary accounts of assets, in the order of their ids.
///
/// # Errors
/// As [`load_many`].
pub fn accounts(tx: &mut Tx<'_>, book: BookKey, asset_ids: &[i64]) -> Outcome<Vec<(i64, Account)>> {
    let loaded = load_many(tx, book, asset_ids)?;
    let mut moved = movements(tx, book, asset_ids)?;
    let account =
        |(asset_id, standing)| (asset_id, Account { standing, moved: moved.remove(&asset_id).unwrap_or_default() });
    Ok(loaded.into_iter().map(account).collect())
}

fn movements(tx: &mut Tx<'_>, book: BookKey, asset_ids: &[i64]) -> Outcome<BTreeMap<i64, Vec<Moved>>> {
    const APPLIED: Statement = Statement::twin(
        "SELECT asset_id, id, on_day, kind, amount_minor, measure_id, reference FROM salary_line \
         WHERE court_id = ?1 AND book_id = ?2 AND asset_id = ?3 AND outcome = 'applied' ORDER BY id",
        "SELECT asset_id, id, on_day, kind, amount_minor, measure_id, reference \
         FROM salary_line WHERE court_id = ($1::bigint[])[1] AND book_id = ($2::bigint[])[1] \
         AND asset_id = ANY($3::bigint[]) AND outcome = 'applied' ORDER BY id",
    );
    // Each once: SQLite asks for every key.
    let asset_ids: BTreeSet<i64> = asset_ids.iter().copied().collect();
    let keys: Vec<Value<'_>> =
        asset_ids.iter().flat_map(|id| [book.court_id.into(), book.book_id.into(), (*id).into()]).collect();
    let mut all: BTreeMap<i64, Vec<Moved>> = BTreeMap::new();
    tx.each_of(APPLIED, 3, &keys, |row| {
        let moved = Moved {
            id: row.int(1)?,
            on: read_date(row, 2)?,
            kind: read_word(row, 3, MovementKind::parse)?,
            amount: Amount::from_minor(row.int(4)?),
            measure_id: row.opt_int(5)?,
            reference: row.text(6)?.to_owned(),
        };
        all.entry(row.int(0)?).or_default().push(moved);
        Ok(())
    })?;
    Ok(all)
}

/// The salary account of an asset with the orders as they stand in a writer of it.
///
/// # Errors
/// What the database says.
pub(super) fn account_of(
    tx: &mut Tx<'_>,
    book: BookKey,
    asset_id: i64,
    standing: &measures::Standing,
) -> Outcome<Account> {
    let moved = movements(tx, book, &[asset_id])?.remove(&asset_id).unwrap_or_default();
    Ok(Account { standing: standing.clone(), moved })
}

/// All salary accounts of a court.
///
/// # Errors
/// What the database says.
pub fn salary_assets(tx: &mut Tx<'_>, book: BookKey) -> Outcome<Vec<i64>> {
    Ok(tx.query(
        "SELECT asset_id FROM asset WHERE court_id = $1 AND book_id = $2 AND kind = $3 ORDER BY asset_id",
        &[book.court_id.into(), book.book_id.into(), AssetKind::Salary.as_str().into()],
        |row| row.int(0),
    )?)
}

/// Why a confirmed deduction of a salary does not count, if so: it would be of the living allowance, or out of turn. Nothing for
/// other assets and other facts.
///
/// # Errors
/// What the database says.
pub(super) fn refused_deduction(
    tx: &mut Tx<'_>,
    book: BookKey,
    asset_id: i64,
    standing: &measures::Standing,
    facts: &[Fact],
) -> Outcome<Option<Message>> {
    let deducted = facts.iter().find_map(|fact| match fact.what {
        What::Deducted(amount) => Some((fact, amount)),
        _ => None,
    });
    let Some((fact, amount)) = deducted else { return Ok(None) };
    if super::register::find_asset(tx, book, asset_id)?.kind != AssetKind::Salary {
        return Ok(None);
    }
    let account = account_of(tx, book, asset_id, standing)?;
    Ok(account.may_deduct(fact.measure_id, amount, fact.on).err())
}

/// A line of a report that does not count, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// In the file, from 1.
    pub line_no: usize,
    /// The bank's number.
    pub reference: String,
    /// Why, with the remedy.
    pub message: Message,
}

/// Money that the bank let go although it was frozen (Execution Rules 26).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The account.
    pub asset_id: i64,
    /// The day, what was drawn, free, frozen.
    pub finding: Finding,
}

/// What a report did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// The bank's number.
    pub number: String,
    /// The same file was read before: nothing was done.
    pub already: bool,
    /// Lines that count.
    pub applied: usize,
    /// Lines that say what was said before.
    pub repeated: usize,
    /// Lines that do not count.
    pub conflicts: Vec<Conflict>,
    /// What the bank should not have let go, by what this report says.
    pub faults: Vec<Fault>,
    /// What follows for the orders: asset, fact.
    pub facts: Vec<(i64, Fact)>,
}

/// A line on its way into the books.
struct Taken<'a> {
    line: &'a ReportLine,
    id: i64,
    asset_id: Option<i64>,
    outcome: Result<&'static str, Message>,
}

const APPLIED: &str = "applied";
const REPEATED: &str = "repeated";

/// Reads a report and records what it says. Needs [`Role::Handler`] or [`Role::FundKeeper`]. The file goes in as it is; a
/// line that contradicts its account or what was said before is told and does not count. A withdrawal of what was frozen
/// counts, as the money is gone, and is told as the bank's fault. What is frozen for each order follows as of the last day
/// of the report.
///
/// # Errors
/// `file.*`, `salary.long`, those of [`read_report`], `salary.number_known` (another file had the number),
/// `salary.institution_unknown`, `assets.day_ahead`, `access.role_missing`, `keys.*`.
pub fn import(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    path: &Path,
) -> Outcome<Imported> {
    let bytes = documents::read_small(path, REPORT_BYTES_MAX)?
        .ok_or_else(|| Message::new("salary.long").with("max", REPORT_BYTES_MAX))?;
    let digest = sha256(&[&bytes]);
    let report = read_report(&bytes)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "salary.import")?;
    acting.require_any(tx, [Role::Handler, Role::FundKeeper])?;
    let book = act.book();
    documents::require_keys(tx, keys, book)?;
    let mut imported = Imported { number: report.number.clone(), ..Imported::default() };
    let known = tx.query_opt(
        "SELECT sha256 FROM salary_report WHERE court_id = $1 AND book_id = $2 AND institution = $3 AND number = $4",
        &[book.court_id.into(), book.book_id.into(), report.institution.as_str().into(), report.number.as_str().into()],
        |row| row.digest(0),
    )?;
    match known {
        Some(known) if known == digest => return Ok(Imported { already: true, ..imported }),
        Some(_) => {
            let message = Message::new("salary.number_known").with("number", report.number.escape_debug());
            return Err(message.with("institution", report.institution.escape_debug()).into());
        }
        None => {}
    }
    if report.days.1 > acting.date {
        return Err(Message::new("assets.day_ahead").with("on", report.days.1).into());
    }
    let by_number = by_number(tx, book, &report.institution)?;
    if by_number.is_empty() {
        let institution = report.institution.escape_debug();
        return Err(Message::new("salary.institution_unknown").with("institution", institution).into());
    }
    let mut taken: Vec<Taken<'_>> = Vec::with_capacity(report.lines.len());
    for line in &report.lines {
        let asset_id = by_number.get(&keys.index("account", &line.account)).copied();
        taken.push(Taken { line, id: act.take_ids(1), asset_id, outcome: Ok(APPLIED) });
    }
    let asset_ids: Vec<i64> = taken.iter().filter_map(|one| one.asset_id).collect();
    let mut accounts: BTreeMap<i64, Account> = accounts(tx, book, &asset_ids)?.into_iter().collect();
    let before = accounts.clone();
    for one in &mut taken {
        one.outcome = first_look(one, &report, accounts.get_mut(&one.asset_id.unwrap_or_default()));
    }
    for (asset_id, account) in &mut accounts {
        let mut new = Vec::new();
        for one in taken.iter_mut().filter(|one| one.asset_id == Some(*asset_id) && one.outcome == Ok(APPLIED)) {
            // Twice in one file: as twice in two.
            let moved = one.moved();
            match new.iter().find(|known: &&Moved| known.reference == moved.reference) {
                Some(known) => one.outcome = said_before(known, &moved),
                None => new.push(moved),
            }
        }
        for (id, message) in account.add(new) {
            if let Some(one) = taken.iter_mut().find(|one| one.id == id) {
                one.outcome = Err(message);
            }
        }
    }
    record(tx, &mut act, acting, keys, randomness, (path, &bytes), &report, &taken, &mut imported)?;
    let mut lines = Lines::default();
    for (asset_id, account) in accounts {
        let as_of = account.latest().map_or(report.days.1, |latest| latest.max(report.days.1));
        let old = before.get(&asset_id).map_or_else(Vec::new, |account| findings(account, as_of));
        let new = findings(&account, as_of).into_iter().filter(|finding| !old.contains(finding));
        imported.faults.extend(new.map(|finding| Fault { asset_id, finding }));
        let facts = settle(tx, &mut act, &mut lines, asset_id, &account, as_of)?;
        imported.facts.extend(facts.into_iter().map(|fact| (asset_id, fact)));
    }
    lines.write_states(tx, acting)?;
    act.close(tx)?;
    Ok(imported)
}

fn findings(account: &Account, until: Date) -> Vec<Finding> {
    account.reckon(until).ok().flatten().map(|reckoned| reckoned.statement.findings).unwrap_or_default()
}

/// The salary accounts at an institution by the keyed hash of their numbers.
fn by_number(tx: &mut Tx<'_>, book: BookKey, institution: &str) -> Outcome<BTreeMap<i64, i64>> {
    let kind = AssetKind::Salary.as_str();
    let rows = tx.query(
        "SELECT identifier_index, asset_id FROM asset \
         WHERE court_id = $1 AND book_id = $2 AND kind = $3 AND institution = $4",
        &[book.court_id.into(), book.book_id.into(), kind.into(), institution.into()],
        |row| Ok((row.int(0)?, row.int(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

impl Taken<'_> {
    fn moved(&self) -> Moved {
        let ReportLine { on, kind, amount, measure_id, .. } = *self.line;
        Moved { id: self.id, on, kind, amount, measure_id, reference: self.line.reference.clone() }
    }
}

/// What a line is before it is held against the account.
fn first_look(one: &Taken<'_>, report: &Report, account: Option<&mut Account>) -> Result<&'static str, Message> {
    let line = one.line;
    let Some(account) = account else {
        return Err(Message::new("salary.account_unknown").with("institution", report.institution.escape_debug()));
    };
    let moved = one.moved();
    if let Some(known) = account.moved.iter().find(|known| known.reference == line.reference) {
        return said_before(known, &moved);
    }
    if line.on < report.days.0 || line.on > report.days.1 {
        let message = Message::new("salary.day_outside").with("on", line.on);
        return Err(message.with("from", report.days.0).with("until", report.days.1));
    }
    if line.kind == MovementKind::Opening && account.moved.iter().any(|known| known.kind == MovementKind::Opening) {
        return Err(Message::new("salary.opening_twice"));
    }
    if let Some(measure_id) = line.measure_id
        && !account.standing.line.measure(measure_id).is_some_and(|measure| measure.is_outside)
    {
        return Err(Message::new("salary.not_anothers").with("measure", measure_id));
    }
    Ok(APPLIED)
}

fn said_before(known: &Moved, said: &Moved) -> Result<&'static str, Message> {
    let is_same =
        (known.on, known.kind, known.amount, known.measure_id) == (said.on, said.kind, said.amount, said.measure_id);
    let differs = || Message::new("salary.reference_differs").with("reference", said.reference.escape_debug());
    if is_same { Ok(REPEATED) } else { Err(differs()) }
}

#[expect(clippy::too_many_arguments, reason = "all of them stand in the rows")]
fn record(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    (path, bytes): (&Path, &[u8]),
    report: &Report,
    taken: &[Taken<'_>],
    imported: &mut Imported,
) -> Outcome<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let new = NewDocument { kind: "salary_report", name: &name, media_type: "application/octet-stream" };
    let document = documents::store(tx, act, keys, randomness, &new, bytes)?;
    let report_id = act.take_ids(1);
    for one in taken {
        let outcome = match &one.outcome {
            Ok(APPLIED) => {
                imported.applied += 1;
                APPLIED
            }
            Ok(outcome) => {
                imported.repeated += 1;
                outcome
            }
            Err(message) => {
                let (line_no, reference) = (one.line.line_no, one.line.reference.clone());
                imported.conflicts.push(Conflict { line_no, reference, message: message.clone() });
                message.code
            }
        };
        act.insert(
            tx,
            &SALARY_LINE,
            one.id,
            &[
                one.id.into(),
                report_id.into(),
                (one.line.line_no as i64).into(),
                one.asset_id.into(),
                one.line.reference.as_str().into(),
                one.line.kind.as_str().into(),
                one.line.on.to_string().as_str().into(),
                one.line.amount.minor().into(),
                one.line.measure_id.into(),
                outcome.into(),
            ],
        )?;
    }
    let (from, until) = (report.days.0.to_string(), report.days.1.to_string());
    act.insert(
        tx,
        &SALARY_REPORT,
        report_id,
        &[
            report_id.into(),
            report.institution.as_str().into(),
            report.number.as_str().into(),
            from.as_str().into(),
            until.as_str().into(),
            document.document_id.into(),
            Value::Bytes(&document.sha256),
            (taken.len() as i64).into(),
            (imported.applied as i64).into(),
            (imported.repeated as i64).into(),
            (imported.conflicts.len() as i64).into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(())
}

/// Records what follows from an account for its orders.
fn settle(
    tx: &mut Tx<'_>,
    act: &mut Act,
    lines: &mut Lines,
    asset_id: i64,
    account: &Account,
    as_of: Date,
) -> Outcome<Vec<Fact>> {
    let facts = account.settle(as_of)?;
    let writer = lines.of(tx, act.book(), asset_id)?;
    for fact in &facts {
        writer.record(tx, act, fact, &Beside::default())?;
    }
    Ok(facts)
}

/// What a sweep ordered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Asset, freeze, number of the order, amount.
    pub ordered: Vec<(i64, i64, i64, Amount)>,
    /// Asset, freeze, why nothing was ordered for it although something is held.
    pub left: Vec<(i64, i64, Message)>,
}

impl Swept {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> Option<Amount> {
        Amount::sum(self.ordered.iter().map(|(.., amount)| *amount))
    }
}

/// Orders the deduction of all that is held above the living allowance on salary accounts, for each order of this court in the
/// order of arrival; first brings what is frozen to what the accounts say today. Needs [`Role::Handler`], and a second
/// person ([`DEDUCTION_CONFIRMED_BY`]). What was ordered and not answered is not ordered again.
///
/// # Errors
/// `assets.ruling_missing`, `salary.not_salary`, `assets.unknown`, those of the two people ([`access::require_second`]), those of
/// [`Account::reckon`].
pub fn sweep(
    tx: &mut Tx<'_>,
    acting: &Acting,
    asset_ids: &[i64],
    bank_account: &BankAccount,
    ruling: &str,
    confirmed_by: &Actor,
) -> Outcome<Swept> {
    if ruling.trim().is_empty() {
        return Err(Message::new("assets.ruling_missing").into());
    }
    let mut act = acting.open_act(tx, books::CASE_MONEY, "salary.sweep")?;
    let proposer = acting.require(tx, Role::Handler)?;
    access::require_second(tx, acting, proposer, confirmed_by, DEDUCTION_CONFIRMED_BY)?;
    let book = act.book();
    for asset_id in asset_ids {
        if super::register::find_asset(tx, book, *asset_id)?.kind != AssetKind::Salary {
            return Err(Message::new("salary.not_salary").with("asset", asset_id).into());
        }
    }
    let beside = Beside {
        reason: ruling.trim(),
        bank_account_id: Some(bank_account.bank_account_id),
        confirmed_by: Some(confirmed_by.person_id),
        ..Beside::default()
    };
    let mut swept = Swept::default();
    let mut lines = Lines::default();
    for (asset_id, mut account) in accounts(tx, book, asset_ids)? {
        if account.latest().is_none() {
            continue;
        }
        settle(tx, &mut act, &mut lines, asset_id, &account, acting.date)?;
        let writer = lines.of(tx, book, asset_id)?;
        account.standing.clone_from(writer.standing());
        for (measure_id, amount) in account.sweepable(acting.date)? {
            let record = account.standing.record(measure_id);
            if let Some(case_id) = record.filter(|one| one.basis == Basis::Preservation).and_then(|one| one.case_id) {
                let case = cases::case_by_id(tx, book, case_id)?;
                if !measures::is_enforced(&case) {
                    let message = Message::new("assets.preservation_only").with("number", case.current_number());
                    swept.left.push((asset_id, measure_id, message));
                    continue;
                }
            }
            let writer = lines.of(tx, book, asset_id)?;
            let fact = writer.line().order(measure_id, Wish::Deduct(amount), acting.date).map_err(Refusal::message);
            let fact = fact.and_then(|fact| account.may_order(measure_id, amount, acting.date).map(|()| fact));
            let fact = match fact {
                Ok(fact) => fact,
                Err(message) => {
                    swept.left.push((asset_id, measure_id, message));
                    continue;
                }
            };
            let order_id = writer.record(tx, &mut act, &fact, &beside)?;
            swept.ordered.push((asset_id, measure_id, order_id, amount));
        }
    }
    if !lines.is_changed() {
        return Ok(swept);
    }
    lines.write_states(tx, acting)?;
    act.close(tx)?;
    Ok(swept)
}

/// A salary account up to a day.
///
/// # Errors
/// `assets.unknown`, `salary.not_salary`, those of [`Account::reckon`].
pub fn show(tx: &mut Tx<'_>, book: BookKey, asset_id: i64, until: Date) -> Outcome<(Account, Option<Reckoned>)> {
    if super::register::find_asset(tx, book, asset_id)?.kind != AssetKind::Salary {
        return Err(Message::new("salary.not_salary").with("asset", asset_id).into());
    }
    let missing = || Failure::from(Message::new("assets.unknown").with("asset", asset_id));
    let (_, account) = accounts(tx, book, &[asset_id])?.pop().ok_or_else(missing)?;
    let reckoned = account.reckon(until)?;
    Ok((account, reckoned))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"schema":"ankuan-salary-report-1","number":"XZ-1","institution":"某银行","from":"2026-11-01",
        "until":"2026-11-30","lines":[
        {"reference":"1","account":"6222 01","kind":"credit","on":"2026-11-05","amount":"8000.00"},
        {"reference":"2","account":"622201","kind":"taken","on":"2026-11-06","amount":"1.50","measure":7}]}"#;

    #[test]
    fn a_report_reads_the_same_from_json_and_csv() {
        let csv = "\u{feff}报告编号,机构,起,止,流水号,账号,类型,日期,金额,措施编号\r\n\
                   XZ-1,某银行,2026-11-01,2026-11-30,1,622201,入账,2026-11-05,8000.00,\r\n\
                   XZ-1,某银行,2026-11-01,2026-11-30,2,622201,taken,2026-11-06,1.50,7\r\n";
        assert_eq!(read_report(JSON.as_bytes()).unwrap(), read_report(csv.as_bytes()).unwrap());
    }

    #[test]
    fn a_wrong_report_names_line_and_field() {
        for (from, to, code) in [
            ("report-1", "report-2", "salary.file"),
            ("\"number\"", "\"nubmer\"", "salary.file"),
            ("2026-11-30", "2026-10-31", "salary.file"),
            ("XZ-1", " ", "salary.file"),
            ("8000.00", "8000.001", "salary.line"),
            ("8000.00", "0", "salary.line"),
            ("\"credit\"", "\"salary\"", "salary.line"),
            ("2026-11-05", "2026-11-31", "salary.line"),
            (",\"measure\":7", "", "salary.line"),
            ("\"reference\":\"1\"", "\"reference\":\"\"", "salary.line"),
        ] {
            let text = JSON.replacen(from, to, 1);
            assert_ne!(text, JSON);
            assert_eq!(read_report(text.as_bytes()).unwrap_err().code, code, "{to}");
        }
        assert_eq!(read_report(b"\xff").unwrap_err().code, "salary.file");
        assert_eq!(read_report(b"a,b\r\n").unwrap_err().code, "salary.file");
        assert_eq!(read_report(HEADINGS.join(",").as_bytes()).unwrap_err().code, "salary.empty");
    }
}
