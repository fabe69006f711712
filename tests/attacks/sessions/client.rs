//! A client of an older revision, request by request.

use std::collections::VecDeque;

use palisade_testkit::{
    RawConnection, RawRequest, RawResponse,
    guard::PATIENCE,
    sse::{SseEvent, SseReader},
    within,
};
use serde_json::{Value, json};

use crate::support::{ALICE, Target};

pub(crate) const NEWEST: &str = "2025-11-25";

/// One session of Alice's.
pub(crate) struct Client {
    pub(crate) id: String,
    version: &'static str,
}

/// A request without a word of the newest revision.
pub(crate) fn bare(token: &str, message: &Value) -> RawRequest {
    RawRequest::new("POST", "/mcp")
        .with_header("Content-Type", "application/json")
        .with_header("Accept", "application/json, text/event-stream")
        .with_token(token)
        .with_header("Content-Length", message.to_string().len().to_string())
        .with_body(message.to_string())
}

pub(crate) fn initialize(version: &str) -> Value {
    request(
        0,
        "initialize",
        json!({
            "protocolVersion": version,
            "capabilities": {"elicitation": {}, "sampling": {}, "roots": {"listChanged": true}},
            "clientInfo": {"name": "old", "version": "1"},
        }),
    )
}

pub(crate) fn request(id: i64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

pub(crate) fn call(id: i64, name: &str, arguments: Value) -> Value {
    request(
        id,
        "tools/call",
        json!({"name": name, "arguments": arguments, "_meta": {"progressToken": 7}}),
    )
}

pub(crate) fn add(id: i64) -> Value {
    call(id, "add", json!({"a": 1, "b": 2}))
}

impl Client {
    /// Alice opens a session of this revision.
    pub(crate) async fn open(target: &Target, version: &'static str) -> Self {
        Self::open_as(target, ALICE, version).await
    }

    pub(crate) async fn open_as(target: &Target, token: &str, version: &'static str) -> Self {
        let opened = target.send(&bare(token, &initialize(version))).await;
        assert_eq!(opened.status(), 200, "{}", opened.text());
        assert_eq!(opened.json()["result"]["protocolVersion"], version);
        let id = opened.header("mcp-session-id").expect("a session").to_owned();
        let client = Self { id, version };
        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let accepted = target.send(&client.post_as(token, &initialized)).await;
        assert_eq!((accepted.status(), accepted.body()), (202, &b""[..]));
        target.audit.forget();
        client
    }

    /// A request in the session.
    pub(crate) fn post(&self, message: &Value) -> RawRequest {
        self.post_as(ALICE, message)
    }

    pub(crate) fn post_as(&self, token: &str, message: &Value) -> RawRequest {
        self.mark(bare(token, message))
    }

    pub(crate) fn get(&self) -> RawRequest {
        self.get_as(ALICE)
    }

    pub(crate) fn get_as(&self, token: &str) -> RawRequest {
        let get = RawRequest::new("GET", "/mcp").with_header("Accept", "text/event-stream");
        self.mark(get.with_token(token))
    }

    pub(crate) fn delete(&self) -> RawRequest {
        self.mark(RawRequest::new("DELETE", "/mcp").with_token(ALICE))
    }

    fn mark(&self, request: RawRequest) -> RawRequest {
        request
            .with_header("Mcp-Session-Id", &self.id)
            .with_header("MCP-Protocol-Version", self.version)
    }
}

/// A stream that is read event by event.
pub(crate) struct Stream {
    connection: RawConnection,
    reader: SseReader,
    events: VecDeque<SseEvent>,
}

impl Stream {
    /// Sends a request that is answered by a stream.
    pub(crate) async fn open(target: &Target, request: &RawRequest) -> Self {
        match Self::try_open(target, request).await {
            Ok(stream) => stream,
            Err(status) => panic!("{status}"),
        }
    }

    /// The same, when the server knows that the reader before is gone.
    pub(crate) async fn open_when_free(target: &Target, request: &RawRequest) -> Self {
        let opening = async {
            loop {
                match Self::try_open(target, request).await {
                    Ok(stream) => return stream,
                    Err(status) => assert_eq!(status, 409),
                }
            }
        };
        within(PATIENCE, opening).await
    }

    async fn try_open(target: &Target, request: &RawRequest) -> Result<Self, u16> {
        let mut connection = target.connect().await;
        connection.write_request(request).await.unwrap();
        let head = connection.read_head().await.unwrap();
        if head.status() != 200 {
            return Err(head.status());
        }
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        Ok(Self { connection, reader: SseReader::new(), events: VecDeque::new() })
    }

    /// The next event that is more than a comment; none at the end.
    pub(crate) async fn next(&mut self) -> Option<SseEvent> {
        loop {
            match self.events.pop_front() {
                Some(event) if event.is_keep_alive() => {}
                Some(event) => return Some(event),
                None => {
                    let piece = self.connection.next_piece().await.unwrap()?;
                    self.events.extend(self.reader.push(&piece));
                }
            }
        }
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            let event = self.next().await.expect("a message");
            if event.data.as_deref().is_some_and(|data| !data.is_empty()) {
                return event.json();
            }
        }
    }

    /// The connection is lost.
    pub(crate) fn abort(self) {
        self.connection.abort();
    }
}

/// How a request is answered, be it by a stream, which is then left.
pub(crate) async fn status(target: &Target, request: &RawRequest) -> u16 {
    let mut connection = target.connect().await;
    connection.write_request(request).await.unwrap();
    connection.read_head().await.unwrap().status()
}

/// What a refusal says.
pub(crate) fn refusal(response: &RawResponse) -> (u16, String) {
    let code = response.json()["error"]["data"]["code"].as_str().unwrap_or_default().to_owned();
    (response.status(), code)
}
