//! What is compared: bank lines, and what the court expects. Copied into compact rows, texts into one arena.

use jiff::civil::Date;

/// A booked entry of the court's account.
#[derive(Clone, Copy, Debug)]
pub struct BankLine<'a> {
    /// The line's id, unique among the lines.
    pub line_id: i64,
    /// Day of booking.
    pub booked_on: Date,
    /// In fen; positive is a credit to the court's account.
    pub amount_minor: i64,
    /// The bank's own reference, empty if none.
    pub bank_reference: &'a str,
    /// Line keys, message ids or file names of ours found in its references, texts or details, maybe cut short.
    pub keys: &'a [&'a str],
    /// The other party's name, empty if unknown.
    pub name: &'a str,
    /// Keyed blind index of the other party's account; 0: unknown.
    pub account_index: i64,
    /// The bank's code or words for what it is.
    pub code: &'a str,
    /// Remark.
    pub text: &'a str,
    /// Cases whose numbers stand in the text.
    pub case_ids: &'a [i64],
    /// The sub-account it was booked under.
    pub sub_account: Option<SubAccount>,
    /// The bank flags it as taking an earlier entry back.
    pub is_reversal: bool,
    /// Payments it is made of, where the statement lists them.
    pub details: &'a [DetailRef<'a>],
}

/// A sub-account (子账户) and the case it was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubAccount {
    /// Its id.
    pub id: i64,
    /// The case.
    pub case_id: i64,
}

/// One payment of a batch entry.
#[derive(Clone, Copy, Debug)]
pub struct DetailRef<'a> {
    /// The line key it carries, empty if none.
    pub key: &'a str,
    /// In fen, not negative; `None` where the statement does not say.
    pub amount_minor: Option<i64>,
    /// It came back (a reason for a return is given).
    pub is_return: bool,
}

/// What the bank answered about a payment. Not answered, or answered without a definite state, is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Paid. It may still be returned later.
    Paid,
    /// Refused.
    Failed,
}

/// A released payment line.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// Its id, unique among the payments.
    pub payment_id: i64,
    /// The file it went out in.
    pub file_id: i64,
    /// In fen, positive.
    pub amount_minor: i64,
    /// The line key that was sent to the bank.
    pub key: &'a str,
    /// The payee's name.
    pub payee_name: &'a str,
    /// Keyed blind index of the payee's account; 0: unknown.
    pub account_index: i64,
    /// The bank's definite answer.
    pub answered: Option<Answer>,
    /// The day its debit was booked, by itself or with its file; `None`: still to come.
    pub debited_on: Option<Date>,
}

/// A file of payments sent to the bank.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its id, unique among the files.
    pub file_id: i64,
    /// Its message id, empty if it has none.
    pub message_id: &'a str,
    /// Its name, empty if it has none.
    pub name: &'a str,
    /// The day it was released.
    pub released_on: Date,
    /// What its debit comes to in fen: its total, less what was debited line by line before.
    pub total_minor: i64,
    /// Number of its payments, for people.
    pub lines: u32,
    /// Sum of the payments that failed by the bank's answers and have not been returned one by one, fen.
    pub failed_minor: i64,
    /// Their number, for people.
    pub failed_lines: u32,
    /// Every payment has a definite answer.
    pub answered: bool,
    /// Its whole total was debited earlier.
    pub debited: bool,
    /// Its failed payments were returned earlier, or never debited.
    pub failed_returned: bool,
}

/// What one answer of the bank refused of a file, where several answers did: the bank may return each by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lump {
    /// The file.
    pub file_id: i64,
    /// The answer, unique among those of the file.
    pub answer_id: i64,
    /// Sum of the payments it refused that have not come back yet, fen.
    pub amount_minor: i64,
}

/// A receipt recorded by hand and not yet linked to a bank line.
#[derive(Clone, Copy, Debug)]
pub struct Receipt<'a> {
    /// Its id, unique among the receipts.
    pub receipt_id: i64,
    /// In fen, positive.
    pub amount_minor: i64,
    /// The day it arrived, by whoever recorded it.
    pub arrived_on: Date,
    /// The bank's reference, as recorded; empty if none.
    pub bank_reference: &'a str,
    /// Who paid.
    pub payer_name: &'a str,
    /// Taken by card: the bank credits a day's card takings in one sum, less its fee. `false` where nobody knows.
    pub by_card: bool,
}

/// Money that is expected: a deduction order, a surrender.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// Its id, unique among the arrivals.
    pub expected_id: i64,
    /// The case.
    pub case_id: i64,
    /// In fen, positive.
    pub amount_minor: i64,
    /// Who pays.
    pub payer_name: &'a str,
    /// Keyed blind index of the payer's account; 0: unknown.
    pub account_index: i64,
    /// The sub-account it is to arrive on.
    pub sub_account_id: Option<i64>,
    /// Not before this day.
    pub since: Date,
}

/// An earlier credit line, already booked, that a reversal may take back.
#[derive(Clone, Copy, Debug)]
pub struct Credit<'a> {
    /// The line, unique among the earlier credits and none of the lines to be matched.
    pub line_id: i64,
    /// What it was booked as.
    pub receipt_id: Option<i64>,
    /// In fen, positive.
    pub amount_minor: i64,
    /// Day of booking.
    pub booked_on: Date,
    /// The bank's reference.
    pub bank_reference: &'a str,
}

/// Money to be recovered (应收追回款).
#[derive(Clone, Copy, Debug)]
pub struct Receivable<'a> {
    /// Its id, unique among the receivables.
    pub id: i64,
    /// The case.
    pub case_id: i64,
    /// In fen, positive.
    pub amount_minor: i64,
    /// Who owes it.
    pub name: &'a str,
    /// Keyed blind index of their account; 0: unknown.
    pub account_index: i64,
}

/// The texts of an input have come to four gigabytes, or its rows to four thousand million: match in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputFull;

impl std::fmt::Display for InputFull {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the input is full: match fewer lines at a time")
    }
}

impl std::error::Error for InputFull {}

/// No index, no day, no amount.
pub(super) const NONE: u32 = u32::MAX;
pub(super) const NO_DAY: i32 = i32::MIN;
const NO_AMOUNT: i64 = i64::MIN;

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Days since 1970, so that a difference is a subtraction.
fn day_of(date: Date) -> i32 {
    i32::try_from(date.duration_since(EPOCH).as_hours() / 24).unwrap_or(NO_DAY)
}

/// The date of a day that [`day_of`] made.
pub(super) fn date_of(day: i32) -> Date {
    EPOCH.saturating_add(jiff::SignedDuration::from_hours(i64::from(day) * 24))
}

/// All texts end to end; a text is known by its number.
#[derive(Clone, Debug, Default)]
struct Texts {
    bytes: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Whether so many more texts of so many bytes can be added.
    fn has_room<'a>(&self, texts: impl Iterator<Item = &'a str>) -> Result<(), InputFull> {
        let (mut number, mut length) = (self.ends.len(), self.bytes.len());
        for text in texts {
            number += 1;
            length = length.checked_add(text.len()).ok_or(InputFull)?;
        }
        (number < NONE as usize && length < NONE as usize).then_some(()).ok_or(InputFull)
    }

    /// Adds a text after [`Self::has_room`], and gives its number.
    fn push(&mut self, text: &str) -> u32 {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
        self.ends.len() as u32 - 1
    }

    fn get(&self, number: u32) -> &str {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] as usize };
        &self.bytes[start..self.ends[number] as usize]
    }
}

/// A stretch of rows that belong to one line.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    start: u32,
    len: u32,
}

impl Stretch {
    fn of<T>(self, rows: &[T]) -> &[T] {
        &rows[self.start as usize..][..self.len as usize]
    }
}

/// A bank line. Its texts follow one another: reference, name, code, text, then its keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineRow {
    pub line_id: i64,
    pub amount_minor: i64,
    pub account_index: i64,
    pub day: i32,
    pub is_reversal: bool,
    texts: u32,
    keys: u32,
    sub_account: u32,
    cases: Stretch,
    details: Stretch,
}

#[derive(Clone, Copy, Debug)]
struct DetailRow {
    key: u32,
    amount_minor: i64,
    is_return: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct PaymentRow {
    pub payment_id: i64,
    pub file_id: i64,
    pub amount_minor: i64,
    pub account_index: i64,
    /// [`NO_DAY`]: not debited.
    pub debited: i32,
    pub answered: Option<Answer>,
    texts: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct FileRow {
    pub file_id: i64,
    pub total_minor: i64,
    pub failed_minor: i64,
    pub released: i32,
    pub lines: u32,
    pub failed_lines: u32,
    pub answered: bool,
    pub debited: bool,
    pub failed_returned: bool,
    texts: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ReceiptRow {
    pub receipt_id: i64,
    pub amount_minor: i64,
    pub arrived: i32,
    pub by_card: bool,
    texts: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ArrivalRow {
    pub expected_id: i64,
    pub case_id: i64,
    pub amount_minor: i64,
    pub account_index: i64,
    pub sub_account_id: Option<i64>,
    pub since: i32,
    text: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct CreditRow {
    pub line_id: i64,
    pub receipt_id: Option<i64>,
    pub amount_minor: i64,
    pub day: i32,
    text: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ReceivableRow {
    pub id: i64,
    pub case_id: i64,
    pub amount_minor: i64,
    pub account_index: i64,
    text: u32,
}

/// Everything that is compared in one run. What is pushed is copied; the order of pushing means nothing.
#[derive(Clone, Debug, Default)]
pub struct Input {
    texts: Texts,
    case_ids: Vec<i64>,
    sub_accounts: Vec<SubAccount>,
    details: Vec<DetailRow>,
    pub(super) lines: Vec<LineRow>,
    pub(super) payments: Vec<PaymentRow>,
    pub(super) files: Vec<FileRow>,
    pub(super) lumps: Vec<Lump>,
    pub(super) receipts: Vec<ReceiptRow>,
    pub(super) arrivals: Vec<ArrivalRow>,
    pub(super) credits: Vec<CreditRow>,
    pub(super) receivables: Vec<ReceivableRow>,
}

impl Input {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a bank line.
    ///
    /// # Errors
    /// [`InputFull`], and nothing is added. So for everything pushed.
    pub fn push_line(&mut self, line: &BankLine<'_>) -> Result<(), InputFull> {
        let own = [line.bank_reference, line.name, line.code, line.text];
        let details = line.details.iter().map(|detail| detail.key);
        self.texts.has_room(own.into_iter().chain(line.keys.iter().copied()).chain(details))?;
        if self.case_ids.len() + line.case_ids.len() >= NONE as usize {
            return Err(InputFull);
        }
        let texts = self.texts.push(own[0]);
        for text in own[1..].iter().chain(line.keys) {
            self.texts.push(text);
        }
        let cases = Stretch { start: self.case_ids.len() as u32, len: line.case_ids.len() as u32 };
        self.case_ids.extend_from_slice(line.case_ids);
        let details = Stretch { start: self.details.len() as u32, len: line.details.len() as u32 };
        for detail in line.details {
            let key = self.texts.push(detail.key);
            let amount_minor = detail.amount_minor.unwrap_or(NO_AMOUNT);
            self.details.push(DetailRow { key, amount_minor, is_return: detail.is_return });
        }
        let sub_account = line.sub_account.map_or(NONE, |sub_account| {
            self.sub_accounts.push(sub_account);
            self.sub_accounts.len() as u32 - 1
        });
        self.lines.push(LineRow {
            line_id: line.line_id,
            amount_minor: line.amount_minor,
            account_index: line.account_index,
            day: day_of(line.booked_on),
            is_reversal: line.is_reversal,
            texts,
            keys: line.keys.len() as u32,
            sub_account,
            cases,
            details,
        });
        Ok(())
    }

    /// Adds a released payment line.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_payment(&mut self, payment: &Payment<'_>) -> Result<(), InputFull> {
        self.texts.has_room([payment.key, payment.payee_name].into_iter())?;
        let texts = self.texts.push(payment.key);
        self.texts.push(payment.payee_name);
        self.payments.push(PaymentRow {
            payment_id: payment.payment_id,
            file_id: payment.file_id,
            amount_minor: payment.amount_minor,
            account_index: payment.account_index,
            debited: payment.debited_on.map_or(NO_DAY, day_of),
            answered: payment.answered,
            texts,
        });
        Ok(())
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_file(&mut self, file: &File<'_>) -> Result<(), InputFull> {
        self.texts.has_room([file.message_id, file.name].into_iter())?;
        let texts = self.texts.push(file.message_id);
        self.texts.push(file.name);
        self.files.push(FileRow {
            file_id: file.file_id,
            total_minor: file.total_minor,
            failed_minor: file.failed_minor,
            released: day_of(file.released_on),
            lines: file.lines,
            failed_lines: file.failed_lines,
            answered: file.answered,
            debited: file.debited,
            failed_returned: file.failed_returned,
            texts,
        });
        Ok(())
    }

    /// Adds what one answer refused of a file.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_lump(&mut self, lump: &Lump) -> Result<(), InputFull> {
        if self.lumps.len() >= NONE as usize {
            return Err(InputFull);
        }
        self.lumps.push(*lump);
        Ok(())
    }

    /// Adds a receipt recorded by hand.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_receipt(&mut self, receipt: &Receipt<'_>) -> Result<(), InputFull> {
        self.texts.has_room([receipt.bank_reference, receipt.payer_name].into_iter())?;
        let texts = self.texts.push(receipt.bank_reference);
        self.texts.push(receipt.payer_name);
        self.receipts.push(ReceiptRow {
            receipt_id: receipt.receipt_id,
            amount_minor: receipt.amount_minor,
            arrived: day_of(receipt.arrived_on),
            by_card: receipt.by_card,
            texts,
        });
        Ok(())
    }

    /// Adds expected money.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_arrival(&mut self, arrival: &Arrival<'_>) -> Result<(), InputFull> {
        self.texts.has_room([arrival.payer_name].into_iter())?;
        self.arrivals.push(ArrivalRow {
            expected_id: arrival.expected_id,
            case_id: arrival.case_id,
            amount_minor: arrival.amount_minor,
            account_index: arrival.account_index,
            sub_account_id: arrival.sub_account_id,
            since: day_of(arrival.since),
            text: self.texts.push(arrival.payer_name),
        });
        Ok(())
    }

    /// Adds an earlier credit.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_credit(&mut self, credit: &Credit<'_>) -> Result<(), InputFull> {
        self.texts.has_room([credit.bank_reference].into_iter())?;
        self.credits.push(CreditRow {
            line_id: credit.line_id,
            receipt_id: credit.receipt_id,
            amount_minor: credit.amount_minor,
            day: day_of(credit.booked_on),
            text: self.texts.push(credit.bank_reference),
        });
        Ok(())
    }

    /// Adds money to be recovered.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_receivable(&mut self, receivable: &Receivable<'_>) -> Result<(), InputFull> {
        self.texts.has_room([receivable.name].into_iter())?;
        self.receivables.push(ReceivableRow {
            id: receivable.id,
            case_id: receivable.case_id,
            amount_minor: receivable.amount_minor,
            account_index: receivable.account_index,
            text: self.texts.push(receivable.name),
        });
        Ok(())
    }

    /// Puts every kind of row into its one order, so that the order of pushing means nothing.
    pub(super) fn put_in_order(&mut self) {
        fn order<R, K: Ord>(rows: &mut [R], key: impl Fn(&R) -> K) {
            if !rows.is_sorted_by_key(&key) {
                rows.sort_unstable_by_key(key);
            }
        }
        order(&mut self.lines, |row| (row.day, row.line_id));
        order(&mut self.payments, |row| row.payment_id);
        order(&mut self.files, |row| (row.released, row.file_id));
        order(&mut self.lumps, |row| (row.file_id, row.answer_id));
        order(&mut self.receipts, |row| (row.arrived, row.receipt_id));
        order(&mut self.arrivals, |row| (row.since, row.expected_id));
        order(&mut self.credits, |row| (row.day, row.line_id));
        order(&mut self.receivables, |row| row.id);
    }

    pub(super) fn line(&self, line: u32) -> LineView<'_> {
        LineView { input: self, row: &self.lines[line as usize] }
    }

    pub(super) fn payment_key(&self, payment: u32) -> &str {
        self.texts.get(self.payments[payment as usize].texts)
    }

    pub(super) fn payee_name(&self, payment: u32) -> &str {
        self.texts.get(self.payments[payment as usize].texts + 1)
    }

    pub(super) fn message_id(&self, file: u32) -> &str {
        self.texts.get(self.files[file as usize].texts)
    }

    pub(super) fn file_name(&self, file: u32) -> &str {
        self.texts.get(self.files[file as usize].texts + 1)
    }

    pub(super) fn receipt_reference(&self, receipt: u32) -> &str {
        self.texts.get(self.receipts[receipt as usize].texts)
    }

    pub(super) fn receipt_payer(&self, receipt: u32) -> &str {
        self.texts.get(self.receipts[receipt as usize].texts + 1)
    }

    pub(super) fn arrival_payer(&self, arrival: u32) -> &str {
        self.texts.get(self.arrivals[arrival as usize].text)
    }

    pub(super) fn credit_reference(&self, credit: u32) -> &str {
        self.texts.get(self.credits[credit as usize].text)
    }

    pub(super) fn receivable_name(&self, receivable: u32) -> &str {
        self.texts.get(self.receivables[receivable as usize].text)
    }
}

/// A bank line with its texts.
#[derive(Clone, Copy)]
pub(super) struct LineView<'a> {
    input: &'a Input,
    row: &'a LineRow,
}

impl std::ops::Deref for LineView<'_> {
    type Target = LineRow;

    fn deref(&self) -> &LineRow {
        self.row
    }
}

impl<'a> LineView<'a> {
    pub fn reference(self) -> &'a str {
        self.input.texts.get(self.row.texts)
    }

    pub fn name(self) -> &'a str {
        self.input.texts.get(self.row.texts + 1)
    }

    pub fn code(self) -> &'a str {
        self.input.texts.get(self.row.texts + 2)
    }

    pub fn text(self) -> &'a str {
        self.input.texts.get(self.row.texts + 3)
    }

    /// Its keys, without empty ones.
    pub fn keys(self) -> impl Iterator<Item = &'a str> {
        let first = self.row.texts + 4;
        (first..first + self.row.keys).map(move |key| self.input.texts.get(key)).filter(|key| !key.is_empty())
    }

    /// Its keys, its references and the words of its text that could be one: what may name something of ours.
    pub fn names_given(self) -> impl Iterator<Item = &'a str> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        let words = self.text().split(move |c: char| !is_word(c)).map(|word| word.trim_matches(['.', '-', '/']));
        self.keys().chain(words.filter(|word| !word.is_empty()))
    }

    pub fn case_ids(self) -> &'a [i64] {
        self.row.cases.of(&self.input.case_ids)
    }

    pub fn sub_account(self) -> Option<SubAccount> {
        self.input.sub_accounts.get(self.row.sub_account as usize).copied()
    }

    pub fn details(self) -> impl ExactSizeIterator<Item = DetailRef<'a>> {
        self.row.details.of(&self.input.details).iter().map(move |detail| DetailRef {
            key: self.input.texts.get(detail.key),
            amount_minor: (detail.amount_minor != NO_AMOUNT).then_some(detail.amount_minor),
            is_return: detail.is_return,
        })
    }
}
