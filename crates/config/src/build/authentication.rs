//! How callers prove who they are.

use std::sync::Arc;

use palisade_auth::{Bearer, bearer::TokenEntry};
use palisade_security::{AnyOf, Authenticator, Backoff, Capability, Finding, Scope};

use super::{WithAuthn, WithOrigins, limits::duration};
use crate::{
    findings::Findings,
    raw::{RawAuthentication, RawBearerToken, RawDangerous, RawDuration, RawSecurityConfig},
    secret_ref::Fetcher,
};

/// What a way to authenticate needs of the transport.
pub(super) fn capability(authentication: &RawAuthentication) -> Capability {
    match authentication {
        RawAuthentication::Bearer { .. } => Capability::Bearer,
    }
}

/// Decides how callers prove who they are.
pub(super) fn decide(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    builder: WithOrigins,
    findings: &mut Findings,
) -> WithAuthn {
    let mut any: Option<AnyOf> = None;
    let mut kinds = Vec::new();
    for (index, authentication) in raw.authentication.iter().enumerate() {
        let path = format!("authentication[{index}]");
        let kind = kind(authentication);
        if kinds.contains(&kind) {
            let message = "two entries read the same credential, so none could tell which is meant";
            let fix = "put both into one entry";
            findings.error(format!("{path}.kind"), "duplicate_authentication", message, fix);
        }
        kinds.push(kind);
        let one = Part { path: &path, fetcher, dangerous: &raw.dangerous };
        let authenticator = one.build(authentication, findings);
        for finding in authenticator.findings() {
            findings.add(place(&path, finding));
        }
        any = Some(match any {
            None => AnyOf::new(authenticator),
            Some(any) => any.or(authenticator),
        });
    }
    let open = raw.dangerous.without_authentication;
    match (any, open) {
        (Some(_), true) => {
            let message =
                "it says that nobody needs credentials, but `authentication` asks for some";
            let fix = "remove one of the two";
            let path = "dangerous.without_authentication";
            findings.error(path, "contradictory_authentication", message, fix);
        }
        (None, false) => {
            let message = "how callers prove who they are is not decided";
            let fix = "add `[[authentication]]`, or on your own machine only set \
                       `dangerous.without_authentication`";
            findings.error("authentication", "authentication_required", message, fix);
        }
        (Some(authenticator), false) => return builder.with_authenticator(authenticator),
        (None, true) => {}
    }
    builder.dangerous().without_authentication()
}

/// What an entry reads: no two entries may read the same.
fn kind(authentication: &RawAuthentication) -> String {
    match authentication {
        RawAuthentication::Bearer { .. } => "bearer".to_owned(),
    }
}

/// How long whoever fails has to wait.
pub(super) fn backoff(raw: &RawSecurityConfig, findings: &mut Findings) -> Backoff {
    let disabled = raw.dangerous.without_backoff;
    let Some(raw) = &raw.backoff else {
        return if disabled { Backoff::dangerous().disabled() } else { Backoff::new() };
    };
    if disabled {
        let message = "it says that nobody has to wait, but `backoff` says for how long";
        let path = "dangerous.without_backoff";
        findings.error(path, "contradictory_backoff", message, "remove one of the two");
    }
    let mut backoff = Backoff::new();
    if let Some(count) = raw.free_failures {
        backoff = backoff.with_free_failures(count);
    }
    if let Some(count) = raw.max_addresses {
        backoff = backoff.with_max_addresses(count);
    }
    let mut time = |text: &Option<RawDuration>, path| {
        text.as_ref().and_then(|text| duration(text, path, findings))
    };
    if let Some(time) = time(&raw.first_delay, "backoff.first_delay") {
        backoff = backoff.with_first_delay(time);
    }
    if let Some(time) = time(&raw.max_delay, "backoff.max_delay") {
        backoff = backoff.with_max_delay(time);
    }
    if let Some(time) = time(&raw.forget_after, "backoff.forget_after") {
        backoff = backoff.with_forget_after(time);
    }
    backoff
}

/// Where in the file a finding of an authenticator belongs.
fn place(path: &str, finding: Finding) -> Finding {
    // What authenticators find about an entry of a list is about its secret.
    let place = match finding.path() {
        entry if entry.ends_with(']') => format!("{path}.{entry}.secret"),
        other => format!("{path}.{other}"),
    };
    Finding::new(place, finding.severity(), finding.code(), finding.message().to_owned())
        .with_fix(finding.fix().to_owned())
}

/// One way to authenticate.
struct Part<'a> {
    path: &'a str,
    fetcher: Fetcher<'a>,
    dangerous: &'a RawDangerous,
}

impl Part<'_> {
    fn build(
        &self,
        authentication: &RawAuthentication,
        findings: &mut Findings,
    ) -> Arc<dyn Authenticator> {
        match authentication {
            RawAuthentication::Bearer { tokens } => self.bearer(tokens, findings),
        }
    }

    fn bearer(&self, tokens: &[RawBearerToken], findings: &mut Findings) -> Arc<dyn Authenticator> {
        let mut entries = Vec::new();
        for (index, token) in tokens.iter().enumerate() {
            let path = format!("{}.tokens[{index}]", self.path);
            check_subject(&token.subject, &format!("{path}.subject"), findings);
            let secret = self.fetcher.fetch(&token.secret, &format!("{path}.secret"), findings);
            let scopes = scopes(&token.scopes, &format!("{path}.scopes"), findings);
            let mut entry = TokenEntry::new(token.subject.as_str(), secret).with_scopes(scopes);
            if let Some(time) = &token.expires_at {
                match time.parse() {
                    Some(time) => entry = entry.with_expires_at(time),
                    None => invalid_time(&format!("{path}.expires_at"), findings),
                }
            }
            entries.push(entry);
        }
        Arc::new(match self.dangerous.weak_tokens {
            true => Bearer::dangerous().weak_tokens(entries),
            false => Bearer::entries(entries),
        })
    }
}

/// The longest name of a caller: it is part of every audit record.
const MAX_SUBJECT: usize = 256;

fn check_subject(subject: &str, path: &str, findings: &mut Findings) {
    let printable = !subject.chars().any(char::is_control);
    if subject.trim().is_empty() || subject.len() > MAX_SUBJECT || !printable {
        let message = "the name is empty, longer than 256 bytes, or has control characters";
        findings.error(path, "invalid_subject", message, "write a name, such as `alice`");
    }
}

fn scopes(texts: &[String], path: &str, findings: &mut Findings) -> Vec<Scope> {
    let mut scopes = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        match Scope::parse(text) {
            Ok(scope) => scopes.push(scope),
            Err(error) => findings.error(
                format!("{path}[{index}]"),
                "invalid_scope",
                error.to_string(),
                "write printable ascii without blanks and quotes, such as `files:read`",
            ),
        }
    }
    scopes
}

pub(super) fn invalid_time(path: &str, findings: &mut Findings) {
    let message = "it is not a point in time after 1970";
    let fix = "write RFC 3339 in UTC, such as `2027-01-01T00:00:00Z`";
    findings.error(path, "invalid_time", message, fix);
}
