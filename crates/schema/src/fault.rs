//! Why a value is refused.

use std::fmt;

/// The longest text of a place or of what is expected, in bytes: both may be as long as a request.
const MAX_TEXT: usize = 256;

/// The first fault of a value. Its text names the place and what the schema demands there. It holds no value, but
/// names of members are part of a place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The value is not what the schema demands.
    #[error("{place}: {problem}")]
    Invalid {
        /// A JSON pointer to the part of the value, cut off after 256 bytes; `/` is the whole.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// The check takes more work than a value of this size may cost.
    #[error("/: too expensive to check against the schema")]
    TooExpensive,
}

/// Why a check ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The value is wrong. Nobody asks why within an alternative, so there is no text then.
    Wrong(Option<Box<Trail>>),
    /// The budget is spent.
    TooExpensive,
}

/// A fault on its way up, which learns on the way where it was.
#[derive(Debug)]
pub(crate) struct Trail {
    /// Steps into the value, the last one first.
    steps: Vec<String>,
    problem: String,
}

impl Stop {
    pub(crate) fn wrong(problem: impl fmt::Display) -> Self {
        let problem = cut(problem.to_string());
        Self::Wrong(Some(Box::new(Trail { steps: Vec::new(), problem })))
    }

    /// The same, seen from one step further out.
    pub(crate) fn within(mut self, step: impl fmt::Display) -> Self {
        if let Self::Wrong(Some(trail)) = &mut self {
            trail.steps.push(cut(step.to_string()));
        }
        self
    }

    pub(crate) fn into_fault(self) -> Fault {
        let trail = match self {
            Self::TooExpensive => return Fault::TooExpensive,
            Self::Wrong(trail) => trail,
        };
        let (steps, problem) = trail.map(|trail| (trail.steps, trail.problem)).unwrap_or_default();
        let mut place = String::new();
        for step in steps.iter().rev() {
            place.push('/');
            place.push_str(&step.replace('~', "~0").replace('/', "~1"));
        }
        let place = if place.is_empty() { "/".to_owned() } else { cut(place) };
        Fault::Invalid { place, problem }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_TEXT {
        text.truncate(text.floor_char_boundary(MAX_TEXT));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[test]
    fn places_are_pointers_and_bounded() {
        let place = |steps: &[&str]| {
            let stop = steps.iter().fold(Stop::wrong("is bad"), |stop, step| stop.within(step));
            stop.into_fault().to_string()
        };
        assert_eq!(place(&[]), "/: is bad");
        assert_eq!(place(&["0", "a/b~"]), "/a~1b~0/0: is bad");
        let long = place(&[&"ä".repeat(100_000)]);
        assert!(long.ends_with("…: is bad") && long.len() < 300, "{} bytes", long.len());
    }
}
