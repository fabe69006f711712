//! The built-in policies.

use std::collections::HashSet;

use super::{AccessRequest, Decision, DenyReason, Policy, PolicyError, Target};
use crate::principal::Scope;

/// Allows everything to everyone who authenticated. The default; on a server without authentication it
/// allows the anonymous principal too.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct AllowAuthenticated {
    anonymous: bool,
}

impl AllowAuthenticated {
    /// Allows everything to principals that are not anonymous.
    #[must_use]
    pub const fn new() -> Self {
        Self { anonymous: false }
    }

    /// What a server without authentication uses: the decision to let everyone in was made there.
    pub(crate) const fn including_anonymous() -> Self {
        Self { anonymous: true }
    }
}

impl Policy for AllowAuthenticated {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        if request.principal.is_anonymous() && !self.anonymous {
            return Ok(Decision::Deny(DenyReason::MethodNotAuthorized));
        }
        Ok(Decision::Allow)
    }
}

/// Allows what its rules name and denies the rest. Rules hold for every principal that reaches the policy,
/// or for those who were granted a scope.
///
/// ```
/// use palisade_security::{Grants, RulePolicy, Scope};
///
/// let policy = RulePolicy::new()
///     .allow_methods(["server/discover", "tools/list"])
///     .allow_tool("add")
///     .allow_for_scope(Scope::parse("files:write")?, Grants::new().allow_tool("file_write"));
/// # Ok::<(), palisade_security::ScopeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RulePolicy {
    everyone: Grants,
    scoped: Vec<(Scope, Grants)>,
}

impl RulePolicy {
    /// A policy that denies everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds grants for every principal.
    #[must_use]
    pub fn allow(mut self, grants: Grants) -> Self {
        self.everyone.extend(grants);
        self
    }

    /// Adds grants for principals with a scope.
    #[must_use]
    pub fn allow_for_scope(mut self, scope: Scope, grants: Grants) -> Self {
        self.scoped.push((scope, grants));
        self
    }

    /// See [`Grants::allow_method`].
    #[must_use]
    pub fn allow_method(self, method: &str) -> Self {
        self.allow(Grants::new().allow_method(method))
    }

    /// See [`Grants::allow_methods`].
    #[must_use]
    pub fn allow_methods<'a>(self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.allow(Grants::new().allow_methods(methods))
    }

    /// See [`Grants::allow_tool`].
    #[must_use]
    pub fn allow_tool(self, name: &str) -> Self {
        self.allow(Grants::new().allow_tool(name))
    }

    /// See [`Grants::allow_all_tools`].
    #[must_use]
    pub fn allow_all_tools(self) -> Self {
        self.allow(Grants::new().allow_all_tools())
    }

    /// See [`Grants::allow_prompt`].
    #[must_use]
    pub fn allow_prompt(self, name: &str) -> Self {
        self.allow(Grants::new().allow_prompt(name))
    }

    /// See [`Grants::allow_all_prompts`].
    #[must_use]
    pub fn allow_all_prompts(self) -> Self {
        self.allow(Grants::new().allow_all_prompts())
    }

    /// See [`Grants::allow_resource`].
    #[must_use]
    pub fn allow_resource(self, uri: &str) -> Self {
        self.allow(Grants::new().allow_resource(uri))
    }

    /// See [`Grants::allow_all_resources`].
    #[must_use]
    pub fn allow_all_resources(self) -> Self {
        self.allow(Grants::new().allow_all_resources())
    }
}

impl Policy for RulePolicy {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        let scoped =
            self.scoped.iter().filter(|(scope, _)| request.principal.has_scope(scope.as_str()));
        let mut grants = std::iter::once(&self.everyone).chain(scoped.map(|(_, grants)| grants));
        if grants.any(|grants| grants.permit(request)) {
            return Ok(Decision::Allow);
        }
        Ok(Decision::Deny(match request.target {
            Target::None => DenyReason::MethodNotAuthorized,
            Target::Tool(_) => DenyReason::ToolNotAuthorized,
            Target::Prompt(_) => DenyReason::PromptNotAuthorized,
            Target::Resource(_) | Target::ResourceTemplate(_) => DenyReason::ResourceNotAuthorized,
        }))
    }
}

/// What a rule of a [`RulePolicy`] allows. Names are compared exactly.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    methods: HashSet<Box<str>>,
    tools: Names,
    prompts: Names,
    resources: Names,
}

impl Grants {
    /// Grants nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows a method where it is applied to nothing in particular, such as `tools/list`. `tools/call` and
    /// the like need a rule for what they are applied to: [`Self::allow_tool`].
    #[must_use]
    pub fn allow_method(self, method: &str) -> Self {
        self.allow_methods([method])
    }

    /// Allows several methods: see [`Self::allow_method`].
    #[must_use]
    pub fn allow_methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods.extend(methods.into_iter().map(Box::from));
        self
    }

    /// Allows to see and call one tool.
    #[must_use]
    pub fn allow_tool(mut self, name: &str) -> Self {
        self.tools.exact.insert(name.into());
        self
    }

    /// Allows to see and call every tool.
    #[must_use]
    pub fn allow_all_tools(mut self) -> Self {
        self.tools.all = true;
        self
    }

    /// Allows to see, get and complete one prompt.
    #[must_use]
    pub fn allow_prompt(mut self, name: &str) -> Self {
        self.prompts.exact.insert(name.into());
        self
    }

    /// Allows to see, get and complete every prompt.
    #[must_use]
    pub fn allow_all_prompts(mut self) -> Self {
        self.prompts.all = true;
        self
    }

    /// Allows to see, read and watch one resource, by exact URI, or one template, by its text. A template
    /// does not allow the resources it makes.
    #[must_use]
    pub fn allow_resource(mut self, uri: &str) -> Self {
        self.resources.exact.insert(uri.into());
        self
    }

    /// Allows to see, read and watch every resource and template.
    #[must_use]
    pub fn allow_all_resources(mut self) -> Self {
        self.resources.all = true;
        self
    }

    fn extend(&mut self, other: Self) {
        self.methods.extend(other.methods);
        self.tools.extend(other.tools);
        self.prompts.extend(other.prompts);
        self.resources.extend(other.resources);
    }

    /// A target is judged together with the method that is applied to it, so that permission to call a tool
    /// is not permission for whatever else might name it one day.
    fn permit(&self, request: &AccessRequest<'_>) -> bool {
        match (request.method, request.target) {
            ("tools/call", Target::Tool(name)) => self.tools.contain(name),
            ("prompts/get" | "completion/complete", Target::Prompt(name)) => {
                self.prompts.contain(name)
            }
            (
                "resources/read"
                | "resources/subscribe"
                | "resources/unsubscribe"
                | "subscriptions/listen"
                | "completion/complete",
                Target::Resource(uri) | Target::ResourceTemplate(uri),
            ) => self.resources.contain(uri),
            (
                "tools/call"
                | "prompts/get"
                | "resources/read"
                | "resources/subscribe"
                | "resources/unsubscribe"
                | "completion/complete",
                _,
            ) => false,
            (method, Target::None) => self.methods.contains(method),
            (_, _) => false,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Names {
    all: bool,
    exact: HashSet<Box<str>>,
}

impl Names {
    fn contain(&self, name: &str) -> bool {
        self.all || self.exact.contains(name)
    }

    fn extend(&mut self, other: Self) {
        self.all |= other.all;
        self.exact.extend(other.exact);
    }
}
