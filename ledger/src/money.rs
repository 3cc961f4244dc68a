//! Money: whole minor units of a currency in an `i64`, with checked arithmetic only.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An amount in minor units (fen for CNY). May be negative only as a difference; what is stored is positive.
///
/// An `i64` of fen reaches 92 quadrillion yuan; every operation that could leave that range returns `None`.
/// In JSON it is the bare number, and the field's name ends in `_minor`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Amount(i64);

impl Amount {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From minor units (fen).
    #[must_use]
    pub const fn from_minor(minor: i64) -> Self {
        Self(minor)
    }

    /// In minor units (fen).
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.0
    }

    /// The sum, or `None` past the range.
    #[must_use]
    pub const fn plus(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(minor) => Some(Self(minor)),
            None => None,
        }
    }

    /// The difference, or `None` past the range.
    #[must_use]
    pub const fn minus(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(minor) => Some(Self(minor)),
            None => None,
        }
    }

    /// The sum of all, or `None` past the range.
    pub fn sum(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        amounts.into_iter().try_fold(Self::ZERO, Self::plus)
    }
}

/// In major units with two decimals and thousands commas: `1,234.56`.
impl fmt::Display for Amount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let minor = self.0.unsigned_abs();
        let digits = (minor / 100).to_string();
        let mut text = String::with_capacity(digits.len() + digits.len() / 3 + 4);
        text.push_str(sign);
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(',');
            }
            text.push(digit);
        }
        text.push_str(&format!(".{:02}", minor % 100));
        out.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_thousands_and_two_decimals() {
        for (minor, text) in [
            (0, "0.00"),
            (5, "0.05"),
            (100_000, "1,000.00"),
            (-123_456_789, "-1,234,567.89"),
            (i64::MIN, "-92,233,720,368,547,758.08"),
        ] {
            assert_eq!(Amount::from_minor(minor).to_string(), text);
        }
    }

    #[test]
    fn refuses_to_overflow() {
        assert_eq!(Amount::from_minor(i64::MAX).plus(Amount::from_minor(1)), None);
        assert_eq!(Amount::from_minor(i64::MIN).minus(Amount::from_minor(1)), None);
    }
}
