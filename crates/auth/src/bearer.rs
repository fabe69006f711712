//! Fixed tokens in `Authorization: Bearer`: [`Bearer`] checks them, [`BearerToken`] sends one.

mod provider;
mod verifier;

pub use provider::BearerToken;
pub use verifier::{Bearer, DangerousBearer};

use crate::secrets::MAX_SECRET_LEN;
/// A token and whose it is.
pub use crate::secrets::SecretEntry as TokenEntry;

/// Whether the text is a token as RFC 6750, section 2.1 has it: letters, digits and `-._~+/`, then any
/// number of `=`.
fn is_token68(text: &str) -> bool {
    let start = text.trim_end_matches('=');
    let valid = |byte| matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'+' | b'/');
    !start.is_empty() && start.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token68_syntax() {
        for yes in ["a", "abc=", "a-._~+/9==", "mF_9.B5f-4.1JqM"] {
            assert!(is_token68(yes), "{yes}");
        }
        for no in
            ["", "=", "==", "a b", "a=b", "a\"", "a,b", "a\n", "\u{e4}", " a", "a ", "a:b", "a%20"]
        {
            assert!(!is_token68(no), "{no:?}");
        }
    }
}
