//! As much DER as a certificate or a revocation list takes to be asked for its dates, names and key. Nothing
//! here trusts: what it reads was verified by the TLS library before, or is this machine's own.

use crate::clock::UnixMillis;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const SEQUENCE: u8 = 0x30;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The bytes are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Reads elements one after the other; never recurses by itself.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element: its tag, its contents, and all of it.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8], &'a [u8]), Malformed> {
        let [tag, first, rest @ ..] = self.0 else { return Err(Malformed) };
        // Tags of several bytes do not occur in certificates.
        if tag & 0x1f == 0x1f {
            return Err(Malformed);
        }
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            count @ 0x81..=0x83 => long_length(usize::from(count - 0x80), rest)?,
            _ => return Err(Malformed),
        };
        let (contents, after) = rest.split_at_checked(length).ok_or(Malformed)?;
        let whole = self.0.get(..self.0.len() - after.len()).ok_or(Malformed)?;
        self.0 = after;
        Ok((*tag, contents, whole))
    }

    /// The contents of the next element, which has this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        let (found, contents, _) = self.any()?;
        if found == tag { Ok(contents) } else { Err(Malformed) }
    }

    /// The contents of the next element if it has this tag.
    pub(super) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.0.first() == Some(&tag) { self.expect(tag).map(Some) } else { Ok(None) }
    }

    /// The next element, which is a time.
    pub(super) fn time(&mut self) -> Result<UnixMillis, Malformed> {
        match self.any()? {
            (UTC_TIME, text, _) => {
                // RFC 5280, section 4.1.2.5.1: two digits stand for 1950 to 2049.
                let (year, rest) = digits(text, 2)?;
                moment(if year < 50 { year + 2000 } else { year + 1900 }, rest)
            }
            (GENERALIZED_TIME, text, _) => {
                let (year, rest) = digits(text, 4)?;
                moment(year, rest)
            }
            _ => Err(Malformed),
        }
    }
}

/// A length of `count` bytes, in the shortest form that holds it.
fn long_length(count: usize, bytes: &[u8]) -> Result<(usize, &[u8]), Malformed> {
    let (length, rest) = bytes.split_at_checked(count).ok_or(Malformed)?;
    let value = length.iter().fold(0, |value: usize, byte| value << 8 | usize::from(*byte));
    let shortest = if count == 1 { value > 0x7f } else { value >> (8 * (count - 1)) > 0 };
    if shortest { Ok((value, rest)) } else { Err(Malformed) }
}

fn digits(text: &[u8], count: usize) -> Result<(u64, &[u8]), Malformed> {
    let (digits, rest) = text.split_at_checked(count).ok_or(Malformed)?;
    let value = digits.iter().try_fold(0, |value: u64, byte| {
        byte.is_ascii_digit().then(|| value * 10 + u64::from(byte - b'0'))
    });
    Ok((value.ok_or(Malformed)?, rest))
}

/// `MMDDHHMMSSZ` of a year. Times before 1970 are the epoch: they are long ago either way.
fn moment(year: u64, rest: &[u8]) -> Result<UnixMillis, Malformed> {
    let (month, rest) = digits(rest, 2)?;
    let (day, rest) = digits(rest, 2)?;
    let (hour, rest) = digits(rest, 2)?;
    let (minute, rest) = digits(rest, 2)?;
    let (second, rest) = digits(rest, 2)?;
    let valid = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60
        && rest == b"Z";
    if !valid {
        return Err(Malformed);
    }
    let Some(days) = days_since_1970(year, month, day) else { return Ok(UnixMillis::default()) };
    Ok(UnixMillis::from_secs(((days * 24 + hour) * 60 + minute) * 60 + second))
}

/// Days of the Gregorian calendar: the year begins in March, so that the leap day is its last.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const TO_1970: u64 = 719_468;
    let year = if month > 2 { year } else { year.checked_sub(1)? };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    (year * 365 + year / 4 - year / 100 + year / 400 + day_of_year).checked_sub(TO_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Result<u64, Malformed> {
        let mut bytes = vec![tag, u8::try_from(text.len()).unwrap()];
        bytes.extend(text.bytes());
        Reader::new(&bytes).time().map(|time| time.as_millis() / 1000)
    }

    #[test]
    fn times_are_seconds_since_1970() {
        for (tag, text, expected) in [
            (UTC_TIME, "700101000000Z", 0),
            (UTC_TIME, "500101000000Z", 0),
            (UTC_TIME, "000229235959Z", 951_868_799),
            (UTC_TIME, "261125180310Z", 1_795_629_790),
            (UTC_TIME, "491231235959Z", 2_524_607_999),
            (GENERALIZED_TIME, "20500101000000Z", 2_524_608_000),
            (GENERALIZED_TIME, "99991231235959Z", 253_402_300_799),
        ] {
            assert_eq!(time(tag, text), Ok(expected), "{text}");
        }
        for text in [
            "",
            "261125180310",
            "261125180310+0100",
            "261325180310Z",
            "26112518031xZ",
            "2611251803Z",
        ] {
            assert_eq!(time(UTC_TIME, text), Err(Malformed), "{text}");
        }
        assert_eq!(time(INTEGER, "261125180310Z"), Err(Malformed));
    }

    #[test]
    fn only_the_shortest_length_is_read() {
        let any =
            |bytes: &[u8]| Reader::new(bytes).any().map(|(tag, contents, _)| (tag, contents.len()));
        assert_eq!(any(&[4, 1, 0]), Ok((4, 1)));
        assert_eq!(any(&[&[4, 0x81, 0x80][..], &[0; 0x80]].concat()), Ok((4, 0x80)));
        assert_eq!(any(&[&[4, 0x82, 1, 0][..], &[0; 0x100]].concat()), Ok((4, 0x100)));
        for bad in [
            &[][..],
            &[4],
            &[4, 1],
            &[4, 0x80, 0, 0],
            &[4, 0x81, 1, 0],
            &[4, 0x82, 0, 1, 0],
            &[4, 0x84, 0, 0, 0, 1, 0],
            &[0x1f, 1, 0],
        ] {
            assert_eq!(any(bad), Err(Malformed), "{bad:?}");
        }
    }
}
