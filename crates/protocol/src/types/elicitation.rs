//! Elicitation: a server asks the user, with a form or at a URL.

mod enum_schema;
mod format;
mod params;
mod primitive;
mod schema;
mod secret;
mod validate;

pub use self::{enum_schema::*, format::*, params::*, primitive::*, schema::*, validate::*};
