//! How callers prove who they are.

use std::{num::NonZeroUsize, sync::Arc};

use palisade_auth::{
    ApiKey, Basic, Bearer, CustomHeaders, Mtls, SecretEntry,
    basic::{PasswordHash, UserEntry},
    custom::HeaderSet,
    mtls::CertificateEntry,
};
use palisade_security::{
    AllOf, AnyOf, Authenticator, Backoff, Capability, Finding, Scope, UnixMillis, tls::TrustDomain,
};

use super::{WithAuthn, WithOrigins, limits::duration};
use crate::{
    findings::Findings,
    raw::{
        RawAuthentication, RawCertificate, RawCertificateName, RawCombination, RawDuration,
        RawHeaderSet, RawSecret, RawSecurityConfig, RawTime, RawUser,
    },
    secret_ref::Fetcher,
};

/// What a way to authenticate needs of the transport.
pub(super) const fn capability(authentication: &RawAuthentication) -> Capability {
    match authentication {
        RawAuthentication::Bearer { .. } => Capability::Bearer,
        RawAuthentication::ApiKey { .. } => Capability::ApiKey,
        RawAuthentication::Basic { .. } => Capability::Basic,
        RawAuthentication::Custom { .. } => Capability::CustomHeaders,
        RawAuthentication::ClientCertificate { .. } => Capability::MutualTls,
    }
}

/// Decides how callers prove who they are.
pub(super) fn decide(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    builder: WithOrigins,
    findings: &mut Findings,
) -> WithAuthn {
    let authenticators = authenticators(raw, fetcher, findings);
    let open = raw.dangerous.without_authentication;
    let is_one = authenticators.len() == 1;
    if is_one && raw.authentication_combination != RawCombination::AnyOf {
        let message = "there is nothing to combine";
        let fix = "add another `[[authentication]]`, or remove it";
        findings.error("authentication_combination", "setting_without_effect", message, fix);
    }
    match (combine(authenticators, raw.authentication_combination), open) {
        (Some(_), true) => {
            let message =
                "it says that nobody needs credentials, but `authentication` asks for some";
            let path = "dangerous.without_authentication";
            findings.error(path, "contradictory_authentication", message, "remove one of the two");
        }
        (None, false) => {
            let message = "how callers prove who they are is not decided";
            let fix = "add `[[authentication]]`, or on your own machine only set \
                       `dangerous.without_authentication`";
            findings.error("authentication", "authentication_required", message, fix);
        }
        (Some(authenticator), false) => return builder.with_authenticator(authenticator),
        (None, true) => {
            if raw.authentication_combination != RawCombination::AnyOf {
                let message = "there is nothing to combine";
                let path = "authentication_combination";
                findings.error(path, "setting_without_effect", message, "remove it");
            }
        }
    }
    builder.dangerous().without_authentication()
}

fn authenticators(
    raw: &RawSecurityConfig,
    fetcher: Fetcher<'_>,
    findings: &mut Findings,
) -> Vec<Arc<dyn Authenticator>> {
    let mut all = Vec::new();
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
        let weak = raw.dangerous.weak_secrets;
        let authenticator = Part { path: &path, fetcher, weak }.build(authentication, findings);
        for finding in authenticator.findings() {
            findings.add(place(&path, finding));
        }
        all.push(authenticator);
    }
    all
}

fn combine(
    authenticators: Vec<Arc<dyn Authenticator>>,
    combination: RawCombination,
) -> Option<Arc<dyn Authenticator>> {
    let mut rest = authenticators.into_iter();
    let first = rest.next()?;
    if rest.len() == 0 {
        return Some(first);
    }
    let all = |first, rest: std::vec::IntoIter<_>| rest.fold(AllOf::new(first), AllOf::and);
    Some(match combination {
        RawCombination::AnyOf => Arc::new(rest.fold(AnyOf::new(first), AnyOf::or)),
        RawCombination::AllOf => Arc::new(all(first, rest)),
        RawCombination::AllOfSameSubject => Arc::new(all(first, rest).with_same_subject()),
    })
}

/// What an entry reads: no two entries may read the same.
fn kind(authentication: &RawAuthentication) -> String {
    match authentication {
        RawAuthentication::Bearer { .. } => "bearer".to_owned(),
        RawAuthentication::ApiKey { header, .. } => {
            let header = header.as_deref().unwrap_or("x-api-key");
            format!("header {}", header.to_ascii_lowercase())
        }
        RawAuthentication::Basic { .. } => "basic".to_owned(),
        RawAuthentication::Custom { .. } => "custom".to_owned(),
        RawAuthentication::ClientCertificate { .. } => "certificate".to_owned(),
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
    let own = finding.path();
    // They speak of entries; the file has fields.
    let field = match (finding.code(), own) {
        (_, own) if !own.ends_with(']') => "",
        ("never_valid", _) => ".expires_at",
        ("invalid_user_name" | "too_many_passwords", _) => ".name",
        (_, own) if own.starts_with("users") => ".password_hash",
        ("malformed_header_value", _) => ".value",
        (_, own) if own.contains("headers[") || own.starts_with("certificates") => ".name",
        (_, own) if own.starts_with("sets") => "",
        _ => ".secret",
    };
    let place = format!("{path}.{own}{field}");
    Finding::new(place, finding.severity(), finding.code(), finding.message().to_owned())
        .with_fix(finding.fix().to_owned())
}

/// One way to authenticate.
struct Part<'a> {
    path: &'a str,
    fetcher: Fetcher<'a>,
    /// Whether what can be guessed is tolerated.
    weak: bool,
}

impl Part<'_> {
    fn build(
        &self,
        authentication: &RawAuthentication,
        findings: &mut Findings,
    ) -> Arc<dyn Authenticator> {
        match authentication {
            RawAuthentication::Bearer { tokens } => {
                let tokens = self.secrets("tokens", tokens, findings);
                Arc::new(match self.weak {
                    true => Bearer::dangerous().weak_tokens(tokens),
                    false => Bearer::entries(tokens),
                })
            }
            RawAuthentication::ApiKey { header, keys } => {
                let keys = self.secrets("keys", keys, findings);
                let keys = match self.weak {
                    true => ApiKey::dangerous().weak_keys(keys),
                    false => ApiKey::entries(keys),
                };
                Arc::new(match header {
                    Some(header) => keys.with_header(header),
                    None => keys,
                })
            }
            RawAuthentication::Basic { users, max_at_once, max_waiting } => {
                let mut basic = self.basic(users, findings);
                if let Some(count) = max_at_once {
                    match NonZeroUsize::new(*count) {
                        Some(count) => basic = basic.with_max_at_once(count),
                        None => findings.error(
                            format!("{}.max_at_once", self.path),
                            "limit_is_zero",
                            "the limit is zero, so nothing would pass",
                            "set a positive value, or leave the default",
                        ),
                    }
                }
                Arc::new(match max_waiting {
                    Some(count) => basic.with_max_waiting(*count),
                    None => basic,
                })
            }
            RawAuthentication::Custom { sets } => {
                let sets = self.sets(sets, findings);
                Arc::new(match self.weak {
                    true => CustomHeaders::dangerous().weak_sets(sets),
                    false => CustomHeaders::sets(sets),
                })
            }
            RawAuthentication::ClientCertificate { name, trust_domains, certificates } => {
                Arc::new(self.certificates(*name, trust_domains, certificates.as_deref(), findings))
            }
        }
    }

    fn secrets(
        &self,
        list: &str,
        secrets: &[RawSecret],
        findings: &mut Findings,
    ) -> Vec<SecretEntry> {
        let mut entries = Vec::new();
        for (index, raw) in secrets.iter().enumerate() {
            let path = format!("{}.{list}[{index}]", self.path);
            check_subject(&raw.subject, &format!("{path}.subject"), findings);
            let secret = self.fetcher.fetch(&raw.secret, &format!("{path}.secret"), findings);
            let mut entry = SecretEntry::new(raw.subject.as_str(), secret).with_scopes(scopes(
                &raw.scopes,
                &format!("{path}.scopes"),
                findings,
            ));
            let (from, until) =
                times(raw.not_before.as_ref(), raw.expires_at.as_ref(), &path, findings);
            if let Some(time) = from {
                entry = entry.with_not_before(time);
            }
            if let Some(time) = until {
                entry = entry.with_expires_at(time);
            }
            entries.push(entry);
        }
        entries
    }

    fn basic(&self, users: &[RawUser], findings: &mut Findings) -> Basic {
        let mut entries = Vec::new();
        for (index, raw) in users.iter().enumerate() {
            let path = format!("{}.users[{index}]", self.path);
            let at = format!("{path}.password_hash");
            let text = self.fetcher.fetch(&raw.password_hash, &at, findings);
            let hash = match PasswordHash::parse(text.expose()) {
                Ok(hash) => hash,
                Err(error) => {
                    let fix = "make one with argon2id, version 19: at least 19 MiB and two passes";
                    findings.broken(&at, error.code(), error.to_string(), fix);
                    continue;
                }
            };
            let mut entry = UserEntry::new(raw.name.as_str(), hash).with_scopes(scopes(
                &raw.scopes,
                &format!("{path}.scopes"),
                findings,
            ));
            let (from, until) =
                times(raw.not_before.as_ref(), raw.expires_at.as_ref(), &path, findings);
            if let Some(time) = from {
                entry = entry.with_not_before(time);
            }
            if let Some(time) = until {
                entry = entry.with_expires_at(time);
            }
            entries.push(entry);
        }
        if entries.len() != users.len() {
            // Places in the list are not those of the file any more, and there is an error already.
            findings.mark_broken(&format!("{}.users", self.path));
        }
        match self.weak {
            true => Basic::dangerous().weak_passwords(entries),
            false => Basic::users(entries),
        }
    }

    fn sets(&self, sets: &[RawHeaderSet], findings: &mut Findings) -> Vec<HeaderSet> {
        let mut entries = Vec::new();
        for (index, raw) in sets.iter().enumerate() {
            let path = format!("{}.sets[{index}]", self.path);
            check_subject(&raw.subject, &format!("{path}.subject"), findings);
            let mut headers = Vec::new();
            for (at, header) in raw.headers.iter().enumerate() {
                let at = format!("{path}.headers[{at}].value");
                headers
                    .push((header.name.as_str(), self.fetcher.fetch(&header.value, &at, findings)));
            }
            let mut entry = HeaderSet::new(raw.subject.as_str(), headers).with_scopes(scopes(
                &raw.scopes,
                &format!("{path}.scopes"),
                findings,
            ));
            let (from, until) =
                times(raw.not_before.as_ref(), raw.expires_at.as_ref(), &path, findings);
            if let Some(time) = from {
                entry = entry.with_not_before(time);
            }
            if let Some(time) = until {
                entry = entry.with_expires_at(time);
            }
            entries.push(entry);
        }
        entries
    }

    fn certificates(
        &self,
        name: RawCertificateName,
        trust_domains: &[String],
        certificates: Option<&[RawCertificate]>,
        findings: &mut Findings,
    ) -> Mtls {
        let path = format!("{}.trust_domains", self.path);
        if name != RawCertificateName::Spiffe && !trust_domains.is_empty() {
            let message = "trust domains are for SPIFFE IDs only";
            let fix = "set `name = \"spiffe\"`, or remove them";
            findings.error(path.as_str(), "setting_without_effect", message, fix);
        }
        let mtls = match name {
            RawCertificateName::Dns => Mtls::dns_name(),
            RawCertificateName::Uri => Mtls::uri(),
            RawCertificateName::Email => Mtls::email(),
            RawCertificateName::Spiffe => {
                let mut domains = Vec::new();
                for (index, text) in trust_domains.iter().enumerate() {
                    match text.parse::<TrustDomain>() {
                        Ok(domain) => domains.push(domain),
                        Err(error) => findings.broken(
                            &format!("{path}[{index}]"),
                            error.code(),
                            error.to_string(),
                            "write a trust domain, such as `example.org`",
                        ),
                    }
                }
                if domains.len() != trust_domains.len() {
                    findings.mark_broken(&path);
                }
                Mtls::spiffe(domains)
            }
        };
        let Some(certificates) = certificates else { return mtls };
        let mut entries = Vec::new();
        for (index, raw) in certificates.iter().enumerate() {
            let path = format!("{}.certificates[{index}].scopes", self.path);
            let scopes = scopes(&raw.scopes, &path, findings);
            entries.push(CertificateEntry::new(raw.name.as_str()).with_scopes(scopes));
        }
        mtls.only(entries)
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

pub(super) fn scopes(texts: &[String], path: &str, findings: &mut Findings) -> Vec<Scope> {
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

/// From when and until when a secret is valid.
fn times(
    from: Option<&RawTime>,
    until: Option<&RawTime>,
    path: &str,
    findings: &mut Findings,
) -> (Option<UnixMillis>, Option<UnixMillis>) {
    let mut time = |text: Option<&RawTime>, key: &str| {
        let text = text?;
        let time = text.parse();
        if time.is_none() {
            let message = "it is not a point in time after 1970";
            let fix = "write RFC 3339 in UTC, such as `2027-01-01T00:00:00Z`";
            findings.error(format!("{path}.{key}"), "invalid_time", message, fix);
        }
        time
    };
    (time(from, "not_before"), time(until, "expires_at"))
}
