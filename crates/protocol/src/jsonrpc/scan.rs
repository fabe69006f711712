//! One pass over well-formed JSON that bounds its depth and finds keys that appear twice.
//!
//! Duplicate keys are how two readers of one message come to see two messages: the policy reads the
//! first, the handler the last. So no object anywhere in a message may have one.

use std::borrow::Cow;

use memchr::memchr2;

/// What the pass refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanError {
    TooDeep,
    DuplicateKey,
}

/// The deepest nesting that any limit may allow; what serde_json allows too.
pub(super) const MAX_DEPTH: usize = 127;

/// Checks `json`, which must be one well-formed JSON value.
pub(super) fn check(json: &str, max_depth: usize) -> Result<(), ScanError> {
    let max_depth = max_depth.min(MAX_DEPTH);
    let mut frames = [NOT_AN_OBJECT; MAX_DEPTH + 1];
    let mut depth = 0;
    let mut keys: Vec<&str> = Vec::with_capacity(24);
    let mut rest = json;
    // In an object, a string is a key exactly if it follows `{` or `,`.
    let mut expects_key = false;
    while let Some(at) = rest.bytes().position(is_structural) {
        let (_, tail) = rest.split_at(at);
        let byte = tail.as_bytes().first().copied().unwrap_or_default();
        rest = tail.get(1..).unwrap_or_default();
        match byte {
            b'"' => {
                let (text, after) = split_string(rest);
                rest = after;
                if expects_key {
                    keys.push(text);
                    expects_key = false;
                }
            }
            b',' => expects_key = frames.get(depth).is_some_and(|frame| *frame != NOT_AN_OBJECT),
            b'{' | b'[' => {
                if depth == max_depth {
                    return Err(ScanError::TooDeep);
                }
                depth += 1;
                expects_key = byte == b'{';
                if let Some(frame) = frames.get_mut(depth) {
                    *frame = if expects_key { keys.len() } else { NOT_AN_OBJECT };
                }
            }
            _ => {
                if byte == b'}' {
                    let first = frames.get(depth).copied().unwrap_or_default();
                    if has_duplicate(keys.get_mut(first..).unwrap_or_default()) {
                        return Err(ScanError::DuplicateKey);
                    }
                    keys.truncate(first);
                }
                depth = depth.saturating_sub(1);
                expects_key = false;
            }
        }
    }
    Ok(())
}

const NOT_AN_OBJECT: usize = usize::MAX;

fn is_structural(byte: u8) -> bool {
    matches!(byte, b'"' | b',' | b'{' | b'}' | b'[' | b']')
}

/// Splits behind the quote that ends the string which `text` begins inside of.
fn split_string(text: &str) -> (&str, &str) {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(at) = memchr2(b'"', b'\\', bytes.get(end..).unwrap_or_default()) {
        end += at;
        match bytes.get(end) {
            Some(b'"') => break,
            _ => end += 2,
        }
    }
    let (string, quote) = text.split_at_checked(end).unwrap_or((text, ""));
    (string, quote.get(1..).unwrap_or_default())
}

/// A key as its reader sees it.
fn unescaped(key: &str) -> Cow<'_, str> {
    match serde_json::from_str::<String>(&format!("\"{key}\"")) {
        Ok(text) => Cow::Owned(text),
        Err(_) => Cow::Borrowed(key),
    }
}

fn has_duplicate(keys: &mut [&str]) -> bool {
    if keys.iter().any(|key| key.contains('\\')) {
        let mut keys: Vec<_> = keys.iter().map(|key| unescaped(key)).collect();
        keys.sort_unstable();
        return keys.iter().zip(keys.iter().skip(1)).any(|(a, b)| a == b);
    }
    if let [first @ .., _] = keys
        && first.len() < 8
    {
        return (1..keys.len()).any(|at| {
            let (before, from) = keys.split_at(at);
            from.first().is_some_and(|key| before.contains(key))
        });
    }
    keys.sort_unstable();
    keys.iter().zip(keys.iter().skip(1)).any(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::{ScanError, check};

    #[test]
    fn duplicates_are_found_at_every_level() {
        for json in [
            r#"{"a":1,"a":2}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"[{"a":[{"b":1,"b":1}]}]"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":{"k":1},"b":[{"k":1}],"a":0}"#,
        ] {
            assert_eq!(check(json, 64), Err(ScanError::DuplicateKey), "{json}");
        }
        let mut many: Vec<String> = (0..100).map(|n| format!("\"k{n}\":{n}")).collect();
        assert_eq!(check(&format!("{{{}}}", many.join(",")), 64), Ok(()));
        many.push("\"k50\":0".into());
        assert_eq!(check(&format!("{{{}}}", many.join(",")), 64), Err(ScanError::DuplicateKey));
    }

    #[test]
    fn equal_keys_of_different_objects_and_equal_values_pass() {
        for json in [
            r#"{"a":{"a":{"a":"a"}}}"#,
            r#"{"a":"b","b":"a","c":["a","a"],"d":{"a":1}}"#,
            r#"[{"a":1},{"a":1}]"#,
            r#"{"a":"\",\"a\":1","b":"{\"a\":"}"#,
            r#""a""#,
            r#"{}"#,
        ] {
            assert_eq!(check(json, 64), Ok(()), "{json}");
        }
    }

    #[test]
    fn depth_is_bounded_exactly() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(check(&nested(10), 10), Ok(()));
        assert_eq!(check(&nested(11), 10), Err(ScanError::TooDeep));
        assert_eq!(check(&nested(127), 1000), Ok(()));
        assert_eq!(check(&nested(128), 1000), Err(ScanError::TooDeep));
        assert_eq!(check(r#"{"a":"[[[[[[[["}"#, 1), Ok(()));
    }
}
