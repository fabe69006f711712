//! Building a server: routes in, every problem out.

use std::sync::{Arc, RwLock};

use palisade_protocol::{CacheHints, Encoded, Eras, Implementation};

use crate::{
    IntoPromptRoute, IntoResourceRoute, IntoToolRoute, MemoryTaskStore, Problem, RegistrationError,
    Server, TaskStore,
    input::Redeemed,
    notifier::Hub,
    registry::Registry,
    resource::AnyResourceRoute,
    server::Shared,
    state::{Needs, States},
    task::Tasks,
};

/// Collects a server's routes and settings. Made by [`Server::new`].
#[derive(Debug)]
pub struct ServerBuilder {
    info: Implementation,
    instructions: Option<String>,
    page_size: usize,
    cache: CacheHints,
    eras: Eras,
    states: States,
    needs_state: Vec<(&'static str, String, Needs)>,
    registry: Registry,
    task_store: Arc<dyn TaskStore>,
    problems: Vec<Problem>,
}

impl ServerBuilder {
    pub(crate) fn new(name: String, version: String) -> Self {
        Self {
            info: Implementation::new(name, version),
            instructions: None,
            page_size: 100,
            cache: CacheHints::default(),
            eras: Eras::default(),
            states: States::default(),
            needs_state: Vec::new(),
            registry: Registry::default(),
            task_store: Arc::new(MemoryTaskStore::new()),
            problems: Vec::new(),
        }
    }

    /// Adds a tool.
    #[must_use]
    pub fn with_tool(mut self, tool: impl IntoToolRoute) -> Self {
        let route = tool.into_tool_route();
        self.need("tool", &route.tool.name, &route.needs_state);
        let outcome = self.registry.insert_tool(route);
        self.note(outcome)
    }

    /// Adds a prompt.
    #[must_use]
    pub fn with_prompt(mut self, prompt: impl IntoPromptRoute) -> Self {
        let route = prompt.into_prompt_route();
        self.need("prompt", &route.prompt.name, &route.needs_state);
        let outcome = self.registry.insert_prompt(route);
        self.note(outcome)
    }

    /// Adds a resource or a template.
    #[must_use]
    pub fn with_resource(mut self, resource: impl IntoResourceRoute) -> Self {
        let outcome = match resource.into_resource_route() {
            AnyResourceRoute::Resource(route) => {
                self.need("resource", &route.resource.uri, &route.needs_state);
                self.registry.insert_resource(route)
            }
            AnyResourceRoute::Template(route) => {
                self.need("resource template", &route.template.uri_template, &route.needs_state);
                self.registry.insert_template(route)
            }
        };
        self.note(outcome)
    }

    /// Shares a value with all handlers; one for each type, the last one wins.
    #[must_use]
    pub fn with_state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }

    /// Sets how the server is used, for the model.
    #[must_use]
    pub fn with_instructions(mut self, instructions: impl Into<String>) -> Self {
        self.instructions = Some(instructions.into());
        self
    }

    /// Replaces what the server says of itself: title, icons, website.
    #[must_use]
    pub fn with_info(mut self, info: Implementation) -> Self {
        self.info = info;
        self
    }

    /// Sets how many entries a page of a list holds: 100 by default, at least 1. Without pages, one
    /// request for a long list occupies memory on both sides.
    #[must_use]
    pub fn with_page_size(mut self, entries: usize) -> Self {
        self.page_size = entries.max(1);
        self
    }

    /// Sets how long, and by whom, lists and resources may be cached: not at all and privately by
    /// default. `public` lets a proxy serve one caller's list to another: only for lists that every
    /// principal may see.
    #[must_use]
    pub fn with_cache_hints(mut self, hints: CacheHints) -> Self {
        self.cache = hints;
        self
    }

    /// Sets which revisions are served: all by default. Older ones need sessions, which cost memory, and a
    /// transport that holds them: a server that only new clients use is smaller without them.
    #[must_use]
    pub fn with_eras(mut self, eras: Eras) -> Self {
        self.eras = eras;
        self
    }

    /// Sets where the records of tasks are: by default in the memory of this server, so that they end with
    /// it. A store that several processes share lets a client ask any of them; the handler of a task still
    /// runs in one, and a task whose process is lost stays as it is until its time is up.
    #[must_use]
    pub fn with_task_store(mut self, store: impl TaskStore + 'static) -> Self {
        self.task_store = Arc::new(store);
        self
    }

    /// Builds the server.
    ///
    /// # Errors
    ///
    /// [`RegistrationError`] with every problem: invalid or colliding names, schemas that are invalid,
    /// too expensive or refer elsewhere, invalid URIs, missing state.
    pub fn build(mut self) -> Result<Server, RegistrationError> {
        for (kind, name, needs) in &self.needs_state {
            for (_, type_name) in needs.iter().filter(|(id, _)| !self.states.contains(*id)) {
                let message = format!("no state `{type_name}`: add it with `with_state`");
                self.problems.push(Problem::new(kind, name, "missing_state", message));
            }
        }
        let name = self.info.name.clone();
        let info = Encoded::new(self.info)
            .map_err(|error| Problem::new("server", &name, "invalid_info", error));
        let info = match info {
            Ok(info) if self.problems.is_empty() => info,
            info => {
                self.problems.extend(info.err());
                return Err(RegistrationError { problems: self.problems });
            }
        };
        let shared = Shared {
            info,
            instructions: self.instructions,
            page_size: self.page_size,
            cache: self.cache,
            eras: self.eras,
            states: self.states,
            registry: RwLock::new(Arc::new(self.registry)),
            hub: Hub::default(),
            tasks: Tasks::new(self.task_store),
            redeemed: Redeemed::default(),
        };
        Ok(Server(Arc::new(shared)))
    }

    fn need(&mut self, kind: &'static str, name: &str, needs: &Needs) {
        if !needs.is_empty() {
            self.needs_state.push((kind, name.to_owned(), needs.clone()));
        }
    }

    fn note(mut self, outcome: Result<(), Problem>) -> Self {
        self.problems.extend(outcome.err());
        self
    }
}
