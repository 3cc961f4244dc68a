//! SWIFT MT940 and MT942, as banks print them: with or without blocks, any line end, UTF-8 or Latin-1, fragments too.
//!
//! C and RD add, D and RC subtract. What cannot be read is reported with its line, and the rest is read.

use std::io::{BufRead, BufReader};

use ankuan_reconciliation::statement::{Balance, Direction, Entry, Foot, Head, Kind, Piece, Status, Tally};
use jiff::civil::Date;
use rust_decimal::Decimal;

use super::{Content, FileKind, Problem, Sink, Source, amount, at_line, end_statement, push};
use crate::{Message, Outcome};

/// Lines have 65 characters; banks that do not fold send some hundreds.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A field has at most six lines or so; banks that do not count send more.
const FIELD_BYTES_MAX: usize = 256 * 1024;

/// Whether some line near the beginning is a tag or a block.
pub(super) fn is_mt(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning);
    text.split(['\n', '\r']).flat_map(|line| line.split("@@")).any(|line| {
        let line = line.trim_start_matches(is_noise);
        line.starts_with("{1:") || Tag::split(line).is_some()
    })
}

/// What stands before a line and means nothing: byte order mark, start of transmission.
fn is_noise(character: char) -> bool {
    character == '\u{feff}' || character.is_control()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    Reference,
    Account,
    Number,
    Opening,
    Entry,
    Details,
    /// `:NS:`, details as German and Hungarian banks code them.
    CodedDetails,
    Closing,
    /// `:940:`, which Rabobank prints above the first message.
    Type,
    /// Known, and nothing for a statement of booked entries.
    Other,
    /// `:34F:`, the floor limit: only in MT942, and names the currency.
    Floor,
    /// `:13D:`, when it was made: only in MT942.
    MadeAt,
    CountDebits,
    CountCredits,
}

impl Tag {
    /// The tag at the beginning of a line, and what stands behind it.
    fn split(line: &str) -> Option<(Self, &str)> {
        let (name, rest) = line.strip_prefix(':')?.split_once(':')?;
        let tag = match name {
            "20" => Self::Reference,
            "25" | "25P" => Self::Account,
            "28" | "28C" => Self::Number,
            "60F" | "60M" => Self::Opening,
            "61" => Self::Entry,
            "86" => Self::Details,
            "NS" => Self::CodedDetails,
            "62F" | "62M" => Self::Closing,
            "34F" => Self::Floor,
            "13" | "13D" => Self::MadeAt,
            "90D" => Self::CountDebits,
            "90C" => Self::CountCredits,
            "940" | "942" => Self::Type,
            "21" | "64" | "65" => Self::Other,
            _ => return None,
        };
        Some((tag, rest))
    }

    /// Whether the name is two digits alone, which a time of day within details also looks like.
    const fn looks_like_minutes(self) -> bool {
        matches!(self, Self::Reference | Self::Account | Self::Number | Self::MadeAt | Self::Other)
    }
}

/// A tag with all its lines.
struct Field {
    tag: Tag,
    line: u64,
    text: String,
}

/// Reads a file.
///
/// # Errors
/// `reading.unknown_format` (no tag but `:NS:`), `reading.mt_other`, `reading.mt_line_too_long`,
/// `reading.mt_field_too_long`, `reading.sum_too_large`.
pub(super) fn read(file_name: &str, source: &mut dyn Source, sink: &mut dyn Sink) -> Outcome<FileKind> {
    source.rewind()?;
    let mut lines = Lines::new(BufReader::with_capacity(LINE_BYTES_MAX, source));
    let mut messages = Messages { sink, open: None, type_942: false, first: None };
    let read = read_messages(&mut lines, &mut messages);
    read.map_err(|failure| at_line(failure, lines.number))?;
    let Some(kind) = messages.first else {
        return Err(Message::new("reading.unknown_format").with("file", file_name).into());
    };
    let name = if kind == Kind::Intraday { "mt942" } else { "mt940" };
    Ok(FileKind { name: name.to_owned(), content: Content::Statement })
}

fn read_messages(lines: &mut Lines<impl BufRead>, messages: &mut Messages<'_>) -> Outcome<()> {
    let mut field: Option<Field> = None;
    while lines.next()? {
        let line = lines.line.as_str();
        if let Some(blocks) = block(line, field.is_some()) {
            take(messages, &mut field)?;
            if blocks.contains("{1:") || blocks.contains("{2:") {
                messages.end(lines.number)?;
                messages.block_2(blocks, lines.number)?;
            }
            let Some((_, rest)) = blocks.split_once("{4:") else { continue };
            if let Some((tag, text)) = Tag::split(rest) {
                field = Some(Field { tag, line: lines.number, text: text.to_owned() });
            }
            continue;
        }
        match (Tag::split(line), &mut field) {
            (Some((tag, _)), Some(open))
                if open.tag == Tag::Details && tag.looks_like_minutes() && ends_with_hours(&open.text) =>
            {
                open.text.push_str(line);
            }
            (Some((tag, text)), _) => {
                take(messages, &mut field)?;
                field = Some(Field { tag, line: lines.number, text: text.to_owned() });
            }
            (None, Some(open)) => {
                if open.text.len() + line.len() > FIELD_BYTES_MAX {
                    let message = Message::new("reading.mt_field_too_long").with("line", open.line);
                    return Err(message.with("max", FIELD_BYTES_MAX).into());
                }
                open.text.push('\n');
                open.text.push_str(line);
            }
            // What banks print above the first tag.
            (None, None) => {}
        }
    }
    take(messages, &mut field)?;
    messages.end(lines.number)
}

fn take(messages: &mut Messages<'_>, field: &mut Option<Field>) -> Outcome<()> {
    field.take().map_or(Ok(()), |field| messages.take(&field))
}

/// The blocks of a line that begins or ends a message: `{1:…}{2:…}{4:`, `-}{5:}`, `-`.
fn block(line: &str, in_field: bool) -> Option<&str> {
    if line.starts_with('{') {
        return Some(line);
    }
    let end = line.strip_prefix('-')?;
    let is_end = end.starts_with('}') || end.trim_matches(is_noise).is_empty() || (in_field && end == "XXX");
    is_end.then_some(end)
}

/// `…2014-09-12T16` before `:26:37`: a time of day that the bank has folded.
fn ends_with_hours(text: &str) -> bool {
    let mut last = text.trim_end().bytes().rev();
    let mut next_is = |check: fn(&u8) -> bool| last.next().as_ref().is_some_and(check);
    next_is(u8::is_ascii_digit) && next_is(u8::is_ascii_digit) && next_is(|byte| *byte == b'T')
}

/// The messages of a file, each a statement of its own, pages too.
struct Messages<'k> {
    sink: &'k mut dyn Sink,
    open: Option<Statement>,
    /// The block before says MT942.
    type_942: bool,
    first: Option<Kind>,
}

/// The statement that is open.
struct Statement {
    head: Head,
    begun: bool,
    is_intraday: bool,
    foot: Foot,
    tally: Tally,
    /// Waits for its details.
    entry: Option<Entry>,
    /// Details that stood before the first entry.
    details_before: String,
    /// What the open entry says on its second line, which counts where there are no details.
    supplement: String,
}

impl Statement {
    fn new(type_942: bool) -> Self {
        Self {
            head: Head::default(),
            begun: false,
            is_intraday: type_942,
            foot: Foot::default(),
            tally: Tally::default(),
            entry: None,
            details_before: String::new(),
            supplement: String::new(),
        }
    }
}

impl Messages<'_> {
    fn problem(&mut self, field: &Field, code: &'static str) {
        let text = field.text.lines().next().unwrap_or_default().chars().take(80).collect::<String>();
        self.sink.problem(Problem { line: field.line, message: Message::new(code).with("text", text) });
    }

    /// The type of the message: `{2:O940…`.
    fn block_2(&mut self, blocks: &str, line: u64) -> Outcome<()> {
        let Some((_, block)) = blocks.split_once("{2:") else { return Ok(()) };
        match block.get(1..4) {
            Some("942") => self.type_942 = true,
            // MT950 is MT940 without details; other text than a number is somebody's anonymising.
            Some("940" | "950") => self.type_942 = false,
            Some(other) if other.bytes().all(|byte| byte.is_ascii_digit()) => {
                return Err(Message::new("reading.mt_other").with("line", line).with("type", other).into());
            }
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, field: &Field) -> Outcome<()> {
        if field.tag == Tag::Type || self.open.is_none() && field.tag == Tag::CodedDetails {
            return Ok(());
        }
        if field.tag == Tag::Reference {
            self.end(field.line)?;
        }
        let type_942 = self.type_942;
        // These fields have one line; what banks print behind it is not theirs.
        let value = field.text.trim().lines().next().unwrap_or_default().trim_end();
        let open = self.open.get_or_insert_with(|| Statement::new(type_942));
        match field.tag {
            Tag::Reference => push(&mut open.head.id, value)?,
            Tag::Account if open.begun || open.entry.is_some() => {
                // A damaged tag among the entries: what stands there are details.
                self.problem(field, "reading.mt_out_of_place");
                self.details(field)?;
            }
            Tag::Account if open.head.account.is_empty() => push(&mut open.head.account, value)?,
            Tag::Account | Tag::Type | Tag::Other => {}
            Tag::Number => value.clone_into(&mut open.head.sequence),
            Tag::Opening if open.foot.opening.is_none() => match balance(value) {
                Some(balance) => {
                    // A time of making or a floor limit above was not that of an MT942.
                    open.is_intraday = type_942;
                    balance.currency.clone_into(&mut open.head.currency);
                    open.head.from = open.head.from.or(balance.date);
                    let has_day = balance.date.is_some();
                    open.foot.opening = Some(balance);
                    if !has_day {
                        self.problem(field, "reading.mt_balance_date");
                    }
                }
                None => self.problem(field, "reading.mt_balance"),
            },
            Tag::Opening => {}
            Tag::Entry => self.entry(field)?,
            Tag::Details | Tag::CodedDetails => self.details(field)?,
            Tag::Closing => {
                self.flush()?;
                self.closing(field);
            }
            Tag::Floor => {
                open.is_intraday |= open.foot.opening.is_none();
                if let Some(currency) = currency(value)
                    && open.head.currency.is_empty()
                {
                    open.head.currency.push_str(currency);
                }
            }
            Tag::MadeAt => open.is_intraday |= open.foot.opening.is_none(),
            Tag::CountDebits | Tag::CountCredits => {
                open.is_intraday |= open.foot.opening.is_none();
                let (number, sum) = count_and_sum(value);
                let declared = &mut open.foot.declared;
                if field.tag == Tag::CountDebits {
                    (declared.debits, declared.debit_sum) = (number, sum);
                } else {
                    (declared.credits, declared.credit_sum) = (number, sum);
                }
                if number.is_none() {
                    self.problem(field, "reading.mt_count");
                }
                self.flush()?;
            }
        }
        Ok(())
    }

    fn closing(&mut self, field: &Field) {
        let Some(open) = &mut self.open else { return };
        if open.foot.closing.is_some() {
            return;
        }
        match balance(field.text.trim().lines().next().unwrap_or_default()) {
            Some(balance) => {
                if open.head.currency.is_empty() {
                    balance.currency.clone_into(&mut open.head.currency);
                }
                let opening = open.foot.opening.as_ref();
                open.foot.mixed_currencies |= opening.is_some_and(|opening| opening.currency != balance.currency);
                let has_day = balance.date.is_some();
                open.foot.closing = Some(balance);
                if !has_day {
                    self.problem(field, "reading.mt_balance_date");
                }
            }
            None => self.problem(field, "reading.mt_balance"),
        }
    }

    fn entry(&mut self, field: &Field) -> Outcome<()> {
        self.flush()?;
        let Some((mut entry, days_read)) = statement_line(&field.text, field.line) else {
            self.problem(field, "reading.mt_line");
            return Ok(());
        };
        if !days_read {
            self.problem(field, "reading.mt_date");
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        entry.text.push_str(&std::mem::take(&mut open.details_before));
        open.supplement = supplement(&field.text);
        open.entry = Some(entry);
        Ok(())
    }

    fn details(&mut self, field: &Field) -> Outcome<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        match &mut open.entry {
            Some(entry) if field.tag == Tag::CodedDetails => coded_details(&field.text, entry),
            Some(entry) => details(&field.text, entry),
            // After an unreadable entry nothing may come to the next one.
            None if open.tally.entries == 0 && field.tag == Tag::Details && open.foot.closing.is_none() => {
                push(&mut open.details_before, &joined(&field.text))
            }
            None => Ok(()),
        }?;
        Ok(())
    }

    /// Hands on the entry that waited.
    fn flush(&mut self) -> Outcome<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(mut entry) = open.entry.take() else { return Ok(()) };
        open.details_before.clear();
        if entry.text.is_empty() {
            entry.text = std::mem::take(&mut open.supplement);
        }
        if entry.own_reference.is_empty() {
            entry.own_reference.push_str(end_to_end_id(&entry.text));
        }
        begin(open, &mut self.first, self.sink)?;
        open.tally.take(&entry).ok_or_else(|| Message::new("reading.sum_too_large"))?;
        self.sink.statement(Piece::Entry(&entry))
    }

    /// Ends the open statement, if there is one.
    fn end(&mut self, line: u64) -> Outcome<()> {
        self.flush()?;
        let Some(mut open) = self.open.take() else { return Ok(()) };
        begin(&mut open, &mut self.first, self.sink)?;
        end_statement(self.sink, &open.tally, &open.foot, line)
    }
}

fn begin(open: &mut Statement, first: &mut Option<Kind>, sink: &mut dyn Sink) -> Outcome<()> {
    if open.begun {
        return Ok(());
    }
    open.begun = true;
    let kind = if open.is_intraday { Kind::Intraday } else { Kind::Booked };
    open.head.kind = Some(kind);
    first.get_or_insert(kind);
    sink.statement(Piece::Begin(&open.head))
}

/// `C100318EUR380115,12`. The day may be missing or impossible, mark, currency and amount may not.
fn balance(text: &str) -> Option<Balance> {
    let (is_debit, rest) = mark(text)?;
    let rest = rest.trim_start();
    let (date, rest) = match rest.strip_prefix("null") {
        Some(rest) => (None, rest),
        None => (day(rest.get(..6)?)?, &rest[6..]),
    };
    let currency = currency(rest)?;
    let value = money(rest[3..].trim())?;
    Some(Balance {
        amount: if is_debit && !value.is_zero() { -value } else { value },
        date,
        currency: currency.to_owned(),
    })
}

/// `C` or `D`, also written small or as `CR`, `DR`; true for a debit.
fn mark(text: &str) -> Option<(bool, &str)> {
    let is_debit = match text.bytes().next()? {
        b'C' | b'c' => false,
        b'D' | b'd' => true,
        _ => return None,
    };
    let rest = &text[1..];
    Some((is_debit, rest.strip_prefix(['R', 'r']).unwrap_or(rest)))
}

fn currency(text: &str) -> Option<&str> {
    text.get(..3).filter(|text| text.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// `YYMMDD`: outer `None` when these are no six digits, inner when there is no such day. Years before 80 are in this
/// century.
fn day(text: &str) -> Option<Option<Date>> {
    if text.len() != 6 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize| text[from..from + 2].parse::<i8>().unwrap_or_default();
    let year = i16::from(number(0));
    Some(Date::new(if year < 80 { 2000 + year } else { 1900 + year }, number(2), number(4)).ok())
}

/// An amount with a comma, or a point where the bank does not know better; nothing needs to stand before or behind it.
fn money(text: &str) -> Option<Decimal> {
    let mut plain = String::with_capacity(text.len());
    let decimal_mark = text.rfind([',', '.']);
    let both = text.contains(',') && text.contains('.');
    for (place, character) in text.char_indices() {
        match character {
            ',' | '.' if Some(place) == decimal_mark => plain.push('.'),
            // Groups of thousands are believed only beside another decimal mark.
            ',' | '.' if both => {}
            other => plain.push(other),
        }
    }
    amount(&plain).ok()
}

/// `:90D:1EUR2,30`
fn count_and_sum(text: &str) -> (Option<u64>, Option<Decimal>) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, rest) = text.split_at(digits);
    let sum = currency(rest).and_then(|_| money(rest[3..].trim()));
    (count.parse().ok(), sum)
}

/// A statement line, and whether its days exist. `None`: it cannot be read.
///
/// Value date YYMMDD, day of booking MMDD or nothing or blanks, mark, third letter of the currency or nothing, amount,
/// type, reference, `//` reference of the bank. Banks fold it before the amount.
fn statement_line(text: &str, line: u64) -> Option<(Entry, bool)> {
    let mut entry = Entry::blank();
    entry.place = line;
    let value_date = day(text.get(..6)?)?;
    let year = 2000 + text[..2].parse::<i16>().ok()?;
    let mut rest = &text[6..];
    let mut booking_date = Some(value_date);
    if let Some(month_and_day) = rest.get(..4).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit())) {
        booking_date = Some(nearest(month_and_day, value_date, year));
        rest = &rest[4..];
    }
    let booking_date = booking_date.flatten();
    rest = rest.trim_start();

    let first = rest.bytes().next()?.to_ascii_uppercase();
    if matches!(first, b'R' | b'E') {
        entry.is_reversal = first == b'R';
        // Expected, not booked (EC, ED).
        entry.status = if first == b'E' { Status::NotBooked } else { Status::Booked };
        rest = &rest[1..];
    }
    let takes = match rest.bytes().next()? {
        b'C' | b'c' => false,
        b'D' | b'd' => true,
        _ => return None,
    };
    // Taking back a credit subtracts, taking back a debit adds.
    entry.direction = if takes == entry.is_reversal { Direction::Credit } else { Direction::Debit };
    rest = &rest[1..];
    rest = rest.strip_prefix(|letter: char| letter.is_ascii_alphabetic()).unwrap_or(rest).trim_start();

    let end = rest.find(|character: char| !character.is_ascii_digit() && !matches!(character, ',' | '.'));
    let (figures, rest) = rest.split_at(end.unwrap_or(rest.len()));
    entry.amount = money(figures)?;
    let rest = rest.lines().next().unwrap_or_default();
    let type_length = rest.char_indices().nth(4).map_or(rest.len(), |(place, _)| place);
    let (code, rest) = if rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        rest.split_at(type_length)
    } else {
        ("", rest)
    };
    entry.code.push_str(code.trim());
    let (own, bank) = rest.split_once("//").unwrap_or((rest, ""));
    // Rabobank fills the reference up with blanks and prints the name behind it.
    let (own, name) = own.split_once("  ").unwrap_or((own, ""));
    let is_said = |text: &&str| !text.is_empty() && *text != "NONREF";
    entry.own_reference.push_str(Some(own.trim()).filter(is_said).unwrap_or_default());
    entry.bank_reference.push_str(Some(bank.trim()).filter(is_said).unwrap_or_default());
    entry.name.push_str(name.trim());
    entry.value_date = value_date;
    entry.booking_date = booking_date;
    let days_read = value_date.is_some() && booking_date.is_some();
    Some((entry, days_read))
}

/// MMDD in the year that brings it nearest to the value date: 0102 after 20201230 is in 2021.
fn nearest(month_and_day: &str, value_date: Option<Date>, year: i16) -> Option<Date> {
    let month = month_and_day[..2].parse().ok()?;
    let day = month_and_day[2..].parse().ok()?;
    let Some(value_date) = value_date else { return Date::new(year, month, day).ok() };
    let year = value_date.year();
    let days_away = |date: &Date| (*date - value_date).get_days().abs();
    [year - 1, year, year + 1].into_iter().filter_map(|year| Date::new(year, month, day).ok()).min_by_key(days_away)
}

/// The second line of an entry, behind its references.
fn supplement(text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    // Where the first line was folded before the amount, the second is no supplement.
    let is_folded = !first.contains([',', '.']) && first.trim_end().ends_with(|last: char| last.is_ascii_alphabetic());
    let rest: Vec<&str> = lines.skip(usize::from(is_folded)).map(str::trim).filter(|line| !line.is_empty()).collect();
    rest.join(" ")
}

/// The lines of a field as one text. A full line was folded where it happened to be full, a shorter one at a blank.
fn joined(text: &str) -> String {
    const FULL: usize = 61;
    let mut all = String::with_capacity(text.len());
    let mut is_full = true;
    for line in text.lines() {
        if !is_full && !all.is_empty() && !all.ends_with(' ') {
            all.push(' ');
        }
        all.push_str(line);
        is_full = line.chars().count() >= FULL;
    }
    all.trim().to_owned()
}

/// `:86:`, structured (`166?00…?20…?31…?32…`, other marks are met) or not.
fn details(text: &str, entry: &mut Entry) -> Result<(), Message> {
    let (code, rest) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count().min(3));
    let mark = rest.chars().next().filter(|mark| code.len() == 3 && matches!(mark, '?' | '>' | '<' | '~' | '^' | '|'));
    if let Some(mark) = mark
        && structured_details(&rest.replace('\n', ""), mark, entry)?
    {
        return Ok(());
    }
    if rest.is_empty() && code.len() == 3 {
        return Ok(());
    }
    push(&mut entry.text, &joined(text))
}

/// Subfields of two digits. False if there are none that say something, so that the text is kept as it stands.
fn structured_details(text: &str, mark: char, entry: &mut Entry) -> Result<bool, Message> {
    let mut fields: [String; 5] = Default::default();
    let mut last = None;
    for part in text.split(mark).skip(1) {
        let number = part.get(..2).and_then(|number| number.parse::<u8>().ok());
        let place = match number {
            Some(0) => Some(0),
            Some(20..=29 | 60..=63) => Some(1),
            Some(31) => Some(2),
            Some(38) => Some(3),
            Some(32 | 33) => Some(4),
            Some(_) => None,
            // A mark that begins no subfield is part of the text.
            None => {
                if let Some(place) = last {
                    let field: &mut String = &mut fields[place];
                    field.push(mark);
                    field.push_str(part);
                }
                continue;
            }
        };
        if let Some(place) = place {
            fields[place].push_str(&part[2..]);
        }
        last = place;
    }
    let [kind, remark, account, iban, name] = &fields;
    let said = if remark.is_empty() { kind } else { remark };
    if said.is_empty() && name.is_empty() && account.is_empty() && iban.is_empty() {
        return Ok(false);
    }
    push(&mut entry.text, said.trim())?;
    push(&mut entry.name, name.trim())?;
    push(&mut entry.account, if account.is_empty() { iban.trim() } else { account.trim() })?;
    Ok(true)
}

/// `:NS:`: 01 to 14 remark, 15 and 16 the other party's name, 34 its account.
fn coded_details(text: &str, entry: &mut Entry) -> Result<(), Message> {
    for line in text.lines() {
        let number = line.get(..2).and_then(|number| number.parse::<u8>().ok());
        let rest = line.get(2..).unwrap_or_default().trim();
        match number {
            Some(1..=14) => push(&mut entry.text, rest)?,
            Some(15 | 16) => push(&mut entry.name, rest)?,
            Some(34) => push(&mut entry.account, rest)?,
            _ => {}
        }
    }
    Ok(())
}

/// Our reference within the remark, as SEPA countries code it: `EREF+…` up to the next code or blank, `/EREF/…/`.
fn end_to_end_id(text: &str) -> &str {
    const NEXT: [&str; 11] =
        ["KREF+", "MREF+", "CRED+", "DEBT+", "SVWZ+", "ABWA+", "ABWE+", "IBAN+", "BIC+", "PURP+", "COAM+"];
    let id = if let Some((_, rest)) = text.split_once("EREF+") {
        let end = NEXT.iter().filter_map(|code| rest.find(code)).min().unwrap_or(rest.len());
        rest[..end].split_whitespace().next().unwrap_or_default()
    } else if let Some((_, rest)) = text.split_once("/EREF/") {
        rest.split('/').next().unwrap_or_default().trim()
    } else {
        ""
    };
    if matches!(id, "NOTPROVIDED" | "NONREF") { "" } else { id }
}

/// Lines ended by LF, CR, both, or `@@`.
struct Lines<R> {
    source: R,
    bytes: Vec<u8>,
    /// The line last read, without its end, decoded.
    line: String,
    /// Its number, from 1.
    number: u64,
    /// A CR was the end: an LF behind it belongs to it.
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    const fn new(source: R) -> Self {
        Self { source, bytes: Vec::new(), line: String::new(), number: 0, after_cr: false }
    }

    /// Reads the next line; false at the end.
    fn next(&mut self) -> Outcome<bool> {
        if !self.next_bytes()? {
            return Ok(false);
        }
        // A tag folded behind its first colon.
        if self.bytes == b":" && self.next_bytes()? {
            self.bytes.insert(0, b':');
        }
        self.line.clear();
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => self.line.push_str(text),
            Err(_) => self.line.extend(self.bytes.iter().map(|byte| char::from(*byte))),
        }
        let noise = self.line.len() - self.line.trim_start_matches(is_noise).len();
        self.line.drain(..noise);
        let end = self.line.trim_end().len();
        self.line.truncate(end);
        Ok(true)
    }

    fn next_bytes(&mut self) -> Outcome<bool> {
        self.bytes.clear();
        let mut any = false;
        loop {
            let available = self.source.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let skipped = usize::from(self.after_cr && available[0] == b'\n');
            self.after_cr = false;
            let chunk = &available[skipped..];
            if chunk.is_empty() {
                self.source.consume(skipped);
                continue;
            }
            any = true;
            let mut ended = false;
            let mut used = 0;
            for byte in chunk {
                used += 1;
                match byte {
                    b'\n' => ended = true,
                    b'\r' => (ended, self.after_cr) = (true, true),
                    b'@' if self.bytes.last() == Some(&b'@') => {
                        self.bytes.pop();
                        ended = true;
                    }
                    other => self.bytes.push(*other),
                }
                if ended || self.bytes.len() > LINE_BYTES_MAX {
                    break;
                }
            }
            self.source.consume(skipped + used);
            if self.bytes.len() > LINE_BYTES_MAX {
                let message = Message::new("reading.mt_line_too_long").with("line", self.number + 1);
                return Err(message.with("max", LINE_BYTES_MAX).into());
            }
            if ended {
                break;
            }
        }
        self.number += u64::from(any);
        Ok(any)
    }
}
