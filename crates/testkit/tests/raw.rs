//! The hostile client against the scripted server: each proves the other.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use palisade_testkit::{RawConnection, RawPeer, RawRequest, Reply, ScriptedServer, TestCa};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

#[tokio::test]
async fn requests_arrive_as_written() {
    let server = ScriptedServer::start(|request| Reply::result(request, json!({"ok": true}))).await;
    let peer = RawPeer::new(server.address());
    let request =
        RawRequest::tools_call("add", json!({"a": 1})).with_token("t").with_id(json!("seven"));
    for request in [request.clone(), request.clone().with_chunks(7)] {
        let response = peer.send(&request).await.unwrap();
        assert_eq!((response.status(), response.json()["id"].clone()), (200, json!("seven")));
        assert_eq!(response.error_code(), None);
    }
    let received = server.received();
    assert_eq!(received.len(), 2);
    for one in received {
        assert_eq!(
            (one.method.as_str(), one.target.as_str(), one.rpc_method().as_str()),
            ("POST", "/mcp", "tools/call")
        );
        assert_eq!(one.header("authorization"), Some("Bearer t"));
        assert_eq!(one.header("host"), Some(server.address().to_string().as_str()));
        assert_eq!(one.body(), request.body());
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = ScriptedServer::start(|request| Reply::json(200, &json!(request.number))).await;
    let mut connection = RawPeer::new(server.address()).connect().await.unwrap();
    for number in 0..3 {
        assert_eq!(connection.send(&RawRequest::discover()).await.unwrap().json(), json!(number));
    }
}

#[tokio::test]
async fn pieces_are_sent_one_by_one() {
    let server = ScriptedServer::start(|request| Reply::json(200, &request.json())).await;
    let mut connection = RawPeer::new(server.address()).connect().await.unwrap();
    let request = RawRequest::discover();
    connection.write_head(&request).await.unwrap();
    for byte in request.body() {
        connection.write(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(connection.read_response().await.unwrap().json()["method"], "server/discover");
}

#[tokio::test]
async fn errors_and_streams_are_read() {
    let server = ScriptedServer::start(|request| match request.number {
        0 => Reply::error(request, 400, -32020, "header mismatch").with_header("X-More", "1"),
        1 => Reply::events(&[json!({"method": "a"}), json!({"id": 1})]),
        _ => Reply::raw("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"),
    })
    .await;
    let peer = RawPeer::new(server.address());

    let error = peer.send(&RawRequest::discover()).await.unwrap();
    assert_eq!(
        (error.status(), error.error_code(), error.header("x-more")),
        (400, Some(-32020), Some("1"))
    );

    let stream = peer.send(&RawRequest::discover()).await.unwrap();
    assert_eq!(stream.messages(), [json!({"method": "a"}), json!({"id": 1})]);

    let mut connection = peer.connect().await.unwrap();
    assert_eq!(connection.send(&RawRequest::discover()).await.unwrap().text(), "abcd");
    assert_eq!(connection.read_to_close().await.unwrap(), b"");
}

#[tokio::test]
async fn a_body_can_be_read_piece_by_piece() {
    let server = ScriptedServer::start(|_| {
        Reply::hanging("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n")
    })
    .await;
    let mut connection = RawPeer::new(server.address()).connect().await.unwrap();
    connection.write_request(&RawRequest::discover()).await.unwrap();
    assert_eq!(connection.read_head().await.unwrap().status(), 200);
    assert_eq!(connection.next_piece().await.unwrap().unwrap(), b"a");
    assert_eq!(connection.next_piece().await.unwrap().unwrap(), b"b");
    connection = connection.with_patience(Duration::from_millis(20));
    assert_eq!(connection.next_piece().await.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn a_torn_response_is_an_error() {
    for torn in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    ] {
        let server = ScriptedServer::start(move |_| Reply::raw(torn)).await;
        let error = RawPeer::new(server.address()).send(&RawRequest::discover()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{torn:?}");
    }
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_body_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refusing = tokio::spawn(async move {
        let (mut connection, _) = listener.accept().await.unwrap();
        connection.read_exact(&mut [0; 16]).await.unwrap();
        connection
            .write_all(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
            .await
            .unwrap();
        // Held open and unread until the test is over.
        connection
    });
    let request = RawRequest::discover().with_body(vec![b' '; 16 << 20]);
    assert_eq!(RawPeer::new(address).send(&request).await.unwrap().status(), 413);
    drop(refusing.await.unwrap());
}

#[tokio::test]
async fn an_abort_is_a_reset() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = RawPeer::new(listener.local_addr().unwrap()).connect().await.unwrap();
    let (mut accepted, _) = listener.accept().await.unwrap();
    connection.abort();
    assert_eq!(accepted.read_u8().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn https_with_the_test_authority() {
    let ca = TestCa::new();
    let acceptor = tokio_rustls::TlsAcceptor::from(ca.server_config(&ca.server()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = RawPeer::new(listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        for _ in 0..2 {
            let (connection, _) = listener.accept().await.unwrap();
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            connection.read_exact(&mut [0; 16]).await.unwrap();
            connection.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            connection.shutdown().await.unwrap();
        }
    });
    let stranger = peer.clone().with_tls(TestCa::new().client_config());
    assert_eq!(stranger.connect().await.unwrap_err().kind(), ErrorKind::InvalidData);
    let friend = peer.with_tls(ca.client_config());
    assert_eq!(friend.send(&RawRequest::discover()).await.unwrap().status(), 204);
    serving.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_pipe_goes_with_a_paused_clock() {
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let answering = tokio::spawn(async move {
        // Goes by at once, because the clock is paused; the guard of the connection does not notice.
        tokio::time::sleep(Duration::from_secs(3600)).await;
        far.write_all(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        far
    });
    let mut connection = RawConnection::over(near, "localhost");
    connection.write(b"POST /mcp HTTP/1.1\r\n").await.unwrap();
    assert_eq!(connection.read_response().await.unwrap().status(), 408);
    drop(answering.await.unwrap());
}

#[tokio::test]
async fn the_scripted_server_ends_with_its_handle() {
    let hits = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&hits);
    let server = ScriptedServer::start(move |_| {
        counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Reply::hanging("")
    })
    .await;
    let mut connection = RawPeer::new(server.address()).connect().await.unwrap();
    connection.write_request(&RawRequest::discover()).await.unwrap();
    while hits.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    drop(server);
    assert_eq!(connection.read_to_close().await.unwrap(), b"");
}
