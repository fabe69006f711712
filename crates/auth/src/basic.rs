//! User names and passwords in `Authorization: Basic`: [`Basic`] checks them, [`BasicCredential`] sends one.

mod hash;
mod pool;
mod provider;
mod users;
mod verifier;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use palisade_security::{AuthnError, CredentialId, Credentials, Secret};
use zeroize::Zeroizing;

pub use hash::{PasswordHash, PasswordHashError};
pub use provider::BasicCredential;
pub use users::UserEntry;
pub use verifier::{Basic, BasicHandle, DangerousBasic};

/// The longest user name, in bytes.
const MAX_USER_LEN: usize = 255;

/// The longest password, in bytes. Abuse: a password of megabytes keeps the hash function busy.
const MAX_PASSWORD_LEN: usize = 1024;

/// The longest credential as it is sent.
const MAX_ENCODED_LEN: usize = (MAX_USER_LEN + 1 + MAX_PASSWORD_LEN).div_ceil(3) * 4;

/// A user name and a password that somebody sent.
struct Attempt {
    user: String,
    password: Secret,
}

impl Attempt {
    /// Reads the one Basic credential of a request. None within if it is not one.
    ///
    /// # Specification
    ///
    /// RFC 7617, section 2: the first colon ends the user name; neither part has control characters; UTF-8.
    fn read(credentials: &Credentials<'_>) -> Result<Option<Self>, AuthnError> {
        let text = credentials
            .authorization_with_scheme("Basic")?
            .ok_or(AuthnError::MissingCredentials)?;
        Ok(Self::parse(text))
    }

    fn parse(text: &str) -> Option<Self> {
        if text.len() > MAX_ENCODED_LEN {
            return None;
        }
        let mut decoded = Zeroizing::new(vec![0; MAX_ENCODED_LEN]);
        let length = STANDARD.decode_slice(text, &mut decoded).ok()?;
        let (user, password) = std::str::from_utf8(decoded.get(..length)?).ok()?.split_once(':')?;
        (is_user_name(user) && is_password(password))
            .then(|| Self { user: user.to_owned(), password: Secret::new(password) })
    }

    fn id(&self) -> CredentialId {
        CredentialId::of_name("basic", &self.user)
    }
}

fn is_user_name(text: &str) -> bool {
    let valid = |c: char| c != ':' && !c.is_control();
    !text.is_empty() && text.len() <= MAX_USER_LEN && text.chars().all(valid)
}

fn is_password(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_PASSWORD_LEN && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(plain: &[u8], expected: Option<(&str, &str)>) {
        let found = Attempt::parse(&STANDARD.encode(plain));
        let found = found.as_ref().map(|it| (it.user.as_str(), it.password.expose()));
        assert_eq!(found, expected);
    }

    #[test]
    fn the_first_colon_ends_the_name() {
        check(b"Aladdin:open sesame", Some(("Aladdin", "open sesame")));
        check(b"a:b:c", Some(("a", "b:c")));
        check("test:123\u{a3}".as_bytes(), Some(("test", "123\u{a3}")));
        for bad in [&b""[..], b"a", b":", b"a:", b":b", b"a\n:b", b"a:b\0", b"a:\xff", b"\x7f:b"] {
            check(bad, None);
        }
        let longest = format!("{}:{}", "u".repeat(MAX_USER_LEN), "p".repeat(MAX_PASSWORD_LEN));
        assert!(Attempt::parse(&STANDARD.encode(&longest)).is_some());
        check(format!("{}:p", "u".repeat(MAX_USER_LEN + 1)).as_bytes(), None);
    }

    #[test]
    fn k4_long_passwords_are_not_decoded() {
        check(format!("u:{}", "p".repeat(MAX_PASSWORD_LEN + 1)).as_bytes(), None);
        check(&[b'p'; 1 << 20], None);
        for malformed in ["dTpw=", "dTp", "dTpw dTpw", "dTpw\n", "\u{e4}"] {
            assert!(Attempt::parse(malformed).is_none(), "{malformed:?}");
        }
    }
}
