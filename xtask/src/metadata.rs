//! What `cargo metadata` says about the workspace, as far as the checks need it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{failure::Result, process::Program};

/// When a dependency is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// One `[dependencies]` entry.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// One package of the workspace.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) has_features: bool,
    pub(crate) default_features: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
}

/// The workspace and how its dependencies resolve.
#[derive(Debug)]
pub(crate) struct Metadata {
    /// The members of the workspace, by name.
    pub(crate) members: Vec<Package>,
    /// Where cargo puts what it builds.
    pub(crate) target: PathBuf,
    /// Package id to name.
    names: BTreeMap<String, String>,
    /// Package id to the ids it needs outside tests and build scripts.
    normal: BTreeMap<String, Vec<String>>,
}

impl Metadata {
    /// Asks cargo.
    pub(crate) fn load(root: &Path) -> Result<Self> {
        let text = Program::cargo()
            .args(["metadata", "--format-version", "1", "--all-features"])
            .dir(root)
            .output()?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let json: Value = serde_json::from_str(text)?;
        let member_ids: BTreeSet<&str> = strings(json.get("workspace_members")).collect();
        let mut members = Vec::new();
        let mut names = BTreeMap::new();
        for package in array(json.get("packages")) {
            let package = parse_package(package);
            names.insert(package.id.clone(), package.name.clone());
            if member_ids.contains(package.id.as_str()) {
                members.push(package);
            }
        }
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let normal = array(json.get("resolve").and_then(|resolve| resolve.get("nodes")))
            .map(|node| (text_of(node, "id"), normal_dependencies(node)))
            .collect();
        let target = PathBuf::from(text_of(&json, "target_directory"));
        Ok(Self { members, target, names, normal })
    }

    /// The names of everything that the package with this id pulls in, directly or not, outside
    /// tests and build scripts, with any feature on.
    pub(crate) fn closure(&self, id: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut pending = vec![id];
        while let Some(id) = pending.pop() {
            for next in self.normal.get(id).into_iter().flatten() {
                if seen.insert(next.as_str()) {
                    pending.push(next);
                }
            }
        }
        seen.into_iter().filter_map(|id| self.names.get(id)).map(String::as_str).collect()
    }
}

fn parse_package(json: &Value) -> Package {
    Package {
        id: text_of(json, "id"),
        name: text_of(json, "name"),
        has_features: json
            .get("features")
            .and_then(Value::as_object)
            .is_some_and(|features| !features.is_empty()),
        default_features: strings(json.pointer("/features/default")).map(str::to_owned).collect(),
        dependencies: array(json.get("dependencies"))
            .map(|dependency| Dependency {
                name: text_of(dependency, "name"),
                kind: kind_of(dependency.get("kind")),
            })
            .collect(),
    }
}

fn kind_of(json: Option<&Value>) -> Kind {
    match json.and_then(Value::as_str) {
        Some("dev") => Kind::Dev,
        Some("build") => Kind::Build,
        _ => Kind::Normal,
    }
}

fn normal_dependencies(node: &Value) -> Vec<String> {
    array(node.get("deps"))
        .filter(|dep| {
            array(dep.get("dep_kinds")).any(|kind| kind_of(kind.get("kind")) == Kind::Normal)
        })
        .map(|dep| text_of(dep, "pkg"))
        .collect()
}

fn array(json: Option<&Value>) -> impl Iterator<Item = &Value> {
    json.and_then(Value::as_array).into_iter().flatten()
}

fn strings(json: Option<&Value>) -> impl Iterator<Item = &str> {
    array(json).filter_map(Value::as_str)
}

fn text_of(json: &Value, key: &str) -> String {
    json.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Kind, Metadata};

    const SAMPLE: &str = r#"{
        "packages": [
            {"id": "a 1", "name": "a", "features": {"default": ["f", "g"], "f": [], "g": []},
             "dependencies": [{"name": "b", "kind": null}, {"name": "c", "kind": "dev"}]},
            {"id": "b 1", "name": "b", "features": {"default": ["f"], "f": []},
             "dependencies": [{"name": "d", "kind": "build"}]},
            {"id": "c 1", "name": "c", "dependencies": []},
            {"id": "d 1", "name": "d", "dependencies": []}],
        "workspace_members": ["a 1"],
        "target_directory": "/x/target",
        "resolve": {"nodes": [
            {"id": "a 1", "deps": [
                {"pkg": "b 1", "dep_kinds": [{"kind": null}]}, {"pkg": "c 1", "dep_kinds": [{"kind": "dev"}]}]},
            {"id": "b 1", "deps": [
                {"pkg": "d 1", "dep_kinds": [{"kind": "build"}, {"kind": null}]}]}]}}"#;

    #[test]
    fn members_and_their_dependencies_are_read() {
        let metadata = Metadata::parse(SAMPLE).unwrap();
        assert_eq!(metadata.members.len(), 1);
        let a = &metadata.members[0];
        assert!(a.has_features);
        assert_eq!(a.default_features, ["f", "g"]);
        let kinds: Vec<_> = a.dependencies.iter().map(|d| (d.name.as_str(), d.kind)).collect();
        assert_eq!(kinds, [("b", Kind::Normal), ("c", Kind::Dev)]);
    }

    #[test]
    fn the_closure_follows_normal_dependencies_only() {
        let metadata = Metadata::parse(SAMPLE).unwrap();
        assert_eq!(metadata.closure("a 1").into_iter().collect::<Vec<_>>(), ["b", "d"]);
    }
}
