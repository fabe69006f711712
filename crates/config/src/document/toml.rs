//! TOML, with the line of each key.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{Document, SyntaxError};
use crate::findings::join;

/// The deepest nesting. What a configuration needs is below ten; the parser has a bound of its own.
const MAX_DEPTH: usize = 64;

pub(super) fn parse(text: &str) -> Result<Document, SyntaxError> {
    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
    let line = |offset: usize| 1 + ends.partition_point(|end| *end < offset);
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        line: line(error.span().map_or(0, |span| span.start)),
        message: describe(error.message()),
    })?;
    let mut reader = Reader { lines: BTreeMap::new(), line: &line };
    let value = reader.table(table.into_inner(), "", 0)?;
    Ok(Document { value, lines: reader.lines })
}

/// The first line of what the parser says, which names no values, and bounded all the same.
fn describe(message: &str) -> String {
    message.lines().next().unwrap_or_default().chars().take(120).collect()
}

struct Reader<'a> {
    lines: BTreeMap<String, usize>,
    line: &'a dyn Fn(usize) -> usize,
}

impl Reader<'_> {
    fn table(
        &mut self,
        table: DeTable<'_>,
        path: &str,
        depth: usize,
    ) -> Result<Value, SyntaxError> {
        let mut map = Map::new();
        for (key, value) in table {
            let path = join(path, key.get_ref());
            self.lines.insert(path.clone(), (self.line)(key.span().start));
            map.insert(key.get_ref().to_string(), self.value(value, &path, depth)?);
        }
        Ok(Value::Object(map))
    }

    fn value(
        &mut self,
        value: Spanned<DeValue<'_>>,
        path: &str,
        depth: usize,
    ) -> Result<Value, SyntaxError> {
        let start = value.span().start;
        if depth > MAX_DEPTH {
            let message = "the nesting is too deep".to_owned();
            return Err(SyntaxError { line: (self.line)(start), message });
        }
        Ok(match value.into_inner() {
            DeValue::String(text) => text.into_owned().into(),
            DeValue::Boolean(value) => value.into(),
            // Written as a date or as a string, a time is the same.
            DeValue::Datetime(time) => time.to_string().into(),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or_else(|_| Value::from(f64::MAX), Value::from),
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .ok()
                .and_then(Number::from_f64)
                .map_or(Value::Null, Value::Number),
            DeValue::Array(items) => {
                let mut array = Vec::new();
                for item in items {
                    let path = format!("{path}[{}]", array.len());
                    self.lines.insert(path.clone(), (self.line)(item.span().start));
                    array.push(self.value(item, &path, depth + 1)?);
                }
                Value::Array(array)
            }
            DeValue::Table(table) => self.table(table, path, depth + 1)?,
        })
    }
}
