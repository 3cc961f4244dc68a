//! Sums of decimals that nothing is rounded in.

use rust_decimal::Decimal;

/// The sum, if it can be said exactly in the 28 digits of a decimal.
///
/// `Decimal::checked_add` refuses only what is too large, and rounds what has too many digits:
/// 999,999,999,999,999,999,999,999,999 and a tenth of the smallest part come to the former.
#[must_use]
pub fn exact_sum(one: Decimal, other: Decimal) -> Option<Decimal> {
    if one.is_zero() {
        return Some(other);
    }
    if other.is_zero() {
        return Some(one);
    }
    let sum = one.checked_add(other)?;
    // A sum that is rounded has fewer decimals than one of the two.
    let is_exact = sum.scale() >= one.scale().max(other.scale())
        || sum.scale() >= one.normalize().scale().max(other.normalize().scale());
    is_exact.then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        Decimal::from_str_exact(text).expect("a decimal")
    }

    #[test]
    fn a_sum_is_exact_or_none() {
        let sum = |one: &str, other: &str| exact_sum(decimal(one), decimal(other)).map(|sum| sum.to_string());
        assert_eq!(sum("0.10", "0.2").as_deref(), Some("0.30"));
        assert_eq!(sum("-7.5", "7.50").as_deref(), Some("0.00"));
        assert_eq!(sum("0", "0.0000000000000000000000000001").as_deref(), Some("0.0000000000000000000000000001"));
        assert_eq!(sum("999999999999999999999999999", "0.0000000000000000000000000001"), None);
        assert_eq!(sum("79228162514264337593543950335", "1"), None);
        assert_eq!(sum("-79228162514264337593543950335", "-0.4"), None);
        // Zeros behind the point may go.
        assert_eq!(sum("79228162514264337593543950334", "1.00").as_deref(), Some("79228162514264337593543950335"));
    }
}
