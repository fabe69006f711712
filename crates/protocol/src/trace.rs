//! [`TraceContext`]: what ties the spans of several programs together.

use std::borrow::Cow;

/// The longest `traceparent` that is read: that of version 00 has 55 characters, later ones may have more.
const MAX_TRACEPARENT: usize = 128;
/// The longest `tracestate` that is passed on, in bytes, and the most entries in it.
const MAX_TRACESTATE: (usize, usize) = (512, 32);
/// The longest `baggage` that is passed on, in bytes, and the most entries in it.
const MAX_BAGGAGE: (usize, usize) = (8192, 64);

/// Where a request stands in a trace: W3C Trace Context and Baggage, checked for their form and their size.
///
/// It comes from the peer: good for finding what belongs together, never for decisions. Baggage may hold what
/// others have put there, so keep it out of logs, and pass none on to servers that you would not tell.
///
/// # Specification
///
/// MCP 2026-07-28, Base Protocol, "OpenTelemetry trace context"; W3C Trace Context; W3C Baggage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    traceparent: Option<Box<str>>,
    tracestate: Option<Box<str>>,
    baggage: Option<Box<str>>,
}

/// The values of the three keys as they came, each a string; what is none was not there.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RawTraceContext<'a> {
    /// `traceparent`.
    pub traceparent: Option<Cow<'a, str>>,
    /// `tracestate`.
    pub tracestate: Option<Cow<'a, str>>,
    /// `baggage`.
    pub baggage: Option<Cow<'a, str>>,
}

impl TraceContext {
    /// The parts that are well-formed; `None` if none is. A malformed part is as if it were not there, as the
    /// specifications want it, and a `tracestate` without a `traceparent` has no meaning.
    #[must_use]
    pub fn new(
        traceparent: Option<&str>,
        tracestate: Option<&str>,
        baggage: Option<&str>,
    ) -> Option<Self> {
        let keep = |text: Option<&str>, is_valid: fn(&str) -> bool| {
            text.filter(|text| is_valid(text)).map(Box::from)
        };
        let traceparent: Option<Box<str>> = keep(traceparent, is_traceparent);
        let tracestate = keep(tracestate.filter(|_| traceparent.is_some()), is_tracestate);
        let baggage = keep(baggage, is_baggage);
        (traceparent.is_some() || baggage.is_some()).then_some(Self {
            traceparent,
            tracestate,
            baggage,
        })
    }

    /// The position in the trace.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    /// What tracing systems have noted about it.
    #[must_use]
    pub fn tracestate(&self) -> Option<&str> {
        self.tracestate.as_deref()
    }

    /// What applications have noted.
    #[must_use]
    pub fn baggage(&self) -> Option<&str> {
        self.baggage.as_deref()
    }

    /// The trace: 32 hexadecimal digits.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.traceparent()?.get(3..35)
    }

    /// The span that the request was made in: 16 hexadecimal digits.
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        self.traceparent()?.get(36..52)
    }

    /// Whether the caller may have recorded the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        let flags =
            self.traceparent().and_then(|text| u8::from_str_radix(text.get(53..55)?, 16).ok());
        flags.is_some_and(|flags| flags & 1 == 1)
    }
}

impl RawTraceContext<'_> {
    /// The well-formed parts.
    #[must_use]
    pub fn check(&self) -> Option<TraceContext> {
        TraceContext::new(
            self.traceparent.as_deref(),
            self.tracestate.as_deref(),
            self.baggage.as_deref(),
        )
    }
}

fn is_traceparent(text: &str) -> bool {
    let hex = |from: usize, to: usize| {
        text.get(from..to).is_some_and(|part| {
            part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        })
    };
    let zero = |from: usize, to: usize| {
        text.get(from..to).is_none_or(|part| part.bytes().all(|byte| byte == b'0'))
    };
    let dash = |at: usize| text.as_bytes().get(at) == Some(&b'-');
    let version = text.get(..2).unwrap_or_default();
    let ends = match version {
        "ff" => false,
        "00" => text.len() == 55,
        _ => text.len() == 55 || (dash(55) && text.len() <= MAX_TRACEPARENT),
    };
    ends && hex(0, 2)
        && dash(2)
        && hex(3, 35)
        && !zero(3, 35)
        && dash(35)
        && hex(36, 52)
        && !zero(36, 52)
        && dash(52)
        && hex(53, 55)
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Entries between commas, each of which is a key, `=` and a value, none of them twice.
fn is_tracestate(text: &str) -> bool {
    let mut keys = Vec::new();
    is_list(text, MAX_TRACESTATE, |entry| {
        let Some((key, value)) = entry.split_once('=') else { return false };
        let is_key = !key.is_empty()
            && key.bytes().all(
                |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@'),
            );
        let is_new = !keys.contains(&key);
        keys.push(key);
        let is_value = !value.is_empty()
            && value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=');
        is_key && is_new && is_value
    })
}

/// Entries between commas, each of which is a token, `=`, a value, and properties after semicolons.
fn is_baggage(text: &str) -> bool {
    is_list(text, MAX_BAGGAGE, |entry| {
        let Some((key, rest)) = entry.split_once('=') else { return false };
        let key = key.trim_matches([' ', '\t']);
        let is_token = !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
        let mut parts = rest.split(';').map(|part| part.trim_matches([' ', '\t']));
        is_token
            && parts.all(|part| {
                part.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
            })
    })
}

fn is_list<'a>(
    text: &'a str,
    (max_bytes, max_entries): (usize, usize),
    mut is_entry: impl FnMut(&'a str) -> bool,
) -> bool {
    let entries = || text.split(',').map(|entry| entry.trim_matches([' ', '\t']));
    text.len() <= max_bytes
        && entries().count() <= max_entries
        && entries().any(|entry| !entry.is_empty())
        && entries().all(|entry| entry.is_empty() || is_entry(entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";

    #[track_caller]
    fn check(is_valid: fn(&str) -> bool, text: &str, expected: bool) {
        assert_eq!(is_valid(text), expected, "{text:?}");
    }

    #[test]
    fn a_traceparent_has_one_form() {
        check(is_traceparent, PARENT, true);
        check(is_traceparent, &PARENT.replace("00-0a", "cc-0a"), true);
        check(is_traceparent, &format!("{}-what-comes", PARENT.replace("00-0a", "cc-0a")), true);
        for other in [
            "",
            "00",
            &PARENT.to_uppercase(),
            &PARENT.replace("00-0a", "ff-0a"),
            &PARENT.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &PARENT.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &PARENT.replace('-', "_"),
            &format!("{PARENT}-"),
            &format!(" {PARENT}"),
            &PARENT[..54],
            &PARENT.replace("9c-00", "\u{e9}-00"),
            &format!("{}x", PARENT.replace("00-0a", "cc-0a")),
            &format!("{}-{}", PARENT.replace("00-0a", "cc-0a"), "x".repeat(100)),
        ] {
            check(is_traceparent, other, false);
        }
    }

    #[test]
    fn states_and_baggage_are_bounded_lists() {
        check(is_tracestate, "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", true);
        check(is_tracestate, "fw529a3039@dt=FfAAAA ; x, ,b=1", true);
        for other in ["", ",", "a", "a=", "=a", "A=1", "a=1,a=2", "a=b=c", "a=\u{1}", "a=\u{e9}"] {
            check(is_tracestate, other, false);
        }
        check(is_tracestate, &format!("a={}", "x".repeat(510)), true);
        check(is_tracestate, &format!("a={}", "x".repeat(511)), false);
        let many =
            |count: usize| (0..count).map(|n| format!("k{n}=1")).collect::<Vec<_>>().join(",");
        check(is_tracestate, &many(32), true);
        check(is_tracestate, &many(33), false);

        check(is_baggage, "userId=alice, serverNode = DF%2028 ;a=b;c,isProduction=false", true);
        for other in ["", "a", "=b", "a b=c", "a=b c", "a=\"b\"", "a=b\\", "a=\r\nb", "a=\u{e9}"] {
            check(is_baggage, other, false);
        }
        check(is_baggage, &many(64), true);
        check(is_baggage, &many(65), false);
        check(is_baggage, &format!("a={}", "x".repeat(8191)), false);
    }

    #[test]
    fn what_is_malformed_is_as_if_it_were_not_there() {
        let context = TraceContext::new(Some(PARENT), Some("no"), Some("a=1")).unwrap();
        assert_eq!(context.trace_id(), Some("0af7651916cd43dd8448eb211c80319c"));
        assert_eq!((context.parent_id(), context.is_sampled()), (Some("00f067aa0ba902b7"), true));
        assert_eq!((context.tracestate(), context.baggage()), (None, Some("a=1")));
        let context = TraceContext::new(Some("no"), Some("a=1"), Some("a=1")).unwrap();
        assert_eq!((context.traceparent(), context.tracestate()), (None, None));
        assert_eq!((context.trace_id(), context.is_sampled()), (None, false));
        assert_eq!(TraceContext::new(Some("no"), Some("a=1"), None), None);
    }
}
