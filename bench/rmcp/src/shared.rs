//! The fastest way that rmcp's interface allows: one router for all requests, behind an `Arc`.

use std::sync::Arc;

use rmcp::{
    ServerHandler,
    handler::server::{
        router::tool::{ToolRoute, ToolRouter},
        wrapper::Parameters,
    },
    tool, tool_handler, tool_router,
};

use crate::rebuilt::Add;

/// A server with `add` and as many more tools of the same kind as asked for.
#[derive(Clone)]
pub(crate) struct Shared {
    router: Arc<ToolRouter<Self>>,
}

impl Shared {
    pub(crate) fn new(tools: usize) -> Self {
        let router = (1..tools).fold(Self::tool_router(), |router, at| {
            let mut attr = Self::add_tool_attr();
            attr.name = format!("filler_{at}").into();
            router.with_route(ToolRoute::new(attr, Self::add))
        });
        Self { router: Arc::new(router) }
    }
}

#[tool_router]
impl Shared {
    /// Adds two numbers.
    #[tool]
    async fn add(&self, Parameters(Add { a, b }): Parameters<Add>) -> String {
        a.wrapping_add(b).to_string()
    }
}

#[tool_handler(router = self.router)]
impl ServerHandler for Shared {}
