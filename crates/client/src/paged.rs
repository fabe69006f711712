//! Lists in pages, bounded.

use std::{collections::VecDeque, fmt, sync::Arc};

use palisade_protocol::{
    ErrorCode, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
    ListToolsResult, Prompt, Resource, ResourceTemplate, Tool, method,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    CallOptions, ClientError, EndlessList,
    engine::{EncodedParams, Engine, Outgoing},
};

/// A list that the server gives out in pages, fetched as far as it is read.
///
/// A server that never ends its list is stopped: after 64 pages (see
/// [`ClientBuilder::with_max_pages`](crate::ClientBuilder::with_max_pages)), at a cursor that it has
/// given before, or after 64 MiB. After an error the list is at its end.
pub struct Paged<T> {
    engine: Arc<Engine>,
    options: CallOptions,
    kind: Kind<T>,
    items: VecDeque<T>,
    next: Next,
    used: Vec<String>,
    bytes: usize,
}

#[derive(Debug)]
enum Next {
    First,
    Cursor(String),
    End,
}

/// How one method lists.
struct Kind<T> {
    method: &'static str,
    decode: fn(&Engine, &[u8]) -> Result<Page<T>, ClientError>,
}

/// The items of one page, and the cursor of the next.
type Page<T> = (Vec<T>, Option<String>);

#[derive(Serialize)]
struct ListParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

impl<T> Paged<T> {
    fn new(engine: Arc<Engine>, kind: Kind<T>) -> Self {
        let items = VecDeque::new();
        let options = CallOptions::new();
        Self { engine, options, kind, items, next: Next::First, used: Vec::new(), bytes: 0 }
    }

    /// Sets the options of every request for a page.
    #[must_use]
    pub fn with_options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// The next item; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; [`ClientError::TooManyPages`] if the list does not end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a page that was not received is asked for again by the next call.
    pub async fn next(&mut self) -> Option<Result<T, ClientError>> {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Some(Ok(item));
            }
            match self.next_page().await? {
                Ok(page) => self.items = page.into(),
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// The next whole page, which may be empty; `None` at the end. Items of the page before that
    /// [`Self::next`] has not returned are returned as a page first.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; [`ClientError::TooManyPages`] if the list does not end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a page that was not received is asked for again by the next call.
    pub async fn next_page(&mut self) -> Option<Result<Vec<T>, ClientError>> {
        if !self.items.is_empty() {
            return Some(Ok(self.items.drain(..).collect()));
        }
        if matches!(self.next, Next::End) {
            return None;
        }
        let page = self.fetch().await;
        if page.is_err() {
            self.next = Next::End;
        }
        Some(page)
    }

    /// All items that are left.
    ///
    /// # Errors
    ///
    /// [`ClientError`]; [`ClientError::TooManyPages`] if the list does not end. Nothing is returned of a
    /// list that failed half-way: half a list looks like a whole one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops what was fetched.
    pub async fn collect_all(mut self) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        while let Some(page) = self.next_page().await {
            all.extend(page?);
        }
        Ok(all)
    }

    async fn fetch(&mut self) -> Result<Vec<T>, ClientError> {
        let settings = self.engine.settings;
        if self.used.len() >= usize::try_from(settings.max_pages).unwrap_or(usize::MAX) {
            return Err(ClientError::TooManyPages(EndlessList::Pages {
                limit: settings.max_pages,
            }));
        }
        let cursor = match &self.next {
            Next::Cursor(cursor) => Some(cursor.as_str()),
            Next::First | Next::End => None,
        };
        let params = EncodedParams::new(&ListParams { cursor })?;
        let request = Outgoing::new(self.kind.method, &params);
        let answer = match self.engine.cached(&request, &mut self.options).await {
            Err(ClientError::Rpc(error)) if error.code == ErrorCode::INVALID_PARAMS => {
                // The cursor has become invalid, and with it every page kept.
                self.engine.cache.forget(self.kind.method);
                return Err(ClientError::Rpc(error));
            }
            answer => answer?,
        };
        self.bytes = self.bytes.saturating_add(answer.result.len());
        if self.bytes > settings.max_list_bytes {
            let limit = settings.max_list_bytes;
            return Err(ClientError::TooManyPages(EndlessList::Bytes { limit }));
        }
        let (items, next) = (self.kind.decode)(&self.engine, &answer.result)?;
        // The first page has no cursor; it counts as a page with one that no server can send.
        let used = match std::mem::replace(&mut self.next, Next::End) {
            Next::Cursor(cursor) => cursor,
            Next::First | Next::End => "\0".to_owned(),
        };
        self.used.push(used);
        if let Some(next) = next {
            if self.used.contains(&next) {
                return Err(ClientError::TooManyPages(EndlessList::RepeatedCursor));
            }
            self.next = Next::Cursor(next);
        }
        Ok(items)
    }
}

impl<T> fmt::Debug for Paged<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paged")
            .field("method", &self.kind.method)
            .field("pages", &self.used.len())
            .field("buffered", &self.items.len())
            .finish()
    }
}

fn decode<P: DeserializeOwned>(method: &'static str, result: &[u8]) -> Result<P, ClientError> {
    crate::engine::decode(result, method)
}

pub(crate) fn tools(engine: Arc<Engine>) -> Paged<Tool> {
    Paged::new(
        engine,
        Kind {
            method: method::TOOLS_LIST,
            decode: |engine, result| {
                let page: ListToolsResult = decode(method::TOOLS_LIST, result)?;
                // Older revisions mirror nothing, so nothing can be wrong with it.
                let tools = match engine.session.get() {
                    Some(_) => page.tools,
                    None => engine.tools.admit(page.tools),
                };
                Ok((tools, page.next_cursor))
            },
        },
    )
}

pub(crate) fn prompts(engine: Arc<Engine>) -> Paged<Prompt> {
    Paged::new(
        engine,
        Kind {
            method: method::PROMPTS_LIST,
            decode: |_, result| {
                let page: ListPromptsResult = decode(method::PROMPTS_LIST, result)?;
                Ok((page.prompts, page.next_cursor))
            },
        },
    )
}

pub(crate) fn resources(engine: Arc<Engine>) -> Paged<Resource> {
    Paged::new(
        engine,
        Kind {
            method: method::RESOURCES_LIST,
            decode: |_, result| {
                let page: ListResourcesResult = decode(method::RESOURCES_LIST, result)?;
                Ok((page.resources, page.next_cursor))
            },
        },
    )
}

pub(crate) fn resource_templates(engine: Arc<Engine>) -> Paged<ResourceTemplate> {
    Paged::new(
        engine,
        Kind {
            method: method::RESOURCES_TEMPLATES_LIST,
            decode: |_, result| {
                let page: ListResourceTemplatesResult =
                    decode(method::RESOURCES_TEMPLATES_LIST, result)?;
                Ok((page.resource_templates, page.next_cursor))
            },
        },
    )
}
