//! The few argument shapes that the commands take: words, `--flag` and `--option VALUE`.

use crate::{
    exit::Exit,
    output::{Output, printable},
};

/// The arguments. Take what is known, then call [`Args::words`], which refuses what is left, so that a
/// misspelt option is never ignored.
#[derive(Debug)]
pub(crate) struct Args(Vec<String>);

impl Args {
    /// Collects the arguments.
    pub(crate) fn new(args: impl Iterator<Item = String>) -> Self {
        Self(args.collect())
    }

    /// Removes the first argument.
    pub(crate) fn next_word(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Removes `--name` and says whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|arg| arg != name);
        before != self.0.len()
    }

    /// Exactly `N` words and nothing else, or a usage error.
    pub(crate) fn words<const N: usize>(
        self,
        usage: &str,
        output: &mut Output,
    ) -> Result<[String; N], Exit> {
        if let Some(unknown) = self.0.iter().find(|arg| arg.starts_with("--")) {
            output.problem(&format!("there is no option `{}` here", printable(unknown)));
        } else if let Ok(words) = <[String; N]>::try_from(self.0) {
            return Ok(words);
        }
        output.problem(&format!("usage: palisade {usage}"));
        Err(Exit::Usage)
    }
}
