//! What references mean, once everything has a name.

use serde_json::Value;

use super::{Compiler, Position};
use crate::{
    SchemaError,
    node::{Keyword, NodeId, ResourceId},
    uri,
};

/// A reference that is not resolved yet.
pub(super) struct Pending<'s> {
    /// The schema that it stands in, and the place among the keywords there.
    pub(super) node: NodeId,
    pub(super) slot: usize,
    pub(super) resource: ResourceId,
    pub(super) reference: &'s str,
    pub(super) target: Target,
    pub(super) place: String,
}

/// How a reference is looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// `$ref`
    Static,
    /// `$dynamicRef`
    Dynamic,
    /// `$recursiveRef`
    Recursive,
}

/// Resolves all references, including those in schemas that are found on the way.
pub(super) fn resolve_all(compiler: &mut Compiler<'_>) -> Result<(), SchemaError> {
    while let Some(pending) = compiler.pending.pop() {
        let keyword = compiler.resolve(&pending)?;
        let slot = compiler
            .nodes
            .get_mut(pending.node.0)
            .and_then(|node| node.keywords.get_mut(pending.slot));
        if let Some(slot) = slot {
            *slot = keyword;
        }
    }
    Ok(())
}

impl<'s> Compiler<'s> {
    fn resolve(&mut self, pending: &Pending<'s>) -> Result<Keyword, SchemaError> {
        let base = self.resource(pending.resource).map(|resource| resource.uri.as_str());
        let (uri, fragment) = uri::resolve(base.unwrap_or_default(), pending.reference);
        let place = || pending.place.clone();
        let resource = *self
            .by_uri
            .get(&uri)
            .ok_or_else(|| SchemaError::RemoteReference { place: place() })?;
        let dangling = || SchemaError::DanglingReference { place: place() };
        let fragment = uri::percent_decoded(fragment).ok_or_else(dangling)?;
        let named = self
            .resource(resource)
            .and_then(|resource| resource.anchors.get(&fragment).copied())
            .filter(|_| pending.target != Target::Static || !fragment.is_empty());
        let target = match named {
            Some(node) => node,
            None => self.follow(resource, &fragment, pending)?.ok_or_else(dangling)?,
        };
        let found = self.resource(resource).and_then(|found| found.dynamic.get(&fragment));
        if pending.target != Target::Static && found == Some(&target) {
            return Ok(Keyword::DynamicRef { name: fragment, target });
        }
        Ok(Keyword::Ref(target))
    }

    /// Follows a JSON pointer from the beginning of a resource. On the way it may enter others.
    fn follow(
        &mut self,
        mut resource: ResourceId,
        pointer: &str,
        pending: &Pending<'s>,
    ) -> Result<Option<NodeId>, SchemaError> {
        let Some(mut value) = self.resource(resource).map(|resource| resource.root) else {
            return Ok(None);
        };
        let mut tokens = pointer.split('/');
        if tokens.next() != Some("") {
            return Ok(None);
        }
        for token in tokens {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match value {
                Value::Object(members) => members.get(&token),
                Value::Array(items) if token == "0" || !token.starts_with(['0', '+']) => {
                    token.parse().ok().and_then(|at: usize| items.get(at))
                }
                _ => None,
            };
            let Some(next) = next else { return Ok(None) };
            value = next;
            let known = self.known.get(&std::ptr::from_ref(value));
            if let Some(node) = known.and_then(|node| self.nodes.get(node.0)) {
                resource = node.resource;
            }
        }
        self.node(value, Position { resource, place: &pending.place, depth: 0 }).map(Some)
    }
}
