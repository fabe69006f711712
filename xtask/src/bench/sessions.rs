//! `cargo xtask bench --sessions`: what clients of older revisions cost: a call that is answered by a stream,
//! and a session that rests with an open stream.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use super::{Pins, START_LIMIT, TOKEN, probe, release_binary, stat::Usage};
use crate::{
    failure::{Failure, Result},
    process::Program,
};

/// Sessions that rest, each with a stream.
const RESTING: usize = 10_000;
/// What one of them may cost, in KiB.
const MOST_KIB: f64 = 20.0;
/// What a call in a session may cost, measured by one of the newest revision.
const MOST_RATIO: f64 = 2.0;
/// Calls of each kind before any is counted, and in each round.
const WARM_UP: usize = 2000;
const CALLS: usize = 5000;

const INITIALIZE: &str = concat!(
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","#,
    r#""capabilities":{},"clientInfo":{"name":"bench","version":"1.0.0"}}}"#,
);
const CALL: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","#,
    r#""arguments":{"a":2,"b":3}}}"#,
);

/// Measures, prints, and fails if a bound is exceeded.
pub(super) fn run(bench: &Path, scratch: &Path, pins: Option<&Pins>, rounds: u32) -> Result {
    let program = release_binary(bench, "bench-server")?;
    let room = (RESTING + 64).to_string();
    let server = Program::pinned(program, pins.map(|pins| pins.server))
        .args(["--port", "0", "--security", "bearer", "--token", TOKEN, "--sessions", &room])
        .serve(scratch.join("server-sessions.log"), START_LIMIT)?;
    probe::check(server.url(), Some(TOKEN))?;
    let (host, path) = server
        .url()
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| Failure::new("the server names no plain http URL"))?;

    let (mut newest, mut older) = (Vec::new(), Vec::new());
    let mut connection = Connection::open(host, path)?;
    let session = connection.begin_session()?;
    let in_session = Kind::Session(&session);
    for _ in 0..WARM_UP {
        connection.call(&Kind::Newest)?;
        connection.call(&in_session)?;
    }
    for _ in 0..rounds {
        for (kind, times) in [(&Kind::Newest, &mut newest), (&in_session, &mut older)] {
            for _ in 0..CALLS {
                let start = Instant::now();
                connection.call(kind)?;
                times.push(start.elapsed());
            }
        }
    }
    let (newest, older) = (median(newest), median(older));
    let ratio = older.as_secs_f64() / newest.as_secs_f64();
    println!(
        "tools/call, p50: {newest:.1?} in the newest revision, {older:.1?} by a stream in a session: {ratio:.2} times"
    );

    let before = Usage::of(server.pid())?.resident_kib;
    let mut resting = Vec::with_capacity(RESTING);
    for _ in 0..RESTING {
        resting.push(Connection::open(host, path)?.rest()?);
    }
    let after = Usage::of(server.pid())?.resident_kib;
    #[expect(clippy::cast_precision_loss, reason = "both are far below what a float holds")]
    let each = after.saturating_sub(before) as f64 / resting.len() as f64;
    println!(
        "{} resting sessions with a stream: {before} KiB before, {after} KiB after, {each:.1} KiB each",
        resting.len()
    );
    connection.call(&in_session)?;
    if ratio < MOST_RATIO && each <= MOST_KIB {
        return Ok(());
    }
    Err(Failure::new(format!("under {MOST_RATIO} times and at most {MOST_KIB} KiB are wanted")))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// What a call is.
enum Kind<'a> {
    Newest,
    Session(&'a str),
}

/// One connection, on which one request follows the other.
struct Connection<'a> {
    stream: TcpStream,
    host: &'a str,
    path: &'a str,
    buffer: Vec<u8>,
}

impl<'a> Connection<'a> {
    fn open(host: &'a str, path: &'a str) -> Result<Self> {
        let stream = TcpStream::connect(host).map_err(|error| {
            Failure::new(format!("{host}: {error}; `ulimit -n` may be too low"))
        })?;
        let set = stream.set_nodelay(true);
        set.and_then(|()| stream.set_read_timeout(Some(Duration::from_secs(10))))
            .map_err(broken)?;
        Ok(Self { stream, host, path, buffer: Vec::new() })
    }

    fn send(&mut self, method: &str, headers: &[(&str, String)], body: &str) -> Result {
        let mut request = format!(
            "{method} /{} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n",
            self.path,
            self.host,
            body.len()
        );
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        request.push_str(body);
        self.stream.write_all(request.as_bytes()).map_err(broken)
    }

    /// Reads until `done` finds the response complete.
    fn receive(&mut self, done: impl Fn(&[u8]) -> bool) -> Result<String> {
        self.buffer.clear();
        let mut piece = [0; 4096];
        while !done(&self.buffer) {
            let length = self.stream.read(&mut piece).map_err(broken)?;
            if length == 0 {
                return Err(Failure::new("the server closed a connection"));
            }
            self.buffer.extend(piece.iter().take(length));
        }
        Ok(String::from_utf8_lossy(&self.buffer).into_owned())
    }

    fn begin_session(&mut self) -> Result<String> {
        self.send("POST", &older(None), INITIALIZE)?;
        let answer = self.receive(is_complete)?;
        let id = answer.lines().find_map(|line| line.strip_prefix("mcp-session-id: "));
        id.map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("`initialize` opened no session:\n{answer}")))
    }

    fn call(&mut self, kind: &Kind<'_>) -> Result {
        match kind {
            Kind::Newest => self.send("POST", &probe::headers(Some(TOKEN)), probe::BODY)?,
            Kind::Session(id) => self.send("POST", &older(Some(id)), CALL)?,
        }
        let answer = self.receive(is_complete)?;
        let streamed = answer.contains("text/event-stream");
        if streamed == matches!(kind, Kind::Session(_)) && answer.contains(probe::ANSWER) {
            return Ok(());
        }
        Err(Failure::new(format!("the answer is not what was to be measured:\n{answer}")))
    }

    /// Begins a session and listens.
    fn rest(mut self) -> Result<TcpStream> {
        let id = self.begin_session()?;
        self.send("GET", &older(Some(&id)), "")?;
        // The event that primes the client.
        let answer = self.receive(|bytes| bytes.windows(7).any(|part| part == b"data: \n"))?;
        if answer.starts_with("HTTP/1.1 200") {
            return Ok(self.stream);
        }
        Err(Failure::new(format!("no stream:\n{answer}")))
    }
}

fn older(session: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("Accept", "application/json, text/event-stream".to_owned()),
        ("MCP-Protocol-Version", "2025-11-25".to_owned()),
        ("Authorization", format!("Bearer {TOKEN}")),
    ];
    headers.extend(session.map(|id| ("Mcp-Session-Id", id.to_owned())));
    headers
}

fn broken(error: std::io::Error) -> Failure {
    Failure::new(format!("a connection broke: {error}"))
}

/// Whether these bytes are a whole response, with a length or in chunks.
fn is_complete(bytes: &[u8]) -> bool {
    let Some(head) = bytes.windows(4).position(|part| part == b"\r\n\r\n") else { return false };
    let (head, body) = bytes.split_at(head + 4);
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    match length.and_then(|length| length.trim().parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        None => body.ends_with(b"0\r\n\r\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_complete;

    #[test]
    fn responses_end_where_they_say() {
        for (text, complete) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n", false),
        ] {
            assert_eq!(is_complete(text.as_bytes()), complete, "{text}");
        }
    }
}
