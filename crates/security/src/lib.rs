//! palisade: security.
