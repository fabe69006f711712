//! Several headers with fixed values: [`CustomHeaders`] checks that all are there,
//! [`CustomHeadersCredential`] sends them.

mod provider;
mod verifier;

pub use provider::CustomHeadersCredential;
pub use verifier::{CustomHeaders, DangerousCustomHeaders, HeaderSet};

/// The most headers of a set. Abuse: a list that costs more to look at than it can be worth.
const MAX_HEADERS: usize = 16;

/// Whether the text can be a value: what a header carries from one end to the other unchanged.
fn is_value(text: &str) -> bool {
    let carried = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    !text.is_empty() && text.trim() == text && text.bytes().all(carried)
}
