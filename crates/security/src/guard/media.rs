//! Media types and ranges, parsed rather than searched: `application/json` inside something else is not it.

/// Whether the text is the media type `application/json`, in UTF-8 if it names a character set.
///
/// # Specification
///
/// RFC 9110, section 8.3.1. Other parameters are well-formed or the type is refused, and otherwise ignored.
pub(super) fn is_json(text: &str) -> bool {
    if text == "application/json" {
        return true;
    }
    let mut cursor = Cursor(text);
    cursor.skip_space();
    let Some(range) = cursor.media_range() else { return false };
    cursor.skip_space();
    cursor.0.is_empty() && range.is("application", "json") && range.utf8
}

/// Whether `Accept` allows both what a response may be. A missing header allows anything.
///
/// # Specification
///
/// RFC 9110, section 12.5.1: the most specific range that matches decides.
pub(super) fn accepts_json_and_events<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    accepts(values) == Some((true, true))
}

/// Whether `Accept` allows a stream of events. A missing header allows anything.
pub(super) fn accepts_events<'a>(values: impl Iterator<Item = &'a str>) -> bool {
    accepts(values).is_some_and(|(_, events)| events)
}

/// Whether `Accept` allows JSON, and whether it allows events; none if it cannot be read.
fn accepts<'a>(values: impl Iterator<Item = &'a str>) -> Option<(bool, bool)> {
    let mut present = false;
    let mut json = Preference::default();
    let mut events = Preference::default();
    for value in values {
        present = true;
        // As every client of this protocol writes it.
        if value == "application/json, text/event-stream" {
            for preference in [&mut json, &mut events] {
                *preference = Preference { specificity: 3, accepted: true };
            }
            continue;
        }
        let mut cursor = Cursor(value);
        loop {
            cursor.skip_space();
            if !cursor.0.is_empty() && !cursor.0.starts_with(',') {
                let range = cursor.media_range()?;
                json.consider(&range, "application", "json");
                events.consider(&range, "text", "event-stream");
                cursor.skip_space();
            }
            if cursor.0.is_empty() {
                break;
            }
            if !cursor.eat(',') {
                return None;
            }
        }
    }
    Some((!present || json.accepted, !present || events.accepted))
}

/// What the ranges so far say about one media type.
#[derive(Default)]
struct Preference {
    specificity: u8,
    accepted: bool,
}

impl Preference {
    fn consider(&mut self, range: &MediaRange<'_>, kind: &str, subtype: &str) {
        let specificity = if range.is(kind, subtype) {
            3
        } else if range.is(kind, "*") {
            2
        } else if range.is("*", "*") {
            1
        } else {
            return;
        };
        if specificity > self.specificity {
            *self = Self { specificity, accepted: range.wanted };
        } else if specificity == self.specificity {
            self.accepted |= range.wanted;
        }
    }
}

struct MediaRange<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// No `charset`, or UTF-8.
    utf8: bool,
    /// No `q`, or not zero.
    wanted: bool,
}

impl MediaRange<'_> {
    fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }
}

/// What is left of a header value.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn media_range(&mut self) -> Option<MediaRange<'a>> {
        let kind = self.token()?;
        if !self.eat('/') {
            return None;
        }
        let subtype = self.token()?;
        let mut range = MediaRange { kind, subtype, utf8: true, wanted: true };
        loop {
            let before = self.0;
            self.skip_space();
            if !self.eat(';') {
                self.0 = before;
                return Some(range);
            }
            self.skip_space();
            // A parameter may be empty: `a/b;` and `a/b;;c=d`.
            let Some(name) = self.token() else { continue };
            if !self.eat('=') {
                return None;
            }
            let value = self.value()?;
            if name.eq_ignore_ascii_case("charset") {
                range.utf8 &= value.eq_ignore_ascii_case("utf-8");
            } else if name.eq_ignore_ascii_case("q") {
                range.wanted = parse_weight(value)?;
            }
        }
    }

    fn token(&mut self) -> Option<&'a str> {
        let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
        let end = self.0.find(|c| !is_token(c)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A token, or the inside of a quoted string, escapes left as they are.
    fn value(&mut self) -> Option<&'a str> {
        let Some(quoted) = self.0.strip_prefix('"') else { return self.token() };
        let mut escaped = false;
        for (index, byte) in quoted.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    let (value, rest) = quoted.split_at_checked(index)?;
                    self.0 = rest.strip_prefix('"')?;
                    return Some(value);
                }
                _ => {}
            }
        }
        None
    }

    fn eat(&mut self, c: char) -> bool {
        match self.0.strip_prefix(c) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }
}

/// Whether a weight is above zero; none if it is not a weight.
fn parse_weight(text: &str) -> Option<bool> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let zero = fraction.bytes().all(|byte| byte == b'0');
    match whole {
        "0" if digits => Some(!zero),
        "1" if digits && zero => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h15_the_media_type_is_parsed() {
        for yes in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            " application/json ",
            "application/json;charset=\"UTF-8\"",
            "application/json ; version=1; charset=UTF-8",
            "application/json;",
            "application/json;a=\"b;charset=latin1\"",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        for no in [
            "",
            "text/plain",
            "application/jsonp",
            "application/json-rpc",
            "text/json",
            "application/*",
            "*/*",
            "text/plain; a=application/json",
            "application/json, text/plain",
            "application/json text/plain",
            "application/json; charset=utf-16",
            "application/json; charset=utf-8; charset=latin1",
            "application/json; charset",
            "application/json; a=\"b",
            "application /json",
            "application/json;=a",
            "application/json; charset=utf-8 x",
            "application/vnd.api+json",
            "multipart/form-data; boundary=a",
        ] {
            assert!(!is_json(no), "{no}");
        }
    }

    #[test]
    fn accept_must_allow_both_kinds_of_response() {
        let accepts = |values: &[&str]| accepts_json_and_events(values.iter().copied());
        let listens = |values: &[&str]| accepts_events(values.iter().copied());
        assert!(listens(&[]) && listens(&["text/event-stream"]) && listens(&["text/*;q=0.5"]));
        assert!(!listens(&["application/json"]) && !listens(&["*/*, text/event-stream;q=0"]));
        assert!(!listens(&["text/event-stream, ???/"]));
        for yes in [
            &[][..],
            &["application/json, text/event-stream"],
            &["text/event-stream", "application/json"],
            &["*/*"],
            &["application/*,text/*"],
            &["Application/Json;q=0.1 ,\tText/Event-Stream"],
            &["text/event-stream, */*;q=0.5"],
            &["*/*;q=0, application/json, text/event-stream;q=1.000"],
            &[",application/json,,text/event-stream,"],
            &["application/json;a=\"x,y\", text/event-stream"],
        ] {
            assert!(accepts(yes), "{yes:?}");
        }
        for no in [
            &[""][..],
            &["application/json"],
            &["text/event-stream"],
            &["text/html"],
            &["application/*"],
            &["*/*, application/json;q=0"],
            &["application/json, text/event-stream;q=0.000"],
            &["*/*;q=2"],
            &["application/json; text/event-stream"],
            &["application/json text/event-stream"],
            &["*/*;q=0"],
            &["text/event-stream, application/jsonp"],
            &["application/json, text/event-stream, ???/"],
        ] {
            assert!(!accepts(no), "{no:?}");
        }
    }
}
