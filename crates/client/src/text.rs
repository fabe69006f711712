//! Decodes the text of a tool as whatever type the caller wants: text stays text, all else is JSON.

use serde::{
    Deserializer,
    de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor},
    forward_to_deserialize_any,
};
use serde_json::Error;

/// Decodes `text` as a `T`. A `T` that wants a string gets the text as it is, even if it looks like JSON;
/// every other `T` gets it read as JSON.
pub(crate) fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    T::deserialize(Text(text))
}

struct Text<'a>(&'a str);

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        // A self-describing type takes JSON if it is JSON. The syntax is checked first, because a visitor
        // cannot be used twice.
        match serde_json::from_str::<serde::de::IgnoredAny>(self.0) {
            Ok(_) => json(self.0, |json| json.deserialize_any(visitor)),
            Err(_) => visitor.visit_borrowed_str(self.0),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.trim() {
            "null" => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        // Raw JSON is a newtype to serde.
        if name.starts_with('$') {
            return json(self.0, |json| json.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match variants.contains(&self.0) {
            true => visitor.visit_enum(self.0.into_deserializer()),
            false => json(self.0, |json| json.deserialize_enum(name, variants, visitor)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0.trim() {
            "" | "null" => visitor.visit_unit(),
            _ => Err(Error::custom("text where nothing was expected")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        json(self.0, |json| json.deserialize_bool(visitor))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        json(self.0, |json| json.deserialize_seq(visitor))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        json(self.0, |json| json.deserialize_map(visitor))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        json(self.0, |json| json.deserialize_struct(name, fields, visitor))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 bytes byte_buf unit_struct tuple tuple_struct
        identifier ignored_any
    }
}

/// Reads one whole JSON value.
fn json<'de, T>(
    text: &'de str,
    read: impl FnOnce(&mut serde_json::Deserializer<serde_json::de::StrRead<'de>>) -> Result<T, Error>,
) -> Result<T, Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    let value = read(&mut json)?;
    json.end()?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use palisade_protocol::RawJson;
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::decode;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Point {
        x: i32,
        name: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Color {
        Red,
        Other { code: u8 },
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Wrapped(String);

    fn check<T: serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(
        text: &str,
        value: Option<T>,
    ) {
        assert_eq!(decode::<T>(text).ok(), value, "{text}");
    }

    #[test]
    fn text_stays_text_and_all_else_is_json() {
        check("42", Some(42_u8));
        check("-1.5", Some(-1.5_f64));
        check("300", None::<u8>);
        check("four", None::<u8>);
        check("4 2", None::<u8>);
        check("true", Some(true));
        check("42", Some("42".to_owned()));
        check(r#""quoted""#, Some(r#""quoted""#.to_owned()));
        check("", Some(String::new()));
        check("x", Some(Some("x".to_owned())));
        check("null", Some(None::<u8>));
        check("7", Some(Wrapped("7".to_owned())));
        check(r#"{"x":1,"name":"n"}"#, Some(Point { x: 1, name: "n".to_owned() }));
        check(r#"{"x":1,"name":"n"} trailing"#, None::<Point>);
        check("[1,2]", Some(vec![1, 2]));
        check("[1,2]", Some((1, 2)));
        check("Red", Some(Color::Red));
        check(r#""Red""#, Some(Color::Red));
        check(r#"{"Other":{"code":3}}"#, Some(Color::Other { code: 3 }));
        check("", Some(()));
        check("text", None::<()>);
        check("{\"a\":1}", Some(json!({ "a": 1 })));
        check("3", Some(json!(3)));
        check("plain words", Some(Value::from("plain words")));
        check("[1 ]", Some(RawJson::from_text("[1 ]".to_owned()).unwrap()));
    }
}
