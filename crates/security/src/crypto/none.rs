//! Stand-in without a cryptography library: randomness and encryption fail, so a [`Sealer`](crate::Sealer),
//! a bearer verifier and a server configuration refuse to be built. Digests stay usable as in-process keys
//! of maps: a hash keyed at random per process, not reproducible elsewhere.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use super::{KEY_LEN, NONCE_LEN, TAG_LEN, Unspecified};

static STATES: LazyLock<[RandomState; 4]> =
    LazyLock::new(|| std::array::from_fn(|_| RandomState::new()));

pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; KEY_LEN] {
    let bytes = parts.concat();
    let mut digest = [0; KEY_LEN];
    for (chunk, state) in digest.chunks_exact_mut(8).zip(STATES.iter()) {
        chunk.copy_from_slice(&state.hash_one(&bytes).to_le_bytes());
    }
    digest
}

pub(crate) struct HmacKey(zeroize::Zeroizing<Vec<u8>>);

impl HmacKey {
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(zeroize::Zeroizing::new(key.to_vec()))
    }

    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; KEY_LEN] {
        sha256(&[&self.0, &sha256(parts)])
    }
}

pub(crate) fn fill_random(_buffer: &mut [u8]) -> Result<(), Unspecified> {
    Err(Unspecified)
}

pub(crate) fn aead_seal(
    _key: &[u8; KEY_LEN],
    _nonce: [u8; NONCE_LEN],
    _aad: &[u8],
    _buffer: &mut [u8],
) -> Result<[u8; TAG_LEN], Unspecified> {
    Err(Unspecified)
}

pub(crate) fn aead_open<'a>(
    _key: &[u8; KEY_LEN],
    _nonce: [u8; NONCE_LEN],
    _aad: &[u8],
    _buffer: &'a mut [u8],
) -> Result<&'a mut [u8], Unspecified> {
    Err(Unspecified)
}
