//! How palisade obtains and checks credentials.
//!
//! A verifier is an [`Authenticator`](palisade_security::Authenticator) for a server, a provider a
//! [`CredentialProvider`](palisade_security::CredentialProvider) for a client. Each kind of credential is
//! one module and one feature, and none knows another.
//!
//! # Features
//!
//! `bearer` (default): fixed tokens in `Authorization: Bearer`.

#[cfg(feature = "bearer")]
pub mod bearer;

#[cfg(feature = "bearer")]
pub use bearer::{Bearer, BearerToken};
