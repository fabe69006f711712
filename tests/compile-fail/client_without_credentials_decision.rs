//! E0599 no method named `build`: how the client proves who it is is not decided.

use palisade_security::{Origin, SecurityConfig};

fn main() {
    let origin = Origin::parse("https://mcp.example.com").unwrap();
    drop(SecurityConfig::client().with_server(origin).build());
}
