//! palisade: testkit.
