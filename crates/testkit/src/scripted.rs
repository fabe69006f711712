//! An HTTP server that answers whatever the test tells it to, for clients under attack.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

use crate::raw::wire::{Framing, Headers, WireReader, malformed, values};

/// A request as the server received it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// Which one it was, counted from 0 over all connections.
    pub number: usize,
    /// The HTTP method.
    pub method: String,
    /// The request target.
    pub target: String,
    headers: Headers,
    body: Vec<u8>,
}

impl Received {
    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }

    /// All headers as they came.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The body, without its framing.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as JSON; `null` if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The JSON-RPC method, empty if there is none.
    pub fn rpc_method(&self) -> String {
        self.json().get("method").and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// What the server answers.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

#[derive(Clone, Debug)]
enum Then {
    KeepOpen,
    Close,
    Hang,
    Feed(Arc<tokio::sync::Mutex<mpsc::Receiver<Vec<u8>>>>),
}

/// Where the rest of a reply comes from.
#[derive(Clone, Debug)]
pub struct Feed(mpsc::Sender<Vec<u8>>);

impl Feed {
    /// Sends more of the reply.
    ///
    /// # Panics
    ///
    /// If nobody has been given the reply, or nobody reads it.
    pub fn send(&self, bytes: impl Into<Vec<u8>>) {
        self.0.try_send(bytes.into()).expect("a reader");
    }
}

impl Reply {
    /// A JSON document with this status.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::with_content(status, "application/json", &body.to_string())
    }

    /// The JSON-RPC response with this result to a request.
    pub fn result(to: &Received, result: Value) -> Self {
        let id = to.json().get("id").cloned().unwrap_or_default();
        Self::json(200, &json!({"jsonrpc": "2.0", "id": id, "result": result}))
    }

    /// The JSON-RPC error to a request.
    pub fn error(to: &Received, status: u16, code: i64, message: &str) -> Self {
        let id = to.json().get("id").cloned().unwrap_or_default();
        Self::json(
            status,
            &json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}),
        )
    }

    /// A finished event stream with one message an event.
    pub fn events(messages: &[Value]) -> Self {
        let body: String = messages.iter().map(|message| format!("data: {message}\n\n")).collect();
        Self::with_content(200, "text/event-stream", &body)
    }

    /// A status with a body of any type.
    pub fn with_content(status: u16, content_type: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} Scripted\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        Self { bytes: (head + body).into_bytes(), then: Then::KeepOpen }
    }

    /// These bytes, and then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Close }
    }

    /// These bytes, and then nothing more, on an open connection.
    pub fn hanging(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), then: Then::Hang }
    }

    /// These bytes, then what the feed brings, and then the connection is closed.
    pub fn fed(bytes: impl Into<Vec<u8>>) -> (Self, Feed) {
        let (sender, receiver) = mpsc::channel(64);
        let receiver = Arc::new(tokio::sync::Mutex::new(receiver));
        (Self { bytes: bytes.into(), then: Then::Feed(receiver) }, Feed(sender))
    }

    /// Adds a header line to a reply that has a head.
    ///
    /// # Panics
    ///
    /// If the reply has no status line.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let end =
            self.bytes.windows(2).position(|window| window == b"\r\n").expect("a status line") + 2;
        self.bytes.splice(end..end, format!("{name}: {value}\r\n").into_bytes());
        self
    }
}

type Script = dyn Fn(&Received) -> Reply + Send + Sync;

/// The server; it ends when this is dropped.
pub struct ScriptedServer {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    accepting: JoinHandle<()>,
}

impl ScriptedServer {
    /// Listens on a free loopback port and answers every request with what the script returns.
    ///
    /// # Panics
    ///
    /// If there is no port to be had, or outside a tokio runtime.
    pub async fn start(script: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a loopback port");
        let address = listener.local_addr().expect("the address of a listener");
        let script: Arc<Script> = Arc::new(script);
        let received = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&received);
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                connections.spawn(serve(connection, Arc::clone(&script), Arc::clone(&seen)));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { address, received, accepting }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of its MCP endpoint (it answers on any other path too).
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// The requests so far, in order.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        // The connections belong to this task and go with it.
        self.accepting.abort();
    }
}

impl fmt::Debug for ScriptedServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedServer").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn serve(
    connection: TcpStream,
    script: Arc<Script>,
    seen: Arc<Mutex<Vec<Received>>>,
) -> io::Result<()> {
    let (reader, mut writer) = connection.into_split();
    let mut reader = WireReader::new(reader);
    while let Some(head) = reader.head().await? {
        let mut body_framing = head.framing(Framing::Length(0))?;
        let mut body = Vec::new();
        while let Some(piece) = reader.piece(&mut body_framing).await? {
            body.extend_from_slice(&piece);
        }
        let mut words = head.first_line.split(' ').map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed("request line"));
        };
        let received = {
            let mut seen = lock(&seen);
            let received =
                Received { number: seen.len(), method, target, headers: head.headers, body };
            seen.push(received.clone());
            received
        };
        let reply = script(&received);
        writer.write_all(&reply.bytes).await?;
        match reply.then {
            Then::KeepOpen => {}
            Then::Close => return Ok(()),
            Then::Hang => std::future::pending().await,
            Then::Feed(feed) => {
                while let Some(bytes) = feed.lock().await.recv().await {
                    writer.write_all(&bytes).await?;
                }
                return Ok(());
            }
        }
    }
    Ok(())
}

fn lock(received: &Mutex<Vec<Received>>) -> MutexGuard<'_, Vec<Received>> {
    received.lock().unwrap_or_else(PoisonError::into_inner)
}
