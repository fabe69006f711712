//! The next step of hardening: first authentication, then TLS, then origins, then the rest.

use palisade_security::{Finding, Origin};

use crate::raw::{RawAudit, RawSecurityConfig};

/// What to do next for better security.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextStep {
    /// The stable name of the step.
    pub code: &'static str,
    /// What to do, and why.
    pub text: &'static str,
}

const fn step(code: &'static str, text: &'static str) -> NextStep {
    NextStep { code, text }
}

const AUTHENTICATION: NextStep = step(
    "add_authentication",
    "add `[[authentication]]`: without it everyone who reaches the server may call every tool",
);
const TLS: NextStep = step(
    "add_tls",
    "add `[tls]`: it is needed before the server can be reached from other machines, and keeps other \
     programs on the way from reading credentials",
);
const ORIGINS: NextStep = step(
    "restrict_origins",
    "list the pages that may talk to the server in `origins.allowed`, and no others",
);
const HOSTS: NextStep =
    step("restrict_hosts", "list the names of the server in `hosts.allowed`, and no others");

/// The next step for a live server.
pub(super) fn of_server(origin: &Origin, findings: &[Finding]) -> NextStep {
    let found = |code: &str| findings.iter().any(|finding| finding.code() == code);
    if found("unauthenticated") {
        AUTHENTICATION
    } else if !origin.is_https() {
        TLS
    } else if found("foreign_origin_accepted") {
        ORIGINS
    } else if found("foreign_host_accepted") {
        HOSTS
    } else {
        step(
            "check_file",
            "nothing more can be seen from outside: ask `palisade doctor` about the server's file",
        )
    }
}

impl NextStep {
    /// The next step for a server with this configuration; none if it has taken all that there are.
    #[must_use]
    pub fn of_config(raw: &RawSecurityConfig) -> Option<Self> {
        let steps = [
            (raw.authentication.is_empty(), AUTHENTICATION),
            (raw.tls.is_none() && !raw.dangerous.plain_http_behind_proxy, TLS),
            (raw.origins.as_ref().is_none_or(|origins| origins.loopback), ORIGINS),
            (
                raw.dangerous.allow_inline_secrets,
                step(
                    "move_secrets",
                    "move secrets out of the file: `env:NAME` or `file:PATH`, and make them anew, as \
                     copies of the file may be anywhere",
                ),
            ),
            (
                raw.dangerous.weak_secrets,
                step(
                    "strengthen_secrets",
                    "replace weak secrets: `openssl rand -hex 32` makes good ones",
                ),
            ),
            (
                raw.policy.is_none(),
                step(
                    "add_policy",
                    "add `[policy]`: without rules everyone who authenticated may call every tool",
                ),
            ),
            (
                !raw.audit.iter().any(|audit| matches!(audit, RawAudit::File { .. })),
                step(
                    "add_audit_file",
                    "add `[[audit]]` of kind `file`: a chained log shows what happened, and whether it was \
                     changed",
                ),
            ),
            (
                raw.rate_limits.is_none(),
                step(
                    "add_rate_limits",
                    "add `[rate_limits]`: one caller could take the time of all",
                ),
            ),
            (
                raw.sealing.is_none(),
                step(
                    "share_sealing_keys",
                    "add `[sealing]` with keys that replicas share, so that what clients carry outlives \
                     a restart",
                ),
            ),
        ];
        steps.into_iter().find(|(wanted, _)| *wanted).map(|(_, step)| step)
    }
}
