//! The few argument shapes that the commands take: words, `--flag` and `--option VALUE`.

use std::str::FromStr;

use crate::failure::{Failure, Result};

/// The arguments after the command's name. Take what is known, then call [`Args::words`] or
/// [`Args::finish`], which refuse what is left, so that a misspelt option is never ignored.
#[derive(Debug)]
pub(crate) struct Args(Vec<String>);

impl Args {
    /// Collects the arguments.
    pub(crate) fn new(args: impl Iterator<Item = String>) -> Self {
        Self(args.collect())
    }

    /// Removes `--name` and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|arg| arg != name);
        before != self.0.len()
    }

    /// Removes the first `--name VALUE` and returns the value.
    pub(crate) fn option(&mut self, name: &str) -> Result<Option<String>> {
        let Some(at) = self.0.iter().position(|arg| arg == name) else { return Ok(None) };
        self.0.remove(at);
        if at < self.0.len() {
            Ok(Some(self.0.remove(at)))
        } else {
            Err(Failure::new(format!("`{name}` needs a value")))
        }
    }

    /// Like [`Args::option`], parsed, with a default.
    pub(crate) fn parsed<T: FromStr>(&mut self, name: &str, default: T) -> Result<T> {
        match self.option(name)? {
            None => Ok(default),
            Some(text) => {
                text.parse().map_err(|_| Failure::new(format!("`{name} {text}` is not understood")))
            }
        }
    }

    /// The remaining arguments, none of which may be an option.
    pub(crate) fn words(self) -> Result<Vec<String>> {
        match self.0.iter().find(|arg| arg.starts_with('-')) {
            Some(unknown) => Err(Failure::new(format!("unknown option `{unknown}`"))),
            None => Ok(self.0),
        }
    }

    /// Refuses whatever is left.
    pub(crate) fn finish(self) -> Result {
        match self.0.first() {
            Some(unknown) => Err(Failure::new(format!("unexpected argument `{unknown}`"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Args;

    fn args(text: &str) -> Args {
        Args::new(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_flags_and_words_are_told_apart() {
        let mut args = args("server --scenario tools-list --verbose --rounds 3");
        assert_eq!(args.option("--scenario").unwrap().as_deref(), Some("tools-list"));
        assert_eq!(args.parsed("--rounds", 1_u32).unwrap(), 3);
        assert!(args.flag("--verbose"));
        assert!(!args.flag("--verbose"));
        assert_eq!(args.words().unwrap(), ["server"]);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(args("--seconds").option("--seconds").is_err());
        assert!(args("--seconds many").parsed("--seconds", 1_u32).is_err());
        assert!(args("server --verbos").words().is_err());
        assert!(args("server").finish().is_err());
    }
}
