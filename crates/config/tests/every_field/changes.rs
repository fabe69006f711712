//! Another value for each field, valid wherever one can be.

use serde_json::{Value, json};

const OTHER_SECRET: &str = "Zk6WtQ1rYv9BjN3xHe7MpG5oSf0DiC2lAb4X";

/// Another value for the field.
pub(crate) fn change(pattern: &str, value: &Value) -> Value {
    match value {
        Value::Bool(value) => json!(!value),
        // Numbers of places in a table are rounded up, so one more would be the same.
        Value::Number(number) if pattern.ends_with("max_keys") => {
            json!(number.as_u64().unwrap() * 4)
        }
        Value::Number(number) => json!(number.as_u64().unwrap() + 1),
        Value::String(text) => json!(other_text(pattern, text)),
        other => panic!("{pattern}: {other} is no leaf"),
    }
}

fn other_text(pattern: &str, text: &str) -> String {
    let field = pattern.rsplit('.').next().unwrap();
    let other = match field {
        "transport" if text == "stdio" => "streamable_http",
        "transport" => "stdio",
        "eras" => "legacy",
        "listen" => "127.0.0.1:9001",
        "path" if pattern.starts_with("audit") => "other.jsonl",
        "path" => "/other",
        "authentication_combination" => "all_of",
        "min_version" => "1.3",
        "effect" => "deny",
        "fail" => "open",
        "header" if pattern.starts_with("trusted") => "forwarded",
        "header" => "X-Other-Key",
        "url" => "https://127.0.0.1:8443/mcp",
        "secret" | "token" | "key" | "value" | "keys[]" | "password" if !text.contains('.') => {
            OTHER_SECRET
        }
        "password_hash" => {
            "$argon2id$v=19$m=256,t=2,p=1$b3RoZXJzYWx0$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
        }
        "not_before" => "2098-01-01T00:00:00Z",
        "expires_at" => "2097-01-01T00:00:00Z",
        "spki_pins[]" => "sha256/CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg=",
        "networks[]" => "10.1.0.0/16",
        "certificates" | "client_certificate" => "other.pem",
        "key" | "client_key" => "other.key",
        "crls[]" => "other.crl",
        "authorities" if text.starts_with("file:") => "file:other-ca.pem",
        "authorities" => "other-ca.pem",
        "name" if pattern.contains("certificate>.certificates") => "spiffe://example.org/other",
        "name" if pattern.contains("certificate>") => "uri",
        "name" if text.starts_with("X-") => "X-Other-Name",
        "trust_domains[]" => "other.example.org",
        "pointer" => "/other",
        "below" => "/other",
        "scheme" => "file",
        "authority" => "other.example",
        "allowed[]" if text.contains("://") => "https://other.example.com",
        "allowed[]" => "127.0.0.1",
        "request_headers[]" | "exposed_headers[]" => "x-other",
        "methods[]" => "prompts/list",
        "resources[]" => "test://other",
        "resource" => "https://mcp.example.com/other",
        "authorization_servers[]" => "https://other.example.com",
        "resource_documentation" => "https://docs.example.com/other",
        "program" => "python3",
        "search_dirs[]" => "/bin",
        "args[]" if text.starts_with('-') => "--other",
        "flags[]" => "--other",
        "*" if pattern.starts_with("secret_env") => OTHER_SECRET,
        "inherited_env[]" => "HOME",
        "current_dir" => "/var",
        "digest" => "0f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "args[]" | "*" | "resource_name" | "scopes_supported[]" | "realm" | "name" | "subject"
        | "user" | "scopes[]" | "subjects[]" | "schemes[]" | "roles[]" | "tools[]"
        | "prompts[]" | "one_of[]" => "other",
        _ => return longer(pattern, text),
    };
    other.to_owned()
}

/// One more of a duration.
fn longer(pattern: &str, text: &str) -> String {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or_else(|| panic!("no change for {pattern}")));
    match number.parse::<u64>() {
        Ok(number) => format!("{}{unit}", number + 1),
        Err(_) => panic!("no change for {pattern} = {text}"),
    }
}
