//! Stand-in without a library for cryptography: randomness and encryption fail, so a [`Sealer`](crate::Sealer),
//! a bearer verifier and a server configuration refuse to be built.

use super::{KEY_LEN, NONCE_LEN, TAG_LEN, Unspecified};

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
