//! Amounts in capital figures (大写金额), as vouchers and transmittal sheets carry them beside the digits.

use ankuan_ledger::Amount;

const DIGITS: [char; 10] = ['零', '壹', '贰', '叁', '肆', '伍', '陆', '柒', '捌', '玖'];

/// From large to small. 亿 is also the unit of 万亿 and 亿亿, which keeps every `i64` readable.
const UNITS: [(u64, char); 5] = [(100_000_000, '亿'), (10_000, '万'), (1_000, '仟'), (100, '佰'), (10, '拾')];

/// The amount in capital figures, beginning 人民币; `None` below zero, which no voucher writes in capitals.
///
/// Ends 整 after 元; nothing after 角 or 分. 零 stands for skipped places, and before 角 when the yuan end in 0, where
/// the rule leaves the choice. Source: 支付结算办法 (银发〔1997〕393号), annex 1.
#[must_use]
pub fn capital_amount(amount: Amount) -> Option<String> {
    let minor = u64::try_from(amount.minor()).ok()?;
    let (yuan, jiao, fen) = (minor / 100, minor / 10 % 10, minor % 10);
    let mut text = String::from("人民币");
    if yuan > 0 || minor == 0 {
        push_integer(&mut text, yuan);
        text.push('元');
    }
    if jiao == 0 && fen == 0 {
        text.push('整');
        return Some(text);
    }
    if yuan > 0 && (jiao == 0 || yuan % 10 == 0) {
        text.push('零');
    }
    for (digit, unit) in [(jiao, '角'), (fen, '分')] {
        if digit > 0 {
            push_integer(&mut text, digit);
            text.push(unit);
        }
    }
    Some(text)
}

fn push_integer(text: &mut String, number: u64) {
    let Some(&(unit, name)) = UNITS.iter().find(|(unit, _)| number >= *unit) else {
        // Below ten: no unit fitted.
        text.push(DIGITS[number as usize]);
        return;
    };
    push_integer(text, number / unit);
    text.push(name);
    let rest = number % unit;
    if rest > 0 {
        if rest < unit / 10 {
            text.push('零');
        }
        push_integer(text, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads capital figures without knowing how they are written: the last 亿 multiplies all before it.
    fn read(text: &str) -> u64 {
        let text = text.strip_prefix("人民币").unwrap().trim_end_matches('整');
        let (yuan, rest) = text.split_once('元').unwrap_or(("", text));
        let cents: u64 = rest
            .replace('零', "")
            .split_inclusive(['角', '分'])
            .map(|part| {
                let digit = part.chars().next().unwrap();
                integer(&digit.to_string()) * if part.ends_with('角') { 10 } else { 1 }
            })
            .sum();
        integer(yuan) * 100 + cents
    }

    fn integer(text: &str) -> u64 {
        let text = text.trim_start_matches('零');
        if let Some(place) = text.rfind('亿') {
            return integer(&text[..place]) * 100_000_000 + integer(&text[place + '亿'.len_utf8()..]);
        }
        if let Some((high, low)) = text.split_once('万') {
            return integer(high) * 10_000 + integer(low);
        }
        let mut sum = 0;
        let mut digit = 0;
        for character in text.chars() {
            match character {
                '仟' => sum += digit * 1_000,
                '佰' => sum += digit * 100,
                '拾' => sum += digit * 10,
                _ => {
                    digit = DIGITS.iter().position(|known| *known == character).unwrap() as u64;
                    continue;
                }
            }
            digit = 0;
        }
        sum + digit
    }

    #[test]
    fn writes_the_examples_of_the_rule() {
        for (minor, text) in [
            (140_950, "人民币壹仟肆佰零玖元伍角"),
            (600_714, "人民币陆仟零柒元壹角肆分"),
            (168_032, "人民币壹仟陆佰捌拾元零叁角贰分"),
            (10_700_053, "人民币壹拾万柒仟元零伍角叁分"),
            (1_640_902, "人民币壹万陆仟肆佰零玖元零贰分"),
            (32_504, "人民币叁佰贰拾伍元零肆分"),
            (1_000, "人民币壹拾元整"),
            (10_000_000_100, "人民币壹亿零壹元整"),
            (170_000_000_000, "人民币壹拾柒亿元整"),
            (1, "人民币壹分"),
            (50, "人民币伍角"),
            (0, "人民币零元整"),
            (10_000_000_000_000, "人民币壹仟亿元整"),
            (10_000_100_000, "人民币壹亿零壹仟元整"),
        ] {
            assert_eq!(capital_amount(Amount::from_minor(minor)).as_deref(), Some(text));
        }
    }

    #[test]
    fn writes_nothing_below_zero() {
        assert_eq!(capital_amount(Amount::from_minor(-1)), None);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor in prop_oneof![0..=i64::MAX, 0..=1_000_000_i64, (0..=92_233_i64).prop_map(|n| n * 1_000_000_000_000)]) {
            let text = capital_amount(Amount::from_minor(minor)).unwrap();
            prop_assert_eq!(read(&text), minor as u64, "{}", text);
            prop_assert!(!text.contains("零零"), "{}", text);
        }
    }
}
