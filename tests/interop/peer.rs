//! Running the peers. Their processes end with the values here.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use palisade_testkit::within;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Child;

use crate::install::Installed;

/// Starting an interpreter on a busy machine included.
const LIMIT: Duration = Duration::from_secs(60);

/// The steps of every walk, in order.
const STEPS: [&str; 7] = ["discover", "list", "call", "progress", "elicit", "decline", "subscribe"];

/// A peer that serves the fixture.
pub(crate) struct ServerPeer {
    url: String,
    process: Child,
}

impl ServerPeer {
    /// Starts it on a free loopback port and waits until it listens.
    pub(crate) async fn start(installed: &Installed, token: Option<&str>) -> Self {
        let options: Vec<_> = token.map(|token| ["--token", token]).into_iter().flatten().collect();
        Self::start_with(installed, &options).await
    }

    /// The same with these options.
    pub(crate) async fn start_with(installed: &Installed, options: &[&str]) -> Self {
        let mut command = installed.command("server");
        command.args(options);
        // It watches its end of stdin and exits when this process is gone, however that happened.
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let line = within(LIMIT, lines.next_line())
            .await
            .unwrap()
            .expect("the server says where it listens");
        let hello: Value = serde_json::from_str(&line).unwrap();
        Self { url: hello["url"].as_str().unwrap().to_owned(), process }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Tells it to end, and waits until it has.
    pub(crate) async fn end(mut self) {
        drop(self.process.stdin.take());
        within(LIMIT, self.process.wait()).await.unwrap();
    }
}

/// How a client's walk went.
#[derive(Debug)]
pub(crate) struct Walk {
    steps: Vec<String>,
    said: String,
    status: ExitStatus,
}

/// Sends a client through the fixture at this URL.
pub(crate) async fn walk(installed: &Installed, url: &str, token: Option<&str>) -> Walk {
    run(installed, url, token, &[], |_| {}).await
}

/// Like [`walk`], with these options.
pub(crate) async fn walk_with(
    installed: &Installed,
    url: &str,
    token: Option<&str>,
    options: &[&str],
) -> Walk {
    run(installed, url, token, options, |_| {}).await
}

/// Like [`walk`], and at its end the client stays subscribed until `shut_down`, which is called then, ends the server.
pub(crate) async fn walk_to_shutdown(
    installed: &Installed,
    url: &str,
    token: Option<&str>,
    shut_down: impl Fn(),
) -> Walk {
    let listening = |step: &str| {
        if step == "listening" {
            shut_down();
        }
    };
    run(installed, url, token, &["--until-end"], listening).await
}

async fn run(
    installed: &Installed,
    url: &str,
    token: Option<&str>,
    options: &[&str],
    on_step: impl Fn(&str),
) -> Walk {
    let mut command = installed.command("client");
    command.arg(url).args(token.map(|token| ["--token", token]).iter().flatten()).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut stderr = process.stderr.take().unwrap();
    let (mut steps, mut said) = (Vec::new(), String::new());
    let reading = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            let line: Value = serde_json::from_str(&line).unwrap();
            let step = line["step"].as_str().unwrap().to_owned();
            on_step(&step);
            steps.push(step);
        }
    };
    let all = async { tokio::join!(reading, stderr.read_to_string(&mut said), process.wait()) };
    let ((), text, status) = within(LIMIT, all).await;
    text.unwrap();
    Walk { steps, said, status: status.unwrap() }
}

impl Walk {
    /// Every step was right.
    #[track_caller]
    pub(crate) fn assert_complete(&self) {
        self.assert_steps(&["end"]);
    }

    /// Every step was right, and the last subscription ended with a result.
    #[track_caller]
    pub(crate) fn assert_complete_to_shutdown(&self) {
        self.assert_steps(&["listening", "graceful", "end"]);
    }

    #[track_caller]
    fn assert_steps(&self, last: &[&str]) {
        let Self { steps, said, status } = self;
        assert!(status.success(), "{status} after {steps:?}: {said}");
        assert_eq!(*steps, [&STEPS[..], last].concat(), "{said}");
    }

    /// Not even the first step succeeded, and the client noticed.
    #[track_caller]
    pub(crate) fn assert_refused(&self) {
        assert!(!self.status.success() && self.steps.is_empty(), "{self:?}");
    }
}
