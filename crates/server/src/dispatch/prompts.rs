//! `prompts/get`.

use std::sync::Arc;

use palisade_protocol::ErrorObject;
use palisade_security::Authorized;
use palisade_transport::{Call, Reply};

use super::{reply, run};
use crate::{Context, PromptArguments, input::Inputs, registry::Registry, server::Shared};

pub(super) async fn get(
    server: &Arc<Shared>,
    registry: &Registry,
    call: &Call<'_>,
    authorized: Authorized<'_>,
    name: &str,
) -> Reply {
    let Some(prompt) = registry.prompts.get(name) else {
        return reply::error(call, &ErrorObject::invalid_params("unknown prompt"));
    };
    let arguments = match call.params.arguments.map(serde_json::from_str).transpose() {
        Ok(arguments) => PromptArguments(arguments.unwrap_or_default()),
        Err(_) => {
            return reply::error(
                call,
                &ErrorObject::invalid_params("prompt arguments are strings"),
            );
        }
    };
    if let Some(missing) = prompt.route.missing_argument(&arguments) {
        let message = format!("argument `{missing}` is required");
        return reply::error(call, &ErrorObject::invalid_params(message));
    }
    let inputs = match Inputs::open(server, call) {
        Ok(inputs) => inputs,
        Err(error) => return reply::input_refused(call, &error),
    };
    let context = Context::new(server, call, inputs);
    let outcome =
        run::guarded(authorized, || prompt.route.handler.run(arguments, context.clone())).await;
    reply::other(server, call, &context, outcome)
}
