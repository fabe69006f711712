//! Tools: a definition and the function that runs it.

mod arguments;
mod result;

use std::{fmt, sync::Arc};

use palisade_protocol::{CallToolResult, RawJson, Tool, ToolAnnotations, header::ParamHeaders};
use palisade_transport::BoxFuture;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::{
    arguments::RawArguments,
    result::{IntoHandlerError, IntoToolResult, Json},
};
use crate::{
    Context, HandlerError, TaskSupport, schema,
    schema::Validator,
    state::{Needs, need},
};

/// One tool: its definition and its handler. Made by `#[tool]`, or by hand with [`ToolRoute::typed`] and
/// [`ToolRoute::dynamic`].
#[derive(Clone)]
pub struct ToolRoute {
    pub(crate) tool: Tool,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) needs_state: Needs,
    pub(crate) task: TaskMode,
    check: Check,
}

/// Whether and when the tool becomes a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskMode {
    pub(crate) support: TaskSupport,
    /// When its handler says so, not from its beginning.
    pub(crate) late: bool,
}

/// How arguments are checked before the handler runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// Decoding is the check, unless the schema says more than the type.
    Typed,
    /// Only the schema knows.
    Schema,
}

/// What makes a tool: a route, or a function that returns one, such as `#[tool]` leaves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tool",
    note = "a tool is a function under `#[tool]`, or a `ToolRoute`"
)]
pub trait IntoToolRoute {
    /// The tool.
    fn into_tool_route(self) -> ToolRoute;
}

/// Runs a tool. Decodes first, so that the future owns all it needs.
pub(crate) trait Handler: Send + Sync {
    fn run(&self, arguments: RawArguments, context: Context) -> BoxFuture<'static, Outcome>;
}

pub(crate) type Outcome = Result<CallToolResult, HandlerError>;

impl ToolRoute {
    /// A tool whose arguments decode into `A`, and whose schema is that of `A`. Decoding is the check of
    /// the arguments; if the schema says more (a range, a pattern), they are checked against it too.
    pub fn typed<A, O, F, Fut>(name: impl Into<String>, handler: F) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        O: IntoToolResult + 'static,
        F: Fn(A, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        let mut tool = Tool::new(name.into(), schema_of::<A>());
        tool.output_schema = O::output_schema();
        let handler = Typed { handler, arguments: std::marker::PhantomData::<fn(A) -> O> };
        Self {
            tool,
            handler: Arc::new(handler),
            needs_state: Vec::new(),
            task: TaskMode::default(),
            check: Check::Typed,
        }
    }

    /// A tool known only at run time: the schema is JSON, the arguments come undecoded, and only after
    /// they were checked against the schema.
    pub fn dynamic<O, F, Fut>(name: impl Into<String>, input_schema: Value, handler: F) -> Self
    where
        O: IntoToolResult + 'static,
        F: Fn(RawArguments, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        let mut tool = Tool::new(name.into(), RawJson::from(input_schema));
        tool.output_schema = O::output_schema();
        Self {
            tool,
            handler: Arc::new(Dynamic(handler)),
            needs_state: Vec::new(),
            task: TaskMode::default(),
            check: Check::Schema,
        }
    }

    /// The definition, as `tools/list` shows it.
    #[must_use]
    pub fn definition(&self) -> &Tool {
        &self.tool
    }

    /// Sets what the tool does, for the model.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.tool.description = Some(description.into());
        self
    }

    /// Sets a name for people.
    #[must_use]
    pub fn with_title(mut self, title: impl Into<String>) -> Self {
        self.tool.title = Some(title.into());
        self
    }

    /// Sets hints about the tool's effects.
    #[must_use]
    pub fn with_annotations(mut self, annotations: ToolAnnotations) -> Self {
        self.tool.annotations = Some(annotations);
        self
    }

    /// Replaces the schema of the structured result.
    #[must_use]
    pub fn with_output_schema(mut self, schema: Value) -> Self {
        self.tool.output_schema = Some(RawJson::from(schema));
        self
    }

    /// Replaces the input schema, word for word. Arguments are then checked against it.
    #[must_use]
    pub fn with_input_schema(mut self, schema: RawJson) -> Self {
        self.tool.input_schema = schema;
        self.check = Check::Schema;
        self
    }

    /// Sets whether the tool runs as a task, which outlives its request: from its beginning, unless
    /// [`Self::with_late_task`] says otherwise. By default it does not.
    ///
    /// In a task questions to the client are awaited where they are asked, the handler runs once, and it has
    /// [`TaskLimits::ttl`](palisade_security::TaskLimits::ttl) to end instead of the time of a request.
    /// Cancellation drops its future.
    ///
    /// # Specification
    ///
    /// SEP-2663, Tasks Extension.
    #[must_use]
    pub fn with_task_support(mut self, support: TaskSupport) -> Self {
        self.task.support = support;
        self
    }

    /// Lets the handler say when it becomes a task, with [`Context::start_task`]. Until then it runs within
    /// its request: it can ask first, end with a result at once, or never become a task.
    #[must_use]
    pub fn with_late_task(mut self) -> Self {
        self.task.late = true;
        self
    }

    /// Says that the handler reads the server's state `T`, so that building the server without it fails.
    #[must_use]
    pub fn needs_state<T: Send + Sync + 'static>(mut self) -> Self {
        self.needs_state.push(need::<T>());
        self
    }

    /// Checks the definition and prepares the check of arguments.
    pub(crate) fn prepare(&self) -> Result<Prepared, ToolProblem> {
        let input = schema::check_input(&self.tool.input_schema).map_err(ToolProblem::Schema)?;
        if let Some(output) = &self.tool.output_schema {
            schema::check_any(output).map_err(ToolProblem::OutputSchema)?;
        }
        let headers = ParamHeaders::from_schema(&self.tool.input_schema)?;
        let needs_validator = match self.check {
            Check::Typed => schema::has_constraints(&input),
            Check::Schema => true,
        };
        let validator = needs_validator
            .then(|| Validator::new(&input))
            .transpose()
            .map_err(ToolProblem::Schema)?;
        Ok(Prepared { headers: Arc::new(headers), validator })
    }
}

/// What a definition turns into once, at registration.
pub(crate) struct Prepared {
    pub(crate) headers: Arc<ParamHeaders>,
    pub(crate) validator: Option<Validator>,
}

/// Why a definition cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ToolProblem {
    #[error("input schema: {0}")]
    Schema(schema::SchemaError),
    #[error("output schema: {0}")]
    OutputSchema(schema::SchemaError),
    #[error("input schema: {0}")]
    Headers(#[from] palisade_protocol::header::ParamHeadersError),
}

impl IntoToolRoute for ToolRoute {
    fn into_tool_route(self) -> ToolRoute {
        self
    }
}

impl<F: FnOnce() -> ToolRoute> IntoToolRoute for F {
    fn into_tool_route(self) -> ToolRoute {
        self()
    }
}

impl fmt::Debug for ToolRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolRoute").field("tool", &self.tool).finish_non_exhaustive()
    }
}

struct Typed<A, O, F> {
    handler: F,
    arguments: std::marker::PhantomData<fn(A) -> O>,
}

impl<A, O, F, Fut> Handler for Typed<A, O, F>
where
    A: DeserializeOwned + Send + 'static,
    O: IntoToolResult + 'static,
    F: Fn(A, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = O> + Send + 'static,
{
    fn run(&self, arguments: RawArguments, context: Context) -> BoxFuture<'static, Outcome> {
        match arguments.decode::<A>() {
            Ok(arguments) => {
                let future = (self.handler)(arguments, context);
                Box::pin(async move { future.await.into_tool_result() })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }
}

struct Dynamic<F>(F);

impl<O, F, Fut> Handler for Dynamic<F>
where
    O: IntoToolResult + 'static,
    F: Fn(RawArguments, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = O> + Send + 'static,
{
    fn run(&self, arguments: RawArguments, context: Context) -> BoxFuture<'static, Outcome> {
        let future = (self.0)(arguments, context);
        Box::pin(async move { future.await.into_tool_result() })
    }
}

/// The 2020-12 schema of a type, as an object schema.
fn schema_of<A: JsonSchema>() -> RawJson {
    let mut schema = schemars::generate::SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<A>()
        .to_value();
    if let Value::Object(members) = &mut schema {
        members.remove("title");
        // `()` and empty structs describe no arguments.
        if members.get("type").and_then(Value::as_str) == Some("null") {
            members.insert("type".into(), "object".into());
            members.insert("additionalProperties".into(), false.into());
        }
    }
    RawJson::from(schema)
}
