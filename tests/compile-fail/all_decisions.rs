//! compiles: every decision is made.

use palisade_auth::Bearer;
use palisade_security::{AllowedOrigins, SecurityConfig};

fn main() {
    let builder = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::none())
        .with_authenticator(Bearer::tokens(["q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT"]))
        .without_tls();
    drop(builder.build());
}
