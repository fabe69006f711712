//! Capabilities and names in the words of an older revision, and back.

use crate::{
    ClientCapabilities, ElicitationCapability, Implementation, ProtocolVersion, SamplingCapability,
    ServerCapabilities,
};

/// A capability of 2025-11-25 alone, without a type of its own.
const TASKS: &str = "tasks";

/// What a client of this revision said it can do, in the words of the newest.
///
/// Before 2025-11-25 `elicitation` means forms and `sampling` has no settings, and context could be asked
/// for by anyone.
#[must_use]
pub fn client_capabilities_from(
    version: ProtocolVersion,
    mut stated: ClientCapabilities,
) -> ClientCapabilities {
    stated.extensions = None;
    if version < ProtocolVersion::V2025_11_25 {
        let asked = |has: bool| has && version >= ProtocolVersion::V2025_06_18;
        stated.elicitation =
            asked(stated.elicitation.is_some()).then(|| ElicitationCapability::new().with_form());
        stated.sampling =
            stated.sampling.is_some().then(|| SamplingCapability::new().with_context());
        stated.extra.remove(TASKS);
    }
    stated
}

/// What a client of ours can do, in the words of this revision.
#[must_use]
pub fn client_capabilities_for(
    version: ProtocolVersion,
    capabilities: &ClientCapabilities,
) -> ClientCapabilities {
    let mut stated = capabilities.clone();
    stated.extensions = None;
    if version < ProtocolVersion::V2025_11_25 {
        let asks = version >= ProtocolVersion::V2025_06_18 && capabilities.has_form_elicitation();
        stated.elicitation = asks.then(ElicitationCapability::new);
        stated.sampling = stated.sampling.is_some().then(SamplingCapability::new);
        stated.extra.remove(TASKS);
    }
    stated
}

/// What a server of this revision said it can do, in the words of the newest.
///
/// 2024-11-05 has completion without a capability for it: a server that has prompts or resources may have it.
#[must_use]
pub fn server_capabilities_from(
    version: ProtocolVersion,
    mut stated: ServerCapabilities,
) -> ServerCapabilities {
    stated.extensions = None;
    if version < ProtocolVersion::V2025_11_25 {
        stated.extra.remove(TASKS);
    }
    if version < ProtocolVersion::V2025_03_26 {
        let may = stated.prompts.is_some() || stated.resources.is_some();
        stated.completions = may.then(Default::default);
    }
    stated
}

/// What a server of ours can do, in the words of this revision.
#[must_use]
pub fn server_capabilities_for(
    version: ProtocolVersion,
    capabilities: &ServerCapabilities,
) -> ServerCapabilities {
    let mut stated = capabilities.clone();
    stated.extensions = None;
    if version < ProtocolVersion::V2025_11_25 {
        stated.extra.remove(TASKS);
    }
    if version < ProtocolVersion::V2025_03_26 {
        stated.completions = None;
    }
    stated
}

/// A name as this revision knows it.
#[must_use]
pub fn implementation_for(version: ProtocolVersion, info: &Implementation) -> Implementation {
    let mut info = info.clone();
    if version < ProtocolVersion::V2025_11_25 {
        info.description = None;
        info.website_url = None;
        info.icons = None;
    }
    if version < ProtocolVersion::V2025_06_18 {
        info.title = None;
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ProtocolVersion as V;

    #[track_caller]
    fn check_client(version: V, newest: &str, stated: &str, back: &str) {
        let client = |json: &str| serde_json::from_str::<ClientCapabilities>(json).unwrap();
        let text = |value: &ClientCapabilities| serde_json::to_string(value).unwrap();
        assert_eq!(text(&client_capabilities_for(version, &client(newest))), stated);
        assert_eq!(text(&client_capabilities_from(version, client(stated))), back);
    }

    #[test]
    fn clients_state_what_the_revision_knows() {
        let all = r#"{"roots":{"listChanged":true},"sampling":{"context":{},"tools":{}},"elicitation":{"form":{},"url":{}},"extensions":{"a/b":{}},"tasks":{}}"#;
        let roots = r#"{"roots":{"listChanged":true},"sampling":{}}"#;
        let roots_back = r#"{"roots":{"listChanged":true},"sampling":{"context":{}}}"#;
        check_client(V::V2024_11_05, all, roots, roots_back);
        check_client(V::V2025_03_26, all, roots, roots_back);
        check_client(
            V::V2025_06_18,
            all,
            r#"{"roots":{"listChanged":true},"sampling":{},"elicitation":{}}"#,
            r#"{"roots":{"listChanged":true},"sampling":{"context":{}},"elicitation":{"form":{}}}"#,
        );
        let newest = r#"{"roots":{"listChanged":true},"sampling":{"context":{},"tools":{}},"elicitation":{"form":{},"url":{}},"tasks":{}}"#;
        check_client(V::V2025_11_25, all, newest, newest);
        check_client(V::V2025_06_18, r#"{"elicitation":{"url":{}}}"#, "{}", "{}");
        check_client(V::V2025_11_25, "{}", "{}", "{}");
    }

    #[test]
    fn elicitation_does_not_exist_before_2025_06_18() {
        let stated = ClientCapabilities::new().with_elicitation(ElicitationCapability::new());
        assert_eq!(client_capabilities_from(V::V2025_03_26, stated.clone()).elicitation, None);
        assert!(client_capabilities_from(V::V2025_11_25, stated).has_form_elicitation());
    }

    #[track_caller]
    fn check_server(version: V, stated: &str, back: &str) {
        let all = r#"{"logging":{},"completions":{},"prompts":{"listChanged":true},"resources":{"subscribe":true},"extensions":{"a/b":{}},"tasks":{}}"#;
        let server = |json: &str| serde_json::from_str::<ServerCapabilities>(json).unwrap();
        let text = |value: &ServerCapabilities| serde_json::to_string(value).unwrap();
        assert_eq!(text(&server_capabilities_for(version, &server(all))), stated);
        assert_eq!(text(&server_capabilities_from(version, server(stated))), back);
    }

    #[test]
    fn servers_state_what_the_revision_knows() {
        let base = r#""prompts":{"listChanged":true},"resources":{"subscribe":true}"#;
        let complete = format!(r#"{{"logging":{{}},"completions":{{}},{base}}}"#);
        let tasks = format!(r#"{{"logging":{{}},"completions":{{}},{base},"tasks":{{}}}}"#);
        check_server(V::V2024_11_05, &format!(r#"{{"logging":{{}},{base}}}"#), &complete);
        check_server(V::V2025_03_26, &complete, &complete);
        check_server(V::V2025_06_18, &complete, &complete);
        check_server(V::V2025_11_25, &tasks, &tasks);
    }

    #[test]
    fn a_server_of_tools_alone_completes_nothing() {
        let stated = ServerCapabilities::new();
        assert_eq!(server_capabilities_from(V::V2024_11_05, stated).completions, None);
    }
}
