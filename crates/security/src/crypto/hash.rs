//! SHA-256 and HMAC-SHA-256, by sha2 and hmac. A keyed digest is made for every request: theirs is a few words
//! on the stack, that of a TLS library is a kilobyte that is copied several times.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::KEY_LEN;

/// SHA-256 over the concatenation of the parts.
pub(crate) fn sha256(parts: &[&[u8]]) -> [u8; KEY_LEN] {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    digest.finalize().into()
}

/// A key for HMAC-SHA-256.
pub(crate) struct HmacKey(Hmac<Sha256>);

impl HmacKey {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    pub(crate) fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("any length is good"))
    }

    /// HMAC-SHA-256 over the concatenation of the parts.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; KEY_LEN] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: [u8; KEY_LEN]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// FIPS 180-4, the examples of its appendix.
    #[test]
    fn sha256_is_that_of_its_standard() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(sha256(&[b"abc"])), abc);
        assert_eq!(hex(sha256(&[b"a", b"", b"bc"])), abc);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(sha256(&[])), empty);
    }

    /// RFC 4231, sections 4.2, 4.3 and 4.7.
    #[test]
    fn hmac_is_that_of_its_standard() {
        for (key, data, expected) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let key = HmacKey::new(key);
            assert_eq!(hex(key.sign(&[data])), expected);
            let (start, end) = data.split_at(3);
            assert_eq!(hex(key.sign(&[start, end])), expected);
        }
    }
}
