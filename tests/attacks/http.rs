//! Sizes, media types and methods: what is decided over the head of a request, before its body is read.

use palisade::security::{Limits, Outcome};
use palisade_testkit::RawRequest;
use serde_json::json;

use crate::support::{ALICE, Refusal, Target, call_add, modern};

const LIMIT: usize = 4096;

fn too_large() -> Refusal {
    Refusal::with_reason(413, -31400, "body_too_large")
}

/// A call whose body is padded with blanks to this size.
fn call_of(size: usize) -> RawRequest {
    let mut body = call_add().body().to_vec();
    body.resize(size, b' ');
    call_add().with_body(body)
}

#[tokio::test]
async fn h1_oversized_body() {
    let target = Target::start_within(Limits::new().with_max_body_bytes(LIMIT)).await;

    // The announcement is enough: not a byte of the body is sent.
    for announced in [LIMIT + 1, 1 << 40] {
        let mut connection = target.connect().await;
        let head = call_add().with_header("Content-Length", announced.to_string());
        connection.write_head(&head).await.unwrap();
        let response = connection.read_response().await.unwrap();
        assert_eq!(connection.read_to_close().await.unwrap(), b"", "the connection is closed");
        target.check_refused(&response, &too_large()).await;
    }

    // No announcement: refused while it streams, though its end never comes.
    let mut connection = target.connect().await;
    connection.write_head(&call_of(0).with_chunks(1)).await.unwrap();
    let chunk = [b"800\r\n".as_slice(), &[b' '; 0x800], b"\r\n"].concat();
    for _ in 0..=LIMIT / 0x800 {
        connection.write(&chunk).await.unwrap();
    }
    let response = connection.read_response().await.unwrap();
    assert_eq!(connection.read_to_close().await.unwrap(), b"", "the connection is closed");
    target.check_refused(&response, &too_large()).await;

    // Compressed: never unpacked, so a bomb stays a bomb.
    for encoding in ["gzip", "br", "deflate", "zstd", "identity, gzip", "x-unknown"] {
        let bomb = call_add().with_header("Content-Encoding", encoding);
        let refusal = Refusal::with_reason(415, -31400, "unsupported_content_encoding");
        target.refuses(&bomb, &refusal).await;
    }

    // The limit itself is allowed, whichever way it comes.
    for fitting in [call_of(LIMIT), call_of(LIMIT).with_chunks(100)] {
        assert_eq!(target.send(&fitting).await.status(), 200);
    }
    assert_eq!(target.send(&call_of(LIMIT + 1).with_chunks(100)).await.status(), 413);
}

#[tokio::test]
async fn h2_header_count_or_size() {
    let target = Target::start().await;
    let limits = Limits::new();
    let own = call_add().head_bytes("a").iter().filter(|byte| **byte == b'\n').count() - 2;
    let with_headers = |count: usize| {
        (own..count).fold(call_add(), |call, n| call.with_added_header(format!("X-{n}"), "1"))
    };
    let with_bytes = |count: usize| call_add().with_header("X-Long", vec![b'x'; count]);

    for (request, guarded) in [
        (with_headers(limits.max_headers() + 1), true),
        (with_headers(100), true),
        (with_headers(2000), false),
        (with_bytes(limits.max_header_bytes()), true),
        // Nobody reads that far: the parser gives up before there is a request, and the connection is recorded.
        (with_bytes(limits.max_header_bytes() * 20), false),
    ] {
        let mut connection = target.connect().await;
        let response = connection.send(&request).await.unwrap();
        assert_eq!(response.status(), 431);
        connection.read_to_close().await.unwrap();
        if guarded {
            let refusal = Refusal::with_reason(431, -31400, "headers_too_large");
            target.check_refused(&response, &refusal).await;
        } else {
            target.check_trace(Outcome::Denied, "headers_too_large", Some(431)).await;
        }
    }
    assert_eq!(target.send(&with_headers(limits.max_headers())).await.status(), 200);
    assert_eq!(target.send(&with_bytes(limits.max_header_bytes() - 1024)).await.status(), 200);
}

#[tokio::test]
async fn h15_other_media_types() {
    let target = Target::start().await;
    let refusal = Refusal::with_reason(415, -31400, "unsupported_media_type");
    for media_type in [
        "text/plain",
        "application/jsonp",
        "application/json-rpc",
        "application/xjson",
        "text/json",
        "text/plain; a=application/json",
        "text/plain, application/json",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data; boundary=application/json",
        "",
    ] {
        target.refuses(&call_add().with_header("Content-Type", media_type), &refusal).await;
    }
    target.refuses(&call_add().without_header("Content-Type"), &refusal).await;
    let twice = call_add().with_added_header("Content-Type", "text/plain");
    target.refuses(&twice, &refusal).await;
    for media_type in ["application/json", "Application/JSON; charset=UTF-8"] {
        let response = target.send(&call_add().with_header("Content-Type", media_type)).await;
        assert_eq!(response.status(), 200, "{media_type}");
    }
}

#[tokio::test]
async fn h19_other_methods_and_stray_session() {
    let target = Target::start_with(|rules| rules, modern).await;
    for method in ["GET", "DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "QUERY", "post"] {
        let refusal = Refusal::with_reason(405, -31400, "method_not_allowed");
        let response = target.refuses(&call_add().with_method(method), &refusal).await;
        assert_eq!(response.header("allow"), Some("POST"), "{method}");
    }
    // Nothing is served beside the endpoint, and who looks is recorded.
    for path in ["/", "/mcp/", "/MCP", "/mcp%2f", "/sse", "/.well-known/oauth-protected-resource"] {
        let refusal = Refusal::with_reason(404, -31400, "not_found");
        target.refuses(&call_add().with_target(path), &refusal).await;
    }
    // What an older client would send to open a stream, and to end a session.
    for method in ["GET", "DELETE"] {
        let stray = RawRequest::new(method, "/mcp")
            .with_token(ALICE)
            .with_header("Accept", "text/event-stream")
            .with_header("Mcp-Session-Id", "1868a90c");
        assert_eq!(target.send(&stray).await.status(), 405, "{method}");
    }

    // On a call the header means nothing: no session is looked up, made or named.
    let plain = target.send(&call_add()).await;
    for session in ["1868a90c", "", "../../etc/passwd"] {
        let response = target.send(&call_add().with_header("Mcp-Session-Id", session)).await;
        assert_eq!((response.status(), response.json()), (200, plain.json()));
        assert_eq!(response.header("mcp-session-id"), None);
    }
    // Nor does it replace a credential.
    let stolen = RawRequest::tools_call("add", json!({"a": 1, "b": 2}))
        .with_header("Mcp-Session-Id", "1868a90c");
    assert_eq!(target.send(&stolen).await.status(), 401);
}
