//! Commands for developers; `cargo xtask` lists them.
fn main() {}
