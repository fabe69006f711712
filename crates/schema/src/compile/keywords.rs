//! Which keywords there are, and what becomes of them. The order is the one in which faults are found.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    malformed,
    read::{Reader, names, within},
    references::{Pending, Target},
};
use crate::{
    Dialect, SchemaError,
    equal::ValueSet,
    node::{Bound, Container, Keyword, NodeId, Types, Unevaluated},
    number::{Decimal, Num},
};

type Compiled<T = ()> = Result<T, SchemaError>;

impl Reader<'_, '_, '_> {
    /// Compiles everything that a schema says.
    pub(super) fn keywords(mut self, node: NodeId) -> Compiled<(Vec<Keyword>, Unevaluated)> {
        let mut keywords = Vec::new();
        if self.dialect.ref_stands_alone()
            && self.keywords.get("$ref").is_some_and(Value::is_string)
        {
            self.references(node, &mut keywords)?;
            self.definitions()?;
            return Ok((keywords, Unevaluated::default()));
        }
        self.values(&mut keywords)?;
        self.numbers(&mut keywords)?;
        self.sizes(&mut keywords)?;
        self.required(&mut keywords)?;
        self.references(node, &mut keywords)?;
        self.members(&mut keywords)?;
        self.items(&mut keywords)?;
        self.alternatives(&mut keywords)?;
        self.definitions()?;
        let mut unevaluated = Unevaluated::default();
        if self.dialect >= Dialect::Draft2019 {
            unevaluated.members = self.schema("unevaluatedProperties")?;
            unevaluated.items = self.schema("unevaluatedItems")?;
        }
        Ok((keywords, unevaluated))
    }

    /// What is compiled because references may lead there.
    fn definitions(&mut self) -> Compiled {
        self.named("$defs")?;
        self.named("definitions")?;
        if self.dialect >= Dialect::Draft2019 {
            self.schema("contentSchema")?;
        }
        Ok(())
    }

    fn values(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        if let Some(value) = self.keywords.get("type") {
            let known = |value: &Value| value.as_str().and_then(Types::known);
            let names = match value {
                Value::Array(names) => names.iter().map(known).collect::<Option<Vec<_>>>(),
                name => known(name).map(|name| vec![name]),
            };
            let names = names.ok_or_else(|| self.malformed("type", "a type or a list of types"))?;
            keywords.push(Keyword::Type(Types(names)));
        }
        if let Some(value) = self.keywords.get("const")
            && self.dialect > Dialect::Draft4
        {
            keywords.push(Keyword::Const(value.clone()));
        }
        if let Some(value) = self.keywords.get("enum") {
            let values =
                value.as_array().ok_or_else(|| self.malformed("enum", "a list of values"))?;
            let shown = values.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
            let values = ValueSet::of(values).ok_or(SchemaError::TooDeep)?;
            keywords.push(Keyword::Enum { values, shown });
        }
        Ok(())
    }

    fn numbers(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        if let Some(number) = self.number("multipleOf")? {
            let divisor = Decimal::of(number)
                .filter(|divisor| {
                    !divisor.is_zero() && Num::of(number).compare(Num::Whole(0)).is_gt()
                })
                .ok_or_else(|| self.malformed("multipleOf", "a number greater than 0"))?;
            keywords.push(Keyword::MultipleOf(divisor, number.to_string()));
        }
        for (keyword, bound, exclusively, exclusive) in [
            ("minimum", Bound::Minimum, "exclusiveMinimum", Bound::ExclusiveMinimum),
            ("maximum", Bound::Maximum, "exclusiveMaximum", Bound::ExclusiveMaximum),
        ] {
            let mut add = |bound, number: &serde_json::Number| {
                let (limit, shown) = (Num::of(number), number.to_string());
                keywords.push(Keyword::Bound { bound, limit, shown });
            };
            let limit = self.number(keyword)?;
            if self.dialect == Dialect::Draft4 {
                let bound = if self.flag(exclusively)? { exclusive } else { bound };
                limit.into_iter().for_each(|limit| add(bound, limit));
                continue;
            }
            limit.into_iter().for_each(|limit| add(bound, limit));
            self.number(exclusively)?.into_iter().for_each(|limit| add(exclusive, limit));
        }
        Ok(())
    }

    /// The limits of two keywords, if there is one.
    fn limits(&self, min: &str, max: &str) -> Compiled<Option<(u64, u64)>> {
        let (min, max) = (self.count(min)?, self.count(max)?);
        let given = min.is_some() || max.is_some();
        Ok(given.then_some((min.unwrap_or(0), max.unwrap_or(u64::MAX))))
    }

    fn sizes(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        if let Some((min, max)) = self.limits("minLength", "maxLength")? {
            keywords.push(Keyword::Length { min, max });
        }
        if let Some(pattern) = self.text("pattern")? {
            let place = self.place("pattern");
            keywords.push(Keyword::Pattern(self.pattern(pattern, place)?));
        }
        if let Some((min, max)) = self.limits("minItems", "maxItems")? {
            keywords.push(Keyword::Size { min, max, of: Container::Items });
        }
        if let Some((min, max)) = self.limits("minProperties", "maxProperties")? {
            keywords.push(Keyword::Size { min, max, of: Container::Members });
        }
        if self.flag("uniqueItems")? {
            keywords.push(Keyword::Unique);
        }
        Ok(())
    }

    fn required(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        if let Some(names) = self.names("required")? {
            keywords.push(Keyword::Required(names));
        }
        let mut dependent_names = BTreeMap::new();
        let mut dependent_schemas = BTreeMap::new();
        if self.dialect >= Dialect::Draft2019 {
            dependent_schemas = self.named("dependentSchemas")?;
            let place = self.place("dependentRequired");
            for (name, list) in self.entries("dependentRequired")?.into_iter().flatten() {
                let place = within(&place, name);
                let list = names(list).ok_or_else(|| malformed(&place, "a list of names"))?;
                dependent_names.insert(name.clone(), list);
            }
        }
        // What both became of, which newer dialects keep for compatibility.
        let mut add = |names: BTreeMap<_, _>, schemas: BTreeMap<_, _>| {
            if !names.is_empty() {
                keywords.push(Keyword::DependentRequired(names));
            }
            if !schemas.is_empty() {
                keywords.push(Keyword::DependentSchemas(schemas));
            }
        };
        add(dependent_names, dependent_schemas);
        let (mut dependent_names, mut dependent_schemas) = (BTreeMap::new(), BTreeMap::new());
        let place = self.place("dependencies");
        for (name, value) in self.entries("dependencies")?.into_iter().flatten() {
            if let Some(list) = names(value) {
                dependent_names.insert(name.clone(), list);
            } else {
                let schema = self.compile(value, &within(&place, name))?;
                dependent_schemas.insert(name.clone(), schema);
            }
        }
        add(dependent_names, dependent_schemas);
        Ok(())
    }

    fn references(&mut self, node: NodeId, keywords: &mut Vec<Keyword>) -> Compiled {
        let dynamic = match self.dialect {
            Dialect::Draft2019 => Some(("$recursiveRef", Target::Recursive)),
            Dialect::Draft2020 => Some(("$dynamicRef", Target::Dynamic)),
            _ => None,
        };
        for (keyword, target) in [Some(("$ref", Target::Static)), dynamic].into_iter().flatten() {
            if let Some(reference) = self.text(keyword)? {
                let resource = self.position.resource;
                let (slot, place) = (keywords.len(), self.place(keyword));
                self.compiler.pending.push(Pending {
                    node,
                    slot,
                    resource,
                    reference,
                    target,
                    place,
                });
                // The reference takes this place once everything has a name.
                keywords.push(Keyword::Nothing);
            }
        }
        Ok(())
    }

    fn members(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        if self.dialect > Dialect::Draft4
            && let Some(names) = self.schema("propertyNames")?
        {
            keywords.push(Keyword::MemberNames(names));
        }
        let named = self.named("properties")?;
        let mut patterns = Vec::new();
        let place = self.place("patternProperties");
        for (pattern, schema) in self.entries("patternProperties")?.into_iter().flatten() {
            let place = within(&place, pattern);
            let schema = self.compile(schema, &place)?;
            patterns.push((self.pattern(pattern, place)?, schema));
        }
        let rest = self.schema("additionalProperties")?;
        if !named.is_empty() || !patterns.is_empty() || rest.is_some() {
            keywords.push(Keyword::Members { named, patterns, rest });
        }
        Ok(())
    }

    fn items(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        let (prefix, rest) = if self.dialect.has_prefix_items() {
            (self.schemas("prefixItems")?, self.schema("items")?)
        } else {
            let additional = self.schema("additionalItems")?;
            match self.keywords.get("items") {
                Some(Value::Array(_)) => (self.schemas("items")?, additional),
                _ => (None, self.schema("items")?),
            }
        };
        if prefix.is_some() || rest.is_some() {
            keywords.push(Keyword::Items { prefix: prefix.unwrap_or_default(), rest });
        }
        if self.dialect > Dialect::Draft4
            && let Some(node) = self.schema("contains")?
        {
            let counted = self.dialect >= Dialect::Draft2019;
            let limits = if counted { self.limits("minContains", "maxContains")? } else { None };
            let given = counted && self.keywords.contains_key("minContains");
            let (min, max) = limits.unwrap_or((1, u64::MAX));
            let min = if given { min } else { 1 };
            let evaluates = self.dialect >= Dialect::Draft2020;
            keywords.push(Keyword::Contains { node, min, max, evaluates });
        }
        Ok(())
    }

    fn alternatives(&mut self, keywords: &mut Vec<Keyword>) -> Compiled {
        keywords.extend(self.schemas("allOf")?.map(Keyword::AllOf));
        keywords.extend(self.schemas("anyOf")?.map(Keyword::AnyOf));
        keywords.extend(self.schemas("oneOf")?.map(Keyword::OneOf));
        keywords.extend(self.schema("not")?.map(Keyword::Not));
        if self.dialect >= Dialect::Draft7 {
            let condition = self.schema("if")?;
            let (then, otherwise) = (self.schema("then")?, self.schema("else")?);
            if let Some(condition) = condition {
                keywords.push(Keyword::If { condition, then, otherwise });
            }
        }
        Ok(())
    }
}
