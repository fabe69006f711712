//! The attribute macros of the palisade MCP stack: `#[tool]`, `#[prompt]` and `#[resource]`.
//!
//! Use them through the `palisade` crate, which their output refers to.

mod docs;
mod errors;
mod function;
mod handler;
mod options;
mod prompt;
mod resource;
mod tool;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

/// Makes a tool of a function.
///
/// The doc comment, up to its first heading, tells the model what the tool does. The parameters become
/// the input schema: the doc comment of a parameter describes it, an `Option` need not be given, and
/// `#[serde(…)]` and `#[schemars(…)]` apply as on a field of a struct. Arguments that do not fit never
/// reach the function. What the function returns becomes the result: text, a number, `Json<T>` for
/// structured data with an output schema, content blocks, or a `Result` of these.
///
/// Some parameters are no arguments; they are known by the name of their type:
///
/// | type | what it takes |
/// |-|-|
/// | `Context` | the request: progress, logging, questions to the user |
/// | `Principal` | who asks |
/// | `State<T>` | what the server shares with its handlers; building a server without it fails |
/// | `RawArguments` | all arguments undecoded, checked against the `schema` that the option gives |
///
/// Options, all of them optional:
///
/// | option | default | meaning |
/// |-|-|-|
/// | `name = "…"` | the function's name | the name for programs |
/// | `title = "…"` | none | the name for people |
/// | `description = "…"` | the doc comment | what it does |
/// | `read_only`, `destructive`, `idempotent`, `open_world` | not said | hints about effects; `= false` denies one |
/// | `strict` | unknown arguments are ignored | unknown arguments are an error, so that a misspelt one is noticed |
/// | `task = "optional"`, `task = "required"` | never | runs as a task, which outlives its request: for clients that know tasks, or for them alone |
/// | `schema = …` | made from the parameters | a `serde_json::Value`; goes with `RawArguments` |
///
/// Hints help a client to decide what to ask its user. They protect nothing: what a principal may call
/// is for the server's policy.
///
/// `#[header("Region")]` on a parameter has clients repeat the argument as the header
/// `Mcp-Param-Region`, which proxies may read; a request in which the two differ is refused. Never put
/// it on a secret: headers end up in logs.
///
/// In place of a function `add` there is then a function `add()` that makes the route, which is what
/// `with_tool(add)` takes; it can be changed before, as in `with_tool(add().with_title("Sum"))`. The
/// function itself is `add::call`. A function that is not `async` must not block.
///
/// # Examples
///
/// ```
/// use palisade::{Context, Server, State, tool};
///
/// struct Stock(u32);
///
/// /// Adds two numbers.
/// #[tool(read_only, open_world = false)]
/// async fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// /// Takes pieces from the stock.
/// ///
/// /// # Errors
/// ///
/// /// The text of an error goes to the model. This section does not.
/// #[tool(strict, title = "Take from stock")]
/// async fn take(
///     /// How many pieces.
///     #[schemars(range(min = 1))]
///     pieces: u32,
///     /// What for.
///     note: Option<String>,
///     stock: State<Stock>,
///     context: Context,
/// ) -> Result<String, String> {
///     let left = stock.0.checked_sub(pieces).ok_or("not that many left")?;
///     let who = context.principal().subject();
///     Ok(format!("{who} took {pieces} for {note:?}, {left} left"))
/// }
///
/// let server = Server::new("shop", "1.0.0")
///     .with_tool(add)
///     .with_tool(take)
///     .with_state(Stock(7))
///     .build()?;
/// assert_eq!(add().definition().description.as_deref(), Some("Adds two numbers."));
/// # Ok::<(), palisade::server::RegistrationError>(())
/// ```
///
/// Arguments under a schema that is JSON:
///
/// ```
/// use palisade::{HandlerError, RawArguments, tool};
/// use serde_json::{Value, json};
///
/// #[tool(schema = json!({ "type": "object", "minProperties": 1 }))]
/// fn count(arguments: RawArguments) -> Result<u64, HandlerError> {
///     let arguments: serde_json::Map<String, Value> = arguments.decode()?;
///     Ok(arguments.len() as u64)
/// }
/// # count();
/// ```
///
/// # Specification
///
/// MCP 2026-07-28, Tools.
#[proc_macro_attribute]
pub fn tool(attribute: TokenStream, item: TokenStream) -> TokenStream {
    errors::finish(tool::expand(attribute.into(), item.into()))
}

/// Makes a prompt of a function.
///
/// The doc comment, up to its first heading, describes the prompt, and that of a parameter the argument.
/// Arguments are text on the wire; a parameter of another type is parsed by its `FromStr`, and what does
/// not parse is refused with `-32602`. An `Option` need not be given. What the function returns becomes
/// the messages: text (one message of the user), `Vec<PromptMessage>`, `GetPromptResult`, or a `Result`
/// of these.
///
/// Parameters of the types `Context`, `Principal` and `State<T>` are no arguments, as with
/// [`macro@tool`]; `PromptArguments` takes all arguments as they came, declared or not.
///
/// Options: `name = "…"`, `title = "…"` and `description = "…"`.
///
/// In place of a function `greet` there is then a function `greet()` that makes the route, and
/// `greet::call`, the function itself.
///
/// # Examples
///
/// ```
/// use palisade::{Server, prompt};
///
/// /// Asks for a review.
/// #[prompt(title = "Review")]
/// fn review(
///     /// What to review.
///     code: String,
///     /// The longest answer, in words.
///     words: Option<u32>,
/// ) -> String {
///     format!("Review this in {} words:\n\n{code}", words.unwrap_or(100))
/// }
///
/// let server = Server::new("reviewer", "1.0.0")
///     .with_prompt(review().with_completion(async |_, _| vec!["50".into(), "100".into()]))
///     .build()?;
/// # Ok::<(), palisade::server::RegistrationError>(())
/// ```
///
/// # Specification
///
/// MCP 2026-07-28, Prompts.
#[proc_macro_attribute]
pub fn prompt(attribute: TokenStream, item: TokenStream) -> TokenStream {
    errors::finish(prompt::expand(attribute.into(), item.into()))
}

/// Makes a resource of a function, or a family of resources if the URI has variables.
///
/// The doc comment, up to its first heading, describes the resource. Each variable of the URI has a
/// parameter of its name, parsed by its `FromStr`; a URI whose value does not parse names no resource
/// (`-32602`). What the function returns becomes the contents: text, bytes, `Vec<ResourceContents>`,
/// `ReadResourceResult`, or a `Result` of these.
///
/// A variable comes from the client. It stays as it stands in the URI, percent encoding included, and
/// holds no `/` unless the template says `{+path}`; a value that becomes part of a path is still to be
/// checked for `..`.
///
/// Parameters of the types `Context`, `Principal` and `State<T>` are no variables, as with
/// [`macro@tool`]; `TemplateVariables` takes all variables at once.
///
/// Options, after the URI: `name = "…"`, `title = "…"`, `description = "…"` and `mime_type = "…"`.
///
/// In place of a function `readme` there is then a function `readme()` that makes the route, and
/// `readme::call`, the function itself.
///
/// # Examples
///
/// ```
/// use palisade::{HandlerError, Server, resource};
///
/// /// How to begin.
/// #[resource("docs://readme", title = "Read me", mime_type = "text/markdown")]
/// fn readme() -> &'static str {
///     "# Begin"
/// }
///
/// /// One page of the manual.
/// #[resource("docs://manual/{page}", mime_type = "text/plain")]
/// async fn manual(page: u16) -> Result<String, HandlerError> {
///     Ok(format!("page {page}"))
/// }
///
/// let server =
///     Server::new("docs", "1.0.0").with_resource(readme).with_resource(manual).build()?;
/// # Ok::<(), palisade::server::RegistrationError>(())
/// ```
///
/// # Specification
///
/// MCP 2026-07-28, Resources.
#[proc_macro_attribute]
pub fn resource(attribute: TokenStream, item: TokenStream) -> TokenStream {
    errors::finish(resource::expand(attribute.into(), item.into()))
}
