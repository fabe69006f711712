//! Collects every problem, so that the user sees all of them at once.

use syn::{Error, Result};

/// The problems so far.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The value of a result; a problem is kept.
    pub(crate) fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn finish(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

/// What the compiler sees: the code, or the errors.
pub(crate) fn finish(expanded: Result<proc_macro2::TokenStream>) -> proc_macro::TokenStream {
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}
