//! E0599 no method named `without_credentials`: which server is talked to is not decided.

use palisade_security::SecurityConfig;

fn main() {
    drop(SecurityConfig::client().without_credentials().build());
}
