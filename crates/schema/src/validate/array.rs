//! Keywords about arrays.

use serde_json::Value;

use super::{Check, Checked, Seen};
use crate::{
    equal,
    node::{Container, Keyword, NodeId},
};

/// How many items `contains` asks for.
#[derive(Clone, Copy)]
struct Wanted {
    min: u64,
    max: u64,
    /// Whether items that match count as looked at.
    evaluates: bool,
}

impl<'s> Check<'s, '_> {
    pub(super) fn array_keyword<'v>(
        &mut self,
        keyword: &'s Keyword,
        value: &'v Value,
        items: &'v [Value],
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        match keyword {
            Keyword::Size { min, max, of: Container::Items } => {
                self.container_size(Container::Items, items.len(), *min, *max)
            }
            Keyword::Unique => {
                let different = equal::all_different(items, &mut self.budget)?;
                self.demand(different, || "has the same item twice".to_owned())
            }
            Keyword::Items { prefix, rest } => self.items(prefix, *rest, items, seen),
            Keyword::Contains { node, min, max, evaluates } => {
                let wanted = Wanted { min: *min, max: *max, evaluates: *evaluates };
                self.contains(*node, wanted, items, seen)
            }
            keyword => self.plain_keyword(keyword, value),
        }
    }

    fn item(&mut self, node: NodeId, at: usize, item: &Value) -> Checked {
        self.apply(node, item, None).map_err(|stop| stop.within(at))
    }

    fn items<'v>(
        &mut self,
        prefix: &[NodeId],
        rest: Option<NodeId>,
        items: &'v [Value],
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        let nodes =
            prefix.iter().copied().chain(std::iter::repeat_with(|| rest).map_while(|rest| rest));
        for ((at, item), node) in items.iter().enumerate().zip(nodes) {
            self.item(node, at, item)?;
        }
        match seen {
            Some(seen) if rest.is_some() => seen.add_all(),
            Some(seen) => (0..prefix.len().min(items.len())).for_each(|at| seen.add_item(at)),
            None => {}
        }
        Ok(())
    }

    fn contains<'v>(
        &mut self,
        node: NodeId,
        wanted: Wanted,
        items: &'v [Value],
        seen: Option<&mut Seen<'v>>,
    ) -> Checked {
        let mut seen = seen.filter(|_| wanted.evaluates);
        let mut found = 0;
        for (at, item) in items.iter().enumerate() {
            if self.matches(node, item, None)? {
                found += 1;
                if let Some(seen) = seen.as_deref_mut() {
                    seen.add_item(at);
                }
            }
            // Nothing further could change the verdict.
            if found > wanted.max
                || (found >= wanted.min && wanted.max == u64::MAX && seen.is_none())
            {
                break;
            }
        }
        let Wanted { min, max, .. } = wanted;
        self.demand(found >= min, || {
            format!("has less than {min} items as `contains` wants them")
        })?;
        self.demand(found <= max, || format!("has more than {max} items as `contains` wants them"))
    }

    pub(super) fn unseen_items(
        &mut self,
        node: NodeId,
        items: &[Value],
        seen: &mut Seen<'_>,
    ) -> Checked {
        for (at, item) in items.iter().enumerate() {
            self.budget.spend(1)?;
            if !seen.has_item(at) {
                self.item(node, at, item)?;
            }
        }
        seen.add_all();
        Ok(())
    }
}
