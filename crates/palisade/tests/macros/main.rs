//! `#[tool]`, `#[prompt]` and `#[resource]`, seen through the HTTP service that a client talks to.
//!
//! This crate depends on neither serde nor schemars, and fails on pedantic lints, so that neither may be
//! asked of a user.

#![deny(clippy::pedantic, non_camel_case_types, unreachable_pub, unused_qualifications)]
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "helpers of tests may panic")]

mod harness;
mod prompt;
mod resource;
mod tool;
