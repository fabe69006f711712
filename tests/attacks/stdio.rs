//! Hostile clients of a server over lines: bytes into the standard input of a real process, and Unix sockets.

use std::{process::Stdio, sync::Arc};

use palisade::{
    SecurityConfig, Server,
    security::{MemoryAudit, Outcome},
    stdio::StdioServer,
};
use palisade_testkit::{guard::PATIENCE, within};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    process::{Child, Command},
};

use crate::support::{Runs, add};

/// The limit of a line by default.
const MAX_LINE: usize = 4 << 20;

/// A server's process, and its streams.
struct Process {
    child: Child,
    peer: Peer,
}

/// The client's end of a stream.
struct Peer {
    reader: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
}

impl Process {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stdio-server"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (writer, reader) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, peer: Peer::new(reader, writer) }
    }

    /// The most memory that it ever used, in bytes.
    fn peak(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap()));
        let status = status.unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<usize>().unwrap() << 10
    }

    /// Closes its input. What it still says, and whether it ends well.
    async fn end(mut self) -> (String, bool) {
        let Peer { mut reader, writer } = self.peer;
        drop(writer);
        let mut rest = String::new();
        within(PATIENCE, reader.read_to_string(&mut rest)).await.unwrap();
        let status = within(PATIENCE, self.child.wait()).await.unwrap();
        (rest, status.success())
    }
}

impl Peer {
    fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { reader: BufReader::new(Box::new(reader)), writer: Box::new(writer) }
    }

    async fn send(&mut self, bytes: &[u8]) {
        within(PATIENCE, self.writer.write_all(bytes)).await.unwrap();
    }

    async fn next(&mut self) -> Value {
        let mut line = String::new();
        within(PATIENCE, self.reader.read_line(&mut line)).await.unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// The server answers a call, and that is the next thing it says.
    async fn check_healthy(&mut self) {
        self.send(&call("add", json!("after"), json!({ "a": 1, "b": 2 }))).await;
        let answer = self.next().await;
        assert_eq!(answer["id"], "after", "{answer}");
        assert_eq!(answer["result"]["content"][0]["text"], "3", "{answer}");
    }

    /// The code of the error that is the answer to these bytes.
    async fn refused(&mut self, bytes: &[u8]) -> i64 {
        self.send(bytes).await;
        let answer = self.next().await;
        let code = answer["error"]["code"].as_i64();
        self.check_healthy().await;
        code.unwrap_or_else(|| panic!("{answer}"))
    }
}

fn call(tool: &str, id: Value, arguments: Value) -> Vec<u8> {
    let call = json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments, "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }},
    });
    format!("{call}\n").into_bytes()
}

#[tokio::test]
async fn p7_a_line_of_100_mib_costs_its_cap_and_the_next_message_works() {
    let mut process = Process::start();
    process.peer.check_healthy().await;
    let before = process.peak();
    process.peer.send(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"").await;
    let chunk = vec![b'a'; 1 << 20];
    for _ in 0..100 {
        process.peer.send(&chunk).await;
    }
    assert_eq!(process.peer.next().await["error"]["code"], -32600, "told before the line ends");
    process.peer.send(b"\"}\n").await;
    process.peer.check_healthy().await;
    let grown = process.peak() - before;
    println!("{grown} bytes more for a line of 100 MiB");
    // A buffer that doubles, and chunks of what is read.
    assert!(grown < 2 * MAX_LINE + (1 << 20), "{grown} bytes for one line");
    assert_eq!(process.end().await, (String::new(), true));
}

#[tokio::test]
async fn p8_binary_split_characters_and_partial_lines() {
    let mut process = Process::start();
    for garbage in [
        &b"\x00\x01\xff\xfe\n"[..],
        b"\xef\xbb\xbf{}\n",
        b"\"caf\xe9\"\n",
        b"Content-Length: 2\n",
        b"{\"jsonrpc\":\"2.0\",\n",
        b"\xed\xa0\x80\n",
    ] {
        assert_eq!(process.peer.refused(garbage).await, -32700, "{garbage:?}");
    }
    // A character that arrives in pieces, in a message that arrives in pieces, with a CR that does too.
    let mut message = call("add", json!("\u{e9}\u{1f600}"), json!({ "a": 1, "b": 2 }));
    message.pop();
    message.extend(b"\r\n");
    for byte in message {
        process.peer.send(&[byte]).await;
        process.peer.writer.flush().await.unwrap();
    }
    assert_eq!(process.peer.next().await["id"], "\u{e9}\u{1f600}");
    process.peer.send(b"\n\r\n\n").await;
    process.peer.check_healthy().await;
    // Whoever dies within a message has sent none.
    process.peer.send(&call("add", json!(1), json!({ "a": 1, "b": 2 }))[..80]).await;
    assert_eq!(process.end().await, (String::new(), true));
}

#[tokio::test]
async fn h5_to_h10_hold_on_lines_too() {
    let mut process = Process::start();
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let add = |arguments: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"add","arguments":{arguments},{meta}}}}}"#
        )
    };
    let cases = [
        ("h5", add(&deep), -32700),
        ("h6", format!("[{}]", add(r#"{"a":1,"b":2}"#)), -32600),
        ("h7", add(r#"{"a":1,"b":2,"a":3}"#), -32600),
        ("h7", add("{}").replace(r#""id":1"#, r#""id":1,"id":2"#), -32600),
        ("h8", add("{}").replace(r#""method""#, r#""Method""#), -32600),
        ("h9", add("{}") + "x", -32700),
        ("h10", add(r#""{\"a\":1}""#), -32602),
        ("h13", add("{}").replace("2026-07-28", "1900-01-01"), -32022),
        ("h13", add("{}").replace("tools/call", "tools/eat"), -32601),
        ("no version", add("{}").replace(meta, r#""_meta":{}"#), -32602),
    ];
    for (row, message, code) in cases {
        let refused = process.peer.refused(format!("{message}\n").as_bytes()).await;
        assert_eq!(refused, code, "{row}: {message}");
    }
}

#[tokio::test]
async fn nothing_but_messages_reaches_the_client() {
    let mut process = Process::start();
    process.peer.send(&call("print", json!(1), json!({}))).await;
    let answer = process.peer.next().await;
    assert_eq!(answer["result"]["content"][0]["text"], "true", "{answer}");
    process.peer.check_healthy().await;
    assert_eq!(process.end().await, (String::new(), true));
}

/// A server at a Unix socket; it ends with the test's runtime.
fn serve_unix(
    name: &str,
    change: impl FnOnce(StdioServer) -> StdioServer,
) -> (String, Arc<MemoryAudit>) {
    let path = format!("{}/{name}-{}.sock", std::env::temp_dir().display(), std::process::id());
    let audit = Arc::new(MemoryAudit::new());
    let security = SecurityConfig::stdio().with_audit(Arc::clone(&audit)).build().unwrap();
    let server = Server::new("target", "1.0.0").with_tool(add(&Runs::default())).build().unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(change(StdioServer::new(server, security)).serve_unix(listener));
    (path, audit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n5_two_clients_of_one_socket_with_the_same_ids() {
    let (path, audit) = serve_unix("palisade-n5", |server| server);
    let client = async |who: i64| {
        let (reader, writer) = UnixStream::connect(&path).await.unwrap().into_split();
        let mut peer = Peer::new(reader, writer);
        for round in 0..500 {
            peer.send(&call("add", json!(0), json!({ "a": who, "b": round }))).await;
            let answer = peer.next().await;
            let expected = (who + round).to_string();
            assert_eq!(answer["result"]["content"][0]["text"], expected, "{answer}");
        }
    };
    tokio::join!(client(1000), client(2000));
    let entries = audit.take();
    assert_eq!(entries.len(), 1000);
    let uid = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&path).unwrap());
    for entry in entries {
        assert_eq!((entry.outcome, entry.transport), (Outcome::Allowed, "stdio"));
        assert_eq!(entry.subject, Some(format!("uid:{uid}")));
        assert_eq!(entry.scheme.as_deref(), Some("unix_socket"));
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn p4_a_user_that_is_not_allowed_is_disconnected() {
    let (path, audit) =
        serve_unix("palisade-peer", |server| server.with_allowed_uids([4_294_000_000]));
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let _ = stream.write_all(&call("add", json!(1), json!({ "a": 1, "b": 2 }))).await;
    let mut answer = Vec::new();
    let _ = within(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert_eq!(answer, b"");
    let entries = audit.take();
    let seen: Vec<_> = entries.iter().map(|it| (it.outcome, it.code.as_str())).collect();
    assert_eq!(seen, [(Outcome::Denied, "peer_not_allowed")]);
    std::fs::remove_file(path).unwrap();
}
