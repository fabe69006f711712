//! How palisade obtains and checks credentials.
//!
//! A verifier is an [`Authenticator`](palisade_security::Authenticator) for a server, a provider a
//! [`CredentialProvider`](palisade_security::CredentialProvider) for a client. Each kind of credential is
//! one module and one feature, and none knows another; [`AnyOf`](palisade_security::AnyOf) and
//! [`AllOf`](palisade_security::AllOf) put them together.
//!
//! # Features
//!
//! | feature | credentials | default |
//! |-|-|-|
//! | `bearer` | fixed tokens in `Authorization: Bearer` | yes |
//! | `api-key` | fixed keys in `X-API-Key`, or a header by choice | yes |
//! | `basic` | user names and passwords in `Authorization: Basic` | no: brings argon2 |
//! | `custom` | several headers of fixed values | yes |
//! | `mtls` | client certificates | no |

#[cfg(feature = "api-key")]
pub mod api_key;
#[cfg(feature = "basic")]
pub mod basic;
#[cfg(feature = "bearer")]
pub mod bearer;
#[cfg(feature = "custom")]
pub mod custom;
#[cfg(any(feature = "api-key", feature = "basic", feature = "bearer", feature = "custom"))]
mod grant;
#[cfg(feature = "mtls")]
pub mod mtls;
#[cfg(any(feature = "api-key", feature = "bearer", feature = "custom"))]
pub mod secrets;

#[cfg(feature = "api-key")]
pub use api_key::{ApiKey, ApiKeyCredential};
#[cfg(feature = "basic")]
pub use basic::{Basic, BasicCredential, BasicHandle, PasswordHash};
#[cfg(feature = "bearer")]
pub use bearer::{Bearer, BearerToken};
#[cfg(feature = "custom")]
pub use custom::{CustomHeaders, CustomHeadersCredential};
#[cfg(feature = "mtls")]
pub use mtls::Mtls;
#[cfg(any(feature = "api-key", feature = "bearer"))]
pub use secrets::{SecretEntry, SecretsHandle};
