//! What an answer, or none, means, and what to do about it.

use std::time::Duration;

use palisade_security::{CredentialError, Finding, Origin, Severity, UnixMillis};
use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::{connect::Failure, exchange::Response};
use crate::raw::date;

/// When a certificate's end deserves a look.
const SOON: Duration = Duration::from_secs(30 * 24 * 60 * 60);

fn error(path: &'static str, code: &'static str, message: String, fix: String) -> Finding {
    Finding::new(path, Severity::Error, code, message).with_fix(fix)
}

fn warning(
    path: &'static str,
    code: &'static str,
    message: &'static str,
    fix: &'static str,
) -> Finding {
    Finding::new(path, Severity::Warning, code, message).with_fix(fix)
}

pub(super) fn connection(code: &'static str, message: &str, fix: &str) -> Finding {
    error("connection", code, message.to_owned(), fix.to_owned())
}

/// No answer.
pub(super) fn failure(failure: &Failure, origin: &Origin) -> Finding {
    match failure {
        Failure::Unresolved => connection(
            "name_not_resolved",
            &format!("the name {} has no address", origin.host()),
            "check the spelling, the DNS record and the resolver of this machine",
        ),
        Failure::Refused => connection(
            "connection_refused",
            &format!("nothing listens on {}", origin),
            "start the server, and compare its `listen` address with host and port of the url: \
             127.0.0.1 is reached from its own machine only",
        ),
        Failure::Timeout => connection(
            "connection_timeout",
            &format!("{origin} does not answer in time"),
            "look for a firewall that drops packets, and check the address",
        ),
        Failure::Network(kind) => connection(
            "connection_failed",
            &format!("no connection to {origin}: {kind}"),
            "check the address and the network",
        ),
        Failure::HandshakeCut => error(
            "tls",
            "tls_not_spoken",
            format!("{origin} ended the connection during the TLS handshake"),
            "check that the port serves https: a plain http server needs an http url".to_owned(),
        ),
        Failure::NotHttp => connection(
            "not_http",
            &format!("what listens on {origin} does not speak http"),
            "check host and port of the url",
        ),
        Failure::SpeaksTls => error(
            "tls",
            "tls_wanted",
            format!("{origin} speaks TLS, but the url is plain http"),
            "write https in the url".to_owned(),
        ),
        Failure::NoAnswer => connection(
            "no_answer",
            &format!("{origin} accepted the connection, but gave no answer"),
            "look into the server's log; a server that speaks TLS or HTTP/2 only says nothing to plain \
             HTTP/1.1",
        ),
        Failure::Tls(cause) => tls(cause, origin),
    }
}

/// The handshake failed.
fn tls(cause: &TlsError, origin: &Origin) -> Finding {
    use CertificateError as C;
    let host = origin.host();
    let (code, message, fix) = match cause {
        TlsError::InvalidCertificate(C::Expired) => (
            "tls_certificate_expired",
            "the server's certificate has expired".to_owned(),
            "renew it",
        ),
        TlsError::InvalidCertificate(C::ExpiredContext { not_after, .. }) => {
            let end = date(UnixMillis::new(not_after.as_secs().saturating_mul(1000)));
            (
                "tls_certificate_expired",
                format!("the server's certificate expired on {end}"),
                "renew it",
            )
        }
        TlsError::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }) => (
            "tls_certificate_not_yet_valid",
            "the server's certificate is not valid yet".to_owned(),
            "check the clocks of both machines",
        ),
        TlsError::InvalidCertificate(C::NotValidForNameContext { presented, .. }) => {
            let names =
                presented.iter().take(8).map(|name| shown(name)).collect::<Vec<_>>().join(", ");
            (
                "tls_wrong_name",
                format!("the server's certificate is not for {host}, but for {names}"),
                "use a name of the certificate in the url, or issue it for this name",
            )
        }
        TlsError::InvalidCertificate(C::NotValidForName) => (
            "tls_wrong_name",
            format!("the server's certificate is not for {host}"),
            "use a name of the certificate in the url, or issue it for this name",
        ),
        // Signed with a key of another authority, if that has the name of one that is trusted.
        TlsError::InvalidCertificate(C::UnknownIssuer | C::BadSignature) => (
            "tls_unknown_authority",
            "the server's certificate comes from an authority that is not trusted here".to_owned(),
            "let the server send its whole chain; for an authority of your own, name its certificate \
             (`[tls] authorities`, `--ca FILE`)",
        ),
        TlsError::InvalidCertificate(C::Revoked) => (
            "tls_certificate_revoked",
            "the server's certificate has been revoked".to_owned(),
            "issue a new one with a new key",
        ),
        TlsError::InvalidCertificate(C::InvalidPurpose | C::InvalidPurposeContext { .. }) => (
            "tls_wrong_purpose",
            "the server's certificate is not made for servers".to_owned(),
            "issue it with the extended key usage serverAuth",
        ),
        TlsError::InvalidCertificate(_) => (
            "tls_certificate_invalid",
            "the server's certificate is refused".to_owned(),
            "check chain, pins and revocation lists",
        ),
        TlsError::AlertReceived(
            AlertDescription::CertificateRequired | AlertDescription::AccessDenied,
        ) => (
            "client_certificate_required",
            "the server wants a certificate of this client".to_owned(),
            "give one: `[tls] client_certificate` and `client_key`",
        ),
        TlsError::AlertReceived(
            AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA,
        ) => (
            "client_certificate_refused",
            "the server refuses the certificate of this client".to_owned(),
            "check its dates, its authority and its purpose clientAuth",
        ),
        TlsError::AlertReceived(
            AlertDescription::ProtocolVersion
            | AlertDescription::HandshakeFailure
            | AlertDescription::InsufficientSecurity,
        )
        | TlsError::PeerIncompatible(_) => (
            "tls_incompatible",
            "the two sides have no version or algorithm of TLS in common".to_owned(),
            "let the server speak TLS 1.2 or 1.3 with today's algorithms",
        ),
        TlsError::InvalidMessage(_) => (
            "tls_not_spoken",
            format!("what listens on {origin} does not speak TLS"),
            "check that the port serves https: a plain http server needs an http url",
        ),
        _ => (
            "tls_handshake_failed",
            "the TLS handshake failed".to_owned(),
            "look into the server's log for its reason",
        ),
    };
    error("tls", code, message, fix.to_owned())
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(128).collect()
}

/// The certificate ends soon.
pub(super) fn expiry(end: UnixMillis, now: UnixMillis) -> Option<Finding> {
    let left = end.as_millis().saturating_sub(now.as_millis());
    if u128::from(left) > SOON.as_millis() {
        return None;
    }
    let message = format!("the server's certificate ends on {}", date(end));
    let finding = Finding::new("tls", Severity::Warning, "tls_expires_soon", message);
    Some(finding.with_fix("renew it"))
}

/// Credentials were not sent.
pub(super) fn not_sent(cause: &CredentialError) -> Finding {
    let fix = match cause {
        CredentialError::Insecure { .. } => "use an https url",
        CredentialError::OtherOrigin { .. } => "make the credentials for the origin of the url",
        _ => "check the credentials",
    };
    error("authentication", cause.code(), cause.to_string(), fix.to_owned())
}

/// The answer to the question as a client would ask it.
pub(super) fn own(answer: &Response, anonymous: bool) -> Option<Finding> {
    let code = answer.code.as_deref().unwrap_or_default();
    let authn = |code, message: &str, fix: &str| {
        Some(error("authentication", code, message.to_owned(), fix.to_owned()))
    };
    match (answer.status, code) {
        (200..=299, _) => None,
        (_, "host_not_allowed" | "invalid_host") => Some(error(
            "host",
            "host_not_allowed",
            "the server does not answer to the host name of the url".to_owned(),
            "add the name to `hosts.allowed` of the server".to_owned(),
        )),
        (_, "peer_not_allowed") => Some(connection(
            "peer_not_allowed",
            "the server serves its own machine only, as it has no authentication or no TLS",
            "add `[[authentication]]` and `[tls]` to the server",
        )),
        (_, "expired_credentials") => {
            authn("credentials_expired", "the credentials have expired", "get new ones")
        }
        (401, _) if anonymous => authn(
            "credentials_required",
            "the server wants credentials, and none were given",
            "give them: `--token env:NAME`, or `[credentials]` in the client's file",
        ),
        (401, _) => authn(
            "credentials_refused",
            "the server refuses the credentials",
            "compare them with the server's `[[authentication]]`: kind, value, end; look into its audit \
             log for the request",
        ),
        (403, _) => authn(
            "not_authorized",
            "the server knows the caller, but does not let it ask what it can do",
            "allow the method `server/discover` in the server's policy",
        ),
        (404, _) => Some(connection(
            "endpoint_not_found",
            "there is no endpoint at the path of the url",
            "check the path: `/mcp` is usual",
        )),
        (429, "too_many_failed_attempts") => authn(
            "too_many_failed_attempts",
            "too many attempts failed from this address",
            "correct the credentials, and wait before the next attempt",
        ),
        (429, _) => Some(connection(
            "rate_limited",
            "the server has no room for more requests of this caller",
            "try again later",
        )),
        (300..=399, _) => Some(connection(
            "redirected",
            "the server redirects, which is never followed: it would choose who sees the credentials",
            "use the url that it redirects to, if you trust it",
        )),
        (500..=599, _) => Some(connection(
            "server_failed",
            "the server, or a proxy before it, has a problem of its own",
            "look into the logs of both",
        )),
        _ => Some(connection(
            "not_understood",
            "what answers does not understand MCP 2026-07-28",
            "check the path of the url, and the revision that the server speaks",
        )),
    }
}

/// Whoever asks is served.
pub(super) fn open(loopback: bool) -> Finding {
    let message = "the server answers without credentials";
    let fix = "add `[[authentication]]` to the server";
    if loopback {
        warning("authentication", "unauthenticated", message, fix)
    } else {
        error("authentication", "unauthenticated", message.to_owned(), fix.to_owned())
    }
}

/// Everybody on the way can read.
pub(super) fn plain_http(origin: &Origin) -> Option<Finding> {
    (!origin.is_loopback()).then(|| {
        let message =
            "the connection is not encrypted: whoever is on the way can read and change it";
        let fix = "add `[tls]` to the server, and use an https url";
        error("tls", "plain_http", message.to_owned(), fix.to_owned())
    })
}

/// A page from nowhere asked.
pub(super) fn foreign_page(own: &Response, answer: &Response) -> Option<Finding> {
    // A server that asks for credentials first does not say what it thinks of the page.
    let unknown = answer.status == 401 && own.status == 401 && answer == own;
    if answer.has_code("origin_not_allowed") || answer.status == 403 {
        return None;
    }
    if unknown {
        let message = "whether pages are checked cannot be seen without credentials";
        return Some(warning("origin", "origin_not_seen", message, "give credentials"));
    }
    answer.is_success().then(|| {
        error(
            "origin",
            "foreign_origin_accepted",
            "a web page from anywhere can talk to the server in its visitors' names".to_owned(),
            "check `Origin`: list the pages in `origins.allowed` of the server".to_owned(),
        )
    })
}

/// A name that is not the server's was asked for.
pub(super) fn foreign_host(answer: &Response) -> Option<Finding> {
    // Refusals of the name are 4xx other than the one for credentials, which comes after the check.
    let refused = answer.is_about_host()
        || matches!(answer.status, 400 | 403 | 404 | 421)
        || matches!(answer.status, 300..=399 | 500..=599);
    (!refused).then(|| {
        error(
            "host",
            "foreign_host_accepted",
            "the server answers to names that are not its own, which DNS rebinding needs"
                .to_owned(),
            "check `Host`: list the server's names in `hosts.allowed`".to_owned(),
        )
    })
}

/// The page that should pass asked.
pub(super) fn page(answer: &Response, page: &Origin) -> Option<Finding> {
    (answer.has_code("origin_not_allowed") || answer.status == 403).then(|| {
        error(
            "origin",
            "origin_not_allowed",
            format!("the server refuses pages of {page}"),
            format!("add \"{page}\" to `origins.allowed` of the server, if it is to be trusted"),
        )
    })
}
