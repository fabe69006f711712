//! Servers that a client must not talk to, although some authority vouches for them.

use std::path::PathBuf;

use palisade_security::{
    ClientTls, PeerCertificate, PemSource, Roots, SpkiPin, TlsVersions,
    tls::{ClientTlsBuilder, Reload},
};
use palisade_testkit::{TestCa, pki::TestCert};
use palisade_transport_http::HttpTransport;

use crate::{
    support::all,
    tls::{H2, Server},
};

fn text(pem: &str) -> PemSource {
    PemSource::text(pem)
}

fn builder(ca: &TestCa) -> ClientTlsBuilder {
    ClientTls::builder(Roots::only(text(&ca.pem())))
}

fn pin(certificate: &TestCert) -> SpkiPin {
    let certificate = PeerCertificate::from_verified_chain(&[certificate.der()]).unwrap();
    SpkiPin::from_sha256(certificate.spki_sha256())
}

async fn start(ca: &TestCa, certificate: &TestCert) -> Server {
    Server::start_with(&ca.server_config(certificate), H2, false).await
}

async fn is_served(server: &Server, tls: ClientTlsBuilder) -> bool {
    is_served_by(&server.transport_with("localhost", tls.build().unwrap())).await
}

/// Whether a message came; if not, then for TLS.
async fn is_served_by(transport: &HttpTransport) -> bool {
    let (messages, failure) = all(transport).await;
    if let Some(failure) = &failure {
        assert!(matches!(failure.code(), "tls_failed" | "interrupted"), "{failure}");
    }
    messages.len() == 1 && failure.is_none()
}

#[tokio::test]
async fn pins_are_enforced_after_everything_else() {
    let ca = TestCa::new();
    let (right, other) = (ca.server(), ca.server());
    let server = start(&ca, &right).await;
    assert!(is_served(&server, builder(&ca).with_spki_pins([pin(&right)])).await);
    assert!(is_served(&server, builder(&ca).with_spki_pins([pin(&other), pin(&right)])).await);
    assert!(!is_served(&server, builder(&ca).with_spki_pins([pin(&other)])).await);
    // A pin does not make up for what is wrong otherwise.
    let stranger = TestCa::new();
    assert!(!is_served(&server, builder(&stranger).with_spki_pins([pin(&right)])).await);
    for bad in [ca.expired_server(), ca.server_for(&["other.example"])] {
        let server = start(&ca, &bad).await;
        assert!(!is_served(&server, builder(&ca).with_spki_pins([pin(&bad)])).await);
    }
}

#[tokio::test]
async fn an_old_server_and_a_client_of_the_newest_version() {
    let ca = TestCa::new();
    let server = Server::start_with(&ca.old_server_config(&ca.server()), H2, false).await;
    assert!(is_served(&server, builder(&ca)).await);
    assert!(!is_served(&server, builder(&ca).with_versions(TlsVersions::V1_3Only)).await);
}

#[tokio::test]
async fn chains_that_are_too_long() {
    let root = TestCa::root();
    let authority = root.intermediate();
    let certificate = authority.server();
    let mut config = (*root.server_config(&certificate)).clone();
    let chain = rustls::sign::CertifiedKey::from_der(
        vec![certificate.der(), authority.der()],
        certificate.key_der(),
        config.crypto_provider(),
    );
    let chain = rustls::sign::SingleCertAndKey::from(chain.unwrap());
    config.cert_resolver = std::sync::Arc::new(chain);
    let server = Server::start_with(&config, H2, false).await;
    assert!(is_served(&server, builder(&root).with_max_chain_depth(2)).await);
    assert!(!is_served(&server, builder(&root).with_max_chain_depth(1)).await);
}

#[tokio::test]
async fn m2_revoked_servers() {
    let ca = TestCa::new();
    let (good, revoked) = (ca.server(), ca.server());
    let crls = |ca: &TestCa| [text(&ca.crl(&[&revoked]))];
    for (certificate, expected) in [(&good, true), (&revoked, false)] {
        let server = start(&ca, certificate).await;
        assert_eq!(is_served(&server, builder(&ca).with_crls(crls(&ca))).await, expected);
        // A list of another authority says nothing.
        assert!(!is_served(&server, builder(&ca).with_crls(crls(&TestCa::new()))).await);
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_replaced() {
    let (old, new) = (TestCa::new(), TestCa::new());
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("client-certificate");
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = (folder.join("client.pem"), folder.join("client.key"));
    let write = |of: &TestCert| {
        std::fs::write(&certificate, of.pem()).unwrap();
        std::fs::write(&key, of.key_pem()).unwrap();
    };
    write(&old.client("urn:client"));
    let mutual = |ca: &TestCa| ca.mutual_server_config(&ca.server());
    let (before, after) = (
        Server::start_with(&mutual(&old), H2, false).await,
        Server::start_with(&mutual(&new), H2, false).await,
    );
    let roots = text(&format!("{}{}", old.pem(), new.pem()));
    let tls = ClientTls::builder(Roots::only(roots.clone()))
        .with_client_certificate(PemSource::file(&certificate), PemSource::file(&key))
        .build()
        .unwrap();
    let transport = after.transport_with("localhost", tls.clone());
    assert!(is_served_by(&before.transport_with("localhost", tls.clone())).await);
    assert!(!is_served_by(&transport).await);
    assert!(!is_served(&before, ClientTls::builder(Roots::only(roots))).await, "no certificate");

    write(&new.client("urn:client"));
    assert_eq!(tls.reload(), Ok(Reload::Replaced));
    assert!(is_served_by(&transport).await, "a transport that was there before");
}

#[tokio::test]
async fn no_verification_only_on_this_machine() {
    let ca = TestCa::new();
    let unverified = || builder(&TestCa::new()).dangerous().without_server_verification();
    let certificate = ca.expired_server();
    let server = start(&ca, &certificate).await;
    assert!(is_served(&server, unverified()).await);
    assert!(is_served(&server, unverified().with_spki_pins([pin(&certificate)])).await);
    assert!(!is_served(&server, unverified().with_spki_pins([pin(&ca.server())])).await);

    let elsewhere = HttpTransport::builder("https://mcp.example.com/mcp").unwrap();
    let error = elsewhere.with_tls(unverified().build().unwrap()).build().unwrap_err();
    assert_eq!(error.code(), "tls_not_verified");
}

/// The verifier itself refuses, whoever connects with it.
#[test]
fn an_unverified_server_elsewhere_fails_the_handshake() {
    let ca = TestCa::new();
    let tls = builder(&ca).dangerous().without_server_verification().build().unwrap();
    for (name, expected) in [
        ("localhost", true),
        ("127.0.0.1", true),
        ("::1", true),
        ("localhost.example", false),
        ("mcp.example.com", false),
        ("10.0.0.1", false),
    ] {
        let server = ca.server_config(&ca.server_for(&["other.example"]));
        let name = name.to_owned().try_into().unwrap();
        let mut client = rustls::ClientConnection::new(tls.config(), name).unwrap();
        let mut server = rustls::ServerConnection::new(server).unwrap();
        assert_eq!(shake_hands(&mut client, &mut server), expected);
    }
}

fn shake_hands(
    client: &mut rustls::ClientConnection,
    server: &mut rustls::ServerConnection,
) -> bool {
    for _ in 0..10 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        server.read_tls(&mut bytes.as_slice()).unwrap();
        // Whoever is refused says so; what counts is who refused.
        let _ = server.process_new_packets();
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        client.read_tls(&mut bytes.as_slice()).unwrap();
        if client.process_new_packets().is_err() {
            return false;
        }
    }
    !client.is_handshaking()
}
