//! Equality as JSON Schema means it, by comparison and by hash.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use serde_json::Value;

use crate::{budget::Budget, fault::Stop, number::Num};

/// Whether two values are the same: `1` and `1.0` are, the order of members says nothing.
pub(crate) fn equal(a: &Value, b: &Value, budget: &mut Budget<'_>) -> Result<bool, Stop> {
    budget.spend(1)?;
    Ok(match (a, b) {
        (Value::Number(a), Value::Number(b)) => Num::of(a) == Num::of(b),
        (Value::String(a), Value::String(b)) => {
            budget.spend_text(a)?;
            a == b
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            budget.enter()?;
            for (a, b) in a.iter().zip(b) {
                if !equal(a, b, budget)? {
                    budget.leave();
                    return Ok(false);
                }
            }
            budget.leave();
            true
        }
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
            budget.enter()?;
            for (name, a) in a {
                budget.spend_text(name)?;
                let Some(b) = b.get(name) else {
                    budget.leave();
                    return Ok(false);
                };
                if !equal(a, b, budget)? {
                    budget.leave();
                    return Ok(false);
                }
            }
            budget.leave();
            true
        }
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        _ => false,
    })
}

/// Hashes with a key of its own, so that nobody can make up values that collide.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashing(RandomState);

impl Hashing {
    /// The same for [`equal`] values.
    pub(crate) fn hash(&self, value: &Value, budget: &mut Budget<'_>) -> Result<u64, Stop> {
        budget.spend(1)?;
        let mut hasher = self.0.build_hasher();
        std::mem::discriminant(value).hash(&mut hasher);
        match value {
            Value::Null => {}
            Value::Bool(value) => value.hash(&mut hasher),
            Value::Number(number) => match Num::of(number) {
                Num::Whole(whole) => whole.hash(&mut hasher),
                Num::Real(real) => real.to_bits().hash(&mut hasher),
            },
            Value::String(text) => {
                budget.spend_text(text)?;
                text.hash(&mut hasher);
            }
            Value::Array(items) => {
                budget.enter()?;
                for item in items {
                    self.hash(item, budget)?.hash(&mut hasher);
                }
                budget.leave();
            }
            Value::Object(members) => {
                budget.enter()?;
                let mut sum: u64 = 0;
                for (name, member) in members {
                    budget.spend_text(name)?;
                    let member = (name, self.hash(member, budget)?);
                    sum = sum.wrapping_add(self.0.hash_one(member));
                }
                sum.hash(&mut hasher);
                budget.leave();
            }
        }
        Ok(hasher.finish())
    }
}

/// A set of values: finding one takes as long as the value is large.
#[derive(Debug)]
pub(crate) struct ValueSet {
    hashing: Hashing,
    values: HashMap<u64, Vec<Value>>,
}

impl ValueSet {
    /// `None` if a value is nested too deep.
    pub(crate) fn of(values: &[Value]) -> Option<Self> {
        let mut set = Self { hashing: Hashing::default(), values: HashMap::new() };
        for value in values {
            // Each with a budget of its own: hashing takes a few steps a value, and the schema is bounded.
            let hash = set.hashing.hash(value, &mut Budget::for_value(value)).ok()?;
            set.values.entry(hash).or_default().push(value.clone());
        }
        Some(set)
    }

    pub(crate) fn contains(&self, value: &Value, budget: &mut Budget<'_>) -> Result<bool, Stop> {
        let hash = self.hashing.hash(value, budget)?;
        for candidate in self.values.get(&hash).into_iter().flatten() {
            if equal(candidate, value, budget)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether no two items are the same, in about as many steps as there are values.
pub(crate) fn all_different(items: &[Value], budget: &mut Budget<'_>) -> Result<bool, Stop> {
    let hashing = Hashing::default();
    let mut hashed = Vec::with_capacity(items.len());
    for item in items {
        hashed.push((hashing.hash(item, budget)?, item));
    }
    hashed.sort_unstable_by_key(|(hash, _)| *hash);
    for pair in hashed.windows(2) {
        if let [(first, a), (second, b)] = pair
            && first == second
            && equal(a, b, budget)?
        {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{ValueSet, all_different, equal};
    use crate::budget::Budget;

    #[test]
    fn hash_and_comparison_agree() {
        let values = [
            json!(null),
            json!(false),
            json!(0),
            json!(0.5),
            json!(""),
            json!("0"),
            json!([]),
            json!([0]),
            json!([0, 1]),
            json!([[0], 1]),
            json!({}),
            json!({ "a": 0 }),
            json!({ "a": 0, "b": 1 }),
            json!({ "a": 1, "b": 0 }),
            json!(u64::MAX),
            json!(1e40),
        ];
        let nothing = Value::Null;
        let mut budget = Budget::for_value(&nothing);
        assert!(all_different(&values, &mut budget).unwrap());
        let set = ValueSet::of(&values).unwrap();
        for (at, a) in values.iter().enumerate() {
            assert!(set.contains(a, &mut budget).unwrap(), "{a}");
            for (with, b) in values.iter().enumerate() {
                assert_eq!(equal(a, b, &mut budget).unwrap(), at == with, "{a} {b}");
            }
        }
        for same in [json!(0.0), json!(-0.0), json!([0.0, 1.0]), json!({ "b": 1.0, "a": 0 })] {
            assert!(set.contains(&same, &mut budget).unwrap(), "{same}");
        }
        assert!(!all_different(&[json!(1), json!([]), json!(1.0)], &mut budget).unwrap());
    }
}
