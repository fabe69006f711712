//! palisade: transport-http.
