//! Tool arguments that a schema mirrors into headers with `x-mcp-header`.

use serde_json::{Map, Number, Value};

use crate::RawJson;

const ANNOTATION: &str = "x-mcp-header";
/// The largest integer that every JSON reader keeps exact: 2^53 - 1.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// The arguments of one tool that are mirrored into headers.
///
/// # Specification
///
/// MCP 2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ParamHeaders(Vec<ParamHeader>);

/// One mirrored argument.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamHeader {
    /// The header's name without `Mcp-Param-`, as the schema spells it.
    pub name: String,
    /// The property names that lead from the arguments to the value.
    pub path: Vec<String>,
}

/// Why a schema's annotations are invalid. A client drops the tool; a server refuses to register it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParamHeadersError {
    /// The schema is not a JSON object.
    #[error("the input schema is not an object")]
    NotAnObject,
    /// The annotation is not a string of header name characters.
    #[error("x-mcp-header is not a header name")]
    Name,
    /// Two annotations name the same header.
    #[error("two properties use the same x-mcp-header")]
    Duplicate,
    /// The property is not a string, an integer or a boolean.
    #[error("x-mcp-header is on a property that is not a string, an integer or a boolean")]
    Type,
    /// The property cannot be reached by `properties` alone.
    #[error("x-mcp-header is not reachable through properties alone")]
    Unreachable,
}

impl ParamHeaders {
    /// Reads the annotations of an input schema.
    ///
    /// # Errors
    ///
    /// [`ParamHeadersError`] names the first annotation rule that is broken.
    pub fn from_schema(schema: &RawJson) -> Result<Self, ParamHeadersError> {
        if !schema.get().contains("x-mcp-header") && !schema.get().contains('\\') {
            return match schema.is_object() {
                true => Ok(Self::default()),
                false => Err(ParamHeadersError::NotAnObject),
            };
        }
        let Ok(Value::Object(schema)) = schema.decode() else {
            return Err(ParamHeadersError::NotAnObject);
        };
        let mut found = Vec::new();
        visit_schema(&schema, &mut Vec::new(), &mut found)?;
        if schema.contains_key(ANNOTATION) {
            return Err(ParamHeadersError::Unreachable);
        }
        for (index, header) in found.iter().enumerate() {
            if found
                .iter()
                .skip(index + 1)
                .any(|other| other.name.eq_ignore_ascii_case(&header.name))
            {
                return Err(ParamHeadersError::Duplicate);
            }
        }
        Ok(Self(found))
    }

    /// Whether no argument is mirrored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The mirrored arguments.
    pub fn iter(&self) -> impl Iterator<Item = &ParamHeader> {
        self.0.iter()
    }

    /// The header values of these arguments: one for each mirrored property that is present and not
    /// null, in plain text (not yet encoded for the header).
    #[must_use]
    pub fn values(&self, arguments: Option<&str>) -> Vec<(&str, String)> {
        if self.is_empty() {
            return Vec::new();
        }
        let arguments = arguments.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let value_of = |header: &ParamHeader| header.text_in(arguments.as_ref()?);
        self.0.iter().filter_map(|header| Some((header.name.as_str(), value_of(header)?))).collect()
    }

    /// Whether `header` (decoded; `None` if absent) agrees with the body for every mirrored argument.
    #[must_use]
    pub fn agree<'h>(
        &self,
        arguments: Option<&str>,
        mut header: impl FnMut(&str) -> Option<std::borrow::Cow<'h, str>>,
    ) -> bool {
        if self.is_empty() {
            return true;
        }
        let arguments = arguments.and_then(|text| serde_json::from_str::<Value>(text).ok());
        self.0.iter().all(|mirrored| {
            let body = arguments.as_ref().and_then(|arguments| mirrored.value_in(arguments));
            match (body, header(&mirrored.name)) {
                (None | Some(Value::Null), None) => true,
                (Some(Value::String(body)), Some(header)) => *body == header,
                (Some(Value::Bool(body)), Some(header)) => {
                    header == if *body { "true" } else { "false" }
                }
                (Some(Value::Number(body)), Some(header)) => {
                    serde_json::from_str(&header).is_ok_and(|header| same_number(body, &header))
                }
                _ => false,
            }
        })
    }
}

impl ParamHeader {
    fn value_in<'v>(&self, arguments: &'v Value) -> Option<&'v Value> {
        self.path.iter().try_fold(arguments, |value, property| value.get(property))
    }

    fn text_in(&self, arguments: &Value) -> Option<String> {
        match self.value_in(arguments)? {
            Value::String(text) => Some(text.clone()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Number(number) => safe_integer(number).map(|integer| integer.to_string()),
            _ => None,
        }
    }
}

/// A whole number that every reader keeps exact, however it is written. Others are not mirrored: the text
/// that one reader writes, another one reads as another number.
fn safe_integer(number: &Number) -> Option<i64> {
    let integer = match number.as_i128() {
        Some(integer) => i64::try_from(integer).ok()?,
        None => {
            let float = number.as_f64().filter(|float| float.fract() == 0.0)?;
            // Saturates beyond what is safe, and far from it.
            float as i64
        }
    };
    (-MAX_SAFE_INTEGER..=MAX_SAFE_INTEGER).contains(&integer).then_some(integer)
}

/// Whether two numbers are one. Integers are compared as integers: beyond 2^53 different ones have the
/// same `f64`, and a proxy would have let another number pass than the tool gets.
fn same_number(one: &Number, other: &Number) -> bool {
    let same_float = one.as_f64() == other.as_f64();
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => one == other,
        (None, None) => same_float,
        (Some(integer), None) | (None, Some(integer)) => {
            same_float && integer.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs().into()
        }
    }
}

/// Collects the annotations below `properties`, and refuses them anywhere else.
fn visit_schema(
    schema: &Map<String, Value>,
    path: &mut Vec<String>,
    found: &mut Vec<ParamHeader>,
) -> Result<(), ParamHeadersError> {
    for (keyword, value) in schema {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (property, schema) in properties {
                    let Value::Object(schema) = schema else { continue };
                    path.push(property.clone());
                    if let Some(name) = schema.get(ANNOTATION) {
                        found.push(annotated(name, schema, path)?);
                    }
                    visit_schema(schema, path, found)?;
                    path.pop();
                }
            }
            // Examples and constants are data, not schemas.
            (ANNOTATION | "const" | "enum" | "default" | "examples", _) => {}
            (_, value) => refuse_below(value)?,
        }
    }
    Ok(())
}

fn annotated(
    name: &Value,
    schema: &Map<String, Value>,
    path: &[String],
) -> Result<ParamHeader, ParamHeadersError> {
    let name = name.as_str().filter(|name| is_token(name)).ok_or(ParamHeadersError::Name)?;
    match schema.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "boolean") => {
            Ok(ParamHeader { name: name.to_owned(), path: path.to_owned() })
        }
        _ => Err(ParamHeadersError::Type),
    }
}

fn refuse_below(value: &Value) -> Result<(), ParamHeadersError> {
    match value {
        Value::Object(object) if object.contains_key(ANNOTATION) => {
            Err(ParamHeadersError::Unreachable)
        }
        Value::Object(object) => object.values().try_for_each(refuse_below),
        Value::Array(items) => items.iter().try_for_each(refuse_below),
        _ => Ok(()),
    }
}

/// `1*tchar` of RFC 9110, section 5.6.2.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ParamHeaders, ParamHeadersError as Error};

    fn check(schema: serde_json::Value, expected: Result<&[&str], Error>) {
        let headers = ParamHeaders::from_schema(&schema.clone().into());
        let names =
            headers.map(|headers| headers.iter().map(|h| h.name.clone()).collect::<Vec<_>>());
        assert_eq!(
            names,
            expected.map(|names| names.iter().map(ToString::to_string).collect()),
            "{schema}"
        );
    }

    fn on(property: serde_json::Value) -> serde_json::Value {
        json!({ "type": "object", "properties": { "p": property } })
    }

    #[test]
    fn annotations_follow_the_rules() {
        check(json!({ "type": "object" }), Ok(&[]));
        check(on(json!({ "type": "string", "x-mcp-header": "Region" })), Ok(&["Region"]));
        check(on(json!({ "type": "integer", "x-mcp-header": "N" })), Ok(&["N"]));
        check(
            on(
                json!({ "type": "object", "properties": { "q": { "type": "boolean", "x-mcp-header": "Q" } } }),
            ),
            Ok(&["Q"]),
        );
        check(on(json!({ "type": "number", "x-mcp-header": "N" })), Err(Error::Type));
        check(on(json!({ "type": ["string", "null"], "x-mcp-header": "N" })), Err(Error::Type));
        check(on(json!({ "x-mcp-header": "N" })), Err(Error::Type));
        check(on(json!({ "type": "object", "x-mcp-header": "N" })), Err(Error::Type));
        for name in [
            json!(""),
            json!("a b"),
            json!("a\r\nb"),
            json!("a:b"),
            json!("é"),
            json!(1),
            json!(null),
        ] {
            check(on(json!({ "type": "string", "x-mcp-header": name })), Err(Error::Name));
        }
        check(
            json!({ "type": "object", "properties": {
                "a": { "type": "string", "x-mcp-header": "X" },
                "b": { "type": "string", "x-mcp-header": "x" } } }),
            Err(Error::Duplicate),
        );
        let annotated = json!({ "type": "string", "x-mcp-header": "X" });
        for schema in [
            on(json!({ "type": "array", "items": annotated })),
            on(json!({ "anyOf": [annotated] })),
            json!({ "type": "object", "oneOf": [{ "properties": { "a": annotated } }] }),
            json!({ "type": "object", "if": { "properties": { "a": annotated } } }),
            json!({ "type": "object", "$defs": { "d": annotated }, "properties": { "a": { "$ref": "#/$defs/d" } } }),
            json!({ "type": "object", "additionalProperties": annotated }),
            json!({ "type": "object", "x-mcp-header": "X" }),
        ] {
            check(schema, Err(Error::Unreachable));
        }
        check(json!([]), Err(Error::NotAnObject));
    }

    #[test]
    fn values_come_from_the_exact_path() {
        let headers = ParamHeaders::from_schema(
            &json!({ "type": "object", "properties": {
                "a": { "type": "string", "x-mcp-header": "A" },
                "b": { "type": "object", "properties": { "c": { "type": "integer", "x-mcp-header": "C" } } },
                "d": { "type": "boolean", "x-mcp-header": "D" } } })
            .into(),
        )
        .unwrap();
        let check = |arguments: &str, expected: &[(&str, &str)]| {
            let expected: Vec<_> =
                expected.iter().map(|(name, value)| (*name, value.to_string())).collect();
            assert_eq!(headers.values(Some(arguments)), expected, "{arguments}");
        };
        check(r#"{"a":"x","b":{"c":-7},"d":true}"#, &[("A", "x"), ("C", "-7"), ("D", "true")]);
        check(r#"{"a":null,"c":3}"#, &[]);
        for unsafe_or_broken in [
            "9007199254740992",
            "-9007199254740992",
            "18446744073709551615",
            "45035991627035996370496",
            "1e300",
            "1.5",
        ] {
            check(&format!(r#"{{"b":{{"c":{unsafe_or_broken}}}}}"#), &[]);
        }
        for (written, expected) in [("42.0", "42"), ("1e3", "1000"), ("-0.0", "0")] {
            check(&format!(r#"{{"b":{{"c":{written}}}}}"#), &[("C", expected)]);
        }
        assert!(headers.values(None).is_empty());

        let agree = |arguments: &str, sent: &[(&str, &'static str)]| {
            headers.agree(Some(arguments), |name| {
                sent.iter().find(|(sent, _)| *sent == name).map(|(_, value)| (*value).into())
            })
        };
        assert!(agree(r#"{"a":"x","b":{"c":42}}"#, &[("A", "x"), ("C", "42.0")]));
        assert!(agree("{}", &[]));
        assert!(agree(r#"{"a":null}"#, &[]));
        assert!(!agree(r#"{"a":"x"}"#, &[]));
        assert!(!agree(r#"{"a":"x"}"#, &[("A", "X")]));
        assert!(!agree("{}", &[("A", "x")]));
        assert!(!agree(r#"{"b":{"c":42}}"#, &[("C", "forty-two")]));
        assert!(!agree(r#"{"d":true}"#, &[("D", "True")]));
        assert!(!agree(r#"{"a":["x"]}"#, &[("A", "x")]));
        assert!(agree(r#"{"b":{"c":9007199254740993}}"#, &[("C", "9007199254740993")]));
        for close in ["9007199254740992", "9007199254740994", "9007199254740992.0"] {
            assert!(!agree(r#"{"b":{"c":9007199254740993}}"#, &[("C", close)]), "{close}");
        }
    }
}
