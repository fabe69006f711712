//! Tools whose input schema is the point.

use palisade::{Context, RawArguments, ToolRoute, server::ServerBuilder};
use serde_json::{Value, json};

/// What the tool of `custom_header` is called with.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
struct Query {
    /// Where to run. Mirrored in the header `Mcp-Param-Region`.
    #[schemars(extend("x-mcp-header" = "Region"))]
    region: String,
}

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    let dynamic = ToolRoute::dynamic(
        "json_schema_2020_12_tool",
        contact_schema(),
        async |arguments: RawArguments, _: Context| arguments.get().to_owned(),
    );
    let typed = ToolRoute::typed("test_custom_header", async |query: Query, _: Context| {
        format!("region: {}", query.region)
    });
    server
        .with_tool(dynamic.with_description("Has a schema with many keywords of 2020-12."))
        .with_tool(typed.with_description("Has a parameter that is mirrored in a header."))
}

/// The schema that the suite compares: no keyword may be lost or changed.
fn contact_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "addressDef",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
            }
        },
        "properties": {
            "name": { "type": "string" },
            "address": { "$ref": "#/$defs/address" },
            "contactMethod": { "type": "string", "enum": ["phone", "email"] },
            "phone": { "type": "string" },
            "email": { "type": "string" }
        },
        "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
        "if": {
            "properties": { "contactMethod": { "const": "phone" } },
            "required": ["contactMethod"]
        },
        "then": { "required": ["phone"] },
        "else": { "required": ["email"] },
        "additionalProperties": false
    })
}
