//! palisade: auth.
