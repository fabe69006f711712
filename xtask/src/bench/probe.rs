//! The one request that is measured, and a look at the answer before measuring.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use crate::failure::{Failure, Result};

/// `tools/call` of `add` with 2 and 3, revision 2026-07-28.
pub(super) const BODY: &str = concat!(
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","#,
    r#""arguments":{"a":2,"b":3},"_meta":{"#,
    r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","#,
    r#""io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.0.0"},"#,
    r#""io.modelcontextprotocol/clientCapabilities":{}}}}"#,
);

/// How the answer holds the sum.
pub(super) const ANSWER: &str = r#""text":"5""#;

/// The headers that go with [`BODY`].
pub(super) fn headers(token: Option<&str>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Content-Type", "application/json".to_owned()),
        ("Accept", "application/json, text/event-stream".to_owned()),
        ("MCP-Protocol-Version", "2026-07-28".to_owned()),
        ("Mcp-Method", "tools/call".to_owned()),
        ("Mcp-Name", "add".to_owned()),
    ];
    headers.extend(token.map(|token| ("Authorization", format!("Bearer {token}"))));
    headers
}

/// Calls the server once and checks the answer; once more without the token if it wants one.
pub(super) fn check(url: &str, token: Option<&str>) -> Result {
    let answer = call(url, token)?;
    let is_json = answer.to_ascii_lowercase().contains("content-type: application/json");
    if !(answer.starts_with("HTTP/1.1 200") && is_json && answer.contains(ANSWER)) {
        return Err(Failure::new(format!("the answer is not the sum as JSON:\n{answer}")));
    }
    if token.is_some() && !call(url, None)?.starts_with("HTTP/1.1 401") {
        return Err(Failure::new("a call without the token is not refused"));
    }
    Ok(())
}

fn call(url: &str, token: Option<&str>) -> Result<String> {
    let broken = |error: std::io::Error| Failure::new(format!("{url}: {error}"));
    let (host, path) = url
        .strip_prefix("http://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| Failure::new(format!("`{url}` is no plain http URL with a path")))?;
    let mut request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n",
        BODY.len()
    );
    for (name, value) in headers(token) {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    request.push_str(BODY);
    let mut stream = TcpStream::connect(host).map_err(broken)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(broken)?;
    stream.write_all(request.as_bytes()).map_err(broken)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(broken)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::BODY;

    #[test]
    fn the_body_is_json_and_calls_add() {
        let body: serde_json::Value = serde_json::from_str(BODY).unwrap();
        assert_eq!(body["params"]["name"], "add");
        assert_eq!(body["params"]["arguments"]["b"], 3);
    }
}
