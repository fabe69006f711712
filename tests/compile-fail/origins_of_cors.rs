//! E0599 no method named `with_allowed_origins`: CORS has no list of origins of its own that could be wider.

use palisade_security::Cors;

fn main() {
    drop(Cors::new().with_credentials(true).with_allowed_origins("*"));
}
