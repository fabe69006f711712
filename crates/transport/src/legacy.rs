//! Sessions of the older revisions, 2024-11-05 to 2025-11-25, as every transport serves them.
//!
//! The engine speaks the newest revision only. A [`Session`] stands between it and one client of an older
//! revision: it keeps what that client said once, in `initialize`, where the newest revision says it in every
//! request, and it translates what goes out. A transport finds the session of a message, decides over
//! it as over any other, and asks the session instead of the [`Dispatcher`](crate::Dispatcher).

mod questions;
mod running;
mod session;
mod slot;
mod watch;

pub use self::session::{Opened, Session};
