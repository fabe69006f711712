//! Certificates, authorities, pins and revocation lists, good and bad, and their replacement.
#![cfg(all(feature = "tls", any(feature = "aws-lc-rs", feature = "ring")))]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{path::PathBuf, sync::Arc, time::Duration};

use palisade_security::{
    AllowedHosts, AllowedOrigins, ClientCertificates, ClientTls, Finding, ManualClock,
    PeerCertificate, PemSource, Roots, SecurityConfig, ServerTls, SpkiPin, TlsConfigError,
    TlsVersions, UnixMillis,
    tls::{Reload, ServerTlsBuilder, SubjectName},
};
use palisade_testkit::{
    TestCa,
    pki::{TestCert, TestName},
};

const DAY: u64 = 24 * 60 * 60;
/// The first of the year 2030.
const NOW: u64 = 1_893_456_000;

fn text(pem: &str) -> PemSource {
    PemSource::text(pem)
}

fn builder(certificate: &TestCert) -> ServerTlsBuilder {
    ServerTls::builder(text(certificate.pem()), text(certificate.key_pem()))
}

fn clients(ca: &TestCa) -> ClientCertificates {
    ClientCertificates::required(text(&ca.pem()))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(UnixMillis::from_secs(NOW)))
}

/// An empty folder for one test.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[track_caller]
fn check<T: std::fmt::Debug>(found: Result<T, TlsConfigError>, expected: &[(&str, &str)]) {
    let error = found.unwrap_err();
    let errors: Vec<_> =
        error.findings().iter().filter(|found| found.is_error()).cloned().collect();
    assert_eq!(pairs(&errors), expected, "{error}");
    assert!(error.findings().iter().all(|finding| !finding.fix().is_empty()), "{error:?}");
    let (path, code) = *expected.first().unwrap();
    assert_eq!(error.code(), code);
    assert!(error.to_string().starts_with(path), "names the field: {error}");
}

fn pairs(findings: &[Finding]) -> Vec<(&str, &str)> {
    findings.iter().map(|finding| (finding.path(), finding.code())).collect()
}

#[test]
fn m6_no_early_data_and_both_protocols() {
    let ca = TestCa::new();
    let tls = builder(&ca.server()).build().unwrap().config();
    assert_eq!(tls.max_early_data_size, 0);
    assert_eq!(tls.alpn_protocols, [&b"h2"[..], b"http/1.1"]);
    assert!(tls.session_storage.can_cache());
    let client = ClientTls::from_ca_pem(ca.pem().as_bytes()).unwrap().config();
    assert!(!client.enable_early_data);
    assert_eq!(client.alpn_protocols, [&b"h2"[..], b"http/1.1"]);

    // A resumed session would skip the check of the client's certificate.
    let mutual = builder(&ca.server()).with_client_certificates(clients(&ca)).build().unwrap();
    assert!(!mutual.config().session_storage.can_cache());
    assert_eq!(mutual.config().send_tls13_tickets, 0);
}

#[test]
fn bad_input_names_the_field() {
    let ca = TestCa::new();
    let (right, other) = (ca.server(), ca.server());
    let tls =
        |certificate: &str, key: &str| ServerTls::from_pem(certificate.as_bytes(), key.as_bytes());
    let (pem, key) = (right.pem(), right.key_pem());
    check(tls("", key), &[("tls.certificates", "tls_certificate_missing")]);
    check(tls(key, key), &[("tls.certificates", "tls_certificate_missing")]);
    let garbage = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----";
    check(tls(garbage, key), &[("tls.certificates", "tls_certificate_invalid")]);
    let not_der = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----";
    check(tls(not_der, key), &[("tls.certificates", "tls_certificate_invalid")]);
    check(tls(pem, ""), &[("tls.key", "tls_key_invalid")]);
    check(tls(pem, pem), &[("tls.key", "tls_key_invalid")]);
    check(tls(other.pem(), key), &[("tls.key", "tls_key_mismatch")]);
    check(
        tls("", ""),
        &[("tls.certificates", "tls_certificate_missing"), ("tls.key", "tls_key_invalid")],
    );
    let nameless = ca.client_common_name("localhost");
    check(builder(&nameless).build(), &[("tls.certificates", "tls_certificate_without_names")]);
    check(
        tls(include_str!("data/rsa1024-certificate.pem"), include_str!("data/rsa1024-key.pem")),
        &[("tls.certificates", "tls_key_weak")],
    );

    let missing = ServerTls::from_pem_files("no/such/cert.pem", "no/such/key.pem");
    assert!(missing.as_ref().unwrap_err().to_string().contains("no/such/cert.pem"));
    check(
        missing,
        &[("tls.certificates", "tls_file_unreadable"), ("tls.key", "tls_file_unreadable")],
    );
    check(ClientTls::from_ca_pem(b""), &[("tls.authorities", "tls_certificate_missing")]);
    check(ClientTls::from_ca_file("no/such/ca.pem"), &[("tls.authorities", "tls_file_unreadable")]);
    check(
        builder(&right).with_reload_interval(Duration::from_millis(999)).build(),
        &[("tls.reload_interval", "tls_reload_interval_too_short")],
    );
}

#[test]
fn bad_demands_name_the_field() {
    let ca = TestCa::new();
    let server = |clients| builder(&ca.server()).with_client_certificates(clients).build();
    let path = |field: &str| format!("tls.client_certificates.{field}");
    let (roots, crls) = (path("authorities"), path("crls"));
    let (pins, depth) = (path("spki_pins"), path("max_chain_depth"));
    check(server(ClientCertificates::optional(text(""))), &[(&roots, "tls_certificate_missing")]);
    check(server(clients(&ca).with_spki_pins([])), &[(&pins, "tls_spki_pins_empty")]);
    for wrong in [0, 9] {
        check(
            server(clients(&ca).with_max_chain_depth(wrong)),
            &[(&depth, "tls_chain_depth_invalid")],
        );
    }
    check(server(clients(&ca).with_crls([])), &[(&crls, "tls_crls_empty")]);
    check(server(clients(&ca).with_crls([text(&ca.pem())])), &[(&crls, "tls_crl_invalid")]);
    let client = || {
        ClientTls::builder(Roots::only(text(&ca.pem())))
            .with_crls([])
            .with_spki_pins([])
            .with_max_chain_depth(0)
            .with_client_certificate(text(""), text(""))
    };
    check(
        client().build(),
        &[
            ("tls.max_chain_depth", "tls_chain_depth_invalid"),
            ("tls.spki_pins", "tls_spki_pins_empty"),
            ("tls.crls", "tls_crls_empty"),
            ("tls.client_certificate", "tls_certificate_missing"),
            ("tls.client_key", "tls_key_invalid"),
        ],
    );
}

#[test]
fn m2_stale_revocation_lists_are_findings() {
    let ca = TestCa::new();
    let crls = "tls.client_certificates.crls";
    let clock = clock();
    let tls = |next_update: u64| {
        let list = text(&ca.crl_until(&[], next_update));
        let clients = clients(&ca).with_crls([list]);
        builder(&ca.server())
            .with_client_certificates(clients)
            .with_clock(Arc::clone(&clock))
            .build()
    };
    check(tls(NOW), &[(crls, "tls_crl_stale")]);
    let fresh = tls(NOW + 1).unwrap();
    assert_eq!(fresh.crls_expire_at(), Some(UnixMillis::from_secs(NOW + 1)));
    assert_eq!(pairs(&fresh.findings()), []);
    clock.advance(Duration::from_secs(1));
    assert_eq!(pairs(&fresh.findings()), [(crls, "tls_crl_stale")]);
}

#[test]
fn m5_expiry_is_a_finding_and_a_value() {
    let ca = TestCa::new();
    let tls =
        |from: u64, to: u64| builder(&ca.server_between(from, to)).with_clock(clock()).build();
    let path = "tls.certificates";
    check(tls(NOW - 2, NOW), &[(path, "tls_certificate_expired")]);
    check(tls(NOW + 1, NOW + 2), &[(path, "tls_certificate_not_yet_valid")]);
    for (from, to, soon) in [
        (NOW, NOW + 1000 * DAY, false),
        (NOW - 970 * DAY, NOW + 30 * DAY, false),
        (NOW - 970 * DAY, NOW + 30 * DAY - 1, true),
        // What lives an hour is renewed in its last third.
        (NOW - 2400, NOW + 1200, false),
        (NOW - 2401, NOW + 1199, true),
    ] {
        let tls = tls(from, to).unwrap();
        let expected: &[_] = if soon { &[(path, "tls_certificate_expires_soon")] } else { &[] };
        assert_eq!(pairs(&tls.findings()), expected, "{from} {to}");
        assert_eq!(tls.expires_at(), UnixMillis::from_secs(to));
        // A warning does not refuse, and is known to the whole configuration.
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .with_tls(tls)
            .build()
            .unwrap();
        assert_eq!(pairs(security.warnings()), expected);
    }
}

#[test]
fn names_that_the_certificate_does_not_have_are_findings() {
    let ca = TestCa::new();
    let tls =
        builder(&ca.server_for(&["mcp.example.com", "*.example.org", "192.0.2.1", "2001:db8::1"]))
            .build()
            .unwrap();
    let warnings = |host: &str| {
        let security = SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .dangerous()
            .without_authentication()
            .with_tls(tls.clone())
            .with_allowed_hosts(AllowedHosts::only([host]).unwrap())
            .build()
            .unwrap();
        security.warnings().iter().map(|warning| warning.code()).collect::<Vec<_>>()
    };
    for host in [
        "mcp.example.com",
        "MCP.example.com:8443",
        "a.example.org",
        "192.0.2.1",
        "[2001:db8::1]:443",
    ] {
        assert_eq!(warnings(host), [""; 0], "{host}");
    }
    for host in ["example.com", "a.b.example.org", "192.0.2.2", "[2001:db8::2]", "localhost"] {
        assert_eq!(warnings(host), ["tls_name_not_in_certificate"], "{host}");
    }
}

#[test]
fn m5_a_reload_replaces_everything_or_nothing() {
    let (ca, folder) = (TestCa::new(), folder("reload"));
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let write = |certificate_of: &TestCert, key_of: &TestCert| {
        std::fs::write(&certificate, certificate_of.pem()).unwrap();
        std::fs::write(&key, key_of.key_pem()).unwrap();
    };
    let (first, second) = (ca.server_between(0, NOW + DAY), ca.server_between(0, NOW + 2 * DAY));
    write(&first, &first);
    let tls = ServerTls::builder(PemSource::file(&certificate), PemSource::file(&key))
        .with_clock(clock())
        .with_reload_interval(Duration::from_secs(5))
        .build()
        .unwrap();
    assert_eq!(tls.reload_interval(), Some(Duration::from_secs(5)));
    assert_eq!((tls.reload(), tls.generation()), (Ok(Reload::Unchanged), 0));

    // Between the replacement of two files.
    write(&second, &first);
    let before = tls.config();
    check(tls.reload(), &[("tls.key", "tls_key_mismatch")]);
    assert_eq!(tls.expires_at(), UnixMillis::from_secs(NOW + DAY));
    assert!(Arc::ptr_eq(&before, &tls.config()));
    assert_eq!(tls.generation(), 0);

    write(&second, &second);
    let clone = tls.clone();
    assert_eq!((tls.reload(), tls.generation()), (Ok(Reload::Replaced), 1));
    assert_eq!(clone.expires_at(), UnixMillis::from_secs(NOW + 2 * DAY), "clones share it");
    assert!(!Arc::ptr_eq(&before, &tls.config()));

    std::fs::remove_file(&key).unwrap();
    check(tls.reload(), &[("tls.key", "tls_file_unreadable")]);
    assert_eq!(tls.expires_at(), UnixMillis::from_secs(NOW + 2 * DAY));

    assert_eq!(builder(&first).build().unwrap().reload_interval(), None, "no file to read");
}

#[test]
fn m5_a_client_reloads_too() {
    let (ca, folder) = (TestCa::new(), folder("client-reload"));
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    let write = |of: &TestCert| {
        std::fs::write(&certificate, of.pem()).unwrap();
        std::fs::write(&key, of.key_pem()).unwrap();
    };
    write(&ca.client_between("urn:a", 0, NOW + DAY));
    let tls = ClientTls::builder(Roots::only(text(&ca.pem())))
        .with_client_certificate(PemSource::file(&certificate), PemSource::file(&key))
        .with_clock(clock())
        .build()
        .unwrap();
    assert_eq!(tls.reload(), Ok(Reload::Unchanged));
    write(&ca.client_between("urn:a", 0, NOW + 2 * DAY));
    assert_eq!(tls.reload(), Ok(Reload::Replaced));
    assert_eq!(tls.expires_at(), Some(UnixMillis::from_secs(NOW + 2 * DAY)));
    write(&ca.client_between("urn:a", 0, NOW - DAY));
    check(tls.reload(), &[("tls.client_certificate", "tls_certificate_expired")]);
    assert_eq!(tls.expires_at(), Some(UnixMillis::from_secs(NOW + 2 * DAY)));
}

#[cfg(unix)]
#[test]
fn a_key_that_everyone_can_read_is_a_finding() {
    use std::os::unix::fs::PermissionsExt;
    let (certificate, key) = (TestCa::new().server(), folder("modes").join("key.pem"));
    for (mode, expected) in [(0o600, &[][..]), (0o644, &[("tls.key", "tls_key_readable_by_all")])] {
        std::fs::write(&key, certificate.key_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let tls =
            ServerTls::builder(text(certificate.pem()), PemSource::file(&key)).build().unwrap();
        assert_eq!(pairs(&tls.findings()), expected, "{mode:o}");
    }
}

#[test]
fn no_verification_only_on_this_machine() {
    let unverified = || {
        ClientTls::builder(Roots::only(text(&TestCa::new().pem())))
            .dangerous()
            .without_server_verification()
            .with_versions(TlsVersions::V1_3Only)
            .build()
            .unwrap()
    };
    assert!(!unverified().verifies_servers());
    for (origin, expected) in [
        ("https://localhost:1", &[][..]),
        ("https://127.0.0.1:1", &[]),
        ("https://mcp.example.com", &[("tls", "tls_not_verified")]),
    ] {
        let built = SecurityConfig::client()
            .with_server(origin.parse().unwrap())
            .without_credentials()
            .with_tls(unverified())
            .build();
        let findings = built.err().map(|error| error.findings().to_vec()).unwrap_or_default();
        assert_eq!(pairs(&findings), expected, "{origin}");
    }
}

#[test]
fn m3_names_and_dates_are_read_as_they_were_written() {
    let ca = TestCa::new();
    let names = [
        TestName::Email("a@b.example"),
        TestName::Dns("A.example"),
        TestName::Uri("spiffe://example.org/a"),
        TestName::Dns("a.example"),
    ];
    let leaf = ca.client_named(&names);
    let certificate = PeerCertificate::from_verified_chain(&[leaf.der()]).unwrap();
    let expected = [
        SubjectName::Email("a@b.example".into()),
        SubjectName::Dns("A.example".into()),
        SubjectName::Uri("spiffe://example.org/a".into()),
        SubjectName::Dns("a.example".into()),
    ];
    assert_eq!(certificate.names(), expected);
    assert_eq!(certificate.der(), leaf.der().as_ref());
    let nameless = ca.client_common_name("admin");
    assert_eq!(PeerCertificate::from_verified_chain(&[nameless.der()]).unwrap().names(), []);

    // A chain is as good as its weakest part.
    let short = ca.client_between("urn:a", 0, NOW);
    let long = ca.client_between("urn:a", 0, 10_000_000_000);
    for chain in [[short.der(), long.der()], [long.der(), short.der()]] {
        let chain = PeerCertificate::from_verified_chain(&chain).unwrap();
        assert_eq!(chain.expires_at(), UnixMillis::from_secs(NOW));
    }
    let mut cut = leaf.der().to_vec();
    cut.truncate(cut.len() / 2);
    for bad in [&[][..], &[cut.into()], &[vec![0x30, 0].into()]] {
        let error = PeerCertificate::from_verified_chain(bad).unwrap_err();
        assert_eq!(error.code(), "certificate_malformed");
    }
}

#[test]
fn names_with_blanks_or_controls_are_malformed() {
    let ca = TestCa::new();
    for name in ["admin.example\0.evil.example", "a b", "a\n", ""] {
        let leaf = ca.client_named(&[TestName::Uri(name)]);
        assert!(PeerCertificate::from_verified_chain(&[leaf.der()]).is_err(), "{name:?}");
    }
}

/// The digest is the one that `openssl` gives for the same key.
#[test]
fn pins_are_of_the_public_key() {
    let text = include_str!("data/rsa1024-certificate.pem");
    let der = rustls_pem(text);
    let certificate = PeerCertificate::from_verified_chain(&[der.into()]).unwrap();
    let pin = SpkiPin::from_sha256(certificate.spki_sha256()).to_string();
    assert_eq!(pin, include_str!("data/rsa1024-pin.txt").trim());
}

/// The bytes of the one PEM block.
fn rustls_pem(pem: &str) -> Vec<u8> {
    use base64::Engine;
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    base64::engine::general_purpose::STANDARD.decode(body).unwrap()
}

#[test]
fn l1_debug_shows_no_key() {
    let ca = TestCa::new();
    let server = ca.server();
    let tls = builder(&server).build().unwrap();
    let settings = builder(&server).with_client_certificates(clients(&ca));
    let client = ClientTls::from_ca_pem(ca.pem().as_bytes()).unwrap();
    for shown in [format!("{tls:?}"), format!("{settings:?}"), format!("{client:?}")] {
        assert!(shown.contains("PemSource(..)") && shown.contains("versions"), "{shown}");
        assert!(!shown.contains("PRIVATE") && !shown.contains("BEGIN"), "{shown}");
    }
}
