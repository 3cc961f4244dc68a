//! Our own references where a bank gives them back: in a column of their own, or somewhere in a text.
//!
//! A line key is `P20260001-000000042`: `P` and the digits of the run's number, a hyphen, nine digits. A message id is
//! `P20260001-001`: the same with at least three digits, but not nine, behind the hyphen.

/// Digits of a run's number in a reference, at the least: the year and four more.
const RUN_DIGITS_MIN: usize = 8;
/// Digits of a line's number: always so many.
const LINE_DIGITS: usize = 9;
/// Digits of a file's number, at the least.
const FILE_DIGITS_MIN: usize = 3;
/// The longest reference that a bank takes.
const REFERENCE_MAX: usize = 35;

/// The whole line keys in a text, in order. One that the bank has cut is not found: nothing proves it.
pub fn find_line_keys(text: &str) -> impl Iterator<Item = &str> {
    references(text).filter(|(_, digits)| *digits == LINE_DIGITS).map(|(reference, _)| reference)
}

/// The message ids of our payment files in a text, in order.
pub fn find_message_ids(text: &str) -> impl Iterator<Item = &str> {
    references(text).filter(|(_, digits)| *digits != LINE_DIGITS).map(|(reference, _)| reference)
}

/// `P` and digits, a hyphen and digits, with the number of digits behind the hyphen; not inside a longer word.
fn references(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let bytes = text.as_bytes();
    let mut next = 0;
    std::iter::from_fn(move || {
        while let Some(found) = bytes.get(next..)?.iter().position(|byte| *byte == b'P') {
            let start = next + found;
            let run = digits_at(bytes, start + 1);
            let hyphen = start + 1 + run;
            next = hyphen;
            if start > 0 && bytes[start - 1].is_ascii_alphanumeric()
                || run < RUN_DIGITS_MIN
                || bytes.get(hyphen) != Some(&b'-')
            {
                continue;
            }
            let digits = digits_at(bytes, hyphen + 1);
            let end = hyphen + 1 + digits;
            next = end;
            let in_word = bytes.get(end).is_some_and(u8::is_ascii_alphanumeric);
            if digits >= FILE_DIGITS_MIN && end - start <= REFERENCE_MAX && !in_word {
                return Some((&text[start..end], digits));
            }
        }
        None
    })
}

fn digits_at(bytes: &[u8], start: usize) -> usize {
    bytes.iter().skip(start).take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(text: &str) -> Vec<&str> {
        find_line_keys(text).collect()
    }

    #[test]
    fn keys_are_found_wherever_they_stand() {
        assert_eq!(keys("P20260001-000000042"), ["P20260001-000000042"]);
        assert_eq!(
            keys("案款 P20260001-000000042，P20260001-000000043退汇"),
            ["P20260001-000000042", "P20260001-000000043"]
        );
        assert_eq!(keys("PP20260001-000000042 P20261234567-000000001"), ["P20261234567-000000001"]);
    }

    #[test]
    fn what_only_looks_like_a_key_is_none() {
        for text in [
            "P20260001-00000004",
            "P20260001-0000000421",
            "P20260001-000000042X",
            "XP20260001-000000042",
            "P2026001-000000042",
            "P20260001_000000042",
            "p20260001-000000042",
            "P",
            "",
            "P20260001-",
        ] {
            assert_eq!(keys(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn message_ids_are_told_from_keys() {
        let text = "P20260001-001 P20260001-1234 P20260001-000000042 P20260001-01";
        assert_eq!(find_message_ids(text).collect::<Vec<_>>(), ["P20260001-001", "P20260001-1234"]);
    }

    proptest! {
        #[test]
        fn a_key_in_any_text_is_found(before in "[^A-Za-z0-9]{0,9}", run in 10_000_000_u64.., line in 0..=999_999_999_u32, after in "[^A-Za-z0-9]{0,9}") {
            let key = format!("P{run}-{line:09}");
            prop_assume!(key.len() <= REFERENCE_MAX);
            let text = format!("{before}{key}{after}");
            prop_assert_eq!(keys(&text), [key.as_str()]);
        }

        #[test]
        fn any_text_is_answered(text in "[P0-9-]{0,60}|.{0,60}") {
            let _ = find_line_keys(&text).count() + find_message_ids(&text).count();
        }
    }
}
