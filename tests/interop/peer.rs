//! Running the peers. Their processes end with the values here.

use std::process::{Output, Stdio};
use std::time::Duration;

use palisade_testkit::within;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::install::Installed;

/// Starting an interpreter on a busy machine included.
const LIMIT: Duration = Duration::from_secs(60);

/// The steps of the walk, in order.
const STEPS: [&str; 8] =
    ["discover", "list", "call", "progress", "elicit", "decline", "subscribe", "end"];

/// A peer that serves the fixture.
pub(crate) struct ServerPeer {
    url: String,
    _process: Child,
}

impl ServerPeer {
    /// Starts it on a free loopback port and waits until it listens.
    pub(crate) async fn start(installed: &Installed, token: Option<&str>) -> Self {
        let mut command = installed.command("server");
        command.args(token.map(|token| ["--token", token]).iter().flatten());
        // It watches its end of stdin and exits when this process is gone, however that happened.
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = within(LIMIT, lines.next_line())
            .await
            .unwrap()
            .expect("the server says where it listens");
        let hello: Value = serde_json::from_str(&line).unwrap();
        Self { url: hello["url"].as_str().unwrap().to_owned(), _process: process }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// How a client's walk went.
#[derive(Debug)]
pub(crate) struct Walk {
    steps: Vec<String>,
    output: Output,
}

/// Sends a client through the fixture at this URL.
pub(crate) async fn walk(installed: &Installed, url: &str, token: Option<&str>) -> Walk {
    let mut command = installed.command("client");
    command
        .arg(url)
        .args(token.map(|token| ["--token", token]).iter().flatten())
        .stdin(Stdio::null());
    let output = within(LIMIT, command.output()).await.unwrap();
    let steps = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| {
            Some(serde_json::from_str::<Value>(line).ok()?["step"].as_str()?.to_owned())
        })
        .collect();
    Walk { steps, output }
}

impl Walk {
    /// Every step was right.
    #[track_caller]
    pub(crate) fn assert_complete(&self) {
        let said = String::from_utf8_lossy(&self.output.stderr);
        assert!(
            self.output.status.success(),
            "{} after {:?}: {said}",
            self.output.status,
            self.steps
        );
        assert_eq!(self.steps, STEPS, "{said}");
    }

    /// Not even the first step succeeded, and the client noticed.
    #[track_caller]
    pub(crate) fn assert_refused(&self) {
        assert!(!self.output.status.success() && self.steps.is_empty(), "{self:?}");
    }
}
