//! [`ServerTls`]: how a server encrypts, and whose certificates it asks for.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use rustls::{
    ServerConfig,
    client::verify_server_name,
    pki_types::ServerName,
    server::{NoServerSessionStorage, ParsedCertificate, danger::ClientCertVerifier},
    sign::SingleCertAndKey,
};

use super::{
    ALPN, TlsVersions,
    certificate::PeerCertificate,
    client_certificates::ClientCertificates,
    error::{Findings, TlsConfigError, field},
    live::{Live, Loaded, Reload},
    load::{ClockTime, Inputs, Own, OwnFields, check_crl_dates, unix_time},
    source::PemSource,
};
use crate::{
    clock::{Clock, SystemClock, UnixMillis},
    config::Finding,
};

/// How a server encrypts: certificate chain and key, TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1, no early data
/// (it can be replayed). Cheap to clone; clones share one configuration, also after a reload.
///
/// # Examples
///
/// ```no_run
/// use palisade_security::tls::{ClientCertificates, PemSource, ServerTls, TlsVersions};
///
/// let tls = ServerTls::builder(PemSource::file("server.pem"), PemSource::file("server.key"))
///     .with_versions(TlsVersions::V1_3Only)
///     .with_client_certificates(ClientCertificates::required(PemSource::file("clients-ca.pem")))
///     .build()?;
/// # Ok::<(), palisade_security::TlsConfigError>(())
/// ```
#[derive(Clone)]
pub struct ServerTls(Arc<Shared>);

struct Shared {
    settings: Settings,
    live: Live<Current>,
}

#[derive(Debug)]
struct Settings {
    certificates: PemSource,
    key: PemSource,
    versions: TlsVersions,
    clients: Option<ClientCertificates>,
    reload_interval: Duration,
    clock: Arc<dyn Clock>,
}

/// What is in force.
struct Current {
    config: Arc<ServerConfig>,
    own: Own,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    crls_expire_at: Option<UnixMillis>,
    warnings: Vec<Finding>,
    digest: [u8; 32],
}

impl Loaded for Current {
    fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

const FIELDS: OwnFields = OwnFields { certificates: field::CERTIFICATES, key: field::KEY };

impl ServerTls {
    /// Starts with a certificate chain (the server's own first) and its key.
    pub fn builder(certificates: PemSource, key: PemSource) -> ServerTlsBuilder {
        ServerTlsBuilder {
            settings: Settings {
                certificates,
                key,
                versions: TlsVersions::default(),
                clients: None,
                reload_interval: Duration::from_secs(60),
                clock: Arc::new(SystemClock::new()),
            },
        }
    }

    /// Reads a certificate chain (the server's own first) and its key from PEM files.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], which names the file and the fix.
    pub fn from_pem_files(
        certificates: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Result<Self, TlsConfigError> {
        Self::builder(PemSource::file(certificates), PemSource::file(key)).build()
    }

    /// Takes a certificate chain (the server's own first) and its key as PEM text.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], which names the field and the fix.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsConfigError> {
        Self::builder(PemSource::text(certificates), PemSource::text(key)).build()
    }

    /// The configuration for rustls that is in force now. Ask for every connection: it may be replaced.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.live.current().config)
    }

    /// Reads certificates, key, authorities and revocation lists again, and puts them in force together.
    /// Open connections go on; whether a client's certificate is still good is asked of
    /// [`Self::still_trusts`].
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] with all findings. What was in force stays so.
    pub fn reload(&self) -> Result<Reload, TlsConfigError> {
        let outcome = self.0.live.reload(|| self.0.settings.load())?;
        if outcome == Reload::Replaced {
            self.announce();
            for warning in self.findings() {
                tracing::warn!(
                    code = warning.code(),
                    path = warning.path(),
                    "{}",
                    warning.message()
                );
            }
        }
        Ok(outcome)
    }

    /// How often transports should [`reload`](Self::reload); none if there is no file to read again.
    #[must_use]
    pub fn reload_interval(&self) -> Option<Duration> {
        let settings = &self.0.settings;
        let clients = settings.clients.iter().flat_map(ClientCertificates::sources);
        let mut sources = [&settings.certificates, &settings.key].into_iter().chain(clients);
        sources.any(|source| source.path().is_some()).then_some(settings.reload_interval)
    }

    /// Counts the reloads that replaced something.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.live.generation()
    }

    /// When the first certificate of the chain ends: a value to alert on.
    #[must_use]
    pub fn expires_at(&self) -> UnixMillis {
        self.0.live.current().own.expires_at()
    }

    /// When the first revocation list must have been replaced; from then on its certificates are refused.
    #[must_use]
    pub fn crls_expire_at(&self) -> Option<UnixMillis> {
        self.0.live.current().crls_expire_at
    }

    /// What is wrong, or deserves a look, as of now.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let (current, now) = (self.0.live.current(), self.0.settings.clock.now());
        let mut findings = Findings(current.warnings.clone());
        current.own.check_dates(field::CERTIFICATES, now, &mut findings);
        check_crl_dates(field::CLIENT_CRLS, current.crls_expire_at, now, &mut findings);
        findings.0
    }

    /// Whether clients are asked for certificates.
    #[must_use]
    pub fn asks_for_client_certificates(&self) -> bool {
        self.0.settings.clients.is_some()
    }

    /// Whether the certificate of an open connection would be let in now: it has not expired, and neither
    /// new authorities nor new revocation lists exclude it.
    #[must_use]
    pub fn still_trusts(&self, certificate: &PeerCertificate) -> bool {
        let Some((leaf, intermediates)) = certificate.chain().split_first() else { return false };
        let now = unix_time(self.0.settings.clock.now());
        self.0
            .live
            .current()
            .verifier
            .as_ref()
            .is_some_and(|verifier| verifier.verify_client_cert(leaf, intermediates, now).is_ok())
    }

    /// Whether the server's certificate is valid for a name or address.
    #[must_use]
    pub fn covers(&self, host: &str) -> bool {
        let current = self.0.live.current();
        let Ok(leaf) = current.own.certified.end_entity_cert() else { return false };
        let (Ok(leaf), Ok(name)) = (ParsedCertificate::try_from(leaf), ServerName::try_from(host))
        else {
            return false;
        };
        verify_server_name(&leaf, &name).is_ok()
    }

    /// For people and for metrics: when what is in force ends.
    fn announce(&self) {
        tracing::info!(
            target: "palisade::tls",
            generation = self.generation(),
            expires_at = self.expires_at().as_millis(),
            crls_expire_at = self.crls_expire_at().map(UnixMillis::as_millis),
            "server certificate in force"
        );
    }
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls")
            .field("chain", &self.0.live.current().own.chain.len())
            .field("certificates", &self.0.settings.certificates)
            .field("key", &self.0.settings.key)
            .field("versions", &self.0.settings.versions)
            .field("reload_interval", &self.0.settings.reload_interval)
            .field("client_certificates", &self.0.settings.clients)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`ServerTls`].
#[derive(Debug)]
#[must_use]
pub struct ServerTlsBuilder {
    settings: Settings,
}

impl ServerTlsBuilder {
    /// Sets the versions of TLS. Default: 1.2 and 1.3.
    pub fn with_versions(mut self, versions: TlsVersions) -> Self {
        self.settings.versions = versions;
        self
    }

    /// Asks clients for certificates. Default: no. Sessions are not resumed then: a resumed one would skip
    /// the check of the certificate.
    pub fn with_client_certificates(mut self, clients: ClientCertificates) -> Self {
        self.settings.clients = Some(clients);
        self
    }

    /// Sets how often files are read again. Default: 60 seconds; at least one second.
    pub fn with_reload_interval(mut self, reload_interval: Duration) -> Self {
        self.settings.reload_interval = reload_interval;
        self
    }

    /// Sets the clock that certificates are checked by. Default: the system's.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Reads everything, and checks it.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] with all findings, if one is an error: a file that cannot be read, a key that does
    /// not fit, a certificate out of its dates, a weak key, a stale revocation list.
    pub fn build(self) -> Result<ServerTls, TlsConfigError> {
        let first = self.settings.load()?;
        let tls = ServerTls(Arc::new(Shared { settings: self.settings, live: Live::new(first) }));
        tls.announce();
        Ok(tls)
    }
}

impl Settings {
    fn load(&self) -> Result<Current, TlsConfigError> {
        let (mut inputs, now) = (Inputs::default(), self.clock.now());
        if self.reload_interval < Duration::from_secs(1) {
            inputs.findings.error(
                field::RELOAD_INTERVAL,
                "tls_reload_interval_too_short",
                "files would be read more than once a second",
                "use at least one second",
            );
        }
        let provider = inputs.provider();
        let own =
            Own::load(&FIELDS, &self.certificates, &self.key, provider.as_deref(), &mut inputs);
        let clients = self.clients.as_ref();
        let demanded =
            clients.and_then(|clients| clients.load(provider.as_ref(), now, &mut inputs));
        if let Some(own) = &own
            && own.chain.first().is_some_and(|leaf| leaf.names.is_empty())
        {
            inputs.findings.error(
                field::CERTIFICATES,
                "tls_certificate_without_names",
                "the server's certificate has no subject alternative name: no client can accept it",
                "issue it again with the server's dns names",
            );
        }
        let warnings = inputs.findings.0.clone();
        if let Some(own) = &own {
            own.check_dates(field::CERTIFICATES, now, &mut inputs.findings);
        }
        // Never without the verifier that was asked for, whether or not there is a finding.
        let complete = !inputs.findings.has_error() && clients.is_some() == demanded.is_some();
        let (Some(provider), Some(own), true) = (provider, own, complete) else {
            return Err(inputs.fail());
        };
        let time = Arc::new(ClockTime(Arc::clone(&self.clock)));
        let Ok(builder) = ServerConfig::builder_with_details(provider, time)
            .with_protocol_versions(self.versions.as_rustls())
        else {
            return Err(inputs.fail());
        };
        let (verifier, crls_expire_at) = demanded.unzip();
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(Arc::clone(verifier)),
            None => builder.with_no_client_auth(),
        };
        let certificate = SingleCertAndKey::from(Arc::clone(&own.certified));
        let mut config = builder.with_cert_resolver(Arc::new(certificate));
        config.alpn_protocols = ALPN.map(Vec::from).into();
        config.max_early_data_size = 0;
        if verifier.is_some() {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Current {
            config: Arc::new(config),
            own,
            verifier,
            crls_expire_at: crls_expire_at.flatten(),
            warnings,
            digest: inputs.digest(),
        })
    }
}
