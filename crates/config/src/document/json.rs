//! JSON, where a key that is there twice is a finding: parsers differ in which one counts.

use std::{collections::BTreeMap, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Document, SyntaxError};
use crate::findings::{Findings, join};

pub(super) fn parse(text: &str, findings: &mut Findings) -> Result<Document, SyntaxError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let node = Node { path: String::new(), findings };
    let value = node.deserialize(&mut json).and_then(|value| {
        json.end()?;
        Ok(value)
    });
    match value {
        Ok(value @ Value::Object(_)) => Ok(Document { value, lines: BTreeMap::new() }),
        Ok(_) => Err(SyntaxError { line: 1, message: "the text is not an object".to_owned() }),
        // Its text would show values where they have the wrong type; here they have none to have.
        Err(error) => Err(SyntaxError {
            line: error.line(),
            message: format!("not json at column {}", error.column()),
        }),
    }
}

/// The value at a path.
struct Node<'a> {
    path: String,
    findings: &'a mut Findings,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("json")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let path = format!("{}[{}]", self.path, items.len());
            match seq.next_element_seed(Node { path, findings: &mut *self.findings })? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let path = join(&self.path, &key);
            let node = Node { path: path.clone(), findings: &mut *self.findings };
            if map.insert(key, entries.next_value_seed(node)?).is_some() {
                let message = "the key is there twice";
                self.findings.error(path, "duplicate_key", message, "remove one of the two");
            }
        }
        Ok(Value::Object(map))
    }
}
