//! Random secrets that a server accepts: tokens, keys and header values. What is stored is a keyed digest of
//! each (HMAC-SHA-256, key random per process and set), compared in constant time.

#[cfg(any(feature = "api-key", feature = "bearer"))]
mod entry;
#[cfg(any(feature = "api-key", feature = "bearer"))]
mod handle;
mod set;
#[cfg(feature = "__count-work")]
mod work;

#[cfg(any(feature = "api-key", feature = "bearer"))]
pub use entry::SecretEntry;
#[cfg(any(feature = "api-key", feature = "bearer"))]
pub(crate) use handle::Secrets;
#[cfg(any(feature = "api-key", feature = "bearer"))]
pub use handle::SecretsHandle;
pub(crate) use set::{Set, Strength, error, weak};
#[cfg(feature = "__count-work")]
pub use work::Work;

/// The least length of a secret, in bytes: 16 random hexadecimal digits hold 64 bits.
pub(crate) const MIN_SECRET_LEN: usize = 16;

/// The longest secret, in bytes. Abuse: a secret that costs more to look at than it can be worth.
pub(crate) const MAX_SECRET_LEN: usize = 8 * 1024;

/// What distinguishes one kind of secret from another.
#[cfg(any(feature = "api-key", feature = "bearer"))]
#[derive(Debug)]
pub(crate) struct Kind {
    /// How principals are established by it.
    pub(crate) scheme: &'static str,
    /// What it is called.
    pub(crate) noun: &'static str,
    /// Where findings say they are.
    pub(crate) path: &'static str,
    /// Whether the text can be one.
    pub(crate) is_wellformed: fn(&str) -> bool,
    /// What the text must be.
    pub(crate) syntax: &'static str,
    /// Codes of findings: malformed, listed twice, none listed.
    pub(crate) codes: [&'static str; 3],
}
