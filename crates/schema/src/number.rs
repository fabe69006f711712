//! Numbers as mathematics has them: `1.0` is an integer, and no comparison rounds.

use std::cmp::Ordering;

use serde_json::Number;

/// 2^127: what is not less does not fit in an [`i128`].
const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;

/// A number, with one form for each value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Num {
    Whole(i128),
    /// Not a whole number, or beyond an [`i128`].
    Real(f64),
}

impl Num {
    pub(crate) fn of(number: &Number) -> Self {
        if let Some(whole) = number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)) {
            return Self::Whole(whole);
        }
        let real = number.as_f64().unwrap_or(f64::INFINITY);
        #[expect(clippy::cast_possible_truncation, reason = "checked: whole and within bounds")]
        if real.fract() == 0.0 && real.abs() < BEYOND {
            return Self::Whole(real as i128);
        }
        Self::Real(real)
    }

    pub(crate) fn is_whole(self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Real(real) => real.fract() == 0.0,
        }
    }

    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (Self::Real(a), Self::Real(b)) => a.total_cmp(&b),
            (Self::Whole(a), Self::Real(b)) => compare_mixed(a, b),
            (Self::Real(a), Self::Whole(b)) => compare_mixed(b, a).reverse(),
        }
    }
}

/// The real number is never a whole one within reach, so the two are never equal.
fn compare_mixed(whole: i128, real: f64) -> Ordering {
    if real.abs() >= BEYOND {
        return 0.0_f64.total_cmp(&real);
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked: within bounds")]
    let floor = real.floor() as i128;
    if whole <= floor { Ordering::Less } else { Ordering::Greater }
}

/// Digits and an exponent of ten; the sign is left out. A float is the shortest decimal that reads as it, which
/// is what people wrote: `0.0075` is a multiple of `0.0001`, though the binary fractions are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    digits: u128,
    exponent: i32,
}

impl Decimal {
    /// `None` for what no `f64` holds.
    pub(crate) fn of(number: &Number) -> Option<Self> {
        if let Some(whole) = number.as_i64().map(i64::unsigned_abs).or(number.as_u64()) {
            return Some(Self { digits: whole.into(), exponent: 0 });
        }
        let text = format!("{:e}", number.as_f64()?.abs());
        let (mantissa, exponent) = text.split_once('e')?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().ok()?;
        let exponent = exponent.parse::<i32>().ok()? - i32::try_from(fraction.len()).ok()?;
        Some(Self { digits, exponent })
    }

    pub(crate) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// Whether a whole number of times `divisor` makes this number. Exact.
    pub(crate) fn is_multiple_of(self, divisor: Self) -> bool {
        if self.is_zero() || divisor.is_zero() {
            return self.is_zero();
        }
        let shift = self.exponent - divisor.exponent;
        let ten_to = |power: u32| 10_u128.checked_pow(power);
        if shift < 0 {
            // Where the divisor is too large to be written down, nothing but zero is a multiple of it.
            let scaled = ten_to(shift.unsigned_abs()).and_then(|by| divisor.digits.checked_mul(by));
            return scaled.is_some_and(|divisor| self.digits.is_multiple_of(divisor));
        }
        // Digits are less than 2^64, and so is every factor below.
        let modulus = divisor.digits;
        let (mut rest, mut power, mut left) = (self.digits % modulus, 10 % modulus, shift);
        while left > 0 {
            if left % 2 == 1 {
                rest = rest * power % modulus;
            }
            power = power * power % modulus;
            left /= 2;
        }
        rest == 0
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use serde_json::Number;

    use super::{Decimal, Num};

    fn number(text: &str) -> Number {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn comparison_does_not_round() {
        let ascending = [
            "-1e300",
            "-9007199254740993",
            "-9007199254740992",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "0.5",
            "1",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "1e30",
            "1e38",
            "1e40",
        ];
        for (at, left) in ascending.iter().enumerate() {
            for (with, right) in ascending.iter().enumerate() {
                let compared = Num::of(&number(left)).compare(Num::of(&number(right)));
                assert_eq!(compared, at.cmp(&with), "{left} {right}");
            }
        }
        assert_eq!(Num::of(&number("1.0")), Num::of(&number("1")));
        assert_eq!(Num::of(&number("-0.0")).compare(Num::of(&number("0"))), Ordering::Equal);
    }

    #[test]
    fn multiples_are_decimal_and_exact() {
        for (value, divisor, expected) in [
            ("0.0075", "0.0001", true),
            ("0.00751", "0.0001", false),
            ("19.99", "0.01", true),
            ("4.35", "0.05", true),
            ("1e308", "0.5", true),
            ("1e308", "0.123456789", false),
            ("1e-320", "1e-320", true),
            ("1", "1e300", false),
            ("0", "1e300", true),
            ("-7", "3.5", true),
            ("9007199254740993", "2", false),
            ("18446744073709551615", "5", true),
            ("18446744073709551615", "18446744073709551614", false),
            ("1e300", "18446744073709551557", false),
        ] {
            let decimal = |text| Decimal::of(&number(text)).unwrap();
            let multiple = decimal(value).is_multiple_of(decimal(divisor));
            assert_eq!(multiple, expected, "{value} of {divisor}");
        }
    }
}
