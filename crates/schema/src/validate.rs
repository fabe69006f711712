//! The check of one value.

mod array;
mod object;
mod seen;

use serde_json::Value;

use self::seen::Seen;
use crate::{
    budget::Budget,
    equal,
    fault::{Fault, Stop},
    node::{Bound, Container, Keyword, Node, NodeId, ResourceId},
    number::{Decimal, Num},
    pattern::Pattern,
    schema::Compiled,
};

pub(crate) fn validate(schema: &Compiled, value: &Value) -> Result<(), Fault> {
    let budget = Budget::for_value(value);
    let mut check = Check { schema, budget, scope: Vec::new(), silent: 0 };
    check.apply(schema.root, value, None).map_err(Stop::into_fault)
}

/// One check under way. What it does, it takes from the budget first.
struct Check<'s, 'r> {
    schema: &'s Compiled,
    budget: Budget<'r>,
    /// The resources that were entered on the way here, the outermost first.
    scope: Vec<ResourceId>,
    /// How many alternatives are being tried: why they fail is of no interest.
    silent: usize,
}

type Checked<T = ()> = Result<T, Stop>;

impl<'s> Check<'s, '_> {
    /// Applies a schema to a value. What it looks at is noted in `seen`, where an outer schema wants to know.
    fn apply<'v>(&mut self, id: NodeId, value: &'v Value, seen: Option<&mut Seen<'v>>) -> Checked {
        self.budget.spend(1)?;
        self.budget.enter()?;
        let node = self.schema.node(id);
        let entered = self.scope.last() != Some(&node.resource);
        if entered {
            self.scope.push(node.resource);
        }
        let checked = match node.unevaluated.members.or(node.unevaluated.items) {
            None => self.keywords(node, value, seen),
            Some(_) => self.keywords_and_rest(node, value, seen),
        };
        if entered {
            self.scope.pop();
        }
        self.budget.leave();
        checked
    }

    fn keywords<'v>(
        &mut self,
        node: &'s Node,
        value: &'v Value,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        for keyword in &node.keywords {
            self.keyword(keyword, value, seen.as_deref_mut())?;
        }
        Ok(())
    }

    /// The keywords, and then what none of them has looked at.
    fn keywords_and_rest<'v>(
        &mut self,
        node: &'s Node,
        value: &'v Value,
        outer: Option<&mut Seen<'v>>,
    ) -> Checked {
        let mut seen = Seen::default();
        self.keywords(node, value, Some(&mut seen))?;
        match (value, node.unevaluated.members, node.unevaluated.items) {
            (Value::Object(members), Some(rest), _) => {
                self.unseen_members(rest, members, &mut seen)?;
            }
            (Value::Array(items), _, Some(rest)) => self.unseen_items(rest, items, &mut seen)?,
            _ => {}
        }
        match outer {
            Some(outer) => outer.add(seen, &mut self.budget),
            None => Ok(()),
        }
    }

    /// Applies a schema that the value need not match. What it looks at counts if it does.
    fn matches<'v>(
        &mut self,
        id: NodeId,
        value: &'v Value,
        seen: Option<&mut Seen<'v>>,
    ) -> Checked<bool> {
        let mut own = seen.is_some().then(Seen::default);
        self.silent += 1;
        let checked = self.apply(id, value, own.as_mut());
        self.silent -= 1;
        match checked {
            Ok(()) => {}
            Err(Stop::Wrong(_)) => return Ok(false),
            Err(Stop::TooExpensive) => return Err(Stop::TooExpensive),
        }
        if let (Some(seen), Some(own)) = (seen, own) {
            seen.add(own, &mut self.budget)?;
        }
        Ok(true)
    }

    fn demand(&self, met: bool, problem: impl FnOnce() -> String) -> Checked {
        match met {
            true => Ok(()),
            false if self.silent > 0 => Err(Stop::Wrong(None)),
            false => Err(Stop::wrong(problem())),
        }
    }

    fn keyword<'v>(
        &mut self,
        keyword: &'s Keyword,
        value: &'v Value,
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        match keyword {
            Keyword::Ref(node) => self.apply(*node, value, seen),
            Keyword::DynamicRef { name, target } => self.dynamic(name, *target, value, seen),
            Keyword::AllOf(nodes) => self.all_of(nodes, value, seen),
            Keyword::AnyOf(nodes) => self.any_of(nodes, value, seen),
            Keyword::OneOf(nodes) => self.one_of(nodes, value, seen),
            Keyword::Not(node) => {
                let matches = self.matches(*node, value, None)?;
                self.demand(!matches, || "is what `not` excludes".to_owned())
            }
            Keyword::If { condition, then, otherwise } => {
                self.condition(*condition, [*then, *otherwise], value, seen)
            }
            keyword => match value {
                Value::Object(members) => self.object_keyword(keyword, value, members, seen),
                Value::Array(items) => self.array_keyword(keyword, value, items, seen),
                _ => self.plain_keyword(keyword, value),
            },
        }
    }

    fn dynamic<'v>(
        &mut self,
        name: &str,
        target: NodeId,
        value: &'v Value,
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        self.budget.spend(1 + self.scope.len() as u64 / 8)?;
        let found = self.scope.iter().find_map(|resource| self.schema.dynamic(*resource, name));
        self.apply(found.unwrap_or(target), value, seen)
    }

    fn all_of<'v>(
        &mut self,
        nodes: &[NodeId],
        value: &'v Value,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        nodes.iter().try_for_each(|node| self.apply(*node, value, seen.as_deref_mut()))
    }

    fn any_of<'v>(
        &mut self,
        nodes: &[NodeId],
        value: &'v Value,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        let mut any = false;
        for node in nodes {
            any |= self.matches(*node, value, seen.as_deref_mut())?;
            // What the others look at matters only where somebody wants to know.
            if any && seen.is_none() {
                break;
            }
        }
        self.demand(any, || "matches none of the schemas of `anyOf`".to_owned())
    }

    fn one_of<'v>(
        &mut self,
        nodes: &[NodeId],
        value: &'v Value,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        let mut matching = 0;
        for node in nodes {
            matching += u32::from(self.matches(*node, value, seen.as_deref_mut())?);
            if matching > 1 {
                break;
            }
        }
        self.demand(matching == 1, || {
            let how_many = if matching == 0 { "none" } else { "more than one" };
            format!("matches {how_many} of the schemas of `oneOf`")
        })
    }

    fn condition<'v>(
        &mut self,
        condition: NodeId,
        [then, otherwise]: [Option<NodeId>; 2],
        value: &'v Value,
        mut seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        let met = self.matches(condition, value, seen.as_deref_mut())?;
        match if met { then } else { otherwise } {
            Some(node) => self.apply(node, value, seen),
            None => Ok(()),
        }
    }

    /// Keywords that look at a value as a whole.
    fn plain_keyword(&mut self, keyword: &'s Keyword, value: &Value) -> Checked {
        match (keyword, value) {
            (Keyword::Nothing, _) => self.demand(false, || "is not allowed".to_owned()),
            (Keyword::Type(types), value) => self
                .demand(types.allow(value), || format!("is not of type {}", types.0.join(" or "))),
            (Keyword::Const(expected), value) => {
                let same = equal::equal(expected, value, &mut self.budget)?;
                self.demand(same, || format!("is not {expected}"))
            }
            (Keyword::Enum { values, shown }, value) => {
                let found = values.contains(value, &mut self.budget)?;
                self.demand(found, || format!("is none of {shown}"))
            }
            (Keyword::MultipleOf(divisor, shown), Value::Number(number)) => {
                self.budget.spend(4)?;
                let multiple = Decimal::of(number).is_some_and(|n| n.is_multiple_of(*divisor));
                self.demand(multiple, || format!("is not a multiple of {shown}"))
            }
            (Keyword::Bound { bound, limit, shown }, Value::Number(number)) => {
                self.bound(*bound, Num::of(number), *limit, shown)
            }
            (Keyword::Length { min, max }, Value::String(text)) => {
                self.budget.spend_text(text)?;
                self.size(text.chars().count(), *min, *max, "characters")
            }
            (Keyword::Pattern(pattern), Value::String(text)) => self.pattern(pattern, text),
            _ => Ok(()),
        }
    }

    fn bound(&self, bound: Bound, number: Num, limit: Num, shown: &str) -> Checked {
        let allowed = bound.allows(number.compare(limit));
        self.demand(allowed, || format!("{} {shown}", bound.demand()))
    }

    fn pattern(&mut self, pattern: &Pattern, text: &str) -> Checked {
        let matches = pattern.matches(text, &mut self.budget)?;
        self.demand(matches, || format!("does not match the pattern {:?}", pattern.text()))
    }

    fn size(&self, size: usize, min: u64, max: u64, of: &str) -> Checked {
        let size = size as u64;
        self.demand(size >= min, || format!("has less than {min} {of}"))?;
        self.demand(size <= max, || format!("has more than {max} {of}"))
    }

    fn container_size(&self, of: Container, size: usize, min: u64, max: u64) -> Checked {
        let named = match of {
            Container::Items => "items",
            Container::Members => "properties",
        };
        self.size(size, min, max, named)
    }
}
