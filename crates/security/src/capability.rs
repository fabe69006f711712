//! The capability matrix: what each transport can do. A setting that a transport cannot honour is a finding,
//! never ignored.

use std::fmt;

use crate::config::{Finding, Severity};

/// A way for messages to travel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TransportKind {
    /// Streamable HTTP.
    #[default]
    StreamableHttp,
    /// Standard input and output of a process that the client starts.
    Stdio,
    /// The native cluster.
    Cluster,
}

impl TransportKind {
    /// All of them, in the order of the columns of [`MATRIX`].
    pub const ALL: [Self; 3] = [Self::StreamableHttp, Self::Stdio, Self::Cluster];

    /// The name in configurations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::StreamableHttp => "streamable_http",
            Self::Stdio => "stdio",
            Self::Cluster => "cluster",
        }
    }
}

impl fmt::Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that a configuration can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// Bearer tokens.
    Bearer,
    /// API keys.
    ApiKey,
    /// HTTP Basic.
    Basic,
    /// Credentials in headers of one's own.
    CustomHeaders,
    /// OAuth 2.1.
    OAuth,
    /// Challenges that name a realm.
    Challenges,
    /// Checks of `Origin`.
    OriginValidation,
    /// Checks of `Host`.
    HostValidation,
    /// Cross-origin resource sharing.
    Cors,
    /// Security headers on responses.
    SecurityHeaders,
    /// Forwarded headers of trusted proxies.
    TrustedProxies,
    /// An address to listen on.
    ListenAddress,
    /// The path of the endpoint.
    EndpointPath,
    /// Delays after failed authentication.
    Backoff,
    /// Encryption.
    Tls,
    /// Certificates of clients.
    MutualTls,
    /// Limits on what a peer may use.
    Limits,
    /// Limits on how often a peer may call.
    RateLimits,
    /// Rules over principals, tools, arguments and URIs.
    Policy,
    /// One record for each outcome.
    Audit,
    /// Isolation of the process that serves.
    ProcessIsolation,
}

impl Capability {
    /// The name in findings and in the printed matrix.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "bearer tokens",
            Self::ApiKey => "API keys",
            Self::Basic => "Basic",
            Self::CustomHeaders => "custom headers",
            Self::OAuth => "OAuth 2.1",
            Self::Challenges => "challenges",
            Self::OriginValidation => "origin validation",
            Self::HostValidation => "host validation",
            Self::Cors => "CORS",
            Self::SecurityHeaders => "security headers",
            Self::TrustedProxies => "trusted proxies",
            Self::ListenAddress => "listen address",
            Self::EndpointPath => "endpoint path",
            Self::Backoff => "back-off",
            Self::Tls => "TLS",
            Self::MutualTls => "mutual TLS",
            Self::Limits => "limits",
            Self::RateLimits => "rate limits",
            Self::Policy => "policy",
            Self::Audit => "audit",
            Self::ProcessIsolation => "process isolation",
        }
    }

    /// What `transport` makes of it.
    ///
    /// ```
    /// use palisade_security::capability::{Capability, Support, TransportKind};
    ///
    /// assert_eq!(Capability::Tls.on(TransportKind::StreamableHttp), Support::Yes);
    /// assert!(!Capability::Tls.on(TransportKind::Stdio).is_supported());
    /// ```
    #[must_use]
    pub fn on(self, transport: TransportKind) -> Support {
        let row = MATRIX.iter().find(|row| row.capability == self);
        let [http, stdio, cluster] =
            row.map_or([Support::No("it has no row"); 3], |row| row.support);
        match transport {
            TransportKind::StreamableHttp => http,
            TransportKind::Stdio => stdio,
            TransportKind::Cluster => cluster,
        }
    }

    /// What is wrong with asking `transport` for it in the field at `path`.
    #[must_use]
    pub fn finding(self, transport: TransportKind, path: &str) -> Option<Finding> {
        let Support::No(why) = self.on(transport) else { return None };
        let message = format!("{} cannot be had on {transport}: {why}", self.name());
        let fix =
            format!("remove `{path}`, or choose a transport that can: see `palisade capabilities`");
        let path = path.to_owned();
        Some(Finding::new(path, Severity::Error, "capability_not_supported", message).with_fix(fix))
    }
}

/// What a transport makes of a capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Support {
    /// It does it.
    Yes,
    /// It does it in the way that is said.
    As(&'static str),
    /// It does not, for the reason that is said.
    No(&'static str),
}

impl Support {
    /// Whether it can be configured.
    #[must_use]
    pub const fn is_supported(self) -> bool {
        !matches!(self, Self::No(_))
    }
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Yes => f.write_str("yes"),
            Self::As(how) => write!(f, "yes: {how}"),
            Self::No(why) => write!(f, "no: {why}"),
        }
    }
}

/// A row of the [`MATRIX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// What is asked for.
    pub capability: Capability,
    /// What each transport makes of it, in the order of [`TransportKind::ALL`].
    pub support: [Support; 3],
}

/// The capability matrix. The one place that says what a transport can do: validation reads it, and
/// `palisade capabilities` prints it.
pub const MATRIX: &[Row] = &[
    row(Capability::Bearer, Support::Yes, NO_HEADERS, PER_CALL),
    row(Capability::ApiKey, Support::Yes, NO_HEADERS, PER_CALL),
    row(
        Capability::Basic,
        Support::Yes,
        NO_HEADERS,
        Support::No("calls carry tokens, not headers"),
    ),
    row(
        Capability::CustomHeaders,
        Support::Yes,
        NO_HEADERS,
        Support::No("calls carry tokens, not headers"),
    ),
    row(
        Capability::OAuth,
        Support::Yes,
        Support::No("credentials come from the environment"),
        PER_CALL,
    ),
    row(
        Capability::Challenges,
        Support::Yes,
        NO_HEADERS,
        Support::No("calls carry tokens, not headers"),
    ),
    row(Capability::OriginValidation, Support::Yes, NO_BROWSER, NO_BROWSER),
    row(Capability::HostValidation, Support::Yes, NO_BROWSER, NO_BROWSER),
    row(Capability::Cors, Support::Yes, NO_BROWSER, NO_BROWSER),
    row(Capability::SecurityHeaders, Support::Yes, NO_BROWSER, NO_BROWSER),
    row(
        Capability::TrustedProxies,
        Support::Yes,
        Support::No("there is no proxy in a pipe"),
        Support::No("nodes talk to each other directly"),
    ),
    row(
        Capability::ListenAddress,
        Support::Yes,
        Support::No("the client starts the process"),
        Support::Yes,
    ),
    row(
        Capability::EndpointPath,
        Support::Yes,
        Support::No("a pipe has one end"),
        Support::No("services have names"),
    ),
    row(
        Capability::Backoff,
        Support::Yes,
        Support::No("nobody authenticates over a pipe"),
        PER_CALL,
    ),
    row(Capability::Tls, Support::Yes, NO_NETWORK, Support::As("node to node")),
    row(Capability::MutualTls, Support::Yes, NO_NETWORK, Support::As("node to node, always")),
    row(Capability::Limits, Support::Yes, Support::Yes, Support::Yes),
    row(Capability::RateLimits, Support::Yes, Support::Yes, Support::Yes),
    row(Capability::Policy, Support::Yes, Support::Yes, Support::Yes),
    row(Capability::Audit, Support::Yes, Support::Yes, Support::Yes),
    row(
        Capability::ProcessIsolation,
        Support::No("the server is not started by the client"),
        Support::Yes,
        Support::As("per service task"),
    ),
];

const NO_HEADERS: Support =
    Support::No("a pipe has no headers; the peer is the owner of the process");
const NO_BROWSER: Support = Support::No("no web page can reach it");
const NO_NETWORK: Support = Support::No("a pipe does not leave the machine");
const PER_CALL: Support = Support::As("a token per call, checked by the service");

const fn row(capability: Capability, http: Support, stdio: Support, cluster: Support) -> Row {
    Row { capability, support: [http, stdio, cluster] }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the requirements, as far as it goes: yes, no.
    #[test]
    fn the_matrix_is_what_was_promised() {
        let printed: String = MATRIX
            .iter()
            .map(|row| {
                let [http, stdio, cluster] = row.support.map(|support| match support {
                    Support::Yes => "yes",
                    Support::As(_) => "as",
                    Support::No(_) => "no",
                });
                format!("{}|{http}|{stdio}|{cluster}\n", row.capability.name())
            })
            .collect();
        println!("{printed}");
        assert_eq!(
            printed,
            "bearer tokens|yes|no|as\n\
             API keys|yes|no|as\n\
             Basic|yes|no|no\n\
             custom headers|yes|no|no\n\
             OAuth 2.1|yes|no|as\n\
             challenges|yes|no|no\n\
             origin validation|yes|no|no\n\
             host validation|yes|no|no\n\
             CORS|yes|no|no\n\
             security headers|yes|no|no\n\
             trusted proxies|yes|no|no\n\
             listen address|yes|no|yes\n\
             endpoint path|yes|no|no\n\
             back-off|yes|no|as\n\
             TLS|yes|no|as\n\
             mutual TLS|yes|no|as\n\
             limits|yes|yes|yes\n\
             rate limits|yes|yes|yes\n\
             policy|yes|yes|yes\n\
             audit|yes|yes|yes\n\
             process isolation|no|yes|as\n"
        );
    }

    #[test]
    fn every_capability_has_one_row() {
        for row in MATRIX {
            let same = MATRIX.iter().filter(|other| other.capability == row.capability);
            assert_eq!(same.count(), 1, "{:?}", row.capability);
            for (transport, support) in TransportKind::ALL.into_iter().zip(row.support) {
                assert_eq!(row.capability.on(transport), support);
                let finding = row.capability.finding(transport, "a.b");
                assert_eq!(finding.is_none(), support.is_supported());
                if let Some(finding) = finding {
                    assert_eq!(
                        (finding.path(), finding.code()),
                        ("a.b", "capability_not_supported")
                    );
                    assert!(finding.message().contains(transport.name()), "{finding}");
                }
            }
        }
    }
}
