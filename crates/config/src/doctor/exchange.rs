//! One question over HTTP/1.1, and as much of the answer as tells why.

use std::fmt;

use http::HeaderMap;
use palisade_security::Origin;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connect::{Connection, Failure, tls_failure};

/// The revision that is spoken.
const VERSION: &str = "2026-07-28";
const METHOD: &str = "server/discover";
/// How much of an answer is read. Abuse: an answer that does not end.
const MAX_RESPONSE: usize = 64 * 1024;
const MAX_HEADERS: usize = 64;

/// What is special about a question.
#[derive(Clone, Debug)]
pub(super) struct Probe<'a> {
    headers: Option<&'a HeaderMap>,
    origin: Option<String>,
    host: Option<&'a str>,
}

impl<'a> Probe<'a> {
    pub(super) const fn new() -> Self {
        Self { headers: None, origin: None, host: None }
    }

    pub(super) const fn with_headers(mut self, headers: &'a HeaderMap) -> Self {
        self.headers = Some(headers);
        self
    }

    pub(super) fn with_origin(mut self, origin: &str) -> Self {
        self.origin = Some(origin.to_owned());
        self
    }

    pub(super) const fn with_host(mut self, host: &'a str) -> Self {
        self.host = Some(host);
        self
    }

    /// The request. Each part is checked text: the URL, header values, constants.
    fn to_bytes(&self, origin: &Origin, path: &str) -> Vec<u8> {
        let url = origin.to_string();
        let own = url.split_once("://").map_or(url.as_str(), |(_, authority)| authority);
        let host = self.host.unwrap_or(own);
        let key = |name: &str| format!("io.modelcontextprotocol/{name}");
        let body = json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": METHOD,
            "params": { "_meta": {
                key("protocolVersion"): VERSION,
                key("clientInfo"): { "name": "palisade-doctor", "version": env!("CARGO_PKG_VERSION") },
                key("clientCapabilities"): {},
            }},
        })
        .to_string();
        let mut head = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nMCP-Protocol-Version: {VERSION}\r\n\
             Mcp-Method: {METHOD}\r\nContent-Length: {}\r\nConnection: close\r\n",
            body.len()
        )
        .into_bytes();
        if let Some(origin) = &self.origin {
            head.extend_from_slice(format!("Origin: {origin}\r\n").as_bytes());
        }
        for (name, value) in self.headers.into_iter().flatten() {
            head.extend_from_slice(name.as_str().as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head.extend_from_slice(body.as_bytes());
        head
    }
}

/// What tells why, of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    /// The schemes of the challenge, such as `Bearer`.
    pub(super) challenge: Option<String>,
    /// The stable name that palisade servers give their refusals.
    pub(super) code: Option<String>,
}

impl Response {
    pub(super) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }

    pub(super) fn has_code(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    pub(super) fn is_about_host(&self) -> bool {
        self.has_code("host_not_allowed") || self.has_code("invalid_host")
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        if let Some(challenge) = &self.challenge {
            write!(f, ", challenge {challenge}")?;
        }
        Ok(())
    }
}

/// Asks, and reads the answer.
pub(super) async fn exchange(
    connection: &mut Connection,
    origin: &Origin,
    path: &str,
    probe: &Probe<'_>,
) -> Result<Response, Failure> {
    // A server may answer and close before it has read everything.
    let sent = async {
        connection.write_all(&probe.to_bytes(origin, path)).await?;
        connection.flush().await
    };
    let sent = sent.await;
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while bytes.len() < MAX_RESPONSE && !is_complete(&bytes) {
        match connection.read(&mut chunk).await {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(chunk.get(..read).unwrap_or_default()),
            // Under TLS 1.3 a client without the certificate that the server wants learns it here.
            Err(error) if bytes.is_empty() => {
                return Err(tls_failure(&error).unwrap_or(Failure::NoAnswer));
            }
            Err(_) => break,
        }
    }
    if bytes.is_empty() {
        let failure = sent.err().and_then(|error| tls_failure(&error));
        return Err(failure.unwrap_or(Failure::NoAnswer));
    }
    parse(&bytes)
}

/// Whether the head is there, and the body if its length is known.
fn is_complete(bytes: &[u8]) -> bool {
    let Some((head, body)) = split(bytes) else { return false };
    match header(head, "content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(length) => body.len() >= length,
        // An event stream need not end.
        None => {
            header(head, "content-type").is_some_and(|kind| kind.starts_with("text/event-stream"))
        }
    }
}

fn split(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = bytes.split_at_checked(end.saturating_add(4))?;
    Some((std::str::from_utf8(head).ok()?, body))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let fields =
        head.split("\r\n").skip(1).take(MAX_HEADERS).filter_map(|line| line.split_once(':'));
    let mut same = fields.filter(|(field, _)| field.eq_ignore_ascii_case(name));
    same.next().map(|(_, value)| value.trim())
}

fn parse(bytes: &[u8]) -> Result<Response, Failure> {
    // An alert of TLS: what a port that wants TLS says to plain text.
    if bytes.starts_with(&[0x15, 0x03]) {
        return Err(Failure::SpeaksTls);
    }
    let (head, body) = split(bytes).ok_or(Failure::NotHttp)?;
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|status| status.parse().ok())
        .ok_or(Failure::NotHttp)?;
    let code = serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|body| body.pointer("/error/data/code").and_then(Value::as_str).and_then(name));
    let challenge = header(head, "www-authenticate")
        .and_then(|challenge| challenge.split(' ').next())
        .and_then(name);
    Ok(Response { status, challenge, code })
}

/// A name, if it is one: nothing else of an answer is shown.
fn name(text: &str) -> Option<String> {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    let is_name = !text.is_empty() && text.len() <= 64 && text.bytes().all(valid);
    is_name.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let parsed = parse(text.as_bytes()).ok().map(|response| response.to_string());
        assert_eq!(parsed.as_deref(), expected, "{text}");
    }

    #[test]
    fn answers_are_reduced_to_what_tells_why() {
        check("HTTP/1.1 200 OK\r\n\r\n", Some("http 200"));
        check(
            "HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer realm=\"canary\"\r\n\r\n\
             {\"error\":{\"message\":\"canary\",\"data\":{\"code\":\"missing_credentials\"}}}",
            Some("http 401, missing_credentials, challenge Bearer"),
        );
        check("HTTP/1.0 500 canary\r\nX: y\r\n\r\n<html>canary", Some("http 500"));
        check(
            "HTTP/1.1 403 x\r\n\r\n{\"error\":{\"data\":{\"code\":\"\\u001b[2J canary\"}}}",
            Some("http 403"),
        );
        for text in
            ["", "SSH-2.0-x\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 2x0 \r\n\r\n", "HTTP/2 200"]
        {
            check(text, None);
        }
        assert!(matches!(parse(&[0x15, 3, 3, 0, 2, 2, 70]), Err(Failure::SpeaksTls)));
    }

    #[test]
    fn the_end_of_an_answer_is_seen() {
        for (text, complete) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{", false),
            ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true),
            ("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\n{}", false),
            ("HTTP/1.1 200 OK\r\n", false),
        ] {
            assert_eq!(is_complete(text.as_bytes()), complete, "{text}");
        }
    }
}
