//! The transcript: one line a step, and whether it went as it should.

use std::fmt::Display;

use palisade::security::digest::random_bytes;

use crate::Error;

/// Counts what went wrong.
#[derive(Default)]
pub(crate) struct Transcript {
    steps: usize,
    failures: Vec<String>,
}

impl Transcript {
    /// A heading.
    pub(crate) fn title(&mut self, text: &str) {
        println!("\n{text}\n{}", "-".repeat(text.chars().count()));
    }

    /// Something to know.
    pub(crate) fn note(&mut self, text: &str) {
        println!("     {text}");
    }

    /// A step that must have given `expected`.
    pub(crate) fn step(&mut self, what: &str, got: &dyn Display, expected: &str) {
        self.steps += 1;
        let got = got.to_string();
        if got == expected {
            println!("  ok {what}: {got}");
        } else {
            println!("FAIL {what}: {got}, expected {expected}");
            self.failures.push(what.to_owned());
        }
    }

    /// Fails if any step did.
    pub(crate) fn finish(self) -> Result<(), Error> {
        println!();
        if self.failures.is_empty() {
            println!("all {} steps went as they should", self.steps);
            Ok(())
        } else {
            Err(format!(
                "{} of {} steps failed: {}",
                self.failures.len(),
                self.steps,
                self.failures.join(", ")
            )
            .into())
        }
    }
}

/// A token as `openssl rand -hex 32` would make it.
pub(crate) fn random_token() -> Result<String, Error> {
    let bytes: [u8; 32] = random_bytes()?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
