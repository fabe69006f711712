//! The older revisions, 2024-11-05 to 2025-11-25: what they have that the newest has not, and what the
//! newest looks like to them.
//!
//! Inside, everything speaks the newest revision. At the edge, a session of an older one uses this module:
//! [`negotiate`] and the `initialize` types at its beginning, then [`result_for`], [`error_for`],
//! [`notification_for`] and [`request_for`] for whatever it sends. *What a revision does not know is not sent
//! to it.* Fields that are nobody's, which a handler added, pass.
//!
//! ```
//! use palisade_protocol::{ProtocolVersion, legacy, method};
//!
//! let result = serde_json::from_str(r#"{"resultType":"complete","tools":[],"ttlMs":0}"#)?;
//! let sent = legacy::result_for(ProtocolVersion::V2025_06_18, method::TOOLS_LIST, result);
//! assert_eq!(sent, br#"{"tools":[]}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod capabilities;
mod error;
mod initialize;
mod input;
pub mod method;
mod notification;
mod params;
mod result;
mod shape;

pub use self::{
    capabilities::{
        client_capabilities_for, client_capabilities_from, implementation_for,
        server_capabilities_for, server_capabilities_from,
    },
    error::error_for,
    initialize::{InitializeRequestParams, InitializeResult, negotiate},
    input::{answer_for, request_for},
    notification::notification_for,
    params::{SetLevelRequestParams, SubscribeRequestParams, UnsubscribeRequestParams, params_for},
    result::result_for,
};
pub use crate::jsonrpc::batch;
