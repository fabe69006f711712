//! Keywords about objects.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Check, Checked, Seen};
use crate::{
    node::{Container, Keyword, NodeId},
    pattern::Pattern,
};

type Members = Map<String, Value>;

impl<'s> Check<'s, '_> {
    pub(super) fn object_keyword<'v>(
        &mut self,
        keyword: &'s Keyword,
        value: &'v Value,
        members: &'v Members,
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        match keyword {
            Keyword::Size { min, max, of: Container::Members } => {
                self.container_size(Container::Members, members.len(), *min, *max)
            }
            Keyword::Required(names) => self.required(names, members, None),
            Keyword::DependentRequired(dependent) => self.dependent_required(dependent, members),
            Keyword::Members { named, patterns, rest } => match (patterns.as_slice(), rest) {
                ([], None) => self.named_members(named, members, seen),
                _ => self.members(named, patterns, *rest, members, seen),
            },
            Keyword::MemberNames(node) => self.member_names(*node, members),
            Keyword::DependentSchemas(dependent) => {
                self.dependent_schemas(dependent, value, members, seen)
            }
            keyword => self.plain_keyword(keyword, value),
        }
    }

    fn required(&mut self, names: &[String], members: &Members, because: Option<&str>) -> Checked {
        for name in names {
            self.budget.spend(1)?;
            self.demand(members.contains_key(name), || match because {
                None => format!("has no property {name:?}"),
                Some(other) => format!("has no property {name:?}, which {other:?} needs"),
            })?;
        }
        Ok(())
    }

    fn dependent_required(
        &mut self,
        dependent: &BTreeMap<String, Vec<String>>,
        members: &Members,
    ) -> Checked {
        for (name, needed) in dependent {
            self.budget.spend(1)?;
            if members.contains_key(name) {
                self.required(needed, members, Some(name))?;
            }
        }
        Ok(())
    }

    fn dependent_schemas<'v>(
        &mut self,
        dependent: &BTreeMap<String, NodeId>,
        value: &'v Value,
        members: &Members,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        for (name, node) in dependent {
            self.budget.spend(1)?;
            if members.contains_key(name) {
                self.apply(*node, value, seen.as_deref_mut())?;
            }
        }
        Ok(())
    }

    fn member(&mut self, node: NodeId, name: &str, member: &Value) -> Checked {
        self.apply(node, member, None).map_err(|stop| stop.within(name))
    }

    /// `properties` alone: what it does not name is of no interest, so neither side is looked through whole
    /// where the other one is smaller.
    fn named_members<'v>(
        &mut self,
        named: &BTreeMap<String, NodeId>,
        members: &'v Members,
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        if named.len() > members.len() {
            return self.members(named, &[], None, members, seen);
        }
        let mut seen = seen;
        for (name, node) in named {
            self.budget.spend(1)?;
            if let Some((name, member)) = members.get_key_value(name) {
                self.member(*node, name, member)?;
                if let Some(seen) = seen.as_deref_mut() {
                    seen.add_member(name);
                }
            }
        }
        Ok(())
    }

    fn members<'v>(
        &mut self,
        named: &BTreeMap<String, NodeId>,
        patterns: &[(Pattern, NodeId)],
        rest: Option<NodeId>,
        members: &'v Members,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        for (name, member) in members {
            self.budget.spend(1)?;
            let mut claimed = false;
            if let Some(node) = named.get(name) {
                claimed = true;
                self.member(*node, name, member)?;
            }
            for (pattern, node) in patterns {
                if pattern.matches(name, &mut self.budget)? {
                    claimed = true;
                    self.member(*node, name, member)?;
                }
            }
            if !claimed && let Some(node) = rest {
                claimed = true;
                self.member(node, name, member)?;
            }
            if claimed && let Some(seen) = seen.as_deref_mut() {
                seen.add_member(name);
            }
        }
        Ok(())
    }

    fn member_names(&mut self, node: NodeId, members: &Members) -> Checked {
        for name in members.keys() {
            self.budget.spend_text(name)?;
            self.apply(node, &Value::String(name.clone()), None)
                .map_err(|stop| stop.within(format_args!("{name} (its name)")))?;
        }
        Ok(())
    }

    pub(super) fn unseen_members<'v>(
        &mut self,
        node: NodeId,
        members: &'v Members,
        seen: &mut Seen<'v>,
    ) -> Checked {
        for (name, member) in members {
            self.budget.spend(1)?;
            if !seen.has_member(name) {
                self.member(node, name, member)?;
            }
        }
        seen.add_all();
        Ok(())
    }
}
