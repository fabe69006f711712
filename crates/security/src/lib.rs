//! Security decisions of the palisade MCP stack.
//!
//! Every decision here is a pure function of its inputs and of a [`Clock`]: no sockets, no runtime, no
//! system clock outside [`clock::SystemClock`]. Transports take these decisions as values and make none of
//! their own, so an HTTP listener, a mounted tower service and a test reach the same verdict.
//!
//! Start with [`SecurityConfig::server`]: it asks for the decisions that must be made (which origins, which
//! authentication, which TLS) and yields a [`ServerSecurity`]. A request then passes [`guard::check`],
//! [`ServerSecurity::authenticate`] and [`authorize`]; each refusal is a [`RejectError`], and an
//! [`AuditSink`] gets one record whatever the outcome.
//!
//! # Features
//!
//! `aws-lc-rs` (default) or `ring` choose the cryptography; with neither, everything compiles and whatever
//! needs a key refuses to be built. `tls` adds [`tls`], `webpki-roots` Mozilla's authorities for its clients.

pub mod audit;
pub mod authn;
mod authority;
pub mod capability;
pub mod clock;
pub mod config;
pub mod cors;
mod crypto;
pub mod digest;
pub mod endpoint;
pub mod guard;
pub mod host;
pub mod launch;
pub mod limits;
mod link;
pub mod origin;
pub mod policy;
pub mod principal;
pub mod protected_resource;
pub mod provider;
pub mod proxy;
pub mod rate;
pub mod reject;
pub mod response_headers;
pub mod seal;
pub mod secret;
#[cfg(feature = "tls")]
pub mod tls;

pub use audit::{
    AuditEntry, AuditError, AuditRecord, AuditSink, CorrelationId, CorrelationIds, FailMode,
    FanOut, JsonLinesAudit, MemoryAudit, Outcome, TracingAudit,
};
pub use authn::{
    AddressBlock, AllOf, AnyOf, Authenticator, AuthnConfigError, AuthnError, Backoff, Challenge,
    CredentialHeader, CredentialHeaderError, CredentialId, Credentials, PeerInfo,
};
pub use capability::{Capability, Support, TransportKind};
pub use clock::{Clock, ManualClock, Moment, SystemClock, UnixMillis};
pub use config::{
    ClientLimits, ClientSecurity, Finding, SecurityConfig, SecurityConfigError, ServerSecurity,
    Severity,
};
pub use cors::{Cors, Preflight};
pub use endpoint::{EndpointPath, EndpointPathError};
pub use guard::GuardInput;
pub use host::{AllowedHosts, HostError};
pub use launch::{ProcessLimits, Restart, ServerCommand};
pub use limits::{Limits, SessionLimits, TaskLimits};
pub use origin::{AllowedOrigins, Origin, OriginError};
pub use policy::{
    AccessRequest, AllowAuthenticated, AllowedDir, ArgumentRule, ArgumentRuleError, Authorized,
    Decision, DenyReason, Effect, Explanation, Policy, PolicyError, Purpose, RawPolicy, Role, Rule,
    RulePolicy, Target, UriRule, UriRuleError, authorize, explain, is_listed,
};
pub use principal::{Principal, Scope, ScopeError};
pub use protected_resource::{Issuer, ProtectedResource, ResourceId, ResourceUrlError};
pub use provider::{CredentialError, CredentialProvider, NoCredentials, build_auth_headers};
pub use proxy::{Network, NetworkError, TrustedProxies};
pub use rate::{Rate, RateLimits};
pub use reject::RejectError;
pub use response_headers::{ResponseHeaders, SecurityHeaders, build_security_headers};
pub use seal::{SealError, SealKeyError, SealPurpose, Sealer};
pub use secret::{Secret, Weakness};
#[cfg(feature = "tls")]
pub use tls::{
    ClientCertificates, ClientTls, PeerCertificate, PemSource, Roots, ServerTls, SpkiPin,
    TlsConfigError, TlsVersions,
};
