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
    /// Number of its payments.
    pub lines: u32,
    /// Sum of the payments that failed by the bank's answers, fen.
    pub failed_minor: i64,
    /// Their number.
    pub failed_lines: u32,
    /// Every payment has a definite answer.
    pub answered: bool,
    /// Its whole total was debited earlier.
    pub debited: bool,
    /// Its failed payments were returned earlier, or never debited.
    pub failed_returned: bool,
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

/// Everything that is compared in one run. What is pushed is copied; the order of pushing means nothing.
#[derive(Clone, Debug, Default)]
pub struct Input {}

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
    pub fn push_line(&mut self, _line: &BankLine<'_>) -> Result<(), InputFull> {
        Ok(())
    }

    /// Adds a released payment line.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_payment(&mut self, _payment: &Payment<'_>) -> Result<(), InputFull> {
        Ok(())
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_file(&mut self, _file: &File<'_>) -> Result<(), InputFull> {
        Ok(())
    }

    /// Adds a receipt recorded by hand.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_receipt(&mut self, _receipt: &Receipt<'_>) -> Result<(), InputFull> {
        Ok(())
    }

    /// Adds expected money.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_arrival(&mut self, _arrival: &Arrival<'_>) -> Result<(), InputFull> {
        Ok(())
    }

    /// Adds an earlier credit.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_credit(&mut self, _credit: &Credit<'_>) -> Result<(), InputFull> {
        Ok(())
    }

    /// Adds money to be recovered.
    ///
    /// # Errors
    /// [`InputFull`].
    pub fn push_receivable(&mut self, _receivable: &Receivable<'_>) -> Result<(), InputFull> {
        Ok(())
    }
}
