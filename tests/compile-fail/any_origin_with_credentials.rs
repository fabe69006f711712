//! E0599 no function or associated item named `everyone`: there is no `*`, with credentials or without.

use palisade_auth::Bearer;
use palisade_security::{AllowedOrigins, Cors, SecurityConfig};

fn main() {
    let builder = SecurityConfig::server()
        .with_allowed_origins(AllowedOrigins::everyone())
        .with_authenticator(Bearer::tokens(["q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT"]))
        .without_tls()
        .with_cors(Cors::new().with_credentials(true));
    drop(builder.build());
}
