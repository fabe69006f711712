//! Authorization: a [`Policy`] decides over principal, method, target and arguments, and only
//! [`authorize`] can turn its consent into an [`Authorized`] request.

mod argument;
mod explain;
mod path;
mod raw;
mod rule;
mod rules;
mod simple;
mod uri;

use std::{
    fmt::{self, Debug},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

pub(crate) use self::simple::DryRun;
pub use self::{
    argument::{ArgumentRule, ArgumentRuleError, Bound, Scalar},
    explain::{Explanation, Note},
    path::{AllowedDir, PathError, PathStyle},
    raw::{RawArgumentRule, RawPolicy, RawRole, RawRule, RawUriRule},
    rule::{Effect, Role, Rule},
    rules::RulePolicy,
    simple::AllowAuthenticated,
    uri::{UriError, UriRule, UriRuleError, check_uri},
};
use crate::{config::Finding, principal::Principal};

/// Decides what a principal may do. Object-safe, synchronous and pure: the same request gets the same
/// decision, whether it is being listed or called.
pub trait Policy: Debug + Send + Sync {
    /// Decides over one request. Must deny what it has no rule for.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] if no decision could be reached. [`authorize`] denies then.
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError>;

    /// Decides, and says why, for the operator. Default: the decision alone.
    ///
    /// # Errors
    ///
    /// As [`Self::decide`].
    fn explain(&self, request: &AccessRequest<'_>) -> Result<Explanation, PolicyError> {
        self.decide(request).map(Explanation::of)
    }

    /// What is wrong with the way this policy is set up; paths are relative to it. Building a configuration
    /// with it reports them. Default: nothing.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// Shared policies are policies.
impl<T: Policy + ?Sized> Policy for Arc<T> {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        (**self).decide(request)
    }

    fn explain(&self, request: &AccessRequest<'_>) -> Result<Explanation, PolicyError> {
        (**self).explain(request)
    }

    fn findings(&self) -> Vec<Finding> {
        (**self).findings()
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
    /// The arguments of a call, as sent: JSON text of an object; none if none were.
    pub arguments: Option<&'a str>,
    /// Whether the target is to be used or shown.
    pub purpose: Purpose,
}

/// What a policy is asked for. The method is that of the use in both cases, so that what is listed and what
/// can be called never differ.
#[allow(clippy::exhaustive_enums, reason = "a policy must tell these two apart, and no others")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// May the principal do this, with these arguments?
    Use,
    /// May the principal see this, because it might use it with some arguments?
    List,
}

impl<'a> AccessRequest<'a> {
    /// A request to use a method without target and arguments.
    #[must_use]
    pub const fn new(principal: &'a Principal, method: &'a str) -> Self {
        Self { principal, method, target: Target::None, arguments: None, purpose: Purpose::Use }
    }

    /// Sets the target.
    #[must_use]
    pub const fn with_target(mut self, target: Target<'a>) -> Self {
        self.target = target;
        self
    }

    /// Sets the arguments.
    #[must_use]
    pub const fn with_arguments(mut self, arguments: Option<&'a str>) -> Self {
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
    /// The request may proceed because the policy is on trial, and would be refused if it were not. Logs and
    /// audit records say so.
    WouldDeny(DenyReason),
}

/// Why a policy refuses. Safe to send and to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// An argument of a tool is not allowed: absent, of another type, or of another value.
    #[error("argument is not authorized")]
    ArgumentNotAuthorized,
    /// A path in the arguments of a tool is not allowed.
    #[error("path is not authorized")]
    PathNotAuthorized,
    /// The path of a resource URI is not allowed.
    #[error("resource path is not authorized")]
    UnauthorizedPath,
    /// The scheme of a resource URI is not allowed.
    #[error("uri scheme is not allowed")]
    InvalidUriScheme,
    /// The URI is malformed, or two readers may read it differently. Nobody may use it.
    #[error("uri is malformed")]
    InvalidUri,
    /// A path in the arguments of a tool is malformed, or two readers may read it differently.
    #[error("path is malformed")]
    InvalidPath,
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
            Self::ArgumentNotAuthorized => "argument_not_authorized",
            Self::PathNotAuthorized => "path_not_authorized",
            Self::UnauthorizedPath => "unauthorized_path",
            Self::InvalidUriScheme => "invalid_uri_scheme",
            Self::InvalidUri => "invalid_uri",
            Self::InvalidPath => "invalid_path",
            Self::PolicyFailed => "policy_error",
            Self::Custom { code } => code,
        }
    }
}

impl From<UriError> for DenyReason {
    fn from(error: UriError) -> Self {
        match error {
            UriError::Malformed => Self::InvalidUri,
            UriError::Scheme => Self::InvalidUriScheme,
            UriError::Outside => Self::UnauthorizedPath,
        }
    }
}

impl From<PathError> for DenyReason {
    fn from(error: PathError) -> Self {
        match error {
            PathError::Malformed => Self::InvalidPath,
            PathError::Outside => Self::PathNotAuthorized,
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
pub struct Authorized<'a> {
    request: AccessRequest<'a>,
    would_deny: Option<DenyReason>,
}

impl<'a> Authorized<'a> {
    /// The request that was allowed.
    pub const fn request(&self) -> &AccessRequest<'a> {
        &self.request
    }

    /// Why a policy on trial would have refused the request.
    #[must_use]
    pub const fn would_deny(&self) -> Option<DenyReason> {
        self.would_deny
    }
}

impl Debug for Authorized<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorized")
            .field("principal", &self.request.principal.subject())
            .field("method", &self.request.method)
            .field("target", &self.request.target)
            .field("would_deny", &self.would_deny)
            .finish_non_exhaustive()
    }
}

/// Asks a policy whether a request may be served. Allocates nothing itself.
///
/// # Errors
///
/// The reason of a denial; [`DenyReason::InvalidUri`] if the target is a malformed URI, whatever the policy
/// says; [`DenyReason::PolicyFailed`] if the policy could not decide or panicked, which is logged.
pub fn authorize<'a>(
    policy: &dyn Policy,
    mut request: AccessRequest<'a>,
) -> Result<Authorized<'a>, DenyReason> {
    // A consent to show something is none to use it, so the question is always about the use.
    request.purpose = Purpose::Use;
    let would_deny = match ask(policy, &request) {
        Decision::Allow => None,
        Decision::Deny(reason) => return Err(reason),
        Decision::WouldDeny(reason) => {
            tracing::warn!(
                code = reason.code(),
                method = %crate::audit::Escaped::new(request.method),
                "the policy on trial would deny this request"
            );
            Some(reason)
        }
    };
    Ok(Authorized { request, would_deny })
}

/// Asks a policy whether to list the target of a request, by the decision over its use: what is not listed
/// cannot be used. Yields no [`Authorized`], so it leads to no handler.
#[must_use]
pub fn is_listed(policy: &dyn Policy, mut request: AccessRequest<'_>) -> bool {
    request.purpose = Purpose::List;
    match ask(policy, &request) {
        Decision::Allow | Decision::WouldDeny(_) => true,
        Decision::Deny(_) => false,
    }
}

/// Says how [`authorize`] or [`is_listed`] would decide, and why, for the operator.
#[must_use]
pub fn explain(policy: &dyn Policy, request: &AccessRequest<'_>) -> Explanation {
    if let Err(reason) = check_target(request) {
        return Explanation::denied(reason, Note::Malformed);
    }
    guarded(|| policy.explain(request))
        .unwrap_or_else(|reason| Explanation::denied(reason, Note::PolicyFailed))
}

/// The one place where a policy is asked. A policy that fails or panics denies.
fn ask(policy: &dyn Policy, request: &AccessRequest<'_>) -> Decision {
    check_target(request)
        .and_then(|()| guarded(|| policy.decide(request)))
        .unwrap_or_else(Decision::Deny)
}

/// No policy is asked about a URI that it could read differently than the handler.
fn check_target(request: &AccessRequest<'_>) -> Result<(), DenyReason> {
    match request.target {
        Target::Resource(uri) => check_uri(uri).map_err(DenyReason::from),
        Target::None | Target::Tool(_) | Target::Prompt(_) | Target::ResourceTemplate(_) => Ok(()),
    }
}

fn guarded<T>(question: impl FnOnce() -> Result<T, PolicyError>) -> Result<T, DenyReason> {
    // What a panic may have left half done belongs to the policy, whose decisions are pure.
    match catch_unwind(AssertUnwindSafe(question)) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => {
            tracing::error!(
                code = error.code(),
                detail = %crate::audit::Escaped::new(&error.detail),
                "policy could not decide: denied"
            );
            Err(DenyReason::PolicyFailed)
        }
        // Without the message: it may hold anything.
        Err(_) => {
            tracing::error!(code = DenyReason::PolicyFailed.code(), "policy panicked: denied");
            Err(DenyReason::PolicyFailed)
        }
    }
}
