//! `tools/call`.

use std::sync::Arc;

use palisade_protocol::ErrorObject;
use palisade_security::Authorized;
use palisade_transport::{Call, Reply};
use serde_json::Value;

use super::{reply, run, tasks};
use crate::{
    Context, HandlerError, RawArguments, TaskSupport,
    input::Inputs,
    registry::{Registry, ToolEntry},
    server::Shared,
};

pub(super) async fn call(
    server: &Arc<Shared>,
    registry: &Registry,
    call: &Call<'_>,
    authorized: Authorized<'_>,
    name: &str,
) -> Reply {
    if let Err(reject) = call.security.admit_tool(call.principal, name) {
        return reply::rejected(call, &reject);
    }
    let Some(tool) = registry.tools.get(name) else {
        return reply::error(call, &ErrorObject::invalid_params("unknown tool"));
    };
    let inputs = match Inputs::open(server, call) {
        Ok(inputs) => inputs,
        Err(error) => return reply::input_refused(call, &error),
    };
    let context = Context::new(server, call, inputs);
    let arguments = RawArguments::of(call.params, call.body);
    if let Err(error) = check(tool, &arguments) {
        return reply::tool(server, call, &context, Err(error));
    }
    match tool.route.task.support {
        TaskSupport::Required if !tasks::are_declared(call) => tasks::undeclared(call),
        TaskSupport::Optional | TaskSupport::Required if tasks::are_declared(call) => {
            tasks::call(server, call, authorized, tool, context, arguments).await
        }
        _ => {
            let run = || tool.route.handler.run(arguments, context.clone());
            let outcome = run::guarded(authorized, run).await;
            reply::tool(server, call, &context, outcome)
        }
    }
}

/// Checks the arguments against the schema where decoding them does not. Faults go to the model.
fn check(tool: &ToolEntry, arguments: &RawArguments) -> Result<(), HandlerError> {
    match &tool.validator {
        Some(validator) => {
            let value: Value = arguments.decode()?;
            validator
                .check(&value)
                .map_err(|fault| HandlerError::tool(format_args!("invalid arguments: {fault}")))
        }
        None => Ok(()),
    }
}
