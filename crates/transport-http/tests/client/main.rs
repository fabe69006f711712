//! The client half against servers that do what the test wants.
#![cfg(all(feature = "client", feature = "server", feature = "tls"))]

#[cfg(test)]
mod credentials;
#[cfg(test)]
mod legacy_sse;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod session;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod trust;
