//! What the suite says in the environment.

use palisade::protocol::RawJson;

use crate::Outcome;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Scenario {
    /// Use all that the server offers.
    UseEverything,
    /// Make these calls.
    Calls(Vec<Call>),
    /// Look at the tools and call none: what their arguments are is not for the client to find out.
    ListOnly,
    /// Give the schema of one tool to another.
    EchoSchema,
}

/// One call that the suite asks for.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: RawJson,
}

/// What scenarios get in `MCP_CONFORMANCE_CONTEXT`.
#[derive(Debug, serde::Deserialize)]
struct Context {
    #[serde(rename = "toolCalls")]
    tool_calls: Vec<Call>,
}

impl Scenario {
    pub(crate) fn from_environment() -> Outcome<Self> {
        match std::env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default().as_str() {
            "http-custom-headers" => {
                let context: Context =
                    serde_json::from_str(&std::env::var("MCP_CONFORMANCE_CONTEXT")?)?;
                Ok(Self::Calls(context.tool_calls))
            }
            "json-schema-ref-no-deref" => Ok(Self::ListOnly),
            "json-schema-2020-12-preservation" => Ok(Self::EchoSchema),
            name if name.starts_with("auth/") => Err("authorization is not spoken yet".into()),
            _ => Ok(Self::UseEverything),
        }
    }
}
