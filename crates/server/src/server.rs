//! A server: what it offers, and the handle with which the application changes it.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use palisade_protocol::{
    CacheHints, Encoded, Eras, Implementation, ProtocolVersion, ResultMeta, header::ParamHeaders,
};
use palisade_transport::{BoxFuture, Call, Dispatcher, Reply};

use crate::{
    IntoToolRoute, Notifier, Problem, ServerBuilder, dispatch, input::Redeemed, notifier::Hub,
    registry::Registry, state::States, task::Tasks,
};

/// An MCP server. Cheap to clone: clones are one server, on as many transports as you like.
///
/// # Examples
///
/// ```
/// use palisade_server::{Context, Server, ToolRoute};
///
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Add { a: i64, b: i64 }
/// let server = Server::new("calculator", "1.0.0")
///     .with_tool(ToolRoute::typed("add", async |args: Add, _: Context| args.a + args.b))
///     .build()?;
/// # Ok::<(), palisade_server::RegistrationError>(())
/// ```
#[derive(Clone)]
pub struct Server(pub(crate) Arc<Shared>);

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) info: Encoded<Implementation>,
    pub(crate) instructions: Option<String>,
    pub(crate) page_size: usize,
    pub(crate) cache: CacheHints,
    pub(crate) eras: Eras,
    pub(crate) states: States,
    pub(crate) registry: RwLock<Arc<Registry>>,
    pub(crate) hub: Hub,
    pub(crate) tasks: Tasks,
    pub(crate) redeemed: Redeemed,
}

impl Server {
    /// Begins a server with this name and version.
    #[expect(
        clippy::new_ret_no_self,
        reason = "a server comes to life by `build`, which reports problems"
    )]
    pub fn new(name: impl Into<String>, version: impl Into<String>) -> ServerBuilder {
        ServerBuilder::new(name.into(), version.into())
    }

    /// Tells subscribed clients about changes.
    #[must_use]
    pub fn notifier(&self) -> Notifier {
        Notifier(Arc::clone(&self.0))
    }

    /// Adds a tool to the running server and tells subscribers. Requests under way still see the old
    /// list.
    ///
    /// # Errors
    ///
    /// The [`Problem`] of the tool's definition; nothing changes then.
    pub fn insert_tool(&self, tool: impl IntoToolRoute) -> Result<(), Problem> {
        let route = tool.into_tool_route();
        if let Some((_, name)) =
            route.needs_state.iter().find(|(id, _)| !self.0.states.contains(*id))
        {
            let message = format!("no state `{name}`: add it with `with_state`");
            return Err(Problem::new("tool", &route.tool.name, "missing_state", message));
        }
        self.0.change(|registry| registry.insert_tool(route))?;
        self.notifier().tools_changed();
        Ok(())
    }

    /// Removes a tool from the running server and tells subscribers; whether there was one.
    #[must_use = "the tool may not have been there"]
    pub fn remove_tool(&self, name: &str) -> bool {
        let removed = self.0.change(|registry| registry.tools.remove(name));
        if removed {
            self.notifier().tools_changed();
        }
        removed
    }
}

impl Shared {
    /// The `_meta` of a result that has nothing of its own to say.
    pub(crate) fn result_meta(&self) -> ResultMeta {
        let mut meta = ResultMeta::default();
        meta.server_info = Some(self.info.clone());
        meta
    }

    /// What the server offers now.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Registry) -> T) -> T {
        let mut current = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut current))
    }
}

impl Dispatcher for Server {
    fn dispatch<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Reply> {
        // Made where it is to stay: it is large.
        let dispatch = Box::write(Box::new_uninit(), dispatch::dispatch(&self.0, call));
        Box::into_pin(dispatch)
    }

    fn supported_versions(&self) -> &[ProtocolVersion] {
        self.0.eras.versions()
    }

    fn param_headers(&self, tool: &str) -> Option<Arc<ParamHeaders>> {
        let registry = self.0.registry.read().unwrap_or_else(PoisonError::into_inner);
        let headers = &registry.tools.get(tool)?.headers;
        (!headers.is_empty()).then(|| Arc::clone(headers))
    }

    fn shutdown(&self) {
        self.0.tasks.close();
        self.0.hub.close();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("info", &self.0.info).finish_non_exhaustive()
    }
}
