//! The one place that names libraries for cryptography. Digests are the same everywhere. Randomness and
//! encryption are those of aws-lc-rs or ring; the former wins when both are enabled, and their interfaces agree.
//! With neither they fail, so nothing that needs a key is built.

#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
mod backend;
#[cfg(any(feature = "aws-lc-rs", feature = "ring"))]
pub(crate) use backend::{aead_open, aead_seal, fill_random};

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
mod none;
#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
pub(crate) use none::{aead_open, aead_seal, fill_random};

mod hash;
pub(crate) use hash::{HmacKey, sha256};

/// Length of an AEAD key, a digest and an HMAC tag.
pub(crate) const KEY_LEN: usize = 32;
/// Length of an AEAD nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Length of an AEAD tag.
pub(crate) const TAG_LEN: usize = 16;

/// The operation failed. Says no more on purpose: which step failed is of use only to an attacker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unspecified;
