//! The inspector's command line against our server, in each of its eras, over HTTP and stdio.

use std::{process::Stdio, time::Duration};

use palisade_testkit::within;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    TOKEN, WRONG,
    fixture::Fixture,
    install::{Installed, Language},
};

/// One command, on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

const PROGRAM: &str = "@modelcontextprotocol/inspector/clients/launcher/build/index.js";

/// What the inspector begins with: the handshake, whichever the server speaks, or the newest revision.
const ERAS: [&str; 3] = ["legacy", "auto", "modern"];

/// The inspector with these arguments: the result that it shows, or nothing if it fails.
async fn inspect(inspector: &Installed, era: &str, arguments: &[&str]) -> Option<Value> {
    let mut command: Command = inspector.package(PROGRAM);
    // What it keeps from one run to the next stays among the packages.
    command.env("HOME", inspector.folder()).stdin(Stdio::null());
    command.args(["--cli", "--protocol-era", era, "--format", "json", "--quiet"]);
    let output = within(LIMIT, command.args(arguments).output()).await.unwrap();
    output.status.success().then(|| {
        let mut shown: Value = serde_json::from_slice(&output.stdout).unwrap();
        shown["result"].take()
    })
}

/// Lists the tools and calls one.
async fn check(inspector: &Installed, era: &str, server: &[&str]) {
    let ask = async |arguments: &[&str]| {
        inspect(inspector, era, &[arguments, server].concat()).await.unwrap()
    };
    let listed = ask(&["--method", "tools/list"]).await;
    let names = listed["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]);
    assert!(names.clone().any(|name| name == "add"), "{era}: {listed}");
    let add = ["--method", "tools/call", "--tool-name", "add", "--tool-args-json"];
    let sum = ask(&[&add[..], &[r#"{"a":2,"b":40}"#]].concat()).await;
    assert_eq!(sum["content"], json!([{ "type": "text", "text": "42" }]), "{era}: {sum}");
    // Only the newest revision says in each result who answers.
    let says_who = sum["_meta"]["io.modelcontextprotocol/serverInfo"].is_object();
    assert_eq!(says_who, era != "legacy", "{era}: {sum}");
}

#[tokio::test]
async fn inspector_with_palisade_server() {
    let Some(inspector) = Language::Inspector.installed().await else { return };
    let fixture = Fixture::start(Some(TOKEN)).await;
    for era in ERAS {
        let header = |token: &str| format!("Authorization: Bearer {token}");
        let (right, wrong) = (header(TOKEN), header(WRONG));
        let server = ["--server-url", fixture.url(), "--transport", "http", "--header"];
        check(&inspector, era, &[&server[..], &[right.as_str()]].concat()).await;
        let refused = [&["--method", "tools/list"], &server[..], &[wrong.as_str()]].concat();
        assert_eq!(inspect(&inspector, era, &refused).await, None, "{era}");
    }
    fixture.shut_down();
    fixture.assert_ended().await;
}

#[tokio::test]
async fn inspector_with_palisade_server_over_stdio() {
    let Some(inspector) = Language::Inspector.installed().await else { return };
    for era in ERAS {
        check(&inspector, era, &[env!("CARGO_BIN_EXE_soak"), "--as-child"]).await;
    }
}
