//! Calculators (计算): interest for late performance, fees, waterfalls, imputation, terms. Pure: no database, no clock, no
//! file. Money goes in and comes out in fen; between, a calculation is an exact fraction and is rounded once. Every line
//! of a result names the rule that it follows and where that stands.
//!
//! The rules are data (`*.toml` beside the code, replaceable by a court's own file). What the law leaves open is a
//! setting with a default, and the result says which was used.

pub mod fees;
pub mod imputation;
pub(crate) mod input;
pub mod interest;
pub mod terms;
pub mod waterfall;

use std::fmt;

use ankuan_ledger::Amount;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};

use crate::amount::parse_yuan;
use crate::message::{Language, Message};

/// A text of the rules in both languages: the name of a class, the article that a line follows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// 中文
    pub zh: String,
    /// English
    pub en: String,
}

impl Text {
    /// In one language.
    #[must_use]
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::Zh => &self.zh,
            Language::En => &self.en,
        }
    }
}

/// One line of a calculation: what it is, what it comes to, and by which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub text: Message,
    /// What it comes to.
    pub amount: Exact,
    /// Law and article.
    pub source: Text,
}

/// How a result is brought to whole fen, once, at the end. The law does not say: a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// 四舍五入 · To the nearest fen, halves up
    HalfUp,
    /// 不足一分舍去 · Less than a fen is left out
    Down,
    /// 不足一分进一 · Less than a fen counts as one
    Up,
}

impl Rounding {
    /// An exact amount in whole fen.
    ///
    /// # Errors
    /// `calc.too_large`.
    pub fn apply(self, exact: Exact) -> Result<Amount, Message> {
        let (whole, rest) = (exact.numerator / exact.denominator, exact.numerator % exact.denominator);
        let up = match self {
            // Halves without doubling, which could overflow.
            Self::HalfUp => rest >= exact.denominator - rest,
            Self::Down => false,
            Self::Up => rest > 0,
        };
        let fen = whole.checked_add(i128::from(up)).and_then(|fen| i64::try_from(fen).ok());
        fen.map(Amount::from_minor).ok_or_else(too_large)
    }

    /// In words.
    #[must_use]
    pub const fn message(self) -> Message {
        Message::new(match self {
            Self::HalfUp => "calc.rounding_half_up",
            Self::Down => "calc.rounding_down",
            Self::Up => "calc.rounding_up",
        })
    }
}

/// An exact amount, zero or above, as a fraction of fen. Printed in yuan, to the sixth decimal if it has so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    numerator: i128,
    denominator: i128,
}

impl Exact {
    /// `numerator ÷ denominator` fen; the numerator not below zero, the denominator above.
    pub(crate) const fn new(numerator: i128, denominator: i128) -> Self {
        Self { numerator, denominator }
    }

    /// Without thousands commas, as programs read it.
    #[must_use]
    pub fn plain(self) -> String {
        self.to_string().replace(',', "")
    }
}

impl From<Amount> for Exact {
    fn from(amount: Amount) -> Self {
        Self::new(amount.minor().into(), 1)
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A fen has 10,000 millionths of a yuan.
        let rest = self.numerator % self.denominator;
        let mut millionths = rest.saturating_mul(10_000) / self.denominator;
        let left = rest.saturating_mul(10_000) % self.denominator;
        let mut fen = self.numerator / self.denominator;
        millionths += i128::from(left >= self.denominator - left);
        fen += millionths / 10_000;
        millionths %= 10_000;
        let whole = i64::try_from(fen).map_or_else(|_| fen.to_string(), |fen| Amount::from_minor(fen).to_string());
        let decimals = format!("{millionths:04}");
        write!(out, "{whole}{}", decimals.trim_end_matches('0'))
    }
}

/// A rate in parts of 10¹²: `0.0175%` a day is 175,000,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Rate(i64);

impl Rate {
    /// What a rate is a part of.
    pub(crate) const ONE: i128 = 1_000_000_000_000;
    const SCALE: u32 = 12;
    /// Ten times the principal a year is no rate but a slip.
    const MAX: i128 = 10 * Self::ONE;

    /// Reads `6%`, `0.175‰`, `1.75‱` or the plain fraction `0.06`.
    ///
    /// # Errors
    /// `calc.rate`: not such a number, below zero, above 1000%, or with more than twelve decimals as a fraction.
    pub fn parse(text: &str) -> Result<Self, Message> {
        let refused = || Message::new("calc.rate").with("text", text.escape_debug());
        let last = text.chars().next_back().ok_or_else(refused)?;
        let decimals = match last {
            '%' => 2,
            '‰' => 3,
            '‱' => 4,
            _ => 0,
        };
        let digits = if decimals == 0 { text } else { &text[..text.len() - last.len_utf8()] };
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(refused());
        }
        let number: Decimal = digits.parse().map_err(|_| refused())?;
        let number = number.normalize();
        let scale = number.scale() + decimals;
        let missing = Self::SCALE.checked_sub(scale).ok_or_else(refused)?;
        let parts = number.mantissa().checked_mul(10_i128.pow(missing)).ok_or_else(refused)?;
        if !(0..=Self::MAX).contains(&parts) {
            return Err(refused());
        }
        i64::try_from(parts).map(Self).map_err(|_| refused())
    }

    /// In parts of 10¹².
    pub(crate) const fn parts(self) -> i128 {
        self.0 as i128
    }

    /// `rate × base`, exactly.
    pub(crate) fn of(self, base: Amount) -> Exact {
        // Both below 2⁶³.
        Exact::new(i128::from(base.minor()) * self.parts(), Self::ONE)
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).map_err(|message| message.text(Language::En))
    }
}

/// In percent: `0.0175%`.
impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}%", Decimal::from_i128_with_scale(self.parts(), Self::SCALE - 2).normalize())
    }
}

fn too_large() -> Message {
    Message::new("calc.too_large")
}

/// Refuses zero. `what` is the code of the amount's name.
fn above_zero(what: &'static str, amount: Amount) -> Result<(), Message> {
    if amount > Amount::ZERO {
        return Ok(());
    }
    Err(Message::new("calc.amount_not_positive").with_term("what", &Message::new(what)).with("amount", amount))
}

/// The rules or the facts in a TOML text; says the line where it is wrong.
pub(crate) fn from_toml<T: DeserializeOwned>(text: &str) -> Result<T, Message> {
    toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        Message::new("calc.file").with("line", before.split('\n').count()).with("detail", error.message())
    })
}

pub(crate) fn wrong_rules(detail: impl fmt::Display) -> Message {
    Message::new("calc.rules").with("detail", detail)
}

/// An amount in yuan, in quotes, out of TOML.
fn yuan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_yuan(&text).map_err(|message| D::Error::custom(message.text(Language::En)))
}

fn optional_yuan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Amount>, D::Error> {
    yuan(deserializer).map(Some)
}

/// A day out of TOML, with or without quotes.
fn day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Bare(toml::value::Datetime),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::Bare(day) => day.to_string(),
    };
    text.parse().map_err(|_| D::Error::custom(format!("{text:?} is not a day, YYYY-MM-DD")))
}

fn optional_day<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    day(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_are_read_exactly() {
        for (text, parts, shown) in [
            ("0.0175%", 175_000_000, "0.0175%"),
            ("0.175‰", 175_000_000, "0.0175%"),
            ("1.75‱", 175_000_000, "0.0175%"),
            ("0.000175", 175_000_000, "0.0175%"),
            ("6%", 60_000_000_000, "6%"),
            ("6.00%", 60_000_000_000, "6%"),
            ("0", 0, "0%"),
            ("1000%", 10_000_000_000_000, "1000%"),
        ] {
            let rate = Rate::parse(text).unwrap();
            assert_eq!((rate.parts(), rate.to_string().as_str()), (parts, shown), "{text}");
        }
        for text in ["", "%", "-1%", "+1%", "6 %", "六", "1e-3", "1001%", "0.0000000000001", "６%", "6%%", "..1"] {
            assert_eq!(Rate::parse(text).map_err(|message| message.code), Err("calc.rate"), "{text}");
        }
    }

    #[test]
    fn exact_amounts_are_printed_to_the_millionth_of_a_yuan() {
        for (numerator, denominator, text) in [
            (0, 1, "0.00"),
            (17_500, 1, "175.00"),
            (175, 10, "0.175"),
            (1, 3, "0.003333"),
            (2, 3, "0.006667"),
            (99_999_999, 1_000_000, "1.00"),
            (12_345_678_901, 10, "12,345,678.901"),
        ] {
            assert_eq!(Exact::new(numerator, denominator).to_string(), text);
        }
        assert_eq!(Exact::new(12_345_678_901, 10).plain(), "12345678.901");
    }

    #[test]
    fn rounding_is_what_it_says() {
        for (numerator, half_up, down, up) in [(0, 0, 0, 0), (1, 0, 0, 1), (4, 0, 0, 1), (5, 1, 0, 1), (10, 1, 1, 1)] {
            let exact = Exact::new(numerator, 10);
            let by = |rounding: Rounding| rounding.apply(exact).unwrap().minor();
            assert_eq!(
                (by(Rounding::HalfUp), by(Rounding::Down), by(Rounding::Up)),
                (half_up, down, up),
                "{numerator}"
            );
        }
        assert_eq!(Rounding::Up.apply(Exact::new(i128::MAX, 1)).unwrap_err().code, "calc.too_large");
    }

    proptest! {
        #[test]
        fn any_text_is_a_rate_or_refused(text in "[0-9.%‰‱eE+\\-_ 六]{0,40}") {
            if let Ok(rate) = Rate::parse(&text) {
                prop_assert_eq!(Rate::parse(&rate.to_string()), Ok(rate));
            }
        }

        #[test]
        fn rounding_moves_less_than_a_fen(numerator in 0_i128..1_000_000_000, denominator in 1_i128..1_000_000) {
            let exact = Exact::new(numerator, denominator);
            for rounding in [Rounding::HalfUp, Rounding::Down, Rounding::Up] {
                let fen = i128::from(rounding.apply(exact).unwrap().minor());
                prop_assert!((fen * denominator - numerator).abs() < denominator);
            }
        }
    }
}
