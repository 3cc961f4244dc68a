//! The rules: an ordered list which is data.

use serde::Deserialize;

/// A rule under its name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// What people call it.
    pub name: String,
    /// What it does, with its limits and words.
    #[serde(flatten)]
    pub kind: RuleKind,
}

/// What a rule does. In TOML: `kind = "line_key"` with the fields beside it, none left out, none unknown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum RuleKind {
    /// The key of a payment: a debit settles it, a credit returns it. Also every detail of a batch entry.
    LineKey {
        /// A key that was cut short counts from so many characters, if it begins one open payment only.
        shortest_cut: usize,
    },
    /// The bank's reference is that of a receipt recorded by hand.
    ReceiptReference {},
    /// Expected money: equal amount, and the payer's name, account or the sub-account is equal, since its day.
    Arrival {},
    /// A file's total, or its total less what failed: by its message id or name, else by the amount alone.
    FileTotal {
        /// Without a reference: booked at most so many days after release.
        days: i32,
        /// A message id or name that was cut short counts from so many characters, if it begins those of one file only.
        shortest_cut: usize,
    },
    /// A credit of what failed of a file: its lump return.
    LumpReturn {
        /// Without a reference: booked at most so many days after release.
        days: i32,
        /// As for the file's total.
        shortest_cut: usize,
        /// Without a reference: the line names nobody as payer, or a name with one of these words in it.
        own_names: Vec<String>,
    },
    /// Takes an earlier line back: flagged by the bank, or by words.
    Reversal {
        /// Words of the code or text.
        words: Vec<String>,
        /// The line taken back was booked at most so many days before.
        days: i32,
    },
    /// Interest of the bank: a credit.
    Interest {
        /// The code is such a word; or contains it and the other party is a bank; or code or text contain it and there
        /// is no other party.
        words: Vec<String>,
        /// A name with one of these words in it is the bank's.
        own_names: Vec<String>,
    },
    /// Charges of the bank: a debit.
    Charges {
        /// As for interest.
        words: Vec<String>,
        /// As for interest.
        own_names: Vec<String>,
        /// Not above this, fen: a large debit is no charge, whatever its words.
        most_minor: i64,
    },
    /// Card takings of a day in one credit, less the bank's fee.
    Cards {
        /// Words of the code, text or name.
        words: Vec<String>,
        /// Taken at most so many days before booking.
        days: i32,
        /// Largest fee in parts of ten thousand.
        most_fee_bp: i64,
    },
    /// Money to be recovered comes back: equal amount, and the name or account is equal.
    Receivable {},
    /// A receipt recorded by hand under another reference or none: equal amount and name.
    AmountAndPayer {
        /// Days between arrival and booking, either way.
        days: i32,
    },
    /// One credit for several receipts or arrivals of a payer, several credits for one, several debits for one file.
    Sums {
        /// Days between them.
        days: i32,
        /// Most parts of a sum.
        parts: usize,
        /// Most candidates of one payer; with more, the search is given up and says so.
        candidates: usize,
        /// Most steps of one search; with more, the search is given up and says so.
        steps: usize,
    },
    /// A credit on a sub-account is for its case.
    SubAccount {},
    /// A case number in the text, exactly one.
    CaseNumber {},
    /// Any other credit: unattributed (待认领款). Without this rule it stays open.
    Unattributed {},
}

/// The standard list as TOML, for whoever writes another: the text behind [`Rules::standard`].
pub const STANDARD: &str = include_str!("standard.toml");

/// Rules in the order in which they are tried.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Rules {
    /// In order. A match says by its index which rule made it.
    #[serde(rename = "rule")]
    pub list: Vec<Rule>,
}

impl Rules {
    /// The standard list, the same as [`STANDARD`].
    #[must_use]
    pub fn standard() -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let kinds = [
            ("line_key", RuleKind::LineKey { shortest_cut: 12 }),
            ("receipt_reference", RuleKind::ReceiptReference {}),
            ("arrival", RuleKind::Arrival {}),
            ("file_total", RuleKind::FileTotal { days: 10, shortest_cut: 12 }),
            (
                "lump_return",
                RuleKind::LumpReturn {
                    days: 30,
                    shortest_cut: 12,
                    own_names: words(&["银行", "信用社", "法院", "退汇", "退票"]),
                },
            ),
            ("reversal", RuleKind::Reversal { words: words(&["冲正", "红字", "抹账", "撤销"]), days: 30 }),
            (
                "interest",
                RuleKind::Interest {
                    words: words(&["结息", "利息", "存款利息", "活期结息"]),
                    own_names: words(&["银行", "信用社", "利息"]),
                },
            ),
            (
                "charges",
                RuleKind::Charges {
                    words: words(&["手续费", "工本费", "账户管理费", "汇划费"]),
                    own_names: words(&["银行", "信用社", "手续费"]),
                    most_minor: 100_000,
                },
            ),
            ("cards", RuleKind::Cards { words: words(&["POS", "银联", "收单"]), days: 3, most_fee_bp: 100 }),
            ("receivable", RuleKind::Receivable {}),
            // Money that is recorded or expected already, before anything is taken for new.
            ("amount_and_payer", RuleKind::AmountAndPayer { days: 5 }),
            ("sums", RuleKind::Sums { days: 5, parts: 6, candidates: 40, steps: 100_000 }),
            ("sub_account", RuleKind::SubAccount {}),
            ("case_number", RuleKind::CaseNumber {}),
            ("unattributed", RuleKind::Unattributed {}),
        ];
        Self { list: kinds.into_iter().map(|(name, kind)| Rule { name: name.to_owned(), kind }).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_and_the_standard_list_are_the_same() {
        assert_eq!(toml::from_str::<Rules>(STANDARD).unwrap(), Rules::standard());
    }

    #[test]
    fn an_unknown_word_in_a_rule_is_refused() {
        let wrong = STANDARD.replace("most_fee_bp", "most_fee");
        assert!(toml::from_str::<Rules>(&wrong).is_err());
        let more = STANDARD.replace("most_fee_bp = 100", "most_fee_bp = 100\nmost = 3");
        assert!(toml::from_str::<Rules>(&more).is_err());
        let left_out = STANDARD.replace("shortest_cut = 12", "");
        assert!(toml::from_str::<Rules>(&left_out).is_err());
    }
}
