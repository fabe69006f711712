//! TLS by rustls: certificates of both sides, whom each trusts, and their replacement at run time. The
//! cryptography is chosen by feature and passed explicitly; the default of the process is neither read nor
//! set.

mod certificate;
mod client;
mod client_certificates;
mod der;
mod error;
mod live;
mod load;
mod pin;
mod server;
mod source;
mod spiffe;
mod verify;

pub use certificate::{CertificateError, PeerCertificate, SubjectName};
pub use client::{ClientTls, ClientTlsBuilder, DangerousClientTls, Roots};
pub use client_certificates::ClientCertificates;
pub use error::TlsConfigError;
pub use live::Reload;
pub use pin::{SpkiPin, SpkiPinError};
pub use server::{ServerTls, ServerTlsBuilder};
pub use source::PemSource;
pub use spiffe::{SpiffeId, SpiffeIdError, TrustDomain};
pub use verify::handshake_code;

use rustls::SupportedProtocolVersion;

/// HTTP/2 first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Which versions of TLS are spoken. Older ones cannot be had, and neither can none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsVersions {
    /// 1.2 and 1.3.
    #[default]
    V1_2AndV1_3,
    /// 1.3 only: names of servers' certificates and of clients are not sent in the clear.
    V1_3Only,
}

impl TlsVersions {
    fn as_rustls(self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: [&SupportedProtocolVersion; 2] =
            [&rustls::version::TLS13, &rustls::version::TLS12];
        static NEWEST: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
        match self {
            Self::V1_2AndV1_3 => &BOTH,
            Self::V1_3Only => &NEWEST,
        }
    }
}
