//! [`ClientTls`]: which servers a client trusts, and how it shows who it is.

use std::{fmt, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, WebPkiServerVerifier},
    crypto::CryptoProvider,
    sign::SingleCertAndKey,
};

use super::{
    ALPN, TlsVersions,
    error::{Findings, TlsConfigError, field},
    live::{Live, Loaded, Reload},
    load::{ClockTime, DemandFields, Demands, Inputs, Own, OwnFields, check_crl_dates},
    pin::SpkiPin,
    source::PemSource,
    verify::{Checks, ServerVerifier},
};
use crate::{
    clock::{Clock, SystemClock, UnixMillis},
    config::Finding,
};

/// Which authorities a client trusts.
#[derive(Clone, Debug)]
pub struct Roots(Trusted);

#[derive(Clone, Debug)]
enum Trusted {
    System,
    #[cfg(feature = "webpki-roots")]
    Webpki,
    Only(PemSource),
}

impl Roots {
    /// Those that the operating system trusts.
    #[must_use]
    pub const fn system() -> Self {
        Self(Trusted::System)
    }

    /// Those that Mozilla trusts, compiled in: for machines without a store of their own. They are as old
    /// as the build.
    #[cfg(feature = "webpki-roots")]
    #[must_use]
    pub const fn webpki() -> Self {
        Self(Trusted::Webpki)
    }

    /// These and no others.
    #[must_use]
    pub const fn only(authorities: PemSource) -> Self {
        Self(Trusted::Only(authorities))
    }

    fn load(&self, inputs: &mut Inputs) -> RootCertStore {
        let roots = match &self.0 {
            Trusted::System => {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
                roots
            }
            #[cfg(feature = "webpki-roots")]
            Trusted::Webpki => webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect(),
            Trusted::Only(source) => return inputs.authorities(field::AUTHORITIES, source),
        };
        if roots.is_empty() {
            inputs.findings.error(
                field::AUTHORITIES,
                "tls_roots_missing",
                "the operating system has no trusted certificates",
                "install them, or name a ca file",
            );
        }
        roots
    }
}

/// How a client encrypts: which servers it trusts (chain, name, dates, and what else is demanded), its own
/// certificate if it has one, TLS 1.2 and 1.3, no early data (it can be replayed). Cheap to clone; clones
/// share one configuration, also after a reload.
///
/// # Examples
///
/// ```no_run
/// use palisade_security::tls::{ClientTls, PemSource, Roots};
///
/// let tls = ClientTls::builder(Roots::only(PemSource::file("ca.pem")))
///     .with_client_certificate(PemSource::file("client.pem"), PemSource::file("client.key"))
///     .with_spki_pins(["sha256/BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=".parse()?])
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ClientTls(Arc<Shared>);

struct Shared {
    settings: Settings,
    live: Live<Current>,
}

#[derive(Debug)]
struct Settings {
    roots: Roots,
    versions: TlsVersions,
    own: Option<(PemSource, PemSource)>,
    demands: Demands,
    verifies: bool,
    clock: Arc<dyn Clock>,
}

/// What is in force.
struct Current {
    config: Arc<ClientConfig>,
    roots: usize,
    own: Option<Own>,
    crls_expire_at: Option<UnixMillis>,
    warnings: Vec<Finding>,
    digest: [u8; 32],
}

impl Loaded for Current {
    fn digest(&self) -> [u8; 32] {
        self.digest
    }
}

const OWN_FIELDS: OwnFields =
    OwnFields { certificates: field::CLIENT_CERTIFICATE, key: field::CLIENT_KEY };

const FIELDS: DemandFields = DemandFields {
    crls: field::CRLS,
    pins: field::SPKI_PINS,
    max_chain_depth: field::MAX_CHAIN_DEPTH,
};

impl ClientTls {
    /// Starts with the authorities to trust.
    pub fn builder(roots: Roots) -> ClientTlsBuilder {
        ClientTlsBuilder {
            settings: Settings {
                roots,
                versions: TlsVersions::default(),
                own: None,
                demands: Demands::new(),
                verifies: true,
                clock: Arc::new(SystemClock::new()),
            },
        }
    }

    /// Trusts what the operating system trusts.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] if the operating system has no certificates.
    pub fn system_roots() -> Result<Self, TlsConfigError> {
        Self::builder(Roots::system()).build()
    }

    /// Trusts only the authorities in a PEM text.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], if the text has no certificate or one that is malformed.
    pub fn from_ca_pem(authorities: &[u8]) -> Result<Self, TlsConfigError> {
        Self::builder(Roots::only(PemSource::text(authorities))).build()
    }

    /// Trusts only the authorities in a PEM file.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`], which names the file and the fix.
    pub fn from_ca_file(authorities: impl Into<PathBuf>) -> Result<Self, TlsConfigError> {
        Self::builder(Roots::only(PemSource::file(authorities))).build()
    }

    /// The configuration for rustls that is in force now. Ask for every connection: it may be replaced.
    #[must_use]
    pub fn config(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.live.current().config)
    }

    /// Reads authorities, certificate, key and revocation lists again, and puts them in force together for
    /// new connections.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] with all findings. What was in force stays so.
    pub fn reload(&self) -> Result<Reload, TlsConfigError> {
        self.0.live.reload(|| self.0.settings.load())
    }

    /// When the first certificate of the client's own chain ends, if it has one.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.0.live.current().own.as_ref().map(Own::expires_at)
    }

    /// What is wrong, or deserves a look, as of now.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let (current, now) = (self.0.live.current(), self.0.settings.clock.now());
        let mut findings = Findings(current.warnings.clone());
        if let Some(own) = &current.own {
            own.check_dates(field::CLIENT_CERTIFICATE, now, &mut findings);
        }
        check_crl_dates(field::CRLS, current.crls_expire_at, now, &mut findings);
        findings.0
    }

    /// Whether servers are verified. If not, only those on this machine are talked to.
    #[must_use]
    pub fn verifies_servers(&self) -> bool {
        self.0.settings.verifies
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientTls")
            .field("roots", &self.0.live.current().roots)
            .field("roots_from", &self.0.settings.roots)
            .field("versions", &self.0.settings.versions)
            .field("client_certificate", &self.0.settings.own)
            .field("demands", &self.0.settings.demands)
            .field("verifies_servers", &self.0.settings.verifies)
            .finish_non_exhaustive()
    }
}

/// The settings of a [`ClientTls`].
#[derive(Debug)]
#[must_use]
pub struct ClientTlsBuilder {
    settings: Settings,
}

impl ClientTlsBuilder {
    /// Sets the versions of TLS. Default: 1.2 and 1.3.
    pub fn with_versions(mut self, versions: TlsVersions) -> Self {
        self.settings.versions = versions;
        self
    }

    /// Sets the client's own certificate chain (its own first) and key, for servers that ask.
    pub fn with_client_certificate(mut self, certificates: PemSource, key: PemSource) -> Self {
        self.settings.own = Some((certificates, key));
        self
    }

    /// Sets revocation lists. Default: none, and then nobody is revoked. With lists, every certificate of a
    /// chain needs one of its issuer that is not out of date, and sessions are not resumed.
    pub fn with_crls(mut self, crls: impl IntoIterator<Item = PemSource>) -> Self {
        self.settings.demands.crls = Some(crls.into_iter().collect());
        self
    }

    /// Talks only to servers with these keys. Default: any key that a trusted authority vouches for.
    pub fn with_spki_pins(mut self, pins: impl IntoIterator<Item = SpkiPin>) -> Self {
        self.settings.demands.pins = Some(pins.into_iter().collect());
        self
    }

    /// Sets how many certificates a server may send, its own included. Default: 4. Abuse: chains that cost
    /// a client many signature checks.
    pub fn with_max_chain_depth(mut self, max_chain_depth: usize) -> Self {
        self.settings.demands.max_chain_depth = max_chain_depth;
        self
    }

    /// Sets the clock that certificates are checked by. Default: the system's.
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// Opens what weakens security.
    pub const fn dangerous(self) -> DangerousClientTls {
        DangerousClientTls(self)
    }

    /// Reads everything, and checks it.
    ///
    /// # Errors
    ///
    /// [`TlsConfigError`] with all findings, if one is an error.
    pub fn build(self) -> Result<ClientTls, TlsConfigError> {
        let first = self.settings.load()?;
        if !self.settings.verifies {
            let name = "without_server_verification";
            tracing::warn!(name, "security is weakened by dangerous()");
        }
        Ok(ClientTls(Arc::new(Shared { settings: self.settings, live: Live::new(first) })))
    }
}

/// What weakens TLS: see [`ClientTlsBuilder::dangerous`].
#[derive(Debug)]
#[must_use]
pub struct DangerousClientTls(ClientTlsBuilder);

impl DangerousClientTls {
    /// Takes any certificate of a server on this machine (`localhost`, `127.0.0.0/8`, `::1`), for
    /// development; handshakes with other servers still fail. Pins hold.
    pub fn without_server_verification(self) -> ClientTlsBuilder {
        let ClientTlsBuilder { mut settings } = self.0;
        settings.verifies = false;
        ClientTlsBuilder { settings }
    }
}

impl Settings {
    fn load(&self) -> Result<Current, TlsConfigError> {
        let (mut inputs, now) = (Inputs::default(), self.clock.now());
        let provider = inputs.provider();
        let roots = self.roots.load(&mut inputs);
        let (count, roots) = (roots.len(), Arc::new(roots));
        let checks = self.demands.checks(&FIELDS, &mut inputs);
        let crls = self.demands.load_crls(&FIELDS, now, &mut inputs);
        let own = self.own.as_ref().and_then(|(certificates, key)| {
            Own::load(&OWN_FIELDS, certificates, key, provider.as_deref(), &mut inputs)
        });
        let warnings = inputs.findings.0.clone();
        if let Some(own) = &own {
            own.check_dates(field::CLIENT_CERTIFICATE, now, &mut inputs.findings);
        }
        let complete = !inputs.findings.has_error() && self.own.is_some() == own.is_some();
        let (Some(provider), true) = (provider, complete) else { return Err(inputs.fail()) };
        let Some(verifier) = self.verifier(roots, &provider, crls.lists, checks) else {
            inputs.findings.error(
                field::CRLS,
                "tls_crl_invalid",
                "a revocation list cannot be used",
                "export it again: version 2, with its number and a next update",
            );
            return Err(inputs.fail());
        };
        let time = Arc::new(ClockTime(Arc::clone(&self.clock)));
        let Ok(builder) = ClientConfig::builder_with_details(provider, time)
            .with_protocol_versions(self.versions.as_rustls())
        else {
            return Err(inputs.fail());
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match &own {
            Some(own) => {
                let certificate = SingleCertAndKey::from(Arc::clone(&own.certified));
                builder.with_client_cert_resolver(Arc::new(certificate))
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = ALPN.map(Vec::from).into();
        config.enable_early_data = false;
        if crls.expire_at.is_some() {
            config.resumption = Resumption::disabled();
        }
        Ok(Current {
            config: Arc::new(config),
            roots: count,
            own,
            crls_expire_at: crls.expire_at,
            warnings,
            digest: inputs.digest(),
        })
    }

    fn verifier(
        &self,
        roots: Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
        crls: Vec<rustls::pki_types::CertificateRevocationListDer<'static>>,
        checks: Checks,
    ) -> Option<ServerVerifier> {
        let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
            .with_crls(crls)
            .enforce_revocation_expiration()
            .build()
            .ok()?;
        Some(ServerVerifier { inner, checks, verifies: self.verifies })
    }
}
