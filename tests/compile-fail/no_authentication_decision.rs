//! E0599 no method named `without_tls`: how callers prove who they are is not decided.

use palisade_security::{AllowedOrigins, SecurityConfig};

fn main() {
    let builder =
        SecurityConfig::server().with_allowed_origins(AllowedOrigins::none()).without_tls();
    drop(builder.build());
}
