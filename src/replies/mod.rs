//! The bank's answers to payment files (回盘, pain.002): what became of each payment. An answer posts nothing; it is
//! evidence, and the statement says what was debited. Unknown is never failed.

use std::collections::{HashMap, HashSet};
use std::io::{BufReader, Seek};
use std::path::Path;

use ankuan_ledger::chain::Digest;
use ankuan_ledger::engine::Kind::{Bytes, Int, Text};
use ankuan_ledger::engine::{Table, Tx, Value};
use ankuan_reconciliation::exact::exact_sum;
use ankuan_reconciliation::reply::{Cause, Foot, Head, Line, Piece, State};
use ankuan_reconciliation::statement;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::access::{Acting, Actor};
use crate::amount::Total;
use crate::bank::reading::{self, Problem, Sink};
use crate::books;
use crate::chart;
use crate::clock::Randomness;
use crate::documents::keys::Keys;
use crate::documents::{self, NewDocument};
use crate::failure::Outcome;
use crate::message::Message;
use crate::payouts::sent::{Answer, Sent, SentRun, Standing, sent_in_file, sent_runs, write_states};
use crate::statements::Channel;
use crate::statements::import::{PROBLEMS_KEPT, may_import};

/// `reply`
pub static REPLY: Table = Table {
    name: "reply",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("reply_id", Int),
        ("run_id", Int),
        ("file_id", Int),
        ("document_id", Int),
        ("sha256", Bytes),
        ("format", Text),
        ("line_count", Int),
        ("paid_count", Int),
        ("failed_count", Int),
        ("unknown_count", Int),
        ("conflict_count", Int),
        ("problem_count", Int),
        ("channel", Text),
        ("fetched_by", Int),
        ("recorded_at", Int),
        ("actor_id", Int),
        ("mark", Int),
    ],
    order: &["reply_id"],
};

/// `reply_line`
pub static REPLY_LINE: Table = Table {
    name: "reply_line",
    columns: &[
        ("court_id", Int),
        ("book_id", Int),
        ("id", Int),
        ("reply_id", Int),
        ("place", Int),
        ("payment_id", Int),
        ("state", Text),
        ("cause", Text),
        ("code", Text),
        ("reason", Text),
        ("conflict", Text),
        ("mark", Int),
    ],
    order: &["id"],
};

/// The most characters kept of the bank's words.
const REASON_CHARS_MAX: usize = 300;

/// The shortest piece of a line key that may stand for the whole: run number and one digit.
const KEY_CHARS_MIN: usize = 11;

/// Digits of a whole line key behind its hyphen.
const LINE_DIGITS: usize = 9;

/// What to import.
#[derive(Debug, Clone, Copy)]
pub struct Import<'a> {
    /// The file.
    pub path: &'a Path,
    /// Text of a profile, where the shipped ones do not fit.
    pub profile: Option<&'a str>,
    /// Name or message id of the payment file it answers, where it does not say itself.
    pub payment_file: Option<&'a str>,
    /// How it came.
    pub channel: Channel,
    /// Who fetched it.
    pub fetched_by: &'a Actor,
}

/// A line of an answer that does not count, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where it stands in the answer.
    pub place: u64,
    /// Why: `replies.conflict_…`.
    pub message: Message,
}

/// What an answer came to.
#[derive(Debug, Clone, Default)]
pub struct Imported {
    /// Row; 0 when the very file was imported before.
    pub reply_id: i64,
    /// The payment file that it answers.
    pub payment_file: String,
    /// Lines of the answer.
    pub lines: i64,
    /// Payments newly known as paid, failed, in hand.
    pub paid: Total,
    /// Failed.
    pub failed: Total,
    /// In hand.
    pub unknown: i64,
    /// Lines that say again what was known.
    pub repeated: i64,
    /// Lines that do not count.
    pub conflicts: Vec<Conflict>,
    /// What was odd in the file.
    pub problems: Vec<Problem>,
    /// The very file was imported before: nothing has changed.
    pub already: bool,
}

/// What is collected of an answer before anything is recorded. A payment file has thousands of lines, not millions.
#[derive(Default)]
struct Collected {
    head: Head,
    lines: Vec<Line>,
    foot: Foot,
    problems: Vec<Problem>,
    problem_count: i64,
}

/// Lines of one answer: a payment file has 5,000, one of 1,000,000 would be the largest that profiles allow.
const LINES_MAX: usize = 1_000_000;

impl Sink for Collected {
    fn statement(&mut self, _: statement::Piece<'_>) -> Outcome<()> {
        Err(Message::new("replies.not_a_reply").into())
    }

    fn reply(&mut self, piece: Piece<'_>) -> Outcome<()> {
        match piece {
            Piece::Begin(head) => self.head = head.clone(),
            Piece::Line(line) if self.lines.len() < LINES_MAX => self.lines.push(line.clone()),
            Piece::Line(_) => return Err(Message::new("replies.too_long").with("max", LINES_MAX).into()),
            Piece::End(foot) => self.foot = foot.clone(),
        }
        Ok(())
    }

    fn problem(&mut self, problem: Problem) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_KEPT {
            self.problems.push(problem);
        }
    }
}

/// Imports an answer to a payment file into the caller's transaction. Needs finance or the fund keeper. The same
/// answer twice changes nothing; a line that contradicts the payment file or an earlier answer is kept, does not
/// count, and is told.
///
/// # Errors
/// What [`reading::read`] refuses; `replies.not_a_reply`, `replies.file_unknown`, `replies.file_unnamed`,
/// `replies.too_long`, `replies.totals_differ`.
pub fn import_reply(
    tx: &mut Tx<'_>,
    acting: &Acting,
    keys: &Keys,
    randomness: &mut Randomness,
    import: &Import<'_>,
) -> Outcome<Imported> {
    let court_id = acting.actor.court_id;
    let (mut file, sha256) = documents::open_hashed(import.path)?;
    let mut act = acting.open_act(tx, books::CASE_MONEY, "reply.import")?;
    may_import(tx, acting)?;
    documents::require_keys(tx, keys, act.book())?;
    if let Some(known) = known(tx, court_id, &sha256)? {
        return Ok(known);
    }
    let name = import.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut answer = Collected::default();
    let kind = reading::read(&name, &mut BufReader::new(&mut file), import.profile, &mut answer)
        .map_err(|failure| failure.in_file(import.path))?;
    if kind.content != reading::Content::Reply {
        return Err(Message::new("replies.not_a_reply").in_file(import.path).into());
    }
    let (sent, place) = payment_file(tx, court_id, &answer, import)?;
    check_totals(&answer)?;
    let payments = sent_in_file(tx, court_id, &sent, place)?;
    file.rewind()?;
    let new = NewDocument { kind: "reply", name: &name, media_type: "application/octet-stream" };
    let document = documents::store(tx, &mut act, keys, randomness, &new, &mut file)?;
    let reply_id = act.take_ids(1);
    let mut imported = Imported {
        reply_id,
        payment_file: sent.files[place].name.clone(),
        problems: answer.problems,
        ..Imported::default()
    };
    let decided = decide(&answer.head, &answer.lines, &payments, keys);
    let mut states: Vec<(i64, Answer, &str, Standing)> = Vec::new();
    for line in &decided {
        imported.lines += 1;
        let id = act.take_ids(1);
        act.insert(
            tx,
            &REPLY_LINE,
            id,
            &[
                id.into(),
                reply_id.into(),
                i64::try_from(line.place).unwrap_or(i64::MAX).into(),
                line.payment.map_or(0, |payment| payments[payment].payment_id).into(),
                state_word(line.state).into(),
                line.cause.into(),
                Value::Text(&cut(&line.code)),
                Value::Text(&cut(&line.reason)),
                line.conflict
                    .as_ref()
                    .map_or("", |conflict| conflict.code.trim_start_matches("replies.conflict_"))
                    .into(),
            ],
        )?;
        if let Some(message) = &line.conflict {
            imported.conflicts.push(Conflict { place: line.place, message: message.clone() });
            continue;
        }
        let Some(payment) = line.payment.map(|payment| &payments[payment]) else { continue };
        if !line.counts {
            imported.repeated += 1;
            continue;
        }
        let answer = match line.state {
            State::Paid => Answer::Paid,
            State::Failed => Answer::Failed,
            State::Unknown => Answer::Unknown,
        };
        match answer {
            Answer::Paid => imported.paid.add(payment.amount)?,
            Answer::Failed => imported.failed.add(payment.amount)?,
            Answer::Unknown | Answer::None => imported.unknown += 1,
        }
        states.push((payment.payment_id, answer, line.cause, payment.standing));
    }
    write_states(tx, court_id, &states)?;
    act.insert(
        tx,
        &REPLY,
        reply_id,
        &[
            reply_id.into(),
            sent.run.run_id.into(),
            sent.files[place].file_id.into(),
            document.document_id.into(),
            Value::Bytes(&sha256),
            kind.name.as_str().into(),
            imported.lines.into(),
            imported.paid.count.cast_signed().into(),
            imported.failed.count.cast_signed().into(),
            imported.unknown.into(),
            (imported.conflicts.len() as i64).into(),
            answer.problem_count.into(),
            import.channel.as_str().into(),
            import.fetched_by.person_id.into(),
            acting.at.as_microsecond().into(),
            acting.actor.person_id.into(),
        ],
    )?;
    documents::must_be_unchanged(import.path, &sha256)?;
    act.close(tx)?;
    Ok(imported)
}

fn known(tx: &mut Tx<'_>, court_id: i64, sha256: &Digest) -> Outcome<Option<Imported>> {
    let found = tx.query(
        "SELECT r.reply_id, f.name, r.line_count FROM reply AS r JOIN bank_file AS f ON f.court_id = r.court_id \
         AND f.book_id = r.book_id AND f.file_id = r.file_id \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.sha256 = $3 ORDER BY r.reply_id LIMIT 1",
        &[court_id.into(), books::CASE_MONEY.into(), Value::Bytes(sha256)],
        |row| Ok((row.int(0)?, row.text(1)?.to_owned(), row.int(2)?)),
    )?;
    Ok(found.into_iter().next().map(|(reply_id, payment_file, lines)| Imported {
        reply_id,
        payment_file,
        lines,
        already: true,
        ..Imported::default()
    }))
}

/// The payment file that an answer is about: as it was given, as the answer says, or as the keys of its lines show.
fn payment_file(tx: &mut Tx<'_>, court_id: i64, answer: &Collected, import: &Import<'_>) -> Outcome<(SentRun, usize)> {
    let said = import.payment_file.map(str::to_owned).or_else(|| {
        let said = answer.head.original_message_id.trim();
        (!said.is_empty()).then(|| said.to_owned())
    });
    let mut all = Vec::new();
    for account in chart::bank_accounts(tx, court_id)? {
        all.extend(sent_runs(tx, court_id, account.bank_account_id)?);
    }
    if let Some(said) = &said {
        let is_it = |file: &crate::payouts::release::BankFile| {
            file.message_id == *said || file.name == *said || stem(&file.name) == stem(said)
        };
        for sent in &all {
            if let Some(place) = sent.files.iter().position(is_it) {
                return Ok((sent.clone(), place));
            }
        }
        return Err(Message::new("replies.file_unknown").with("file", said).in_file(import.path).into());
    }
    // Without a name: the file that holds the line keys.
    let key = answer.lines.iter().find_map(|line| {
        // Only a whole key: one that was cut names another line.
        let (number, line_no) = line.key.trim().split_once('-')?;
        (line_no.len() == LINE_DIGITS).then(|| Some((number, line_no.parse::<i64>().ok()?)))?
    });
    if let Some((number, line_no)) = key
        && let Some(sent) = all.iter().find(|sent| sent.run.number.replace('-', "") == number)
    {
        for (place, file) in sent.files.iter().enumerate() {
            if file.lines_between.0 <= line_no
                && line_no <= file.lines_between.1
                && sent_in_file(tx, court_id, sent, place)?.iter().any(|payment| payment.line_no == line_no)
            {
                return Ok((sent.clone(), place));
            }
        }
    }
    Err(Message::new("replies.file_unnamed").in_file(import.path).into())
}

/// A file's name without folder and ending: banks answer under the name with another ending.
fn stem(name: &str) -> &str {
    let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// An answer whose own totals contradict its lines was cut or changed: it cannot be trusted.
fn check_totals(answer: &Collected) -> Result<(), Message> {
    let count = |state| answer.lines.iter().filter(|line| line.state == state).count() as u64;
    let sum = |state| -> Option<Decimal> {
        answer
            .lines
            .iter()
            .filter(|line| line.state == state)
            .try_fold(Decimal::ZERO, |sum, line| exact_sum(sum, line.amount.unwrap_or(Decimal::ZERO)))
    };
    let foot = &answer.foot;
    let counts = [
        ("lines", foot.lines, answer.lines.len() as u64),
        ("paid", foot.paid, count(State::Paid)),
        ("failed", foot.failed, count(State::Failed)),
    ];
    for (what, declared, found) in counts {
        if declared.is_some_and(|declared| declared != found) {
            let declared = declared.unwrap_or(0);
            return Err(differ(what, declared, found));
        }
    }
    for (what, declared, state) in
        [("paid_sum", foot.paid_sum, State::Paid), ("failed_sum", foot.failed_sum, State::Failed)]
    {
        if let Some(declared) = declared
            && sum(state) != Some(declared)
        {
            return Err(differ(what, declared, sum(state).unwrap_or(Decimal::ZERO)));
        }
    }
    Ok(())
}

fn differ(what: &'static str, declared: impl ToString, found: impl ToString) -> Message {
    Message::new("replies.totals_differ").with("what", what).with("declared", declared).with("found", found)
}

/// What one line of an answer comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Decided {
    place: u64,
    /// Place among the payments of the file.
    payment: Option<usize>,
    state: State,
    cause: &'static str,
    code: String,
    reason: String,
    /// Says something new.
    counts: bool,
    conflict: Option<Message>,
}

/// Finds the payment of each line and what the line changes. Pure.
fn decide(head: &Head, lines: &[Line], payments: &[Sent], keys: &Keys) -> Vec<Decided> {
    if lines.is_empty() && head.group == Some(State::Failed) {
        // Refused as a whole.
        let cause = cause_word(head.group_cause.unwrap_or_default());
        return (0..payments.len())
            .map(|payment| {
                let mut line = Decided {
                    place: 0,
                    payment: Some(payment),
                    state: State::Failed,
                    cause,
                    code: head.group_code.clone(),
                    reason: head.group_reason.clone(),
                    counts: true,
                    conflict: None,
                };
                against_earlier(&mut line, payments[payment].answer);
                line
            })
            .collect();
    }
    let by_key: HashMap<&str, usize> =
        payments.iter().enumerate().map(|(place, payment)| (payment.key.as_str(), place)).collect();
    let mut by_account: HashMap<(i64, i64), Vec<usize>> = HashMap::new();
    for (place, payment) in payments.iter().enumerate() {
        by_account.entry((payment.account_index, payment.amount.minor())).or_default().push(place);
    }
    let mut answered: HashMap<usize, State> = HashMap::new();
    let mut decided: Vec<Decided> = lines
        .iter()
        .map(|line| {
            let cause = if line.state == State::Failed { cause_word(line.cause.unwrap_or_default()) } else { "" };
            let mut decided = Decided {
                place: line.place,
                payment: None,
                state: line.state,
                cause,
                code: line.code.clone(),
                reason: line.reason.clone(),
                counts: true,
                conflict: None,
            };
            let account: String = line.account.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            let is_masked = line.account.contains('*') || account.len() < 6;
            let account_index = if is_masked { None } else { Some(keys.index("account", &account)) };
            decided.payment = find(line, payments, &by_key, &by_account, account_index);
            let Some(place) = decided.payment else {
                decided.conflict = Some(Message::new("replies.conflict_no_payment").with("line", line.place));
                return decided;
            };
            let payment = &payments[place];
            let amount = line.amount.map(fen);
            if amount.is_some_and(|amount| amount != Some(payment.amount.minor())) {
                decided.conflict = Some(
                    Message::new("replies.conflict_amount")
                        .with("line", line.place)
                        .with("key", &payment.key)
                        .with("said", line.amount.unwrap_or_default())
                        .with("sent", payment.amount),
                );
            } else if account_index.is_some_and(|index| index != payment.account_index) {
                decided.conflict =
                    Some(Message::new("replies.conflict_account").with("line", line.place).with("key", &payment.key));
            } else {
                match answered.insert(place, line.state) {
                    Some(before) if before != line.state => {
                        decided.conflict = Some(
                            Message::new("replies.conflict_twice").with("line", line.place).with("key", &payment.key),
                        );
                    }
                    Some(_) => decided.counts = false,
                    None => against_earlier(&mut decided, payment.answer),
                }
            }
            decided
        })
        .collect();
    // Of lines that contradict each other none counts: what is not certain is unknown.
    let contradicted: HashSet<usize> = decided
        .iter()
        .filter(|line| line.conflict.as_ref().is_some_and(|conflict| conflict.code == "replies.conflict_twice"))
        .filter_map(|line| line.payment)
        .collect();
    for line in &mut decided {
        if let Some(place) = line.payment.filter(|place| contradicted.contains(place))
            && line.conflict.is_none()
        {
            let message = Message::new("replies.conflict_twice").with("line", line.place);
            line.conflict = Some(message.with("key", &payments[place].key));
        }
    }
    decided
}

/// A definite answer stays; one that says the same again changes nothing, and one that contradicts it does not count.
fn against_earlier(line: &mut Decided, before: Answer) {
    match (before, line.state) {
        (Answer::Paid, State::Failed) | (Answer::Failed, State::Paid) => {
            line.conflict = Some(Message::new("replies.conflict_answered_before").with("line", line.place));
        }
        (Answer::Paid, State::Paid | State::Unknown)
        | (Answer::Failed, State::Failed | State::Unknown)
        | (Answer::Unknown, State::Unknown) => line.counts = false,
        (Answer::None | Answer::Unknown, _) => {}
    }
}

/// The payment of a line: by its key, by what is left of the key, by serial number, by account and amount.
fn find(
    line: &Line,
    payments: &[Sent],
    by_key: &HashMap<&str, usize>,
    by_account: &HashMap<(i64, i64), Vec<usize>>,
    account_index: Option<i64>,
) -> Option<usize> {
    let key = line.key.trim();
    if let Some(place) = by_key.get(key) {
        return Some(*place);
    }
    let amount = line.amount.and_then(fen);
    let agrees = |payment: &Sent| {
        amount.is_none_or(|amount| amount == payment.amount.minor())
            && account_index.is_none_or(|index| index == payment.account_index)
    };
    let only = |mut places: Box<dyn Iterator<Item = usize> + '_>| match (places.next(), places.next()) {
        (Some(place), None) => Some(place),
        _ => None,
    };
    if key.len() >= KEY_CHARS_MIN {
        let cut = payments.iter().enumerate().filter(|(_, payment)| payment.key.starts_with(key) && agrees(payment));
        if let Some(place) = only(Box::new(cut.map(|(place, _)| place))) {
            return Some(place);
        }
    }
    let serial = line.serial.and_then(|serial| usize::try_from(serial).ok()).and_then(|serial| serial.checked_sub(1));
    if key.is_empty()
        && let Some(place) = serial.filter(|place| payments.get(*place).is_some_and(agrees))
    {
        return Some(place);
    }
    match (account_index, amount) {
        (Some(index), Some(amount)) if key.is_empty() => match by_account.get(&(index, amount)).map(Vec::as_slice) {
            Some([only]) => Some(*only),
            _ => None,
        },
        _ => None,
    }
}

fn fen(amount: Decimal) -> Option<i64> {
    let fen = amount.checked_mul(Decimal::ONE_HUNDRED)?;
    if fen.is_integer() { fen.to_i64() } else { None }
}

fn cut(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).collect()
}

const fn state_word(state: State) -> &'static str {
    match state {
        State::Paid => "paid",
        State::Failed => "failed",
        State::Unknown => "unknown",
    }
}

/// A cause as stored.
#[must_use]
pub const fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::AccountUnknown => "account_unknown",
        Cause::AccountClosed => "account_closed",
        Cause::AccountBlocked => "account_blocked",
        Cause::NameDiffers => "name_differs",
        Cause::BankUnknown => "bank_unknown",
        Cause::Limit => "limit",
        Cause::FundsShort => "funds_short",
        Cause::Duplicate => "duplicate",
        Cause::Other => "other",
    }
}

/// A stored cause in words.
#[must_use]
pub fn cause_message(cause: &str) -> Message {
    Message::new(match cause {
        "account_unknown" => "replies.cause_account_unknown",
        "account_closed" => "replies.cause_account_closed",
        "account_blocked" => "replies.cause_account_blocked",
        "name_differs" => "replies.cause_name_differs",
        "bank_unknown" => "replies.cause_bank_unknown",
        "limit" => "replies.cause_limit",
        "funds_short" => "replies.cause_funds_short",
        "duplicate" => "replies.cause_duplicate",
        _ => "replies.cause_other",
    })
}
