//! Which members or items of a value keywords have looked at, for `unevaluatedProperties` and `unevaluatedItems`.

use std::collections::BTreeSet;

use super::Checked;
use crate::budget::Budget;

/// What of one object or array was looked at by schemas that match it.
#[derive(Debug, Default)]
pub(super) struct Seen<'v> {
    all: bool,
    members: BTreeSet<&'v str>,
    items: BTreeSet<usize>,
}

impl<'v> Seen<'v> {
    pub(super) fn add_all(&mut self) {
        self.all = true;
    }

    pub(super) fn add_member(&mut self, name: &'v str) {
        if !self.all {
            self.members.insert(name);
        }
    }

    pub(super) fn add_item(&mut self, at: usize) {
        if !self.all {
            self.items.insert(at);
        }
    }

    pub(super) fn has_member(&self, name: &str) -> bool {
        self.all || self.members.contains(name)
    }

    pub(super) fn has_item(&self, at: usize) -> bool {
        self.all || self.items.contains(&at)
    }

    /// Adds what another schema has looked at.
    pub(super) fn add(&mut self, other: Self, budget: &mut Budget<'_>) -> Checked {
        budget.spend((other.members.len() + other.items.len()) as u64)?;
        self.all |= other.all;
        if !self.all {
            self.members.extend(other.members);
            self.items.extend(other.items);
        }
        Ok(())
    }
}
