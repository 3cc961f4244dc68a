//! Importing a statement: streamed, stored once, nothing posted.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use ankuan_ledger::Act;
use ankuan_ledger::chain::{Digest, sha256};
use ankuan_ledger::engine::{Error, Tx, Value};
use ankuan_reconciliation::{reply, statement};
use jiff::civil::Date;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::days::{closed_until, day_events};
use super::{BANK_LINE, Channel, Kind, LINE_DETAIL, PROVISIONAL_LINE, STATEMENT, StoredStatement, statements};
use crate::access::{Acting, Actor, Role};
use crate::bank::reading::{self, Problem, Sink};
use crate::books;
use crate::chart::{self, BankAccount};
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::failure::Outcome;
use crate::message::Message;

/// Problems kept for printing; all are counted. A file with more is broken throughout.
pub const PROBLEMS_KEPT: usize = 1_000;

/// The most characters kept of a text of the bank. Remarks are of some 200; what is longer stays in the sealed file.
const TEXT_CHARS_MAX: usize = 1_000;

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The file.
    pub path: &'a Path,
    /// Text of a profile, where the shipped ones do not fit.
    pub profile: Option<&'a str>,
    /// Number of the court's account, for files that do not name it.
    pub bank_account: Option<&'a str>,
    /// How the file came.
    pub channel: Channel,
    /// Who fetched it.
    pub fetched_by: &'a Actor,
}

/// What an import did.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// The statements of the file.
    pub statements: Vec<StoredStatement>,
    /// What was odd, the first [`PROBLEMS_KEPT`].
    pub problems: Vec<Problem>,
    /// The very file was imported before: nothing has changed.
    pub already: bool,
}

/// Imports a statement file into the caller's transaction; `progress` is told how many bytes have been read. Needs
/// finance or the fund keeper. A file that was imported before changes nothing, whatever its name; a line that another
/// file has shown is not stored again.
///
/// # Errors
/// What [`reading::read`] refuses; `statements.not_a_statement`, `statements.account_unknown`,
/// `statements.account_missing`, `statements.account_differs`, `statements.currency`, `statements.no_date`,
/// `statements.too_large`.
pub fn import_statement(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    import: &Import<'_>,
    progress: &mut dyn FnMut(u64),
) -> Outcome<Imported> {
    let court_id = acting.actor.court_id;
    let (mut file, sha256) = documents::open_hashed(import.path)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "statement.import")?;
    may_import(tx, acting)?;
    documents::require_keys(tx, keys, act.book())?;
    let known = of_file(tx, court_id, &sha256)?;
    if !known.is_empty() {
        return Ok(Imported { statements: known, already: true, ..Imported::default() });
    }
    let name = import.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let new = NewDocument { kind: "statement", name: &name, media_type: "application/octet-stream" };
    let stored = documents::store(tx, &mut act, keys, randomness, &new, &mut file)?;
    file.rewind()?;
    let accounts = chart::bank_accounts(tx, court_id)?;
    let read_bytes = Rc::new(Cell::new(0));
    let mut importer = Importer {
        tx,
        act: &mut act,
        keys,
        import,
        accounts,
        acting,
        open: None,
        place: 0,
        existing: HashMap::new(),
        days_loaded: HashSet::new(),
        loaded: HashSet::new(),
        seen: HashMap::new(),
        finished: Vec::new(),
        problems: Vec::new(),
        problem_count: 0,
        entries: 0,
        read_bytes: Rc::clone(&read_bytes),
        progress,
    };
    let mut source = BufReader::with_capacity(1 << 16, Counted { file, read_bytes });
    let kind = reading::read(&name, &mut source, import.profile, &mut importer)
        .map_err(|failure| failure.in_file(import.path))?;
    documents::must_be_unchanged(import.path, &sha256)?;
    let (problems, finished) = (std::mem::take(&mut importer.problems), std::mem::take(&mut importer.finished));
    if kind.content != reading::Content::Statement {
        return Err(Message::new("statements.not_a_statement").with("kind", &kind.name).in_file(import.path).into());
    }
    for mut row in finished {
        row.format.clone_from(&kind.name);
        record(tx, &mut act, acting, import, (stored.document_id, &sha256), &row)?;
    }
    act.close(tx)?;
    let statements = of_file(tx, court_id, &sha256)?;
    Ok(Imported { statements, problems, already: false })
}

/// The statements that a file has brought.
fn of_file(tx: &mut Tx<'_>, court_id: i64, sha256: &Digest) -> Outcome<Vec<StoredStatement>> {
    let mine: HashSet<i64> = tx
        .query(
            "SELECT statement_id FROM statement WHERE court_id = $1 AND book_id = $2 AND sha256 = $3",
            &[court_id.into(), books::CASE_MONEY.into(), Value::Bytes(sha256)],
            |row| row.int(0),
        )?
        .into_iter()
        .collect();
    if mine.is_empty() {
        return Ok(Vec::new());
    }
    let all = statements(tx, court_id, None)?.into_iter();
    Ok(all.filter(|statement| mine.contains(&statement.statement_id)).collect())
}

/// A file that knows how far it has been read: the progress that is shown.
struct Counted {
    file: File,
    read_bytes: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.read_bytes.set(self.read_bytes.get() + read as u64);
        Ok(read)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let place = self.file.seek(to)?;
        self.read_bytes.set(place);
        Ok(place)
    }
}

/// Who may bring in what the bank sends: finance, or the fund keeper.
///
/// # Errors
/// `access.role_missing`.
pub fn may_import(tx: &mut Tx<'_>, acting: &Acting) -> Outcome<()> {
    acting.require_any(tx, [Role::FundKeeper, Role::Finance]).map(drop)
}

/// A statement that was read, to be recorded when the whole file was.
struct Finished {
    statement_id: i64,
    bank_account_id: i64,
    place: i64,
    kind: Kind,
    format: String,
    head: statement::Head,
    days: (Date, Date),
    opening: Option<i64>,
    closing: Option<i64>,
    entry_count: i64,
    new_count: i64,
    net: i64,
    line_ids: (i64, i64),
    problem_count: i64,
}

fn record(
    tx: &mut Tx<'_>,
    act: &mut Act,
    acting: &Acting,
    import: &Import<'_>,
    (document_id, sha256): (i64, &Digest),
    row: &Finished,
) -> Outcome<()> {
    act.insert(
        tx,
        &STATEMENT,
        row.statement_id,
        &[
            row.statement_id.into(),
            row.bank_account_id.into(),
            document_id.into(),
            Value::Bytes(sha256),
            row.place.into(),
            row.kind.as_str().into(),
            row.format.as_str().into(),
            cut(&row.head.id).as_str().into(),
            cut(&row.head.sequence).as_str().into(),
            row.days.0.to_string().as_str().into(),
            row.days.1.to_string().as_str().into(),
            row.opening.into(),
            row.closing.into(),
            row.entry_count.into(),
            row.new_count.into(),
            row.net.into(),
            row.line_ids.0.into(),
            row.line_ids.1.into(),
            row.problem_count.into(),
            import.channel.as_str().into(),
            import.fetched_by.person_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    Ok(())
}

/// The statement that is being read.
struct Open {
    statement_id: i64,
    account: BankAccount,
    /// Days up to here are signed off.
    closed_until: Option<Date>,
    /// The balance at the end of this day was taken over; its lines and those before stand in the opening list.
    opening_day: Option<Date>,
    kind: Kind,
    head: statement::Head,
    days: Option<(Date, Date)>,
    entry_count: i64,
    new_count: i64,
    net: i64,
    line_ids: (i64, i64),
    /// What new lines add to each day.
    per_day: BTreeMap<Date, (i64, i64)>,
    problems_before: i64,
}

struct Importer<'i, 't, 's> {
    tx: &'t mut Tx<'s>,
    act: &'i mut Act,
    keys: &'i Keys,
    import: &'i Import<'i>,
    accounts: Vec<BankAccount>,
    acting: &'i Acting,
    open: Option<Open>,
    place: i64,
    /// How often a fingerprint is stored.
    existing: HashMap<i64, u32>,
    /// Days of accounts, and statements, whose lines are counted in `existing`.
    days_loaded: HashSet<(i64, Date)>,
    loaded: HashSet<i64>,
    /// How often this file has shown a fingerprint.
    seen: HashMap<i64, u32>,
    finished: Vec<Finished>,
    problems: Vec<Problem>,
    problem_count: i64,
    entries: u64,
    read_bytes: Rc<Cell<u64>>,
    progress: &'i mut dyn FnMut(u64),
}

impl Sink for Importer<'_, '_, '_> {
    fn statement(&mut self, piece: statement::Piece<'_>) -> Outcome<()> {
        match piece {
            statement::Piece::Begin(head) => self.begin(head),
            statement::Piece::Entry(entry) => self.entry(entry),
            statement::Piece::End(foot) => self.end(foot),
        }
    }

    fn reply(&mut self, _: reply::Piece<'_>) -> Outcome<()> {
        Err(Message::new("statements.is_a_reply").into())
    }

    fn problem(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(problem);
        }
    }
}

impl Importer<'_, '_, '_> {
    fn begin(&mut self, head: &statement::Head) -> Outcome<()> {
        let account = self.account(head)?;
        must_be_yuan(&head.currency)?;
        let kind = match head.kind {
            Some(statement::Kind::Intraday) => Kind::Intraday,
            Some(statement::Kind::Detail) => Kind::Detail,
            Some(statement::Kind::Booked) | None => Kind::Booked,
        };
        self.place += 1;
        let court_id = self.acting.actor.court_id;
        let closed_until = closed_until(&day_events(self.tx, court_id, account.bank_account_id)?);
        let opening_day = self.tx.query_opt(
            "SELECT day FROM bank_opening WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3",
            &[court_id.into(), books::CASE_MONEY.into(), account.bank_account_id.into()],
            |row| crate::words::read_date(row, 0),
        )?;
        self.open = Some(Open {
            statement_id: self.act.take_ids(1),
            account,
            closed_until,
            opening_day,
            kind,
            head: head.clone(),
            days: None,
            entry_count: 0,
            new_count: 0,
            net: 0,
            line_ids: (0, 0),
            per_day: BTreeMap::new(),
            problems_before: self.problem_count,
        });
        Ok(())
    }

    /// The court's account that a statement is of: as it says, or as it was given where it does not.
    fn account(&self, head: &statement::Head) -> Outcome<BankAccount> {
        let plain = |number: &str| -> String { number.chars().filter(|c| !c.is_whitespace() && *c != '-').collect() };
        // Some banks put a branch and a slash before the number, or the currency behind it. Nothing else: a number that
        // merely begins like another is another account, or a sub-account.
        let bare = |number: &str| {
            let number = plain(number);
            let number = number.rsplit('/').next().unwrap_or_default();
            number.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).to_owned()
        };
        let same = |known: &BankAccount, number: &str| {
            plain(&known.number) == plain(number) || plain(&known.number) == bare(number)
        };
        // What a masked number still shows.
        let fits = |known: &BankAccount, masked: &str| {
            let (known, masked) = (plain(&known.number), plain(masked));
            let (first, last) = (masked.split('*').next().unwrap_or(""), masked.rsplit('*').next().unwrap_or(""));
            known.starts_with(first) && known.ends_with(last)
        };
        let said = self.accounts.iter().find(|known| !head.account.is_empty() && same(known, &head.account));
        let given = match self.import.bank_account {
            None => None,
            Some(number) => {
                let known = self.accounts.iter().find(|known| plain(&known.number) == plain(number));
                Some(known.ok_or_else(|| Message::new("bank_account.unknown").with("number", number))?)
            }
        };
        match (said, given) {
            (Some(said), Some(given)) if said != given => {
                Err(Message::new("statements.account_differs").with("account", &head.account).into())
            }
            (Some(account), _) => Ok(account.clone()),
            // A masked or missing number: the person says which account it is.
            (None, Some(account))
                if head.account.is_empty() || (head.account.contains('*') && fits(account, &head.account)) =>
            {
                Ok(account.clone())
            }
            (None, None) if head.account.is_empty() => match self.accounts.as_slice() {
                [only] => Ok(only.clone()),
                _ => Err(Message::new("statements.account_missing").into()),
            },
            (None, _) => Err(Message::new("statements.account_unknown").with("account", &head.account).into()),
        }
    }

    fn entry(&mut self, entry: &statement::Entry) -> Outcome<()> {
        self.entries += 1;
        if self.entries.is_multiple_of(1_000) {
            (self.progress)(self.read_bytes.get());
        }
        let Some(mut open) = self.open.take() else {
            return Err(Error::Inconsistent("an entry outside a statement".into()).into());
        };
        let done = self.entry_of(&mut open, entry);
        self.open = Some(open);
        done
    }

    fn entry_of(&mut self, open: &mut Open, entry: &statement::Entry) -> Outcome<()> {
        if entry.status == statement::Status::NotBooked && open.kind == Kind::Booked {
            return Ok(());
        }
        must_be_yuan(&entry.currency)?;
        let Some(booked_on) = entry.booking_date.or(entry.value_date).or(open.head.to) else {
            return Err(Message::new("statements.no_date").with("line", entry.place).into());
        };
        let (minor, exact) =
            in_fen(entry.signed()).ok_or_else(|| Message::new("statements.too_large").with("line", entry.place))?;
        if !exact.is_empty() {
            self.problem(Problem {
                line: entry.place,
                message: Message::new("flows.finer_than_fen").with("amount", &exact),
            });
        }
        open.entry_count += 1;
        if open.kind == Kind::Detail {
            return self.details(open, 0, entry);
        }
        if minor == 0 && exact.is_empty() {
            // Zero entries stand in real files for information; they move nothing.
            return Ok(());
        }
        open.net = open
            .net
            .checked_add(minor)
            .ok_or_else(|| Message::new("statements.too_large").with("line", entry.place))?;
        let days = open.days.get_or_insert((booked_on, booked_on));
        *days = (days.0.min(booked_on), days.1.max(booked_on));
        let mut reference = cut(&entry.bank_reference);
        if reference.eq_ignore_ascii_case("NONREF") || reference.eq_ignore_ascii_case("NOTPROVIDED") {
            reference.clear();
        }
        let fingerprint = fingerprint(open.account.bank_account_id, booked_on, entry, &reference);
        if open.kind == Kind::Intraday {
            let id = self.act.take_ids(1);
            let row = [
                id.into(),
                open.statement_id.into(),
                open.account.bank_account_id.into(),
                Value::Text(&booked_on.to_string()),
                minor.into(),
                fingerprint.into(),
                reference.as_str().into(),
                Value::Text(&cut(&entry.name)),
                Value::Text(&cut(&entry.text)),
            ];
            self.act.insert(self.tx, &PROVISIONAL_LINE, id, &row)?;
            return Ok(());
        }
        if let Some(opening) = open.opening_day.filter(|opening| booked_on <= *opening) {
            return Err(Message::new("statements.before_opening")
                .with("line", entry.place)
                .with("day", booked_on)
                .with("opening", opening)
                .into());
        }
        self.load_existing(open.account.bank_account_id, booked_on)?;
        let seen = self.seen.entry(fingerprint).or_insert(0);
        *seen += 1;
        let occurrence_no = i64::from(*seen);
        if *seen <= self.existing.get(&fingerprint).copied().unwrap_or(0) {
            return Ok(());
        }
        // What is signed off does not change behind the backs of those who signed.
        if let Some(closed) = open.closed_until.filter(|closed| booked_on <= *closed) {
            return Err(Message::new("statements.day_closed")
                .with("line", entry.place)
                .with("day", booked_on)
                .with("closed", closed)
                .into());
        }
        let line_id = self.act.take_ids(1);
        let account_index = match plain_account(&entry.account) {
            Some(account) => self.keys.index("account", &account),
            None => 0,
        };
        let reason = match entry.details.as_slice() {
            [one] => cut(&one.return_reason),
            _ => String::new(),
        };
        let value_on = entry.value_date.unwrap_or(booked_on);
        let row = [
            line_id.into(),
            open.statement_id.into(),
            open.account.bank_account_id.into(),
            i64::try_from(entry.place).unwrap_or(i64::MAX).into(),
            Value::Text(&booked_on.to_string()),
            Value::Text(&value_on.to_string()),
            minor.into(),
            exact.as_str().into(),
            fingerprint.into(),
            occurrence_no.into(),
            reference.as_str().into(),
            Value::Text(&cut(&entry.own_reference)),
            Value::Text(&cut(&entry.name)),
            account_index.into(),
            Value::Text(&cut(&entry.code)),
            Value::Text(&cut(&entry.text)),
            Value::Text(&cut(&entry.sub_account)),
            reason.as_str().into(),
            i64::from(entry.is_reversal).into(),
        ];
        self.act.insert(self.tx, &BANK_LINE, line_id, &row)?;
        open.new_count += 1;
        open.line_ids = (if open.line_ids.0 == 0 { line_id } else { open.line_ids.0 }, line_id);
        let day = open.per_day.entry(booked_on).or_insert((0, 0));
        *day = (
            day.0 + 1,
            day.1.checked_add(minor).ok_or_else(|| Message::new("statements.too_large").with("line", entry.place))?,
        );
        if entry.details.len() > 1 {
            self.details(open, line_id, entry)?;
        }
        Ok(())
    }

    /// The payments that an entry is made of.
    fn details(&mut self, open: &Open, bank_line_id: i64, entry: &statement::Entry) -> Outcome<()> {
        for detail in &entry.details {
            let amount = match detail.amount {
                None => None,
                Some(amount) => in_fen(amount).filter(|(_, exact)| exact.is_empty()).map(|(minor, _)| minor),
            };
            let id = self.act.take_ids(1);
            let row = [
                id.into(),
                open.statement_id.into(),
                bank_line_id.into(),
                Value::Text(&cut(&entry.bank_reference)),
                Value::Text(&cut(&detail.end_to_end_id)),
                amount.into(),
                Value::Text(&cut(&detail.return_reason)),
            ];
            self.act.insert(self.tx, &LINE_DETAIL, id, &row)?;
        }
        Ok(())
    }

    /// Counts the lines that earlier statements have shown of this day.
    fn load_existing(&mut self, bank_account_id: i64, day: Date) -> Outcome<()> {
        if !self.days_loaded.insert((bank_account_id, day)) {
            return Ok(());
        }
        let day = day.to_string();
        let court_id = self.acting.actor.court_id;
        let others = self.tx.query(
            "SELECT statement_id, first_line_id, last_line_id FROM statement WHERE court_id = $1 AND book_id = $2 \
             AND bank_account_id = $3 AND to_date >= $4 AND from_date <= $4 AND new_count > 0",
            &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into(), day.as_str().into()],
            |row| Ok((row.int(0)?, row.int(1)?, row.int(2)?)),
        )?;
        for (statement_id, first, last) in others {
            if self.loaded.insert(statement_id) {
                let existing = &mut self.existing;
                self.tx.scan(&BANK_LINE, court_id, books::CASE_MONEY, (first, last), |row| {
                    if row.int(3)? == statement_id {
                        *existing.entry(row.int(10)?).or_insert(0) += 1;
                    }
                    Ok::<(), Error>(())
                })?;
            }
        }
        Ok(())
    }

    fn end(&mut self, foot: &statement::Foot) -> Outcome<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let balance = |balance: &Option<statement::Balance>| {
            balance.as_ref().and_then(|balance| in_fen(balance.amount)).filter(|(_, exact)| exact.is_empty())
        };
        let of_balance = |balance: &Option<statement::Balance>| balance.as_ref().and_then(|balance| balance.date);
        // What the head says, else what the entries and balances show.
        let first = open.head.from.or(open.days.map(|days| days.0)).or(of_balance(&foot.closing));
        let last = open.head.to.or(of_balance(&foot.closing)).or(open.days.map(|days| days.1));
        let (Some(first), Some(last)) = (first, last) else {
            return Err(Message::new("statements.no_date").with("line", 0).into());
        };
        let entry_days = open.days.unwrap_or((first, last));
        let days = (first.min(entry_days.0), last.max(entry_days.1));
        self.add_days(&open)?;
        self.finished.push(Finished {
            statement_id: open.statement_id,
            bank_account_id: open.account.bank_account_id,
            place: self.place,
            kind: open.kind,
            format: String::new(),
            head: open.head,
            days,
            opening: balance(&foot.opening).map(|(minor, _)| minor),
            closing: balance(&foot.closing).map(|(minor, _)| minor),
            entry_count: open.entry_count,
            new_count: open.new_count,
            net: open.net,
            line_ids: open.line_ids,
            problem_count: self.problem_count - open.problems_before,
        });
        Ok(())
    }

    /// Adds the new lines to the sums of their days.
    fn add_days(&mut self, open: &Open) -> Outcome<()> {
        let court_id = self.acting.actor.court_id;
        let mut rows: Vec<(String, i64, i64)> = Vec::new();
        for (day, (count, net)) in &open.per_day {
            let day = day.to_string();
            let before = self.tx.query_opt(
                "SELECT line_count, net_minor FROM bank_day WHERE court_id = $1 AND book_id = $2 \
                 AND bank_account_id = $3 AND day = $4",
                &[court_id.into(), books::CASE_MONEY.into(), open.account.bank_account_id.into(), day.as_str().into()],
                |row| Ok((row.int(0)?, row.int(1)?)),
            )?;
            let (known_count, known_net) = before.unwrap_or((0, 0));
            let net =
                known_net.checked_add(*net).ok_or_else(|| Message::new("statements.too_large").with("line", 0))?;
            rows.push((day, known_count + count, net));
        }
        let values: Vec<Value<'_>> = rows
            .iter()
            .flat_map(|(day, count, net)| {
                let account = open.account.bank_account_id;
                [
                    court_id.into(),
                    books::CASE_MONEY.into(),
                    account.into(),
                    day.as_str().into(),
                    (*count).into(),
                    (*net).into(),
                ]
            })
            .collect();
        self.tx.upsert_many(
            "bank_day",
            &["court_id", "book_id", "bank_account_id", "day"],
            &["line_count", "net_minor"],
            &values,
        )?;
        Ok(())
    }
}

/// Banks leave the currency of an account in yuan out, or name it in one of these ways.
fn must_be_yuan(currency: &str) -> Result<(), Message> {
    if matches!(currency, "" | "CNY" | "RMB" | "CNH" | "人民币" | "人民币元") {
        return Ok(());
    }
    Err(Message::new("statements.currency").with("currency", currency))
}

/// What a line is known by.
fn fingerprint(bank_account_id: i64, booked_on: Date, entry: &statement::Entry, reference: &str) -> i64 {
    let amount = entry.signed().normalize().to_string();
    let text =
        if reference.is_empty() { normal(&[&entry.name, &entry.text, &entry.own_reference]) } else { String::new() };
    let digest = sha256(&[
        &bank_account_id.to_be_bytes(),
        booked_on.to_string().as_bytes(),
        b"\0",
        amount.as_bytes(),
        b"\0",
        reference.as_bytes(),
        b"\0",
        text.as_bytes(),
    ]);
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    i64::from_be_bytes(first)
}

/// Texts without what differs between two exports of the same line: spaces, and half- against full-width.
fn normal(texts: &[&str]) -> String {
    let mut normal = String::new();
    for text in texts {
        for character in text.chars().filter(|character| !character.is_whitespace() && !character.is_control()) {
            normal.push(match character {
                '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
                other => other,
            });
        }
        normal.push('|');
    }
    normal
}

/// Whole fen, and the exact amount where that is finer. `None` out of range.
fn in_fen(amount: Decimal) -> Option<(i64, String)> {
    let fen = amount.checked_mul(Decimal::ONE_HUNDRED)?;
    let whole = fen.trunc();
    let exact = if whole == fen { String::new() } else { amount.normalize().to_string() };
    Some((whole.to_i64()?, exact))
}

/// An account number as it is indexed: letters and digits only. `None` where it is masked or absent.
fn plain_account(account: &str) -> Option<String> {
    let plain: String = account.chars().filter(|character| character.is_ascii_alphanumeric()).collect();
    if plain.len() < 6 || account.contains('*') { None } else { Some(plain) }
}

fn cut(text: &str) -> String {
    let text = text.trim();
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => text[..end].to_owned(),
    }
}
