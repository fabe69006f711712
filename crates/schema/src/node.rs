//! A schema in the form in which it is checked.

use std::{cmp::Ordering, collections::BTreeMap};

use serde_json::Value;

use crate::{
    equal::ValueSet,
    number::{Decimal, Num},
    pattern::Pattern,
};

/// A schema within the compiled one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(pub(crate) usize);

/// A document, or a part of one with an `$id` of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ResourceId(pub(crate) usize);

/// One schema. `true` has no keywords.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) resource: ResourceId,
    pub(crate) keywords: Vec<Keyword>,
    /// What is applied to members and items that no other keyword has looked at.
    pub(crate) unevaluated: Unevaluated,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unevaluated {
    pub(crate) members: Option<NodeId>,
    pub(crate) items: Option<NodeId>,
}

/// One thing to check. Keywords that need each other are one.
#[derive(Debug)]
pub(crate) enum Keyword {
    /// `false`
    Nothing,
    Type(Types),
    Const(Value),
    Enum {
        values: ValueSet,
        shown: String,
    },
    MultipleOf(Decimal, String),
    Bound {
        bound: Bound,
        limit: Num,
        shown: String,
    },
    Length {
        min: u64,
        max: u64,
    },
    Pattern(Pattern),
    Size {
        min: u64,
        max: u64,
        of: Container,
    },
    Unique,
    Required(Vec<String>),
    DependentRequired(BTreeMap<String, Vec<String>>),
    Ref(NodeId),
    /// The outermost resource on the way here that has a schema of this name, or else the target.
    DynamicRef {
        name: String,
        target: NodeId,
    },
    AllOf(Vec<NodeId>),
    AnyOf(Vec<NodeId>),
    OneOf(Vec<NodeId>),
    Not(NodeId),
    If {
        condition: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
    Items {
        prefix: Vec<NodeId>,
        rest: Option<NodeId>,
    },
    Contains {
        node: NodeId,
        min: u64,
        max: u64,
        evaluates: bool,
    },
    Members {
        named: BTreeMap<String, NodeId>,
        patterns: Vec<(Pattern, NodeId)>,
        rest: Option<NodeId>,
    },
    MemberNames(NodeId),
    DependentSchemas(BTreeMap<String, NodeId>),
}

/// Which side a number has to be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Minimum,
    ExclusiveMinimum,
    Maximum,
    ExclusiveMaximum,
}

impl Bound {
    pub(crate) fn allows(self, compared: Ordering) -> bool {
        match self {
            Self::Minimum => compared.is_ge(),
            Self::ExclusiveMinimum => compared.is_gt(),
            Self::Maximum => compared.is_le(),
            Self::ExclusiveMaximum => compared.is_lt(),
        }
    }

    pub(crate) fn demand(self) -> &'static str {
        match self {
            Self::Minimum => "is less than",
            Self::ExclusiveMinimum => "is not greater than",
            Self::Maximum => "is greater than",
            Self::ExclusiveMaximum => "is not less than",
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Items,
    Members,
}

/// The types that a value may be of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Types(pub(crate) Vec<&'static str>);

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

impl Types {
    pub(crate) fn known(name: &str) -> Option<&'static str> {
        TYPES.into_iter().find(|known| *known == name)
    }

    pub(crate) fn allow(&self, value: &Value) -> bool {
        self.0.iter().any(|name| match (*name, value) {
            ("array", Value::Array(_))
            | ("boolean", Value::Bool(_))
            | ("null", Value::Null)
            | ("number", Value::Number(_))
            | ("object", Value::Object(_))
            | ("string", Value::String(_)) => true,
            ("integer", Value::Number(number)) => Num::of(number).is_whole(),
            _ => false,
        })
    }
}

/// What a schema within a schema is applied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The value itself.
    Same,
    /// A part of it.
    Part,
}

impl Node {
    /// The schema `false`.
    pub(crate) fn nothing(resource: ResourceId) -> Self {
        let unevaluated = Unevaluated::default();
        Self { resource, keywords: vec![Keyword::Nothing], unevaluated }
    }

    /// Calls `visit` with each schema that this one applies.
    pub(crate) fn for_each(&self, visit: &mut dyn FnMut(Reach, NodeId)) {
        let Unevaluated { members, items } = self.unevaluated;
        members.iter().chain(&items).for_each(|node| visit(Reach::Part, *node));
        for keyword in &self.keywords {
            keyword.for_each(visit);
        }
    }
}

impl Keyword {
    fn for_each(&self, visit: &mut dyn FnMut(Reach, NodeId)) {
        let mut all = |reach, nodes: &mut dyn Iterator<Item = &NodeId>| {
            nodes.for_each(|node| visit(reach, *node));
        };
        match self {
            Self::Ref(node) | Self::DynamicRef { target: node, .. } | Self::Not(node) => {
                all(Reach::Same, &mut std::iter::once(node));
            }
            Self::AllOf(nodes) | Self::AnyOf(nodes) | Self::OneOf(nodes) => {
                all(Reach::Same, &mut nodes.iter());
            }
            Self::If { condition, then, otherwise } => {
                all(Reach::Same, &mut std::iter::once(condition).chain(then).chain(otherwise));
            }
            Self::DependentSchemas(named) => all(Reach::Same, &mut named.values()),
            Self::Items { prefix, rest } => all(Reach::Part, &mut prefix.iter().chain(rest)),
            Self::Members { named, patterns, rest } => {
                let patterns = patterns.iter().map(|(_, node)| node);
                all(Reach::Part, &mut named.values().chain(patterns).chain(rest));
            }
            Self::Contains { node, .. } | Self::MemberNames(node) => {
                all(Reach::Part, &mut std::iter::once(node));
            }
            Self::Nothing
            | Self::Type(_)
            | Self::Const(_)
            | Self::Enum { .. }
            | Self::MultipleOf(..)
            | Self::Bound { .. }
            | Self::Length { .. }
            | Self::Pattern(_)
            | Self::Size { .. }
            | Self::Unique
            | Self::Required(_)
            | Self::DependentRequired(_) => {}
        }
    }
}
