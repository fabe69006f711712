//! Fixed keys in a header, `X-API-Key` unless another is chosen: [`ApiKey`] checks them,
//! [`ApiKeyCredential`] sends one.

mod provider;
mod verifier;

pub use provider::ApiKeyCredential;
pub use verifier::{ApiKey, DangerousApiKey};

/// A key and whose it is.
pub use crate::secrets::SecretEntry as KeyEntry;

/// Whether the text can be a key: visible ASCII, so that every proxy passes it on as it is.
fn is_visible(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}
