//! Messages that two readers could take for different ones, and HTTP/2 frames without end.

use palisade::security::{Limits, Outcome};
use palisade_testkit::{RawConnection, guard::PATIENCE, within};

use crate::support::{Refusal, Target, call_add};

/// A good call in one piece, to hide behind something.
fn good(target: &Target) -> Vec<u8> {
    call_add().to_bytes(&target.address.to_string())
}

/// The head of a good call without anything that frames a body, and no empty line.
fn head(target: &Target) -> Vec<u8> {
    let head = call_add().without_header("Content-Length").head_bytes(&target.address.to_string());
    head[..head.len() - 2].to_vec()
}

/// Sends bytes, and gives all that the server says until it closes.
async fn said_to(target: &Target, bytes: &[u8]) -> String {
    let mut connection = target.connect().await;
    connection.write(bytes).await.unwrap();
    let said = within(PATIENCE, connection.read_to_close()).await.unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

/// These bytes are refused as no message, and nothing that follows on the connection is looked at.
async fn check_malformed(target: &Target, bytes: &[u8]) {
    let hidden = [bytes, &good(target)].concat();
    let said = said_to(target, &hidden).await;
    let shown = String::from_utf8_lossy(bytes);
    assert!(said.starts_with("HTTP/1.1 400 "), "{shown:?}: {said}");
    assert_eq!(said.matches("HTTP/1.1").count(), 1, "one answer to {shown:?}: {said}");
    target.check_trace(Outcome::Denied, "malformed_request", Some(400)).await;
}

#[tokio::test]
async fn h16_length_and_encoding() {
    let target = Target::start().await;
    let body = call_add().body().to_vec();
    let (length, chunk) = (body.len(), format!("{:x}", body.len()));
    let length = length.to_string();
    for lines in [
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        format!("Content-Length: {length}\r\nContent-Length: {length}\r\n"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n"),
        format!("Content-Length: {length}, {length}\r\n"),
        format!("Content-Length: +{length}\r\n"),
        "Transfer-Encoding: gzip, chunked\r\n".to_owned(),
        "Transfer-Encoding: chunked, identity\r\n".to_owned(),
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n".to_owned(),
        "Transfer-Encoding: xchunked\r\n".to_owned(),
        "Transfer-Encoding : chunked\r\n".to_owned(),
        format!("Content-Length : {length}\r\n"),
    ] {
        let bytes = [&head(&target), lines.as_bytes(), b"\r\n"].concat();
        check_malformed(&target, &bytes).await;
        // Not the first message of the connection either.
        let mut connection = target.connect().await;
        assert_eq!(connection.send(&call_add()).await.unwrap().status(), 200);
        target.runs.forget();
        target.audit.forget();
        connection.write(&bytes).await.unwrap();
        assert_eq!(connection.read_response().await.unwrap().status(), 400, "{lines}");
        assert_eq!(connection.read_to_close().await.unwrap(), b"");
        target.check_trace(Outcome::Denied, "malformed_request", Some(400)).await;
    }
    let chunked =
        [&head(&target), &b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"[..]].concat();
    let whole = [&chunked, chunk.as_bytes(), b"\r\n", &body, b"\r\n0\r\n\r\n"].concat();
    assert!(said_to(&target, &whole).await.starts_with("HTTP/1.1 200 "));
    target.runs.forget();
    target.audit.forget();

    // Chunks that end in two places.
    for bad in [
        format!("{chunk}\n"),
        format!("{chunk};a=b\r\n"),
        format!("{chunk};\n"),
        format!("0x{chunk}\r\n"),
        format!("{chunk} \r\n"),
        "fffffffffffffffff\r\n".to_owned(),
    ] {
        let bytes = [&chunked, bad.as_bytes(), &body, b"\r\n0\r\n\r\n", &good(&target)].concat();
        let said = said_to(&target, &bytes).await;
        assert!(said.starts_with("HTTP/1.1 400 "), "{bad:?}: {said}");
        assert_eq!(said.matches("HTTP/1.1").count(), 1, "{bad:?}: {said}");
        target.check_trace(Outcome::Denied, "invalid_content_length", Some(400)).await;
    }
}

#[tokio::test]
async fn h16_lines() {
    let target = Target::start().await;
    let good = good(&target);
    let text = String::from_utf8(good).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let lines: Vec<_> = head.split("\r\n").collect();
    for line in 0..=lines.len() {
        // One bare line feed, at the end of each line in turn.
        let mut bent = String::new();
        for (at, text) in lines.iter().chain([&""]).enumerate() {
            bent.push_str(text);
            bent.push_str(if at == line { "\n" } else { "\r\n" });
        }
        check_malformed(&target, (bent + body).as_bytes()).await;
    }
    for bent in [
        format!("{}\r\nX: a\r\n b\r\n\r\n{body}", head),
        format!("{}\r\n Content-Length: 0\r\n\r\n{body}", head),
        format!("{}\r\nX: a\rb\r\n\r\n{body}", head),
        format!("{}\r\nX: a\0b\r\n\r\n{body}", head),
        format!("{}\r\nX\r\n\r\n{body}", head),
        format!("{}\r\n: a\r\n\r\n{body}", head),
        text.replacen("/mcp", "/mcp#/other", 1),
        text.replacen("HTTP/1.1", "HTTP/1.2", 1),
        text.replacen("HTTP/1.1", "HTTP/0.9", 1),
        text.replacen(" /mcp ", "  /mcp ", 1),
        text.replacen(" /mcp ", "\t/mcp ", 1),
        text.replacen("\r\n", "\r\r\n", 1),
    ] {
        check_malformed(&target, bent.as_bytes()).await;
    }
}

#[tokio::test]
async fn h16_early_upgrade() {
    let target = Target::start().await;
    let refusal = Refusal::with_reason(400, -31400, "upgrade_not_supported");
    for protocol in ["h2c", "websocket", "TLS/1.0", "h2c, websocket", ""] {
        let request = call_add()
            .with_header("Connection", "Upgrade, HTTP2-Settings")
            .with_header("Upgrade", protocol)
            .with_header("HTTP2-Settings", "AAMAAABkAAQAAP__");
        let mut connection = target.connect().await;
        // What the other protocol would say first, before anybody agreed to it.
        let early = [&request.to_bytes("localhost")[..], PREFACE, &good(&target)].concat();
        connection.write(&early).await.unwrap();
        let response = connection.read_response().await.unwrap();
        assert_eq!(connection.read_to_close().await.unwrap(), b"", "closed");
        target.check_refused(&response, &refusal).await;
    }
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// POST, http, and as literals the path and the authority.
fn headers(stream: u32, flags: u8) -> Vec<u8> {
    let block = [&[0x83, 0x86, 0x04, 4], &b"/mcp"[..], &[0x01, 9], b"localhost"].concat();
    frame(1, flags, stream, &block)
}

/// The error code of the GOAWAY with an error in what a server said.
fn goaway(said: &[u8]) -> Option<u32> {
    let mut rest = said;
    while let Some((header, after)) = rest.split_at_checked(9) {
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let (payload, after) = after.split_at_checked(length)?;
        if header[3] == 7 {
            let code = u32::from_be_bytes(payload[4..8].try_into().unwrap());
            if code != 0 {
                return Some(code);
            }
        }
        rest = after;
    }
    None
}

/// Sends what `next` makes until the server hangs up, and gives how much it took and what it said.
async fn flood(
    mut connection: RawConnection,
    mut next: impl FnMut(u32) -> Vec<u8>,
) -> (u32, Vec<u8>) {
    connection.write(&[PREFACE, &frame(4, 0, 0, &[])].concat()).await.unwrap();
    let mut count = 0;
    while count < 200_000 {
        let burst: Vec<u8> = (count..count + 50).flat_map(&mut next).collect();
        count += 50;
        if connection.write(&burst).await.is_err() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let said = connection.read_to_close().await.unwrap();
    (count, said)
}

#[tokio::test]
async fn h17_frames_without_end() {
    let limits = Limits::new().with_max_connections(4);
    let target = Target::start_within(limits).await;
    let open = headers(1, 4);
    type Flood<'a> = (&'a str, Box<dyn Fn(u32) -> Vec<u8> + 'a>);
    let floods: [Flood<'_>; 8] = [
        (
            "rapid reset",
            Box::new(|n| [headers(2 * n + 1, 5), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat()),
        ),
        (
            "continuation",
            Box::new(|n| match n {
                0 => headers(1, 0),
                _ => frame(9, 0, 1, &[0x00, 1, b'x', 1, b'y']),
            }),
        ),
        (
            "empty continuation",
            Box::new(|n| match n {
                0 => headers(1, 0),
                _ => frame(9, 0, 1, &[]),
            }),
        ),
        (
            "empty data",
            Box::new(|n| match n {
                0 => open.clone(),
                _ => frame(0, 0, 1, &[]),
            }),
        ),
        ("settings", Box::new(|_| frame(4, 0, 0, &[]))),
        ("ping", Box::new(|n| frame(6, 0, 0, &u64::from(n).to_be_bytes()))),
        ("priority", Box::new(|_| frame(2, 0, 1, &[0, 0, 0, 0, 1]))),
        ("window update", Box::new(|_| frame(8, 0, 0, &[0, 0, 0, 1]))),
    ];
    for (name, next) in floods {
        let (count, said) = flood(target.connect().await, next).await;
        assert!(count < 200_000, "{name}: never stopped");
        if let Some(code) = goaway(&said) {
            println!("{name}: stopped before frame {count}, GOAWAY {code}");
        } else {
            // The kernel may drop what was said when it resets a connection with unread bytes.
            println!("{name}: stopped before frame {count}, reset");
        }
        let recorded = async {
            let codes = ["too_many_frames", "http2_violation"];
            for wanted in 1.. {
                let entries = target.audit.wait_for(wanted).await;
                if entries.iter().any(|entry| codes.contains(&entry.code.as_str())) {
                    return entries;
                }
            }
            unreachable!("records without end")
        };
        let entries = within(PATIENCE, recorded).await;
        assert!(entries.iter().all(|entry| entry.outcome != Outcome::Allowed), "{name}");
        assert_eq!(target.runs.count(), 0, "{name}");
        target.check_healthy().await;
    }
}

/// The server says why it hangs up: nothing is left unread, so nothing is lost.
#[tokio::test]
async fn h17_goaway() {
    let limits = Limits::new().with_max_control_frames(10).with_max_reset_streams(5);
    let target = Target::start_within(limits).await;
    let ping = |n: u32| frame(6, 0, 0, &u64::from(n).to_be_bytes());
    let floods: [(&str, Vec<u8>); 4] = [
        ("ping", (0..11).flat_map(ping).collect()),
        ("settings", (0..10).flat_map(|_| frame(4, 0, 0, &[])).collect()),
        (
            "empty data",
            headers(1, 4).into_iter().chain((0..20).flat_map(|_| frame(0, 0, 1, &[]))).collect(),
        ),
        ("priority", (0..11).flat_map(|_| frame(2, 0, 1, &[0, 0, 0, 0, 1])).collect()),
    ];
    for (name, frames) in floods {
        let mut connection = target.connect().await;
        let bytes = [PREFACE, &frame(4, 0, 0, &[]), &frames].concat();
        connection.write(&bytes).await.unwrap();
        let said = within(PATIENCE, connection.read_to_close()).await.unwrap();
        assert!(goaway(&said).is_some(), "{name}: {said:?}");
        target.audit.forget();
    }
}
