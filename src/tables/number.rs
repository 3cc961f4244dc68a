//! Numbers as spreadsheets store them and as people type them.

/// The text with full-width letters, digits and signs (U+FF01 to U+FF5E) in half-width; `None` if it has none.
pub(crate) fn half_width(text: &str) -> Option<String> {
    let is_full_width = |letter: char| ('\u{ff01}'..='\u{ff5e}').contains(&letter);
    if text.is_ascii() || !text.contains(is_full_width) {
        return None;
    }
    let convert = |letter: char| {
        let lowered = if is_full_width(letter) { char::from_u32(u32::from(letter) - 0xfee0) } else { None };
        lowered.unwrap_or(letter)
    };
    Some(text.chars().map(convert).collect())
}

/// A spreadsheet's number as a decimal, in the fewest digits that mean the same number.
pub(crate) fn decimal(number: f64) -> String {
    number.to_string()
}

/// A spreadsheet's number as a decimal of the 15 significant digits that spreadsheets compute and show with.
///
/// A sum of amounts with two decimals can be stored as 1234.5600000000001; at 15 digits it is 1234.56. No more than
/// that is forgiven: 1234.561 stays as it is. `None` for what is not a number of money (infinite, or below a fen's tenth).
pub(crate) fn decimal_of_15_digits(number: f64) -> Option<String> {
    let text = format!("{number:.14e}");
    let (mantissa, exponent) = text.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let point = usize::try_from(exponent.checked_add(1)?).ok()?;
    if digits.len() != 15 || point == 0 || point > 15 {
        return None;
    }
    let fraction = digits[point..].trim_end_matches('0');
    let separator = if fraction.is_empty() { "" } else { "." };
    Some(format!("{sign}{}{separator}{fraction}", &digits[..point]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_a_spreadsheet() {
        assert_eq!(decimal(1234.56), "1234.56");
        assert_eq!(decimal(6.222_021_234_567_89e18), "6222021234567890000");
        assert_eq!(decimal_of_15_digits(1_234.560_000_000_000_1).as_deref(), Some("1234.56"));
        assert_eq!(decimal_of_15_digits(1234.561).as_deref(), Some("1234.561"));
        assert_eq!(decimal_of_15_digits(-7.5).as_deref(), Some("-7.5"));
        assert_eq!(decimal_of_15_digits(100.0).as_deref(), Some("100"));
        assert_eq!(decimal_of_15_digits(f64::INFINITY), None);
        assert_eq!(decimal_of_15_digits(1e300), None);
    }
}
