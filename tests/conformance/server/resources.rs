//! Resources: text, bytes, and a template.

use palisade::{
    Context, HandlerError, ResourceRoute, ResourceTemplateRoute, TemplateVariables,
    protocol::{Resource, ResourceTemplate},
    server::ServerBuilder,
};
use serde_json::json;

use crate::content;

pub(crate) fn register(server: ServerBuilder) -> ServerBuilder {
    server
        .with_resource(ResourceRoute::new(
            Resource::new("test://static-text", "static-text").with_mime_type("text/plain"),
            async |_: Context| "This is the content of the static text resource.".to_owned(),
        ))
        .with_resource(ResourceRoute::new(
            Resource::new("test://static-binary", "static-binary").with_mime_type("image/png"),
            async |_: Context| content::PNG.to_vec(),
        ))
        .with_resource(ResourceRoute::new(
            Resource::new("test://watched-resource", "watched-resource")
                .with_mime_type("text/plain"),
            async |_: Context| "Subscribe to hear of changes.".to_owned(),
        ))
        .with_resource(ResourceTemplateRoute::new(
            ResourceTemplate::new("test://template/{id}/data", "template")
                .with_mime_type("application/json"),
            data,
        ))
}

async fn data(variables: TemplateVariables, _: Context) -> Result<String, HandlerError> {
    let id: String = variables.parse("id")?;
    Ok(json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") }).to_string())
}
