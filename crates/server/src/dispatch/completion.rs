//! `completion/complete`.

use std::sync::Arc;

use palisade_protocol::{
    CompleteRequestParams, CompleteResult, Completion, CompletionReference, ErrorObject,
};
use palisade_security::{AccessRequest, Authorized, RejectError, Target, authorize};
use palisade_transport::{Call, Reply, ReplyOutcome};

use super::{reply, run};
use crate::{
    Completer, CompletionRequest, Context, input::Inputs, registry::Registry, server::Shared,
};

pub(super) async fn complete(server: &Arc<Shared>, registry: &Registry, call: &Call<'_>) -> Reply {
    let params: CompleteRequestParams = match call.decode_params() {
        Ok(params) => params,
        Err(error) => return reply::error(call, &error),
    };
    // Suggestions tell of a prompt's or resource's contents: whoever may not use it gets none.
    let (target, completer) = match &params.reference {
        CompletionReference::Prompt(prompt) => (
            Target::Prompt(&prompt.name),
            registry.prompts.get(&prompt.name).map(|entry| entry.route.completer.as_ref()),
        ),
        CompletionReference::Resource(resource) => (
            Target::ResourceTemplate(&resource.uri),
            registry.templates.get(&resource.uri).map(|entry| entry.route.completer.as_ref()),
        ),
        _ => return reply::error(call, &ErrorObject::invalid_params("unknown reference")),
    };
    let request = AccessRequest::new(call.principal, &call.request.method).with_target(target);
    let authorized = match authorize(call.security.policy(), request) {
        Ok(authorized) => authorized,
        Err(reason) => return reply::rejected(call, &RejectError::from(reason)),
    };
    let Some(completer) = completer else {
        let unknown = reply::error(call, &ErrorObject::invalid_params("unknown reference"));
        return unknown.with_would_deny(authorized.would_deny());
    };
    let context = Context::new(server, call, Inputs::default());
    let values = match completer {
        Some(completer) => suggestions(authorized, completer, &params, context.clone()).await,
        None => Ok(Vec::new()),
    };
    let outcome = values.map(|values| {
        let total = values.len();
        let more = total > Completion::MAX_VALUES;
        let completion = Completion::new(values.into_iter().take(Completion::MAX_VALUES));
        CompleteResult::new(completion.with_total(total as u64).with_has_more(more))
    });
    let reply = match outcome {
        Ok(result) => reply::complete(server, call, result, ReplyOutcome::Completed),
        Err(error) => reply::other::<CompleteResult>(server, call, &context, Err(error)),
    };
    reply.with_would_deny(authorized.would_deny())
}

async fn suggestions(
    authorized: Authorized<'_>,
    completer: &Arc<dyn Completer>,
    params: &CompleteRequestParams,
    context: Context,
) -> Result<Vec<String>, crate::HandlerError> {
    let settled = params.context.as_ref().and_then(|context| context.arguments.clone());
    let request = CompletionRequest {
        argument: params.argument.name.clone(),
        value: params.argument.value.clone(),
        settled: settled.unwrap_or_default(),
    };
    run::guarded(authorized, || {
        let future = completer.complete(request, context);
        Box::pin(async move { Ok(future.await) })
    })
    .await
}
