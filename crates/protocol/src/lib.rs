//! palisade: protocol.
