//! palisade: transport.
