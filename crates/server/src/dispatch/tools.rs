//! `tools/call`.

use std::sync::Arc;

use palisade_protocol::ErrorObject;
use palisade_security::{Authorized, Moment};
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
    authorized: &Authorized<'_>,
    name: &str,
) -> Reply {
    let (tool, context, arguments) = match prepare(server, registry, call, name) {
        Ok(prepared) => prepared,
        Err(reply) => return reply,
    };
    let support = tool.route.task.support;
    if support != TaskSupport::Forbidden {
        if tasks::are_declared(call) {
            return Box::pin(tasks::call(server, call, *authorized, tool, context, arguments))
                .await;
        }
        if support == TaskSupport::Required {
            return tasks::undeclared(call);
        }
    }
    let run = || tool.route.handler.run(arguments, context.clone());
    let outcome = match run::begin(*authorized, run) {
        Ok(running) => running.await,
        Err(error) => Err(error),
    };
    reply::tool(server, call, &context, outcome)
}

/// Finds the tool, and what it runs with. Not async: nothing of what this takes is kept while the tool runs.
///
/// # Errors
///
/// The reply, if the tool is not to run.
fn prepare<'r>(
    server: &Arc<Shared>,
    registry: &'r Registry,
    call: &Call<'_>,
    name: &str,
) -> Result<(&'r Arc<ToolEntry>, Context, RawArguments), Reply> {
    let now = Moment::new();
    let came = call.came.unwrap_or(&now);
    if let Err(reject) = call.security.admit_tool(call.principal, name, came) {
        return Err(reply::rejected(call, &reject));
    }
    let Some(tool) = registry.tools.get(name) else {
        return Err(reply::error(call, &ErrorObject::invalid_params("unknown tool")));
    };
    let inputs = Inputs::open(server, call).map_err(|error| reply::input_refused(call, &error))?;
    let context = Context::new(server, call, inputs);
    let arguments = RawArguments::of(call.params, call.body);
    match check(tool, &arguments) {
        Ok(()) => Ok((tool, context, arguments)),
        Err(error) => Err(reply::tool(server, call, &context, Err(error))),
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
