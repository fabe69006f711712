//! TLS, HTTP/2, reuse of connections, cancellation: against a server of hyper and rustls.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Response, Version};
use http_body::{Body, Frame};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use palisade_security::ClientTls;
use palisade_testkit::{TestCa, pki::TestCert, within};
use palisade_transport_http::HttpTransport;
use rustls::ServerConfig;
use serde_json::json;
use tokio::{io::AsyncWriteExt, net::TcpListener, sync::mpsc};
use tokio_rustls::TlsAcceptor;

use crate::support::{LIMIT, all, next, send};

/// A server that answers an event stream of one event, which then hangs or ends.
pub(crate) struct Server {
    port: u16,
    connections: Arc<AtomicUsize>,
    versions: mpsc::Receiver<Version>,
    cancelled: mpsc::Receiver<()>,
}

/// One event, then nothing; tells when it is dropped before its end.
struct Events {
    first: Option<Bytes>,
    hangs: bool,
    dropped: mpsc::Sender<()>,
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(Frame::data(first)))),
            None if self.hangs => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if self.hangs {
            let _ = self.dropped.try_send(());
        }
    }
}

impl Server {
    async fn start(ca: &TestCa, certificate: &TestCert, alpn: &[&[u8]], hangs: bool) -> Self {
        Self::start_with(&ca.server_config(certificate), alpn, hangs).await
    }

    /// With a configuration that the test made.
    pub(crate) async fn start_with(config: &ServerConfig, alpn: &[&[u8]], hangs: bool) -> Self {
        let mut config = config.clone();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let (version_to, versions) = mpsc::channel(16);
        let (dropped, cancelled) = mpsc::channel(16);
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (acceptor, version_to, dropped) =
                    (acceptor.clone(), version_to.clone(), dropped.clone());
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    let answer = service_fn(move |request: http::Request<Incoming>| {
                        let (version_to, dropped) = (version_to.clone(), dropped.clone());
                        async move {
                            version_to.send(request.version()).await.unwrap();
                            let first = Some(Bytes::from_static(b"data: {\"n\":1}\n\n"));
                            let body = Events { first, hangs, dropped };
                            let response =
                                Response::builder().header("content-type", "text/event-stream");
                            Ok::<_, Infallible>(response.body(body).unwrap())
                        }
                    });
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(tls), answer)
                        .await;
                });
            }
        });
        Self { port, connections, versions, cancelled }
    }

    fn transport(&self, host: &str, ca: &TestCa) -> HttpTransport {
        self.transport_with(host, ClientTls::from_ca_pem(ca.pem().as_bytes()).unwrap())
    }

    pub(crate) fn transport_with(&self, host: &str, tls: ClientTls) -> HttpTransport {
        let url = format!("https://{host}:{}/mcp", self.port);
        HttpTransport::builder(&url).unwrap().with_tls(tls).build().unwrap()
    }
}

pub(crate) const H2: &[&[u8]] = &[b"h2", b"http/1.1"];
const H1: &[&[u8]] = &[b"http/1.1"];

#[tokio::test]
async fn connections_are_encrypted_and_reused() {
    let ca = TestCa::new();
    for (alpn, version) in [(H2, Version::HTTP_2), (H1, Version::HTTP_11)] {
        let mut server = Server::start(&ca, &ca.server(), alpn, false).await;
        let transport = server.transport("localhost", &ca);
        for _ in 0..5 {
            let (messages, failure) = all(&transport).await;
            assert!(failure.is_none(), "{failure:?}");
            assert_eq!(messages, [json!({ "n": 1 })]);
            assert_eq!(server.versions.recv().await, Some(version));
        }
        assert_eq!(server.connections.load(Ordering::SeqCst), 1, "{version:?}");
    }
}

#[tokio::test]
async fn dropping_a_stream_cancels_it_and_nothing_else() {
    let ca = TestCa::new();
    for (alpn, connections) in [(H2, 1), (H1, 2)] {
        let mut server = Server::start(&ca, &ca.server(), alpn, true).await;
        let transport = server.transport("127.0.0.1", &ca);
        let mut kept = send(&transport).await.unwrap();
        next(&mut kept).await.unwrap().unwrap();
        let mut dropped = send(&transport).await.unwrap();
        next(&mut dropped).await.unwrap().unwrap();
        drop(dropped);
        within(LIMIT, server.cancelled.recv()).await.unwrap();
        assert!(server.cancelled.try_recv().is_err(), "the other stream goes on");
        assert_eq!(server.connections.load(Ordering::SeqCst), connections);
        drop(kept);
        within(LIMIT, server.cancelled.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn peers_are_verified() {
    let ca = TestCa::new();
    let right = Server::start(&ca, &ca.server(), H2, false).await;
    let expired = Server::start(&ca, &ca.expired_server(), H2, false).await;
    let elsewhere = Server::start(&ca, &ca.server_for(&["other.example"]), H2, false).await;
    let stranger = TestCa::new();
    for (transport, why) in [
        (right.transport("localhost", &stranger), "unknown authority"),
        (expired.transport("localhost", &ca), "expired"),
        (elsewhere.transport("localhost", &ca), "another name"),
    ] {
        let failure = all(&transport).await.1.unwrap();
        assert_eq!(failure.code(), "tls_failed", "{why}: {failure}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_a_failed_handshake() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut plain, _) = listener.accept().await.unwrap();
        plain.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
        std::future::pending::<()>().await;
    });
    let tls = ClientTls::from_ca_pem(TestCa::new().pem().as_bytes()).unwrap();
    let transport = HttpTransport::builder(&url).unwrap().with_tls(tls).build().unwrap();
    let code = within(LIMIT, all(&transport)).await.1.unwrap().code();
    assert_eq!(code, "tls_failed");
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("https://{}/mcp", listener.local_addr().unwrap());
    let tls = ClientTls::from_ca_pem(TestCa::new().pem().as_bytes()).unwrap();
    let timeout = std::time::Duration::from_millis(50);
    let transport = HttpTransport::builder(&url)
        .unwrap()
        .with_tls(tls)
        .with_connect_timeout(timeout)
        .build()
        .unwrap();
    let code = within(LIMIT, all(&transport)).await.1.unwrap().code();
    assert_eq!(code, "connect_timeout");
}
