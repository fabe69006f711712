//! E0599 no method named `with_authenticator`: which web pages may talk to the server is not decided.

use palisade_auth::Bearer;
use palisade_security::SecurityConfig;

fn main() {
    let builder = SecurityConfig::server()
        .with_authenticator(Bearer::tokens(["q7VtE2zR9wLx4KpN8sYc3HbJ6mGd5FaT"]))
        .without_tls();
    drop(builder.build());
}
