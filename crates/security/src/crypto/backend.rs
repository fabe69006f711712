//! AES-256-GCM and randomness by aws-lc-rs or ring.

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use ring as backend;

use backend::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

use super::{KEY_LEN, NONCE_LEN, TAG_LEN, Unspecified};

/// Fills the buffer from the operating system's generator.
pub(crate) fn fill_random(buffer: &mut [u8]) -> Result<(), Unspecified> {
    SystemRandom::new().fill(buffer).map_err(|_| Unspecified)
}

/// Encrypts in place and returns the tag.
pub(crate) fn aead_seal(
    key: &[u8; KEY_LEN],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    buffer: &mut [u8],
) -> Result<[u8; TAG_LEN], Unspecified> {
    let tag = aead_key(key)?
        .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), buffer)
        .map_err(|_| Unspecified)?;
    Ok(to_array(tag.as_ref()))
}

/// Decrypts `ciphertext || tag` in place and returns the plain text at its start.
pub(crate) fn aead_open<'a>(
    key: &[u8; KEY_LEN],
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    buffer: &'a mut [u8],
) -> Result<&'a mut [u8], Unspecified> {
    aead_key(key)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), buffer)
        .map_err(|_| Unspecified)
}

fn aead_key(key: &[u8; KEY_LEN]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| Unspecified)
}

/// Copies a tag whose length the algorithm fixes.
fn to_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}
