//! What all results share: [`ResultType`], [`CacheHints`] and the [`ResultBody`] trait.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::wire;
use crate::ResultMeta;

/// The fields that every result has, for code that handles results of any kind.
pub trait ResultBody {
    /// The result's `_meta`.
    fn meta(&self) -> &ResultMeta;

    /// The result's `_meta`, to change it.
    fn meta_mut(&mut self) -> &mut ResultMeta;

    /// The result's type; `None` means complete.
    fn result_type(&self) -> Option<&ResultType>;

    /// The result's type, to change it.
    fn result_type_mut(&mut self) -> &mut Option<ResultType>;
}

open_string_enum! {
    /// Whether a result is final. Absent on the wire, as from servers of older revisions, it is complete.
    pub enum ResultType {
        /// The request is done.
        Complete = "complete",
        /// The server needs input first: see [`InputRequiredResult`](crate::InputRequiredResult).
        InputRequired = "input_required",
        /// The request has become a task: see [`CreateTaskResult`](crate::CreateTaskResult). Only for clients
        /// that declare the tasks extension.
        Task = "task",
    }
}

/// How long and for whom a client may keep a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CacheHints {
    /// How long the result is fresh, in milliseconds from its arrival. 0: not at all.
    pub ttl_ms: u64,
    /// Who may share it.
    pub cache_scope: CacheScope,
}

impl CacheHints {
    /// Not to be kept, and for the caller alone: the default.
    pub const NONE: Self = Self { ttl_ms: 0, cache_scope: CacheScope::Private };

    /// Fresh for some milliseconds, for the caller alone.
    #[must_use]
    pub const fn private(ttl_ms: u64) -> Self {
        Self { ttl_ms, cache_scope: CacheScope::Private }
    }

    /// Fresh for some milliseconds, for everyone. Abuse case: a list that depends on the caller and
    /// is marked public shows one caller's items to another through a shared cache.
    #[must_use]
    pub const fn public(ttl_ms: u64) -> Self {
        Self { ttl_ms, cache_scope: CacheScope::Public }
    }

    /// Decodes the two fields of a result. `None` if neither is there. A negative or missing time is 0,
    /// a missing or unknown scope is private: doubt never widens who may see a result.
    pub(crate) fn decode<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Self>, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default, rename = "ttlMs")]
            ttl_ms: Option<serde_json::Number>,
            #[serde(default, rename = "cacheScope")]
            cache_scope: Option<String>,
        }

        let wire = Wire::deserialize(deserializer)?;
        if wire.ttl_ms.is_none() && wire.cache_scope.is_none() {
            return Ok(None);
        }
        let ttl_ms = match &wire.ttl_ms {
            Some(number) if number.as_f64().is_some_and(f64::is_sign_negative) => 0,
            Some(number) => wire::count(number)
                .ok_or_else(|| de::Error::custom("ttlMs is not a whole number of milliseconds"))?,
            None => 0,
        };
        let cache_scope = match wire.cache_scope.as_deref() {
            Some("public") => CacheScope::Public,
            _ => CacheScope::Private,
        };
        Ok(Some(Self { ttl_ms, cache_scope }))
    }
}

impl Default for CacheHints {
    fn default() -> Self {
        Self::NONE
    }
}

/// Who may share a kept result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CacheScope {
    /// Only the authorization context that asked: another token needs another cache.
    #[default]
    Private,
    /// Everyone.
    Public,
}

/// A result without a body of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EmptyResult {
    /// Whether the result is final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_type: Option<ResultType>,
    /// `_meta`.
    #[serde(default, rename = "_meta", skip_serializing_if = "ResultMeta::is_empty")]
    pub meta: ResultMeta,
    /// Fields that this crate does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl EmptyResult {
    /// An empty result.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

result_body!(EmptyResult);

#[cfg(test)]
mod tests {
    use crate::{CacheHints, ListToolsResult, ResultType};

    #[track_caller]
    fn check(fields: &str, expected: Option<CacheHints>) {
        let json = format!(r#"{{"tools":[]{fields}}}"#);
        let result: ListToolsResult = serde_json::from_str(&json).unwrap();
        assert_eq!(result.cache, expected, "{json}");
        assert!(result.extra.is_empty(), "{json}: the hints are not unknown fields");
    }

    #[test]
    fn cache_hints_never_widen_on_doubt() {
        check("", None);
        check(r#","ttlMs":5"#, Some(CacheHints::private(5)));
        check(r#","ttlMs":5.0,"cacheScope":"public""#, Some(CacheHints::public(5)));
        check(r#","ttlMs":-1,"cacheScope":"public""#, Some(CacheHints::public(0)));
        check(r#","ttlMs":-0.5"#, Some(CacheHints::private(0)));
        check(r#","cacheScope":"public""#, Some(CacheHints::public(0)));
        check(r#","ttlMs":5,"cacheScope":"everyone""#, Some(CacheHints::private(5)));
    }

    #[test]
    fn a_time_that_is_no_number_of_milliseconds_is_refused() {
        for ttl in ["\"5\"", "1.5", "[]"] {
            let json = format!(r#"{{"tools":[],"ttlMs":{ttl}}}"#);
            assert!(serde_json::from_str::<ListToolsResult>(&json).is_err(), "{json}");
        }
    }

    #[test]
    fn result_types_are_open() {
        for (json, expected) in [
            ("\"complete\"", ResultType::Complete),
            ("\"input_required\"", ResultType::InputRequired),
            ("\"task\"", ResultType::Task),
            ("\"stream\"", ResultType::Other("stream".to_owned())),
        ] {
            let decoded: ResultType = serde_json::from_str(json).unwrap();
            assert_eq!(decoded, expected);
            assert_eq!(serde_json::to_string(&decoded).unwrap(), json);
        }
    }
}
