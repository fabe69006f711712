//! Pins: which public key a peer must have, whoever vouches for it.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};

/// SHA-256 over the public key (`SubjectPublicKeyInfo`) of a peer's own certificate. A peer must have one of
/// the pinned keys besides a certificate that is valid in every other way: an authority that was tricked, or
/// added to the machine, cannot stand in for the peer.
///
/// Written `sha256/` and base64, as `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der |
/// openssl dgst -sha256 -binary | base64` gives it. Pin the next key too: a peer that changes to a key
/// without a pin is locked out.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpkiPin([u8; 32]);

/// The text is not a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pin is `sha256/` and 44 characters of base64")]
#[non_exhaustive]
pub struct SpkiPinError;

impl SpkiPinError {
    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "invalid_spki_pin"
    }
}

impl SpkiPin {
    /// A pin from the digest itself.
    #[must_use]
    pub const fn from_sha256(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Parses `sha256/BASE64`.
    ///
    /// # Errors
    ///
    /// [`SpkiPinError`].
    pub fn parse(text: &str) -> Result<Self, SpkiPinError> {
        let text = text.strip_prefix("sha256/").ok_or(SpkiPinError)?;
        if text.len() != 44 {
            return Err(SpkiPinError);
        }
        let digest = STANDARD.decode(text).map_err(|_| SpkiPinError)?;
        digest.try_into().map(Self).map_err(|_| SpkiPinError)
    }

    pub(super) fn matches(&self, spki_sha256: &[u8; 32]) -> bool {
        self.0 == *spki_sha256
    }
}

impl FromStr for SpkiPin {
    type Err = SpkiPinError;

    fn from_str(text: &str) -> Result<Self, SpkiPinError> {
        Self::parse(text)
    }
}

impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_they_are_written() {
        let pin = SpkiPin::from_sha256([7; 32]);
        assert_eq!(pin.to_string().parse(), Ok(pin));
        let base64 = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
        assert_eq!(SpkiPin::parse(&format!("sha256/{base64}")), Ok(pin));
        for bad in [
            "",
            "sha256/",
            base64,
            &format!("sha1/{base64}"),
            &format!("sha256//{base64}"),
            &format!("sha256/{base64} "),
            "sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwd=",
            "sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
        ] {
            assert_eq!(SpkiPin::parse(bad), Err(SpkiPinError), "{bad}");
        }
    }
}
