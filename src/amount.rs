//! Amounts of money as a person types them.

use ankuan_ledger::Amount;

use crate::Message;

/// An amount without thousands commas, as programs and files have it: `1767400.00`, `-0.05`.
#[must_use]
pub fn plain(amount: Amount) -> String {
    amount.to_string().replace(',', "")
}

/// How many, and what they come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Total {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub amount: Amount,
}

impl Total {
    /// One more.
    ///
    /// # Errors
    /// `payouts.amounts_too_large`.
    pub fn add(&mut self, amount: Amount) -> Result<(), Message> {
        self.add_all(Self { count: 1, amount })
    }

    /// All of another total.
    ///
    /// # Errors
    /// `payouts.amounts_too_large`.
    pub fn add_all(&mut self, other: Self) -> Result<(), Message> {
        self.count += other.count;
        self.amount = self.amount.plus(other.amount).ok_or_else(|| Message::new("payouts.amounts_too_large"))?;
        Ok(())
    }
}

/// The amount that `text` states in yuan: digits, perhaps in groups of three by commas, perhaps a point and one or
/// two digits (`1234`, `1,234.5`, `1,234.56`). Exact: nothing is rounded, trimmed or guessed.
///
/// # Errors
/// The message names the text and the remedy. Checked in this order: `amount.empty`, `amount.full_width`,
/// `amount.sign`, `amount.exponent` (a spreadsheet's 6.22E+18), `amount.not_a_number`, `amount.decimals` (more than
/// two, be they zeros), `amount.grouping`, `amount.too_large` (past 92 quadrillion yuan, what [`Amount`] holds).
/// Zero is an amount; whether it is allowed is the caller's rule.
pub fn parse_yuan(text: &str) -> Result<Amount, Message> {
    let refuse = |message: Message| Err(message.with("text", text.escape_debug()));

    if text.is_empty() {
        return refuse(Message::new("amount.empty"));
    }
    if text.contains(|character| ('\u{ff01}'..='\u{ff5e}').contains(&character) || character == '\u{3000}') {
        return refuse(Message::new("amount.full_width"));
    }
    if text.starts_with(['+', '-', '\u{2212}', '(']) {
        return refuse(Message::new("amount.sign"));
    }
    if text.starts_with(|first: char| first.is_ascii_digit())
        && text.contains(['e', 'E'])
        && text.chars().all(|character| character.is_ascii_digit() || "eE+-.,".contains(character))
    {
        return refuse(Message::new("amount.exponent"));
    }

    let (yuan, fen) = text.split_once('.').unwrap_or((text, "0"));
    let only_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !only_digits(fen) || !yuan.bytes().all(|byte| byte.is_ascii_digit() || byte == b',') || yuan.is_empty() {
        return refuse(Message::new("amount.not_a_number"));
    }
    if fen.len() > 2 {
        return refuse(Message::new("amount.decimals"));
    }
    let mut groups = yuan.split(',');
    let first_length = groups.next().map_or(0, str::len);
    if yuan.contains(',') && (!(1..=3).contains(&first_length) || groups.any(|group| group.len() != 3)) {
        return refuse(Message::new("amount.grouping"));
    }

    // One digit behind the point counts tenths.
    let digits = yuan.bytes().filter(u8::is_ascii_digit).chain(fen.bytes()).chain((fen.len() == 1).then_some(b'0'));
    let mut minor: i64 = 0;
    for digit in digits {
        match minor.checked_mul(10).and_then(|minor| minor.checked_add(i64::from(digit - b'0'))) {
            Some(sum) => minor = sum,
            None => return refuse(Message::new("amount.too_large")),
        }
    }
    Ok(Amount::from_minor(minor))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::Decimal;

    use super::*;
    use crate::Language;

    #[test]
    fn takes_what_is_written_exactly() {
        for (text, minor) in [
            ("0", 0),
            ("0.01", 1),
            ("0.1", 10),
            ("7", 700),
            ("1234.56", 123_456),
            ("1,234.56", 123_456),
            ("1,700,000,000.00", 170_000_000_000),
            ("636,950,019.89", 63_695_001_989),
            ("92,233,720,368,547,758.07", i64::MAX),
        ] {
            assert_eq!(parse_yuan(text), Ok(Amount::from_minor(minor)), "{text}");
        }
    }

    #[test]
    fn refuses_each_kind_with_its_code() {
        for (text, code) in [
            ("", "amount.empty"),
            ("１２３", "amount.full_width"),
            ("12．3", "amount.full_width"),
            ("　12", "amount.full_width"),
            ("-1", "amount.sign"),
            ("+1", "amount.sign"),
            ("−1", "amount.sign"),
            ("(1.00)", "amount.sign"),
            ("6.22E+18", "amount.exponent"),
            ("1e3", "amount.exponent"),
            (" 1", "amount.not_a_number"),
            ("1 ", "amount.not_a_number"),
            ("1 234", "amount.not_a_number"),
            (".5", "amount.not_a_number"),
            ("5.", "amount.not_a_number"),
            (".", "amount.not_a_number"),
            ("1.2.3", "amount.not_a_number"),
            ("1.2,3", "amount.not_a_number"),
            ("1元", "amount.not_a_number"),
            ("¥1", "amount.not_a_number"),
            ("NaN", "amount.not_a_number"),
            ("0x10", "amount.not_a_number"),
            ("1_000", "amount.not_a_number"),
            ("٣", "amount.not_a_number"),
            ("1.234", "amount.decimals"),
            ("1.000", "amount.decimals"),
            ("12,34", "amount.grouping"),
            ("1,2345", "amount.grouping"),
            ("1234,567", "amount.grouping"),
            (",123", "amount.grouping"),
            ("1,", "amount.grouping"),
            ("1,,234", "amount.grouping"),
            ("92233720368547758.08", "amount.too_large"),
            ("99999999999999999999999999", "amount.too_large"),
        ] {
            assert_eq!(parse_yuan(text).map_err(|message| message.code), Err(code), "{text}");
        }
    }

    #[test]
    fn says_what_was_read_and_what_to_write() {
        let message = parse_yuan("1.234").unwrap_err();
        insta::assert_snapshot!(
            format!("{}\n{}", message.text(Language::Zh), message.text(Language::En)),
            @r#"
        金额“1.234”的小数超过两位；最小到分，请按原件写明，不作四舍五入
        the amount "1.234" has more than two decimals; the smallest unit is the fen, state it as in the original, nothing is rounded
        "#
        );
        // A text from a file may carry terminal commands; they must not reach the screen.
        assert!(!parse_yuan("\u{1b}[2J").unwrap_err().text(Language::En).contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn reads_back_what_amounts_print(minor in 0..=i64::MAX) {
            let amount = Amount::from_minor(minor);
            prop_assert_eq!(parse_yuan(&amount.to_string()), Ok(amount));
        }

        #[test]
        fn agrees_with_decimal_arithmetic(text in "[0-9]{1,16}(\\.[0-9]{1,2})?") {
            let decimal: Decimal = text.parse().unwrap();
            let minor = i64::try_from(decimal * Decimal::ONE_HUNDRED).unwrap();
            prop_assert_eq!(parse_yuan(&text), Ok(Amount::from_minor(minor)));
        }

        #[test]
        fn never_breaks(text in "[0-9eE.,+\\-１ 元]{0,24}") {
            if let Ok(amount) = parse_yuan(&text) {
                prop_assert!(amount >= Amount::ZERO);
                prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b','));
            }
        }
    }
}
