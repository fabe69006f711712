//! The rules of a policy as a file holds them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    argument::{ArgumentRule, ArgumentRuleError, Bound, Scalar},
    rule::{Effect, Role, Rule},
    rules::RulePolicy,
    uri::{UriRule, UriRuleError},
};
use crate::{
    config::{Finding, SecurityConfigError, Severity},
    principal::Scope,
};

/// The rules of a [`RulePolicy`] as plain values. Lists that are left out name nothing.
///
/// ```toml
/// [roles.writer]                      # who has all that is asked for; at least one of:
/// subjects = ["alice", "bob"]         #   one of these subjects
/// schemes = ["bearer"]                #   authenticated in one of these ways
/// scopes = ["files:write"]            #   with all of these scopes
///
/// [[rules]]
/// name = "everyone"                   # for explanations; by default `rules[0]`
/// effect = "allow"                    # allow, deny (wins) or require (of arguments, wins)
/// methods = ["server/discover", "tools/list"]
///
/// [[rules]]
/// effect = "allow"
/// roles = ["writer"]                  # one of these; everybody, if left out
/// tools = ["file_write"]              # exact names; "*" for all
/// prompts = ["*"]
/// resources = ["test://readme"]       # exact uris, and texts of templates
/// uris = [{ scheme = "file", below = "/srv/data" }, { scheme = "https", authority = "example.com" }]
/// arguments = [                       # all must hold
///   { pointer = "/path", below = "/srv/data" },
///   { pointer = "/url", uri = { scheme = "https", authority = "example.com" } },
///   { pointer = "/mode", one_of = ["append", "truncate"], optional = true },
///   { pointer = "/tags", each = true, max_bytes = 64 },
///   { pointer = "/count", min = 1, max = 10 },
/// ]
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawPolicy {
    /// Roles by name.
    #[serde(default)]
    pub roles: BTreeMap<String, RawRole>,
    /// The rules. Without one, everything is denied.
    #[serde(default)]
    pub rules: Vec<RawRule>,
}

/// A [`Role`] as plain values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawRole {
    /// See [`Role::with_subjects`].
    #[serde(default)]
    pub subjects: Vec<String>,
    /// See [`Role::with_schemes`].
    #[serde(default)]
    pub schemes: Vec<String>,
    /// See [`Role::with_scopes`].
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// A [`Rule`] as plain values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawRule {
    /// See [`Rule::with_name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// See [`Effect`].
    pub effect: Effect,
    /// Names of roles, see [`Rule::with_roles`]. None is everybody; an empty list is an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// See [`Rule::with_methods`].
    #[serde(default)]
    pub methods: Vec<String>,
    /// See [`Rule::with_tools`].
    #[serde(default)]
    pub tools: Vec<String>,
    /// See [`Rule::with_prompts`].
    #[serde(default)]
    pub prompts: Vec<String>,
    /// See [`Rule::with_resources`].
    #[serde(default)]
    pub resources: Vec<String>,
    /// See [`Rule::with_uris`].
    #[serde(default)]
    pub uris: Vec<RawUriRule>,
    /// See [`Rule::with_arguments`].
    #[serde(default)]
    pub arguments: Vec<RawArgumentRule>,
}

/// A [`UriRule`] as plain values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawUriRule {
    /// See [`UriRule::scheme`].
    pub scheme: String,
    /// See [`UriRule::with_authority`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authority: Option<String>,
    /// See [`UriRule::with_below`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
}

/// One or more [`ArgumentRule`]s about the same argument, as plain values. All must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RawArgumentRule {
    /// The JSON pointer to the argument.
    pub pointer: String,
    /// See [`ArgumentRule::below`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<String>,
    /// See [`ArgumentRule::uri`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<RawUriRule>,
    /// See [`ArgumentRule::one_of`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Scalar>>,
    /// See [`ArgumentRule::max_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<usize>,
    /// See [`ArgumentRule::between`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Bound>,
    /// See [`ArgumentRule::between`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Bound>,
    /// See [`ArgumentRule::optional`].
    #[serde(default)]
    pub optional: bool,
    /// See [`ArgumentRule::each`].
    #[serde(default)]
    pub each: bool,
}

impl RawRule {
    /// A rule that names nothing yet.
    #[must_use]
    pub const fn new(effect: Effect) -> Self {
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
}

impl RawPolicy {
    fn read(&self) -> RulePolicy {
        let mut reader = Reader::default();
        let mut roles = BTreeMap::new();
        for (name, raw) in &self.roles {
            roles.insert(&**name, reader.role(name, raw));
        }
        let rules: Vec<_> = (self.rules.iter().enumerate())
            .map(|(at, raw)| reader.rule(&format!("rules[{at}]"), raw, &roles))
            .collect();
        rules.into_iter().fold(RulePolicy::new(), RulePolicy::with_rule).with_findings(reader.0)
    }
}

impl TryFrom<&RawPolicy> for RulePolicy {
    type Error = SecurityConfigError;

    /// A policy without errors. What deserves a look is in [`Policy::findings`](super::Policy::findings), and
    /// reported by the configuration that the policy becomes a part of. An error has all findings; paths
    /// are relative to the policy.
    fn try_from(raw: &RawPolicy) -> Result<Self, SecurityConfigError> {
        let policy = raw.read();
        let findings = super::Policy::findings(&policy);
        match findings.iter().any(Finding::is_error) {
            true => Err(SecurityConfigError::new(findings)),
            false => Ok(policy),
        }
    }
}

/// Reads plain values, and notes what is wrong with them.
#[derive(Default)]
struct Reader(Vec<Finding>);

impl Reader {
    fn error(&mut self, path: String, code: &'static str, message: String, fix: &'static str) {
        self.0.push(Finding::new(path, Severity::Error, code, message).with_fix(fix));
    }

    fn role(&mut self, name: &str, raw: &RawRole) -> Role {
        let mut scopes = Vec::new();
        for (at, scope) in raw.scopes.iter().enumerate() {
            match Scope::parse(scope) {
                Ok(scope) => scopes.push(scope),
                Err(error) => {
                    let path = format!("roles.{name}.scopes[{at}]");
                    self.error(path, error.code(), error.to_string(), "write one scope");
                }
            }
        }
        let role = Role::new(name)
            .with_subjects(raw.subjects.iter().map(String::as_str))
            .with_schemes(raw.schemes.iter().map(String::as_str));
        let role = role.with_scopes(scopes);
        if raw == &RawRole::default() {
            let message = "the role asks for nothing: nobody has it".into();
            let fix = "give it subjects, schemes or scopes";
            self.error(format!("roles.{name}"), "empty_role", message, fix);
        }
        role
    }

    fn rule(&mut self, path: &str, raw: &RawRule, known: &BTreeMap<&str, Role>) -> Rule {
        let mut rule = Rule::new(raw.effect);
        rule.name = raw.name.as_deref().map(Box::from);
        if let Some(names) = &raw.roles {
            let mut roles = Vec::new();
            for (at, name) in names.iter().enumerate() {
                match known.get(&**name) {
                    Some(role) => roles.push(role.clone()),
                    None => {
                        let message = "there is no role of this name".into();
                        let fix = "define it in `roles`, or check the spelling";
                        self.error(format!("{path}.roles[{at}]"), "unknown_role", message, fix);
                    }
                }
            }
            rule.roles = Some(roles);
        }
        let mut uris = Vec::new();
        for (at, raw) in raw.uris.iter().enumerate() {
            uris.extend(self.uri(&format!("{path}.uris[{at}]"), raw));
        }
        let mut arguments = Vec::new();
        for (at, raw) in raw.arguments.iter().enumerate() {
            arguments.extend(self.argument(&format!("{path}.arguments[{at}]"), raw));
        }
        let names = |names: &'_ [String]| names.iter().map(|name| Box::from(&**name)).collect();
        rule.methods = names(&raw.methods);
        rule.tools = names(&raw.tools);
        rule.prompts = names(&raw.prompts);
        rule.resources = names(&raw.resources);
        rule.with_uris(uris).with_arguments(arguments)
    }

    fn uri(&mut self, path: &str, raw: &RawUriRule) -> Option<UriRule> {
        let built = UriRule::scheme(&raw.scheme)
            .and_then(|rule| match &raw.authority {
                Some(authority) => rule.with_authority(authority),
                None => Ok(rule),
            })
            .and_then(|rule| match &raw.below {
                Some(directory) => rule.with_below(directory),
                None => Ok(rule),
            });
        built
            .map_err(|error| {
                let (field, fix) = match error {
                    UriRuleError::Scheme => ("scheme", "write a scheme such as `https`"),
                    UriRuleError::Authority => ("authority", "write a host, and a port if need be"),
                    UriRuleError::Directory => ("below", "write a directory such as `/srv/data`"),
                };
                self.error(format!("{path}.{field}"), error.code(), error.to_string(), fix);
            })
            .ok()
    }

    /// All rules about one argument, but for those that are wrong: with them there will be no policy.
    fn argument(&mut self, path: &str, raw: &RawArgumentRule) -> Vec<ArgumentRule> {
        let pointer = &*raw.pointer;
        let mut built: Vec<(&str, Result<ArgumentRule, ArgumentRuleError>)> = Vec::new();
        if let Some(directory) = &raw.below {
            built.push(("below", ArgumentRule::below(pointer, directory)));
        }
        if let Some(uri) = &raw.uri {
            let uri = self.uri(&format!("{path}.uri"), uri);
            built.extend(uri.map(|uri| ("uri", ArgumentRule::uri(pointer, uri))));
        }
        if let Some(values) = &raw.one_of {
            built.push(("one_of", ArgumentRule::one_of(pointer, values.iter().cloned())));
        }
        if let Some(max) = raw.max_bytes {
            built.push(("max_bytes", ArgumentRule::max_bytes(pointer, max)));
        }
        if raw.min.is_some() || raw.max.is_some() {
            built.push(("min", ArgumentRule::between(pointer, raw.min, raw.max)));
        }
        let is_text = raw.below.is_some() || raw.uri.is_some() || raw.max_bytes.is_some();
        if is_text && (raw.min.is_some() || raw.max.is_some()) {
            let message = "no argument is a text and a number".into();
            let fix = "split it into two, about two arguments";
            self.error(path.into(), "contradicting_demands", message, fix);
        }
        if built.is_empty() && raw.uri.is_none() {
            let message = "nothing is demanded of the argument".into();
            let fix = "add `below`, `uri`, `one_of`, `max_bytes`, `min` or `max`";
            self.error(path.into(), "empty_argument_rule", message, fix);
        }
        let mut rules = Vec::new();
        let mut bad_pointer = false;
        for (field, rule) in built {
            match rule {
                Ok(rule) => {
                    let rule = if raw.optional { rule.optional() } else { rule };
                    rules.push(if raw.each { rule.each() } else { rule });
                }
                Err(ArgumentRuleError::Pointer) if bad_pointer => {}
                Err(error) => {
                    bad_pointer |= error == ArgumentRuleError::Pointer;
                    let (field, fix) = match error {
                        ArgumentRuleError::Pointer => {
                            ("pointer", "write a pointer such as `/path`")
                        }
                        ArgumentRuleError::Directory => {
                            (field, "write a directory such as `/srv/data`")
                        }
                        ArgumentRuleError::NoValue => (field, "name the values that are allowed"),
                        ArgumentRuleError::Bounds => (field, "let `min` be at most `max`"),
                        ArgumentRuleError::Uri(_) => (field, "see the finding about the uri"),
                    };
                    self.error(format!("{path}.{field}"), error.code(), error.to_string(), fix);
                }
            }
        }
        rules
    }
}

#[cfg(test)]
mod tests;
