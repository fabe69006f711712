//! Slowloris: peers that hold a connection by sending little, late, or nothing.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use palisade::security::{Limits, Outcome};
use palisade_testkit::{RawConnection, RawPeer, TestCa, guard::PATIENCE, within};

use crate::support::{Refusal, Target, call_add};

/// Long enough that a request in good order never meets it.
const SHORT: Duration = Duration::from_millis(300);
/// A limit that must not be the one that acts.
const LONG: Duration = Duration::from_secs(3600);

/// Times that never pass in a test.
fn patient() -> Limits {
    Limits::new()
        .with_handshake_timeout(LONG)
        .with_header_timeout(LONG)
        .with_body_timeout(LONG)
        .with_idle_timeout(LONG)
        .with_request_timeout(LONG)
}

/// Waits until the server closes, which it must not do before the time is up; gives what it said.
async fn closed_after(started: Instant, mut connection: RawConnection) -> Vec<u8> {
    let said = within(PATIENCE, connection.read_to_close()).await.unwrap();
    assert!(started.elapsed() >= SHORT, "closed after {:?}", started.elapsed());
    said
}

#[tokio::test]
async fn h3_slow_headers() {
    let target = Target::start_within(patient().with_header_timeout(SHORT)).await;
    let head = call_add().head_bytes("localhost");
    let beginnings: [&[u8]; 6] = [
        b"",
        b"P",
        b"PRI * HTTP/2.0\r\n",
        b"POST /mcp HTTP/1.1\r\n",
        &head[..80],
        &head[..head.len() - 2],
    ];
    for beginning in beginnings {
        let started = Instant::now();
        let mut connection = target.connect().await;
        connection.write(beginning).await.unwrap();
        let said = String::from_utf8(closed_after(started, connection).await).unwrap();
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{beginning:?}: {said}");
        // A head that has begun is a request that was refused; silence is none.
        if beginning.is_empty() || beginning.starts_with(b"PRI") {
            assert_eq!(target.audit.take().len(), 0);
        } else {
            target.check_trace(Outcome::Denied, "header_timeout", None).await;
        }
    }
    assert_eq!((target.runs.count(), target.audit.take().len()), (0, 0));
    target.check_healthy().await;
}

/// The limit is one for all headers together, not for the pause between two bytes.
#[tokio::test]
async fn h3_headers_that_never_stop_coming() {
    let target = Target::start_within(patient().with_header_timeout(SHORT)).await;
    let mut connection = target.connect().await.with_patience(Duration::from_millis(20));
    connection.write(b"POST /mcp HTTP/1.1\r\nX: ").await.unwrap();
    let trickle = async {
        while connection.write(b"x").await.is_ok() {
            // Its patience is the pace of the trickle.
            match connection.read_to_close().await {
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                closed => return assert!(closed.is_ok(), "{closed:?}"),
            }
        }
    };
    within(PATIENCE, trickle).await;
    target.check_healthy().await;
}

/// HTTP/2 has no limit for headers of its own: a greeting in good order, and then none, or half of one.
#[tokio::test]
async fn h3_http2_without_headers() {
    let target = Target::start_within(patient().with_header_timeout(SHORT)).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // HEADERS of stream 1, not the last ones: the rest would be in a CONTINUATION.
    let headers = [0, 0, 1, 1, 0, 0, 0, 0, 1, 0x82];
    for frames in [&settings[..], &[settings.as_slice(), &headers].concat()] {
        let started = Instant::now();
        let mut connection = target.connect().await;
        connection.write(preface).await.unwrap();
        connection.write(frames).await.unwrap();
        let said = closed_after(started, connection).await;
        assert_eq!(said.get(3), Some(&4), "the server's settings, so it speaks HTTP/2: {said:?}");
    }
    target.check_healthy().await;
}

#[tokio::test]
async fn h3_slow_body() {
    let target = Target::start_within(patient().with_body_timeout(SHORT)).await;
    let refusal = Refusal::with_reason(408, -31400, "body_timeout");
    for request in [call_add(), call_add().with_chunks(5)] {
        let sent = request.body_bytes();
        let started = Instant::now();
        let mut connection = target.connect().await;
        connection.write_head(&request).await.unwrap();
        connection.write(&sent[..20]).await.unwrap();
        let response = connection.read_response().await.unwrap();
        assert_eq!(closed_after(started, connection).await, b"");
        target.check_refused(&response, &refusal).await;
    }

    // A byte now and then does not help.
    let mut connection = target.connect().await.with_patience(Duration::from_millis(20));
    connection.write_head(&call_add()).await.unwrap();
    let trickle = async {
        for byte in call_add().body() {
            connection.write(&[*byte]).await.unwrap();
            match connection.read_response().await {
                Err(error) if error.kind() == ErrorKind::TimedOut => {}
                answered => return answered.unwrap(),
            }
        }
        panic!("the whole body was waited for");
    };
    let response = within(PATIENCE, trickle).await;
    target.check_refused(&response, &refusal).await;
}

/// A connection that has been of use is not kept for ever for that.
#[tokio::test]
async fn h3_idle_connection() {
    let limits = patient().with_header_timeout(SHORT).with_idle_timeout(SHORT);
    let target = Target::start_within(limits).await;
    let mut connection = target.connect().await;
    for _ in 0..3 {
        assert_eq!(connection.send(&call_add()).await.unwrap().status(), 200);
    }
    // The time began with the last answer, which was a while ago when it arrived.
    let started = Instant::now() - SHORT / 2;
    assert_eq!(closed_after(started, connection).await, b"");
}

#[tokio::test]
async fn h3_slow_tls() {
    let ca = TestCa::new();
    let limits = patient().with_handshake_timeout(SHORT).with_header_timeout(SHORT);
    let target = Target::start_tls(&ca, limits, |server, _| server).await;

    // Silence, and the first half of a client's greeting.
    for beginning in [b"".as_slice(), b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        let started = Instant::now();
        let mut plain = RawPeer::new(target.address).connect().await.unwrap();
        plain.write(beginning).await.unwrap();
        closed_after(started, plain).await;
    }
    // Silence after the handshake.
    let started = Instant::now();
    let connection = target.connect().await;
    assert_eq!(closed_after(started, connection).await, b"");
    assert_eq!(target.audit.take().len(), 0);
    target.check_healthy().await;
}
