//! Values that are encoded once and sent many times.

use std::{fmt, ops::Deref, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use crate::RawJson;

/// A value together with its JSON text. Read it like the value; encoding it copies the text. A clone shares
/// both.
#[derive(Clone)]
pub struct Encoded<T>(Arc<(T, RawJson)>);

impl<T: Serialize> Encoded<T> {
    /// Encodes a value.
    ///
    /// # Errors
    ///
    /// If the value's own `Serialize` fails.
    pub fn new(value: T) -> Result<Self, serde_json::Error> {
        let text = RawJson::from_serialize(&value)?;
        Ok(Self(Arc::new((value, text))))
    }
}

impl<T> Encoded<T> {
    /// The JSON text.
    pub(crate) fn text(&self) -> &str {
        self.0.1.get()
    }
}

impl<T> Deref for Encoded<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.0
    }
}

impl<T: PartialEq> PartialEq for Encoded<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Encoded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Serialize for Encoded<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.1.serialize(serializer)
    }
}

impl<'de, T: Serialize + DeserializeOwned> Deserialize<'de> for Encoded<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // By way of the value: text can only be had from a JSON reader itself, not from what buffers it.
        T::deserialize(deserializer)
            .and_then(|value| Self::new(value).map_err(serde::de::Error::custom))
    }
}

#[cfg(test)]
mod tests {
    use super::Encoded;
    use crate::Implementation;

    #[test]
    fn is_sent_and_read_like_its_value() {
        let value = Implementation::new("a", "1");
        let encoded = Encoded::new(value.clone()).unwrap();
        let text = serde_json::to_string(&encoded).unwrap();
        assert_eq!(text, serde_json::to_string(&value).unwrap());
        let read: Encoded<Implementation> = serde_json::from_str(&text).unwrap();
        assert_eq!((&*read, read.name.as_str()), (&value, "a"));
    }
}
