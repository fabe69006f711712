//! [`ClientCertificates`]: which clients a server lets shake hands.

use std::sync::Arc;

use rustls::{
    crypto::CryptoProvider,
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
};

use super::{
    error::field,
    load::{DemandFields, Demands, Inputs},
    pin::SpkiPin,
    source::PemSource,
    verify::ClientVerifier,
};
use crate::clock::UnixMillis;

/// Which certificates of clients a server accepts. Whoever has one that is not accepted gets no further than
/// the handshake; who an accepted one belongs to, and what it may do, is decided per request.
///
/// The authorities are always named: one that the whole world trusts gives certificates to the whole world.
#[derive(Clone, Debug)]
pub struct ClientCertificates {
    roots: PemSource,
    required: bool,
    demands: Demands,
}

const FIELDS: DemandFields = DemandFields {
    crls: field::CLIENT_CRLS,
    pins: field::CLIENT_SPKI_PINS,
    max_chain_depth: field::CLIENT_MAX_CHAIN_DEPTH,
};

impl ClientCertificates {
    /// Clients must have a certificate of these authorities.
    #[must_use]
    pub const fn required(roots: PemSource) -> Self {
        Self { roots, required: true, demands: Demands::new() }
    }

    /// Clients may have a certificate of these authorities, and may have none: for a server that knows other
    /// credentials too. A certificate that is not accepted is refused, not ignored.
    #[must_use]
    pub const fn optional(roots: PemSource) -> Self {
        Self { roots, required: false, demands: Demands::new() }
    }

    /// Sets the revocation lists. Default: none, and then nobody is revoked. With lists, every certificate
    /// of a chain needs one of its issuer that is not out of date; without it, the client is refused.
    #[must_use]
    pub fn with_crls(mut self, crls: impl IntoIterator<Item = PemSource>) -> Self {
        self.demands.crls = Some(crls.into_iter().collect());
        self
    }

    /// Lets only clients with these keys in. Default: any key that an authority vouches for.
    #[must_use]
    pub fn with_spki_pins(mut self, pins: impl IntoIterator<Item = SpkiPin>) -> Self {
        self.demands.pins = Some(pins.into_iter().collect());
        self
    }

    /// Sets how many certificates a client may send, its own included. Default: 4. Abuse: chains that cost
    /// a server many signature checks.
    #[must_use]
    pub const fn with_max_chain_depth(mut self, max_chain_depth: usize) -> Self {
        self.demands.max_chain_depth = max_chain_depth;
        self
    }

    /// Everything that is read.
    pub(super) fn sources(&self) -> impl Iterator<Item = &PemSource> {
        std::iter::once(&self.roots).chain(self.demands.crls.iter().flatten())
    }

    /// A verifier, and when its revocation lists are out of date. None if there is a finding.
    pub(super) fn load(
        &self,
        provider: Option<&Arc<CryptoProvider>>,
        now: UnixMillis,
        inputs: &mut Inputs,
    ) -> Option<(Arc<dyn ClientCertVerifier>, Option<UnixMillis>)> {
        let roots = inputs.authorities(field::CLIENT_AUTHORITIES, &self.roots);
        let checks = self.demands.checks(&FIELDS, inputs);
        let crls = self.demands.load_crls(&FIELDS, now, inputs);
        if inputs.findings.has_error() {
            return None;
        }
        let mut builder =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider?))
                .with_crls(crls.lists)
                .enforce_revocation_expiration();
        if !self.required {
            builder = builder.allow_unauthenticated();
        }
        match builder.build() {
            Ok(inner) => Some((Arc::new(ClientVerifier { inner, checks }), crls.expire_at)),
            Err(_) => {
                inputs.findings.error(
                    field::CLIENT_CRLS,
                    "tls_crl_invalid",
                    "a revocation list cannot be used",
                    "export it again: version 2, with its number and a next update",
                );
                None
            }
        }
    }
}
