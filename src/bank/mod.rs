//! Files for the bank: what a payment file holds, and how it is planned, rendered, listed and delivered.
//!
//! Everything but [`mod@deliver`] is pure: typed lines go in, bytes come out through a given writer, and the same input
//! gives the same bytes.

pub mod capital_amount;
pub mod deliver;
mod pain001;
pub mod plan;
pub mod profile;
pub mod reading;
mod sheet;
mod table;
pub mod text;
pub mod transmittal;
pub mod writer;

#[cfg(test)]
mod examples;

pub use capital_amount::capital_amount;
pub use deliver::{Delivered, deliver};
pub use plan::{PlannedFile, Planner, plan_files};
pub use profile::Profile;
pub use transmittal::{Approver, TransmittalFile, TransmittalSheet};
pub use writer::{FileWriter, Rendered, file_name};

use crate::message::Message;
use ankuan_ledger::Amount;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

/// Counts up when the same lines and profile would give other bytes: a run stores it, so that rendering again is a check.
pub const RENDERER_VERSION: u32 = 1;

/// Who is paid: banks take persons (对私) and companies (对公) in separate files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PayeeKind {
    /// A natural person.
    #[default]
    Person,
    /// A company or another unit.
    Company,
}

/// One payment, as the run recorded it.
#[derive(Clone, Copy, Debug)]
pub struct PaymentLine<'a> {
    /// Number of the line within the run, from 1.
    pub line_number: u64,
    /// What the bank's answer names: EndToEndId, at most 35 characters.
    pub line_key: &'a str,
    /// Name of the payee's account (户名).
    pub payee_name: &'a str,
    /// Number of the payee's account, kept as text: leading zeros and letters count.
    pub payee_account: &'a str,
    /// Name of the payee's bank; may be empty where the profile allows it.
    pub bank_name: &'a str,
    /// CNAPS code of the payee's bank (联行号); may be empty where the profile allows it.
    pub bank_code: &'a str,
    /// What is paid, in fen; above zero.
    pub amount: Amount,
    /// Purpose (用途).
    pub purpose: &'a str,
    /// Person or company.
    pub payee_kind: PayeeKind,
    /// Whether the payee's bank is the payer's: see [`same_bank`].
    pub same_bank: bool,
    /// The sub-account of case and payer from which the bank pays (一案一账户); may be empty.
    pub payer_sub_account: &'a str,
    /// Telephone for the bank's notice; may be empty.
    pub telephone: &'a str,
}

/// What is true of a whole payment file.
#[derive(Clone, Copy, Debug)]
pub struct FileHeader<'a> {
    /// Unique name of the file at the bank: MsgId, at most 35 characters.
    pub message_id: &'a str,
    /// When the file was made; stored with the run, so that rendering again gives the same bytes.
    pub created_at: Timestamp,
    /// The day on which the bank shall pay.
    pub execution_date: Date,
    /// Number of the run as people see it.
    pub run_number: &'a str,
    /// Number of the file within the run, from 1.
    pub file_number: u32,
    /// The lines that belong into this file.
    pub group: PaymentGroup,
    /// Name of the payer's account: the court.
    pub payer_name: &'a str,
    /// Number of the payer's account.
    pub payer_account: &'a str,
    /// Name of the payer's bank.
    pub payer_bank_name: &'a str,
    /// CNAPS code of the payer's bank (联行号).
    pub payer_bank_code: &'a str,
    /// How many lines the file has.
    pub lines: u64,
    /// What the lines come to, in fen.
    pub sum: Amount,
}

/// The part of a run that goes into files of its own. `None` means that the profile does not tell the two apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct PaymentGroup {
    /// Within the payer's bank (行内) or to other banks (跨行).
    pub same_bank: Option<bool>,
    /// To persons or to companies.
    pub payee_kind: Option<PayeeKind>,
}

impl PaymentGroup {
    /// Every group that a split can make.
    const ALL: [Self; 9] = {
        const SAME_BANK: [Option<bool>; 3] = [None, Some(true), Some(false)];
        const KINDS: [Option<PayeeKind>; 3] = [None, Some(PayeeKind::Person), Some(PayeeKind::Company)];
        let mut all = [Self { same_bank: None, payee_kind: None }; 9];
        let mut place = 0;
        while place < 9 {
            all[place] = Self { same_bank: SAME_BANK[place / 3], payee_kind: KINDS[place % 3] };
            place += 1;
        }
        all
    };

    /// From its [`name`](Self::name).
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|group| group.name() == name)
    }

    /// The group's part of a file name, in ASCII: `interbank-persons`; `all` when nothing is told apart.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match (self.same_bank, self.payee_kind) {
            (None, None) => "all",
            (Some(true), None) => "same-bank",
            (Some(false), None) => "interbank",
            (None, Some(PayeeKind::Person)) => "persons",
            (None, Some(PayeeKind::Company)) => "companies",
            (Some(true), Some(PayeeKind::Person)) => "same-bank-persons",
            (Some(true), Some(PayeeKind::Company)) => "same-bank-companies",
            (Some(false), Some(PayeeKind::Person)) => "interbank-persons",
            (Some(false), Some(PayeeKind::Company)) => "interbank-companies",
        }
    }

    /// The group as people read it.
    #[must_use]
    pub const fn label(self) -> Message {
        Message::new(match (self.same_bank, self.payee_kind) {
            (None, None) => "bank.group.all",
            (Some(true), None) => "bank.group.same_bank",
            (Some(false), None) => "bank.group.interbank",
            (None, Some(PayeeKind::Person)) => "bank.group.persons",
            (None, Some(PayeeKind::Company)) => "bank.group.companies",
            (Some(true), Some(PayeeKind::Person)) => "bank.group.same_bank_persons",
            (Some(true), Some(PayeeKind::Company)) => "bank.group.same_bank_companies",
            (Some(false), Some(PayeeKind::Person)) => "bank.group.interbank_persons",
            (Some(false), Some(PayeeKind::Company)) => "bank.group.interbank_companies",
        })
    }
}

/// First digits that stand for a class of many banks, not for one bank: city banks, rural commercial banks, village
/// banks, urban and rural credit cooperatives. 320205800004 and 320205800012 are two different village banks.
const CLASSES_OF_MANY_BANKS: [&str; 5] = ["313", "314", "320", "401", "402"];

/// Whether two CNAPS codes (联行号) name the same bank: their first three digits agree.
///
/// A code that is missing or does not begin with three digits is never the same bank. Nor is one whose first digits
/// stand for a class of many banks, unless the whole code is the same: an interbank payment arrives within one bank
/// too, the other way round the bank refuses the file.
#[must_use]
pub fn same_bank(payer_bank_code: &str, bank_code: &str) -> bool {
    let (Some(payer), Some(payee)) = (payer_bank_code.get(..3), bank_code.get(..3)) else { return false };
    payer == payee
        && payer.bytes().all(|byte| byte.is_ascii_digit())
        && (!CLASSES_OF_MANY_BANKS.contains(&payer) || payer_bank_code == bank_code)
}

/// Why a file for the bank was not made.
#[derive(Debug, thiserror::Error)]
pub enum BankFileError {
    /// What was given may not go into the file; the message names place and remedy.
    #[error("{}", .0.text(crate::Language::En))]
    Refused(Message),
    /// Writing failed.
    #[error("{}", self.message().text(crate::Language::En))]
    Io(#[from] std::io::Error),
}

impl From<Message> for BankFileError {
    fn from(message: Message) -> Self {
        Self::Refused(message)
    }
}

impl BankFileError {
    /// What to tell people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Refused(message) => message.clone(),
            Self::Io(error) => Message::new("bank.io").with("reason", error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn same_bank_goes_by_the_first_three_digits() {
        assert!(same_bank("102100099996", "102205808206"));
        assert!(!same_bank("102100099996", "103100000026"));
        assert!(!same_bank("", ""));
        assert!(!same_bank("10", "10"));
        assert!(!same_bank("工商银行", "工商银行"));
    }

    #[test]
    fn a_class_of_many_banks_is_not_one_bank() {
        assert!(!same_bank("320205800004", "320205800012"));
        assert!(same_bank("320205800004", "320205800004"));
    }

    /// Every code in the sources of this folder has a text in both languages, and no text is left over.
    #[test]
    fn every_code_has_a_text_in_both_languages() {
        let sources = [
            include_str!("mod.rs"),
            include_str!("capital_amount.rs"),
            include_str!("deliver.rs"),
            include_str!("pain001.rs"),
            include_str!("plan.rs"),
            include_str!("profile.rs"),
            include_str!("sheet.rs"),
            include_str!("table.rs"),
            include_str!("text.rs"),
            include_str!("transmittal.rs"),
            include_str!("writer.rs"),
        ];
        // A code is what follows a quotation mark; the tests' own strings are passed over.
        let opening = concat!('"', "bank.");
        let used: BTreeSet<String> = sources
            .iter()
            .flat_map(|source| source.split("#[cfg(test)]\nmod tests").next().unwrap().split(opening).skip(1))
            .map(|rest| ["bank", rest.split('"').next().unwrap()].join("."))
            .collect();
        let written: BTreeSet<String> = include_str!("../../locales/bank.yml")
            .lines()
            .filter(|line| !line.starts_with(['_', ' ']) && !line.is_empty())
            .map(|line| line.trim_end_matches(':').to_owned())
            .collect();
        assert_eq!(used, written);
        for code in &used {
            let zh = rust_i18n::t!(code.as_str(), locale = "zh");
            let en = rust_i18n::t!(code.as_str(), locale = "en");
            assert!(zh != code.as_str() && en != code.as_str() && zh != en, "{code}: {zh} / {en}");
        }
    }
}
