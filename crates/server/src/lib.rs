//! palisade: server.
