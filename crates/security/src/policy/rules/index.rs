//! Rules, filed under the names they are about.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
};

use crate::{
    config::{Finding, Severity},
    policy::{
        AccessRequest, ArgumentRule, Decision, DenyReason, Purpose, UriError, UriRule,
        explain::{Note, Trace},
        rule::{ANY, Effect, Role, Rule},
        uri::{Parts, decode},
    },
    principal::Principal,
};

/// What all entries of one rule share.
#[derive(Debug)]
pub(in crate::policy) struct Entry {
    pub(in crate::policy) name: Box<str>,
    pub(in crate::policy) effect: Effect,
    pub(in crate::policy) roles: Option<Vec<Role>>,
    arguments: Vec<ArgumentRule>,
}

impl Entry {
    pub(super) fn of(rule: &Rule, place: Box<str>) -> Self {
        Self {
            name: rule.name.clone().unwrap_or(place),
            effect: rule.effect,
            roles: rule.roles.clone(),
            arguments: rule.arguments.clone(),
        }
    }

    /// Whether the rule is for this principal. A rule that was meant to deny and names roles that nobody
    /// can have denies everybody.
    pub(super) fn is_for(&self, principal: &Principal) -> bool {
        let Some(roles) = &self.roles else { return true };
        let held = || roles.iter().any(|role| role.is_held_by(principal));
        match self.effect {
            Effect::Allow => held(),
            Effect::Deny | Effect::Require => roles.iter().all(Role::is_empty) || held(),
        }
    }

    /// Judges the arguments of a call. Where the question is what to show, some arguments will do.
    pub(super) fn check_arguments(
        &self,
        request: &AccessRequest<'_>,
        trace: &mut Trace,
    ) -> Result<(), DenyReason> {
        if request.purpose == Purpose::List {
            return Ok(());
        }
        self.arguments.iter().try_for_each(|rule| {
            rule.check(request.arguments).map_err(|refusal| {
                trace.note_demand(self, &rule, refusal.why);
                refusal.reason
            })
        })
    }

    fn may_share_a_principal_with(&self, other: &Self) -> bool {
        match (&self.roles, &other.roles) {
            (Some(roles), Some(others)) => roles.iter().any(|role| others.contains(role)),
            _ => true,
        }
    }
}

/// Entries by exact name, and those for every name.
#[derive(Clone, Default)]
pub(super) struct Index {
    exact: HashMap<Box<str>, Vec<Arc<Entry>>>,
    any: Vec<Arc<Entry>>,
}

/// In the order of the names: the same rules look the same.
impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact: BTreeMap<_, _> = self.exact.iter().collect();
        f.debug_struct("Index").field("exact", &exact).field("any", &self.any).finish()
    }
}

impl Index {
    pub(super) fn insert(&mut self, names: &[Box<str>], entry: &Arc<Entry>) {
        for name in names {
            let entries = match &**name {
                ANY => &mut self.any,
                name => self.exact.entry(name.into()).or_default(),
            };
            entries.push(Arc::clone(entry));
        }
    }

    /// The entries about a name.
    pub(super) fn about(&self, name: &str) -> impl Iterator<Item = &Entry> {
        let exact = self.exact.get(name).map_or(&[][..], Vec::as_slice);
        exact.iter().chain(&self.any).map(|entry| &**entry)
    }

    /// Names that one rule allows under conditions, and another one to the same principals without.
    pub(super) fn loopholes(&self) -> Vec<Finding> {
        let allows = |entry: &&Entry| entry.effect == Effect::Allow;
        let mut findings = Vec::new();
        let names = self.exact.keys().map(|name| &**name).chain([ANY]);
        for name in names {
            let strict = self.about(name).filter(allows).find(|entry| !entry.arguments.is_empty());
            let Some(strict) = strict else { continue };
            let lax = self.about(name).filter(allows).find(|entry| {
                entry.arguments.is_empty() && entry.may_share_a_principal_with(strict)
            });
            let Some(lax) = lax else { continue };
            let message = format!(
                "`{}` allows the tool `{name}` without the demands of `{}`",
                lax.name, strict.name
            );
            findings.push(
                Finding::new("rules", Severity::Warning, "unconditional_grant", message)
                    .with_fix("use a rule that requires, if the demands are meant for every call"),
            );
        }
        findings.sort_by(|left, right| left.message().cmp(right.message()));
        findings
    }
}

/// What rules say about resources.
#[derive(Clone, Debug, Default)]
pub(super) struct ResourceIndex {
    allowed: Index,
    allowed_uris: Vec<(UriRule, Arc<Entry>)>,
    denied: Vec<(Denied, Arc<Entry>)>,
}

/// What a rule denies, for any reader that takes it for the same resource.
#[derive(Clone, Debug)]
enum Denied {
    All,
    Text(String),
    Uris(UriRule),
}

impl ResourceIndex {
    pub(super) fn insert(&mut self, rule: &Rule, entry: &Arc<Entry>) {
        if rule.effect == Effect::Allow {
            self.allowed.insert(&rule.resources, entry);
            let uris = rule.uris.iter().map(|uri| (uri.clone(), Arc::clone(entry)));
            self.allowed_uris.extend(uris);
            return;
        }
        let texts = rule.resources.iter().map(|name| match &**name {
            ANY => Denied::All,
            text => Denied::Text(folded(text)),
        });
        let uris = rule.uris.iter().cloned().map(Denied::Uris);
        self.denied.extend(texts.chain(uris).map(|denied| (denied, Arc::clone(entry))));
    }

    pub(super) fn judge(
        &self,
        uri: &str,
        request: &AccessRequest<'_>,
        trace: &mut Trace,
    ) -> Decision {
        match Parts::of(uri) {
            Ok(parts) => {
                self.weigh(uri, Some(&parts), request, trace, |rule| rule.check_parts(&parts))
            }
            Err(error) => {
                trace.note(|| Note::Malformed);
                Decision::Deny(error.into())
            }
        }
    }

    pub(super) fn judge_template(
        &self,
        text: &str,
        request: &AccessRequest<'_>,
        trace: &mut Trace,
    ) -> Decision {
        let parts = Parts::of(UriRule::fixed_part(text)).ok();
        self.weigh(text, parts.as_ref(), request, trace, |rule| {
            parts.as_ref().map_or(Err(UriError::Malformed), |parts| rule.check_parts(parts))
        })
    }

    fn weigh(
        &self,
        text: &str,
        parts: Option<&Parts<'_>>,
        request: &AccessRequest<'_>,
        trace: &mut Trace,
        check: impl Fn(&UriRule) -> Result<(), UriError>,
    ) -> Decision {
        let none = DenyReason::ResourceNotAuthorized;
        let denied = self.denied.iter().filter(|(_, entry)| entry.is_for(request.principal));
        let mut denied = denied.filter(|(denied, _)| denied.may_be(text, parts));
        if let Some((_, entry)) = denied.next() {
            return trace.denied_by(entry, none);
        }
        for entry in self.allowed.about(text) {
            if entry.is_for(request.principal) {
                return trace.allowed_by(entry);
            }
            trace.note_role(entry);
        }
        let mut refused: Option<UriError> = None;
        for (rule, entry) in &self.allowed_uris {
            if !entry.is_for(request.principal) {
                trace.note_role(entry);
                continue;
            }
            match check(rule) {
                Ok(()) => return trace.allowed_by(entry),
                Err(error) => {
                    let demand = format_args!("the uri must be one of `{rule}`");
                    trace.note_demand(entry, &demand, error.why());
                    refused = refused.max(Some(error));
                }
            }
        }
        if refused.is_none() {
            trace.note(|| Note::NoRule);
        }
        Decision::Deny(refused.map_or(none, DenyReason::from))
    }
}

impl Denied {
    fn may_be(&self, text: &str, parts: Option<&Parts<'_>>) -> bool {
        match (self, parts) {
            (Self::All, _) => true,
            (Self::Text(denied), _) => folded(text) == *denied,
            (Self::Uris(rule), Some(parts)) => rule.may_hold(parts),
            (Self::Uris(_), None) => true,
        }
    }
}

/// A URI without what some readers do not see.
fn folded(uri: &str) -> String {
    decode(uri).map_or_else(|_| uri.to_lowercase(), |decoded| decoded.to_lowercase())
}
