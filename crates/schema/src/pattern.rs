//! Patterns, matched in linear time.

mod ecma;

use regex_lite::{Regex, RegexBuilder};

use crate::{budget::Budget, fault::Stop};

/// The most memory of one pattern, in bytes, as its engine counts it.
const MAX_BYTES: usize = 128 * 1024;
/// The longest pattern, in bytes.
const MAX_TEXT: usize = 8 * 1024;
/// Sizes are told apart in steps of doubling, from here on.
const MIN_BYTES: usize = 1024;

/// A compiled pattern.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: Regex,
    /// What one byte of text costs, in steps: the engine may be in as many states at once as the pattern is
    /// large, so that a large one takes microseconds for each byte.
    weight: u64,
}

/// The memory that all patterns of a schema may take together.
#[derive(Debug)]
pub(crate) struct PatternRoom(usize);

impl Default for PatternRoom {
    fn default() -> Self {
        Self(1024 * 1024)
    }
}

impl Pattern {
    /// Compiles a pattern; the reason if it cannot be used. It is one of ECMAScript with the flag `u`, in so far
    /// as that can be matched in linear time; letters and digits are those of ASCII there too.
    pub(crate) fn compile(text: &str, room: &mut PatternRoom) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("it is longer than {MAX_TEXT} bytes"));
        }
        let translated = ecma::translate(text)?;
        let build = |bytes| RegexBuilder::new(&translated).size_limit(bytes).build();
        let largest = build(MAX_BYTES).map_err(|error| error.to_string())?;
        let sizes = std::iter::successors(Some(MIN_BYTES), |bytes| Some(bytes * 2));
        let mut smaller = sizes.take_while(|bytes| *bytes < MAX_BYTES);
        let fitting = smaller.find_map(|bytes| Some((bytes, build(bytes).ok()?)));
        let (bytes, regex) = fitting.unwrap_or((MAX_BYTES, largest));
        room.0 =
            room.0.checked_sub(bytes).ok_or("the patterns of the schema take too much memory")?;
        let weight = (bytes / MIN_BYTES / 2).max(1) as u64;
        Ok(Self { text: text.to_owned(), regex, weight })
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, text: &str, budget: &mut Budget<'_>) -> Result<bool, Stop> {
        budget.spend((text.len() as u64).saturating_mul(self.weight).saturating_add(1))?;
        Ok(self.regex.is_match(text))
    }
}
