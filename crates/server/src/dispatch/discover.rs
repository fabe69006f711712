//! `server/discover`.

use palisade_protocol::{
    DiscoverResult, PromptsCapability, ResourcesCapability, ServerCapabilities, ToolsCapability,
};
use palisade_transport::{Call, Reply, ReplyOutcome};

use super::reply;
use crate::{registry::Registry, server::Shared, task};

pub(super) fn discover(server: &Shared, registry: &Registry, call: &Call<'_>) -> Reply {
    let versions = server.eras.versions().iter().map(|version| version.as_str());
    let mut result = DiscoverResult::new(versions, capabilities(registry)).with_cache(server.cache);
    result.instructions.clone_from(&server.instructions);
    reply::complete(server, call, result, ReplyOutcome::Completed)
}

fn capabilities(registry: &Registry) -> ServerCapabilities {
    // Tools may be added while the server runs, so there is always a list of them.
    let mut all = ServerCapabilities::new()
        .with_logging()
        .with_tools(ToolsCapability::new().with_list_changed(true));
    if !registry.prompts.is_empty() {
        all = all.with_prompts(PromptsCapability::new().with_list_changed(true));
    }
    if !registry.resources.is_empty() || !registry.templates.is_empty() {
        all = all.with_resources(
            ResourcesCapability::new().with_list_changed(true).with_subscribe(true),
        );
    }
    if completes(registry) {
        all = all.with_completions();
    }
    if registry.has_tasks {
        all = all.with_extensions(task::extension());
    }
    all
}

/// Whether there is anything that could be completed.
pub(super) fn completes(registry: &Registry) -> bool {
    !registry.prompts.is_empty() || !registry.templates.is_empty()
}
