//! What a schema costs before there is a value: refused if it is too much for any.

use std::collections::HashMap;

use crate::{
    SchemaError,
    node::{NodeId, Reach},
    schema::Compiled,
};

/// How many schemas the check of one value may visit: a chain of definitions that each refer twice to the
/// next doubles the work at every link.
const MAX_VISITS: u64 = 50_000;
/// How many schemas may lie within each other, references followed.
const MAX_HEIGHT: usize = 128;

/// Refuses what costs too much whatever the value, and references that lead in a circle.
pub(crate) fn check(schema: &Compiled) -> Result<(), SchemaError> {
    let mut measure = Measure { schema, known: HashMap::new() };
    let Measured { visits, .. } = measure.of(schema.root, 0)?;
    measure.refuse_circles()?;
    if visits > MAX_VISITS { Err(SchemaError::TooExpensive) } else { Ok(()) }
}

struct Measure<'s> {
    schema: &'s Compiled,
    known: HashMap<NodeId, State>,
}

#[derive(Clone, Copy)]
enum State {
    UnderWay,
    Done(Measured),
}

/// For a value that has one of everything.
#[derive(Clone, Copy)]
struct Measured {
    visits: u64,
    /// How many schemas lie within each other below this one.
    below: usize,
}

impl Measure<'_> {
    fn of(&mut self, id: NodeId, height: usize) -> Result<Measured, SchemaError> {
        let known = match self.known.get(&id) {
            // A reference back to what is being measured: how often it is followed depends on the value.
            Some(State::UnderWay) => Some(Measured { visits: 1, below: 0 }),
            Some(State::Done(measured)) => Some(*measured),
            None => None,
        };
        if height + known.map_or(0, |known| known.below) > MAX_HEIGHT {
            return Err(SchemaError::TooExpensive);
        }
        if let Some(known) = known {
            return Ok(known);
        }
        self.known.insert(id, State::UnderWay);
        let mut measured = Measured { visits: 1, below: 0 };
        for (_, next) in targets(self.schema, id) {
            let next = self.of(next, height + 1)?;
            measured.visits = measured.visits.saturating_add(next.visits);
            measured.below = measured.below.max(next.below + 1);
        }
        self.known.insert(id, State::Done(measured));
        Ok(measured)
    }

    /// Refuses schemas that apply themselves to the same value: such a check need not end, and says nothing.
    /// Takes away what nothing (any more) applies to the same value; a circle is what stays.
    fn refuse_circles(&self) -> Result<(), SchemaError> {
        let same =
            |id| targets(self.schema, id).into_iter().filter(|(reach, _)| *reach == Reach::Same);
        let mut applied: HashMap<NodeId, usize> = self.known.keys().map(|id| (*id, 0)).collect();
        for (_, next) in self.known.keys().flat_map(|id| same(*id)) {
            *applied.entry(next).or_default() += 1;
        }
        let mut free: Vec<NodeId> =
            applied.iter().filter(|(_, by)| **by == 0).map(|(id, _)| *id).collect();
        let mut left = applied.len();
        while let Some(id) = free.pop() {
            left -= 1;
            for (_, next) in same(id) {
                if let Some(by) = applied.get_mut(&next) {
                    *by -= 1;
                    free.extend((*by == 0).then_some(next));
                }
            }
        }
        if left == 0 { Ok(()) } else { Err(SchemaError::CircularReference) }
    }
}

fn targets(schema: &Compiled, id: NodeId) -> Vec<(Reach, NodeId)> {
    let mut targets = Vec::new();
    schema.node(id).for_each(&mut |reach, next| targets.push((reach, next)));
    targets
}
