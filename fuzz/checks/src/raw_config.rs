//! Configuration files: every finding says where, what and how to mend it, and nothing says a secret.

use std::{collections::BTreeSet, sync::OnceLock};

use palisade::{
    config::{
        Checked, ClientConfig, Format, RawClientConfig, RawSecurityConfig, ServerConfig,
        client_schema, server_schema,
    },
    security::SecurityConfigError,
};
use serde_json::Value;

/// Stands where a secret stands. Corpus and fuzzer write it wherever they like.
const CANARY: &str = "canary7hV0zJq9gE3mXw5TnRyKb2LcPd8FsA4u";

/// A text: JSON if it begins with a brace, else TOML.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let format = if text.starts_with('{') { Format::Json } else { Format::Toml };
    for text in shows(text, format) {
        assert!(!text.is_empty(), "nothing is said");
    }
    let checked = ServerConfig::check_text(text, format);
    if checked.findings().iter().any(|finding| finding.code() == "config_syntax") {
        // Whatever is at fault is shown by its line, for it may be a secret.
        let shown = shows(text, format).join("\n");
        assert!(!shown.contains(CANARY), "a broken file shows what is in it: {shown}");
        return;
    }
    // The same with a secret in every place that may hold one, and nowhere else.
    let text = text.replace(CANARY, "x");
    let value = match format {
        Format::Json => serde_json::from_str(&text).ok(),
        _ => toml::from_str(&text).ok(),
    };
    let Some(mut value @ Value::Object(_)) = value else { return };
    let mut mistaken = value.clone();
    hide(&mut value, Holds::Nothing);
    let shown = shows(&value.to_string(), Format::Json).join("\n");
    assert!(!shown.contains(CANARY), "a secret shows: {shown}");
    // The same with mistakes: a raw form shows them, for it holds what is written, but no finding does.
    mistake(&mut mistaken, false);
    let mistaken = mistaken.to_string();
    let server = findings(&ServerConfig::check_text(&mistaken, Format::Json));
    let client = findings(&ClientConfig::check_text(&mistaken, Format::Json));
    let shown = format!("{server}\n{client}");
    assert!(!shown.contains(CANARY), "a mistake shows: {shown}");
}

/// Everything that is shown about a text, read as a server's and as a client's.
fn shows(text: &str, format: Format) -> Vec<String> {
    let server = ServerConfig::check_text(text, format);
    let client = ClientConfig::check_text(text, format);
    let mut shown = vec![findings(&server), findings(&client)];
    let built = RawSecurityConfig::from_text(text, format).ok().and_then(|raw| {
        shown.push(format!("{raw:?}"));
        // Put to use, it would open its files, wherever a fuzzer wants them.
        raw.audit.is_empty().then(|| ServerConfig::try_from(raw))
    });
    if let Some(built) = built {
        assert_eq!(built.is_ok(), server.is_usable(), "{built:?}");
        shown.push(built.map_or_else(|error| error.to_string(), |config| config.describe()));
    }
    if let Ok(raw) = RawClientConfig::from_text(text, format) {
        shown.push(format!("{raw:?}"));
        let built = ClientConfig::try_from(raw);
        assert_eq!(built.is_ok(), client.is_usable(), "{built:?}");
        shown.push(built.map_or_else(|error| error.to_string(), |config| config.describe()));
    }
    shown
}

fn findings(checked: &Checked) -> String {
    let found = checked.findings();
    for finding in found {
        assert!(!finding.code().is_empty() && !finding.message().is_empty(), "{finding:?}");
        assert!(!finding.fix().is_empty(), "{finding:?} has no fix");
        // About the file as a whole there is no more to say than that it cannot be read.
        let whole = ["config_syntax", "config_too_large"].contains(&finding.code());
        assert_eq!(finding.path().is_empty(), whole, "{finding:?}");
        let repeated = found.iter().filter(|other| *other == finding).count();
        assert_eq!(repeated, 1, "{finding:?} is there {repeated} times");
    }
    format!("{checked:?}\n{}", SecurityConfigError::new(found.to_vec()))
}

/// What a field may hold that nothing may show.
#[derive(Clone, Copy)]
enum Holds {
    Nothing,
    /// A secret.
    Secret,
    /// A URL.
    Url,
}

/// Puts the canary in the place of every text that stands in a field for secrets, whatever else stands there,
/// and into every URL.
fn hide(value: &mut Value, holds: Holds) {
    match (value, holds) {
        (Value::String(text), Holds::Secret) => *text = CANARY.to_owned(),
        (Value::String(text), Holds::Url) => *text = hidden_in_url(text),
        (Value::Array(items), _) => items.iter_mut().for_each(|item| hide(item, holds)),
        (Value::Object(map), _) => {
            for (key, value) in map {
                let fields = fields();
                hide(
                    value,
                    match &**key {
                        "url" => Holds::Url,
                        name if fields.is_secret(name) => Holds::Secret,
                        name if fields.all.contains(name) => Holds::Nothing,
                        _ => holds,
                    },
                );
            }
        }
        _ => {}
    }
}

/// Writes what people write by mistake: a key for the path of its file, a URL with a password for a host.
fn mistake(value: &mut Value, url: bool) {
    match value {
        Value::String(text) if url => *text = hidden_in_url(text),
        Value::Array(items) => items.iter_mut().for_each(|item| mistake(item, url)),
        Value::Object(map) => {
            for (key, value) in map {
                match (&**key, value) {
                    ("key" | "client_key", Value::String(text)) => {
                        *text = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n");
                    }
                    (key, value) => mistake(value, matches!(key, "url" | "allowed" | "networks")),
                }
            }
        }
        _ => {}
    }
}

/// A text with the canary for the user information and the query, which it then has.
fn hidden_in_url(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let before_query = rest.split('?').next().unwrap_or_default();
    match before_query.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://user:{CANARY}@{host}?{CANARY}"),
        None => format!("{scheme}://{before_query}?{CANARY}"),
    }
}

/// The names of fields, according to the schemas.
#[derive(Default)]
struct Fields {
    all: BTreeSet<&'static str>,
    secrets: BTreeSet<&'static str>,
    /// Those that hold other texts.
    texts: BTreeSet<&'static str>,
}

impl Fields {
    fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(name) && !self.texts.contains(name)
    }

    fn collect(&mut self, schema: &'static Value) {
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            self.all.insert(name);
            if is_secret(property) {
                self.secrets.insert(name);
            } else if property.to_string().contains("\"string\"") {
                self.texts.insert(name);
            }
        }
        match schema {
            Value::Object(map) => map.values().for_each(|inner| self.collect(inner)),
            Value::Array(items) => items.iter().for_each(|inner| self.collect(inner)),
            _ => {}
        }
    }
}

fn fields() -> &'static Fields {
    static FIELDS: OnceLock<Fields> = OnceLock::new();
    FIELDS.get_or_init(|| {
        let mut fields = Fields::default();
        fields.collect(server_schema());
        fields.collect(client_schema());
        for name in ["secret", "token", "password", "password_hash", "value", "keys"] {
            assert!(fields.is_secret(name), "{name} is no secret");
        }
        fields
    })
}

/// Whether a field is a secret, or a list or table of secrets.
fn is_secret(schema: &Value) -> bool {
    let choices = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let parts = ["items", "additionalProperties"].into_iter().filter_map(|part| schema.get(part));
    schema.get("$ref").is_some_and(|target| target == "#/$defs/SecretRef")
        || choices.chain(parts).any(is_secret)
}
