//! E0599 no method named `without_authentication`: what weakens is behind `dangerous()`.

use palisade_security::{AllowedOrigins, SecurityConfig};

fn main() {
    let builder = SecurityConfig::server().with_allowed_origins(AllowedOrigins::none());
    drop(builder.without_authentication().without_tls().build());
}
