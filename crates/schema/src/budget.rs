//! The bound on the work of one check.

use serde_json::Value;

use crate::fault::Stop;

/// The steps that any check may take. A step is a schema applied, a member or item looked at, or a few bytes
/// compared: some tens of nanoseconds.
const STEPS: u64 = 50_000;
/// The further steps for each value within the value, and for each 8 bytes of text in it.
const STEPS_EACH: u64 = 32;
/// How many schemas may be under way at once: checking recurses, and the stack must not run out.
const MAX_HEIGHT: usize = 500;

/// What is left of the work that a check may take.
#[derive(Debug)]
pub(crate) struct Budget<'v> {
    left: u64,
    /// The value whose size is still to be added. Few checks need that, so it is not measured before.
    unmeasured: Option<&'v Value>,
    height: usize,
}

impl<'v> Budget<'v> {
    pub(crate) fn for_value(value: &'v Value) -> Self {
        Self { left: STEPS, unmeasured: Some(value), height: 0 }
    }

    /// Takes steps from the budget.
    pub(crate) fn spend(&mut self, steps: u64) -> Result<(), Stop> {
        if steps > self.left
            && let Some(value) = self.unmeasured.take()
        {
            self.left = self.left.saturating_add(size_of(value).saturating_mul(STEPS_EACH));
        }
        self.left = self.left.checked_sub(steps).ok_or(Stop::TooExpensive)?;
        Ok(())
    }

    /// Takes steps for this many bytes of text.
    pub(crate) fn spend_text(&mut self, text: &str) -> Result<(), Stop> {
        self.spend(1 + text.len() as u64 / 64)
    }

    /// One level deeper; to be undone with [`Self::leave`] unless it fails.
    pub(crate) fn enter(&mut self) -> Result<(), Stop> {
        if self.height == MAX_HEIGHT {
            return Err(Stop::TooExpensive);
        }
        self.height += 1;
        Ok(())
    }

    pub(crate) fn leave(&mut self) {
        self.height = self.height.saturating_sub(1);
    }
}

/// Counted without recursion: nothing has bounded the depth yet.
fn size_of(value: &Value) -> u64 {
    let mut size = 0;
    let mut rest = vec![value];
    while let Some(value) = rest.pop() {
        size += 1;
        match value {
            Value::String(text) => size += text.len() as u64 / 8,
            Value::Array(items) => rest.extend(items),
            Value::Object(members) => {
                size += members.keys().map(|name| name.len() as u64 / 8).sum::<u64>();
                rest.extend(members.values());
            }
            _ => {}
        }
    }
    size
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Budget, STEPS, STEPS_EACH, size_of};

    #[test]
    fn size_is_added_once_and_only_when_needed() {
        let value = json!({ "a": [1, 2], "b": "x".repeat(80) });
        assert_eq!(size_of(&value), 15);
        let mut budget = Budget::for_value(&value);
        budget.spend(STEPS).unwrap();
        assert!(budget.unmeasured.is_some());
        budget.spend(15 * STEPS_EACH).unwrap();
        assert!(budget.spend(1).is_err());
    }
}
