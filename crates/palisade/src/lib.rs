//! palisade: palisade.
