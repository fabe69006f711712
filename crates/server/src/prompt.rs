//! Prompts: a definition and the function that fills it in.

use std::{collections::BTreeMap, fmt, sync::Arc};

use palisade_protocol::{ErrorObject, GetPromptResult, Prompt, PromptMessage};
use palisade_transport::BoxFuture;

use crate::{
    Completer, CompletionRequest, Context, HandlerError, IntoHandlerError, completion,
    state::{Needs, need},
};

/// One prompt: its definition and its handler. Made by `#[prompt]`, or by hand.
#[derive(Clone)]
pub struct PromptRoute {
    pub(crate) prompt: Prompt,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) completer: Option<Arc<dyn Completer>>,
    pub(crate) needs_state: Needs,
}

/// What makes a prompt: a route, or a function that returns one, such as `#[prompt]` leaves.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a prompt",
    note = "a prompt is a function under `#[prompt]`, or a `PromptRoute`"
)]
pub trait IntoPromptRoute {
    /// The prompt.
    fn into_prompt_route(self) -> PromptRoute;
}

pub(crate) trait Handler: Send + Sync {
    fn run(&self, arguments: PromptArguments, context: Context) -> BoxFuture<'static, Outcome>;
}

pub(crate) type Outcome = Result<GetPromptResult, HandlerError>;

impl PromptRoute {
    /// A prompt. Arguments that the definition requires are present when the handler runs.
    pub fn new<O, F, Fut>(prompt: Prompt, handler: F) -> Self
    where
        O: IntoPromptResult + 'static,
        F: Fn(PromptArguments, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        Self {
            prompt,
            handler: Arc::new(handler_of(handler)),
            completer: None,
            needs_state: Needs::new(),
        }
    }

    /// Suggests values for the prompt's arguments.
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

    /// The definition, as `prompts/list` shows it.
    #[must_use]
    pub fn definition(&self) -> &Prompt {
        &self.prompt
    }

    /// The name of a required argument that is missing.
    pub(crate) fn missing_argument(&self, arguments: &PromptArguments) -> Option<&str> {
        let declared = self.prompt.arguments.iter().flatten();
        declared
            .filter(|argument| argument.required == Some(true))
            .map(|argument| argument.name.as_str())
            .find(|name| arguments.get(name).is_none())
    }
}

fn handler_of<O, F, Fut>(handler: F) -> impl Handler
where
    O: IntoPromptResult + 'static,
    F: Fn(PromptArguments, Context) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = O> + Send + 'static,
{
    struct Function<F>(F);

    impl<O, F, Fut> Handler for Function<F>
    where
        O: IntoPromptResult + 'static,
        F: Fn(PromptArguments, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = O> + Send + 'static,
    {
        fn run(&self, arguments: PromptArguments, context: Context) -> BoxFuture<'static, Outcome> {
            let future = (self.0)(arguments, context);
            Box::pin(async move { future.await.into_prompt_result() })
        }
    }

    Function(handler)
}

impl IntoPromptRoute for PromptRoute {
    fn into_prompt_route(self) -> PromptRoute {
        self
    }
}

impl<F: FnOnce() -> PromptRoute> IntoPromptRoute for F {
    fn into_prompt_route(self) -> PromptRoute {
        self()
    }
}

impl fmt::Debug for PromptRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PromptRoute").field("prompt", &self.prompt).finish_non_exhaustive()
    }
}

/// A prompt's arguments: strings by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptArguments(pub(crate) BTreeMap<String, String>);

impl PromptArguments {
    /// One argument.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// One argument, parsed; used by `#[prompt]`.
    ///
    /// # Errors
    ///
    /// `-32602` if the argument is absent or does not parse.
    pub fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, HandlerError> {
        self.parse_optional(name)?.ok_or_else(|| invalid(name))
    }

    /// One argument, parsed, if it is present.
    ///
    /// # Errors
    ///
    /// `-32602` if the argument does not parse.
    pub fn parse_optional<T: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<T>, HandlerError> {
        self.get(name).map(|text| text.parse().map_err(|_| invalid(name))).transpose()
    }
}

fn invalid(name: &str) -> HandlerError {
    HandlerError::protocol(ErrorObject::invalid_params(format!(
        "argument `{name}` is missing or invalid"
    )))
}

/// A value that becomes a prompt's messages.
#[diagnostic::on_unimplemented(
    message = "a prompt cannot return `{Self}`",
    note = "return text, a `Vec<PromptMessage>`, a `GetPromptResult`, or a `Result` of these"
)]
pub trait IntoPromptResult {
    /// The result.
    ///
    /// # Errors
    ///
    /// What the client sees instead.
    fn into_prompt_result(self) -> Result<GetPromptResult, HandlerError>;
}

impl IntoPromptResult for GetPromptResult {
    fn into_prompt_result(self) -> Result<GetPromptResult, HandlerError> {
        Ok(self)
    }
}

impl IntoPromptResult for Vec<PromptMessage> {
    fn into_prompt_result(self) -> Result<GetPromptResult, HandlerError> {
        Ok(GetPromptResult::new(self))
    }
}

/// One message of the user.
impl IntoPromptResult for String {
    fn into_prompt_result(self) -> Result<GetPromptResult, HandlerError> {
        Ok(GetPromptResult::new(vec![PromptMessage::user(self)]))
    }
}

/// One message of the user.
impl IntoPromptResult for &'static str {
    fn into_prompt_result(self) -> Result<GetPromptResult, HandlerError> {
        self.to_owned().into_prompt_result()
    }
}

impl<T: IntoPromptResult, E: IntoHandlerError> IntoPromptResult for Result<T, E> {
    fn into_prompt_result(self) -> Result<GetPromptResult, HandlerError> {
        self.map_err(IntoHandlerError::into_handler_error)?.into_prompt_result()
    }
}
