//! Amounts as people write them, to the fen or not at all.

use ankuan_ledger::Amount;

use crate::tables::half_width;

/// The largest amount of one row, ¥1,000,000,000,000.00: past it a row has slipped into a wrong column. It also
/// keeps every amount within the 15 digits that a spreadsheet holds exactly.
pub(super) const AMOUNT_MAX: Amount = Amount::from_minor(100_000_000_000_000);

/// Why a text is not an amount of money to be claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AmountFault {
    Empty,
    /// Full-width digits or signs; with the text in half-width.
    FullWidth(String),
    /// `1.5E+06`: what a spreadsheet shows when the column is too narrow.
    Scientific,
    /// Commas that do not part thousands, so one of them may be a decimal sign.
    Commas,
    /// More than two decimals.
    Decimals,
    /// Zero or below.
    NotPositive,
    /// Above [`AMOUNT_MAX`].
    TooLarge,
    Unreadable,
}

/// Reads an amount in yuan: digits, commas between thousands, up to two decimals, perhaps `¥` before or `元` behind.
pub(super) fn parse_amount(text: &str) -> Result<Amount, AmountFault> {
    if text.is_empty() {
        return Err(AmountFault::Empty);
    }
    if text.is_ascii() {
        return parse_plain(text.as_bytes());
    }
    let bare = text.trim_start_matches(['¥', '￥']).trim_end_matches('元').trim();
    if bare.is_ascii() {
        return parse_plain(bare.as_bytes());
    }
    match half_width(bare) {
        Some(converted) => Err(AmountFault::FullWidth(converted)),
        None => Err(AmountFault::Unreadable),
    }
}

fn parse_plain(text: &[u8]) -> Result<Amount, AmountFault> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(point) => (&digits[..point], Some(&digits[point + 1..])),
        None => (digits, None),
    };
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    if !whole.iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
        || whole.is_empty()
        || fraction.is_some_and(|fraction| !is_number(fraction))
    {
        let scientific = std::str::from_utf8(text).is_ok_and(is_scientific);
        return Err(if scientific { AmountFault::Scientific } else { AmountFault::Unreadable });
    }
    if whole.contains(&b',') && !commas_part_thousands(whole) {
        return Err(AmountFault::Commas);
    }
    let fen = match fraction {
        None => 0,
        Some([tenths]) => i64::from(tenths - b'0') * 10,
        Some([tenths, hundredths]) => i64::from(tenths - b'0') * 10 + i64::from(hundredths - b'0'),
        Some(_) => return Err(AmountFault::Decimals),
    };
    let mut yuan = 0_i64;
    for digit in whole.iter().filter(|byte| **byte != b',') {
        let next = yuan.checked_mul(10).and_then(|yuan| yuan.checked_add(i64::from(digit - b'0')));
        yuan = next.ok_or(AmountFault::TooLarge)?;
    }
    let minor = yuan.checked_mul(100).and_then(|minor| minor.checked_add(fen)).ok_or(AmountFault::TooLarge)?;
    if negative || minor == 0 {
        Err(AmountFault::NotPositive)
    } else if minor > AMOUNT_MAX.minor() {
        Err(AmountFault::TooLarge)
    } else {
        Ok(Amount::from_minor(minor))
    }
}

fn commas_part_thousands(whole: &[u8]) -> bool {
    let mut groups = whole.split(|byte| *byte == b',');
    let first = groups.next().map_or(0, <[u8]>::len);
    (1..=3).contains(&first) && groups.all(|group| group.len() == 3)
}

/// Whether a text is a number in scientific notation, such as `6.22202E+18`: what a spreadsheet makes of a long number.
pub(super) fn is_scientific(text: &str) -> bool {
    let Some((mantissa, exponent)) = text.split_once(['E', 'e']) else { return false };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    is_number(exponent) && is_number(whole) && is_number(fraction)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tables;

    #[test]
    fn amounts_as_people_write_them() {
        for (text, minor) in [
            ("1", 100),
            ("0.01", 1),
            ("1.5", 150),
            ("1,234,567.89", 123_456_789),
            ("¥1,000.00", 100_000),
            ("￥1000元", 100_000),
            ("0001", 100),
            ("1000000000000.00", 100_000_000_000_000),
        ] {
            assert_eq!(parse_amount(text), Ok(Amount::from_minor(minor)), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount() {
        for (text, fault) in [
            ("", AmountFault::Empty),
            ("１２３．４５", AmountFault::FullWidth("123.45".to_owned())),
            ("1.5E+06", AmountFault::Scientific),
            ("1,23", AmountFault::Commas),
            (",123", AmountFault::Commas),
            ("1,2345", AmountFault::Commas),
            ("1.234", AmountFault::Decimals),
            ("1.230", AmountFault::Decimals),
            ("0", AmountFault::NotPositive),
            ("0.00", AmountFault::NotPositive),
            ("-1.00", AmountFault::NotPositive),
            ("1000000000000.01", AmountFault::TooLarge),
            ("99999999999999999999999999", AmountFault::TooLarge),
            ("92233720368547758.08", AmountFault::TooLarge),
            ("1.", AmountFault::Unreadable),
            (".5", AmountFault::Unreadable),
            ("1 000", AmountFault::Unreadable),
            ("壹佰元", AmountFault::Unreadable),
            ("1.2.3", AmountFault::Unreadable),
            ("inf", AmountFault::Unreadable),
            ("--1", AmountFault::Unreadable),
        ] {
            assert_eq!(parse_amount(text), Err(fault), "{text}");
        }
    }

    proptest! {
        #[test]
        fn amounts_round_trip(minor in 1..=AMOUNT_MAX.minor()) {
            let amount = Amount::from_minor(minor);
            prop_assert_eq!(parse_amount(&amount.to_string()), Ok(amount));
            let plain = format!("{}.{:02}", minor / 100, minor % 100);
            prop_assert_eq!(parse_amount(&plain), Ok(amount));
            let number: f64 = plain.parse().unwrap();
            prop_assert_eq!(parse_amount(&tables::decimal(number)), Ok(amount));
            prop_assert_eq!(parse_amount(&tables::decimal_of_15_digits(number).unwrap_or(plain)), Ok(amount));
        }

        #[test]
        fn any_text_is_answered(text in "[0-9.,¥元eE+-]{0,12}|.{0,20}", number: f64) {
            let _ = parse_amount(&text);
            let _ = is_scientific(&text);
            let _ = half_width(&text);
            let _ = tables::decimal_of_15_digits(number);
        }
    }
}
