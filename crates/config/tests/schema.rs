//! The schema files that editors read are what the code says. `cargo xtask schema` writes them.
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::path::Path;

use palisade_config::{client_schema, launch_schema, server_schema};
use serde_json::Value;

#[test]
fn schema_files_are_up_to_date() {
    for (file, schema) in [
        ("server.json", server_schema()),
        ("client.json", client_schema()),
        ("launch.json", launch_schema()),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(text == format!("{schema:#}\n"), "{file} is stale: run `cargo xtask schema`");
    }
}

/// Each key is explained, and nothing takes keys that it does not know.
#[test]
fn every_key_is_described_and_every_table_is_closed() {
    fn walk(path: &str, schema: &Value, seen: &mut usize) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            assert_eq!(schema.get("additionalProperties"), Some(&false.into()), "{path}");
            for (key, property) in properties {
                *seen += 1;
                let described =
                    property.get("description").is_some() || property.get("const").is_some();
                assert!(described, "{path}/{key} has no description");
                assert!(!property.to_string().contains("\"null\""), "{path}/{key} takes null");
            }
        }
        match schema {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| walk(&format!("{path}/{key}"), value, seen));
            }
            Value::Array(items) => {
                items.iter().for_each(|value| walk(&format!("{path}[]"), value, seen));
            }
            _ => {}
        }
    }
    for schema in [server_schema(), client_schema(), launch_schema()] {
        let mut seen = 0;
        walk("", schema, &mut seen);
        assert!(seen > 10, "{seen} keys");
    }
}
