//! Client certificates that prove nothing, too little, or two things at once.

use palisade::{
    SecurityConfig,
    auth::{Mtls, mtls::CertificateEntry},
    security::{
        AllowedOrigins, Authenticator, Backoff, ClientCertificates, Limits, Outcome, PemSource,
        ServerTls, SpkiPin, TlsVersions, tls::ServerTlsBuilder,
    },
};
use palisade_testkit::{
    RawPeer, TestCa,
    guard::PATIENCE,
    pki::{TestCert, TestName},
    within,
};

use crate::support::{Refusal, Target, call_add, rules};

/// The name that is let in.
pub(crate) const CLIENT: &str = "spiffe://example.org/client";
const CLIENTS_ONLY: u16 = 401;

pub(crate) fn text(pem: &str) -> PemSource {
    PemSource::text(pem)
}

pub(crate) fn server_tls(ca: &TestCa) -> ServerTlsBuilder {
    let certificate = ca.server();
    ServerTls::builder(text(certificate.pem()), text(certificate.key_pem()))
}

fn clients(ca: &TestCa) -> ClientCertificates {
    ClientCertificates::required(text(&ca.pem()))
}

fn spiffe() -> Mtls {
    Mtls::spiffe(["example.org".parse().unwrap()])
}

/// A server that knows clients by their certificates; the peer of the target has a good one.
async fn start(
    ca: &TestCa,
    tls: ServerTlsBuilder,
    authenticator: impl Authenticator + 'static,
) -> Target {
    start_as(ca, tls, authenticator, &ca.client(CLIENT)).await
}

async fn start_as(
    ca: &TestCa,
    tls: ServerTlsBuilder,
    authenticator: impl Authenticator + 'static,
    identity: &TestCert,
) -> Target {
    let rules = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(authenticator)
        .with_tls(tls.build().unwrap())
        // What is refused here is refused for another reason.
        .with_backoff(Backoff::dangerous().disabled())
        .with_limits(Limits::new());
    let mut target = Target::start_under(rules, |server, _| server).await;
    target.peer = target.peer.with_tls(ca.client_config_with(identity));
    target
}

/// The handshake is refused, and the record says why.
async fn refuses_handshake(target: &Target, peer: RawPeer, code: &str) {
    target.audit.forget();
    let answer = within(PATIENCE, peer.send(&call_add())).await;
    assert!(answer.is_err(), "{code}: {answer:?}");
    target.check_trace(Outcome::Denied, code, None).await;
}

fn peer(target: &Target, ca: &TestCa, identity: &TestCert) -> RawPeer {
    RawPeer::new(target.address).with_tls(ca.client_config_with(identity))
}

/// The request is refused: the certificate is good, but it does not say whose it is.
async fn refuses_name(target: &Target, ca: &TestCa, identity: &TestCert) {
    target.audit.forget();
    let response = within(PATIENCE, peer(target, ca, identity).send(&call_add())).await.unwrap();
    let refusal = Refusal::with_reason(CLIENTS_ONLY, -31401, "invalid_credentials");
    target.check_refused(&response, &refusal).await;
    assert!(
        response.header("www-authenticate").is_some_and(|it| it.starts_with("ClientCertificate "))
    );
}

/// Who the server takes the client for.
async fn subject(target: &Target, ca: &TestCa, identity: &TestCert) -> String {
    target.audit.forget();
    let response = within(PATIENCE, peer(target, ca, identity).send(&call_add())).await.unwrap();
    assert_eq!(response.status(), 200, "{}", response.text());
    target.runs.forget();
    let entry = target.audit.wait_for(1).await.remove(0);
    entry.subject.unwrap()
}

#[tokio::test]
async fn m1_certificates_that_are_not_good() {
    let ca = TestCa::new();
    let target = start(&ca, server_tls(&ca).with_client_certificates(clients(&ca)), spiffe()).await;
    for (identity, code) in [
        (ca.expired_client(CLIENT), "client_certificate_expired"),
        (
            ca.client_between(CLIENT, 4_000_000_000, 4_100_000_000),
            "client_certificate_not_yet_valid",
        ),
        (TestCa::new().client(CLIENT), "client_certificate_invalid"),
        // A server's certificate with a client's name would pass if only the name counted.
        (ca.server(), "client_certificate_wrong_usage"),
        (ca.client_that_may_not_sign(CLIENT), "client_certificate_wrong_usage"),
        (ca.client_that_may_certify(CLIENT), "client_certificate_wrong_usage"),
    ] {
        refuses_handshake(&target, peer(&target, &ca, &identity), code).await;
    }
    let nobody = RawPeer::new(target.address).with_tls(ca.client_config());
    refuses_handshake(&target, nobody, "client_certificate_missing").await;
    // Neither is a connection without TLS.
    let plain = RawPeer::new(target.address);
    refuses_handshake(&target, plain, "tls_handshake_failed").await;
}

#[tokio::test]
async fn m1_without_a_certificate_where_it_is_optional() {
    let ca = TestCa::new();
    let optional = ClientCertificates::optional(text(&ca.pem()));
    let target = start(&ca, server_tls(&ca).with_client_certificates(optional), spiffe()).await;
    let nobody = RawPeer::new(target.address).with_tls(ca.client_config());
    let response = within(PATIENCE, nobody.send(&call_add())).await.unwrap();
    let refusal = Refusal::with_reason(CLIENTS_ONLY, -31401, "missing_credentials");
    target.check_refused(&response, &refusal).await;
    // A bad one is refused all the same.
    let expired = peer(&target, &ca, &ca.expired_client(CLIENT));
    refuses_handshake(&target, expired, "client_certificate_expired").await;
}

#[tokio::test]
async fn m1_chains_that_are_too_long() {
    let root = TestCa::root();
    let (a, b) = (root.intermediate(), root.intermediate().intermediate());
    let clients = clients(&root).with_max_chain_depth(2);
    let target = start(&root, server_tls(&root).with_client_certificates(clients), spiffe()).await;
    let short = a.client(CLIENT);
    let config = root.client_config_with_chain(&short, [a.der()]);
    let peer = RawPeer::new(target.address).with_tls(config);
    assert_eq!(within(PATIENCE, peer.send(&call_add())).await.unwrap().status(), 200);
    target.runs.forget();
    let long = b.client(CLIENT);
    for rest in [vec![b.der(), a.der()], vec![b.der(); 40]] {
        let peer =
            RawPeer::new(target.address).with_tls(root.client_config_with_chain(&long, rest));
        refuses_handshake(&target, peer, "client_chain_too_long").await;
    }
}

#[tokio::test]
async fn m1_a_key_that_is_not_pinned() {
    let ca = TestCa::new();
    let good = ca.client(CLIENT);
    let chain = palisade::security::PeerCertificate::from_verified_chain(&[good.der()]).unwrap();
    let pinned = clients(&ca).with_spki_pins([SpkiPin::from_sha256(chain.spki_sha256())]);
    let tls = server_tls(&ca).with_client_certificates(pinned);
    let target = start_as(&ca, tls, spiffe(), &good).await;
    // Of the same authority, for the same name.
    let other = peer(&target, &ca, &ca.client(CLIENT));
    refuses_handshake(&target, other, "client_key_not_pinned").await;
}

#[tokio::test]
async fn m2_revoked_or_of_unknown_status() {
    let root = TestCa::root();
    let a = root.intermediate();
    let (revoked, good) = (a.client(CLIENT), a.client(CLIENT));
    let start = async |crls: Vec<String>| {
        let crls = crls.iter().map(|crl| text(crl)).collect::<Vec<_>>();
        let tls = server_tls(&root).with_client_certificates(clients(&root).with_crls(crls));
        let mut target = start(&root, tls, spiffe()).await;
        target.peer = target.peer.with_tls(root.client_config_with_chain(&good, [a.der()]));
        target
    };
    let chain = |target: &Target, identity: &TestCert| {
        let config = root.client_config_with_chain(identity, [a.der()]);
        RawPeer::new(target.address).with_tls(config)
    };
    let target = start(vec![root.crl(&[]), a.crl(&[&revoked])]).await;
    refuses_handshake(&target, chain(&target, &revoked), "client_certificate_revoked").await;

    // The rest of the chain counts too, and an authority without a list vouches for nobody.
    let intermediate = root.crl_of_authority(&a);
    for (crls, code) in [
        (vec![intermediate, a.crl(&[])], "client_certificate_revoked"),
        (vec![root.crl(&[])], "client_certificate_revocation_unknown"),
        (vec![a.crl(&[])], "client_certificate_revocation_unknown"),
    ] {
        let target = start(crls).await;
        let answer = within(PATIENCE, chain(&target, &good).send(&call_add())).await;
        assert!(answer.is_err(), "{code}: {answer:?}");
        let entries = target.audit.wait_for(1).await;
        let found: Vec<_> = entries.iter().map(|entry| (entry.outcome, &*entry.code)).collect();
        assert_eq!(found, [(Outcome::Denied, code)]);
        assert_eq!(target.runs.count(), 0);
    }
}

#[tokio::test]
async fn m3_common_name_or_several_names() {
    let ca = TestCa::new();
    let tls = || server_tls(&ca).with_client_certificates(clients(&ca));
    let (dns, uri) = (TestName::Dns("Ops.example.org"), TestName::Uri("urn:ops"));
    let mail = TestName::Email("ops@example.org");
    let all = ca.client_named(&[mail, uri, dns]);
    for (mtls, one, expected) in [
        (Mtls::dns_name(), dns, "ops.example.org"),
        (Mtls::uri(), uri, "urn:ops"),
        (Mtls::email(), mail, "ops@example.org"),
    ] {
        let target = start_as(&ca, tls(), mtls, &all).await;
        assert_eq!(subject(&target, &ca, &all).await, expected);
        assert_eq!(subject(&target, &ca, &ca.client_named(&[one])).await, expected);
        for nobody in [
            ca.client_common_name("ops.example.org"),
            ca.client_common_name("urn:ops"),
            ca.client_named(&[one, one]),
            ca.client_named(&[dns, uri, mail, one]),
        ] {
            refuses_name(&target, &ca, &nobody).await;
        }
    }
    let target = start_as(&ca, tls(), Mtls::dns_name(), &all).await;
    for nobody in [
        ca.client_named(&[uri]),
        ca.client_named(&[TestName::Dns("*.example.org")]),
        ca.client_named(&[dns, TestName::Dns("admin.example.org")]),
        ca.client_named(&[TestName::Dns("admin.example.org"), dns]),
    ] {
        refuses_name(&target, &ca, &nobody).await;
    }
    // A name with a NUL ends early for some readers, and is no name for this one.
    let cut = ca.client_named(&[TestName::Uri("urn:ops\0.evil")]);
    refuses_handshake(&target, peer(&target, &ca, &cut), "client_certificate_invalid").await;
}

#[tokio::test]
async fn m3_only_listed_names() {
    let ca = TestCa::new();
    let listed = spiffe().only([CertificateEntry::new(CLIENT)]);
    let target = start(&ca, server_tls(&ca).with_client_certificates(clients(&ca)), listed).await;
    for other in ["spiffe://example.org/client2", "spiffe://example.org/Client"] {
        refuses_name(&target, &ca, &ca.client(other)).await;
    }
}

#[tokio::test]
async fn m4_bad_spiffe_id_or_trust_domain() {
    let ca = TestCa::new();
    let target = start(&ca, server_tls(&ca).with_client_certificates(clients(&ca)), spiffe()).await;
    assert_eq!(subject(&target, &ca, &ca.client(CLIENT)).await, CLIENT);
    for id in [
        "spiffe://other.org/client",
        "spiffe://example.org.evil/client",
        "spiffe://a.example.org/client",
        "spiffe://Example.org/client",
        "SPIFFE://example.org/client",
        "spiffe://example.org",
        "spiffe://example.org/",
        "spiffe://example.org//client",
        "spiffe://example.org/../client",
        "spiffe://example.org/client/",
        "spiffe://example.org/cl%69ent",
        "spiffe://example.org/client?admin",
        "spiffe://example.org/client#admin",
        "spiffe://example.org:443/client",
        "spiffe://admin@example.org/client",
        "https://example.org/client",
        "urn:spiffe://example.org/client",
    ] {
        refuses_name(&target, &ca, &ca.client(id)).await;
    }
    let id = TestName::Uri(CLIENT);
    for names in [&[id, id][..], &[id, TestName::Uri("urn:a")], &[TestName::Dns("example.org")]] {
        refuses_name(&target, &ca, &ca.client_named(names)).await;
    }
}

/// A configuration that could let nobody in is not built.
#[test]
fn m3_certificates_that_nobody_is_asked_for() {
    let ca = TestCa::new();
    let builder = || {
        SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .with_authenticator(spiffe())
    };
    for built in [
        builder().without_tls().build(),
        builder().dangerous().plain_http_behind_proxy().build(),
        builder().with_tls(server_tls(&ca).build().unwrap()).build(),
    ] {
        let error = built.unwrap_err();
        let errors = error.findings().iter().filter(|finding| finding.is_error());
        let found: Vec<_> = errors.map(|finding| (finding.path(), finding.code())).collect();
        assert_eq!(found, [("tls.client_certificates", "client_certificates_not_requested")]);
    }
}

#[tokio::test]
async fn old_versions_where_only_the_newest_is_spoken() {
    let ca = TestCa::new();
    for (versions, served) in [(TlsVersions::V1_2AndV1_3, true), (TlsVersions::V1_3Only, false)] {
        let tls = server_tls(&ca).with_versions(versions).build().unwrap();
        let mut target = Target::start_under(rules().with_tls(tls), |server, _| server).await;
        target.peer = target.peer.with_tls(ca.client_config());
        let old = RawPeer::new(target.address).with_tls(ca.old_client_config());
        if served {
            assert_eq!(within(PATIENCE, old.send(&call_add())).await.unwrap().status(), 200);
        } else {
            refuses_handshake(&target, old, "tls_incompatible").await;
        }
    }
}
