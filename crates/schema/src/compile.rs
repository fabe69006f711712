//! From JSON to the form in which it is checked.
//!
//! First every schema in the document becomes a node, and every `$id` and anchor is noted; then references are
//! resolved. A reference may lead to what no keyword calls a schema: that becomes a node then.

mod keywords;
mod read;
mod references;

use std::collections::HashMap;

use serde_json::{Map, Value};

use self::{read::Reader, references::Pending};
use crate::{
    Dialect, SchemaError,
    node::{Keyword, Node, NodeId, ResourceId, Unevaluated},
    pattern::PatternRoom,
    schema::Compiled,
    uri,
};

/// How deep a schema may nest: compiling recurses.
const MAX_DEPTH: usize = 128;

pub(crate) fn compile(schema: &Value) -> Result<Compiled, SchemaError> {
    let mut compiler = Compiler::default();
    let whole = compiler.add_resource(String::new(), schema, Dialect::default(), "")?;
    let root = compiler.node(schema, Position { resource: whole, place: "", depth: 0 })?;
    references::resolve_all(&mut compiler)?;
    let dynamic = compiler.resources.into_iter().map(|resource| resource.dynamic).collect();
    Ok(Compiled::new(root, compiler.nodes, dynamic))
}

#[derive(Default)]
struct Compiler<'s> {
    nodes: Vec<Node>,
    /// The nodes by where they stand in memory.
    known: HashMap<*const Value, NodeId>,
    resources: Vec<Resource<'s>>,
    by_uri: HashMap<String, ResourceId>,
    pending: Vec<Pending<'s>>,
    patterns: PatternRoom,
}

struct Resource<'s> {
    uri: String,
    root: &'s Value,
    dialect: Dialect,
    anchors: HashMap<String, NodeId>,
    dynamic: HashMap<String, NodeId>,
}

/// Where a schema stands.
#[derive(Clone, Copy)]
struct Position<'p> {
    resource: ResourceId,
    /// A JSON pointer, for errors.
    place: &'p str,
    depth: usize,
}

impl<'s> Compiler<'s> {
    fn node(&mut self, schema: &'s Value, at: Position<'_>) -> Result<NodeId, SchemaError> {
        if let Some(known) = self.known.get(&std::ptr::from_ref(schema)) {
            return Ok(*known);
        }
        if at.depth > MAX_DEPTH {
            return Err(SchemaError::TooDeep);
        }
        let id = NodeId(self.nodes.len());
        // Until its keywords are there, it refuses everything.
        self.nodes.push(Node::nothing(at.resource));
        self.known.insert(schema, id);
        match schema {
            Value::Bool(false) => {}
            Value::Bool(true) => self.finish(id, at.resource, Vec::new(), Unevaluated::default()),
            Value::Object(keywords) => {
                let (resource, dialect) = self.name(schema, keywords, id, at)?;
                let position = Position { resource, ..at };
                let reader = Reader { compiler: self, keywords, position, dialect };
                let (keywords, unevaluated) = reader.keywords(id)?;
                self.finish(id, resource, keywords, unevaluated);
            }
            _ => return Err(malformed(at.place, "a schema (an object or a boolean)")),
        }
        Ok(id)
    }

    fn finish(
        &mut self,
        id: NodeId,
        resource: ResourceId,
        keywords: Vec<Keyword>,
        unevaluated: Unevaluated,
    ) {
        if let Some(node) = self.nodes.get_mut(id.0) {
            *node = Node { resource, keywords, unevaluated };
        }
    }

    fn resource(&self, id: ResourceId) -> Option<&Resource<'s>> {
        self.resources.get(id.0)
    }

    /// Notes what a schema is called: its `$id` and its anchors. The resource and the dialect that it belongs to.
    fn name(
        &mut self,
        schema: &'s Value,
        keywords: &'s Map<String, Value>,
        node: NodeId,
        at: Position<'_>,
    ) -> Result<(ResourceId, Dialect), SchemaError> {
        let mut resource = at.resource;
        let (base, mut dialect) = self
            .resource(resource)
            .map(|resource| (resource.uri.clone(), resource.dialect))
            .unwrap_or_default();
        // The whole document is a resource with and without an `$id`, and says first how that is spelt.
        let whole = node.0 == 0;
        if whole {
            dialect = dialect_of(keywords, dialect)?;
        }
        if let Some(id) = text(keywords, dialect.id_keyword(keywords), at)? {
            let (uri, fragment) = uri::resolve(&base, id);
            if !whole && uri != base {
                dialect = dialect_of(keywords, dialect)?;
                resource = self.add_resource(uri, schema, dialect, at.place)?;
            } else if whole {
                self.rename(resource, uri);
            }
            // As drafts before 2019-09 had it.
            if !fragment.is_empty() {
                self.anchor(resource, fragment, node, false, at)?;
            }
        }
        if whole && let Some(resource) = self.resources.get_mut(resource.0) {
            resource.dialect = dialect;
        }
        let since_2019 = dialect >= Dialect::Draft2019;
        if let Some(name) = text(keywords, since_2019.then_some("$anchor"), at)? {
            self.anchor(resource, name, node, false, at)?;
        }
        let since_2020 = dialect >= Dialect::Draft2020;
        if let Some(name) = text(keywords, since_2020.then_some("$dynamicAnchor"), at)? {
            self.anchor(resource, name, node, true, at)?;
        }
        // An anchor without a name, at the beginning of its resource.
        if dialect == Dialect::Draft2019
            && keywords.get("$recursiveAnchor") == Some(&Value::Bool(true))
        {
            self.anchor(resource, "", node, true, at)?;
        }
        Ok((resource, dialect))
    }

    fn add_resource(
        &mut self,
        uri: String,
        root: &'s Value,
        dialect: Dialect,
        place: &str,
    ) -> Result<ResourceId, SchemaError> {
        let id = ResourceId(self.resources.len());
        if self.by_uri.insert(uri.clone(), id).is_some() {
            return Err(SchemaError::Ambiguous { place: place.to_owned() });
        }
        let (anchors, dynamic) = (HashMap::new(), HashMap::new());
        self.resources.push(Resource { uri, root, dialect, anchors, dynamic });
        Ok(id)
    }

    fn rename(&mut self, id: ResourceId, uri: String) {
        self.by_uri.clear();
        self.by_uri.insert(uri.clone(), id);
        if let Some(resource) = self.resources.get_mut(id.0) {
            resource.uri = uri;
        }
    }

    fn anchor(
        &mut self,
        resource: ResourceId,
        name: &str,
        node: NodeId,
        dynamic: bool,
        at: Position<'_>,
    ) -> Result<(), SchemaError> {
        let Some(resource) = self.resources.get_mut(resource.0) else { return Ok(()) };
        if dynamic {
            resource.dynamic.insert(name.to_owned(), node);
        }
        match resource.anchors.insert(name.to_owned(), node) {
            // Both spellings may give one schema the same name.
            Some(other) if other != node => {
                Err(SchemaError::Ambiguous { place: at.place.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

fn dialect_of(keywords: &Map<String, Value>, inherited: Dialect) -> Result<Dialect, SchemaError> {
    match keywords.get("$schema") {
        None => Ok(inherited),
        Some(Value::String(uri)) => Dialect::from_uri(uri).ok_or(SchemaError::Dialect),
        Some(_) => Err(SchemaError::Dialect),
    }
}

fn text<'s>(
    keywords: &'s Map<String, Value>,
    keyword: Option<&str>,
    at: Position<'_>,
) -> Result<Option<&'s str>, SchemaError> {
    let Some((keyword, value)) = keyword.and_then(|keyword| keywords.get_key_value(keyword)) else {
        return Ok(None);
    };
    let text = value.as_str();
    text.map(Some).ok_or_else(|| malformed(&format!("{}/{keyword}", at.place), "a text"))
}

fn malformed(place: &str, expected: &'static str) -> SchemaError {
    let place = if place.is_empty() { "/" } else { place };
    SchemaError::Malformed { place: place.to_owned(), expected }
}
