//! Checks a value against the schema of a raw form, finds everything at once, and mends the value, so that
//! it can be decoded and the rest of it be checked too: unknown keys are taken out, and what is missing or
//! of the wrong type gets a stand-in.

use serde_json::{Map, Value};

use crate::{
    findings::{Findings, join},
    nearest::nearest,
};

/// Deeper than any schema here; a schema that refers to itself would not end.
const MAX_DEPTH: usize = 32;

/// Checks and mends `value`.
pub(crate) fn check(schema: &Value, value: &mut Value, findings: &mut Findings) {
    Walker { root: schema, findings }.walk(schema, value, "", 0);
}

struct Walker<'a, 'f> {
    root: &'a Value,
    findings: &'f mut Findings,
}

impl<'a> Walker<'a, '_> {
    fn walk(&mut self, schema: &'a Value, value: &mut Value, path: &str, depth: usize) {
        let schema = self.resolve(schema);
        if depth > MAX_DEPTH {
            return;
        }
        if let Some((tag, variants)) = tagged(schema) {
            return self.variant(schema, tag, variants, value, path, depth);
        }
        if let Some(choices) = choices(schema) {
            return self.choice(schema, &choices, value, path);
        }
        if let Some(kinds) = schema.get("anyOf").and_then(Value::as_array) {
            return self.any(schema, kinds, value, path);
        }
        let expected = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match (expected, &mut *value) {
            ("object", Value::Object(map)) => self.object(schema, map, path, depth),
            ("array", Value::Array(items)) => {
                let Some(schema) = schema.get("items") else { return };
                for (index, item) in items.iter_mut().enumerate() {
                    self.walk(schema, item, &format!("{path}[{index}]"), depth + 1);
                }
            }
            ("string", Value::String(_)) | ("boolean", Value::Bool(_)) => {}
            ("number", Value::Number(_)) => {}
            ("integer", Value::Number(number)) if schema.get("minimum").is_none() => {
                if !number.is_i64() {
                    let message = "it is not a whole number".to_owned();
                    self.wrong(schema, value, path, "wrong_type", message);
                }
            }
            ("integer", Value::Number(number)) => {
                let maximum = schema.get("maximum").and_then(Value::as_u64).unwrap_or(u64::MAX);
                if number.as_u64().is_none_or(|number| number > maximum) {
                    let message = match maximum {
                        u64::MAX => "it is not a positive whole number".to_owned(),
                        _ => format!("it is not a whole number from 0 to {maximum}"),
                    };
                    self.wrong(schema, value, path, "wrong_type", message);
                }
            }
            (expected, found) => {
                let message = format!("it is {}, not {}", name_of(found), with_article(expected));
                self.wrong(schema, value, path, "wrong_type", message);
            }
        }
    }

    fn object(
        &mut self,
        schema: &'a Value,
        map: &mut Map<String, Value>,
        path: &str,
        depth: usize,
    ) {
        if let Some(schema) = schema.get("additionalProperties").filter(|schema| schema.is_object())
        {
            for (key, value) in map.iter_mut() {
                self.walk(schema, value, &join(path, key), depth + 1);
            }
            return;
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        self.unknown_keys(properties, map, path);
        for required in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            let Some(key) = required.as_str().filter(|key| !map.contains_key(*key)) else {
                continue;
            };
            let Some(schema) = properties.get(key) else { continue };
            let example = self.example(schema);
            self.findings.broken(
                &join(path, key),
                "missing_key",
                "the key is required",
                format!("add `{key} = {example}`"),
            );
            map.insert(key.to_owned(), self.stand_in(schema, depth));
        }
        for (key, schema) in properties {
            if let Some(value) = map.get_mut(key) {
                self.walk(schema, value, &join(path, key), depth + 1);
            }
        }
    }

    /// Takes unknown keys out. One that is a slip for a key that is not there is put in its place, so that
    /// what it holds is checked too.
    fn unknown_keys(
        &mut self,
        known: &Map<String, Value>,
        map: &mut Map<String, Value>,
        path: &str,
    ) {
        let unknown: Vec<String> =
            map.keys().filter(|key| !known.contains_key(*key)).cloned().collect();
        for key in unknown {
            let value = map.remove(&key).unwrap_or_default();
            let free = known.keys().filter(|known| !map.contains_key(*known));
            let meant = nearest(&key, free.map(String::as_str)).map(str::to_owned);
            let fix = match &meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => {
                    format!("remove it; known here: {}", list(known.keys().map(String::as_str)))
                }
            };
            let shown: String = key.chars().take(64).collect();
            self.findings.error(join(path, &shown), "unknown_key", "there is no such key", fix);
            if let Some(meant) = meant {
                map.insert(meant, value);
            }
        }
    }

    /// A value of several kinds, told apart by the key `tag`.
    fn variant(
        &mut self,
        schema: &'a Value,
        tag: &'a str,
        variants: &'a [Value],
        value: &mut Value,
        path: &str,
        depth: usize,
    ) {
        let Value::Object(map) = value else {
            let message = format!("it is {}, not a table", name_of(value));
            return self.wrong(schema, value, path, "wrong_type", message);
        };
        let names = || variants.iter().filter_map(|variant| tag_name(variant, tag));
        let name = map.get(tag).and_then(Value::as_str);
        let known =
            variants.iter().find(|variant| name.is_some() && tag_name(variant, tag) == name);
        if let Some(variant) = known {
            return self.object(variant, map, path, depth);
        }
        let (code, message) = match map.get(tag) {
            None => ("missing_key", "the key is required".to_owned()),
            Some(_) => ("unknown_value", format!("there is no such {tag}")),
        };
        let fix = match name.and_then(|name| nearest(name, names())) {
            Some(meant) => format!("did you mean `{tag} = \"{meant}\"`?"),
            None => format!("set `{tag}` to one of: {}", list(names())),
        };
        self.findings.error(join(path, tag), code, message, fix);
        self.findings.mark_broken(path);
        *value = self.stand_in(schema, depth);
    }

    /// One of a few strings.
    fn choice(&mut self, schema: &'a Value, choices: &[&'a str], value: &mut Value, path: &str) {
        let found = value.as_str();
        if found.is_some_and(|found| choices.contains(&found)) {
            return;
        }
        let fix = match found.and_then(|found| nearest(found, choices.iter().copied())) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => format!("write one of: {}", list(choices.iter().copied())),
        };
        self.findings.broken(path, "unknown_value", "there is no such choice", fix);
        *value = self.stand_in(schema, 0);
    }

    /// A scalar of one of several types.
    fn any(&mut self, schema: &'a Value, kinds: &'a [Value], value: &mut Value, path: &str) {
        let fits = |kind: &Value| match kind.get("type").and_then(Value::as_str) {
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            _ => false,
        };
        if !kinds.iter().any(fits) {
            let message = format!("it is {}, which cannot be there", name_of(value));
            self.wrong(schema, value, path, "wrong_type", message);
        }
    }

    fn wrong(
        &mut self,
        schema: &'a Value,
        value: &mut Value,
        path: &str,
        code: &'static str,
        message: String,
    ) {
        let fix = format!("write a value such as `{}`", self.example(schema));
        self.findings.broken(path, code, message, fix);
        *value = self.stand_in(schema, 0);
    }

    /// What follows the reference, if it is one.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let target = schema.get("$ref").and_then(Value::as_str);
        let pointer = target.and_then(|target| target.strip_prefix('#'));
        pointer.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    /// The smallest value that can be decoded.
    fn stand_in(&self, schema: &'a Value, depth: usize) -> Value {
        let schema = self.resolve(schema);
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some((_, [first, ..])) = tagged(schema) {
            return self.stand_in(first, depth + 1);
        }
        if let Some(first) = schema.get("anyOf").and_then(|kinds| kinds.get(0)) {
            return self.stand_in(first, depth + 1);
        }
        if let Some(constant) = schema.get("const") {
            return constant.clone();
        }
        if let Some(first) = choices(schema).and_then(|choices| choices.first().copied()) {
            return first.into();
        }
        match schema.get("type").and_then(Value::as_str).unwrap_or_default() {
            "object" => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let required = schema.get("required").and_then(Value::as_array);
                let keys = required.into_iter().flatten().filter_map(Value::as_str);
                let entry = |key: &str| {
                    let schema = properties?.get(key)?;
                    Some((key.to_owned(), self.stand_in(schema, depth + 1)))
                };
                Value::Object(keys.filter_map(entry).collect())
            }
            "array" => Value::Array(Vec::new()),
            "string" => "".into(),
            "boolean" => false.into(),
            "integer" | "number" => 0.into(),
            _ => Value::Null,
        }
    }

    /// How such a value is written.
    fn example(&self, schema: &'a Value) -> String {
        let examples = schema.get("examples").or_else(|| self.resolve(schema).get("examples"));
        if let Some(example) = examples.and_then(|examples| examples.get(0)) {
            return example.to_string();
        }
        match self.stand_in(schema, 0) {
            Value::String(text) if text.is_empty() => "\"...\"".to_owned(),
            Value::Object(_) => "{ ... }".to_owned(),
            Value::Array(_) => "[...]".to_owned(),
            Value::Number(_) => "1".to_owned(),
            other => other.to_string(),
        }
    }
}

/// The variants of a value of several kinds, and the key that tells them apart.
fn tagged(schema: &Value) -> Option<(&str, &[Value])> {
    let variants = schema.get("oneOf")?.as_array()?;
    let properties = variants.first()?.get("properties")?.as_object()?;
    let (tag, _) = properties.iter().find(|(_, schema)| schema.get("const").is_some())?;
    Some((tag, variants))
}

fn tag_name<'a>(variant: &'a Value, tag: &str) -> Option<&'a str> {
    variant.get("properties")?.get(tag)?.get("const")?.as_str()
}

/// The strings that are allowed, if the schema is a choice of strings.
fn choices(schema: &Value) -> Option<Vec<&str>> {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        return Some(values.iter().filter_map(Value::as_str).collect());
    }
    let variants = schema.get("oneOf")?.as_array()?;
    let mut all = Vec::new();
    for variant in variants {
        match variant.get("const").and_then(Value::as_str) {
            Some(one) => all.push(one),
            None => all.extend(choices(variant)?),
        }
    }
    Some(all)
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn with_article(kind: &str) -> &'static str {
    match kind {
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a string",
        "array" => "a list",
        _ => "a table",
    }
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[allow(dead_code, reason = "what is decoded is not read")]
mod tests {
    use palisade_security::Finding;
    use schemars::JsonSchema;
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, default)]
    struct Root {
        count: Option<usize>,
        on: bool,
        mode: Mode,
        parts: Vec<Part>,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        name: String,
        port: u16,
    }

    #[derive(Debug, Default, Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        #[default]
        Fast,
        /// Documented, which makes the schema another one.
        Slow,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
    enum Part {
        Wheel { size: u64, names: Option<Vec<String>> },
        Door {},
    }

    /// Checks, and decodes what was mended.
    #[track_caller]
    fn check_one(mut value: Value, expected: &[(&str, &str, &str)]) {
        let schema = crate::schema::generate::<Root>();
        let mut findings = Findings::default();
        check(&schema, &mut value, &mut findings);
        let list = findings.into_list();
        let found: Vec<_> =
            list.iter().map(|finding| (finding.path(), finding.code(), finding.fix())).collect();
        assert_eq!(found, expected, "{schema:#}");
        assert!(list.iter().all(Finding::is_error));
        serde_json::from_value::<Root>(value).unwrap();
    }

    #[test]
    fn what_fits_has_no_findings() {
        check_one(json!({}), &[]);
        check_one(
            json!({"count": 1, "on": true, "mode": "slow", "inner": {"name": "", "port": 65535},
                   "parts": [{"kind": "door"}, {"kind": "wheel", "size": 1, "names": ["a"]}]}),
            &[],
        );
    }

    #[test]
    fn everything_that_does_not_fit_is_found_at_once() {
        check_one(
            json!({"cuont": 1, "zzz": 2, "on": "yes", "mode": "slwo", "inner": {"port": 65536},
                   "parts": [{"kind": "whel"}, {"size": 1}, 3, {"kind": "wheel", "size": -1,
                   "names": ["a", 1], "x": 1}, {"kind": "door", "sizes": 1}]}),
            &[
                ("cuont", "unknown_key", "did you mean `count`?"),
                ("zzz", "unknown_key", "remove it; known here: count, inner, mode, on, parts"),
                ("inner.name", "missing_key", "add `name = \"...\"`"),
                ("inner.port", "wrong_type", "write a value such as `1`"),
                ("mode", "unknown_value", "did you mean \"slow\"?"),
                ("on", "wrong_type", "write a value such as `false`"),
                ("parts[0].kind", "unknown_value", "did you mean `kind = \"wheel\"`?"),
                ("parts[1].kind", "missing_key", "set `kind` to one of: wheel, door"),
                ("parts[2]", "wrong_type", "write a value such as `{ ... }`"),
                ("parts[3].x", "unknown_key", "remove it; known here: kind, names, size"),
                ("parts[3].names[1]", "wrong_type", "write a value such as `\"...\"`"),
                ("parts[3].size", "wrong_type", "write a value such as `1`"),
                ("parts[4].sizes", "unknown_key", "remove it; known here: kind"),
            ],
        );
    }

    #[test]
    fn nothing_is_no_value() {
        check_one(
            json!({"count": null, "inner": null}),
            &[
                ("count", "wrong_type", "write a value such as `1`"),
                ("inner", "wrong_type", "write a value such as `{ ... }`"),
            ],
        );
    }
}
