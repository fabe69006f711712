//! The way of rmcp's own documentation: `#[tool_handler]` makes the router anew when it needs it.

use rmcp::{
    ServerHandler,
    handler::server::{
        router::tool::{ToolRoute, ToolRouter},
        wrapper::Parameters,
    },
    schemars, tool, tool_handler, tool_router,
};
use serde::Deserialize;

/// The arguments of `add`.
#[derive(Deserialize, schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(crate) struct Add {
    /// The first number.
    pub(crate) a: i64,
    /// The second number.
    pub(crate) b: i64,
}

/// A server with `add` and as many more tools of the same kind as asked for.
#[derive(Clone)]
pub(crate) struct Rebuilt {
    tools: usize,
}

impl Rebuilt {
    pub(crate) fn new(tools: usize) -> Self {
        Self { tools }
    }

    /// `tool_router()` for any number of tools: each is what `#[tool]` makes of a function.
    fn all(&self) -> ToolRouter<Self> {
        (1..self.tools).fold(Self::tool_router(), |router, at| {
            let mut attr = Self::add_tool_attr();
            attr.name = format!("filler_{at}").into();
            router.with_route(ToolRoute::new(attr, Self::add))
        })
    }
}

#[tool_router]
impl Rebuilt {
    /// Adds two numbers.
    #[tool]
    async fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        a.wrapping_add(b).to_string()
    }
}

#[tool_handler(router = self.all())]
impl ServerHandler for Rebuilt {}
