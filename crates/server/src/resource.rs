//! Resources: fixed ones and templates, with the functions that read them.

mod template;

use std::{fmt, sync::Arc};

use palisade_protocol::{
    BlobResourceContents, ReadResourceResult, Resource, ResourceContents, ResourceTemplate,
    TextResourceContents,
};
use palisade_transport::BoxFuture;

pub(crate) use self::template::has_scheme;
pub use self::template::{TemplateVariables, UriTemplate, UriTemplateError};
use crate::{
    Completer, CompletionRequest, Context, HandlerError, IntoHandlerError, completion,
    state::{Needs, need},
};

/// One resource with a fixed URI.
#[derive(Clone)]
pub struct ResourceRoute {
    pub(crate) resource: Resource,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) needs_state: Needs,
}

/// A family of resources.
#[derive(Clone)]
pub struct ResourceTemplateRoute {
    pub(crate) template: ResourceTemplate,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) completer: Option<Arc<dyn Completer>>,
    pub(crate) needs_state: Needs,
}

/// What makes a resource or a template: a route, or a function that returns one, such as `#[resource]`
/// leaves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a resource",
    note = "a resource is a function under `#[resource]`, a `ResourceRoute` or a `ResourceTemplateRoute`"
)]
pub trait IntoResourceRoute {
    /// The resource or the template.
    fn into_resource_route(self) -> AnyResourceRoute;
}

/// A resource or a template.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the specification knows these two")]
pub enum AnyResourceRoute {
    /// A fixed URI.
    Resource(ResourceRoute),
    /// A template.
    Template(ResourceTemplateRoute),
}

/// Reads a resource. The URI and the variables are those of the request.
pub(crate) trait Handler: Send + Sync {
    fn read(
        &self,
        uri: String,
        variables: TemplateVariables,
        context: Context,
    ) -> BoxFuture<'static, Result<ReadResourceResult, HandlerError>>;
}

struct Function<F>(F, Option<String>);

impl<O, F, Fut> Handler for Function<F>
where
    O: IntoResourceResult + 'static,
    F: Fn(TemplateVariables, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = O> + Send + 'static,
{
    fn read(
        &self,
        uri: String,
        variables: TemplateVariables,
        context: Context,
    ) -> BoxFuture<'static, Result<ReadResourceResult, HandlerError>> {
        let future = (self.0)(variables, context);
        let mime_type = self.1.clone();
        Box::pin(async move { future.await.into_resource_result(&uri, mime_type.as_deref()) })
    }
}

impl ResourceRoute {
    /// A resource. Text and bytes that the handler returns carry the definition's MIME type.
    pub fn new<O, F, Fut>(resource: Resource, handler: F) -> Self
    where
        O: IntoResourceResult + 'static,
        F: Fn(Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        let mime_type = resource.mime_type.clone();
        let handler = Function(move |_: TemplateVariables, context| handler(context), mime_type);
        Self { resource, handler: Arc::new(handler), needs_state: Needs::new() }
    }

    /// Says that the handler reads the server's state `T`, so that building the server without it fails.
    #[must_use]
    pub fn needs_state<T: Send + Sync + 'static>(mut self) -> Self {
        self.needs_state.push(need::<T>());
        self
    }

    /// The definition, as `resources/list` shows it.
    #[must_use]
    pub fn definition(&self) -> &Resource {
        &self.resource
    }
}

impl ResourceTemplateRoute {
    /// A family of resources. The template must parse as a [`UriTemplate`].
    pub fn new<O, F, Fut>(template: ResourceTemplate, handler: F) -> Self
    where
        O: IntoResourceResult + 'static,
        F: Fn(TemplateVariables, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        let mime_type = template.mime_type.clone();
        Self {
            template,
            handler: Arc::new(Function(handler, mime_type)),
            completer: None,
            needs_state: Needs::new(),
        }
    }

    /// Suggests values for the template's variables.
    #[must_use]
    pub fn with_completion<F, Fut>(mut self, completer: F) -> Self
    where
        F: Fn(CompletionRequest, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<String>> + Send + 'static,
    {
        self.completer = Some(completion::completer(completer));
        self
    }

    /// Says that the handler reads the server's state `T`, so that building the server without it fails.
    #[must_use]
    pub fn needs_state<T: Send + Sync + 'static>(mut self) -> Self {
        self.needs_state.push(need::<T>());
        self
    }

    /// The definition, as `resources/templates/list` shows it.
    #[must_use]
    pub fn definition(&self) -> &ResourceTemplate {
        &self.template
    }
}

impl IntoResourceRoute for ResourceRoute {
    fn into_resource_route(self) -> AnyResourceRoute {
        AnyResourceRoute::Resource(self)
    }
}

impl IntoResourceRoute for ResourceTemplateRoute {
    fn into_resource_route(self) -> AnyResourceRoute {
        AnyResourceRoute::Template(self)
    }
}

impl IntoResourceRoute for AnyResourceRoute {
    fn into_resource_route(self) -> AnyResourceRoute {
        self
    }
}

impl<F: FnOnce() -> R, R: IntoResourceRoute> IntoResourceRoute for F {
    fn into_resource_route(self) -> AnyResourceRoute {
        self().into_resource_route()
    }
}

impl fmt::Debug for ResourceRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceRoute").field("resource", &self.resource).finish_non_exhaustive()
    }
}

impl fmt::Debug for ResourceTemplateRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceTemplateRoute")
            .field("template", &self.template)
            .finish_non_exhaustive()
    }
}

/// A value that becomes a resource's contents.
#[diagnostic::on_unimplemented(
    message = "a resource cannot return `{Self}`",
    note = "return text, bytes, a `Vec<ResourceContents>`, a `ReadResourceResult`, or a `Result` of these"
)]
pub trait IntoResourceResult {
    /// The contents of the resource at `uri`.
    ///
    /// # Errors
    ///
    /// What the client sees instead.
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError>;
}

impl IntoResourceResult for ReadResourceResult {
    fn into_resource_result(
        self,
        _: &str,
        _: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError> {
        Ok(self)
    }
}

impl IntoResourceResult for Vec<ResourceContents> {
    fn into_resource_result(
        self,
        _: &str,
        _: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError> {
        Ok(ReadResourceResult::new(self))
    }
}

/// Text.
impl IntoResourceResult for String {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError> {
        let mut contents = TextResourceContents::new(uri, self);
        contents.mime_type = mime_type.map(str::to_owned);
        vec![ResourceContents::Text(contents)].into_resource_result(uri, mime_type)
    }
}

/// Text.
impl IntoResourceResult for &'static str {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError> {
        self.to_owned().into_resource_result(uri, mime_type)
    }
}

/// Binary data.
impl IntoResourceResult for Vec<u8> {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError> {
        let mut contents = BlobResourceContents::from_bytes(uri, self);
        contents.mime_type = mime_type.map(str::to_owned);
        vec![ResourceContents::Blob(contents)].into_resource_result(uri, mime_type)
    }
}

impl<T: IntoResourceResult, E: IntoHandlerError> IntoResourceResult for Result<T, E> {
    fn into_resource_result(
        self,
        uri: &str,
        mime_type: Option<&str>,
    ) -> Result<ReadResourceResult, HandlerError> {
        self.map_err(IntoHandlerError::into_handler_error)?.into_resource_result(uri, mime_type)
    }
}
