//! How single fields look on the wire: numbers without a needless fraction, present nulls, fixed tags.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser};

/// The largest integer up to which every integer is exact in an `f64`.
const EXACT: f64 = 9_007_199_254_740_992.0;

const NOT_A_COUNT: &str = "expected a whole number of at least 0";

/// For `skip_serializing_if`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

/// Decodes an optional field whose `null` is a value, not an absence.
pub(crate) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A finite number; `50.0` is written as `50`. JSON has no NaN and no infinity: they are refused
/// instead of being written as `null`, which no peer could read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number(pub(crate) f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = self.0;
        if !value.is_finite() {
            return Err(ser::Error::custom("number is not finite"));
        }
        if value.fract() == 0.0 && value.abs() <= EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "integral and within 2^53")]
            return serializer.serialize_i64(value as i64);
        }
        serializer.serialize_f64(value)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Number)
    }
}

/// `#[serde(with = "number")]` for an `f64`.
pub(crate) mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Number;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        Number(*value).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        Number::deserialize(deserializer).map(|number| number.0)
    }
}

/// `#[serde(with = "optional_number")]` for an `Option<f64>`.
pub(crate) mod optional_number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Number;

    #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<f64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.map(Number).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<f64>, D::Error> {
        Option::<Number>::deserialize(deserializer).map(|number| number.map(|number| number.0))
    }
}

/// A whole, non-negative count. A fraction of zero is accepted, because some peers know only floats.
pub(crate) mod optional_count {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(
        value: &Option<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        let number = Option::<serde_json::Number>::deserialize(deserializer)?;
        number
            .map(|number| {
                super::count(&number).ok_or_else(|| de::Error::custom(super::NOT_A_COUNT))
            })
            .transpose()
    }
}

/// The same for a field that must be there.
pub(crate) mod count_field {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub(crate) fn serialize<S: Serializer>(value: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(*value)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        super::count(&number).ok_or_else(|| de::Error::custom(super::NOT_A_COUNT))
    }
}

/// `number` as a count, if it is one.
pub(crate) fn count(number: &serde_json::Number) -> Option<u64> {
    number.as_u64().or_else(|| {
        let float = number.as_f64()?;
        let whole = float.fract() == 0.0 && (0.0..=EXACT).contains(&float);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked above"
        )]
        whole.then_some(float as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_number(value: f64, json: Option<&str>) {
        assert_eq!(serde_json::to_string(&Number(value)).ok().as_deref(), json, "{value}");
    }

    #[test]
    fn numbers_are_written_without_a_needless_fraction() {
        check_number(50.0, Some("50"));
        check_number(-3.0, Some("-3"));
        check_number(0.5, Some("0.5"));
        check_number(-0.0, Some("0"));
        check_number(EXACT, Some("9007199254740992"));
        check_number(1e300, Some("1e+300"));
        check_number(f64::NAN, None);
        check_number(f64::INFINITY, None);
    }

    #[track_caller]
    fn check_count(json: &str, expected: Option<u64>) {
        let number: serde_json::Number = serde_json::from_str(json).unwrap();
        assert_eq!(count(&number), expected, "{json}");
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        check_count("0", Some(0));
        check_count("7", Some(7));
        check_count("7.0", Some(7));
        check_count("18446744073709551615", Some(u64::MAX));
        check_count("7.5", None);
        check_count("-1", None);
        check_count("1e300", None);
    }
}
