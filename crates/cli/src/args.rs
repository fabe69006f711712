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

    /// Removes `--name VALUE` and returns the value.
    pub(crate) fn option(
        &mut self,
        name: &str,
        output: &mut Output,
    ) -> Result<Option<String>, Exit> {
        let Some(at) = self.0.iter().position(|arg| arg == name) else { return Ok(None) };
        self.0.remove(at);
        if at < self.0.len() {
            let value = self.0.remove(at);
            if !self.0.iter().any(|arg| arg == name) {
                return Ok(Some(value));
            }
            output.problem(&format!("`{name}` is there twice"));
        } else {
            output.problem(&format!("`{name}` needs a value"));
        }
        Err(Exit::Usage)
    }

    /// The words that are left, and nothing else, or a usage error.
    pub(crate) fn some_words(self, usage: &str, output: &mut Output) -> Result<Vec<String>, Exit> {
        let Some(unknown) = self.0.iter().find(|arg| arg.starts_with("--")) else {
            return Ok(self.0);
        };
        output.problem(&format!("there is no option `{}` here", printable(unknown)));
        output.problem(&format!("usage: palisade {usage}"));
        Err(Exit::Usage)
    }

    /// Exactly `N` words and nothing else, or a usage error.
    pub(crate) fn words<const N: usize>(
        self,
        usage: &str,
        output: &mut Output,
    ) -> Result<[String; N], Exit> {
        if let Ok(words) = <[String; N]>::try_from(self.some_words(usage, output)?) {
            return Ok(words);
        }
        output.problem(&format!("usage: palisade {usage}"));
        Err(Exit::Usage)
    }
}
