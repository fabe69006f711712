//! palisade: macros.
