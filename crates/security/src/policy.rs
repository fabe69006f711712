//! Authorization: a [`Policy`] decides over principal, method, target and arguments, and only
//! [`authorize`] can turn its consent into an [`Authorized`] request.

mod rules;

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use serde_json::value::RawValue;

pub use rules::{AllowAuthenticated, Grants, RulePolicy};

use crate::principal::Principal;

/// Decides what a principal may do. Object-safe, synchronous and pure: the same request gets the same
/// decision, whether it is being listed or called.
pub trait Policy: Debug + Send + Sync {
    /// Decides over one request. Must deny what it has no rule for.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if no decision could be reached. [`authorize`] denies then.
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError>;
}

/// Shared policies are policies.
impl<T: Policy + ?Sized> Policy for Arc<T> {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        (**self).decide(request)
    }
}

/// What a policy is asked.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AccessRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The method, such as `tools/call`.
    pub method: &'a str,
    /// What the method is applied to.
    pub target: Target<'a>,
    /// The arguments of a call, as sent. None when the question is whether to list the target: the same
    /// method as for the call is used, so that what is listed and what can be called never differ.
    pub arguments: Option<&'a RawValue>,
}

impl<'a> AccessRequest<'a> {
    /// A request for a method without target and arguments.
    #[must_use]
    pub const fn new(principal: &'a Principal, method: &'a str) -> Self {
        Self { principal, method, target: Target::None, arguments: None }
    }

    /// Sets the target.
    #[must_use]
    pub const fn with_target(mut self, target: Target<'a>) -> Self {
        self.target = target;
        self
    }

    /// Sets the arguments.
    #[must_use]
    pub const fn with_arguments(mut self, arguments: Option<&'a RawValue>) -> Self {
        self.arguments = arguments;
        self
    }
}

/// What a method is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target<'a> {
    /// Nothing in particular.
    None,
    /// A tool, by name.
    Tool(&'a str),
    /// A prompt, by name.
    Prompt(&'a str),
    /// A resource, by URI.
    Resource(&'a str),
    /// A resource template, by URI template.
    ResourceTemplate(&'a str),
}

impl<'a> Target<'a> {
    /// What kind of thing it is: `tool`, `prompt`, `resource`, `resource_template`.
    #[must_use]
    pub const fn kind(&self) -> Option<&'static str> {
        match *self {
            Self::None => None,
            Self::Tool(_) => Some("tool"),
            Self::Prompt(_) => Some("prompt"),
            Self::Resource(_) => Some("resource"),
            Self::ResourceTemplate(_) => Some("resource_template"),
        }
    }

    /// The name or URI.
    #[must_use]
    pub const fn name(&self) -> Option<&'a str> {
        match *self {
            Self::None => None,
            Self::Tool(name)
            | Self::Prompt(name)
            | Self::Resource(name)
            | Self::ResourceTemplate(name) => Some(name),
        }
    }
}

/// What a policy says. Exhaustive: a caller must handle every outcome.
#[allow(clippy::exhaustive_enums, reason = "a new outcome must not compile unhandled")]
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// The request may proceed.
    Allow,
    /// The request is refused.
    Deny(DenyReason),
}

/// Why a policy refuses. Safe to send and to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DenyReason {
    /// No rule allows the method.
    #[error("method is not authorized")]
    MethodNotAuthorized,
    /// No rule allows the tool.
    #[error("tool is not authorized")]
    ToolNotAuthorized,
    /// No rule allows the prompt.
    #[error("prompt is not authorized")]
    PromptNotAuthorized,
    /// No rule allows the resource.
    #[error("resource is not authorized")]
    ResourceNotAuthorized,
    /// A path in the arguments of a tool is not allowed.
    #[error("path is not authorized")]
    PathNotAuthorized,
    /// The path of a resource URI is not allowed.
    #[error("resource path is not authorized")]
    UnauthorizedPath,
    /// The scheme of a resource URI is not allowed.
    #[error("uri scheme is not allowed")]
    InvalidUriScheme,
    /// The policy failed to decide.
    #[error("authorization failed")]
    PolicyFailed,
    /// A reason of a policy from elsewhere.
    #[error("not authorized")]
    Custom {
        /// The stable name of the reason.
        code: &'static str,
    },
}

impl DenyReason {
    /// The stable name of this reason.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MethodNotAuthorized => "method_not_authorized",
            Self::ToolNotAuthorized => "tool_not_authorized",
            Self::PromptNotAuthorized => "prompt_not_authorized",
            Self::ResourceNotAuthorized => "resource_not_authorized",
            Self::PathNotAuthorized => "path_not_authorized",
            Self::UnauthorizedPath => "unauthorized_path",
            Self::InvalidUriScheme => "invalid_uri_scheme",
            Self::PolicyFailed => "policy_error",
            Self::Custom { code } => code,
        }
    }
}

/// A policy could not decide. The text is for the operator's log, never for the peer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy failed: {detail}")]
pub struct PolicyError {
    detail: Box<str>,
}

impl PolicyError {
    /// An error with a text for the operator. Leave secrets out.
    #[must_use]
    pub fn new(detail: impl Into<Box<str>>) -> Self {
        Self { detail: detail.into() }
    }

    /// The stable name of this error.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        "policy_error"
    }
}

/// A request that a policy allowed. Only [`authorize`] makes one, so a function that takes it cannot be
/// reached past the policy.
#[derive(Clone, Copy)]
#[must_use]
pub struct Authorized<'a>(AccessRequest<'a>);

impl<'a> Authorized<'a> {
    /// The request that was allowed.
    pub const fn request(&self) -> &AccessRequest<'a> {
        &self.0
    }
}

impl Debug for Authorized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("principal", &self.0.principal.subject())
            .field("method", &self.0.method)
            .field("target", &self.0.target)
            .finish_non_exhaustive()
    }
}

/// Asks a policy. Allocates nothing itself.
///
/// # Errors
///
/// The reason of a denial; [`DenyReason::PolicyFailed`] if the policy could not decide, whose cause is
/// logged.
pub fn authorize<'a>(
    policy: &dyn Policy,
    request: AccessRequest<'a>,
) -> Result<Authorized<'a>, DenyReason> {
    match policy.decide(&request) {
        Ok(Decision::Allow) => Ok(Authorized(request)),
        Ok(Decision::Deny(reason)) => Err(reason),
        Err(error) => {
            tracing::error!(
                code = error.code(),
                detail = %crate::audit::Escaped::new(&error.detail),
                "policy could not decide: denied"
            );
            Err(DenyReason::PolicyFailed)
        }
    }
}
