//! Text from elsewhere, made safe for a log.

use std::fmt::{self, Write as _};

/// The most characters that are shown of one text: a name as long as a body must not flood a log.
const MAX_CHARS: usize = 256;

/// Shows text from elsewhere so that it can neither end a line of a log nor drive a terminal: control
/// characters, line separators and bidirectional overrides are written as `\u{..}`, `\` as `\\`, and the
/// text is cut after 256 characters.
#[derive(Clone, Copy)]
pub struct Escaped<'a>(&'a str);

impl<'a> Escaped<'a> {
    /// Wraps a text.
    #[must_use]
    pub const fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.0.chars();
        for c in chars.by_ref().take(MAX_CHARS) {
            if c == '\\' {
                f.write_str("\\\\")?;
            } else if is_unsafe(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        if chars.next().is_some() {
            f.write_str("[cut]")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// Control characters (C0, C1, DEL), line and paragraph separators, marks and overrides of direction, and
/// invisible tags.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(Escaped::new(text).to_string(), expected);
    }

    #[test]
    fn l2_control_characters_are_escaped() {
        check("tools/call", "tools/call");
        check("gr\u{fc}n", "gr\u{fc}n");
        check("a\r\nb", "a\\u{d}\\u{a}b");
        check("\u{1b}[31mred", "\\u{1b}[31mred");
        check("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}");
        check("a\u{202e}b\u{2028}", "a\\u{202e}b\\u{2028}");
        check("\\u{1b}", "\\\\u{1b}");
        check(&"x".repeat(256), &"x".repeat(256));
        check(&"x".repeat(257), &format!("{}[cut]", "x".repeat(256)));
    }
}
