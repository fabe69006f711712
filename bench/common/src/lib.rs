//! What the measured servers share, so that they differ in nothing but the stack under test.

mod announce;
mod options;

pub use announce::announce;
pub use options::{Options, Security};
