//! Fields of a form with a fixed set of answers: the five forms of the specification.

use super::PrimitiveSchemaDefinition;

/// A field with a fixed set of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnumSchema {
    /// One of several values.
    UntitledSingleSelect(UntitledSingleSelectEnumSchema),
    /// One of several values that have titles.
    TitledSingleSelect(TitledSingleSelectEnumSchema),
    /// Any of several values.
    UntitledMultiSelect(UntitledMultiSelectEnumSchema),
    /// Any of several values that have titles.
    TitledMultiSelect(TitledMultiSelectEnumSchema),
    /// One of several values, with titles as of 2025-06-18. Deprecated by the specification.
    LegacyTitled(LegacyTitledEnumSchema),
}

impl EnumSchema {
    /// One of these values.
    #[must_use]
    pub fn one_of<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        UntitledSingleSelectEnumSchema::new(values).into()
    }

    /// Any of these values.
    #[must_use]
    pub fn any_of<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        UntitledMultiSelectEnumSchema::new(values).into()
    }

    /// The values that can be chosen, in order.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let (plain, titled): (&[String], &[EnumOption]) = match self {
            Self::UntitledSingleSelect(schema) => (&schema.values, &[]),
            Self::TitledSingleSelect(schema) => (&[], &schema.options),
            Self::UntitledMultiSelect(schema) => (&schema.values, &[]),
            Self::TitledMultiSelect(schema) => (&[], &schema.options),
            Self::LegacyTitled(schema) => (&schema.values, &[]),
        };
        plain.iter().map(String::as_str).chain(titled.iter().map(|option| option.value.as_str()))
    }

    /// The field's title.
    #[must_use]
    pub fn title(&self) -> Option<&str> {
        match self {
            Self::UntitledSingleSelect(schema) => schema.title.as_deref(),
            Self::TitledSingleSelect(schema) => schema.title.as_deref(),
            Self::UntitledMultiSelect(schema) => schema.title.as_deref(),
            Self::TitledMultiSelect(schema) => schema.title.as_deref(),
            Self::LegacyTitled(schema) => schema.title.as_deref(),
        }
    }
}

/// A value that can be chosen, and its title.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct EnumOption {
    /// The value. On the wire: `const`.
    #[serde(rename = "const")]
    pub value: String,
    /// What the user sees.
    pub title: String,
}

impl EnumOption {
    /// A value and its title.
    #[must_use]
    pub fn new(value: impl Into<String>, title: impl Into<String>) -> Self {
        Self { value: value.into(), title: title.into() }
    }
}

/// One of several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UntitledSingleSelectEnumSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// The values. On the wire: `enum`.
    pub values: Vec<String>,
    /// The value chosen at first.
    pub default: Option<String>,
}

/// One of several values that have titles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TitledSingleSelectEnumSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// The values. On the wire: `oneOf`.
    pub options: Vec<EnumOption>,
    /// The value chosen at first.
    pub default: Option<String>,
}

/// Any of several values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UntitledMultiSelectEnumSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// How many must be chosen. Default: 0.
    pub min_items: Option<u64>,
    /// How many can be chosen. Default: all.
    pub max_items: Option<u64>,
    /// The values. On the wire: `items.enum`.
    pub values: Vec<String>,
    /// The values chosen at first.
    pub default: Option<Vec<String>>,
}

/// Any of several values that have titles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TitledMultiSelectEnumSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// How many must be chosen. Default: 0.
    pub min_items: Option<u64>,
    /// How many can be chosen. Default: all.
    pub max_items: Option<u64>,
    /// The values. On the wire: `items.anyOf`.
    pub options: Vec<EnumOption>,
    /// The values chosen at first.
    pub default: Option<Vec<String>>,
}

/// One of several values, with titles as of 2025-06-18. Deprecated by the specification: prefer
/// [`TitledSingleSelectEnumSchema`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LegacyTitledEnumSchema {
    /// What the user sees. Default: the field's name.
    pub title: Option<String>,
    /// What the field is for.
    pub description: Option<String>,
    /// The values. On the wire: `enum`.
    pub values: Vec<String>,
    /// The titles of the values, in their order. On the wire: `enumNames`.
    pub names: Vec<String>,
    /// The value chosen at first.
    pub default: Option<String>,
}

impl UntitledSingleSelectEnumSchema {
    /// One of these values.
    #[must_use]
    pub fn new<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        Self { values: values.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

impl TitledSingleSelectEnumSchema {
    /// One of these values.
    #[must_use]
    pub fn new(options: impl IntoIterator<Item = EnumOption>) -> Self {
        Self { options: options.into_iter().collect(), ..Self::default() }
    }
}

impl UntitledMultiSelectEnumSchema {
    /// Any of these values.
    #[must_use]
    pub fn new<V: Into<String>>(values: impl IntoIterator<Item = V>) -> Self {
        Self { values: values.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

impl TitledMultiSelectEnumSchema {
    /// Any of these values.
    #[must_use]
    pub fn new(options: impl IntoIterator<Item = EnumOption>) -> Self {
        Self { options: options.into_iter().collect(), ..Self::default() }
    }
}

impl LegacyTitledEnumSchema {
    /// One of these values, each with its title.
    #[must_use]
    pub fn new<V: Into<String>, N: Into<String>>(
        options: impl IntoIterator<Item = (V, N)>,
    ) -> Self {
        let (values, names) =
            options.into_iter().map(|(value, name)| (value.into(), name.into())).unzip();
        Self { values, names, ..Self::default() }
    }
}

macro_rules! enum_schema {
    ($($type:ident => $variant:ident),+ $(,)?) => {$(
        setters!($type {
            /// Sets what the user sees.
            with_title(into title: String);
            /// Sets what the field is for.
            with_description(into description: String);
        });

        impl From<$type> for EnumSchema {
            fn from(schema: $type) -> Self {
                Self::$variant(schema)
            }
        }

        impl From<$type> for PrimitiveSchemaDefinition {
            fn from(schema: $type) -> Self {
                Self::Enum(schema.into())
            }
        }
    )+};
}

enum_schema!(
    UntitledSingleSelectEnumSchema => UntitledSingleSelect,
    TitledSingleSelectEnumSchema => TitledSingleSelect,
    UntitledMultiSelectEnumSchema => UntitledMultiSelect,
    TitledMultiSelectEnumSchema => TitledMultiSelect,
    LegacyTitledEnumSchema => LegacyTitled,
);

setters!(UntitledSingleSelectEnumSchema {
    /// Sets the value chosen at first.
    with_default(into default: String);
});
setters!(TitledSingleSelectEnumSchema {
    /// Sets the value chosen at first.
    with_default(into default: String);
});
setters!(LegacyTitledEnumSchema {
    /// Sets the value chosen at first.
    with_default(into default: String);
});
setters!(UntitledMultiSelectEnumSchema {
    /// Sets the values chosen at first.
    with_default(into default: Vec<String>);
    /// Sets how many must be chosen.
    with_min_items(some min_items: u64);
    /// Sets how many can be chosen.
    with_max_items(some max_items: u64);
});
setters!(TitledMultiSelectEnumSchema {
    /// Sets the values chosen at first.
    with_default(into default: Vec<String>);
    /// Sets how many must be chosen.
    with_min_items(some min_items: u64);
    /// Sets how many can be chosen.
    with_max_items(some max_items: u64);
});
