//! Certificates and roots, good and bad.
#![cfg(all(feature = "tls", any(feature = "aws-lc-rs", feature = "ring")))]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use palisade_security::{ClientTls, ServerTls, TlsConfigError};

fn certificate() -> (String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn m6_no_early_data_and_both_protocols() {
    let (certificate, key) = certificate();
    let tls = ServerTls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(tls.config().max_early_data_size, 0);
    assert_eq!(tls.config().alpn_protocols, [&b"h2"[..], b"http/1.1"]);
    let client = ClientTls::from_ca_pem(certificate.as_bytes()).unwrap();
    assert!(!client.config().enable_early_data);
    assert_eq!(client.config().alpn_protocols, [&b"h2"[..], b"http/1.1"]);
}

#[track_caller]
fn check(found: Result<ServerTls, TlsConfigError>, code: &str) {
    let error = found.unwrap_err();
    assert_eq!(error.code(), code);
    assert!(error.to_string().starts_with("tls."), "names the field: {error}");
}

#[test]
fn bad_input_names_the_field() {
    let ((certificate, key), (other, _)) = (certificate(), certificate());
    let tls =
        |certificate: &str, key: &str| ServerTls::from_pem(certificate.as_bytes(), key.as_bytes());
    check(tls("", &key), "tls_certificate_missing");
    check(tls(&key, &key), "tls_certificate_missing");
    check(
        tls("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", &key),
        "tls_certificate_invalid",
    );
    check(tls(&certificate, ""), "tls_key_invalid");
    check(tls(&certificate, &certificate), "tls_key_invalid");
    check(tls(&other, &key), "tls_key_mismatch");
    assert_eq!(ClientTls::from_ca_pem(b"").unwrap_err().code(), "tls_certificate_missing");
    let missing = ServerTls::from_pem_files("no/such/cert.pem", "no/such/key.pem");
    assert!(missing.as_ref().unwrap_err().to_string().contains("no/such/cert.pem"));
    check(missing, "tls_file_unreadable");
    assert_eq!(
        ClientTls::from_ca_file("no/such/ca.pem").unwrap_err().code(),
        "tls_file_unreadable"
    );
}

#[test]
fn l1_debug_shows_no_key() {
    let (certificate, key) = certificate();
    let tls = ServerTls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    assert_eq!(format!("{tls:?}"), "ServerTls { certificates: 1, .. }");
    let client = ClientTls::from_ca_pem(certificate.as_bytes()).unwrap();
    assert_eq!(format!("{client:?}"), "ClientTls { roots: 1, .. }");
}
