//! Check characters of the numbers that name people, organisations, banks, cards and accounts.
//!
//! All functions are pure and look at the number alone: a number that passes may still belong to nobody.

use jiff::civil::Date;

/// Characters of a present-day identity number.
pub const IDENTITY_NUMBER_LENGTH: usize = 18;
/// Digits of the identity number's old form, issued until 1999: two-digit year, no check character.
pub const OLD_IDENTITY_NUMBER_LENGTH: usize = 15;
/// Years of birth before this one are taken for a slip of the pen: nobody born earlier can be a claimant.
const EARLIEST_YEAR_OF_BIRTH: i16 = 1800;

const IDENTITY_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const IDENTITY_CHECK_CHARACTERS: &[u8; 11] = b"10X98765432";
const CREDIT_CODE_ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const CREDIT_CODE_WEIGHTS: [u32; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
const ORGANISATION_CODE_WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];

/// What is wrong with an identity number (公民身份号码).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityNumberFault {
    /// Neither 18 characters nor the 15 of the old form.
    Length,
    /// Something else than digits, or than a digit, `X` or `x` in the last place.
    Characters,
    /// Places 7 to 14 (7 to 12 in the old form) are not a day of the calendar.
    Date,
    /// The last character does not follow from the others.
    CheckCharacter,
}

/// Checks an identity number: length, characters, date of birth and check character (GB 11643, ISO 7064 MOD 11-2).
///
/// A lower-case `x` is accepted. The old form of 15 digits has no check character; its date is checked as of the 1900s.
///
/// # Errors
/// The first fault, in the order of [`IdentityNumberFault`].
pub fn check_identity_number(number: &str) -> Result<(), IdentityNumberFault> {
    let bytes = number.as_bytes();
    match bytes.len() {
        IDENTITY_NUMBER_LENGTH => {
            let (body, last) = bytes.split_at(17);
            let digits_only = body.iter().all(u8::is_ascii_digit);
            if !digits_only || !matches!(last[0], b'0'..=b'9' | b'X' | b'x') {
                return Err(IdentityNumberFault::Characters);
            }
            check_date_of_birth(decimal(&bytes[6..10]), decimal(&bytes[10..12]), decimal(&bytes[12..14]))?;
            match identity_check_character(body) {
                Some(expected) if expected == last[0].to_ascii_uppercase() => Ok(()),
                _ => Err(IdentityNumberFault::CheckCharacter),
            }
        }
        OLD_IDENTITY_NUMBER_LENGTH => {
            if !bytes.iter().all(u8::is_ascii_digit) {
                return Err(IdentityNumberFault::Characters);
            }
            check_date_of_birth(1900 + decimal(&bytes[6..8]), decimal(&bytes[8..10]), decimal(&bytes[10..12]))
        }
        _ => Err(IdentityNumberFault::Length),
    }
}

/// The 18-character form of an old identity number: `19` before the year, the check character behind (GB 11643).
///
/// `None` unless the number is 15 digits.
#[must_use]
pub fn identity_number_of_18(old: &str) -> Option<String> {
    if old.len() != OLD_IDENTITY_NUMBER_LENGTH || !old.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut number = format!("{}19{}", &old[..6], &old[6..]);
    number.push(identity_check_character(number.as_bytes())?.into());
    Some(number)
}

/// The last character of the identity number that begins with these 17 digits (GB 11643, ISO 7064 MOD 11-2), as ASCII.
///
/// `None` unless there are 17 digits.
#[must_use]
pub fn identity_check_character(body: &[u8]) -> Option<u8> {
    if body.len() != IDENTITY_WEIGHTS.len() || !body.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: u32 = body.iter().zip(IDENTITY_WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    Some(IDENTITY_CHECK_CHARACTERS[(sum % 11) as usize])
}

/// What is wrong with a unified social credit code (统一社会信用代码).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreditCodeFault {
    /// Not 18 characters.
    Length,
    /// A character outside the alphabet: digits and capital letters without I, O, S, V and Z.
    Characters,
    /// The last character does not follow from the others.
    CheckCharacter,
}

/// Checks a unified social credit code: length, alphabet, check character (GB 32100).
///
/// # Errors
/// The first fault, in the order of [`CreditCodeFault`].
pub fn check_credit_code(code: &str) -> Result<(), CreditCodeFault> {
    let bytes = code.as_bytes();
    if bytes.len() != 18 {
        return Err(CreditCodeFault::Length);
    }
    if !bytes.iter().all(|byte| CREDIT_CODE_ALPHABET.contains(byte)) {
        return Err(CreditCodeFault::Characters);
    }
    if credit_code_check_character(&bytes[..17]) == Some(bytes[17]) {
        Ok(())
    } else {
        Err(CreditCodeFault::CheckCharacter)
    }
}

/// The last character of the credit code that begins with these 17 characters (GB 32100), as ASCII.
///
/// `None` unless there are 17 characters of the code's alphabet.
#[must_use]
pub fn credit_code_check_character(body: &[u8]) -> Option<u8> {
    if body.len() != CREDIT_CODE_WEIGHTS.len() {
        return None;
    }
    let mut sum = 0;
    for (byte, weight) in body.iter().zip(CREDIT_CODE_WEIGHTS) {
        let value = CREDIT_CODE_ALPHABET.iter().position(|letter| letter == byte)?;
        sum += u32::try_from(value).ok()? * weight;
    }
    Some(CREDIT_CODE_ALPHABET[((31 - sum % 31) % 31) as usize])
}

/// The last character of the organisation code (组织机构代码) that begins with these 8 characters (GB 11714), as ASCII.
///
/// It is also place 17 of a unified social credit code. `None` unless there are 8 digits or capital letters.
#[must_use]
pub fn organisation_code_check_character(body: &[u8]) -> Option<u8> {
    if body.len() != ORGANISATION_CODE_WEIGHTS.len() {
        return None;
    }
    let mut sum = 0;
    for (byte, weight) in body.iter().zip(ORGANISATION_CODE_WEIGHTS) {
        let value = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            _ => return None,
        };
        sum += u32::from(value) * weight;
    }
    Some(match 11 - sum % 11 {
        11 => b'0',
        10 => b'X',
        digit => b"0123456789"[digit as usize],
    })
}

/// Whether a bank code (联行号) is 12 digits of which the last follows from the others (ISO 7064 MOD 11,10).
///
/// The rule is not published; it was found by test on 221 real codes. So use it to warn, never to refuse: the
/// bank's own table of codes decides.
#[must_use]
pub fn bank_code_is_plausible(code: &str) -> bool {
    let bytes = code.as_bytes();
    bytes.len() == 12 && bank_code_check_digit(&bytes[..11]) == Some(bytes[11])
}

/// The last digit of the bank code that begins with these 11 digits (ISO 7064 MOD 11,10), as ASCII.
///
/// `None` unless there are 11 digits.
#[must_use]
pub fn bank_code_check_digit(body: &[u8]) -> Option<u8> {
    if body.len() != 11 || !body.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let mut product = 10;
    for digit in body {
        let mut sum = (product + u32::from(digit - b'0')) % 10;
        if sum == 0 {
            sum = 10;
        }
        product = sum * 2 % 11;
    }
    Some(b"0123456789"[((11 - product) % 10) as usize])
}

/// Whether a card number passes the Luhn check (ISO/IEC 7812-1).
///
/// Only cards follow it: accounts of organisations and passbooks do not, so no account may be refused for failing it.
#[must_use]
pub fn card_number_is_plausible(number: &str) -> bool {
    let bytes = number.as_bytes();
    match bytes.split_last() {
        Some((last, body)) if !body.is_empty() => luhn_check_digit(body) == Some(*last),
        _ => false,
    }
}

/// The last digit of the card number that begins with these digits (Luhn, ISO/IEC 7812-1), as ASCII.
///
/// `None` if something is not a digit.
#[must_use]
pub fn luhn_check_digit(body: &[u8]) -> Option<u8> {
    let mut sum = 0_u64;
    for (index, byte) in body.iter().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let digit = u64::from(byte - b'0');
        sum += match (index % 2, digit) {
            (0, 5..) => digit * 2 - 9,
            (0, _) => digit * 2,
            _ => digit,
        };
    }
    Some(b"0123456789"[((10 - sum % 10) % 10) as usize])
}

/// Whether an IBAN has a plausible form and passes its check (ISO 13616, ISO 7064 MOD 97-10). Without spaces, in capitals.
#[must_use]
pub fn iban_is_valid(iban: &str) -> bool {
    let bytes = iban.as_bytes();
    // ISO 13616: two letters, two digits, at most 30 more; the shortest in use has 15 characters.
    if !(15..=34).contains(&bytes.len()) {
        return false;
    }
    let well_formed = bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes[4..].iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !well_formed {
        return false;
    }
    let rotated = bytes[4..].iter().chain(&bytes[..4]);
    let remainder = rotated.fold(0_u32, |remainder, byte| match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        letter => (remainder * 100 + u32::from(letter - b'A') + 10) % 97,
    });
    remainder == 1
}

fn check_date_of_birth(year: i16, month: i16, day: i16) -> Result<(), IdentityNumberFault> {
    let (Ok(month), Ok(day)) = (i8::try_from(month), i8::try_from(day)) else {
        return Err(IdentityNumberFault::Date);
    };
    if year < EARLIEST_YEAR_OF_BIRTH || Date::new(year, month, day).is_err() {
        return Err(IdentityNumberFault::Date);
    }
    Ok(())
}

/// The value of at most four ASCII digits.
fn decimal(digits: &[u8]) -> i16 {
    digits.iter().fold(0, |value, digit| value * 10 + i16::from(digit - b'0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identity_numbers() {
        assert_eq!(check_identity_number("11010519491231002X"), Ok(()));
        assert_eq!(check_identity_number("11010519491231002x"), Ok(()));
        assert_eq!(check_identity_number("440524188001010014"), Ok(()));
        assert_eq!(check_identity_number("110105194912310021"), Err(IdentityNumberFault::CheckCharacter));
        assert_eq!(check_identity_number("110105491231002"), Ok(()));
        assert_eq!(check_identity_number("110105491331002"), Err(IdentityNumberFault::Date));
        assert_eq!(check_identity_number("11010519490229002X"), Err(IdentityNumberFault::Date));
        assert_eq!(check_identity_number("11010500491231002X"), Err(IdentityNumberFault::Date));
        assert_eq!(check_identity_number("1101051949123100X2"), Err(IdentityNumberFault::Characters));
        assert_eq!(check_identity_number("1101051949123100"), Err(IdentityNumberFault::Length));
        assert_eq!(check_identity_number("一一010519491231"), Err(IdentityNumberFault::Characters));
    }

    #[test]
    fn old_identity_numbers_become_new_ones() {
        assert_eq!(identity_number_of_18("110105491231002").as_deref(), Some("11010519491231002X"));
        assert_eq!(identity_number_of_18("11010549123100X"), None);
        assert_eq!(identity_number_of_18("11010519491231002X"), None);
    }

    #[test]
    fn credit_codes() {
        assert_eq!(check_credit_code("91350100M000100Y43"), Ok(()));
        assert_eq!(check_credit_code("91110108772551611J"), Ok(()));
        assert_eq!(check_credit_code("91350100M000100Y44"), Err(CreditCodeFault::CheckCharacter));
        assert_eq!(check_credit_code("91350100I000100Y43"), Err(CreditCodeFault::Characters));
        assert_eq!(check_credit_code("91350100M000100Y4"), Err(CreditCodeFault::Length));
        assert_eq!(organisation_code_check_character(b"D2143569"), Some(b'X'));
        assert_eq!(organisation_code_check_character(b"M000100Y"), Some(b'4'));
    }

    #[test]
    fn bank_codes() {
        for code in [
            "102100099996",
            "103100000026",
            "104100000004",
            "105100000017",
            "308584000013",
            "403100000004",
            "402713354941",
        ] {
            assert!(bank_code_is_plausible(code), "{code}");
        }
        for code in ["102100099995", "000000000000", "000000000001", "10210009999", "1021000999960", "10210009999X"] {
            assert!(!bank_code_is_plausible(code), "{code}");
        }
    }

    #[test]
    fn card_numbers() {
        assert!(card_number_is_plausible("6222021234567890128"));
        assert!(card_number_is_plausible("79927398713"));
        assert!(!card_number_is_plausible("6217000010001234567"));
        assert!(!card_number_is_plausible("622202123456789012X"));
        assert!(!card_number_is_plausible(""));
    }

    #[test]
    fn ibans() {
        assert!(iban_is_valid("GB82WEST12345698765432"));
        assert!(!iban_is_valid("GB82WEST12345698765433"));
        assert!(!iban_is_valid("82GBWEST12345698765432"));
        assert!(!iban_is_valid("GB82"));
    }

    fn digits(length: usize) -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(b'0'..=b'9', length)
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in ".{0,40}") {
            let _ = check_identity_number(&text);
            let _ = identity_number_of_18(&text);
            let _ = check_credit_code(&text);
            let _ = bank_code_is_plausible(&text);
            let _ = card_number_is_plausible(&text);
            let _ = iban_is_valid(&text);
        }

        #[test]
        fn one_wrong_digit_of_a_bank_code_is_caught(mut code in digits(11), place in 0_usize..12, step in 1_u8..10) {
            code.push(bank_code_check_digit(&code).unwrap());
            prop_assert!(bank_code_is_plausible(std::str::from_utf8(&code).unwrap()));
            code[place] = b'0' + (code[place] - b'0' + step) % 10;
            prop_assert!(!bank_code_is_plausible(std::str::from_utf8(&code).unwrap()));
        }

        #[test]
        fn one_wrong_digit_of_an_identity_number_is_caught(
            area in digits(6), year in 1900_u32..2030, month in 1_u32..=12, day in 1_u32..=28,
            sequence in digits(3), place in 0_usize..17, step in 1_u8..10,
        ) {
            let mut number = area;
            number.extend(format!("{year}{month:02}{day:02}").bytes());
            number.extend(sequence);
            number.push(identity_check_character(&number).unwrap());
            prop_assert_eq!(check_identity_number(std::str::from_utf8(&number).unwrap()), Ok(()));
            number[place] = b'0' + (number[place] - b'0' + step) % 10;
            prop_assert!(check_identity_number(std::str::from_utf8(&number).unwrap()).is_err());
        }

        #[test]
        fn one_wrong_digit_of_a_card_is_caught(mut card in digits(18), place in 0_usize..19, step in 1_u8..10) {
            card.push(luhn_check_digit(&card).unwrap());
            prop_assert!(card_number_is_plausible(std::str::from_utf8(&card).unwrap()));
            card[place] = b'0' + (card[place] - b'0' + step) % 10;
            prop_assert!(!card_number_is_plausible(std::str::from_utf8(&card).unwrap()));
        }
    }
}
