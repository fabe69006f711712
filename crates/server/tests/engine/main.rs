//! The engine, asked as transports ask it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod asker;
mod isolation;
mod legacy;
mod support;
