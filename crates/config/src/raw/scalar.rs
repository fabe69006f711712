//! Durations and points in time, as text.

use std::{borrow::Cow, time::Duration};

use palisade_security::UnixMillis;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// A duration as text: a whole number and `ms`, `s`, `min`, `h` or `d`, such as `10s`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RawDuration(String);

impl RawDuration {
    /// The text, for types that allow words too.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The duration.
    #[must_use]
    pub fn parse(&self) -> Option<Duration> {
        let text = self.0.as_str();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let millis = match unit.trim_start_matches(' ') {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(millis).map(Duration::from_millis)
    }
}

impl JsonSchema for RawDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A whole number and ms, s, min, h or d.",
            "pattern": "^[0-9]+ *(ms|s|min|h|d)$",
            "examples": ["10s"],
        })
    }
}

/// A point in time as text: RFC 3339 in UTC, such as `2027-01-01T00:00:00Z`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct RawTime(String);

impl RawTime {
    /// The point in time, after 1970.
    ///
    /// # Specification
    ///
    /// RFC 3339, section 5.6, without fractions and with `Z`.
    #[must_use]
    pub fn parse(&self) -> Option<UnixMillis> {
        let text = self.0.as_bytes();
        let pattern = b"0000-00-00T00:00:00Z";
        let fits = |(byte, expected): (&u8, &u8)| match expected {
            b'0' => byte.is_ascii_digit(),
            other => byte.eq_ignore_ascii_case(other),
        };
        if text.len() != pattern.len() || !text.iter().zip(pattern).all(fits) {
            return None;
        }
        let number = |at: std::ops::Range<usize>| self.0.get(at)?.parse::<u64>().ok();
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let leap = |year: u64| {
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
        };
        let length = match month {
            2 if leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if year < 1970 || day == 0 || day > length || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Days before a year and before a month, by the shifted calendar in which the year begins in March
        // and the odd day is its last.
        let (shifted_year, shifted_month) =
            if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
        let days = shifted_year * 365 + shifted_year / 4 - shifted_year / 100
            + shifted_year / 400
            + (shifted_month * 153 + 2) / 5
            + (day - 1);
        let days = days.checked_sub(719_468)?;
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
        Some(UnixMillis::new(seconds * 1000))
    }
}

impl JsonSchema for RawTime {
    fn schema_name() -> Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "RFC 3339 in UTC, without fractions of a second.",
            "format": "date-time",
            "examples": ["2027-01-01T00:00:00Z"],
        })
    }
}

/// The day of a point in time, as RFC 3339 writes it.
#[cfg(feature = "doctor")]
pub(crate) fn date(time: UnixMillis) -> String {
    let days = time.as_millis() / 86_400_000 + 719_468;
    // By the shifted calendar of `RawTime::parse`, in cycles of 400 years.
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", cycle * 400 + year + later)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, millis: Option<u64>| {
            let parsed = RawDuration(text.to_owned()).parse();
            assert_eq!(parsed, millis.map(Duration::from_millis), "{text}");
        };
        check("0s", Some(0));
        check("250ms", Some(250));
        check("10s", Some(10_000));
        check("10 s", Some(10_000));
        check("5min", Some(300_000));
        check("2h", Some(7_200_000));
        check("1d", Some(86_400_000));
        for text in
            ["", "s", "10", "10m", "-1s", "+1s", "1.5s", "10S", " 1s", "1s ", "99999999999999999d"]
        {
            check(text, None);
        }
        check("18446744073709551616s", None);
    }

    #[cfg(feature = "doctor")]
    #[test]
    fn dates_are_the_reverse_of_times() {
        // Each day of 800 years.
        for day in 0..292_194_u64 {
            let text = date(UnixMillis::new(day * 86_400_000));
            let time = RawTime(format!("{text}T00:00:00Z")).parse();
            assert_eq!(time, Some(UnixMillis::new(day * 86_400_000)), "{text}");
        }
    }

    #[test]
    fn times() {
        let check = |text: &str, seconds: Option<u64>| {
            let parsed = RawTime(text.to_owned()).parse();
            assert_eq!(parsed, seconds.map(|seconds| UnixMillis::new(seconds * 1000)), "{text}");
        };
        check("1970-01-01T00:00:00Z", Some(0));
        check("2000-02-29T12:34:56Z", Some(951_827_696));
        check("2027-01-01t00:00:00z", Some(1_798_761_600));
        check("2100-03-01T00:00:00Z", Some(4_107_542_400));
        for text in [
            "",
            "2027-01-01",
            "2027-01-01T00:00:00",
            "2027-01-01 00:00:00Z",
            "2027-01-01T00:00:00+01:00",
            "2027-13-01T00:00:00Z",
            "2027-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2027-01-00T00:00:00Z",
            "2027-01-01T24:00:00Z",
            "1969-12-31T23:59:59Z",
            "+027-01-01T00:00:00Z",
        ] {
            check(text, None);
        }
    }
}
