//! Why a policy decided as it did.

use std::fmt::{self, Display};

use super::{Decision, DenyReason, rules::Entry};
use crate::audit::Escaped;

/// Why a policy decided as it did, for the operator. Names rules, roles and what rules demand, all from the
/// configuration; holds nothing of the request, so it is safe to log. It is not for the peer: it tells
/// what would be needed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// What was decided.
    pub decision: Decision,
    /// The rule that decided; none where no rule said anything, and for policies that do not tell.
    pub rule: Option<Box<str>>,
    /// What stood in the way. A decision that allows may have some too: of rules that did not.
    pub notes: Vec<Note>,
}

/// Something that stood in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// No rule names what is asked for.
    NoRule,
    /// The URI is malformed: no rule was asked.
    Malformed,
    /// The policy failed.
    PolicyFailed,
    /// A rule is for others.
    RoleMissing {
        /// The rule.
        rule: Box<str>,
        /// One of these roles is needed.
        roles: Vec<Box<str>>,
    },
    /// A rule demands something else.
    DemandNotMet {
        /// The rule.
        rule: Box<str>,
        /// What it demands.
        demand: Box<str>,
        /// How it is not met.
        why: &'static str,
    },
}

impl Explanation {
    /// A decision of which nothing else is known.
    #[must_use]
    pub const fn of(decision: Decision) -> Self {
        Self { decision, rule: None, notes: Vec::new() }
    }

    /// A denial for one known reason.
    pub(super) fn denied(reason: DenyReason, note: Note) -> Self {
        Self { decision: Decision::Deny(reason), rule: None, notes: vec![note] }
    }
}

impl Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.decision {
            Decision::Allow => f.write_str("allowed")?,
            Decision::Deny(reason) => write!(f, "denied ({})", reason.code())?,
            Decision::WouldDeny(reason) => {
                write!(f, "allowed by a dry run, else denied ({})", reason.code())?;
            }
        }
        if let Some(rule) = &self.rule {
            write!(f, " by `{}`", Escaped::new(rule))?;
        }
        for (at, note) in self.notes.iter().enumerate() {
            write!(f, "{} {note}", if at == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

impl Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => f.write_str("no rule names it"),
            Self::Malformed => f.write_str("the uri is malformed"),
            Self::PolicyFailed => f.write_str("the policy failed"),
            Self::RoleMissing { rule, roles } => {
                write!(f, "`{}` is for others: it needs ", Escaped::new(rule))?;
                match roles.as_slice() {
                    [] => f.write_str("a role"),
                    roles => roles.iter().enumerate().try_for_each(|(at, role)| {
                        let or = if at == 0 { "role" } else { " or" };
                        write!(f, "{or} `{}`", Escaped::new(role))
                    }),
                }
            }
            Self::DemandNotMet { rule, demand, why } => {
                write!(f, "`{}`: {}, but {why}", Escaped::new(rule), Escaped::new(demand))
            }
        }
    }
}

/// Takes notes of a decision, if somebody wants them.
pub(super) struct Trace {
    notes: Option<Vec<Note>>,
    rule: Option<Box<str>>,
}

impl Trace {
    pub(super) const fn off() -> Self {
        Self { notes: None, rule: None }
    }

    pub(super) const fn on() -> Self {
        Self { notes: Some(Vec::new()), rule: None }
    }

    pub(super) fn note(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.notes {
            notes.push(note());
        }
    }

    /// Notes that a rule would allow, and is for others.
    pub(super) fn note_role(&mut self, entry: &Entry) {
        if entry.effect == super::Effect::Allow {
            self.note(|| Note::RoleMissing {
                rule: entry.name.clone(),
                roles: entry.roles.iter().flatten().map(|role| role.name().into()).collect(),
            });
        }
    }

    pub(super) fn note_demand(&mut self, entry: &Entry, demand: &dyn Display, why: &'static str) {
        self.note(|| Note::DemandNotMet {
            rule: entry.name.clone(),
            demand: demand.to_string().into(),
            why,
        });
    }

    pub(super) fn allowed_by(&mut self, entry: &Entry) -> Decision {
        self.decided_by(entry);
        Decision::Allow
    }

    pub(super) fn denied_by(&mut self, entry: &Entry, reason: DenyReason) -> Decision {
        self.decided_by(entry);
        Decision::Deny(reason)
    }

    fn decided_by(&mut self, entry: &Entry) {
        if self.notes.is_some() {
            self.rule = Some(entry.name.clone());
        }
    }

    pub(super) fn into_explanation(self, decision: Decision) -> Explanation {
        Explanation { decision, rule: self.rule, notes: self.notes.unwrap_or_default() }
    }
}
