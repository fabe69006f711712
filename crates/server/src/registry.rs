//! What a server offers: an immutable snapshot, prepared once, shared by every request.

use std::{fmt, sync::Arc};

use palisade_protocol::{RawJson, header::ParamHeaders};

use crate::{
    Problem, PromptRoute, ResourceRoute, ResourceTemplateRoute, TaskSupport, ToolRoute,
    UriTemplate, names, resource::has_scheme, schema::Validator, tool::ToolProblem,
};

/// All routes. Cloned only to change it: requests see the old snapshot or the new one, never a mix.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registry {
    pub(crate) tools: Listing<ToolEntry>,
    pub(crate) prompts: Listing<PromptEntry>,
    pub(crate) resources: Listing<ResourceEntry>,
    pub(crate) templates: Listing<TemplateEntry>,
    /// Whether a tool runs, or ran, as a task: its tasks can be asked for when it is gone.
    pub(crate) has_tasks: bool,
}

/// Entries in the order of registration, found by key.
pub(crate) struct Listing<T> {
    entries: Vec<Arc<T>>,
    /// Where each entry is, in the order of the keys: to look one up takes less than to hash it.
    index: Vec<(Box<str>, usize)>,
}

/// Something that stands in a list.
pub(crate) trait Entry {
    /// The name or URI.
    fn key(&self) -> &str;
    /// The definition, encoded once.
    fn definition(&self) -> &RawJson;
}

pub(crate) struct ToolEntry {
    pub(crate) route: ToolRoute,
    pub(crate) headers: Arc<ParamHeaders>,
    pub(crate) validator: Option<Validator>,
    definition: RawJson,
}

pub(crate) struct PromptEntry {
    pub(crate) route: PromptRoute,
    definition: RawJson,
}

pub(crate) struct ResourceEntry {
    pub(crate) route: ResourceRoute,
    definition: RawJson,
}

pub(crate) struct TemplateEntry {
    pub(crate) route: ResourceTemplateRoute,
    pub(crate) template: UriTemplate,
    definition: RawJson,
}

impl Registry {
    pub(crate) fn insert_tool(&mut self, route: ToolRoute) -> Result<(), Problem> {
        let name = route.tool.name.clone();
        let problem = |code, message: &dyn fmt::Display| Problem::new("tool", &name, code, message);
        names::check(&name).map_err(|error| problem("invalid_name", &error))?;
        let prepared =
            route.prepare().map_err(|error: ToolProblem| problem("invalid_schema", &error))?;
        let definition =
            RawJson::from_serialize(&route.tool).map_err(|e| problem("invalid_schema", &e))?;
        let runs_as_task = route.task.support != TaskSupport::Forbidden;
        let entry = ToolEntry {
            route,
            headers: prepared.headers,
            validator: prepared.validator,
            definition,
        };
        self.tools.insert(entry).map_err(|error| problem("name_collision", &error))?;
        self.has_tasks |= runs_as_task;
        Ok(())
    }

    pub(crate) fn insert_prompt(&mut self, route: PromptRoute) -> Result<(), Problem> {
        let name = route.prompt.name.clone();
        let problem =
            |code, message: &dyn fmt::Display| Problem::new("prompt", &name, code, message);
        names::check(&name).map_err(|error| problem("invalid_name", &error))?;
        let definition =
            RawJson::from_serialize(&route.prompt).map_err(|e| problem("invalid_name", &e))?;
        self.prompts
            .insert(PromptEntry { route, definition })
            .map_err(|error| problem("name_collision", &error))
    }

    pub(crate) fn insert_resource(&mut self, route: ResourceRoute) -> Result<(), Problem> {
        let uri = route.resource.uri.clone();
        let problem =
            |code, message: &dyn fmt::Display| Problem::new("resource", &uri, code, message);
        if !has_scheme(&uri) || uri.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(problem("invalid_uri", &"a uri has a scheme and no blanks"));
        }
        let definition =
            RawJson::from_serialize(&route.resource).map_err(|e| problem("invalid_uri", &e))?;
        self.resources
            .insert(ResourceEntry { route, definition })
            .map_err(|error| problem("name_collision", &error))
    }

    pub(crate) fn insert_template(&mut self, route: ResourceTemplateRoute) -> Result<(), Problem> {
        let uri = route.template.uri_template.clone();
        let problem = |code, message: &dyn fmt::Display| {
            Problem::new("resource template", &uri, code, message)
        };
        let template = UriTemplate::parse(&uri).map_err(|error| problem("invalid_uri", &error))?;
        let definition =
            RawJson::from_serialize(&route.template).map_err(|e| problem("invalid_uri", &e))?;
        self.templates
            .insert(TemplateEntry { route, template, definition })
            .map_err(|error| problem("name_collision", &error))
    }
}

/// Two entries that a reader or another layer could take for one.
#[derive(Debug, thiserror::Error)]
#[error("registered twice, or differs only in case")]
pub(crate) struct Collision;

impl<T: Entry> Listing<T> {
    fn insert(&mut self, entry: T) -> Result<(), Collision> {
        if self.entries.iter().any(|other| other.key().eq_ignore_ascii_case(entry.key())) {
            return Err(Collision);
        }
        let place = self.search(entry.key()).unwrap_or_else(|place| place);
        self.index.insert(place, (entry.key().into(), self.entries.len()));
        self.entries.push(Arc::new(entry));
        Ok(())
    }

    /// Removes an entry; whether there was one.
    pub(crate) fn remove(&mut self, key: &str) -> bool {
        let Ok(at) = self.search(key) else { return false };
        let (_, place) = self.index.remove(at);
        self.entries.remove(place);
        let behind = self.index.iter_mut().filter(|(_, other)| *other > place);
        behind.for_each(|(_, other)| *other -= 1);
        true
    }

    /// Where a key is in the index, or would be.
    fn search(&self, key: &str) -> Result<usize, usize> {
        self.index.binary_search_by(|(other, _)| (**other).cmp(key))
    }

    /// Where an entry is.
    fn place(&self, key: &str) -> Option<usize> {
        self.search(key).ok().and_then(|at| self.index.get(at)).map(|(_, place)| *place)
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Arc<T>> {
        self.entries.get(self.place(key)?)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.entries.iter()
    }

    /// The entries after the one with this key; all of them for `None`. `None` if there is no such key.
    pub(crate) fn after(&self, key: Option<&str>) -> Option<&[Arc<T>]> {
        let start = match key {
            Some(key) => self.place(key)? + 1,
            None => 0,
        };
        self.entries.get(start..)
    }
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { entries: Vec::new(), index: Vec::new() }
    }
}

impl<T> Clone for Listing<T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), index: self.index.clone() }
    }
}

impl<T> fmt::Debug for Listing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.index.iter().map(|(key, _)| key)).finish()
    }
}

impl Entry for ToolEntry {
    fn key(&self) -> &str {
        &self.route.tool.name
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl Entry for PromptEntry {
    fn key(&self) -> &str {
        &self.route.prompt.name
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl Entry for ResourceEntry {
    fn key(&self) -> &str {
        &self.route.resource.uri
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

impl Entry for TemplateEntry {
    fn key(&self) -> &str {
        &self.route.template.uri_template
    }

    fn definition(&self) -> &RawJson {
        &self.definition
    }
}

#[cfg(test)]
mod tests {
    use super::Registry;
    use crate::{Context, ToolRoute};

    #[test]
    fn entries_are_found_and_stay_in_order_whatever_goes() {
        let names = ["m", "b", "z", "a", "k"];
        for gone in 0..names.len() {
            let mut registry = Registry::default();
            for name in names {
                let tool = ToolRoute::dynamic(
                    name,
                    serde_json::json!({ "type": "object" }),
                    async |_, _: Context| "",
                );
                registry.insert_tool(tool).unwrap();
            }
            let tools = &mut registry.tools;
            assert!(tools.remove(names[gone]) && !tools.remove(names[gone]));
            let left: Vec<&str> =
                names.iter().copied().filter(|name| *name != names[gone]).collect();
            let listed: Vec<&str> = tools.iter().map(|tool| &*tool.route.tool.name).collect();
            assert_eq!(listed, left);
            for (at, name) in left.iter().enumerate() {
                assert_eq!(tools.get(name).unwrap().route.tool.name, *name);
                assert_eq!(tools.after(Some(name)).unwrap().len(), left.len() - at - 1);
            }
            assert!(tools.get(names[gone]).is_none() && tools.get("c").is_none());
        }
    }
}
