//! [`Client`]: every request that a client can make.

mod discover;

use std::sync::Arc;

use palisade_protocol::{
    CallToolRequestParams, CallToolResult, CompleteRequestParams, CompleteResult, ErrorCode,
    GetPromptRequestParams, GetPromptResult, Prompt, RawJson, ReadResourceRequestParams,
    ReadResourceResult, Resource, ResourceTemplate, SubscriptionFilter, Tool, method,
};
use palisade_transport::ClientTransport;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallError, CallOptions, ClientBuilder, ClientError, InvalidRequest, Paged, Subscription,
    engine::{EncodedParams, Engine, Outgoing, ResultKind},
    paged,
    task::{StartedCall, handle_of},
    text,
};

/// A client of one server, over any transport.
///
/// Clones share everything and are cheap. There is no session and no background task, except with servers
/// of revisions up to 2025-11-25: a request runs in the task that awaits it, and dropping its future cancels
/// it, on the server too.
///
/// Every request has two clocks (a time-out that progress resets, and a maximum), a bound on the rounds of
/// input that a server may ask for, and an id of its own.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) engine: Arc<Engine>,
}

impl Client {
    /// Connects with the defaults. See [`ClientBuilder::connect`].
    ///
    /// # Errors
    ///
    /// [`ClientError`] if the server cannot be reached or speaks no revision that this client does.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the transport.
    pub async fn connect(transport: impl ClientTransport + 'static) -> Result<Self, ClientError> {
        Self::builder().connect(transport).await
    }

    /// Starts with the defaults.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Calls a tool and decodes its result.
    ///
    /// The structured content is decoded if there is any. Otherwise the text is: an `Out` that wants a
    /// string gets it as it is, every other `Out` gets it read as JSON; `()` takes any result.
    ///
    /// # Errors
    ///
    /// [`CallError::Tool`] if the tool reports an error, [`CallError::Decode`] if the result is not an
    /// `Out`, [`CallError::Client`] if there is no result.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call on the server; whether the tool had its effect is unknown.
    pub async fn call<Out: DeserializeOwned>(
        &self,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<Out, CallError> {
        self.call_with(name, arguments, CallOptions::new()).await
    }

    /// Like [`Self::call`], with options.
    ///
    /// # Errors
    ///
    /// As [`Self::call`].
    ///
    /// # Cancel safety
    ///
    /// As [`Self::call`].
    pub async fn call_with<Out: DeserializeOwned>(
        &self,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
        options: CallOptions,
    ) -> Result<Out, CallError> {
        typed(self.call_tool_with(name, arguments, options).await?)
    }

    /// Calls a tool and returns its result as it is, failures of the tool included.
    ///
    /// The server may ask for input: the handlers answer, and the call is made again. Arguments that the
    /// tool's schema mirrors into headers are mirrored if the tool was listed before; if the server
    /// refuses a call because headers are missing, the tools are listed and the call is made once more. If
    /// the server makes a task of the call, this waits for its end: see [`Self::wait_for_task`], whose errors
    /// are then errors here, and [`Self::start_tool`] to follow the task otherwise.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if there is no result.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call on the server; whether the tool had its effect is unknown. A task
    /// goes on.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Tools, "Calling Tools"; Streamable HTTP, "Client Behavior".
    pub async fn call_tool(
        &self,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
    ) -> Result<CallToolResult, ClientError> {
        self.call_tool_with(name, arguments, CallOptions::new()).await
    }

    /// Like [`Self::call_tool`], with options.
    ///
    /// # Errors
    ///
    /// As [`Self::call_tool`].
    ///
    /// # Cancel safety
    ///
    /// As [`Self::call_tool`].
    pub async fn call_tool_with(
        &self,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
        mut options: CallOptions,
    ) -> Result<CallToolResult, ClientError> {
        let started = self.start_call(name, arguments, &mut options).await?;
        let options = options.without_callbacks();
        self.finish_call(started, &options).await
    }

    /// Calls a tool, as far as its first answer.
    pub(crate) async fn start_call(
        &self,
        name: &str,
        arguments: &(impl Serialize + ?Sized),
        options: &mut CallOptions,
    ) -> Result<StartedCall, ClientError> {
        let arguments = RawJson::from_serialize(arguments).map_err(|_| InvalidRequest::Json)?;
        // No arguments at all are written as `null` by unit types.
        let arguments = (arguments.get() != "null").then_some(arguments);
        if arguments.as_ref().is_some_and(|arguments| !arguments.is_object()) {
            return Err(InvalidRequest::NotAnObject.into());
        }
        self.call_encoded(name, arguments, options).await
    }

    async fn call_encoded(
        &self,
        name: &str,
        arguments: Option<RawJson>,
        options: &mut CallOptions,
    ) -> Result<StartedCall, ClientError> {
        let mut call = CallToolRequestParams::new(name);
        call.arguments = arguments.clone();
        let params = EncodedParams::new(&call)?;
        let request = Outgoing {
            method: method::TOOLS_CALL,
            params: &params,
            name: Some(name),
            arguments: arguments.as_ref().map(RawJson::as_raw),
        };
        let answer = match self.engine.uncached(&request, options).await {
            Err(ClientError::Rpc(error)) if error.code == ErrorCode::HEADER_MISMATCH => {
                self.relist_until(name).await?;
                self.engine.uncached(&request, options).await?
            }
            answer => answer?,
        };
        Ok(match answer.outline(request.method)?.kind {
            ResultKind::Task => StartedCall::Task(handle_of(answer.decode(request.method)?)),
            _ => StartedCall::Done(answer.decode(request.method)?),
        })
    }

    /// Lists the tools anew, as far as this one: its schema may mirror other arguments by now.
    async fn relist_until(&self, name: &str) -> Result<(), ClientError> {
        self.engine.cache.forget(method::TOOLS_LIST);
        let mut tools = self.list_tools();
        while let Some(page) = tools.next_page().await {
            if page?.iter().any(|tool| tool.name == name) {
                break;
            }
        }
        Ok(())
    }

    /// The tools of the server. Tools whose `x-mcp-header` annotations are invalid are left out, with a
    /// warning in the log.
    #[must_use]
    pub fn list_tools(&self) -> Paged<Tool> {
        paged::tools(Arc::clone(&self.engine))
    }

    /// The prompts of the server.
    #[must_use]
    pub fn list_prompts(&self) -> Paged<Prompt> {
        paged::prompts(Arc::clone(&self.engine))
    }

    /// The resources of the server.
    #[must_use]
    pub fn list_resources(&self) -> Paged<Resource> {
        paged::resources(Arc::clone(&self.engine))
    }

    /// The resource templates of the server.
    #[must_use]
    pub fn list_resource_templates(&self) -> Paged<ResourceTemplate> {
        paged::resource_templates(Arc::clone(&self.engine))
    }

    /// Reads a resource. Cached as long as the server allows.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; a resource that does not exist is [`ClientError::Rpc`] with code -32602.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    pub async fn read_resource(&self, uri: &str) -> Result<ReadResourceResult, ClientError> {
        self.read_resource_with(uri, CallOptions::new()).await
    }

    /// Like [`Self::read_resource`], with options.
    ///
    /// # Errors
    ///
    /// As [`Self::read_resource`].
    ///
    /// # Cancel safety
    ///
    /// As [`Self::read_resource`].
    pub async fn read_resource_with(
        &self,
        uri: &str,
        mut options: CallOptions,
    ) -> Result<ReadResourceResult, ClientError> {
        let params = EncodedParams::new(&ReadResourceRequestParams::new(uri))?;
        let mut request = Outgoing::new(method::RESOURCES_READ, &params);
        request.name = Some(uri);
        self.engine.cached(&request, &mut options).await?.decode(request.method)
    }

    /// Renders a prompt.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; a prompt that does not exist is [`ClientError::Rpc`] with code -32602.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    pub async fn get_prompt<K: Into<String>, V: Into<String>>(
        &self,
        name: &str,
        arguments: impl IntoIterator<Item = (K, V)>,
    ) -> Result<GetPromptResult, ClientError> {
        let mut params = GetPromptRequestParams::new(name);
        for (name, value) in arguments {
            params = params.with_argument(name, value);
        }
        self.get_prompt_with(params, CallOptions::new()).await
    }

    /// Like [`Self::get_prompt`], with options.
    ///
    /// # Errors
    ///
    /// As [`Self::get_prompt`].
    ///
    /// # Cancel safety
    ///
    /// As [`Self::get_prompt`].
    pub async fn get_prompt_with(
        &self,
        prompt: GetPromptRequestParams,
        mut options: CallOptions,
    ) -> Result<GetPromptResult, ClientError> {
        let params = EncodedParams::new(&prompt)?;
        let mut request = Outgoing::new(method::PROMPTS_GET, &params);
        request.name = Some(&prompt.name);
        self.engine.uncached(&request, &mut options).await?.decode(request.method)
    }

    /// Completes an argument of a prompt or a resource template.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the request.
    pub async fn complete(
        &self,
        params: &CompleteRequestParams,
    ) -> Result<CompleteResult, ClientError> {
        let params = EncodedParams::new(params)?;
        let request = Outgoing::new(method::COMPLETION_COMPLETE, &params);
        self.engine.uncached(&request, &mut CallOptions::new()).await?.decode(request.method)
    }

    /// Subscribes to changes on the server. Returns when the server has acknowledged.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future, and later the subscription, cancels it on the server.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Subscriptions.
    pub async fn listen(&self, filter: SubscriptionFilter) -> Result<Subscription, ClientError> {
        Subscription::open(Arc::clone(&self.engine), filter, CallOptions::new()).await
    }

    /// Tells the server that the roots are others than before. Only servers up to 2025-11-25 are told so:
    /// later ones ask whenever they need them.
    ///
    /// # Errors
    ///
    /// [`ClientError`] if the server did not take it.
    ///
    /// # Cancel safety
    ///
    /// After the future is dropped the server may or may not have been told.
    ///
    /// # Specification
    ///
    /// MCP 2025-11-25, Roots, "Root List Changes".
    pub async fn roots_changed(&self) -> Result<(), ClientError> {
        match self.engine.session.get() {
            Some(session) if self.engine.handlers.roots.is_some() => {
                session.roots_changed(&self.engine).await
            }
            _ => Ok(()),
        }
    }

    /// Forgets every cached response.
    pub fn clear_cache(&self) {
        self.engine.cache.clear();
    }

    /// Ends the transport, for every clone of this client.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future may leave the transport open until the last clone is dropped.
    pub async fn close(&self) {
        self.engine.transport.close().await;
    }
}

/// Decodes what a tool returned.
fn typed<Out: DeserializeOwned>(result: CallToolResult) -> Result<Out, CallError> {
    if result.is_error() {
        return Err(CallError::Tool(Box::new(result)));
    }
    let decoded = match &result.structured_content {
        Some(structured) => structured.decode().ok(),
        None => None,
    };
    let decoded = decoded.or_else(|| {
        let mut texts = result.content.iter().map_while(|block| block.as_text());
        match (texts.next(), texts.next()) {
            (Some(text), None) if result.content.len() == 1 => text::decode(text).ok(),
            (None, _) if result.content.is_empty() => text::decode("null").ok(),
            _ => None,
        }
    });
    decoded.ok_or_else(|| CallError::Decode(Box::new(result)))
}
