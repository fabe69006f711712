//! Sessions of the older revisions: whose they are, how many there may be, who listens, and what is left of them.

mod bounds;
mod client;
mod matrix;
mod ownership;
mod resume;
mod streams;
