//! A request that starts out valid for revision 2026-07-28 and can be bent in every part.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// The revision that the requests made here speak.
const VERSION: &str = "2026-07-28";

/// One HTTP/1.1 request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RawRequest {
    method: String,
    target: String,
    headers: Vec<(Vec<u8>, HeaderValue)>,
    body: Vec<u8>,
    chunk_size: Option<usize>,
}

#[derive(Clone, Debug)]
enum HeaderValue {
    /// Where the connection goes.
    Authority,
    /// The length of the body at the time of sending.
    BodyLength,
    Bytes(Vec<u8>),
}

impl RawRequest {
    /// A bare request: `Host`, and nothing else.
    pub fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: vec![(b"Host".to_vec(), HeaderValue::Authority)],
            body: Vec::new(),
            chunk_size: None,
        }
    }

    /// A valid POST to `/mcp` of this method with these params (an object), id 1, no capabilities declared.
    ///
    /// # Panics
    ///
    /// If the params are not an object.
    pub fn mcp(method: &str, params: Value) -> Self {
        let Value::Object(mut params) = params else { panic!("the params are an object") };
        let subject = params.get(match method {
            "resources/read" => "uri",
            "tasks/get" | "tasks/update" | "tasks/cancel" => "taskId",
            _ => "name",
        });
        let subject = subject.and_then(Value::as_str).map(encode_header);
        let meta = params.entry("_meta").or_insert_with(|| Value::Object(Map::new()));
        for (key, value) in [
            ("protocolVersion", json!(VERSION)),
            ("clientInfo", json!({"name": "palisade-testkit", "version": "0"})),
            ("clientCapabilities", json!({})),
        ] {
            meta.as_object_mut().expect("_meta is an object").entry(meta_key(key)).or_insert(value);
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = Self::new("POST", "/mcp")
            .with_header("Content-Type", "application/json")
            .with_header("Accept", "application/json, text/event-stream")
            .with_header("MCP-Protocol-Version", VERSION)
            .with_header("Mcp-Method", method);
        if let Some(subject) = subject {
            request = request.with_header("Mcp-Name", subject);
        }
        request.headers.push((b"Content-Length".to_vec(), HeaderValue::BodyLength));
        request.with_body(body.to_string())
    }

    /// `tools/call`.
    pub fn tools_call(name: &str, arguments: Value) -> Self {
        Self::mcp("tools/call", json!({"name": name, "arguments": arguments}))
    }

    /// `server/discover`.
    pub fn discover() -> Self {
        Self::mcp("server/discover", json!({}))
    }

    /// `tools/list`.
    pub fn tools_list() -> Self {
        Self::mcp("tools/list", json!({}))
    }

    /// `subscriptions/listen` with this filter.
    pub fn listen(notifications: Value) -> Self {
        Self::mcp("subscriptions/listen", json!({"notifications": notifications}))
    }

    /// Sends this bearer token.
    pub fn with_token(self, token: &str) -> Self {
        self.with_header("Authorization", format!("Bearer {token}"))
    }

    /// Uses another HTTP method.
    pub fn with_method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// Uses another request target.
    pub fn with_target(mut self, target: &str) -> Self {
        target.clone_into(&mut self.target);
        self
    }

    /// Puts this value (any bytes, written as they are) in the place of the header's values.
    pub fn with_header(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.without_header(name).with_added_header(name, value)
    }

    /// Adds a header line to those there are, the same name or not.
    pub fn with_added_header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.as_ref().to_vec(), HeaderValue::Bytes(value.as_ref().to_vec())));
        self
    }

    /// Leaves a header out, `Host` and `Content-Length` included.
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(found, _)| !found.eq_ignore_ascii_case(name.as_bytes()));
        self
    }

    /// Sends these bytes as the body; `Content-Length` follows unless it was set by hand.
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Changes the JSON of the body and leaves the headers as they are.
    ///
    /// # Panics
    ///
    /// If the body is not JSON.
    pub fn with_edited_body(mut self, edit: impl FnOnce(&mut Value)) -> Self {
        let mut body = serde_json::from_slice(&self.body).expect("the body is JSON");
        edit(&mut body);
        self.body = body.to_string().into_bytes();
        self
    }

    /// Uses another JSON-RPC id.
    pub fn with_id(self, id: Value) -> Self {
        self.with_edited_body(|body| set(body, "/id", id))
    }

    /// Declares these client capabilities.
    pub fn with_capabilities(self, capabilities: Value) -> Self {
        self.with_meta(&meta_key("clientCapabilities"), capabilities)
    }

    /// Sets one key of the params' `_meta`.
    ///
    /// # Panics
    ///
    /// If the body has no `_meta`.
    pub fn with_meta(self, key: &str, value: Value) -> Self {
        self.with_edited_body(|body| {
            let meta = body
                .pointer_mut("/params/_meta")
                .and_then(Value::as_object_mut)
                .expect("the params have _meta");
            meta.insert(key.to_owned(), value);
        })
    }

    /// Sends the body in chunks of this many bytes instead of with a length.
    pub fn with_chunks(self, size: usize) -> Self {
        let mut request =
            self.without_header("Content-Length").with_header("Transfer-Encoding", "chunked");
        request.chunk_size = Some(size.max(1));
        request
    }

    /// The bytes of the body as it stands, before chunking.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The request line and the headers with the empty line, for a connection to this authority.
    pub fn head_bytes(&self, authority: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name);
            head.extend_from_slice(b": ");
            match value {
                HeaderValue::Authority => head.extend_from_slice(authority.as_bytes()),
                HeaderValue::BodyLength => {
                    head.extend_from_slice(self.body.len().to_string().as_bytes())
                }
                HeaderValue::Bytes(bytes) => head.extend_from_slice(bytes),
            }
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"\r\n");
        head
    }

    /// The body as it goes over the wire, chunked if so.
    pub fn body_bytes(&self) -> Vec<u8> {
        let Some(size) = self.chunk_size else { return self.body.clone() };
        let mut bytes = Vec::new();
        for chunk in self.body.chunks(size) {
            bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            bytes.extend_from_slice(chunk);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        bytes
    }

    /// The whole request for a connection to this authority.
    pub fn to_bytes(&self, authority: &str) -> Vec<u8> {
        let mut bytes = self.head_bytes(authority);
        bytes.extend_from_slice(&self.body_bytes());
        bytes
    }
}

fn meta_key(name: &str) -> String {
    format!("io.modelcontextprotocol/{name}")
}

fn set(body: &mut Value, pointer: &str, value: Value) {
    *body.pointer_mut(pointer).expect("the place exists") = value;
}

/// A value as it goes into a header: as it is where that is unambiguous, within the base64 sentinel otherwise.
fn encode_header(value: &str) -> String {
    let plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && value.trim() == value
        && !value.starts_with("=?base64?");
    if plain { value.to_owned() } else { format!("=?base64?{}?=", STANDARD.encode(value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(request: &RawRequest) -> String {
        String::from_utf8(request.to_bytes("localhost:1")).unwrap()
    }

    #[test]
    fn a_call_is_valid_as_it_comes() {
        let request = RawRequest::tools_call("add", json!({"a": 1})).with_token("t");
        let text = text(&request);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = format!("Content-Length: {}", body.len());
        for line in [
            "POST /mcp HTTP/1.1",
            "Host: localhost:1",
            "Mcp-Method: tools/call",
            "Mcp-Name: add",
            "Authorization: Bearer t",
            &length,
        ] {
            assert!(head.lines().any(|found| found == line), "{line} in {head}");
        }
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], VERSION);
        assert_eq!(body["params"]["arguments"], json!({"a": 1}));
    }

    #[test]
    fn headers_are_replaced_added_and_left_out() {
        let request = RawRequest::new("GET", "/").with_header("X", "1").with_added_header("x", "2");
        assert_eq!(text(&request), "GET / HTTP/1.1\r\nHost: localhost:1\r\nX: 1\r\nx: 2\r\n\r\n");
        let request = request.with_header("X", b"\xff").without_header("host");
        assert_eq!(request.to_bytes("a"), b"GET / HTTP/1.1\r\nX: \xff\r\n\r\n");
    }

    #[test]
    fn edits_leave_the_headers_alone() {
        let request = RawRequest::tools_call("add", json!({}))
            .with_edited_body(|body| body["params"]["name"] = json!("sub"));
        let text = text(&request);
        assert!(text.contains("Mcp-Name: add\r\n") && text.contains(r#""name":"sub""#), "{text}");
    }

    #[test]
    fn chunks_carry_the_whole_body() {
        let request = RawRequest::new("POST", "/").with_body("hello").with_chunks(2);
        assert_eq!(request.body_bytes(), b"2\r\nhe\r\n2\r\nll\r\n1\r\no\r\n0\r\n\r\n");
        assert!(text(&request).contains("Transfer-Encoding: chunked\r\n"));
    }

    #[test]
    fn names_beyond_ascii_are_wrapped() {
        assert_eq!(encode_header("add"), "add");
        assert_eq!(encode_header("ä"), "=?base64?w6Q=?=");
        assert_eq!(encode_header(" a"), "=?base64?IGE=?=");
    }
}
