//! What must hold for any input of the parsers that read what strangers write: the bodies of the fuzz
//! targets. Each is a function `check` that panics if something does not hold. A fuzzer calls it with what
//! it makes up, and the test `corpus` with every input that was ever worth keeping.
//!
//! Where it can be, the judge is a second, naive reading of the same input that shares no code with the
//! first one.

pub mod envelope;
pub mod forwarded;
pub mod headers;
pub mod legacy;
pub mod line;
pub mod origin_host;
pub mod raw_config;
pub mod schema;
pub mod sse;
pub mod uri;
