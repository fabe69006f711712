//! What the tests of several crates share: hostile peers on raw sockets, a throw-away PKI, counters for allocations and
//! spawned tasks, canary secrets, and a guard against hanging. Nothing here is published or used outside tests, and
//! helpers report a broken expectation by panicking.
//!
//! | module | for |
//! |---|---|
//! | [`raw`] | speaking HTTP/1.1 to a server byte by byte, valid or not |
//! | [`scripted`] | an HTTP server that answers a client whatever the test wants |
//! | [`sse`] | reading Server-Sent Events |
//! | [`pki`] | certificates: right, expired, from the wrong authority |
//! | [`alloc`](mod@alloc), [`spawns`] | budgets that are counted, not timed |
//! | [`canary`] | secrets that must not appear in any output |
//! | [`guard`] | nothing waits for ever |

pub mod alloc;
pub mod canary;
pub mod guard;
pub mod pki;
pub mod raw;
pub mod scripted;
pub mod spawns;
pub mod sse;

pub use canary::{Canary, CapturedLogs};
pub use guard::within;
pub use pki::TestCa;
pub use raw::{RawConnection, RawPeer, RawRequest, RawResponse};
pub use scripted::{Feed, Received, Reply, ScriptedServer};
