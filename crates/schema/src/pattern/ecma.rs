//! Patterns as ECMAScript has them, in the words of our engine, which reads a few of them otherwise.

use std::{iter::Peekable, str::Chars};

/// White space and ends of lines as ECMAScript has them, as parts of a class.
const SPACES: &str =
    r"\t-\r \u{A0}\u{1680}\u{2000}-\u{200A}\u{2028}\u{2029}\u{202F}\u{205F}\u{3000}\u{FEFF}";
/// Everything else.
const OTHERS: &str = r"\x00-\x08\x0E-\x1F!-\u{9F}\u{A1}-\u{167F}\u{1681}-\u{1FFF}\u{200B}-\u{2027}\u{202A}-\u{202E}\u{2030}-\u{205E}\u{2060}-\u{2FFF}\u{3001}-\u{FEFE}\u{FF00}-\u{10FFFF}";

/// The same pattern for our engine. What neither of them understands stays as it is, and is refused there.
pub(super) fn translate(pattern: &str) -> Result<String, &'static str> {
    let mut translated = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    while let Some(next) = rest.next() {
        match next {
            '\\' => escape(&mut rest, false, &mut translated),
            '.' => translated.push_str(r"[^\n\r\u{2028}\u{2029}]"),
            '[' => class(&mut rest, &mut translated)?,
            other => translated.push(other),
        }
    }
    Ok(translated)
}

/// The rest of a class. A bracket or an ampersand in it means itself.
fn class(rest: &mut Peekable<Chars<'_>>, translated: &mut String) -> Result<(), &'static str> {
    translated.push('[');
    translated.extend(rest.next_if_eq(&'^'));
    if rest.peek() == Some(&']') {
        return Err("a class is empty");
    }
    while let Some(next) = rest.next() {
        match next {
            '\\' => escape(rest, true, translated),
            ']' => {
                translated.push(']');
                return Ok(());
            }
            '[' | '&' | '~' => translated.extend(['\\', next]),
            other => translated.push(other),
        }
    }
    Err("a class does not end")
}

/// What follows a backslash.
fn escape(rest: &mut Peekable<Chars<'_>>, in_class: bool, translated: &mut String) {
    let mut set = |set: &str| match in_class {
        true => translated.push_str(set),
        false => translated.extend(["[", set, "]"]),
    };
    match rest.next() {
        Some('s') => set(SPACES),
        Some('S') => set(OTHERS),
        Some('b') if in_class => translated.push_str(r"\x08"),
        Some('0') if !rest.peek().is_some_and(char::is_ascii_digit) => {
            translated.push_str(r"\x00");
        }
        Some('c') if rest.peek().is_some_and(char::is_ascii_alphabetic) => {
            let letter = rest.next().map_or(0, |letter| u32::from(letter) % 32);
            translated.push_str(&format!(r"\x{letter:02X}"));
        }
        other => {
            translated.push('\\');
            translated.extend(other);
        }
    }
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::{OTHERS, SPACES, translate};

    #[test]
    fn patterns_mean_what_ecmascript_says() {
        for (pattern, matching, other) in [
            (r"^\s$", "\u{feff}", "x"),
            (r"^\S$", "x", "\u{a0}"),
            (r"^[\s,]$", "\u{2029}", "x"),
            (r"^[^\S,]$", " ", "x"),
            (r"^.$", "ä", "\u{2028}"),
            (r"^\cA\cz$", "\u{1}\u{1a}", "cA"),
            (r"^[\b]\0$", "\u{8}\0", "b0"),
            (r"^[^[\]]$", "x", "["),
            (r"^[a&&b~~]$", "&", "\\"),
            (r"^\d\w$", "1_", "١_"),
            (r"^a\/\.\u0041$", "a/.A", "a/xA"),
        ] {
            let regex = Regex::new(&translate(pattern).unwrap()).unwrap();
            assert!(regex.is_match(matching), "{pattern} {matching:?}");
            assert!(!regex.is_match(other), "{pattern} {other:?}");
        }
        for broken in ["[]a]", "[^]", "[a", "[\\"] {
            assert!(translate(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn nothing_is_both_white_and_not() {
        let matches = |class: &str, c: char| {
            Regex::new(&format!("^[{class}]$")).unwrap().is_match(c.encode_utf8(&mut [0; 4]))
        };
        let near = |c: u32| (c.saturating_sub(1)..=c + 1).filter_map(char::from_u32);
        for edge in [
            0, 9, 13, 32, 0xA0, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
            0xFEFF, 0x10FFFF,
        ] {
            for c in near(edge) {
                assert_ne!(matches(SPACES, c), matches(OTHERS, c), "{c:?}");
            }
        }
    }
}
