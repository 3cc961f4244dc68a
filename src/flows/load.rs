//! What matching compares: the open lines of an account, and what the court expects.

use std::collections::{BTreeMap, HashMap, HashSet};

use ankuan_ledger::Amount;
use ankuan_ledger::engine::Tx;
use ankuan_reconciliation::line_key::{find_line_keys, find_message_ids};
use ankuan_reconciliation::matching::{self as m, Evidence, Input, InputFull, Match, Outcome as Finding};
use jiff::ToSpan;
use jiff::civil::Date;

use super::receivables;
use crate::assets::{self, Expected};
use crate::books;
use crate::cases::{SubAccount, number::CaseNumber};
use crate::chart::BankAccount;
use crate::failure::{Failure, Outcome};
use crate::message::Message;
use crate::payouts::lines::PURPOSE;
use crate::payouts::sent::{Answer, Sent, SentRun, Standing, each_sent, sent_runs};
use crate::receipts;
use crate::statements::{BankLine, balance, each_open_line};
use crate::words::read_date;

/// Payments are looked for among the returns so many days after their release; later ones are matched by hand. Banks
/// return within days; half a year leaves room for accounts that are closed late.
const RETURN_DAYS: i64 = 180;

/// The runs whose payments are loaded. Loading all that a court ever paid would cost more than what is done with it.
#[derive(Clone, Copy)]
pub(super) enum Runs<'a> {
    /// Those that the rules may find in the open lines.
    Recent,
    /// The one whose payment has this key, however long ago it went out.
    OfPayment(&'a str),
    /// The one that has a file of this name.
    OfFile(&'a str),
    /// None: no payment is meant.
    None,
}

impl Runs<'_> {
    fn include(self, sent: &SentRun, first_day: Option<Date>) -> bool {
        match self {
            Self::Recent => {
                let last = sent.released_on.checked_add(RETURN_DAYS.days()).unwrap_or(sent.released_on);
                first_day.is_none_or(|first| first <= last)
            }
            Self::OfPayment(key) => key.split_once('-').is_some_and(|(run, _)| run == sent.run.number.replace('-', "")),
            Self::OfFile(name) => sent.files.iter().any(|file| file.name == name),
            Self::None => false,
        }
    }
}

/// Earlier credits that a reversal may take back.
const REVERSAL_DAYS: i64 = 60;

/// Notices and details of entries are looked for so many days before the oldest open line.
const DETAIL_DAYS: i64 = 10;

/// What was loaded, for matching and for applying what it finds.
pub(super) struct Loaded {
    pub input: Input,
    pub lines: Vec<BankLine>,
    /// Lines finer than a fen: never matched, never posted.
    pub finer: Vec<BankLine>,
    pub payments: Vec<Sent>,
    payment_places: HashMap<i64, usize>,
    /// Payments of each file, by its row.
    files: HashMap<i64, Vec<usize>>,
    /// The answer that refused a payment first.
    pub refusals: HashMap<i64, i64>,
    released_on: HashMap<i64, Date>,
    last_day: Option<Date>,
    /// By their ids.
    sub_accounts: Vec<SubAccount>,
    /// Cases that have one.
    sub_account_cases: HashSet<i64>,
    /// References that receipts of the account have; true where none of them stands any more.
    references: HashMap<String, bool>,
    /// Receipts recorded by hand that no line has shown yet.
    pub open_receipts: HashSet<i64>,
    /// Cases by their numbers.
    numbers: HashMap<String, i64>,
    /// Newest number of each case.
    case_names: HashMap<i64, String>,
    /// Deductions that have not arrived whole.
    pub expected: HashMap<i64, Expected>,
    /// Cases of the receivables.
    receivable_cases: HashMap<i64, i64>,
    /// Whether the bank's statements follow from each other.
    is_whole: bool,
}

/// The key of ours that a line carries, if it does: such money comes back from a payment of ours.
pub(super) fn own_key(line: &BankLine) -> Option<&str> {
    let texts = [&line.own_reference, &line.remark];
    let key = texts.iter().find_map(|text| find_line_keys(text).next());
    key.or_else(|| line.remark.contains(PURPOSE).then_some(PURPOSE))
}

impl Loaded {
    pub(super) fn line(&self, line_id: i64) -> Option<&BankLine> {
        let place = self.lines.binary_search_by_key(&line_id, |line| line.bank_line_id).ok()?;
        self.lines.get(place)
    }

    pub(super) fn payment(&self, payment_id: i64) -> Option<&Sent> {
        self.payments.get(*self.payment_places.get(&payment_id)?)
    }

    /// A sentence of the matching crate, which knows cases by their ids, as people read it: with their numbers.
    pub(super) fn said(&self, evidence: &Evidence) -> Message {
        let mut message = Message { code: evidence.code, arguments: evidence.arguments.clone() };
        for (name, value) in &mut message.arguments {
            if *name == "case"
                && let Some(number) = value.parse().ok().and_then(|case_id: i64| self.case_names.get(&case_id))
            {
                value.clone_from(number);
            }
        }
        message
    }

    /// Whether a receipt that stands has the line's reference: the same money under another day or text, perhaps.
    pub(super) fn is_reference_taken(&self, line: &BankLine) -> bool {
        self.references.get(&line.bank_reference) == Some(&false)
    }

    /// The case of a receivable.
    pub(super) fn receivable_case(&self, receipt_id: i64) -> Option<i64> {
        self.receivable_cases.get(&receipt_id).copied()
    }

    /// The cases that a line names by number or sub-account.
    pub(super) fn named_cases(&self, line: &BankLine) -> Vec<i64> {
        let by_number = cases_in(line, &self.numbers);
        let of_sub_account = self.sub_accounts.iter().filter(|one| one.number == line.sub_account);
        by_number.into_iter().chain(of_sub_account.map(|one| one.case_id)).collect()
    }

    pub(super) fn sub_account(&self, sub_account_id: i64) -> Option<&SubAccount> {
        let place = self.sub_accounts.binary_search_by_key(&sub_account_id, |one| one.sub_account_id).ok()?;
        self.sub_accounts.get(place)
    }

    /// Whether a case has a sub-account here.
    pub(super) fn has_sub_account(&self, case_id: i64) -> bool {
        self.sub_account_cases.contains(&case_id)
    }

    pub(super) fn payment_mut(&mut self, payment_id: i64) -> Option<&mut Sent> {
        let place = *self.payment_places.get(&payment_id)?;
        self.payments.get_mut(place)
    }

    /// A payment by the key on its file.
    pub(super) fn payment_by_key(&self, key: &str) -> Option<&Sent> {
        self.payments.iter().find(|payment| payment.key == key)
    }

    /// The payments of a file that are looked for among the returns.
    pub(super) fn payments_of_file(&self, file_id: i64) -> impl Iterator<Item = &Sent> + Clone {
        let places = self.files.get(&file_id).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.payments.get(*place))
    }

    /// Files whose refused payments will not be debited any more, with those payments: the rest of the file has been
    /// debited without them, or all of it was refused and the statements have passed the day of its release.
    pub(super) fn files_without_failures(&self, less_failed: &HashMap<i64, i64>) -> Vec<(i64, Vec<i64>)> {
        let mut found = Vec::new();
        for file_id in self.files.keys() {
            let payments = || self.payments_of_file(*file_id);
            let is_refused = |payment: &Sent| payment.standing == Standing::Out && payment.answer == Answer::Failed;
            let is_waiting = |payment: &Sent| payment.standing == Standing::Out && payment.answer != Answer::Failed;
            if payments().any(is_waiting) || !payments().any(is_refused) {
                continue;
            }
            // The bank said so with the debit itself, or its statements have passed the day without a gap.
            let has_passed = self.is_whole && self.last_day > self.released_on.get(file_id).copied();
            if less_failed.contains_key(file_id) || has_passed {
                found.push((*file_id, payments().filter(|one| is_refused(one)).map(|one| one.payment_id).collect()));
            }
        }
        found.sort_unstable();
        found
    }

    /// What speaks against a finding that the rules made from the bank's texts alone.
    pub(super) fn objection(&self, found: &Match) -> Option<Message> {
        let lines = || found.lines.iter().filter_map(|line| self.line(*line));
        match &found.outcome {
            Finding::FileDebited { .. } | Finding::LumpReturned { .. } => {
                let settled = Amount::sum(
                    self.settled_by(&found.outcome)
                        .iter()
                        .filter_map(|payment| self.payment(*payment))
                        .map(|payment| payment.amount),
                )?;
                let booked = Amount::sum(lines().map(|line| Amount::from_minor(line.amount.minor().abs())))?;
                let message = Message::new("flows.sum_differs").with("line", booked).with("payments", settled);
                (settled != booked).then_some(message)
            }
            Finding::CaseReceipt { .. } | Finding::Unattributed => lines().find_map(|line| {
                if let Some(key) = own_key(line) {
                    // A return of what is settled already, or of long ago: never a payer's money.
                    return Some(Message::new("flows.carries_our_key").with("key", key));
                }
                if self.is_reference_taken(line) {
                    return Some(Message::new("flows.reference_taken").with("reference", &line.bank_reference));
                }
                let case_id =
                    if let Finding::CaseReceipt { case_id, .. } = &found.outcome { Some(*case_id) } else { None };
                self.may_be_expected(line, case_id)
            }),
            Finding::Recovered { id } => lines().find_map(|line| {
                let case = self.receivable_case(*id)?;
                let named = self.named_cases(line);
                (!named.is_empty() && !named.contains(&case)).then(|| Message::new("flows.names_another_case"))
            }),
            Finding::Reversed { receipt_id: None, line_id } if found.lines.len() == 1 => {
                Some(Message::new("flows.reversal_of_no_receipt").with("line", line_id))
            }
            _ => None,
        }
    }

    /// Whether money that the rules take for new is of a payer from whom a deduction is expected (of this case, where the
    /// line names one): it may be that with another amount, and people say what it is.
    pub(super) fn may_be_expected(&self, line: &BankLine, case_id: Option<i64>) -> Option<Message> {
        let letters = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
        let name = letters(&line.name);
        let of_payer = self.expected.values().filter(|one| {
            !name.is_empty() && letters(&one.payer_name) == name && case_id.is_none_or(|case_id| case_id == one.case_id)
        });
        let one = of_payer.min_by_key(|one| one.deduction_id)?;
        let message = Message::new("flows.may_be_deduction").with("deduction", one.deduction_id);
        Some(message.with("expected", one.amount).with("line", line.bank_line_id))
    }

    /// The payments that a finding about a file settles.
    pub(super) fn settled_by(&self, outcome: &Finding) -> Vec<i64> {
        match outcome {
            Finding::FileDebited { file_id, less_failed } => self.settled_of_file(*file_id, |payment| {
                payment.standing == Standing::Out && !(*less_failed && payment.answer == Answer::Failed)
            }),
            Finding::LumpReturned { file_id, answer_id } => {
                let refusals = &self.refusals;
                self.settled_of_file(*file_id, |payment| {
                    payment.standing == Standing::Debited
                        && payment.answer == Answer::Failed
                        && answer_id.is_none_or(|answer| refusals.get(&payment.payment_id) == Some(&answer))
                })
            }
            _ => Vec::new(),
        }
    }

    fn settled_of_file(&self, file_id: i64, is_settled: impl Fn(&Sent) -> bool) -> Vec<i64> {
        let payments = self.payments_of_file(file_id).filter(|payment| is_settled(payment));
        payments.map(|payment| payment.payment_id).collect()
    }

    /// The reference of the receipt that a line becomes: the bank's, or one made of the line's own number. A line that
    /// was matched and undone before gets another one, since references are used once.
    pub(super) fn receipt_reference(&mut self, line: &BankLine) -> String {
        let base = if line.bank_reference.is_empty() {
            format!("L{}", line.bank_line_id)
        } else {
            line.bank_reference.clone()
        };
        let mut reference = base.clone();
        let mut number = 2;
        while self.references.contains_key(&reference) {
            reference = format!("{base}/{number}");
            number += 1;
        }
        self.references.insert(reference.clone(), false);
        reference
    }
}

fn full(_: InputFull) -> Failure {
    Message::new("flows.input_full").into()
}

/// Loads the open lines booked up to a day: nothing is posted before the bank has it.
pub(super) fn load(
    tx: &mut Tx<'_>,
    court_id: i64,
    account: &BankAccount,
    until: Date,
    runs: Runs<'_>,
) -> Outcome<Loaded> {
    let (book, bank_account_id) = (books::case_money(court_id), account.bank_account_id);
    let key = [court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()];
    let reversed = receipts::reversed(tx, book)?;
    tx.expect_whole_tables()?;
    let mut input = Input::new();

    let (mut lines, mut finer) = (Vec::new(), Vec::new());
    each_open_line(tx, court_id, bank_account_id, &mut |line| {
        if !line.exact_amount.is_empty() {
            finer.push(line);
        } else if line.booked_on <= until {
            lines.push(line);
        }
        Ok(())
    })?;
    let sub_accounts = tx.query(
        "SELECT sub_account_id, case_id, payer_party_id, bank_account_id, number FROM sub_account \
         WHERE court_id = $1 AND book_id = $2 AND bank_account_id = $3 ORDER BY sub_account_id",
        &key,
        |row| {
            Ok(SubAccount {
                sub_account_id: row.int(0)?,
                case_id: row.int(1)?,
                payer_party_id: row.int(2)?,
                bank_account_id: row.int(3)?,
                number: row.text(4)?.to_owned(),
            })
        },
    )?;
    let numbers = tx.query(
        "SELECT number, case_id FROM case_number WHERE court_id = $1 AND book_id = $2 ORDER BY id",
        &[book.court_id.into(), book.book_id.into()],
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?)),
    )?;
    let case_names = numbers.iter().map(|(number, case_id)| (*case_id, number.clone())).collect();
    let numbers: HashMap<String, i64> = numbers.into_iter().collect();
    let by_number = sub_accounts.iter().map(|one| (one.number.as_str(), one)).collect();
    let details = details(tx, court_id, bank_account_id, &lines)?;
    for line in &lines {
        push_line(&mut input, line, &by_number, &numbers, &details)?;
    }

    let first_day = lines.iter().map(|line| line.booked_on).min();
    let side = balance::bank_side(tx, court_id, bank_account_id)?;
    let mut loaded = Loaded {
        input,
        lines,
        finer,
        payments: Vec::new(),
        payment_places: HashMap::new(),
        files: HashMap::new(),
        refusals: HashMap::new(),
        released_on: HashMap::new(),
        last_day: side.last_day(),
        sub_account_cases: sub_accounts.iter().map(|one| one.case_id).collect(),
        sub_accounts,
        references: HashMap::new(),
        open_receipts: HashSet::new(),
        numbers,
        case_names,
        expected: HashMap::new(),
        receivable_cases: HashMap::new(),
        is_whole: side.last_day().is_none_or(|day| side.gaps(day).is_empty()),
    };
    load_payments(tx, court_id, bank_account_id, (runs, first_day), &mut loaded)?;
    load_receipts(tx, court_id, bank_account_id, &reversed, &mut loaded)?;
    load_credits(tx, court_id, bank_account_id, first_day, &mut loaded)?;
    load_receivables(tx, court_id, bank_account_id, &mut loaded)?;
    tx.expect_few_rows()?;
    for expected in assets::expected(tx, court_id, bank_account_id)? {
        let arrival = m::Arrival {
            expected_id: expected.deduction_id,
            case_id: expected.case_id,
            amount_minor: expected.amount.minor(),
            payer_name: &expected.payer_name,
            account_index: 0,
            sub_account_id: None,
            since: expected.confirmed_on,
        };
        loaded.input.push_arrival(&arrival).map_err(full)?;
        loaded.expected.insert(expected.deduction_id, expected);
    }
    Ok(loaded)
}

/// One payment that an entry is made of: key, amount, whether it came back.
type EntryDetail = (String, Option<i64>, bool);

/// Details of open lines: stored with them, or told of by a notice under the same reference of the bank.
struct Details {
    of_line: HashMap<i64, Vec<EntryDetail>>,
    of_reference: HashMap<String, Vec<EntryDetail>>,
}

fn details(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64, lines: &[BankLine]) -> Outcome<Details> {
    let mut details = Details { of_line: HashMap::new(), of_reference: HashMap::new() };
    let Some(first) = lines.iter().map(|line| line.booked_on).min() else { return Ok(details) };
    let first = first.checked_sub(DETAIL_DAYS.days()).unwrap_or(first);
    let ids: HashSet<i64> = lines.iter().map(|line| line.bank_line_id).collect();
    let references: HashSet<&str> =
        lines.iter().map(|line| line.bank_reference.as_str()).filter(|reference| !reference.is_empty()).collect();
    let mut told_by: HashMap<String, i64> = HashMap::new();
    tx.each(
        "SELECT d.bank_line_id, d.bank_reference, d.line_key, d.amount_minor, d.reason, d.statement_id \
         FROM line_detail AS d \
         JOIN statement AS s ON s.court_id = d.court_id AND s.book_id = d.book_id AND s.statement_id = d.statement_id \
         WHERE d.court_id = $1 AND d.book_id = $2 AND s.bank_account_id = $3 AND s.to_date >= $4 ORDER BY d.id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into(), first.to_string().as_str().into()],
        |row| {
            let detail = || -> ankuan_ledger::engine::Result<EntryDetail> {
                Ok((row.text(2)?.to_owned(), row.opt_int(3)?, !row.text(4)?.is_empty()))
            };
            let line_id = row.int(0)?;
            if line_id != 0 {
                if ids.contains(&line_id) {
                    details.of_line.entry(line_id).or_default().push(detail()?);
                }
            } else if references.contains(row.text(1)?) {
                // The same notice may come in two envelopes: the first one counts.
                let first = told_by.entry(row.text(1)?.to_owned()).or_insert(row.int(5)?);
                if *first == row.int(5)? {
                    details.of_reference.entry(row.text(1)?.to_owned()).or_default().push(detail()?);
                }
            }
            Ok::<(), ankuan_ledger::engine::Error>(())
        },
    )?;
    Ok(details)
}

fn push_line(
    input: &mut Input,
    line: &BankLine,
    sub_accounts: &HashMap<&str, &SubAccount>,
    numbers: &HashMap<String, i64>,
    details: &Details,
) -> Outcome<()> {
    let mut keys: Vec<&str> = Vec::new();
    if !line.own_reference.is_empty() {
        keys.push(&line.own_reference);
    }
    keys.extend(find_line_keys(&line.remark));
    keys.extend(find_message_ids(&line.remark));
    let case_ids = cases_in(line, numbers);
    let listed = details.of_line.get(&line.bank_line_id).or_else(|| details.of_reference.get(&line.bank_reference));
    let listed: Vec<m::DetailRef<'_>> = listed
        .into_iter()
        .flatten()
        .map(|(key, amount_minor, is_return)| m::DetailRef { key, amount_minor: *amount_minor, is_return: *is_return })
        .collect();
    let sub_account = sub_accounts
        .get(line.sub_account.as_str())
        .map(|known| m::SubAccount { id: known.sub_account_id, case_id: known.case_id });
    input
        .push_line(&m::BankLine {
            line_id: line.bank_line_id,
            booked_on: line.booked_on,
            amount_minor: line.amount.minor(),
            bank_reference: &line.bank_reference,
            keys: &keys,
            name: &line.name,
            account_index: line.account_index,
            code: &line.code,
            text: &line.remark,
            case_ids: &case_ids,
            sub_account,
            is_reversal: line.is_reversal,
            details: &listed,
        })
        .map_err(full)
}

/// The cases whose numbers stand in a line's texts.
fn cases_in(line: &BankLine, numbers: &HashMap<String, i64>) -> Vec<i64> {
    let mut case_ids: Vec<i64> = Vec::new();
    for text in [&line.remark, &line.code] {
        for number in CaseNumber::find_all(text) {
            if let Some(case_id) = numbers.get(&number.to_string())
                && !case_ids.contains(case_id)
            {
                case_ids.push(*case_id);
            }
        }
    }
    case_ids
}

fn load_payments(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
    (runs, first_day): (Runs<'_>, Option<Date>),
    loaded: &mut Loaded,
) -> Outcome<()> {
    loaded.refusals = refusals(tx, court_id)?;
    for sent in sent_runs(tx, court_id, bank_account_id)? {
        if !runs.include(&sent, first_day) {
            continue;
        }
        let first_place = loaded.payments.len();
        let payments = &mut loaded.payments;
        each_sent(tx, court_id, &sent, &mut |payment| {
            payments.push(payment);
            Ok(())
        })?;
        for (place, payment) in loaded.payments.iter().enumerate().skip(first_place) {
            let file_id = sent.files[payment.file].file_id;
            loaded.payment_places.insert(payment.payment_id, place);
            loaded.files.entry(file_id).or_default().push(place);
            if matches!(payment.standing, Standing::Out | Standing::Debited) {
                loaded
                    .input
                    .push_payment(&m::Payment {
                        payment_id: payment.payment_id,
                        file_id,
                        amount_minor: payment.amount.minor(),
                        key: &payment.key,
                        payee_name: &payment.name,
                        account_index: payment.account_index,
                        answered: match payment.answer {
                            Answer::Paid => Some(m::Answer::Paid),
                            Answer::Failed => Some(m::Answer::Failed),
                            Answer::None | Answer::Unknown => None,
                        },
                        debited_on: (payment.standing != Standing::Out).then_some(sent.released_on),
                    })
                    .map_err(full)?;
            }
        }
        for file in &sent.files {
            push_lumps(file.file_id, loaded)?;
            loaded.released_on.insert(file.file_id, sent.released_on);
            let payments: Vec<&Sent> = loaded.payments_of_file(file.file_id).collect();
            let sum = |wanted: &dyn Fn(&Sent) -> bool| {
                Amount::sum(payments.iter().filter(|one| wanted(one)).map(|one| one.amount)).map_or(0, Amount::minor)
            };
            let is_out = |one: &Sent| one.standing == Standing::Out;
            let is_debited = !payments.iter().any(|one| is_out(one));
            let failed = payments.iter().filter(|one| is_refused(one)).count();
            loaded
                .input
                .push_file(&m::File {
                    file_id: file.file_id,
                    message_id: &file.message_id,
                    name: &file.name,
                    released_on: sent.released_on,
                    total_minor: if is_debited { sum(&|_| true) } else { sum(&is_out) },
                    lines: u32::try_from(payments.len()).unwrap_or(u32::MAX),
                    failed_minor: sum(&is_refused),
                    failed_lines: u32::try_from(failed).unwrap_or(u32::MAX),
                    answered: payments.iter().all(|one| matches!(one.answer, Answer::Paid | Answer::Failed)),
                    debited: is_debited,
                    failed_returned: failed == 0,
                })
                .map_err(full)?;
        }
    }
    Ok(())
}

/// Whether the bank has refused a payment, and its money is not back yet.
fn is_refused(payment: &Sent) -> bool {
    payment.answer == Answer::Failed && matches!(payment.standing, Standing::Out | Standing::Debited)
}

/// The answer that refused each payment: the first whose line counts.
fn refusals(tx: &mut Tx<'_>, court_id: i64) -> Outcome<HashMap<i64, i64>> {
    let mut refusals = HashMap::new();
    tx.each(
        "SELECT payment_id, reply_id FROM reply_line WHERE court_id = $1 AND book_id = $2 AND state = 'failed' \
         AND conflict = '' AND payment_id <> 0 ORDER BY id",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| {
            refusals.entry(row.int(0)?).or_insert(row.int(1)?);
            Ok::<(), ankuan_ledger::engine::Error>(())
        },
    )?;
    Ok(refusals)
}

/// What each answer refused of a file, where several did.
fn push_lumps(file_id: i64, loaded: &mut Loaded) -> Outcome<()> {
    let mut lumps: BTreeMap<i64, i64> = BTreeMap::new();
    for payment in loaded.payments_of_file(file_id) {
        if is_refused(payment)
            && let Some(answer_id) = loaded.refusals.get(&payment.payment_id)
        {
            *lumps.entry(*answer_id).or_insert(0) += payment.amount.minor();
        }
    }
    if lumps.len() > 1 {
        for (answer_id, amount_minor) in lumps {
            loaded.input.push_lump(&m::Lump { file_id, answer_id, amount_minor }).map_err(full)?;
        }
    }
    Ok(())
}

/// Receipts recorded by hand that no line has shown yet; those that were reversed since are none any more.
fn load_receipts(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
    reversed: &HashSet<i64>,
    loaded: &mut Loaded,
) -> Outcome<()> {
    let key = [court_id.into(), books::CASE_MONEY.into(), bank_account_id.into()];
    let references = tx.query(
        "SELECT r.bank_reference, r.receipt_id, u.group_id FROM receipt AS r LEFT JOIN receipt_match AS m \
         ON m.court_id = r.court_id AND m.book_id = r.book_id AND m.receipt_id = r.receipt_id \
         LEFT JOIN match_undo AS u ON u.court_id = m.court_id AND u.book_id = m.book_id AND u.group_id = m.group_id \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.bank_account_id = $3",
        &key,
        |row| Ok((row.text(0)?.to_owned(), row.int(1)?, row.opt_int(2)?.is_some())),
    )?;
    for (reference, receipt_id, is_undone) in references {
        let is_gone = is_undone || reversed.contains(&receipt_id);
        // A line that was matched again has another reference, made of the bank's.
        if let Some((base, number)) = reference.rsplit_once('/')
            && !is_gone
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            loaded.references.insert(base.to_owned(), false);
        }
        *loaded.references.entry(reference).or_insert(true) &= is_gone;
    }
    let open = tx.query(
        "SELECT r.receipt_id, r.amount_minor, r.arrived_on, r.bank_reference, r.payer_name \
         FROM receipt AS r \
         LEFT JOIN receipt_match AS m ON m.court_id = r.court_id AND m.book_id = r.book_id AND m.receipt_id = r.receipt_id \
         LEFT JOIN opening_item AS o ON o.court_id = r.court_id AND o.book_id = r.book_id AND o.receipt_id = r.receipt_id \
         WHERE r.court_id = $1 AND r.book_id = $2 AND r.bank_account_id = $3 AND m.receipt_id IS NULL \
         AND o.receipt_id IS NULL ORDER BY r.receipt_id",
        &key,
        |row| {
            let reference = row.text(3)?.to_owned();
            Ok((row.int(0)?, row.int(1)?, read_date(row, 2)?, reference, row.text(4)?.to_owned()))
        },
    )?;
    for (receipt_id, amount_minor, arrived_on, reference, payer_name) in open {
        if !reversed.contains(&receipt_id) {
            loaded.open_receipts.insert(receipt_id);
            loaded
                .input
                .push_receipt(&m::Receipt {
                    receipt_id,
                    amount_minor,
                    arrived_on,
                    bank_reference: &reference,
                    payer_name: &payer_name,
                    by_card: false,
                })
                .map_err(full)?;
        }
    }
    Ok(())
}

/// Credits that were matched before and that the bank may take back.
fn load_credits(
    tx: &mut Tx<'_>,
    court_id: i64,
    bank_account_id: i64,
    first_day: Option<Date>,
    loaded: &mut Loaded,
) -> Outcome<()> {
    let Some(first) = first_day else { return Ok(()) };
    // Without a debit there is nothing that could take one back.
    if loaded.lines.iter().all(|line| line.amount > Amount::ZERO) {
        return Ok(());
    }
    let first = first.checked_sub(REVERSAL_DAYS.days()).unwrap_or(first).to_string();
    let credits = tx.query(
        "SELECT l.bank_line_id, l.amount_minor, l.booked_on, l.bank_reference, r.receipt_id FROM bank_line AS l \
         JOIN line_match AS x ON x.court_id = l.court_id AND x.book_id = l.book_id AND x.bank_line_id = l.bank_line_id \
         JOIN receipt_match AS r ON r.court_id = x.court_id AND r.book_id = x.book_id AND r.group_id = x.group_id \
         WHERE l.court_id = $1 AND l.book_id = $2 AND l.bank_account_id = $3 AND l.booked_on >= $4 \
         AND l.amount_minor > 0 ORDER BY l.bank_line_id, r.receipt_id",
        &[court_id.into(), books::CASE_MONEY.into(), bank_account_id.into(), first.as_str().into()],
        |row| Ok((row.int(0)?, row.int(1)?, read_date(row, 2)?, row.text(3)?.to_owned(), row.int(4)?)),
    )?;
    let taken_back = taken_back(tx, court_id)?;
    let mut last = 0;
    for (line_id, amount_minor, booked_on, bank_reference, receipt_id) in credits {
        // A line of several receipts is looked at by a person.
        if line_id == last || taken_back.contains(&receipt_id) {
            continue;
        }
        last = line_id;
        loaded
            .input
            .push_credit(&m::Credit {
                line_id,
                receipt_id: Some(receipt_id),
                amount_minor,
                booked_on,
                bank_reference: &bank_reference,
            })
            .map_err(full)?;
    }
    Ok(())
}

/// Receipts that the bank has taken back already, by matches that stand.
pub(super) fn taken_back(tx: &mut Tx<'_>, court_id: i64) -> Outcome<HashSet<i64>> {
    let targets = tx.query(
        "SELECT b.target_id FROM bank_match AS b LEFT JOIN match_undo AS u ON u.court_id = b.court_id \
         AND u.book_id = b.book_id AND u.group_id = b.group_id \
         WHERE b.court_id = $1 AND b.book_id = $2 AND b.outcome = 'receipt_reversed' AND u.group_id IS NULL",
        &[court_id.into(), books::CASE_MONEY.into()],
        |row| row.int(0),
    )?;
    Ok(targets.into_iter().collect())
}

/// Money to be recovered.
fn load_receivables(tx: &mut Tx<'_>, court_id: i64, bank_account_id: i64, loaded: &mut Loaded) -> Outcome<()> {
    for one in receivables(tx, court_id, bank_account_id)? {
        loaded.receivable_cases.insert(one.receipt_id, one.case_id);
        let receivable = m::Receivable {
            id: one.receipt_id,
            case_id: one.case_id,
            amount_minor: one.amount.minor(),
            name: &one.payer_name,
            account_index: 0,
        };
        loaded.input.push_receivable(&receivable).map_err(full)?;
    }
    Ok(())
}
