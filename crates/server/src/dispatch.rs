//! From a decoded request to its reply: authorize, find, run, encode.

mod completion;
mod discover;
mod list;
mod listen;
mod prompts;
mod reply;
mod resources;
mod run;
mod tasks;
mod tools;

use std::sync::Arc;

use palisade_protocol::{ErrorObject, method};
use palisade_security::{AccessRequest, Authorized, RejectError, Target, authorize};
use palisade_transport::{Call, Reply};

use crate::{registry::Registry, server::Shared};

/// Answers one request.
///
/// What waits is boxed, but for calls of tools: this future is made for every request, and as large as the
/// largest of its branches.
pub(crate) async fn dispatch(server: &Arc<Shared>, call: Call<'_>) -> Reply {
    let registry = server.registry();
    if call.request.method == method::COMPLETION_COMPLETE && discover::completes(&registry) {
        // Its target stands within the parameters: it asks the policy about that itself.
        return Box::pin(completion::complete(server, &registry, &call)).await;
    }
    if registry.has_tasks && tasks::is_one_of(&call.request.method) {
        // Which tool a task runs is in its record: it asks the policy about that itself.
        return Box::pin(tasks::serve(server, &call)).await;
    }
    let authorized = match authorized(&call, &registry) {
        Ok(authorized) => authorized,
        Err(refusal) => return refusal,
    };
    let reply = route(server, &registry, &call, &authorized).await;
    reply.with_would_deny(authorized.would_deny())
}

/// Asks the policy.
///
/// # Errors
///
/// The reply, if there is nothing to serve.
fn authorized<'a>(call: &Call<'a>, registry: &Registry) -> Result<Authorized<'a>, Reply> {
    let target = match target_of(call, registry) {
        Some(Ok(target)) => target,
        Some(Err(error)) => return Err(reply::error(call, &error)),
        None => return Err(reply::method_not_found(call)),
    };
    let request = AccessRequest::new(call.principal, &call.request.method)
        .with_target(target)
        .with_arguments(call.params.arguments);
    authorize(call.security.policy(), request)
        .map_err(|reason| reply::rejected(call, &RejectError::from(reason)))
}

/// What a request is about. `None` if this server has no such method: methods of features that it does
/// not offer do not exist.
fn target_of<'a>(call: &Call<'a>, registry: &Registry) -> Option<Result<Target<'a>, ErrorObject>> {
    let named = |target: fn(&'a str) -> Target<'a>| {
        let params: &'a _ = call.params;
        match params.mirrored_name(&call.request.method) {
            Some(name) => Ok(target(name)),
            None => Err(ErrorObject::invalid_params("params name no target")),
        }
    };
    let resources = !registry.resources.is_empty() || !registry.templates.is_empty();
    Some(match &*call.request.method {
        method::SERVER_DISCOVER | method::SUBSCRIPTIONS_LISTEN => Ok(Target::None),
        method::TOOLS_LIST => Ok(Target::None),
        method::TOOLS_CALL => named(Target::Tool),
        method::PROMPTS_LIST if !registry.prompts.is_empty() => Ok(Target::None),
        method::PROMPTS_GET if !registry.prompts.is_empty() => named(Target::Prompt),
        method::RESOURCES_LIST | method::RESOURCES_TEMPLATES_LIST if resources => Ok(Target::None),
        method::RESOURCES_READ if resources => named(Target::Resource),
        _ => return None,
    })
}

/// Serves an authorized request. There is no other way to a handler.
async fn route(
    server: &Arc<Shared>,
    registry: &Registry,
    call: &Call<'_>,
    authorized: &Authorized<'_>,
) -> Reply {
    match (authorized.request().method, authorized.request().target) {
        (method::SERVER_DISCOVER, _) => discover::discover(server, registry, call),
        (method::SUBSCRIPTIONS_LISTEN, _) => Box::pin(listen::listen(server, registry, call)).await,
        (method::TOOLS_LIST, _) => list::list(server, call, &list::TOOLS, &registry.tools),
        (method::PROMPTS_LIST, _) => list::list(server, call, &list::PROMPTS, &registry.prompts),
        (method::RESOURCES_LIST, _) => {
            list::list(server, call, &list::RESOURCES, &registry.resources)
        }
        (method::RESOURCES_TEMPLATES_LIST, _) => {
            list::list(server, call, &list::TEMPLATES, &registry.templates)
        }
        (method::TOOLS_CALL, Target::Tool(name)) => {
            tools::call(server, registry, call, authorized, name).await
        }
        (method::PROMPTS_GET, Target::Prompt(name)) => {
            Box::pin(prompts::get(server, registry, call, *authorized, name)).await
        }
        (method::RESOURCES_READ, Target::Resource(uri)) => {
            Box::pin(resources::read(server, registry, call, *authorized, uri)).await
        }
        _ => reply::method_not_found(call),
    }
}
