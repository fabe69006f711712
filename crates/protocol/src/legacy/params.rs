//! The params of requests in older revisions.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::shape::params_of;
use crate::{LoggingLevel, ProtocolVersion};

/// The params of a request as a server of this revision may see them, as JSON text. Without `_meta`, which is
/// the engine's affair.
#[must_use]
pub fn params_for(version: ProtocolVersion, method: &str, params: &RawValue) -> Vec<u8> {
    let mut out = Vec::with_capacity(params.get().len());
    match params_of(method) {
        Some(shape) => shape.write(version, params, &mut out),
        None => out.extend_from_slice(params.get().as_bytes()),
    }
    out
}

/// The params of `logging/setLevel`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SetLevelRequestParams {
    /// The least severe message wanted.
    pub level: LoggingLevel,
}

impl SetLevelRequestParams {
    /// Wants messages of this level and above.
    #[must_use]
    pub const fn new(level: LoggingLevel) -> Self {
        Self { level }
    }
}

/// The params of `resources/subscribe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SubscribeRequestParams {
    /// The resource. Whoever may not read it may not watch it either.
    pub uri: String,
}

impl SubscribeRequestParams {
    /// Wants to know when this resource changes.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self { uri: uri.into() }
    }
}

/// The params of `resources/unsubscribe`.
pub type UnsubscribeRequestParams = SubscribeRequestParams;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completion_got_its_context_later() {
        let params = r#"{"ref":{"type":"ref/prompt","name":"p","title":"P"},"argument":{"name":"a","value":"v"},"context":{"arguments":{"b":"c"}}}"#;
        let bare =
            r#"{"ref":{"type":"ref/prompt","name":"p"},"argument":{"name":"a","value":"v"}}"#;
        for version in ProtocolVersion::ALL {
            let known = version >= ProtocolVersion::V2025_06_18;
            let raw: &RawValue = serde_json::from_str(params).unwrap();
            let sent = params_for(version, "completion/complete", raw);
            assert_eq!(sent, if known { params } else { bare }.as_bytes(), "{version}");
            assert_eq!(params_for(version, "tools/call", raw), params.as_bytes(), "{version}");
        }
    }
}
