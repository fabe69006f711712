//! One pass over well-formed JSON that bounds its depth and finds keys that appear twice.
//!
//! Duplicate keys are how two readers of one message come to see two messages: the policy reads the
//! first, the handler the last. So no object anywhere in a message may have one. A key that escapes half of a
//! surrogate pair is refused as well: it is no text, some readers put the same character in the place of
//! all such halves, and then two keys are one.

use memchr::{memchr, memchr2};

/// What the pass refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScanError {
    TooDeep,
    DuplicateKey,
    /// A key is no Unicode text.
    BrokenKey,
}

/// The deepest nesting that any limit may allow; what serde_json allows too.
pub(super) const MAX_DEPTH: usize = 127;

/// Checks `json`, which must be one well-formed JSON value.
pub(super) fn check(json: &str, max_depth: usize) -> Result<(), ScanError> {
    let max_depth = max_depth.min(MAX_DEPTH);
    let bytes = json.as_bytes();
    // For each open array or object, how many keys came before it; arrays are told by a mark.
    let mut frames = [ARRAY; MAX_DEPTH + 1];
    let mut depth = 0;
    let mut keys = Keys { escapes: memchr(b'\\', bytes).is_some(), ..Keys::default() };
    // In an object, a string is a key exactly if it follows `{` or `,`.
    let mut expects_key = false;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let end = end_of_string(bytes, at);
                if expects_key {
                    keys.push(json.get(at..end).unwrap_or_default());
                    expects_key = false;
                }
                at = end + 1;
            }
            b',' => expects_key = frames.get(depth).is_some_and(|frame| *frame != ARRAY),
            b'{' | b'[' => {
                if depth == max_depth {
                    return Err(ScanError::TooDeep);
                }
                depth += 1;
                expects_key = *byte == b'{';
                if let Some(frame) = frames.get_mut(depth) {
                    *frame = if expects_key { keys.len() } else { ARRAY };
                }
            }
            b'}' => {
                keys.pop_object(frames.get(depth).copied().unwrap_or_default())?;
                depth = depth.saturating_sub(1);
                expects_key = false;
            }
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

const ARRAY: usize = usize::MAX;

/// The index of the quote that ends the string whose text begins at `from`.
fn end_of_string(bytes: &[u8], from: usize) -> usize {
    let mut at = from;
    while let Some(found) = memchr2(b'"', b'\\', bytes.get(at..).unwrap_or_default()) {
        at += found;
        match bytes.get(at) {
            Some(b'"') => return at,
            _ => at += 2,
        }
    }
    bytes.len()
}

/// The keys of all open objects, as they are written: the first few on the stack, so that an ordinary
/// message costs no allocation.
#[derive(Default)]
struct Keys<'a> {
    first: [&'a str; 24],
    more: Vec<&'a str>,
    len: usize,
    /// Whether there is an escape anywhere: without one, keys are equal as they are written.
    escapes: bool,
}

impl<'a> Keys<'a> {
    fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, key: &'a str) {
        match self.first.get_mut(self.len) {
            Some(free) => *free = key,
            None => self.more.push(key),
        }
        self.len += 1;
    }

    /// Takes the keys from `from` on away, the keys of one object, and says what is wrong with them.
    fn pop_object(&mut self, from: usize) -> Result<(), ScanError> {
        let on_stack = self.first.len();
        let verdict = if self.len <= on_stack {
            check_keys(self.first.get_mut(from..self.len).unwrap_or_default(), self.escapes)
        } else if from >= on_stack {
            check_keys(self.more.get_mut(from - on_stack..).unwrap_or_default(), self.escapes)
        } else {
            let stacked = self.first.get(from..).unwrap_or_default();
            check_keys(&mut [stacked, &self.more].concat(), self.escapes)
        };
        self.len = from.min(self.len);
        self.more.truncate(self.len.saturating_sub(on_stack));
        verdict
    }
}

/// A key as its reader sees it.
fn unescaped(key: &str) -> Result<String, ScanError> {
    serde_json::from_str(&format!("\"{key}\"")).map_err(|_| ScanError::BrokenKey)
}

/// Checks the keys of one object.
fn check_keys(keys: &mut [&str], escapes: bool) -> Result<(), ScanError> {
    let duplicate = if escapes && keys.iter().any(|key| key.contains('\\')) {
        let mut keys = keys.iter().map(|key| unescaped(key)).collect::<Result<Vec<_>, _>>()?;
        keys.sort_unstable();
        keys.iter().zip(keys.iter().skip(1)).any(|(a, b)| a == b)
    } else {
        has_duplicate(keys)
    };
    if duplicate { Err(ScanError::DuplicateKey) } else { Ok(()) }
}

fn has_duplicate(keys: &mut [&str]) -> bool {
    if keys.len() <= 8 {
        let mut rest = &*keys;
        while let [key, others @ ..] = rest {
            if others.contains(key) {
                return true;
            }
            rest = others;
        }
        return false;
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
        let object = |inner: &str| format!("{{\"a\":1,\"b\":2,\"x\":{inner},\"c\":[{inner}]}}");
        let all = format!("{{{}}}", many.join(","));
        assert_eq!(check(&object(&object(&all)), 64), Ok(()));
        assert_eq!(
            check(&object(&object(&all)).replacen("\"c\"", "\"a\"", 1), 64),
            Err(ScanError::DuplicateKey)
        );
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
    fn keys_are_text() {
        for json in [r#"{"\ud800":1}"#, r#"[{"a":{"x":0,"\uDC00y":1}}]"#, r#"{"\ud800\ud800":1}"#] {
            assert_eq!(check(json, 64), Err(ScanError::BrokenKey), "{json}");
        }
        for json in [r#"{"\ud83d\ude00":1}"#, r#"{"a":"\ud800"}"#, r#"{"\\ud800":1}"#] {
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
