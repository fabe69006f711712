//! The handshake of older revisions.

use serde::{Deserialize, Serialize};

use super::{client_capabilities_for, implementation_for, server_capabilities_for};
use crate::{ClientCapabilities, Implementation, ProtocolVersion, ServerCapabilities};

/// The revision to answer a requested one with: the same if it is an older one and supported, else the
/// newest older one that is. `None` if no older one is supported.
///
/// # Specification
///
/// MCP 2025-11-25, Lifecycle, "Version Negotiation".
#[must_use]
pub fn negotiate(requested: &str, supported: &[ProtocolVersion]) -> Option<ProtocolVersion> {
    let older = || supported.iter().copied().filter(|version| !version.is_modern());
    older().find(|version| version.as_str() == requested).or_else(|| older().max())
}

/// The params of `initialize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InitializeRequestParams {
    /// The newest revision that the client speaks; not necessarily one that exists.
    pub protocol_version: String,
    /// What the client can do, in the words of its revision: see
    /// [`client_capabilities_from`](super::client_capabilities_from).
    pub capabilities: ClientCapabilities,
    /// Name and version of the client, as it says itself. For display, never for decisions.
    pub client_info: Implementation,
}

impl InitializeRequestParams {
    /// Asks for a session in this revision. Both values are given in the words of the newest.
    #[must_use]
    pub fn new(
        version: ProtocolVersion,
        capabilities: &ClientCapabilities,
        client_info: &Implementation,
    ) -> Self {
        Self {
            protocol_version: version.as_str().to_owned(),
            capabilities: client_capabilities_for(version, capabilities),
            client_info: implementation_for(version, client_info),
        }
    }
}

/// The result of `initialize`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct InitializeResult {
    /// The revision that the session speaks.
    pub protocol_version: String,
    /// What the server can do, in the words of that revision.
    pub capabilities: ServerCapabilities,
    /// Name and version of the server, as it says itself. For display, never for decisions.
    pub server_info: Implementation,
    /// How a model should use the server. Text of the server: a client that puts it into a prompt lets
    /// the server speak to the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl InitializeResult {
    /// Begins a session in this revision. Both values are given in the words of the newest.
    #[must_use]
    pub fn new(
        version: ProtocolVersion,
        capabilities: &ServerCapabilities,
        server_info: &Implementation,
    ) -> Self {
        Self {
            protocol_version: version.as_str().to_owned(),
            capabilities: server_capabilities_for(version, capabilities),
            server_info: implementation_for(version, server_info),
            instructions: None,
        }
    }

    /// Sets the instructions.
    #[must_use]
    pub fn with_instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Eras, Icon, RootsCapability};

    #[track_caller]
    fn check(requested: &str, supported: &[ProtocolVersion], expected: Option<&str>) {
        let answer = negotiate(requested, supported).map(ProtocolVersion::as_str);
        assert_eq!(answer, expected, "{requested} of {supported:?}");
    }

    #[test]
    fn the_requested_revision_or_the_newest_with_a_handshake() {
        let both = Eras::Both.versions();
        for version in Eras::LegacyOnly.versions() {
            check(version.as_str(), both, Some(version.as_str()));
            check(version.as_str(), &[*version], Some(version.as_str()));
            check(version.as_str(), Eras::ModernOnly.versions(), None);
        }
        for unknown in ["2026-07-28", "2099-01-01", "1.0", "", "2025-11-25 "] {
            check(unknown, both, Some("2025-11-25"));
        }
        check("2025-11-25", &[ProtocolVersion::V2025_03_26], Some("2025-03-26"));
        check("2025-11-25", &[], None);
    }

    #[test]
    fn each_side_is_described_in_the_words_of_the_revision() {
        let info = Implementation::new("a", "1")
            .with_title("A")
            .with_description("d")
            .with_icons(vec![Icon::new("data:,")]);
        let client = ClientCapabilities::new().with_roots(RootsCapability::new());
        for (version, expected) in [
            (ProtocolVersion::V2025_03_26, r#"{"name":"a","version":"1"}"#),
            (ProtocolVersion::V2025_06_18, r#"{"name":"a","title":"A","version":"1"}"#),
            (
                ProtocolVersion::V2025_11_25,
                r#"{"name":"a","title":"A","version":"1","description":"d","icons":[{"src":"data:,"}]}"#,
            ),
        ] {
            let params = InitializeRequestParams::new(version, &client, &info);
            let json = format!(
                r#"{{"protocolVersion":"{version}","capabilities":{{"roots":{{}}}},"clientInfo":{expected}}}"#
            );
            assert_eq!(serde_json::to_string(&params).unwrap(), json);
            assert_eq!(serde_json::from_str::<InitializeRequestParams>(&json).unwrap(), params);
            let result =
                InitializeResult::new(version, &ServerCapabilities::new().with_logging(), &info);
            let json = format!(
                r#"{{"protocolVersion":"{version}","capabilities":{{"logging":{{}}}},"serverInfo":{expected},"instructions":"i"}}"#
            );
            let result = result.with_instructions("i");
            assert_eq!(serde_json::to_string(&result).unwrap(), json);
            assert_eq!(serde_json::from_str::<InitializeResult>(&json).unwrap(), result);
        }
    }
}
