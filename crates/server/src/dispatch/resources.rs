//! `resources/read`.

use std::sync::Arc;

use palisade_protocol::ErrorObject;
use palisade_security::Authorized;
use palisade_transport::{Call, Reply};

use super::{reply, run};
use crate::{
    Context, TemplateVariables, input::Inputs, registry::Registry, resource::Handler,
    server::Shared,
};

pub(super) async fn read(
    server: &Arc<Shared>,
    registry: &Registry,
    call: &Call<'_>,
    authorized: Authorized<'_>,
    uri: &str,
) -> Reply {
    let Some((handler, variables)) = find(registry, uri) else {
        return reply::error(call, &ErrorObject::resource_not_found(uri));
    };
    let inputs = match Inputs::open(server, call) {
        Ok(inputs) => inputs,
        Err(error) => return reply::input_refused(call, &error),
    };
    let context = Context::new(server, call, inputs);
    let outcome =
        run::guarded(authorized, || handler.read(uri.to_owned(), variables, context.clone())).await;
    let outcome = outcome.map(|mut result| {
        result.cache.get_or_insert(server.cache);
        result
    });
    reply::other(server, call, &context, outcome)
}

/// A fixed resource, or else the first template that fits.
fn find<'a>(registry: &'a Registry, uri: &str) -> Option<(&'a dyn Handler, TemplateVariables)> {
    if let Some(resource) = registry.resources.get(uri) {
        return Some((&*resource.route.handler, TemplateVariables::default()));
    }
    registry
        .templates
        .iter()
        .find_map(|entry| Some((&*entry.route.handler, entry.template.matches(uri)?)))
}
