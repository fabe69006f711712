//! Building a server configuration, and what it then decides.
#![cfg(any(feature = "aws-lc-rs", feature = "ring"))]
#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::{HeaderMap, header::AUTHORIZATION};
use palisade_security::{
    AccessRequest, AllowedHosts, AllowedOrigins, AnyOf, Authenticator, AuthnError, Challenge,
    Credentials, Finding, GuardInput, Issuer, Limits, ManualClock, PeerInfo, Principal,
    ProtectedResource, RejectError, ResourceId, Scope, SecurityConfig, SecurityConfigError,
    ServerSecurity, Severity, UnixMillis, authorize,
    config::{Ready, ServerConfigBuilder, WantsTls},
};

/// Knows one token, `good`, that ends at millisecond 1000.
#[derive(Debug, Default)]
struct OneToken {
    findings: Vec<Finding>,
}

#[async_trait]
impl Authenticator for OneToken {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Principal, AuthnError> {
        match credentials.authorization_with_scheme("Bearer")? {
            None => Err(AuthnError::MissingCredentials),
            Some("good") => {
                Ok(Principal::new("alice", "bearer").with_expires_at(UnixMillis::new(1000)))
            }
            Some("down") => Err(AuthnError::Unavailable),
            Some(_) => Err(AuthnError::InvalidCredentials),
        }
    }

    fn challenge(&self, error: Option<&AuthnError>) -> Challenge {
        Challenge::bearer(error)
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.clone()
    }
}

fn authenticated() -> ServerConfigBuilder<WantsTls> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(OneToken::default())
}

#[derive(Debug)]
struct Key;
#[async_trait]
impl Authenticator for Key {
    async fn authenticate(&self, _: &Credentials<'_>) -> Result<Principal, AuthnError> {
        Err(AuthnError::MissingCredentials)
    }

    fn challenge(&self, _: Option<&AuthnError>) -> Challenge {
        Challenge::new("ApiKey")
    }
}

fn unauthenticated() -> ServerConfigBuilder<WantsTls> {
    SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .dangerous()
        .without_authentication()
}

fn named(builder: ServerConfigBuilder<Ready>) -> ServerSecurity {
    builder.with_allowed_hosts(AllowedHosts::only(["mcp.example.com"]).unwrap()).build().unwrap()
}

#[track_caller]
fn codes(error: &SecurityConfigError) -> Vec<(String, &'static str)> {
    assert_eq!(error.code(), "security_config_invalid");
    let text = error.to_string();
    for finding in error.findings() {
        assert!(!finding.fix().is_empty(), "{finding:?}");
        assert!(text.contains(finding.path()) && text.contains(finding.fix()), "{text}");
    }
    assert!(!text.contains('\n'));
    error.findings().iter().map(|finding| (finding.path().to_owned(), finding.code())).collect()
}

#[test]
fn every_finding_is_reported_at_once() {
    let weak = Finding::new("tokens[0]", Severity::Error, "secret_too_short", "the token is short")
        .with_fix("use a longer one");
    let error = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(OneToken { findings: vec![weak] })
        .without_tls()
        .with_limits(Limits::new().with_max_headers(0))
        .with_request_timeout(Duration::ZERO)
        .with_realm("a\r\nb")
        .build()
        .unwrap_err();
    let expected = [
        ("limits.max_headers", "limit_is_zero"),
        ("limits.request_timeout", "limit_is_zero"),
        ("authentication.tokens[0]", "secret_too_short"),
        ("realm", "invalid_realm"),
    ];
    assert_eq!(codes(&error), expected.map(|(path, code)| (path.to_owned(), code)));
}

#[test]
fn no_setting_is_dropped_by_a_later_one() {
    let (time, limits) = (Duration::from_secs(7), Limits::new().with_max_headers(9));
    for security in [
        authenticated().without_tls().with_request_timeout(time).with_limits(limits.clone()),
        authenticated().without_tls().with_limits(limits).with_request_timeout(time),
    ] {
        let security = security.build().unwrap();
        assert_eq!(
            (security.limits().max_headers(), security.limits().request_timeout()),
            (9, time)
        );
    }
}

#[test]
fn warnings_do_not_refuse() {
    let warning =
        Finding::new("tokens[0]", Severity::Warning, "secret_too_short", "the token is short");
    let security = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(OneToken { findings: vec![warning] })
        .without_tls()
        .build()
        .unwrap();
    assert_eq!(security.warnings().len(), 1);
    assert_eq!(security.warnings()[0].path(), "authentication.tokens[0]");
}

#[test]
fn weakening_is_listed() {
    assert!(authenticated().without_tls().build().unwrap().dangerous_uses().is_empty());
    let weakened = unauthenticated().dangerous().plain_http_behind_proxy().build().unwrap();
    assert_eq!(weakened.dangerous_uses(), ["without_authentication", "plain_http_behind_proxy"]);
}

#[track_caller]
fn check_bind(security: &ServerSecurity, address: &str, expected: &[(&str, &'static str)]) {
    let address: SocketAddr = address.parse().unwrap();
    let found = security.check_bind(address).err().map(|error| codes(&error)).unwrap_or_default();
    let expected: Vec<_> =
        expected.iter().map(|(path, code)| ((*path).to_owned(), *code)).collect();
    assert_eq!(found, expected, "{address}");
}

#[test]
fn listening_beyond_loopback_needs_authentication_tls_and_a_name() {
    const AUTHN: (&str, &str) = ("authentication", "unauthenticated_bind");
    const TLS: (&str, &str) = ("tls", "plain_http_bind");
    const HOSTS: (&str, &str) = ("allowed_hosts", "hosts_loopback_only");

    let local = unauthenticated().without_tls().build().unwrap();
    for address in ["127.0.0.1:0", "127.0.0.9:80", "[::1]:443", "[::ffff:127.0.0.1]:1"] {
        check_bind(&local, address, &[]);
    }
    for address in ["0.0.0.0:0", "[::]:0", "192.168.0.1:80", "[::ffff:192.168.0.1]:1"] {
        check_bind(&local, address, &[AUTHN, TLS, HOSTS]);
        check_bind(&named(unauthenticated().without_tls()), address, &[AUTHN, TLS]);
        check_bind(
            &named(unauthenticated().dangerous().plain_http_behind_proxy()),
            address,
            &[AUTHN],
        );
        check_bind(&named(authenticated().without_tls()), address, &[TLS]);
        check_bind(&named(authenticated().dangerous().plain_http_behind_proxy()), address, &[]);
        check_bind(
            &authenticated().dangerous().plain_http_behind_proxy().build().unwrap(),
            address,
            &[HOSTS],
        );
    }
}

#[test]
fn peers_that_the_configuration_does_not_serve_are_refused() {
    let remote = PeerInfo::new("192.168.0.7:9".parse().unwrap());
    let tls = remote.clone().with_tls(true);
    let local = PeerInfo::new("127.0.0.1:9".parse().unwrap());
    let check = |security: &ServerSecurity, served: &[&PeerInfo], refused: &[&PeerInfo]| {
        assert!(served.iter().all(|peer| security.check_peer(peer).is_ok()), "{served:?}");
        assert!(
            refused
                .iter()
                .all(|peer| security.check_peer(peer) == Err(RejectError::PeerNotAllowed))
        );
    };
    let unknown = PeerInfo::unknown();
    check(&unauthenticated().without_tls().build().unwrap(), &[&local], &[&remote, &tls, &unknown]);
    let proxied = unauthenticated().dangerous().plain_http_behind_proxy().build().unwrap();
    check(&proxied, &[&local], &[&remote, &tls, &unknown]);
    check(&authenticated().without_tls().build().unwrap(), &[&local, &tls], &[&remote, &unknown]);
    let proxied = authenticated().dangerous().plain_http_behind_proxy().build().unwrap();
    check(&proxied, &[&local, &tls, &remote, &unknown], &[]);
}

async fn authenticate(
    security: &ServerSecurity,
    authorization: &[&str],
    query: Option<&str>,
) -> Result<Principal, RejectError> {
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append(AUTHORIZATION, value.parse().unwrap());
    }
    let peer = PeerInfo::new("127.0.0.1:9".parse().unwrap());
    security.authenticate(&Credentials::new(&headers, &peer).with_query(query)).await
}

#[tokio::test]
async fn rs1_rs3_credentials_are_required_and_single() {
    let clock = Arc::new(ManualClock::new(UnixMillis::new(999)));
    let security = authenticated().without_tls().with_clock(Arc::clone(&clock)).build().unwrap();
    let refused = |error: AuthnError| Err(RejectError::Unauthenticated(error));
    let good = ["Bearer good"];
    assert_eq!(authenticate(&security, &good, None).await.unwrap().subject(), "alice");
    assert_eq!(authenticate(&security, &[], None).await, refused(AuthnError::MissingCredentials));
    assert_eq!(
        authenticate(&security, &["Bearer x"], None).await,
        refused(AuthnError::InvalidCredentials)
    );
    let in_query = refused(AuthnError::CredentialsInQuery);
    assert_eq!(authenticate(&security, &good, Some("access_token=good")).await, in_query);
    let twice = ["Bearer good", "Bearer good"];
    assert_eq!(
        authenticate(&security, &twice, None).await,
        refused(AuthnError::MultipleCredentials)
    );

    clock.advance(Duration::from_millis(1));
    assert_eq!(authenticate(&security, &good, None).await, refused(AuthnError::Expired));
}

#[tokio::test]
async fn without_authentication_everyone_is_anonymous_and_allowed() {
    let security = unauthenticated().without_tls().build().unwrap();
    let principal = authenticate(&security, &[], None).await.unwrap();
    assert!(principal.is_anonymous());
    assert!(authorize(security.policy(), AccessRequest::new(&principal, "tools/list")).is_ok());
    let in_query = Err(RejectError::Unauthenticated(AuthnError::CredentialsInQuery));
    assert_eq!(authenticate(&security, &[], Some("access_token=x")).await, in_query);
}

#[tokio::test]
async fn a_configuration_for_stdio_lets_nobody_in_over_http() {
    let security = SecurityConfig::stdio().build().unwrap();
    assert!(security.dangerous_uses().is_empty());
    assert!(security.check_bind("[::]:80".parse().unwrap()).is_err());
    for token in [None, Some("Bearer good"), Some("None"), Some("None none")] {
        let refused = authenticate(&security, token.as_slice(), None).await;
        assert_eq!(refused.unwrap_err(), AuthnError::MissingCredentials.into(), "{token:?}");
    }
}

#[test]
fn rs1_challenges_name_the_realm() {
    let security = authenticated().without_tls().with_realm("tools \"of\" mine").build().unwrap();
    let challenge =
        |error| security.challenge(&error).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(
        challenge(AuthnError::MissingCredentials).unwrap(),
        r#"Bearer realm="tools \"of\" mine""#
    );
    assert_eq!(
        challenge(AuthnError::InvalidCredentials).unwrap(),
        r#"Bearer realm="tools \"of\" mine", error="invalid_token""#
    );
    assert_eq!(challenge(AuthnError::Unavailable), None);
    let open = unauthenticated().without_tls().build().unwrap();
    assert_eq!(open.challenge(&AuthnError::CredentialsInQuery), None);
}

fn resource() -> ProtectedResource {
    ProtectedResource::new(ResourceId::parse("https://mcp.example.com/mcp").unwrap())
}

/// The codes and paths of errors, and of warnings.
fn resource_findings(
    builder: ServerConfigBuilder<WantsTls>,
    resource: ProtectedResource,
) -> Vec<String> {
    let hosts = AllowedHosts::only(["mcp.example.com"]).unwrap();
    let builder = builder.without_tls().with_allowed_hosts(hosts);
    let built = builder.with_protected_resource(resource).build();
    let findings = match &built {
        Ok(security) => security.warnings(),
        Err(error) => error.findings(),
    };
    findings.iter().map(|finding| format!("{} {}", finding.path(), finding.code())).collect()
}

#[test]
fn a_resource_that_clients_could_not_use_is_a_finding() {
    let issuer = Issuer::parse("https://login.example.com").unwrap();
    let good = resource().with_authorization_servers([issuer]);
    assert!(resource_findings(authenticated(), good.clone()).is_empty());
    assert_eq!(
        resource_findings(unauthenticated(), good.clone()),
        ["protected_resource resource_without_bearer"]
    );
    let keys = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Key);
    assert_eq!(
        resource_findings(keys, good.clone()),
        ["protected_resource resource_without_bearer"]
    );
    assert_eq!(
        resource_findings(authenticated(), resource()),
        ["protected_resource.authorization_servers no_authorization_server"]
    );
    let elsewhere = ProtectedResource::new(ResourceId::parse("https://a.example/mcp").unwrap());
    assert_eq!(
        resource_findings(authenticated(), elsewhere),
        [
            "protected_resource.resource resource_host_not_allowed",
            "protected_resource.authorization_servers no_authorization_server"
        ]
    );
    for name in ["", "a\r\nb", &"a".repeat(257)] {
        assert_eq!(
            resource_findings(authenticated(), good.clone().with_resource_name(name)),
            ["protected_resource.resource_name invalid_resource_name"]
        );
    }
    for link in [
        "",
        "/docs",
        "javascript:alert(1)",
        "http://a.example/",
        "https://a:b@a.example/",
        "https://a.example/?b",
    ] {
        assert_eq!(
            resource_findings(authenticated(), good.clone().with_resource_documentation(link)),
            ["protected_resource.resource_documentation invalid_resource_documentation"]
        );
    }
}

/// Only what a `Bearer` challenge can say, wherever it stands, and in the words of the configuration.
#[test]
fn rs1_bearer_challenges_lead_to_the_metadata() {
    let challenge = |resource, error| {
        SecurityConfig::server()
            .with_allowed_origins(AllowedOrigins::none())
            .with_authenticator(AnyOf::new(Key).or(OneToken::default()))
            .without_tls()
            .with_protected_resource(resource)
            .build()
            .unwrap()
            .challenge(&error)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    let place = "https://mcp.example.com/.well-known/oauth-protected-resource/mcp";
    assert_eq!(
        challenge(resource(), AuthnError::MissingCredentials).unwrap(),
        format!(r#"ApiKey realm="mcp", Bearer realm="mcp", resource_metadata="{place}""#)
    );
    // RS4: a name that would end the header is in the document, where it is escaped, and nowhere else.
    let scopes = ["a,b;c=d", "e"].map(|scope| Scope::parse(scope).unwrap());
    let scoped = resource().with_scopes_supported(scopes).with_resource_name("\", error=\"x");
    assert_eq!(
        challenge(scoped, AuthnError::InvalidCredentials).unwrap(),
        format!(
            r#"ApiKey realm="mcp", Bearer realm="mcp", error="invalid_token", scope="a,b;c=d e", resource_metadata="{place}""#
        )
    );
    assert_eq!(challenge(resource(), AuthnError::Unavailable), None);
}

#[test]
fn o8_the_document_has_what_is_known_and_no_more() {
    let document = |resource| {
        let security =
            authenticated().without_tls().with_protected_resource(resource).build().unwrap();
        let uri = "http://localhost/.well-known/oauth-protected-resource/mcp".parse().unwrap();
        let headers = HeaderMap::new();
        let input = GuardInput::new(&http::Method::GET, &uri, &headers);
        security.resource_metadata(&input).unwrap().unwrap().to_owned()
    };
    assert_eq!(
        document(resource()),
        r#"{"resource":"https://mcp.example.com/mcp","bearer_methods_supported":["header"]}"#
    );
    assert_eq!(
        document(resource().with_resource_name("a \"b\" \\ </script>")),
        r#"{"resource":"https://mcp.example.com/mcp","bearer_methods_supported":["header"],"resource_name":"a \"b\" \\ </script>"}"#
    );
}
