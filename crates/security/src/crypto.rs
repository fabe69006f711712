//! The one place that names a cryptography library. aws-lc-rs wins when both are enabled; their
//! interfaces agree. With neither, randomness and encryption fail, so nothing that needs a key is built.

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod backend;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub(crate) use backend::{HmacKey, aead_open, aead_seal, fill_random, sha256};

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
mod none;
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
pub(crate) use none::{HmacKey, aead_open, aead_seal, fill_random, sha256};

/// Length of an AEAD key, a digest and an HMAC tag.
pub(crate) const KEY_LEN: usize = 32;
/// Length of an AEAD nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Length of an AEAD tag.
pub(crate) const TAG_LEN: usize = 16;

/// The operation failed. Says no more on purpose: which step failed is of use only to an attacker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unspecified;
