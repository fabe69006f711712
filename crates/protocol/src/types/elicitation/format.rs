//! Formats of string fields, checked loosely: enough to catch a slip, not to prove an address exists.

open_string_enum! {
    /// What a string field of a form contains.
    pub enum StringFormat {
        /// An e-mail address.
        Email = "email",
        /// An absolute URI.
        Uri = "uri",
        /// A date, `2025-01-31`.
        Date = "date",
        /// A date and a time with an offset, `2025-01-31T12:00:00Z`.
        DateTime = "date-time",
    }
}

impl StringFormat {
    /// Whether a text has the format. A format that this crate does not know accepts every text.
    #[must_use]
    pub fn accepts(&self, text: &str) -> bool {
        match self {
            Self::Email => is_email(text),
            Self::Uri => is_uri(text),
            Self::Date => is_date(text),
            Self::DateTime => is_date_time(text),
            Self::Other(_) => true,
        }
    }
}

fn is_email(text: &str) -> bool {
    let clean = |part: &str| {
        !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control() || c == '@')
    };
    text.split_once('@').is_some_and(|(local, domain)| {
        clean(local) && clean(domain) && domain.split('.').all(|label| !label.is_empty())
    })
}

fn is_uri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
            && !rest.chars().any(|c| c.is_whitespace() || c.is_control())
    })
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else { return false };
    let (time, offset_ok) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, true),
        None => match time.split_once(['+', '-']) {
            Some((time, offset)) => (time, is_hours_minutes(offset)),
            None => return false,
        },
    };
    let (time, fraction_ok) = match time.split_once('.') {
        Some((time, fraction)) => {
            (time, !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit()))
        }
        None => (time, true),
    };
    let time_ok = time.rsplit_once(':').is_some_and(|(hours_minutes, seconds)| {
        is_hours_minutes(hours_minutes) && digits(seconds, 2).is_some_and(|seconds| seconds <= 60)
    });
    is_date(date) && time_ok && offset_ok && fraction_ok
}

fn is_hours_minutes(text: &str) -> bool {
    text.split_once(':').is_some_and(|(hours, minutes)| {
        digits(hours, 2).is_some_and(|hours| hours <= 23)
            && digits(minutes, 2).is_some_and(|minutes| minutes <= 59)
    })
}

/// The number that exactly `len` ASCII digits write.
fn digits(text: &str, len: usize) -> Option<u32> {
    let all_digits = text.len() == len && text.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(format: &StringFormat, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(format.accepts(text), "{format}: {text:?}");
        }
        for text in bad {
            assert!(!format.accepts(text), "{format}: {text:?}");
        }
    }

    #[test]
    fn emails() {
        check(
            &StringFormat::Email,
            &["a@b", "user@example.com", "a.b+c@d.e.f", "ü@example.org"],
            &["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@.b", "a@b\n", "a@b."],
        );
    }

    #[test]
    fn uris() {
        check(
            &StringFormat::Uri,
            &["https://a.example/x?y#z", "urn:isbn:1", "file:///a", "a+b:c"],
            &["", "a", "/a/b", "://a", "1a:b", "a:", "https://a b", "ht tp://a", "a:\u{7}"],
        );
    }

    #[test]
    fn dates() {
        check(
            &StringFormat::Date,
            &["2025-01-31", "2024-02-29", "2000-02-29", "0001-12-01"],
            &[
                "",
                "2025-1-31",
                "2025-01-32",
                "2025-02-29",
                "1900-02-29",
                "2025-13-01",
                "2025-00-01",
                "2025-01-00",
                "2025-04-31",
                "2025-01-31-01",
                "20250131",
                "+025-01-01",
                "2025-01-31T00:00:00Z",
            ],
        );
    }

    #[test]
    fn date_times() {
        check(
            &StringFormat::DateTime,
            &[
                "2025-01-31T12:00:00Z",
                "2025-01-31t12:00:00z",
                "2025-01-31 23:59:60.123+05:30",
                "2025-01-31T00:00:00-00:00",
            ],
            &[
                "",
                "2025-01-31",
                "2025-01-31T12:00:00",
                "2025-01-31T24:00:00Z",
                "2025-01-31T12:60:00Z",
                "2025-01-31T12:00:61Z",
                "2025-01-31T12:00Z",
                "2025-01-31T12:00:00.Z",
                "2025-01-31T12:00:00+5:30",
                "2025-01-31T12:00:00+24:00",
                "2025-02-30T12:00:00Z",
            ],
        );
    }

    #[test]
    fn unknown_formats_accept_everything() {
        check(&StringFormat::from("color"), &["", "x"], &[]);
    }
}
