//! [`Sealer`]: values that a client keeps for the server, unreadable and unchangeable.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{
    crypto::{self, HmacKey, KEY_LEN, NONCE_LEN, TAG_LEN},
    digest::{RandomError, digest_parts, random_bytes},
    secret::{Secret, Weakness},
};

/// The first byte of every sealed value.
const FORMAT: u8 = 1;
const SALT_LEN: usize = 16;
/// Format, key id, salt, nonce.
const HEADER_LEN: usize = 2 + SALT_LEN + NONCE_LEN;
/// The least length of key text: 32 bytes of `openssl rand -hex 16` hold 128 bits.
const MIN_KEY_LEN: usize = 32;

/// Seals and opens what a client carries between two requests: `requestState` and pagination cursors.
///
/// A sealed value is encrypted (AES-256-GCM under a key derived for it alone), bound to its purpose and to
/// whatever the caller names as context, and text that fits a URL. What was changed, made for another
/// context or sealed by a key that is not in the ring does not open, and all of these fail alike.
///
/// # Examples
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// use palisade_security::{SealPurpose, Sealer};
///
/// let sealer = Sealer::random().unwrap();
/// let sealed = sealer.seal(SealPurpose::Cursor, &[b"tools/list"], b"50").unwrap();
/// assert_eq!(sealer.open(SealPurpose::Cursor, &[b"tools/list"], &sealed).unwrap(), b"50");
/// assert!(sealer.open(SealPurpose::Cursor, &[b"prompts/list"], &sealed).is_err());
/// # }
/// ```
pub struct Sealer {
    keys: Box<[SealKey]>,
}

/// What a sealed value is for. A value for one purpose does not open for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SealPurpose {
    /// The `requestState` of a request that waits for input.
    RequestState,
    /// The cursor of a list.
    Cursor,
    /// A link that one user is sent to.
    Link,
}

impl SealPurpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RequestState => b"request-state",
            Self::Cursor => b"cursor",
            Self::Link => b"link",
        }
    }
}

impl Sealer {
    /// A sealer with a key that lives as long as this process: what it sealed does not open after a restart
    /// or on another replica.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if no random bytes can be had.
    pub fn random() -> Result<Self, RandomError> {
        let key = Zeroizing::new(random_bytes::<KEY_LEN>()?);
        Ok(Self { keys: Box::new([SealKey::new(key.as_slice())]) })
    }

    /// A sealer with keys that replicas share. The first key seals, all of them open: to rotate, put the
    /// new key first, and remove the old one when what it sealed has expired.
    ///
    /// # Errors
    ///
    /// [`SealKeyError`] if there is no key, or a key is shorter than 32 bytes or guessable. Make one with
    /// `openssl rand -base64 32`.
    pub fn from_keys<S: Into<Secret>>(
        keys: impl IntoIterator<Item = S>,
    ) -> Result<Self, SealKeyError> {
        let mut ring = Vec::new();
        for (index, key) in keys.into_iter().enumerate() {
            let key = key.into();
            if let Some(weakness) = key.weakness(MIN_KEY_LEN) {
                return Err(SealKeyError::Weak { index, weakness });
            }
            ring.push(SealKey::new(key.expose().as_bytes()));
        }
        if ring.is_empty() {
            return Err(SealKeyError::NoKey);
        }
        Ok(Self { keys: ring.into() })
    }

    /// Seals `plaintext`. `context` is not in the result, but must be the same to open it: name everything
    /// that the value must not be moved between, such as principal, method and arguments. The parts are
    /// kept apart, so `["ab", "c"]` and `["a", "bc"]` are different contexts.
    ///
    /// # Errors
    ///
    /// [`SealError`] if no random bytes can be had.
    pub fn seal(
        &self,
        purpose: SealPurpose,
        context: &[&[u8]],
        plaintext: &[u8],
    ) -> Result<String, SealError> {
        let key = self.keys.first().ok_or(SealError)?;
        let salt = random_bytes::<SALT_LEN>().map_err(|_| SealError)?;
        let nonce = random_bytes::<NONCE_LEN>().map_err(|_| SealError)?;

        let mut sealed = Vec::with_capacity(HEADER_LEN + plaintext.len() + TAG_LEN);
        sealed.extend_from_slice(&[FORMAT, key.id]);
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plaintext);
        let (header, body) = sealed.split_at_mut(HEADER_LEN);
        let aad = digest_parts(&[header, &digest_parts(context)]);
        let tag = crypto::aead_seal(&key.message_key(purpose, &salt), nonce, &aad, body)
            .map_err(|_| SealError)?;
        sealed.extend_from_slice(&tag);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Opens what [`Self::seal`] made with the same purpose and context, under any key of the ring. Bound
    /// the length of `sealed` before: the work grows with it.
    ///
    /// # Errors
    ///
    /// [`SealError`], the same for every cause.
    pub fn open(
        &self,
        purpose: SealPurpose,
        context: &[&[u8]],
        sealed: &str,
    ) -> Result<Vec<u8>, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError)?;
        let (header, body) = sealed.split_at_checked(HEADER_LEN).ok_or(SealError)?;
        let (version, rest) = header.split_at_checked(2).ok_or(SealError)?;
        let (salt, nonce) = rest.split_at_checked(SALT_LEN).ok_or(SealError)?;
        let &[FORMAT, id] = version else { return Err(SealError) };
        let nonce = <[u8; NONCE_LEN]>::try_from(nonce).map_err(|_| SealError)?;
        let aad = digest_parts(&[header, &digest_parts(context)]);

        // Ids are one byte, so two keys may share one.
        for key in self.keys.iter().filter(|key| key.id == id) {
            let mut buffer = body.to_vec();
            if let Ok(plaintext) =
                crypto::aead_open(&key.message_key(purpose, salt), nonce, &aad, &mut buffer)
            {
                let length = plaintext.len();
                buffer.truncate(length);
                return Ok(buffer);
            }
        }
        Err(SealError)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("keys", &self.keys.len()).finish()
    }
}

/// One key of the ring. Wiped on drop.
struct SealKey {
    id: u8,
    root: Zeroizing<[u8; KEY_LEN]>,
}

impl SealKey {
    fn new(material: &[u8]) -> Self {
        let derive = |label: &[u8]| HmacKey::new(material).sign(&[label]);
        let [id, ..] = derive(b"palisade seal key id v1");
        Self { id, root: Zeroizing::new(derive(b"palisade seal root key v1")) }
    }

    /// The key for one sealed value. A key of its own lifts the bound that 96-bit random nonces put on the
    /// number of values under one key, which a busy server would reach within a day.
    fn message_key(&self, purpose: SealPurpose, salt: &[u8]) -> Zeroizing<[u8; KEY_LEN]> {
        // The salt has a fixed length and comes first, so the parts cannot be confused.
        Zeroizing::new(HmacKey::new(self.root.as_slice()).sign(&[salt, purpose.label()]))
    }
}

/// A sealed value does not open, or a value cannot be sealed. Does not say why on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealed value is not valid")]
#[non_exhaustive]
pub struct SealError;

impl SealError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_sealed_value"
    }
}

/// Why keys cannot be used for sealing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealKeyError {
    /// The ring is empty.
    #[error("at least one sealing key is required")]
    NoKey,
    /// A key can be guessed.
    #[error("sealing key {index} is {weakness}: make one with `openssl rand -base64 32`")]
    Weak {
        /// Which key, counted from 0.
        index: usize,
        /// Why.
        weakness: Weakness,
    },
}

impl SealKeyError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoKey => "sealing_key_missing",
            Self::Weak { .. } => "sealing_key_weak",
        }
    }
}

#[cfg(all(test, any(feature = "aws-lc-rs", feature = "ring")))]
mod tests {
    use super::*;

    const STATE: SealPurpose = SealPurpose::RequestState;
    const OLD: &str = "hV0zJq9gE3mXw7Tn5RyKb2LcPd8FsA4u";
    const NEW: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2l";

    #[test]
    fn opens_what_it_sealed() {
        let sealer = Sealer::random().unwrap();
        for plaintext in [&b""[..], b"x", &[0; 1000]] {
            let sealed = sealer.seal(STATE, &[b"alice", b"tools/call"], plaintext).unwrap();
            assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            assert_eq!(sealer.open(STATE, &[b"alice", b"tools/call"], &sealed).unwrap(), plaintext);
        }
    }

    #[test]
    fn same_value_seals_differently() {
        let sealer = Sealer::random().unwrap();
        assert_ne!(sealer.seal(STATE, &[], b"x"), sealer.seal(STATE, &[], b"x"));
    }

    #[test]
    fn r1_any_flipped_bit_is_refused() {
        let sealer = Sealer::from_keys([OLD]).unwrap();
        let sealed = sealer.seal(STATE, &[b"alice"], b"secret state").unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(sealer.open(STATE, &[b"alice"], &changed), Err(SealError), "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(
                sealer.open(STATE, &[b"alice"], &sealed[..length]),
                Err(SealError),
                "{length}"
            );
        }
        for other in
            [format!("{sealed}="), format!("{sealed}A"), format!(" {sealed}"), "\u{e4}".into()]
        {
            assert_eq!(sealer.open(STATE, &[b"alice"], &other), Err(SealError), "{other}");
        }
    }

    #[test]
    fn r2_other_context_purpose_or_key_is_refused() {
        let sealer = Sealer::from_keys([OLD]).unwrap();
        let sealed = sealer.seal(STATE, &[b"alice", b"add"], b"x").unwrap();
        for context in [
            &[&b"bob"[..], b"add"][..],
            &[b"alice", b"sub"],
            &[b"aliceadd"],
            &[b"alic", b"eadd"],
            &[],
        ] {
            assert_eq!(sealer.open(STATE, context, &sealed), Err(SealError), "{context:?}");
        }
        assert_eq!(sealer.open(SealPurpose::Cursor, &[b"alice", b"add"], &sealed), Err(SealError));
        let other = Sealer::from_keys([NEW]).unwrap();
        assert_eq!(other.open(STATE, &[b"alice", b"add"], &sealed), Err(SealError));
    }

    #[test]
    fn keys_rotate() {
        let before = Sealer::from_keys([OLD]).unwrap();
        let during = Sealer::from_keys([NEW, OLD]).unwrap();
        let after = Sealer::from_keys([NEW]).unwrap();
        let old = before.seal(STATE, &[], b"x").unwrap();
        let new = during.seal(STATE, &[], b"x").unwrap();
        assert!(during.open(STATE, &[], &old).is_ok());
        assert!(during.open(STATE, &[], &new).is_ok());
        assert!(after.open(STATE, &[], &new).is_ok());
        assert!(after.open(STATE, &[], &old).is_err());
        assert!(before.open(STATE, &[], &new).is_err());
    }

    #[test]
    fn k6_weak_keys_are_refused() {
        let check = |keys: &[&str], expected: &str| {
            let error = Sealer::from_keys(keys.iter().copied()).unwrap_err();
            assert_eq!(error.to_string(), expected);
            assert!(keys.iter().all(|key| key.is_empty() || !format!("{error:?}").contains(key)));
        };
        check(&[], "at least one sealing key is required");
        check(
            &[OLD, "short"],
            "sealing key 1 is shorter than 32 bytes: make one with `openssl rand -base64 32`",
        );
        check(
            &["00000000000000000000000000000000"],
            "sealing key 0 is too repetitive or sequential: make one with `openssl rand -base64 32`",
        );
    }
}
