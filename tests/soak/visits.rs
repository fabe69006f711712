//! What visitors do: call, ask, listen, leave in the middle.

use std::{sync::Arc, time::Duration};

use palisade::{
    Client,
    auth::BearerToken,
    client::{CallError, CallOptions, ClientBuilder, ClientError},
    http::HttpTransport,
    protocol::{ElicitRequestFormParams, ElicitResult, Eras, SubscriptionFilter},
    security::Origin,
    stdio::{ServerCommand, StdioTransport},
};
use serde_json::{Map, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    dice::Dice,
    server::{ALICE, AS_CHILD, BOB, Site},
    tally::Tally,
};

/// Nothing that is answered at all takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The kinds of visits; those that come more often stand here more often.
const VISITS: &[Visit] = &[
    Visit::Calls(Eras::ModernOnly),
    Visit::Calls(Eras::ModernOnly),
    Visit::Calls(Eras::LegacyOnly),
    Visit::Calls(Eras::LegacyOnly),
    Visit::Calls(Eras::Both),
    Visit::Leaves(Eras::ModernOnly),
    Visit::Leaves(Eras::LegacyOnly),
    Visit::Deserts,
    Visit::Listens(Eras::ModernOnly),
    Visit::Listens(Eras::LegacyOnly),
    Visit::BreaksOff,
    Visit::Stranger,
    Visit::Child(Eras::Both),
    Visit::Child(Eras::LegacyOnly),
    Visit::DyingChild,
];

#[derive(Clone, Copy, Debug)]
enum Visit {
    /// Calls tools of every temper and says good-bye.
    Calls(Eras),
    /// Drops a request that is under way.
    Leaves(Eras),
    /// Leaves a session behind without a word.
    Deserts,
    /// Subscribes, and is told.
    Listens(Eras),
    /// Sends half a request, or a whole one, and closes the connection.
    BreaksOff,
    /// Has a wrong token.
    Stranger,
    /// Launches a server of its own.
    Child(Eras),
    /// Launches a server that ends in the middle of a request.
    DyingChild,
}

impl Visit {
    const fn name(self) -> &'static str {
        match self {
            Self::Calls(Eras::ModernOnly) => "calls, newest",
            Self::Calls(Eras::LegacyOnly) => "calls, older",
            Self::Calls(_) => "calls, whichever",
            Self::Leaves(Eras::ModernOnly) => "leaves, newest",
            Self::Leaves(_) => "leaves, older",
            Self::Deserts => "deserts a session",
            Self::Listens(Eras::ModernOnly) => "listens, newest",
            Self::Listens(_) => "listens, older",
            Self::BreaksOff => "breaks off",
            Self::Stranger => "wrong token",
            Self::Child(Eras::LegacyOnly) => "child, older",
            Self::Child(_) => "child, whichever",
            Self::DyingChild => "child that dies",
        }
    }
}

/// One of many who come again and again.
pub(crate) struct Visitor {
    site: Arc<Site>,
    tally: Arc<Tally>,
    dice: Dice,
}

impl Visitor {
    pub(crate) fn new(site: Arc<Site>, tally: Arc<Tally>, dice: Dice) -> Self {
        Self { site, tally, dice }
    }

    /// One visit of any kind. A visit that does not end is a fault too.
    pub(crate) async fn visit(&mut self) {
        let visit = self.dice.one_of(VISITS);
        let tally = Arc::clone(&self.tally);
        if timeout(PATIENCE * 3, self.go(visit)).await.is_err() {
            tally.strange(visit.name(), &"did not end");
        }
    }

    async fn go(&mut self, visit: Visit) {
        let name = visit.name();
        match visit {
            Visit::Calls(eras) => {
                let Some(client) = self.connect(name, eras, ALICE).await else { return };
                self.calls(name, &client).await;
                client.close().await;
            }
            Visit::Leaves(eras) => {
                let Some(client) = self.connect(name, eras, BOB).await else { return };
                let tool = self.dice.one_of(&["hang", "tell", "ask"]);
                let after = self.dice.millis(30);
                match timeout(after, client.call_tool(tool, &json!({}))).await {
                    Err(_) => self.tally.note(name, "left"),
                    Ok(outcome) => self.outcome(name, outcome.map(drop), &[]),
                }
                client.close().await;
            }
            Visit::Deserts => {
                let Some(client) = self.connect(name, Eras::LegacyOnly, BOB).await else { return };
                self.add(name, &client).await;
            }
            Visit::Listens(eras) => self.listens(name, eras).await,
            Visit::BreaksOff => self.breaks_off(name).await,
            Visit::Stranger => {
                let eras = self.dice.one_of(&[Eras::ModernOnly, Eras::LegacyOnly]);
                // Whoever guesses on is told to wait.
                let outcome = self.try_connect(eras, &"x".repeat(32)).await;
                self.outcome(name, outcome.map(drop), &["unauthorized", "rpc_error"]);
            }
            Visit::Child(eras) => {
                let Some(client) = self.launch(name, eras).await else { return };
                self.calls(name, &client).await;
                if self.dice.below(2) == 0 {
                    client.close().await;
                }
            }
            Visit::DyingChild => {
                let Some(client) = self.launch(name, Eras::Both).await else { return };
                let outcome = client.call_tool("die", &json!({})).await;
                self.outcome(name, outcome.map(drop), &["interrupted", "server_exited", "closed"]);
                client.close().await;
            }
        }
    }

    /// A few calls, of tools that answer, ask, tell, panic or hang.
    async fn calls(&mut self, name: &'static str, client: &Client) {
        for _ in 0..=self.dice.below(8) {
            match self.dice.below(6) {
                0 | 1 => self.add(name, client).await,
                2 => {
                    let outcome = client.call::<String>("ask", &json!({})).await;
                    self.typed(name, outcome, "Accept".to_owned());
                }
                3 => {
                    let outcome = client.call::<String>("tell", &json!({})).await;
                    self.typed(name, outcome, "told".to_owned());
                }
                4 => {
                    let outcome = client.call_tool("panic", &json!({ "a": 1, "b": 2 })).await;
                    self.outcome(name, outcome.map(drop), &["rpc_error"]);
                }
                _ => {
                    let options = CallOptions::new().with_timeout(self.dice.millis(60));
                    let outcome = client.call_tool_with("hang", &json!({}), options).await;
                    self.outcome(name, outcome.map(drop), &["timeout"]);
                }
            }
        }
    }

    async fn add(&mut self, name: &'static str, client: &Client) {
        let number = |dice: &mut Dice| i64::try_from(dice.below(1_000)).unwrap();
        let (a, b) = (number(&mut self.dice), number(&mut self.dice));
        let outcome = client.call::<i64>("add", &json!({ "a": a, "b": b })).await;
        self.typed(name, outcome, a + b);
    }

    async fn listens(&mut self, name: &'static str, eras: Eras) {
        let Some(client) = self.connect(name, eras, ALICE).await else { return };
        let mut filter = SubscriptionFilter::new();
        filter.tools_list_changed = true;
        match client.listen(filter).await {
            Ok(mut changes) => {
                self.site.notifier.tools_changed();
                match timeout(PATIENCE, changes.next()).await {
                    Ok(Some(Ok(_))) => self.tally.note(name, "told"),
                    other => self.tally.strange(name, &other),
                }
            }
            Err(error) => self.tally.strange(name, &error),
        }
        if self.dice.below(2) == 0 {
            client.close().await;
        }
    }

    async fn breaks_off(&mut self, name: &'static str) {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hang","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {BOB}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: 2026-07-28\r\n\
             Mcp-Method: tools/call\r\nMcp-Name: hang\r\nContent-Length: {}\r\n\r\n{body}",
            self.site.address,
            body.len()
        );
        let Ok(mut stream) = TcpStream::connect(self.site.address).await else {
            return self.tally.strange(name, &"no connection");
        };
        let sent = match self.dice.below(3) {
            0 => request.len(),
            _ => usize::try_from(self.dice.below(request.len() as u64)).unwrap(),
        };
        let _ = stream.write_all(request.as_bytes().get(..sent).unwrap_or_default()).await;
        let _ = timeout(self.dice.millis(20), stream.read(&mut [0; 16])).await;
        self.tally.note(name, if sent == request.len() { "whole request" } else { "part of one" });
    }

    async fn connect(&self, name: &'static str, eras: Eras, token: &str) -> Option<Client> {
        match self.try_connect(eras, token).await {
            Ok(client) => Some(client),
            Err(error) => {
                self.tally.strange(name, &error);
                None
            }
        }
    }

    async fn try_connect(&self, eras: Eras, token: &str) -> Result<Client, ClientError> {
        let origin = Origin::parse(&format!("http://{}", self.site.address)).unwrap();
        let transport = HttpTransport::builder(&self.site.url())
            .unwrap()
            .with_credentials(BearerToken::new(origin, token).unwrap())
            .build()
            .unwrap();
        builder(eras).connect(transport).await
    }

    async fn launch(&self, name: &'static str, eras: Eras) -> Option<Client> {
        let program = std::env::current_exe().unwrap();
        let command = ServerCommand::new(program).with_flag(AS_CHILD);
        let transport = match StdioTransport::launch(command) {
            Ok(transport) => transport,
            Err(error) => {
                self.tally.strange(name, &error);
                return None;
            }
        };
        match builder(eras).connect(transport).await {
            Ok(client) => Some(client),
            Err(error) => {
                self.tally.strange(name, &error);
                None
            }
        }
    }

    fn typed<T: PartialEq + std::fmt::Debug>(
        &self,
        name: &'static str,
        outcome: Result<T, CallError>,
        expected: T,
    ) {
        match outcome {
            Ok(value) if value == expected => self.tally.note(name, "right"),
            Ok(value) => self.tally.strange(name, &value),
            Err(error) => self.tally.strange(name, &error),
        }
    }

    /// Notes an outcome that is right if it is a value and nothing else was expected, or one of these errors.
    fn outcome(&self, name: &'static str, outcome: Result<(), ClientError>, expected: &[&str]) {
        match outcome {
            Ok(()) if expected.is_empty() => self.tally.note(name, "right"),
            Err(error) if expected.contains(&error.code()) => self.tally.note(name, error.code()),
            other => self.tally.strange(name, &other),
        }
    }
}

fn builder(eras: Eras) -> ClientBuilder {
    Client::builder().with_eras(eras).with_request_timeout(PATIENCE).with_elicitation_handler(
        |_: ElicitRequestFormParams| async { Ok(ElicitResult::accept(Map::new())) },
    )
}
