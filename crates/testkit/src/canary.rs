//! Secrets whose only purpose is to be found where they must not be.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use tracing::Subscriber;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

/// A made-up secret, different each time, that can be recognised in several disguises.
#[derive(Clone, PartialEq, Eq)]
pub struct Canary {
    label: String,
    secret: String,
}

impl Canary {
    /// A new secret; the label says in a failure which one leaked.
    pub fn new(label: &str) -> Self {
        let random = |salt: u8| RandomState::new().hash_one(salt);
        Self {
            label: label.to_owned(),
            secret: format!("cnry{:016x}{:016x}", random(0), random(1)),
        }
    }

    /// The secret: 36 ASCII letters and digits, so it is valid as a token, a password and a header value.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The disguise in which the secret is found in `output`: as it is, as hexadecimal, as a list of byte values (what
    /// `Debug` makes of bytes), or within base64 (as in a `Basic` credential) at any offset.
    pub fn find_in(&self, output: &str) -> Option<&'static str> {
        let bytes = self.secret.as_bytes();
        let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let listed: Vec<String> = bytes.iter().map(u8::to_string).collect();
        let found = |needle: &str| output.contains(needle);
        if found(&self.secret) {
            return Some("plain");
        }
        if found(&hexadecimal) || found(&hexadecimal.to_uppercase()) {
            return Some("hexadecimal");
        }
        if found(&listed.join(", ")) || found(&listed.join(",")) {
            return Some("bytes");
        }
        [0, 1, 2]
            .iter()
            .any(|offset| within_base64(bytes, *offset).iter().any(|form| found(form)))
            .then_some("base64")
    }
}

/// Shows the label only: the canary itself must not be the leak.
impl fmt::Debug for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Canary").field("label", &self.label).finish_non_exhaustive()
    }
}

/// The characters of a base64 text that depend only on `bytes`, when `offset` unknown bytes precede them.
fn within_base64(bytes: &[u8], offset: usize) -> [String; 2] {
    let mut padded = vec![0; offset];
    padded.extend_from_slice(bytes);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    [STANDARD.encode(&padded), URL_SAFE.encode(&padded)]
        .map(|text| text.get(first..last).unwrap_or_default().to_owned())
}

/// Fails if any of the secrets shows in the output.
///
/// # Panics
///
/// If one does; the message names its label, its disguise and the line, with the plain secret blotted out.
#[track_caller]
pub fn assert_no_canary(output: &str, canaries: &[Canary]) {
    for canary in canaries {
        if let Some(disguise) = canary.find_in(output) {
            let line = output
                .lines()
                .find(|line| canary.find_in(line).is_some())
                .unwrap_or("(over several lines)");
            panic!(
                "the canary {:?} leaked ({disguise}): {}",
                canary.label,
                line.replace(&canary.secret, "<canary>")
            );
        }
    }
}

/// Everything that goes through `tracing`, at every level, spans with their fields included, kept in memory as text.
#[derive(Clone, Default)]
pub struct CapturedLogs {
    text: Arc<Mutex<Vec<u8>>>,
}

impl CapturedLogs {
    /// Captures what this thread logs until the guard is dropped. Enough for a current-thread runtime.
    #[must_use = "capturing ends when the guard is dropped"]
    pub fn for_this_thread() -> (Self, DefaultGuard) {
        let logs = Self::default();
        let guard = tracing::subscriber::set_default(logs.subscriber());
        (logs, guard)
    }

    /// Captures what any thread of this process logs, for good. A second call gives the same capture.
    ///
    /// # Panics
    ///
    /// If something else has set the process's subscriber before.
    pub fn for_this_process() -> Self {
        static LOGS: OnceLock<CapturedLogs> = OnceLock::new();
        let logs = LOGS.get_or_init(|| {
            let logs = Self::default();
            tracing::subscriber::set_global_default(logs.subscriber())
                .expect("no other global subscriber");
            logs
        });
        logs.clone()
    }

    /// What was logged so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock()).into_owned()
    }

    /// Forgets what was logged so far.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Fails if any of the secrets was logged.
    ///
    /// # Panics
    ///
    /// If one was, or if nothing was logged at all: then the test would prove nothing.
    #[track_caller]
    pub fn assert_no_canary(&self, canaries: &[Canary]) {
        let text = self.text();
        assert!(!text.is_empty(), "nothing was captured, so nothing was checked");
        assert_no_canary(&text, canaries);
    }

    fn subscriber(&self) -> impl Subscriber + Send + Sync + use<> {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(self.clone())
            .finish()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CapturedLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CapturedLogs").field("bytes", &self.lock().len()).finish_non_exhaustive()
    }
}

impl Write for CapturedLogs {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for CapturedLogs {
    type Writer = Self;

    fn make_writer(&'a self) -> Self::Writer {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_disguise_is_recognised() {
        let canary = Canary::new("token");
        let secret = canary.secret();
        assert_eq!(canary.find_in(&format!("Bearer {secret}")), Some("plain"));
        assert_eq!(canary.find_in(&format!("{:?}", secret.as_bytes())), Some("bytes"));
        for user in ["", "u", "us", "user", "alice"] {
            let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{secret}!")));
            assert_eq!(canary.find_in(&basic), Some("base64"), "{basic}");
        }
        let hexadecimal: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(canary.find_in(&hexadecimal), Some("hexadecimal"));
        assert_eq!(canary.find_in("nothing here"), None);
        assert_eq!(Canary::new("other").find_in(secret), None);
    }

    #[test]
    #[should_panic(expected = "\"token\" leaked (plain): Bearer <canary>")]
    fn a_leak_fails_without_repeating_it() {
        let canary = Canary::new("token");
        assert_no_canary(
            &format!("fine\nBearer {}\n", canary.secret()),
            std::slice::from_ref(&canary),
        );
    }

    #[test]
    fn logs_and_spans_are_captured() {
        let (logs, _guard) = CapturedLogs::for_this_thread();
        let canary = Canary::new("field");
        let span = tracing::trace_span!("outer", token = canary.secret());
        drop(span.entered());
        assert_eq!(canary.find_in(&logs.text()), Some("plain"));

        logs.clear();
        tracing::trace!(harmless = 1, "an event");
        logs.assert_no_canary(&[canary]);
        assert!(logs.text().contains("an event"));
    }

    #[test]
    #[should_panic(expected = "nothing was captured")]
    fn silence_proves_nothing() {
        let (logs, _guard) = CapturedLogs::for_this_thread();
        logs.assert_no_canary(&[Canary::new("token")]);
    }

    #[test]
    fn debug_does_not_leak() {
        let canary = Canary::new("token");
        assert_no_canary(&format!("{canary:?}"), std::slice::from_ref(&canary));
    }
}
