//! The MCP types of revision 2026-07-28, named as in the specification, one module per area.

#[macro_use]
mod macros;

mod annotations;
mod capabilities;
mod complete;
mod content;
mod discover;
mod elicitation;
mod implementation;
mod input;
mod logging;
pub mod method;
mod notification;
mod ordered;
mod pagination;
mod prompt;
mod resource;
mod result;
mod root;
mod sampling;
mod subscription;
mod task;
mod tool;
mod wire;

pub use annotations::*;
pub use capabilities::*;
pub use complete::*;
pub use content::*;
pub use discover::*;
pub use elicitation::*;
pub use implementation::*;
pub use input::*;
pub use logging::*;
pub use notification::*;
pub use ordered::*;
pub use pagination::*;
pub use prompt::*;
pub use resource::*;
pub use result::*;
pub use root::*;
pub use sampling::*;
pub use subscription::*;
pub use task::*;
pub use tool::*;
