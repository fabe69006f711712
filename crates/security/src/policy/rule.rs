//! What a rule says, and for whom.

use palisade_protocol::method;

use super::{argument::ArgumentRule, uri::UriRule};
use crate::{
    config::{Finding, Severity},
    principal::{Principal, Scope},
};

/// The name that stands for all names.
pub(super) const ANY: &str = "*";

/// Methods that are applied to a target, whose rules name the target instead.
const TARGETED: [&str; 4] =
    [method::TOOLS_CALL, method::PROMPTS_GET, method::RESOURCES_READ, method::COMPLETION_COMPLETE];

/// Who a rule is for: principals that have all that is asked for. What is not asked for does not matter;
/// a role that asks for nothing is nobody's, and nobody who did not authenticate has one.
///
/// To let in several kinds of principals, give a rule several roles: one of them is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Role {
    name: Box<str>,
    subjects: Vec<Box<str>>,
    schemes: Vec<Box<str>>,
    scopes: Vec<Scope>,
}

impl Role {
    /// A role that asks for nothing yet. Its name is for [`Explanation`](super::Explanation)s.
    #[must_use]
    pub fn new(name: impl Into<Box<str>>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Asks for one of these subjects.
    #[must_use]
    pub fn with_subjects<'a>(mut self, subjects: impl IntoIterator<Item = &'a str>) -> Self {
        self.subjects.extend(subjects.into_iter().map(Box::from));
        self
    }

    /// Asks for one of these ways to authenticate, such as `bearer`. The subject `alice` of one way may be
    /// somebody else than that of another.
    #[must_use]
    pub fn with_schemes<'a>(mut self, schemes: impl IntoIterator<Item = &'a str>) -> Self {
        self.schemes.extend(schemes.into_iter().map(Box::from));
        self
    }

    /// Asks for all of these scopes.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes.extend(scopes);
        self
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a principal has this role.
    #[must_use]
    pub fn is_held_by(&self, principal: &Principal) -> bool {
        let among = |allowed: &[Box<str>], name: &str| {
            allowed.is_empty() || allowed.iter().any(|allowed| **allowed == *name)
        };
        !principal.is_anonymous()
            && !self.is_empty()
            && among(&self.subjects, principal.subject())
            && among(&self.schemes, principal.scheme())
            && self.scopes.iter().all(|scope| principal.has_scope(scope.as_str()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subjects.is_empty() && self.schemes.is_empty() && self.scopes.is_empty()
    }
}

/// What a rule does for the principals it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// Allows what the rule names, as far as the arguments are as it says.
    Allow,
    /// Denies what the rule names, whatever other rules allow.
    Deny,
    /// Denies calls of the tools that the rule names, whatever other rules allow, unless the arguments are
    /// as it says. Allows nothing by itself.
    Require,
}

/// One rule of a [`RulePolicy`](super::RulePolicy): an effect, for whom, on what.
///
/// Names are compared exactly; `*` stands for all of a kind.
#[derive(Clone, Debug)]
#[must_use]
pub struct Rule {
    pub(super) name: Option<Box<str>>,
    pub(super) effect: Effect,
    /// None: for every principal that reaches the policy.
    pub(super) roles: Option<Vec<Role>>,
    pub(super) methods: Vec<Box<str>>,
    pub(super) tools: Vec<Box<str>>,
    pub(super) prompts: Vec<Box<str>>,
    pub(super) resources: Vec<Box<str>>,
    pub(super) uris: Vec<UriRule>,
    pub(super) arguments: Vec<ArgumentRule>,
}

impl Rule {
    /// A rule that allows: see [`Effect::Allow`].
    pub const fn allow() -> Self {
        Self::new(Effect::Allow)
    }

    /// A rule that denies: see [`Effect::Deny`].
    pub const fn deny() -> Self {
        Self::new(Effect::Deny)
    }

    /// A rule that demands something of arguments: see [`Effect::Require`].
    pub const fn require() -> Self {
        Self::new(Effect::Require)
    }

    pub(super) const fn new(effect: Effect) -> Self {
        Self {
            name: None,
            effect,
            roles: None,
            methods: Vec::new(),
            tools: Vec::new(),
            prompts: Vec::new(),
            resources: Vec::new(),
            uris: Vec::new(),
            arguments: Vec::new(),
        }
    }

    /// Sets the name that explanations give. Default: `rules[N]`.
    pub fn with_name(mut self, name: impl Into<Box<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets for whom the rule is: principals with one of these roles. Default: every principal that
    /// reaches the policy.
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = Role>) -> Self {
        self.roles.get_or_insert_default().extend(roles);
        self
    }

    /// Names methods. To allow one allows it where it is applied to nothing in particular, such as
    /// `tools/list`; `tools/call` and the like need a rule for what they are applied to. To deny one
    /// denies it whatever it is applied to.
    pub fn with_methods<'a>(mut self, methods: impl IntoIterator<Item = &'a str>) -> Self {
        self.methods.extend(methods.into_iter().map(Box::from));
        self
    }

    /// Names tools: to see and to call.
    pub fn with_tools<'a>(mut self, tools: impl IntoIterator<Item = &'a str>) -> Self {
        self.tools.extend(tools.into_iter().map(Box::from));
        self
    }

    /// Names prompts: to see, to get and to complete.
    pub fn with_prompts<'a>(mut self, prompts: impl IntoIterator<Item = &'a str>) -> Self {
        self.prompts.extend(prompts.into_iter().map(Box::from));
        self
    }

    /// Names resources, by URI, and templates, by their text: to see, to read and to watch. A template
    /// that is named does not allow the resources it makes. A rule that denies also denies what differs
    /// from the URI in case or percent encoding only.
    pub fn with_resources<'a>(mut self, resources: impl IntoIterator<Item = &'a str>) -> Self {
        self.resources.extend(resources.into_iter().map(Box::from));
        self
    }

    /// Names resources by scheme, authority and directory, and the templates that make only such. A rule
    /// that denies also denies what differs in case, or in query and fragment.
    pub fn with_uris(mut self, uris: impl IntoIterator<Item = UriRule>) -> Self {
        self.uris.extend(uris);
        self
    }

    /// Demands something of the arguments of the named tools. Several demands must all be met.
    pub fn with_arguments(mut self, arguments: impl IntoIterator<Item = ArgumentRule>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// What is wrong with the rule by itself. Paths are relative to it.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut note = |path: String, severity, code, message, fix| {
            findings.push(Finding::new(path, severity, code, message).with_fix(fix));
        };
        let error = Severity::Error;
        let lists = [
            ("methods", &self.methods),
            ("tools", &self.tools),
            ("prompts", &self.prompts),
            ("resources", &self.resources),
        ];
        if lists.iter().all(|(_, names)| names.is_empty()) && self.uris.is_empty() {
            let message = "the rule names no method, tool, prompt, resource or uri";
            note("effect".into(), error, "empty_rule", message, "name what the rule is about");
        }
        for (list, names) in lists {
            let bad = |name: &str| name.is_empty() || name.contains(char::is_control);
            for (at, _) in names.iter().enumerate().filter(|(_, name)| bad(name)) {
                let message = "the name is empty or has control characters";
                note(format!("{list}[{at}]"), error, "invalid_name", message, "write the name");
            }
        }
        for (at, _) in self.roles.iter().flatten().enumerate().filter(|(_, role)| role.is_empty()) {
            let message = "the role asks for nothing: nobody has it";
            let fix = "give the role subjects, schemes or scopes";
            note(format!("roles[{at}]"), error, "empty_role", message, fix);
        }
        if self.roles.as_ref().is_some_and(Vec::is_empty) {
            let message = "the rule is for no role, so for nobody";
            let fix = "name roles, or leave `roles` out for everybody";
            note("roles".into(), error, "rule_for_nobody", message, fix);
        }
        let (has_tools, has_arguments) = (!self.tools.is_empty(), !self.arguments.is_empty());
        if has_arguments && (!has_tools || self.effect == Effect::Deny) {
            let message = "demands on arguments are for the tools of rules that allow or require";
            let fix = "name tools, or turn the rule into one that requires";
            note("arguments".into(), error, "misplaced_arguments", message, fix);
        }
        if self.effect == Effect::Require {
            let only_tools = lists.iter().all(|(list, names)| *list == "tools" || names.is_empty());
            if !only_tools || !self.uris.is_empty() || !has_arguments {
                let message = "a rule that requires is about tools and their arguments only";
                let fix = "keep `tools` and `arguments`, and move the rest into another rule";
                note("effect".into(), error, "misplaced_require", message, fix);
            }
        }
        let known = |name: &str| name == ANY || KNOWN.contains(&name);
        for (at, name) in self.methods.iter().enumerate() {
            let path = format!("methods[{at}]");
            if !known(name) {
                let message = "the specification has no such method";
                let fix = "check the spelling";
                note(path, Severity::Warning, "unknown_method", message, fix);
            } else if self.effect == Effect::Allow && TARGETED.contains(&&**name) {
                let message = "to allow this method alone allows nothing";
                let fix = "name tools, prompts, resources or uris instead";
                note(path, Severity::Warning, "method_needs_target", message, fix);
            }
        }
        findings
    }
}

/// The methods that a server may be asked for.
const KNOWN: [&str; 10] = [
    method::SERVER_DISCOVER,
    method::TOOLS_LIST,
    method::TOOLS_CALL,
    method::PROMPTS_LIST,
    method::PROMPTS_GET,
    method::RESOURCES_LIST,
    method::RESOURCES_TEMPLATES_LIST,
    method::RESOURCES_READ,
    method::COMPLETION_COMPLETE,
    method::SUBSCRIPTIONS_LISTEN,
];
