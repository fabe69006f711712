//! Why does it not work, and what comes next? Examines a live server from outside, or a configuration, and
//! explains the four ways to fail: refused connections, TLS, authentication, origins. Redacted: no credential
//! and no text of a response shows.

mod connect;
mod exchange;
mod judge;
mod next;

use std::{fmt, sync::Arc, time::Duration};

use http::HeaderMap;
use palisade_security::{
    ClientTls, Clock, CredentialProvider, Finding, Origin, SystemClock, TlsConfigError,
};

pub use next::NextStep;

use self::{
    connect::{Encryption, Failure},
    exchange::{Probe, Response},
};
use crate::{build::endpoint, client::ClientConfig, findings::Findings, raw::date};

/// A page from nowhere: the name is reserved, so no server lists it.
const FOREIGN: &str = "doctor.invalid";

/// One of the four ways to fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureClass {
    /// Nothing answers, or what answers is no MCP server.
    Connection,
    /// The connection cannot be encrypted, or not with whom it should be.
    Tls,
    /// Credentials are missing or refused.
    Authentication,
    /// The page or the name of the server is refused, or should be.
    Origin,
}

impl FailureClass {
    /// The class of a finding of a [`Doctor`], by its path.
    #[must_use]
    pub fn of(finding: &Finding) -> Option<Self> {
        let section = finding.path().split(['.', '[']).next().unwrap_or_default();
        Some(match section {
            "connection" | "url" | "listen" => Self::Connection,
            "tls" => Self::Tls,
            "authentication" | "credentials" => Self::Authentication,
            "origin" | "origins" | "host" | "hosts" | "cors" => Self::Origin,
            _ => return None,
        })
    }

    /// The name of the class.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Authentication => "authentication",
            Self::Origin => "origin",
        }
    }
}

/// What was found about a server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Diagnosis {
    /// What was examined: scheme, host, port and path.
    pub target: String,
    /// What was seen, in order, without judgement: a name and a value.
    pub facts: Vec<(&'static str, String)>,
    /// What is wrong, or deserves a look; paths name the [`FailureClass`].
    pub findings: Vec<Finding>,
    /// What to do next for better security, if anything can be seen.
    pub next: Option<NextStep>,
}

impl Diagnosis {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.iter().any(Finding::is_error)
    }
}

/// Examines a live server: connects, shakes hands, and asks `server/discover` without credentials, with them,
/// for a foreign page and for a foreign host.
///
/// Credentials go to the server's own origin only, over TLS or within this machine, and not with the foreign
/// host: a proxy could take it to somebody else.
///
/// # Examples
///
/// ```no_run
/// use palisade_config::doctor::Doctor;
///
/// # async fn example() -> Result<(), palisade_security::Finding> {
/// let diagnosis = Doctor::new("https://mcp.example.com/mcp")?.examine().await;
/// for finding in &diagnosis.findings {
///     println!("{finding}");
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Doctor {
    origin: Origin,
    path: String,
    tls: Option<ClientTls>,
    credentials: Option<Arc<dyn CredentialProvider>>,
    page: Option<Origin>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl Doctor {
    /// Starts with the URL of the MCP endpoint.
    ///
    /// # Errors
    ///
    /// A finding, if it is none.
    pub fn new(url: &str) -> Result<Self, Finding> {
        let mut findings = Findings::default();
        let found = endpoint(url, &mut findings);
        let Some((origin, path)) = found else {
            let invalid = findings.into_list().into_iter().next();
            return Err(invalid.unwrap_or_else(|| judge::connection("invalid_url", "no url", "")));
        };
        Ok(Self {
            origin,
            path,
            tls: None,
            credentials: None,
            page: None,
            timeout: Duration::from_secs(10),
            clock: Arc::new(SystemClock::new()),
        })
    }

    /// Starts with the configuration of a client: its server, credentials and trust.
    ///
    /// # Errors
    ///
    /// A finding, if its URL is none.
    pub fn of_client(config: &ClientConfig) -> Result<Self, Finding> {
        let mut doctor = Self::new(config.url())?;
        doctor.tls = config.security().tls().cloned();
        doctor.credentials = config.security().credentials().cloned();
        doctor.timeout = config.security().limits().connect_timeout();
        Ok(doctor)
    }

    /// Sets whom to trust. Default: whom the operating system trusts.
    pub fn with_tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets the credentials to try.
    pub fn with_credentials(mut self, credentials: impl CredentialProvider + 'static) -> Self {
        self.credentials = Some(Arc::new(credentials));
        self
    }

    /// Sets the web page that should be able to talk to the server.
    pub fn with_page(mut self, page: Origin) -> Self {
        self.page = Some(page);
        self
    }

    /// Sets the time for each connection, and for each answer. Default: 10 seconds.
    pub const fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the clock that certificates are judged by. Default: the system's.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where credentials may be sent.
    #[must_use]
    pub const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Examines the server. Makes at most five connections.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    pub async fn examine(&self) -> Diagnosis {
        let mut examination = Examination::new(self);
        examination.run().await;
        let Examination { facts, findings, next, .. } = examination;
        Diagnosis {
            target: format!("{}{}", self.origin, self.path.split('?').next().unwrap_or_default()),
            facts,
            findings,
            next,
        }
    }
}

/// An examination under way.
struct Examination<'a> {
    doctor: &'a Doctor,
    encryption: Option<Encryption>,
    facts: Vec<(&'static str, String)>,
    findings: Vec<Finding>,
    next: Option<NextStep>,
}

impl<'a> Examination<'a> {
    fn new(doctor: &'a Doctor) -> Self {
        Self { doctor, encryption: None, facts: Vec::new(), findings: Vec::new(), next: None }
    }

    async fn run(&mut self) {
        if self.doctor.origin.is_https() {
            match Encryption::new(self.doctor.tls.as_ref(), &self.doctor.origin) {
                Ok(encryption) => self.encryption = Some(encryption),
                Err(error) => return self.no_trust(&error),
            }
        }
        let Some(plain) = self.ask("without credentials", Probe::new()).await else { return };
        let open = plain.is_success();
        let mut answers = vec![plain];
        let mut credentials = HeaderMap::new();
        if let Some(provider) = self.doctor.credentials.clone() {
            match provider.apply(&self.doctor.origin, &mut credentials).await {
                Err(error) => self.findings.push(judge::not_sent(&error)),
                Ok(()) => {
                    let probe = Probe::new().with_headers(&credentials);
                    let Some(answer) = self.ask("with credentials", probe).await else { return };
                    answers.push(answer);
                }
            }
        }
        let Some(own) = answers.last() else { return };
        self.findings.extend(judge::own(own, credentials.is_empty()));
        let own = own.clone();
        if own.is_about_host() {
            // Every further answer would be this one.
            return;
        }
        self.foreign(&own, &credentials).await;
        self.page(&credentials).await;
        if open {
            self.findings.push(judge::open(self.doctor.origin.is_loopback()));
        }
        if !self.doctor.origin.is_https() {
            self.findings.extend(judge::plain_http(&self.doctor.origin));
        }
        self.next = Some(next::of_server(&self.doctor.origin, &self.findings));
    }

    /// Is a page from elsewhere refused, and a name that is not the server's?
    async fn foreign(&mut self, own: &Response, credentials: &HeaderMap) {
        let page = format!("https://{FOREIGN}");
        let probe = Probe::new().with_headers(credentials).with_origin(&page);
        if let Some(answer) = self.ask("from a foreign page", probe).await {
            self.findings.extend(judge::foreign_page(own, &answer));
        }
        let probe = Probe::new().with_host(FOREIGN);
        if let Some(answer) = self.ask("for a foreign host", probe).await {
            self.findings.extend(judge::foreign_host(&answer));
        }
    }

    /// Does the page that should pass do so?
    async fn page(&mut self, credentials: &HeaderMap) {
        let Some(page) = &self.doctor.page else { return };
        let probe = Probe::new().with_headers(credentials).with_origin(&page.to_string());
        if let Some(answer) = self.ask("from the page", probe).await {
            self.findings.extend(judge::page(&answer, page));
        }
    }

    /// Asks once, on a connection of its own. None if there was no answer, which is found then.
    async fn ask(&mut self, what: &'static str, probe: Probe<'_>) -> Option<Response> {
        let doctor = self.doctor;
        let asked = async {
            let mut connection =
                connect::connect(&doctor.origin, self.encryption.as_ref(), doctor.timeout).await?;
            let response =
                exchange::exchange(&mut connection, &doctor.origin, &doctor.path, &probe);
            let response = tokio::time::timeout(doctor.timeout, response)
                .await
                .unwrap_or(Err(Failure::NoAnswer))?;
            Ok((response, connection.seen()))
        };
        match asked.await {
            Ok((response, seen)) => {
                if self.facts.is_empty() {
                    self.facts.push(("address", seen.address));
                    if let Some(tls) = seen.tls {
                        self.facts.push(("tls", tls.version));
                        self.facts.push(("certificate names", tls.names.join(", ")));
                        self.facts
                            .push(("certificate ends", tls.ends.map(date).unwrap_or_default()));
                        self.findings.extend(
                            tls.ends.and_then(|end| judge::expiry(end, doctor.clock.now())),
                        );
                    }
                }
                self.facts.push((what, response.to_string()));
                Some(response)
            }
            Err(failure) => {
                self.facts.push((what, "no answer".to_owned()));
                let finding = judge::failure(&failure, &doctor.origin);
                if !self.findings.contains(&finding) {
                    self.findings.push(finding);
                }
                None
            }
        }
    }

    fn no_trust(&mut self, error: &TlsConfigError) {
        let message = error.to_string();
        self.findings.push(
            Finding::new("tls", palisade_security::Severity::Error, error.code(), message)
                .with_fix("name a readable pem file with the authorities to trust"),
        );
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
