//! Macros that write what every type needs: setters, the fields shared by results, open enums.

/// Writes `with_*` methods. `into`: an optional field from anything that converts; `some`: an optional
/// field from the value itself; `set`: a plain field from the value itself.
macro_rules! setters {
    ($type:ident { $($(#[$doc:meta])+ $setter:ident($kind:ident $field:ident: $value:ty);)+ }) => {
        impl $type {
            $(setters!(@$kind [$(#[$doc])+] $setter $field $value);)+
        }
    };
    (@into [$($doc:tt)+] $setter:ident $field:ident $value:ty) => {
        $($doc)+
        #[must_use]
        pub fn $setter(mut self, $field: impl Into<$value>) -> Self {
            self.$field = Some($field.into());
            self
        }
    };
    (@some [$($doc:tt)+] $setter:ident $field:ident $value:ty) => {
        $($doc)+
        #[must_use]
        pub fn $setter(mut self, $field: $value) -> Self {
            self.$field = Some($field);
            self
        }
    };
    (@set [$($doc:tt)+] $setter:ident $field:ident $value:ty) => {
        $($doc)+
        #[must_use]
        pub fn $setter(mut self, $field: $value) -> Self {
            self.$field = $field;
            self
        }
    };
}

/// Implements [`ResultBody`](crate::ResultBody) and the setter of `_meta` for a result.
macro_rules! result_body {
    ($($type:ident),+ $(,)?) => {$(
        impl crate::ResultBody for $type {
            fn meta(&self) -> &crate::ResultMeta {
                &self.meta
            }

            fn meta_mut(&mut self) -> &mut crate::ResultMeta {
                &mut self.meta
            }

            fn result_type(&self) -> Option<&crate::ResultType> {
                self.result_type.as_ref()
            }

            fn result_type_mut(&mut self) -> &mut Option<crate::ResultType> {
                &mut self.result_type
            }
        }

        setters!($type {
            /// Sets `_meta`.
            with_meta(set meta: crate::ResultMeta);
        });
    )+};
}

/// Writes an enum of known strings plus `Other`, because the specification leaves the set open.
macro_rules! open_string_enum {
    ($(#[$doc:meta])+ pub enum $name:ident { $($(#[$variant_doc:meta])+ $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])+ $variant,)+
            /// A value that this crate does not know.
            Other(String),
        }

        impl $name {
            /// The value on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(other) => other,
                }
            }

            fn known(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::known(text).unwrap_or_else(|| Self::Other(text.to_owned()))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::known(&text).unwrap_or(Self::Other(text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        Ok($name::from(text))
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}
