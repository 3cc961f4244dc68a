//! Cells as banks write them: amounts, dates, currencies, headings.

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::tables::{decimal_of_15_digits, half_width};

/// The longest amount in characters; the exact decimals behind it hold 28 digits.
const AMOUNT_CHARACTERS_MAX: usize = 40;
/// Days since 1899-12-30 by which spreadsheets store dates: 1954 to 2119. What lies outside is another number.
const SERIAL_DAYS: std::ops::RangeInclusive<i64> = 20_000..=80_000;

/// Half-width, without spaces around, other spaces made one: how texts are compared.
pub(super) fn plain(text: &str) -> String {
    let half = half_width(text);
    let mut plain = String::with_capacity(text.len());
    for word in half.as_deref().unwrap_or(text).split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.push_str(word);
    }
    plain
}

/// [`plain`] without any space and in small letters: how headings, marks and states are compared.
pub(super) fn word(text: &str) -> String {
    let mut word = half_width(text).unwrap_or_else(|| text.to_owned());
    word.retain(|letter| !letter.is_whitespace() && !letter.is_control() && letter != '\u{feff}');
    word.make_ascii_lowercase();
    word
}

/// An amount: digits, commas between thousands, a point, perhaps a sign, `¥` before or `元` behind. Exact, or `None`.
pub(super) fn amount(text: &str) -> Option<Decimal> {
    let half = half_width(text);
    let bare = half.as_deref().unwrap_or(text).trim();
    if bare.len() > AMOUNT_CHARACTERS_MAX {
        return None;
    }
    let (negative, bare) = signed(bare);
    let bare = bare.trim_start_matches(['¥', '￥']).trim_end_matches('元').trim();
    // The sign may stand on either side of the currency's, not on both.
    let (negative_behind, digits) = if negative.is_none() { signed(bare) } else { (None, bare) };
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() && fraction.is_none()
        || fraction.is_some_and(|fraction| fraction.is_empty() || !all_digits(fraction))
        || !commas_part_thousands(whole)
    {
        return None;
    }
    let mut number = whole.replace(',', "");
    if number.is_empty() {
        number.push('0');
    }
    if let Some(fraction) = fraction {
        number.push('.');
        number.push_str(fraction);
    }
    let number = Decimal::from_str_exact(&number).ok()?;
    let is_negative = negative.or(negative_behind).unwrap_or(false) && !number.is_zero();
    Some(if is_negative { -number } else { number })
}

fn signed(text: &str) -> (Option<bool>, &str) {
    if let Some(rest) = text.strip_prefix('-') {
        (Some(true), rest.trim_start())
    } else if let Some(rest) = text.strip_prefix('+') {
        (Some(false), rest.trim_start())
    } else {
        (None, text)
    }
}

/// Digits alone, or groups of three parted by commas. A comma elsewhere may be a decimal sign: not trusted.
fn commas_part_thousands(whole: &str) -> bool {
    let mut groups = whole.split(',');
    let first = groups.next().unwrap_or_default();
    let is_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut parted = false;
    let rest = groups.all(|group| {
        parted = true;
        group.len() == 3 && is_digits(group)
    });
    is_digits(first) && rest && (!parted || (1..=3).contains(&first.len()))
}

/// A number that a spreadsheet stores: the noise of binary fractions (1234.5600000000001) is taken off.
pub(super) fn stored_amount(text: &str) -> Option<Decimal> {
    let stored = amount(text)?;
    if stored.scale() <= 5 {
        return Some(stored);
    }
    let number: f64 = text.parse().ok()?;
    match decimal_of_15_digits(number) {
        Some(rounded) => amount(&rounded),
        None => Some(stored),
    }
}

/// A day: `20240101`, `2024-01-01`, `2025/1/5`, `2025.01.05`, `2025年1月5日`, whatever time stands behind it; of a cell
/// that holds a number, the days that spreadsheets count too.
pub(super) fn date(text: &str, stored_as_number: bool) -> Option<Date> {
    let half = half_width(text);
    let text = half.as_deref().unwrap_or(text).trim();
    let (first, rest) = digits(text);
    if stored_as_number && first.len() == 5 && (rest.is_empty() || rest.starts_with('.')) {
        let days: i64 = first.parse().ok().filter(|days| SERIAL_DAYS.contains(days))?;
        return Date::new(1899, 12, 30).ok()?.checked_add(days.days()).ok();
    }
    if matches!(first.len(), 8 | 14) {
        if !rest.is_empty() && !begins_time(rest) {
            return None;
        }
        return day(&first[..4], &first[4..6], &first[6..8]);
    }
    let separator = rest.chars().next().filter(|sign| matches!(sign, '-' | '/' | '.' | '年'))?;
    let (month, rest) = digits(rest.strip_prefix(separator)?);
    let rest = rest.strip_prefix(if separator == '年' { '月' } else { separator })?;
    let (of_month, rest) = digits(rest);
    let rest = match rest.strip_prefix('日') {
        Some(rest) if separator == '年' => rest.trim_start_matches(|letter: char| letter.is_ascii_digit()),
        _ => rest,
    };
    let ends = rest.is_empty() || begins_time(rest) || separator == '年' && rest.starts_with([':', '时']);
    if first.len() != 4 || !ends {
        return None;
    }
    day(first, month, of_month)
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

fn begins_time(rest: &str) -> bool {
    rest.starts_with(|letter: char| letter.is_whitespace() || letter == 'T')
}

fn day(year: &str, month: &str, of_month: &str) -> Option<Date> {
    if !(1..=2).contains(&month.len()) || !(1..=2).contains(&of_month.len()) {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, of_month.parse().ok()?).ok()
}

/// A number of things; commas between thousands are taken off.
pub(super) fn count(text: &str) -> Option<u64> {
    let bare = text.trim();
    if bare.is_empty() || !commas_part_thousands(bare) {
        return None;
    }
    bare.replace(',', "").parse().ok()
}

/// ISO 4217 for what stands in a column of currencies; what is not known stays as it is.
pub(super) fn currency(text: &str) -> String {
    let word = word(text);
    let code = match word.as_str() {
        "人民币" | "人民币元" | "rmb" | "cny" | "156" => "CNY",
        "美元" => "USD",
        "港币" | "港元" => "HKD",
        "欧元" => "EUR",
        "日元" => "JPY",
        "英镑" => "GBP",
        other => return other.to_ascii_uppercase(),
    };
    code.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_of_all_samples_and_more() {
        for (text, wanted) in [
            ("-71.89", "-71.89"),
            ("-2,600.00", "-2600.00"),
            ("¥28.16", "28.16"),
            ("￥1,234,567.8元", "1234567.8"),
            ("¥-1.00", "-1.00"),
            ("-¥1.00", "-1.00"),
            ("+5", "5"),
            (".50", "0.50"),
            ("１２．３４", "12.34"),
            ("0.12345", "0.12345"),
            ("-0.00", "0.00"),
        ] {
            assert_eq!(amount(text).map(|amount| amount.to_string()), Some(wanted.to_owned()), "{text}");
        }
        for text in [
            "",
            "xx,yyyy.zz",
            "1,23",
            "1,2345.00",
            "1.5E+06",
            "1.",
            "--1",
            "-¥-1",
            "1 000",
            "壹佰元",
            "1.2.3",
            ",100",
            "-",
        ] {
            assert_eq!(amount(text), None, "{text}");
        }
        assert_eq!(amount("99999999999999999999999999999999"), None, "beyond exact decimals");
        assert_eq!(stored_amount("1234.5600000000001"), amount("1234.56"));
        assert_eq!(stored_amount("0.07"), amount("0.07"));
    }

    #[test]
    fn dates_of_all_samples_and_more() {
        let wanted = jiff::civil::date(2025, 1, 5);
        for text in [
            "20250105",
            "20250105123000",
            "20250105 12:30:00",
            "2025-01-05",
            "2025-01-05T12:30:00",
            "2025/01/05  14:06:51",
            "2025/1/5",
            "2025.01.05",
            "2025年1月5日",
            "2025年01月05日12:30",
            "２０２５－０１－０５",
        ] {
            assert_eq!(date(text, false), Some(wanted), "{text}");
        }
        assert_eq!(date("45662", true), Some(wanted));
        assert_eq!(date("45662.52", true), Some(wanted));
        assert_eq!(date("20250105", true), Some(wanted));
        for text in
            ["45662", "2025-02-30", "2025-01", "2025-01/05", "202501051", "2025-01-05x", "合计", "", "-", "2025年1月"]
        {
            assert_eq!(date(text, false), None, "{text}");
        }
    }

    #[test]
    fn currencies_have_one_name() {
        for text in ["人民币", "CNY", "rmb", " 人民币元 ", "ＣＮＹ"] {
            assert_eq!(currency(text), "CNY");
        }
        assert_eq!(currency("usd"), "USD");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in "[0-9.,¥元年月日/ :T-]{0,45}|.{0,20}", stored: bool) {
            let _ = (amount(&text), stored_amount(&text), date(&text, stored), count(&text), currency(&text), plain(&text));
        }

        #[test]
        fn every_day_comes_back(days in 20_000_i64..=80_000) {
            let wanted = Date::new(1899, 12, 30).unwrap().checked_add(days.days()).unwrap();
            let (year, month, day) = (wanted.year(), wanted.month(), wanted.day());
            prop_assert_eq!(date(&format!("{year:04}{month:02}{day:02}"), false), Some(wanted));
            prop_assert_eq!(date(&format!("{year}/{month}/{day} 1:02"), false), Some(wanted));
            prop_assert_eq!(date(&format!("{year}年{month}月{day}日"), false), Some(wanted));
            prop_assert_eq!(date(&days.to_string(), true), Some(wanted));
        }
    }
}
