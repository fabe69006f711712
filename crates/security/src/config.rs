//! Configuration: required decisions are states of a builder, optional knobs have safe defaults, and
//! building reports every finding at once.

mod builder;
mod client;
mod edge;
mod finding;
mod server;

pub use builder::{Dangerous, Ready, ServerConfigBuilder, WantsAuthn, WantsOrigins, WantsTls};
pub use client::{
    ClientConfigBuilder, ClientLimits, ClientReady, ClientSecurity, WantsCredentials, WantsServer,
};
pub use finding::{Finding, SecurityConfigError, Severity};
pub use server::ServerSecurity;

/// Where a security configuration starts.
///
/// # Examples
///
/// ```
/// # #[cfg(any(feature = "aws-lc-rs", feature = "ring"))] {
/// use palisade_security::{AllowedOrigins, SecurityConfig};
///
/// // For a development server on this machine. Weakening is searchable: `dangerous()`.
/// let security = SecurityConfig::server()
///     .with_allowed_origins(AllowedOrigins::loopback())
///     .dangerous()
///     .without_authentication()
///     .without_tls()
///     .build()
///     .unwrap();
/// assert!(security.check_bind("127.0.0.1:0".parse().unwrap()).is_ok());
/// assert!(security.check_bind("0.0.0.0:80".parse().unwrap()).is_err());
/// # }
/// ```
///
/// Leaving a decision out does not compile:
///
/// ```compile_fail
/// # use palisade_security::{AllowedOrigins, SecurityConfig};
/// SecurityConfig::server().with_allowed_origins(AllowedOrigins::none()).without_tls().build();
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SecurityConfig;

impl SecurityConfig {
    /// Starts the configuration of a server.
    pub const fn server() -> ServerConfigBuilder<WantsOrigins> {
        ServerConfigBuilder::new()
    }

    /// Starts the configuration of a server that is reached over standard input and output, or Unix sockets,
    /// and nowhere else. There is nothing to decide: no web page can reach it, nothing leaves the machine, and
    /// who asks is what the operating system says. An HTTP server with this configuration refuses everyone.
    pub fn stdio() -> ServerConfigBuilder<Ready> {
        ServerConfigBuilder::stdio()
    }

    /// Starts the configuration of a client.
    ///
    /// ```
    /// use palisade_security::{Origin, SecurityConfig};
    ///
    /// let security = SecurityConfig::client()
    ///     .with_server(Origin::parse("https://mcp.example.com")?)
    ///     .without_credentials()
    ///     .build();
    /// assert!(security.is_ok());
    /// # Ok::<(), palisade_security::OriginError>(())
    /// ```
    pub const fn client() -> ClientConfigBuilder<WantsServer> {
        ClientConfigBuilder::new()
    }
}
