//! The checks of one row, in a fixed order, and of the file's sums.

use std::borrow::Cow;

use ankuan_ledger::Amount;

use crate::identifiers::{self, CreditCodeFault, IdentityNumberFault};
use crate::message::Message;
use crate::tables::{Record, half_width};

use super::amount::{self, AmountFault, is_scientific, parse_amount};
use super::codes;
use super::columns::{Column, Columns};
use super::first_seen::{First, FirstSeen};
use super::{
    ClaimRow, ClaimState, DocumentType, FingerprintOf, ListFailure, ListFormat, ListSummary, PaymentState, Problem,
    ROWS_MAX, ReadOptions, Severity, Standing, fingerprint, keyed_hash, workbook,
};

/// Ranked classes of one distribution. The law knows fewer than ten; a larger number is a slipped column.
const CLASS_MAX: u32 = 99;

/// Characters of a value that a message repeats.
const SHOWN_CHARACTERS: usize = 40;

/// Card numbers by ISO/IEC 7812-1 have 16 to 19 digits here; those of China's card scheme begin with 62. Nothing else is
/// held against the Luhn check, as accounts that are not cards do not follow it.
const CARD_LENGTHS: std::ops::RangeInclusive<usize> = 16..=19;
const CARD_PREFIX: &str = "62";

/// Checks rows and remembers of each what later rows are compared with.
pub(super) struct Checker<'o> {
    columns: Columns,
    options: &'o ReadOptions<'o>,
    claimant_numbers: FirstSeen,
    documents: FirstSeen,
    accounts: FirstSeen,
    heading_row: u64,
    rows: u64,
    sound_claims: u64,
    unsound_payments: u64,
    same_person_rows: u64,
    sum: Amount,
    sound_sum: Amount,
}

/// What was found in the row at hand.
struct RowReport<'r> {
    row: u64,
    columns: &'r Columns,
    on_problem: &'r mut dyn FnMut(Problem),
    broken: Option<&'static str>,
    unsound: Option<&'static str>,
}

impl RowReport<'_> {
    fn report(&mut self, column: Column, severity: Severity, message: Message) {
        let column = self.columns.heading(column);
        self.give(column, severity, message);
    }

    fn give(&mut self, column: Option<String>, severity: Severity, message: Message) {
        match severity {
            Severity::Claim => _ = self.broken.get_or_insert(message.code),
            Severity::Payment => _ = self.unsound.get_or_insert(message.code),
            Severity::File | Severity::Warning => {}
        }
        (self.on_problem)(Problem { row: self.row, column, severity, message });
    }

    fn claim(&mut self, column: Column, code: &'static str) {
        self.report(column, Severity::Claim, Message::new(code));
    }

    fn payment(&mut self, column: Column, code: &'static str) {
        self.report(column, Severity::Payment, Message::new(code));
    }

    fn warn(&mut self, column: Column, message: Message) {
        self.report(column, Severity::Warning, message);
    }
}

impl<'o> Checker<'o> {
    pub(super) fn new(
        columns: Columns,
        heading_row: u64,
        options: &'o ReadOptions<'o>,
        on_problem: &mut dyn FnMut(Problem),
    ) -> Self {
        for (column, code) in
            [(Column::Account, codes::ACCOUNT_COLUMN_MISSING), (Column::DocumentType, codes::DOCUMENT_TYPE_ASSUMED)]
        {
            if columns.place(column).is_none() {
                on_problem(Problem::warning(heading_row, Message::new(code)));
            }
        }
        Self {
            columns,
            options,
            claimant_numbers: FirstSeen::default(),
            documents: FirstSeen::default(),
            accounts: FirstSeen::default(),
            heading_row,
            rows: 0,
            sound_claims: 0,
            unsound_payments: 0,
            same_person_rows: 0,
            sum: Amount::ZERO,
            sound_sum: Amount::ZERO,
        }
    }

    /// Checks one row that is not blank and gives it to `on_row`.
    pub(super) fn check<E>(
        &mut self,
        record: &Record,
        row: u64,
        on_problem: &mut dyn FnMut(Problem),
        on_row: &mut dyn FnMut(ClaimRow<'_>) -> Result<(), E>,
    ) -> Result<(), ListFailure<E>> {
        let cell = |column: Column| self.columns.place(column).map_or("", |place| record.cell(place));
        let is_number = |column: Column| self.columns.place(column).is_some_and(|place| record.is_number(place));
        if is_total(cell(Column::ClaimantNumber), cell(Column::Name), cell(Column::DocumentNumber)) {
            return self.check_total(row, cell(Column::ClaimAmount), on_problem).map_err(ListFailure::from);
        }
        self.rows += 1;
        let row_32 = match u32::try_from(row) {
            Ok(row_32) if self.rows <= ROWS_MAX => row_32,
            _ => return Err(Problem::file(row, Message::new(codes::TOO_MANY_ROWS).with("limit", ROWS_MAX)).into()),
        };
        let key = &self.options.fingerprint_key;
        let in_case = |fingerprint: u64| self.options.in_case.is_some_and(|known| known.contains(&fingerprint));
        let mut report = RowReport { row, columns: &self.columns, on_problem, broken: None, unsound: None };

        // Where cells have slipped, everything else that could be said would mislead.
        if let Some(code) = slipped(record, &self.columns) {
            let message = match code {
                codes::RAGGED_ROW => {
                    Message::new(code).with("found", record.len()).with("expected", self.columns.width())
                }
                _ => Message::new(code),
            };
            report.give(None, Severity::Claim, message);
            self.unsound_payments += 1;
            return on_row(ClaimRow {
                row,
                claimant_number: cell(Column::ClaimantNumber),
                name: cell(Column::Name),
                document_type: DocumentType::Other,
                document_number: cell(Column::DocumentNumber),
                claim: ClaimState::Broken { code, amount: None },
                standing: Standing::Confirmed,
                class: 1,
                fixed_amount: None,
                payee_name: cell(Column::PayeeName),
                account: cell(Column::Account),
                bank_name: cell(Column::BankName),
                bank_code: cell(Column::BankCode),
                telephone: cell(Column::Telephone),
                payment: PaymentState::Unsound(code),
                same_person_as: None,
            })
            .map_err(ListFailure::Stopped);
        }

        // The claim.
        let claimant_number = cell(Column::ClaimantNumber);
        if check_number(
            &mut report,
            Column::ClaimantNumber,
            claimant_number,
            codes::NUMBER_EMPTY,
            codes::NUMBER_SCIENTIFIC,
        ) {
            let number_print = fingerprint(key, FingerprintOf::ClaimantNumber, claimant_number);
            if let Some(first) = self.claimant_numbers.note(number_print, First { row: row_32, tag: 0 }) {
                let message = Message::new(codes::NUMBER_DUPLICATE).with("first", first.row);
                report.report(Column::ClaimantNumber, Severity::Claim, message);
            } else if in_case(number_print) {
                report.claim(Column::ClaimantNumber, codes::NUMBER_IN_CASE);
            }
        }

        let name = cell(Column::Name);
        if name.is_empty() {
            report.claim(Column::Name, codes::NAME_EMPTY);
        }
        let name_fits_bank = check_content(&mut report, Column::Name, name);
        let name_tag = short(keyed_hash(key, 3, name));

        let document_number = capital_x(cell(Column::DocumentNumber));
        let document_type = document_type(&mut report, cell(Column::DocumentType), &document_number);
        let mut same_person_as = None;
        if check_document(&mut report, document_type, &document_number, is_number(Column::DocumentNumber)) {
            let document_print = fingerprint(key, FingerprintOf::DocumentNumber, &document_number);
            match self.documents.note(document_print, First { row: row_32, tag: name_tag }) {
                Some(first) if first.tag == name_tag => same_person_as = Some(u64::from(first.row)),
                Some(first) => {
                    let message = Message::new(codes::DOCUMENT_OTHER_NAME).with("first", first.row);
                    report.report(Column::DocumentNumber, Severity::Claim, message);
                }
                None if in_case(document_print) => report.claim(Column::DocumentNumber, codes::PERSON_IN_CASE),
                None => {}
            }
        }

        let amount =
            read_amount(&mut report, Column::ClaimAmount, cell(Column::ClaimAmount), is_number(Column::ClaimAmount));
        let fixed_text = cell(Column::FixedAmount);
        let fixed_amount = if fixed_text.is_empty() {
            None
        } else {
            read_amount(&mut report, Column::FixedAmount, fixed_text, is_number(Column::FixedAmount))
        };
        if let (Some(claim), Some(fixed)) = (amount, fixed_amount)
            && fixed > claim
        {
            let message = Message::new(codes::FIXED_ABOVE_CLAIM).with("fixed", fixed).with("claim", claim);
            report.report(Column::FixedAmount, Severity::Claim, message);
        }
        let standing = standing(&mut report, cell(Column::Standing));
        let class = class(&mut report, cell(Column::Class));

        // The payment details.
        let payee_name = match cell(Column::PayeeName) {
            "" => {
                if let Some(message) = name_fits_bank {
                    report.report(Column::Name, Severity::Payment, message);
                }
                name
            }
            payee => {
                if let Some(message) = check_content(&mut report, Column::PayeeName, payee) {
                    report.report(Column::PayeeName, Severity::Payment, message);
                }
                if payee != name {
                    report.warn(Column::PayeeName, Message::new(codes::PAYEE_DIFFERS));
                }
                payee
            }
        };
        let account = without_spaces(cell(Column::Account));
        if account.len() != cell(Column::Account).len() {
            report.warn(Column::Account, Message::new(codes::ACCOUNT_SPACES));
        }
        if self.columns.place(Column::Account).is_none() {
            report.unsound.get_or_insert(codes::ACCOUNT_COLUMN_MISSING);
        } else if check_account(&mut report, &account, is_number(Column::Account), self.options.account_length_max) {
            if document_type == DocumentType::IdentityCard
                && CARD_LENGTHS.contains(&account.len())
                && account.starts_with(CARD_PREFIX)
                && !identifiers::card_number_is_plausible(&account)
            {
                report.warn(Column::Account, Message::new(codes::CARD_CHECKSUM));
            }
            let payee_tag = if payee_name == name { name_tag } else { short(keyed_hash(key, 3, payee_name)) };
            let holder = First { row: row_32, tag: payee_tag };
            if let Some(first) = self.accounts.note(keyed_hash(key, 4, &account), holder)
                && first.tag != payee_tag
            {
                report.warn(Column::Account, Message::new(codes::ACCOUNT_OTHER_NAME).with("first", first.row));
            }
        }
        let bank_name = cell(Column::BankName);
        if let Some(message) = check_content(&mut report, Column::BankName, bank_name) {
            report.report(Column::BankName, Severity::Payment, message);
        }
        let bank_code = cell(Column::BankCode);
        if !bank_code.is_empty() && !identifiers::bank_code_is_plausible(bank_code) {
            check_content(&mut report, Column::BankCode, bank_code);
            report.warn(Column::BankCode, Message::new(codes::BANK_CODE).with("value", shown(bank_code)));
        }
        let telephone = cell(Column::Telephone);
        if !telephone.is_empty() && !is_telephone(telephone) {
            report.warn(Column::Telephone, Message::new(codes::TELEPHONE));
        }

        if report.broken.is_some() {
            same_person_as = None;
        }
        if let Some(first) = same_person_as {
            report.warn(Column::DocumentNumber, Message::new(codes::SAME_PERSON).with("first", first));
        }
        let (broken, unsound) = (report.broken, report.unsound);
        let claim = match (broken, amount) {
            (None, Some(amount)) => ClaimState::Sound(amount),
            (code, amount) => ClaimState::Broken { code: code.unwrap_or(codes::AMOUNT_EMPTY), amount },
        };
        let too_large = || Problem::file(row, Message::new(codes::SUM_TOO_LARGE));
        if let Some(amount) = amount {
            self.sum = self.sum.plus(amount).ok_or_else(too_large)?;
        }
        if let ClaimState::Sound(amount) = claim {
            self.sound_claims += 1;
            self.sound_sum = self.sound_sum.plus(amount).ok_or_else(too_large)?;
        }
        self.unsound_payments += u64::from(unsound.is_some());
        self.same_person_rows += u64::from(same_person_as.is_some());
        on_row(ClaimRow {
            row,
            claimant_number,
            name,
            document_type,
            document_number: &document_number,
            claim,
            standing,
            class,
            fixed_amount,
            payee_name,
            account: &account,
            bank_name,
            bank_code,
            telephone,
            payment: unsound.map_or(PaymentState::Sound, PaymentState::Unsound),
            same_person_as,
        })
        .map_err(ListFailure::Stopped)
    }

    /// A total that people write below a list is not a claim, but a check that costs nothing.
    fn check_total(&self, row: u64, stated: &str, on_problem: &mut dyn FnMut(Problem)) -> Result<(), Problem> {
        let stated_amount = parse_amount(stated).ok().or_else(|| workbook::without_noise(stated));
        if let Some(stated) = stated_amount
            && stated != self.sum
        {
            let message = Message::new(codes::TOTAL_DIFFERS).with("stated", stated).with("found", self.sum);
            return Err(Problem::file(row, message));
        }
        on_problem(Problem::warning(row, Message::new(codes::TOTAL_ROW)));
        Ok(())
    }

    /// Compares the whole file with what was expected of it. Every difference is reported, the last one refuses.
    pub(super) fn finish(&self, on_problem: &mut dyn FnMut(Problem)) -> Result<(), Problem> {
        if self.rows == 0 {
            return Err(Problem::file(0, Message::new(codes::NO_ROWS)));
        }
        let rows_differ = self.options.expect_rows.filter(|expected| *expected != self.rows).map(|expected| {
            Problem::file(0, Message::new(codes::ROWS_DIFFER).with("expected", expected).with("found", self.rows))
        });
        let sum_differs = self.options.expect_sum.filter(|expected| *expected != self.sum).map(|expected| {
            Problem::file(0, Message::new(codes::SUM_DIFFERS).with("expected", expected).with("found", self.sum))
        });
        match (rows_differ, sum_differs) {
            (Some(rows_differ), Some(sum_differs)) => {
                on_problem(rows_differ);
                Err(sum_differs)
            }
            (Some(problem), None) | (None, Some(problem)) => Err(problem),
            (None, None) => Ok(()),
        }
    }

    /// What the list came to. Warnings are counted where they are given out.
    pub(super) fn summary(self, format: ListFormat, bytes: u64, sha256: [u8; 32]) -> ListSummary {
        ListSummary {
            rows: self.rows,
            sound_claims: self.sound_claims,
            broken_claims: self.rows - self.sound_claims,
            unsound_payments: self.unsound_payments,
            same_person_rows: self.same_person_rows,
            warnings: 0,
            sum: self.sum,
            sound_sum: self.sound_sum,
            heading_row: self.heading_row,
            format,
            bytes,
            sha256,
        }
    }
}

/// The part of a name's fingerprint that a row keeps. Two names that differ look alike once in four billion, and then
/// only a warning or a merge that shows both names is at stake.
fn short(fingerprint: u64) -> u32 {
    (fingerprint >> 32) as u32
}

fn is_total(claimant_number: &str, name: &str, document_number: &str) -> bool {
    let is_word = |text: &str| {
        !text.is_empty() && text.len() <= 16 && {
            let word: String =
                text.chars().filter(|letter| !letter.is_whitespace() && *letter != ':' && *letter != '：').collect();
            matches!(word.as_str(), "合计" | "总计" | "共计") || word.eq_ignore_ascii_case("total")
        }
    };
    document_number.is_empty() && (is_word(claimant_number) || is_word(name))
}

fn slipped(record: &Record, columns: &Columns) -> Option<&'static str> {
    if record.misplaced_quote {
        return Some(codes::QUOTE_MISPLACED);
    }
    let width = columns.width();
    let too_short = record.len() < width && !record.sparse;
    let too_long = (width..record.len()).any(|place| !record.cell(place).is_empty());
    (too_short || too_long).then_some(codes::RAGGED_ROW)
}

/// Whether a claimant number can be used to tell claims apart.
fn check_number(
    report: &mut RowReport<'_>,
    column: Column,
    number: &str,
    empty: &'static str,
    scientific: &'static str,
) -> bool {
    if number.is_empty() {
        report.claim(column, empty);
        return false;
    }
    if is_scientific(number) {
        report.report(column, Severity::Claim, Message::new(scientific).with("value", shown(number)));
        return false;
    }
    check_content(report, column, number);
    !is_full_width(report, column, number)
}

/// Whether a document number can be used to tell people apart.
fn check_document(report: &mut RowReport<'_>, document_type: DocumentType, number: &str, is_number: bool) -> bool {
    let column = Column::DocumentNumber;
    if is_number {
        report.claim(column, codes::DOCUMENT_NUMBER_CELL);
        return false;
    }
    if !check_number(report, column, number, codes::DOCUMENT_EMPTY, codes::DOCUMENT_SCIENTIFIC) {
        return false;
    }
    match document_type {
        DocumentType::IdentityCard => match identifiers::check_identity_number(number) {
            Ok(()) if number.len() == identifiers::OLD_IDENTITY_NUMBER_LENGTH => {
                report.warn(column, Message::new(codes::IDENTITY_OLD_FORM));
            }
            Ok(()) => {}
            Err(IdentityNumberFault::Length) => {
                let message = Message::new(codes::IDENTITY_LENGTH).with("found", number.chars().count());
                report.report(column, Severity::Claim, message);
            }
            Err(IdentityNumberFault::Characters) => report.claim(column, codes::IDENTITY_CHARACTERS),
            Err(IdentityNumberFault::Date) => report.claim(column, codes::IDENTITY_DATE),
            Err(IdentityNumberFault::CheckCharacter) => report.claim(column, codes::IDENTITY_CHECKSUM),
        },
        DocumentType::CreditCode => match identifiers::check_credit_code(number) {
            Ok(()) => {}
            Err(CreditCodeFault::CheckCharacter) => report.claim(column, codes::CREDIT_CODE_CHECKSUM),
            Err(CreditCodeFault::Length | CreditCodeFault::Characters) => report.claim(column, codes::CREDIT_CODE_FORM),
        },
        _ => {}
    }
    true
}

/// Whether money can be sent to an account of this number, as far as the number tells.
fn check_account(report: &mut RowReport<'_>, account: &str, is_number: bool, length_max: usize) -> bool {
    let column = Column::Account;
    let is_usable = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    if account.is_empty() {
        report.payment(column, codes::ACCOUNT_EMPTY);
    } else if is_number {
        report.payment(column, codes::ACCOUNT_NUMBER_CELL);
    } else if is_scientific(account) {
        let message = Message::new(codes::ACCOUNT_SCIENTIFIC).with("value", shown(account));
        report.report(column, Severity::Payment, message);
    } else if is_full_width(report, column, account) {
        // Reported.
    } else if let Some(letter) = account.chars().find(|letter| !is_usable(*letter)) {
        let message = Message::new(codes::ACCOUNT_CHARACTERS).with("character", shown_character(letter));
        report.report(column, Severity::Payment, message);
    } else if !account.bytes().any(|byte| byte.is_ascii_digit()) {
        let message = Message::new(codes::ACCOUNT_CHARACTERS).with("character", shown(account));
        report.report(column, Severity::Payment, message);
    } else if account.len() > length_max {
        let message = Message::new(codes::ACCOUNT_LENGTH).with("found", account.len()).with("limit", length_max);
        report.report(column, Severity::Payment, message);
    } else {
        return true;
    }
    false
}

fn read_amount(report: &mut RowReport<'_>, column: Column, text: &str, is_number: bool) -> Option<Amount> {
    let fault = match parse_amount(text) {
        Ok(amount) => return Some(amount),
        Err(fault) => fault,
    };
    if is_number
        && fault == AmountFault::Decimals
        && let Some(amount) = workbook::without_noise(text)
    {
        report.warn(column, Message::new(codes::AMOUNT_NOISE).with("value", text).with("taken", amount));
        return Some(amount);
    }
    let code = match &fault {
        AmountFault::Empty => codes::AMOUNT_EMPTY,
        AmountFault::FullWidth(_) => codes::FULL_WIDTH,
        AmountFault::Scientific => codes::AMOUNT_SCIENTIFIC,
        AmountFault::Commas => codes::AMOUNT_COMMAS,
        AmountFault::Decimals => codes::AMOUNT_DECIMALS,
        AmountFault::NotPositive => codes::AMOUNT_NOT_POSITIVE,
        AmountFault::TooLarge => codes::AMOUNT_TOO_LARGE,
        AmountFault::Unreadable => codes::AMOUNT_UNREADABLE,
    };
    let mut message = Message::new(code);
    if fault != AmountFault::Empty {
        message = message.with("value", shown(text));
    }
    let mut amount = None;
    match &fault {
        AmountFault::TooLarge => message = message.with("limit", amount::AMOUNT_MAX),
        AmountFault::FullWidth(converted) => {
            message = message.with("converted", shown(converted));
            // Known well enough for a reserve, not for a payment.
            amount = parse_amount(converted).ok();
        }
        _ => {}
    }
    report.report(column, Severity::Claim, message);
    amount
}

/// Reports full-width characters in a number, with what they would be in half-width.
fn is_full_width(report: &mut RowReport<'_>, column: Column, text: &str) -> bool {
    let Some(converted) = half_width(text) else { return false };
    let message = Message::new(codes::FULL_WIDTH).with("value", shown(text)).with("converted", shown(&converted));
    report.report(column, column.severity(), message);
    true
}

/// Checks length and control characters of any text, and reports private-use characters.
///
/// Returns what would keep it out of a bank's file: only the caller knows whether it goes there.
fn check_content(report: &mut RowReport<'_>, column: Column, text: &str) -> Option<Message> {
    let limit = column.characters_max();
    if text.len() > limit {
        let found = text.chars().count();
        if found > limit {
            let message = Message::new(codes::FIELD_TOO_LONG).with("found", found).with("limit", limit);
            report.report(column, column.severity(), message);
        }
    }
    if text.bytes().all(|byte| matches!(byte, b' '..=b'>' | b'@'..=b'~')) {
        return None;
    }
    let is_ordinary = |letter: &char| matches!(letter, ' '..='>' | '@'..='~' | '\u{4e00}'..='\u{9fff}');
    let mut unfit = None;
    for letter in text.chars().filter(|letter| !is_ordinary(letter)) {
        if is_invisible(letter) {
            let message = Message::new(codes::CONTROL_CHARACTER).with("character", code_point(letter));
            report.report(column, column.severity(), message);
            break;
        }
        match letter {
            '?' | '？' | '\u{fffd}' => {
                unfit.get_or_insert_with(|| Message::new(codes::CHARACTER_LOST).with("character", letter));
            }
            _ if !is_in_gb18030(letter) => {
                unfit.get_or_insert_with(|| {
                    Message::new(codes::CHARACTER_NOT_IN_GB18030).with("character", code_point(letter))
                });
            }
            '\u{e000}'..='\u{f8ff}' | '\u{f0000}'.. => {
                report.warn(column, Message::new(codes::CHARACTER_PRIVATE).with("character", code_point(letter)));
            }
            _ => {}
        }
    }
    unfit
}

/// Characters that nobody sees and that can make two different texts look the same.
pub(super) fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// GB18030 reaches every character but this one, which its present mapping leaves without a code.
pub(super) fn is_in_gb18030(letter: char) -> bool {
    letter != '\u{e5e5}'
}

fn document_type(report: &mut RowReport<'_>, written: &str, number: &str) -> DocumentType {
    let known = match written {
        "居民身份证" | "身份证" | "身份证号" | "二代身份证" => Some(DocumentType::IdentityCard),
        "统一社会信用代码" | "统一社会信用代码证" | "营业执照" | "信用代码" => {
            Some(DocumentType::CreditCode)
        }
        "护照" => Some(DocumentType::Passport),
        "港澳居民来往内地通行证" | "港澳通行证" | "港澳来往内地通行证" | "回乡证" => {
            Some(DocumentType::HongKongMacaoPermit)
        }
        "台湾居民来往大陆通行证" | "台湾通行证" | "台胞证" => Some(DocumentType::TaiwanPermit),
        "外国人永久居留身份证" | "外国人永久居留证" => Some(DocumentType::PermanentResidence),
        "其他" | "其它" | "其他证件" => Some(DocumentType::Other),
        "" => None,
        english => match english.to_ascii_lowercase().replace(['_', '-'], " ").as_str() {
            "identity card" | "id card" | "id" => Some(DocumentType::IdentityCard),
            "credit code" | "unified social credit code" | "business licence" => Some(DocumentType::CreditCode),
            "passport" => Some(DocumentType::Passport),
            "hong kong macao permit" | "hong kong and macao permit" => Some(DocumentType::HongKongMacaoPermit),
            "taiwan permit" => Some(DocumentType::TaiwanPermit),
            "permanent residence" => Some(DocumentType::PermanentResidence),
            "other" => Some(DocumentType::Other),
            _ => {
                let message = Message::new(codes::DOCUMENT_TYPE_UNKNOWN).with("value", shown(written));
                report.warn(Column::DocumentType, message);
                Some(DocumentType::Other)
            }
        },
    };
    known.unwrap_or_else(|| {
        if report.columns.place(Column::DocumentType).is_some() && !number.is_empty() {
            report.warn(Column::DocumentType, Message::new(codes::DOCUMENT_TYPE_ASSUMED));
        }
        type_by_form(number)
    })
}

/// The type whose numbers look like this one.
fn type_by_form(number: &str) -> DocumentType {
    if identifiers::check_identity_number(number).is_ok() {
        return DocumentType::IdentityCard;
    }
    if identifiers::check_credit_code(number).is_ok() {
        return DocumentType::CreditCode;
    }
    let has_length =
        [identifiers::IDENTITY_NUMBER_LENGTH, identifiers::OLD_IDENTITY_NUMBER_LENGTH].contains(&number.len());
    let all_but_last_digits = number.bytes().rev().skip(1).all(|byte| byte.is_ascii_digit());
    if has_length && all_but_last_digits { DocumentType::IdentityCard } else { DocumentType::Other }
}

fn standing(report: &mut RowReport<'_>, written: &str) -> Standing {
    match written {
        "" | "确认" | "已确认" => Standing::Confirmed,
        "争议" | "有争议" | "异议" => Standing::Disputed,
        "逾期" | "逾期申报" => Standing::Late,
        english => match english.to_ascii_lowercase().as_str() {
            "confirmed" => Standing::Confirmed,
            "disputed" => Standing::Disputed,
            "late" => Standing::Late,
            _ => {
                let message = Message::new(codes::STANDING_UNKNOWN).with("value", shown(written));
                report.report(Column::Standing, Severity::Claim, message);
                // The careful reading: it takes part, and nothing is paid out on it.
                Standing::Disputed
            }
        },
    }
}

fn class(report: &mut RowReport<'_>, written: &str) -> u32 {
    if written.is_empty() {
        return 1;
    }
    let bare = written.strip_prefix('第').unwrap_or(written);
    let bare = bare.strip_suffix("顺位").unwrap_or(bare);
    let numeral = "一二三四五六七八九十".chars().zip(1..).find(|(numeral, _)| bare.chars().eq([*numeral]));
    let number = numeral.map(|(_, number)| number).or_else(|| bare.parse().ok());
    match number.filter(|number| (1..=CLASS_MAX).contains(number)) {
        Some(number) => number,
        None => {
            let message = Message::new(codes::CLASS_UNKNOWN).with("value", shown(written)).with("limit", CLASS_MAX);
            report.report(Column::Class, Severity::Claim, message);
            CLASS_MAX
        }
    }
}

fn is_telephone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    (7..=20).contains(&digits) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b' '))
}

fn capital_x(number: &str) -> Cow<'_, str> {
    if number.ends_with('x') { Cow::Owned(number.to_ascii_uppercase()) } else { Cow::Borrowed(number) }
}

fn without_spaces(account: &str) -> Cow<'_, str> {
    if account.bytes().any(|byte| byte == b' ') { Cow::Owned(account.replace(' ', "")) } else { Cow::Borrowed(account) }
}

/// A value for a message: not longer than a person wants to read, and without characters that would upset a terminal.
fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(SHOWN_CHARACTERS)
        .map(|letter| if is_invisible(letter) { '\u{fffd}' } else { letter })
        .collect();
    if text.chars().nth(SHOWN_CHARACTERS).is_some() {
        shown.push('…');
    }
    shown
}

fn code_point(letter: char) -> String {
    format!("U+{:04X}", u32::from(letter))
}

fn shown_character(letter: char) -> String {
    if is_invisible(letter) { code_point(letter) } else { letter.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gb18030_lacks_one_character() {
        let mut buffer = [0; 4];
        for letter in '\u{80}'..=char::MAX {
            let (_, _, unmappable) = encoding_rs::GB18030.encode(letter.encode_utf8(&mut buffer));
            assert_eq!(is_in_gb18030(letter), !unmappable, "{}", code_point(letter));
        }
    }
}
