//! What the server asks and what the user answers.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value};

use super::ElicitSchema;

/// The params of `elicitation/create`, told apart by `mode`. Without a mode it is a form.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ElicitRequestParams {
    /// A form that the client shows. The client sees what the user enters.
    Form(ElicitRequestFormParams),
    /// A URL that the user visits. The client does not see what happens there.
    Url(ElicitRequestUrlParams),
}

impl ElicitRequestParams {
    /// What the user is told.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Form(form) => &form.message,
            Self::Url(url) => &url.message,
        }
    }
}

impl From<ElicitRequestFormParams> for ElicitRequestParams {
    fn from(form: ElicitRequestFormParams) -> Self {
        Self::Form(form)
    }
}

impl From<ElicitRequestUrlParams> for ElicitRequestParams {
    fn from(url: ElicitRequestUrlParams) -> Self {
        Self::Url(url)
    }
}

impl<'de> Deserialize<'de> for ElicitRequestParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire {
            #[serde(default)]
            mode: Option<String>,
            message: String,
            #[serde(default)]
            requested_schema: Option<ElicitSchema>,
            #[serde(default)]
            url: Option<String>,
        }

        let wire = Wire::deserialize(deserializer)?;
        match wire.mode.as_deref() {
            None | Some("form") => {
                let schema = wire
                    .requested_schema
                    .ok_or_else(|| de::Error::missing_field("requestedSchema"))?;
                Ok(ElicitRequestFormParams::new(wire.message, schema).into())
            }
            Some("url") => {
                let url = wire.url.ok_or_else(|| de::Error::missing_field("url"))?;
                Ok(ElicitRequestUrlParams::new(wire.message, url).into())
            }
            Some(_) => Err(de::Error::custom("unknown elicitation mode")),
        }
    }
}

/// Asks with a form. Its `mode` is always written; a reader takes none for `form`.
///
/// Never for secrets: what is entered passes through the client and often through a model. See
/// [`ElicitRequestFormParams::requests_secret`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElicitRequestFormParams {
    #[serde(default)]
    mode: FormMode,
    /// What the user is told.
    pub message: String,
    /// The fields of the form.
    pub requested_schema: ElicitSchema,
}

impl ElicitRequestFormParams {
    /// A form.
    #[must_use]
    pub fn new(message: impl Into<String>, requested_schema: ElicitSchema) -> Self {
        Self { mode: FormMode::Form, message: message.into(), requested_schema }
    }

    /// The first field of the form that asks for a secret, if there is one (attack E3). A server refuses
    /// to send such a form and asks at a URL instead; a client warns its user of it.
    ///
    /// A heuristic on the names, titles and formats of fields that can hold free text or a number, in
    /// English: passwords, PINs, API keys, tokens, private keys, one-time codes, card numbers. It catches
    /// the honest mistake, not a server that asks for a secret under another name.
    ///
    /// # Specification
    ///
    /// MCP 2026-07-28, Elicitation, "User Interaction Model": forms must not ask for sensitive data.
    #[must_use]
    pub fn requests_secret(&self) -> Option<&str> {
        self.requested_schema.secret_property()
    }
}

/// Asks at a URL, for what must not pass through the client.
///
/// A client shows the whole URL, asks before it opens it and never loads it by itself (attack E1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ElicitRequestUrlParams {
    mode: UrlMode,
    /// What the user is told.
    pub message: String,
    /// The URL.
    pub url: String,
}

impl ElicitRequestUrlParams {
    /// A URL.
    #[must_use]
    pub fn new(message: impl Into<String>, url: impl Into<String>) -> Self {
        Self { mode: UrlMode::Url, message: message.into(), url: url.into() }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FormMode {
    #[default]
    Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum UrlMode {
    Url,
}

/// What the user did: the client's answer to `elicitation/create`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ElicitResult {
    /// What the user did.
    pub action: ElicitAction,
    /// What the user entered: only of an accepted form. Check it with [`ElicitSchema::validate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Map<String, Value>>,
}

impl ElicitResult {
    /// The user sent the form with these fields.
    #[must_use]
    pub fn accept<N, V>(content: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<String>,
        V: Into<Value>,
    {
        let content =
            content.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Self { action: ElicitAction::Accept, content: Some(content) }
    }

    /// The user agreed to visit the URL. It does not say that anything happened there.
    #[must_use]
    pub fn accept_url() -> Self {
        Self { action: ElicitAction::Accept, content: None }
    }

    /// The user said no.
    #[must_use]
    pub fn decline() -> Self {
        Self { action: ElicitAction::Decline, content: None }
    }

    /// The user closed the question without an answer.
    #[must_use]
    pub fn cancel() -> Self {
        Self { action: ElicitAction::Cancel, content: None }
    }

    /// Whether the user agreed.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.action == ElicitAction::Accept
    }

    /// What the user entered in a field. `None` too if the user did not agree, whatever else a client
    /// sends along.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.content.as_ref().filter(|_| self.is_accepted())?.get(name)
    }
}

/// What the user did with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ElicitAction {
    /// Sent the form, or agreed to visit the URL.
    Accept,
    /// Said no.
    Decline,
    /// Closed it without an answer.
    Cancel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, form: Option<bool>) {
        let decoded = serde_json::from_str::<ElicitRequestParams>(json);
        let found = decoded.as_ref().ok().map(|it| matches!(it, ElicitRequestParams::Form(_)));
        assert_eq!(found, form, "{json}: {decoded:?}");
    }

    #[test]
    fn the_mode_decides_and_form_is_the_default() {
        let schema = r#""requestedSchema":{"type":"object","properties":{}}"#;
        check(&format!(r#"{{"message":"m",{schema}}}"#), Some(true));
        check(&format!(r#"{{"message":"m",{schema},"mode":"form"}}"#), Some(true));
        check(r#"{"message":"m","url":"a:b","mode":"url"}"#, Some(false));
        check(&format!(r#"{{"message":"m","url":"a:b",{schema}}}"#), Some(true));
        check(r#"{"message":"m","url":"a:b"}"#, None);
        check(&format!(r#"{{"message":"m",{schema},"mode":"url"}}"#), None);
        check(&format!(r#"{{"message":"m",{schema},"mode":"voice"}}"#), None);
        check(&format!(r#"{{{schema}}}"#), None);
    }

    #[test]
    fn fields_are_those_of_an_accepted_form() {
        let mut result = ElicitResult::accept([("name", "octocat")]);
        let text = r#"{"action":"accept","content":{"name":"octocat"}}"#;
        assert_eq!(serde_json::to_string(&result).unwrap(), text);
        assert_eq!(result.field("name"), Some(&Value::from("octocat")));
        assert_eq!(result.field("age"), None);
        result.action = ElicitAction::Decline;
        assert_eq!(result.field("name"), None);
        let none: [ElicitResult; 3] =
            [ElicitResult::accept_url(), ElicitResult::decline(), ElicitResult::cancel()];
        assert!(none.iter().all(|it| it.content.is_none()));
    }

    #[test]
    fn the_mode_is_always_written() {
        let form = ElicitRequestFormParams::new("m", ElicitSchema::new());
        let text =
            r#"{"mode":"form","message":"m","requestedSchema":{"type":"object","properties":{}}}"#;
        assert_eq!(serde_json::to_string(&form).unwrap(), text);
        let url = ElicitRequestUrlParams::new("m", "a:b");
        assert_eq!(
            serde_json::to_string(&url).unwrap(),
            r#"{"mode":"url","message":"m","url":"a:b"}"#
        );
        assert!(
            serde_json::from_str::<ElicitRequestFormParams>(&text.replace("form", "url")).is_err()
        );
    }
}
