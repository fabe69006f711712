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
    let end = text.bytes().rposition(|byte| byte != b'=');
    // Not `all`, which would look at one byte after the other: these are all looked at together.
    end.and_then(|end| text.as_bytes().get(..=end))
        .is_some_and(|start| start.iter().fold(true, |all, byte| all & is_token_byte(*byte)))
}

const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() | matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/')
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
