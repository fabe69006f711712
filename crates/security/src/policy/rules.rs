//! [`RulePolicy`]: rules, indexed by what they are about.

mod index;

use std::sync::Arc;

use index::{Index, ResourceIndex};
use palisade_protocol::method;

pub(super) use index::Entry;

use super::{
    AccessRequest, Decision, DenyReason, Explanation, Policy, PolicyError, Target,
    explain::{Note, Trace},
    rule::{Effect, Rule},
};
use crate::config::{Finding, Severity};

/// Allows what its rules allow, and denies the rest: no rule, no access.
///
/// - Rules that deny or require win over rules that allow, in whatever order.
/// - A rule that allows a tool under conditions on its arguments stands beside other rules: whoever may
///   call the tool by any of them may call it. To put a condition on every call, use [`Rule::require`].
/// - What is listed is what may be called with some arguments; the same rules decide.
/// - A decision about a tool looks at the rules that name it, and at those that name all tools. It reads
///   the arguments only if one of these rules is about arguments, and then takes what it needs from them.
///
/// ```
/// use palisade_security::{ArgumentRule, Role, Rule, RulePolicy, Scope};
///
/// let writer = Role::new("writer").with_scopes([Scope::parse("files:write")?]);
/// let policy = RulePolicy::new()
///     .allow_methods(["server/discover", "tools/list"])
///     .allow_tool("add")
///     .with_rule(
///         Rule::allow()
///             .with_name("writers")
///             .with_roles([writer])
///             .with_tools(["file_write"])
///             .with_arguments([ArgumentRule::below("/path", "/srv/data")?]),
///     );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct RulePolicy {
    methods: Index,
    /// Of these, those that deny: few or none, and asked about every request.
    denied_methods: Index,
    tools: Index,
    prompts: Index,
    resources: ResourceIndex,
    rules: usize,
    findings: Vec<Finding>,
}

impl RulePolicy {
    /// A policy that denies everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule. What is wrong with it is reported when a configuration is built with the policy.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        let place = format!("rules[{}]", self.rules);
        self.rules += 1;
        self.findings.extend(rule.findings().into_iter().map(|finding| finding.within(&place)));
        let entry = Arc::new(Entry::of(&rule, place.into()));
        self.methods.insert(&rule.methods, &entry);
        if entry.effect == Effect::Deny {
            self.denied_methods.insert(&rule.methods, &entry);
        }
        self.tools.insert(&rule.tools, &entry);
        self.prompts.insert(&rule.prompts, &entry);
        self.resources.insert(&rule, &entry);
        self
    }

    pub(super) fn with_findings(mut self, findings: Vec<Finding>) -> Self {
        self.findings.extend(findings);
        self
    }

    /// Allows a method to every principal that reaches the policy: see [`Rule::with_methods`].
    #[must_use]
    pub fn allow_method(self, method: &str) -> Self {
        self.allow_methods([method])
    }

    /// Allows several methods.
    #[must_use]
    pub fn allow_methods<'a>(self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.with_rule(Rule::allow().with_methods(methods))
    }

    /// Allows to see and call one tool: see [`Rule::with_tools`].
    #[must_use]
    pub fn allow_tool(self, name: &str) -> Self {
        self.with_rule(Rule::allow().with_tools([name]))
    }

    /// Allows to see and call every tool.
    #[must_use]
    pub fn allow_all_tools(self) -> Self {
        self.allow_tool("*")
    }

    /// Allows to see, get and complete one prompt: see [`Rule::with_prompts`].
    #[must_use]
    pub fn allow_prompt(self, name: &str) -> Self {
        self.with_rule(Rule::allow().with_prompts([name]))
    }

    /// Allows to see, get and complete every prompt.
    #[must_use]
    pub fn allow_all_prompts(self) -> Self {
        self.allow_prompt("*")
    }

    /// Allows to see, read and watch one resource or template: see [`Rule::with_resources`].
    #[must_use]
    pub fn allow_resource(self, uri: &str) -> Self {
        self.with_rule(Rule::allow().with_resources([uri]))
    }

    /// Allows to see, read and watch every resource and template.
    #[must_use]
    pub fn allow_all_resources(self) -> Self {
        self.allow_resource("*")
    }

    /// Decides, and notes why.
    fn evaluate(&self, request: &AccessRequest<'_>, trace: &mut Trace) -> Decision {
        let kind = Kind::of(request);
        // Rules that deny a method deny it whatever it is applied to.
        let mut denials = self.denied_methods.about(request.method);
        if let Some(entry) = denials.find(|entry| entry.is_for(request.principal)) {
            return trace.denied_by(entry, kind.default_reason());
        }
        match kind {
            Kind::Method => judge(self.methods.about(request.method), request, kind, trace),
            Kind::Tool(name) => judge(self.tools.about(name), request, kind, trace),
            Kind::Prompt(name) => judge(self.prompts.about(name), request, kind, trace),
            Kind::Resource(uri) => self.resources.judge(uri, request, trace),
            Kind::Template(text) => self.resources.judge_template(text, request, trace),
            Kind::Unknown(reason) => {
                trace.note(|| Note::NoRule);
                Decision::Deny(reason)
            }
        }
    }
}

impl Policy for RulePolicy {
    fn decide(&self, request: &AccessRequest<'_>) -> Result<Decision, PolicyError> {
        Ok(self.evaluate(request, &mut Trace::off()))
    }

    fn explain(&self, request: &AccessRequest<'_>) -> Result<Explanation, PolicyError> {
        let mut trace = Trace::on();
        let decision = self.evaluate(request, &mut trace);
        Ok(trace.into_explanation(decision))
    }

    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        if self.rules == 0 {
            let message = "there are no rules: everything is denied";
            findings.push(
                Finding::new("rules", Severity::Warning, "denies_everything", message)
                    .with_fix("add rules for what may be done"),
            );
        }
        findings.extend(self.tools.loopholes());
        findings
    }
}

/// What a request is judged as. A target is judged together with the method that is applied to it, so that
/// permission to call a tool is not permission for whatever else might name it one day.
#[derive(Clone, Copy)]
enum Kind<'a> {
    Method,
    Tool(&'a str),
    Prompt(&'a str),
    Resource(&'a str),
    Template(&'a str),
    /// No rule can be about it.
    Unknown(DenyReason),
}

impl<'a> Kind<'a> {
    fn of(request: &AccessRequest<'a>) -> Self {
        match (request.method, request.target) {
            (method::TOOLS_CALL, Target::Tool(name)) => Self::Tool(name),
            (method::PROMPTS_GET | method::COMPLETION_COMPLETE, Target::Prompt(name)) => {
                Self::Prompt(name)
            }
            (
                method::RESOURCES_READ
                | method::SUBSCRIPTIONS_LISTEN
                | method::COMPLETION_COMPLETE
                | RESOURCES_SUBSCRIBE
                | RESOURCES_UNSUBSCRIBE,
                Target::Resource(uri),
            ) => Self::Resource(uri),
            (
                method::RESOURCES_READ | method::COMPLETION_COMPLETE,
                Target::ResourceTemplate(text),
            ) => Self::Template(text),
            (
                method::TOOLS_CALL
                | method::PROMPTS_GET
                | method::RESOURCES_READ
                | method::COMPLETION_COMPLETE
                | RESOURCES_SUBSCRIBE
                | RESOURCES_UNSUBSCRIBE,
                Target::None,
            ) => Self::Unknown(DenyReason::MethodNotAuthorized),
            (_, Target::None) => Self::Method,
            (_, Target::Tool(_)) => Self::Unknown(DenyReason::ToolNotAuthorized),
            (_, Target::Prompt(_)) => Self::Unknown(DenyReason::PromptNotAuthorized),
            (_, Target::Resource(_) | Target::ResourceTemplate(_)) => {
                Self::Unknown(DenyReason::ResourceNotAuthorized)
            }
        }
    }

    const fn default_reason(self) -> DenyReason {
        match self {
            Self::Method => DenyReason::MethodNotAuthorized,
            Self::Tool(_) => DenyReason::ToolNotAuthorized,
            Self::Prompt(_) => DenyReason::PromptNotAuthorized,
            Self::Resource(_) | Self::Template(_) => DenyReason::ResourceNotAuthorized,
            Self::Unknown(reason) => reason,
        }
    }
}

/// Methods of older revisions.
const RESOURCES_SUBSCRIBE: &str = "resources/subscribe";
const RESOURCES_UNSUBSCRIBE: &str = "resources/unsubscribe";

/// Weighs all rules about one name. Those that deny or require win.
fn judge<'i>(
    entries: impl Iterator<Item = &'i Entry>,
    request: &AccessRequest<'_>,
    kind: Kind<'_>,
    trace: &mut Trace,
) -> Decision {
    let (mut allowed, mut refused, mut required) = (None, None, None);
    for entry in entries {
        if !entry.is_for(request.principal) {
            trace.note_role(entry);
            continue;
        }
        match entry.effect {
            Effect::Deny => return trace.denied_by(entry, kind.default_reason()),
            Effect::Require => {
                if let Err(reason) = entry.check_arguments(request, trace) {
                    required = required.or(Some((entry, reason)));
                }
            }
            Effect::Allow if allowed.is_some() => {}
            Effect::Allow => match entry.check_arguments(request, trace) {
                Ok(()) => allowed = Some(entry),
                Err(reason) => refused = refused.or(Some(reason)),
            },
        }
    }
    match (required, allowed, refused) {
        // Whoever may not use it at all learns nothing of what it would require.
        (_, None, None) => {
            trace.note(|| Note::NoRule);
            Decision::Deny(kind.default_reason())
        }
        (Some((entry, reason)), ..) => trace.denied_by(entry, reason),
        (None, Some(entry), _) => trace.allowed_by(entry),
        (None, None, Some(reason)) => Decision::Deny(reason),
    }
}
