//! palisade: client.
